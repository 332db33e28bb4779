"""How sure a rank correlation over languages is, where each value is a sample's."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from spillover.analysis.permutation import Floats
from spillover.analysis.rank_range import rho_range
from spillover.analysis.uncertainty import CONFIDENCE, SAME, Interval


@dataclass(frozen=True)
class CorrelationInterval:
    """What the noise in the languages' values leaves of their rank correlation.

    Attributes:
        interval: for Spearman's ρ of these languages' true values.
        reliability: the lower one of the two sides': the share of the variance between
            the languages' values that is not noise, in (-∞, 1].
    """

    interval: Interval
    reliability: float


def correlation_interval(
    scores: Floats,
    similarities: Floats,
    score_draws: Floats,
    similarity_draws: Floats,
) -> CorrelationInterval:
    """Interval of Spearman's ρ over languages from resampled items and sentences.

    The languages are these and no others; what is uncertain is each one's score and
    each one's similarity, and so their orders. Resampled ρ are no guide to that:
    noise draws each nearer to 0, and where languages lie close together, in clusters or
    all but one, the orders among them are noise that no replicate undoes (Hall & Miller
    2009). So it is asked which languages surely differ: those whose difference is
    outside the joint 95 % band of all differences on both sides, from the largest
    studentized deviation of each replicate. The interval goes from the least to the
    largest ρ of two orders that contradict none of these, as Mogstad et al. (2024) do
    for ranks. It covers at least 95 % in every layout, mostly more.

    Args:
        scores: (n,) of n languages.
        similarities: (n,) of the same languages.
        score_draws: (draws, n) bootstrap replicates of the scores.
        similarity_draws: (draws, n) of the similarities, resampled independently.
    """
    scores, similarities = scores.round(12), similarities.round(12)  # or noise ranks
    sides = ((scores, score_draws), (similarities, similarity_draws))
    reliability = min(_reliability(values, draws) for values, draws in sides)
    above = _surely_above(*sides)
    return CorrelationInterval(
        Interval(*rho_range(scores, similarities, *above)), reliability
    )


def _reliability(values: Floats, draws: Floats) -> float:
    between = float(values.var(ddof=1))
    if between == 0 or not np.isfinite(draws).all():
        return -math.inf
    # What all languages share, as when easy items are drawn, moves none past another.
    own = draws - draws.mean(axis=1, keepdims=True)
    noise = float(own.var(axis=0, ddof=1).sum()) / (len(values) - 1)  # as in `between`
    return 1 - noise / between


def _surely_above(*sides: tuple[Floats, Floats]) -> list[npt.NDArray[np.bool_]]:
    """For each side whether language i is above j, all that is said with 95 %.

    Args:
        sides: (n,) values and (draws, n) replicates.

    Returns:
        (n, n) for each side.
    """
    apart, largest = [], np.zeros(len(sides[0][1]))
    for values, draws in sides:
        difference = values[:, None] - values
        off = draws[:, :, None] - draws[:, None, :] - difference
        spread = np.sqrt((off**2).mean(axis=0))
        # Where no replicate differs, as of items that are all right, they tell nothing.
        spread = np.where(spread < SAME, np.inf, spread)
        largest = np.maximum(largest, (np.abs(off) / spread).max(axis=(1, 2)))
        apart.append(np.where(np.abs(difference) < SAME, 0, difference) / spread)
    critical = float(np.quantile(largest, CONFIDENCE))
    return [t > critical for t in apart]
