"""Projection as one writes it in numpy: arrays over loans, a loop over periods.

For loans outstanding at the start. Default, interest on the survivors, scheduled principal,
prepayment; summed by group period by period.
"""

from __future__ import annotations

import numpy as np

LEVEL, EQUAL, BULLET, ORDER = 0, 1, 3, 5


def project_by_period(loans, curves, groups):
    """The five flows, each [groups, periods]."""
    day, years = curves.grid.days, curves.grid.year_fractions
    periods = len(years)
    shortest = {"month": 28, "day": 1}[curves.grid.frequency]
    ends = curves.grid.extended(int(loans.maturity_day.max()) // shortest + 1).days
    lifetime = curves.lifetime[loans.curve]
    last = np.searchsorted(ends, loans.maturity_day) - 1
    level, even = loans.loan_type == LEVEL, loans.loan_type == EQUAL
    deferred = (loans.loan_type == BULLET) | (loans.loan_type == ORDER)
    performing = loans.balance.copy()
    unpaid = loans.accrued / loans.balance
    flows = {
        name: np.zeros((groups, periods))
        for name in ("default", "interest", "scheduled", "prepaid", "closing")
    }
    for t in range(periods):
        active = np.clip((loans.maturity_day - day[t]) / (day[t + 1] - day[t]), 0.0, 1.0)
        dt = active * years[t]
        # A lifetime's hazard runs by days, a year's by the grid's years.
        clock = np.where(lifetime, active * (day[t + 1] - day[t]) / 365.0, dt) * loans.hazard_scale
        default = performing * -np.expm1(-curves.default_intensity[0, loans.curve, t] * clock)
        alive = performing - default
        unpaid = np.where(deferred, unpaid + loans.rate * dt, 0.0)
        left = np.maximum(last - t + 1, 1)
        rate = loans.rate * years[t]
        share = np.where(level, rate / np.expm1(left * np.log1p(rate)), 0.0)
        share = np.where(even, 1.0 / left, share)
        share = np.where(left == 1, 1.0, share)
        scheduled = alive * share
        rest = alive - scheduled
        prepaid = rest * -np.expm1(-curves.prepay_intensity[0, loans.curve, t] * dt)
        interest = np.where(deferred, unpaid * (scheduled + prepaid), alive * loans.rate * dt)
        performing = rest - prepaid
        for name, flow in (
            ("default", default),
            ("interest", interest),
            ("scheduled", scheduled),
            ("prepaid", prepaid),
            ("closing", performing),
        ):
            flows[name][:, t] = np.bincount(loans.group, flow, minlength=groups)
    return flows
