"""The forms that the words of mini-inference take, and how a sentence is finished.

A pattern is a format string; what stands in brackets or after the colon asks a word
for a form:

    {rel:f}              plus grande · más alta, where the language has a feminine
    {did[verb]}          a form that the word names itself

Patterns leave elision to `finish`: "que Anna" and "de euros" become "qu'Anna" and
"d'euros".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

# language -> what stands between two clauses
CONJUNCTIONS = {
    "en": ", and ",
    "fr": ", et ",
    "de": ", und ",
    "es": ", y ",
    "zh": "，",
    "ja": "、",
}

# language -> pattern and replacement, applied to a whole sentence. An `h` is mute in
# every French word of the mini-suite.
ELISIONS: dict[str, tuple[str, str]] = {
    "fr": (r"\b([Dd]|[Qq]u)e (?=[AEIOUHÉaeiouhéê])", r"\1'"),
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
class Agreeing:
    """A word that agrees with a name.

    Attributes:
        m: the masculine.
        f: the feminine.
    """

    m: str
    f: str

    @classmethod
    def read(cls, written: str) -> Agreeing:
        """From "grand/grande", or from one form for both."""
        m, _, f = written.partition("/")
        return cls(m, f or m)

    def __format__(self, spec: str) -> str:
        """The form for "m" or "f"; the masculine for none."""
        return self.f if spec == "f" else self.m


Form = Name | Agreeing | Mapping[str, str]
# language -> what fills a slot of a pattern in that language
Word = Mapping[str, Form]


def fill(pattern: str, slots: Mapping[str, Word], language: str) -> str:
    """A pattern with the words of a language in its slots."""
    return pattern.format_map({name: word[language] for name, word in slots.items()})


def conjoin(first: str, second: str, language: str) -> str:
    """Two clauses as one; `<A|B>` is A in the first and B in the second."""
    first = re.sub(r"<(.*?)\|.*?>", r"\1", first)
    second = re.sub(r"<.*?\|(.*?)>", r"\1", second)
    return first + CONJUNCTIONS[language] + second


def finish(text: str, language: str) -> str:
    """A filled pattern with elisions."""
    if language not in ELISIONS:
        return text
    return re.sub(*ELISIONS[language], text)
