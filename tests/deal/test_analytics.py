from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from scfcap.deal.analytics import principal_window, weighted_average_life

SF57 = json.loads(
    (
        Path(__file__).parents[1]
        / "golden"
        / "tables"
        / "deals"
        / "bma_sf57_accrual_average_life.json"
    ).read_text()
)


def test_average_life_with_accrued_interest() -> None:
    """BMA, Uniform Practices, p. SF-57: accrual counts as negative principal, or not at all."""
    inputs, expected = SF57["inputs"], SF57["expected"]
    balance, principal = float(inputs["balance"]), []
    for paid in inputs["net_cash_flows"]:
        interest = balance * inputs["periodic_rate"]
        principal.append(paid - interest)
        balance += interest - paid
    np.testing.assert_allclose(principal, expected["principal"], atol=1e-9)
    years = np.ones(3)
    life = weighted_average_life(np.array(principal), years)
    assert life == pytest.approx(expected["gpm_arm_average_life"], abs=SF57["tol"]["abs"])
    life = weighted_average_life(np.maximum(principal, 0.0), years)
    assert life == pytest.approx(expected["z_bond_average_life"], abs=SF57["tol"]["abs"])


def test_average_life_keeps_the_leading_axes_and_is_nan_without_principal() -> None:
    principal = np.array([[[0.0, 10.0, 30.0], [0.0, 0.0, 0.0]]])
    life = weighted_average_life(principal, np.full(3, 0.5))
    assert life.shape == (1, 2)
    assert life[0, 0] == pytest.approx((10 * 1.0 + 30 * 1.5) / 40)
    assert np.isnan(life[0, 1])


def test_window() -> None:
    assert principal_window(np.array([0.0, 0.004, 5.0, 0.0, 1.0, 0.0])) == (3, 5)
    assert principal_window(np.zeros(3)) == (0, 0)
