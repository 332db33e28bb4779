"""Every error that spillover raises on purpose.

    SpilloverError
    ├── StudyError     a study asks for what does not exist or cannot be
    ├── DataError      a file or a Hub data set is missing, truncated or wrong
    ├── ModelError     a model or an adapter cannot be loaded or is damaged
    ├── OutputError    a result cannot be written
    └── Faults         several of these, reported together

Each carries one sentence: what is wrong, where, what was expected, what to do.
The command line prints it and exits with status 2; no traceback is shown.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from difflib import get_close_matches


class SpilloverError(Exception):
    """An error that its reader can mend.

    Args:
        what: what is wrong, naming the offending value.
        where: file, line or key.
        expected: what would have been right.
        fix: what to do now.
    """

    def __init__(
        self,
        what: str,
        *,
        where: object = None,
        expected: str | None = None,
        fix: str | None = None,
    ) -> None:
        self.what, self.where, self.expected, self.fix = what, where, expected, fix
        message = what if where is None else f"{where}: {what}"
        if expected is not None:
            message += f"; expected {expected}"
        if fix is not None:
            message += f"; {fix}"
        super().__init__(message + ".")


class StudyError(SpilloverError):
    """A study asks for what does not exist or cannot be."""


class DataError(SpilloverError):
    """A file or a Hub data set is missing, truncated or wrong."""


class ModelError(SpilloverError):
    """A model or an adapter cannot be loaded, is damaged or does nothing."""


class OutputError(SpilloverError):
    """A result cannot be written."""


class Faults(SpilloverError):
    """Several errors, reported together.

    Attributes:
        errors: the errors, in the order in which they were found; of two that say the
            same, as of two data sets of one file, one.
    """

    def __init__(self, errors: Sequence[SpilloverError]) -> None:
        self.errors = tuple({str(error): error for error in errors}.values())
        self.what = "\n".join(map(str, self.errors))
        self.where = self.expected = self.fix = None
        Exception.__init__(self, self.what)


@contextmanager
def collecting(errors: list[SpilloverError]) -> Iterator[None]:
    """Keep an error in the list instead of raising it."""
    try:
        yield
    except Faults as faults:
        errors += faults.errors
    except SpilloverError as error:
        errors.append(error)
    except OSError as error:  # a folder that may not be entered
        errors.append(DataError(str(error)))


@contextmanager
def placed(place: str) -> Iterator[None]:
    """Say of an error in which part of the study it is."""
    try:
        yield
    except SpilloverError as error:
        where = place if error.where is None else f"{place}: {error.where}"
        raise type(error)(
            error.what, where=where, expected=error.expected, fix=error.fix
        ) from error


def first_line(error: BaseException) -> str:
    """The first line of what an error says; where it says nothing, its type's name."""
    return (str(error).strip() or type(error).__name__).splitlines()[0]


def network_error() -> type[Exception]:
    """The root of what the HTTP library under the Hub's client raises."""
    from huggingface_hub.errors import HfHubHTTPError

    root: type[Exception] = HfHubHTTPError.__bases__[0]
    return root


def _plain(name: str) -> str:
    return name.casefold().replace("-", "").replace("_", "")


def unknown(
    kind: str,
    value: str,
    known: Iterable[str],
    *,
    where: str | None = None,
    listing: str | None = None,
) -> StudyError:
    """The error for a name that is not among `known`, with the nearest spelling."""
    names = sorted(known)
    # Each by its spelling, and by what else it is called: of languages their names.
    spelled = {_plain(name): name for name in names}
    if isinstance(known, Mapping):
        called = {_plain(getattr(known[n], "name", n)): n for n in names}
        spelled = called | spelled
    near = get_close_matches(_plain(value), spelled, n=1)
    fix = f"did you mean {spelled[near[0]]!r}" if near else f"known: {', '.join(names)}"
    if listing:
        fix += f" ({listing!r} lists them)"
    return StudyError(f"unknown {kind} {value!r}", where=where, fix=fix)
