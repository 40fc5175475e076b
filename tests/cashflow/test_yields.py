"""Measures of a security beside the bond market's printed example, QuantLib and closed forms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.cashflow.yields import (
    average_life,
    convexity,
    effective,
    equivalent_rate,
    macaulay_duration,
    measures,
    modified_duration,
    payment_times,
    present_value,
    total_return,
    yield_of,
)
from scfcap.errors import InputError
from tests.witnesses import yields
from tests.witnesses.book import holds


@pytest.fixture(scope="module")
def ginnie() -> dict[str, Any]:
    return yields.ginnie()


def test_price_and_yield_of_a_mortgage_security(ginnie: dict[str, Any]) -> None:
    holds(yields.price_and_yield())
    found = measures(
        ginnie["principal"], ginnie["interest"], ginnie["times"], price=ginnie["inputs"]["price"]
    )
    assert found.bond_equivalent == found.rate


def test_effective_duration_by_pricing_again() -> None:
    holds(yields.effective_duration())


def test_effective_measures_of_fixed_flows_are_the_modified_ones(ginnie: dict[str, Any]) -> None:
    flows, times = ginnie["principal"] + ginnie["interest"], ginnie["times"]
    found = effective(lambda move: present_value(flows, times, 0.09 + move), shift=1e-4)
    assert found.duration == pytest.approx(modified_duration(flows, times, 0.09), rel=1e-6)
    assert found.convexity == pytest.approx(convexity(flows, times, 0.09), rel=1e-5)


def test_total_return_of_three_months() -> None:
    holds(yields.returned())


def test_bond_equivalent_and_mortgage_yield() -> None:
    holds(yields.equivalents())


def test_compounding_without_end_is_the_force_of_interest() -> None:
    assert equivalent_rate(0.08, 1, np.inf) == pytest.approx(np.log(1.08), abs=1e-15)
    assert equivalent_rate(np.log(1.08), np.inf, 1) == pytest.approx(0.08, abs=1e-15)
    assert np.isnan(equivalent_rate(-13.0, 12, 2))


def test_bonds_of_quantlib() -> None:
    holds(yields.quantlib_bonds())


def test_average_life_with_accrued_interest() -> None:
    holds(yields.accrual())


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
