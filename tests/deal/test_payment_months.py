"""Payment dates by calendar months in deals that settle by day or week, against dateutil."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from dateutil.relativedelta import relativedelta
from dateutil.rrule import MONTHLY, rrule
from pydantic import ValidationError

from scfcap.deal.structure import Calendar
from scfcap.periods import PeriodGrid

from .dealing import pool_of, spec_of

TERMS = {
    "day_count": "act/365",
    "tranches": {
        "A": {"balance": 80.0, "coupon": 0.05},
        "R": {"kind": "equity", "balance": 20.0},
    },
    "waterfall": {"amortising": [{"pay": "interest", "to": "A"}, {"pay": "principal", "to": "A"}]},
}


def paid(closing: date, periods: int, begin: date | None = None, **settlement: object):
    """Payment dates of a deal over so many periods from its closing or a later opening."""
    terms = TERMS | {"closing": closing, "settlement": settlement}
    if begin is not None:
        terms |= {"opening": {"date": begin, "balances": {"A": 80.0}, "pool_at_closing": 100.0}}
    grid = PeriodGrid.build(begin or closing, periods, settlement["frequency"])
    calendar = Calendar.of(spec_of(terms), grid)
    return [day for day, pays in zip(calendar.dates, calendar.pays, strict=True) if pays]


@pytest.mark.parametrize(("word", "step"), [("month", 1), ("quarter", 3)])
@pytest.mark.parametrize("closing", [date(2019, 12, 15), date(2020, 1, 30), date(2019, 8, 31)])
def test_days_of_the_month_of_closing(closing: date, word: str, step: int) -> None:
    found = paid(closing, 800, frequency="day", payment_every=word)
    until = closing + timedelta(days=800)
    every = (closing + relativedelta(months=step * k) for k in range(1, 40))
    assert found == [day for day in every if day <= until]


def test_month_ends_stay_month_ends() -> None:
    found = paid(date(2020, 2, 29), 400, frequency="day", payment_every="month")
    ends = rrule(MONTHLY, dtstart=date(2020, 3, 31), count=13, bymonthday=-1)
    assert found == [day.date() for day in ends]


def test_weeks_are_paid_for_with_the_last_that_ends_by_the_day() -> None:
    closing = date(2020, 1, 15)
    found = paid(closing, 60, frequency="week", payment_every="month")
    dues = [closing + relativedelta(months=k) for k in range(1, 14)]
    weeks = [closing + timedelta(days=7 * k) for k in range(1, 61)]
    assert found == [max(week for week in weeks if week <= due) for due in dues]


def test_a_first_payment_sets_the_day_and_its_delay_is_kept() -> None:
    settlement = {"first_payment": date(2020, 5, 15), "delay_days": 15, "frequency": "day"}
    found = paid(date(2020, 1, 10), 300, payment_every="quarter", **settlement)
    ends = [date(2020, 4, 30), date(2020, 7, 31), date(2020, 10, 31)]
    assert found == [day + timedelta(days=15) for day in ends]
    assert found[0] == date(2020, 5, 15)


def test_months_of_a_monthly_grid_are_its_periods() -> None:
    closing = date(2020, 1, 31)
    by_word = paid(closing, 24, frequency="month", payment_every="month")
    assert by_word == paid(closing, 24, frequency="month", payment_every=1)
    quarters = paid(closing, 24, frequency="month", payment_every="quarter")
    assert quarters == paid(closing, 24, frequency="month", payment_every=3)


@pytest.mark.parametrize("begin", [date(2020, 3, 4), date(2020, 4, 15), date(2020, 4, 14)])
def test_a_deal_that_stands_keeps_its_days(begin: date) -> None:
    closing = date(2019, 12, 15)
    whole = paid(closing, 400, frequency="day", payment_every="month")
    later = paid(closing, 250, begin, frequency="day", payment_every="month")
    last = begin + timedelta(days=250)
    assert later == [day for day in whole if begin < day <= last]


def test_interest_is_that_of_the_days_between() -> None:
    terms = TERMS | {"closing": date(2020, 1, 31)}
    terms["settlement"] = {"frequency": "day", "payment_every": "month"}
    spec = spec_of(terms)
    grid = PeriodGrid.build(spec.closing, 91, "day")
    from scfcap.deal.engine import Surroundings, run_deal
    from scfcap.deal.structure import Deal

    none = np.zeros(91)
    income = none.copy()
    income[[28, 59, 89]] = 5.0  # on 29 February, 31 March, 30 April
    result = run_deal(Deal.of("d", spec, grid), pool_of(100.0, none, income), Surroundings())
    got = result.of("interest_paid", "A")[0]
    balance, expected = 80.0, {}
    for period, days in ((28, 29), (59, 31), (89, 30)):
        expected[period] = balance * 0.05 * days / 365.0
        balance -= 5.0 - expected[period]
    assert np.flatnonzero(got).tolist() == sorted(expected)
    assert got[list(expected)] == pytest.approx(list(expected.values()), rel=1e-12)


@pytest.mark.parametrize("every", [0, 401, "year", 1.5])
def test_other_steps_are_refused(every: object) -> None:
    with pytest.raises(ValidationError, match="payment_every"):
        spec_of(TERMS | {"settlement": {"payment_every": every}})
