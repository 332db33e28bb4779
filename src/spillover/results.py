"""What a study found: its tidy tables, and what is shown of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, TypeAdapter, ValidationError

from spillover import parquet, published, writing
from spillover.analysis import findings
from spillover.analysis.verdict import Evidence, Finding, Verdict
from spillover.errors import DataError
from spillover.lint.remark import Remark
from spillover.pipeline import collect, correlations
from spillover.report import evidence, tables
from spillover.report.beside import beside
from spillover.report.panel import Panel, Panels
from spillover.study import Study
from spillover.study_file import read_study

if TYPE_CHECKING:
    import pandas as pd

Name = Annotated[str, Field(pattern=r"^[\w.+!~-]+$")]  # stands in commands of others
Versions = dict[Name, Name]

AGAIN = "spillover run study.yaml --out again"
AGAIN_WITH_DATA = f"{AGAIN} --data-root DATA"

FRAMES: Mapping[str, list[str]] = {
    "evaluations": collect.EVALUATIONS,
    "comparisons": collect.COMPARISONS,
    "similarities": collect.SIMILARITIES,
    "correlations": correlations.CORRELATIONS,
    "controls": correlations.CONTROLS,
    "pooled": correlations.POOLED,
    "distributions": collect.DISTRIBUTIONS,
    "mexa": collect.MEXA,
    "diagnostics": collect.DIAGNOSTICS,
    "confusions": collect.CONFUSIONS,
    "lint": [field.name for field in fields(Remark)],
}
"""Name of a tidy table -> its columns."""


@dataclass(frozen=True)
class Results:
    """What a study found.

    Attributes:
        study: the study as it was run.
        folder: where everything was written.
        evaluations: one row a task, language, prompt, state of the model and metric.
        comparisons: after against before tuning, on the same items.
        similarities: one row a corpus, language, state, pooling and layer.
        correlations: one row a task, metric, corpus, pooling, layer and measure.
        controls: correlations given what else may explain them.
        pooled: correlations of all tasks and seeds as one.
        distributions: numbers of pairs by cosine, one row a bin.
        mexa: one row a corpus, language, state and pooling, over layers.
        diagnostics: what stands behind the scores.
        confusions: gold labels against answers.
        lint: what the linter remarked on the study's data.
        metrics: task -> the metric that its tables show.
        kinds: task -> classification or generation.
    """

    study: Study
    folder: Path
    evaluations: pd.DataFrame
    comparisons: pd.DataFrame
    similarities: pd.DataFrame
    correlations: pd.DataFrame
    controls: pd.DataFrame
    pooled: pd.DataFrame
    distributions: pd.DataFrame
    mexa: pd.DataFrame
    diagnostics: pd.DataFrame
    confusions: pd.DataFrame
    lint: pd.DataFrame
    metrics: dict[str, str]
    kinds: dict[str, str]

    def __repr__(self) -> str:
        """Which they are, without the tables."""
        return f"Results({self.study.name!r}, folder={str(self.folder)!r})"

    def _repr_html_(self) -> str:
        from spillover.report import notebook

        return notebook.html(self)

    def panels(self) -> Panels:
        """Tables 1 to 3, in the paper's shape, each with what it rests on."""
        score, similarity, correlation = self.paper_panels()
        behind_scores, behind_correlations = self.evidence_panels()
        return Panels(
            [
                *score,
                *behind_scores,
                *similarity,
                *correlation,
                *behind_correlations,
            ]
        )

    def evidence_panels(self) -> tuple[list[Panel], list[Panel]]:
        """What Table 1 rests on, and what goes beyond Table 3."""
        languages, metrics = self.study.languages, self.metrics
        behind_scores = [
            *evidence.baseline_panels(self.diagnostics, languages, metrics),
            *evidence.change_panels(self.comparisons, languages, metrics),
            *evidence.prompt_panels(self.evaluations, languages, metrics),
        ]
        return behind_scores, evidence.pooled_panels(self._of_the_tables(self.pooled))

    def detail_panels(self) -> tuple[list[Panel], list[Panel]]:
        """What a terminal has no room for: intervals and answers; all measures."""
        languages, metrics = self.study.languages, self.metrics
        behind_scores = [
            *evidence.interval_panels(self.evaluations, languages, metrics),
            *evidence.answer_panels(self.diagnostics, languages, metrics),
        ]
        found = self._of_the_tables(self.correlations)
        return behind_scores, evidence.measure_panels(found, metrics)

    def paper_panels(self) -> tuple[list[Panel], list[Panel], list[Panel]]:
        """Tables 1, 2 and 3 alone."""
        languages, metrics = self.study.languages, self.metrics
        similarities = self._of_the_tables(self.similarities)
        return (
            tables.score_panels(self.evaluations, languages, metrics),
            tables.similarity_panels(similarities, languages[1:], [*metrics]),
            tables.correlation_panels(self._of_the_tables(self.correlations), metrics),
        )

    def beside(self, paper: str, matched: Mapping[str, str]) -> Panels:
        """Tables 1 to 3 with a paper's numbers under each row.

        Args:
            paper: one of `published.names()`.
            matched: the study's task -> the paper's task that it is set beside, for
                tasks of different names.

        Raises:
            StudyError: there is no such paper or task.
        """
        return Panels(
            beside(
                self.evaluations,
                self._of_the_tables(self.similarities),
                self._of_the_tables(self.correlations),
                published.load(paper),
                languages=self.study.languages,
                metrics=self.metrics,
                tasks=matched,
            )
        )

    def _of_the_tables(self, frame: pd.DataFrame) -> pd.DataFrame:
        """Spearman's correlations; and where all layers were looked at, the last."""
        if "statistic" in frame:
            frame = frame[frame["statistic"] == "spearman"]
        if self.study.embed.layers == "all":
            frame = frame[frame["layer"] == frame["layer"].max()]
        return frame

    def write_tables(self) -> None:
        """Write all panels as CSV, Markdown and LaTeX, in `tables`."""
        score, similarity, correlation = self.paper_panels()
        behind_scores, behind_correlations = self.evidence_panels()
        tables.write_tables(
            self.folder / "tables",
            {
                "table1": score,
                "table2": similarity,
                "table3": correlation,
                "evidence": [
                    *behind_scores,
                    *behind_correlations,
                    *chain(*self.detail_panels()),
                ],
            },
        )

    def write_report(self) -> Path:
        """Write `report.html`, and its figures as SVG and PDF in `figures`.

        Returns:
            The page.

        Raises:
            DataError: the folder holds no `study.yaml` or no `versions.json`.
            OutputError: a figure cannot be written.
        """
        from spillover.report import figures, page

        drawn = figures.drawings(self)
        path = self.folder / "report.html"
        writing.replace(path, page.render(self, drawn))
        figures.write_drawings(self.folder / "figures", drawn)
        return path

    def kept(self, name: str) -> str:
        """The text of a file of the run's folder.

        Raises:
            DataError: it is not there.
        """
        path = self.folder / name
        if not path.is_file():
            raise DataError("no such file", where=path, fix="run the study again")
        try:
            return path.read_text("utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise DataError(f"cannot be read ({error})", where=path) from error

    @property
    def command(self) -> str:
        """What runs the study again, beside its `study.yaml`, which begins with it."""
        first, _, _ = self.kept("study.yaml").partition("\n")
        told = first.removeprefix("# ")
        return told if told in (AGAIN, AGAIN_WITH_DATA) else AGAIN

    @property
    def versions(self) -> dict[str, str]:
        """On what, and with which version of each package, the run was made.

        Raises:
            DataError: the run's folder does not say so, or is damaged there.
        """
        try:
            return TypeAdapter(Versions).validate_json(self.kept("versions.json"))
        except ValidationError as error:
            raise DataError(
                f"not versions of packages ({error.errors()[0]['msg']})",
                where=self.folder / "versions.json",
                fix="run the study again",
            ) from error

    def findings(self, more: Sequence[Finding] = ()) -> list[Verdict]:
        """The verdicts on the built-in claims, and on `more` of the user's own."""
        return findings.check(self.evidence(), more)

    def evidence(self) -> Evidence:
        """What findings look at: the tables' layer, and Spearman's correlations."""
        return Evidence(
            self.evaluations,
            self.comparisons,
            self._of_the_tables(self.similarities),
            self._of_the_tables(self.correlations),
            self.diagnostics,
            self.confusions,
            self.metrics,
            self.kinds,
        )


def read_results(folder: Path) -> Results:
    """The results of a run, from the folder that it wrote them into.

    Raises:
        DataError: there are none, not all of them, or one is damaged.
        StudyError, Faults: its `study.yaml` is.
    """
    if not (folder / "study.yaml").is_file():
        raise DataError(
            "no finished run",
            where=folder,
            expected="a folder with study.yaml and results",
            fix="'spillover run' makes one",
        )
    study = read_study(folder / "study.yaml")
    frames = {
        name: parquet.read(folder / "results" / f"{name}.parquet", columns)
        for name, columns in FRAMES.items()
    }
    used = {task.name: task for task in (use.resolve() for use in study.tasks)}
    _check_same(study, [*used], frames, folder)
    return Results(
        study=study,
        folder=folder,
        **frames,
        metrics={name: study.metric(task) for name, task in used.items()},
        kinds={name: task.kind for name, task in used.items()},
    )


def _check_same(
    study: Study, tasks: Sequence[str], frames: Mapping[str, pd.DataFrame], folder: Path
) -> None:
    """Raise a `DataError` where `study.yaml` is not of these tables."""
    evaluated, compared = frames["evaluations"], frames["similarities"]
    codes = {*evaluated["language"], *compared["source"], *compared["target"]}
    layers, there = study.embed.layers, {*compared["layer"]}
    same = {
        "tasks": {*evaluated["task"]} == {*tasks},
        "languages": codes <= {*study.languages},
        "layers": len(there) != 1 if layers == "all" else there <= {*layers},
    }
    other = [name for name, held in same.items() if not held]
    if other:
        raise DataError(
            f"other {' and '.join(other)} than in the tables of results",
            where=folder / "study.yaml",
            fix="run the study again",
        )
