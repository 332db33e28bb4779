"""Settings: what a study may ask for."""

from __future__ import annotations

from typing import get_args

import pytest
from pydantic import ValidationError
from transformers import SchedulerType, get_scheduler

from spillover.settings import Schedule, TuneSettings


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
