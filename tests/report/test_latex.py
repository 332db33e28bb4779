"""The LaTeX tables compile, where there is a LaTeX to compile them."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING

import pandas as pd
import pytest

from spillover.comparison import compare_runs
from spillover.report.panel import Panel, latex

if TYPE_CHECKING:
    from conftest import TinyStudy
    from spillover.results import Results

ODD = r"""a_b & 50% of $x$, #1 {c} \dots ~^ <i> [2] “été” ±0.1 – ½ † ρ −1 · a|b--"c`"""


@pytest.fixture(scope="module")
def pdflatex() -> str:
    found = shutil.which("pdflatex")
    if found is None:
        pytest.skip("no pdflatex (Debian: texlive-latex-recommended)")
    return found


def compiled(pdflatex: str, folder: Path, *tables: Path) -> str:
    """The log of a paper that puts the tables in, and nothing else."""
    inputs = "\n\n".join(rf"\input{{{path.as_posix()}}}" for path in tables)
    (folder / "paper.tex").write_text(
        "\\documentclass{article}\n\\usepackage[T1]{fontenc}\n"
        f"\\usepackage{{booktabs}}\n\\begin{{document}}\n{inputs}\n\\end{{document}}\n",
        encoding="utf-8",
    )
    ended = subprocess.run(  # noqa: S603
        [pdflatex, "-interaction=nonstopmode", "-halt-on-error", "paper.tex"],
        cwd=folder,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stdout[-2000:]
    return (folder / "paper.log").read_text("latin-1")


def test_the_tables_of_a_run_compile(
    tiny_done: tuple[TinyStudy, Results], pdflatex: str, tmp_path: Path
) -> None:
    tables = sorted((tiny_done[1].folder / "tables").glob("*.tex"))
    assert len(tables) == 4
    assert r"\toprule" in tables[1].read_text("utf-8")
    log = compiled(pdflatex, tmp_path, *tables)
    assert "Output written on paper.pdf" in log
    assert "LaTeX Warning" not in log


def test_the_tables_of_a_comparison_compile(
    tiny_done: tuple[TinyStudy, Results],
    pdflatex: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    run = tiny_done[1].folder
    monkeypatch.setattr("spillover.report.compare_page.render", lambda *_: "")
    shutil.copytree(run, tmp_path / "again")
    compare_runs([run, tmp_path / "again"]).write(tmp_path / "out")
    tables = sorted((tmp_path / "out" / "tables").glob("*.tex"))
    assert {"findings.tex", "scores.tex"} < {path.name for path in tables}
    log = compiled(pdflatex, tmp_path, *tables)
    assert "Output written on paper.pdf" in log


def test_labels_with_special_characters_compile(pdflatex: str, tmp_path: Path) -> None:
    rows = ["a", "[1] after a line", "*[2]"]
    cells = pd.DataFrame([[ODD], ["2"], ["-3"]], index=rows)
    cells.index.name, cells.columns = ODD, [ODD]
    text = latex([Panel(ODD, {ODD: ODD}, cells, cells, f"{ODD}\n{ODD}")])
    (tmp_path / "odd.tex").write_text(text, encoding="utf-8")
    log = compiled(pdflatex, tmp_path, tmp_path / "odd.tex")
    assert "Missing character" not in log
