"""mini-inference: pairs of sentences that entail, contradict or do neither, by frames.

An item is a premise and a hypothesis, as XNLI has them. A frame (a comparison, a
place, a purchase, …) draws the words of a premise, and one hypothesis whose arguments
decide its label: from each premise come three items, one a label, with the same
pattern for a hypothesis. Half of the hypotheses are denied ("is not taller"). Labels
follow from what the premise says alone: contradictions cannot be, neutral ones may be
or not, and none rests on what the premise would be odd to leave out.

The test split is the same in every language, and draws words that the train split,
in English, never draws. Sentences come from `inference_patterns.yaml`, words from
`inference_words.yaml` and `lexicon.yaml`.
"""

from __future__ import annotations

from random import Random

from spillover.data.mini.inference_frames import FRAMES, LABELS, Question, Slots
from spillover.data.mini.inference_grammar import conjoin, fill, finish
from spillover.data.mini.inference_words import Draw, Split, read

SEED = 2024
PREMISES_PER_FRAME: dict[Split, int] = {"test": 6, "train": 200}

Item = dict[str, str]


def items(split: Split, language: str) -> list[Item]:
    """The items of a split in a language, three to a premise.

    Returns:
        For each item its `id`, `premise`, `hypothesis`, `label` and `frame`; the test
        split has the same ids and labels in every language.
    """
    found = []
    for frame in FRAMES:
        for number, (question, denied) in enumerate(_questions(split, frame)):
            premise = _premise(frame, question, language)
            for label in LABELS:
                found.append(
                    {
                        "id": f"{split}-{frame}-{number:03d}-{label[0]}",
                        "premise": premise,
                        "hypothesis": _hypothesis(
                            frame, question, denied, question.arguments[label], language
                        ),
                        "label": label,
                        "frame": frame,
                    }
                )
    return found


def _questions(split: Split, frame: str) -> list[tuple[Question, bool]]:
    """The questions of a frame, no two alike in English; every other one is denied."""
    draw = Draw(split, Random(f"{SEED} {split} {frame}"))  # noqa: S311 (not for secrets)
    found: dict[str, tuple[Question, bool]] = {}
    while len(found) < PREMISES_PER_FRAME[split]:
        denied = len(found) % 2 == 1
        question = FRAMES[frame](draw, denied)
        found.setdefault(_premise(frame, question, "en"), (question, denied))
    return list(found.values())


def _premise(frame: str, question: Question, language: str) -> str:
    patterns = read("inference_patterns.yaml")[frame]
    clauses = [
        fill(patterns["clauses"][name][language], {**question.slots, "p": p}, language)
        for name, p in question.clauses
    ]
    pattern = patterns["premises"][question.premise][language]
    if clauses:
        pattern = pattern.replace("{clauses}", conjoin(clauses, language))
    return finish(fill(pattern, question.slots, language), language)


def _hypothesis(
    frame: str, question: Question, denied: bool, arguments: Slots, language: str
) -> str:
    patterns = read("inference_patterns.yaml")[frame]["hypotheses"]
    name = "denied" if denied else "affirmed"
    slots = {**question.slots, **arguments}
    return finish(fill(patterns[name][language], slots, language), language)
