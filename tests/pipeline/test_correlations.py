"""The tables of correlations, checked against the tables that they come from."""

from __future__ import annotations

from itertools import product
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pytest
from scipy.stats import rankdata, spearmanr

from spillover.analysis.controls import controls as language_controls
from spillover.analysis.correlation_interval import correlation_interval
from spillover.analysis.uncertainty import DRAWS
from spillover.pipeline import correlations
from spillover.pipeline.collect import Outcomes
from spillover.pipeline.plan import Step
from spillover.pipeline.store import Spec
from spillover.results import Results
from spillover.studies import prepare

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any

Done = tuple[TinyStudy, Results]
SCORES = {"en": 0.9, "de": 0.25, "fr": 0.0, "es": 0.75}


@pytest.fixture
def found(tiny_done: Done) -> Outcomes:
    """The tiny study's outcomes, with invented scores, so that none ties."""
    tiny = tiny_done[0]
    prepared = prepare(tiny.study, data_root=tiny.data, out=tiny.out, device="cpu")
    made = Outcomes(prepared)
    for step, frame in made.evaluated.items():
        if step.name == "opinions" and step.tuned_on is not None:
            right = np.arange(1, 6) <= 5 * SCORES[str(step.language)]
            frame["accuracy_choice"] = right.astype(float)
    return made


def test_a_correlation_is_over_the_tasks_own_languages(tiny_done: Done) -> None:
    frame = tiny_done[1].correlations
    assert list(frame.columns) == correlations.CORRELATIONS
    opinions = frame[frame["task"] == "opinions"]
    assert set(opinions["languages"]) == {"de fr es"}
    assert set(opinions["n"]) == {3}
    titles = frame[frame["task"] == "titles"]
    assert set(titles["languages"]) == {"de fr"}
    assert set(titles["n"]) == {2}
    assert titles["value"].isna().all()
    assert set(titles["reason"]) == {"2 language(s); a rank correlation needs 3"}
    cells = frame.groupby(["task", "metric", "measure", "statistic"]).size()
    assert set(cells) == {2}  # poolings
    kinds = frame[["measure", "statistic"]].drop_duplicates()
    assert set(kinds.groupby("measure").size()) == {1, 3}


def test_p_is_adjusted_for_all_measures_of_spearmans_rho(tiny_done: Done) -> None:
    frame = tiny_done[1].correlations
    rho = frame[frame["statistic"].eq("spearman") & frame["value"].notna()]
    assert rho["p_measures"].notna().all()
    assert (rho["p_measures"] >= rho["p_family"] - 1e-12).all()
    others = frame.drop(index=rho.index)
    assert others["p_measures"].isna().all()


def test_the_correlation_is_of_after_with_before(
    found: Outcomes, tiny_done: Done
) -> None:
    frame = correlations.correlations(found, correlations.scored(found))
    frame = frame[frame["task"].eq("opinions") & frame["metric"].eq("accuracy_choice")]
    similarities = tiny_done[1].similarities
    before = similarities[similarities["tuned_on"].isna()]
    languages = ["de", "fr", "es"]
    scores = [np.floor(5 * SCORES[x]) / 5 for x in languages]
    for pooling in ("mean", "last"):
        part = before[before["pooling"] == pooling].set_index("target")
        for measure in ("parallel", "gap", "csls"):
            expected = spearmanr(scores, part.loc[languages, measure])
            rows = frame[frame["pooling"].eq(pooling) & frame["measure"].eq(measure)]
            row = rows[rows["statistic"] == "spearman"].iloc[0]
            assert row["value"] == pytest.approx(expected.statistic)
            assert row["p_t"] == pytest.approx(expected.pvalue)
            assert row["p_min"] == pytest.approx(1 / 3)
            assert row["family"] == 2
            assert row["p_family"] >= row["p_exact"]
            assert row["seed"] == 1


@pytest.fixture
def enough(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if five items and twelve sentences were many."""
    monkeypatch.setattr(correlations, "FEWEST", 5)


@pytest.mark.parametrize(("fewest", "there"), [(5, True), (6, False)])
def test_of_few_items_there_is_no_interval(
    found: Outcomes, fewest: int, there: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(correlations, "FEWEST", fewest)
    frame = correlations.correlations(found, correlations.scored(found))
    of_cosines = frame["measure"].isin(["parallel", "gap"]) & frame["value"].notna()
    rows = frame[of_cosines & frame["statistic"].eq("spearman")]
    assert len(rows)
    assert rows["low"].notna().eq(there).all()


@pytest.mark.usefixtures("enough")
def test_intervals_are_of_spearmans_rho_with_cosines(found: Outcomes) -> None:
    rng = np.random.default_rng(1)
    for step, draws in found.draws.items():  # as if there were many sentences
        for place, values in draws.items():
            values[:] = next(
                [[row["parallel"]], [row["random"]]]
                for row in found.compared[step]
                if (row["pooling"], row["layer"]) == place
            )
            values += rng.normal(0, 1e-4, values.shape)
    scores = correlations.scored(found)
    frame = correlations.correlations(found, scores)
    assert frame.loc[frame["measure"] == "mexa", "reliability"].isna().all()
    rows = frame[frame["measure"].eq("parallel") & frame["value"].notna()]
    assert len(rows)
    assert rows["low"].notna().eq(rows["statistic"] == "spearman").all()
    shown = rows[rows["low"].notna()]
    assert shown["value"].between(shown["low"], shown["high"]).all()
    assert shown["reliability"].notna().all()


@pytest.mark.usefixtures("enough")
def test_items_and_sentences_are_resampled_apart(
    found: Outcomes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A replicate of the scores never meets that of the sentences of its number."""
    asked = []

    def interval(*sides: Any) -> Any:
        asked.append(sides)
        return correlation_interval(*sides)

    monkeypatch.setattr(correlations, "correlation_interval", interval)
    scores = correlations.scored(found)
    frame = correlations.correlations(found, scores)
    assert len(asked) == frame["low"].notna().sum() > 0
    codes = ("de", "fr", "es")
    opinions = [score for score in scores if score.task == "opinions"]
    draws = [np.array([one.draws[code] for code in codes]).T for one in opinions]
    for _, _, of_scores, of_similarities in asked:
        assert len(of_scores) == len(of_similarities) == DRAWS
        assert any(
            np.array_equal(of_scores, np.roll(each, 1, axis=0)) for each in draws
        )
    before = {s.language: d for s, d in found.draws.items() if s.tuned_on is None}
    first = [
        np.array([before[code][place] for code in codes]) for place in before["de"]
    ]
    expected = [x[:, 0].T for x in first] + [(x[:, 0] - x[:, 1]).T for x in first]
    seen = [of_similarities for *_, of_similarities in asked]
    for each in expected:
        assert any(np.allclose(each, one) for one in seen)


def test_languages_with_the_same_total_over_seeds_tie(found: Outcomes) -> None:
    right = {
        "en": (1, 1, 1),
        "fr": (270, 268, 269),
        "de": (215, 202, 206),  # 623, as the next in other sums
        "es": (214, 204, 205),
    }
    scores = [
        correlations.Scored(
            "opinions",
            seed + 1,
            "accuracy_choice",
            {code: many[seed] / 300 for code, many in right.items()},
            {code: np.full(DRAWS, many[seed] / 300) for code, many in right.items()},
            300,
        )
        for seed in range(3)
    ]
    frame = correlations.correlations(found, scores)
    rows = frame[frame["seed"].isna() & frame["measure"].eq("parallel")]
    rows = rows[rows["statistic"].eq("spearman")]
    assert len(rows) == 2  # poolings
    # With two of three tied, rho is 0.87 or 0 in size, but never 1 or 0.5.
    sizes = rows["value"].abs().to_numpy()
    assert (np.isclose(sizes, 0) | np.isclose(sizes, 0.75**0.5)).all()


def test_the_mean_over_seeds_is_as_unsure_as_trainings_differ() -> None:
    """Simulated: the interval of ρ of a mean covers that of the expected scores."""
    codes = ["en", *(f"l{n}" for n in range(11))]
    expected = np.linspace(0.60, 0.75, len(codes))
    similar, rng = np.linspace(0, 1, len(codes) - 1), np.random.default_rng(4)
    covered, lows = np.zeros(2), []
    for _ in range(20):
        parts = []
        for seed in (1, 2, 3):
            of_all = rng.normal(0, 0.2)  # moves no language past another
            scores = expected + of_all + rng.normal(0, 0.04, len(codes))
            noise = rng.normal(0, 0.005, (len(codes), DRAWS))
            parts.append(
                correlations.Scored(
                    "opinions",
                    seed,
                    "accuracy_choice",
                    dict(zip(codes, scores, strict=True)),
                    dict(zip(codes, scores[:, np.newaxis] + noise, strict=True)),
                    300,
                )
            )
        mean = correlations._with_means(parts)[-1]
        assert mean.seed is None
        assert np.std(mean.draws["l3"]) == pytest.approx(0.04 / 3**0.5, rel=0.6)
        of_items = np.mean([[part.draws[c] for c in codes] for part in parts], axis=0)
        for kind, draws in enumerate((np.array([*mean.draws.values()]), of_items)):
            found = correlation_interval(
                np.array([*mean.scores.values()][1:]),
                similar,
                draws[1:].T,
                similar + rng.normal(0, 0.01, (DRAWS, len(similar))),
            )
            covered[kind] += found.interval[1] > 1 - 1e-9
            lows.append(found.interval[0])
    assert covered[0] >= 18
    assert covered[1] <= 14  # what items alone would say
    assert max(lows[::2]) > -0.9  # it is not always the whole range


def test_gaps_of_equal_vectors_rank_nothing(found: Outcomes) -> None:
    """Parallel less random is then rounding alone, and as large as any other gap."""
    noise = {"de": 1e-16, "fr": 0.0, "es": -2e-16}
    for step, rows in found.compared.items():
        for row in rows:
            row["gap"] = noise[str(step.language)]
    frame = correlations.correlations(found, correlations.scored(found))
    rows = frame[frame["measure"].eq("gap") & frame["metric"].eq("accuracy_choice")]
    assert set(rows["reason"]) == {"the similarities of all languages are the same"}


def test_controls_hold_something_else_equal(tiny_done: Done) -> None:
    frame = tiny_done[1].controls
    assert list(frame.columns) == correlations.CONTROLS
    assert set(frame["control"]) == {"fertility", "length", "script", "before"}
    assert {"parallel", "gap", "anc"} <= set(frame["measure"])
    assert frame["value"].isna().all()
    assert set(frame.loc[frame["n"] == 3, "reason"]) == {
        "3 languages; a partial correlation needs 4"
    }


LINES = {
    "en": ["ab ab", "ab ab"],  # 4 words, 10 characters
    "de": ["abcdef ab ab", "abcd ab"],  # 5, 19
    "fr": ["a b c", "d e f g"],  # 7, 12
    "ja": ["abc", "d e"],  # 3, 6
    "ru": ["a b c d", "a b"],  # 6, 10
}


def words(texts: list[str], add_special_tokens: bool) -> SimpleNamespace:
    """Tokenizes: a word is a token."""
    assert not add_special_tokens
    return SimpleNamespace(input_ids=[text.split() for text in texts])


def left_of(
    side: dict[str, float], control: dict[str, float]
) -> npt.NDArray[np.float64]:
    """What of the ranks is not on a line through those of the control."""
    codes = ["de", "fr", "ja", "ru"]
    y, x = (rankdata([values[code] for code in codes]) for values in (side, control))
    fitted = np.polynomial.Polynomial.fit(x, y, 1)
    return np.asarray(y - fitted(x))


def test_controls_are_of_the_tokenizer_and_the_script() -> None:
    model = SimpleNamespace(name="counting")
    corpora = {"lines": SimpleNamespace(sentences=LINES)}
    inputs: Any = SimpleNamespace(
        tasks={"t": SimpleNamespace(test=LINES)}, corpora=corpora
    )
    study: Any = SimpleNamespace(languages=[*LINES], model=model)
    tokens = correlations._tokens(corpora["lines"], words)
    controls = language_controls(LINES, tokens)
    assert controls == {
        "fertility": {"en": 1, "de": 1.25, "fr": 1.75, "ja": 0.75, "ru": 1.5},
        "length": {"en": 1, "de": 1.9, "fr": 1.2, "ja": 0.6, "ru": 1},
        "script": {"en": 1, "de": 1, "fr": 1, "ja": 0, "ru": 0},
    }

    scores = {"en": 0.9, "de": 0.8, "fr": 0.5, "ja": 0.3, "ru": 0.6}
    cosines = {"de": 0.9, "fr": 0.7, "ja": 0.8, "ru": 0.4}
    gaps = {"de": 0.2, "fr": 0.3, "ja": 0.1, "ru": 0.4}
    place = dict.fromkeys(correlations.MEASURES) | {"pooling": "mean", "layer": -1}
    compared = {}
    for code, cosine in cosines.items():
        spec = Spec("compare", f"compare lines {code}", {"target": code})
        step = Step(spec=spec, name="lines", language=code, items=2, work=0)
        compared[step] = [place | {"parallel": cosine, "gap": gaps[code]}]
    metric = "accuracy_choice"
    evaluated = {}
    right = {"en": [1, 1, 1, 1], "de": [1, 1, 1, 0], "fr": [0] * 4}
    right |= {"ja": [0, 0, 0, 1], "ru": [1, 0, 1, 0]}
    for code, hits in right.items():
        for prompt, shown in (("own", hits), ("other", [1, 1, 1, 1])):
            spec = Spec("evaluate", f"evaluate t {code} {prompt}", {"target": code})
            step = Step(
                spec=spec, name="t", language=code, prompt=prompt, items=4, work=0
            )
            evaluated[step] = pd.DataFrame({metric: np.array(shown, dtype=bool)})
    found: Any = SimpleNamespace(
        study=study,
        inputs=inputs,
        compared=compared,
        evaluated=evaluated,
        metrics=lambda step: (metric,),
    )
    score = correlations.Scored("t", 1, metric, scores, {}, 9)
    frame = correlations.controls(found, [score], words)
    assert frame["n"].tolist() == [4] * 8
    controls["before"] = {"de": 0.75, "fr": 0.0, "ja": 0.25, "ru": 0.5}
    similarities = {"parallel": cosines, "gap": gaps}
    keys = [*zip(frame["measure"], frame["control"], strict=True)]
    assert keys == [*product(similarities, controls)]
    for (measure, control), row in zip(keys, frame.to_dict("records"), strict=True):
        pair, given = (scores, similarities[measure]), controls[control]
        left = np.corrcoef(*(left_of(side, given) for side in pair))
        assert row["value"] == pytest.approx(left[0, 1]), (measure, control)
        x, y, z = ([side[code] for code in cosines] for side in (*pair, given))
        alone = row["rho_score"], row["rho_similarity"]
        assert alone == pytest.approx((spearmanr(x, z)[0], spearmanr(y, z)[0]))


def test_pooled_is_the_mean_over_tasks(found: Outcomes) -> None:
    study = found.study.model_copy(update={"headline": "choice"})
    found.study = study
    scores = correlations.scored(found)
    frame = correlations.pooled(found, scores)
    assert list(frame.columns) == correlations.POOLED
    assert set(frame["strata"]) == {"opinions seed 1"}  # titles have two languages
    alone = correlations.correlations(found, scores)
    alone = alone[alone["metric"].eq("accuracy_choice")]
    alone = alone[alone["measure"].eq("parallel")]
    keys = ["corpus", "pooling", "layer", "statistic"]
    both = pd.merge(frame, alone, on=keys, suffixes=("", "_alone"))
    assert len(both) == len(frame) == 6
    assert both["value"].tolist() == pytest.approx(both["value_alone"].tolist())
    assert both["p"].tolist() == pytest.approx(both["p_exact"].tolist())
