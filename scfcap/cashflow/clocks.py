"""How fast each class of loans ages: what a rate's intensity is multiplied by in each period."""

from __future__ import annotations

import numpy as np

from scfcap.cashflow.classes import Classes
from scfcap.credit.curves import CurveSet
from scfcap.quantities import FloatArray


def clocks(classes: Classes, curves: CurveSet) -> tuple[FloatArray, FloatArray]:
    """Exposure of each class to default and to prepayment in a whole period, both [C, T].

    The log-hazard of a period is this times the intensity of the curve set. A year's rate runs
    by the grid's years; a lifetime's by days over 365, so that a term's days add up to the whole
    of it. Both run ``hazard_scale`` times as fast.
    """
    years = curves.grid.year_fractions
    days = np.diff(curves.grid.days) / 365.0
    lifetime = curves.lifetime[classes.curve]
    default = np.where(lifetime[:, None], days, years) * classes.hazard_scale[:, None]
    return default, np.broadcast_to(years, default.shape).copy()
