"""The words of mini-paraphrase take the right forms."""

from __future__ import annotations

import pytest

from spillover.data.mini import LANGUAGES, lexicon
from spillover.data.mini.lexicon import NAMES, Word


def test_a_word_has_the_forms_that_it_names() -> None:
    lend = Word("transfers", "any", {"en": {"out": "lent", "in": "borrowed"}})
    assert lend.forms("en") == {"out": "lent", "in": "borrowed"}
    assert Word("names", "f", {"en": "Maria"}).forms("en") == {"": "Maria"}


def test_a_verb_agrees() -> None:
    came = Word("arrivals", "any", {"fr": {"f": "est rentrée", "m": "est rentré"}})
    assert came.forms("fr", "f")[""] == "est rentrée"
    assert came.forms("fr", "m")[""] == "est rentré"


@pytest.mark.parametrize("category", lexicon.read("lexicon.yaml"))
def test_no_word_stands_twice(category: str) -> None:
    for language in LANGUAGES:
        texts = [
            (word.gender, str(word.text[language]))
            for word in lexicon.words(category)
            if language in word.text
        ]
        assert len(texts) == len(set(texts))


def test_the_splits_share_no_name() -> None:
    test, train = (
        {word.text["en"] for word in lexicon.drawable(NAMES, split)}
        for split in ("test", "train")
    )
    assert len(test) >= 20
    assert len(train) >= 80
    assert not test & train
