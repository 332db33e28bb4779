"""What a task is: its prompt, its answers, where its items lie, and its facts."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator, model_validator

from spillover.data import template
from spillover.data.columns import Codes, Row, Split, Words
from spillover.data.dataset import DataSet
from spillover.data.items import Item, check_aligned
from spillover.data.sources import Files, Hub
from spillover.errors import DataError, StudyError
from spillover.metrics import last_number

OWN_PROMPT = "own"
"""How a task's own prompt is called, beside those that a study adds."""

Metric = Literal["accuracy", "rougeL", "exact_number"]


class Task(DataSet):
    """A task in several languages, with one English prompt for all of them.

    Attributes:
        kind: whether the answer is one of a few words, or free text.
        template: the prompt, with `{field}` where a text goes.
        answers: label -> the word that answers so (the verbalizer); empty for
            generation.
        metric: how predictions are scored.
        chance: the score of guessing uniformly, for information: nothing is computed
            from it. None where guessing scores nothing.
        train_languages: those of them that have a train split of their own.
    """

    kind: Literal["classification", "generation"]
    template: str
    answers: Words = Field(default={})
    metric: Metric
    chance: float | None = Field(default=None, gt=0, lt=1)
    train_languages: Codes = ()

    @property
    def fields(self) -> tuple[str, ...]:
        """The fields of the template, in its order."""
        return template.fields(self.template)

    @property
    def summarises(self) -> bool:
        """Whether answers are scored by ROUGE against a reference."""
        return self.metric == "rougeL"

    @property
    def metrics(self) -> tuple[str, ...]:
        """What it is scored by, as `Evaluation.scores` names it."""
        if self.kind == "classification":
            readings = "strict", "choice", "calibrated"
            return tuple(f"{self.metric}_{reading}" for reading in readings)
        return ("rouge1", "rouge2", "rougeL") if self.summarises else (self.metric,)

    def prompt(self, item: Item) -> str:
        """The template, filled with the item's texts as they are."""
        return template.fill(self.template, item.fields)

    def load(
        self, split: Split, language: str, data_root: Path | None = None
    ) -> list[Item]:
        """The items of one split and language, in the source's order.

        Args:
            split: train, validation or test.
            language: one of `languages`; for train one of `train_languages`.
            data_root: the folder with the official files. None: files that ship with
                the package or whose path is absolute, else the Hub.

        Raises:
            StudyError: the task does not have the language or the split.
            DataError: the data are missing, damaged or hold an unknown label.
        """
        source = self.source(split, language, data_root)
        rows = source.read(language, split, fields=self.fields, root=data_root)
        return [self._item(row) for row in rows]

    def load_all(
        self, split: Split, languages: Iterable[str], data_root: Path | None = None
    ) -> dict[str, list[Item]]:
        """`load` for each of the languages, in their order.

        Raises:
            StudyError, DataError: as `load`; and two languages of aligned sources
                with one `id_prefix` differ in their ids.
        """
        chosen = {name: self.source(split, name, data_root) for name in languages}
        items = {name: self.load(split, name, data_root) for name in chosen}
        aligned = {name: of.id_prefix for name, of in chosen.items() if of.aligned}
        for prefix in dict.fromkeys(aligned.values()):
            check_aligned(
                {name: items[name] for name, its in aligned.items() if its == prefix},
                where=f"{self.name} {split}",
            )
        return items

    def source(
        self, split: Split, language: str, data_root: Path | None = None
    ) -> Files | Hub:
        """The source that `load` reads for a split and a language.

        Raises:
            StudyError: there is none.
        """
        untrained = language in self.languages and language not in self.train_languages
        if split == "train" and untrained:
            listed = ", ".join(self.train_languages) or "none"
            raise StudyError(
                f"{self.name} has no train split in {language!r}",
                fix=f"its 'train_languages' are {listed}",
            )
        return super().source(split, language, data_root)

    def _item(self, row: Row) -> Item:
        if self.kind == "classification" and row.target not in self.answers:
            raise DataError(
                f"unknown label {row.target!r}",
                where=row.where,
                expected=f"one of {', '.join(map(repr, self.answers))}",
                fix="'labels' maps their spelling to ours",
            )
        if self.metric == "exact_number" and last_number(row.target) is None:
            raise DataError(
                f"the answer {row.target!r} holds no number",
                where=row.where,
                expected="a number, which 'exact_number' compares",
            )
        return Item(row.id, row.fields, row.target)

    @field_validator("template")
    @classmethod
    def _has_fields(cls, value: str) -> str:
        if not template.fields(value):
            raise ValueError("the template has no {field}, so every prompt is the same")
        return value

    @model_validator(mode="after")
    def _answers_fit_the_kind(self) -> Task:
        if self.kind == "generation":
            if self.answers or self.chance or self.metric == "accuracy":
                raise ValueError(
                    "a generation task has no 'answers', no 'chance' and a metric "
                    "other than accuracy"
                )
            return self
        if self.metric != "accuracy":
            raise ValueError("the metric of a classification task is accuracy")
        if len(self.answers) < 2:
            raise ValueError("a classification task needs two 'answers' or more")
        words = [word.strip() for word in self.answers.values()]
        if "" in words or len(set(words)) < len(words):
            raise ValueError(f"the answer words are blank or not distinct: {words}")
        return self

    @model_validator(mode="after")
    def _sources_fit(self) -> Task:
        if not self.sources:
            raise ValueError("neither 'files' nor 'hub' says where the items lie")
        stray = set(self.train_languages) - set(self.languages)
        if stray:
            raise ValueError(
                f"'train_languages' not in 'languages': {', '.join(sorted(stray))}"
            )
        for source in self.sources:
            source.check(self.fields, self.languages)
            if isinstance(source, Files):
                source.check_split()
            if source.target is None:
                raise ValueError("a source of a task needs a 'target' column")
            strange = set(source.labels.values()) - set(self.answers)
            if strange:
                raise ValueError(
                    f"'labels' give {', '.join(map(repr, sorted(strange)))}, which "
                    f"'answers' lacks (it has {', '.join(map(repr, self.answers))})"
                )
        return self
