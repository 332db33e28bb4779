"""The page as text: whole, safe whatever the data say, and not too large."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sys
from dataclasses import replace
from html.parser import HTMLParser
from itertools import chain

import pytest
from finished import finished

from spillover import cli
from spillover.errors import DataError
from spillover.report.figures import drawings
from spillover.report.page import SECTIONS, _fitted, _sources, render
from spillover.report.panel import html
from spillover.results import FRAMES
from spillover.study import parse_study

EVIL = (
    "</script><script>alert(1)</script><img src=x onerror=alert(1)>{{ 7*7 }}<!-- "
    "\" ' & \u2028 \u2029 \u202e abc \ud800"
)


class Page(HTMLParser):
    """A page's elements, its headings, and the text of its scripts and styles."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.headings = [], []
        self.texts = {"script": [], "style": [], "h1": []}
        self.within = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        self.within.append(tag)
        if re.fullmatch(r"h\d", tag):
            self.headings.append(int(tag[1]))
        if tag in self.texts:
            self.texts[tag].append("")

    def handle_endtag(self, tag):
        while self.within and self.within.pop() != tag:
            pass

    def handle_data(self, data):
        for tag in self.within:
            if tag in self.texts:
                self.texts[tag][-1] += data

    def of(self, tag):
        return [attributes for name, attributes in self.elements if name == tag]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return finished(
        tmp_path_factory.mktemp("run"),
        languages=4,
        generated=["titles"],
        corpora=["lines"],
        poolings=["mean"],
        layers=3,
    )


@pytest.fixture(scope="module")
def drawn(made):
    return drawings(made)


@pytest.fixture(scope="module")
def text(made, drawn):
    return render(made, drawn)


@pytest.fixture(scope="module")
def page(text):
    return Page(text)


def test_every_part_is_there_and_has_a_name(page):
    ids = [found["id"] for _, found in page.elements if "id" in found]
    assert len(ids) == len(set(ids))
    parts = ["answer", "findings", *SECTIONS, "examples", "data", "run"]
    assert [found["id"] for found in page.of("section")] == parts
    links = [found["href"] for found in page.of("a")]
    assert links[1:] == [f"#{part}" for part in parts]
    pointed = [found.get("aria-labelledby", "") for _, found in page.elements]
    assert set(" ".join(pointed).split()) <= set(ids)


def test_headings_leave_no_level_out(page):
    steps = zip(page.headings, page.headings[1:], strict=False)
    assert page.headings[0] == 1
    assert all(after - before <= 1 for before, after in steps)


def test_figures_and_tables_are_those_of_the_results(made, drawn, page):
    figures = sum(map(len, drawn.values()))
    assert len(page.of("figure")) == len(page.of("svg")) == figures
    panels = [*made.panels(), *chain(*made.detail_panels())]
    tables = sum(html(panel).count("<table") for panel in panels)
    assert len(page.of("table")) == tables + 1  # the linter's
    assert tables >= len(made.panels())
    assert len(page.of("caption")) == len(page.of("table"))
    assert all("scope" in found for found in page.of("th"))


def test_what_was_run_is_told(made, text):
    assert "spillover run study.yaml --out again" in text
    assert (made.folder / "study.yaml").read_text("utf-8").splitlines()[0] in text
    assert "Xie, Sasaki, Li, Sakata, Akama and Suzuki (2024)" in text
    assert "<dt>spillover</dt><dd>0.1.0</dd>" in text
    assert "Three rows. First: Is it good?" in text


def test_a_task_and_a_corpus_of_one_name_are_both_to_be_cited(made):
    raw = {"tasks": [{"task": "xnli"}], "corpora": [{"corpus": "xnli"}]}
    study = parse_study(made.study.model_dump(mode="json") | raw)
    names = [name for name, told in _sources(replace(made, study=study)) if told]
    assert names == ["xnli", "xnli"]


def test_findings_are_told_in_words(text):
    for decision in ("supported", "not decidable"):
        assert f"<b>{decision}</b>" in text


def test_nothing_comes_from_elsewhere(page):
    for _, found in page.elements:
        assert not {"src", "srcset", "action", "style"} & set(found)
        assert not any(name.startswith("on") for name in found)
        assert found.get("href", "#").startswith("#")


def test_only_our_own_script_and_style_are_allowed(page):
    [policy] = [f["content"] for f in page.of("meta") if "http-equiv" in f]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    [data, script], [style] = page.texts["script"], page.texts["style"]
    assert json.loads(data)
    for kind, own in (("script", script), ("style", style)):
        digest = base64.b64encode(hashlib.sha256(own.encode()).digest()).decode()
        assert f"{kind}-src 'sha256-{digest}'" in policy


def test_no_text_of_data_models_or_studies_is_markup(tmp_path):
    evil = EVIL.replace("\ud800", "")  # which neither YAML nor Parquet can hold
    made = finished(
        tmp_path, text=evil, languages=["en", "fr"], words={"1": evil, "0": "No"}
    )
    study = made.study.model_copy(
        update={
            "description": EVIL,
            "name": EVIL,
            "model": made.study.model.model_copy(update={"hub": EVIL, "wheel": None}),
        }
    )
    lint = made.lint.assign(message=evil, where=evil, example=evil)
    comparisons = made.comparisons.assign(test=evil)
    made = replace(made, study=study, lint=lint, comparisons=comparisons)
    text = render(made, drawings(made))
    page = Page(text)
    [data, script] = page.texts["script"]
    assert "alert" not in script
    assert page.of("img") == []
    assert "49" not in page.texts["h1"][0]
    assert EVIL.replace("\ud800", "\ufffd") in page.texts["h1"][0]
    assert json.loads(data)[0]["rows"][0]["prompt"] == f"{evil} (en 0)"
    for char in "<\u2028\u2029":
        assert char not in data
    text.encode("utf-8")


def test_a_nul_is_shown_as_what_it_is(made):
    study = made.study.model_copy(update={"description": "a\0b"})
    text = render(replace(made, study=study), {name: [] for name in SECTIONS})
    assert "\0" not in text
    assert "a\ufffdb" in text


def test_without_javascript_the_page_says_where_predictions_are(page, text):
    assert '<p id="without">To browse them here needs JavaScript.</p>' in text
    assert all("hidden" in f for _, f in page.elements if f.get("id") == "browse")
    assert "<code>predictions</code>" in text


def test_without_predictions_there_is_nothing_to_browse(made):
    nothing = made.folder.parent / "moved"
    nothing.mkdir()
    for name in ("study.yaml", "versions.json"):
        (nothing / name).write_bytes((made.folder / name).read_bytes())
    text = render(replace(made, folder=nothing), {name: [] for name in SECTIONS})
    assert "The predictions are not in this run's folder." in text
    assert 'id="browse"' not in text


def test_a_folder_without_versions_is_no_runs(made, tmp_path):
    with pytest.raises(DataError, match=r"study.yaml: no such file; run the study"):
        render(replace(made, folder=tmp_path), {name: [] for name in SECTIONS})


def test_the_page_stays_below_3_mb(tmp_path):
    made = finished(
        tmp_path,
        rows=400,
        text="日本語の長い文章" * 100,
        languages=6,
        tasks=["one"],
        generated=["two"],
        corpora=["pud"],
        poolings=["mean"],
        layers=31,
    )
    text = render(made, drawings(made))
    assert 1_000_000 < len(text.encode()) < 3_000_000
    shown, total = re.search(r">([\d,]+) of ([\d,]+) items are", text).groups()
    assert total == "4,800"
    groups = json.loads(Page(text).texts["script"][0])
    assert len({len(group["rows"]) for group in groups}) == 1
    assert shown == f"{sum(len(group['rows']) for group in groups):,}"


def test_examples_get_the_room_that_figures_leave(made, drawn, monkeypatch):
    monkeypatch.setattr("spillover.report.page.PAGE", 1)
    text = render(made, drawn)
    assert text.count("would make the page too large") == len(SECTIONS)
    page = Page(text)
    groups = json.loads(page.texts["script"][0])
    assert [len(group["rows"]) for group in groups] == [1] * len(groups)
    assert page.of("svg") == []
    assert {*SECTIONS} < {found["id"] for found in page.of("section")}


@pytest.mark.parametrize(
    ("room", "kept"),
    [
        (100, ["scores", "similarity", "layers", "correlation"]),
        (99, ["scores", "similarity", "correlation"]),
        (89, ["scores", "correlation"]),
        (49, ["scores"]),
        (19, []),
    ],
)
def test_figures_over_layers_go_first_and_then_the_largest(monkeypatch, room, kept):
    sizes = {"scores": 10, "similarity": 40, "layers": 10, "correlation": 30}
    sections = [
        {"name": name, "figures": [("", "x" * size)], "tables": []}
        for name, size in sizes.items()
    ]
    sections.append({"name": "tables", "figures": [], "tables": [("", "é" * 5)]})
    monkeypatch.setattr("spillover.report.page.PAGE", room)
    assert _fitted(sections) == 10 + sum(sizes[name] for name in kept)
    assert [part["name"] for part in sections if part["figures"]] == kept
    gone = [part["name"] for part in sections if "left_out" in part]
    assert {*gone} == sizes.keys() - {*kept}


def test_the_report_is_written_with_its_figures(tmp_path):
    made = finished(tmp_path, languages=2, corpora=[])
    page = made.write_report()
    assert page == tmp_path / "report.html"
    assert page.read_text("utf-8").startswith("<!doctype html>")
    names = {path.name for path in (tmp_path / "figures").iterdir()}
    assert {"scores-opinions.svg", "scores-opinions.pdf"} <= names
    first = page.read_bytes()
    assert made.write_report().read_bytes() == first


def test_the_command_writes_it_again(tmp_path, monkeypatch, capsys):
    made = finished(tmp_path, languages=2, corpora=[])
    (tmp_path / "results").mkdir()
    for name, columns in FRAMES.items():
        frame = getattr(made, name).reindex(columns=columns)
        frame.to_parquet(tmp_path / "results" / f"{name}.parquet")
    none = {name: [] for name in SECTIONS}
    monkeypatch.setattr("spillover.report.figures.drawings", lambda results: none)
    monkeypatch.setattr(sys, "argv", ["spillover", "report", str(tmp_path)])
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    assert (
        f"{tmp_path / 'report.html'}: open it in a browser" in capsys.readouterr().out
    )
    assert (tmp_path / "report.html").is_file()


def test_a_run_ends_in_its_report(tiny_done):
    folder = tiny_done[1].folder
    text = (folder / "report.html").read_text("utf-8")
    groups = json.loads(Page(text).texts["script"][0])
    assert {group["task"] for group in groups} == {"opinions", "titles"}
    assert (folder / "figures" / "scores-opinions.pdf").is_file()
