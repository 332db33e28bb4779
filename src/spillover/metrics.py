"""What predictions are worth: the right number, the calibrated choice."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from spillover.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

Floats = npt.NDArray[np.float64]

SAME_LENGTH = "_same_length"
"""How a metric's name ends where two texts were cut to the same length."""


def is_rouge(metric: str) -> bool:
    """Whether a score by this metric is graded; others are of right answers."""
    return metric.startswith("rouge")


def headline(frame: pd.DataFrame, metrics: Mapping[str, str]) -> pd.DataFrame:
    """The rows of the metric that is looked at of each task.

    Args:
        frame: with the columns task and metric.
        metrics: task -> metric; of other tasks there is no row.
    """
    return frame[frame["metric"] == frame["task"].map(metrics)]


# Thousands in groups (1,000 · 1.000.000 · 1 000,50 · 1,00,000), then perhaps decimals;
# otherwise a number with at most one separator, which then is the decimal one.
_NUMBER = re.compile(
    r"(?:(?<![0-9A-Za-z)])-)?"
    r"(?:(?!0)\d{1,3}(?P<group>[., '])(?:\d{2,3}(?P=group))*\d{3}(?!\d)"
    r"(?:(?!(?P=group))[.,]\d+)?"
    r"|\d+(?:[.,]\d+)?)"
)
_ASCII_MARKS = str.maketrans("，．－−٬٫’\u00a0\u2009\u202f", ",.--,.'   ")


def last_number(text: str) -> Decimal | None:
    """The last number in a text, as in the usual reading of an MGSM answer.

    Digits of every script count, as do a minus sign and a decimal part. A point,
    comma, space or apostrophe with exactly three digits after it groups thousands,
    whatever the language: the same model writes 1,000 and 1.000 for a thousand, and
    sums of money, the decimals of these answers, have two places. Fractions, powers
    and number words are not read.

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


def batch_calibrated(scores: Floats) -> Floats:
    """Batch calibration (Zhou et al. 2023, arXiv 2309.17249, Eqs. 1 and 2).

    The bias of the prompt towards a label is taken to be the mean of the label's score
    over the items, and is subtracted. The paper's score is a logit, so this is the mean
    of log probabilities, not the logarithm of mean probabilities. Then it does not
    matter for the choice whether scores are logits or log probabilities, over the
    vocabulary or over the answers: for an item, those differ by one number for all
    labels. No gold label is used.

    Args:
        scores: (n, k) logits or log probabilities of k labels for n items, all of one
            task and language.

    Returns:
        (n, k), to nine decimals; each column has the mean 0. The softmax of a row is
        its probabilities.

    Raises:
        DataError: no items, or a score that is not finite.
    """
    if scores.ndim != 2 or not len(scores) or not np.isfinite(scores).all():
        raise DataError(
            f"scores of shape {scores.shape} cannot be calibrated",
            expected="finite numbers, (items, labels), at least one item",
        )
    # Rounded, so that labels that differ by an error of the mean alone are equal.
    calibrated: Floats = (scores - scores.mean(axis=0)).round(9)
    return calibrated
