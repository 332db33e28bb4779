"""The project's pages: their code, their commands and their links."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from markdown_it import MarkdownIt
from markdown_it.token import Token
from mdit_py_plugins.anchors import anchors_plugin

CHECKOUT = Path(__file__).resolve().parent.parent
DOCS = CHECKOUT / "docs"
PAGES = [*CHECKOUT.glob("*.md"), *DOCS.rglob("*.md")]
NAMES = sorted(str(page.relative_to(CHECKOUT)) for page in PAGES)

MARKDOWN = MarkdownIt().enable("table").use(anchors_plugin, max_level=3)
"""Headings get the ids that GitHub gives them, and that links name after the `#`."""


def tokens(name: str) -> Iterator[Token]:
    """What the page of that name consists of, the parts of each line among it."""
    for token in MARKDOWN.parse((CHECKOUT / name).read_text("utf-8")):
        yield token
        yield from token.children or ()


def blocks(name: str, language: str) -> list[str]:
    """The fenced blocks of a language."""
    found = (token for token in tokens(name) if token.type == "fence")
    return [token.content for token in found if token.info == language]


def commands(name: str, program: str) -> list[str]:
    """The calls of a program: in a line of text, and the lines of code without a name.

    A backslash at the end of a line goes on with the next.
    """
    found: list[str] = []
    for token in tokens(name):
        if token.type == "code_inline":
            found.append(token.content)
        elif token.type == "code_block" or (token.type, token.info) == ("fence", ""):
            found += token.content.replace("\\\n", "").splitlines()
    return [line for line in found if line.startswith(f"{program} ")]


def files(name: str) -> dict[str, str]:
    """Path -> text of each block under a line that holds a path alone."""
    text = (CHECKOUT / name).read_text("utf-8")
    found = re.findall(r"^`([\w./-]+)`:\n\n```\w+\n(.*?)^```$", text, re.M | re.S)
    return dict(found)
