"""What must be zero in a live waterfall: the engine's figures, and where formulas show them."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from scfcap.report.tie import Tie, nothing


def waterfall_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    """Cash that came in is paid out or kept, and classes roll forward, deal by deal."""
    found = frames.get("waterfall_figures")
    if found is None:
        return
    for deal, part in found.groupby("deal", sort=False):
        size = float(part["value"].abs().max())
        gap = part[part["figure"] == "gap"]["value"]
        name = f"Waterfall {deal}: cash in is cash out"
        yield nothing(name, gap, [f"waterfall.{deal}.gap"], size)
        rolls = part[part["figure"] == "roll"]
        keys = [f"waterfall.{deal}.roll.{each}" for each in rolls["name"].unique()]
        name = f"Waterfall {deal}: classes roll forward"
        yield nothing(name, rolls["value"], keys, size)
