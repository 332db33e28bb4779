"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

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
