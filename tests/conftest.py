"""Fixtures that more than one test module needs."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with the official data files, which the project does not ship."""
    root = Path(
        os.environ.get("SPILLOVER_TEST_DATA", CHECKOUT.parent / "shared" / "data")
    )
    if not root.is_dir():
        pytest.skip(f"no official data files at {root} (set SPILLOVER_TEST_DATA)")
    return root
