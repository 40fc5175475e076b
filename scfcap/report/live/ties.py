"""What must be zero in a live waterfall: the engine's figures, and where formulas show them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from scfcap.quantities import ENGINE_TOLERANCE, HALF_CENT
from scfcap.report.ties import Side, Term, Tie


def waterfall_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    """Cash that came in is paid out or kept, and classes roll forward, deal by deal."""
    found = frames.get("waterfall_figures")
    if found is None:
        return
    for deal, part in found.groupby("deal", sort=False):
        size = float(part["value"].abs().max())
        gap = part[part["figure"] == "gap"]["value"]
        name = f"Waterfall {deal}: cash in is cash out"
        yield _nothing(name, gap, (Term(f"waterfall.{deal}.gap", "absolute"),), size)
        rolls = part[part["figure"] == "roll"]
        terms = tuple(
            Term(f"waterfall.{deal}.roll.{each}", "absolute") for each in rolls["name"].unique()
        )
        name = f"Waterfall {deal}: classes roll forward"
        yield _nothing(name, rolls["value"], terms, size)


def _nothing(name: str, gaps: pd.Series, terms: tuple[Term, ...], size: float) -> Tie:
    """Differences that must all be zero, without the noise below a hundredth of a cent."""
    off = float(gaps.round(4).abs().sum())
    left = Side("sum of the differences", off, terms)
    return Tie(name, left, Side("nothing", 0.0), max(HALF_CENT, ENGINE_TOLERANCE * size))
