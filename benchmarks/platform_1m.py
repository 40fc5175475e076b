"""Simulating a platform: SIZE loans of shops that live for years, and every payment on them.

The frames of loans and payments are made too. The baseline is given the loans and what becomes of
them, drawn by us, and works out the payments alone: it does less.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
from baselines.platform_1m import payments_by_shop

from scfcap.schema.lives import LivesSpec
from scfcap.synthetic.lives import Lives, simulate

NAME = "platform_1m"
SIZE = 1_000_000
SMOKE = 5_000
BARS = {"seconds": 10.0, "peak_mib": 3072}

AS_OF = date(2013, 12, 31)


def build(size: int, _folder: Path) -> LivesSpec:
    """What is to be simulated; nothing else goes in."""
    return LivesSpec(loans=size, seed=20131231, core_failure=0.05)


def ours(inputs: LivesSpec) -> Lives:
    """Simulate, and make both frames."""
    lives = simulate(inputs, AS_OF)
    assert len(lives.loans) == inputs.loans
    assert len(lives.payments) > 0
    return lives


def baseline(inputs: LivesSpec) -> pd.DataFrame:
    """numpy shop by shop: the payments on loans and fates that ours has drawn"""
    return payments_by_shop(simulate(inputs, AS_OF))


def check(a: Lives, b: pd.DataFrame) -> None:
    """The same payments, to the cent."""
    left = a.payments.sort_values(["loan", "date", "principal"], ignore_index=True)
    right = b.sort_values(["loan", "date", "principal"], ignore_index=True)
    assert len(left) == len(right)
    for name in left:
        np.testing.assert_array_equal(left[name], right[name], err_msg=name)
