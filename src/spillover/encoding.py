"""From a task's items to token ids: BOS, answers, chat template, truncation."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from jinja2 import TemplateError

from spillover.data.items import Item
from spillover.data.task import Task
from spillover.errors import ModelError, StudyError, first_line

DAY = datetime(2024, 7, 26)  # for chat templates that write the date
# transformers gives templates a clock and passes no other function on; a macro of that
# name goes before it.
CLOCK = (
    "{% macro strftime_now(format) %}{{ format"
    + "".join(f"|replace('%{part}', '{DAY:%{part}}')" for part in "aAbBdHIjmMpSyY")
    + " }}{% endmacro %}\n"
)


PROBE = "The capital of France is"
"""A text that every tokenizer and every model can do something with."""


def encode(
    tokenizer: Any, texts: list[str], begin: list[int] | None = None
) -> list[list[int]]:
    """Token ids, begun as the tokenizer begins them, and without EOS.

    Some tokenizers append EOS; a prompt or a sentence that goes on must not have it.

    Args:
        tokenizer: a transformers tokenizer.
        texts: the texts.
        begin: what stands before each; None: what `beginning` says.

    Raises:
        ModelError: it cannot be told what the tokenizer begins texts with.
    """
    if not texts:
        return []
    begin = beginning(tokenizer) if begin is None else begin
    ids = tokenizer(texts, add_special_tokens=False).input_ids
    return [begin + row for row in ids]


def beginning(tokenizer: Any) -> list[int]:
    """What the tokenizer puts before a text: BOS, other special tokens, or nothing.

    Raises:
        ModelError: it cannot be told.
    """
    # What stands before a text, which XGLM's EOS does too; an empty one has no before.
    [plain] = tokenizer([PROBE], add_special_tokens=False).input_ids
    [marked] = tokenizer([PROBE]).input_ids
    starts = range(len(marked) - len(plain) + 1)
    at = [i for i in starts if marked[i : i + len(plain)] == plain]
    if not at:
        raise ModelError(
            "the tokenizer splits a text otherwise where it adds special tokens",
            where=tokenizer.name_or_path,
        )
    begin: list[int] = marked[: at[0]]
    return begin


@dataclass(frozen=True, slots=True)
class Encoded:
    """One prompt in tokens.

    Attributes:
        item: whose prompt it is.
        text: the prompt as the model sees it.
        ids: its tokens.
        cut: whether a field was cut to make it fit.
    """

    item: Item
    text: str
    ids: list[int]
    cut: bool


class Encoder:
    """Turns the items of one task into tokens for one tokenizer.

    The answer follows the prompt after one space and is tokenized together with it:
    a tokenizer that starts words with a space has another token for " Yes" than for
    "Yes". The prompt's own tokens must then be the beginning of the whole.

    A chat template, when asked for, brings its own special tokens, BOS among them;
    none is added to it. The answer follows after what the template has before an
    assistant's turn: a space with Llama 2's, mostly nothing. A template that wants the
    date is given the one that Llama 3's falls back to, or prompts would differ from day
    to day.
    """

    def __init__(
        self,
        tokenizer: Any,
        task: Task,
        *,
        chat: bool = False,
    ) -> None:
        """See the class.

        Args:
            tokenizer: a transformers tokenizer.
            task: the task.
            chat: put the prompt into the tokenizer's chat template.

        Raises:
            StudyError: `chat` without a chat template.
            ModelError: the tokenizer does not tell what it begins texts with.
        """
        if chat and not tokenizer.chat_template:
            raise StudyError("the tokenizer has no chat template", where="chat")
        self.tokenizer, self.task, self.chat = tokenizer, task, chat
        self.lead, self.space = self._before_answers() if chat else ("", " ")
        self.begin = [] if chat else beginning(tokenizer)

    def prompts(
        self, items: Sequence[Item], max_tokens: int | None = None
    ) -> list[Encoded]:
        """The prompts of items, each cut in its longest field where it is too long.

        Args:
            items: the items.
            max_tokens: of each; None: whatever it has.

        Raises:
            StudyError: a prompt has no room for any of that field.
        """
        texts = [self.text(item) for item in items]
        rows = zip(items, texts, self._ids(texts), strict=True)
        return [
            Encoded(item, text, ids, False)
            if max_tokens is None or len(ids) <= max_tokens
            else self._cut(item, max_tokens)
            for item, text, ids in rows
        ]

    def answers(
        self, prompts: Sequence[Encoded], words: Sequence[str]
    ) -> list[list[int]]:
        """The tokens of each prompt's answer, without the prompt's.

        Raises:
            ModelError: the prompt's tokens are not the beginning of the whole, or
                nothing follows them.
        """
        pairs = zip(prompts, words, strict=True)
        whole = self._ids([p.text + self.space + word for p, word in pairs])
        for prompt, ids in zip(prompts, whole, strict=True):
            n = len(prompt.ids)
            if ids[:n] != prompt.ids or len(ids) == n:
                raise ModelError(
                    f"item {prompt.item.id}: with its answer the prompt is tokenized "
                    "differently than alone",
                    where=self.task.name,
                    expected="the prompt's tokens first, then the answer's",
                    fix="end the template in a word or a punctuation mark",
                )
        return [ids[len(p.ids) :] for p, ids in zip(prompts, whole, strict=True)]

    def choices(
        self, prompts: Sequence[Encoded], *, distinct: bool = True
    ) -> list[list[list[int]]]:
        """For each prompt the tokens of each answer word, in the task's order.

        Raises:
            ModelError: `distinct`, and two answer words begin with the same token.
        """
        words = list(self.task.answers.values())
        columns = [self.answers(prompts, [word] * len(prompts)) for word in words]
        rows = [list(row) for row in zip(*columns, strict=True)]
        for row in rows if distinct else []:
            starts = [ids[0] for ids in row]
            if len(set(starts)) < len(starts):
                twice = [
                    word
                    for word, id in zip(words, starts, strict=True)
                    if starts.count(id) > 1
                ]
                raise ModelError(
                    f"the answer words {' and '.join(map(repr, twice))} begin with "
                    "the same token",
                    where=self.task.name,
                    expected="words that the first token tells apart",
                    fix="choose other answer words, or 'scoring: whole'",
                )
        return rows

    def text(self, item: Item) -> str:
        """The prompt of an item as the model sees it, uncut."""
        prompt = self.task.prompt(item)
        if not self.chat:
            return prompt
        turn = {"role": "user", "content": prompt}
        return self._chat([turn], add_generation_prompt=True) + self.lead

    def _chat(self, turns: list[dict[str, str]], **options: bool) -> str:
        try:
            text: str = self.tokenizer.apply_chat_template(
                turns,
                tokenize=False,
                chat_template=CLOCK + self.tokenizer.get_chat_template(),
                date_string=f"{DAY:%d %b %Y}",
                **options,
            )
        except (TemplateError, ValueError) as error:  # the latter of several templates
            raise ModelError(
                f"the tokenizer's chat template fails ({first_line(error)})",
                where=self.tokenizer.name_or_path,
                fix="leave out 'chat', or mend the template",
            ) from error
        return text

    def _before_answers(self) -> tuple[str, str]:
        """What the template puts between its prompt and an answer, and the space there.

        Of a model that reasons that is an empty reasoning, or where it is to answer. A
        reasoning that is begun where a model is to go on, and is not in an assistant's
        turn, as DeepSeek-R1's, is ended.
        """
        turn, mark = {"role": "user", "content": "?"}, "ANSWER"
        prompt = self._chat([turn], add_generation_prompt=True)
        whole = self._chat([turn, {"role": "assistant", "content": mark}])
        if not whole.startswith(prompt):
            begun = re.search(r"<([\w:]*think\w*)>(\s*)$", prompt)
            if begun is None:
                return "", ""
            return "\n\n".removeprefix(begun[2]) + f"</{begun[1]}>\n\n", ""
        between = whole.removeprefix(prompt).partition(mark)[0]
        lead = "" if between.isspace() else between.rstrip(" ")
        return lead, between.removeprefix(lead)

    def _ids(self, texts: list[str]) -> list[list[int]]:
        return encode(self.tokenizer, texts, self.begin)

    def _cut(self, item: Item, limit: int) -> Encoded:
        """Cut the end of the longest field, by as few characters as will do."""
        field, full = max(item.fields.items(), key=lambda entry: len(entry[1]))

        def shortened(length: int) -> Item:
            fields = {**item.fields, field: full[:length].rstrip()}
            return Item(item.id, fields, item.gold)

        def too_long(length: int) -> bool:
            return len(self._ids([self.text(shortened(length))])[0]) > limit

        length = bisect_right(range(len(full) + 1), False, key=too_long) - 1
        while length > 0 and too_long(length):  # token counts may dip and rise again
            length -= 1
        if length <= 0:
            raise StudyError(
                f"the prompt of item {item.id} has no room for its {field!r} in "
                f"{limit} tokens",
                where=f"{self.task.name}.max_tokens",
                fix="allow longer prompts or shorten the template",
            )
        text = self.text(shortened(length))
        return Encoded(item, text, self._ids([text])[0], True)
