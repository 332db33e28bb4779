"""Predictions before and after tuning, item by item, as rows to browse."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from itertools import accumulate, takewhile
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spillover import parquet
from spillover.data.task import Task
from spillover.languages import language as language_of
from spillover.layout import file_of
from spillover.study import Study

if TYPE_CHECKING:
    import pandas as pd

MOST = 300
"""The most rows of a task and language."""

BYTES = 1_000_000
"""The most that all rows may take, as JSON."""

HEAD, TAIL = 1_500, 500
"""How much is shown of a long text: a prompt's question often stands at its end."""

Group = dict[str, Any]


def examples(study: Study, folder: Path, room: int = BYTES) -> list[Group]:
    """The first items of each task and language, as many of each as fit a page.

    Predictions that are no longer in the folder are left out.

    Args:
        study: the study as it was run.
        folder: where its predictions are.
        room: the most bytes that all may take, as JSON; one of each is always there.

    Returns:
        For each task and language a mapping with `task`, `kind`, `metric`, `language`
        (its code), `name` (the language's), `total` (how many items the run has) and
        `rows`: mappings with `id`, `prompt`, `gold`, and `before` and `after`, each
        with `text`, `answer` (the answer word that it was read as; None where it was
        read as none, or is a generated text) and `score`. Of several seeds it is the
        first.
    """
    groups = [
        group
        for use in study.tasks
        for code in study.languages
        if (group := _group(study, use.resolve(), code, folder))
    ]
    most = _even([[_size(row) for row in group["rows"]] for group in groups], room)
    return [group | {"rows": group["rows"][:most]} for group in groups]


def _group(study: Study, task: Task, code: str, folder: Path) -> Group | None:
    """The items of a task and language; None where there are no predictions."""
    metric = study.metric(task)
    columns = ["id", "prompt", "gold", "text", study.headline, metric]
    seed = study.training_seeds[0]
    paths = [
        folder / file_of(study, task.name, code, tuned_on, seed)
        for tuned_on in (None, task.name)
    ]
    if not all(path.is_file() for path in paths):
        return None
    before, after = (parquet.read(path, columns) for path in paths)
    both = before.merge(after, on="id", suffixes=(" before", " after"), validate="1:1")
    return {
        "task": task.name,
        "kind": task.kind,
        "metric": metric,
        "language": code,
        "name": language_of(code).name,
        "total": len(both),
        "rows": [*_rows(both.head(MOST), task, study.headline, metric)],
    }


def _rows(
    both: pd.DataFrame, task: Task, reading: str, metric: str
) -> Iterator[dict[str, Any]]:
    for row in both.to_dict("records"):
        gold = row["gold before"]
        yield {
            "id": row["id"],
            "prompt": _short(row["prompt before"]),
            "gold": _short(task.answers.get(gold, gold)),
        } | {
            state: {
                "text": _short(row[f"text {state}"]),
                "answer": task.answers.get(row[f"{reading} {state}"]),
                "score": round(row[f"{metric} {state}"], 3),
            }
            for state in ("before", "after")
        }


def _short(text: str) -> str:
    """A text, with its middle left out if it is long."""
    if len(text) <= HEAD + TAIL:
        return text
    left_out = f" […{len(text) - HEAD - TAIL:,} characters left out…] "
    return text[:HEAD] + left_out + text[-TAIL:]


def _size(row: dict[str, Any]) -> int:
    return len(json.dumps(row, ensure_ascii=False).encode("utf-8", "replace"))


def _even(sizes: Sequence[Sequence[int]], room: int) -> int:
    """How many rows of each group fit when each gives as many, one at least."""
    rounds = [
        sum(group[place] for group in sizes if place < len(group))
        for place in range(max(map(len, sizes), default=0))
    ]
    fit = [*takewhile(lambda total: total <= room, accumulate(rounds))]
    return max(1, len(fit))
