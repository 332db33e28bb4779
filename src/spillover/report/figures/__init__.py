"""Figures of what a study found, for a page and for a paper.

Each is a view of the tidy tables, as the paper's tables are. `drawings` makes all that
there are, `svg` sets one into a page, `write_drawings` writes files. matplotlib is
loaded when one of them is called.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from spillover import writing

if TYPE_CHECKING:
    from xml.etree.ElementTree import Element

    from matplotlib.figure import Figure

    from spillover.results import Results


@dataclass(frozen=True)
class Drawing:
    """One figure with the words that belong to it.

    Attributes:
        name: stem of its files: letters a to z, digits, "-" and ".", whatever the task
            is called.
        title: what it shows, as a heading.
        description: what a person who cannot see it needs to know.
        note: how to read its marks.
        figure: 6.5 inches wide, or wider where its labels need it; no text is smaller
            than 7 points.
    """

    name: str
    title: str
    description: str
    note: str
    figure: Figure

    @cached_property
    def element(self) -> Element:
        """As SVG, which a page and a file hold with small differences."""
        from spillover.report.figures import markup

        return markup.element(self)


def drawings(results: Results) -> dict[str, list[Drawing]]:
    """All figures of a study.

    Returns:
        What they are about -> the figures; an empty list where there is nothing to
        draw. In this order: `scores`, one a task; `similarity`, one a corpus and
        pooling; `layers`, four of each, where all layers were looked at;
        `correlation`, one a task; `confusions`, one a classification task.
    """
    from spillover.report.figures import (
        confusions,
        correlation,
        layers,
        scores,
        similarity,
        style,
    )

    with style.drawing():
        return {
            "scores": scores.draw(results),
            "similarity": similarity.draw(results),
            "layers": layers.draw(results),
            "correlation": correlation.draw(results),
            "confusions": confusions.draw(results),
        }


def write_drawings(folder: Path, each: Mapping[str, Sequence[Drawing]]) -> None:
    """Write `<name>.svg` and `<name>.pdf` of each figure, the same bytes each time.

    The PDF carries its fonts. All files are made before the first is written, and each
    replaces its predecessor at once. A figure of an earlier run that this one has no
    more is removed.

    Args:
        folder: made if it does not exist.
        each: as `drawings` gives them.

    Raises:
        OutputError: a file cannot be written.
    """
    from spillover.report.figures import markup

    made = {}
    for drawing in (one for several in each.values() for one in several):
        made[folder / f"{drawing.name}.svg"] = markup.document(drawing)
        made[folder / f"{drawing.name}.pdf"] = markup.pdf(drawing)
    for path, data in made.items():
        writing.replace(path, data)
    for path in (one for about in each for one in folder.glob(f"{about}-*")):
        if path.suffix in (".svg", ".pdf") and path not in made:
            path.unlink()
