"""Metrics: known values and awkward text."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from spillover.errors import DataError
from spillover.metrics import batch_calibrated, exact_number, last_number


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
        ("1'000 Franken", "1000"),
        ("1’234’567.50", "1234567.5"),
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


def test_batch_calibration_against_loops():
    scores = np.random.default_rng(0).normal(-3, 2, (7, 3))
    found = batch_calibrated(scores)
    for i, j in np.ndindex(7, 3):
        prior = sum(scores[m, j] for m in range(7)) / 7
        assert found[i, j] == pytest.approx(scores[i, j] - prior)
    assert found.mean(axis=0) == pytest.approx(np.zeros(3), abs=1e-8)


def test_batch_calibration_takes_the_mean_of_logarithms():
    probabilities = np.array([[0.999999, 0.000001], [0.88, 0.12], [0.12, 0.88]])
    # Log odds 13.8, 2.0 and -2.0, whose mean is 4.6: the second item changes sides.
    by_logs = batch_calibrated(np.log(probabilities)).argmax(axis=1)
    assert by_logs.tolist() == [0, 1, 1]
    # The other reading of the method divides by mean probabilities, 2 : 1.
    divided = probabilities / probabilities.mean(axis=0)
    assert divided.argmax(axis=1).tolist() == [0, 0, 1]


def test_batch_calibration_undoes_a_constant_bias():
    rng = np.random.default_rng(1)
    scores = rng.normal(size=(50, 3))
    scores -= scores.mean(axis=0)
    biased = scores + np.array([5.0, 0.0, -2.0])
    assert (biased.argmax(axis=1) == 0).mean() > 0.9
    assert batch_calibrated(biased) == pytest.approx(scores, abs=1e-8)


def test_batch_calibration_needs_no_normalised_scores():
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(30, 3))
    shifted = logits + rng.normal(size=(30, 1)) * 10  # another log of the sum, each row
    one, other = batch_calibrated(logits), batch_calibrated(shifted)
    assert (one.argmax(axis=1) == other.argmax(axis=1)).all()
    differences = one - other
    assert differences == pytest.approx(differences[:, :1].repeat(3, axis=1), abs=1e-8)
