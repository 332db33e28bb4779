"""How well a model tells a sentence's translation from other sentences.

A mean cosine says how near translations lie, retrieval whether they lie nearer than
anything else, and the measures of `representation` what two languages share apart from
where they lie. All are taken from the same vectors, of one layer and one pooling;
docs/similarity.md sets them side by side.

The rule of `similarity` holds throughout: a pair (i, j) of different items that share
their source or their target text is not a random pair. It is in no mean over random
pairs, and it does not compete with a parallel pair in retrieval.

Vectors may be memory-mapped float32. Neither they nor the n x n cosines are ever held
whole in float64.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from spillover.analysis.pairs import (
    RandomPairs,
    Rows,
    Vectors,
    blocks,
    mean_cosines,
    paired_rows,
)
from spillover.analysis.permutation import Floats
from spillover.analysis.representation import (
    centred,
    linear_cka,
    neuron_correlation,
    whiten,
)
from spillover.errors import DataError

TIE = 1e-12
"""Cosines nearer than this are equal. Those of equal vectors differ by rounding, which
depends on where in a matrix product they stand."""


@dataclass(frozen=True)
class Alignment:
    """How alike the parallel sentences of two languages are, in one layer and pooling.

    Shares are over the items that have a random pair, `n_ranked`. A value is None where
    it does not exist, as said for each.

    Attributes:
        n: number of parallel pairs.
        n_ranked: items with at least one competitor; the others share a text with every
            other item, and are in no share and not in `csls`.
        parallel: mean cosine of the parallel pairs, as from `similarity`.
        random: mean cosine of the random pairs, as from `similarity`.
        gap: `parallel` - `random`.
        mexa: share of items whose parallel cosine beats each other cosine in its row
            and in its column (Kargaran et al. 2024). Here and below a tie is a failure.
        p1_forward: share whose target is the nearest to their source (precision@1).
        p1_backward: share whose source is the nearest to their target.
        csls: mean CSLS of the parallel pairs (Conneau et al. 2018), in [-4, 2].
        csls_p1_forward: `p1_forward` by CSLS instead of cosine.
        csls_p1_backward: `p1_backward` by CSLS.
        centred_parallel: `parallel` after each language's mean was taken away. None
            where a vector is that mean, as when all sentences have the same vector.
        centred_random: `random` of the same vectors; None with `centred_parallel`.
        whitened_parallel: `parallel` after `whiten`; None as `centred_parallel`.
        whitened_random: `random` of the same vectors; None with `whitened_parallel`.
        whitened_directions: dimensions that `whiten` kept; 0 if there were none.
        cka: linear CKA, in [0, 1] (see `linear_cka`).
        cka_debiased: the same with the unbiased HSIC, in [-1, 1].
        anc: average neuron-wise correlation, in [-1, 1] (see `neuron_correlation`).
        anc_dimensions: dimensions that it is a mean over.
    """

    n: int
    n_ranked: int
    parallel: float
    random: float
    gap: float
    mexa: float
    p1_forward: float
    p1_backward: float
    csls: float
    csls_p1_forward: float
    csls_p1_backward: float
    centred_parallel: float | None
    centred_random: float | None
    whitened_parallel: float | None
    whitened_random: float | None
    whitened_directions: int
    cka: float | None
    cka_debiased: float | None
    anc: float | None
    anc_dimensions: int


def alignment(
    source: Vectors,
    target: Vectors,
    source_texts: Sequence[str] | None = None,
    target_texts: Sequence[str] | None = None,
    *,
    neighbours: int = 10,
) -> Alignment:
    """Every measure of `Alignment`, for one layer and one pooling.

    Time is that of one product of all pairs of vectors for the retrieval measures (see
    `retrieval`), and for the others of five of d x d (or n x n, if smaller) and of an
    eigenvalue decomposition of that size. Memory beyond the input is a few d x d
    matrices, and blocks.

    Args:
        source: (n, d) vectors; row i belongs to the same item as row i of `target`.
        target: (n, d) vectors.
        source_texts: the n source sentences, in the order of the rows. Without them
            all count as different.
        target_texts: the n target sentences.
        neighbours: k of CSLS; at most n - 1 are used.

    Raises:
        DataError: shapes that differ, fewer than two rows, a row that is zero or not
            finite, no random pair, or `neighbours` below 1.
    """
    if neighbours < 1:
        raise DataError(f"{neighbours} neighbours", expected="at least 1")
    u, v, pairs = paired_rows(source, target, source_texts, target_texts)
    parallel, random = mean_cosines(u, v, pairs)
    white = whiten(source, target)
    cka, anc = linear_cka(source, target), neuron_correlation(source, target)
    centred_means = _if_all_have_a_direction(centred(source), centred(target), pairs)
    whitened_means = _if_all_have_a_direction(Rows(white[0]), Rows(white[1]), pairs)
    return Alignment(
        n=u.n,
        n_ranked=int(np.count_nonzero(pairs.competitors)),
        parallel=parallel,
        random=random,
        gap=parallel - random,
        **retrieval(u, v, pairs, neighbours)._asdict(),
        centred_parallel=centred_means[0],
        centred_random=centred_means[1],
        whitened_parallel=whitened_means[0],
        whitened_random=whitened_means[1],
        whitened_directions=white[0].shape[1],
        cka=cka.plain,
        cka_debiased=cka.debiased,
        anc=anc.mean,
        anc_dimensions=anc.dimensions,
    )


def _if_all_have_a_direction(
    u: Rows, v: Rows, pairs: RandomPairs
) -> tuple[float, float] | tuple[None, None]:
    """The mean cosines, unless a row is zero up to rounding after a transformation."""
    for lengths in (u.lengths, v.lengths):
        if lengths.min() <= TIE * lengths.max():
            return None, None
    return mean_cosines(u, v, pairs)


class OverLayers(NamedTuple):
    """MEXA of a model: its scores by layer, brought down to one."""

    mean: float
    max: float


def mexa_over_layers(scores: Sequence[float]) -> OverLayers:
    """Mean and maximum of the MEXA scores of all layers, as in Kargaran et al. (2024).

    Raises:
        DataError: no scores.
    """
    if not scores:
        raise DataError("no layer has a MEXA score")
    return OverLayers(fmean(scores), max(scores))


class Retrieval(NamedTuple):
    """The retrieval measures of `Alignment`, under its names."""

    mexa: float
    p1_forward: float
    p1_backward: float
    csls: float
    csls_p1_forward: float
    csls_p1_backward: float


def retrieval(u: Rows, v: Rows, pairs: RandomPairs, neighbours: int) -> Retrieval:
    """MEXA, precision@1 and CSLS, from one pass over the n x n cosines.

    The cosines are float64, tile by tile. A parallel cosine is read from the tile that
    holds it, computed like those that it is compared with, and `TIE` takes care of what
    is left of rounding. Cosines of hidden states crowd together near 1: in float32 the
    order of near ones, and so the result, would depend on the size of the tiles.

    CSLS of (i, j) is 2 cos(i, j) - r(i) - r(j), where r is the mean cosine of an item
    to the k nearest on the other side, its own translation among them. Its winners are
    only known once all r are. `_csls_wins` finds nearly all from the k nearest, which
    the pass keeps, and computes the rows of the others again: at most one more pass.
    """
    k = min(neighbours, u.n - 1)
    parallel, forward, backward = _nearest(u, v, pairs, k)
    ranked = pairs.competitors > 0
    beats_row = parallel > forward.cosines.max(axis=1) + TIE
    beats_column = parallel > backward.cosines.max(axis=1) + TIE
    r_source = _neighbourhood(parallel, forward, k)
    r_target = _neighbourhood(parallel, backward, k)
    there = _csls_wins(u, v, pairs, parallel, forward, backward, r_target)
    back = _csls_wins(v, u, pairs, parallel, backward, forward, r_source)
    return Retrieval(
        *(
            float(values[ranked].mean())
            for values in (
                beats_row & beats_column,
                beats_row,
                beats_column,
                2 * parallel - r_source - r_target,
                there,
                back,
            )
        )
    )


class _Nearest:
    """For each of n items, the k nearest competitors met so far, in no order.

    Attributes:
        cosines: (n, k), -inf where fewer than k were met.
        items: (n, k), the place of each on the other side.
    """

    def __init__(self, n: int, k: int) -> None:
        self.cosines = np.full((n, k), -np.inf)
        self.items = np.zeros((n, k), dtype=np.intp)

    def update(self, rows: slice, columns: slice, tile: Floats) -> None:
        """Take in the cosines of some rows with some columns."""
        k = self.cosines.shape[1]
        cosines = np.concatenate([self.cosines[rows], tile], axis=1)
        chosen = np.argpartition(cosines, -k, axis=1)[:, -k:]
        self.cosines[rows] = np.take_along_axis(cosines, chosen, axis=1)
        kept = np.take_along_axis(self.items[rows], np.minimum(chosen, k - 1), axis=1)
        self.items[rows] = np.where(chosen < k, kept, columns.start + chosen - k)


def _nearest(
    u: Rows, v: Rows, pairs: RandomPairs, k: int
) -> tuple[Floats, _Nearest, _Nearest]:
    """The parallel cosines, (n,), and the nearest competitors of source and target."""
    parallel = np.empty(u.n)
    forward, backward = _Nearest(u.n, k), _Nearest(u.n, k)
    for rows in blocks(u.n):
        a = u.unit(rows)
        for columns in blocks(u.n):
            tile = a @ v.unit(columns).T
            if rows == columns:
                parallel[rows] = tile.diagonal()
            tile[pairs.excluded(rows, columns)] = -np.inf
            forward.update(rows, columns, tile)
            backward.update(columns, rows, tile.T)
    return parallel, forward, backward


def _neighbourhood(parallel: Floats, nearest: _Nearest, k: int) -> Floats:
    """r of each item: the mean of its k largest cosines, the parallel one included."""
    cosines = np.column_stack([parallel, nearest.cosines])
    largest = np.sort(cosines, axis=1)[:, -k:]
    met = np.isfinite(largest)
    r: Floats = largest.sum(axis=1, where=met) / met.sum(axis=1)
    return r


def _csls_wins(
    u: Rows,
    v: Rows,
    pairs: RandomPairs,
    parallel: Floats,
    row: _Nearest,
    column: _Nearest,
    r: Floats,
) -> npt.NDArray[np.bool_]:
    """Whether 2 cos(i, i) - r(i) beats every competitor's 2 cos(i, j) - r(j), (n,).

    If cos(i, j) is not among the k nearest of column j, it is at most r(j), so that
    2 cos(i, j) - r(j) <= cos(i, j). If it is not among the k nearest of row i either,
    cos(i, j) is at most the k-th of that row. An item that beats all listed pairs and
    its row's k-th cosine has won. What is left open is computed.

    Args:
        row: nearest v of each u.
        column: nearest u of each v.
        r: of v.
    """
    own = 2 * parallel - r
    best = (2 * row.cosines - r[row.items]).max(axis=1)
    # -inf marks places that no competitor took, whatever item they name.
    np.maximum.at(best, column.items, 2 * column.cosines - r[:, np.newaxis])
    wins: npt.NDArray[np.bool_] = own > best + TIE
    (still_open,) = np.nonzero(wins & (own <= row.cosines.min(axis=1) + TIE))
    for some in blocks(len(still_open)):
        items = still_open[some]
        a, best_of_all = u.unit(items), np.full(len(items), -np.inf)
        for columns in blocks(v.n):
            scores = 2 * (a @ v.unit(columns).T) - r[columns]
            scores[pairs.excluded(items, columns)] = -np.inf
            np.maximum(best_of_all, scores.max(axis=1), out=best_of_all)
        wins[items] = own[items] > best_of_all + TIE
    return wins
