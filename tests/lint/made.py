"""Inputs made by hand, and what a check finds in them."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from typing import Any

from spillover.data.corpus import AlignedCorpus
from spillover.data.items import Item
from spillover.data.task import OWN_PROMPT, Task
from spillover.lint.remark import Check, Remark
from spillover.pipeline.inputs import Inputs, TaskInputs
from spillover.settings import EvaluateSettings, TuneSettings
from spillover.study import Study, parse_study

PAIRS = {
    "name": "pairs",
    "kind": "classification",
    "template": "{a} {b} Do they say the same? The answer is",
    "answers": {"1": "Yes", "0": "No"},
    "metric": "accuracy",
    "languages": ["en", "de", "fr", "zh"],
    "train_languages": ["en"],
    "placeholder": "NS",
    "files": [{"path": "{language}.{split}.jsonl", "id": "id", "target": "label"}],
}
LINES = {
    "name": "lines",
    "languages": ["en", "de", "fr", "zh"],
    "placeholder": "NS",
    "files": [{"path": "{language}.txt", "columns": {"sentence": "text"}}],
}
RAW = {
    "name": "test",
    "model": "smollm2-135m-instruct",
    "languages": ["en", "de", "fr", "zh"],
    "tasks": [{"task": PAIRS}],
    "corpora": [{"corpus": LINES}],
}
Rows = Sequence[tuple[str, str, str]]  # a, b and label


def study(**changes: Any) -> Study:
    return parse_study(RAW | changes)


def made(rows: Rows, prefix: str = "") -> list[Item]:
    return [
        Item(f"{prefix}{number}", {"a": a, "b": b}, gold)
        for number, (a, b, gold) in enumerate(rows)
    ]


def of_task(
    test: Mapping[str, list[Item]], train: Sequence[Item] = (), **changes: Any
) -> Inputs:
    """Inputs of one task."""
    task = Task.model_validate(PAIRS | changes)
    held = {
        code: sum(task.placeholder in item.fields.values() for item in part)
        for code, part in test.items()
    }
    data = TaskInputs(
        task=task,
        tune=TuneSettings(),
        evaluate=EvaluateSettings(),
        train=list(train),
        test=test,
        n_expected={code: len(part) for code, part in test.items()},
        placeholders=held,
        prompts={OWN_PROMPT: task},
    )
    return Inputs(tasks={"pairs": data})


def of_corpus(sentences: Mapping[str, list[str]], **changes: Any) -> Inputs:
    """Inputs of one corpus."""
    n = len(sentences["en"])
    facts: dict[str, Any] = {
        "ids": tuple(map(str, range(n))),
        "sentences": sentences,
        "n_expected": n,
        "missing": dict.fromkeys(sentences, 0),
        "placeholders": {code: part.count("NS") for code, part in sentences.items()},
        "placeholder": "NS",
    }
    return Inputs(corpora={"lines": AlignedCorpus(**facts | changes)})


def found(check: Check, inputs: Inputs, tokenizer: Any = None) -> list[Remark]:
    return list(check(study(), inputs, tokenizer))


def one(check: Check, inputs: Inputs, tokenizer: Any = None) -> Remark:
    [remark] = found(check, inputs, tokenizer)
    assert remark.check == check.__name__
    return remark


WORDS = ("the", "harbour", "freezes", "in winter", "and", "no", "boat", "may leave")


def drawn(
    n: int, seed: int, words: Sequence[str] = WORDS
) -> list[tuple[str, str, str]]:
    """Rows of one or two words, so that many are the same."""
    source = random.Random(seed)
    return [
        (
            " ".join(source.choices(words[:4], k=source.randint(1, 2))),
            source.choice(words[:3]),
            source.choice("01"),
        )
        for _ in range(n)
    ]
