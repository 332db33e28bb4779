"""The page of several runs: each has its figures, and no text of a user is markup."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

import pandas as pd
from invented import results

from spillover.report.compare_page import SECTIONS, render
from spillover.report.panel import Panel

EVIL = "</script><script>alert(1)</script>{{ 7*7 }}"


def panels(*names):
    """A table of the settings and of nothing else."""
    cells = pd.DataFrame({name: [EVIL] for name in names}, index=["key"])
    made = {name: [] for name in SECTIONS}
    return made | {"settings": [Panel("What differs", {}, cells, cells, EVIL)]}


class Page(HTMLParser):
    """The elements of a page, and the text of its scripts."""

    def __init__(self, text):
        super().__init__()
        self.elements, self.scripts = [], []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))

    def handle_data(self, data):
        if self.elements and self.elements[-1][0] == "script" and data.strip():
            self.scripts.append(data)


def test_each_run_has_its_figures_side_by_side_under_ids_of_its_own():
    one, two = results(5, corpora=["lines"]), results(4, corpora=["lines", "pud"])
    text = render({"one": one, "two": two}, panels("one", "two"))
    elements = Page(text).elements
    figures = [tag for tag, _ in elements if tag == "figure"]
    both = 1 + 2 + 1 + 1  # scores, two poolings, ρ, confusions
    assert len(figures) == 2 * both + 2  # two poolings of the corpus that one run has
    assert sum(found.get("class") == "runs" for _, found in elements) == both + 2
    ids = [found["id"] for _, found in elements if "id" in found]
    assert len(ids) == len(set(ids))
    targets = {found.lstrip("#") for found in re.findall(r"url\((#[^)]+)\)", text)}
    targets |= {found["href"][1:] for _, found in elements if "href" in found}
    assert targets <= set(ids)


def test_layers_stand_side_by_side_where_all_were_looked_at():
    of = {"corpora": ["lines"], "poolings": ["mean"], "layers": 2}
    runs = {name: results(3, **of) for name in ("one", "two")}
    text = render(runs, panels("one", "two"))
    assert text.count('id="layers"') == 1
    names = set(re.findall(r'id="(run[12]-layers[^"]*)-title"', text))
    assert {name[:4] for name in names} == {"run1", "run2"}


def test_no_text_is_markup_and_only_the_script_of_ours_may_run():
    made = results(3, corpora=[])
    text = render({EVIL: made, "two": made}, panels(EVIL, "two"))
    assert "{{ 7*7 }}" in text
    page = Page(text)
    assert "alert" not in "".join(page.scripts)
    assert len(page.scripts) == 1
    [policy] = [f["content"] for _, f in page.elements if "http-equiv" in f]
    digest = hashlib.sha256(page.scripts[0].encode()).digest()
    assert f"script-src 'sha256-{base64.b64encode(digest).decode()}'" in policy
    assert "default-src 'none'" in policy
