"""What a study found: its tidy tables, and the folder that they are written into."""

from __future__ import annotations

import json
import os
import platform
import shutil
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import yaml
from pydantic import Field, TypeAdapter, ValidationError

from spillover import parquet, published, writing
from spillover.analysis import findings
from spillover.analysis.verdict import Evidence, Finding, Verdict, to_frame
from spillover.errors import DataError
from spillover.languages import PIVOT
from spillover.languages import language as language_of
from spillover.lint.remark import Remark
from spillover.model_spec import ADAPTER
from spillover.pipeline import collect, correlations
from spillover.pipeline.inputs import Inputs
from spillover.pipeline.plan import Step
from spillover.pipeline.store import Store
from spillover.published.comparison import beside
from spillover.report import evidence, tables
from spillover.report.examples import adapter_of, file_of
from spillover.report.panel import Panel, Panels
from spillover.study import Study, read_study

if TYPE_CHECKING:
    import pandas as pd

Name = Annotated[str, Field(pattern=r"^[\w.+!~-]+$")]  # stands in commands of others
Versions = dict[Name, Name]

PACKAGES = ("spillover", "torch", "transformers", "peft", "datasets", "numpy", "scipy")

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

    def detail_panels(self) -> list[Panel]:
        """What a terminal has no room for: each score's interval, and the answers."""
        languages, metrics = self.study.languages, self.metrics
        return [
            *evidence.interval_panels(self.evaluations, languages, metrics),
            *evidence.answer_panels(self.diagnostics, languages, metrics),
        ]

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
                    *self.detail_panels(),
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
            self.metrics,
            self.kinds,
            PIVOT,
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
    return Results(
        study=study,
        folder=folder,
        **frames,
        metrics={name: study.metric(task) for name, task in used.items()},
        kinds={name: task.kind for name, task in used.items()},
    )


def write_results(
    study: Study,
    inputs: Inputs,
    steps: Sequence[Step],
    store: Store,
    folder: Path,
    lint: pd.DataFrame,
) -> Results:
    """Analyse the finished steps and write everything into the study's folder."""
    found = collect.Outcomes(study, inputs, steps, store)
    scores = correlations.scored(found)
    results = Results(
        study=study,
        folder=folder,
        evaluations=collect.evaluations(found),
        comparisons=collect.comparisons(found),
        similarities=collect.similarities(found),
        correlations=correlations.correlations(found, scores),
        controls=correlations.controls(found, scores, _controls(study, inputs)),
        pooled=correlations.pooled(found, scores),
        distributions=collect.distributions(found),
        mexa=collect.mexa(found),
        diagnostics=collect.diagnostics(found),
        confusions=collect.confusions(found),
        lint=lint,
        metrics={name: study.metric(data.task) for name, data in inputs.tasks.items()},
        kinds={name: data.task.kind for name, data in inputs.tasks.items()},
    )
    # Written last: until then the folder is no run, neither the new nor an old one.
    (folder / "study.yaml").unlink(missing_ok=True)
    for name in FRAMES:
        _write_frame(getattr(results, name), folder / "results" / name)
    verdicts = to_frame(results.findings())
    _write_frame(verdicts, folder / "results" / "findings")
    results.write_tables()
    _lay_out(study, steps, store, folder)
    versions = json.dumps(_versions(steps), indent=1)
    writing.replace(folder / "versions.json", versions + "\n")
    as_run = study.model_dump(mode="json", exclude_none=True)
    text = yaml.safe_dump(as_run, sort_keys=False, allow_unicode=True)
    command = AGAIN if inputs.data_root is None else AGAIN_WITH_DATA
    writing.replace(folder / "study.yaml", f"# {command}\n{text}")
    results.write_report()
    return results


def _controls(study: Study, inputs: Inputs) -> dict[str, dict[str, dict[str, float]]]:
    """For each corpus, what else than similarity could explain a language's score.

    Fertility is the number of tokens that the model's tokenizer needs for the corpus,
    over that for English; length the same of characters; script is 1 for English's.
    """
    from spillover.models import load_tokenizer

    tokenizer = load_tokenizer(study.model)
    result = {}
    for name, corpus in inputs.corpora.items():
        tokens, characters = {}, {}
        for code, sentences in corpus.sentences.items():
            ids = tokenizer(list(sentences), add_special_tokens=False).input_ids
            tokens[code] = float(sum(map(len, ids)))
            characters[code] = float(sum(map(len, sentences)))
        script = language_of(PIVOT).script
        same = {code: float(language_of(code).script == script) for code in tokens}
        result[name] = {
            "fertility": {code: n / tokens[PIVOT] for code, n in tokens.items()},
            "length": {code: n / characters[PIVOT] for code, n in characters.items()},
            "script": same,
        }
    return result


def _write_frame(frame: pd.DataFrame, path: Path) -> None:
    writing.replace(path.with_suffix(".parquet"), frame.to_parquet(index=False))
    writing.replace(path.with_suffix(".csv"), frame.to_csv(index=False))


def _lay_out(study: Study, steps: Sequence[Step], store: Store, folder: Path) -> None:
    """Put adapters and predictions where a person looks for them, as hard links."""
    for step in steps:
        made = store.folder(step.spec)
        if step.kind == "tune":
            kept = folder / adapter_of(study, step.name, step.seed)
            for name in (*ADAPTER, "log.json"):
                _link(made / name, kept / name)
        elif step.kind == "evaluate":
            place = str(step.language), step.tuned_on, step.seed, step.prompt
            path = file_of(study, step.name, *place)
            _link(made / "predictions.parquet", folder / path)


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    temporary = writing.beside(target)
    try:
        os.link(source, temporary)
    except OSError:  # another file system, or one without hard links
        shutil.copyfile(source, temporary)
    os.replace(temporary, target)
    # Onto another link of the same file a rename does nothing, by POSIX.
    temporary.unlink(missing_ok=True)


def _versions(steps: Sequence[Step]) -> dict[str, str]:
    scorers = [step.spec.fields.get("packages", {}) for step in steps]
    computed = {
        name: str(step.spec.fields[name])
        for step in steps
        for name in ("device", "dtype")
        if name in step.spec.fields
    }
    return {
        "python": sys.version.split()[0],
        "platform": platform.platform(),
        **computed,
        **{name: version(name) for name in PACKAGES},
        **{name: number for found in scorers for name, number in found.items()},
    }
