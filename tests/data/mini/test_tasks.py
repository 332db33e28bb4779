"""The mini-suite as a user gets it, and the hygiene of every text in it."""

from __future__ import annotations

import re

import pytest

from spillover.data.mini import LANGUAGES
from spillover.data.registry import corpus, task

TASKS = ("mini-paraphrase", "mini-inference", "mini-summary")
LATIN = r"[A-Za-zÀ-ÖØ-öø-ÿ]"
HAN = r"[\u4e00-\u9fff]"
KANA = r"[\u3040-\u30ff]"

# What a text of the language must not hold: the marks of a careless template.
FORBIDDEN = {
    "en": {
        "article": r"(?i)\ba [aeio]|\ban [bcdfgjklmnpqrstvwxyz]|\ba (8|11|18)\b",
        "script": f"{HAN}|{KANA}",
    },
    "fr": {
        "contraction": r"(?i)\b(de|à) les?\b",
        "elision": r"(?i)\b(le|la|de|ne|que|je|se|me|te|jusque) [aàâeéèêiîoôuù]",
        "si il": r"(?i)\bsi ils?\b",
        "space before a mark": "[^\u202f ][?!;»]|[^\u202f\\d]:| [?!;:»]|«[^\u202f]",
        "script": f"{HAN}|{KANA}",
    },
    "de": {
        "contraction": r"(?i)\b(zu|von|bei) dem\b|\bzu der\b|\bin das\b",
        "quotation mark": '["”«»]',
        "script": f"{HAN}|{KANA}",
    },
    "es": {
        "contraction": r"\b(de|a) el\b",
        "y before i": r"(?i)\by h?i(?![ae])",
        "o before o": r"(?i)\bo h?o",
        "opening mark": r"^[^¿]*\?|^[^¡]*!",
        "script": f"{HAN}|{KANA}",
    },
    "zh": {
        "script": f"{KANA}|{LATIN}",
        "space": r"\s",
        "half-width mark": r"[,;:?!()]|(?<!\d)\.|\.(?!\d)",
        "traditional": "[個們來說這國時會學對開關門間東車長書見樂話讓還過後點裡麼]",
    },
    "ja": {
        "script": LATIN,
        "space": r"\s",
        "half-width mark": r"[,;:?!()]|(?<!\d)\.|\.(?!\d)",
        "simplified": "[们这说时间东车长书见乐话让还过发问题从个为]",
    },
}
NEEDED = {"en": "[a-z]", "fr": "[a-z]", "de": "[a-z]", "es": "[a-z]", "zh": HAN}
NEEDED["ja"] = KANA
TYPICAL = {"fr": "[éèàçê]", "de": "[äöüß]", "es": "[áéíóúñ]"}


def texts(name: str, language: str) -> list[str]:
    if name == "mini":
        return list(corpus(name).load(language).by_id.values())
    items = task(name).load("test", language)
    if name == "mini-summary":
        return [text for item in items for text in (*item.fields.values(), item.gold)]
    return [text for item in items for text in item.fields.values()]


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("name", [*TASKS, "mini"])
def test_no_text_bears_the_marks_of_a_careless_template(
    name: str, language: str
) -> None:
    for text in texts(name, language):
        assert text == text.strip()
        assert not re.search(r"[{}_]|\s\s|\.\.|None", text), text
        assert re.search(NEEDED[language], text), text
        for fault, pattern in FORBIDDEN[language].items():
            assert not re.search(pattern, text), f"{fault}: {text}"


@pytest.mark.parametrize("language", TYPICAL)
def test_letters_are_those_of_the_language(language: str) -> None:
    found = [
        bool(re.search(TYPICAL[language], text)) for text in texts("mini", language)
    ]
    assert sum(found) > len(found) / 2


@pytest.mark.parametrize("name", TASKS)
def test_the_test_split_is_parallel(name: str) -> None:
    items = task(name).load_all("test", LANGUAGES)
    ids = [item.id for item in items["en"]]
    assert len(set(ids)) == len(ids)
    for language in LANGUAGES:
        assert [item.id for item in items[language]] == ids
    if name != "mini-summary":
        golds = [item.gold for item in items["en"]]
        assert set(golds) == set(task(name).answers)
        for language in LANGUAGES:
            assert [item.gold for item in items[language]] == golds


@pytest.mark.parametrize("name", TASKS)
def test_the_train_split_is_in_english_alone(name: str) -> None:
    entry = task(name)
    assert entry.train_languages == ("en",)
    train = entry.load("train", "en")
    assert len({item.id for item in train}) == len(train) >= 600
    tested = {
        tuple(item.fields[field] for field in entry.fields)
        for item in entry.load("test", "en")
    }
    trained = {tuple(item.fields[field] for field in entry.fields) for item in train}
    assert tested.isdisjoint(trained)


@pytest.mark.parametrize(
    ("mini", "whole"),
    [
        ("mini-paraphrase", "pawsx"),
        ("mini-inference", "xnli"),
        ("mini-summary", "xlsum"),
    ],
)
def test_answers_and_metrics_are_those_of_the_paper(mini: str, whole: str) -> None:
    assert task(mini).answers == task(whole).answers
    assert task(mini).metric == task(whole).metric
    assert task(mini).chance == task(whole).chance
