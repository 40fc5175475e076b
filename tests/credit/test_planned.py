"""Curves as the plan reckons with them."""

from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from scfcap.credit.curves import build_curves
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.projection import ProjectionSpec
from scfcap.schema.scenario import Scenario

GRID = PeriodGrid.build(date(2013, 12, 31), 12)
CREDIT = SegmentCredit(cdr=0.1, severity=0.5, recovery_curve=(0.0, 0.25, 0.5, 0.25))


def test_the_plan_takes_recoveries_in_one_piece_after_their_mean_lag() -> None:
    lagged = SegmentCredit(cdr=0.1, severity=0.5, recovery_lag=4)
    curves = build_curves(("a", "b"), {"a": CREDIT, "b": lagged}, {"base": Scenario()}, GRID)
    assert curves.recovery_lag.tolist() == [2, 4]
    np.testing.assert_allclose(curves.recovery_share[0], [0.0, 0.25, 0.5, 0.25, 0.0])
    assert curves.planned().recovery_share.tolist() == [[0, 0, 1, 0, 0], [0, 0, 0, 0, 1]]


def test_the_plan_refuses_another_order_and_advances() -> None:
    stated = ProjectionSpec(order="bma", servicer_advances=True)
    curves = build_curves(("a",), {"a": CREDIT}, {"base": Scenario()}, GRID, projection=stated)
    with pytest.raises(InputError) as error:
        curves.planned()
    said = str(error.value)
    assert "projection.order" in said
    assert "--set projection.order=survivors" in said
    assert "projection.servicer_advances" in said
