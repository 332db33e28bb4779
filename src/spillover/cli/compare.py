"""The command that sets runs side by side."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Annotated

import typer

from spillover.cli import complete
from spillover.cli.answer import Answer
from spillover.terminal import say, show_panels

LONGEST = 200
"""Bytes of a folder's name; most file systems take 255."""


def compare(
    runs: Annotated[
        list[Path],
        typer.Argument(
            help="Folders of finished runs; the first is the baseline.",
            autocompletion=complete.runs,
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(help="Where it all goes; default runs/compare/<A>-vs-<B>."),
    ] = None,
) -> Answer:
    """Set runs side by side, and test them against the first on the same items."""
    from spillover.comparison import compare_runs
    from spillover.writing import check_writable

    if out is not None:
        check_writable(out)
    found = compare_runs(runs)
    folder = out or Path("runs") / "compare" / folder_name(found.runs)
    if found.settings.empty:
        say("Studies and versions are the same.")
    panels = found.panels()
    del panels["findings"]  # too long for a terminal; the page has them
    for each in panels.values():
        show_panels(each)
    found.write(folder)
    say(f"All of it is in {folder}")
    return Answer(
        {
            "folder": folder,
            "runs": {name: results.folder for name, results in found.runs.items()},
            "settings": found.settings.reset_index(),
            "items": found.items,
            "scores": found.scores,
            "differences": found.differences,
            "pooled": found.pooled,
        }
    )


def folder_name(runs: Iterable[str]) -> str:
    """A name from those of the runs; a long one ends in a hash of the whole."""
    name = "-vs-".join(re.sub(r"[^\w.-]+", "-", run) for run in runs)
    if len(name.encode()) <= LONGEST:
        return name
    begin = name.encode()[: LONGEST - 9].decode(errors="ignore")
    return f"{begin}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
