from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from spillover.data.formats import records
from spillover.data.xcopa import TASK, TRANSLATIONS
from spillover.errors import StudyError


def test_the_prompt_asks_for_the_cause_or_the_effect(data_root: Path) -> None:
    item = TASK.load("validation", "en", data_root)[0]
    assert TASK.prompt(item) == (
        "Premise: The man turned on the faucet. Question: Which is more likely to be "
        "the effect of the premise? A: The toilet filled with water. B: Water flowed "
        "from the spout. Only answer with A or B. The answer is"
    )
    assert TASK.answers[item.gold] == "B"


def test_labels_are_those_of_english_in_every_language(data_root: Path) -> None:
    items = TASK.load_all("validation", TASK.languages, data_root)
    labels = {tuple((i.id, i.gold) for i in rows) for rows in items.values()}
    assert len(labels) == 1
    assert Counter(i.gold for i in items["sw"]) == {"0": 55, "1": 45}


def test_the_test_split_is_balanced(data_root: Path) -> None:
    items = TASK.load_all("test", TRANSLATIONS, data_root)
    for rows in items.values():
        assert Counter(i.gold for i in rows) == {"0": 250, "1": 250}


def test_the_hidden_test_labels_of_english_are_not_taken(data_root: Path) -> None:
    rows = [
        row for _, row in records(data_root / "xcopa/data/en/test.en.jsonl", "jsonl")
    ]
    assert {row["label"] for row in rows} == {0}
    with pytest.raises(StudyError, match="no test split in 'en'; it has train, valid"):
        TASK.load("test", "en", data_root)
    assert len(TASK.load("train", "en", data_root)) == 400


@pytest.mark.parametrize(("language", "changed"), [("th", 246), ("tr", 53), ("sw", 41)])
def test_some_translations_ask_for_the_other_relation(
    language: str, changed: int, data_root: Path
) -> None:
    items = TASK.load_all("test", ("it", language), data_root)
    pairs = zip(items["it"], items[language], strict=True)
    assert (
        sum(a.fields["question"] != b.fields["question"] for a, b in pairs) == changed
    )


def test_the_hub_gives_the_same_items(make_hub: Any, data_root: Path) -> None:
    def table(language: str) -> list[dict[str, object]]:
        path = data_root / f"xcopa/data/{language}/val.{language}.jsonl"
        return [row for _, row in records(path, "jsonl")]

    translated, english = TASK.hub
    made = (
        make_hub(translated, [("it", "validation", table("it"))]),
        make_hub(english, [("en", "validation", table("en"))]),
    )
    task = TASK.model_copy(update={"hub": made})
    expected = task.load_all("validation", ("en", "it"), data_root)
    assert task.load_all("validation", ("en", "it")) == expected
