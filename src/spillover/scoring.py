"""What a model thinks of each answer as a whole, beyond its first token.

`whole` is the log probability of all tokens of the answer after the prompt, as in
lm-evaluation-harness's `acc`. `normalised` divides it by the number of tokens, so that
longer answers do not lose for their length (Brown et al. 2020). `pmi` subtracts the
same answer's log probability after a content-free prompt, the task's own with N/A in
each field (Zhao et al. 2021): what is left is how much the item's texts speak for it
(Holtzman et al. 2021).
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

from spillover.batching import Progress, batches, pad, untold
from spillover.data.items import Item
from spillover.encoding import Encoded, Encoder
from spillover.model_checks import check_numbers
from spillover.models import LanguageModel
from spillover.settings import EvaluateSettings

CONTENT_FREE = "N/A"


def answer_scores(
    model: LanguageModel,
    encoder: Encoder,
    prompts: Sequence[Encoded],
    answers: Sequence[Sequence[list[int]]],
    settings: EvaluateSettings,
    progress: Progress = untold,
) -> tuple[list[list[float]], list[int]]:
    """The score of each answer to each prompt, by `settings.scoring`.

    Args:
        model: the model.
        encoder: that made the prompts.
        prompts: n prompts.
        answers: for each prompt the tokens of its k answers.
        settings: the scoring, and the size of a batch.
        progress: told of each batch; an answer is a k-th of an item.

    Returns:
        n rows of k scores, and the n most likely next tokens (see `first_tokens`).
    """
    whole, top = _logprobs(model, prompts, answers, settings.batch_tokens, progress)
    if settings.scoring == "normalised":
        whole = [
            [value / len(ids) for value, ids in zip(row, choices, strict=True)]
            for row, choices in zip(whole, answers, strict=True)
        ]
    if settings.scoring == "pmi":
        empty = Item(CONTENT_FREE, dict.fromkeys(encoder.task.fields, CONTENT_FREE), "")
        free = encoder.prompts([empty], settings.max_tokens)
        choices = encoder.choices(free, distinct=False)
        [prior], _ = _logprobs(model, free, choices, settings.batch_tokens)
        whole = [[v - p for v, p in zip(row, prior, strict=True)] for row in whole]
    return whole, top


def first_tokens(
    logprobs: Tensor, starts: Sequence[Sequence[int]]
) -> tuple[list[list[float]], list[int]]:
    """What is read off the (n, vocabulary) log probabilities of n next tokens.

    Few numbers leave the device: the whole of it would take longer than the model.

    Args:
        logprobs: the log probabilities.
        starts: for each of the n the first tokens of its k answers.

    Returns:
        n rows of the k tokens' log probabilities, and the n most likely tokens. Of
        equals that is the first of the answers', in the task's order: so does `choice`
        settle ties.
    """
    each = logprobs.gather(1, torch.tensor(starts, device=logprobs.device)).tolist()
    highest, most = logprobs.amax(1).tolist(), logprobs.argmax(1).tolist()
    top = [
        next((t for t, value in zip(ids, row, strict=True) if value == high), token)
        for ids, row, high, token in zip(starts, each, highest, most, strict=True)
    ]
    return each, top


@torch.inference_mode()
def _logprobs(
    model: LanguageModel,
    prompts: Sequence[Encoded],
    answers: Sequence[Sequence[list[int]]],
    batch_tokens: int,
    progress: Progress = untold,
) -> tuple[list[list[float]], list[int]]:
    """Sum of the log probabilities of each answer's tokens after its prompt.

    And the most likely token after each prompt.
    """
    pairs = [
        (prompt.ids, ids)
        for prompt, choices in zip(prompts, answers, strict=True)
        for ids in choices
    ]
    k = len(pairs) // len(prompts)
    found, top = [0.0] * len(pairs), [0] * len(prompts)
    # The last token of an answer is predicted, but predicts nothing.
    rows = [prompt + answer[:-1] for prompt, answer in pairs]
    for batch in batches([len(row) for row in rows], batch_tokens):
        inputs = pad([rows[i] for i in batch], model.pad_id, device=model.device)
        width = inputs["input_ids"].shape[1]
        longest = max(len(pairs[i][1]) for i in batch)
        # By index tensor: see `evaluate.next_token_logprobs`.
        kept = torch.arange(width - longest, width, device=model.device)
        output = model.model(**inputs, logits_to_keep=kept, use_cache=False)
        wanted = pad([pairs[i][1] for i in batch], 0, device=model.device)
        logprobs = output.logits.float().log_softmax(-1)
        each = logprobs.gather(-1, wanted["input_ids"].unsqueeze(-1)).squeeze(-1)
        each = each.masked_fill(wanted["attention_mask"] == 0, 0)  # may be no number
        check_numbers(each)
        for i, total in zip(batch, each.sum(1).tolist(), strict=True):
            found[i] = total
        # The row of the first answer will do for its prompt's last token.
        if firsts := [(row, i) for row, i in enumerate(batch) if i % k == 0]:
            ends = [-len(pairs[i][1]) for _, i in firsts]
            after_prompt = logprobs[[row for row, _ in firsts], ends]
            starts = [[ids[0] for ids in answers[i // k]] for _, i in firsts]
            _, tokens = first_tokens(after_prompt, starts)
            for (_, i), token in zip(firsts, tokens, strict=True):
                top[i // k] = token
        progress(len(batch) / k, sum(len(rows[i]) for i in batch))
    return [found[i : i + k] for i in range(0, len(pairs), k)], top
