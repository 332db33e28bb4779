"""The command that puts an adapter on the Hugging Face Hub."""

from __future__ import annotations

from typing import Annotated

import typer

from spillover.cli.answer import Answer
from spillover.cli.options import RunFolder
from spillover.terminal import say, show_table, table


def push(
    run: RunFolder,
    repo: Annotated[str, typer.Argument(help="Where to, as user/name.")],
    task: Annotated[
        str | None, typer.Option(help="What the adapter was tuned on.")
    ] = None,
    seed: Annotated[int | None, typer.Option(help="The seed of its training.")] = None,
    private: Annotated[
        bool, typer.Option("--private", help="Nobody else is to see it.")
    ] = False,
    revision: Annotated[
        str | None,
        typer.Option(help="A branch, made if it is not there (default: main)."),
    ] = None,
    licence: Annotated[
        str, typer.Option(help="Of the adapter, as the Hub spells it: apache-2.0.")
    ] = "other",
    dry_run: Annotated[
        bool,
        typer.Option("--dry-run", help="Write the card, list the files, and stop."),
    ] = False,
) -> Answer:
    """Put an adapter of a run on the Hugging Face Hub, with a model card."""
    from spillover import hub, writing
    from spillover.results import read_results

    adapter = hub.choose(read_results(run), task, seed)
    files = hub.contents(adapter, repo, licence, revision)
    sizes = {
        name: len(content) if isinstance(content, bytes) else content.stat().st_size
        for name, content in files.items()
    }
    document = {"repository": repo, "files": sizes}
    if dry_run:
        card = adapter.folder / "README.md"
        writing.replace(card, bytes(files["README.md"]))
        lines = table("file", "bytes")
        for name, size in sizes.items():
            lines.add_row(name, f"{size:,}")
        show_table(lines)
        say(f"Nothing was sent; the card is in {card}")
        return Answer(document | {"card": str(card)})
    commit = hub.push(files, repo, private=private, revision=revision)
    say(f"{repo}: {len(files)} files of {adapter.folder}, {commit}")
    return Answer(document | {"commit": commit})
