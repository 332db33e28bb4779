"""How a panel is printed: Markdown, LaTeX, and the terminal of 80 columns."""

from __future__ import annotations

import re

import pandas as pd
import pytest
from markdown_it import MarkdownIt
from rich.cells import cell_len
from rich.console import Console

from spillover.report.panel import Panel, csv, escaped, html, latex, markdown, terminal


def panel(cells, index, columns, **changes):
    frame = pd.DataFrame(cells, index=index, columns=columns)
    parts = {
        "title": "Table 1",
        "keys": {"model": "m"},
        "values": frame,
        "cells": frame,
        "note": "a note",
    }
    return Panel(**parts | changes)


def tasks(*names):
    return pd.MultiIndex.from_tuples([(n, "after") for n in names], names=["task", "t"])


def test_markdown():
    two = panel([["0.95", "–"]], tasks("pawsx"), ["en", "de"])
    assert markdown([two]) == (
        "### Table 1 · model m\n\n"
        "| task | t | en | de |\n"
        "| --- | --- | ---: | ---: |\n"
        "| pawsx | after | 0.95 | – |\n\n"
        "a note\n"
    )


def test_markdown_escapes_what_would_break_the_table():
    odd = panel([["0.5*", "0.9 (<0.01)"]], tasks("a|b\\c"), ["en", "d|e"], note="* few")
    text = markdown([odd])
    assert r"| a\|b\\c | after | 0.5\* | 0.9 (&lt;0.01) |" in text
    assert r"| en | d\|e |" in text
    assert r"\* few" in text


def test_markdown_shows_every_text_as_it_is():
    labels = "a `b` c, __init__, _x_ y, ~~z~~, &lt;b&gt;, ![a](b), $a$, # h, x\\|y, <i>"
    odd = panel([["1"]] * 10, pd.Index(labels.split(", "), name="key"), ["run"])
    reader = MarkdownIt("commonmark").enable(["table", "strikethrough"])
    tokens = reader.parse(markdown([odd]))
    cells = [t for t in tokens if t.type == "inline" and t.content != "1"][3:-1]
    shown = ["".join(part.content for part in cell.children) for cell in cells]
    assert shown == labels.split(", ")
    kinds = {part.type for cell in cells for part in cell.children}
    assert kinds <= {"text", "text_special"}


def test_escapes():
    assert escaped("a_b|c\n# d") == r"a\_b\|c \# d"
    assert escaped("<b>&amp;") == r"&lt;b\>&amp;amp;"


def test_latex():
    columns = pd.MultiIndex.from_tuples([("before", "P"), ("before", "R")])
    two = panel([["0.95", "–"]], tasks("pawsx"), columns)
    assert latex([two]) == (
        "% Table 1 · model m\n"
        "% a note\n"
        "\\begin{tabular}{llrr}\n"
        "\\toprule\n"
        "task & t & before P & before R \\\\\n"
        "\\midrule\n"
        "pawsx & after & 0.95 & -- \\\\\n"
        "\\bottomrule\n"
        "\\end{tabular}\n"
    )


def test_latex_escapes_every_special_character():
    odd = panel([["0.9† (<0.01) [0.03]"]], tasks(r"\a_b&c%d$e#f{g}h~i^j"), ["en"])
    body = latex([odd]).splitlines()[6]
    assert body == (
        r"\textbackslash{}a\_b\&c\%d\$e\#f\{g\}h\textasciitilde{}i\textasciicircum{}j"
        r" & after & 0.9\dag{} ($<$0.01) {[}0.03] \\"
    )


def test_latex_shows_signs_that_it_would_join_or_turn():
    cells = [["-0.14±0.02 [-0.2,-0.1]"], ["a -- b ---c 2020-01"]]
    text = latex([panel(cells, tasks('{text} | "A"', "*`x"), ["en"])])
    assert r"& $-$0.14±0.02 {[}$-$0.2,$-$0.1] \\" in text
    assert r"& a -{}- b -{}-{}-c 2020-01 \\" in text
    assert r"\{text\} \textbar{} \char34{}A\char34{} &" in text
    assert "\n{*}\\textasciigrave{}x &" in text
    assert "xelatex" not in text


def test_latex_says_where_pdflatex_is_not_enough():
    text = latex([panel([["1"]], tasks("日本 été"), ["en"], note="注")])
    assert "\n% xelatex or lualatex, with a font that has 日本\n\\begin" in text


def test_csv_says_which_panel_a_row_is_of():
    one = panel([[0.5]], tasks("a"), ["en"])
    other = panel([[0.1]], tasks("a"), ["en"], title="Change")
    assert csv([one, other]) == (
        "table,model,task,t,en\nTable 1,m,a,after,0.5\nChange,m,a,after,0.1\n"
    )


def test_latex_comments_stay_comments():
    text = latex([panel([["1"]], tasks("t"), ["en"], title="Two\nlines", note="n\nm")])
    assert text.startswith("% Two lines · model m\n% n m\n\\begin")


def test_nothing_to_print():
    assert [csv([]), markdown([]), latex([])] == ["", "", ""]


def shown(one, width=80):
    console = Console(width=width, record=True, file=None, color_system=None)
    with console.capture() as capture:
        for table in terminal(one, width):
            console.print(table)
    return capture.get()


MODELS = ["meta/llama-7b", "SmolLM2-135M", "a/very-long-name-of-a-model-" * 4, "[red]x"]


@pytest.mark.parametrize("model", MODELS)
def test_six_languages_fit_in_80_columns(model):
    languages = ["en", "fr", "de", "es", "zh", "ja", "mean"]
    cells = [[f"0.{row}{place}*" for place in range(7)] for row in range(6)]
    one = panel(
        cells,
        tasks("pawsx", "xnli", "xlsum", "debian_descriptions", "mgsm", "xcopa"),
        languages,
        keys={"model": model},
    )
    assert len(terminal(one)) == 1
    assert_whole(shown(one), cells)
    assert model[:20] in shown(one)


def test_wide_tables_are_split_between_first_levels():
    columns = pd.MultiIndex.from_product(
        [["before", "pawsx", "xnli", "xlsum", "debian_descriptions"], ["P", "R"]]
    )
    cells = [[f"0.{row}{place}*" for place in range(10)] for row in range(2)]
    one = panel(cells, tasks("mean", "last"), columns)
    tables = terminal(one)
    assert len(tables) == 2
    # Each P stands beside its R, and every table names its rows.
    assert [len(table.columns) for table in tables] == [2 + 6, 2 + 4]
    assert_whole(shown(one), cells)


def test_correlations_break_after_the_coefficient():
    columns = pd.MultiIndex.from_product([["pawsx", "pud"], ["mean", "last"]])
    cells = [["-0.97 (<0.01) [0.03]"] * 4] * 3
    one = panel(cells, pd.Index(["pawsx", "xnli", "xlsum"], name="task"), columns)
    assert len(terminal(one)) == 1
    text = shown(one)
    assert_whole(text, [["-0.97", "(<0.01) [0.03]"] * 4] * 3)
    assert text.count("(<0.01) [0.03]") == 12


def test_numbers_stay_whole_where_nothing_fits():
    one = panel([["0.95", "0.87"]], tasks("a_task_with_a_long_name"), ["en", "fr"])
    assert len(terminal(one, 24)) == 2
    assert_whole(shown(one, 24), [["0.95", "0.87"]], 24)


def test_a_first_level_that_does_not_fit_is_split():
    columns = pd.MultiIndex.from_product(
        [["small", "large"], ["lines", "pud"], ["mean", "last", "weighted"]]
    )
    cells = [["-0.97±0.01 (<0.01) [0.03]"] * 12] * 2
    one = panel(cells, pd.Index(["opinions", "news"], name="task"), columns)
    assert [len(table.columns) for table in terminal(one)] == [1 + 3] * 4
    text = shown(one)
    assert_whole(text, [["-0.97±0.01", "(<0.01) [0.03]"] * 12] * 2)
    assert text.count("opinions") == 4
    assert html(one).count("<table>") == 4


def test_long_labels_and_headings_are_folded_and_keep_room():
    name = "sentiment-of-product-reviews-in-many-languages-v2"
    headings = [name, "日本語の感情分析タスクその一"]
    columns = pd.MultiIndex.from_product([headings, ["P", "R"]])
    cells = [["0.61±0.03", "0.52±0.04", "0.73±0.05", "0.44±0.06"]]
    one = panel(cells, tasks(f"{name}-and-more"), columns)
    text = shown(one)
    assert len(terminal(one)) == 2
    assert_whole(text, cells)
    assert max(map(cell_len, text.splitlines())) <= 80
    assert "sentiment-of-product-rev" in text  # the label
    assert "sentiment-of-pro" in text  # the heading
    assert text.count("after") == 2


def assert_whole(text, cells, width=80):
    assert max(map(len, text.splitlines())) <= width
    assert "…" not in text
    for cell in {cell for row in cells for cell in row}:
        count = sum(row.count(cell) for row in cells)
        pattern = rf"(?<![\w.(<-]){re.escape(cell)}(?![\w.])"
        assert len(re.findall(pattern, text)) == count, cell


def test_html():
    columns = pd.MultiIndex.from_tuples(
        [("before", "P"), ("before", "R"), ("tuned", "P")]
    )
    text = html(panel([["0.95", "–", "<1"]], tasks("pawsx"), columns, note="P & R"))
    assert re.sub(r"\n\s*", "", text) == (
        "<table><caption>Table 1 · model m <small>P &amp; R</small></caption><thead>"
        '<tr><td></td><td></td><th scope="colgroup" colspan="2">before</th>'
        '<th scope="colgroup" colspan="1">tuned</th></tr>'
        '<tr><th scope="col" class="label">task</th>'
        '<th scope="col" class="label">t</th>'
        '<th scope="col">P</th><th scope="col">R</th><th scope="col">P</th></tr>'
        '</thead><tbody><tr><th scope="row">pawsx</th><th scope="row">after</th>'
        "<td>0.95</td><td>–</td><td>&lt;1</td></tr></tbody></table>"
    )


def test_html_of_one_level_has_no_headings_above():
    frame = pd.DataFrame([["1"]], index=pd.Index(["a"], name="task"), columns=["en"])
    text = html(Panel("Table", {}, frame, frame, ""))
    assert "colgroup" not in text
    assert "small" not in text
    assert text.count("<tr>") == 2


def test_html_of_many_columns_is_laid_out_in_parts():
    columns = pd.MultiIndex.from_product([["fr", "de", "es"], ["P", "R"]])
    cells = [["0.10", "0.20", "0.30", "0.40", "0.50", "0.60"]]
    one = panel(cells, tasks("pawsx"), columns)
    labels, pair = 2 + len("pawsx") + 2 + len("after"), 2 * (2 + len("0.10"))
    assert html(one, labels + 3 * pair).count("<table>") == 1
    text = html(one, labels + 3 * pair - 1)
    first, second = text.split("</table>")[:2]
    # P and R of a language stay together, and every part names its rows.
    for part, names in ((first, ["fr", "de"]), (second, ["es"])):
        above = [f'<th scope="colgroup" colspan="2">{name}</th>' for name in names]
        assert re.findall(r"<th scope=.colgroup.*", part) == above
        assert part.count('<th scope="row">pawsx</th>') == 1
    assert re.findall(r"<td>(0.*)</td>", text) == cells[0]
    assert re.findall(r"<small>(.*)</small>", text) == ["a note", "continued"]
    assert text.count("<caption>Table 1 · model m ") == 2


def test_html_of_a_column_that_does_not_fit_stands_alone():
    one = panel([["0.95", "0.87"]], tasks("a_task_with_a_long_name"), ["en", "fr"])
    assert html(one, 1).count("<table>") == 2
