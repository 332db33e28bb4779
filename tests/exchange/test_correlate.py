"""Scores and similarities from tables are correlated as those of a run are."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from spillover.errors import DataError, StudyError
from spillover.exchange.correlate import correlate_tables, read_table
from spillover.pipeline.collect import EVALUATIONS, SIMILARITIES, tidy

if TYPE_CHECKING:
    from tests.conftest import TinyStudy

    from spillover.results import Results
else:
    TinyStudy = Results = Any

VALUES = {"fr": 0.8, "de": 0.7, "ja": 0.4, "zh": 0.5, "sw": 0.35, "ar": 0.55}


def evaluations(values: dict[str, float], **columns: object) -> pd.DataFrame:
    head = {"model": "base", "task": "xnli", "prompt": "own", "metric": "acc"} | columns
    rows = [head | {"language": code, "value": v} for code, v in values.items()]
    frame = tidy(rows, EVALUATIONS)
    return frame.assign(low=frame["value"] - 0.05, high=frame["value"] + 0.05)


def similarities(measure: str, *layers: dict[str, float]) -> pd.DataFrame:
    head = {"model": "base", "corpus": "flores", "source": "en"}
    rows = [
        head | {"target": code, "layer": layer, measure: value}
        for layer, values in enumerate(layers)
        for code, value in values.items()
    ]
    return tidy(rows, SIMILARITIES)


def test_a_run_is_correlated_as_in_the_run(
    tiny_done: tuple[TinyStudy, Results],
) -> None:
    folder = tiny_done[1].folder
    found = correlate_tables(
        read_table(folder, "evaluations"),
        read_table(folder, "similarities"),
        intersection=True,
    )
    whole = tiny_done[1].correlations
    chosen = (whole["measure"] == "parallel") & (whole["statistic"] == "spearman")
    keys = ["task", "metric", "pooling", "layer"]
    columns = [
        "model", "seed", "corpus", "value", "p_t", "p_exact", "p_min", "p_family",
        "family", "without_low", "without_high", "n", "languages", "reason",
    ]  # fmt: skip
    ours, theirs = (
        frame.set_index(keys)[columns].sort_index() for frame in (found, whole[chosen])
    )
    assert ours["value"].notna().any()
    assert_frame_equal(ours, theirs, check_dtype=False)


def test_a_task_may_be_named_by_a_number(tmp_path: Path) -> None:
    before = evaluations({code: 1 - v for code, v in VALUES.items()}, task="2024")
    after = evaluations(VALUES, task="2024", tuned_on="2024", seed=1)
    pd.concat([before, after]).to_csv(tmp_path / "scores.csv", index=False)
    scores = read_table(tmp_path / "scores.csv", "evaluations")
    found = correlate_tables(scores, similarities("parallel", VALUES))
    assert [*found["value"]] == [1]


def test_a_comma_at_the_end_of_lines_is_no_cell(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    evaluations(VALUES).to_csv(path, index=False)
    whole = read_table(path, "evaluations")
    head, *lines = path.read_text("utf-8").splitlines()
    path.write_text("\n".join([head, *(f"{line}," for line in lines)]))
    assert_frame_equal(read_table(path, "evaluations"), whole)
    path.write_text("\n".join([head, *(f"{line},1" for line in lines)]))
    with pytest.raises(DataError, match="a row with more cells than the header"):
        read_table(path, "evaluations")
    path.write_text(f"{head}\n")
    with pytest.raises(DataError, match=r"scores\.csv: no row below the header"):
        read_table(path, "evaluations")


def test_an_interval_is_from_low_to_high(tmp_path: Path) -> None:
    frame = evaluations(VALUES)
    frame.loc[2, ["low", "high"]] = 0.9, 0.1
    frame.to_csv(tmp_path / "scores.csv", index=False)
    with pytest.raises(DataError, match="an interval whose low is its higher end"):
        read_table(tmp_path / "scores.csv", "evaluations")


def test_mexa_over_layers_and_by_layer() -> None:
    up = {code: value / 2 for code, value in VALUES.items()}
    down = {code: (1 - value) / 4 for code, value in VALUES.items()}
    scores = evaluations(VALUES | {"en": 0.9})
    found = correlate_tables(scores, similarities("mexa", up, down))
    assert [*found["measure"]] == ["mexa_mean", "mexa_max", "mexa", "mexa"]
    assert [*found["layer"].fillna(-1)] == [-1, -1, 0, 1]
    assert [*found["value"]] == pytest.approx([1, 1, 1, -1])
    assert [*found["family"]] == [4, 4, 4, 4]
    assert found["p_exact"].to_numpy() == pytest.approx(2 / 720)
    assert set(found["languages"]) == {"fr de ja zh sw ar"}
    assert found["low"].isna().all()


def test_an_interval_where_both_sides_have_one() -> None:
    table = similarities("parallel", VALUES)
    table = table.assign(
        parallel_low=table["parallel"] - 0.05, parallel_high=table["parallel"] + 0.05
    )
    row = correlate_tables(evaluations(VALUES), table).iloc[0]
    assert row["reliability"] > 0.95
    assert 0.5 < row["low"] < 0.99
    assert row["high"] == pytest.approx(1)
    wide = table.assign(
        parallel_low=table["parallel"] - 0.3, parallel_high=table["parallel"] + 0.3
    )
    row = correlate_tables(evaluations(VALUES), wide).iloc[0]
    assert row["reliability"] < 0.5
    assert row["low"] < 0


def test_scores_after_tuning_on_the_task_count() -> None:
    worse = {code: 1 - value for code, value in VALUES.items()}
    scores = pd.concat(
        [
            evaluations(VALUES),
            evaluations(worse, tuned_on="xnli", seed=1),
            evaluations(VALUES, tuned_on="xlsum", seed=1),
        ]
    )
    found = correlate_tables(scores, similarities("mexa", VALUES))
    assert found[["seed", "value"]].to_numpy().tolist() == [[1, -1]]


def test_languages_that_one_side_lacks_are_an_error_or_left_out() -> None:
    less = {code: value for code, value in VALUES.items() if code != "ja"}
    more = VALUES | {"xh": 0.1}
    scores, table = evaluations(less), similarities("mexa", more, VALUES)
    with pytest.raises(
        DataError, match=r"not in all layers: ja, xh; .* takes fr, de, zh"
    ):
        correlate_tables(scores, table)
    found = correlate_tables(scores, table, intersection=True)
    assert set(found["languages"]) == {"fr de zh sw ar"}


def test_a_layer_without_a_value_is_a_gap_in_the_mean() -> None:
    table = similarities("mexa", VALUES, VALUES)
    table.loc[table["target"].eq("ja") & table["layer"].eq(1), "mexa"] = np.nan
    with pytest.raises(DataError, match="not in all layers: ja"):
        correlate_tables(evaluations(VALUES), table)
    found = correlate_tables(evaluations(VALUES), table, intersection=True)
    assert set(found["languages"]) == {"fr de zh sw ar"}


def test_a_measure_that_is_not_there_is_an_error() -> None:
    with pytest.raises(
        StudyError, match="unknown measure 'mexas'; did you mean 'mexa'"
    ):
        correlate_tables(evaluations(VALUES), similarities("mexa", VALUES), "mexas")
    with pytest.raises(DataError, match="there is no score, or no similarity"):
        correlate_tables(evaluations({}), similarities("mexa", VALUES))


def test_a_table_of_ones_own_needs_few_columns(tmp_path: Path) -> None:
    rows = [f"base,xnli,{code},acc,{value}" for code, value in VALUES.items()]
    path = tmp_path / "scores.csv"
    path.write_text("\n".join(["model,task,language,metric,value", *rows]))
    table = similarities("mexa", VALUES)
    table[["model", "corpus", "source", "target", "layer", "mexa"]].to_csv(
        tmp_path / "mexa.csv", index=False
    )
    found = correlate_tables(
        read_table(path, "evaluations"),
        read_table(tmp_path / "mexa.csv", "similarities"),
    )
    assert [*found["value"]] == [1]


def test_a_row_without_a_language_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("model,task,language,metric,value\nm,t,,acc,0.5\nm,t,de,acc,0.4\n")
    with pytest.raises(DataError, match=r"scores\.csv: a row without a language"):
        read_table(path, "evaluations")


def test_a_code_of_digits_is_a_code(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    path.write_text("model,task,language,metric,value\nm,t,01,acc,0.5\nm,t,02,acc,1\n")
    assert read_table(path, "evaluations")["language"].tolist() == ["01", "02"]


def test_tables_of_another_form_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "scores.csv"
    with pytest.raises(DataError, match="no such file"):
        read_table(path, "evaluations")
    path.write_text("model,task\nbase,xnli\n")
    with pytest.raises(DataError, match="no column language, metric, value"):
        read_table(path, "evaluations")
    path.write_bytes(b"\xff\xfe")
    with pytest.raises(DataError, match="not a readable table"):
        read_table(path, "evaluations")
    both = pd.concat([evaluations(VALUES), evaluations(VALUES, model="other")])
    both.to_csv(path, index=False)
    with pytest.raises(DataError, match="2 models: base, other; expected one model"):
        read_table(path, "evaluations")
    path.write_text("model,task,language,metric,value\nbase,xnli,fr,acc,half\n")
    with pytest.raises(DataError, match=r"not a readable table .*half"):
        read_table(path, "evaluations")
    evaluations({"nan": 0.5}).to_csv(path, index=False)
    assert read_table(path, "evaluations")["language"].tolist() == ["nan"]
