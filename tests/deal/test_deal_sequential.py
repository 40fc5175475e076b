"""A published sequential deal, run through the waterfall."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scfcap.cashflow.yields import average_life, payment_times
from scfcap.credit.speeds import per_period
from scfcap.deal.accounts import SeriesFlows, SeriesState
from scfcap.deal.analytics import principal_window
from scfcap.deal.waterfall import run_series
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.securitization import SecuritizationSpec

TABLES = Path(__file__).parents[1] / "golden" / "tables"
FJF01 = json.loads((TABLES / "deals" / "fjf01_sequential_shared.json").read_text())
PASS_THROUGH = json.loads((TABLES / "prepayment" / "fabozzi_400m_passthrough.json").read_text())


def pass_through(inputs: dict[str, Any], speeds: list[float]) -> SeriesFlows:
    """A level-payment pass-through at several PSA speeds, no defaults; scenarios are speeds.

    Month t of the pass-through is loan month ``t + seasoning``; CPR rises by 0.2 points a month
    to 6% at month 30, times the speed; prepayment is taken after scheduled principal.
    """
    months, rate = inputs["wam_months"], inputs["wac"] / 12.0
    balance = np.full(len(speeds), inputs["balance"])
    pool, interest, principal = [balance], [], []
    for t in range(1, months + 1):
        age = t + inputs["seasoning_months"]
        cpr = 0.06 * min(age, 30) / 30.0 * np.array(speeds) / 100.0
        left = months - t + 1
        scheduled = balance * rate / ((1.0 + rate) ** left - 1.0)
        prepaid = (balance - scheduled) * per_period(cpr, 1.0 / 12.0)
        interest.append(balance * inputs["passthrough_rate"] / 12.0)
        principal.append(scheduled + prepaid)
        balance = balance - scheduled - prepaid
        pool.append(balance)
    return _flows(np.array(interest).T, np.array(principal).T, np.array(pool).T, speeds)


def _flows(
    interest: FloatArray, principal: FloatArray, pool: FloatArray, speeds: list[float]
) -> SeriesFlows:
    none = np.zeros_like(interest)
    names = tuple(f"psa_{speed:g}" for speed in speeds)
    return SeriesFlows(interest, principal, none, none, none, pool, names)


@pytest.mark.parametrize("speed", PASS_THROUGH["inputs"]["psa"])
def test_pass_through_is_the_published_one(speed: float) -> None:
    flows = pass_through(PASS_THROUGH["inputs"], [speed])
    months = PASS_THROUGH["expected"][f"psa_{speed}"]
    for key, expected in months.items():
        t = int(key.removeprefix("month_")) - 1
        got = flows.interest[0, t] + flows.principal[0, t]
        assert got == pytest.approx(expected["cash_flow"], abs=PASS_THROUGH["tol"]["abs"])


def test_sequential_windows_and_average_lives(
    terms: Callable[..., SecuritizationSpec],
    state: Callable[..., SeriesState],
    grid: Callable[[int], PeriodGrid],
) -> None:
    inputs = FJF01["inputs"]
    sold = [
        {"name": name, "share": size / inputs["balance"], "coupon": inputs["coupon"]}
        for name, size in inputs["tranches"].items()
    ]
    spec = terms(
        tranches=[*sold, {"name": "residual", "share": 0.0, "retained": True}],
        revolving_periods=0,
        amortising_periods=120,
    )
    start = state(
        last_revolving=0,
        notes=np.array(list(inputs["tranches"].values())),
        accrued=np.zeros(len(sold)),
        pool=inputs["balance"],
        pool_at_closing=inputs["balance"],
        legal_end=inputs["wam_months"],
    )
    months = grid(inputs["wam_months"])
    result = run_series(spec, start, months, pass_through(inputs, inputs["psa"]))

    assert result.paid_in_full.all()
    np.testing.assert_allclose(result.interest_paid, result.interest_due)
    lives = average_life(result.principal_paid, payment_times(months.year_fractions))
    for k, scenario in enumerate(result.scenarios):
        for j, tranche in enumerate(result.tranches):
            expected = FJF01["expected"][scenario][tranche]
            window = principal_window(result.principal_paid[k, j])
            assert window == (expected["first_month"], expected["last_month"]), (scenario, tranche)
            assert lives[k, j] == pytest.approx(
                expected["average_life_years"], abs=FJF01["tol"]["abs"]
            ), (scenario, tranche)
