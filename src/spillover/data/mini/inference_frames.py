"""What an item of mini-inference says, and what follows from it, in no language yet.

Every frame is an order of people: who is taller, who came earlier. A premise orders two
of its four people, and the other two, by the same relation and by how much:

    Sara is much taller than Paul, and Nina is a little taller than Max.

A hypothesis orders two of the four, without saying by how much. As the premise says it
the hypothesis is entailed; the other way round it is contradicted; of two people from
different clauses nothing is said. So the words of the hypothesis say nothing about the
label, nor do those of the premise; only who stands where does.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spillover.data.mini.inference_grammar import Word
from spillover.data.mini.inference_words import Draw, Entry

Label = Literal["entailment", "contradiction", "neutral"]
LABELS: tuple[Label, ...] = ("entailment", "contradiction", "neutral")


@dataclass(frozen=True)
class Frame:
    """An order of people.

    Attributes:
        relation: the category of what orders them, and of its opposite.
        gap: the category of by how much.
        others: categories whose entries fill further slots.
    """

    relation: str
    gap: str
    others: tuple[str, ...] = ()


FRAMES = {
    "comparison": Frame("dimension", "degree"),
    "time": Frame("order", "span", ("did",)),
    "floor": Frame("side", "number"),
    "amount": Frame("quantity", "number", ("haul",)),
}

Pair = tuple[Word, Word]


@dataclass(frozen=True)
class Question:
    """A premise, and the two people of a hypothesis for each label.

    Attributes:
        slots: what fills the slots that clauses and hypotheses share.
        clauses: the people of each clause, and by how much.
        pairs: label -> the people of the hypothesis, in order.
    """

    slots: Entry
    clauses: tuple[tuple[Pair, Word], tuple[Pair, Word]]
    pairs: dict[Label, Pair]


def question(frame: Frame, draw: Draw) -> Question:
    """Draw the words of a premise and its three hypotheses."""
    a, b, c, d = draw.names(4)
    clauses = (a, b), (c, d)
    said = draw.random.choice(clauses)
    unsaid = draw.random.sample([draw.random.choice(pair) for pair in clauses], 2)
    side = draw.random.choice(["more", "less"])
    slots = {"rel": draw.entry(frame.relation)[side]}
    for category in frame.others:
        slots |= draw.entry(category)
    gaps = draw.words(frame.gap, 2)
    return Question(
        slots=slots,
        clauses=((clauses[0], gaps[0]), (clauses[1], gaps[1])),
        pairs={
            "entailment": said,
            "contradiction": (said[1], said[0]),
            "neutral": (unsaid[0], unsaid[1]),
        },
    )
