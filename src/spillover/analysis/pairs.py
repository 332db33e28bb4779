"""Which pairs of sentences are parallel and which are random, and their cosines.

Vectors may be memory-mapped. They are read in blocks of rows or of dimensions, and
never copied whole; sums are kept in float64.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from spillover.analysis.permutation import Floats
from spillover.errors import DataError

Integers = npt.NDArray[np.intp]
Vectors = npt.NDArray[Any]

BLOCK = 1024
"""Rows that are read at a time: 32 MB of float64 at 4096 dimensions."""

COLUMNS = 128
"""Dimensions that a mean over pairs reads at a time, of all rows."""

PAIRS = 4096
"""Pairs that share a text that are looked at at once, in all samples."""

ALL = slice(None)


class Rows:
    """Vectors less a mean, as float64, a block at a time.

    Args:
        vectors: (n, d); left alone.
        mean: (d,), taken from each row; 0 by default.
    """

    def __init__(self, vectors: Vectors, mean: Floats | None = None) -> None:
        self.vectors, self.n = vectors, len(vectors)
        self.mean = np.zeros(vectors.shape[1]) if mean is None else mean

    def block(self, rows: slice | Integers, columns: slice = ALL) -> Floats:
        """Some rows and columns of the differences from the mean."""
        block = self.vectors[rows, columns].astype(np.float64)
        block -= self.mean[columns]
        return block

    @cached_property
    def lengths(self) -> Floats:
        """The length of each row, (n,); not finite where the row is not."""
        lengths = np.empty(self.n)
        for rows in blocks(self.n):
            block = self.block(rows)
            # Scaled by the largest entry first: squares of very small or large ones
            # would underflow or overflow.
            largest = np.abs(block).max(axis=1, initial=0)
            with np.errstate(invalid="ignore"):
                block /= np.where(largest > 0, largest, 1)[:, np.newaxis]
                lengths[rows] = largest * np.linalg.norm(block, axis=1)
        return lengths

    def unit(self, rows: slice | Integers, columns: slice = ALL) -> Floats:
        """Some rows, scaled to length 1 as a whole, and of those some columns."""
        block = self.block(rows, columns)
        block /= self.lengths[rows, np.newaxis]
        return block


def blocks(n: int, size: int | None = None) -> Iterator[slice]:
    """Slices of at most `size`, by default `BLOCK`, that cover range(n) in order."""
    size = size or BLOCK
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


@dataclass(frozen=True)
class RandomPairs:
    """Which pairs (i, j) are random: i and j share neither text.

    Data sets repeat sentences, and a sentence met again is not a random one.

    Attributes:
        source: for each of the n items, the number of its source text.
        target: the number of its target text.
        both: the number of its pair of texts.
    """

    source: Integers
    target: Integers
    both: Integers

    @cached_property
    def competitors(self) -> Integers:
        """How many random pairs (i, j) each item i has, (n,)."""
        source, target, both = (
            np.bincount(group)[group] for group in (self.source, self.target, self.both)
        )
        competitors: Integers = len(self.source) - source - target + both
        return competitors

    @cached_property
    def sharing(self) -> tuple[Integers, Integers]:
        """The pairs (i, j) of different items that share a text: all i, and all j."""
        n = len(self.source)
        found = [np.zeros(0, dtype=np.intp)]
        for group in (self.source, self.target):
            order = np.argsort(group, kind="stable")
            ends = np.cumsum(np.bincount(group))
            for rows in np.split(order, ends[:-1]):
                if len(rows) > 1:
                    found.append(np.add.outer(rows * n, rows).ravel())
        first, second = np.divmod(np.unique(np.concatenate(found)), n)
        apart = first != second
        return first[apart], second[apart]

    def excluded(self, rows: slice | Integers, columns: slice) -> npt.NDArray[np.bool_]:
        """Which pairs (row, column) are not random; the parallel ones are not."""
        excluded: npt.NDArray[np.bool_] = np.equal.outer(
            self.source[rows], self.source[columns]
        )
        excluded |= np.equal.outer(self.target[rows], self.target[columns])
        return excluded


def random_pairs(
    source: Vectors,
    target: Vectors,
    source_texts: Sequence[str] | None = None,
    target_texts: Sequence[str] | None = None,
) -> RandomPairs:
    """The random pairs of n items, from vectors of shape (n, d) and texts.

    Raises:
        DataError: shapes that differ, fewer than two rows, texts
            that are not one for each row, or no random pair.
    """
    if source.shape != target.shape or source.ndim != 2:
        raise DataError(
            f"source vectors of shape {source.shape}, target vectors of {target.shape}",
            expected="two arrays of the same shape (sentences, dimensions)",
        )
    n = len(source)
    if n < 2:
        raise DataError(f"{n} parallel pair(s)", expected="at least 2")
    first = _keys(source_texts, n, "source_texts")
    second = _keys(target_texts, n, "target_texts")
    both = list(zip(first, second, strict=True))
    pairs = RandomPairs(_numbers(first), _numbers(second), _numbers(both))
    if not pairs.competitors.any():
        raise DataError(
            f"no random pair among {n} items: all share a source or a target text",
            expected="at least two items that differ in both languages",
        )
    return pairs


def _numbers(keys: Sequence[object]) -> Integers:
    numbers: dict[object, int] = {}
    return np.array([numbers.setdefault(key, len(numbers)) for key in keys])


def paired_rows(
    source: Vectors,
    target: Vectors,
    source_texts: Sequence[str] | None = None,
    target_texts: Sequence[str] | None = None,
) -> tuple[Rows, Rows, RandomPairs]:
    """The rows of both sides, each with a direction, and which pairs are random.

    Raises:
        DataError: as `random_pairs` and `check_directions`.
    """
    pairs = random_pairs(source, target, source_texts, target_texts)
    u, v = Rows(source), Rows(target)
    check_directions(u, "source")
    check_directions(v, "target")
    return u, v, pairs


def cosine_sums(
    u: Rows, v: Rows, pairs: RandomPairs, counts: Floats
) -> tuple[Floats, Floats, Floats]:
    """Sums of cosines in samples that hold row i `counts[s, i]` times.

    The cosines of all pairs sum to (sum of u) · (sum of v). From that go the parallel
    pairs, also those of a row that a sample holds twice, and the pairs of other rows
    that share a text. Sums over dimensions are taken a few at a time.

    Args:
        u: n rows, none of length 0.
        v: n rows, in the same order.
        pairs: which pairs are random.
        counts: (samples, n).

    Returns:
        Sum over the parallel pairs, sum over the random pairs and number of random
        pairs, each (samples,).
    """
    first, second = pairs.sharing
    parts = list(blocks(len(first), PAIRS))
    cosines, of_sharing = np.zeros(u.n), np.zeros(len(first))
    total: Floats = np.zeros(len(counts))
    for columns in blocks(u.vectors.shape[1], COLUMNS):
        a, b = u.unit(ALL, columns), v.unit(ALL, columns)
        cosines += np.einsum("nd,nd->n", a, b)
        total += np.einsum("sd,sd->s", counts @ a, counts @ b)
        for part in parts:
            of_sharing[part] += np.einsum("pd,pd->p", a[first[part]], b[second[part]])
    squares = counts**2
    random = total - squares @ cosines
    number = counts.sum(axis=1) ** 2 - squares.sum(axis=1)
    for part in parts:
        twice = counts[:, first[part]] * counts[:, second[part]]
        random -= twice @ of_sharing[part]
        number -= twice.sum(axis=1)
    return counts @ cosines, random, number


def mean_cosines(u: Rows, v: Rows, pairs: RandomPairs) -> tuple[float, float]:
    """Mean cosine of the parallel and of the random pairs, exactly.

    Args:
        u: n rows, none of length 0.
        v: n rows, in the same order.
        pairs: which pairs are random; there is one.
    """
    once = np.ones((1, u.n))
    [parallel], [random], [number] = cosine_sums(u, v, pairs, once)
    return float(parallel) / u.n, float(random) / float(number)


def check_directions(rows: Rows, name: str) -> None:
    """Raise a `DataError` if a row is not finite, or zero and without a direction."""
    for fault, bad in (
        ("is not finite", ~np.isfinite(rows.lengths)),
        ("is zero and has no direction", rows.lengths == 0),
    ):
        if bad.any():
            raise DataError(
                f"{name} vector {fault} ({bad.sum()} of {len(bad)} are)",
                where=f"row {int(bad.argmax())}",
            )


def _keys(texts: Sequence[str] | None, n: int, name: str) -> Sequence[Hashable]:
    """What tells the sentences of one side apart: their texts, or their places."""
    if texts is None:
        return range(n)
    if len(texts) != n:
        raise DataError(f"{len(texts)} {name}", expected=f"one for each of {n} rows")
    return texts
