"""Score after tuning against similarity before: the tidy tables behind Table 3."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from statistics import fmean
from typing import TYPE_CHECKING, Any

import numpy as np

from spillover.analysis.controls import controls as language_controls
from spillover.analysis.controls import partial_correlation
from spillover.analysis.correlation import adjusted_over_all, correlate_places
from spillover.analysis.correlation_interval import correlation_interval
from spillover.analysis.permutation import STATISTICS, Floats, Statistic
from spillover.analysis.pooled import Stratum, pool, varies
from spillover.analysis.uncertainty import resampled_means
from spillover.data.corpus import AlignedCorpus
from spillover.data.task import OWN_PROMPT
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
    "p_min", "p_family", "p_family_min", "family", "p_measures", "without_low",
    "without_high", "n", "languages", "reason",
]  # fmt: skip
CONTROLS = [
    "model", "seed", "task", "metric", "corpus", "pooling", "layer", "measure",
    "control", "value", "rho_score", "rho_similarity", "n", "reason",
]  # fmt: skip
POOLED = [
    "model", "metric", "corpus", "pooling", "layer", "statistic", "value", "p",
    "p_error", "p_min", "without_low", "without_high", "n_languages", "n_strata",
    "strata",
]  # fmt: skip

FEWEST = 8
"""Items of a language, and sentences, below which a bootstrap covers too little: in 4
of 30 samples of 4 items, and a sample of items that are all right shows no noise."""

Place = tuple[str, int]
"""Pooling and layer."""

Row = dict[str, Any]
"""Column -> value."""


@dataclass(frozen=True)
class Scored:
    """A task's scores after tuning with one seed, by one metric.

    Attributes:
        task: the task.
        seed: of the training; None: the mean over several.
        metric: the metric.
        scores: language -> mean score; English too.
        draws: language -> bootstrap replicates of it.
        fewest: items of a language.
    """

    task: str
    seed: int | None
    metric: str
    scores: Mapping[str, float]
    draws: Mapping[str, Floats]
    fewest: int


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
            means = {code: fmean(s.values()) for code, s in items.items()}
            draws = resampled_means(items)
            fewest = min(map(len, items.values()))
            result.append(Scored(task, seed, metric, means, draws, fewest))
    return result


def _with_means(scores: Sequence[Scored]) -> list[Scored]:
    """The scores of each seed, and, of several, their mean over the seeds."""
    groups: dict[tuple[str, str], list[Scored]] = defaultdict(list)
    for score in scores:
        groups[score.task, score.metric].append(score)
    result = list(scores)
    for (task, metric), parts in groups.items():
        if len(parts) > 1:
            codes = parts[0].scores
            means = {c: fmean(p.scores[c] for p in parts) for c in codes}
            fewest = parts[0].fewest
            draws = _draws_of_mean(parts)
            result.append(Scored(task, None, metric, means, draws, fewest))
    return result


def _draws_of_mean(parts: Sequence[Scored]) -> dict[str, Floats]:
    """Replicates of the mean over seeds: its items are samples, and so are trainings.

    What seeds differ by in all languages moves none past another. What is left is taken
    as normal and of one size in all languages, as a few seeds say little of each.
    """
    codes = [*parts[0].scores]
    scores = np.array([[part.scores[code] for code in codes] for part in parts])
    draws = np.array([[part.draws[code] for code in codes] for part in parts])
    others = np.array([code != PIVOT for code in codes])
    drawn = draws.mean(axis=0)
    if others.sum() > 1:
        # Seeds differ by what their items are a sample of, too, which is in the draws
        # already; resampling adds it to their variance once more, and so tells it.
        variance = _between_seeds(scores[:, others])
        again = _between_seeds(draws[:, others]).mean()
        size = math.sqrt(max(2 * variance - again, 0.0) / len(parts))
        drawn = drawn + np.random.default_rng(2).normal(0, size, drawn.shape)
    return dict(zip(codes, drawn, strict=True))


def _between_seeds(scores: Floats) -> Any:
    """Variance over seeds (axis 0) of a language (axis 1), less what all share."""
    left = scores - scores.mean(axis=1, keepdims=True)
    return left.var(axis=0, ddof=1).sum(axis=0) / (scores.shape[1] - 1)


@dataclass(frozen=True)
class _Pair:
    """A task's scores after tuning, and a corpus' similarities before it.

    Attributes:
        found: the finished steps.
        score: the scores.
        corpus: the corpus.
        steps: language -> the comparison before tuning.
        means: language -> score, of the languages to correlate over.
    """

    found: Outcomes
    score: Scored
    corpus: str
    steps: Mapping[str, Step]
    means: Mapping[str, float]

    @property
    def head(self) -> dict[str, Any]:
        """The first columns of a row."""
        return {
            "model": self.found.study.model.name,
            "seed": self.score.seed,
            "task": self.score.task,
            "metric": self.score.metric,
            "corpus": self.corpus,
        }

    def places(self, measure: str) -> dict[Place, dict[str, float]]:
        """Pooling and layer -> language -> the measure, where no language lacks it."""
        places: dict[Place, dict[str, float]] = defaultdict(dict)
        for code in self.means:
            for row in self.found.compared[self.steps[code]]:
                if row[measure] is not None:
                    # Gaps of equal vectors are rounding alone, beside any other.
                    value = round(row[measure], 12)
                    places[row["pooling"], row["layer"]][code] = value
        return {
            place: values
            for place, values in places.items()
            if len(values) == len(self.means)
        }

    def interval(
        self, place: Place, measure: str, values: Mapping[str, float]
    ) -> dict[str, Any]:
        """Interval and reliability of Spearman's ρ with a mean cosine or a gap."""
        sentences = self.found.inputs.corpora[self.corpus].n
        if min(self.score.fewest, sentences) < FEWEST:
            return {}
        replicates = []
        for code in self.means:
            parallel, random = self.found.draws[self.steps[code]][place].astype(float)
            replicates.append(parallel if measure == "parallel" else parallel - random)
        # Items and sentences are resampled independently of each other: their
        # replicates are of the same seed where there are as many items as sentences,
        # so one side is put in another order.
        draws = np.array([self.score.draws[code] for code in self.means]).T
        result = correlation_interval(
            np.array([*self.means.values()]),
            np.array([*values.values()]),
            np.roll(draws, 1, axis=0),
            np.array(replicates).T,
        )
        low, high = result.interval
        return {"low": low, "high": high, "reliability": result.reliability}


def _pairs(found: Outcomes, scores: Sequence[Scored]) -> Iterator[_Pair]:
    """Each task's scores with each corpus."""
    before: dict[str, dict[str, Step]] = defaultdict(dict)
    for step in found.compared:
        if step.tuned_on is None:
            before[step.name][str(step.language)] = step
    for score in scores:
        for corpus, steps in before.items():
            both = [
                code
                for code in found.study.languages
                if code != PIVOT
                and code in found.inputs.tasks[score.task].test
                and code in found.inputs.corpora[corpus].sentences
            ]
            means = {code: score.scores[code] for code in both}
            yield _Pair(found, score, corpus, steps, means)


def correlations(found: Outcomes, scores: Sequence[Scored]) -> pd.DataFrame:
    """Each task's score after tuning against each measure of similarity before.

    Over the non-English languages that the task and the corpus have in common. A
    family, for `p_family`, is all poolings and layers of one corpus and measure. The
    interval is for the cosines alone; `p_measures` is adjusted for all measures,
    too, and of Spearman's ρ alone. Of several seeds there is also the correlation of
    the mean score, whose seed is missing.
    """
    rows: list[Row] = []
    for pair in _pairs(found, _with_means(scores)):
        tested: list[list[tuple[Row, Mapping[str, float]]]] = []
        for measure, statistic in _kinds():
            made = _of_measure(pair, measure, statistic)
            rows += [row for row, _ in made]
            if statistic == "spearman":
                tested.append([each for each in made if each[0]["value"] is not None])
        _adjust(pair, [part for part in tested if part])
    return tidy(rows, CORRELATIONS)


def _of_measure(
    pair: _Pair, measure: str, statistic: Statistic
) -> list[tuple[Row, Mapping[str, float]]]:
    """A row of each pooling and layer, and the similarities that it is of."""
    places = pair.places(measure)
    if not places:
        return []
    many = correlate_places(pair.means, [*places.values()], statistic)
    with_interval = statistic == "spearman" and measure in ("parallel", "gap")
    made: list[tuple[Row, Mapping[str, float]]] = []
    for (place, values), one in zip(places.items(), many, strict=True):
        of = {"pooling": place[0], "layer": place[1], "measure": measure}
        row = pair.head | of | one.row(len(many))
        if with_interval and one.value is not None:
            row |= pair.interval(place, measure, values)
        made.append((row, values))
    return made


def _adjust(
    pair: _Pair, tested: Sequence[Sequence[tuple[Row, Mapping[str, float]]]]
) -> None:
    """Put into the rows, by measure, their p adjusted for all measures."""
    groups = [[values for _, values in part] for part in tested]
    adjusted = adjusted_over_all(pair.means, groups) if groups else []
    for part, each in zip(tested, adjusted, strict=True):
        for (row, _), p in zip(part, each, strict=True):
            row["p_measures"] = p


def controls(found: Outcomes, scores: Sequence[Scored], tokenizer: Any) -> pd.DataFrame:
    """Spearman's ρ with each measure of similarity, given what else may explain it.

    Besides what `spillover.analysis.controls.controls` tells of the corpus, that is
    `before`: the score before tuning, so that what is left is of the change.

    Args:
        found: the finished steps.
        scores: as `scored` gives them.
        tokenizer: the model's.
    """
    given = {
        name: language_controls(corpus.sentences, _tokens(corpus, tokenizer))
        for name, corpus in found.inputs.corpora.items()
    }
    before = _scores_before(found)
    rows = []
    for pair in _pairs(found, _with_means(scores)):
        score_before = before[pair.score.task, pair.score.metric]
        others = given[pair.corpus] | {"before": score_before}
        held = {
            control: {code: by_language[code] for code in pair.means}
            for control, by_language in others.items()
        }
        for measure in MEASURES:
            for (pooling, layer), values in pair.places(measure).items():
                of = {"pooling": pooling, "layer": layer, "measure": measure}
                for control, chosen in held.items():
                    partial = partial_correlation(pair.means, values, chosen)
                    row = pair.head | of | {"control": control}
                    rows.append(row | asdict(partial))
    return tidy(rows, CONTROLS)


def _scores_before(found: Outcomes) -> dict[tuple[str, str], dict[str, float]]:
    """Task and metric -> language -> the score before tuning, with its own prompt."""
    means: dict[tuple[str, str], dict[str, float]] = defaultdict(dict)
    for step, rows in found.evaluated.items():
        if step.tuned_on is None and step.prompt == OWN_PROMPT:
            for metric in found.metrics(step):
                mean = float(rows[metric].astype(float).mean())
                means[step.name, metric][str(step.language)] = mean
    return means


def _tokens(corpus: AlignedCorpus, tokenizer: Any) -> dict[str, int]:
    """How many tokens the sentences of each language are."""
    return {
        code: sum(map(len, tokenizer([*texts], add_special_tokens=False).input_ids))
        for code, texts in corpus.sentences.items()
    }


def pooled(found: Outcomes, scores: Sequence[Scored]) -> pd.DataFrame:
    """The correlations of all tasks and seeds as one, by their headline metrics."""
    headline = {
        name: found.study.metric(data.task) for name, data in found.inputs.tasks.items()
    }
    chosen = [s for s in scores if s.metric == headline[s.task]]
    strata: dict[tuple[str, Place], dict[str, Stratum]] = defaultdict(dict)
    for pair in _pairs(found, chosen):
        name = f"{pair.score.task} seed {pair.score.seed}"
        for place, values in pair.places("parallel").items():
            if varies((pair.means, values)):
                strata[pair.corpus, place][name] = pair.means, values
    rows = []
    for (corpus, (pooling, layer)), parts in strata.items():
        head = {
            "model": found.study.model.name,
            "metric": "headline",
            "corpus": corpus,
            "pooling": pooling,
            "layer": layer,
            "strata": ", ".join(parts),
        }
        for statistic in STATISTICS:
            rows.append(head | pool([*parts.values()], statistic).row())
    return tidy(rows, POOLED)


def _kinds() -> Iterator[tuple[str, Statistic]]:
    """All coefficients of the first measure, Spearman's of the others."""
    for measure in MEASURES:
        for statistic in STATISTICS if measure == MEASURES[0] else STATISTICS[:1]:
            yield measure, statistic
