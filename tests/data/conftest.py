"""Fixtures for reading from a folder in the layout of a Hub repository."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from spillover.data.columns import Split
from spillover.data.sources import Hub

Rows = list[dict[str, Any]]
Table = tuple[str, Split, Rows]
MakeHub = Callable[[Hub, Iterable[Table]], Hub]


@pytest.fixture
def make_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> MakeHub:
    """Writes tables where a `Hub` expects them, and returns it with the folder.

    A table is a language, a split, and its rows as the repository has them.
    """
    monkeypatch.setattr("datasets.config.HF_DATASETS_CACHE", tmp_path / "cache")
    monkeypatch.setattr("datasets.config.HF_HUB_OFFLINE", True)

    def make(hub: Hub, tables: Iterable[Table]) -> Hub:
        folder = tmp_path / hub.repo.replace("/", "--")
        configs: dict[str, list[dict[str, str]]] = defaultdict(list)
        for language, split, rows in tables:
            theirs = hub.splits.get(split, split)
            if hub.data_files:
                name = hub.spelled(hub.data_files, language, split)
                name = name.replace("*", "0000")
            else:
                assert hub.config is not None
                config = hub.spelled(hub.config, language, split)
                name = f"{config}/{theirs}-00000-of-00001.parquet"
                configs[config].append({"split": theirs, "path": name})
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            pq.write_table(pa.Table.from_pylist(rows), path)
        if configs:
            listed = [
                {"config_name": config, "data_files": files}
                for config, files in configs.items()
            ]
            card = f"---\n{yaml.safe_dump({'configs': listed})}---\n"
            (folder / "README.md").write_text(card, encoding="utf-8")
        return hub.model_copy(update={"repo": str(folder)})

    return make
