"""Scores of lm-evaluation-harness and lighteval, as rows of `evaluations`."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from spillover.analysis.uncertainty import Interval, wilson
from spillover.errors import DataError
from spillover.exchange.codes import HOLE, told
from spillover.pipeline.collect import EVALUATIONS, tidy
from spillover.study import OWN_PROMPT

if TYPE_CHECKING:
    import pandas as pd

SHOWN = 10
Z = 1.96
"""Standard errors on either side, in an interval at 95 %."""
T = TypeVar("T")


class Exported(BaseModel):
    """What the export writes into a task's metadata: what the task is here.

    Attributes:
        task: the task.
        language: its language.
        prompt: the prompt's name.
        metrics: lm-eval's metric -> ours.
        n_expected: how many items the study asked for.
    """

    task: str
    language: str
    prompt: str
    metrics: dict[str, str]
    n_expected: int


class Metadata(BaseModel):
    """The metadata of a task of lm-eval, as far as it is written and read here."""

    version: Any = 1
    spillover: Exported | None = None


class _Config(BaseModel):
    metadata: Metadata | list[Any] | str | float | None = None


class _File(BaseModel):
    """Either tool's results file, as far as it is read."""

    model_config = ConfigDict(protected_namespaces=())

    results: dict[str, dict[str, Any]]


class _LmEval(_File):
    groups: dict[str, Any] = {}
    configs: dict[str, _Config] = {}
    counts: dict[str, dict[str, int]] = Field(default={}, alias="n-samples")
    config: dict[str, Any] = {}
    model_name: str | None = None


class _Lighteval(_File):
    general: dict[str, Any] = Field(alias="config_general")
    configs: dict[str, dict[str, Any]] = Field(default={}, alias="config_tasks")


@dataclass(frozen=True)
class Result:
    """What one file says of one task.

    Attributes:
        file: the file.
        model: the model's name.
        name: the task's, without lighteval's suite and number of shots.
        values: what it says, metrics and their standard errors among it.
        n: items it rests on; None where the file does not say.
        n_expected: items there are; likewise.
        average: whether it is a mean over other results.
        exported: what the task is here, if it came from here.
    """

    file: Path
    model: str
    name: str
    values: Mapping[str, Any]
    n: int | None
    n_expected: int | None
    average: bool
    exported: Exported | None = None


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
        patterns: which results to read, as `exchange.codes.told` takes them. None: all,
            and every name must end in a language.
        model: what to call the model; None: as the files do.

    Raises:
        DataError: a file of another form, a name that tells no language, a pattern that
            fits no name, or two results for one task and language.
        StudyError: a pattern of another form.
    """
    results = [result for path in _files(paths) for result in _read(path)]
    for pattern in patterns:
        if not any(told(result.name, [pattern]) for result in results):
            names = _listed(result.name for result in results)
            raise DataError(f"no result fits {pattern}", fix=f"there are {names}")
    rows: dict[tuple[str, ...], dict[str, Any]] = {}
    taken: dict[tuple[str, ...], Result] = {}
    untold = []
    for result in results:
        place = _place(result, patterns)
        if place is None:
            untold += [] if result.average or patterns else [result.name]
            continue
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


def read_json(path: Path, form: type[T]) -> T:
    """A JSON file of a form that pydantic can check.

    Raises:
        DataError: the file is missing, or of another form.
    """
    try:
        return TypeAdapter(form).validate_json(path.read_bytes())
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=path) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(
            f"not of the expected form ({place}{place and ': '}{first['msg']})",
            where=path,
        ) from error


def _read(path: Path) -> Iterator[Result]:
    raw = read_json(path, dict[str, Any])
    if not raw.get("results"):
        raise DataError(
            "no results",
            where=path,
            expected="a results file of lm-evaluation-harness or lighteval",
        )
    if "config_general" in raw:
        yield from _lighteval(path, read_json(path, _Lighteval))
    else:
        yield from _lm_eval(path, read_json(path, _LmEval))


def _lm_eval(path: Path, raw: _LmEval) -> Iterator[Result]:
    arguments = raw.config.get("model_args") or {}
    if isinstance(arguments, str):
        pairs = (part.partition("=") for part in arguments.split(","))
        arguments = {key.strip(): value.strip() for key, _, value in pairs}
    # As tables call a model: with its adapter, and without their folders.
    base = raw.model_name or arguments.get("pretrained") or "unknown"
    parts = [base, arguments["peft"]] if arguments.get("peft") else [base]
    model = "+".join(Path(part).name for part in parts)
    for name, values in raw.results.items():
        metadata = raw.configs.get(name, _Config()).metadata
        exported = metadata.spillover if isinstance(metadata, Metadata) else None
        counts = raw.counts.get(name, {})
        yield Result(
            path,
            model,
            name,
            values,
            counts.get("effective", values.get("sample_len")),
            exported.n_expected if exported else counts.get("original"),
            name in raw.groups,
            exported,
        )


def _lighteval(path: Path, raw: _Lighteval) -> Iterator[Result]:
    named = {**raw.general, **(raw.general.get("model_config") or {})}.get("model_name")
    for key, values in raw.results.items():
        # suite|task|shots, and in later versions task|shots
        parts = key.split("|")
        name = parts[1] if len(parts) > 2 else parts[0]
        config = raw.configs.get(key) or raw.configs.get(key.rpartition("|")[0]) or {}
        counts = [config.get("effective_num_docs"), config.get("original_num_docs")]
        n, original = (None if count == -1 else count for count in counts)
        yield Result(
            path,
            Path(named or "unknown").name,
            name.removesuffix(":_average"),
            values,
            n,
            original,
            name == "all" or name.endswith(":_average"),
        )


def _place(result: Result, patterns: Sequence[str]) -> tuple[str, str] | None:
    if result.exported and not patterns:
        return result.exported.task, result.exported.language
    return told(result.name, patterns)


def _rows(result: Result, task: str, language: str) -> Iterator[dict[str, Any]]:
    exported = result.exported
    for key, value in result.values.items():
        metric, comma, filter = key.partition(",")
        if metric.endswith("_stderr") or metric == "sample_len":
            continue
        if isinstance(value, bool) or not isinstance(value, int | float):
            continue
        error = result.values.get(f"{metric}_stderr{comma}{filter}")
        low, high = _interval(value, error, result.n)
        name = metric if filter in ("", "none") else key
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


def _interval(
    value: float, error: object, n: int | None
) -> Interval | tuple[None, None]:
    if not isinstance(error, int | float) or not math.isfinite(error):
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


def _listed(names: Iterable[str]) -> str:
    first, *rest = [*dict.fromkeys(names)]
    shown = [first, *rest[: SHOWN - 1]]
    more = len(rest) + 1 - len(shown)
    return ", ".join(shown) + (f" and {more} more" if more else "")
