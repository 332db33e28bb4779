"""Completion, as a shell asks for it: by the environment."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from spillover import cli

SPILLOVER = Path(sys.executable).with_name("spillover")
HEAVY = ("torch", "transformers", "peft", "datasets", "pandas", "matplotlib")
SCRIPT = (
    "import sys; sys.argv = ['spillover']\n"
    "from spillover.cli import main\n"
    "try: main()\n"
    f"except SystemExit: print(sorted(set(sys.modules) & set({HEAVY})))\n"
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Where the user is: two studies, a run, a GGUF file and other things."""
    for name in ("runs/first/study.yaml", "studies/mine.yml", "quick.yaml", "m.gguf"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "runs" / "steps").mkdir()
    (tmp_path / "notes.txt").touch()
    return tmp_path


def asked(line: str) -> dict[str, str]:
    """What bash puts into the environment at the end of this line."""
    words = f"spillover {line}"
    return {
        "_SPILLOVER_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("run q", ["quickstart", "quick.yaml"]),
        ("run studies/", ["studies/mine.yml"]),
        ("run nowhere/", []),
        ("lint quickst", ["quickstart"]),
        ("show ", ["runs/first"]),
        ("show runs/f", ["runs/first"]),
        ("show runs/first --beside x", ["xie2024"]),
        ("run quickstart --set tune.ep", ["tune.epochs="]),
        ("run quickstart --set see", ["seed=", "seeds="]),
        ("run quickstart --device c", ["cpu", "cuda"]),
        ("tune --set ra", ["rank="]),
        ("evaluate --set be", ["beams="]),
        ("embed --set la", ["layers="]),
        ("tune --task mini-p", ["mini-paraphrase"]),
        ("tune --model ", ["smollm2-135m-instruct", "m.gguf"]),
        ("embed --corpus pu", ["pud"]),
        ("embed --language z", ["zh"]),
        ("doctor quickst", ["quickstart"]),
    ],
)
def test_what_is_offered(
    line: str,
    offered: list[str],
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", ["spillover"])
    for name, value in asked(line).items():
        monkeypatch.setenv(name, value)
    with pytest.raises(SystemExit):
        cli.main()
    told = capsys.readouterr().out.splitlines()
    assert [word for word in told if word] == offered


@pytest.mark.parametrize(
    ("line", "offered"),
    [
        ("run quickstart --set see", "seed=\nseeds="),
        ("show runs/first --beside x", "xie2024"),
    ],
)
def test_nothing_is_loaded_that_would_take_long(
    line: str, offered: str, folder: Path
) -> None:
    """In a process of its own, on the lines that ask for most."""
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env=os.environ | asked(line),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == f"{offered}\n[]\n", done.stderr


@pytest.mark.skipif(not Path("/bin/bash").exists(), reason="no bash")
def test_bash_takes_what_is_installed(folder: Path) -> None:
    environment = os.environ | {
        "HOME": str(folder),
        "PATH": f"{SPILLOVER.parent}:{os.environ['PATH']}",
        "_TYPER_COMPLETE_TEST_DISABLE_SHELL_DETECTION": "1",
    }
    subprocess.run(  # noqa: S603 - our own command
        [SPILLOVER, "--install-completion", "bash"],
        env=environment,
        capture_output=True,
        check=True,
    )
    ask = (
        "source ~/.bashrc; COMP_WORDS=(spillover run qu); COMP_CWORD=2; "
        'asked=$(complete -p spillover | grep -o "_[a-z_]*completion"); '
        '$asked spillover; echo "${COMPREPLY[@]}"'
    )
    done = subprocess.run(  # noqa: S603 - our own command
        ["/bin/bash", "-c", ask],
        cwd=folder,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout == "quickstart quick.yaml\n", done.stderr
