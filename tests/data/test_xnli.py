from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from spillover.data.formats import records
from spillover.data.items import Item, subsample
from spillover.data.xnli import CORPUS, PARALLEL, TASK
from spillover.errors import StudyError

NUMBERS = {"entailment": 0, "neutral": 1, "contradiction": 2}
JNLI_NUMBERS = {"entailment": 0, "contradiction": 1, "neutral": 2}


@pytest.fixture(scope="module")
def loaded(data_root: Path) -> dict[str, list[Item]]:
    return TASK.load_all("test", ("en", "fr", "zh", "ja"), data_root)


@pytest.fixture(scope="module")
def few_root(data_root: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data root whose XNLI has four languages, as its whole takes long to read."""
    root = tmp_path_factory.mktemp("data")
    (root / "jglue").symlink_to(data_root / "jglue")
    name = "xnli/XNLI-1.0/xnli.test.tsv"
    (root / name).parent.mkdir(parents=True)
    with (data_root / name).open("rb") as whole, (root / name).open("wb") as part:
        codes = tuple(f"{code}\t".encode() for code in ("language", *FEW))
        part.writelines(line for line in whole if line.startswith(codes))
    return root


FEW = ("en", "ru", "de", "th")


def test_the_prompt_is_that_of_the_paper() -> None:
    item = Item("1", {"premise": "A.", "hypothesis": "B"}, "neutral")
    assert TASK.prompt(item) == "Suppose A. Can we infer that B? Yes, no, or maybe?"
    assert TASK.answers == {
        "entailment": "Yes",
        "contradiction": "No",
        "neutral": "Maybe",
    }


def test_every_language_has_the_same_balanced_rows(
    loaded: dict[str, list[Item]],
) -> None:
    for language in ("en", "fr", "zh"):
        assert Counter(item.gold for item in loaded[language]) == dict.fromkeys(
            NUMBERS, 1670
        )
    gold = [[(i.id, i.gold) for i in loaded[name]] for name in ("en", "fr", "zh")]
    assert gold[0] == gold[1] == gold[2]


def test_the_rows_are_those_of_the_language(
    loaded: dict[str, list[Item]], data_root: Path
) -> None:
    path = data_root / "xnli/XNLI-1.0/xnli.test.tsv"
    expected = [
        [row["pairID"], row["gold_label"], row["sentence1"], row["sentence2"]]
        for _, row in records(path, "tsv")
        if row["language"] == "fr"
    ]
    assert expected == [
        [i.id, i.gold, i.fields["premise"], i.fields["hypothesis"]]
        for i in loaded["fr"]
    ]


def test_the_validation_split_has_no_japanese(data_root: Path) -> None:
    assert len(TASK.load("validation", "th", data_root)) == 2490
    with pytest.raises(StudyError, match="no validation split in 'ja'; it has test"):
        TASK.load("validation", "ja", data_root)


def test_japanese_is_jnli(loaded: dict[str, list[Item]]) -> None:
    japanese = loaded["ja"]
    assert Counter(item.gold for item in japanese) == {
        "neutral": 1350,
        "contradiction": 735,
        "entailment": 349,
    }
    assert japanese[0].id == "jnli-0"
    assert not {i.id for i in japanese} & {i.id for i in loaded["en"]}


def test_japanese_does_not_bias_which_rows_are_taken(
    loaded: dict[str, list[Item]],
) -> None:
    three = {name: loaded[name] for name in ("en", "fr", "zh")}
    alone, beside = subsample(three, 200, 0), subsample(loaded, 200, 0)
    assert {name: beside[name] for name in three} == alone
    assert len(beside["ja"]) == 200


def test_mnli_spells_contradiction_its_own_way(data_root: Path) -> None:
    items = TASK.load("train", "en", data_root)
    assert len(items) == 9000
    assert {item.gold for item in items} == set(TASK.answers)
    path = data_root / "xnli/XNLI-MT-1.0/multinli/multinli.train.en.tsv"
    spelled = Counter(str(row["label"]) for _, row in records(path, "tsv"))
    found = Counter(item.gold for item in items)
    assert found["contradiction"] == spelled["contradictory"] > 0
    assert [i.id for i in items] == [str(n) for n in range(1, 9001)]


def test_a_sample_of_the_sorted_train_file_has_every_label(data_root: Path) -> None:
    items = {"en": TASK.load("train", "en", data_root)}
    assert len({item.gold for item in items["en"][:300]}) < 3
    counts = Counter(item.gold for item in subsample(items, 300, seed=0)["en"])
    assert min(counts[label] for label in TASK.answers) > 50


def test_the_corpus_has_each_premise_once(few_root: Path) -> None:
    found = CORPUS.parallel(("de", "th"), few_root)
    assert (found.n, found.n_expected) == (1670, 1670)
    assert len(set(found.sentences["en"])) == 1670
    english = {i.id: i.fields["premise"] for i in TASK.load("test", "en", few_root)}
    assert found.sentences["en"] == [english[id] for id in found.ids]


def test_the_hub_gives_the_same_items(make_hub: Any, few_root: Path) -> None:
    def table(language: str) -> list[dict[str, object]]:
        return [
            {**item.fields, "label": NUMBERS[item.gold]}
            for item in TASK.load("test", language, few_root)
        ]

    parallel, japanese = TASK.hub
    assert parallel.languages == PARALLEL
    jnli = [
        {**row, "label": JNLI_NUMBERS[str(row["label"])]}
        for _, row in records(few_root / "jglue/jnli-v1.3/valid-v1.3.json", "jsonl")
    ]
    made = (
        make_hub(parallel, [(name, "test", table(name)) for name in ("en", "ru")]),
        make_hub(japanese, [("ja", "test", jnli)]),
    )
    task = TASK.model_copy(update={"hub": made})
    languages = ("en", "ru", "ja")
    expected = task.load_all("test", languages, few_root)
    assert task.load_all("test", languages) == expected
    sentences = CORPUS.hub[0].model_copy(update={"repo": made[0].repo})
    corpus = CORPUS.model_copy(update={"hub": (sentences,)})
    assert corpus.parallel(["ru"]) == corpus.parallel(["ru"], few_root)
