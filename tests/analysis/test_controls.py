"""The partial rank correlation, against the residuals of a regression."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import rankdata, spearmanr

from spillover.analysis.controls import partial_correlation
from spillover.errors import DataError


def over(values):
    return {f"l{i}": v for i, v in enumerate(values)}


def by_residuals(x, y, z):
    """Correlation of what a straight line through the ranks of z leaves."""
    x, y, z = (rankdata(side) for side in (x, y, z))
    left = [side - np.polyval(np.polyfit(z, side, 1), z) for side in (x, y)]
    return np.corrcoef(*left)[0, 1]


@pytest.mark.parametrize("n", [4, 5, 9])
def test_it_is_the_correlation_of_residuals(n):
    rng = np.random.default_rng(n)
    for _ in range(10):
        x, y, z = rng.normal(size=(3, n))
        found = partial_correlation(over(x), over(y), over(z))
        if found.value is not None:
            assert found.value == pytest.approx(by_residuals(x, y, z), abs=1e-9)
            assert found.n == n
            assert found.reason is None
            assert found.rho_score == pytest.approx(spearmanr(x, z).statistic)
            assert found.rho_similarity == pytest.approx(spearmanr(y, z).statistic)


def test_what_follows_the_control_alone_is_gone():
    rng = np.random.default_rng(0)
    z = rng.normal(size=2000)
    x, y = z + rng.normal(size=2000), z + rng.normal(size=2000)
    assert abs(partial_correlation(over(x), over(y), over(z)).value) < 0.06


@pytest.mark.parametrize(
    ("x", "y", "z", "reason"),
    [
        ([1, 2, 3], [1, 3, 2], [2, 1, 3], "3 languages; a partial"),
        ([1, 2, 3, 4], [2, 1, 4, 3], [5, 5, 5, 5], "the control of all languages are"),
        ([1, 1, 1, 1], [2, 1, 4, 3], [1, 2, 4, 3], "the scores of all languages are"),
        ([0.1 + 0.2, 0.3, 0.3, 0.3], [2, 1, 4, 3], [1, 2, 4, 3], "the scores of all"),
        ([1, 2, 3, 4], [2, 1, 4, 3], [4, 3, 2, 1], "the control ranks the languages"),
    ],
)
def test_what_does_not_exist_is_a_gap(x, y, z, reason):
    found = partial_correlation(over(x), over(y), over(z))
    assert found.value is None
    assert found.reason.startswith(reason)


def test_a_control_that_ranks_as_the_scores_do_says_so():
    found = partial_correlation(over([1, 2, 3, 4]), over([2, 1, 4, 3]), over(range(4)))
    assert found.value is None
    assert (found.rho_score, found.rho_similarity) == pytest.approx((1.0, 0.6))


def test_what_is_no_number_is_refused():
    with pytest.raises(DataError, match="similarities: not all values are numbers"):
        partial_correlation(over([1, 2, 3, 4]), over([1, np.nan, 3, 2]), over([1] * 4))


def test_other_languages_are_refused():
    with pytest.raises(DataError, match="cover different languages"):
        partial_correlation(over([1, 2]), over([1, 2]), over([1, 2, 3]))
