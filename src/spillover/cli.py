"""The command line: one thin command for each public function."""

from __future__ import annotations

import os
import sys
import time
import warnings
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text

from spillover.errors import Faults, SpilloverError

if TYPE_CHECKING:
    from spillover.model_spec import ModelSpec
    from spillover.pipeline.clock import Clock
    from spillover.pipeline.plan import Step
    from spillover.settings import TuneSettings
    from spillover.studies import Prepared, Results
    from spillover.study import Study

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="How far a skill that a language model learns in English carries over to "
    "other languages, and why.",
)
# Texts are shown as they are: a user's "[red]" or ":cat:" is no markup.
out = Console(markup=False, emoji=False, highlight=False)
err = Console(markup=False, emoji=False, highlight=False, stderr=True, soft_wrap=True)

StudyName = Annotated[str, typer.Argument(help="A preset's name or a YAML file.")]
DataRoot = Annotated[
    Path | None,
    typer.Option(help="Folder with the official data files; without it, the Hub."),
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
    set_: Annotated[
        list[str] | None,
        typer.Option("--set", help="key=value, as tune.epochs=1; may be repeated."),
    ] = None,
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
    _say(f"{chosen.name}: {len(prepared.steps)} steps, {done} done already")
    with _Progress(Clock(todo)) as watcher:
        results = run_prepared(prepared, watcher)
    _show_results(results)


@app.command()
def studies() -> None:
    """List the studies that ship with the package."""
    from spillover.study import preset_names, read_study

    table = _table("study", "what it is for")
    for name in preset_names():
        table.add_row(name, read_study(name).description)
    out.print(table)


@app.command()
def tasks() -> None:
    """List tasks and parallel corpora."""
    from spillover.data import registry

    table = _table("task", "languages", "what is asked")
    for name in registry.task_names():
        task = registry.task(name)
        table.add_row(name, _codes(task.languages), task.description)
    out.print(table)
    table = _table("corpus", "languages", "what it holds")
    for name in registry.corpus_names():
        corpus = registry.corpus(name)
        table.add_row(name, _codes(corpus.languages), corpus.description)
    out.print(table)


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
    _say(f"{out}: adapter of {len(items)} items{last}")


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
    table = _table("language", "metric", "value", "n")
    for code, part in items.items():
        result = evaluate_model(lm, chosen, part, code)
        for metric, value in result.metrics.items():
            table.add_row(code, metric, f"{value:.3f}", str(result.n))
    out.print(table)


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
    table = _table("pair", "pooling", "layer", "parallel", "random", "n")
    for code in texts:
        if code == "en":
            continue
        for key, vectors in embed_sentences(lm, texts[code]).items():
            found = similarity(english[key], vectors, texts["en"], texts[code])
            cells = [f"{found.parallel:.3f}", f"{found.random:.3f}", str(found.n)]
            table.add_row(f"en-{code}", key[0], str(key[1]), *cells)
    out.print(table)


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
        table = _table("", "step")
        for number, label in enumerate(labels, start=1):
            table.add_row(str(number), label)
        out.print(table)
        _say("Nothing was fetched; what is done already cannot be told yet.")
    else:
        _show_plan(prepared)


def _show_plan(prepared: Prepared) -> None:
    table = _table("", "step", "items", "state")
    for number, step in enumerate(prepared.steps, start=1):
        if prepared.store.finished(step.spec):
            state = "done"
        else:
            misfit = prepared.store.misfit(step.spec)
            state = "to do" if misfit is None else f"again: {', '.join(misfit)}"
        table.add_row(str(number), step.label, str(step.items), state)
    out.print(table)


def _show_results(results: Results) -> None:
    from spillover.report.panel import terminal

    for panel in results.panels():
        for table in terminal(panel, width=min(out.width, 80)):
            out.print(table)
    _say(f"All of it, and what it was computed from, is in {results.folder}")


class _Progress:
    """One line a step, and on a terminal a line that tells what is going on."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.status = err.status("") if err.is_terminal else None
        self.spoken = time.monotonic()
        self.step: Step | None = None

    def __enter__(self) -> _Progress:
        if self.status:
            self.status.start()
        return self

    def __exit__(self, *exc: object) -> None:
        if self.status:
            self.status.stop()

    def started(self, step: Step) -> None:
        """A step has begun."""
        self.step = step
        self.clock.start()
        self._tell()

    def advanced(self, share: float) -> None:
        """The step that runs has done this share of its work."""
        self.clock.advance(share)
        self._tell()

    def finished(self, step: Step, seconds: float) -> None:
        """A step is done."""
        self.clock.finish()
        left = self._left()
        count = f"[{self.clock.done}/{len(self.clock.todo)}]"
        err.print(f"{count} {step.label}: {seconds:.0f} s{left}")

    def _tell(self) -> None:
        if self.step is None:
            return
        text = f"{self.step.label} {self.clock.share:.0%}{self._left()}"
        if self.status:
            self.status.update(Text(text))
        elif time.monotonic() - self.spoken > 20:  # a log file, not a terminal
            self.spoken = time.monotonic()
            err.print(f"      {text}")

    def _left(self) -> str:
        seconds = self.clock.left()
        if seconds is None:
            return ", time left unknown yet"
        if seconds < 90:
            return f", about {seconds:.0f} s left"
        return f", about {seconds / 60:.0f} min left"


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


def _table(*columns: str) -> Table:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for column in columns:
        table.add_column(column, overflow="fold")
    return table


def _codes(languages: tuple[str, ...]) -> str:
    if len(languages) <= 8:
        return " ".join(languages)
    return f"{' '.join(languages[:7])} … ({len(languages)})"


def _say(text: str) -> None:
    out.print(text, soft_wrap=True)  # a path must not be broken


if __name__ == "__main__":
    main()
