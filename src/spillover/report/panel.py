"""One table on a page, and how it is printed: CSV, Markdown, LaTeX, HTML, terminal."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup
    from rich.table import Table

_LATEX_ESCAPES = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": "$<$",
        ">": "$>$",
        "|": r"\textbar{}",
        '"': r"\char34{}",  # babel gives the sign itself a meaning in German
        "`": r"\textasciigrave{}",
        "–": "--",
        "†": r"\dag{}",
        "ρ": r"$\rho$",
        "−": "$-$",
        "[": "{[}",  # after \\ a bracket would be read as the space to leave,
        "*": "{*}",  # and a star as a part of the command
        "\u2060": "{}",
        "\n": " ",
    }
)

GAP = "–"
"""Stands where there is no number."""

Fits = Callable[[list[int]], bool]
"""Whether columns at these places have room beside each other."""

PRINTED = 100
"""Characters of a table's line that find room on paper, at the page's size of type."""

HEADING = 16
"""Columns of a terminal that a heading may take above narrower numbers."""


@dataclass(frozen=True)
class Panel:
    """A table of numbers with the text that stands for them in print.

    Attributes:
        title: what the table shows.
        keys: what all its cells have in common, such as the model and the layer.
        values: the numbers in full precision; a gap is missing (NaN).
        cells: the same rows as text, rounded, a gap as a dash. The index labels the
            rows; the columns have one level or more.
        note: how to read the cells.
    """

    title: str
    keys: Mapping[str, Any]
    values: pd.DataFrame
    cells: pd.DataFrame
    note: str

    @property
    def heading(self) -> str:
        """The title with what tells this panel from its sisters."""
        return " · ".join([self.title, *(f"{k} {v}" for k, v in self.keys.items())])

    def _repr_html_(self) -> str:
        return html(self)


class Panels(list[Panel]):
    """Panels, which a notebook shows as tables."""

    def _repr_html_(self) -> str:
        return "\n".join(map(html, self))


def number(value: float | None, form: str = "z.2f") -> str:
    """A number as a cell, or a gap."""
    return GAP if value is None or math.isnan(value) else f"{value:{form}}"


def csv(panels: Sequence[Panel]) -> str:
    """The numbers of all panels as one CSV table, a gap empty; "" without panels.

    Its first column, `table`, is the title of the panel that a row is of.
    """
    import pandas as pd

    if not panels:
        return ""
    frames = [numbers(panel) for panel in panels]
    for panel, frame in zip(panels, frames, strict=True):
        frame.insert(0, "table", panel.title)
    return pd.concat(frames).to_csv(index=False)


def numbers(panel: Panel) -> pd.DataFrame:
    """A panel's numbers as one flat table, what all rows have in common first."""
    import pandas as pd

    frame = panel.values.copy()
    frame.columns = pd.Index([" ".join(_texts(column)) for column in frame])
    frame = frame.reset_index()
    for place, (key, value) in enumerate(panel.keys.items()):
        frame.insert(place, key, value)
    return frame


def escaped(text: object) -> str:
    """Text within a line of Markdown, none of which is markup."""
    line = " ".join(str(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"([\\`*_\[\]>|#~!$])", r"\\\1", line)


def markdown(panels: Sequence[Panel]) -> str:
    """Each panel as a heading, a pipe table and its note."""
    parts = []
    for panel in panels:
        labels = panel.cells.index.nlevels
        rule = ["---"] * labels + ["---:"] * panel.cells.shape[1]
        rows = [
            [escaped(cell) for cell in line]
            for line in [_header(panel, " "), *_lines(panel)]
        ]
        rows.insert(1, rule)
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        heading, note = escaped(panel.heading), escaped(panel.note)
        parts.append(f"### {heading}\n\n{table}\n\n{note}\n")
    return "\n".join(parts)


def latex(panels: Sequence[Panel]) -> str:
    """Each panel as a `tabular` in the manner of booktabs, to be put in by \\input.

    Heading and note stand in comments above it, and which LaTeX it needs if it has
    letters that are neither Latin nor ours.
    """
    parts = []
    for panel in panels:
        labels = panel.cells.index.nlevels
        header, *body = (
            " & ".join(map(_typeset, line)) + r" \\"
            for line in [_header(panel, " "), *_lines(panel)]
        )
        spec = "l" * labels + "r" * panel.cells.shape[1]
        comments = [f"% {' '.join(t.split())}" for t in (panel.heading, panel.note)]
        if others := _not_latin([header, *body]):
            comments.append(f"% xelatex or lualatex, with a font that has {others}")
        begin, end = rf"\begin{{tabular}}{{{spec}}}", r"\end{tabular}"
        lines = [*comments, begin, r"\toprule", header, r"\midrule", *body]
        parts.append("\n".join([*lines, r"\bottomrule", end, ""]))
    return "\n".join(parts)


def _typeset(text: str) -> str:
    """A text as LaTeX shows it, two hyphens as two and a minus as a minus."""
    text = re.sub(r"(?<![\w-])-(?=\d)", "−", text)
    return re.sub("-(?=-)", "-\u2060", text).translate(_LATEX_ESCAPES)


def _not_latin(lines: Sequence[str]) -> str:
    """The letters that pdflatex has no font for."""
    chars = dict.fromkeys(char for line in lines for char in line if char.isalpha())
    names = {char: unicodedata.name(char, "") for char in chars}
    return "".join(char for char in chars if not names[char].startswith("LATIN"))


def html(panel: Panel, width: int = PRINTED) -> Markup:
    """A panel as `table`s, heading and note in the first one's caption.

    Neighbouring columns of the same first level stand under one heading of theirs, and
    stay together. Every text is escaped.

    Args:
        panel: what to show.
        width: characters a line, two between columns included.
    """
    from markupsafe import Markup

    from spillover.report import template

    lines = _lines(panel)
    shown = [_header(panel, "\n"), *lines]

    def fits(places: list[int]) -> bool:
        columns = zip(*(_chosen(panel, line, places) for line in shown), strict=True)
        return sum(2 + max(map(_longest, column)) for column in columns) <= width

    tables: list[Markup] = []
    for places in _parts(panel, fits):
        columns = [_texts(panel.cells.columns[place]) for place in places]
        above = [
            [(k[-1], len([*part])) for k, part in groupby(c[:level] for c in columns)]
            for level in range(1, panel.cells.columns.nlevels)
        ]
        table = template.fill(
            "panel.html.j2",
            heading=panel.heading,
            note="continued" if tables else panel.note,
            above=above,
            labels=[str(name) for name in panel.cells.index.names],
            columns=[texts[-1] for texts in columns],
            lines=[_chosen(panel, line, places) for line in lines],
        )
        tables.append(table)
    return Markup("\n").join(tables)


def terminal(panel: Panel, width: int = 80) -> list[Table]:
    """A panel for the terminal, in as few tables as make every line fit in `width`.

    Columns of the same first level stay together where they fit. Row labels and
    headings are folded where they are long; numbers never are. A cell of several
    numbers breaks after the first.

    Args:
        panel: what to show.
        width: characters a line.
    """
    from rich.text import Text

    count = panel.cells.index.nlevels
    header, lines = _header(panel, "\n"), [_broken(panel, s) for s in _lines(panel)]
    needed = [max(map(_longest, column)) for column in zip(*lines, strict=True)]
    heads = [*map(_longest, header)]
    labels = [*map(max, heads[:count], needed[:count])]
    numbers = [
        max(cells, min(head, HEADING))
        for head, cells in zip(heads[count:], needed[count:], strict=True)
    ]

    def room(places: list[int]) -> int:
        """What these columns leave for the labels, with two between any columns."""
        return width - 1 - 2 * count - sum(2 + numbers[place] for place in places)

    least = min(sum(labels), 2 * width // 5)
    tables = []
    for places in _parts(panel, lambda places: room(places) >= least):
        widths = _squeezed(labels, room(places)) + [numbers[place] for place in places]
        shown = [_chosen(panel, line, places) for line in [header, *lines]]
        tables.append(_terminal_table(shown, widths, count))
    tables[0].title, tables[-1].caption = Text(panel.heading), Text(panel.note)
    return tables


def _parts(panel: Panel, fits: Fits) -> list[list[int]]:
    """The places of the columns, in as few parts of about equal size as fit.

    Columns of the same first level stay together where together they fit.
    """
    blocks: dict[str, list[list[int]]] = {}
    for place, column in enumerate(panel.cells.columns):
        blocks.setdefault(_texts(column)[0], []).append([place])
    return _even([*chain(*(_even(block, fits) for block in blocks.values()))], fits)


def _even(groups: list[list[int]], fits: Fits) -> list[list[int]]:
    """Neighbours in as few parts of about as many groups as fit; or the groups."""
    for number in range(1, len(groups)):
        size = -(-len(groups) // number)  # rounded up
        starts = range(0, len(groups), size)
        parts = [[*chain(*groups[start : start + size])] for start in starts]
        if all(map(fits, parts)):
            return parts
    return groups


def _squeezed(widths: Sequence[int], room: int) -> list[int]:
    """Widths that together take no more than the room, the widest being reduced."""
    reduced = [*widths]
    while sum(reduced) > max(room, len(reduced)):
        reduced[reduced.index(max(reduced))] -= 1
    return reduced


def _terminal_table(
    lines: Sequence[Sequence[str]], widths: Sequence[int], labels: int
) -> Table:
    """A table whose first line is its header, and whose first columns are labels."""
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    header, *rows = lines
    for place, (name, width) in enumerate(zip(header, widths, strict=True)):
        side: Any = "left" if place < labels else "right"
        table.add_column(Text(name), justify=side, overflow="fold", width=width)
    for row in rows:
        table.add_row(*map(Text, row))
    return table


def _broken(panel: Panel, line: list[str]) -> list[str]:
    """A line whose cells of several numbers break after the first."""
    labels = panel.cells.index.nlevels
    return line[:labels] + [text.replace(" ", "\n", 1) for text in line[labels:]]


def levels(label: Any) -> tuple[Any, ...]:
    """The levels of a row's or a column's label, which is bare where there is one."""
    return label if isinstance(label, tuple) else (label,)


def _texts(label: Any) -> list[str]:
    return [str(level) for level in levels(label)]


def _header(panel: Panel, between: str) -> list[str]:
    columns = [between.join(_texts(column)) for column in panel.cells.columns]
    return [*map(str, panel.cells.index.names), *columns]


def _chosen(panel: Panel, line: list[str], places: list[int]) -> list[str]:
    """The labels of a line, and what it has in these columns."""
    labels = panel.cells.index.nlevels
    return line[:labels] + [line[labels + place] for place in places]


def _longest(text: str) -> int:
    """Columns of a terminal that the longest line takes; a Chinese character is two."""
    from rich.cells import cell_len

    return max(map(cell_len, text.split("\n")))


def _lines(panel: Panel) -> list[list[str]]:
    return [
        [*_texts(label), *cells] for label, *cells in panel.cells.itertuples(name=None)
    ]
