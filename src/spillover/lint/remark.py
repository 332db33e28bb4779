"""What a check says, and what most checks share: samples, lists, levels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from spillover.data.items import rank
from spillover.languages import LANGUAGES
from spillover.pipeline.inputs import Inputs
from spillover.study import Study

Level = Literal["error", "warning", "note"]

LOOKED_AT = 500
"""Checks that take long look at so many items of a language, the first by SHA-256 of
their id: the same items in all languages, whatever the order of the files."""

LENGTH = 80
"""The most characters of a text that a remark quotes."""


@dataclass(frozen=True, slots=True)
class Remark:
    """One finding about what a study reads.

    Attributes:
        level: `error`: a number of the study would not mean what it claims; `warning`:
            it should be read with this in mind; `note`: good to know.
        check: the check that found it.
        where: `task NAME` or `corpus NAME`.
        language: code of the language; None: not about one alone.
        message: one sentence with the numbers and the rule.
        count: how many of `n` it is about.
        n: how many were looked at.
        example: an item's id or a short text; None where none is needed.
    """

    level: Level
    check: str
    where: str
    language: str | None
    message: str
    count: int
    n: int
    example: str | None = None


Check = Callable[[Study, Inputs, Any], Iterator[Remark]]
"""A check: the study, what it reads and the model's tokenizer, to what it finds."""


def graded(
    share: float, *, note: float = 2, warning: float = 2, error: float = 2
) -> Level | None:
    """The level of a share, by the least share for each; 2 is never reached."""
    for level, least in (("error", error), ("warning", warning), ("note", note)):
        if share >= least:
            return level  # type: ignore[return-value]
    return None


def first(ids: Sequence[str], n: int = LOOKED_AT) -> list[int]:
    """The places of the first `n` ids by their SHA-256, in that order."""
    return sorted(range(len(ids)), key=lambda place: rank(ids[place], 0))[:n]


def name(code: str) -> str:
    """A language's English name."""
    return LANGUAGES[code].name


def listed(counts: Mapping[str, object] | Iterable[tuple[str, object]]) -> str:
    """`en 12, fr 7`; numbers with separators for thousands."""
    pairs = counts.items() if isinstance(counts, Mapping) else counts
    return ", ".join(
        f"{key} {value:,}" if isinstance(value, int) else f"{key} {value}"
        for key, value in pairs
    )


def shown(text: str) -> str:
    """A text on one line, shortened."""
    line = " ".join(text.split())
    return line if len(line) <= LENGTH else line[: LENGTH - 1] + "…"
