"""What docs/report.md says that a correlation over few languages can show."""

from __future__ import annotations

import re
from itertools import permutations
from pathlib import Path

import numpy as np
import pytest

PAGE = Path(__file__).parents[2] / "docs" / "report.md"
ROWS = re.findall(
    r"^\| (\d) \| ([\d.]+) \| ([\d.]+|none) \|$", PAGE.read_text("utf-8"), re.M
)


def all_orders(n):
    """|ρ| of every order of n languages with one order of theirs."""
    orders = np.array([*permutations(range(n))])
    squares = ((orders - np.arange(n)) ** 2).sum(axis=1)
    return np.abs(1 - 6 * squares / (n**3 - n)).round(9)


def test_the_table_has_a_row_for_each_number_of_languages():
    assert [int(n) for n, *_ in ROWS] == [*range(3, 10)]


@pytest.mark.parametrize(("n", "smallest", "needed"), ROWS)
def test_all_orders_are_counted(n, smallest, needed):
    found = all_orders(int(n))
    assert float(f"{(found >= 1).mean():.2g}") == pytest.approx(
        float(smallest), rel=0.1
    )
    enough = [rho for rho in np.unique(found) if (found >= rho).mean() < 0.05]
    assert (f"{min(enough):.2f}" if enough else "none") == needed


def test_five_languages_rarely_show_what_is_there():
    assert (all_orders(5) >= 0.9).mean() == pytest.approx(0.083, abs=0.001)
    random = np.random.default_rng(0)
    for true, share in ((0.7, 0.09), (0.9, 0.24)):
        x, noise = random.normal(size=(2, 100_000, 5))
        y = true * x + np.sqrt(1 - true**2) * noise
        one, other = (side.argsort().argsort() for side in (x, y))
        perfect = (one == other).all(axis=1) | (one == 4 - other).all(axis=1)
        assert perfect.mean() == pytest.approx(share, abs=0.01)
