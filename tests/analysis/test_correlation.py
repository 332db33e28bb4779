"""Spearman's ρ and its exact p: the paper's languages, and all orders one by one."""

from __future__ import annotations

import itertools
import math
import warnings

import numpy as np
import pytest
from scipy.stats import kendalltau, pearsonr, rankdata, spearmanr

from spillover.analysis.correlation import (
    adjusted_over_all,
    correlate,
    correlate_places,
)
from spillover.analysis.permutation import EXACT_UP_TO, SAMPLE, STATISTICS, orders
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


@pytest.mark.parametrize("n", [3, 4, 5, EXACT_UP_TO])
def test_the_floor_without_ties_is_two_over_n_factorial(n):
    up = over(range(n))
    down = over(range(0, -n, -1))
    for other in (up, down):
        result = correlate(up, other)
        assert result.p_exact == result.p_min == 2 / math.factorial(n)
        assert abs(result.value) == pytest.approx(1)
        assert result.p_t == pytest.approx(0, abs=1e-7)


def test_above_the_limit_p_is_of_a_sample_and_says_its_error():
    rng = np.random.default_rng(1)
    x = rng.normal(size=EXACT_UP_TO + 3)
    result = correlate(over(x), over(x + 1.5 * rng.normal(size=len(x))))
    assert 0.001 < result.p_exact < 0.2
    expected = math.sqrt(result.p_exact * (1 - result.p_exact) / (SAMPLE + 1))
    assert result.p_error == pytest.approx(expected)
    assert result.p_exact == pytest.approx(result.p_t, abs=0.01)
    assert result.p_min <= 2 / (SAMPLE + 1)  # an order may be the most extreme twice
    same = correlate(over(x), over(x))
    assert same.p_exact == 1 / (SAMPLE + 1)


def test_p_over_several_measures_is_that_of_the_largest_of_all():
    rng = np.random.default_rng(5)
    scores = over(rng.normal(size=5))
    groups = [[over(rng.normal(size=5)) for _ in range(n)] for n in (1, 2, 2)]
    found = adjusted_over_all(scores, groups)
    assert [len(each) for each in found] == [1, 2, 2]
    # One family of all of them is what `correlate_places` has.
    of_all = correlate_places(scores, [one for group in groups for one in group])
    expected = [one.p_family for one in of_all]
    assert [p for each in found for p in each] == pytest.approx(expected)
    assert adjusted_over_all(scores, groups[:1]) == [[of_all[0].p_exact]]


def test_a_sampled_p_does_not_depend_on_how_the_languages_are_listed() -> None:
    rng = np.random.default_rng(3)
    scores, others = (over(rng.normal(size=EXACT_UP_TO + 2)) for _ in range(2))
    turned = dict(reversed(scores.items()))
    assert correlate(turned, others).p_exact == correlate(scores, others).p_exact


def test_ties_raise_the_floor_of_a_sample_too() -> None:
    n = EXACT_UP_TO + 1
    scores = over(np.eye(n)[-1])  # all languages but one have the same
    found = correlate(scores, over(np.arange(n)))
    assert found.p_exact == found.p_min == pytest.approx(2 / n, abs=0.01)


def test_hundreds_of_languages_are_permuted_whole() -> None:
    rng = np.random.default_rng(2)
    x = rng.normal(size=200)
    y = x + 7 * rng.normal(size=200)
    found = correlate(over(x), over(y))
    assert found.p_exact == pytest.approx(found.p_t, abs=0.02)
    assert (np.sort(orders((None,) * 200)[0][:50]) == np.arange(200)).all()


@pytest.mark.parametrize("statistic", ["pearson", "kendall"])
def test_the_other_coefficients_are_scipys_with_an_exact_p(statistic):
    x, y = [0.1, 0.5, 0.4, 0.4, 0.9], [3.0, 1.0, 2.0, 5.0, 4.0]
    result = correlate(over(x), over(y), statistic=statistic)
    function = pearsonr if statistic == "pearson" else kendalltau
    assert result.value == pytest.approx(function(x, y).statistic)
    if statistic == "pearson":
        assert result.p_t == pytest.approx(function(x, y).pvalue)
    else:
        assert result.p_t is None
    sizes = [abs(function(x, o).statistic) for o in itertools.permutations(y)]
    p = np.mean([size >= sizes[0] - 1e-9 for size in sizes])
    assert result.p_exact == pytest.approx(p)
    assert result.p_error == 0


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_jackknife_leaves_out_each_language_once(statistic):
    x, y = [1, 2, 3, 4, 5, 16], [1, 2, 4, 3, 6, 5]
    result = correlate(over(x), over(y), statistic=statistic)
    of = {"spearman": spearmanr, "pearson": pearsonr, "kendall": kendalltau}[statistic]
    left = [of(np.delete(x, out), np.delete(y, out)).statistic for out in range(6)]
    assert result.jackknife == pytest.approx((min(left), max(left)))


def test_three_languages_have_no_jackknife_nor_have_equal_scores():
    x, y = [1, 2, 3], [1, 2, 4]
    assert correlate(over(x), over(y)).jackknife is None
    one_apart = correlate(over([1, 1, 1, 2]), over([1, 2, 3, 4]))
    assert one_apart.jackknife is None  # without the last, the scores are the same


def test_whoever_picks_the_best_of_several_places_pays_for_it():
    """The p of the largest of all coefficients, over all orders one by one."""
    rng = np.random.default_rng(3)
    scores = rng.normal(size=5)
    places = [rng.normal(size=5) for _ in range(4)]
    found = correlate_places(over(scores), [over(place) for place in places])
    highest = [
        max(abs(spearmanr(order, place).statistic) for place in places)
        for order in itertools.permutations(scores)
    ]
    for place, result in zip(places, found, strict=True):
        size = abs(spearmanr(scores, place).statistic)
        expected = np.mean([most >= size - 1e-9 for most in highest])
        assert result.p_family == pytest.approx(expected)
        assert result.p_family >= result.p_exact
    [alone] = correlate_places(over(scores), [over(places[0])])
    assert alone.p_family == alone.p_exact
    twice = correlate_places(over(scores), [over(places[0])] * 3)
    assert {result.p_family for result in twice} == {alone.p_exact}


def test_a_place_without_a_correlation_costs_nothing():
    scores, place = over([3, 1, 2, 4]), over([1, 2, 3, 4])
    found = correlate_places(scores, [over([5, 5, 5, 5]), place])
    assert found[0].value is None
    assert found[0].reason == "the similarities of all languages are the same"
    assert found[1] == correlate_places(scores, [place])[0]


def test_places_of_other_languages_are_refused():
    with pytest.raises(DataError, match=r"place 1: different languages: no l3"):
        correlate_places(over(range(4)), [over(range(4)), over(range(3))])


@pytest.mark.parametrize("n", [5, 7, 12])
def test_the_permutation_tests_hold_their_level(n):
    rng = np.random.default_rng(n)
    single, family = [], []
    for _ in range(150 if n < 12 else 60):
        places = [over(rng.normal(size=n)) for _ in range(3)]
        found = correlate_places(over(rng.normal(size=n)), places)
        single.append(found[0].p_exact <= 0.05)
        family.append(min(result.p_family for result in found) <= 0.05)
    for rejected in (single, family):  # 0.05, and two standard errors
        assert np.mean(rejected) <= 0.05 + 2 * math.sqrt(0.05 * 0.95 / len(rejected))


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


def test_what_differs_by_rounding_alone_ties():
    sums = [0.1 + 0.2, 0.3, 0.3, 0.5]  # the first is more than the next by 6e-17
    found = correlate(over([4, 3, 2, 1]), over(sums))
    assert found.value == pytest.approx(spearmanr([4, 3, 2, 1], [0, 0, 0, 1])[0])
    same = correlate(over([3, 2, 1]), over(sums[:3]))
    assert same.reason == "the similarities of all languages are the same"


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
    gap = (result.value, result.p_t, result.p_exact, result.p_min, result.p_family)
    assert set(gap) == {None}
    assert reason in result.reason
    assert result.n == len(x)
