"""The command that sets runs side by side."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Annotated

import typer

from spillover.cli import complete
from spillover.cli.answer import Answer
from spillover.terminal import say, show_panels


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
    from spillover.pipeline.store import check_writable

    if out is not None:
        check_writable(out)
    found = compare_runs(runs)
    names = [re.sub(r"[^\w.-]+", "-", name) for name in found.runs]
    folder = out or Path("runs") / "compare" / "-vs-".join(names)
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
