"""Scores of lm-evaluation-harness and lighteval, as rows of `evaluations`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spillover.analysis.uncertainty import Interval, wilson
from spillover.codes import HOLE, code_of, told
from spillover.data.task import OWN_PROMPT
from spillover.errors import DataError
from spillover.exchange.harnesses import Result, harness_results
from spillover.pipeline.collect import EVALUATIONS, tidy

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 10
Z = 1.96
"""Standard errors on either side, in an interval at 95 %."""


def read_scores(
    paths: Iterable[Path], patterns: Sequence[str] = (), model: str | None = None
) -> pd.DataFrame:
    """The scores in results files, as a run's `evaluations`.

    Tasks that were exported from here get their names and metrics back. An interval is
    Wilson's where the standard error shows that every item scores 0 or 1, else the
    normal one of the standard error.

    Args:
        paths: results files of either tool, or folders, whose `results_*.json` at any
            depth are read.
        patterns: which results to read, as `codes.told` takes them; empty: all,
            and every name must end in a language.
        model: what to call the model; None: as the files do.

    Raises:
        DataError: a file of another form or without a number, a name that tells no
            language, a pattern that fits no name, two results for one task and
            language, or one task with unlike numbers of shots.
        StudyError: a pattern of another form.
    """
    results = [result for path in _files(paths) for result in harness_results(path)]
    for pattern in patterns:
        if not any(_told(result, [pattern]) for result in results):
            names = _listed(result.name for result in results)
            raise DataError(f"no result fits {pattern}", fix=f"there are {names}")
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    taken: dict[tuple[str, ...], Result] = {}
    tasks: dict[tuple[str, str], Result] = {}
    untold = []
    for result in results:
        place = _place(result, patterns)
        if place is None:
            untold += [] if result.average or patterns else [result.name]
            continue
        if result.shots is not None:
            like = tasks.setdefault((model or result.model, place[0]), result)
            if like.shots != result.shots:
                raise _unlike(place[0], like, result)
        for row in _rows(result, *place):
            row["model"] = model or result.model
            key = tuple(row[name] for name in ("model", "task", "language", "metric"))
            key += (row["prompt"],)
            if key in rows:
                raise _twice(place, taken[key], result)
            rows[key], taken[key] = row, result
    if untold:
        raise DataError(
            f"these results do not tell their language: {_listed(untold)}",
            fix=f"name what to read, as --task 'global_mmlu_{HOLE}' or "
            "--task hellaswag=en",
        )
    return tidy([*rows.values()], EVALUATIONS)


def _files(paths: Iterable[Path]) -> Iterator[Path]:
    for path in paths:
        found = sorted(path.rglob("results_*.json")) if path.is_dir() else [path]
        if not found:
            raise DataError(
                "no results", where=path, expected="results_*.json in it, at any depth"
            )
        yield from found


def _told(result: Result, patterns: Sequence[str]) -> tuple[str, str] | None:
    """As `told`; a pattern may also say the number of shots, as `xnli_{language}|5`."""
    with_shots = f"{result.name}|{result.shots}"
    return told(result.name, patterns) or (
        told(with_shots, patterns) if patterns else None
    )


def _place(result: Result, patterns: Sequence[str]) -> tuple[str, str] | None:
    if result.exported and not patterns:
        return result.exported.task, result.exported.language
    return _told(result, patterns)


def _rows(result: Result, task: str, language: str) -> Iterator[dict[str, Any]]:
    exported = result.exported
    for metric, (value, error) in result.scores.items():
        name = metric if exported else _without_language(metric, language)
        low, high = _interval(value, error, result.n)
        yield {
            "task": task,
            "language": language,
            "prompt": exported.prompt if exported else OWN_PROMPT,
            "metric": exported.metrics.get(name, name) if exported else name,
            "value": value,
            "low": low,
            "high": high,
            "n": result.n,
            "n_expected": result.n_expected,
        }


def _without_language(metric: str, language: str) -> str:
    """lighteval has metrics that name the language of their task, as `f1_deu`."""
    first, *rest = metric.split("_")
    kept = [part for part in rest if len(part) != 3 or code_of(part) != language]
    return "_".join([first, *kept])


def _interval(
    value: float, error: float | None, n: int | None
) -> Interval | tuple[None, None]:
    if error is None or not math.isfinite(error) or error < 0:
        return None, None
    if error == 0 and not n:  # all items alike, and it is not said how many
        return None, None
    if n and n > 1 and 0 <= value <= 1:
        # Only scores of 0 and 1 vary as much as their mean allows.
        most = math.sqrt(value * (1 - value) / (n - 1))
        if math.isclose(error, most, rel_tol=1e-6, abs_tol=1e-12):
            return wilson(round(value * n), n)
    return Interval(value - Z * error, value + Z * error)


def _twice(place: tuple[str, str], first: Result, second: Result) -> DataError:
    task, language = place
    return DataError(
        f"two results for {task} in {language!r}: {first.name} ({first.file}) and "
        f"{second.name}",
        where=second.file,
        fix="leave one of the files out, or name what to read with --task",
    )


def _unlike(task: str, first: Result, second: Result) -> DataError:
    return DataError(
        f"{task} with {first.shots} examples in the prompt ({first.name}, "
        f"{first.file}) and with {second.shots} ({second.name})",
        where=second.file,
        fix="leave one out, or name what to read with the number, as --task "
        f"'xnli_{HOLE}|{first.shots}'",
    )


def _listed(names: Iterable[str]) -> str:
    first, *rest = [*dict.fromkeys(names)]
    shown = [first, *rest[: SHOWN - 1]]
    more = len(rest) + 1 - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
