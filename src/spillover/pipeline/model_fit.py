"""Whether a model can take the prompts, items and sentences of a study."""

from __future__ import annotations

from typing import Any

from spillover.data.items import Item
from spillover.data.task import OWN_PROMPT, Task
from spillover.embed import check_layers, encode_sentences
from spillover.encoding import Encoder
from spillover.errors import SpilloverError, collecting, placed
from spillover.evaluate import check_fit as check_prompts
from spillover.lora import check_modules
from spillover.models import context_of, load_config, load_tokenizer
from spillover.pipeline.inputs import Inputs, TaskInputs
from spillover.study import Study
from spillover.tune import encode_examples

SPECIAL = 8  # tokens that stand for no byte of a text: BOS, a word's leading space


def misfits_of_model(study: Study, inputs: Inputs) -> list[SpilloverError]:
    """What its tokenizer and configuration say; of its weights nothing is loaded.

    Raises:
        SpilloverError: there is no tokenizer or configuration.
    """
    errors: list[SpilloverError] = []
    tokenizer, config = load_tokenizer(study.model), load_config(study.model)
    context = context_of(config)
    with collecting(errors):
        check_layers(config, study.embed.layers)
    with collecting(errors):
        check_modules(config, [data.tune for data in inputs.tasks.values()])
    for data in inputs.tasks.values():
        with collecting(errors):
            _check_prompts(data, data.task, tokenizer, context, chat=study.chat)
        with collecting(errors):
            _check_training(data, tokenizer, context, chat=study.chat)
        for name, task in data.prompts.items():
            if name != OWN_PROMPT:
                with collecting(errors), placed(f"prompt {name!r}"):
                    _check_prompts(data, task, tokenizer, context, chat=study.chat)
    for name, corpus in inputs.corpora.items():
        for language, sentences in corpus.sentences.items():
            with collecting(errors), placed(f"corpus {name}, {language}"):
                encode_sentences(tokenizer, sentences, context)
    return errors


def _check_training(
    data: TaskInputs, tokenizer: Any, context: int, *, chat: bool
) -> None:
    """See that training can encode each item, cut where it is too long."""
    task, encoder = data.task, Encoder(tokenizer, data.task, chat=chat)
    limit = data.tune.limit(context)

    def least(item: Item) -> int:
        longest = max(item.fields, key=lambda field: len(item.fields[field]))
        bare = Item(item.id, {**item.fields, longest: ""}, item.gold)
        return _most_tokens(encoder.text(bare) + task.answers.get(item.gold, item.gold))

    doubtful = [item for item in data.train[1:] if least(item) > limit]
    some = [*data.train[:1], *doubtful]
    encode_examples(tokenizer, task, some, data.tune, context=context, chat=chat)


def _check_prompts(
    data: TaskInputs, task: Task, tokenizer: Any, context: int, *, chat: bool
) -> None:
    """See that evaluation can encode each item, and has room for its answer."""
    settings = data.evaluate
    encoder = Encoder(tokenizer, task, chat=chat)
    answers = map(_most_tokens, task.answers.values())
    room = context - max(answers, default=settings.max_new_tokens)
    limit = min(room, settings.max_tokens or room)
    for items in data.test.values():
        longer = [i for i in items[1:] if _most_tokens(encoder.text(i)) > limit]
        prompts = encoder.prompts([*items[:1], *longer], settings.max_tokens)
        check_prompts(encoder, prompts, settings, context)


def _most_tokens(text: str) -> int:
    """How many tokens a text may have: each stands for a byte at least, or is special.

    One with letters that a tokenizer spells out, as ㍿, may have more after all, which
    then only the step itself finds.
    """
    return len(text.encode()) + SPECIAL
