"""mini-inference: pairs of sentences that entail, contradict or do neither, by frames.

An item is a premise and a hypothesis, as XNLI has them. `inference_frames.py` says
what a frame (a comparison, an order in time, …) draws for a premise, and which two
people the hypothesis of each label orders: from each premise come three items, one a
label.

The test split is the same in every language, and draws words that the train split,
in English, never draws. Sentences come from `inference_patterns.yaml`, words from
`inference_words.yaml` and `lexicon.yaml`.
"""

from __future__ import annotations

from random import Random

from spillover.data.mini.inference_frames import (
    FRAMES,
    LABELS,
    Label,
    Question,
    question,
)
from spillover.data.mini.inference_grammar import conjoin, fill, finish
from spillover.data.mini.inference_words import Draw, Split
from spillover.data.mini.lexicon import read

SEED = 2024
PREMISES_PER_FRAME: dict[Split, int] = {"test": 8, "train": 340}

Item = dict[str, str]


def items(split: Split, language: str) -> list[Item]:
    """The items of a split in a language, three to a premise.

    Returns:
        For each item its `id`, `premise`, `hypothesis`, `label` and `frame`; the test
        split has the same ids and labels in every language.
    """
    found = []
    for frame in FRAMES:
        for number, drawn in enumerate(_questions(split, frame)):
            premise = _premise(frame, drawn, language)
            for label in LABELS:
                found.append(
                    {
                        "id": f"{split}-{frame}-{number:03d}-{label[0]}",
                        "premise": premise,
                        "hypothesis": _hypothesis(frame, drawn, label, language),
                        "label": label,
                        "frame": frame,
                    }
                )
    return found


def _questions(split: Split, frame: str) -> list[Question]:
    """The questions of a frame, no two alike in English."""
    draw = Draw(split, Random(f"{SEED} {split} {frame}"))  # noqa: S311 (not for secrets)
    found: dict[str, Question] = {}
    while len(found) < PREMISES_PER_FRAME[split]:
        drawn = question(FRAMES[frame], draw)
        found.setdefault(_premise(frame, drawn, "en"), drawn)
    return list(found.values())


def _premise(frame: str, drawn: Question, language: str) -> str:
    pattern = read("inference_patterns.yaml")[frame]["clause"][language]
    first, second = (
        fill(pattern, {**drawn.slots, "p": p, "q": q, "gap": gap}, language)
        for (p, q), gap in drawn.clauses
    )
    stop = "。" if language in ("zh", "ja") else "."
    return finish(conjoin(first, second, language) + stop, language)


def _hypothesis(frame: str, drawn: Question, label: Label, language: str) -> str:
    pattern = read("inference_patterns.yaml")[frame]["hypothesis"][language]
    p, q = drawn.pairs[label]
    return finish(fill(pattern, {**drawn.slots, "p": p, "q": q}, language), language)
