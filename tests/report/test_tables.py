"""The paper's tables from tidy frames: its own numbers, gaps, and what is refused."""

from __future__ import annotations

import io
import math
import os

import numpy as np
import pandas as pd
import pytest

from spillover.errors import DataError, OutputError
from spillover.report.tables import (
    correlation_panels,
    score_panels,
    similarity_panels,
    write_tables,
)

LANGUAGES = ["en", "fr", "de", "es", "zh", "ja"]
METRICS = {"pawsx": "accuracy_strict", "xnli": "accuracy_strict", "xlsum": "rougeL"}
# Table 1 of Xie et al. (2024), with more places than it prints for one cell.
SCORES = {
    ("pawsx", None): [0.54, 0.54, 0.51, 0.54, 0.55, 0.56],
    ("pawsx", "pawsx"): [0.95, 0.87, 0.87, 0.86, 0.7512345678901234, 0.71],
    ("xnli", None): [0.33, 0.33, 0.33, 0.33, 0.33, 0.15],
    ("xnli", "xnli"): [0.88, 0.80, 0.79, 0.77, 0.60, 0.56],
    ("xlsum", None): [0.08, 0.12, None, 0.13, 0.19, 0.18],
    ("xlsum", "xlsum"): [0.32, 0.27, None, 0.22, 0.18, 0.21],
}


def evaluations(model="LLaMA-7B"):
    rows = [
        {
            "model": model,
            "tuned_on": tuned_on,
            "task": task,
            "language": language,
            "metric": METRICS[task],
            "value": value,
            "n": 2000,
            "n_expected": 2000,
        }
        for (task, tuned_on), values in SCORES.items()
        for language, value in zip(LANGUAGES, values, strict=True)
        if value is not None
    ]
    return pd.DataFrame(rows)


def similarities(model="LLaMA-7B", corpora=("pawsx",), layers=(-1,)):
    rows = [
        {
            "model": model,
            "tuned_on": tuned_on,
            "corpus": corpus,
            "source": "en",
            "target": target,
            "pooling": pooling,
            "layer": layer,
            "parallel": 0.5 + place / 100 + 0.001,
            "random": 0.3 + place / 100 + 0.001,
            "n": 2000,
            "n_expected": 2000,
        }
        for corpus in corpora
        for layer in layers
        for tuned_on in (None, "pawsx", "xlsum")
        for pooling in ("mean", "last")
        for place, target in enumerate(LANGUAGES[1:])
    ]
    return pd.DataFrame(rows)


def correlations(**extra):
    rows = [
        {
            "task": task,
            "metric": METRICS[task],
            "corpus": corpus,
            "pooling": pooling,
            "layer": -1,
            "statistic": "spearman",
            "value": 0.9746794344808963,
            "p_t": 0.004818230468198566,
            "p_exact": 1 / 30,
            "p_error": 0.0,
            "p_min": 1 / 60,
            "n": 5,
            **extra,
        }
        for task in METRICS
        for corpus in ("pawsx", "pud")
        for pooling in ("mean", "last")
    ]
    return pd.DataFrame(rows)


def test_table_1_is_the_papers():
    (panel,) = score_panels(evaluations(), LANGUAGES, METRICS)
    assert list(panel.cells.columns) == LANGUAGES
    assert panel.cells.loc[("pawsx", "after")].tolist() == [
        "0.95", "0.87", "0.87", "0.86", "0.75", "0.71",
    ]  # fmt: skip
    assert panel.cells.loc[("xlsum", "before")].tolist() == [
        "0.08", "0.12", "–", "0.13", "0.19", "0.18",
    ]  # fmt: skip
    assert list(panel.cells.index) == [
        (task, tuning) for task in METRICS for tuning in ("before", "after")
    ]
    assert panel.values.loc[("pawsx", "after"), "zh"] == 0.7512345678901234
    assert panel.heading.endswith("model LLaMA-7B")


def test_table_1_takes_the_headline_metric_and_the_tasks_own_tuning_only():
    frame = evaluations()
    other_metric = frame.assign(metric="accuracy_choice", value=0.999)
    other_tuning = frame[frame["task"] == "xnli"].assign(tuned_on="xlsum", value=0.999)
    (panel,) = score_panels(
        pd.concat([other_metric, frame, other_tuning]), LANGUAGES, METRICS
    )
    (alone,) = score_panels(frame, LANGUAGES, METRICS)
    pd.testing.assert_frame_equal(panel.values, alone.values)


def test_the_order_of_rows_does_not_matter():
    frame = evaluations().sample(frac=1, random_state=0)
    (panel,) = score_panels(frame, LANGUAGES, METRICS)
    (straight,) = score_panels(evaluations(), LANGUAGES, METRICS)
    pd.testing.assert_frame_equal(panel.cells, straight.cells)


def test_each_model_has_its_panel():
    frame = pd.concat([evaluations("b"), evaluations("a")])
    panels = score_panels(frame, LANGUAGES, METRICS)
    assert [panel.keys for panel in panels] == [{"model": "b"}, {"model": "a"}]


@pytest.mark.parametrize("missing", [np.nan, None])
def test_a_value_that_is_missing_is_a_gap(missing):
    frame = evaluations()
    frame["value"] = frame["value"].astype(object)
    frame.loc[0, "value"] = missing
    (panel,) = score_panels(frame, LANGUAGES, METRICS)
    assert panel.cells.iloc[0, 0] == "–"
    assert pd.isna(panel.values.iloc[0, 0])
    assert not panel.cells.isin(["nan", "None", "<NA>"]).any(axis=None)


def test_a_task_that_was_not_run_is_a_row_of_gaps():
    (panel,) = score_panels(evaluations(), LANGUAGES, METRICS | {"mgsm": "accuracy"})
    assert set(panel.cells.loc["mgsm"].to_numpy().ravel()) == {"–"}


def test_table_2_says_how_many_sentences_it_is_of():
    frame = similarities()
    notes = {panel.note for panel in similarity_panels(frame, LANGUAGES, [])}
    n = f"{frame['n'].max():,}"
    assert notes == {f"P: parallel pairs of {n} sentences; R: random pairs"}


def test_a_score_over_fewer_items_is_marked():
    frame = evaluations()
    frame.loc[frame.index[1], "n"] = 1897
    (panel,) = score_panels(frame, LANGUAGES, METRICS)
    assert panel.cells.iloc[0, :3].tolist() == ["0.54", "0.54†", "0.51"]
    assert panel.note.endswith("† over fewer items than expected")
    (complete,) = score_panels(evaluations(), LANGUAGES, METRICS)
    assert "fewer" not in complete.note


def test_two_results_for_one_cell_are_refused():
    frame = evaluations()
    with pytest.raises(DataError, match="two results for pawsx, before, en"):
        score_panels(pd.concat([frame, frame.head(1)]), LANGUAGES, METRICS)


def test_table_2_has_the_papers_shape():
    (panel,) = similarity_panels(similarities(), LANGUAGES, ["pawsx", "xlsum"])
    assert list(panel.cells.columns) == [
        (tuning, pairs)
        for tuning in ("before", "pawsx", "xlsum")
        for pairs in ("P", "R")
    ]
    assert list(panel.cells.index) == [
        (pooling, f"en-{language}")
        for pooling in ("mean", "last")
        for language in LANGUAGES[1:]
    ]
    assert panel.cells.loc[("mean", "en-fr")].tolist() == ["0.50", "0.30"] * 3
    assert panel.values.loc[("last", "en-ja"), ("xlsum", "R")] == 0.3 + 0.04 + 0.001


def test_table_2_has_a_panel_for_each_corpus_and_layer():
    frame = similarities(corpora=("pawsx", "pud"), layers=(0, 16))
    panels = similarity_panels(frame, LANGUAGES, ["pawsx"])
    assert [(p.keys["corpus"], p.keys["layer"]) for p in panels] == [
        ("pawsx", 0), ("pawsx", 16), ("pud", 0), ("pud", 16),
    ]  # fmt: skip


def test_table_2_before_any_tuning():
    frame = similarities()
    frame = frame[frame["tuned_on"].isna()].astype({"tuned_on": float})
    (panel,) = similarity_panels(frame, LANGUAGES, ["pawsx"])
    assert panel.cells.loc[("mean", "en-fr")].tolist() == ["0.50", "0.30", "–", "–"]


def test_table_2_rounds_a_small_negative_to_zero():
    (panel,) = similarity_panels(similarities().assign(random=-0.001), LANGUAGES, [])
    assert panel.cells.iloc[0].tolist() == ["0.50", "0.00"]


def test_table_3_shows_both_p():
    (panel,) = correlation_panels(correlations(), METRICS)
    assert set(panel.cells.to_numpy().ravel()) == {"0.97 (<0.01) [0.03]"}
    assert list(panel.cells.columns) == [
        ("pawsx", "mean"), ("pawsx", "last"), ("pud", "mean"), ("pud", "last"),
    ]  # fmt: skip
    assert list(panel.cells.index) == list(METRICS)
    assert panel.values.loc["xnli", ("pud", "last", "p_exact")] == 1 / 30
    assert "with 5 languages p is exact, and never below 0.017" in panel.note
    sampled = correlations().assign(n=12, p_min=2 / 20_000, p_error=0.002)
    [panel, *_] = correlation_panels(sampled, METRICS)
    assert "with 12 languages p is of 20,000 random orders, ± 0.002" in panel.note


@pytest.mark.parametrize(
    ("row", "cell"),
    [
        ({"value": None, "p_t": None, "p_exact": None}, "–"),
        ({"p_exact": None, "n": 20}, "0.97 (<0.01) [–]"),
        ({"value": -0.5, "p_t": 0.01}, "-0.50 (0.01) [0.03]"),
        ({"p_t": 0.0}, "0.97 (<0.01) [0.03]"),
        ({"p_t": 1.0}, "0.97 (1.00) [0.03]"),
    ],
)
def test_table_3_cells(row, cell):
    (panel,) = correlation_panels(correlations(**row), METRICS)
    assert set(panel.cells.to_numpy().ravel()) == {cell}


def test_table_3_tells_models_apart_where_there_are_some():
    frame = pd.concat([correlations(model=m) for m in "ab"])
    assert [p.keys["model"] for p in correlation_panels(frame, METRICS)] == ["a", "b"]


def write(folder, **changes):
    frames = {
        "evaluations": evaluations(),
        "similarities": similarities(),
        "correlations": correlations(),
    }
    frames |= changes
    write_tables(
        folder,
        {
            "table1": score_panels(frames["evaluations"], LANGUAGES, METRICS),
            "table2": similarity_panels(
                frames["similarities"], LANGUAGES, list(METRICS)
            ),
            "table3": correlation_panels(frames["correlations"], METRICS),
        },
    )
    return sorted(folder.iterdir())


def test_nine_files_are_written_and_nothing_else(tmp_path):
    paths = write(tmp_path / "new" / "tables")
    names = {f"table{i}.{suffix}" for i in (1, 2, 3) for suffix in ("csv", "md", "tex")}
    assert {path.name for path in paths} == names
    for path in paths:
        text = path.read_text("utf-8")
        assert "nan" not in text.lower()
        assert "None" not in text


def test_csv_keeps_full_precision_and_empty_gaps(tmp_path):
    write(tmp_path)
    table = pd.read_csv(tmp_path / "table1.csv", index_col=["model", "task", "tuning"])
    assert table.loc[("LLaMA-7B", "pawsx", "after"), "zh"] == 0.7512345678901234
    assert pd.isna(table.loc[("LLaMA-7B", "xlsum", "after"), "de"])
    assert "xlsum,after,0.32,0.27,,0.22," in (tmp_path / "table1.csv").read_text()
    table = pd.read_csv(tmp_path / "table3.csv", index_col="task")
    assert table.loc["xnli", "pud mean p_t"] == 0.004818230468198566
    assert table.loc["xnli", "pud mean n"] == 5
    assert "0.016666666666666666,5," in (tmp_path / "table3.csv").read_text()
    table = pd.read_csv(tmp_path / "table2.csv")
    labels = ["table", "model", "corpus", "layer", "pooling", "pair"]
    assert list(table)[:6] == labels
    assert list(table)[6:] == [
        f"{t} {p}" for t in ("before", "pawsx", "xnli", "xlsum") for p in ("P", "R")
    ]


def test_written_twice_the_bytes_are_the_same(tmp_path):
    first = [path.read_bytes() for path in write(tmp_path)]
    assert [path.read_bytes() for path in write(tmp_path)] == first


def test_tables_survive_parquet(tmp_path):
    """None comes back as missing in another dtype; the tables must not change."""

    def again(frame):
        buffer = io.BytesIO()
        frame.to_parquet(buffer)
        return pd.read_parquet(buffer)

    straight = [path.read_bytes() for path in write(tmp_path)]
    stored = {
        "evaluations": again(evaluations()),
        "similarities": again(similarities()),
        "correlations": again(correlations()),
    }
    assert [path.read_bytes() for path in write(tmp_path, **stored)] == straight


def test_results_that_are_not_there_yet_make_empty_tables(tmp_path):
    write(tmp_path, correlations=correlations().iloc[:0])
    assert (tmp_path / "table3.csv").read_text() == ""
    assert "pawsx" in (tmp_path / "table1.md").read_text()


def test_a_failed_write_keeps_the_old_file_and_no_rest(tmp_path, monkeypatch):
    write(tmp_path)
    old = (tmp_path / "table1.csv").read_bytes()

    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match=r"table1\.csv: cannot be written .*No space"):
        write(tmp_path, evaluations=evaluations("x"))
    assert (tmp_path / "table1.csv").read_bytes() == old
    assert len(os.listdir(tmp_path)) == 9


def test_a_folder_that_cannot_be_made(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match=r"table1\.csv"):
        write(tmp_path / "file" / "tables")


def over_seeds(frame, values=("value",)):
    """Rows after tuning three times, with other values; those before once."""
    tuned = frame["tuned_on"].notna()
    parts = [frame[~tuned].assign(seed=pd.NA)]
    for seed, more in ((1, -0.02), (2, 0.0), (3, 0.02)):
        part = frame[tuned].assign(seed=seed)
        parts.append(part.assign(**{name: part[name] + more for name in values}))
    return pd.concat(parts).astype({"seed": "Int64"})


def test_several_seeds_show_mean_spread_and_number():
    frame = over_seeds(evaluations())
    (panel,) = score_panels(frame, LANGUAGES, METRICS)
    assert panel.cells.loc[("pawsx", "after"), "fr"] == "0.87±0.02"
    assert panel.cells.loc[("pawsx", "before"), "fr"] == "0.54"
    assert panel.values.loc[("pawsx", "after"), "fr"] == pytest.approx(0.87)
    assert "± standard deviation over 3 seeds" in panel.note
    (panel,) = similarity_panels(
        over_seeds(similarities(), ("parallel", "random")), LANGUAGES, ["pawsx"]
    )
    assert panel.cells.loc[("mean", "en-de"), ("pawsx", "P")] == "0.51±0.02"
    assert panel.cells.loc[("mean", "en-de"), ("before", "P")] == "0.51"


def test_correlations_of_several_seeds_are_of_the_mean_score():
    frame = correlations(seed=pd.NA, measure="parallel")
    each = [
        correlations(seed=seed, measure="parallel", value=value)
        for seed, value in ((1, 0.8), (2, 1.0))
    ]
    frame = pd.concat([*each, frame]).astype({"seed": "Int64"})
    (panel,) = correlation_panels(frame, METRICS)
    cell = panel.cells.loc["pawsx", ("pud", "mean")]
    assert cell == f"0.97±{np.std([0.8, 1.0], ddof=1):.2f} (<0.01) [0.03]"
    assert panel.note.endswith(
        "± standard deviation over 2 seeds of their own ρ; ρ is of the mean score"
    )
    assert "over 2 seeds" in panel.note


def test_a_spread_is_over_the_seeds_that_have_a_correlation():
    each = [
        correlations(seed=seed, measure="parallel", value=value)
        for seed, value in ((1, 0.8), (2, 1.0), (3, math.nan))
    ]
    frame = pd.concat([*each, correlations(seed=pd.NA, measure="parallel")])
    (panel,) = correlation_panels(frame.astype({"seed": "Int64"}), METRICS)
    assert "± standard deviation over 2 seeds" in panel.note


def test_tables_are_of_the_own_prompt_and_of_the_parallel_cosine():
    frame = evaluations().assign(prompt="own")
    both = pd.concat([frame, frame.assign(prompt="short", value=0.1)])
    (panel,) = score_panels(both, LANGUAGES, METRICS)
    assert panel.cells.loc[("pawsx", "after"), "fr"] == "0.87"
    frame = correlations(measure="parallel")
    both = pd.concat([frame, frame.assign(measure="mexa", value=0.1)])
    (panel,) = correlation_panels(both, METRICS)
    assert panel.cells.loc["pawsx", ("pud", "mean")].startswith("0.97")
