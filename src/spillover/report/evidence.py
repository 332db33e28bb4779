"""Tables of what the paper's leave out, from intervals to pooled correlations."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spillover.analysis.answers import NO_ANSWER
from spillover.analysis.findings import ALPHA, of_mean_score, p_text
from spillover.analysis.permutation import at_most
from spillover.data.task import OWN_PROMPT
from spillover.metrics import SAME_LENGTH, headline, is_rouge
from spillover.report.panel import GAP, Panel, number

if TYPE_CHECKING:
    import pandas as pd

SURE = "*"
Cell = tuple[float, str]
"""A number, and the text that stands for it."""
Rows = dict[Any, dict[str, Cell]]
"""The labels of a row -> column -> cell."""

FEW = 30
"""Below so many summaries the bootstrap covers less than it says where many of them
score nothing: 80 % and not 95 % at 12 of which four in five do."""


def interval_panels(
    evaluations: pd.DataFrame, languages: Sequence[str], metrics: Mapping[str, str]
) -> list[Panel]:
    """Table 1 again, each score with its interval, and each seed on its own.

    Args:
        evaluations: tidy evaluations.
        languages: the columns, in order.
        metrics: task to its headline metric; the tasks in the order of the rows.
    """
    frame = evaluations[evaluations["prompt"] == OWN_PROMPT]
    frame = headline(frame, metrics)
    frame = frame[frame["tuned_on"].isna() | frame["tuned_on"].eq(frame["task"])]
    several = frame["seed"].nunique() > 1
    rows: Rows = defaultdict(dict)
    for task in metrics:
        for row in _records(frame[frame["task"] == task]):
            tuning = "after" if isinstance(row.tuned_on, str) else "before"
            tuning += f", seed {row.seed}" if several and tuning == "after" else ""
            gap = math.isnan(row.low)
            interval = "" if gap else f" [{row.low:.2f},{row.high:.2f}]"
            text = f"{row.value:.2f}{interval}"
            rows[task, tuning][row.language] = row.value, text
    note = "[95 % interval]: Wilson's, or the bootstrap over items for ROUGE"
    names = ["task", "tuning"]
    title = "Scores with their intervals"
    return _panel(title, rows, names, languages, note)


ANSWERS = {
    ("share", "strict", NO_ANSWER): ("no answer word", ".2f"),
    ("macro_f1", None, None): ("macro-F1", ".2f"),
    ("ece", "choice", None): ("calibration error", ".2f"),
    ("lead_copy", "output", None): ("copies the lead", ".2f"),
    ("right_language", "output", None): ("in the right language", ".2f"),
    ("length", "output", "tokens"): ("words", ".0f"),
    ("novel_ngrams", "output", "2"): ("new bigrams", ".2f"),
    ("empty", "output", None): ("empty", ".2f"),
}
"""Measure, reading (None: the headline's) and label -> how it is called and printed."""


def answer_panels(
    diagnostics: pd.DataFrame, languages: Sequence[str], metrics: Mapping[str, str]
) -> list[Panel]:
    """What the answers are like, before and after tuning.

    Args:
        diagnostics: tidy diagnostics.
        languages: the columns, in order.
        metrics: task to its headline metric; the tasks in the order of the rows.
    """
    frame = diagnostics[diagnostics["prompt"] == OWN_PROMPT]
    rows: Rows = defaultdict(dict)
    for task, metric in metrics.items():
        own = frame[frame["task"] == task]
        shown = metric.removeprefix("accuracy_")
        for (measure, reading, label), (name, form) in ANSWERS.items():
            part = own[own["measure"].eq(measure)]
            part = part[part["reading"].eq(reading or shown)]
            part = part[part["label"].eq(label) if label else part["label"].isna()]
            for tuning, found in (
                ("before", part[part["tuned_on"].isna()]),
                ("after", part[part["tuned_on"].eq(task)]),
            ):
                rows[task, name, tuning] = _by_language(found, form)
    note = "shares of the items, unless said otherwise (docs: Diagnostics)"
    names = ["task", "answers", "tuning"]
    return _panel("Answers", rows, names, languages, note)


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
    several = frame["seed"].nunique() > 1
    rows: Rows = defaultdict(dict)
    cut = {task: metric + SAME_LENGTH for task, metric in metrics.items()}
    for shown, words in ((metrics, ""), (cut, ", same length")):
        part = headline(frame, shown)
        for row in _records(part):
            task = f"{row.task}{words}"
            key = (task, str(row.seed)) if several else (task,)
            rows[key][row.language] = row.difference, difference_cell(row)
        if several:
            for name, each in part.groupby("task"):
                means = _by_language(each, "+z.2f", "difference")
                rows[f"{name}{words}", "mean"] = means
    note = (
        f"[95 % interval]; {SURE} p < 0.05 after Holm over languages: exact McNemar, "
        "or sign flips for ROUGE"
    )
    if several:
        note += f"; mean ± standard deviation over {frame['seed'].nunique()} seeds"
    if frame.loc[frame["metric"].map(is_rouge), "n"].lt(FEW).any():
        note += f"; of fewer than {FEW} items those of ROUGE may be too narrow"
    if frame["metric"].str.endswith(SAME_LENGTH).any():
        note += "; same length: both answers of an item cut to that of the shorter one"
    names = ["task", "seed"] if several else ["task"]
    return _panel("Change with tuning", rows, names, languages, note)


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
    rows: Rows = defaultdict(dict)
    frame = diagnostics[diagnostics["prompt"] == OWN_PROMPT]
    after = frame["tuned_on"] == frame["task"]
    reading = frame["task"].map(metrics).str.removeprefix("accuracy_")
    read = frame["reading"].isna() | frame["reading"].eq(reading)
    frame = frame[frame["measure"].isin(list(shown)) & after & read]
    for task in metrics:
        for measure, label in shown.items():
            found = frame[frame["task"].eq(task) & frame["measure"].eq(measure)]
            if measure != "baseline_rates":  # the same with each seed
                found = found.drop_duplicates("language")
            rows[task, label] = _by_language(found)
    note = "accuracy of an answer that does not depend on the item"
    return _panel("Baselines", rows, ["task", "answer"], languages, note)


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
    frame = headline(frame, metrics)
    rows: Rows = defaultdict(dict)
    for task, part in frame.groupby("task", sort=False):
        if part["prompt"].nunique() < 2:
            continue
        for prompt, each in part.groupby("prompt", sort=False):
            rows[task, prompt] = _by_language(each)
        for code, each in part.groupby("language", sort=False):
            means = each.groupby("prompt")["value"].mean()
            spread = float(means.max() - means.min())
            rows[task, "(lowest to highest)"][str(code)] = spread, f"{spread:.2f}"
    note = "score after tuning, which was with the task's own prompt"
    return _panel("Prompts", rows, ["task", "prompt"], languages, note)


def pooled_panels(pooled: pd.DataFrame) -> list[Panel]:
    """The correlation over languages of all tasks and seeds together.

    Args:
        pooled: one row a corpus, pooling and layer, of Spearman's; may be empty.
    """
    rows: Rows = {}
    for row in _records(pooled):
        rows[row.corpus, row.pooling, str(row.layer)] = {
            "mean ρ": (row.value, f"{row.value:z.2f}"),
            "p": (row.p, p_text(row.p)),
            "smallest p": (row.p_min, p_text(row.p_min)),
            "least": (row.without_low, number(row.without_low)),
            "most": (row.without_high, number(row.without_high)),
            "languages": (row.n_languages, f"{row.n_languages}"),
        }
    each = "; or ".join(pooled["strata"].unique())
    note = f"mean of {each}; p by permuting the languages in all of them at once, and "
    note += "the smallest that can come out; of several seeds each counts; languages "
    note += "change places only with those of the same tasks; "
    note += "least and most: with one language less"
    names = ["corpus", "pooling", "layer"]
    columns = ["mean ρ", "p", "smallest p", "least", "most", "languages"]
    return _panel("Correlation, pooled", rows, names, columns, note)


def measure_panels(
    correlations: pd.DataFrame, metrics: Mapping[str, str]
) -> list[Panel]:
    """Table 3 with each measure of similarity; of several seeds of the mean score.

    Args:
        correlations: tidy correlations, Spearman's of one layer; may be empty.
        metrics: task to its headline metric.
    """
    frame = of_mean_score(headline(correlations, metrics))
    frame = frame[frame["value"].notna()]
    rows: Rows = defaultdict(dict)
    for row in _records(frame):
        p = at_most(row.p_measures, sampled=row.p_error > 0)
        sure = SURE if p < ALPHA else ""
        text = f"{row.value:z.2f}{sure} [{p_text(row.p_exact)}]"
        rows[row.task, row.corpus, row.measure][row.pooling] = row.value, text
    note = (
        f"ρ of scores after tuning [permutation p]; {SURE} p < 0.05 adjusted for all "
        "measures, poolings and layers of a task and a corpus"
    )
    poolings = [*dict.fromkeys(frame["pooling"])]
    names = ["task", "corpus", "similarity before"]
    return _panel("Correlation, by measure", rows, names, poolings, note)


def difference_cell(row: Any) -> str:
    """A difference, marked if it is sure, and its interval if it has one.

    Args:
        row: difference, low, high and p_holm; low is NaN without an interval.
    """
    sure = SURE if row.p_holm < ALPHA else ""
    interval = "" if math.isnan(row.low) else f" [{row.low:+z.2f},{row.high:+z.2f}]"
    return f"{row.difference:+z.2f}{sure}{interval}"


def _by_language(
    frame: pd.DataFrame, form: str = ".2f", column: str = "value"
) -> dict[str, Cell]:
    """The means over seeds, in print with the standard deviation."""
    cells = {}
    for code, values in frame.groupby("language", sort=False)[column]:
        spread = f"±{values.std():.2f}" if len(values) > 1 else ""
        cells[str(code)] = float(values.mean()), f"{values.mean():{form}}{spread}"
    return cells


def _records(frame: pd.DataFrame) -> Any:
    return frame.itertuples()


def _panel(
    title: str, rows: Rows, names: Sequence[str], columns: Sequence[str], note: str
) -> list[Panel]:
    """The panel of rows by label, without empty ones; none where there are no rows."""
    import pandas as pd

    rows = {label: row for label, row in rows.items() if row}
    if not rows:
        return []
    texts = [text for row in rows.values() for _, text in row.values()]
    if any("±" in text for text in texts) and "±" not in note:
        note += "; ± standard deviation over seeds"
    index = pd.MultiIndex.from_tuples(list(rows), names=[*names])
    gap = math.nan, GAP
    cells = [[row.get(column, gap) for column in columns] for row in rows.values()]
    exact, shown = (
        pd.DataFrame(
            [[cell[side] for cell in line] for line in cells],
            index=index,
            columns=[*columns],
        )
        for side in (0, 1)
    )
    return [Panel(title, {}, exact, shown, note)]
