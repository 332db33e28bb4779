"""Table 3 as a figure: score after tuning against similarity before it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from spillover.analysis.findings import ranked
from spillover.analysis.permutation import SAMPLE
from spillover.data.task import OWN_PROMPT
from spillover.languages import language
from spillover.report.figures import Drawing, style
from spillover.report.figures.labels import Box, around, leader_to
from spillover.report.figures.style import AFTER, INK, MUTED

if TYPE_CHECKING:
    import pandas as pd

    from spillover.results import Results

COLUMNS = 2
LINE = 0.13
"""Inches from one line of text to the next."""
ABOVE, BELOW = 0.12 + 3 * LINE, 0.42
"""Inches of a panel for its texts and for its axis."""


@dataclass(frozen=True)
class Point:
    """A language: similarity before tuning and score after it, each with its interval.

    The interval of a number that has none is the number.
    """

    code: str
    x: float
    y: float
    x_ends: tuple[float, float]
    y_ends: tuple[float, float]


def draw(results: Results) -> list[Drawing]:
    """One drawing a task, with a panel a corpus, pooling and layer of the tables."""
    rows = ranked(results.evidence())
    return [
        _Scatter(results, str(task), part).drawing()
        for task, part in rows.groupby("task", sort=False)
    ]


class _Scatter:
    """Panels that share the axis of scores."""

    def __init__(self, results: Results, task: str, rows: pd.DataFrame) -> None:
        self.task, self.label = task, style.metric_label(results.metrics[task])
        self.seeds = len(results.study.training_seeds)
        layered = rows["layer"].nunique() > 1
        self.panels = [
            (_title(row, layered), _said(row), _points(results, row))
            for row in rows.itertuples()
        ]
        most = max(len(points) for _, _, points in self.panels)
        self.columns = min(COLUMNS, len(self.panels))
        self.height = 1.5 if most <= style.FEW else 2.1
        lines = -(-len(self.panels) // self.columns)
        self.sheet = style.sheet(lines * (ABOVE + self.height + BELOW))
        points = [point for _, _, several in self.panels for point in several]
        self.scores = [end for point in points for end in point.y_ends]

    def drawing(self) -> Drawing:
        for place, panel in enumerate(self.panels):
            self._panel(place, *panel)
        mean = f", the mean over {self.seeds} seeds" if self.seeds > 1 else ""
        both = "" if self.seeds > 1 else " and score"
        trained = ", trainings" if self.seeds > 1 else ""
        return style.made(
            ["correlation", self.task],
            f"{self.task}: {self.label} after tuning against similarity before it",
            self._description(),
            f"A mark a language; upwards: {self.label} after tuning in English{mean}. "
            f"Thin lines: 95 % intervals of similarity{both}. ρ: Spearman's, with "
            f"an interval for these languages, as items{trained} and sentences are "
            "samples, which covers 95 % or more; the permutation p: exact, with the "
            "smallest that so few languages can show, or of random orders, with its "
            "standard error.",
            self.sheet,
        )

    def _panel(
        self, place: int, title: str, said: list[str], points: list[Point]
    ) -> None:
        row, column = divmod(place, self.columns)
        room = style.WIDTH / self.columns
        left, right = column * room + 0.5, (column + 1) * room - 0.12
        top = row * (ABOVE + self.height + BELOW) + ABOVE
        bottom = top + self.height
        for number, text in enumerate([title, *said]):
            shown = style.shortened(text, right - left + 0.44)
            y = top - ABOVE + 0.12 + number * LINE
            style.write(self.sheet, left - 0.44, y, shown, MUTED if number else INK)
        y_scale = style.Scale.around(self.scores, bottom, top)
        ends = [end for point in points for end in point.x_ends]
        x_scale = style.Scale.around(ends, left, right)
        style.x_axis(self.sheet, x_scale, top, bottom, "parallel cosine before tuning")
        style.y_axis(self.sheet, y_scale, left, right, f"{self.label} after")
        self._marks(x_scale, y_scale, points)

    def _marks(self, x: style.Scale, y: style.Scale, points: list[Point]) -> None:
        """Marks with their intervals, and each language's code beside its mark."""
        lines: list[Box] = []
        places = [(x(point.x), y(point.y)) for point in points]
        for point, (across, down) in zip(points, places, strict=True):
            left, right = map(x, point.x_ends)
            low, high = map(y, point.y_ends)
            for ends in (
                [(left, down), (right, down)],
                [(across, low), (across, high)],
            ):
                style.line(self.sheet, ends, AFTER, 0.5, alpha=0.55, zorder=1)
            lines.append((left - 0.02, down - 0.01, right + 0.02, down + 0.01))
            lines.append((across - 0.01, high - 0.02, across + 0.01, low + 0.02))
            style.mark(self.sheet, across, down, AFTER, filled=True, size=3.6)
        high = 1.2 * style.SMALL / 72
        sizes = [(style.width(point.code, style.SMALL), high) for point in points]
        bounds = (x.start - 0.05, y.end - 0.05, x.end + 0.1, y.start)
        labels = around(places, sizes, bounds, lines, mark=0.035)
        for point, place, (width, _), at in zip(
            points, places, sizes, labels, strict=True
        ):
            style.write(self.sheet, *at, point.code, size=style.SMALL, ha="center")
            if leader := leader_to(place, at, (width, high)):
                style.line(self.sheet, [place, leader], MUTED, 0.3, zorder=0.5)

    def _description(self) -> str:
        start = (
            f"{self.label} on {self.task} after tuning against parallel cosine before"
        )
        sentences = [f"{start[0].upper()}{start[1:]} it."]
        for title, said, points in self.panels:
            values = [f"{language(p.code).name} {p.x:z.2f}, {p.y:z.2f}" for p in points]
            sentences.append(f"{title}: {'; '.join(said)}.")
            sentences.append(f"Cosine and score: {'; '.join(values)}.")
        return " ".join(sentences)


def _title(row: Any, layered: bool) -> str:
    layer = f", layer {row.layer}" if layered else ""
    return f"{row.corpus}, {row.pooling} pooling{layer}"


def _points(results: Results, row: Any) -> list[Point]:
    """The languages that a correlation is over."""
    similarities = results.similarities[results.similarities["tuned_on"].isna()]
    for key in ("corpus", "pooling", "layer"):
        similarities = similarities[similarities[key] == getattr(row, key)]
    before = similarities.set_index("target")
    scores = results.evaluations
    scores = scores[(scores["tuned_on"] == row.task) & (scores["task"] == row.task)]
    scores = scores[(scores["prompt"] == OWN_PROMPT) & (scores["metric"] == row.metric)]
    found = []
    for code in row.languages.split():
        own = scores[scores["language"] == code]
        x, y = float(before.loc[code, "parallel"]), float(own["value"].mean())
        x_ends = before.loc[code, ["parallel_low", "parallel_high"]]
        y_ends = own[["low", "high"]].mean() if len(own) == 1 else own["value"].iloc[:0]
        found.append(Point(code, x, y, _ends(x_ends, x), _ends(y_ends, y)))
    return found


def _ends(interval: pd.Series, value: float) -> tuple[float, float]:
    """An interval, or the number alone where there is none."""
    low, high = interval if interval.notna().sum() == 2 else (value, value)
    return float(low), float(high)


def _said(row: Any) -> list[str]:
    """The correlation in two lines."""
    n = f"n = {row.n:.0f} language{'s' * (row.n != 1)}"
    if row.value != row.value:
        return [f"no ρ: {row.reason}", n]
    there = row.low == row.low
    ends = style.number(row.low), style.number(row.high)
    interval = f"[{ends[0]}, {ends[1]}]" if there else "no interval"
    p = f"exact p = {row.p_exact:.2g}, smallest possible {row.p_min:.2g}"
    if row.p_error > 0:
        p = f"p = {row.p_exact:.2g} ± {row.p_error:.2g}, of {SAMPLE + 1:,} orders"
    return [f"ρ = {style.number(row.value)}, {interval}, {n}", p]
