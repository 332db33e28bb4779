"""Published tables: every number as printed, and what a file of them must hold."""

from __future__ import annotations

import math

import pytest
import yaml

from spillover import published
from spillover.errors import DataError, StudyError
from spillover.report import panel as forms
from spillover.report.tables import (
    correlation_panels,
    score_panels,
    similarity_panels,
)

# The tables of Xie et al. (2024), row by row as they are printed.
TABLE_1 = """
pawsx before 0.54 0.54 0.51 0.54 0.55 0.56
pawsx after  0.95 0.87 0.87 0.86 0.75 0.71
xnli  before 0.33 0.33 0.33 0.33 0.33 0.15
xnli  after  0.88 0.80 0.79 0.77 0.60 0.56
xlsum before 0.08 0.12 –    0.13 0.19 0.18
xlsum after  0.32 0.27 –    0.22 0.18 0.21
"""
TABLE_2 = """
mean en-fr 0.54 0.34 0.55 0.36 0.55 0.36
mean en-de 0.50 0.32 0.51 0.34 0.51 0.34
mean en-es 0.49 0.29 0.51 0.32 0.50 0.32
mean en-zh 0.26 0.17 0.26 0.18 0.28 0.20
mean en-ja 0.22 0.15 0.23 0.16 0.24 0.17
last en-fr 0.50 0.39 0.48 0.36 0.47 0.36
last en-de 0.37 0.28 0.34 0.25 0.31 0.23
last en-es 0.38 0.28 0.36 0.25 0.33 0.23
last en-zh 0.31 0.25 0.32 0.25 0.33 0.27
last en-ja 0.31 0.27 0.33 0.27 0.33 0.28
"""
TABLE_3 = """
pawsx 0.99 0.01 0.70 0.19 0.97 0.01 0.88 0.05
xnli  0.97 0.01 0.75 0.14 0.93 0.07 0.81 0.19
xlsum 0.80 0.20 0.97 0.03 0.81 0.19 0.94 0.06
"""
LANGUAGES = ["en", "fr", "de", "es", "zh", "ja"]


@pytest.fixture(scope="module")
def xie():
    return published.load("xie2024")


def lines(table):
    return [line.split() for line in table.strip().splitlines()]


def rows(panel):
    return [
        [*forms.levels(label), *cells]
        for label, *cells in panel.cells.itertuples(name=None)
    ]


def test_table_1_is_as_printed(xie):
    (panel,) = score_panels(xie.evaluations, xie.languages, xie.metrics)
    assert list(panel.cells) == LANGUAGES
    assert rows(panel) == lines(TABLE_1)
    assert panel.keys == {"model": "LLaMA-7B"}


def test_table_2_is_as_printed(xie):
    (panel,) = similarity_panels(xie.similarities, xie.languages, ["pawsx", "xlsum"])
    assert list(panel.cells) == [
        (tuning, measure) for tuning in ("before", "pawsx", "xlsum") for measure in "PR"
    ]
    assert rows(panel) == lines(TABLE_2)
    assert set(xie.similarities["n"]) == {2000}


def test_table_3_is_as_printed(xie):
    (panel,) = correlation_panels(xie.correlations, xie.metrics)
    places = [(c, p) for c in ("pawsx", "pud") for p in ("mean", "last")]
    assert list(panel.cells) == places
    printed = [
        [task, *(f"{rho} ({p}) [–]" for rho, p in zip(r[::2], r[1::2], strict=True))]
        for task, *r in lines(TABLE_3)
    ]
    assert rows(panel) == printed
    assert xie.correlations.groupby("task")["n"].unique().map(list).to_dict() == {
        "pawsx": [5],
        "xnli": [5],
        "xlsum": [4],
    }


def test_a_gap_has_no_row_and_what_is_not_said_is_missing(xie):
    scores = xie.evaluations
    assert scores[(scores["task"] == "xlsum") & (scores["language"] == "de")].empty
    assert scores["value"].notna().all()
    assert scores[["n", "n_expected"]].isna().all(axis=None)
    assert xie.similarities["layer"].isna().all()
    assert xie.correlations[["p_exact", "p_min", "layer"]].isna().all(axis=None)
    assert any("no German" in note for note in xie.notes)
    assert any("JNLI" in note for note in xie.notes)


def test_names_and_a_name_that_is_none():
    assert "xie2024" in published.names()
    with pytest.raises(StudyError, match=r"unknown paper 'xie2023'; did you mean 'xie"):
        published.load("xie2023")


OTHER = """
citation: Someone (2030)
model: m
decimals: 1
languages: [en, sw]
metrics: {task: accuracy}
scores:
  task:
    before: [50.1, null]
    after: [60.2, 55.3]
similarities:
  - corpus: lines
    tuned_on: [null]
    poolings:
      mean:
        sw: [[0.5, null]]
correlations:
  columns: [[lines, mean]]
  n: {task: 3}
  rows:
    task: [[0.5, null]]
"""


def test_another_paper_is_another_file():
    other = published.parse("someone2030", OTHER)
    assert other.name == "someone2030"
    assert other.evaluations["value"].tolist() == [50.1, 60.2, 55.3]
    assert other.evaluations["tuned_on"].isna().tolist() == [True, False, False]
    assert other.similarities[["parallel", "random"]].isna().values.tolist() == [
        [False, True]
    ]
    assert other.correlations[["value", "p_t"]].isna().values.tolist() == [
        [False, True]
    ]
    assert other.notes == ()


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"scores": {"task": {"before": [0.5]}}}, "scores.task.before has 1 entries"),
        ({"scores": {"task": {"during": [1, 2]}}}, "scores.task.during"),
        ({"metrics": {}}, "metrics has no task"),
        ({"languages": ["en", False]}, "languages.1"),
        ({"model": None}, "model: Input should be a valid string"),
        ({"colour": "red"}, "colour: Extra inputs"),
        (
            {
                "correlations": {
                    "columns": [],
                    "n": {"task": 3},
                    "rows": {"task": [[1, 0]]},
                }
            },
            "correlations.task has 1 entries and 0 columns",
        ),
        (
            {"correlations": {"columns": [], "n": {}, "rows": {"task": []}}},
            "correlations.n has no task",
        ),
        ({"correlations": {"columns": [], "n": {"task": 2}, "rows": {}}}, "n.task"),
        (
            {
                "similarities": [
                    {
                        "corpus": "c",
                        "tuned_on": [],
                        "poolings": {"mean": {"sw": [[1, 0]]}},
                    }
                ]
            },
            "c.mean.sw has 1 entries and 0 columns",
        ),
        (
            {
                "similarities": [
                    {"corpus": "c", "tuned_on": [], "poolings": {"mean": {"en": []}}}
                ]
            },
            "c.mean.en is none of",
        ),
        (
            {
                "correlations": {
                    "columns": [["c", "mean"]],
                    "n": {"task": 3},
                    "rows": {"task": [[9.9, None]]},
                }
            },
            "rows.task.0.0: Input should be less than or equal to 1",
        ),
        ({"scores": {"task": {"before": [math.nan, 1]}}}, "finite number"),
    ],
)
def test_a_file_of_another_form_is_refused(change, message):
    text = yaml.safe_dump(yaml.safe_load(OTHER) | change)
    with pytest.raises(DataError, match="someone2030: ") as caught:
        published.parse("someone2030", text)
    assert message in str(caught.value)


def test_what_is_not_yaml_is_refused():
    with pytest.raises(DataError, match="p: not YAML"):
        published.parse("p", "a: [")
