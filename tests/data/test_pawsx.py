from __future__ import annotations

import csv
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from spillover.data.items import Item, subsample, without_placeholders
from spillover.data.pawsx import CORPUS, TASK

PAPER = ("en", "fr", "de", "es", "zh", "ja")


def official(data_root: Path, language: str, name: str) -> list[list[str]]:
    path = data_root / f"pawsx/x-final/{language}/{name}.tsv"
    lines = path.read_text(encoding="utf-8").split("\n")
    return [line.split("\t") for line in lines[1:] if line]


def test_the_prompt_is_that_of_the_paper() -> None:
    item = Item("1", {"sentence1": "A.", "sentence2": "B {x}."}, "1")
    assert TASK.prompt(item) == (
        "Sentence 1: A. Sentence 2: B {x}. Question: Do Sentence 1 and Sentence 2 "
        "express the same meaning? Only answer with Yes or No. The answer is"
    )


@pytest.mark.parametrize("language", TASK.languages)
def test_every_row_is_read_as_it_is(language: str, data_root: Path) -> None:
    for split, name in (("test", "test_2k"), ("validation", "dev_2k")):
        items = TASK.load(split, language, data_root)  # type: ignore[arg-type]
        found = [
            [i.id, i.fields["sentence1"], i.fields["sentence2"], i.gold] for i in items
        ]
        assert found == official(data_root, language, name)
        assert len(items) == 2000


def test_quotes_are_kept(data_root: Path) -> None:
    items = TASK.load("test", "fr", data_root)
    quoted = [i for i in items if any('"' in text for text in i.fields.values())]
    path = data_root / "pawsx/x-final/fr/test_2k.tsv"
    lines = path.read_text(encoding="utf-8").split("\n")
    assert len(quoted) == sum('"' in line for line in lines) > 0
    with path.open(encoding="utf-8", newline="") as file:
        by_default = list(csv.reader(file, delimiter="\t"))[1:]
    assert [row[1] for row in by_default] != [i.fields["sentence1"] for i in items]


def test_placeholders_and_their_labels(data_root: Path) -> None:
    items = TASK.load_all("test", TASK.languages, data_root)
    kept, held = without_placeholders(items, TASK.placeholder, "keep")
    assert kept == items
    assert held == {"en": 0, "fr": 14, "de": 32, "es": 1, "zh": 25, "ja": 54, "ko": 28}
    english = {item.id: item.gold for item in items["en"]}
    forced = {
        language: sum(
            item.gold != english[item.id]
            for item in rows
            if "NS" in item.fields.values()
        )
        for language, rows in items.items()
    }
    assert forced == {
        "en": 0, "fr": 4, "de": 12, "es": 0, "zh": 13, "ja": 24, "ko": 11
    }  # fmt: skip
    clean, _ = without_placeholders(items, TASK.placeholder, "drop")
    for rows in clean.values():
        assert all(item.gold == english[item.id] for item in rows)


def test_the_rows_that_are_clean_in_all_six_languages(data_root: Path) -> None:
    items = TASK.load_all("test", PAPER, data_root)
    clean, _ = without_placeholders(items, TASK.placeholder, "intersection")
    assert {len(rows) for rows in clean.values()} == {1897}
    assert len({tuple(i.id for i in rows) for rows in clean.values()}) == 1
    sample = subsample(clean, 300, seed=1)
    assert len({tuple(i.id for i in rows) for rows in sample.values()}) == 1


def test_the_english_train_split_is_read(data_root: Path, tmp_path: Path) -> None:
    substitute = data_root / "paws_wiki/pawsx_en_train_SUBSTITUTE.tsv"
    folder = tmp_path / "pawsx/x-final/en"
    folder.mkdir(parents=True)
    (folder / "train.tsv").symlink_to(substitute)
    items = TASK.load("train", "en", tmp_path)
    assert len(items) == 8456
    assert Counter(i.gold for i in items).keys() == {"0", "1"}


def test_the_corpus_is_the_first_sentence_of_each_pair(data_root: Path) -> None:
    everything = CORPUS.parallel(PAPER, data_root)
    assert (everything.n, everything.n_expected) == (2000, 2000)
    assert everything.sentences["de"] == [
        row[1] for row in official(data_root, "de", "test_2k")
    ]
    clean = CORPUS.parallel(PAPER, data_root, placeholders="intersection")
    dirty = {
        row[0]
        for language in PAPER
        for row in official(data_root, language, "test_2k")
        if row[1] == "NS"
    }
    assert clean.n == 2000 - len(dirty) < clean.n_expected == 2000
    assert not dirty & set(clean.ids)
    assert all("NS" not in texts for texts in clean.sentences.values())


def test_the_hub_gives_the_same_items(make_hub: Any, data_root: Path) -> None:
    def table(language: str) -> list[dict[str, object]]:
        rows = official(data_root, language, "test_2k")
        return [
            {"id": int(r[0]), "sentence1": r[1], "sentence2": r[2], "label": int(r[3])}
            for r in rows
        ]

    hub = make_hub(TASK.hub[0], [(name, "test", table(name)) for name in ("en", "ja")])
    task = TASK.model_copy(update={"hub": (hub,)})
    assert task.load("test", "ja") == task.load("test", "ja", data_root)
    sentences = CORPUS.hub[0].model_copy(update={"repo": hub.repo})
    corpus = CORPUS.model_copy(update={"hub": (sentences,)})
    found, expected = (corpus.parallel(["ja"], root) for root in (None, data_root))
    assert found == expected
