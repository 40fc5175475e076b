"""The same loans by the day, week and month: where figures agree, and by how much they do not.

Witness: defaults added up in plain Python from what is owed at the start of each period, on which
the hazard of the period's days acts; on a day nothing is paid but at its end.
"""

from __future__ import annotations

import math
from dataclasses import replace
from datetime import date
from itertools import pairwise

import numpy as np
import pytest

from scfcap.axes import BULLET, EQUAL_PRINCIPAL, INTEREST_ONLY_BULLET, LEVEL_PAYMENT, ORDER
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.project import project
from scfcap.periods import Frequency, PeriodGrid
from scfcap.pool.terms import new_terms
from scfcap.schema.contract import ContractSpec
from scfcap.schema.credit import SegmentCredit

GRIDS = {"month": 14, "week": 60, "day": 420}
LIFETIME = SegmentCredit(lifetime_default=0.025, severity=0.75, recovery_lag=2)
#: Days from 2013-12-31: the end of 2014, and the middle of each month up to 2014-12-16.
YEAR, MIDDLE = 365, (16, 47, 75, 106, 136, 167, 197, 228, 259, 289, 320, 350)


@pytest.fixture(scope="module")
def run(make_pool, make_curves):
    def make(frequency, kind, maturity, contract=None, credit=LIFETIME) -> Flows:
        pool = make_pool(balance=[1000.0], loan_type=kind, maturity_day=maturity, rate=0.12)
        days = (np.zeros(1, dtype=np.int64), pool.maturity_day)
        lent = pool.original_balance
        terms = new_terms(contract, pool.as_of, pool.loan_type, days=days, lent=lent)
        curves = make_curves(GRIDS[frequency], frequency, a=credit)
        return project(replace(pool, terms=terms), curves).flows

    return make


def _ends(frequency: Frequency) -> list[int]:
    grid = PeriodGrid.build(date(2013, 12, 31), GRIDS[frequency], frequency)
    return [int(day) for day in grid.days]


def _defaults(ends: list[int], paid: dict[int, float], maturity: int, lifetime: float) -> float:
    """What of 1000 defaults that is paid off on days by the amounts ``paid``."""
    hazard = -math.log(1.0 - lifetime) / maturity
    total, alive, owed = 0.0, 1.0, 1000.0
    for begin, end in pairwise(ends):
        if begin >= maturity:
            break
        gone = 1.0 - math.exp(-hazard * (min(end, maturity) - begin))
        total += alive * gone * owed
        alive *= 1.0 - gone
        owed -= sum(amount for day, amount in paid.items() if begin < day <= end)
    return total


@pytest.mark.parametrize("kind", [INTEREST_ONLY_BULLET, BULLET, ORDER])
@pytest.mark.parametrize("maturity", [17, 100, 365])
def test_what_is_repaid_at_once_defaults_alike(run, kind, maturity):
    """No balance falls inside a period, so a lifetime's share is met on any grid."""
    for frequency in GRIDS:
        assert run(frequency, kind, maturity).default.sum() == pytest.approx(25.0, rel=1e-12)


def test_a_year_of_a_yearly_rate_is_the_same_on_any_grid_of_whole_periods(run):
    yearly = SegmentCredit(cdr=0.1, severity=0.5)
    for frequency in ("month", "day"):
        found = run(frequency, INTEREST_ONLY_BULLET, YEAR, credit=yearly)
        assert found.default.sum() == pytest.approx(100.0, rel=1e-12)


@pytest.mark.parametrize("kind", [EQUAL_PRINCIPAL, LEVEL_PAYMENT])
def test_instalments_at_ends_of_months_agree(run, kind):
    """Nothing is paid inside a month: a month is the sum of its days."""
    ends = _ends("month")
    by_month = run("month", kind, YEAR, ContractSpec())
    by_day = run("day", kind, YEAR, ContractSpec())
    for name in ("default", "interest", "scheduled"):
        days = getattr(by_day, name)[0, 0]
        summed = [days[a:b].sum() for a, b in pairwise(ends[:13])]
        assert getattr(by_month, name)[0, 0][:12] == pytest.approx(summed, rel=1e-12)


def test_instalments_without_dates_are_paid_in_every_period(run):
    """By the month 12 instalments, by the day 365: (n + 1) / 2n of the term's exposure."""
    share = {}
    for frequency, count in (("month", 12), ("week", 53), ("day", 365)):
        ends = _ends(frequency)
        paid = {ends[n]: 1000.0 / count for n in range(1, count + 1)}
        found = run(frequency, EQUAL_PRINCIPAL, YEAR).default.sum()
        assert found == pytest.approx(_defaults(ends, paid, YEAR, 0.025), rel=1e-12)
        share[frequency] = found / 1000.0
    assert share["month"] > share["week"] > share["day"]
    # to the first order, of a rate so small that those who are gone are of no account
    least = SegmentCredit(lifetime_default=1e-6, severity=0.5)
    for frequency, count in (("month", 12), ("day", 365)):
        found = run(frequency, EQUAL_PRINCIPAL, YEAR, credit=least).default.sum()
        ends = _ends(frequency)[: count + 1]
        owed = sum((b - a) * (1 - n / count) for n, (a, b) in enumerate(pairwise(ends))) / YEAR
        assert found == pytest.approx(1e-3 * owed, rel=1e-5)
        assert owed == pytest.approx((count + 1) / (2 * count), rel=5e-3)  # of like months


def test_a_month_takes_the_days_after_an_instalment_as_if_it_were_owed(run):
    """What a payment inside a month takes off stands, to the month, until its end."""
    spec = ContractSpec()
    paid = dict.fromkeys(MIDDLE, 1000.0 / 12)
    found = {}
    for frequency in GRIDS:
        found[frequency] = run(frequency, EQUAL_PRINCIPAL, MIDDLE[-1], spec).default.sum()
        oracle = _defaults(_ends(frequency), paid, MIDDLE[-1], 0.025)
        assert found[frequency] == pytest.approx(oracle, rel=1e-12)
    # each of the first 11 instalments for the days that are left of its month
    ends = _ends("month")
    days = sum(end - day for day, end in zip(MIDDLE[:-1], ends[1:], strict=False))
    excess = -math.log(0.975) / MIDDLE[-1] * days * 1000.0 / 12
    assert found["month"] - found["day"] == pytest.approx(excess, rel=0.02)
