"""Runs side by side, from folders of runs that were run."""

from __future__ import annotations

import json
import shutil
import sys
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
import pytest
import yaml

from spillover import cli
from spillover.analysis.pooled import pool
from spillover.cli.compare import folder_name
from spillover.comparison import Comparison, compare_runs
from spillover.errors import DataError, StudyError
from spillover.results import read_results
from spillover.studies import run
from spillover.study import parse_study
from spillover.terminal import console

if TYPE_CHECKING:
    from tests.conftest import TinyStudy

    from spillover.results import Results
else:
    TinyStudy = Results = Any


@pytest.fixture(scope="module")
def first(tiny_done: tuple[TinyStudy, Results]) -> Path:
    return tiny_done[0].out


@pytest.fixture(scope="module")
def second(tiny_done: tuple[TinyStudy, Results]) -> Path:
    """Two seeds, trained harder, without Spanish, all layers."""
    made, _ = tiny_done
    raw = made.raw | {
        "name": "harder",
        "seeds": [1, 2],
        "languages": ["en", "de", "fr"],
        "tune": made.raw["tune"] | {"learning_rate": 0.05},
        "embed": {"layers": "all"},
    }
    out = made.out.with_name("harder")
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr("spillover.results.Results.write_report", lambda results: None)
        run(parse_study(raw), data_root=made.data, out=out, device="cpu")
    return out


@pytest.fixture(scope="module")
def both(first: Path, second: Path) -> Comparison:
    return compare_runs([first, second])


Copy = Callable[..., Path]


@pytest.fixture
def copy(first: Path, tmp_path: Path) -> Copy:
    """A copy of the first run with another study, under a name of its own."""

    def make(called: str = "copy", **study: Any) -> Path:
        folder = tmp_path / called
        shutil.copytree(first, folder)
        path = folder / "study.yaml"
        raw = yaml.safe_load(path.read_text("utf-8"))
        path.write_text(yaml.safe_dump(raw | study), encoding="utf-8")
        return folder

    return make


def rewrite(
    folder: Path, pattern: str, change: Callable[[pd.DataFrame], pd.DataFrame]
) -> None:
    """Change the predictions of a copied run, whose files are links in the original."""
    paths = [*folder.glob(f"predictions/{pattern}.parquet")]
    assert paths
    for path in paths:
        change(pd.read_parquet(path)).to_parquet(path, index=False)


def predictions(folder: Path, state: str, name: str) -> pd.DataFrame:
    return pd.read_parquet(folder / "predictions" / state / f"{name}.parquet")


def one(frame: pd.DataFrame, **wanted: str) -> Any:
    for column, value in wanted.items():
        frame = frame[frame[column] == value]
    [found] = frame.itertuples()
    return found


def test_scores_and_differences_are_those_of_the_predictions(
    both: Comparison, first: Path, second: Path
) -> None:
    for task, metric in (("opinions", "accuracy_strict"), ("titles", "rougeL")):
        for language in ("en", "de", "fr"):
            name = f"{task}.{language}"
            a = predictions(first, f"after-{task}", name)
            b = [predictions(second, f"after-{task}-seed{s}", name) for s in (1, 2)]
            ours = a[metric].mean()
            theirs = np.mean([frame[metric].mean() for frame in b])
            where = {"task": task, "language": language, "tuning": "after"}
            told = one(both.differences, **where)
            assert (told.run, told.against) == ("harder", "tiny")
            assert told.difference == pytest.approx(theirs - ours)
            assert told.n == len(a)
            score = one(both.scores, **where, run="harder")
            assert score.value == pytest.approx(theirs)
            assert score.seeds == 2
            assert score.metric == metric
            alone = one(both.scores, **where, run="tiny")
            assert alone.value == pytest.approx(ours)
    assert (both.differences["difference"] != 0).any()


def test_a_language_that_one_run_lacks_is_left_out(both: Comparison) -> None:
    for frame in (both.items, both.scores, both.differences):
        assert "es" not in set(frame["language"])
    table = both.settings.loc["languages"]
    assert table.tolist() == ["en de fr es", "en de fr"]


def test_what_differs_is_told_first_and_nothing_else(both: Comparison) -> None:
    assert both.settings.index.tolist() == [
        "languages",
        "seeds",
        "tune.learning_rate",
        "embed.layers",
    ]
    panels = [panel for part in both.panels().values() for panel in part]
    assert panels[0].title == "What differs between the runs"
    assert panels[0].cells.loc["tune.learning_rate"].tolist() == ["0.01", "0.05"]
    assert panels[0].cells.loc["seeds"].tolist() == ["–", "1 2"]


def test_versions_and_settings_of_a_task_may_differ(first: Path, copy: Copy) -> None:
    raw = yaml.safe_load((first / "study.yaml").read_text("utf-8"))
    raw["tasks"][1]["tune"] = {"epochs": 2}
    other = copy(tasks=raw["tasks"])
    versions = json.loads((first / "versions.json").read_text("utf-8"))
    path = other / "versions.json"
    path.write_text(json.dumps(versions | {"torch": "9.9"}), encoding="utf-8")
    table = compare_runs([first, other]).settings
    assert table["copy"].to_dict() == {
        "tasks.titles.tune.epochs": "2",
        "versions.torch": "9.9",
    }


def test_similarity_and_correlation_stand_side_by_side(
    both: Comparison, first: Path, second: Path
) -> None:
    panels = both.panels()
    [similarity] = panels["similarities"]
    assert [*similarity.values.columns.unique(0)] == ["tiny", "harder"]
    for name, folder in (("tiny", first), ("harder", second)):
        frame = read_results(folder).similarities
        last = frame[frame["tuned_on"].isna() & (frame["target"] == "de")]
        last = last[last["layer"] == last["layer"].max()]
        wanted = one(last, pooling="mean")
        told = similarity.values.loc[("mean", "en-de"), name]
        assert told.tolist() == [wanted.parallel, wanted.random]
    assert similarity.cells.loc[("mean", "en-es"), "harder"].tolist() == ["–", "–"]
    correlation = panels["correlations"][0]
    assert [*correlation.cells.columns.unique(0)] == ["tiny", "harder"]
    assert "opinions: not over the same languages" in correlation.note


def test_correlations_that_agree_between_runs_are_not_warned_of(copy: Copy) -> None:
    folders = [copy("a"), copy("b")]
    for folder in folders:
        path = folder / "results" / "correlations.parquet"
        frame = pd.read_parquet(path)
        mean = frame["pooling"] == "mean"  # other languages than the last token has
        frame.loc[mean & (frame["task"] == "opinions"), "languages"] = "de fr"
        frame.to_parquet(path)
    panel = compare_runs(folders).panels()["correlations"][0]
    assert "not over the same languages" not in panel.note


def spread(frame: pd.DataFrame) -> pd.DataFrame:
    """Scores after tuning that are not all the same, in the order of the rows."""
    values = np.linspace(0.1, 0.9, len(frame))
    return frame.assign(value=np.random.default_rng(0).permutation(values))


def test_correlations_are_pooled_over_runs_and_tasks(copy: Copy) -> None:
    folders = [copy("a"), copy("b")]
    for folder in folders:
        path = folder / "results" / "evaluations.parquet"
        spread(pd.read_parquet(path)).to_parquet(path)
    path = folders[0] / "results" / "similarities.parquet"
    frame = pd.read_parquet(path)  # what one run alone has is not pooled
    frame = pd.concat([frame, frame[frame["pooling"] == "mean"].assign(pooling="cls")])
    frame.to_parquet(path)
    compared = compare_runs(folders)
    found = compared.pooled
    assert found["pooling"].tolist() == ["mean", "last"]
    results = read_results(folders[0])
    after = results.evaluations.query("tuned_on == task")
    strict = after[after["metric"] == "accuracy_strict"].set_index("language")["value"]
    cosines = results.similarities.query("tuned_on.isna() and pooling == 'mean'")
    similarities = cosines.set_index("target")["parallel"]
    codes = ["de", "fr", "es"]
    stratum = strict[codes].to_dict(), similarities[codes].to_dict()
    wanted = pool([stratum, stratum])  # `titles` has two languages besides English
    assert found["value"][0] == pytest.approx(wanted.value)
    assert found["p"][0] == pytest.approx(wanted.p)
    assert found["strata"][0] == "a opinions, b opinions"
    panel = compared.panels()["correlations"][-1]
    assert panel.title == "Correlation, pooled"
    assert panel.values["smallest p"].tolist() == [wanted.p_min] * 2


def test_items_that_one_run_lacks_are_counted_and_left_out(copy: Copy) -> None:
    first, other = copy("first"), copy()
    early = [1.0, 1.0, 0.0, 0.0, 0.0]  # right in items that the other run lacks
    rewrite(first, "before/opinions.de", lambda f: f.assign(accuracy_strict=early))
    rewrite(other, "*/opinions.de", lambda f: f[::-1].iloc[:3])
    rewrite(
        other, "after-opinions/opinions.de", lambda f: f.assign(accuracy_strict=1.0)
    )
    found = compare_runs([first, other])
    counts = found.items[found.items["language"] == "de"].query("task == 'opinions'")
    assert counts["n"].tolist() == [5, 3]
    assert counts["shared"].tolist() == [3, 3]
    where = {"task": "opinions", "language": "de", "tuning": "after"}
    told = one(found.differences, **where)
    kept = predictions(other, "before", "opinions.de")["id"]
    ours = predictions(first, "after-opinions", "opinions.de").set_index("id")
    assert told.n == 3
    assert one(found.differences, **where | {"tuning": "before"}).baseline == 0
    assert told.baseline == ours.loc[kept, "accuracy_strict"].mean()
    assert told.value == 1
    panel = found.panels()["scores"][0]
    assert panel.title == "Items"
    assert panel.cells["de"].loc["opinions"].tolist() == ["5", "3", "3"]
    assert panel.cells["es"].loc["titles"].tolist() == ["–", "–", "–"]


def test_no_items_are_counted_where_all_have_the_same(both: Comparison) -> None:
    assert [panel.title for panel in both.panels()["scores"]] == [
        "Scores on the same items"
    ]


def test_a_language_without_a_shared_item_is_left_out(first: Path, copy: Copy) -> None:
    other = copy()
    rewrite(other, "*/opinions.de", lambda f: f.assign(id="x" + f["id"]))
    found = compare_runs([first, other])
    assert one(found.items, task="opinions", language="de", run="copy").shared == 0
    kept = found.differences[found.differences["task"] == "opinions"]
    assert set(kept["language"]) == {"en", "fr", "es", "others"}


def test_other_gold_answers_are_refused(first: Path, copy: Copy) -> None:
    other = copy()
    rewrite(other, "*/opinions.de", lambda f: f.assign(gold=f["gold"].iloc[::-1]))
    rewrite(other, "*/opinions.fr", lambda f: f.assign(gold="1"))
    message = "opinions in 'fr': 3 of 5 shared items have another gold answer in tiny"
    with pytest.raises(DataError, match=message):
        compare_runs([first, other])


def other_text(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.assign(prompt=frame["prompt"].str.replace("film", "opera"))


def test_other_texts_are_refused_where_prompts_can_be_compared(
    first: Path, copy: Copy
) -> None:
    changed = copy("changed")
    rewrite(changed, "*/opinions.en", other_text)
    with pytest.raises(DataError, match="have another text in tiny than in changed"):
        compare_runs([first, changed])
    cut = copy("cut")
    rewrite(cut, "*/opinions.en", lambda f: other_text(f).assign(cut=True))
    assert compare_runs([first, cut])
    raw = yaml.safe_load((first / "study.yaml").read_text("utf-8"))["tasks"]
    raw[0]["task"]["template"] = "{review} Good? Answer:"
    template = copy("template", tasks=raw)
    rewrite(template, "*/opinions.en", other_text)
    assert compare_runs([first, template])
    chat = copy("chat", chat=True)
    rewrite(chat, "*/opinions.en", other_text)
    assert compare_runs([first, chat])
    with pytest.raises(DataError, match="another text in tiny than in changed"):
        compare_runs([first, chat, changed])


def test_runs_are_called_by_what_tells_them_apart(copy: Copy) -> None:
    def names(*folders: Path) -> list[str]:
        return [*compare_runs(folders).runs]

    assert names(copy("a"), copy("b")) == ["a", "b"]
    assert names(copy("1/x", name="one"), copy("2/x", name="two")) == ["one", "two"]
    tune = {"learning_rate": 0.5, "rank": 8}
    assert names(copy("3/x", tune=tune), copy("4/x", tune=tune | {"rank": 4})) == [
        "tiny (tune.rank 8)",
        "tiny (tune.rank 4)",
    ]
    same = copy("5/x"), copy("6/x")
    assert names(*same) == [*map(str, same)]
    # A column of the tables is called so.
    assert names(copy("7/table"), copy("8/y", name="b")) == ["tiny", "b"]


def test_a_prompt_is_no_name_of_a_run(first: Path, copy: Copy) -> None:
    [opinions, titles] = yaml.safe_load((first / "study.yaml").read_text())["tasks"]
    longer = "Read this at your leisure: " * 5 + opinions["task"]["template"]
    other = opinions | {"task": opinions["task"] | {"template": longer}}
    runs = copy("1/x"), copy("2/x", tasks=[other, titles])
    assert [*compare_runs(runs).runs] == [*map(str, runs)]


def test_a_folder_of_a_comparison_has_a_name_that_file_systems_take() -> None:
    assert folder_name(["a b", "c"]) == "a-b-vs-c"
    first, second = (folder_name(["研究" * 60, "x" * 90 + end]) for end in "ab")
    assert first != second
    assert first[:40] == second[:40] == "研究" * 20
    assert max(len(first.encode()), len(second.encode())) <= 200


def test_runs_without_a_corpus_have_scores_alone(copy: Copy, tmp_path: Path) -> None:
    folders = [copy("a", corpora=[]), copy("b", corpora=[])]
    for folder in folders:
        for name in ("similarities", "correlations", "pooled", "distributions", "mexa"):
            path = folder / "results" / f"{name}.parquet"
            pd.read_parquet(path).iloc[:0].to_parquet(path)
    found = compare_runs(folders)
    filled = [name for name, panels in found.panels().items() if panels]
    assert filled == ["findings", "scores", "differences"]
    found.write(tmp_path / "out")
    page = (tmp_path / "out" / "compare.html").read_text("utf-8")
    assert "Nothing: studies and versions are the same." in page
    assert "Similarity of parallel" not in page
    read = pd.read_csv(tmp_path / "out" / "results" / "pooled.csv")
    assert read.empty
    assert {"corpus", "value", "p_min", "strata"} <= {*read.columns}


def test_three_runs_are_tested_against_the_first(first: Path, copy: Copy) -> None:
    called = {"name": "again", "description": "The same, once more."}
    found = compare_runs([first, copy("b", **called), copy("c")])
    assert found.settings.empty
    assert set(found.differences["run"]) == {"b", "c"}
    assert set(found.differences["against"]) == {"tiny"}
    assert (found.differences["difference"] == 0).all()


@pytest.mark.parametrize(
    ("spoil", "error", "message"),
    [
        (lambda a, copy: [a], StudyError, "1 folder.*expected two runs or more"),
        (lambda a, copy: [a, a / "."], StudyError, "each once"),
        (lambda a, copy: [a, a.parent], DataError, "no finished run"),
        (
            lambda a, copy: [a, without(copy(), "results/pooled")],
            DataError,
            "pooled.parquet: no such file",
        ),
        (
            lambda a, copy: [
                a,
                without(copy(), "predictions/before/titles.fr"),
            ],
            DataError,
            "titles.fr.parquet: no such file",
        ),
        (
            lambda a, copy: [a, copy(headline="choice")],
            DataError,
            "opinions: runs with other metrics: accuracy_strict in tiny, "
            "accuracy_choice in copy",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(
    first: Path, copy: Copy, spoil: Any, error: type[Exception], message: str
) -> None:
    with pytest.raises(error, match=message):
        compare_runs(spoil(first, copy))


def without(folder: Path, name: str) -> Path:
    (folder / f"{name}.parquet").unlink()
    return folder


def test_runs_that_share_no_task_are_refused(first: Path, copy: Copy) -> None:
    tasks = yaml.safe_load((first / "study.yaml").read_text("utf-8"))["tasks"]
    for use in tasks:
        use["task"]["name"] = f"x{use['task']['name']}"
    other = copy(tasks=tasks)
    for path in other.glob("results/*.parquet"):
        frame = pd.read_parquet(path)
        for column in {"task", "tuned_on"} & {*frame}:
            frame[column] = "x" + frame[column]
        frame.to_parquet(path)
    with pytest.raises(DataError, match="tiny, copy: no task is in all runs in the sa"):
        compare_runs([first, other])


def test_runs_without_a_shared_item_are_refused(first: Path, copy: Copy) -> None:
    other = copy()
    rewrite(other, "*/*", lambda f: f.assign(id="x" + f["id"]))
    with pytest.raises(DataError, match="no item is in all runs"):
        compare_runs([first, other])


def call(monkeypatch: pytest.MonkeyPatch, *arguments: object) -> int:
    monkeypatch.setattr(sys, "argv", ["spillover", "compare", *map(str, arguments)])
    for name in ("out", "err"):
        monkeypatch.setattr(getattr(console, name), "width", 80)
    try:
        cli.main()
    except SystemExit as exit:
        return int(exit.code or 0)
    return 0


def test_the_command_shows_and_writes_it_all(
    first: Path,
    second: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    assert call(monkeypatch, first, second) == 0
    told = capsys.readouterr().out
    folder = Path("runs/compare/tiny-vs-harder")
    assert told.endswith(f"All of it is in {folder}\n")
    assert max(map(len, told.splitlines())) <= 80
    for title in (
        "What differs between the runs",
        "Scores on the same items",
        "Difference from tiny",
        "Mean cosine before tuning",
        "Score after tuning against similarity",
    ):
        assert title in told
    page = (folder / "compare.html").read_text("utf-8")
    # Of two tasks and two poolings; four over layers; one task has confusions.
    assert page.count("<svg") == 2 * (2 + 2 + 2 + 4 + 1)
    assert "What the data say to each claim" in page
    assert "improves-at-same-length" in page
    assert "improves-at-same-length" not in told
    names = ("settings", "findings", "scores", "differences", "similarities")
    for name in (*names, "correlations"):
        for suffix in ("csv", "md", "tex"):
            assert (folder / "tables" / f"{name}.{suffix}").stat().st_size > 0
    written = pd.read_csv(folder / "results" / "differences.csv")
    wanted = compare_runs([first, second]).differences
    assert written["p_holm"].tolist() == pytest.approx(wanted["p_holm"].tolist())


def test_the_command_answers_in_json(
    first: Path,
    second: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    # The page, which takes longer than all else, is the test's before this one.
    monkeypatch.setattr("spillover.report.compare_page.render", lambda *_: "")
    assert call(monkeypatch, first, second, "--out", tmp_path, "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"] == {"tiny": str(first), "harder": str(second)}
    assert {row["key"] for row in found["settings"]} >= {"seeds"}
    assert found["differences"][0]["against"] == "tiny"


def test_the_command_refuses_one_run(
    first: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert call(monkeypatch, first) == 2
    assert capsys.readouterr().err.startswith("error: compare: 1 folder(s): ")
