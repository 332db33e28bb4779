"""The two streams that a command writes to."""

from __future__ import annotations

import os

from rich.console import Console

WIDTH = 80
"""The most columns that are used, however wide the terminal is."""

NOBODY_READS = 141
"""The status of a program that SIGPIPE ended, as a shell tells it."""


class Stream(Console):
    """A console that ends quietly once nobody reads it any more, as before `| head`."""

    def on_broken_pipe(self) -> None:
        """End; what Python still has to write at exit goes nowhere."""
        os.dup2(os.open(os.devnull, os.O_WRONLY), self.file.fileno())
        raise SystemExit(NOBODY_READS)


# Texts are shown as they are: a user's "[red]" or ":cat:" is no markup.
out = Stream(markup=False, emoji=False, highlight=False)
err = Stream(markup=False, emoji=False, highlight=False, stderr=True, soft_wrap=True)
