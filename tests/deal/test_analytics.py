"""Price, yield, spreads and run-off of classes beside QuantLib, prospectuses and closed forms."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813  (the name that its users know)
from hypothesis import given
from hypothesis import strategies as st

from scfcap.credit.term_structure import TermStructure
from scfcap.deal.analytics import (
    at_price,
    at_yield,
    discount_margin,
    i_spread,
    principal_window,
    root,
    value_at_margin,
    value_over,
    z_spread,
)
from scfcap.deal.class_figures import ClassFigures
from scfcap.deal.holders import Holdings, outstanding
from scfcap.deal.outcome import DealRun
from scfcap.errors import InputError
from scfcap.schema.curves import CurveSpec
from scfcap.schema.holders import AnalyticsSpec
from tests.witnesses import credit
from tests.witnesses.book import holds

from .dealing import pool_of, run

CLOSING = date(2020, 1, 15)

#: Two classes in order and a residual, one month after the other.
PLAIN = """
closing = 2020-01-15
[tranches.A]
balance = 600.0
coupon = 0.06
[tranches.B]
balance = 300.0
coupon = 0.09
[tranches.R]
kind = "equity"
balance = 100.0
[[waterfall.amortising]]
pay = "interest"
to = ["A", "B"]
split = "in order"
[[waterfall.amortising]]
pay = "principal"
to = ["A", "B"]
split = "in order"
up_to = "collected_principal"
[[waterfall.amortising]]
pay = "residual"
to = "R"
"""
PAID = np.array([[80.0] * 12 + [20.0, 20.0], [40.0] * 14])
EARNED = np.full(14, 10.0)


def plain(terms: str = PLAIN, principal: Any = PAID) -> DealRun:
    return run(terms, pool_of(1000.0, principal, EARNED), 14)


def curve(**changes: Any) -> TermStructure:
    terms: dict[str, Any] = {
        "as_of": date(2019, 12, 20), "valid_days": 30, "source": "a test",
        "tenors": (0.25, 0.5, 1.0, 2.0, 5.0), "rates": (0.02, 0.022, 0.025, 0.03, 0.035),
    }  # fmt: skip
    return TermStructure.of("usd", CurveSpec.model_validate(terms | changes))


def day_of(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


def leg(holdings: Holdings, k: int, j: int) -> list[ql.CashFlow]:
    dates = holdings.run.deal.calendar.dates
    return [
        ql.SimpleCashFlow(float(amount), day_of(day))
        for amount, day in zip(holdings.flows[k, j], dates, strict=True)
        if amount > 0.0
    ]


def test_window() -> None:
    assert principal_window(np.array([0.0, 0.004, 5.0, 0.0, 1.0, 0.0])) == (3, 5)
    assert principal_window(np.zeros(3)) == (0, 0)


def test_windows_and_lives_by_hand() -> None:
    """A gets 600 in months of 80, B the rest; the second pool pays 40 a month, 560 in all."""
    holdings = Holdings.of(plain())
    first, last = holdings.window
    assert first.tolist() == [[1, 8, 0], [1, 0, 0]]
    assert last.tolist() == [[8, 12, 0], [14, 0, 0]]
    life = (80 * sum(range(1, 8)) + 40 * 8) / 600 / 12
    assert holdings.average_life[0, 0] == pytest.approx(life, rel=1e-12)
    assert holdings.average_life[1, 0] == pytest.approx(sum(range(1, 15)) / 14 / 12, rel=1e-12)
    np.testing.assert_allclose(holdings.unpaid[:, :2], [[0, 0], [40 / 600, 1]], atol=1e-12)


@pytest.mark.parametrize("per_year", [1, 2, 12])
@pytest.mark.parametrize("settlement", [CLOSING, date(2020, 5, 2)])
def test_yields_and_durations_as_in_quantlib(settlement: date, per_year: int) -> None:
    """ql.CashFlows on the same flows, days by 30/360."""
    holdings = Holdings.of(plain(), settlement)
    priced = at_price(holdings, np.array([99.5, 101.25, 80.0]), per_year=per_year)
    counted = ql.Thirty360(ql.Thirty360.BondBasis)
    often = {1: ql.Annual, 2: ql.Semiannual, 12: ql.Monthly}[per_year]
    for k, j in ((0, 0), (0, 1), (1, 0), (0, 2)):
        flows, on = leg(holdings, k, j), day_of(settlement)
        full = float(priced.full[k, j])
        rate = ql.CashFlows.yieldRate(
            *(flows, full, counted, ql.Compounded, often, False, on, on), 1e-14, 1000
        )
        assert priced.measures.rate[k, j] == pytest.approx(rate, abs=1e-10)
        terms = (flows, ql.InterestRate(rate, counted, ql.Compounded, often))
        for ours, kind in (
            (priced.measures.macaulay, ql.Duration.Macaulay),
            (priced.measures.modified, ql.Duration.Modified),
        ):
            peer = ql.CashFlows.duration(*terms, kind, False, on)
            assert ours[k, j] == pytest.approx(peer, abs=1e-8)
        peer = ql.CashFlows.convexity(*terms, False, on)
        assert priced.measures.convexity[k, j] == pytest.approx(peer, abs=1e-7)


@pytest.mark.parametrize(
    ("per_year", "compounding", "often"),
    [(np.inf, ql.Continuous, ql.Annual), (2, ql.Compounded, ql.Semiannual),
     (12, ql.Compounded, ql.Monthly)],
)  # fmt: skip
def test_z_spreads_as_in_quantlib(per_year: float, compounding: int, often: int) -> None:
    """ql.CashFlows.zSpread over the same curve; the price at the spread is the price."""
    holdings = Holdings.of(plain())
    priced = at_price(holdings, np.array([98.0, 103.0, 60.0]), per_year=per_year)
    days = [CLOSING + timedelta(days=n) for n in (0, 91, 182, 365, 730, 1825)]
    ours = curve(as_of=CLOSING, tenors=(), dates=days[1:])
    factors = [1.0, *ours.discount(ours.times[1:])]
    peer = ql.DiscountCurve([day_of(day) for day in days], factors, ql.Actual365Fixed())
    found = z_spread(priced, ours)
    on = day_of(CLOSING)
    for k, j in ((0, 0), (0, 1), (1, 0), (0, 2)):
        spread = ql.CashFlows.zSpread(
            *(leg(holdings, k, j), float(priced.full[k, j]), peer, ql.Actual365Fixed()),
            *(compounding, often, False, on, on),
        )
        assert found[k, j] == pytest.approx(spread, abs=1e-8), (k, j)
    np.testing.assert_allclose(
        value_over(holdings, ours, found, per_year)[0], priced.full[0], rtol=1e-10
    )
    # B of the second pool gets a tenth of its price back: no spread above the least.
    assert np.argwhere(np.isnan(found)).tolist() == [[1, 1]]


def test_the_spread_over_a_level_curve_is_the_difference_of_yields() -> None:
    """Both spreads, in closed form: by act/365 from the curve's day, 4% with 2 compoundings."""
    level = curve(as_of=CLOSING, tenors=(10.0,), rates=(0.04,), compounding="semiannual")
    holdings = Holdings.of(plain(), day_count="act/365")
    priced = at_price(holdings, 99.0)
    over = priced.measures.rate - 0.04
    np.testing.assert_allclose(z_spread(priced, level)[0, :2], over[0, :2], atol=1e-11)
    life = holdings.average_life
    np.testing.assert_allclose(
        i_spread(priced, level)[0, :2],
        priced.measures.rate[0, :2] - level.par_rate(life[0, :2], 2),
        atol=1e-14,
    )
    assert float(level.par_rate(1.0, 2)) == pytest.approx(0.04, rel=1e-12)


def test_a_later_settlement_sees_the_curve_from_there() -> None:
    """Between settlement and payment the discount factor is that of the one over the other's."""
    ours = curve(interpolation="linear_zero")
    holdings = Holdings.of(plain(), date(2020, 3, 25))
    nothing = value_over(holdings, ours, np.zeros((2, 3)), 2)
    dates = holdings.run.deal.calendar.dates
    at = np.array([(day - date(2019, 12, 20)).days / 365 for day in dates])
    begun = (date(2020, 3, 25) - date(2019, 12, 20)).days / 365
    expected = holdings.flows @ (ours.discount(at) / float(ours.discount(begun)))
    np.testing.assert_allclose(nothing, expected, rtol=1e-12)


def test_accrued_interest_and_clean_prices() -> None:
    """On 2020-05-02 by 30/360 of the month from 15 April: 17/30 of a month's coupon."""
    settlement = date(2020, 5, 2)
    holdings = Holdings.of(plain(), settlement)
    assert holdings.par[0].tolist() == [600 - 240, 300, 100]
    np.testing.assert_allclose(
        holdings.accrued[0], [360 * 0.06 / 12 * 17 / 30, 300 * 0.09 / 12 * 17 / 30, 0], rtol=1e-12
    )
    priced = at_price(holdings, 100.0)
    np.testing.assert_allclose(priced.dirty[0, 0] - priced.clean[0, 0], 0.5 * 17 / 30, rtol=1e-12)
    assert holdings.flows[0, 0, :3].tolist() == [0.0, 0.0, 0.0]
    on_the_day = Holdings.of(plain(), date(2020, 4, 15))
    assert on_the_day.accrued[0].tolist() == [0.0, 0.0, 0.0]
    assert on_the_day.par[0, 0] == 360


def test_a_class_at_par_on_a_payment_date_yields_its_coupon() -> None:
    """Monthly coupons at par: 6% and 9% a year with 12 compoundings, whatever the run-off."""
    found = at_price(Holdings.of(plain()), 100.0, per_year=12).measures.rate
    np.testing.assert_allclose(found[0, :2], [0.06, 0.09], atol=1e-12)
    clean = at_yield(Holdings.of(plain()), np.array([0.06, 0.09, 0.1]), per_year=12).clean
    np.testing.assert_allclose(clean[0, :2], 100.0, rtol=1e-12)


def test_first_interest_later_and_interest_that_is_added() -> None:
    """What accrues before the first payment is accrued from closing on; so is what is added."""
    terms = PLAIN.replace("coupon = 0.06", "coupon = 0.06\nfirst_interest = 2020-04-15")
    holdings = Holdings.of(plain(terms), date(2020, 2, 28))
    by_hand = 600 * 0.06 / 12 + 520 * 0.06 / 12 * 13 / 30
    assert holdings.accrued[0, 0] == pytest.approx(by_hand, rel=1e-12)
    terms = PLAIN.replace("coupon = 0.09", 'coupon = 0.09\nkind = "accrual"')
    holdings = Holdings.of(plain(terms), date(2020, 2, 28))
    grown = 300 * (1 + 0.09 / 12)
    assert holdings.par[0, 1] == pytest.approx(grown, rel=1e-12)
    assert holdings.accrued[0, 1] == pytest.approx(grown * 0.09 / 12 * 13 / 30, rel=1e-12)
    # Interest that is added is not counted as principal below zero (BMA SF, H.1, Z bonds).
    assert holdings.average_life[0, 1] > 0.0


def test_a_deal_opened_on_a_day_is_worth_what_it_was_worth_on_it() -> None:
    """Run from closing and bought after two payments, or opened there with what had accrued."""
    terms = PLAIN.replace("coupon = 0.06", "coupon = 0.06\nfirst_interest = 2020-06-15")
    whole = Holdings.of(plain(terms, PAID[0]), date(2020, 3, 15))
    opening = f"""
[opening]
date = 2020-03-15
balances = {{ A = 440.0, B = 300.0, R = 100.0 }}
accrued = {{ A = {(600 + 520) * 0.06 / 12} }}
pool_at_closing = 1000.0
payments_made = 2
"""
    later = run(terms + opening, pool_of(840.0, PAID[0, 2:], EARNED[2:]), 12)
    held = Holdings.of(later)
    np.testing.assert_allclose(held.accrued, whole.accrued, rtol=1e-12)
    np.testing.assert_allclose(held.par, whole.par, rtol=1e-12)
    mine, other = at_price(held, 99.0), at_price(whole, 99.0)
    assert held.accrued[0, 0] == pytest.approx(5.6)
    np.testing.assert_allclose(mine.measures.rate, other.measures.rate, rtol=1e-10)
    np.testing.assert_allclose(mine.measures.average_life, other.measures.average_life, rtol=1e-12)


FLOATING = PLAIN.replace("coupon = 0.06", 'kind = "floating"\nindex = "libor"\nmargin = 0.015')
LEVELS = np.array([0.02 + 0.001 * t for t in range(15)])


def test_a_floater_at_par_earns_its_margin() -> None:
    made = run(FLOATING, pool_of(1000.0, PAID, EARNED), 14, indices={"libor": LEVELS})
    for settlement in (CLOSING, date(2020, 4, 15)):
        holdings = Holdings.of(made, settlement)
        found = discount_margin(at_price(holdings, 100.0), {"libor": LEVELS[None]})
        assert found[0, 0] == pytest.approx(0.015, abs=1e-12)
        assert np.isnan(found[0, 1:]).all()


def test_discount_margin_between_payment_dates_by_hand() -> None:
    """Each factor is 1 + (index + margin) x years; the first period by what is left of it."""
    made = run(FLOATING, pool_of(1000.0, PAID, EARNED), 14, indices={"libor": LEVELS})
    holdings = Holdings.of(made, date(2020, 2, 1))
    margin = 0.0234
    growth = [1 + (LEVELS[0] + margin) / 12 * 14 / 31]
    growth += [1 + (LEVELS[t] + margin) / 12 for t in range(1, 14)]
    full = float(holdings.flows[0, 0] @ (1 / np.cumprod(growth)))
    assert value_at_margin(holdings, {"libor": LEVELS[None]}, np.full((2, 3), margin))[
        0, 0
    ] == pytest.approx(full, rel=1e-12)
    clean = 100.0 * (full - holdings.accrued[0, 0]) / 600.0
    found = discount_margin(at_price(holdings, clean), {"libor": LEVELS[None]})
    assert found[0, 0] == pytest.approx(margin, abs=1e-12)


STRIP = """
closing = 2020-01-15
[tranches.A]
balance = 1000.0
coupon = 0.03
[tranches.X]
kind = "interest_only"
notional = "0.5 * balance.A"
coupon = 0.02
[[waterfall.amortising]]
pay = "interest"
to = ["A", "X"]
[[waterfall.amortising]]
pay = "principal"
to = "A"
up_to = "collected_principal"
[[waterfall.amortising]]
pay = "account"
to = "collected"
[accounts.collected]
"""


def test_an_interest_only_class_is_priced_on_its_notional() -> None:
    made = run(STRIP, pool_of(1000.0, np.full(10, 100.0), 10.0), 10)
    assert outstanding(made)[0, 1].tolist() == [50.0 * left for left in range(10, -1, -1)]
    holdings = Holdings.of(made)
    assert holdings.par[0, 1] == 500.0
    assert np.isnan(holdings.unpaid[0, 1])
    assert np.isnan(holdings.average_life[0, 1])
    priced = at_price(holdings, 0.8)
    flows = 0.02 / 12 * np.arange(500, 0, -50.0)
    found = (flows * (1 + priced.measures.rate[0, 1] / 2) ** (-np.arange(1, 11) / 6)).sum()
    assert found == pytest.approx(0.8 / 100 * 500, rel=1e-10)


def test_an_interest_only_class_without_a_price_has_no_figures() -> None:
    made = run(STRIP, pool_of(1000.0, np.full(10, 100.0), 10.0), 10)
    frame = ClassFigures(made, AnalyticsSpec(), None, {}, lambda _: made, lambda: made).frame()
    row = frame.set_index("tranche").loc["X"]
    assert row["note"] == "no price is stated"
    assert row[["yield", "clean_price", "effective_duration"]].isna().all()
    assert row["outstanding"] == 500.0
    priced = AnalyticsSpec(prices={"X": 0.8})
    frame = ClassFigures(made, priced, None, {}, lambda _: made, lambda: made).frame()
    row = frame.set_index("tranche").loc["X"]
    assert row["note"] == ""
    assert row["yield"] > 0.0


def test_no_figure_where_there_is_none() -> None:
    holdings = Holdings.of(plain())
    priced = at_price(holdings, 100.0)
    assert np.isnan(priced.measures.rate[1, 1]) == (holdings.flows[1, 1].sum() == 0.0)
    assert np.isnan(z_spread(at_price(holdings, 1e-9), curve())[0, 0])
    with pytest.raises(InputError, match="2021-03-15; expected a day from 2020-01-15 to before"):
        Holdings.of(plain(), date(2021, 3, 15))
    with pytest.raises(InputError, match="no margin between 0 and 1: off by 1 at the one end and"):
        root(lambda x: 1.0 + x, 0.0, 1.0, what="margin", where="a test")
    assert root(lambda x: x * x - 2.0, 0.0, 2.0, what="x", where="a test") == pytest.approx(2**0.5)


def test_the_value_of_a_bond_over_ratings_a_year_on() -> None:
    holds(credit.rated_bond())


paid = st.lists(st.floats(0.0, 100.0), min_size=14, max_size=14)


@given(paid, st.floats(-0.5, 3.0), st.floats(1e-4, 0.5), st.sampled_from([1, 2, 12]))
def test_price_falls_as_yield_rises_and_each_gives_the_other(
    principal: list[float], rate: float, more: float, per_year: int
) -> None:
    holdings = Holdings.of(plain(principal=principal), date(2020, 1, 30))
    low = at_yield(holdings, rate, per_year=per_year)
    high = at_yield(holdings, rate + more, per_year=per_year)
    there = low.full > 1e-6
    assert (high.clean < low.clean)[there].all()
    back = at_price(holdings, low.clean, per_year=per_year).measures.rate
    np.testing.assert_allclose(back[there], rate, rtol=1e-7, atol=1e-7)


@given(paid)
def test_average_life_lies_inside_the_principal_window(principal: list[float]) -> None:
    holdings = Holdings.of(plain(principal=principal))
    first, last = holdings.window
    for j in range(3):
        if first[0, j]:
            assert holdings.times[0] * 0.999999 <= holdings.average_life[0, j]
            least = holdings.times[first[0, j] - 1]
            most = holdings.times[last[0, j] - 1]
            size = holdings.principal[0, j].sum()
            slack = 14 * 0.005 / size * 14 / 12
            assert least - slack <= holdings.average_life[0, j] <= most + slack
