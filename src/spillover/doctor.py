"""Whether a run can start here: packages, devices, memory, disk, model, data, fonts.

All of it is looked at from outside: no weights are loaded, and nothing is fetched.
"""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, metadata, requires, version
from importlib.util import find_spec
from pathlib import Path
from typing import Literal
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from spillover import gguf
from spillover.data import registry
from spillover.data.columns import Split
from spillover.data.dataset import DataSet
from spillover.data.sources import Hub
from spillover.data.task import Task
from spillover.errors import Faults, SpilloverError, collecting, first_line
from spillover.languages import PIVOT
from spillover.model_spec import EMBEDDED, ModelSpec, cache_folder
from spillover.pipeline.inputs import check_train, languages_of, resolve
from spillover.settings import Dtype
from spillover.study import Study
from spillover.writing import check_writable

State = Literal["ok", "warning", "missing"]

GIB = 2**30
DEVICES = Path("/dev")
MEMORY, DISK = 3 * GIB, 2 * GIB
"""What the quickstart may need, with its model of 135 million parameters."""

SECONDS = 3
"""How long the Hub may take to answer."""


@dataclass(frozen=True)
class Check:
    """One thing that was looked at.

    Attributes:
        name: what it is.
        state: `missing` if a run cannot start without it.
        found: what there is.
        fix: what to do about it; None: nothing.
    """

    name: str
    state: State
    found: str
    fix: str | None = None


def examine(
    study: Study | None = None,
    *,
    data_root: Path | None = None,
    out: Path = Path("runs"),
    device: str = "auto",
    network: bool = False,
) -> list[Check]:
    """Look at all that a run needs.

    Args:
        study: whose model and data are looked at; None: the embedded model, and all
            data that the package knows, which then are no more than a warning.
        data_root: the folder with the official data files; None: the Hub.
        out: where results would go.
        device: that the run would take.
        network: ask the Hub whether it can be reached.

    Raises:
        Faults: the study names what does not exist.
    """
    spec = study.model if study else ModelSpec.model_validate(next(iter(EMBEDDED)))
    return [
        *_packages(),
        *_devices(device, study.dtype if study else "auto"),
        _memory(),
        _disk("results", lambda: out),
        _disk("cache", cache_folder),
        _network() if network else Check("Hub", "ok", "not asked; --network asks it"),
        _model(spec),
        *_data(study, data_root),
        _fonts(),
    ]


def _packages() -> Iterator[Check]:
    """Python and each package, against what the package's own metadata ask for."""
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    asked, here = metadata("spillover")["Requires-Python"], platform.python_version()
    if here in SpecifierSet(asked):
        yield Check("Python", "ok", here)
    else:
        fix = f"make an environment with Python {asked}"
        yield Check("Python", "missing", here, fix)
    fit, unfit = [], []
    for each in map(Requirement, requires("spillover") or ()):
        if each.marker and not each.marker.evaluate({"extra": ""}):
            continue
        try:
            there = version(each.name)
        except PackageNotFoundError:
            there = "not installed"
        if there in each.specifier:
            fit.append(f"{each.name} {there}")
        else:
            told = f"{there}, where {each.specifier} is asked for"
            fix = f"pip install '{each}'"
            unfit.append(Check(each.name, "missing", told, fix))
    yield Check("packages", "ok", ", ".join(fit))
    yield from unfit


def _devices(device: str, dtype: Dtype) -> Iterator[Check]:
    """CPU and GPUs, and what a run would compute on, in which dtype."""
    import torch

    from spillover.devices import resolve_device, resolve_dtype

    name = torch.cpu.get_capabilities().get("cpu_name") or platform.machine()
    yield Check("CPU", "ok", f"{name}, {os.cpu_count()} cores")
    for number in range(torch.cuda.device_count()):
        found = torch.cuda.get_device_properties(number)
        text = f"cuda:{number}, {found.name}"
        try:
            free, total = map(_gib, torch.cuda.mem_get_info(number))
        except RuntimeError as error:  # full, or another program's alone
            text += f" ({first_line(error)})"
            yield Check("GPU", "warning", text, "end what uses it, or take another")
            continue
        yield Check("GPU", "ok", f"{text}, {free} of {total} free")
    if any(DEVICES.glob("nvidia[0-9]*")) and not torch.cuda.is_available():
        built = torch.version.cuda
        text = f"there is an NVIDIA GPU, and torch {torch.__version__} cannot use it"
        fix = f"update the driver to one for CUDA {built}, or install torch for yours"
        if built is None:
            fix = "install a torch that is built for CUDA"
        elif "CUDA_VISIBLE_DEVICES" in os.environ:
            fix = f"see that CUDA_VISIBLE_DEVICES does not hide it, or {fix}"
        yield Check("GPU", "warning", text, fix)
    if torch.backends.mps.is_available():
        most = _gib(torch.mps.recommended_max_memory())
        yield Check("GPU", "ok", f"mps, up to {most}")
    try:
        where = resolve_device(device)
    except SpilloverError as error:
        yield Check("device", "missing", str(error), "name another with --device")
        return
    fast = resolve_dtype("auto", where) == torch.bfloat16
    taken = str(resolve_dtype(dtype, where)).removeprefix("torch.")
    reason = f"bf16 is {'fast' if fast else 'not fast'} here"
    yield Check("device", "ok", f"a run takes {where} and {taken}; {reason}")


def _memory() -> Check:
    import psutil

    memory = psutil.virtual_memory()
    limit = _control_group()
    free, total = memory.available, memory.total
    if limit is not None and limit < total:
        free, total = min(free, limit), limit
    text = f"{_gib(free)} of {_gib(total)} free"
    if free < MEMORY:
        fix = "end other programs; the quickstart needs up to 3 GiB"
        return Check("memory", "warning", text, fix)
    return Check("memory", "ok", text)


def _control_group(root: Path = Path("/sys/fs/cgroup")) -> int | None:
    """The least memory limit of the process's control groups on Linux, in bytes."""
    try:
        lines = Path("/proc/self/cgroup").read_text("utf-8").splitlines()
    except OSError:  # no Linux
        return None
    limits = [root / "memory" / "memory.limit_in_bytes"]  # version 1
    for line in lines:
        number, _, path = line.split(":", 2)
        if number == "0":  # version 2
            own = root / path.lstrip("/")
            limits += [folder / "memory.max" for folder in (own, *own.parents)]
    texts = [path.read_text("ascii").strip() for path in limits if path.is_file()]
    return min((int(text) for text in texts if text.isdecimal()), default=None)


def _disk(name: str, find: Callable[[], Path]) -> Check:
    try:
        folder = find()
        check_writable(folder)
    except SpilloverError as error:
        return Check(name, "missing", str(error))
    there = next(path for path in (folder, *folder.absolute().parents) if path.exists())
    free = shutil.disk_usage(there).free
    text = f"{folder}, {_gib(free)} free"
    if free < DISK:
        return Check(name, "warning", text, "make room; the quickstart needs 2 GiB")
    return Check(name, "ok", text)


def _offline() -> bool:
    from huggingface_hub import constants

    return bool(constants.HF_HUB_OFFLINE)


OFFLINE = "unset HF_HUB_OFFLINE to fetch what its cache lacks"


def _network() -> Check:
    from huggingface_hub import constants

    where = constants.ENDPOINT
    if _offline():
        return Check("Hub", "warning", f"{where} is not asked for anything", OFFLINE)
    try:
        urlopen(Request(where, method="HEAD"), timeout=SECONDS).close()  # noqa: S310
    except HTTPError as error:  # an answer, if only to say no
        return Check("Hub", "ok", f"{where} answers (status {error.code})")
    except OSError as error:
        text = f"{where} cannot be reached ({error})"
        fix = "check the connection, or name another address as HF_ENDPOINT"
        return Check("Hub", "warning", text, fix)
    return Check("Hub", "ok", f"{where} answers")


def _model(spec: ModelSpec) -> Check:
    from huggingface_hub import try_to_load_from_cache

    if spec.folder is not None or spec.gguf is not None:
        path = spec.gguf or Path(str(spec.folder)) / "config.json"
        if path.is_file():
            return Check("model", "ok", f"{path.parent if spec.folder else path}")
        return Check("model", "missing", f"{path}: no such file", "name another model")
    if spec.wheel is not None:
        if gguf.place(spec).is_dir():
            return Check("model", "ok", f"{spec.name}, in the cache")
        text = f"{spec.name} is not in the cache"
        if find_spec("pip") is None:
            return Check("model", "missing", text, "python -m ensurepip")
        fix = "nothing, if pip reaches a package index: the first run fetches it"
        return Check("model", "warning", text, fix)
    known = try_to_load_from_cache(
        str(spec.hub), "config.json", revision=spec.revision or "main"
    )
    if isinstance(known, str):
        return Check("model", "ok", f"{spec.hub}, in the cache of the Hub")
    text = f"{spec.hub} is not in the cache of the Hub"
    if _offline():
        return Check("model", "missing", text, OFFLINE)
    fix = "nothing, if the Hub can be reached: the first run fetches it"
    return Check("model", "warning", text, fix)


def _data(study: Study | None, data_root: Path | None) -> Iterator[Check]:
    """Each task and corpus with all languages that would be read."""
    everything: list[DataSet] = []
    if study is None:
        everything += map(registry.task, registry.TASKS)
        everything += map(registry.corpus, registry.CORPORA)
    else:
        named = resolve(study)
        for task, use in named.tasks.values():
            with collecting(named.errors):
                check_train(task, use, data_root)
        if named.errors:
            raise Faults(named.errors)
        everything += [task for task, _ in named.tasks.values()]
        everything += [corpus for corpus, _ in named.corpora.values()]
    for data in everything:
        tested = languages_of(study, data) if study else _tested(data)
        parts: list[tuple[str, Split]] = [(code, "test") for code in tested]
        if isinstance(data, Task):
            learnt = [PIVOT] if study else data.train_languages
            parts += [(code, "train") for code in learnt]
        yield _held(data, parts, data_root, "missing" if study else "warning")


def _tested(data: DataSet) -> list[str]:
    """The languages that have a test split at all; XCOPA's English has none."""
    return [
        code
        for code in data.languages
        if any(source.serves(code, "test") for source in data.sources)
    ]


def _held(
    data: DataSet,
    parts: Iterable[tuple[str, Split]],
    data_root: Path | None,
    lacking: State,
) -> Check:
    """Whether the files of a data set are where they are looked for."""
    name = f"{'task' if isinstance(data, Task) else 'corpus'} {data.name}"
    files, repositories, faults = set(), set(), []
    for language, split in parts:
        try:
            source = data.source(split, language, data_root)
        except SpilloverError as error:
            faults.append(str(error))
            continue
        if isinstance(source, Hub):
            repositories.add(source.repo)
        else:
            files.add(source.place(language, split, data_root))
    lost = sorted(path for path in files if not path.is_file())
    told = [f"{len(files) - len(lost)} of {len(files)} files found"] if files else []
    if repositories:
        names = ", ".join(sorted(repositories))
        told.append(f"to be read from the Hub, not looked for: {names}")
    told += [f"no such file: {lost[0]}"] if lost else []
    text = "; ".join([*told, *faults[:1]])
    if lost:
        fix = (
            f"get the official files ({data.homepage})"
            if data.homepage
            else "get the files"
        )
        fix += ", or leave out the data root to read the Hub" if data.hub else ""
        return Check(name, lacking, text, fix)
    if faults:
        return Check(name, lacking, text)
    if repositories and _offline():
        return Check(name, "warning", text, OFFLINE)
    return Check(name, "ok", text)


def _fonts() -> Check:
    from spillover.report.figures.style import CJK, families

    found = [name for name in families() if name in CJK]
    if found:
        return Check("fonts", "ok", f"{found[0]}, for Chinese, Japanese and Korean")
    return Check(
        "fonts",
        "warning",
        "none for Chinese, Japanese and Korean, which figures may need",
        "install Noto Sans CJK, as by apt install fonts-noto-cjk",
    )


def _gib(size: float) -> str:
    return f"{size / GIB:.1f} GiB"
