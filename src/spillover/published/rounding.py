"""Which correlations can numbers have that print as these do?"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import chain, combinations, groupby, product

import numpy as np
import numpy.typing as npt

from spillover.analysis.correlation import Correlation, correlate

SEARCH_UP_TO = 20_000
"""Most pairs of orders that are gone through; six unknown values have 4,683 orders."""

Floats = npt.NDArray[np.float64]
Ranks = tuple[float, ...]


@lru_cache(maxsize=64)
def spearman_outcomes(
    x: tuple[float, ...], y: tuple[float, ...]
) -> tuple[Correlation, ...] | None:
    """Every outcome of Spearman's ρ and its p values over numbers that print so.

    Rounding never swaps two numbers, so those printed apart keep their order, and those
    printed alike may have any, tied or not. All these orders are gone through. Numbers
    of which nothing is known are those that all print alike.

    Args:
        x: n numbers as printed, all with the same number of places.
        y: n numbers as printed.

    Returns:
        Each outcome that differs from the others, without those of all numbers tied,
        which have no ρ. None for more than `SEARCH_UP_TO` pairs of orders.
    """
    if count_orders(x) * count_orders(y) > SEARCH_UP_TO:
        return None
    found: dict[object, Correlation] = {}
    for a, b in product(orders(x), orders(y)):
        # All that ρ and both p depend on. Ranks are multiples of 1/2: sums are exact.
        key = (*sorted(a), *sorted(b), sum(i * j for i, j in zip(a, b, strict=True)))
        if key not in found:
            found[key] = correlate(_named(a), _named(b))
    return tuple(each for each in found.values() if each.value is not None)


def orders(values: Sequence[float]) -> Iterator[Ranks]:
    """The ranks that numbers printed so can have, tied numbers at their mean rank."""
    places = sorted(range(len(values)), key=values.__getitem__)
    alike = (tuple(group) for _, group in groupby(places, key=values.__getitem__))
    for parts in product(*map(_weak_orders, alike)):
        ranks = [0.0] * len(values)
        below = 0
        for tied in chain(*parts):
            for place in tied:
                ranks[place] = below + (len(tied) + 1) / 2
            below += len(tied)
        yield tuple(ranks)


def count_orders(values: Sequence[float]) -> int:
    """How many `orders` there are, without going through them."""
    ways = [1]  # of k numbers printed alike: some of them come first, then the others
    for k in range(1, len(values) + 1):
        ways.append(sum(math.comb(k, i) * ways[k - i] for i in range(1, k + 1)))
    return math.prod(ways[list(values).count(value)] for value in set(values))


def _weak_orders(members: tuple[int, ...]) -> list[tuple[tuple[int, ...], ...]]:
    """All ways to rank these, ties allowed: tuples of tied members, from the least."""
    if not members:
        return [()]
    return [
        (first, *rest)
        for size in range(1, len(members) + 1)
        for first in combinations(members, size)
        for rest in _weak_orders(tuple(m for m in members if m not in first))
    ]


def _named(ranks: Ranks) -> dict[str, float]:
    return {str(place): rank for place, rank in enumerate(ranks)}


def pearson_range(
    x: Sequence[float], y: Sequence[float], half: float
) -> tuple[float, float]:
    """The least and the greatest Pearson's r of numbers within `half` of these.

    r is continuous, so every value between the two can be had. They are found by
    L-BFGS-B (Byrd et al. 1995) from the numbers as printed and from corners of the box.
    Numbers that all print alike may be anything, and r with them anything too.

    Args:
        x: n numbers as printed, n >= 3.
        y: n numbers as printed.
        half: half a unit of the last printed place.
    """
    from scipy.optimize import minimize

    if len(set(x)) == 1 or len(set(y)) == 1:
        return -1.0, 1.0
    middle = np.array([*x, *y], dtype=np.float64)
    corners = np.random.default_rng(0).choice([-half, half], size=(8, len(middle)))
    bounds = [(number - half, number + half) for number in middle.tolist()]
    ends = []
    for sign in (1.0, -1.0):
        found = (
            minimize(_signed_r, start, (sign,), "L-BFGS-B", jac=True, bounds=bounds)
            for start in (middle, *(middle + corners))
        )
        ends.append(sign * min(float(each.fun) for each in found))
    low, high = ends
    return max(low, -1.0), min(high, 1.0)


def _signed_r(both: Floats, sign: float) -> tuple[float, Floats]:
    """`sign` times Pearson's r of the two halves, and its gradient."""
    x, y = (part - part.mean() for part in np.split(both, 2))
    size_x, size_y = np.linalg.norm(x), np.linalg.norm(y)
    if size_x == 0 or size_y == 0:  # no r here; no better than the worst
        return 1.0, np.zeros_like(both)
    u, v = x / size_x, y / size_y
    r = float(u @ v)
    return sign * r, sign * np.concatenate([(v - r * u) / size_x, (u - r * v) / size_y])
