"""How files are written: whole, or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from spillover.errors import OutputError


def replace(path: Path, data: bytes | str) -> None:
    """Write a file such that a reader finds the old one or all of the new one.

    Args:
        path: its folder is made if it does not exist.
        data: what it will hold; text as UTF-8.

    Raises:
        OutputError: it cannot be written; the old one stays.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            with temporary.open("wb") as file:
                file.write(data.encode() if isinstance(data, str) else data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
    except OSError as error:
        raise OutputError(f"cannot be written ({error})", where=path) from error
