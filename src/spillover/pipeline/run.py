"""Runs the steps of a plan that are not done, and keeps what comes out."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from spillover.errors import SpilloverError
from spillover.pipeline.inputs import Inputs
from spillover.pipeline.plan import Step
from spillover.pipeline.store import Store, write_text
from spillover.study import Study

if TYPE_CHECKING:
    from spillover.models import LanguageModel

ADAPTER = ("adapter_config.json", "adapter_model.safetensors")


class Watcher(Protocol):
    """Told of what happens during a run."""

    def started(self, step: Step) -> None:
        """A step has begun."""

    def advanced(self, share: float) -> None:
        """The step that runs has done this share of its work, in [0, 1]."""

    def finished(self, step: Step, seconds: float) -> None:
        """A step is done."""


def execute(
    study: Study,
    inputs: Inputs,
    steps: Sequence[Step],
    store: Store,
    *,
    device: str,
    watcher: Watcher,
) -> None:
    """Run every step that the store does not have, in order.

    Raises:
        SpilloverError: a step failed; what was done before it is kept.
    """
    models = _Models(study, store, device, steps)
    todo = [step for step in steps if not store.finished(step.spec)]
    for step in todo:
        watcher.started(step)
        begun = time.monotonic()
        facts: dict[str, Any] = {}
        with store.making(step.spec, facts) as folder:
            if folder is not None:
                try:
                    RUNNERS[step.kind](study, inputs, step, models, folder, watcher)
                except SpilloverError as error:
                    error.add_note(f"in the step: {step.label}")
                    raise
                facts["seconds"] = round(time.monotonic() - begun, 2)
        watcher.finished(step, time.monotonic() - begun)


class _Models:
    """Loads the base model once, when first needed, and puts adapters on and off."""

    def __init__(
        self, study: Study, store: Store, device: str, steps: Sequence[Step]
    ) -> None:
        self.study, self.store, self.device = study, store, device
        self.adapters = {step.name: step.spec for step in steps if step.kind == "tune"}
        self.current: LanguageModel | None = None
        self.tuned_on: str | None = None

    def get(self, tuned_on: str | None) -> LanguageModel:
        """The base model, or the base model with the adapter of a task."""
        from spillover import models

        if self.current is None:
            self.current = models.load_model(
                self.study.model, device=self.device, dtype=self.study.dtype
            )
        if self.tuned_on != tuned_on:
            if self.tuned_on is not None:
                self.current = models.detach(self.current)
            if tuned_on is not None:
                folder = self.store.folder(self.adapters[tuned_on])
                self.current = models.attach(self.current, folder)
            self.tuned_on = tuned_on
        return self.current


def _tune(
    study: Study,
    inputs: Inputs,
    step: Step,
    models: _Models,
    folder: Path,
    watcher: Watcher,
) -> None:
    from spillover.tune import tune

    data = inputs.tasks[step.name]
    log = tune(
        models.get(None),
        data.task,
        data.train,
        folder,
        data.tune,
        seed=study.seed,
        chat=study.chat,
        progress=watcher.advanced,
    )
    write_text(folder / "log.json", json.dumps(log, indent=1))


def _evaluate(
    study: Study,
    inputs: Inputs,
    step: Step,
    models: _Models,
    folder: Path,
    watcher: Watcher,
) -> None:
    from spillover.evaluate import evaluate

    data = inputs.tasks[step.name]
    language = str(step.language)
    result = evaluate(
        models.get(step.tuned_on),
        data.task,
        data.test[language],
        language,
        data.evaluate,
        chat=study.chat,
        progress=_counted(watcher, step.items),
    )
    result.to_pandas().to_parquet(folder / "predictions.parquet", index=False)
    write_text(folder / "metrics.json", json.dumps(result.metrics))


def _embed(
    study: Study,
    inputs: Inputs,
    step: Step,
    models: _Models,
    folder: Path,
    watcher: Watcher,
) -> None:
    from safetensors.numpy import save_file

    from spillover.embed import embed

    vectors = embed(
        models.get(step.tuned_on),
        inputs.corpora[step.name].sentences[str(step.language)],
        study.embed,
        progress=_counted(watcher, step.items),
    )
    named = {f"{pooling}.{layer}": array for (pooling, layer), array in vectors.items()}
    save_file(named, folder / "vectors.safetensors")


RUNNERS = {"tune": _tune, "evaluate": _evaluate, "embed": _embed}


def read_vectors(folder: Path) -> Mapping[tuple[str, int], np.ndarray[Any, Any]]:
    """The vectors of an embed step, by pooling and layer."""
    from safetensors.numpy import load_file

    found = {}
    for name, array in load_file(folder / "vectors.safetensors").items():
        pooling, _, layer = name.partition(".")
        found[pooling, int(layer)] = array
    return found


def _counted(watcher: Watcher, total: int) -> Any:
    done = 0

    def count(more: int) -> None:
        nonlocal done
        done += more
        watcher.advanced(done / total)

    return count
