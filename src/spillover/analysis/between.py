"""Two runs on the same items: how much better one is, and how much more it learned.

Transfer is the score after tuning less that before it, item by item. Two runs are
compared in their scores before, in their scores after, and in their transfer: the last
is the difference in differences, which starting from another level does not touch.

A run with several seeds stands for the mean over them, item by item. So the tests say
what other items would show of these trainings, not what other trainings would.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from spillover.analysis.permutation import Floats
from spillover.analysis.uncertainty import compare, holm

if TYPE_CHECKING:
    import pandas as pd

TUNING = ("before", "after", "transfer")
OTHERS = "others"
"""The mean over all languages but the one that was tuned in."""


@dataclass(frozen=True)
class Tuned:
    """The scores of n items in one language, before and after tuning.

    Attributes:
        ids: of the items, n; the same text in another language has the same id.
        before: (n,).
        after: (seeds, n).
    """

    ids: Sequence[Hashable]
    before: Floats
    after: Floats

    def scores(self, tuning: str) -> Floats:
        """The items' scores before or after tuning, or what they gained; (seeds, n)."""
        before = self.before[np.newaxis]
        return {
            "before": before,
            "after": self.after,
            "transfer": self.after - before,
        }[tuning]


Run = Mapping[str, Tuned]
"""language -> its scores."""


def scores(runs: Mapping[str, Run], pivot: str) -> pd.DataFrame:
    """The mean of each run in each language, and over the languages but the pivot.

    Columns: run, language, tuning (one of `TUNING`), value, sd (over seeds; missing
    with a single one and before tuning), seeds, n.

    Args:
        runs: name -> run; all in the same languages.
        pivot: the language that was tuned in.
    """
    import pandas as pd

    rows = []
    for name, run in runs.items():
        for tuning in TUNING:
            for language, parts in _families(run, pivot):
                # The mean over the languages of each seed's mean over the items.
                means = [part.scores(tuning).mean(axis=1) for part in parts]
                seeds = np.mean(means, axis=0)
                rows.append(
                    {
                        "run": name,
                        "language": language,
                        "tuning": tuning,
                        "value": seeds.mean(),
                        "sd": seeds.std(ddof=1) if len(seeds) > 1 else np.nan,
                        "seeds": len(seeds),
                        "n": len({id for part in parts for id in part.ids}),
                    }
                )
    return pd.DataFrame(rows)


def differences(
    runs: Mapping[str, Run], pivot: str, *, right_or_wrong: bool | None = None
) -> pd.DataFrame:
    """Each run less the first one, on the same items.

    By `uncertainty.compare`: scores of single trainings that are right or wrong by the
    exact McNemar test, with Newcombe's interval; all else, as means over seeds, and
    transfer unless nothing was right before, by sign flips, with that of the bootstrap
    over items. For the mean over languages an item that stands in several of them is
    one item.

    Columns: run, against, language, tuning (one of `TUNING`), baseline, value,
    difference, low, high, p, test, n, detectable, p_holm. `p_holm` is adjusted over
    the languages and runs; that of the mean over languages, over the runs alone.

    Args:
        runs: name -> run, the baseline first; all of the same items in the same order.
        pivot: the language that was tuned in.
        right_or_wrong: False of scores that only happen to be 0 or 1, as a few of ROUGE
            may; None: see whether all are.

    Raises:
        DataError: a language without items, or with another number of them.
    """
    import pandas as pd

    against, *names = runs
    rows: list[dict[str, Any]] = []
    for name in names:
        families = zip(
            _families(runs[against], pivot), _families(runs[name], pivot), strict=True
        )
        for (language, ours), (_, theirs) in families:
            for tuning in TUNING:
                old, new = _together(ours, tuning), _together(theirs, tuning)
                paired = compare(old, new, right_or_wrong=right_or_wrong)
                rows.append(
                    {
                        "run": name,
                        "against": against,
                        "language": language,
                        "tuning": tuning,
                        "baseline": old.mean(),
                        "value": new.mean(),
                        **paired.row(),
                    }
                )
    frame = pd.DataFrame(rows)
    family = [frame["tuning"], frame["language"] == OTHERS]
    adjusted = frame.groupby(family)["p"].transform(lambda p: holm(p.tolist()))
    return frame.assign(p_holm=adjusted)


def _families(run: Run, pivot: str) -> Iterator[tuple[str, list[Tuned]]]:
    """Each language, and the others than the pivot together where they are several."""
    for language, part in run.items():
        yield language, [part]
    others = [part for language, part in run.items() if language != pivot]
    if len(others) > 1:
        yield OTHERS, others


def _together(parts: Sequence[Tuned], tuning: str) -> Floats:
    """One number an item, whose mean is the mean of the languages' means.

    Of several languages what an item adds to that mean: it is how far the item is from
    its language's mean that varies, and not that languages differ in size and mean.
    """
    each: list[Floats] = [part.scores(tuning).mean(axis=0) for part in parts]
    if len(each) == 1:
        return each[0]
    places: dict[Hashable, int] = {}
    for part in parts:
        for id in part.ids:
            places.setdefault(id, len(places))
    total = np.full(len(places), np.mean([scores.mean() for scores in each]))
    for part, scores in zip(parts, each, strict=True):
        share = len(places) / (len(parts) * len(part.ids))
        total[[places[id] for id in part.ids]] += share * (scores - scores.mean())
    return total
