"""Labels against those of English, and against the texts."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from made import Rows, drawn, found, made, of_task, one

from spillover.data.items import Item
from spillover.lint import labels


def relabelled(rows: Rows, golds: Sequence[str]) -> list[Item]:
    return made([(a, b, gold) for (a, b, _), gold in zip(rows, golds, strict=True)])


@pytest.mark.parametrize(
    ("flipped", "level"),
    [(1, "note"), (5, "warning"), (20, "error"), (50, "error"), (89, "error")],
)
def test_agreement_of_labels(flipped: int, level: str) -> None:
    """Against a plain count; ids that English lacks do not count."""
    base = drawn(100, 3)
    other = [
        "01"[gold == "0"] if place < flipped else gold
        for place, (_, _, gold) in enumerate(base)
    ]
    test = {"en": made(base), "de": [*relabelled(base, other), *made(base, "x")]}
    remark = one(labels.label_agreement, of_task(test))
    unlike = sum(gold != new for (_, _, gold), new in zip(base, other, strict=True))
    assert (remark.level, remark.count, remark.n) == (level, unlike, 100)
    assert f"({1 - unlike / 100:.1%})" in remark.message
    assert "inverted" not in remark.message


def test_equal_labels_need_no_remark() -> None:
    test = {"en": made(drawn(20, 3)), "de": made(drawn(20, 3))}
    assert not found(labels.label_agreement, of_task(test))


def test_inverted_labels_are_called_so() -> None:
    base = drawn(100, 3)
    other = [
        "01"[gold == "0"] if n > 4 else gold for n, (_, _, gold) in enumerate(base)
    ]
    inverted = of_task({"en": made(base), "de": relabelled(base, other)})
    remark = one(labels.label_agreement, inverted)
    assert remark.level == "error"
    assert "inverted, English '0' is '1', English '1' is '0'" in remark.message


def test_exchanged_labels_of_three_are_named() -> None:
    base = [(a, b, "xyz"[n % 3]) for n, (a, b, _) in enumerate(drawn(60, 3))]
    other = [{"x": "x", "y": "z", "z": "y"}[gold] for _, _, gold in base]
    test = {"en": made(base), "de": relabelled(base, other)}
    answers = {"x": "Yes", "y": "No", "z": "Maybe"}
    remark = one(labels.label_agreement, of_task(test, answers=answers))
    assert remark.level == "error"
    assert "exchanged, English 'y' is 'z', English 'z' is 'y'" in remark.message


def test_labels_forced_by_a_placeholder_are_counted() -> None:
    base = [(f"a{n}", f"b{n}", "01"[n % 2]) for n in range(40)]
    other = made([("NS", b, "0") if n in (1, 2) else row for n, row in enumerate(base)
                  for b in [row[1]]])  # fmt: skip
    remark = one(labels.label_agreement, of_task({"en": made(base), "de": other}))
    assert (remark.level, remark.count) == ("note", 1)
    assert "1 of 1 hold a placeholder" in remark.message


@pytest.mark.parametrize(
    ("golds", "level", "count"),
    [
        ("0000011111", None, 0),
        ("0000001111", None, 0),  # 60 %: half, and a tenth
        ("0000000111", "note", 7),
        ("0000000000", "error", 10),
    ],
)
def test_balance_of_labels(golds: str, level: str | None, count: int) -> None:
    test = {"en": made([("a", "b", gold) for gold in golds])}
    every = found(labels.label_balance, of_task(test))
    assert [(r.level, r.count, r.n) for r in every] == (
        [(level, count, 10)] * bool(level)
    )


def test_a_label_that_never_stands() -> None:
    answers = {"0": "No", "1": "Yes", "2": "Maybe"}
    test = {"en": made([("a", "b", gold) for gold in "0101"])}
    remark = one(labels.label_balance, of_task(test, answers=answers))
    assert remark.level == "warning"
    assert "'2'" in remark.message


def test_equal_texts_with_unlike_labels() -> None:
    """Against every pair of items."""
    train, test = made(drawn(40, 5)), made(drawn(25, 6))

    def count(part: Sequence[Item]) -> int:
        return sum(
            any(x.fields == y.fields and x.gold != y.gold for y in part) for x in part
        )

    every = found(labels.conflicting_labels, of_task({"en": test}, train))
    assert [(r.count, r.n) for r in every] == [(count(train), 40), (count(test), 25)]
    assert all(r.level == "warning" and r.count > 1 for r in every)


def test_items_that_say_one_thing_twice() -> None:
    same = [("a sentence", "a sentence", gold) for gold in "111"]
    test = {"en": made([*same, ("a", "b", "0"), ("NS", "NS", "0")])}
    remark = one(labels.equal_fields, of_task(test))
    assert (remark.level, remark.count, remark.n) == ("note", 3, 5)
    assert "labelled Yes 3." in remark.message
    odd = {"en": made([*same, ("again", "again", "0")])}
    remark = one(labels.equal_fields, of_task(odd))
    assert (remark.level, remark.example) == ("warning", "3: again")


def test_inverted_answers_show_in_items_that_say_one_thing_twice() -> None:
    """The fault of PAWS-X in lm-evaluation-harness before its pull request 2434."""
    test = {"en": made([(f"text {n}", f"text {n}", "1") for n in range(12)])}
    answers = {"1": "No", "0": "Yes"}
    remark = one(labels.equal_fields, of_task(test, answers=answers))
    assert remark.level == "error"
    assert "inverted" in remark.message
