"""Write study-keys.md from the models of a study: `python docs/study_keys.py`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from docstring_parser import parse
from pydantic import BaseModel

from spillover.data.columns import Columns
from spillover.data.corpus import Corpus
from spillover.data.sources import Files, Hub
from spillover.data.task import Task
from spillover.model_spec import ModelSpec
from spillover.settings import EmbedSettings, EvaluateSettings, TuneSettings
from spillover.study import CorpusUse, Study, TaskUse

SECTIONS: dict[type[BaseModel], tuple[str, str]] = {
    Study: ("The study", "The keys at the top of the file."),
    ModelSpec: (
        "Model",
        "The value of `model`. One line will do in most cases, and says the same: an "
        "embedded name, a folder, a `.gguf` file, or `repository@revision`. Exactly "
        "one of `hub`, `folder`, `gguf` and `wheel` is given.",
    ),
    TaskUse: ("Use of a task", "One entry of the list `tasks`."),
    Task: (
        "Task",
        "A task of your own, in place of its name: the value of `task` in an entry "
        "of `tasks`. See [Your own task](own-task.md).",
    ),
    CorpusUse: ("Use of a corpus", "One entry of the list `corpora`."),
    Corpus: (
        "Corpus",
        "A parallel corpus of your own, in place of its name: the value of `corpus` "
        "in an entry of `corpora`. See [Your own language](own-language.md).",
    ),
    Files: (
        "Files",
        "Where files lie: an entry of `files`, or `train`. These keys, and those of "
        "[columns](#columns).",
    ),
    Hub: (
        "Hub",
        "Where the Hub has a data set: an entry of `hub`. These keys, and those of "
        "[columns](#columns).",
    ),
    Columns: (
        "Columns",
        "What [files](#files) or a data set on the [Hub](#hub) hold: keys that both "
        "have. `{language}` and `{split}` in a text stand for the language and the "
        "split, as the source spells them.",
    ),
    TuneSettings: (
        "Tuning",
        "The value of `tune`, in the study and in an entry of `tasks`.",
    ),
    EvaluateSettings: (
        "Evaluation",
        "The value of `evaluate`, in the study and in an entry of `tasks`.",
    ),
    EmbedSettings: ("Embedding", "The value of `embed`."),
}

HEAD = """\
<!-- Written by docs/study_keys.py. The words stand in the models' docstrings. -->

# Every key of a study

A study is a YAML file. An unknown key is an error that names the nearest known one, and
all errors of a study are reported together, before anything runs. Any key can be set on
the command line too, with dots into what is nested, numbers into lists, and the value
as YAML. What is not there to go into is given whole:

    spillover run quickstart --set tune.epochs=2 --set tasks.0.test_rows=20
    spillover run quickstart --set 'model={hub: user/name, revision: COMMIT}'

Defaults are those of Xie et al. (2024) where the paper gives them;
[The paper](paper.md) says which are not. Where a text says None, leave the key out.
"""

PLAIN = {
    "integer": "whole number",
    "number": "number",
    "string": "text",
    "boolean": "`true` or `false`",
}
BOUNDS = {
    "minimum": "≥ {}",
    "exclusiveMinimum": "> {}",
    "exclusiveMaximum": "< {}",
}


def page() -> str:
    """The whole page."""
    return HEAD + "".join(section(model) for model in SECTIONS)


def section(model: type[BaseModel]) -> str:
    """A heading, and the keys that no other section has, those needed first."""
    title, where = SECTIONS[model]
    schema = model.model_json_schema()["properties"]
    shown = [
        kind
        for kind in model.__mro__[::-1]
        if issubclass(kind, BaseModel) and (kind is model or kind not in SECTIONS)
    ]
    words = {
        part.arg_name: part.description
        for kind in shown
        for part in parse(kind.__doc__ or "").params
    }
    lines = [
        f"\n## {title}\n\n{where}\n",
        "| key | value | default | |",
        "|---|---|---|---|",
    ]
    own = {name for kind in shown for name in kind.__annotations__}
    names = filter(own.__contains__, schema)
    for name in sorted(names, key=lambda name: "default" in schema[name]):
        form, text = schema[name], " ".join((words[name] or "").split())
        cells = [f"`{name}`", value(form), default(form), text]
        lines.append(
            "| " + " | ".join(cell.replace("|", r"\|") for cell in cells) + " |"
        )
    return "\n".join(lines) + "\n"


def value(form: dict[str, Any]) -> str:
    """What may stand there, from its JSON schema, in words."""
    if "$ref" in form:
        return link(form["$ref"].rpartition("/")[2])
    if "anyOf" in form:
        parts = [value(part) for part in form["anyOf"] if part.get("type") != "null"]
        return " or ".join(parts)
    if "enum" in form or "const" in form:
        return ", ".join(f"`{name}`" for name in form.get("enum", [form.get("const")]))
    if form.get("format") == "path":
        return "path"
    if form["type"] == "array":
        inner, _, bounds = value(form["items"]).partition(" ≥")
        each = f"{inner}s" if inner in PLAIN.values() else inner
        return f"list of {each}" + (f", each ≥{bounds}" if bounds else "")
    if form["type"] == "object":
        named = form.get("patternProperties") or {"": form.get("additionalProperties")}
        [inside] = named.values()
        return "settings" if inside is True else f"name: {value(inside)}"
    bounds = [text.format(form[key]) for key, text in BOUNDS.items() if key in form]
    return " ".join([PLAIN[form["type"]], ", ".join(bounds)]).strip()


def link(name: str) -> str:
    """A link to the section of a model."""
    [title] = [title for kind, (title, _) in SECTIONS.items() if kind.__name__ == name]
    return f"[{title.lower()}](#{title.lower().replace(' ', '-')})"


def default(form: dict[str, Any]) -> str:
    """The default as YAML has it."""
    if "default" not in form:
        return "must be given"
    given = form["default"]
    if given in (None, "") or "$ref" in form:
        return "–"
    return f"`{json.dumps(given)}`" if not isinstance(given, str) else f"`{given}`"


if __name__ == "__main__":
    Path(__file__).with_name("study-keys.md").write_text(page(), "utf-8")
