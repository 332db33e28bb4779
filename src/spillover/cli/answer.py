"""How a command answers: in tables, as one JSON document, or by its status alone."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import wraps
from typing import Annotated, Any

import typer

from spillover.terminal import say
from spillover.terminal.console import err, out

Quiet = Annotated[
    bool, typer.Option("--quiet", "-q", help="Say nothing but what went wrong.")
]
Json = Annotated[
    bool, typer.Option("--json", help="Answer in one JSON document on stdout.")
]


@dataclass(frozen=True)
class Answer:
    """What a command found.

    Attributes:
        document: what `--json` prints; data frames become lists of rows.
        status: that the command ends with.
    """

    document: Mapping[str, Any]
    status: int = 0


def answering(command: Callable[..., Answer]) -> Callable[..., None]:
    """The command with the options `--quiet` and `--json`.

    Both silence the tables; `--quiet` silences the progress on stderr as well. Errors
    are raised, and so are told after all.
    """
    signature = inspect.signature(command, eval_str=True)

    @wraps(command)
    def answer(*, quiet: bool, json: bool, **options: Any) -> None:
        out.quiet, err.quiet = quiet or json, quiet
        try:
            found = command(**options)
        finally:
            out.quiet = err.quiet = False
        if json:
            say(as_json(found.document))
        if found.status:
            raise typer.Exit(found.status)

    parameters = list(signature.parameters.values())
    for name, of in (("quiet", Quiet), ("json", Json)):
        option = inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY)
        parameters.append(option.replace(default=False, annotation=of))
    signature = signature.replace(parameters=parameters)
    answer.__signature__ = signature  # type: ignore[attr-defined]
    return answer


def as_json(document: Mapping[str, Any]) -> str:
    """A document as JSON, in which a number that is none, as NaN, is null.

    In ASCII, whose escapes no terminal and no encoding changes.
    """
    from pydantic_core import to_json

    text = to_json(
        document, inf_nan_mode="null", fallback=_plain, indent=2, ensure_ascii=True
    )
    return text.decode().replace("\x7f", "\\u007f")


def _plain(value: Any) -> Any:
    import numpy as np
    import pandas as pd

    if isinstance(value, pd.DataFrame):
        return value.to_dict("records")
    if isinstance(value, np.generic):
        return value.item()
    if value is pd.NA:
        return None
    raise TypeError(f"{type(value).__name__} has no form in JSON")
