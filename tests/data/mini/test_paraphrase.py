"""mini-paraphrase: sound items, and nothing but the comparison tells the label."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
from baselines import accuracy, bags, ngrams, overlap, tokens

from spillover.data.mini import LANGUAGES, lexicon, paraphrase

Item = dict[str, str]
Features = Callable[[Item], Mapping[str, float]]

TRAIN_SIZE = 4200
TEST_SIZE = 120
# Chance, and two standard errors of a proportion of 0.5 among the test items.
CEILING = 0.5 + 2 * np.sqrt(0.25 / TEST_SIZE)

LATIN = re.compile(r"[A-ZÀ-Ý][A-Za-zÀ-ÿœß'-]*(,? [A-Za-zÀ-ÿœß'-]+)*\.")
SCRIPTS = {
    **dict.fromkeys(("en", "fr", "de", "es"), LATIN),
    "zh": re.compile(r"[一-鿿]+(，[一-鿿]+)*。"),
    "ja": re.compile(r"[ぁ-んァ-ヶー一-鿿]+(、[ぁ-んァ-ヶー一-鿿]+)*。"),
}
UNCONTRACTED = {
    "en": r"\ba [aeio]|\ban [^aeiou]",
    "fr": r"\b(de|à) les?\b|\b(le|la|de|que|ce|se) [aeiouéèêh]",
    "de": r"\b(von|zu|in|an) dem\b",
    "es": r"\b(a|de) el\b",
}


@cache
def items(split: str, language: str) -> list[Item]:
    return paraphrase.items(split, language)


def normalised(sentence: str) -> str:
    return " ".join(tokens(sentence, "en"))


def jaccard(item: Item, language: str) -> float:
    """The Jaccard index of the bags of the two sentences."""
    return overlap(item["sentence1"], item["sentence2"], language)["jaccard"]


ALL = [("train", "en"), *(("test", language) for language in LANGUAGES)]


@pytest.mark.parametrize(("split", "language"), ALL)
def test_counts_balance_and_distinct_pairs(split: str, language: str) -> None:
    rows = items(split, language)
    assert len(rows) == (TRAIN_SIZE if split == "train" else TEST_SIZE)
    assert Counter(row["label"] for row in rows) == dict.fromkeys("01", len(rows) // 2)
    by_frame = Counter((row["frame"], row["label"]) for row in rows)
    assert len(by_frame) == 2 * 3
    assert len(set(by_frame.values())) == 1
    assert len({row["id"] for row in rows}) == len(rows)
    assert len({(row["sentence1"], row["sentence2"]) for row in rows}) == len(rows)
    assert all(row["sentence1"] != row["sentence2"] for row in rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_items(language: str) -> None:
    def keys(code: str) -> list[tuple[str, ...]]:
        return [(row["id"], row["label"], row["frame"]) for row in items("test", code)]

    assert keys(language) == keys("en")


def test_train_and_test_share_no_sentence() -> None:
    train, test = (
        {
            normalised(row[name])
            for row in items(split, "en")
            for name in ("sentence1", "sentence2")
        }
        for split in ("train", "test")
    )
    assert len(test) > TEST_SIZE
    assert not train & test


@pytest.mark.parametrize(("split", "language"), ALL)
def test_sentences_are_well_formed(split: str, language: str) -> None:
    for row in items(split, language):
        for sentence in (row["sentence1"], row["sentence2"]):
            assert SCRIPTS[language].fullmatch(sentence), sentence
            if language in UNCONTRACTED:
                assert not re.search(UNCONTRACTED[language], sentence.lower()), sentence


@pytest.mark.parametrize(("split", "language"), ALL)
def test_both_labels_of_a_source_have_the_same_words(split: str, language: str) -> None:
    sources: dict[str, list[Item]] = defaultdict(list)
    for row in items(split, language):
        sources[row["id"][:-1]].append(row)
    for one, other in sources.values():
        assert {one["label"], other["label"]} == {"0", "1"}
        assert one["sentence1"] == other["sentence1"]
        assert one["sentence2"] != other["sentence2"]
        bags = (Counter(tokens(row["sentence2"], language)) for row in (one, other))
        assert next(bags) == next(bags)


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_threshold_on_the_overlap_tells_the_label(language: str) -> None:
    rows = items("test", language)
    overlaps = np.array([jaccard(row, language) for row in rows])
    labels = np.array([row["label"] == "1" for row in rows])
    above = overlaps[:, None] >= np.unique(overlaps)[None, :]
    share = (above == labels[:, None]).mean(axis=0)
    assert max(share.max(), 1 - share.min()) <= CEILING


def overlap_features(row: Item) -> Mapping[str, float]:
    return overlap(row["sentence1"], row["sentence2"], "en")


def bag_features(row: Item) -> Mapping[str, float]:
    return bags(row["sentence1"], row["sentence2"])


def sentence1(row: Item) -> Mapping[str, float]:
    return ngrams(row["sentence1"])


def sentence2(row: Item) -> Mapping[str, float]:
    return ngrams(row["sentence2"])


def score(features: Features) -> float:
    """The accuracy on the English test items of a fit on the English train items."""
    train, test = (
        [(features(row), row["label"]) for row in items(split, "en")]
        for split in ("train", "test")
    )
    return accuracy(train, test)


@pytest.mark.parametrize(
    "features", [overlap_features, bag_features, sentence1, sentence2]
)
def test_no_baseline_without_word_order_tells_the_label(features: Features) -> None:
    assert score(features) <= CEILING


def test_the_baseline_finds_a_label_that_leaks() -> None:
    def leaky(row: Item) -> Mapping[str, float]:
        return {
            **bag_features(row),
            "a word that paraphrases alone have": float(row["label"]),
        }

    assert score(leaky) > 0.95


@pytest.mark.parametrize("split", ["train", "test"])
def test_both_sentences_have_the_two_fillers_in_one_order(split: str) -> None:
    for row in items(split, "en"):
        one, other = (
            [
                word.strip(".,")
                for word in row[name].split()
                if word.strip(".,") in NAMES
            ]
            for name in ("sentence1", "sentence2")
        )
        assert len(one) == len(set(one)) == 2
        assert (one == other) == (row["label"] == "1")


NAMES = {str(word.text["en"]) for word in lexicon.words(lexicon.NAMES)}
