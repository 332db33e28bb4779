"""What the terminal shows: tables within 80 columns, and how far a run has got."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table
from rich.text import Text

from spillover.report.panel import Panel, terminal

if TYPE_CHECKING:
    from spillover.analysis.findings import Verdict
    from spillover.lint.remark import Remark
    from spillover.pipeline.clock import Clock
    from spillover.pipeline.plan import Step
    from spillover.studies import Prepared

# Texts are shown as they are: a user's "[red]" or ":cat:" is no markup.
out = Console(markup=False, emoji=False, highlight=False)
err = Console(markup=False, emoji=False, highlight=False, stderr=True, soft_wrap=True)

WIDTH = 80


def show_panels(panels: Sequence[Panel]) -> None:
    """Tables of numbers, each in as many parts as the width asks for."""
    for panel in panels:
        for part in terminal(panel, width=min(out.width, WIDTH)):
            out.print(part)


def show_findings(verdicts: Sequence[Verdict]) -> None:
    """Each claim with its verdicts, and the rule that decided."""
    claims: dict[tuple[str, str], list[Verdict]] = {}
    for verdict in verdicts:
        claims.setdefault((verdict.claim, verdict.rule), []).append(verdict)
    width = min(out.width, WIDTH)
    for (claim, rule), members in claims.items():
        out.print(Text(claim, style="bold"), width=width)
        for verdict in members:
            out.print(Text(f"  {verdict.decision}: {verdict.sentence}"), width=width)
        out.print(Text(f"  ({rule})\n", style="dim"), width=width)


def show_remarks(remarks: Sequence[Remark]) -> None:
    """What the linter found, worst first."""
    lines = table("", "where", "remark")
    for remark in remarks:
        text = remark.message
        if remark.example is not None:
            text += f" First: {remark.example}"
        lines.add_row(remark.level, remark.where, Text(text))
    out.print(lines, width=min(out.width, WIDTH))
    counts = [
        f"{sum(remark.level == level for remark in remarks)} {level}s"
        for level in ("error", "warning", "note")
    ]
    say(", ".join(counts))


def show_plan(prepared: Prepared) -> None:
    """The steps of a study, and which of them are done."""
    lines = table("", "step", "items", "state")
    for number, step in enumerate(prepared.steps, start=1):
        if prepared.store.finished(step.spec):
            state = "done"
        else:
            misfit = prepared.store.misfit(step.spec)
            state = "to do" if misfit is None else f"again: {', '.join(misfit)}"
        lines.add_row(str(number), step.label, str(step.items), state)
    out.print(lines)


class Progress:
    """One line a step, and on a terminal a line that tells what is going on."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.status = err.status("") if err.is_terminal else None
        self.spoken = time.monotonic()
        self.step: Step | None = None

    def __enter__(self) -> Progress:  # noqa: D105
        if self.status:
            self.status.start()
        return self

    def __exit__(self, *exc: object) -> None:  # noqa: D105
        if self.status:
            self.status.stop()

    def remarked(self, remarks: Sequence[Remark]) -> None:
        """The linter has looked at the study's data."""
        serious = [remark for remark in remarks if remark.level != "note"]
        if serious:
            number = "1 doubt" if len(serious) == 1 else f"{len(serious)} doubts"
            err.print(f"{number} about the data ('spillover lint'), as:")
            err.print(f"  {serious[0].level}, {serious[0].where}: {serious[0].message}")

    def started(self, step: Step) -> None:
        """A step has begun."""
        self.step = step
        self.clock.start()
        self._tell()

    def advanced(self, share: float) -> None:
        """The step that runs has done this share of its work."""
        self.clock.advance(share)
        self._tell()

    def finished(self, step: Step, seconds: float) -> None:
        """A step is done."""
        self.clock.finish()
        left = self._left()
        count = f"[{self.clock.done}/{len(self.clock.todo)}]"
        err.print(f"{count} {step.label}: {seconds:.0f} s{left}")

    def _tell(self) -> None:
        if self.step is None:
            return
        text = f"{self.step.label} {self.clock.share:.0%}{self._left()}"
        if self.status:
            self.status.update(Text(text))
        elif time.monotonic() - self.spoken > 20:  # a log file, not a terminal
            self.spoken = time.monotonic()
            err.print(f"      {text}")

    def _left(self) -> str:
        seconds = self.clock.left()
        if seconds is None:
            return ", time left unknown yet"
        if seconds < 90:
            return f", about {seconds:.0f} s left"
        return f", about {seconds / 60:.0f} min left"


def table(*columns: str) -> Table:
    """An empty table with these columns."""
    lines = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        lines.add_column(column, overflow="fold")
    return lines


def language_list(languages: tuple[str, ...]) -> str:
    """Codes of languages; of many, the first and their number."""
    if len(languages) <= 8:
        return " ".join(languages)
    return f"{' '.join(languages[:7])} … ({len(languages)})"


def say(text: str) -> None:
    """One line of text, not wrapped."""
    out.print(text, soft_wrap=True)  # a path must not be broken
