"""The command that looks whether a run can start."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spillover.cli import complete
from spillover.cli.answer import Answer
from spillover.cli.options import DataRoot, Device, Overrides
from spillover.terminal import show_checks


def doctor(
    study: Annotated[
        str | None,
        typer.Argument(
            help="A preset's name or a YAML file; without it, all data are looked for.",
            autocompletion=complete.studies,
        ),
    ] = None,
    set_: Overrides = None,
    data_root: DataRoot = None,
    out: Annotated[Path, typer.Option(help="Where results would go.")] = Path("runs"),
    device: Device = "auto",
    network: Annotated[
        bool, typer.Option("--network", help="Ask the Hub whether it can be reached.")
    ] = False,
) -> Answer:
    """Look whether a run can start here, and say what to do about what is missing."""
    from spillover.doctor import examine
    from spillover.study_file import read_study

    chosen = read_study(study, set_ or []) if study else None
    checks = examine(
        chosen, data_root=data_root, out=out, device=device, network=network
    )
    show_checks(checks)
    ready = all(check.state != "missing" for check in checks)
    return Answer({"ready": ready, "checks": checks}, status=0 if ready else 1)
