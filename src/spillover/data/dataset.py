"""What tasks and parallel corpora have in common: where they lie, and their facts."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, Field

from spillover.data.columns import Codes, Name, Word
from spillover.data.sources import Files, Hub


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
