"""The balance sheet at ``as_of``: what it holds, and that it ties."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scfcap.axes import (
    OWN,
    SECURITIZATION,
    channel_of,
)
from scfcap.errors import InputError, Problem
from scfcap.funding.inputs import Inputs


def opening_liabilities(inputs: Inputs) -> dict[str, float]:
    """Debt, notes, accrued coupons and P2P at ``as_of`` [money units]."""
    states = [d.state for d in inputs.deals if d.state is not None]
    return {
        "bank debt": sum(float(x.open_balance[0]) for x in inputs.lenders),
        "notes": sum(float(s.notes.sum()) for s in states),
        "accrued coupons": sum(float(s.accrued.sum()) for s in states),
        "P2P notes": 0.0 if inputs.p2p is None else float(inputs.p2p.open_balance[0]),
    }


def opening_assets(inputs: Inputs) -> dict[str, float]:
    """Loans and restricted cash at ``as_of``, free cash left out [money units]."""
    cohorts = inputs.cohorts
    opening = cohorts.vintage <= 0
    by_channel = {OWN: 0.0, SECURITIZATION: 0.0}
    for j in np.flatnonzero(opening):
        channel = channel_of(cohorts.origin[int(j)])
        if channel in by_channel:
            by_channel[channel] += float(cohorts.amount[j])
    states = [d.state for d in inputs.deals if d.state is not None]
    return {
        "own loans": by_channel[OWN],
        "loans of the vehicle": by_channel[SECURITIZATION],
        "cash of the vehicle": sum(float(s.cash + s.reserve) for s in states),
    }


def opening_balance(inputs: Inputs) -> Inputs:
    """Derive free cash or net capital from the balance sheet, or check that both tie."""
    opening = inputs.spec.opening
    difference = sum(opening_assets(inputs).values()) - sum(opening_liabilities(inputs).values())
    unit = inputs.unit
    if opening.cash is None:
        assert opening.net_capital is not None
        capital = opening.net_capital / unit
        cash = capital - difference
    elif opening.net_capital is None:
        cash = opening.cash / unit
        capital = cash + difference
    else:
        cash, capital = opening.cash / unit, opening.net_capital / unit
        if abs(difference + cash - capital) > 1e-6 * max(1.0, capital):
            raise InputError(_untied(inputs, difference, cash, capital))
    if cash < 0.0 or capital <= 0.0:
        raise InputError(_untied(inputs, difference, cash, capital))
    return replace(inputs, cash=cash, net_capital=capital)


def _untied(inputs: Inputs, difference: float, cash: float, capital: float) -> Problem:
    parts = {**opening_assets(inputs)}
    owed = opening_liabilities(inputs)
    text = " + ".join(f"{name} {value:,.3f}" for name, value in parts.items())
    minus = " - ".join(f"{name} {value:,.3f}" for name, value in owed.items())
    currency = f"{inputs.spec.currency} {inputs.unit:,.0f}"
    return Problem(
        "model.toml: opening",
        f"net capital {capital:,.3f} and cash {cash:,.3f}, while {text} - {minus} = "
        f"{difference:,.3f} (in {currency})",
        "net capital = loans + cash - debts, both above zero",
        "Leave out opening.cash or opening.net_capital to have it derived, or correct the tape's "
        "channel column or the debts.",
    )
