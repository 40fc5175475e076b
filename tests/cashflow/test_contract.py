"""Schedules in cents against published figures, peers, closed forms, and any events on any days."""

from __future__ import annotations

import math
from collections.abc import Sequence
from datetime import date, timedelta
from itertools import pairwise
from typing import Any

import numpy as np
import numpy_financial
import pytest
import QuantLib
from hypothesis import assume, given
from hypothesis import strategies as st

from scfcap.axes import DAY_COUNTS, LOAN_TYPES
from scfcap.cashflow.contract import (
    Contract,
    Draw,
    Event,
    Fees,
    Floating,
    PayLate,
    Repay,
    Reprice,
    Schedule,
    level_payment,
    schedule,
)
from scfcap.daycount import year_fraction
from scfcap.errors import InputError
from tests.witnesses import amortisation
from tests.witnesses.book import holds
from tests.witnesses.daycounts import quantlib_day as theirs

START = date(2024, 1, 1)


def contract(kind: str, principal: float, rate: Any, payments: int | None, **more: Any) -> Contract:
    """A loan from the first of a year, where months are twelfths."""
    return Contract(kind, principal, rate, more.pop("start", START), payments, **more)


def paid(*terms: Any, events: tuple[Event, ...] = (), **more: Any) -> Schedule:
    return schedule(contract(*terms, **more), events).payments


# Published figures.


def test_level_payment_in_cents() -> None:
    holds(amortisation.in_cents())
    got = paid("level_payment", 10_000, 0.12, 12)
    assert list(got.to_frame()["number"]) == list(range(1, 13))


def test_excel_pmt() -> None:
    holds(amortisation.excel_pmt())


def test_the_first_payment_of_a_pass_through() -> None:
    holds(amortisation.first_payment())


# Peers.


@given(
    cents=st.integers(100_000, 100_000_000),
    rate=st.floats(0.001, 1.0),
    count=st.integers(1, 60),
    per_year=st.sampled_from([(12, "month"), (4, "quarter"), (1, "year")]),
)
def test_numpy_financial_splits_a_payment_the_same(
    cents: int, rate: float, count: int, per_year: tuple[int, str]
) -> None:
    step, number = rate / per_year[0], np.arange(1, count + 1)
    assume((1 + step) ** count < 100)  # beyond, half a cent grows to whole payments
    got = paid("level_payment", cents / 100, rate, count, every=per_year[1])
    # Half a cent of payment and of interest each time, and what they earn.
    slack = 0.0101 * count * (1 + step) ** count
    payment = -numpy_financial.pmt(step, count, cents / 100)
    assert level_payment(cents / 100, rate, count, per_year[0]) == pytest.approx(
        payment, abs=0.0051
    )
    for ours, peer in (("interest", "ipmt"), ("principal", "ppmt")):
        split = -getattr(numpy_financial, peer)(step, number, count, cents / 100)
        np.testing.assert_allclose(getattr(got, ours), split, rtol=0, atol=slack)


PEER_CALENDARS = {
    "every-day": QuantLib.NullCalendar(),
    "none": QuantLib.WeekendsOnly(),
    "TARGET": QuantLib.TARGET(),
    "CN": QuantLib.China(QuantLib.China.IB),
}
PEER_COUNTS = {
    "30/360": QuantLib.Thirty360(QuantLib.Thirty360.BondBasis),
    "30E/360": QuantLib.Thirty360(QuantLib.Thirty360.EurobondBasis),
    "act/365": QuantLib.Actual365Fixed(),
    "act/360": QuantLib.Actual360(),
    "act/act-isda": QuantLib.ActualActual(QuantLib.ActualActual.ISDA),
}
PEER_TENORS = {
    "week": QuantLib.Period(1, QuantLib.Weeks),
    "2 weeks": QuantLib.Period(2, QuantLib.Weeks),
    "month": QuantLib.Period(1, QuantLib.Months),
    "quarter": QuantLib.Period(3, QuantLib.Months),
}
PEER_CONVENTIONS = {
    "following": QuantLib.Following,
    "modified_following": QuantLib.ModifiedFollowing,
    "preceding": QuantLib.Preceding,
    "unadjusted": QuantLib.Unadjusted,
}


def peer_days(loan: Contract, last: date, convention: int) -> QuantLib.Schedule:
    return QuantLib.Schedule(
        theirs(loan.start), theirs(last), PEER_TENORS[loan.every], PEER_CALENDARS[loan.calendar],
        convention, convention, QuantLib.DateGeneration.Backward, False,
    )  # fmt: skip


@given(
    start=st.dates(date(2010, 1, 4), date(2020, 12, 31)),
    term=st.integers(20, 900),
    every=st.sampled_from(sorted(PEER_TENORS)),
    calendar=st.sampled_from(sorted(PEER_CALENDARS)),
    convention=st.sampled_from(sorted(PEER_CONVENTIONS)),
    day_count=st.sampled_from(sorted(PEER_COUNTS)),
    rate=st.sampled_from([0.0, 0.0435, 0.18, 0.72]),
)
def test_quantlib_pays_a_bond_with_an_odd_first_period_the_same(
    start: date, term: int, every: str, calendar: str, convention: str, day_count: str, rate: float
) -> None:
    last = start + timedelta(term)
    loan = Contract(
        "interest_only_bullet", 1e6, rate, start, maturity=last, every=every,
        day_count=day_count, calendar=calendar, convention=convention,
    )  # fmt: skip
    held = PEER_CALENDARS[calendar]
    assume(held.isBusinessDay(theirs(start)))  # the peer moves the start too
    days = peer_days(loan, last, PEER_CONVENTIONS[convention])
    assume(len(set(days)) == len(loan.due_days()) + 1)  # it drops days that fall together
    bond = QuantLib.FixedRateBond(
        0, 1e6, days, [rate], PEER_COUNTS[day_count], PEER_CONVENTIONS[convention]
    )
    got = schedule(loan).payments
    coupons = list(bond.cashflows())[:-1]
    assert [flow.date().ISO() for flow in coupons] == [str(d)[:10] for d in got.day]
    np.testing.assert_allclose(got.interest, [c.amount() for c in coupons], rtol=0, atol=0.0051)


@given(
    st.dates(date(2010, 1, 1), date(2020, 12, 28)),
    st.integers(1, 60),
    st.sampled_from(["month", "quarter", "week", "2 weeks"]),
)
def test_quantlib_counts_due_days_the_same(start: date, count: int, every: str) -> None:
    loan = contract("bullet", 100.0, 0.1, count, start=start, every=every)
    due, step = loan.due_days(), PEER_TENORS[every]
    expected = [
        theirs(start) + QuantLib.Period(k * step.length(), step.units()) for k in range(count + 1)
    ]
    assert [d.isoformat() for d in due] == [d.ISO() for d in expected[1:]]
    assert len(due) == count


def test_quantlib_repays_a_sinking_bond_the_same() -> None:
    holds(amortisation.quantlib_sinking())


# Closed forms.


@given(
    st.floats(0.0, 2.0), st.integers(1, 48), st.sampled_from(DAY_COUNTS),
    st.dates(date(2000, 1, 1), date(2030, 1, 1)), st.integers(1, 60),
)  # fmt: skip
def test_level_payments_are_worth_the_loan_at_its_rate(
    rate: float, count: int, day_count: str, start: date, gap: int
) -> None:
    """Discounted over the days as they are, also with an odd first period."""
    first = start + timedelta(gap)
    loan = contract(
        "level_payment", 1e6, rate, count, start=start, first_payment=first, day_count=day_count,
        calendar="none",
    )  # fmt: skip
    got = schedule(loan)
    regular = loan.regular()
    days = [start, *loan.paid_days()]
    steps = [year_fraction(a, b, day_count, regular) for a, b in pairwise(days)]
    growth = np.cumprod([1 + rate * step for step in steps])
    payments = got.payments
    value = ((payments.interest + payments.principal) / growth).sum()
    # What is rounded, half a cent a payment, is itself discounted.
    assert value == pytest.approx(1e6, abs=0.0051 * count)
    level = (payments.interest + payments.principal)[:-1]
    if count > 1 and (payments.principal > 0.0).all():  # no period so long that interest is more
        assert np.ptp(level) < 0.005


@given(st.floats(0.0, 1.0), st.integers(1, 3000), st.sampled_from(["bullet", "order"]))
def test_a_bullet_pays_simple_interest_at_its_end(rate: float, term: int, kind: str) -> None:
    last = START + timedelta(term)
    got = paid(kind, 5e4, rate, None, maturity=last, every="at maturity", day_count="act/365")
    assert got.principal.tolist() == [5e4]
    assert got.interest[0] == pytest.approx(5e4 * rate * term / 365, abs=0.0051)


def test_the_other_types_by_hand() -> None:
    # 1,000 at 18% over three months: 15 of interest a month on the whole.
    even = paid("equal_principal", 1_000, 0.18, 3)
    assert even.principal.tolist() == [333.33, 333.33, 333.34]
    assert even.interest.tolist() == [15.0, 10.0, 5.0]
    open_ended = paid("interest_only_bullet", 1_000, 0.18, 3)
    assert open_ended.interest.tolist() == [15.0, 15.0, 15.0]
    assert open_ended.principal.tolist() == [0.0, 0.0, 1_000.0]
    order = paid("order", 1_000, 0.18, 3, day_count="30/360")
    assert order.interest.tolist() == [0.0, 0.0, 45.0]
    assert order.balance.tolist() == [1_000.0, 1_000.0, 0.0]
    flat = paid("flat_fee", 1_000, 0.18, 3)
    assert flat.principal.tolist() == [333.33, 333.33, 333.34]
    assert flat.interest.tolist() == [15.0, 15.0, 15.0]


def test_half_a_cent_goes_as_the_contract_says() -> None:
    # 12.50 at 12%: 0.125 of interest in the month, halfway between 0.12 and 0.13.
    assert paid("order", 12.50, 0.12, 1, day_count="30/360").interest.tolist() == [0.12]
    assert paid("order", 13.50, 0.12, 1).interest.tolist() == [0.14]
    for rounding, expected in (("half-up", 0.13), ("up", 0.13), ("down", 0.12)):
        got = paid("order", 12.50, 0.12, 1, day_count="30/360", rounding=rounding)
        assert got.interest.tolist() == [expected]
    whole = paid("level_payment", 100_000, 0.15, 3, unit=1.0)
    # Yen: the payment is 34,170.1..., interest 1,250 first.
    assert whole.interest.tolist() == [1_250.0, 838.0, 422.0]
    assert whole.principal.tolist() == [32_920.0, 33_332.0, 33_748.0]


def test_without_interest_the_payment_is_the_share() -> None:
    assert level_payment(1_000, 0.0, 3) == 333.33
    assert paid("level_payment", 1_000, 0.0, 3).principal.tolist() == [333.33, 333.33, 333.34]


# Grace, fees, lateness.


def test_grace_of_interest_only_and_of_nothing() -> None:
    grace = paid("level_payment", 1_200, 0.12, 5, interest_only=2)
    assert grace.interest[:3].tolist() == [12.0, 12.0, 12.0]
    assert grace.principal[:2].tolist() == [0.0, 0.0]
    level = (grace.principal + grace.interest)[2:-1]
    assert level == pytest.approx(level_payment(1_200, 0.12, 3))
    waits = paid("equal_principal", 1_200, 0.12, 4, no_payment=2)
    assert waits.interest.tolist() == [0.0, 0.0, 36.0, 6.0]
    assert waits.principal.tolist() == [0.0, 0.0, 600.0, 600.0]
    added = schedule(contract("equal_principal", 1_200, 0.12, 4, no_payment=2, capitalise=True))
    assert added.capitalised.tolist() == [0.0, 12.0, 12.12, 0.0, 0.0]
    assert added.balance.tolist() == [1_200.0, 1_212.0, 1_224.12, 612.06, 0.0]


def test_fees_by_hand() -> None:
    fees = Fees(upfront=5.0, upfront_share=0.01, per_payment=1.0, per_payment_share=0.002)
    got = schedule(contract("interest_only_bullet", 1_000, 0.12, 3, fees=fees))
    assert got.fees.tolist() == [15.0, 3.0, 3.0, 3.0]
    assert got.cash.tolist() == [-985.0, 13.0, 13.0, 1_013.0]


def test_a_late_payment_stands_until_it_comes() -> None:
    # 510 due on 1 February comes 29 days late: 5% of it, 2 flat, and 18.25% a year on 510.
    fees = Fees(late_flat=2.0, late_share=0.05, late_rate=0.1825)
    loan = contract("equal_principal", 1_000, 0.12, 2, fees=fees, day_count="30/360")
    late = PayLate(date(2024, 2, 1), date(2024, 3, 1))
    got = schedule(loan, [late])
    expected = 2.0 + 25.5 + round(510 * 0.1825 * 30 / 360, 2)
    assert got.day[2] == np.datetime64("2024-03-01")
    assert got.number.tolist() == [0, 2, 1]  # payments of a day before late ones
    assert got.balance.tolist() == [1_000.0, 500.0, 0.0]
    assert got.interest.tolist() == [0.0, 5.0, 10.0]
    assert got.fees.tolist() == [0.0, 0.0, expected]
    own = schedule(contract("equal_principal", 1_000, 0.12, 2), [late])
    assert own.fees[2] == pytest.approx(510 * 0.01)


# Events.


def test_a_line_drawn_and_repaid_on_any_day_by_hand() -> None:
    line = Contract(
        "revolving_line", 0.0, 0.18, date(2024, 1, 10), maturity=date(2024, 6, 10), limit=1_000.0,
        day_count="act/365",
    )  # fmt: skip
    events = [
        Draw(date(2024, 1, 20), 500.0),
        Repay(date(2024, 2, 20)),
        Draw(date(2024, 4, 2), 1_000.0),
        Repay(date(2024, 4, 3), 300.0),
    ]
    got = schedule(line, events)
    # 21 and 10 days of 500; a day of 1,000 and 7 of 700; 30 and 31 days of 700.
    daily = 0.18 / 365
    owed = [500 * 21, 500 * 10, 1_000 + 700 * 7, 700 * 30, 700 * 31]
    assert got.interest[got.interest > 0].tolist() == [round(x * daily, 2) for x in owed]
    assert got.balance.tolist() == [0.0, 500.0, 500.0, 0.0, 1_000.0, 700.0, 700.0, 700.0, 0.0]


def test_an_early_repayment_keeps_the_term_or_the_payment() -> None:
    when = Repay(START + timedelta(60), 3_000.0)  # 1 March: after the second payment
    term = schedule(contract("level_payment", 10_000, 0.12, 12), [when]).payments
    left = 10_000 - 788.49 - 796.37 - 3_000
    assert (term.interest + term.principal)[2] == level_payment(left, 0.12, 10)
    assert len(term) == 12
    sooner = schedule(contract("level_payment", 10_000, 0.12, 12, keep="payment"), [when]).payments
    assert (sooner.interest + sooner.principal)[:-1].tolist() == [888.49] * (len(sooner) - 1)
    months = -math.log(1 - left * 0.01 / 888.49) / math.log(1.01)
    assert len(sooner) == 2 + math.ceil(months)


def test_a_new_rate_sets_the_payment_anew() -> None:
    got = schedule(contract("level_payment", 10_000, 0.12, 12), [Reprice(date(2024, 7, 1), 0.24)])
    after = 6_798.42 - 820.51 - 828.71  # six payments on, as published
    assert got.payments.balance[5] == pytest.approx(after, abs=1e-9)
    level = got.payments.interest[6] + got.payments.principal[6]
    assert level == level_payment(round(after, 2), 0.24, 6)


def test_a_floating_rate_is_reset_within_floor_and_cap() -> None:
    fixings = ((date(2023, 12, 1), 0.03), (date(2024, 3, 15), 0.08), (date(2024, 9, 1), -0.5))
    rate = Floating(fixings, margin=0.02, floor=0.01, cap=0.09, reset_months=3)
    got = paid("interest_only_bullet", 12_000, rate, 12)
    # Set on 1 January, April, July, October: 5%, capped 9%, 9%, floor 1%.
    assert got.interest.tolist() == [50.0] * 3 + [90.0] * 6 + [10.0] * 3
    fixed = paid(
        "interest_only_bullet", 12_000, 0.05, 12,
        events=(Reprice(date(2024, 4, 1), 0.09), Reprice(date(2024, 10, 1), 0.01)),
    )  # fmt: skip
    assert fixed.interest.tolist() == got.interest.tolist()


# Whatever is agreed and happens.


@st.composite
def contracts(draw: st.DrawFn, kinds: Sequence[str] = LOAN_TYPES) -> Contract:
    kind = draw(st.sampled_from(kinds))
    every = draw(st.sampled_from(["day", "week", "2 weeks", "month", "quarter"]))
    count = draw(st.integers(1, 24))
    spared = draw(st.integers(0, count - 1))
    nothing = draw(st.integers(0, spared))
    start = draw(st.dates(date(2012, 1, 1), date(2026, 12, 31)))
    months = every in ("month", "quarter")
    cents = draw(st.integers(1, 10_000_000))
    first = draw(st.none() | st.integers(1, 100))
    return Contract(
        loan_type=kind,
        principal=cents / 100,
        rate=draw(st.floats(0.0, 5.0)),
        start=start,
        payments=count,
        first_payment=None if first is None else start + timedelta(first),
        payment_day=draw(st.none() | st.integers(1, 31)) if months and first is None else None,
        every=every,
        day_count=draw(st.sampled_from([d for d in DAY_COUNTS if months or "icma" not in d])),
        calendar=draw(st.sampled_from(["every-day", "none", "TARGET", "CN"])),
        convention=draw(st.sampled_from(["following", "modified_following", "preceding"])),
        adjusted_interest=draw(st.booleans()),
        interest_only=spared - nothing,
        no_payment=nothing,
        capitalise=draw(st.booleans()),
        limit=draw(st.sampled_from([None, 2 * cents / 100])),
        keep=draw(st.sampled_from(["term", "payment"])),
        fees=Fees(per_payment=draw(st.sampled_from([0.0, 0.5])), late_share=0.01),
        rounding=draw(st.sampled_from(["half-even", "half-up", "up", "down"])),
    )


def _by_paid_days(loan: Contract) -> bool:
    """Whether interest runs to the days on which is paid; a flat fee goes by those agreed."""
    return loan.adjusted_interest and loan.loan_type != "flat_fee"


@st.composite
def happenings(draw: st.DrawFn, loan: Contract) -> list[Event]:
    """Events on the days of a loan; those of amounts are small enough never to be refused."""
    days = loan.paid_days() if _by_paid_days(loan) else loan.due_days()
    due = loan.due_days()
    events: list[Event] = []
    for _ in range(draw(st.integers(0, 4))):
        inside = max((days[-1] - loan.start).days - 1, 0)
        day = loan.start + timedelta(draw(st.integers(0, inside)))
        if day >= days[-1]:
            continue
        what = draw(st.sampled_from(["draw", "all", "rate", "late"]))
        if what == "draw" and loan.limit and not loan.capitalise:
            events.append(Draw(day, max(round(loan.principal / 5, 2), 0.01)))
        elif what == "all":
            events.append(Repay(day))
        elif what == "rate":
            events.append(Reprice(day, draw(st.floats(0.0, 1.0))))
        else:
            late = draw(st.sampled_from(due))
            gap = 15 + draw(st.integers(1, 60))  # after any run of closed days
            events.append(PayLate(late, late + timedelta(gap)))
    return events


@given(st.data())
def test_every_cent_in_is_a_cent_out(data: st.DataObject) -> None:
    loan = data.draw(contracts())
    events = data.draw(happenings(loan))
    assume(loan.principal >= 0.05 or not any(isinstance(e, Draw) for e in events))
    got = schedule(loan, events)
    cents = {
        name: np.rint(100 * getattr(got, name)).astype(int)
        for name in ("drawn", "interest", "principal", "capitalised", "fees", "balance")
    }
    for name, whole in cents.items():
        np.testing.assert_allclose(100 * getattr(got, name), whole, rtol=0, atol=1e-4)
        assert (whole >= 0).all(), name
    moved = cents["drawn"] + cents["capitalised"] - cents["principal"]
    assert np.cumsum(moved).tolist() == cents["balance"].tolist()
    assert cents["balance"][-1] == 0
    if _by_paid_days(loan):
        assert (np.diff(got.day) >= np.timedelta64(0, "s")).all()
    assert (np.diff(np.unique(got.payments.number)) >= 1).all()


@given(st.data())
def test_an_event_that_changes_nothing_changes_no_cent(data: st.DataObject) -> None:
    # Instalments are set anew, to a cent's rounding.
    loan = data.draw(contracts(["bullet", "order", "interest_only_bullet", "revolving_line"]))
    days = loan.paid_days() if loan.adjusted_interest else loan.due_days()
    assume(days[-1] > loan.start)
    gap = data.draw(st.integers(0, (days[-1] - loan.start).days - 1))
    plain = schedule(loan)
    same = schedule(loan, [Reprice(loan.start + timedelta(gap), loan.rate)])  # type: ignore[arg-type]
    for name in ("day", "interest", "principal", "balance"):
        assert getattr(same, name).tolist() == getattr(plain, name).tolist(), name


@given(
    kind=st.sampled_from(LOAN_TYPES),
    cents=st.integers(1, 10_000_000),
    rate=st.floats(0.0, 5.0),
    count=st.integers(1, 60),
)
def test_a_schedule_repays_its_principal_in_whole_cents(
    kind: str, cents: int, rate: float, count: int
) -> None:
    got = paid(kind, cents / 100, rate, count)
    assert round(100 * got.principal.sum()) == cents
    assert got.balance[-1] == 0.0
    assert (got.principal >= 0.0).all()
    assert (np.diff(got.balance) <= 0.0).all()


# What is refused.


@pytest.mark.parametrize(
    ("changes", "found"),
    [
        ({"loan_type": "balloon"}, "contract: loan_type: found 'balloon'"),
        ({"principal": 0.0}, "contract: principal: found 0.0"),
        ({"principal": math.nan}, "contract: principal: found nan"),
        ({"rate": 3600.0}, "contract: rate: found 3600.0; expected 0 to 50 a year"),
        ({"rate": math.nan}, "contract: rate: found nan"),
        ({"payments": 0}, "contract: payments: found 0; expected 1 to"),
        ({"payments": None}, "contract: payments, maturity: found None, None; expected one of"),
        ({"payments": None, "maturity": START}, "contract: maturity: found 2024-01-01; expected a"),
        ({"first_payment": START}, "contract: first_payment: found 2024-01-01"),
        ({"every": "fortnight"}, "contract: every: found 'fortnight'"),
        ({"every": "at maturity"}, "contract: maturity: found None; expected the day of the only"),
        ({"day_count": "30/361"}, "contract: day_count: found '30/361'"),
        ({"every": "day", "day_count": "act/act-icma"}, "expected payments by months"),
        ({"every": "day", "payment_day": 3}, "contract: payment_day: found 3"),
        ({"payment_day": 32}, "contract: payment_day: found 32"),
        ({"calendar": "XX"}, "contract: calendar: found 'XX'"),
        ({"convention": "nearest"}, "contract: convention: found 'nearest'"),
        ({"limit": 5.0}, "contract: limit: found 5.0; expected the principal"),
        ({"no_payment": 2, "interest_only": 1}, "interest_only: found 3; expected less than 3"),
        ({"no_payment": -1}, "contract: no_payment: found -1"),
        ({"unit": 0.0}, "contract: unit: found 0.0"),
        ({"fees": Fees(late_share=-1.0)}, "contract: fees.late_share: found -1.0"),
        ({"rate": Floating(())}, "contract: rate.fixings: found 0 days"),
        ({"rate": Floating(((START, math.nan),))}, "that is no number"),
        ({"rate": Floating(((START, 0.1),), floor=0.3, cap=0.2)}, "floor 0.3, cap 0.2"),
        ({"rate": Floating(((START, 0.1),), reset_months=0)}, "reset_months: found 0"),
    ],
)
def test_terms_that_make_no_contract(changes: dict[str, Any], found: str) -> None:
    plain = {"loan_type": "bullet", "principal": 1e3, "rate": 0.1, "start": START, "payments": 3}
    with pytest.raises(InputError) as caught:
        Contract(**plain | changes)
    assert found in str(caught.value)


def test_all_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(InputError) as caught:
        Contract("balloon", -1.0, 99.0, START, payments=0, every="fortnight")
    assert len(caught.value.problems) == 5


def test_events_that_cannot_be() -> None:
    loan = contract("equal_principal", 1_000, 0.12, 2, limit=1_200.0)
    events = [
        Draw(date(2024, 1, 15), 300.0),
        Repay(date(2024, 2, 15), 900.0),
        Draw(date(2023, 12, 31), 1.0),
        Reprice(date(2024, 3, 1), 0.1),
        Draw(date(2024, 1, 15), math.nan),
        PayLate(date(2024, 2, 2), date(2024, 2, 9)),
        PayLate(date(2024, 2, 1), date(2024, 2, 1)),
    ]
    with pytest.raises(InputError) as caught:
        schedule(loan, events)
    text = str(caught.value)
    for expected in (
        "Draw: found 300.00; expected at most 200.00 on 2024-01-15",
        "Repay: found 900.00; expected at most what is owed, 500.00, on 2024-02-15",
        "Draw: found 2023-12-31; expected a day from 2024-01-01 to before 2024-03-01",
        "Reprice: found 2024-03-01; expected a day from",
        "nan",
        "PayLate: found no payment due on 2024-02-02; expected the day of a payment",
        "PayLate: found paid on 2024-02-01; expected a day after 2024-02-01",
    ):
        assert expected in text
    assert len(caught.value.problems) == 7
