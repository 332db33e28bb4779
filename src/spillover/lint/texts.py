"""Whether texts are in the language, and in the script, that they are said to be in."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any

from spillover.data.items import Item
from spillover.identify import (
    MIN_CONFIDENCE,
    chinese_script,
    identifiable,
    identify,
    script_share,
)
from spillover.languages import LANGUAGES
from spillover.lint.items import normalised
from spillover.lint.parts import parallel, splits, texts
from spillover.lint.remark import (
    LOOKED_AT,
    Remark,
    first,
    graded,
    listed,
    name,
    shown,
)
from spillover.pipeline.inputs import Inputs, TaskInputs
from spillover.study import Study

SHARES = {"note": 0.01, "warning": 0.05, "error": 0.5}
"""The least shares of texts in another language, or left in English, for each level."""

TOLD = 10
"""Where fewer texts have a language that could be told, their shares mean nothing."""

LONG = 20
"""Shorter texts, in letters and digits, may be the same in two languages: names."""

SCRIPTS = {"Hans": "simplified", "Hant": "traditional", "mixed": "both kinds of"}


def untranslated(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Texts that are the English ones, but for case, spaces and punctuation."""
    for where, code, fields in parallel(inputs):
        pairs = [pair for part in fields.values() for pair in part]
        plain = [(*normalised(pair), pair[1]) for pair in pairs]
        long = [row for row in plain if len(row[0]) >= LONG]
        same = [text for english, other, text in long if english == other]
        level = graded(len(same) / len(long), **SHARES) if long else None
        if level:
            count, n = len(same), len(long)
            message = (
                f"{count:,} of {n:,} texts in {name(code)} are the English ones "
                f"({count / n:.1%}; of {LONG} letters or more): not translated."
            )
            yield Remark(
                level, "untranslated", where, code, message, count, n, shown(same[0])
            )


def language(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Texts in another language than the declared one, as far as it can be told."""
    for where, code, what, rows in _texts(inputs):
        if code not in identifiable():
            message = (
                f"{name(code)} cannot be identified: nobody has looked whether the "
                f"{what} are in it."
            )
            yield Remark("note", "language", where, code, message, 0, len(rows))
            continue
        found = zip(identify(rows), rows, strict=True)
        told = [(other, text) for other, text in found if other]
        strange = [(other, text) for other, text in told if other != code]
        count, n = len(strange), len(told)
        level = graded(count / n, **SHARES) if n >= TOLD else None
        if level:
            others = Counter(other for other, _ in strange).most_common()
            message = (
                f"{count:,} of {n:,} {what} in {name(code)} are in another language "
                f"({listed(others[:5])}); {n:,} of {len(rows):,} looked at could be "
                f"told with a probability of {MIN_CONFIDENCE} or more."
            )
            example = shown(strange[0][1])
            yield Remark(level, "language", where, code, message, count, n, example)


def script(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Texts without a single letter of their language's script."""
    for where, code, what, rows in _texts(inputs):
        written = LANGUAGES[code].script
        shares = [(script_share(text, written), text) for text in rows]
        lettered = [(share, text) for share, text in shares if share is not None]
        strange = [text for share, text in lettered if share == 0]
        count, n = len(strange), len(lettered)
        level = graded(count / n, **SHARES) if n else None
        if level:
            message = (
                f"{count:,} of {n:,} {what} looked at in {name(code)} hold no letter "
                f"of its script ({written})."
            )
            example = shown(strange[0])
            yield Remark(level, "script", where, code, message, count, n, example)


def chinese(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Chinese in other characters than declared, or in those of other data sets."""
    rows = defaultdict[str, list[str]](list)
    for where, code, _, part in _texts(inputs):
        if code == "zh":
            rows[where] += part
    kinds = {where: chinese_script(part) for where, part in rows.items()}
    declared = LANGUAGES["zh"].script
    for where, kind in kinds.items():
        if kind in (None, declared):
            continue
        n = len(rows[where])
        message = f"The Chinese here is in {SCRIPTS[str(kind)]} characters ({kind})"
        others = [other for other, its in kinds.items() if its == declared]
        if others:
            message += f", that of {', '.join(others)} in {SCRIPTS[declared]} ones"
        message += f": results differ in script too ({n:,} texts looked at)."
        yield Remark("warning", "chinese", where, "zh", message, n, n)


def _texts(inputs: Inputs) -> Iterator[tuple[str, str, str, list[str]]]:
    """Where, language, what they are, and at most `LOOKED_AT` texts of each part."""
    for key, data in inputs.tasks.items():
        for code, split, items in splits(data):
            per_item = len(data.task.fields) + data.task.summarises
            chosen = first([item.id for item in items], LOOKED_AT // per_item)
            rows = [text for place in chosen for text in _of_item(data, items[place])]
            yield f"task {key}", code, f"{split} texts", rows
    for key, corpus in inputs.corpora.items():
        for code, sentences in corpus.sentences.items():
            rows = [sentences[place] for place in first(corpus.ids)]
            rows = [text for text in rows if text != corpus.placeholder]
            yield f"corpus {key}", code, "sentences", rows


def _of_item(data: TaskInputs, item: Item) -> Iterator[str]:
    """The texts of an item without placeholders, and the text it asks for."""
    for text in texts(data.task, item):
        if text != data.task.placeholder:
            yield text
    if data.task.summarises:
        yield item.gold
