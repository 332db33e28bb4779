"""How much time a run still needs, from what its steps have taken so far."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence

from spillover.pipeline.plan import Kind, Step


class Clock:
    """Estimates the time left of a run.

    Each kind of step has its own speed, in work a second, measured on the steps that
    have run and on the one that is running. A kind that has not run yet is given the
    speed over all kinds, which is why the estimate moves when a new kind begins.

    Attributes:
        todo: the steps that have to run.
        done: how many of them are done.
    """

    def __init__(
        self, todo: Sequence[Step], now: Callable[[], float] = time.monotonic
    ) -> None:
        self.todo, self.done, self.now = list(todo), 0, now
        self.spent: dict[Kind, tuple[float, float]] = {}
        self.share, self.begun = 0.0, now()

    def start(self) -> None:
        """The next step begins."""
        self.share, self.begun = 0.0, self.now()

    def advance(self, share: float) -> None:
        """The running step has done this share of its work."""
        self.share = share

    def finish(self) -> None:
        """The running step is done."""
        step = self.todo[self.done]
        work, seconds = self.spent.get(step.kind, (0.0, 0.0))
        elapsed = self.now() - self.begun
        self.spent[step.kind] = (work + step.work, seconds + elapsed)
        self.done, self.share = self.done + 1, 0.0

    def left(self) -> float | None:
        """Seconds that are left; None before anything was measured."""
        spent = dict(self.spent)
        rest = {step.kind: 0.0 for step in self.todo}
        for step in self.todo[self.done :]:
            rest[step.kind] += step.work
        if self.done < len(self.todo) and self.share > 0:
            step = self.todo[self.done]
            work, seconds = spent.get(step.kind, (0.0, 0.0))
            elapsed = self.now() - self.begun
            spent[step.kind] = (work + self.share * step.work, seconds + elapsed)
            rest[step.kind] -= self.share * step.work
        total = sum(work for work, _ in spent.values())
        seconds = sum(took for _, took in spent.values())
        if total <= 0:
            return None
        pace = {kind: took / work for kind, (work, took) in spent.items() if work > 0}
        overall = seconds / total
        return sum(work * pace.get(kind, overall) for kind, work in rest.items())
