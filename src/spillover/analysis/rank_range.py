"""How far Spearman's ρ can go where two orders are known in part alone."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from spillover.analysis.permutation import EXACT_UP_TO, Floats, features, orders

PAIRS = 4_000_000
"""Most pairs of orders that are all looked at: 32 MB."""

Above = npt.NDArray[np.bool_]
"""(n, n): whether language i is surely above language j."""


def rho_range(
    x: Floats, y: Floats, x_above: Above, y_above: Above
) -> tuple[float, float]:
    """The least and the largest ρ of an order of x and one of y, both without ties.

    Of up to 9 languages all orders that contradict nothing are tried. Of more, or where
    these are too many, the range is bounded, and may be wider: one side is held at its
    values and the other put in the order of least ρ, each language within the ranks
    that are left to it (an assignment problem); how far the first side may turn is
    added as an angle, as ρ is the cosine of two vectors of ranks.

    Args:
        x: (n,) values.
        y: (n,) values of the same languages.
        x_above: what is sure of the order of x, and contradicts no value of it.
        y_above: of the order of y.

    Returns:
        Least and largest, with ρ of x and y between them.
    """
    value = float(features(x, "spearman") @ features(y, "spearman"))
    low, high = _exact(x_above, y_above) or _bounds(x, y, x_above, y_above)
    return max(min(low, value), -1.0), min(max(high, value), 1.0)


def _exact(x_above: Above, y_above: Above) -> tuple[float, float] | None:
    n = len(x_above)
    if n > EXACT_UP_TO:
        return None
    left, right = _compatible(x_above), _compatible(y_above)
    if len(left) * len(right) > PAIRS:
        return None
    rho = left @ right.T
    return float(rho.min()), float(rho.max())


def _compatible(above: Above) -> Floats:
    """All orders in which what is surely above is above: (k, n) features of ranks."""
    every, _ = orders((None,) * len(above))
    fits = np.ones(len(every), dtype=bool)
    for high, low in np.argwhere(above):
        fits &= every[:, high] > every[:, low]
    centred = every[fits] - (len(above) - 1) / 2
    return centred / np.linalg.norm(centred[0])


def _bounds(
    x: Floats, y: Floats, x_above: Above, y_above: Above
) -> tuple[float, float]:
    x_turn = np.arccos(_extremes(x, x_above)[0])
    y_turn = np.arccos(_extremes(y, y_above)[0])
    lows, highs = [], []
    for fixed, above, turn in ((y, x_above, y_turn), (x, y_above, x_turn)):
        low, high = np.arccos(_extremes(fixed, above))
        lows.append(np.cos(min(low + turn, np.pi)))
        highs.append(np.cos(max(high - turn, 0)))
    return float(max(lows)), float(min(highs))


def _extremes(fixed: Floats, above: Above) -> Floats:
    """Least and largest ρ of values with an order; (2,), in [-1, 1]."""
    from scipy.optimize import linear_sum_assignment

    n = len(fixed)
    ranks = np.arange(n)
    least, most = above.sum(axis=1), n - 1 - above.sum(axis=0)
    closed = (ranks < least[:, None]) | (ranks > most[:, None])
    gain = np.outer(features(fixed, "spearman"), features(ranks, "spearman"))
    found = []
    for sign in (1, -1):
        rows, columns = linear_sum_assignment(np.where(closed, np.inf, sign * gain))
        found.append(gain[rows, columns].sum())
    return np.asarray(np.clip(found, -1, 1))
