from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from importlib import import_module
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
import torch
from transformers import AutoConfig, AutoModelForCausalLM

from spillover.batching import pad
from spillover.embed import Vectors, embed
from spillover.errors import DataError, ModelError, StudyError
from spillover.models import LanguageModel, load_model
from spillover.settings import EmbedSettings, Pooling

SENTENCES = [
    "The train to the north leaves at nine.",
    "Yes",
    "Der Zug nach Norden fährt um neun, und das stimmt.",
    "これは長い映画です。",
    "Le train {part} à neuf heures, est-ce vrai ? Oui ou non, je ne sais pas encore.",
    "a film",
]


POOLINGS: tuple[Pooling, ...] = ("mean", "last", "weighted")


def brute_force(
    model: LanguageModel, layers: Iterable[int], special_tokens: bool = False
) -> Vectors:
    """One sentence at a time, unpadded, from transformers' own hidden states."""
    found: dict[tuple[str, int], list[npt.NDArray[np.float32]]] = {}
    for sentence in SENTENCES:
        ids = model.tokenizer(sentence).input_ids
        if len(ids) > 1 and ids[-1] == model.tokenizer.eos_token_id:
            ids = ids[:-1]
        skip = ids[0] == model.tokenizer.bos_token_id and not special_tokens
        with torch.no_grad():
            out = model.model(torch.tensor([ids]), output_hidden_states=True)
        for layer in layers:
            states = out.hidden_states[layer][0]
            kept = states[int(skip) :]
            weights = torch.arange(1, len(states) + 1).unsqueeze(1)
            weighted = (states * weights).sum(0) / weights.sum()
            found.setdefault(("mean", layer), []).append(kept.mean(0).numpy())
            found.setdefault(("weighted", layer), []).append(weighted.numpy())
            found.setdefault(("last", layer), []).append(states[-1].numpy())
    return {key: np.stack(rows) for key, rows in found.items()}  # type: ignore[misc]


def assert_same(left: Vectors, right: Vectors) -> None:
    """Equal to 1e-5 of each vector's length, and in every component besides.

    SmolLM2 has states in the hundreds, of which fp32 resolves 3e-5.
    """
    assert left.keys() == right.keys()
    for key in left:
        off = np.linalg.norm(left[key] - right[key], axis=1)
        assert (off <= 1e-5 * np.linalg.norm(right[key], axis=1)).all(), key
        np.testing.assert_allclose(
            left[key], right[key], rtol=1e-5, atol=5e-5, err_msg=str(key)
        )


def test_of_a_model_that_sees_the_layers_are_the_texts(seeing_folder: Path) -> None:
    model = load_model(str(seeing_folder), device="cpu", dtype="float32")
    settings = EmbedSettings(layers="all", poolings=POOLINGS)
    found = embed(model, SENTENCES, settings)
    assert_same(found, brute_force(model, range(3)))


@pytest.mark.parametrize(
    ("kind", "own"),
    [
        ("llama4_text", {"head_dim": 8, "num_local_experts": 2}),
        ("opt", {"ffn_dim": 48, "word_embed_proj_dim": 16}),
        ("bloom", {}),
        ("mpt", {"d_model": 32, "n_heads": 4, "n_layers": 2}),
        ("gpt2", {"n_inner": 48}),
    ],
)
def test_other_families_equal_brute_force(
    tiny: LanguageModel, kind: str, own: dict[str, object]
) -> None:
    """Families that name, size or place their parts otherwise than Llama."""
    sizes = {
        "vocab_size": 512,
        "hidden_size": 32,
        "intermediate_size": 48,
        "intermediate_size_mlp": 48,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "pad_token_id": 0,
    }
    torch.manual_seed(0)
    config = AutoConfig.for_model(kind, **sizes, **own)
    causal = AutoModelForCausalLM.from_config(config).eval()
    model = LanguageModel(causal, tiny.tokenizer, kind)
    layers = (-1,) if kind == "opt" else (0, 1, 2)
    found = embed(model, SENTENCES, EmbedSettings(layers=layers, poolings=POOLINGS))
    assert_same(found, brute_force(model, layers))


@pytest.mark.parametrize("variant", ["none", "bos", "both"])
@pytest.mark.parametrize("special_tokens", [False, True])
def test_tiny_equals_brute_force(
    tiny_folders: dict[str, Path], variant: str, special_tokens: bool
) -> None:
    model = load_model(str(tiny_folders[variant]), device="cpu", dtype="float32")
    layers = (0, 1, 2, -1, -3)
    settings = EmbedSettings(
        layers=layers, poolings=POOLINGS, special_tokens=special_tokens
    )
    expected = brute_force(model, layers, special_tokens)
    assert_same(embed(model, SENTENCES, settings), expected)
    for vectors in expected.values():  # the test can tell sentences apart
        assert len(np.unique(vectors.round(4), axis=0)) > 1


def pad_at(side: str, patch: pytest.MonkeyPatch) -> None:
    """Fill up batches at this side, where `embed` does so at the left."""
    # The package's own attribute of this name is the function.
    patch.setattr(import_module("spillover.embed"), "pad", partial(pad, side=side))


@pytest.mark.parametrize("side", ["left", "right"])
@pytest.mark.parametrize("batch_tokens", [1, 40, 4096])
def test_tiny_vectors_depend_on_neither_side_nor_batch(
    tiny: LanguageModel, side: str, batch_tokens: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    pad_at(side, monkeypatch)
    layers = (0, 1, -1)
    settings = EmbedSettings(
        layers=layers, poolings=POOLINGS, batch_tokens=batch_tokens
    )
    expected = brute_force(tiny, layers)
    assert_same(embed(tiny, SENTENCES, settings), expected)


@pytest.mark.real_model
def test_real_vectors_depend_on_neither_side_batch_nor_order(
    real: LanguageModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    layers = (0, 5, -1)
    expected = brute_force(real, layers)
    order = [3, 0, 5, 1, 4, 2]
    shuffled = [SENTENCES[i] for i in order]
    for side, batch_tokens in [("right", 4096), ("left", 60)]:
        settings = EmbedSettings(
            layers=layers, poolings=POOLINGS, batch_tokens=batch_tokens
        )
        pad_at(side, monkeypatch)
        found = embed(real, shuffled, settings)
        assert_same(found, {key: rows[order] for key, rows in expected.items()})


def test_bos_is_left_out_of_the_mean_unless_asked_for(tiny: LanguageModel) -> None:
    without = embed(tiny, SENTENCES, EmbedSettings())
    with_bos = embed(tiny, SENTENCES, EmbedSettings(special_tokens=True))
    assert not np.allclose(without["mean", -1], with_bos["mean", -1], atol=1e-3)
    np.testing.assert_array_equal(without["last", -1], with_bos["last", -1])


def test_all_layers_are_counted_from_the_embeddings(tiny: LanguageModel) -> None:
    vectors = embed(tiny, SENTENCES, EmbedSettings(layers="all"))
    assert set(vectors) == {(p, n) for p in ("mean", "last") for n in (0, 1, 2)}
    last = embed(tiny, SENTENCES, EmbedSettings(layers=(-1,)))
    np.testing.assert_array_equal(vectors["mean", 2], last["mean", -1])


def test_a_layer_may_be_asked_for_by_both_its_names(tiny: LanguageModel) -> None:
    vectors = embed(tiny, SENTENCES, EmbedSettings(layers=(-1, 2, 0, -3)))
    assert set(vectors) == {(p, n) for p in ("mean", "last") for n in (-1, 2, 0, -3)}
    np.testing.assert_array_equal(vectors["mean", -1], vectors["mean", 2])
    np.testing.assert_array_equal(vectors["last", 0], vectors["last", -3])


def test_shapes_and_progress(tiny: LanguageModel) -> None:
    told: list[tuple[float, int]] = []
    vectors = embed(
        tiny,
        SENTENCES,
        EmbedSettings(poolings=("last",), batch_tokens=50),
        progress=lambda *of: told.append(of),
    )
    assert list(vectors) == [("last", -1)]
    assert vectors["last", -1].shape == (len(SENTENCES), 32)
    assert vectors["last", -1].dtype == np.float32
    items, tokens = zip(*told, strict=True)
    assert told[0] == (0, 0)
    assert len(items) > 2
    assert sum(items) == len(SENTENCES)
    assert sum(tokens) == sum(map(len, tiny.encode(list(SENTENCES))))


@pytest.mark.parametrize("layer", [3, -4])
def test_an_unknown_layer_is_an_error(tiny: LanguageModel, layer: int) -> None:
    with pytest.raises(StudyError, match=rf"no layer {layer}.*0 \(embeddings\) to 2"):
        embed(tiny, SENTENCES, EmbedSettings(layers=(layer,)))


def test_the_last_layer_needs_no_list_of_layers(tiny: LanguageModel) -> None:
    """An architecture that keeps its decoder layers in some other way."""
    last = EmbedSettings(layers=(-1,))
    expected = embed(tiny, SENTENCES, last)
    decoder = tiny.model.model  # read anew for each test
    decoder.layers = torch.nn.Sequential(*decoder.layers)
    found = embed(tiny, SENTENCES, last)
    np.testing.assert_array_equal(found["mean", -1], expected["mean", -1])
    with pytest.raises(StudyError, match="ask for layer -1 alone"):
        embed(tiny, SENTENCES, EmbedSettings(layers=(1, -1)))


def test_a_model_that_computes_no_numbers_is_an_error(tiny: LanguageModel) -> None:
    tiny.model.model.norm.weight.data[:] = float("nan")
    with pytest.raises(ModelError, match="computes NaN"):
        embed(tiny, ["The train leaves at nine."])


def test_no_sentences_are_an_error(tiny: LanguageModel) -> None:
    with pytest.raises(DataError, match="no sentences"):
        embed(tiny, [])


@pytest.mark.parametrize("variant", ["none", "bos", "both"])
@pytest.mark.parametrize("special_tokens", [False, True])
def test_an_empty_sentence_is_an_error(
    tiny_folders: dict[str, Path], variant: str, special_tokens: bool
) -> None:
    model = load_model(str(tiny_folders[variant]), device="cpu", dtype="float32")
    settings = EmbedSettings(special_tokens=special_tokens)
    with pytest.raises(DataError, match="sentence 1: '' has no tokens"):
        embed(model, ["fine", ""], settings)


def test_a_sentence_over_the_context_is_an_error(tiny: LanguageModel) -> None:
    with pytest.raises(StudyError, match=r"sentence 1: .* at most the model's 256"):
        embed(tiny, ["fine", "north " * 300])


def test_no_hook_stays_behind_even_after_an_error(tiny: LanguageModel) -> None:
    embed(tiny, SENTENCES)
    with pytest.raises(IndexError):  # torch's: no such row of the embedding matrix
        tiny.backbone(input_ids=torch.tensor([[9999]]))
    assert not any(module._forward_pre_hooks for module in tiny.model.modules())


def test_bf16_is_pooled_in_fp32(tiny: LanguageModel) -> None:
    tiny.model.to(torch.bfloat16)
    [ids] = tiny.encode([SENTENCES[0]])
    with torch.no_grad():
        states = tiny.backbone(torch.tensor([ids])).last_hidden_state[0]
    assert states.dtype == torch.bfloat16
    vectors = embed(tiny, SENTENCES[:1])
    expected = states[1:].float().mean(0).numpy()
    np.testing.assert_allclose(vectors["mean", -1][0], expected, atol=1e-6)
