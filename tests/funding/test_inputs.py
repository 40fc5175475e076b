"""What goes into the program: eligible shares, dated rules, the opening balance sheet."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from scfcap.errors import InfeasibleError, InputError
from scfcap.funding.catalogue import build_program
from scfcap.funding.opening import opening_assets, opening_liabilities
from scfcap.funding.variables import declare

from .small_platform import LAW, MODEL, platform, small_pool, usable


def test_a_concentration_excess_lowers_what_may_be_sold() -> None:
    pool = small_pool()
    full = platform(pool=pool).inputs.eligible
    cut = platform(pool=replace(pool, tables={"usable": usable(0.75)})).inputs.eligible
    for name, share in full.items():
        np.testing.assert_allclose(cut[name], 0.75 * share, rtol=1e-15)


def test_eligible_share_of_a_cohort_is_that_of_its_own_loans() -> None:
    pool = small_pool()
    inputs = platform(pool=pool).inputs
    cohorts = inputs.cohorts
    j = int(np.flatnonzero((cohorts.vintage == 0) & (cohorts.segment == 0))[0])
    age = inputs.grid.ages(pool.origination_day)
    mine = (pool.place == 0) & (pool.segment == 0) & (age == 0)
    good = mine & (pool.days_past_due == 0)
    expected = pool.balance[good].sum() / pool.balance[mine].sum()
    assert inputs.eligible["bank"][j] == pytest.approx(expected, rel=1e-12)


def test_rules_that_end_inside_the_plan_are_refused() -> None:
    law = LAW.model_copy(update={"end": date(2014, 6, 30)})
    with pytest.raises(InputError, match=r"in force until 2014-06-30.*2014-12-31"):
        platform(regime=law)


@pytest.mark.parametrize(
    ("name", "said", "usual"), [("severity", 0.9, "0.75"), ("recovery_lag", 5, "2")]
)
def test_loans_that_recover_otherwise_than_their_segment_are_refused(
    name: str, said: float, usual: str
) -> None:
    pool = small_pool()
    rule = np.where(pool.segment == 0, 0, -1)
    ruled = replace(pool, rule=rule, rules=("weak",))

    def credit(**figures: float) -> dict[str, object]:
        where = [{"name": "weak", "test": "rate > 0.2", **figures}]
        return {"credit": {**MODEL["credit"], "where": where}}

    with pytest.raises(InputError, match=rf"where.weak.{name}: .*--set .*weak.{name}={usual}"):
        platform(credit(**{name: said}), pool=ruled)
    nobody = replace(pool, rule=np.full(len(pool), -1), rules=("weak",))
    platform(credit(**{name: said}), pool=nobody)
    platform(credit(cdr=0.3), pool=ruled)


def test_derived_cash_ties_the_opening_balance_sheet() -> None:
    inputs = platform().inputs
    assets = sum(opening_assets(inputs).values()) + inputs.cash
    debts = sum(opening_liabilities(inputs).values())
    assert assets == pytest.approx(debts + inputs.net_capital, rel=1e-12)
    # 57 m own and 21 m sold to the series, by construction of the pool
    assert opening_assets(inputs)["own loans"] == pytest.approx(57.0, rel=1e-12)
    assert opening_assets(inputs)["loans of the vehicle"] == pytest.approx(21.0, rel=1e-12)


def test_a_ban_that_the_opening_balances_break_is_named() -> None:
    ban = LAW.caps[0].model_copy(update={"multiple": 0.0, "name": "ban"})
    law = LAW.model_copy(update={"caps": (ban,)})
    inputs = platform({"lenders": [{**MODEL["lenders"][0], "limit": 0.0}]}, regime=law).inputs
    with pytest.raises(InfeasibleError, match=r"'ban'.*exceeded by CNY 5,000,000 at 2014-01-31"):
        build_program(declare(inputs))


def test_an_opening_that_does_not_tie_says_by_how_much() -> None:
    with pytest.raises(InputError, match=r"opening: found net capital 60\.000 and cash 9\.000"):
        platform({"opening": {"net_capital": 60.0e6, "cash": 9.0e6}})
