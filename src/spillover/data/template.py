"""Templates whose one feature is a field in braces.

Text from a data set is put in as it is: a brace, a percent sign or an attribute
look-up inside it means nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from string import Formatter


def fields(template: str) -> tuple[str, ...]:
    """The names in braces, each once, in the order in which they first stand.

    Raises:
        ValueError: a brace without its partner, or a field that is more than a name.
    """
    return tuple(dict.fromkeys(name for _, name in _pieces(template) if name))


def fill(template: str, values: Mapping[str, str]) -> str:
    """`template` with each `{name}` replaced by `values[name]`; `{{` stands for `{`.

    Raises:
        KeyError: a field without a value.
        ValueError: as for `fields`.
    """
    return "".join(
        text + (values[name] if name else "") for text, name in _pieces(template)
    )


def _pieces(template: str) -> list[tuple[str, str | None]]:
    try:
        parsed = list(Formatter().parse(template))
    except ValueError as error:
        raise ValueError(
            f"{template!r} is not a template: {error}; write '{{{{' and '}}}}' for "
            "braces that are text"
        ) from error
    for _, name, spec, conversion in parsed:
        if name is not None and (not name.isidentifier() or spec or conversion):
            raise ValueError(
                f"{template!r} holds a field that is not a plain name: {name!r}"
            )
    return [(text, name) for text, name, _, _ in parsed]
