"""The folder of a run: where in it things lie, and how they get there."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING

import yaml

from spillover import writing
from spillover.analysis.verdict import to_frame
from spillover.data.task import OWN_PROMPT
from spillover.languages import PIVOT
from spillover.languages import language as language_of
from spillover.model_spec import ADAPTER
from spillover.pipeline import collect, correlations
from spillover.pipeline.inputs import Inputs
from spillover.pipeline.plan import Step
from spillover.pipeline.store import Store
from spillover.results import AGAIN, AGAIN_WITH_DATA, FRAMES, Results
from spillover.study import Study

if TYPE_CHECKING:
    import pandas as pd

PACKAGES = ("spillover", "torch", "transformers", "peft", "datasets", "numpy", "scipy")


def file_of(
    study: Study,
    task: str,
    language: str,
    tuned_on: str | None,
    seed: int | None,
    prompt: str = OWN_PROMPT,
) -> Path:
    """Where, in a run's folder, the predictions of a state of the model lie."""
    state = f"after-{tuned_on}{_of_seed(study, seed)}" if tuned_on else "before"
    of_prompt = "" if prompt == OWN_PROMPT else f"@{prompt}"  # in no task's name
    return Path("predictions") / state / f"{task}.{language}{of_prompt}.parquet"


def adapter_of(study: Study, task: str, seed: int | None) -> Path:
    """Where, in a run's folder, what was trained on a task lies."""
    return Path("adapters") / f"{task}{_of_seed(study, seed)}"


def _of_seed(study: Study, seed: int | None) -> str:
    return f"-seed{seed}" if len(study.training_seeds) > 1 else ""


def write_results(
    study: Study,
    inputs: Inputs,
    steps: Sequence[Step],
    store: Store,
    folder: Path,
    lint: pd.DataFrame,
) -> Results:
    """Analyse the finished steps and write everything into the study's folder."""
    found = collect.Outcomes(study, inputs, steps, store)
    scores = correlations.scored(found)
    results = Results(
        study=study,
        folder=folder,
        evaluations=collect.evaluations(found),
        comparisons=collect.comparisons(found),
        similarities=collect.similarities(found),
        correlations=correlations.correlations(found, scores),
        controls=correlations.controls(found, scores, _controls(study, inputs)),
        pooled=correlations.pooled(found, scores),
        distributions=collect.distributions(found),
        mexa=collect.mexa(found),
        diagnostics=collect.diagnostics(found),
        confusions=collect.confusions(found),
        lint=lint,
        metrics={name: study.metric(data.task) for name, data in inputs.tasks.items()},
        kinds={name: data.task.kind for name, data in inputs.tasks.items()},
    )
    # Written last: until then the folder is no run, neither the new nor an old one.
    (folder / "study.yaml").unlink(missing_ok=True)
    for name in FRAMES:
        _write_frame(getattr(results, name), folder / "results" / name)
    verdicts = to_frame(results.findings())
    _write_frame(verdicts, folder / "results" / "findings")
    results.write_tables()
    _lay_out(study, steps, store, folder)
    versions = json.dumps(_versions(steps), indent=1)
    writing.replace(folder / "versions.json", versions + "\n")
    as_run = study.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(as_run, sort_keys=False, allow_unicode=True)
    command = AGAIN if inputs.data_root is None else AGAIN_WITH_DATA
    writing.replace(folder / "study.yaml", f"# {command}\n{text}")
    results.write_report()
    return results


def _controls(study: Study, inputs: Inputs) -> dict[str, dict[str, dict[str, float]]]:
    """For each corpus, what else than similarity could explain a language's score.

    Fertility is the number of tokens that the model's tokenizer needs for the corpus,
    over that for English; length the same of characters; script is 1 for English's.
    """
    from spillover.models import load_tokenizer

    tokenizer = load_tokenizer(study.model)
    result = {}
    for name, corpus in inputs.corpora.items():
        tokens, characters = {}, {}
        for code, sentences in corpus.sentences.items():
            ids = tokenizer(list(sentences), add_special_tokens=False).input_ids
            tokens[code] = float(sum(map(len, ids)))
            characters[code] = float(sum(map(len, sentences)))
        script = language_of(PIVOT).script
        same = {code: float(language_of(code).script == script) for code in tokens}
        result[name] = {
            "fertility": {code: n / tokens[PIVOT] for code, n in tokens.items()},
            "length": {code: n / characters[PIVOT] for code, n in characters.items()},
            "script": same,
        }
    return result


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    writing.replace(path.with_suffix(".parquet"), frame.to_parquet(index=False))
    writing.replace(path.with_suffix(".csv"), frame.to_csv(index=False))


def _lay_out(study: Study, steps: Sequence[Step], store: Store, folder: Path) -> None:
    """Put adapters and predictions where a person looks for them, as hard links."""
    for step in steps:
        made = store.folder(step.spec)
        if step.kind == "tune":
            kept = folder / adapter_of(study, step.name, step.seed)
            for name in (*ADAPTER, "log.json"):
                _link(made / name, kept / name)
        elif step.kind == "evaluate":
            place = str(step.language), step.tuned_on, step.seed, step.prompt
            path = file_of(study, step.name, *place)
            _link(made / "predictions.parquet", folder / path)


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
