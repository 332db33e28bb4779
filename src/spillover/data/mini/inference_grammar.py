"""The forms that the words of mini-inference take, and how a sentence is finished.

A pattern is a format string; what stands after the colon asks a word for a form:

    {object:the}         the key · la clé · der Schlüssel · la llave · 钥匙 · 鍵
    {object:a acc}       a key · une clé · einen Schlüssel · una llave · 一把钥匙 · 鍵
    {room:the dat}       the kitchen · la cuisine · der Küche · la cocina · 厨房 · 台所
    {more:fp}            the feminine plural, where the language has one

Patterns leave elision and contraction to `finish`: "que Anna", "de le bain", "in dem
Bad" and "a el jardín" become "qu'Anna", "du bain", "im Bad" and "al jardín".
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

# language -> determiner and case -> gender -> form. Only German marks case, on what a
# pattern asks for with "acc" or "dat"; the others read the determiner alone.
ARTICLES: dict[str, dict[str, dict[str, str]]] = {
    "en": {"the": {"": "the"}, "a": {"": "a"}, "no": {"": "no"}},
    "fr": {
        "the": {"m": "le", "f": "la"},
        "a": {"m": "un", "f": "une"},
        "no": {"m": "aucun", "f": "aucune"},
    },
    "de": {
        "the": {"m": "der", "f": "die", "n": "das"},
        "the acc": {"m": "den", "f": "die", "n": "das"},
        "the dat": {"m": "dem", "f": "der", "n": "dem"},
        "a acc": {"m": "einen", "f": "eine", "n": "ein"},
        "no acc": {"m": "keinen", "f": "keine", "n": "kein"},
    },
    "es": {
        "the": {"m": "el", "f": "la"},
        "a": {"m": "un", "f": "una"},
        "no": {"m": "ningún", "f": "ninguna"},
    },
}

# language -> what stands between clauses, and before the last one
CONJUNCTIONS: dict[str, tuple[str, str]] = {
    "en": (", ", ", and "),
    "fr": (", ", " et "),
    "de": (", ", " und "),
    "es": (", ", " y "),
    "zh": ("，", "，"),
    "ja": ("、", "、"),
}

# language -> pattern -> replacement, applied in order to a whole sentence. An `h` is
# mute in every French word of the mini-suite.
CONTRACTIONS: dict[str, tuple[tuple[str, str], ...]] = {
    "en": ((r"\b([Aa]) (?=[aeiou])", r"\1n "),),
    "fr": (
        (r"\b([DdLlNn]|[Qq]u)[ea] (?=[AEIOUHÉaeiouhyâéèêîôû])", r"\1'"),
        (r"\bde le ", "du "),
        (r"\bà le ", "au "),
        (r"\bÀ le ", "Au "),
    ),
    "de": (
        (r"\b([Ii])n dem ", r"\1m "),
        (r"\b([Aa])n dem ", r"\1m "),
        (r"\b([Vv])on dem ", r"\1om "),
    ),
    "es": ((r"\bde el ", "del "), (r"\b([Aa]) el ", r"\1l ")),
    "zh": (),
    "ja": (),
}


class Name(str):
    """A first name.

    Attributes:
        g: "f" or "m", for what agrees with it.
    """

    g: str

    def __new__(cls, name: str, gender: str) -> Name:
        """A name of that gender."""
        self = super().__new__(cls, name)
        self.g = gender
        return self


@dataclass(frozen=True)
class Noun:
    """A noun in one language.

    Attributes:
        language: its code.
        stem: the noun itself, without article.
        gender: "m", "f" or "n"; empty where nouns have none.
        counter: the Chinese classifier; empty elsewhere.
    """

    language: str
    stem: str
    gender: str = ""
    counter: str = ""

    @classmethod
    def read(cls, language: str, written: str) -> Noun:
        """A noun as the file of words has it: "clé f", "把 钥匙", "key"."""
        if language == "zh":
            counter, stem = written.split(" ")
            return cls(language, stem, counter=counter)
        if language in {"fr", "de", "es"}:
            stem, _, gender = written.rpartition(" ")
            return cls(language, stem, gender)
        return cls(language, written)

    def __format__(self, spec: str) -> str:
        """The noun with a determiner ("the", "a", "no"), in a case ("a acc")."""
        determiner = spec.partition(" ")[0]
        if self.language == "zh":
            return f"一{self.counter}{self.stem}" if determiner == "a" else self.stem
        if self.language == "ja" or not spec:
            return self.stem
        articles = ARTICLES[self.language]
        forms = articles[spec] if self.language == "de" else articles[determiner]
        return f"{forms[self.gender]} {self.stem}"


@dataclass(frozen=True)
class Agreeing:
    """A word that agrees with a name or two.

    Attributes:
        m, f, mp, fp: the masculine and feminine, singular and plural.
    """

    m: str
    f: str
    mp: str
    fp: str

    @classmethod
    def read(cls, language: str, written: str) -> Agreeing:
        """From "grand/grande", whose plurals are regular, or one form for both."""
        forms = written.split("/")
        m, f = forms[0], forms[-1]
        if language not in {"fr", "es"}:
            return cls(m, f, m, f)
        return cls(m, f, _plural(language, m), _plural(language, f))

    def __format__(self, spec: str) -> str:
        """The form for "m", "f", "mp" or "fp"; the masculine for none."""
        forms = {"": self.m, "m": self.m, "f": self.f, "mp": self.mp, "fp": self.fp}
        return forms[spec]


Form = str | Name | Noun | Agreeing | Mapping[str, str]
# language -> what fills a slot of a pattern in that language
Word = Mapping[str, Form]


def _plural(language: str, word: str) -> str:
    if word.endswith("s"):
        return word
    return word + ("es" if language == "es" and word[-1] not in "aeiou" else "s")


def fill(pattern: str, slots: Mapping[str, Word], language: str) -> str:
    """A pattern with the words of a language in its slots."""
    return pattern.format_map({name: word[language] for name, word in slots.items()})


def conjoin(clauses: Sequence[str], language: str) -> str:
    """Clauses as one, with "and" before the last; `<A|B>` is B in the last, else A."""
    separator, final = CONJUNCTIONS[language]
    *others, last = clauses
    others = [re.sub(r"<(.*?)\|.*?>", r"\1", clause) for clause in others]
    return separator.join(others) + final + re.sub(r"<.*?\|(.*?)>", r"\1", last)


def finish(text: str, language: str) -> str:
    """A filled pattern with elisions, contractions and a capital at each start."""
    for pattern, replacement in CONTRACTIONS[language]:
        text = re.sub(pattern, replacement, text)
    return re.sub(r"(^|[.] )(\w)", lambda match: match[0].upper(), text)
