"""How much sooner evaluating and embedding end where freed memory is kept.

    python benchmarks/memory.py

Prints Markdown: seconds without and with `spillover.devices.keeping_freed_memory`, of
the embedded model on a CPU, in processes of their own that take turns at going first,
and how much memory each had at its peak. The answers with their scores and all vectors
of both have to be the same, to the last bit.
"""

from __future__ import annotations

import hashlib
import json
import resource
import subprocess
import sys
import time
from contextlib import nullcontext
from unittest import mock

import spillover

ITEMS, TURNS = 400, 6


def measured(keep: bool) -> dict[str, tuple[float, str, float]]:
    """Seconds, a digest of the result and the peak in GB, of each step."""
    model = spillover.load_model("smollm2-135m-instruct", device="cpu")
    task = spillover.task("mini-paraphrase")
    items = task.load("train", "en")[:ITEMS]
    texts = [item.fields["sentence1"] for item in items]

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
            start = time.perf_counter()
            result = step()
            seconds = time.perf_counter() - start
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
        found[step.__name__] = seconds, hashlib.sha256(result).hexdigest(), peak
    return found


def main() -> None:
    """All turns; in a process of its own one of them."""
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(measured(keep=sys.argv[1] == "keep")))
        return
    head = "| step | given back, s | kept, s | ratio | peaks, GB |\n"
    sys.stdout.write(head + "|---|---:|---:|---:|---:|\n")
    for turn in range(TURNS):
        done = {}
        for way in ("give back", "keep")[:: -1 if turn % 2 else 1]:
            call = [sys.executable, __file__, way]
            ended = subprocess.run(call, capture_output=True, check=True)  # noqa: S603
            done[way] = json.loads(ended.stdout)
        for step, (before, digest, more) in done["give back"].items():
            after, same, peak = done["keep"][step]
            if same != digest:
                raise SystemExit(f"{step}: the results differ")
            ratio = f"{before / after:.2f} | {more:.2f}, {peak:.2f}"
            sys.stdout.write(f"| {step} | {before:.1f} | {after:.1f} | {ratio} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
