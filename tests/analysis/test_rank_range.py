"""The range of ρ is that of all pairs of orders, or holds it."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from scipy.stats import spearmanr

from spillover.analysis import rank_range
from spillover.analysis.rank_range import rho_range


def partly_known(rng, n):
    """Values of two sides, and which of each are surely above which."""
    sides = rng.normal(size=(2, n))
    return *sides, *(side[:, None] - side > rng.random() for side in sides)


def every(above):
    """All ranks in which what is above is above."""
    pairs = np.argwhere(above)
    for ranks in itertools.permutations(range(len(above))):
        if all(ranks[i] > ranks[j] for i, j in pairs):
            yield ranks


@pytest.mark.parametrize("n", [3, 4, 5])
@pytest.mark.parametrize("seed", range(3))
def test_the_range_is_that_of_all_orders(n, seed):
    x, y, x_above, y_above = partly_known(np.random.default_rng(seed), n)
    found = [
        spearmanr(one, other).statistic
        for one in every(x_above)
        for other in every(y_above)
    ]
    expected = min(found), max(found)
    assert rho_range(x, y, x_above, y_above) == pytest.approx(expected)


@pytest.mark.parametrize("seed", range(8))
def test_a_bound_holds_the_range(seed, monkeypatch):
    rng = np.random.default_rng(seed)
    sides = partly_known(rng, 6)
    low, high = rho_range(*sides)
    monkeypatch.setattr(rank_range, "PAIRS", 0)
    bound = rho_range(*sides)
    assert -1 <= bound[0] <= low + 1e-9
    assert high - 1e-9 <= bound[1] <= 1


@pytest.mark.parametrize("n", [9, 12, 30])
def test_of_many_languages_whose_one_order_is_sure_the_bound_is_close(n):
    """Two clusters: the farthest order turns each of them round."""
    rng = np.random.default_rng(1)
    x, y = np.arange(n), rng.permutation(n)
    sure = y[:, None] > y
    above = np.zeros((n, n), dtype=bool)
    above[n // 2 :, : n // 2] = True
    turned = np.concatenate([x[: n // 2][::-1], x[n // 2 :][::-1]])
    assert rho_range(x, x, above, x[:, None] > x)[0] == pytest.approx(
        spearmanr(turned, x).statistic
    )
    low, high = rho_range(x, y, above, sure)
    for _ in range(200):
        order = np.concatenate(
            [rng.permutation(n // 2), n // 2 + rng.permutation(n - n // 2)]
        )
        assert low - 1e-9 <= spearmanr(order, y).statistic <= high + 1e-9


def test_what_ties_is_still_within_its_range():
    x = np.array([1.0, 1, 2, 2])
    nothing = np.zeros((4, 4), dtype=bool)
    assert rho_range(x, x, x[:, None] > x, x[:, None] > x) == pytest.approx((0.6, 1))
    assert rho_range(np.ones(4), x, nothing, nothing) == pytest.approx((-1, 1))
