"""A study in a YAML file, or one that ships with the package."""

from __future__ import annotations

import re
from collections.abc import Iterable
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from yaml.constructor import ConstructorError

from spillover.errors import StudyError, unknown
from spillover.study import Study, parse_study

INTEGER = "tag:yaml.org,2002:int"
UNREADABLE = (yaml.YAMLError, ValueError, RecursionError)
"""What PyYAML raises; the latter two of a date that is none, and of deep nesting."""


def preset_names() -> list[str]:
    """The studies that ship with the package, sorted."""
    folder = files("spillover.presets")
    return sorted(
        path.name.removesuffix(".yaml")
        for path in folder.iterdir()
        if path.name.endswith(".yaml")
    )


def read_study(source: str | Path, overrides: Iterable[str] = ()) -> Study:
    """A study from a preset's name or a YAML file.

    Args:
        source: `quickstart`, or the path of a YAML file.
        overrides: `key=value`, with dots into nested keys (`tune.epochs=1`,
            `tasks.0.test_rows=20`) and the value as YAML.

    Raises:
        StudyError: there is no such study, or it is not a YAML mapping.
        Faults: all that is wrong in it.
    """
    text, where = _text(str(source))
    try:
        raw = yaml.load(text, _Once)  # noqa: S506 - a SafeLoader
    except UNREADABLE as error:
        raise StudyError(
            f"not YAML ({' '.join(str(error).split())})", where=where
        ) from error
    if not isinstance(raw, dict):
        raise StudyError("not a mapping of keys to values", where=where)
    for text in overrides:
        override(raw, text)
    return parse_study(raw, where)


def override(raw: dict[str, Any], text: str) -> None:
    """Put one `key=value`, as `read_study` takes it, into a mapping.

    Raises:
        StudyError: it has no '=', its value is not YAML, or there is no such place.
    """
    key, equals, value = text.partition("=")
    if not equals:
        raise StudyError(f"{text!r} has no '='", where="--set", expected="key=value")
    try:
        parsed = yaml.load(value, _Once)  # noqa: S506 - a SafeLoader
    except UNREADABLE as error:
        reason = getattr(error, "problem", None) or error
        raise StudyError(
            f"{value!r} is not YAML ({reason})", where=f"--set {key}"
        ) from error
    *path, last = key.split(".")
    place: Any = raw
    for part in path:
        if isinstance(place, list) and part.isdecimal() and int(part) < len(place):
            place = place[int(part)]
        elif isinstance(place, dict):
            place = place.setdefault(part, {})
        else:
            raise StudyError(f"no {part!r} to go into", where=f"--set {key}")
    if isinstance(place, list) and last.isdecimal() and int(last) < len(place):
        place[int(last)] = parsed
    elif isinstance(place, dict):
        place[last] = parsed
    else:
        raise StudyError(f"no place for {last!r}", where=f"--set {key}")


def _text(source: str) -> tuple[str, str]:
    if source in preset_names():
        name = f"{source}.yaml"
        return files("spillover.presets").joinpath(name).read_text("utf-8"), name
    path = Path(source)
    if path.is_file():
        try:
            return path.read_text("utf-8"), source
        except (OSError, UnicodeDecodeError) as error:
            raise StudyError(f"cannot be read ({error})", where=source) from error
    if path.suffix in (".yaml", ".yml") or "/" in source:
        raise StudyError("no such file", where=source, expected="a study in YAML")
    raise unknown("study", source, preset_names(), listing="spillover studies")


class _Once(yaml.SafeLoader):
    """Safe, and of a key that stands twice says so, where YAML takes the last one.

    A whole number is what everybody reads as one: to YAML 1.1 010 is 8, and 1:40 100.
    """

    def compose_mapping_node(self, anchor: Any) -> Any:
        node = super().compose_mapping_node(anchor)
        seen = set()
        for key, _ in node.value:
            text = str(key.value)  # 1 and "1" are one key to who reads them as text
            if text in seen:
                raise ConstructorError(
                    problem=f"the key {key.value!r} stands there twice",
                    problem_mark=key.start_mark,
                )
            seen.add(text)
        return node


_Once.yaml_implicit_resolvers = {
    first: [pair for pair in pairs if pair[0] != INTEGER]
    for first, pairs in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
_Once.add_implicit_resolver(
    INTEGER, re.compile("[-+]?(0|[1-9][0-9]*)$"), list("-+0123456789")
)
