"""How far a run has got: a view that is redrawn on a terminal, else a line a step."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from datetime import timedelta
from threading import Lock
from typing import TYPE_CHECKING

from rich.console import Console, ConsoleOptions, RenderResult
from rich.control import Control
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.segment import ControlType, Segment
from rich.text import Text

from spillover.pipeline.watcher import Watcher
from spillover.terminal.console import WIDTH, err, out

if TYPE_CHECKING:
    from spillover.lint.remark import Remark
    from spillover.pipeline.clock import Clock
    from spillover.pipeline.plan import Step

Row = tuple[float | None, str, str]
"""A line of the view: the share that its bar shows, if it has one; text; style."""

BESIDE = 40
"""Columns that are kept for the text beside a bar."""

EVERY = 20.0
"""Seconds between two lines about one step, where there is no terminal."""


class Progress(Watcher):
    """Watches a run, and tells of it on stderr.

    Args:
        clock: of the steps that have to run.
        name: of the study.
        reused: how many of its steps were done before.
    """

    def __init__(self, clock: Clock, name: str, reused: int) -> None:
        self.clock, self.name, self.reused = clock, name, reused
        self.total = len(clock.todo) + reused
        self.step: Step | None = None
        self.beside = "looks at the data"  # what is done while no step runs
        self.ended: list[str] = []
        self.spoken = clock.now()
        self.lengths: list[int] = []  # of the lines that the view has on the screen
        self.lock = Lock()  # a thread of its own draws the view
        self.live: Live | None = None
        self.open = ExitStack()

    def __enter__(self) -> Progress:  # noqa: D105
        err.print(f"{self.name}: {self.total} steps, {self.reused} done already")
        if err.is_interactive and not err.quiet:
            self.live = Live(
                self, console=err, transient=True, redirect_stdout=out.is_terminal
            )
            self.open.enter_context(_logs_go_to(self.live))
        return self

    def __exit__(self, *exc: object) -> None:  # noqa: D105
        self.open.close()
        if self.clock.done:
            spent = timedelta(seconds=round(self.clock.elapsed))
            err.print(f"{self.clock.done} of {len(self.clock.todo)} steps in {spent}")

    def remarked(self, remarks: Sequence[Remark]) -> None:
        """The linter has looked at the study's data."""
        self.beside = "loads the model" if self.clock.todo else "writes the results"
        serious = [remark for remark in remarks if remark.level != "note"]
        if serious:
            number = "1 doubt" if len(serious) == 1 else f"{len(serious)} doubts"
            err.print(f"{number} about the data ('spillover lint'), as:")
            err.print(f"  {serious[0].level}, {serious[0].where}: {serious[0].message}")

    def started(self, step: Step) -> None:
        """A step has begun."""
        with self.lock:
            self.step = step
            self.clock.start(step)
        self.spoken = self.clock.now()

    def waiting(self, step: Step) -> None:
        """Nothing is left but what other runs are making."""
        with self.lock:
            self.beside = f"waits for another run: {step.label}"
        if self.live is None:
            self._say(f"      {self.beside}")

    def advanced(self, share: float, items: float, tokens: int) -> None:
        """The step that runs has done this share of its work."""
        with self.lock:
            self.clock.advance(share, items, tokens)
        if self.live is None and self.clock.now() - self.spoken > EVERY and self.step:
            told = [f"{share:.0%}", *self._speed(), _left(self.clock.left())]
            self._say(f"      {self.step.label} {', '.join(told)}")

    def finished(self, step: Step, seconds: float) -> None:
        """A step is done."""
        with self.lock:
            self.step, self.beside = None, "writes the results"
            self.clock.finish()
            self.ended.insert(0, f"{_duration(seconds):>8}  {step.label}")
        if self.live is None:
            count = f"[{self.reused + self.clock.done}/{self.total}]"
            ended = self.clock.done == len(self.clock.todo)
            ahead = self.beside if ended else _left(self.clock.left())
            told = [f"{seconds:.0f} s", *self._speed(), ahead]
            self._say(f"{count} {step.label}: {', '.join(told)}")

    def _say(self, line: str) -> None:
        self.spoken = self.clock.now()
        err.print(line)

    def __rich_console__(
        self, console: Console, options: ConsoleOptions
    ) -> RenderResult:
        """The view, in no more columns and lines than the terminal has now."""
        # A terminal that was made narrower has broken the lines to be drawn over.
        broken = sum(length // options.max_width for length in self.lengths)
        over = ((ControlType.CURSOR_UP, 1), (ControlType.ERASE_IN_LINE, 2)) * broken
        if over:
            yield Control(*over)
        width = min(options.max_width - 1, WIDTH)
        bar = max(0, width - BESIDE)
        with self.lock:
            rows = self._rows()[: console.height - 1]
        self.lengths = []
        for share, line, style in rows:
            text, before = Text(line, style=style), 0
            if share is not None and bar:
                yield ProgressBar(1, share, bar, complete_style="cyan", style="dim")
                yield Segment("  ")
                before = bar + 2
            text.truncate(width - before, overflow="ellipsis")
            self.lengths.append(before + text.cell_len)
            yield text

    def _rows(self) -> list[Row]:
        clock, done = self.clock, self.reused + self.clock.done
        title = f"{self.name}: {done} of {self.total} steps done"
        if self.reused:
            title += f", {self.reused} of them before"
        spent = str(timedelta(seconds=int(clock.elapsed)))
        if done < self.total:
            spent += f", {_left(clock.left())}"
        whole = (done + clock.share) / self.total
        rows: list[Row] = [
            (None, title, "bold"),
            (whole, spent, ""),
            (None, self.step.label if self.step else self.beside, "bold"),
        ]
        if self.step:
            speed = ", ".join(self._speed()) or "no batch done yet"
            state = f"{clock.share:.0%}, {_left(clock.left_of_step())}"
            rows += [(clock.share, state, ""), (None, f"  {speed}", "")]
        return rows + [(None, line, "dim") for line in self.ended[:5]]

    def _speed(self) -> list[str]:
        """Items and tokens a second, where they are known."""
        units = zip(self.clock.speed or (), ("items", "tokens"), strict=False)
        return [f"{_count(each)} {unit}/s" for each, unit in units if each]


@contextmanager
def _logs_go_to(live: Live) -> Iterator[None]:
    """While the view is shown, log handlers write above it as `print` does."""
    loggers = [logging.root, *logging.root.manager.loggerDict.values()]
    plain = sys.stderr
    with live:
        handlers = [
            handler
            for logger in loggers
            if isinstance(logger, logging.Logger)
            for handler in logger.handlers
            # Some look up sys.stderr each time; these have followed by themselves.
            if isinstance(handler, logging.StreamHandler) and handler.stream is plain
        ]
        for handler in handlers:
            handler.setStream(sys.stderr)
        try:
            yield
        finally:
            for handler in handlers:
                handler.setStream(plain)


def _count(number: float) -> str:
    return f"{number:,.0f}" if number >= 10 else f"{number:.1f}"


def _left(seconds: float | None) -> str:
    if seconds is None:
        return "time left unknown yet"
    return f"about {_duration(seconds)} left"


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 90 * 60:
        return f"{seconds / 60:.0f} min"
    return f"{seconds // 3600:.0f} h {seconds % 3600 // 60:.0f} min"
