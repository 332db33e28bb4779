"""Differences between runs, against tests and a bootstrap done by hand."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import norm
from statsmodels.stats.contingency_tables import mcnemar
from statsmodels.stats.multitest import multipletests

from spillover.analysis import between, uncertainty
from spillover.analysis.between import OTHERS, Tuned, differences, scores
from spillover.analysis.uncertainty import DRAWS

IDS = [f"i{number}" for number in range(80)]


def run(seed, languages=("en", "fr", "ja"), seeds=1, better=0.0):
    """Answers that are right or wrong, of items as hard in one language as in all."""
    rng = np.random.default_rng(seed)
    hard = np.random.default_rng(0).normal(size=len(IDS))

    def right(share):
        own = rng.normal(size=len(IDS))
        return (0.7 * hard + 0.7 * own < norm.ppf(share)).astype(float)

    return {
        code: Tuned(
            IDS,
            right(0.3),
            np.array([right(0.5 + better) for _ in range(seeds)]),
        )
        for code in languages
    }


def test_languages_of_different_sizes_add_no_noise_of_their_own():
    """The mean of two languages of other items varies as their two means do."""
    rng = np.random.default_rng(5)
    sizes = {"fr": 1000, "ja": 100}
    gains = {code: rng.normal(0.2, 0.02, n) for code, n in sizes.items()}
    runs = {
        name: {"en": Tuned(IDS, np.zeros(80), np.zeros((1, 80)))}
        | {
            code: Tuned(
                [f"{code}{i}" for i in range(n)],
                np.zeros(n),
                better * gains[code][None],
            )
            for code, n in sizes.items()
        }
        for name, better in (("A", 0), ("B", 1))
    }
    found = row(differences(runs, "en"), OTHERS, "after")
    means = [gain.mean() for gain in gains.values()]
    errors = [gain.std() / len(gain) ** 0.5 for gain in gains.values()]
    assert found["difference"] == pytest.approx(np.mean(means))
    assert (found["high"] - found["low"]) / 2 == pytest.approx(
        1.96 * np.hypot(*errors) / 2, rel=0.1
    )


def row(frame, language, tuning, run="B"):
    [found] = frame[
        (frame["language"] == language)
        & (frame["tuning"] == tuning)
        & (frame["run"] == run)
    ].to_dict("records")
    return found


def test_single_trainings_are_compared_by_mcnemar():
    a, b = run(1), run(2, better=0.2)
    found = differences({"A": a, "B": b}, "en")
    for code in a:
        for tuning, old, new in (
            ("before", a[code].before, b[code].before),
            ("after", a[code].after[0], b[code].after[0]),
        ):
            one = row(found, code, tuning)
            table = [[sum((old == i) & (new == j)) for j in (0, 1)] for i in (0, 1)]
            assert one["test"] == "exact McNemar"
            assert one["p"] == pytest.approx(mcnemar(table, exact=True).pvalue)
            assert one["baseline"] == pytest.approx(old.mean())
            assert one["value"] == pytest.approx(new.mean())
            assert one["difference"] == pytest.approx(new.mean() - old.mean())
            assert (one["against"], one["n"]) == ("A", len(IDS))


def bca(values):
    """The same draws as the generator of the package gives, and Efron's formulas."""
    n = len(values)
    drawn = np.random.default_rng(1).integers(0, n, (DRAWS, n))
    means = values[drawn].mean(axis=1)
    ties = (means < values.mean()).mean() + (means <= values.mean()).mean()
    z0 = norm.ppf(ties / 2)
    left_out = (values.sum() - values) / (n - 1)
    d = left_out.mean() - left_out
    a = (d**3).sum() / (6 * (d**2).sum() ** 1.5)
    ends = [z0 + (z0 + z) / (1 - a * (z0 + z)) for z in norm.ppf([0.025, 0.975])]
    return np.quantile(means, norm.cdf(ends))


def flips(values):
    """Share of random signs whose mean is as far from 0, of other draws."""
    signs = np.random.default_rng(7).choice([-1, 1], (20_000, len(values)))
    means = np.abs((signs * values).mean(axis=1))
    return (means >= abs(values.mean()) - 1e-12).mean()


@pytest.mark.parametrize("seeds", [1, 4])  # whose sums are exact, so that ties are ties
def test_transfer_is_compared_item_by_item(seeds):
    a, b = run(1), run(2, better=0.1, seeds=seeds)
    found = differences({"A": a, "B": b}, "en")
    for code in a:
        gained = [side[code].after.mean(axis=0) - side[code].before for side in (a, b)]
        change = gained[1] - gained[0]
        one = row(found, code, "transfer")
        assert one["difference"] == pytest.approx(change.mean())
        assert (one["low"], one["high"]) == pytest.approx(bca(change), abs=1e-9)
        assert one["p"] == pytest.approx(flips(change), abs=0.015)
        assert one["test"] == "sign-flip permutation"


def test_several_seeds_are_averaged_within_each_item():
    a, b = run(1), run(2, seeds=3)
    found = differences({"A": a, "B": b}, "en")
    one = row(found, "fr", "after")
    change = b["fr"].after.mean(axis=0) - a["fr"].after[0]
    assert one["test"] == "sign-flip permutation"
    assert one["difference"] == pytest.approx(change.mean())
    assert one["p"] == pytest.approx(flips(change), abs=0.015)
    told = row(scores({"A": a, "B": b}, "en"), "fr", "after")
    assert told["sd"] == pytest.approx(np.std(b["fr"].after.mean(axis=1), ddof=1))
    assert told["value"] == pytest.approx(b["fr"].after.mean())
    assert told["seeds"] == 3
    alone = row(scores({"A": a, "B": b}, "en"), "fr", "after", run="A")
    assert math.isnan(alone["sd"])


def test_holm_is_over_languages_and_runs_and_leaves_the_mean_out():
    runs = {"A": run(1), "B": run(2, better=0.2), "C": run(3, better=0.15)}
    found = differences(runs, "en")
    for tuning in ("before", "after", "transfer"):
        part = found[(found["tuning"] == tuning) & (found["language"] != OTHERS)]
        assert len(part) == 6
        assert part["p_holm"].tolist() == pytest.approx(
            multipletests(part["p"], method="holm")[1]
        )
        means = found[(found["tuning"] == tuning) & (found["language"] == OTHERS)]
        assert means["p_holm"].tolist() == pytest.approx(
            multipletests(means["p"], method="holm")[1]
        )


def test_rouge_of_0_and_1_is_no_right_or_wrong_answer():
    runs = {"A": run(1), "B": run(2, better=0.2)}
    for told, test in ((None, "exact McNemar"), (False, "sign-flip permutation")):
        found = differences(runs, "en", right_or_wrong=told)
        assert row(found, "fr", "after")["test"] == test


def test_what_no_run_lost_is_compared_by_mcnemar():
    one = Tuned(IDS, np.zeros(len(IDS)), run(1)["fr"].after)
    other = Tuned(IDS, np.zeros(len(IDS)), run(2)["fr"].after)
    found = row(
        differences({"A": {"fr": one}, "B": {"fr": other}}, "en"), "fr", "transfer"
    )
    assert found["test"] == "exact McNemar"


def test_the_mean_over_languages_counts_an_item_once():
    a, b = run(1), run(2, better=0.1)
    runs = {"A": a, "B": b}
    one = row(differences(runs, "en"), OTHERS, "after")
    both = [(side["fr"].after[0] + side["ja"].after[0]) / 2 for side in (a, b)]
    change = both[1] - both[0]
    assert one["n"] == len(IDS)
    assert one["difference"] == pytest.approx(change.mean())
    assert (one["low"], one["high"]) == pytest.approx(bca(change), abs=1e-9)
    assert one["p"] == pytest.approx(flips(change), abs=0.015)
    told = row(scores(runs, "en"), OTHERS, "after")
    assert told["value"] == pytest.approx(both[1].mean())


def test_a_language_of_few_items_counts_as_much_in_the_mean():
    def one(side):
        french, japanese = run(side)["fr"], run(side)["ja"]
        few = Tuned(IDS[:20], japanese.before[:20], japanese.after[:, :20])
        return {"en": run(side)["en"], "fr": french, "ja": few}

    runs = {"A": one(1), "B": one(2)}
    found = row(differences(runs, "en"), OTHERS, "after")
    apart = [row(differences(runs, "en"), code, "after") for code in ("fr", "ja")]
    assert found["difference"] == pytest.approx(
        np.mean([each["difference"] for each in apart])
    )


def test_one_other_language_has_no_mean_over_it():
    runs = {"A": run(1, ("en", "fr")), "B": run(2, ("en", "fr"))}
    assert OTHERS not in set(differences(runs, "en")["language"])
    assert OTHERS not in set(scores(runs, "en")["language"])


def test_the_same_run_twice_is_no_different():
    found = differences({"A": run(1), "B": run(1)}, "en")
    assert (found["difference"] == 0).all()
    assert (found["p"] == 1).all()
    scores = found["test"] != "exact McNemar"
    assert found.loc[scores, ["low", "high", "detectable"]].isna().all(axis=None)
    shares = found[~scores]
    assert len(shares)
    assert (shares["low"] + shares["high"]).abs().max() < 1e-12
    assert shares["detectable"].between(0, 0.2).all()  # z² of so many items


@pytest.mark.parametrize(
    ("start", "gain", "seeds"),
    [((0.3, 0.6), 0.3, 1), ((0.02, 0.5), 0.4, 1), ((0.02, 0.5), 0.4, 3)],
    ids=["other levels", "from nothing", "one seed against three"],
)
def test_a_difference_in_differences_holds_its_level(start, gain, seeds, monkeypatch):
    """Both gain as much, from other levels, on items that are hard for both."""
    monkeypatch.setattr(between, "TUNING", ("transfer",))
    monkeypatch.setattr(uncertainty, "PERMUTATIONS", 999)  # for speed
    monkeypatch.setattr(uncertainty, "DRAWS", 400)
    monkeypatch.setattr(between, "holm", list)  # of one p: itself
    rng = np.random.default_rng(5)
    n, times = 60, {"A": 1, "B": seeds}
    levels = dict(zip("AB", start, strict=True))
    runs = {name: {} for name in "AB"}

    def right(hard, share):
        own = rng.normal(size=n)
        return (0.7 * hard + math.sqrt(0.51) * own < norm.ppf(share)).astype(float)

    for study in range(200):  # each as one language of two runs
        hard = rng.normal(size=n)
        for name, low in levels.items():
            runs[name][f"fr{study}"] = Tuned(
                range(n),
                right(hard, low),
                np.array([right(hard, low + gain) for _ in range(times[name])]),
            )
    found = differences(runs, "en")
    found = found[found["language"] != OTHERS]
    assert len(found) == 200
    assert found["p"].lt(0.05).mean() <= 0.081  # 0.05, and two standard errors
    covered = found["low"].le(0) & found["high"].ge(0)
    assert 0.90 <= covered.mean() <= 0.99


def test_a_difference_in_differences_is_found():
    found = differences({"A": run(1), "B": run(2, better=0.3)}, "en")
    assert row(found, "fr", "transfer")["p_holm"] < 0.01
    assert row(found, OTHERS, "transfer")["p_holm"] < 0.01
