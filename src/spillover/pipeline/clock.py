"""How fast a run's steps are, and how much time it still needs."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from spillover.pipeline.plan import Step


class Clock:
    """Estimates the time left of a run, from what its steps have taken so far.

    Each kind of step has its own pace, in seconds for a unit of work, measured on the
    steps that have run and on the one that is running. A kind that has not run yet is
    given the pace over all kinds, which is why the estimate moves when a new kind
    begins.

    A step is timed from its first report on, which says what was there before its work
    began: loading a model is no part of its pace, nor is what an interrupted training
    had done.

    Attributes:
        todo: the steps that have to run.
        done: how many of them are done.
        share: of the running step's work that is done, in [0, 1].
        speed: items and tokens a second of the step that runs or ran last; None before
            its first batch is done.
    """

    def __init__(
        self, todo: Sequence[Step], now: Callable[[], float] = time.monotonic
    ) -> None:
        self.todo, self.done, self.now = list(todo), 0, now
        self.spent: dict[str, tuple[float, float]] = {}
        self.begun = now()
        self._begin()

    @property
    def elapsed(self) -> float:
        """Seconds since the clock was made."""
        return self.now() - self.begun

    def start(self, step: Step) -> None:
        """A step begins, mostly the next one."""
        place = self.todo.index(step, self.done)
        self.todo.insert(self.done, self.todo.pop(place))
        self._begin()

    def _begin(self) -> None:
        self.first: float | None = None
        self.last = self.now()
        self.share = self.skipped = self.items = 0.0
        self.tokens = 0
        self.speed: tuple[float, float] | None = None

    def advance(self, share: float, items: float, tokens: int) -> None:
        """The running step has done this share, and just so many items and tokens."""
        self.last, self.share = self.now(), share
        if self.first is None:
            self.first, self.skipped = self.last, share
            return
        self.items, self.tokens = self.items + items, self.tokens + tokens
        seconds = self.last - self.first
        if seconds > 0:
            self.speed = self.items / seconds, self.tokens / seconds

    def finish(self) -> None:
        """The running step is done."""
        self.last, self.share = self.now(), 1.0
        self.spent = self._measured()
        self.done, self.share, self.first = self.done + 1, 0.0, None

    def left(self) -> float | None:
        """Seconds that the run still needs; None before anything was measured."""
        return self._left(self.todo[self.done :])

    def left_of_step(self) -> float | None:
        """The same for the running step."""
        return self._left(self.todo[self.done : self.done + 1])

    def _measured(self) -> dict[str, tuple[float, float]]:
        """Work and seconds of each kind, with those of the running step."""
        if self.first is None or self.done == len(self.todo):
            return self.spent
        step = self.todo[self.done]
        work, seconds = self.spent.get(step.kind, (0.0, 0.0))
        done = (self.share - self.skipped) * step.work
        return {
            **self.spent,
            step.kind: (work + done, seconds + self.last - self.first),
        }

    def _left(self, steps: Sequence[Step]) -> float | None:
        measured = [(k, w, s) for k, (w, s) in self._measured().items() if w > 0]
        if not measured:
            return None
        overall = sum(s for _, _, s in measured) / sum(w for _, w, _ in measured)
        pace = {kind: seconds / work for kind, work, seconds in measured}
        rest = [step.work * pace.get(step.kind, overall) for step in steps]
        if self.first is None or not rest:
            return sum(rest)
        running = rest[0] * (1 - self.share) - (self.now() - self.last)
        return max(0.0, running) + sum(rest[1:])
