"""Time left, on a clock that the test turns."""

from __future__ import annotations

import pytest

from spillover.pipeline.clock import Clock
from spillover.pipeline.plan import Step
from spillover.pipeline.store import Spec


class Fake:
    """A clock that stands until it is turned."""

    def __init__(self) -> None:
        self.time = 100.0

    def __call__(self) -> float:
        return self.time


def step(kind: str, work: float) -> Step:
    return Step(spec=Spec(kind, kind, {}), name="t", items=1, work=work)


def pass_step(clock: Clock, now: Fake, seconds: float) -> None:
    """A step from its start to its end."""
    clock.start(clock.todo[clock.done])
    clock.advance(0, 0, 0)
    now.time += seconds
    clock.advance(1, 1, 10)
    clock.finish()


def test_nothing_is_known_before_anything_was_measured() -> None:
    now = Fake()
    clock = Clock([step("evaluate", 10)], now)
    assert clock.left() is None
    clock.start(clock.todo[clock.done])
    now.time += 50
    assert clock.left() is None
    clock.advance(0, 0, 0)
    now.time += 50
    assert clock.left() is None
    assert clock.speed is None
    assert clock.elapsed == 100


def test_one_kind_at_a_steady_pace_is_told_exactly() -> None:
    now = Fake()
    clock = Clock([step("embed", 10), step("embed", 30), step("embed", 60)], now)
    clock.start(clock.todo[clock.done])
    clock.advance(0, 0, 0)
    now.time += 2.5
    clock.advance(0.5, 10, 100)  # 5 of 100 in 2.5 s
    assert clock.left() == pytest.approx(47.5)
    assert clock.left_of_step() == pytest.approx(2.5)
    assert clock.speed == pytest.approx((4, 40))
    now.time += 2.5
    assert clock.left() == pytest.approx(45)  # it runs on between two reports
    clock.advance(1, 10, 100)
    clock.finish()
    assert clock.left() == pytest.approx(45)
    pass_step(clock, now, 15)
    assert clock.left() == pytest.approx(30)


def test_what_comes_before_the_first_report_is_no_part_of_the_pace() -> None:
    now = Fake()
    clock = Clock([step("tune", 100), step("tune", 100)], now)
    clock.start(clock.todo[clock.done])
    now.time += 60  # loads a model
    clock.advance(0.9, 90, 0)  # what an interrupted training had done
    now.time += 1
    clock.advance(0.95, 5, 50)
    assert clock.speed == pytest.approx((5, 50))
    assert clock.left_of_step() == pytest.approx(1)
    now.time += 1
    clock.advance(1, 5, 50)
    clock.finish()
    assert clock.left() == pytest.approx(20)
    assert clock.speed == pytest.approx((5, 50))
    assert clock.elapsed == 62


def test_a_report_that_is_late_does_not_make_less_than_nothing_left() -> None:
    now = Fake()
    clock = Clock([step("embed", 10), step("embed", 10)], now)
    clock.start(clock.todo[clock.done])
    clock.advance(0, 0, 0)
    now.time += 5
    clock.advance(0.5, 1, 1)
    now.time += 100
    assert clock.left_of_step() == 0
    assert clock.left() == pytest.approx(10)


def test_a_step_that_another_process_made_says_nothing_about_the_pace() -> None:
    now = Fake()
    clock = Clock([step("embed", 10), step("embed", 10), step("embed", 10)], now)
    pass_step(clock, now, 5)
    clock.start(clock.todo[clock.done])
    now.time += 500  # waits for it
    clock.finish()
    assert clock.left() == pytest.approx(5)


def test_a_step_that_is_put_off_is_still_to_come() -> None:
    now = Fake()
    first, second = step("embed", 10), step("embed", 30)
    clock = Clock([first, second], now)
    clock.start(second)
    clock.advance(0, 0, 0)
    now.time += 3
    clock.advance(1, 1, 10)
    clock.finish()
    assert clock.left() == pytest.approx(1)
    clock.start(first)
    assert clock.left_of_step() == pytest.approx(1)


def test_each_kind_has_its_own_pace_once_it_was_seen() -> None:
    now = Fake()
    todo = [step("evaluate", 10), step("tune", 10), step("evaluate", 10)]
    clock = Clock([*todo, step("tune", 20)], now)
    for seconds in (1, 9):
        pass_step(clock, now, seconds)
    assert clock.left() == pytest.approx(1 + 18)


def test_a_kind_that_was_not_seen_is_given_the_overall_pace() -> None:
    now = Fake()
    clock = Clock([step("evaluate", 10), step("tune", 20)], now)
    pass_step(clock, now, 4)
    assert clock.left() == pytest.approx(8)


def test_in_the_limit_a_noisy_run_is_told_right() -> None:
    now = Fake()
    todo = [step("evaluate", 10) for _ in range(200)]
    clock = Clock(todo, now)
    for number in range(100):
        pass_step(clock, now, 1 if number % 2 else 3)  # 2 s on average
    assert clock.left() == pytest.approx(200)


def test_at_the_end_nothing_is_left() -> None:
    now = Fake()
    clock = Clock([step("evaluate", 10)], now)
    pass_step(clock, now, 3)
    assert clock.left() == 0
    assert clock.done == 1
