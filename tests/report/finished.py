"""Invented results as a run leaves them: decided, and in a folder."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import pandas as pd
import yaml
from invented import results as invented

from spillover.layout import file_of
from spillover.lint import to_frame
from spillover.lint.remark import Remark
from spillover.metrics import SAME_LENGTH
from spillover.pipeline import collect, correlations
from spillover.pipeline.collect import tidy
from spillover.results import Results
from spillover.study import Study

Decided = Mapping[tuple[str, str], str]
"""Task and language -> `up`, `above` (up, and above the best constant answer, or at the
same length too), `down` or `same`."""

CHANGES = {"up": 0.1, "above": 0.3, "down": -0.2, "same": 0.01}
CONSTANT = 0.6


def decided(made: Results, of: Decided, *, differ: int | None = None) -> Results:
    """The results with these decisions, and `same` where nothing is said.

    Args:
        made: from `invented.results`.
        of: what is to be decided.
        differ: a seed in which nothing changes.
    """
    compared, evaluated, constant, confused = [], [], [], []
    model = {"model": "invented", "prompt": "own"}
    for (task, code), how in _each(made, of):
        metric = made.metrics[task]
        head = model | {"task": task, "language": code}
        constant.append(
            head | {"measure": "baseline_majority", "value": CONSTANT, "n": 100}
        )
        for seed in made.study.training_seeds:
            sure = how != "same" and seed != differ
            change = CHANGES[how if sure else "same"]
            numbers = {"before": 0.5, "after": 0.5 + change, "difference": change}
            test = {"p_holm": 0.001 if sure else 0.7, "n": 100, "detectable": 0.12}
            test |= {"low": change - 0.05, "high": change + 0.05}
            test |= {"test": "exact McNemar"}
            compared.append(head | {"seed": seed, "metric": metric} | numbers | test)
            if made.kinds[task] == "generation":
                cut = test | {"p_holm": 0.001 if sure and how != "up" else 0.7}
                name = {"seed": seed, "metric": f"{metric}{SAME_LENGTH}"}
                compared.append(head | name | numbers | cut)
            state = {"tuned_on": task, "seed": seed, "metric": metric, "n": 100}
            state |= {"value": 0.5 + change, "n_expected": 100}
            state |= {"low": 0.45 + change, "high": 0.55 + change}
            evaluated.append(head | state)
            if made.kinds[task] == "classification":
                right = (57, 27) if sure and how == "above" else (40, 10)
                place = {"tuned_on": task, "seed": seed, "reading": "strict"}
                confused += [head | place | cell for cell in _cells(made, task, right)]
    return replace(
        made,
        comparisons=tidy(compared, collect.COMPARISONS),
        evaluations=tidy(evaluated, collect.EVALUATIONS),
        diagnostics=tidy(constant, collect.DIAGNOSTICS),
        confusions=tidy(confused, collect.CONFUSIONS),
    )


def _cells(made: Results, task: str, right: tuple[int, int]) -> Any:
    """So many of 60 items of the first label, and of 40 of the second, are right."""
    [answers] = [
        u.resolve().answers for u in made.study.tasks if u.resolve().name == task
    ]
    first, second, *_ = answers
    for gold, other, n, hits in (
        (first, second, 60, right[0]),
        (second, first, 40, right[1]),
    ):
        yield {"gold": gold, "answer": gold, "n": hits}
        yield {"gold": gold, "answer": other, "n": n - hits}


def _each(made: Results, of: Decided) -> Any:
    for task in made.metrics:
        for code in made.study.languages:
            yield (task, code), of.get((task, code), "same")


def ranked(made: Results, p: Mapping[str, float], rho: float = 0.9) -> Results:
    """The results with this ρ and this adjusted p of each task's correlations."""
    frame = made.correlations
    value = frame["value"].where(frame["value"].isna(), rho)
    low, high = sorted((rho / 2, math.copysign(1, rho)))
    p_family = frame["task"].map(p)
    told = frame.assign(value=value, low=low, high=high, p_family=p_family, family=2)
    return replace(made, correlations=told)


def finished(
    folder: Path, *, rows: int = 3, text: str = "Is it good?", **of: Any
) -> Results:
    """Results in a folder as a run leaves it.

    Args:
        folder: where `study.yaml`, `versions.json` and predictions are written.
        rows: how many predictions of each task and language.
        text: in every prompt, and in the reference of a generation task.
        of: as `invented.results` takes it.
    """
    made = invented(**of)
    changes = decided(made, {}).comparisons
    pooled = tidy([], correlations.POOLED)
    remarks = [Remark("note", "rows", "task opinions", "fr", "Three rows.", 3, 3, text)]
    made = replace(
        made, folder=folder, comparisons=changes, pooled=pooled, lint=to_frame(remarks)
    )
    folder.mkdir(parents=True, exist_ok=True)
    as_run = yaml.safe_dump(made.study.model_dump(mode="json", exclude_none=True))
    (folder / "study.yaml").write_text(as_run, encoding="utf-8")
    (folder / "versions.json").write_text(json.dumps({"spillover": "0.1.0"}))
    predict(made.study, folder, rows, text)
    return made


def predict(study: Study, folder: Path, rows: int, text: str) -> None:
    """Write predictions: before tuning no answer word, after it every second right."""
    for use in study.tasks:
        task = use.resolve()
        metric, labels = study.metric(task), [*task.answers]
        for code in study.languages:
            for tuned_on in (None, task.name):
                items = [
                    {
                        "id": f"{code}{place}",
                        "prompt": f"{text} ({code} {place})",
                        "gold": labels[0] if labels else text,
                        "text": f" {task.answers[labels[place % 2]]}"
                        if labels and tuned_on
                        else "\n",
                        "strict": labels[place % 2] if labels and tuned_on else None,
                        "choice": labels[0] if labels else None,
                        "calibrated": labels[1 - place % 2] if labels else None,
                        "cut": False,
                        metric: float(tuned_on is not None and place % 2 == 0),
                    }
                    for place in range(rows)
                ]
                for seed in study.training_seeds if tuned_on else [None]:
                    path = folder / file_of(study, task.name, code, tuned_on, seed)
                    path.parent.mkdir(parents=True, exist_ok=True)
                    pd.DataFrame(items).to_parquet(path, index=False)
