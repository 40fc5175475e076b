from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from scfcap.credit.curves import build_curves
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

GRID = PeriodGrid.build(date(2013, 12, 31), 6)
PLAIN = SegmentCredit(cdr=0.1, cpr=0.2, severity=0.5)
TERM = SegmentCredit(
    lifetime_default=0.02, severity=0.9, recovery_lag=3, late_share=0.1, late_days=9
)


def test_a_year_of_the_intensity_is_the_rate() -> None:
    curves = build_curves(("x",), {"x": PLAIN}, {"base": Scenario()}, GRID)
    assert curves.default_intensity.shape == (1, 1, 6)
    np.testing.assert_allclose(1 - np.exp(-curves.default_intensity), 0.1, rtol=1e-14)
    np.testing.assert_allclose(1 - np.exp(-curves.prepay_intensity), 0.2, rtol=1e-14)


def test_segments_keep_their_order_and_their_kind() -> None:
    curves = build_curves(("y", "x"), {"x": PLAIN, "y": TERM}, {"base": Scenario()}, GRID)
    assert curves.segments == ("y", "x")
    assert curves.lifetime.tolist() == [True, False]
    assert curves.recovery_lag.tolist() == [3, 0]
    assert curves.late_days.tolist() == [9, 0]
    assert curves.late_share.tolist() == [0.1, 0.0]
    assert curves.severity[:, :, 0].tolist() == [[0.9, 0.5]]
    assert (curves.severity == curves.severity[:, :, :1]).all()


def test_multiples_act_on_the_intensity_from_their_period_on() -> None:
    stress = Scenario(default_multiple=3.0, prepay_multiple=0.5, severity_add=0.2, from_period=4)
    curves = build_curves(
        ("x", "y"), {"x": PLAIN, "y": TERM}, {"base": Scenario(), "stress": stress}, GRID
    )
    base, shocked = curves.default_intensity
    assert (shocked[:, :3] == base[:, :3]).all()
    np.testing.assert_allclose(shocked[:, 3:], 3 * base[:, 3:], rtol=1e-15)
    np.testing.assert_allclose(
        curves.prepay_intensity[1, 0], -np.log(0.8) * np.array([1, 1, 1, 0.5, 0.5, 0.5])
    )
    np.testing.assert_allclose(curves.severity[:, :, 3], [[0.5, 0.9], [0.7, 1.0]])


def test_a_rate_of_one_is_finite_and_takes_all_in_a_day() -> None:
    certain = SegmentCredit(cdr=1.0, cpr=1.0, severity=0.0)
    nothing = Scenario(default_multiple=0.0)
    curves = build_curves(("x",), {"x": certain}, {"base": Scenario(), "none": nothing}, GRID)
    assert np.isfinite(curves.default_intensity).all()
    assert np.exp(-curves.default_intensity[0] / 365).max() == 0.0
    assert (curves.default_intensity[1] == 0.0).all()


def test_every_segment_without_a_curve_is_named() -> None:
    with pytest.raises(InputError) as caught:
        build_curves(("x", "micro", "order"), {"x": PLAIN}, {"base": Scenario()}, GRID)
    text = str(caught.value)
    assert len(caught.value.problems) == 2
    assert "'micro'" in text
    assert "[credit.segments.order]" in text
