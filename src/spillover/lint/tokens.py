"""What the model's tokenizer makes of answers, sentences and prompts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from statistics import median
from typing import Any

from spillover.data.items import Item
from spillover.data.task import OWN_PROMPT
from spillover.encoding import Encoder
from spillover.errors import ModelError
from spillover.languages import LANGUAGES, PIVOT
from spillover.lint.parts import splits, texts
from spillover.lint.remark import Level, Remark, first, graded, listed, name
from spillover.pipeline.inputs import Inputs, TaskInputs
from spillover.study import Study

COSTLY = 3
"""So many times the tokens of English for the same sentences is a warning."""

CUT = 0.05
"""The least share of cut prompts that is a warning."""

PROMPTS = 20
"""So many prompts of each language are looked at for BOS."""

_NEVER = 1 << 60


def answer_tokens(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """The tokens of the answer words, by the first of which they are told apart.

    They are those after the first prompt in English, and in another language where
    only there something is wrong.
    """
    for where, data, encoder in _encoders(study, inputs, tokenizer):
        if data.task.kind == "classification":
            for code, items in data.test.items():
                remark = _answers(encoder, data, where, code, items[0])
                if code == PIVOT or remark.level == "error":
                    yield remark


def _answers(
    encoder: Encoder, data: TaskInputs, where: str, code: str, item: Item
) -> Remark:
    words, n = list(encoder.task.answers.values()), len(encoder.task.answers)
    by_first = data.evaluate.scoring == "first"
    level: Level = "note"
    try:
        rows = encoder.answers(encoder.prompts([item] * n), words)
    except ModelError as error:
        message = f"{error.what}."
        return Remark("error", "answer_tokens", where, code, message, n, n)
    firsts = [row[0] for row in rows]
    twice = [w for w, id in zip(words, firsts, strict=True) if firsts.count(id) > 1]
    long = [word for word, row in zip(words, rows, strict=True) if len(row) > 1]
    if twice:
        level = "error" if by_first else "note"
        what = f"{' and '.join(map(repr, twice))} begin with the same token"
    elif long:
        level = "warning" if by_first else "note"
        what = f"More than one token: {' and '.join(map(repr, long))}"
        what += ", of which the first is read" if by_first else ""
    else:
        what = "Every answer is one token"
    decode = encoder.tokenizer.decode
    pieces = [" + ".join(repr(decode([id])) for id in row) for row in rows]
    message, count = f"{what} ({', '.join(pieces)}).", len(twice or long)
    return Remark(level, "answer_tokens", where, code, message, count, n)


def fertility(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Tokens that the same sentences take in each language; `count` of `n` in English.

    Fertility after Rust et al. (2021): tokens a word; a character where words are not
    set apart by spaces.
    """
    for key, corpus in inputs.corpora.items():
        mark = corpus.placeholder
        held = [mark in row for row in zip(*corpus.sentences.values(), strict=True)]
        places = [place for place in first(corpus.ids) if not held[place]]
        if not places:  # each of them is a placeholder somewhere
            continue
        english = 0
        for code in dict.fromkeys((PIVOT, *corpus.sentences)):
            rows = [corpus.sentences[code][place] for place in places]
            ids = tokenizer(rows, add_special_tokens=False).input_ids
            tokens = sum(map(len, ids))
            english = english or tokens
            yield _fertility(f"corpus {key}", code, rows, tokens, english)


def _fertility(
    where: str, code: str, rows: Sequence[str], tokens: int, english: int
) -> Remark:
    if LANGUAGES[code].segmentation == "space":
        unit, units = "word", sum(len(row.split()) for row in rows)
    else:
        unit = "character"
        units = sum(not char.isspace() for row in rows for char in row)
    ratio, n = tokens / max(english, 1), len(rows)
    times = "" if code == PIVOT else f", {ratio:.1f} times as many as English"
    message = (
        f"{name(code)} takes {tokens / n:.1f} tokens a sentence{times}, and "
        f"{tokens / max(units, 1):.2f} a {unit} ({n:,} sentences)."
    )
    level: Level = "warning" if ratio >= COSTLY else "note"
    return Remark(level, "fertility", where, code, message, tokens, english)


def prompt_lengths(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Tokens of the prompts, and how many are cut or do not fit into the context."""
    from spillover.models import context_of, load_config

    context = context_of(load_config(study.model))
    for where, data, encoder in _encoders(study, inputs, tokenizer):
        medians, longest, n = dict[str, str](), 0, 0
        found: list[Remark] = []
        own = encoder.task == data.task
        room = context - _answer_tokens(data, encoder)
        for code, split, items in splits(data):
            if split == "training" and not own:  # it is tuned with its own prompt
                continue
            chosen = [items[place] for place in first([item.id for item in items])]
            lengths = _lengths(encoder, split, chosen)
            if split == "test":
                medians[code] = f"{median(lengths):,.0f}"
                longest, n = max(longest, *lengths), n + len(lengths)
            rows = list(zip(chosen, lengths, strict=True))
            found += _too_long(where, data, code, split, rows, context, room)
        message = (
            f"Prompts have up to {longest:,} tokens (median {listed(medians)}; "
            f"{n:,} looked at; context {context:,})."
        )
        yield Remark("note", "prompt_lengths", where, None, message, longest, n)
        yield from found


def _lengths(encoder: Encoder, split: str, items: Sequence[Item]) -> list[int]:
    """Tokens of each prompt, uncut; in training with the answer and its end."""
    lengths = [len(prompt.ids) for prompt in encoder.prompts(items)]
    if split == "test" or not items:
        return lengths
    task = encoder.task
    golds = [task.answers.get(item.gold, item.gold) for item in items]
    answers = [encoder.space + gold for gold in golds]
    ids = encoder.tokenizer(answers, add_special_tokens=False).input_ids
    end = int(task.kind == "generation")
    return [a + len(b) + end for a, b in zip(lengths, ids, strict=True)]


def _answer_tokens(data: TaskInputs, encoder: Encoder) -> int:
    """How many tokens an answer takes at most, after a test prompt."""
    if data.task.kind == "generation":
        return data.evaluate.max_new_tokens
    if data.evaluate.scoring == "first":
        return 1
    words = [encoder.space + word for word in data.task.answers.values()]
    return max(map(len, encoder.tokenizer(words, add_special_tokens=False).input_ids))


def _too_long(
    where: str,
    data: TaskInputs,
    code: str,
    split: str,
    rows: Sequence[tuple[Item, int]],
    context: int,
    room: int,
) -> Iterator[Remark]:
    what = "prompts and answers" if split == "training" else "prompts"
    n = len(rows)
    if split == "training":
        cut_at = room = data.tune.limit(context)
    else:
        cut_at = data.evaluate.max_tokens or _NEVER
    cut = [item for item, length in rows if length > cut_at]
    lost = [item for item, length in rows if min(length, cut_at) > room]
    if lost:
        message = (
            f"{len(lost):,} of {n:,} {split} {what} in {name(code)} do not fit into "
            f"the context of {context:,} tokens: set 'max_tokens' to cut them."
        )
        yield Remark(
            "error",
            "prompt_lengths",
            where,
            code,
            message,
            len(lost),
            n,
            lost[0].id,
        )
    elif cut:
        level: Level = graded(len(cut) / n, warning=CUT) or "note"
        message = (
            f"{len(cut):,} of {n:,} {split} {what} in {name(code)} have more than "
            f"{cut_at:,} tokens and lose the end of their longest text."
        )
        yield Remark(
            level, "prompt_lengths", where, code, message, len(cut), n, cut[0].id
        )


def bos_tokens(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """How many BOS tokens a prompt begins with; two are one too many."""
    for where, data, encoder in _encoders(study, inputs, tokenizer):
        items = [item for part in data.test.values() for item in part[:PROMPTS]]
        prompts = encoder.prompts(items)
        counts = [_leading(prompt.ids, tokenizer.bos_token_id) for prompt in prompts]
        most, n, bos = max(counts), len(counts), repr(tokenizer.bos_token)
        level: Level = "error" if most > 1 else "note"
        if most > 1:
            what = f"{most} BOS tokens {bos}, so the prompt spells one too many"
        elif most:
            what = f"one BOS token {bos}"
        elif tokenizer.bos_token_id is None:
            what = "no BOS token, for the tokenizer has none"
        else:
            what = f"no BOS token: the tokenizer has {bos} and does not add it"
        message = f"Prompts begin with {what} ({n:,} looked at)."
        yield Remark(level, "bos_tokens", where, None, message, counts.count(most), n)


def _leading(ids: Sequence[int], bos: int | None) -> int:
    """How many tokens at the beginning are BOS."""
    return next((place for place, id in enumerate(ids) if id != bos), len(ids))


def special_tokens(study: Study, inputs: Inputs, tokenizer: Any) -> Iterator[Remark]:
    """Texts that spell a special token, which the tokenizer takes for the token."""
    special = tokenizer.all_special_tokens
    for where, code, what, rows in _rows(inputs):
        found = {
            id: tokens
            for id, text in rows
            if (tokens := [token for token in special if token in text])
        }
        if found:
            spelled = sorted(
                {repr(token) for tokens in found.values() for token in tokens}
            )
            message = (
                f"{len(found):,} of {len(rows):,} {what} in {name(code)} spell "
                f"{', '.join(spelled)}, which the tokenizer reads as special tokens."
            )
            counts = len(found), len(rows), next(iter(found))
            yield Remark("warning", "special_tokens", where, code, message, *counts)


def _rows(inputs: Inputs) -> Iterator[tuple[str, str, str, list[tuple[str, str]]]]:
    """Place, language, what they are, and id and text of all items and sentences."""
    for key, data in inputs.tasks.items():
        for code, split, items in splits(data):
            rows = [(item.id, "\n".join(texts(data.task, item))) for item in items]
            yield f"task {key}", code, f"{split} items", rows
    for key, corpus in inputs.corpora.items():
        for code, sentences in corpus.sentences.items():
            pairs = [*zip(corpus.ids, sentences, strict=True)]
            yield f"corpus {key}", code, "sentences", pairs


def _encoders(
    study: Study, inputs: Inputs, tokenizer: Any
) -> Iterator[tuple[str, TaskInputs, Encoder]]:
    """Where, a task's inputs, and an encoder for each of its prompts, its own first."""
    for key, data in inputs.tasks.items():
        for prompt, task in data.prompts.items():
            tail = "" if prompt == OWN_PROMPT else f", prompt {prompt}"
            yield f"task {key}{tail}", data, Encoder(tokenizer, task, chat=study.chat)
