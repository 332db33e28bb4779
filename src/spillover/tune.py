"""LoRA fine-tuning (Hu et al. 2022) on the answers of a task's English items."""

from __future__ import annotations

import hashlib
import json
import math
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from peft import PeftModel
from peft.helpers import disable_input_dtype_casting
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from transformers import (
    PrinterCallback,
    Trainer,
    TrainerCallback,
    set_seed,
)
from transformers.loss.loss_utils import ForCausalLMLoss
from transformers.trainer_pt_utils import LengthGroupedSampler

from spillover.batching import Progress, pad, untold
from spillover.data.items import Item
from spillover.data.task import Task
from spillover.devices import check_training
from spillover.encoding import Encoder
from spillover.errors import DataError, ModelError, OutputError, StudyError
from spillover.lora import with_lora
from spillover.model_checks import check_bare
from spillover.models import LanguageModel, evaluating, fp32_head, glimpse
from spillover.settings import NOT_IN_KEY, TuneSettings, check_steps
from spillover.tracking import TrackedArguments, alone, check_trackers, tracking

IGNORED = -100  # torch's cross entropy skips this label


def tune(
    model: LanguageModel,
    task: Task,
    items: Sequence[Item],
    folder: Path,
    settings: TuneSettings | None = None,
    *,
    seed: int = 1,
    chat: bool = False,
    progress: Progress = untold,
) -> list[dict[str, float]]:
    """Train a LoRA adapter and save it in PEFT's own format.

    The loss is on the answer's tokens alone. A generated answer ends in EOS, so that
    the model learns to stop; a classification's is one word, of which one token is
    read. Items are shuffled, in batches of like length. The base weights keep their
    dtype and the adapter is fp32, trained under autocast where the base is not fp32.

    A `checkpoints` folder in `folder` holds what an interrupted call has done; the
    same call goes on from there, on the same CPU to the same bytes. A call with other
    items, settings or another seed starts anew.

    Args:
        model: the base; it is given back as it was.
        task: gives prompt and answer words.
        items: to learn from.
        folder: where `adapter_config.json` and `adapter_model.safetensors` go.
        settings: of LoRA and of the optimizer.
        seed: of LoRA's initial weights, the order of items, and dropout.
        chat: put prompts into the tokenizer's chat template.
        progress: see `spillover.batching.Progress`.

    Returns:
        The training log: dictionaries with `step`, `loss` and `learning_rate`.

    Raises:
        DataError: there are no items.
        StudyError: an item does not fit into the context, no step would learn, a
            tracker is not there, or the model is float16 on a CPU.
        ModelError: the model has an adapter already, or the loss or a weight is no
            longer a number.
        OutputError: `checkpoints` holds what no call has written.
    """
    settings = settings or TuneSettings()
    if not items:
        raise DataError(f"no items of {task.name} to learn from")
    check_bare(model)
    check_training(model.device, model.dtype)
    check_trackers(settings.track)
    check_steps(len(items), settings)
    examples = encode_examples(
        model.tokenizer, task, items, settings, context=model.context, chat=chat
    )
    set_seed(seed)
    base = glimpse(model)
    checkpoints = folder / "checkpoints"
    with alone(), _adapting(model, settings) as adapted:
        key = settings.model_dump(mode="json", exclude=NOT_IN_KEY)
        call = [model.name, base, str(model.dtype), key, seed, examples]
        last = _resumable(checkpoints, call)
        arguments = _arguments(settings, checkpoints, model, seed)
        arguments.run_name = f"{model.name}-{task.name}-seed{seed}"
        arguments.study = key | {"task": task.name, "items": len(items), "chat": chat}
        # Without the context manager PEFT widens every input to fp32, only for autocast
        # to narrow it again: a tenth of a step on a CPU, for equal losses.
        narrow = disable_input_dtype_casting(adapted, model.dtype != torch.float32)
        # PEFT would ask the Hub whether the base's vocabulary has been changed.
        save = partial(adapted.save_pretrained, save_embedding_layers=False)
        adapted.save_pretrained = save  # type: ignore[method-assign]
        with tracking(settings.track, folder, arguments) as trackers:
            trainer = _Trainer(
                model=adapted,
                args=arguments,
                train_dataset=examples,
                data_collator=lambda rows: collate(rows, model.pad_id),
                compute_loss_func=_loss,
                callbacks=[*trackers, _Watch(progress, settings, len(items))],
            )
            trainer.remove_callback(PrinterCallback)
            with fp32_head(model), _attention(model.device), narrow:
                trainer.train(resume_from_checkpoint=last)
        _check_weights(adapted)
        adapted.save_pretrained(str(folder))
        _discard(checkpoints)
    return [
        {name: float(entry[name]) for name in ("step", "loss", "learning_rate")}
        for entry in trainer.state.log_history
        if "loss" in entry
    ]


@contextmanager
def _adapting(model: LanguageModel, settings: TuneSettings) -> Iterator[PeftModel]:
    """The model with fresh LoRA on it, which is taken off again without a trace.

    PEFT freezes the base, and the Trainer switches its cache off.
    """
    learns = {weight: weight.requires_grad for weight in model.model.parameters()}
    config = vars(model.model.config)
    before = dict(config)
    with evaluating(model):
        try:
            adapted = with_lora(model.model, settings)
            try:
                yield adapted
            finally:
                adapted.unload()
        finally:
            config.clear()
            config.update(before)
            for weight, whether in learns.items():
                weight.requires_grad_(whether)


def _loss(output: Any, labels: Tensor, *, num_items_in_batch: Tensor) -> Tensor:
    """One for every model: some own ones are means of a micro-batch, or add to it."""
    width = output.logits.shape[-1]
    return ForCausalLMLoss(output.logits, labels, width, num_items_in_batch)


def _attention(device: torch.device) -> AbstractContextManager[None]:
    """Attention in plain matrix products on a CPU; elsewhere torch chooses.

    torch's fused backward pass for CPUs took 29 % of a step of short sequences.
    """
    return sdpa_kernel(SDPBackend.MATH) if device.type == "cpu" else nullcontext()


def encode_examples(
    tokenizer: Any,
    task: Task,
    items: Sequence[Item],
    settings: TuneSettings,
    *,
    context: int,
    chat: bool = False,
) -> list[dict[str, list[int]]]:
    """Items as token ids with labels, the prompt's labels masked.

    Args:
        tokenizer: a transformers tokenizer.
        task: gives prompt and answer words.
        items: to learn from.
        settings: `max_tokens` counts.
        context: the longest sequence, in tokens, that the model takes.
        chat: put prompts into the tokenizer's chat template.

    Raises:
        StudyError: an item does not fit into `max_tokens` or the context.
        ModelError: a prompt and its answer do not tokenize as they must, or the
            tokenizer has no EOS for what is generated.
    """
    generation = task.kind == "generation"
    words = [item.gold if generation else task.answers[item.gold] for item in items]
    if generation and tokenizer.eos_token_id is None:
        raise ModelError(
            "the tokenizer has no EOS, which an answer is to end in",
            where=tokenizer.name_or_path,
            fix="name its eos_token in tokenizer_config.json",
        )
    end = [tokenizer.eos_token_id] if generation else []
    limit = settings.limit(context)
    encoder = Encoder(tokenizer, task, chat=chat)
    prompts = encoder.prompts(items)
    answers = encoder.answers(prompts, words)
    examples = []
    for prompt, answer, word in zip(prompts, answers, words, strict=True):
        room = limit - len(answer + end)
        if room < 1:
            raise StudyError(
                f"the answer of item {prompt.item.id} has {len(answer + end)} tokens",
                where=task.name,
                expected=f"less than the {limit} that fit with its prompt",
                fix="raise max_tokens, or leave the item out",
            )
        if len(prompt.ids) > room:
            [prompt] = encoder.prompts([prompt.item], room)
            [answer] = encoder.answers([prompt], [word])
        ids = prompt.ids + answer + end
        labels = [IGNORED] * len(prompt.ids) + answer + end
        examples.append({"input_ids": ids, "labels": labels})
    return examples


def collate(rows: Sequence[dict[str, list[int]]], fill: int) -> dict[str, Tensor]:
    """A left-padded batch whose last columns alone get logits.

    With padding on the left all answers end in the last column, so that logits are
    needed only for the longest answer and the one token before it. They are asked for
    by an index tensor: see `evaluate.next_token_logprobs`.
    """
    batch = pad([row["input_ids"] for row in rows], fill, side="left")
    labels = torch.full_like(batch["input_ids"], IGNORED)
    for number, row in enumerate(rows):
        labels[number, -len(row["labels"]) :] = torch.tensor(row["labels"])
    width = labels.shape[1]
    answers = int((labels != IGNORED).sum(1).max())
    batch["logits_to_keep"] = torch.arange(max(width - answers - 1, 0), width)
    batch["labels"] = labels[:, batch["logits_to_keep"]]
    return batch


def _discard(checkpoints: Path) -> None:
    """Delete checkpoints; under another name, as one that is half there is no one's."""
    gone = checkpoints.with_name(f".{checkpoints.name}.gone")
    for folder in (gone, checkpoints):
        if folder.exists():
            folder.replace(gone)
            shutil.rmtree(gone)


def _resumable(folder: Path, call: object) -> str | None:
    """The last whole checkpoint of the same call, if one was interrupted.

    The Trainer writes `trainer_state.json` last; without it, or with a part of it, a
    checkpoint was cut off.
    """
    key = hashlib.sha256(json.dumps(call).encode()).hexdigest()
    written = folder / "call.sha256"
    if folder.exists() and not written.is_file() and any(folder.iterdir()):
        raise OutputError(
            "holds something else than a training of spillover's",
            where=folder,
            fix="name another folder, or move it away",
        )
    if not written.is_file() or written.read_text() != key:
        _discard(folder)
        folder.mkdir(parents=True)
        written.write_text(key)
    states = folder.glob("checkpoint-*/trainer_state.json")
    whole = [state.parent for state in states if _is_json(state)]
    step = {path: int(path.name.rpartition("-")[2]) for path in whole}
    return str(max(whole, key=step.__getitem__)) if whole else None


def _is_json(path: Path) -> bool:
    try:
        json.loads(path.read_bytes())
    except ValueError:
        return False
    return True


def _arguments(
    settings: TuneSettings, checkpoints: Path, model: LanguageModel, seed: int
) -> TrackedArguments:
    micro = min(settings.micro_batch_size, settings.batch_size)
    return TrackedArguments(
        output_dir=str(checkpoints),
        num_train_epochs=settings.epochs,
        learning_rate=settings.learning_rate,
        lr_scheduler_type=settings.schedule,
        warmup_steps=settings.warmup_steps,
        weight_decay=settings.weight_decay,
        per_device_train_batch_size=micro,
        gradient_accumulation_steps=settings.batch_size // micro,
        remove_unused_columns=False,
        dataloader_pin_memory=model.device.type == "cuda",
        use_cpu=model.device.type == "cpu",
        bf16=model.dtype == torch.bfloat16,
        fp16=model.dtype == torch.float16,
        save_strategy="no",  # `_Watch` saves by the clock
        save_total_limit=1,
        logging_steps=1,  # a mean over steps would begin anew where a training goes on
        logging_nan_inf_filter=False,  # or a NaN would be logged as a mean of others
        report_to="none",  # `tracking` gives the callbacks of trackers
        project=settings.project or "spillover",
        disable_tqdm=True,
        include_num_input_tokens_seen="non_padding",
        seed=seed,
    )


def _check_weights(model: nn.Module) -> None:
    """See that what was trained so far is worth keeping.

    Raises:
        ModelError: a weight is NaN.
    """
    trained = [weight for weight in model.parameters() if weight.requires_grad]
    if any(weight.isnan().any() for weight in trained):
        raise ModelError(
            "the training made weights of NaN (not a number)",
            where="tune",
            fix="lower learning_rate or use float32",
        )


class _Trainer(Trainer):
    """The Trainer with an order of items that a resumed epoch finds again."""

    def _get_train_sampler(self, train_dataset: Any = None) -> LengthGroupedSampler:
        group = self.args.train_batch_size * self.args.gradient_accumulation_steps
        examples: Any = self.train_dataset
        lengths = [len(example["input_ids"]) for example in examples]
        return _Shuffled(group, lengths, self.args.seed)


class _Shuffled(LengthGroupedSampler):
    """Batches of like length, in an order that seed and epoch alone decide.

    transformers' own draws from the global random state, which is another one when a
    training goes on in the middle of an epoch. And it sorts some 50 batches at a time
    from the longest to the shortest, so that steps that follow each other are alike.
    """

    def __init__(self, group: int, lengths: list[int], seed: int) -> None:
        super().__init__(group, lengths=lengths, generator=torch.Generator())
        self.seed, self.epoch = seed, 0

    def set_epoch(self, epoch: int) -> None:  # the Trainer's loader calls it
        self.epoch = epoch

    def __iter__(self) -> Iterator[int]:
        [state] = np.random.SeedSequence([self.seed, self.epoch]).generate_state(1)
        self.generator.manual_seed(int(state))
        indices: list[int] = [*super().__iter__()]  # type: ignore[no-untyped-call]
        first, *batches = torch.split(torch.tensor(indices), self.batch_size)
        # The longest item stays in front, to run out of memory at once if at all, and
        # what fills no batch at the end.
        rest = [batches.pop()] if len(indices) % self.batch_size and batches else []
        order = torch.randperm(len(batches), generator=self.generator)
        yield from torch.cat([first, *(batches[i] for i in order), *rest]).tolist()


class _Watch(TrainerCallback):
    """Reports progress, saves by the clock, and stops at a loss that is no number."""

    def __init__(self, progress: Progress, settings: TuneSettings, n: int) -> None:
        self.progress, self.seconds = progress, settings.checkpoint_minutes * 60
        self.items, self.saved = n * settings.epochs, time.monotonic()
        self.step = self.tokens = 0

    def on_train_begin(self, args: Any, state: Any, *rest: Any, **kwargs: Any) -> None:
        self.tokens = state.num_input_tokens_seen  # what a checkpoint had seen
        self._tell(state)

    def _tell(self, state: Any) -> None:
        share = (state.global_step - self.step) / state.max_steps
        self.progress(share * self.items, state.num_input_tokens_seen - self.tokens)
        self.step, self.tokens = state.global_step, state.num_input_tokens_seen

    def on_step_end(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        self._tell(state)
        unfinished = state.global_step < state.max_steps
        if unfinished and time.monotonic() - self.saved > self.seconds:
            self.saved = time.monotonic()
            _check_weights(kwargs["model"])  # or no later run could go on from it
            control.should_save = True

    def on_log(
        self,
        args: Any,
        state: Any,
        control: Any,
        logs: dict[str, float] | None = None,
        **kwargs: Any,
    ) -> None:
        loss = (logs or {}).get("loss", 0.0)  # none at the end
        if not math.isfinite(loss):
            raise ModelError(
                f"the training loss is {loss} at step {state.global_step}",
                where="tune",
                fix="lower learning_rate or use float32",
            )
