"""What an item of mini-inference says, and what follows from it, in no language yet.

A frame draws a premise and, for each label, the arguments with which one and the same
hypothesis has that label. So the words of the hypothesis say nothing about the label,
nor do those of the premise; only the comparison of the two does. There are two kinds:

    orders      the premise puts some of its people or things in an order (who is
                taller or stronger) and leaves that of others open; the hypothesis
                orders two of them
    statuses    the premise says of one that something is true, of another that it is
                false, and of a third that it may be either; the hypothesis says it of
                one of the three
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from spillover.data.mini.inference_grammar import Name, Word
from spillover.data.mini.inference_words import Draw
from spillover.data.mini.lexicon import LANGUAGES

Label = Literal["entailment", "contradiction", "neutral"]
LABELS: tuple[Label, ...] = ("entailment", "contradiction", "neutral")
Slots = Mapping[str, Word]


@dataclass(frozen=True)
class Question:
    """A premise, and a hypothesis with arguments for each label.

    Attributes:
        premise: the name of its pattern.
        slots: what fills the slots of both patterns.
        arguments: label -> what fills the remaining slots of the hypothesis.
        clauses: the clauses of the premise, in order: their pattern and their `{p}`.
    """

    premise: str
    slots: Slots
    arguments: Mapping[Label, Slots]
    clauses: tuple[tuple[str, Word], ...] = ()


Frame = Callable[[Draw, bool], Question]


def comparison(draw: Draw, denied: bool) -> Question:
    """Some are taller than others: a > b > c, d in both premises."""
    a, b, c, d = draw.names(4)
    pair = draw.entry("dimension")
    asked = draw.random.choice(["more", "less"])
    ends = draw.random.sample([c, d], 2)
    return Question(
        premise=draw.random.choice(["chain", "fork"]),
        slots={
            "a": a,
            "b": b,
            "c": c,
            "d": d,
            "cd": _both(c, d),
            **pair,
            "asked": pair[asked],
        },
        arguments=_order((a, ends[0]), (c, d), draw, (asked == "less") != denied),
    )


def place(draw: Draw, denied: bool) -> Question:
    """Of three things, one is in a room, one in another, one anywhere."""
    things = draw.words("object", 3)
    here, there = draw.words("room", 2)
    spot, spot2 = draw.words("spot", 2)
    slots = {"here": here, "there": there, "spot": spot, "spot2": spot2}
    return _statuses(draw, denied, slots, things)


def home(draw: Draw, denied: bool) -> Question:
    """Of three people, one lives in a city, one in another, one anywhere in Europe."""
    here, there = draw.words("city", 2)
    slots = {"here": here, "there": there}
    return _statuses(draw, denied, slots, draw.names(3))


def purchase(draw: Draw, denied: bool) -> Question:
    """Of three people, one bought a thing, one only another, one a present."""
    bought, other = draw.words("goods", 2)
    slots = {"bought": bought, "other": other}
    return _statuses(draw, denied, slots, draw.names(3))


def arrival(draw: Draw, denied: bool) -> Question:
    """Of three people, one arrives at some hour, one at another, one at any."""
    then, other = draw.words("hour", 2)
    slots = {"then": then, "other": other}
    return _statuses(draw, denied, slots, draw.names(3))


def _both(one: Mapping[str, Name], other: Mapping[str, Name]) -> Word:
    """language -> the gender in which what agrees with two names stands: mp or fp."""
    genders = {one["en"].g, other["en"].g}
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
    draw: Draw, denied: bool, slots: Slots, three: Sequence[Word]
) -> Question:
    """A question about which of three the hypothesis is true."""
    true, false, unsaid = three
    clauses = [("is", true), ("is_not", false), ("open", unsaid)]
    return Question(
        premise="list",
        slots=slots,
        arguments={
            "entailment": {"p": false if denied else true},
            "contradiction": {"p": true if denied else false},
            "neutral": {"p": unsaid},
        },
        clauses=tuple(draw.random.sample(clauses, 3)),
    )


FRAMES: dict[str, Frame] = {
    "comparison": comparison,
    "place": place,
    "home": home,
    "purchase": purchase,
    "arrival": arrival,
}
