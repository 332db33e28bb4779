"""The wheel holds the package and nothing else, and works away from the checkout."""

from __future__ import annotations

import ast
import os
import subprocess
import sys
import sysconfig
import tomllib
import venv
from email import message_from_bytes
from importlib.metadata import packages_distributions
from itertools import chain
from pathlib import Path
from zipfile import ZipFile

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

CHECKOUT = Path(__file__).resolve().parent.parent
SOURCE = CHECKOUT / "src"
PROJECT = tomllib.loads((CHECKOUT / "pyproject.toml").read_text("utf-8"))


def said(*command: str | Path, folder: Path) -> str:
    """What a command prints, run in `folder` with nobody's settings and no network."""
    done = subprocess.run(  # noqa: S603 - our own commands
        command,
        cwd=folder,
        env={
            "HOME": str(folder),
            "PATH": os.defpath,
            "PIP_CONFIG_FILE": os.devnull,
            **dict.fromkeys(("http_proxy", "https_proxy"), "http://127.0.0.1:9"),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    pip = (sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation")
    said(*pip, "--no-index", "--wheel-dir", folder, CHECKOUT, folder=folder)
    [built] = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The `bin` of an environment with the wheel; the rest lies where it lies here."""
    folder = tmp_path_factory.mktemp("installed")
    venv.create(folder, with_pip=False)
    paths = sysconfig.get_paths(vars={"base": str(folder), "platbase": str(folder)})
    ours, scripts = Path(paths["purelib"]), Path(paths["scripts"])
    (ours / "dependencies.pth").write_text(sysconfig.get_path("purelib"))
    pip = (sys.executable, "-m", "pip", "--python", scripts / "python")
    said(*pip, "install", "--no-deps", "--no-index", wheel, folder=folder)
    return scripts


def test_it_holds_every_file_of_the_package_and_no_other(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        held = {name for name in archive.namelist() if ".dist-info/" not in name}
    files = (path for path in SOURCE.rglob("*") if path.is_file())
    ours = {f.relative_to(SOURCE).as_posix() for f in files if f.suffix != ".pyc"}
    assert held == ours
    assert {"spillover/py.typed", "spillover/presets/quickstart.yaml"} <= held


def test_it_asks_for_every_package_that_it_imports(wheel: Path) -> None:
    """For itself, and not because another package brings it along."""
    with ZipFile(wheel) as archive:
        [metadata] = (n for n in archive.namelist() if n.endswith("/METADATA"))
        told = message_from_bytes(archive.read(metadata)).get_all("Requires-Dist", [])
    asked = {canonicalize_name(Requirement(line).name) for line in told}
    asked.add("pydantic-core")  # pydantic is of one version with it
    owners = packages_distributions()
    others = imported() - sys.stdlib_module_names - {"spillover"}
    assert not {
        name
        for name in others
        if asked.isdisjoint(map(canonicalize_name, owners.get(name, [name])))
    }


def imported() -> set[str]:
    """What the package imports, in whatever function."""
    trees = [ast.parse(path.read_text("utf-8")) for path in SOURCE.rglob("*.py")]
    names = set[str]()
    for node in chain.from_iterable(map(ast.walk, trees)):
        if isinstance(node, ast.Import):
            names |= {alias.name.partition(".")[0] for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            names.add(str(node.module).partition(".")[0])
    return names


def test_uv_takes_the_tested_versions_too() -> None:
    lines = (CHECKOUT / "constraints.txt").read_text("utf-8").splitlines()
    pinned = [line for line in lines if not line.startswith("#")]
    assert PROJECT["tool"]["uv"]["constraint-dependencies"] == pinned


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((CHECKOUT / "CITATION.cff").read_text("utf-8"))
    for key in ("version", "license", "keywords"):
        assert citation[key] == PROJECT["project"][key], key


def test_it_is_small_and_carries_its_licence(wheel: Path) -> None:
    with ZipFile(wheel) as archive:
        [licence] = (n for n in archive.namelist() if n.endswith("licenses/LICENSE"))
        assert archive.read(licence) == (CHECKOUT / "LICENSE").read_bytes()
    assert wheel.stat().st_size < 1_000_000


ALL = """
import sys, spillover
from spillover import cli
from spillover.pipeline.inputs import read_inputs
print(spillover.__file__)
assert not read_inputs(spillover.read_study("quickstart"), None).errors
for sys.argv[1:] in (["studies"], ["tasks"]):
    try:
        cli.main()
    except SystemExit as ended:
        assert not ended.code
"""


def test_what_was_installed_works_in_an_empty_folder(
    installed: Path, tmp_path: Path
) -> None:
    assert "carries over" in said(installed / "spillover", "--help", folder=tmp_path)
    place, *told = said(installed / "python", "-c", ALL, folder=tmp_path).splitlines()
    assert Path(place).is_relative_to(installed.parent)
    assert not Path(place).is_relative_to(CHECKOUT)
    assert {"quickstart", "mini-paraphrase"} <= set(" ".join(told).split())
    assert not any(tmp_path.iterdir())
