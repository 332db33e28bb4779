"""A study becomes steps, each with a key that holds all that its result depends on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from spillover.data.items import Item, digest
from spillover.data.task import OWN_PROMPT, Task
from spillover.errors import Faults
from spillover.languages import PIVOT
from spillover.model_spec import ModelSpec
from spillover.pipeline.inputs import Inputs, languages_of, resolve
from spillover.pipeline.store import Spec, Store
from spillover.rouge import packages, version
from spillover.settings import NOT_IN_KEY
from spillover.study import Study

VERSIONS = {"tune": 4, "evaluate": 4, "embed": 2, "compare": 2}
SCORERS = {"rougeL": 1, "exact_number": 1}
"""Raised by whoever changes what a step computes: all its results are then redone."""

OF_THE_OTHER: Mapping[str, set[str]] = {
    "classification": {"beams", "max_new_tokens"},
    "generation": {"scoring"},
}
"""Settings of evaluation that the other kind of task has no use for."""

LIBRARIES = ("torch", "transformers", "tokenizers", "peft")
"""Their versions are in every key: before and after must come from the same ones."""


TRAINED, GENERATED = 3.5, 6.0
"""What a token costs in training, and one of a beam's in generation, where a token of a
forward pass costs 1: measured on two CPU cores, for the time left alone."""

COMPARED = 2.0
"""The same for a sentence that is compared, in one layer and pooling."""


@dataclass(frozen=True, kw_only=True)
class Step:
    """One piece of work with one result.

    Attributes:
        spec: what the result depends on; its key names the result.
        name: the task, or the corpus.
        items: items or sentences to go through.
        work: a rough cost, in tokens of one forward pass.
        language: None for tune.
        tuned_on: the task whose adapter is in use; None: the base model.
        seed: of the training; None: the base model.
        prompt: evaluate: which of the task's prompts.
        upstream: the steps whose results this one reads: compare's source and target,
            else the training of the adapter in use.
    """

    spec: Spec
    name: str
    items: int
    work: float
    language: str | None = None
    tuned_on: str | None = None
    seed: int | None = None
    prompt: str = OWN_PROMPT
    upstream: tuple[Spec, ...] = ()

    @property
    def kind(self) -> str:
        """Tune, evaluate, embed or compare; the last alone needs no language model."""
        return self.spec.kind

    @property
    def label(self) -> str:
        """What the step does, in a few words."""
        return self.spec.slot


@dataclass(frozen=True)
class Prepared:
    """A study that was read and checked, and what it would run.

    Attributes:
        study: the study, its model with the commit that its branch stood at.
        inputs: its data.
        steps: its steps, in the order in which they run.
        store: where their results are kept.
        folder: where the study's results go.
        device: the device as asked for.
        hardware: the device that was found, by name, and the dtype.
    """

    study: Study
    inputs: Inputs
    steps: list[Step]
    store: Store
    folder: Path
    device: str
    hardware: str

    @property
    def todo(self) -> list[Step]:
        """The steps that have no result yet."""
        return [step for step in self.steps if not self.store.finished(step.spec)]


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
        "libraries": {name: version(name) for name in _libraries(study.model)},
    }
    base = _State(study, None, None, common)
    steps = _evaluations(base, inputs, list(inputs.tasks))
    steps += _embeddings(base, inputs)
    for seed in study.training_seeds:
        for name in inputs.tasks:
            tuning = _tuning(study, inputs, common, name, seed)
            adapted = common | {"adapter": tuning.spec.key}
            state = _State(study, name, seed, adapted, (tuning.spec,))
            steps.append(tuning)
            steps += _evaluations(state, inputs, [name])
            steps += _embeddings(state, inputs)
    return steps


def _libraries(model: ModelSpec) -> tuple[str, ...]:
    """What computes with the model; what unpacks its weights, too."""
    return (*LIBRARIES, "gguf") if model.gguf or model.wheel else LIBRARIES


@dataclass(frozen=True)
class _State:
    """A state of the model: before tuning, or after tuning on a task with a seed."""

    study: Study
    tuned_on: str | None
    seed: int | None
    fields: Mapping[str, Any]
    upstream: tuple[Spec, ...] = ()

    def slot(
        self, kind: str, name: str, language: str, prompt: str = OWN_PROMPT
    ) -> str:
        words = [kind, name, language]
        if prompt != OWN_PROMPT:
            words.append(f"prompt {prompt}")
        words.append(f"after {self.tuned_on}" if self.tuned_on else "before")
        return " ".join(words) + _seeded(self.study, self.seed)

    def step(
        self,
        kind: str,
        name: str,
        language: str,
        fields: dict[str, Any],
        items: int,
        work: float,
        prompt: str = OWN_PROMPT,
        upstream: tuple[Spec, ...] | None = None,
    ) -> Step:
        """What is done in one language with this state; see `Step`."""
        return Step(
            spec=Spec(kind, self.slot(kind, name, language, prompt), fields),
            name=name,
            items=items,
            work=work,
            language=language,
            tuned_on=self.tuned_on,
            seed=self.seed,
            prompt=prompt,
            upstream=self.upstream if upstream is None else upstream,
        )


def _seeded(study: Study, seed: int | None) -> str:
    """What tells the trainings of a study with several seeds apart."""
    several = len(study.training_seeds) > 1
    return f" seed {seed}" if several and seed is not None else ""


def outline(study: Study) -> list[str]:
    """The labels of the steps that `plan` would give, from the study alone.

    Raises:
        Faults: what no data could mend.
    """
    named = resolve(study)
    if named.errors:
        raise Faults(named.errors)

    def looked_at(state: _State, tasks: Sequence[str]) -> list[str]:
        labels = []
        for name in tasks:
            task, use = named.tasks[name]
            for prompt in (OWN_PROMPT, *use.prompts):
                for language in languages_of(study, task):
                    labels.append(state.slot("evaluate", name, language, prompt))
        for name, (corpus, _) in named.corpora.items():
            languages = languages_of(study, corpus)
            labels += [state.slot("embed", name, code) for code in languages]
            labels += [state.slot("compare", name, code) for code in languages[1:]]
        return labels

    labels = looked_at(_State(study, None, None, {}), list(named.tasks))
    for seed in study.training_seeds:
        for name in named.tasks:
            state = _State(study, name, seed, {})
            labels += [f"tune {name}{_seeded(study, seed)}", *looked_at(state, [name])]
    return labels


def _tuning(
    study: Study, inputs: Inputs, common: Mapping[str, Any], name: str, seed: int
) -> Step:
    data = inputs.tasks[name]
    fields = {
        **common,
        "version": VERSIONS["tune"],
        "prompt": _prompt(data.task),
        "items": digest(data.train),
        "settings": data.tune.model_dump(mode="json", exclude=NOT_IN_KEY),
        "seed": seed,
        "packages": {"accelerate": version("accelerate")},
    }
    work = TRAINED * data.tune.epochs * _tokens(map(_text, data.train))
    spec = Spec("tune", f"tune {name}{_seeded(study, seed)}", fields)
    return Step(
        spec=spec,
        name=name,
        items=len(data.train),
        work=work,
        tuned_on=name,
        seed=seed,
    )


def _evaluations(state: _State, inputs: Inputs, names: Sequence[str]) -> list[Step]:
    steps = []
    for name in names:
        data = inputs.tasks[name]
        for prompt, task in data.prompts.items():
            for language, items in data.test.items():
                fields = {
                    **state.fields,
                    "version": VERSIONS["evaluate"],
                    "prompt": _prompt(task) | {"task": name, "metric": task.metric},
                    "language": language,
                    "items": digest(items),
                    "settings": data.evaluate.model_dump(
                        mode="json", exclude=OF_THE_OTHER[task.kind]
                    ),
                }
                if task.kind == "generation":
                    fields["scorer"] = SCORERS[task.metric]
                if task.summarises:
                    identifier = {"py3langid": version("py3langid")}
                    fields["packages"] = packages(language) | identifier
                work = _tokens(map(_text, items))
                if task.kind == "generation":
                    beams = data.evaluate.beams * data.evaluate.max_new_tokens
                    work += GENERATED * len(items) * beams
                elif data.evaluate.scoring != "first":
                    work *= len(task.answers)
                place, n = ("evaluate", name, language), len(items)
                steps.append(state.step(*place, fields, n, work, prompt))
    return steps


def _embeddings(state: _State, inputs: Inputs) -> list[Step]:
    """The steps that embed each corpus, and compare each language with the pivot."""
    steps: list[Step] = []
    # A sentence is embedded without a prompt, so the chat template plays no part.
    common = {name: value for name, value in state.fields.items() if name != "chat"}
    settings = state.study.embed.model_dump(mode="json")
    for name, corpus in inputs.corpora.items():
        embedded: dict[str, Step] = {}
        for language, sentences in corpus.sentences.items():
            fields = common | {
                "version": VERSIONS["embed"],
                "language": language,
                "sentences": hashlib.sha256(
                    json.dumps(sentences, ensure_ascii=False).encode()
                ).hexdigest(),
                "settings": settings,
            }
            place, work = ("embed", name, language), _tokens(sentences)
            embedded[language] = state.step(*place, fields, len(sentences), work)
        steps += embedded.values()
        for language, step in embedded.items():
            if language == PIVOT:
                continue
            both = (embedded[PIVOT].spec, step.spec)
            fields = {
                "version": VERSIONS["compare"],
                "of": [spec.key for spec in both],
                "packages": {name: version(name) for name in ("numpy", "scipy")},
            }
            place, n = ("compare", name, language), step.items
            work = COMPARED * n * _places(state.study)
            steps.append(state.step(*place, fields, n, work, upstream=both))
    return steps


def _places(study: Study) -> int:
    """How many layers and poolings are looked at; of all layers, about so many."""
    layers = 33 if study.embed.layers == "all" else len(study.embed.layers)
    return layers * len(study.embed.poolings)


def _prompt(task: Task) -> dict[str, Any]:
    return {
        "kind": task.kind,
        "template": task.template,
        "answers": list(task.answers.items()),  # in their order, which breaks ties
    }


def _text(item: Item) -> str:
    return "".join(item.fields.values())


def _tokens(texts: Iterable[str]) -> float:
    """A rough count of tokens for the time left, and ten for a prompt.

    Four ASCII characters a token, and three tokens for two others: English is cheap.
    """
    count = 0.0
    for text in texts:
        plain = sum(character.isascii() for character in text)
        count += plain / 4 + 1.5 * (len(text) - plain) + 10
    return count
