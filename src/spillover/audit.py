"""Can the correlations that a paper prints come from the tables that it prints?

The paper's Table 3 is computed anew from its Tables 1 and 2: Spearman's ρ between the
scores after tuning and the parallel similarities before it, over the languages that
have both, with p by Student's t on n - 2 degrees of freedom and by the permutation
test; and Pearson's r, in case that was meant. Two numbers agree if they can print
alike: if they differ by no more than half a unit of the last printed place.

A recomputed number may differ only because the tables are rounded. So it is asked which
numbers any inputs give that print as these do (`spillover.published.rounding`): for
ranks by going through all orders, for Pearson's r by its extremes. Similarities that
are not printed, as those on PUD, may have any order; what no order gives cannot be
Spearman's ρ with these scores at all. The verdict on a published number is one of

- agrees: with what the inputs give as printed.
- agrees only under rounding: with what some inputs give that print as these do.
- cannot come from these tables: no such inputs give it.
- possible, inputs not printed: some order of the similarities gives it.
- of other languages: not all inputs of its n languages are printed, or those of more.
- not searched: the orders are too many.

ρ and p are judged one by one. Whether they go with each other is a third question: by
t, p follows from ρ and n.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from spillover.analysis.correlation import correlate
from spillover.published import Published
from spillover.published.rounding import pearson_range, spearman_outcomes

if TYPE_CHECKING:
    import pandas as pd

Values = Mapping[str, float]

ROUNDOFF = 1e-9
"""Of our own arithmetic, so that 0.975 can be printed as 0.97 and as 0.98."""

CELL = ("task", "corpus", "pooling")


class Agreement(StrEnum):
    """How a published number agrees with what its inputs give."""

    AGREES = "agrees"
    ROUNDING = "agrees only under rounding"
    IMPOSSIBLE = "cannot come from these tables"
    POSSIBLE = "possible, inputs not printed"
    OTHERS = "of other languages than are printed"
    UNKNOWN = "not searched"


def audit(published: Published) -> pd.DataFrame:
    """A paper's Table 3 beside what its Tables 1 and 2 give, one row a cell.

    What cannot be computed, for want of printed inputs or of a published number, is
    missing. The columns:

    - paper, task, corpus, pooling: the cell
    - decimals, n, value, p: languages, Spearman's ρ and p as published, and with how
      many decimals
    - spearman, p_t, p_exact: recomputed from the tables as printed
    - pearson, p_pearson: the same for Pearson's r
    - spearman_low, spearman_high, p_t_low, …, pearson_low, pearson_high: the least and
      the greatest of inputs that print so
    - spearman_nearest, …, pearson_nearest: of the numbers that such inputs give, which
      for ranks are few, the nearest to the published one
    - spearman_verdict, p_t_verdict, p_exact_verdict, pearson_verdict: on the published
      ρ, on the published p as either p, and on the published ρ if it were Pearson's r
    - p_of_value: p by t of the published ρ over n languages
    - n_of_p: the numbers of languages, from 3 to all of the paper's, for which some ρ
      that prints as the published one has a p by t that prints as the published one; as
      text, with spaces between

    Args:
        published: the paper, as from `spillover.published.load`.
    """
    import pandas as pd

    half = 0.5 * 10.0**-published.decimals
    languages = range(3, len(published.languages) + 1)
    rows: list[dict[str, Any]] = []
    printed = published.correlations.astype({"value": float, "p_t": float})
    for cell in printed.to_dict("records"):
        place = {name: cell[name] for name in CELL}
        value, p, n = cell["value"], cell["p_t"], cell["n"]
        scores, similarities = _inputs(published, **place)
        fit = [str(m) for m in languages if _goes_with(p, value, m, half)]
        row = _as_spearman(scores, similarities, value, p, half)
        row |= _as_pearson(scores, similarities, value, half)
        if len(scores) != n:
            row |= {name: Agreement.OTHERS for name in VERDICTS if row.get(name)}
        rows.append(
            {"paper": published.name, **place, "decimals": published.decimals}
            | {"n": n, "value": value, "p": p}
            | row
            | {"p_of_value": _p_by_t(value, n), "n_of_p": " ".join(fit)}
        )
    columns = ["paper", *CELL, "decimals", "n", *NUMBERS, *VERDICTS, "n_of_p"]
    return pd.DataFrame(rows, columns=columns).astype(dict.fromkeys(NUMBERS, float))


JUDGED = {"spearman": "ρ", "pearson": "ρ as r", "p_t": "p by t", "p_exact": "exact p"}
NUMBERS = (
    "value", "p", *JUDGED, "p_pearson", "p_of_value",
    *(f"{name}_{end}" for name in JUDGED for end in ("low", "high", "nearest")),
)  # fmt: skip
VERDICTS = tuple(f"{name}_verdict" for name in JUDGED)


def _inputs(
    published: Published, task: str, corpus: str, pooling: str
) -> tuple[Values, Values | None]:
    """Scores after tuning and similarities before it, over the languages with both.

    Of a corpus without printed similarities: the scores, over all but the first
    language, and None.
    """
    frame = published.evaluations
    frame = frame[(frame["task"] == task) & (frame["tuned_on"] == task)]
    frame = frame[frame["language"] != published.languages[0]]
    scores = dict(zip(frame["language"], frame["value"], strict=True))
    frame = published.similarities
    frame = frame[(frame["corpus"] == corpus) & (frame["pooling"] == pooling)]
    frame = frame[frame["tuned_on"].isna()].dropna(subset="parallel")
    similarities = dict(zip(frame["target"], frame["parallel"], strict=True))
    if not similarities:
        return scores, None
    both = [code for code in scores if code in similarities]
    return {c: scores[c] for c in both}, {c: similarities[c] for c in both}


def _as_spearman(
    scores: Values, similarities: Values | None, value: float, p: float, half: float
) -> dict[str, Any]:
    given = None if similarities is None else correlate(scores, similarities)
    # Similarities of which nothing is known are as good as all alike in print.
    other = dict.fromkeys(scores, 0.0) if similarities is None else similarities
    found = spearman_outcomes(tuple(scores.values()), tuple(other.values()))
    row: dict[str, Any] = {}
    for name, field, printed in (
        ("spearman", "value", value),
        ("p_t", "p_t", p),
        ("p_exact", "p_exact", p),
    ):
        row[name] = None if given is None else getattr(given, field)
        reached = None
        if found is not None:
            reached = [r for each in found if (r := getattr(each, field)) is not None]
        row[f"{name}_verdict"] = _verdict(
            printed, row[name], reached, half, similarities
        )
        if reached:
            row |= {
                f"{name}_low": min(reached),
                f"{name}_high": max(reached),
                f"{name}_nearest": min(reached, key=lambda r: abs(r - printed)),
            }
    return row


def _as_pearson(
    scores: Values, similarities: Values | None, value: float, half: float
) -> dict[str, Any]:
    if similarities is None or len(scores) < 3:
        return {}
    given = correlate(scores, similarities, statistic="pearson")
    low, high = pearson_range([*scores.values()], [*similarities.values()], half)
    nearest = min(max(value, low), high)
    return {
        "pearson": given.value,
        "p_pearson": given.p_t,
        "pearson_low": low,
        "pearson_high": high,
        "pearson_nearest": nearest,
        "pearson_verdict": _verdict(value, given.value, [nearest], half, similarities),
    }


def _verdict(
    printed: float,
    recomputed: float | None,
    reached: Sequence[float] | None,
    half: float,
    similarities: Values | None,
) -> Agreement | None:
    """On a published number, from all that any inputs give; None: not searched."""
    if math.isnan(printed):
        return None
    if recomputed is not None and _alike(recomputed, printed, half):
        return Agreement.AGREES
    if reached is None:
        return Agreement.UNKNOWN
    if not any(_alike(number, printed, half) for number in reached):
        return Agreement.IMPOSSIBLE
    return Agreement.POSSIBLE if similarities is None else Agreement.ROUNDING


def _alike(number: float, printed: float, half: float) -> bool:
    return abs(number - printed) <= half + ROUNDOFF


def _goes_with(p: float, value: float, n: int, half: float) -> bool:
    """Whether p can be that of ρ over n languages, as far as both are printed."""
    least = _p_by_t(min(abs(value) + half, 1), n)
    most = _p_by_t(max(abs(value) - half, 0), n)
    return least - half - ROUNDOFF <= p <= most + half + ROUNDOFF


def _p_by_t(value: float, n: int) -> float:
    """Two-sided p by Student's t with n - 2 degrees of freedom; n >= 3."""
    from scipy.stats import t

    if abs(value) >= 1:
        return 0.0
    return float(2 * t.sf(abs(value) * math.sqrt((n - 2) / (1 - value**2)), n - 2))
