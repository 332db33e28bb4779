"""How many rows there are, and whether those of two languages belong together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from spillover.data.corpus import AlignedCorpus
from spillover.languages import PIVOT
from spillover.lint.parts import parallel
from spillover.lint.remark import Level, Remark, listed, name, shown
from spillover.pipeline.inputs import Inputs
from spillover.study import Study, TaskUse

PAIRS = 30
"""Fewer pairs of texts say nothing about how their lengths go together."""

UNRELATED = 0.2
"""A rank correlation of lengths below which texts of one id look unrelated.

Translations reach 0.68 to 0.98 in PAWS-X, XNLI, PUD and the Debian descriptions, and
0.39 in the mini-suite, whose sentences are all of about one length. Shifted by one row,
files whose neighbouring rows have nothing in common come to -0.1 to 0.1."""

STANDS_FOR = 5
"""So many English texts with one and the same translation are no coincidence."""


def row_counts(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Rows of each language; languages with fewer than others or than asked for."""
    asked = {_name(use): use.train_rows for use in study.tasks}
    for key, data in inputs.tasks.items():
        where, n_train = f"task {key}", len(data.train)
        sizes = {code: len(items) for code, items in data.test.items()}
        least, most = min(sizes.values()), max(sizes.values())
        message = f"{_each(sizes, 'test item')}; {n_train:,} training items in English."
        yield Remark("note", "row_counts", where, None, message, least, most)
        for code, size in sizes.items():
            n = max(most, data.n_expected[code])
            if size < n:
                message = (
                    f"{name(code)} has {size:,} test items, not the {n:,} that were "
                    "asked for or that another language has."
                )
                yield Remark("warning", "row_counts", where, code, message, size, n)
        wanted = asked[key]
        if wanted is not None and n_train < wanted:
            message = (
                f"There are {n_train:,} training items, not the {wanted:,} of "
                "'train_rows'; all are taken."
            )
            yield Remark(
                "warning", "row_counts", where, PIVOT, message, n_train, wanted
            )
    for key, corpus in inputs.corpora.items():
        yield from _corpus_rows(f"corpus {key}", corpus)


def _corpus_rows(where: str, corpus: AlignedCorpus) -> Iterator[Remark]:
    n, wanted = corpus.n, corpus.n_expected
    each = _each(dict.fromkeys(corpus.sentences, n), "parallel sentence")
    yield Remark("note", "row_counts", where, None, f"{each}.", n, wanted)
    if n < wanted:
        message = (
            f"There are {n:,} parallel sentences, not the {wanted:,} that were asked "
            "for or that a language has."
        )
        yield Remark("warning", "row_counts", where, None, message, n, wanted)
    for code, lacking in corpus.missing.items():
        if lacking:
            others = "the other languages" if code == PIVOT else name(PIVOT)
            message = (
                f"{name(code)} lacks {lacking:,} of the sentences of {others}, which "
                "are left out in all languages."
            )
            yield Remark("warning", "row_counts", where, code, message, lacking, wanted)


def absent_languages(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Languages of the study that a task or a corpus does not have."""
    there = {f"task {key}": [*data.test] for key, data in inputs.tasks.items()}
    there |= {f"corpus {key}": [*c.sentences] for key, c in inputs.corpora.items()}
    for where, codes in there.items():
        absent = [code for code in study.languages if code not in codes]
        if absent:
            count, n = len(absent), len(study.languages)
            message = (
                f"{count:,} of the study's {n:,} languages are not looked at here, "
                f"whose 'languages' lack them: {', '.join(absent)}."
            )
            yield Remark("note", "absent_languages", where, None, message, count, n)


def shared_ids(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Test items whose id English lacks: scores are then of other items."""
    for key, data in inputs.tasks.items():
        english = {item.id for item in data.test[PIVOT]}
        for code, items in data.test.items():
            strange = [item.id for item in items if item.id not in english]
            count, n = len(strange), len(items)
            if not count:
                continue
            level: Level = "note" if count == n else "warning"
            share = "No" if count == n else f"Only {n - count:,} of {n:,}"
            message = (
                f"{share} test items in {name(code)} share their id with an English "
                "one: where its score differs, the items differ too."
            )
            yield Remark(
                level, "shared_ids", f"task {key}", code, message, count, n, strange[0]
            )


def alignment(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Texts with the same id whose lengths do not go together, as if rows were shifted.

    Long sentences have long translations; texts that were joined by a wrong id do not.
    """
    from scipy.stats import spearmanr

    for where, code, fields in parallel(inputs):
        for field, pairs in fields.items():
            n = len(pairs)
            source = [float(len(text)) for text, _ in pairs]
            target = [float(len(text)) for _, text in pairs]
            if n < PAIRS or len(set(source)) == 1 or len(set(target)) == 1:
                continue
            rho = float(spearmanr(source, target).statistic)
            if rho < UNRELATED:
                message = (
                    f"The lengths of {n:,} {name(code)} {field} texts and of the "
                    f"English ones with the same id have a rank correlation of "
                    f"{rho:.2f}, below {UNRELATED}: rows may be shifted."
                )
                example = shown(pairs[0][1])
                yield Remark(
                    "warning", "alignment", where, code, message, n, n, example
                )


def placeholders(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Rows that hold the placeholder of what was never translated."""
    for key, data in inputs.tasks.items():
        mark = data.task.placeholder
        for code, held in data.placeholders.items():
            items = data.test[code]
            kept = [item.id for item in items if mark in item.fields.values()]
            if held:
                yield _held(f"task {key}", code, mark, kept, len(items), held)
    for key, corpus in inputs.corpora.items():
        mark = corpus.placeholder
        for code, held in corpus.placeholders.items():
            rows = zip(corpus.ids, corpus.sentences[code], strict=True)
            kept = [id for id, text in rows if text == mark]
            if held:
                yield _held(f"corpus {key}", code, mark, kept, corpus.n, held)


def _held(
    where: str, code: str, mark: str | None, kept: Sequence[str], n: int, held: int
) -> Remark:
    if not kept:
        message = (
            f"Rows of the whole {name(code)} file with {mark!r} in place of a text: "
            f"{held:,}; none is used."
        )
        return Remark("note", "placeholders", where, code, message, held, n)
    whole = f" ({held:,} in the whole file)" if held > len(kept) else ""
    message = (
        f"In {len(kept):,} of {n:,} rows in {name(code)} {mark!r} stands in place of a "
        f"text{whole}; they are kept, and measure nothing."
    )
    return Remark(
        "warning", "placeholders", where, code, message, len(kept), n, kept[0]
    )


def stand_ins(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """One text in place of many English ones: a placeholder that nobody declared."""
    for where, code, fields in parallel(inputs):
        pairs = [pair for part in fields.values() for pair in part]
        sources = defaultdict[str, set[str]](set)
        for english, text in pairs:
            sources[text].add(english)
        for text, stands_for in sources.items():
            count = len(stands_for)
            if count >= STANDS_FOR:
                message = (
                    f"One text in {name(code)} stands for {count:,} different English "
                    f"ones ({STANDS_FOR} and more are told): if it means that nothing "
                    "was translated, declare it as 'placeholder'."
                )
                yield Remark(
                    "warning",
                    "stand_ins",
                    where,
                    code,
                    message,
                    count,
                    len(pairs),
                    shown(text),
                )


def _each(sizes: Mapping[str, int], what: str) -> str:
    """How many of something each language has, in words."""
    if len(set(sizes.values())) == 1:
        number = next(iter(sizes.values()))
        return f"{number:,} {what}s in each of {len(sizes)} languages"
    return f"{what.capitalize()}s: {listed(sizes)}"


def _name(use: TaskUse) -> str:
    return use.task if isinstance(use.task, str) else use.task.name
