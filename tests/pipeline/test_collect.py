"""Tidy tables, checked against the steps' own files."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load_file
from scipy.stats import binomtest

from spillover.analysis.uncertainty import bootstrap_mean
from spillover.errors import DataError
from spillover.metrics import SAME_LENGTH
from spillover.pipeline import collect
from spillover.pipeline.collect import Outcomes
from spillover.pipeline.run import VECTORS
from spillover.pipeline.store import Store
from spillover.results import Results
from spillover.rouge import rouge_at_same_length
from spillover.studies import prepare

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any

Done = tuple[TinyStudy, Results]


def predictions(tiny: TinyStudy, state: str, name: str) -> pd.DataFrame:
    return pd.read_parquet(tiny.out / "predictions" / state / f"{name}.parquet")


def test_one_row_a_task_language_state_and_metric(tiny_done: Done) -> None:
    frame = tiny_done[1].evaluations
    assert list(frame.columns) == collect.EVALUATIONS
    keys = ["tuned_on", "task", "language", "metric"]
    assert not frame.duplicated(keys).any()
    opinions = frame[frame["task"] == "opinions"]
    assert len(opinions) == 4 * 2 * 3
    assert set(opinions["metric"]) == {
        f"accuracy_{reading}" for reading in ("strict", "choice", "calibrated")
    }
    titles = frame[frame["task"] == "titles"]
    assert len(titles) == 3 * 2 * 3
    assert set(titles["metric"]) == {"rouge1", "rouge2", "rougeL"}
    assert set(titles["n"]) == set(titles["n_expected"]) == {4}
    assert frame["value"].between(0, 1).all()
    after = frame["tuned_on"].notna()
    assert set(frame.loc[after, "seed"]) == {1}
    assert frame.loc[~after, "seed"].isna().all()
    assert set(frame["prompt"]) == {"own"}


def test_a_value_is_what_the_predictions_give(tiny_done: Done) -> None:
    tiny, results = tiny_done
    frame = results.evaluations
    for state, rows in (
        ("before", frame[frame["tuned_on"].isna()]),
        ("after-opinions", frame[frame["tuned_on"] == "opinions"]),
    ):
        told = predictions(tiny, state, "opinions.de")
        here = rows[(rows["task"] == "opinions") & (rows["language"] == "de")]
        for row in here[here["metric"] != "accuracy_calibrated"].itertuples():
            right = told[row.metric.removeprefix("accuracy_")] == told["gold"]
            assert row.value == pytest.approx(right.mean())
            wilson = binomtest(int(right.sum()), len(right)).proportion_ci(
                method="wilson"
            )
            assert (row.low, row.high) == pytest.approx((wilson.low, wilson.high))


def test_before_and_after_are_compared_item_by_item(tiny_done: Done) -> None:
    tiny, results = tiny_done
    frame = results.comparisons
    assert list(frame.columns) == collect.COMPARISONS
    assert len(frame) == 4 * 3 + 3 * 3 * 2
    for row in frame[~frame["metric"].str.endswith(SAME_LENGTH)].itertuples():
        name = f"{row.task}.{row.language}"
        before = predictions(tiny, "before", name).set_index("id")[row.metric]
        after = predictions(tiny, f"after-{row.task}", name).set_index("id")[row.metric]
        change = after - before.loc[after.index]
        assert row.difference == pytest.approx(change.mean())
        assert (row.before, row.after) == pytest.approx((before.mean(), after.mean()))
        assert row.n == len(change)
        if row.metric.startswith("accuracy"):
            won, moved = int((change > 0).sum()), int((change != 0).sum())
            p = binomtest(won, moved).pvalue if moved else 1
            assert row.p == pytest.approx(p)


def test_answers_are_compared_at_the_same_length_too(tiny_done: Done) -> None:
    tiny, results = tiny_done
    frame = results.comparisons
    frame = frame[frame["metric"].str.endswith(SAME_LENGTH)]
    assert set(frame["task"]) == {"titles"}
    for row in frame.itertuples():
        name = f"{row.task}.{row.language}"
        before = predictions(tiny, "before", name).set_index("id")
        after = predictions(tiny, f"after-{row.task}", name).set_index("id")
        metric = row.metric.removesuffix(SAME_LENGTH)
        scores = [
            [found[metric] for found in rouge_at_same_length(texts, gold, row.language)]
            for *texts, gold in zip(
                before["text"],
                after["text"].loc[before.index],
                before["gold"],
                strict=True,
            )
        ]
        assert (row.before, row.after) == pytest.approx(tuple(np.mean(scores, axis=0)))


def test_each_item_is_cut_by_itself_and_keeps_its_side() -> None:
    texts = [
        ("a tool that draws maps", "draws maps", "draws maps"),
        ("draws", "well it draws maps", "draws maps"),  # after is the longer one
        ("", "draws maps", "draws maps"),
    ]
    both = pd.DataFrame(texts, columns=["text_old", "text_new", "gold_old"])
    scores = collect._at_same_length(both, "en")
    assert [*scores] == [
        f"{name}{SAME_LENGTH}" for name in ("rouge1", "rouge2", "rougeL")
    ]
    before, after = (side.tolist() for side in scores["rougeL_same_length"])
    assert before == pytest.approx([0, 2 / 3, 0])  # "a tool", "draws", ""
    assert after == pytest.approx([1, 0, 0])  # "draws maps", "well", ""
    before, after = (side.tolist() for side in scores["rouge2_same_length"])
    assert (before, after) == ([0, 0, 0], [1, 0, 0])


@pytest.fixture
def found(tiny_done: Done) -> Outcomes:
    """The tiny study's outcomes, to be changed."""
    tiny = tiny_done[0]
    prepared = prepare(tiny.study, data_root=tiny.data, out=tiny.out, device="cpu")
    return Outcomes(prepared)


def rows_of(frame: pd.DataFrame, **values: Any) -> pd.DataFrame:
    for column, value in values.items():
        frame = frame[frame[column] == value]
    return frame


def test_exact_numbers_are_right_or_wrong(found: Outcomes) -> None:
    data = found.inputs.tasks["titles"]
    task = data.task.model_copy(update={"metric": "exact_number"})
    found.inputs.tasks["titles"] = replace(data, task=task)
    for step, frame in found.evaluated.items():
        frame["exact_number"] = [step.tuned_on is not None] * 3 + [False] * (
            len(frame) - 3
        )
    scores = rows_of(collect.evaluations(found), task="titles")
    assert set(scores["metric"]) == {"exact_number"}
    low, high = binomtest(3, 4).proportion_ci(method="wilson")
    after = scores[scores["tuned_on"].notna()]
    assert set(after["value"]) == {0.75}
    assert after[["low", "high"]].to_numpy() == pytest.approx(
        np.tile([low, high], (3, 1))
    )
    changes = rows_of(collect.comparisons(found), task="titles")
    assert set(changes["metric"]) == {"exact_number"}  # and none at the same length
    assert set(changes["test"]) == {"exact McNemar"}
    assert set(changes["p"]) == {0.25}


def test_a_rouge_of_0_and_1_is_no_share(found: Outcomes) -> None:
    for step, frame in found.evaluated.items():
        if step.name == "titles":
            frame["rougeL"] = [1.0, 0.0, 0.0, 1.0]
    scores = rows_of(collect.evaluations(found), task="titles", metric="rougeL")
    assert set(scores["value"]) == {0.5}
    expected = bootstrap_mean([1.0, 0.0, 0.0, 1.0])
    for row in scores.itertuples():
        assert (row.low, row.high) == expected
    changes = rows_of(collect.comparisons(found), task="titles", metric="rougeL")
    assert set(changes["test"]) == {"sign-flip permutation"}


def test_cut_prompts_and_placeholders_are_counted(found: Outcomes) -> None:
    for step, frame in found.evaluated.items():
        frame["cut"] = [step.language == "fr"] * 2 + [False] * (len(frame) - 2)
    data = found.inputs.tasks["opinions"]
    counts = {"en": 0, "de": 1, "fr": 3, "es": 2}
    found.inputs.tasks["opinions"] = replace(data, placeholders=counts)
    frame = collect.evaluations(found)
    assert frame["cut"].tolist() == [2 * (x == "fr") for x in frame["language"]]
    opinions = rows_of(frame, task="opinions")
    assert opinions["placeholders"].tolist() == [
        counts[code] for code in opinions["language"]
    ]


def test_p_is_adjusted_over_the_languages_of_a_task(tiny_done: Done) -> None:
    frame = tiny_done[1].comparisons
    for _, part in frame.groupby(["task", "metric"]):
        ordered = part.sort_values("p")
        factors = range(len(part), 0, -1)
        expected = np.minimum(np.maximum.accumulate(ordered["p"] * [*factors]), 1)
        assert ordered["p_holm"].tolist() == pytest.approx(expected.tolist())


def test_one_row_a_corpus_pair_state_pooling_and_layer(tiny_done: Done) -> None:
    frame = tiny_done[1].similarities
    assert list(frame.columns) == collect.SIMILARITIES
    keys = ["tuned_on", "corpus", "target", "pooling", "layer"]
    assert not frame.duplicated(keys).any()
    assert len(frame) == 3 * 3 * 2  # languages, states, poolings
    assert set(frame["source"]) == {"en"}
    assert set(frame["target"]) == {"de", "fr", "es"}
    assert set(frame["n"]) == set(frame["n_expected"]) == {15}
    assert frame[["parallel", "random"]].abs().le(1 + 1e-6).all(axis=None)
    for name in ("parallel", "random", "gap"):
        assert (frame[f"{name}_low"] <= frame[name]).all()
        assert (frame[name] <= frame[f"{name}_high"]).all()


def test_a_similarity_is_of_the_vectors_and_a_change_since_before(
    tiny_done: Done,
) -> None:
    tiny, results = tiny_done
    prepared = prepare(tiny.study, data_root=tiny.data, out=tiny.out, device="cpu")
    folders = {s.label: prepared.store.folder(s.spec) for s in prepared.steps}
    frame = results.similarities

    def parallel(state: str, pooling: str) -> float:
        u, v = (
            load_file(folders[f"embed lines {code} {state}"] / VECTORS)[f"{pooling}.-1"]
            for code in ("en", "de")
        )
        cosines = (u * v).sum(1) / np.linalg.norm(u, axis=1) / np.linalg.norm(v, axis=1)
        return float(cosines.mean())

    for pooling in ("mean", "last"):
        rows = frame[(frame["pooling"] == pooling) & (frame["target"] == "de")]
        before = rows[rows["tuned_on"].isna()].iloc[0]
        after = rows[rows["tuned_on"] == "titles"].iloc[0]
        old, new = parallel("before", pooling), parallel("after titles", pooling)
        assert before["parallel"] == pytest.approx(old, abs=1e-6)
        assert after["parallel"] == pytest.approx(new, abs=1e-6)
        assert after["change"] == pytest.approx(new - old, abs=1e-6)
        assert after["change_low"] <= after["change"] <= after["change_high"]
        assert np.isnan(before["change"])


@pytest.mark.parametrize(
    ("label", "file"),
    [
        ("evaluate opinions de before", "predictions.parquet"),
        ("evaluate titles de before", "measures.parquet"),
        ("compare lines de before", "alignment.json"),
        ("compare lines de before", "distribution.json"),
        ("compare lines de before", "draws.safetensors"),
    ],
)
def test_a_damaged_result_of_a_step_is_named(
    tiny_done: Done, tmp_path: Path, label: str, file: str
) -> None:
    tiny = tiny_done[0]
    prepared = prepare(tiny.study, data_root=tiny.data, out=tiny.out, device="cpu")
    shutil.copytree(prepared.store.root, tmp_path / "steps")
    store = Store(tmp_path / "steps")
    [folder] = [store.folder(s.spec) for s in prepared.steps if s.label == label]
    damaged = folder / file
    damaged.write_bytes(damaged.read_bytes()[: damaged.stat().st_size // 2])
    with pytest.raises(DataError, match=r"cannot be read .* delete the folder") as told:
        Outcomes(replace(prepared, store=store))
    assert told.value.where == folder


def test_where_resampling_shows_nothing_there_is_no_interval(found: Outcomes) -> None:
    for places in found.draws.values():
        for draws in places.values():
            draws[0] = draws[0, 0]  # as of sentences with one and the same vector
            draws[1] = np.nan  # and no two of them random pairs
    frame = collect.similarities(found)
    for name in ("parallel", "random", "gap", "change"):
        assert frame[[f"{name}_low", f"{name}_high"]].isna().all(axis=None)
    assert frame["parallel"].notna().all()


def test_pairs_are_counted_by_cosine_beside_each_mean(tiny_done: Done) -> None:
    results = tiny_done[1]
    frame = results.distributions
    assert list(frame.columns) == collect.DISTRIBUTIONS
    assert (frame["high"] - frame["low"]).to_numpy() == pytest.approx(0.01)
    assert frame[["parallel", "random"]].any(axis=1).all()
    keys = ["tuned_on", "corpus", "target", "pooling", "layer"]
    means = results.similarities.set_index(keys)
    groups = frame.groupby(keys, dropna=False)
    assert len(groups) == len(means)
    for place, part in groups:
        row = means.loc[place]
        assert part["parallel"].sum() == row["n"]
        middle = (part["low"] + part["high"]) / 2
        for name in ("parallel", "random"):
            mean = (middle * part[name]).sum() / part[name].sum()
            assert mean == pytest.approx(row[name], abs=0.005)


def test_diagnostics_stand_behind_every_evaluation(tiny_done: Done) -> None:
    results = tiny_done[1]
    frame = results.diagnostics
    assert list(frame.columns) == collect.DIAGNOSTICS
    states = ["tuned_on", "task", "language"]
    assert len(frame[states].drop_duplicates()) == 4 * 2 + 3 * 2
    accuracy = frame[frame["measure"] == "accuracy"]
    for row in accuracy.itertuples():
        told = results.evaluations
        told = told[told["task"].eq(row.task) & told["language"].eq(row.language)]
        told = told[told["metric"] == f"accuracy_{row.reading}"]
        same = told["tuned_on"].isna() if row.tuned_on != row.tuned_on else (
            told["tuned_on"] == row.tuned_on
        )  # fmt: skip
        assert told.loc[same, "value"].tolist() == pytest.approx([row.value])
    assert "lead_copy" in set(frame.loc[frame["task"] == "titles", "measure"])


def test_confusions_add_up_to_the_items(tiny_done: Done) -> None:
    frame = tiny_done[1].confusions
    assert list(frame.columns) == collect.CONFUSIONS
    keys = ["tuned_on", "task", "language", "reading"]
    assert set(frame.groupby(keys, dropna=False)["n"].sum()) == {5}
