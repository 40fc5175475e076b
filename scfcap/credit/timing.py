"""Lifetime loss with a timing curve, the habit for short loans, as monthly default rates."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.quantities import FloatArray


@dataclass(frozen=True)
class LossTiming:
    """Run-off of one unit lent, by period [T].

    ``default`` and ``loss`` as shares of the original balance, ``rate`` the share of the opening
    performing balance that defaults (mdr), ``closing`` the performing balance at the end.
    """

    default: FloatArray
    loss: FloatArray
    rate: FloatArray
    closing: FloatArray


def loss_timing(
    lifetime_loss: float, severity: float, timing: FloatArray, repaid: FloatArray
) -> LossTiming:
    """Default rates that lead to ``lifetime_loss``, a share of the original balance, as timed.

    default[t] = lifetime_loss / severity * timing[t], taken first; then the share ``repaid`` [T]
    of the survivors is repaid. ``timing`` [T] adds up to one. Losses stand where the default
    does. Raises ValueError where timing does not add up, or more would default than performs.
    """
    if abs(float(timing.sum()) - 1.0) > 1e-9 or (timing < 0).any() or not 0 < severity <= 1:
        msg = "timing must add up to one without negative shares; severity lies in (0, 1]"
        raise ValueError(msg)
    default = lifetime_loss / severity * timing
    rate, closing = np.zeros(len(timing)), np.zeros(len(timing))
    performing = 1.0
    for period, amount in enumerate(default):
        if amount > performing * (1 + 1e-12):
            msg = f"period {period + 1}: {amount:.6g} would default of {performing:.6g} performing"
            raise ValueError(msg)
        rate[period] = amount / performing if performing > 0 else 0.0
        performing = max(performing - amount, 0.0) * (1.0 - repaid[period])
        closing[period] = performing
    return LossTiming(default, default * severity, rate, closing)
