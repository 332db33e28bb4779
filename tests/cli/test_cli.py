"""The command line, as its users meet it: through `main`."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from rich.console import Console
from safetensors.numpy import load_file
from said import Said, Spillover, options

from spillover import terminal
from spillover.analysis.similarity import similarity
from spillover.analysis.uncertainty import wilson
from spillover.results import Results
from spillover.terminal.console import err, out
from spillover.terminal.live import Progress

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any


pytestmark = pytest.mark.usefixtures("no_report")


def test_its_version_is_the_installed_packages(spillover: Spillover) -> None:
    said = spillover("--version")
    assert said == Said(0, f"spillover {version('spillover')}\n", "")


def test_a_run_tells_its_steps_and_shows_its_tables(
    spillover: Spillover, tiny_study: TinyStudy
) -> None:
    del tiny_study.raw["tasks"][1]
    first = spillover("run", tiny_study.yaml, *options(tiny_study))
    assert first.code == 0
    steps = [line for line in first.err.splitlines() if line.startswith("[")]
    assert len(steps) == 23
    assert steps[0].startswith("[1/23] evaluate opinions en before: ")
    assert re.search(r" s, [\d.,]+ items/s, [\d.,]+ tokens/s, about ", steps[0])
    assert steps[-1].endswith("writes the results")
    assert first.err.startswith("tiny: 23 steps, 0 done already\n")
    for part in (
        "Table 1",
        "Table 2",
        "Table 3",
        f"{tiny_study.out}/report.html shows",
    ):
        assert part in first.out
    second = spillover("run", tiny_study.yaml, *options(tiny_study))
    assert second.out == first.out
    assert second.err == "tiny: 23 steps, 23 done already\n"


def test_a_dry_run_tells_what_is_done_and_what_does_not_fit(
    spillover: Spillover, tiny_done: tuple[TinyStudy, Results]
) -> None:
    tiny = tiny_done[0]
    command = ["run", tiny.yaml, *options(tiny), "--dry-run"]
    done = spillover(*command)
    assert done.code == 0
    assert done.out.count(" done\n") + done.out.count(" done ") == 37
    again = spillover(*command, "--set", "tune.rank=4")
    told = " ".join(again.out.split())
    for task in ("titles", "opinions"):
        assert re.search(rf"tune {task} \d+ again: settings.rank \d", told)
        assert re.search(rf"en after {task} \d+ again: adapter \d", told)
    new = spillover(*command, "--set", "tasks.0.task.name=reviews")
    assert "to do" in new.out


def test_a_dry_run_without_data_lists_the_steps_all_the_same(
    spillover: Spillover, tiny_study: TinyStudy
) -> None:
    for path in tiny_study.data.glob("de*"):
        path.unlink()
    tiny_study.raw["model"] = "./nowhere"
    told = spillover("run", tiny_study.yaml, *options(tiny_study), "--dry-run")
    assert told.code == 0
    assert told.err.count("not ready: ") == 3
    assert "not ready: nowhere: no config.json" in told.err
    assert "37  compare lines es after titles" in told.out
    assert not tiny_study.out.parent.exists()


def test_a_dry_run_of_what_cannot_be_is_an_error(
    spillover: Spillover, tiny_study: TinyStudy
) -> None:
    tiny_study.raw["tasks"][0] = {"task": "xnl"}
    told = spillover("run", tiny_study.yaml, *options(tiny_study), "--dry-run")
    assert told.code == 2
    assert told.err.startswith("error: unknown task 'xnl'; did you mean 'xnli'")


def test_the_paper_can_be_planned_with_nothing_at_hand(tmp_path: Path) -> None:
    """In a process of its own: without a network, a cache or a data folder."""
    environment = os.environ | {"HF_HOME": str(tmp_path / "hub"), "COLUMNS": "80"}
    done = subprocess.run(
        [sys.executable, "-m", "spillover.cli", "run", "paper", "--dry-run"],
        cwd=tmp_path,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert "125  compare pud ja after xlsum" in done.stdout
    assert "xlsum de" not in done.stdout
    for name in ("paws-x", "xnli", "xlsum", "universal_dependencies"):
        assert name in done.stderr
    assert all(line.startswith("not ready: ") for line in done.stderr.splitlines())
    assert not (tmp_path / "runs").exists()


def test_an_output_that_cannot_write_every_letter(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "spillover.cli", "tasks"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONIOENCODING": "ascii"},
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert rb"\u2026" in done.stdout  # more languages than are shown


def test_the_paper_on_a_data_folder_that_lacks_some(
    spillover: Spillover, data_root: Path
) -> None:
    if (data_root / "xlsum").exists() or (
        data_root / "pawsx/x-final/en/train.tsv"
    ).exists():
        pytest.skip("this data folder is complete")
    few = ("--set", "languages=[en, fr]")
    told = spillover("run", "paper", "--data-root", data_root, "--dry-run", *few)
    assert told.code == 0
    assert "en/train.tsv: no such file; expected the train split in 'en'" in told.err
    assert "xlsum/english_test.jsonl: no such file" in told.err
    assert told.err.count("not ready: ") == 2


def interrupt() -> None:
    raise KeyboardInterrupt  # as a signal it is ignored by whatever runs in background


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)


@pytest.mark.parametrize(("stop", "status"), [(interrupt, 130), (terminate, 143)])
def test_a_stopped_run_keeps_what_is_done(
    spillover: Spillover,
    tiny_study: TinyStudy,
    monkeypatch: pytest.MonkeyPatch,
    stop: Callable[[], None],
    status: int,
) -> None:
    """Ctrl-C, and what a batch system sends before it kills."""
    before = signal.getsignal(signal.SIGTERM)
    true = Progress.finished

    def finished(self: Progress, step: Any, seconds: float) -> None:
        true(self, step, seconds)
        if self.clock.done == 3:
            stop()

    with monkeypatch.context() as patch:
        patch.setattr(Progress, "finished", finished)
        told = spillover("run", tiny_study.yaml, *options(tiny_study))
    assert signal.getsignal(signal.SIGTERM) == before
    assert told.code == status
    assert told.err.splitlines()[-1] == "stopped; steps that are done are kept"
    told = spillover("run", tiny_study.yaml, *options(tiny_study), "--dry-run")
    assert told.out.count(" done") == 3


def change(path: str, value: Any) -> Callable[[TinyStudy], None]:
    *places, last = path.split(".")

    def apply(tiny: TinyStudy) -> None:
        place: Any = tiny.raw
        for name in places:
            place = place[int(name)] if isinstance(place, list) else place[name]
        place[last] = value

    return apply


def unlink(name: str) -> Callable[[TinyStudy], None]:
    return lambda tiny: (tiny.data / name).unlink()


def rewrite(name: str, old: str, new: str) -> Callable[[TinyStudy], None]:
    return lambda tiny: tiny.rewrite(name, lambda text: text.replace(old, new, 1))


def block(tiny: TinyStudy) -> None:
    tiny.out.parent.mkdir()
    tiny.out.write_text("a file stands here")


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (change("tasks.0.task", "pawx"), "unknown task 'pawx'; did you mean 'pawsx'"),
        (change("languages", ["en", "dee"]), "unknown language 'dee'; did you mean"),
        (change("languages", ["de", "fr"]), "languages: 'en' must come first"),
        (change("corpora.0.corpus", "pudd"), "unknown corpus 'pudd'; did you mean"),
        (change("seedz", 1), "unknown key 'seedz'; did you mean 'seed"),
        (change("tune.rank", "eight"), "tune.rank: input should be a valid integer"),
        (change("tasks.1.test_rows", -1), "tasks.1.test_rows: input should be greater"),
        (change("tasks.0.task.kind", "ranking"), "tasks.0.task.kind: input should be"),
        (change("tasks.0.task.metric", "bleu"), "tasks.0.task.metric: input should"),
        (unlink("de.txt"), "de.txt: no such file"),
        (rewrite("de.test.jsonl", '"}', ""), "de.test.jsonl:1: not JSON"),
        (rewrite("de.test.jsonl", '"1"', '"good"'), "unknown label 'good'"),
        (rewrite("de.test.jsonl", "r0", "r9"), "'de' lacks 1 of the 5 ids of 'en'"),
        (lambda t: t.rewrite("de.txt", lambda x: ""), "de.txt: no rows in the test"),
        (change("tasks.0.task.answers", {"1": "Yes", "0": "Yesterday"}), "same token"),
        (change("tasks.0.task.template", "{review}" + " x" * 300), "expected at most"),
        (change("model", "./nowhere"), "nowhere: no config.json"),
        (change("model", "./no.gguf"), "no.gguf: no such file"),
        (change("embed", {"poolings": ["max"]}), "embed.poolings.0: input should be"),
        (lambda t: t.raw["tasks"].append(t.raw["tasks"][0]), "'opinions' is listed"),
        (change("tasks.0.task.template", "[red]{review"), "'[red]{review' is not a te"),
        (change("[red]:cat:", 1), "unknown key '[red]:cat:'"),
        (block, "cannot be written"),
    ],
)
def test_bad_input_ends_in_sentences_and_status_2(
    spillover: Spillover,
    tiny_study: TinyStudy,
    spoil: Callable[[TinyStudy], None],
    sentence: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def load(*args: Any, **options: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("spillover.models.load_model", load)
    spoil(tiny_study)
    told = spillover("run", tiny_study.yaml, *options(tiny_study))
    assert told.code == 2
    assert not told.out
    assert sentence in told.err
    head = re.compile(r"(tiny: 37 steps, 0 done already\non cpu.*, float32\n)?")
    lines = head.sub("", told.err, count=1).splitlines()
    errors = [line for line in lines if line.startswith("error: ")]
    others = lines[len(errors) :]
    assert others == ([f"{len(errors)} errors; nothing was run"] if others else [])


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["run", "papre"], "unknown study 'papre'; did you mean 'paper'"),
        (["run", "nowhere.yaml"], "nowhere.yaml: no such file"),
        (["run", "quickstart", "--set", "seed"], "--set: 'seed' has no '='"),
        (["run", "quickstart", "--set", "name.x=1"], "--set name.x: no place for 'x'"),
        (["run", "quickstart", "--set", "seed=x"], "seed: input should be a valid"),
        (["run", "quickstart", "--device", "gpu9"], "no device 'gpu9' here"),
        (["tune", "--task", "xnl", "--out", "o"], "unknown task 'xnl'"),
        (
            ["tune", "--task", "mini-summary", "--out", "o", "--set", "rang=1"],
            "unknown key 'tune.rang'; did you mean 'rank'",
        ),
        (
            ["tune", "--task", "mini-summary", "--out", "o", "--set", "rank"],
            "--set: 'rank' has no '='",
        ),
        (
            [
                "evaluate",
                "--task",
                "mini-summary",
                "--language",
                "fr",
                "--set",
                "beams=0",
            ],
            "evaluate.beams: input should be greater than or equal to 1",
        ),
        (
            ["embed", "--corpus", "mini", "--language", "fr", "--set", "layer=0"],
            "unknown key 'embed.layer'; did you mean 'layers'",
        ),
        (
            ["tune", "--task", "mini-summary", "--out", __file__],
            "cannot be written (Not a directory",
        ),
        (
            ["evaluate", "--task", "mini-summary", "--language", "qq"],
            "unknown language of mini-summary 'qq'",
        ),
        (
            ["embed", "--corpus", "mini", "--language", "de", "--model", "a b"],
            "--model: 'a b' is neither a repository of the Hub",
        ),
        (
            ["embed", "--corpus", "mini", "--language", "en"],
            "English alone has nothing",
        ),
        (["show", "runs/x", "--match", "a=b"], "--match: 'a=b' has nothing to match"),
        (["run", "quickstart", "--set", "languages=en"], "a valid list, as [en]"),
    ],
)
def test_bad_arguments(
    spillover: Spillover,
    arguments: list[str],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    told = spillover(*arguments)
    assert told.code == 2
    # Before it, a bar of the embedded model's conversion, where nobody made it yet.
    [error] = [line for line in told.err.splitlines() if line.startswith("error: ")]
    assert sentence in error
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("text", ["- a\n- b\n", "name: [a\nb: 1", "a: b: c"])
def test_a_file_that_is_no_study(
    spillover: Spillover, text: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.yaml").write_text(text)
    told = spillover("run", tmp_path / "bad.yaml")
    assert told.code == 2
    assert told.err.startswith(f"error: {tmp_path / 'bad.yaml'}: not ")
    assert told.err.count("\n") == 1


def test_numbers_out_of_range_are_refused(spillover: Spillover) -> None:
    told = spillover("evaluate", "--task", "xnli", "--language", "en", "--rows", "-1")
    assert told.code == 2
    assert "Invalid value for '--rows'" in told.err
    told = spillover("tune", "--task", "xnli", "--out", "o", "--seed", 2**32)
    assert told.code == 2
    assert "Invalid value for '--seed'" in told.err


def test_a_disk_that_fails_is_a_sentence(
    spillover: Spillover, tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **options: Any) -> None:
        raise OSError(28, "No space left on device", "x")

    monkeypatch.setattr("spillover.studies.run_prepared", full)
    told = spillover("run", tiny_study.yaml, *options(tiny_study))
    assert told.code == 2
    assert told.err.endswith("\nerror: [Errno 28] No space left on device: 'x'\n")


def test_texts_are_shown_as_they_are() -> None:
    for console in (out, err):
        with console.capture() as told:
            console.print("[red]x[/red] :cat: [1/2]")
        assert told.get() == "[red]x[/red] :cat: [1/2]\n"


@pytest.mark.parametrize(
    ("command", "names"),
    [
        ("studies", ["quickstart", "paper", "paper-cpu"]),
        ("tasks", ["xnli", "pawsx", "xlsum", "mini-summary", "pud"]),
    ],
)
def test_listings_fit_into_80_columns(
    spillover: Spillover, command: str, names: list[str]
) -> None:
    told = spillover(command)
    assert told.code == 0
    lines = told.out.splitlines()
    assert max(map(len, lines)) <= 80
    for name in names:
        assert sum(line.split()[:1] == [name] for line in lines) >= 1


def test_a_table_is_80_columns_wide_in_a_wide_window() -> None:
    console = Console(width=200)
    lines = terminal.table("name", "what")
    lines.add_row("one", "a word " * 30)
    with pytest.MonkeyPatch.context() as patch, console.capture() as told:
        patch.setattr(terminal, "out", console)
        terminal.show_table(lines)
    assert max(map(len, told.get().splitlines())) <= 80
    assert "a word" in told.get()


def test_results_fit_into_80_columns(tiny_done: tuple[TinyStudy, Results]) -> None:
    console = Console(width=80)
    with pytest.MonkeyPatch.context() as patch, console.capture() as told:
        patch.setattr(terminal, "out", console)
        terminal.show_panels(tiny_done[1].panels())
        terminal.show_findings(tiny_done[1].findings())
    lines = told.get().splitlines()
    assert max(map(len, lines)) <= 80
    assert "Table 3" in told.get()
    assert "  not decidable: " in told.get()


def test_seeds_train_on_the_same_rows(
    spillover: Spillover,
    tiny_folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: dict[int, list[str]] = {}

    def tune(*args: Any, seed: int, chat: bool) -> list[Any]:
        seen[seed] = [item.id for item in args[2]]
        return []

    monkeypatch.setattr(import_module("spillover.tune"), "tune", tune)
    words = ["--task", "mini-paraphrase", "--model", tiny_folders["bos"], "--rows", 4]
    for seed in (1, 2):
        out = ["--out", tmp_path / "a", "--device", "cpu", "--seed", seed]
        assert spillover("tune", *words, *out).code == 0
    assert seen[1] == seen[2]
    assert len(seen[1]) == 4


def test_tune_evaluate_and_embed_on_their_own(
    spillover: Spillover, tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    model = ["--model", tiny_folders["bos"], "--device", "cpu"]
    tuned = spillover(
        *["tune", "--task", "mini-paraphrase", "--rows", 4, *model],
        *["--out", tmp_path / "a", "--set", "epochs=1", "--set", "warmup_steps=0"],
        *["--set", "learning_rate=0.01"],
    )
    assert tuned.code == 0, tuned.err
    assert tuned.out.startswith(f"{tmp_path / 'a'}: adapter of 4 items")
    config = json.loads((tmp_path / "a" / "adapter_config.json").read_text())
    assert config["r"] == 8
    adapter = ["--adapter", tmp_path / "a"]
    task = ["--task", "mini-paraphrase", "--language", "de", "--rows", 2]
    kept = tmp_path / "new" / "predictions.parquet"
    task += ["--language", "fr"]
    shown = spillover("evaluate", *task, *model, *adapter, "--out", kept)
    rows = [line.split() for line in shown.out.splitlines()[1:]]
    assert [row[:2] for row in rows] == [
        [code, f"accuracy_{reading}"]
        for code in ("de", "fr")
        for reading in ("strict", "choice", "calibrated")
    ]
    predictions = pd.read_parquet(kept)
    assert predictions["language"].tolist() == ["de", "de", "fr", "fr"]
    for code, metric, value, low, _, high, n in rows:
        right = predictions.loc[predictions["language"] == code, metric]
        ends = wilson(int(right.sum()), 2)
        assert [float(x) for x in (value, low, high)] == pytest.approx(
            [right.mean(), *ends], abs=5e-4
        )
        assert n == "2"
    assert spillover("evaluate", *task, *model, "--chat", "--out", kept).code == 0
    chat = pd.read_parquet(kept)["prompt"]
    assert chat.str.len().gt(predictions["prompt"].str.len()).all()
    cut = spillover("evaluate", *task, *model, "--set", "max_tokens=16")
    assert cut.code == 2
    assert "in 16 tokens; allow longer" in cut.err
    corpus = ["--corpus", "mini", "--language", "fr", "--rows", 3]
    shown = spillover("embed", *corpus, *model, *adapter, "--set", "layers=[0, 2]")
    rows = [line.split() for line in shown.out.splitlines()[1:]]
    assert [row[:3] for row in rows] == [
        ["en-fr", pooling, layer] for pooling in ("mean", "last") for layer in "02"
    ]
    assert {row[-1] for row in rows} == {"3"}
    kept = tmp_path / "vectors.safetensors"
    half = ["--dtype", "bfloat16", "--out", kept]
    shown = spillover("embed", *corpus, *model, *half)
    assert shown.code == 0, shown.err
    vectors = load_file(kept)
    assert {*vectors} == {
        f"{code}.{pooling}.-1" for code in ("en", "fr") for pooling in ("mean", "last")
    }
    cosine = similarity(vectors["en.mean.-1"], vectors["fr.mean.-1"])
    assert f"{cosine.parallel:.3f}" in shown.out.splitlines()[1]
    wrong = spillover("embed", *corpus, *model, "--dtype", "half")
    assert wrong.code == 2
    assert "'half' is not one of 'auto'" in wrong.err
