"""From the results of steps to the tidy tables of a study.

Every table begins with the state of the model: model, tuned_on and seed, the last two
missing before tuning; comparisons, which are of two states, with model and seed.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spillover.analysis import answers, summaries
from spillover.analysis.alignment import mexa_over_layers
from spillover.analysis.distribution import EDGES
from spillover.analysis.uncertainty import (
    SAME,
    compare,
    holm,
    percentile,
    score_interval,
)
from spillover.languages import PIVOT
from spillover.metrics import SAME_LENGTH, is_rouge
from spillover.pipeline.plan import Prepared, Step
from spillover.pipeline.run import MEASURES, read_draws
from spillover.pipeline.store import readable
from spillover.rouge import rouge_at_same_length

if TYPE_CHECKING:
    import pandas as pd

STATE = ["model", "tuned_on", "seed"]
EVALUATIONS = [
    *STATE, "task", "language", "prompt", "metric", "value", "low", "high", "n",
    "n_expected", "placeholders", "cut",
]  # fmt: skip
COMPARISONS = [
    "model", "seed", "task", "language", "prompt", "metric", "before", "after",
    "difference", "low", "high", "p", "p_holm", "test", "n", "detectable",
]  # fmt: skip
SIMILARITIES = [
    *STATE, "corpus", "source", "target", "pooling", "layer", "parallel",
    "parallel_low", "parallel_high", "random", "random_low", "random_high", "gap",
    "gap_low", "gap_high", "change", "change_low", "change_high", "mexa", "p1_forward",
    "p1_backward", "csls", "csls_p1_forward", "csls_p1_backward", "centred_parallel",
    "centred_random", "whitened_parallel", "whitened_random", "whitened_directions",
    "cka", "cka_debiased", "anc", "anc_dimensions", "n_ranked", "n", "n_expected",
]  # fmt: skip
DISTRIBUTIONS = [
    *STATE, "corpus", "source", "target", "pooling", "layer", "low", "high", "parallel",
    "random",
]  # fmt: skip
MEXA = [*STATE, "corpus", "source", "target", "pooling", "mean", "max", "layers"]
DIAGNOSTICS = [
    *STATE, "task", "language", "prompt", "measure", "reading", "label", "value", "n",
]  # fmt: skip
TEXTS = {
    "model", "tuned_on", "task", "language", "prompt", "metric", "test", "corpus",
    "source", "target", "pooling", "measure", "reading", "label", "gold", "answer",
    "statistic", "languages", "reason", "control", "strata",
}  # fmt: skip
"""The columns that are no numbers, of all tables."""
CONFUSIONS = [*STATE, "task", "language", "prompt", "reading", "gold", "answer", "n"]


class Outcomes:
    """What the finished steps of a study found, read once.

    Attributes:
        study: the study.
        inputs: its data.
        evaluated: each finished evaluation with its predictions, as `to_pandas` of an
            `Evaluation` gives them.
        measured: each finished evaluation of summaries with what `summaries.per_item`
            found.
        compared: each finished comparison with its measures, a dictionary for each
            pooling and layer.
        counted: each finished comparison's counts of pairs by cosine, likewise.
        draws: each finished comparison's replicates, as `read_draws` gives them.
    """

    def __init__(self, prepared: Prepared) -> None:
        self.study, self.inputs = prepared.study, prepared.inputs
        self.evaluated: dict[Step, pd.DataFrame] = {}
        self.measured: dict[Step, pd.DataFrame] = {}
        self.compared: dict[Step, list[dict[str, Any]]] = {}
        self.counted: dict[Step, list[dict[str, Any]]] = {}
        self.draws: dict[Step, dict[tuple[str, int], Any]] = {}
        for step in prepared.steps:
            folder = prepared.store.folder(step.spec)
            with readable(folder):
                self._read(step, folder)

    def _read(self, step: Step, folder: Path) -> None:
        import pandas as pd

        if step.kind == "evaluate":
            self.evaluated[step] = pd.read_parquet(folder / "predictions.parquet")
            if (folder / MEASURES).is_file():
                self.measured[step] = pd.read_parquet(folder / MEASURES)
        elif step.kind == "compare":
            for found, name in (
                (self.compared, "alignment.json"),
                (self.counted, "distribution.json"),
            ):
                found[step] = json.loads((folder / name).read_text("utf-8"))
            self.draws[step] = read_draws(folder)

    def state(self, step: Step) -> dict[str, Any]:
        """The first columns of a step's rows."""
        return {
            "model": self.study.model.name,
            "tuned_on": step.tuned_on,
            "seed": step.seed,
        }

    def place(self, step: Step) -> dict[str, Any]:
        """The first columns of an evaluation's rows."""
        return self.state(step) | {
            "task": step.name,
            "language": step.language,
            "prompt": step.prompt,
        }

    def pair(self, step: Step) -> dict[str, Any]:
        """The first columns of a comparison's rows."""
        place = {"corpus": step.name, "source": PIVOT, "target": step.language}
        return self.state(step) | place

    def metrics(self, step: Step) -> tuple[str, ...]:
        """The metrics of an evaluation."""
        return self.inputs.tasks[step.name].task.metrics

    def pairs(self) -> Iterator[tuple[Step, pd.DataFrame, pd.DataFrame]]:
        """Each evaluation after tuning, with the predictions before and after."""
        before = {
            (step.name, step.language, step.prompt): predictions
            for step, predictions in self.evaluated.items()
            if step.tuned_on is None
        }
        for step, after in self.evaluated.items():
            if step.tuned_on is not None:
                yield step, before[step.name, step.language, step.prompt], after


def evaluations(found: Outcomes) -> pd.DataFrame:
    """One row a task, language, prompt, state of the model and metric.

    Intervals are Wilson's for shares of right answers, bootstrap over items for others.
    """
    rows = []
    for step, predictions in found.evaluated.items():
        data, language = found.inputs.tasks[step.name], str(step.language)
        for metric in found.metrics(step):
            scores = predictions[metric].to_numpy(np.float64)
            low, high = score_interval(scores, metric) or (None, None)
            rows.append(
                found.place(step)
                | {
                    "metric": metric,
                    "value": scores.mean(),
                    "low": low,
                    "high": high,
                    "n": len(predictions),
                    "n_expected": data.n_expected[language],
                    "placeholders": data.placeholders[language],
                    "cut": int(predictions["cut"].sum()),
                }
            )
    return tidy(rows, EVALUATIONS)


def comparisons(found: Outcomes) -> pd.DataFrame:
    """After against before on the same items, with p adjusted over the languages.

    ROUGE a second time, of answers cut to the same length: see `rouge_at_same_length`.
    """
    rows: list[dict[str, Any]] = []
    for step, old, new in found.pairs():
        both = old.merge(new, on="id", suffixes=("_old", "_new"), validate="1:1")
        scores = {
            metric: (both[f"{metric}_old"], both[f"{metric}_new"])
            for metric in found.metrics(step)
        }
        if "rougeL" in scores:
            scores |= _at_same_length(both, str(step.language))
        for metric, sides in scores.items():
            before, after = (side.to_numpy(np.float64) for side in sides)
            paired = compare(before, after, right_or_wrong=not is_rouge(metric))
            rows.append(
                found.place(step)
                | {"metric": metric, "before": before.mean(), "after": after.mean()}
                | paired.row()
            )
    frame = tidy(rows, COMPARISONS)
    family = frame.groupby(["seed", "task", "prompt", "metric"])["p"]
    return frame.assign(p_holm=family.transform(lambda p: holm(p.tolist())))


def _at_same_length(
    both: pd.DataFrame, language: str
) -> dict[str, tuple[pd.Series, pd.Series]]:
    """ROUGE before and after, both answers of an item cut to the shorter's length."""
    import pandas as pd

    texts = zip(both["text_old"], both["text_new"], strict=True)
    cut = [
        rouge_at_same_length(pair, gold, language)
        for pair, gold in zip(texts, both["gold_old"], strict=True)
    ]
    before, after = (pd.DataFrame(scores) for scores in zip(*cut, strict=True))
    return {f"{name}{SAME_LENGTH}": (before[name], after[name]) for name in before}


def similarities(found: Outcomes) -> pd.DataFrame:
    """One row a corpus, language, state of the model, pooling and layer.

    Intervals are of the bootstrap over sentences, the same ones in every state and
    language; `change` is the parallel mean's since before tuning.
    """
    rows = []
    before = {
        (step.name, step.language): step
        for step in found.compared
        if step.tuned_on is None
    }
    for step, measured in found.compared.items():
        corpus = found.inputs.corpora[step.name]
        base = before[step.name, step.language]
        for row, old in zip(measured, found.compared[base], strict=True):
            place = row["pooling"], row["layer"]
            parallel, random = found.draws[step][place]
            usable = np.isfinite(random)
            entry = found.pair(step) | row | {"n_expected": corpus.n_expected}
            named = {
                "parallel": parallel,
                "random": random[usable],
                "gap": (parallel - random)[usable],
            }
            if step.tuned_on is not None:
                entry["change"] = row["parallel"] - old["parallel"]
                named["change"] = parallel - found.draws[base][place][0]
            for name, draws in named.items():
                if draws.size and np.ptp(draws) > SAME:  # else resampling shows nothing
                    entry[f"{name}_low"], entry[f"{name}_high"] = percentile(draws)
            rows.append(entry)
    return tidy(rows, SIMILARITIES)


def distributions(found: Outcomes) -> pd.DataFrame:
    """One row a bin of cosines from `low` to `high` that holds a pair.

    With a corpus, language, state of the model, pooling and layer each.
    """
    rows = []
    for step, places in found.counted.items():
        for place in places:
            counts = np.array([place["parallel"], place["random"]])
            for bin_ in np.flatnonzero(counts.any(axis=0)):
                rows.append(
                    found.pair(step)
                    | {
                        "pooling": place["pooling"],
                        "layer": place["layer"],
                        "low": EDGES[bin_],
                        "high": EDGES[bin_ + 1],
                        "parallel": counts[0, bin_],
                        "random": counts[1, bin_],
                    }
                )
    return tidy(rows, DISTRIBUTIONS)


def mexa(found: Outcomes) -> pd.DataFrame:
    """MEXA over the layers that were looked at, by mean and by maximum.

    Kargaran et al. (2024) take all layers, and the last token or the mean weighted by
    position: `embed: {layers: all, poolings: [last, weighted]}`.
    """
    rows = []
    for step, measured in found.compared.items():
        scores: dict[str, list[float]] = defaultdict(list)
        for row in measured:
            scores[row["pooling"]].append(row["mexa"])
        for pooling, values in scores.items():
            over = mexa_over_layers(values)
            rows.append(
                found.pair(step)
                | {
                    "pooling": pooling,
                    "mean": over.mean,
                    "max": over.max,
                    "layers": len(values),
                }
            )
    return tidy(rows, MEXA)


def diagnostics(found: Outcomes) -> pd.DataFrame:
    """What stands behind the scores: docs/diagnostics.md says what each measure is."""
    parts = []
    for step, predictions in found.evaluated.items():
        task = found.inputs.tasks[step.name].task
        if task.kind == "classification":
            table = answers.diagnose(predictions, task)
        elif step in found.measured:
            table = summaries.diagnose(found.measured[step])
        else:
            continue
        parts.append(table.assign(**found.place(step)))
    return tidy(_records(parts), DIAGNOSTICS)


def confusions(found: Outcomes) -> pd.DataFrame:
    """How often each gold label was answered by each label."""
    parts = [
        answers.confusions(predictions, found.inputs.tasks[step.name].task).assign(
            **found.place(step)
        )
        for step, predictions in found.evaluated.items()
        if found.inputs.tasks[step.name].task.kind == "classification"
    ]
    return tidy(_records(parts), CONFUSIONS)


def _records(parts: Sequence[pd.DataFrame]) -> list[Any]:
    return [row for part in parts for row in part.to_dict("records")]


def tidy(rows: Sequence[Mapping[str, Any]], columns: Sequence[str]) -> pd.DataFrame:
    """Rows as a table: texts, whole seeds that may be missing, and numbers."""
    import pandas as pd

    frame = pd.DataFrame(rows, columns=[*columns])
    for name in frame:
        if name == "seed":
            frame[name] = frame[name].astype("Int64")
        elif name not in TEXTS:
            frame[name] = pd.to_numeric(frame[name])
    return frame
