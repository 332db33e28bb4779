"""Write commands.md from the command line itself: `python docs/commands.py`."""

from __future__ import annotations

import re
from pathlib import Path

from typer import Context
from typer.cli import get_docs_for_click
from typer.main import get_command

from spillover.cli import app

HEAD = """\
<!-- Written by docs/commands.py. The words stand in the commands' own help. -->

# Every command

`--help` after each says the same on a terminal. Each takes `--quiet`, which leaves what
went wrong, and `--json` ([The terminal](terminal.md)).
The keys that `--set` takes are in [Every key of a study](study-keys.md).
"""


def page() -> str:
    """The whole page."""
    command = get_command(app)
    text = get_docs_for_click(obj=command, ctx=Context(command), name="spillover")
    _, _, commands = text.partition("\n## ")
    of_all = r"^\* `(--help|-q, --quiet|--json)`.*\n"
    commands = re.sub(of_all, "", f"## {commands}", flags=re.M)
    commands = re.sub(r"\*\*Options\*\*:\n\n(?=\n|#|$)", "", commands)
    # Of a group: each follows, in words that are not cut.
    commands = re.sub(r"\*\*Commands\*\*:\n\n(\* .*\n)+\n", "", commands)
    return f"{HEAD}\n{commands.strip()}\n"


if __name__ == "__main__":
    Path(__file__).with_name("commands.md").write_text(page(), "utf-8")
