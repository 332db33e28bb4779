"""Do the languages gain in the order in which they lay near to the pivot?

Table 3 of Xie et al. (2024) gives Spearman's ρ with the p value of a t approximation.
With five languages that approximation is far off: it prints 0.01 where no two-sided
permutation test can go below 2/5! = 0.017. Both are given here, side by side.
"""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from spillover.analysis.permutation import (
    TOLERANCE,
    Floats,
    Statistic,
    coefficients,
    orders,
    permuted,
    sampling_error,
    settled,
)
from spillover.errors import DataError


@dataclass(frozen=True)
class Correlation:
    """A correlation over languages, and what it is worth.

    Attributes:
        statistic: which coefficient `value` is.
        value: the coefficient, in [-1, 1]; None where it does not exist (see `reason`).
        p_t: two-sided p of Student's t approximation with n - 2 degrees of freedom,
            which most of the paper's are. At |ρ| = 1 it is 0 (up to rounding in ρ),
            however small n is. None for Kendall's τ, which has none.
        p_exact: two-sided p of the permutation test: the share of all n! orders whose
            coefficient is at least as far from 0; above 9 languages of 20,000 orders.
        p_error: standard error of `p_exact` from sampling orders; 0 where, and only
            where, all were tried.
        p_min: the smallest `p_exact` that any order of these values reaches: 2/n!
            without ties. Above 9 languages, that any of the sampled orders reaches.
        p_family: `p_exact` adjusted for having looked at several places at once (see
            `correlate_places`); the same as `p_exact` for one.
        p_family_min: the smallest `p_family` that any of the orders reaches here. Of
            places that order the languages differently it is above `p_min`.
        jackknife: lowest and highest coefficient when one language is left out; None
            where one of them does not exist.
        n: number of languages.
        languages: those languages, in the order of the scores.
        reason: why `value` is None, otherwise None.
    """

    statistic: Statistic
    value: float | None
    p_t: float | None
    p_exact: float | None
    p_error: float | None
    p_min: float | None
    p_family: float | None
    p_family_min: float | None
    jackknife: tuple[float, float] | None
    n: int
    languages: tuple[str, ...]
    reason: str | None = None

    def row(self, family: int) -> dict[str, Any]:
        """All of it as columns of a tidy table, of a family of so many places."""
        row = asdict(self) | {"languages": " ".join(self.languages), "family": family}
        low, high = row.pop("jackknife") or (None, None)
        return row | {"without_low": low, "without_high": high}


def correlate(
    scores: Mapping[str, float],
    similarities: Mapping[str, float],
    *,
    exclude: Collection[str] = (),
    intersection: bool = False,
    statistic: Statistic = "spearman",
) -> Correlation:
    """The correlation between two values that each language has.

    Nothing is left out by default, the pivot included: it has a score but no
    similarity to itself, so forgetting `exclude=["en"]` is an error and not a
    correlation over one language too many, whatever language the pivot is.

    Args:
        scores: language to score, as after tuning.
        similarities: language to its similarity with the pivot, as before tuning.
        exclude: languages to leave out on both sides.
        intersection: correlate over the languages that both have. Otherwise a
            language that only one of them has is an error.
        statistic: Spearman's ρ, Pearson's r, or Kendall's τ-b.

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
    [found] = correlate_places(
        {name: scores[name] for name in languages},
        [{name: similarities[name] for name in languages}],
        statistic,
    )
    return found


def correlate_places(
    scores: Mapping[str, float],
    similarities: Sequence[Mapping[str, float]],
    statistic: Statistic = "spearman",
) -> list[Correlation]:
    """The correlation with each of several similarities, of which one may be picked.

    Whoever looks at many layers and poolings pays for it in `p_family`, by the
    single-step max-statistic permutation test (Westfall & Young 1993): scores are
    permuted over languages, and each coefficient is compared with the largest that any
    of the similarities has with the permuted scores. The more alike the similarities
    are, the less is to pay.

    Args:
        scores: language to score.
        similarities: for each place looked at, language to similarity.
        statistic: which coefficient.

    Returns:
        One for each of `similarities`.

    Raises:
        DataError: one of them covers other languages than the scores, or a value is
            not a finite number.
    """
    languages = tuple(scores)
    for place, mapping in enumerate(similarities):
        missing = _missing(list(languages), list(mapping))
        if missing:
            raise DataError(f"different languages: {missing}", where=f"place {place}")
    order = sorted(languages)  # or sampled orders would depend on how they are listed
    x = _values("scores", scores, order)
    rows = [_values("similarities", mapping, order) for mapping in similarities]
    reasons = [_reason_for_gap(x, y) for y in rows]
    whole = [y for y, reason in zip(rows, reasons, strict=True) if reason is None]
    tested = iter(_tested(x, np.array(whole), statistic, languages) if whole else ())
    gaps = (None,) * 8
    return [
        next(tested)
        if reason is None
        else Correlation(statistic, *gaps, len(languages), languages, reason)
        for reason in reasons
    ]


def adjusted_over_all(
    scores: Mapping[str, float],
    groups: Sequence[Sequence[Mapping[str, float]]],
    statistic: Statistic = "spearman",
) -> list[list[float]]:
    """As `p_family`, for having looked at several groups of places.

    Args:
        scores: language to score; not all the same.
        groups: for each group, as a measure of similarity, what `correlate_places`
            takes; none with all values the same.
        statistic: which coefficient.

    Returns:
        The adjusted p of each place of each group.
    """
    order = sorted(scores)
    x = _values("scores", scores, order)
    chosen, _ = orders((None,) * len(x))
    highest, observed = np.zeros(len(chosen)), []
    for group in groups:  # one by one, as all coefficients of all orders are many
        rows = np.array([_values("similarities", each, order) for each in group])
        sizes = np.abs(permuted(rows, x, statistic, chosen))
        observed.append(sizes[0].copy())  # a view would keep the whole of it
        highest = np.maximum(highest, sizes.max(axis=1))
    return [
        [float((highest >= size - TOLERANCE).mean()) for size in sizes]
        for sizes in observed
    ]


def _tested(
    x: Floats, rows: Floats, statistic: Statistic, languages: tuple[str, ...]
) -> list[Correlation]:
    """The correlations of (n,) scores with (k, n) similarities."""
    chosen, exact = orders((None,) * len(x))
    sizes = np.abs(permuted(rows, x, statistic, chosen))
    highest = sizes.max(axis=1)
    found = []
    for y, size in zip(rows, sizes.T, strict=True):
        value, p_t = _value(x, y, statistic)
        least = size[0] - TOLERANCE  # the observed order is the first
        p = float((size >= least).mean())
        most = size.max() - TOLERANCE
        found.append(
            Correlation(
                statistic=statistic,
                value=value,
                p_t=p_t,
                p_exact=p,
                p_error=0.0 if exact else sampling_error(p, len(size)),
                p_min=float((size >= most).mean()),
                p_family=float((highest >= least).mean()),
                p_family_min=float((highest >= most).mean()),
                jackknife=_jackknife(x, y, statistic),
                n=len(x),
                languages=languages,
            )
        )
    return found


def _missing(scores: list[str], similarities: list[str]) -> str:
    """Which languages stand on one side only, in words; empty if none does."""
    gaps = (
        ("scores", [name for name in similarities if name not in scores]),
        ("similarities", [name for name in scores if name not in similarities]),
    )
    return ", ".join(f"no {', '.join(n)} in the {side}" for side, n in gaps if n)


def _values(name: str, values: Mapping[str, float], languages: Sequence[str]) -> Floats:
    found = settled(values)
    numbers = np.array([found[name] for name in languages])
    for language, number in zip(languages, numbers, strict=True):
        if not math.isfinite(number):
            raise DataError(
                f"{values[language]} is not a number to correlate",
                where=f"{name}[{language!r}]",
                fix="leave the language out of the mapping",
            )
    return numbers


def _reason_for_gap(x: Floats, y: Floats) -> str | None:
    if len(x) < 3:
        return f"{len(x)} language(s); a rank correlation needs 3"
    for name, values in (("scores", x), ("similarities", y)):
        if (values == values[0]).all():
            return f"the {name} of all languages are the same"
    return None


def _value(x: Floats, y: Floats, statistic: Statistic) -> tuple[float, float | None]:
    """The coefficient and the p of its t approximation, as SciPy has them."""
    from scipy import stats

    if statistic == "kendall":
        return float(stats.kendalltau(x, y).statistic), None
    if statistic == "spearman":
        rank = stats.spearmanr(x, y)
        return float(rank.statistic), float(rank.pvalue)
    result = stats.pearsonr(x, y)
    return float(result.statistic), float(result.pvalue)


def _jackknife(
    x: Floats, y: Floats, statistic: Statistic
) -> tuple[float, float] | None:
    """The range of the coefficient when one language is left out."""
    n = len(x)
    kept = np.array([[i for i in range(n) if i != out] for out in range(n)])
    for side in (x[kept], y[kept]):
        if n < 4 or (side == side[:, :1]).all(axis=1).any():
            return None
    found = coefficients(x[kept], y[kept], statistic)
    return float(found.min()), float(found.max())
