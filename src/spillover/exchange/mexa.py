"""What MEXA's scripts read and write (Kargaran et al. 2024): scores and sentences."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field

from spillover.data.columns import LONGEST
from spillover.data.corpus import FIELD, Corpus
from spillover.data.sources import Files
from spillover.errors import DataError
from spillover.exchange.codes import code_of
from spillover.exchange.harnesses import read_json
from spillover.languages import LANGUAGES
from spillover.pipeline.collect import SIMILARITIES, tidy

if TYPE_CHECKING:
    import pandas as pd

PICKLE = ".pkl"
NO_TEXT = (".json", PICKLE)
Score = Annotated[float, Field(ge=0, le=1)]


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
        DataError: no such files, or one of another form.
    """
    expected = "one <language>.json for each language"
    paths = _by_language(folder, lambda path: path.suffix == ".json", expected)
    source = code_of(pivot)
    if source is None:
        raise DataError(f"{pivot!r} is no language", where="pivot", expected="its code")
    rows: list[dict[str, Any]] = []
    for code, path in paths.items():
        scores = {} if code == source else read_json(path, dict[int, Score])
        for layer, score in scores.items():
            rows.append(
                {
                    "model": model,
                    "corpus": folder.resolve().name,
                    "source": source,
                    "target": code,
                    "layer": layer,
                    "mexa": score,
                }
            )
    return tidy(rows, SIMILARITIES)


def parallel_text(folder: Path) -> tuple[Corpus, list[str]]:
    """A folder of parallel text as a corpus, for a study's `corpora`.

    Args:
        folder: holds one text file a language, `fra_Latn.txt` or `fra_Latn.devtest`,
            with one sentence a line and the same sentences in all of them.

    Returns:
        The corpus, and the languages (as BCP 47 has them) that studies do not know.

    Raises:
        DataError: there are no such files, or they differ in their suffix.
    """
    expected = "one text file for each language, as fra_Latn.txt"
    paths = _by_language(folder, lambda path: path.suffix not in NO_TEXT, expected)
    names = {code: path.name.partition(".")[0] for code, path in paths.items()}
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
    return corpus, [code for code in paths if code not in LANGUAGES]


def _by_language(
    folder: Path, fits: Callable[[Path], bool], expected: str
) -> dict[str, Path]:
    """The files that fit and are named after a language up to the point, by code."""
    if not folder.is_dir():
        raise DataError("no such folder", where=folder, expected=expected)
    paths: dict[str, Path] = {}
    there = sorted(path for path in folder.iterdir() if path.is_file())
    for path in filter(fits, there):
        code = code_of(path.name.partition(".")[0])
        if code is None:
            continue
        if code in paths:
            raise DataError(
                f"{paths[code].name} and {path.name} are both {code!r}",
                where=folder,
                fix="move one of them away",
            )
        paths[code] = path
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
