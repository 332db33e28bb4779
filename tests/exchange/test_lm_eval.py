"""What lm-evaluation-harness finds on exported tasks is what we find, item by item."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import yaml
from pandas.testing import assert_frame_equal

from spillover.adapters import attach
from spillover.errors import Faults
from spillover.evaluate import evaluate
from spillover.exchange.lm_eval import export
from spillover.exchange.scores import read_scores
from spillover.models import load_model
from spillover.pipeline.inputs import read_inputs
from spillover.study import Study, parse_study

if TYPE_CHECKING:
    from tests.conftest import TinyStudy

    from spillover.models import LanguageModel
    from spillover.results import Results
else:
    TinyStudy = LanguageModel = Results = Any

METRICS = {"accuracy_choice": "acc", "accuracy_strict": "exact_match"}


def run_lm_eval(
    model: Any, folder: Path, groups: list[str], output: Path
) -> dict[str, list[dict[str, Any]]]:
    """Its samples by task; its results file goes to `output`."""
    from lm_eval import simple_evaluate
    from lm_eval.loggers import EvaluationTracker
    from lm_eval.tasks import TaskManager

    tracker = EvaluationTracker(output_path=str(output))
    arguments = {"pretrained": str(model), "dtype": "float32", "device": "cpu"}
    found = simple_evaluate(
        *(("hf", arguments) if isinstance(model, Path) else (model,)),
        tasks=groups,
        batch_size=3,
        bootstrap_iters=1,
        evaluation_tracker=tracker,
        task_manager=TaskManager(include_path=str(folder), include_defaults=False),
    )
    samples = found.pop("samples")
    tracker.save_results_aggregated(found, samples)
    return dict(samples)


def assert_same(
    study: Study,
    data_root: Path | None,
    model: LanguageModel,
    samples: dict[str, list[dict[str, Any]]],
) -> None:
    """What `evaluate` finds is in their samples, item by item."""
    for name, data in read_inputs(study, data_root).tasks.items():
        for language, items in data.test.items():
            theirs = samples.pop(f"{study.name}_{name}_{language}")
            ours = evaluate(
                model, data.task, items, language, data.evaluate, chat=study.chat
            )
            assert [sample["doc"]["id"] for sample in theirs] == [i.id for i in items]
            for prediction, sample in zip(ours.predictions, theirs, strict=True):
                said = sample["filtered_resps"]
                if data.task.kind == "generation":
                    assert said[0].strip() == prediction.text
                elif not prediction.prompt[-1].isspace():
                    scores = [logprob for logprob, _ in said]
                    assert scores == pytest.approx([*prediction.scores.values()], 1e-4)
            for metric, scores in ours.scores.items():
                known = METRICS.get(metric, metric)
                if known in theirs[0]:
                    assert [sample[known] for sample in theirs] == scores
    assert not samples


def test_a_tuned_model_gets_the_same_scores_there_and_they_come_back(
    tiny_done: tuple[TinyStudy, Results], tmp_path: Path
) -> None:
    from lm_eval.models.huggingface import HFLM

    tiny, results = tiny_done
    base = load_model(tiny.study.model, device="cpu", dtype="float32")
    tuned = attach(base, tiny.out / "adapters" / "opinions")
    groups = export(tiny.study, tmp_path / "tasks", tiny.data)
    assert groups == ["tiny_opinions", "tiny_titles"]
    # Given as it is: told to load an adapter, lm-eval cuts the vocabulary to the
    # tokenizer's tokens, and this random model would choose others.
    theirs = HFLM(pretrained=tuned.model, tokenizer=tuned.tokenizer, batch_size=3)
    samples = run_lm_eval(theirs, tmp_path / "tasks", groups, tmp_path / "out")
    assert_same(tiny.study, tiny.data, tuned, samples)

    back = read_scores([tmp_path / "out"], model="tuned")
    assert set(back["model"]) == {"tuned"}
    keys = ["task", "language", "metric"]
    columns = ["prompt", "value", "low", "high", "n", "n_expected"]
    back = back[back["task"] == "opinions"].set_index(keys)[columns]
    ours = results.evaluations
    ours = ours[(ours["tuned_on"] == "opinions") & (ours["task"] == "opinions")]
    ours = ours[ours["metric"] != "accuracy_calibrated"].set_index(keys)[columns]
    assert len(ours) == 8
    assert ours["value"].nunique() > 2
    assert_frame_equal(back.sort_index(), ours.sort_index(), check_dtype=False)


@pytest.mark.real_model
def test_strict_answers_are_their_greedy_ones(
    real: LanguageModel, tmp_path: Path
) -> None:
    """This model answers with an answer word now and then."""
    from lm_eval.models.huggingface import HFLM

    made = {
        "name": "small",
        "model": "smollm2-135m-instruct",
        "languages": ["en", "fr"],
        "tasks": [{"task": "mini-paraphrase", "test_rows": 6}],
    }
    small = parse_study(made)
    groups = export(small, tmp_path / "tasks")
    theirs = HFLM(pretrained=real.model, tokenizer=real.tokenizer, batch_size=8)
    samples = run_lm_eval(theirs, tmp_path / "tasks", groups, tmp_path / "out")
    strict = [s["exact_match"] for s in samples["small_mini-paraphrase_fr"]]
    assert 0 < sum(strict) < len(strict)
    assert_same(small, None, real, samples)


def test_whole_answers_chat_beams_and_braces_come_out_the_same(
    tiny_study: TinyStudy,
    tiny: LanguageModel,
    tiny_folders: dict[str, Path],
    tmp_path: Path,
) -> None:
    opinions = tiny_study.raw["tasks"][0]["task"]
    opinions["answers"] = {"1": "Yes, it is good", "0": "No, dull"}
    decoding = {"scoring": "whole", "beams": 2, "max_new_tokens": 4}
    tiny_study.raw.update(chat=True, languages=["en", "fr"], evaluate=decoding)
    texts = "{{ 1 + 1 }} {% if", "{# {{", "<s> }}", "{%", "%}"
    for number, text in enumerate(texts):
        tiny_study.rewrite(
            "fr.test.jsonl",
            lambda rows, n=number, t=text: rows.replace(f"Le film {'aeiou'[n]}", t),
        )
    groups = export(tiny_study.study, tmp_path / "tasks", tiny_study.data)
    written = (tmp_path / "tasks" / "tiny_opinions_fr.jsonl").read_text("utf-8")
    assert all(text in written for text in texts)
    config = yaml.safe_load((tmp_path / "tasks" / "tiny_opinions_fr.yaml").read_text())
    assert [metric["metric"] for metric in config["metric_list"]] == ["acc"]
    model = tiny_folders["bos"]
    samples = run_lm_eval(model, tmp_path / "tasks", groups, tmp_path / "out")
    assert_same(tiny_study.study, tiny_study.data, tiny, samples)
    assert set(read_scores([tmp_path / "out"])["model"]) == {"bos"}


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"tasks.0.task.answers": {"1": "Yes, it is good", "0": "No"}},
            "says scoring: first; expected scoring: whole, or first where no answer is "
            "several tokens (as 'Yes, it is good')",
        ),
        ({"evaluate": {"scoring": "pmi"}}, "study says scoring: pmi; expected"),
        ({"evaluate": {"scoring": "normalised"}}, "study says scoring: normalised"),
        ({"model": "both"}, "opinions: item r0: lm-eval would give the model other"),
    ],
)
def test_what_would_differ_there_is_not_exported(
    changes: dict[str, Any],
    message: str,
    tiny_study: TinyStudy,
    tiny_folders: dict[str, Path],
    tmp_path: Path,
) -> None:
    for key, value in changes.items():
        *path, last = key.split(".")
        place: Any = tiny_study.raw
        for part in path:
            place = place[int(part)] if isinstance(place, list) else place[part]
        place[last] = str(tiny_folders["both"]) if key == "model" else value
    with pytest.raises(Faults) as caught:
        export(tiny_study.study, tmp_path / "tasks", tiny_study.data)
    assert message in str(caught.value.errors[0])
    assert not (tmp_path / "tasks").exists()


def test_strict_is_exported_where_every_answer_is_one_token(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    def metrics() -> list[str]:
        export(tiny_study.study, tmp_path, tiny_study.data)
        config = yaml.safe_load((tmp_path / "tiny_opinions_fr.yaml").read_text())
        return [metric["metric"] for metric in config["metric_list"]]

    tiny_study.raw["evaluate"]["scoring"] = "whole"
    assert metrics() == ["acc", "exact_match"]
    tiny_study.raw["tasks"][0]["task"]["answers"]["1"] = "Yes, it is good"
    assert metrics() == ["acc"]


def test_two_tasks_of_one_name_are_refused(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    first, second = tiny_study.raw["tasks"]
    second["task"]["name"] = first["task"]["name"] + "_fr"
    with pytest.raises(Faults, match="two of the tasks or groups would be"):
        export(tiny_study.study, tmp_path / "tasks", tiny_study.data)
    assert not (tmp_path / "tasks").exists()


def test_prompts_of_a_study_are_tasks_of_their_own(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    tiny_study.raw["tasks"][0]["prompts"] = {"short": "{review} Good? Answer:"}
    groups = export(tiny_study.study, tmp_path, tiny_study.data)
    assert groups == ["tiny_opinions", "tiny_opinions.short", "tiny_titles"]
    group = yaml.safe_load((tmp_path / "tiny_opinions.short.yaml").read_text())
    assert group["task"][1] == "tiny_opinions.short_de"
    first = (tmp_path / "tiny_opinions.short_de.jsonl").read_text("utf-8")
    prompt = json.loads(first.splitlines()[0])["prompt"]
    assert prompt == "Der Film a. Good? Answer:"
