"""Results files in the forms that versions of lm-eval and of lighteval write."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from spillover.errors import DataError
from spillover.exchange.harnesses import harness_results


def write(folder: Path, raw: Any) -> Path:
    path = folder / "results.json"
    path.write_text(json.dumps(raw), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("suite", "in_config", "said"),
    [
        ("lighteval|", "", {"model_name": "org/base"}),  # 0.5 to 0.10
        ("lighteval|", "|0", {"model_config": {"model_name": "org/base"}}),  # 0.11, 12
        ("", "|0", {"model_config": {"model_name": "org/base"}}),  # from 0.12.1 on
        ("", "|0", {"model_name": "org/base", "model_config": "TransformersConfig()"}),
    ],
)
def test_lighteval(
    suite: str, in_config: str, said: dict[str, Any], tmp_path: Path
) -> None:
    values = {"acc_": 0.25, "acc__stderr": 0.04}
    names = ["xnli_fra_cf", "belebele_zho_Hans_cf", "mt_bench"]
    raw = {
        "config_general": {"lighteval_sha": "?", "max_samples": None} | said,
        "results": {f"{suite}{name}|0": values for name in names} | {"all": values},
        "versions": {f"{suite}xnli_fra_cf|0": 0},
        "config_tasks": {
            f"{suite}xnli_fra_cf{in_config}": {
                "original_num_docs": 1670,
                "effective_num_docs": 120,
            },
            f"{suite}belebele_zho_Hans_cf{in_config}": {
                "original_num_docs": -1,  # what versions from 0.11 on always say
                "effective_num_docs": -1,
            },
            f"{suite}mt_bench{in_config}": "LightevalTaskConfig(name='mt_bench')",
        },
        "summary_tasks": {},
    }
    results = harness_results(write(tmp_path, raw))
    assert [result.name for result in results] == [*names, "all"]
    assert {result.model for result in results} == {"base"}
    assert [result.shots for result in results] == [0, 0, 0, None]
    assert [result.average for result in results] == [False, False, False, True]
    assert all(result.scores == {"acc_": (0.25, 0.04)} for result in results)
    counts = [(result.n, result.n_expected) for result in results]
    assert counts == [(120, 1670), (None, None), (None, None), (None, None)]


def test_a_metric_of_lighteval_may_hold_commas_and_addresses(tmp_path: Path) -> None:
    norm = "acc:logprob_normalization=LogProbCharNorm(name='norm', ignore=False)"
    exact = "em:normalize_gold=<function math_normalizer at 0x7f3c>"
    values = {norm: 0.4, f"{norm}_stderr": 0.02, exact: 0.3, f"{exact}_stderr": 0.01}
    raw = {"config_general": {}, "results": {"race_ar|0": values}}
    [result] = harness_results(write(tmp_path, raw))
    assert result.scores == {
        norm: (0.4, 0.02),
        "em:normalize_gold=<function math_normalizer>": (0.3, 0.01),
    }
    assert result.model == "unknown"


def test_the_error_of_a_mean_is_not_the_mean_of_errors(tmp_path: Path) -> None:
    raw = {
        "config_general": {},
        "results": {
            "lighteval|mmlu_deu:law|0": {"acc": 0.2, "acc_stderr": 0.03},
            "lighteval|mmlu_deu:art|0": {"acc": 0.6, "acc_stderr": 0.04},
            "lighteval|mmlu_deu:art|5": {"acc": 0.9, "acc_stderr": 0.5},
            "lighteval|mmlu_fra:law|0": {"acc": 0.2, "acc_stderr": 0.03},
            "lighteval|mmlu_fra:art|0": {"acc": 0.6},
            "lighteval|mmlu_deu:_average|0": {"acc": 0.4, "acc_stderr": 0.035},
            "lighteval|mmlu_fra:_average|0": {"acc": 0.4, "acc_stderr": 0.03},
        },
    }
    *_, german, french = harness_results(write(tmp_path, raw))
    assert (german.name, german.average) == ("mmlu_deu", True)
    assert german.scores == {"acc": (0.4, pytest.approx(0.025))}  # of 3, 4 and 5
    assert french.scores == {"acc": (0.4, None)}


def test_an_adapter_is_in_the_name_of_the_model(tmp_path: Path) -> None:
    adapter = "runs/x/adapters/xnli"
    results = {"xnli_fr": {"acc,none": 0.4}}
    for arguments in (
        {"pretrained": "org/base", "peft": adapter},
        f"pretrained=org/base, peft={adapter}",
    ):
        raw = {
            "results": results,
            "config": {"model_args": arguments},
            "model_name": adapter,  # lm-eval names the adapter alone
        }
        [result] = harness_results(write(tmp_path, raw))
        assert result.model == "base+xnli"
    general = {"model_config": {"base_model": "org/base", "model_name": adapter}}
    theirs = {"config_general": general, "results": {"xnli_fr|0": {"acc": 0.4}}}
    [result] = harness_results(write(tmp_path, theirs))
    assert result.model == "base+xnli"


def test_a_group_of_lm_eval_that_is_no_mean_is_no_result(tmp_path: Path) -> None:
    task = {
        "alias": " - xnli_eu",
        "name": "xnli_eu",
        "sample_len": 100,
        "acc,none": 0.4,
        "acc_stderr,none": 0.05,
        "f1,strict": math.nan,
        "f1_stderr,strict": "N/A",
        "ok,none": True,
    }
    raw = {
        "results": {
            "basque_bench": {"alias": "basque_bench", "name": "basque_bench"},
            "xnli_eu": task,
        },
        "group_subtasks": {"basque_bench": ["xnli_eu"]},
        "n-shot": {"xnli_eu": 3},
    }
    [result] = harness_results(write(tmp_path, raw))
    assert (result.name, result.shots, result.n) == ("xnli_eu", 3, 100)
    assert result.scores["acc"] == (0.4, 0.05)
    assert [*result.scores] == ["acc"]  # NaN is none


def test_what_is_optional_may_be_null_and_a_mark_may_begin_the_file(
    tmp_path: Path,
) -> None:
    raw = {
        "results": {"xnli_fr": {"acc,none": 0.4, "f1,none": None}},
        "groups": None,
        "configs": {"xnli_fr": None},
        "n-samples": {"xnli_fr": {"original": 9, "effective": None}},
        "n-shot": {"xnli_fr": None},
        "config": None,
    }
    path = write(tmp_path, raw)
    path.write_text("\ufeff" + path.read_text("utf-8"), encoding="utf-8")
    [result] = harness_results(path)
    assert (result.n, result.n_expected, result.shots) == (None, 9, None)
    assert result.scores == {"acc": (0.4, None)}
    raw = {"results": {"xnli_fr|0": {"acc": 0.4}}, "config_general": None}
    [result] = harness_results(write(tmp_path, raw))
    assert (result.name, result.model) == ("xnli_fr", "unknown")


def test_a_task_that_stands_twice_is_an_error(tmp_path: Path) -> None:
    path = tmp_path / "results.json"
    path.write_text('{"results": {"a": {"acc,none": 0.5}, "a": {"acc,none": 0.9}}}')
    with pytest.raises(DataError, match="the key 'a' stands there twice"):
        harness_results(path)
