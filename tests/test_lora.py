from __future__ import annotations

from pathlib import Path

import pytest
from transformers import AutoConfig

from spillover.errors import ModelError, StudyError
from spillover.lora import check_modules
from spillover.settings import TuneSettings

SIZES = {
    "vocab_size": 64,
    "hidden_size": 32,
    "intermediate_size": 48,
    "num_hidden_layers": 2,
    "num_attention_heads": 4,
    "num_key_value_heads": 2,
}


def test_modules_of_a_vision_tower_are_no_place_for_lora(seeing_folder: Path) -> None:
    config = AutoConfig.from_pretrained(seeing_folder)
    check_modules(config, [TuneSettings(target_modules=("q_proj", "down_proj"))])
    for name in ("fc1", "out_proj"):  # SigLIP's
        with pytest.raises(StudyError, match=f"unknown module '{name}'"):
            check_modules(config, [TuneSettings(target_modules=(name,))])


@pytest.mark.parametrize("kind", ["mamba", "qwen3_moe"])
def test_where_peft_cannot_put_lora_is_told_before_weights_are_loaded(
    kind: str,
) -> None:
    own = {"num_experts": 4, "moe_intermediate_size": 16} if "moe" in kind else {}
    config = AutoConfig.for_model(kind, **SIZES, **own)
    with pytest.raises(StudyError, match="PEFT cannot put LoRA there"):
        check_modules(config, [TuneSettings(target_modules="all-linear")])
    names = ("in_proj",) if kind == "mamba" else ("q_proj", "v_proj")
    check_modules(config, [TuneSettings(target_modules=names)])


def test_a_model_of_another_kind_is_told_before_weights_are_loaded() -> None:
    with pytest.raises(ModelError, match="'siglip' is not a causal language model"):
        check_modules(AutoConfig.for_model("siglip"), [TuneSettings()])
