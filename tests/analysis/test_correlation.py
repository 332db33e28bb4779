"""Spearman's ρ and its exact p: the paper's languages, and all orders one by one."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from spillover.analysis.correlation import EXACT_UP_TO, correlate
from spillover.errors import DataError

# Tables 1 (after tuning) and 2 (before tuning) of Xie et al. (2024), as printed.
LANGUAGES = ("en", "fr", "de", "es", "zh", "ja")
SCORES = {
    "PAWS-X": (0.95, 0.87, 0.87, 0.86, 0.75, 0.71),
    "XNLI": (0.88, 0.80, 0.79, 0.77, 0.60, 0.56),
    "XL-Sum": (0.32, 0.27, None, 0.22, 0.18, 0.21),
}
SIMILARITIES = {
    "mean": {"fr": 0.54, "de": 0.50, "es": 0.49, "zh": 0.26, "ja": 0.22},
    "last": {"fr": 0.50, "de": 0.37, "es": 0.38, "zh": 0.31, "ja": 0.31},
}


@pytest.mark.parametrize(
    ("task", "pooling", "value", "p_t", "p_exact"),
    [
        ("PAWS-X", "mean", 0.975, 0.005, 0.033),
        ("PAWS-X", "last", 0.789, 0.112, 0.150),
        ("XNLI", "mean", 1.000, 0.000, 0.017),
        ("XNLI", "last", 0.872, 0.054, 0.100),
        ("XL-Sum", "mean", 0.800, 0.200, 0.333),
        ("XL-Sum", "last", 0.949, 0.051, 0.167),
    ],
)
def test_the_papers_table_3_recomputed(task, pooling, value, p_t, p_exact):
    scores = dict(zip(LANGUAGES, SCORES[task], strict=True))
    scores = {language: s for language, s in scores.items() if s is not None}
    similarities = {x: s for x, s in SIMILARITIES[pooling].items() if x in scores}
    result = correlate(scores, similarities, exclude=["en"])
    rounded = (result.value, result.p_t, result.p_exact)
    assert [round(x, 3) for x in rounded] == [value, p_t, p_exact]
    assert result.n == (4 if task == "XL-Sum" else 5)


def over(values):
    return {f"l{i}": v for i, v in enumerate(values)}


def brute_force(x, y):
    """Exact p of the data as they stand, and the smallest p over all orders of y."""
    rx = rankdata(x)
    sizes = [
        abs(np.corrcoef(rx, order)[0, 1])
        for order in itertools.permutations(rankdata(y))
    ]

    def p(size):
        return sum(s >= size - 1e-9 for s in sizes) / len(sizes)

    return p(sizes[0]), p(max(sizes))


CASES = [
    [rng.permutation(n).tolist(), rng.integers(0, high, n).tolist()]
    for seed, (n, high) in enumerate(
        (n, high) for n in (3, 4, 5, 6) for high in (2, 3, 4, 10**6) for _ in range(3)
    )
    for rng in [np.random.default_rng(seed)]
] + [
    [[1, 1, 2, 3], [5, 5, 5, 6]],
    [[1, 1, 2, 2, 3], [4, 4, 4, 6, 6]],
    [[1, 1, 1, 2, 2, 2], [1, 2, 2, 3, 3, 3]],
]


@pytest.mark.parametrize(("x", "y"), [c for c in CASES if len(set(c[1])) > 1])
def test_exact_p_counts_every_order(x, y):
    result = correlate(over(x), over(y))
    p_exact, p_min = brute_force(x, y)
    assert result.p_exact == pytest.approx(p_exact, abs=1e-12)
    assert result.p_min == pytest.approx(p_min, abs=1e-12)
    assert result.p_min <= result.p_exact


def test_value_and_p_t_are_scipys():
    x, y = [0.1, 0.5, 0.4, 0.4, 0.9], [3.0, 1.0, 2.0, 5.0, 4.0]
    expected = spearmanr(x, y)
    result = correlate(over(x), over(y))
    assert (result.value, result.p_t) == (expected.statistic, expected.pvalue)
    assert result.statistic == "spearman"


@pytest.mark.parametrize("n", [3, 4, 5, 9, EXACT_UP_TO])
def test_the_floor_without_ties_is_two_over_n_factorial(n):
    up = over(range(n))
    down = over(range(0, -n, -1))
    for other in (up, down):
        result = correlate(up, other)
        assert result.p_exact == result.p_min == 2 / math.factorial(n)
        assert abs(result.value) == pytest.approx(1)
        assert result.p_t == pytest.approx(0, abs=1e-7)


def test_large_n_agrees_with_the_t_approximation():
    rng = np.random.default_rng(0)
    x = rng.normal(size=13)
    result = correlate(over(x), over(x + rng.normal(size=13)))
    assert result.p_exact == pytest.approx(result.p_t, abs=0.01)


def test_no_exact_p_above_the_limit():
    many = over(range(EXACT_UP_TO + 1))
    result = correlate(many, many)
    assert result.value == pytest.approx(1)
    assert result.p_exact is None
    assert result.p_min is None


def test_values_of_any_size_and_equal_under_scaling():
    x, y = [1, 2, 3, 4, 5], [2, 1, 4, 3, 5]
    straight = correlate(over(x), over(y))
    scaled = correlate(over([v * 1e-300 for v in x]), over([v * 1e300 for v in y]))
    assert scaled == straight


def test_the_order_of_languages_does_not_matter():
    x = {"fr": 0.3, "de": 0.2, "es": 0.5, "zh": 0.1}
    y = {"zh": 0.2, "es": 0.4, "fr": 0.9, "de": 0.3}
    result = correlate(x, y)
    assert result.languages == ("fr", "de", "es", "zh")
    assert result.value == pytest.approx(0.8)


@pytest.mark.parametrize(
    ("x", "message"),
    [
        ({"fr": 1, "de": 2, "es": 3}, "no zh in the scores"),
        ({"fr": 1, "de": 2, "es": 3, "zh": 4, "ja": 5}, "no ja in the similarities"),
        ({"en": 1, "fr": 2}, "no de, es, zh in the scores, no en in the similarities"),
    ],
)
def test_unequal_languages_are_refused_by_name(x, message):
    with pytest.raises(DataError, match=message):
        correlate(x, {"fr": 1, "de": 3, "es": 2, "zh": 4})


def test_intersection_says_which_languages_it_took():
    x = {"en": 9.0, "fr": 1.0, "de": 2.0, "es": 3.0, "ja": 4.0}
    y = {"es": 3.0, "de": 2.0, "fr": 1.0, "zh": 0.0}
    result = correlate(x, y, intersection=True)
    assert result.languages == ("fr", "de", "es")
    assert result.n == 3
    assert result.value == pytest.approx(1)


def test_the_pivot_is_left_out_only_if_named():
    x = {"en": 0.1, "fr": 1.0, "de": 2.0, "es": 3.0}
    y = {"en": 1.0, "fr": 0.1, "de": 0.2, "es": 0.3}
    assert correlate(x, y).n == 4
    assert correlate(x, y, exclude=["en"]).value == pytest.approx(1)


@pytest.mark.parametrize("bad", [math.nan, math.inf, None])
def test_a_missing_value_is_not_a_number(bad):
    y = {"fr": 1.0, "de": 2.0, "es": 3.0}
    with pytest.raises(DataError, match=r"scores\['de'\]"):
        correlate({"fr": 1.0, "de": bad, "es": 3.0}, y)


@pytest.mark.parametrize(
    ("x", "y", "reason"),
    [
        ([], [], "0 language"),
        ([1, 2], [1, 2], "2 language"),
        ([1, 1, 1], [1, 2, 3], "scores of all languages are the same"),
        ([1, 2, 3], [1, 1, 1], "similarities of all languages are the same"),
    ],
)
def test_a_correlation_that_does_not_exist_is_a_gap(x, y, reason):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        result = correlate(over(x), over(y))
    gap = (result.value, result.p_t, result.p_exact, result.p_min)
    assert gap == (None, None, None, None)
    assert reason in result.reason
    assert result.n == len(x)
