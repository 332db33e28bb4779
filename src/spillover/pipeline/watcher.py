"""Who is told of what happens during a run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from spillover.lint.remark import Remark
    from spillover.pipeline.plan import Step


class Watcher:
    """Told of what happens during a run; this one does nothing with it."""

    def remarked(self, remarks: Sequence[Remark]) -> None:
        """The linter has looked at the study's data; nothing has been run yet."""

    def started(self, step: Step) -> None:
        """A step has begun."""

    def waiting(self, step: Step) -> None:
        """Nothing is left but what other runs are making; this step is waited for."""

    def advanced(self, share: float, items: float, tokens: int) -> None:
        """The step that runs has done this share of its work, in [0, 1].

        Items and tokens are those that were just done, as in `batching.Progress`: the
        first call of a step says what was there before its work began.
        """

    def finished(self, step: Step, seconds: float) -> None:
        """A step is done, after this many seconds."""
