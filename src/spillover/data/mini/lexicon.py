"""The words of mini-paraphrase with their forms, and the names of mini-inference.

`lexicon.yaml` holds categories (names, deeds, …); a category holds, for each gender,
its words: key -> language -> word. A category without gender lists them under `any`.
`english` holds words without a translation, for the train split alone. A word stands
there as it is, or with its forms: {past: lobte, …}; the forms `f` and `m` are the bare
word for people of that gender.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

from spillover.data.mini import LANGUAGES

NAMES = "names"
Forms = dict[str, str]


@dataclass(frozen=True)
class Word:
    """A word in every language, or in English alone.

    Attributes:
        category: names, deeds, …
        gender: `f`, `m`, or `any` in a category without gender.
        text: language -> the word, or its forms by name.
    """

    category: str
    gender: str
    text: dict[str, str | Forms]

    @property
    def translated(self) -> bool:
        """Whether the word stands in every language."""
        return set(self.text) == set(LANGUAGES)

    def forms(self, language: str, gender: str = "any") -> Forms:
        """The forms of the word in a language, by name.

        Args:
            language: one of `LANGUAGES`.
            gender: that of the name with which the word agrees.
        """
        text = self.text[language]
        if isinstance(text, dict):
            return {"": text[gender], **text} if gender in text else text
        return {"": text}


@cache
def read(file: str) -> Any:
    """A YAML file of this folder."""
    return yaml.safe_load(files(__package__).joinpath(file).read_text("utf-8"))


@cache
def words(category: str) -> tuple[Word, ...]:
    """The words of a category, in the order of the file."""
    genders = dict(read("lexicon.yaml")[category])
    english = genders.pop("english", {})
    return (
        *(
            Word(category, gender, word)
            for gender, of_gender in genders.items()
            for word in of_gender.values()
        ),
        *(
            Word(category, gender, {"en": word})
            for gender, of_gender in english.items()
            for word in of_gender
        ),
    )


def drawable(category: str, split: str) -> list[Word]:
    """The words that a split draws from.

    The test split has the words that stand in every language. The train split has all
    words, but of names only those that the test split has not.
    """
    if split == "test":
        return [word for word in words(category) if word.translated]
    return [
        word for word in words(category) if category != NAMES or not word.translated
    ]
