from __future__ import annotations

import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import pytest
from pydantic import ValidationError
from transformers.integrations.integration_utils import INTEGRATION_TO_CALLBACK

from spillover import tracking
from spillover.data.items import Item
from spillover.data.task import Task
from spillover.errors import StudyError
from spillover.models import LanguageModel
from spillover.pipeline.fit import misfits
from spillover.pipeline.inputs import read_inputs
from spillover.pipeline.plan import plan
from spillover.settings import NOT_IN_KEY, Tracker, TuneSettings
from spillover.studies import prepare
from spillover.tune import tune

if TYPE_CHECKING:
    from tests.conftest import TinyStudy

SETTINGS = TuneSettings(epochs=1, batch_size=4, micro_batch_size=4, warmup_steps=0)


def trained(
    model: LanguageModel, task: Task, items: list[Item], folder: Path, **changes: Any
) -> tuple[bytes, list[dict[str, float]]]:
    settings = SETTINGS.model_copy(update=changes)
    log = tune(model, task, items, folder, settings)
    return (folder / "adapter_model.safetensors").read_bytes(), log


def test_trackers_are_told_and_change_no_byte(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    from tensorboard.backend.event_processing import event_accumulator

    monkeypatch.setenv("TRACKIO_DIR", str(tmp_path / "trackio"))  # read at its import
    before = dict(os.environ)
    plain = trained(tiny, opinions, reviews, tmp_path / "plain")
    folder = tmp_path / "tracked"
    told = {"track": ("tensorboard", "trackio"), "project": "mine"}
    tracked = trained(tiny, opinions, reviews, folder, **told)
    assert tracked == plain
    assert dict(os.environ) == before
    assert not (tmp_path / "plain" / "tensorboard").exists()
    [first, *_] = plain[1]
    wanted = SETTINGS.model_dump(mode="json", exclude=NOT_IN_KEY)
    wanted |= {"task": "opinions", "items": 12, "chat": False}

    events = event_accumulator.EventAccumulator(
        str(folder / "tensorboard" / "mine" / "bos-opinions-seed1")
    ).Reload()
    scalar, *_ = events.Scalars("train/loss")
    assert (scalar.step, scalar.value) == (first["step"], pytest.approx(first["loss"]))
    [text] = events.Tensors("args/text_summary")
    arguments = json.loads(text.tensor_proto.string_val[0])
    assert arguments["study"] == wanted

    import trackio
    from trackio.sqlite_storage import SQLiteStorage

    [run] = trackio.Api().runs("mine")
    assert run.name == "bos-opinions-seed1"
    assert run.config["study"] == wanted
    logged, *_ = SQLiteStorage.get_logs("mine", run.name, run_id=run.id)
    assert logged["train/loss"] == first["loss"]


def test_wandb_gets_a_run_for_each_training(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_DIR", str(tmp_path))
    for name in "ab":
        trained(tiny, opinions, reviews, tmp_path / name, track=("wandb",))
    assert len([*tmp_path.glob("wandb/offline-run-*/*.wandb")]) == 2


def test_mlflow_gets_a_run_for_each_training(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", (tmp_path / "store").as_uri())
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # of MLflow 3 on
    for name in "ab":
        _, [first, *_] = trained(
            tiny, opinions, reviews, tmp_path / name, track=("mlflow",), project="mine"
        )
    losses = [*tmp_path.glob("store/*/*/metrics/loss")]
    assert len(losses) == 2
    for path in losses:
        _, loss, step = path.read_text().split()[:3]
        assert (float(loss), int(step)) == (pytest.approx(first["loss"]), first["step"])


def test_the_users_own_variables_win(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "elsewhere"))
    trained(tiny, opinions, reviews, tmp_path / "a", track=("tensorboard",))
    assert [*(tmp_path / "elsewhere").glob("events.*")]
    assert not (tmp_path / "a" / "tensorboard").exists()


def test_a_tracker_that_does_not_start_is_an_error_of_ours(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    (tmp_path / "file").write_text("")
    monkeypatch.setenv("TENSORBOARD_LOGGING_DIR", str(tmp_path / "file" / "below"))
    with pytest.raises(StudyError, match=r"tensorboard does not start .*'track'"):
        trained(tiny, opinions, reviews, tmp_path / "a", track=("tensorboard",))
    assert "lora" not in str(tiny.model)


def test_a_package_that_is_missing_is_found_before_anything_runs(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_study.raw["tune"]["track"] = ["tensorboard", "wandb"]
    prepared = prepare(
        tiny_study.study, data_root=tiny_study.data, out=tiny_study.out, device="cpu"
    )
    monkeypatch.setattr(
        tracking, "get_available_reporting_integrations", lambda: ["tensorboard"]
    )
    [error] = misfits(prepared.study, prepared.inputs)
    assert str(error) == (
        "tune.track: no package wandb here; 'pip install wandb', or leave it out of "
        "'track'."
    )


def test_a_direct_call_says_so_too(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tracking, "get_available_reporting_integrations", list)
    with pytest.raises(StudyError, match="no package mlflow here"):
        trained(tiny, opinions, reviews, tmp_path / "a", track=("mlflow",))
    assert not (tmp_path / "a").exists()


def test_the_names_are_the_trainers() -> None:
    assert set(get_args(Tracker)) <= set(INTEGRATION_TO_CALLBACK)
    with pytest.raises(ValidationError, match="'mlflow', 'tensorboard', 'trackio' or"):
        TuneSettings(track=("tensorbord",))


def test_trackers_are_in_no_key(tiny_study: TinyStudy) -> None:
    def keys() -> list[str]:
        study = tiny_study.study
        inputs = read_inputs(study, tiny_study.data)
        model = {"base": "b", "adapter": None}
        return [step.spec.key for step in plan(study, inputs, model, "cpu", "float32")]

    before = keys()
    tiny_study.raw["tune"] |= {"track": ["tensorboard"], "project": "mine"}
    assert keys() == before
    tiny_study.raw["tune"]["rank"] = 4
    assert keys() != before


def test_the_project_is_the_studys_name(tiny_study: TinyStudy) -> None:
    study = tiny_study.study
    assert study.tune_settings(study.tasks[0]).project == "tiny"
    tiny_study.raw["tune"]["project"] = "mine"
    study = tiny_study.study
    assert study.tune_settings(study.tasks[0]).project == "mine"
