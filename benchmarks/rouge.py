"""ROUGE-L here, by XL-Sum's scorer and by rouge-score as it is, on the same pairs.

    python benchmarks/rouge.py XLSUM_SCORER_JSONL

The file holds what XL-Sum's scorer gave: one JSON object a line with `language`,
`stemmed`, `prediction`, `reference` and the three scores. Prints Markdown: mean
ROUGE-L of each, how many pairs agree with XL-Sum's, the rank correlation with it, and
the processor time of a pair here, as a multiple of rouge-score's. The last columns take
a token for each Han, Kana or Thai character, in the languages that have them.
"""

from __future__ import annotations

import json
import re
import sys
import time
from collections import defaultdict
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rouge_score.rouge_scorer import RougeScorer
from rouge_score.tokenizers import Tokenizer
from scipy.stats import spearmanr

from spillover.rouge import rouge

NAMES = ["rouge1", "rouge2", "rougeL"]
BY_CHARACTER = "zh", "ja", "th"
CHARACTER = re.compile(
    r"[\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]|[^\W\u3040-\u30ff\u3400-\u9fff\u0e00-\u0e7f]+"
)
Score = Callable[[dict[str, Any]], dict[str, float]]


class Characters(Tokenizer):  # type: ignore[misc]
    """A token for each Han, Kana or Thai character, and for each other word."""

    def tokenize(self, text: str) -> list[str]:
        """The tokens of a text."""
        return CHARACTER.findall(text.lower())


def ours(row: dict[str, Any]) -> dict[str, float]:
    """The scores of `spillover.rouge`."""
    texts = row["prediction"], row["reference"]
    return rouge(*texts, row["language"], stem=row["stemmed"])


def plain(**options: Any) -> Score:
    """Those of rouge-score."""
    scorers = {
        stem: RougeScorer(NAMES, use_stemmer=stem, **options) for stem in (True, False)
    }

    def score(row: dict[str, Any]) -> dict[str, float]:
        found = scorers[row["stemmed"]].score(row["reference"], row["prediction"])
        return {name: found[name].fmeasure for name in NAMES}

    return score


def measured(score: Score, rows: list[dict[str, Any]]) -> tuple[float, int, float]:
    """Mean ROUGE-L, pairs that agree with XL-Sum's scorer, rank correlation with it."""
    found = [score(row) for row in rows]
    agree = sum(
        all(abs(own[name] - row[name]) <= 1e-4 for name in NAMES)
        for own, row in zip(found, rows, strict=True)
    )
    own, theirs = ([scores["rougeL"] for scores in part] for part in (found, rows))
    return sum(own) / len(own), agree, float(spearmanr(own, theirs).statistic)


def seconds(score: Score, rows: list[dict[str, Any]]) -> float:
    """Processor time of all pairs, the packages loaded, the best of three."""
    best = []
    for _ in range(3):
        begun = time.process_time()
        for row in rows:
            score(row)
        best.append(time.process_time() - begun)
    return min(best)


def main(path: str) -> None:
    """The table."""
    groups: dict[str, dict[bool, list[dict[str, Any]]]] = defaultdict(dict)
    for line in Path(path).read_text("utf-8").splitlines():
        row = json.loads(line)
        groups[row["language"]].setdefault(row["stemmed"], []).append(row)
    head = ["", "XL-Sum's", "here", "agree", "rouge-score", "agree", "rank", "time"]
    head += ["characters", "rank"]
    lines = [f"| {' | '.join(head)} |", "|---" * len(head) + "|"]
    characters = plain(tokenizer=Characters())
    for language, found in groups.items():
        rows = found.get(True) or found[False]
        mean, agree, _ = measured(ours, rows)
        other, others, rank = measured(plain(), rows)
        theirs = sum(row["rougeL"] for row in rows) / len(rows)
        ratio = seconds(ours, rows) / seconds(plain(), rows)
        cells = [language, f"{theirs:.3f}", f"{mean:.3f}", str(agree), f"{other:.3f}"]
        cells += [str(others), f"{rank:.2f}", f"{ratio:.1f}"]
        by_character = ["", ""]
        if language in BY_CHARACTER:
            mean, _, rank = measured(characters, rows)
            by_character = [f"{mean:.3f}", f"{rank:.2f}"]
        lines.append(f"| {' | '.join(cells + by_character)} |")
    sys.stdout.write("\n".join(lines) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
