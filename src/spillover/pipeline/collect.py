"""From the results of steps to the tidy tables of a study."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

from spillover.analysis.correlation import correlate
from spillover.analysis.similarity import similarity
from spillover.pipeline.inputs import Inputs
from spillover.pipeline.plan import Step
from spillover.pipeline.run import read_vectors
from spillover.pipeline.store import Store
from spillover.study import PIVOT, Study

if TYPE_CHECKING:
    import pandas as pd

EVALUATIONS = ["model", "tuned_on", "seed", "task", "language", "metric", "value"]
EVALUATIONS += ["n", "n_expected", "placeholders", "cut"]
SIMILARITIES = ["model", "tuned_on", "seed", "corpus", "source", "target", "pooling"]
SIMILARITIES += ["layer", "parallel", "random", "n", "n_expected"]
CORRELATIONS = ["task", "metric", "corpus", "pooling", "layer", "statistic", "value"]
CORRELATIONS += ["p_t", "p_exact", "p_min", "n", "languages", "reason"]


def evaluations(
    study: Study, inputs: Inputs, steps: Sequence[Step], store: Store
) -> pd.DataFrame:
    """One row a task, language, state of the model and metric."""
    import pandas as pd

    rows = []
    for step in steps:
        if step.kind != "evaluate" or not store.finished(step.spec):
            continue
        folder = store.folder(step.spec)
        metrics = json.loads((folder / "metrics.json").read_text("utf-8"))
        predictions = pd.read_parquet(folder / "predictions.parquet", columns=["cut"])
        data, language = inputs.tasks[step.name], str(step.language)
        for metric, value in metrics.items():
            rows.append(
                _state(study, step)
                | {
                    "task": step.name,
                    "language": language,
                    "metric": metric,
                    "value": value,
                    "n": len(predictions),
                    "n_expected": data.n_expected[language],
                    "placeholders": data.placeholders[language],
                    "cut": int(predictions["cut"].sum()),
                }
            )
    return pd.DataFrame(rows, columns=EVALUATIONS)


def similarities(
    study: Study, inputs: Inputs, steps: Sequence[Step], store: Store
) -> pd.DataFrame:
    """One row a corpus, language, state of the model, pooling and layer."""
    import pandas as pd

    done = {
        (step.tuned_on, step.name, step.language): step
        for step in steps
        if step.kind == "embed" and store.finished(step.spec)
    }
    rows = []
    for (tuned_on, name, language), step in done.items():
        pivot = done.get((tuned_on, name, PIVOT))
        if language == PIVOT or pivot is None:
            continue
        corpus = inputs.corpora[name]
        source = read_vectors(store.folder(pivot.spec))
        target = read_vectors(store.folder(step.spec))
        for pooling, layer in target:
            found = similarity(
                source[pooling, layer],
                target[pooling, layer],
                corpus.sentences[PIVOT],
                corpus.sentences[str(language)],
            )
            rows.append(
                _state(study, step)
                | {
                    "corpus": name,
                    "source": PIVOT,
                    "target": language,
                    "pooling": pooling,
                    "layer": layer,
                    "parallel": found.parallel,
                    "random": found.random,
                    "n": found.n,
                    "n_expected": corpus.n_expected,
                }
            )
    return pd.DataFrame(rows, columns=SIMILARITIES)


def correlations(
    study: Study,
    inputs: Inputs,
    evaluated: pd.DataFrame,
    compared: pd.DataFrame,
) -> pd.DataFrame:
    """Score after tuning against parallel similarity before, over languages.

    Over the non-English languages that the task, the corpus and the study have in
    common by their own statement; one of them without a value is an error.
    """
    import pandas as pd

    after = evaluated[evaluated["tuned_on"] == evaluated["task"]]
    before = compared[compared["tuned_on"].isna()]
    rows: list[dict[str, Any]] = []
    for names, scores in after.groupby(["task", "metric"], sort=False):
        task, metric = map(str, cast("tuple[str, str]", names))
        score = dict(zip(scores["language"], scores["value"], strict=True))
        keys = ["corpus", "pooling", "layer"]
        for place, part in before.groupby(keys, sort=False):
            corpus, pooling, layer = cast("tuple[str, str, int]", place)
            alike = dict(zip(part["target"], part["parallel"], strict=True))
            both = [
                code
                for code in study.languages
                if code != PIVOT
                and code in inputs.tasks[task].test
                and code in inputs.corpora[corpus].sentences
            ]
            found = correlate(
                {code: score[code] for code in both if code in score},
                {code: alike[code] for code in both if code in alike},
            )
            rows.append(
                {
                    "task": task,
                    "metric": metric,
                    "corpus": corpus,
                    "pooling": pooling,
                    "layer": layer,
                    "statistic": found.statistic,
                    "value": found.value,
                    "p_t": found.p_t,
                    "p_exact": found.p_exact,
                    "p_min": found.p_min,
                    "n": found.n,
                    "languages": " ".join(found.languages),
                    "reason": found.reason,
                }
            )
    return pd.DataFrame(rows, columns=CORRELATIONS)


def _state(study: Study, step: Step) -> dict[str, Any]:
    return {
        "model": study.model.name,
        "tuned_on": step.tuned_on,
        "seed": study.seed,
    }
