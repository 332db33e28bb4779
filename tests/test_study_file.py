"""Reading a study from a file or by a preset's name, and overriding it."""

from __future__ import annotations

from pathlib import Path

import pytest

from spillover.errors import Faults, SpilloverError, StudyError
from spillover.study import parse_study
from spillover.study_file import preset_names, read_study


@pytest.mark.parametrize("name", preset_names())
def test_a_preset_can_be_read_and_resolved(name: str) -> None:
    study = read_study(name)
    assert study.name == name
    assert study.description
    assert [use.resolve().name for use in study.tasks]
    assert [use.resolve().name for use in study.corpora]
    assert study.model.hub is None or len(str(study.model.revision)) == 40


def test_the_papers_settings() -> None:
    study = read_study("paper")
    assert study.languages == ("en", "fr", "de", "es", "zh", "ja")
    assert (study.tune.epochs, study.tune.learning_rate) == (6, 2e-5)
    assert (study.tune.rank, study.tune.alpha) == (8, 32)
    assert study.tune.schedule == "cosine"
    assert (study.evaluate.beams, study.evaluate.max_new_tokens) == (4, 100)
    rows = {use.resolve().name: use.train_rows for use in study.tasks}
    assert rows == {"pawsx": None, "xnli": 100_000, "xlsum": 50_000}


def test_a_file_is_read_as_a_preset_is(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text("name: s\nmodel: smollm2-135m-instruct\nlanguages: [en, de]\n")
    with path.open("a") as file:
        file.write("tasks: [{task: mini-paraphrase}]\n")
    assert read_study(path) == parse_study(
        {
            "name": "s",
            "model": "smollm2-135m-instruct",
            "languages": ["en", "de"],
            "tasks": [{"task": "mini-paraphrase"}],
        }
    )


def test_overrides_go_into_nested_keys() -> None:
    study = read_study(
        "quickstart",
        ["tune.epochs=2", "tasks.1.test_rows=7", "languages=[en, zh]", "seed=5"],
    )
    assert study.tune.epochs == 2
    assert study.tasks[1].test_rows == 7
    assert study.tasks[0].test_rows == 64
    assert (study.languages, study.seed) == (("en", "zh"), 5)


def test_a_value_may_hold_an_equals_sign_and_a_key_may_be_new() -> None:
    study = read_study("quickstart", ["description=a=b", "embed.layers=[0, -1]"])
    assert study.description == "a=b"
    assert study.embed.layers == (0, -1)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("seed", "--set: 'seed' has no '='; expected key=value."),
        ("name.x=1", "--set name.x: no place for 'x'."),
        ("tasks.9.test_rows=1", "--set tasks.9.test_rows: no '9' to go into."),
        ("tasks.x=1", "--set tasks.x: no place for 'x'."),
        (
            "seed=[1",
            "--set seed: '[1' is not YAML (expected ',' or ']', but got '<stream "
            "end>').",
        ),
        (
            "tune={rank: 1, rank: 2}",
            "--set tune: '{rank: 1, rank: 2}' is not YAML (the key 'rank' stands there "
            "twice).",
        ),
    ],
)
def test_an_override_into_nowhere(text: str, sentence: str) -> None:
    with pytest.raises(StudyError) as caught:
        read_study("quickstart", [text])
    assert str(caught.value) == sentence


def test_merged_yaml_is_read(tmp_path: Path) -> None:
    path = tmp_path / "merged.yaml"
    path.write_text(
        "tune: &a {rank: 1}\nembed: {b: &b {<<: *a, rank: 2}}\nevaluate: {<<: *b}\n"
    )
    with pytest.raises(Faults) as caught:
        read_study(path)
    assert "twice" not in str(caught.value)


def test_a_whole_number_is_what_everybody_reads_as_one(tmp_path: Path) -> None:
    path = tmp_path / "s.yaml"
    path.write_text(
        "name: s\nmodel: smollm2-135m-instruct\nlanguages: [en, de]\nseed: +7\n"
        "tasks: [{task: mini-paraphrase, train_rows: 0}]\n"
    )
    for text in ("010", "0x10", "1_000", "1:40", "yes"):
        with pytest.raises(Faults, match="train_rows: input should be a valid integer"):
            read_study(path, [f"tasks.0.train_rows={text}"])
    study = read_study(path, ["tasks.0.train_rows=100"])
    assert (study.seed, study.tasks[0].train_rows) == (7, 100)
    labels = {"010": "1", "8": "0"}
    train = "{path: /a.csv, target: label, labels: {010: 1, 8: 0}}"
    study = read_study(path, ["tasks.0.train_rows=1", f"tasks.0.train={train}"])
    assert study.tasks[0].train is not None
    assert study.tasks[0].train.labels == labels


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("- a\n- b\n", "not a mapping of keys to values"),
        ("seed: 1\nseed: 2\n", "not YAML (the key 'seed' stands there twice"),
        (
            "tune:\n  rank: 1\n  'rank': 2\n",
            "not YAML (the key 'rank' stands there twice",
        ),
        ("tune: {1: a, '1': b}", "not YAML (the key '1' stands there twice"),
        ("", "not a mapping of keys to values"),
        ("name: [a\nb: 1", "not YAML (while parsing a flow sequence"),
        ("a: \x00", "not YAML (unacceptable character"),
        ("name: 2024-13-45", "not YAML (month must be in 1..12"),
        ("[" * 1200, "not YAML (maximum recursion depth"),
        ("a: " + "9" * 5000, "not YAML (Exceeds the limit"),
    ],
)
def test_a_file_that_is_no_study(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "bad.yaml"
    path.write_text(text)
    with pytest.raises(StudyError) as caught:
        read_study(path)
    assert str(caught.value).startswith(f"{path}: {sentence}")
    assert "\n" not in str(caught.value)


def test_a_file_that_is_not_text(tmp_path: Path) -> None:
    path = tmp_path / "bad.yaml"
    path.write_bytes(b"name: \xff")
    with pytest.raises(StudyError, match=r"cannot be read .*utf-8"):
        read_study(path)


@pytest.mark.parametrize(
    ("source", "sentence"),
    [
        ("papre", "unknown study 'papre'; did you mean 'paper'"),
        ("nowhere.yaml", "nowhere.yaml: no such file"),
        ("a/b", "a/b: no such file"),
        ("", "unknown study ''; known: "),
    ],
)
def test_a_study_that_is_not_there(source: str, sentence: str) -> None:
    with pytest.raises(SpilloverError) as caught:
        read_study(source)
    assert str(caught.value).startswith(sentence)
