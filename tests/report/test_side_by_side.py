"""Tables of several runs."""

from __future__ import annotations

import math
from dataclasses import replace

import pandas as pd
import pytest

from spillover.analysis.verdict import Verdict
from spillover.report.panel import Panel
from spillover.report.side_by_side import (
    WIDEST,
    difference_panels,
    item_panels,
    score_panels,
    setting_panels,
    side_by_side,
    verdict_panels,
)


def test_settings_are_shortened_in_print_alone():
    frame = pd.DataFrame(
        {"a": ["x y\nz", "w" * 99], "b": ["", "1"]}, index=pd.Index(["k", "l"])
    )
    [panel] = setting_panels(frame)
    assert panel.cells["a"].tolist() == ["x y z", "w" * (WIDEST - 1) + "…"]
    assert panel.cells["b"].tolist() == ["–", "1"]
    assert panel.values["a"].tolist() == ["x y\nz", "w" * 99]
    assert setting_panels(frame.iloc[:0]) == []


def test_verdicts_of_each_run_stand_side_by_side():
    def verdict(scope, decision):
        return Verdict("improves", scope, "It rises.", decision, "So it is.", "a rule")

    one = [verdict("a", "supported"), verdict("b", "not decidable")]
    other = [verdict("b", "contradicted"), verdict("c", "supported")]
    [panel] = verdict_panels({"A": one, "B": other})
    assert panel.cells.loc["improves"].to_dict("index") == {
        "a": {"A": "supported", "B": "–"},
        "b": {"A": "not decidable", "B": "contradicted"},
        "c": {"A": "–", "B": "supported"},
    }


def test_items_are_counted_for_each_run_and_for_all():
    rows = [("A", "en", 5, 3), ("B", "en", 4, 3), ("A", "ja", 2, 2), ("B", "ja", 2, 2)]
    frame = pd.DataFrame(rows, columns=["run", "language", "n", "shared"])
    frame = frame.assign(task="t")
    [panel] = item_panels(frame)
    assert panel.cells.loc["t"].to_dict("index") == {
        "A": {"en": "5", "ja": "2"},
        "B": {"en": "4", "ja": "2"},
        "shared": {"en": "3", "ja": "2"},
    }
    assert item_panels(frame.assign(shared=frame["n"])) == []


def test_a_run_may_be_called_shared():
    rows = [("shared", "en", 5, 3), ("(shared)", "en", 4, 3)]
    frame = pd.DataFrame(rows, columns=["run", "language", "n", "shared"])
    [panel] = item_panels(frame.assign(task="t"))
    assert panel.cells.loc["t", "en"].to_dict() == {
        "shared": "5",
        "(shared)": "4",
        "((shared))": "3",
    }
    assert panel.note.startswith("((shared)): in all runs")


def scores():
    rows = [
        (task, run, tuning, language, value, sd)
        for task, languages in (("u", ("en", "ja", "others")), ("t", ("en", "fr")))
        for run, sd in (("B", math.nan), ("A", 0.02))
        for tuning, value in (("after", 0.5), ("transfer", -0.25))
        for language in languages
    ]
    names = ["task", "run", "tuning", "language", "value", "sd"]
    return pd.DataFrame(rows, columns=names).assign(metric="rougeL", seeds=2)


def test_scores_keep_the_order_that_they_come_in():
    [panel] = score_panels(scores())
    assert panel.cells.index.tolist() == [
        (task, tuning, run)
        for task in "ut"
        for tuning in ("after", "transfer")
        for run in "BA"
    ]
    assert panel.cells.index.names == ["task", "tuning", "run"]
    assert [*panel.cells] == ["en", "ja", "fr", "others"]
    assert panel.cells.loc[("u", "after", "A"), "ja"] == "0.50±0.02"
    assert panel.cells.loc[("u", "transfer", "B"), "others"] == "-0.25"
    assert panel.cells.loc[("t", "after", "B"), "others"] == "–"
    assert panel.values.loc[("u", "transfer", "A"), "en"] == -0.25
    for part in ("u: rougeL; t: rougeL", "over seeds", "others: mean over all but en"):
        assert part in panel.note


@pytest.mark.parametrize(
    ("difference", "low", "p", "cell"),
    [
        (0.123, 0.0449, 0.01, "+0.12* [+0.04,+0.15]"),
        (0.123, 0.0449, 0.05, "+0.12 [+0.04,+0.15]"),
        (-0.2, math.nan, 0.01, "-0.20*"),
        (-0.001, -0.003, 1.0, "+0.00 [+0.00,+0.15]"),
    ],
)
def test_differences_show_interval_and_who_is_sure(difference, low, p, cell):
    row = {"task": "t", "tuning": "after", "run": "B", "against": "A", "language": "fr"}
    numbers = {"difference": difference, "low": low, "high": 0.15, "p_holm": p}
    [panel] = difference_panels(pd.DataFrame([row | numbers]))
    assert panel.title == "Difference from A"
    assert panel.cells.loc[("t", "after", "B"), "fr"] == cell
    assert panel.values.loc[("t", "after", "B"), "fr"] == difference


def test_panels_of_runs_stand_side_by_side_where_they_are_of_the_same():
    frame = pd.DataFrame({"P": [0.5]}, index=pd.Index(["x"], name="pair"))
    one = Panel("T", {"model": "m", "corpus": "c"}, frame, frame.astype(str), "n; 5")
    other = replace(one, keys={"model": "k", "corpus": "c"}, note="n; 4")
    alone = replace(one, keys={"model": "k", "corpus": "d"})
    both, single = side_by_side("New", {"A": [one], "B": [other, alone]}, ["mind"])
    assert both.heading == "New · corpus c"
    assert both.note == "n; 5; 4; mind"
    assert both.cells.loc["x"].to_dict() == {("A", "P"): "0.5", ("B", "P"): "0.5"}
    assert single.heading == "New · corpus d"
    assert [*single.values] == [("B", "P")]
