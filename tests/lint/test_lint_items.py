"""Items that stand more than once, against comparing every pair."""

from __future__ import annotations

import unicodedata

import pytest
from made import WORDS, drawn, found, made, of_corpus, of_task, one

from spillover.data.items import Item
from spillover.lint import items


def test_repeated_items_and_sentences() -> None:
    """Against comparing each with all before it."""
    test = made(drawn(30, 8))
    again = [
        x.id
        for place, x in enumerate(test)
        if any((x.fields, x.gold) == (y.fields, y.gold) for y in test[:place])
    ]
    remark = one(items.duplicates, of_task({"en": test}))
    assert (remark.count, remark.n, remark.example) == (len(again), 30, again[0])
    corpus = of_corpus({"en": ["a", "b", "a", "a"], "de": ["c", "d", "e", "f"]})
    remark = one(items.duplicates, corpus)
    assert (remark.level, remark.language, remark.count) == ("warning", "en", 2)


def plain(text: str) -> str:
    kept = ""
    for char in unicodedata.normalize("NFKC", text).casefold():
        if unicodedata.category(char)[0] not in ("P", "Z") and not char.isspace():
            kept += char
    return kept


LOUD = [*WORDS[:2], "The", "THE!", "harbour\t", "Ｔｈｅ", "?"]


@pytest.mark.parametrize("seed", range(4))
def test_test_items_in_training(seed: int) -> None:
    """Against every pair of a test and a training item."""
    train, test = made(drawn(8, seed, LOUD), "t"), made(drawn(30, seed + 50, LOUD))

    def pair(item: Item) -> set[str]:
        return {plain(item.fields["a"]), plain(item.fields["b"])}

    exact = [
        x.id
        for x in test
        if any({*x.fields.values()} == {*y.fields.values()} for y in train)
    ]
    near = [
        x.id
        for x in test
        if x.id not in exact and any(pair(x) == pair(y) for y in train)
    ]
    remark = one(items.trained_items, of_task({"en": test}, train))
    assert (remark.count, remark.n) == (len(exact + near), 30)
    assert f"{len(exact)} letter by letter" in remark.message or not exact
    assert remark.level == ("error" if remark.count >= 3 else "warning")


def test_a_pair_the_other_way_round_is_in_training_too() -> None:
    test = made([(f"one {n}", f"two {n}", "1") for n in range(12)])
    train = [Item("t", {"a": i.fields["b"], "b": i.fields["a"]}, "1") for i in test[:6]]
    remark = one(items.trained_items, of_task({"en": test}, train))
    assert (remark.level, remark.count) == ("error", 6)


def test_translations_of_training_items() -> None:
    english = made([(f"one {n}", f"two {n}", "1") for n in range(30)])
    german = made([(f"eins {n}", f"zwei {n}", "1") for n in range(30)])
    train = [Item("t", {"a": "One, 7", "b": "two 7!"}, "1")]
    first, second = found(
        items.trained_items, of_task({"en": english, "de": german}, train)
    )
    assert (first.language, first.count, first.level) == ("en", 1, "warning")
    assert "1 but for case" in first.message
    assert (second.language, second.count, second.example) == ("de", 1, "7")
    assert "through their English originals" in second.message


@pytest.mark.parametrize("seed", range(4))
def test_test_sentences_in_training(seed: int) -> None:
    """Against every test text and every training text."""
    train, test = made(drawn(3, seed, LOUD), "t"), made(drawn(30, seed + 50, LOUD))
    known = [plain(text) for item in train for text in item.fields.values()]
    hit = {
        field: [x.id for x in test if plain(x.fields[field]) in known and
                plain(x.fields[field])]
        for field in ("a", "b")
    }  # fmt: skip
    remark = one(items.trained_texts, of_task({"en": test}, train))
    assert remark.count == len({*hit["a"], *hit["b"]})
    for field, ids in hit.items():
        assert f"{field} {len(ids)}" in remark.message or not ids


def test_what_training_does_not_hold_needs_no_remark() -> None:
    train = made([("one", "two", "1"), ("?", "!", "0")], "t")
    inputs = of_task({"en": made([("three", "four", "1"), ("...", "--", "0")])}, train)
    assert not found(items.trained_items, inputs)
    assert not found(items.trained_texts, inputs)
