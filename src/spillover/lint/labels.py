"""Whether the labels can be right: across languages, and against the texts."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spillover.data.items import Item
from spillover.data.task import Task
from spillover.languages import PIVOT
from spillover.lint.parts import splits, texts
from spillover.lint.remark import Level, Remark, graded, listed, name, shown
from spillover.pipeline.inputs import Inputs, TaskInputs
from spillover.study import Study

SWAPPED = 0.9
"""The least share of labels that an exchange of labels must explain to be named."""

DISAGREE, FAR = 0.05, 0.2
"""Shares of labels unlike the English ones: a warning, an error."""

FEW = 10
"""Fewer labels do not show an exchange."""

UNBALANCED = 0.1
"""A label is far too frequent by so much more than its share among equals."""


def label_agreement(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Labels that differ from those of the English item with the same id."""
    for key, data in _classifications(inputs):
        english = {item.id: item for item in data.test[PIVOT]}
        for code, items in data.test.items():
            both = [(english[i.id], i) for i in items if i.id in english]
            unlike = [(a, b) for a, b in both if a.gold != b.gold]
            if unlike:
                yield _disagreement(key, data.task, code, unlike, both)


def _disagreement(
    key: str,
    task: Task,
    code: str,
    unlike: Sequence[tuple[Item, Item]],
    both: Sequence[tuple[Item, Item]],
) -> Remark:
    count, n = len(unlike), len(both)
    agree = f"{n - count:,} of {n:,} labels in {name(code)} equal the English ones"
    level: Level = graded(count / n, warning=DISAGREE, error=FAR) or "note"
    swap = _exchange([(a.gold, b.gold) for a, b in both])
    marked = sum(task.placeholder in item.fields.values() for _, item in unlike)
    if swap:
        level = "error"
        how = "inverted" if len(task.answers) == 2 else "exchanged"
        rule = f"they are {how}, {_arrows(swap)}"
    elif level == "error":
        rule = "translations share their label, so these belong to other items"
    elif marked:
        rule = f"of those that differ {marked:,} of {count:,} hold a placeholder"
    else:
        rule = "translations share their label"
    message = f"{agree} ({1 - count / n:.1%}): {rule}."
    example = unlike[0][1].id
    return Remark(
        level, "label_agreement", f"task {key}", code, message, count, n, example
    )


def _exchange(golds: Sequence[tuple[str, str]]) -> Mapping[str, str] | None:
    """English label -> label, if one exchange of labels explains them; else None."""
    if len(golds) < FEW:
        return None
    counts = Counter(golds)
    likely = {
        label: max(
            (pair for pair in counts if pair[0] == label), key=counts.__getitem__
        )
        for label in sorted({label for label, _ in golds})
    }
    exchange = {label: other for label, (_, other) in likely.items()}
    same = all(label == other for label, other in exchange.items())
    explained = sum(counts[pair] for pair in likely.values()) / len(golds)
    if same or len(set(exchange.values())) < len(exchange) or explained < SWAPPED:
        return None
    return exchange


def _arrows(exchange: Mapping[str, str]) -> str:
    changed = {a: b for a, b in exchange.items() if a != b}
    return ", ".join(f"English {a!r} is {b!r}" for a, b in changed.items())


def label_balance(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Labels that are constant, absent or far from equally frequent."""
    for key, data in _classifications(inputs):
        for code, split, items in splits(data):
            if items:
                yield from _balance(key, data.task, code, split, items)


def _balance(
    key: str, task: Task, code: str, split: str, items: Sequence[Item]
) -> Iterator[Remark]:
    counts = Counter(dict.fromkeys(task.answers, 0))
    counts.update(item.gold for item in items)
    (label, count), n = counts.most_common(1)[0], len(items)
    where, what = f"task {key}", f"{split} items in {name(code)}"
    absent = [other for other, number in counts.items() if not number]
    rest = f"{1 / len(counts):.0%} if {len(counts)} labels were equally frequent"
    numbers = listed(counts.most_common())
    if count == n:
        message = f"All {n:,} {what} have the label {label!r}: nothing is told apart."
        yield Remark("error", "label_balance", where, code, message, count, n)
    elif absent:
        message = (
            f"No {what} have the label {' or '.join(map(repr, absent))} ({numbers})."
        )
        yield Remark("warning", "label_balance", where, code, message, count, n)
    elif count / n > 1 / len(counts) + UNBALANCED:
        message = (
            f"{count / n:.0%} of {n:,} {what} have the label {label!r} ({numbers}), "
            f"{rest}: always answering {task.answers[label]!r} scores as much."
        )
        yield Remark("note", "label_balance", where, code, message, count, n)


def conflicting_labels(
    study: Study, inputs: Inputs, tokenizer: Any
) -> Iterator[Remark]:
    """Items with the same texts and unlike labels; one of them must be wrong."""
    for key, data in _classifications(inputs):
        for code, split, items in splits(data):
            golds = defaultdict[tuple[str, ...], set[str]](set)
            for item in items:
                golds[texts(data.task, item)].add(item.gold)
            found = [item for item in items if len(golds[texts(data.task, item)]) > 1]
            if found:
                count, n = len(found), len(items)
                message = (
                    f"{count:,} of {n:,} {split} items in {name(code)} have the texts "
                    "of another but not its label: one of two must be wrong."
                )
                yield Remark(
                    "warning",
                    "conflicting_labels",
                    f"task {key}",
                    code,
                    message,
                    count,
                    n,
                    found[0].id,
                )


def equal_fields(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Items whose texts are all the same, and how they are labelled.

    A sentence means the same as itself, and follows from itself: where many such items
    have another label, labels or answer words may be inverted; where a few have, a
    translation has merged two sentences that differed.
    """
    for key, data in _classifications(inputs):
        for code, split, items in splits(data):
            found = [item for item in items if _says_one_thing(data.task, item)]
            if found:
                yield _equal(key, data.task, code, split, found, len(items))


def _equal(
    key: str, task: Task, code: str, split: str, found: Sequence[Item], n: int
) -> Remark:
    counts = Counter(item.gold for item in found).most_common()
    label, count = counts[0][0], len(found)
    labels = listed((task.answers[gold], number) for gold, number in counts)
    message = (
        f"{count:,} of {n:,} {split} items in {name(code)} hold the same text in "
        f"{' and '.join(task.fields)}; they are labelled {labels}"
    )
    odd = [item for item in found if item.gold != label]
    inverted = count >= FEW and task.answers[label].strip().casefold() == "no"
    level: Level = "error" if inverted else "warning" if odd else "note"
    if inverted:
        message += (
            ": a text says the same as itself, so labels or answers are inverted."
        )
    else:
        message += ": texts so alike should share one label." if odd else "."
    example = (odd or found)[0]
    text = f"{example.id}: {shown(next(iter(example.fields.values())))}"
    return Remark(level, "equal_fields", f"task {key}", code, message, count, n, text)


def _says_one_thing(task: Task, item: Item) -> bool:
    distinct = set(texts(task, item))
    return (
        len(task.fields) > 1
        and len(distinct - {task.placeholder}) == len(distinct) == 1
    )


def _classifications(inputs: Inputs) -> Iterator[tuple[str, TaskInputs]]:
    for key, data in inputs.tasks.items():
        if data.task.kind == "classification":
            yield key, data
