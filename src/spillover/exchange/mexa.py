"""What MEXA's scripts read and write (Kargaran et al. 2024): scores and sentences."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from langcodes import standardize_tag
from pydantic import Field

from spillover.codes import code_of
from spillover.data.columns import LONGEST
from spillover.data.corpus import FIELD, Corpus
from spillover.data.formats import SUFFIXES
from spillover.data.sources import Files
from spillover.errors import DataError
from spillover.exchange.harnesses import read_json
from spillover.languages import LANGUAGES
from spillover.pipeline.collect import SIMILARITIES, tidy

if TYPE_CHECKING:
    import pandas as pd

PICKLE = ".pkl"
NO_TEXT = (".json", PICKLE)
Layer = Annotated[str, Field(pattern=r"^(0|[1-9][0-9]{0,5})$")]
Score = Annotated[float, Field(ge=0, le=1, strict=True)]
Scores = Annotated[dict[Layer, Score], Field(min_length=1)]


def read_mexa(folder: Path, model: str, pivot: str = "eng_Latn") -> pd.DataFrame:
    """The scores that compute_mexa.py wrote, as the `mexa` of a run's `similarities`.

    One row a language and layer, 0 being the embedding layer. The files say neither
    the pooling nor the number of sentences, so both are missing; the corpus is called
    as the folder. The pivot's own file, which compares it with itself, is left out.

    Args:
        folder: holds one `<language>.json` for each language, layer -> score.
        model: whose scores they are.
        pivot: the language that all were compared with, as the files spell it.

    Raises:
        DataError: no such files, one of another form, or named after no language.
    """
    expected = "one <language>.json for each language"
    paths = _by_language(folder, lambda path: path.suffix == ".json", expected)
    strange = [name for name in _others(folder, paths) if name.endswith(".json")]
    if strange:
        raise DataError(
            f"{strange[0]} is not named after a language",
            where=folder,
            expected=expected,
            fix="rename it, or move it away",
        )
    source = code_of(pivot)
    if source is None:
        raise DataError(f"{pivot!r} is no language", where="pivot", expected="its code")
    rows: list[dict[str, Any]] = []
    for code, path in paths.items():
        scores = {} if code == source else read_json(path, Scores)
        for layer, score in scores.items():
            rows.append(
                {
                    "model": model,
                    "corpus": folder.resolve().name,
                    "source": source,
                    "target": code,
                    "layer": int(layer),
                    "mexa": score,
                }
            )
    return tidy(rows, SIMILARITIES)


def parallel_text(folder: Path) -> tuple[Corpus, list[str], list[str]]:
    """A folder of parallel text as a corpus, for a study's `corpora`.

    Args:
        folder: holds one text file a language, `fra_Latn.txt` or `fra_Latn.devtest`,
            with one sentence a line and the same sentences in all of them.

    Returns:
        The corpus, the languages (as BCP 47 has them) that studies do not know, and
        the names of the other files that are left out.

    Raises:
        DataError: there are no such files, they differ in their suffix, or it is
            that of another format.
    """
    expected = "one text file for each language, as fra_Latn.txt"
    paths = _by_language(folder, lambda path: path.suffix not in NO_TEXT, expected)
    for path in paths.values():
        if SUFFIXES.get(path.suffix.lower(), "txt") != "txt":
            raise DataError(
                f"{path.name} is not plain text",
                where=folder,
                expected=expected,
                fix="write its corpus by hand: docs/own-language.md has the forms",
            )
    names = {code: _stem(path) for code, path in paths.items()}
    known = [code for code in paths if code in LANGUAGES]
    if len(known) < 2:
        raise DataError(
            f"studies know {len(known)} of the languages {', '.join(paths)}",
            where=folder,
            expected="two or more; a language is an entry in languages.py",
        )
    [suffix, *others] = dict.fromkeys(p.name.partition(".")[2] for p in paths.values())
    if others:
        raise DataError(
            f"the files end in .{suffix} and .{others[0]}",
            where=folder,
            expected="the same ending for every language",
        )
    name = re.sub(r"\W+", "-", folder.resolve().name).encode()[:LONGEST]
    root = str(folder.resolve()).replace("{", "{{").replace("}", "}}")
    corpus = Corpus(
        name=name.decode("utf-8", "ignore").strip("-") or "sentences",
        languages=tuple(known),
        files=(
            Files(
                path=f"{root}/{{language}}{suffix and '.'}{suffix}",
                format="txt",
                names={code: names[code] for code in known},
                columns={FIELD: "text"},
            ),
        ),
    )
    unknown = [code for code in paths if code not in LANGUAGES]
    return corpus, unknown, _others(folder, paths)


def _by_language(
    folder: Path, fits: Callable[[Path], bool], expected: str
) -> dict[str, Path]:
    """The files that fit and are named after a language up to the point, by code.

    Of two with one code the nearer one has it, and the other is called by its own tag.
    """
    if not folder.is_dir():
        raise DataError("no such folder", where=folder, expected=expected)
    there = sorted(path for path in folder.iterdir() if path.is_file())
    by_code: dict[str, list[tuple[int, Path]]] = {}
    for path in filter(fits, there):
        code = code_of(_stem(path))
        if code is not None:
            by_code.setdefault(code, []).append((_distance(path, code), path))
    paths = {code: min(several)[1] for code, several in by_code.items()}
    for code, several in by_code.items():
        (nearest, first), *others = sorted(several)
        for distance, other in others:
            # Of prs and pes, which are both `fa`, each has a tag of its own.
            tags = standardize_tag(_stem(other)), _stem(other)
            free = [tag for tag in tags if tag not in paths]
            if not free or (distance == nearest and code in LANGUAGES):
                raise DataError(
                    f"{first.name} and {other.name} are both {code!r}",
                    where=folder,
                    fix="move one of them away",
                )
            paths[free[0]] = other
    if len(paths) > 1:
        return paths
    if any(path.suffix == PICKLE for path in there):
        raise DataError(
            "pickled embeddings, which are not read: a pickle can run any code",
            where=folder,
            expected=expected,
            fix="give the scores that compute_mexa.py made of them, or the sentences",
        )
    raise DataError(
        f"{len(paths)} files named after languages", where=folder, expected=expected
    )


def _others(folder: Path, paths: Mapping[str, Path]) -> list[str]:
    """The names of what else lies there."""
    return sorted(
        {path.name for path in folder.iterdir()}.difference(
            path.name for path in paths.values()
        )
    )


def _stem(path: Path) -> str:
    return path.name.partition(".")[0]


def _distance(path: Path, code: str) -> int:
    """0: named by that very code; 1: by one of its languages; 2: by one's region."""
    tag = standardize_tag(_stem(path))
    if tag.split("-")[0] != code.split("-")[0]:
        return 1
    return 2 if tag.split("-")[-1].isupper() else 0
