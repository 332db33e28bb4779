"""A study: what to run, as one validated object."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Annotated, Any, Literal, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    StrictInt,
    ValidationError,
    field_validator,
)

from spillover.data import registry
from spillover.data.columns import Codes, Name
from spillover.data.corpus import Corpus
from spillover.data.items import PlaceholderPolicy
from spillover.data.sources import Files, Hub
from spillover.data.task import OWN_PROMPT, Task
from spillover.errors import Faults, SpilloverError, collecting
from spillover.languages import PIVOT, language
from spillover.model_spec import ModelSpec
from spillover.settings import (
    OF_STEPS,
    Dtype,
    EmbedSettings,
    EvaluateSettings,
    TuneSettings,
)
from spillover.validation import explained

Settings = TypeVar("Settings", TuneSettings, EvaluateSettings)
Seed = Annotated[StrictInt, Field(ge=0, lt=2**32)]  # what NumPy and torch both take


class Strict(BaseModel):
    """Frozen, and strict about names."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class TaskUse(Strict):
    """How a study uses a task.

    Attributes:
        task: the name of a task that ships with the package, or the user's own.
        train: files to learn from instead of the task's own training split.
        train_rows: how many training items to take; None: all.
        test_rows: how many test items a language to take; None: all. Languages that
            share ids give the same items.
        prompts: further prompts to evaluate with, by name; their templates have the
            fields of the task's own, which is the one that is tuned on.
        tune: what differs from the study's `tune` settings.
        evaluate: what differs from the study's `evaluate` settings.
    """

    task: str | Task
    train: Files | None = None
    train_rows: StrictInt | None = Field(default=None, ge=1, lt=2**31)
    test_rows: StrictInt | None = Field(default=None, ge=1, lt=2**31)
    prompts: dict[Name, str] = {}
    tune: dict[str, Any] = {}
    evaluate: dict[str, Any] = {}

    @field_validator("task")
    @classmethod
    def _is_no_state(cls, value: str | Task) -> str | Task:
        if (value if isinstance(value, str) else value.name) == "before":
            raise ValueError(
                "'before' is the state before tuning: give the task another name"
            )
        return value

    @field_validator("train")
    @classmethod
    def _are_english_to_learn_from(cls, value: Files | None) -> Files | None:
        if value is not None and set(value.splits) - {"train"}:
            raise ValueError("files to learn from have no split but 'train'")
        if value is not None and PIVOT not in (value.languages or (PIVOT,)):
            raise ValueError(f"tuning is in {PIVOT!r}, which 'languages' lacks")
        return value

    @field_validator("prompts")
    @classmethod
    def _leave_the_own_one(cls, value: dict[str, str]) -> dict[str, str]:
        if OWN_PROMPT in value:
            raise ValueError(f"{OWN_PROMPT!r} is the task's own prompt")
        return value

    def resolve(self) -> Task:
        """The task itself, with the files to learn from that this study names.

        Raises:
            StudyError: there is no such task.
            Faults: it cannot learn from these files.
        """
        task = self.task if isinstance(self.task, Task) else registry.task(self.task)
        if self.train is None:
            return task
        train = self.train
        if not train.splits:
            train = train.model_copy(update={"splits": {"train": "train"}})
        if not train.languages:
            train = train.model_copy(update={"languages": (PIVOT,)})
        both = dict.fromkeys((*task.train_languages, *train.languages))
        changes = {"files": (train, *task.files), "train_languages": tuple(both)}
        try:
            return Task.model_validate(dict(task) | changes)
        except ValidationError as error:
            raise Faults(explained(error, task.name, ("train",))) from error


class CorpusUse(Strict):
    """How a study uses a parallel corpus.

    Attributes:
        corpus: the name of a corpus that ships with the package, or the user's own.
        rows: how many sentences to take; None: all.
    """

    corpus: str | Corpus
    rows: StrictInt | None = Field(default=None, ge=2, lt=2**31)

    def resolve(self) -> Corpus:
        """The corpus itself.

        Raises:
            StudyError: there is no such corpus.
        """
        if isinstance(self.corpus, Corpus):
            return self.corpus
        return registry.corpus(self.corpus)


class Study(Strict):
    """One model, tuned on each of some tasks in English, looked at in many languages.

    Attributes:
        name: of the study, and of its folder.
        description: what it is for.
        model: the base model; a string as `ModelSpec` reads it.
        dtype: of the base weights.
        languages: in the order of the tables; English first.
        tasks: tuned on and evaluated.
        corpora: embedded, before tuning and after each.
        seed: of every choice of rows, and of training.
        seeds: tune once with each of these instead, on the same rows.
        chat: put prompts into the model's chat template.
        placeholders: what becomes of texts that were never translated: `keep` them,
            as the paper does, `drop` them, or take the `intersection` of the rows
            that are clean in all languages. In corpora `drop` does what
            `intersection` does, since sentences stay parallel. Counted in any case.
        headline: the reading of a classification that Tables 1 and 3 show: `strict`,
            as the paper, `choice`, or `calibrated`.
        tune: settings of fine-tuning.
        evaluate: settings of evaluation.
        embed: settings of embedding.
    """

    name: Name
    description: str = ""
    model: ModelSpec
    dtype: Dtype = "auto"
    languages: Codes = Field(min_length=2)
    tasks: tuple[TaskUse, ...] = Field(min_length=1)
    corpora: tuple[CorpusUse, ...] = ()
    seed: Seed = 1
    seeds: tuple[Seed, ...] = ()
    chat: bool = False
    placeholders: PlaceholderPolicy = "keep"
    headline: Literal["strict", "choice", "calibrated"] = "strict"
    tune: TuneSettings = TuneSettings()
    evaluate: EvaluateSettings = EvaluateSettings()
    embed: EmbedSettings = EmbedSettings()

    @field_validator("languages")
    @classmethod
    def _begin_with_the_pivot(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if value[0] != PIVOT:
            raise ValueError(
                f"{PIVOT!r} must come first: it is tuned on, and the others are "
                f"compared with it; begin the list with {PIVOT}"
            )
        twice = [code for code in dict.fromkeys(value) if value.count(code) > 1]
        if twice:
            raise ValueError(f"{', '.join(map(repr, twice))} must be listed once")
        return value

    @field_validator("seeds")
    @classmethod
    def _are_distinct(cls, value: tuple[int, ...]) -> tuple[int, ...]:
        if len(set(value)) < len(value):
            raise ValueError(f"a seed is listed twice in {list(value)}")
        return value

    @property
    def training_seeds(self) -> tuple[int, ...]:
        """The seeds to tune with, at least one."""
        return self.seeds or (self.seed,)

    def tune_settings(self, use: TaskUse, where: str = "study") -> TuneSettings:
        """The study's settings with those of one of its tasks on top.

        Raises:
            Faults: all that is wrong in the task's, which are of the file `where`.
        """
        named = self._merged(TuneSettings, self.tune, use, "tune", where)
        return named.model_copy(update={"project": named.project or self.name})

    def evaluate_settings(self, use: TaskUse, where: str = "study") -> EvaluateSettings:
        """As `tune_settings`, of evaluation."""
        return self._merged(EvaluateSettings, self.evaluate, use, "evaluate", where)

    def _merged(
        self, kind: type[Settings], common: Settings, use: TaskUse, key: str, where: str
    ) -> Settings:
        try:
            return kind.model_validate(common.model_dump() | getattr(use, key))
        except ValidationError as error:
            place = "tasks", self.tasks.index(use), key
            raise Faults(explained(error, where, place)) from error

    def metric(self, task: Task) -> str:
        """The metric of a task that the tables show."""
        if task.kind == "classification":
            return f"{task.metric}_{self.headline}"
        return task.metric


KEYS: dict[str, type[BaseModel]] = {
    **OF_STEPS,
    "tasks": TaskUse,
    "corpora": CorpusUse,
    "model": ModelSpec,
    "task": Task,
    "corpus": Corpus,
    "files": Files,
    "train": Files,
    "hub": Hub,
}
"""What holds the keys that a study may have, by the key above them."""


def parse_study(raw: Mapping[str, Any], where: str = "study") -> Study:
    """A study from a mapping.

    Raises:
        Faults: all that is wrong in it.
    """
    errors: list[SpilloverError] = []
    try:
        study = Study.model_validate(raw)
        for use in study.tasks:
            for merged in (study.tune_settings, study.evaluate_settings):
                with collecting(errors):
                    merged(use, where)
    except ValidationError as error:
        errors += explained(error, where)
    if errors:
        raise Faults(errors + _unknown_names(raw, where))
    return study


def _unknown_names(raw: Mapping[str, Any], where: str) -> list[SpilloverError]:
    """Languages, tasks and corpora that do not exist, in what is no study yet.

    In a study they are found when its data are read; but who mends a key should learn
    of a wrong name at the same time.
    """
    look_up: dict[str, tuple[str, Callable[[str], object]]] = {
        "languages": ("", lambda code: language(code, f"{where}: languages")),
        "tasks": ("task", registry.task),
        "corpora": ("corpus", registry.corpus),
    }
    errors: list[SpilloverError] = []
    for key, (kind, find) in look_up.items():
        part = raw.get(key)
        for entry in part if isinstance(part, list) else []:
            name = entry.get(kind) if isinstance(entry, dict) else entry
            if isinstance(name, str):
                with collecting(errors):
                    find(name)
    return errors
