"""The payments of one contract by dates, day by day, as its explanation shows them."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pandas as pd

from scfcap.axes import DAY_COUNTS, PAYMENT_STEPS
from scfcap.cashflow.contract_flows import (
    FEES,
    INTEREST,
    LAST_FEES,
    LAST_INTEREST,
    LAST_OWED,
    PRINCIPAL,
    clock,
    contract_flows,
)
from scfcap.cashflow.dated import LONGEST_MOVE, dated_tables
from scfcap.cashflow.loans import LoanArrays
from scfcap.credit.curves import CurveSet
from scfcap.periods import PeriodGrid
from scfcap.pool.payment_days import ONCE
from scfcap.pool.terms import DatedTerms

#: Payments of a period that are listed one by one.
_LISTED = 6


def payments(loan: LoanArrays, curves: CurveSet) -> pd.DataFrame:
    """What the contract of one loan asks on each day, over the grid of ``curves``.

    Columns: offset from ``as_of`` [days], interest, principal, fees [currency]. Rates follow the
    indices of the first scenario.
    """
    grid = PeriodGrid.build(curves.grid.as_of, int(curves.grid.days[-1]), "day")
    time = clock(grid, int(loan.maturity_day.max()) + LONGEST_MOVE)
    flows = contract_flows(loan, time, 0, dated_tables(loan, curves))
    found = flows.due[0][:, [INTEREST, PRINCIPAL, FEES]].copy()
    for period, last in zip(flows.bin_period, flows.last, strict=True):
        found[period] += last[[LAST_INTEREST, LAST_OWED, LAST_FEES]]
    days = np.flatnonzero((found != 0.0).any(axis=1))
    frame = pd.DataFrame(found[days], columns=["interest", "principal", "fees"])
    frame.insert(0, "offset", days + 1)
    return frame


def said(paid: pd.DataFrame, figure: str, as_of: date, days: tuple[int, int]) -> str:
    """The amounts of ``figure`` that fall due after the first of ``days`` and up to the second."""
    inside = (paid["offset"] > days[0]) & (paid["offset"] <= days[1]) & (paid[figure] != 0.0)
    rows = paid[inside]
    if len(rows) > _LISTED:
        first, last = (as_of + timedelta(int(rows["offset"].iloc[k])) for k in (0, -1))
        return f"{rows[figure].sum():,.4f} in {len(rows)} payments from {first} to {last}"
    texts = [
        f"{amount:,.4f} on {as_of + timedelta(int(day))}"
        for day, amount in zip(rows["offset"], rows[figure], strict=True)
    ]
    return " + ".join(texts) or "0"


def told(terms: DatedTerms, as_of: date) -> list[tuple[str, str, str]]:
    """The terms of the first contract of ``terms``: figure, value, meaning."""

    def day(offset: int) -> str:
        return (as_of + timedelta(min(offset, 999_999))).isoformat()

    months, days = int(terms.every_months[0]), int(terms.every_days[0])
    if not (months or days):
        return []
    names = {step: name for name, step in PAYMENT_STEPS.items()}
    every = "at maturity" if months == ONCE else names.get((months, days), f"{months} months")
    calendar = int(terms.calendar[0])
    rows = [
        ("payment_every", every, "the last payment is at the maturity"),
        ("next_payment", day(int(terms.next_day[0])), "before it moves to a business day"),
        ("interest_from", day(int(terms.from_day[0])), "unpaid since"),
        ("day_count", DAY_COUNTS[int(terms.day_count[0])], "how days make a share of a year"),
    ]
    if calendar >= 0:
        name, convention = terms.calendars[calendar]
        rows.append(("calendar", name, convention.replace("_", " ")))
    if terms.grace[0]:
        rows.append(("grace_payments", f"{int(terms.grace[0])}", "payments of interest alone"))
    if terms.fee[0]:
        rows.append(("payment_fee", f"{float(terms.fee[0]):,.4f}", "with each payment"))
    if terms.index[0] >= 0:
        margin = f"{terms.indices[int(terms.index[0])]} + {float(terms.margin[0]):.6g}"
        within = f"not below {float(terms.floor[0]):.6g} nor above {float(terms.cap[0]):.6g}"
        rows.append(("rate_index", margin, within))
        reset = f"then every {int(terms.reset_months[0])} months"
        rows.append(("next_reset", day(int(terms.next_reset_day[0])), reset))
    return rows
