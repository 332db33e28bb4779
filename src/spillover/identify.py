"""Which language and which script a text is in, decided offline.

Languages are told apart by py3langid: naive Bayes over byte n-grams after Lui and
Baldwin (2012), retrained, with a model of 5 MB in its wheel. `docs/lint.md` compares
it with what else there is; `benchmarks/identify.py` measured that. Scripts are
Unicode's, and the two Chinese ones are read off the characters that only one of them
has (hanzidentifier, after CC-CEDICT).
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache
from typing import Any, Literal

from spillover.languages import LANGUAGES

MIN_CONFIDENCE = 0.7
"""Below it a language is not said. Of texts with 0.7 to 0.8, 99 % were right; of those
with 0.6 to 0.7, 95 %."""

MIN_LETTERS = 2
"""A text of fewer letters has no language."""

CHARACTERS = 500
"""So much of a text is read; more changes nothing but the time."""

CLEAR = 0.9
"""The least share of the texts that tell for a script to be the script of all."""

ChineseScript = Literal["Hans", "Hant", "mixed"]


def identify(texts: Sequence[str]) -> list[str | None]:
    """The language of each text, among those of `spillover.languages`.

    Kirundi and Tigrinya (`rn`, `ti`) are not known and never found.

    Args:
        texts: n texts; the first `CHARACTERS` of each count.

    Returns:
        n codes; None where the text has fewer than `MIN_LETTERS` letters, or no
        language has a probability of `MIN_CONFIDENCE`.
    """
    return [_classify(text) for text in texts]


def identifiable() -> frozenset[str]:
    """The codes of `spillover.languages` that `identify` can find."""
    return frozenset(_model().labels)


def _classify(text: str) -> str | None:
    start = text[:CHARACTERS]
    if sum(map(str.isalpha, start)) < MIN_LETTERS:
        return None
    code, confidence = _model().classify(start)
    return str(code) if confidence >= MIN_CONFIDENCE else None


@cache
def _model() -> Any:
    """Of our languages; probabilities that are calibrated over lengths of text."""
    from py3langid.langid import (  # type: ignore[import-untyped]
        MODEL_FILE,
        LanguageIdentifier,
    )

    model = LanguageIdentifier.from_model_file(MODEL_FILE, norm_probs=True)
    model.set_languages(frozenset(LANGUAGES) & frozenset(model.labels))
    return model


_LETTERS_OF = {
    "Hans": {"Hani", "Bopo"},
    "Hant": {"Hani", "Bopo"},
    "Jpan": {"Hani", "Hira", "Kana"},
    "Kore": {"Hang", "Hani"},
}
"""What ISO 15924 has one code for and Unicode's letters have several."""


def script_share(text: str, script: str) -> float | None:
    """The share of a text's letters that belong to a script.

    Args:
        text: its first `CHARACTERS` count.
        script: an ISO 15924 code that Unicode knows. Han characters belong to
            the Chinese scripts, to Japanese and to Korean.

    Returns:
        A share in [0, 1]; None for fewer than `MIN_LETTERS` letters.
    """
    letters = [char for char in text[:CHARACTERS] if char.isalpha()]
    if len(letters) < MIN_LETTERS:
        return None
    wanted = _LETTERS_OF.get(script, {script})
    return sum(not wanted.isdisjoint(_scripts(char)) for char in letters) / len(letters)


@cache
def _scripts(char: str) -> set[str]:
    from fontTools import unicodedata  # type: ignore[import-untyped]

    found: set[str] = unicodedata.script_extension(char)
    return found


def chinese_script(texts: Sequence[str]) -> ChineseScript | None:
    """Whether Chinese texts are in simplified or in traditional characters.

    A text tells if it holds a character that only one of the two has.

    Returns:
        `Hans` or `Hant` if `CLEAR` of the texts that tell hold characters of that
        script alone, else `mixed`; None if no text tells.
    """
    import hanzidentifier  # type: ignore[import-untyped]

    kinds = [hanzidentifier.identify(text) for text in texts]
    counts = {
        "Hans": kinds.count(hanzidentifier.SIMPLIFIED),
        "Hant": kinds.count(hanzidentifier.TRADITIONAL),
    }
    telling = sum(counts.values()) + kinds.count(hanzidentifier.MIXED)
    if not telling:
        return None
    if counts["Hans"] >= CLEAR * telling:
        return "Hans"
    return "Hant" if counts["Hant"] >= CLEAR * telling else "mixed"
