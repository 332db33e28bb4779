"""The paper's three tables, as views of tidy results.

A tidy result is a data frame with one row an observation and these columns:

- evaluations: model, tuned_on (missing before tuning), task, language, metric, value,
  n, n_expected
- similarities: model, tuned_on, corpus, source, target, pooling, layer, parallel,
  random, n, n_expected
- correlations: task, metric, corpus, pooling, layer, statistic, value, p_t, p_exact,
  p_min, n; and model, where there is more than one

What has no row, or no value, is a gap and is printed as one. A value over fewer items
than expected carries a dagger. Where a column says so, the tables are of a task's own
prompt, of the parallel cosine, and of the mean over seeds, with its standard deviation.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spillover import writing
from spillover.analysis.findings import p_text
from spillover.analysis.permutation import SAMPLE
from spillover.data.task import OWN_PROMPT
from spillover.errors import DataError
from spillover.metrics import headline
from spillover.report import panel as forms
from spillover.report.panel import GAP, Panel, levels, number

if TYPE_CHECKING:
    import pandas as pd

Row = Mapping[str, Any]

INCOMPLETE = "†"


def score_panels(
    evaluations: pd.DataFrame, languages: Sequence[str], metrics: Mapping[str, str]
) -> list[Panel]:
    """Table 1: score of each task in each language, before and after tuning on it.

    Args:
        evaluations: tidy evaluations.
        languages: the columns, in order.
        metrics: task to its headline metric; the tasks in the order of the rows.

    Returns:
        One panel a model, in order of appearance.

    Raises:
        DataError: two rows compete for a cell.
    """
    import pandas as pd

    frame = _own_prompt(evaluations)
    before = frame["tuned_on"].isna()
    frame = frame.assign(tuning=before.map({True: "before", False: "after"}))
    frame = frame[before | (frame["tuned_on"] == frame["task"])]
    frame = headline(frame, metrics)
    rows = pd.MultiIndex.from_product(
        [list(metrics), ["before", "after"]], names=["task", "tuning"]
    )
    columns = pd.Index(languages, name="language")
    sizes = frame.groupby("task")["n"].agg(["min", "max"])
    used = [
        f"{task}: {metric} of {_range(*sizes.loc[task])} items"
        if task in sizes.index
        else f"{task}: {metric}"
        for task, metric in metrics.items()
    ]
    frame = _over_seeds(frame, ["model", "task", "tuning", "language"], ["value"])
    panels = []
    for keys, part in _groups(frame, ["model"]):
        values = _numbers(part, rows, columns)
        cells = _grid(part, rows, columns, _marked, GAP)
        title = "Table 1: score before and after tuning"
        note = _note(cells, *used, *_several(part))
        panels.append(Panel(title, keys, values, cells, note))
    return panels


def similarity_panels(
    similarities: pd.DataFrame, languages: Sequence[str], tasks: Sequence[str]
) -> list[Panel]:
    """Table 2: mean cosine of parallel (P) and random (R) pairs of sentences.

    Args:
        similarities: tidy similarities.
        languages: the languages paired with the source language, in order.
        tasks: what was tuned on, in the order of the columns.

    Returns:
        One panel for each model, corpus and layer, in order of appearance.

    Raises:
        DataError: two rows compete for a cell.
    """
    import pandas as pd

    frame = _own_prompt(similarities)
    tuned_on = frame["tuned_on"].astype(object)
    frame = frame.assign(
        tuning=tuned_on.where(tuned_on.notna(), "before"),
        pair=frame["source"] + "-" + frame["target"],
    ).rename(columns={"parallel": "P", "random": "R"})
    columns = pd.MultiIndex.from_product(
        [["before", *tasks], ["P", "R"]], names=["tuning", "measure"]
    )
    told = ["model", "corpus", "source", "pair", "pooling", "layer", "tuning"]
    frame = _over_seeds(frame, told, ["P", "R"])
    panels = []
    for keys, part in _groups(frame, ["model", "corpus", "layer"]):
        pairs = [
            f"{source}-{target}"
            for source in part["source"].unique()
            for target in languages
            if target != source
        ]
        rows = pd.MultiIndex.from_product(
            [part["pooling"].unique(), pairs], names=["pooling", "pair"]
        )
        values = _numbers(part, rows, columns)
        cells = _grid(part, rows, columns, _marked, GAP)
        parallel = f"P: parallel pairs of {_range(part['n'].min(), part['n'].max())}"
        parallel += " sentences"
        note = _note(cells, parallel, "R: random pairs", *_several(part))
        panels.append(Panel("Table 2: mean cosine", keys, values, cells, note))
    return panels


def correlation_panels(
    correlations: pd.DataFrame, metrics: Mapping[str, str]
) -> list[Panel]:
    """Table 3: score after tuning against similarity before, over languages.

    Args:
        correlations: tidy correlations.
        metrics: task to its headline metric; the tasks in the order of the rows.

    Returns:
        One panel for each model (where told apart), layer and statistic.

    Raises:
        DataError: two rows compete for a cell.
    """
    import pandas as pd

    measures = ["value", "p_t", "p_exact", "p_min", "n"]
    frame = headline(_own_prompt(correlations), metrics)
    frame = _seeds_as_spread(frame)
    rows = pd.Index(list(metrics), name="task")
    panels = []
    known = [key for key in ("model", "layer", "statistic") if key in frame]
    for keys, part in _groups(frame, known):
        places = part[["corpus", "pooling"]].drop_duplicates()
        columns = pd.MultiIndex.from_frame(places)
        wide = pd.MultiIndex.from_tuples(
            [(*place, measure) for place in columns for measure in measures],
            names=["corpus", "pooling", "measure"],
        )
        counts = {(*place, "n"): "Int64" for place in columns}
        values = _numbers(part, rows, wide).astype(counts)
        cells = _grid(part, rows, columns, _correlation, GAP)
        note = _note(
            cells,
            "correlation (p by t, too small for few languages) [permutation p]",
            *_floors(part),
            *(f"{s} of their own ρ; ρ is of the mean score" for s in _several(part)),
        )
        title = "Table 3: score after tuning against similarity before"
        panels.append(Panel(title, keys, values, cells, note))
    return panels


def write_tables(folder: Path, panels: Mapping[str, Sequence[Panel]]) -> None:
    """Write panels by the name of their file, each as .csv, .md and .tex.

    The CSV file holds full precision, with a gap empty; the other two are rounded as in
    the paper. The .tex file holds bare `tabular`s for the booktabs package. All files
    are made up before the first is written, and each replaces its predecessor at once.

    Args:
        folder: made if it does not exist.
        panels: name -> what the file holds.

    Raises:
        OutputError: a file cannot be written.
    """
    texts = {
        folder / f"{name}.{suffix}": write(shown)
        for name, shown in panels.items()
        for suffix, write in (
            ("csv", forms.csv),
            ("md", forms.markdown),
            ("tex", forms.latex),
        )
    }
    for path, text in texts.items():
        writing.replace(path, text)


def _own_prompt(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows that the paper's tables are of, among those with other prompts."""
    for column, value in (("prompt", OWN_PROMPT), ("measure", "parallel")):
        if column in frame:
            frame = frame[frame[column] == value]
    return frame


def _over_seeds(
    frame: pd.DataFrame, keys: list[str], measures: list[str]
) -> pd.DataFrame:
    """Each measure's mean over seeds, and its standard deviation as `<measure> sd`.

    Frames of a single seed stay as they are, so that two rows for one cell are found.
    """
    if "seed" not in frame or frame["seed"].nunique() < 2:
        return frame
    groups = frame.groupby(keys, sort=False)
    return (
        groups[measures]
        .mean()
        .join(groups[measures].std().add_suffix(" sd"))
        .join(groups["n"].min())
        .join(groups["n_expected"].max())
        .join(groups["seed"].nunique().rename("seeds"))
        .reset_index()
    )


def _seeds_as_spread(frame: pd.DataFrame) -> pd.DataFrame:
    """Correlations of the mean over seeds, with the spread of those of each seed."""
    if "seed" not in frame or frame["seed"].nunique() < 2:
        return frame
    keys = ["task", "metric", "corpus", "pooling", "layer", "statistic"]
    each = frame[frame["seed"].notna()].groupby(keys)
    spread = each["value"].std().rename("value sd")
    seeds = each["value"].count().rename("seeds")
    whole = frame[frame["seed"].isna()]
    return whole.join(spread, on=keys).join(seeds, on=keys)


def _groups(
    frame: pd.DataFrame, keys: list[str]
) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """The parts of a frame that agree in these columns, in order of appearance."""
    for values, part in frame.groupby(keys, sort=False, dropna=False):
        yield dict(zip(keys, values, strict=True)), part


def _grid(
    frame: pd.DataFrame,
    rows: pd.Index,
    columns: pd.Index,
    cell: Callable[[Row, str], Any],
    gap: str | None = None,
) -> pd.DataFrame:
    """A wide table; `gap` where the frame has no row for a cell.

    Rows of the frame are found by the columns that the levels of both indexes name. A
    last level named "measure" is the column of that row to show, "value" without one.
    """
    import pandas as pd

    measured = columns.names[-1] == "measure"
    keys = [*rows.names, *columns.names][: -1 if measured else None]
    found: dict[tuple[Any, ...], Row] = {}
    for record in frame.to_dict("records"):
        place = tuple(record[key] for key in keys)
        if place in found:
            raise DataError(
                f"two results for {', '.join(map(str, place))}",
                expected="one for each cell of a table",
                fix="select the rows to show",
            )
        found[place] = {str(name): value for name, value in record.items()}

    def show(row: Any, column: Any) -> Any:
        place = (*levels(row), *levels(column), *(() if measured else ("value",)))
        record = found.get(place[:-1])
        return gap if record is None else cell(record, place[-1])

    data = [[show(row, column) for column in columns] for row in rows]
    return pd.DataFrame(data, index=rows, columns=columns)


def _numbers(frame: pd.DataFrame, rows: pd.Index, columns: pd.Index) -> pd.DataFrame:
    return _grid(frame, rows, columns, lambda row, measure: row[measure]).astype(float)


def _range(low: int, high: int) -> str:
    return f"{low:,}" if low == high else f"{low:,} to {high:,}"


def _marked(row: Row, measure: str) -> str:
    """A number with two decimals, marked if it stands for fewer items than expected."""
    dagger = INCOMPLETE if row["n"] < row["n_expected"] else ""
    shown = number(row[measure])
    return shown if shown == GAP else shown + _spread(row, measure) + dagger


def _spread(row: Row, measure: str) -> str:
    """Standard deviation over seeds, where there are several."""
    value = row.get(f"{measure} sd")
    return "" if value is None or math.isnan(value) else f"±{value:.2f}"


def _correlation(row: Row, measure: str) -> str:
    """ρ (p by t) [exact p], as "0.97 (<0.01) [0.03]"."""
    shown = number(row[measure])
    if shown == GAP:
        return GAP
    spread = _spread(row, measure)
    return f"{shown}{spread} ({_p(row['p_t'])}) [{_p(row['p_exact'])}]"


def _p(value: float | None) -> str:
    return GAP if value is None or math.isnan(value) else p_text(value, 2)


def _note(cells: pd.DataFrame, *parts: str) -> str:
    marked = cells.map(lambda cell: cell.endswith(INCOMPLETE)).any(axis=None)
    told = [f"{INCOMPLETE} over fewer items than expected"] if marked else []
    return "; ".join([*parts, *told])


def _several(frame: pd.DataFrame) -> Iterator[str]:
    """How many seeds a mean and its spread are over."""
    counts = {int(n) for n in frame.get("seeds", ()) if n > 1}  # else no spread
    if counts:
        ends = dict.fromkeys((min(counts), max(counts)))
        yield f"± standard deviation over {' to '.join(map(str, ends))} seeds"


def _floors(correlations: pd.DataFrame) -> Iterator[str]:
    """For each number of languages, how exact p is and below what it cannot go."""
    shown = correlations[correlations["p_min"].notna()]
    for n, part in shown.groupby("n"):
        least = part["p_min"].min()
        yield (
            f"with {n:.0f} languages p is of {SAMPLE + 1:,} random orders, "
            f"± {part['p_error'].max():.2g} at most"
            if "p_error" in part and part["p_error"].gt(0).any()
            else f"with {n:.0f} languages p is exact, and never below {least:.2g}"
        )
