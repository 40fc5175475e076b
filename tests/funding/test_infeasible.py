"""When there is no plan: what is said, and whether it is true. When an input cannot be planned."""

from __future__ import annotations

import math
import re
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scfcap.axes import OWN
from scfcap.errors import InfeasibleError, InputError
from scfcap.funding.catalogue import BY_NAME, build_program
from scfcap.funding.decisions import Decisions
from scfcap.funding.plan import optimum
from scfcap.funding.program import NoOptimumError, solve
from scfcap.funding.replay import replay
from scfcap.funding.variables import declare
from scfcap.pool.snapshot import Pool
from scfcap.schema.load import read_regime
from scfcap.schema.regime import Regime

from .small_platform import LAW, Platform, platform, small_pool
from .variants import BARE, UNIT, edited, law, own_pool


def explained(p: Platform) -> InfeasibleError:
    with pytest.raises(InfeasibleError) as caught:
        optimum(p.inputs, p.engine)
    assert caught.value.exit_code == 3
    return caught.value


# One limit in the way: the amount is that of the limit, by hand.

ALONE: dict[str, Any] = {
    **BARE,
    "lenders": [],
    "plan.periods": 1,
    "plan.debt_cover": 0.0,
    "plan.liquidity_floor": 0.0,
    "demand.credit.minimum": 0.0,
    "opening": {"cash": 10.0e6},
}


def build(changes: dict[str, Any], regime: Regime | None = None) -> Platform:
    return platform(edited({**ALONE, **changes}), regime, own_pool())


def cash_of_doing_nothing(p: Platform) -> float:
    """Free cash at the end of January if no loan is made [money units], from the engines."""
    nothing = Decisions(np.zeros((2, 2)), {}, {}, np.zeros((0, 2)), {})
    return float(replay(p.inputs, nothing, p.engine).cash[1])


def test_a_floor_above_all_sources():
    changes = {"plan.liquidity_floor": 300.0e6}
    p = build(changes)
    error = explained(p)
    lacking = (300.0 - cash_of_doing_nothing(p)) * UNIT
    assert [(family, key) for family, key, _ in error.relaxations] == [("liquidity_floor", 1)]
    amount = error.relaxations[0][2]
    assert amount == pytest.approx(lacking, rel=1e-9)
    text = f"lower the liquidity floor by CNY {math.ceil(amount):,d} at 2014-01-31"
    assert text in str(error)

    def floor(share: float) -> Platform:
        return build({"plan.liquidity_floor": 300.0e6 - share * amount})

    enough = floor(1.0 + 1e-9)
    assert optimum(enough.inputs, enough.engine).solution.value("M", 1) > 0.0
    assert explained(floor(0.999)).relaxations[0][2] == pytest.approx(1e-3 * amount, rel=1e-6)


def test_lending_promised_above_all_sources():
    def promised(lending: float) -> Platform:
        return build(
            {"demand.credit.per_period": 400.0e6, "demand.credit.minimum": lending / 400.0e6}
        )

    p = promised(200.0e6)
    error = explained(p)
    j = p.inputs.new_cohort[0, 1]
    back = float(p.inputs.cohorts.repaid[j, 1] + p.inputs.cohorts.interest[j, 1])
    most = cash_of_doing_nothing(p) / (1.0 - back)
    assert [(family, key) for family, key, _ in error.relaxations] == [
        ("promised_demand", ("credit", 1))
    ]
    amount = error.relaxations[0][2]
    assert amount == pytest.approx((200.0 - most) * UNIT, rel=1e-9)
    assert f"lower promised lending credit by CNY {math.ceil(amount):,d} at 2014-01-31" in str(
        error
    )
    enough = promised(200.0e6 - amount * (1.0 + 1e-9))
    optimum(enough.inputs, enough.engine)
    assert explained(promised(200.0e6 - 0.999 * amount)).relaxations


def test_a_draw_due_above_all_sources():
    def line(limit: float) -> Platform:
        draw = {"amount": 80.0e6, "rate": 0.07, "maturity": date(2014, 1, 31)}
        lender = {"name": "bank-a", "limit": limit, "tenors": [{"periods": 6, "rate": 0.07}]}
        return build({"lenders": [{**lender, "draws": [draw]}]})

    p = line(8.0e6)
    error = explained(p)
    lacking = -cash_of_doing_nothing(p) - 8.0
    assert lacking > 1.0
    assert [(family, key) for family, key, _ in error.relaxations] == [("bank_debt", ("bank-a", 1))]
    amount = error.relaxations[0][2]
    assert amount == pytest.approx(lacking * UNIT, rel=1e-9)
    assert f"raise the credit line bank-a by CNY {math.ceil(amount):,d} at 2014-01-31" in str(error)
    enough = line(8.0e6 + amount * (1.0 + 1e-9))
    optimum(enough.inputs, enough.engine)
    assert explained(line(8.0e6 + 0.999 * amount)).relaxations


def test_the_amount_in_the_message_is_enough():
    p = build({"plan.liquidity_floor": 300.0e6 + 0.3})
    told = re.search(r"by CNY ([\d,]+) at", str(explained(p)))
    assert told
    lower = 300.0e6 + 0.3 - float(told[1].replace(",", ""))
    enough = build({"plan.liquidity_floor": lower})
    optimum(enough.inputs, enough.engine)


# What gives way first.


def test_policy_gives_way_before_promises():
    p = build(
        {
            "plan.liquidity_floor": 5.0e6,
            "demand.credit.per_period": 400.0e6,
            "demand.credit.minimum": 0.5,
        }
    )
    amounts = {family: amount for family, _, amount in explained(p).relaxations}
    assert amounts["liquidity_floor"] == pytest.approx(5.0e6), "all of the floor"
    assert amounts["promised_demand"] > 1.0e6


def test_law_never_gives_way():
    # Lending promised could be met by a draw, which the law forbids.
    lender = {"name": "bank-a", "limit": 500.0e6, "tenors": [{"periods": 6, "rate": 0.07}]}
    promise = {"demand.credit.per_period": 400.0e6, "demand.credit.minimum": 0.4}
    free = build({**promise, "lenders": [lender]})
    optimum(free.inputs, free.engine)
    error = explained(build({**promise, "lenders": [lender]}, law(caps=[LAW.caps[0]])))
    families = {family for family, _, _ in error.relaxations}
    assert families == {"promised_demand"}
    assert "In conflict: the regulatory cap bank" in str(error)
    assert ("leverage", ("bank", 1)) in error.conflict


# Many limits at once: all that is named, together, must mend the program.

STRAITS: dict[str, tuple[dict[str, Any], Regime | None, Pool | None]] = {
    "promises for months": ({"demand.credit.minimum": 1.0, "opening": {"cash": 3.0e6}}, LAW, None),
    "floor and cover": (
        {"plan.liquidity_floor": 90.0e6, "plan.debt_cover": 3.0},
        LAW,
        None,
    ),
    "nothing to buy for the vehicle": (
        {
            "securitization.idle_cash_limit": 0.0,
            "demand.credit.per_period": 1.0e6,
            "demand.order.per_period": 1.0e6,
            "concentration": [],
        },
        None,
        None,
    ),
    "no orders under a share of the book": (
        {"demand.order.per_period": 0.0, "concentration.0.share": 0.5},
        None,
        None,
    ),
    "a margin that the loans held eat up": (
        {
            "securitization.trigger": {
                "measure": "default_rate",
                "threshold": 0.2,
                "margin": 0.19,
            },
        },
        None,
        None,
    ),
    "promises on own funds": (
        {
            **BARE,
            "lenders": [],
            "demand.credit.minimum": 0.9,
            "demand.order.minimum": 0.9,
            "opening": {"cash": 3.0e6},
        },
        None,
        own_pool(),
    ),
}


@pytest.mark.parametrize("name", STRAITS)
def test_all_that_is_named_mends_the_program_and_less_does_not(name):
    changes, regime, pool = STRAITS[name]
    p = platform(edited(changes), regime, pool)
    error = explained(p)
    assert error.relaxations
    program = build_program(declare(p.inputs))
    right = list(program.rows.right)

    def feasible(share: float) -> bool:
        program.rows.right = list(right)
        for family, key, amount in error.relaxations:
            assert BY_NAME[family].kind in ("policy", "contract", "promise")
            row = program.rows_of(family)[key]
            assert amount > 0.0
            sign = -1.0 if program.rows.sense[row] == ">=" else 1.0
            program.rows.right[row] += sign * share * amount / UNIT
        try:
            solve(program)
        except NoOptimumError:
            return False
        return True

    assert feasible(1.0 + 1e-7)
    assert not feasible(0.999)


@pytest.mark.parametrize("name", STRAITS)
def test_each_relaxation_is_named_with_its_date_and_amount(name):
    changes, regime, pool = STRAITS[name]
    p = platform(edited(changes), regime, pool)
    error = explained(p)
    text = str(error)
    for family, key, amount in error.relaxations:
        whole = f"{math.ceil(amount - 0.005):,d}"
        position = BY_NAME[family].period_at
        if position is not None:
            t = key[position] if isinstance(key, tuple) else key
            whole += f" at {p.inputs.grid.ends[int(t) - 1]:%Y-%m-%d}"
        assert whole in text
        assert BY_NAME[family].what in text
    assert text.startswith("No plan keeps all limits.")
    assert text.endswith("run again.")


# Nothing to relax.


def test_a_series_that_cannot_pay_is_named():
    # Six months from July 2013: the notes of 18 million are due in January, out of loans that
    # run to June.
    changes = {"securitization.revolving_periods": 3, "securitization.amortising_periods": 3}
    p = platform(edited(changes))
    assert p.inputs.deal("series-1").legal_end == 1
    error = explained(p)
    assert error.relaxations == ()
    assert "No plan lets every series pay" in str(error)
    told = re.search(r"series-1 lacks CNY ([\d,]+) to pay", str(error))
    assert told
    state, cohorts = p.inputs.deal("series-1").state, p.inputs.cohorts
    assert state is not None
    theirs = np.array([origin != OWN for origin in cohorts.origin])
    held = cohorts.amount[theirs]
    inflow = held @ (cohorts.repaid + cohorts.interest)[theirs, 1]
    fees = 21.0 * (0.004 + 0.01) / 12.0
    coupons = (15.0 * 0.062 + 3.0 * 0.11) / 12.0
    yields = (state.cash + state.reserve) * 0.0035 / 12.0
    due = 18.0 + coupons + state.accrued.sum() + fees
    lacking = due - (state.cash + state.reserve + yields + inflow)
    assert float(told[1].replace(",", "")) == pytest.approx(lacking * UNIT, abs=2.0)


def test_a_cap_that_older_draws_exceed_is_named():
    draw = {"amount": 20.0e6, "rate": 0.07, "maturity": date(2015, 6, 30)}
    p = platform(edited({"lenders.0.draws": [draw], "opening": {"cash": 10.0e6}}), LAW)
    error = explained(p)
    capital = p.inputs.net_capital
    assert capital == pytest.approx(60.0, abs=20.0)
    assert "law and the opening balance sheet conflict" in str(error)
    told = re.search(
        r"the regulatory cap bank is exceeded by CNY ([\d,]+) at 2014-01-31", str(error)
    )
    assert told
    assert float(told[1].replace(",", "")) < 20.0e6


# Inputs that cannot be planned.


def refused(changes: dict[str, Any], regime: Regime | None = None, pool: Pool | None = None) -> str:
    with pytest.raises(InputError) as caught:
        platform(edited(changes), regime, pool)
    assert caught.value.exit_code == 2
    for problem in caught.value.problems:
        assert problem.where
        assert problem.found
        assert problem.expected
        assert problem.action
    return str(caught.value)


def test_an_opening_balance_that_does_not_tie():
    tied = platform().inputs
    assert tied.net_capital == pytest.approx(60.0)
    both = {"net_capital": 60.0e6, "cash": tied.cash * UNIT}
    assert platform({"opening": both}).inputs.cash == pytest.approx(tied.cash)
    text = refused({"opening": {**both, "cash": both["cash"] + 100.0}})
    assert "model.toml: opening" in text
    for part in (
        "own loans 57.000",
        "loans of the vehicle 21.000",
        "cash of the vehicle 1.180",
        "bank debt 5.000",
        "notes 18.000",
        "accrued coupons 0.525",
        "P2P notes 0.000",
        "net capital 60.000",
    ):
        assert part in text


def test_an_opening_balance_below_zero():
    assert "leaves cash of -15.655" in refused({"opening": {"net_capital": 40.0e6}})
    draw = {"amount": 90.0e6, "rate": 0.07, "maturity": date(2014, 6, 30)}
    assert "net capital -" in refused({"opening": {"cash": 1.0e6}, "lenders.0.draws": [draw]})


def test_more_banks_than_the_law_allows(root: Path):
    rules = read_regime(root / "models" / "regimes" / "cn_2008.toml")
    assert rules.bank_lenders is not None
    assert rules.bank_lenders.most == 2
    line = edited({})["lenders"][0]
    banks = [line, *({**line, "name": f"bank-{x}", "draws": []} for x in "bc")]
    text = refused({"lenders": banks}, rules)
    assert "bank-a, bank-b, bank-c" in text
    assert "at most 2" in text
    for allowed in ({**banks[2], "limit": 0.0}, {**banks[2], "kind": "bond"}):
        platform(edited({"lenders": [*banks[:2], allowed]}), rules)
    still_owed = {**line, "name": "bank-c", "limit": 0.0}
    refused({"lenders": [*banks[:2], still_owed], "opening": {"cash": 5.0e6}}, rules)


def test_a_place_that_the_model_does_not_know():
    pool = small_pool()
    text = refused({"securitization": None}, None, pool)
    assert "tape, column channel" in text
    assert "securitization:series-1" in text
    strange = replace(pool, places=("own_capital", "bank_transfer:other"))
    assert "bank_transfer:other" in refused({}, None, strange)
    unused = replace(pool, places=(*pool.places, "bank_transfer:other"))
    platform(None, None, unused)


@pytest.mark.parametrize(
    ("changes", "where"),
    [
        ({"buyers.0.segments": ["credit", "leases"]}, "buyers.city-bank.segments"),
        ({"securitization.segments": ["leases"]}, "securitization.segments"),
    ],
)
def test_a_segment_that_the_tape_does_not_have(changes, where):
    text = refused(changes)
    assert where in text
    assert "leases" in text
    assert "credit, order" in text


def test_a_law_that_ends_before_the_plan():
    text = refused({}, law(end=date(2014, 9, 30)))
    assert "2014-09-30" in text
    platform(edited({"plan.periods": 9}), law(end=date(2014, 9, 30)))
