"""The audit of Xie et al. (2024), number by number, and what a verdict means."""

from __future__ import annotations

import io
import itertools
from importlib.resources import files
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
import yaml
from rich.console import Console
from scipy.stats import beta

from spillover import published
from spillover.audit import Agreement, audit
from spillover.published import Published, parse
from spillover.report import panel as forms
from spillover.report.audit_panels import audit_panels

DOCS = Path(__file__).resolve().parent.parent / "docs" / "audit.md"

AGREES, ROUNDING = "agrees", "agrees only under rounding"
CANNOT, POSSIBLE = "cannot come from these tables", "possible, inputs not printed"


@pytest.fixture(scope="module")
def xie() -> Published:
    return published.load("xie2024")


@pytest.fixture(scope="module")
def frame(xie):
    return audit(xie)


def cell(frame, *place):
    return frame.set_index(["task", "corpus", "pooling"]).loc[place]


def test_a_row_for_each_published_correlation(frame, xie):
    printed = xie.correlations
    for name, column in (("n", "n"), ("value", "value"), ("p", "p_t")):
        assert frame[name].tolist() == printed[column].tolist()
    assert set(frame["paper"]) == {"xie2024"}


@pytest.mark.parametrize(
    ("task", "pooling", "spearman", "p_t", "p_exact", "pearson", "p_pearson"),
    [
        ("pawsx", "mean", 0.975, 0.005, 0.033, 0.991, 0.001),
        ("pawsx", "last", 0.789, 0.112, 0.150, 0.754, 0.141),
        ("xnli", "mean", 1.000, 0.000, 0.017, 0.998, 0.000),
        ("xnli", "last", 0.872, 0.054, 0.100, 0.787, 0.114),
        ("xlsum", "mean", 0.800, 0.200, 0.333, 0.797, 0.203),
        ("xlsum", "last", 0.949, 0.051, 0.167, 0.944, 0.056),
    ],
)
def test_table_3_recomputed(
    frame, task, pooling, spearman, p_t, p_exact, pearson, p_pearson
):
    found = cell(frame, task, "pawsx", pooling)
    names = ["spearman", "p_t", "p_exact", "pearson", "p_pearson"]
    expected = [spearman, p_t, p_exact, pearson, p_pearson]
    assert [round(found[name], 3) for name in names] == expected


def test_without_printed_similarities_nothing_is_recomputed(frame):
    pud = frame[frame["corpus"] == "pud"]
    names = ["spearman", "p_t", "p_exact", "pearson", "p_pearson", "pearson_low"]
    assert pud[names].isna().all(axis=None)
    assert pud["pearson_verdict"].isna().all()
    assert (pud["spearman_low"].round(9) == -1).all()
    assert (pud["spearman_high"].round(9) == 1).all()


@pytest.mark.parametrize(
    ("place", "rho", "as_pearson", "p_t", "p_exact", "n_of_p"),
    [
        ("pawsx pawsx mean", CANNOT, AGREES, CANNOT, CANNOT, "4"),
        ("pawsx pawsx last", ROUNDING, ROUNDING, ROUNDING, CANNOT, "5"),
        ("pawsx pud mean", POSSIBLE, None, POSSIBLE, CANNOT, "5"),
        ("pawsx pud last", CANNOT, None, POSSIBLE, POSSIBLE, "5"),
        ("xnli pawsx mean", CANNOT, CANNOT, CANNOT, CANNOT, "5"),
        ("xnli pawsx last", CANNOT, ROUNDING, CANNOT, CANNOT, "5"),
        ("xnli pud mean", CANNOT, None, CANNOT, POSSIBLE, "4"),
        ("xnli pud last", CANNOT, None, POSSIBLE, CANNOT, "4"),
        ("xlsum pawsx mean", AGREES, AGREES, AGREES, CANNOT, "4"),
        ("xlsum pawsx last", CANNOT, ROUNDING, CANNOT, CANNOT, "4"),
        ("xlsum pud mean", CANNOT, None, CANNOT, CANNOT, "4"),
        ("xlsum pud last", CANNOT, None, CANNOT, CANNOT, "4"),
    ],
)
def test_verdicts(frame, place, rho, as_pearson, p_t, p_exact, n_of_p):
    found = cell(frame, *place.split())
    names = ["spearman", "pearson", "p_t", "p_exact"]
    verdicts = [found[f"{name}_verdict"] for name in names]
    assert [None if pd.isna(v) else v for v in verdicts] == [
        rho, as_pearson, p_t, p_exact,
    ]  # fmt: skip
    assert found["n_of_p"] == n_of_p


@pytest.mark.parametrize(
    ("task", "pooling", "reached"),
    [
        ("pawsx", "mean", {0.900, 0.975, 1.000}),
        ("xnli", "mean", {1.000}),
        ("xnli", "last", {0.800, 0.872, 0.900}),
        ("xlsum", "mean", {0.800}),
        ("xlsum", "last", {0.800, 0.949, 1.000}),
    ],
)
def test_what_rho_can_be_given_the_ties_of_the_printed_tables(
    frame, task, pooling, reached
):
    """Worked out by hand: only fr and de (PAWS-X), zh and ja (last) are tied."""
    found = cell(frame, task, "pawsx", pooling)
    assert round(found["spearman_low"], 3) == min(reached)
    assert round(found["spearman_high"], 3) == max(reached)
    nearest = min(reached, key=lambda rho: abs(rho - found["value"]))
    assert round(found["spearman_nearest"], 3) == nearest


def test_the_only_r_that_rounding_cannot_explain_against_all_corners(frame, xie):
    """The least r of XNLI and mean-pooled similarities, over 1,024 corners."""
    codes = ["fr", "de", "es", "zh", "ja"]
    scores = np.array([0.80, 0.79, 0.77, 0.60, 0.56])
    alike = np.array([0.54, 0.50, 0.49, 0.26, 0.22])
    assert xie.languages[1:] == tuple(codes)
    offsets = np.array(list(itertools.product([-0.005, 0.005], repeat=5)))
    least = min(
        np.corrcoef(scores + dx, alike + dy)[0, 1] for dx in offsets for dy in offsets
    )
    found = cell(frame, "xnli", "pawsx", "mean")
    assert found["pearson_low"] == pytest.approx(least, abs=1e-6)
    assert found["value"] + 0.005 < least
    assert found["pearson_nearest"] == found["pearson_low"]


def test_the_p_of_a_printed_rho_and_its_n(frame):
    """Against the density of r under independence, (1 - r²)^(n/2 - 2), not Student's t.

    With four languages that density is flat, and p is 1 - |ρ|.
    """
    for row in frame.to_dict("records"):
        fit = []
        for n in range(3, 7):
            null = beta(n / 2 - 1, n / 2 - 1, loc=-1, scale=2)
            near = np.linspace(row["value"] - 0.005, row["value"] + 0.005, 2001)
            if (abs(2 * null.sf(near) - row["p"]) <= 0.005).any():
                fit.append(str(n))
            if n == row["n"]:
                assert row["p_of_value"] == pytest.approx(2 * null.sf(row["value"]))
        assert row["n_of_p"].split() == fit
    four = frame[frame["task"] == "xlsum"]
    assert (four["p_of_value"] - (1 - four["value"])).abs().max() < 1e-9


def test_no_exact_p_reaches_a_printed_p_below_its_floor(frame):
    """With 5 and 4 languages no two-sided exact p is below 2/5! and 2/4!."""
    floor = frame["n"].map({5: 2 / 120, 4: 2 / 24})
    assert (frame["p_exact_low"] >= floor - 1e-12).all()
    below = frame["p"] + 0.005 < floor
    assert set(frame.loc[below, "p_exact_verdict"]) == {CANNOT}
    assert below.sum() == 5


# A paper of our own making, with three languages besides English.
SMALL = {
    "citation": "Someone (2030)",
    "model": "m",
    "decimals": 2,
    "languages": ["en", "fr", "de", "es"],
    "metrics": {"task": "accuracy"},
    "scores": {"task": {"after": [0.9, 0.8, 0.7, 0.6]}},
}


def small(value, p, alike=(0.5, 0.4, 0.3), **changes):
    cosines = {
        code: [[number, None]]
        for code, number in zip(("fr", "de", "es"), alike, strict=True)
    }
    paper = SMALL | {
        "similarities": [
            {"corpus": "c", "tuned_on": [None], "poolings": {"mean": cosines}}
        ],
        "correlations": {
            "columns": [["c", "mean"]],
            "n": {"task": 3},
            "rows": {"task": [[value, p]]},
        },
    }
    (row,) = audit(parse("small", yaml.safe_dump(paper | changes))).to_dict("records")
    return row


@pytest.mark.parametrize("change", ["a similarity is not printed", "n is of fewer"])
def test_other_languages_than_are_printed_decide_nothing(change):
    """Of five languages ρ = 0.90 can be; of the four that are printed it cannot."""
    text = (files("spillover.published") / "xie2024.yaml").read_text("utf-8")
    paper = yaml.safe_load(text)
    if change == "n is of fewer":
        paper["correlations"]["n"]["xnli"] = 4
    else:
        paper["similarities"][0]["poolings"]["mean"]["fr"] = [[None, None]] * 3
    frame = audit(parse("other", yaml.safe_dump(paper)))
    row = cell(frame, "xnli", "pawsx", "mean")
    verdicts = [row[f"{name}_verdict"] for name in ("spearman", "pearson", "p_t")]
    assert verdicts == [Agreement.OTHERS] * 3
    [panel] = audit_panels(frame)
    assert "others: of other languages than are printed" in panel.note


def test_agreement_is_that_of_what_can_be_printed():
    """ρ of 3 numbers, two tied on one side, is √3/2 = 0.866: 0.87 and no other."""
    tied = (0.5, 0.3, 0.3)
    assert small(0.87, 0.33, tied)["spearman_verdict"] == Agreement.AGREES
    assert small(1.0, 0.33, tied)["spearman_verdict"] == Agreement.ROUNDING
    assert small(0.5, 0.33, tied)["spearman_verdict"] == Agreement.ROUNDING
    for value in (0.86, 0.88, 0.51, 0.99, -0.87):
        assert small(value, 0.33, tied)["spearman_verdict"] == Agreement.IMPOSSIBLE


def test_half_a_unit_is_printed_either_way():
    """One decimal: ρ = 0.5 of 3 exact ranks, and a p of 2/3 and of 0.3333."""
    swapped = (0.5, 0.3, 0.4)
    row = small(0.5, 0.7, swapped, decimals=1)
    assert row["spearman"] == pytest.approx(0.5)
    for value, verdict in ((0.45, AGREES), (0.55, AGREES), (0.44, CANNOT)):
        assert small(value, 0.7, swapped, decimals=1)["spearman_verdict"] == verdict
    assert row["p_t_verdict"] == AGREES
    assert row["p_exact_verdict"] == CANNOT  # all 6 orders are as far from 0: p = 1
    assert row["p_exact"] == 1


def test_a_number_that_is_not_printed_has_no_verdict():
    row = small(1.0, None)
    assert row["spearman_verdict"] == AGREES
    assert pd.isna(row["p_t_verdict"])
    assert pd.isna(row["p_exact_verdict"])
    assert row["n_of_p"] == ""


def test_constant_inputs_have_no_rho_as_printed_but_any_under_rounding():
    row = small(0.5, 0.67, (0.3, 0.3, 0.3))
    assert pd.isna(row["spearman"])
    assert row["spearman_verdict"] == ROUNDING
    assert (row["pearson_low"], row["pearson_high"]) == (-1, 1)


def test_too_many_orders_are_said_to_be_not_searched():
    codes = ["en", *"abcdefgh"]
    row = small(
        0.5,
        0.1,
        languages=codes,
        scores={"task": {"after": [0.9 - 0.1 * i for i in range(9)]}},
        similarities=[],
        correlations={
            "columns": [["c", "mean"]],
            "n": {"task": 8},
            "rows": {"task": [[0.5, 0.1]]},
        },
    )
    assert row["spearman_verdict"] == row["p_exact_verdict"] == Agreement.UNKNOWN
    assert pd.isna(row["spearman_low"])
    (panel,) = audit_panels(pd.DataFrame([row]))
    assert panel.cells.iloc[0]["verdict on", "ρ"] == "unknown"
    assert "unknown: not searched" in panel.note


def test_only_languages_of_both_tables_count():
    row = small(1.0, 0.0, alike=(0.5, None, 0.3))
    assert pd.isna(row["spearman"])  # fr and es are too few
    assert row["spearman_verdict"] == Agreement.OTHERS
    assert pd.isna(row["pearson_verdict"])


def test_the_panel_fits_a_terminal(frame):
    (panel,) = audit_panels(frame)
    console = Console(width=80, file=io.StringIO(), record=True)
    tables = forms.terminal(panel)
    for table in tables:
        console.print(table)
    text = console.export_text()
    assert len(tables) == 2
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    assert "0.005" in text


def test_the_panel_in_files(frame):
    other = frame.assign(paper="another")
    panels = audit_panels(pd.concat([frame, other]))
    assert [panel.keys for panel in panels] == [
        {"paper": "xie2024"},
        {"paper": "another"},
    ]
    table = pd.read_csv(io.StringIO(forms.csv(panels)))
    assert table["spearman"].tolist()[:2] == frame["spearman"].tolist()[:2]
    assert table["spearman_verdict"].tolist() == 2 * frame["spearman_verdict"].tolist()
    assert "& 0.99 (0.01) & 5 & 4 &" in forms.latex(panels)


def test_the_documents_table_is_what_the_command_prints(frame):
    (panel,) = audit_panels(frame)
    table = [
        line for line in forms.markdown([panel]).splitlines() if line.startswith("|")
    ]
    assert "\n".join(table) in DOCS.read_text("utf-8")
