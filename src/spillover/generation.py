"""Beam search in batches, and what it takes not to read a prompt for every beam."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from transformers import GenerationConfig, LogitsProcessor, LogitsProcessorList
from transformers.cache_utils import DynamicLayer, DynamicSlidingWindowLayer

from spillover import writing
from spillover.batching import Progress, batches, pad, untold
from spillover.encoding import Encoded
from spillover.model_checks import check_numbers
from spillover.models import LanguageModel, glimpse
from spillover.settings import EvaluateSettings


@torch.inference_mode()
def generate(
    model: LanguageModel,
    prompts: Sequence[Encoded],
    settings: EvaluateSettings,
    kept: Path | None = None,
    progress: Progress = untold,
) -> list[str]:
    """What a model writes after each prompt, by beam search.

    Args:
        model: the model.
        prompts: n prompts.
        settings: beams, the longest answer, and the size of a batch.
        kept: a file into which the texts of each batch are put, and from which an
            interrupted call with the same arguments goes on.
        progress: told of each batch.

    Returns:
        n texts, without space around them.

    Raises:
        ModelError: the model computes NaN.
    """
    call = "" if kept is None else _digest(model, settings)
    found = {} if kept is None else _read_kept(kept, call, prompts)
    lengths = [len(prompt.ids) + settings.max_new_tokens for prompt in prompts]
    todo = batches(lengths, settings.batch_tokens)
    todo = [batch for batch in todo if not found.keys() >= set(batch)]
    progress(len(prompts) - sum(map(len, todo)), 0)
    for batch in todo:
        rows = pad([prompts[i].ids for i in batch], model.pad_id, device=model.device)
        width = rows["input_ids"].shape[1]
        with _decoding(model, settings):
            out = model.model.generate(
                input_ids=rows["input_ids"],
                attention_mask=rows["attention_mask"],
                past_key_values=_prefilled(model, rows, settings.beams),
                logits_processor=LogitsProcessorList([_Numbers()]),
            )
        texts = model.tokenizer.batch_decode(out[:, width:], skip_special_tokens=True)
        new = {i: text.strip() for i, text in zip(batch, texts, strict=True)}
        found |= new
        if kept is not None:
            with kept.open("a", encoding="utf-8") as file:
                file.write(_as_lines(call, new, prompts))
        written = int((out[:, width:] != model.pad_id).sum())
        progress(len(batch), sum(len(prompts[i].ids) for i in batch) + written)
    return [found[number] for number in range(len(prompts))]


@contextmanager
def _decoding(model: LanguageModel, settings: EvaluateSettings) -> Iterator[None]:
    """Decode as the settings say, whatever a model's generation_config.json brings.

    Qwen's penalizes repetition; models could not be compared.
    """
    causal_lm = model.causal_lm
    own = causal_lm.generation_config
    causal_lm.generation_config = GenerationConfig(  # type: ignore[no-untyped-call]
        num_beams=settings.beams,
        max_new_tokens=settings.max_new_tokens,
        eos_token_id=_ends(model) or None,
        pad_token_id=model.pad_id,
        use_cache=True,  # a model saved with False would read a prompt twice
    )
    try:
        yield
    finally:
        causal_lm.generation_config = own


def _digest(model: LanguageModel, settings: EvaluateSettings) -> str:
    """What tells the texts of one model and decoding from those of another."""
    how = [settings.beams, settings.max_new_tokens, str(model.dtype), glimpse(model)]
    return hashlib.sha256(json.dumps(how).encode()).hexdigest()


def _as_lines(call: str, texts: Mapping[int, str], prompts: Sequence[Encoded]) -> str:
    rows = ([call, i, prompts[i].text, text] for i, text in texts.items())
    return "".join(f"{json.dumps(row)}\n" for row in rows)


def _read_kept(kept: Path, call: str, prompts: Sequence[Encoded]) -> dict[int, str]:
    """Number of a prompt -> the text that the same call made of it, interrupted.

    The last line may have been cut off; the file is left without it.
    """
    found: dict[int, str] = {}
    for line in kept.read_text("utf-8").splitlines() if kept.is_file() else ():
        try:
            of, number, prompt, text = json.loads(line)
        except ValueError:
            break
        same = of == call and number < len(prompts) and prompts[number].text == prompt
        if same:
            found[number] = text
    writing.replace(kept, _as_lines(call, found, prompts))
    return found


class _Numbers(LogitsProcessor):
    """Changes no score; of NaN, beam search would make some text or none."""

    def __call__(self, input_ids: Any, scores: Any) -> Any:
        check_numbers(scores)
        return scores


def _ends(model: LanguageModel) -> list[int]:
    """The tokens that end an answer: the one that tuning teaches, and the model's."""
    own = model.model.generation_config.eos_token_id
    own = [own] if isinstance(own, int) else own or []
    both = dict.fromkeys([*own, model.tokenizer.eos_token_id])
    return [token for token in both if token is not None]


def _prefilled(model: LanguageModel, rows: dict[str, Tensor], beams: int) -> Any:
    """The cache of all but the last token of each prompt, repeated for each beam.

    `generate` would copy a prompt for each beam first and read every copy. None where
    that is what has to be done: for prompts of one token, and where a layer keeps
    something else than keys and values.
    """
    if beams == 1 or rows["input_ids"].shape[1] == 1:
        return None
    seen = {name: tensor[:, :-1] for name, tensor in rows.items()}
    cache = model.backbone(**seen, use_cache=True).get("past_key_values")
    known = (DynamicLayer, DynamicSlidingWindowLayer)
    if cache is None or any(type(layer) not in known for layer in cache.layers):
        return None
    cache.batch_repeat_interleave(beams)
    return cache
