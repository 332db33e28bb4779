"""Content-addressed results of steps; `docs/store.md` says why it is our own.

A step's result is a folder named by the SHA-256 of all that it depends on. It is made
under another name and renamed after its manifest, so that a folder without a manifest
does not exist for a reader.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections import defaultdict
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from pathlib import Path
from typing import Any

from filelock import FileLock, Timeout
from safetensors import SafetensorError

from spillover import writing
from spillover.errors import DataError, OutputError, first_line

MANIFEST = "manifest.json"


@dataclass(frozen=True)
class Spec:
    """What a step's result depends on.

    Attributes:
        kind: tune, evaluate, embed or compare.
        slot: what the result is of, in words; the same for all keys of one place in a
            study, so that a result that no longer fits can be found.
        fields: everything that may change the result, as JSON.
    """

    kind: str
    slot: str
    fields: dict[str, Any]

    def __hash__(self) -> int:  # noqa: D105
        return hash(self.key)

    @cached_property
    def key(self) -> str:
        """SHA-256 of kind and fields, 64 hexadecimal digits."""
        text = json.dumps([self.kind, self.fields], sort_keys=True, ensure_ascii=False)
        return hashlib.sha256(text.encode()).hexdigest()


class Busy(Exception):
    """Another process is making the result."""


class Store:
    """Folders of finished and of begun steps.

    Attributes:
        root: the folder that holds them.
    """

    def __init__(self, root: Path) -> None:
        self.root = root

    def folder(self, spec: Spec) -> Path:
        """Where the step's finished result is or will be."""
        return self.root / spec.kind / spec.key[:32]

    def finished(self, spec: Spec) -> bool:
        """Whether the step has been done."""
        return (self.folder(spec) / MANIFEST).is_file()

    @contextmanager
    def making(
        self, spec: Spec, facts: dict[str, Any], *, wait: float = -1
    ) -> Iterator[Path | None]:
        """A folder to put the result in; it counts once the block ends well.

        If the block fails the folder stays as it is, for the next try to go on from.

        Args:
            spec: the step.
            facts: further entries of the manifest; may be filled inside the block.
            wait: so many seconds for another process that makes the same result; for
                ever if it is negative.

        Yields:
            The folder, or None if the result was there after all.

        Raises:
            OutputError: the store cannot be written.
            Busy: another process still makes the result after that time.
        """
        folder = self.folder(spec)
        partial = folder.with_name(folder.name + ".partial")
        lock = FileLock(folder.with_name(folder.name + ".lock"))
        try:
            folder.parent.mkdir(parents=True, exist_ok=True)
            lock.acquire(timeout=wait)
        except Timeout as error:  # an OSError, too
            raise Busy from error
        except OSError as error:
            raise OutputError(
                f"cannot be written ({error.strerror})",
                where=self.root,
                fix="name another folder with --out",
            ) from error
        try:
            if self.finished(spec):
                yield None
                return
            partial.mkdir(exist_ok=True)
            try:
                yield partial
            except (OSError, OutputError, SafetensorError):
                if self.finished(spec):  # another took the folder: see below
                    return
                raise
            entry = {"kind": spec.kind, "slot": spec.slot, "fields": spec.fields}
            writing.replace(partial / MANIFEST, json.dumps(entry | facts, indent=1))
            if self.finished(spec):  # by another: not all file systems can lock
                shutil.rmtree(partial)
                return
            if folder.exists():  # without a manifest: damaged from outside
                shutil.rmtree(folder)
            os.replace(partial, folder)
        except SafetensorError as error:  # of a full disk, too
            raise OutputError(
                f"tensors cannot be written or read ({error})", where=partial
            ) from error
        finally:
            lock.release()

    def misfits(self, specs: Collection[Spec]) -> dict[Spec, list[str]]:
        """Why the results that stand in these steps' places do not fit.

        Returns:
            The names of the fields that differ from the nearest result of the same
            slot, for each step that there is one of.
        """
        there: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
        kinds = sorted({spec.kind for spec in specs})
        paths = (sorted((self.root / kind).glob(f"*/{MANIFEST}")) for kind in kinds)
        for path in chain.from_iterable(paths):
            try:
                entry = json.loads(path.read_text("utf-8"))
                there[entry["kind"], entry["slot"]].append(_flat(entry["fields"]))
            except (ValueError, TypeError, KeyError):  # damaged: nothing to compare
                continue
        found = {}
        for spec in specs:
            # As read back: JSON has no tuples.
            wanted = _flat(json.loads(json.dumps(spec.fields)))
            each = [
                sorted(n for n in wanted | old if wanted.get(n) != old.get(n))
                for old in there[spec.kind, spec.slot]
            ]
            if each:
                found[spec] = min(each, key=len)
        return found


@contextmanager
def readable(folder: Path) -> Iterator[None]:
    """Say of a finished step that cannot be read what to do about it.

    Raises:
        DataError: a file of the step is missing or damaged.
    """
    try:
        yield
    except (OSError, ValueError, SafetensorError) as error:
        raise DataError(
            f"the result of this step cannot be read ({first_line(error)})",
            where=folder,
            fix="delete the folder, and the next run makes it again",
        ) from error


def _flat(value: Any, prefix: str = "") -> dict[str, Any]:
    if not isinstance(value, dict):
        return {prefix: value}
    flat: dict[str, Any] = {}
    for name, part in value.items():
        flat |= _flat(part, f"{prefix}.{name}" if prefix else name)
    return flat
