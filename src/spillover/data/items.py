"""The items of a task, and what is done to those of several languages at once."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from spillover.errors import DataError

PlaceholderPolicy = Literal["keep", "drop", "intersection"]


@dataclass(frozen=True, slots=True)
class Item:
    """One item of a task in one language.

    Attributes:
        id: shared by the translations of the item, where the data set has them.
        fields: the texts that fill the prompt.
        gold: the label, or the reference text.
    """

    id: str
    fields: Mapping[str, str]
    gold: str


ItemsByLanguage = Mapping[str, Sequence[Item]]


def digest(items: Iterable[Item]) -> str:
    """SHA-256 of the items in their order, as 64 hexadecimal digits."""
    total = hashlib.sha256()
    for item in items:
        line = [item.id, sorted(item.fields.items()), item.gold]
        total.update(json.dumps(line, ensure_ascii=False).encode() + b"\n")
    return total.hexdigest()


def rank(id: str, seed: int) -> bytes:
    """The place of an id in a shuffle that knows neither files nor other ids."""
    return hashlib.sha256(f"{seed}:{id}".encode()).digest()


def shuffled(items: Iterable[Item], seed: int) -> list[Item]:
    """Items in an order that knows only their ids and the seed.

    Files are sorted, as by label or by genre; what is taken first would be of one kind.
    """
    return sorted(items, key=lambda item: rank(item.id, seed))


def subsample(items: ItemsByLanguage, n: int, seed: int) -> dict[str, list[Item]]:
    """The same `n` items of every language, as far as the languages share ids.

    Ids are ordered by the number of the given languages that hold them, most first;
    ids that the same languages hold, such that any beginning has each gold label in
    its share of the whole to within one item (systematic sampling of each label, from
    a random start; the label is that of the first language that holds the id); within
    a label by SHA-256 of seed and id. Each language gives its first `n`, in that order.
    So the order of a file does not matter, and a smaller sample is the beginning of
    a larger one. A language with fewer than `n` items gives all of them.

    Raises:
        ValueError: `n` is below 1.
    """
    if n < 1:
        raise ValueError(f"a sample of {n} items")
    held: dict[str, list[str]] = {}
    gold: dict[str, str] = {}
    for language, rows in items.items():
        for item in rows:
            held.setdefault(item.id, []).append(language)
            gold.setdefault(item.id, item.gold)
    strata: dict[tuple[str, ...], list[str]] = {}
    for id, languages in held.items():
        strata.setdefault((gold[id], *languages), []).append(id)
    places: dict[str, tuple[int, float, bytes]] = {}
    for (label, *languages), ids in strata.items():
        # Without it a label that stands once would always be in the middle.
        start = int.from_bytes(rank(label, seed)[:8], "big") / 2**64
        for turn, id in enumerate(sorted(ids, key=lambda id: rank(id, seed))):
            places[id] = -len(languages), (turn + start) / len(ids), rank(id, seed)
    return {
        language: sorted(rows, key=lambda item: places[item.id])[:n]
        for language, rows in items.items()
    }


def check_aligned(items: ItemsByLanguage, where: str | None = None) -> None:
    """Raise a `DataError`, naming `where`, unless all languages hold the same ids."""
    ids = {language: {item.id for item in rows} for language, rows in items.items()}
    first = next(iter(ids), "")
    for language in ids:
        for here, there in ((first, language), (language, first)):
            gap = ids[here] - ids[there]
            if gap:
                id = next(item.id for item in items[here] if item.id in gap)
                raise DataError(
                    f"{there!r} lacks {len(gap)} of the {len(ids[here])} ids of "
                    f"{here!r}, {id!r} first",
                    where=where,
                    expected="the same ids in every language",
                    fix="complete the files, or say 'aligned: false' if their items "
                    "are not translations of each other",
                )


def without_placeholders(
    items: ItemsByLanguage, placeholder: str | None, policy: PlaceholderPolicy
) -> tuple[dict[str, list[Item]], dict[str, int]]:
    """Items freed of those that hold a placeholder instead of a text.

    Args:
        items: items by language.
        placeholder: an item holds it when a field equals it; None: there is none.
        policy: `keep` every item; `drop` from a language the items that hold it
            there; or leave only the `intersection`, dropping an item everywhere if
            it holds a placeholder in any of the given languages.

    Returns:
        The items that stay, in their order, and how many items of each language
        hold a placeholder (whether or not they were dropped).
    """
    held = {
        language: {item.id for item in rows if placeholder in item.fields.values()}
        for language, rows in items.items()
    }
    everywhere = set[str]().union(*held.values())
    dropped = {
        language: {"keep": set[str](), "drop": ids, "intersection": everywhere}[policy]
        for language, ids in held.items()
    }
    stay = {
        language: [item for item in rows if item.id not in dropped[language]]
        for language, rows in items.items()
    }
    return stay, {language: len(ids) for language, ids in held.items()}
