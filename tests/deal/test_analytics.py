from __future__ import annotations

import numpy as np

from scfcap.deal.analytics import principal_window


def test_window() -> None:
    assert principal_window(np.array([0.0, 0.004, 5.0, 0.0, 1.0, 0.0])) == (3, 5)
    assert principal_window(np.zeros(3)) == (0, 0)
