"""Pooled correlations, against all permutations of the languages one by one."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest

from spillover.analysis.permutation import STATISTICS, coefficients
from spillover.analysis.pooled import pool, varies
from spillover.errors import DataError


def over(names, values):
    return dict(zip(names, values, strict=True))


def brute_force(strata, statistic):
    """Mean coefficient and p, from every permutation that keeps the patterns."""
    names = sorted({name for scores, _ in strata for name in scores})
    pattern = {n: [n in scores for scores, _ in strata] for n in names}

    def mean(moved):
        values = []
        for scores, similarities in strata:
            x = np.array([scores[moved[name]] for name in scores])
            y = np.array([similarities[name] for name in scores])
            values.append(float(coefficients(x, y, statistic)))
        return np.mean(values)

    means = []
    for order in itertools.permutations(names):
        moved = dict(zip(names, order, strict=True))
        if all(pattern[a] == pattern[b] for a, b in moved.items()):
            means.append(mean(moved))
    observed = mean({name: name for name in names})
    sizes = np.abs(np.array(means) - np.mean(means))
    at_least = abs(observed - np.mean(means)), sizes.max()
    p, least = (np.mean(sizes >= at - 1e-9) for at in at_least)
    return observed, p, least


def without_each(strata, statistic):
    """The least and the greatest mean coefficient with one language left out."""
    means = []
    for out in {name for scores, _ in strata for name in scores}:
        values = []
        for scores, similarities in strata:
            kept = [name for name in scores if name != out]
            sides = [[side[n] for n in kept] for side in (scores, similarities)]
            values.append(float(coefficients(*map(np.array, sides), statistic)))
        means.append(np.mean(values))
    return min(means), max(means)


@pytest.mark.parametrize("statistic", STATISTICS)
def test_it_is_the_mean_over_strata_with_the_languages_permuted(statistic):
    rng = np.random.default_rng(1)
    for lacking in ([], ["de"], ["de", "es"]):
        strata = []
        for number in range(3):
            names = [
                n
                for n in ("fr", "de", "es", "zh", "ja")
                if number < 2 or n not in lacking
            ]
            x, y = rng.normal(size=(2, len(names)))
            strata.append((over(names, x), over(names, y)))
        found = pool(strata, statistic)
        value, p, least = brute_force(strata, statistic)
        assert found.value == pytest.approx(value)
        assert found.p == pytest.approx(p)
        assert found.p_min == pytest.approx(least)
        if not lacking:
            ends = without_each(strata, statistic)
            assert found.jackknife == pytest.approx(ends)
        assert (found.n_strata, found.n_languages, found.p_error) == (3, 5, 0)


def test_the_floor_is_that_of_the_most_extreme_order():
    up = (over("abcde", range(5)), over("abcde", range(5)))
    found = pool([up, up])
    assert found.p == found.p_min == pytest.approx(2 / 120)


def test_one_stratum_is_a_correlation():
    scores, similarities = over("abcde", [3, 1, 4, 2, 5]), over("abcde", range(5))
    found = pool([(scores, similarities)])
    assert found.value == pytest.approx(0.5)
    low, high = found.jackknife
    assert low < 0.5 < high


def test_what_differs_between_languages_that_cannot_change_places_is_no_evidence():
    """Four near languages in both tasks, four far ones in the first alone."""
    near, far = list("abcd"), list("efgh")
    alike = over(near + far, range(8))
    turned = over(near + far, [3, 2, 1, 0, 7, 6, 5, 4])
    both = [(turned, alike), (over(near, [3, 2, 1, 0]), over(near, range(4)))]
    found = pool(both)
    assert found.value == pytest.approx(np.mean([11 / 21, -1]))
    # The order is the reverse in each group: of 24 orders of each none is farther off.
    assert found.p == found.p_min == pytest.approx(2 / 24**2)


def test_the_same_stratum_twice_is_no_more_evidence():
    strata = [(over("abcde", [3, 1, 4, 2, 5]), over("abcde", range(5)))]
    assert pool(strata * 4).p == pytest.approx(pool(strata).p)


def test_many_languages_are_sampled():
    names = [f"l{i}" for i in range(12)]
    rng = np.random.default_rng(2)
    x = rng.normal(size=12)
    found = pool([(over(names, x), over(names, x + rng.normal(size=12)))] * 2)
    assert 0 < found.p < 0.2
    assert found.p_error == pytest.approx(math.sqrt(found.p * (1 - found.p) / 20_000))


@pytest.mark.parametrize("n", [5, 7])
def test_it_holds_its_level_where_strata_depend_on_each_other(n):
    """Languages have an ease of their own in all tasks, which has no cause here."""
    rng = np.random.default_rng(n)
    names = [f"l{i}" for i in range(n)]
    rejected = []
    for _ in range(150):
        ease, near = rng.normal(size=(2, n))
        strata = [
            (over(names, ease + 0.3 * rng.normal(size=n)), over(names, near))
            for _ in range(3)
        ]
        rejected.append(pool(strata).p <= 0.05)
    assert np.mean(rejected) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / 150)


@pytest.mark.parametrize(
    ("strata", "message"),
    [
        ([], "no strata"),
        ([({"a": 1, "b": 2}, {"a": 1, "b": 2})], "stratum 0: 2 languages"),
        ([({"a": 1, "b": 2}, {"a": 1, "c": 2})], "cover different languages"),
        (
            [(over("abc", [1, math.nan, 3]), over("abc", [1, 2, 3]))],
            "stratum 0: not all scores are numbers",
        ),
        (
            [(over("abc", [1, 1, 1]), over("abc", [1, 2, 3]))],
            "stratum 0: all scores are the same",
        ),
    ],
)
def test_what_cannot_be_pooled_is_refused(strata, message):
    with pytest.raises(DataError, match=message):
        pool(strata)


def test_which_strata_can_be_pooled():
    three = over("abc", [1, 2, 3])
    assert varies((three, over("abc", [3, 2, 2])))
    assert not varies((three, over("abc", [0.1 + 0.2, 0.3, 0.3])))
    assert not varies((over("ab", [1, 2]), over("ab", [1, 2])))


def test_no_jackknife_where_a_stratum_would_be_left_with_nothing():
    assert pool([(over("abc", [1, 2, 3]), over("abc", [1, 3, 2]))]).jackknife is None
