"""CKA, ANC, whitening and mean cosines against definitions written out in loops."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.stats import pearsonr

from spillover.analysis import pairs, representation
from spillover.analysis.pairs import Rows, mean_cosines, random_pairs
from spillover.analysis.representation import (
    centred,
    linear_cka,
    neuron_correlation,
    whiten,
)
from spillover.errors import DataError


def vectors(n=12, d=5, seed=0, noise=1.0):
    """Related vectors off centre, of unequal variance and length, as hidden states."""
    rng = np.random.default_rng(seed)
    shared = rng.normal(size=(n, d))
    sides = shared + noise * rng.normal(size=(2, n, d))
    sides = sides * rng.lognormal(size=d) + rng.normal(size=(2, 1, d))
    return sides.astype(np.float32)


def gram(vectors):
    return [[float(np.dot(a, b)) for b in vectors] for a in vectors.astype(np.float64)]


def hsic_plain(k, l):  # noqa: E741
    """Tr(KHLH), with the centring matrix H."""
    n = len(k)
    h = np.eye(n) - 1 / n
    return np.trace(np.array(k) @ h @ np.array(l) @ h)


def hsic_unbiased(k, l):  # noqa: E741
    """The mean of Song et al.'s h over all ordered sets of four different items."""
    n, total, count = len(k), 0.0, 0
    for i in range(n):
        for j in range(n):
            for q in range(n):
                for r in range(n):
                    if len({i, j, q, r}) == 4:
                        total += k[i][j] * (l[i][j] + l[q][r] - 2 * l[i][q])
                        count += 1
    return total / count


def cka_by(hsic, source, target):
    k, l = gram(source), gram(target)  # noqa: E741
    return hsic(k, l) / np.sqrt(hsic(k, k) * hsic(l, l))


@pytest.mark.parametrize(("n", "d"), [(9, 4), (5, 5), (6, 11), (4, 2)])
def test_cka_equals_its_definition(n, d):
    source, target = vectors(n, d)
    result = linear_cka(source, target)
    assert result.plain == pytest.approx(cka_by(hsic_plain, source, target))
    assert result.debiased == pytest.approx(cka_by(hsic_unbiased, source, target))


@pytest.mark.parametrize(("n", "d"), [(2, 3), (3, 1)])
def test_too_few_items_for_the_unbiased_estimator(n, d):
    source, target = vectors(n, d)
    result = linear_cka(source, target)
    assert result.plain == pytest.approx(cka_by(hsic_plain, source, target))
    assert result.debiased is None


def test_plain_cka_of_unrelated_vectors_is_high_where_n_is_small_and_debiased_is_not():
    source, target = np.random.default_rng(0).normal(size=(2, 60, 300))
    result = linear_cka(source, target)
    assert result.plain > 0.8
    assert abs(result.debiased) < 0.05


def test_items_all_equally_similar_have_no_debiased_cka():
    _, target = vectors(6, 6)
    assert linear_cka(np.eye(6), target).plain is not None
    assert linear_cka(np.eye(6), target).debiased is None
    assert linear_cka(target, np.eye(6)).debiased is None


@pytest.mark.parametrize("value", [0.1, np.float32(0.1), 7e4])
def test_vectors_that_are_all_the_same_have_no_cka_anc_or_whitening(value):
    # 0.1 added up seven times and divided by seven is not 0.1.
    same, other = np.full((7, 3), value), vectors(7, 3)[0]
    for source, target in ((same, other), (other, same), (same, same)):
        assert linear_cka(source, target) == representation.Cka(None, None)
        assert neuron_correlation(source, target).mean is None
        assert neuron_correlation(source, target).dimensions == 0
        assert [side.shape for side in whiten(source, target)] == [(7, 0), (7, 0)]


@pytest.mark.parametrize(("n", "d"), [(12, 5), (3, 9), (2, 4)])
def test_anc_equals_the_mean_of_correlations(n, d):
    source, target = vectors(n, d)
    expected = [pearsonr(source[:, i], target[:, i]).statistic for i in range(d)]
    result = neuron_correlation(source, target)
    assert result.mean == pytest.approx(np.mean(expected), abs=1e-6)
    assert result.dimensions == d


def test_anc_keeps_the_sign():
    source, _ = vectors()
    assert neuron_correlation(source, -source).mean == pytest.approx(-1)


def test_anc_leaves_constant_dimensions_out():
    source, target = vectors()
    straight = neuron_correlation(source[:, 2:], target[:, 2:])
    source[:, 0], target[:, 1] = 0.1, 3
    result = neuron_correlation(source, target)
    assert result.mean == pytest.approx(straight.mean, abs=1e-12)
    assert result.dimensions == 3


@pytest.mark.parametrize(
    ("n", "d"), [(60, 4), (40, 7), (30, 80), (25, 50), (26, 50), (8, 3), (5, 20)]
)
def test_whitened_vectors_equal_those_by_singular_values(n, d):
    source, target = vectors(n, d)
    scaled = []
    for side in (source, target):
        x = side.astype(np.float64) - side.mean(axis=0, dtype=np.float64)
        scaled.append(x / np.sqrt((x**2).sum()))
    left, _, _ = np.linalg.svd(np.concatenate(scaled), full_matrices=False)
    rank = min(d, max(1, n // 10))
    a, b = whiten(source, target)
    assert a.shape == b.shape == (n, rank)
    # Equal up to a rotation and a factor: so are all products of two rows.
    both = np.concatenate([a, b]).astype(np.float64)
    expected = left[:, :rank] @ left[:, :rank].T
    products = both @ both.T
    products *= np.trace(expected) / np.trace(products)
    assert np.allclose(products, expected, atol=1e-6)


def test_whitened_languages_vary_equally_in_all_directions():
    a, b = whiten(*vectors(200, 6))
    covariance = (a.T @ a + b.T @ b).astype(np.float64)
    expected = np.eye(6) * np.trace(covariance) / 6
    assert np.allclose(covariance, expected, atol=1e-4 * covariance[0, 0])


def test_whitening_takes_no_direction_that_does_not_vary():
    source, target = vectors(100, 3)
    flat = [
        np.column_stack([side, side[:, :2] * 2, np.ones(100)])
        for side in (source, target)
    ]
    assert whiten(*flat)[0].shape == (100, 3)


def test_a_cut_keeps_whitened_pairs_together_where_n_is_small(monkeypatch):
    source, target = vectors(50, 400, noise=0.3)
    a, b = whiten(source, target)
    assert mean_cosines(Rows(a), Rows(b), random_pairs(a, b))[0] > 0.8
    # What it is for: with all directions, aligned sentences look unrelated.
    monkeypatch.setattr(representation, "ITEMS_PER_DIRECTION", 0.1)
    a, b = whiten(source, target)
    assert mean_cosines(Rows(a), Rows(b), random_pairs(a, b))[0] < 0.1


@pytest.mark.parametrize("measure", [linear_cka, neuron_correlation, whiten])
@pytest.mark.parametrize("value", [np.nan, np.inf])
def test_vectors_must_be_finite(measure, value):
    source, target = vectors()
    target[3, 2] = value
    with pytest.raises(DataError, match="not finite"):
        measure(source, target)


def test_centring_takes_the_mean_away_and_leaves_the_input_alone(monkeypatch):
    monkeypatch.setattr(pairs, "BLOCK", 5)
    source, _ = vectors()
    before = source.copy()
    rows = centred(source)
    expected = before.astype(np.float64) - before.astype(np.float64).mean(axis=0)
    assert np.allclose(rows.block(slice(None)), expected, atol=1e-14)
    assert rows.lengths == pytest.approx(np.linalg.norm(expected, axis=1))
    assert np.array_equal(source, before)
