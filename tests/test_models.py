from __future__ import annotations

import json
import platform
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import torch
from huggingface_hub import constants
from safetensors.torch import load_file, save_file
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from spillover.adapters import attach
from spillover.devices import describe, is_out_of_memory, resolve_device, resolve_dtype
from spillover.errors import ModelError
from spillover.model_checks import probe
from spillover.model_spec import ModelSpec, check_index, fingerprint
from spillover.models import (
    LanguageModel,
    load_config,
    load_model,
    load_tokenizer,
)

WEIGHTS = "adapter_model.safetensors"
MakeAdapter = Callable[..., Path]


def test_a_folder_is_loaded(tiny_folders: dict[str, Path]) -> None:
    model = load_model(str(tiny_folders["bos"]), device="cpu", dtype="float32")
    assert model.name == "bos"
    assert model.dtype == torch.float32
    assert model.device == torch.device("cpu")
    assert model.context == 256
    assert model.pad_id == 0
    assert not model.model.training
    weights = load_file(tiny_folders["bos"] / "model.safetensors")
    assert torch.equal(model.model.lm_head.weight, weights["lm_head.weight"])


def test_a_tokenizer_without_padding_pads_with_eos(
    tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "copy")
    path = folder / "tokenizer_config.json"
    config = json.loads(path.read_text())
    del config["pad_token"]
    path.write_text(json.dumps(config))
    tokenizer = load_tokenizer(ModelSpec(folder=folder))
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 2


def test_a_padding_token_that_the_model_does_not_know_is_not_used(
    tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    """As where [PAD] was added to Llama 2's tokenizer alone."""
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "copy")
    tokenizer = load_tokenizer(ModelSpec(folder=folder))
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(tokenizer.pad_token_id)
    model.save_pretrained(folder)
    loaded = load_model(str(folder), device="cpu", dtype="float32")
    assert loaded.pad_id == loaded.tokenizer.eos_token_id == 2
    loaded.tokenizer.eos_token = None
    assert loaded.pad_id == 0


def test_routers_have_no_loss_of_their_own(
    tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    """Nor room in what `generate` gets, where their logits break it."""
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "mixture")
    own = {"num_local_experts": 2, "num_experts_per_tok": 1, "hidden_size": 32}
    config = AutoConfig.for_model(
        "mixtral",
        **own,
        vocab_size=512,
        intermediate_size=48,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
        output_router_logits=True,
    )
    AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    loaded = load_model(str(folder), device="cpu", dtype="float32")
    ids = torch.tensor(loaded.encode(["The train"]))
    assert loaded.model(ids, labels=ids).aux_loss is None


def test_a_name_of_no_model_is_an_error() -> None:
    with pytest.raises(ModelError, match=r"^model: 'a b' is neither a repository"):
        load_model("a b", device="cpu")


@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("t5", "t5 has an encoder; expected a causal language model"),
        ("xlm-roberta", "a token's prediction depends on the tokens after it"),
    ],
)
def test_a_model_that_reads_both_ways_is_an_error(
    kind: str, message: str, tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "copy")
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4}
    sizes |= {"d_model": 32, "num_layers": 2, "num_heads": 4, "vocab_size": 512}
    config = AutoConfig.for_model(kind, **sizes, intermediate_size=48)
    for old in ("config.json", "generation_config.json"):
        (folder / old).unlink(missing_ok=True)
    if kind == "t5":
        config.save_pretrained(folder)
    else:
        torch.manual_seed(0)
        config.initializer_range = 0.3
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
    with pytest.raises(ModelError) as caught:
        load_model(str(folder), device="cpu")
    assert message in str(caught.value)


def test_a_model_that_reads_its_padding_is_an_error(
    tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "copy")
    sizes = {"hidden_size": 32, "num_hidden_layers": 2, "vocab_size": 512}
    config = AutoConfig.for_model("rwkv", **sizes, intermediate_size=48)
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config)
    for name, weight in model.named_parameters():  # as if it had learned something
        if name.endswith("time_decay"):
            torch.nn.init.constant_(weight, -5)  # to remember
        elif weight.ndim > 1:
            torch.nn.init.normal_(weight, std=0.5)
    model.save_pretrained(folder)
    with pytest.raises(ModelError, match="padding changes what it predicts"):
        load_model(str(folder), device="cpu")


def test_code_in_a_models_folder_is_not_run(
    tiny_folders: dict[str, Path],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "copy")
    told = {"model_type": "own", "auto_map": {"AutoConfig": "own.OwnConfig"}}
    (folder / "config.json").write_text(json.dumps(told))
    ran = tmp_path / "ran"
    (folder / "own.py").write_text(f"open({str(ran)!r}, 'w')")
    monkeypatch.setattr("builtins.input", lambda _: "y")
    with pytest.raises(ModelError, match="custom code"):
        load_config(ModelSpec(folder=folder))
    assert not ran.exists()


def test_weights_that_are_no_numbers_are_an_error(
    tiny: LanguageModel,
    tiny_folders: dict[str, Path],
    make_adapter: MakeAdapter,
    tmp_path: Path,
) -> None:
    """NaN compares with nothing: not unequal to the base, nor above any limit."""
    adapter = make_adapter()
    weights = load_file(adapter / "adapter_model.safetensors")
    for tensor in weights.values():
        tensor[:] = float("nan")
    save_file(weights, adapter / "adapter_model.safetensors")
    with pytest.raises(ModelError, match="computes NaN"):
        attach(tiny, adapter)
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "nan")
    weights = load_file(folder / "model.safetensors")
    weights["model.norm.weight"][:] = float("nan")
    save_file(weights, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"computes NaN.*another dtype"):
        load_model(str(folder), device="cpu")


def test_a_pickled_model_is_refused(
    tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "pickled")
    weights = folder / "model.safetensors"
    torch.save(load_file(weights), folder / "pytorch_model.bin")
    weights.unlink()
    with pytest.raises(ModelError, match=r"the model cannot be loaded .*safetensors"):
        load_model(str(folder), device="cpu")


def test_an_adapter_beside_the_weights_is_refused(
    tiny_folders: dict[str, Path], make_adapter: MakeAdapter, tmp_path: Path
) -> None:
    """transformers puts it on unasked, and tuning another one takes it off."""
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "both")
    shutil.copytree(make_adapter(), folder, dirs_exist_ok=True)
    with pytest.raises(ModelError, match="holds an adapter beside the weights"):
        fingerprint(ModelSpec(folder=folder))
    with pytest.raises(ModelError, match="an adapter lies beside the weights"):
        load_model(str(folder), device="cpu")


@pytest.mark.parametrize("name", ["weights.bin", "../outside.safetensors"])
def test_an_index_names_safetensors_of_its_folder_alone(
    tiny_folders: dict[str, Path], tmp_path: Path, name: str
) -> None:
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "below" / "indexed")
    weights = folder / "model.safetensors"
    tensors = load_file(weights)
    (folder / "more.safetensors").write_bytes(weights.read_bytes())
    if name.endswith(".bin"):
        torch.save(tensors, folder / name)
    else:
        save_file(tensors, folder / name, metadata={"format": "pt"})
    weights.unlink()
    index = {"metadata": {}, "weight_map": dict.fromkeys(tensors, name)}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for read in (fingerprint, load_model):
        with pytest.raises(ModelError, match=rf"names '{name}'; expected files of"):
            read(ModelSpec(folder=folder))


@pytest.mark.parametrize("text", ["[", "[]", "{}", '{"weight_map": ["a"]}'])
def test_an_index_that_is_none_is_an_error(tmp_path: Path, text: str) -> None:
    path = tmp_path / "model.safetensors.index.json"
    path.write_text(text)
    with pytest.raises(ModelError, match="not an index of weights"):
        check_index(path)


def test_a_tokenizer_of_another_model_is_an_error(
    tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "small")
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(128)
    model.save_pretrained(folder)
    with pytest.raises(ModelError, match="each below the 128 that the model knows"):
        load_model(str(folder), device="cpu")


def test_a_folder_of_the_name_of_a_repository_is_not_taken(
    tiny_folders: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(tiny_folders["bos"], tmp_path / "acme")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(ModelError, match=r"acme: there is a folder .* say \./acme"):
        load_model(ModelSpec(hub="acme", revision="0" * 40))


def test_damaged_weights_are_an_error(
    tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "damaged")
    weights = folder / "model.safetensors"
    weights.write_bytes(weights.read_bytes()[:-1000])
    with pytest.raises(ModelError, match="the model cannot be loaded"):
        load_model(str(folder), device="cpu")


def test_weights_that_lack_a_tensor_are_an_error(
    tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "lacking")
    values = load_file(folder / "model.safetensors")
    del values["model.layers.1.mlp.up_proj.weight"]
    save_file(values, folder / "model.safetensors", metadata={"format": "pt"})
    with pytest.raises(ModelError, match=r"lack 1 tensors, .*layers\.1\.mlp\.up_proj"):
        load_model(str(folder), device="cpu")


def test_tied_weights_are_not_missed(tiny: LanguageModel, tmp_path: Path) -> None:
    tiny.model.config.tie_word_embeddings = True
    tiny.model.tie_weights()
    tiny.model.save_pretrained(tmp_path)
    tiny.tokenizer.save_pretrained(tmp_path)
    assert "lm_head.weight" not in load_file(tmp_path / "model.safetensors")
    loaded = load_model(str(tmp_path), device="cpu", dtype="float32")
    assert torch.equal(probe(loaded), probe(tiny))


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="nowhere"):
        load_model(str(tmp_path / "nowhere"), device="cpu")


def test_devices_and_dtypes() -> None:
    cpu = resolve_device("cpu")
    assert cpu == torch.device("cpu")
    assert resolve_dtype("bfloat16", cpu) == torch.bfloat16
    assert resolve_dtype("auto", cpu) in (torch.bfloat16, torch.float32)
    assert resolve_device("auto").type in ("cuda", "mps", "cpu")
    for wrong in ("tpu-9", "cuda:x"):
        with pytest.raises(ModelError, match=f"no device '{wrong}' here"):
            resolve_device(wrong)
    with pytest.raises(ModelError, match="CUDA_VISIBLE_DEVICES=3 and 'cuda'"):
        resolve_device("cuda:3")
    assert describe(cpu).startswith("cpu")


NEW_PAGES = """
import resource, torch
from spillover.devices import keeping_freed_memory

def pages(numbers):
    before = resource.getrusage(resource.RUSAGE_SELF).ru_minflt
    for _ in range(10):
        torch.ones(numbers)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt - before

def resident():
    return int(open("/proc/self/statm").read().split()[1]) * resource.getpagesize()

print(pages(2**24))
held = resident()
with keeping_freed_memory():
    torch.ones(2**25)  # room enough for each that follows
    print(pages(2**24))
print(resident() - held, pages(2**26))  # too large for what is left of that room
"""


@pytest.mark.skipif(platform.libc_ver() < ("glibc", "2.35"), reason="a setting of it")
def test_freed_memory_is_kept_for_a_while() -> None:
    """By the pages that are new to a process in making a block ten times."""
    call = [sys.executable, "-c", NEW_PAGES]
    done = subprocess.run(call, capture_output=True, check=True, text=True)  # noqa: S603
    before, kept, left, after = map(int, done.stdout.split())
    assert before > 10 * kept
    assert left < 2**24
    assert after > 10 * kept


def test_one_process_of_several_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """As torchrun starts them: they would wait for each other for ever."""
    for alone in ("", "1"):
        monkeypatch.setenv("WORLD_SIZE", alone)
        assert resolve_device("cpu").type == "cpu"
    monkeypatch.setenv("WORLD_SIZE", "2")
    with pytest.raises(ModelError, match=r"one process of several.*without torchrun"):
        resolve_device("cpu")


def test_a_full_memory_is_told_from_other_errors() -> None:
    for error in (
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate"),
        RuntimeError("CUDA error: out of memory"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling"),
    ):
        assert is_out_of_memory(error)
    for error in (RuntimeError("size mismatch"), ValueError("out of memory")):
        assert not is_out_of_memory(error)


def test_one_head_of_keys_goes_without_a_kernel_that_is_wrong_for_it(
    tiny_folders: dict[str, Path], tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_folders["bos"], tmp_path / "one")
    config = LlamaConfig.from_pretrained(folder)
    config.num_key_value_heads = 1
    LlamaForCausalLM(config).save_pretrained(folder)
    several = tiny_folders["bos"]
    try:
        # Once off it stays so, as the model that it is off for may be in use.
        for path, on in ((several, True), (folder, False), (several, False)):
            load_model(str(path), device="cpu", dtype="float32")
            assert torch.backends.cuda.mem_efficient_sdp_enabled() is on
    finally:
        torch.backends.cuda.enable_mem_efficient_sdp(True)


def test_packages_that_a_tokenizer_wants_are_named(tmp_path: Path) -> None:
    LlamaConfig().save_pretrained(tmp_path)
    (tmp_path / "tokenizer.model").write_bytes(b"\x0a\x0e\x0a\x05<unk>")
    with pytest.raises(ModelError, match="pip install sentencepiece protobuf"):
        load_tokenizer(ModelSpec(folder=tmp_path))


@pytest.mark.real_model
def test_the_embedded_model_is_the_model(real: LanguageModel) -> None:
    assert real.name == "SmolLM2-135M-Instruct"
    assert real.context == 8192
    top = int(probe(real).argmax())
    assert real.tokenizer.decode([top]) == " Paris"


COMMIT = "0123456789abcdef0123456789abcdef01234567"


@pytest.fixture
def hub(tiny_folders: dict[str, Path]) -> Iterator[str]:
    """A server on this machine that answers as the Hub does for `acme/tiny`."""
    folder = tiny_folders["bos"]

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self.answer(with_body=False)

        def do_GET(self) -> None:
            self.answer(with_body=True)

        def answer(self, *, with_body: bool) -> None:
            path = self.path.partition("?")[0]
            body, headers = b"", {}
            if path.startswith("/api/models/acme/tiny/tree"):
                body = b"[]"
            elif path.startswith("/api/models/acme/tiny"):
                names = [{"rfilename": file.name} for file in folder.iterdir()]
                info = {"id": "acme/tiny", "sha": COMMIT, "siblings": names}
                body = json.dumps(info | {"private": False, "tags": []}).encode()
            elif path.startswith("/acme/tiny/resolve/"):
                file = folder / path.rpartition("/")[2]
                if file.is_file():
                    body = file.read_bytes()
                    headers["ETag"] = f'"{file.name}-{len(body)}"'
                headers["X-Repo-Commit"] = COMMIT
            if not body:
                headers["X-Error-Code"] = (
                    "EntryNotFound" if "/acme/tiny/" in path else "RepoNotFound"
                )
            self.send_response(200 if body else 404)
            for name, value in headers.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            if with_body:
                self.wfile.write(body)

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_repository_of_the_hub_is_loaded(
    hub: str, tiny: LanguageModel, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pattern = hub + "/{repo_id}/resolve/{revision}/{filename}"
    monkeypatch.setattr(constants, "ENDPOINT", hub)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", pattern)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr("transformers.utils.hub._hf_api", None)
    for line in ("acme/tiny", f"acme/tiny@{COMMIT}"):
        model = load_model(line, device="cpu", dtype="float32")
        assert model.name.partition("@")[0] == "tiny"
        assert torch.equal(probe(model), probe(tiny))
        base = fingerprint(ModelSpec.model_validate(line))["base"]
        assert base == f"acme/tiny@{COMMIT}"
    other = ModelSpec(hub="acme/other")
    with pytest.raises(ModelError, match=r"^acme/other: the tokenizer cannot be load"):
        load_model(other)
    with pytest.raises(ModelError, match=r"^acme/other: the Hub did not say which com"):
        fingerprint(other)
