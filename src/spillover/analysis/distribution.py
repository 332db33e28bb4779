"""How the cosines of parallel and of random pairs are distributed.

Two languages can have the same gap between the two means, and yet the parallel pairs of
one lie clear of the random pairs, and those of the other among them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spillover.analysis.pairs import Vectors, blocks, paired_rows
from spillover.analysis.permutation import Floats

BINS = 200
EDGES = np.linspace(-1, 1, BINS + 1)
"""Of bins 0.01 wide, each with its lower edge; the last has both."""


@dataclass(frozen=True)
class Distribution:
    """Numbers of pairs by cosine, in the bins between `EDGES`.

    Attributes:
        parallel: of the n parallel pairs, (BINS,).
        random: of all random pairs, (BINS,); see `pairs.RandomPairs`.
    """

    parallel: npt.NDArray[np.int64]
    random: npt.NDArray[np.int64]


def distribution(
    source: Vectors,
    target: Vectors,
    source_texts: Sequence[str] | None = None,
    target_texts: Sequence[str] | None = None,
) -> Distribution:
    """Count the cosines of every parallel and every random pair.

    Time is that of one product of all pairs of vectors; memory beyond them is that of
    blocks. A cosine within rounding of an edge may fall to either side of it.

    Args:
        source: (n, d) vectors; row i belongs to the same item as row i of `target`.
        target: (n, d) vectors.
        source_texts: the n source sentences, in the order of the rows.
        target_texts: the n target sentences.

    Raises:
        DataError: as `similarity.similarity`.
    """
    u, v, pairs = paired_rows(source, target, source_texts, target_texts)
    parallel = np.zeros(BINS, dtype=np.int64)
    random = np.zeros(BINS, dtype=np.int64)
    for rows in blocks(u.n):
        a = u.unit(rows)
        parallel += _counts(np.einsum("nd,nd->n", a, v.unit(rows)))
        for columns in blocks(u.n):
            tile = a @ v.unit(columns).T
            random += _counts(tile[~pairs.excluded(rows, columns)])
    return Distribution(parallel, random)


def _counts(cosines: Floats) -> npt.NDArray[np.int64]:
    # Rounding takes cosines of equal vectors past 1.
    counts, _ = np.histogram(cosines.clip(-1, 1), bins=EDGES)
    return counts.astype(np.int64)
