"""The words that the frames of mini-inference draw from, and the draw itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from random import Random
from typing import Any, Literal

from spillover.data.mini import lexicon
from spillover.data.mini.inference_grammar import Agreeing, Name, Word
from spillover.data.mini.lexicon import read

Split = Literal["train", "test"]
Entry = Mapping[str, Word]


@cache
def names(split: Split) -> tuple[Mapping[str, Name], ...]:
    """First names: translated ones for the test split, English ones for the other."""
    return tuple(
        {code: Name(str(name), word.gender) for code, name in word.text.items()}
        for word in lexicon.drawable(lexicon.NAMES, split)
    )


@cache
def entries(category: str, split: Split) -> tuple[Entry, ...]:
    """What a split may draw of a category: the words of each entry, by slot.

    An entry of one word alone has the category as its slot.
    """
    found = []
    for written in read("inference_words.yaml")[category][split]:
        if isinstance(written, str) or "en" in written:
            written = {category: written}
        found.append({slot: _word(word) for slot, word in written.items()})
    return tuple(found)


def _word(written: str | dict[str, Any]) -> Word:
    if isinstance(written, str):
        written = {"en": written}
    return {
        code: Agreeing.read(form) if isinstance(form, str) else form
        for code, form in written.items()
    }


@dataclass(frozen=True)
class Draw:
    """Draws words for one split, the same ones for every language.

    Attributes:
        split: whose words are drawn.
        random: what decides.
    """

    split: Split
    random: Random

    def names(self, count: int) -> list[Mapping[str, Name]]:
        """Different names."""
        return self.random.sample(names(self.split), count)

    def words(self, category: str, count: int) -> list[Word]:
        """Different words of a category."""
        chosen = self.random.sample(entries(category, self.split), count)
        return [entry[category] for entry in chosen]

    def entry(self, category: str) -> Entry:
        """One entry of a category."""
        return self.random.choice(entries(category, self.split))
