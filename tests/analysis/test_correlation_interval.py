"""What the interval of a rank correlation covers, and what it is made of."""

from __future__ import annotations

import math

import numpy as np
import pytest

from spillover.analysis.correlation_interval import correlation_interval
from spillover.analysis.permutation import coefficients


def estimated(rng, sides, noise):
    """Estimates of true values, and their replicates."""
    estimates = [
        a + s * rng.normal(size=len(a)) for a, s in zip(sides, noise, strict=True)
    ]
    draws = [
        e + s * rng.normal(size=(400, len(e)))
        for e, s in zip(estimates, noise, strict=True)
    ]
    return estimates, draws


def clusters(*sizes, step, apart=12):
    """True values in clusters far apart, in small steps within each."""
    parts = [apart * k + step * np.arange(size) for k, size in enumerate(sizes)]
    return np.concatenate(parts)


EVEN = {n: 3.0 * np.arange(n) for n in (5, 7, 12)}


@pytest.mark.parametrize(
    ("sides", "noise"),
    [
        *(((even, even), (1, 0.3)) for even in EVEN.values()),
        *(((even, even[::-1].copy()), (1, 1)) for even in EVEN.values()),
        *(((even, np.roll(even, 2)), (1, 1)) for even in EVEN.values()),
        # Orders that are noise, in clusters or but for one: reliability is above .95.
        ((clusters(3, 2, step=0.1),) * 2, (1, 0.001)),
        ((clusters(4, 1, step=0.1),) * 2, (1, 0.001)),
        ((clusters(6, 1, step=0.1),) * 2, (1, 0.001)),
        ((clusters(6, 6, step=0.05),) * 2, (1, 0.001)),
        ((clusters(6, 6, step=0.2),) * 2, (1, 1)),
        ((clusters(11, 1, step=0.1),) * 2, (1, 0.001)),
    ],
)
def test_the_interval_of_a_correlation_covers(sides, noise):
    rng = np.random.default_rng(8)
    truth = coefficients(*sides, "spearman")
    hits = []
    for _ in range(60):
        estimates, draws = estimated(rng, sides, noise)
        low, high = correlation_interval(*estimates, *draws).interval
        hits.append(low - 1e-9 <= truth <= high + 1e-9)
    assert np.mean(hits) >= 0.90  # 0.95, less two standard errors


def test_the_interval_is_narrow_where_the_orders_are_sure_and_holds_the_estimate():
    rng = np.random.default_rng(9)
    x, y = np.arange(6.0), np.array([0.0, 2, 1, 3, 4, 5])
    (x, y), (dx, dy) = estimated(rng, (x, y), (0.05, 0.05))
    found = correlation_interval(x, y, dx, dy)
    rho = float(coefficients(x, y, "spearman"))
    assert found.interval == pytest.approx((rho, rho))
    assert correlation_interval(y, x, dy, dx).interval == found.interval
    (x, y), (dx, dy) = estimated(rng, (x, y), (0.3, 0.3))
    found = correlation_interval(x, y, dx, dy).interval
    assert -1 <= found.low < coefficients(x, y, "spearman") <= found.high <= 1


def test_languages_that_go_up_and_down_together_keep_their_order():
    rng = np.random.default_rng(10)
    x = np.arange(5.0)
    still = np.tile(x, (100, 1)) + rng.normal(0, 1e-6, (100, 5))
    loud = still + rng.normal(0, 3, still.shape)
    assert correlation_interval(x, x, still, loud).interval.low < 0
    together = still + rng.normal(0, 3, (100, 1))
    found = correlation_interval(x, x, still, together)
    assert found.reliability == pytest.approx(1)
    assert found.interval == pytest.approx((1, 1))
    assert correlation_interval(x, x, still, still).interval == pytest.approx((1, 1))


def test_replicates_without_any_noise_make_no_order_sure():
    """As of languages whose few items are all right, or all wrong."""
    x, rng = np.array([1.0, 1, 0, 0.5]), np.random.default_rng(12)
    draws = np.tile(x, (100, 1))
    draws[:, 3] += rng.normal(0, 0.01, 100)
    order = np.arange(4.0), np.arange(4.0) + rng.normal(0, 1e-6, (100, 4))
    found = correlation_interval(x, order[0], draws, order[1]).interval
    # The third may be above the first two, but not above the last, nor it above them.
    assert found.low == pytest.approx(-0.8)
    assert found.high < 1


def test_of_values_that_are_all_the_same_no_order_is_sure():
    x = np.arange(5.0)
    still = np.tile(x, (100, 1))
    found = correlation_interval(np.ones(5), x, np.ones((100, 5)), still)
    assert found.interval == pytest.approx((-1, 1))
    assert found.reliability == -math.inf


@pytest.mark.parametrize("n", [3, 5, 12])
def test_reliability_is_the_share_of_the_variance_that_is_not_noise(n):
    rng = np.random.default_rng(11)
    x = np.arange(float(n))
    still = np.tile(x, (20_000, 1))
    noisy = still + rng.normal(0, 0.4, still.shape)
    share = 1 - 0.4**2 / x.var(ddof=1)
    found = correlation_interval(x, x, still, noisy).reliability
    assert found == pytest.approx(share, abs=0.01)
