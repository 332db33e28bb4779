"""The page as a reader meets it, in a browser, from a file."""

from __future__ import annotations

import re
import shutil
from dataclasses import replace
from itertools import chain

import pandas as pd
import pytest
from finished import finished
from invented import results

from spillover.comparison import compare_runs
from spillover.layout import file_of
from spillover.report.figures import drawings
from spillover.report.page import render
from spillover.report.panel import html
from spillover.report.template import own
from spillover.results import FRAMES

sync_api = pytest.importorskip("playwright.sync_api", reason="no playwright")
CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="no chromium on the path")

FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
]  # fmt: skip
EVIL = "</script><script>window.hit = 1</script><img src=x onerror='window.hit = 1'>"


@pytest.fixture(scope="module")
def path(tmp_path_factory):
    """A page of two tasks in four languages, one of them written from the right."""
    folder = tmp_path_factory.mktemp("run")
    codes = ["en", "fr", "ar", "ja"]
    made = finished(
        folder,
        rows=8,
        text=EVIL,
        languages=codes,
        generated=["titles"],
        corpora=["lines"],
        poolings=["mean"],
        layers=3,
    )
    arabic = folder / file_of(made.study, "opinions", "ar", None, None)
    frame = pd.read_parquet(arabic)
    frame.loc[0, "prompt"] = "هذا فيلم طويل"
    frame.to_parquet(arabic, index=False)
    model = made.study.model.model_copy(update={"hub": "long" * 99, "wheel": None})
    long = {"name": "long" * 99, "description": EVIL + "long" * 999, "model": model}
    made = replace(made, study=made.study.model_copy(update=long))
    page = folder / "report.html"
    page.write_text(render(made, drawings(made)), encoding="utf-8")
    return page


@pytest.fixture(scope="module")
def compared(tmp_path_factory):
    """A page of two runs, one's name too long, the other's not to be trusted."""
    folder = tmp_path_factory.mktemp("runs")
    runs = [folder / name for name in ("long" * 50, EVIL.replace("/", "∕"))]
    few = {"languages": ["en", "fr", "ar"], "corpora": ["lines"], "poolings": ["mean"]}
    for run in runs:
        made = finished(run, text=EVIL, generated=["titles"], **few)
        (run / "results").mkdir()
        for name, columns in FRAMES.items():
            frame = getattr(made, name).reindex(columns=columns)
            frame.to_parquet(run / "results" / f"{name}.parquet")
    compare_runs(runs).write(folder)
    return folder / "compare.html"


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=CHROMIUM, args=FLAGS)
        yield found
        found.close()


@pytest.fixture
def opened(browser, path):
    """Opens a page; whatever goes wrong meanwhile fails the test."""
    wrong, contexts = [], []

    def opened(file=path, *, width=1000, scheme="light", **options):
        context = browser.new_context(
            viewport={"width": width, "height": 800}, color_scheme=scheme, **options
        )
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda told: wrong.append(told.text))
        page.on("pageerror", lambda error: wrong.append(str(error)))
        page.on("requestfailed", lambda request: wrong.append(request.url))
        page.on(
            "request",
            lambda request: request.url == file.as_uri() or wrong.append(request.url),
        )
        page.goto(file.as_uri())
        return page

    yield opened
    for context in contexts:
        context.close()
    assert wrong == []


def items(page):
    return page.locator("#items li").all_inner_texts()


def count(page):
    return page.locator("#count").inner_text()


def field(page, label):
    return page.locator("#filters").get_by_label(label)


def test_no_text_runs_as_a_script(opened):
    page = opened()
    assert EVIL in page.locator("#items dd").first.inner_text()
    assert page.evaluate("window.hit") is None


def unfold(page):
    page.evaluate("document.querySelectorAll('details').forEach(d => d.open = true)")


def faults(page):
    """What axe finds on a page."""
    axe = pytest.importorskip("axe_playwright_python.sync_playwright")
    found = axe.Axe().run(page).response["violations"]
    return [(fault["id"], fault["impact"]) for fault in found]


def test_runs_side_by_side_stay_on_the_page(opened, compared):
    page = opened(compared, scheme="dark")
    unfold(page)
    assert page.evaluate("window.hit") is None
    for width in (1600, 360):
        page.set_viewport_size({"width": width, "height": 800})
        assert page.evaluate("document.scrollingElement.scrollWidth <= innerWidth")
    assert faults(page) == []


@pytest.mark.parametrize("width", [360, 1600])
def test_nothing_overflows(opened, width):
    page = opened(width=width)
    unfold(page)
    wide = "document.scrollingElement.scrollWidth"
    assert page.evaluate(f"{wide} <= innerWidth")
    if width == 1600:
        nav = page.locator("#contents").bounding_box()
        main = page.locator("main").bounding_box()
        assert nav["x"] + nav["width"] <= main["x"]


@pytest.mark.parametrize(("width", "scheme"), [(360, "dark"), (1000, "light")])
def test_axe_finds_no_fault(opened, width, scheme):
    page = opened(width=width, scheme=scheme)
    unfold(page)
    assert faults(page) == []


def test_filters_change_what_is_shown(opened):
    page = opened()
    assert count(page) == "Items 1 to 10 of 64"
    first = [text.splitlines()[0] for text in items(page)[:5]]
    assert first == [
        "opinions · English · en0",
        "opinions · French · fr0",
        "opinions · Arabic · ar0",
        "opinions · Japanese · ja0",
        "opinions · English · en1",
    ]
    field(page, "Language").select_option("French")
    assert count(page) == "Items 1 to 10 of 16"
    field(page, "Task").select_option("opinions")
    assert count(page) == "Items 1 to 8 of 8"
    assert re.search(r"After\s+Yes ✓ right", items(page)[0])
    assert re.search(
        r"Before\s+no answer word \(next token “↵”\) ✕ wrong", items(page)[0]
    )
    field(page, "only wrong after tuning").check()
    assert count(page) == "Items 1 to 4 of 4"
    assert all("After\nNo ✕ wrong" in text for text in items(page))
    field(page, "Text").fill("FR 3")
    assert count(page) == "Items 1 to 1 of 1"
    field(page, "Text").fill("nowhere to be found")
    assert count(page) == "No item fits these filters"
    assert items(page) == []


def test_answers_that_did_not_change_can_be_left_out(opened):
    page = opened()
    field(page, "Task").select_option("titles")
    assert count(page) == "Items 1 to 10 of 32"
    field(page, "only answers that changed").check()
    assert count(page) == "No item fits these filters"
    field(page, "Task").select_option("opinions")
    assert count(page) == "Items 1 to 10 of 32"  # each of these has changed
    assert all("no answer word" in text for text in items(page))


def test_pages_are_turned(opened):
    page = opened()
    before, after = page.locator("#previous"), page.locator("#next")
    assert before.get_attribute("aria-disabled") == "true"
    field(page, "Language").select_option("French")
    before.click(force=True)
    assert count(page) == "Items 1 to 10 of 16"
    after.click()
    assert count(page) == "Items 11 to 16 of 16"
    assert after.get_attribute("aria-disabled") == "true"
    after.click(force=True)
    assert count(page) == "Items 11 to 16 of 16"
    before.click()
    assert count(page) == "Items 1 to 10 of 16"


def test_text_has_its_language_and_direction(opened):
    page = opened()
    field(page, "Language").select_option("Arabic")
    field(page, "Text").fill("فيلم")
    assert count(page) == "Items 1 to 1 of 1"
    prompt = page.locator("#items dd").first
    assert prompt.get_attribute("lang") == "ar"
    direction = "element => getComputedStyle(element).direction"
    assert prompt.evaluate(direction) == "rtl"
    assert page.locator("#items dd").nth(1).evaluate(direction) == "ltr"


def test_the_button_changes_the_colours(opened):
    page = opened(scheme="dark")
    button = page.get_by_role("button", name="Light colours")
    colour = "getComputedStyle(document.body).backgroundColor"
    dark = page.evaluate(colour)
    button.click()
    light = page.evaluate(colour)
    assert light != dark
    assert page.evaluate(
        "getComputedStyle(document.querySelector('figure svg text')).fill"
    ) != page.evaluate("getComputedStyle(document.body).backgroundColor")
    page.get_by_role("button", name="Dark colours").click()
    assert page.evaluate(colour) == dark


def test_the_keyboard_reaches_the_filters_and_focus_is_seen(opened):
    page = opened()
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.className") == "skip"
    assert page.locator(".skip").bounding_box()["y"] >= 0
    page.keyboard.press("Enter")
    assert page.evaluate("location.hash") == "#answer"
    names = []
    for _ in range(200):
        page.keyboard.press("Tab")
        names.append(page.evaluate("document.activeElement.name ?? ''"))
        outline = "getComputedStyle(document.activeElement).outlineStyle"
        assert page.evaluate(outline) != "none"
        if names[-1] == "wrong":
            break
    fields = [name for name in names if name]
    assert fields == ["task", "language", "text", "changed", "wrong"]
    page.keyboard.press("Space")
    assert count(page).endswith("of 32")


def test_without_javascript_it_can_be_read(opened):
    page = opened(java_script_enabled=False)
    assert page.get_by_text("To browse them here needs JavaScript.").is_visible()
    assert not page.locator("#browse").is_visible()
    assert not page.locator("#theme").is_visible()


def test_it_prints_without_controls(opened, tmp_path):
    page = opened()
    pdf = page.pdf(format="A4")
    assert pdf.startswith(b"%PDF")
    assert len(re.findall(rb"/Type\s*/Page\b", pdf)) > 3
    page.emulate_media(media="print")
    for hidden in ("#browse", "#theme", "#contents", ".on-screen"):
        assert not page.locator(hidden).is_visible()
    assert page.locator(".tables table").first.is_visible()


def test_tables_of_30_languages_fit_on_paper(opened, tmp_path):
    panels = chain(*results(30, seeds=(1, 2, 3)).paper_panels())
    tables = "".join(f'<div class="wide">{html(panel)}</div>' for panel in panels)
    (tmp_path / "tables.html").write_text(
        f'<!doctype html><meta charset="utf-8"><style>{own("page.css")}</style>{tables}'
    )
    page = opened(tmp_path / "tables.html", width=642)  # A4 without its margins
    page.emulate_media(media="print")
    widths = "[...document.querySelectorAll('table')].map(t => t.offsetWidth)"
    assert max(page.evaluate(widths)) <= 642
