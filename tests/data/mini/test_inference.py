"""mini-inference: sound items, and nothing but the comparison tells the label."""

from __future__ import annotations

import re
from collections import Counter, defaultdict
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pytest
from baselines import accuracy, bags, ngrams, overlap, tokens

from spillover.data.mini import inference
from spillover.data.mini.inference_frames import FRAMES, LABELS
from spillover.data.mini.inference_grammar import Agreeing, Noun, conjoin, finish
from spillover.data.mini.inference_words import Split, entries, read
from spillover.data.mini.lexicon import LANGUAGES

Item = dict[str, str]
Features = Callable[[Item], Mapping[str, float]]

PARTS = ("premise", "hypothesis")
SIZES = {"train": 3000, "test": 90}
# Chance, and two standard errors of a proportion of 1/3 among the test items.
CEILING = 1 / 3 + 2 * np.sqrt(1 / 3 * 2 / 3 / SIZES["test"])

LATIN = re.compile(r"[A-ZÀ-Ý][A-Za-zÀ-ÿœß'-]*(,? [A-Za-zÀ-ÿœß'-]+)*\.")
SCRIPTS = {
    **dict.fromkeys(("en", "fr", "de", "es"), LATIN),
    "zh": re.compile(r"[一-鿿]+(，[一-鿿]+)*。"),
    "ja": re.compile(r"[ぁ-んァ-ヶー一-鿿]+(、[ぁ-んァ-ヶー一-鿿]+)*。"),
}
UNCONTRACTED = {
    "en": r"\ba [aeio]|\ban [^aeiou]",
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


@pytest.mark.parametrize("category", read("inference_words.yaml"))
def test_the_splits_share_no_word_and_every_word_is_translated(category: str) -> None:
    def english(split: Split) -> list[str]:
        return [
            f"{word['en']}"
            for entry in entries(category, split)
            for word in entry.values()
        ]

    assert not set(english("train")) & set(english("test"))
    for split in ("train", "test"):
        assert len(set(english(split))) == len(english(split))
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


@pytest.mark.parametrize("split", ["train", "test"])
def test_half_of_the_hypotheses_of_a_frame_and_label_are_denied(split: Split) -> None:
    denied: dict[tuple[str, str], list[bool]] = defaultdict(list)
    for row in items(split, "en"):
        denied[row["frame"], row["label"]].append(" not " in row["hypothesis"])
    assert all(np.mean(found) == 0.5 for found in denied.values())


def judged_order(premise: str, hypothesis: str) -> str:
    """The label of an item of the frame `comparison`, from its English sentences."""
    above: set[tuple[str, str]] = set()
    adjectives = set()
    for clause in re.split(", and ", premise.rstrip(".")):
        subjects, adjective, objects = re.split(r" (?:is|are both) (.*) than ", clause)
        adjectives.add(adjective)
        above |= {
            (here, there)
            for here in subjects.split(" and ")
            for there in objects.split(" and ")
        }
    above |= {(a, d) for a, b in above for c, d in above if b == c}
    (adjective,) = adjectives
    matched = re.fullmatch(r"(\w+) is (not )?(.*) than (\w+)\.", hypothesis)
    assert matched
    p, denial, asked, q = matched.groups()
    if asked != adjective:
        p, q = q, p
    if (p, q) not in above and (q, p) not in above:
        return "neutral"
    return "entailment" if ((p, q) in above) != bool(denial) else "contradiction"


def judged_status(premise: str, hypothesis: str) -> str:
    """The label of an item of any other frame, from its English sentences."""
    clauses = re.split(", (?:and )?", premise.rstrip("."))
    matched = re.fullmatch(
        r"(.*?) (?:(is not|does not live|did not buy|does not arrive)"
        r"|is|lives|bought|arrives) (.*)\.",
        hypothesis,
    )
    assert matched
    subject, denial, value = matched.groups()
    (said,) = (
        clause for clause in clauses if clause.lower().startswith(f"{subject.lower()} ")
    )
    if re.search(r" somewhere in | some time today$| a present$", said):
        return "neutral"
    return "entailment" if said.endswith(value) != bool(denial) else "contradiction"


@pytest.mark.parametrize("split", ["train", "test"])
def test_the_label_follows_from_the_sentences(split: Split) -> None:
    for row in items(split, "en"):
        judge = judged_order if row["frame"] == "comparison" else judged_status
        assert judge(row["premise"], row["hypothesis"]) == row["label"], row


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
    return overlap(row["premise"], row["hypothesis"], "en")


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


def test_german_articles_take_case() -> None:
    key = Noun.read("de", "Schlüssel m")
    assert f"{key:the} {key:the acc} {key:the dat}" == (
        "der Schlüssel den Schlüssel dem Schlüssel"
    )
    assert f"{key:a acc}, {key:no acc}" == "einen Schlüssel, keinen Schlüssel"


def test_chinese_nouns_take_their_classifier_after_a_number_alone() -> None:
    umbrella = Noun.read("zh", "把 雨伞")
    assert f"{umbrella:a} {umbrella:the} {umbrella}" == "一把雨伞 雨伞 雨伞"


def test_adjectives_agree() -> None:
    tall = Agreeing.read("fr", "plus grand/plus grande")
    assert f"{tall:f}, {tall:mp}, {tall:fp}" == (
        "plus grande, plus grands, plus grandes"
    )
    older = Agreeing.read("es", "mayor")
    assert f"{older:f}, {older:fp}" == "mayor, mayores"
    assert f"{Agreeing.read('de', 'größer'):fp}" == "größer"


def test_the_last_of_the_clauses_takes_its_own_form() -> None:
    clauses = ["傘は<あり|あります>", "鍵は<あり|あります>"]
    assert conjoin(clauses, "ja") == "傘はあり、鍵はあります"
    assert conjoin(["one", "two", "three"], "en") == "one, two, and three"


@pytest.mark.parametrize(
    ("language", "text", "finished"),
    [
        ("en", "it is a umbrella.", "It is an umbrella."),
        ("fr", "plus grand que Anna, de le salon.", "Plus grand qu'Anna, du salon."),
        ("de", "in dem Bad.", "Im Bad."),
        ("es", "a el jardín de el rey.", "Al jardín del rey."),
    ],
)
def test_finish_contracts_and_capitalises(
    language: str, text: str, finished: str
) -> None:
    assert finish(text, language) == finished
