"""How files are written: whole, or not at all."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from tempfile import TemporaryFile

from spillover.errors import OutputError


def beside(path: Path) -> Path:
    """A name in the same folder that nobody else has, nor could have laid a link at."""
    return path.with_name(f".{path.name}.{secrets.token_hex(8)}")


def replace(path: Path, data: bytes | str) -> None:
    """Write a file such that a reader finds the old one or all of the new one.

    Args:
        path: its folder is made if it does not exist.
        data: what it will hold; text as UTF-8.

    Raises:
        OutputError: it cannot be written; the old one stays.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = beside(path)
        try:
            with temporary.open("xb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be written ({error})", where=path) from error


def check_writable(folder: Path) -> None:
    """Raise an `OutputError` unless the folder is there or could be made."""
    there = folder
    while not there.exists() and there != there.parent:
        there = there.parent
    try:  # what may be written is only seen by writing
        with TemporaryFile(dir=there):
            return
    except OSError as error:
        raise OutputError(
            f"cannot be written ({error.strerror}: {there})",
            where=folder,
            fix="name another with --out",
        ) from error
