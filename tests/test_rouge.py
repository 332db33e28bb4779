"""ROUGE: XL-Sum's own scores, brute force, and the tokens of awkward text."""

from __future__ import annotations

import json
import os
import random
import re
import subprocess
import sys
from collections.abc import Callable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import pytest

from spillover import rouge as module
from spillover.errors import StudyError
from spillover.languages import LANGUAGES
from spillover.rouge import packages, rouge, rouge_at_same_length, tokenizer

PAGE = Path(__file__).resolve().parent.parent / "docs" / "rouge.md"
NAMES = ("rouge1", "rouge2", "rougeL")

CODES = ["de", "en", "es", "fr", "hi", "it", "ja", "ko", "pt", "ru", "th", "vi", "zh"]
REFERENCE = [("ar", False), *((code, stem) for code in CODES for stem in (False, True))]
DIFFERENT = {("de", True): 2, ("pt", True): 2}
"""Pairs of 50 with a stop word, which XL-Sum's scorer does not stem."""


@pytest.fixture(scope="module")
def xlsum(data_root: Path) -> list[dict[str, Any]]:
    path = data_root / "rouge_reference" / "xlsum_scorer.jsonl"
    if not path.is_file():
        pytest.skip(f"no reference scores at {path}")
    return [json.loads(line) for line in path.read_text("utf-8").splitlines()]


@pytest.mark.parametrize(("language", "stem"), REFERENCE)
def test_the_scores_are_those_of_xlsums_scorer(
    xlsum: list[dict[str, Any]], language: str, stem: bool
) -> None:
    rows = [r for r in xlsum if (r["language"], r["stemmed"]) == (language, stem)]
    assert len(rows) == 50
    different = 0
    for row in rows:
        found = rouge(row["prediction"], row["reference"], language, stem=stem)
        different += any(abs(found[name] - row[name]) > 1e-4 for name in NAMES)
    assert different == DIFFERENT.get((language, stem), 0)


def test_no_reference_score_is_left_out(xlsum: list[dict[str, Any]]) -> None:
    assert {(row["language"], row["stemmed"]) for row in xlsum} == set(REFERENCE)


def f1(shared: int, predicted: int, referred: int) -> float:
    if not shared:
        return 0.0
    precision, recall = shared / predicted, shared / referred
    return 2 * precision * recall / (precision + recall)


def shared_ngrams(a: list[str], b: list[str], n: int) -> float:
    grams_a = [a[i : i + n] for i in range(len(a) - n + 1)]
    grams_b = [b[i : i + n] for i in range(len(b) - n + 1)]
    left, shared = list(grams_b), 0
    for gram in grams_a:
        if gram in left:  # each n-gram of b is matched once
            left.remove(gram)
            shared += 1
    return f1(shared, len(grams_a), len(grams_b))


def longest_common(a: list[str], b: list[str]) -> int:
    if not a or not b:
        return 0
    if a[0] == b[0]:
        return 1 + longest_common(a[1:], b[1:])
    return max(longest_common(a[1:], b), longest_common(a, b[1:]))


def brute_force(a: list[str], b: list[str]) -> dict[str, float]:
    return {
        "rouge1": shared_ngrams(a, b, 1),
        "rouge2": shared_ngrams(a, b, 2),
        "rougeL": f1(longest_common(a, b), len(a), len(b)),
    }


WORDS = {
    "cy": ["a", "b", "c", "d"],
    "en": ["running", "runs", "run", "dogs"],
    "hi": ["लड़का", "लड़के", "है", "राजा"],
    "zh": ["我", "爱", "北京", "上海"],
    "my": ["မြန်", "မာ", "နိုင်", "ငံ"],
}


def test_at_the_same_length_neither_text_gains_by_being_short() -> None:
    rng = random.Random(1)
    tokenize = tokenizer("en", True).tokenize
    for _ in range(60):
        one, other, reference = (
            " ".join(rng.choices(WORDS["en"], k=rng.randrange(9))) for _ in range(3)
        )
        length = min(len(tokenize(one)), len(tokenize(other)))
        found = rouge_at_same_length((one, other), reference, "en")
        for text, scores in zip((one, other), found, strict=True):
            expected = brute_force(tokenize(text)[:length], tokenize(reference))
            assert scores == pytest.approx(expected)
    long, short = "a fine tool and much more", "a fine tool"
    first, second = rouge_at_same_length((long, short), "a fine tool", "en")
    assert first == second == dict.fromkeys(NAMES, 1)


@pytest.mark.parametrize("language", WORDS)
@pytest.mark.parametrize("stem", [True, False])
def test_the_scores_are_those_of_plain_loops(language: str, stem: bool) -> None:
    rng = random.Random(0)
    sign = "" if language in ("zh", "my") else " "
    tokenize = tokenizer(language, stem).tokenize
    for _ in range(60):
        a, b = (
            sign.join(rng.choices(WORDS[language], k=rng.randrange(9)))
            for _ in range(2)
        )
        expected = brute_force(tokenize(a), tokenize(b))
        assert rouge(a, b, language, stem=stem) == pytest.approx(expected)


def test_known_values() -> None:
    # Lin (2004), section 3.1: the longest common subsequences with S1 have 3 and 2 of
    # the 4 words.
    reference = "police killed the gunman"
    second = rouge("police kill the gunman", reference, "en", stem=False)
    third = rouge("the gunman kill police", reference, "en", stem=False)
    assert second["rougeL"] == pytest.approx(3 / 4)
    assert third["rougeL"] == pytest.approx(2 / 4)
    assert third["rouge1"] == pytest.approx(3 / 4)
    assert third["rouge2"] == pytest.approx(1 / 3)
    # Precision 1, recall 1/2.
    short = rouge("police killed", reference, "en")
    assert short["rouge1"] == pytest.approx(2 / 3)


def test_stems_are_the_default() -> None:
    assert rouge("she connects", "she connected", "en")["rougeL"] == 1
    assert rouge("she connects", "she connected", "en", stem=False)["rougeL"] == 0.5


@pytest.mark.parametrize(
    ("language", "text", "tokens"),
    [
        ("en", "The cat's 2 naïve hats.", "the cat s 2 naïve hats"),
        ("en", "3.5km, 1,000", "3 5 km 1 000"),  # letters and numbers part
        ("en", "snake_case 5€ a+b £3", "snake case 5 € a b £ 3"),
        ("en", "E\u0301te\u200d\u0301", "été"),  # decomposed accents
        ("en", "ﬁn ＧＰＴ４ １２％", "ﬁn ｇｐｔ ４ １２"),  # compatible, not the same
        ("en", "co\u00adop x\u200by\ufffd", "coop xy"),  # invisible, broken
        ("en", "a\tb\nc\u2028d\u00a0e", "a b c d e"),
        ("en", "a\x0cb\x0bc\x85d", "a b c d"),  # other breaks
        ("el", "\u03aa\u0301 J\u030c", "\u0390 \u01f0"),  # no such capitals
        ("en", "👍🏽 ❤\ufe0f 👨\u200d👩 🇩🇪", "👍 🏽 ❤\ufe0f 👨 👩 🇩 🇪"),
        ("en", "ab\u0301c 1\u20e3", "ab\u0301c 1\u20e3"),  # marks stay with it
        ("en", "\u0301 a !\ufe0f b", "a b"),
        ("en", "日本 and 漢\ufe00字", "日 本 and 漢\ufe00 字"),
        ("ar", "الكِتاب، ١٢٣؟", "الكِتاب ١٢٣"),
        ("fa", "می\u200cخواهم", "میخواهم"),
        ("hi", "हिन्दी में। ज\u093cरा", "हिन्दी में ज\u093cरा"),
        ("hi", "\u095bरा", "ज\u093cरा"),  # the other writing of the same letter
        ("bn", "বাংলা ভাষা।", "বাংলা ভাষা"),
        ("si", "ශ්\u200dරී ලංකා", "ශ්රී ලංකා"),  # with the joiner, one conjunct
        ("am", "ሰላም፡ዓለም።", "ሰላም ዓለም"),
        ("ko", "제안된 강, 漢字는", "제안된 강 漢 字 는"),
        ("vi", "Việt Nam", "việt nam"),
        ("tr", "IŞIK İstanbul'da", "ışık istanbul da"),
        ("az", "Iİ", "ıi"),
        ("en", "IŞIK", "işik"),
        ("ja", "東京都に住む人々、GPT-4。", "東京 都 に 住む 人々 gpt 4"),
        ("my", "မြန်မာနိုင်ငံ GPT ၂၀၂၄", "မြန် မာ နိုင် ငံ gpt ၂၀၂၄"),
        ("my", "အင်္ဂလိပ် ဘရန့်ဒ် သတ္တု", "အင်္ဂ လိပ် ဘ ရန့် ဒ် သ တ္တု"),
        ("km", "ភាសាខ្មែរ ស្ត្រី iPhone", "ភា សា ខ្មែ រ ស្ត្រី iphone"),
        ("lo", "ສະບາຍດີ 15", "ສ ະ ບ າ ຍ ດີ 15"),
    ],
)
def test_tokens(language: str, text: str, tokens: str) -> None:
    assert tokenizer(language, False).tokenize(text) == tokens.split(" ")


def test_tokens_in_chinese_and_thai_hold_the_spaces() -> None:
    chinese = tokenizer("zh", True).tokenize("我用GPT-4写。他来到北京大学。")
    assert "|".join(chinese) == "我用|gpt| |4|写| |他|来到|北京大学"
    thai = tokenizer("th", True).tokenize("ฉันกินข้าว 5 จาน ๑๒ km (จริง)")
    assert "|".join(thai) == "ฉัน|กินข้าว| |5| |จาน| |๑๒| |km| |จริง"


@pytest.mark.parametrize("language", ["en", "zh", "ja", "th", "hi", "my"])
@pytest.mark.parametrize("text", ["", " ", "\n", "。", "!", "-", "\u200d"])
def test_without_tokens_the_score_is_zero(language: str, text: str) -> None:
    nothing = dict.fromkeys(NAMES, 0)
    assert rouge(text, "a reference", language) == nothing
    assert rouge("a prediction", text, language) == nothing
    assert rouge(text, text, language) == nothing


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("stem", [True, False])
def test_every_language_is_scored(language: str, stem: bool) -> None:
    text = f"{LANGUAGES[language].name} 1 ✓ இது 中文 ไทย မြန်မာ العربية"
    assert rouge(text, text, language, stem=stem) == dict.fromkeys(NAMES, 1)
    assert rouge(text, "—", language, stem=stem) == dict.fromkeys(NAMES, 0)


@pytest.mark.parametrize(
    ("language", "words", "stems"),
    [
        ("ar", "والكتاب المدرسة", "كتاب مدرس"),
        ("da", "husene", "hus"),
        ("de", "Häuser Hauses", "haus haus"),
        ("en", "connected connection", "connect connect"),
        ("es", "canciones", "cancion"),
        ("fi", "taloissa", "talo"),
        ("fr", "continuellement", "continuel"),
        ("hi", "लड़कियों लड़के राजा", "लड़क लड़क राज"),
        ("hu", "házakban", "ház"),
        ("it", "abbandonata", "abbandon"),
        ("nl", "lichamelijke", "licham"),
        ("no", "husene", "hus"),
        ("pt", "quilométricas", "quilométr"),
        ("ro", "cărţilor", "cărţ"),
        ("ru", "важнейшие", "важн"),
        ("sv", "husen", "hus"),
        ("tr", "kitaplar evlerinden", "kitap ev"),
        ("en", "runs dogs ran", "run dog ran"),
        ("en", "dog's ads", "dog s ads"),  # three letters stay as they are
        ("hi", "ताकि गए", "ताक गए"),
        ("tr", "ları geldi", "gel"),  # nothing is left of an ending alone
        ("bn", "ছেলেরা", "ছেলেরা"),  # no stemmer
    ],
)
def test_stems(language: str, words: str, stems: str) -> None:
    assert tokenizer(language, True).tokenize(words) == stems.split()


def test_hindi_stems_are_those_of_plain_loops() -> None:
    endings = module._HINDI_ENDINGS.split()
    assert len(endings) == len(set(endings)) == 67
    rng = random.Random(0)
    for _ in range(2000):
        word = "".join(rng.choices("कमल", k=rng.randrange(1, 4)))
        word += "".join(rng.choices(endings, k=rng.randrange(3)))
        expected = word
        for ending in sorted(endings, key=len, reverse=True):
            if word.endswith(ending) and len(word) - len(ending) >= 2:
                expected = word[: -len(ending)]
                break
        assert module._hindi_stem(word) == expected


def test_a_stem_depends_on_no_other_word() -> None:
    """NLTK's Arabic stemmer keeps what it found in one word for the next."""
    words = ["اتجهوا", "بذلوا", "فيتحكم", "وأقلهم", "بدلاتنا", "ملاحظتها"]
    alone = {}
    for word in words:
        module._stemmer.cache_clear()
        alone[word] = tokenizer("ar", True).tokenize(word)
    for seed in range(20):
        module._stemmer.cache_clear()
        order = random.Random(seed).sample(words, len(words))
        found = {word: tokenizer("ar", True).tokenize(word) for word in order}
        assert found == alone


def test_the_tokenizer_is_made_once() -> None:
    assert tokenizer("en", True) is tokenizer("en", True)
    assert tokenizer("en", True) is not tokenizer("en", False)


@pytest.mark.parametrize("function", [packages, lambda code: rouge("a", "a", code)])
def test_an_unknown_language(function: Callable[[str], object]) -> None:
    with pytest.raises(StudyError, match="unknown language 'xx'"):
        function("xx")


@pytest.mark.parametrize(
    ("language", "names"),
    [
        ("cy", []),
        ("de", ["nltk"]),
        ("hi", []),
        ("tr", ["snowballstemmer"]),
        ("zh", ["jieba"]),
        ("ja", ["fugashi", "unidic-lite"]),
        ("th", ["pythainlp"]),
        ("my", []),
    ],
)
def test_packages(language: str, names: list[str]) -> None:
    names = [*names, "regex", "rouge-score"]
    assert packages(language) == {name: version(name) for name in names}


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    def without_thai(name: str) -> str:
        if name == "pythainlp":
            raise PackageNotFoundError(name)
        return version(name)

    monkeypatch.setattr(module, "version", without_thai)
    tokenizer.cache_clear()
    module._scorer.cache_clear()
    with pytest.raises(StudyError, match=r"Thai text needs .*; pip install pythainlp"):
        rouge("ก", "ก", "th")
    rouge("a", "a", "zh")


SCORES = """
import sys
sys.path.insert(0, sys.argv[1])
from spillover.rouge import rouge
heavy = {"jieba", "fugashi", "pythainlp", "nltk", "rouge_score", "snowballstemmer"}
assert not heavy & set(sys.modules), "loaded by the import"
assert rouge("我爱北京", "我爱上海", "zh")["rouge1"] > 0
assert not {"fugashi", "pythainlp"} & set(sys.modules), "loaded for Chinese"
assert rouge("今日は雨", "今日は雪", "ja")["rouge1"] > 0
assert rouge("ฉันกินข้าว", "ฉันกินปลา", "th")["rouge1"] > 0
assert rouge("evler", "ev", "tr")["rouge1"] == 1
"""


def test_packages_load_late_say_nothing_and_leave_no_file(tmp_path: Path) -> None:
    folders = {name: tmp_path / name for name in ("HOME", "TMPDIR")}
    for folder in folders.values():
        folder.mkdir()
    # As setuptools up to 81 does to whoever imports it, which jieba does.
    (tmp_path / "pkg_resources.py").write_text(
        "import warnings\nwarnings.warn('deprecated')\nraise ImportError\n"
    )
    done = subprocess.run(  # noqa: S603 - our own text
        [sys.executable, "-W", "error", "-c", SCORES, str(tmp_path)],
        env=os.environ | {name: str(folder) for name, folder in folders.items()},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert [*folders["HOME"].iterdir(), *folders["TMPDIR"].iterdir()] == []


def test_thai_leaves_the_environment_as_it_was(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("PYTHAINLP_READ_ONLY", raising=False)
    module._pythainlp()
    assert "PYTHAINLP_READ_ONLY" not in os.environ
    monkeypatch.setenv("PYTHAINLP_READ_ONLY", "0")
    module._pythainlp()
    assert os.environ["PYTHAINLP_READ_ONLY"] == "0"


def test_the_page_says_what_is_printed(
    data_root: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = data_root / "rouge_reference"
    if not folder.is_dir():
        pytest.skip(f"no reference scores in {folder}")
    monkeypatch.chdir(folder)
    page = PAGE.read_text("utf-8")
    pairs = re.findall(
        r"^```python\n(.*?)^```\n+^```text\n(.*?)^```", page, re.M | re.S
    )
    assert len(pairs) == 2
    for code, output in pairs:
        exec(code, {})  # noqa: S102 - our own text
        assert capsys.readouterr().out == output


def test_the_page_lists_every_language() -> None:
    page = PAGE.read_text("utf-8")
    for entry in LANGUAGES.values():
        assert re.search(rf"\b{entry.name} \({entry.code}\)", page), entry
