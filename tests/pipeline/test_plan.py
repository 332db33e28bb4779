"""Which change of a study changes which keys."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spillover.errors import Faults
from spillover.model_spec import ModelSpec
from spillover.pipeline import plan as module
from spillover.pipeline.inputs import read_inputs
from spillover.pipeline.plan import Step, outline, plan

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any

MODEL = {"base": "b" * 64, "adapter": None}


def steps(
    tiny: TinyStudy,
    model: dict[str, str | None] = MODEL,
    device: str = "cpu",
    dtype: str = "float32",
) -> list[Step]:
    study = tiny.study
    inputs = read_inputs(study, tiny.data)
    assert not inputs.errors
    return plan(study, inputs, model, device, dtype)


def keys(tiny: TinyStudy, *where: Any) -> dict[str, str]:
    return {step.label: step.spec.key for step in steps(tiny, *where)}


def changed(before: dict[str, str], after: dict[str, str]) -> set[str]:
    assert before.keys() == after.keys()
    return {label for label in before if before[label] != after[label]}


def matching(labels: dict[str, str], *parts: str) -> set[str]:
    return {label for label in labels if any(part in label for part in parts)}


def test_every_step_once_in_an_order_that_can_run(tiny_study: TinyStudy) -> None:
    labels = [step.label for step in steps(tiny_study)]
    assert len(set(labels)) == len(labels) == 7 + 7 + 2 * (1 + 7) + 4 + 3
    for task in ("opinions", "titles"):
        tuned = labels.index(f"tune {task}")
        after = [i for i, label in enumerate(labels) if f"after {task}" in label]
        assert min(after) > tuned
        assert f"evaluate {task} de after {task}" in labels
    assert not [label for label in labels if "evaluate titles en after op" in label]
    assert not [label for label in labels if "titles es" in label]


def test_the_outline_is_the_plan_without_data(tiny_study: TinyStudy) -> None:
    labels = [step.label for step in steps(tiny_study)]
    for path in tiny_study.data.iterdir():
        path.unlink()
    assert outline(tiny_study.study) == labels


def test_the_outline_of_a_study_that_cannot_be(tiny_study: TinyStudy) -> None:
    tiny_study.raw["tasks"] += [{"task": "xnl"}, {"task": "pawx"}]
    with pytest.raises(Faults) as caught:
        outline(tiny_study.study)
    assert len(caught.value.errors) == 2


def test_the_same_study_has_the_same_keys(tiny_study: TinyStudy) -> None:
    before = keys(tiny_study)
    assert keys(tiny_study) == before
    assert len(set(before.values())) == len(before)
    assert all(len(key) == 64 for key in before.values())


@pytest.mark.parametrize(
    "change",
    [
        {"name": "another"},
        {"description": "another"},
        {"headline": "choice"},
        {"corpora": []},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_cannot_change_a_result_is_in_no_key(
    tiny_study: TinyStudy, change: dict[str, Any]
) -> None:
    before = keys(tiny_study)
    tiny_study.raw.update(change)
    after = keys(tiny_study)
    assert after.items() <= before.items()


def test_checkpoints_and_other_tasks_are_in_no_key(tiny_study: TinyStudy) -> None:
    before = keys(tiny_study)
    tiny_study.raw["tune"]["checkpoint_minutes"] = 1
    tiny_study.raw["tasks"].pop()
    after = keys(tiny_study)
    assert after.items() <= before.items()
    assert after.keys() == {label for label in before if "titles" not in label}


def test_a_path_is_in_no_key(tiny_study: TinyStudy, tmp_path: Path) -> None:
    before = keys(tiny_study)
    tiny_study.data.rename(tmp_path / "moved")
    tiny_study.data.symlink_to(tmp_path / "moved")
    assert keys(tiny_study) == before


def test_a_name_alone_is_no_reason_to_tune_again(tiny_study: TinyStudy) -> None:
    before = keys(tiny_study)
    tiny_study.raw["tasks"][0]["task"]["name"] = "views"
    assert keys(tiny_study)["tune views"] == before["tune opinions"]


def test_the_order_of_the_answers_is_in_the_keys(tiny_study: TinyStudy) -> None:
    """Of two that score alike the first is taken."""
    before = keys(tiny_study)
    task = tiny_study.raw["tasks"][0]["task"]
    task["answers"] = dict(reversed(task["answers"].items()))
    after = keys(tiny_study)
    label = "evaluate opinions en before"
    assert after[label] != before[label]


def set_task(name: str, value: Any) -> Callable[[TinyStudy], None]:
    def change(tiny: TinyStudy) -> None:
        tiny.raw["tasks"][0]["task"][name] = value

    return change


def set_key(path: str, value: Any) -> Callable[[TinyStudy], None]:
    *places, last = path.split(".")

    def change(tiny: TinyStudy) -> None:
        place = tiny.raw
        for name in places:
            place = place.setdefault(name, {})
        place[last] = value

    return change


def set_byte(file: str) -> Callable[[TinyStudy], None]:
    return lambda tiny: tiny.rewrite(file, lambda text: text.replace(" e.", " E.", 1))


OPINIONS = ("evaluate opinions", "tune opinions", "after opinions")
AFTER = ("tune", "after")
ALL = ("",)


@pytest.mark.parametrize(
    ("change", "concerned"),
    [
        (set_task("template", "Review: {review} Good? The answer is"), OPINIONS),
        (set_task("answers", {"1": "Yes", "0": "Never"}), OPINIONS),
        (set_key("seed", 2), (*AFTER, "evaluate titles")),  # and the choice of rows
        (set_key("chat", True), ("evaluate", *AFTER)),
        (set_key("tune.rank", 4), AFTER),
        (set_key("tune.micro_batch_size", 2), AFTER),
        (set_key("evaluate.beams", 2), ("evaluate titles",)),
        (set_key("evaluate.batch_tokens", 100), ("evaluate",)),
        (set_key("embed.layers", [0]), ("embed", "compare")),
        (set_key("embed.batch_tokens", 100), ("embed", "compare")),
        (set_byte("en.train.jsonl"), AFTER),
        (set_byte("de.txt"), ("embed lines de", "compare lines de")),
        (set_key("evaluate.scoring", "whole"), ("evaluate opinions",)),
    ],
    ids=[
        "template",
        "answer word",
        "seed",
        "chat",
        "rank",
        "micro_batch_size",
        "beams",
        "evaluate.batch_tokens",
        "layers",
        "embed.batch_tokens",
        "train byte",
        "corpus byte",
        "scoring",
    ],
)
def test_what_can_change_a_result_is_in_the_keys_concerned(
    tiny_study: TinyStudy,
    change: Callable[[TinyStudy], None],
    concerned: tuple[str, ...],
) -> None:
    before = keys(tiny_study)
    change(tiny_study)
    after = keys(tiny_study)
    assert changed(before, after) == matching(before, *concerned)


def test_a_byte_of_the_test_data_concerns_that_language(tiny_study: TinyStudy) -> None:
    tiny_study.raw["tasks"][1]["test_rows"] = 5
    before = keys(tiny_study)
    set_byte("de.test.jsonl")(tiny_study)
    expected = matching(before, "evaluate opinions de", "evaluate titles de")
    assert changed(before, keys(tiny_study)) == expected


def test_a_tasks_own_settings_concern_that_task(tiny_study: TinyStudy) -> None:
    before = keys(tiny_study)
    tiny_study.raw["tasks"][0]["tune"] = {"epochs": 2}
    expected = matching(before, "tune opinions", "after opinions")
    assert changed(before, keys(tiny_study)) == expected


@pytest.mark.parametrize(
    "where",
    [
        ({"base": "c" * 64, "adapter": None},),
        ({"base": "b" * 64, "adapter": "a" * 64},),
        (MODEL, "cuda"),
        (MODEL, "cpu", "bfloat16"),
    ],
    ids=["model", "adapter", "device", "dtype"],
)
def test_model_device_and_dtype_are_in_all_keys(
    tiny_study: TinyStudy, where: tuple[Any, ...]
) -> None:
    before = keys(tiny_study)
    assert changed(before, keys(tiny_study, *where)) == matching(before, *ALL)


@pytest.mark.parametrize(
    ("library", "concerned"),
    [
        *((name, ALL) for name in ("torch", "transformers", "tokenizers", "peft")),
        ("accelerate", AFTER),
        ("numpy", ("compare",)),
        ("scipy", ("compare",)),
        ("py3langid", ("evaluate titles",)),
    ],
)
def test_the_version_of_what_computes_a_step_is_in_its_key(
    tiny_study: TinyStudy,
    library: str,
    concerned: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before, true = keys(tiny_study), module.version
    monkeypatch.setattr(
        module, "version", lambda name: "0.0.1" if name == library else true(name)
    )
    assert changed(before, keys(tiny_study)) == matching(before, *concerned)


def test_what_unpacks_a_gguf_file_counts_for_its_models_alone() -> None:
    embedded = ModelSpec.model_validate("smollm2-135m-instruct")
    assert "gguf" in module._libraries(embedded)
    assert "gguf" in module._libraries(ModelSpec(gguf=Path("m.gguf")))
    assert "gguf" not in module._libraries(ModelSpec(folder=Path("m")))


def test_what_scores_summaries_is_in_their_keys(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys(tiny_study)
    monkeypatch.setattr(module, "packages", lambda language: {"rouge-score": "0"})
    assert changed(before, keys(tiny_study)) == matching(before, "evaluate titles")


@pytest.mark.parametrize(
    ("kind", "concerned"),
    [
        ("tune", AFTER),
        ("evaluate", ("evaluate",)),
        ("embed", ("embed", "compare")),
        ("compare", ("compare",)),
    ],
)
def test_a_steps_version_is_in_its_keys(
    tiny_study: TinyStudy,
    kind: str,
    concerned: tuple[str, ...],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    before = keys(tiny_study)
    monkeypatch.setattr(module, "VERSIONS", {**module.VERSIONS, kind: 99})
    assert changed(before, keys(tiny_study)) == matching(before, *concerned)


def test_a_scorers_version_is_in_the_keys_of_what_it_scores(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = keys(tiny_study)
    monkeypatch.setattr(module, "SCORERS", {"rougeL": 99})
    assert changed(before, keys(tiny_study)) == matching(before, "evaluate titles")


def test_work_grows_with_items_and_epochs(tiny_study: TinyStudy) -> None:
    def work() -> dict[str, float]:
        return {step.label: step.work for step in steps(tiny_study)}

    before = work()
    assert all(amount > 0 for amount in before.values())
    tiny_study.raw["tune"]["epochs"] = 2
    assert work()["tune titles"] == pytest.approx(2 * before["tune titles"])


def test_several_seeds_tune_once_each_on_the_same_rows(tiny_study: TinyStudy) -> None:
    before = {step.label: step for step in steps(tiny_study)}
    tiny_study.raw["seeds"] = [1, 2]
    found = {step.label: step for step in steps(tiny_study)}
    base = {label for label in before if "after" not in label and "tune" not in label}
    assert base <= found.keys()
    assert len(found) == len(base) + 2 * (len(before) - len(base))
    assert {step.seed for step in found.values()} == {None, 1, 2}
    for label in base:
        assert found[label].spec.key == before[label].spec.key
    for label in before.keys() - base:  # the first seed is the study's own
        assert found[f"{label} seed 1"].spec.key == before[label].spec.key
        assert found[f"{label} seed 2"].spec.key != before[label].spec.key
    one, two = (found[f"tune titles seed {n}"].spec.fields for n in (1, 2))
    assert {name for name in one if one[name] != two[name]} == {"seed"}
    assert outline(tiny_study.study) == list(found)


def test_further_prompts_are_evaluated_and_not_tuned_on(tiny_study: TinyStudy) -> None:
    before = keys(tiny_study)
    tiny_study.raw["tasks"][0]["prompts"] = {"short": "{review} Good? The answer is"}
    found = {step.label: step for step in steps(tiny_study)}
    new = found.keys() - before.keys()
    assert new == {
        f"evaluate opinions {code} prompt short {state}"
        for code in ("en", "de", "fr", "es")
        for state in ("before", "after opinions")
    }
    assert {found[label].prompt for label in new} == {"short"}
    assert {label: found[label].spec.key for label in before} == before
    assert outline(tiny_study.study) == list(found)


def test_a_prompt_with_other_fields_is_an_error(tiny_study: TinyStudy) -> None:
    tiny_study.raw["tasks"][0]["prompts"] = {"short": "{text} Good? The answer is"}
    inputs = read_inputs(tiny_study.study, tiny_study.data)
    assert [str(error) for error in inputs.errors] == [
        "prompts: the prompt 'short' of opinions has the fields text; expected those "
        "of the task's own: review."
    ]


def test_a_comparison_reads_the_embeddings_of_its_state(tiny_study: TinyStudy) -> None:
    found = steps(tiny_study)
    by_key = {step.spec.key: step for step in found}
    compared = [step for step in found if step.kind == "compare"]
    assert len(compared) == 3 * 3
    for step in compared:
        source, target = (by_key[spec.key] for spec in step.upstream)
        assert (source.language, target.language) == ("en", step.language)
        for side in (source, target):
            assert (side.kind, side.tuned_on) == ("embed", step.tuned_on)
            assert found.index(side) < found.index(step)
