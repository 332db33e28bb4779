"""Short news items with a summary of one sentence, from event frames.

A frame is an event with slots (a flood; a town, a bridge). Each language has a file,
`summary_frames.{language}.yaml`, written in that language:

    shared    slot -> filler -> its text, for all frames
    frames    name -> numbers   slot -> its lowest and highest value (English alone)
                      slots     as `shared`, for this frame
                      document  sentences, with a blank line between them; each line
                                is a variant of the sentence
                      summary   a variant a line

A filler spells out the forms that it needs, and so states articles, case and
agreement: `toaster: {a: a toaster, the: the toaster}` in the slot `product` fills
`{product_a}` and `{product_the}`.

The test split draws from what stands in all files, so its items are parallel. The
train split, in English, draws from all frames and variants, but its fillers are those
that only the English file has, where there are any; none of its sentences stands in
the test split. The summary joins who, what and where, which are spread over the
document, whose first sentence is background: to copy the lead is no good summary.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, Literal

import yaml

from spillover.data import template
from spillover.data.mini.lexicon import LANGUAGES

SEED = 2024
TEST_PER_FRAME = 2
TRAIN_PER_FRAME = 30

Text = str | dict[str, str]


@dataclass(frozen=True)
class Frame:
    """A frame in one language.

    Attributes:
        slots: slot -> filler -> its text, or form -> text.
        numbers: slot -> the values that it may take.
        sentences: the variants of each sentence; the summary's come last.
    """

    slots: dict[str, dict[str, Text]]
    numbers: dict[str, range]
    sentences: list[list[str]]


@dataclass(frozen=True)
class Draw:
    """What one item says, in whatever language.

    Attributes:
        frame: the name of the frame.
        fillers: slot -> filler or number.
        variants: which variant of each sentence.
    """

    frame: str
    fillers: dict[str, str | int]
    variants: tuple[int, ...]


def items(split: Literal["train", "test"], language: str) -> list[dict[str, str]]:
    """The items of a split, each with its `id`, `text` and `summary`.

    Args:
        split: test, or train, which is in English.
        language: one of `LANGUAGES`; the ids are the same in all.
    """
    draws = _test() if split == "test" else _train()
    space = "" if language in ("zh", "ja") else " "
    rows, count = [], dict[str, int]()
    for draw in draws:
        count[draw.frame] = count.get(draw.frame, 0) + 1
        *document, summary = sentences(draw, language)
        rows.append(
            {
                "id": f"{split}-{draw.frame}-{count[draw.frame]}",
                "text": space.join(document),
                "summary": summary,
            }
        )
    return rows


def sentences(draw: Draw, language: str) -> list[str]:
    """The sentences of an item's document and, last, its summary."""
    frame = frames(language)[draw.frame]
    values = {}
    for slot, filler in draw.fillers.items():
        text = frame.slots[slot][filler] if isinstance(filler, str) else str(filler)
        forms = {"": text} if isinstance(text, str) else text
        values |= {f"{slot}_{form}".rstrip("_"): text for form, text in forms.items()}
    filled = (
        template.fill(variants[variant], values)
        for variants, variant in zip(frame.sentences, draw.variants, strict=True)
    )
    return [sentence[0].upper() + sentence[1:] for sentence in filled]


@cache
def frames(language: str) -> dict[str, Frame]:
    """The frames of a language, in the order of its file."""
    file = files(__package__).joinpath(f"summary_frames.{language}.yaml")
    read = yaml.safe_load(file.read_text("utf-8"))
    return {
        name: _frame(frame, read["shared"]) for name, frame in read["frames"].items()
    }


def _frame(frame: dict[str, Any], shared: dict[str, dict[str, Text]]) -> Frame:
    document = frame["document"].strip().split("\n\n")
    numbers = frame.get("numbers", {})
    return Frame(
        slots=shared | frame["slots"],
        numbers={slot: range(low, high + 1) for slot, (low, high) in numbers.items()},
        sentences=[text.strip().splitlines() for text in (*document, frame["summary"])],
    )


@cache
def _test() -> tuple[Draw, ...]:
    """The draws of the test split: in a frame, no two have a filler in common."""
    rng = Random(SEED)
    draws = []
    for name, english in frames("en").items():
        if any(name not in frames(language) for language in LANGUAGES):
            continue
        every = [frames(language)[name] for language in LANGUAGES]
        columns = {
            slot: rng.sample(_translated(slot, every), TEST_PER_FRAME)
            for slot in english.slots
        } | {
            slot: rng.sample(numbers, TEST_PER_FRAME)
            for slot, numbers in english.numbers.items()
        }
        shared = [min(map(len, v)) for v in zip(*(f.sentences for f in every), strict=True)]
        draws += [
            Draw(
                name,
                {slot: column[number] for slot, column in columns.items()},
                tuple(map(rng.randrange, shared)),
            )
            for number in range(TEST_PER_FRAME)
        ]
    return tuple(draws)


def _translated(slot: str, every: list[Frame]) -> list[str | int]:
    """The fillers of a slot that stand in every language, in the order of the first."""
    return [key for key in every[0].slots[slot] if all(key in f.slots[slot] for f in every)]


def _train() -> Iterator[Draw]:
    """The draws of the train split, none with a sentence of the test split."""
    rng = Random(SEED + 1)
    taken = {sentence for draw in _test() for sentence in sentences(draw, "en")}
    seen = set[str]()
    for name, frame in frames("en").items():
        ...
