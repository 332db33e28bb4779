"""What a claim is checked on, and what the data say to it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Literal

from spillover.languages import PIVOT

if TYPE_CHECKING:
    import pandas as pd

Decision = Literal["supported", "contradicted", "not decidable"]


@dataclass(frozen=True)
class Evidence:
    """A study's tidy results.

    Attributes:
        evaluations: as `spillover.pipeline` describes, as are the next five.
        comparisons: after against before.
        similarities: of every state of the model.
        correlations: with similarity before tuning.
        diagnostics: of the answers.
        confusions: gold labels against answers.
        metrics: task -> the metric that is looked at.
        kinds: task -> classification or generation.
        pivot: the language that was tuned on.
    """

    evaluations: pd.DataFrame
    comparisons: pd.DataFrame
    similarities: pd.DataFrame
    correlations: pd.DataFrame
    diagnostics: pd.DataFrame
    confusions: pd.DataFrame
    metrics: Mapping[str, str]
    kinds: Mapping[str, str]
    pivot: str = PIVOT


@dataclass(frozen=True)
class Verdict:
    """What the data say to one claim about one part of a study.

    Attributes:
        finding: name of the finding.
        scope: the task, corpus, pooling and layer that it is about.
        claim: in one sentence.
        decision: what the data say.
        sentence: the outcome in one plain sentence.
        rule: what had to hold for `supported`, and for `contradicted`.
        numbers: what decided: language or name -> text with the numbers.
        decisions: what the data say of each language by itself, where the claim is of
            each.
    """

    finding: str
    scope: str
    claim: str
    decision: Decision
    sentence: str
    rule: str
    numbers: Mapping[str, str] = field(default_factory=dict)
    decisions: Mapping[str, Decision] = field(default_factory=dict)


@dataclass(frozen=True)
class Claim:
    """A claim about each language, which one language alone can contradict.

    Attributes:
        finding: name of the finding.
        text: the claim in one sentence.
        rule: what has to hold for `supported`, and for `contradicted`.
        good: what a language is that supports it.
        bad: what one is that contradicts it.
    """

    finding: str
    text: str
    rule: str
    good: str
    bad: str

    def verdict(
        self,
        scope: str,
        numbers: Mapping[str, str],
        held: Collection[str],
        broken: Collection[str],
    ) -> Verdict:
        """What the data say, given in which of the languages it holds or is broken."""

        def decided(name: str) -> Decision:
            if name in broken:
                return "contradicted"
            return "supported" if name in held else "not decidable"

        each = {name: decided(name) for name in numbers}
        decision: Decision = "not decidable"
        if broken:
            decision = "contradicted"
        elif numbers and len(held) == len(numbers):
            decision = "supported"
        open_ = [name for name, said in each.items() if said == "not decidable"]
        named = ((self.good, held), (self.bad, broken), ("not decidable", open_))
        parts = [f"{word} in {', '.join(names)}" for word, names in named if names]
        sentence = f"{scope}: {'; '.join(parts) or 'nothing was measured'}."
        return Verdict(
            self.finding, scope, self.text, decision, sentence, self.rule, numbers, each
        )


Finding = Callable[[Evidence], Iterable[Verdict]]


def to_frame(verdicts: Sequence[Verdict]) -> pd.DataFrame:
    """One row a verdict; the numbers as one text."""
    import pandas as pd

    columns = ["finding", "scope", "claim", "decision", "sentence", "rule", "numbers"]
    rows = [
        asdict(verdict)
        | {"numbers": "; ".join(f"{k}: {v}" for k, v in verdict.numbers.items())}
        for verdict in verdicts
    ]
    return pd.DataFrame(rows, columns=columns)
