"""The README's Python does what it says."""

from __future__ import annotations

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
else:
    TinyStudy = Any

README = (CHECKOUT / "README.md").read_text("utf-8")
JAPANESE = (CHECKOUT / "README.ja.md").read_text("utf-8")


@pytest.mark.usefixtures("no_report")
def test_a_whole_study(
    tiny_study: TinyStudy,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """As it stands, but for another study and its data under the same name."""
    (whole, _) = blocks("README.md", "python")

    def read_study(name: str) -> spillover.Study:
        assert name == "quickstart"
        return tiny_study.study

    run = spillover.run
    monkeypatch.setattr(spillover, "read_study", read_study)
    monkeypatch.setattr(
        spillover,
        "run",
        lambda study: run(study, data_root=tiny_study.data, out=tiny_study.out),
    )
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
