"""The answer to a study's question in three sentences, read off its findings."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from spillover.analysis.findings import (
    ALPHA,
    beats_constant,
    improves,
    improves_at_same_length,
    ranked,
    ranks_languages,
)
from spillover.analysis.verdict import Decision, Evidence, Verdict
from spillover.data.task import OWN_PROMPT
from spillover.languages import language
from spillover.metrics import headline

if TYPE_CHECKING:
    import pandas as pd

    from spillover.results import Results

NAMED = 8
"""So many languages or correlations are named; more are counted."""

Decided = Mapping[str, Mapping[str, Decision]]
"""Task -> language -> decision."""

CHANGES: dict[Decision, str] = {
    "supported": "rises",
    "contradicted": "falls",
    "not decidable": "shows no sure change",
}

BEATS = "it beats the best constant answer"
RISES_CUT = "of answers cut to the same length it rises"
IT_HAS = " that the task has"
RANKS = "similarity before tuning ranks the languages as their scores after it do"
OF_ITEMS = "The tests are over items: they do not say what one more training gives"


@dataclass(frozen=True)
class Sentence:
    """One sentence of the answer.

    Attributes:
        text: what was found.
        rests_on: how many items or languages, which test, and which correction.
    """

    text: str
    rests_on: str


def answer(results: Results) -> list[Sentence]:
    """Whether English-only tuning carries over, to which languages, and why.

    Nothing is decided here: that is what `spillover.analysis.findings` is for.
    """
    found = results.evidence()
    moved = _decided(improves(found))
    above = _decided(beats_constant(found))
    cut = _decided(improves_at_same_length(found))
    unlearned = [
        task
        for task, by_code in _decided(improves(replace(found, pivot=""))).items()
        if by_code.get(found.pivot, "supported") != "supported"
    ]
    rows = headline(found.comparisons, found.metrics)
    rows = rows[rows["prompt"].eq(OWN_PROMPT) & rows["language"].ne(found.pivot)]
    others = len(results.study.languages) - 1
    seeds = rows["seed"].nunique()
    carries = _carries_over(moved, above, cut, unlearned, others, seeds)
    return [
        Sentence(carries + _at_odds(rows), _of_items(rows)),
        Sentence(_to_which(moved, above, cut, others), _of_changes(rows, above, cut)),
        _why(found),
    ]


def _decided(verdicts: Iterable[Verdict]) -> Decided:
    """What a finding says of each language by itself, of tasks that have any."""
    return {each.scope: each.decisions for each in verdicts if each.decisions}


def _carries_over(
    moved: Decided,
    above: Decided,
    cut: Decided,
    unlearned: Sequence[str],
    others: int,
    seeds: int,
) -> str:
    n, up = _count(moved), _count(moved, "supported")
    down = _count(moved, "contradicted")
    if not up + down:
        alike = f" in all {seeds} seeds alike" if seeds > 1 else ""
        none = f"no change of a score is sure{alike}"
        return (
            "Whether tuning in English alone carries over cannot be told: "
            f"{none if n else 'no other language was evaluated before and after'}."
        )
    checked = {**above, **cut}
    confirmed = _count(checked, "supported") == _count(checked)
    whole = up == n and confirmed and not unlearned
    verdict = "carries over in part" if up else "is not seen to carry over"
    if whole:
        verdict = "carries over"
    elif down == n:
        verdict = "does not carry over"
    of_all = f"{n} pairs of a task and a language"
    if len(moved) == 1:
        of_all = _plural([n], "other language") + IT_HAS * (n < others)
    text = (
        f"Tuning in English alone {verdict}: the score rises in {up or 'none'} of "
        f"{of_all}"
    )
    text += f", falls in {down}" if down else ""
    text += f", shows no sure change in {n - up - down}" if n > up + down else ""
    text += _beyond(moved, above, BEATS, "the form of answers")
    text += _beyond(moved, cut, RISES_CUT, "their length")
    if unlearned:
        text += f"; in English itself no sure rise is seen on {_listed(unlearned)}"
    return text + "."


def _at_odds(rows: pd.DataFrame) -> str:
    """Where seeds by themselves surely change both ways, in words."""
    sure = rows[rows["p_holm"].lt(ALPHA)]
    ways = sure.assign(up=sure["difference"].gt(0)).groupby(["task", "language"])["up"]
    n = int(ways.nunique().gt(1).sum())
    if not n:
        return ""
    return f" Seeds contradict each other in {_plural([n], 'language')} of a task."


def _beyond(moved: Decided, checked: Decided, holds: str, form: str) -> str:
    """In how many cases there is more to a rise than form, and where perhaps not."""
    risen = {
        task: [code for code, how in moved[task].items() if how == "supported"]
        for task in checked
        if task in moved
    }
    if not any(risen.values()):
        return ""
    held = _count(checked, "supported")
    text = f"; {holds} in {held or 'none'} of {_count(checked)}"
    bare = [
        task
        for task, codes in risen.items()
        if codes and all(checked[task].get(code) != "supported" for code in codes)
    ]
    if bare:
        where = "" if len(moved) == 1 else f"on {_listed(bare)} "
        text += f", so {where}perhaps only {form} carries over"
    return text


def _to_which(moved: Decided, above: Decided, cut: Decided, others: int) -> str:
    parts = []
    for task, by_code in moved.items():
        changes = [
            f"{verb} in {_languages(by_code, decision, others)}"
            for decision, verb in CHANGES.items()
            if decision in by_code.values()
        ]
        text = f"on {task} the score {_listed(changes)}"
        for checked, words in ((above, BEATS), (cut, RISES_CUT)):
            if task in checked:
                where = _languages(checked[task], "supported", others)
                text += f", and {words} in {where}"
        parts.append(text)
    if not parts:
        return "There is no other language to name."
    text = "; ".join(parts)
    return f"{text[0].upper()}{text[1:]}."


def _of_items(rows: pd.DataFrame) -> str:
    """What the comparisons of before with after rest on."""
    if rows.empty:
        return "No comparison of before and after."
    seeds = rows["seed"].nunique()
    each = f", in each of {seeds} seeds" if seeds > 1 else ""
    scores = rows.groupby("metric", sort=False)["task"].unique()
    shown = [f"{metric} on {_listed(tasks)}" for metric, tasks in scores.items()]
    return (
        f"Scores are {', '.join(shown)}. "
        f"{_range(rows['n'], ',.0f')} items a language, the same before and after; "
        f"{' or '.join(rows['test'].unique())} test; p < {ALPHA} after Holm's "
        f"correction over the languages of a task{each}. {OF_ITEMS}."
    )


def _of_changes(rows: pd.DataFrame, above: Decided, cut: Decided) -> str:
    """What such comparisons can show."""
    parts = ["The same tests, language by language."] if len(rows) else []
    known = rows[rows["detectable"].notna()]
    if len(known):
        each = known.groupby("metric", sort=False)["detectable"]
        least = [f"{_range(of, '.2f')} ({metric})" for metric, of in each]
        one = " by one seed" if rows["seed"].nunique() > 1 else ""
        parts.append(
            f"With so many items a true change is found{one} about four times out of "
            f"five if it is {_listed(least)} or more, by language and before Holm's "
            f"correction{'; of whole answers' if cut else ''}."
        )
    if above:
        parts.append(
            "Above the best constant answer: more items are right than by always "
            "giving any one answer, by McNemar's exact test with Holm's correction "
            "over the languages."
        )
    if cut:
        parts.append(
            "At the same length: the same test, with both answers of an item cut to "
            "as many tokens as the shorter one has."
        )
    return " ".join(parts) or "No comparison of before and after."


def _why(found: Evidence) -> Sentence:
    verdicts = ranks_languages(found)
    rows = ranked(found).assign(decision=[each.decision for each in verdicts])
    whether = f"Whether {RANKS} cannot be told"
    if rows.empty:
        return Sentence(f"{whether}: no similarity was measured.", "No correlation.")
    known = rows[rows["value"].notna()]
    if known.empty:
        reasons = "; ".join(rows["reason"].unique())
        return Sentence(f"{whether}: {reasons}.", "No correlation.")
    return Sentence(_ranking(rows, known, whether), _of_languages(known))


def _ranking(rows: pd.DataFrame, known: pd.DataFrame, whether: str) -> str:
    """In which correlations similarity ranks the languages as scores do."""
    labels: dict[Decision, list[str]] = defaultdict(list)
    layered = rows["layer"].nunique() > 1
    for row in rows.to_dict("records"):
        label = f"{row['task']}, {row['corpus']}, {row['pooling']}"
        label += f", layer {row['layer']}" if layered else ""
        labels[row["decision"]].append(f"{label}: ρ {_range([row['value']], '.2f')}")
    lacking = len(rows) - len(known)
    have = "have" if lacking > 1 else "has"
    held, turned = labels["supported"], labels["contradicted"]
    open_ = len(rows) - len(held) - len(turned)
    if not held and not turned:
        text = (
            f"{whether} from {_plural(known['n'], 'language')}: ρ is "
            f"{_range(known['value'], '.2f')} in "
            f"{_plural([len(known)], 'correlation')}, none sure"
        )
        if known["p_error"].eq(0).all():
            text += f"; no p below {known['p_family_min'].min():.2g} is possible"
        return f"{text}; {lacking} more {have} no ρ." if lacking else f"{text}."
    text = f"{RANKS[0].upper()}{RANKS[1:]} in {_shown(held, len(rows))}"
    text += f", the other way round in {_shown(turned, len(rows))}" if turned else ""
    text += f"; the other {open_} cannot be told" if open_ else ""
    return f"{text} ({lacking} {have} no ρ)." if lacking else f"{text}."


def _of_languages(rows: pd.DataFrame) -> str:
    """What the correlations rest on."""
    exact = rows[rows["p_error"].eq(0)]
    least = (
        f"; the smallest p that can be is {_range(exact['p_family_min'], '.2g')}"
        if len(exact)
        else ""
    )
    pairs = len(rows.groupby(["task", "corpus"]))
    of_all = f", not for the {pairs} pairs of a task and a corpus" if pairs > 1 else ""
    mean = "" if rows["seed"].notna().all() else ", of the mean score over the seeds,"
    return (
        f"Spearman's ρ{mean} over {_plural(rows['n'], 'language')}, English not among "
        f"them; permutation p, adjusted for the poolings and layers of a corpus"
        f"{of_all}, below {ALPHA}, and an interval on one side of 0{least}. A "
        f"correlation is no proof of a cause."
    )


def _count(decided: Decided, decision: Decision | None = None) -> int:
    counts = Counter(d for by_code in decided.values() for d in by_code.values())
    return counts.total() if decision is None else counts[decision]


def _languages(by_code: Mapping[str, Decision], decision: Decision, others: int) -> str:
    """Those with this decision, by name if they are few."""
    names = [language(code).name for code, own in by_code.items() if own == decision]
    n = len(names)
    if n == others > 1:
        return f"{'both' if n == 2 else f'all {n}'} other languages"
    if n > NAMED and n == len(by_code):
        return f"all {n} other languages{IT_HAS}"
    return f"{n} of {len(by_code)} languages" if n > NAMED else _listed(names) or "none"


def _shown(labels: Sequence[str], n: int) -> str:
    """How many of n correlations, and which if they are few."""
    text = f"{len(labels) or 'none'} of {_plural([n], 'correlation')}"
    return f"{text} ({'; '.join(labels)})" if 0 < len(labels) <= NAMED else text


def _listed(words: Sequence[str]) -> str:
    *first, last = words or [""]
    return f"{', '.join(first)} and {last}" if first else last


def _plural(numbers: Iterable[int], noun: str) -> str:
    return f"{_range(numbers, ',.0f')} {noun}{'s' if max(numbers) != 1 else ''}"


def _range(numbers: Iterable[float], form: str) -> str:
    """One number, or from the lowest to the highest, as they are printed."""
    ends = dict.fromkeys(f"{end(numbers):z{form}}" for end in (min, max))
    return " to ".join(ends).replace("-", "−")
