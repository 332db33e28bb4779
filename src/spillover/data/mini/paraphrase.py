"""Pairs of sentences with the same words, which say the same or do not.

A frame says one thing in several ways: `Last night, Lisa arrived before Max.`, `Lisa
arrived before Max last night.` A source gives two items: both take their first sentence
from one way and the second from another, but for one of them, which is no paraphrase,
two fillers change places in the second sentence: `Max arrived before Lisa last night.`
So the two labels have the same first sentences, and second sentences made of the same
words: neither sentence alone, nor their overlap, nor any bag of words tells the label.

Both ways have the two fillers in the same order, so that their order does tell it. It
is what a model of 135 million parameters learns within minutes: fifteen frames, a
quarter of whose pairs also turned the order (`Max arrived after Lisa`), left
SmolLM2-135M-Instruct at chance after 3,800 items.

`paraphrase_frames.yaml` holds, for each frame:

    slots      slot -> category of `lexicon.yaml`
    gender     the slots whose words have one gender
    swap       the two slots that change places
    language   the ways to say it, as many in each language; `{slot_form}` is a form of
               the slot's word, `{slot}` the bare word
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from functools import cache
from itertools import permutations
from random import Random

from spillover.data.mini import LANGUAGES, lexicon
from spillover.data.mini.lexicon import Word, read
from spillover.data.template import fields, fill

SEED = 2024
SOURCES = {"test": 20, "train": 700}

Draw = Mapping[str, Word]


@dataclass(frozen=True)
class Frame:
    """One thing to say, and the ways to say it.

    Attributes:
        slots: slot -> category.
        gender: the slots whose words have one gender.
        swap: the two slots that change places.
        ways: language -> templates.
    """

    slots: dict[str, str]
    gender: tuple[str, ...]
    swap: tuple[str, str]
    ways: dict[str, tuple[str, ...]]

    def pairs(self) -> list[tuple[int, int]]:
        """The pairs of different ways that have the two fillers in the same order.

        The order is that of the English templates.
        """
        first = [
            next(slot for slot in _slots(way) if slot in self.swap)
            for way in self.ways["en"]
        ]
        pairs = permutations(range(len(first)), 2)
        return [(one, other) for one, other in pairs if first[one] == first[other]]


@dataclass(frozen=True)
class Item:
    """A pair of sentences, before it is put into a language.

    Attributes:
        id: frame, number of the source, `a` or `b`.
        frame: the name of the frame.
        ways: the numbers of the two ways to say it.
        draw: slot -> word.
        gender: of the words in `Frame.gender`.
        label: "1" for a paraphrase, "0" otherwise.
    """

    id: str
    frame: str
    ways: tuple[int, int]
    draw: Draw
    gender: str
    label: str

    def sentences(self, language: str) -> tuple[str, str]:
        """The two sentences in a language."""
        frame = frames()[self.frame]
        first, second = (frame.ways[language][way] for way in self.ways)
        draw = self.draw if self.label == "1" else _swapped(self.draw, frame.swap)
        return (
            realise(first, self.draw, language, self.gender),
            realise(second, draw, language, self.gender),
        )


@cache
def frames() -> dict[str, Frame]:
    """The frames by name, in the order of their file."""
    return {
        name: Frame(
            slots=frame["slots"],
            gender=tuple(frame["gender"]),
            swap=(frame["swap"][0], frame["swap"][1]),
            ways={language: tuple(frame[language]) for language in LANGUAGES},
        )
        for name, frame in read("paraphrase_frames.yaml").items()
    }


def items(split: str, language: str) -> list[dict[str, str]]:
    """The items of a split in a language.

    Args:
        split: "test", the same items in every language; or "train", English only.
        language: one of `LANGUAGES`.

    Returns:
        `id`, `sentence1`, `sentence2`, `label` ("1" paraphrase, "0" not) and `frame`
        of each item.

    Raises:
        KeyError: there is no such split, or it lacks words of that language.
    """
    rows = []
    for item in _items(split):
        first, second = item.sentences(language)
        rows.append(
            {
                "id": item.id,
                "sentence1": first,
                "sentence2": second,
                "label": item.label,
                "frame": item.frame,
            }
        )
    return rows


def realise(way: str, draw: Draw, language: str, gender: str) -> str:
    """A template filled with words, its first letter a capital."""
    values = {}
    for slot, word in draw.items():
        for name, form in word.forms(language, gender).items():
            values[f"{slot}_{name}" if name else slot] = form
    text = fill(way, values)
    return text[0].upper() + text[1:]


@dataclass(frozen=True)
class Deck:
    """Words drawn in a random order, none again before all have been drawn once.

    Attributes:
        rng: what decides.
        split: whose words are drawn.
    """

    rng: Random
    split: str
    _left: dict[tuple[str, str], list[Word]] = field(default_factory=dict)

    def word(self, category: str, gender: str, taken: Collection[Word]) -> Word:
        """The next word of a category and gender ("any" for all) not yet taken."""
        left = self._left.setdefault((category, gender), [])
        if all(word in taken for word in left):
            fresh = [
                word
                for word in lexicon.drawable(category, self.split)
                if gender in ("any", word.gender) and word not in left
            ]
            self.rng.shuffle(fresh)
            left[:0] = fresh
        at = max(i for i, word in enumerate(left) if word not in taken)
        return left.pop(at)


@cache
def _items(split: str) -> tuple[Item, ...]:
    """The items of a split, shuffled."""
    rng = Random(f"{SEED} {split}")  # noqa: S311 (not for secrets)
    items = [
        item
        for name in frames()
        for item in _of_frame(name, rng, split, SOURCES[split])
    ]
    rng.shuffle(items)
    return tuple(items)


def _of_frame(name: str, rng: Random, split: str, count: int) -> Iterator[Item]:
    frame = frames()[name]
    deck = Deck(rng, split)
    pairs = frame.pairs()
    rng.shuffle(pairs)
    seen: set[tuple[str, str]] = set()
    number = 0
    while number < count:
        pair = pairs[number % len(pairs)]
        draw, gender = _draw(frame, rng, deck, split)
        labels = rng.sample("01", 2)
        source = [
            Item(
                id=f"{name}-{number + 1}{letter}",
                frame=name,
                ways=pair,
                draw=draw,
                gender=gender,
                label=label,
            )
            for letter, label in zip("ab", labels, strict=True)
        ]
        sentences = {item.sentences("en") for item in source}
        if seen.isdisjoint(sentences):
            seen |= sentences
            number += 1
            yield from source


def _draw(frame: Frame, rng: Random, deck: Deck, split: str) -> tuple[Draw, str]:
    """A word for each slot, and the gender of those that share one."""
    genders = {
        slot: {word.gender for word in lexicon.drawable(frame.slots[slot], split)}
        for slot in frame.gender
    }
    gendered = {slot: of for slot, of in genders.items() if of != {"any"}}
    gender = "any"
    if gendered:
        gender = rng.choice(sorted(set.intersection(*gendered.values())))
    draw: dict[str, Word] = {}
    for slot, category in frame.slots.items():
        of = gender if slot in gendered else "any"
        draw[slot] = deck.word(category, of, tuple(draw.values()))
    return draw, gender


def _slots(way: str) -> list[str]:
    return [name.split("_")[0] for name in fields(way)]


def _swapped(draw: Draw, slots: tuple[str, str]) -> Draw:
    one, other = slots
    return {**draw, one: draw[other], other: draw[one]}
