"""The README's Python does what it says."""

from __future__ import annotations

import inspect
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml

import spillover
from pages import CHECKOUT, blocks
from spillover.study import parse_study

if TYPE_CHECKING:
    from tests.conftest import TinyStudy

    from spillover.results import Results
else:
    TinyStudy = Results = Any

README = (CHECKOUT / "README.md").read_text("utf-8")
JAPANESE = (CHECKOUT / "README.ja.md").read_text("utf-8")


def test_a_whole_study(
    tiny_done: tuple[TinyStudy, Results],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As it stands, but for the results, which are those of another study."""
    (whole, _) = blocks("README.md", "python")
    arguments = inspect.signature(spillover.run)

    def run(*given: Any, **options: Any) -> Results:
        bound = arguments.bind(*given, **options)
        assert bound.arguments["study"].name == "quickstart"
        return tiny_done[1]

    monkeypatch.setattr(spillover, "run", run)
    exec(whole, {})  # noqa: S102 - our own text
    assert "opinions" in capsys.readouterr().out


@pytest.mark.real_model
def test_piece_by_piece(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (_, pieces) = blocks("README.md", "python")
    monkeypatch.chdir(tmp_path)
    fewer = {"[:16]": "[:2]", "[:8]": "[:2]", "batch_size=8": "batch_size=1"}
    for shown, tried in fewer.items():
        assert shown in pieces
        pieces = pieces.replace(shown, tried)
    exec(pieces, {})  # noqa: S102 - our own text
    assert (tmp_path / "adapter" / "adapter_model.safetensors").is_file()
    scores, alike, correlated = capsys.readouterr().out.strip().splitlines()
    assert "accuracy_choice" in scores
    assert "parallel=" in alike
    assert "p_exact=" in correlated


def test_a_users_own_task() -> None:
    study = yaml.safe_load(blocks("README.md", "yaml")[0])
    assert parse_study(study).tasks[0].resolve().name == "polarity"


def test_what_a_study_may_say_besides() -> None:
    study, more = map(yaml.safe_load, blocks("README.md", "yaml"))
    parsed = parse_study(study | more)
    assert parsed.training_seeds == (1, 2, 3)
    assert parsed.embed.layers == "all"


def test_both_languages_show_the_same_code_commands_and_pages() -> None:
    patterns = {
        "code": r"(?ms)^```.*?^```$",
        "commands and output, without remarks": r"(?m)^    (.*?)(?: {2,}#.*)?$",
        "pages": r"\]\((docs/[^)]*)\)",
    }
    for what, pattern in patterns.items():
        english, japanese = (re.findall(pattern, text) for text in (README, JAPANESE))
        assert english, what
        assert english == japanese, what
