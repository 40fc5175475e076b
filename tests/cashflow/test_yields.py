"""Measures of a security beside the bond market's printed example, QuantLib and closed forms."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813  (the name that its users know)
from hypothesis import given
from hypothesis import strategies as st

from scfcap.cashflow.yields import (
    average_life,
    bond_equivalent_yield,
    convexity,
    effective,
    equivalent_rate,
    macaulay_duration,
    measures,
    modified_duration,
    mortgage_yield,
    payment_times,
    present_value,
    total_return,
    yield_of,
)
from scfcap.errors import InputError

Published = Callable[[str], dict[str, Any]]


@pytest.fixture(scope="module")
def ginnie(published: Published) -> dict[str, Any]:
    """BMA, Uniform Practices, pp. SF-50 to SF-51: a new 9% Ginnie Mae at 150 PSA, at par.

    With the security's flows per 100 of par: ``principal``, ``interest``, ``closing``, ``times``.
    """
    table = published("yields/bma_sf50_ginnie_price_yield")
    inputs = table["inputs"]
    term = inputs["term_months"]
    month = np.arange(1, term + 1)
    cpr = 0.002 * np.minimum(month, 30) * inputs["psa"] / 100
    growth = 1 + inputs["gross_coupon"] / 12
    scheduled = (1 - growth ** (month - float(term))) / (1 - growth**-term)
    closing = 100 * scheduled * np.cumprod((1 - cpr) ** (1 / 12))
    opening = np.concatenate([[100.0], closing[:-1]])
    return table | {
        "principal": opening - closing,
        "interest": opening * inputs["net_coupon"] / 12,
        "closing": closing,
        "times": payment_times(np.full(term, 1 / 12), delay_days=inputs["actual_delay_days"]),
    }


def holds(table: dict[str, Any], name: str, got: Any) -> None:
    """``got`` is the printed figure, within half its last digit."""
    within = table["tol"]["by_key"].get(name, table["tol"])["abs"]
    assert float(got) == pytest.approx(table["expected"][name], abs=within), name


def test_price_and_yield_of_a_mortgage_security(ginnie: dict[str, Any]) -> None:
    flows = ginnie["principal"] + ginnie["interest"]
    for month in (1, 2, 3, 360):
        holds(ginnie, f"cf_{month}", flows[month - 1])
    found = measures(
        ginnie["principal"], ginnie["interest"], ginnie["times"], price=ginnie["inputs"]["price"]
    )
    holds(ginnie, "yield_percent", found.rate * 100)
    holds(ginnie, "mortgage_yield_percent", found.mortgage * 100)
    holds(ginnie, "average_life_years", found.average_life)
    holds(ginnie, "duration_years", found.macaulay)
    holds(ginnie, "modified_duration_years", found.modified)
    holds(ginnie, "convexity_years2", found.convexity)
    back = measures(ginnie["principal"], ginnie["interest"], ginnie["times"], rate=found.rate)
    holds(ginnie, "price_with_accrued", back.price)
    assert found.bond_equivalent == found.rate


def test_effective_duration_by_pricing_again(ginnie: dict[str, Any]) -> None:
    # The prices of the moved projections are given; ours are asked for with the same moves.
    inputs = ginnie["inputs"]
    prices = {0.0: 100.0, 0.001: inputs["price_up_10bp"], -0.001: inputs["price_down_10bp"]}
    found = effective(prices.__getitem__)
    holds(ginnie, "effective_duration_years", found.duration)
    holds(ginnie, "effective_convexity_years2", found.convexity)


def test_effective_measures_of_fixed_flows_are_the_modified_ones(ginnie: dict[str, Any]) -> None:
    flows, times = ginnie["principal"] + ginnie["interest"], ginnie["times"]
    found = effective(lambda move: present_value(flows, times, 0.09 + move), shift=1e-4)
    assert found.duration == pytest.approx(modified_duration(flows, times, 0.09), rel=1e-6)
    assert found.convexity == pytest.approx(convexity(flows, times, 0.09), rel=1e-5)


def test_total_return_of_three_months(ginnie: dict[str, Any]) -> None:
    inputs = ginnie["inputs"]
    flows = ginnie["principal"] + ginnie["interest"]
    rate = yield_of(inputs["price"], flows, ginnie["times"])
    left = payment_times(np.full(357, 1 / 12), delay_days=inputs["actual_delay_days"])
    sale = present_value(flows[3:], left, rate)
    factor = ginnie["closing"][2] / 100
    holds(ginnie, "pool_factor", factor)
    holds(ginnie, "sale_price", sale / factor)
    found = total_return(
        inputs["price"],
        flows[:3],
        ginnie["times"][:3],
        years=inputs["holding_days"] / 360,
        sale_price=sale,
        reinvestment_rate=inputs["reinvestment_rate"],
    )
    holds(ginnie, "horizon_value", found.horizon_value)
    holds(ginnie, "total_rate_of_return_percent", found.rate * 100)
    holds(ginnie, "total_percentage_return", found.share * 100)


def test_bond_equivalent_and_mortgage_yield(published: Published) -> None:
    table = published("yields/bond_equivalent_and_mortgage_yield")
    for key, expected in table["expected"].items():
        assert bond_equivalent_yield(float(key)) == pytest.approx(expected, abs=1e-12)
        assert mortgage_yield(expected) == pytest.approx(float(key), abs=1e-12)


def test_compounding_without_end_is_the_force_of_interest() -> None:
    assert equivalent_rate(0.08, 1, np.inf) == pytest.approx(np.log(1.08), abs=1e-15)
    assert equivalent_rate(np.log(1.08), np.inf, 1) == pytest.approx(0.08, abs=1e-15)
    assert np.isnan(equivalent_rate(-13.0, 12, 2))


def test_bonds_of_quantlib() -> None:
    today = ql.Date(15, 6, 2013)
    count = ql.Thirty360(ql.Thirty360.BondBasis)
    schedule = ql.Schedule(
        *(today, ql.Date(15, 6, 2023), ql.Period(ql.Semiannual), ql.NullCalendar()),
        *(ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Backward, False),
    )
    bond = ql.FixedRateBond(0, 100.0, schedule, [0.07], count)
    times = payment_times(np.full(20, 0.5))
    principal = np.append(np.zeros(19), 100.0)
    for rate in (0.0, 0.045, 0.07, 0.12):
        theirs = ql.InterestRate(rate, count, ql.Compounded, ql.Semiannual)
        price = ql.CashFlows.npv(bond.cashflows(), theirs, False, today, today)
        found = measures(principal, np.full(20, 3.5), times, price=price)
        assert found.rate == pytest.approx(rate, abs=1e-12)
        given_ = (bond.cashflows(), theirs)
        macaulay = ql.CashFlows.duration(*given_, ql.Duration.Macaulay, False, today)
        modified = ql.CashFlows.duration(*given_, ql.Duration.Modified, False, today)
        assert found.macaulay == pytest.approx(macaulay, abs=1e-11)
        assert found.modified == pytest.approx(modified, abs=1e-11)
        curve = ql.CashFlows.convexity(*given_, False, today)
        assert found.convexity == pytest.approx(curve, abs=1e-9)


def test_average_life_with_accrued_interest(published: Published) -> None:
    """BMA, Uniform Practices, p. SF-57: accrual counts as negative principal, or not at all."""
    table = published("deals/bma_sf57_accrual_average_life")
    inputs, expected = table["inputs"], table["expected"]
    balance, principal = float(inputs["balance"]), []
    for paid in inputs["net_cash_flows"]:
        interest = balance * inputs["periodic_rate"]
        principal.append(paid - interest)
        balance += interest - paid
    np.testing.assert_allclose(principal, expected["principal"], atol=1e-9)
    years = np.array([1.0, 2.0, 3.0])
    life = average_life(np.array(principal), years)
    assert life == pytest.approx(expected["gpm_arm_average_life"], abs=table["tol"]["abs"])
    life = average_life(np.maximum(principal, 0.0), years)
    assert life == pytest.approx(expected["z_bond_average_life"], abs=table["tol"]["abs"])


def test_average_life_keeps_the_leading_axes_and_is_nan_without_principal() -> None:
    principal = np.array([[[0.0, 10.0, 30.0], [0.0, 0.0, 0.0]]])
    life = average_life(principal, payment_times(np.full(3, 0.5)))
    assert life.shape == (1, 2)
    assert life[0, 0] == pytest.approx((10 * 1.0 + 30 * 1.5) / 40)
    assert np.isnan(life[0, 1])


def test_scenarios_beside_each_other_and_one_that_pays_nothing() -> None:
    times = payment_times(np.full(4, 0.25))
    principal = np.array([[25.0] * 4, [10.0] * 4, [0.0] * 4])
    interest = principal * 0.02
    found = measures(principal, interest, times, price=95.0, per_year=12)
    assert found.rate.shape == (3,)
    for k in range(2):
        alone = measures(principal[k], interest[k], times, price=95.0, per_year=12)
        assert found.rate[k] == alone.rate
        assert found.convexity[k] == alone.convexity
    assert found.rate[1] < 0 < found.rate[0]
    for name in ("price", "rate", "bond_equivalent", "average_life", "macaulay", "convexity"):
        assert np.isnan(getattr(found, name)[2]), name


@given(
    st.lists(st.floats(0.0, 1e6), min_size=1, max_size=60).filter(lambda flows: sum(flows) > 1e-3),
    st.floats(-0.95, 60.0),
    st.sampled_from([1, 2, 12, 365]),
    st.floats(0.0, 60.0),
)
def test_the_yield_of_a_price_is_what_made_it(
    flows: list[float], rate: float, per_year: float, delay: float
) -> None:
    times = payment_times(np.full(len(flows), 1 / 12), delay_days=delay)
    price = present_value(np.array(flows), times, rate, per_year=per_year)
    found = yield_of(price, np.array(flows), times, per_year=per_year)
    assert found == pytest.approx(rate, rel=1e-9, abs=1e-9)


@given(st.floats(1.0, 300.0), st.floats(1.01, 1.5))
def test_who_pays_more_earns_less(price: float, more: float) -> None:
    times, flows = payment_times(np.full(12, 1 / 12)), np.full(12, 9.0)
    assert yield_of(price * more, flows, times) < yield_of(price, flows, times)


def test_cash_at_settlement_lessens_the_price() -> None:
    flows, times = np.array([20.0, 110.0]), np.array([0.0, 1.0])
    assert yield_of(120.0, flows, times, per_year=1) == pytest.approx(0.10, abs=1e-12)
    assert np.isnan(yield_of(20.0, flows, times))


def test_macaulay_duration_of_one_payment_is_its_time() -> None:
    assert macaulay_duration(np.array([5.0]), np.array([2.5]), 0.08) == pytest.approx(2.5)


def test_what_has_no_measure_is_refused() -> None:
    times = np.array([1.0, 2.0])
    with pytest.raises(InputError, match=r"a flow of -1\.0 at position 2"):
        yield_of(1.0, np.array([1.0, -1.0]), times)
    with pytest.raises(InputError, match="a flow of nan at position 1"):
        yield_of(1.0, np.array([np.nan, 1.0]), times)
    with pytest.raises(InputError, match="neither price nor rate"):
        measures(times, times, times)
    with pytest.raises(InputError, match="both price and rate"):
        measures(times, times, times, price=1.0, rate=0.1)
    with pytest.raises(InputError, match="a shift of 0"):
        effective(lambda move: 1.0 - move, shift=0.0)
    with pytest.raises(InputError, match="0 years"):
        total_return(1.0, times, times, years=0, sale_price=1.0, reinvestment_rate=0.1)
