"""Running what is not done: once, in order, and on from where it stopped."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import asdict, replace
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pytest
import torch
from filelock import FileLock
from safetensors.numpy import load_file

from spillover.analysis import summaries
from spillover.analysis.alignment import alignment
from spillover.analysis.similarity import resampled
from spillover.data.task import Task
from spillover.errors import DataError, ModelError, OutputError
from spillover.model_spec import ADAPTER
from spillover.pipeline import run as module
from spillover.pipeline.plan import Prepared, Step
from spillover.pipeline.run import VECTORS, execute, read_draws
from spillover.pipeline.store import MANIFEST
from spillover.pipeline.watcher import Watcher
from spillover.results import Results
from spillover.studies import prepare

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any


class Watching(Watcher):
    """Writes down what it is told, and stops the run at one step if asked to."""

    def __init__(self, stop_at: str = "") -> None:
        self.stop_at = stop_at
        self.begun: list[str] = []
        self.ended: list[str] = []
        self.shares: list[float] = []
        self.items, self.tokens = 0.0, 0

    def remarked(self, remarks: object) -> None:
        assert not self.begun

    def started(self, step: Step) -> None:
        self.begun.append(step.label)
        self.shares = []
        self.items, self.tokens = 0.0, 0

    def advanced(self, share: float, items: float, tokens: int) -> None:
        assert self.shares or (share, items, tokens) == (0, 0, 0)
        self.shares.append(share)
        self.items, self.tokens = self.items + items, self.tokens + tokens
        if self.begun[-1] == self.stop_at:
            raise KeyboardInterrupt

    def finished(self, step: Step, seconds: float) -> None:
        assert self.begun[-1] == step.label
        assert self.shares[-1] == pytest.approx(1)
        assert self.items == pytest.approx(step.items)  # one epoch
        assert (self.tokens > self.items) == (step.kind != "compare")
        assert self.shares == sorted(self.shares)
        assert seconds >= 0
        self.ended.append(step.label)


def prepared_of(tiny: TinyStudy) -> Prepared:
    return prepare(tiny.study, data_root=tiny.data, out=tiny.out, device="cpu")


def test_a_stopped_run_goes_on_where_it_stopped(
    tiny_study: TinyStudy, tiny_done: tuple[TinyStudy, Results]
) -> None:
    prepared = prepared_of(tiny_study)
    labels = [step.label for step in prepared.steps]
    stop = "tune titles"
    place = labels.index(stop)
    first, second, third = Watching(stop), Watching(), Watching()
    with pytest.raises(KeyboardInterrupt):
        execute(prepared, first)
    assert first.ended == labels[:place]
    execute(prepared, second)
    assert second.begun == second.ended == labels[place:]
    execute(prepared, third)
    assert not third.begun
    # What an uninterrupted run computed is the same, to the byte.
    whole = prepared_of(tiny_done[0])
    for ours, theirs in zip(prepared.steps, whole.steps, strict=True):
        assert ours.spec.key == theirs.spec.key
        folders = prepared.store.folder(ours.spec), whole.store.folder(theirs.spec)
        made, expected = (
            {path.name: path.read_bytes() for path in folder.iterdir()}
            for folder in folders
        )
        for files in (made, expected):
            assert files.pop("manifest.json")  # says when, and how long it took
        assert made == expected
        assert made


def test_the_model_is_loaded_once_and_not_at_all_for_nothing(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    from spillover import models

    tiny_study.raw["tasks"].pop()
    calls: Counter[str] = Counter()
    true = models.load_model

    def load(*args: Any, **options: Any) -> Any:
        calls["load"] += 1
        return true(*args, **options)

    monkeypatch.setattr(models, "load_model", load)
    prepared = prepared_of(tiny_study)
    execute(prepared, Watching())
    assert calls["load"] == 1
    execute(prepared, Watching())
    assert calls["load"] == 1


def test_an_error_says_in_which_step_it_arose(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise DataError("no such thing")

    monkeypatch.setattr(module._Runner, "evaluate", fail)
    prepared = prepared_of(tiny_study)
    with pytest.raises(DataError) as caught:
        execute(prepared, Watching())
    assert caught.value.__notes__ == ["in the step: evaluate opinions en before"]
    assert not any(prepared.store.finished(step.spec) for step in prepared.steps)


@pytest.mark.parametrize(
    "theirs",
    ["evaluate opinions en before", "embed lines fr before", "tune opinions"],
)
def test_what_another_run_makes_is_put_off_and_waited_for_last(
    tiny_study: TinyStudy, theirs: str
) -> None:
    tiny_study.raw["languages"] = ["en", "fr"]
    prepared = prepared_of(tiny_study)
    labels = [step.label for step in prepared.steps]
    [step] = [step for step in prepared.steps if step.label == theirs]
    folder = prepared.store.folder(step.spec)
    folder.parent.mkdir(parents=True)
    lock = FileLock(folder.with_name(folder.name + ".lock"))
    lock.acquire()

    class Sharing(Watching):
        waited: ClassVar[list[str]] = []

        def waiting(self, step: Step) -> None:
            self.waited.append(step.label)
            lock.release()  # the other run is stopped

    watcher = Sharing()
    execute(prepared, watcher)
    assert watcher.waited == [theirs]
    assert sorted(watcher.begun) == sorted(labels)
    at = watcher.begun.index(theirs)
    # What does not need it came before it, in order, and the rest follows.
    first, rest = watcher.begun[:at], watcher.begun[at + 1 :]
    assert first == [label for label in labels if label in first]
    assert rest == [label for label in labels if label in rest]
    if theirs.startswith("embed"):
        assert rest == ["compare lines fr before"]
    elif theirs.startswith("tune"):
        assert rest == [label for label in labels if label.endswith("after opinions")]
    else:
        assert not rest


def test_answers_are_measured_against_the_prompt_that_they_answer(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    tiny_study.raw["tasks"][1]["prompts"] = {"short": "{review} A title is"}
    prepared = prepared_of(tiny_study)
    label = "evaluate titles de prompt short before"
    steps = [step for step in prepared.steps if step.label == label]
    seen, true = [], summaries.per_item

    def per_item(predictions: Any, task: Task, *rest: Any, **options: Any) -> Any:
        seen.append(task.template)
        return true(predictions, task, *rest, **options)

    monkeypatch.setattr(summaries, "per_item", per_item)
    execute(replace(prepared, steps=steps), Watching())
    assert seen == ["{review} A title is"]


@pytest.mark.parametrize(
    ("kind", "key"),
    [
        ("evaluate", "tasks.0.evaluate.batch_tokens"),
        ("tune", "tasks.0.tune.micro_batch_size"),
        ("embed", "embed.batch_tokens"),
    ],
)
def test_a_full_memory_names_the_setting_to_lower(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch, kind: str, key: str
) -> None:
    def fail(*args: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory.\nTried to allocate")

    monkeypatch.setattr(module._Runner, kind, fail)
    prepared = prepared_of(tiny_study)
    with pytest.raises(ModelError, match=f"memory is full.*lower {key}"):
        execute(prepared, Watching())


def test_a_full_disk_names_the_step_and_what_to_do(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(module._Runner, "evaluate", fail)
    with pytest.raises(OutputError, match=r"opinions en before'.*No space.*mend that"):
        execute(prepared_of(tiny_study), Watching())


def test_other_faults_of_a_step_are_not_hidden(
    tiny_study: TinyStudy, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any) -> None:
        raise RuntimeError("shapes do not fit")

    monkeypatch.setattr(module._Runner, "evaluate", fail)
    with pytest.raises(RuntimeError, match="shapes do not fit"):
        execute(prepared_of(tiny_study), Watching())


def test_vectors_are_kept_by_pooling_and_layer(
    tiny_done: tuple[TinyStudy, Results],
) -> None:
    prepared = prepared_of(tiny_done[0])
    step = next(step for step in prepared.steps if step.kind == "embed")
    vectors = load_file(prepared.store.folder(step.spec) / VECTORS)
    assert set(vectors) == {"mean.-1", "last.-1"}
    for array in vectors.values():
        assert array.shape == (15, 32)
        assert array.dtype == np.float32
        assert np.isfinite(array).all()


@pytest.mark.usefixtures("no_report")
def test_a_comparison_is_of_english_with_the_language_and_knows_the_texts(
    tiny_study: TinyStudy,
) -> None:
    """A sentence that stands twice is no random pair with itself."""
    tasks = tiny_study.raw["tasks"][:1]
    tiny_study.raw.update(languages=["en", "de"], tasks=tasks)
    tiny_study.rewrite("en.txt", lambda text: text.replace("train e.", "train a."))
    prepared = prepared_of(tiny_study)
    execute(prepared, Watching())
    texts = prepared.inputs.corpora["lines"].sentences
    assert len({*texts["en"]}) == len(texts["en"]) - 1
    step = next(step for step in prepared.steps if step.kind == "compare")
    sides = [load_file(prepared.store.folder(of) / VECTORS) for of in step.upstream]
    folder = prepared.store.folder(step.spec)
    draws = read_draws(folder)
    counted = json.loads((folder / "distribution.json").read_text())
    for row, counts in zip(
        json.loads((folder / "alignment.json").read_text()), counted, strict=True
    ):
        place = row.pop("pooling"), row.pop("layer")
        pair = [side[f"{place[0]}.{place[1]}"] for side in sides]
        both = texts["en"], texts["de"]
        assert row == pytest.approx(asdict(alignment(*pair, *both)))
        assert row != pytest.approx(asdict(alignment(*pair)))
        assert sum(counts["random"]) == 15 * 14 - 2
        assert draws[place] == pytest.approx(np.stack(resampled(*pair, *both)))


def test_an_adapter_moves_the_vectors(tiny_done: tuple[TinyStudy, Results]) -> None:
    prepared = prepared_of(tiny_done[0])
    before, after, other = (
        load_file(prepared.store.folder(step.spec) / VECTORS)["mean.-1"]
        for step in prepared.steps
        if step.kind == "embed" and step.language == "de"
    )
    assert not np.allclose(before, after)
    assert not np.allclose(after, other)


def test_a_finished_tuning_keeps_no_checkpoints(
    tiny_done: tuple[TinyStudy, Results],
) -> None:
    prepared = prepared_of(tiny_done[0])
    step = next(step for step in prepared.steps if step.kind == "tune")
    names = {path.name for path in prepared.store.folder(step.spec).iterdir()}
    assert {*ADAPTER, "log.json", MANIFEST} <= names
    assert "checkpoints" not in names
    manifest = prepared.store.folder(step.spec) / MANIFEST
    assert json.loads(manifest.read_text("utf-8"))["seconds"] > 0
