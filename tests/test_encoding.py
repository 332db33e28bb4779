from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from tokenizers.processors import TemplateProcessing
from transformers import AutoTokenizer

from spillover.data.items import Item
from spillover.data.task import Task
from spillover.encoding import Encoder, encode
from spillover.errors import ModelError, StudyError

Tokenizer = Callable[[str], Any]


@pytest.fixture
def tokenizer(tiny_folders: dict[str, Path]) -> Tokenizer:
    return lambda variant: AutoTokenizer.from_pretrained(tiny_folders[variant])


@pytest.mark.parametrize(
    ("variant", "start"), [("none", []), ("bos", [1]), ("both", [1])]
)
def test_bos_where_the_tokenizer_adds_it_and_never_eos(
    tokenizer: Tokenizer, variant: str, start: list[int]
) -> None:
    plain = tokenizer("none")
    texts = ["The train", "", "これは"]
    expected = [start + plain(text).input_ids for text in texts]
    assert encode(tokenizer(variant), texts) == expected
    assert encode(tokenizer(variant), []) == []


def test_other_special_tokens_come_first_where_the_tokenizer_puts_them(
    tokenizer: Tokenizer,
) -> None:
    """GLM-4 begins with two, neither of which it calls BOS."""
    begins = tokenizer("none")
    names = ["[gMASK]", "<sop>"]
    begins.add_special_tokens({"additional_special_tokens": names})
    first = begins.convert_tokens_to_ids(names)
    begins.backend_tokenizer.post_processor = TemplateProcessing(
        single="[gMASK] <sop> $A",
        special_tokens=[*zip(names, first, strict=True)],
    )
    begins.bos_token = None
    expected = [first + tokenizer("none")("The train").input_ids]
    assert encode(begins, ["The train"]) == expected


def test_eos_before_a_text_is_its_beginning(tokenizer: Tokenizer) -> None:
    """As XGLM has it; after a text EOS is its end."""
    plain = tokenizer("none")
    [bare] = encode(plain, ["a film"])
    for single, start in (("</s> $A", [2]), ("</s> $A </s>", [2]), ("$A </s>", [])):
        plain.backend_tokenizer.post_processor = TemplateProcessing(
            single=single, special_tokens=[("</s>", 2)]
        )
        assert encode(plain, ["a film", ""]) == [start + bare, start]


def test_one_token_that_is_bos_and_eos_is_taken_for_bos(tokenizer: Tokenizer) -> None:
    both = tokenizer("bos")
    both.eos_token = both.bos_token
    assert encode(both, ["Yes"]) == [both("Yes").input_ids]


def test_the_variants_are_what_they_claim(tokenizer: Tokenizer) -> None:
    ids = {name: tokenizer(name)("Yes").input_ids for name in ("none", "bos", "both")}
    assert ids["bos"] == [1, *ids["none"]]
    assert ids["both"] == [1, *ids["none"], 2]


@pytest.mark.parametrize("variant", ["none", "bos", "both"])
def test_prompt_and_answer_are_the_tokens_of_the_whole(
    tokenizer: Tokenizer, opinions: Task, reviews: list[Item], variant: str
) -> None:
    encoder = Encoder(tokenizer(variant), opinions)
    prompts = encoder.prompts(reviews)
    answers = encoder.answers(prompts, ["Yes"] * len(reviews))
    for item, prompt, answer in zip(reviews, prompts, answers, strict=True):
        assert prompt.item is item
        assert prompt.text == f"Review: {item.fields['review']} Is it good? " + (
            "The answer is"
        )
        assert not prompt.cut
        whole = encode(tokenizer(variant), [prompt.text + " Yes"])[0]
        assert prompt.ids + answer == whole
        assert 2 not in whole


def test_texts_with_braces_are_left_as_they_are(
    tokenizer: Tokenizer, opinions: Task
) -> None:
    item = Item("a", {"review": "{0} {review} {{x}} %s {{ bos_token }}"}, "1")
    for chat in (False, True):
        [prompt] = Encoder(tokenizer("bos"), opinions, chat=chat).prompts([item])
        assert item.fields["review"] in prompt.text
        assert tokenizer("bos").decode(prompt.ids).count(item.fields["review"]) == 1


def test_a_prompt_that_its_answer_retokenizes_is_an_error(
    tokenizer: Tokenizer, opinions: Task, reviews: list[Item]
) -> None:
    ends_in_space = tokenizer("bos")
    ends_in_space.chat_template = "{{ messages[0].content }} "  # joins the answer
    encoder = Encoder(ends_in_space, opinions, chat=True)
    with pytest.raises(ModelError, match=r"item r0: .* differently than alone"):
        encoder.choices(encoder.prompts(reviews))


def test_an_answer_without_tokens_is_an_error(
    tokenizer: Tokenizer, opinions: Task, reviews: list[Item]
) -> None:
    encoder = Encoder(tokenizer("bos"), opinions, chat=True)
    with pytest.raises(ModelError, match="differently than alone"):
        encoder.answers(encoder.prompts(reviews[:1]), [""])


def test_choices_are_the_answers_tokens_in_the_tasks_order(
    tokenizer: Tokenizer, opinions: Task, reviews: list[Item]
) -> None:
    encoder = Encoder(tokenizer("bos"), opinions)
    rows = encoder.choices(encoder.prompts(reviews))
    plain = tokenizer("none")
    each = [plain(" Yes").input_ids, plain(" No").input_ids]
    assert rows == [each] * len(reviews)
    assert each[0][0] != each[1][0]


def test_answer_words_with_the_same_first_token_are_an_error(
    tokenizer: Tokenizer, opinions: Task, reviews: list[Item]
) -> None:
    answers = {"1": "Yes", "0": "Yes no", "2": "No"}
    task = opinions.model_copy(update={"answers": answers})
    encoder = Encoder(tokenizer("bos"), task)
    prompts = encoder.prompts(reviews)
    with pytest.raises(ModelError, match="'Yes' and 'Yes no' begin with the same"):
        encoder.choices(prompts)
    yes, yes_no, _ = encoder.choices(prompts, distinct=False)[0]
    assert yes_no[: len(yes)] == yes


PAIR = "{short} Title. {review} Is it good? The answer is"


def pair(opinions: Task) -> tuple[Task, Item]:
    task = opinions.model_copy(update={"template": PAIR})
    review = "a long warm fine film about the train " * 9
    return task, Item("long", {"short": "A film", "review": review}, "1")


@pytest.mark.parametrize("limit", range(34, 110, 7))
@pytest.mark.parametrize("chat", [False, True])
def test_the_longest_field_is_cut_as_little_as_will_do(
    tokenizer: Tokenizer, opinions: Task, limit: int, chat: bool
) -> None:
    task, item = pair(opinions)
    encoder = Encoder(tokenizer("bos"), task, chat=chat)
    [prompt] = encoder.prompts([item], limit)
    assert prompt.cut
    assert prompt.item is item
    assert len(prompt.ids) <= limit
    tail = " Is it good? The answer is" + ("\nModel:\n" if chat else "")
    assert prompt.text.endswith(tail)
    head = ("<s>User: " if chat else "") + "A film Title. "
    assert prompt.text.startswith(head)
    kept = prompt.text[len(head) : -len(tail)]
    assert kept
    full = item.fields["review"]
    assert full.startswith(kept)
    longer = prompt.text.replace(kept + tail, full[: len(kept) + 2] + tail)
    ids = encode(tokenizer("none" if chat else "bos"), [longer])[0]
    assert len(ids) > limit  # one word or letter more would not have fitted


def test_only_what_is_too_long_is_cut(
    tokenizer: Tokenizer, opinions: Task, reviews: list[Item]
) -> None:
    encoder = Encoder(tokenizer("bos"), opinions)
    whole = encoder.prompts(reviews)
    limit = sorted(len(prompt.ids) for prompt in whole)[6]
    some = encoder.prompts(reviews, limit)
    assert {prompt.cut for prompt in some} == {True, False}
    for before, after in zip(whole, some, strict=True):
        assert after.cut == (len(before.ids) > limit)
        assert after.cut or after == before


@pytest.mark.parametrize("chat", [False, True])
def test_no_room_for_any_of_the_field_is_an_error(
    tokenizer: Tokenizer, opinions: Task, chat: bool
) -> None:
    task, item = pair(opinions)
    encoder = Encoder(tokenizer("bos"), task, chat=chat)
    with pytest.raises(StudyError, match=r"max_tokens: .*item long has no room for"):
        encoder.prompts([item], 8)


def test_a_chat_prompt_has_one_bos(
    tokenizer: Tokenizer, opinions: Task, reviews: list[Item]
) -> None:
    for variant in ("none", "bos", "both"):
        encoder = Encoder(tokenizer(variant), opinions, chat=True)
        prompts = encoder.prompts(reviews)
        answers = encoder.answers(prompts, ["Yes"] * len(reviews))
        for prompt, answer in zip(prompts, answers, strict=True):
            assert (prompt.ids + answer).count(1) == 1
            assert prompt.ids[0] == 1
            assert 2 not in prompt.ids + answer
            assert tokenizer(variant).decode(answer) == "Yes"


LLAMA_2 = (
    "{% for m in messages %}{% if m.role == 'user' %}{{ bos_token + '[INST] ' + "
    "m.content + ' [/INST]' }}{% else %}{{ ' ' + m.content + ' ' + eos_token }}"
    "{% endif %}{% endfor %}"
)
THINKS = (
    "{% for m in messages %}{{ m.role + ':\n' }}{% if m.role == 'assistant' %}"
    "{{ '<think></think> ' }}{% endif %}{{ m.content }}{% endfor %}"
    "{% if add_generation_prompt %}{{ 'assistant:\n' }}{% endif %}"
)


R1 = (  # DeepSeek's: what was thought is in no turn, but a model is to begin with it
    "{% for m in messages %}{{ '<A>' if m.role == 'assistant' else '<U>' }}"
    "{{ m.content.split('</think>')[-1] }}{% endfor %}"
    "{% if add_generation_prompt %}{{ '<A><think>\n' }}{% endif %}"
)


@pytest.mark.parametrize(
    ("template", "lead", "answer"),
    [
        (LLAMA_2, "[/INST]", " Yes"),
        (THINKS, "assistant:\n<think></think>", " Yes"),
        (THINKS.replace("> ", ">\n\n"), "assistant:\n<think></think>\n\n", "Yes"),
        (R1, "<A><think>\n\n</think>\n\n", "Yes"),
        (R1.replace("<think>\n", "<think>"), "<A><think>\n\n</think>\n\n", "Yes"),
    ],
)
def test_an_answer_follows_what_the_template_puts_before_it(
    tokenizer: Tokenizer,
    opinions: Task,
    reviews: list[Item],
    template: str,
    lead: str,
    answer: str,
) -> None:
    plain = tokenizer("bos")
    plain.chat_template = template
    encoder = Encoder(plain, opinions, chat=True)
    prompts = encoder.prompts(reviews)
    [ids, *_] = encoder.answers(prompts, ["Yes"] * len(reviews))
    assert plain.decode(ids) == answer
    assert prompts[0].text.endswith(lead)
    assert plain.decode(prompts[0].ids).endswith(lead)


@pytest.mark.parametrize(
    ("written", "date"),
    [
        (
            "{% if date_string is not defined %}{% set date_string = "
            "strftime_now('%d %b') %}{% endif %}{{ date_string }}",
            "26 Jul 2024",
        ),
        ("\n{{ strftime_now('%A, %d %B %Y') }}", "\nFriday, 26 July 2024"),
        (
            "  {% set day = strftime_now('%Y-%m-%d') %}\n{{ day.split('-')[0] | int }}"
            "{{ strftime_now('%H:%M:%S') }}",
            "202400:00:00",
        ),
    ],
)
def test_a_template_is_given_the_same_date_every_day(
    tokenizer: Tokenizer, opinions: Task, reviews: list[Item], written: str, date: str
) -> None:
    plain = tokenizer("bos")
    turns = "{% for m in messages %}{{ m.content }}{% endfor %}"
    plain.chat_template = written + turns
    [prompt, *_] = Encoder(plain, opinions, chat=True).prompts(reviews)
    assert prompt.text.startswith(date)


def test_chat_without_a_template_is_an_error(
    tokenizer: Tokenizer, opinions: Task
) -> None:
    plain = tokenizer("bos")
    plain.chat_template = None
    with pytest.raises(StudyError, match="chat: the tokenizer has no chat template"):
        Encoder(plain, opinions, chat=True)


@pytest.mark.parametrize(
    "written",
    [
        "{% bad",
        "{{ raise_exception('no') }}",
        "{{ x.y.z }}",
        "{{ [].append.__self__ }}",
    ],
)
def test_a_template_that_fails_is_an_error(
    tokenizer: Tokenizer, opinions: Task, written: str
) -> None:
    plain = tokenizer("bos")
    plain.chat_template = written
    with pytest.raises(ModelError, match="the tokenizer's chat template fails"):
        Encoder(plain, opinions, chat=True)


def test_several_templates_of_which_none_is_the_default(
    tokenizer: Tokenizer, opinions: Task
) -> None:
    plain = tokenizer("bos")
    plain.chat_template = {"tool": "a", "rag": "b"}
    with pytest.raises(ModelError, match="the tokenizer's chat template fails"):
        Encoder(plain, opinions, chat=True)
