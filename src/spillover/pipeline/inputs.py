"""What a study reads, all of it read and checked before a model is loaded."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from spillover.data import template
from spillover.data.corpus import AlignedCorpus, Corpus
from spillover.data.dataset import DataSet
from spillover.data.items import Item, shuffled, subsample, without_placeholders
from spillover.data.task import OWN_PROMPT, Task
from spillover.errors import DataError, SpilloverError, StudyError, collecting
from spillover.languages import PIVOT, language
from spillover.settings import EvaluateSettings, TuneSettings
from spillover.study import CorpusUse, Study, TaskUse


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
        placeholders: language -> how many items of the whole test split hold one.
        prompts: name of a prompt -> the task with it, the task's own first.
    """

    task: Task
    tune: TuneSettings
    evaluate: EvaluateSettings
    train: list[Item]
    test: Mapping[str, list[Item]]
    n_expected: Mapping[str, int]
    placeholders: Mapping[str, int]
    prompts: Mapping[str, Task]


@dataclass
class Inputs:
    """All that a study reads.

    Attributes:
        data_root: the folder with the official data files; None: the Hub.
        tasks: name -> task with its items.
        corpora: name -> parallel sentences.
        errors: what is wrong, in the order in which it was found.
    """

    data_root: Path | None = None
    tasks: dict[str, TaskInputs] = field(default_factory=dict)
    corpora: dict[str, AlignedCorpus] = field(default_factory=dict)
    errors: list[SpilloverError] = field(default_factory=list)


@dataclass
class Named:
    """What a study names, before any data are read.

    Attributes:
        tasks: name -> task, and how the study uses it.
        corpora: name -> corpus, and how the study uses it.
        errors: what no data could mend, in the order in which it was found.
    """

    tasks: dict[str, tuple[Task, TaskUse]] = field(default_factory=dict)
    corpora: dict[str, tuple[Corpus, CorpusUse]] = field(default_factory=dict)
    errors: list[SpilloverError] = field(default_factory=list)


def resolve(study: Study) -> Named:
    """The tasks and corpora that a study names; errors are kept in the result."""
    named = Named()
    _check_codes(study.languages, "languages", named.errors)
    for use in study.tasks:
        with collecting(named.errors):
            task = use.resolve()
            _check_codes(task.languages, f"languages of {task.name}", named.errors)
            _check_data_set(study, task, "tasks", named.tasks, least=1)
            named.tasks[task.name] = task, use
    for part in study.corpora:
        with collecting(named.errors):
            corpus = part.resolve()
            _check_codes(corpus.languages, f"languages of {corpus.name}", named.errors)
            _check_data_set(study, corpus, "corpora", named.corpora, least=2)
            named.corpora[corpus.name] = corpus, part
    if not named.errors:
        _all_had(study, named)
    return named


def _check_codes(
    codes: Iterable[str], where: str, errors: list[SpilloverError]
) -> None:
    for code in codes:
        with collecting(errors):
            language(code, where)


def _all_had(study: Study, named: Named) -> None:
    """A language of no task and no corpus would only be gaps in every table."""
    tasks = (task.languages for task, _ in named.tasks.values())
    corpora = (corpus.languages for corpus, _ in named.corpora.values())
    had = sorted({code for codes in (*tasks, *corpora) for code in codes})
    for code in study.languages:
        if code not in had:
            named.errors.append(
                StudyError(
                    f"no task or corpus of the study has {code!r}",
                    where="languages",
                    expected=f"some of {', '.join(had)}",
                )
            )


def read_inputs(study: Study, data_root: Path | None) -> Inputs:
    """Read all tasks and corpora of a study; errors are kept in the result."""
    named = resolve(study)
    inputs = Inputs(data_root, errors=list(named.errors))
    for name, (task, use) in named.tasks.items():
        with collecting(inputs.errors):
            inputs.tasks[name] = _task(study, task, use, data_root)
    for name, (corpus, part) in named.corpora.items():
        with collecting(inputs.errors):
            inputs.corpora[name] = _corpus(study, corpus, part, data_root)
    return inputs


def languages_of(study: Study, data: DataSet) -> list[str]:
    """The study's languages that a task or corpus has, in the study's order."""
    return [code for code in study.languages if code in data.languages]


def _check_data_set(
    study: Study, data: DataSet, key: str, before: Container[str], *, least: int
) -> None:
    """See that it is not named twice, and has English and enough of the languages."""
    if data.name in before:
        raise StudyError(
            f"{data.name!r} is listed twice",
            where=key,
            fix="give one of them another name",
        )
    shared = languages_of(study, data)
    if PIVOT not in data.languages or len(shared) < least:
        raise StudyError(
            f"{data.name} has {', '.join(shared) or 'none'} of the study's languages",
            where="languages",
            expected=f"{PIVOT}, and some of {', '.join(data.languages)}",
        )


def _task(study: Study, task: Task, use: TaskUse, data_root: Path | None) -> TaskInputs:
    languages = languages_of(study, task)
    check_train(task, use, data_root)
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
    train = shuffled(task.load("train", PIVOT, data_root), study.seed)
    return TaskInputs(
        task=task,
        tune=study.tune_settings(use),
        evaluate=study.evaluate_settings(use),
        train=train[: use.train_rows],
        test=test,
        n_expected=expected,
        placeholders=held,
        prompts={OWN_PROMPT: task}
        | {prompt: _with_template(task, prompt, use) for prompt in use.prompts},
    )


def check_train(task: Task, use: TaskUse, data_root: Path | None) -> None:
    """See that the study's own files to learn from are looked for.

    Without a data root the task's own training split would be read instead.

    Raises:
        StudyError: their path is relative to a data root, and there is none.
    """
    if use.train is not None and use.train.needs_root and data_root is None:
        raise StudyError(
            f"{use.train.path!r} is relative to a data root, and none is given",
            where=f"train of {task.name}",
            fix="name the folder that holds it with --data-root, or write the whole "
            "path",
        )


def _with_template(task: Task, prompt: str, use: TaskUse) -> Task:
    """The task with another prompt of the study's."""
    other = template.fields(use.prompts[prompt])
    if set(other) != set(task.fields):
        raise StudyError(
            f"the prompt {prompt!r} of {task.name} has the fields {_listed(other)}",
            where="prompts",
            expected=f"those of the task's own: {_listed(task.fields)}",
        )
    return task.model_copy(update={"template": use.prompts[prompt]})


def _listed(fields: Iterable[str]) -> str:
    return ", ".join(fields) or "none"


def _corpus(
    study: Study, corpus: Corpus, use: CorpusUse, data_root: Path | None
) -> AlignedCorpus:
    return corpus.parallel(
        languages_of(study, corpus),
        data_root,
        rows=use.rows,
        seed=study.seed,
        placeholders="keep" if study.placeholders == "keep" else "intersection",
    )
