"""What would stop a study is found with tokenizer and configuration alone."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from spillover.pipeline.fit import misfits
from spillover.pipeline.inputs import read_inputs

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any


def found(tiny: TinyStudy, *, model: bool = True) -> list[str]:
    inputs = read_inputs(tiny.study, tiny.data)
    assert not inputs.errors
    return [str(error) for error in misfits(tiny.study, inputs, model=model)]


def test_a_study_that_fits(tiny_study: TinyStudy) -> None:
    assert not found(tiny_study)


def test_every_prompt_of_every_item_is_tried(tiny_study: TinyStudy) -> None:
    """The longest in characters is not the longest in tokens."""
    tiny_study.raw["tasks"][0]["prompts"] = {
        "long": "{review} Is it good?" + " x" * 300 + " The answer is",
        "open": "{review} The answer is ",
    }
    tiny_study.rewrite("de.test.jsonl", lambda t: t.replace("Film e", "漢" * 130))
    tiny_study.rewrite("de.test.jsonl", lambda t: t.replace("Film i", "train " * 30))
    titles, opinions, long, ends = sorted(found(tiny_study), reverse=True)
    assert titles.startswith("titles: the prompt of item r1 has ")
    assert opinions.startswith("prompt 'open'")
    assert long.startswith("prompt 'long'")
    assert ends.startswith("opinions: the prompt of item r1 has ")


def test_sentences_that_make_no_pair_or_do_not_fit(tiny_study: TinyStudy) -> None:
    english = tiny_study.data / "en.txt"
    lines = english.read_text("utf-8").splitlines()
    english.write_text("\n".join([lines[0] + " x" * 300, *lines[1:]]), "utf-8")
    same = tiny_study.data / "fr.txt"
    same.write_text("Il pleut.\n" * len(lines), "utf-8")
    pairs, long = found(tiny_study)
    assert pairs.startswith("corpus lines, fr: no random pair among")
    assert long.startswith("corpus lines, en: sentence 0: a sentence has ")


def test_a_reference_that_is_too_long_to_learn(tiny_study: TinyStudy) -> None:
    tiny_study.raw["tasks"][1]["tune"] = {"max_tokens": 16}
    [told] = found(tiny_study)
    assert told.startswith("titles.max_tokens: the prompt of item ")


def test_prompts_and_training_are_told_together(tiny_study: TinyStudy) -> None:
    tiny_study.raw["tasks"] = [tiny_study.raw["tasks"][1]]
    tiny_study.raw["tasks"][0]["tune"] = {"max_tokens": 16}
    tiny_study.rewrite("de.test.jsonl", lambda t: t.replace("Film i", "train " * 300))
    training, test = sorted(found(tiny_study))
    assert test.startswith("titles: the prompt of item r2 has ")
    assert training.startswith("titles.max_tokens: the prompt of item ")


def test_what_needs_no_model_is_told_without_one(tiny_study: TinyStudy) -> None:
    tiny_study.raw["tasks"][0]["task"]["answers"] = {"1": "Yes", "0": "Yesterday"}
    tiny_study.raw["tune"]["warmup_steps"] = 50
    assert len(found(tiny_study, model=False)) == 2  # of both tasks
    assert len(found(tiny_study)) == 3


def test_a_tokenizer_without_eos_can_teach_no_generation(
    tiny_study: TinyStudy, tmp_path: Path
) -> None:
    folder = shutil.copytree(tiny_study.raw["model"], tmp_path / "endless")
    path = folder / "tokenizer_config.json"
    path.write_text(json.dumps(json.loads(path.read_text()) | {"eos_token": None}))
    tiny_study.raw["model"] = str(folder)
    [told] = found(tiny_study)
    assert "the tokenizer has no EOS" in told


@pytest.mark.parametrize(("letters", "fits"), [(100, True), (130, False)])
def test_a_text_with_a_byte_a_token_at_least(
    tiny_study: TinyStudy, letters: int, fits: bool
) -> None:
    """Only what has more bytes than there is room for tokens needs the tokenizer."""
    tiny_study.rewrite("fr.test.jsonl", lambda t: t.replace("Le film e", "é" * letters))
    assert (not found(tiny_study)) == fits
