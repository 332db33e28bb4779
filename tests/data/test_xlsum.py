"""XL-Sum itself is not at hand: Debian descriptions stand in, in the same layout."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spillover.data.formats import records
from spillover.data.items import Item, subsample
from spillover.data.task import Task
from spillover.data.xlsum import NAMES, TASK
from spillover.errors import DataError, StudyError

LANGUAGES = ("en", "fr", "es", "ja", "zh")


@pytest.fixture
def debian() -> Task:
    files = TASK.files[0].model_copy(
        update={"path": "debian_descriptions/{language}_{split}.jsonl"}
    )
    return TASK.model_copy(update={"files": (files,)})


def test_the_prompt_is_that_of_the_paper() -> None:
    assert TASK.prompt(Item("1", {"text": "T."}, "S.")) == (
        "Write one sentence to summarize the given document. Document is: T. Summarize:"
    )


def test_german_is_not_among_the_languages() -> None:
    with pytest.raises(StudyError, match="unknown language of xlsum 'de'"):
        TASK.load("test", "de")


def test_the_official_layout_is_expected(tmp_path: Path) -> None:
    with pytest.raises(
        DataError, match=r"xlsum/chinese_simplified_val\.jsonl: no such"
    ):
        TASK.load("validation", "zh", tmp_path)


@pytest.mark.parametrize("language", LANGUAGES)
def test_files_in_the_layout_are_read(
    debian: Task, language: str, data_root: Path
) -> None:
    path = data_root / f"debian_descriptions/{NAMES[language]}_test.jsonl"
    expected = [
        Item(str(row["id"]), {"text": str(row["text"])}, str(row["summary"]))
        for _, row in records(path, "jsonl")
    ]
    assert debian.load("test", language, data_root) == expected
    assert len(expected) == (267 if language == "zh" else 500)


def test_train_and_validation_are_read(debian: Task, data_root: Path) -> None:
    assert len(debian.load("train", "en", data_root)) == 8000
    assert len(debian.load("validation", "en", data_root)) == 500


def test_a_sample_takes_first_what_the_languages_share(
    debian: Task, data_root: Path
) -> None:
    items = debian.load_all("test", LANGUAGES, data_root)
    shared = set.intersection(*({i.id for i in rows} for rows in items.values()))
    assert len(shared) >= 125
    sample = subsample(items, 100, seed=0)
    assert len({tuple(i.id for i in rows) for rows in sample.values()}) == 1
    assert {i.id for i in sample["zh"]} <= shared


def test_the_hub_gives_the_same_items(
    debian: Task, make_hub: Any, data_root: Path
) -> None:
    def table(language: str) -> list[dict[str, object]]:
        path = data_root / f"debian_descriptions/{NAMES[language]}_test.jsonl"
        return [row for _, row in records(path, "jsonl")]

    languages = ("en", "zh")
    hub = make_hub(TASK.hub[0], [(name, "test", table(name)) for name in languages])
    task = debian.model_copy(update={"hub": (hub,)})
    expected = task.load_all("test", languages, data_root)
    assert task.load_all("test", languages) == expected
