"""Where, in the folder of a run, what its steps made lies."""

from __future__ import annotations

from pathlib import Path

from spillover.data.task import OWN_PROMPT
from spillover.study import Study


def file_of(
    study: Study,
    task: str,
    language: str,
    tuned_on: str | None,
    seed: int | None,
    prompt: str = OWN_PROMPT,
) -> Path:
    """Where, in a run's folder, the predictions of a state of the model lie."""
    state = f"after-{tuned_on}{_of_seed(study, seed)}" if tuned_on else "before"
    of_prompt = "" if prompt == OWN_PROMPT else f"@{prompt}"  # in no task's name
    return Path("predictions") / state / f"{task}.{language}{of_prompt}.parquet"


def adapter_of(study: Study, task: str, seed: int | None) -> Path:
    """Where, in a run's folder, what was trained on a task lies."""
    return Path("adapters") / f"{task}{_of_seed(study, seed)}"


def _of_seed(study: Study, seed: int | None) -> str:
    return f"-seed{seed}" if len(study.training_seeds) > 1 else ""
