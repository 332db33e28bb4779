"""What tasks and parallel corpora have in common: where they lie, and their facts."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

from pydantic import BaseModel, ConfigDict, Field

from spillover.data.columns import Codes, Name, Split, Word
from spillover.data.sources import Files, Hub
from spillover.errors import StudyError, unknown


class DataSet(BaseModel):
    """A data set in several languages.

    Attributes:
        name: how studies and the command line call it.
        description: one line on what it holds.
        languages: the languages that it has.
        files: where the official files lie.
        hub: where the Hub has them.
        placeholder: the text that stands for one that was never translated.
        licence: of the data.
        citation: the paper to cite.
        homepage: where the data set is described and can be had.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", coerce_numbers_to_str=True)

    name: Name
    description: str = ""
    languages: Codes = Field(min_length=1)
    files: tuple[Files, ...] = ()
    hub: tuple[Hub, ...] = ()
    placeholder: Word | None = None
    licence: str = ""
    citation: str = ""
    homepage: str = ""

    @property
    def sources(self) -> tuple[Files | Hub, ...]:
        """All sources, files first."""
        return (*self.files, *self.hub)

    def source(
        self, split: Split, language: str, data_root: Path | None = None
    ) -> Files | Hub:
        """The first of the sources that serves a split and a language.

        Files whose path is relative to a data root count only where there is one.

        Raises:
            StudyError: there is none.
        """
        if language not in self.languages:
            raise unknown(f"language of {self.name}", language, self.languages)
        serving = [each for each in self.sources if each.serves(language, split)]
        for each in serving:
            if isinstance(each, Hub) or data_root is not None or not each.needs_root:
                return each
        if serving:
            raise StudyError(
                f"the {split} split of {self.name} in {language!r} is not on the Hub",
                fix="fetch its files and name their folder as the data root",
            )
        splits: tuple[Split, ...] = get_args(Split)
        has = {s: any(it.serves(language, s) for it in self.sources) for s in splits}
        there = [name for name, is_there in has.items() if is_there]
        raise StudyError(
            f"{self.name} has no {split} split in {language!r}",
            fix=f"it has {', '.join(there) or 'none'} there",
        )
