"""What is seen to before a model or an adapter is trusted."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from peft import PeftConfig, PeftModel
from torch import Tensor

from spillover.batching import pad
from spillover.encoding import PROBE
from spillover.errors import ModelError

if TYPE_CHECKING:
    from spillover.models import LanguageModel

REWRITING = ("corda", "loftq", "lora_ga", "olora", "pissa")
"""Ways to begin a LoRA that take its first weights out of the base's own."""

MERGE = "merge it into the base: merge_and_unload of PEFT, then save_pretrained"


def check_state(model: LanguageModel) -> None:
    """See that the adapter which is on a model is its own, or that none is.

    An adapter's layers are in the base itself, whoever holds it.

    Raises:
        ModelError: an adapter is on a base, or an adapted model's was taken off.
    """
    on = vars(model.causal_lm).get("peft_config")  # PEFT's note, gone with the adapter
    adapted = isinstance(model.model, PeftModel)
    if on is not None and not adapted:
        raise ModelError(
            f"an adapter is on {model.name}",
            expected="the base as it was loaded",
            fix="detach it first, or use what attach gave",
        )
    if adapted and on is not model.model.peft_config:
        raise ModelError(
            f"the adapter of {model.name} was taken off", fix="attach it anew"
        )


def check_bare(model: LanguageModel) -> None:
    """See that a model can be given an adapter: it has none.

    Raises:
        ModelError: it has one.
    """
    check_state(model)
    if isinstance(model.model, PeftModel):
        raise ModelError(
            f"{model.name} has an adapter already",
            fix=f"detach it first, or {MERGE}",
        )


def check_numbers(values: Tensor) -> None:
    """See that what a model computed holds no NaN, which compares with nothing.

    Raises:
        ModelError: it does.
    """
    if values.isnan().any():
        raise ModelError(
            "the model computes NaN (not a number)",
            expected="numbers",
            fix="choose another dtype, float32 or bfloat16; float16 overflows in many "
            "models",
        )


def check_tokens(model: LanguageModel, place: str) -> None:
    """See that the tokenizer is this model's, and cuts text into tokens.

    Raises:
        ModelError: it has tokens that the model does not know, or makes one of a text.
    """
    [ids] = model.encode([PROBE])
    known = model.causal_lm.get_input_embeddings().weight.shape[0]
    if len(ids) < 3 or max(ids) >= known:
        raise ModelError(
            f"the tokenizer makes the tokens {ids} of {PROBE!r}",
            where=place,
            expected=f"several, each below the {known} that the model knows",
            fix="take the tokenizer that the model was trained with",
        )


def check_causal(model: LanguageModel, place: str) -> None:
    """See that no token looks at a later one, as in BERT, which also loads.

    Raises:
        ModelError: one does.
    """
    [ids] = model.encode([PROBE])
    other = [*ids[:-1], ids[0] if ids[-1] != ids[0] else ids[-2]]
    batch = torch.tensor([ids, other], device=model.device)
    with torch.inference_mode():
        first, second = model.model(input_ids=batch).logits[:, 0].float()
    check_numbers(first)
    if (first - second).abs().max() > first.std() / 10:  # far above bf16's rounding
        raise ModelError(
            "a token's prediction depends on the tokens after it",
            where=place,
            expected="a causal language model",
        )


def check_padding(model: LanguageModel, place: str) -> None:
    """See that padding changes nothing, as it does in RWKV, which has no mask.

    Raises:
        ModelError: it does.
    """
    [ids] = model.encode([PROBE])
    batch = pad([ids[:2], ids], model.pad_id, side="left", device=model.device)
    with torch.inference_mode():
        padded = model.model(**batch).logits[0, -1].float()
        alone = model.model(input_ids=batch["input_ids"][:1, -2:]).logits[0, -1].float()
    check_numbers(padded)
    if (padded - alone).abs().mean() > alone.std() / 4:  # far above bf16's rounding
        raise ModelError(
            "padding changes what it predicts",
            where=place,
            expected="a model that masks it, as all Transformers do",
        )


def adapter_config(folder: Path) -> PeftConfig:
    """The configuration of an adapter that leaves its base's own weights as they are.

    Raises:
        ValueError: PEFT would change them, or it is no adapter's.
    """
    try:
        config: PeftConfig = PeftConfig.from_pretrained(str(folder))
    except KeyError as error:
        raise ValueError(f"PEFT knows no peft_type {error.args[0]!r}") from error
    if config.is_prompt_learning:  # one kind of it reads a pickle, too
        raise ValueError(f"{config.peft_type} puts vectors before a prompt")
    init = str(getattr(config, "init_lora_weights", "")).lower()
    if (
        getattr(config, "bias", "none") != "none"
        or getattr(config, "layer_replication", None)
        or init.startswith(REWRITING)
    ):
        raise ValueError("bias, layers or initial weights are changed in the base")
    config.inference_mode = True
    return config


def check_adapter(
    adapted: LanguageModel, loaded: Any, before: Tensor, folder: Path
) -> None:
    """See that an adapter is whole, does something, and can be switched off.

    Args:
        adapted: the model with the adapter on.
        loaded: what PEFT says of the keys.
        before: `probe` of the base.
        folder: where the adapter came from.

    Raises:
        ModelError: it is not so.
    """
    for kind in ("missing", "unexpected"):
        keys = getattr(loaded, f"{kind}_keys")
        if keys:
            raise ModelError(f"{len(keys)} {kind} keys, {keys[0]} first", where=folder)
    # One alone may be: no gradient reaches dt_proj of Jamba's first layers.
    b = [v for k, v in adapted.model.named_parameters() if "lora_B" in k]
    if b and not any(v.any() for v in b):
        raise ModelError(
            f"LoRA B is zero in all {len(b)} modules",
            where=folder,
            expected="an adapter that was trained",
        )
    after = probe(adapted)
    check_numbers(after)
    if torch.equal(after, before):
        raise ModelError("the adapter leaves the logits as they were", where=folder)
    with adapted.model.disable_adapter():
        if not torch.equal(probe(adapted), before):
            raise ModelError(
                "with the adapter switched off the logits are not the base's",
                where=folder,
            )


def probe(model: LanguageModel) -> Tensor:
    """The logits after a fixed text: (vocabulary,), fp32."""
    ids = torch.tensor(model.encode([PROBE]), device=model.device)
    with torch.inference_mode():
        logits: Tensor = model.model(input_ids=ids).logits[0, -1]
    return logits.float()
