"""What an item of mini-inference says, and what follows from it, in no language yet.

A frame draws a premise and, for each label, the arguments with which one and the same
hypothesis has that label. So the words of the hypothesis say nothing about the label,
nor do those of the premise; only the comparison of the two does. There are two kinds:

    orders      the premise puts some of its people or things in an order (who is
                taller, what is dearer) and leaves that of others open; the hypothesis
                orders two of them
    statuses    the premise says of one that something is true, of another that it is
                false, and of a third that it may be either; the hypothesis says it of
                one of the three
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Literal

from spillover.data.mini.lexicon import LANGUAGES
from spillover.data.mini.inference_grammar import Name, Word
from spillover.data.mini.inference_words import Draw

Label = Literal["entailment", "contradiction", "neutral"]
LABELS: tuple[Label, ...] = ("entailment", "contradiction", "neutral")
Slots = Mapping[str, Word]


@dataclass(frozen=True)
class Question:
    """A premise, and a hypothesis with arguments for each label.

    Attributes:
        premise: the name of its pattern.
        hypothesis: the name of its pattern, without "affirmed" or "denied".
        slots: what fills the slots of both patterns.
        arguments: label -> what fills the remaining slots of the hypothesis.
        clauses: the clauses of the premise, in order: their pattern and their `{p}`.
    """

    premise: str
    hypothesis: str
    slots: Slots
    arguments: Mapping[Label, Slots]
    clauses: tuple[tuple[str, Word], ...] = field(default=())


Frame = Callable[[Draw, bool], Question]


def comparison(draw: Draw, denied: bool) -> Question:
    """Some are taller than others: a > b > c, d in both premises."""
    a, b, c, d = draw.names(4)
    pair = draw.entry("dimension")
    asked = draw.random.choice(["more", "less"])
    ends = draw.random.sample([c, d], 2)
    return Question(
        premise=draw.random.choice(["chain", "fork"]),
        hypothesis="",
        slots={"a": a, "b": b, "c": c, "d": d, "cd": _both(c, d), **pair, "asked": pair[asked]},
        arguments=_order((a, ends[0]), (c, d), draw, (asked == "less") != denied),
    )


def place(draw: Draw, denied: bool) -> Question:
    """Of three things, one is in a room, one in another, one anywhere."""
    things = draw.words("object", 3)
    here, there = draw.words("room", 2)
    spot, spot2 = draw.words("spot", 2)
    slots = {"here": here, "there": there, "spot": spot, "spot2": spot2}
    return _statuses(draw, denied, "house", "", slots, things)


def _both(one: Word, other: Word) -> Word:
    """language -> the gender in which what agrees with two names stands: mp or fp."""
    genders = {str(getattr(word["en"], "g")) for word in (one, other)}
    return dict.fromkeys(LANGUAGES, "fp" if genders == {"f"} else "mp")


def _order(
    ordered: tuple[Word, Word],
    unordered: tuple[Word, Word],
    draw: Draw,
    reverse: bool,
) -> dict[Label, Slots]:
    """Arguments p and q of a hypothesis that says that p comes before q.

    Args:
        ordered: two of which the premise says that the first comes before the other.
        unordered: two of which it says neither.
        draw: decides which of the unordered is p.
        reverse: whether the hypothesis says, or denies, the opposite.
    """
    first, second = reversed(ordered) if reverse else ordered
    left, right = draw.random.sample(unordered, 2)
    return {
        "entailment": {"p": first, "q": second},
        "contradiction": {"p": second, "q": first},
        "neutral": {"p": left, "q": right},
    }


def _statuses(
    draw: Draw,
    denied: bool,
    premise: str,
    hypothesis: str,
    slots: Slots,
    three: list[Word],
) -> Question:
    """A question about which of three the hypothesis is true."""
    true, false, unsaid = three
    clauses = [("is", true), ("is_not", false), ("open", unsaid)]
    return Question(
        premise=premise,
        hypothesis=hypothesis,
        slots=slots,
        arguments={
            "entailment": {"p": false if denied else true},
            "contradiction": {"p": true if denied else false},
            "neutral": {"p": unsaid},
        },
        clauses=tuple(draw.random.sample(clauses, 3)),
    )


FRAMES: dict[str, Frame] = {"comparison": comparison, "place": place}
