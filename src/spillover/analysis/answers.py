"""What stands behind an accuracy: which answers were given, and what guessing scores.

Computed from the kept predictions of one classification task, language and state of
the model. Three readings: `strict` and `choice`, as `spillover.evaluate` gives them,
and `calibrated`, the choice after `batch_calibrated`.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from spillover.errors import DataError, StudyError
from spillover.metrics import Floats, batch_calibrated

if TYPE_CHECKING:
    import pandas as pd

    from spillover.data.task import Task

Counts = npt.NDArray[np.int64]
Bools = npt.NDArray[np.bool_]

NO_ANSWER = "(no answer)"
"""The label of a strict answer that begins none of the answer words."""
BINS = 15
"""Of the calibration error, as in Guo et al. (2017)."""
DRAWS = 500
"""Behind `ece_floor`, which they fix to about 1 % of its value."""


def diagnose(predictions: pd.DataFrame, task: Task) -> pd.DataFrame:
    """Distribution of the answers, baselines, agreement and calibration.

    Measures, all of them defined in docs/diagnostics.md: `share` of each label (reading
    `gold` too, which is what always answering that label scores); `accuracy`,
    `macro_f1`, `kappa` and `baseline_rates` of each reading; `ece`, `ece_floor` and
    `brier` of `choice` and `calibrated`; and without a reading `baseline_majority` and
    `baseline_uniform`.

    Args:
        predictions: one row an item: `gold`, `strict` (missing: no answer), `choice`,
            and `score_<label>` for each label, the log probability of the first token
            of its answer, or what else `EvaluateSettings.scoring` said.
        task: gives the labels and their order.

    Returns:
        Columns measure, reading, label, value, n: the items behind it. A value that
        does not exist (see `kappa`) is missing.

    Raises:
        StudyError: the task is no classification.
        DataError: no predictions, a column is missing, an unknown label, or a score
            that is not finite.
    """
    import pandas as pd

    given = _read(predictions, task)
    n = len(given.golds)
    uniform = 1 / len(given.labels)
    gold = _confusion(given, "choice").sum(axis=1) / n
    best = int(gold.argmax())
    rows: list[tuple[str, str | None, str | None, float | None]] = [
        *(("share", "gold", *pair) for pair in zip(given.labels, gold, strict=True)),
        ("baseline_majority", None, given.labels[best], gold[best]),
        ("baseline_uniform", None, None, uniform),
    ]
    for reading in given.answers:
        confusion = _confusion(given, reading)
        names = (*given.labels, NO_ANSWER)
        shares = confusion.sum(axis=0) / n
        rows += [("share", reading, *pair) for pair in zip(names, shares, strict=True)]
        rows += [
            ("accuracy", reading, None, np.trace(confusion) / n),
            ("baseline_rates", reading, None, guessing_at_rates(confusion)),
            ("kappa", reading, None, kappa(confusion)),
            ("macro_f1", reading, None, macro_f1(confusion)),
        ]
    for reading, scores in given.scores.items():
        rows += [(m, reading, None, v) for m, v in _calibration(scores, given).items()]
    table = pd.DataFrame(rows, columns=["measure", "reading", "label", "value"])
    return table.astype({"value": "float64"}).assign(n=n)


def confusions(predictions: pd.DataFrame, task: Task) -> pd.DataFrame:
    """How often each gold label was answered by each label, in each reading.

    Returns:
        Columns reading, gold, answer, n: one row each cell, empty ones too. `answer`
        is a label or `NO_ANSWER`.

    Raises:
        StudyError, DataError: as `diagnose`.
    """
    import pandas as pd

    given = _read(predictions, task)
    rows = []
    for reading in given.answers:
        for gold, counts in zip(given.labels, _confusion(given, reading), strict=True):
            for answer, count in zip((*given.labels, NO_ANSWER), counts, strict=True):
                rows.append((reading, gold, answer, int(count)))
    return pd.DataFrame(rows, columns=["reading", "gold", "answer", "n"])


def confusion_matrix(
    golds: Sequence[str], answers: Sequence[str | None], labels: Sequence[str]
) -> Counts:
    """How often each gold label was answered by each label.

    Returns:
        (k, k + 1) counts for k labels: rows are gold labels, columns answers, both in
        the order of `labels`; the last column is no answer (None).

    Raises:
        DataError: no items, not one answer for each gold, or an unknown label.
    """
    if len(golds) != len(answers) or not golds:
        raise DataError(
            f"{len(answers)} answers for {len(golds)} gold labels",
            expected="one for each, and at least one",
        )
    column: dict[str | None, int] = {label: i for i, label in enumerate(labels)}
    row, column[None] = dict(column), len(labels)
    counts = np.zeros((len(labels), len(labels) + 1), dtype=np.int64)
    for i, (gold, answer) in enumerate(zip(golds, answers, strict=True)):
        if gold not in row or answer not in column:
            strange = answer if gold in row else gold
            raise DataError(
                f"unknown label {strange!r}",
                where=f"item {i}",
                expected=f"one of {', '.join(map(repr, labels))}",
            )
        counts[row[gold], column[answer]] += 1
    return counts


def guessing_at_rates(confusion: Counts) -> float:
    """Expected accuracy of guesses that have the answers' label rates but no skill.

    Σ_y P(gold = y) · P(answer = y): the mean accuracy over all permutations of the
    answers. No answer is never right.

    Args:
        confusion: as `confusion_matrix` gives it.
    """
    n = int(confusion.sum())
    return _chance(confusion) / n**2


def kappa(confusion: Counts) -> float | None:
    """Cohen's κ = (p_o - p_e) / (1 - p_e) (Cohen 1960).

    p_o is the accuracy and p_e `guessing_at_rates`. 1 is perfect and 0 no better than
    guessing at the same rates, whatever the shares of the gold labels.

    Args:
        confusion: as `confusion_matrix` gives it.

    Returns:
        κ, or None where gold and answers are one and the same label throughout: then
        guessing at the rates is always right, and κ is 0/0.
    """
    n, agreed = int(confusion.sum()), int(np.trace(confusion))
    chance = _chance(confusion)  # of n², in whole numbers, so that 0/0 is seen as such
    return None if chance == n**2 else (agreed * n - chance) / (n**2 - chance)


def _chance(confusion: Counts) -> int:
    return int(confusion.sum(axis=1) @ confusion.sum(axis=0)[:-1])


def macro_f1(confusion: Counts) -> float:
    """Mean F1 over the labels that occur in the gold answers, all weighing the same.

    F1 of a label is 2·TP / (2·TP + FP + FN). A gold label that is never answered
    scores 0. One that is not in the gold answers is left out: its F1 is 0 if it is
    answered and 0/0 if not, so one stray answer would cost as much as a whole label.
    The stray answer still counts, as a miss of the label that was right.

    Args:
        confusion: as `confusion_matrix` gives it.
    """
    hits, gold = np.diag(confusion), confusion.sum(axis=1)
    answered = confusion.sum(axis=0)[:-1]
    there = gold > 0
    return float((2 * hits[there] / (gold + answered)[there]).mean())


def expected_calibration_error(confidences: Floats, correct: Bools) -> float:
    """ECE of Naeini et al. (2015), over the chosen label as in Guo et al. (2017).

    Σ_b n_b/n · |accuracy_b - mean confidence_b| over the bins ((b - 1)/15, b/15].
    Chance alone makes it positive: compare it with `ece_floor`.

    Args:
        confidences: (n,) probabilities of the chosen labels.
        correct: (n,) whether the chosen label is the gold one.
    """
    inner = np.arange(1, BINS) / BINS
    place = np.searchsorted(inner, confidences, side="left")
    gaps = np.bincount(place, weights=correct - confidences, minlength=BINS)
    return float(np.abs(gaps).sum()) / len(confidences)


def ece_floor(confidences: Floats) -> float:
    """The mean ECE of a perfectly calibrated model that has these confidences.

    Whether each item is right is drawn `DRAWS` times with its confidence as
    probability, from a fixed seed. In a bin of m items, the accuracy misses the mean
    confidence by about 1/√m, and its absolute value does not average out: the floor
    falls as 1/√n and rises with the number of bins in use.
    """
    rng = np.random.default_rng(0)
    draws = (rng.random(len(confidences)) < confidences for _ in range(DRAWS))
    return float(np.mean([expected_calibration_error(confidences, d) for d in draws]))


def brier_score(probabilities: Floats, golds: Counts) -> float:
    """Mean squared distance from the right answer, summed over labels (Brier 1950).

    In [0, 2]; guessing uniformly scores 1 - 1/k.

    Args:
        probabilities: (n, k).
        golds: (n,) columns of the gold labels.
    """
    off = probabilities.copy()
    off[np.arange(len(off)), golds] -= 1
    return float((off**2).sum(axis=1).mean())


class _Given(NamedTuple):
    """What `diagnose` computes with; answers and scores by reading."""

    labels: list[str]
    golds: list[str]
    answers: dict[str, list[str | None]]
    scores: dict[str, Floats]


def _read(predictions: pd.DataFrame, task: Task) -> _Given:
    """The predictions, checked and calibrated."""
    if task.kind != "classification":
        raise StudyError(
            f"{task.name} is a {task.kind} task", expected="a classification task"
        )
    labels = list(task.answers)
    columns = [f"score_{label}" for label in labels]
    missing = {"gold", "strict", "choice", *columns} - set(predictions.columns)
    if missing or predictions.empty:
        raise DataError(
            f"predictions without {', '.join(sorted(missing)) or 'rows'}",
            where=task.name,
            expected="the predictions of a classification task, as evaluate keeps them",
        )
    scores = predictions[columns].to_numpy(dtype=np.float64)
    calibrated = batch_calibrated(scores)
    best = calibrated.argmax(axis=1)  # of equals the first, as for `choice`
    answers = {
        "strict": _texts(predictions["strict"]),
        "choice": _texts(predictions["choice"]),
        "calibrated": [labels[i] for i in best],
    }
    if None in answers["choice"]:
        raise DataError(
            "a choice is missing",
            where=f"{task.name}, row {answers['choice'].index(None)}",
        )
    golds = [str(gold) for gold in predictions["gold"]]
    return _Given(labels, golds, answers, {"choice": scores, "calibrated": calibrated})


def _texts(column: pd.Series) -> list[str | None]:
    absent = column.isna()
    return [None if gap else str(v) for v, gap in zip(column, absent, strict=True)]


def _confusion(given: _Given, reading: str) -> Counts:
    return confusion_matrix(given.golds, given.answers[reading], given.labels)


def _calibration(scores: Floats, given: _Given) -> dict[str, float]:
    from scipy.special import softmax

    probabilities = softmax(scores, axis=1)
    golds = np.array([given.labels.index(gold) for gold in given.golds])
    confidences = probabilities.max(axis=1)
    correct = probabilities.argmax(axis=1) == golds
    return {
        "ece": expected_calibration_error(confidences, correct),
        "ece_floor": ece_floor(confidences),
        "brier": brier_score(probabilities, golds),
    }
