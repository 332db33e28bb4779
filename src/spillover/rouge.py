"""ROUGE-1, -2 and -L in every language, as XL-Sum's multilingual scorer has them.

Lin (2004) defines the scores, Hasan et al. (2021) how text of other languages than
English becomes the tokens that they count: lower case, no punctuation, a word segmenter
where words are not set apart by spaces, a stemmer where there is one. `rouge-score`
counts; the tokens are made here. docs/rouge.md states them for each language.
"""

from __future__ import annotations

import os
import unicodedata
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, lru_cache, partial
from importlib import metadata
from pathlib import Path
from shlex import quote
from typing import Any

import regex  # type: ignore[import-untyped]

from spillover import languages
from spillover.errors import StudyError
from spillover.languages import Language, Segmentation


def rouge(
    prediction: str, reference: str, language: str, *, stem: bool = True
) -> dict[str, float]:
    """ROUGE-1, -2 and -L of one text: F1 of the shared tokens (Lin 2004).

    Args:
        prediction: the model's text.
        reference: the text to compare with.
        language: code of the language that the reference is in.
        stem: cut words down to stems in the languages that have a stemmer, as
            XL-Sum's evaluation does.

    Returns:
        `rouge1`, `rouge2` and `rougeL`, each in [0, 1]; 0 if either text has no token,
        or no pair of tokens for `rouge2`.

    Raises:
        StudyError: the language is not in `spillover.languages`, or a package that its
            tokens need is not installed.
    """
    tokenize = tokenizer(language, stem).tokenize
    return _f1(tokenize(prediction), tokenize(reference))


def rouge_at_same_length(
    texts: tuple[str, str], reference: str, language: str
) -> tuple[dict[str, float], dict[str, float]]:
    """ROUGE of two texts, of each as many first tokens as the shorter one has.

    F1 depends on length (Sun et al. 2019): what a text has besides the tokens that it
    shares with the reference lowers it.

    Args:
        texts: the two.
        reference: the text to compare both with.
        language: as for `rouge`, as are what is returned and raised.
    """
    tokenize = tokenizer(language, stem=True).tokenize
    one, other, referred = map(tokenize, (*texts, reference))
    length = min(len(one), len(other))
    return _f1(one[:length], referred), _f1(other[:length], referred)


def _f1(tokens: list[str], reference: list[str]) -> dict[str, float]:
    scores = _scorer().score(reference, tokens)
    return {name: float(score.fmeasure) for name, score in scores.items()}


@cache
def _scorer() -> Any:
    from rouge_score.rouge_scorer import RougeScorer  # type: ignore[import-untyped]

    return RougeScorer(["rouge1", "rouge2", "rougeL"], tokenizer=_Tokens())


class _Tokens:
    """What hands `rouge-score` tokens that are cut already."""

    def tokenize(self, tokens: list[str]) -> list[str]:
        return tokens


@dataclass(frozen=True)
class RougeTokenizer:
    """The tokens that ROUGE counts, through the interface of `rouge-score`.

    Attributes:
        language: of the texts.
        stem: whether tokens are cut down to stems.
    """

    language: Language
    stem: bool

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text, in order; none if only punctuation is in it.

        In Chinese and Thai the space between two pieces of text is a token too.
        """
        tokens = _segmenter(self.language.segmentation)(self._clean(text))
        if not self.stem or self.language.stemmer is None:
            return tokens
        stem = _stemmer(self.language.stemmer)
        # The limit is XL-Sum's: in short words an ending is mostly part of the stem.
        stems = (stem(token) if len(token) > 3 else token for token in tokens)
        return list(filter(None, stems))

    def _clean(self, text: str) -> str:
        """Lower case, invisible characters gone, one space for punctuation."""
        text = unicodedata.normalize("NFC", _INVISIBLE.sub("", text))
        if self.language.code in ("az", "tr"):
            text = text.replace("İ", "i").replace("I", "ı")
        # Again: of some capitals only the small letter is one character with its mark.
        text = unicodedata.normalize("NFC", text.lower())
        return " ".join(_PUNCTUATION.sub(" ", text).split())


@cache
def tokenizer(language: str, stem: bool) -> RougeTokenizer:
    """The tokenizer of a language, the same object each time.

    Raises:
        StudyError: as for `rouge`.
    """
    packages(language)
    return RougeTokenizer(languages.language(language), stem)


_SEGMENTER_PACKAGES: dict[Segmentation, tuple[str, ...]] = {
    "fugashi": ("fugashi", "unidic-lite"),
    "jieba": ("jieba",),
    "pythainlp": ("pythainlp",),
}


version = cache(metadata.version)  # it reads a file each time


def packages(language: str) -> dict[str, str]:
    """Name and version of each package that the scores of a language depend on.

    Raises:
        StudyError: the language is unknown, or a package is not installed.
    """
    entry = languages.language(language)
    needed = ["regex", "rouge-score", *_SEGMENTER_PACKAGES.get(entry.segmentation, ())]
    if entry.stemmer == "turkish":
        needed.append("snowballstemmer")
    elif entry.stemmer not in (None, "hindi"):
        needed.append("nltk")
    found = {}
    for name in sorted(needed):
        try:
            found[name] = version(name)
        except metadata.PackageNotFoundError:
            raise StudyError(
                f"ROUGE of {entry.name} text needs the package {name!r}, "
                "which is not installed",
                fix=f"pip install {name}",
            ) from None
    return found


# Control and format characters, unassigned ones, and what stands for broken bytes.
_INVISIBLE = regex.compile(r"[[\p{C}\uFFFD]--[\s]]", regex.V1)
_PUNCTUATION = regex.compile(r"[\p{P}$+<=>^`|~]")

_HAN = r"[\p{Han}&&\p{Lo}]"
_SOUTH_EAST_ASIAN = r"[[\p{Khmer}\p{Lao}\p{Myanmar}]&&\p{L}]"


def _words(alone: str, cluster: str) -> Any:
    """Matches a cluster of the letters `alone`, or a word of others, or a symbol.

    A word is a run of letters or a run of numbers. Marks belong to the character that
    they stand on; one that stands on nothing is no token.
    """
    word = rf"(?:[\p{{L}}--{alone}]\p{{M}}*)+|(?:\p{{N}}\p{{M}}*)+|[^\s\p{{M}}]\p{{M}}*"
    return regex.compile(f"{cluster}|{word}", regex.V1)


_SPACED = _words(_HAN, rf"{_HAN}\p{{M}}*")

# A letter with its marks, and with the letters stacked under it by a Burmese virama or
# a Khmer coeng. A Burmese letter that an asat makes the last of its syllable belongs to
# what is before it (Ding et al. 2019).
_LETTER = rf"{_SOUTH_EAST_ASIAN}\p{{M}}*"
_LAST = rf"(?:{_SOUTH_EAST_ASIAN}(?:\u103A\p{{M}}?|\p{{M}}\u103A)(?!\p{{M}}))?"
_CLUSTERED = _words(
    f"[{_HAN}{_SOUTH_EAST_ASIAN}]",
    rf"{_LETTER}{_LAST}(?:(?<=[\u1039\u17D2]){_LETTER}{_LAST})*|{_HAN}\p{{M}}*",
)


@cache
def _segmenter(segmentation: Segmentation) -> Callable[[str], list[str]]:
    """What cuts clean text into tokens; loads dictionaries, once a process."""
    match segmentation:
        case "space":
            return _SPACED.findall  # type: ignore[no-any-return]
        case "cluster":
            return _CLUSTERED.findall  # type: ignore[no-any-return]
        case "jieba":
            return _jieba()
        case "fugashi":
            return _fugashi()
        case "pythainlp":
            return _pythainlp()


def _jieba() -> Callable[[str], list[str]]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of pkg_resources, and of its own old syntax
        import jieba  # type: ignore[import-untyped]

    # What initialize() does, but without its log, and without its cache: a file under
    # a known name in the common temporary folder, trusted whoever wrote it.
    chinese = jieba.Tokenizer()
    chinese.FREQ, chinese.total = chinese.gen_pfdict(chinese.get_dict_file())
    chinese.initialized = True
    return chinese.lcut  # type: ignore[no-any-return]


def _fugashi() -> Callable[[str], list[str]]:
    import unidic_lite  # type: ignore[import-untyped]
    from fugashi import GenericTagger  # type: ignore[import-untyped]

    # Named, because where the full UniDic is installed too, fugashi prefers it, and it
    # cuts otherwise.
    folder = Path(unidic_lite.DICDIR)
    tagger = GenericTagger(
        f"-r {quote(str(folder / 'mecabrc'))} -d {quote(str(folder))}"
    )
    return lambda text: [word.surface for word in tagger(text)]


def _pythainlp() -> Callable[[str], list[str]]:
    # Else its import makes a folder in the home directory, or fails where it cannot.
    name = "PYTHAINLP_READ_ONLY"
    before = os.environ.get(name)
    os.environ[name] = "1"
    try:
        from pythainlp.tokenize import word_tokenize
    finally:
        del os.environ[name]
        if before is not None:
            os.environ[name] = before
    return lambda text: word_tokenize(text, engine="newmm")


@cache
def _stemmer(name: str) -> Callable[[str], str]:
    """What cuts a word down to its stem, with a memory: texts repeat their words."""
    own = {"hindi": _hindi_stem, "turkish": _turkish_stem}
    return lru_cache(2**16)(own.get(name, partial(_snowball_stem, name)))


def _snowball_stem(name: str, word: str) -> str:
    from nltk.stem.snowball import SnowballStemmer  # type: ignore[import-untyped]

    # A new one for each word: what the Arabic one says depends on the words before.
    return SnowballStemmer(name).stem(word)  # type: ignore[no-any-return]


def _turkish_stem(word: str) -> str:
    # Not by snowballstemmer.stemmer(), which takes PyStemmer's where that is installed.
    from snowballstemmer.turkish_stemmer import (  # type: ignore[import-untyped]
        TurkishStemmer,
    )

    return TurkishStemmer().stemWord(word)  # type: ignore[no-any-return]


# The endings of Ramanathan and Rao (2003), "A lightweight stemmer for Hindi".
_HINDI_ENDINGS = """
ा ि ी ु ू े ो
ां ाँ ाई ाए ाओ िए ीं ें ों कर ता ती ते ना नी ने
ाइए ाईं ाएं ाओं ाकर ाता ाती ाते ाना ाने ाया ुआं ुएं ुओं ेगा ेगी ोगी ोगे तीं
ाएगा ाएगी ाओगी ाओगे ातीं ियां ियाँ ियों ूंगा ूंगी ेंगी ेंगे एंगी एंगे ताएं ताओं नाएं नाओं
ाइयां ाइयाँ ाइयों ाऊंगा ाऊंगी ाएंगी ाएंगे
"""
_HINDI_ENDING = regex.compile(rf"(?<=..)(?:{'|'.join(_HINDI_ENDINGS.split())})\Z")


def _hindi_stem(word: str) -> str:
    """The word without its longest ending that leaves two characters or more."""
    return _HINDI_ENDING.sub("", word)  # type: ignore[no-any-return]
