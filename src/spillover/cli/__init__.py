"""The command line: one thin command for each public function."""

from __future__ import annotations

import io
import os
import signal
import sys
import warnings
from importlib.metadata import version as installed
from typing import Annotated

import typer

from spillover.cli import compare, doctor, exchange, hub, steps, study
from spillover.cli.answer import answering
from spillover.errors import Faults, SpilloverError, first_line
from spillover.terminal import say
from spillover.terminal.console import err

app = typer.Typer(
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    help="How far a skill that a language model learns in English carries over to "
    "other languages, and why.",
)
for command in (
    study.run, study.show, study.report, study.lint, study.audit, study.studies,
    study.tasks, steps.tune, steps.evaluate, steps.embed, compare.compare,
    exchange.correlate, hub.push, doctor.doctor,
):  # fmt: skip
    app.command()(command)
app.add_typer(exchange.export, name="export")
app.add_typer(exchange.import_, name="import")
for group in (app, exchange.export, exchange.import_):
    for registered in group.registered_commands:
        if registered.callback:
            registered.callback = answering(registered.callback)


def _tell_version(wanted: bool) -> None:
    if wanted:
        say(f"spillover {installed('spillover')}")
        raise typer.Exit


@app.callback()
def whole(
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_tell_version,
            is_eager=True,
            help="Print the version and exit.",
        ),
    ] = False,
) -> None:
    """What stands before any command."""


def main() -> None:
    """Run the command line; our own errors end in one message and status 2."""
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    os.environ.setdefault("TRANSFORMERS_VERBOSITY", "error")
    os.environ.setdefault("TQDM_DISABLE", "1")  # our own progress line is enough
    # PEFT still uses a name that transformers renames; no reader can mend that.
    warnings.filterwarnings("ignore", "`is_gradient_checkpointing`", FutureWarning)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):  # what it cannot write goes as a code
            stream.reconfigure(errors="backslashreplace")
    before = signal.getsignal(signal.SIGTERM)
    try:
        # A batch system's notice: what is open is closed, and locks are given back.
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))
        app(prog_name="spillover")
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
    except RuntimeError as error:
        from spillover.devices import is_out_of_memory

        if not is_out_of_memory(error):
            raise
        err.print(f"error: {first_line(error)}; lower batch_tokens or micro_batch_size")
        sys.exit(2)
    except SystemExit as exit:
        if exit.code in (130, 143):  # what typer makes of Ctrl-C, and the above
            err.print("stopped; steps that are done are kept")
        raise
    finally:
        signal.signal(signal.SIGTERM, before)
