"""What numbers that print so can give, against the numbers themselves."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import pearsonr, rankdata, spearmanr

from spillover.published.rounding import (
    SEARCH_UP_TO,
    count_orders,
    orders,
    pearson_range,
    spearman_outcomes,
)


@pytest.mark.parametrize(
    "values",
    [
        *([3.0], [0.0, 0.0], [0.5, 0.2], [1.0, 2.0, 1.0], [1.0, 1.0, 1.0]),
        *([0.87, 0.87, 0.86, 0.75], [0.1, 0.2, 0.1, 0.2], [7.0] * 4, [0.2, 0.1] * 2),
        *([0.5, 0.37, 0.38, 0.31, 0.31], [2.0, 1.0, 2.0, 1.0, 2.0], [0.0] * 5),
    ],
)
def test_orders_are_all_that_do_not_go_against_the_printed(values):
    """Brute force: every ranking there is, less those that swap numbers printed so."""
    n = len(values)
    every = {tuple(rankdata(r)) for r in itertools.product(range(n), repeat=n)}
    kept = {
        ranks
        for ranks in every
        if all(
            ranks[i] < ranks[j]
            for i in range(n)
            for j in range(n)
            if values[i] < values[j]
        )
    }
    found = list(orders(values))
    assert set(found) == kept
    assert len(found) == len(kept) == count_orders(values)


def prints_as(printed, steps=(-4, -2, 0, 2, 4)):
    """Sets of unrounded numbers that print so, on a grid of a fifth of a unit."""
    for offsets in itertools.product(steps, repeat=len(printed)):
        numbers = [p + step / 1000 for p, step in zip(printed, offsets, strict=True)]
        assert [f"{number:.2f}" for number in numbers] == [f"{p:.2f}" for p in printed]
        yield numbers


@pytest.mark.parametrize(
    ("x", "y"),
    [
        ((0.1, 0.1, 0.2), (0.3, 0.4, 0.5)),
        ((0.1, 0.1, 0.11), (0.31, 0.3, 0.3)),
        ((0.5, 0.5, 0.5), (0.2, 0.1, 0.1)),
        ((0.27, 0.22, 0.18, 0.21), (0.5, 0.38, 0.31, 0.31)),
        ((0.7, 0.7, 0.6, 0.6), (0.3, 0.2, 0.2, 0.1)),
        ((0.7, 0.7, 0.7, 0.6), (0.3, 0.3, 0.2, 0.2)),
    ],
)
def test_outcomes_are_those_of_numbers_that_print_so(x, y):
    """Brute force: a grid of unrounded numbers, each pair with its ρ, p and exact p."""
    ranks_x = {tuple(rankdata(numbers)) for numbers in prints_as(x)}
    ranks_y = {tuple(rankdata(numbers)) for numbers in prints_as(y)}
    expected = set()
    for a, b in itertools.product(ranks_x, ranks_y):
        if len(set(a)) == 1 or len(set(b)) == 1:
            continue
        rho, p = spearmanr(a, b)
        sizes = [
            abs(np.corrcoef(a, order)[0, 1]) for order in itertools.permutations(b)
        ]
        exact = sum(size >= abs(rho) - 1e-9 for size in sizes) / len(sizes)
        expected.add((round(rho, 9), round(p, 6), round(exact, 9)))
    outcomes = spearman_outcomes(x, y)
    assert outcomes is not None
    found = {
        (round(o.value, 9), round(o.p_t, 6), round(o.p_exact, 9)) for o in outcomes
    }
    assert found == expected


def test_too_many_orders_are_not_gone_through():
    assert count_orders([0.0] * 9) == 7_087_261
    assert spearman_outcomes((0.0,) * 9, tuple(map(float, range(9)))) is None
    assert count_orders([0.0] * 6) == 4_683 < SEARCH_UP_TO


def corners(values, half):
    offsets = itertools.product([-half, half], repeat=len(values))
    return np.array(values) + np.array(list(offsets))


def r_of_all(xs, ys):
    xs, ys = (m - m.mean(axis=1, keepdims=True) for m in (xs, ys))
    sizes = np.linalg.norm(xs, axis=1)[:, None] * np.linalg.norm(ys, axis=1)
    with np.errstate(invalid="ignore"):
        return (xs @ ys.T) / sizes


HALF = 0.005


@pytest.mark.parametrize("seed", range(25))
def test_no_numbers_that_print_so_have_an_r_beyond_the_range(seed):
    """All corners of the box, and many points within it."""
    rng = np.random.default_rng(seed)
    n, spread = int(rng.integers(3, 6)), rng.choice([0.05, 0.2, 0.6])
    x, y = (rng.permutation(np.linspace(0, spread, n)).round(2) for _ in range(2))
    low, high = pearson_range(x.tolist(), y.tolist(), HALF)
    within = [p + rng.uniform(-HALF, HALF, (300, n)) for p in (x, y)]
    for r in (r_of_all(corners(x, HALF), corners(y, HALF)), r_of_all(*within)):
        assert low - 1e-6 <= np.nanmin(r)
        assert np.nanmax(r) <= high + 1e-6
    if low >= 0:  # r is then quasi-concave in x and in y: its least is at a corner
        assert low == pytest.approx(np.nanmin(r_of_all(*_both(x, y))), abs=1e-6)
    assert low <= pearsonr(x, y).statistic <= high


def _both(x, y):
    return corners(x, HALF), corners(y, HALF)


def test_numbers_that_all_print_alike_have_any_r():
    assert pearson_range([0.5] * 3, [0.1, 0.2, 0.3], HALF) == (-1, 1)


def test_numbers_one_unit_apart_may_be_the_same_number():
    low, high = pearson_range([0.1, 0.11, 0.1], [0.1, 0.5, 0.9], HALF)
    assert -1 <= low < 0 < high <= 1
    assert math.isfinite(low + high)


@pytest.mark.parametrize("y", [(0.3, 0.2, 0.31, 0.05), (0.1, 0.12, 0.5, 0.45)])
def test_pearsons_ends_change_sides_with_the_sign(y):
    x = (0.1, 0.2, 0.15, 0.4)
    low, high = pearson_range(x, y, 0.005)
    other = pearson_range(x, tuple(-value for value in y), 0.005)
    assert other == pytest.approx((-high, -low), abs=1e-6)
    assert -1 < low < high < 1
