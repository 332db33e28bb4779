"""Parallel and random cosines, their gap, and MEXA, over the model's layers."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from spillover.languages import language
from spillover.report.figures import Drawing, style
from spillover.report.figures.labels import spread
from spillover.report.figures.style import GRID, INK, MUTED, PARALLEL, RANDOM

if TYPE_CHECKING:
    import pandas as pd

    from spillover.results import Results

MEASURES = {
    "parallel": (PARALLEL, "mean cosine of parallel pairs"),
    "random": (RANDOM, "mean cosine of random pairs"),
    "gap": (INK, "gap between the mean cosines"),
    "mexa": (INK, "MEXA score"),
}
NOTES = {
    "mexa": "MEXA is the share of pairs whose cosine is above that of every other pair "
    "with the same sentence in either language (Kargaran et al. 2024). "
}
DASHES = ("solid", (0, (4, 1.2)), (0, (1, 1)), (0, (5, 1.2, 1, 1.2)))
APART = 0.118
"""Inches between labels."""


def draw(results: Results) -> list[Drawing]:
    """A drawing a measure for each corpus and pooling, if all layers were looked at."""
    if results.study.embed.layers != "all":
        return []
    groups = results.similarities.groupby(["corpus", "pooling"], sort=False)
    return [
        _Curves(results, str(corpus), str(pooling), part, measure).drawing()
        for (corpus, pooling), part in groups
        for measure in MEASURES
    ]


class _Curves:
    """A column a state, a line a language, its code where the line ends."""

    def __init__(
        self,
        results: Results,
        corpus: str,
        pooling: str,
        frame: pd.DataFrame,
        measure: str,
    ) -> None:
        self.parts = ["layers", corpus, pooling, measure]
        self.note = NOTES.get(measure, "")
        self.where = f"{corpus}, {pooling} pooling"
        self.colour, self.label = MEASURES[measure]
        self.tables = {
            label: rows.groupby(["layer", "target"])[measure].mean().unstack()
            for label, rows in style.states(frame, results.metrics)
        }
        there = {*frame["target"]}
        self.codes = [code for code in results.study.languages if code in there]
        self.dashes = {c: DASHES[i % len(DASHES)] for i, c in enumerate(self.codes)}
        self.top, self.left = 0.3, 0.5
        self.bottom = self.top + max(1.45, APART * len(self.codes))
        self.sheet = style.sheet(self.bottom + 0.36)
        values = [table.to_numpy().ravel() for table in self.tables.values()]
        self.y = style.Scale.around(np.concatenate(values), self.bottom, self.top)
        layers = frame["layer"]
        self.layers = float(layers.min()), float(layers.max())

    def drawing(self) -> Drawing:
        room = (style.WIDTH - self.left - 0.02) / len(self.tables)
        tail = style.widest(self.codes, style.SMALL) + 0.2
        before, *_ = self.tables.values()
        for place, (label, table) in enumerate(self.tables.items()):
            start = self.left + place * room
            x = style.Scale(*self.layers, start, start + room - tail)
            style.write(self.sheet, start, 0.12, style.shortened(label, room - 0.1))
            named = self.label if not place else ""
            style.y_axis(self.sheet, self.y, start, x.end, named)
            most = max(2, int(room / 0.35))
            style.x_axis(self.sheet, x, self.bottom - 0.04, self.bottom, "layer", most)
            if place:
                self._lines(x, before, GRID)
            self._lines(x, table, self.colour)
            self._labels(x, table)
        title = f"{self.label[0].upper()}{self.label[1:]} over layers: {self.where}"
        return style.made(
            self.parts,
            title,
            self._description(title),
            f"{self.note}A line a language, paired with English. Layer 0: the "
            "embedding. After tuning, pale lines repeat those before it.",
            self.sheet,
        )

    def _lines(self, x: style.Scale, table: pd.DataFrame, colour: str) -> None:
        for code in self.codes:
            if code in table:
                values = zip(table.index, table[code], strict=True)
                points = [(x(layer), self.y(value)) for layer, value in values]
                dashes = self.dashes[code]
                style.line(self.sheet, points, colour, 0.9, linestyle=dashes)

    def _labels(self, x: style.Scale, table: pd.DataFrame) -> None:
        """Each language's code where its line ends, or as near as there is room."""
        last = table.iloc[-1].reindex(self.codes).dropna()
        ends = [self.y(value) for value in last]
        places = spread(ends, APART, self.top + 0.05, self.bottom - 0.03)
        for code, end, place in zip(last.index, ends, places, strict=True):
            bent = [(x.end + 0.02, end), (x.end + 0.1, place)]
            style.line(self.sheet, bent, MUTED, 0.4)
            style.write(self.sheet, x.end + 0.12, place, code, size=style.SMALL)

    def _description(self, title: str) -> str:
        sentences = [f"{title}."]
        for label, table in self.tables.items():
            first, last = table.index[[0, -1]]
            parts = [
                f"{language(code).name} {table[code].iloc[0]:z.2f} to "
                f"{table[code].iloc[-1]:z.2f}"
                for code in self.codes
                if code in table
            ]
            start = f"{label[0].upper()}{label[1:]}, layer {first} to layer {last}"
            sentences.append(f"{start}: {', '.join(parts)}.")
        return " ".join(sentences)
