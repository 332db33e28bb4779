"""The command line, called in this process."""

from __future__ import annotations

import os
import sys

import pytest
from said import Said, Spillover

from spillover import cli
from spillover.terminal import console


@pytest.fixture
def spillover(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Spillover:
    """Calls `main` with arguments, on consoles that are 80 columns wide."""
    # `main` sets what is not set; monkeypatch takes it back.
    for name in ("TOKENIZERS_PARALLELISM", "TRANSFORMERS_VERBOSITY"):
        monkeypatch.setenv(name, os.environ.get(name, "error"))
    monkeypatch.setenv("TOKENIZERS_PARALLELISM", "false")
    monkeypatch.setenv("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    monkeypatch.setenv("HF_HUB_OFFLINE", os.environ.get("HF_HUB_OFFLINE", "1"))
    for name in ("out", "err"):
        monkeypatch.setattr(getattr(console, name), "width", 80)

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["spillover", *map(str, arguments)])
        try:
            cli.main()
        except SystemExit as exit:
            code = int(exit.code or 0)
        else:
            code = 0
        told = capsys.readouterr()
        assert "Traceback" not in told.err
        return Said(code, told.out, told.err)

    return call
