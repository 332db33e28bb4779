"""One correlation from several tasks, seeds or models, over the same few languages.

Each task, seed and model gives a coefficient over the same languages, and these are far
from independent: a language that is near to English is near for all of them. So the
coefficients are averaged, and the languages, not the coefficients, are what a test
permutes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
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

Stratum = tuple[Mapping[str, float], Mapping[str, float]]
"""Scores and similarities of the same languages, for one task, seed and model."""


@dataclass(frozen=True)
class Pooled:
    """The mean coefficient of several strata.

    Attributes:
        statistic: which coefficient.
        value: its mean over the strata.
        p: two-sided p of the stratified permutation test: how far the mean is from
            that of all permutations.
        p_error: its standard error from sampling permutations; 0 if, and only if, all
            were tried.
        p_min: the smallest p that any permutation reaches, or that a sample can show.
        jackknife: lowest and highest mean when one language is left out everywhere;
            None where a stratum would be left with fewer than three languages or with
            values that are all the same.
        n_languages: languages that any stratum has.
        n_strata: strata.
    """

    statistic: Statistic
    value: float
    p: float
    p_error: float
    p_min: float
    jackknife: tuple[float, float] | None
    n_languages: int
    n_strata: int

    def row(self) -> dict[str, Any]:
        """All of it as columns of a tidy table."""
        row = asdict(self)
        low, high = row.pop("jackknife") or (math.nan, math.nan)
        return row | {"without_low": low, "without_high": high}


def pool(strata: Sequence[Stratum], statistic: Statistic = "spearman") -> Pooled:
    """Average the coefficients of strata, and test the mean by permuting languages.

    Under the hypothesis that scores have nothing to do with similarity, the languages'
    profiles of scores, over all strata, could as well belong to other languages. So
    one permutation is applied to all strata at once; languages change places only with
    languages that stand in the same strata.

    Args:
        strata: one for each task, seed and model.
        statistic: Spearman's ρ, Pearson's r, or Kendall's τ-b.

    Raises:
        DataError: no strata, or one with fewer than three languages, with scores and
            similarities of different languages, or with values all the same.
    """
    strata = [(settled(scores), settled(other)) for scores, other in strata]
    _check(strata)
    languages = sorted({name for scores, _ in strata for name in scores})
    pattern = {
        name: tuple(name in scores for scores, _ in strata) for name in languages
    }
    chosen, exact = orders(tuple(pattern[name] for name in languages))
    total: Floats = np.zeros(len(chosen))
    for scores, similarities in strata:
        here = [i for i, name in enumerate(languages) if name in scores]
        position = np.zeros(len(languages), dtype=np.intp)
        position[here] = np.arange(len(here))
        moved = position[chosen[:, here]]
        x = np.array([scores[languages[i]] for i in here])
        y = np.array([similarities[languages[i]] for i in here])
        total += permuted(y[np.newaxis], x, statistic, moved)[:, 0]
    means = total / len(strata)
    # Where not all can change places, what groups differ by stays in every order.
    centre = means.mean() if len({*pattern.values()}) > 1 else 0.0
    sizes = np.abs(means - centre)
    p = float((sizes >= sizes[0] - TOLERANCE).mean())
    least = float((sizes >= sizes.max() - TOLERANCE).mean())
    return Pooled(
        statistic=statistic,
        value=float(means[0]),
        p=p,
        p_error=0.0 if exact else sampling_error(p, len(means)),
        p_min=least,
        jackknife=_jackknife(strata, languages, statistic),
        n_languages=len(languages),
        n_strata=len(strata),
    )


def varies(stratum: Stratum) -> bool:
    """Whether a stratum has a coefficient: three languages, and not all the same."""
    sides = [{*settled(side).values()} for side in stratum]
    return len(stratum[0]) > 2 and all(len(side) > 1 for side in sides)


def _check(strata: Sequence[Stratum]) -> None:
    if not strata:
        raise DataError("no strata to pool")
    for number, (scores, similarities) in enumerate(strata):
        where = f"stratum {number}"
        if scores.keys() != similarities.keys():
            raise DataError(
                "scores and similarities cover different languages", where=where
            )
        if len(scores) < 3:
            raise DataError(f"{len(scores)} languages", where=where, expected="3")
        for name, values in (("scores", scores), ("similarities", similarities)):
            if not all(map(math.isfinite, values.values())):
                raise DataError(f"not all {name} are numbers", where=where)
            if len(set(values.values())) < 2:
                raise DataError(f"all {name} are the same", where=where)


def _jackknife(
    strata: Sequence[Stratum], languages: Sequence[str], statistic: Statistic
) -> tuple[float, float] | None:
    means = []
    for out in languages:
        values = []
        for scores, similarities in strata:
            kept = [name for name in scores if name != out]
            x = np.array([scores[name] for name in kept])
            y = np.array([similarities[name] for name in kept])
            if len(kept) < 3 or (x == x[0]).all() or (y == y[0]).all():
                return None
            values.append(float(coefficients(x, y, statistic)))
        means.append(sum(values) / len(values))
    return min(means), max(means)
