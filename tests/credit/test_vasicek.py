"""Closed forms of the large pool against the published table, and their limits."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from scipy.stats import multivariate_normal

from scfcap.credit.vasicek import (
    bivariate_normal,
    conditional_rate,
    expected_shortfall,
    quantile,
    standard_deviation,
)

TABLE = json.loads(
    (
        Path(__file__).parents[1] / "golden" / "tables" / "risk" / "vasicek_large_pool.json"
    ).read_text(encoding="utf-8")
)
CASES = TABLE["inputs"]["cases"]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["id"])
def test_the_published_table(case: dict[str, float]) -> None:
    expected = TABLE["expected"][case["id"]]
    rate, rho, level = case["pd"], case["rho"], case["quantile"]
    assert quantile(rate, rho, level) == pytest.approx(expected["quantile_default_rate"], abs=1e-10)
    deviation, shortfall = standard_deviation(rate, rho), expected_shortfall(rate, rho, level)
    assert deviation == pytest.approx(expected["standard_deviation"], abs=1e-7)
    assert shortfall == pytest.approx(expected["expected_shortfall"], abs=1e-7)


@pytest.mark.parametrize("rho", [0.0, 0.3, 0.8])
def test_two_normals_as_scipy_has_them(rho: float) -> None:
    peer = multivariate_normal(cov=[[1.0, rho], [rho, 1.0]]).cdf([-1.2, 0.4])
    assert bivariate_normal(-1.2, 0.4, rho) == pytest.approx(float(peer), abs=1e-6)


def test_the_mean_over_the_factor_is_the_rate() -> None:
    node, weight = np.polynomial.hermite_e.hermegauss(80)
    mean = weight @ conditional_rate(0.03, 0.15, node) / weight.sum()
    assert mean == pytest.approx(0.03, rel=1e-9)
