"""The words of mini-paraphrase, and the forms that they take in a sentence.

`lexicon.yaml` holds categories (names, trades, things, …); a category holds, for each
gender, its words: key -> language -> word. A category without gender lists them under
`any`. `english` holds words without a translation, for the train split alone. A word
is written as a dictionary has it, and its forms are worked out here:

    names        Maria
    nouns        lamp · la lampe · die Lampe · la lámpara · 盏 台灯 · ランプ
    counted      lamps · lampes · Lampen · lámparas · 盏 台灯 · 台 ランプ
    other words  as they stand, or with their forms spelled out: {past: lobte, …}; the
                 forms `f` and `m` are the bare word for things of that gender

A form is named after what it looks like for a masculine noun: `du` is the French noun
with its article after `de` (du vase, de la lampe, de l'usine), `vom` the German noun
after `von`. The form named "" is the bare word.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import yaml

LANGUAGES = ("en", "fr", "de", "es", "zh", "ja")
NAMES = "names"
NOUNS = ("trades", "things", "places", "goods", "events")
COUNTED = "counted"
OPEN = (NAMES, *NOUNS, COUNTED)

Forms = dict[str, str]


@dataclass(frozen=True)
class Word:
    """A word in every language, or in English alone.

    Attributes:
        category: names, trades, …
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
            gender: that of the noun or name with which the word agrees.
        """
        text = self.text[language]
        if isinstance(text, dict):
            return {"": text[gender], **text} if gender in text else text
        if language == "en":
            vowel = text.startswith(tuple("aeiou"))
            return {"": text, "a": f"an {text}" if vowel else f"a {text}"}
        if self.category in NOUNS:
            return _noun(text, language)
        if self.category == COUNTED and language in ("zh", "ja"):
            return _counted(text)
        return {"": text}


@cache
def _lexicon() -> dict[str, dict[str, Any]]:
    text = files(__package__).joinpath("lexicon.yaml").read_text("utf-8")
    lexicon: dict[str, dict[str, Any]] = yaml.safe_load(text)
    return lexicon


def categories() -> tuple[str, ...]:
    """The categories, in the order of the file."""
    return tuple(_lexicon())


@cache
def words(category: str) -> tuple[Word, ...]:
    """The words of a category, in the order of the file."""
    genders = dict(_lexicon()[category])
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
    words, but of names and nouns only those that the test split has not.
    """
    if split == "test":
        return [word for word in words(category) if word.translated]
    return [
        word for word in words(category) if category not in OPEN or not word.translated
    ]


def _counted(noun: str) -> Forms:
    classifier, bare = noun.split(" ")
    return {"": bare, "classifier": classifier}


def _noun(noun: str, language: str) -> Forms:
    if language == "fr":
        return _french(noun)
    if language == "de":
        return _german(noun)
    if language == "es":
        return _spanish(noun)
    if language == "zh":
        return _counted(noun)
    return {"": noun}


def _french(noun: str) -> Forms:
    if noun.startswith("l'"):
        return {"": noun[2:], "le": noun, "du": f"de {noun}"}
    article, _, bare = noun.partition(" ")
    masculine = article == "le"
    return {
        "": bare,
        "le": noun,
        "du": f"du {bare}" if masculine else f"de {noun}",
        "un": f"un {bare}" if masculine else f"une {bare}",
    }


def _german(noun: str) -> Forms:
    article, _, bare = noun.partition(" ")
    masculine = article == "der"
    return {
        "": bare,
        "der": noun,
        "den": f"den {bare}" if masculine else noun,
        "vom": f"vom {bare}" if masculine else f"von der {bare}",
        "dem": f"dem {bare}" if masculine else f"der {bare}",
        "einen": f"einen {bare}" if masculine else f"eine {bare}",
        "article": "einen" if masculine else "eine",
        **({} if masculine else {"des": f"der {bare}"}),
    }


def _spanish(noun: str) -> Forms:
    article, _, bare = noun.partition(" ")
    masculine = article == "el"
    return {
        "": bare,
        "el": noun,
        "un": f"un {bare}" if masculine else f"una {bare}",
        "del": f"del {bare}" if masculine else f"de {noun}",
        "al": f"al {bare}" if masculine else f"a {noun}",
    }
