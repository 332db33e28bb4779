"""What figures show, and that no label covers another or leaves the figure."""

from __future__ import annotations

import dataclasses
import re
from itertools import chain
from types import ModuleType
from typing import Any

import invented
import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.text import Text

from spillover.report.figures import (
    Drawing,
    confusions,
    correlation,
    drawings,
    layers,
    scores,
    similarity,
    style,
)
from spillover.results import Results

Floats = npt.NDArray[np.float64]
Labelled = list[tuple[Drawing, list[str], Floats]]
"""Figures with their texts, and where these are."""

KEYS = ["scores", "similarity", "layers", "correlation", "confusions"]
ODD = {
    "1": "それは言い換えです",
    "2": "No & <never>",
    "3": "$x^2$ " + "very " * 9,
    "4": "one",
    "5": "two",
    "6": "three",
    "7": "four",
    "8": "five",
}
STUDIES: dict[str, dict[str, Any]] = {
    "six languages": {"layers": 5, "corpora": ["lines"]},
    "thirty languages": {
        "languages": 31,
        "corpora": ["lines"],
        "poolings": ["mean"],
        "layers": 2,
    },
    "two languages": {"languages": 2, "poolings": ["mean"]},
    "three seeds": {
        "seeds": [1, 2, 3],
        "generated": ["titles"],
        "corpora": ["x"],
        "poolings": ["mean"],
    },
    "odd words": {
        "languages": 4,
        "words": ODD,
        "corpora": ["平行"],
        "poolings": ["last"],
    },
    "odd tasks": {
        "tasks": [
            "言い換え",
            "a-task-whose-name-takes-more-room-than-there-is-in-figures",
        ],
        "corpora": ["a-corpus-with-quite-a-long-name-for-one-of-four-panels"],
        "languages": 3,
    },
}


@pytest.fixture(scope="module", params=STUDIES)
def drawn(request: pytest.FixtureRequest) -> dict[str, list[Drawing]]:
    return drawings(invented.results(**STUDIES[request.param]))


@pytest.fixture(scope="module")
def labelled(drawn: dict[str, list[Drawing]]) -> Labelled:
    return [(drawing, *boxes(drawing)) for drawing in of(drawn)]


def of(each: dict[str, list[Drawing]]) -> list[Drawing]:
    return list(chain.from_iterable(each.values()))


def draw(kind: ModuleType, results: Results) -> list[Drawing]:
    """The figures of one kind alone."""
    with style.drawing():
        found: list[Drawing] = kind.draw(results)
    return found


def words(drawing: Drawing) -> list[str]:
    return [text.get_text() for text in style.texts(drawing.figure)]


def boxes(drawing: Drawing) -> tuple[list[str], Floats]:
    """What is written, and left, lower, right and upper end of each, in points."""
    figure = drawing.figure
    figure.set_dpi(720)  # a width is not rounded to whole points then
    renderer = FigureCanvasAgg(figure).get_renderer()
    with style.drawing():
        found = [text.get_window_extent(renderer) for text in style.texts(figure)]
    figure.set_dpi(72)
    return words(drawing), np.array([box.extents for box in found]) / 10


def covered(texts: list[str], ends: Floats) -> list[tuple[str, str]]:
    """The labels that overlap by more than half a point."""
    begin = np.maximum(ends[:, None, :2], ends[None, :, :2])
    end = np.minimum(ends[:, None, 2:], ends[None, :, 2:])
    both = np.triu((end - begin > 0.5).all(axis=2), 1)
    return [(texts[i], texts[j]) for i, j in np.argwhere(both)]


def test_no_label_covers_another(labelled: Labelled) -> None:
    for drawing, texts, ends in labelled:
        assert covered(texts, ends) == [], drawing.name


def test_no_label_leaves_the_figure(labelled: Labelled) -> None:
    for drawing, _, ends in labelled:
        width, height = drawing.figure.get_size_inches() * 72
        assert (ends[:, :2] >= 0).all(), drawing.name
        assert (ends[:, 2:] <= (width, height)).all(), drawing.name


@pytest.mark.parametrize("module", [similarity, layers])
def test_numbers_of_narrow_axes_do_not_run_into_each_other(module: ModuleType) -> None:
    tasks = [f"task{number}" for number in range(12)]
    few = {"corpora": ["lines"], "poolings": ["mean"]}
    made = invented.results(4, tasks=tasks, layers=33, **few)
    drawing, *_ = draw(module, made)
    texts, ends = boxes(drawing)
    row = ends[[bool(re.fullmatch(r"−?[\d.]+", text)) for text in texts]]
    bottom, counts = np.unique(row[:, 1].round(), return_counts=True)
    axis = row[row[:, 1].round() == bottom[counts.argmax()]]
    axis = axis[axis[:, 0].argsort()]
    assert len(axis) >= len(tasks) + 1
    assert (axis[1:, 0] - axis[:-1, 2] > 2).all()


def test_figures_have_the_width_of_a_page_and_text_that_can_be_read(
    drawn: dict[str, list[Drawing]],
) -> None:
    for drawing in of(drawn):
        width = drawing.figure.get_size_inches()[0]
        assert width == 6.5 or drawing.name.startswith("confusions")
        texts: list[Any] = drawing.figure.findobj(Text)
        assert min(t.get_fontsize() for t in texts if t.get_text()) >= 7


def test_each_figure_has_words_and_a_name_of_its_own(
    drawn: dict[str, list[Drawing]],
) -> None:
    assert list(drawn) == KEYS
    names = [drawing.name for drawing in of(drawn)]
    assert len(set(names)) == len(names)
    for drawing in of(drawn):
        assert re.fullmatch(r"[A-Za-z0-9.-]+", drawing.name)
        assert drawing.title
        assert drawing.description.endswith(".")
        assert drawing.note.endswith(".")


def test_there_is_a_figure_for_each_task_and_each_corpus_and_pooling() -> None:
    each = drawings(
        invented.results(2, tasks=["a", "b"], generated=["c"], corpora=["x", "y"])
    )
    assert {key: [d.name for d in several] for key, several in each.items()} == {
        "scores": ["scores-a", "scores-b", "scores-c"],
        "similarity": [
            "similarity-x-mean",
            "similarity-x-last",
            "similarity-y-mean",
            "similarity-y-last",
        ],
        "layers": [],
        "correlation": ["correlation-a", "correlation-b", "correlation-c"],
        "confusions": ["confusions-a", "confusions-b"],
    }


def test_a_study_without_corpora_has_only_scores_and_confusions() -> None:
    each = drawings(invented.results(2, corpora=[]))
    assert [key for key, several in each.items() if several] == ["scores", "confusions"]


def test_layers_are_drawn_where_all_were_looked_at() -> None:
    results = invented.results(3, corpora=["x"], layers=4)
    found = draw(layers, results)
    assert [drawing.name for drawing in found] == [
        f"layers-x-{pooling}-{measure}"
        for pooling in ("mean", "last")
        for measure in ("parallel", "random", "gap", "mexa")
    ]
    assert len(draw(similarity, results)) == 2  # the last layer's
    table = results.similarities
    last = table[(table["layer"] == 3) & table["tuned_on"].isna()]
    [row, *_] = last[last["pooling"] == "mean"].to_dict("records")
    for drawing, measure in ((found[2], "gap"), (found[3], "mexa")):
        assert f" to {row[measure]:.2f}" in drawing.description
    assert "Kargaran et al. 2024" in found[3].note


def test_scores_are_those_of_table_1() -> None:
    results = invented.results()
    [drawing] = draw(scores, results)
    shown = words(drawing)
    for values in results.paper_panels()[0][0].cells.to_numpy():
        for cell in values:
            assert cell in shown
    assert "best constant answer" in shown


def test_intervals_and_baselines_end_at_their_numbers() -> None:
    results = invented.results(3)
    chart = scores._Chart(results, "opinions", results.paper_panels()[0][0])
    drawing = chart.drawing()
    [axes] = drawing.figure.axes
    drawn = [
        (line.get_color(), *map(float, (*line.get_xdata(), *line.get_ydata())))
        for line in axes.get_lines()
        if len(line.get_xdata()) == 2
    ]
    rows = results.evaluations
    for code, y in chart.rows.items():
        for state, tuned in (("before", False), ("after", True)):
            row = rows[rows["language"].eq(code) & rows["tuned_on"].notna().eq(tuned)]
            [low], [high] = row["low"], row["high"]
            ends = (chart.scale(low), chart.scale(high), *[y + scores.APART[state]] * 2)
            assert any(
                colour == style.STATES[state] and np.allclose(at, ends)
                for colour, *at in drawn
            )
        for name, value in (("majority", 0.41), ("uniform", 1 / 3)):
            colour = scores.BASELINES[name][1]
            ends = (*[chart.scale(value)] * 2, y - 0.08, y + 0.08)
            assert any(c == colour and np.allclose(at, ends) for c, *at in drawn)


@pytest.mark.parametrize("module", [scores, similarity, correlation, layers])
def test_languages_are_written_on_the_figure(module: ModuleType) -> None:
    results = invented.results(6, layers=3)
    for drawing in draw(module, results):
        shown = " ".join(words(drawing))
        codes = results.study.languages[0 if module is scores else 1 :]
        assert all(re.search(rf"\b{code}\b", shown) for code in codes), drawing.name


def test_summaries_stand_against_those_before_at_the_same_length() -> None:
    results = invented.results(tasks=[], generated=["titles"])
    [drawing] = draw(scores, results)
    assert "before, at the same length" in words(drawing)
    assert "best constant answer" not in words(drawing)
    assert "cut to the length of the shorter one" in drawing.note
    [axes] = drawing.figure.axes
    lines = [line for line in axes.get_lines() if line.get_color() == style.INK]
    heads, ticks = lines[0], lines[1:]
    assert len(ticks) == len(results.study.languages)
    assert len({tuple(tick.get_xdata()) for tick in ticks}) == 1  # of each 0.2
    assert heads.get_xdata()[0] != ticks[0].get_xdata()[0]


def test_a_baseline_above_all_scores_lies_on_the_axis() -> None:
    results = invented.results(tasks=[], generated=["titles"])
    high = results.comparisons.assign(before=0.9)
    [drawing] = draw(scores, dataclasses.replace(results, comparisons=high))
    [axes] = drawing.figure.axes
    ticks = [line for line in axes.get_lines() if line.get_color() == style.INK]
    columns = [text for text in axes.texts if text.get_text() == "before"]
    assert max(tick.get_xdata()[0] for tick in ticks) < columns[0].get_position()[0]


def marks(drawing: Drawing, x: float, y: float) -> list[Any]:
    """The round marks at a place of the sheet."""
    [axes] = drawing.figure.axes
    lines = [line for line in axes.get_children() if hasattr(line, "get_marker")]
    return [
        line
        for line in lines
        if line.get_marker() == "o"
        and np.allclose((line.get_xdata()[0], line.get_ydata()[0]), (x, y), atol=1e-6)
    ]


def test_marks_stand_at_their_scores_open_before_and_filled_after() -> None:
    results = invented.results()
    [panel] = results.paper_panels()[0]
    with style.drawing():
        chart = scores._Chart(results, "opinions", panel)
        drawing = chart.drawing()
    for code, y in chart.rows.items():
        for state, fill in (("before", style.PAPER), ("after", style.AFTER)):
            value = panel.values.loc[("opinions", state), code]
            x = chart.scale(float(value))
            [mark] = marks(drawing, x, y + scores.APART[state])
            assert mark.get_markerfacecolor() == fill


def test_a_score_that_is_missing_is_a_gap_and_no_mark() -> None:
    results = invented.results()
    told = results.evaluations
    absent = (told["language"] == "am") & told["tuned_on"].isna()
    unsure = told["language"] == "ar"
    told = told[~absent].copy()
    told.loc[unsure, ["low", "high"]] = np.nan
    told.loc[told["language"] == "bg", "value"] = np.nan
    [drawing] = draw(scores, dataclasses.replace(results, evaluations=told))
    assert words(drawing).count("–") == 3
    assert "Amharic: – to 0." in drawing.description
    assert "–: not measured" in drawing.note


def test_a_task_that_nobody_evaluated_is_not_drawn() -> None:
    results = invented.results(tasks=["a", "b"])
    told = results.evaluations
    fewer = dataclasses.replace(results, evaluations=told[told["task"] == "a"])
    assert [d.name for d in draw(scores, fewer)] == ["scores-a"]


def test_each_seed_is_a_dot_beside_the_mean() -> None:
    [one] = draw(scores, invented.results())
    [three] = draw(scores, invented.results(seeds=[1, 2, 3]))
    small = [
        sum(
            getattr(line, "get_markersize", lambda: 9)() < 2
            for line in d.figure.axes[0].get_children()
        )
        for d in (one, three)
    ]
    assert small == [0, 3 * 6]
    assert "mean of 3 seeds" in three.note
    assert any("±" in text for text in words(three))


def test_correlations_are_said_with_p_and_interval() -> None:
    results = invented.results(corpora=["x"])
    frame = results.correlations.copy()
    last = frame["pooling"] == "last"
    frame.loc[last, ["low", "high"]] = np.nan
    frame.loc[last, "value"] = -0.5
    results = dataclasses.replace(results, correlations=frame.assign(p_error=0.0))
    [drawing] = draw(correlation, results)
    assert {
        "ρ = 0.90, [0.30, 1.00], n = 5 languages",
        "exact p = 0.083, smallest possible 0.017",
        "ρ = −0.50, no interval, n = 5 languages",
    } <= {*words(drawing)}


def test_a_p_of_random_orders_is_not_called_exact() -> None:
    results = invented.results(corpora=["x"])
    frame = results.correlations.assign(p_error=0.002)
    [drawing] = draw(correlation, dataclasses.replace(results, correlations=frame))
    assert "p = 0.083 ± 0.002, of 20,000 orders" in words(drawing)


def test_no_correlation_is_said_with_its_reason() -> None:
    [drawing] = draw(correlation, invented.results(2, corpora=["x"]))
    assert "no ρ: fewer than three languages" in words(drawing)
    assert "n = 1 language" in words(drawing)


def test_of_several_seeds_the_mean_score_is_correlated() -> None:
    results = invented.results(seeds=[1, 2], corpora=["x"])
    told = results.evaluations
    [drawing] = draw(correlation, results)
    after = told[(told["language"] == "ar") & told["tuned_on"].notna()]["value"].mean()
    assert f", {after:.2f};" in drawing.description
    assert "the mean over 2 seeds" in drawing.note
    assert len([text for text in words(drawing) if text.startswith("ρ")]) == 2


def test_confusions_show_every_count_and_the_answer_words() -> None:
    results = invented.results(3, words={"e": "Yes", "c": "Nope"}, seeds=[1, 2])
    [drawing] = draw(confusions, results)
    shown = words(drawing)
    frame = results.confusions
    keys = ["tuned_on", "language", "gold", "answer"]
    for count in frame.groupby(keys, dropna=False)["n"].sum():
        assert f"{count}" in shown
    assert {"Yes", "Nope", "(none)"} <= {*shown}
    assert "2 seeds together" in drawing.note


def test_confusions_are_of_the_reading_that_the_tables_show() -> None:
    results = invented.results(2)
    other = results.confusions.assign(reading="choice", n=12345)
    both = pd.concat([other, results.confusions])
    [drawing] = draw(confusions, dataclasses.replace(results, confusions=both))
    assert "12345" not in words(drawing)


def histograms(drawing: Drawing) -> list[Any]:
    [axes] = drawing.figure.axes
    return [p.get_xy() for p in axes.get_children() if hasattr(p, "get_closed")]


def test_a_histogram_has_the_heights_of_its_counts() -> None:
    results = invented.results(2, corpora=["x"])
    shown = results.distributions
    place = {"corpus": "x", "source": "en", "target": "am", "pooling": "mean"}
    rows = [
        place
        | {"layer": -1, "low": low, "high": low + 0.01, "parallel": n, "random": 0}
        for low, n in ((0.40, 3), (0.41, 5), (0.44, 4), (0.59, 1))
    ]
    shown = pd.DataFrame(rows).assign(tuned_on=None)
    results = dataclasses.replace(results, distributions=shown)
    means = results.similarities.assign(parallel=0.45, random=0.41)
    results = dataclasses.replace(results, similarities=means)
    drawing, *_ = draw(similarity, results)
    [outline] = histograms(drawing)
    base = outline[0, 1]
    heights = (base - outline[1:-2:2, 1]) / (base - outline[:, 1]).max()
    counts = [8, 0, 4, 0, 0, 0, 0, 0, 0, 1]
    assert heights == pytest.approx(np.array(counts) / 8)


def test_a_few_stray_pairs_do_not_stretch_the_axis_and_are_counted() -> None:
    results = invented.results(3, corpora=["x"])
    shown = results.distributions
    stray = shown.iloc[[0]].assign(low=-0.5, high=-0.49, parallel=2, random=0)
    both = pd.concat([stray, shown])
    drawing, *_ = draw(similarity, dataclasses.replace(results, distributions=both))
    assert re.search(r"Beyond the axis: \d+ of 4,002 parallel and", drawing.note)
    assert "−0.4" not in words(drawing)


def test_a_letter_that_no_font_has_is_said() -> None:
    [drawing] = draw(
        confusions, invented.results(2, words={"1": "\U00013000", "0": "No"})
    )
    assert "No font that is installed here has \U00013000" in drawing.note
    [drawing] = draw(confusions, invented.results(2))
    assert "No font" not in drawing.note


def test_a_dollar_is_a_dollar_and_control_characters_are_no_text() -> None:
    wild = {"1": "$a_b$ \x00\x1b\ud800", "0": "two\nlines"}
    [drawing] = draw(confusions, invented.results(2, words=wild))
    assert "$a_b$  ?" in words(drawing)
    assert "two lines" in words(drawing)


def test_the_users_own_settings_do_not_matter() -> None:
    import matplotlib

    def shown() -> list[Any]:
        [drawing] = draw(scores, invented.results(2))
        texts, ends = boxes(drawing)
        return [texts, ends.tolist()]

    usual = shown()
    with matplotlib.rc_context({"font.size": 30, "font.family": "serif"}):
        assert shown() == usual
        assert matplotlib.rcParams["font.size"] == 30
