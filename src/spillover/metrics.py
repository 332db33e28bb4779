"""What a prediction is worth, in [0, 1]: accuracy, ROUGE-L, the right number."""

from __future__ import annotations

import math
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from functools import cache
from typing import Any

from spillover import languages
from spillover.errors import DataError
from spillover.languages import Segmentation


def mean(scores: Sequence[float]) -> float:
    """Mean of the scores of all items.

    Raises:
        DataError: no scores, which have no mean, or one outside [0, 1].
    """
    if not scores:
        raise DataError("no item was scored, so there is no mean")
    for i, score in enumerate(scores):
        if not 0 <= score <= 1:  # also true of nan
            raise DataError(
                f"{score} is not a score", where=f"item {i}", expected="[0, 1]"
            )
    return math.fsum(scores) / len(scores)


def accuracy(predictions: Sequence[object], golds: Sequence[object]) -> float:
    """Share of items whose prediction equals the gold answer.

    A prediction of None, an answer that could not be read, counts as wrong.

    Raises:
        DataError: no items, not one prediction for each gold, or a gold of None.
    """
    if len(predictions) != len(golds):
        raise DataError(f"{len(predictions)} predictions for {len(golds)} gold answers")
    for i, gold in enumerate(golds):
        if gold is None:
            raise DataError("the gold answer is missing", where=f"item {i}")
    pairs = zip(predictions, golds, strict=True)
    return mean([float(prediction == gold) for prediction, gold in pairs])


@dataclass(frozen=True)
class RougeTokenizer:
    """The tokens that ROUGE compares, through the interface of `rouge-score`.

    Text is normalised (NFKC) and lower-cased. A token is a run of letters, digits and
    their combining marks, in any script; everything else separates. Where words are
    not set apart by spaces, each Han, Kana, Thai, Lao, Khmer or Burmese character is a
    token of its own, with its marks; runs of Latin letters or of digits stay words.

    Attributes:
        segmentation: whether the language sets spaces between words.
    """

    segmentation: Segmentation

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text, in order; none if it holds neither letter nor digit."""
        tokens: list[str] = []
        after_token = in_word = False
        for char in unicodedata.normalize("NFKC", text).lower():
            category = unicodedata.category(char)
            if category == "Cf":  # invisible: soft hyphen, joiners, direction marks
                continue
            if category[0] not in "LMN":
                after_token = in_word = False
                continue
            alone = self.segmentation == "character" and _is_unspaced(char)
            if after_token and (category[0] == "M" or (in_word and not alone)):
                tokens[-1] += char
                continue
            tokens.append(char)
            after_token, in_word = True, not alone
        return tokens


# How the Unicode names of their characters begin.
_UNSPACED = (
    *("CJK ", "IDEOGRAPHIC ", "HIRAGANA ", "KATAKANA"),
    *("THAI ", "LAO ", "KHMER ", "MYANMAR "),
)


def _is_unspaced(char: str) -> bool:
    """Whether a character, digits apart, is of a script that sets no spaces."""
    return not char.isdecimal() and unicodedata.name(char, "").startswith(_UNSPACED)


def rouge_l(prediction: str, reference: str, language: str) -> float:
    """ROUGE-L of one summary: F1 over the longest common subsequence (Lin 2004).

    Scored by Google's `rouge-score` on the tokens of `RougeTokenizer`, since its own
    tokenizer drops every letter outside a to z. Nothing is stemmed. XL-Sum's scorer
    (Hasan et al. 2021), the paper's likely one, does stem, which scores about 0.02
    higher in European languages, and cuts Chinese, Japanese and Thai into words by a
    segmenter for each; by character, as here, they score higher, Thai by far.

    Args:
        prediction: the model's text.
        reference: the text to compare with; the score is 0 if either has no token.
        language: code of the language that the reference is in.

    Raises:
        StudyError: the language is not in `spillover.languages`.
    """
    scorer = _rouge_l_scorer(languages.language(language).segmentation)
    return float(scorer.score(reference, prediction)["rougeL"].fmeasure)


@cache
def _rouge_l_scorer(segmentation: Segmentation) -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]

    return RougeScorer(["rougeL"], tokenizer=RougeTokenizer(segmentation))


# Thousands in groups (1,000 · 1.000.000 · 1 000,50 · 1,00,000), then perhaps decimals;
# otherwise a number with at most one separator, which then is the decimal one.
_NUMBER = re.compile(
    r"(?:(?<![0-9A-Za-z)])-)?"
    r"(?:(?!0)\d{1,3}(?P<group>[., ])(?:\d{2,3}(?P=group))*\d{3}(?!\d)"
    r"(?:(?!(?P=group))[.,]\d+)?"
    r"|\d+(?:[.,]\d+)?)"
)
_ASCII_MARKS = str.maketrans("，．－−٬٫\u00a0\u2009\u202f", ",.--,.   ")


def last_number(text: str) -> Decimal | None:
    """The last number in a text, as in the usual reading of an MGSM answer.

    Digits of every script count, as do a minus sign and a decimal part. A point, comma
    or space with exactly three digits after it groups thousands, whatever the language:
    the same model writes 1,000 and 1.000 for a thousand, and sums of money, the
    decimals of these answers, have two places. Fractions, powers and number words are
    not read.

    Returns:
        The number, or None if there is none.
    """
    ascii_text = "".join(
        str(unicodedata.decimal(char, char)) for char in text.translate(_ASCII_MARKS)
    )
    matches = list(_NUMBER.finditer(ascii_text))
    if not matches:
        return None
    last = matches[-1]
    number = last.group()
    if last["group"]:
        number = number.replace(last["group"], "")
    return Decimal(number.replace(",", "."))


def exact_number(prediction: str, gold: str) -> bool:
    """Whether the last number of a prediction equals that of the gold answer.

    Raises:
        DataError: the gold answer holds no number.
    """
    answer = last_number(gold)
    if answer is None:
        raise DataError(f"the gold answer {gold!r} holds no number")
    return last_number(prediction) == answer
