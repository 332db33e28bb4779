from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from spillover.data.corpus import Corpus, Sentences
from spillover.data.sources import Files
from spillover.errors import DataError, StudyError


def corpus(**changes: Any) -> Corpus:
    files = {"path": "{language}.txt", "columns": {"sentence": "text"}}
    base: dict[str, Any] = {"name": "own", "languages": ["en", "fr"], "files": [files]}
    return Corpus.model_validate(base | changes)


def by_id(numbered: bool = False, where: str = "", **texts: str) -> Sentences:
    return Sentences(texts, numbered, where)


def write(root: Path, **contents: str) -> None:
    for name, content in contents.items():
        (root / f"{name}.txt").write_text(content, encoding="utf-8")


def test_lines_of_plain_text_are_joined_by_their_numbers(tmp_path: Path) -> None:
    write(tmp_path, en="one\ntwo\n", fr="un\ndeux")
    found = corpus().parallel(["fr"], tmp_path)
    assert found.sentences == {"en": ["one", "two"], "fr": ["un", "deux"]}
    assert (found.ids, found.n, found.n_expected) == (("1", "2"), 2, 2)


def test_files_of_unequal_length_are_an_error(tmp_path: Path) -> None:
    write(tmp_path, en="one\ntwo\n", fr="un\n")
    with pytest.raises(DataError) as caught:
        corpus().parallel(["fr"], tmp_path)
    assert str(caught.value).startswith(
        f"{tmp_path}/fr.txt: 1 rows, but {tmp_path}/en.txt has 2; expected as many rows"
    )


def test_a_blank_line_would_shift_the_alignment(tmp_path: Path) -> None:
    write(tmp_path, en="one\ntwo\nthree\n", fr="un\n\ntrois\n")
    with pytest.raises(DataError, match=r"fr\.txt:2: a blank line between others"):
        corpus().parallel(["fr"], tmp_path)


def test_sentences_are_joined_by_id_in_the_order_of_the_source() -> None:
    found = corpus().align(
        {"en": by_id(b="B", a="A", c="C"), "fr": by_id(a="a", c="c", b="b")}
    )
    assert found.ids == ("b", "a", "c")
    assert found.sentences == {"en": ["B", "A", "C"], "fr": ["b", "a", "c"]}
    assert found.missing == {"en": 0, "fr": 0}


def test_what_one_language_lacks_is_counted() -> None:
    found = corpus().align(
        {"en": by_id(a="A", b="B", c="C"), "fr": by_id(c="c", a="a", z="z")}
    )
    assert found.sentences == {"en": ["A", "C"], "fr": ["a", "c"]}
    assert (found.n, found.n_expected) == (2, 4)
    assert found.missing == {"en": 1, "fr": 1}


def test_languages_without_a_common_id_are_an_error() -> None:
    with pytest.raises(DataError, match="no sentence stands in all of en, fr"):
        corpus().align({"en": by_id(a="A"), "fr": by_id(b="b")})


def test_ids_and_row_numbers_do_not_mix() -> None:
    loaded = {
        "en": by_id(where="en.tsv", a="A"),
        "fr": Sentences({"1": "a"}, True, "f"),
    }
    with pytest.raises(DataError, match=r"f: its ids cannot be those of en\.tsv"):
        corpus().align(loaded)


@pytest.mark.parametrize(
    ("policy", "ids"), [("keep", ("a", "b", "c")), ("intersection", ("b",))]
)
def test_placeholders_are_counted_and_left_out(policy: Any, ids: tuple[str]) -> None:
    loaded = {"en": by_id(a="NS", b="B", c="C"), "fr": by_id(a="a", b="b", c="NS")}
    found = corpus(placeholder="NS").align(loaded, placeholders=policy)
    assert (found.ids, found.n_expected) == (ids, 3)
    assert found.placeholders == {"en": 1, "fr": 1}


def test_a_distinct_corpus_keeps_the_first_of_equal_source_sentences() -> None:
    loaded = {
        "en": by_id(a="same", b="other", c="same"),
        "fr": by_id(a="un", b="deux", c="trois"),
    }
    found = corpus(distinct=True).align(loaded)
    assert found.sentences == {"en": ["same", "other"], "fr": ["un", "deux"]}
    assert found.n_expected == 2
    assert corpus().align(loaded).n == 3


def test_a_choice_of_rows_knows_only_ids_and_seed() -> None:
    numbers = [str(n) for n in range(100)]
    english = Sentences({n: f"en{n}" for n in numbers}, False, "")
    french = Sentences({n: f"fr{n}" for n in numbers}, False, "")
    other = Sentences({n: f"en{n}" for n in numbers[::-1]}, False, "")
    found = corpus().align({"en": english, "fr": french}, rows=30, seed=4)
    assert (found.n, found.n_expected) == (30, 30)
    assert found.sentences["fr"] == [f"fr{n}" for n in found.ids]
    again = corpus().align({"en": other, "fr": french}, rows=30, seed=4)
    assert again.ids == found.ids
    fewer = corpus().align({"en": english, "fr": french}, rows=10, seed=4)
    assert fewer.ids == found.ids[:10]
    seeded = corpus().align({"en": english, "fr": french}, rows=30, seed=5)
    assert set(seeded.ids) != set(found.ids)


def test_more_rows_than_there_are_is_all_of_them() -> None:
    found = corpus().align({"en": by_id(a="A"), "fr": by_id(a="a")}, rows=9)
    assert (found.n, found.n_expected) == (1, 9)
    with pytest.raises(ValueError, match="a sample of 0 rows"):
        corpus().align({"en": by_id(a="A")}, rows=0)


def test_an_unknown_language_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StudyError, match="unknown language of own 'fra'; did you"):
        corpus().load("fra", tmp_path)


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"files": []}, "neither 'files' nor 'hub'"),
        ({"languages": ["en"]}, "at least 2 items"),
        ({"files": [Files(path="all.txt")]}, "put {language} into the path"),
        (
            {"files": [Files(path="{language}.txt", aligned=False)]},
            "the rows of a parallel corpus are aligned",
        ),
        (
            {"files": [Files(path="{language}.txt", columns={"sentense": "text"})]},
            "did you mean 'sentence'",
        ),
        ({"pairs": 3}, "Extra inputs are not permitted"),
    ],
)
def test_a_corpus_that_cannot_be_is_refused(
    changes: dict[str, Any], expected: str
) -> None:
    with pytest.raises(ValidationError) as caught:
        corpus(**changes)
    assert expected in str(caught.value)
