"""Predictions as rows to browse: the same number of each task and language."""

from __future__ import annotations

import json

import pandas as pd
import pytest
from finished import finished, predict
from invented import results

from spillover.layout import file_of
from spillover.report import examples as module
from spillover.report.examples import HEAD, TAIL, examples
from spillover.study import parse_study


def test_each_task_and_language_has_what_it_answered(tmp_path):
    made = finished(tmp_path / "run", languages=["en", "fr"], generated=["titles"])
    groups = examples(made.study, made.folder)
    named = [(group["task"], group["language"], group["name"]) for group in groups]
    assert named == [
        ("opinions", "en", "English"),
        ("opinions", "fr", "French"),
        ("titles", "en", "English"),
        ("titles", "fr", "French"),
    ]
    assert [group["metric"] for group in groups[1:3]] == ["accuracy_strict", "rougeL"]
    assert groups[1]["rows"][:2] == [
        {
            "id": "fr0",
            "prompt": "Is it good? (fr 0)",
            "gold": "Yes",
            "before": {"text": "\n", "answer": None, "score": 0.0},
            "after": {"text": " Yes", "answer": "Yes", "score": 1.0},
        },
        {
            "id": "fr1",
            "prompt": "Is it good? (fr 1)",
            "gold": "Yes",
            "before": {"text": "\n", "answer": None, "score": 0.0},
            "after": {"text": " No", "answer": "No", "score": 0.0},
        },
    ]
    [title, *_] = groups[3]["rows"]
    assert title["gold"] == "Is it good?"
    assert title["after"] == {"text": "\n", "answer": None, "score": 1.0}


@pytest.mark.parametrize(
    ("reading", "answers"),
    [("choice", ["Yes", "Yes", "Yes"]), ("calibrated", ["No", "Yes", "No"])],
)
def test_the_answer_is_that_of_the_studys_reading(tmp_path, reading, answers):
    made = finished(tmp_path, languages=["en", "fr"])
    raw = made.study.model_dump(exclude_none=True)
    study = parse_study(raw | {"headline": reading})
    predict(study, tmp_path, 3, "text")
    [first, *_] = examples(study, tmp_path)
    assert [row["after"]["answer"] for row in first["rows"]] == answers


def test_sides_are_matched_by_id(tmp_path):
    made = finished(tmp_path, languages=["en", "fr"])
    path = tmp_path / file_of(made.study, "opinions", "fr", "opinions", 1)
    pd.read_parquet(path)[::-1].to_parquet(path, index=False)
    rows = examples(made.study, tmp_path)[1]["rows"]
    assert [row["after"]["answer"] for row in rows] == ["Yes", "No", "Yes"]


def test_of_several_seeds_the_first_is_shown(tmp_path):
    made = finished(tmp_path, languages=["en", "fr"], seeds=[7, 8])
    last = tmp_path / file_of(made.study, "opinions", "fr", "opinions", 8)
    assert last.parent.name == "after-opinions-seed8"
    last.unlink()
    assert len(examples(made.study, tmp_path)) == 2


def test_predictions_that_were_taken_away_are_left_out(tmp_path):
    made = finished(tmp_path, languages=["en", "fr"])
    (tmp_path / file_of(made.study, "opinions", "en", "opinions", 1)).unlink()
    assert [group["language"] for group in examples(made.study, tmp_path)] == ["fr"]
    assert examples(results(2).study, tmp_path / "nowhere") == []


def test_as_many_of_each_as_fit(tmp_path, monkeypatch):
    made = finished(tmp_path, rows=50, languages=["en", "fr", "ja"])
    short = tmp_path / file_of(made.study, "opinions", "ja", None, None)
    pd.read_parquet(short).head(4).to_parquet(short, index=False)
    groups = examples(made.study, tmp_path, 10_000)
    counts = [len(group["rows"]) for group in groups]
    assert counts[0] == counts[1] > counts[2] == 4
    assert [group["total"] for group in groups] == [50, 50, 4]
    size = sum(len(json.dumps(group["rows"])) for group in groups)
    assert 8_000 < size < 10_500
    monkeypatch.setattr(module, "MOST", 3)
    assert [len(g["rows"]) for g in examples(made.study, tmp_path)] == [3, 3, 3]


@pytest.mark.parametrize("length", [HEAD + TAIL, 100_000])
def test_the_middle_of_a_long_text_is_left_out(tmp_path, length):
    text = "a" * (length - 9) + "The end? "
    finished(
        tmp_path, text=text, languages=["en", "fr"], tasks=[], generated=["titles"]
    )
    study = results(["en", "fr"], tasks=[], generated=["titles"]).study
    gold = examples(study, tmp_path)[0]["rows"][0]["gold"]
    if length == HEAD + TAIL:
        assert gold == text
    else:
        assert gold.endswith("The end? ")
        assert " […98,000 characters left out…] " in gold
        assert len(gold) < HEAD + TAIL + 40
