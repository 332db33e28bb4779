"""Several runs from their folders: what each is called, and what differs."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spillover.errors import StudyError
from spillover.results import Results, read_results

if TYPE_CHECKING:
    import pandas as pd


LONGEST = 80
"""Letters of a run's name, which heads columns; a setting may be a whole prompt."""


def read_runs(folders: Sequence[Path]) -> tuple[dict[str, Results], pd.DataFrame]:
    """The results of runs by a name for each, and their settings that differ.

    A run is called by its folder, or by its study if two folders have one name, or by
    its study and a setting that all have otherwise.

    Returns:
        name -> results; and one row a key of the studies or a version that is not the
        same in all runs, one column a run, as text, "" where a run has no such key.

    Raises:
        StudyError: fewer than two runs, or one of them twice.
        DataError: a folder holds no run.
    """
    import pandas as pd

    if len({folder.resolve() for folder in folders}) < max(2, len(folders)):
        raise StudyError(
            f"{len(folders)} folder(s): {', '.join(map(str, folders))}",
            where="compare",
            expected="two runs or more, each once",
        )
    runs = [read_results(folder) for folder in folders]
    settings = _settings(runs)
    names = _names(runs, settings)
    settings.columns = pd.Index(names)
    return dict(zip(names, runs, strict=True)), settings


def _settings(runs: Sequence[Results]) -> pd.DataFrame:
    """What is not the same in all studies and versions, key by key, as text."""
    import pandas as pd

    columns = []
    for results in runs:
        study = results.study
        raw = study.model_dump(mode="json", exclude={"name", "description"})
        for key in ("tasks", "corpora"):
            raw[key] = {
                use.resolve().name: use.model_dump(mode="json", exclude_defaults=True)
                for use in getattr(study, key)
            }
        raw["versions"] = results.versions
        columns.append(pd.json_normalize(raw).iloc[0].map(_text))
    frame = pd.concat(columns, axis=1).fillna("")
    differs = frame.ne(frame.iloc[:, 0], axis=0).any(axis=1)
    return frame[differs].rename_axis("key")


def _text(value: Any) -> str:
    if isinstance(value, list):
        return " ".join(map(str, value))
    return "" if value is None else str(value)


LABELS = {"table", "key", "claim", "about"}
"""Of columns beside those of the runs, in the files of a comparison."""


def _names(runs: Sequence[Results], settings: pd.DataFrame) -> list[str]:
    """The folders' names; if two are alike, the studies', or with what differs."""
    studies = [results.study.name for results in runs]
    candidates = [[results.folder.resolve().name for results in runs], studies]
    for key, values in zip(settings.index, settings.to_numpy(), strict=True):
        pairs = zip(studies, values, strict=True)
        candidates.append([f"{study} ({key} {value})" for study, value in pairs])
    candidates.append([str(results.folder) for results in runs])
    known, paths = candidates[:-1], candidates[-1]
    short = (names for names in known if max(map(len, names)) <= LONGEST)
    single = (names for names in short if len({*names} - LABELS) == len(names))
    return next(single, paths)
