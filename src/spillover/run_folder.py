"""The folder of a run is written: analyses, tables, adapters, predictions, report."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from spillover import writing
from spillover.analysis.verdict import to_frame
from spillover.errors import OutputError
from spillover.layout import adapter_of, file_of
from spillover.model_spec import ADAPTER
from spillover.pipeline import collect, correlations
from spillover.pipeline.plan import Prepared, Step
from spillover.results import AGAIN, AGAIN_WITH_DATA, FRAMES, Results
from spillover.study import Study

if TYPE_CHECKING:
    import pandas as pd

PACKAGES = ("spillover", "torch", "transformers", "peft", "datasets", "numpy", "scipy")


def write_results(prepared: Prepared, lint: pd.DataFrame) -> Results:
    """Analyse the finished steps and write everything into the study's folder.

    Raises:
        DataError: the result of a step is damaged.
        ModelError: there is no tokenizer.
        OutputError: a figure cannot be written.
    """
    from spillover.models import load_tokenizer

    study, inputs, folder = prepared.study, prepared.inputs, prepared.folder
    tokenizer = load_tokenizer(study.model)
    found = collect.Outcomes(prepared)
    scores = correlations.scored(found)
    results = Results(
        study=study,
        folder=folder,
        evaluations=collect.evaluations(found),
        comparisons=collect.comparisons(found),
        similarities=collect.similarities(found),
        correlations=correlations.correlations(found, scores),
        controls=correlations.controls(found, scores, tokenizer),
        pooled=correlations.pooled(found, scores),
        distributions=collect.distributions(found),
        mexa=collect.mexa(found),
        diagnostics=collect.diagnostics(found),
        confusions=collect.confusions(found),
        lint=lint,
        metrics={name: study.metric(data.task) for name, data in inputs.tasks.items()},
        kinds={name: data.task.kind for name, data in inputs.tasks.items()},
    )
    # Until there is a study the folder is no run, neither the new nor an old one.
    for name in ("study.yaml", "report.html"):
        (folder / name).unlink(missing_ok=True)
    for name in FRAMES:
        _write_frame(getattr(results, name), folder / "results" / name)
    verdicts = to_frame(results.findings())
    _write_frame(verdicts, folder / "results" / "findings")
    results.write_tables()
    _lay_out(prepared)
    versions = json.dumps(_versions(prepared.steps), indent=1)
    writing.replace(folder / "versions.json", versions + "\n")
    text = yaml.safe_dump(as_run(study), sort_keys=False, allow_unicode=True)
    command = AGAIN if inputs.data_root is None else AGAIN_WITH_DATA
    writing.replace(folder / "study.yaml", f"# {command}\n{text}")
    results.write_report()
    return results


def check_no_study(folder: Path) -> None:
    """Raise an `OutputError` where a run would replace a study that no run wrote."""
    path = folder / "study.yaml"
    if path.is_file() and not path.read_bytes().startswith(f"# {AGAIN}".encode()):
        raise OutputError(
            "a study that no run wrote, and results have one of that name",
            where=path,
            fix="name another folder with --out, or rename the study",
        )


def as_run(study: Study) -> dict[str, Any]:
    """The study as YAML can hold it, with the model's path from wherever it is read."""
    raw: dict[str, Any] = study.model_dump(mode="json", exclude_none=True)
    for name in ("folder", "gguf", "adapter"):
        if name in raw["model"]:
            raw["model"][name] = str(Path(raw["model"][name]).resolve())
    return raw


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    writing.replace(path.with_suffix(".parquet"), frame.to_parquet(index=False))
    writing.replace(path.with_suffix(".csv"), frame.to_csv(index=False))


def _lay_out(prepared: Prepared) -> None:
    """Put adapters and predictions where a person looks for them, as hard links.

    Those of an earlier run that this one has no more are removed.
    """
    study, folder = prepared.study, prepared.folder
    links: dict[Path, Path] = {}
    of_adapter = (*ADAPTER, "log.json")
    for step in prepared.steps:
        made = prepared.store.folder(step.spec)
        if step.kind == "tune":
            kept = folder / adapter_of(study, step.name, step.seed)
            links |= {kept / name: made / name for name in of_adapter}
        elif step.kind == "evaluate":
            place = str(step.language), step.tuned_on, step.seed, step.prompt
            path = folder / file_of(study, step.name, *place)
            links[path] = made / "predictions.parquet"
    for target, source in links.items():
        _link(source, target)
    ours = [path for name in of_adapter for path in folder.glob(f"adapters/*/{name}")]
    ours += folder.glob("predictions/*/*.parquet")
    for path in {*ours} - links.keys():
        path.unlink()
        if not any(path.parent.iterdir()):
            path.parent.rmdir()


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = writing.beside(target)
    try:
        os.link(source, temporary)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)
    # Onto another link of the same file a rename does nothing, by POSIX.
    temporary.unlink(missing_ok=True)


def _versions(steps: Sequence[Step]) -> dict[str, str]:
    scorers = [step.spec.fields.get("packages", {}) for step in steps]
    computed = {
        name: str(step.spec.fields[name])
        for step in steps
        for name in ("device", "dtype")
        if name in step.spec.fields
    }
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        **computed,
        **{name: version(name) for name in PACKAGES},
        **{name: number for found in scorers for name, number in found.items()},
    }
