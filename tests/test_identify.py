"""Telling languages and scripts apart."""

from __future__ import annotations

import socket
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from spillover import identify as module
from spillover.data import registry
from spillover.data.items import rank
from spillover.identify import (
    chinese_script,
    identifiable,
    identify,
    script_share,
)
from spillover.languages import LANGUAGES

SENTENCES = {
    "en": "The harbour freezes in January, and the boats stay on the shore.",
    "fr": "Le port gèle en janvier et les bateaux restent sur la rive.",
    "de": "Der Hafen friert im Januar zu, und die Boote bleiben am Ufer.",
    "es": "El puerto se hiela en enero y los barcos se quedan en la orilla.",
    "zh": "港口在一月结冰，船只留在岸边。",
    "ja": "港は一月に凍り、船は岸に残る。",
    "ko": "항구는 일월에 얼고 배들은 물가에 남는다.",
    "ar": "يتجمد الميناء في شهر يناير وتبقى القوارب على الشاطئ.",
    "ru": "Гавань замерзает в январе, и лодки остаются на берегу.",
    "th": "ท่าเรือกลายเป็นน้ำแข็งในเดือนมกราคม และเรือยังคงอยู่บนฝั่ง",
    "sw": "Bandari huganda mwezi wa Januari, na boti hubaki ufukweni.",
}


def test_each_text_has_its_language_in_the_order_of_the_texts() -> None:
    assert identify(list(SENTENCES.values())) == list(SENTENCES)
    backwards = list(SENTENCES)[::-1]
    assert identify([SENTENCES[code] for code in backwards]) == backwards
    assert identify([]) == []


@pytest.mark.parametrize("text", ["", "  ", "12:30", "...", "🙂🙂🙂", "a", "§ 7"])
def test_what_has_no_two_letters_has_no_language(text: str) -> None:
    assert identify([text]) == [None]


def test_what_could_be_of_several_languages_is_not_decided() -> None:
    assert identify(["Yes", "GNOME", "Amsterdam"]) == [None, None, None]


def test_languages_without_a_model_are_never_found() -> None:
    assert set(LANGUAGES) - identifiable() == {"rn", "ti"}


def test_nothing_is_fetched(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> Any:
        raise AssertionError("the network was asked for")

    monkeypatch.setattr(socket, "socket", refuse)
    module._model.cache_clear()
    assert identify([SENTENCES["de"]]) == ["de"]


def test_every_script_of_the_languages_has_letters() -> None:
    for code, text in SENTENCES.items():
        share = script_share(text, LANGUAGES[code].script)
        assert share == 1
    for language in LANGUAGES.values():
        assert script_share("42", language.script) is None


@pytest.mark.parametrize("script", ["Latn", "Cyrl", "Jpan", "Hans", "Kore"])
def test_script_share_counts_letters(script: str) -> None:
    """Against counting by code blocks."""
    blocks = {
        "Latn": [(0x41, 0x5A), (0x61, 0x7A), (0xC0, 0x24F)],
        "Cyrl": [(0x400, 0x52F)],
        "Jpan": [(0x3040, 0x30FF), (0x4E00, 0x9FFF)],
        "Hans": [(0x4E00, 0x9FFF)],
        "Kore": [(0xAC00, 0xD7A3), (0x4E00, 0x9FFF)],
    }
    text = "Ab é 7, да — 港は ミ 항구."  # no letter of several scripts
    letters = [char for char in text if unicodedata.category(char)[0] == "L"]
    inside = [c for c in letters if any(a <= ord(c) <= b for a, b in blocks[script])]
    assert script_share(text, script) == len(inside) / len(letters)


def test_a_script_needs_no_entry_of_ours() -> None:
    assert script_share("Բարեւ, world", "Armn") == 5 / 10
    assert script_share("გამარჯობა", "Geor") == 1


def test_letters_of_several_scripts_belong_to_each() -> None:
    assert script_share("人々 ラーメン", "Jpan") == 1


@pytest.mark.parametrize(
    ("texts", "script"),
    [
        (["这个国家", "他们说话"], "Hans"),
        (["這個國家", "他們說話"], "Hant"),
        (["这个国家", "他們說話"], "mixed"),
        (["這個国家"], "mixed"),
        (["大山", "小人", "no Chinese"], None),
        (["大山", "他们说话"], "Hans"),
        ([], None),
    ],
)
def test_chinese_script(texts: list[str], script: str | None) -> None:
    assert chinese_script(texts) == script


def test_a_tenth_of_other_characters_is_borne() -> None:
    assert chinese_script(["这个国家"] * 9 + ["這個國家"]) == "Hans"
    assert chinese_script(["这个国家"] * 8 + ["這個國家"] * 2) == "mixed"


def test_official_sentences_are_in_their_languages(data_root: Path) -> None:
    pawsx = registry.corpus("pawsx")
    for code in pawsx.languages:
        rows = pawsx.load(code, data_root).by_id
        ids = [
            id for id in sorted(rows, key=lambda id: rank(id, 0)) if rows[id] != "NS"
        ]
        found = identify([rows[id] for id in ids[:100]])
        assert found.count(code) >= 90
        assert sum(each not in (code, None) for each in found) <= 1


def test_official_chinese_has_two_scripts(data_root: Path) -> None:
    pud, pawsx = registry.corpus("pud"), registry.corpus("pawsx")
    assert chinese_script(list(pud.load("zh", data_root).by_id.values())) == "Hant"
    assert chinese_script(list(pawsx.load("zh", data_root).by_id.values())) == "Hans"
