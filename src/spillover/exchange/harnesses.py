"""Results files of lm-evaluation-harness and of lighteval."""

from __future__ import annotations

import json
import math
import re
from codecs import BOM_UTF8
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    TypeAdapter,
    ValidationError,
    model_validator,
)

from spillover.data.formats import once
from spillover.errors import DataError

ADDRESS = re.compile(" at 0x[0-9a-f]+")  # of a function, in lighteval's metrics' names
MOST = 10**300  # an integer of more digits is no float
T = TypeVar("T")
Scores = Mapping[str, tuple[float, float | None]]
"""Metric -> value and standard error."""


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

    @model_validator(mode="before")
    @classmethod
    def _null_is_left_out(cls, value: object) -> object:
        return _without_nulls(value)


class _LmEval(_File):
    groups: dict[str, Any] = {}
    configs: dict[str, _Config] = {}
    counts: dict[str, dict[str, int]] = Field(default={}, alias="n-samples")
    shots: dict[str, int] = Field(default={}, alias="n-shot")
    config: dict[str, Any] = {}
    model_name: str | None = None


class _Lighteval(_File):
    general: dict[str, Any] = Field(default={}, alias="config_general")
    configs: dict[str, Any] = Field(default={}, alias="config_tasks")


@dataclass(frozen=True)
class Result:
    """What one file says of one task.

    Attributes:
        file: the file.
        model: the model's name.
        name: the task's, without lighteval's suite and number of shots.
        shots: solved examples in the prompt; None where the file does not say.
        scores: what it says in numbers.
        n: items it rests on; None where the file does not say.
        n_expected: items there are; likewise.
        average: whether it is a mean over other results.
        exported: what the task is here, if it came from here.
    """

    file: Path
    model: str
    name: str
    shots: int | None
    scores: Scores
    n: int | None
    n_expected: int | None
    average: bool
    exported: Exported | None = None


def read_json(path: Path, form: type[T]) -> T:
    """A JSON file of a form that pydantic can check.

    Raises:
        DataError: the file is missing, says one thing twice, or is of another form.
    """
    try:
        raw = path.read_bytes().removeprefix(BOM_UTF8)
        found = TypeAdapter(form).validate_json(raw)
        json.loads(raw, object_pairs_hook=once)  # pydantic takes the last of two keys
        return found
    except OSError as error:
        raise DataError(f"cannot be read ({error.strerror})", where=path) from error
    except ValidationError as error:
        first = error.errors()[0]
        place = ".".join(map(str, first["loc"]))
        raise DataError(
            f"not of the expected form ({place}{place and ': '}{first['msg']})",
            where=path,
        ) from error
    except ValueError as error:  # of which the former is one
        raise DataError(f"not of the expected form ({error})", where=path) from error


def _without_nulls(value: object) -> object:
    if not isinstance(value, dict):
        return value
    there = {key: part for key, part in value.items() if part is not None}
    return {key: _without_nulls(part) for key, part in there.items()}


def harness_results(path: Path) -> list[Result]:
    """What a results file of either tool says, without what is no number.

    Raises:
        DataError: a file of another form, or without a number.
    """
    raw = read_json(path, dict[str, Any])
    if not raw.get("results"):
        raise DataError(
            "no results",
            where=path,
            expected="a results file of lm-evaluation-harness or lighteval",
        )
    if "config_general" in raw:
        found = [*_lighteval(path, read_json(path, _Lighteval))]
    else:
        found = [*_lm_eval(path, read_json(path, _LmEval))]
    # A group of lm-eval that is no mean has its name there and nothing else.
    results = [result for result in found if result.scores]
    if not results:
        raise DataError("no result is a number", where=path)
    return results


def _lm_eval(path: Path, raw: _LmEval) -> Iterator[Result]:
    arguments = raw.config.get("model_args")
    if isinstance(arguments, str):
        pairs = (part.partition("=") for part in arguments.split(","))
        arguments = {key.strip(): value.strip() for key, _, value in pairs}
    arguments = arguments if isinstance(arguments, dict) else {}
    # `model_name` is the adapter's where there is one.
    base = arguments.get("pretrained") or raw.model_name
    model = _named(base, arguments.get("peft") or arguments.get("delta"))
    for name, values in raw.results.items():
        metadata = raw.configs.get(name, _Config()).metadata
        exported = metadata.spillover if isinstance(metadata, Metadata) else None
        counts = raw.counts.get(name, {})
        length = _whole(values.get("sample_len"))
        yield Result(
            path,
            model,
            name,
            raw.shots.get(name),
            _lm_eval_scores(values),
            counts.get("effective", length),
            exported.n_expected if exported else counts.get("original"),
            name in raw.groups,
            exported,
        )


def _lm_eval_scores(values: Mapping[str, Any]) -> Scores:
    """Keys are `metric,filter`, and `metric_stderr,filter`."""
    found = {}
    for key, value in _numbers(values).items():
        metric, comma, filter = key.partition(",")
        if not metric.endswith("_stderr") and metric != "sample_len":
            error = _number(values.get(f"{metric}_stderr{comma}{filter}"))
            found[metric if filter in ("", "none") else key] = (value, error)
    return found


def _lighteval(path: Path, raw: _Lighteval) -> Iterator[Result]:
    model = raw.general.get("model_config")
    said = raw.general | (model if isinstance(model, dict) else {})
    for key, values in raw.results.items():
        # suite|task|shots, and in later versions task|shots
        start, _, shots = key.rpartition("|")
        name = start.rpartition("|")[2] or key
        config = raw.configs.get(key) or raw.configs.get(start)
        config = config if isinstance(config, dict) else {}  # some are written as text
        counts = [config.get("effective_num_docs"), config.get("original_num_docs")]
        n, original = map(_whole, counts)  # -1 where it is not known
        average = name.endswith(":_average")
        if average:
            whole = start.removesuffix("_average")
            parts = [
                part
                for other, part in raw.results.items()
                if other.startswith(whole) and other.endswith(f"|{shots}")
            ]
            values = _mean(values, [part for part in parts if part is not values])
        yield Result(
            path,
            _named(said.get("base_model"), said.get("model_name")),
            name.removesuffix(":_average"),
            int(shots) if shots.isdecimal() and len(shots) < 4 else None,
            _lighteval_scores(values),
            n,
            original,
            average or name == "all",
        )


def _lighteval_scores(values: Mapping[str, Any]) -> Scores:
    """Keys are `metric` and `metric_stderr`; a metric's name may hold anything."""
    return {
        ADDRESS.sub("", key): (value, _number(values.get(f"{key}_stderr")))
        for key, value in _numbers(values).items()
        if not key.endswith("_stderr")
    }


def _mean(values: Mapping[str, Any], parts: list[dict[str, Any]]) -> dict[str, Any]:
    """A mean of k results with its own standard error: sqrt(sum of squares) / k.

    lighteval averages the standard errors too, as if the k had one sample.
    """
    result = {**values}
    for key in values:
        if key.endswith("_stderr"):
            errors = [_number(part.get(key)) for part in parts]
            known = [error for error in errors if error is not None]
            whole = known and len(known) == len(errors)
            result[key] = math.hypot(*known) / len(known) if whole else None
    return result


def _numbers(values: Mapping[str, Any]) -> dict[str, float]:
    numbers = {key: _number(value) for key, value in values.items()}
    return {key: number for key, number in numbers.items() if number is not None}


def _number(value: object) -> float | None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return float(value) if abs(value) < MOST else None  # nor is NaN a number


def _whole(value: object) -> int | None:
    """A count; None for what is none."""
    number = _number(value)
    return int(number) if number is not None and number >= 0 else None


def _named(*parts: object) -> str:
    """As tables call a model: with its adapter, and without their folders."""
    return "+".join(Path(str(part)).name for part in parts if part) or "unknown"
