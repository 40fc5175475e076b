"""Pools, curves and published tables for the tests of the projection."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from scfcap.credit.curves import CurveSet, build_curves
from scfcap.periods import Frequency, PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

AS_OF = date(2013, 12, 31)


@pytest.fixture(scope="session")
def make_curves() -> Callable[..., CurveSet]:
    """Curves by segment; base scenario only unless stated."""

    def make(
        periods: int = 24,
        frequency: Frequency = "month",
        scenarios: dict[str, Scenario] | None = None,
        **segments: SegmentCredit,
    ) -> CurveSet:
        grid = PeriodGrid.build(AS_OF, periods, frequency)
        return build_curves(tuple(segments), segments, scenarios or {"base": Scenario()}, grid)

    return make


@pytest.fixture(scope="session")
def make_pool() -> Callable[..., Pool]:
    """A pool from columns; what is not stated is plain."""

    def make(segments: tuple[str, ...] = ("a",), **columns: Any) -> Pool:
        balance = np.array(columns["balance"], dtype=np.float64)
        count = len(balance)

        def column(name: str, default: float, kind: type) -> Any:
            values = np.asarray(columns.get(name, default), dtype=kind)
            return np.broadcast_to(values, (count,)).copy()

        return Pool(
            as_of=AS_OF,
            loan_id=np.arange(count).astype(str).astype(object),
            segments=segments,
            segment=column("segment", 0, np.int64),
            places=columns.get("places", ("own_capital", "securitization:series-1")),
            place=column("place", 0, np.int64),
            loan_type=column("loan_type", 0, np.int64),
            balance=balance,
            original_balance=np.array(columns.get("original_balance", balance), dtype=np.float64),
            rate=column("rate", 0.12, np.float64),
            origination_day=column("origination_day", 0, np.int64),
            maturity_day=column("maturity_day", 365, np.int64),
            days_past_due=column("days_past_due", 0, np.int64),
            eligibility={},
            tables={},
            digest="",
        )

    return make
