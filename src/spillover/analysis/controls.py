"""Is it similarity, or something else that languages near to English have?"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from spillover.analysis.permutation import coefficients, settled
from spillover.errors import DataError
from spillover.languages import PIVOT, language


@dataclass(frozen=True)
class Partial:
    """A rank correlation given a third value.

    Attributes:
        value: Spearman's partial ρ; None where it does not exist (see `reason`).
        n: languages.
        reason: why `value` is None, otherwise None.
        rho_score: Spearman's ρ of the third value with the scores, which it may
            explain by itself.
        rho_similarity: the same with the similarities: near ±1 the two cannot be told
            apart, and `value` rests on few languages.
    """

    value: float | None
    n: int
    reason: str | None = None
    rho_score: float | None = None
    rho_similarity: float | None = None


def controls(
    sentences: Mapping[str, Sequence[str]], tokens: Mapping[str, int]
) -> dict[str, dict[str, float]]:
    """What else than similarity could explain a language's score.

    Args:
        sentences: language -> the sentences of a parallel corpus, English among them.
        tokens: language -> how many tokens they are for the model's tokenizer.

    Returns:
        For each language `fertility`, the number of tokens over that for English,
        `length`, the same of characters, and `script`, 1 for English's, else 0.
    """
    characters = {code: sum(map(len, texts)) for code, texts in sentences.items()}
    script = language(PIVOT).script
    return {
        "fertility": {code: n / tokens[PIVOT] for code, n in tokens.items()},
        "length": {code: n / characters[PIVOT] for code, n in characters.items()},
        "script": {code: float(language(code).script == script) for code in sentences},
    }


def partial_correlation(
    scores: Mapping[str, float],
    similarities: Mapping[str, float],
    control: Mapping[str, float],
) -> Partial:
    """Spearman's ρ between scores and similarities, given a control.

    The partial correlation of the ranks, by the ordinary formula:
    (r_xy - r_xz·r_yz) / √((1 - r_xz²)(1 - r_yz²)). It has no p here: ranks leave some
    of the control behind, so that its t test rejects a true null too often.

    Args:
        scores: language to score.
        similarities: language to similarity.
        control: language to what is held equal, as its fertility.

    Raises:
        DataError: they cover different languages.
    """
    if not scores.keys() == similarities.keys() == control.keys():
        raise DataError("scores, similarities and control cover different languages")
    names = list(scores)
    n = len(names)
    sides = (settled(side) for side in (scores, similarities, control))
    x, y, z = (np.array([side[name] for name in names]) for side in sides)
    if n < 4:
        return Partial(None, n, f"{n} languages; a partial correlation needs 4")
    for name, side in (("scores", x), ("similarities", y), ("control", z)):
        if not np.isfinite(side).all():
            raise DataError("not all values are numbers", where=name)
        if (side == side[0]).all():
            return Partial(None, n, f"the {name} of all languages are the same")
    xy, xz, yz = (float(coefficients(*p, "spearman")) for p in ((x, y), (x, z), (y, z)))
    left = (1 - xz**2) * (1 - yz**2)
    if left < 1e-12:
        reason = "the control ranks the languages as one of the two does"
        return Partial(None, n, reason, xz, yz)
    value = (xy - xz * yz) / math.sqrt(left)
    return Partial(max(-1.0, min(1.0, value)), n, None, xz, yz)
