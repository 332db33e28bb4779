"""How alike parallel sentences look inside a model, against random pairs.

The two columns of Table 2 of Xie et al. (2024): P, the mean cosine of sentences that
translate each other, and R, that of sentences that do not. The paper draws R from a
sample; here it is the exact mean over every pair that is not parallel.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from spillover.analysis.pairs import (
    Vectors,
    cosine_sums,
    mean_cosines,
    paired_rows,
)
from spillover.analysis.permutation import Floats
from spillover.analysis.uncertainty import DRAWS, resamples


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
    source: Vectors,
    target: Vectors,
    source_texts: Sequence[str] | None = None,
    target_texts: Sequence[str] | None = None,
) -> Similarity:
    """Mean cosine of parallel pairs and, exactly, of all random pairs.

    A pair (i, j) is random when i and j differ in their source text and in their target
    text: data sets repeat sentences, and a sentence met again is not a random one.
    Without texts, all sentences of that side count as different.

    By the closed form of `pairs.cosine_sums`: time is O(n·d), and memory beyond the
    vectors a few blocks of them.

    Args:
        source: (n, d) vectors; row i belongs to the same item as row i of `target`.
        target: (n, d) vectors.
        source_texts: the n source sentences, in the order of the rows.
        target_texts: the n target sentences.

    Raises:
        DataError: shapes that differ, fewer than two rows, a row that is zero or not
            finite, or no random pair left.
    """
    u, v, pairs = paired_rows(source, target, source_texts, target_texts)
    parallel, random = mean_cosines(u, v, pairs)
    return Similarity(parallel, random, u.n, int(pairs.competitors.sum()))


def resampled(
    source: Vectors,
    target: Vectors,
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
    u, v, pairs = paired_rows(source, target, source_texts, target_texts)
    parallels, randoms = [], []
    for counts in resamples(u.n, seed, draws):
        parallel, random, number = cosine_sums(u, v, pairs, counts)
        parallels.append(parallel / u.n)
        randoms.append(np.where(number > 0, random, np.nan) / np.maximum(number, 1))
    return np.concatenate(parallels), np.concatenate(randoms)
