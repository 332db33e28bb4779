from __future__ import annotations

import hashlib
from collections import Counter

import pytest

from spillover.data.items import (
    Item,
    check_aligned,
    digest,
    shuffled,
    subsample,
    without_placeholders,
)
from spillover.errors import DataError


def items(*ids: str, text: str = "x") -> list[Item]:
    return [Item(id, {"text": text}, "1") for id in ids]


def ids(rows: dict[str, list[Item]]) -> dict[str, list[str]]:
    return {language: [item.id for item in found] for language, found in rows.items()}


def test_the_digest_knows_everything_that_an_item_holds() -> None:
    base = Item("1", {"a": "x", "b": "y"}, "0")
    others = [
        Item("2", {"a": "x", "b": "y"}, "0"),
        Item("1", {"a": "y", "b": "x"}, "0"),
        Item("1", {"a": "x", "c": "y"}, "0"),
        Item("1", {"a": "xb", "b": "y"}, "0"),
        Item("1", {"a": "x", "b": "y"}, "1"),
    ]
    assert len({digest([item]) for item in (base, *others)}) == 6
    assert digest([base, others[0]]) != digest([others[0], base])
    assert digest([base]) == digest([Item("1", {"b": "y", "a": "x"}, "0")])


def test_the_digest_is_the_same_on_every_machine() -> None:
    line = '["1", [["a", "é"]], "0"]\n'
    assert (
        digest([Item("1", {"a": "é"}, "0")])
        == hashlib.sha256(line.encode()).hexdigest()
    )


def test_parallel_languages_give_the_same_items() -> None:
    numbers = [str(n) for n in range(50)]
    shuffled = numbers[25:] + numbers[:25][::-1]
    sample = ids(subsample({"en": items(*numbers), "fr": items(*shuffled)}, 7, seed=3))
    assert sample["en"] == sample["fr"]
    assert len(set(sample["en"])) == 7


def test_items_without_labels_to_balance_are_in_the_order_of_their_hashes() -> None:
    rows = {
        "en": items(*(str(n) for n in range(20))),
        "fr": items(*(str(n) for n in range(5, 25))),
        "de": items(*(str(n) for n in range(15, 40))),
    }

    def place(id: str) -> tuple[int, str]:
        held = sum(any(item.id == id for item in found) for found in rows.values())
        return -held, hashlib.sha256(f"11:{id}".encode()).hexdigest()

    expected = {
        language: sorted((item.id for item in rows[language]), key=place)
        for language in ("en", "fr", "de")
    }
    sample = ids(subsample(rows, 40, seed=11))
    for language, shared in {"en": 15, "fr": 20, "de": 10}.items():
        found, order = sample[language], expected[language]
        assert set(found[:shared]) == set(order[:shared])
    alone = {"en": rows["en"]}
    assert ids(subsample(alone, 20, seed=11))["en"] == sorted(
        sample["en"], key=lambda id: hashlib.sha256(f"11:{id}".encode()).hexdigest()
    )
    assert {"15", "16", "17", "18", "19"} <= set(sample["de"][:12])


def labelled(counts: dict[str, int]) -> list[Item]:
    golds = [gold for gold, n in counts.items() for _ in range(n)]
    return [Item(str(n), {"text": "x"}, gold) for n, gold in enumerate(golds)]


@pytest.mark.parametrize("n", [1, 7, 64, 99, 150])
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_each_label_keeps_its_share_in_every_beginning(n: int, seed: int) -> None:
    counts = {"0": 100, "1": 30, "2": 20}
    sample = subsample({"en": labelled(counts)}, n, seed)["en"]
    found = Counter(item.gold for item in sample)
    for label, count in counts.items():
        assert abs(found[label] - n * count / 150) <= 1 + 1e-9


def test_rare_and_common_references_are_as_likely_to_be_taken() -> None:
    """Half of the items are of answers that stand once, as in a task of numbers."""
    rows = labelled({"18": 40} | {str(n): 1 for n in range(100, 140)})
    share = [
        sum(item.gold != "18" for item in subsample({"en": rows}, 20, seed)["en"])
        for seed in range(200)
    ]
    assert sum(share) / 200 == pytest.approx(10, abs=0.5)


def test_the_label_of_the_first_language_decides_for_all() -> None:
    english = labelled({"0": 10, "1": 10})
    forced = [Item(item.id, item.fields, "0") for item in english]
    sample = ids(subsample({"en": english, "fr": forced}, 8, seed=5))
    assert sample["en"] == sample["fr"]


def test_a_smaller_sample_begins_a_larger_one() -> None:
    rows = {"en": items(*"abcdefghij")}
    small, large = subsample(rows, 3, 0)["en"], subsample(rows, 8, 0)["en"]
    assert large[:3] == small


def test_another_seed_takes_other_items() -> None:
    rows = {"en": items(*(str(n) for n in range(100)))}
    first, second = (set(ids(subsample(rows, 20, seed))["en"]) for seed in (0, 1))
    assert first != second


def test_a_language_with_too_few_items_gives_all() -> None:
    sample = subsample({"en": items("1", "2"), "fr": items("2")}, 5, seed=0)
    assert {language: len(rows) for language, rows in sample.items()} == {
        "en": 2,
        "fr": 1,
    }


def test_a_sample_of_nothing_is_an_error() -> None:
    with pytest.raises(ValueError, match="a sample of 0 items"):
        subsample({"en": items("1")}, 0, seed=0)


def test_aligned_languages_hold_the_same_ids_in_any_order() -> None:
    check_aligned({"en": items("1", "2"), "fr": items("2", "1")})
    check_aligned({})


@pytest.mark.parametrize(
    ("en", "fr", "message"),
    [
        ("123", "13", "t: 'fr' lacks 1 of the 3 ids of 'en', '2' first"),
        ("13", "1523", "t: 'en' lacks 2 of the 4 ids of 'fr', '5' first"),
    ],
)
def test_ids_that_differ_are_named(en: str, fr: str, message: str) -> None:
    with pytest.raises(DataError) as caught:
        check_aligned({"en": items(*en), "fr": items(*fr)}, where="t")
    assert str(caught.value).startswith(message)


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("keep", {"en": ["1", "2", "3"], "fr": ["1", "2", "3"], "ja": ["j1"]}),
        ("drop", {"en": ["1", "2"], "fr": ["2", "3"], "ja": ["j1"]}),
        ("intersection", {"en": ["2"], "fr": ["2"], "ja": ["j1"]}),
    ],
)
def test_placeholders_are_kept_or_dropped(
    policy: str, expected: dict[str, list[str]]
) -> None:
    rows = {
        "en": items("1", "2") + items("3", text="NS"),
        "fr": items("1", text="NS") + items("2", "3"),
        "ja": items("j1", text="NS is no placeholder here"),
    }
    stay, held = without_placeholders(rows, "NS", policy)  # type: ignore[arg-type]
    assert ids(stay) == expected
    assert held == {"en": 1, "fr": 1, "ja": 0}


def test_without_a_placeholder_every_item_stays() -> None:
    rows = {"en": items("1", "2")}
    assert without_placeholders(rows, None, "intersection") == (rows, {"en": 0})


def test_a_shuffle_knows_ids_and_seed_alone() -> None:
    items = [Item(str(n), {"text": "a"}, "0") for n in range(50)]
    found = shuffled(items, 1)
    assert found == shuffled(items[::-1], 1) != items
    assert sorted(found, key=lambda item: int(item.id)) == items
    assert shuffled(items, 2) != found
