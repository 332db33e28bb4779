"""Which tasks and corpora ship with the package, by name; each is read when asked for.

A new data set is one file with a `Task` or a `Corpus` in it, and its line below.
"""

from __future__ import annotations

from importlib import import_module
from typing import TypeVar

from spillover.data.corpus import Corpus
from spillover.data.task import Task
from spillover.errors import unknown

T = TypeVar("T", Task, Corpus)

LISTING = "spillover tasks"

TASKS = {
    "mgsm": "mgsm",
    "mini-inference": "mini",
    "mini-paraphrase": "mini",
    "mini-summary": "mini",
    "pawsx": "pawsx",
    "xcopa": "xcopa",
    "xlsum": "xlsum",
    "xnli": "xnli",
}
CORPORA = {"mini": "mini", "pawsx": "pawsx", "pud": "pud", "xnli": "xnli"}


def task(name: str) -> Task:
    """The task of that name.

    Raises:
        StudyError: there is none.
    """
    if name not in TASKS:
        raise unknown("task", name, TASKS, listing=LISTING)
    return _find(Task, name, TASKS[name])


def corpus(name: str) -> Corpus:
    """The parallel corpus of that name.

    Raises:
        StudyError: there is none.
    """
    if name not in CORPORA:
        raise unknown("corpus", name, CORPORA, listing=LISTING)
    return _find(Corpus, name, CORPORA[name])


def _find(kind: type[T], name: str, module: str) -> T:
    members = vars(import_module(f"spillover.data.{module}")).values()
    return next(m for m in members if isinstance(m, kind) and m.name == name)
