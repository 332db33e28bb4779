"""Where LoRA (Hu et al. 2022) goes in a model, and where it must not."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

import torch
from peft import LoraConfig, PeftModel
from torch import nn
from transformers import AutoModelForCausalLM
from transformers.pytorch_utils import Conv1D

from spillover.adapters import put_on
from spillover.errors import ModelError, StudyError, first_line, unknown
from spillover.models import backbone_of, decoder_of
from spillover.settings import TuneSettings


def check_modules(config: Any, settings: Sequence[TuneSettings]) -> None:
    """See that LoRA can go onto a model of this configuration as it is asked to.

    Raises:
        ModelError: transformers has no causal language model of this kind.
        StudyError: one of `target_modules` is the name of none, or of no linear one, or
            PEFT refuses.
    """
    unlike = {(each.target_modules, each.dropout): each for each in settings}
    for each in unlike.values():
        with torch.device("meta"):  # shapes alone
            skeleton = _skeleton(config)
            if not isinstance(each.target_modules, str):
                _check_names(skeleton, each.target_modules)
            with_lora(skeleton, each)


def _skeleton(config: Any) -> Any:
    try:
        return AutoModelForCausalLM.from_config(  # type: ignore[no-untyped-call]
            config, trust_remote_code=False
        )
    except ValueError as error:
        raise ModelError(
            f"{config.model_type!r} is not a causal language model of transformers"
        ) from error


def _check_names(causal_lm: Any, modules: Sequence[str]) -> None:
    off = re.compile(_kept_off(causal_lm) or "(?!)")
    linear = [name for name in _linear(causal_lm) if not off.fullmatch(name)]
    short = sorted({name.rpartition(".")[2] for name in linear})
    for name in sorted(modules):
        if not any(f".{there}".endswith(f".{name}") for there in linear):
            raise unknown("module", name, short, where="tune.target_modules")


def with_lora(model: Any, settings: TuneSettings) -> PeftModel:
    """A model with fresh LoRA matrices on its modules; it is changed in place.

    Raises:
        StudyError: PEFT refuses, as it does for some experts and state-space models.
    """
    modules = settings.target_modules
    config = LoraConfig(
        task_type="CAUSAL_LM",
        r=settings.rank,
        lora_alpha=settings.alpha,
        lora_dropout=settings.dropout,
        target_modules=modules if isinstance(modules, str) else list(modules),
        exclude_modules=_kept_off(model),
    )
    try:
        return put_on(model, config)
    except (ValueError, TypeError, NotImplementedError) as error:
        raise StudyError(
            f"PEFT cannot put LoRA there ({first_line(error)})",
            where="tune",
            fix="name other target_modules, or set dropout to 0 if it is that",
        ) from error


def _linear(causal_lm: Any) -> list[str]:
    """Names of the linear layers; the head over the vocabulary is none of them."""
    head = causal_lm.get_output_embeddings()
    return [
        name
        for name, part in causal_lm.named_modules()
        if isinstance(part, nn.Linear | Conv1D) and part is not head
    ]


def _kept_off(causal_lm: Any) -> str | None:
    """What LoRA does not go on, as a regular expression for PEFT; None for nothing.

    That is what sees or hears, often named as the decoder's modules are, which a task
    in text has no use for; and routers, some of which return more than a tensor.
    """
    names = {part: name for name, part in causal_lm.named_modules()}
    backbone = names[backbone_of(causal_lm)]
    decoder = names[decoder_of(causal_lm)]
    start = f"{backbone}." if backbone else ""
    text = decoder.removeprefix(start)
    kinds = [r".*\.router"]
    if decoder != backbone:
        kinds.append(rf"{re.escape(start)}(?!{re.escape(text)}\.).*")
    linear = _linear(causal_lm)
    found = [kind for kind in kinds if any(re.fullmatch(kind, name) for name in linear)]
    return "|".join(found) or None
