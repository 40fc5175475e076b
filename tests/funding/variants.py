"""Variants of the small platform, written as dotted changes of its model."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from scfcap.axes import OWN
from scfcap.pool.snapshot import Pool
from scfcap.schema.regime import Regime
from scfcap.testing.platform import edited

from .small_platform import LAW, small_pool

__all__ = ["BARE", "UNIT", "edited", "law", "own_pool"]

#: One unit of the program [currency].
UNIT = 1e6


def law(**changes: Any) -> Regime:
    """The test law with fields replaced; what is closed and the share of one borrower in short."""
    closed = changes.pop("closed_channels", None)
    if closed is not None:
        changes["closed"] = [{"channels": closed, "source": "own"}]
    if "single_borrower" in changes:
        changes["single_borrower"] = {"share": changes["single_borrower"], "source": "own"}
    return Regime.model_validate({**LAW.model_dump(), **changes})


def own_pool(pool: Pool | None = None) -> Pool:
    """All loans on the own book."""
    pool = small_pool() if pool is None else pool
    return replace(pool, places=(OWN,), place=np.zeros(len(pool), dtype=np.int64))


#: No vehicle, buyer, P2P note or share limit: own funds and what a test adds.
BARE: dict[str, Any] = {"buyers": [], "securitization": None, "p2p": None, "concentration": []}
