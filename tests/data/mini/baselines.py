"""What pairs of sentences show to a reader who does not look at word order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import pairwise

import numpy as np
from scipy.optimize import minimize
from scipy.sparse import csr_matrix
from scipy.special import log_softmax

# The features of an item, and its label.
Example = tuple[Mapping[str, float], str]


def tokens(sentence: str, language: str) -> list[str]:
    """Words, in lower case; characters in Chinese and Japanese."""
    return re.findall(r"\w" if language in ("zh", "ja") else r"\w+", sentence.lower())


def overlap(first: str, second: str, language: str) -> dict[str, float]:
    """How much two sentences have in common."""
    one, other = tokens(first, language), tokens(second, language)
    bag, other_bag = Counter(one), Counter(other)
    shared = len(set(one) & set(other))
    return {
        "jaccard": (bag & other_bag).total() / (bag | other_bag).total(),
        "of the first": shared / len(set(one)),
        "of the second": shared / len(set(other)),
        "longer": len(one) - len(other),
        "same first word": one[0] == other[0],
        "same last word": one[-1] == other[-1],
    }


def bags(first: str, second: str) -> Counter[str]:
    """Both bags of words, their intersection and their differences, in English."""
    one, other = Counter(tokens(first, "en")), Counter(tokens(second, "en"))
    parts = {
        "1": one,
        "2": other,
        "both": one & other,
        "1-2": one - other,
        "2-1": other - one,
    }
    return Counter(
        {f"{name} {word}": n for name, bag in parts.items() for word, n in bag.items()}
    )


def ngrams(sentence: str) -> Counter[str]:
    """The words and pairs of words of one English sentence."""
    words = tokens(sentence, "en")
    return Counter([*words, *map(" ".join, pairwise(words))])


def accuracy(train: Sequence[Example], test: Sequence[Example]) -> float:
    """The test accuracy of multinomial logistic regression, L2-regularised."""
    names = sorted({name for features, _ in train for name in features})
    labels = sorted({label for _, label in train})
    x, y = _matrix(train, names), np.eye(len(labels))[_indices(train, labels)]
    shape = (x.shape[1], len(labels))

    def loss(flat: np.ndarray) -> tuple[float, np.ndarray]:
        weights = flat.reshape(shape)
        log_p = log_softmax(x @ weights, axis=1)
        slope = x.T @ (np.exp(log_p) - y) + weights
        return -(y * log_p).sum() + flat @ flat / 2, slope.ravel()

    fit = minimize(loss, np.zeros(np.prod(shape)), jac=True, method="L-BFGS-B")
    scores = _matrix(test, names) @ fit.x.reshape(shape)
    return float((scores.argmax(axis=1) == _indices(test, labels)).mean())


def _indices(examples: Sequence[Example], labels: list[str]) -> list[int]:
    return [labels.index(label) for _, label in examples]


def _matrix(examples: Sequence[Example], names: list[str]) -> csr_matrix:
    """Examples by features, without those that have no name, after a column of ones."""
    columns = {name: number for number, name in enumerate(names, start=1)}
    cells = [
        (value, row, columns[name])
        for row, (features, _) in enumerate(examples)
        for name, value in features.items()
        if name in columns
    ]
    cells += [(1.0, row, 0) for row in range(len(examples))]
    values, rows, cols = zip(*cells, strict=True)
    shape = (len(examples), len(names) + 1)
    return csr_matrix((values, (rows, cols)), shape=shape, dtype=float)
