"""One sentence: what, where, what was expected, what to do."""

from __future__ import annotations

import pytest

from spillover.errors import DataError, Faults, StudyError, first_line, unknown
from spillover.languages import LANGUAGES


def test_every_part_stands_in_the_sentence() -> None:
    error = DataError("2 columns", where="a.tsv:3", expected="4", fix="fetch it again")
    assert str(error) == "a.tsv:3: 2 columns; expected 4; fetch it again."
    assert (error.what, error.where) == ("2 columns", "a.tsv:3")
    assert (error.expected, error.fix) == ("4", "fetch it again")


def test_parts_that_are_not_given_leave_nothing_behind() -> None:
    assert str(DataError("no items")) == "no items."


def test_faults_keep_their_errors_in_order() -> None:
    first, second = DataError("one"), StudyError("two")
    faults = Faults([first, second])
    assert faults.errors == (first, second)
    assert str(faults) == faults.what == "one.\ntwo."
    assert (faults.where, faults.expected, faults.fix) == (None, None, None)


@pytest.mark.parametrize(
    ("text", "line"), [("one\ntwo", "one"), ("\n one", "one"), (" \n", "OSError")]
)
def test_the_first_line_of_any_error(text: str, line: str) -> None:
    assert first_line(OSError(text)) == line


def test_unknown_names_the_nearest_spelling() -> None:
    error = unknown("task", "xnl", ["xnli", "pawsx"], listing="spillover tasks")
    assert isinstance(error, StudyError)
    assert str(error) == (
        "unknown task 'xnl'; did you mean 'xnli' ('spillover tasks' lists them)."
    )


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("German", "de"),
        ("EN", "en"),
        ("zh-CN", "zh"),
        ("Chinees", "zh"),
        ("ja_JP", "ja"),
    ],
)
def test_a_language_is_known_by_its_name_too(value: str, name: str) -> None:
    assert f"did you mean {name!r}" in str(unknown("language", value, LANGUAGES))


def test_capitals_and_hyphens_do_not_matter() -> None:
    assert "did you mean 'xl_sum'" in str(unknown("task", "XL-Sum", ["xl_sum", "x"]))


def test_unknown_lists_all_where_nothing_is_near() -> None:
    error = unknown("task", "zzz", ["xnli", "pawsx"])
    assert str(error) == "unknown task 'zzz'; known: pawsx, xnli."
