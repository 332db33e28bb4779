"""Tables of what the paper's tables leave out: changes, baselines, prompts, pooling."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spillover.data.task import OWN_PROMPT
from spillover.metrics import SAME_LENGTH
from spillover.report.panel import Panel
from spillover.report.tables import GAP

if TYPE_CHECKING:
    import pandas as pd

SURE = "*"
LEVEL = 0.05


def change_panels(
    comparisons: pd.DataFrame, languages: Sequence[str], metrics: Mapping[str, str]
) -> list[Panel]:
    """What tuning changed in each language, with its interval.

    Args:
        comparisons: tidy comparisons.
        languages: the columns, in order.
        metrics: task to its headline metric; the tasks in the order of the rows.
    """
    frame = comparisons[comparisons["prompt"] == OWN_PROMPT]
    headline = frame["task"].map(metrics)
    several = frame["seed"].nunique() > 1
    values: dict[Any, dict[str, float]] = defaultdict(dict)
    cells: dict[Any, dict[str, str]] = defaultdict(dict)
    shown = ((headline, ""), (headline + SAME_LENGTH, ", same length"))
    for metric, words in shown:
        for row in _records(frame[frame["metric"] == metric]):
            task = f"{row.task}{words}"
            key = (task, str(row.seed)) if several else (task,)
            values[key][row.language] = row.difference
            cells[key][row.language] = difference_cell(row)
    note = (
        f"[95 % interval]; {SURE} p < 0.05 after Holm over languages: exact McNemar, "
        "or sign flips for ROUGE"
    )
    if frame["metric"].str.endswith(SAME_LENGTH).any():
        note += "; same length: both answers of an item cut to that of the shorter one"
    names = ["task", "seed"] if several else ["task"]
    return _panel("Change with tuning", values, cells, names, languages, note)


def baseline_panels(
    diagnostics: pd.DataFrame, languages: Sequence[str], metrics: Mapping[str, str]
) -> list[Panel]:
    """What answering without reading would score, for the classification tasks.

    Args:
        diagnostics: tidy diagnostics.
        languages: the columns, in order.
        metrics: task to its headline metric; the tasks in the order of the rows.
    """
    shown = {
        "baseline_majority": "always the most frequent",
        "baseline_uniform": "any, equally often",
        "baseline_rates": "any, as often as after tuning",
    }
    frame = diagnostics[diagnostics["prompt"] == OWN_PROMPT]
    after = frame["tuned_on"] == frame["task"]
    reading = frame["task"].map(metrics).str.removeprefix("accuracy_")
    read = frame["reading"].isna() | frame["reading"].eq(reading)
    frame = frame[frame["measure"].isin(list(shown)) & after & read]
    values: dict[Any, dict[str, float]] = defaultdict(dict)
    for task in metrics:
        for measure, label in shown.items():
            rows = frame[frame["task"].eq(task) & frame["measure"].eq(measure)]
            for language, part in rows.groupby("language", sort=False):
                values[task, label][str(language)] = part["value"].mean()
    cells = _rounded(values)
    note = "accuracy of an answer that does not depend on the item"
    return _panel("Baselines", values, cells, ["task", "answer"], languages, note)


def prompt_panels(
    evaluations: pd.DataFrame, languages: Sequence[str], metrics: Mapping[str, str]
) -> list[Panel]:
    """Scores after tuning with each prompt of a task, and their spread.

    Args:
        evaluations: tidy evaluations.
        languages: the columns, in order.
        metrics: task to its headline metric; the tasks in the order of the rows.
    """
    frame = evaluations[evaluations["tuned_on"] == evaluations["task"]]
    frame = frame[frame["metric"] == frame["task"].map(metrics)]
    values: dict[Any, dict[str, float]] = {}
    for task, part in frame.groupby("task", sort=False):
        means = part.groupby(["prompt", "language"], sort=False)["value"].mean()
        table = means.unstack("language")
        if len(table) < 2:
            continue
        table.loc["(lowest to highest)"] = table.max() - table.min()
        for prompt, row in table.iterrows():
            scores = row.dropna()
            values[str(task), str(prompt)] = {str(c): scores[c] for c in scores.index}
    cells = _rounded(values)
    note = "score after tuning, which was with the task's own prompt"
    return _panel("Prompts", values, cells, ["task", "prompt"], languages, note)


def pooled_panels(pooled: pd.DataFrame) -> list[Panel]:
    """The correlation over languages of all tasks and seeds together."""
    frame = pooled[pooled["statistic"] == "spearman"]
    values: dict[Any, dict[str, float]] = {}
    cells: dict[Any, dict[str, str]] = {}
    for row in _records(frame):
        key = (row.corpus, row.pooling, str(row.layer))
        values[key] = {
            name: getattr(row, name)
            for name in ("value", "p", "without_low", "without_high", "n_languages")
        }
        lowest = f"{row.without_low:z.2f} to {row.without_high:z.2f}"
        cells[key] = {
            "mean ρ": f"{row.value:z.2f}",
            "p": f"{row.p:.3f}",
            "one language less": GAP if math.isnan(row.without_low) else lowest,
        }
    each = "; or ".join(frame["strata"].unique())
    note = f"mean of {each}; p by permuting the languages in all of them at once"
    names = ["corpus", "pooling", "layer"]
    columns = ["mean ρ", "p", "one language less"]
    return _panel("Correlation, pooled", values, cells, names, columns, note)


def difference_cell(row: Any) -> str:
    """A difference, marked if it is sure, and its interval if it has one.

    Args:
        row: difference, low, high and p_holm; low is NaN without an interval.
    """
    sure = SURE if row.p_holm < LEVEL else ""
    interval = "" if math.isnan(row.low) else f" [{row.low:+z.2f},{row.high:+z.2f}]"
    return f"{row.difference:+z.2f}{sure}{interval}"


def _rounded(
    values: Mapping[Any, Mapping[str, float]],
) -> dict[Any, dict[str, str]]:
    return {
        key: {code: f"{value:.2f}" for code, value in row.items()}
        for key, row in values.items()
    }


def _records(frame: pd.DataFrame) -> Any:
    return frame.itertuples()


def _panel(
    title: str,
    values: Mapping[Any, Mapping[str, float]],
    cells: Mapping[Any, Mapping[str, str]],
    names: Sequence[str],
    columns: Sequence[str],
    note: str,
) -> list[Panel]:
    """The panel of rows by label; none where there are no rows."""
    import pandas as pd

    if not cells:
        return []
    index = pd.MultiIndex.from_tuples(list(cells), names=[*names])
    shown = [[row.get(column, GAP) for column in columns] for row in cells.values()]
    exact = pd.DataFrame([*values.values()], index=index)
    cells_frame = pd.DataFrame(shown, index=index, columns=pd.Index(columns))
    return [Panel(title, {}, exact, cells_frame, note)]
