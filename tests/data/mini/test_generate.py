"""The files of the mini-suite are those that the grammars write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spillover.data.mini import generate


@pytest.mark.parametrize("task", generate.TASKS)
def test_the_files_are_those_that_the_grammar_writes(task: str) -> None:
    written = dict(generate.rendered(task))
    assert len(written) == 7
    for name, content in written.items():
        assert (generate.FOLDER / name).read_bytes() == content.encode(), name


def test_no_file_is_left_from_before() -> None:
    files = {path.name for path in generate.FOLDER.glob("*.jsonl")}
    assert files == {name for name, _ in generate.rendered()}


def test_write(tmp_path: Path) -> None:
    generate.write(tmp_path, "paraphrase")
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {name for name, _ in generate.rendered("paraphrase")}
    lines = (tmp_path / "paraphrase_test.ja.jsonl").read_bytes().split(b"\n")
    assert lines.pop() == b""
    assert list(json.loads(lines[0])) == [
        "id",
        "sentence1",
        "sentence2",
        "label",
        "frame",
    ]
