"""Runs the steps of a plan that are not done, and keeps what comes out."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spillover import writing
from spillover.errors import ModelError, OutputError, SpilloverError, first_line
from spillover.languages import PIVOT
from spillover.pipeline.plan import Prepared, Step
from spillover.pipeline.store import Busy, Spec, readable
from spillover.pipeline.watcher import Watcher
from spillover.study import Study

if TYPE_CHECKING:
    from spillover.batching import Progress
    from spillover.models import LanguageModel

MEASURES = "measures.parquet"
VECTORS = "vectors.safetensors"
GENERATED = "generated.jsonl"
"""While a step goes on."""
PATIENCE = 10.0
"""Seconds that one step is waited for before all others are looked at again."""


def execute(prepared: Prepared, watcher: Watcher) -> None:
    """Run every step that the store does not have, in order.

    A step that another run is making is put off, and waited for once nothing else is
    left to do: several runs of a study, one on each GPU, share its steps.

    Raises:
        SpilloverError: a step failed; what was done before it is kept.
    """
    runner, store = _Runner(prepared, watcher), prepared.store

    def ready(step: Step) -> bool:
        return all(map(store.finished, step.upstream))

    def made(step: Step, wait: float) -> bool:
        facts: dict[str, Any] = {}
        try:
            with store.making(step.spec, facts, wait=wait) as folder:
                watcher.started(step)
                begun = time.monotonic()
                if folder is not None:
                    with _blamed(prepared.study, step):
                        runner.run(step, folder)
                    facts["seconds"] = round(time.monotonic() - begun, 2)
                    facts |= runner.facts()
        except Busy:
            return False
        watcher.finished(step, time.monotonic() - begun)
        return True

    todo = prepared.todo
    told: Step | None = None
    while todo:
        later = [step for step in todo if not (ready(step) and made(step, wait=0))]
        if len(later) == len(todo):
            first = next(filter(ready, todo), None)
            if first is None:
                raise OutputError(
                    "the result of a finished step has gone",
                    where=store.root,
                    fix="run the study again",
                )
            if first is not told:
                watcher.waiting(first)
                told = first
            if made(first, wait=PATIENCE):
                later.remove(first)
        todo = later


@contextmanager
def _blamed(study: Study, step: Step) -> Iterator[None]:
    """Errors say in which step they arose, and what to lower where memory was full."""
    try:
        yield
    except SpilloverError as error:
        error.add_note(f"in the step: {step.label}")
        raise
    except OSError as error:  # of a full disk, most often; of a tracker's network, too
        raise OutputError(
            f"stopped ({first_line(error)})",
            where=f"the step '{step.label}'",
            fix="mend that, and run the study again: what is done is kept",
        ) from error
    except RuntimeError as error:
        if (full := _out_of_memory(error, study, step)) is None:
            raise
        raise full from error


def _out_of_memory(error: RuntimeError, study: Study, step: Step) -> ModelError | None:
    """What to do where a GPU's memory was too small, if that is the error."""
    from spillover.devices import is_out_of_memory

    if not is_out_of_memory(error):
        return None
    key = "embed.batch_tokens"
    if step.kind != "embed":  # of the task alone, or steps of others are done anew
        at = [use.resolve().name for use in study.tasks].index(step.name)
        named = {"tune": "micro_batch_size", "evaluate": "batch_tokens"}
        key = f"tasks.{at}.{step.kind}.{named[step.kind]}"
    return ModelError(
        f"the GPU's memory is full ({first_line(error)})",
        where=f"the step '{step.label}'",
        fix=f"lower {key}, as with --set",
    )


class _Runner:
    """Does the work of a step, on a base model that is loaded once, when needed."""

    def __init__(self, prepared: Prepared, watcher: Watcher) -> None:
        self.study, self.inputs = prepared.study, prepared.inputs
        self.store, self.device = prepared.store, prepared.device
        self.watcher = watcher
        self.model: LanguageModel | None = None
        self.attached: Spec | None = None

    def run(self, step: Step, folder: Path) -> None:
        """Put the result of a step into the folder."""
        kinds = {
            "tune": self.tune,
            "evaluate": self.evaluate,
            "embed": self.embed,
            "compare": self.compare,
        }
        kinds[step.kind](step, folder)

    def facts(self) -> dict[str, str]:
        """What the steps are computed on, once a model is there."""
        if self.model is None:
            return {}
        from spillover.devices import describe

        return {"device": describe(self.model.device)}

    def model_for(self, step: Step) -> LanguageModel:
        """The model in the state that a step looks at; for tuning, the base model."""
        from spillover import adapters, models

        if self.model is None:
            self.model = models.load_model(
                self.study.model, device=self.device, dtype=self.study.dtype
            )
        wanted = next(iter(step.upstream), None)  # the adapter's training
        if self.attached != wanted:
            if self.attached is not None:
                self.model = adapters.detach(self.model)
            if wanted is not None:
                self.model = adapters.attach(self.model, self.store.folder(wanted))
            self.attached = wanted
        return self.model

    def tune(self, step: Step, folder: Path) -> None:
        """Train an adapter."""
        from spillover.tune import tune

        data = self.inputs.tasks[step.name]
        log = tune(
            self.model_for(step),
            data.task,
            data.train,
            folder,
            data.tune,
            seed=step.seed or 0,
            chat=self.study.chat,
            progress=_counted(self.watcher, step.items * data.tune.epochs),
        )
        writing.replace(folder / "log.json", json.dumps(log, indent=1))

    def evaluate(self, step: Step, folder: Path) -> None:
        """Answer the items of one language; of summaries, measure the answers."""
        from spillover.analysis import summaries
        from spillover.evaluate import evaluate
        from spillover.identify import identify
        from spillover.rouge import tokenizer

        data, language = self.inputs.tasks[step.name], str(step.language)
        task = data.prompts[step.prompt]
        result = evaluate(
            self.model_for(step),
            task,
            data.test[language],
            language,
            data.evaluate,
            chat=self.study.chat,
            kept=folder / GENERATED,
            progress=_counted(self.watcher, step.items),
        )
        predictions = result.to_pandas()
        predictions.to_parquet(folder / "predictions.parquet", index=False)
        if task.summarises:
            measured = summaries.per_item(
                predictions,
                task,
                data.test[language],
                language,
                tokenize=tokenizer(language, stem=False).tokenize,
                identify=identify,
            )
            measured.to_parquet(folder / MEASURES, index=False)
        (folder / GENERATED).unlink(missing_ok=True)

    def embed(self, step: Step, folder: Path) -> None:
        """Embed the sentences of one language."""
        from safetensors.numpy import save_file

        from spillover.embed import embed

        vectors = embed(
            self.model_for(step),
            self.inputs.corpora[step.name].sentences[str(step.language)],
            self.study.embed,
            progress=_counted(self.watcher, step.items),
        )
        named = {
            f"{pooling}.{layer}": array for (pooling, layer), array in vectors.items()
        }
        save_file(named, folder / VECTORS)

    def compare(self, step: Step, folder: Path) -> None:
        """Compare the vectors of one language with English, layer by layer."""
        from safetensors import safe_open
        from safetensors.numpy import save_file

        from spillover.analysis.alignment import alignment
        from spillover.analysis.distribution import distribution
        from spillover.analysis.similarity import resampled

        paths = [self.store.folder(of) / VECTORS for of in step.upstream]
        texts = self.inputs.corpora[step.name].sentences
        sides = texts[PIVOT], texts[str(step.language)]
        rows, counted, draws = [], [], {}
        with ExitStack() as stack:
            opened = []
            for path in paths:
                with readable(path.parent):
                    opened.append(stack.enter_context(safe_open(path, "np")))
            source, target = opened
            names = sorted(target.keys(), key=lambda name: _in_order(self.study, name))
            self.watcher.advanced(0, 0, 0)
            for done, name in enumerate(names, start=1):
                pair = source.get_tensor(name), target.get_tensor(name)
                pooling, layer = _place(name)
                found = asdict(alignment(*pair, *sides))
                place = {"pooling": pooling, "layer": layer}
                rows.append(place | found)
                counts = asdict(distribution(*pair, *sides))
                counted.append(place | {k: v.tolist() for k, v in counts.items()})
                draws[name] = np.stack(resampled(*pair, *sides))
                self.watcher.advanced(done / len(names), step.items / len(names), 0)
        save_file(draws, folder / "draws.safetensors")
        writing.replace(folder / "distribution.json", json.dumps(counted))
        writing.replace(folder / "alignment.json", json.dumps(rows))


def _place(name: str) -> tuple[str, int]:
    """Pooling and layer of vectors, from what their tensor is called."""
    pooling, _, layer = name.partition(".")
    return pooling, int(layer)


def _in_order(study: Study, name: str) -> tuple[int, int]:
    """The place of vectors in the order of the study's settings."""
    pooling, layer = _place(name)
    layers = study.embed.layers
    at = layer if layers == "all" else layers.index(layer)
    return study.embed.poolings.index(pooling), at


def read_draws(folder: Path) -> dict[tuple[str, int], np.ndarray[Any, Any]]:
    """Replicates of a compare step's parallel and random means, (2, draws)."""
    from safetensors.numpy import load_file

    found = load_file(folder / "draws.safetensors")
    return {_place(name): array for name, array in found.items()}


def _counted(watcher: Watcher, total: float) -> Progress:
    done = 0.0

    def count(items: float, tokens: int) -> None:
        nonlocal done
        done += items
        watcher.advanced(done / total, items, tokens)

    return count
