"""The linter as a whole, on a tiny study and on official data."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

from spillover.lint import CHECKS, LEVELS, items, labels, lint, rows, texts, to_frame
from spillover.lint.remark import Check
from spillover.pipeline.inputs import read_inputs
from spillover.study import parse_study

CHECKOUT = Path(__file__).resolve().parent.parent

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any


def test_a_study_and_its_table(tiny_study: TinyStudy) -> None:
    from spillover.models import load_tokenizer

    inputs = read_inputs(tiny_study.study, tiny_study.data)
    every = lint(tiny_study.study, inputs, load_tokenizer(tiny_study.study.model))
    order = [LEVELS.index(remark.level) for remark in every]
    assert order == sorted(order)
    assert {r.check for r in every} <= {check.__name__ for check in CHECKS}
    assert all(r.message.endswith(".") and "\n" not in r.message for r in every)
    frame = to_frame(every)
    assert len(frame) == len(every)
    assert list(frame) == list(to_frame([]))
    assert frame["message"].tolist() == [remark.message for remark in every]


def test_the_quirks_of_official_data(data_root: Path) -> None:
    languages = ["en", "fr", "de", "es", "zh", "ja", "ko"]
    train = {"path": "paws_wiki/pawsx_en_train_SUBSTITUTE.tsv", "id": "id",
             "target": "label"}  # fmt: skip
    tasks = [{"task": "pawsx", "train": train}]
    raw = {"name": "quirks", "model": "smollm2-135m-instruct", "tasks": tasks}
    more = {"languages": languages, "corpora": [{"corpus": "pawsx"}]}
    whole = parse_study(raw | more)
    inputs = read_inputs(whole, data_root)
    assert not inputs.errors

    def counts(check: Check, where: str = "task pawsx") -> dict[str | None, int]:
        every = list(check(whole, inputs, None))
        return {r.language: r.count for r in every if r.where == where}

    held = {"fr": 14, "de": 32, "es": 1, "zh": 25, "ja": 54, "ko": 28}
    assert counts(rows.placeholders) == held
    unlike = {"fr": 4, "de": 12, "zh": 13, "ja": 24, "ko": 11}
    assert counts(labels.label_agreement) == unlike
    assert counts(labels.equal_fields)["zh"] == 71
    assert counts(items.duplicates, "corpus pawsx")["en"] > 100
    for quiet in (rows.alignment, rows.stand_ins, rows.shared_ids, texts.chinese):
        assert not list(quiet(whole, inputs, None))
    for quiet in (items.trained_items, items.trained_texts, texts.untranslated):
        assert not list(quiet(whole, inputs, None))


def test_every_check_is_described() -> None:
    page = (CHECKOUT / "docs" / "lint.md").read_text("utf-8")
    described = re.findall(r"^\| `(\w+)`", page, re.MULTILINE)
    assert described == [check.__name__ for check in CHECKS]
