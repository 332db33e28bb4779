"""Labels that get out of each other's way."""

from __future__ import annotations

import numpy as np
import pytest

from spillover.report.figures.labels import around, leader_to, spread


@pytest.mark.parametrize("middle", [(1.5, 2.0), (0.2, 2.0), (1.0, 2.4), (1.6, 1.5)])
def test_a_leader_ends_at_the_edge_of_its_label(middle: tuple[float, float]) -> None:
    end = leader_to((1.0, 2.0), middle, (0.2, 0.1))
    assert end is not None
    inside = np.abs(np.subtract(end, middle)) - (0.1, 0.05)
    assert inside.max() == pytest.approx(0, abs=1e-9)  # on an edge, and beyond none
    (x, y), (dx, dy) = np.subtract(end, (1.0, 2.0)), np.subtract(middle, (1.0, 2.0))
    assert x * dy == pytest.approx(y * dx)  # on the way to the middle
    assert 0 < np.hypot(x, y) < np.hypot(dx, dy)


def test_a_label_beside_its_point_needs_no_leader() -> None:
    assert leader_to((1.0, 2.0), (1.2, 2.0), (0.2, 0.1)) is None


def test_labels_that_have_room_stay_where_they_are() -> None:
    assert spread([3.0, 1.0, 2.0], 0.5, 0, 5).tolist() == [3.0, 1.0, 2.0]


def test_labels_of_one_place_stand_about_it() -> None:
    places = spread([2.0, 2.0, 2.0], 0.5, 0, 5)
    assert places.tolist() == [1.5, 2.0, 2.5]


@pytest.mark.parametrize("n", [1, 2, 30])
def test_labels_are_apart_and_in_order_and_inside(n: int) -> None:
    wanted = np.random.default_rng(n).uniform(0, 3, n) ** 2 / 3
    places = spread([*wanted], 0.1, 0, 3)
    order = np.argsort(wanted)
    assert (np.diff(places[order]) >= 0.1 - 1e-9).all()
    assert places.min() >= 0
    assert places.max() <= 3 + 1e-9


def test_spread_is_the_nearest_by_least_squares() -> None:
    wanted = np.array([0.0, 0.1, 0.15, 2.0, 2.05])
    best = spread([*wanted], 0.3, -9, 9)
    random = np.random.default_rng(0)
    for _ in range(300):
        other = np.sort(best + random.normal(0, 0.1, 5))
        if (np.diff(other) >= 0.3).all():
            assert ((other - wanted) ** 2).sum() >= ((best - wanted) ** 2).sum() - 1e-9


def test_no_labels() -> None:
    assert spread([], 0.1, 0, 1).tolist() == []
    assert around([], [], (0, 0, 1, 1), [], 0.05) == []


def test_thirty_labels_in_one_place_cover_no_mark_and_no_other() -> None:
    random = np.random.default_rng(1)
    points = [(1.5 + x, 1.5 + y) for x, y in random.normal(0, 0.06, (30, 2))]
    size, mark, bounds = (0.15, 0.1), 0.035, (0.0, 0.0, 3.0, 3.0)
    places = around(points, [size] * 30, bounds, [(0.0, 0.0, 0.1, 0.1)], mark)
    for i, (x, y) in enumerate(places):
        assert 0.075 <= x <= 3 - 0.075
        assert 0.05 <= y <= 3 - 0.05
        for a, b in points:
            assert abs(a - x) >= 0.075 + mark - 1e-9 or abs(b - y) >= 0.05 + mark - 1e-9
        for a, b in places[:i]:
            assert abs(a - x) >= 0.15 - 1e-9 or abs(b - y) >= 0.1 - 1e-9


def test_a_label_keeps_off_lines_where_it_can() -> None:
    line = (0.0, 0.99, 2.0, 1.01)
    [(x, y)] = around([(1, 1)], [(0.2, 0.1)], (0, 0, 2, 2), [line], 0.05)
    assert abs(y - 1) >= 0.06
    assert np.hypot(x - 1, y - 1) < 0.4


def test_a_label_at_the_edge_stays_inside() -> None:
    [(x, y)] = around([(2, 0)], [(0.2, 0.1)], (0, 0, 2, 2), [(0, 2, 2, 2)], 0.05)
    assert x <= 1.9
    assert y >= 0.05
