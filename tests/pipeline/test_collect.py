"""Tidy tables, checked against the steps' own files."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from scipy.stats import spearmanr

from spillover.pipeline import collect
from spillover.studies import Results, prepare

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any

Done = tuple[TinyStudy, Results]


def test_one_row_a_task_language_state_and_metric(tiny_done: Done) -> None:
    frame = tiny_done[1].evaluations
    assert list(frame.columns) == collect.EVALUATIONS
    keys = ["tuned_on", "task", "language", "metric"]
    assert not frame.duplicated(keys).any()
    opinions = frame[frame["task"] == "opinions"]
    assert len(opinions) == 4 * 2 * 2
    assert set(opinions["metric"]) == {"accuracy_strict", "accuracy_choice"}
    titles = frame[frame["task"] == "titles"]
    assert len(titles) == 3 * 2
    assert set(titles["metric"]) == {"rougeL"}
    assert set(titles["n"]) == set(titles["n_expected"]) == {4}
    assert frame["value"].between(0, 1).all()
    assert set(frame["seed"]) == {1}


def test_a_value_is_what_the_predictions_give(tiny_done: Done) -> None:
    tiny, results = tiny_done
    frame = results.evaluations
    for state, rows in (
        ("before", frame[frame["tuned_on"].isna()]),
        ("after-opinions", frame[frame["tuned_on"] == "opinions"]),
    ):
        path = tiny.out / "predictions" / state / "opinions.de.parquet"
        told = pd.read_parquet(path)
        here = rows[(rows["task"] == "opinions") & (rows["language"] == "de")]
        values = dict(zip(here["metric"], here["value"], strict=True))
        for reading in ("strict", "choice"):
            share = (told[reading] == told["gold"]).mean()
            assert values[f"accuracy_{reading}"] == pytest.approx(share)


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


def test_a_correlation_is_over_the_tasks_own_languages(tiny_done: Done) -> None:
    results = tiny_done[1]
    frame = results.correlations
    assert list(frame.columns) == collect.CORRELATIONS
    opinions = frame[frame["task"] == "opinions"]
    assert set(opinions["languages"]) == {"de fr es"}
    assert set(opinions["n"]) == {3}
    titles = frame[frame["task"] == "titles"]
    assert set(titles["languages"]) == {"de fr"}
    assert set(titles["n"]) == {2}
    assert titles["value"].isna().all()
    assert set(titles["reason"]) == {"2 language(s); a rank correlation needs 3"}


def test_the_correlation_is_of_after_with_before(tiny_done: Done) -> None:
    """On invented values, so that none ties."""
    tiny, results = tiny_done
    prepared = prepare(tiny.study, data_root=tiny.data, out=tiny.out, device="cpu")
    scores = {"en": 0.9, "de": 0.3, "fr": 0.1, "es": 0.2}
    evaluated = results.evaluations.copy()
    after = evaluated["tuned_on"] == "opinions"
    evaluated.loc[after, "value"] = evaluated.loc[after, "language"].map(scores)
    evaluated.loc[~after, "value"] = 0.5
    found = collect.correlations(
        tiny.study, prepared.inputs, evaluated, results.similarities
    )
    similarities = results.similarities
    for pooling in ("mean", "last"):
        part = similarities[
            similarities["tuned_on"].isna() & (similarities["pooling"] == pooling)
        ].set_index("target")["parallel"]
        languages = ["de", "fr", "es"]
        expected = spearmanr([scores[x] for x in languages], part[languages])
        row = found[(found["task"] == "opinions") & (found["pooling"] == pooling)]
        assert row["value"].tolist() == pytest.approx([expected.statistic] * 2)
        assert row["p_t"].tolist() == pytest.approx([expected.pvalue] * 2)
        assert row["p_min"].tolist() == pytest.approx([1 / 3] * 2)
