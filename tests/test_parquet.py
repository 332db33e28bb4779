"""A damaged table is one sentence."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from spillover import parquet
from spillover.errors import DataError


def test_a_table_and_some_of_its_columns(tmp_path: Path) -> None:
    frame = pd.DataFrame({"a": [1, 2], "b": ["x", "y"]})
    frame.to_parquet(tmp_path / "t.parquet")
    pd.testing.assert_frame_equal(parquet.read(tmp_path / "t.parquet"), frame)
    assert [*parquet.read(tmp_path / "t.parquet", ["b"])] == ["b"]


def test_what_is_no_table_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    with pytest.raises(DataError, match=r"t\.parquet: no such file"):
        parquet.read(path)
    pd.DataFrame({"a": [1]}).to_parquet(path)
    with pytest.raises(DataError, match=r"t\.parquet: lacks b, as a table of another"):
        parquet.read(path, ["b"])
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(DataError, match=r"t\.parquet: not a readable table"):
        parquet.read(path)
