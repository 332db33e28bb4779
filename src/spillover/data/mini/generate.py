"""Writes the items of the mini-suite: `python -m spillover.data.mini.generate`."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

from spillover.data.mini import LANGUAGES, inference, paraphrase, summary
from spillover.data.mini.inference_words import Split

FOLDER = Path(__file__).parent
# The train split is in English alone.
LANGUAGES_OF: dict[Split, tuple[str, ...]] = {"train": ("en",), "test": LANGUAGES}
TASKS = {
    "paraphrase": paraphrase.items,
    "inference": inference.items,
    "summary": summary.items,
}


def rendered(*tasks: str) -> Iterator[tuple[str, str]]:
    """The name and the content of each file of the tasks, of all when none is named.

    A file holds one JSON object a line.
    """
    for task in tasks or TASKS:
        for split, languages in LANGUAGES_OF.items():
            for language in languages:
                lines = [
                    json.dumps(item, ensure_ascii=False) + "\n"
                    for item in TASKS[task](split, language)
                ]
                yield f"{task}_{split}.{language}.jsonl", "".join(lines)


def write(folder: Path, *tasks: str) -> None:
    """Write the files of the tasks, of all when none is named, to a folder."""
    for name, content in rendered(*tasks):
        (folder / name).write_text(content, encoding="utf-8", newline="\n")


if __name__ == "__main__":
    write(FOLDER)
