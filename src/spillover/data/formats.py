"""The file formats, read record by record.

A record is the number of its (first) line, counted from 1, and its values by column.
A damaged or cut line is an error that names the file and the line, as far as the
format lets a reader notice it.
"""

from __future__ import annotations

import csv
import json
from collections import Counter
from collections.abc import Iterator, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, Literal

from spillover.errors import DataError

SPREAD = "write each object of the list on a line of its own, without line breaks in it"
LONGEST = 2**31 - 1
"""Characters of a cell; a document may have more than the 131,072 of `csv`."""

Format = Literal["jsonl", "csv", "tsv", "txt", "conllu"]
Record = tuple[int, dict[str, object]]

SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".json": "jsonl",
    ".csv": "csv",
    ".tsv": "tsv",
    ".txt": "txt",
    ".conllu": "conllu",
}
DELIMITERS = {"csv": ",", "tsv": "\t"}
ONE_EACH = ("sent_id", "text")
"""Comments of which a CoNLL-U sentence has one; others may be repeated."""


def records(
    path: Path, format: Format, header: Sequence[str] = (), quoted: bool = False
) -> Iterator[Record]:
    """The records of one file, streamed.

    Args:
        path: a UTF-8 file; a byte order mark and Windows line ends are accepted.
        format: `jsonl` one object a line, of any columns; `csv` and `tsv` tables;
            `txt` one record a line, of the column `text`; `conllu` one record a
            sentence, whose columns are the sentence's comments (`sent_id`, `text`, …).
        header: the column names of a table without a header line.
        quoted: whether a table's cells may stand in double quotes.

    Raises:
        DataError: a line that is blank, cut, not UTF-8 or of another form, or that
            says one thing twice.
    """
    if format == "jsonl":
        yield from _objects(path)
    elif format == "txt":
        for number, line in _lines(path):
            yield number, {"text": line}
    elif format == "conllu":
        yield from _sentences(path)
    else:
        yield from _table(path, DELIMITERS[format], header, quoted)


def _decoded(path: Path) -> Iterator[tuple[int, str]]:
    """Every line with its end, which is a line feed alone, not U+2028 and its like."""
    with path.open("rb") as file:
        for number, line in enumerate(file, start=1):
            try:
                text = line.decode("utf-8-sig" if number == 1 else "utf-8")
            except UnicodeDecodeError as error:
                raise DataError(
                    f"byte {error.start + 1} of the line is not UTF-8",
                    where=f"{path}:{number}",
                    fix="save the file as UTF-8, or fetch it again if it is cut",
                ) from error
            if "\0" in text:
                raise DataError(
                    "a NUL byte",
                    where=f"{path}:{number}",
                    fix="is the file UTF-16? Save it as UTF-8",
                )
            if number == 1 and "\r" in text.rstrip("\r\n") and text[-1] != "\n":
                raise DataError(
                    "the lines end in carriage returns alone",
                    where=path,
                    expected="line feeds",
                    fix="save the file with the line ends of Unix or Windows",
                )
            yield number, text


def _lines(path: Path) -> Iterator[tuple[int, str]]:
    """Every line without its end; blank lines may stand at the end of the file only."""
    blank = 0
    for number, line in _decoded(path):
        text = line.removesuffix("\n").removesuffix("\r")
        if not text.strip():
            blank = blank or number
            continue
        if blank:
            raise _blank(path, blank)
        yield number, text


def _blank(path: Path, number: int) -> DataError:
    return DataError(
        "a blank line between others",
        where=f"{path}:{number}",
        expected="one record a line",
        fix="remove the line, or fill it in if other files are aligned to this one",
    )


def _no_number(constant: str) -> None:
    raise ValueError(f"{constant} is not valid JSON")


def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """For `json`: an object; a `ValueError` if a key stands in it twice."""
    found = dict(pairs)
    if len(found) < len(pairs):
        [(key, _)] = Counter(key for key, _ in pairs).most_common(1)
        raise ValueError(f"the key {key!r} stands there twice")
    return found


def _objects(path: Path) -> Iterator[Record]:
    for number, line in _lines(path):
        try:
            value = json.loads(
                line,
                parse_float=Decimal,  # which keeps 1.10 and 0.00001 as they are written
                parse_constant=_no_number,
                object_pairs_hook=once,
            )
            if "\\ud" in line.lower():  # half of a pair, which no file can be given
                json.dumps(value, ensure_ascii=False, default=str).encode()
        except (ValueError, ArithmeticError, RecursionError) as error:
            said, fix = str(error), None
            if isinstance(error, ArithmeticError):
                said = "a number of too many digits"
            if isinstance(error, json.JSONDecodeError):
                said = f"{error.msg} at character {error.colno} of {len(line)}"
                opened = not line.strip(" \t[{")
                fix = SPREAD if opened else "the line may be cut: fetch the file again"
            raise DataError(
                f"not JSON ({said})",
                where=f"{path}:{number}",
                expected="one JSON object a line",
                fix=fix,
            ) from error
        if not isinstance(value, dict):
            raise DataError(
                f"a JSON {type(value).__name__}",
                where=f"{path}:{number}",
                expected="one JSON object a line",
                fix=SPREAD if isinstance(value, list) else None,
            )
        yield number, value


def _table(
    path: Path, delimiter: str, header: Sequence[str], quoted: bool
) -> Iterator[Record]:
    names = list(header)
    if quoted:
        cells = _quoted(path, delimiter)
    else:
        cells = ((number, line.split(delimiter)) for number, line in _lines(path))
    for number, row in cells:
        if not names:
            names = row
            counts = Counter(names)
            repeated = [name for name in sorted(counts) if counts[name] > 1]
            if repeated:
                blank = not repeated[0].strip()
                raise DataError(
                    f"the header names {repeated[0]!r} twice",
                    where=f"{path}:{number}",
                    fix="delete the columns without a name" if blank else None,
                )
            continue
        if len(row) != len(names):
            raise DataError(
                f"{len(row)} columns",
                where=f"{path}:{number}",
                expected=f"{len(names)} ({', '.join(names)})",
                fix="the line may be cut or hold a stray delimiter"
                + ("" if quoted else "; 'quoted: true' reads cells in double quotes"),
            )
        yield number, dict(zip(names, row, strict=True))


def _quoted(path: Path, delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """The rows of a table with quotes, where a cell may go over several lines."""
    csv.field_size_limit(LONGEST)
    reader = csv.reader(
        (line for _, line in _decoded(path)), delimiter=delimiter, strict=True
    )
    blank = 0
    while True:
        first = reader.line_num + 1
        try:
            row = next(reader, None)
        except csv.Error as error:
            raise DataError(
                f"not a quoted table ({error})",
                where=f"{path}:{first}",
                fix="'quoted: false' reads double quotes as text",
            ) from error
        if row is None:
            return
        if not any(cell.strip() for cell in row):
            blank = blank or first
            continue
        if blank:
            raise _blank(path, blank)
        yield first, row


def _sentences(path: Path) -> Iterator[Record]:
    from conllu import parse
    from conllu.exceptions import ParseException
    from conllu.parser import DEFAULT_FIELDS

    for first, block in _blocks(path):
        try:
            sentences = parse(block)
        except (ParseException, ValueError) as error:
            raise DataError(
                f"not CoNLL-U ({error})",
                where=f"{path}:{first}",
                fix="the sentence may be cut: fetch the file again",
            ) from error
        if len(sentences) != 1 or not sentences[0]:
            raise DataError("a sentence without words", where=f"{path}:{first}")
        comments = [line for line in block.split("\n") if line.startswith("#")]
        keys = [line[1:].partition("=")[0].strip() for line in comments]
        twice = [key for key in ONE_EACH if keys.count(key) > 1]
        if twice:
            raise DataError(
                f"the comment {twice[0]!r} stands in one sentence twice",
                where=f"{path}:{first}",
                fix="a blank line between two sentences may be missing",
            )
        widths = {len(word) for word in sentences[0]}
        if widths != {len(DEFAULT_FIELDS)}:
            raise DataError(
                f"a sentence with a word of {min(widths)} columns",
                where=f"{path}:{first}",
                expected=str(len(DEFAULT_FIELDS)),
                fix="the line may be cut: fetch the file again",
            )
        yield first, dict(sentences[0].metadata)


def _blocks(path: Path) -> Iterator[tuple[int, str]]:
    """The first line's number and the text of each sentence of a CoNLL-U file."""
    first, block = 1, list[str]()
    for number, line in _decoded(path):
        if line.strip():
            if not block:
                first = number
            block.append(line)
        elif block:
            yield first, "".join(block)
            block = []
    if block:
        raise DataError(
            "the last sentence is not followed by a blank line",
            where=f"{path}:{first}",
            expected="a blank line after every sentence, as CoNLL-U has it",
            fix="the file may be cut: fetch it again",
        )
