from __future__ import annotations

from pathlib import Path
from typing import Any

from spillover.data.items import Item
from spillover.data.mgsm import TASK


def test_every_language_has_the_same_answers(data_root: Path) -> None:
    items = TASK.load_all("test", TASK.languages, data_root)
    assert {len(rows) for rows in items.values()} == {250}
    assert len({tuple(i.gold for i in rows) for rows in items.values()}) == 1
    commas = [i.gold for i in items["en"] if not i.gold.isdigit()]
    assert commas == ["2,125", "114,200", "276,000", "5,600"]


def test_the_first_line_is_a_question(data_root: Path) -> None:
    first = TASK.load("test", "en", data_root)[0]
    assert first.fields["question"].startswith("Janet’s ducks lay 16 eggs per day.")
    assert (first.id, first.gold) == ("1", "18")
    assert TASK.prompt(first).endswith("? Answer with a number. The answer is")


def test_the_hub_gives_the_same_items(make_hub: Any, data_root: Path) -> None:
    items = TASK.load("test", "bn", data_root)
    table = [
        {
            "question": item.fields["question"],
            "answer": None,
            "answer_number": int(item.gold.replace(",", "")),
            "equation_solution": None,
        }
        for item in items
    ]
    hub = make_hub(TASK.hub[0], [("bn", "test", table)])
    task = TASK.model_copy(update={"hub": (hub,)})
    without_commas = [Item(i.id, i.fields, i.gold.replace(",", "")) for i in items]
    assert task.load("test", "bn") == without_commas
