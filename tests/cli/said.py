"""What a command left behind, and how the tests call one."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any


class Said(NamedTuple):
    """What a command left behind."""

    code: int
    out: str
    err: str


Spillover = Callable[..., Said]


def options(tiny: TinyStudy, out: Path | None = None) -> list[object]:
    return ["--data-root", tiny.data, "--out", out or tiny.out, "--device", "cpu"]


def document(told: Said, status: int = 0) -> dict[str, Any]:
    """What `--json` printed; NaN and Infinity are no JSON, though Python takes them."""

    def refuse(constant: str) -> None:
        raise AssertionError(f"{constant} in JSON")

    assert told.code == status, told.err
    found = json.loads(told.out, parse_constant=refuse)
    assert isinstance(found, dict)
    return found
