"""Covenants, pledges and what is past due, gathered from a model, its pool and the factors."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import date, timedelta

import numpy as np

from scfcap.axes import OWN
from scfcap.cashflow.cohorts import CohortFactors
from scfcap.distinct import distinct
from scfcap.funding.cohort_inputs import ALIVE, CohortInputs
from scfcap.funding.covenant_inputs import (
    PAST_DUE_DAYS,
    CovenantInputs,
    CrossDefault,
    LateInputs,
    PledgeInputs,
)
from scfcap.periods import PeriodGrid, is_month_end
from scfcap.pool.snapshot import ELIGIBLE, Pool
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.covenants import (
    BorrowingBaseCovenant,
    CrossDefaultCovenant,
    LeverageCovenant,
    NetAssetsCovenant,
    PastDueCovenant,
    TestedCovenant,
)
from scfcap.schema.model import Model


def covenants_of(spec: Model, grid: PeriodGrid, unit: float) -> tuple[CovenantInputs, ...]:
    """Covenants that are tested, by line."""
    return tuple(
        CovenantInputs(
            lender=lender.name,
            name=x.label,
            kind=x.kind,
            limit=_limit(x, unit),
            margin=x.margin,
            effect=x.effect,
            tests=_tests(x, grid),
            eligibility=x.eligibility if isinstance(x, BorrowingBaseCovenant) else "",
            days=x.days if isinstance(x, PastDueCovenant) else 0,
        )
        for lender in spec.lenders
        for x in lender.covenants
        if not isinstance(x, CrossDefaultCovenant)
    )


def cross_defaults_of(spec: Model) -> tuple[CrossDefault, ...]:
    """Cross-default clauses; without names they count the breaches of all others."""
    names = [x.name for x in spec.lenders]
    return tuple(
        CrossDefault(
            lender.name,
            frozenset(x.lenders or [name for name in names if name != lender.name]),
            x.effect,
        )
        for lender in spec.lenders
        for x in lender.covenants
        if isinstance(x, CrossDefaultCovenant)
    )


def _limit(x: TestedCovenant, unit: float) -> float:
    if isinstance(x, LeverageCovenant):
        return x.multiple
    if isinstance(x, PastDueCovenant):
        return x.share
    return x.amount / unit if isinstance(x, NetAssetsCovenant) else x.advance_rate


def _tests(x: TestedCovenant, grid: PeriodGrid) -> frozenset[int]:
    """Closes at which it is tested; 0 is ``as_of``."""
    closes = [grid.as_of, *grid.ends]
    return frozenset(
        t
        for t, end in enumerate(closes)
        if (x.waived_to is None or end > x.waived_to)
        and (x.tested == "period" or _quarter_ends(closes, t))
    )


def _quarter_ends(closes: list[date], t: int) -> bool:
    """Whether a calendar quarter ends in period ``t``, or on ``as_of`` for 0."""
    end = closes[t]
    last = end if is_month_end(end) and end.month % 3 == 0 else quarter_before(end)
    return last == end if t == 0 else last > closes[t - 1]


def quarter_before(day: date) -> date:
    """Last day of the calendar quarter before that of ``day``."""
    return date(day.year, day.month - (day.month - 1) % 3, 1) - timedelta(days=1)


def late_inputs(
    spec: Model, pool: Pool, factors: CohortFactors, grid: PeriodGrid, unit: float
) -> LateInputs:
    """What is past due of own loans in the plan's scenario."""
    behind = behind_of(factors, factors.scenarios.index(spec.plan.scenario), len(grid))
    first = np.searchsorted(grid.days, grid.days - PAST_DUE_DAYS, side="right")
    own = np.array([name == OWN for name in pool.places])[pool.place]
    counted = {x.days for y in spec.lenders for x in y.covenants if isinstance(x, PastDueCovenant)}
    return LateInputs(
        behind=behind,
        since=tuple(max(int(t), 1) for t in first),
        opening={
            days: float(pool.balance[own & (pool.days_past_due >= days)].sum()) / unit
            for days in counted
        },
    )


def behind_of(factors: CohortFactors, k: int, horizon: int) -> FloatArray | None:
    """Share of what stands that is past due in scenario ``k`` [J, T + 1]; None: not known."""
    if factors.delinquent is None:
        return None
    held = factors.performing[k][:, 1 : horizon + 1]
    share = factors.delinquent[k][:, :horizon] / np.where(held > ALIVE, held, np.inf)
    return np.pad(share, ((0, 0), (1, 0)))


def pledge_inputs(
    spec: Model,
    pool: Pool,
    cohorts: CohortInputs,
    segments: tuple[str, ...],
    grid: PeriodGrid,
    usable: Callable[[Pool, str], float],
) -> PledgeInputs | None:
    """Cells of own loans by the eligibility sets that admit them; None without borrowing bases.

    Opening cohorts by their own loans, new ones as their segment's loans on the whole tape, as for
    what may be sold; of a segment without any, all are eligible. An undetermined loan is not.
    ``usable`` tells what a set's concentration limits leave.
    """
    sets = sorted(
        {
            x.eligibility
            for lender in spec.lenders
            for x in lender.covenants
            if isinstance(x, BorrowingBaseCovenant)
        }
    )
    if not sets:
        return None
    code = np.zeros(len(pool.balance), dtype=np.int64)
    for bit, name in enumerate(sets):
        code |= (pool.eligibility[name] == ELIGIBLE).astype(np.int64) << bit
    every = (1 << len(sets)) - 1
    found = sorted({int(c) for c in np.unique(code) if c > 0} | {every})
    share = np.zeros((len(found), len(cohorts)))
    for j, by_code in enumerate(_by_code(pool, cohorts, segments, grid, code)):
        total = sum(by_code.values())
        for cell, c in enumerate(found):
            unknown = float(c == every)
            share[cell, j] = by_code.get(c, 0.0) / total if total > 0.0 else unknown
    takes = tuple(frozenset(name for bit, name in enumerate(sets) if c >> bit & 1) for c in found)
    return PledgeInputs(takes, share, {name: usable(pool, name) for name in sets})


def _by_code(
    pool: Pool,
    cohorts: CohortInputs,
    segments: tuple[str, ...],
    grid: PeriodGrid,
    code: IntArray,
) -> Iterator[dict[int, float]]:
    """Balance of each cohort's loans by code."""
    own = np.array([name == OWN for name in pool.places])[pool.place]
    segment = np.array([segments.index(name) for name in pool.segments])[pool.segment]
    vintage = -grid.ages(pool.origination_day)
    old = _sums(np.stack([segment, vintage])[:, own], code[own], pool.balance[own])
    whole = _sums(segment[None, :], code, pool.balance)
    for j in range(len(cohorts)):
        s, v = int(cohorts.segment[j]), int(cohorts.vintage[j])
        yield whole.get((s,), {}) if v >= 1 else old.get((s, v), {})


def _sums(
    keys: IntArray, code: IntArray, balance: FloatArray
) -> dict[tuple[int, ...], dict[int, float]]:
    """Balance by key [.., loans] and code."""
    found, _, index = distinct((*keys, code))
    sums = np.bincount(index, balance, minlength=found.shape[1])
    table: dict[tuple[int, ...], dict[int, float]] = {}
    for column, amount in zip(found.T.tolist(), sums.tolist(), strict=True):
        table.setdefault(tuple(column[:-1]), {})[column[-1]] = amount
    return table
