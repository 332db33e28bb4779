"""The model card of an adapter: what it is, what it is worth, and how it was made."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spillover import published
from spillover.analysis.findings import p_text
from spillover.data.dataset import DataSet
from spillover.data.task import OWN_PROMPT, Task
from spillover.languages import PIVOT, language
from spillover.model_spec import EMBEDDED, ModelSpec
from spillover.report.panel import GAP, escaped, number
from spillover.results import Results
from spillover.settings import NOT_IN_KEY
from spillover.study import TaskUse

if TYPE_CHECKING:
    import pandas as pd
    from huggingface_hub import EvalResult, ModelCardData

ORIGINALS = {"smollm2-135m-instruct": "HuggingFaceTB/SmolLM2-135M-Instruct"}
"""Embedded models -> the repository of the Hub whose weights they are, quantised."""

METRICS = {"accuracy": "accuracy", "rougeL": "rouge", "exact_number": "exact_match"}
"""Our metrics by the Hub's names."""

VERSIONS = ("spillover", "torch", "transformers", "peft")
"""The packages whose versions a card tells."""


@dataclass(frozen=True)
class Adapter:
    """One adapter of a run.

    Attributes:
        results: of its task and its seed alone.
        task: what it was tuned on.
        use: how the study uses the task.
        seed: of the training.
        folder: holds its configuration and weights.
    """

    results: Results
    task: Task
    use: TaskUse
    seed: int
    folder: Path


@dataclass(frozen=True)
class Base:
    """A base model, as someone else finds it.

    Attributes:
        name: its name.
        repo: its repository on the Hub; None: not known.
        revision: commit, tag or branch of the repository; None: not pinned.
        file: the GGUF file that the weights were read from, if they were.
        argument: what `spillover.load_model` takes.
    """

    name: str
    repo: str | None
    revision: str | None
    file: str | None
    argument: str


def base_of(spec: ModelSpec) -> Base:
    """The base model of a study, without a path of the machine that ran it."""
    if spec.hub is not None:
        pinned = f"{spec.hub}@{spec.revision}" if spec.revision else spec.hub
        return Base(spec.name, spec.hub, spec.revision, None, pinned)
    for name, fields in EMBEDDED.items():
        if fields["sha256"] == spec.sha256 and fields["file"] == spec.file:
            inside = Path(fields["file"]).name
            return Base(spec.name, ORIGINALS[name], None, inside, name)
    place = spec.gguf or spec.folder or Path(str(spec.file))
    file = None if spec.folder else place.name
    return Base(spec.name, None, None, file, f"path/to/{place.name}")


def model_card(
    adapter: Adapter, repo: str, licence: str, revision: str | None = None
) -> str:
    """The card, as Markdown below its metadata in YAML.

    Args:
        adapter: what it is about.
        repo: where the adapter will be.
        licence: of the adapter, as the Hub spells it (`apache-2.0`).
        revision: the branch that the adapter will be on; None: the default one.

    Raises:
        DataError: the run's folder does not say with which versions it ran.
    """
    from huggingface_hub import ModelCard
    from jinja2 import Environment, StrictUndefined

    results, study = adapter.results, adapter.results.study
    environment = Environment(  # noqa: S701 - Markdown; the filter `md` escapes
        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters |= {
        "md": escaped,
        "fenced": fenced,
        "number": lambda value: number(value, "z.3f"),
        "p": lambda value: GAP if math.isnan(value) else p_text(value),
    }
    template = files("spillover") / "model_card.md.j2"
    settings = study.tune_settings(adapter.use)
    scores = _scores(adapter)
    there = results.versions
    used: list[DataSet] = [adapter.task, *(u.resolve() for u in study.corpora)]
    body = environment.from_string(template.read_text("utf-8")).render(
        repo=repo,
        branch=revision,
        licence=licence,
        study=study,
        task=adapter.task,
        use=adapter.use,
        seed=adapter.seed,
        base=base_of(study.model),
        name=lambda code: language(code).name,
        scores=scores,
        others=sum(row["language"] != PIVOT for row in scores),
        metric=results.metrics[adapter.task.name],
        classifies=adapter.task.kind == "classification",
        settings=settings.model_dump(mode="json", exclude=NOT_IN_KEY),
        similarities=_similarities(adapter),
        verdicts=results.findings(),
        versions={name: there[name] for name in VERSIONS},
        root=any(_from_elsewhere(data) for data in used),
        method=published.load("xie2024").citation,
        sources=used,
    )
    # UTF-8 and a reader of Markdown have no way to say these.
    body = re.sub("[\0\ud800-\udfff]", "\ufffd", body)
    data = _metadata(adapter, repo, licence)
    return str(ModelCard(f"---\n{data.to_yaml()}\n---\n\n{body}"))


def fenced(text: str) -> str:
    """Text as a block of code, whatever backticks are in it."""
    longest = max(map(len, re.findall("`+", text)), default=0)
    fence = "`" * max(3, longest + 1)
    return f"{fence}text\n{text}\n{fence}"


def _metadata(adapter: Adapter, repo: str, licence: str) -> ModelCardData:
    from huggingface_hub import ModelCardData

    task, study = adapter.task, adapter.results.study
    base = base_of(study.model)
    trained = None if adapter.use.train else _on_the_hub(task, PIVOT, "train")
    return ModelCardData(
        base_model=base.repo,
        base_model_relation="adapter" if base.repo else None,
        datasets=[trained] if trained else None,
        language=[code for code in study.languages if code in task.languages],
        library_name="peft",
        license=licence,
        license_name="see-below" if licence == "other" else None,
        metrics=[METRICS[task.metric]],
        pipeline_tag="text-generation",
        tags=["lora", "spillover", "cross-lingual-transfer"],
        model_name=repo.rpartition("/")[2],
        eval_results=_eval_results(adapter),
    )


def _eval_results(adapter: Adapter) -> list[EvalResult]:
    from huggingface_hub import EvalResult

    task, metric = adapter.task, adapter.results.metrics[adapter.task.name]
    kind = "text-classification" if task.kind == "classification" else "text-generation"
    return [
        EvalResult(
            task_type=kind,
            task_name=task.name,
            dataset_type=_on_the_hub(task, row["language"], "test") or task.name,
            dataset_name=f"{task.name} ({language(row['language']).name})",
            dataset_config=row["language"],
            dataset_split="test",
            metric_type=METRICS[task.metric],
            metric_name=metric,
            metric_value=round(row["value"], 6),
        )
        for row in _scores(adapter)
    ]


def _on_the_hub(task: Task, code: str, split: Any) -> str | None:
    """The Hub's name of the data set, whether or not it was read from there."""
    return next((hub.repo for hub in task.hub if hub.serves(code, split)), None)


def _from_elsewhere(data: DataSet) -> bool:
    """Whether a data set is looked for in a data root, and else on the Hub."""
    return bool(data.hub) or any(source.needs_root for source in data.files)


def _scores(adapter: Adapter) -> list[Any]:
    """One row a language: after tuning, with what stands beside it.

    Keys are those of tidy evaluations; with `before`, `before_low` and `before_high`,
    with `difference`, its interval and `p_holm` of the comparison, and the `constant`
    answer's share.
    """
    results = adapter.results
    metric = results.metrics[adapter.task.name]

    def told(frame: pd.DataFrame, named: Mapping[str, str], **of: str) -> pd.DataFrame:
        for column, value in (of | {"prompt": OWN_PROMPT}).items():
            frame = frame[frame[column] == value]
        return frame[["language", *named]].rename(columns=named)

    tuned = results.evaluations["tuned_on"].notna()
    known = results.diagnostics[results.diagnostics["tuned_on"].notna()]
    old = {"value": "before", "low": "before_low", "high": "before_high"}
    new = {name: name for name in ("value", "low", "high", "n", "n_expected")}
    change = {
        "low": "difference_low",
        "high": "difference_high",
        "p_holm": "p_holm",
        "difference": "difference",
    }
    rows = told(results.evaluations[tuned], new, metric=metric)
    for other in (
        told(results.evaluations[~tuned], old, metric=metric),
        told(results.comparisons, change, metric=metric),
        told(known, {"value": "constant"}, measure="baseline_majority"),
    ):
        rows = rows.merge(other, "left", "language")
    return rows.to_dict("records")


def _similarities(adapter: Adapter) -> list[Any]:
    """One row a corpus, pair of languages, pooling and layer: before and after."""
    frame = adapter.results.evidence().similarities
    keys = ["corpus", "source", "target", "pooling", "layer"]
    means = [*keys, "parallel", "random"]
    tuned = frame["tuned_on"].notna()
    both = frame.loc[~tuned, means].merge(
        frame.loc[tuned, means], on=keys, suffixes=("_before", "_after")
    )
    return both.to_dict("records")
