"""Files are written whole, or stay as they were."""

from __future__ import annotations

from pathlib import Path

import pytest

from spillover import writing
from spillover.errors import OutputError


@pytest.mark.parametrize("data", ["neu: ü\n", "neu: ü\n".encode()])
def test_a_file_is_replaced_whole(tmp_path: Path, data: bytes | str) -> None:
    path = tmp_path / "new" / "a.json"
    writing.replace(path, "an older and longer text")
    writing.replace(path, data)
    assert path.read_bytes() == "neu: ü\n".encode()
    assert [entry.name for entry in path.parent.iterdir()] == ["a.json"]


def test_the_old_file_stays_where_the_new_one_cannot_take_its_place(
    tmp_path: Path,
) -> None:
    inside = tmp_path / "a.json" / "kept"
    writing.replace(inside, "old")
    with pytest.raises(OutputError, match=r"a\.json: cannot be written"):
        writing.replace(tmp_path / "a.json", "new")
    assert inside.read_text() == "old"
    assert [entry.name for entry in tmp_path.iterdir()] == ["a.json"]


def test_a_folder_that_is_a_file_is_an_output_error(tmp_path: Path) -> None:
    (tmp_path / "runs").write_text("a file")
    with pytest.raises(OutputError, match="cannot be written"):
        writing.replace(tmp_path / "runs" / "a.json", "new")
