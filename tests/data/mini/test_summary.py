"""The news items: parallel, apart from the train split, and no copies of their lead."""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from statistics import mean
from typing import Any

import pytest
import yaml

from spillover.data.mini import LANGUAGES, summary

ENDS = {"zh": "。", "ja": "。"}


@cache
def frames(language: str) -> dict[str, dict[str, Any]]:
    """The file of frames of a language, as it was written."""
    path = files("spillover.data.mini") / f"summary_frames.{language}.yaml"
    content: dict[str, dict[str, Any]] = yaml.safe_load(path.read_text("utf-8"))
    return content


def split_sentences(text: str, language: str) -> list[str]:
    end = ENDS.get(language)
    if end:
        return [sentence + end for sentence in text.split(end) if sentence]
    return re.split(r"(?<=\.) ", text)


def tokens(text: str, language: str) -> list[str]:
    if language in ENDS:
        return re.findall(r"\d+|\w", text)
    return re.findall(r"\w+", text.lower())


def lcs_f1(prediction: list[str], reference: list[str]) -> float:
    """F1 of the longest common subsequence, as in ROUGE-L."""
    row = [0] * (len(reference) + 1)
    for token in prediction:
        diagonal = 0
        for place, wanted in enumerate(reference, start=1):
            best = diagonal + 1 if token == wanted else max(row[place], row[place - 1])
            diagonal, row[place] = row[place], best
    return 2 * row[-1] / (len(prediction) + len(reference))


def numbers(text: str) -> list[str]:
    """The numbers in figures, without those of Chinese and Japanese months."""
    return sorted(re.findall(r"\d+(?![\d月])", text))


@pytest.mark.parametrize("language", LANGUAGES)
def test_size_and_length(language: str) -> None:
    items = summary.items("test", language)
    assert len(items) >= 24
    for item in items:
        sentences = split_sentences(item["text"], language)
        assert 3 <= len(sentences) <= 5
        assert len(split_sentences(item["summary"], language)) == 1
        assert len(item["summary"]) < len(item["text"]) / 2


def test_documents_are_short_enough_for_a_cpu() -> None:
    for split in ("test", "train"):
        lengths = [len(item["text"].split()) for item in summary.items(split, "en")]
        assert min(lengths) >= 38
        assert max(lengths) <= 80


def test_all_languages_say_the_same_numbers() -> None:
    every = [summary.items("test", language) for language in LANGUAGES]
    for items in zip(*every, strict=True):
        for field in ("text", "summary"):
            said = [numbers(item[field]) for item in items]
            assert said.count(said[0]) == len(said), (items[0]["id"], said)


def test_two_items_of_a_frame_are_told_in_different_words() -> None:
    for language in LANGUAGES:
        items = summary.items("test", language)
        for one, other in zip(items[::2], items[1::2], strict=True):
            here = tokens(one["text"], language)
            there = tokens(other["text"], language)
            assert lcs_f1(here, there) < 0.6, (one["id"], language)


@pytest.mark.parametrize("language", LANGUAGES)
def test_the_summary_says_no_more_than_the_document(language: str) -> None:
    for item in summary.items("test", language):
        assert set(numbers(item["summary"])) <= set(numbers(item["text"]))


@pytest.mark.parametrize("language", LANGUAGES)
def test_copying_a_sentence_is_no_summary(language: str) -> None:
    leads, bests = [], []
    for item in summary.items("test", language):
        reference = tokens(item["summary"], language)
        scores = [
            lcs_f1(tokens(sentence, language), reference)
            for sentence in split_sentences(item["text"], language)
        ]
        assert max(scores) < 0.6, item["id"]
        leads.append(scores[0])
        bests.append(max(scores))
    assert mean(leads) < 0.35
    assert mean(bests) < 0.4


def test_copying_the_lead_is_no_summary_in_the_train_split_either() -> None:
    items = summary.items("train", "en")
    leads = [split_sentences(item["text"], "en")[0] for item in items]
    scores = [
        lcs_f1(tokens(lead, "en"), tokens(item["summary"], "en"))
        for lead, item in zip(leads, items, strict=True)
    ]
    assert mean(scores) < 0.35


def test_the_train_split_is_large_and_holds_frames_of_its_own() -> None:
    train = summary.items("train", "en")
    assert len(train) >= 600
    assert len({item["text"] for item in train}) == len(train)
    assert len({item["summary"] for item in train}) == len(train)
    tested = {item["id"].split("-")[0] for item in summary.items("test", "en")}
    trained = {item["id"].split("-")[0] for item in train}
    assert len(tested) >= 12
    assert tested < trained
    assert len(trained - tested) >= 8


def test_no_sentence_of_the_test_split_stands_in_the_train_split() -> None:
    held = {
        split: {
            sentence
            for item in summary.items(split, "en")
            for text in (item["text"], item["summary"])
            for sentence in split_sentences(text, "en")
        }
        for split in ("test", "train")
    }
    assert held["test"].isdisjoint(held["train"])


def test_fillers_of_the_test_split_do_not_stand_in_the_train_split() -> None:
    towns = {"Belmora", "Tarvik", "Kelden", "Rosano", "Norvika", "Torreval", "Grandel"}
    tested = " ".join(item["text"] for item in summary.items("test", "en"))
    trained = " ".join(item["text"] for item in summary.items("train", "en"))
    assert all(town in tested and town not in trained for town in towns)


@pytest.mark.parametrize("language", LANGUAGES)
def test_every_variant_can_be_filled_with_every_filler(language: str) -> None:
    """Also those that no item of the test split happens to draw."""
    content = frames(language)
    for name, frame in content["frames"].items():
        slots = content["shared"] | frame["slots"]
        figures = dict.fromkeys(frames("en")["frames"][name]["numbers"], 12)
        length = len(frame["document"].split("\n\n")) + 1
        for number in range(max(len(fillers) for fillers in slots.values())):
            drawn = {
                slot: list(fillers)[number % len(fillers)]
                for slot, fillers in slots.items()
            }
            for variant in range(summary.TEST_PER_FRAME):
                draw = summary.Draw(name, drawn | figures, (variant,) * length)
                for sentence in summary.sentences(draw, language):
                    assert sentence.endswith(ENDS.get(language, ".")), sentence


def test_all_languages_have_the_same_frames_slots_and_fillers() -> None:
    english = frames("en")
    others = [frames(language) for language in LANGUAGES if language != "en"]
    for other in others:
        assert list(other["frames"]) == list(others[0]["frames"])
        for slot, fillers in others[0]["shared"].items():
            assert list(other["shared"][slot]) == list(fillers)
            assert set(fillers) <= set(english["shared"][slot])
        for name, frame in others[0]["frames"].items():
            assert set(english["frames"][name]["slots"]) == set(frame["slots"])
            for slot, fillers in frame["slots"].items():
                assert set(other["frames"][name]["slots"][slot]) == set(fillers)
                assert len(fillers) >= summary.TEST_PER_FRAME
                assert set(fillers) < set(english["frames"][name]["slots"][slot])
