"""What stands behind a ROUGE: copies of the lead, wrong language, length, new words.

Computed from the kept predictions of one summarisation task, language and state of the
model. A measure that does not exist for an item, as for an empty output, is missing
there and not zero.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterator, Sequence
from itertools import takewhile
from typing import TYPE_CHECKING, Any

from spillover import languages
from spillover.data.items import Item
from spillover.errors import DataError, StudyError

if TYPE_CHECKING:
    import pandas as pd

    from spillover.data.task import Task

Tokenize = Callable[[str], list[str]]
"""The tokens of a text, in order."""
Identify = Callable[[Sequence[str]], list[str | None]]
"""The language code of each text; None where it cannot be told."""

COPIED = 0.9
"""The `lead_overlap` from which on an output counts as a copy of the lead."""
SHORTEST = {"spaced": 20, "unspaced": 10}
"""The fewest letters that a lead or a copy has, about four words: where words are set
apart by spaces, and where they are not."""
ORDERS = (1, 2, 3)
"""The lengths of the n-grams."""
UNDECIDED = "(undecided)"
"""The label of outputs whose language cannot be told."""


def per_item(
    predictions: pd.DataFrame,
    task: Task,
    items: Sequence[Item],
    language: str,
    *,
    tokenize: Tokenize,
    identify: Identify | None = None,
) -> pd.DataFrame:
    """What `diagnose` sums up, item by item.

    Args:
        predictions: one row an item: `id`, `text` (the output) and `gold` (the
            reference).
        task: says which fields of an item the prompt shows: the document.
        items: those that were asked; more do no harm.
        language: code of the language that output, reference and document should be in.
        tokenize: the tokenizer of ROUGE for that language.
        identify: tells the language of outputs. None: `identified` and `in_language`
            are left out.

    Returns:
        One row a prediction, in their order. Columns: id; empty (the output has no
        token); tokens, characters, lead_overlap, lead_copy and novel_1 to novel_3, of
        the output and, with the prefix `reference_`, of the reference; identified,
        in_language. What is of the output is missing where that is empty; novel_n where
        a text has fewer than n tokens; in_language where no language was identified.

    Raises:
        StudyError: the task is no generation task, or the language is unknown.
        DataError: no predictions, a text that is missing, an id that has no item or
            more than one, or not one language for each output.
    """
    import pandas as pd

    documents = _documents(predictions, task, items)
    rows = [
        _measures(str(text), str(gold), document, language, tokenize)
        for text, gold, document in zip(
            predictions["text"], predictions["gold"], documents, strict=True
        )
    ]
    table = pd.DataFrame(rows).astype(_DTYPES)
    table.insert(0, "id", predictions["id"].to_numpy())
    if identify is not None:
        there = ~table["empty"].to_numpy()
        texts = [str(text) for text in predictions["text"].to_numpy()[there]]
        found = identify(texts) if texts else []
        if len(found) != len(texts):
            raise DataError(f"{len(found)} languages for {len(texts)} outputs")
        codes = pd.Series(found, index=table.index[there], dtype=object)
        table["identified"] = codes.reindex(table.index)
        hit = (table["identified"] == language).astype("boolean")
        table["in_language"] = hit.mask(table["identified"].isna())
    return table


def diagnose(measured: pd.DataFrame) -> pd.DataFrame:
    """The measures of all items summed up; docs/diagnostics.md defines them.

    `empty`; `lead_copy`; `length` (labels tokens and characters); `length_ratio`, the
    summed length of the outputs over that of their references; `novel_ngrams` (labels
    1 to 3); and, if languages were identified, `right_language` and `language`, the
    share of each code and of `UNDECIDED`. All but the ratio are means over the items
    that have a value.

    Args:
        measured: what `per_item` returned.

    Returns:
        Columns measure, reading (`output` or `reference`), label, value, n: the items
        behind it. With n = 0 the value is missing.
    """
    import pandas as pd

    rows: list[tuple[str, str, str | None, float | None, int]] = [
        ("empty", "output", None, *_mean(measured["empty"]))
    ]
    for reading, prefix in (("output", ""), ("reference", "reference_")):
        column = measured[f"{prefix}lead_copy"]
        rows.append(("lead_copy", reading, None, *_mean(column)))
        for unit in ("tokens", "characters"):
            rows.append(("length", reading, unit, *_mean(measured[prefix + unit])))
        for order in ORDERS:
            column = measured[f"{prefix}novel_{order}"]
            rows.append(("novel_ngrams", reading, str(order), *_mean(column)))
    for unit in ("tokens", "characters"):
        both = measured[[unit, f"reference_{unit}"]].dropna()
        ours, theirs = (int(both[column].sum()) for column in both)
        ratio = ours / theirs if theirs else None
        rows.append(("length_ratio", "output", unit, ratio, len(both)))
    if "identified" in measured:
        told = measured.loc[~measured["empty"], "identified"].fillna(UNDECIDED)
        right = measured.loc[~measured["empty"], "in_language"].fillna(False)
        rows.append(("right_language", "output", None, *_mean(right)))
        for code, count in told.value_counts().items():
            row = ("language", "output", str(code), count / len(told), len(told))
            rows.append(row)
    columns = ["measure", "reading", "label", "value", "n"]
    return pd.DataFrame(rows, columns=columns).astype({"value": "float64"})


def lead(document: str, language: str) -> str:
    """The beginning of a document, up to the end of its first sentence.

    Where that has fewer than `SHORTEST` letters ("Why?"), the next sentences belong to
    it. A line break ends a sentence. So does a full stop, question or exclamation mark
    before a space, unless a small letter follows or what precedes it is an initial, a
    common short title or a number of at most two digits ("3. Oktober"). In Chinese and
    Japanese no space is needed, and an end before a closing quote is none.

    Raises:
        StudyError: the language is not in `spillover.languages`.
    """
    writing = _writing(language)
    text = document.strip()
    for end in _sentence_ends(text, writing):
        if len(_letters(text[:end])) >= SHORTEST[writing]:
            return text[:end].strip()
    return text


def lead_overlap(text: str, document: str, language: str) -> float | None:
    """How much of the document's lead a text repeats, in [0, 1].

    1 if it contains the whole lead, whatever surrounds it. Otherwise the length of the
    longest common prefix of text and lead, over the length of the lead or of the text,
    whichever is shorter, but at least `SHORTEST`: a copy that broke off half-way is a
    copy, and a text of two words is not. Only letters and digits count, in their
    compatibility form (NFKC) and folded case; so spaces, quotes and a character that
    was cut in the middle make no difference.

    Returns:
        The overlap, or None if text or document has neither letter nor digit.

    Raises:
        StudyError: the language is not in `spillover.languages`.
    """
    shortest = SHORTEST[_writing(language)]
    ours, start = _letters(text), _letters(lead(document, language))
    if not ours or not start:
        return None
    if start in ours:
        return 1.0
    pairs = zip(ours, start, strict=False)
    common = sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], pairs))
    return common / max(shortest, min(len(ours), len(start)))


def novel_ngrams(
    tokens: Sequence[str], document: Sequence[str], n: int
) -> float | None:
    """Share of the distinct n-grams of a text that are not in the document.

    As See et al. (2017, Figure 6) and Narayan et al. (2018, Table 1) report for
    summaries.

    Args:
        tokens: of the text.
        document: tokens of the document.
        n: 1 or more.

    Returns:
        The share, or None if the text has fewer than n tokens.
    """
    ours = _ngrams(tokens, n)
    return len(ours - _ngrams(document, n)) / len(ours) if ours else None


def _documents(
    predictions: pd.DataFrame, task: Task, items: Sequence[Item]
) -> list[str]:
    """The document of each prediction: what the prompt shows of its item."""
    if task.kind != "generation":
        raise StudyError(f"{task.name} is a {task.kind} task", expected="generation")
    missing = {"id", "text", "gold"} - set(predictions.columns)
    if missing or predictions.empty:
        raise DataError(
            f"predictions without {', '.join(sorted(missing)) or 'rows'}",
            where=task.name,
            expected="the predictions of a generation task, as evaluate keeps them",
        )
    if predictions[["id", "text", "gold"]].isna().to_numpy().any():
        raise DataError("a prediction without id, text or gold", where=task.name)
    known = {item.id: item for item in items}
    ids = [str(id) for id in predictions["id"]]
    strange = [id for id in ids if id not in known]
    if strange or len(known) < len(items):
        raise DataError(
            f"no item {strange[0]!r}" if strange else "items that share an id",
            where=task.name,
            expected="the items of the same task and language, with distinct ids",
        )
    return ["\n".join(known[id].fields[name] for name in task.fields) for id in ids]


_OF_TEXT = {
    "tokens": "Int64",
    "characters": "Int64",
    "lead_overlap": "float64",
    "lead_copy": "boolean",
    **{f"novel_{n}": "float64" for n in ORDERS},
}
_DTYPES = {
    "empty": "bool",
    **_OF_TEXT,
    **{f"reference_{name}": dtype for name, dtype in _OF_TEXT.items()},
}


def _measures(
    text: str, reference: str, document: str, language: str, tokenize: Tokenize
) -> dict[str, Any]:
    """One row of `per_item`, without the id and the language of each text."""
    source = tokenize(document)
    ours = _of_text(text, tokenize(text), document, source, language)
    theirs = _of_text(reference, tokenize(reference), document, source, language)
    of_reference = {f"reference_{name}": v for name, v in theirs.items()}
    return {"empty": not ours["tokens"]} | ours | of_reference


def _of_text(
    text: str,
    tokens: Sequence[str],
    document: str,
    source: Sequence[str],
    language: str,
) -> dict[str, Any]:
    """The measures that outputs and references have; None throughout without tokens."""
    overlap = lead_overlap(text, document, language) if tokens else None
    novel = {f"novel_{n}": novel_ngrams(tokens, source, n) for n in ORDERS}
    return {
        "tokens": len(tokens) or None,
        "characters": len(text.strip()) if tokens else None,
        "lead_overlap": overlap,
        "lead_copy": None if overlap is None else overlap >= COPIED,
    } | novel


def _mean(column: pd.Series) -> tuple[float | None, int]:
    """Mean over the items that have a value, and how many have."""
    values = column.dropna().astype("float64")
    return (float(values.mean()), len(values)) if len(values) else (None, 0)


def _ngrams(tokens: Sequence[str], n: int) -> set[tuple[str, ...]]:
    return set(zip(*(tokens[i:] for i in range(n)), strict=False))


def _letters(text: str) -> str:
    """What is left for comparison: letters, their marks, and digits; case folded."""
    folded = unicodedata.normalize("NFKC", text).casefold()
    return "".join(char for char in folded if unicodedata.category(char)[0] in "LMN")


def _writing(language: str) -> str:
    spaced = languages.language(language).segmentation == "space"
    return "spaced" if spaced else "unspaced"


# Marks that end a sentence in any place: of India, Urdu, Ethiopia, Burma, Cambodia.
_ANYWHERE = "।۔።။។"
_ENDS = {
    "spaced": re.compile(rf"""\n|[{_ANYWHERE}]|(?P<mark>[.!?؟…]+)["'”’“»«)\]\s]*\s"""),
    "unspaced": re.compile(
        rf"""\n|[{_ANYWHERE}]|[。｡！？!?]++(?!["'」』”’»）)》〉】])"""
    ),
}
_SHORT_TITLES = frozenset(
    {
        "capt", "col", "dr", "gen", "gov", "jr", "lt", "mlle", "mme", "mr", "mrs", "ms",
        "prof", "sen", "sr", "sra", "st", "bzw", "ca", "nr", "vs",
    }
)  # fmt: skip
# A letter, letters with full stops between them ("U.S"), or a number such as a date's.
_SHORT = re.compile(r"(?:[^\W\d]\.)*[^\W\d]|\d{1,2}")


def _sentence_ends(text: str, writing: str) -> Iterator[int]:
    """Where sentences end, as far as punctuation can tell; see `lead`."""
    for match in _ENDS[writing].finditer(text):
        mark = match.groupdict().get("mark")
        if not mark or "\n" in match.group() or not _goes_on(text, match, mark):
            yield match.end()


def _goes_on(text: str, match: re.Match[str], mark: str) -> bool:
    """Whether a sentence goes on after a mark that could have ended it."""
    if text[match.end() : match.end() + 1].islower():
        return True
    # No title is longer, and to look at all that came before would be slow.
    before = text[max(0, match.start() - 12) : match.start()]
    word = re.split(r"[^\w.]", before)[-1]
    return mark == "." and (
        word.lower() in _SHORT_TITLES or _SHORT.fullmatch(word) is not None
    )
