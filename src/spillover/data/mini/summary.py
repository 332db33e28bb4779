"""Short news items with a summary of one sentence, from event frames.

A frame is an event with slots (a flood; a town, a bridge). Each language has a file,
`summary_frames.{language}.yaml`, written in that language:

    shared    slot -> filler -> its text, for all frames
    frames    name -> numbers   slot -> its lowest and highest value, and a step where
                                it is not 1 (in the English file alone)
                      slots     as `shared`, for this frame
                      document  sentences, with a blank line between them; each line
                                is a variant of the sentence
                      summary   a variant a line

A filler spells out the forms that it needs, and so states articles, case and
agreement: `toaster: {a: a toaster, the: the toaster}` in the slot `product` fills
`{product_a}` and `{product_the}`.

The test split draws from what stands in all files, so its items are parallel; the
first item of a frame takes the first variants, the second item the second. The train
split, in English, draws from all frames and variants, but its fillers are those that
only the English file has, where there are any; none of its sentences stands in the
test split. The summary joins who, what and where, which are spread over the
document, whose first sentence is background: to copy the lead is no good summary.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any

from spillover.data import template
from spillover.data.mini import LANGUAGES
from spillover.data.mini.lexicon import read

SEED = 3
TEST_PER_FRAME = 2
TRAIN_PER_FRAME = 30

Fillers = dict[str, str | int]
Slots = dict[str, dict[str, str | dict[str, str]]]


@dataclass(frozen=True)
class Draw:
    """What one item says, in whatever language.

    Attributes:
        frame: the name of the frame.
        fillers: slot -> filler or number.
        variants: which variant of each sentence of the document and of the summary.
    """

    frame: str
    fillers: Fillers
    variants: tuple[int, ...]


def items(split: str, language: str) -> list[dict[str, str]]:
    """The items of a split, each with its `id`, `text` and `summary`.

    Args:
        split: "test", or "train", which is in English.
        language: one of `LANGUAGES`; all have the same ids.
    """
    space = "" if language in ("zh", "ja") else " "
    count: Counter[str] = Counter()
    rows = []
    for draw in _test() if split == "test" else _train():
        count[draw.frame] += 1
        *document, summary = sentences(draw, language)
        rows.append(
            {
                "id": f"{draw.frame}-{count[draw.frame]}",
                "text": space.join(document),
                "summary": summary,
            }
        )
    return rows


def sentences(draw: Draw, language: str) -> list[str]:
    """The sentences of an item's document and, last, its summary."""
    slots = _slots(draw.frame, language)
    values = {}
    for slot, filler in draw.fillers.items():
        text = slots[slot][filler] if isinstance(filler, str) else str(filler)
        if isinstance(text, str):
            values[slot] = text
        else:
            values |= {f"{slot}_{form}": spelled for form, spelled in text.items()}
    filled = (
        template.fill(variants[number], values)
        for variants, number in zip(
            _sentences(draw.frame, language), draw.variants, strict=True
        )
    )
    return [sentence[0].upper() + sentence[1:] for sentence in filled]


def _file(language: str) -> Any:
    return read(f"summary_frames.{language}.yaml")


def _slots(frame: str, language: str) -> Slots:
    """The slots of a frame, with those of all frames."""
    content = _file(language)
    shared: Slots = content["shared"]
    of_frame: Slots = content["frames"].get(frame, {}).get("slots", {})
    return shared | of_frame


def _sentences(frame: str, language: str) -> list[list[str]]:
    """The variants of each sentence of a frame; the summary's come last."""
    content = _file(language)["frames"][frame]
    blocks = (*content["document"].split("\n\n"), content["summary"])
    return [block.strip().splitlines() for block in blocks]


def _values(frame: str, *, test: bool) -> dict[str, Sequence[str | int]]:
    """The fillers and numbers from which a split may draw, by slot."""
    others = [_slots(frame, language) for language in LANGUAGES if language != "en"]
    values: dict[str, Sequence[str | int]] = {}
    for slot, fillers in _slots(frame, "en").items():
        translated = [
            key
            for key in fillers
            if all(key in other.get(slot, {}) for other in others)
        ]
        english = [key for key in fillers if key not in translated]
        values[slot] = translated if test else english or translated
    for slot, (low, high, *step) in _file("en")["frames"][frame]["numbers"].items():
        values[slot] = range(low, high + 1, *step)
    return values


@cache
def _test() -> tuple[Draw, ...]:
    """The draws of the test split; those of a frame share no filler and no variant."""
    rng = Random(SEED)  # noqa: S311 (not for secrets)
    draws = []
    for frame in _file("en")["frames"]:
        if any(frame not in _file(language)["frames"] for language in LANGUAGES):
            continue
        columns = {
            slot: rng.sample(values, TEST_PER_FRAME)
            for slot, values in _values(frame, test=True).items()
        }
        length = len(_sentences(frame, "en"))
        for number in range(TEST_PER_FRAME):
            fillers = {slot: column[number] for slot, column in columns.items()}
            draws.append(Draw(frame, fillers, (number,) * length))
    return tuple(draws)


def _train() -> Iterator[Draw]:
    """The draws of the train split, without a sentence of the test split."""
    rng = Random(SEED)  # noqa: S311 (not for secrets)
    tested = {sentence for draw in _test() for sentence in sentences(draw, "en")}
    summaries = set[str]()
    for frame in _file("en")["frames"]:
        values = _values(frame, test=False)
        variants = [len(texts) for texts in _sentences(frame, "en")]
        wanted = len(summaries) + TRAIN_PER_FRAME
        while len(summaries) < wanted:
            fillers: Fillers = {slot: rng.choice(of) for slot, of in values.items()}
            draw = Draw(frame, fillers, tuple(map(rng.randrange, variants)))
            said = sentences(draw, "en")
            if said[-1] not in summaries and tested.isdisjoint(said):
                summaries.add(said[-1])
                yield draw
