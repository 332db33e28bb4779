"""A whole study: check it, run what is not done, and leave its results in a folder."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from spillover.errors import Faults, OutputError, SpilloverError
from spillover.model_spec import fingerprint
from spillover.pipeline.inputs import Inputs, collecting, read_inputs
from spillover.pipeline.plan import Step, plan
from spillover.pipeline.run import ADAPTER, Watcher, execute
from spillover.pipeline.store import Store, write_text
from spillover.report.tables import write_tables
from spillover.study import Study

if TYPE_CHECKING:
    import pandas as pd

    from spillover.report.panel import Panel

PACKAGES = ("spillover", "torch", "transformers", "peft", "datasets", "numpy", "scipy")


class Silent:
    """A watcher that says nothing."""

    def started(self, step: Step) -> None:
        """Nothing."""

    def advanced(self, share: float) -> None:
        """Nothing."""

    def finished(self, step: Step, seconds: float) -> None:
        """Nothing."""


@dataclass(frozen=True)
class Results:
    """What a study found.

    Attributes:
        study: the study as it was run.
        folder: where everything was written.
        evaluations: one row a task, language, state of the model and metric.
        similarities: one row a corpus, language, state, pooling and layer.
        correlations: one row a task, metric, corpus, pooling and layer.
        tasks: task -> the metric that its tables show.
    """

    study: Study
    folder: Path
    evaluations: pd.DataFrame
    similarities: pd.DataFrame
    correlations: pd.DataFrame
    tasks: dict[str, str]

    def panels(self) -> list[Panel]:
        """Tables 1 to 3, in the paper's shape."""
        from spillover.report import tables

        languages = self.study.languages
        return [
            *tables.score_panels(self.evaluations, languages, self.tasks),
            *tables.similarity_panels(
                self.similarities, languages[1:], list(self.tasks)
            ),
            *tables.correlation_panels(self.correlations, self.tasks),
        ]


@dataclass(frozen=True)
class Prepared:
    """A study that was read and checked, and what it would run.

    Attributes:
        study: the study.
        inputs: its data.
        steps: its steps, in the order in which they run.
        store: where their results are kept.
        folder: where the study's results go.
        device: the device as asked for.
    """

    study: Study
    inputs: Inputs
    steps: list[Step]
    store: Store
    folder: Path
    device: str


def prepare(
    study: Study,
    *,
    data_root: Path | None = None,
    out: Path | None = None,
    device: str = "auto",
) -> Prepared:
    """Read and check all that a study needs, without loading a model's weights.

    Args:
        study: the study.
        data_root: the folder with the official data files; None: the Hub.
        out: where results go; None: `runs/<study>`. Steps are kept beside it, in
            `steps`, so that studies in the same place share them.
        device: `auto`, or a torch device.

    Raises:
        Faults: all that is wrong.
    """
    from spillover.models import resolve_device, resolve_dtype

    folder = out or Path("runs") / study.name
    inputs = read_inputs(study, data_root)
    with collecting(inputs.errors):
        check_writable(folder)
    with collecting(inputs.errors):
        where = resolve_device(device)
    with collecting(inputs.errors):
        model = fingerprint(study.model)
    if inputs.errors:
        raise Faults(inputs.errors)
    dtype = str(resolve_dtype(study.dtype, where)).removeprefix("torch.")
    steps = plan(study, inputs, model, where.type, dtype)
    return Prepared(
        study, inputs, steps, Store(folder.parent / "steps"), folder, device
    )


def check_fit(prepared: Prepared) -> None:
    """See with the model's tokenizer and configuration that the study fits it.

    The first and the longest prompt of each language are tried.

    Raises:
        Faults: answer words that collide, prompts that are too long, layers or modules
            that the model does not have, no tokenizer.
    """
    from spillover.embed import check_layers
    from spillover.encoding import Encoder
    from spillover.evaluate import check_context
    from spillover.models import context_of, load_config, load_tokenizer
    from spillover.tune import check_modules

    study, errors = prepared.study, list[SpilloverError]()
    tokenizer, config = load_tokenizer(study.model), load_config(study.model)
    context = context_of(config)
    with collecting(errors):
        check_layers(config, study.embed.layers)
    with collecting(errors):
        check_modules(config, [data.tune for data in prepared.inputs.tasks.values()])
    for data in prepared.inputs.tasks.values():
        choosing = data.task.kind == "classification"
        with collecting(errors):
            encoder = Encoder(
                tokenizer,
                data.task,
                max_tokens=data.evaluate.max_tokens,
                chat=study.chat,
            )
            for items in data.test.values():
                longest = max(items, key=lambda i: sum(map(len, i.fields.values())))
                prompts = encoder.prompts([items[0], longest])
                room = context - (1 if choosing else data.evaluate.max_new_tokens)
                check_context(prompts, room, data.task.name)
                if choosing:
                    encoder.choices(prompts)
    if errors:
        raise Faults(errors)


def run(
    study: Study,
    *,
    data_root: Path | None = None,
    out: Path | None = None,
    device: str = "auto",
    watcher: Watcher | None = None,
) -> Results:
    """Run a study: every step that is not done yet, then its results and tables.

    Args:
        study: the study, from `read_study` or made in Python.
        data_root: the folder with the official data files; None: the Hub.
        out: where results go; None: `runs/<study>`.
        device: `auto`, or a torch device.
        watcher: told of progress.

    Raises:
        SpilloverError: something is wrong with the study, its data or its model.
    """
    prepared = prepare(study, data_root=data_root, out=out, device=device)
    return run_prepared(prepared, watcher or Silent())


def run_prepared(prepared: Prepared, watcher: Watcher) -> Results:
    """As `run`, for a study that was read and checked."""
    todo = [step for step in prepared.steps if not prepared.store.finished(step.spec)]
    if todo:
        check_fit(prepared)
    execute(
        prepared.study,
        prepared.inputs,
        prepared.steps,
        prepared.store,
        device=prepared.device,
        watcher=watcher,
    )
    return write_results(prepared)


def write_results(prepared: Prepared) -> Results:
    """Analyse the finished steps and write everything into the study's folder."""
    from spillover.pipeline import collect

    study, inputs = prepared.study, prepared.inputs
    steps, store, folder = prepared.steps, prepared.store, prepared.folder
    evaluations = collect.evaluations(study, inputs, steps, store)
    similarities = collect.similarities(study, inputs, steps, store)
    correlations = collect.correlations(study, inputs, evaluations, similarities)
    metrics = {name: study.metric(data.task) for name, data in inputs.tasks.items()}
    results = Results(study, folder, evaluations, similarities, correlations, metrics)
    for name in ("evaluations", "similarities", "correlations"):
        _write_frame(getattr(results, name), folder / "results" / name)
    (folder / "tables").mkdir(parents=True, exist_ok=True)
    write_tables(
        folder / "tables",
        evaluations,
        similarities,
        correlations,
        languages=study.languages,
        metrics=metrics,
    )
    _lay_out(steps, store, folder)
    as_run = study.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(as_run, sort_keys=False, allow_unicode=True)
    write_text(folder / "study.yaml", text)
    write_text(folder / "versions.json", json.dumps(_versions(), indent=1) + "\n")
    return results


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_suffix(".tmp")
    frame.to_parquet(temporary, index=False)
    os.replace(temporary, path.with_suffix(".parquet"))
    write_text(path.with_suffix(".csv"), frame.to_csv(index=False))


def _lay_out(steps: Sequence[Step], store: Store, folder: Path) -> None:
    """Put adapters and predictions where a person looks for them, as hard links."""
    for step in steps:
        made = store.folder(step.spec)
        if step.kind == "tune":
            for name in (*ADAPTER, "log.json"):
                _link(made / name, folder / "adapters" / step.name / name)
        elif step.kind == "evaluate":
            state = f"after-{step.tuned_on}" if step.tuned_on else "before"
            name = f"{step.name}.{step.language}.parquet"
            _link(made / "predictions.parquet", folder / "predictions" / state / name)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = target.with_name(target.name + ".tmp")
    temporary.unlink(missing_ok=True)
    try:
        os.link(source, temporary)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)


def check_writable(folder: Path) -> None:
    """Raise an `OutputError` unless the folder is there or could be made."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        reason = f"{there} is a file"
    elif not os.access(there, os.W_OK | os.X_OK):
        reason = f"{there} may not be written to"
    else:
        return
    raise OutputError(
        f"cannot be written ({reason})", where=folder, fix="name another with --out"
    )


def _versions() -> dict[str, str]:
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        **{name: version(name) for name in PACKAGES},
    }
