from __future__ import annotations

import math
import os
import shutil
import sys
from pathlib import Path
from typing import Any

import pytest
import torch
from peft import PeftModel
from pydantic import ValidationError
from safetensors.torch import load_file
from torch import Tensor
from torch.nn.functional import cross_entropy
from transformers import AutoConfig, AutoModelForCausalLM

from spillover.adapters import attach
from spillover.batching import pad, untold
from spillover.data.items import Item
from spillover.data.task import Task
from spillover.encoding import encode
from spillover.errors import DataError, ModelError, OutputError, StudyError
from spillover.model_checks import probe
from spillover.models import LanguageModel, load_model
from spillover.settings import TuneSettings
from spillover.tracking import TrackedArguments
from spillover.tune import (
    IGNORED,
    _arguments,
    _Shuffled,
    collate,
    encode_examples,
    tune,
)

SETTINGS = TuneSettings(
    epochs=4,
    learning_rate=2e-2,
    batch_size=4,
    micro_batch_size=2,
    warmup_steps=0,
    schedule="constant",
)
WEIGHTS = "adapter_model.safetensors"


def trained(
    model: LanguageModel, task: Task, items: list[Item], folder: Path, **changes: Any
) -> bytes:
    seed = changes.pop("seed", 1)
    progress = changes.pop("progress", untold)
    settings = SETTINGS.model_copy(update=changes)
    tune(model, task, items, folder, settings, seed=seed, progress=progress)
    return (folder / WEIGHTS).read_bytes()


@pytest.mark.parametrize("variant", ["none", "bos", "both"])
def test_only_answers_are_learnt_and_only_generation_ends_in_eos(
    tiny_folders: dict[str, Path],
    opinions: Task,
    titles: Task,
    reviews: list[Item],
    variant: str,
) -> None:
    model = load_model(str(tiny_folders[variant]), device="cpu", dtype="float32")
    for task, end in ((opinions, []), (titles, [2])):
        examples = encode_examples(
            model.tokenizer, task, reviews, SETTINGS, context=model.context
        )
        for item, example in zip(reviews, examples, strict=True):
            word = task.answers.get(item.gold, item.gold)
            prompt, whole = encode(
                model.tokenizer, [task.prompt(item), f"{task.prompt(item)} {word}"]
            )
            assert example["input_ids"] == whole + end
            answer = whole[len(prompt) :] + end
            assert example["labels"] == [IGNORED] * len(prompt) + answer
            assert answer != end


def full_loss(model: LanguageModel, rows: list[dict[str, list[int]]]) -> Tensor:
    """Right-padded, with logits of every token: the loss as a textbook has it."""
    batch = pad([row["input_ids"] for row in rows], 0, side="right")
    labels = torch.full_like(batch["input_ids"], IGNORED)
    for number, row in enumerate(rows):
        labels[number, : len(row["labels"])] = torch.tensor(row["labels"])
    logits = model.model(**batch).logits
    return cross_entropy(logits[:, :-1].flatten(0, 1), labels[:, 1:].flatten())


def test_the_loss_of_the_last_columns_is_the_loss_of_all(
    tiny: LanguageModel, opinions: Task, titles: Task, reviews: list[Item]
) -> None:
    items = [
        Item(item.id, item.fields, "01"[i % 2] * (i + 1))
        for i, item in enumerate(reviews)
    ]
    for task, of in ((opinions, reviews), (titles, items)):
        rows = encode_examples(tiny.tokenizer, task, of, SETTINGS, context=tiny.context)
        batch = collate(rows, tiny.pad_id)
        kept = len(batch["logits_to_keep"])
        assert kept < max(len(row["input_ids"]) for row in rows)
        with torch.no_grad():
            loss = tiny.model(**batch).loss
            torch.testing.assert_close(loss, full_loss(tiny, rows))


def test_a_batch_that_is_all_answer_keeps_all_columns() -> None:
    rows = [{"input_ids": [5, 6, 7], "labels": [IGNORED, 6, 7]}]
    batch = collate(rows, 0)
    assert batch["logits_to_keep"].tolist() == [0, 1, 2]
    assert batch["labels"].tolist() == [[IGNORED, 6, 7]]


def test_training_reduces_the_loss_and_leaves_the_base_as_it_was(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], tmp_path: Path
) -> None:
    before = {name: value.clone() for name, value in tiny.model.state_dict().items()}
    logits = probe(tiny)
    told: list[tuple[float, int]] = []
    rows = encode_examples(
        tiny.tokenizer, opinions, reviews, SETTINGS, context=tiny.context
    )
    log = tune(
        tiny,
        opinions,
        reviews,
        tmp_path,
        SETTINGS,
        progress=lambda *of: told.append(of),
    )
    steps = 4 * len(reviews) // SETTINGS.batch_size
    items, tokens = zip(*told, strict=True)
    assert told[0] == (0, 0)
    assert items[1:] == pytest.approx([SETTINGS.batch_size] * steps)
    assert sum(tokens) == 4 * sum(len(row["input_ids"]) for row in rows)
    assert [entry["step"] for entry in log] == [1.0 + n for n in range(steps)]
    assert all(set(entry) == {"step", "loss", "learning_rate"} for entry in log)
    after = tiny.model.state_dict()
    assert after.keys() == before.keys()  # no LoRA layer is left
    assert all(torch.equal(after[name], before[name]) for name in before)
    assert not tiny.model.training
    assert torch.equal(probe(tiny), logits)
    with torch.no_grad():
        base = float(full_loss(tiny, rows))
        tuned = float(full_loss(attach(tiny, tmp_path), rows))
    assert tuned < 0.7 * base


def test_the_optimizer_gets_what_the_settings_say(
    tiny: LanguageModel, tmp_path: Path
) -> None:
    settings = TuneSettings(
        epochs=3, learning_rate=0.02, schedule="linear", warmup_steps=7,
        weight_decay=0.3, batch_size=12, micro_batch_size=4,
    )  # fmt: skip
    told = _arguments(settings, tmp_path, tiny, seed=9)
    assert (told.num_train_epochs, told.learning_rate) == (3, 0.02)
    assert (told.lr_scheduler_type, told.warmup_steps) == ("linear", 7)
    assert (told.weight_decay, told.seed) == (0.3, 9)
    assert told.per_device_train_batch_size == 4
    assert told.gradient_accumulation_steps == 3


def test_the_same_seed_gives_the_same_bytes(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    whole: Path,
) -> None:
    first = (whole / WEIGHTS).read_bytes()
    assert trained(tiny, opinions, reviews, tmp_path / "a") == first
    assert trained(tiny, opinions, reviews, tmp_path / "b", seed=2) != first
    of_both = [folder / "adapter_config.json" for folder in (whole, tmp_path / "a")]
    assert of_both[0].read_text() == of_both[1].read_text()


def test_what_a_launcher_has_set_changes_nothing(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    whole: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As srun's wrappers and accelerate do: one of several processes, and bf16."""
    told = {"LOCAL_RANK": "0", "ACCELERATE_MIXED_PRECISION": "bf16"}
    for name, value in told.items():
        monkeypatch.setenv(name, value)
    weights = trained(tiny, opinions, reviews, tmp_path / "launched")
    assert weights == (whole / WEIGHTS).read_bytes()
    assert {name: os.environ[name] for name in told} == told


def test_plain_peft_loads_the_adapter_and_agrees(
    tiny_folders: dict[str, Path], tiny: LanguageModel, whole: Path
) -> None:
    model = AutoModelForCausalLM.from_pretrained(tiny_folders["bos"])
    plain = PeftModel.from_pretrained(model, whole).eval()
    ids = torch.tensor(tiny.encode(["The train to the north"]))
    ours = attach(tiny, whole)
    with torch.no_grad():
        assert torch.equal(plain(ids).logits, ours.model(ids).logits)


@pytest.mark.parametrize("modules", ["all-linear", ("q_proj", "v_proj")])
def test_a_model_that_sees_learns_in_its_text_alone(
    seeing_folder: Path,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    modules: str | tuple[str, ...],
) -> None:
    model = load_model(str(seeing_folder), device="cpu", dtype="float32")
    trained(model, opinions, reviews, tmp_path, target_modules=modules)
    weights = load_file(tmp_path / WEIGHTS)
    projections = 2 if isinstance(modules, tuple) else 7
    assert len(weights) == 2 * projections * 2  # A and B in two layers
    assert all(".language_model.layers." in name for name in weights)
    base = AutoModelForCausalLM.from_pretrained(seeing_folder)
    plain = PeftModel.from_pretrained(base, tmp_path).eval()
    ids = torch.tensor(model.encode(["The train to the north"]))
    ours = attach(model, tmp_path)
    with torch.no_grad():
        assert torch.equal(plain(ids).logits, ours.model(ids).logits)


SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def test_routers_are_no_place_for_lora(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], tmp_path: Path
) -> None:
    """PhiMoE's is a linear layer that returns two tensors."""
    config = AutoConfig.for_model("phimoe", **SIZES | {"vocab_size": 512})
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).eval()
    trained(
        LanguageModel(model, tiny.tokenizer, "phimoe"),
        opinions,
        reviews,
        tmp_path,
        target_modules="all-linear",
        dropout=0.0,
    )
    names = load_file(tmp_path / WEIGHTS)
    assert any("o_proj" in name for name in names)
    assert not any("router" in name for name in names)


class Interrupted(Exception):
    pass


def interrupt_at(share: float) -> Any:
    done = 0.0

    def progress(items: float, tokens: int) -> None:
        nonlocal done
        done += items
        if done >= share * 4 * 12:  # four epochs of twelve items
            raise Interrupted

    return progress


def interrupted(*call: Any) -> None:
    """A training that ends after it has written a checkpoint."""
    with pytest.raises(Interrupted):
        trained(*call, progress=interrupt_at(0.6), checkpoint_minutes=1e-9)


@pytest.fixture(scope="module")
def base(tiny_folders: dict[str, Path]) -> LanguageModel:
    """The tiny model, which tests of this module train adapters of."""
    return load_model(str(tiny_folders["bos"]), device="cpu", dtype="float32")


@pytest.fixture(scope="module")
def whole(
    base: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """A training that nothing interrupted."""
    folder = tmp_path_factory.mktemp("whole") / "adapter"
    trained(base, opinions, reviews, folder)
    return folder


@pytest.fixture
def part(stopped: Path, tmp_path: Path) -> Path:
    """A copy of the training that was interrupted."""
    return shutil.copytree(stopped, tmp_path / "part")


@pytest.fixture(scope="module")
def stopped(
    base: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """The same training, interrupted after it has written a checkpoint."""
    folder = tmp_path_factory.mktemp("stopped") / "adapter"
    interrupted(base, opinions, reviews, folder)
    return folder


def test_an_interrupted_training_goes_on_to_the_same_bytes(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    whole: Path,
) -> None:
    part = tmp_path / "part"
    often = {"checkpoint_minutes": 1e-9}
    interrupted(tiny, opinions, reviews, part)
    assert not (part / WEIGHTS).exists()
    assert "lora" not in str(tiny.model)
    [checkpoint] = (part / "checkpoints").glob("checkpoint-*")
    assert checkpoint.name == "checkpoint-7"  # in the middle of the third epoch
    cut_off = checkpoint.with_name("checkpoint-8")  # as by a full disk
    cut_off.mkdir()
    (cut_off / "trainer_state.json").write_text('{"epoch": 2.')
    told: list[tuple[float, int]] = []
    resumed = trained(
        tiny, opinions, reviews, part, progress=lambda *of: told.append(of), **often
    )
    assert told[0] == (pytest.approx(7 * 4), 0)  # not from the beginning
    assert told[1][0] == pytest.approx(4)
    assert 4 < told[1][1] < 4 * 60  # tokens of this batch alone
    assert resumed == (whole / WEIGHTS).read_bytes()
    assert {path.name for path in part.iterdir()} == {
        path.name for path in whole.iterdir()
    }
    assert not (part / "checkpoints").exists()


def test_a_deletion_of_checkpoints_that_was_cut_off_is_in_nobodys_way(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    whole: Path,
    part: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def cut_off(folder: Path) -> None:
        (folder / "call.sha256").unlink()
        raise Interrupted

    with monkeypatch.context() as patched:
        patched.setattr("shutil.rmtree", cut_off)
        with pytest.raises(Interrupted):
            trained(tiny, opinions, reviews, part)
    assert trained(tiny, opinions, reviews, part) == (whole / WEIGHTS).read_bytes()
    assert {path.name for path in part.iterdir()} == {
        path.name for path in whole.iterdir()
    }


def test_the_log_of_a_training_that_goes_on_is_that_of_a_whole_one(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    part: Path,
) -> None:
    whole = tune(tiny, opinions, reviews, tmp_path / "whole", SETTINGS)
    assert tune(tiny, opinions, reviews, part, SETTINGS) == whole
    assert len(whole) == 4 * len(reviews) // SETTINGS.batch_size


def test_the_checkpoint_of_another_call_is_not_resumed(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    part: Path,
) -> None:
    other = trained(tiny, opinions, reviews, tmp_path / "other", seed=2)
    assert trained(tiny, opinions, reviews, part, seed=2) == other


def test_the_checkpoint_of_another_base_of_that_name_is_not_resumed(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    part: Path,
) -> None:
    with torch.no_grad():
        tiny.causal_lm.lm_head.weight.mul_(2)
    other = trained(tiny, opinions, reviews, tmp_path / "other")
    assert trained(tiny, opinions, reviews, part) == other


def test_a_model_with_an_adapter_is_not_tuned(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    whole: Path,
) -> None:
    tuned = attach(tiny, whole)
    before = probe(tuned)
    with pytest.raises(ModelError, match=r"has an adapter already.*merge_and_unload"):
        trained(tuned, opinions, reviews, tmp_path / "b")
    assert torch.equal(probe(tuned), before)


def test_modules_that_peft_refuses_leave_the_model_as_it_was(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], tmp_path: Path
) -> None:
    """It puts LoRA on the others first."""
    modules = ("q_proj", "input_layernorm")
    with pytest.raises(StudyError, match=r"PEFT cannot put LoRA there .*RMSNorm"):
        trained(tiny, opinions, reviews, tmp_path, target_modules=modules)
    assert "lora" not in str(tiny.model)


def test_one_gpu_a_process_is_used_of_several(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    several = property(lambda self: 4)
    monkeypatch.setattr("transformers.TrainingArguments.n_gpu", several)
    arguments = TrackedArguments(output_dir=str(tmp_path), use_cpu=True)
    assert arguments.n_gpu == 1
    assert arguments.train_batch_size == arguments.per_device_train_batch_size


def test_checkpoints_of_something_else_are_not_touched(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], tmp_path: Path
) -> None:
    theirs = tmp_path / "checkpoints" / "checkpoint-10" / "model.safetensors"
    theirs.parent.mkdir(parents=True)
    theirs.write_text("theirs")
    with pytest.raises(OutputError, match="holds something else than a training"):
        trained(tiny, opinions, reviews, tmp_path)
    assert theirs.read_text() == "theirs"


def test_a_checkpoint_that_was_cut_off_is_not_resumed(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], whole: Path, part: Path
) -> None:
    [checkpoint] = (part / "checkpoints").glob("checkpoint-*")
    (checkpoint / "trainer_state.json").unlink()
    assert trained(tiny, opinions, reviews, part) == (whole / WEIGHTS).read_bytes()


def test_items_are_shuffled_and_all_seen_in_each_epoch(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    seen: list[tuple[int, ...]] = []

    def spy(rows: list[dict[str, list[int]]], fill: int) -> dict[str, Tensor]:
        seen.extend(tuple(row["input_ids"]) for row in rows)
        return collate(rows, fill)

    monkeypatch.setattr(sys.modules["spillover.tune"], "collate", spy)
    trained(tiny, opinions, reviews, tmp_path / "a", epochs=2)
    order = [
        tuple(example["input_ids"])
        for example in encode_examples(
            tiny.tokenizer, opinions, reviews, SETTINGS, context=tiny.context
        )
    ]
    first, second = seen[: len(order)], seen[len(order) :]
    assert sorted(first) == sorted(second) == sorted(order)
    assert first != order
    assert first != second
    seen.clear()
    trained(tiny, opinions, reviews, tmp_path / "b", epochs=2, seed=2)
    assert seen[: len(order)] != first


def lengths_of(n: int) -> list[int]:
    return torch.randint(5, 200, (n,), generator=torch.Generator()).tolist()


@pytest.mark.parametrize("n", [1, 5, 8, 9, 16, 1000, 1003])
def test_each_item_is_in_one_batch_and_the_longest_in_the_first(n: int) -> None:
    lengths = lengths_of(n)
    order = [*_Shuffled(8, lengths, 1)]
    assert sorted(order) == [*range(n)]
    assert lengths[order[0]] == max(lengths)


def test_batches_are_of_like_length_and_do_not_go_from_long_to_short() -> None:
    lengths = torch.tensor(lengths_of(8000), dtype=torch.float32)
    batches = lengths[[*_Shuffled(8, lengths.int().tolist(), 1)]].view(1000, 8)
    spread = batches.amax(1) - batches.amin(1)
    assert spread.mean() < 8  # of 195
    pairs = torch.stack([batches.mean(1)[:-1], batches.mean(1)[1:]])
    assert torch.corrcoef(pairs)[0, 1].abs() < 0.1  # sorted they have .9


def test_the_batch_size_is_reached_by_accumulation(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], tmp_path: Path
) -> None:
    alike = [Item(str(n), reviews[3].fields, str(n % 2)) for n in range(4)]
    found = []
    for name, micro in (("a", 4), ("b", 2)):
        trained(
            tiny, opinions, alike, tmp_path / name, dropout=0.0, epochs=2,
            micro_batch_size=micro,
        )  # fmt: skip
        found.append(load_file(tmp_path / name / WEIGHTS))
    for name in found[0]:
        torch.testing.assert_close(found[0][name], found[1][name], atol=1e-4, rtol=1e-3)


def test_the_loss_is_the_batchs_for_every_class_of_model(
    tiny: LanguageModel, titles: Task, reviews: list[Item], tmp_path: Path
) -> None:
    """Gemma 4's own, where it sees too, is a mean of each micro-batch."""
    tiny.model.accepts_loss_kwargs = False
    items = [
        Item(item.id, item.fields, "a fine film " * (1 + 2 * n))
        for n, item in enumerate(reviews[:4])
    ]
    rows = encode_examples(
        tiny.tokenizer, titles, items, SETTINGS, context=tiny.context
    )
    with torch.no_grad():
        expected = float(full_loss(tiny, rows))
    for micro in (4, 2, 1):
        changes = {"epochs": 1, "dropout": 0.0, "micro_batch_size": micro}
        settings = SETTINGS.model_copy(update=changes)
        [told] = tune(tiny, titles, items, tmp_path / str(micro), settings)
        assert told["loss"] == pytest.approx(expected, rel=1e-5)


def test_the_model_is_given_back_as_it_was(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], tmp_path: Path
) -> None:
    tiny.model.train()
    tiny.model.lm_head.eval()
    tiny.model.model.norm.weight.requires_grad_(False)
    before = [
        dict(vars(tiny.model.config)),
        [part.training for part in tiny.model.modules()],
        [weight.requires_grad for weight in tiny.model.parameters()],
    ]
    assert tiny.model.config.use_cache
    trained(tiny, opinions, reviews, tmp_path, epochs=1)
    assert before == [
        dict(vars(tiny.model.config)),
        [part.training for part in tiny.model.modules()],
        [weight.requires_grad for weight in tiny.model.parameters()],
    ]


def test_float16_on_a_cpu_is_refused(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], tmp_path: Path
) -> None:
    tiny.model.half()
    with pytest.raises(StudyError, match="no training in float16 on a CPU; expected b"):
        trained(tiny, opinions, reviews, tmp_path)
    assert not [*tmp_path.iterdir()]


def test_a_batch_that_is_no_multiple_is_an_error() -> None:
    with pytest.raises(ValidationError, match="4 is not a multiple of 'micro_ba"):
        TuneSettings(batch_size=4, micro_batch_size=3)
    assert TuneSettings(batch_size=4, micro_batch_size=32).batch_size == 4


def test_a_loss_that_is_no_number_is_an_error_at_once(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], tmp_path: Path
) -> None:
    tiny.model.model.layers[1].mlp.down_proj.weight.data[0, 0] = math.nan
    with pytest.raises(ModelError, match="the training loss is nan at step 1"):
        trained(tiny, opinions, reviews, tmp_path)
    assert not (tmp_path / WEIGHTS).exists()
    assert "lora" not in str(tiny.model)


def test_weights_that_are_no_numbers_are_not_kept(
    tiny: LanguageModel,
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A run that found them in its checkpoint could never go on."""
    nan = math.nan
    monkeypatch.setattr(  # which sees the loss that made them a step later
        sys.modules["spillover.tune"]._Watch, "on_log", lambda *args, **options: None
    )
    tiny.model.model.layers[1].mlp.down_proj.weight.data[0, 0] = nan
    for often in (1e-9, 60):
        with pytest.raises(ModelError, match="the training made weights of NaN"):
            trained(tiny, opinions, reviews, tmp_path, checkpoint_minutes=often)
        assert not [*(tmp_path / "checkpoints").glob("checkpoint-*")]
    assert not (tmp_path / WEIGHTS).exists()


def test_bf16_is_trained_with_an_fp32_adapter(
    tiny_folders: dict[str, Path],
    opinions: Task,
    reviews: list[Item],
    tmp_path: Path,
) -> None:
    model = load_model(str(tiny_folders["bos"]), device="cpu", dtype="bfloat16")
    trained(model, opinions, reviews, tmp_path)
    weights = load_file(tmp_path / WEIGHTS)
    assert {value.dtype for value in weights.values()} == {torch.float32}
    assert model.dtype == torch.bfloat16
    assert "forward" not in vars(model.model.get_output_embeddings())
    rows = encode_examples(
        model.tokenizer, opinions, reviews, SETTINGS, context=model.context
    )
    with torch.no_grad():
        base = float(full_loss(model, rows))
        tuned = float(full_loss(attach(model, tmp_path), rows))
    assert tuned < 0.8 * base


def test_an_answer_that_leaves_no_room_is_an_error(
    tiny: LanguageModel, titles: Task
) -> None:
    item = Item("a", {"review": "A film."}, "long " * 60)
    settings = SETTINGS.model_copy(update={"max_tokens": 34})
    with pytest.raises(StudyError, match=r"titles: the answer of item a has \d+ tok"):
        encode_examples(tiny.tokenizer, titles, [item], settings, context=tiny.context)


def test_long_items_are_cut_so_that_the_answer_fits(
    tiny: LanguageModel, titles: Task, reviews: list[Item]
) -> None:
    settings = SETTINGS.model_copy(update={"max_tokens": 34})
    whole = encode_examples(
        tiny.tokenizer, titles, reviews, SETTINGS, context=tiny.context
    )
    assert max(len(row["input_ids"]) for row in whole) > 34
    for row, uncut in zip(
        encode_examples(
            tiny.tokenizer, titles, reviews, settings, context=tiny.context
        ),
        whole,
        strict=True,
    ):
        assert len(row["input_ids"]) <= 34
        assert row["labels"][-2:] == uncut["labels"][-2:]
        assert [n for n in row["labels"] if n != IGNORED] == [
            n for n in uncut["labels"] if n != IGNORED
        ]


def test_an_answer_longer_than_everything_is_an_error(
    tiny: LanguageModel, titles: Task
) -> None:
    item = Item("wordy", {"review": "fine"}, "train " * 400)
    with pytest.raises(StudyError, match="item wordy"):
        encode_examples(tiny.tokenizer, titles, [item], SETTINGS, context=tiny.context)


def test_a_generation_without_eos_is_an_error(
    tiny: LanguageModel, opinions: Task, titles: Task, reviews: list[Item]
) -> None:
    tiny.tokenizer.eos_token = None
    call = {"settings": SETTINGS, "context": tiny.context}
    assert encode_examples(tiny.tokenizer, opinions, reviews, **call)
    with pytest.raises(ModelError, match="has no EOS, which an answer is to end in"):
        encode_examples(tiny.tokenizer, titles, reviews, **call)


def test_no_items_are_an_error(
    tiny: LanguageModel, opinions: Task, tmp_path: Path
) -> None:
    with pytest.raises(DataError, match="no items of opinions to learn from"):
        tune(tiny, opinions, [], tmp_path)


def test_the_global_random_state_does_not_matter(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], tmp_path: Path
) -> None:
    torch.manual_seed(5)
    first = trained(tiny, opinions, reviews, tmp_path / "a", epochs=1)
    torch.manual_seed(6)
    assert trained(tiny, opinions, reviews, tmp_path / "b", epochs=1) == first
