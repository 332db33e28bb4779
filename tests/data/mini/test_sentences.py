"""The parallel sentences: complete, distinct, and of many lengths."""

from __future__ import annotations

from spillover.data.corpus import AlignedCorpus
from spillover.data.mini import LANGUAGES
from spillover.data.registry import corpus


def sentences() -> AlignedCorpus:
    return corpus("mini").parallel(LANGUAGES)


def test_every_sentence_stands_in_every_language() -> None:
    aligned = sentences()
    assert aligned.n == aligned.n_expected >= 150
    assert set(aligned.missing.values()) == {0}
    assert set(aligned.sentences) == set(LANGUAGES)


def test_no_sentence_stands_twice() -> None:
    for language, texts in sentences().sentences.items():
        assert len({text.casefold() for text in texts}) == len(texts), language


def test_no_sentence_was_left_untranslated() -> None:
    for texts in zip(*sentences().sentences.values(), strict=True):
        assert len(set(texts)) == len(texts), texts


def test_lengths_are_mixed() -> None:
    lengths = [len(text.split()) for text in sentences().sentences["en"]]
    assert 3 <= min(lengths) <= 5
    assert 28 <= max(lengths) <= 35
    assert sum(length <= 8 for length in lengths) >= 20
    assert sum(length >= 15 for length in lengths) >= 20


def test_no_two_sentences_are_near_duplicates() -> None:
    words = [set(text.lower().split()) for text in sentences().sentences["en"]]
    for number, here in enumerate(words):
        for there in words[:number]:
            assert len(here & there) / len(here | there) < 0.5, (here, there)


def test_kinds_are_mixed_and_end_alike_in_every_language() -> None:
    aligned = sentences()
    for mark, local in ("?？", "!！"):
        asked = [mark in text for text in aligned.sentences["en"]]
        assert sum(asked) >= 8
        for language in LANGUAGES:
            found = [mark in t or local in t for t in aligned.sentences[language]]
            differ = [
                id
                for id, here, there in zip(aligned.ids, asked, found, strict=True)
                if here != there
            ]
            # A language may turn a request into a question, or an outcry into neither.
            assert len(differ) <= 3, (language, mark, differ)
