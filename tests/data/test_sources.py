from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from spillover.data.columns import Row
from spillover.data.sources import Files, Hub
from spillover.errors import DataError, network_error

REVISION = "0" * 40


def jsonl(path: Path, *rows: dict[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    return path


def rows(files: Files, root: Path | None, language: str = "en") -> list[Row]:
    return files.read(language, "test", fields=("text",), root=root)


def fault(files: Files, root: Path | None, language: str = "en") -> str:
    with pytest.raises(DataError) as caught:
        rows(files, root, language)
    return str(caught.value)


def test_columns_names_splits_and_labels_are_translated(tmp_path: Path) -> None:
    jsonl(tmp_path / "french" / "tst.jsonl", {"n": 7, "doc_fr": "salut", "y": 1})
    files = Files(
        path="{language}/{split}.jsonl",
        splits={"test": "tst"},
        names={"fr": "french"},
        id="n",
        id_prefix="x-",
        columns={"text": "doc_fr"},
        target="y",
        labels={"1": "yes"},
    )
    assert rows(files, tmp_path, "fr") == [
        Row("x-7", {"text": "salut"}, "yes", f"{tmp_path}/french/tst.jsonl:1")
    ]


def test_the_language_may_stand_in_a_column(tmp_path: Path) -> None:
    jsonl(tmp_path / "wide.jsonl", {"en": "hello", "fr": "salut"})
    files = Files(path="wide.jsonl", columns={"text": "{language}"})
    assert rows(files, tmp_path, "fr")[0].fields == {"text": "salut"}


def test_rows_are_numbered_after_where(tmp_path: Path) -> None:
    jsonl(
        tmp_path / "a.jsonl",
        {"language": "fr", "text": "un"},
        {"language": "en", "text": "one"},
        {"language": "en", "text": "two"},
    )
    files = Files(path="a.jsonl", where={"language": "{language}"})
    found = rows(files, tmp_path)
    assert [(row.id, row.fields["text"]) for row in found] == [
        ("1", "one"),
        ("2", "two"),
    ]
    assert found[0].where.endswith("a.jsonl:2")


def test_a_blank_value_in_the_where_column_is_only_another_value(
    tmp_path: Path,
) -> None:
    jsonl(tmp_path / "a.jsonl", {"l": "", "text": ""}, {"l": "en", "text": "one"})
    assert len(rows(Files(path="a.jsonl", where={"l": "en"}), tmp_path)) == 1


def test_numbers_and_truth_values_are_text(tmp_path: Path) -> None:
    values = [1, 1.5, True, "x"]
    jsonl(tmp_path / "a.jsonl", *({"text": value} for value in values))
    found = [row.fields["text"] for row in rows(Files(path="a.jsonl"), tmp_path)]
    assert found == ["1", "1.5", "true", "x"]


@pytest.mark.parametrize(
    ("number", "text"),
    [
        ("0.00001", "0.00001"),
        ("1e22", "1" + "0" * 22),
        ("1.10", "1.10"),
        ("-1.5E-3", "-0.0015"),
        ("1234567890123456789.5", "1234567890123456789.5"),
    ],
)
def test_a_number_is_written_as_it_stands_there(
    tmp_path: Path, number: str, text: str
) -> None:
    (tmp_path / "a.jsonl").write_text(f'{{"text": {number}}}\n')
    assert rows(Files(path="a.jsonl"), tmp_path)[0].fields["text"] == text


@pytest.mark.parametrize("number", ["1E+999", "1E-999"])
def test_a_number_that_cannot_be_written_out(tmp_path: Path, number: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text(f'{{"text": {number}}}\n')
    assert fault(Files(path="a.jsonl"), tmp_path) == (
        f"{path}:1: column 'text' is {number}; expected a number that can be written "
        "out."
    )


def test_a_number_of_the_hub_has_no_exponent(make_hub: Any) -> None:
    hub = Hub(repo="a/b", revision=REVISION, config="{language}")
    table = [{"text": 1e-05}, {"text": 1e22}, {"text": 0.1}]
    made = make_hub(hub, [("en", "test", table)])
    found = [row.fields["text"] for row in made.read("en", "test", fields=("text",))]
    assert found == ["0.00001", "1" + "0" * 22, "0.1"]
    made = make_hub(hub, [("en", "test", [{"text": math.nan}])])
    with pytest.raises(DataError, match="column 'text' is NaN; expected a number that"):
        made.read("en", "test", fields=("text",))


def test_conllu_rows_have_their_sentence_ids(tmp_path: Path) -> None:
    word = "1\tGo\tgo" + "\t_" * 7
    (tmp_path / "a.conllu").write_text(f"# sent_id = n9\n# text = Go\n{word}\n\n")
    files = Files(path="a.conllu")
    assert files.id_column == "sent_id"
    assert rows(files, tmp_path)[0].id == "n9"


def test_a_root_may_be_a_string(tmp_path: Path) -> None:
    jsonl(tmp_path / "a.jsonl", {"text": "one"})
    files = Files(path="a.jsonl")
    assert files.read("en", "test", fields=("text",), root=str(tmp_path)) == rows(
        files, tmp_path
    )


def test_an_absolute_path_needs_no_root(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"text": "one"})
    assert len(rows(Files(path=str(path)), None)) == 1


def test_files_of_a_package_need_no_root() -> None:
    place = Files(path="{language}.jsonl", package="spillover.data").place(
        "en", "test", None
    )
    assert place.name == "en.jsonl"
    assert (place.parent / "sources.py").is_file()


def test_a_relative_path_without_a_root_is_an_error() -> None:
    message = fault(Files(path="a.jsonl"), None)
    assert "'a.jsonl' is relative to a data root, and none is given" in message


def test_a_missing_file_names_its_nearest_neighbours(tmp_path: Path) -> None:
    jsonl(tmp_path / "data" / "tests.jsonl", {"text": "x"})
    message = fault(Files(path="data/{split}.jsonl"), tmp_path)
    assert message == (
        f"{tmp_path}/data/test.jsonl: no such file; expected the test split in 'en' "
        f"there; {tmp_path}/data holds tests.jsonl."
    )


def test_a_missing_folder_names_what_stands_beside_it(tmp_path: Path) -> None:
    for name in "abcdefghijkl":
        (tmp_path / (name * 3)).mkdir()
    message = fault(Files(path="zzz/a.jsonl"), tmp_path)
    assert f"{tmp_path} holds aaa, bbb, ccc" in message
    assert "jjj, …" in message
    (tmp_path / "aaa" / "x").mkdir()
    assert "x holds nothing" in fault(Files(path="aaa/x/a.jsonl"), tmp_path)


def test_a_file_that_may_not_be_read_is_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"text": "x"})

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    message = fault(Files(path="a.jsonl"), tmp_path)
    assert message == f"{path}: cannot be read (Permission denied)."


def test_a_missing_column_names_those_that_are_there(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"id": 1, "texts": "x"})
    message = fault(Files(path="a.jsonl"), tmp_path)
    assert message == (
        f"{path}:1: no column 'text'; there are 'id', 'texts'; did you mean 'texts'."
    )


@pytest.mark.parametrize("value", ["", " \t", None])
def test_a_blank_field_is_an_error(tmp_path: Path, value: str | None) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"text": "x"}, {"text": value})
    message = fault(Files(path="a.jsonl"), tmp_path)
    assert message == f"{path}:2: column 'text' is blank; expected text."


def test_a_blank_target_is_an_error(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"text": "x", "y": ""})
    message = fault(Files(path="a.jsonl", target="y"), tmp_path)
    assert message == f"{path}:1: column 'y' is blank; expected text."


def test_a_list_is_no_text(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", {"text": ["x"]})
    assert fault(Files(path="a.jsonl"), tmp_path) == (
        f"{path}:1: column 'text' is a list; expected text or a number."
    )


def test_an_id_that_stands_twice_names_both_lines(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", *({"id": i, "text": "x"} for i in (4, 5, 4)))
    assert fault(Files(path="a.jsonl", id="id"), tmp_path) == (
        f"{path}:3: the id '4' is listed twice; expected ids that differ; "
        f"the first is at {path}:1."
    )


def test_an_empty_split_is_an_error(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl")
    message = fault(Files(path="a.jsonl"), tmp_path)
    assert message == f"{path}: no rows in the test split in 'en'."


def test_a_language_that_where_finds_nowhere_names_the_others(tmp_path: Path) -> None:
    path = jsonl(tmp_path / "a.jsonl", *({"l": c, "text": "x"} for c in ("fr", "de")))
    message = fault(Files(path="a.jsonl", where={"l": "{language}"}), tmp_path)
    assert message == f"{path}: no row whose 'l' is 'en'; there are de, fr."


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"path": "a.parquet"}, "names no format; say it as 'format': jsonl, csv"),
        ({"path": "a/{lang}.tsv"}, "{lang} is not known; only {language} and {split}"),
        ({"path": "a/{language.tsv"}, "is not a template"),
        ({"path": "a.jsonl", "columns": {"text": "{x}"}}, "{x} is not known"),
        ({"path": "a.jsonl", "header": ("a",)}, "'header' and 'quoted' are for csv"),
        ({"path": "a.txt", "quoted": True}, "'header' and 'quoted' are for csv"),
        ({"path": "a.csv", "header": ("a", "b", "a")}, "the header names 'a' twice"),
        ({"path": "a.tsv", "lables": {}}, "Extra inputs are not permitted"),
        (
            {"path": "a.tsv", "splits": {"dev": "dev"}},
            "'train', 'validation' or 'test'",
        ),
        ({"path": "a.tsv", "labels": {True: "x"}}, "put the word in quotes"),
        ({"path": "a.tsv", "languages": [False]}, "put the word in quotes"),
        ({"path": "a.tsv", "header": ["a", True]}, "put the word in quotes"),
        ({"path": "a.tsv", "splits": {"test": True}}, "put the word in quotes"),
        ({"path": "a.tsv", "columns": {"text": False}}, "put the word in quotes"),
        ({"path": "a.tsv", "id": False}, "put the word in quotes"),
    ],
)
def test_what_cannot_be_read_is_refused_at_once(
    options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        Files(**options)
    assert reason in str(caught.value)


def test_numbers_in_yaml_are_words() -> None:
    files = Files.model_validate({"path": "a.tsv", "labels": {0: "no", 1: "yes"}})
    assert files.labels == {"0": "no", "1": "yes"}


def test_both_layouts_of_a_hub_repository_are_read(make_hub: Any) -> None:
    table = [{"id": 5, "text": "hello", "label": 1}]
    expected = [("5", {"text": "hello"}, "1")]
    layouts: tuple[dict[str, Any], ...] = (
        {"config": "{language}"},
        {"data_files": "{language}/{split}/*.parquet"},
    )
    for number, layout in enumerate(layouts):
        hub = Hub(
            repo=f"a/{number}", revision=REVISION, id="id", target="label", **layout
        )
        made = make_hub(hub, [("en", "test", table), ("en", "train", table * 2)])
        found = made.read("en", "test", fields=("text",))
        assert [(row.id, row.fields, row.target) for row in found] == expected


def test_a_folder_is_read_as_it_is_now(tmp_path: Path, make_hub: Any) -> None:
    def made(text: str) -> Hub:
        hub = Hub(repo="a/b", revision=REVISION, config="{language}")
        written: Hub = make_hub(hub, [("en", "test", [{"text": text}])])
        return written

    def read(hub: Hub) -> str:
        [row] = hub.read("en", "test", fields=("text",))
        return row.fields["text"]

    assert read(made("first")) == "first"
    second = made("second")
    assert read(second) == "second"
    namesake = tmp_path / "other" / Path(second.repo).name
    namesake.parent.mkdir()
    Path(made("third").repo).rename(namesake)
    assert read(second.model_copy(update={"repo": str(namesake)})) == "third"


def test_a_row_of_the_hub_is_named_in_an_error(make_hub: Any) -> None:
    hub = Hub(repo="a/b", revision=REVISION, config="{language}")
    made = make_hub(hub, [("en", "test", [{"text": "x"}, {"text": ""}])])
    with pytest.raises(DataError) as caught:
        made.read("en", "test", fields=("text",))
    assert str(caught.value) == (
        f"{made.repo}@0000000 en test:2: column 'text' is blank; expected text."
    )


@pytest.mark.parametrize(
    ("language", "split", "reason"),
    [("fr", "test", "BuilderConfig 'fr' not found"), ("en", "train", "Unknown split")],
)
def test_what_a_repository_lacks_is_an_error(
    make_hub: Any, language: str, split: Any, reason: str
) -> None:
    hub = Hub(repo="a/b", revision=REVISION, config="{language}")
    made = make_hub(hub, [("en", "test", [{"text": "x"}])])
    with pytest.raises(DataError, match=reason) as caught:
        made.read(language, split, fields=("text",))
    assert f"the Hub gave no {split} split in {language!r}" in str(caught.value)


REACH = "Couldn't reach 'a/b' on the Hub"


@pytest.mark.parametrize("lost", [ConnectionError(REACH), network_error()(REACH)])
def test_a_hub_out_of_reach_is_an_error(
    lost: Exception, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: dict[str, object] = {}

    def offline(repo: str, config: str, **options: object) -> None:
        asked.update(options, repo=repo, config=config)
        raise lost

    monkeypatch.setattr("datasets.load_dataset", offline)
    hub = Hub(repo="a/b", revision=REVISION, config="{language}")
    with pytest.raises(DataError) as caught:
        hub.read("en", "test", fields=("text",))
    assert str(caught.value) == (
        "a/b@0000000 en test: the Hub gave no test split in 'en' (Couldn't reach "
        "'a/b' on the Hub); check the connection, or fetch the official files and "
        "name their folder as the data root."
    )
    assert asked == {
        "repo": "a/b",
        "config": "en",
        "data_files": None,
        "split": "test",
        "revision": REVISION,
        "cache_dir": None,
    }


def test_a_data_root_that_is_not_there(tmp_path: Path) -> None:
    message = fault(Files(path="x/a.jsonl"), tmp_path / "none")
    assert message == f"{tmp_path}/none: no such folder; expected the data root there."
