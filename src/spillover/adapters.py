"""PEFT adapters, put on a base model and taken off again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from peft import PeftConfig, PeftModel, get_peft_model
from peft.tuners.tuners_utils import BaseTunerLayer
from peft.utils import ModulesToSaveWrapper

from spillover.devices import is_out_of_memory
from spillover.errors import ModelError, first_line
from spillover.model_checks import (
    adapter_config,
    check_adapter,
    check_bare,
    check_state,
    probe,
)
from spillover.model_spec import adapter_digest
from spillover.models import LanguageModel, evaluating


def attach(base: LanguageModel, folder: Path) -> LanguageModel:
    """Put a PEFT adapter on a base model, and make sure that it does something.

    The base model is changed in place: until `detach` gives it back, the result alone
    can be used. After an error it is as it was. The adapter takes the base's dtype, to
    which autocast rounds its weights in training too; in fp32 it would widen and narrow
    the input of each of its modules.

    Raises:
        ModelError: the base has an adapter already, the new one is not there or not
            safetensors, its keys are missing or unexpected, it changes the base's own
            weights, it leaves the logits as they were, or switching it off does not
            give the base's logits back.
    """
    check_bare(base)
    adapter_digest(folder)
    with evaluating(base):
        before = probe(base)
    with _as_misfit(base, folder):
        config = adapter_config(folder)
        adapted = put_on(base.model, config, autocast_adapter_dtype=False)
    name = f"{base.name}+{folder.name}"
    result = LanguageModel(adapted, base.tokenizer, name, base)
    try:
        with _as_misfit(base, folder):
            loaded = adapted.load_adapter(
                str(folder),
                "default",
                torch_device="cpu",
                autocast_adapter_dtype=False,
            )
        adapted.to(base.device).eval()
        check_adapter(result, loaded, before, folder)
    except BaseException:
        _unload(adapted)
        raise
    return result


def put_on(
    model: Any, config: PeftConfig, *, autocast_adapter_dtype: bool = True
) -> PeftModel:
    """PEFT's `get_peft_model`, which where it refuses leaves layers in the model."""
    try:
        return get_peft_model(
            model, config, autocast_adapter_dtype=autocast_adapter_dtype
        )
    except BaseException:
        for name, part in [*model.named_modules()]:
            if isinstance(part, BaseTunerLayer):
                model.set_submodule(name, part.get_base_layer())
        raise


@contextmanager
def _as_misfit(base: LanguageModel, folder: Path) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # safetensors, PEFT and torch each have their own
        if is_out_of_memory(error):  # which says nothing of the adapter
            raise
        raise ModelError(
            f"not an adapter for {base.name} ({first_line(error)})", where=folder
        ) from error


def detach(adapted: LanguageModel) -> LanguageModel:
    """The base model under an adapter, as it was before `attach`, but frozen.

    Raises:
        ModelError: there is no adapter on it, or no longer.
    """
    if adapted.base is None:
        raise ModelError(f"no adapter on {adapted.name} to take off")
    check_state(adapted)
    _unload(adapted.model)
    return adapted.base


def _unload(adapted: PeftModel) -> None:
    for part in [*adapted.modules()]:
        if isinstance(part, ModulesToSaveWrapper):  # PEFT would leave the copy there
            part.modules_to_save["default"] = part.original_module
    adapted.unload()
