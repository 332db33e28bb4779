"""Trackers of a training: the Trainer's own integrations, told what is trained."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainingArguments
from transformers.integrations.integration_utils import (
    get_available_reporting_integrations,
    get_reporting_integration_callbacks,
)

from spillover.errors import StudyError, first_line
from spillover.settings import Tracker


@dataclass
class TrackedArguments(TrainingArguments):
    """The Trainer's arguments, all of which it shows to trackers, and ours.

    Of several GPUs that it sees, it uses one.

    Attributes:
        study: the task, the number of items, the settings; what else a run is of.
    """

    study: dict[str, Any] | None = None

    @property
    def n_gpu(self) -> int:
        """One GPU a process: `nn.DataParallel` would split what is not by item."""
        return min(1, int(super().n_gpu))


LAUNCHED = {
    "RANK", "LOCAL_RANK", "WORLD_SIZE", "LOCAL_WORLD_SIZE", "PMI_SIZE", "PMI_RANK",
    "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE",
}  # fmt: skip


@contextmanager
def alone() -> Iterator[None]:
    """Hide what srun, torchrun and the like have set for a process.

    accelerate takes it for one of several, for which it would wait, and
    `ACCELERATE_MIXED_PRECISION` for a dtype that the study has not named.
    """
    names = [n for n in os.environ if n in LAUNCHED or n.startswith("ACCELERATE_")]
    hidden = {name: os.environ.pop(name) for name in names}
    try:
        yield
    finally:
        os.environ.update(hidden)


def check_trackers(names: Iterable[Tracker]) -> None:
    """See that the packages of these trackers are there.

    Raises:
        StudyError: one is not installed.
    """
    wanted = dict.fromkeys(names)
    there: list[str] = []
    if wanted:
        there = get_available_reporting_integrations()  # type: ignore[no-untyped-call]
    missing = [name for name in wanted if name not in there]
    if missing:
        raise StudyError(
            f"no package {', '.join(missing)} here",
            where="tune.track",
            fix=f"'pip install {' '.join(missing)}', or leave it out of 'track'",
        )


@contextmanager
def tracking(
    names: Iterable[Tracker], folder: Path, arguments: TrackedArguments
) -> Iterator[list[TrainerCallback]]:
    """The callbacks of trackers, for one training.

    MLflow, TensorBoard and W&B take project and place from the environment alone; a
    variable that the user has set stays as it is.

    Args:
        names: the trackers, which `check_trackers` has found.
        folder: of the training; TensorBoard's files go into it.
        arguments: hold the names of project and run.

    Raises:
        StudyError: a tracker does not start.
    """
    names = list(dict.fromkeys(names))
    place = folder / "tensorboard" / arguments.project / str(arguments.run_name)
    told = {
        "MLFLOW_EXPERIMENT_NAME": arguments.project,
        "TENSORBOARD_LOGGING_DIR": str(place),
        "WANDB_PROJECT": arguments.project,
    }
    with ExitStack() as stack:
        if names:
            stack.enter_context(_environment(told))
        if "wandb" in names:
            stack.enter_context(_one_wandb_run())
        yield [_named(name) for name in names]


@contextmanager
def _environment(told: Mapping[str, str]) -> Iterator[None]:
    new = {name: value for name, value in told.items() if name not in os.environ}
    os.environ.update(new)
    try:
        yield
    finally:
        for name in new:
            os.environ.pop(name, None)


@contextmanager
def _one_wandb_run() -> Iterator[None]:
    """End the run of this training: the Trainer would put the next one into it."""
    wandb = import_module("wandb")
    own = wandb.run is None
    try:
        yield
    finally:
        if own:
            wandb.finish()


def _named(name: Tracker) -> TrainerCallback:
    """The Trainer's callback, whose failure to start (no login, no server) is ours."""
    [kind] = get_reporting_integration_callbacks([name])  # type: ignore[no-untyped-call]

    class Named(kind):  # type: ignore[misc, valid-type]
        def on_train_begin(self, *args: Any, **kwargs: Any) -> None:
            try:
                super().on_train_begin(*args, **kwargs)
            except Exception as error:
                raise StudyError(
                    f"{name} does not start ({first_line(error)})",
                    where="tune.track",
                    fix="see to its login or server, or leave it out of 'track'",
                ) from error

    return Named()
