"""Commands about whole studies: run one, show, report, lint and list them."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from spillover.cli import complete
from spillover.cli.answer import Answer
from spillover.cli.options import (
    DataRoot,
    Device,
    Overrides,
    RunFolder,
    StudyName,
)
from spillover.errors import Faults, SpilloverError, StudyError
from spillover.report.panel import numbers
from spillover.terminal import (
    language_list,
    say,
    show_findings,
    show_panels,
    show_plan,
    show_remarks,
    show_table,
    table,
)
from spillover.terminal.console import err
from spillover.terminal.live import Progress

if TYPE_CHECKING:
    from spillover.pipeline.plan import Prepared
    from spillover.results import Results
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
) -> Answer:
    """Run a study; what is done already is not done again."""
    from spillover.study_file import read_study

    chosen = read_study(study, set_ or [])
    if dry_run:
        os.environ["HF_HUB_OFFLINE"] = "1"  # before the library reads it
        return _dry_run(chosen, data_root, out, device)
    from spillover.pipeline.clock import Clock
    from spillover.studies import prepare, run_prepared

    prepared = prepare(chosen, data_root=data_root, out=out, device=device)
    todo = prepared.todo
    reused = len(prepared.steps) - len(todo)
    with Progress(Clock(todo), chosen.name, reused) as watcher:
        if todo:
            err.print(f"on {prepared.hardware}")
        results = run_prepared(prepared, watcher)
    _show(results)
    say(f"{results.folder}/report.html shows all of it; the rest lies beside it")
    steps = {"steps": len(prepared.steps), "reused": reused}
    return Answer(_found(results) | steps)


def show(
    run: RunFolder,
    beside: Annotated[
        str | None,
        typer.Option(
            help="A paper to set it beside: xie2024.", autocompletion=complete.papers
        ),
    ] = None,
    match: Annotated[
        list[str] | None,
        typer.Option(help="OURS=THEIRS, for tasks of different names; may repeat."),
    ] = None,
) -> Answer:
    """Show the tables and findings of a run again, or beside a paper's numbers."""
    from spillover.results import read_results

    if match and beside is None:
        raise StudyError(
            f"'{match[0]}' has nothing to match with",
            where="--match",
            fix="add --beside xie2024",
        )
    results = read_results(run)
    if beside is None:
        _show(results)
        return Answer(_found(results))
    pairs = [text.partition("=") for text in match or []]
    panels = results.beside(beside, {ours: theirs for ours, _, theirs in pairs})
    show_panels(panels)
    tables = [{"title": p.title, "note": p.note, "rows": numbers(p)} for p in panels]
    return Answer({"folder": run, "paper": beside, "tables": tables})


def report(run: RunFolder) -> Answer:
    """Write the report page and the figures of a run again."""
    from spillover.results import read_results

    page = read_results(run).write_report()
    say(f"{page}: open it in a browser; its figures are in {page.parent / 'figures'}")
    return Answer({"page": page, "figures": page.parent / "figures"})


def lint(
    study: StudyName,
    set_: Overrides = None,
    data_root: DataRoot = None,
) -> Answer:
    """Look for what is odd in a study's data and prompts; no weights are loaded."""
    from spillover.pipeline.inputs import read_inputs
    from spillover.studies import check_data
    from spillover.study_file import read_study

    chosen = read_study(study, set_ or [])
    inputs = read_inputs(chosen, data_root)
    if inputs.errors:
        raise Faults(inputs.errors)
    remarks = check_data(chosen, inputs)
    show_remarks(remarks)
    errors = sum(remark.level == "error" for remark in remarks)
    found = {"study": chosen.name, "errors": errors, "remarks": remarks}
    return Answer(found, status=1 if errors else 0)


def audit() -> Answer:
    """Recompute Table 3 of Xie et al. (2024) from its Tables 1 and 2."""
    from spillover import published
    from spillover.audit import audit as audit_tables
    from spillover.report.audit_panels import audit_panels

    paper = published.load("xie2024")
    cells = audit_tables(paper)
    say(paper.citation)
    show_panels(audit_panels(cells))
    return Answer({"citation": paper.citation, "cells": cells})


def studies() -> Answer:
    """List the studies that ship with the package."""
    from spillover.study_file import preset_names, read_study

    lines = table("study", "what it is for")
    shipped = {name: read_study(name).description for name in preset_names()}
    for row in shipped.items():
        lines.add_row(*row)
    show_table(lines)
    listed = [{"name": name, "description": text} for name, text in shipped.items()]
    return Answer({"studies": listed})


def tasks() -> Answer:
    """List tasks and parallel corpora."""
    from spillover.data import registry

    lines = table("task", "languages", "what is asked")
    tasks = [registry.task(name) for name in registry.TASKS]
    for task in tasks:
        lines.add_row(task.name, language_list(task.languages), task.description)
    show_table(lines)
    lines = table("corpus", "languages", "what it holds")
    corpora = [registry.corpus(name) for name in registry.CORPORA]
    for each in corpora:
        lines.add_row(each.name, language_list(each.languages), each.description)
    show_table(lines)
    told = {"name", "description", "kind", "metric", "languages", "licence"}
    return Answer(
        {
            "tasks": [task.model_dump(include=told) for task in tasks],
            "corpora": [each.model_dump(include=told) for each in corpora],
        }
    )


def _show(results: Results) -> None:
    show_panels(results.panels())
    show_findings(results.findings())


def _found(results: Results) -> dict[str, Any]:
    """What the tables of a run show, as a part of a document."""
    from spillover.metrics import headline

    return {
        "study": results.study.name,
        "folder": results.folder,
        "scores": headline(results.evaluations, results.metrics),
        "correlations": results.evidence().correlations,
        "findings": results.findings(),
    }


def _dry_run(
    study: Study, data_root: Path | None, folder: Path | None, device: str
) -> Answer:
    from spillover.pipeline.plan import outline
    from spillover.studies import prepare

    labels = outline(study)
    problems: list[str] = []
    try:
        prepared = prepare(
            study, data_root=data_root, out=folder, device=device, fit=False
        )
    except Faults as faults:
        problems = _not_ready(faults.errors)
        steps = [_planned(label) for label in labels]
        lines = table("", "step")
        for number, label in enumerate(labels, start=1):
            lines.add_row(str(number), label)
        show_table(lines)
        say("Nothing was fetched; what is done already cannot be told yet.")
    else:
        steps = _states(prepared)
        show_plan(steps)
        if any(step["state"] != "done" for step in steps):
            from spillover.pipeline.fit import misfits

            # Without the tokenizer, which would have to be fetched.
            problems = _not_ready(misfits(study, prepared.inputs, model=False))
    return Answer({"study": study.name, "problems": problems, "steps": steps})


def _not_ready(errors: Sequence[SpilloverError]) -> list[str]:
    problems = [str(error) for error in errors]
    for problem in problems:
        err.print(f"not ready: {problem}")
    return problems


def _states(prepared: Prepared) -> list[dict[str, Any]]:
    """Each step of a study, and whether its result is there."""
    steps = []
    todo = {step.spec for step in prepared.todo}
    unfit = prepared.store.misfits(todo)
    for step in prepared.steps:
        done, differs = step.spec not in todo, unfit.get(step.spec)
        state = "done" if done else "to do" if differs is None else "again"
        steps.append(_planned(step.label, step.items, state, differs))
    return steps


def _planned(
    label: str,
    items: int | None = None,
    state: str | None = None,
    differs: list[str] | None = None,
) -> dict[str, Any]:
    return {"step": label, "items": items, "state": state, "differs": differs or []}
