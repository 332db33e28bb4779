"""What makes a study, and saying all that is wrong in one."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pytest

from spillover.data import registry
from spillover.errors import Faults
from spillover.settings import EvaluateSettings, TuneSettings
from spillover.study import Study, TaskUse, parse_study


def small(**changes: Any) -> dict[str, Any]:
    """A mapping that makes a study of tasks that ship with the package."""
    return {
        "name": "s",
        "model": "smollm2-135m-instruct",
        "languages": ["en", "de"],
        "tasks": [{"task": "mini-paraphrase"}],
    } | changes


def said(raw: dict[str, Any]) -> list[str]:
    """The sentences about a study that has faults."""
    with pytest.raises(Faults) as caught:
        parse_study(raw, "s.yaml")
    return [str(error) for error in caught.value.errors]


def test_a_tasks_own_settings_lie_on_top_of_the_studys() -> None:
    use = {"task": "mini-paraphrase", "tune": {"rank": 2}, "evaluate": {"beams": 1}}
    study = parse_study(small(tasks=[use], tune={"epochs": 3}))
    wanted = TuneSettings(epochs=3, rank=2, project="s")
    assert study.tune_settings(study.tasks[0]) == wanted
    assert study.evaluate_settings(study.tasks[0]) == EvaluateSettings(beams=1)


@pytest.mark.parametrize(
    ("train", "message"),
    [
        ({"languages": ["fr"]}, "tuning is in 'en', which 'languages' lacks"),
        ({"splits": {"test": "test"}}, "files to learn from have no split but 'train'"),
    ],
)
def test_files_to_learn_from_are_english_and_to_learn_from(
    train: dict[str, Any], message: str
) -> None:
    use = {"task": "mini-paraphrase", "train": {"path": "mine.jsonl"} | train}
    assert any(message in sentence for sentence in said(small(tasks=[use])))


def test_no_task_is_called_as_the_state_before_tuning() -> None:
    own = registry.task("mini-paraphrase").model_copy(update={"name": "before"})
    for task in ("before", own.model_dump(mode="json")):
        messages = said(small(tasks=[{"task": task}]))
        assert any("'before' is the state before tuning" in m for m in messages)


def test_a_studys_settings_made_in_python_are_explained() -> None:
    study = parse_study(small())
    use = study.tasks[0].model_copy(update={"tune": {"epochz": 1}})
    study = study.model_copy(update={"tasks": (use,)})
    with pytest.raises(Faults, match=r"unknown key 'tasks\.0\.tune\.epochz'"):
        study.tune_settings(use)


def test_the_headline_metric() -> None:
    study = parse_study(small())
    choice = parse_study(small(headline="choice"))
    classification = study.tasks[0].resolve()
    generation = TaskUse(task="mini-summary").resolve()
    assert study.metric(classification) == "accuracy_strict"
    assert choice.metric(classification) == "accuracy_choice"
    assert study.metric(generation) == choice.metric(generation) == "rougeL"


def test_files_to_learn_from_come_before_the_tasks_own() -> None:
    train = {"path": "/mine.tsv", "id": "id", "target": "label"}
    use = TaskUse.model_validate({"task": "pawsx", "train": train})
    task = use.resolve()
    chosen = task.source("train", "en", Path("root"))
    assert chosen.model_dump(include={"path", "splits", "languages"}) == {
        "path": "/mine.tsv",
        "splits": {"train": "train"},
        "languages": ("en",),
    }
    assert task.source("test", "en", Path("root")) != chosen


def test_files_that_a_task_cannot_learn_from() -> None:
    train = {"path": "/mine.tsv", "columns": {"sentence9": "a"}, "target": "label"}
    use = TaskUse.model_validate({"task": "pawsx", "train": train})
    with pytest.raises(Faults, match=r"^pawsx: train: .*'sentence9'.* not a field"):
        use.resolve()


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"seeed": 1}, "s.yaml: unknown key 'seeed'; did you mean 'seed'."),
        ({"name": "意見" * 14}, "s.yaml: name: 84 bytes, and files are named after it"),
        ({"zzz": 1}, "s.yaml: unknown key 'zzz'; known: chat, corpora,"),
        (
            {"tune": {"learning-rate": 1}},
            "s.yaml: unknown key 'tune.learning-rate'; did you mean 'learning_rate'.",
        ),
        ({"tune": {"epochs": "six"}}, "s.yaml: tune.epochs: input should be a valid"),
        ({"tune": {"epochs": True}}, "s.yaml: tune.epochs: input should be a valid nu"),
        ({"tune": {"warmup_steps": float("inf")}}, "s.yaml: tune.warmup_steps: input"),
        ({"tune": {"learning_rate": float("nan")}}, "s.yaml: tune.learning_rate: inp"),
        ({"embed": {"layers": [-1, 0, -1]}}, "s.yaml: embed.layers: -1 must be listed"),
        ({"embed": {"poolings": ["last", "last"]}}, "s.yaml: embed.poolings: 'last' m"),
        (
            {"tasks": ["xnli"]},
            "s.yaml: tasks.0: not a mapping; expected {task: xnli}.",
        ),
        ({"corpora": ["pud"]}, "s.yaml: corpora.0: not a mapping; expected {corpus: p"),
        ({"tune": {"epochs": -1}}, "s.yaml: tune.epochs: input should be greater"),
        ({"dtype": "int8"}, "s.yaml: dtype: input should be 'auto', 'bfloat16'"),
        ({"seed": 1.5}, "s.yaml: seed: input should be a valid integer"),
        ({"seed": True}, "s.yaml: seed: input should be a valid integer"),
        ({"seed": "0100"}, "s.yaml: seed: input should be a valid integer"),
        ({"tune": {"rank": True}}, "s.yaml: tune.rank: input should be a valid integ"),
        (
            {"tasks": [{"task": "xnli", "train_rows": True}]},
            "s.yaml: tasks.0.train_rows: input should be a valid integer",
        ),
        ({"tune": None}, "s.yaml: tune: nothing stands there; fill it in, or leave"),
        ({"corpora": None}, "s.yaml: corpora: nothing stands there; fill it in, or"),
        ({"name": False}, "s.yaml: name: YAML reads an unquoted yes, no, on, off,"),
        (
            {"tasks": [{"task": "xnli", "prompts": {False: "{premise}"}}]},
            "s.yaml: tasks.0.prompts.0.[key]: YAML reads an unquoted",
        ),
        ({"seed": -1}, "s.yaml: seed: input should be greater than or equal to 0"),
        ({"seeds": [2**32]}, "s.yaml: seeds.0: input should be less than 4294967296"),
        ({"tune": {"epochs": math.inf}}, "s.yaml: tune.epochs: input should be a fin"),
        ({"name": "a b"}, "s.yaml: name: string should match pattern"),
        ({"name": ".."}, "s.yaml: name: string should match pattern"),
        ({"model": "~nobody-at-all/x"}, "s.yaml: model: '~nobody-at-all/x': "),
        ({"tasks": []}, "s.yaml: tasks: list should have at least 1 item"),
        ({"tasks": "xnli"}, "tasks: input should be a valid list, as [xnli]"),
        ({"languages": ["en"]}, "s.yaml: languages: list should have at least 2"),
        ({"languages": ["de", "en"]}, "s.yaml: languages: 'en' must come first"),
        ({"languages": ["de", "fr"]}, "s.yaml: languages: 'en' must come first"),
        ({"languages": ["en", "de", "de"]}, "s.yaml: languages: 'de' must be listed"),
        ({"languages": ["en", False]}, "s.yaml: languages: YAML reads an unquoted"),
        ({"model": "a b"}, "s.yaml: model: 'a b' is neither a repository of the Hub"),
        ({"model": {"hub": "a/b", "gguf": "x"}}, "s.yaml: model: give exactly one"),
        (
            {"tasks": [{"task": "xnli", "test_rows": -3}]},
            "s.yaml: tasks.0.test_rows: input should be greater than or equal to 1",
        ),
        (
            {"tasks": [{"task": "xnli", "tune": {"rang": 4}}]},
            "s.yaml: unknown key 'tasks.0.tune.rang'; did you mean 'rank'.",
        ),
        ({"tasks": [{"task": 5}]}, "s.yaml: tasks.0.task: input should be a valid"),
        ({"tasks": [{}]}, "s.yaml: the key 'tasks.0.task' is missing."),
        (
            {"corpora": [{"corpus": "pud", "rows": 1}]},
            "s.yaml: corpora.0.rows: input should be greater than or equal to 2",
        ),
        (
            {"tune": {"target_modules": 5}},
            "s.yaml: tune.target_modules: input should be 'all-linear'",
        ),
    ],
)
def test_one_sentence_for_one_fault(change: dict[str, Any], sentence: str) -> None:
    [found] = said(small(**change))
    assert sentence in found
    assert "\n" not in found


@pytest.mark.parametrize(
    ("change", "sentence"),
    [
        ({"kind": "ranking"}, "tasks.0.task.kind: input should be 'classification'"),
        ({"metric": "bleu"}, "tasks.0.task.metric: input should be 'accuracy'"),
        ({"metric": "rougeL"}, "tasks.0.task: the metric of a classification task is"),
        ({"answers": {"1": "Yes"}}, "tasks.0.task: a classification task needs two"),
        ({"answers": {"1": 1.1}}, "answers: YAML reads a number here, 1.1: put it in"),
        ({"tempalte": "x"}, "'tasks.0.task.tempalte'; did you mean 'template'"),
        (
            {"hub": [{"repo": "a/b", "revision": "x", "cofnig": "c"}]},
            "'tasks.0.task.hub.0.cofnig'; did you mean 'config'",
        ),
    ],
)
def test_a_users_own_task_is_explained_too(
    change: dict[str, Any], sentence: str
) -> None:
    source = {"path": "{language}.{split}.csv", "target": "label"}
    task = {
        "name": "mine",
        "kind": "classification",
        "template": "{text} Yes or No?",
        "answers": {"1": "Yes", "0": "No"},
        "metric": "accuracy",
        "languages": ["en", "de"],
        "files": [source],
    }
    assert parse_study(small(tasks=[{"task": task}])).tasks[0].resolve().name == "mine"
    [found] = said(small(tasks=[{"task": task | change}]))
    assert sentence in found


def test_all_faults_are_said_together() -> None:
    found = said({"seeed": 1, "languages": ["de"], "tune": {"rank": 0, "alpha": 0}})
    text = "\n".join(found)
    for part in ("seeed", "'name'", "'model'", "'tasks'", "tune.rank", "tune.alpha"):
        assert part in text
    assert len(found) == 7


def test_a_study_is_frozen() -> None:
    study = parse_study(small())
    with pytest.raises(ValueError, match="frozen"):
        study.seed = 2
    assert isinstance(study, Study)


def test_wrong_names_are_told_together_with_wrong_keys() -> None:
    raw = {
        "name": "s",
        "model": "smollm2-135m-instruct",
        "languages": ["en", "xx"],
        "tasks": [{"task": "xnl"}],
        "corpora": [{"corpus": "pudd"}],
        "tune": {"epoch": 1},
    }
    with pytest.raises(Faults) as caught:
        parse_study(raw)
    key, *names = map(str, caught.value.errors)
    assert "unknown key 'tune.epoch'" in key
    assert [name.partition(";")[0] for name in names] == [
        "study: languages: unknown language 'xx'",
        "unknown task 'xnl'",
        "unknown corpus 'pudd'",
    ]
