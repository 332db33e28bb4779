"""What reaches a terminal of texts that nobody here wrote."""

from __future__ import annotations

import io

import pytest
from rich.table import Table

from spillover.terminal import table
from spillover.terminal.console import Stream


def shown(text: object) -> str:
    file = io.StringIO()
    Stream(
        file=file,
        markup=False,
        emoji=False,
        highlight=False,
        width=80,
        force_terminal=True,
    ).print(text)
    return file.getvalue()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("\x1b]0;title\x07", "\\x1b]0;title"),
        ("\x1b[2Jgone", "\\x1b[2Jgone"),
        ("\x9b31m", "\\x9b31m"),
        ("a\u202eb\u2066c", "a\\u202eb\\u2066c"),
        ("\x00\x7f", "\\x00\\x7f"),
    ],
)
def test_control_characters_are_shown_by_their_code(text: str, said: str) -> None:
    assert said in shown(text)
    table = Table("name")
    table.add_row(text)
    framed = shown(table)
    for control in ("\x1b]", "\x1b[2J", "\x9b", "\u202e", "\u2066", "\x00", "\x7f"):
        assert control not in framed


def test_a_cell_with_control_characters_is_shown_whole() -> None:
    lines = table("where", "remark")
    text = "\x1b]0;x\x9b31m\u202egnp.exe First: " + "word " * 20 + "end"
    lines.add_row("here", text)
    framed = shown(lines)
    assert framed.count("end") == 1
    assert "\\x1b]0;x\\x9b31m\\u202egnp.exe" in framed


def test_other_text_stays_as_it_is() -> None:
    text = "日本語 [red] :cat: \tx\u200d\u0301\nשלום"
    assert "日本語 [red] :cat:" in shown(text)
    assert "\u200d\u0301\nשלום" in shown(text)
    assert "\x1b[1m" in shown(Table("bold header"))  # rich's own stay
