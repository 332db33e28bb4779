"""Every language that the package knows: one entry each.

Codes are ISO 639-1 where there is one, else ISO 639-3; scripts are ISO 15924 codes
of the writing that the shipped data sets use.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from spillover.errors import unknown

Segmentation = Literal["space", "character"]


@dataclass(frozen=True, slots=True)
class Language:
    """A language.

    Attributes:
        code: as studies and tables write it.
        name: in English.
        script: ISO 15924 code.
        segmentation: how its text is cut for ROUGE: at `space`s, or into
            `character`s where words are written without spaces.
    """

    code: str
    name: str
    script: str
    segmentation: Segmentation = "space"


LANGUAGES = {
    entry.code: entry
    for entry in (
        Language("am", "Amharic", "Ethi"),
        Language("ar", "Arabic", "Arab"),
        Language("az", "Azerbaijani", "Latn"),
        Language("bg", "Bulgarian", "Cyrl"),
        Language("bn", "Bengali", "Beng"),
        Language("ca", "Catalan", "Latn"),
        Language("cs", "Czech", "Latn"),
        Language("cy", "Welsh", "Latn"),
        Language("da", "Danish", "Latn"),
        Language("de", "German", "Latn"),
        Language("el", "Greek", "Grek"),
        Language("en", "English", "Latn"),
        Language("es", "Spanish", "Latn"),
        Language("et", "Estonian", "Latn"),
        Language("eu", "Basque", "Latn"),
        Language("fa", "Persian", "Arab"),
        Language("fi", "Finnish", "Latn"),
        Language("fr", "French", "Latn"),
        Language("gd", "Scottish Gaelic", "Latn"),
        Language("gl", "Galician", "Latn"),
        Language("gu", "Gujarati", "Gujr"),
        Language("ha", "Hausa", "Latn"),
        Language("he", "Hebrew", "Hebr"),
        Language("hi", "Hindi", "Deva"),
        Language("hr", "Croatian", "Latn"),
        Language("ht", "Haitian Creole", "Latn"),
        Language("hu", "Hungarian", "Latn"),
        Language("id", "Indonesian", "Latn"),
        Language("ig", "Igbo", "Latn"),
        Language("is", "Icelandic", "Latn"),
        Language("it", "Italian", "Latn"),
        Language("ja", "Japanese", "Jpan", "character"),
        Language("km", "Khmer", "Khmr", "character"),
        Language("ko", "Korean", "Kore"),
        Language("ky", "Kyrgyz", "Cyrl"),
        Language("lo", "Lao", "Laoo", "character"),
        Language("lt", "Lithuanian", "Latn"),
        Language("lv", "Latvian", "Latn"),
        Language("mr", "Marathi", "Deva"),
        Language("my", "Burmese", "Mymr", "character"),
        Language("ne", "Nepali", "Deva"),
        Language("nl", "Dutch", "Latn"),
        Language("no", "Norwegian", "Latn"),
        Language("om", "Oromo", "Latn"),
        Language("pa", "Punjabi", "Guru"),
        Language("pcm", "Nigerian Pidgin", "Latn"),
        Language("pl", "Polish", "Latn"),
        Language("ps", "Pashto", "Arab"),
        Language("pt", "Portuguese", "Latn"),
        Language("qu", "Quechua", "Latn"),
        Language("rn", "Kirundi", "Latn"),
        Language("ro", "Romanian", "Latn"),
        Language("ru", "Russian", "Cyrl"),
        Language("si", "Sinhala", "Sinh"),
        Language("sk", "Slovak", "Latn"),
        Language("sl", "Slovenian", "Latn"),
        Language("so", "Somali", "Latn"),
        Language("sr", "Serbian", "Cyrl"),
        Language("sv", "Swedish", "Latn"),
        Language("sw", "Swahili", "Latn"),
        Language("ta", "Tamil", "Taml"),
        Language("te", "Telugu", "Telu"),
        Language("th", "Thai", "Thai", "character"),
        Language("ti", "Tigrinya", "Ethi"),
        Language("tl", "Tagalog", "Latn"),
        Language("tr", "Turkish", "Latn"),
        Language("uk", "Ukrainian", "Cyrl"),
        Language("ur", "Urdu", "Arab"),
        Language("uz", "Uzbek", "Latn"),
        Language("vi", "Vietnamese", "Latn"),
        Language("yo", "Yoruba", "Latn"),
        Language("zh", "Chinese", "Hans", "character"),
    )
}


def language(code: str) -> Language:
    """The language of that code.

    Raises:
        StudyError: the table has no such code.
    """
    if code not in LANGUAGES:
        raise unknown("language", code, LANGUAGES)
    return LANGUAGES[code]
