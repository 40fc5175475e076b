from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest

from scfcap.deal.accounts import SeriesFlows, SeriesState
from scfcap.periods import PeriodGrid
from scfcap.schema.securitization import SecuritizationSpec

AS_OF = date(2013, 12, 31)


def make_terms(**changes: Any) -> SecuritizationSpec:
    """75/15/10 with round numbers; every field may be changed."""
    fields: dict[str, Any] = {
        "tranches": (
            {"name": "senior", "share": 0.75, "coupon": 0.06},
            {"name": "mezzanine", "share": 0.15, "coupon": 0.12},
            {"name": "junior", "share": 0.10, "retained": True},
        ),
        "revolving_periods": 3,
        "amortising_periods": 3,
        "trigger": {"measure": "cumulative_default", "threshold": 0.10},
        "eligibility": "vehicle",
        "programme_limit": 0.0,
    }
    return SecuritizationSpec.model_validate(fields | changes)


def make_state(**changes: Any) -> SeriesState:
    """An outstanding series of 1000: 750 senior, 150 mezzanine, revolving to period 3."""
    fields: dict[str, Any] = {
        "name": "series-1",
        "closing_period": 0,
        "last_revolving": 3,
        "notes": np.array([750.0, 150.0]),
        "accrued": np.zeros(2),
        "cash": 0.0,
        "reserve": 0.0,
        "pool": 1000.0,
        "pool_at_closing": 1000.0,
        "cumulative_default": 0.0,
        "reserve_target": 0.0,
    }
    return SeriesState(**(fields | changes))


def make_flows(
    pool: float,
    rows: list[tuple[float, float, float, float, float]],
    scenarios: tuple[str, ...] = ("base",),
) -> SeriesFlows:
    """One scenario from rows (interest, principal, recovery, default, purchases)."""
    columns = np.array(rows, dtype=np.float64).T[:, None, :]
    interest, principal, recovery, default, purchases = columns
    change = np.cumsum(purchases - principal - default, axis=1)
    balance = pool + np.concatenate([np.zeros((1, 1)), change], axis=1)
    return SeriesFlows(interest, principal, recovery, default, purchases, balance, scenarios)


def monthly(periods: int) -> PeriodGrid:
    return PeriodGrid.build(AS_OF, periods)


@pytest.fixture
def terms() -> Callable[..., SecuritizationSpec]:
    return make_terms


@pytest.fixture
def state() -> Callable[..., SeriesState]:
    return make_state


@pytest.fixture
def flows() -> Callable[..., SeriesFlows]:
    return make_flows


@pytest.fixture
def grid() -> Callable[[int], PeriodGrid]:
    return monthly
