"""A study's results as a notebook shows them."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from spillover.report import figures, panel
from spillover.report.answer import answer

if TYPE_CHECKING:
    from markupsafe import Markup

    from spillover.results import Results


def html(results: Results) -> Markup:
    """The answer, and Tables 1 to 3, each under its figures."""
    from markupsafe import Markup

    drawn = figures.drawings(results)
    about = ("scores", "similarity", "correlation")
    parts = [Markup("<h3>{}</h3>").format(results.study.name)]
    parts += [
        Markup("<p>{}<br><small>{}</small></p>").format(each.text, each.rests_on)
        for each in answer(results)
    ]
    for key, panels in zip(about, results.paper_panels(), strict=True):
        parts += map(_picture, drawn[key])
        parts += map(panel.html, panels)
    return Markup("\n").join(parts)


def _picture(drawing: figures.Drawing) -> Markup:
    """A figure on paper of its own, so that neither theme nor other figures reach it.

    Figures of two runs have the same ids, and a notebook is one page.
    """
    from markupsafe import Markup

    from spillover.report.figures import markup

    code = b64encode(markup.document(drawing)).decode()
    return Markup(
        "<figure><figcaption><b>{}</b></figcaption>"
        '<img alt="{}" src="data:image/svg+xml;base64,{}" '
        'style="width: 100%; max-width: {}in; background: white">'
        "<figcaption><small>{}</small></figcaption></figure>"
    ).format(
        drawing.title,
        drawing.description,
        code,
        drawing.figure.get_figwidth(),
        drawing.note,
    )
