"""mini-inference: sound items, and nothing but the comparison tells the label."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
from baselines import accuracy, bags, ngrams, overlap, tokens

from spillover.data.mini import LANGUAGES, inference
from spillover.data.mini.inference_frames import FRAMES, LABELS
from spillover.data.mini.inference_grammar import Agreeing, conjoin, finish
from spillover.data.mini.inference_words import Split, entries, read

Item = dict[str, str]
Features = Callable[[Item], Mapping[str, float]]

PARTS = ("premise", "hypothesis")
SIZES = {"train": 4080, "test": 96}
# Chance, and two standard errors of a proportion of 1/3 among the test items.
CEILING = 1 / 3 + 2 * np.sqrt(1 / 3 * 2 / 3 / SIZES["test"])

LATIN = re.compile(r"[A-ZÀ-Ý][A-Za-zÀ-ÿœß'-]*(,? [A-Za-zÀ-ÿœß'-]+)*\.")
SCRIPTS = {
    **dict.fromkeys(("en", "fr", "de", "es"), LATIN),
    "zh": re.compile(r"[一-鿿]+(，[一-鿿]+)*。"),
    "ja": re.compile(r"[ぁ-んァ-ヶー一-鿿]+(、[ぁ-んァ-ヶー一-鿿]+)*。"),
}
UNCONTRACTED = {
    "en": r"\ba [aeio]|\ban (?!hour)[^aeiou]",
    "fr": r"\b(de|à) les?\b|\b(le|la|de|que|ne) [aeiouéèêh]",
    "de": r"\b(von|zu|in|an) dem\b",
    "es": r"\b(a|de) el\b",
}

ALL: list[tuple[Split, str]] = [("train", "en")]
ALL += [("test", language) for language in LANGUAGES]


@cache
def items(split: Split, language: str) -> list[Item]:
    return inference.items(split, language)


def normalised(sentence: str) -> str:
    return " ".join(tokens(sentence, "en"))


@pytest.mark.parametrize(("split", "language"), ALL)
def test_counts_balance_and_distinct_pairs(split: Split, language: str) -> None:
    rows = items(split, language)
    assert len(rows) == SIZES[split]
    by_frame = Counter((row["frame"], row["label"]) for row in rows)
    each = len(rows) // len(FRAMES) // len(LABELS)
    assert by_frame == {(frame, label): each for frame in FRAMES for label in LABELS}
    assert len({row["id"] for row in rows}) == len(rows)
    pairs = {
        (normalised(row["premise"]), normalised(row["hypothesis"])) for row in rows
    }
    assert len(pairs) == len(rows)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_language_has_the_same_items(language: str) -> None:
    def keys(code: str) -> list[tuple[str, ...]]:
        return [(row["id"], row["label"], row["frame"]) for row in items("test", code)]

    assert keys(language) == keys("en")


@pytest.mark.parametrize("form", [str, normalised])
def test_train_and_test_share_no_sentence(form: Callable[[str], str]) -> None:
    train, test = (
        {form(row[name]) for row in items(split, "en") for name in PARTS}
        for split in ("train", "test")
    )
    assert len(test) > SIZES["test"]
    assert not train & test


def english(category: str, split: Split) -> list[str]:
    return [
        f"{word['en']}"
        for entry in entries(category, split)
        for word in entry.values()
        if f"{word['en']}"
    ]


FUNCTION_WORDS = ("order", "side", "quantity")


@pytest.mark.parametrize("category", read("inference_words.yaml"))
def test_the_splits_share_function_words_alone(category: str) -> None:
    train, test = (english(category, split) for split in ("train", "test"))
    if category in FUNCTION_WORDS:
        assert train == test
    else:
        assert not set(train) & set(test)
    assert len(set(train)) == len(train)
    assert len(set(test)) == len(test)


@pytest.mark.parametrize("category", read("inference_words.yaml"))
def test_every_word_of_the_test_split_is_translated(category: str) -> None:
    for entry in entries(category, "test"):
        assert all(set(word) == set(LANGUAGES) for word in entry.values())


@pytest.mark.parametrize(("split", "language"), ALL)
def test_sentences_are_well_formed(split: Split, language: str) -> None:
    for row in items(split, language):
        for sentence in (row["premise"], row["hypothesis"]):
            assert SCRIPTS[language].fullmatch(sentence), sentence
            if language in UNCONTRACTED:
                assert not re.search(UNCONTRACTED[language], sentence.lower()), sentence


@pytest.mark.parametrize(("split", "language"), ALL)
def test_a_premise_has_one_hypothesis_of_each_label(
    split: Split, language: str
) -> None:
    premises: dict[str, list[Item]] = defaultdict(list)
    for row in items(split, language):
        premises[row["premise"]].append(row)
    assert len(premises) == SIZES[split] // 3
    for rows in premises.values():
        assert [row["label"] for row in rows] == list(LABELS)
        assert len({row["id"].rpartition("-")[0] for row in rows}) == 1


# What orders people, in the order in which it is looked for, and what it leaves out.
RELATIONS = re.compile(
    r"^(?P<p>\w+) (?P<said>.+?) (?P<q>\w+)$",
)
GAPS = re.compile(
    r"\b(much|a little|a bit|slightly|far|a lot|even|rather"
    r"|(an?|two|three|four|five|six|seven|eight|nine|ten|eleven|twelve|twenty|thirty"
    r"|forty)( (minutes?|hours?|days|week|floors))?) "
)


def said(clause: str) -> tuple[str, str, str]:
    """Who, by what relation, whom."""
    matched = RELATIONS.match(clause)
    assert matched, clause
    relation = GAPS.sub("", matched["said"] + " ").strip()
    return matched["p"], relation, matched["q"]


def judged(premise: str, hypothesis: str) -> str:
    """The label of an item, from its English sentences alone."""
    first, second = premise.rstrip(".").split(", and ")
    p, relation, q = said(hypothesis.rstrip("."))
    facts = [said(first), said(second)]
    assert [fact[1] for fact in facts] == [relation, relation], (premise, hypothesis)
    pairs = {(fact[0], fact[2]) for fact in facts}
    if (p, q) in pairs:
        return "entailment"
    return "contradiction" if (q, p) in pairs else "neutral"


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_label_follows_from_the_sentences(split: Split) -> None:
    for row in items(split, "en"):
        assert judged(row["premise"], row["hypothesis"]) == row["label"]


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_threshold_on_the_overlap_tells_the_label(language: str) -> None:
    rows = items("test", language)
    overlaps = np.array(
        [
            overlap(row["premise"], row["hypothesis"], language)["jaccard"]
            for row in rows
        ]
    )
    above = overlaps[:, None] >= np.unique(overlaps)[None, :]
    for label in LABELS:
        here = np.array([row["label"] == label for row in rows])[:, None]
        for side in (above, ~above):
            # The share of a label on a side, less its share of all, in items.
            gain = (side & here).sum(axis=0) - side.sum(axis=0) / len(LABELS)
            assert gain.max() <= (CEILING - 1 / 3) * len(rows)


def shared(row: Item) -> Mapping[str, float]:
    """Without the first and the last word: who stands first does tell the label."""
    found = overlap(row["premise"], row["hypothesis"], "en")
    return {name: value for name, value in found.items() if "same" not in name}


def words(row: Item) -> Mapping[str, float]:
    return bags(row["premise"], row["hypothesis"])


def premise(row: Item) -> Mapping[str, float]:
    return ngrams(row["premise"])


def hypothesis(row: Item) -> Mapping[str, float]:
    return ngrams(row["hypothesis"])


def scored(features: Features) -> float:
    """The accuracy on the English test split after fitting on the train split."""
    train, test = (
        [(features(row), row["label"]) for row in items(split, "en")]
        for split in ("train", "test")
    )
    return accuracy(train, test)


@pytest.mark.parametrize("features", [shared, words, premise, hypothesis])
def test_no_baseline_without_word_order_tells_the_label(features: Features) -> None:
    assert scored(features) <= CEILING


def test_the_baseline_finds_a_label_that_leaks() -> None:
    def leaky(row: Item) -> Mapping[str, float]:
        return {**words(row), f"a word that {row['label']} alone has": 1}

    assert scored(leaky) > 0.95


def test_adjectives_agree() -> None:
    tall = Agreeing.read("plus grand/plus grande")
    assert f"{tall:f}, {tall:m}, {tall}" == "plus grande, plus grand, plus grand"
    assert f"{Agreeing.read('mayor'):f}" == "mayor"


def test_each_of_two_clauses_takes_its_own_form() -> None:
    first, second = "傘は<あり|あります>", "鍵は<あり|あります>"
    assert conjoin(first, second, "ja") == "傘はあり、鍵はあります"
    assert conjoin("one", "two", "en") == "one, and two"


def test_french_elides() -> None:
    assert finish("plus de euros que Anna", "fr") == "plus d'euros qu'Anna"
    assert finish("antes que Ana", "es") == "antes que Ana"
