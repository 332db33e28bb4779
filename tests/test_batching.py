from __future__ import annotations

import random

import pytest
import torch

from spillover.batching import batches, pad


@pytest.mark.parametrize("seed", range(20))
def test_each_index_once_within_the_budget_and_longest_first(seed: int) -> None:
    draw = random.Random(seed)
    lengths = [draw.randint(1, 50) for _ in range(draw.randint(1, 80))]
    budget = draw.randint(1, 300)
    made = batches(lengths, budget)
    assert sorted(i for batch in made for i in batch) == list(range(len(lengths)))
    for batch in made:
        padded = max(lengths[i] for i in batch) * len(batch)
        assert padded <= budget or len(batch) == 1
    flat = [lengths[i] for batch in made for i in batch]
    assert flat == sorted(flat, reverse=True)


def test_a_batch_is_filled_before_the_next_is_begun() -> None:
    assert batches([4, 2, 4, 2, 2], 8) == [[0, 2], [1, 3, 4]]


def test_equal_lengths_keep_their_order() -> None:
    assert batches([3] * 5, 6) == [[0, 1], [2, 3], [4]]


def test_a_sequence_over_the_budget_stands_alone() -> None:
    assert batches([9, 1, 1], 4) == [[0], [1, 2]]


def test_nothing_makes_no_batches() -> None:
    assert batches([], 8) == []


def test_left_padding_counts_positions_from_the_first_token() -> None:
    batch = pad([[5, 6, 7], [8]], 9, side="left")
    assert batch["input_ids"].tolist() == [[5, 6, 7], [9, 9, 8]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [0, 0, 1]]
    assert batch["position_ids"].tolist() == [[0, 1, 2], [0, 0, 0]]
    assert {tensor.dtype for tensor in batch.values()} == {torch.int64}


def test_right_padding_leaves_positions_as_they_are() -> None:
    batch = pad([[5, 6, 7], [8]], 9, side="right")
    assert batch["input_ids"].tolist() == [[5, 6, 7], [8, 9, 9]]
    assert batch["attention_mask"].tolist() == [[1, 1, 1], [1, 0, 0]]
    assert batch["position_ids"][0].tolist() == [0, 1, 2]
    assert batch["position_ids"][1, 0] == 0
