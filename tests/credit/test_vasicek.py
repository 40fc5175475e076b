"""Closed forms of the large pool against the published table, and their limits."""

from __future__ import annotations

import numpy as np
import pytest

from scfcap.credit.vasicek import conditional_rate
from tests.witnesses import credit
from tests.witnesses.book import holds


def test_the_published_table() -> None:
    holds(credit.large_pool())


def test_two_normals_as_scipy_has_them() -> None:
    holds(credit.two_normals())


def test_the_mean_over_the_factor_is_the_rate() -> None:
    node, weight = np.polynomial.hermite_e.hermegauss(80)
    mean = weight @ conditional_rate(0.03, 0.15, node) / weight.sum()
    assert mean == pytest.approx(0.03, rel=1e-9)
