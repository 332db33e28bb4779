"""Length-sorted batches under a token budget, and their padding."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Literal

import torch
from torch import Tensor

Progress = Callable[[float, int], None]
"""Told how many items were just done, or as much of one, and of how many tokens.

Padding does not count. In training an item counts once an epoch. The first call says
what was there before the work began: (0, 0), or the items of an interrupted training.
"""


def untold(items: float, tokens: int) -> None:
    """Tell nobody."""


def batches(lengths: Sequence[int], budget: int) -> list[list[int]]:
    """Indices in batches of like length, longest first.

    Longest first, so that what does not fit into memory fails at once and the time
    left is over- rather than underestimated.

    Args:
        lengths: tokens of each sequence.
        budget: the most tokens a batch may have, padding included; a sequence that
            is longer stands alone.
    """
    order = sorted(range(len(lengths)), key=lambda index: -lengths[index])
    result: list[list[int]] = []
    for index in order:
        if result and lengths[result[-1][0]] * (len(result[-1]) + 1) <= budget:
            result[-1].append(index)
        else:
            result.append([index])
    return result


def pad(
    rows: Sequence[Sequence[int]],
    fill: int,
    *,
    side: Literal["left", "right"] = "left",
    device: torch.device | str = "cpu",
) -> dict[str, Tensor]:
    """Rows as one batch.

    Positions are counted from each row's own first token, which transformers leaves
    to its caller outside of `generate`: without them left padding shifts a model
    with learned positions.

    Returns:
        `input_ids`, `attention_mask` and `position_ids`: (n, longest) int64.
    """
    width = max(map(len, rows))
    ids = torch.full((len(rows), width), fill, dtype=torch.long)
    mask = torch.zeros_like(ids)
    for number, row in enumerate(rows):
        place = slice(width - len(row), width) if side == "left" else slice(len(row))
        ids[number, place] = torch.tensor(row, dtype=torch.long)
        mask[number, place] = 1
    positions = (mask.cumsum(1) - 1).clamp(min=0)
    batch = {"input_ids": ids, "attention_mask": mask, "position_ids": positions}
    return {name: tensor.to(device) for name, tensor in batch.items()}
