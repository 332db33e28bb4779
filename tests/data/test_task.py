from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from spillover.data.items import Item
from spillover.data.task import Task
from spillover.errors import DataError, StudyError

YAML = """
name: opinions
kind: classification
template: "Review: {review} Is it good? The answer is"
answers: {1: "Yes", 0: "No"}
metric: accuracy
chance: 0.5
languages: [en, fr]
train_languages: [en]
files:
  - path: "{language}/{split}.csv"
    columns: {review: text}
    target: stars
    labels: {5: 1, 1: 0}
"""


def own(**changes: Any) -> Task:
    return Task.model_validate(yaml.safe_load(YAML) | changes)


def reason(**changes: Any) -> str:
    with pytest.raises(ValidationError) as caught:
        own(**changes)
    return str(caught.value)


def write(root: Path, name: str, content: str) -> Path:
    path = root / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content, encoding="utf-8")
    return path


def test_a_task_written_in_yaml_is_read(tmp_path: Path) -> None:
    write(tmp_path, "fr/test.csv", 'text,stars\n"Bien, {vraiment}",5\nMal,1\n')
    task = own()
    found = task.load("test", "fr", tmp_path)
    assert found == [
        Item("1", {"review": "Bien, {vraiment}"}, "1"),
        Item("2", {"review": "Mal"}, "0"),
    ]
    assert task.prompt(found[0]) == (
        "Review: Bien, {vraiment} Is it good? The answer is"
    )


def test_a_label_outside_the_set_is_an_error(tmp_path: Path) -> None:
    path = write(tmp_path, "en/test.csv", "text,stars\nFine,5\nFair,3\n")
    with pytest.raises(DataError) as caught:
        own().load("test", "en", tmp_path)
    assert str(caught.value) == (
        f"{path}:3: unknown label '3'; expected one of '1', '0'; "
        "'labels' maps their spelling to ours."
    )


def test_an_answer_without_its_number_is_an_error(tmp_path: Path) -> None:
    lines = [{"review": "1 + 1?", "sum": "2"}, {"review": "2 + 2?", "sum": "four"}]
    text = "".join(json.dumps(line) + "\n" for line in lines)
    path = write(tmp_path, "en/test.jsonl", text)
    files = [{"path": "{language}/{split}.jsonl", "target": "sum"}]
    generated = {"kind": "generation", "answers": {}, "chance": None}
    task = own(metric="exact_number", files=files, **generated)
    with pytest.raises(DataError) as caught:
        task.load("test", "en", tmp_path)
    assert str(caught.value).startswith(f"{path}:2: the answer 'four' holds no number")


def test_a_reference_may_be_any_text(tmp_path: Path) -> None:
    write(tmp_path, "en/test.jsonl", json.dumps({"text": "Long.", "sum": "L."}) + "\n")
    files = [{"path": "{language}/{split}.jsonl", "target": "sum"}]
    task = own(
        kind="generation",
        metric="rougeL",
        answers={},
        chance=None,
        template="{text}",
        files=files,
    )
    assert task.load("test", "en", tmp_path) == [Item("1", {"text": "Long."}, "L.")]


def test_aligned_languages_are_checked_when_loaded_together(tmp_path: Path) -> None:
    write(tmp_path, "en/test.csv", "text,stars\na,5\nb,1\n")
    write(tmp_path, "fr/test.csv", "text,stars\na,5\n")
    with pytest.raises(DataError, match="opinions test: 'fr' lacks 1 of the 2 ids"):
        own().load_all("test", ["en", "fr"], tmp_path)
    files = own().files[0].model_copy(update={"aligned": False})
    loose = own().model_copy(update={"files": (files,)})
    found = loose.load_all("test", ["fr", "en"], tmp_path)
    assert [item.id for item in found["fr"]] == ["fr-1"]
    assert [item.id for item in found["en"]] == ["en-1", "en-2"]


def test_languages_of_two_sources_share_ids_unless_a_prefix_parts_them(
    tmp_path: Path,
) -> None:
    write(tmp_path, "en.csv", "text,stars\na,5\nb,1\n")
    write(tmp_path, "fr.csv", "text,stars\na,5\n")
    base = yaml.safe_load(YAML)["files"][0] | {"splits": {"test": "test"}}
    files = [base | {"path": f"{n}.csv", "languages": [n]} for n in ("en", "fr")]
    with pytest.raises(DataError, match="opinions test: 'fr' lacks 1 of the 2 ids"):
        own(files=files, train_languages=[]).load_all("test", ["en", "fr"], tmp_path)
    for parted in ({"aligned": False}, {"id_prefix": "{language}-{split}-"}):
        task = own(files=[files[0], files[1] | parted], train_languages=[])
        found = task.load_all("test", ["en", "fr"], tmp_path)
        assert [item.id for item in found["en"]] == ["1", "2"]
    assert [item.id for item in found["fr"]] == ["fr-test-1"]


def test_what_a_task_lacks_is_an_error(tmp_path: Path) -> None:
    task = own()
    with pytest.raises(StudyError, match="unknown language of opinions 'fra'; did"):
        task.load("test", "fra", tmp_path)
    with pytest.raises(StudyError, match=r"no train split in 'fr'.*are en"):
        task.load("train", "fr", tmp_path)
    with pytest.raises(StudyError, match="is not on the Hub; fetch its files"):
        task.load("test", "en")


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"name": "../x"}, "String should match pattern"),
        ({"kind": "ranking"}, "'classification' or 'generation'"),
        ({"template": "{review"}, "is not a template"),
        ({"template": "{review.text}"}, "not a plain name"),
        ({"template": "Is it good?"}, "every prompt is the same"),
        ({"template": "{revue}"}, "'review', which is not a field; did you mean"),
        ({"template": "{x}"}, "'review', which is not a field (they are x)"),
        ({"answers": {1: "Yes"}}, "needs two 'answers' or more"),
        ({"answers": {1: "Yes", 0: "Yes "}}, "blank or not distinct"),
        ({"answers": {1: "Yes", 0: " "}}, "blank or not distinct"),
        ({"answers": {1: True, 0: False}}, "put the word in quotes"),
        ({"answers": {"a": "Yes", "b": "No"}}, "'labels' give '0', '1', which"),
        ({"metric": "rougeL"}, "the metric of a classification task is accuracy"),
        ({"metric": "f1"}, "'accuracy', 'rougeL' or 'exact_number'"),
        ({"chance": 0}, "greater than 0"),
        ({"chance": 50}, "less than 1"),
        ({"kind": "generation"}, "a generation task has no 'answers'"),
        ({"languages": []}, "at least 1 item"),
        ({"languages": ["en", False]}, "put the word in quotes"),
        ({"train_languages": ["de"]}, "'train_languages' not in 'languages': de"),
        ({"files": []}, "neither 'files' nor 'hub'"),
        ({"prompt": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_a_task_that_cannot_be_is_refused(
    changes: dict[str, Any], expected: str
) -> None:
    assert expected in reason(**changes)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"path": "{split}.csv"}, "put {language} into the path"),
        ({"path": "{language}.csv"}, "which split is '{language}.csv'?"),
        ({"target": None}, "needs a 'target' column"),
        ({"languages": ["de"]}, "not among 'languages': de"),
        ({"names": {"de": "german"}}, "not among 'languages': de"),
        ({"names": {"fr": "en"}}, "languages en and fr would be read from the same"),
        (
            {"splits": {"train": "test", "test": "test"}},
            "the splits train and test would be read from the same rows: each is",
        ),
        ({"path": "a.csv", "id_prefix": "{language}-"}, "put {language} into the path"),
        ({"id_prefix": "{lang}-"}, "{lang} is not known"),
    ],
)
def test_files_that_do_not_fit_are_refused(
    changes: dict[str, Any], expected: str
) -> None:
    base = yaml.safe_load(YAML)["files"][0]
    assert expected in reason(files=[base | changes])


def test_one_split_may_have_its_own_file(tmp_path: Path) -> None:
    base = yaml.safe_load(YAML)["files"][0]
    task = own(files=[base | {"path": "{language}.csv", "splits": {"test": "test"}}])
    write(tmp_path, "en.csv", "text,stars\na,5\n")
    assert len(task.load("test", "en", tmp_path)) == 1
    with pytest.raises(StudyError, match="no train split in 'en'; it has test there"):
        task.load("train", "en", tmp_path)
