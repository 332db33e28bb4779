"""How alike parallel sentences look inside a model, against random pairs.

The two columns of Table 2 of Xie et al. (2024): P, the mean cosine of sentences that
translate each other, and R, that of sentences that do not. The paper draws R from a
sample; here it is the exact mean over every pair that is not parallel.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from spillover.analysis.permutation import Floats
from spillover.analysis.uncertainty import DRAWS, resamples
from spillover.errors import DataError


@dataclass(frozen=True)
class Similarity:
    """Mean cosines between the sentences of two languages.

    Attributes:
        parallel: mean over the pairs (i, i); in [-1, 1] up to rounding.
        random: mean over the pairs (i, j) that share neither text.
        n: number of parallel pairs.
        n_random_pairs: number of pairs behind `random`.
    """

    parallel: float
    random: float
    n: int
    n_random_pairs: int


def similarity(
    source: npt.NDArray[Any],
    target: npt.NDArray[Any],
    source_texts: Sequence[str] | None = None,
    target_texts: Sequence[str] | None = None,
) -> Similarity:
    """Mean cosine of parallel pairs and, exactly, of all random pairs.

    A pair (i, j) is random when i and j differ in their source text and in their target
    text: data sets repeat sentences, and a sentence met again is not a random one.
    Without texts, all sentences of that side count as different.

    With u and v the rows scaled to length 1, the cosines of all pairs sum to
    (sum of u) · (sum of v), and so do those within a group of equal texts. The pairs
    to leave out are those equal in the source, plus those equal in the target, less
    those equal in both. Time and memory are O(n·d); sums are kept in float64.

    Args:
        source: (n, d) vectors; row i belongs to the same item as row i of `target`.
        target: (n, d) vectors.
        source_texts: the n source sentences, in the order of the rows.
        target_texts: the n target sentences.

    Raises:
        DataError: shapes that differ, fewer than two rows, a row that is zero or not
            finite, or no random pair left.
    """
    if source.shape != target.shape or source.ndim != 2:
        raise DataError(
            f"source vectors of shape {source.shape}, target vectors of {target.shape}",
            expected="two arrays of the same shape (sentences, dimensions)",
        )
    n = len(source)
    if n < 2:
        raise DataError(f"{n} parallel pair(s)", expected="at least 2")
    u, v = _unit_rows(source, "source"), _unit_rows(target, "target")
    source_keys = _keys(source_texts, n, "source_texts")
    target_keys = _keys(target_texts, n, "target_texts")

    once = np.ones((1, n))
    parallel, total, pairs = _sums(u, v, source_keys, target_keys, once)
    if pairs[0] == 0:
        raise DataError(
            f"no random pair among {n} items: all share a source or a target text",
            expected="at least two items that differ in both languages",
        )
    return Similarity(parallel[0] / n, total[0] / pairs[0], n, round(pairs[0]))


def resampled(
    source: npt.NDArray[Any],
    target: npt.NDArray[Any],
    source_texts: Sequence[str] | None = None,
    target_texts: Sequence[str] | None = None,
    *,
    seed: int = 1,
    draws: int = DRAWS,
) -> tuple[Floats, Floats]:
    """Bootstrap replicates of both means, over sentences.

    A sentence is resampled, not a pair: each random pair shares its two sentences with
    many others. The exact means of every bootstrap sample come from the same closed
    form as those of the sentences themselves; a sentence that is drawn twice is no
    random pair with itself. With one seed the same sentences are drawn whatever the
    languages, so that replicates of two languages or of two models can be compared.

    Args:
        source: as for `similarity`, as are the next three.
        target: (n, d) vectors.
        source_texts: the n source sentences.
        target_texts: the n target sentences.
        seed: of the resampling.
        draws: how many replicates.

    Returns:
        Parallel and random means, (draws,) each. The latter is nan for a sample that
        holds no random pair, which takes a handful of sentences.

    Raises:
        DataError: as `similarity`.
    """
    n = similarity(source, target, source_texts, target_texts).n  # and its checks
    u, v = _unit_rows(source, "source"), _unit_rows(target, "target")
    source_keys = _keys(source_texts, n, "source_texts")
    target_keys = _keys(target_texts, n, "target_texts")
    parallels, randoms = [], []
    for counts in resamples(n, seed, draws):
        parallel, total, pairs = _sums(u, v, source_keys, target_keys, counts)
        parallels.append(parallel / n)
        randoms.append(np.where(pairs > 0, total, np.nan) / np.maximum(pairs, 1))
    return np.concatenate(parallels), np.concatenate(randoms)


def _sums(
    u: Floats,
    v: Floats,
    source_keys: Sequence[Hashable],
    target_keys: Sequence[Hashable],
    counts: Floats,
) -> tuple[Floats, Floats, Floats]:
    """Sums of cosines in samples that hold row i `counts[s, i]` times.

    Returns:
        Sum over parallel pairs, sum over random pairs and number of random pairs, each
        (samples,).
    """
    cosines = np.einsum("nd,nd->n", u, v)
    total = np.einsum("sd,sd->s", counts @ u, counts @ v)
    pairs = counts.sum(axis=1) ** 2
    both_keys = list(zip(source_keys, target_keys, strict=True))
    for keys, sign in ((source_keys, -1), (target_keys, -1), (both_keys, +1)):
        for group in _groups(keys):
            if len(group) == 1:
                continue
            part = counts[:, group]
            total += sign * np.einsum("sd,sd->s", part @ u[group], part @ v[group])
            pairs += sign * part.sum(axis=1) ** 2
        alone = [group[0] for group in _groups(keys) if len(group) == 1]
        squares = counts[:, alone] ** 2
        total += sign * (squares @ cosines[alone])
        pairs += sign * squares.sum(axis=1)
    return counts @ cosines, total, pairs


def _unit_rows(vectors: npt.NDArray[Any], name: str) -> Floats:
    """The rows scaled to length 1, in float64."""
    rows = vectors.astype(np.float64)
    for fault, bad in (
        ("is not finite", ~np.isfinite(rows).all(axis=1)),
        ("is zero and has no direction", ~rows.any(axis=1)),
    ):
        if bad.any():
            raise DataError(
                f"{name} vector {fault} ({bad.sum()} of {len(rows)} are)",
                where=f"row {int(bad.argmax())}",
            )
    # Scaled by the largest entry first: squares of very small or large ones would
    # underflow or overflow.
    rows /= np.abs(rows).max(axis=1, keepdims=True)
    rows /= np.linalg.norm(rows, axis=1, keepdims=True)
    return rows


def _keys(texts: Sequence[str] | None, n: int, name: str) -> Sequence[Hashable]:
    """What tells the sentences of one side apart: their texts, or their places."""
    if texts is None:
        return range(n)
    if len(texts) != n:
        raise DataError(f"{len(texts)} {name}", expected=f"one for each of {n} rows")
    return texts


def _groups(keys: Sequence[Hashable]) -> list[list[int]]:
    """The rows of each key."""
    rows: dict[Hashable, list[int]] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, []).append(row)
    return list(rows.values())
