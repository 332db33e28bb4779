"""A run beside a paper: every cell is its own side's, and it prints."""

from __future__ import annotations

import io
import math

import numpy as np
import pandas as pd
import pytest
from rich.console import Console

from spillover import published
from spillover.errors import StudyError
from spillover.report import panel as forms
from spillover.report.beside import beside

LANGUAGES = ["en", "fr", "de", "es", "zh", "ja"]
# A run of its own: three tasks, of which the paper has two; German for all; Swahili.
METRICS = {"pawsx": "accuracy_strict", "xnli": "accuracy_strict", "own": "rougeL"}
CODES = ["en", "fr", "de", "sw"]


@pytest.fixture(scope="module")
def xie():
    return published.load("xie2024")


def run(seed=0, corpora=("pawsx", "lines"), layers=(-1,), languages=CODES):
    rng = np.random.default_rng(seed)
    evaluations = [
        {
            "model": "ours",
            "tuned_on": tuned_on,
            "task": task,
            "language": code,
            "metric": metric,
            "value": rng.random(),
            "n": 9,
            "n_expected": 10,
        }
        for task, metric in METRICS.items()
        for tuned_on in (None, task)
        for code in languages
    ]
    similarities = [
        {
            "model": "ours",
            "tuned_on": tuned_on,
            "corpus": corpus,
            "source": "en",
            "target": code,
            "pooling": pooling,
            "layer": layer,
            "n": 9,
            "parallel": rng.random(),
            "random": rng.random(),
            "n_expected": 9,
        }
        for corpus in corpora
        for layer in layers
        for tuned_on in (None, *METRICS)
        for pooling in ("mean", "last")
        for code in languages[1:]
    ]
    correlations = [
        {
            "task": task,
            "metric": metric,
            "corpus": corpus,
            "pooling": pooling,
            "layer": layer,
            "statistic": "spearman",
            "value": rng.uniform(-1, 1),
            "p_t": rng.random(),
            "p_exact": rng.random(),
            "p_error": 0.0,
            "p_min": 1 / 3,
            "n": 3,
        }
        for task, metric in METRICS.items()
        for corpus in corpora
        for layer in layers
        for pooling in ("mean", "last")
    ]
    return tuple(map(pd.DataFrame, (evaluations, similarities, correlations)))


def shown(frames, xie, tasks=None, languages=CODES):
    return beside(*frames, xie, languages=languages, metrics=METRICS, tasks=tasks)


def look_up(records, column, **wanted):
    """By plain loops: the number of the one row with these values, else missing."""
    found = [
        row[column]
        for row in records
        if all(
            (pd.isna(row[key]) if value is None else row[key] == value)
            for key, value in wanted.items()
        )
    ]
    assert len(found) < 2
    return found[0] if found else math.nan


def same(a, b):
    return pd.isna(b) if pd.isna(a) else a == b


@pytest.mark.parametrize("tasks", [None, {"own": "xlsum"}])
def test_every_cell_of_table_1_is_its_own_sides(xie, tasks):
    frames = run()
    panel = shown(frames, xie, tasks)[0]
    ours = frames[0].to_dict("records")
    theirs = xie.evaluations.to_dict("records")
    names = {"pawsx": "pawsx", "xnli": "xnli", "own": None, "xlsum": "xlsum"}
    if tasks:
        names = {"pawsx": "pawsx", "xnli": "xnli", "own": "xlsum"}
    assert panel.values.index.tolist() == [
        (task, tuning, side)
        for task in names
        for tuning in ("before", "after")
        for side in ("run", "paper")
    ]
    assert list(panel.values) == ["en", "fr", "de", "sw", "es", "zh", "ja"]
    for task, tuning, side in panel.values.index:
        records, name = ours, task
        if side == "paper":
            records, name = theirs, names[task]
        for code in panel.values:
            expected = look_up(
                records,
                "value",
                task=name,
                language=code,
                tuned_on=name if tuning == "after" else None,
            )
            assert same(panel.values.loc[(task, tuning, side), code], expected)
            cell = panel.cells.loc[(task, tuning, side), code]
            dagger = "†" if side == "run" else ""
            assert cell == ("–" if pd.isna(expected) else f"{expected:.2f}{dagger}")


@pytest.mark.parametrize("tasks", [None, {"own": "xlsum"}])
def test_every_cell_of_table_2_is_its_own_sides(xie, tasks):
    frames = run(layers=(-1, 5))
    panels = [p for p in shown(frames, xie, tasks) if p.title.startswith("Table 2")]
    assert [(p.keys["corpus"], p.keys["layer"]) for p in panels] == [
        ("pawsx", -1), ("pawsx", 5), ("lines", -1), ("lines", 5),
    ]  # fmt: skip
    ours = frames[1].to_dict("records")
    theirs = xie.similarities.to_dict("records")
    for panel in panels:
        for pooling, pair, side in panel.values.index:
            for tuning, measure in panel.values:
                tuned_on = None if tuning == "before" else tuning
                where = {"layer": panel.keys["layer"]}
                records = ours
                if side == "paper":
                    where, records = {}, theirs
                    if tuned_on == "own":
                        tuned_on = "xlsum" if tasks else "nowhere"
                expected = look_up(
                    records,
                    {"P": "parallel", "R": "random"}[measure],
                    corpus=panel.keys["corpus"],
                    pooling=pooling,
                    target=pair.removeprefix("en-"),
                    tuned_on=tuned_on,
                    **where,
                )
                found = panel.values.loc[(pooling, pair, side), (tuning, measure)]
                assert same(found, expected)
    assert panels[0].values.xs("paper", level="from").notna().any(axis=None)
    assert (panels[2].cells.xs("paper", level="from") == "–").all(axis=None)


@pytest.mark.parametrize("tasks", [None, {"own": "xlsum"}])
def test_every_cell_of_table_3_is_its_own_sides(xie, tasks):
    frames = run()
    panel = shown(frames, xie, tasks)[-1]
    corpora = {corpus for corpus, _, _ in panel.values}
    assert corpora == {"pawsx", "lines", "pud"}
    ours = frames[2].to_dict("records")
    theirs = xie.correlations.to_dict("records")
    for task, side in panel.values.index:
        records, name = ours, task
        if side == "paper":
            records = theirs
            name = {"own": "xlsum" if tasks else "nowhere"}.get(task, task)
        for place in panel.values:
            wanted = dict(zip(("corpus", "pooling"), place, strict=False), task=name)
            expected = look_up(records, place[-1], **wanted)
            assert same(panel.values.loc[(task, side), place], expected)
    assert panel.cells.loc[("pawsx", "paper"), ("pud", "last")] == "0.88 (0.05) [–]"
    assert "p is exact, and never below" in panel.note


def test_a_task_is_set_beside_another_only_when_told(xie):
    silent, told = (shown(run(), xie, tasks)[0] for tasks in (None, {"own": "xlsum"}))
    assert (silent.cells.loc[("own", "after", "paper")] == "–").all()
    assert silent.cells.loc[("xlsum", "after", "paper"), "fr"] == "0.27"
    assert told.cells.loc[("own", "after", "paper"), "fr"] == "0.27"
    assert "xlsum rougeL as own" in told.note
    assert " as " not in silent.note


def test_a_corpus_or_a_statistic_of_one_side_only(xie):
    evaluations, similarities, correlations = run(corpora=("lines",))
    correlations = correlations.assign(statistic="kendall")
    panels = shown((evaluations, similarities, correlations), xie)
    assert [tuple(p.keys.values()) for p in panels] == [
        ("ours", "xie2024"),
        ("ours", "lines", -1, "xie2024"),
        ("pawsx", "xie2024"),
        (-1, "kendall", "xie2024"),
        ("spearman", "xie2024"),
    ]
    for panel, side in ((panels[2], "run"), (panels[4], "run"), (panels[3], "paper")):
        assert (panel.cells.xs(side, level="from") == "–").all(axis=None)
        assert panel.values.xs(side, level="from").isna().all(axis=None)
    assert panels[2].cells.loc[("mean", "en-fr", "paper"), ("before", "P")] == "0.54"


@pytest.mark.parametrize(
    ("tasks", "message"),
    [
        ({"ovn": "xlsum"}, "unknown task of the run 'ovn'; did you mean 'own'"),
        ({"own": "xlsun"}, "unknown task of the paper 'xlsun'; did you mean 'xlsum'"),
        ({"own": "xnli"}, "not matched one to one"),
        ({"pawsx": "xnli", "xnli": "xlsum", "own": "xlsum"}, "one to one"),
        ({"xnli": "xlsum"}, "one to one"),
    ],
)
def test_tasks_that_do_not_match(xie, tasks, message):
    with pytest.raises(StudyError, match=message):
        shown(run(), xie, tasks)


def test_tasks_may_change_places(xie):
    panel = shown(run(), xie, {"xnli": "pawsx", "pawsx": "xnli"})[0]
    assert panel.cells.loc[("xnli", "after", "paper"), "fr"] == "0.87"
    assert panel.cells.loc[("pawsx", "after", "paper"), "fr"] == "0.80"


def test_it_prints_in_every_form(xie):
    codes = ["en", *(f"{a}{b}" for a in "abc" for b in "uvwxy"), *LANGUAGES[1:]]
    panels = shown(run(languages=codes), xie, {"own": "xlsum"}, languages=codes)
    console = Console(width=80, file=io.StringIO(), record=True)
    for panel in panels:
        for table in forms.terminal(panel):
            console.print(table)
    text = console.export_text()
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "0.99" in text
    (first, *_) = panels
    assert "| pawsx | after | paper | 0.95 |" in forms.markdown([first])
    assert "pawsx & after & paper & 0.95 &" in forms.latex([first])
    table = pd.read_csv(io.StringIO(forms.csv([first])))
    assert table["from"].tolist()[:2] == ["run", "paper"]
    assert set(table["paper"]) == {"xie2024"}
    assert table["fr"].tolist() == first.values["fr"].tolist()
    assert ",3," in forms.csv(panels[-1:])  # n is a whole number, gaps or not
