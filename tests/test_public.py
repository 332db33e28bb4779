"""The public names, and how little an import loads."""

from __future__ import annotations

import ast
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

import spillover

if TYPE_CHECKING:
    from tests.conftest import TinyStudy

    from spillover.results import Results
else:
    TinyStudy = Results = Any


def type_checking_imports() -> dict[str, str]:
    """Name -> module below `spillover`, as the file tells the type checker."""
    tree = ast.parse(Path(str(spillover.__file__)).read_text("utf-8"))
    [block] = [
        node
        for node in tree.body
        if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"
    ]
    return {
        alias.name: str(node.module).removeprefix("spillover.")
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }


def test_the_three_lists_of_names_are_one() -> None:
    assert type_checking_imports() == spillover._HOME
    assert spillover.__all__ == sorted(spillover._HOME) == dir(spillover)


@pytest.mark.parametrize("name", spillover.__all__)
def test_a_public_name_is_what_its_module_defines(name: str) -> None:
    value = getattr(spillover, name)
    assert value.__module__ == f"spillover.{spillover._HOME[name]}"
    assert value is getattr(import_module(value.__module__), name)
    assert value.__doc__


@pytest.mark.parametrize("name", ["tune", "evaluate", "embed"])
def test_a_function_is_not_hidden_by_the_module_of_its_name(name: str) -> None:
    module = import_module(f"spillover.{name}")
    assert getattr(spillover, name) is getattr(module, name)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'transfer'"):
        _ = spillover.transfer


STAGES = """
import sys
from pathlib import Path


def none_of(*names):
    loaded = sys.modules.keys() & set(names)
    assert not loaded, loaded


def command(*line):
    sys.argv[1:] = line
    try:
        cli.main()
    except SystemExit as ended:
        assert not ended.code


run, *line = sys.argv[1:]
TORCH = "torch", "transformers", "peft", "datasets"
HEAVY = *TORCH, "pandas", "scipy", "matplotlib"

import spillover
dir(spillover)
from spillover import identify
none_of(*HEAVY, "numpy", "py3langid", "hanzidentifier")
from spillover.data import registry
none_of(*HEAVY, "conllu", "spillover.data.xnli", "spillover.data.mini")
spillover.read_study("paper")
from spillover import cli
command("--help")
none_of(*HEAVY)
import spillover.report.figures
none_of(*TORCH, "matplotlib")
from spillover.report.figures import markup, scores
none_of(*TORCH, "matplotlib.pyplot")
from spillover.analysis import answers, summaries
from spillover import audit, published
from spillover.report import beside
beside.Published
published.load("xie2024")
from spillover import results
results.read_results(Path(run))._repr_html_()
none_of("torch", "transformers", "datasets")
from spillover import doctor
doctor.examine()
none_of("transformers", "peft", "datasets")
command(*line)
none_of("transformers", "peft")
"""


def test_nothing_is_loaded_before_it_is_needed(
    tiny_done: tuple[TinyStudy, Results], tmp_path: Path
) -> None:
    """In one process, from what loads least to a dry run with all at hand."""
    tiny, results = tiny_done
    dry = "run", tiny.yaml, "--data-root", tiny.data, "--device", "cpu", "--dry-run"
    done = subprocess.run(  # noqa: S603 - our own script
        [
            *(sys.executable, "-c", STAGES, results.folder, *dry),
            *("--out", tmp_path / "new" / "out"),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "37  compare lines es after titles" in done.stdout
