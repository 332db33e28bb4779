"""Gold labels against answers, before and after tuning, as heat maps with counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Rectangle

from spillover.analysis.answers import NO_ANSWER
from spillover.data.task import OWN_PROMPT
from spillover.languages import language
from spillover.report.figures import Drawing, style
from spillover.report.figures.style import INK, MUTED, STATES

if TYPE_CHECKING:
    import numpy.typing as npt
    import pandas as pd

    from spillover.results import Results

ROW, GAP = 0.17, 0.08
"""Inches: the height of a cell, and the space between languages and between states."""
LONGEST = 1.0
"""Inches of a label; more is cut off."""
WIDEST = 0.6
"""Inches of a cell, unless a label needs more."""
DARKEST = 0.5
"""Opacity of a cell that holds its whole row: text on it keeps its contrast."""


def draw(results: Results) -> list[Drawing]:
    """One drawing a classification task, of the reading that the tables show."""
    used = (use.resolve() for use in results.study.tasks)
    words = {task.name: task.answers for task in used}
    found = []
    for task, metric in results.metrics.items():
        rows = results.confusions
        rows = rows[(rows["task"] == task) & (rows["prompt"] == OWN_PROMPT)]
        rows = rows[rows["reading"] == metric.removeprefix("accuracy_")]
        if len(rows):
            languages = results.study.languages
            found.append(_Maps(task, words[task], languages, rows).drawing())
    return found


class _Maps:
    """Blocks of rows, one a language with a row a gold label; a column an answer."""

    def __init__(
        self,
        task: str,
        words: Mapping[str, str],
        languages: tuple[str, ...],
        rows: pd.DataFrame,
    ) -> None:
        self.task, self.reading = task, rows["reading"].iloc[0]
        self.seeds = rows["seed"].nunique()
        states = rows["tuned_on"].notna().map({False: "before", True: "after"})
        self.counts = {
            (str(code), str(state)): _matrix(part, [*words])
            for (code, state), part in rows.groupby([rows["language"], states])
        }
        there = {code for code, _ in self.counts}
        self.codes = [code for code in languages if code in there]
        self.words = [
            style.shortened(style.plain(word), LONGEST, style.SMALL)
            for word in words.values()
        ]
        self.answers = [*self.words, "(none)"]

        gold = style.widest(self.words, style.SMALL) + 0.12
        self.names = style.names_width(self.codes)
        self.left = self.names + gold
        wide = style.widest(self.answers, style.SMALL) + 0.08
        most = max(counts.max() for counts in self.counts.values())
        least = style.width(f"{most:.0f}", style.SMALL) + 0.08
        room = (style.WIDTH - self.left - GAP) / (2 * len(self.answers))
        self.upright = wide > max(room, least)  # headings that must stand on end
        needed = least if self.upright else max(wide, least)
        self.cell = max(needed, min(room, WIDEST))
        self.top = 0.28 + (wide if self.upright else 0.12)
        block = len(self.words) * ROW + GAP
        self.starts = {c: self.top + i * block for i, c in enumerate(self.codes)}
        width = self.left + 2 * len(self.answers) * self.cell + GAP
        height = self.top + len(self.codes) * block
        self.sheet = style.sheet(height, max(style.WIDTH, width))

    def drawing(self) -> Drawing:
        for state in STATES:
            self._head(state)
        for code, top in self.starts.items():
            style.write_language(self.sheet, self.names, top + ROW / 2, code)
            for row, word in enumerate(self.words):
                y = top + (row + 0.5) * ROW
                x = self.left - 0.06
                style.write(self.sheet, x, y, word, size=style.SMALL, ha="right")
        for (code, state), counts in self.counts.items():
            for row, column in np.ndindex(counts.shape):
                n, of = float(counts[row, column]), float(counts[row].sum())
                x = self._start(state) + column * self.cell
                y = self.starts[code] + row * ROW
                self._cell(x, y, n, n / max(of, 1), state, framed=row == column)
        return style.made(
            ["confusions", self.task],
            f"{self.task}: gold labels and answers",
            self._description(),
            "Rows: gold labels; columns: answers, (none) where the output is no "
            f"answer word ({self.reading} reading). Cells: number of items, in a "
            "stronger colour for a larger share of the row; framed: right answers."
            + (f" After tuning: {self.seeds} seeds together." * (self.seeds > 1)),
            self.sheet,
        )

    def _start(self, state: str) -> float:
        block = len(self.answers) * self.cell + GAP
        return self.left + (block if state == "after" else 0)

    def _head(self, state: str) -> None:
        start = self._start(state)
        style.write(self.sheet, start, 0.12, f"{state} tuning", STATES[state])
        for place, word in enumerate(self.answers):
            x = start + (place + 0.5) * self.cell
            if self.upright:
                style.write_upright(self.sheet, x, self.top - 0.05, word, "bottom")
            else:
                y, size = self.top - 0.09, style.SMALL
                style.write(self.sheet, x, y, word, MUTED, size=size, ha="center")

    def _cell(
        self, x: float, y: float, n: float, share: float, state: str, *, framed: bool
    ) -> None:
        box = Rectangle(
            (x + 0.01, y + 0.01),
            self.cell - 0.02,
            ROW - 0.02,
            facecolor=(STATES[state], share * DARKEST),
            edgecolor=INK if framed else "none",
            linewidth=0.6 if framed else 0,
        )
        if framed or n:
            self.sheet.add_artist(box)
        middle, colour = (x + self.cell / 2, y + ROW / 2), INK if n else MUTED
        text, size = f"{n:.0f}", style.SMALL
        style.write(self.sheet, *middle, text, colour, size=size, ha="center")

    def _description(self) -> str:
        sentences = [f"Right answers on {self.task}, and outputs that are no answer."]
        for code in self.codes:
            parts = [
                f"{state} tuning {np.trace(counts):.0f} of {counts.sum():.0f} right, "
                f"{counts[:, -1].sum():.0f} no answer"
                for state in STATES
                if (counts := self.counts.get((code, state))) is not None
            ]
            sentences.append(f"{language(code).name}: {'; '.join(parts)}.")
        return " ".join(sentences)


def _matrix(rows: pd.DataFrame, labels: list[str]) -> npt.NDArray[np.float64]:
    """Counts of gold label by answer, no answer last, over all seeds."""
    counts = np.zeros((len(labels), len(labels) + 1))
    answers = [*labels, NO_ANSWER]
    for gold, answer, n in zip(rows["gold"], rows["answer"], rows["n"], strict=True):
        counts[labels.index(gold), answers.index(answer)] += n
    return counts
