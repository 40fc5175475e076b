"""Speeds against the printed tables of the bond market's Uniform Practices, chapter SF."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.credit import speeds
from tests.witnesses import prepayment
from tests.witnesses.book import holds

SHARES = st.floats(0.0, 0.999)


def test_smm_to_cpr_and_psa_of_the_conversion_table() -> None:
    holds(prepayment.of_smm())


def test_psa_and_abs_to_smm_by_month() -> None:
    holds([prepayment.of_psa(), prepayment.of_abs()])


def test_default_rates_of_the_sda_curve_by_month() -> None:
    holds(prepayment.of_sda())


def test_historical_psa_of_two_pool_factors() -> None:
    holds(prepayment.of_two_factors())


def test_spot_and_historical_abs_speed() -> None:
    holds(prepayment.of_car_loans())


@given(rate=SHARES, years=st.floats(1 / 365, 5))
def test_rates_of_any_period_come_back(rate: float, years: float) -> None:
    there = speeds.per_period(rate, years)
    assert float(speeds.per_year(there, years)) == pytest.approx(rate, rel=1e-9, abs=1e-12)


@given(smm=SHARES, month=st.integers(1, 360))
def test_abs_comes_back(smm: float, month: int) -> None:
    speed = speeds.smm_abs(smm, month)
    assert float(speeds.abs_smm(speed, month)) == pytest.approx(smm, rel=1e-6, abs=1e-12)


@given(speed=st.floats(0.001, 0.2))
def test_abs_takes_the_same_share_of_the_original_loans_each_month(speed: float) -> None:
    months = np.arange(1, int(2 / speed))
    alive = np.concatenate([[1.0], np.cumprod(1.0 - speeds.abs_smm(speed, months))])
    gone = -np.diff(alive)
    whole = gone[: int(1 / speed)]
    np.testing.assert_allclose(whole, speed, rtol=1e-6)
    assert alive[-1] == pytest.approx(0.0, abs=1e-12)


@given(psa=st.floats(1.0, 1500.0), month=st.integers(10, 200), months=st.integers(1, 9))
def test_historical_psa_finds_the_speed_that_made_the_factors(
    psa: float, month: int, months: int
) -> None:
    passed = np.arange(month - months + 1, month + 1)
    smm = speeds.per_period(speeds.psa_cpr(psa, passed), 1 / 12)
    remaining = (300, 300 - months)
    before, after = speeds.scheduled_balance(0.08, 360, remaining)
    later = float(np.prod(1.0 - smm) * after / before)
    found = speeds.historical_psa((1.0, later), 0.08, 360, remaining, month)
    assert found == pytest.approx(psa, rel=1e-6)


def test_factors_in_the_wrong_order_are_refused() -> None:
    with pytest.raises(ValueError, match="the later one comes second"):
        speeds.historical_smm((0.9, 0.8), 0.08, 360, (300, 300))


def test_a_certain_rate_is_an_endless_intensity() -> None:
    assert speeds.intensity(1.0) == np.inf
    assert speeds.share(np.inf, 1 / 365) == 1.0


def test_loss_is_severity_of_what_defaults() -> None:
    assert speeds.loss_to_default(0.03, 0.6) == pytest.approx(0.05)
    assert speeds.loss_to_default(0.0, 0.0) == 0.0
    with pytest.raises(ValueError, match="more than a severity"):
        speeds.loss_to_default(0.7, 0.6)


def test_timing_is_even_within_its_stretches() -> None:
    cumulative = speeds.spread_evenly([0.4, 0.3, 0.2, 0.1], 8)
    np.testing.assert_allclose(
        cumulative, [0, 0.2, 0.4, 0.55, 0.7, 0.8, 0.9, 0.95, 1.0], rtol=1e-12
    )
