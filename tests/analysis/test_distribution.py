from __future__ import annotations

from bisect import bisect_right

import numpy as np
import pytest

from spillover.analysis import pairs
from spillover.analysis.distribution import BINS, EDGES, distribution
from spillover.analysis.similarity import similarity
from spillover.errors import DataError


def one_by_one(
    source: np.ndarray, target: np.ndarray, first: list[str], second: list[str]
) -> tuple[list[int], list[int]]:
    """Pair by pair, from the definition."""
    parallel, random = [0] * BINS, [0] * BINS
    for i, u in enumerate(source):
        for j, v in enumerate(target):
            cosine = float(u @ v) / float(np.sqrt(u @ u) * np.sqrt(v @ v))
            place = min(bisect_right(EDGES.tolist(), cosine) - 1, BINS - 1)
            if i == j:
                parallel[place] += 1
            elif first[i] != first[j] and second[i] != second[j]:
                random[place] += 1
    return parallel, random


@pytest.mark.parametrize("block", [3, 1024])
def test_every_pair_is_counted_in_its_bin(
    monkeypatch: pytest.MonkeyPatch, block: int
) -> None:
    monkeypatch.setattr(pairs, "BLOCK", block)
    rng = np.random.default_rng(0)
    source = rng.normal(size=(17, 5)).astype(np.float32)
    target = (source + rng.normal(size=(17, 5))).astype(np.float32)
    first = [f"s{n % 15}" for n in range(17)]
    second = [f"t{n % 16}" for n in range(17)]
    found = distribution(source, target, first, second)
    wide = source.astype(np.float64), target.astype(np.float64)
    assert [found.parallel.tolist(), found.random.tolist()] == [
        *one_by_one(*wide, first, second)
    ]
    measured = similarity(source, target, first, second)
    assert found.parallel.sum() == measured.n
    assert found.random.sum() == measured.n_random_pairs
    middles = (EDGES[:-1] + EDGES[1:]) / 2
    for counts, mean in (
        (found.parallel, measured.parallel),
        (found.random, measured.random),
    ):
        assert (counts @ middles) / counts.sum() == pytest.approx(mean, abs=0.005)


def test_equal_and_opposite_vectors_are_in_the_outermost_bins() -> None:
    rng = np.random.default_rng(1)
    line = rng.normal(size=7).astype(np.float32)
    source = np.stack([line, line * 3, line * 0.1])
    found = distribution(source, source * np.float32([[1], [1], [-1]]))
    assert (found.parallel[-1], found.parallel[0]) == (2, 1)
    assert (found.random[-1], found.random[0]) == (4, 2)
    assert found.parallel.sum() == 3
    assert found.random.sum() == 6


def test_vectors_without_a_direction_are_refused() -> None:
    vectors = np.ones((3, 4), dtype=np.float32)
    vectors[1] = 0
    with pytest.raises(DataError, match="row 1: source vector is zero"):
        distribution(vectors, np.ones((3, 4), dtype=np.float32))
