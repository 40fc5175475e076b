"""What becomes of a loan from here on: its life and its loss, from the projection by cells."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.project import opening_loans
from scfcap.credit.curves import CurveSet
from scfcap.distinct import distinct
from scfcap.periods import PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray, IntArray
from scfcap.tape.history import state_of

#: Widths of what tells cells apart: age [days], rate [1/year].
_AGE, _RATE = 30, 0.02
#: Cells at most; where loans need more, rates and then ages are told apart no longer.
_CELLS = 20_000


@dataclass(frozen=True)
class Lives:
    """Shape (loans,): ``life`` is principal outstanding over time, per unit of it today [years];
    ``loss`` what of a unit of principal is lost in all.
    """

    life: FloatArray
    loss: FloatArray


def lives(pool: Pool, curves: CurveSet, scenario: str) -> Lives:
    """Expected life and loss of each loan in ``scenario``, over the grid of ``curves``.

    The loans are projected by the kernel and added up by cells: segment, rule, type, period of
    maturity, delinquency, age by 30 days and rate by 2%. A loan has the figures of its cell, but
    for the period in which it matures: there it counts to the day.

    Raises:
        InputError: a segment of the pool has no curve, or what else the projection refuses.
    """
    k = curves.scenarios.index(scenario)
    one = curves.under(curves.stress.chosen(np.array([k])))
    last = np.where(pool.maturity_day > 0, pool.maturity_day, one.grid.days[1])
    period = np.searchsorted(one.grid.days[1:], last, side="left")
    cell, count = _cells(pool, np.minimum(period, len(one.grid) - 1))
    flows = run_kernel(opening_loans(pool, one, cell), one, count)
    flows.check()
    return _of_loans(flows, one.grid, (cell, period, last))


def _cells(pool: Pool, period: IntArray) -> tuple[IntArray, int]:
    """Cell of each loan, from 0, and how many there are."""
    rule = np.zeros(len(pool), dtype=np.int64) if pool.rule is None else pool.rule + 1
    key = np.stack([pool.segment, rule, pool.loan_type, period, state_of(pool.days_past_due)])
    coarse = _numbered(key)
    by_age = _numbered(np.stack([coarse, -pool.origination_day // _AGE]))
    by_rate = _numbered(np.stack([by_age, np.rint(pool.rate / _RATE).astype(np.int64)]))
    for found in (by_rate, by_age):
        count = int(found.max(initial=-1)) + 1
        if count <= _CELLS:
            return found, count
    return coarse, int(coarse.max(initial=-1)) + 1


def _numbered(keys: IntArray) -> IntArray:
    """Number of each distinct column of ``keys`` (keys, loans), in the order of the keys."""
    return distinct(keys).of


def _of_loans(flows: Flows, grid: PeriodGrid, where: tuple[IntArray, IntArray, IntArray]) -> Lives:
    """Figures of the loans from those of their cells.

    ``life = sum_t s[t] years[t] - (s[m] - closing[m]) (years[m] - years to maturity)`` per unit,
    with ``s`` what bears interest, the opening balance less defaults, and ``m`` the period in which
    the loan matures.
    """
    cell, period, last = where
    standing, closing = flows.opening[0] - flows.default[0], flows.closing[0]
    years = grid.year_fractions
    unit = np.where(flows.opening[0, :, 0] > 0.0, flows.opening[0, :, 0], 1.0)
    whole = (standing @ years) / unit
    loss = flows.loss[0].sum(axis=1) / unit
    m = np.minimum(period, len(grid) - 1)
    ending = (standing[cell, m] - closing[cell, m]) / unit[cell]
    within = (last - grid.days[m]) / np.diff(grid.days)[m]
    early = years[m] * (1.0 - np.clip(within, 0.0, 1.0))
    return Lives(np.maximum(whole[cell] - ending * early, 0.0), loss[cell])
