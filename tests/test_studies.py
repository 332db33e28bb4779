"""A whole study: checked, run, and left in its folder."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
from filelock import FileLock, Timeout
from safetensors.numpy import load_file

from spillover import cli
from spillover.analysis.verdict import Evidence, Verdict
from spillover.errors import DataError, Faults, SpilloverError
from spillover.model_spec import ADAPTER
from spillover.report import panel as forms
from spillover.results import AGAIN, FRAMES, Results, read_results
from spillover.run_folder import as_run
from spillover.studies import prepare, run
from spillover.study_file import read_study

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any

Done = tuple["TinyStudy", Results]
TABLES = FRAMES


def said(tiny: TinyStudy, **options: Any) -> list[str]:
    """What `run` says of a study before it loads a model."""
    options = {"data_root": tiny.data, "out": tiny.out, "device": "cpu"} | options
    with pytest.raises(SpilloverError) as caught:
        run(tiny.study, **options)
    error = caught.value
    errors = error.errors if isinstance(error, Faults) else (error,)
    return [str(each) for each in errors]


@pytest.fixture
def no_model(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever loads a model fails the test."""

    def load(*args: Any, **options: Any) -> None:
        raise AssertionError("a model was loaded")

    monkeypatch.setattr("spillover.models.load_model", load)


def test_the_folder_of_a_study(tiny_done: Done) -> None:
    tiny, results = tiny_done
    assert results.folder == tiny.out
    found = {str(p.relative_to(tiny.out)) for p in tiny.out.rglob("*") if p.is_file()}
    expected = {"study.yaml", "versions.json", "report.html"}
    drawn = (
        "correlation-opinions", "correlation-titles", "confusions-opinions",
        "scores-opinions", "scores-titles",
        "similarity-lines-mean", "similarity-lines-last",
    )  # fmt: skip
    expected |= {f"figures/{name}.{s}" for name in drawn for s in ("svg", "pdf")}
    expected |= {
        f"results/{n}.{s}" for n in (*TABLES, "findings") for s in ("csv", "parquet")
    }
    shown = ("table1", "table2", "table3", "evidence")
    expected |= {f"tables/{n}.{s}" for n in shown for s in ("csv", "md", "tex")}
    for task, codes in (("opinions", "en de fr es"), ("titles", "en de fr")):
        expected |= {
            f"adapters/{task}/{name}"
            for name in (
                "adapter_config.json",
                "adapter_model.safetensors",
                "log.json",
            )
        }
        expected |= {
            f"predictions/{state}/{task}.{code}.parquet"
            for code in codes.split()
            for state in ("before", f"after-{task}")
        }
    assert found == expected


def test_parquet_and_csv_say_the_same(tiny_done: Done) -> None:
    tiny, results = tiny_done
    for name in TABLES:
        frame = getattr(results, name)
        frame = frame.mask(frame.isna())  # a text that is missing is None there
        parquet = pd.read_parquet(tiny.out / "results" / f"{name}.parquet")
        parquet = parquet.mask(parquet.isna())
        path = tiny.out / "results" / f"{name}.csv"
        csv = pd.read_csv(path, dtype=dict.fromkeys(("label", "gold", "answer"), "str"))
        pd.testing.assert_frame_equal(parquet, frame, check_dtype=False)
        pd.testing.assert_frame_equal(csv, frame, check_dtype=False)


def test_the_adapter_is_the_tuned_one(tiny_done: Done) -> None:
    folder = tiny_done[0].out / "adapters" / "titles"
    weights = load_file(folder / "adapter_model.safetensors")
    assert all(value.any() for name, value in weights.items() if "lora_B" in name)
    log = json.loads((folder / "log.json").read_text())
    assert all(set(entry) == {"step", "loss", "learning_rate"} for entry in log)


def test_a_task_without_a_language_shows_a_gap(tiny_done: Done) -> None:
    table = (tiny_done[0].out / "tables" / "table1.md").read_text()
    rows = [line for line in table.splitlines() if "titles" in line and "|" in line]
    assert rows
    assert all("–" in row for row in rows)
    panel = tiny_done[1].panels()[0]
    assert panel.cells.loc[("titles", "after"), "es"] == "–"
    assert panel.cells.loc[("titles", "after"), "fr"] != "–"


def test_the_panels_are_tables_1_to_3_and_what_they_rest_on(tiny_done: Done) -> None:
    titles = [panel.title.partition(":")[0] for panel in tiny_done[1].panels()]
    assert titles == [
        "Table 1",
        "Baselines",
        "Change with tuning",
        "Table 2",
        "Table 3",
    ]  # no pooled correlation: one task has two languages, the other's scores are even


def test_a_run_can_be_read_again_and_shown_beside_the_paper(tiny_done: Done) -> None:
    tiny, results = tiny_done
    again = read_results(tiny.out)
    assert again.study == results.study
    assert (again.metrics, again.kinds) == (results.metrics, results.kinds)
    assert forms.markdown(again.panels()) == forms.markdown(results.panels())
    assert again.findings() == results.findings()
    panels = again.beside("xie2024", {"opinions": "pawsx"})
    assert panels[0].cells.loc[("opinions", "after", "paper"), "fr"] == "0.87"


def test_results_that_are_not_all_there_are_an_error(
    tiny_done: Done, tmp_path: Path
) -> None:
    shutil.copytree(tiny_done[0].out, tmp_path / "run")
    (tmp_path / "run" / "results" / "pooled.parquet").unlink()
    with pytest.raises(DataError, match=r"pooled\.parquet: no such file"):
        read_results(tmp_path / "run")
    with pytest.raises(DataError, match="no finished run; expected a folder"):
        read_results(tmp_path)


def test_a_users_own_finding_comes_after_the_papers(tiny_done: Done) -> None:
    def mine(found: Evidence) -> Iterator[Verdict]:
        n = len(found.comparisons)
        yield Verdict("mine", "all", "There are items.", "supported", f"{n}.", "any")

    *papers, last = tiny_done[1].findings([mine])
    assert last.finding == "mine"
    assert papers == tiny_done[1].findings()


def test_versions_are_written_down(tiny_done: Done) -> None:
    versions = json.loads((tiny_done[0].out / "versions.json").read_text())
    assert {"python", "platform", "spillover", "torch", "peft"} <= versions.keys()
    assert (versions["device"], versions["dtype"]) == ("cpu", "float32")


def test_a_run_folder_does_not_choose_the_command(
    tiny_done: Done, tmp_path: Path
) -> None:
    (tmp_path / "study.yaml").write_text(f"# {AGAIN}; rm -rf x\nname: a\n")
    assert replace(tiny_done[1], folder=tmp_path).command == AGAIN


def test_the_study_as_run_gives_the_same_keys(tiny_done: Done) -> None:
    tiny, results = tiny_done
    again = read_study(tiny.out / "study.yaml")
    assert again == results.study
    first, second = (
        prepare(study, data_root=tiny.data, out=tiny.out, device="cpu")
        for study in (tiny.study, again)
    )
    assert [s.spec.key for s in first.steps] == [s.spec.key for s in second.steps]


def test_the_command_of_the_report_computes_nothing_and_writes_the_same(
    tiny_done: Done, tmp_path: Path, no_model: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny, results = tiny_done
    page = (tiny.out / "report.html").read_text("utf-8")
    [told] = re.findall(r"<pre[^>]*>(spillover run .*)</pre>", page)
    assert told == results.command == f"{AGAIN} --data-root DATA"
    shutil.copytree(tiny.folder, tmp_path / "copy")
    folder = tmp_path / "copy" / "out"
    shutil.copy(folder / "tiny" / "study.yaml", folder)
    monkeypatch.chdir(folder)
    words = told.replace("DATA", str(tiny.data)).split()
    monkeypatch.setattr("sys.argv", [*words, "--device", "cpu"])
    with pytest.raises(SystemExit, match="0"):
        cli.main()
    for path in tiny.out.rglob("*"):
        if path.is_file():
            again = folder / "again" / path.relative_to(tiny.out)
            assert again.read_bytes() == path.read_bytes()


def test_a_report_that_fails_leaves_none_of_an_earlier_run(
    tiny_done: Done, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny = tiny_done[0]
    out = tiny.out.with_name("no-report")
    out.mkdir()
    (out / "report.html").write_text("of an earlier run")

    def fail(results: Results) -> None:
        raise OSError("the disk is full")

    monkeypatch.setattr(Results, "write_report", fail)
    with pytest.raises(OSError, match="full"):
        run(tiny.study, data_root=tiny.data, out=out, device="cpu")
    assert (out / "study.yaml").is_file()
    assert not (out / "report.html").exists()


def test_one_process_at_a_time_writes_a_folder(
    tiny_done: Done, monkeypatch: pytest.MonkeyPatch
) -> None:
    made, results = tiny_done
    lock = made.out.with_name("steps") / f"{made.out.name}.lock"

    def write(*_: object) -> Results:
        with pytest.raises(Timeout):
            FileLock(lock).acquire(timeout=0)
        return results

    monkeypatch.setattr("spillover.studies.write_results", write)
    run(made.study, data_root=made.data, out=made.out, device="cpu")
    with FileLock(lock).acquire(timeout=0):
        pass


def test_versions_that_are_none_are_an_error(tiny_done: Done, tmp_path: Path) -> None:
    results = replace(tiny_done[1], folder=tmp_path)
    for text in ("", "[1]", '{"torch": "2.0; curl evil"}', '{"a b": "1"}'):
        (tmp_path / "versions.json").write_text(text)
        with pytest.raises(DataError, match=r"versions\.json: not versions of pack"):
            _ = results.versions


@pytest.mark.parametrize(
    ("change", "named"),
    [
        (("- es\n", ""), "languages"),
        (("layers:\n  - -1", "layers: all"), "layers"),
        (("name: titles", "name: headlines"), "tasks"),
    ],
)
def test_a_study_that_was_edited_is_not_of_its_tables(
    tiny_done: Done, tmp_path: Path, change: tuple[str, str], named: str
) -> None:
    copy = shutil.copytree(tiny_done[0].out, tmp_path / "copy")
    text = (copy / "study.yaml").read_text("utf-8")
    assert change[0] in text
    (copy / "study.yaml").write_text(text.replace(*change, 1), encoding="utf-8")
    with pytest.raises(DataError, match=rf"study\.yaml: other {named} than in the tab"):
        read_results(copy)


def test_a_damaged_table_is_named(tiny_done: Done, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_done[0].out, tmp_path / "copy")
    damaged = copy / "results" / "evaluations.parquet"
    damaged.write_bytes(damaged.read_bytes()[:500])
    with pytest.raises(
        DataError, match=r"not a readable table .* run the study again"
    ) as caught:
        read_results(copy)
    assert str(caught.value).startswith(str(damaged))


def test_a_table_that_lacks_a_column_is_named(tiny_done: Done, tmp_path: Path) -> None:
    copy = shutil.copytree(tiny_done[0].out, tmp_path / "copy")
    path = copy / "results" / "diagnostics.parquet"
    pd.read_parquet(path).drop(columns="measure").to_parquet(path)
    with pytest.raises(DataError, match=r"diagnostics\.parquet: lacks measure, as a"):
        read_results(copy)


@pytest.mark.usefixtures("no_report")
def test_studies_beside_each_other_share_their_steps(
    tiny_done: Done, tmp_path: Path, no_model: None
) -> None:
    tiny = tiny_done[0]
    shutil.copytree(tiny.folder / "out" / "steps", tmp_path / "steps")
    raw = tiny.raw | {"name": "less", "tasks": tiny.raw["tasks"][:1]}
    less = type(tiny)(raw, tiny.folder).study
    out = shutil.copytree(tiny.out, tmp_path / "less")  # of more tasks, and a note
    (out / "adapters" / "opinions" / "README.md").write_text("mine")
    (out / "adapters" / "mine").mkdir()
    found = run(less, data_root=tiny.data, out=out, device="cpu")
    assert set(found.evaluations["task"]) == {"opinions"}
    left = {str(path.relative_to(out)) for path in out.rglob("*") if path.is_file()}
    there = {path for path in left if path.startswith(("adapters", "predictions"))}
    assert {Path(path).name for path in there} == {
        *("adapter_config.json", "adapter_model.safetensors", "log.json", "README.md"),
        *(f"opinions.{code}.parquet" for code in ("en", "de", "fr", "es")),
    }
    assert not (out / "adapters" / "titles").exists()
    assert (out / "adapters" / "mine").is_dir()


@pytest.mark.usefixtures("no_report")
def test_a_study_without_corpora(
    tiny_done: Done, tmp_path: Path, no_model: None
) -> None:
    tiny = tiny_done[0]
    shutil.copytree(tiny.folder / "out" / "steps", tmp_path / "steps")
    bare = type(tiny)(tiny.raw | {"corpora": []}, tiny.folder).study
    found = run(bare, data_root=tiny.data, out=tmp_path / "bare", device="cpu")
    assert found.similarities.empty
    assert found.correlations.empty
    titles = [panel.title for panel in found.panels()]
    assert titles[0].startswith("Table 1:")
    assert titles[1:] == ["Baselines", "Change with tuning"]


def test_data_model_device_and_folder_are_checked_together(
    tiny_study: TinyStudy, no_model: None
) -> None:
    tiny_study.raw["model"] = "./nowhere"
    (tiny_study.data / "fr.txt").unlink()
    tiny_study.out.parent.mkdir()
    tiny_study.out.write_text("a file")
    found = said(tiny_study, device="gpu9")
    starts = (
        f"{tiny_study.data / 'fr.txt'}: no such file",
        f"{tiny_study.out}: cannot be written (Not a directory: "
        f"{tiny_study.out}); name another",
        "no device 'gpu9' here",
        "nowhere: no config.json",
    )
    assert len(found) == len(starts)
    for text, start in zip(found, starts, strict=True):
        assert text.startswith(start)


@pytest.mark.parametrize(
    ("name", "content", "sentence"),
    [
        ("x.gguf", None, "x.gguf: no such file; expected model weights there"),
        ("x.gguf", b"GGUFnonsense", "x.gguf: not a whole GGUF file"),
    ],
)
def test_a_gguf_file_that_will_not_do(
    tiny_study: TinyStudy,
    no_model: None,
    monkeypatch: pytest.MonkeyPatch,
    name: str,
    content: bytes | None,
    sentence: str,
) -> None:
    monkeypatch.setenv("SPILLOVER_CACHE", str(tiny_study.folder / "cache"))
    path = tiny_study.folder / name
    if content is not None:
        path.write_bytes(content)
    tiny_study.raw["model"] = str(path)
    [found] = said(tiny_study)
    assert sentence in found


@pytest.mark.parametrize("broken", ["config.json", "tokenizer.json"])
def test_a_damaged_model_folder(
    tiny_study: TinyStudy, no_model: None, broken: str
) -> None:
    folder = tiny_study.folder / "model"
    shutil.copytree(tiny_study.raw["model"], folder)
    (folder / broken).write_text("{")
    tiny_study.raw["model"] = str(folder)
    [found] = said(tiny_study)
    assert "\n" not in found
    assert "cannot be" in found


def test_weights_that_are_cut(tiny_study: TinyStudy) -> None:
    folder = tiny_study.folder / "model"
    shutil.copytree(tiny_study.raw["model"], folder)
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-100])
    tiny_study.raw["model"] = str(folder)
    [found] = said(tiny_study)
    assert "the model cannot be loaded" in found


def test_an_adapter_that_is_none(tiny_study: TinyStudy, no_model: None) -> None:
    (tiny_study.folder / "adapter").mkdir()
    tiny_study.raw["model"] = {
        "folder": tiny_study.raw["model"],
        "adapter": str(tiny_study.folder / "adapter"),
    }
    [found] = said(tiny_study)
    assert "adapter: no adapter_config.json; expected a PEFT adapter" in found


def test_a_study_of_a_model_with_an_adapter(
    tiny_study: TinyStudy, no_model: None
) -> None:
    adapter = tiny_study.folder / "adapter"
    adapter.mkdir()
    (adapter / "adapter_config.json").write_text("{}")
    (adapter / "adapter_model.safetensors").write_bytes(b"")
    tiny_study.raw["model"] = {
        "folder": tiny_study.raw["model"],
        "adapter": str(adapter),
    }
    [found] = said(tiny_study)
    assert "model.adapter: a study tunes adapters of its own" in found
    assert "merge_and_unload" in found


def test_a_training_of_no_step_that_learns(
    tiny_study: TinyStudy, no_model: None
) -> None:
    tiny_study.raw["tune"] |= {"batch_size": 64, "warmup_steps": 5}
    for found in said(tiny_study):
        assert "tune.warmup_steps" in found
        assert "the warm-up takes 5 steps" in found


def test_prompts_are_checked_before_a_model_is_loaded(
    tiny_study: TinyStudy, no_model: None
) -> None:
    opinions, titles = (use["task"] for use in tiny_study.raw["tasks"])
    opinions["answers"] = {"1": "Yes", "0": "Yesterday"}
    titles["template"] = "{review} A short title is" + " x" * 300 + " ."
    collide, long, training = said(tiny_study)
    assert "'Yes' and 'Yesterday' begin with the same token" in collide
    assert long.startswith("titles: the prompt of item r")
    assert "expected at most 252, so that the answer fits" in long
    assert training.startswith("titles.max_tokens: the prompt of item r")


def test_layers_and_modules_are_looked_for_before_a_model_is_loaded(
    tiny_study: TinyStudy, no_model: None
) -> None:
    tiny_study.raw["embed"] = {"layers": [-1, 7]}
    tiny_study.raw["tune"]["target_modules"] = ["q_prj", "v_proj"]
    layer, module = said(tiny_study)
    assert (
        layer == "embed.layers: no layer 7; expected 0 (embeddings) to 2, or -3 to -1."
    )
    assert module.startswith("tune.target_modules: unknown module 'q_prj'")
    assert "did you mean 'q_proj'" in module


def test_data_and_what_does_not_fit_are_told_together(
    tiny_study: TinyStudy, no_model: None
) -> None:
    tiny_study.raw["tasks"][0]["task"]["answers"] = {"1": "Yes", "0": "Yesterday"}
    (tiny_study.data / "fr.txt").unlink()
    tiny_study.out.parent.mkdir()
    (tiny_study.out.parent / "steps").touch()
    lost, blocked, collide = said(tiny_study)
    assert "fr.txt: no such file" in lost
    assert "steps: cannot be written" in blocked
    assert "begin with the same token" in collide


@pytest.mark.parametrize("out", [".", "..", "below/..", "new"])
@pytest.mark.usefixtures("no_report")
def test_results_go_into_any_folder(
    tiny_done: Done,
    tmp_path: Path,
    no_model: None,
    monkeypatch: pytest.MonkeyPatch,
    out: str,
) -> None:
    tiny = tiny_done[0]
    here = tmp_path / "above" / "here"
    (here / "below").mkdir(parents=True)
    monkeypatch.chdir(here)
    folder = Path(out).resolve()
    shutil.copytree(tiny.folder / "out" / "steps", folder.parent / "steps")
    few = {"languages": ["en", "de"], "tasks": tiny.raw["tasks"][:1], "corpora": []}
    study = type(tiny)(tiny.raw | few, tiny.folder).study
    found = run(study, data_root=tiny.data, out=Path(out), device="cpu")
    assert found.folder.resolve() == folder
    assert (folder / "study.yaml").is_file()


def test_a_users_own_study_is_not_replaced_by_the_one_that_was_run(
    tiny_study: TinyStudy, no_model: None
) -> None:
    own = tiny_study.yaml.rename(tiny_study.folder / "study.yaml")
    [found] = said(tiny_study, out=own.parent)
    assert found.startswith(f"{own}: a study that no run wrote")
    assert found.endswith("name another folder with --out, or rename the study.")


def test_the_study_as_run_finds_its_model_from_anywhere(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    model = Path(tiny_study.raw["model"])
    monkeypatch.chdir(model.parent)
    tiny_study.raw["model"] = f"./{model.name}"
    assert as_run(tiny_study.study)["model"] == {"folder": str(model)}


def test_the_root_is_no_folder_for_a_study(
    tiny_study: TinyStudy, no_model: None
) -> None:
    [found] = said(tiny_study, out=Path("/"))
    assert found == "/: no folder for a study; name another with --out."


def test_float16_on_a_cpu_is_told_before_anything_is_done(
    tiny_study: TinyStudy,
) -> None:
    tiny_study.raw["dtype"] = "float16"
    [found] = said(tiny_study)
    assert found == (
        "dtype: no training in float16 on a CPU; expected bfloat16 or float32."
    )


def test_a_long_text_is_cut_where_the_study_says_so(
    tiny_study: TinyStudy, no_model: None
) -> None:
    tiny_study.rewrite("de.test.jsonl", lambda t: t.replace("Film", "Film " * 300))
    prepared = prepare(
        tiny_study.study, data_root=tiny_study.data, out=tiny_study.out, device="cpu"
    )
    assert prepared.steps
    assert len(said(tiny_study)) == 2
    tiny_study.raw["evaluate"]["max_tokens"] = 64
    with pytest.raises(AssertionError, match="a model was loaded"):
        said(tiny_study)


def test_the_commit_of_a_branch_is_what_is_loaded_and_written_down(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_study.raw["model"] = {"hub": "acme/tiny"}
    found = {"base": f"acme/tiny@{'1' * 40}", "adapter": None}
    monkeypatch.setattr("spillover.studies.fingerprint", lambda spec: found)
    prepared = prepare(tiny_study.study, data_root=tiny_study.data, out=tiny_study.out)
    assert prepared.study.model.revision == "1" * 40


def test_preparing_writes_nothing(tiny_study: TinyStudy) -> None:
    prepare(
        tiny_study.study, data_root=tiny_study.data, out=tiny_study.out, device="cpu"
    )
    assert not tiny_study.out.parent.exists()


@pytest.mark.usefixtures("no_report")
def test_settings_reach_the_training_and_the_prompts(tiny_study: TinyStudy) -> None:
    """A chat template, a task's own settings, and LoRA's, all off their defaults."""
    raw = tiny_study.raw
    raw |= {"chat": True, "languages": ["en", "de"], "tasks": raw["tasks"][:1]}
    raw["corpora"] = []
    raw["tune"] |= {"rank": 3, "alpha": 5}
    raw["tasks"][0] |= {"tune": {"epochs": 2}, "evaluate": {"max_tokens": 24}}
    run(tiny_study.study, data_root=tiny_study.data, out=tiny_study.out, device="cpu")
    adapter = tiny_study.out / "adapters" / "opinions"
    config = json.loads((adapter / "adapter_config.json").read_text())
    assert (config["r"], config["lora_alpha"]) == (3, 5)
    log = json.loads((adapter / "log.json").read_text())
    assert [entry["step"] for entry in log] == [1, 2, 3, 4, 5, 6]  # two epochs
    for state in ("before", "after-opinions"):
        path = tiny_study.out / "predictions" / state / "opinions.de.parquet"
        told = pd.read_parquet(path)
        assert told["prompt"].str.contains("User: ").all()
        assert told["prompt"].str.endswith("Model:\n").all()
        assert told["cut"].all()


@pytest.mark.usefixtures("no_report")
def test_a_study_with_seeds_and_prompts_from_end_to_end(tiny_done: Done) -> None:
    """Of the first seed the training, and the answers to the own prompt, are there."""
    tiny = tiny_done[0]
    prompts = {"short": "{review} Good? The answer is"}
    more = {
        "seeds": [1, 2],
        "tasks": [tiny.raw["tasks"][0] | {"prompts": prompts}],
        "embed": {"layers": "all", "poolings": ["weighted"]},
    }
    out = tiny.out.with_name("seeds")
    study = type(tiny)(tiny.raw | more, tiny.folder).study
    results = run(study, data_root=tiny.data, out=out, device="cpu")
    told = results.evaluations
    assert set(told["seed"].dropna()) == {1, 2}
    assert set(told.loc[told["task"] == "opinions", "prompt"]) == {"own", "short"}
    columns = ["task", "language", "prompt", "metric", "tuned_on", "seed"]
    assert not told.duplicated(columns).any()
    folders = {path.name for path in (out / "adapters").iterdir()}
    assert folders == {"opinions-seed1", "opinions-seed2"}
    predictions = out / "predictions" / "after-opinions-seed2"
    short = pd.read_parquet(predictions / "opinions.de@short.parquet")["prompt"]
    assert short.str.endswith(" Good? The answer is").all()
    first, second = (
        load_file(out / "adapters" / f"opinions-seed{n}" / ADAPTER[1]) for n in (1, 2)
    )
    assert any((first[name] != second[name]).any() for name in first)
    similarities = results.similarities
    assert set(similarities["layer"]) == {0, 1, 2}
    over = results.mexa.iloc[0]
    keys = ["tuned_on", "seed", "target", "pooling"]
    parts = similarities.groupby(keys, dropna=False, sort=False)["mexa"]
    assert over["mean"] == pytest.approx(parts.mean().iloc[0])
    assert over["max"] == pytest.approx(parts.max().iloc[0])
    assert (over["layers"], len(results.mexa)) == (3, len(parts))
    found = results.correlations
    assert set(found["seed"].fillna(0)) == {0, 1, 2}  # 0: of the mean over seeds
    [[first], [second], [third]] = results.paper_panels()
    assert "over 2 seeds" in first.note
    assert {second.keys["layer"], third.keys["layer"]} == {2}
    prompts = next(panel for panel in results.panels() if panel.title == "Prompts")
    assert [name for _, name in prompts.cells.index] == [
        "own",
        "short",
        "(lowest to highest)",
    ]
    shown = told[told["metric"].eq(results.metrics["opinions"])]
    shown = shown[shown["tuned_on"].eq("opinions") & shown["task"].eq("opinions")]
    shown = shown[shown["prompt"].eq("own") & shown["language"].ne("en")]
    # A seed whose scores are the same in all languages has no order to pool.
    ordered = shown.groupby("seed")["value"].nunique().gt(1).sum()
    counts = results.pooled["n_strata"].unique().tolist()
    assert counts == ([ordered] if ordered else [])
