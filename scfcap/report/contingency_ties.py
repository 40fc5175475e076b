"""Totals of contingencies that must agree."""

from __future__ import annotations

from collections.abc import Iterator

import pandas as pd

from scfcap.quantities import HALF_CENT
from scfcap.report.tie import Side, Term, Tie


def contingency_ties(frames: dict[str, pd.DataFrame]) -> Iterator[Tie]:
    """What shocks cost: what they cost even if foreseen, and what not knowing costs."""
    frame = frames.get("plan_contingency")
    if frame is None:
        return
    yield Tie(
        "What shocks cost: foreseen, and for not being foreseen",
        Side("costs answered", float(frame["cost"].sum()), (Term("contingency.cost"),)),
        Side(
            "costs if foreseen, and the rest",
            float((frame["cost_shock"] + frame["cost_late"]).sum()),
            (Term("contingency.shock"), Term("contingency.late")),
        ),
        HALF_CENT * max(1, len(frame)),
    )
