"""What comes back of defaults, as the plan reckons it: by segment, after its lag."""

from __future__ import annotations

import numpy as np

from scfcap.cashflow.cohorts import CohortFactors
from scfcap.credit.curves import CurveSet, parted
from scfcap.errors import InputError, Problem
from scfcap.periods import PER_YEAR
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray


def check_recoveries(pool: Pool, curves: CurveSet) -> None:
    """Refuse rules of ``[[credit.where]]`` whose loans recover otherwise than their segment's.

    A cohort holds loans of a segment by any rule, and what defaults of it is recovered as one.

    Raises:
        InputError: names rule and figure; one problem each.
    """
    if pool.rule is None:
        return
    ruled = pool.rule[(pool.rule >= 0) & (pool.balance > 0.0)]
    of = pool.segment[(pool.rule >= 0) & (pool.balance > 0.0)]
    known = {name: n for n, name in enumerate(curves.segments)}
    problems = {}
    for r, s in zip(*np.unique(np.stack([ruled, of]), axis=1), strict=True):
        rule, segment = pool.rules[r], pool.segments[s]
        own, parent = known[parted(segment, rule)], known[segment]
        for name, figures in (
            ("severity", curves.stated_severity),
            ("recovery_lag", curves.recovery_lag),
        ):
            said, usual = figures[own].item(), figures[parent].item()
            if said != usual and (rule, name) not in problems:
                problems[rule, name] = Problem(
                    f"model.toml: credit.where.{rule}.{name}",
                    f"{said:g}, where segment {segment} has {usual:g}",
                    "the segment's: the plan recovers alike what defaults of a segment",
                    "`scfcap project` takes it; to plan, add "
                    f"--set credit.where.{rule}.{name}={usual:g}, or take it out of the rule.",
                )
    if problems:
        raise InputError(list(problems.values()))


def recovered_after(
    factors: CohortFactors, curves: CurveSet, k: int, rate: float, discount: FloatArray
) -> FloatArray:
    """Recoveries on defaults of the last periods, of which ``discount`` has one each [J]."""
    row = curves.scenarios.index(factors.scenarios[k])
    per_year, first = factors.grid.per_year, len(factors.grid) - len(discount)
    lags_a_year = PER_YEAR[curves.lag_unit or factors.grid.frequency]
    delay = np.power(1.0 + rate, -curves.recovery_lag / lags_a_year)[factors.segment]
    share = (1.0 - curves.severity[row])[factors.segment]
    default = factors.default[k][:, first:]
    if factors.struck is None and factors.loss is None and (share == share[:, :1]).all():
        return np.asarray(share[:, 0] * delay * (default @ discount))
    struck = np.zeros_like(default) if factors.struck is None else factors.struck[k][:, first:]
    lag = curves.struck_lag[row][factors.segment, first:]
    again = curves.struck_recovery[row][factors.segment, first:]
    usual = share[:, first:] * (default - struck)
    if factors.loss is not None:
        usual = default - factors.loss[k][:, first:] - again * struck
    usual = usual * delay[:, None]
    return np.asarray((usual + again * np.power(1.0 + rate, -lag / per_year) * struck) @ discount)
