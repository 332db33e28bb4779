"""Copies, language, length and new n-grams of summaries, in six languages."""

from __future__ import annotations

import math
import random
import re
import unicodedata
from pathlib import Path

import pandas as pd
import pytest

from spillover.analysis.summaries import (
    COPIED,
    UNDECIDED,
    diagnose,
    lead,
    lead_overlap,
    novel_ngrams,
    per_item,
)
from spillover.data.items import Item
from spillover.data.mini import INFERENCE, LANGUAGES
from spillover.data.mini import SUMMARY as TASK
from spillover.errors import DataError, StudyError

# A lead that is not easy to find, the rest of the document, and a summary.
TEXTS = {
    "en": (
        "On Monday, Dr. Mary Hill of the U.S. Lake Survey found a lake in the hills.",
        " Nobody had seen it before. It is 3 metres deep.",
        "A lake that no map shows was found by a survey.",
    ),
    "fr": (
        "« Nous partirons avant la nuit. » dit-elle, et M. Morel ferma le port.",
        " Le vent était faible. Trois bateaux restèrent au quai.",
        "Le port a été fermé avant le départ du bateau.",
    ),
    "de": (
        "Am 3. Oktober eröffnete Prof. Weber in Köln z. B. eine Schule für Uhrmacher.",
        " Viele Leute kamen. Der Kurs dauert zwei Jahre.",
        "In Köln kann man nun das Handwerk der Uhrmacher lernen.",
    ),
    "es": (
        "¿Quién abrió la puerta? ¡Nadie lo sabe!",
        " La Sra. Gómez cerró la tienda a las ocho. No falta nada.",
        "Una tienda apareció abierta y no se sabe por qué.",
    ),
    "zh": (
        "“我们明天出发。”船长说，海上的天气会好的。",
        "港口很安静！三条船还停在码头。",
        "一位船长宣布次日起航。",
    ),
    "ja": (
        "「もう帰ります。」と駅長は静かに言って駅を出た。",
        "雨が降っていた。電車は三本遅れた。",
        "駅長が雨の夜に帰宅した。",
    ),
}


def tokenize(text):
    """Words, and each character of Chinese and Japanese."""
    return re.findall(r"[぀-ヿ一-鿿]|[^\W぀-ヿ一-鿿]+", text.lower())


def document(language):
    return "".join(TEXTS[language][:2])


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_lead_is_the_first_sentence(language):
    first, rest, _ = TEXTS[language]
    assert lead(first + rest, language) == first
    assert lead("\n\u3000 " + first + rest, language) == first
    assert lead(first.rstrip(".。") + "\n" + rest, language) == first.rstrip(".。")
    assert lead(first, language) == first


@pytest.mark.parametrize(
    ("language", "first", "rest"),
    [
        ("en", "Why now? It is late. Go.", ""),
        ("en", "It cost 3.50 euros in May 2019.", " Not now."),
        ("en", "They waited... and waited for her.", " Then she came."),
        ("en", 'He shouted "Stop that train!"', " She did."),
        ("en", "No full stop in this headline", "\nand the text"),
        ("en", "A full stop after this headline.", "\nand the text"),
        ("en", "The winner was J. K. Hall of St. Ives.", " 4 others ran."),
        ("de", "„Das reicht mir heute nicht.“", " Er ging."),
        ("fr", "Est-ce vraiment la fin du film ?", " Oui."),
        ("zh", "真的吗？会议推迟到下个星期。", "没有人反对。"),
        ("zh", "这是一个没有句号的很长的标题", "\n正文。"),
        ("zh", "“这座桥今天不能再走了！？”老人站在河边问。", "没人回答。"),
        ("ja", "本当に来週は会えますか!?", "彼は聞いた。"),
        ("ja", "「雨なので今日は早く帰りたい。」と駅長は言った。", "電車は遅れた。"),
        ("hi", "बाढ़ के कारण शहर का पुराना पुल बंद रहेगा।", " लोग लौटे।"),
        ("th", "ฝนตกหนักทั้งคืน น้ำท่วมถนน", ""),
    ],
)
def test_where_the_lead_ends(language, first, rest):
    assert lead(first + rest, language) == first


@pytest.mark.parametrize("language", LANGUAGES)
def test_copies_of_the_lead(language):
    first, rest, summary = TEXTS[language]
    whole = first + rest
    for copy in (
        first,
        f"\n “{first.upper()}” ",
        first[: len(first) * 3 // 4],  # cut off
        first[: len(first) * 3 // 4] + "\ufffd",  # cut off within a character
        whole[: len(first) + 5],
        f"{first} {summary}",
        f"1: {first}",
        " ".join(first),
        unicodedata.normalize("NFD", first),
        "".join(chr(ord(c) + 0xFEE0) if "!" <= c <= "~" else c for c in first),  # wide
        whole,
    ):
        assert lead_overlap(copy, whole, language) >= COPIED, copy
    shortest = 20 if language in ("en", "fr", "de", "es") else 10
    for other in (summary, rest, first[: shortest // 2], first[1] + summary + first[0]):
        assert lead_overlap(other, whole, language) < COPIED, other


@pytest.mark.parametrize("language", LANGUAGES)
def test_no_reference_of_the_mini_suite_copies_the_lead(language):
    for item in TASK.load("test", language):
        text = item.fields["text"]
        first = lead(text, language)
        assert first[-1] in ".!?。！？」»”“\"'"
        assert len(first) < 0.7 * len(text)
        assert lead_overlap(item.gold, text, language) < 0.6
        assert lead_overlap(first, text, language) == 1


def test_overlap_by_hand():
    text = "A red bird sang all night long. It left."
    assert len("aredbirdsangallnightlong") == 24
    assert lead_overlap("A red bird sat down by the lake", text, "en") == 10 / 24
    assert lead_overlap("A red bird sang at 9", text, "en") == 13 / 20  # short of 20
    assert lead_overlap("A red bird sang all night, quite long", text, "en") == 20 / 24
    assert lead_overlap("A red", text, "en") == 4 / 20
    assert lead_overlap("Birds", text, "en") == 0
    assert lead_overlap("…", text, "en") is None
    assert lead_overlap("", text, "en") is None
    assert lead_overlap("A red bird", " — ", "en") is None


def overlap_by_loops(text, first, shortest):
    ours = [c for c in text.lower() if c.isalnum()]
    theirs = [c for c in first.lower() if c.isalnum()]
    for start in range(len(ours)):
        if ours[start : start + len(theirs)] == theirs:
            return 1.0
    common = 0
    while common < min(len(ours), len(theirs)) and ours[common] == theirs[common]:
        common += 1
    return common / max(shortest, min(len(ours), len(theirs)))


@pytest.mark.parametrize("language", LANGUAGES)
def test_overlap_against_loops(language):
    rng = random.Random(language)
    first, rest, summary = TEXTS[language]
    shortest = 20 if language in ("en", "fr", "de", "es") else 10
    for _ in range(100):
        pieces = [first[: rng.randrange(len(first) + 1)], summary, rest, "“ ,"]
        rng.shuffle(pieces)
        text = " ".join(pieces[: rng.randrange(1, 4)])
        if not any(map(str.isalnum, text)):
            continue
        expected = overlap_by_loops(text, first, shortest)
        assert lead_overlap(text, first + rest, language) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("language", "text", "source", "shares"),
    [
        ("en", "a b d", "a b c d", (0, 1 / 2, 1)),
        ("fr", "le chat noir dort", "le chat dort", (1 / 4, 2 / 3, 1)),
        ("de", "der alte Zug", "der alte Zug fährt ab", (0, 0, 0)),
        ("es", "no, no, no, nunca", "no, nunca", (0, 1 / 2, 1)),
        ("zh", "船明天走。", "船长明天走", (0, 1 / 3, 1 / 2)),
        ("ja", "駅は雨", "雨の駅", (1 / 3, 1, 1)),
    ],
)
def test_novel_ngrams_by_hand(language, text, source, shares):
    for n, share in enumerate(shares, start=1):
        found = novel_ngrams(tokenize(text), tokenize(source), n)
        assert found == pytest.approx(share)


def test_novel_ngrams_against_loops():
    rng = random.Random(0)
    for _ in range(200):
        text = rng.choices("abc", k=rng.randrange(8))
        source = rng.choices("abcd", k=rng.randrange(12))
        for n in (1, 2, 3):
            distinct = []
            for i in range(len(text) - n + 1):
                if text[i : i + n] not in distinct:
                    distinct.append(text[i : i + n])
            places = range(len(source) - n + 1)
            novel = [
                g for g in distinct if g not in [source[i : i + n] for i in places]
            ]
            expected = len(novel) / len(distinct) if distinct else None
            assert novel_ngrams(text, source, n) == expected


def predicted(outputs, language="en"):
    """Predictions with these outputs for as many items of the same document."""
    gold = TEXTS[language][2]
    ids = [f"i{number}" for number in range(len(outputs))]
    items = [Item(id, {"text": document(language)}, gold) for id in ids]
    table = pd.DataFrame({"id": ids, "prompt": "", "gold": gold, "text": outputs})
    return table, items


def measured(outputs, language="en", identify=None):
    table, items = predicted(outputs, language)
    return per_item(table, TASK, items, language, tokenize=tokenize, identify=identify)


def value(table, measure, reading="output", label=None):
    same = (table["measure"] == measure) & (table["reading"] == reading)
    same &= table["label"].isna() if label is None else table["label"] == label
    ((found, n),) = table.loc[same, ["value", "n"]].itertuples(index=False)
    return found, n


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_item_in_each_language(language):
    first, _, summary = TEXTS[language]
    source = tokenize(document(language))
    outputs = [first, summary, ""]
    table = measured(outputs, language)
    assert table["id"].tolist() == ["i0", "i1", "i2"]
    assert table["empty"].tolist() == [False, False, True]
    assert table["lead_copy"].tolist() == [True, False, pd.NA]
    assert table["reference_lead_copy"].tolist() == [False] * 3
    for i, output in enumerate(outputs[:2]):
        row = table.iloc[i]
        ours, theirs = tokenize(output), tokenize(summary)
        assert row["tokens"] == len(ours)
        assert row["characters"] == len(output)
        for n in (1, 2, 3):
            assert row[f"novel_{n}"] == novel_ngrams(ours, source, n)
            assert row[f"reference_novel_{n}"] == novel_ngrams(theirs, source, n)
    assert table.loc[0, "novel_3"] == 0
    assert table.loc[1, "novel_3"] > 0.5


def test_an_empty_output_is_a_gap_and_not_a_zero():
    table = measured(["", " …\n", TEXTS["en"][2]])
    of_output = ["tokens", "characters", "lead_overlap", "lead_copy"]
    of_output += ["novel_1", "novel_2", "novel_3"]
    assert table.loc[:1, of_output].isna().all(axis=None)
    assert table.loc[2, of_output].notna().all()
    assert table.filter(like="reference_").notna().all(axis=None)
    summed = diagnose(table)
    assert value(summed, "empty") == (pytest.approx(2 / 3), 3)
    assert value(summed, "length", label="tokens") == (11, 1)
    assert value(summed, "length_ratio", label="tokens") == (1, 1)
    assert value(summed, "lead_copy") == (0, 1)
    assert value(summed, "novel_ngrams", label="1")[1] == 1
    assert value(summed, "novel_ngrams", "reference", "1")[1] == 3


def test_nothing_but_empty_outputs():
    summed = diagnose(measured(["", ""], identify=lambda texts: [1 / 0]))
    assert value(summed, "empty") == (1, 2)
    outputs = summed[(summed["reading"] == "output") & (summed["measure"] != "empty")]
    assert outputs["value"].isna().all()
    assert (outputs["n"] == 0).all()
    assert {"lead_copy", "length_ratio", "right_language"} <= set(outputs["measure"])


def test_too_few_tokens_for_a_trigram():
    table = measured(["Lakes appear", "Lakes"])
    assert table["novel_2"].tolist() == [1, pytest.approx(math.nan, nan_ok=True)]
    assert table["novel_3"].isna().all()
    assert value(diagnose(table), "novel_ngrams", label="2") == (1, 1)


def test_summed_up_against_loops():
    first, _, summary = TEXTS["en"]
    outputs = [first, "", summary + " " + first, "A lake, a lake", first[:40]]
    golds = [summary, "Lost and found.", first, "A lake", "Dr. Hill"]
    table, items = predicted(outputs)
    table["gold"] = golds
    summed = diagnose(per_item(table, TASK, items, "en", tokenize=tokenize))
    assert value(summed, "lead_copy") == (3 / 4, 4)
    assert value(summed, "lead_copy", "reference") == (1 / 5, 5)

    there = [(out, gold) for out, gold in zip(outputs, golds, strict=True) if out]
    for unit, length in (
        ("tokens", lambda text: len(tokenize(text))),
        ("characters", len),
    ):
        ours = sum(length(out) for out, _ in there)
        theirs = sum(length(gold) for _, gold in there)
        every = sum(map(length, golds))
        assert value(summed, "length", label=unit) == (ours / 4, 4)
        assert value(summed, "length", "reference", unit) == (every / 5, 5)
        ratio = pytest.approx(ours / theirs)
        assert value(summed, "length_ratio", label=unit) == (ratio, 4)

    source = tokenize(document("en"))
    for n in (1, 2, 3):
        for reading, texts in (("output", [o for o, _ in there]), ("reference", golds)):
            shares = [novel_ngrams(tokenize(text), source, n) for text in texts]
            shares = [share for share in shares if share is not None]
            mean = pytest.approx(sum(shares) / len(shares))
            found = value(summed, "novel_ngrams", reading, str(n))
            assert found == (mean, len(shares))


def by_script(texts):
    """Names the language of a text as far as its letters show it."""
    found: list[str | None] = []
    for text in texts:
        assert text.strip()  # nothing empty is asked
        kana, han = re.search("[぀-ヿ]", text), re.search("[一-鿿]", text)
        latin = "en" if " the " in text else None
        found.append("ja" if kana else "zh" if han else latin)
    return found


def test_languages_of_the_outputs():
    ja, zh = TEXTS["ja"], TEXTS["zh"]
    outputs = [ja[0], ja[2], "By the river", "", zh[2], "Xyz", "。"]
    table = measured(outputs, "ja", by_script)
    codes = table["identified"].where(table["identified"].notna(), None).tolist()
    assert codes == ["ja", "ja", "en", None, "zh", None, None]
    told = table["in_language"].tolist()
    assert told == [True, True, False, pd.NA, False, pd.NA, pd.NA]
    summed = diagnose(table)
    assert value(summed, "empty") == (pytest.approx(2 / 7), 7)
    assert value(summed, "right_language") == (2 / 5, 5)
    for code, share in (("ja", 2), ("en", 1), ("zh", 1), (UNDECIDED, 1)):
        assert value(summed, "language", label=code) == (share / 5, 5)


def test_without_identification_no_language_is_claimed():
    table = measured([TEXTS["en"][0]])
    assert not {"identified", "in_language"} & set(table.columns)
    assert not diagnose(table)["measure"].str.contains("language").any()


def test_one_language_for_each_output():
    with pytest.raises(DataError, match="1 languages for 2 outputs"):
        measured(["one", "two"], identify=lambda texts: ["en"])


def test_any_index_and_order_of_the_predictions():
    table, items = predicted([TEXTS["en"][0], "", TEXTS["en"][2]])
    plain = per_item(table, TASK, items, "en", tokenize=tokenize, identify=by_script)
    turned = table.iloc[::-1].set_axis([7, 7, 9])
    other = per_item(turned, TASK, items, "en", tokenize=tokenize, identify=by_script)
    back = other.iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(back, plain)


def test_the_frames_can_be_kept(tmp_path):
    for outputs in (["a lake", ""], [""]):
        table = measured(outputs, identify=by_script)
        table.to_parquet(tmp_path / "items.parquet")
        back = pd.read_parquet(tmp_path / "items.parquet")
        pd.testing.assert_frame_equal(diagnose(back), diagnose(table))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p.drop(columns="gold"), "without gold"),
        (lambda p: p.iloc[:0], "without rows"),
        (lambda p: p.assign(text=None), "without id, text or gold"),
        (lambda p: p.assign(id="x"), "no item 'x'"),
    ],
)
def test_predictions_that_cannot_be_read(change, message):
    table, items = predicted(["one", "two"])
    with pytest.raises(DataError, match=message):
        per_item(change(table), TASK, items, "en", tokenize=tokenize)


def test_items_must_be_told_apart():
    table, items = predicted(["one"])
    with pytest.raises(DataError, match="share an id"):
        per_item(table, TASK, items * 2, "en", tokenize=tokenize)


def test_only_generation_has_summaries():
    table, items = predicted(["one"])
    with pytest.raises(StudyError, match="mini-inference is a classification task"):
        per_item(table, INFERENCE, items, "en", tokenize=tokenize)
    with pytest.raises(StudyError, match="language"):
        per_item(table, TASK, items, "xx", tokenize=tokenize)


def test_the_page_on_diagnostics_runs():
    page = Path(__file__).resolve().parents[2] / "docs" / "diagnostics.md"
    blocks = re.findall(r"^```python\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S)
    assert len(blocks) == 2
    names: dict = {}
    exec(blocks[0], names)  # noqa: S102 - our own text
    assert value(names["table"], "accuracy", "strict") == (0.5, 4)
    assert value(names["table"], "accuracy", "choice") == (0.5, 4)
    assert names["counts"]["n"].sum() == 3 * 4
    exec(blocks[1], names)  # noqa: S102
    assert value(names["table"], "empty") == (0.5, 2)
    assert value(names["table"], "lead_copy") == (1, 1)
