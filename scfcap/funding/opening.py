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
from scfcap.funding.provisions import opening_provisions
from scfcap.pool.snapshot import Pool
from scfcap.schema.model import Model

#: What stated principal may differ by from the tape's, share of it; at least a currency unit.
ROUNDING = 1e-6


def opening_liabilities(inputs: Inputs) -> dict[str, float]:
    """Debt, notes, accrued coupons, P2P, provisions and tax at ``as_of`` [money units]."""
    states = [d.state for d in inputs.deals if d.state is not None]
    found = {
        "bank debt": sum(float(x.open_balance[0]) for x in inputs.lenders),
        "notes": sum(float(s.notes.sum()) for s in states),
        "accrued coupons": sum(float(s.accrued.sum()) for s in states),
        "P2P notes": 0.0 if inputs.p2p is None else float(inputs.p2p.open_balance[0]),
    }
    if inputs.provisions is not None:
        found["provisions"] = opening_provisions(inputs)
    if inputs.spec.tax is not None:
        found["tax payable"] = inputs.spec.tax.payable / inputs.unit
    return found


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
    found = {
        "own loans": by_channel[OWN],
        "loans of the vehicle": by_channel[SECURITIZATION],
        "cash of the vehicle": sum(float(s.cash + s.reserve) for s in states),
    }
    if inputs.older_recoveries is not None:
        found["recoveries expected"] = float(inputs.older_recoveries.sum())
    return found


def check_holders(spec: Model, pool: Pool) -> None:
    """Principal that ``opening.holders`` states by holder is the tape's.

    Raises:
        InputError: a holder whose loans on the tape differ by more than rounding.
    """
    held = np.bincount(pool.place, pool.balance, minlength=len(pool.places))
    on_tape = dict(zip(pool.places, map(float, held), strict=True))
    problems = []
    for name, stated in spec.opening.holders.items():
        found = on_tape.get(name, 0.0)
        if abs(found - stated) > max(1.0, ROUNDING * stated):
            problems.append(
                Problem(
                    f"model.toml: opening.holders.{name}",
                    f"{spec.currency} {stated:,.2f}, while the tape's loans of that holder are "
                    f"{spec.currency} {found:,.2f}",
                    "the same principal in both, within rounding",
                    "Correct the tape's channel column, or what is stated; holders on the tape: "
                    f"{', '.join(sorted(on_tape))}.",
                )
            )
    if problems:
        raise InputError(problems)


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
    if cash < 0.0:
        raise InputError(_short_of(inputs, difference, cash, capital))
    if capital <= 0.0:
        raise InputError(_untied(inputs, difference, cash, capital))
    return replace(inputs, cash=cash, net_capital=capital)


def _sum(inputs: Inputs, difference: float) -> str:
    """The balance sheet without cash and capital, in words."""
    plus = " + ".join(f"{name} {value:,.3f}" for name, value in opening_assets(inputs).items())
    minus = [f"{name} {value:,.3f}" for name, value in opening_liabilities(inputs).items()]
    return f"{' - '.join([plus, *minus])} = {difference:,.3f}"


def _scale(inputs: Inputs) -> str:
    scaled = ", scaled to the tape" if inputs.spec.stated_for_book else ""
    return f"(in {inputs.spec.currency} {inputs.unit:,.0f}{scaled})"


def _short_of(inputs: Inputs, difference: float, cash: float, capital: float) -> Problem:
    return Problem(
        "model.toml: opening.net_capital",
        f"{capital:,.3f}, which leaves cash of {cash:,.3f}: {_sum(inputs, difference)} "
        f"{_scale(inputs)}",
        f"at least {difference:,.3f}",
        "Raise it, or state the debts that fund the loans as well: draws of lenders, series of "
        "the securitization, outstanding P2P notes.",
    )


def _untied(inputs: Inputs, difference: float, cash: float, capital: float) -> Problem:
    return Problem(
        "model.toml: opening",
        f"net capital {capital:,.3f} and cash {cash:,.3f}, while {_sum(inputs, difference)} "
        f"{_scale(inputs)}",
        "net capital = loans + cash - debts, both above zero",
        "Leave out opening.cash or opening.net_capital to have it derived, or correct the tape's "
        "channel column or the debts.",
    )
