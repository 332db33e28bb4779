"""How long `alignment` takes and how much memory, on vectors made up for it.

    python benchmarks/alignment.py [SENTENCES [DIMENSIONS]]

Prints Markdown: every measure at the size asked for (20,000 sentences of 4096
dimensions if none is), then the retrieval measures alone at 5,000 sentences, beside
the same from one matrix of all cosines, as is usual. Each row is a process of its own
that maps the vectors from a file. The memory is its largest resident set, with Python,
the libraries and the pages of the file that it holds.
"""

from __future__ import annotations

import resource
import sys
import tempfile
import time
from collections.abc import Callable
from multiprocessing import get_context
from multiprocessing.pool import Pool
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from spillover.analysis.alignment import alignment, retrieval
from spillover.analysis.pairs import Rows, random_pairs

Vectors = npt.NDArray[Any]
SMALL = 5_000
NEIGHBOURS = 10


def write(path: Path, n: int, d: int) -> None:
    """Source and target vectors, (2, n, d): half of what varies is shared."""
    rng = np.random.default_rng(1)
    spread = np.arange(1, d + 1, dtype=np.float32) ** -0.5
    with path.open("wb") as file:
        for start in range(0, n, 500):
            rows = min(500, n - start)
            shared, *own = rng.standard_normal((3, rows, d), dtype=np.float32) * spread
            for side, mean in enumerate((0.1, 0.12)):
                file.seek((side * n + start) * d * shared.itemsize)
                file.write((shared + own[side] + np.float32(mean)).tobytes())


def everything(source: Vectors, target: Vectors) -> tuple[float, ...]:
    """All measures; those of retrieval are returned."""
    found = alignment(source, target, neighbours=NEIGHBOURS)
    return found.mexa, found.p1_forward, found.csls, found.csls_p1_forward


def streamed(source: Vectors, target: Vectors) -> tuple[float, ...]:
    """The retrieval measures alone."""
    pairs = random_pairs(source, target)
    found = retrieval(Rows(source), Rows(target), pairs, NEIGHBOURS)
    return found.mexa, found.p1_forward, found.csls, found.csls_p1_forward


def whole(source: Vectors, target: Vectors) -> tuple[float, ...]:
    """The retrieval measures from all n x n cosines at once."""
    u, v = (x / np.linalg.norm(x, axis=1, keepdims=True) for x in (source, target))
    cosines = u @ v.T
    own = cosines.diagonal().copy()
    r_source = np.sort(cosines, axis=1)[:, -NEIGHBOURS:].mean(axis=1)
    r_target = np.sort(cosines, axis=0)[-NEIGHBOURS:].mean(axis=0)
    csls = 2 * cosines - r_source[:, np.newaxis] - r_target
    right = np.arange(len(own))
    row, column = cosines.argmax(axis=1) == right, cosines.argmax(axis=0) == right
    return (
        float((row & column).mean()),
        float(row.mean()),
        float(csls.diagonal().mean()),
        float((csls.argmax(axis=1) == right).mean()),
    )


def measure(
    job: tuple[Callable[[Vectors, Vectors], tuple[float, ...]], Path, int, int],
) -> tuple[tuple[float, ...], float, float, float]:
    """What a function returns for the vectors of a file, seconds, CPU seconds, GB."""
    function, path, n, d = job
    source, target = np.memmap(path, np.float32, "r", shape=(2, n, d))
    start, cpu = time.perf_counter(), time.process_time()
    result = function(source, target)
    seconds, cpu = time.perf_counter() - start, time.process_time() - cpu
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return result, seconds, cpu, peak * 1024 / 1e9


def main(n: int = 20_000, d: int = 4096) -> None:
    """Measure and print."""
    head = "| | n | d | seconds | CPU seconds | GB | MEXA | P@1 | CSLS | P@1, CSLS |"
    sys.stdout.write(f"{head}\n{'|---' * 10}|\n")
    with tempfile.TemporaryDirectory() as folder:
        for size, functions in ((n, [everything]), (SMALL, [streamed, whole])):
            path = Path(folder) / f"{size}.float32"
            write(path, size, d)
            for function in functions:
                with Pool(1, context=get_context("spawn")) as pool:
                    (found,) = pool.map(measure, [(function, path, size, d)])
                result, *cost = found
                cells = [function.__name__, size, d]
                cells += [f"{seconds:.0f}" for seconds in cost[:2]]
                cells += [f"{cost[2]:.2f}"] + [f"{value:.4f}" for value in result]
                sys.stdout.write(f"| {' | '.join(map(str, cells))} |\n")
                sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
