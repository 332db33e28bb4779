"""The Python in the pages of docs/ that no other test runs does what it says."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from tests.conftest import TinyStudy

    from spillover.results import Results

DOCS = Path(__file__).resolve().parent.parent / "docs"


def python(page: str) -> str:
    text = (DOCS / page).read_text("utf-8")
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", text, re.M | re.S))


def test_the_example_of_the_similarity_page_prints_what_it_says(
    capsys: pytest.CaptureFixture[str],
) -> None:
    exec(python("similarity.md"), {})  # noqa: S102 - our own text
    told = capsys.readouterr().out.split()
    assert told
    page = (DOCS / "similarity.md").read_text("utf-8")
    assert all(word in page for word in told)


def test_the_finding_of_the_statistics_page_is_one(
    tiny_done: tuple[TinyStudy, Results],
) -> None:
    names: dict[str, Any] = {}
    exec(python("statistics.md"), names)  # noqa: S102 - our own text
    verdict = tiny_done[1].findings([names["beats_chance"]])[-1]
    assert verdict.finding == "beats-chance"
    assert verdict.decision in ("supported", "not decidable")
    assert "of 4 scores are above 0.5" in verdict.sentence
