"""Results files of lm-evaluation-harness and lighteval, in the form they have."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from spillover.errors import DataError
from spillover.exchange.scores import read_scores


def lm_eval(**scores: float) -> dict[str, Any]:
    """A results file of lm-eval 0.4.13, of 100 items a task."""
    results = {
        name: {
            "alias": f" - {name}",
            "name": name,
            "sample_len": 100,
            "acc,none": value,
            "acc_stderr,none": math.sqrt(value * (1 - value) / 99),
            "f1,strict": value / 2,
            "f1_stderr,strict": "N/A",
        }
        for name, value in scores.items()
    }
    return {
        "results": {**results, "xnli": {"alias": "xnli", "acc,none": 0.5}},
        "groups": {"xnli": {"alias": "xnli", "acc,none": 0.5}},
        "configs": {
            name: {"task": name, "metadata": {"version": 1.0}} for name in scores
        },
        "n-samples": {name: {"original": 2490, "effective": 100} for name in scores},
        "config": {"model": "hf", "model_args": {"pretrained": "org/base"}},
        "model_name": "org/base",
    }


def write(folder: Path, raw: Any, name: str = "results_2025-01-01.json") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / name
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


def test_lm_eval_in_all_folders_below(tmp_path: Path) -> None:
    write(tmp_path / "a" / "org__base", lm_eval(xnli_fr=0.4, xnli_zh=0.0))
    write(tmp_path / "b", lm_eval(belebele_jpn_Jpan=0.7))
    frame = read_scores([tmp_path])
    assert set(frame["model"]) == {"base"}
    assert frame["tuned_on"].isna().all()
    keys = [*zip(frame["task"], frame["language"], frame["metric"], strict=True)]
    assert keys == [
        ("xnli", "fr", "acc"),
        ("xnli", "fr", "f1,strict"),
        ("xnli", "zh", "acc"),
        ("xnli", "zh", "f1,strict"),
        ("belebele", "ja", "acc"),
        ("belebele", "ja", "f1,strict"),
    ]
    accuracy, other = frame.iloc[0], frame.iloc[1]
    assert (accuracy["value"], accuracy["n"], accuracy["n_expected"]) == (
        0.4,
        100,
        2490,
    )
    wilson = pytest.approx((0.3094, 0.4980), abs=1e-4)  # by R's prop.test, correct = F
    assert (accuracy["low"], accuracy["high"]) == wilson
    assert math.isnan(other["low"])
    assert frame.iloc[2]["high"] == pytest.approx(0.0370, abs=1e-4)


def test_an_interval_of_scores_between_0_and_1_is_normal(tmp_path: Path) -> None:
    raw = lm_eval(xnli_fr=0.4)
    raw["results"]["xnli_fr"]["acc_stderr,none"] = 0.01
    row = read_scores([write(tmp_path, raw)]).iloc[0]
    assert (row["low"], row["high"]) == pytest.approx((0.3804, 0.4196))


def test_the_model_can_be_named(tmp_path: Path) -> None:
    path = write(tmp_path, lm_eval(xnli_fr=0.4))
    assert set(read_scores([path], model="mine")["model"]) == {"mine"}


def lighteval(**results: dict[str, float]) -> dict[str, Any]:
    """A results file of lighteval 0.13."""
    return {
        "config_general": {"model_name": "org/base"},
        "results": {f"{name}|0": values for name, values in results.items()},
        "config_tasks": {},
    }


def test_a_language_in_the_name_of_a_metric_is_left_out(tmp_path: Path) -> None:
    raw = lighteval(
        xquad_deu={"f1_deu": 0.3, "exact_match_deu_prefix": 0.1, "acc_norm": 0.2},
        xquad_zho={"f1_zho": 0.2, "exact_match_zho_prefix": 0.1, "acc_norm": 0.2},
    )
    frame = read_scores([write(tmp_path, raw)])
    rows = frame.groupby("metric")["language"].agg(list).to_dict()
    assert set(rows) == {"f1", "exact_match_prefix", "acc_norm"}
    assert all(languages == ["de", "zh"] for languages in rows.values())


def test_without_a_number_of_items_all_alike_have_no_interval(tmp_path: Path) -> None:
    raw = lighteval(xnli_fra_cf={"acc": 0.0, "acc_stderr": 0.0, "em": 0.5})
    rows = read_scores([write(tmp_path, raw)])
    assert [*rows["language"]] == ["fr", "fr"]
    assert rows[["low", "high", "n"]].isna().all(axis=None)


def test_a_rare_language_is_told_by_the_form_that_follows_it(tmp_path: Path) -> None:
    raw = lighteval(mlmm_hellaswag_hye_cf={"acc": 0.3}, xnli_asm_mcf={"acc": 0.4})
    frame = read_scores([write(tmp_path, raw)])
    assert [*zip(frame["task"], frame["language"], strict=True)] == [
        ("mlmm_hellaswag_cf", "hy"),
        ("xnli_mcf", "as"),
    ]


def test_unlike_numbers_of_shots_are_an_error_until_one_is_named(
    tmp_path: Path,
) -> None:
    raw = lighteval(xnli_fra={"acc": 0.3})
    raw["results"]["xnli_deu|5"] = {"acc": 0.4}
    path = write(tmp_path, raw)
    with pytest.raises(DataError, match="xnli with 0 examples in the prompt") as caught:
        read_scores([path])
    assert "--task 'xnli_{language}|0'" in str(caught.value)
    frame = read_scores([path], ["xnli_{language}|5"])
    assert [*frame[["task", "language"]].itertuples(index=False)] == [("xnli|5", "de")]


@pytest.mark.parametrize(
    "order", [("ara", "fra|0", "deu|5"), ("fra|0", "deu|5", "ara")]
)
def test_a_number_of_shots_that_is_not_told_hides_no_other(
    order: tuple[str, ...], tmp_path: Path
) -> None:
    raw = lighteval()
    raw["results"] = {f"xnli_{name}": {"acc": 0.3} for name in order}
    with pytest.raises(DataError, match="xnli with 0 examples in the prompt"):
        read_scores([write(tmp_path, raw)])


def test_names_that_tell_no_language_are_all_named(tmp_path: Path) -> None:
    raw = lm_eval(hellaswag=0.5, xnli_fr=0.4, global_mmlu_fr_business=0.3)
    path = write(tmp_path, raw)
    with pytest.raises(DataError) as caught:
        read_scores([path])
    assert str(caught.value).startswith(
        "these results do not tell their language: hellaswag, global_mmlu_fr_business; "
    )
    frame = read_scores([path], ["hellaswag=en", "global_mmlu_{language}_business"])
    assert [*frame["task"].unique()] == ["hellaswag", "global_mmlu_business"]
    assert [*frame["language"].unique()] == ["en", "fr"]
    with pytest.raises(DataError, match=r"no result fits arc_\{language\}; there are"):
        read_scores([path], ["hellaswag=en", "arc_{language}"])


def test_two_results_for_one_language_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, lm_eval(belebele_pes_Arab=0.4, belebele_prs_Arab=0.5))
    with pytest.raises(
        DataError, match="two results for belebele in 'fa': belebele_pes"
    ):
        read_scores([tmp_path])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("{", "not of the expected form (Invalid JSON"),
        ("[1]", "not of the expected form (Input should be an object"),
        ('{"results": 1}', "(results: Input should be an object)"),
        (
            '{"results": {"xnli_fr": 0.5}}',
            "(results.xnli_fr: Input should be an object)",
        ),
        (
            '{"results": {"a_fr": {}}, "configs": {"a_fr": {"metadata": '
            '{"spillover": {"task": "a"}}}}}',
            "(configs.a_fr.metadata.",
        ),
        ('{"results": {}}', "no results; expected a results file"),
        ('{"results": {"xnli_fr": {"alias": "xnli_fr"}}}', "no result is a number"),
    ],
)
def test_another_file_is_an_error(text: str, message: str, tmp_path: Path) -> None:
    path = tmp_path / "results_1.json"
    path.write_text(text, encoding="utf-8")
    with pytest.raises(DataError) as caught:
        read_scores([path])
    assert message in str(caught.value)
    assert str(path) in str(caught.value)


def test_a_folder_without_results_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no results; expected results_\*\.json"):
        read_scores([tmp_path])
    with pytest.raises(DataError, match="cannot be read \\(No such file"):
        read_scores([tmp_path / "results_nowhere.json"])
