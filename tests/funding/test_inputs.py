"""What goes into the program: eligible shares, dated rules, the opening balance sheet."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from scfcap.errors import InputError
from scfcap.funding.inputs import opening_assets, opening_liabilities
from .small_platform import LAW, platform, small_pool, usable


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


def test_derived_cash_ties_the_opening_balance_sheet() -> None:
    inputs = platform().inputs
    assets = sum(opening_assets(inputs).values()) + inputs.cash
    debts = sum(opening_liabilities(inputs).values())
    assert assets == pytest.approx(debts + inputs.net_capital, rel=1e-12)
    # 57 m own and 21 m sold to the series, by construction of the pool
    assert opening_assets(inputs)["own loans"] == pytest.approx(57.0, rel=1e-12)
    assert opening_assets(inputs)["loans of the vehicle"] == pytest.approx(21.0, rel=1e-12)


def test_an_opening_that_does_not_tie_says_by_how_much() -> None:
    with pytest.raises(InputError, match=r"opening: found net capital 60\.000 and cash 9\.000"):
        platform({"opening": {"net_capital": 60.0e6, "cash": 9.0e6}})
