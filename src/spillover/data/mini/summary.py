"""Short news items with a summary of one sentence, from event frames.

A frame is an event with slots (a flood, a bridge, a town). Each language has its file
of frames, `summary_frames.{language}.yaml`, written in that language:

    shared: slot -> filler -> its form or forms, for all frames
    frames: frame -> slots, as `shared`, for this frame alone
                     numbers: slot -> its lowest and highest value (English file only)
                     document: sentences, one blank line between them; each line is a
                       variant of the sentence
                     summary: one variant a line

A filler with forms (`product: {toaster: {a: a toaster, the: the toaster}}`) fills
`{product_a}` and `{product_the}`, which is how articles, case and agreement are
stated. The test split draws from what stands in all files, so its items are
parallel; the train split, in English, draws the fillers that only the English file
has, where there are any, and all of its frames and variants. No sentence of the test
split stands in the train split.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random

import yaml

from spillover.data import template

LANGUAGES = ("en", "fr", "de", "es", "zh", "ja")
SEED = 2024
TEST_PER_FRAME = 2
TRAIN_PER_FRAME = 30

Forms = str | dict[str, str]
Fillers = dict[str, dict[str, Forms]]


@dataclass(frozen=True)
class Frame:
    """A frame in one language.

    Attributes:
        slots: slot -> filler -> its form or forms; those of all frames among them.
        numbers: slot -> its lowest and highest value.
        document: for each sentence, its variants.
        summary: the variants of the summary.
    """

    slots: Fillers
    numbers: dict[str, tuple[int, int]]
    document: list[list[str]]
    summary: list[str]

    def sentences(self) -> list[list[str]]:
        """The variants of each sentence of the document, then of the summary."""
        return [*self.document, self.summary]


@dataclass(frozen=True)
class Draw:
    """What one item says: a filler or a number for each slot, a variant a sentence."""

    fillers: Mapping[str, str | int]
    variants: tuple[int, ...]


@cache
def frames(language: str) -> dict[str, Frame]:
    """The frames of a language, in the order of its file."""
    path = files(__package__).joinpath(f"summary_frames.{language}.yaml")
    read = yaml.safe_load(path.read_text("utf-8"))
    return {
        name: Frame(
            slots={**read["shared"], **frame.get("slots", {})},
            numbers={
                slot: (low, high)
                for slot, (low, high) in frame.get("numbers", {}).items()
            },
            document=[
                sentence.splitlines()
                for sentence in frame["document"].strip().split("\n\n")
            ],
            summary=frame["summary"].strip().splitlines(),
        )
        for name, frame in read["frames"].items()
    }


def items(split: str, language: str) -> list[dict[str, str]]:
    """The items of a split in a language, each with `id`, `text` and `summary`.

    Args:
        split: "test", or "train" (English only).
        language: one of `LANGUAGES`.
    """
    if split == "train":
        return _train()
    return [
        _item(id, frames(language)[name], draw, language) for id, name, draw in _test()
    ]


def sentences(name: str, draw: Draw, language: str) -> list[str]:
    """The sentences that a draw gives in a language; the summary is the last."""
    return _sentences(frames(language)[name], draw)


def _test() -> Iterator[tuple[str, str, Draw]]:
    rng = Random(SEED)
    for name, frame in frames("en").items():
        versions = [frames(language).get(name) for language in LANGUAGES]
        if None in versions:
            continue
        for number in range(TEST_PER_FRAME):
            yield f"{name}-{number + 1}", name, _draw(rng, frame, frame)
