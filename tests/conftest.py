"""Fixtures that more than one test module needs."""

from __future__ import annotations

import gc
import json
import os
from collections.abc import Callable
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from spillover.data.items import Item
    from spillover.data.task import Task
    from spillover.models import LanguageModel
    from spillover.results import Results
    from spillover.study import Study

CHECKOUT = Path(__file__).resolve().parent.parent


def pytest_configure(config: pytest.Config) -> None:
    """One thread: these models are too small for more, which would only wait."""
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    config.addinivalue_line(  # PEFT asks transformers by an old name
        "filterwarnings", "ignore:`is_gradient_checkpointing` is dep:FutureWarning"
    )


def pytest_collection_finish() -> None:
    """All that imports made stays: collections of garbage need not look at it again.

    Every training has one, which takes half a second otherwise.
    """
    gc.collect()
    gc.freeze()


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
            TINY_TEXTS,
            512,
            show_progress=False,
            special_tokens=["<pad>", "<s>", "</s>"],
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
            "{% if add_generation_prompt %}Model:\n{% endif %}"
        )
        tokenizer.save_pretrained(root / name)
        model.save_pretrained(root / name)
    return {name: root / name for name in marks}


@pytest.fixture(scope="session")
def tiny_loaded(tiny_folders: dict[str, Path]) -> LanguageModel:
    """The tiny model in fp32 on the CPU; leave it as it is."""
    from spillover.models import load_model

    return load_model(str(tiny_folders["bos"]), device="cpu", dtype="float32")


@pytest.fixture
def tiny(tiny_loaded: LanguageModel) -> LanguageModel:
    """The tiny model in fp32 on the CPU, fresh; its tokenizer adds BOS."""
    return deepcopy(tiny_loaded)


@pytest.fixture
def make_adapter(tiny_loaded: LanguageModel, tmp_path: Path) -> Callable[..., Path]:
    """Writes a LoRA adapter with random matrices for the tiny model."""

    import torch
    from peft import LoraConfig, get_peft_model

    def make(name: str = "adapter", *, trained: bool = True) -> Path:
        torch.manual_seed(1)
        config = LoraConfig(
            task_type="CAUSAL_LM",
            target_modules=["q_proj", "v_proj"],
            init_lora_weights=not trained,
        )
        base: Any = deepcopy(tiny_loaded.model)
        get_peft_model(base, config).save_pretrained(tmp_path / name)
        return tmp_path / name

    return make


@pytest.fixture(scope="session")
def seeing_folder(
    tiny_folders: dict[str, Path], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """A random Gemma 3 of two layers with a vision tower of as many."""
    import torch
    from transformers import AutoTokenizer, Gemma3Config, Gemma3ForConditionalGeneration

    sizes = {
        "hidden_size": 32,
        "intermediate_size": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
    }
    text = sizes | {
        "vocab_size": 512,
        "num_key_value_heads": 2,
        "head_dim": 8,
        "sliding_window": 16,
        "max_position_embeddings": 256,
        "initializer_range": 0.3,
    }
    config = Gemma3Config(
        text_config=text,
        vision_config=sizes | {"image_size": 28, "patch_size": 14},
        mm_tokens_per_image=4,
        bos_token_id=1,
        eos_token_id=2,
        image_token_index=511,
        boi_token_index=510,
        eoi_token_index=509,
    )
    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("seeing")
    Gemma3ForConditionalGeneration(config).save_pretrained(folder)
    AutoTokenizer.from_pretrained(tiny_folders["bos"]).save_pretrained(folder)
    return folder


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

    text = "a long warm fine film about the north train that leaves at nine"
    words = text.split()
    return [
        Item(
            f"r{number}",
            {"review": " ".join(words[number % 5 : number % 5 + 1 + number]) + "."},
            "01"[number % 2],
        )
        for number in range(12)
    ]


@dataclass(frozen=True)
class TinyStudy:
    """A study of the tiny model on a few lines of text, in a folder of its own.

    Attributes:
        raw: the study as a mapping; changes to it count.
        folder: holds `data`, the data root, and `out`, where the study runs.
    """

    raw: dict[str, Any]
    folder: Path

    @property
    def data(self) -> Path:
        return self.folder / "data"

    @property
    def out(self) -> Path:
        return self.folder / "out" / "tiny"

    @property
    def study(self) -> Study:
        from spillover.study import parse_study

        return parse_study(self.raw)

    @property
    def yaml(self) -> Path:
        import yaml

        path = self.folder / "tiny.yaml"
        path.write_text(yaml.safe_dump(self.raw, sort_keys=False))
        return path

    def rewrite(self, name: str, change: Callable[[str], str]) -> None:
        """Change the text of a data file."""
        path = self.data / name
        path.write_text(change(path.read_text("utf-8")), encoding="utf-8")


SUBJECTS = {
    "en": ("The film", "The train", "The north"),
    "de": ("Der Film", "Der Zug", "Der Norden"),
    "fr": ("Le film", "Le train", "Le nord"),
    "es": ("La obra", "El tren", "El norte"),
}


def make_tiny_study(folder: Path, model: Path) -> TinyStudy:
    """Write the data files and say the study. `titles` has no Spanish."""
    (folder / "data").mkdir(parents=True)
    common = {"train_languages": ["en"], "metric": "accuracy"}
    source = {"path": "{language}.{split}.jsonl", "id": "id", "target": "label"}
    opinions = common | {
        "name": "opinions",
        "kind": "classification",
        "template": "Review: {review} Is it good? The answer is",
        "answers": {"1": "Yes", "0": "No"},
        "languages": [*SUBJECTS],
        "files": [source],
    }
    titles = common | {
        "name": "titles",
        "kind": "generation",
        "template": "Review: {review} A short title is",
        "metric": "rougeL",
        "languages": ["en", "de", "fr"],
        "files": [source | {"target": "title", "aligned": False}],
    }
    lines = {
        "name": "lines",
        "languages": [*SUBJECTS],
        "files": [{"path": "{language}.txt", "columns": {"sentence": "text"}}],
    }
    for code, subjects in SUBJECTS.items():
        texts = [f"{subject} {word}." for subject in subjects for word in "aeiou"]
        rows = [
            {"id": f"r{i}", "review": text, "label": str(i % 2), "title": text[:6]}
            for i, text in enumerate(texts)
        ]
        for split, part in (("train", rows[5:]), ("test", rows[:5])):
            if split == "test" or code == "en":
                (folder / "data" / f"{code}.{split}.jsonl").write_text(
                    "".join(json.dumps(row) + "\n" for row in part), encoding="utf-8"
                )
        (folder / "data" / f"{code}.txt").write_text("\n".join(texts) + "\n")
    raw = {
        "name": "tiny",
        "model": str(model),
        "dtype": "float32",
        "languages": [*SUBJECTS],
        "tasks": [{"task": opinions}, {"task": titles, "test_rows": 4}],
        "corpora": [{"corpus": lines}],
        "tune": {
            "epochs": 1,
            "learning_rate": 0.01,
            "target_modules": "all-linear",
            "dropout": 0,
            "batch_size": 4,
            "micro_batch_size": 4,
            "warmup_steps": 0,
        },
        "evaluate": {"beams": 1, "max_new_tokens": 4},
    }
    return TinyStudy(raw, folder)


@pytest.fixture
def no_report(monkeypatch: pytest.MonkeyPatch) -> None:
    """Runs end without page and figures, which take longer than a tiny study."""
    monkeypatch.setattr("spillover.results.Results.write_report", lambda results: None)


@pytest.fixture
def tiny_study(tmp_path: Path, tiny_folders: dict[str, Path]) -> TinyStudy:
    """A tiny study that nobody has run yet."""
    return make_tiny_study(tmp_path / "study", tiny_folders["bos"])


@pytest.fixture(scope="session")
def tiny_done(
    tmp_path_factory: pytest.TempPathFactory, tiny_folders: dict[str, Path]
) -> tuple[TinyStudy, Results]:
    """A tiny study that was run, with its results; leave both as they are."""
    from spillover.studies import run

    made = make_tiny_study(tmp_path_factory.mktemp("done") / "s", tiny_folders["bos"])
    results = run(made.study, data_root=made.data, out=made.out, device="cpu")
    return made, results
