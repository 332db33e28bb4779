"""The way out and back on the command line."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pandas as pd
import pytest
import yaml
from said import Spillover

from spillover.data.corpus import Corpus

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any


CODES = {"fra_Latn": 0.5, "deu_Latn": 0.6, "jpn_Jpan": 0.2, "zho_Hans": 0.3}


def test_scores_and_mexa_are_correlated(spillover: Spillover, tmp_path: Path) -> None:
    results = {
        f"belebele_{code}": {"acc,none": 0.3 + value} for code, value in CODES.items()
    }
    (tmp_path / "results_1.json").write_text(json.dumps({"results": results}))
    folder = tmp_path / "flores"
    folder.mkdir()
    for code, value in CODES.items():
        (folder / f"{code}.json").write_text(json.dumps({"0": 0.0, "1": value}))
    scores, mexa, both = (tmp_path / f"{name}.csv" for name in ("s", "m", "c"))

    code, out, _ = spillover("import", "scores", tmp_path, "--out", scores)
    assert code == 0
    assert out.split()[-7:] == ["unknown", "belebele", "acc", "fr", "de", "ja", "zh"]
    code, out, _ = spillover(
        "import", "mexa", folder, "--model", "base", "--out", mexa
    )  # fmt: skip
    assert out == f"{mexa}: 2 layers in de fr ja zh\n"
    told = ("import", "mexa", folder, "--model", "base", "--out", mexa, "--json")
    answer = json.loads(spillover(*told)[1])
    assert answer["file"] == str(mexa)
    assert len(answer["scores"]) == 4 * 2
    answer = json.loads(
        spillover("import", "scores", tmp_path, "--out", scores, "--json")[1]
    )
    assert [row["value"] for row in answer["scores"]] == [
        pytest.approx(0.3 + value) for value in CODES.values()
    ]
    code, out, err = spillover("correlate", scores, mexa, "--out", both)
    assert code == 0
    assert err == "the scores are of unknown, the similarities of base\n"
    assert out.splitlines()[0] == "belebele, acc"
    row = out.splitlines()[2].split()
    assert row == ["mexa_mean", "–", "–", "1.00", "–", "0.083", "0.083", "4"]
    assert "–: the similarities of all languages are the same\n" in out
    assert "With 4 languages no p is below 0.083.\n" in out
    assert len(pd.read_csv(both)) == 4
    code, out, _ = spillover("correlate", scores, mexa, "--json")
    assert [row["value"] for row in json.loads(out)["correlations"]] == [1, 1, None, 1]
    frame = pd.read_csv(mexa)
    frame[frame["layer"] == 1].assign(gap=-frame["mexa"]).to_csv(mexa, index=False)
    told = spillover("correlate", scores, mexa, "--measure", "gap", "--json")
    [found] = json.loads(told.out)["correlations"]
    assert (found["measure"], found["value"]) == ("gap", -1)
    told = spillover("correlate", scores, mexa, "--measure", "csls")
    assert told.code == 2
    assert "csls" in told.err


def test_mexa_may_have_had_another_pivot(spillover: Spillover, tmp_path: Path) -> None:
    folder = tmp_path / "flores"
    folder.mkdir()
    for code in ("eng_Latn", "fra_Latn", "deu_Latn"):
        (folder / f"{code}.json").write_text(json.dumps({"0": 0.4}))
    out = tmp_path / "m.csv"
    told = ("import", "mexa", folder, "--model", "base", "--out", out)
    assert spillover(*told, "--pivot", "fra_Latn").code == 0
    frame = pd.read_csv(out)
    assert set(frame["source"]) == {"fr"}
    assert set(frame["target"]) == {"en", "de"}


def test_parallel_text_is_printed_as_a_corpus(
    spillover: Spillover, tmp_path: Path
) -> None:
    for code in ("eng_Latn", "fra_Latn", "xho_Latn"):
        (tmp_path / f"{code}.txt").write_text(f"{code}\n")
    (tmp_path / "README").write_text("none")
    code, out, err = spillover("import", "sentences", tmp_path)
    assert code == 0
    assert err == (
        "left out, as studies do not know them: xh\n"
        "left out, as not text of a language: README\n"
    )
    assert json.loads(spillover("import", "sentences", tmp_path, "--json")[1]) == (
        yaml.safe_load(out) | {"unknown": ["xh"], "others": ["README"]}
    )
    [entry] = yaml.safe_load(out)["corpora"]
    corpus = Corpus.model_validate(entry["corpus"])
    assert corpus.parallel(["fr"]).sentences == {"en": ["eng_Latn"], "fr": ["fra_Latn"]}


def test_an_export_tells_how_to_run_it(
    spillover: Spillover, tiny_study: TinyStudy, tmp_path: Path
) -> None:
    options = ["--out", tmp_path / "tasks", "--data-root", tiny_study.data]
    code, out, _ = spillover("export", "lm-eval", tiny_study.yaml, *options)
    assert code == 0
    model = tiny_study.raw["model"]
    assert f"--model_args pretrained={model},dtype=float32 \\\n" in out
    assert out.endswith("/tasks --tasks tiny_opinions,tiny_titles\n")
    assert len([*(tmp_path / "tasks").glob("*.jsonl")]) == 7
    told = spillover("export", "lm-eval", tiny_study.yaml, *options, "--json")
    answer = json.loads(told[1])
    assert answer["tasks"] == ["tiny_opinions", "tiny_titles"]
    assert answer["command"] == out.strip().replace("\\\n  ", "")
    odd = [*options, "--set", "evaluate.scoring=pmi"]
    code, _, err = spillover("export", "lm-eval", tiny_study.yaml, *odd)
    assert code == 2
    assert "the study says scoring: pmi" in err
    odd = ["--out", tmp_path / "none", "--set", "model=./a,b"]
    code, _, err = spillover("export", "lm-eval", tiny_study.yaml, *odd)
    assert code == 2
    assert "lm-eval cannot be told 'a,b'" in err
    assert not (tmp_path / "none").exists()
