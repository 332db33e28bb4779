"""One table on a page, and how it is printed: CSV, Markdown, LaTeX, HTML, terminal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain, groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd
    from markupsafe import Markup
    from rich.table import Table

_MARKDOWN_ESCAPES = str.maketrans(
    {c: f"\\{c}" for c in "\\|*<"} | {"\n": " ", "\r": " "}
)
_LATEX_ESCAPES = str.maketrans(
    {c: f"\\{c}" for c in "&%$#_{}"}
    | {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        "<": "$<$",
        ">": "$>$",
        "–": "--",
        "†": r"\dag{}",
        "ρ": r"$\rho$",
        "−": "$-$",
        "[": "{[}",  # after \\ a bracket would be read as the space to leave
        "\n": " ",
    }
)

PRINTED = 100
"""Characters of a table's line that find room on paper, at the page's size of type."""


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


def csv(panels: Sequence[Panel]) -> str:
    """The numbers of all panels as one CSV table, a gap empty; "" without panels."""
    import pandas as pd

    if not panels:
        return ""
    return pd.concat([numbers(panel) for panel in panels]).to_csv(index=False)


def numbers(panel: Panel) -> pd.DataFrame:
    """A panel's numbers as one flat table, what all rows have in common first."""
    import pandas as pd

    frame = panel.values.copy()
    frame.columns = pd.Index([" ".join(_texts(column)) for column in frame])
    frame = frame.reset_index()
    for place, (key, value) in enumerate(panel.keys.items()):
        frame.insert(place, key, value)
    return frame


def _escaped(text: str) -> str:
    """A text that Markdown shows as it is, also one that looks like a link."""
    return text.translate(_MARKDOWN_ESCAPES).replace("](", "]\\(")


def markdown(panels: Sequence[Panel]) -> str:
    """Each panel as a heading, a pipe table and its note."""
    parts = []
    for panel in panels:
        labels = panel.cells.index.nlevels
        rule = ["---"] * labels + ["---:"] * panel.cells.shape[1]
        rows = [
            [_escaped(cell) for cell in line]
            for line in [_header(panel, " "), *_lines(panel)]
        ]
        rows.insert(1, rule)
        table = "\n".join(f"| {' | '.join(row)} |" for row in rows)
        heading, note = _escaped(panel.heading), _escaped(panel.note)
        parts.append(f"### {heading}\n\n{table}\n\n{note}\n")
    return "\n".join(parts)


def latex(panels: Sequence[Panel]) -> str:
    """Each panel as a `tabular` in the manner of booktabs, to be put in by \\input.

    Heading and note stand in comments above it.
    """
    parts = []
    for panel in panels:
        labels = panel.cells.index.nlevels
        header, *body = (
            " & ".join(cell.translate(_LATEX_ESCAPES) for cell in line) + r" \\"
            for line in [_header(panel, " "), *_lines(panel)]
        )
        spec = "l" * labels + "r" * panel.cells.shape[1]
        comments = [f"% {' '.join(t.split())}" for t in (panel.heading, panel.note)]
        begin, end = rf"\begin{{tabular}}{{{spec}}}", r"\end{tabular}"
        lines = [*comments, begin, r"\toprule", header, r"\midrule", *body]
        parts.append("\n".join([*lines, r"\bottomrule", end, ""]))
    return "\n".join(parts)


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

    Columns of the same first level stay together. Long row labels are folded; numbers
    never are. A cell of several numbers breaks after the first.

    Args:
        panel: what to show.
        width: characters a line.
    """
    from rich.console import Console
    from rich.measure import Measurement
    from rich.text import Text

    console = Console(width=10_000)  # wide enough to measure anything

    def fits(places: list[int]) -> bool:
        table = _terminal_table(panel, places)
        return Measurement.get(console, console.options, table).maximum <= width

    tables = [_terminal_table(panel, places) for places in _parts(panel, fits)]
    tables[0].title, tables[-1].caption = Text(panel.heading), Text(panel.note)
    return tables


def _parts(panel: Panel, fits: Callable[[list[int]], bool]) -> list[list[int]]:
    """The places of the columns, in as few parts of about equal size as fit.

    Columns of the same first level stay together, even if alone they do not fit.
    """
    blocks: dict[str, list[int]] = {}
    for place, column in enumerate(panel.cells.columns):
        blocks.setdefault(_texts(column)[0], []).append(place)
    groups = list(blocks.values())
    parts = [[*range(panel.cells.shape[1])]]
    for number in range(1, len(groups) + 1):
        size = -(-len(groups) // number)  # rounded up
        starts = range(0, len(groups), size)
        parts = [[*chain(*groups[start : start + size])] for start in starts]
        if all(map(fits, parts)):
            break
    return parts


def _terminal_table(panel: Panel, places: list[int]) -> Table:
    from rich import box
    from rich.table import Table
    from rich.text import Text

    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1, 0, 0))
    labels = panel.cells.index.nlevels
    header = _header(panel, "\n")
    for name in header[:labels]:
        table.add_column(Text(name), overflow="fold")
    for place in places:
        table.add_column(Text(header[labels + place]), justify="right", no_wrap=True)
    for line in _lines(panel):
        shown = _chosen(panel, line, places)
        broken = [text.replace(" ", "\n", 1) for text in shown[labels:]]
        table.add_row(*map(Text, shown[:labels] + broken))
    return table


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
    return max(map(len, text.split("\n")))


def _lines(panel: Panel) -> list[list[str]]:
    return [
        [*_texts(label), *cells] for label, *cells in panel.cells.itertuples(name=None)
    ]
