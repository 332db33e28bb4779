"""Adapters: that one does something, and that it leaves no trace."""

from __future__ import annotations

import json
from collections.abc import Callable
from copy import deepcopy
from pathlib import Path
from typing import Any, Literal

import pytest
import torch
from peft import LoraConfig, get_peft_model
from safetensors.torch import load_file, save_file

from spillover.adapters import attach, detach
from spillover.data.items import Item
from spillover.data.task import Task
from spillover.embed import embed
from spillover.errors import ModelError
from spillover.evaluate import evaluate
from spillover.model_checks import probe
from spillover.model_spec import ModelSpec
from spillover.models import LanguageModel, load_model
from spillover.tune import tune

WEIGHTS = "adapter_model.safetensors"
MakeAdapter = Callable[..., Path]


def test_attach_and_detach(tiny: LanguageModel, make_adapter: MakeAdapter) -> None:
    before = probe(tiny)
    adapted = attach(tiny, make_adapter())
    assert adapted.name == "bos+adapter"
    assert not adapted.model.training
    assert not torch.equal(probe(adapted), before)
    with adapted.model.disable_adapter():
        assert torch.equal(probe(adapted), before)
    base = detach(adapted)
    assert base.name == "bos"
    assert "lora" not in str(base.model)
    assert torch.equal(probe(base), before)
    with pytest.raises(ModelError, match="no adapter on bos"):
        detach(base)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
def test_an_adapter_takes_the_dtype_of_its_base(
    dtype: Literal["float32", "bfloat16"],
    tiny_folders: dict[str, Path],
    make_adapter: MakeAdapter,
) -> None:
    base = load_model(str(tiny_folders["bos"]), device="cpu", dtype=dtype)
    adapted = attach(base, make_adapter())
    dtypes = {p.dtype for n, p in adapted.model.named_parameters() if "lora" in n}
    assert dtypes == {base.dtype} == {getattr(torch, dtype)}


def test_a_base_that_wears_an_adapter_is_not_taken_for_the_base(
    tiny: LanguageModel, opinions: Task, reviews: list[Item], make_adapter: MakeAdapter
) -> None:
    """The adapter's layers are in the base itself, whoever holds it."""
    folder = make_adapter()
    adapted = attach(tiny, folder)
    after = evaluate(adapted, opinions, reviews, "en")
    uses: list[Callable[[LanguageModel], object]] = [
        lambda model: evaluate(model, opinions, reviews, "en"),
        lambda model: embed(model, ["The train"]),
        lambda model: tune(model, opinions, reviews, folder),
        lambda model: attach(model, folder),
    ]
    for use in uses:
        with pytest.raises(ModelError, match=r"adapter is on bos;.*detach it first"):
            use(tiny)
    for use in uses[2:]:
        with pytest.raises(
            ModelError, match=r"bos\+adapter has an adapter already.*de"
        ):
            use(adapted)
    assert evaluate(adapted, opinions, reviews, "en") == after
    base = detach(adapted)
    assert evaluate(base, opinions, reviews, "en") != after
    again = attach(base, make_adapter("other"))
    for use in (*uses, detach):
        with pytest.raises(ModelError, match=r"adapter of bos\+adapter was taken off"):
            use(adapted)
    assert detach(again) is base


@pytest.mark.parametrize("module", ["lm_head", "embed_tokens"])
def test_a_module_that_an_adapter_replaces_is_put_back(
    tiny: LanguageModel, tmp_path: Path, module: str
) -> None:
    config = LoraConfig(target_modules=["q_proj"], modules_to_save=[module])
    peft = get_peft_model(deepcopy(tiny.model), config)
    with torch.no_grad():
        for weight in peft.parameters():
            if weight.requires_grad:
                weight.add_(0.1)
    peft.save_pretrained(tmp_path)
    before = probe(tiny)
    adapted = attach(tiny, tmp_path)
    assert not torch.equal(probe(adapted), before)
    assert torch.equal(probe(detach(adapted)), before)


@pytest.mark.parametrize(
    "change",
    [
        {"bias": "all"},
        {"init_lora_weights": "pissa"},
        {"layer_replication": [[0, 2], [1, 2]]},
    ],
)
def test_an_adapter_that_changes_the_base_itself_is_refused(
    tiny: LanguageModel, make_adapter: MakeAdapter, change: dict[str, object]
) -> None:
    path = make_adapter() / "adapter_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | change))
    before = probe(tiny)
    with pytest.raises(ModelError, match="are changed in the base"):
        attach(tiny, path.parent)
    assert torch.equal(probe(tiny), before)


def test_adapters_follow_each_other_without_a_trace(
    tiny: LanguageModel, make_adapter: MakeAdapter
) -> None:
    folder = make_adapter()
    other = make_adapter("other+more")
    values = load_file(other / WEIGHTS)
    save_file({k: 2 * v for k, v in values.items()}, other / WEIGHTS)
    first = attach(tiny, folder)
    logits = probe(first)
    second = attach(detach(first), other)
    assert second.name == "bos+other+more"
    assert not torch.equal(probe(second), logits)
    assert torch.equal(probe(attach(detach(second), folder)), logits)


def test_a_spec_may_bring_its_adapter(
    tiny_folders: dict[str, Path], tiny: LanguageModel, make_adapter: MakeAdapter
) -> None:
    folder = make_adapter()
    spec = ModelSpec(folder=tiny_folders["bos"], adapter=folder)
    loaded = load_model(spec, device="cpu", dtype="float32")
    assert loaded.name == spec.name == "bos+adapter"
    assert torch.equal(probe(loaded), probe(attach(tiny, folder)))


def lose_a_key(folder: Path) -> None:
    values = load_file(folder / WEIGHTS)
    del values[sorted(values)[0]]
    save_file(values, folder / WEIGHTS)


def add_a_key(folder: Path) -> None:
    values = load_file(folder / WEIGHTS)
    name = "base_model.model.model.layers.9.self_attn.q_proj.lora_A.weight"
    save_file(values | {name: torch.ones(8, 32)}, folder / WEIGHTS)


def zero_one_b(folder: Path) -> None:
    values = load_file(folder / WEIGHTS)
    name = next(name for name in sorted(values) if "lora_B" in name)
    values[name] = torch.zeros_like(values[name])
    save_file(values, folder / WEIGHTS)


def zero_all_a(folder: Path) -> None:
    values = load_file(folder / WEIGHTS)
    save_file(
        {k: torch.zeros_like(v) if "lora_A" in k else v for k, v in values.items()},
        folder / WEIGHTS,
    )


def widen(folder: Path) -> None:
    values = load_file(folder / WEIGHTS)
    wide = {k: torch.ones(8, 64) if "lora_A" in k else v for k, v in values.items()}
    save_file(wide, folder / WEIGHTS)


def rename_modules(folder: Path) -> None:
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text()) | {"target_modules": ["c_attn"]}
    path.write_text(json.dumps(config))


def name_a_norm(folder: Path) -> None:
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["target_modules"] = ["q_proj", "input_layernorm"]
    path.write_text(json.dumps(config))


def pickle_it(folder: Path) -> None:
    torch.save(load_file(folder / WEIGHTS), folder / "adapter_model.bin")
    (folder / WEIGHTS).unlink()


def truncate(folder: Path) -> None:
    content = (folder / WEIGHTS).read_bytes()
    (folder / WEIGHTS).write_bytes(content[: len(content) // 2])


def scramble(folder: Path) -> None:
    (folder / WEIGHTS).write_bytes(b"\xff" * 64)


def spoil_config(folder: Path) -> None:
    (folder / "adapter_config.json").write_text("{")


def forget_the_type(folder: Path) -> None:
    path = folder / "adapter_config.json"
    config = json.loads(path.read_text())
    config["peft_type"] = None
    path.write_text(json.dumps(config))


def lose_config(folder: Path) -> None:
    (folder / "adapter_config.json").unlink()


@pytest.mark.filterwarnings("ignore:Found missing adapter keys")
@pytest.mark.parametrize(
    ("damage", "said"),
    [
        (lose_a_key, r"1 missing keys, .*lora_A"),
        (add_a_key, r"1 unexpected keys, .*layers\.9"),
        (zero_all_a, "the adapter leaves the logits as they were"),
        (widen, "not an adapter for bos .*"),
        (rename_modules, "not an adapter for bos .*c_attn"),
        (name_a_norm, "not an adapter for bos .*RMSNorm"),
        (pickle_it, "no adapter_model.safetensors; expected a PEFT adapter"),
        (truncate, "not an adapter for bos"),
        (scramble, "not an adapter for bos"),
        (spoil_config, "not an adapter for bos"),
        (forget_the_type, r"not an adapter for bos \(PEFT knows no peft_type None\)"),
        (lose_config, "no adapter_config.json"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_wrong_adapter_is_an_error_and_leaves_the_base_alone(
    tiny: LanguageModel,
    make_adapter: MakeAdapter,
    damage: Callable[[Path], None],
    said: str,
) -> None:
    folder, sound = make_adapter(), make_adapter("sound")
    damage(folder)
    before = probe(tiny)
    with pytest.raises(ModelError, match=said) as caught:
        attach(tiny, folder)
    assert str(folder) in str(caught.value)
    assert "lora" not in str(tiny.model)
    assert torch.equal(probe(tiny), before)
    assert not torch.equal(probe(attach(tiny, sound)), before)


def test_an_untrained_adapter_is_an_error(
    tiny: LanguageModel, make_adapter: MakeAdapter
) -> None:
    with pytest.raises(ModelError, match="LoRA B is zero in all 4 modules"):
        attach(tiny, make_adapter(trained=False))


def test_one_module_that_no_gradient_reached_is_no_fault(
    tiny: LanguageModel, make_adapter: MakeAdapter
) -> None:
    """As in the first layers of Jamba."""
    folder = make_adapter()
    zero_one_b(folder)
    before = probe(tiny)
    assert not torch.equal(probe(attach(tiny, folder)), before)


def test_a_full_memory_is_not_called_a_wrong_adapter(
    tiny: LanguageModel, make_adapter: MakeAdapter, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*args: Any, **options: Any) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    adapter = make_adapter()
    monkeypatch.setattr("spillover.adapters.get_peft_model", full)
    with pytest.raises(torch.OutOfMemoryError):
        attach(tiny, adapter)


def test_soft_prompts_are_no_adapter(
    tiny: LanguageModel, make_adapter: MakeAdapter
) -> None:
    """Of one kind PEFT would read what a path in the configuration names."""
    folder = make_adapter()
    settings = {
        "peft_type": "MULTITASK_PROMPT_TUNING",
        "prompt_tuning_init": "ONLY_SOURCE_SHARED",
        "prompt_tuning_init_state_dict_path": str(folder / "evil.bin"),
        "num_virtual_tokens": 2,
        "token_dim": 32,
    }
    (folder / "adapter_config.json").write_text(json.dumps(settings))
    (folder / "evil.bin").write_bytes(b"x")
    with pytest.raises(ModelError, match="puts vectors before a prompt"):
        attach(tiny, folder)
    assert "prompt" not in str(tiny.model)
