"""A whole study: check it, run what is not done, and leave its results in a folder."""

from __future__ import annotations

from pathlib import Path

from filelock import FileLock

from spillover.errors import Faults, OutputError, collecting
from spillover.lint import lint, to_frame
from spillover.lint.remark import Remark
from spillover.model_spec import fingerprint, pinned
from spillover.pipeline.fit import misfits
from spillover.pipeline.inputs import Inputs, read_inputs
from spillover.pipeline.plan import Prepared, plan
from spillover.pipeline.run import execute
from spillover.pipeline.store import Store
from spillover.pipeline.watcher import Watcher
from spillover.results import Results
from spillover.run_folder import check_no_study, write_results
from spillover.study import Study
from spillover.writing import check_writable


def prepare(
    study: Study,
    *,
    data_root: Path | None = None,
    out: Path | None = None,
    device: str = "auto",
    fit: bool = True,
) -> Prepared:
    """Read and check all that a study needs, without loading a model's weights.

    Args:
        study: the study.
        data_root: the folder with the official data files; None: the Hub.
        out: where results go; None: `runs/<study>`. Steps are kept beside it, in
            `steps`, so that studies in the same place share them.
        device: `auto`, or a torch device.
        fit: where something is wrong, say in the same breath what `misfits` finds.

    Raises:
        Faults: all that is wrong.
    """
    from spillover.devices import (
        check_training,
        describe,
        resolve_device,
        resolve_dtype,
    )

    folder = out or Path("runs") / study.name
    if folder.name in ("", ".."):  # their parent is another than it looks
        folder = folder.resolve()
    inputs = read_inputs(study, data_root)
    errors, model = inputs.errors, None
    with collecting(errors):
        if folder.name in ("", "steps"):  # a root, or what keeps the steps beside it
            raise OutputError(
                "no folder for a study", where=folder, fix="name another with --out"
            )
        check_writable(folder)
        check_writable(folder.parent / "steps")
        check_no_study(folder)
    with collecting(errors):
        where = resolve_device(device)
        check_training(where, resolve_dtype(study.dtype, where))
    with collecting(errors):
        model = fingerprint(study.model)
    if errors or model is None:
        if fit:
            errors += misfits(study, inputs, model=model is not None)
        raise Faults(errors)
    study = study.model_copy(update={"model": pinned(study.model, model)})
    dtype = str(resolve_dtype(study.dtype, where)).removeprefix("torch.")
    steps = plan(study, inputs, model, where.type, dtype)
    store = Store(folder.parent / "steps")
    hardware = f"{describe(where)}, {dtype}"
    return Prepared(study, inputs, steps, store, folder, device, hardware)


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
    if prepared.todo and (errors := misfits(prepared.study, prepared.inputs)):
        raise Faults(errors)
    remarks = check_data(prepared.study, prepared.inputs)
    watcher.remarked(remarks)
    execute(prepared, watcher)
    folder = prepared.folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    # Another process that writes into the folder is waited for.
    with FileLock(prepared.store.root / f"{folder.name}.lock"):
        return write_results(prepared, to_frame(remarks))


def check_data(study: Study, inputs: Inputs) -> list[Remark]:
    """What the linter remarks on a study's data, with the model's tokenizer."""
    from spillover.models import load_tokenizer

    return lint(study, inputs, load_tokenizer(study.model))
