"""Texts that are in another language or script than they should be."""

from __future__ import annotations

import pytest
from made import PAIRS, RAW, found, made, of_corpus, of_task, one

from spillover.lint import remark as remarks
from spillover.lint import texts
from spillover.pipeline.inputs import Inputs
from spillover.study import parse_study

ENGLISH = "The harbour freezes in winter, and ship number {} stays on the shore."
GERMAN = "Der Hafen friert im Winter zu, und Schiff Nummer {} bleibt am Ufer."


def both(share: int, other: str = ENGLISH) -> Inputs:
    """100 sentences, of which so many in German are another text."""
    english = [ENGLISH.format(n) for n in range(100)]
    german = [(other if n < share else GERMAN).format(n) for n in range(100)]
    return of_corpus({"en": english, "de": german})


@pytest.mark.parametrize(
    ("share", "level"), [(1, "note"), (5, "warning"), (50, "error")]
)
def test_texts_left_in_english(share: int, level: str) -> None:
    for check in (texts.untranslated, texts.language):
        remark = one(check, both(share))
        assert (remark.level, remark.language) == (level, "de")
        assert (remark.count, remark.n) == (share, 100)
    assert "en " in one(texts.language, both(share)).message


def test_texts_in_their_language_need_no_remark() -> None:
    for check in (texts.untranslated, texts.language, texts.script, texts.chinese):
        assert not found(check, both(0))


def test_texts_in_another_script() -> None:
    remark = one(texts.script, both(7, "Гавань замерзает зимой, и судно {} стоит."))
    assert (remark.level, remark.count, remark.n) == ("warning", 7, 100)


def test_a_language_that_cannot_be_identified_is_said() -> None:
    raw = RAW | {"languages": ["en", "rn"], "corpora": [], "tasks": [
        {"task": PAIRS | {"languages": ["en", "rn"]}}]}  # fmt: skip
    inputs = of_task({"rn": made([("a", "b", "1")])}, languages=["en", "rn"])
    every = list(texts.language(parse_study(raw), inputs, None))
    assert [r.level for r in every if r.language == "rn"] == ["note"]


def test_traditional_chinese_beside_simplified() -> None:
    inputs = of_task(
        {"en": made([("a", "b", "1")]), "zh": made([("这个国家", "会", "1")])}
    )
    inputs.corpora = of_corpus({"en": ["a", "b"], "zh": ["這個國家", "他們"]}).corpora
    remark = one(texts.chinese, inputs)
    assert (remark.level, remark.where) == ("warning", "corpus lines")
    assert "traditional" in remark.message
    assert "task pairs in simplified" in remark.message


def test_long_checks_look_at_the_same_ids_in_whatever_order() -> None:
    ids = [f"id{n}" for n in range(2000)]
    chosen = [ids[place] for place in remarks.first(ids)]
    assert len(set(chosen)) == remarks.LOOKED_AT
    assert [ids[::-1][place] for place in remarks.first(ids[::-1])] == chosen
