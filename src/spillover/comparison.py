"""Runs side by side, from their folders; the others are tested against the first."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import chain, combinations
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spillover import parquet, writing
from spillover.analysis import between
from spillover.analysis.between import Tuned
from spillover.analysis.pooled import Stratum, pool, varies
from spillover.analysis.verdict import Evidence
from spillover.data.task import OWN_PROMPT
from spillover.errors import DataError
from spillover.languages import PIVOT
from spillover.layout import file_of
from spillover.metrics import headline, is_rouge
from spillover.pipeline.collect import tidy
from spillover.pipeline.correlations import POOLED
from spillover.report import evidence, tables
from spillover.report import side_by_side as views
from spillover.report.panel import Panel
from spillover.results import Results
from spillover.several_runs import read_runs

if TYPE_CHECKING:
    import pandas as pd

Runs = Mapping[str, Results]


@dataclass(frozen=True)
class Comparison:
    """What runs have in common, and how they differ.

    Attributes:
        runs: name -> results, the baseline first.
        metrics: task -> metric, of the tasks that all runs have items of in common.
        settings: the keys of the studies and the versions that are not the same in all
            runs, one column a run, as text.
        items: one row a run, task and language: n, its items, and shared, those that
            all runs have.
        scores: before and after tuning, and transfer, on the shared items; see
            `analysis.between.scores`.
        differences: each run less the baseline; see `analysis.between.differences`.
        pooled: Spearman's ρ of all runs and tasks as one, a row a corpus, pooling and
            layer.
    """

    runs: Runs
    metrics: dict[str, str]
    settings: pd.DataFrame
    items: pd.DataFrame
    scores: pd.DataFrame
    differences: pd.DataFrame
    pooled: pd.DataFrame

    def panels(self) -> dict[str, list[Panel]]:
        """The same views of all runs, by the name of the file that holds them."""
        studies = [results.study for results in self.runs.values()]
        languages = [*dict.fromkeys(code for s in studies for code in s.languages)]
        similarities, correlations = {}, {}
        over: dict[Any, set[str]] = defaultdict(set)
        for name, results in self.runs.items():
            found = _tabled(results)
            before = found.similarities[found.similarities["tuned_on"].isna()]
            similarities[name] = tables.similarity_panels(before, languages, [])
            frame = found.correlations
            correlations[name] = tables.correlation_panels(frame, self.metrics)
            for place, part in frame.groupby(["task", "corpus", "pooling", "layer"]):
                over[place].update(part["languages"])
        differ = {place[0] for place, codes in over.items() if len(codes) > 1}
        caution = [
            f"{task}: not over the same languages"
            for task in self.metrics
            if task in differ
        ]
        if (self.items["n"] != self.items["shared"]).any():
            caution.append("each run's own, over all of its items and sentences")
        similar = "Mean cosine before tuning"
        correlated = "Score after tuning against similarity before"
        return {
            "settings": views.setting_panels(self.settings),
            "findings": views.verdict_panels(
                {name: results.findings() for name, results in self.runs.items()}
            ),
            "scores": [
                *views.item_panels(self.items),
                *views.score_panels(self.scores),
            ],
            "differences": views.difference_panels(self.differences),
            "similarities": views.side_by_side(similar, similarities),
            "correlations": [
                *views.side_by_side(correlated, correlations, caution),
                *evidence.pooled_panels(self.pooled),
            ],
        }

    def write(self, folder: Path) -> None:
        """Write `compare.html`, its panels in `tables` and tidy tables in `results`.

        Raises:
            OutputError: a file cannot be written.
        """
        from spillover.report import compare_page

        panels = self.panels()
        tables.write_tables(folder / "tables", panels)
        for name in ("settings", "items", "scores", "differences", "pooled"):
            text = getattr(self, name).to_csv(index=name == "settings")
            writing.replace(folder / "results" / f"{name}.csv", text)
        writing.replace(folder / "compare.html", compare_page.render(self.runs, panels))


def compare_runs(folders: Sequence[Path]) -> Comparison:
    """Compare the runs in these folders; the first is the baseline.

    Only what all of them have is compared: tasks, languages, and items by their ids.

    Raises:
        StudyError: fewer than two runs, or one of them twice.
        DataError: a folder holds no run; or the runs share no task, language or item,
            show other metrics of a task, or have other texts or gold answers under
            the same id.
    """
    import pandas as pd

    runs, settings = read_runs(folders)
    counted: list[dict[str, Any]] = []
    scores, differences, metrics = [], [], {}
    for task, languages in _shared(runs).items():
        place = {"task": task, "metric": _metric(runs, task)}
        found = _aligned(runs, task, languages, place["metric"], counted)
        if all(found.values()):
            scores.append(between.scores(found, PIVOT).assign(**place))
            certain = False if is_rouge(place["metric"]) else None
            frame = between.differences(found, PIVOT, right_or_wrong=certain)
            differences.append(frame.assign(**place))
            metrics[task] = place["metric"]
    if not metrics:
        raise DataError(
            "no item is in all runs", where=", ".join(runs), expected="the same items"
        )
    return Comparison(
        runs=runs,
        metrics=metrics,
        settings=settings,
        items=pd.DataFrame(counted),
        scores=pd.concat(scores, ignore_index=True),
        differences=pd.concat(differences, ignore_index=True),
        pooled=_pooled(runs, metrics),
    )


def _shared(runs: Runs) -> dict[str, list[str]]:
    """The tasks that all runs have, with the languages that all have of them."""
    each: list[dict[str, list[str]]] = []
    for results in runs.values():
        frame = results.evaluations
        after = frame[frame["tuned_on"] == frame["task"]]
        parts = after.groupby("task", sort=False)["language"]
        each.append({str(task): [*codes.unique()] for task, codes in parts})
    shared = {}
    for task, languages in each[0].items():
        common = [c for c in languages if all(c in e.get(task, []) for e in each)]
        if common:
            shared[task] = common
    if not shared:
        raise DataError(
            "no task is in all runs in the same language",
            where=", ".join(runs),
            expected="runs that share one: "
            + "; ".join(f"{n} has {', '.join(r.metrics)}" for n, r in runs.items()),
        )
    return shared


def _metric(runs: Runs, task: str) -> str:
    metrics = {name: results.metrics[task] for name, results in runs.items()}
    if len({*metrics.values()}) > 1:
        raise DataError(
            "runs with other metrics: "
            + ", ".join(f"{metric} in {name}" for name, metric in metrics.items()),
            where=task,
            expected="one metric",
            fix="run again with the same headline; finished steps are kept",
        )
    return next(iter(metrics.values()))


def _aligned(
    runs: Runs,
    task: str,
    languages: Sequence[str],
    metric: str,
    counted: list[dict[str, Any]],
) -> dict[str, dict[str, Tuned]]:
    """run -> language -> its scores of the items that all runs have.

    A language without such items is left out. How many items there are is added to
    `counted`.
    """
    found: dict[str, dict[str, Tuned]] = {name: {} for name in runs}
    for language in languages:
        states = {n: _states(r, task, language, metric) for n, r in runs.items()}
        ids = next(iter(states.values()))[0].index
        for state in chain(*states.values()):
            ids = ids[ids.isin(state.index)]
        for name, (before, *_) in states.items():
            place = {"run": name, "task": task, "language": language}
            counted.append(place | {"n": len(before), "shared": len(ids)})
        if ids.empty:
            continue
        _check_same_data(runs, states, task, language, ids)
        for name, (before, *after) in states.items():
            found[name][language] = Tuned(
                ids.tolist(),
                before.loc[ids, metric].to_numpy(np.float64),
                np.array([t.loc[ids, metric].to_numpy(np.float64) for t in after]),
            )
    return found


def _states(
    results: Results, task: str, language: str, metric: str
) -> list[pd.DataFrame]:
    """The predictions before tuning, and after it with each seed, by item."""
    study = results.study
    after = [(task, seed) for seed in study.training_seeds]
    states = []
    for tuned_on, seed in [(None, None), *after]:
        path = results.folder / file_of(study, task, language, tuned_on, seed)
        columns = ["id", "gold", "prompt", "cut", metric]
        states.append(parquet.read(path, columns).set_index("id"))
    return states


def _check_same_data(
    runs: Runs,
    states: Mapping[str, Sequence[pd.DataFrame]],
    task: str,
    language: str,
    ids: pd.Index,
) -> None:
    """Refuse items of the same id that are not the same.

    Texts stand in prompts, which are only the same where the templates are and nothing
    was added or cut.
    """
    for (first, ours), (other, theirs) in combinations(states.items(), 2):
        a, b = ours[0].loc[ids], theirs[0].loc[ids]
        differs = {"gold answer": a["gold"] != b["gold"]}
        templates = {_template(runs[name], task) for name in (first, other)}
        if len(templates) == 1 and None not in templates:
            differs["text"] = (a["prompt"] != b["prompt"]) & ~(a["cut"] | b["cut"])
        for what, rows in differs.items():
            if rows.any():
                raise DataError(
                    f"{rows.sum()} of {len(ids)} shared items have another {what} in "
                    f"{first} than in {other}, the first is {ids[rows][0]}",
                    where=f"{task} in {language!r}",
                    expected="runs on the same data",
                )


def _template(results: Results, task: str) -> str | None:
    """The template of a task; None where a model's chat template stands around it."""
    tasks = (use.resolve() for use in results.study.tasks)
    template = next(found.template for found in tasks if found.name == task)
    return None if results.study.chat else template


def _tabled(results: Results) -> Evidence:
    """What tables show; where all layers were looked at, the last as others name it."""
    found = results.evidence()
    if results.study.embed.layers != "all":
        return found
    return replace(
        found,
        similarities=found.similarities.assign(layer=-1),
        correlations=found.correlations.assign(layer=-1),
    )


def _pooled(runs: Runs, metrics: Mapping[str, str]) -> pd.DataFrame:
    """Score after tuning against similarity before, with runs and tasks as strata."""
    strata: dict[Any, dict[str, Stratum]] = defaultdict(dict)
    measured: Counter[Any] = Counter()
    for name, results in runs.items():
        for place, found in _strata(results, metrics):
            measured[place] += 1
            strata[place] |= {f"{name} {task}": part for task, part in found.items()}
    rows = []
    for place, parts in strata.items():
        if measured[place] < len(runs) or not parts:
            continue
        named = dict(zip(("corpus", "pooling", "layer"), place, strict=True))
        one = pool([*parts.values()]).row()
        rows.append(named | one | {"strata": ", ".join(parts)})
    return tidy(rows, [name for name in POOLED if name not in ("model", "metric")])


def _strata(
    results: Results, metrics: Mapping[str, str]
) -> Iterator[tuple[Any, dict[str, Stratum]]]:
    """For each corpus, pooling and layer the tasks that a correlation exists for."""
    frame = results.evaluations
    frame = frame[
        (frame["prompt"] == OWN_PROMPT) & (frame["tuned_on"] == frame["task"])
    ]
    frame = headline(frame, metrics)
    scores = frame.groupby(["task", "language"])["value"].mean()
    similarities = _tabled(results).similarities
    similarities = similarities[similarities["tuned_on"].isna()]
    places = similarities.groupby(["corpus", "pooling", "layer"], sort=False)
    for place, part in places:
        cosines = part.set_index("target")["parallel"].dropna()
        strata: dict[str, Stratum] = {}
        for task in metrics:
            score = scores[task]
            score = score[score.index.isin(cosines.index)]
            stratum = score.to_dict(), cosines[score.index].to_dict()
            if varies(stratum):
                strata[task] = stratum
        yield place, strata
