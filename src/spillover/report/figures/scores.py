"""Table 1 as a figure: each language's score before and after tuning."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spillover.data.task import OWN_PROMPT
from spillover.languages import language
from spillover.metrics import SAME_LENGTH, is_rouge
from spillover.report import tables
from spillover.report.figures import Drawing, style
from spillover.report.figures.style import GRID, INK, MUTED, STATES
from spillover.report.panel import GAP, Panel

if TYPE_CHECKING:
    import pandas as pd

    from spillover.results import Results

APART = {"before": -0.042, "after": 0.042}
"""Inches of a state's marks from the middle of the row."""


def draw(results: Results) -> list[Drawing]:
    """One drawing a task that has a score."""
    languages, metrics = results.study.languages, results.metrics
    panels = tables.score_panels(results.evaluations, languages, metrics)
    return [
        _Chart(results, task, panel).drawing()
        for panel in panels
        for task in metrics
        if panel.values.loc[task].notna().to_numpy().any()
    ]


BASELINES = {
    "uniform": ("guessing", MUTED, (0, (2, 1.5))),
    "majority": ("best constant answer", INK, "solid"),
    "same length": ("before, at the same length", INK, "solid"),
}
"""What their marks are called, and how they are drawn."""


class _Chart:
    """A row a language: two marks with their intervals, and the two numbers."""

    def __init__(self, results: Results, task: str, panel: Panel) -> None:
        self.task, self.metric = task, results.metrics[task]
        both: Any = panel.values.loc[task], panel.cells.loc[task]
        self.values, self.cells = (table.to_dict("index") for table in both)
        self.languages = list(results.study.languages)
        told = results.evaluations
        told = told[(told["task"] == task) & (told["metric"] == self.metric)]
        told = told[told["prompt"] == OWN_PROMPT]
        self.states = {
            "before": told[told["tuned_on"].isna()],
            "after": told[told["tuned_on"] == task],
        }
        self.seeds = self.states["after"]["seed"].nunique()
        self.baselines = _baselines(results, task)

        row = 0.21 if len(self.languages) <= style.FEW else 0.175
        self.top = 0.3
        first = self.top + 0.13
        self.rows = {self.languages[0]: first}
        for place, code in enumerate(self.languages[1:]):
            self.rows[code] = first + row + 0.14 + place * row
        self.bottom = max(self.rows.values()) + 0.15
        self.sheet = style.sheet(self.bottom + 0.36)
        self.columns = [
            max(0.5, style.widest(row.values()) + 0.12) for row in self.cells.values()
        ]
        left = style.names_width(self.languages) + 0.1
        end = style.WIDTH - sum(self.columns) - 0.12
        highest = 1.0
        if is_rouge(self.metric):
            shown = [0.0, *told[["value", "high"]].to_numpy(float).ravel()]
            shown += self.baselines.get("same length", {}).values()
            highest = style.Scale.around(shown, 0, 1).high
        self.scale = style.Scale(0, highest, left, end)

    def drawing(self) -> Drawing:
        sheet = self.sheet
        label = style.metric_label(self.metric)
        style.x_axis(sheet, self.scale, self.top, self.bottom, label)
        rule = (self.rows[self.languages[0]] + self.rows[self.languages[1]]) / 2
        style.line(sheet, [(0.05, rule), (style.WIDTH - 0.05, rule)], GRID, 0.8)
        self._head()
        for code, y in self.rows.items():
            style.write_language(sheet, self.scale.start - 0.04, y, code)
            self._baseline(code, y)
            self._row(code, y)
        title = f"{self.task}: {label} before and after tuning in English"
        parts = ["scores", self.task]
        return style.made(parts, title, self._description(label), self._note(), sheet)

    def _head(self) -> None:
        """What the marks are, above what they mark."""
        y, x = 0.12, style.WIDTH - sum(self.columns) - 0.02
        for (state, colour), room in zip(STATES.items(), self.columns, strict=True):
            x += room
            style.write(self.sheet, x - 0.02, y, state, colour, ha="right")
            at = x - 0.1 - style.width(state)
            style.mark(self.sheet, at, y, colour, filled=state == "after")
        at = self.scale.start
        for name in reversed(self.baselines):
            text, colour, dashes = BASELINES[name]
            ends = [(at, y - 0.06), (at, y + 0.06)]
            style.line(self.sheet, ends, colour, 0.9, linestyle=dashes)
            style.write(self.sheet, at + 0.07, y, text, MUTED, size=style.SMALL)
            at += 0.07 + style.width(text, style.SMALL) + 0.25

    def _baseline(self, code: str, y: float) -> None:
        for name, values in self.baselines.items():
            if code in values:
                _, colour, dashes = BASELINES[name]
                x = self.scale(values[code])
                ends = [(x, y - 0.08), (x, y + 0.08)]
                style.line(self.sheet, ends, colour, 0.9, linestyle=dashes, zorder=1)

    def _row(self, code: str, y: float) -> None:
        marks = {
            state: (self.scale(value), y + APART[state])
            for state in STATES
            if not math.isnan(value := self.values[state][code])
        }
        if len(marks) == 2:
            style.line(self.sheet, [*marks.values()], GRID, 2.2, zorder=0.5)
        x = style.WIDTH - sum(self.columns) - 0.02
        for (state, colour), room in zip(STATES.items(), self.columns, strict=True):
            x += room
            text = self.cells[state][code]
            style.write(self.sheet, x - 0.02, y, text, colour, ha="right")
            if state in marks:
                self._interval(state, code, marks[state][1])
                style.mark(self.sheet, *marks[state], colour, filled=state == "after")

    def _interval(self, state: str, code: str, y: float) -> None:
        """The interval of the one number, or, of several seeds, each one's number."""
        rows = self.states[state]
        rows = rows[rows["language"] == code]
        colour = STATES[state]
        if len(rows) > 1:
            for value in rows["value"]:
                at = self.scale(value)
                style.mark(self.sheet, at, y, colour, filled=True, size=1.4)
        elif rows["low"].notna().all():
            ends = [(self.scale(rows[end].iloc[0]), y) for end in ("low", "high")]
            style.line(self.sheet, ends, colour, 1.1)

    def _description(self, label: str) -> str:
        sentences = [
            f"{language(code).name}: {self.cells['before'][code]} to "
            f"{self.cells['after'][code]}."
            for code in self.languages
        ]
        start = f"{label} on {self.task}, before and after tuning. "
        return start[0].upper() + start[1:] + " ".join(sentences)

    def _note(self) -> str:
        parts = [
            "Open: before tuning; filled: after tuning in English, which is apart."
        ]
        if self.seeds > 1:
            parts.append(
                f"After tuning: the mean of {self.seeds} seeds, which are the small "
                "dots; ±: their standard deviation. Line of the open mark: 95 % "
                "interval."
            )
        else:
            parts.append("Lines: 95 % intervals.")
        if "majority" in self.baselines:
            parts.append(
                "Baselines: the best constant answer, and guessing all answers equally "
                "often."
            )
        if "same length" in self.baselines:
            parts.append(
                "Baseline: before tuning, with both answers of an item cut to the "
                "length of the shorter one; the table of changes says how these change."
            )
        cells = [cell for row in self.cells.values() for cell in row.values()]
        if any(cell.endswith(tables.INCOMPLETE) for cell in cells):
            parts.append(f"{tables.INCOMPLETE}: over fewer items than expected.")
        if GAP in cells:
            parts.append(f"{GAP}: not measured.")
        return " ".join(parts)


def _baselines(results: Results, task: str) -> dict[str, dict[str, float]]:
    """What a score after tuning is held against, by language: those that there are."""

    def of_the_task(frame: pd.DataFrame) -> pd.DataFrame:
        return frame[frame["task"].eq(task) & frame["prompt"].eq(OWN_PROMPT)]

    rows = of_the_task(results.diagnostics)
    rows = rows[rows["tuned_on"].isna()]
    found = {}
    for name in ("uniform", "majority"):
        part = rows[rows["measure"] == f"baseline_{name}"]
        found[name] = dict(zip(part["language"], part["value"], strict=True))
    rows = of_the_task(results.comparisons)
    rows = rows[rows["metric"] == results.metrics[task] + SAME_LENGTH]
    found["same length"] = rows.groupby("language")["before"].mean().to_dict()
    return {name: values for name, values in found.items() if values}
