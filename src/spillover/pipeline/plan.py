"""A study becomes steps, each with a key that holds all that its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from typing import Any, Literal

from spillover.data.items import Item, digest
from spillover.errors import Faults
from spillover.pipeline.inputs import Inputs, languages_of, resolve
from spillover.pipeline.store import Spec
from spillover.study import Study

Kind = Literal["tune", "evaluate", "embed"]

VERSIONS: Mapping[Kind, int] = {"tune": 2, "evaluate": 1, "embed": 1}
"""Raised by whoever changes what a step computes: all its results are then redone."""

NOT_IN_KEY = {"checkpoint_minutes"}
"""Settings that cannot change a result."""

LIBRARIES = ("torch", "transformers", "peft")
"""Their versions are in every key: before and after must come from the same ones."""


TRAINED, GENERATED = 5.5, 13.0
"""What a token costs in training, and one of a beam's in generation, where a token of a
forward pass costs 1: measured on two CPU cores, for the time left alone."""


@dataclass(frozen=True)
class Step:
    """One piece of work with one result.

    Attributes:
        kind: which of the three.
        spec: what the result depends on; its key names the result.
        tuned_on: the task whose adapter is in use; None: the base model.
        name: the task, or the corpus.
        language: None for tune.
        items: items or sentences to go through.
        work: a rough cost, in tokens of one forward pass.
    """

    kind: Kind
    spec: Spec
    tuned_on: str | None
    name: str
    language: str | None
    items: int
    work: float

    @property
    def label(self) -> str:
        """What the step does, in a few words."""
        return self.spec.slot


def plan(
    study: Study,
    inputs: Inputs,
    fingerprint: Mapping[str, Any],
    device: str,
    dtype: str,
) -> list[Step]:
    """The steps of a study, in the order in which they run.

    Args:
        study: the study.
        inputs: its data, free of errors.
        fingerprint: of the base model.
        device: the type of device, `cpu` or `cuda`.
        dtype: of the base weights.
    """
    common = {
        "model": dict(fingerprint),
        "device": device,
        "dtype": dtype,
        "chat": study.chat,
        "libraries": {name: version(name) for name in LIBRARIES},
    }
    steps = _evaluations(study, inputs, common, None, list(inputs.tasks))
    steps += _embeddings(study, inputs, common, None)
    for name in inputs.tasks:
        tuning = _tuning(study, inputs, common, name)
        adapted = common | {"adapter": tuning.spec.key, "adapter_dtype": dtype}
        steps.append(tuning)
        steps += _evaluations(study, inputs, adapted, name, [name])
        steps += _embeddings(study, inputs, adapted, name)
    return steps


def outline(study: Study) -> list[str]:
    """The labels of the steps that `plan` would give, from the study alone.

    Raises:
        Faults: what no data could mend.
    """
    named = resolve(study)
    if named.errors:
        raise Faults(named.errors)

    def looked_at(tuned_on: str | None, tasks: Sequence[str]) -> list[str]:
        return [
            _slot("evaluate", tuned_on, name, language)
            for name in tasks
            for language in languages_of(study, named.tasks[name][0])
        ] + [
            _slot("embed", tuned_on, name, language)
            for name, (corpus, _) in named.corpora.items()
            for language in languages_of(study, corpus)
        ]

    labels = looked_at(None, list(named.tasks))
    for name in named.tasks:
        labels += [f"tune {name}", *looked_at(name, [name])]
    return labels


def _tuning(study: Study, inputs: Inputs, common: dict[str, Any], name: str) -> Step:
    data = inputs.tasks[name]
    fields = common | {
        "version": VERSIONS["tune"],
        "prompt": _prompt(data.task),
        "items": digest(data.train),
        "settings": data.tune.model_dump(mode="json", exclude=NOT_IN_KEY),
        "seed": study.seed,
    }
    work = TRAINED * data.tune.epochs * tokens(map(_text, data.train))
    slot = f"tune {name}"
    spec = Spec("tune", slot, fields)
    return Step("tune", spec, name, name, None, len(data.train), work)


def _evaluations(
    study: Study,
    inputs: Inputs,
    common: dict[str, Any],
    tuned_on: str | None,
    names: Sequence[str],
) -> list[Step]:
    steps = []
    for name in names:
        data = inputs.tasks[name]
        settings = data.evaluate
        for language, items in data.test.items():
            fields = common | {
                "version": VERSIONS["evaluate"],
                "prompt": _prompt(data.task),
                "language": language,
                "items": digest(items),
                "settings": settings.model_dump(mode="json"),
            }
            work = tokens(map(_text, items))
            if data.task.kind == "generation":
                beams = settings.beams * settings.max_new_tokens
                work += GENERATED * len(items) * beams
            spec = Spec("evaluate", _slot("evaluate", tuned_on, name, language), fields)
            steps.append(
                Step("evaluate", spec, tuned_on, name, language, len(items), work)
            )
    return steps


def _embeddings(
    study: Study, inputs: Inputs, common: dict[str, Any], tuned_on: str | None
) -> list[Step]:
    steps = []
    # A sentence is embedded without a prompt, so the chat template plays no part.
    common = {name: value for name, value in common.items() if name != "chat"}
    for name, corpus in inputs.corpora.items():
        for language, sentences in corpus.sentences.items():
            fields = common | {
                "version": VERSIONS["embed"],
                "language": language,
                "sentences": hashlib.sha256(
                    json.dumps(sentences, ensure_ascii=False).encode()
                ).hexdigest(),
                "settings": study.embed.model_dump(mode="json"),
            }
            spec = Spec("embed", _slot("embed", tuned_on, name, language), fields)
            work = tokens(sentences)
            steps.append(
                Step("embed", spec, tuned_on, name, language, len(sentences), work)
            )
    return steps


def _slot(kind: str, tuned_on: str | None, name: str, language: str) -> str:
    state = f"after {tuned_on}" if tuned_on else "before"
    return f"{kind} {name} {language} {state}"


def _prompt(task: Any) -> dict[str, Any]:
    return {
        "task": task.name,
        "template": task.template,
        "answers": task.answers,
        "kind": task.kind,
        "metric": task.metric,
    }


def _text(item: Item) -> str:
    return "".join(item.fields.values())


def tokens(texts: Any) -> float:
    """A rough count of tokens for the time left: three bytes each, and a prompt."""
    return float(sum(len(text.encode()) / 3 + 10 for text in texts))
