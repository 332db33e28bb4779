"""The words of mini-paraphrase take the right forms."""

from __future__ import annotations

import pytest

from spillover.data.mini import lexicon
from spillover.data.mini.lexicon import LANGUAGES, OPEN, Word

ARTICLES: dict[str, dict[str, tuple[str, ...]]] = {
    "fr": {"f": ("la ", "l'"), "m": ("le ", "l'")},
    "de": {"f": ("die ",), "m": ("der ",)},
    "es": {"f": ("la ",), "m": ("el ",)},
}


def noun(gender: str = "m", **text: str) -> Word:
    return Word("things", gender, dict(text))


def test_french_articles_contract_and_elide() -> None:
    vase = noun(fr="le vase").forms("fr")
    assert (vase["le"], vase["du"], vase["un"]) == ("le vase", "du vase", "un vase")
    lamp = noun(fr="la lampe").forms("fr")
    assert (lamp["du"], lamp["un"]) == ("de la lampe", "une lampe")
    school = noun(fr="l'école").forms("fr")
    assert (school["le"], school["du"]) == ("l'école", "de l'école")


def test_german_articles_take_case() -> None:
    hat = noun(de="der Hut").forms("de")
    assert (hat["den"], hat["vom"]) == ("den Hut", "vom Hut")
    assert (hat["einen"], hat["article"]) == ("einen Hut", "einen")
    lamp = noun(de="die Lampe").forms("de")
    assert (lamp["den"], lamp["dem"], lamp["des"]) == (
        "die Lampe",
        "der Lampe",
        "der Lampe",
    )
    assert (lamp["vom"], lamp["article"]) == ("von der Lampe", "eine")


def test_spanish_articles_contract() -> None:
    mirror = noun(es="el espejo").forms("es")
    assert (mirror["del"], mirror["al"]) == ("del espejo", "al espejo")
    cup = noun(es="la taza").forms("es")
    assert (cup["del"], cup["al"], cup["un"]) == ("de la taza", "a la taza", "una taza")


def test_english_takes_the_article_of_its_sound() -> None:
    assert noun(en="umbrella").forms("en")["a"] == "an umbrella"
    assert noun(en="lamp").forms("en")["a"] == "a lamp"


def test_chinese_nouns_carry_their_classifier() -> None:
    assert noun(zh="盏 台灯").forms("zh") == {"": "台灯", "classifier": "盏"}


def test_an_adjective_agrees() -> None:
    green = Word("colours", "any", {"fr": {"f": "verte", "m": "vert"}})
    assert green.forms("fr", "f")[""] == "verte"
    assert green.forms("fr", "m")[""] == "vert"


@pytest.mark.parametrize("language", ARTICLES)
def test_nouns_have_one_gender_in_all_languages(language: str) -> None:
    for category in lexicon.NOUNS:
        for word in lexicon.words(category):
            if word.translated:
                text = word.text[language]
                assert str(text).startswith(ARTICLES[language][word.gender]), text


@pytest.mark.parametrize("category", lexicon.categories())
def test_no_word_stands_twice(category: str) -> None:
    for language in LANGUAGES:
        texts = [
            (word.gender, str(word.text[language]))
            for word in lexicon.words(category)
            if language in word.text
        ]
        assert len(texts) == len(set(texts))


@pytest.mark.parametrize("category", OPEN)
def test_the_splits_share_no_name_and_no_noun(category: str) -> None:
    test, train = (
        {word.text["en"] for word in lexicon.drawable(category, split)}
        for split in ("test", "train")
    )
    assert len(test) >= 4
    assert len(train) >= 20
    assert not test & train
