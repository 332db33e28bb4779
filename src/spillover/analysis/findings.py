"""The claims of Xie et al. (2024) as checks on a study's tidy results.

A finding is a function from `Evidence` to verdicts. It states its claim and the rule
that decides, so that a reader can disagree with the rule and still use the numbers.
Another finding is another such function, given to `check`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from spillover.analysis.permutation import SAMPLE, at_most, sampling_error
from spillover.analysis.uncertainty import holm
from spillover.analysis.verdict import Claim, Decision, Evidence, Finding, Verdict
from spillover.data.task import OWN_PROMPT
from spillover.metrics import SAME_LENGTH, headline, is_rouge

if TYPE_CHECKING:
    import pandas as pd

ALPHA = 0.05
LITTLE = 0.05
"""A change of a mean cosine that is called little; the paper's largest is 0.06."""


def check(evidence: Evidence, more: Sequence[Finding] = ()) -> list[Verdict]:
    """The verdicts of all findings, the built-in ones first, then those of `more`."""
    return [verdict for find in (*FINDINGS, *more) for verdict in find(evidence)]


def improves(evidence: Evidence) -> Iterator[Verdict]:
    """(1) English-only tuning raises the task's score in each other language.

    That may be the form of an answer alone: see the next two.
    """
    claim = Claim(
        "improves",
        "Tuning in English alone raises the task's score in each other language.",
        "supported: after is better in each language, Holm-adjusted p < 0.05; "
        "contradicted: it is worse in one of them, with such a p; either in every seed",
        "better",
        "worse",
    )
    for task, metric in evidence.metrics.items():
        yield _rises(evidence, claim, task, metric)


def improves_at_same_length(evidence: Evidence) -> Iterator[Verdict]:
    """(1) again, beyond learning how long an answer is."""
    claim = Claim(
        "improves-at-same-length",
        "With answers cut to the same length, tuning in English alone raises the score "
        "in each other language.",
        "supported: with both answers of an item cut to as many tokens as the shorter "
        "one has, after is better in each language, Holm-adjusted p < 0.05; "
        "contradicted: it is worse in one of them, with such a p; either in every seed",
        "better",
        "worse",
    )
    for task, metric in evidence.metrics.items():
        if is_rouge(metric):
            yield _rises(evidence, claim, task, metric + SAME_LENGTH)


def _rises(evidence: Evidence, claim: Claim, task: str, metric: str) -> Verdict:
    """The verdict on whether after is better than before, in each other language."""
    rows = _of(evidence.comparisons, task=task, metric=metric, prompt=OWN_PROMPT)
    rows = rows[rows["language"] != evidence.pivot]
    numbers = {
        str(language): f"{_numbers(part['before'].drop_duplicates())} before, "
        f"{_numbers(part['after'])} after, "
        f"adjusted p {', '.join(map(p_text, part['p_holm']))}"
        for language, part in rows.groupby("language", sort=False)
    }
    return claim.verdict(task, numbers, _surely(rows, 1), _surely(rows, -1))


def _surely(rows: pd.DataFrame, sign: int) -> list[str]:
    """The languages in which every comparison (seed) has surely changed this way."""
    each = rows.groupby("language", sort=False)
    return [str(language) for language, part in each if _all_sure(part, sign)]


def _all_sure(rows: pd.DataFrame, sign: int) -> bool:
    return bool((rows["p_holm"].lt(ALPHA) & (sign * rows["difference"]).gt(0)).all())


def beats_constant(evidence: Evidence) -> Iterator[Verdict]:
    """(1) again, beyond learning to answer at all."""
    claim = Claim(
        "beats-constant",
        "After tuning, answers are better than the best constant answer.",
        "supported: in each language more items are right than always giving any one "
        "of the answers gets right, Holm-adjusted p < 0.05 over the languages; "
        "contradicted: in one of them fewer are than always giving one of them gets "
        "right, with such a p over languages and answers; by exact McNemar tests; "
        "either in every seed",
        "above",
        "below",
    )
    for task in evidence.metrics:
        if evidence.kinds[task] != "classification":
            continue
        rows = _against_constants(evidence, task)
        each = rows.groupby("language", sort=False)
        # Worse than one answer is enough, but than the same one in every seed.
        below = [
            str(code)
            for code, part in each
            if any(_all_sure(of, -1) for _, of in part.groupby("constant"))
        ]
        numbers = {
            str(code): f"{_numbers(part.groupby('seed')['accuracy'].first())} "
            f"against {part['share'].max():.3f}"
            for code, part in each
        }
        yield claim.verdict(task, numbers, _above(rows), below)


def _above(rows: pd.DataFrame) -> list[str]:
    """The languages with surely more right than by any one answer, in every seed.

    That takes the tests against all of them, so the largest p counts for a language.
    """
    if rows.empty:
        return []
    each = rows.groupby(["language", "seed"], sort=False)
    largest = each["p"].max().where(each["difference"].min() > 0, 1.0)
    adjusted = largest.groupby("seed").transform(lambda p: holm(p.tolist()))
    sure = adjusted.lt(ALPHA).groupby("language", sort=False).all()
    return [str(code) for code, above in sure.items() if above]


AGAINST = ["language", "seed", "constant", "accuracy", "share", "difference", "p"]


def _against_constants(evidence: Evidence, task: str) -> pd.DataFrame:
    """Answers after tuning against always giving one of them, in each other language.

    One row a language, seed and constant answer. The shares of the gold labels are of
    a sample, too, and the best of several. So `p` is not of the accuracy against a
    share, but of the items on which one of the two is right and the other is not.
    """
    import pandas as pd
    from scipy.stats import binomtest

    reading = evidence.metrics[task].removeprefix("accuracy_")
    cells = _of(evidence.confusions, task=task, prompt=OWN_PROMPT, reading=reading)
    cells = cells[cells["tuned_on"].eq(task) & cells["language"].ne(evidence.pivot)]
    cells = cells.assign(right=cells["n"].where(cells["gold"] == cells["answer"], 0))
    keys = ["language", "seed", "gold"]
    counted = cells.groupby(keys, sort=False)[["n", "right"]].sum().reset_index()
    rows = []
    for (language, seed), part in counted.groupby(["language", "seed"], sort=False):
        n, hits = int(part["n"].sum()), int(part["right"].sum())
        for row in _records(part):
            won, lost = hits - int(row.right), int(row.n - row.right)
            rows.append(
                {
                    "language": language,
                    "seed": seed,
                    "constant": row.gold,
                    "accuracy": hits / n,
                    "share": row.n / n,
                    "difference": won - lost,
                    "p": binomtest(won, won + lost).pvalue if won + lost else 1.0,
                }
            )
    frame = pd.DataFrame(rows, columns=AGAINST)
    adjusted = frame.groupby("seed")["p"].transform(lambda p: holm(p.tolist()))
    return frame.assign(p_holm=adjusted)


def parallel_beats_random(evidence: Evidence) -> Iterator[Verdict]:
    """(2) Before tuning, parallel pairs are more similar than random ones."""
    claim = Claim(
        "parallel-beats-random",
        "Before tuning, parallel pairs are more similar than random pairs.",
        "supported: the 95 % bootstrap interval of parallel minus random is above 0 in "
        "each language; contradicted: widened for their number (Bonferroni), it is "
        "below 0 in one of them",
        "above 0",
        "below 0",
    )
    rows = evidence.similarities[evidence.similarities["tuned_on"].isna()]
    for scope, part in _places(rows, ["corpus", "pooling", "layer"]):
        numbers = {
            row.target: f"{row.gap:.3f} {_interval(row.gap_low, row.gap_high, 3)}"
            for row in _records(part)
        }
        above = part.loc[part["gap_low"] > 0, "target"].tolist()
        _, high = _widened(part, "gap", len(numbers))
        below = part.loc[high < 0, "target"].tolist()
        yield claim.verdict(scope, numbers, above, below)


def changes_little(evidence: Evidence) -> Iterator[Verdict]:
    """(3) Tuning changes parallel similarity little, against the task's score."""
    claim = Claim(
        "changes-little",
        "Tuning changes parallel similarity little, against the task's score.",
        f"supported: in each language the change of the parallel cosine is within "
        f"{LITTLE}, its 95 % interval included, and the score rises by more, its "
        f"interval apart and its Holm-adjusted p < 0.05, in classification to above "
        f"the best constant answer, and of summaries also at the same length; "
        f"contradicted: the cosine's interval, widened for the number of languages "
        f"(Bonferroni), is outside {LITTLE} in one (in every seed)",
        "changed little",
        f"changed by more than {LITTLE}",
    )
    changed = evidence.similarities[evidence.similarities["change"].notna()]
    keys = ["tuned_on", "corpus", "pooling", "layer"]
    for scope, part in _places(changed, keys):
        task = str(part["tuned_on"].iloc[0])
        scores = _of(
            evidence.comparisons,
            task=task,
            metric=evidence.metrics.get(task),
            prompt=OWN_PROMPT,
        )
        learnt = _learnt(evidence, task, scores)
        held, broken, numbers = [], [], {}
        known = part[part["target"].isin(scores["language"])]
        for language, rows in known.groupby("target", sort=False):
            name = str(language)
            ends = rows[["change_low", "change_high"]].abs()
            most = ends.max(axis=1, skipna=False).max(skipna=False)
            low, high = _widened(rows, "change", known["target"].nunique())
            outside = low.gt(LITTLE) | high.lt(-LITTLE)
            score = scores[scores["language"] == name]
            sure = (score["p_holm"].lt(ALPHA) & score["low"].gt(most)).all()
            held += [name] if most <= LITTLE and sure and name in learnt else []
            broken += [name] if outside.all() else []
            numbers[name] = (
                f"cosine {_numbers(rows['change'], '+')}, "
                f"score {_numbers(score['difference'], '+')}"
            )
        yield claim.verdict(scope, numbers, held, broken)


def _learnt(evidence: Evidence, task: str, scores: pd.DataFrame) -> set[str]:
    """The languages with more than the form of an answer, where that can be told."""
    if evidence.kinds.get(task) == "classification":
        return {*_above(_against_constants(evidence, task))}
    metric = evidence.metrics.get(task, "")
    if is_rouge(metric):
        same = {"task": task, "metric": metric + SAME_LENGTH, "prompt": OWN_PROMPT}
        return {*_surely(_of(evidence.comparisons, **same), 1)}
    return {*scores["language"]}


def ranks_languages(evidence: Evidence) -> Iterator[Verdict]:
    """(4) Similarity before tuning ranks languages as their scores do after."""
    claim = "Similarity before tuning ranks the languages as their scores after it."
    rule = (
        "supported: Spearman's rho and its interval (95 % or more) are above 0, and "
        "its permutation p (exact up to 9 languages, else with two standard errors of "
        "the sampled orders added), adjusted for poolings and layers, is below 0.05; "
        "contradicted: both are below 0, with such a p; of several seeds rho is of "
        "their mean score, and has to have this sign in each of them (a seed without "
        "rho has none)"
    )
    for row in _records(ranked(evidence)):
        scope = f"{row.task}, {row.corpus}, {row.pooling}, layer {row.layer}"
        if isinstance(row.reason, str):
            sentence = f"{scope}: there is no correlation, {row.reason}."
            yield Verdict(
                "ranks-languages", scope, claim, "not decidable", sentence, rule
            )
            continue
        each = _of_each_seed(evidence, row)
        decision: Decision = "not decidable"
        clear = row.low > 0 or row.high < 0  # of noise of items and sentences
        if clear and _is_sure(row) and (each * row.value > 0).all():
            decision = "supported" if row.value > 0 else "contradicted"
        exact = "p" if row.p_error > 0 else "exact p"
        sentence = (
            f"{scope}: over {row.n} languages rho is {row.value:.2f} "
            f"{_interval(row.low, row.high)}, {exact} {p_text(row.p_exact)}"
        )
        if row.p_error > 0:
            sentence += f" ± {row.p_error:.2g} of random orders"
        if row.family > 1:
            adjusted = p_text(row.p_family)
            if row.p_error > 0:
                adjusted += f" ± {sampling_error(row.p_family, SAMPLE + 1):.2g}"
            sentence += f" ({adjusted} adjusted)"
        if row.p_family_min >= ALPHA:
            sentence += f"; these cannot show less than {p_text(row.p_family_min)}"
        if len(each):
            sentence += f"; of the {len(each)} seeds by themselves {_numbers(each)}"
        numbers = {"rho": f"{row.value:.3f}", "interval": _interval(row.low, row.high)}
        numbers["one language less"] = _interval(row.without_low, row.without_high)
        yield Verdict(
            "ranks-languages", scope, claim, decision, sentence + ".", rule, numbers
        )


def _is_sure(row: Any) -> bool:
    """Whether the adjusted p of a correlation is below 0.05, however it was sampled."""
    return bool(at_most(row.p_family, sampled=row.p_error > 0) < ALPHA)


def _of_each_seed(evidence: Evidence, row: Any) -> pd.Series:
    """ρ of each seed, of one that is of their mean score; else nothing."""
    import pandas as pd

    keys = "task", "metric", "corpus", "pooling", "layer", "measure", "statistic"
    rows = _of(evidence.correlations, **{key: getattr(row, key) for key in keys})
    rows = rows[rows["seed"].notna()]
    return rows["value"] if pd.isna(row.seed) else rows["value"].iloc[:0]


def pooling_fits_kind(evidence: Evidence) -> Iterator[Verdict]:
    """(4) Mean pooling ranks better for classification, last token for generation."""
    rule = (
        "supported: rho with the better pooling is above the other's, their intervals "
        "(95 % or more) do not meet, and its own is above 0, with an adjusted "
        "permutation p below 0.05; contradicted: the reverse"
    )
    rows = ranked(evidence)
    rows = rows[rows["pooling"].isin(["mean", "last"])]
    for scope, part in _places(rows, ["task", "corpus", "layer"]):
        task = str(part["task"].iloc[0])
        better, other = "mean", "last"
        if evidence.kinds[task] == "generation":
            better, other = other, better
        claim = f"The {better} pooling ranks languages better than the {other}."
        part = part[part["value"].notna()]  # else there is no correlation
        found = {row.pooling: row for row in _records(part)}
        if better not in found or other not in found:
            continue
        a, b = found[better], found[other]
        decision: Decision = "not decidable"
        if _ranks_better(a, b):
            decision = "supported"
        elif _ranks_better(b, a):
            decision = "contradicted"
        texts = {r.pooling: f"{r.value:.2f} {_interval(r.low, r.high)}" for r in (a, b)}
        sentence = (
            f"{scope}: rho is {texts[better]} with {better}, "
            f"{texts[other]} with {other}."
        )
        yield Verdict(
            "pooling-fits-kind", scope, claim, decision, sentence, rule, texts
        )


def _ranks_better(one: Any, other: Any) -> bool:
    """Whether one correlation is surely above another, for these languages and any."""
    return bool(one.low > max(other.high, 0) and _is_sure(one))


FINDINGS: tuple[Finding, ...] = (
    improves,
    beats_constant,
    improves_at_same_length,
    parallel_beats_random,
    changes_little,
    ranks_languages,
    pooling_fits_kind,
)
"""The paper's claims in its order, the first with two checks of what it may hide."""


def ranked(evidence: Evidence) -> pd.DataFrame:
    """The correlations that `ranks_languages` has a verdict on, in its order.

    Spearman's, of the headline scores with the parallel cosine.
    """
    rows = _of(evidence.correlations, measure="parallel", statistic="spearman")
    return of_mean_score(headline(rows, evidence.metrics))


def of_mean_score(correlations: pd.DataFrame) -> pd.DataFrame:
    """Of several seeds the correlations of their mean score; else all of them."""
    several = correlations["seed"].nunique() > 1
    return correlations[correlations["seed"].isna()] if several else correlations


def _records(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows, with the columns as attributes."""
    yield from frame.itertuples()


def _of(frame: pd.DataFrame, **values: Any) -> pd.DataFrame:
    """The rows with these values."""
    for column, value in values.items():
        frame = frame[frame[column] == value]
    return frame


def _widened(frame: pd.DataFrame, column: str, times: int) -> tuple[Any, Any]:
    """The ends of 95 % intervals, so wide that all of `times` hold together with 95 %.

    Bonferroni's, of intervals taken as normal on either side.
    """
    from scipy.stats import norm

    factor = norm.ppf(1 - 0.025 / times) / norm.ppf(0.975)
    middle = frame[column]
    low, high = (frame[f"{column}_{end}"] for end in ("low", "high"))
    return middle - (middle - low) * factor, middle + (high - middle) * factor


def _places(frame: pd.DataFrame, keys: list[str]) -> Iterator[tuple[str, pd.DataFrame]]:
    """Parts of a frame with what they are about, in words."""
    for values, part in frame.groupby(keys, sort=False):
        named = zip(keys, values, strict=True)
        yield (
            ", ".join(f"layer {v}" if k == "layer" else str(v) for k, v in named),
            part,
        )


def _numbers(values: pd.Series, sign: str = "") -> str:
    """One number, or that of each seed, in order."""
    texts = (f"{value:{sign}.3f}" for value in values)
    return ", ".join("none" if text.endswith("nan") else text for text in texts)


def p_text(value: float, places: int = 3) -> str:
    """A p with so many decimals; one that they cannot show as `<0.001`."""
    least = 10.0**-places
    return f"<{least:.{places}f}" if value < least else f"{value:.{places}f}"


def _interval(low: float, high: float, places: int = 2) -> str:
    if math.isnan(low):
        return "[no interval]"
    return f"[{low:z.{places}f}, {high:z.{places}f}]"
