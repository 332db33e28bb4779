"""Sentences to vectors: hidden states, pooled layer by layer as they are computed."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import product
from typing import Any, Literal

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from spillover.batching import Progress, batches, pad, untold
from spillover.devices import keeping_freed_memory
from spillover.encoding import beginning, encode
from spillover.errors import DataError, StudyError
from spillover.model_checks import check_numbers, check_state
from spillover.models import LanguageModel, evaluating
from spillover.settings import EmbedSettings, Pooling

Vectors = dict[tuple[Pooling, int], npt.NDArray[np.float32]]
"""(pooling, layer as the settings name it) -> (sentences, hidden size)."""


def embed(
    model: LanguageModel,
    sentences: Sequence[str],
    settings: EmbedSettings | None = None,
    *,
    progress: Progress = untold,
) -> Vectors:
    """The vectors of sentences, for every pooling and layer of the settings.

    A sentence stands alone, without a prompt. BOS comes first where the tokenizer adds
    it, and is left out of the plain mean unless `special_tokens`. Each layer is pooled
    inside the forward pass, in fp32, so that no token's vector is kept: memory beyond
    the model's is that of the result, one vector a sentence, pooling and layer.

    Args:
        model: the model, with or without an adapter.
        sentences: n texts.
        settings: poolings and layers.
        progress: see `spillover.batching.Progress`.

    Raises:
        DataError: there are no sentences, or one has no tokens.
        StudyError: the model does not have a layer, or a sentence exceeds its context.
        ModelError: the model computes NaN, or an adapter is on it that is not its own.
    """
    settings = settings or EmbedSettings()
    check_state(model)
    if not sentences:
        raise DataError("no sentences to embed")
    ids, bos = encode_sentences(model.tokenizer, sentences, model.context)
    skip = 0 if settings.special_tokens else bos
    pooler = _Pooler(model, settings)
    result: Vectors = {}
    progress(0, 0)
    with evaluating(model), keeping_freed_memory():
        for rows in batches([len(row) for row in ids], settings.batch_tokens):
            batch = pad([ids[i] for i in rows], model.pad_id, device=model.device)
            for key, pooled in pooler(batch, skip).items():
                check_numbers(pooled)
                if key not in result:  # OPT-350m returns less than its layers are wide
                    shape = (len(ids), pooled.shape[1])
                    result[key] = np.empty(shape, dtype=np.float32)
                result[key][rows] = pooled.cpu().numpy()
            progress(len(rows), sum(len(ids[i]) for i in rows))
    return result


class _Pooler:
    """Runs the backbone and pools the hidden states of the wanted layers.

    transformers' hidden state i is what layer i is given, and the last one is what
    the backbone returns, after the final norm.
    """

    def __init__(self, model: LanguageModel, settings: EmbedSettings) -> None:
        self.backbone, self.poolings = model.backbone, settings.poolings
        config = model.causal_lm.config
        self.layers = check_layers(config, settings.layers)
        depth = depth_of(config)
        self.wanted: dict[int, list[int]] = {}
        for layer in self.layers:
            self.wanted.setdefault(layer % (depth + 1), []).append(layer)
        self.depth = depth
        inner = [index for index in self.wanted if index < depth]
        blocks: list[nn.Module] = [*_blocks(model.decoder, depth)] if inner else []
        self.hooked = {index: blocks[index] for index in inner}

    @torch.inference_mode()
    def __call__(
        self, batch: dict[str, Tensor], skip: int
    ) -> dict[tuple[Pooling, int], Tensor]:
        """Pooled vectors, (n, hidden size) fp32, by pooling and layer."""
        # Positions count from each row's first token, whatever the side of padding.
        whole = batch["attention_mask"].bool()
        kept = whole & (batch["position_ids"] >= skip)
        last = kept.int() * torch.arange(1, kept.shape[1] + 1, device=kept.device)
        end = last.argmax(1)
        ranks = whole * (batch["position_ids"] + 1)
        found: dict[tuple[Pooling, int], Tensor] = {}

        def pool(index: int, states: Tensor) -> None:
            if states.ndim != 3:  # Gemma 3n has several streams between its layers
                raise StudyError(
                    f"layer {index} has states of shape {tuple(states.shape)}",
                    where="embed.layers",
                    expected="one vector a token",
                    fix="ask for layer -1 alone",
                )
            for pooling in self.poolings:
                if pooling == "last":
                    rows = torch.arange(len(end), device=end.device)
                    vectors = states[rows, end].float()
                else:
                    weights = kept if pooling == "mean" else ranks
                    weights = weights.unsqueeze(-1)
                    # Padding is masked, not multiplied by 0: it may hold no number.
                    clean = states.float().masked_fill(weights == 0, 0)
                    vectors = (clean * weights).sum(1) / weights.sum(1)
                for layer in self.wanted[index]:
                    found[pooling, layer] = vectors

        def hook(index: int) -> Callable[..., None]:
            def read(module: nn.Module, args: tuple[Any, ...], kwargs: Any) -> None:
                pool(index, args[0] if args else kwargs["hidden_states"])

            return read

        handles = [
            block.register_forward_pre_hook(hook(index), with_kwargs=True)
            for index, block in self.hooked.items()
        ]
        try:
            states = self.backbone(**batch, use_cache=False).last_hidden_state
        finally:
            for handle in handles:
                handle.remove()
        if self.depth in self.wanted:
            pool(self.depth, states)
        if len(found) < len(self.poolings) * len(self.layers):
            raise StudyError(  # Mllama leaves out the layers that look at pictures
                "a layer asked for was not passed through",
                where="embed.layers",
                fix="ask for layer -1 alone",
            )
        return {key: found[key] for key in product(self.poolings, self.layers)}


def depth_of(config: Any) -> int:
    """The number of decoder layers of a model."""
    return int(config.get_text_config().num_hidden_layers)


def check_layers(
    config: Any, layers: Sequence[int] | Literal["all"]
) -> tuple[int, ...]:
    """The layers asked for, as they are counted there, or all, counted from 0.

    Raises:
        StudyError: one of `layers`, as `EmbedSettings` counts them, is not there.
    """
    depth = depth_of(config)
    if layers == "all":
        return tuple(range(depth + 1))
    for layer in layers:
        if not -depth - 1 <= int(layer) <= depth:
            raise StudyError(
                f"no layer {layer}",
                where="embed.layers",
                expected=f"0 (embeddings) to {depth}, or -{depth + 1} to -1",
            )
    return tuple(map(int, layers))


def _blocks(decoder: nn.Module, depth: int) -> nn.ModuleList:
    for module in decoder.modules():
        if isinstance(module, nn.ModuleList) and len(module) == depth:
            return module
    raise StudyError(
        f"found no list of {depth} layers in {type(decoder).__name__}",
        where="embed.layers",
        fix="ask for layer -1 alone, which needs none",
    )


def encode_sentences(
    tokenizer: Any, sentences: Sequence[str], context: int
) -> tuple[list[list[int]], int]:
    """Sentences as token ids, and how many tokens the tokenizer puts before each.

    Raises:
        DataError: a sentence has no tokens.
        StudyError: one has more than `context`.
    """
    begin = beginning(tokenizer)
    ids, bos = encode(tokenizer, list(sentences), begin), len(begin)
    for number, row in enumerate(ids):
        if len(row) <= bos:
            raise DataError(
                f"{sentences[number]!r} has no tokens", where=f"sentence {number}"
            )
        if len(row) > context:
            raise StudyError(
                f"a sentence has {len(row)} tokens",
                where=f"sentence {number}",
                expected=f"at most the model's {context}",
            )
    return ids, bos
