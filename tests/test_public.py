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


HEAVY = ("torch", "transformers", "peft", "datasets", "pandas", "scipy", "matplotlib")


@pytest.mark.parametrize(
    "script",
    [
        "import spillover; dir(spillover)",
        "from spillover import Study, Task, read_study; read_study('paper')",
        "import sys; sys.argv = ['spillover', '--help']\n"
        "from spillover.cli import main\n"
        "try: main()\n"
        "except SystemExit as exit: assert exit.code == 0",
    ],
    ids=["import", "read_study", "--help"],
)
def test_a_light_import_stays_light(script: str) -> None:
    check = f"\nimport sys; print('loaded', sorted(set(sys.modules) & set({HEAVY})))"
    done = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, "-c", script + check],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.stdout.endswith("loaded []\n"), done.stdout + done.stderr


STAGES = """
import sys
from pathlib import Path
from spillover import cli, doctor, results
results.read_results(Path(sys.argv[1]))._repr_html_()
assert sys.modules.keys().isdisjoint({"torch", "transformers", "datasets"}), "a run"
doctor.examine()
assert sys.modules.keys().isdisjoint({"transformers", "peft", "datasets"}), "doctor"
sys.argv[1:] = sys.argv[2:]
try:
    cli.main()
except SystemExit as ended:
    assert not ended.code
assert sys.modules.keys().isdisjoint({"transformers", "peft"}), "a dry run"
"""


def test_what_needs_no_model_loads_no_package_that_only_a_model_needs(
    tiny_done: tuple[TinyStudy, Results], tmp_path: Path
) -> None:
    """A run is shown; all is examined; and a dry run has all at hand, nothing done."""
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
