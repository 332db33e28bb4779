"""Answers, sentences and prompts in tokens."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from made import found, made, of_corpus, of_task, one, study

from spillover.lint import tokens
from spillover.pipeline.inputs import read_inputs

if TYPE_CHECKING:
    from tests.conftest import TinyStudy
else:
    TinyStudy = Any


@pytest.fixture
def tokenizers(tiny_folders: dict[str, Path]) -> dict[str, Any]:
    from transformers import AutoTokenizer

    return {k: AutoTokenizer.from_pretrained(v) for k, v in tiny_folders.items()}


REVIEW = {"template": "Review: {a} {b} Is it good? The answer is"}


def test_answers_in_tokens(tokenizers: dict[str, Any]) -> None:
    inputs = of_task({"en": made([("a", "b", "1")])}, **REVIEW)
    remark = one(tokens.answer_tokens, inputs, tokenizers["bos"])
    assert (remark.level, remark.count) == ("note", 0)
    assert "' Yes', ' No'" in remark.message


@pytest.mark.parametrize(
    ("answers", "level", "words"),
    [
        ({"1": "Yes", "0": "Yesno"}, "error", "'Yes' and 'Yesno' begin"),
        ({"1": "Yes", "0": "Nope"}, "warning", "' Yes', ' No' + "),
    ],
)
def test_answers_of_several_tokens(
    tokenizers: dict[str, Any], answers: dict[str, str], level: str, words: str
) -> None:
    inputs = of_task({"en": made([("a", "b", "1")])}, **REVIEW, answers=answers)
    remark = one(tokens.answer_tokens, inputs, tokenizers["bos"])
    assert remark.level == level
    assert words in remark.message


def test_a_prompt_that_its_answer_changes(tokenizers: dict[str, Any]) -> None:
    tokenizer = tokenizers["bos"]
    tokenizer.chat_template = "{{ messages[0].content }} "  # joins the answer
    inputs = of_task({"en": made([("a", "b", "1")])})
    [remark] = tokens.answer_tokens(study(chat=True), inputs, tokenizer)
    assert remark.level == "error"
    assert "tokenized differently" in remark.message


def test_fertility(tokenizers: dict[str, Any]) -> None:
    """Against sentence by sentence."""
    tokenizer = tokenizers["bos"]
    sentences = {
        "en": ["The train leaves at nine.", "A fine film", "NS"],
        "de": ["Der Zug fährt um neun.", "Ein guter Film", "Nicht"],
        "zh": ["火车九点开。", "一部 好电影", "不"],
    }
    every = found(tokens.fertility, of_corpus(sentences), tokenizer)
    used = {
        code: [
            len(tokenizer(text, add_special_tokens=False).input_ids)
            for text in part[:2]
        ]
        for code, part in sentences.items()
    }
    english = sum(used["en"])
    assert [(r.language, r.count, r.n) for r in every] == [
        (code, sum(counts), english) for code, counts in used.items()
    ]
    assert f"{sum(used['de']) / 8:.2f} a word" in every[1].message
    assert f"{sum(used['zh']) / 11:.2f} a character" in every[2].message
    assert every[2].level == ("warning" if sum(used["zh"]) / english >= 3 else "note")


def test_sentences_that_are_all_placeholders_somewhere(
    tokenizers: dict[str, Any],
) -> None:
    inputs = of_corpus({"en": ["a", "b"], "fr": ["NS", "c"], "de": ["d", "NS"]})
    assert not found(tokens.fertility, inputs, tokenizers["bos"])


@pytest.mark.parametrize(
    ("marks", "template", "level", "number"),
    [
        ("none", "{a} {b} answer", "note", "no BOS"),
        ("bos", "{a} {b} answer", "note", "one BOS"),
        ("both", "{a} {b} answer", "note", "one BOS"),
        ("bos", "<s>{a} {b} answer", "error", "2 BOS"),
    ],
)
def test_bos(
    tokenizers: dict[str, Any], marks: str, template: str, level: str, number: str
) -> None:
    inputs = of_task({"en": made([("a", "b", "1")] * 3)}, template=template)
    remark = one(tokens.bos_tokens, inputs, tokenizers[marks])
    assert (remark.level, remark.count, remark.n) == (level, 3, 3)
    assert number in remark.message


def test_texts_that_spell_a_special_token(tokenizers: dict[str, Any]) -> None:
    test = {"en": made([("a", "b", "1"), ("struck </s> out", "b <s>", "0")])}
    remark = one(tokens.special_tokens, of_task(test), tokenizers["bos"])
    assert (remark.level, remark.count, remark.example) == ("warning", 1, "1")
    assert "'</s>', '<s>'" in remark.message
    corpus = of_corpus({"en": ["a", "b"], "de": ["c </s>", "d"]})
    remark = one(tokens.special_tokens, corpus, tokenizers["bos"])
    assert (remark.language, remark.n, remark.example) == ("de", 2, "0")
    assert "1 of 2 sentences in German spell '</s>'" in remark.message


def test_prompts_that_are_cut_or_too_long(tiny_study: TinyStudy) -> None:
    """Against the prompts' own lengths, one by one."""
    from spillover.encoding import Encoder
    from spillover.models import load_tokenizer

    tiny_study.raw["tasks"] = tiny_study.raw["tasks"][:1]
    long = "Der Film a. " + "sehr " * 80
    tiny_study.rewrite("de.test.jsonl", lambda text: text.replace("Der Film a.", long))
    task = tiny_study.raw["tasks"][0]["task"]
    inputs = read_inputs(tiny_study.study, tiny_study.data)
    tokenizer = load_tokenizer(tiny_study.study.model)
    data = inputs.tasks[task["name"]]
    encoder = Encoder(tokenizer, data.task)
    lengths = [len(p.ids) for p in encoder.prompts(data.test["de"])]
    assert max(lengths) > 256
    note, error = sorted(
        tokens.prompt_lengths(tiny_study.study, inputs, tokenizer),
        key=lambda remark: remark.level == "error",
    )
    assert (note.count, note.n) == (max(lengths), 20)
    assert (error.level, error.language, error.count) == ("error", "de", 1)

    sizes = {
        code: [len(p.ids) for p in encoder.prompts(part)]
        for code, part in data.test.items()
    }
    limit = min(size for part in sizes.values() for size in part if size >= 16)
    tiny_study.raw["evaluate"]["max_tokens"] = limit
    inputs = read_inputs(tiny_study.study, tiny_study.data)
    cut = {
        remark.language: remark.count
        for remark in tokens.prompt_lengths(tiny_study.study, inputs, tokenizer)
        if "test prompts" in remark.message
    }
    expected = {c: sum(size > limit for size in part) for c, part in sizes.items()}
    assert cut == {code: n for code, n in expected.items() if n}
    assert limit in sizes["fr"] + sizes["es"] + sizes["de"]  # which just fits


def test_training_items_that_are_cut(tiny_study: TinyStudy) -> None:
    """A training item holds the answer, and for generation its end."""
    from spillover.models import load_tokenizer

    tiny_study.raw["tune"]["max_tokens"] = 22
    inputs = read_inputs(tiny_study.study, tiny_study.data)
    tokenizer = load_tokenizer(tiny_study.study.model)
    expected = {}
    for key, data in inputs.tasks.items():
        classes = data.task.kind == "classification"
        whole = [
            f"{data.task.prompt(item)} {data.task.answers[item.gold]}"
            if classes
            else f"{data.task.prompt(item)} {item.gold}</s>"
            for item in data.train
        ]
        sizes = [len(tokenizer(text).input_ids) for text in whole]
        expected[f"task {key}"] = sum(size > 22 for size in sizes)
    counts = {
        remark.where: remark.count
        for remark in tokens.prompt_lengths(tiny_study.study, inputs, tokenizer)
        if "training prompts" in remark.message
    }
    assert counts == {where: n for where, n in expected.items() if n}
    assert counts


def test_every_prompt_of_a_study_is_looked_at(tokenizers: dict[str, Any]) -> None:
    inputs = of_task({"en": made([("a", "b", "1")])})
    data = inputs.tasks["pairs"]
    other = data.task.model_copy(update={"template": "<s>{a} {b} True?"})
    prompts = {**data.prompts, "short": other}
    inputs.tasks["pairs"] = dataclasses.replace(data, prompts=prompts)
    every = found(tokens.bos_tokens, inputs, tokenizers["bos"])
    assert [(r.where, r.level) for r in every] == [
        ("task pairs", "note"),
        ("task pairs, prompt short", "error"),
    ]
