"""Correlation coefficients over all orders of the languages, many at a time.

Each coefficient is the cosine of two feature vectors, one a side: Spearman's of the
centred ranks, Pearson's of the centred values, Kendall's τ-b of the signs of all
differences. So permutation tests and bootstraps of all three are matrix products.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from functools import lru_cache
from itertools import chain, permutations, product
from typing import Any, Literal, get_args

import numpy as np
import numpy.typing as npt

from spillover.errors import unknown

Floats = npt.NDArray[np.float64]
Statistic = Literal["spearman", "pearson", "kendall"]
STATISTICS: tuple[Statistic, ...] = get_args(Statistic)

EXACT_UP_TO = 9
"""Most languages of which all n! orders are tried; of more, a sample of orders."""
SAMPLE = 19_999
"""Orders in such a sample: the standard error of a p near 0.05 is then 0.0015."""
TOLERANCE = 1e-9
"""Coefficients that differ by less are equal: they differ by rounding alone."""


def settled(values: Mapping[str, float]) -> dict[str, float]:
    """Values to twelve places of the largest: what differs by rounding alone ties.

    Means of the same items in another order do, and cosines of equal vectors.
    """
    numbers = np.array([*values.values()], dtype=np.float64)
    scale = np.abs(numbers[np.isfinite(numbers)]).max(initial=0) or 1.0
    rounded = (numbers / scale).round(12) * scale
    return dict(zip(values, rounded.tolist(), strict=True))


def sampling_error(p: float, tried: int) -> float:
    """Standard error of a p by a sample of orders; never 0, as it is of all of them.

    Args:
        p: the share of the orders.
        tried: how many these are.
    """
    return math.sqrt(max(p * (1 - p), 1 / tried) / tried)


def at_most(p: float, *, sampled: bool) -> float:
    """A p, with two standard errors added where its orders were sampled."""
    return p + 2 * sampling_error(p, SAMPLE + 1) if sampled else p


def features(values: npt.NDArray[Any], statistic: Statistic) -> Floats:
    """What two sides' cosine is the coefficient of.

    Args:
        values: (..., n) values of n languages.
        statistic: which coefficient.

    Returns:
        (..., m) rows of length 1; of zeros where all n values are the same, so that
        every coefficient with them is 0. m is n, or n·(n - 1)/2 for Kendall's.
    """
    from scipy.stats import rankdata

    if statistic not in STATISTICS:
        raise unknown("statistic", statistic, STATISTICS)
    rows = np.asarray(values, dtype=np.float64)
    if statistic == "kendall":
        first, second = np.triu_indices(rows.shape[-1], 1)
        rows = np.sign(rows[..., first] - rows[..., second])
    else:
        if statistic == "spearman":
            rows = rankdata(rows, axis=-1)
        # To a range of 1 first: squares of very small or large values would not do.
        rows = rows - rows.min(axis=-1, keepdims=True)
        span = rows.max(axis=-1, keepdims=True)
        rows = rows / np.where(span == 0, 1, span)
        rows = rows - rows.mean(axis=-1, keepdims=True)
    length = np.linalg.norm(rows, axis=-1, keepdims=True)
    return np.asarray(rows / np.where(length == 0, 1, length))


def coefficients(
    x: npt.NDArray[Any], y: npt.NDArray[Any], statistic: Statistic
) -> Floats:
    """The coefficient of each row of x with the same row of y; (..., n) to (...)."""
    return np.asarray((features(x, statistic) * features(y, statistic)).sum(axis=-1))


@lru_cache(maxsize=8)
def orders(kinds: tuple[Hashable, ...]) -> tuple[npt.NDArray[np.int64], bool]:
    """Orders of languages that change places with those of their own kind alone.

    All of them where they are no more than 9!, else a sample.

    Args:
        kinds: of n languages; all the same where any may stand for any.

    Returns:
        (orders, n) integers, read-only, and whether these are all. The given order is
        the first, of a sample too: a test by sampled permutations must count it, or its
        p could be 0.
    """
    groups: dict[Hashable, list[int]] = {}
    for place, kind in enumerate(kinds):
        groups.setdefault(kind, []).append(place)
    number = math.prod(math.factorial(len(group)) for group in groups.values())
    exact = number <= math.factorial(EXACT_UP_TO)
    if exact:
        every = product(*map(permutations, groups.values()))
        places = chain.from_iterable(map(chain.from_iterable, every))
        moved = np.fromiter(places, np.int64).reshape(number, len(kinds))
    else:
        rng = np.random.default_rng(1)
        parts = [np.tile(group, (SAMPLE + 1, 1)) for group in groups.values()]
        for part in parts:
            rng.permuted(part[1:], axis=1, out=part[1:])
        moved = np.concatenate(parts, axis=1)
    result = np.empty_like(moved)
    result[:, list(chain(*groups.values()))] = moved
    result.flags.writeable = False  # the cache hands the same array to every caller
    return result, exact


def permuted(
    x: npt.NDArray[Any],
    y: npt.NDArray[Any],
    statistic: Statistic,
    chosen: npt.NDArray[Any],
) -> Floats:
    """The coefficient of each row of x with y in each of some orders.

    Args:
        x: (k, n) values.
        y: (n,) values.
        statistic: which coefficient.
        chosen: (orders, n) as from `orders`.

    Returns:
        (orders, k) coefficients.
    """
    sides = features(x, statistic).T
    if statistic == "kendall":  # its features are of pairs, so they cannot be permuted
        blocks = np.array_split(chosen, max(1, len(chosen) // 20_000))
        return np.concatenate([features(y[part], statistic) @ sides for part in blocks])
    return np.asarray(features(y, statistic)[chosen] @ sides)
