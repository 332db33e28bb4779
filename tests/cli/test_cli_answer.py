"""What commands answer: JSON, silence, and the status."""

from __future__ import annotations

import inspect
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from said import Spillover, document, options

from spillover import cli
from spillover.cli.answer import as_json
from spillover.results import Results
from spillover.terminal import say

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any

pytestmark = pytest.mark.usefixtures("no_report")


def test_a_run_and_its_tables_as_json(
    spillover: Spillover, tiny_done: tuple[TinyStudy, Results]
) -> None:
    tiny, results = tiny_done
    # Of links to what the steps hold, as a run leaves them.
    out = shutil.copytree(
        tiny.out, tiny.out.with_name("as-json"), copy_function=os.link
    )
    told = spillover("run", tiny.yaml, *options(tiny, out), "--json")
    assert told.err == "tiny: 37 steps, 37 done already\n"
    ran = document(told)
    assert (ran.pop("steps"), ran.pop("reused")) == (37, 37)
    assert not list(out.rglob("*.tmp"))  # of what is linked to where it was
    shown = document(spillover("show", out, "--json"))
    assert shown == ran
    assert list(shown) == ["study", "folder", "scores", "correlations", "findings"]
    assert shown["folder"] == str(out)
    scores = {
        (row["task"], row["language"], row["tuned_on"]): row for row in shown["scores"]
    }
    assert scores["opinions", "de", None]["metric"] == "accuracy_strict"
    [value] = results.evaluations.query(
        "task == 'titles' and language == 'fr' and tuned_on == 'titles'"
        " and metric == 'rougeL'"
    )["value"]
    assert scores["titles", "fr", "titles"]["value"] == value
    assert any(row["value"] is None for row in shown["correlations"])  # two languages
    decisions = {verdict["decision"] for verdict in shown["findings"]}
    assert decisions <= {"supported", "contradicted", "not decidable"}


def test_a_dry_run_as_json(
    spillover: Spillover, tiny_done: tuple[TinyStudy, Results]
) -> None:
    tiny = tiny_done[0]
    command = ["run", tiny.yaml, *options(tiny), "--dry-run", "--json"]
    done = document(spillover(*command))
    assert list(done) == ["study", "problems", "steps"]
    assert len(done["steps"]) == 37
    assert done["steps"][0] == {
        "step": "evaluate opinions en before",
        "items": 5,
        "state": "done",
        "differs": [],
    }
    again = document(spillover(*command, "--set", "tune.rank=4"))
    [tuning] = [step for step in again["steps"] if step["step"] == "tune titles"]
    assert (tuning["state"], tuning["differs"]) == ("again", ["settings.rank"])
    unready = document(spillover(*command, "--set", "model=./nowhere"))
    assert "nowhere: no config.json" in unready["problems"][0]
    assert unready["steps"][0] == done["steps"][0] | {"items": None, "state": None}


def test_what_would_stop_a_step_is_a_problem(
    spillover: Spillover, tiny_study: TinyStudy
) -> None:
    tiny_study.raw["tune"]["warmup_steps"] = 100
    command = ["run", tiny_study.yaml, *options(tiny_study), "--dry-run", "--json"]
    found = document(spillover(*command))
    assert len(found["problems"]) == 2
    assert all("the warm-up takes 100 steps" in each for each in found["problems"])
    assert {step["state"] for step in found["steps"]} == {"to do"}


@pytest.mark.parametrize(
    ("command", "keys", "first"),
    [
        (["studies"], ["studies"], {"name": "paper"}),
        (["tasks"], ["tasks", "corpora"], {"name": "mgsm", "metric": "exact_number"}),
        (["audit"], ["citation", "cells"], {"paper": "xie2024"}),
    ],
)
def test_listings_as_json(
    spillover: Spillover, command: list[str], keys: list[str], first: dict[str, str]
) -> None:
    told = spillover(*command, "--json")
    assert not told.err
    found = document(told)
    assert list(found) == keys
    rows = found["cells" if command == ["audit"] else keys[0]]
    assert first.items() <= rows[0].items()


def test_a_run_beside_a_paper_as_json(
    spillover: Spillover, tiny_done: tuple[TinyStudy, Results]
) -> None:
    match = ["--match", "opinions=xnli", "--match", "titles=xlsum"]
    command = ["show", tiny_done[0].out, "--beside", "xie2024", *match, "--json"]
    found = document(spillover(*command))
    assert list(found) == ["folder", "paper", "tables"]
    assert all(list(table) == ["title", "note", "rows"] for table in found["tables"])
    paper = [row for row in found["tables"][0]["rows"] if "xie2024" in row.values()]
    assert isinstance(paper[0]["de"], float)


def test_what_the_linter_finds_decides_its_status(
    spillover: Spillover, tiny_study: TinyStudy
) -> None:
    command = ["lint", tiny_study.yaml, "--data-root", tiny_study.data, "--json"]
    clean = document(spillover(*command))
    assert list(clean) == ["study", "errors", "remarks"]
    assert clean["errors"] == 0
    names = ["level", "check", "where", "language", "message", "count", "n", "example"]
    assert all(list(remark) == names for remark in clean["remarks"])
    test = (tiny_study.data / "en.test.jsonl").read_text("utf-8")
    for line in test.splitlines():  # what is tested is trained on
        tiny_study.rewrite("en.train.jsonl", lambda text, line=line: text + line + "\n")
    found = document(spillover(*command), status=1)
    levels = [remark["level"] for remark in found["remarks"]]
    assert levels.count("error") == found["errors"] > 0
    quiet = spillover(*command[:-1], "--quiet")
    assert (quiet.code, quiet.out, quiet.err) == (1, "", "")


def test_any_text_is_valid_json_on_any_terminal(capsys: Any) -> None:
    text = "a\x00\x1b\x7f\x85\u202eé日\U0001f600"
    say(as_json({"text": text, text: 1}))
    told = capsys.readouterr().out
    assert told.isascii()
    assert json.loads(told) == {"text": text, text: 1}


def test_single_steps_as_json(
    spillover: Spillover, tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    model = ["--model", tiny_folders["bos"], "--device", "cpu", "--json"]
    tuning = ["tune", "--task", "mini-paraphrase", "--rows", 4, "--out", tmp_path / "a"]
    few = ["--set", "epochs=1", "--set", "warmup_steps=0"]
    tuned = document(spillover(*tuning, *few, "--set", "learning_rate=0.01", *model))
    assert list(tuned) == ["folder", "task", "items", "log"]
    assert (tuned["folder"], tuned["items"]) == (str(tmp_path / "a"), 4)
    task = ["--task", "mini-paraphrase", "--language", "de", "--rows", 2]
    found = document(spillover("evaluate", *task, *model))
    assert [list(row) for row in found["scores"]] == [
        ["language", "metric", "value", "low", "high", "n"]
    ] * 3
    corpus = ["--corpus", "mini", "--language", "fr", "--rows", 3]
    found = document(spillover("embed", *corpus, *model))
    assert [(row["language"], row["pooling"]) for row in found["similarities"]] == [
        ("fr", "mean"),
        ("fr", "last"),
    ]


def test_quiet_says_nothing_but_what_went_wrong(
    spillover: Spillover, tiny_done: tuple[TinyStudy, Results]
) -> None:
    tiny = tiny_done[0]
    out = options(tiny, tiny.out.with_name("quiet"))
    out += ["--set", "languages=[en, de]", "--set", "corpora=[]"]
    told = spillover("run", tiny.yaml, *out, "-q")
    assert (told.code, told.out, told.err) == (0, "", "")
    wrong = spillover("run", "papre", "-q")
    assert wrong.code == 2
    assert wrong.err.startswith("error: unknown study 'papre'")
    assert spillover("studies").out  # what was silenced is so no longer
    both = spillover("run", tiny.yaml, *out, "--quiet", "--json")
    assert not both.err
    assert document(both)["reused"] == 10


@pytest.mark.parametrize("arguments", [["studies"], ["tasks", "--json"]])
def test_output_that_nobody_reads_ends_without_a_word(arguments: list[str]) -> None:
    reading, writing = os.pipe()
    os.close(reading)
    done = subprocess.run(  # noqa: S603 - our own command
        [sys.executable, "-m", "spillover.cli", *arguments],
        stdout=writing,
        stderr=subprocess.PIPE,
        check=False,
    )
    os.close(writing)
    assert (done.returncode, done.stderr) == (141, b"")


def test_every_command_can_be_quiet() -> None:
    for group in (cli.app, cli.exchange.export, cli.exchange.import_):
        for command in group.registered_commands:
            assert command.callback is not None
            names = inspect.signature(command.callback).parameters
            assert "quiet" in names, command.callback.__name__


def test_the_doctor_says_whether_a_run_can_start(
    spillover: Spillover, tiny_study: TinyStudy
) -> None:
    command = ["doctor", tiny_study.yaml, *options(tiny_study)]
    well = spillover(*command)
    assert well.code == 0, well.out
    assert well.out.splitlines()[-1] == "A run can start, as far as can be seen."
    assert max(map(len, well.out.splitlines())) <= 80
    assert not tiny_study.out.parent.exists()
    (tiny_study.data / "en.txt").unlink()
    ill = spillover(*command)
    assert ill.code == 1
    assert ill.out.splitlines()[-1] == "A run cannot start: 1 missing."
    [line] = [line for line in ill.out.splitlines() if "corpus lines" in line]
    told = " ".join(line.split())
    assert told.startswith("✗ missing corpus lines 3 of 4 files found; no such file")
    assert "→ get the files" in ill.out
    found = document(spillover(*command, "--json"), status=1)
    assert list(found) == ["ready", "checks"]
    assert not found["ready"]
    assert {tuple(check) for check in found["checks"]} == {
        ("name", "state", "found", "fix")
    }
    quiet = spillover(*command, "-q")
    assert (quiet.code, quiet.out, quiet.err) == (1, "", "")
    assert spillover("doctor", "papre").code == 2
