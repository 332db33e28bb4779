"""What the terminal shows: tables within 80 columns, and how far a run has got."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from spillover.report.panel import Panel, terminal
from spillover.terminal.console import WIDTH, Lines, out

if TYPE_CHECKING:
    from spillover.analysis.verdict import Verdict
    from spillover.doctor import Check
    from spillover.lint.remark import Remark


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
        lines.add_row(remark.level, remark.where, text)
    show_table(lines)
    counts = [
        f"{sum(remark.level == level for remark in remarks)} {level}s"
        for level in ("error", "warning", "note")
    ]
    say(", ".join(counts))


def show_plan(steps: Sequence[Mapping[str, Any]]) -> None:
    """The steps of a study, and which of them are done, as `cli.study` lists them."""
    lines = table("", "step", "items", "state")
    for number, step in enumerate(steps, start=1):
        state = step["state"]
        if step["differs"]:
            state += f": {', '.join(step['differs'])}"
        lines.add_row(str(number), step["step"], str(step["items"]), state)
    show_table(lines)


def show_checks(checks: Sequence[Check]) -> None:
    """What a run needs: whether it is there, and what to do if it is not."""
    marks = {
        "ok": Text("✓ ok", style="green"),
        "warning": Text("! warning", style="yellow"),
        "missing": Text("✗ missing", style="bold red"),
    }
    lines = table("", "what", "found")
    for check in checks:
        lines.add_row(marks[check.state], check.name, check.found)
        if check.fix:
            lines.add_row("", "", f"→ {check.fix}")
    show_table(lines)
    lacking = sum(check.state == "missing" for check in checks)
    say(
        "A run can start, as far as can be seen."
        if not lacking
        else f"A run cannot start: {lacking} missing."
    )


def show_table(lines: Table) -> None:
    """A table, no wider than 80 columns."""
    out.print(lines, width=min(out.width, WIDTH))


def table(*columns: str) -> Table:
    """An empty table with these columns."""
    lines = Lines(box=None, pad_edge=False, header_style="bold")
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
