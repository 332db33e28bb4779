"""Do the languages gain in the order in which they lay near to the pivot?

Table 3 of Xie et al. (2024) gives Spearman's ρ with the p value of a t approximation.
With five languages that approximation is far off: it prints 0.01 where no two-sided
permutation test can go below 2/5! = 0.017. Both are given here, side by side.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Literal

import numpy as np
import numpy.typing as npt

from spillover.errors import DataError

EXACT_UP_TO = 14
"""Most languages for which all orders are counted: XNLI's 15 less the pivot (1 s)."""


@dataclass(frozen=True)
class Correlation:
    """A rank correlation over languages, and what it is worth.

    Attributes:
        statistic: which coefficient `value` is.
        value: Spearman's ρ, in [-1, 1]; None where it does not exist (see `reason`).
        p_t: two-sided p of Student's t approximation with n - 2 degrees of freedom, as
            in the paper. At |ρ| = 1 it is 0 (up to rounding in ρ), however small n is.
        p_exact: two-sided p of the permutation test: the share of all n! orders whose
            |ρ| is at least the observed one. None above `EXACT_UP_TO` languages.
        p_min: the smallest `p_exact` that any order of these values reaches; 2/n!
            without ties. None where `p_exact` is.
        n: number of languages.
        languages: those languages, in the order of the scores.
        reason: why `value` is None, otherwise None.
    """

    statistic: Literal["spearman"]
    value: float | None
    p_t: float | None
    p_exact: float | None
    p_min: float | None
    n: int
    languages: tuple[str, ...]
    reason: str | None = None


def correlate(
    scores: Mapping[str, float],
    similarities: Mapping[str, float],
    *,
    exclude: Collection[str] = (),
    intersection: bool = False,
) -> Correlation:
    """Spearman's ρ between two values that each language has.

    Nothing is left out by default, the pivot included: it has a score but no
    similarity to itself, so forgetting `exclude=["en"]` is an error and not a
    correlation over one language too many, whatever language the pivot is.

    Args:
        scores: language to score, as after tuning.
        similarities: language to its similarity with the pivot, as before tuning.
        exclude: languages to leave out on both sides.
        intersection: correlate over the languages that both have. Otherwise a
            language that only one of them has is an error.

    Raises:
        DataError: languages that differ, or a value that is not a finite number.
    """
    wanted = {
        "scores": [language for language in scores if language not in exclude],
        "similarities": [name for name in similarities if name not in exclude],
    }
    missing = _missing(wanted["scores"], wanted["similarities"])
    if missing and not intersection:
        raise DataError(
            f"scores and similarities cover different languages: {missing}",
            fix="leave them out with exclude, or pass intersection=True",
        )
    languages = tuple(name for name in wanted["scores"] if name in similarities)
    x = _values("scores", scores, languages)
    y = _values("similarities", similarities, languages)
    reason = _reason_for_gap(x, y)
    if reason is not None:
        return Correlation(
            statistic="spearman",
            value=None,
            p_t=None,
            p_exact=None,
            p_min=None,
            n=len(languages),
            languages=languages,
            reason=reason,
        )
    from scipy.stats import rankdata, spearmanr

    result = spearmanr(x, y)
    p_exact, p_min = _permutation_test(rankdata(x), rankdata(y))
    return Correlation(
        statistic="spearman",
        value=float(result.statistic),
        p_t=float(result.pvalue),
        p_exact=p_exact,
        p_min=p_min,
        n=len(languages),
        languages=languages,
    )


def _missing(scores: list[str], similarities: list[str]) -> str:
    """Which languages stand on one side only, in words; empty if none does."""
    gaps = (
        ("scores", [name for name in similarities if name not in scores]),
        ("similarities", [name for name in scores if name not in similarities]),
    )
    return ", ".join(f"no {', '.join(n)} in the {side}" for side, n in gaps if n)


def _values(
    name: str, values: Mapping[str, float], languages: tuple[str, ...]
) -> npt.NDArray[np.float64]:
    numbers = np.array([values[name] for name in languages], dtype=np.float64)
    for language, number in zip(languages, numbers, strict=True):
        if not math.isfinite(number):
            raise DataError(
                f"{values[language]} is not a number to correlate",
                where=f"{name}[{language!r}]",
                fix="leave the language out of the mapping",
            )
    return numbers


def _reason_for_gap(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> str | None:
    if len(x) < 3:
        return f"{len(x)} language(s); a rank correlation needs 3"
    for name, values in (("scores", x), ("similarities", y)):
        if (values == values[0]).all():
            return f"the {name} of all languages are the same"
    return None


def _permutation_test(
    ranks_x: npt.NDArray[np.float64], ranks_y: npt.NDArray[np.float64]
) -> tuple[float | None, float | None]:
    """Exact two-sided p of ρ, and the smallest p that these ranks can reach."""
    n = len(ranks_x)
    if n > EXACT_UP_TO:
        return None, None
    a, b = _integers(ranks_x), _integers(ranks_y)
    counts = _sums_over_orders(tuple(sorted(a)), tuple(sorted(b)))
    # ρ grows with S = Σ a_i·b_i and is 0 where n·S = Σa · Σb. In integers, orders that
    # are as extreme as the observed one compare as equal, with no tolerance.
    distance = np.abs(n * np.arange(len(counts)) - sum(a) * sum(b))
    observed = abs(n * sum(i * j for i, j in zip(a, b, strict=True)) - sum(a) * sum(b))
    extreme = distance[counts > 0].max()
    at_least = (int(counts[distance >= d].sum()) for d in (observed, extreme))
    p_exact, p_min = (count / math.factorial(n) for count in at_least)
    return p_exact, p_min


def _integers(ranks: npt.NDArray[np.float64]) -> list[int]:
    """Mid-ranks as the smallest whole numbers in the same proportions, from 0 on."""
    doubled = np.rint(2 * ranks).astype(np.int64)  # a mid-rank is a multiple of 1/2
    doubled -= doubled.min()
    return [int(rank) for rank in doubled // np.gcd.reduce(doubled)]


@lru_cache(maxsize=64)
def _sums_over_orders(a: tuple[int, ...], b: tuple[int, ...]) -> npt.NDArray[np.int64]:
    """How many of the n! orders π of b give each value of Σ a_i·b_π(i).

    Item `s` of the result counts the orders with that sum. Built up over subsets: after
    k steps, `layer[used]` counts the ways to pair the first k items of a with exactly
    the items of b in the bit set `used`. O(2^n · n) array additions in place of n!.
    """
    size = sum(i * j for i, j in zip(sorted(a), sorted(b), strict=True)) + 1
    empty = np.zeros(size, dtype=np.int64)
    empty[0] = 1
    layer = {0: empty}
    for i in a:
        grown: defaultdict[int, npt.NDArray[np.int64]] = defaultdict(
            lambda: np.zeros(size, dtype=np.int64)
        )
        for used, counts in layer.items():
            for place, j in enumerate(b):
                if not used >> place & 1:
                    grown[used | 1 << place][i * j :] += counts[: size - i * j]
        layer = grown
    (counts,) = layer.values()
    counts.flags.writeable = False  # the cache hands the same array to every caller
    return counts
