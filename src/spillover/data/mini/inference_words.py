"""The words that the frames of mini-inference draw from, and the draw itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from random import Random
from typing import Any, Literal

import yaml

from spillover.data.mini import lexicon
from spillover.data.mini.inference_grammar import Agreeing, Form, Name, Noun, Word

Split = Literal["train", "test"]
Entry = Mapping[str, Word]

# How the entries of a category are written, as inference_words.yaml explains.
NOUNS = {"object", "room", "goods"}
AGREEING = {"more", "less"}


@cache
def read(file: str) -> Any:
    """A YAML file of this folder."""
    return yaml.safe_load(files(__package__).joinpath(file).read_text("utf-8"))


@cache
def names(split: Split) -> tuple[Mapping[str, Name], ...]:
    """First names: translated ones for the test split, English ones for the other."""
    return tuple(
        {code: Name(str(name), word.gender) for code, name in word.text.items()}
        for word in lexicon.drawable(lexicon.NAMES, split)
    )


@cache
def entries(category: str, split: Split) -> tuple[Entry, ...]:
    """What a split may draw of a category: the words of each entry, by role.

    An entry of one word alone has the category as its role.
    """
    found = []
    for written in read("inference_words.yaml")[category][split]:
        if isinstance(written, str):
            written = {category: {"en": written}}
        elif "en" in written:
            written = {category: written}
        found.append({role: _word(role, word) for role, word in written.items()})
    return tuple(found)


def _word(role: str, written: str | dict[str, Any]) -> Word:
    if isinstance(written, str):
        written = {"en": written}
    return {code: _form(role, code, form) for code, form in written.items()}


def _form(role: str, language: str, written: str | dict[str, str]) -> Form:
    if isinstance(written, dict):
        return written
    if role in NOUNS:
        return Noun.read(language, written)
    if role in AGREEING:
        return Agreeing.read(language, written)
    return written


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
