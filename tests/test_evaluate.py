from __future__ import annotations

from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from peft import LoraConfig, get_peft_model

from spillover.data.items import Item
from spillover.data.task import Task
from spillover.embed import embed
from spillover.encoding import Encoder
from spillover.errors import DataError, ModelError, StudyError
from spillover.evaluate import evaluate, next_token_logprobs, score
from spillover.models import LanguageModel, fp32_head, load_model
from spillover.settings import EvaluateSettings

READINGS = ("strict", "choice", "calibrated")


def one_at_a_time(
    model: LanguageModel, task: Task, items: list[Item], chat: bool = False
) -> torch.Tensor:
    """Full logits of each prompt alone, unpadded: (items, vocabulary) log probs."""
    rows = []
    for prompt in Encoder(model.tokenizer, task, chat=chat).prompts(items):
        with torch.no_grad():
            logits = model.model(input_ids=torch.tensor([prompt.ids])).logits
        rows.append(logits[0, -1].float().log_softmax(-1))
    return torch.stack(rows)


@pytest.mark.parametrize("variant", ["none", "bos", "both"])
@pytest.mark.parametrize(
    ("chat", "batch_tokens"), [(False, 1), (False, 64), (False, 4096), (True, 64)]
)
def test_classification_equals_one_item_at_a_time(
    tiny_folders: dict[str, Path],
    opinions: Task,
    reviews: list[Item],
    variant: str,
    chat: bool,
    batch_tokens: int,
) -> None:
    model = load_model(str(tiny_folders[variant]), device="cpu", dtype="float32")
    settings = EvaluateSettings(batch_tokens=batch_tokens)
    found = evaluate(model, opinions, reviews, "en", settings, chat=chat)
    expected = one_at_a_time(model, opinions, reviews, chat)
    space = "" if chat else " "
    tokens = {
        label: model.tokenizer(space + word, add_special_tokens=False).input_ids[0]
        for label, word in opinions.answers.items()
    }
    for prediction, row, item in zip(found.predictions, expected, reviews, strict=True):
        scores = {label: float(row[token]) for label, token in tokens.items()}
        assert prediction.scores == pytest.approx(scores, abs=1e-4)
        assert prediction.choice == max(scores, key=scores.__getitem__)
        top = int(row.argmax())
        by_token = {token: label for label, token in tokens.items()}
        assert prediction.strict == by_token.get(top)
        assert prediction.text == model.tokenizer.decode([top])
        assert (prediction.id, prediction.gold) == (item.id, item.gold)
    golds = [item.gold for item in reviews]
    choices = [p.choice == g for p, g in zip(found.predictions, golds, strict=True)]
    assert found.metrics["accuracy_choice"] == pytest.approx(np.mean(choices))


@pytest.mark.real_model
def test_classification_of_the_real_model_is_the_same_in_any_batch(
    real: LanguageModel, opinions: Task, reviews: list[Item]
) -> None:
    items = reviews[:6]
    expected = one_at_a_time(real, opinions, items)
    for batch_tokens in (40, 4096):
        settings = EvaluateSettings(batch_tokens=batch_tokens)
        found = evaluate(real, opinions, items, "en", settings)
        yes, no = (real.tokenizer(word).input_ids[0] for word in (" Yes", " No"))
        for prediction, row in zip(found.predictions, expected, strict=True):
            scores = {"1": float(row[yes]), "0": float(row[no])}
            assert prediction.scores == pytest.approx(scores, abs=1e-4)
            assert prediction.text == real.tokenizer.decode([int(row.argmax())])


def steer(model: LanguageModel, **logits: float) -> None:
    """Give words a constant logit and all other tokens none."""
    head = torch.nn.Linear(32, 512)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    for word, value in logits.items():
        ids = model.tokenizer(" " + word, add_special_tokens=False).input_ids
        head.bias.data[ids[0]] = value
    model.model.set_output_embeddings(head)


def test_strict_needs_the_most_likely_token_and_choice_does_not(
    tiny: LanguageModel, opinions: Task, reviews: list[Item]
) -> None:
    steer(tiny, Yes=5.0, No=4.0)
    found = evaluate(tiny, opinions, reviews, "en")
    assert found.metrics["accuracy_strict"] == found.metrics["accuracy_choice"] == 0.5
    assert {(p.strict, p.choice) for p in found.predictions} == {("1", "1")}
    steer(tiny, Yes=4.0, No=5.0, film=6.0)
    found = evaluate(tiny, opinions, reviews, "en")
    metrics = found.metrics
    assert (metrics["accuracy_strict"], metrics["accuracy_choice"]) == (0, 0.5)
    assert {(p.strict, p.choice, p.text) for p in found.predictions} == {
        (None, "0", " film")
    }


def test_a_tie_goes_to_the_first_answer_of_the_task(
    tiny: LanguageModel, opinions: Task, reviews: list[Item]
) -> None:
    steer(tiny, Yes=5.0, No=5.0)
    found = evaluate(tiny, opinions, reviews, "en")
    assert {p.choice for p in found.predictions} == {"1"}
    swapped = opinions.model_copy(update={"answers": {"0": "No", "1": "Yes"}})
    found = evaluate(tiny, swapped, reviews, "en")
    assert {p.choice for p in found.predictions} == {"0"}


def test_strict_and_choice_never_disagree_on_an_answer(
    tiny: LanguageModel, opinions: Task, reviews: list[Item]
) -> None:
    for tie in (5.0, 5.0 - 2**-20):
        steer(tiny, Yes=tie, No=5.0)
        for answers in ({"1": "Yes", "0": "No"}, {"0": "No", "1": "Yes"}):
            task = opinions.model_copy(update={"answers": answers})
            found = evaluate(tiny, task, reviews, "en")
            assert all(p.strict in (None, p.choice) for p in found.predictions)
            metrics = found.metrics
            assert metrics["accuracy_strict"] <= metrics["accuracy_choice"]


def test_strict_accuracy_is_at_most_choice_accuracy_for_random_models(
    tiny: LanguageModel, opinions: Task, reviews: list[Item]
) -> None:
    agreed = 0
    for seed in range(5):
        torch.manual_seed(seed)
        head = torch.nn.Linear(32, 512, bias=True)
        head.bias.data[:] = -9.0
        for word in (" Yes", " No", " film"):
            ids = tiny.tokenizer(word, add_special_tokens=False).input_ids
            head.bias.data[ids[0]] = 0.0
        tiny.model.set_output_embeddings(head)
        found = evaluate(tiny, opinions, reviews, "en")
        agreed += sum(p.strict is not None for p in found.predictions)
        metrics = found.metrics
        assert metrics["accuracy_strict"] <= metrics["accuracy_choice"]
        for p in found.predictions:
            assert p.strict in (None, p.choice)
    assert agreed  # some answers were strict ones


def test_a_model_that_computes_no_numbers_is_an_error(
    tiny: LanguageModel, opinions: Task, titles: Task, reviews: list[Item]
) -> None:
    steer(tiny, Yes=float("nan"))
    for task, settings in (
        (opinions, EvaluateSettings()),
        (opinions, EvaluateSettings(scoring="whole")),
        (titles, EvaluateSettings(beams=1)),
        (titles, EvaluateSettings(beams=3)),
    ):
        with pytest.raises(ModelError, match="computes NaN"):
            evaluate(tiny, task, reviews[:2], "en", settings)


def test_predictions_are_complete_and_become_a_table(
    tiny: LanguageModel, opinions: Task, reviews: list[Item]
) -> None:
    told: list[tuple[float, int]] = []
    settings = EvaluateSettings(max_tokens=30, batch_tokens=100)
    found = evaluate(
        tiny, opinions, reviews, "en", settings, progress=lambda *of: told.append(of)
    )
    items, tokens = zip(*told, strict=True)
    assert told[0] == (0, 0)
    assert sum(items) == found.n == len(reviews)
    assert sum(tokens) == sum(
        len(tiny.encode([p.prompt])[0]) for p in found.predictions
    )
    assert (found.task, found.language) == ("opinions", "en")
    assert [p.id for p in found.predictions] == [item.id for item in reviews]
    assert {p.cut for p in found.predictions} == {True, False}
    table = found.to_pandas()
    assert list(table.columns) == [
        "id", "prompt", "gold", "text", *READINGS, "cut", "score_1", "score_0",
        *(f"accuracy_{reading}" for reading in READINGS),
    ]  # fmt: skip
    for (_, row), prediction in zip(table.iterrows(), found.predictions, strict=True):
        values = asdict(prediction)
        assert {"1": row.score_1, "0": row.score_0} == values.pop("scores")
        if values["strict"] is None:
            assert row.strict is None or np.isnan(row.strict)
            del values["strict"]
        assert {name: row[name] for name in values} == values
    assert score(opinions, "en", found.predictions) == found.scores
    for metric, scores in found.scores.items():
        assert table[metric].tolist() == scores
        assert found.metrics[metric] == pytest.approx(np.mean(scores))


def test_calibration_takes_away_what_all_items_share(
    tiny: LanguageModel, opinions: Task, reviews: list[Item]
) -> None:
    """Zhou et al. (2023): of labels' scores, their mean over the items."""
    found = evaluate(tiny, opinions, reviews, "en")
    scores = np.array([[p.scores["1"], p.scores["0"]] for p in found.predictions])
    better = (scores - scores.mean(axis=0)).argmax(axis=1)
    right = [
        float("10"[best] == p.gold)
        for best, p in zip(better, found.predictions, strict=True)
    ]
    assert found.scores["accuracy_calibrated"] == right
    assert {"10"[best] for best in better} == {"1", "0"}


def test_a_prompt_over_the_context_is_an_error(
    tiny: LanguageModel, opinions: Task, titles: Task
) -> None:
    item = Item("long", {"review": "train " * 215}, "1")
    [prompt] = Encoder(tiny.tokenizer, opinions).prompts([item])
    assert 200 < len(prompt.ids) < 256
    assert evaluate(tiny, opinions, [item], "en").n == 1
    longer = Item("longer", {"review": "train " * 300}, "1")
    with pytest.raises(StudyError, match=r"item longer .* at most 255.*max_tokens"):
        evaluate(tiny, opinions, [longer], "en")
    with pytest.raises(StudyError, match=r"item long .* at most 156.*max_tokens"):
        evaluate(tiny, titles, [item], "en")
    settings = EvaluateSettings(max_tokens=100, beams=1, max_new_tokens=4)
    [prediction] = evaluate(tiny, titles, [longer], "en", settings).predictions
    assert prediction.cut


def test_a_model_in_training_is_evaluated_without_dropout(
    tiny: LanguageModel, opinions: Task, titles: Task, reviews: list[Item]
) -> None:
    def found() -> list[object]:
        settings = EvaluateSettings(beams=1, max_new_tokens=3)
        return [
            *(evaluate(tiny, t, reviews, "en", settings) for t in (opinions, titles)),
            embed(tiny, ["The train"])["mean", -1].tolist(),
        ]

    expected = found()
    tiny.model.train()
    for layer in tiny.model.model.layers:
        layer.self_attn.attention_dropout = 0.9
    assert found() == expected
    assert tiny.model.training


def test_no_items_are_an_error(tiny: LanguageModel, opinions: Task) -> None:
    with pytest.raises(DataError, match="no items of opinions in 'en'"):
        evaluate(tiny, opinions, [], "en")


def adapted(model: LanguageModel) -> LanguageModel:
    torch.manual_seed(3)
    config = LoraConfig(
        task_type="CAUSAL_LM",
        target_modules=["q_proj", "v_proj"],
        init_lora_weights=False,
    )
    peft = get_peft_model(model.model, config).eval()
    return LanguageModel(peft, model.tokenizer, "adapted")


def tied(model: LanguageModel) -> LanguageModel:
    embeddings = model.model.get_input_embeddings()
    model.model.get_output_embeddings().weight = embeddings.weight
    return model


def as_it_is(model: LanguageModel) -> LanguageModel:
    return model


@pytest.mark.parametrize("change", [as_it_is, adapted, tied])
def test_the_head_of_a_bf16_model_is_as_good_as_in_fp32(
    tiny: LanguageModel, change: Any
) -> None:
    tiny.model.to(torch.bfloat16)
    model = change(tiny)
    ids = torch.tensor([model.encode(["The train to the north leaves"])[0]])
    head = model.causal_lm.get_output_embeddings()
    before = head.weight.detach().clone()
    with torch.no_grad():
        states = model.backbone(input_ids=ids).last_hidden_state
        plain = model.model(input_ids=ids).logits
        with fp32_head(model):
            wide = model.model(input_ids=ids).logits
        after = model.model(input_ids=ids).logits
    assert states.dtype == torch.bfloat16
    torch.testing.assert_close(
        wide, states.float() @ before.float().T, atol=1e-5, rtol=1e-5
    )
    assert wide.dtype == torch.float32
    assert not torch.equal(wide, wide.bfloat16().float())
    assert plain.dtype == torch.bfloat16
    torch.testing.assert_close(after, plain, rtol=0, atol=0)
    assert "forward" not in vars(head)
    assert torch.equal(head.weight, before)


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
def test_the_head_gets_its_states_in_one_piece(
    tiny: LanguageModel, dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or a prompt's last states of n rows cost n copies of the vocabulary's weights."""
    tiny.model.to(dtype)
    ids = torch.tensor([tiny.encode(["The train to the north"])[0]] * 3)
    packed = []
    linear = torch.nn.functional.linear

    def look(states: torch.Tensor, *rest: Any) -> torch.Tensor:
        packed.append(states.is_contiguous())
        return linear(states, *rest)

    monkeypatch.setattr("torch.nn.functional.linear", look)
    with fp32_head(tiny):
        tiny.model(input_ids=ids, logits_to_keep=1)
    assert packed[-1]


def test_the_fp32_head_is_removed_after_an_error(tiny: LanguageModel) -> None:
    tiny.model.to(torch.bfloat16)
    with pytest.raises(KeyError), fp32_head(tiny):
        raise KeyError
    assert "forward" not in vars(tiny.model.get_output_embeddings())


def test_gradients_flow_through_the_fp32_head(tiny: LanguageModel) -> None:
    tiny.model.to(torch.bfloat16)
    ids = torch.tensor([tiny.encode(["The train"])[0]])
    with fp32_head(tiny), torch.autocast("cpu", dtype=torch.bfloat16):
        logits = tiny.model(input_ids=ids).logits
        logits.logsumexp(-1).sum().backward()
    grad = tiny.model.get_input_embeddings().weight.grad
    assert logits.dtype == torch.float32
    assert grad is not None
    assert grad.abs().sum() > 0


def test_bf16_scores_keep_what_a_bf16_logit_would_lose(
    tiny: LanguageModel, opinions: Task, reviews: list[Item]
) -> None:
    tiny.model.to(torch.bfloat16)
    found = evaluate(tiny, opinions, reviews, "en")
    encoder = Encoder(tiny.tokenizer, opinions)
    rows = [prompt.ids for prompt in encoder.prompts(reviews)]
    with fp32_head(tiny):
        exact = next_token_logprobs(tiny, [rows[0]])
    rounded = next_token_logprobs(tiny, [rows[0]])
    assert not torch.equal(exact, rounded)
    yes, no = encoder.choices(encoder.prompts(reviews[:1]))[0]
    gap = found.predictions[0].scores["1"] - found.predictions[0].scores["0"]
    assert gap == pytest.approx(float(exact[0, yes] - exact[0, no]), abs=0.05)
