"""What is odd about a study's data and prompts, found before a model is loaded.

`docs/lint.md` says what each check looks at, by which rule, and why it matters.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import TYPE_CHECKING, Any

from spillover.lint import items, labels, rows, texts, tokens
from spillover.lint.remark import Check, Remark
from spillover.pipeline.inputs import Inputs
from spillover.study import Study

if TYPE_CHECKING:
    import pandas as pd

CHECKS: tuple[Check, ...] = (
    rows.row_counts,
    rows.absent_languages,
    rows.shared_ids,
    rows.alignment,
    rows.placeholders,
    rows.stand_ins,
    labels.label_agreement,
    labels.label_balance,
    labels.conflicting_labels,
    labels.equal_fields,
    items.duplicates,
    items.trained_items,
    items.trained_texts,
    texts.untranslated,
    texts.language,
    texts.script,
    texts.chinese,
    tokens.answer_tokens,
    tokens.fertility,
    tokens.prompt_lengths,
    tokens.bos_tokens,
    tokens.special_tokens,
)
"""Every check, in the order of its remarks; the name of one is its function's."""

LEVELS = ("error", "warning", "note")


def lint(study: Study, inputs: Inputs, tokenizer: Any) -> list[Remark]:
    """Look at all that a study reads; no weights are needed.

    Args:
        study: the study.
        inputs: what `read_inputs` read for it; a task or corpus that could not be read
            is in `inputs.errors` and is not looked at.
        tokenizer: the model's.

    Returns:
        The remarks, errors first, then warnings, then notes; within a level in the
        order of `CHECKS`.

    Raises:
        StudyError: the study asks for a chat template that the tokenizer lacks.
        ModelError: the model's configuration cannot be loaded.
    """
    found = [remark for check in CHECKS for remark in check(study, inputs, tokenizer)]
    return sorted(found, key=lambda remark: LEVELS.index(remark.level))


def to_frame(remarks: Sequence[Remark]) -> pd.DataFrame:
    """One row a remark, one column an attribute; no remarks give an empty table."""
    import pandas as pd

    names = [field.name for field in fields(Remark)]
    return pd.DataFrame([asdict(remark) for remark in remarks], columns=names)
