"""Zero-shot evaluation: what a model answers, item by item, and what it scores."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from statistics import fmean
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from spillover.batching import Progress, batches, pad, untold
from spillover.data.items import Item
from spillover.data.task import Task
from spillover.devices import keeping_freed_memory
from spillover.encoding import Encoded, Encoder
from spillover.errors import DataError, StudyError
from spillover.generation import generate
from spillover.metrics import batch_calibrated, exact_number
from spillover.model_checks import check_numbers, check_state
from spillover.models import LanguageModel, evaluating, fp32_head
from spillover.rouge import rouge
from spillover.scoring import answer_scores, first_tokens
from spillover.settings import EvaluateSettings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, slots=True)
class Prediction:
    """What a model answered to one item.

    Attributes:
        id: of the item.
        prompt: as the model saw it, without what the tokenizer adds.
        gold: the label, or the reference.
        strict: classification: the label whose first token is the most likely next
            token of the whole vocabulary; None if that is no answer's.
        choice: classification: the label with the highest of `scores`. Of equals,
            both take the first in the task's order.
        calibrated: classification: the label with the highest score after batch
            calibration (Zhou et al. 2023) over the items evaluated with it.
        text: the most likely next token, or the generated text.
        scores: classification: label -> what `EvaluateSettings.scoring` says; the
            log probability of its first token, unless something else was asked for.
        cut: whether the prompt was cut to fit.
    """

    id: str
    prompt: str
    gold: str
    text: str
    strict: str | None = None
    choice: str | None = None
    calibrated: str | None = None
    scores: dict[str, float] = field(default_factory=dict)
    cut: bool = False


@dataclass(frozen=True, slots=True)
class Evaluation:
    """The predictions for one task in one language.

    Attributes:
        task: name of the task.
        language: code of the language.
        predictions: one for each item, in the items' order.
        scores: metric -> one score in [0, 1] for each prediction. Classification:
            `accuracy_strict`, `accuracy_choice` and `accuracy_calibrated`;
            generation: `rouge1`, `rouge2` and `rougeL`, or `exact_number`.
    """

    task: str
    language: str
    predictions: list[Prediction]
    scores: dict[str, list[float]]

    def __repr__(self) -> str:
        """What was found, without the predictions."""
        where = f"{self.task!r}, {self.language!r}, n={self.n}"
        return f"Evaluation({where}, metrics={self.metrics})"

    @property
    def metrics(self) -> dict[str, float]:
        """The mean of each metric's scores."""
        return {metric: fmean(scores) for metric, scores in self.scores.items()}

    @property
    def n(self) -> int:
        """How many items were evaluated."""
        return len(self.predictions)

    def to_pandas(self) -> pd.DataFrame:
        """One row a prediction: `score_<label>` of each choice, then each metric."""
        import pandas as pd

        rows = []
        for prediction in self.predictions:
            row = asdict(prediction)
            scores = row.pop("scores")
            rows.append(row | {f"score_{name}": v for name, v in scores.items()})
        return pd.DataFrame(rows).assign(**self.scores)


def evaluate(
    model: LanguageModel,
    task: Task,
    items: Sequence[Item],
    language: str,
    settings: EvaluateSettings | None = None,
    *,
    chat: bool = False,
    kept: Path | None = None,
    progress: Progress = untold,
) -> Evaluation:
    """Evaluate a model zero-shot on the items of one task and language.

    Classification reads two answers off one forward pass. `strict` is greedy decoding
    of one token, as the paper's top_k = 1 with max_new_tokens = 1: the most likely
    token of the vocabulary must be the answer's first. `choice` takes the most likely
    among the first tokens of the answer words, or, where `scoring` says so, compares
    the answers as a whole (see `spillover.scoring`). Generation is beam search.

    Args:
        model: the model, with or without an adapter.
        task: gives prompt, answer words and metric.
        items: what to ask.
        language: of the items' texts; decides how ROUGE segments.
        settings: of decoding.
        chat: put prompts into the tokenizer's chat template.
        kept: a file into which a generation puts the texts of each batch, and from
            which an interrupted call with the same arguments goes on.
        progress: see `spillover.batching.Progress`.

    Raises:
        DataError: there are no items.
        StudyError: a prompt does not fit into the context, or `chat` finds no template.
        ModelError: prompt and answer words do not tokenize as they must, the model
            computes NaN, or an adapter is on it that is not its own.
    """
    settings = settings or EvaluateSettings()
    check_state(model)
    if not items:
        raise DataError(f"no items of {task.name} in {language!r} to evaluate")
    encoder = Encoder(model.tokenizer, task, chat=chat)
    prompts = encoder.prompts(items, settings.max_tokens)
    answers = check_fit(encoder, prompts, settings, model.context)
    with evaluating(model), fp32_head(model), keeping_freed_memory():
        if task.kind == "classification":
            predictions = _classify(
                model, encoder, prompts, answers, settings, progress
            )
        else:
            texts = generate(model, prompts, settings, kept, progress)
            predictions = [
                Prediction(p.item.id, p.text, p.item.gold, text, cut=p.cut)
                for p, text in zip(prompts, texts, strict=True)
            ]
    scores = score(task, language, predictions)
    return Evaluation(task.name, language, predictions, scores)


def check_fit(
    encoder: Encoder,
    prompts: Sequence[Encoded],
    settings: EvaluateSettings,
    context: int,
) -> list[list[list[int]]]:
    """See that prompts and their answers fit into the context.

    Returns:
        For each prompt the tokens of each answer word; none for generation.

    Raises:
        StudyError: a prompt with its answer has more than `context` tokens.
        ModelError: prompt and answer words do not tokenize as they must.
    """
    answers: list[list[list[int]]] = []
    if encoder.task.kind == "generation":
        answer = settings.max_new_tokens
    else:
        first = settings.scoring == "first"
        answers = encoder.choices(prompts, distinct=first)
        answer = 1 if first else max(len(ids) for row in answers for ids in row)
    room = context - answer
    longest = max(prompts, key=lambda prompt: len(prompt.ids))
    if len(longest.ids) > room:
        raise StudyError(
            f"the prompt of item {longest.item.id} has {len(longest.ids)} tokens",
            where=encoder.task.name,
            expected=f"at most {room}, so that the answer fits into the context",
            fix="set max_tokens to cut long texts",
        )
    return answers


def score(
    task: Task, language: str, predictions: Sequence[Prediction]
) -> dict[str, list[float]]:
    """The scores of `Evaluation.scores`."""
    if task.kind == "classification":
        readings = {name: name.rpartition("_")[2] for name in task.metrics}
        return {
            name: [float(getattr(p, reading) == p.gold) for p in predictions]
            for name, reading in readings.items()
        }
    if task.metric == "exact_number":
        right = [float(exact_number(p.text, p.gold)) for p in predictions]
        return {task.metric: right}
    each = [rouge(p.text, p.gold, language) for p in predictions]
    return {name: [scores[name] for scores in each] for name in each[0]}


def _classify(
    model: LanguageModel,
    encoder: Encoder,
    prompts: Sequence[Encoded],
    answers: Sequence[Sequence[list[int]]],
    settings: EvaluateSettings,
    progress: Progress,
) -> list[Prediction]:
    labels = list(encoder.task.answers)
    progress(0, 0)
    if settings.scoring == "first":
        scores, top = _first(model, prompts, answers, settings, progress)
    else:
        scores, top = answer_scores(
            model, encoder, prompts, answers, settings, progress
        )
    best = batch_calibrated(np.array(scores)).argmax(axis=1)  # of equals the first
    predictions = []
    for prompt, ids, row, token, calibrated in zip(
        prompts, answers, scores, top, best, strict=True
    ):
        # Of answers that begin alike, `strict` means the one that scores best.
        begun = [n for n in range(len(labels)) if ids[n][0] == token]
        predictions.append(
            Prediction(
                id=prompt.item.id,
                prompt=prompt.text,
                gold=prompt.item.gold,
                text=model.tokenizer.decode([token]),
                strict=labels[max(begun, key=row.__getitem__)] if begun else None,
                choice=labels[max(range(len(labels)), key=row.__getitem__)],
                calibrated=labels[calibrated],
                scores=dict(zip(labels, row, strict=True)),
                cut=prompt.cut,
            )
        )
    return predictions


def _first(
    model: LanguageModel,
    prompts: Sequence[Encoded],
    answers: Sequence[Sequence[list[int]]],
    settings: EvaluateSettings,
    progress: Progress,
) -> tuple[list[list[float]], list[int]]:
    """As `answer_scores`, by the first token of each answer."""
    scores: list[list[float]] = [[] for _ in prompts]
    top = [0] * len(prompts)
    for batch in batches([len(p.ids) for p in prompts], settings.batch_tokens):
        logprobs = next_token_logprobs(model, [prompts[i].ids for i in batch])
        starts = [[ids[0] for ids in answers[i]] for i in batch]
        found = first_tokens(logprobs, starts)
        for i, row, token in zip(batch, *found, strict=True):
            scores[i], top[i] = row, token
        progress(len(batch), sum(len(prompts[i].ids) for i in batch))
    return scores, top


@torch.inference_mode()
def next_token_logprobs(model: LanguageModel, rows: Sequence[list[int]]) -> Tensor:
    """Log probabilities of the token after each row: (n, vocabulary), fp32."""
    batch = pad(rows, model.pad_id, side="left", device=model.device)
    # An index tensor, not a number: the slice that a number makes is not contiguous,
    # and the product with the vocabulary then copies the matrix for each row.
    last = torch.tensor([batch["input_ids"].shape[1] - 1], device=model.device)
    output = model.model(**batch, logits_to_keep=last, use_cache=False)
    logits: Tensor = output.logits[:, -1]
    check_numbers(logits)
    return logits.float().log_softmax(-1)
