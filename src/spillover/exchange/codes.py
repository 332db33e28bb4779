"""Languages as other tools write them: fra, fra_Latn, zh-CN, xnli_fr."""

from __future__ import annotations

import re
from collections.abc import Iterable

from langcodes import closest_supported_match, standardize_tag, tag_is_valid

from spillover.errors import StudyError
from spillover.languages import LANGUAGES

NEAR = 5
"""Of langcodes' distances: Hangul for Korean is 5, Egyptian for Arabic 10, and a
language in another script than its own, as Hindi in Latin letters, 20 or more."""
HOLE = "{language}"

_TAG = re.compile("[a-z]{2,3}([_-][A-Z][a-z]{3})?([_-][A-Za-z]{2})?")
_BY_NAME = {entry.name.lower(): code for code, entry in LANGUAGES.items()}
# The second group: what lighteval appends for the form of the question.
_ENDING = re.compile(
    "(.+?)[_:.-]([a-z]{3}_[A-Z][a-z]{3}|[A-Za-z]+)(_(?:mcf|cf|hybrid))?"
)


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
    near = closest_supported_match(text, [*LANGUAGES], max_distance=NEAR)
    return near or standardize_tag(text, macro=True)


def told(name: str, patterns: Iterable[str] = ()) -> tuple[str, str] | None:
    """The task and the language that the name of a result tells.

    Args:
        name: as `xnli_fr` or `belebele_fra_Latn_cf`.
        patterns: as `global_mmlu_{language}`, or `hellaswag=en` for a name that holds
            no language. None: the language is what the name ends in.

    Returns:
        The name without the language, and its code; None if that cannot be told.

    Raises:
        StudyError: a pattern of another form.
    """
    for pattern in patterns:
        found = _by(pattern, name)
        if found:
            return found
    match = None if patterns else _ENDING.fullmatch(name)
    if match is None:
        return None
    task, ending, form = match.groups(default="")
    code = code_of(ending)
    # Three letters that are some rare language are most often none: mmlu_pro.
    rare = code not in LANGUAGES and len(ending) == 3
    if code is None or (rare and not form):
        return None
    return task + form, code


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
