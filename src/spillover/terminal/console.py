"""The two streams that a command writes to."""

from __future__ import annotations

import os
from collections.abc import Iterable
from typing import Any

from rich.console import Console, ConsoleOptions, RenderableType
from rich.segment import Segment
from rich.table import Table

WIDTH = 80
"""The most columns that are used, however wide the terminal is."""

NOBODY_READS = 141
"""The status of a program that SIGPIPE ended, as a shell tells it."""


_CONTROLS = {*range(0x20), *range(0x7F, 0xA0)} - {*b"\t\n\r"}
_DIRECTIONS = {*range(0x202A, 0x202F), *range(0x2066, 0x206A)}
SHOWN = {code: f"\\x{code:02x}" for code in _CONTROLS}
SHOWN |= {code: f"\\u{code:04x}" for code in _DIRECTIONS}


def without_controls(text: str) -> str:
    """A text with the code of each control character in its place."""
    return text.translate(SHOWN)


class Lines(Table):
    """A table that knows how wide a cell is once its control characters are codes."""

    def add_row(self, *cells: RenderableType | None, **options: Any) -> None:
        """As rich does."""
        shown = (without_controls(c) if isinstance(c, str) else c for c in cells)
        super().add_row(*shown, **options)


class Stream(Console):
    """A console that ends quietly once nobody reads it any more, as before `| head`."""

    def render(
        self, renderable: RenderableType, options: ConsoleOptions | None = None
    ) -> Iterable[Segment]:
        """As rich does, with control characters of a text shown by their code.

        A name or an example from a file could else move the cursor, rename the window,
        fill the clipboard or turn the direction of writing.
        """
        for text, style, control in super().render(renderable, options):
            shown = text if control else without_controls(text)
            yield Segment(shown, style, control)

    def on_broken_pipe(self) -> None:
        """End; what Python still has to write at exit goes nowhere."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
        raise SystemExit(NOBODY_READS)


if not os.environ.get("COLUMNS", "1").strip("0"):  # rich would print nothing at all
    del os.environ["COLUMNS"]

# Texts are shown as they are: a user's "[red]" or ":cat:" is no markup.
out = Stream(markup=False, emoji=False, highlight=False)
err = Stream(markup=False, emoji=False, highlight=False, stderr=True, soft_wrap=True)
