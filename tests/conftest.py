"""Fixtures that more than one test module needs."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from spillover.data.items import Item
    from spillover.data.task import Task
    from spillover.models import LanguageModel

CHECKOUT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="session")
def data_root() -> Path:
    """The folder with the official data files, which the project does not ship."""
    root = Path(
        os.environ.get("SPILLOVER_TEST_DATA", CHECKOUT.parent / "shared" / "data")
    )
    if not root.is_dir():
        pytest.skip(f"no official data files at {root} (set SPILLOVER_TEST_DATA)")
    return root


TINY_TEXTS = (
    "The train to the north leaves at nine. Is that true? Yes or No.",
    "Der Zug nach Norden fährt um neun. Stimmt das? Ja oder Nein.",
    "Le train pour le nord part à neuf heures. Est-ce vrai ? Oui ou non.",
    "Review: a fine film, warm and long. Is it good? The answer is Yes",
    "Review: a dull film, cold and short. Is it good? The answer is No",
    "これは長い映画です。 The capital of France is Paris.",
)


@pytest.fixture(scope="session")
def tiny_folders(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """One random Llama of two layers; its tokenizer adds `none`, `bos` or `both`."""
    import torch
    from tokenizers import ByteLevelBPETokenizer
    from tokenizers.processors import TemplateProcessing
    from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    marks = {"none": "$A", "bos": "<s> $A", "both": "<s> $A </s>"}
    root = tmp_path_factory.mktemp("tiny")
    config = LlamaConfig(
        vocab_size=512,
        hidden_size=32,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        max_position_embeddings=256,
        initializer_range=0.3,  # so that the next token is not all but a tie
        bos_token_id=1,
        eos_token_id=2,
        tie_word_embeddings=False,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    for name, single in marks.items():
        bpe = ByteLevelBPETokenizer()
        bpe.train_from_iterator(
            TINY_TEXTS, 512, show_progress=False, special_tokens=["<pad>", "<s>", "</s>"]
        )
        bpe.post_processor = TemplateProcessing(
            single=single, special_tokens=[("<s>", 1), ("</s>", 2)]
        )
        tokenizer = PreTrainedTokenizerFast(
            tokenizer_object=bpe._tokenizer,
            bos_token="<s>",
            eos_token="</s>",
            pad_token="<pad>",
        )
        tokenizer.chat_template = (
            "{{ bos_token }}{% for m in messages %}User: {{ m.content }}\n{% endfor %}"
            "{% if add_generation_prompt %}Model: {% endif %}"
        )
        tokenizer.save_pretrained(root / name)
        model.save_pretrained(root / name)
    return {name: root / name for name in marks}


@pytest.fixture
def tiny(tiny_folders: dict[str, Path]) -> LanguageModel:
    """The tiny model in fp32 on the CPU, fresh; its tokenizer adds BOS."""
    from spillover.models import load_model

    return load_model(str(tiny_folders["bos"]), device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def real() -> LanguageModel:
    """SmolLM2-135M-Instruct in fp32 on the CPU; leave it as it is."""
    from spillover.models import load_model

    return load_model("smollm2-135m-instruct", device="cpu", dtype="float32")


@pytest.fixture(scope="session")
def opinions() -> Task:
    """A small classification task; its items come from `reviews`."""
    from spillover.data.task import Task

    return Task.model_validate(
        {
            "name": "opinions",
            "kind": "classification",
            "template": "Review: {review} Is it good? The answer is",
            "answers": {"1": "Yes", "0": "No"},
            "metric": "accuracy",
            "languages": ["en"],
            "files": [
                {
                    "path": "{split}.csv",
                    "columns": {"review": "review"},
                    "target": "label",
                }
            ],
        }
    )


@pytest.fixture(scope="session")
def titles(opinions: Task) -> Task:
    """A small generation task over the same fields."""
    from spillover.data.task import Task

    changes = {
        "name": "titles",
        "kind": "generation",
        "template": "Review: {review} A short title is",
        "answers": {},
        "metric": "rougeL",
    }
    return Task.model_validate(opinions.model_dump() | changes)


@pytest.fixture(scope="session")
def reviews() -> list[Item]:
    """Items of unequal length, half of them good."""
    from spillover.data.items import Item

    words = "a long warm fine film about the north train that leaves at nine".split()
    return [
        Item(
            f"r{number}",
            {"review": " ".join(words[number % 5 : number % 5 + 1 + number]) + "."},
            "01"[number % 2],
        )
        for number in range(12)
    ]
