"""Tables beside the paper's: changes, baselines, prompts, pooled correlations."""

from __future__ import annotations

import math

import pandas as pd
import pytest

from spillover.report import panel as forms
from spillover.report.evidence import (
    answer_panels,
    baseline_panels,
    change_panels,
    interval_panels,
    measure_panels,
    pooled_panels,
    prompt_panels,
)

LANGUAGES = ["en", "fr", "ja"]
METRICS = {"pawsx": "accuracy_strict"}


def comparisons(seeds=(1,), **columns):
    rows = [
        {
            "task": "pawsx",
            "metric": "accuracy_strict",
            "prompt": "own",
            "seed": seed,
            "n": 100,
            "language": language,
            "difference": difference,
            "low": difference - 0.04,
            "high": difference + 0.04,
            "p_holm": p,
        }
        for seed in seeds
        for language, difference, p in (("en", 0.4, 0.001), ("fr", 0.03, 0.2))
    ]
    return pd.DataFrame(rows).assign(**columns)


def test_changes_show_interval_and_who_is_sure():
    [panel] = change_panels(comparisons(), LANGUAGES, METRICS)
    assert panel.cells.loc[("pawsx",)].tolist() == [
        "+0.40* [+0.36,+0.44]",
        "+0.03 [-0.01,+0.07]",
        "–",
    ]
    assert panel.values.loc[("pawsx",), "fr"] == 0.03
    assert "Holm" in panel.note


def test_changes_at_the_same_length_stand_below():
    frame = comparisons(metric="rougeL")
    cut = comparisons(metric="rougeL_same_length", difference=0.1)
    [panel] = change_panels(pd.concat([cut, frame]), LANGUAGES, {"pawsx": "rougeL"})
    assert [*panel.cells.index] == [("pawsx",), ("pawsx, same length",)]
    assert panel.values["en"].tolist() == [0.4, 0.1]
    assert "cut to that of the shorter one" in panel.note


def test_changes_of_several_seeds_are_rows():
    frame = pd.concat([comparisons((1, 2)), comparisons(metric="accuracy_choice")])
    [panel] = change_panels(frame, LANGUAGES, METRICS)
    assert list(panel.cells.index) == [("pawsx", n) for n in ("1", "2", "mean")]
    assert panel.cells.loc[("pawsx", "mean"), "en"] == "+0.40±0.00"
    assert "standard deviation over 2 seeds" in panel.note


def test_changes_of_several_seeds_at_the_same_length_are_rows_too():
    frames = [comparisons((1, 2), metric=m) for m in ("rougeL", "rougeL_same_length")]
    [panel] = change_panels(pd.concat(frames), LANGUAGES, {"pawsx": "rougeL"})
    words = ("pawsx", "pawsx, same length")
    seeds = ("1", "2", "mean")
    assert list(panel.cells.index) == [(w, s) for w in words for s in seeds]
    assert "too narrow" not in panel.note
    [panel] = change_panels(frames[0].assign(n=12), LANGUAGES, {"pawsx": "rougeL"})
    assert "of fewer than 30 items those of ROUGE may be too narrow" in panel.note


def test_a_change_that_rounds_to_nothing_has_no_minus():
    frame = comparisons(difference=-0.001, low=-0.004, high=0.001)
    [panel] = change_panels(frame, LANGUAGES, METRICS)
    assert panel.cells.loc[("pawsx",), "fr"] == "+0.00 [+0.00,+0.00]"


def test_a_change_without_an_interval_shows_none():
    frame = comparisons(low=math.nan, high=math.nan)
    [panel] = change_panels(frame, LANGUAGES, METRICS)
    assert panel.cells.loc[("pawsx",), "en"] == "+0.40*"


def diagnostics():
    rows = [
        ("baseline_majority", None, "0", None, 0.55),
        ("baseline_majority", None, "0", "pawsx", 0.55),
        ("baseline_uniform", None, None, "pawsx", 0.5),
        ("baseline_rates", "strict", None, None, 0.0),
        ("baseline_rates", "strict", None, "pawsx", 0.52),
        ("baseline_rates", "choice", None, "pawsx", 0.51),
        ("accuracy", "strict", None, "pawsx", 0.9),
    ]
    names = ["measure", "reading", "label", "tuned_on", "value"]
    frame = pd.DataFrame(rows, columns=names)
    return frame.assign(task="pawsx", prompt="own", language="fr")


def test_baselines_are_of_the_state_after_tuning():
    metrics = METRICS | {"xlsum": "rougeL"}
    [panel] = baseline_panels(diagnostics(), LANGUAGES, metrics)
    assert panel.cells["fr"].tolist() == ["0.55", "0.50", "0.52"]
    assert panel.cells["en"].tolist() == ["–"] * 3
    assert [label for _, label in panel.cells.index] == [
        "always the most frequent",
        "any, equally often",
        "any, as often as after tuning",
    ]


def test_only_what_may_change_with_a_seed_has_a_spread():
    frame = diagnostics().assign(seed=1)
    again = frame.assign(seed=2, value=frame["value"] + 0.02)
    same = frame["measure"] != "baseline_rates"
    again.loc[same, "value"] = frame.loc[same, "value"]
    [panel] = baseline_panels(pd.concat([frame, again]), LANGUAGES, METRICS)
    assert panel.cells["fr"].tolist() == ["0.55", "0.50", "0.53±0.01"]
    assert panel.note.endswith("; ± standard deviation over seeds")
    [panel] = baseline_panels(frame, LANGUAGES, METRICS)
    assert "±" not in panel.note


def test_guesses_are_at_the_rates_of_the_reading_that_is_shown():
    metrics = {"pawsx": "accuracy_choice"}
    [panel] = baseline_panels(diagnostics(), LANGUAGES, metrics)
    assert panel.cells["fr"].tolist() == ["0.55", "0.50", "0.51"]


def evaluations():
    rows = [
        {"prompt": prompt, "seed": seed, "value": value + 0.02 * seed}
        for prompt, value in (("own", 0.7), ("short", 0.6), ("long", 0.65))
        for seed in (0, 1)
    ]
    state = {"task": "pawsx", "tuned_on": "pawsx", "language": "fr"}
    return pd.DataFrame(rows).assign(metric="accuracy_strict", **state)


def test_prompts_are_shown_with_their_spread():
    [panel] = prompt_panels(evaluations(), LANGUAGES, METRICS)
    assert panel.cells["fr"].to_dict() == {
        ("pawsx", "own"): "0.71±0.01",
        ("pawsx", "short"): "0.61±0.01",
        ("pawsx", "long"): "0.66±0.01",
        ("pawsx", "(lowest to highest)"): "0.10",
    }


def test_one_prompt_has_no_spread():
    frame = evaluations()
    assert prompt_panels(frame[frame["prompt"] == "own"], LANGUAGES, METRICS) == []


def pooled(**columns):
    row = {
        "corpus": "pud",
        "pooling": "mean",
        "layer": -1,
        "statistic": ["spearman"],
        "value": 0.85,
        "p": 0.0004,
        "p_min": 0.0167,
        "without_low": 0.6,
        "without_high": 0.95,
        "n_languages": 5,
        "strata": "pawsx seed 1, xnli seed 1",
    }
    return pd.DataFrame(row | columns)


def test_pooled_correlations_name_their_strata():
    [panel] = pooled_panels(pooled())
    assert panel.cells.loc[("pud", "mean", "-1")].tolist() == [
        "0.85",
        "<0.001",
        "0.017",
        "0.60",
        "0.95",
        "5",
    ]
    assert panel.note.startswith("mean of pawsx seed 1, xnli seed 1; p by")
    [panel] = pooled_panels(pooled(without_low=math.nan))
    assert panel.cells.loc[("pud", "mean", "-1"), "least"] == "–"


def test_each_measure_has_its_correlation_and_what_is_left_of_it():
    rows = {
        "task": "pawsx",
        "metric": "accuracy_strict",
        "corpus": "pud",
        "seed": [1, 1, 2, pd.NA, pd.NA, pd.NA],
        "pooling": ["mean", "last", "mean", "mean", "last", "last"],
        "measure": ["gap", "gap", "gap", "gap", "gap", "mexa"],
        "value": [0.1, 0.2, 0.3, 0.9, -0.5, math.nan],
        "p_exact": [0.5, 0.5, 0.5, 0.0004, 0.2, math.nan],
        "p_measures": [0.9, 0.9, 0.9, 0.04, 0.8, math.nan],
        "p_error": [0.0, 0.0, 0.0, 0.0, 0.0, math.nan],
    }
    frame = pd.DataFrame(rows).astype({"seed": "Int64"})
    [panel] = measure_panels(frame, METRICS)
    assert [*panel.cells.index] == [("pawsx", "pud", "gap")]
    assert panel.cells.loc[("pawsx", "pud", "gap")].tolist() == [
        "0.90* [<0.001]",
        "-0.50 [0.200]",
    ]
    [panel] = measure_panels(frame.assign(p_measures=0.048, p_error=0.001), METRICS)
    assert panel.cells.loc[("pawsx", "pud", "gap"), "mean"] == "0.90 [<0.001]"
    assert not measure_panels(frame.iloc[:0], METRICS)


def test_numbers_stand_in_the_order_of_the_texts():
    [panel] = change_panels(comparisons((1, 2))[::-1], LANGUAGES, METRICS)
    assert [*panel.values] == [*panel.cells] == [*LANGUAGES]


@pytest.mark.parametrize(
    "panels",
    [
        change_panels(comparisons((1, 2)), LANGUAGES * 4, METRICS),
        pooled_panels(pooled()),
        baseline_panels(diagnostics(), LANGUAGES, METRICS),
    ],
    ids=["change", "pooled", "baseline"],
)
def test_they_print_everywhere(panels):
    from rich.console import Console

    console = Console(width=80, record=True)
    with console.capture() as told:
        for panel in panels:
            for part in forms.terminal(panel, 80):
                console.print(part)
    assert max(map(len, told.get().splitlines())) <= 80
    assert forms.csv(panels).count("\n") == len(panels[0].cells) + 1
    assert forms.markdown(panels).count("\n|") >= len(panels[0].cells)
    assert r"\bottomrule" in forms.latex(panels)


def test_every_score_has_its_interval():
    frame = evaluations().assign(low=[0.1] * 5 + [math.nan], high=0.9)
    one = frame[frame["seed"] == 0]
    before = one.assign(tuned_on=None, value=0.2)
    [panel] = interval_panels(pd.concat([before, one]), LANGUAGES, METRICS)
    assert panel.cells["fr"].to_dict() == {
        ("pawsx", "before"): "0.20 [0.10,0.90]",
        ("pawsx", "after"): "0.70 [0.10,0.90]",
    }
    gap = one.assign(low=math.nan)
    [panel] = interval_panels(gap, LANGUAGES, METRICS)
    assert panel.cells["fr"].tolist() == ["0.70"]
    [panel] = interval_panels(pd.concat([before, frame]), LANGUAGES, METRICS)
    assert [tuning for _, tuning in panel.cells.index] == [
        "before",
        "after, seed 0",
        "after, seed 1",
    ]


def test_what_answers_are_like_before_and_after():
    rows = [
        ("share", "strict", "(no answer)", 0.4),
        ("macro_f1", "strict", None, 0.3),
        ("macro_f1", "choice", None, 0.9),
        ("length", "output", "tokens", 21.4),
        ("length", "output", "characters", 99.0),
    ]
    frame = pd.DataFrame(rows, columns=["measure", "reading", "label", "value"])
    frame = frame.assign(task="pawsx", language="fr", prompt="own", tuned_on=None)
    after = frame.assign(tuned_on="pawsx", value=frame["value"] + 0.1)
    more = after.assign(value=after["value"] + 0.2)
    [panel] = answer_panels(pd.concat([frame, after, more]), LANGUAGES, METRICS)
    assert panel.cells["fr"].to_dict() == {
        ("pawsx", "no answer word", "before"): "0.40",
        ("pawsx", "no answer word", "after"): "0.60±0.14",
        ("pawsx", "macro-F1", "before"): "0.30",
        ("pawsx", "macro-F1", "after"): "0.50±0.14",
        ("pawsx", "words", "before"): "21",
        ("pawsx", "words", "after"): "22±0.14",
    }


def test_nothing_to_show_is_no_panel():
    assert change_panels(comparisons()[:0], LANGUAGES, METRICS) == []
    assert baseline_panels(diagnostics()[:0], LANGUAGES, METRICS) == []
    assert pooled_panels(pooled()[:0]) == []
