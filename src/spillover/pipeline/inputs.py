"""What a study reads, all of it read and checked before a model is loaded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from spillover.data.corpus import AlignedCorpus
from spillover.data.items import Item, rank, subsample, without_placeholders
from spillover.data.task import Task
from spillover.errors import DataError, Faults, SpilloverError, unknown
from spillover.languages import LANGUAGES
from spillover.settings import EvaluateSettings, TuneSettings
from spillover.study import CorpusUse, Study, TaskUse

PIVOT = "en"


@dataclass(frozen=True)
class TaskInputs:
    """A task of a study with its items.

    Attributes:
        task: the task.
        tune: its settings of tuning.
        evaluate: its settings of evaluation.
        train: English items to learn from.
        test: language -> items to evaluate.
        n_expected: language -> how many test items were asked for.
        placeholders: language -> how many test items hold a placeholder.
    """

    task: Task
    tune: TuneSettings
    evaluate: EvaluateSettings
    train: list[Item]
    test: Mapping[str, list[Item]]
    n_expected: Mapping[str, int]
    placeholders: Mapping[str, int]


@dataclass
class Inputs:
    """All that a study reads.

    Attributes:
        tasks: name -> task with its items.
        corpora: name -> parallel sentences.
        errors: what is wrong, in the order in which it was found.
    """

    tasks: dict[str, TaskInputs] = field(default_factory=dict)
    corpora: dict[str, AlignedCorpus] = field(default_factory=dict)
    errors: list[SpilloverError] = field(default_factory=list)

    @contextmanager
    def collecting(self) -> Iterator[None]:
        """Keep an error instead of raising it."""
        try:
            yield
        except Faults as faults:
            self.errors += faults.errors
        except SpilloverError as error:
            self.errors.append(error)


def read_inputs(study: Study, data_root: Path | None) -> Inputs:
    """Read all tasks and corpora of a study; errors are kept in the result."""
    inputs = Inputs()
    for code in study.languages:
        if code not in LANGUAGES:
            inputs.errors.append(unknown("language", code, LANGUAGES))
    for use in study.tasks:
        with inputs.collecting():
            read = _task(study, use, data_root)
            if read.task.name in inputs.tasks:
                raise DataError(
                    f"the task {read.task.name!r} stands twice", where="tasks"
                )
            inputs.tasks[read.task.name] = read
    for corpus in study.corpora:
        with inputs.collecting():
            inputs.corpora[corpus.resolve().name] = _corpus(study, corpus, data_root)
    return inputs


def _task(study: Study, use: TaskUse, data_root: Path | None) -> TaskInputs:
    task = use.resolve()
    languages = [code for code in study.languages if code in task.languages]
    if not languages:
        raise DataError(
            f"{task.name} has none of the study's languages",
            where="languages",
            expected=f"some of {', '.join(task.languages)}",
        )
    whole = task.load_all("test", languages, data_root)
    expected = {
        code: len(items) if use.test_rows is None else use.test_rows
        for code, items in whole.items()
    }
    clean, held = without_placeholders(whole, task.placeholder, study.placeholders)
    test = subsample(clean, use.test_rows, study.seed) if use.test_rows else clean
    for code, items in test.items():
        if not items:
            raise DataError(f"no test items of {task.name} in {code!r} are left")
    train = sorted(
        task.load("train", PIVOT, data_root), key=lambda item: rank(item.id, study.seed)
    )
    return TaskInputs(
        task=task,
        tune=study.tune_settings(use),
        evaluate=study.evaluate_settings(use),
        train=train[: use.train_rows],
        test=test,
        n_expected=expected,
        placeholders=held,
    )


def _corpus(study: Study, use: CorpusUse, data_root: Path | None) -> AlignedCorpus:
    corpus = use.resolve()
    languages = [code for code in study.languages if code in corpus.languages]
    return corpus.parallel(
        languages,
        data_root,
        source=PIVOT,
        rows=use.rows,
        seed=study.seed,
        placeholders="keep" if study.placeholders == "keep" else "intersection",
    )
