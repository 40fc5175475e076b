"""Single loans drawn from a projection: by contract until an end, and on average the projection."""

from __future__ import annotations

import numpy as np
import pytest

from scfcap.cashflow.flows import Flows
from scfcap.funding.allocation.daily_loans import fates

LOANS, DAYS = 4_000, 30
FAILS, LEAVES = 0.004, 0.02


def projected() -> Flows:
    """Each loan alike: a thirtieth of what was lent is due each day, rates of ends constant."""
    opening = np.zeros((LOANS, DAYS))
    default, scheduled, prepaid = (np.zeros_like(opening) for _ in range(3))
    stands = np.full(LOANS, 300.0)
    for t in range(DAYS):
        opening[:, t] = stands
        default[:, t] = FAILS * stands
        scheduled[:, t] = (stands - default[:, t]) / (DAYS - t)
        prepaid[:, t] = LEAVES * (stands - default[:, t] - scheduled[:, t])
        stands = stands - default[:, t] - scheduled[:, t] - prepaid[:, t]
    none = np.zeros_like(opening)[None]
    closing = opening - default - scheduled - prepaid
    return Flows(
        opening=opening[None],
        originated=none[0],
        default=default[None],
        interest=none,
        scheduled=scheduled[None],
        prepaid=prepaid[None],
        recovery=none,
        loss=none,
        receivable=none,
        closing=closing[None],
        struck=none,
    )


def test_a_loan_follows_its_contract_until_it_ends() -> None:
    balance = fates(projected(), np.random.Generator(np.random.Philox(1)))
    contract = 300.0 * (1.0 - np.arange(DAYS + 1) / DAYS)
    stands = balance > 0.0
    assert balance[stands] == pytest.approx(np.broadcast_to(contract, balance.shape)[stands])
    assert (np.diff(stands.astype(int), axis=1) <= 0).all()


def test_the_mean_of_many_draws_is_the_projection() -> None:
    """Within four standard errors of the binomial share that stands, each day."""
    flows = projected()
    mean = fates(flows, np.random.Generator(np.random.Philox(1)))[:, 1:].mean(axis=0)
    contract = 300.0 * (1.0 - np.arange(1, DAYS + 1) / DAYS)
    share = ((1.0 - FAILS) * (1.0 - LEAVES)) ** np.arange(1, DAYS + 1)
    assert flows.closing[0, 0] == pytest.approx(contract * share)
    error = contract * np.sqrt(share * (1.0 - share) / LOANS)
    assert (np.abs(mean - flows.closing[0, 0]) <= 4.0 * error + 1e-9).all()
