"""Our HTML templates, in which every text is escaped."""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from jinja2 import Environment
    from markupsafe import Markup


def own(name: str) -> str:
    """The text of a file of ours beside this one."""
    return (files("spillover.report") / name).read_text("utf-8")


def fill(name: str, **values: Any) -> Markup:
    """One of our templates with these values; what is no `Markup` is escaped.

    Raises:
        jinja2.UndefinedError: a value is missing.
    """
    from markupsafe import Markup

    filled = _environment().get_template(name).render(**values)
    return Markup(filled)  # noqa: S704 - escaped by the template


@cache
def _environment() -> Environment:
    from jinja2 import Environment, PackageLoader, StrictUndefined

    return Environment(
        loader=PackageLoader("spillover", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
