"""Contracts that pay on days of their own, in the kernel.

Witness of each loan is its schedule in (nearly) exact arithmetic, :mod:`scfcap.cashflow.contract`,
which has witnesses of its own; and, where payments fall on period ends, the kernel by periods.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any, ClassVar

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import DAY_COUNTS, LOAN_TYPES, PAYMENT_STEPS
from scfcap.cashflow import dated
from scfcap.cashflow.contract import Contract, Fees, Floating, schedule
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import LoanArrays, concatenate
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.errors import InputError
from scfcap.periods import Frequency, PeriodGrid, add_months
from scfcap.pool.payment_days import ONCE
from scfcap.pool.terms import ARRAYS, DatedTerms
from scfcap.schema.contract import IndexSpec
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import RateShock, Scenario

AS_OF = date(2013, 12, 31)
FIXINGS = ((date(2013, 6, 1), 0.05), (date(2014, 3, 3), 0.08), (date(2014, 9, 9), 0.03))


def kernel_loan(contract: Contract) -> LoanArrays:
    """One contract as the kernel reads it; ``as_of`` is the day it is made, or before."""

    def one(value: Any) -> np.ndarray:
        return np.array([value])

    def offset(day: date) -> np.ndarray:
        return one((day - AS_OF).days)

    due, rate = contract.due_days(), contract.rate
    floats = isinstance(rate, Floating)
    follows = rate if isinstance(rate, Floating) else Floating(((AS_OF, 0.0),))
    first = follows.first_reset or add_months(contract.start, follows.reset_months)
    moved = contract.calendar != "every-day" and contract.convention != "unadjusted"
    months, days = PAYMENT_STEPS[contract.every]
    fees = contract.fees
    terms = DatedTerms(
        every_months=one(months or (0 if days else ONCE)),
        every_days=one(days),
        next_day=offset(due[0]),
        anchor=one(contract.anchor),
        from_day=offset(contract.start),
        day_count=one(DAY_COUNTS.index(contract.accrues_by)),
        calendar=one(0 if moved else -1),
        grace=one(contract.interest_only),
        original=one(contract.principal),
        fee=one(fees.per_payment + fees.per_payment_share * contract.principal),
        upfront=one(fees.upfront),
        index=one(0 if floats else -1),
        margin=one(follows.margin),
        floor=one(follows.floor),
        cap=one(follows.cap),
        next_reset_day=offset(first),
        reset_months=one(follows.reset_months),
        calendars=((contract.calendar, contract.convention),) if moved else (),
        indices=("base",) if floats else (),
    )
    return LoanArrays(
        group=one(0),
        curve=one(0),
        loan_type=one(LOAN_TYPES.index(contract.loan_type)),
        balance=one(contract.principal),
        rate=one(follows.rate_on(contract.start) if isinstance(rate, Floating) else rate),
        accrued=one(0.0),
        hazard_scale=one(1.0),
        start_day=offset(contract.start),
        maturity_day=offset(due[-1]),
        terms=terms,
    )


def curves_over(
    periods: int,
    frequency: Frequency = "month",
    scenarios: dict[str, Scenario] | None = None,
    **credit: float,
) -> CurveSet:
    fixings = tuple({"day": day, "rate": rate} for day, rate in FIXINGS)
    return build_curves(
        ("a",),
        {"a": SegmentCredit(**({"cdr": 0.0, "severity": 0.5} | credit))},
        scenarios or {"base": Scenario()},
        PeriodGrid.build(AS_OF, periods, frequency),
        indices={"base": IndexSpec.model_validate({"fixings": fixings})},
    )


def by_period(contract: Contract, grid: PeriodGrid) -> dict[str, np.ndarray]:
    """What the exact schedule pays in each period of ``grid`` [currency]."""
    exact = schedule(contract).payments
    offset = (exact.day.astype("datetime64[D]") - np.datetime64(AS_OF, "D")).astype(np.int64)
    at = np.searchsorted(grid.days, offset, side="left") - 1
    inside = at < len(grid)
    found = {}
    for ours, theirs in (("interest",) * 2, ("scheduled", "principal"), ("fees",) * 2):
        found[ours] = np.zeros(len(grid))
        np.add.at(found[ours], at[inside], getattr(exact, theirs)[inside])
    return found


def agree(contract: Contract, frequency: Frequency, periods: int, within: float) -> Flows:
    curves = curves_over(periods, frequency)
    flows = run_kernel(kernel_loan(contract), curves, 1)
    flows.check()
    for name, wanted in by_period(contract, curves.grid).items():
        np.testing.assert_allclose(getattr(flows, name)[0, 0], wanted, rtol=0.0, atol=within)
    return flows


def contract(**changes: Any) -> Contract:
    plain: dict[str, Any] = {
        "loan_type": "level_payment",
        "principal": 10_000.0,
        "rate": 0.12,
        "start": AS_OF,
        "maturity": date(2015, 1, 20),
        "unit": 1e-7,  # nearly exact
    }
    return Contract(**(plain | changes))


@pytest.mark.parametrize("kind", LOAN_TYPES)
@pytest.mark.parametrize("every", ["day", "2 weeks", "month", "quarter", "at maturity"])
def test_each_type_pays_as_its_schedule_says(kind: str, every: str) -> None:
    flows = agree(contract(loan_type=kind, every=every), "month", 15, 1e-3)
    assert flows.closing[0, 0, -1] == pytest.approx(0.0, abs=1e-9)


@pytest.mark.parametrize("kind", LOAN_TYPES)
def test_what_lies_beyond_the_grid_is_left_in_the_closing_balance(kind: str) -> None:
    loan = contract(loan_type=kind, every="week", maturity=date(2033, 1, 20))
    flows = agree(loan, "month", 6, 1e-3)
    assert flows.closing[0, 0, -1] == pytest.approx(10_000.0 - flows.scheduled.sum())
    assert flows.closing[0, 0, -1] > 9_000.0


@pytest.mark.parametrize("day_count", DAY_COUNTS)
@pytest.mark.parametrize("calendar", ["every-day", "TARGET", "CN"])
def test_each_day_count_and_calendar_is_the_schedules(day_count: str, calendar: str) -> None:
    for convention in ("following", "modified_preceding"):
        agree(
            contract(day_count=day_count, calendar=calendar, convention=convention),
            *("day", 420, 1e-4),
        )


def test_a_last_payment_moved_over_a_period_end_falls_in_the_next_period() -> None:
    # Sunday, 31 August 2014: paid on Monday, 1 September.
    loan = contract(loan_type="bullet", every="at maturity", maturity=date(2014, 8, 31))
    plain = agree(loan, "month", 12, 1e-4)
    assert np.flatnonzero(plain.scheduled[0, 0]).tolist() == [7]
    moved = agree(replace(loan, calendar="TARGET"), "month", 12, 1e-4)
    assert np.flatnonzero(moved.scheduled[0, 0]).tolist() == [8]


def test_a_floating_rate_is_set_on_its_days_and_splits_a_period() -> None:
    for kind in ("level_payment", "interest_only_bullet", "bullet", "flat_fee"):
        rate = Floating(FIXINGS, margin=0.02, cap=0.095, reset_months=2)
        agree(contract(loan_type=kind, rate=rate, every="quarter"), "day", 420, 1e-4)
        agree(
            contract(loan_type=kind, rate=rate, first_payment=date(2014, 4, 10)), "month", 15, 1e-4
        )


@pytest.mark.parametrize(
    ("every", "count", "each"),
    [("month", 12, 60.0), ("quarter", 4, 180.0), ("2 weeks", 27, 12_000 * 0.06 * 14 / 365)],
)
@pytest.mark.parametrize("calendar", ["every-day", "CN"])
def test_a_flat_fee_asks_for_the_same_with_every_payment(
    every: str, count: int, each: float, calendar: str
) -> None:
    # Month ends of a leap year's neighbour: 28, 30 and 31 days, and holidays, change nothing.
    loan = contract(
        loan_type="flat_fee", principal=12_000.0, rate=0.06, every=every, calendar=calendar,
        maturity=date(2014, 12, 31) if every != "2 weeks" else AS_OF + timedelta(27 * 14),
    )  # fmt: skip
    exact = schedule(loan).payments
    np.testing.assert_allclose(exact.interest, np.full(count, each), atol=1e-6)
    flows = agree(loan, "day", 390, 1e-5)
    paid = flows.interest[0, 0][flows.interest[0, 0] > 0.0]
    np.testing.assert_allclose(paid, np.full(count, each), atol=1e-9)
    by_days = replace(loan, day_count="act/360")
    assert schedule(by_days).payments.interest.sum() == pytest.approx(
        count * each * (365 / 360 if every == "2 weeks" else 1.0)
    )


def test_an_odd_first_period_of_a_flat_fee_costs_its_share() -> None:
    # 15 days of the 31 from 30 March to 30 April, then whole months.
    loan = contract(
        loan_type="flat_fee", principal=12_000.0, rate=0.06,
        start=date(2014, 4, 15), first_payment=date(2014, 4, 30), maturity=date(2014, 7, 30),
    )  # fmt: skip
    np.testing.assert_allclose(
        schedule(loan).payments.interest, [60.0 * 15 / 31, 60.0, 60.0, 60.0], atol=1e-6
    )
    agree(loan, "month", 12, 1e-5)


def test_the_day_count_that_nobody_states_gives_the_textbooks_loan() -> None:
    # Level payment 1,066.19 (P i / (1 - (1 + i)^-12), i = 1%) twelve times: 794.23 of interest.
    loan = contract(principal=12_000.0, maturity=date(2014, 12, 31))
    assert schedule(loan).payments.interest.sum() == pytest.approx(794.2256, abs=1e-4)
    agree(loan, "month", 12, 1e-5)
    by_days = contract(every="week", day_count="act/365")
    for same in (replace(by_days, day_count=None), by_days):
        np.testing.assert_array_equal(schedule(same).interest, schedule(by_days).interest)
    once = contract(loan_type="bullet", rate=0.1, maturity=AS_OF + timedelta(73))
    assert schedule(once).payments.interest.sum() == pytest.approx(200.0)


def test_fees_and_grace_are_the_schedules() -> None:
    fees = Fees(per_payment=3.0, per_payment_share=0.001)
    flows = agree(contract(fees=fees, interest_only=4), "month", 15, 1e-4)
    assert flows.fees.sum() == pytest.approx(13 * 13.0)
    agree(contract(fees=fees, interest_only=4, loan_type="flat_fee"), "month", 15, 1e-4)


def test_a_new_loan_costs_its_upfront_fee_in_its_first_period() -> None:
    loan = kernel_loan(contract(start=date(2014, 2, 10), fees=Fees(upfront=25.0)))
    flows = run_kernel(loan, curves_over(15), 1)
    assert flows.fees[0, 0, 1] == 25.0
    assert flows.fees.sum() == 25.0
    assert flows.originated[0].tolist() == [0.0, 10_000.0, *[0.0] * 13]


@st.composite
def contracts(draw: st.DrawFn) -> Contract:
    every = draw(st.sampled_from([e for e in PAYMENT_STEPS if e != "year"]))
    by_days = PAYMENT_STEPS[every][1] > 0
    known = [name for name in DAY_COUNTS if not (by_days and name == "act/act-icma")]
    start = AS_OF + timedelta(draw(st.integers(0, 40)))
    rate: Any = draw(st.floats(0.0, 0.6).map(lambda r: round(r, 6)))
    if draw(st.booleans()):
        rate = Floating(FIXINGS, margin=0.01, reset_months=draw(st.integers(1, 7)))
    monthly = not by_days and every != "at maturity"
    return contract(
        loan_type=draw(st.sampled_from(LOAN_TYPES)),
        every=every,
        start=start,
        maturity=start + timedelta(draw(st.integers(20 if by_days else 200, 400))),
        payment_day=draw(st.none() | st.integers(1, 31)) if monthly else None,
        day_count=draw(st.sampled_from(known)),
        calendar=draw(st.sampled_from(["every-day", "none", "TARGET"])),
        convention=draw(st.sampled_from(["following", "modified_following", "preceding"])),
        rate=rate,
        fees=Fees(per_payment=draw(st.sampled_from([0.0, 1.5]))),
    )


@settings(max_examples=60)
@given(contracts())
def test_every_contract_pays_as_its_schedule_says(loan: Contract) -> None:
    payments = len(loan.due_days())
    agree(loan, "month", 17, 1e-5 * payments)
    # In cents: half a cent of interest and half a cent of the level payment for each payment.
    agree(replace(loan, unit=0.01), "week", 66, 0.01 * payments + 0.005)


@pytest.mark.parametrize("kind", [k for k in LOAN_TYPES if k != "flat_fee"])
def test_payments_at_period_ends_are_those_of_the_kernel_by_periods(kind: str) -> None:
    # By act/act-icma every month is a twelfth of a year, as on the grid.
    loan = contract(
        loan_type=kind, maturity=date(2015, 9, 30), payment_day=31, day_count="act/act-icma"
    )
    dated = kernel_loan(loan)
    curves = curves_over(24, cdr=0.08, cpr=0.15)
    ours = run_kernel(dated, curves, 1)
    plain = run_kernel(replace(dated, terms=None), curves, 1)
    ours.check()
    for name in ("default", "interest", "scheduled", "prepaid", "closing"):
        wanted = getattr(plain, name)
        np.testing.assert_allclose(getattr(ours, name), wanted, rtol=1e-11, atol=1e-9)
    both = run_kernel(concatenate([dated, replace(dated, terms=None)]), curves, 1)
    np.testing.assert_allclose(both.interest, 2.0 * plain.interest, rtol=1e-11)


def test_prepayment_pays_the_interest_accrued_since_the_last_payment() -> None:
    # 10% a year by days over 365, paid on each 10th; half is prepaid in the first month.
    loan = kernel_loan(
        contract(
            loan_type="interest_only_bullet",
            rate=0.1,
            day_count="act/365",
            first_payment=date(2014, 1, 10),
            maturity=date(2014, 6, 10),
        )
    )
    flows = run_kernel(loan, curves_over(8, cpr=1.0 - 0.5**12), 1)
    assert flows.prepaid[0, 0, 0] == pytest.approx(5_000.0)
    interest = 10_000 * 0.1 * 10 / 365 + 5_000 * 0.1 * 21 / 365
    assert flows.interest[0, 0, 0] == pytest.approx(interest)


@pytest.mark.parametrize("order", ["survivors", "bma"])
@pytest.mark.parametrize("advances", [False, True])
def test_nothing_is_created_or_lost_in_any_order_of_events(order: Any, advances: bool) -> None:
    plain = curves_over(20, cdr=0.3, cpr=0.3, recovery_lag=2)
    curves = replace(plain, order=order, servicer_advances=advances)
    loans = concatenate(
        [kernel_loan(contract(loan_type=kind, every=every, start=AS_OF + timedelta(later)))
         for kind in LOAN_TYPES for every in ("day", "month") for later in (0, 40)]
    )  # fmt: skip
    flows = run_kernel(loans, curves, 1)
    flows.check()
    assert flows.closing[0, 0, -1] == pytest.approx(0.0, abs=1e-6)
    lent = 10_000.0 * len(loans)
    repaid = (flows.scheduled + flows.prepaid + flows.default).sum()
    assert repaid == pytest.approx(lent, rel=1e-9)
    assert 0.0 < flows.loss.sum() < 0.5 * lent


class TestIndicesByScenario:
    SCENARIOS: ClassVar = {
        "base": Scenario(),
        "up": Scenario(shocks=(RateShock(kind="rate_shock", index=0.02, from_period=4),)),
        "bad": Scenario(default_multiple=2.0),
    }

    def flows(self, scenarios: dict[str, Scenario]) -> Flows:
        rate = Floating(FIXINGS, margin=0.02, reset_months=1)
        floating = kernel_loan(contract(loan_type="interest_only_bullet", rate=rate))
        fixed = kernel_loan(contract(rate=0.07))
        plain = replace(kernel_loan(contract(rate=0.07)), terms=None)
        loans = concatenate([fixed, floating, plain])
        return run_kernel(loans, curves_over(15, scenarios=scenarios, cdr=0.1, cpr=0.2), 1)

    def test_all_at_once_are_each_alone(self) -> None:
        together = self.flows(self.SCENARIOS)
        together.check()
        for k, (name, scenario) in enumerate(self.SCENARIOS.items()):
            alone = self.flows({name: scenario})
            for flow in ("opening", "interest", "scheduled", "default", "closing", "recovery"):
                wanted = getattr(alone, flow)[0]
                np.testing.assert_allclose(getattr(together, flow)[k], wanted, rtol=1e-12)
            np.testing.assert_array_equal(together.originated, alone.originated)

    def test_a_shock_is_felt_from_the_next_reset_on(self) -> None:
        rate = Floating(FIXINGS, margin=0.02, first_reset=date(2014, 2, 20), reset_months=3)
        loan = kernel_loan(
            contract(
                loan_type="interest_only_bullet", rate=rate, payment_day=31, day_count="30/360"
            )
        )
        curves = curves_over(15, scenarios=self.SCENARIOS)
        base, up, _ = run_kernel(loan, curves, 1).interest[:, 0]
        # Reset on 20 February, 20 May, ...; the shock holds from April.
        assert up[:4].tolist() == base[:4].tolist()
        assert up[4] - base[4] == pytest.approx(10_000 * 0.02 * 10 / 360)  # from the 20th to 31st
        assert up[5] - base[5] == pytest.approx(10_000 * 0.02 / 12)

    def test_an_index_that_is_not_stated_is_named(self) -> None:
        rate = Floating(FIXINGS, margin=0.02)
        loan = kernel_loan(contract(rate=rate))
        assert loan.terms is not None
        strange = replace(loan, terms=replace(loan.terms, indices=("libor",)))
        with pytest.raises(InputError, match="libor"):
            run_kernel(strange, curves_over(15), 1)


def test_other_layouts_of_the_arrays_are_not_compiled_for() -> None:
    loan = kernel_loan(contract(calendar="TARGET"))
    odd = concatenate([loan, kernel_loan(contract(rate=0.5)), loan]).where(slice(None, None, 2))
    assert odd.terms is not None
    for name in ARRAYS:
        getattr(odd.terms, name).setflags(write=False)
    odd = replace(odd, terms=replace(odd.terms, grace=odd.terms.grace.astype(np.int32)))
    once = run_kernel(loan, curves_over(15), 1)
    np.testing.assert_allclose(run_kernel(odd, curves_over(15), 1).interest, 2.0 * once.interest)
    assert len(dated._by_dates.signatures) == 1
