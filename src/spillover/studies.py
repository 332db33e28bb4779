"""A whole study: check it, run what is not done, and leave its results in a folder."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from filelock import FileLock

from spillover.errors import Faults, SpilloverError, StudyError
from spillover.lint import lint, to_frame
from spillover.lint.remark import Remark
from spillover.model_spec import fingerprint
from spillover.pipeline.inputs import Inputs, collecting, read_inputs
from spillover.pipeline.plan import Step, plan
from spillover.pipeline.run import execute
from spillover.pipeline.store import Store, check_writable
from spillover.pipeline.watcher import Watcher
from spillover.results import Results, write_results
from spillover.study import Study


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
        hardware: the device that was found, by name, and the dtype.
    """

    study: Study
    inputs: Inputs
    steps: list[Step]
    store: Store
    folder: Path
    device: str
    hardware: str


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
    from spillover.devices import describe, resolve_device, resolve_dtype

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
    store = Store(folder.parent / "steps")
    hardware = f"{describe(where)}, {dtype}"
    return Prepared(study, inputs, steps, store, folder, device, hardware)


def check_fit(prepared: Prepared) -> None:
    """See with the model's tokenizer and configuration that the study fits it.

    The first and the longest prompt of each language are tried.

    Raises:
        Faults: answer words that collide, prompts that are too long, layers or modules
            that the model does not have, no tokenizer, a tracker that is not there, a
            training of no step that learns, a model with an adapter.
    """
    from spillover.embed import check_layers
    from spillover.encoding import Encoder
    from spillover.evaluate import check_fit as check_prompts
    from spillover.lora import check_modules
    from spillover.models import context_of, load_config, load_tokenizer
    from spillover.tracking import check_trackers
    from spillover.tune import MERGE, check_steps

    study, errors = prepared.study, list[SpilloverError]()
    tokenizer, config = load_tokenizer(study.model), load_config(study.model)
    context = context_of(config)
    with collecting(errors):
        check_layers(config, study.embed.layers)
    tuned = [data.tune for data in prepared.inputs.tasks.values()]
    with collecting(errors):
        check_modules(config, tuned)
    with collecting(errors):
        check_trackers([name for settings in tuned for name in settings.track])
    if study.model.adapter is not None:
        told = "a study tunes adapters of its own on a model without one"
        errors.append(StudyError(told, where="model.adapter", fix=MERGE))
    for data in prepared.inputs.tasks.values():
        with collecting(errors):
            check_steps(len(data.train), data.tune)
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
                check_prompts(encoder, prompts, data.evaluate, context)
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
    return run_prepared(prepared, watcher or Watcher())


def run_prepared(prepared: Prepared, watcher: Watcher) -> Results:
    """As `run`, for a study that was read and checked."""
    todo = [step for step in prepared.steps if not prepared.store.finished(step.spec)]
    if todo:
        check_fit(prepared)
    remarks = check_data(prepared.study, prepared.inputs)
    watcher.remarked(remarks)
    execute(
        prepared.study,
        prepared.inputs,
        prepared.steps,
        prepared.store,
        device=prepared.device,
        watcher=watcher,
    )
    folder = prepared.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Another process that writes into the folder is waited for.
    with FileLock(folder.with_name(f".{folder.name}.lock")):
        return write_results(
            prepared.study,
            prepared.inputs,
            prepared.steps,
            prepared.store,
            folder,
            to_frame(remarks),
        )


def check_data(study: Study, inputs: Inputs) -> list[Remark]:
    """What the linter remarks on a study's data, with the model's tokenizer."""
    from spillover.models import load_tokenizer

    return lint(study, inputs, load_tokenizer(study.model))
