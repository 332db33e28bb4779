"""Results of a study that nobody ran, with as many languages as asked for."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from spillover.languages import LANGUAGES
from spillover.metrics import SAME_LENGTH
from spillover.pipeline import collect, correlations
from spillover.pipeline.collect import tidy
from spillover.results import FRAMES, Results
from spillover.study import parse_study

WORDS = {"1": "Yes", "0": "No", "?": "Maybe"}
CODES = ["en", *(code for code in LANGUAGES if code != "en")]
"""All languages, English first."""


def results(
    languages: int | Sequence[str] = 6,
    *,
    tasks: Sequence[str] = ("opinions",),
    generated: Sequence[str] = (),
    words: dict[str, str] = WORDS,
    seeds: Sequence[int] = (),
    corpora: Sequence[str] = ("lines", "pud"),
    poolings: Sequence[str] = ("mean", "last"),
    layers: int = 1,
) -> Results:
    """Results with every number drawn from a fixed seed.

    Args:
        languages: their codes, English first, or how many.
        tasks: names of classification tasks.
        generated: names of generation tasks.
        words: label -> answer word, of all classification tasks.
        seeds: of training; none: one seed.
        corpora: names of parallel corpora.
        poolings: of their sentences.
        layers: how many were looked at; more than one: all.
    """
    codes = CODES[:languages] if isinstance(languages, int) else [*languages]
    files = [{"path": "{language}.{split}.jsonl", "id": "id", "target": "label"}]
    common = {"template": "{text} ?", "files": files, "languages": codes}
    choice = {"kind": "classification", "answers": words, "metric": "accuracy"}
    free = {"kind": "generation", "metric": "rougeL"}
    study = parse_study(
        {
            "name": "invented",
            "model": "smollm2-135m-instruct",
            "languages": codes,
            "tasks": [
                *({"task": common | choice | {"name": name}} for name in tasks),
                *({"task": common | free | {"name": name}} for name in generated),
            ],
            "corpora": [
                {
                    "corpus": {
                        "name": name,
                        "languages": codes,
                        "files": [{"path": "{language}.txt"}],
                    }
                }
                for name in corpora
            ],
            "seeds": [*seeds],
            "embed": {"layers": "all" if layers > 1 else [-1]},
        }
    )
    metrics = dict.fromkeys(tasks, "accuracy_strict")
    metrics |= dict.fromkeys(generated, "rougeL")
    made = _Made(
        codes, metrics, [*words], [*seeds] or [1], [*corpora], poolings, layers
    )
    frames = {name: pd.DataFrame(columns=columns) for name, columns in FRAMES.items()}
    frames |= made.frames()
    kinds = dict.fromkeys(tasks, "classification")
    kinds |= dict.fromkeys(generated, "generation")
    return Results(study, Path("nowhere"), **frames, metrics=metrics, kinds=kinds)


class _Made:
    def __init__(
        self,
        codes: list[str],
        metrics: dict[str, str],
        labels: list[str],
        seeds: list[int],
        corpora: list[str],
        poolings: Sequence[str],
        layers: int,
    ) -> None:
        self.codes, self.metrics, self.labels = codes, metrics, labels
        self.seeds, self.corpora, self.poolings = seeds, corpora, poolings
        self.layers = range(layers) if layers > 1 else [-1]
        self.random = np.random.default_rng(0)

    def frames(self) -> dict[str, pd.DataFrame]:
        return {
            "evaluations": tidy([*self.evaluations()], collect.EVALUATIONS),
            "comparisons": tidy([*self.shortened()], collect.COMPARISONS),
            "diagnostics": tidy([*self.diagnostics()], collect.DIAGNOSTICS),
            "confusions": tidy([*self.confusions()], collect.CONFUSIONS),
            "similarities": tidy([*self.similarities()], collect.SIMILARITIES),
            "distributions": tidy([*self.distributions()], collect.DISTRIBUTIONS),
            "correlations": tidy([*self.correlations()], correlations.CORRELATIONS),
        }

    def states(self, tasks: Sequence[str]) -> list[dict[str, Any]]:
        """Before tuning, and after it on each task with each seed."""
        model = {"model": "invented"}
        after = product(tasks, self.seeds)
        return [
            model | {"tuned_on": None, "seed": None},
            *(model | {"tuned_on": task, "seed": seed} for task, seed in after),
        ]

    def judged(self, tasks: Sequence[str]) -> Iterator[dict[str, Any]]:
        """A task and a language in a state."""
        for task in tasks:
            for state, code in product(self.states([task]), self.codes):
                yield state | {"task": task, "language": code, "prompt": "own"}

    def classified(self) -> list[str]:
        return [name for name, metric in self.metrics.items() if metric != "rougeL"]

    def evaluations(self) -> Iterator[dict[str, Any]]:
        for place in self.judged([*self.metrics]):
            metric = self.metrics[place["task"]]
            level = 0.15 if metric == "rougeL" else 0.35
            value = level * self.random.uniform(1, 1.2 if not place["seed"] else 2.6)
            interval = {"low": value * 0.93, "high": value * 1.06}
            number = {"metric": metric, "value": value, "n": 100, "n_expected": 100}
            yield place | number | interval

    def shortened(self) -> Iterator[dict[str, Any]]:
        """Generated answers at the same length: before tuning, a little better."""
        for place in self.judged([*self.metrics]):
            metric = self.metrics[place["task"]]
            if place["seed"] and metric == "rougeL":
                number = {"before": 0.2, "after": 0.25, "difference": 0.05}
                yield place | {"metric": f"{metric}{SAME_LENGTH}"} | number

    def diagnostics(self) -> Iterator[dict[str, Any]]:
        for place in self.judged(self.classified()):
            for name, value in (("majority", 0.41), ("uniform", 1 / len(self.labels))):
                yield place | {"measure": f"baseline_{name}", "value": value, "n": 100}

    def confusions(self) -> Iterator[dict[str, Any]]:
        for place in self.judged(self.classified()):
            for gold in self.labels:
                for answer in [*self.labels, "(no answer)"]:
                    n = int(self.random.integers(0, 2000))
                    cell = {"reading": "strict", "gold": gold, "answer": answer, "n": n}
                    yield place | cell

    def compared(self) -> Iterator[dict[str, Any]]:
        """A corpus, a language, a state, a pooling and a layer."""
        for corpus, state in product(self.corpora, self.states([*self.metrics])):
            for code, pooling in product(self.codes[1:], self.poolings):
                for layer in self.layers:
                    yield state | {
                        "corpus": corpus,
                        "source": "en",
                        "target": code,
                        "pooling": pooling,
                        "layer": layer,
                    }

    def similarities(self) -> Iterator[dict[str, Any]]:
        for place in self.compared():
            parallel = self.random.uniform(0.4, 0.9)
            random = parallel - self.random.uniform(0.05, 0.3)
            row = place | {"n": 60, "n_expected": 60, "mexa": 2 * parallel - 0.8}
            named = {"parallel": parallel, "random": random, "gap": parallel - random}
            for name, value in named.items():
                row |= {name: value, f"{name}_low": value - 0.02}
                row |= {f"{name}_high": value + 0.02}
            yield row

    def distributions(self) -> Iterator[dict[str, Any]]:
        edges = np.linspace(-1, 1, 201)
        for place in self.compared():
            if place["layer"] != self.layers[-1]:
                continue  # figures of cosines are of the tables' layer alone
            middle = self.random.uniform(0.4, 0.8)
            counts = {
                name: np.histogram(self.random.normal(at, 0.08, n).clip(-1, 1), edges)[
                    0
                ]
                for name, at, n in (
                    ("parallel", middle, 1000),
                    ("random", middle - 0.2, 5000),
                )
            }
            both = np.array([*counts.values()])
            for i in np.flatnonzero(both.any(axis=0)):
                numbers = {"parallel": both[0, i], "random": both[1, i]}
                yield place | {"low": edges[i], "high": edges[i + 1]} | numbers

    def correlations(self) -> Iterator[dict[str, Any]]:
        n = len(self.codes) - 1
        several = [*self.seeds, None] if len(self.seeds) > 1 else self.seeds
        for task, seed, corpus in product(self.metrics, several, self.corpora):
            for pooling, layer in product(self.poolings, self.layers):
                place = {"corpus": corpus, "pooling": pooling, "layer": layer}
                row = {
                    "model": "invented",
                    "seed": seed,
                    "task": task,
                    "metric": self.metrics[task],
                    "measure": "parallel",
                    "statistic": "spearman",
                    "n": n,
                    "languages": " ".join(self.codes[1:]),
                }
                if n < 3:
                    yield row | place | {"reason": "fewer than three languages"}
                    continue
                found = {"value": 0.9, "low": 0.3, "high": 1.0, "p_t": 0.04}
                found |= {"p_exact": 1 / 12, "p_error": 0.0, "p_min": 1 / 60}
                found |= {"p_family_min": 1 / 60, "p_measures": 1 / 12}
                yield row | place | found
