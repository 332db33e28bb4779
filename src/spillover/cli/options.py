"""Options that several commands share."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from spillover import settings
from spillover.cli import complete

StudyName = Annotated[
    str,
    typer.Argument(
        help="A preset's name or a YAML file.", autocompletion=complete.studies
    ),
]
RunFolder = Annotated[
    Path,
    typer.Argument(help="The folder of a finished run.", autocompletion=complete.runs),
]
DataRoot = Annotated[
    Path | None,
    typer.Option(help="Folder with the official data files; without it, the Hub."),
]
Overrides = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        help="key=value, as tune.epochs=1; may be repeated.",
        autocompletion=complete.study_keys,
    ),
]
Device = Annotated[
    str,
    typer.Option(help="auto, cpu, cuda or mps.", autocompletion=complete.devices),
]
Dtype = Annotated[settings.Dtype, typer.Option(help="Of the base weights.")]
Chat = Annotated[
    bool, typer.Option("--chat", help="Put prompts into the model's chat template.")
]
Model = Annotated[
    str,
    typer.Option(
        help="Hub repository@revision, folder, .gguf file or embedded name.",
        autocompletion=complete.models,
    ),
]
Adapter = Annotated[Path | None, typer.Option(help="Folder of a PEFT adapter.")]
