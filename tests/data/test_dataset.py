"""Which of its sources a data set is read from."""

from __future__ import annotations

from pathlib import Path

import pytest

from spillover.data.dataset import DataSet
from spillover.data.sources import Files, Hub
from spillover.errors import StudyError

REVISION = "0" * 40


def test_the_first_source_that_serves_is_chosen() -> None:
    files = Files(path="a.jsonl", languages=("en",))
    hub = Hub(repo="a/r", revision=REVISION, splits={"test": "test"})
    absolute = Files(path="/a.jsonl", languages=("fr",))
    packaged = Files(path="a.jsonl", package="spillover.data", languages=("de",))
    data = DataSet(
        name="t",
        languages=("en", "fr", "de", "it"),
        files=(files, absolute, packaged),
        hub=(hub,),
    )
    root = Path("root")
    assert data.source("test", "en", root) is files
    assert data.source("test", "en") is hub
    assert data.source("test", "fr") is absolute
    assert data.source("test", "de") is packaged
    with pytest.raises(StudyError, match="train split of t in 'en' is not on the Hub"):
        data.source("train", "en")
    with pytest.raises(StudyError, match="t has no train split in 'it'; it has test"):
        data.source("train", "it", root)
    with pytest.raises(StudyError, match="unknown language of t 'es'"):
        data.source("test", "es")
