import unicodedata
from pathlib import Path

import pytest

from spillover.data import registry
from spillover.data.columns import Split
from spillover.errors import StudyError
from spillover.languages import LANGUAGES, language


def test_a_language_is_found_by_its_code() -> None:
    assert language("sw").name == "Swahili"


def test_an_unknown_code_names_the_nearest() -> None:
    with pytest.raises(StudyError, match="unknown language 'enn'; did you mean 'en'"):
        language("enn")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("pt-BR", "pt"),
        ("fil", "tl"),
        ("nb", "no"),
        ("iw", "he"),
        ("zh-Hant", "zh"),
        ("germann", "de"),
    ],
)
def test_a_code_of_another_standard_is_understood(text: str, code: str) -> None:
    with pytest.raises(StudyError) as caught:
        language(text, "s.yaml: languages")
    assert str(caught.value) == (
        f"s.yaml: languages: unknown language {text!r}; did you mean {code!r}."
    )


def test_no_code_or_name_stands_twice() -> None:
    assert len({entry.name for entry in LANGUAGES.values()}) == len(LANGUAGES)
    assert all(code == entry.code for code, entry in LANGUAGES.items())


def test_the_scripts_without_spaces_are_not_cut_at_spaces() -> None:
    cut = {c: it.segmentation for c, it in LANGUAGES.items()}
    assert {c: by for c, by in cut.items() if by != "space"} == {
        "zh": "jieba",
        "ja": "fugashi",
        "th": "pythainlp",
        "km": "cluster",
        "lo": "cluster",
        "my": "cluster",
    }


def test_the_stemmers_are_those_of_xlsums_scorer() -> None:
    from nltk.stem.snowball import SnowballStemmer

    stemmed = {it.name.lower() for it in LANGUAGES.values() if it.stemmer}
    assert stemmed == {*SnowballStemmer.languages, "hindi", "turkish"} - {"porter"}
    assert all(it.stemmer in (None, it.name.lower()) for it in LANGUAGES.values())


LETTERS = {  # the first word of a letter's Unicode name, by ISO 15924 code
    "Arab": {"ARABIC"},
    "Beng": {"BENGALI"},
    "Cyrl": {"CYRILLIC"},
    "Deva": {"DEVANAGARI"},
    "Hans": {"CJK"},
    "Jpan": {"CJK", "HIRAGANA", "KATAKANA"},
    "Kore": {"HANGUL"},
    "Latn": {"LATIN"},
    "Taml": {"TAMIL"},
    "Telu": {"TELUGU"},
    "Thai": {"THAI"},
}


@pytest.mark.parametrize(
    ("name", "field"),
    [("pawsx", "sentence1"), ("xcopa", "premise"), ("mgsm", "question")],
)
def test_the_script_is_the_one_that_the_data_are_written_in(
    name: str, field: str, data_root: Path
) -> None:
    task = registry.task(name)
    split: Split = "validation" if name == "xcopa" else "test"
    for code in task.languages:
        text = "".join(i.fields[field] for i in task.load(split, code, data_root)[:100])
        words = [unicodedata.name(c).split()[0] for c in text if c.isalpha()]
        fit = sum(word in LETTERS[language(code).script] for word in words)
        assert fit / len(words) > 0.5, code
