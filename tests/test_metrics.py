"""Metrics: known values, awkward text, and ROUGE-L of another implementation."""

from __future__ import annotations

import json
import math
from decimal import Decimal

import pytest

from spillover.errors import DataError, StudyError
from spillover.metrics import (
    RougeTokenizer,
    accuracy,
    exact_number,
    last_number,
    mean,
    rouge_l,
)


def test_accuracy_is_the_share_of_right_answers():
    assert accuracy(["Yes", "No", "Yes", None], ["Yes", "Yes", "Yes", "No"]) == 0.5
    assert accuracy([1, 0], [1, 0]) == 1.0


def test_accuracy_of_nothing_is_an_error():
    with pytest.raises(DataError, match="no item"):
        accuracy([], [])


def test_an_unread_answer_never_matches_a_missing_gold():
    with pytest.raises(DataError, match="item 1: the gold answer is missing"):
        accuracy([1, None], [1, None])


def test_predictions_and_golds_must_pair_up():
    with pytest.raises(DataError, match="2 predictions for 3 gold"):
        accuracy([1, 2], [1, 2, 3])


def test_mean():
    assert mean([0.25, 0.75]) == 0.5
    assert mean([0.1] * 10) == 0.1  # plain summing gives 0.09999999999999999
    assert mean([True, False, False, False]) == 0.25


def test_mean_of_nothing_is_an_error():
    with pytest.raises(DataError, match="no mean"):
        mean([])


@pytest.mark.parametrize("bad", [math.nan, -0.1, 1.1, math.inf])
def test_mean_takes_scores_only(bad):
    with pytest.raises(DataError, match="item 1"):
        mean([0.5, bad])


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("The cat's 2 naïve hats.", ["the", "cat", "s", "2", "naïve", "hats"]),
        ("E\u0301TE\u0301 ﬁn", ["été", "fin"]),  # decomposed accents, a ligature
        ("snake_case co\u00adop", ["snake", "case", "coop"]),  # soft hyphen
        ("हिन्दी में", ["हिन्दी", "में"]),  # vowel signs are marks, not letters
        ("제안된 강", ["제안된", "강"]),
        ("Ｗｉｄｅ１２", ["wide12"]),
        ("。 … !", []),
        ("", []),
    ],
)
def test_tokens_between_spaces(text, tokens):
    assert RougeTokenizer("space").tokenize(text) == tokens


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        ("我用GPT-4写。", ["我", "用", "gpt", "4", "写"]),
        ("トーキョーの人々", ["ト", "ー", "キ", "ョ", "ー", "の", "人", "々"]),
        ("ﾊﾟﾝ 12個", ["パ", "ン", "12", "個"]),  # half-width kana, joined by NFKC
        ("二〇二四", ["二", "〇", "二", "四"]),
        ("กิน ๑๒ km", ["กิ", "น", "๑๒", "km"]),
        ("ສະບາຍ", ["ສ", "ະ", "ບ", "າ", "ຍ"]),
    ],
)
def test_tokens_by_character(text, tokens):
    assert RougeTokenizer("character").tokenize(text) == tokens


def test_rouge_l_known_values():
    # Lin (2004), section 3.1: the longest common subsequences with S1 have 3 and 2 of
    # the 4 words.
    reference = "police killed the gunman"
    assert rouge_l("police kill the gunman", reference, "en") == pytest.approx(3 / 4)
    assert rouge_l("the gunman kill police", reference, "en") == pytest.approx(2 / 4)
    # Precision 1, recall 1/2.
    assert rouge_l("police killed", reference, "en") == pytest.approx(2 / 3)


def test_rouge_l_in_chinese_counts_characters():
    assert rouge_l("我爱北京", "我在北京", "zh") == pytest.approx(3 / 4)
    assert rouge_l("我爱北京", "我在北京", "en") == 0  # one word against another


@pytest.mark.parametrize("language", ["en", "zh", "ja", "th", "hi"])
@pytest.mark.parametrize("text", ["", " ", "。", "!", "-"])
def test_rouge_l_without_tokens_is_zero(language, text):
    assert rouge_l(text, "a reference", language) == 0
    assert rouge_l("a prediction", text, language) == 0
    assert rouge_l(text, text, language) == 0


@pytest.mark.parametrize(("text", "language"), [("a", "en"), ("京", "zh"), ("5", "de")])
def test_rouge_l_of_one_character_with_itself_is_one(text, language):
    assert rouge_l(text, text, language) == 1


def test_rouge_l_of_an_unknown_language():
    with pytest.raises(StudyError, match="unknown language 'xx'"):
        rouge_l("a", "a", "xx")


# Largest mean distance from XL-Sum's scorer, unstemmed, over 50 pairs. What is left in
# the first row is how hyphens, apostrophes and numbers are cut; by character is another
# unit than its words, so there only the order of the pairs is asked for.
SAME_UNIT = {"en": 0.005, "fr": 0.005, "de": 0.005, "es": 0.005, "vi": 0.005}
OTHER_UNIT = {"zh": 0.9, "ja": 0.9}


@pytest.fixture(scope="module")
def xlsum_scores(data_root):
    path = data_root / "rouge_reference" / "xlsum_scorer.jsonl"
    if not path.is_file():
        pytest.skip(f"no reference scores at {path}")
    rows = [json.loads(line) for line in path.read_text("utf-8").splitlines()]
    return [row for row in rows if not row["stemmed"]]


def both_scores(rows, language):
    rows = [row for row in rows if row["language"] == language]
    assert len(rows) == 50
    own = [rouge_l(row["prediction"], row["reference"], language) for row in rows]
    return own, [row["rougeL"] for row in rows]


@pytest.mark.parametrize(("language", "tolerance"), SAME_UNIT.items())
def test_rouge_l_is_that_of_xlsums_scorer_unstemmed(xlsum_scores, language, tolerance):
    own, reference = both_scores(xlsum_scores, language)
    gaps = [abs(a - b) for a, b in zip(own, reference, strict=True)]
    assert sum(gaps) / 50 < tolerance


@pytest.mark.parametrize(("language", "least"), OTHER_UNIT.items())
def test_rouge_l_by_character_ranks_as_xlsums_scorer(xlsum_scores, language, least):
    from scipy.stats import spearmanr

    assert spearmanr(*both_scores(xlsum_scores, language)).statistic > least


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("The answer is 42.", "42"),
        ("5 + 7 = 12", "12"),
        ("so 10-3", "3"),
        ("it is -3.", "-3"),
        ("温度は−5度", "-5"),
        ("答えは１，２００円です。", "1200"),
        ("उत्तर १२ है", "12"),
        ("$1,234.50", "1234.50"),
        ("1.234,50 €", "1234.50"),
        ("1 234,5", "1234.5"),
        ("114\u202f200 F", "114200"),
        ("1.000", "1000"),
        ("1,00,000", "100000"),
        ("1.000.000", "1000000"),
        ("3,5 kg", "3.5"),
        ("0.125", "0.125"),
        ("1234.567", "1234.567"),
        ("12.05.2024", "2024"),
        ("1, 2, 3", "3"),
        ("18 000 and 5", "5"),
        ("12 m²", "12"),
        ("007", "7"),
    ],
)
def test_last_number(text, number):
    assert last_number(text) == Decimal(number)


@pytest.mark.parametrize("text", ["", "none", "²", "...", "-", "三"])
def test_no_number(text):
    assert last_number(text) is None


def test_exact_number():
    assert exact_number("Therefore 2.125 Dollar", "2,125")
    assert exact_number("= 18.00", "18")
    assert not exact_number("18 or 19", "18")
    assert not exact_number("I do not know", "18")
    with pytest.raises(DataError, match="'many' holds no number"):
        exact_number("18", "many")


def test_all_gold_answers_of_mgsm_are_read(data_root):
    files = sorted((data_root / "mgsm").glob("mgsm_*.tsv"))
    if not files:
        pytest.skip(f"no MGSM files in {data_root}")
    for file in files:
        for line in file.read_text("utf-8").splitlines():
            answer = line.split("\t")[-1]
            assert last_number(answer) == int(answer.replace(",", "")), (file, line)
