"""The settings of the three steps that need a language model.

Defaults are those of Xie et al. (2024) where the paper gives them. What it leaves
open follows Alpaca-LoRA (Wang 2023), whose decoding settings the paper shares; the
comments say which is which.
"""

from __future__ import annotations

import math
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    StrictInt,
    field_validator,
    model_validator,
)

from spillover.errors import StudyError


class Settings(BaseModel):
    """Frozen, and strict about names and numbers."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


Dtype = Literal["auto", "bfloat16", "float16", "float32"]
"""Of a model's base weights."""


def _is_no_truth_value(value: object) -> object:
    if isinstance(value, bool):
        raise ValueError("input should be a valid number")
    return value


Real = Annotated[float, BeforeValidator(_is_no_truth_value)]
"""A float; pydantic takes `yes` for 1 otherwise."""

MOST = 1_000_000
"""More of anything is a slip of the finger."""

Schedule = Literal[
    "constant", "constant_with_warmup", "cosine", "inverse_sqrt", "linear", "polynomial"
]
"""Those of transformers that need nothing but the number of steps."""

Tracker = Literal["mlflow", "tensorboard", "trackio", "wandb"]
"""The Trainer's name of a tracker, and its package's name too."""

NOT_IN_KEY = {"checkpoint_minutes", "track", "project"}
"""Settings of tuning that cannot change its result."""


class TuneSettings(Settings):
    """How a model is fine-tuned with LoRA.

    Attributes:
        epochs: passes over the training items.
        learning_rate: at the end of the warm-up.
        schedule: of the learning rate after the warm-up, by transformers' name;
            `constant` has no warm-up, `constant_with_warmup` has.
        rank: of the LoRA matrices.
        alpha: LoRA's scale is alpha / rank.
        dropout: before LoRA's first matrix.
        target_modules: module names, or `all-linear`.
        batch_size: items a step of the optimizer.
        micro_batch_size: items at once; `batch_size` is reached by accumulation, and
            must be a multiple of it where it is larger.
        warmup_steps: a whole number, or below 1 a share of all steps.
        weight_decay: of AdamW.
        max_tokens: of prompt and answer together; the longest field of a longer
            item is cut. None: the model's context.
        checkpoint_minutes: how much work an interruption may cost.
        track: the trackers that are told of the training.
        project: what trackers file it under; None: the study's name, or `spillover`.
    """

    epochs: Real = Field(default=6, gt=0, le=MOST)  # the paper's
    learning_rate: Real = Field(default=2e-5, gt=0)  # the paper's
    schedule: Schedule = "cosine"  # the paper's
    rank: StrictInt = Field(default=8, ge=1, le=MOST)  # the paper's
    alpha: StrictInt = Field(default=32, ge=1, le=MOST)  # the paper's
    dropout: Real = Field(default=0.05, ge=0, lt=1)  # Alpaca-LoRA's
    target_modules: Literal["all-linear"] | tuple[str, ...] = ("q_proj", "v_proj")
    # ^ Alpaca-LoRA's
    batch_size: StrictInt = Field(default=128, ge=1, le=MOST)  # Alpaca-LoRA's
    micro_batch_size: StrictInt = Field(default=32, ge=1)  # ours
    warmup_steps: Real = Field(default=100, ge=0, le=MOST)  # Alpaca-LoRA's
    weight_decay: Real = Field(default=0.0, ge=0)  # transformers' default
    max_tokens: StrictInt | None = Field(default=None, ge=16)  # ours
    checkpoint_minutes: Real = Field(default=5, gt=0)  # ours
    track: tuple[Tracker, ...] = ()
    project: str | None = Field(default=None, pattern=r"^\w[\w.-]*$")

    def limit(self, context: int) -> int:
        """The most tokens of an item, with its answer, in a model of this context."""
        return min(self.max_tokens or context, context)

    @model_validator(mode="after")
    def _falls(self) -> TuneSettings:
        if self.schedule == "polynomial" and self.learning_rate <= 1e-7:
            raise ValueError(
                f"'learning_rate' {self.learning_rate} is not above 1e-7, where the "
                "polynomial 'schedule' ends"
            )
        return self

    @model_validator(mode="after")
    def _accumulates(self) -> TuneSettings:
        if self.batch_size % min(self.micro_batch_size, self.batch_size):
            raise ValueError(
                f"'batch_size' {self.batch_size} is not a multiple of "
                f"'micro_batch_size' {self.micro_batch_size}"
            )
        return self


def check_steps(n: int, settings: TuneSettings) -> None:
    """See that training on n items goes on after the warm-up.

    Raises:
        StudyError: it does not reach the learning rate that was asked for.
    """
    if settings.schedule == "constant" or not settings.warmup_steps:
        return
    steps = math.ceil(settings.epochs * math.ceil(n / settings.batch_size))
    warmup = settings.warmup_steps
    warmup = math.ceil(steps * warmup) if warmup < 1 else int(warmup)
    if steps <= warmup:
        raise StudyError(
            f"the warm-up takes {warmup} steps, and {n} items in batches of "
            f"{settings.batch_size} make {steps} in all",
            where="tune.warmup_steps",
            expected="more steps than it takes",
            fix="lower warmup_steps or batch_size, or take more items or epochs",
        )


Scoring = Literal["first", "whole", "normalised", "pmi"]


class EvaluateSettings(Settings):
    """How answers are read off a model.

    The paper's top_k = 1 is greedy decoding of a single token. Of its four beams it is
    read as plain beam search: transformers ignores temperature, top_p and top_k where
    nothing asks it to sample.

    Attributes:
        scoring: of the answers that a classification chooses from: the log probability
            of the `first` token, of the `whole` answer, of the whole over its number
            of tokens (`normalised`), or the `pmi` of prompt and answer.
        beams: of beam search, for generation.
        max_new_tokens: of a generated answer.
        max_tokens: of a prompt; the longest field of a longer one is cut. None: the
            model's context, and a longer prompt is an error.
        batch_tokens: padded tokens at once (for generation: times beams).
    """

    scoring: Scoring = "first"  # the paper's max_new_tokens = 1
    beams: StrictInt = Field(default=4, ge=1)  # the paper's
    max_new_tokens: StrictInt = Field(default=100, ge=1, le=MOST)  # the paper's
    max_tokens: StrictInt | None = Field(default=None, ge=16)  # ours
    batch_tokens: StrictInt = Field(default=4096, ge=1)  # ours


Pooling = Literal["mean", "last", "weighted"]


class EmbedSettings(Settings):
    """How a sentence becomes one vector.

    Attributes:
        poolings: the mean over the sentence's tokens, its last token, or the mean
            weighted by position, 1 to n (Muennighoff 2022), which counts BOS as
            MEXA's does.
        layers: 0 is the embeddings, 1 what the first layer makes of them, -1 what the
            last one does (after the final norm); or `all`, counted from 0. So does
            transformers number hidden states, but for Mamba and its like.
        special_tokens: count BOS in the plain mean, too, where the tokenizer adds it.
        batch_tokens: padded tokens at once.
    """

    poolings: tuple[Pooling, ...] = Field(default=("mean", "last"), min_length=1)
    layers: Annotated[tuple[StrictInt, ...], Field(min_length=1)] | Literal["all"] = (
        -1,
    )
    special_tokens: bool = False
    batch_tokens: StrictInt = Field(default=4096, ge=1)

    @field_validator("poolings", "layers")
    @classmethod
    def _are_distinct(cls, value: Any) -> Any:
        twice = [each for each in dict.fromkeys(value) if value.count(each) > 1]
        if twice and value != "all":
            raise ValueError(f"{', '.join(map(repr, twice))} must be listed once")
        return value


OF_STEPS: dict[str, type[Settings]] = {
    "tune": TuneSettings,
    "evaluate": EvaluateSettings,
    "embed": EmbedSettings,
}
"""By the key that holds them in a study, and the command that takes them."""
