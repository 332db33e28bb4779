"""What a parallel corpus is, and how its languages are joined."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from pydantic import Field, model_validator

from spillover.data.columns import Codes
from spillover.data.dataset import DataSet
from spillover.data.items import rank
from spillover.errors import DataError
from spillover.languages import PIVOT

FIELD = "sentence"


@dataclass(frozen=True, slots=True)
class Sentences:
    """The sentences of one language.

    Attributes:
        by_id: id -> sentence, in the source's order.
        numbered: whether the ids are no more than the numbers of the rows.
        where: the file or Hub data set.
    """

    by_id: Mapping[str, str]
    numbered: bool
    where: str


@dataclass(frozen=True, slots=True)
class AlignedCorpus:
    """Sentences that are translations of each other, joined by id.

    Attributes:
        ids: the ids, n of them.
        sentences: language -> its n sentences, in the order of `ids`.
        n_expected: how many `rows` were asked for, else how many any language has.
        missing: language -> how many of the source language's sentences it lacks; the
            source language, how many of the others'.
        placeholders: language -> how many of its sentences are a placeholder.
        placeholder: what these are.
    """

    ids: tuple[str, ...]
    sentences: Mapping[str, list[str]]
    n_expected: int
    missing: Mapping[str, int]
    placeholders: Mapping[str, int]
    placeholder: str | None = None

    @property
    def n(self) -> int:
        """How many sentences each language has here."""
        return len(self.ids)


class Corpus(DataSet):
    """A parallel corpus; the `columns` of its sources say which is the `sentence`.

    Attributes:
        languages: the languages that it has, two or more.
        distinct: keep the first row only of each sentence of English.
    """

    languages: Codes = Field(min_length=2)
    distinct: bool = False

    def load(self, language: str, data_root: Path | None = None) -> Sentences:
        """The sentences of one language, read as the source's test split.

        Raises:
            StudyError: the corpus does not have the language.
            DataError: the data are missing or damaged.
        """
        source = self.source("test", language, data_root)
        rows = source.read(language, "test", fields=(FIELD,), root=data_root)
        return Sentences(
            by_id={row.id: row.fields[FIELD] for row in rows},
            numbered=source.id_column is None,
            where=str(source.place(language, "test", data_root)),
        )

    def parallel(
        self,
        languages: Iterable[str],
        data_root: Path | None = None,
        *,
        rows: int | None = None,
        seed: int = 1,
        placeholders: Literal["keep", "intersection"] = "keep",
    ) -> AlignedCorpus:
        """`load` and `align` the given languages, and English in any case.

        Raises:
            StudyError, DataError: as `load` and `align`.
        """
        wanted = dict.fromkeys((PIVOT, *languages))
        return self.align(
            {language: self.load(language, data_root) for language in wanted},
            rows=rows,
            seed=seed,
            placeholders=placeholders,
        )

    def align(
        self,
        by_language: Mapping[str, Sentences],
        *,
        rows: int | None = None,
        seed: int = 1,
        placeholders: Literal["keep", "intersection"] = "keep",
    ) -> AlignedCorpus:
        """Join languages on their ids.

        The numbers of rows serve as ids only where every language has as many rows.

        Args:
            by_language: the loaded languages, English among them.
            rows: take that many, those whose SHA-256 of seed and id comes first, in
                that order. None: all, in the order of English.
            seed: of the choice of rows.
            placeholders: `keep` them, or leave only the `intersection` of the ids
                that are free of them in every language.

        Raises:
            DataError: rows without ids of their own differ in number, or no sentence
                stands in every language.
            ValueError: `rows` is below 1.
        """
        if rows is not None and rows < 1:
            raise ValueError(f"a sample of {rows} rows")
        pivot = by_language[PIVOT]
        _check_numbers(by_language.values(), pivot)
        held = {
            language: {
                i for i, text in loaded.by_id.items() if text == self.placeholder
            }
            for language, loaded in by_language.items()
        }
        ids = self._ids(pivot)
        everywhere = {id for loaded in by_language.values() for id in loaded.by_id}
        strange = everywhere - pivot.by_id.keys()
        kept = set(ids)
        for language, loaded in by_language.items():
            kept &= loaded.by_id.keys()
            if placeholders == "intersection":
                kept -= held[language]
        if not kept:
            raise DataError(
                f"no sentence stands in all of {', '.join(by_language)}",
                where=pivot.where,
                expected="ids that the languages share",
            )
        joined = [id for id in ids if id in kept]
        if rows is not None:
            joined = sorted(joined, key=lambda id: rank(id, seed))[:rows]
        return AlignedCorpus(
            ids=tuple(joined),
            sentences={
                language: [loaded.by_id[id] for id in joined]
                for language, loaded in by_language.items()
            },
            n_expected=len(ids) + len(strange) if rows is None else rows,
            missing={
                language: sum(id not in loaded.by_id for id in ids)
                for language, loaded in by_language.items()
            }
            | {PIVOT: len(strange)},
            placeholders={language: len(found) for language, found in held.items()},
            placeholder=self.placeholder,
        )

    def _ids(self, loaded: Sentences) -> list[str]:
        """All ids, or the first of each distinct sentence."""
        if not self.distinct:
            return list(loaded.by_id)
        first: dict[str, str] = {}
        for id, text in loaded.by_id.items():
            first.setdefault(text, id)
        return list(first.values())

    @model_validator(mode="after")
    def _sources_fit(self) -> Corpus:
        if not self.sources:
            raise ValueError("neither 'files' nor 'hub' says where the sentences lie")
        for source in self.sources:
            source.check((FIELD,), self.languages)
            if not source.aligned:
                raise ValueError("the rows of a parallel corpus are aligned")
        return self


def _check_numbers(languages: Iterable[Sentences], pivot: Sentences) -> None:
    """Where an id is only the number of a row, all languages need as many rows."""
    for loaded in languages:
        if loaded.numbered != pivot.numbered:
            raise DataError(
                f"its ids cannot be those of {pivot.where}: one has an id column, the "
                "other only the numbers of its rows",
                where=loaded.where,
            )
        if loaded.numbered and len(loaded.by_id) != len(pivot.by_id):
            raise DataError(
                f"{len(loaded.by_id)} rows, but {pivot.where} has {len(pivot.by_id)}",
                where=loaded.where,
                expected="as many rows in every language, as they have no ids",
                fix="fetch the files again, or give them an id column",
            )
