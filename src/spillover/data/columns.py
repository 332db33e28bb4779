"""What the columns of a table mean, and the rows that are read by that meaning."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from difflib import get_close_matches
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    model_validator,
)

from spillover.data import template
from spillover.errors import DataError

Split = Literal["train", "validation", "test"]
SHOWN = 20
DIGITS = 400  # more than any float has before or after its point


def _stands_as_written(value: object) -> object:
    """YAML reads the word no as false, and 1.10 as 1.1: ask for quotes."""
    if isinstance(value, dict):
        parts = [*value, *value.values()]
    else:
        parts = list(value) if isinstance(value, list | tuple) else [value]
    if any(isinstance(part, bool) for part in parts):
        raise ValueError(
            "YAML reads an unquoted yes, no, on, off, true or false as a truth value: "
            "put the word in quotes"
        )
    for part in parts:
        if isinstance(part, float):
            raise ValueError(
                f"YAML reads a number here, {part}: put it in quotes, so that it stays "
                "as it is written"
            )
    return value


def _fits_a_file_name(value: str) -> str:
    size = len(value.encode())
    if size > LONGEST:
        raise ValueError(
            f"{size} bytes, and files are named after it: at most {LONGEST} have room"
        )
    return value


LONGEST = 80  # bytes; the name of a file holds two, and may have 255
AS_WRITTEN = BeforeValidator(_stands_as_written)
Name = Annotated[
    str,
    Field(pattern=r"^\w[\w.-]*$"),
    AfterValidator(_fits_a_file_name),
    AS_WRITTEN,
]
"""Of a study, task, corpus or prompt."""

Word = Annotated[str, AS_WRITTEN]
Words = Annotated[dict[str, str], AS_WRITTEN]
Codes = Annotated[tuple[str, ...], AS_WRITTEN]


@dataclass(frozen=True, slots=True)
class Row:
    """One row of a source.

    Attributes:
        id: its id within the language and the split.
        fields: our field -> its text, never blank.
        target: the label (in our spelling) or the reference; "" where none is asked.
        where: the place to name in an error, `path:line`.
    """

    id: str
    fields: dict[str, str]
    target: str
    where: str


class Columns(BaseModel):
    """What the columns of a table mean.

    `{language}` and `{split}` in a string stand for the language and the split, as
    the files spell them.

    Attributes:
        languages: the languages that this source serves; empty: all of the task's.
        splits: our split -> theirs; a split absent from a non-empty map is not there.
            Empty: they are spelt as ours, train, validation, test.
        names: language code -> how the files spell it (`fr` -> `french`).
        id: the column of the id. None: `sent_id` in CoNLL-U, else the number of the
            row, counted from 1 after `where`, and behind the language's code where
            rows are not aligned.
        id_prefix: put before each id, so that ids of unrelated files never meet.
            Sources with the same one are compared with each other.
        columns: our field -> their column; a field left out is spelt the same.
        target: the column of the gold label or the reference.
        labels: their label -> our label; a label left out is spelt the same.
        where: keep the rows whose columns have these values.
        aligned: whether rows with the same id are translations of each other, and
            every language has them all, whichever source it comes from.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    languages: Codes = ()
    splits: Annotated[dict[Split, str], AS_WRITTEN] = {}
    names: Words = {}
    id: Word | None = None
    id_prefix: Word = ""
    columns: Words = {}
    target: Word | None = None
    labels: Words = {}
    where: Words = {}
    aligned: bool = True

    @property
    def id_column(self) -> str | None:
        """The column of the id; None where a row has only its number."""
        return self.id

    def patterns(self) -> list[str]:
        """Every string that tells the rows of a language or a split from others."""
        return [
            *self.columns.values(),
            *self.where.values(),
            self.id or "",
            self.target or "",
        ]

    def spelled(self, pattern: str, language: str, split: Split) -> str:
        """`pattern` with the language and the split as the files spell them."""
        return template.fill(
            pattern,
            {
                "language": self.names.get(language, language),
                "split": self.splits.get(split, split),
            },
        )

    def serves(self, language: str, split: str) -> bool:
        """Whether this source holds the split of the language."""
        return (not self.languages or language in self.languages) and (
            not self.splits or split in self.splits
        )

    def named(self) -> set[str]:
        """Which of `language` and `split` the strings hold."""
        return {name for text in self.patterns() for name in template.fields(text)}

    def check(self, fields: Sequence[str], languages: Sequence[str]) -> None:
        """Raise a `ValueError` unless the source fits what a task or corpus has."""
        for field in self.columns:
            if field not in fields:
                raise ValueError(
                    f"'columns' fills {field!r}, which is not a field"
                    + (_near(field, fields) or f" (they are {', '.join(fields)})")
                )
        stray = {*self.languages, *self.names} - set(languages)
        if stray:
            raise ValueError(f"not among 'languages': {', '.join(sorted(stray))}")
        served = dict.fromkeys(self.languages or languages)
        if len(served) > 1 and "language" not in self.named():
            raise ValueError(
                "several languages would be read from the same rows; put {language} "
                "into the path, or say 'languages'"
            )
        _spelled_once(
            "languages", {code: self.names.get(code, code) for code in served}
        )
        _spelled_once("splits", self.splits)

    def rows(
        self,
        records: Iterable[tuple[str, dict[str, object]]],
        place: object,
        language: str,
        split: Split,
        fields: Sequence[str],
    ) -> list[Row]:
        """Records as rows.

        Args:
            records: the place (`path:line`) and the values by column of each.
            place: the file or data set, to name in an error.
            language: our code of the language.
            split: our name of the split.
            fields: the fields that each row must have.

        Raises:
            DataError: a column is missing or blank, an id is listed twice, or no row
                is left.
        """

        def spelled(pattern: str) -> str:
            return self.spelled(pattern, language, split)

        columns = {field: spelled(self.columns.get(field, field)) for field in fields}
        wanted = {column: spelled(value) for column, value in self.where.items()}
        id_column = self.id_column and spelled(self.id_column)
        target = self.target and spelled(self.target)
        prefix = spelled(self.id_prefix)
        rows: dict[str, Row] = {}
        others: set[str] = set()
        for where, record in records:
            here = {column: _value(record, column, where) for column in wanted}
            if here != wanted:
                others.add(", ".join(here.values()))
                continue
            number = str(len(rows) + 1)
            if not self.aligned:  # the rows of another language are others
                number = f"{language}-{number}"
            id = prefix + (_text(record, id_column, where) if id_column else number)
            if id in rows:
                raise DataError(
                    f"the id {id!r} is listed twice",
                    where=where,
                    expected=f"ids that differ; the first is at {rows[id].where}",
                )
            gold = _text(record, target, where) if target else ""
            texts = {f: _text(record, column, where) for f, column in columns.items()}
            rows[id] = Row(id, texts, self.labels.get(gold, gold), where)
        if not rows:
            raise _no_rows(place, language, split, wanted, others)
        return list(rows.values())

    @model_validator(mode="after")
    def _names_language_and_split_only(self) -> Columns:
        named = self.named() | set(template.fields(self.id_prefix))
        stray = named - {"language", "split"}
        if stray:
            raise ValueError(
                f"{{{sorted(stray)[0]}}} is not known; only {{language}} and {{split}}"
            )
        return self


def _spelled_once(what: str, names: Mapping[Any, str]) -> None:
    [(name, count)] = Counter(names.values()).most_common(1) or [("", 0)]
    if count > 1:
        alike = [ours for ours, theirs in names.items() if theirs == name]
        raise ValueError(
            f"the {what} {' and '.join(alike)} would be read from the same rows: each "
            f"is spelled {name!r}"
        )


def _no_rows(
    place: object, language: str, split: Split, wanted: dict[str, str], others: set[str]
) -> DataError:
    if not others:
        return DataError(f"no rows in the {split} split in {language!r}", where=place)
    conditions = " and ".join(f"{key!r} is {value!r}" for key, value in wanted.items())
    values = ", ".join(sorted(others)[:SHOWN]) + (", …" if len(others) > SHOWN else "")
    return DataError(
        f"no row whose {conditions}", where=place, fix=f"there are {values}"
    )


def _near(name: str, known: Iterable[str]) -> str:
    near = get_close_matches(name, list(known), n=1)
    return f"; did you mean {near[0]!r}" if near else ""


def _value(record: dict[str, object], column: str, where: str) -> str:
    """One value as text; a number as it is written, and a missing value as ""."""
    if column not in record:
        there = ", ".join(map(repr, record))
        raise DataError(
            f"no column {column!r}",
            where=where,
            fix=f"there are {there}{_near(column, record)}",
        )
    value = record[column]
    if value is None:
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str | int):
        return str(value)
    if isinstance(value, float):
        value = Decimal(repr(value))
    if isinstance(value, Decimal):
        if not value.is_finite() or abs(value.adjusted()) > DIGITS:
            raise DataError(
                f"column {column!r} is {value}",
                where=where,
                expected="a number that can be written out",
            )
        return f"{value:f}"  # without an exponent, which would be another number
    raise DataError(
        f"column {column!r} is a {type(value).__name__}",
        where=where,
        expected="text or a number",
    )


def _text(record: dict[str, object], column: str, where: str) -> str:
    value = _value(record, column, where)
    if not value.strip():
        raise DataError(f"column {column!r} is blank", where=where, expected="text")
    return value
