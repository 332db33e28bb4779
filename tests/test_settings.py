"""Settings: what a study may ask for."""

from __future__ import annotations

from contextlib import nullcontext
from typing import Any, get_args

import pytest
from pydantic import ValidationError
from transformers import SchedulerType, get_scheduler

from spillover.errors import StudyError
from spillover.settings import Schedule, TuneSettings, check_steps


@pytest.mark.parametrize("name", get_args(Schedule))
def test_transformers_has_every_schedule_and_it_needs_only_the_steps(name: str) -> None:
    import torch

    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    get_scheduler(
        SchedulerType(name), optimizer, num_warmup_steps=1, num_training_steps=3
    )


def test_a_misspelt_schedule_is_an_error() -> None:
    with pytest.raises(ValidationError, match="'cosine'"):
        TuneSettings.model_validate({"schedule": "cosin"})


def test_a_polynomial_schedule_ends_below_its_learning_rate() -> None:
    """Where it ends is transformers' own, which refuses to rise to it."""
    with pytest.raises(ValidationError, match="1e-07 is not above 1e-7, where the pol"):
        TuneSettings(schedule="polynomial", learning_rate=1e-7)
    assert TuneSettings(schedule="polynomial", learning_rate=2e-7).learning_rate == 2e-7


@pytest.mark.parametrize(
    ("n", "changes", "enough"),
    [
        (4, {}, False),
        (5, {}, True),
        (4, {"epochs": 2}, True),
        (8, {"epochs": 0.5}, False),
        (4, {"warmup_steps": 0}, True),
        (4, {"schedule": "constant"}, True),
        (4, {"schedule": "constant_with_warmup"}, False),
        (12, {"warmup_steps": 3}, False),
        (13, {"warmup_steps": 3}, True),
        (12, {"warmup_steps": 0.7}, False),
        (64, {"epochs": 6, "batch_size": 64, "warmup_steps": 100}, False),
    ],
)
def test_training_goes_on_after_the_warm_up(
    n: int, changes: dict[str, Any], enough: bool
) -> None:
    made = {"epochs": 1, "batch_size": 4, "micro_batch_size": 4, "warmup_steps": 0.05}
    settings = TuneSettings.model_validate(made | changes)
    told = nullcontext() if enough else pytest.raises(StudyError, match="the warm-up")
    with told:
        check_steps(n, settings)
