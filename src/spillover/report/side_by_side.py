"""Tables of several runs: what differs between them, and the same views of each."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from spillover.analysis.between import OTHERS
from spillover.languages import PIVOT
from spillover.report.evidence import SURE, difference_cell
from spillover.report.panel import GAP, Panel

if TYPE_CHECKING:
    import pandas as pd

    from spillover.analysis.verdict import Verdict

WIDEST = 26
"""Characters of a setting that are shown, so that those of two runs fit in a line."""


def setting_panels(settings: pd.DataFrame) -> list[Panel]:
    """The keys that are not the same in all runs, one column a run; none if all are.

    Args:
        settings: texts, "" where a run has no such key; the index is the key.
    """
    if settings.empty:
        return []
    cells = settings.map(_shortened)
    note = f"keys of study.yaml, and versions; {GAP} none; in full in the CSV file"
    return [Panel("What differs between the runs", {}, settings, cells, note)]


def verdict_panels(verdicts: Mapping[str, Sequence[Verdict]]) -> list[Panel]:
    """What each run's data say to each claim, one column a run.

    Args:
        verdicts: name of the run -> its verdicts.
    """
    import pandas as pd

    said = {
        run: {(each.finding, each.scope): each.decision for each in several}
        for run, several in verdicts.items()
    }
    cells = pd.DataFrame(said).rename_axis(["claim", "about"]).fillna(GAP)
    note = "each run's own, over all of its items; its report has the rules and numbers"
    return [Panel("Verdicts", {}, cells, cells, note)]


def item_panels(items: pd.DataFrame) -> list[Panel]:
    """How many items each run has; none if all have the same.

    Args:
        items: run, task, language, n and shared.
    """
    import pandas as pd

    if (items["n"] == items["shared"]).all():
        return []
    label = "shared"
    while label in {*items["run"]}:
        label = f"({label})"
    shared = items.drop_duplicates(["task", "language"])
    shared = shared.assign(run=label, n=shared["shared"])
    note = f"{label}: in all runs; scores and tests are of these alone"
    both = pd.concat([items, shared])
    return [_wide("Items", both, ["task", "run"], "n", lambda row: str(row.n), note)]


def score_panels(scores: pd.DataFrame) -> list[Panel]:
    """Scores before and after tuning, and transfer, of each run on the same items.

    Args:
        scores: as `analysis.between.scores` gives them, with task and metric.
    """
    used = scores[["task", "metric"]].drop_duplicates().itertuples(index=False)
    note = "; ".join(
        [*(f"{task}: {metric}" for task, metric in used), "transfer: after - before"]
    )
    if scores["seeds"].max() > 1:
        note += "; ± standard deviation over seeds"
    if OTHERS in set(scores["language"]):
        note += f"; {OTHERS}: mean over all but {PIVOT}"
    rows = ["task", "tuning", "run"]
    return [_wide("Scores on the same items", scores, rows, "value", _score, note)]


def difference_panels(differences: pd.DataFrame) -> list[Panel]:
    """Each run less the first one, with interval and test.

    Args:
        differences: as `analysis.between.differences` gives them, with task.
    """
    note = (
        f"[95 % interval]; {SURE} p < 0.05 after Holm over languages and runs: exact "
        "McNemar, or sign flips for ROUGE, means over seeds and transfer; tested are "
        "other items, not other trainings"
    )
    rows = ["task", "tuning", "run"]
    title = f"Difference from {differences['against'].iloc[0]}"
    return [_wide(title, differences, rows, "difference", difference_cell, note)]


def side_by_side(
    title: str, panels: Mapping[str, Sequence[Panel]], caution: Sequence[str] = ()
) -> list[Panel]:
    """The panels of several runs in one, where all their keys but the model agree.

    Args:
        title: of the new panels.
        panels: name of the run -> its panels.
        caution: what to say besides in their notes.
    """
    import pandas as pd

    groups: dict[Any, dict[str, Panel]] = defaultdict(dict)
    for name, each in panels.items():
        for panel in each:
            keys = {key: v for key, v in panel.keys.items() if key != "model"}
            groups[tuple(keys.items())][name] = panel
    found = []
    for keys, there in groups.items():
        values, cells = (
            pd.concat({n: getattr(p, form) for n, p in there.items()}, axis=1)
            for form in ("values", "cells")
        )
        notes = [part for panel in there.values() for part in panel.note.split("; ")]
        note = "; ".join(dict.fromkeys([*notes, *caution]))
        found.append(Panel(title, dict(keys), values, cells.fillna(GAP), note))
    return found


def _wide(
    title: str,
    frame: pd.DataFrame,
    rows: list[str],
    value: str,
    show: Callable[[Any], str],
    note: str,
) -> Panel:
    """A column a language; all in the order of appearance, but `OTHERS` last."""
    import pandas as pd

    levels = [frame[name].unique() for name in rows]
    index = pd.MultiIndex.from_product(levels, names=rows)
    languages = sorted(frame["language"].unique(), key=lambda code: code == OTHERS)
    told = frame.assign(cell=[show(row) for row in frame.itertuples()])
    values, cells = (
        told.pivot(index=rows, columns="language", values=column).reindex(
            index=index[index.isin(pd.MultiIndex.from_frame(frame[rows]))],
            columns=languages,
        )
        for column in (value, "cell")
    )
    return Panel(title, {}, values, cells.fillna(GAP), note)


def _score(row: Any) -> str:
    shown = f"{row.value:+z.2f}" if row.tuning == "transfer" else f"{row.value:.2f}"
    return shown if math.isnan(row.sd) else f"{shown}±{row.sd:.2f}"


def _shortened(text: str) -> str:
    line = " ".join(text.split()) or GAP
    return line if len(line) <= WIDEST else line[: WIDEST - 1] + "…"
