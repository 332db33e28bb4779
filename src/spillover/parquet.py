"""Tables of a run, read back from its folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from spillover.errors import DataError, first_line

if TYPE_CHECKING:
    import pandas as pd


def read(path: Path, columns: list[str] | None = None) -> pd.DataFrame:
    """A table, or some of its columns.

    Raises:
        DataError: it is not there, is damaged or lacks a column.
    """
    import pandas as pd

    if not path.is_file():
        raise DataError("no such file", where=path, fix="run the study again")
    try:
        frame = pd.read_parquet(path)
    except (OSError, ValueError) as error:  # what Arrow raises is one of them
        raise DataError(
            f"not a readable table ({first_line(error)})",
            where=path,
            fix="run the study again",
        ) from error
    if columns is None:
        return frame
    if lacking := [name for name in columns if name not in frame]:
        raise DataError(
            f"lacks {', '.join(lacking)}, as a table of another version of spillover",
            where=path,
            fix="run the study again: what its steps have computed is kept",
        )
    return frame[columns]
