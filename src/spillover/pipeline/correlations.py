"""Score after tuning against similarity before: the tidy tables behind Table 3."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spillover.analysis.controls import controls as language_controls
from spillover.analysis.controls import partial_correlation
from spillover.analysis.correlation import Correlation, correlate_places
from spillover.analysis.permutation import STATISTICS, Floats, Statistic
from spillover.analysis.pooled import pool
from spillover.analysis.uncertainty import correlation_interval, resampled_means
from spillover.data.corpus import AlignedCorpus
from spillover.data.task import OWN_PROMPT
from spillover.errors import DataError
from spillover.languages import PIVOT
from spillover.pipeline.collect import Outcomes, tidy
from spillover.pipeline.plan import Step

if TYPE_CHECKING:
    import pandas as pd

MEASURES = (
    "parallel", "gap", "mexa", "p1_forward", "csls", "centred_parallel",
    "whitened_parallel", "cka_debiased", "anc",
)  # fmt: skip
"""What of `similarities` is correlated; Table 3 is of the first."""

CORRELATIONS = [
    "model", "seed", "task", "metric", "corpus", "pooling", "layer", "measure",
    "statistic", "value", "low", "high", "reliability", "p_t", "p_exact", "p_error",
    "p_min", "p_family", "family", "without_low", "without_high", "n", "languages",
    "reason",
]  # fmt: skip
CONTROLS = [
    "model", "seed", "task", "metric", "corpus", "pooling", "layer", "control", "value",
    "n", "reason",
]  # fmt: skip
POOLED = [
    "model", "metric", "corpus", "pooling", "layer", "statistic", "value", "p",
    "p_error", "p_min", "without_low", "without_high", "n_languages", "n_strata",
    "strata",
]  # fmt: skip

Place = tuple[str, int]
"""Pooling and layer."""


@dataclass(frozen=True)
class Scored:
    """A task's scores after tuning with one seed, by one metric.

    Attributes:
        task: the task.
        seed: of the training; None: the mean over several.
        metric: the metric.
        scores: language -> mean score; English too.
        draws: language -> bootstrap replicates of it.
    """

    task: str
    seed: int | None
    metric: str
    scores: Mapping[str, float]
    draws: Mapping[str, Floats]


def scored(found: Outcomes) -> list[Scored]:
    """The scores after tuning, with the task's own prompt, of each seed."""
    groups: dict[tuple[str, int | None], list[Step]] = defaultdict(list)
    for step in found.evaluated:
        if step.tuned_on is not None and step.prompt == OWN_PROMPT:
            groups[step.name, step.seed].append(step)
    result = []
    for (task, seed), steps in groups.items():
        for metric in found.metrics(steps[0]):
            items = {}
            for step in steps:
                rows = found.evaluated[step]
                pairs = zip(rows["id"], rows[metric].astype(float), strict=True)
                items[str(step.language)] = dict(pairs)
            means = {code: _mean([*s.values()]) for code, s in items.items()}
            draws = resampled_means(items)
            result.append(Scored(task, seed, metric, means, draws))
    return result


def _mean(values: Sequence[float]) -> float:
    """Rounded, for sums of the same items in another order must tie."""
    return round(float(np.mean(values)), 12)


def _with_means(scores: Sequence[Scored]) -> list[Scored]:
    """The scores of each seed, and, of several, their mean over the seeds."""
    groups: dict[tuple[str, str], list[Scored]] = defaultdict(list)
    for score in scores:
        groups[score.task, score.metric].append(score)
    result = list(scores)
    for (task, metric), parts in groups.items():
        if len(parts) > 1:
            codes = parts[0].scores
            means = {c: _mean([p.scores[c] for p in parts]) for c in codes}
            draws = {
                c: np.mean([p.draws[c] for p in parts], axis=0).round(12) for c in codes
            }
            result.append(Scored(task, None, metric, means, draws))
    return result


def correlations(found: Outcomes, scores: Sequence[Scored]) -> pd.DataFrame:
    """Each task's score after tuning against each measure of similarity before.

    Over the non-English languages that the task and the corpus have in common by their
    own statement; one of them without a value is an error. A family, for `p_family`,
    is all poolings and layers of one corpus and measure. The interval is for the
    cosines alone. Of several seeds there is also the correlation of the mean score,
    whose seed is missing.
    """
    rows: list[dict[str, Any]] = []
    for score in _with_means(scores):
        for corpus, steps in _before(found).items():
            languages = _common(found, score.task, corpus, score.scores, steps)
            means = {code: score.scores[code] for code in languages}
            head = {
                "model": found.study.model.name,
                "seed": score.seed,
                "task": score.task,
                "metric": score.metric,
                "corpus": corpus,
            }
            for measure, statistic in _kinds():
                places = _places(found, steps, languages, measure)
                if not places:
                    continue
                many = correlate_places(means, [*places.values()], statistic)
                for (place, values), one in zip(places.items(), many, strict=True):
                    rows.append(
                        head
                        | {"pooling": place[0], "layer": place[1], "measure": measure}
                        | one.row(len(many))
                        | _interval(found, score, steps, place, values, measure, one)
                    )
    return tidy(rows, CORRELATIONS)


def controls(found: Outcomes, scores: Sequence[Scored], tokenizer: Any) -> pd.DataFrame:
    """Spearman's ρ with the parallel cosine, given what else may explain it.

    Args:
        found: the finished steps.
        scores: as `scored` gives them.
        tokenizer: the model's.
    """
    given = {
        name: language_controls(corpus.sentences, _tokens(corpus, tokenizer))
        for name, corpus in found.inputs.corpora.items()
    }
    rows = []
    for score in _with_means(scores):
        for corpus, steps in _before(found).items():
            languages = _common(found, score.task, corpus, score.scores, steps)
            for place, values in _places(found, steps, languages, "parallel").items():
                for control, by_language in given[corpus].items():
                    partial = partial_correlation(
                        {code: score.scores[code] for code in languages},
                        values,
                        {code: by_language[code] for code in languages},
                    )
                    rows.append(
                        {
                            "model": found.study.model.name,
                            "seed": score.seed,
                            "task": score.task,
                            "metric": score.metric,
                            "corpus": corpus,
                            "pooling": place[0],
                            "layer": place[1],
                            "control": control,
                            "value": partial.value,
                            "n": partial.n,
                            "reason": partial.reason,
                        }
                    )
    return tidy(rows, CONTROLS)


def _tokens(corpus: AlignedCorpus, tokenizer: Any) -> dict[str, int]:
    """How many tokens the sentences of each language are."""
    return {
        code: sum(map(len, tokenizer([*texts], add_special_tokens=False).input_ids))
        for code, texts in corpus.sentences.items()
    }


def pooled(found: Outcomes, scores: Sequence[Scored]) -> pd.DataFrame:
    """The correlations of all tasks and seeds as one, by their headline metrics."""
    rows = []
    headline = {
        name: found.study.metric(data.task) for name, data in found.inputs.tasks.items()
    }
    chosen = [s for s in scores if s.metric == headline[s.task]]
    for corpus, steps in _before(found).items():
        strata: dict[Place, list[Any]] = defaultdict(list)
        names: dict[Place, list[str]] = defaultdict(list)
        for score in chosen:
            languages = _common(found, score.task, corpus, score.scores, steps)
            means = {code: score.scores[code] for code in languages}
            for place, values in _places(found, steps, languages, "parallel").items():
                sides = means.values(), values.values()
                if len(languages) < 3 or any(len(set(side)) < 2 for side in sides):
                    continue
                strata[place].append((means, values))
                names[place].append(f"{score.task} seed {score.seed}")
        for place, parts in strata.items():
            for statistic in STATISTICS:
                rows.append(
                    {
                        "model": found.study.model.name,
                        "metric": "headline",
                        "corpus": corpus,
                        "pooling": place[0],
                        "layer": place[1],
                        "strata": ", ".join(names[place]),
                    }
                    | pool(parts, statistic).row()
                )
    return tidy(rows, POOLED)


def _kinds() -> Iterator[tuple[str, Statistic]]:
    """All coefficients of the first measure, Spearman's of the others."""
    for measure in MEASURES:
        for statistic in STATISTICS if measure == MEASURES[0] else STATISTICS[:1]:
            yield measure, statistic


def _before(found: Outcomes) -> dict[str, dict[str, Step]]:
    """corpus -> language -> the comparison before tuning."""
    steps: dict[str, dict[str, Step]] = defaultdict(dict)
    for step in found.compared:
        if step.tuned_on is None:
            steps[step.name][str(step.language)] = step
    return steps


def _common(
    found: Outcomes,
    task: str,
    corpus: str,
    scores: Mapping[str, float],
    steps: Mapping[str, Step],
) -> list[str]:
    """The languages to correlate over, in the study's order.

    Raises:
        DataError: one has no score or no similarity, though task and corpus have it.
    """
    both = [
        code
        for code in found.study.languages
        if code != PIVOT
        and code in found.inputs.tasks[task].test
        and code in found.inputs.corpora[corpus].sentences
    ]
    for code in both:
        for name, side in ((task, scores), (corpus, steps)):
            if code not in side:
                raise DataError(f"nothing was measured in {code!r}", where=name)
    return both


def _places(
    found: Outcomes, steps: Mapping[str, Step], languages: Sequence[str], measure: str
) -> dict[Place, dict[str, float]]:
    """Pooling and layer -> language -> the measure; places that lack one left out."""
    places: dict[Place, dict[str, float]] = defaultdict(dict)
    for code in languages:
        for row in found.compared[steps[code]]:
            if row[measure] is not None:
                # Cosines of vectors that are all the same differ by rounding alone.
                value = round(row[measure], 12)
                places[row["pooling"], row["layer"]][code] = value
    return {
        place: values
        for place, values in places.items()
        if len(values) == len(languages)
    }


def _interval(
    found: Outcomes,
    score: Scored,
    steps: Mapping[str, Step],
    place: Place,
    values: Mapping[str, float],
    measure: str,
    one: Correlation,
) -> dict[str, Any]:
    """Interval and reliability of Spearman's ρ with a mean cosine or a gap."""
    ranked = one.statistic == "spearman" and measure in ("parallel", "gap")
    if not ranked or one.value is None:
        return {}
    replicates = []
    for code in values:
        parallel, random = found.draws[steps[code]][place].astype(np.float64)
        replicates.append(parallel if measure == "parallel" else parallel - random)
    # Items and sentences are resampled independently of each other: their replicates
    # are of the same seed where there are as many items as sentences, so one side is
    # put in another order.
    draws = np.array([score.draws[code] for code in values]).T
    result = correlation_interval(
        np.array([score.scores[code] for code in values]),
        np.array([*values.values()]),
        np.roll(draws, 1, axis=0),
        np.array(replicates).T,
    )
    low, high = result.interval
    return {"low": low, "high": high, "reliability": result.reliability}
