"""Commands for ways in and out: export, import, and correlate what was imported."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from spillover import writing
from spillover.cli.answer import Answer
from spillover.cli.options import DataRoot, Overrides, StudyName
from spillover.errors import StudyError
from spillover.report.panel import GAP, number
from spillover.terminal import say, show_table, table
from spillover.terminal.console import err

if TYPE_CHECKING:
    import pandas as pd

    from spillover.model_spec import ModelSpec

export = typer.Typer(no_args_is_help=True, help="Write a study's tasks for others.")
import_ = typer.Typer(no_args_is_help=True, help="Read what other tools have written.")

Table = Annotated[Path, typer.Option("--out", help="The CSV file to write.")]


@export.command("lm-eval")
def lm_eval(
    study: StudyName,
    folder: Annotated[Path, typer.Option("--out", help="Folder to write into.")],
    set_: Overrides = None,
    data_root: DataRoot = None,
) -> Answer:
    """Write a study's tasks for lm-evaluation-harness; no weights are loaded."""
    from spillover.study_file import read_study
    from spillover.writing import check_writable

    chosen = read_study(study, set_ or [])
    check_writable(folder)
    from spillover.exchange.lm_eval import export as write

    arguments = shlex.quote(f"{_arguments(chosen.model)},dtype=float32")
    groups = write(chosen, folder, data_root)
    start = f"lm_eval --model hf --model_args {arguments}"
    rest = f"--include_path {shlex.quote(str(folder))} --tasks {','.join(groups)}"
    say(f"{start} \\\n  {rest}")
    return Answer({"folder": folder, "tasks": groups, "command": f"{start} {rest}"})


@import_.command()
def scores(
    paths: Annotated[
        list[Path], typer.Argument(help="results_*.json, or folders that hold them.")
    ],
    file: Table,
    task: Annotated[
        list[str] | None,
        typer.Option(
            help="What to read, as 'global_mmlu_{language}' or hellaswag=en; "
            "may be repeated. Without it, all, by the language that names end in."
        ),
    ] = None,
    model: Annotated[str | None, typer.Option(help="What to call the model.")] = None,
) -> Answer:
    """Read scores of lm-evaluation-harness or lighteval."""
    from spillover.exchange.scores import read_scores

    frame = read_scores(paths, task or [], model)
    _write(frame, file)
    lines = table("model", "task", "metric", "languages")
    for keys, part in frame.groupby(["model", "task", "metric"], sort=False):
        lines.add_row(*map(str, keys), " ".join(part["language"]))
    show_table(lines)
    return Answer({"file": file, "scores": frame})


@import_.command()
def mexa(
    folder: Annotated[Path, typer.Argument(help="Holds one .json a language.")],
    model: Annotated[str, typer.Option(help="Whose scores they are.")],
    file: Table,
    pivot: Annotated[
        str, typer.Option(help="What all were compared with, as the files spell it.")
    ] = "eng_Latn",
) -> Answer:
    """Read the scores that MEXA's compute_mexa.py has written."""
    from spillover.exchange.mexa import read_mexa

    frame = read_mexa(folder, model, pivot)
    _write(frame, file)
    languages = " ".join(frame["target"].unique())
    say(f"{file}: {frame['layer'].nunique()} layers in {languages}")
    return Answer({"file": file, "scores": frame})


@import_.command()
def sentences(
    folder: Annotated[Path, typer.Argument(help="Holds one text file a language.")],
) -> Answer:
    """Print a folder of parallel text (FLORES, MEXA) as a study's corpus."""
    import yaml

    from spillover.exchange.mexa import parallel_text

    corpus, unknown, others = parallel_text(folder)
    entry = corpus.model_dump(mode="json", exclude_defaults=True)
    found = {"corpora": [{"corpus": entry}]}
    say(yaml.safe_dump(found, sort_keys=False).rstrip())
    if unknown:
        err.print(f"left out, as studies do not know them: {' '.join(unknown)}")
    if others:
        err.print(f"left out, as not text of a language: {' '.join(others)}")
    return Answer({**found, "unknown": unknown, "others": others})


def correlate(
    scores: Annotated[
        Path, typer.Argument(help="Scores: a CSV file, or the folder of a run.")
    ],
    similarities: Annotated[
        Path, typer.Argument(help="Similarities: a CSV file, or the folder of a run.")
    ],
    measure: Annotated[
        str | None,
        typer.Option(help="Measure of similarity (default: parallel, else mexa)."),
    ] = None,
    intersection: Annotated[
        bool, typer.Option("--intersection", help="Over the languages that both have.")
    ] = False,
    file: Annotated[
        Path | None, typer.Option("--out", help="A CSV file to write all of it to.")
    ] = None,
) -> Answer:
    """Correlate scores with similarities over languages, from a run or imported."""
    from spillover.exchange.correlate import correlate_tables, read_table

    sides = read_table(scores, "evaluations"), read_table(similarities, "similarities")
    frame = correlate_tables(*sides, measure, intersection=intersection)
    ours, theirs = (side["model"].iloc[0] for side in sides)
    if ours != theirs:
        err.print(f"the scores are of {ours}, the similarities of {theirs}")
    if file is not None:
        _write(frame, file)
    for (task, metric, seed), part in frame.groupby(
        ["task", "metric", "seed"], sort=False, dropna=False
    ):
        say(
            f"{task}, {metric}"
            + ("" if part["seed"].isna().all() else f", seed {seed}")
        )
        _show(part)
    for n, part in frame[frame["p_min"].notna()].groupby("n"):
        if part["p_error"].gt(0).any():
            error = part["p_error"].max()
            say(f"With {n} languages p is of random orders, ± {error:.2g} at most.")
        else:
            say(f"With {n} languages no p is below {part['p_min'].min():.2g}.")
    if (frame["family"] > 1).any():
        say("p, all: for having looked at all poolings and layers of that measure.")
    return Answer({"correlations": frame})


def _arguments(spec: ModelSpec) -> str:
    """The model as lm-eval takes it."""
    from spillover.gguf import converted

    parts = {
        "pretrained": spec.hub or spec.folder or converted(spec),
        "revision": spec.revision,
        "peft": spec.adapter,
    }
    given = {key: str(value) for key, value in parts.items() if value}
    for key, value in given.items():
        if "," in value or "=" in value:
            raise StudyError(
                f"lm-eval cannot be told {value!r}", where=f"model ({key})"
            )
    return ",".join(f"{key}={value}" for key, value in given.items())


def _show(frame: pd.DataFrame) -> None:
    lines = table("with", "pooling", "layer", "ρ", "interval", "p", "p, all", "n")
    for row in frame.to_dict("records"):
        gap = row["low"] != row["low"]
        lines.add_row(
            row["measure"],
            row["pooling"] if isinstance(row["pooling"], str) else GAP,
            number(row["layer"], ".0f"),
            number(row["value"], "z.2f"),
            GAP if gap else f"{row['low']:z.2f} to {row['high']:z.2f}",
            number(row["p_exact"], ".2g"),
            number(row["p_family"], ".2g"),
            str(row["n"]),
        )
    show_table(lines)
    for reason in frame["reason"].dropna().unique():
        say(f"{GAP}: {reason}")


def _write(frame: pd.DataFrame, file: Path) -> None:
    writing.replace(file, frame.to_csv(index=False))
