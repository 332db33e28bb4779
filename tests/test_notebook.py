"""What a notebook shows of results, and the notebook of the documentation."""

from __future__ import annotations

import json
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from IPython.core.interactiveshell import InteractiveShell
from IPython.utils.capture import capture_output
from traitlets.config import Config

from spillover.report.panel import html

if TYPE_CHECKING:
    from tests.conftest import TinyStudy

    from spillover.results import Results

EXAMPLE = Path(__file__).resolve().parent.parent / "docs" / "notebook.ipynb"


class Tags(HTMLParser):
    """The tags of a text, those that were never closed, and what pictures say."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[str] = []
        self.open: list[str] = []
        self.pictures: list[dict[str, str | None]] = []
        self.feed(text)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append(tag)
        if tag == "img":
            self.pictures.append(dict(attrs))
        elif tag != "br":
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def test_results_show_the_answer_and_each_table_under_its_figures(
    tiny_done: tuple[TinyStudy, Results],
) -> None:
    from spillover.report import answer, figures

    results = tiny_done[1]
    study = results.study.model_copy(update={"name": "tiny<script>"})
    shown = replace(results, study=study)._repr_html_()
    tags = Tags(shown)
    assert "script" not in tags.found
    assert not tags.open
    drawn = figures.drawings(results)
    expected = [*drawn["scores"], *drawn["similarity"], *drawn["correlation"]]
    assert [each["alt"] for each in tags.pictures] == [d.description for d in expected]
    assert tags.found.count("table") == sum(map(len, results.paper_panels()))
    assert all(str(each.text) in shown for each in answer.answer(results))
    assert repr(results) == f"Results('tiny', folder={str(results.folder)!r})"


def test_a_list_of_panels_shows_as_tables(
    tiny_done: tuple[TinyStudy, Results],
) -> None:
    panels = tiny_done[1].panels()
    tags = Tags(panels._repr_html_())
    tables = sum(html(panel).count("<table") for panel in panels)
    assert tags.found.count("table") == tables >= len(panels) > 3
    assert Tags(panels[0]._repr_html_()).found.count("table") == 1


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> InteractiveShell:
    """What a notebook runs its cells in, without its server."""
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "ipython"))
    silent = Config(HistoryManager={"enabled": False})
    return InteractiveShell(config=silent, user_module=ModuleType("cells"))


def test_the_example_shows_what_it_says(
    tiny_done: tuple[TinyStudy, Results],
    shell: InteractiveShell,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As it stands, with another run's results where it looks for them."""
    for folder in ("docs", "runs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "runs" / "quickstart").symlink_to(tiny_done[0].out)
    monkeypatch.chdir(tmp_path / "docs")
    shown, printed = [], ""
    for cell in code_cells():
        with capture_output() as captured:
            done = shell.run_cell("".join(cell["source"]))
        done.raise_error()
        shown.append(shell.display_formatter.format(done.result)[0])
        printed += captured.stdout
    results, panels, _, gains, _, correlation = shown
    assert "<img" in results["text/html"]
    assert "<table>" in panels["text/html"]
    assert "not decidable: " in printed
    assert "p_holm" in gains["text/html"]
    assert "languages=('fr', 'de', 'es')" in correlation["text/plain"]
    assert len(json.dumps(shown)) < 1_000_000


def test_the_example_is_kept_without_outputs() -> None:
    assert code_cells()
    assert not any(cell["outputs"] or cell["execution_count"] for cell in code_cells())


def code_cells() -> list[dict[str, Any]]:
    cells: list[dict[str, Any]] = json.loads(EXAMPLE.read_text("utf-8"))["cells"]
    return [cell for cell in cells if cell["cell_type"] == "code"]
