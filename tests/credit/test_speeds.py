"""Speeds against the printed tables of the bond market's Uniform Practices, chapter SF."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.credit import speeds

TABLES = Path(__file__).parents[1] / "golden" / "tables" / "prepayment"
SHARES = st.floats(0.0, 0.999)


def table(name: str) -> dict[str, Any]:
    return json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))  # type: ignore[no-any-return]


def test_smm_to_cpr_and_psa_of_the_conversion_table() -> None:
    """Page SF-9; PSA from month 30 on."""
    found = table("bma_smm_cpr_table_shared")
    tol = found["tol"]
    for key, row in found["expected"].items():
        cpr = speeds.per_year(float(key) / 100, 1 / 12)
        near = tol["by_key"]["cpr_percent"]["abs"]
        assert 100 * cpr == pytest.approx(row["cpr_percent"], abs=near), key
        assert speeds.cpr_psa(cpr, 30) == pytest.approx(row["psa_percent"], abs=tol["abs"]), key
        assert speeds.per_period(cpr, 1 / 12) == pytest.approx(float(key) / 100, rel=1e-12)


def test_psa_to_smm_of_the_first_thirty_months() -> None:
    """Page SF-10."""
    found = table("bma_psa_smm_table_shared")
    for key, row in found["expected"].items():
        months = np.arange(1, len(row) + 1)
        cpr = speeds.psa_cpr(float(key.removeprefix("psa_")), months)
        np.testing.assert_allclose(
            100 * speeds.per_period(cpr, 1 / 12), row, rtol=0, atol=found["tol"]["abs"]
        )


def test_abs_to_smm_of_the_first_fifty_months() -> None:
    """Page SF-15."""
    found = table("bma_abs_smm_table_shared")
    for key, row in found["expected"].items():
        months = np.arange(1, len(row) + 1)
        smm = speeds.abs_smm(float(key.removeprefix("abs_")) / 100, months)
        np.testing.assert_allclose(100 * smm, row, rtol=0, atol=found["tol"]["abs"])


def test_default_rates_of_the_sda_curve_by_month() -> None:
    """Pages SF-20 and SF-21, and the columns of Cash Flow B."""
    found = table("sda_curve")
    for key, row in found["expected"]["sda_100"].items():
        cdr = speeds.sda_cdr(100, int(key.removeprefix("month_")))
        assert 100 * cdr == pytest.approx(row["cdr_percent"], abs=1e-9), key
        mdr = speeds.per_period(cdr, 1 / 12)
        assert mdr == pytest.approx(row["mdr"], abs=found["tol"]["abs"]), key


def test_historical_psa_of_two_pool_factors() -> None:
    """Pages SF-7 and SF-8: a Ginnie Mae I pool in June 1989."""
    found = table("bma_sf7_ginnie_psa")
    told, expected, tol = found["inputs"], found["expected"], found["tol"]
    coupon, term = told["gross_coupon"], told["issue_term"]
    remaining = (told["rem_1"], told["rem_2"])
    factors = (told["factor_1"], told["factor_2"])
    before, after = speeds.scheduled_balance(coupon, term, remaining)
    assert before == pytest.approx(expected["bal_1"], abs=5e-7)
    assert after == pytest.approx(expected["bal_2"], abs=tol["abs"])
    scheduled = factors[0] * after / before
    assert scheduled == pytest.approx(expected["scheduled_factor"], abs=tol["abs"])
    assert factors[0] - scheduled == pytest.approx(expected["amortization"], abs=tol["abs"])
    assert scheduled - factors[1] == pytest.approx(expected["prepayments"], abs=tol["abs"])
    smm = speeds.historical_smm(factors, coupon, term, remaining)
    cpr = float(speeds.per_year(smm, 1 / 12))
    psa = speeds.historical_psa(factors, coupon, term, remaining, told["month"])
    near = {name: each["abs"] for name, each in tol["by_key"].items()}
    assert 100 * smm == pytest.approx(expected["smm_percent"], abs=near["smm_percent"])
    assert 100 * cpr == pytest.approx(expected["cpr_percent"], abs=near["cpr_percent"])
    assert psa == pytest.approx(expected["psa_percent"], abs=near["psa_percent"])
    assert psa == pytest.approx(float(speeds.cpr_psa(cpr, told["month"])), rel=1e-9)


def test_spot_and_historical_abs_speed() -> None:
    """Page SF-14: car loans of 36 months, issued with 34 left."""
    found = table("bma_sf14_abs_speed")
    spot, told, near = found["inputs"]["spot"], found["inputs"]["historical"], found["tol"]["abs"]
    smm = float(speeds.abs_smm(spot["abs"], spot["month"]))
    assert 100 * smm == pytest.approx(found["expected"]["smm_percent"], abs=near)
    speed = speeds.historical_abs(
        (told["factor_1"], told["factor_2"]),
        told["gross_coupon"],
        told["issue_term"],
        (told["issue_term"], told["rem_2"]),
        (told["age_1"], told["age_2"]),
    )
    assert 100 * speed == pytest.approx(found["expected"]["abs_percent"], abs=near)


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
