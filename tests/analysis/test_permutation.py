"""Coefficients and orders, against SciPy and against all orders one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy import stats

from spillover.analysis.permutation import (
    EXACT_UP_TO,
    SAMPLE,
    STATISTICS,
    coefficients,
    features,
    orders,
    permuted,
)
from spillover.errors import StudyError

SCIPY = {
    "spearman": stats.spearmanr,
    "pearson": stats.pearsonr,
    "kendall": stats.kendalltau,
}


@pytest.mark.parametrize("statistic", STATISTICS)
@pytest.mark.parametrize("n", [3, 5, 12])
@pytest.mark.parametrize("high", [4, 10**6])  # with and without ties
def test_coefficients_are_scipys(statistic, n, high):
    rng = np.random.default_rng(n)
    x, y = rng.integers(0, high, (2, 40, n))
    usable = [i for i in range(40) if len({*x[i]}) > 1 and len({*y[i]}) > 1]
    found = coefficients(x[usable], y[usable], statistic)
    expected = [SCIPY[statistic](x[i], y[i]).statistic for i in usable]
    assert len(usable) > 30
    np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_values_of_any_size_have_the_same_coefficient(statistic):
    x, y = np.random.default_rng(0).normal(size=(2, 6))
    plain = coefficients(x, y, statistic)
    for factor in (1e-300, 1e300):
        assert coefficients(x * factor, y, statistic) == pytest.approx(plain)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_values_all_the_same_have_the_coefficient_0(statistic):
    assert not features(np.ones(4), statistic).any()
    assert coefficients(np.ones(4), np.arange(4), statistic) == 0


def test_an_unknown_statistic_is_named():
    with pytest.raises(StudyError, match="'spearmann'; did you mean 'spearman'"):
        features(np.arange(3), "spearmann")


@pytest.mark.parametrize("n", [1, 3, 5])
def test_all_orders_of_few(n):
    rows = [tuple(map(int, row)) for row in orders((None,) * n)[0]]
    assert sorted(rows) == sorted(itertools.permutations(range(n)))
    assert rows[0] == tuple(range(n))


def test_a_sample_of_the_orders_of_many():
    n = EXACT_UP_TO + 1
    rows, exact = orders((None,) * n)
    assert not exact
    assert rows.shape == (SAMPLE + 1, n)
    assert rows[0].tolist() == list(range(n))
    assert (np.sort(rows, axis=1) == np.arange(n)).all()
    # Each language stands in each place about equally often.
    counts = np.array([np.bincount(column, minlength=n) for column in rows.T])
    spread = math.sqrt(SAMPLE * (1 / n) * (1 - 1 / n))
    assert np.abs(counts - SAMPLE / n).max() < 5 * spread
    assert not rows.flags.writeable


@pytest.mark.parametrize("statistic", STATISTICS)
def test_permuted_is_the_coefficient_with_each_order(statistic):
    rng = np.random.default_rng(1)
    x, y = rng.integers(0, 6, (3, 5)), rng.integers(0, 6, 5)
    every, exact = orders((None,) * 5)
    assert exact
    found = permuted(x, y, statistic, every)
    for row, order in zip(found, every, strict=True):
        expected = [coefficients(side, y[order], statistic) for side in x]
        np.testing.assert_allclose(row, expected, atol=1e-12)
