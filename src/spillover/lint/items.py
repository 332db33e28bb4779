"""Items that stand more than once: within a split, and in training and test."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Collection, Hashable, Iterator, Sequence
from typing import Any

from spillover.languages import PIVOT
from spillover.lint.parts import splits, texts
from spillover.lint.remark import Level, Remark, graded, listed, name, shown
from spillover.pipeline.inputs import Inputs
from spillover.study import Study

MANY = 0.05
"""The least share of repeated rows, or of shared sentences, that is a warning."""

LEAKED = 0.1
"""The least share of test items seen in training that is an error."""


def duplicates(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Items with the texts and the answer of another; sentences that repeat another."""
    for key, data in inputs.tasks.items():
        for code, split, items in splits(data):
            keys = [(texts(data.task, item), item.gold) for item in items]
            ids = [item.id for item in items]
            what = f"{split} items in {name(code)}"
            yield from _repeated(f"task {key}", code, what, keys, ids)
    for key, corpus in inputs.corpora.items():
        for code, sentences in corpus.sentences.items():
            what = f"sentences in {name(code)}"
            yield from _repeated(f"corpus {key}", code, what, sentences, corpus.ids)


def _repeated(
    where: str, code: str, what: str, keys: Sequence[Hashable], ids: Sequence[str]
) -> Iterator[Remark]:
    seen = set[Hashable]()
    again = []
    for key, id in zip(keys, ids, strict=True):
        if key in seen:
            again.append(id)
        seen.add(key)
    if again:
        count, n = len(again), len(keys)
        level: Level = graded(count / n, warning=MANY) or "note"
        message = f"{count:,} of {n:,} {what} repeat an earlier one letter by letter."
        yield Remark(level, "duplicates", where, code, message, count, n, again[0])


def trained_items(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Test items that stand in training too, or whose English original does."""
    for key, data in inputs.tasks.items():
        # A pair has leaked the other way round, too.
        exact = {frozenset(texts(data.task, item)) for item in data.train}
        alike = {frozenset(normalised(tuple(one))) for one in exact} - {frozenset([""])}
        leaked = {
            item.id
            for item in data.test[PIVOT]
            if frozenset(normalised(texts(data.task, item))) in alike
        }
        for code, items in data.test.items():
            rows = [texts(data.task, item) for item in items]
            keys = [frozenset(row) for row in rows]
            same = [i.id for i, one in zip(items, keys, strict=True) if one in exact]
            near = [
                item.id
                for item, one, row in zip(items, keys, rows, strict=True)
                if one not in exact and frozenset(normalised(row)) in alike
            ]
            direct = {*same, *near}
            through = [i.id for i in items if i.id in leaked and i.id not in direct]
            yield from _trained(key, code, same, near, through, len(items))


def _trained(
    key: str,
    code: str,
    same: Sequence[str],
    near: Sequence[str],
    through: Sequence[str],
    n: int,
) -> Iterator[Remark]:
    found = [*same, *near, *through]
    if not found:
        return
    count = len(found)
    level: Level = graded(count / n, error=LEAKED) or "warning"
    ways = {
        "letter by letter": len(same),
        "but for case, spaces and punctuation": len(near),
        "through their English originals": len(through),
    }
    how = ", ".join(f"{number:,} {way}" for way, number in ways.items() if number)
    message = (
        f"{count:,} of {n:,} test items in {name(code)} stand in training ({how}): "
        "their answers may be remembered."
    )
    yield Remark(
        level, "trained_items", f"task {key}", code, message, count, n, found[0]
    )


def trained_texts(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Test items with a sentence that stands in a training item, in whatever field."""
    for key, data in inputs.tasks.items():
        fields = data.task.fields
        if len(fields) < 2:  # then the sentence is the item
            continue
        seen = {
            one for item in data.train for one in normalised(texts(data.task, item))
        }
        seen.discard("")
        for code, items in data.test.items():
            shared = Counter[str]()
            found: list[tuple[str, str]] = []
            for item in items:
                plain = zip(fields, normalised(texts(data.task, item)), strict=True)
                here = [field for field, one in plain if one in seen]
                shared.update(here)
                if here:
                    found.append((item.id, item.fields[here[0]]))
            if found:
                count, n = len(found), len(items)
                level: Level = graded(count / n, warning=MANY) or "note"
                message = (
                    f"{count:,} of {n:,} test items in {name(code)} hold a text that "
                    f"stands in training, but for case, spaces and punctuation "
                    f"({listed(shared)})."
                )
                where, example = f"task {key}", f"{found[0][0]}: {shown(found[0][1])}"
                yield Remark(
                    level, "trained_texts", where, code, message, count, n, example
                )


class _Plain(dict[int, str | None]):
    """For `str.translate`: drops white space and punctuation, as it meets them."""

    def __missing__(self, code: int) -> str | None:
        char = chr(code)
        dropped = unicodedata.category(char)[0] in "PZ" or char.isspace()
        self[code] = None if dropped else char
        return self[code]


_PLAIN = _Plain()


def normalised(several: Collection[str]) -> tuple[str, ...]:
    """Texts in NFKC and folded case, without white space and punctuation."""
    return tuple(
        unicodedata.normalize("NFKC", text).casefold().translate(_PLAIN)
        for text in several
    )
