"""The parts of what a study reads: splits, texts of an item, pairs of translations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from spillover.data.corpus import FIELD
from spillover.data.items import Item
from spillover.data.task import Task
from spillover.languages import PIVOT
from spillover.pipeline.inputs import Inputs, TaskInputs

Pairs = Mapping[str, Sequence[tuple[str, str]]]


def texts(task: Task, item: Item) -> tuple[str, ...]:
    """The texts of an item, in the order of the prompt."""
    return tuple(item.fields[field] for field in task.fields)


def splits(data: TaskInputs) -> list[tuple[str, str, Sequence[Item]]]:
    """Language, split and items: training, then test in every language."""
    test = [(code, "test", items) for code, items in data.test.items()]
    return [(PIVOT, "training", data.train), *test]


def parallel(inputs: Inputs) -> Iterator[tuple[str, str, Pairs]]:
    """Where, language, and (English text, text) of the same id, by field.

    Placeholders are left out, and languages without a pair.
    """
    for key, data in inputs.tasks.items():
        english = {item.id: item for item in data.test[PIVOT]}
        for code, items in data.test.items():
            shared = [(english[i.id], i) for i in items if i.id in english]
            fields = {
                field: [
                    (source.fields[field], item.fields[field])
                    for source, item in shared
                    if item.fields[field] != data.task.placeholder
                ]
                for field in data.task.fields
            }
            if code != PIVOT and any(fields.values()):
                yield f"task {key}", code, fields
    for key, corpus in inputs.corpora.items():
        for code, sentences in corpus.sentences.items():
            both = zip(corpus.sentences[PIVOT], sentences, strict=True)
            pairs = [pair for pair in both if pair[1] != corpus.placeholder]
            if code != PIVOT and pairs:
                yield f"corpus {key}", code, {FIELD: pairs}
