"""Where labels go so that none covers another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Box = tuple[float, float, float, float]
"""Left, top, right, bottom."""

NEAR = 0.11
"""So far off a label needs no line to its point."""

_ANGLES = np.radians([-45, 45, 0, 180, -135, 135, -90, 90, -20, 20, -160, 160])
_RADII = np.concatenate([[0.06], np.arange(0.1, 2.0, 0.05)])


def spread(wanted: Sequence[float], apart: float, top: float, bottom: float) -> Floats:
    """Places as near to those wanted as they can be, and at least so far apart.

    The places that are nearest by least squares: with the distances taken out, each is
    only to be no less than the one before. Where there is no room for all between top
    and bottom, they go on below.
    """
    from scipy.optimize import isotonic_regression

    order = np.argsort(wanted, kind="stable")
    offsets = apart * np.arange(len(wanted))
    free = isotonic_regression(np.asarray(wanted, dtype=float)[order] - offsets).x
    places = np.empty(len(wanted))
    last = max(top, bottom - offsets[-1]) if len(wanted) else top
    places[order] = free.clip(top, last) + offsets
    return places


def around(
    points: Sequence[tuple[float, float]],
    sizes: Sequence[tuple[float, float]],
    bounds: Box,
    lines: Sequence[Box],
    mark: float,
) -> list[tuple[float, float]]:
    """A place for each point's label, beside it or, where that is taken, further off.

    Labels are placed in the order of their points. Each takes the nearest place within
    the bounds where it covers neither a mark nor another label, and, if it can be had
    near by, no line either.

    Args:
        points: what is labelled, in any unit.
        sizes: width and height of the labels.
        bounds: what no label may leave.
        lines: thin boxes that a label had better not cross.
        mark: half the size of a point's mark.

    Returns:
        The middle of each label.
    """
    taken = [(x - mark, y - mark, x + mark, y + mark) for x, y in points]
    places = []
    for (x, y), (width, height) in zip(points, sizes, strict=True):
        radii, angles = (part.ravel() for part in np.meshgrid(_RADII, _ANGLES))
        across, down = np.cos(angles), np.sin(angles)
        centres_x = x + across * (radii + width / 2)
        centres_y = y + down * (radii + height / 2)
        boxes = np.stack(
            [
                centres_x - width / 2,
                centres_y - height / 2,
                centres_x + width / 2,
                centres_y + height / 2,
            ],
            axis=1,
        )
        left, top, right, bottom = bounds
        outside = (boxes[:, :2] < (left, top)) | (boxes[:, 2:] > (right, bottom))
        cost = (
            1000.0 * (_overlaps(boxes, taken) + outside.any(axis=1))
            + 0.15 * _overlaps(boxes, lines)
            + radii
        )
        best = int(cost.argmin())  # of equals the first
        places.append((float(centres_x[best]), float(centres_y[best])))
        taken.append(tuple(boxes[best].tolist()))
    return places


def leader_to(
    point: tuple[float, float],
    middle: tuple[float, float],
    size: tuple[float, float],
) -> tuple[float, float] | None:
    """Where a line from a point to the middle of its label meets the label's edge.

    None where the label is so near that no line is needed.
    """
    step = np.subtract(middle, point)
    beyond = np.abs(step) - np.divide(size, 2)
    if beyond.max() <= NEAR:
        return None
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.nanmax(beyond / np.abs(step))
    x, y = np.add(point, share * step).tolist()
    return x, y


def _overlaps(boxes: Floats, others: Sequence[Box]) -> Floats:
    """How many of the others each box overlaps."""
    there = np.array(others)
    begins = boxes[:, None, :2] < there[None, :, 2:]
    ends = boxes[:, None, 2:] > there[None, :, :2]
    counts: Floats = (begins & ends).all(axis=2).sum(axis=1).astype(float)
    return counts
