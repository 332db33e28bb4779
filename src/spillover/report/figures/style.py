"""What all figures share: a sheet measured in inches, its colours, fonts and axes."""

from __future__ import annotations

import re
import warnings
import zlib
from bisect import bisect_right
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from matplotlib import font_manager
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg, RendererAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.lines import Line2D
from matplotlib.style import context
from matplotlib.text import Text
from matplotlib.ticker import MaxNLocator

from spillover.languages import language
from spillover.report.figures import Drawing

if TYPE_CHECKING:
    import pandas as pd

WIDTH = 6.5
"""Inches: the text of a page."""
SIZE, SMALL = 7.5, 7.0
"""Points."""
Side = Literal["left", "center", "right"]

# After Okabe and Ito (2008), darkened until text in them has contrast enough on white;
# of each pair that stands together, nobody sees both alike (Machado et al. 2009).
COLOURS = {
    "ink": "#1b1b1b",
    "muted": "#5b5f66",
    "grid": "#dcdee2",
    "paper": "#ffffff",
    "before": "#a94a00",
    "after": "#0067a5",
    "parallel": "#00755a",
    "random": "#7a4fa0",
}
INK, MUTED, GRID, PAPER, BEFORE, AFTER, PARALLEL, RANDOM = COLOURS.values()
STATES = {"before": BEFORE, "after": AFTER}

LATIN = ("Arial", "Liberation Sans", "DejaVu Sans")  # the last comes with matplotlib
CJK = (
    "Hiragino Sans", "Yu Gothic", "Microsoft YaHei", "PingFang SC", "IPAexGothic",
    "Noto Sans CJK JP", "Noto Sans CJK SC", "Noto Sans JP", "Noto Sans SC",
    "Source Han Sans", "Source Han Sans JP", "WenQuanYi Zen Hei", "Malgun Gothic",
)  # fmt: skip
SCRIPTS = (
    "Arabic", "Bengali", "Devanagari", "Ethiopic", "Gujarati", "Gurmukhi", "Khmer",
    "Lao", "Myanmar", "Sinhala", "Tamil", "Telugu", "Thai",
)  # fmt: skip
FAMILIES = (*LATIN, *CJK, *(f"Noto Sans {script}" for script in SCRIPTS))

_DPI = 720  # fine enough for widths that rounding to pixels does not change


@contextmanager
def drawing(**more: Any) -> Iterator[None]:
    """The settings that figures are made and written with, whatever the user's are."""
    ours = {
        "font.family": families(),
        "font.size": SIZE,
        "text.parse_math": False,  # a "$" in a label is a dollar sign
        "figure.dpi": 72,
        "lines.solid_capstyle": "butt",  # a line ends where its interval ends
    }
    with context(["default", ours | more]), warnings.catch_warnings():
        warnings.filterwarnings("ignore", r"Glyph \d+ ")  # `made` says so in the note
        yield


@cache
def families() -> list[str]:
    """The families of fonts that are installed, best first."""
    there = set(font_manager.fontManager.get_font_names())
    if there.isdisjoint(CJK):  # perhaps installed since matplotlib listed them
        known = {entry.fname for entry in font_manager.fontManager.ttflist}
        for path in sorted({*font_manager.findSystemFonts()} - known):
            with suppress(Exception):  # as matplotlib itself: a damaged font is no font
                font_manager.fontManager.addfont(path)
        there = set(font_manager.fontManager.get_font_names())
    return [name for name in FAMILIES if name in there]


@cache
def _face(family: str) -> Any:
    return font_manager.findfont(FontProperties(family=[family]))


def faces(text: str) -> tuple[set[Any], set[str]]:
    """The font files that a text needs, and the characters that none of them has."""
    used, missing = set(), set()
    for char in set(text) - {"\u200c", "\u200d", "\u200e", "\u200f"}:  # shown by none
        for family in families():
            if font_manager.get_font(_face(family)).get_char_index(ord(char)):
                used.add(_face(family))
                break
        else:
            missing.add(char)
    return used, missing


def texts(figure: Figure) -> list[Text]:
    """What is written on a figure."""
    found: list[Any] = figure.findobj(Text)
    return [text for text in found if text.get_visible() and text.get_text()]


def made(
    parts: Iterable[str], title: str, description: str, note: str, sheet: Axes
) -> Drawing:
    """A drawing, named after its parts; its note says if a font is wanting."""
    figure = sheet.figure
    assert isinstance(figure, Figure)  # noqa: S101 - no figure inside another
    _, missing = faces("".join(text.get_text() for text in texts(figure)))
    if missing:
        note += (
            f" No font that is installed here has {' '.join(sorted(missing))}: the PDF "
            "shows boxes instead."
        )
    return Drawing(stem(parts), title, description, note, figure)


def stem(parts: Iterable[str]) -> str:
    """The name of a file; of parts that differ, names that differ."""
    whole = "-".join(parts)
    name = re.sub(r"[^A-Za-z0-9.]+", "-", whole).strip("-.")
    return name if name == whole else f"{name}-{zlib.crc32(whole.encode()):08x}"


def plain(text: str) -> str:
    """A label on one line, without what no file could hold."""
    text = text.encode("utf-8", "replace").decode("utf-8")
    return re.sub(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]+", " ", text)


@cache
def width(text: str, size: float = SIZE) -> float:
    """Of a text, in inches."""
    renderer: Any = RendererAgg
    font = FontProperties(family=families(), size=size)
    extent = renderer(1, 1, _DPI).get_text_width_height_descent(text, font, False)
    return float(extent[0]) / _DPI


def widest(labels: Iterable[str], size: float = SIZE) -> float:
    """The width of the widest, in inches."""
    return max((width(label, size) for label in labels), default=0.0)


def shortened(text: str, room: float, size: float = SIZE) -> str:
    """As much of a text's two ends as fits in so many inches, an ellipsis between."""

    def ends(kept: int) -> str:
        return text[: kept - kept // 2] + "…" + text[len(text) - kept // 2 :]

    if width(text, size) <= room:
        return text
    lengths = range(1, len(text))
    return ends(bisect_right(lengths, room, key=lambda n: width(ends(n), size)))


def sheet(height: float, width: float = WIDTH) -> Axes:
    """A figure to draw on in inches, from its upper left corner."""
    figure = Figure(figsize=(width, height))
    FigureCanvasAgg(figure)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0))
    axes.set_axis_off()
    axes.set_autoscale_on(False)
    return axes


def write(
    sheet: Axes,
    x: float,
    y: float,
    text: str,
    colour: str = INK,
    *,
    size: float = SIZE,
    ha: Side = "left",
) -> None:
    """A text whose small letters are centred on y."""
    below = y + 0.36 * size / 72
    sheet.text(x, below, text, color=colour, size=size, ha=ha, va="baseline", zorder=4)


def write_upright(
    sheet: Axes, x: float, y: float, text: str, va: Literal["center", "bottom"]
) -> None:
    """A small text that is read from below."""
    how: dict[str, Any] = {"rotation": 90, "size": SMALL, "color": MUTED}
    sheet.text(x, y, text, ha="center", va=va, zorder=4, **how)


def line(
    sheet: Axes,
    points: Sequence[tuple[float, float]],
    colour: str = INK,
    width: float = 0.8,
    **how: Any,
) -> None:
    """A line through points."""
    x, y = zip(*points, strict=True)
    sheet.add_artist(Line2D(x, y, color=colour, linewidth=width, **how))


def mark(
    sheet: Axes, x: float, y: float, colour: str, *, filled: bool, size: float = 4.6
) -> None:
    """A round mark, filled or open."""
    round_mark = Line2D(
        [x],
        [y],
        linestyle="none",
        marker="o",
        markersize=size,
        markeredgecolor=colour,
        markerfacecolor=colour if filled else PAPER,
        zorder=3,
    )
    sheet.add_artist(round_mark)


def number(value: float, places: int = 2) -> str:
    """A number with a minus sign that is one, and no negative zero."""
    return f"{value:z.{places}f}".replace("-", "−")


@dataclass(frozen=True)
class Scale:
    """From values to inches."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def around(cls, values: Iterable[float], start: float, end: float) -> Scale:
        """A scale that holds these values, of which some may be missing."""
        found = np.array([*values], dtype=float)
        found = found[np.isfinite(found)]
        low, high = (found.min(), found.max()) if found.size else (0.0, 1.0)
        more = (high - low) * 0.04 or 0.05
        return cls(float(low - more), float(high + more), start, end)

    def __call__(self, value: float) -> float:  # noqa: D102
        share = (value - self.low) / (self.high - self.low)
        return float(self.start + share * (self.end - self.start))

    def ticks(self, most: int) -> dict[float, str]:
        """Round values on the scale, with their labels."""
        locator = MaxNLocator(most, steps=[1, 2, 5, 10])
        values = locator.tick_values(self.low, self.high)
        step = values[1] - values[0]
        places = max(0, -int(np.floor(np.log10(step) + 1e-9)))
        slack = step * 1e-6
        return {
            float(v): number(v, places)
            for v in values
            if self.low - slack <= v <= self.high + slack
        }


def x_axis(
    sheet: Axes, scale: Scale, top: float, bottom: float, label: str, most: int = 5
) -> None:
    """Light lines from top to bottom, their values below, and what they are.

    A value that would run into the one before it is left out.
    """
    free = -np.inf
    for value, text in scale.ticks(most).items():
        x, half = scale(value), width(text, SMALL) / 2
        line(sheet, [(x, top), (x, bottom)], GRID, 0.5, zorder=0)
        if x - half >= free:
            write(sheet, x, bottom + 0.1, text, MUTED, size=SMALL, ha="center")
            free = x + half + 0.04
    if label:
        middle = (scale.start + scale.end) / 2
        write(sheet, middle, bottom + 0.24, label, MUTED, size=SMALL, ha="center")


def y_axis(
    sheet: Axes, scale: Scale, left: float, right: float, label: str = ""
) -> None:
    """Light lines from left to right; with a label, their values and what they are."""
    for value, text in scale.ticks(6).items():
        y = scale(value)
        line(sheet, [(left, y), (right, y)], GRID, 0.5, zorder=0)
        if label:
            write(sheet, left - 0.05, y, text, MUTED, size=SMALL, ha="right")
    if label:
        shown = shortened(label, abs(scale.start - scale.end), SMALL)
        middle = (scale.start + scale.end) / 2
        write_upright(sheet, left - 0.42, middle, shown, "center")


CODE = 0.3
"""Inches for a language's code beside its name."""


def names_width(codes: Iterable[str]) -> float:
    """Inches that languages need, with what sets them off."""
    return widest(language(code).name for code in codes) + CODE + 0.1


def write_language(sheet: Axes, right: float, y: float, code: str) -> None:
    """A language's name and code, up to the right edge."""
    write(sheet, right - CODE, y, language(code).name, ha="right")
    write(sheet, right - 0.06, y, code, MUTED, size=SMALL, ha="right")


FEW = 12
"""Languages, up to which there is room for larger rows."""
METRICS = {"exact_number": "share of exact numbers", "rougeL": "ROUGE-L"}


def metric_label(metric: str) -> str:
    """A metric in words, as `accuracy (strict)`."""
    name, _, reading = metric.partition("_")
    return METRICS.get(metric, f"{name} ({reading})" if reading else name)


def states(
    frame: pd.DataFrame, tasks: Iterable[str]
) -> Iterator[tuple[str, pd.DataFrame]]:
    """The rows before tuning, and those after it on each task, where there are any."""
    for label, rows in (
        ("before tuning", frame[frame["tuned_on"].isna()]),
        *((f"tuned on {t}", frame[frame["tuned_on"] == t]) for t in tasks),
    ):
        if len(rows):
            yield label, rows
