"""A published sequential deal, run through the waterfall."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from scfcap.cashflow.yields import average_life, payment_times
from scfcap.deal.accounts import SeriesState
from scfcap.deal.waterfall import run_series
from scfcap.periods import PeriodGrid
from scfcap.schema.securitization import SecuritizationSpec
from tests.witnesses import deals
from tests.witnesses.book import golden
from tests.witnesses.deals import pass_through, windows_and_lives

FJF01 = golden(deals.FJF01)
PASS_THROUGH = golden("prepayment/fabozzi_400m_passthrough")


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
    windows, years = windows_and_lives(
        FJF01, lives, result.principal_paid, result.scenarios, result.tranches
    )
    assert all(figure.used <= 1.0 for figure in (*windows, *years))
    assert len(windows) == 2 * len(years) == 2 * len(lives) * len(inputs["tranches"])
