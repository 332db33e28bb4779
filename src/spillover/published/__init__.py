"""Tables of published papers, as data in the shape of our own results.

Each paper is one YAML file in this folder, with its numbers as printed;
`xie2024.yaml` shows the form. Another paper is another file and no code.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from spillover.errors import DataError, unknown

if TYPE_CHECKING:
    import pandas as pd

Row = dict[str, Any]
Number = Annotated[float, Field(allow_inf_nan=False)]
Unit = Annotated[Number, Field(ge=-1, le=1)]
Pair = tuple[Number | None, Number | None]


@dataclass(frozen=True)
class Published:
    """The tables of a paper.

    The frames have the columns that `spillover.report.tables` reads from our own
    results, missing where the paper does not say. What the paper gives as a gap has no
    row.

    Attributes:
        name: of the paper, as `load` takes it.
        citation: the paper.
        model: the model that it measured.
        decimals: how many places its numbers are printed with.
        languages: in the order of its tables; the one tuned on and compared with first.
        metrics: task to its metric, in the order of the tables.
        evaluations: Table 1, one row a task, language and state of the model.
        similarities: Table 2, one row a corpus, language, state and pooling.
        correlations: Table 3, one row a task, corpus and pooling; its p as `p_t`.
        notes: what to know when comparing with these numbers.
    """

    name: str
    citation: str
    model: str
    decimals: int
    languages: tuple[str, ...]
    metrics: Mapping[str, str]
    evaluations: pd.DataFrame
    similarities: pd.DataFrame
    correlations: pd.DataFrame
    notes: tuple[str, ...]


def names() -> list[str]:
    """The names of the papers, sorted."""
    return sorted(
        path.name.removesuffix(".yaml")
        for path in files(__name__).iterdir()
        if path.name.endswith(".yaml")
    )


def load(name: str) -> Published:
    """The tables of the paper of that name, such as `xie2024`.

    Raises:
        StudyError: there is no such paper.
        DataError: its file is not as `xie2024.yaml` is.
    """
    if name not in names():
        raise unknown("paper", name, names())
    return parse(name, (files(__name__) / f"{name}.yaml").read_text("utf-8"))


def parse(name: str, text: str) -> Published:
    """The tables in a YAML text.

    Args:
        name: what to call the paper.
        text: the content of a file such as `xie2024.yaml`.

    Raises:
        DataError: the text is not of that form.
    """
    try:
        paper = _Paper.model_validate(yaml.safe_load(text))
    except yaml.YAMLError as error:
        raise DataError(f"not YAML ({' '.join(str(error).split())})", where=name) from (
            error
        )
    except ValidationError as error:
        found = [
            f"{'.'.join(map(str, detail['loc']))}: {detail['msg']}".removeprefix(": ")
            for detail in error.errors()
        ]
        raise DataError(
            "; ".join(found), where=name, expected="the form of xie2024.yaml"
        ) from error
    return _published(name, paper)


class _Form(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class _Similarities(_Form):
    corpus: str
    n: int | None = Field(default=None, ge=1)
    tuned_on: tuple[str | None, ...]
    poolings: dict[str, dict[str, tuple[Pair, ...]]]


class _Correlations(_Form):
    columns: tuple[tuple[str, str], ...]
    n: dict[str, Annotated[int, Field(ge=3)]]
    rows: dict[str, tuple[tuple[Unit | None, Unit | None], ...]]


class _Paper(_Form):
    citation: str
    model: str
    decimals: int = Field(ge=0)
    languages: tuple[str, ...] = Field(min_length=2)
    metrics: dict[str, str]
    scores: dict[str, dict[Literal["before", "after"], tuple[Number | None, ...]]]
    similarities: tuple[_Similarities, ...]
    correlations: _Correlations
    notes: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _every_row_is_full(self) -> Self:
        columns = len(self.correlations.columns)
        lengths = [
            *(
                (f"scores.{task}.{state}", len(row), len(self.languages))
                for task, states in self.scores.items()
                for state, row in states.items()
            ),
            *(
                (f"{table.corpus}.{pooling}.{code}", len(row), len(table.tuned_on))
                for table in self.similarities
                for pooling, rows in table.poolings.items()
                for code, row in rows.items()
            ),
            *(
                (f"correlations.{task}", len(row), columns)
                for task, row in self.correlations.rows.items()
            ),
        ]
        for place, found, wanted in lengths:
            if found != wanted:
                raise ValueError(f"{place} has {found} entries and {wanted} columns")
        others = self.languages[1:]
        for table in self.similarities:
            for pooling, rows in table.poolings.items():
                for code in sorted({*rows} - {*others}):
                    place = f"{table.corpus}.{pooling}.{code}"
                    raise ValueError(f"{place} is none of {', '.join(others)}")
        named = {*self.scores, *self.correlations.rows}
        for task in sorted(named - {*self.metrics}):
            raise ValueError(f"metrics has no {task}")
        for task in sorted({*self.correlations.rows} - {*self.correlations.n}):
            raise ValueError(f"correlations.n has no {task}")
        return self


EVALUATIONS = [
    "model", "tuned_on", "task", "language", "metric", "value", "n", "n_expected",
]  # fmt: skip
SIMILARITIES = [
    "model", "tuned_on", "corpus", "source", "target", "pooling", "layer", "parallel",
    "random", "n", "n_expected",
]  # fmt: skip
CORRELATIONS = [
    "task", "metric", "corpus", "pooling", "layer", "statistic", "value", "p_t",
    "p_exact", "p_min", "n",
]  # fmt: skip


def _published(name: str, paper: _Paper) -> Published:
    import pandas as pd

    tables = (
        (_evaluations(paper), EVALUATIONS),
        (_similarities(paper), SIMILARITIES),
        (_correlations(paper), CORRELATIONS),
    )
    evaluations, similarities, correlations = (
        pd.DataFrame(list(rows), columns=columns) for rows, columns in tables
    )
    return Published(
        name=name,
        citation=paper.citation,
        model=paper.model,
        decimals=paper.decimals,
        languages=paper.languages,
        metrics=paper.metrics,
        evaluations=evaluations,
        similarities=similarities,
        correlations=correlations,
        notes=paper.notes,
    )


def _evaluations(paper: _Paper) -> Iterator[Row]:
    for task, states in paper.scores.items():
        for state, row in states.items():
            for language, value in zip(paper.languages, row, strict=True):
                if value is not None:
                    yield {
                        "model": paper.model,
                        "tuned_on": task if state == "after" else None,
                        "task": task,
                        "language": language,
                        "metric": paper.metrics[task],
                        "value": value,
                    }


def _similarities(paper: _Paper) -> Iterator[Row]:
    for table in paper.similarities:
        for pooling, rows in table.poolings.items():
            for language, row in rows.items():
                for tuned_on, (parallel, random) in zip(
                    table.tuned_on, row, strict=True
                ):
                    yield {
                        "model": paper.model,
                        "tuned_on": tuned_on,
                        "corpus": table.corpus,
                        "source": paper.languages[0],
                        "target": language,
                        "pooling": pooling,
                        "parallel": parallel,
                        "random": random,
                        "n": table.n,
                        "n_expected": table.n,
                    }


def _correlations(paper: _Paper) -> Iterator[Row]:
    table = paper.correlations
    for task, row in table.rows.items():
        for (corpus, pooling), (value, p) in zip(table.columns, row, strict=True):
            if value is not None:
                yield {
                    "task": task,
                    "metric": paper.metrics[task],
                    "corpus": corpus,
                    "pooling": pooling,
                    "statistic": "spearman",
                    "value": value,
                    "p_t": p,
                    "n": table.n[task],
                }
