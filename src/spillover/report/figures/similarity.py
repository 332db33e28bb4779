"""Table 2 as a figure: how the cosines of parallel and random pairs are distributed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from matplotlib.patches import Polygon

from spillover.languages import language
from spillover.report.figures import Drawing, style
from spillover.report.figures.style import BEFORE, INK, MUTED, PARALLEL, RANDOM

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

    from spillover.results import Results

BIN = 0.02
"""Two of the bins that were counted."""
EDGE = 1e-6
"""More than rounding takes a bin's border from where it should be."""
TAIL = 0.005
"""The share of pairs, at either end, that the axis need not reach to."""
PAIRS = {"parallel": (PARALLEL, -1), "random": (RANDOM, 1)}
"""Colour, and which way the counts are drawn: -1 is up the sheet."""


def draw(results: Results) -> list[Drawing]:
    """One drawing a corpus, pooling and layer of the tables."""
    means = results.evidence().similarities
    layers = means["layer"].unique()
    counts = results.distributions
    counts = counts[counts["layer"].isin(layers)]
    place = ["corpus", "pooling", "layer"]
    of_place = dict(iter(means.groupby(place)))
    return [
        _Ridges(results, part, of_place[keys], len(layers) > 1).drawing()
        for keys, part in counts.groupby(place, sort=False)
    ]


class _Ridges:
    """A row a language, a column a state: parallel pairs upwards, random downwards."""

    def __init__(
        self,
        results: Results,
        counts: pd.DataFrame,
        means: pd.DataFrame,
        several: bool,
    ) -> None:
        corpus, pooling, layer = counts[["corpus", "pooling", "layer"]].iloc[0]
        layers = [f"layer{layer}"] if several else []
        self.parts = ["similarity", corpus, pooling, *layers]
        self.where = f"{corpus}, {pooling} pooling"
        self.where += f", layer {layer}" if several else ""
        there = {*counts["target"]}
        self.codes = [code for code in results.study.languages if code in there]
        self.counts = {
            label: dict(iter(rows.groupby("target")))
            for label, rows in style.states(counts, results.metrics)
        }
        self.means = {
            label: rows.groupby("target")[[*PAIRS]].mean().to_dict("index")
            for label, rows in style.states(means, results.metrics)
        }
        self.range = _range(counts, means)
        self.beyond = _beyond(counts, *self.range)
        self.row = 0.36 if len(self.codes) <= style.FEW else 0.28
        self.left, self.top = style.names_width(self.codes) + 0.1, 0.5
        self.bottom = self.top + len(self.codes) * self.row + 0.06
        self.sheet = style.sheet(self.bottom + 0.36)

    def drawing(self) -> Drawing:
        self._head()
        room = (style.WIDTH - self.left - 0.02) / len(self.counts)
        for place, label in enumerate(self.counts):
            start = self.left + place * room
            scale = style.Scale(*self.range, start, start + room - 0.3)
            heading = style.shortened(label, room - 0.1)
            style.write(self.sheet, start, 0.36, heading)
            most = max(2, int(room / 0.45))
            style.x_axis(self.sheet, scale, self.top, self.bottom, "cosine", most)
            for number, code in enumerate(self.codes):
                y = self.top + (number + 0.5) * self.row
                if not place:
                    style.write_language(self.sheet, self.left, y, code)
                self._row(scale, y, label, code)
        return style.made(
            self.parts,
            f"Cosines with English: {self.where}",
            self._description(),
            "Number of pairs by cosine, each curve drawn to the same height. Up, "
            "filled: parallel pairs; down, outlined: random pairs. Solid lines: their "
            "means; dashed lines: the means before tuning." + self.beyond,
            self.sheet,
        )

    def _head(self) -> None:
        """What is drawn up and what down."""
        x = self.left
        for name, sign in (("parallel", "▲"), ("random", "▽")):
            text = f"{sign} {name} pairs"
            style.write(self.sheet, x, 0.12, text, PAIRS[name][0])
            x += style.width(text) + 0.25

    def _row(self, scale: style.Scale, y: float, label: str, code: str) -> None:
        style.line(self.sheet, [(scale.start, y), (scale.end, y)], MUTED, 0.4)
        before, *_ = self.means
        for name, (_, way) in PAIRS.items():
            height = way * self.row * 0.44
            if code in self.counts[label]:
                _histogram(self.sheet, scale, y, height, self.counts[label][code], name)
            if label != before and code in self.means[before]:
                x = scale(self.means[before][code][name])
                dashes = {"linestyle": (0, (1.5, 1)), "zorder": 2}
                style.line(self.sheet, [(x, y), (x, y + height)], BEFORE, 0.9, **dashes)
            if code in self.means[label]:
                x = scale(self.means[label][code][name])
                style.line(self.sheet, [(x, y), (x, y + height)], INK, 0.9, zorder=3)

    def _description(self) -> str:
        sentences = [f"Distributions of cosines, {self.where}, with the means of"]
        sentences.append("parallel and random pairs.")
        for code in self.codes:
            numbers = [
                f"{label} {row[code]['parallel']:z.2f} and {row[code]['random']:z.2f}"
                for label, row in self.means.items()
                if code in row
            ]
            sentences.append(f"{language(code).name}: {', '.join(numbers)}.")
        return " ".join(sentences)


def _range(counts: pd.DataFrame, means: pd.DataFrame) -> tuple[float, float]:
    """Borders of bins between which all means lie and all but the outermost pairs."""
    by_bin = counts.groupby("low")[[*PAIRS]].sum().sort_index()
    shares = by_bin.cumsum() / by_bin.sum()
    kept = by_bin.index[
        ((shares > TAIL) & (shares.shift(1, fill_value=0) < 1 - TAIL)).any(axis=1)
    ]
    ends = np.array([kept[0], kept[-1], *means[[*PAIRS]].stack()])
    low, high = np.floor(np.array([ends.min(), ends.max()]) / BIN + EDGE) * BIN
    return float(low), float(high + BIN)


def _beyond(counts: pd.DataFrame, low: float, high: float) -> str:
    """How many pairs are not drawn."""
    out = counts[~counts["low"].between(low - EDGE, high - EDGE)]
    if out.empty:
        return ""
    told = [
        f"{out[name].sum():,.0f} of {counts[name].sum():,.0f} {name}" for name in PAIRS
    ]
    return f" Beyond the axis: {' and '.join(told)} pairs, of all languages together."


def _histogram(
    sheet: Axes,
    scale: style.Scale,
    y: float,
    height: float,
    rows: pd.DataFrame,
    name: str,
) -> None:
    """The pairs of all seeds by cosine, as steps from the middle of a row."""
    low, pairs = rows["low"].to_numpy(float), rows[name].to_numpy(float)
    shown = (low > scale.low - EDGE) & (low < scale.high - EDGE) & (pairs > 0)
    if not shown.any():
        return
    bins = np.floor(low[shown] / BIN + EDGE).astype(int)
    counts = np.bincount(bins - bins.min(), pairs[shown])
    borders = [scale((bins.min() + i) * BIN) for i in range(len(counts) + 1)]
    steps = y + height * np.repeat(counts / counts.max(), 2)
    colour, _ = PAIRS[name]
    outline = Polygon(
        np.column_stack([np.repeat(borders, 2), [y, *steps, y]]),
        edgecolor=colour,
        linewidth=0.6,
        facecolor=colour if name == "parallel" else "none",
        joinstyle="miter",
    )
    sheet.add_artist(outline)
