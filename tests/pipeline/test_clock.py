"""Time left, on a clock that the test turns."""

from __future__ import annotations

import pytest

from spillover.pipeline.clock import Clock
from spillover.pipeline.plan import Kind, Step
from spillover.pipeline.store import Spec


class Fake:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def step(kind: Kind, work: float) -> Step:
    return Step(kind, Spec(kind, kind, {}), None, "t", None, 1, work)


def test_nothing_is_known_before_anything_was_measured() -> None:
    now = Fake()
    clock = Clock([step("evaluate", 10)], now)
    assert clock.left() is None
    clock.start()
    now.time += 50
    assert clock.left() is None


def test_one_kind_at_a_steady_pace_is_told_exactly() -> None:
    now = Fake()
    clock = Clock([step("embed", 10), step("embed", 30), step("embed", 60)], now)
    clock.start()
    now.time += 2.5
    clock.advance(0.5)  # 5 of 100 in 2.5 s
    assert clock.left() == pytest.approx(47.5)
    now.time += 2.5
    clock.finish()
    assert clock.left() == pytest.approx(45)
    clock.start()
    now.time += 15
    clock.finish()
    assert clock.left() == pytest.approx(30)


def test_each_kind_has_its_own_pace_once_it_was_seen() -> None:
    now = Fake()
    todo = [step("evaluate", 10), step("tune", 10), step("evaluate", 10)]
    clock = Clock([*todo, step("tune", 20)], now)
    for seconds in (1, 9):
        clock.start()
        now.time += seconds
        clock.finish()
    assert clock.left() == pytest.approx(1 + 18)


def test_a_kind_that_was_not_seen_is_given_the_overall_pace() -> None:
    now = Fake()
    clock = Clock([step("evaluate", 10), step("tune", 20)], now)
    clock.start()
    now.time += 4
    clock.finish()
    assert clock.left() == pytest.approx(8)


def test_in_the_limit_a_noisy_run_is_told_right() -> None:
    now = Fake()
    todo = [step("evaluate", 10) for _ in range(200)]
    clock = Clock(todo, now)
    for number in range(100):
        clock.start()
        now.time += 1 if number % 2 else 3  # 2 s on average
        clock.finish()
    assert clock.left() == pytest.approx(200)


def test_at_the_end_nothing_is_left() -> None:
    now = Fake()
    clock = Clock([step("evaluate", 10)], now)
    clock.start()
    now.time += 3
    clock.finish()
    assert clock.left() == 0
    assert clock.done == 1
