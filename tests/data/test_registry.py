from __future__ import annotations

import re

import pytest

from spillover.data import registry
from spillover.data.corpus import Corpus
from spillover.data.items import Item
from spillover.data.sources import Files, Hub
from spillover.data.task import Task
from spillover.errors import StudyError
from spillover.languages import LANGUAGES

REPLY = "The {0} of \u3010{0}\u3011"


def made_here(entry: Task | Corpus) -> bool:
    return all(isinstance(s, Files) and s.package for s in entry.sources)


def check_facts(entry: Task | Corpus, name: str) -> None:
    assert entry.name == name
    assert entry.description
    assert entry.licence
    assert set(entry.languages) <= set(LANGUAGES)
    assert len(set(entry.languages)) == len(entry.languages)
    if not made_here(entry):
        assert re.search(r"\((19|20)\d\d\)", entry.citation)
        assert entry.homepage.startswith("https://")
    for source in entry.sources:
        if isinstance(source, Hub):
            assert re.fullmatch("[0-9a-f]{40}", source.revision)


@pytest.mark.parametrize("name", registry.TASKS)
def test_every_task_keeps_the_contract(name: str) -> None:
    task = registry.task(name)
    check_facts(task, name)
    item = Item("1", {f: REPLY.format(f) for f in task.fields}, "1")
    prompt = task.prompt(item)
    assert all(REPLY.format(f) in prompt for f in task.fields)
    assert prompt == prompt.strip()
    assert "en" in task.train_languages or not task.train_languages
    if task.kind == "classification":
        assert task.chance == pytest.approx(1 / len(task.answers))
        assert len({word.lower() for word in task.answers.values()}) == len(
            task.answers
        )
    else:
        assert task.chance is None
    for language in task.languages:
        assert any(
            source.serves(language, split)
            for source in task.sources
            for split in ("validation", "test")
        )


@pytest.mark.parametrize("name", registry.CORPORA)
def test_every_corpus_keeps_the_contract(name: str) -> None:
    corpus = registry.corpus(name)
    check_facts(corpus, name)
    assert "en" in corpus.languages
    for language in corpus.languages:
        assert any(source.serves(language, "test") for source in corpus.sources)


def test_an_unknown_name_points_to_the_nearest_and_to_the_listing() -> None:
    with pytest.raises(
        StudyError, match=r"unknown task 'xnl'.*'xnli'.*'spillover tasks'"
    ):
        registry.task("xnl")
    with pytest.raises(StudyError, match=r"unknown corpus 'pudd'.*'pud'"):
        registry.corpus("pudd")


def test_tasks_and_corpora_are_listed_in_order() -> None:
    assert [*registry.TASKS] == sorted(registry.TASKS)
    assert [*registry.CORPORA] == sorted(registry.CORPORA)
    assert {"pawsx", "xnli", "xlsum"} <= registry.TASKS.keys()
    assert {"pawsx", "pud"} <= registry.CORPORA.keys()
