"""How sure a number is: intervals, paired tests, and what a sample can show at all.

Intervals are two-sided, at 95 %. What resamples draws with a fixed seed, so that the
same numbers give the same interval.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from spillover.analysis.permutation import Floats
from spillover.errors import DataError
from spillover.metrics import is_rouge

CONFIDENCE = 0.95
POWER = 0.8
DRAWS = 2000
"""Of a bootstrap: an end of its interval then varies by about 2 % of its width."""
PERMUTATIONS = 9999
SAME = 1e-12
"""Scores and changes that differ by less are equal: they differ by rounding alone."""


class Interval(NamedTuple):
    """A two-sided 95 % interval."""

    low: float
    high: float


@dataclass(frozen=True)
class Paired:
    """The same items before and after, compared.

    Attributes:
        difference: mean of after minus before.
        interval: of the difference: Newcombe's for scores of 0 and 1, else by bootstrap
            over items, and None where every item changed by the same amount, so that
            resampling shows nothing.
        p: two-sided. Where it and the interval disagree, as they may by a hair, the
            exact p is right.
        test: which test `p` is from.
        n: items.
        detectable: about the smallest true difference that a test at the 5 % level
            finds in 80 % of samples of this size; None where there is none.
    """

    difference: float
    interval: Interval | None
    p: float
    test: Literal["exact McNemar", "sign-flip permutation"]
    n: int
    detectable: float | None

    def row(self) -> dict[str, Any]:
        """All of it as columns of a tidy table, the interval as `low` and `high`."""
        low, high = self.interval or (np.nan, np.nan)
        return {
            "difference": self.difference,
            "low": low,
            "high": high,
            "p": self.p,
            "test": self.test,
            "n": self.n,
            "detectable": self.detectable,
        }


def wilson(successes: int, n: int) -> Interval:
    """Wilson's score interval for a proportion (Wilson 1927).

    Raises:
        DataError: no items, or more successes than items.
    """
    from scipy.stats import binomtest

    if not 0 <= successes <= n or n == 0:
        raise DataError(f"{successes} successes in {n} items have no interval")
    found = binomtest(successes, n).proportion_ci(CONFIDENCE, method="wilson")
    return Interval(float(found.low), float(found.high))


def bootstrap_mean(values: Sequence[float] | Floats, seed: int = 1) -> Interval | None:
    """Bias-corrected and accelerated bootstrap interval of a mean (Efron 1987).

    Args:
        values: one for each item.
        seed: of the resampling.

    Returns:
        The interval; None where the values are all the same, or a single one.
    """
    from scipy.stats import bootstrap

    sample = np.asarray(values, dtype=np.float64)
    if len(sample) < 2 or np.ptp(sample) < SAME:
        return None
    found = bootstrap(
        (sample,),
        np.mean,
        n_resamples=DRAWS,
        batch=max(1, 2_000_000 // len(sample)),  # 16 MB at once
        confidence_level=CONFIDENCE,
        method="BCa",
        rng=np.random.default_rng(seed),
    ).confidence_interval
    return Interval(float(found.low), float(found.high))


def score_interval(scores: Sequence[float] | Floats, metric: str) -> Interval | None:
    """The interval of a mean score: Wilson's of shares, the bootstrap's of ROUGE.

    Args:
        scores: one for each item.
        metric: as `Evaluation.scores` names it.

    Returns:
        The interval; None where all ROUGE scores are the same, or a single one.
    """
    if is_rouge(metric):
        return bootstrap_mean(scores)
    return wilson(int(sum(scores)), len(scores))


def compare(
    before: Sequence[float] | Floats,
    after: Sequence[float] | Floats,
    *,
    right_or_wrong: bool | None = None,
) -> Paired:
    """Compare the scores of the same items before and after.

    Items that are right or wrong are compared by the exact McNemar test (McNemar 1947):
    of those that changed, were as many lost as won? Others by permuting before and
    after within each item, with 9,999 random sign flips of the differences; the
    observed signs count as one more, so that p is never 0 (Phipson & Smyth 2010).

    Args:
        before: one score an item.
        after: the scores of the same items in the same order.
        right_or_wrong: whether a score is either 0 or 1; None: see whether all are. Of
            a few summaries all ROUGE scores may happen to be.

    Raises:
        DataError: no items, not the same number of them, or a score that is no number.
    """
    from scipy.stats import binomtest

    old, new = np.asarray(before, np.float64), np.asarray(after, np.float64)
    if old.shape != new.shape or not len(old):
        raise DataError(f"{len(old)} scores before, {len(new)} after: nothing to pair")
    change = new - old
    if not np.isfinite(change).all():
        raise DataError("a score is no number", expected="one of each item")
    difference, n = float(change.mean()), len(change)
    if right_or_wrong is None:
        right_or_wrong = bool(np.isin([old, new], (0, 1)).all())
    if right_or_wrong:
        won, lost = int((change > 0).sum()), int((change < 0).sum())
        p = float(binomtest(won, won + lost).pvalue) if won + lost else 1.0
        least = _detectable_share(won, lost, n)
        return Paired(difference, newcombe(old, new), p, "exact McNemar", n, least)
    return Paired(
        difference,
        bootstrap_mean(change),
        _sign_flips(change),
        "sign-flip permutation",
        n,
        _detectable_mean(change),
    )


def newcombe(before: Floats, after: Floats) -> Interval:
    """Interval of the difference of two proportions of the same items.

    Method 10 of Newcombe (1998), from Wilson's intervals of both and their correlation.
    A bootstrap is too narrow where few items changed, and all of them alike.

    Args:
        before: (n,) of 0 and 1.
        after: (n,) of 0 and 1, of the same items.
    """
    n, wins, won = len(before), int(after.sum()), int(before.sum())
    new, old = wins / n, won / n
    (new_low, new_high), (old_low, old_high) = wilson(wins, n), wilson(won, n)
    both = int((before * after).sum())
    together = float(both * (n - wins - won + both) - (wins - both) * (won - both))
    if together > 0:  # a correction for continuity
        together = max(together - n / 2, 0.0)
    spread = math.sqrt(wins * (n - wins) * won * (n - won))
    phi = together / spread if spread else 0.0

    def reach(one: float, other: float) -> float:
        return math.sqrt(max(one**2 - 2 * phi * one * other + other**2, 0))

    return Interval(
        new - old - reach(new - new_low, old_high - old),
        new - old + reach(new_high - new, old - old_low),
    )


def _sign_flips(change: Floats) -> float:
    """Share of the sign flips whose sum is at least as far from 0, all if they are few.

    SciPy's `permutation_test` does the same, ten times slower at 10,000 items.
    """
    n = len(change)
    least = abs(float(change.sum())) - SAME * n
    if 2**n <= PERMUTATIONS:
        flips = np.array(list(itertools.product((-1, 1), repeat=n)), dtype=np.float64)
        return float((np.abs(flips @ change) >= least).mean())
    rng, as_far = np.random.default_rng(1), 1
    some = max(1, 4_000_000 // n)  # 32 MB at once
    for start in range(0, PERMUTATIONS, some):
        size = min(some, PERMUTATIONS - start)
        flips = np.array(2 * rng.integers(0, 2, (size, n)) - 1, dtype=np.float64)
        as_far += int((np.abs(flips @ change) >= least).sum())
    return as_far / (PERMUTATIONS + 1)


def _detectable_share(won: int, lost: int, n: int) -> float | None:
    """Smallest difference of proportions found with power 0.8 by McNemar's test.

    The d with d = z · √((c + d) / n), where z is that of the level and of the power
    added (Connor 1987, first term), and c the share of items that changes for no
    reason, twice the smaller of won and lost: the rest of what changed is the effect. A
    normal approximation; the exact test finds such a d in 68 to 84 % of samples of 60.
    """
    z = _z_of_level_and_power() ** 2
    chance = 2 * min(won, lost) / n
    found = (z + math.sqrt(z**2 + 4 * n * z * chance)) / (2 * n)
    return found if found + chance <= 1 else None


def _detectable_mean(change: Floats) -> float | None:
    """Smallest mean difference found with power 0.8: z · s / √n, s the changes' spread.

    None where so few items changed that they could not make it up.
    """
    if len(change) < 2:
        return None
    spread = float(change.std(ddof=1))
    found = _z_of_level_and_power() * spread / math.sqrt(len(change))
    return found if SAME < found <= float(np.abs(change).mean()) else None


def _z_of_level_and_power() -> float:
    from scipy.stats import norm

    return float(norm.ppf((1 + CONFIDENCE) / 2) + norm.ppf(POWER))


def holm(p_values: Sequence[float]) -> list[float]:
    """p values adjusted for their number by Holm's step-down method (Holm 1979)."""
    values = np.asarray(p_values, dtype=np.float64)
    order = values.argsort()
    adjusted = np.empty_like(values)
    times = np.arange(values.size, 0, -1)
    adjusted[order] = np.maximum.accumulate(values[order] * times).clip(max=1)
    return [float(p) for p in adjusted]


def resamples(n: int, seed: int = 1, draws: int = DRAWS) -> Iterator[Floats]:
    """How often each of n items stands in each bootstrap sample, some samples at once.

    What is translated is resampled together by using the same counts for all
    languages. The counts depend on n and the seed alone.

    Yields:
        (some, n) counts, `draws` rows in all.
    """
    rng = np.random.default_rng(seed)
    some = max(1, 4_000_000 // n)  # 32 MB
    for start in range(0, draws, some):
        rows = min(some, draws - start)
        yield np.array(
            [np.bincount(rng.integers(n, size=n), minlength=n) for _ in range(rows)],
            dtype=np.float64,
        )


def percentile(replicates: Floats) -> Interval:
    """The percentile interval of bootstrap replicates (Efron 1979)."""
    low, high = np.quantile(replicates, ((1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2))
    return Interval(float(low), float(high))


def resampled_means(
    scores: Mapping[str, Mapping[Hashable, float]], seed: int = 1, draws: int = DRAWS
) -> dict[str, Floats]:
    """Bootstrap replicates of the mean score of each language, over items.

    All items of all languages are resampled as one set of ids: an item that several
    languages share is drawn for all of them at once, as their scores depend on the
    same items; an item of one language alone is drawn for it alone.

    Args:
        scores: language -> id of the item -> score.
        seed: of the resampling.
        draws: how many replicates.

    Returns:
        language -> (draws,) means.

    Raises:
        DataError: a language without a score.
    """
    places: dict[Hashable, int] = {}
    for language, items in scores.items():
        if not items:
            raise DataError("no score to resample", where=language)
        for id in items:
            places.setdefault(id, len(places))
    rows = {name: [places[id] for id in items] for name, items in scores.items()}
    values = {name: np.array(list(items.values())) for name, items in scores.items()}
    found: dict[str, list[Floats]] = {name: [] for name in scores}
    for counts in resamples(len(places), seed, draws):
        for name in scores:
            part = counts[:, rows[name]]
            total = part.sum(axis=1)
            # A sample may hold no item of a language that has very few. Its mean then
            # is that of all of them, as if nothing had been resampled.
            part[total == 0] = 1
            found[name].append(part @ values[name] / part.sum(axis=1))
    return {name: np.concatenate(blocks) for name, blocks in found.items()}
