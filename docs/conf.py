"""How Sphinx builds these pages: `make docs`.

The built pages need no network: formulas become MathML while they are built, which
browsers draw themselves, and the theme brings all that it shows.
"""

from __future__ import annotations

from typing import Any

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx

project = "spillover"
extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]

html_theme = "furo"
html_title = project
html_copy_source = False
html_show_copyright = False
html_math_renderer = "mathml"

myst_enable_extensions = {"dollarmath"}
myst_heading_anchors = 3

default_role = "code"  # docstrings have Markdown's single backticks
autodoc_default_options = {"exclude-members": "model_config"}
autodoc_member_order = "bysource"
napoleon_use_ivar = True
nitpick_ignore_regex = [
    (
        "py:.*",
        r"(?!spillover\.).*",
    ),  # other projects' names: where they lead is on line
]


def draw(writer: Any, node: nodes.math | nodes.math_block) -> None:
    """Write a formula as MathML."""
    block = isinstance(node, nodes.math_block)
    formula = convert(node.astext(), display="block" if block else "inline")
    writer.body.append(formula)
    raise nodes.SkipNode


def escape_bars(app: Sphinx, *about: Any) -> None:
    """Keep |x| in a docstring from being a substitution."""
    lines: list[str] = about[-1]
    lines[:] = [line.replace("|", r"\|") for line in lines]


def leave_out_arguments(app: Sphinx, what: str, *about: Any) -> tuple[str, None] | None:
    """A class is made from its variables, which are said below it, in that order."""
    return ("", None) if what == "class" else None


def setup(app: Sphinx) -> None:
    """Add all of it to Sphinx."""
    app.add_html_math_renderer("mathml", (draw, None), (draw, None))
    app.connect("autodoc-process-docstring", escape_bars)
    app.connect("autodoc-process-signature", leave_out_arguments)
