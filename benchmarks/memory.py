"""How much sooner evaluating and embedding end where freed memory is kept.

    python benchmarks/memory.py

Prints Markdown: seconds, and thousands of new pages, without and with
`spillover.devices.keeping_freed_memory`, of the embedded model on a CPU, in processes
of their own that take turns at going first, and what memory each had at its peak. The
answers with their scores and all vectors of both have to be the same, to the last bit.

Texts are `SENTENCES` of the mini-suite's in a row, about as long as PAWS-X's. Blocks
of shorter ones are small enough for glibc to keep them by itself.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import time
from contextlib import nullcontext
from dataclasses import replace
from unittest import mock

import spillover

ITEMS, SENTENCES, TURNS = 200, 4, 5


def measured(keep: bool) -> dict[str, tuple[str, float, float, float]]:
    """A digest of the result, seconds, pages and the peak in GB, of each step."""
    model = spillover.load_model("smollm2-135m-instruct", device="cpu")
    task = spillover.task("mini-paraphrase")
    items = [
        replace(
            item, fields={k: " ".join([v] * SENTENCES) for k, v in item.fields.items()}
        )
        for item in task.load("train", "en")[:ITEMS]
    ]
    texts = [" ".join(item.fields.values()) for item in items]

    def evaluate() -> bytes:
        found = spillover.evaluate(model, task, items, "en")
        return repr(found.predictions).encode()

    def embed() -> bytes:
        found = spillover.embed(model, texts)
        return b"".join(vectors.tobytes() for _, vectors in sorted(found.items()))

    found = {}
    for step in (evaluate, embed):
        name = f"spillover.{step.__name__}.keeping_freed_memory"
        leave = mock.patch(name, new=nullcontext)
        with nullcontext() if keep else leave:
            step()
            before = resource.getrusage(resource.RUSAGE_SELF)
            start = time.perf_counter()
            result = step()
            seconds = time.perf_counter() - start
        after = resource.getrusage(resource.RUSAGE_SELF)
        pages = (after.ru_minflt - before.ru_minflt) / 1000
        digest = hashlib.sha256(result).hexdigest()
        found[step.__name__] = digest, seconds, pages, after.ru_maxrss / 2**20
    return found


def main() -> None:
    """All turns; in a process of its own one of them."""
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(measured(keep=sys.argv[1] == "keep")))
        return
    sys.stdout.write("| step | seconds | ratio | pages, 1000 | peak, GB |\n")
    sys.stdout.write("|---|---:|---:|---:|---:|\n")
    for turn in range(TURNS):
        done = {}
        for way in ("give back", "keep")[:: -1 if turn % 2 else 1]:
            call = [sys.executable, __file__, way]
            ended = subprocess.run(call, capture_output=True, check=True)  # noqa: S603
            done[way] = json.loads(ended.stdout)
        for step, (digest, *old) in done["give back"].items():
            same, *new = done["keep"][step]
            if same != digest:
                raise SystemExit(f"{step}: the results differ")
            seconds, pages, peak = zip(old, new, strict=True)
            sys.stdout.write(
                f"| {step} | {seconds[0]:.1f}, {seconds[1]:.1f} "
                f"| {seconds[0] / seconds[1]:.2f} | {pages[0]:,.0f}, {pages[1]:,.0f} "
                f"| {peak[0]:.2f}, {peak[1]:.2f} |\n"
            )
            sys.stdout.flush()


if __name__ == "__main__":
    main()
