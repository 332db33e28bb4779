"""Scores against similarities, from tables, wherever either of them comes from."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from spillover.analysis.correlation import correlate_places
from spillover.analysis.correlation_interval import correlation_interval
from spillover.analysis.permutation import Floats
from spillover.analysis.uncertainty import DRAWS
from spillover.data.task import OWN_PROMPT
from spillover.errors import DataError, unknown
from spillover.exchange.scores import Z
from spillover.pipeline.collect import EVALUATIONS, SIMILARITIES, TEXTS, tidy
from spillover.pipeline.correlations import CORRELATIONS, MEASURES

if TYPE_CHECKING:
    import pandas as pd

TABLES = {"evaluations": EVALUATIONS, "similarities": SIMILARITIES}
NEEDED = {
    "evaluations": "model task language metric value",
    "similarities": "model corpus source target layer",
}
"""Columns that a table must have; the others may be missing."""


KEYS = ("model", "task", "language", "metric", "corpus", "source", "target")
"""Columns of names, which no row lacks."""


def read_table(source: Path, name: str) -> pd.DataFrame:
    """A tidy table: a CSV file, or the one of that name in the folder of a run.

    Raises:
        DataError: there is none, or it is of several models.
    """
    path = source / "results" / f"{name}.csv" if source.is_dir() else source
    if not path.is_file():
        raise DataError(
            "no such file",
            where=path,
            expected=f"{name} as CSV, of a run or written by 'spillover import'",
        )
    try:
        read = _cells(path)
        records: list[Any] = read.to_dict("records")
        frame = tidy(records, TABLES[name])
    except ValueError as error:
        raise DataError(f"not a readable table ({error})", where=path) from error
    missing = [column for column in NEEDED[name].split() if column not in read]
    if missing:
        raise DataError(f"no column {', '.join(missing)}", where=path, expected=name)
    if frame.empty:
        raise DataError("no row below the header", where=path)
    for column in KEYS:
        if column in frame and frame[column].isna().any():
            raise DataError(f"a row without a {column}", where=path)
    for low in frame.filter(regex="low$"):
        if (frame[low] > frame[str(low).removesuffix("low") + "high"]).any():
            raise DataError(f"an interval whose {low} is its higher end", where=path)
    models = frame["model"].unique()
    if len(models) != 1:
        raise DataError(
            f"{len(models)} models: {', '.join(map(str, models))}",
            where=path,
            expected="one model",
            fix="import the results of each model into a file of their own",
        )
    return frame


def _cells(path: Path) -> pd.DataFrame:
    """A CSV file with its names as texts; an empty cell alone is a gap."""
    import pandas as pd

    texts = dict.fromkeys(TEXTS, str)  # a name of digits is a name
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", pd.errors.ParserWarning)
            return pd.read_csv(
                path,
                index_col=False,  # else a comma at the end of lines shifts columns
                keep_default_na=False,  # nan is the code of Min Nan
                na_values=[""],
                dtype=texts,
            )
    except pd.errors.ParserWarning as error:
        raise DataError(
            "a row with more cells than the header",
            where=path,
            fix="put cells with a comma in double quotes",
        ) from error


def correlate_tables(
    evaluations: pd.DataFrame,
    similarities: pd.DataFrame,
    measure: str | None = None,
    *,
    intersection: bool = False,
) -> pd.DataFrame:
    """Each task's score against a measure of similarity, over languages.

    The scores are those after tuning on the task itself, or, where there are none, of
    the model as it is; the similarities those before tuning. The language that all
    others are compared with is left out. A family, for `p_family`, is all poolings and
    layers of a corpus, and MEXA over its layers. There is an interval where both sides
    have one: the replicates are drawn from normal distributions as wide as these.

    Args:
        evaluations: scores, of one model.
        similarities: similarities, of one model.
        measure: the column of `similarities`; None: `parallel`, or `mexa` where there
            is no cosine. Of `mexa` by layer, also its mean and maximum over layers.
        intersection: correlate over the languages that both have. Otherwise one that
            only one side has is an error.

    Returns:
        As a run's `correlations`, Spearman's alone.

    Raises:
        StudyError: there is no such measure.
        DataError: nothing to correlate, or languages that differ.
    """
    rows: list[dict[str, Any]] = []
    for task, scores in _scores(evaluations):
        for place, *sides in _places(similarities, measure):
            rows += [
                task | place | row
                for row in _correlated(
                    scores.drop(place.pop("source"), errors="ignore"),
                    *sides,
                    where=task["task"],
                    intersection=intersection,
                )
            ]
    if not rows:
        raise DataError("there is no score, or no similarity, to correlate")
    return tidy(rows, CORRELATIONS)


def _scores(frame: pd.DataFrame) -> Iterator[tuple[dict[str, Any], pd.DataFrame]]:
    """Task, metric and seed, with value, low and high of each language."""
    own = frame["prompt"].astype(object).fillna(OWN_PROMPT) == OWN_PROMPT
    frame = frame[frame["value"].notna() & own]
    for (model, task, metric), part in frame.groupby(
        ["model", "task", "metric"], sort=False
    ):
        after = part[part["tuned_on"] == task]
        used = part[part["tuned_on"].isna()] if after.empty else after
        for seed, one in used.groupby("seed", dropna=False, sort=False):
            head = {"model": model, "task": task, "metric": metric, "seed": seed}
            table = one.set_index("language")[["value", "low", "high"]]
            if table.index.has_duplicates:
                raise DataError("two scores for one language", where=f"{task} {metric}")
            yield head, table


def _places(
    frame: pd.DataFrame, measure: str | None
) -> Iterator[tuple[dict[str, Any], pd.DataFrame, pd.DataFrame, pd.DataFrame]]:
    """Corpus and source, with similarities and the ends of their intervals.

    Each of the three is (languages, places), with a measure, a pooling and a layer to
    each place.
    """
    import pandas as pd

    frame = frame[frame["tuned_on"].isna()]
    frame = frame.assign(pooling=frame["pooling"].astype(object).fillna(""))
    there = [name for name in MEASURES if name in frame and frame[name].notna().any()]
    if measure is not None and measure not in there:
        raise unknown("measure", measure, there)
    chosen = measure or next(
        (m for m in there if m in ("parallel", "mexa")), "parallel"
    )
    columns = [chosen, f"{chosen}_low", f"{chosen}_high"]
    for (corpus, source), part in frame.groupby(["corpus", "source"], sort=False):
        if part.duplicated(["target", "pooling", "layer"]).any():
            raise DataError("two similarities for one language", where=corpus)
        head = {"corpus": corpus, "source": source}
        table = part.reindex(columns=["target", "pooling", "layer", *columns])
        value, low, high = (
            table.pivot(index="target", columns=["pooling", "layer"], values=name)
            for name in columns
        )
        sides = {chosen: (value, low, high)}
        if chosen == "mexa" and part["layer"].nunique() > 1:
            for name, over in [*_over_layers(value)][::-1]:
                gaps = over * np.nan
                sides = {f"mexa_{name}": (over, gaps, gaps)} | sides
        values, lows, highs = (
            pd.concat([side[n] for side in sides.values()], axis=1, keys=[*sides])
            for n in range(3)
        )
        yield head, values, lows, highs


def _over_layers(value: pd.DataFrame) -> Iterator[tuple[str, pd.DataFrame]]:
    """MEXA of each pooling over its layers; a gap where a layer has one."""
    import pandas as pd

    places: list[Any] = [*value.columns]
    layers = {
        (pooling, None): value[[place for place in places if place[0] == pooling]]
        for pooling, _ in places
    }
    means = {at: part.mean(axis=1, skipna=False) for at, part in layers.items()}
    yield "mean", pd.DataFrame(means)
    highest = {at: part.max(axis=1, skipna=False) for at, part in layers.items()}
    yield "max", pd.DataFrame(highest)


def _correlated(
    scores: pd.DataFrame,
    value: pd.DataFrame,
    low: pd.DataFrame,
    high: pd.DataFrame,
    *,
    where: str,
    intersection: bool,
) -> Iterator[dict[str, Any]]:
    """The rows of one family of places."""
    whole = value.dropna()
    both = [code for code in scores.index if code in whole.index]
    stray = sorted({*scores.index, *value.index} - {*both})
    if stray and not intersection:
        raise DataError(
            f"not on both sides, or not in all layers: {', '.join(stray)}",
            where=where,
            expected="scores and similarities of the same languages",
            fix=f"'--intersection' takes {', '.join(both) or 'none'}",
        )
    x = scores.loc[both].to_numpy(np.float64)
    y = np.array([side.loc[both].to_numpy(np.float64) for side in (whole, low, high)])
    places = y[0].round(12).T.tolist()  # gaps of equal vectors are rounding alone
    found = correlate_places(
        dict(zip(both, x[:, 0].tolist(), strict=True)),
        [dict(zip(both, place, strict=True)) for place in places],
    )
    columns: list[Any] = [*value.columns]
    for number, (place, one) in enumerate(zip(columns, found, strict=True)):
        measure, pooling, layer = place
        row = one.row(len(found)) | {"measure": measure, "pooling": pooling or None}
        row["layer"] = layer
        yield row | ({} if one.value is None else _interval(x, y[:, :, number].T))


def _interval(x: Floats, y: Floats) -> dict[str, Any]:
    """Interval and reliability, from (n, 3) values and ends of intervals."""
    if not np.isfinite([x, y]).all():
        return {}
    draws_x, draws_y = (
        np.random.default_rng(seed).normal(
            side[:, 0], (side[:, 2] - side[:, 1]) / (2 * Z), (DRAWS, len(side))
        )
        for seed, side in enumerate((x, y))
    )
    found = correlation_interval(x[:, 0], y[:, 0], draws_x, draws_y)
    low, high = found.interval
    return {"low": low, "high": high, "reliability": found.reliability}
