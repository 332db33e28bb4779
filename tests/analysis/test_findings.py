"""Each finding's three verdicts, on tables made for them."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import scipy.stats

from spillover.analysis.findings import (
    FINDINGS,
    beats_constant,
    changes_little,
    check,
    improves,
    improves_at_same_length,
    parallel_beats_random,
    pooling_fits_kind,
    ranks_languages,
)
from spillover.analysis.verdict import Evidence, Verdict, to_frame
from spillover.pipeline.collect import CONFUSIONS


def evidence(**frames):
    empty = {
        name: pd.DataFrame()
        for name in (
            *("evaluations", "comparisons", "similarities", "correlations"),
            *("diagnostics", "confusions"),
        )
    }
    return Evidence(
        **(empty | frames),
        metrics={"pawsx": "accuracy_strict"},
        kinds={"pawsx": "classification"},
    )


def compared(*rows):
    """(language, difference, adjusted p, seed) of one task."""
    return pd.DataFrame(
        [
            {
                "task": "pawsx",
                "metric": "accuracy_strict",
                "prompt": "own",
                "language": language,
                "seed": seed,
                "before": 0.5,
                "after": 0.5 + difference,
                "difference": difference,
                "low": difference - 0.03,
                "high": difference + 0.03,
                "p_holm": p,
            }
            for language, difference, p, seed in rows
        ]
    )


@pytest.mark.parametrize(
    ("rows", "decision", "sentence"),
    [
        (
            [("fr", 0.2, 0.01, 1), ("de", 0.1, 0.03, 1)],
            "supported",
            "pawsx: better in fr, de.",
        ),
        (
            [("fr", 0.2, 0.01, 1), ("de", 0.1, 0.06, 1)],
            "not decidable",
            "pawsx: better in fr; not decidable in de.",
        ),
        (
            [("fr", 0.2, 0.01, 1), ("de", -0.1, 0.03, 1)],
            "contradicted",
            "pawsx: better in fr; worse in de.",
        ),
        # Every seed must say so.
        (
            [("fr", 0.2, 0.01, 1), ("fr", 0.2, 0.2, 2)],
            "not decidable",
            "pawsx: not decidable in fr.",
        ),
        # English is tuned on: it decides nothing.
        (
            [("en", -0.4, 0.0, 1), ("fr", 0.2, 0.01, 1)],
            "supported",
            "pawsx: better in fr.",
        ),
        ([("en", 0.4, 0.0, 1)], "not decidable", "pawsx: nothing was measured."),
    ],
)
def test_tuning_raises_the_score_in_each_other_language(rows, decision, sentence):
    [verdict] = improves(evidence(comparisons=compared(*rows)))
    assert (verdict.decision, verdict.sentence) == (decision, sentence)


def test_what_each_language_decides_by_itself_is_told():
    rows = ("fr", 0.2, 0.01, 1), ("de", -0.1, 0.03, 1), ("es", 0.1, 0.06, 1)
    [verdict] = improves(evidence(comparisons=compared(*rows)))
    assert verdict.decision == "contradicted"
    assert verdict.decisions == {
        "fr": "supported",
        "de": "contradicted",
        "es": "not decidable",
    }


def test_other_metrics_and_prompts_decide_nothing():
    frame = compared(("fr", 0.2, 0.01, 1))
    others = [
        compared(("fr", -0.2, 0.01, 1)).assign(**change)
        for change in ({"metric": "accuracy_choice"}, {"prompt": "short"})
    ]
    [verdict] = improves(evidence(comparisons=pd.concat([frame, *others])))
    assert verdict.decision == "supported"
    assert verdict.numbers == {"fr": "0.500 before, 0.700 after, adjusted p 0.010"}


def test_a_rise_at_the_same_length_is_a_claim_of_its_own():
    whole = compared(("fr", 0.2, 0.01, 1), ("de", 0.2, 0.01, 1))
    whole = whole.assign(metric="rougeL")
    cut = compared(("fr", 0.1, 0.01, 1), ("de", 0.01, 0.6, 1))
    both = pd.concat([whole, cut.assign(metric="rougeL_same_length")])
    told = replace(evidence(comparisons=both), metrics={"pawsx": "rougeL"})
    [verdict] = improves(told)
    assert verdict.sentence == "pawsx: better in fr, de."
    [verdict] = improves_at_same_length(told)
    assert verdict.decision == "not decidable"
    assert verdict.sentence == "pawsx: better in fr; not decidable in de."
    assert not [*improves_at_same_length(evidence(comparisons=whole))]


def test_a_task_without_rouge_has_no_answers_of_the_same_length():
    numbers = compared(("fr", 0.2, 0.01, 1)).assign(metric="exact_number")
    told = replace(evidence(comparisons=numbers), metrics={"pawsx": "exact_number"})
    assert not [*improves_at_same_length(told)]


def answered(yes, no, languages=("fr", "ja"), seed=1):
    """So many of 110 items whose answer is yes, and of 90 whose is no, are right."""
    cells = {
        ("yes", "yes"): yes,
        ("yes", "no"): 110 - yes,
        ("no", "yes"): 90 - no,
        ("no", "no"): no,
    }
    return {"confusions": confused([cells] * len(languages), languages, seed)}


def confused(tables, languages, seed=1):
    """(gold, answer) -> items, a mapping for each language; as wrong before tuning."""
    place = {"task": "pawsx", "prompt": "own", "reading": "strict"}
    return pd.DataFrame(
        [
            place
            | {"language": language, "tuned_on": tuned_on, "seed": of}
            | {"gold": gold, "answer": answer, "n": n}
            for language, cells in zip(languages, tables, strict=True)
            for (gold, right), n in cells.items()
            for tuned_on, of in ((None, None), ("pawsx", seed))
            for answer in (right if tuned_on else "(no answer)",)
        ]
    )


@pytest.mark.parametrize(
    ("yes", "no", "decision", "accuracy"),
    [
        (95, 30, "supported", 0.625),  # 30 for 15 is p .036
        (95, 28, "not decidable", 0.615),  # 28 for 15 is p .066
        (70, 30, "not decidable", 0.5),
        (80, 16, "not decidable", 0.48),  # to .549, but 30 for 16 is p .054
        (77, 12, "contradicted", 0.445),  # to .514, and 33 for 12 is p .0025
        (90, 0, "contradicted", 0.45),  # never right where always yes is wrong
    ],
)
def test_answers_are_compared_with_each_constant_one(yes, no, decision, accuracy):
    [verdict] = beats_constant(evidence(**answered(yes, no, ["fr"])))
    assert verdict.decision == decision
    assert verdict.numbers == {"fr": f"{accuracy:.3f} against 0.550"}


def test_constant_answers_of_all_languages_are_one_family_in_each_seed():
    alone = answered(77, 12, ["fr"])["confusions"]
    others = answered(60, 45, [f"l{n}" for n in range(12)])["confusions"]
    [verdict] = beats_constant(evidence(confusions=pd.concat([alone, others])))
    assert verdict.decisions["fr"] == "not decidable"  # .0024 twenty-six times
    # What one seed shows another must show, too.
    seeds = alone, answered(70, 30, ["fr"], 2)["confusions"]
    [verdict] = beats_constant(evidence(confusions=pd.concat(seeds)))
    assert verdict.decision == "not decidable"
    assert verdict.numbers == {"fr": "0.445, 0.500 against 0.550"}


@pytest.mark.parametrize(
    ("n", "k", "bias", "times"), [(60, 3, 0, 40), (60, 3, 1, 80), (300, 2, 1, 80)]
)
def test_answers_by_chance_are_seldom_called_worse_than_a_constant(
    n, k, bias, times, monkeypatch
):
    """Nor better, though all answers be the same one and each is as often right."""
    monkeypatch.setattr(scipy.stats, "binomtest", cache(scipy.stats.binomtest))
    rng = np.random.default_rng(1)
    names, wrong = [f"language {number}" for number in range(5)], 0
    shares = np.full(k, 1 / k)
    answers = (1 - bias) * shares + bias * np.eye(k)[0]
    pairs = [(f"{a}", f"{b}") for a in range(k) for b in range(k)]
    for _ in range(times):
        counts = rng.multinomial(n, np.outer(shares, answers).ravel(), len(names))
        tables = [dict(zip(pairs, row, strict=True)) for row in counts]
        [verdict] = beats_constant(evidence(confusions=confused(tables, names)))
        wrong += any(said != "not decidable" for said in verdict.decisions.values())
    assert wrong <= times * 0.05 + 2 * np.sqrt(times * 0.05 * 0.95)


def test_answers_as_good_as_a_constant_are_seldom_called_better(monkeypatch):
    """Where one label is more frequent, and its share is of a sample, too."""
    monkeypatch.setattr(scipy.stats, "binomtest", cache(scipy.stats.binomtest))
    rng = np.random.default_rng(2)
    names, times = [f"language {number}" for number in range(5)], 40
    right = np.array([[0.55, 0.45], [0.45, 0.55]])
    cells = np.array([[0.55], [0.45]]) * right  # .55 of each label, as of "yes"
    pairs = [("yes", "yes"), ("yes", "no"), ("no", "yes"), ("no", "no")]
    wrong = 0
    for _ in range(times):
        counts = rng.multinomial(500, cells.ravel(), len(names))
        tables = [dict(zip(pairs, row, strict=True)) for row in counts]
        [verdict] = beats_constant(evidence(confusions=confused(tables, names)))
        wrong += "supported" in verdict.decisions.values()
    assert wrong <= times * 0.05 + 2 * np.sqrt(times * 0.05 * 0.95)


def similar(**columns):
    rows = {
        "corpus": "pud",
        "pooling": "mean",
        "layer": -1,
        "target": ["fr", "ja"],
        "tuned_on": None,
        "gap": 0.05,
        "gap_low": 0.04,
        "gap_high": 0.06,
        "change": math.nan,
        "change_low": math.nan,
        "change_high": math.nan,
    }
    return pd.DataFrame(rows | columns)


@pytest.mark.parametrize(
    ("lows", "highs", "decision"),
    [
        ([0.01, 0.02], [0.1, 0.1], "supported"),
        ([0.01, -0.02], [0.1, 0.1], "not decidable"),
        ([0.01, -0.2], [0.1, -0.1], "contradicted"),
        # Below 0 alone, but one of two may be so by chance: 0.001 when widened.
        ([0.01, -0.021], [0.1, -0.001], "not decidable"),
    ],
)
def test_parallel_pairs_beat_random_ones(lows, highs, decision):
    middle = [(low + high) / 2 for low, high in zip(lows, highs, strict=True)]
    frame = similar(gap=middle, gap_low=lows, gap_high=highs)
    [verdict] = parallel_beats_random(evidence(similarities=frame))
    assert verdict.decision == decision
    assert verdict.scope == "pud, mean, layer -1"


@pytest.mark.parametrize(
    ("changes", "gains", "decision"),
    [
        ([(0.01, 0.02), (-0.03, -0.01)], [0.2, 0.2], "supported"),
        # Beyond .05 in one language, its interval included.
        ([(0.01, 0.02), (0.06, 0.09)], [0.2, 0.2], "contradicted"),
        ([(0.01, 0.02), (-0.09, -0.06)], [0.2, 0.2], "contradicted"),
        # So far beyond it may be by chance in one of two.
        ([(0.01, 0.02), (0.051, 0.09)], [0.2, 0.2], "not decidable"),
        # The interval reaches beyond .05, or the score has not changed more.
        ([(0.01, 0.02), (0.02, 0.06)], [0.2, 0.2], "not decidable"),
        ([(0.01, 0.02), (0.01, 0.03)], [0.2, 0.05], "not decidable"),
        ([(0.01, 0.02), (0.01, 0.03)], [0.2, 0.01], "not decidable"),
        ([(0.01, 0.02), (0.01, 0.03)], [0.2, -0.2], "not decidable"),
    ],
)
def test_similarity_changes_little_against_the_score(changes, gains, decision):
    lows, highs = zip(*changes, strict=True)
    after = similar(
        tuned_on="pawsx",
        change=[(a + b) / 2 for a, b in changes],
        change_low=lows,
        change_high=highs,
    )
    scores = compared(("fr", gains[0], 0.01, 1), ("ja", gains[1], 0.01, 1))
    frames = pd.concat([similar(), after])
    tables = {"similarities": frames, "comparisons": scores} | answered(95, 50)
    [verdict] = changes_little(evidence(**tables))
    assert verdict.decision == decision
    assert verdict.scope == "pawsx, pud, mean, layer -1"


@pytest.mark.parametrize(
    ("p", "decision"), [(0.01, "supported"), (0.6, "not decidable")]
)
def test_a_rise_that_may_be_brevity_is_not_weighed_against_a_change(p, decision):
    whole = compared(*((code, 0.2, 0.01, 1) for code in ("fr", "ja")))
    cut = compared(("fr", 0.2, 0.01, 1), ("ja", 0.1, p, 1))
    both = [whole.assign(metric="rougeL"), cut.assign(metric="rougeL_same_length")]
    changed = similar().assign(tuned_on="pawsx", change=0.01)
    changed = changed.assign(change_low=0.005, change_high=0.015)
    told = evidence(comparisons=pd.concat(both), similarities=changed)
    told = replace(told, metrics={"pawsx": "rougeL"}, kinds={"pawsx": "generation"})
    [verdict] = changes_little(told)
    assert verdict.decision == decision


def test_a_change_without_an_interval_is_not_little():
    after = similar(tuned_on="pawsx", change=0.01, change_low=0.0, change_high=0.02)
    other = after.assign(change=0.3, change_low=math.nan, change_high=math.nan)
    rows = [("fr", 0.2, 0.01, 1), ("ja", 0.2, 0.01, 1)]
    tables = {"comparisons": compared(*rows)} | answered(95, 50)
    both = pd.concat([after.assign(seed=1), other.assign(seed=2)])
    [verdict] = changes_little(evidence(similarities=both, **tables))
    assert verdict.decision == "not decidable"
    assert verdict.numbers["fr"].startswith("cosine +0.010, +0.300, score +")


def test_where_nothing_was_learnt_little_change_says_nothing():
    after = similar(tuned_on="pawsx", change=0.01, change_low=0.0, change_high=0.02)
    rows = [("fr", 0.2, 0.01, 1), ("ja", 0.2, 0.01, 1)]
    found = evidence(
        similarities=after, comparisons=compared(*rows), **answered(95, 50)
    )
    [verdict] = changes_little(found)
    assert verdict.decision == "supported"
    constant = replace(found, confusions=answered(110, 0)["confusions"])
    [verdict] = changes_little(constant)
    assert verdict.decision == "not decidable"
    # Summaries have no constant answer.
    [verdict] = changes_little(replace(constant, kinds={"pawsx": "generation"}))
    assert verdict.decision == "supported"
    # An interval above 0 is not enough where the test says otherwise.
    rows[1] = ("ja", 0.2, 0.06, 1)
    [verdict] = changes_little(replace(found, comparisons=compared(*rows)))
    assert verdict.decision == "not decidable"


def correlated(**columns):
    rows = {
        "task": "pawsx",
        "metric": "accuracy_strict",
        "seed": 1,
        "corpus": "pud",
        "pooling": ["mean", "last"],
        "layer": -1,
        "measure": "parallel",
        "statistic": "spearman",
        "value": [0.9, 0.3],
        "low": [0.7, 0.1],
        "high": [1.0, 0.5],
        "p_exact": 0.02,
        "p_error": 0.0,
        "p_min": 1 / 60,
        "p_family": 0.03,
        "p_family_min": 1 / 60,
        "family": 2,
        "without_low": 0.2,
        "without_high": 1.0,
        "n": 5,
        "reason": None,
    }
    return pd.DataFrame(rows | columns)


@pytest.mark.parametrize(
    ("columns", "decision", "words"),
    [
        ({}, "supported", "rho is 0.90 [0.70, 1.00], exact p 0.020 (0.030 adjusted)"),
        (
            {"value": -0.9, "low": -1.0, "high": -0.1},
            "contradicted",
            "over 5 languages rho is -0.90 [-1.00, -0.10]",
        ),
        # These languages' order may be that of noise, whatever p says of any order.
        ({"low": 0.0}, "not decidable", "rho is 0.90 [0.00, 1.00], exact p 0.020"),
        ({"low": math.nan, "high": math.nan}, "not decidable", "0.90 [no interval], "),
        ({"p_family": 0.06}, "not decidable", "(0.060 adjusted)"),
        (
            {"p_family": 0.1, "p_exact": 1 / 12, "p_family_min": 1 / 12, "n": 4},
            "not decidable",
            "these cannot show less than 0.083",
        ),
        (
            {"p_error": 0.002, "n": 12},
            "supported",
            "rho is 0.90 [0.70, 1.00], p 0.020 ± 0.002 of random orders (0.030",
        ),
        ({"reason": "2 languages"}, "not decidable", "no correlation, 2 languages."),
    ],
)
def test_similarity_ranks_languages(columns, decision, words):
    found = list(ranks_languages(evidence(correlations=correlated(**columns))))
    assert len(found) == 2
    assert found[0].decision == decision
    assert words in found[0].sentence


def test_only_spearmans_of_the_headline_metric_with_the_cosine_is_looked_at():
    frame = correlated()
    others = [
        frame.assign(**change)
        for change in (
            {"statistic": "pearson"},
            {"measure": "mexa"},
            {"metric": "accuracy_choice"},
        )
    ]
    found = list(ranks_languages(evidence(correlations=pd.concat([frame, *others]))))
    assert len(found) == 2


@pytest.mark.parametrize(
    ("kind", "low", "high", "p", "decision"),
    [
        ("classification", [0.7, 0.1], [1.0, 0.5], [0.03, 0.9], "supported"),
        ("generation", [0.7, 0.1], [1.0, 0.5], [0.03, 0.9], "contradicted"),
        ("classification", [0.4, 0.1], [1.0, 0.5], [0.03, 0.9], "not decidable"),
        # Sure of these languages' order, and three cannot speak for others.
        ("classification", [0.9, 0.5], [0.9, 0.5], [1 / 3, 1], "not decidable"),
        # Above the other's, and not surely above none.
        ("classification", [-0.1, -0.9], [1.0, -0.3], [0.03, 0.9], "not decidable"),
        ("classification", [math.nan, 0.1], [math.nan, 0.5], 0.03, "not decidable"),
    ],
)
def test_the_pooling_that_fits_the_kind_of_task(kind, low, high, p, decision):
    frames = evidence(correlations=correlated(low=low, high=high, p_family=p))
    [verdict] = pooling_fits_kind(replace(frames, kinds={"pawsx": kind}))
    assert verdict.decision == decision
    if math.isnan(low[0]):
        assert "[no interval]" in verdict.sentence


def test_a_pooling_without_a_correlation_is_not_compared():
    frame = correlated(value=[0.9, math.nan])
    assert not [*pooling_fits_kind(evidence(correlations=frame))]


@pytest.mark.parametrize(
    ("values", "decision"),
    [((0.2, 0.4), "supported"), ((0.2, -0.1), "not decidable")],
)
def test_of_several_seeds_the_mean_score_is_ranked(values, decision):
    """And each seed has to have its sign, though not by itself such a p."""
    each = [correlated(seed=n, value=v) for n, v in enumerate(values, start=1)]
    frame = pd.concat([*each, correlated(seed=pd.NA)])
    found = list(ranks_languages(evidence(correlations=frame)))
    assert [verdict.decision for verdict in found] == [decision] * 2
    told = f"of the 2 seeds by themselves {values[0]:.3f}, {values[1]:.3f}."
    assert found[0].sentence.endswith(told)
    [verdict] = pooling_fits_kind(evidence(correlations=frame))
    assert verdict.decision == "supported"


def test_a_language_that_the_task_lacks_decides_nothing():
    after = similar(tuned_on="pawsx", change=0.01, change_low=0.0, change_high=0.02)
    scores = compared(("fr", 0.2, 0.01, 1))  # no ja
    tables = {"similarities": after, "comparisons": scores} | answered(95, 50)
    [verdict] = changes_little(evidence(**tables))
    assert verdict.decision == "supported"
    assert list(verdict.numbers) == ["fr"]


def test_the_documentation_names_each_finding():
    page = Path(__file__).parents[2] / "docs" / "statistics.md"
    named = re.findall(r"^\| `([a-z-]+)` \|.*\|$", page.read_text("utf-8"), re.M)
    names = [find.__name__.replace("_", "-") for find in FINDINGS]
    assert [name for name in named if name in names] == names


def test_a_users_own_finding_is_one_function():
    def mine(found):
        n = len(found.comparisons)
        yield Verdict("mine", "all", "There are rows.", "supported", f"{n} rows.", "n")

    made = evidence(
        comparisons=compared(("fr", 0.2, 0.01, 1)),
        similarities=similar(),
        correlations=correlated(),
        confusions=pd.DataFrame(columns=CONFUSIONS),
    )
    verdicts = check(made, [mine])
    assert verdicts[-1].sentence == "1 rows."
    found = {verdict.finding for verdict in verdicts}
    missing = {"changes-little", "improves-at-same-length"}  # no change, no summaries
    assert len(found) == len(FINDINGS) - len(missing) + 1
    assert not found & missing
    frame = to_frame(verdicts)
    assert len(frame) == len(verdicts)
    assert frame["numbers"].iloc[0] == "fr: 0.500 before, 0.700 after, adjusted p 0.010"
