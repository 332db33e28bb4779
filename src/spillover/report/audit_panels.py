"""What an audit of a paper's Table 3 found, as a table."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from spillover.audit import CELL, JUDGED, VERDICTS, Agreement
from spillover.report.panel import GAP, Panel

if TYPE_CHECKING:
    import pandas as pd

SHORT = {
    Agreement.AGREES: "agrees",
    Agreement.ROUNDING: "rounding",
    Agreement.IMPOSSIBLE: "cannot",
    Agreement.POSSIBLE: "possible",
    Agreement.OTHERS: "others",
    Agreement.UNKNOWN: "unknown",
}


NOTES = (
    "ρ (p by t) [exact permutation p]",
    "r: Pearson's",
    "n of p: languages for which, by t, this p goes with this ρ",
    "beside a verdict: the nearest number that can be had",
)


def audit_panels(frame: pd.DataFrame) -> list[Panel]:
    """What `audit` found, in print: one panel a paper, its rows those of the frame."""
    panels = []
    for paper, part in frame.groupby("paper", sort=False):
        values = part.drop(columns="paper").set_index(list(CELL))
        cells = values.apply(_cells, axis=1, result_type="expand")
        said = {verdict for name in VERDICTS for verdict in values[name]}
        legend = [f"{SHORT[v]}: {v}" for v in Agreement if v in said and SHORT[v] != v]
        note = "; ".join([*NOTES, *legend])
        keys = {"paper": paper}
        panels.append(Panel("Table 3 recomputed", keys, values, cells, note))
    return panels


def _cells(row: pd.Series[Any]) -> dict[tuple[str, str], str]:
    def number(name: str, places: int = 3) -> str:
        return GAP if math.isnan(row[name]) else f"{row[name]:z.{places}f}"

    def several(pattern: str, *names: str) -> str:
        shown = [number(name) for name in names]
        return GAP if shown[0] == GAP else pattern.format(*shown)

    def verdict(name: str) -> str:
        found = SHORT.get(row[f"{name}_verdict"], GAP)
        nearest = number(f"{name}_nearest")
        plain = GAP, SHORT[Agreement.AGREES], SHORT[Agreement.OTHERS]
        alone = nearest == GAP or found in plain
        return found if alone else f"{found} ({nearest})"

    places = int(row["decimals"])
    return {
        ("paper", "ρ (p)"): f"{number('value', places)} ({number('p', places)})",
        ("paper", "n"): str(row["n"]),
        ("paper", "n of p"): row["n_of_p"] or GAP,
        ("tables", "ρ"): several("{} ({}) [{}]", "spearman", "p_t", "p_exact"),
        ("tables", "r"): several("{} ({})", "pearson", "p_pearson"),
        **{("verdict on", shown): verdict(name) for name, shown in JUDGED.items()},
    }
