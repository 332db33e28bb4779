"""Rows and ids that do not belong together."""

from __future__ import annotations

import random

from made import PAIRS, drawn, found, made, of_corpus, of_task, one, study

from spillover.lint import rows


def test_fewer_rows_than_other_languages() -> None:
    test = {"en": made(drawn(9, 0)), "de": made(drawn(7, 0))}
    every = found(rows.row_counts, of_task(test, made(drawn(5, 1))))
    assert [(r.level, r.language, r.count, r.n) for r in every] == [
        ("note", None, 7, 9),
        ("warning", "de", 7, 9),
    ]
    assert "en 9, de 7" in every[0].message
    assert "5 training items" in every[0].message


def test_fewer_training_rows_than_asked_for() -> None:
    inputs = of_task({"en": made(drawn(3, 0))}, made(drawn(5, 1)))
    asked = study(tasks=[{"task": PAIRS, "train_rows": 8}])
    [_, remark] = rows.row_counts(asked, inputs, None)
    assert (remark.level, remark.count, remark.n) == ("warning", 5, 8)


def test_languages_that_a_data_set_lacks() -> None:
    items = {code: made(drawn(3, 0)) for code in ("en", "zh")}
    remark = one(rows.absent_languages, of_task(items))
    assert (remark.level, remark.count, remark.n) == ("note", 2, 4)
    assert remark.message.endswith("lack them: de, fr.")
    sentences = {code: ["a", "b"] for code in ("en", "de", "fr", "zh")}
    assert not found(rows.absent_languages, of_corpus(sentences))


def test_sentences_that_a_language_lacks() -> None:
    inputs = of_corpus(
        {"en": ["a", "b"], "de": ["c", "d"]}, n_expected=6, missing={"en": 1, "de": 3}
    )
    [_, few, english, german] = found(rows.row_counts, inputs)
    assert "2 parallel sentences, not the 6" in few.message
    assert (few.language, few.count, few.n) == (None, 2, 6)
    assert "lacks 1 of the sentences of the other languages" in english.message
    assert "lacks 3 of the sentences of English" in german.message
    assert (german.language, german.count, german.n) == ("de", 3, 6)


def test_ids_of_their_own() -> None:
    english, own = made(drawn(4, 0)), made(drawn(4, 1), "x")
    none, some = (
        one(rows.shared_ids, of_task({"en": english, "de": part}))
        for part in (own, [*english[:3], own[0]])
    )
    assert (none.level, none.count, none.n) == ("note", 4, 4)
    assert (some.level, some.count, some.example) == ("warning", 1, "x0")
    assert not found(rows.shared_ids, of_task({"en": english, "de": english}))


def test_shifted_rows_are_seen_by_their_lengths() -> None:
    source = random.Random(0)
    lengths = [source.randint(5, 60) for _ in range(60)]
    english = ["a" * n for n in lengths]
    german = ["b" * (n + source.randint(0, 8)) for n in lengths]
    assert not found(rows.alignment, of_corpus({"en": english, "de": german}))
    shifted = german[1:] + german[:1]
    remark = one(rows.alignment, of_corpus({"en": english, "de": shifted}))
    assert (remark.level, remark.language, remark.n) == ("warning", "de", 60)
    few = of_corpus({"en": english[:20], "de": shifted[:20]})
    assert not found(rows.alignment, few)


def test_placeholders_that_are_kept_and_that_are_not() -> None:
    test = {"en": made(drawn(3, 0)), "de": made([("NS", "b", "0"), *drawn(2, 0)])}
    kept = one(rows.placeholders, of_task(test))
    assert (kept.level, kept.language, kept.count, kept.n) == ("warning", "de", 1, 3)
    assert kept.example == "0"
    dropped = of_task(test)
    dropped.tasks["pairs"].test["de"].pop(0)  # type: ignore[attr-defined]
    remark = one(rows.placeholders, dropped)
    assert (remark.level, remark.count) == ("note", 1)
    corpus = of_corpus({"en": ["a", "b", "c"], "de": ["NS", "d", "NS"]})
    remark = one(rows.placeholders, corpus)
    assert (remark.level, remark.count, remark.n) == ("warning", 2, 3)


def test_a_text_in_place_of_many_is_a_placeholder_that_nobody_declared() -> None:
    english = [f"sentence {number}" for number in range(9)]
    german = ["n/a"] * 5 + [f"Satz {number}" for number in range(4)]
    remark = one(rows.stand_ins, of_corpus({"en": english, "de": german}))
    assert (remark.count, remark.n, remark.example) == (5, 9, "n/a")
    german[0] = "Satz"
    assert not found(rows.stand_ins, of_corpus({"en": english, "de": german}))
    declared = ["NS"] * 5 + german[5:]
    assert not found(rows.stand_ins, of_corpus({"en": english, "de": declared}))
    same = of_corpus({"en": ["again"] * 9, "de": ["noch einmal"] * 9})
    assert not found(rows.stand_ins, same)
