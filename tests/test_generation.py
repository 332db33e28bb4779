"""Texts are those of each prompt alone, in any batch and after any interruption."""

from __future__ import annotations

from collections import Counter
from copy import deepcopy
from pathlib import Path
from typing import Any

import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from spillover.data.items import Item
from spillover.data.task import Task
from spillover.encoding import Encoder
from spillover.evaluate import evaluate
from spillover.models import LanguageModel, load_model
from spillover.settings import EvaluateSettings


@pytest.mark.parametrize("beams", [1, 4])
@pytest.mark.parametrize(
    ("batch_tokens", "chat"), [(1, False), (200, False), (4096, False), (200, True)]
)
def test_generation_equals_generate_on_each_prompt_alone(
    tiny: LanguageModel,
    titles: Task,
    reviews: list[Item],
    beams: int,
    batch_tokens: int,
    chat: bool,
) -> None:
    items = reviews[::2]
    settings = EvaluateSettings(
        beams=beams, max_new_tokens=8, batch_tokens=batch_tokens
    )
    found = evaluate(tiny, titles, items, "en", settings, chat=chat)
    assert list(found.metrics) == ["rouge1", "rouge2", "rougeL"]
    prompts = Encoder(tiny.tokenizer, titles, chat=chat).prompts(items)
    for prompt, prediction in zip(prompts, found.predictions, strict=True):
        out = tiny.model.generate(
            torch.tensor([prompt.ids]),
            attention_mask=torch.ones(1, len(prompt.ids), dtype=torch.long),
            num_beams=beams,
            max_new_tokens=8,
            do_sample=False,
            pad_token_id=0,
        )
        text = tiny.tokenizer.decode(
            out[0, len(prompt.ids) :], skip_special_tokens=True
        )
        assert prediction.text == text.strip()
        assert prediction.prompt == prompt.text
        assert (prediction.strict, prediction.choice) == (None, None)
    assert len({prediction.text for prediction in found.predictions}) > 1


@pytest.mark.real_model
def test_generation_of_the_real_model_is_the_same_in_any_batch(
    real: LanguageModel, titles: Task, reviews: list[Item]
) -> None:
    items = [reviews[0], reviews[7]]
    prompts = Encoder(real.tokenizer, titles).prompts(items)
    for beams in (1, 4):
        settings = EvaluateSettings(beams=beams, max_new_tokens=3)
        found = evaluate(real, titles, items, "en", settings)
        for prompt, prediction in zip(prompts, found.predictions, strict=True):
            out = real.model.generate(
                torch.tensor([prompt.ids]),
                attention_mask=torch.ones(1, len(prompt.ids), dtype=torch.long),
                num_beams=beams,
                max_new_tokens=3,
                do_sample=False,
            )
            new = out[0, len(prompt.ids) :]
            text = real.tokenizer.decode(new, skip_special_tokens=True)
            assert prediction.text == text.strip()


@pytest.mark.parametrize("kind", ["mistral", "lfm2"])
def test_other_kinds_of_state_generate_as_prompts_alone_do(
    tiny: LanguageModel, titles: Task, reviews: list[Item], kind: str
) -> None:
    """A window shorter than the prompts; and layers that keep no keys and values."""
    size = {
        "vocab_size": 512,
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "initializer_range": 0.3,
        "bos_token_id": 1,
        "eos_token_id": 2,
        "pad_token_id": 0,
    }
    own: dict[str, Any] = {
        "mistral": {"sliding_window": 7},
        "lfm2": {"layer_types": ["conv", "full_attention"]},
    }[kind]
    torch.manual_seed(1)
    config = AutoConfig.for_model(kind, **size, **own)
    other = AutoModelForCausalLM.from_config(config).eval()
    assert_generates_as_prompts_alone_do(
        LanguageModel(other, tiny.tokenizer, kind), titles, reviews[:4]
    )


def test_a_model_that_sees_generates_as_prompts_alone_do(
    seeing_folder: Path, titles: Task, reviews: list[Item]
) -> None:
    model = load_model(str(seeing_folder), device="cpu", dtype="float32")
    assert_generates_as_prompts_alone_do(model, titles, reviews[:4])


def assert_generates_as_prompts_alone_do(
    model: LanguageModel, task: Task, items: list[Item]
) -> None:
    settings = EvaluateSettings(beams=3, max_new_tokens=8)
    found = evaluate(model, task, items, "en", settings)
    prompts = Encoder(model.tokenizer, task).prompts(items)
    assert len({len(prompt.ids) for prompt in prompts}) > 1
    for prompt, prediction in zip(prompts, found.predictions, strict=True):
        out = model.model.generate(
            torch.tensor([prompt.ids]),
            attention_mask=torch.ones(1, len(prompt.ids), dtype=torch.long),
            num_beams=3,
            max_new_tokens=8,
            do_sample=False,
        )
        new = out[0, len(prompt.ids) :]
        text = model.tokenizer.decode(new, skip_special_tokens=True)
        assert prediction.text == text.strip()


def test_decoding_ignores_what_a_model_brings_as_its_own_settings(
    tiny: LanguageModel, titles: Task, reviews: list[Item]
) -> None:
    settings = EvaluateSettings(max_new_tokens=6)
    plain = {
        beams: evaluate(
            *(tiny, titles, reviews, "en"),
            settings.model_copy(update={"beams": beams}),
        )
        for beams in (1, 2)
    }
    own = tiny.model.generation_config
    own.do_sample, own.temperature, own.top_p, own.top_k = True, 0.6, 0.9, 50
    own.repetition_penalty, own.length_penalty, own.max_length = 5.0, 2.0, 20
    own.no_repeat_ngram_size, own.early_stopping = 1, True
    own.min_length, own.suppress_tokens = 200, list(range(3, 300))
    own.use_cache = False
    own.guidance_scale, own.encoder_repetition_penalty = 3.0, 2.0
    own.sequence_bias, own.exponential_decay_length_penalty = [[[5], 9.0]], (2, 1.5)
    own.forced_eos_token_id, own.max_time = 2, 1e-9
    own.cache_implementation, own.low_memory = "static", True
    own.return_dict_in_generate, own.num_return_sequences = True, 2
    own.stop_strings, own.token_healing = ["a"], True
    own.prompt_lookup_num_tokens, own.dola_layers, own.penalty_alpha = 3, "low", 0.6
    for beams in (1, 2):
        settings = settings.model_copy(update={"beams": beams})
        assert evaluate(tiny, titles, reviews, "en", settings) == plain[beams]
    assert tiny.model.generation_config is own


def test_generation_ends_where_tuning_ends_it_and_where_the_model_does(
    tiny: LanguageModel, titles: Task, reviews: list[Item]
) -> None:
    settings = EvaluateSettings(beams=1, max_new_tokens=6)
    prompt = Encoder(tiny.tokenizer, titles).prompts(reviews[:1])[0]
    free = tiny.model.generate(
        torch.tensor([prompt.ids]), max_new_tokens=6, do_sample=False
    )[0, len(prompt.ids) :].tolist()
    assert len(free) == 6
    for third in ("the model's", "the tokenizer's"):
        ends = {"eos_token_id": free[2]} if third == "the model's" else {}
        tiny.model.generation_config.update(**({"eos_token_id": None} | ends))
        tiny.tokenizer.eos_token_id = 2 if ends else free[2]
        [found] = evaluate(tiny, titles, reviews[:1], "en", settings).predictions
        text = tiny.tokenizer.decode(free[:3], skip_special_tokens=True).strip()
        assert found.text == text, third


@pytest.mark.parametrize("beams", [1, 2])
def test_without_eos_every_answer_has_its_full_length(
    tiny: LanguageModel, titles: Task, reviews: list[Item], beams: int
) -> None:
    tiny.model.generation_config.eos_token_id = tiny.tokenizer.eos_token = None
    steer = torch.nn.Linear(32, 512)
    torch.nn.init.zeros_(steer.weight)
    [film] = tiny.tokenizer(" film", add_special_tokens=False).input_ids
    steer.bias.data[film] = 9.0
    tiny.model.set_output_embeddings(steer)
    settings = EvaluateSettings(beams=beams, max_new_tokens=3)
    found = evaluate(tiny, titles, reviews, "en", settings)
    assert {prediction.text for prediction in found.predictions} == {"film film film"}


def test_generation_ends_at_eos(
    tiny: LanguageModel, titles: Task, reviews: list[Item]
) -> None:
    head = torch.nn.Linear(32, 512)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    head.bias.data[2] = 9.0
    tiny.model.set_output_embeddings(head)
    found = evaluate(tiny, titles, reviews, "en", EvaluateSettings(beams=1))
    assert {prediction.text for prediction in found.predictions} == {""}


class Interrupted(Exception):
    pass


def test_an_interrupted_generation_goes_on_with_the_next_batch(
    tiny: LanguageModel,
    titles: Task,
    reviews: list[Item],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    settings = EvaluateSettings(beams=2, max_new_tokens=6, batch_tokens=200)
    whole = evaluate(tiny, titles, reviews, "en", settings)
    kept = tmp_path / "kept.jsonl"
    told: list[float] = []

    def stop(items: float, tokens: int) -> None:
        told.append(items)
        if len(told) == 3:  # what was there, and two batches
            raise Interrupted

    with pytest.raises(Interrupted):
        evaluate(tiny, titles, reviews, "en", settings, kept=kept, progress=stop)
    done = int(sum(told))
    assert 0 < done < len(reviews)
    with kept.open("a", encoding="utf-8") as file:
        file.write('[0, "cut o')  # the machine died while it wrote

    calls: Counter[str] = Counter()
    true = tiny.model.generate

    def generate(*args: Any, **options: Any) -> Any:
        calls["rows"] += len(options["input_ids"])
        return true(*args, **options)

    monkeypatch.setattr(tiny.model, "generate", generate)
    told.clear()
    again = evaluate(
        *(tiny, titles, reviews, "en", settings),
        kept=kept,
        progress=lambda items, tokens: told.append(items),
    )
    assert again == whole
    assert calls["rows"] == len(reviews) - done
    assert (told[0], sum(told)) == (done, len(reviews))
    # Now all of it is there, and nothing is asked of the model any more.
    assert evaluate(tiny, titles, reviews, "en", settings, kept=kept) == whole
    assert calls["rows"] == len(reviews) - done
    # Nothing of it is another decoding's, or another model's of that name.
    shorter = settings.model_copy(update={"max_new_tokens": 3})
    alone = evaluate(tiny, titles, reviews, "en", shorter)
    assert evaluate(tiny, titles, reviews, "en", shorter, kept=kept) == alone != whole
    monkeypatch.undo()
    other = LanguageModel(deepcopy(tiny.model), tiny.tokenizer, tiny.name)
    with torch.no_grad():
        other.model.lm_head.weight.mul_(-1)
    alone = evaluate(other, titles, reviews, "en", settings)
    assert evaluate(other, titles, reviews, "en", settings, kept=kept) == alone != whole


def test_texts_of_other_prompts_are_not_taken(
    tiny: LanguageModel, titles: Task, reviews: list[Item], tmp_path: Path
) -> None:
    settings = EvaluateSettings(beams=1, max_new_tokens=6)
    kept = tmp_path / "kept.jsonl"
    evaluate(tiny, titles, reviews[::-1], "en", settings, kept=kept)
    found = evaluate(tiny, titles, reviews[:3], "en", settings, kept=kept)
    assert found == evaluate(tiny, titles, reviews[:3], "en", settings)
