"""Scores of whole answers, against one answer at a time without padding."""

from __future__ import annotations

import pytest
import torch

from spillover.data.items import Item
from spillover.data.task import Task
from spillover.encoding import Encoder
from spillover.errors import ModelError, StudyError
from spillover.evaluate import evaluate
from spillover.models import LanguageModel
from spillover.scoring import CONTENT_FREE, first_tokens
from spillover.settings import EvaluateSettings

WORDS = {"1": "Yes it is a good film", "0": "No", "2": "No it is dull"}


@pytest.fixture
def wordy(opinions: Task) -> Task:
    """Answers of several tokens, two of which begin alike."""
    return opinions.model_copy(update={"answers": WORDS})


def test_first_tokens_are_read_off_as_one_by_one() -> None:
    torch.manual_seed(0)
    logprobs = torch.randn(40, 7).log_softmax(-1)
    logprobs[:20] = logprobs[:20].round(decimals=0)  # with ties
    starts = [[i % 7, (3 * i + 1) % 7, (i + 5) % 7] for i in range(40)]
    scores, top = first_tokens(logprobs, starts)
    for row, ids, found, token in zip(logprobs, starts, scores, top, strict=True):
        assert found == [float(row[i]) for i in ids]
        best = [i for i in ids if row[i] == row.max()] + [int(row.argmax())]
        assert token == best[0]


def by_one_forward_pass(
    model: LanguageModel, task: Task, item: Item, *, chat: bool = False
) -> dict[str, tuple[float, int]]:
    """Label -> log probability of the whole answer, and its number of tokens."""
    encoder = Encoder(model.tokenizer, task, chat=chat)
    [prompt] = encoder.prompts([item])
    found = {}
    for label, word in task.answers.items():
        [answer] = encoder.answers([prompt], [word])
        with torch.no_grad():
            logits = model.model(input_ids=torch.tensor([prompt.ids + answer])).logits
        rows = logits[0, len(prompt.ids) - 1 : -1].float().log_softmax(-1)
        chosen = rows[torch.arange(len(answer)), torch.tensor(answer)]
        found[label] = float(chosen.sum()), len(answer)
    return found


@pytest.mark.parametrize("scoring", ["whole", "normalised", "pmi"])
@pytest.mark.parametrize(
    ("batch_tokens", "chat"), [(1, False), (100, False), (4096, False), (100, True)]
)
def test_answers_are_scored_as_one_at_a_time(
    tiny: LanguageModel,
    wordy: Task,
    reviews: list[Item],
    scoring: str,
    batch_tokens: int,
    chat: bool,
) -> None:
    settings = EvaluateSettings.model_validate(
        {"scoring": scoring, "batch_tokens": batch_tokens}
    )
    found = evaluate(tiny, wordy, reviews, "en", settings, chat=chat)
    empty = Item("", {"review": CONTENT_FREE}, "")
    prior = by_one_forward_pass(tiny, wordy, empty, chat=chat)
    for item, prediction in zip(reviews, found.predictions, strict=True):
        alone = by_one_forward_pass(tiny, wordy, item, chat=chat)
        assert len({count for _, count in alone.values()}) == 3
        expected = {
            "whole": {label: value for label, (value, _) in alone.items()},
            "normalised": {label: value / n for label, (value, n) in alone.items()},
            "pmi": {label: v - prior[label][0] for label, (v, _) in alone.items()},
        }[scoring]
        assert prediction.scores == pytest.approx(expected, abs=1e-4)
        assert prediction.choice == max(expected, key=expected.__getitem__)
        assert prediction.gold == item.gold
        [prompt] = Encoder(tiny.tokenizer, wordy, chat=chat).prompts([item])
        with torch.no_grad():
            logits = tiny.model(input_ids=torch.tensor([prompt.ids])).logits
        assert prediction.text == tiny.tokenizer.decode([int(logits[0, -1].argmax())])


def test_a_prompt_must_leave_room_for_the_longest_answer(
    tiny: LanguageModel, wordy: Task
) -> None:
    """The tiny model's context is 256 tokens."""
    encoder = Encoder(tiny.tokenizer, wordy)
    item = Item("long", {"review": "train " * 240}, "1")
    [prompt] = encoder.prompts([item])
    longest = max(len(ids) for ids in encoder.choices([prompt], distinct=False)[0])
    assert 256 - longest < len(prompt.ids) < 256
    settings = EvaluateSettings(scoring="whole")
    with pytest.raises(StudyError, match=f"at most {256 - longest}, so that"):
        evaluate(tiny, wordy, [item], "en", settings)


def test_whole_answers_tell_of_their_progress(
    tiny: LanguageModel, wordy: Task, reviews: list[Item]
) -> None:
    told: list[tuple[float, int]] = []
    settings = EvaluateSettings(scoring="whole", batch_tokens=100)
    evaluate(tiny, wordy, reviews, "en", settings, progress=lambda *of: told.append(of))
    items, tokens = zip(*told, strict=True)
    assert sum(items) == pytest.approx(len(reviews))
    assert max(items) < len(reviews) / 2
    encoder = Encoder(tiny.tokenizer, wordy)
    prompts = encoder.prompts(reviews)
    read = sum(len(prompt.ids) for prompt in prompts)
    answers = [ids for row in encoder.choices(prompts, distinct=False) for ids in row]
    beside = sum(len(ids) - 1 for ids in answers)  # of an answer the last is not read
    assert sum(tokens) == read * len(wordy.answers) + beside


def test_whole_answers_of_one_token_score_as_their_first(
    tiny: LanguageModel, opinions: Task, reviews: list[Item]
) -> None:
    encoder = Encoder(tiny.tokenizer, opinions)
    assert {len(ids) for ids in encoder.choices(encoder.prompts(reviews))[0]} == {1}
    first = evaluate(tiny, opinions, reviews, "en")
    whole = evaluate(tiny, opinions, reviews, "en", EvaluateSettings(scoring="whole"))
    for a, b in zip(first.predictions, whole.predictions, strict=True):
        assert b.scores == pytest.approx(a.scores, abs=1e-5)
        assert (b.strict, b.choice, b.text) == (a.strict, a.choice, a.text)


def test_answers_that_begin_alike_need_to_be_scored_as_a_whole(
    tiny: LanguageModel, wordy: Task, reviews: list[Item]
) -> None:
    with pytest.raises(ModelError, match=r"'No' and 'No it is dull' begin.*whole"):
        evaluate(tiny, wordy, reviews, "en")
    head = torch.nn.Linear(32, 512)
    torch.nn.init.zeros_(head.weight)
    torch.nn.init.zeros_(head.bias)
    head.bias.data[tiny.tokenizer(" No").input_ids[-1]] = 5
    tiny.model.set_output_embeddings(head)
    found = evaluate(tiny, wordy, reviews, "en", EvaluateSettings(scoring="whole"))
    # The most likely token begins both; `strict` is then the better one as a whole.
    assert {(p.strict, p.choice) for p in found.predictions} == {("0", "0")}
