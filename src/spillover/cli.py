"""The command line: one thin command for each public function."""

from __future__ import annotations

import os
import sys
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spillover.errors import Faults, SpilloverError
from spillover.terminal import (
    Progress,
    err,
    language_list,
    out,
    say,
    show_findings,
    show_panels,
    show_plan,
    show_remarks,
    table,
)

if TYPE_CHECKING:
    from spillover.model_spec import ModelSpec
    from spillover.settings import TuneSettings
    from spillover.study import Study

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="How far a skill that a language model learns in English carries over to "
    "other languages, and why.",
)
StudyName = Annotated[str, typer.Argument(help="A preset's name or a YAML file.")]
DataRoot = Annotated[
    Path | None,
    typer.Option(help="Folder with the official data files; without it, the Hub."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option("--set", help="key=value, as tune.epochs=1; may be repeated."),
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda, cuda:0 or mps.")]
Model = Annotated[
    str,
    typer.Option(help="Hub repository@revision, folder, .gguf file or embedded name."),
]
Adapter = Annotated[Path | None, typer.Option(help="Folder of a PEFT adapter.")]


@app.command()
def run(
    study: StudyName,
    set_: Overrides = None,
    data_root: DataRoot = None,
    out: Annotated[
        Path | None, typer.Option(help="Where results go; default runs/<study>.")
    ] = None,
    device: Device = "auto",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Say what would run; fetch nothing, and stop."),
    ] = False,
) -> None:
    """Run a study; what is done already is not done again."""
    from spillover.study import read_study

    chosen = read_study(study, set_ or [])
    if dry_run:
        os.environ["HF_HUB_OFFLINE"] = "1"  # before the library reads it
        _dry_run(chosen, data_root, out, device)
        return
    from spillover.pipeline.clock import Clock
    from spillover.studies import prepare, run_prepared

    prepared = prepare(chosen, data_root=data_root, out=out, device=device)
    todo = [step for step in prepared.steps if not prepared.store.finished(step.spec)]
    done = len(prepared.steps) - len(todo)
    say(f"{chosen.name}: {len(prepared.steps)} steps, {done} done already")
    with Progress(Clock(todo)) as watcher:
        results = run_prepared(prepared, watcher)
    show_panels(results.panels())
    show_findings(results.findings())
    say(f"All of it, and what it was computed from, is in {results.folder}")


@app.command()
def show(
    run: Annotated[Path, typer.Argument(help="The folder of a run that has ended.")],
    beside: Annotated[
        str | None, typer.Option(help="A paper to set it beside: xie2024.")
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(help="OURS=THEIRS, for tasks of different names; may repeat."),
    ] = None,
) -> None:
    """Show the tables and findings of a run again, or beside a paper's numbers."""
    from spillover.results import read_results

    results = read_results(run)
    if beside is None:
        show_panels(results.panels())
        show_findings(results.findings())
        return
    pairs = [text.partition("=") for text in match or []]
    show_panels(results.beside(beside, {ours: theirs for ours, _, theirs in pairs}))


@app.command()
def lint(
    study: StudyName,
    set_: Overrides = None,
    data_root: DataRoot = None,
) -> None:
    """Look for what is odd in a study's data and prompts; no weights are loaded."""
    from spillover.pipeline.inputs import read_inputs
    from spillover.studies import check_data
    from spillover.study import read_study

    chosen = read_study(study, set_ or [])
    inputs = read_inputs(chosen, data_root)
    if inputs.errors:
        raise Faults(inputs.errors)
    remarks = check_data(chosen, inputs)
    show_remarks(remarks)
    if any(remark.level == "error" for remark in remarks):
        raise typer.Exit(1)


@app.command()
def audit() -> None:
    """Recompute Table 3 of Xie et al. (2024) from its Tables 1 and 2."""
    from spillover import published
    from spillover.audit import audit as audit_tables
    from spillover.audit import audit_panel

    paper = published.load("xie2024")
    say(paper.citation)
    show_panels(audit_panel(audit_tables(paper)))


@app.command()
def studies() -> None:
    """List the studies that ship with the package."""
    from spillover.study import preset_names, read_study

    lines = table("study", "what it is for")
    for name in preset_names():
        lines.add_row(name, read_study(name).description)
    out.print(lines)


@app.command()
def tasks() -> None:
    """List tasks and parallel corpora."""
    from spillover.data import registry

    lines = table("task", "languages", "what is asked")
    for name in registry.task_names():
        task = registry.task(name)
        lines.add_row(name, language_list(task.languages), task.description)
    out.print(lines)
    lines = table("corpus", "languages", "what it holds")
    for name in registry.corpus_names():
        corpus = registry.corpus(name)
        lines.add_row(name, language_list(corpus.languages), corpus.description)
    out.print(lines)


@app.command()
def tune(
    task: Annotated[str, typer.Option(help="Task to learn, in English.")],
    out: Annotated[Path, typer.Option(help="Where the adapter goes.")],
    model: Model = "smollm2-135m-instruct",
    rows: Annotated[
        int | None, typer.Option(min=1, help="Training items; all.")
    ] = None,
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="A setting, as epochs=1.")
    ] = None,
    seed: int = 1,
    data_root: DataRoot = None,
    device: Device = "auto",
) -> None:
    """Fine-tune a model with LoRA on a task's English items."""
    from spillover.data import registry
    from spillover.studies import check_writable

    chosen = registry.task(task)
    settings = _settings(set_ or [])
    spec = _model(model)
    items = chosen.load("train", "en", data_root)[:rows]
    check_writable(out)
    from spillover.models import load_model
    from spillover.tune import tune as tune_model

    base = load_model(spec, device=device)
    log = tune_model(base, chosen, items, out, settings, seed=seed)
    last = f", last loss {log[-1]['loss']:.3f}" if log else ""
    say(f"{out}: adapter of {len(items)} items{last}")


@app.command()
def evaluate(
    task: Annotated[str, typer.Option(help="Task to evaluate.")],
    language: Annotated[list[str], typer.Option(help="May be repeated.")],
    model: Model = "smollm2-135m-instruct",
    adapter: Adapter = None,
    rows: Annotated[
        int | None, typer.Option(min=1, help="Items a language; all.")
    ] = None,
    data_root: DataRoot = None,
    device: Device = "auto",
) -> None:
    """Evaluate a model zero-shot on a task."""
    from spillover.data import registry
    from spillover.data.items import subsample

    chosen = registry.task(task)
    spec = _model(model)
    items = chosen.load_all("test", language, data_root)
    if rows is not None:
        items = subsample(items, rows, 1)
    from spillover.evaluate import evaluate as evaluate_model
    from spillover.models import attach, load_model

    lm = load_model(spec, device=device)
    lm = lm if adapter is None else attach(lm, adapter)
    lines = table("language", "metric", "value", "n")
    for code, part in items.items():
        result = evaluate_model(lm, chosen, part, code)
        for metric, value in result.metrics.items():
            lines.add_row(code, metric, f"{value:.3f}", str(result.n))
    out.print(lines)


@app.command()
def embed(
    corpus: Annotated[str, typer.Option(help="Parallel corpus to embed.")],
    language: Annotated[list[str], typer.Option(help="May be repeated.")],
    model: Model = "smollm2-135m-instruct",
    adapter: Adapter = None,
    rows: Annotated[int | None, typer.Option(min=2, help="Sentences; all.")] = None,
    data_root: DataRoot = None,
    device: Device = "auto",
) -> None:
    """Compare the vectors of parallel and of random sentence pairs with English."""
    from spillover.analysis.similarity import similarity
    from spillover.data import registry

    spec = _model(model)
    texts = registry.corpus(corpus).parallel(language, data_root, rows=rows).sentences
    from spillover.embed import embed as embed_sentences
    from spillover.models import attach, load_model

    lm = load_model(spec, device=device)
    lm = lm if adapter is None else attach(lm, adapter)
    english = embed_sentences(lm, texts["en"])
    lines = table("pair", "pooling", "layer", "parallel", "random", "n")
    for code in texts:
        if code == "en":
            continue
        for key, vectors in embed_sentences(lm, texts[code]).items():
            found = similarity(english[key], vectors, texts["en"], texts[code])
            cells = [f"{found.parallel:.3f}", f"{found.random:.3f}", str(found.n)]
            lines.add_row(f"en-{code}", key[0], str(key[1]), *cells)
    out.print(lines)


def main() -> None:
    """Run the command line; our own errors end in one message and status 2."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TQDM_DISABLE", "1")  # our own progress line is enough
    # PEFT still uses a name that transformers renames; no reader can mend that.
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
    try:
        app()
    except SpilloverError as error:
        errors = error.errors if isinstance(error, Faults) else (error,)
        for each in errors:
            err.print(f"error: {each}", *getattr(each, "__notes__", ()))
        if len(errors) > 1:
            err.print(f"{len(errors)} errors; nothing was run")
        sys.exit(2)
    except OSError as error:  # a full disk, a file taken away during the run
        err.print(f"error: {error}")
        sys.exit(2)
    except SystemExit as exit:
        if exit.code == 130:  # what typer makes of Ctrl-C
            err.print("stopped; steps that are done are kept")
        raise


def _dry_run(
    study: Study, data_root: Path | None, folder: Path | None, device: str
) -> None:
    from spillover.pipeline.plan import outline
    from spillover.studies import prepare

    labels = outline(study)
    try:
        prepared = prepare(study, data_root=data_root, out=folder, device=device)
    except Faults as faults:
        for each in faults.errors:
            err.print(f"not ready: {each}")
        lines = table("", "step")
        for number, label in enumerate(labels, start=1):
            lines.add_row(str(number), label)
        out.print(lines)
        say("Nothing was fetched; what is done already cannot be told yet.")
    else:
        show_plan(prepared)


def _settings(overrides: Iterable[str]) -> TuneSettings:
    from pydantic import ValidationError

    from spillover.settings import TuneSettings
    from spillover.study import explained, override

    given: dict[str, Any] = {}
    for text in overrides:
        override(given, text)
    try:
        return TuneSettings.model_validate(given)
    except ValidationError as error:
        raise Faults(explained(error, "--set", ("tune",))) from error


def _model(line: str) -> ModelSpec:
    from pydantic import ValidationError

    from spillover.model_spec import ModelSpec
    from spillover.study import explained

    try:
        return ModelSpec.model_validate(line)
    except ValidationError as error:
        raise Faults(explained(error, "--model")) from error


if __name__ == "__main__":
    main()
