"""What a study reads, and what is wrong with it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from spillover.data.items import rank
from spillover.errors import Faults, SpilloverError
from spillover.pipeline.inputs import Inputs, read_inputs, resolve

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any


def read(tiny: TinyStudy) -> Inputs:
    return read_inputs(tiny.study, tiny.data)


def said(tiny: TinyStudy) -> list[str]:
    return [str(error) for error in Faults(read(tiny).errors).errors]


def test_items_and_sentences_of_the_studys_languages(tiny_study: TinyStudy) -> None:
    inputs = read(tiny_study)
    assert not inputs.errors
    opinions, titles = inputs.tasks["opinions"], inputs.tasks["titles"]
    assert list(opinions.test) == ["en", "de", "fr", "es"]
    assert list(titles.test) == ["en", "de", "fr"]
    assert [len(items) for items in opinions.test.values()] == [5] * 4
    assert [len(items) for items in titles.test.values()] == [4] * 3
    assert opinions.n_expected == dict.fromkeys(["en", "de", "fr", "es"], 5)
    assert titles.n_expected == dict.fromkeys(["en", "de", "fr"], 4)
    lines = inputs.corpora["lines"]
    assert list(lines.sentences) == ["en", "de", "fr", "es"]
    assert lines.n == 15


def test_fewer_items_than_asked_for_are_told(tiny_study: TinyStudy) -> None:
    tiny_study.raw["tasks"][1]["test_rows"] = 9
    titles = read(tiny_study).tasks["titles"]
    assert (len(titles.test["de"]), titles.n_expected["de"]) == (5, 9)


def test_training_items_are_shuffled_by_the_seed_and_nested(
    tiny_study: TinyStudy,
) -> None:
    whole = [item.id for item in read(tiny_study).tasks["opinions"].train]
    assert whole == sorted(whole, key=lambda id: rank(id, 1))
    tiny_study.raw["tasks"][0]["train_rows"] = 3
    assert [item.id for item in read(tiny_study).tasks["opinions"].train] == whole[:3]
    tiny_study.raw["seed"] = 2
    assert [item.id for item in read(tiny_study).tasks["opinions"].train] != whole[:3]


def test_files_to_learn_from_that_no_folder_holds(tiny_study: TinyStudy) -> None:
    train = {"path": "mine.tsv", "id": "id", "target": "label"}
    tiny_study.raw["tasks"] = [{"task": "mini-paraphrase", "train": train}]
    tiny_study.raw["corpora"] = []
    [found] = map(str, read_inputs(tiny_study.study, None).errors)
    assert found == (
        "train of mini-paraphrase: 'mine.tsv' is relative to a data root, and none is "
        "given; name the folder that holds it with --data-root, or write the whole "
        "path."
    )


def test_placeholders_are_counted_and_dropped_as_asked(tiny_study: TinyStudy) -> None:
    tiny_study.raw["tasks"][0]["task"]["placeholder"] = "NS"
    tiny_study.rewrite("de.test.jsonl", lambda text: text.replace("Der Film a.", "NS"))
    kept = read(tiny_study).tasks["opinions"]
    assert kept.placeholders == {"en": 0, "de": 1, "fr": 0, "es": 0}
    assert len(kept.test["de"]) == 5
    tiny_study.raw["placeholders"] = "drop"
    dropped = read(tiny_study).tasks["opinions"]
    assert [len(dropped.test[code]) for code in ("en", "de")] == [5, 4]
    assert dropped.n_expected["de"] == 5
    tiny_study.raw["placeholders"] = "intersection"
    both = read(tiny_study).tasks["opinions"]
    assert {len(items) for items in both.test.values()} == {4}


def test_a_language_of_placeholders_alone_is_an_error(tiny_study: TinyStudy) -> None:
    task = tiny_study.raw["tasks"][0]["task"]
    task["placeholder"] = "NS"
    tiny_study.raw["placeholders"] = "drop"
    line = '{"id": "r0", "review": "NS", "label": "0", "title": "x"}\n'
    for code in ("en", "de", "fr", "es"):
        path = tiny_study.data / f"{code}.test.jsonl"
        path.write_text(line if code == "de" else line.replace("NS", "text"))
    assert said(tiny_study) == ["no test items of opinions in 'de' are left."]


def test_everything_that_is_wrong_is_said_at_once(tiny_study: TinyStudy) -> None:
    tiny_study.raw["languages"] += ["qq"]
    tiny_study.raw["tasks"] += [{"task": "xnl"}]
    tiny_study.raw["corpora"] += [{"corpus": "pudd"}]
    (tiny_study.data / "fr.txt").unlink()
    tiny_study.rewrite("de.test.jsonl", lambda text: text[:-10])
    found = said(tiny_study)
    assert len(found) == 5
    for start in (
        "languages: unknown language 'qq'; known: am, ar,",
        "unknown task 'xnl'; did you mean 'xnli'",
        "unknown corpus 'pudd'; did you mean 'pud'",
        f"{tiny_study.data / 'fr.txt'}: no such file",
    ):
        assert sum(text.startswith(start) for text in found) == 1
    cut = f"{tiny_study.data / 'de.test.jsonl'}:5: not JSON"
    assert sum(text.startswith(cut) for text in found) == 1  # of two tasks


def test_a_label_outside_of_the_set(tiny_study: TinyStudy) -> None:
    tiny_study.rewrite(
        "fr.test.jsonl", lambda t: t.replace('"label": "1"', '"label": 7', 1)
    )
    [found] = said(tiny_study)
    assert found.startswith(f"{tiny_study.data / 'fr.test.jsonl'}:2: unknown label '7'")


def test_languages_that_do_not_align(tiny_study: TinyStudy) -> None:
    tiny_study.rewrite("fr.test.jsonl", lambda text: text.replace('"r0"', '"r99"'))
    tiny_study.rewrite("de.txt", lambda text: text.partition("\n")[2])
    items, lines = said(tiny_study)
    assert "opinions test: 'fr' lacks 1 of the 5 ids of 'en', 'r0' first" in items
    assert lines.startswith(f"{tiny_study.data / 'de.txt'}: 14 rows, but ")


def test_an_empty_split(tiny_study: TinyStudy) -> None:
    tiny_study.rewrite("en.train.jsonl", lambda text: "")
    found = said(tiny_study)
    place = tiny_study.data / "en.train.jsonl"
    assert found == [f"{place}: no rows in the train split in 'en'."]


@pytest.mark.parametrize("key", ["tasks", "corpora"])
def test_what_stands_twice(tiny_study: TinyStudy, key: str) -> None:
    tiny_study.raw[key].append(tiny_study.raw[key][0])
    [error] = resolve(tiny_study.study).errors
    assert " is listed twice; give one of them another name." in str(error)
    assert error.where == key


def test_a_corpus_that_shares_english_alone(tiny_study: TinyStudy) -> None:
    tiny_study.raw["languages"] = ["en", "es"]
    lines = tiny_study.raw["corpora"][0]["corpus"]
    lines["languages"] = ["en", "de"]
    [error] = resolve(tiny_study.study).errors
    assert str(error) == (
        "languages: lines has en of the study's languages; expected en, and some of "
        "en, de."
    )
    assert isinstance(error, SpilloverError)


def test_a_language_that_nothing_in_the_study_has(tiny_study: TinyStudy) -> None:
    tiny_study.raw["languages"].append("ja")
    assert said(tiny_study) == [
        "languages: no task or corpus of the study has 'ja'; expected some of "
        "de, en, es, fr."
    ]


def test_a_language_of_a_data_set_that_is_mistyped(tiny_study: TinyStudy) -> None:
    tiny_study.raw["tasks"][0]["task"]["languages"] += ["pt-BR"]
    tiny_study.raw["corpora"][0]["corpus"]["languages"] += ["germann"]
    assert [str(error) for error in resolve(tiny_study.study).errors] == [
        "languages of opinions: unknown language 'pt-BR'; did you mean 'pt'.",
        "languages of lines: unknown language 'germann'; did you mean 'de'.",
    ]


def test_names_are_resolved_without_a_look_at_the_data(tiny_study: TinyStudy) -> None:
    for path in tiny_study.data.iterdir():
        path.unlink()
    named = resolve(tiny_study.study)
    assert not named.errors
    assert [*named.tasks, *named.corpora] == ["opinions", "titles", "lines"]
