"""The page of several runs side by side: their tables, and the figures of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from spillover.report.page import fill
from spillover.report.panel import Panel, html

if TYPE_CHECKING:
    from spillover.report.figures import Drawing
    from spillover.results import Results

SECTIONS = {
    "settings": ("What differs between the runs", None),
    "findings": ("What the data say to each claim", None),
    "differences": ("How the runs differ", None),
    "scores": ("Scores before and after tuning", "scores"),
    "similarities": ("Similarity of parallel and of random sentences", "similarity"),
    "layers": ("Similarity, layer by layer", "layers"),
    "correlations": ("Scores after tuning against similarity before", "correlation"),
    "confusions": ("What was answered to what", "confusions"),
}
"""What panels are about -> the heading above them, and the figures below."""


def render(runs: Mapping[str, Results], panels: Mapping[str, Sequence[Panel]]) -> str:
    """The page, as HTML.

    Args:
        runs: name -> results, the baseline first.
        panels: as `Comparison.panels` gives them.
    """
    from spillover.report.figures import drawings

    drawn = {name: drawings(results) for name, results in runs.items()}
    sections = []
    for name, (heading, figures) in SECTIONS.items():
        each = {run: found[figures] if figures else [] for run, found in drawn.items()}
        section = {
            "name": name,
            "heading": heading,
            "tables": [(panel.heading, html(panel)) for panel in panels.get(name, ())],
            "figures": [*_rows(each)],
        }
        if section["tables"] or section["figures"] or name == "settings":
            sections.append(section)
    models = {name: results.study.model.name for name, results in runs.items()}
    return fill("compare.html.j2", models=models, sections=sections)


def _rows(drawn: Mapping[str, Sequence[Drawing]]) -> Iterator[list[Any]]:
    """For each figure that a run has the name, the drawing and the SVG of each run."""
    from markupsafe import Markup

    from spillover.report.figures.markup import inline

    rows: dict[str, list[Any]] = defaultdict(list)
    for number, (run, several) in enumerate(drawn.items(), start=1):
        for drawing in several:
            # Ids begin with the drawing's name, and must not be those of another run.
            own = replace(drawing, name=f"run{number}-{drawing.name}")
            rows[drawing.name].append((run, drawing, Markup(inline(own))))  # noqa: S704
    yield from rows.values()
