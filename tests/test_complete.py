"""Completion, as a shell asks for it: by the environment, in a process of its own."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

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
        ("tune --task mini-p", ["mini-paraphrase"]),
        ("tune --model ", ["smollm2-135m-instruct", "m.gguf"]),
        ("embed --corpus pu", ["pud"]),
        ("embed --language z", ["zh"]),
        ("doctor quickst", ["quickstart"]),
    ],
)
def test_what_is_offered(line: str, offered: list[str], folder: Path) -> None:
    words = f"spillover {line}"
    asked = {
        "_SPILLOVER_COMPLETE": "complete_bash",
        "COMP_WORDS": words,
        "COMP_CWORD": str(words.count(" ")),
    }
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", SCRIPT],
        cwd=folder,
        env=os.environ | asked,
        capture_output=True,
        text=True,
        check=False,
    )
    *told, heavy = done.stdout.splitlines()
    assert [word for word in told if word] == offered, done.stderr
    assert heavy == "[]"


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
