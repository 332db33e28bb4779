"""Every language that the package knows: one entry each.

Codes are ISO 639-1 where there is one, else ISO 639-3; scripts are ISO 15924 codes
of the writing that the shipped data sets use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spillover.errors import StudyError, unknown

PIVOT = "en"
"""The language that is tuned on and that the others are compared with."""

Segmentation = Literal["space", "cluster", "fugashi", "jieba", "pythainlp"]


@dataclass(frozen=True, slots=True)
class Language:
    """A language.

    Attributes:
        code: as studies and tables write it.
        name: in English.
        script: ISO 15924 code.
        segmentation: what cuts its text for ROUGE: `space`; where words are written
            without spaces a segmenter, named by its package; or, where there is none,
            the bounds of a `cluster`, a letter with what is written around it.
        stemmer: what stems its words for ROUGE: a Snowball algorithm, or `hindi`
            (Ramanathan and Rao 2003).
    """

    code: str
    name: str
    script: str
    segmentation: Segmentation = "space"
    stemmer: str | None = None


LANGUAGES = {
    entry.code: entry
    for entry in (
        Language("am", "Amharic", "Ethi"),
        Language("ar", "Arabic", "Arab", stemmer="arabic"),
        Language("az", "Azerbaijani", "Latn"),
        Language("bg", "Bulgarian", "Cyrl"),
        Language("bn", "Bengali", "Beng"),
        Language("ca", "Catalan", "Latn"),
        Language("cs", "Czech", "Latn"),
        Language("cy", "Welsh", "Latn"),
        Language("da", "Danish", "Latn", stemmer="danish"),
        Language("de", "German", "Latn", stemmer="german"),
        Language("el", "Greek", "Grek"),
        Language("en", "English", "Latn", stemmer="english"),
        Language("es", "Spanish", "Latn", stemmer="spanish"),
        Language("et", "Estonian", "Latn"),
        Language("eu", "Basque", "Latn"),
        Language("fa", "Persian", "Arab"),
        Language("fi", "Finnish", "Latn", stemmer="finnish"),
        Language("fr", "French", "Latn", stemmer="french"),
        Language("gd", "Scottish Gaelic", "Latn"),
        Language("gl", "Galician", "Latn"),
        Language("gu", "Gujarati", "Gujr"),
        Language("ha", "Hausa", "Latn"),
        Language("he", "Hebrew", "Hebr"),
        Language("hi", "Hindi", "Deva", stemmer="hindi"),
        Language("hr", "Croatian", "Latn"),
        Language("ht", "Haitian Creole", "Latn"),
        Language("hu", "Hungarian", "Latn", stemmer="hungarian"),
        Language("id", "Indonesian", "Latn"),
        Language("ig", "Igbo", "Latn"),
        Language("is", "Icelandic", "Latn"),
        Language("it", "Italian", "Latn", stemmer="italian"),
        Language("ja", "Japanese", "Jpan", "fugashi"),
        Language("km", "Khmer", "Khmr", "cluster"),
        Language("ko", "Korean", "Kore"),
        Language("ky", "Kyrgyz", "Cyrl"),
        Language("lo", "Lao", "Laoo", "cluster"),
        Language("lt", "Lithuanian", "Latn"),
        Language("lv", "Latvian", "Latn"),
        Language("mr", "Marathi", "Deva"),
        Language("my", "Burmese", "Mymr", "cluster"),
        Language("ne", "Nepali", "Deva"),
        Language("nl", "Dutch", "Latn", stemmer="dutch"),
        Language("no", "Norwegian", "Latn", stemmer="norwegian"),
        Language("om", "Oromo", "Latn"),
        Language("pa", "Punjabi", "Guru"),
        Language("pcm", "Nigerian Pidgin", "Latn"),
        Language("pl", "Polish", "Latn"),
        Language("ps", "Pashto", "Arab"),
        Language("pt", "Portuguese", "Latn", stemmer="portuguese"),
        Language("qu", "Quechua", "Latn"),
        Language("rn", "Kirundi", "Latn"),
        Language("ro", "Romanian", "Latn", stemmer="romanian"),
        Language("ru", "Russian", "Cyrl", stemmer="russian"),
        Language("si", "Sinhala", "Sinh"),
        Language("sk", "Slovak", "Latn"),
        Language("sl", "Slovenian", "Latn"),
        Language("so", "Somali", "Latn"),
        Language("sr", "Serbian", "Cyrl"),
        Language("sv", "Swedish", "Latn", stemmer="swedish"),
        Language("sw", "Swahili", "Latn"),
        Language("ta", "Tamil", "Taml"),
        Language("te", "Telugu", "Telu"),
        Language("th", "Thai", "Thai", "pythainlp"),
        Language("ti", "Tigrinya", "Ethi"),
        Language("tl", "Tagalog", "Latn"),
        Language("tr", "Turkish", "Latn", stemmer="turkish"),
        Language("uk", "Ukrainian", "Cyrl"),
        Language("ur", "Urdu", "Arab"),
        Language("uz", "Uzbek", "Latn"),
        Language("vi", "Vietnamese", "Latn"),
        Language("yo", "Yoruba", "Latn"),
        Language("zh", "Chinese", "Hans", "jieba"),
    )
}


def language(code: str, where: str | None = None) -> Language:
    """The language of that code.

    Args:
        code: as studies write it.
        where: the key that it stands under, named in the error.

    Raises:
        StudyError: the table has no such code; it names the one that is meant by
            another standard's (`pt-BR`, `nob`), or the nearest.
    """
    if code not in LANGUAGES:
        from spillover.codes import code_of

        meant = (code_of(code) or "").partition("-")[0]
        if meant in LANGUAGES:
            fix = f"did you mean {meant!r}"
            raise StudyError(f"unknown language {code!r}", where=where, fix=fix)
        raise unknown("language", code, LANGUAGES, where=where)
    return LANGUAGES[code]
