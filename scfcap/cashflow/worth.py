"""What a pool yields at a price, by scenario: the bond market's measures of a projection."""

from __future__ import annotations

import numpy as np
import pandas as pd

from scfcap.cashflow.project import PoolCashflow
from scfcap.cashflow.yields import measures, payment_times

#: Units of :func:`worth`; the price is in currency.
UNITS = {
    "bond_equivalent_yield": "1/year",
    "mortgage_yield": "1/year",
    "average_life": "years",
    "modified_duration": "years",
    "convexity": "years^2",
}


def worth(cashflow: PoolCashflow, *, price: float = 1.0, at_end: float = 1.0) -> pd.DataFrame:
    """Yield, life, duration and convexity of the whole pool, bought at ``as_of``.

    ``price`` is the share of the opening balance that is paid for it, accrued interest included.
    Cash comes at period ends, before any cost of servicing; what still stands at the end of the
    grid is taken to sell for ``at_end`` of its balance, and counts as principal there. What is
    still to be recovered then counts for nothing.

    One row a scenario: ``price`` [currency], and the columns of :data:`UNITS`; NaN where nothing
    is paid, or where a period takes back more than it brings.
    """
    flows = cashflow.flows
    cash = flows.collections.sum(axis=1)
    principal = (flows.scheduled + flows.prepaid).sum(axis=1)
    left = at_end * flows.closing[:, :, -1].sum(axis=1)
    cash[:, -1] += left
    principal[:, -1] += left
    cash = np.where((cash < 0.0).any(axis=1, keepdims=True), 0.0, cash)
    paid = price * flows.opening[:, :, 0].sum(axis=1)
    times = payment_times(cashflow.grid.year_fractions)
    found = measures(principal, cash - principal, times, price=paid)
    return pd.DataFrame(
        {
            "scenario": list(cashflow.scenarios),
            "price": paid,
            "bond_equivalent_yield": found.bond_equivalent,
            "mortgage_yield": found.mortgage,
            "average_life": np.where(np.isnan(found.rate), np.nan, found.average_life),
            "modified_duration": found.modified,
            "convexity": found.convexity,
        }
    )
