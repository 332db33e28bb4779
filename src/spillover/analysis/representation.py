"""What two languages' vectors have in common, without comparing each with each.

Linear centred kernel alignment, average neuron-wise correlation, and whitening against
anisotropy. All three centre each language on its own mean: what they compare is how the
sentences of a language differ from each other, not where the language lies.

Arrays may be memory-mapped. They are read in blocks of rows and never copied whole;
sums are kept in float64.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from spillover.analysis.pairs import ALL, Rows, Vectors, blocks
from spillover.analysis.permutation import Floats
from spillover.errors import DataError

ITEMS_PER_DIRECTION = 10
"""Items behind each direction that whitening keeps: see `whiten`."""

_NOTHING = 1e-10
"""Share of the whole below which a variance is rounding of zero."""


@dataclass(frozen=True)
class Cka:
    """Linear centred kernel alignment.

    Attributes:
        plain: in [0, 1]; None where all vectors of a language are the same.
        debiased: in [-1, 1]; None also with fewer than 4 items, or where all pairs of
            items of a language are equally similar.
    """

    plain: float | None
    debiased: float | None


@dataclass(frozen=True)
class NeuronCorrelation:
    """Average neuron-wise correlation.

    Attributes:
        mean: signed, in [-1, 1]; None where `dimensions` is 0.
        dimensions: number of dimensions behind it: those that vary in both languages.
    """

    mean: float | None
    dimensions: int


def centred(vectors: Vectors) -> Rows:
    """The (n, d) vectors less their own mean; exactly 0 where a dimension is constant.

    Raises:
        DataError: it is not finite.
    """
    # Differences from the first row are exactly 0 where a dimension is constant; a sum
    # of n equal values, divided by n, may not give that value back.
    first = vectors[0].astype(np.float64)
    total = np.zeros_like(first)
    with np.errstate(invalid="ignore", over="ignore"):
        for rows in blocks(len(vectors)):
            total += (vectors[rows] - first).sum(axis=0)
        mean = first + total / len(vectors)
    if not np.isfinite(mean).all():
        raise DataError("the mean of the vectors is not finite")
    return Rows(vectors, mean)


def linear_cka(source: Vectors, target: Vectors) -> Cka:
    """Linear CKA, plain (Kornblith et al. 2019) and debiased (Murphy et al. 2024).

    With X and Y centred, plain CKA is |XᵀY|² / (|XᵀX| |YᵀY|), in Frobenius norms.
    Unrelated X and Y get more than 0, and close to 1 once d exceeds n. The debiased one
    puts the unbiased estimator of HSIC (Song et al. 2012) in the place of each of the
    three. That takes Gram matrices without their diagonals; since the rows of centred
    ones sum to 0, it comes down to

        |XᵀY|² + Σh Σg / ((n-1)(n-2)) - n/(n-2) Σ h_i g_i,  h_i = |x_i|², g_i = |y_i|²

    up to a factor that cancels. Three matrix products: of d x d, or of n x n if n < d.

    Args:
        source: (n, d) finite vectors; row i belongs to the same item as in `target`.
        target: (n, d) vectors.

    Raises:
        DataError: the vectors are not finite.
    """
    n = len(source)
    x, y = centred(source), centred(target)
    h, g = np.square(x.lengths), np.square(y.lengths)
    if not (h.any() and g.any()):
        return Cka(None, None)
    xx, yy, xy = _gram_norms(x, y) if n < source.shape[1] else _moment_norms(x, y)
    plain = xy / (np.sqrt(xx) * np.sqrt(yy))
    if n < 4:
        return Cka(float(plain), None)

    def hsic(squared_norm: float, a: Floats, b: Floats) -> float:
        off_diagonal = a.sum() * b.sum() / ((n - 1) * (n - 2)) - n / (n - 2) * (a @ b)
        return float(squared_norm + off_diagonal)

    within_x, within_y = hsic(xx, h, h), hsic(yy, g, g)
    if within_x <= _NOTHING * xx or within_y <= _NOTHING * yy:
        return Cka(float(plain), None)
    debiased = hsic(xy, h, g) / (np.sqrt(within_x) * np.sqrt(within_y))
    return Cka(float(plain), float(debiased))


def neuron_correlation(source: Vectors, target: Vectors) -> NeuronCorrelation:
    """Average neuron-wise correlation, ANC (Del & Fishel 2022).

    Pearson's correlation of dimension k in the source with dimension k in the target,
    over the items, averaged over the dimensions. Correlations keep their sign, as in
    the authors' code. A dimension that is constant in a language has no correlation
    and is left out; their code counts it as 0.

    Args:
        source: (n, d) finite vectors; row i belongs to the same item as in `target`.
        target: (n, d) vectors.

    Raises:
        DataError: the vectors are not finite.
    """
    x, y = centred(source), centred(target)
    xx, yy, xy = (np.zeros(source.shape[1]) for _ in range(3))
    for rows in blocks(len(source)):
        a, b = x.block(rows), y.block(rows)
        xx += np.einsum("nd,nd->d", a, a)
        yy += np.einsum("nd,nd->d", b, b)
        xy += np.einsum("nd,nd->d", a, b)
    varies = (xx > 0) & (yy > 0)
    if not varies.any():
        return NeuronCorrelation(None, 0)
    correlations = xy[varies] / (np.sqrt(xx[varies]) * np.sqrt(yy[varies]))
    return NeuronCorrelation(float(correlations.mean()), int(varies.sum()))


def whiten(source: Vectors, target: Vectors) -> tuple[Vectors, Vectors]:
    """Both languages' vectors in directions of equal variance (Su et al. 2021).

    Each language is centred on its own mean: the difference of the means tells which
    language a sentence is in, and is the same for all pairs. The covariance is joint,
    with both languages scaled to a total variance of 1, since a cosine between two
    languages has to be taken in one space: languages whitened each by its own
    covariance end up on axes that do not correspond.

    Only the leading directions are kept, one for every `ITEMS_PER_DIRECTION` items and
    at most those that vary. Without a cut, n <= d / 2 makes all items orthogonal after
    whitening, however well they are aligned, and the cosines of pairs fade well before.

    Args:
        source: (n, d) finite vectors; row i belongs to the same item as in `target`.
        target: (n, d) vectors.

    Returns:
        (n, r) float32 vectors for source and target, known up to one joint rotation and
        one factor. r is 0 where all vectors of a language are the same.

    Raises:
        DataError: the vectors are not finite.
    """
    n, d = source.shape
    rank = max(1, n // ITEMS_PER_DIRECTION)
    sides = centred(source), centred(target)
    scales = [float(np.linalg.norm(side.lengths)) for side in sides]
    if not all(scales):
        return np.zeros((n, 0), np.float32), np.zeros((n, 0), np.float32)
    if 2 * n <= d:
        both = [side.block(ALL) for side in sides]
        stacked = np.concatenate(both) / np.repeat(scales, n)[:, np.newaxis]
        # The whitened rows of Z are the eigenvectors of ZZᵀ.
        _, vectors = _leading(stacked @ stacked.T, rank)
        return vectors[:n].astype(np.float32), vectors[n:].astype(np.float32)
    covariance, of_target = (_moments(side, side) for side in sides)
    covariance /= scales[0] ** 2
    of_target /= scales[1] ** 2
    covariance += of_target
    variances, directions = _leading(covariance, rank)
    directions /= np.sqrt(variances)
    return (
        _project(sides[0], directions / scales[0]),
        _project(sides[1], directions / scales[1]),
    )


def _project(rows: Rows, directions: Floats) -> Vectors:
    """The rows on the (d, r) directions, (n, r)."""
    result = np.empty((rows.n, directions.shape[1]), dtype=np.float32)
    for some in blocks(rows.n):
        result[some] = rows.block(some) @ directions
    return result


def _moments(x: Rows, y: Rows) -> Floats:
    """XᵀY, (d, d)."""
    total = np.zeros((len(x.mean), len(y.mean)))
    for rows in blocks(x.n):
        a = x.block(rows)
        total += a.T @ (a if x is y else y.block(rows))
    return total


def _moment_norms(x: Rows, y: Rows) -> tuple[float, float, float]:
    """|XᵀX|², |YᵀY|² and |XᵀY|², each from its d x d matrix."""
    xx, yy, xy = (
        float(np.linalg.norm(_moments(a, b))) ** 2 for a, b in ((x, x), (y, y), (x, y))
    )
    return xx, yy, xy


def _gram_norms(x: Rows, y: Rows) -> tuple[float, float, float]:
    """The same from the n x n matrices K = XXᵀ and L = YYᵀ, where n < d."""
    k, l = (  # noqa: E741
        rows @ rows.T for rows in (side.block(ALL) for side in (x, y))
    )
    return float(np.vdot(k, k)), float(np.vdot(l, l)), float(np.vdot(k, l))


def _leading(matrix: Floats, rank: int) -> tuple[Floats, Floats]:
    """The largest eigenvalues, at most `rank` and none that is zero, and their vectors.

    Args:
        matrix: (m, m), symmetric; it is overwritten.
    """
    from scipy.linalg import eigh

    m = len(matrix)
    values, vectors = eigh(
        matrix,
        subset_by_index=(m - min(rank, m), m - 1),
        overwrite_a=True,
        check_finite=False,
    )
    kept = values > _NOTHING * values[-1]
    return values[kept], vectors[:, kept]
