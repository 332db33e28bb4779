"""How far a parallel cosine after whitening is from the true one, by directions kept.

    python benchmarks/whitening.py

Prints Markdown. Vectors of `D` dimensions are simulated: variances fall as 1/rank, the
first being `FIRST` times as large, or are all alike; and in every direction source and
target have a correlation of `SHARED`, or of 0. A row keeps one direction for so many
items; the last keeps all, with the covariance shrunk (Ledoit and Wolf 2004), and is
left out without scikit-learn.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from importlib.util import find_spec
from unittest import mock

import numpy as np

from spillover.analysis import representation
from spillover.analysis.pairs import Vectors
from spillover.analysis.permutation import Floats
from spillover.analysis.similarity import similarity

D, FIRST, SHARED = 800, 30.0, 0.7
SIZES = (100, 400, 1000, 4000)
KEPT = (10, 2, 1)

Whiten = Callable[[Vectors, Vectors], tuple[Vectors, Vectors]]


def simulated(n: int, correlation: float, variances: Floats) -> tuple[Floats, Floats]:
    """(n, D) vectors of two languages."""
    draw = np.random.default_rng(n)
    common, a, b = (draw.standard_normal((n, D)) for _ in range(3))
    own, shared = np.sqrt(1 - correlation), np.sqrt(correlation)
    scale = np.sqrt(variances)
    return scale * (shared * common + own * a), scale * (shared * common + own * b)


def kept(items: int) -> Whiten:
    """`whiten` with one direction for so many items."""

    def whiten(source: Vectors, target: Vectors) -> tuple[Vectors, Vectors]:
        with mock.patch.object(representation, "ITEMS_PER_DIRECTION", items):
            return representation.whiten(source, target)

    return whiten


def shrunk(source: Vectors, target: Vectors) -> tuple[Vectors, Vectors]:
    """All directions of the joint covariance, shrunk towards a sphere."""
    from sklearn.covariance import LedoitWolf

    sides = [side - side.mean(axis=0) for side in (source, target)]
    sides = [side / np.linalg.norm(side) for side in sides]
    fitted = LedoitWolf(assume_centered=True).fit(np.concatenate(sides))
    variances, directions = np.linalg.eigh(fitted.covariance_)
    directions /= np.sqrt(variances)
    return sides[0] @ directions, sides[1] @ directions


def found(whiten: Whiten, n: int, correlation: float, variances: Floats) -> str:
    """The mean parallel cosine after whitening."""
    source, target = whiten(*simulated(n, correlation, variances))
    names = [str(i) for i in range(n)]
    return f"{similarity(source, target, names, names).parallel:.2f}"


def main() -> None:
    """All rows, for each kind of vectors."""
    falling = 1 / np.arange(1.0, D + 1)
    falling[0] *= FIRST
    rows: dict[str, Whiten] = {f"one for {k}": kept(k) for k in KEPT}
    if find_spec("sklearn"):
        rows["all, shrunk"] = shrunk
    for title, correlation, variances in (
        (f"parallel cosine {SHARED}, variances fall", SHARED, falling),
        ("nothing shared, variances fall", 0.0, falling),
        (f"parallel cosine {SHARED}, variances alike", SHARED, np.ones(D)),
    ):
        lines = [f"| {title}, *n* = | {' | '.join(map(str, SIZES))} |"]
        lines.append("|---|" + "---|" * len(SIZES))
        for name, whiten in rows.items():
            cells = [found(whiten, n, correlation, variances) for n in SIZES]
            lines.append(f"| {name} | {' | '.join(cells)} |")
        sys.stdout.write("\n".join(lines) + "\n\n")


if __name__ == "__main__":
    main()
