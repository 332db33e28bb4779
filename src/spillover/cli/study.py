"""Commands about whole studies: run one, show, lint and list them."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spillover.cli.options import DataRoot, Device, Overrides, StudyName
from spillover.errors import Faults
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
    from spillover.study import Study


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


def audit() -> None:
    """Recompute Table 3 of Xie et al. (2024) from its Tables 1 and 2."""
    from spillover import published
    from spillover.audit import audit as audit_tables
    from spillover.audit import audit_panel

    paper = published.load("xie2024")
    say(paper.citation)
    show_panels(audit_panel(audit_tables(paper)))


def studies() -> None:
    """List the studies that ship with the package."""
    from spillover.study import preset_names, read_study

    lines = table("study", "what it is for")
    for name in preset_names():
        lines.add_row(name, read_study(name).description)
    out.print(lines)


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
