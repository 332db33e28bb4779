"""Intervals cover what they say, tests hold their level, and both are what they say."""

from __future__ import annotations

import itertools
import math
from functools import cache

import numpy as np
import pytest
from scipy.stats import binom, norm, ttest_rel
from statsmodels.stats.multitest import multipletests

from spillover.analysis import uncertainty
from spillover.analysis.uncertainty import (
    Interval,
    bootstrap_mean,
    compare,
    holm,
    newcombe,
    percentile,
    resampled_means,
    resamples,
    wilson,
)
from spillover.errors import DataError


def covers(interval, truth):
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


@pytest.mark.parametrize("strange", [math.nan, math.inf])
def test_a_score_that_is_no_number_is_an_error(strange: float) -> None:
    with pytest.raises(DataError, match="a score is no number"):
        compare([0.1, strange, 0.3], [0.2, 0.3, 0.4])


def test_rouge_of_0_and_1_is_no_share() -> None:
    before, after = [0.0] * 20, [0.0] * 17 + [1.0] * 3
    assert compare(before, after).test == "exact McNemar"
    found = compare(before, after, right_or_wrong=False)
    assert found.test == "sign-flip permutation"


@pytest.mark.parametrize(("k", "n"), [(0, 10), (3, 10), (10, 10), (599, 600)])
def test_wilson_is_where_the_score_test_begins_to_reject(k, n):
    low, high = wilson(k, n)
    z = norm.ppf(0.975)
    for end in (low, high):
        if 0 < end < 1:
            assert abs(k / n - end) == pytest.approx(z * math.sqrt(end * (1 - end) / n))
    assert 0 <= low <= k / n <= high <= 1


@pytest.mark.parametrize(("k", "n"), [(0, 0), (-1, 3), (4, 3)])
def test_wilson_needs_items(k, n):
    with pytest.raises(DataError, match="have no interval"):
        wilson(k, n)


@cache
def intervals(n):
    return [wilson(k, n) for k in range(n + 1)]


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("n", [60, 300])
def test_wilson_covers(share, n):
    counts = range(n + 1)
    hits = [covers(interval, share) for interval in intervals(n)]
    assert 0.92 <= binom.pmf(counts, n, share) @ hits <= 0.99


def skewed(rng, n):
    """Scores like ROUGE's: many small ones, some 0, mean 1/6."""
    return rng.beta(1, 5, n)


@pytest.mark.parametrize("n", [60, 200])
def test_the_bootstrap_of_a_mean_covers(n):
    rng = np.random.default_rng(2)
    hits = [covers(bootstrap_mean(skewed(rng, n)), 1 / 6) for _ in range(150)]
    assert 0.90 <= np.mean(hits) <= 0.99


def test_the_bootstrap_of_a_mean_is_near_the_normal_interval_of_many():
    values = skewed(np.random.default_rng(0), 5000)
    low, high = bootstrap_mean(values)
    half = 1.96 * values.std() / math.sqrt(5000)
    assert low == pytest.approx(values.mean() - half, abs=half / 10)
    assert high == pytest.approx(values.mean() + half, abs=half / 10)
    few = values[:200]
    assert bootstrap_mean(few) == bootstrap_mean(few) != bootstrap_mean(few, seed=2)


@pytest.mark.parametrize("values", [[0.5], [0.2] * 9])
def test_values_that_do_not_vary_have_no_interval(values):
    assert bootstrap_mean(values) is None


def binomial_two_sided(won, moved):
    """Sum of the probabilities of what is no more likely than what was seen."""
    chances = [math.comb(moved, k) / 2**moved for k in range(moved + 1)]
    return sum(c for c in chances if c <= chances[won] * (1 + 1e-9))


@pytest.mark.parametrize(("won", "lost", "same"), [(7, 1, 9), (3, 3, 0), (0, 5, 20)])
def test_right_and_wrong_are_compared_by_the_exact_mcnemar_test(won, lost, same):
    before = [0] * won + [1] * lost + [1] * same
    after = [1] * won + [0] * lost + [1] * same
    found = compare(before, after)
    assert found.test == "exact McNemar"
    assert found.p == pytest.approx(binomial_two_sided(won, won + lost))
    assert found.difference == pytest.approx((won - lost) / len(before))
    assert found.n == len(before)


def test_scores_are_compared_by_sign_flips():
    rng = np.random.default_rng(3)
    change = rng.normal(0.3, 1, 10)
    before = rng.normal(size=10)
    found = compare(before, before + change)
    signs = np.array(list(itertools.product((-1, 1), repeat=10)))
    means = (signs * change).mean(axis=1)
    exact = (np.abs(means) >= abs(change.mean()) - 1e-12).mean()
    assert found.test == "sign-flip permutation"
    assert found.p == pytest.approx(exact, abs=1e-9)  # 2^10 < 9,999: all of them
    assert covers(found.interval, change.mean())


@pytest.mark.parametrize("kind", ["right or wrong", "scores"])
def test_a_paired_test_holds_its_level_and_its_interval_covers(kind):
    rng = np.random.default_rng(4)
    rejected, covered = [], []
    for _ in range(150):
        if kind == "scores":
            before, after = skewed(rng, 30), skewed(rng, 30)
        else:
            before, after = rng.integers(0, 2, (2, 80))
        found = compare(before, after)
        rejected.append(found.p < 0.05)
        covered.append(covers(found.interval, 0))
    assert np.mean(rejected) <= 0.085  # 0.05, and two standard errors
    assert 0.90 <= np.mean(covered) <= 0.99


@pytest.mark.parametrize("share", [0.5, 0.97])
def test_the_interval_of_a_difference_covers_where_few_items_change(share):
    """Of 64 items 3 % change, be they right before or wrong."""

    @cache
    def interval(*table):
        before, after = np.repeat([[1.0, 1, 0, 0], [1, 0, 1, 0]], table, axis=1)
        return newcombe(before, after)

    right, wrong = np.array([0.97, 0.03]) * share, np.array([0.03, 0.97]) * (1 - share)
    tables = np.random.default_rng(4).multinomial(64, [*right, *wrong], 2000)
    covered = [covers(interval(*table), wrong[0] - right[1]) for table in tables]
    assert np.mean(covered) >= 0.93


def test_newcombes_interval_of_a_published_table():
    """The first example of Newcombe (1998): 36, 12, 2 and 0 of 50; 0.0569 to 0.3404."""
    after = np.repeat([1.0, 1, 0, 0], [36, 12, 2, 0])
    before = np.repeat([1.0, 0, 1, 0], [36, 12, 2, 0])
    assert newcombe(before, after) == pytest.approx((0.0569, 0.3404), abs=1e-4)


def test_an_interval_says_no_more_than_its_test():
    before = np.zeros(300)
    before[:150] = 1
    after = before.copy()
    after[150:153] = 1  # three won, none lost: p .25
    found = compare(before, after)
    assert found.p == 0.25
    assert found.interval.low < 0 < 0.01 < found.interval.high


@pytest.mark.parametrize(("lost", "n"), [(0, 300), (0.15, 400), (0.05, 64)])
def test_a_detectable_difference_is_found_in_four_samples_of_five(lost, n, monkeypatch):
    monkeypatch.setattr(uncertainty, "newcombe", lambda *_: None)  # p is looked at
    rng = np.random.default_rng(5)
    before = np.zeros(n)
    before[: round(n * lost)] = 1
    after = np.zeros(n)
    after[-round(n * 0.7) :] = 1  # how large the effect was does not matter
    difference = compare(before, after).detectable
    found = []
    for _ in range(400):
        draw = rng.random(n)
        won, gone = draw < lost + difference, draw > 1 - lost
        found.append(compare(gone, won).p < 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.13)


def test_a_detectable_change_of_scores_is_found_in_four_samples_of_five():
    rng = np.random.default_rng(6)
    change = rng.normal(0.5, 1, 100)
    least = compare(np.zeros(100), change).detectable
    found = [
        compare(np.zeros(40), rng.normal(least * math.sqrt(100 / 40), 1, 40)).p < 0.05
        for _ in range(60)
    ]
    assert np.mean(found) == pytest.approx(0.8, abs=0.15)


def test_a_difference_that_the_changed_items_cannot_make_is_not_detectable():
    before = np.zeros(60)
    after = before.copy()
    after[:3] = 0.5  # of three items
    assert compare(before, after).detectable is None
    assert compare([0.2], [0.7]).detectable is None
    assert compare([0, 0, 0, 0], [1, 1, 1, 1]).detectable is None  # of four items


def test_nothing_that_changed_shows_nothing():
    found = compare([1, 0, 1], [1, 0, 1])
    assert (found.difference, found.p) == (0, 1)
    assert found.interval.low == -found.interval.high < -0.3  # of three items
    assert found.detectable is None
    assert compare([0.5, 0.2], [0.5, 0.2]).p == 1
    alike = compare([0.1, 0.2, 0.7], [0.2, 0.3, 0.8])  # equal but for rounding
    assert alike.interval is None


def test_many_scores_are_compared_by_sampled_sign_flips():
    rng = np.random.default_rng(11)
    before = rng.normal(size=60)
    after = before + rng.normal(0.1, 1, 60)
    found = compare(before, after)
    assert found.p == pytest.approx(ttest_rel(after, before).pvalue, abs=0.02)
    assert 0.01 < found.p < 0.5
    same = compare(before, before + np.abs(rng.normal(size=60)))
    assert same.p == 1 / 10_000


@pytest.mark.parametrize(("before", "after"), [([], []), ([1], [1, 0])])
def test_what_is_not_paired_is_refused(before, after):
    with pytest.raises(DataError, match="nothing to pair"):
        compare(before, after)


def test_holm_steps_down():
    # Sorted .01 .02 .04 .5: times 4, 3, 2, 1, never below the one before, at most 1.
    assert holm([0.04, 0.01, 0.5, 0.02]) == pytest.approx([0.08, 0.04, 0.5, 0.06])
    assert holm([]) == []


@pytest.mark.parametrize("seed", range(5))
def test_holm_is_statsmodels_with_ties_and_at_any_order(seed):
    rng = np.random.default_rng(seed)
    p = rng.choice([*rng.random(6) ** 3, 0.0, 1.0], size=12).tolist()
    assert holm(p) == pytest.approx(multipletests(p, method="holm")[1].tolist())


def test_resamples_are_bootstrap_samples_in_any_blocks(monkeypatch):
    whole = np.concatenate(list(resamples(50, seed=3, draws=40)))
    assert whole.shape == (40, 50)
    assert (whole.sum(axis=1) == 50).all()
    assert np.concatenate(list(resamples(50, seed=4, draws=40))).tolist() != (
        whole.tolist()
    )
    many = list(resamples(1_000_000, draws=5))
    assert [len(block) for block in many] == [4, 1]


def test_resampled_means_resample_shared_items_together():
    rng = np.random.default_rng(6)
    shared = {f"i{k}": float(v) for k, v in enumerate(rng.random(80))}
    own = {f"j{k}": v for k, v in enumerate(shared.values())}
    draws = resampled_means({"fr": shared, "de": shared, "ja": own})
    assert draws["fr"].tolist() == draws["de"].tolist()
    assert abs(np.corrcoef(draws["fr"], draws["ja"])[0, 1]) < 0.1
    values = np.array([*shared.values()])
    for name in ("fr", "ja"):
        assert draws[name].mean() == pytest.approx(values.mean(), abs=0.005)
        error = values.std() / math.sqrt(80)
        assert draws[name].std() == pytest.approx(error, rel=0.08)


def test_resampled_means_by_hand():
    scores = {"fr": {"a": 0.0, "b": 1.0}, "de": {"b": 0.5, "c": 0.25}}
    draws = resampled_means(scores, seed=7, draws=20)
    for number, counts in enumerate(np.concatenate(list(resamples(3, 7, 20)))):
        for name, values, places in (
            ("fr", (0, 1), (0, 1)),
            ("de", (0.5, 0.25), (1, 2)),
        ):
            weights = counts[list(places)]
            if weights.sum() == 0:
                weights = np.ones(2)
            expected = (weights * values).sum() / weights.sum()
            assert draws[name][number] == pytest.approx(expected)


def test_a_language_without_scores_cannot_be_resampled():
    with pytest.raises(DataError, match="de: no score"):
        resampled_means({"fr": {"a": 1.0}, "de": {}})


def test_percentile():
    assert percentile(np.arange(1001.0)) == pytest.approx(Interval(25, 975))
