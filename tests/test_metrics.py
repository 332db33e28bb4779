"""Metrics: known values and awkward text."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from spillover.errors import DataError
from spillover.metrics import exact_number, last_number, mean


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
