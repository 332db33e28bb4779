"""Intervals cover what they say, tests hold their level, and both are what they say."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binom, norm, rankdata, ttest_rel
from statsmodels.stats.multitest import multipletests

from spillover.analysis.permutation import STATISTICS, coefficients
from spillover.analysis.uncertainty import (
    RELIABLE,
    Interval,
    bootstrap_mean,
    compare,
    correlation_interval,
    holm,
    percentile,
    resampled_means,
    resamples,
    wilson,
)
from spillover.errors import DataError


def covers(interval, truth):
    return interval.low - 1e-9 <= truth <= interval.high + 1e-9


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


@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
@pytest.mark.parametrize("n", [60, 300])
def test_wilson_covers(share, n):
    counts = range(n + 1)
    hits = [covers(wilson(k, n), share) for k in counts]
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
    assert bootstrap_mean(values) == (low, high)
    assert bootstrap_mean(values, seed=2) != (low, high)


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


def test_a_detectable_difference_is_found_in_four_samples_of_five():
    rng = np.random.default_rng(5)
    n, moved = 400, 0.3
    before = np.zeros(n)
    before[: int(n * moved / 2)] = 1
    after = np.roll(before, n // 2)  # as many won as lost: 30 % moved
    difference = compare(before, after).detectable
    win = (moved + difference) / 2
    found = []
    for _ in range(150):
        draw = rng.random(n)
        change = np.where(draw < win, 1, np.where(draw < moved, -1, 0))
        found.append(compare(change < 0, change > 0).p < 0.05)
    assert np.mean(found) == pytest.approx(0.8, abs=0.08)


def test_a_difference_that_the_changed_items_cannot_make_is_not_detectable():
    before = np.zeros(60)
    after = before.copy()
    after[:3] = 1  # .05 of the items; the formula alone gives .08
    assert compare(before, after).detectable is None
    assert compare([0, 0, 0, 0], [1, 1, 1, 1]).detectable is None  # and here 1.40


def test_nothing_that_changed_shows_nothing():
    found = compare([1, 0, 1], [1, 0, 1])
    assert (found.difference, found.p) == (0, 1)
    assert found.interval is None
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


def noisy(rng, n, rho, reliability, clusters=False):
    """True and estimated values of two sides, with replicates, of n languages.

    Languages in two clusters are far apart, but within one in small steps.
    """
    a = rng.normal(size=n)
    b = rho * a + math.sqrt(1 - rho**2) * rng.normal(size=n)
    if clusters:
        near = np.where(np.arange(n) < n / 2, 0, 2)
        a, b = (near + 0.15 * rankdata(side) for side in (a, b))
    noise = math.sqrt(1 - reliability)
    estimates = [side + noise * rng.normal(size=n) for side in (a, b)]
    draws = [e + noise * rng.normal(size=(400, n)) for e in estimates]
    return (a, b), estimates, draws


@pytest.mark.parametrize("n", [5, 7, 12])
@pytest.mark.parametrize("rho", [0, 0.8, 1])
@pytest.mark.parametrize("reliability", [0.88, 0.97])
@pytest.mark.parametrize("clusters", [False, True])
def test_the_interval_of_a_correlation_covers_where_it_is_shown(
    n, rho, reliability, clusters
):
    rng = np.random.default_rng(8)
    hits = []
    for _ in range(150):
        truth, estimates, draws = noisy(rng, n, rho, reliability, clusters)
        found = correlation_interval(*estimates, *draws)
        assert (found.interval is None) == (found.reliability < RELIABLE)
        if found.interval is not None:
            hits.append(covers(found.interval, coefficients(*truth, "spearman")))
    assert len(hits) > 30
    assert np.mean(hits) >= 0.92  # 0.95, less two standard errors


@pytest.mark.parametrize("statistic", STATISTICS)
def test_the_interval_holds_the_estimate_and_stays_in_range(statistic):
    rng = np.random.default_rng(9)
    _, (x, y), (dx, dy) = noisy(rng, 6, 0.9, 0.99)
    found = correlation_interval(x, y, dx, dy, statistic)
    assert covers(found.interval, coefficients(x, y, statistic))
    assert -1 <= found.interval.low <= found.interval.high <= 1
    swapped = correlation_interval(y, x, dy, dx, statistic)
    assert swapped.interval == pytest.approx(found.interval)


@pytest.mark.parametrize("n", [3, 5, 12])
def test_reliability_is_the_share_of_the_variance_that_is_not_noise(n):
    rng = np.random.default_rng(11)
    x = np.arange(float(n))
    still = np.tile(x, (20_000, 1))
    noisy = still + rng.normal(0, 0.4, still.shape)
    share = 1 - 0.4**2 / x.var(ddof=1)
    found = correlation_interval(x, x, still, noisy).reliability
    assert found == pytest.approx(share, abs=0.01)


def test_noise_as_large_as_the_differences_shows_no_interval():
    rng = np.random.default_rng(10)
    x = np.arange(5.0)
    still = np.tile(x, (100, 1))
    loud = still + rng.normal(0, 3, still.shape)
    assert correlation_interval(x, x, still, loud).interval is None
    together = still + rng.normal(0, 3, (100, 1))  # all languages go up and down
    assert correlation_interval(x, x, still, together).reliability == 1
    found = correlation_interval(np.ones(5), x, np.ones((100, 5)), still)
    assert found.interval is None
    assert found.reliability == -math.inf
    assert correlation_interval(x, x, still, still).interval == (
        pytest.approx(1),
        pytest.approx(1),
    )
