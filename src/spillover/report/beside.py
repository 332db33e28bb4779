"""A run's Tables 1 to 3, with a paper's numbers under each row."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spillover.errors import StudyError, unknown
from spillover.published import Published
from spillover.report import tables
from spillover.report.panel import GAP, Panel, levels

if TYPE_CHECKING:
    import pandas as pd

SIDES = ("run", "paper")
MATCHED = ((), ("corpus",), ("statistic",))  # what panels of each table must agree in


def beside(
    evaluations: pd.DataFrame,
    similarities: pd.DataFrame,
    correlations: pd.DataFrame,
    published: Published,
    *,
    languages: Sequence[str],
    metrics: Mapping[str, str],
    tasks: Mapping[str, str] | None = None,
) -> list[Panel]:
    """Tables 1 to 3 of a run, with the paper's row under each of its rows.

    Cells are matched by task, language, corpus and pooling, in Table 3 also by the
    statistic. Layers are not, as a paper may not say which it used: its numbers stand
    in the panels of every layer. What only one side has is a gap on the other.

    Args:
        evaluations: the run's tidy evaluations.
        similarities: the run's tidy similarities.
        correlations: the run's tidy correlations.
        published: the paper.
        languages: the run's languages, in order; further ones of the paper follow.
        metrics: the run's tasks to their headline metrics, in the order of the rows;
            further tasks of the paper follow.
        tasks: the run's task to the paper's task that it is set beside. Tasks of the
            same name need no entry; no others are matched without one.

    Returns:
        Table 1 for each model of the run, Table 2 for each model, corpus and layer and
        for each corpus that only the paper has, Table 3 for each layer.

    Raises:
        StudyError: `tasks` names a task that its side does not have, or two tasks for
            one.
        DataError: the run's results do not make up a table.
    """
    rows = _rows(metrics, published, tasks or {})
    theirs = {row: published.metrics[task] for task, row in rows.items()}
    named = [*dict.fromkeys([*metrics, *theirs])]
    codes = [*dict.fromkeys([*languages, *published.languages])]
    run = _tables(
        evaluations,
        similarities,
        correlations,
        codes,
        {task: metrics.get(task) or theirs[task] for task in named},
    )
    paper = _tables(
        _renamed(published.evaluations, rows),
        _renamed(published.similarities, rows),
        _renamed(published.correlations, rows),
        codes,
        {task: theirs.get(task) or metrics[task] for task in named},
    )
    shown = ", ".join(
        f"{task} {published.metrics[task]}" + ("" if row == task else f" as {row}")
        for task, row in rows.items()
    )
    note = f"paper: {published.model} ({shown})"
    return [
        _joined(*pair, same, published.name, note)
        for ours, others, same in zip(run, paper, MATCHED, strict=True)
        for pair in _pairs(ours, others, same)
    ]


def _rows(
    metrics: Mapping[str, str], published: Published, tasks: Mapping[str, str]
) -> dict[str, str]:
    """The paper's tasks, and which row each stands in."""
    for ours, theirs in tasks.items():
        if ours not in metrics:
            raise unknown("task of the run", ours, metrics)
        if theirs not in published.metrics:
            raise unknown("task of the paper", theirs, published.metrics)
    matched = {task: task for task in metrics if task in published.metrics}
    matched |= tasks
    counterpart = {theirs: ours for ours, theirs in matched.items()}
    rows = {task: counterpart.get(task, task) for task in published.metrics}
    if len(counterpart) < len(matched) or len(set(rows.values())) < len(rows):
        raise StudyError(
            f"tasks are not matched one to one: {matched}",
            expected="each task of the paper beside one of the run",
        )
    return rows


def _tables(
    evaluations: pd.DataFrame,
    similarities: pd.DataFrame,
    correlations: pd.DataFrame,
    languages: Sequence[str],
    metrics: Mapping[str, str],
) -> tuple[list[Panel], ...]:
    return (
        tables.score_panels(evaluations, languages, metrics),
        tables.similarity_panels(similarities, languages, list(metrics)),
        tables.correlation_panels(correlations, metrics),
    )


def _renamed(frame: pd.DataFrame, rows: Mapping[str, str]) -> pd.DataFrame:
    names = [name for name in ("task", "tuned_on") if name in frame]
    return frame.assign(**{name: frame[name].replace(dict(rows)) for name in names})


def _pairs(
    run: Sequence[Panel], paper: Sequence[Panel], same: Sequence[str]
) -> list[tuple[Panel | None, Panel | None]]:
    """Each panel of the run with the paper's that agrees in these keys, then others."""

    def key(panel: Panel) -> tuple[Any, ...]:
        return tuple(panel.keys[name] for name in same)

    theirs = {key(panel): panel for panel in paper}
    seen = {key(panel) for panel in run}
    alone = [(None, panel) for place, panel in theirs.items() if place not in seen]
    return [*((panel, theirs.get(key(panel))) for panel in run), *alone]


def _joined(
    run: Panel | None, paper: Panel | None, same: Sequence[str], name: str, note: str
) -> Panel:
    sides = (run, paper)
    there = [panel for panel in sides if panel is not None]
    keys = there[0].keys if run else {key: there[0].keys[key] for key in same}
    values = _interleaved([None if p is None else p.values for p in sides], math.nan)
    cells = _interleaved([None if p is None else p.cells for p in sides], GAP)
    counts = [column for column in values if levels(column)[-1] == "n"]
    return Panel(
        there[0].title,
        {**keys, "paper": name},
        values.astype(dict.fromkeys(counts, "Int64")),
        cells,
        f"{there[0].note}; {note}",
    )


def _interleaved(frames: Sequence[pd.DataFrame | None], gap: Any) -> pd.DataFrame:
    """The rows of both frames in turn; a row or a column of one only is a gap."""
    import pandas as pd

    there = [frame for frame in frames if frame is not None]
    rows = there[0].index.union(there[-1].index, sort=False)
    columns = there[0].columns.union(there[-1].columns, sort=False)
    sides = [
        (there[0][:0] if frame is None else frame).reindex(
            index=rows, columns=columns, fill_value=gap
        )
        for frame in frames
    ]
    both = pd.concat(sides, keys=SIDES, names=["from"])
    in_turn = [place + start for place in range(len(rows)) for start in (0, len(rows))]
    return both.reorder_levels([*map(str, rows.names), "from"]).iloc[in_turn]
