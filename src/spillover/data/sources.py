"""Where bytes come from: files of the user's, of the package, or of the Hub.

A source says which languages and splits it serves, where they lie and what their
columns mean; its `read` returns their rows in the words of our own tasks and corpora.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from difflib import get_close_matches
from importlib.resources import files as package_files
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

from pydantic import Field, field_validator, model_validator

from spillover.data.columns import AS_WRITTEN, Columns, Row, Split
from spillover.data.formats import DELIMITERS, SUFFIXES, Format, records
from spillover.errors import DataError, first_line, network_error


class Files(Columns):
    """Files in one layout.

    Attributes:
        path: absolute, or relative to the data root, or to `package`.
        package: the package of spillover that ships the files (`spillover.data.mini`).
        format: None: from the suffix of `path`.
        header: the column names of a table that has no header line.
        quoted: whether cells may stand in double quotes; None: csv yes, tsv no.
    """

    path: str
    package: str | None = Field(default=None, pattern=r"^spillover(\.\w+)*$")
    format: Format | None = None
    header: Annotated[tuple[str, ...], AS_WRITTEN] = ()
    quoted: bool | None = None

    @property
    def known_format(self) -> Format:
        """The format, stated or from the suffix."""
        return self.format or SUFFIXES[Path(self.path).suffix.lower()]

    @property
    def id_column(self) -> str | None:
        """The column of the id; None where a row has only its number."""
        return self.id or ("sent_id" if self.known_format == "conllu" else None)

    @property
    def needs_root(self) -> bool:
        """Whether the path means nothing without a data root."""
        return self.package is None and not Path(self.path).is_absolute()

    def patterns(self) -> list[str]:
        """As `Columns.patterns`."""
        return [*super().patterns(), self.path]

    def place(self, language: str, split: Split, root: str | Path | None) -> Path:
        """Where the file of a language and split should be.

        Raises:
            DataError: the path is relative, and there is no root.
        """
        path = self.spelled(self.path, language, split)
        if self.package is not None:
            try:
                return Path(str(package_files(self.package).joinpath(path)))
            except (ImportError, TypeError) as error:  # the latter of a module
                raise DataError(
                    f"no Python package {self.package!r} with files in it",
                    where="package",
                    fix="leave 'package' out to read a path",
                ) from error
        if root is None and self.needs_root:
            raise DataError(
                f"the path {path!r} is relative to a data root, and none is given",
                fix="name the folder that holds it as the data root",
            )
        return Path(root or "", path)

    def read(
        self,
        language: str,
        split: Split,
        *,
        fields: Sequence[str],
        root: str | Path | None = None,
    ) -> list[Row]:
        """The rows of one language and split, in the file's own order.

        Args:
            language: our code of the language, which the source serves.
            split: our name of the split, which it serves, too.
            fields: the fields that each row must have.
            root: the data root, if the path is relative.

        Raises:
            DataError: what is missing, damaged, blank or doubled, with its place.
        """
        path = self.place(language, split, root)
        if root is not None and not Path(root).is_dir():
            raise DataError(
                "no such folder", where=root, expected="the data root there"
            )
        if not path.is_file():
            raise _no_file(path, language, split)
        quoted = self.known_format == "csv" if self.quoted is None else self.quoted
        found = (
            (f"{path}:{line}", values)
            for line, values in records(path, self.known_format, self.header, quoted)
        )
        try:
            return self.rows(found, path, language, split, fields)
        except OSError as error:
            raise DataError(f"cannot be read ({error.strerror})", where=path) from error

    def check_split(self) -> None:
        """Raise a `ValueError` if two splits would be read from the same rows."""
        if "split" not in self.named() and len(self.splits) != 1:
            raise ValueError(
                f"which split is {self.path!r}? Put {{split}} into the path, or say "
                "it, as 'splits: {test: test}'"
            )

    @model_validator(mode="after")
    def _can_be_read(self) -> Files:
        if self.format is None and Path(self.path).suffix.lower() not in SUFFIXES:
            raise ValueError(
                f"the suffix of {self.path!r} names no format; say it as 'format': "
                + ", ".join(dict.fromkeys(SUFFIXES.values()))
            )
        table = self.known_format in DELIMITERS
        if not table and (self.header or self.quoted is not None):
            raise ValueError(
                f"'header' and 'quoted' are for csv and tsv; {self.path!r} is "
                f"{self.known_format}"
            )
        twice = [name for name in self.header if self.header.count(name) > 1]
        if twice:
            raise ValueError(f"the header names {twice[0]!r} twice")
        return self


class Hub(Columns):
    """A data set on the Hugging Face Hub, in a format that needs no script.

    Attributes:
        repo: its name there, or a folder in the same layout.
        revision: a commit (40 hexadecimal digits), so that the data cannot change.
        config: its configuration, as `{language}`.
        data_files: the files of a split, for a repository that declares no
            configurations, as `{language}/{split}/*.parquet`.
    """

    repo: str
    revision: str
    config: str | None = None
    data_files: str | None = None

    @field_validator("repo")
    @classmethod
    def _has_an_owner(cls, value: str) -> str:
        # Of a bare name `datasets` makes a loader of its own; one reads pickles.
        if "/" not in value:
            raise ValueError(
                f"{value!r} is neither owner/name nor the path of a folder"
            )
        return value

    def patterns(self) -> list[str]:
        """As `Columns.patterns`."""
        return [*super().patterns(), self.config or "", self.data_files or ""]

    def place(self, language: str, split: Split, root: Path | None = None) -> str:
        """What errors call the data of a language and split."""
        inside = self.spelled(self.data_files or self.config or "", language, split)
        theirs = self.splits.get(split, split)
        return f"{self.repo}@{self.revision[:7]} {inside} {theirs}"

    def read(
        self,
        language: str,
        split: Split,
        *,
        fields: Sequence[str],
        root: Path | None = None,
    ) -> list[Row]:
        """As `Files.read`, from the Hub (or its cache, when offline)."""
        from datasets import load_dataset  # type: ignore[import-untyped]
        from datasets.exceptions import (  # type: ignore[import-untyped]
            DatasetsError,
        )

        place = self.place(language, split, root)
        theirs = self.splits.get(split, split)
        config = self.config and self.spelled(self.config, language, split)
        data_files = self.data_files and {
            theirs: self.spelled(self.data_files, language, split)
        }
        lost = network_error(), DatasetsError, OSError, ValueError, RuntimeError
        # The cache knows a folder by its last name alone, and not when it changes.
        local = Path(self.repo).is_dir()
        with TemporaryDirectory() if local else nullcontext() as cache:
            try:
                table = load_dataset(
                    self.repo,
                    config,
                    data_files=data_files,
                    split=theirs,
                    revision=self.revision,
                    cache_dir=cache,
                )
            except lost as error:
                said = first_line(error)
                raise DataError(
                    f"the Hub gave no {split} split in {language!r} ({said})",
                    where=place,
                    fix="check the connection, or fetch the official files and name "
                    "their folder as the data root",
                ) from error
            rows = ((f"{place}:{n}", dict(row)) for n, row in enumerate(table, 1))
            return self.rows(rows, place, language, split, fields)


def _no_file(path: Path, language: str, split: Split) -> DataError:
    folder = next((parent for parent in path.parents if parent.is_dir()), path)
    there = sorted(entry.name for entry in islice(folder.iterdir(), 1000))
    missing = next(iter(path.relative_to(folder).parts), "")
    shown = get_close_matches(missing, there, n=3) or there[:10]
    held = ", ".join(shown) + (", …" if len(there) > len(shown) else "")
    return DataError(
        "no such file",
        where=path,
        expected=f"the {split} split in {language!r} there",
        fix=f"{folder} holds {held or 'nothing'}",
    )
