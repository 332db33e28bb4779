"""Files are written whole, or stay as they were."""

from __future__ import annotations

import os
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


def test_a_link_in_the_folder_is_not_followed(tmp_path: Path) -> None:
    aim = tmp_path / "aim"
    aim.write_text("kept")
    folder = tmp_path / "folder"
    folder.mkdir()
    for name in ("a.json", ".a.json", f".a.json.{os.getpid()}", "a.json.tmp"):
        (folder / name).symlink_to(aim)
    writing.replace(folder / "a.json", "new")
    assert (folder / "a.json").read_text() == "new"
    assert not (folder / "a.json").is_symlink()
    assert aim.read_text() == "kept"


def test_a_file_may_be_read_by_whom_the_user_lets(tmp_path: Path) -> None:
    before = os.umask(0o027)
    try:
        writing.replace(tmp_path / "a", "x")
    finally:
        os.umask(before)
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o640


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


def test_a_folder_that_can_be_made_will_do(tmp_path: Path) -> None:
    writing.check_writable(tmp_path / "a" / "b")
    assert not (tmp_path / "a").exists()
    (tmp_path / "file").touch()
    for nowhere in (tmp_path / "file", Path("/proc")):  # both look writable to root
        with pytest.raises(OutputError, match=r"written \(N.*; name another with"):
            writing.check_writable(nowhere / "b")
