"""Base and adapted models, loaded for the three steps that need one."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from peft import PeftModel
from safetensors import SafetensorError
from torch import Tensor, nn
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer
from transformers.utils.hub import cached_file

from spillover import gguf
from spillover.devices import is_out_of_memory, resolve_device, resolve_dtype
from spillover.encoding import encode
from spillover.errors import ModelError, first_line
from spillover.model_checks import check_causal, check_padding, check_tokens
from spillover.model_spec import (
    WEIGHTS_INDEX,
    ModelSpec,
    as_model_spec,
    check_index,
)
from spillover.settings import Dtype


@dataclass(frozen=True)
class LanguageModel:
    """A causal language model with its tokenizer.

    Attributes:
        model: a transformers model, or a PEFT model around one. An adapter is never
            merged: what is evaluated and what is embedded is the same form.
        tokenizer: its tokenizer.
        name: what tables call it.
        base: what `attach` put the adapter on; None for a model without one.
    """

    model: Any
    tokenizer: Any
    name: str
    base: LanguageModel | None = None

    @property
    def device(self) -> torch.device:
        """Where the inputs go."""
        return torch.device(self.model.get_input_embeddings().weight.device)

    @property
    def dtype(self) -> torch.dtype:
        """The dtype of the base weights."""
        return self.model.get_input_embeddings().weight.dtype  # type: ignore[no-any-return]

    @property
    def causal_lm(self) -> Any:
        """The transformers model, with the adapter's layers in it if there are any."""
        adapted = isinstance(self.model, PeftModel)
        return self.model.get_base_model() if adapted else self.model

    @property
    def backbone(self) -> nn.Module:
        """The model without its head over the vocabulary."""
        return backbone_of(self.causal_lm)

    @property
    def decoder(self) -> nn.Module:
        """The part of the backbone that reads text, where a model sees or hears too."""
        return decoder_of(self.causal_lm)

    @property
    def context(self) -> int:
        """The longest sequence, in tokens, that the model was built for."""
        return context_of(self.causal_lm.config)

    @property
    def pad_id(self) -> int:
        """The token that fills up a batch; masked, so that any known one will do."""
        known = self.model.get_input_embeddings().weight.shape[0]
        tokens = (self.tokenizer.pad_token_id, self.tokenizer.eos_token_id, 0)
        return next(id for id in tokens if id is not None and id < known)

    def encode(self, texts: list[str]) -> list[list[int]]:
        """Token ids, begun as the tokenizer begins them, and without EOS."""
        return encode(self.tokenizer, texts)


def glimpse(model: LanguageModel) -> list[list[float]]:
    """A few numbers of every weight, by which models of one name can be told apart."""
    weights = model.model.parameters()
    return [weight.detach().reshape(-1)[:4].tolist() for weight in weights]


def backbone_of(causal_lm: Any) -> nn.Module:
    """A model without its head over the vocabulary."""
    base: Any = causal_lm.base_model
    # Llama 4 and Mllama name a base that they do not have, and are their own then.
    return causal_lm.model if base is causal_lm else base  # type: ignore[no-any-return]


def decoder_of(causal_lm: Any) -> nn.Module:
    """The part of the backbone that reads text."""
    decoder: nn.Module = causal_lm.get_decoder()
    return backbone_of(causal_lm) if decoder is causal_lm else decoder


def context_of(config: Any) -> int:
    """The longest sequence, in tokens, that a model of this configuration takes."""
    text = config.get_text_config()
    names = ("max_position_embeddings", "max_seq_len")  # the latter is MPT's
    known = (getattr(text, name, None) for name in names)
    return next((int(length) for length in known if length), 1 << 30)


def load_tokenizer(spec: ModelSpec) -> Any:
    """The tokenizer of a model, without its weights.

    Raises:
        ModelError: it cannot be loaded.
    """
    place, options = _place(spec)
    try:
        tokenizer = AutoTokenizer.from_pretrained(place, **options)
    except Exception as error:  # tokenizers has no other for a damaged file
        if "tiktoken" in str(error):  # the last that is tried of a tokenizer.model
            raise ModelError(
                "its tokenizer is a file that takes two more packages to read",
                where=place,
                fix="pip install sentencepiece protobuf",
            ) from error
        raise _unavailable("tokenizer", spec, error) from error
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = tokenizer.eos_token
    return tokenizer


def load_config(spec: ModelSpec) -> Any:
    """The configuration of a model, without its weights.

    Raises:
        ModelError: it cannot be loaded, or is of a model with an encoder.
    """
    place, options = _place(spec)
    try:
        config = AutoConfig.from_pretrained(place, **options)
    except Exception as error:  # a value of a wrong type has one of its own
        raise _unavailable("configuration", spec, error) from error
    if config.is_encoder_decoder:
        raise ModelError(
            f"{config.model_type} has an encoder",
            where=place,
            expected="a causal language model",
        )
    return config


def _weights(
    spec: ModelSpec,
    place: str,
    options: dict[str, Any],
    dtype: torch.dtype,
    where: torch.device,
) -> Any:
    """The transformers model, all of whose weights were read, on its device."""
    index: str | None = cached_file(
        place,
        WEIGHTS_INDEX,
        revision=options.get("revision"),
        _raise_exceptions_for_missing_entries=False,
        _raise_exceptions_for_connection_errors=False,
    )
    if index is not None:
        check_index(Path(index))
    try:
        found: Any = AutoModelForCausalLM.from_pretrained(
            place,
            dtype=dtype,
            use_safetensors=True,
            output_loading_info=True,
            **options,
        )
    except (
        OSError,
        ValueError,
        KeyError,
        RuntimeError,
        ImportError,
        SafetensorError,
    ) as error:
        raise _unavailable("model", spec, error) from error
    model, info = found
    if lacking := sorted(info["missing_keys"]):  # transformers draws them at random
        raise ModelError(
            f"the weights lack {len(lacking)} tensors, {lacking[0]} first", where=place
        )
    if getattr(model, "_hf_peft_config_loaded", False):
        raise ModelError(
            "an adapter lies beside the weights, and transformers has put it on",
            where=place,
            expected="a base model alone",
        )
    try:
        return model.to(where).eval()
    except RuntimeError as error:
        if not is_out_of_memory(error):
            raise
        raise ModelError(
            f"the model does not fit into the memory of {where} ({first_line(error)})",
            where=place,
            fix="take another dtype, or a device with more that is free",
        ) from error


def load_model(
    spec: ModelSpec | str,
    *,
    device: str = "auto",
    dtype: Dtype = "auto",
) -> LanguageModel:
    """A model from the Hub, a folder, a GGUF file or a wheel, ready for inference.

    Args:
        spec: where it comes from; a string as a study would give it
            (`repository@revision`, a path, or the name of an embedded model).
        device: `auto`, or a torch device.
        dtype: of the base weights; see `resolve_dtype`.

    Raises:
        ModelError: it names no model, cannot be loaded, is damaged, or its adapter
            does nothing.
    """
    spec = as_model_spec(spec) if isinstance(spec, str) else spec
    where = resolve_device(device)
    if where.type == "cuda":
        # With a mask its backward pass may give NaN (pytorch issue 196678), and it
        # makes a plan for every new shape; torch's other kernels do neither.
        torch.backends.cuda.enable_cudnn_sdp(False)
    tokenizer = load_tokenizer(spec)
    load_config(spec)
    place, options = _place(spec)
    model = _weights(spec, place, options, resolve_dtype(dtype, where), where)
    text = model.config.get_text_config()
    # With one head of keys the kernel gives the last token of some widths the mask of
    # the first (pytorch pull request 191984; up to torch 2.13).
    heads = getattr(text, "num_key_value_heads", None)
    if heads == 1 or (heads is None and getattr(text, "multi_query", False)):
        torch.backends.cuda.enable_mem_efficient_sdp(False)
    if getattr(text, "output_router_logits", False):
        text.output_router_logits = False  # would put the router's loss into training
    name = spec.model_copy(update={"adapter": None}).name
    loaded = LanguageModel(model, tokenizer, name)
    check_tokens(loaded, place)
    check_causal(loaded, place)
    check_padding(loaded, place)
    if spec.adapter is None:
        return loaded
    from spillover.adapters import attach  # which builds on this module

    return attach(loaded, spec.adapter)


@contextmanager
def evaluating(model: LanguageModel) -> Iterator[None]:
    """Without dropout; then each part goes back into the mode that it was in."""
    modes = {part: part.training for part in model.model.modules()}
    model.model.eval()
    try:
        yield
    finally:
        for part, mode in modes.items():
            part.training = mode


@contextmanager
def fp32_head(model: LanguageModel) -> Iterator[None]:
    """Compute the logits in fp32, whatever the dtype of the model.

    A bf16 logit near 20 comes in steps of 0.125: answer words tie, and an order that
    means nothing then decides. The head's weights are widened once, and what an
    architecture does to its logits afterwards (scaling, capping) is done in fp32 too.
    """
    head = model.causal_lm.get_output_embeddings()
    if not isinstance(head, nn.Linear):
        yield
        return

    weight = head.weight.detach().float()
    bias = None if head.bias is None else head.bias.detach().float()

    def forward(states: Tensor) -> Tensor:
        # `generate` asks for the last position by a number. Of the slice that makes
        # torch would multiply row by row, each with its own copy of the weights.
        states = states.contiguous()
        with torch.autocast(states.device.type, enabled=False):
            return nn.functional.linear(states.float(), weight, bias)

    plain: Any = head
    plain.forward = forward
    try:
        yield
    finally:
        del plain.forward


def _place(spec: ModelSpec) -> tuple[str, dict[str, Any]]:
    # Without a word transformers asks, at a terminal, whether to run a model's code.
    options: dict[str, Any] = {"trust_remote_code": False}
    if spec.hub is not None:
        if Path(spec.hub).is_dir():  # which transformers would take instead
            raise ModelError(
                "there is a folder of that name here",
                where=spec.hub,
                expected="a repository of the Hub",
                fix=f"say ./{spec.hub} if it is the folder that is meant",
            )
        return spec.hub, options | {"revision": spec.revision or "main"}
    folder = spec.folder if spec.folder is not None else gguf.converted(spec)
    return str(folder), options


def _unavailable(what: str, spec: ModelSpec, error: Exception) -> ModelError:
    return ModelError(
        f"the {what} cannot be loaded ({first_line(error)})",
        where=spec.hub or spec.folder or spec.gguf or spec.wheel,
        fix="check the name, the connection and that the weights are safetensors",
    )
