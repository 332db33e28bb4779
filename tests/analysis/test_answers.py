"""Answers, baselines, agreement and calibration: by hand, and by plain loops."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pandas as pd
import pytest

from spillover.analysis.answers import (
    BINS,
    DRAWS,
    NO_ANSWER,
    brier_score,
    confusion_matrix,
    confusions,
    diagnose,
    ece_floor,
    expected_calibration_error,
    guessing_at_rates,
    kappa,
    macro_f1,
)
from spillover.data.mini import INFERENCE, SUMMARY
from spillover.errors import DataError, StudyError

E, C, N = LABELS = tuple(INFERENCE.answers)


def frame(golds, strict, probabilities):
    """Predictions as evaluate keeps them; the answers hold half of the vocabulary."""
    scores = np.log(np.array(probabilities) / 2)
    table = pd.DataFrame({"gold": golds, "strict": strict})
    table["choice"] = [LABELS[i] for i in scores.argmax(axis=1)]
    for label, column in zip(LABELS, scores.T, strict=True):
        table[f"score_{label}"] = column
    return table


# Six items. `strict` is right in 3 and no answer in 1, `choice` right in 4.
GOLDS = [E, E, E, C, C, N]
STRICT = [E, E, None, E, C, E]
PROBABILITIES = [
    (0.8, 0.1, 0.1),
    (0.6, 0.3, 0.1),
    (0.5, 0.3, 0.2),
    (0.6, 0.2, 0.2),
    (0.2, 0.7, 0.1),
    (0.5, 0.1, 0.4),
]


@pytest.fixture
def six():
    return frame(GOLDS, STRICT, PROBABILITIES)


def value(table, measure, reading=None, label=None):
    same = table["measure"] == measure
    for column, wanted in (("reading", reading), ("label", label)):
        same &= table[column].isna() if wanted is None else table[column] == wanted
    (found,) = table.loc[same, "value"]
    return found


def test_six_items_by_hand(six):
    table = diagnose(six, INFERENCE)
    assert list(table.columns) == ["measure", "reading", "label", "value", "n"]
    assert (table["n"] == 6).all()
    for label, gold, strict, choice in (
        (E, 3, 4, 5),
        (C, 2, 1, 1),
        (N, 1, 0, 0),
    ):
        assert value(table, "share", "gold", label) == pytest.approx(gold / 6)
        assert value(table, "share", "strict", label) == pytest.approx(strict / 6)
        assert value(table, "share", "choice", label) == pytest.approx(choice / 6)
    assert value(table, "share", "strict", NO_ANSWER) == pytest.approx(1 / 6)
    assert value(table, "share", "choice", NO_ANSWER) == 0
    assert value(table, "baseline_majority", None, E) == 0.5
    assert value(table, "baseline_uniform") == pytest.approx(1 / 3)
    assert value(table, "accuracy", "strict") == 0.5
    assert value(table, "accuracy", "choice") == pytest.approx(4 / 6)
    # (3·4 + 2·1 + 1·0) / 36, and (3·5 + 2·1) / 36
    assert value(table, "baseline_rates", "strict") == pytest.approx(14 / 36)
    assert value(table, "baseline_rates", "choice") == pytest.approx(17 / 36)
    assert value(table, "kappa", "strict") == pytest.approx((18 - 14) / (36 - 14))
    assert value(table, "kappa", "choice") == pytest.approx((24 - 17) / (36 - 17))
    # E: 2·2/(3 + 4), C: 2·1/(2 + 1), N is never answered: 0
    assert value(table, "macro_f1", "strict") == pytest.approx((4 / 7 + 2 / 3) / 3)
    assert value(table, "macro_f1", "choice") == pytest.approx((6 / 8 + 2 / 3) / 3)


def test_calibration_by_hand(six):
    table = diagnose(six, INFERENCE)
    # Bins of 1/15, upper ends included: {0.8}, {0.6, 0.6}, {0.5, 0.5}, {0.7}; with
    # right, right and wrong, right and wrong, right.
    gaps = abs(1 - 0.8) + abs(1 - 1.2) + abs(1 - 1.0) + abs(1 - 0.7)
    assert value(table, "ece", "choice") == pytest.approx(gaps / 6)
    squares = (0.04 + 0.01 + 0.01, 0.16 + 0.09 + 0.01, 0.25 + 0.09 + 0.04)
    squares += (0.36 + 0.64 + 0.04, 0.04 + 0.09 + 0.01, 0.25 + 0.01 + 0.36)
    assert value(table, "brier", "choice") == pytest.approx(sum(squares) / 6)
    assert value(table, "ece_floor", "choice") > 0
    calibrated = table[table["reading"] == "calibrated"]["measure"]
    assert {"ece", "ece_floor", "brier"} <= set(calibrated)


def test_confusions_hold_every_cell(six):
    table = confusions(six, INFERENCE)
    assert list(table.columns) == ["reading", "gold", "answer", "n"]
    assert len(table) == 3 * 3 * 4
    assert (table.groupby("reading")["n"].sum() == 6).all()
    strict = table[table["reading"] == "strict"].set_index(["gold", "answer"])["n"]
    assert strict[E, E] == 2
    assert strict[E, NO_ANSWER] == 1
    assert strict[C, E] == strict[C, C] == strict[N, E] == 1
    assert strict[N, N] == 0


@pytest.mark.parametrize("reading", ["strict", "choice"])
def test_accuracy_is_the_share_of_right_answers(six, reading):
    expected = (six[reading] == six["gold"]).mean()
    assert value(diagnose(six, INFERENCE), "accuracy", reading) == expected


def test_predictions_read_back_from_parquet_give_the_same(six, tmp_path):
    six.to_parquet(tmp_path / "p.parquet")
    back = pd.read_parquet(tmp_path / "p.parquet")
    pd.testing.assert_frame_equal(diagnose(back, INFERENCE), diagnose(six, INFERENCE))


def test_no_answer_word_at_all_scores_nothing(six, tmp_path):
    six["strict"] = None
    six.to_parquet(tmp_path / "p.parquet")
    table = diagnose(pd.read_parquet(tmp_path / "p.parquet"), INFERENCE)
    assert value(table, "share", "strict", NO_ANSWER) == 1
    for measure in ("accuracy", "baseline_rates", "kappa", "macro_f1"):
        assert value(table, measure, "strict") == 0


def random_answers(seed):
    rng = np.random.default_rng(seed)
    n, k = int(rng.integers(1, 7)), int(rng.integers(2, 5))
    labels = [f"l{i}" for i in range(k)]
    golds = [str(gold) for gold in rng.choice(labels, n)]
    answers = [None if i == k else labels[i] for i in rng.integers(0, k + 1, n)]
    return labels, golds, answers


@pytest.mark.parametrize("seed", range(40))
def test_counts_against_loops(seed):
    labels, golds, answers = random_answers(seed)
    n = len(golds)
    confusion = confusion_matrix(golds, answers, labels)
    for (i, gold), (j, answer) in itertools.product(
        enumerate(labels), enumerate([*labels, None])
    ):
        pairs = zip(golds, answers, strict=True)
        assert confusion[i, j] == sum(p == (gold, answer) for p in pairs)

    def share(order):
        return sum(g == a for g, a in zip(golds, order, strict=True)) / n

    # What guessing at the rates gives: every order of the same answers.
    orders = list(itertools.permutations(answers))
    guessing = math.fsum(map(share, orders)) / len(orders)
    assert guessing_at_rates(confusion) == pytest.approx(guessing)
    if guessing == 1:
        assert kappa(confusion) is None
    else:
        expected = (share(answers) - guessing) / (1 - guessing)
        assert kappa(confusion) == pytest.approx(expected)

    scores = []
    for label in set(golds):
        hits = sum(g == a == label for g, a in zip(golds, answers, strict=True))
        given = answers.count(label)
        precision = hits / given if given else 0.0
        recall = hits / golds.count(label)
        both = precision + recall
        scores.append(2 * precision * recall / both if both else 0.0)
    assert macro_f1(confusion) == pytest.approx(sum(scores) / len(scores))


def test_always_the_same_answer_is_told_from_skill():
    golds = [E] * 5 + [C] * 3 + [N] * 2
    confusion = confusion_matrix(golds, [E] * 10, LABELS)
    assert np.trace(confusion) / 10 == guessing_at_rates(confusion) == 0.5
    assert kappa(confusion) == 0
    assert macro_f1(confusion) == pytest.approx((2 * 5 / 15) / 3)


def test_kappa_does_not_exist_where_gold_and_answers_are_one_label(six):
    assert kappa(confusion_matrix([E, E], [E, E], LABELS)) is None
    one = frame([E, E], [E, E], [(0.8, 0.1, 0.1)] * 2)
    table = diagnose(one, INFERENCE)
    assert math.isnan(value(table, "kappa", "strict"))
    assert value(table, "accuracy", "strict") == 1
    assert kappa(confusion_matrix([E, E], [E, C], LABELS)) == 0


def test_a_label_that_no_gold_answer_has_is_left_out_of_macro_f1():
    perfect = confusion_matrix([E, C], [E, C], LABELS)
    assert macro_f1(perfect) == 1
    stray = confusion_matrix([E, E, C], [E, N, C], LABELS)
    assert macro_f1(stray) == pytest.approx((2 * 1 / 3 + 1) / 2)


def ece_by_loops(confidences, correct, bins):
    total = 0.0
    for b in range(bins):
        low, high = b / bins, (b + 1) / bins
        inside = [i for i, c in enumerate(confidences) if low < c <= high]
        if inside:
            hit = sum(bool(correct[i]) for i in inside) / len(inside)
            sure = sum(confidences[i] for i in inside) / len(inside)
            total += len(inside) / len(confidences) * abs(hit - sure)
    return total


@pytest.mark.parametrize("n", [1, 7, 60])
def test_calibration_error_against_loops(n):
    rng = np.random.default_rng(n)
    confidences = rng.integers(1, 31, n) / 30  # many on an edge, some 1
    correct = rng.random(n) < 0.6
    expected = ece_by_loops(confidences, correct, BINS)
    found = expected_calibration_error(confidences, correct)
    assert found == pytest.approx(expected, abs=1e-12)


def test_the_floor_is_the_mean_over_all_outcomes():
    confidences = np.array([0.35, 0.5, 0.52, 0.7, 0.71, 0.9, 0.95, 0.99])
    mean = 0.0
    for outcome in itertools.product([False, True], repeat=len(confidences)):
        right = np.array(outcome)
        probability = np.where(right, confidences, 1 - confidences).prod()
        mean += probability * ece_by_loops(confidences, right, BINS)
    assert ece_floor(confidences) == pytest.approx(mean, rel=0.05)


def test_the_floor_is_drawn_from_a_fixed_seed():
    confidences = np.random.default_rng(1).uniform(0.5, 1, 20)
    rng = np.random.default_rng(0)
    drawn = (rng.random(20) < confidences for _ in range(DRAWS))
    floor = np.mean([ece_by_loops(confidences, right, BINS) for right in drawn])
    assert ece_floor(confidences) == pytest.approx(floor, rel=1e-12)


def test_the_floor_falls_with_the_square_root_of_n():
    some = np.random.default_rng(0).uniform(0.5, 1, 400)
    many = np.tile(some, 16)
    assert ece_floor(some) / ece_floor(many) == pytest.approx(4, rel=0.1)
    assert ece_floor(some) > 0.03  # with 400 items, of a perfectly calibrated model


def test_brier_score_against_loops():
    rng = np.random.default_rng(0)
    probabilities = rng.dirichlet(np.ones(3), 20)
    golds = rng.integers(0, 3, 20)
    total = 0.0
    for row, gold in zip(probabilities, golds, strict=True):
        total += sum((p - (j == gold)) ** 2 for j, p in enumerate(row))
    assert brier_score(probabilities, golds) == pytest.approx(total / 20)
    uniform = np.full((20, 3), 1 / 3)
    assert brier_score(uniform, golds) == pytest.approx(1 - 1 / 3)


def test_the_calibrated_reading_is_the_choice_after_batch_calibration(six):
    table = diagnose(six, INFERENCE)
    logs = np.log(np.array(PROBABILITIES))
    chosen = [LABELS[i] for i in (logs - logs.mean(axis=0)).argmax(axis=1)]
    assert len(set(chosen)) == 3
    expected = np.equal(chosen, GOLDS).mean()
    assert value(table, "accuracy", "calibrated") == pytest.approx(expected)
    for label in LABELS:
        share = chosen.count(label) / 6
        assert value(table, "share", "calibrated", label) == pytest.approx(share)


@pytest.mark.parametrize("n", [3, 7, 50])
def test_scores_that_are_always_the_same_are_a_tie(n):
    same = frame([C] * n, [C] * n, [(0.3, 0.6, 0.1)] * n)
    table = diagnose(same, INFERENCE)
    assert value(table, "share", "calibrated", E) == 1  # the first in the task's order
    assert value(table, "share", "choice", C) == 1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.drop(columns=["score_neutral", "gold"]), "gold, score_neutral"),
        (lambda p: p.iloc[:0], "without rows"),
        (lambda p: p.assign(gold="yes"), "unknown label 'yes'"),
        (lambda p: p.assign(strict="yes"), "unknown label 'yes'"),
        (lambda p: p.assign(choice=None), "a choice is missing"),
        (lambda p: p.assign(score_neutral=-np.inf), "finite"),
        (lambda p: p.assign(score_neutral=np.nan), "finite"),
    ],
)
def test_predictions_that_cannot_be_read(six, change, message):
    with pytest.raises(DataError, match=message):
        diagnose(change(six), INFERENCE)


def test_only_classification_has_answers(six):
    with pytest.raises(StudyError, match="mini-summary is a generation task"):
        diagnose(six, SUMMARY)


def test_unequal_or_no_answers_are_refused():
    with pytest.raises(DataError, match="1 answers for 2 gold"):
        confusion_matrix([E, C], [E], LABELS)
    with pytest.raises(DataError, match="0 answers for 0 gold"):
        confusion_matrix([], [], LABELS)
