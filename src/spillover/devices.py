"""Where a model runs, and in which dtype."""

from __future__ import annotations

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import torch

from spillover.errors import ModelError, StudyError, first_line
from spillover.settings import Dtype

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # of glibc's malloc.h


def resolve_device(device: str = "auto") -> torch.device:
    """`auto`: the first GPU, else the CPU.

    Raises:
        ModelError: the device is unknown, not there, or another GPU than the first,
            on which transformers' Trainer would not train; or this is one process of
            several, which would wait for each other's locks.
    """
    processes = os.environ.get("WORLD_SIZE", "")
    if processes.isdecimal() and int(processes) > 1:
        raise ModelError(
            "WORLD_SIZE says that this is one process of several",
            expected="one process on one GPU",
            fix="start it without torchrun or accelerate; several studies may run at "
            "once",
        )
    if device == "auto":
        mps = "mps" if torch.backends.mps.is_available() else "cpu"
        device = "cuda" if torch.cuda.is_available() else mps
    kind, _, number = device.partition(":")
    if kind == "cuda" and number.isdecimal() and int(number) > 0:
        raise ModelError(
            f"{device!r} is not the first GPU, the only one that is trained on",
            fix=f"show that GPU alone: CUDA_VISIBLE_DEVICES={number} and 'cuda'",
        )
    try:
        wanted = torch.device(device)
        torch.zeros(1, device=wanted).item()  # a GPU too old for torch's kernels fails
    except (RuntimeError, AssertionError) as error:
        raise ModelError(
            f"no device {device!r} here ({first_line(error)})",
            expected="auto, cpu, cuda or mps",
            fix="see what 'spillover doctor' says of a GPU, or take cpu",
        ) from error
    return wanted


def is_out_of_memory(error: BaseException) -> bool:
    """Whether a device's memory was too small; cuBLAS has an error of its own."""
    told = ("out of memory", "ALLOC_FAILED")
    return isinstance(error, RuntimeError) and any(t in str(error) for t in told)


def resolve_dtype(dtype: Dtype, device: torch.device) -> torch.dtype:
    """`auto`: bf16 where the device multiplies it in hardware, else fp32."""
    if dtype != "auto":
        wanted: torch.dtype = getattr(torch, dtype)
        return wanted
    if device.type == "cuda":
        fast = torch.cuda.is_bf16_supported(including_emulation=False)
    elif device.type == "cpu":
        can = torch.cpu.get_capabilities()
        fast = bool(can.get("avx512_bf16") or can.get("amx_bf16") or can.get("bf16"))
    else:
        fast = False
    return torch.bfloat16 if fast else torch.float32


def check_training(device: torch.device, dtype: torch.dtype) -> None:
    """See that a model of this dtype can be trained there.

    Raises:
        StudyError: it is float16, without autocast on a CPU.
    """
    if device.type == "cpu" and dtype == torch.float16:
        raise StudyError(
            "no training in float16 on a CPU",
            where="dtype",
            expected="bfloat16 or float32",
        )


@contextmanager
def keeping_freed_memory() -> Iterator[None]:
    """Let glibc keep blocks that are freed, on a CPU for the next layer.

    It would give every large one back to the kernel, which then clears new pages for
    the next (`benchmarks/memory.py` measures what that costs). Blocks below 1 GiB are
    kept until the end; then all is given back, and the thresholds are those that glibc
    itself comes to when it frees blocks of 32 MiB. Other C libraries are left as they
    are, and so are versions of glibc that take no threshold above that.
    """
    library: Any = ctypes.CDLL(None) if os.name == "posix" else None
    mallopt = getattr(library, "mallopt", None)
    # Refused, it has changed nothing; the other setting alone would make all slower.
    if mallopt is None or not mallopt(M_MMAP_THRESHOLD, 2**30):
        yield
        return
    mallopt(M_TRIM_THRESHOLD, 2**30)
    try:
        yield
    finally:
        mallopt(M_MMAP_THRESHOLD, 2**25)
        mallopt(M_TRIM_THRESHOLD, 2**26)
        library.malloc_trim(0)


def describe(device: torch.device) -> str:
    """The device by the name of its make."""
    if device.type == "cuda":
        return f"cuda, {torch.cuda.get_device_name(device)}"
    if device.type == "cpu":
        name = torch.cpu.get_capabilities().get("cpu_name")
        return f"cpu, {name}" if name else "cpu"
    return str(device)
