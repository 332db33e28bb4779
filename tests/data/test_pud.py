from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from spillover.data.corpus import AlignedCorpus
from spillover.data.pud import CORPUS, TREEBANKS
from spillover.errors import DataError


def comments(data_root: Path, language: str, key: str) -> list[str]:
    folder = data_root / f"pud/UD_{TREEBANKS[language]}-PUD"
    text = (folder / f"{language}_pud-ud-test.conllu").read_text(encoding="utf-8")
    start = f"# {key} = "
    return [
        line.removeprefix(start) for line in text.split("\n") if line.startswith(start)
    ]


@pytest.fixture(scope="module")
def aligned(data_root: Path) -> AlignedCorpus:
    return CORPUS.parallel(("th", "ja", "fr"), data_root)


def test_all_thousand_sentences_are_joined(aligned: AlignedCorpus) -> None:
    assert (aligned.n, aligned.n_expected) == (1000, 1000)
    assert set(aligned.missing.values()) == {0}
    assert list(aligned.sentences) == ["en", "th", "ja", "fr"]


def test_sentences_are_joined_by_id_when_a_treebank_is_in_another_order(
    aligned: AlignedCorpus, data_root: Path, tmp_path: Path
) -> None:
    for name, treebank in (("en", "UD_English-PUD"), ("fr", "UD_French-PUD")):
        (tmp_path / "pud" / treebank).mkdir(parents=True)
        path = Path("pud", treebank, f"{name}_pud-ud-test.conllu")
        sentences = (data_root / path).read_text(encoding="utf-8").split("\n\n")[:-1]
        if name == "fr":
            sentences.reverse()
        text = "\n\n".join(sentences) + "\n\n"
        (tmp_path / path).write_text(text, encoding="utf-8")
    assert comments(tmp_path, "fr", "sent_id") == list(aligned.ids)[::-1]
    found = CORPUS.parallel(["fr"], tmp_path)
    assert found.sentences["fr"] == aligned.sentences["fr"]
    assert found.sentences["en"] == comments(data_root, "en", "text")


def test_translations_agree_with_the_english_that_the_treebank_quotes(
    aligned: AlignedCorpus, data_root: Path
) -> None:
    order = comments(data_root, "fr", "sent_id")
    quoted = dict(zip(order, comments(data_root, "fr", "text_en"), strict=True))
    same = sum(
        quoted[id] == text
        for id, text in zip(aligned.ids, aligned.sentences["en"], strict=True)
    )
    assert same > 900


def test_every_treebank_at_hand_has_the_thousand_ids(data_root: Path) -> None:
    english = set(comments(data_root, "en", "sent_id"))
    at_hand = [
        n for n, t in TREEBANKS.items() if (data_root / f"pud/UD_{t}-PUD").is_dir()
    ]
    assert len(at_hand) >= 15
    for language in at_hand:
        assert set(comments(data_root, language, "sent_id")) == english


def test_a_treebank_that_was_not_fetched_is_named(
    data_root: Path, tmp_path: Path
) -> None:
    (tmp_path / "pud").symlink_to(data_root / "pud")
    with pytest.raises(
        DataError, match=r"UD_Czech-PUD/cs_pud-ud-test\.conllu: no such"
    ):
        CORPUS.load("cs", tmp_path)


def test_the_hub_gives_the_same_sentences(make_hub: Any, data_root: Path) -> None:
    def table(language: str) -> list[dict[str, str]]:
        ids, texts = (comments(data_root, language, key) for key in ("sent_id", "text"))
        return [{"sent_id": i, "text": t} for i, t in zip(ids, texts, strict=True)]

    hub = make_hub(
        CORPUS.hub[0], [(name, "test", table(name)) for name in ("en", "ko")]
    )
    corpus = CORPUS.model_copy(update={"hub": (hub,)})
    assert corpus.parallel(["ko"]) == corpus.parallel(["ko"], data_root)
