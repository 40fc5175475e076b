"""Curves of rates beside QuantLib and closed forms."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813  (the name that its users know)
from hypothesis import given
from hypothesis import strategies as st

from scfcap.credit.indices import Indices
from scfcap.credit.term_structure import PER_YEAR, TermStructure
from scfcap.errors import InputError
from scfcap.schema.contract import Fixing, IndexSpec
from scfcap.schema.curves import CurveSpec

AS_OF = date(2018, 3, 30)
#: Zero rates of the kind of that spring; any would do.
RATES = (0.0169, 0.0178, 0.0195, 0.0212, 0.0229, 0.0241, 0.0258, 0.0268, 0.0276)
DATES = tuple(AS_OF + timedelta(days=n) for n in (31, 92, 184, 365, 731, 1096, 1827, 2557, 3653))
ASKED = [AS_OF + timedelta(days=n) for n in (1, 17, 31, 60, 200, 365, 900, 1827, 3000, 3653)]
BEYOND = [AS_OF + timedelta(days=n) for n in (3700, 4500, 7000)]
COMPOUNDED = {
    "continuous": (ql.Continuous, ql.Annual),
    "annual": (ql.Compounded, ql.Annual),
    "semiannual": (ql.Compounded, ql.Semiannual),
    "quarterly": (ql.Compounded, ql.Quarterly),
    "monthly": (ql.Compounded, ql.Monthly),
}
DAY_COUNTS = {
    "act/365": ql.Actual365Fixed(),
    "act/360": ql.Actual360(),
    "30/360": ql.Thirty360(ql.Thirty360.BondBasis),
    "30E/360": ql.Thirty360(ql.Thirty360.EurobondBasis),
    "act/act-isda": ql.ActualActual(ql.ActualActual.ISDA),
}


def curve(**changes: Any) -> TermStructure:
    terms: dict[str, Any] = {
        "as_of": AS_OF, "valid_days": 5, "source": "a test", "dates": DATES, "rates": RATES,
        "extrapolation": "flat_forward",
    }  # fmt: skip
    return TermStructure.of("usd", CurveSpec.model_validate(terms | changes))


def day_of(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


@pytest.mark.parametrize("day_count", DAY_COUNTS)
@pytest.mark.parametrize("compounding", COMPOUNDED)
def test_linear_zero_rates_as_in_quantlib(compounding: str, day_count: str) -> None:
    """ql.ZeroCurve joins continuous zero rates by lines, and goes on at the last forward rate."""
    ours = curve(interpolation="linear_zero", compounding=compounding, day_count=day_count)
    # QuantLib asks for a rate on the curve's own day; ours is level up to the first point.
    force = float(ours.zero_rate(ours.times[1]))
    per_year = PER_YEAR[compounding]
    first = force if np.isinf(per_year) else per_year * np.expm1(force / per_year)
    peer = ql.ZeroCurve(
        [day_of(AS_OF), *map(day_of, DATES)],
        [first, *RATES],
        DAY_COUNTS[day_count],
        ql.NullCalendar(),
        ql.Linear(),
        *COMPOUNDED[compounding],
    )
    peer.enableExtrapolation()
    times = ours.years(ASKED + BEYOND)
    expected = [peer.discount(day_of(day)) for day in ASKED + BEYOND]
    np.testing.assert_allclose(ours.discount(times), expected, rtol=1e-12)
    for many, often in ((1, ql.Annual), (2, ql.Semiannual), (12, ql.Monthly)):
        rates = [peer.zeroRate(t, ql.Compounded, often, True).rate() for t in times[1:]]
        np.testing.assert_allclose(ours.zero_rate(times[1:], many), rates, rtol=1e-10)


def test_log_linear_discount_factors_as_in_quantlib() -> None:
    ours = curve()
    factors = ours.discount(ours.times)
    peer = ql.DiscountCurve(
        [day_of(AS_OF), *map(day_of, DATES)], list(factors), ql.Actual365Fixed()
    )
    peer.enableExtrapolation()
    expected = [peer.discount(day_of(day)) for day in ASKED + BEYOND]
    np.testing.assert_allclose(ours.discount(ours.years(ASKED + BEYOND)), expected, rtol=1e-12)
    begins, ends = ASKED[:-1], ASKED[1:]
    forwards = ours.simple_forward(ours.years(begins), ours.years(ends))
    rates = [
        peer.forwardRate(day_of(a), day_of(b), ql.Actual365Fixed(), ql.Simple).rate()
        for a, b in zip(begins, ends, strict=True)
    ]
    np.testing.assert_allclose(forwards, rates, rtol=1e-10)


def test_forward_rates_as_in_quantlib() -> None:
    """ql.ForwardCurve holds each rate back to the point before it."""
    ours = curve(kind="forward")
    peer = ql.ForwardCurve(
        [day_of(AS_OF), *map(day_of, DATES)], [RATES[0], *RATES], ql.Actual365Fixed()
    )
    expected = [peer.discount(day_of(day)) for day in ASKED]
    np.testing.assert_allclose(ours.discount(ours.years(ASKED)), expected, rtol=1e-12)


def test_simple_rates_in_closed_form() -> None:
    ours = curve(dates=(), tenors=(0.5, 1.0), rates=(0.02, 0.03), compounding="simple")
    np.testing.assert_allclose(ours.discount([0.5, 1.0]), [1 / 1.01, 1 / 1.03], rtol=1e-14)
    ours = curve(
        dates=(), tenors=(0.5, 1.0), rates=(0.02, 0.03), compounding="simple", kind="forward"
    )
    np.testing.assert_allclose(ours.discount([0.5, 1.0]), [1 / 1.01, 1 / 1.01 / 1.015], rtol=1e-14)


def test_par_rate_as_a_bond_of_quantlib() -> None:
    """The coupon at which a bond without a short period is worth par, and with one by hand."""
    ours = curve(dates=(), tenors=(1.0, 2.0, 5.0), rates=(0.02, 0.025, 0.03))
    days = [float(k) / 2.0 for k in range(1, 7)]
    factors = ours.discount(days)
    coupon = float(ours.par_rate(3.0, 2))
    assert coupon / 2.0 * factors.sum() + factors[-1] == pytest.approx(1.0, rel=1e-13)
    level = curve(dates=(), tenors=(10.0,), rates=(0.04,), compounding="semiannual")
    peer = ql.FlatForward(day_of(AS_OF), 0.04, ql.Actual365Fixed(), ql.Compounded, ql.Semiannual)
    assert float(level.par_rate(7.0, 2)) == pytest.approx(0.04, rel=1e-13)
    assert float(level.discount(7.0)) == pytest.approx(peer.discount(7.0), rel=1e-13)
    short = ours.discount([0.2, 0.7])
    expected = (1.0 - short[1]) / (0.2 * short[0] + 0.5 * short[1])
    np.testing.assert_allclose(ours.par_rate([0.7, np.nan], 2), [expected, np.nan], rtol=1e-13)


def test_extrapolation_is_refused_or_as_stated() -> None:
    with pytest.raises(InputError, match=r"points up to 2 years and a rate asked for at 3 years"):
        curve(dates=(), tenors=(1.0, 2.0), rates=(0.02, 0.03), extrapolation="refuse").discount(3.0)
    flat = curve(dates=(), tenors=(1.0, 2.0), rates=(0.02, 0.03), extrapolation="flat_zero")
    assert float(flat.zero_rate(7.0)) == pytest.approx(0.03, rel=1e-14)
    assert float(curve(
        dates=(), tenors=(1.0, 2.0), rates=(0.02, 0.03)
    ).log_discount(3.0)) == pytest.approx(-(0.06 + 0.04), rel=1e-14)  # fmt: skip


def test_a_move_adds_to_all_zero_rates() -> None:
    ours, times = curve(), np.array([0.3, 2.0, 9.0, 12.0])
    moved = ours.moved(0.001)
    np.testing.assert_allclose(moved.zero_rate(times) - ours.zero_rate(times), 0.001, atol=1e-14)


def test_no_rate_before_the_curve() -> None:
    with pytest.raises(InputError, match="2018-03-30, and a rate asked for on 2018-03-01"):
        curve().years([date(2018, 3, 1)])
    with pytest.raises(InputError, match="a time of -1 years"):
        curve().discount(-1.0)


@given(
    st.lists(st.floats(0.0, 0.3), min_size=1, max_size=8),
    st.sampled_from(["linear_zero", "log_linear_discount"]),
    st.sampled_from([*COMPOUNDED, "simple"]),
    st.floats(0.0, 1.0),
)
def test_stated_rates_come_back_at_their_points(
    rates: list[float], interpolation: str, compounding: str, part: float
) -> None:
    tenors = tuple(0.5 * k for k in range(1, len(rates) + 1))
    ours = curve(
        dates=(), tenors=tenors, rates=tuple(rates), interpolation=interpolation,
        compounding=compounding,
    )  # fmt: skip
    for time, rate in zip(tenors, rates, strict=True):
        if compounding == "simple":
            found = float(ours.simple_forward(0.0, time))
        else:
            found = float(ours.zero_rate(time, PER_YEAR[compounding]))
        assert found == pytest.approx(rate, abs=1e-12)
    middle = part * tenors[-1]
    two = ours.log_discount(middle) + (ours.log_discount(tenors[-1]) - ours.log_discount(middle))
    assert float(two) == pytest.approx(float(ours.log_discount(tenors[-1])), abs=1e-12)


def test_an_index_follows_the_forward_rates_of_its_curve() -> None:
    """Fixings hold up to the curve's day, then come forwards of ql.DiscountCurve over 3 months."""
    spec = curve().spec
    fixings = tuple(
        Fixing(day=day, rate=rate)
        for day, rate in ((date(2018, 1, 2), 0.0151), (date(2018, 3, 1), 0.0160))
    )
    index = IndexSpec(fixings=fixings, curve="usd", months=3)
    levels = Indices({"libor": index}, {"usd": spec}).levels(["libor"], date(2018, 2, 1), 400)[0]
    begun = (AS_OF - date(2018, 2, 1)).days
    assert levels[0] == 0.0151
    assert levels[28] == 0.0160
    assert levels[begun - 1] == 0.0160
    ours = curve()
    peer = ql.DiscountCurve(
        [day_of(AS_OF), *map(day_of, DATES)], list(ours.discount(ours.times)), ql.Actual365Fixed()
    )
    for ahead in (0, 1, 62, 200):
        day = day_of(AS_OF + timedelta(days=ahead))
        rate = peer.forwardRate(
            *(day, ql.NullCalendar().advance(day, 3, ql.Months), ql.Actual365Fixed(), ql.Simple)
        )
        assert levels[begun + ahead] == pytest.approx(rate.rate(), rel=1e-9)


def test_an_index_without_fixings_begins_with_the_first_forward_rate() -> None:
    index = {"libor": IndexSpec(curve="usd", months=1)}
    levels = Indices(index, {"usd": curve().spec}).levels(["libor"], date(2018, 3, 1), 60)[0]
    assert levels[0] == levels[29]
    assert levels[0] == pytest.approx(float(curve().simple_forward(0.0, 31 / 365)), rel=1e-12)
    with pytest.raises(InputError, match=r'indices\.libor\.curve: found "usd"'):
        Indices(index).levels(["libor"], date(2018, 3, 1), 60)
