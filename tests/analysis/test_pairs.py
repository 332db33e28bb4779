"""Sums of cosines over random pairs, against all pairs one by one."""

from __future__ import annotations

import numpy as np
import pytest

from spillover.analysis import pairs as module
from spillover.analysis.pairs import Rows, cosine_sums, mean_cosines, random_pairs


def vectors(n, d, seed=0):
    return np.random.default_rng(seed).normal(size=(2, n, d)) + 0.3


def by_loops(source, target, source_texts, target_texts, counts):
    """Sums over pairs and their number in one sample, its rows written out."""
    rows = np.repeat(np.arange(len(source)), counts.astype(int))
    lengths = np.outer(*(np.linalg.norm(side, axis=1) for side in (source, target)))
    cosines = source @ target.T / lengths
    parallel, random = [], []
    for i in rows:
        for j in rows:
            one = source_texts is not None and source_texts[i] == source_texts[j]
            two = target_texts is not None and target_texts[i] == target_texts[j]
            if i != j and not one and not two:
                random.append(cosines[i, j])
        parallel.append(cosines[i, i])
    return sum(parallel), sum(random), len(random)


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("small", [False, True])
def test_sums_are_those_of_all_pairs(seed, small, monkeypatch):
    if small:
        monkeypatch.setattr(module, "COLUMNS", 3)
        monkeypatch.setattr(module, "BLOCK", 4)
    rng = np.random.default_rng(seed)
    n = int(rng.integers(3, 12))
    source, target = vectors(n, 8, seed)
    texts = [[str(t) for t in rng.integers(0, n - 1, n)] for _ in range(2)]
    counts = rng.integers(0, 4, (5, n)).astype(float)
    for some in ((None, None), (texts[0], None), tuple(texts)):
        try:
            pairs = random_pairs(source, target, *some)
        except module.DataError:  # by chance all share a text
            continue
        found = cosine_sums(Rows(source), Rows(target), pairs, counts)
        expected = [by_loops(source, target, *some, row) for row in counts]
        np.testing.assert_allclose(np.transpose(found), expected, atol=1e-10)
        means = mean_cosines(Rows(source), Rows(target), pairs)
        parallel, random, number = by_loops(source, target, *some, np.ones(n))
        assert means == pytest.approx((parallel / n, random / number))
        assert pairs.competitors.sum() == number


def test_which_pairs_are_random():
    first, second = ["a", "b", "a", "c"], ["x", "y", "z", "y"]
    pairs = random_pairs(*vectors(4, 2), first, second)
    excluded = pairs.excluded(slice(None), slice(None))
    for i in range(4):
        for j in range(4):
            assert excluded[i, j] == (first[i] == first[j] or second[i] == second[j])
    assert pairs.competitors.tolist() == [2, 2, 2, 2]
    assert (
        pairs.excluded(np.array([2, 0]), slice(1, 3)) == excluded[[2, 0], 1:3]
    ).all()


def test_lengths_are_right_at_the_ends_of_the_range():
    scales = np.geomspace(1e-300, 1e250, 6)
    rows = Rows(np.outer(scales, [3.0, 4.0]))
    assert rows.lengths == pytest.approx(5 * scales, rel=1e-15, abs=0)
