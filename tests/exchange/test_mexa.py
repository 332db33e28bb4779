"""Folders in the form that MEXA's scripts read and write."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from spillover.errors import DataError
from spillover.exchange.mexa import parallel_text, read_mexa

SCORES = {
    "eng_Latn": [1.0, 1.0, 1.0],
    "fra_Latn": [0.1, 0.5, 0.9],
    "jpn_Jpan": [0.0, 0.4, 0.35],
    "xho_Latn": [0.0, 0.1, 0.05],
}


def scores(folder: Path) -> Path:
    folder.mkdir(parents=True)
    for name, values in SCORES.items():
        text = json.dumps(dict(enumerate(values)))  # as json.dump writes whole numbers
        (folder / f"{name}.json").write_text(text, encoding="utf-8")
    return folder


def test_a_score_a_language_and_layer(tmp_path: Path) -> None:
    frame = read_mexa(scores(tmp_path / "flores"), "base")
    assert len(frame) == 9
    assert set(frame["source"]) == {"en"}
    wide = frame.pivot(index="target", columns="layer", values="mexa")
    assert wide.to_dict("split") == {
        "index": ["fr", "ja", "xh"],
        "columns": [0, 1, 2],
        "data": [SCORES[name] for name in ("fra_Latn", "jpn_Jpan", "xho_Latn")],
    }
    assert frame[["tuned_on", "pooling", "parallel", "n"]].isna().all(axis=None)
    assert set(frame["model"]) == {"base"}
    assert set(frame["corpus"]) == {"flores"}


def test_another_pivot(tmp_path: Path) -> None:
    frame = read_mexa(scores(tmp_path / "flores"), "base", pivot="fra_Latn")
    assert set(frame["source"]) == {"fr"}
    assert set(frame["target"]) == {"en", "ja", "xh"}


def test_a_pivot_that_is_no_language_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="'englisch' is no language"):
        read_mexa(scores(tmp_path / "flores"), "base", pivot="englisch")


def test_a_folder_of_a_long_name_is_a_corpus_of_a_shorter_one(tmp_path: Path) -> None:
    folder = tmp_path / ("語" * 40)
    folder.mkdir()
    for name in ("eng_Latn", "fra_Latn"):
        (folder / f"{name}.txt").write_text("A line.\n", encoding="utf-8")
    assert parallel_text(folder)[0].name == "語" * 26


@pytest.mark.parametrize(
    "text",
    [
        '{"0": 1.5}',
        '{"first": 0.5}',
        '{"0": null}',
        '{"0": true}',
        '{"0": NaN}',
        '{"-1": 0.5}',
        '{"0": 0.5, "00": 0.6}',
        '{"0": 0.5, "0": 0.6}',
        "{}",
        "[0.5]",
        "{",
    ],
)
def test_another_form_is_an_error(text: str, tmp_path: Path) -> None:
    folder = scores(tmp_path / "flores")
    (folder / "fra_Latn.json").write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=r"fra_Latn\.json: not of the expected form"):
        read_mexa(folder, "base")


def test_pickles_are_not_opened(tmp_path: Path) -> None:
    for name in SCORES:
        (tmp_path / f"{name}.pkl").write_bytes(b"cos\nsystem\n(S'exit 1'\ntR.")
    for read in (lambda: read_mexa(tmp_path, "base"), lambda: parallel_text(tmp_path)):
        with pytest.raises(DataError, match="a pickle can run any code; expected one"):
            read()


def test_two_files_of_one_language_are_an_error(tmp_path: Path) -> None:
    folder = scores(tmp_path / "flores")
    (folder / "fr.json").write_text('{"0": 0.5}')
    with pytest.raises(DataError, match=r"fr\.json and fra_Latn\.json are both 'fr'"):
        read_mexa(folder, "base")


def test_of_two_files_with_one_code_the_nearer_one_has_it(tmp_path: Path) -> None:
    folder = scores(tmp_path / "flores")
    for number, name in enumerate(("pes", "prs", "aka", "twi", "zho", "cmn", "ITA")):
        (folder / f"{name}.json").write_text(json.dumps({"0": number / 10}))
    (folder / "es-419.json").write_text('{"0": 0.9}')
    frame = read_mexa(folder, "base")
    found = dict(zip(frame["target"], frame["mexa"], strict=True))
    assert [found[code] for code in ("fa", "fa-AF", "ak", "tw", "zh", "cmn")] == [
        0.0,
        0.1,
        0.2,
        0.3,
        0.4,
        0.5,
    ]
    assert (found["it"], found["es"]) == (0.6, 0.9)


def test_scores_that_are_named_after_no_language_are_an_error(tmp_path: Path) -> None:
    folder = scores(tmp_path / "flores")
    (folder / "mean_scores.json").write_text('{"0": 0.5}')
    with pytest.raises(DataError, match=r"mean_scores\.json is not named after a lang"):
        read_mexa(folder, "base")


@pytest.mark.parametrize("suffix", [".txt", ".devtest", ""])
def test_parallel_text_is_a_corpus(suffix: str, tmp_path: Path) -> None:
    folder = tmp_path / "FLORES+ {dev}"
    folder.mkdir()
    texts = {
        "eng_Latn": "It rains.\nIt snows.\n",
        "zho_Hans": "下雨了。\n下雪了。\n",
        "zho_Hant": "下雨了。\n下雪了。\n",
        "README": "none",
    }
    for name, text in texts.items():
        path = folder / (name + (".md" if name == "README" else suffix))
        path.write_text(text, encoding="utf-8")
    corpus, unknown, others = parallel_text(folder)
    assert corpus.name == "FLORES-dev"
    assert (unknown, others) == (["zh-Hant"], ["README.md"])
    joined = corpus.parallel(["zh"])
    assert joined.sentences == {
        "en": ["It rains.", "It snows."],
        "zh": ["下雨了。", "下雪了。"],
    }


@pytest.mark.parametrize("suffix", [".jsonl", ".CSV", ".tsv", ".conllu"])
def test_another_format_is_not_read_as_plain_text(suffix: str, tmp_path: Path) -> None:
    for name in ("eng_Latn", "fra_Latn"):
        (tmp_path / (name + suffix)).write_text("a\n")
    with pytest.raises(DataError, match=rf"eng_Latn\{suffix} is not plain text"):
        parallel_text(tmp_path)


def test_text_of_other_languages_or_endings_is_an_error(tmp_path: Path) -> None:
    for name in ("eng_Latn.txt", "xho_Latn.txt"):
        (tmp_path / name).write_text("a\n")
    with pytest.raises(DataError, match="studies know 1 of the languages en, xh"):
        parallel_text(tmp_path)
    (tmp_path / "fra_Latn.dev").write_text("a\n")
    with pytest.raises(DataError, match=r"the files end in \.(txt|dev) and"):
        parallel_text(tmp_path)
    with pytest.raises(DataError, match="no such folder"):
        parallel_text(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "fra_Latn.json").write_text("{}")
    with pytest.raises(DataError, match="0 files named after languages"):
        parallel_text(tmp_path / "empty")
