"""What the funding that a deal raises costs, all in.

Seen from the originator and its vehicle as one: what others pay for notes at closing comes in;
what goes out is all that others are paid later, and cash that is set aside, until it comes back.
The rate at which this is worth nothing is the cost of the cash that is free to use, and so counts
negative carry: the part of the proceeds that a reserve keeps bears the coupon and earns little.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd

from scfcap.cashflow.returns import xirr
from scfcap.deal.outcome import DealRun
from scfcap.errors import InputError
from scfcap.quantities import FloatArray


@dataclass(frozen=True)
class CostOfFunds:
    """The cost of funds [1/year, effective] as its parts are added one after the other.

    ``parts``: name and rate once the part is in; a rate is NaN where none exists, and ``why`` says
    so. ``dates`` and ``flows`` [currency] with all parts, received positive.
    """

    parts: tuple[tuple[str, float], ...]
    why: str
    dates: tuple[date, ...]
    flows: FloatArray

    @property
    def rate(self) -> float:
        """All in."""
        return self.parts[-1][1]

    def to_frame(self) -> pd.DataFrame:
        """One row a part: the rate with it [1/year], and what it adds."""
        rates = np.array([rate for _, rate in self.parts])
        return pd.DataFrame(
            {
                "part": [name for name, _ in self.parts],
                "rate": rates,
                "adds": np.diff(rates, prepend=0.0),
            }
        )


def cost_of_funds(run: DealRun, row: int = 0) -> CostOfFunds:
    """The cost in row ``row`` of a run from its closing.

    Sold is what the originator does not retain. Fees to the originator's group are no cost. Losses
    that notes bear make funds cheaper: take a scenario in which they are paid.
    """
    spec, calendar = run.deal.spec, run.deal.calendar
    sold = np.array([1.0 - each.retained for each in spec.tranches.values()])
    price = np.array([each.issue_price for each in spec.tranches.values()])
    raised = float((run.original[:, row] * price) @ sold)
    paid = run.of("interest_paid") + run.of("principal") + run.of("residual")
    others = np.array([not fee.to_originator for fee in spec.fees.values()], dtype=np.float64)
    fees = run.fee_paid[:, :, row] @ others
    hedges = run.of("hedge_paid") - run.of("hedge_received")
    lines = run.of("line_paid") - run.of("line_drawn")
    held = run.cash[:, :, row].sum(axis=1)
    set_aside = np.diff(held, prepend=float(run.closing.accounts[row]))
    steps = (
        ("notes sold", raised, -(sold @ paid[row])),
        ("costs at closing", -float(run.closing.costs[row]), 0.0),
        ("fees", 0.0, -fees),
        ("hedges and lines", float(run.closing.lines[row]), -(hedges + lines)[row]),
        (
            "cash set aside",
            -float(run.closing.accounts[row]),
            run.of("cash_yield")[row] - set_aside,
        ),
    )
    dates = (calendar.start, *calendar.dates)
    flows, parts, why = np.zeros(len(dates)), [], ""
    for name, first, later in steps:
        flows[0] += first
        flows[1:] += later
        try:
            rate = xirr(np.array(dates, dtype="datetime64[D]"), flows)
        except InputError as error:
            rate, why = float("nan"), str(error.problems[0])
        parts.append((name, rate))
    return CostOfFunds(tuple(parts), why if np.isnan(parts[-1][1]) else "", dates, flows)
