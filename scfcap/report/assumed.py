"""What a projection takes for granted of loans of which it may not hold."""

from __future__ import annotations

import numpy as np

from scfcap.axes import EQUAL_PRINCIPAL, LEVEL_PAYMENT
from scfcap.cashflow.loans import HAS_DEFAULTED
from scfcap.cashflow.project import opening_loans
from scfcap.credit.curves import CurveSet
from scfcap.periods import Frequency
from scfcap.pool.snapshot import Pool
from scfcap.quantities import IntArray

#: Share of what performs that must be concerned to be worth a word.
_LITTLE = 0.01


def cautions(pool: Pool, curves: CurveSet, planned: Frequency, currency: str) -> list[str]:
    """What the periods and the order of events of ``curves`` do to loans they do not suit.

    ``planned`` is the frequency of the plan.
    """
    return [*_instalments(pool, curves, planned), *_too_short_to_default(pool, curves, currency)]


def _instalments(pool: Pool, curves: CurveSet, planned: Frequency) -> list[str]:
    """Instalments without dates, which follow the periods of the projection."""
    frequency = curves.grid.frequency
    if frequency == planned:
        return []
    kind = np.isin(pool.loan_type, (LEVEL_PAYMENT, EQUAL_PRINCIPAL))
    running = kind & (pool.maturity_day > 0) & (pool.balance > 0.0)
    if pool.terms is not None:
        running &= ~pool.terms.dated
    names = _names(pool, pool.segment[running])
    if not names:
        return []
    action = " and ".join(f'contract.{name}.payment_every = "{planned}"' for name in names)
    return [
        f"Caution: instalments of {', '.join(names)} have no dates, so they are paid every "
        f"{frequency}, not every {planned} as in the plan: less is owed in between, so that less "
        f"interest is earned and less defaults. Set {action}."
    ]


def _too_short_to_default(pool: Pool, curves: CurveSet, currency: str) -> list[str]:
    """Loans that, advanced by the servicer in the order ``bma``, are spared for being short."""
    if curves.order != "bma" or not curves.servicer_advances:
        return []
    loans = opening_loans(pool, curves, pool.segment)
    performs = (loans.bucket != HAS_DEFAULTED) & (loans.balance > 0.0)
    lag = np.array([int(np.flatnonzero(share)[-1]) for share in curves.recovery_share])
    wait = np.where(curves.has_roll_rates, 0, lag)[loans.curve]
    days = curves.grid.extended(len(curves.grid) + int(lag.max(initial=0))).days
    spared = performs & (np.searchsorted(days, loans.maturity_day) <= wait)
    amount, whole = (float(loans.balance.sum(where=rows)) for rows in (spared, performs))
    if amount <= _LITTLE * whole:
        return []
    names = _names(pool, loans.group[spared])
    return [
        f"Caution: {amount:,.2f} of the {whole:,.2f} {currency} that performs is repaid within the "
        f"recovery lag ({', '.join(names)}) and never defaults, longer loans not in their last "
        'periods: with servicer_advances the order "bma" takes no default that would be '
        "liquidated after the last payment. It is made for long loans: set "
        "projection.servicer_advances = false."
    ]


def _names(pool: Pool, segment: IntArray) -> list[str]:
    return [pool.segments[s] for s in np.unique(segment)]
