"""How much sooner evaluating and embedding end where freed memory is kept.

    python benchmarks/memory.py

Prints Markdown: seconds without and with `spillover.devices.keep_freed_memory`, of the
embedded model on a CPU, in processes of their own that take turns. The scores and
vectors of both have to be the same, to the last bit.
"""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
import time
from contextlib import nullcontext
from unittest import mock

import spillover

ITEMS, TURNS = 400, 5


def measured(keep: bool) -> dict[str, tuple[float, str]]:
    """Seconds and a digest of the result, of each step."""
    leave = mock.patch("spillover.models.keep_freed_memory")
    with nullcontext() if keep else leave:
        model = spillover.load_model("smollm2-135m-instruct", device="cpu")
    task = spillover.task("mini-paraphrase")
    items = task.load("train", "en")[:ITEMS]
    texts = [item.fields["sentence1"] for item in items]

    def evaluate() -> bytes:
        found = spillover.evaluate(model, task, items, "en")
        return repr(found.predictions).encode()

    def embed() -> bytes:
        return spillover.embed(model, texts)["mean", -1].tobytes()

    found = {}
    for step in (evaluate, embed):
        step()
        start = time.perf_counter()
        result = step()
        seconds = time.perf_counter() - start
        found[step.__name__] = seconds, hashlib.sha256(result).hexdigest()
    return found


def main() -> None:
    """All turns; in a process of its own one of them."""
    if len(sys.argv) > 1:
        sys.stdout.write(json.dumps(measured(keep=sys.argv[1] == "keep")))
        return
    sys.stdout.write(
        "| step | given back, s | kept, s | ratio |\n" + "|---|---:|---:|---:|\n"
    )
    for _ in range(TURNS):
        turn = {}
        for way in ("give back", "keep"):
            call = [sys.executable, __file__, way]
            done = subprocess.run(call, capture_output=True, check=True)  # noqa: S603
            turn[way] = json.loads(done.stdout)
        for step, (before, digest) in turn["give back"].items():
            after, same = turn["keep"][step]
            if same != digest:
                raise SystemExit(f"{step}: the results differ")
            ratio = f"{before / after:.2f}"
            sys.stdout.write(f"| {step} | {before:.1f} | {after:.1f} | {ratio} |\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
