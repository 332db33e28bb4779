"""Languages as other tools write them: fra, fra_Latn, zh-CN, xnli_fr."""

from __future__ import annotations

import re
from collections.abc import Iterable

from langcodes import (
    Language,
    closest_supported_match,
    standardize_tag,
    tag_is_valid,
)

from spillover.errors import StudyError
from spillover.languages import LANGUAGES

NEAR = 5
"""Of langcodes' distances: Bokmål for Norwegian is 1, Egyptian for Arabic 10."""
HANGUL = {"ko": "Hang"}
"""How others call the script of a language where we call it otherwise."""
HOLE = "{language}"

_TAG = re.compile("[a-z]{2,3}([_-][a-z]{4})?([_-]([a-z]{2}|[0-9]{3}))?", re.I)
_BY_NAME = {entry.name.lower(): code for code, entry in LANGUAGES.items()}
# What a name may end in, the longer first; the third group is what lighteval appends
# for the form of the question.
_ENDINGS = [
    re.compile(f"(.+?)[_:.-]({ending})(_(?:mcf|cf|hybrid))?")
    for ending in (
        "[A-Za-z]{2,3}[_-][A-Za-z]{4}",
        "[A-Za-z]{2,3}[_-](?:[A-Za-z]{2}|[0-9]{3})",
        "[A-Za-z]+",
    )
]


def code_of(text: str) -> str | None:
    """Our code for a language, from a tag (ISO 639, FLORES, BCP 47) or its name.

    Returns:
        The code in our table; for a language that it lacks, or one in another script
        than its own there, its BCP 47 tag (`xh`, `zh-Hant`); None for no language.
    """
    if text.lower() in _BY_NAME:
        return _BY_NAME[text.lower()]
    if not _TAG.fullmatch(text) or not tag_is_valid(text):
        return None
    tag = Language.get(text)
    near = closest_supported_match(str(tag.language), [*LANGUAGES], max_distance=NEAR)
    if near is None:
        return standardize_tag(text, macro=True)
    script = tag.maximize().script
    own = script in (LANGUAGES[near].script, HANGUL.get(near))
    return near if own else f"{near}-{script}"


def told(name: str, patterns: Iterable[str] = ()) -> tuple[str, str] | None:
    """The task and the language that the name of a result tells.

    Args:
        name: as `xnli_fr` or `belebele_fra_Latn_cf`.
        patterns: as `global_mmlu_{language}`, or `hellaswag=en` for a name that holds
            no language; empty: the language is what the name ends in.

    Returns:
        The name without the language, and its code; None if that cannot be told.

    Raises:
        StudyError: a pattern of another form.
    """
    for pattern in patterns:
        found = _by(pattern, name)
        if found:
            return found
    for ending in [] if patterns else _ENDINGS:
        match = ending.fullmatch(name)
        if match is None:
            continue
        task, text, form = match.groups(default="")
        code = code_of(text)
        # Three letters that are some rare language are most often none: mmlu_pro.
        rare = code not in LANGUAGES and len(text) == 3
        if code is not None and not (rare and not form) and not _of_two(text):
            return task + form, code
    return None


def _of_two(text: str) -> bool:
    """Whether what looks like a region is a language: mt_it, not pt_br or fr_FR."""
    language, _, region = text.replace("-", "_").partition("_")
    if len(region) != 2 or region.isupper():
        return False
    return Language.make(territory=region.upper()).maximize().language != language


def _by(pattern: str, name: str) -> tuple[str, str] | None:
    whole, equals, stated = pattern.partition("=")
    head, hole, tail = pattern.partition(HOLE)
    if equals:
        code = code_of(stated)
        if code is None:
            raise StudyError(
                f"{stated!r} is not a language", where=pattern, expected="a code, as en"
            )
        return (whole, code) if name == whole else None
    if not hole:
        raise StudyError(
            "neither a language nor its place is said",
            where=pattern,
            expected=f"NAME=CODE, or a name with {HOLE}",
        )
    match = re.fullmatch(f"{re.escape(head)}(.+){re.escape(tail)}", name)
    code = code_of(match[1]) if match else None
    return None if code is None else (head.rstrip("_:.-") + tail, code)
