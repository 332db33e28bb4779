"""What pydantic found wrong in a study, in our words."""

from __future__ import annotations

import re
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from spillover.errors import SpilloverError, StudyError


def explained(
    error: ValidationError, where: str, prefix: tuple[str | int, ...] = ()
) -> list[SpilloverError]:
    """One error for each thing that pydantic found, in our words.

    Args:
        error: what pydantic raised.
        where: the file.
        prefix: the keys above what was validated.
    """
    details = error.errors()
    found: dict[str, list[str]] = {}
    errors: list[SpilloverError] = []
    for detail in details:
        written = detail["loc"]
        if _follows(detail, [other["loc"] for other in details]):
            continue
        # The last part of an unknown key is the user's own, whatever it looks like.
        last = 1 if detail["type"] == "extra_forbidden" else 0
        inner = written[: len(written) - last]
        loc = [part for part in inner if not MEMBER.fullmatch(str(part))]
        loc = [*prefix, *loc, *written[len(inner) :]]
        key = ".".join(map(str, loc))
        if detail["type"] == "extra_forbidden":
            errors.append(_unknown_key(where, loc))
        elif detail["type"] == "missing":
            errors.append(StudyError(f"the key {key!r} is missing", where=where))
        else:
            message = detail["msg"].removeprefix("Value error, ")
            if message[1:2].islower():
                message = message[0].lower() + message[1:]
            if detail["type"] == "model_type" and isinstance(detail["input"], str):
                kind = {"tasks": "task", "corpora": "corpus"}.get(str(loc[0]))
                if len(loc) == 2 and kind:  # the name alone, as in `tasks: [xnli]`
                    message = f"not a mapping; expected {{{kind}: {detail['input']}}}"
            if detail["type"] in ("tuple_type", "too_short"):
                message = message.replace("tuple", "list")  # as YAML has it
            if detail["type"] == "tuple_type" and isinstance(detail["input"], str):
                message += f", as [{detail['input']}]"
            if detail["input"] is None:
                message = "nothing stands there; fill it in, or leave the key out"
            found.setdefault(f"{where}: {key}" if key else where, []).append(message)
    for place, messages in found.items():
        said = ", or ".join(dict.fromkeys(messages))
        errors.append(StudyError(said, where=place))
    return errors


MEMBER = re.compile(r"str|Task|Corpus|(function-\w+|literal|tuple)\[.*\]")
"""How pydantic calls a member of a union, among the keys that lead to an error."""


def _follows(detail: ErrorDetails, places: list[tuple[int | str, ...]]) -> bool:
    """Whether an error only follows from others, or from the user's choice.

    A list is too short because its members are wrong; and what could also have been
    the name of a task was written as a task.
    """
    place = detail["loc"]
    if detail["type"] == "too_short":
        return any(other[: len(place)] == place != other for other in places)
    return detail["type"] == "string_type" and place[-1:] == ("str",)


def _unknown_key(where: str, loc: list[Any]) -> StudyError:
    from spillover.study import KEYS, Study

    names = [part for part in loc[:-1] if isinstance(part, str)]
    fields = sorted(KEYS[names[-1]].model_fields if names else Study.model_fields)
    key = str(loc[-1])
    near = get_close_matches(key, fields, n=1)
    return StudyError(
        f"unknown key {'.'.join(map(str, loc))!r}",
        where=where,
        fix=f"did you mean {near[0]!r}" if near else f"known: {', '.join(fields)}",
    )
