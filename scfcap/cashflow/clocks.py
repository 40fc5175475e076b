"""How fast each class of loans ages: what a rate's intensity is multiplied by in each period."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scfcap.cashflow.classes import Classes
from scfcap.cashflow.contract_flows import LAST_OWED, OWED, PRINCIPAL, ContractFlows
from scfcap.cashflow.loans import HAS_DEFAULTED, LoanArrays
from scfcap.credit.ageing import BY_DAY, BY_MONTH, Ageing
from scfcap.credit.curves import CurveSet
from scfcap.credit.languages import AT_ONCE
from scfcap.credit.speeds import intensity
from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid, months_between
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Kinds of loans whose lives are gone through at a time.
_SHAPES = 64
#: Share that counts as none.
_NONE = 1e-12


def clocks(flows: ContractFlows, curves: CurveSet) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Exposure of each class to default and to prepayment in a whole period, both [C, T].

    The log-hazard of a period is this times the intensity of the curve set. A year's rate runs
    by the grid's years; a lifetime's by days over 365, so that a term's days add up to the whole
    of it. Both run ``hazard_scale`` times as fast. Where a curve goes by age, the exposure is the
    log-hazard itself, for an intensity of one: of a standard curve what it grows by over the
    period; of a cumulative share what goes in the period over what stands at its start, so that
    without stress the stated share goes, whatever the grid. In a period in which loans start it is
    stated so that the share of the period that they stand makes it right.

    The third is ``bin_part`` [B] of ``flows``, made right for curves by age in the same way.

    Raises:
        InputError: loans stand at an age at which a curve has ended, without ``run_on``.
    """
    classes, grid = flows.classes, curves.grid
    years = grid.year_fractions
    days = np.diff(grid.days) / 365.0
    lifetime = curves.lifetime[classes.curve]
    default = np.where(lifetime[:, None], days, years) * classes.hazard_scale[:, None]
    prepaid = np.broadcast_to(years, default.shape).copy()
    by_age = np.array([each is not None for each in curves.ageing])
    if len(classes) == 0 or not by_age[classes.curve].any():
        return default, prepaid, flows.bin_part
    parts = flows.bin_part.copy()
    _by_age(flows, curves, (default, prepaid, parts))
    return default, prepaid, parts


def _by_age(
    flows: ContractFlows, curves: CurveSet, found: tuple[FloatArray, FloatArray, FloatArray]
) -> None:
    """Fill in the exposures and parts of the classes that go by age; see :func:`clocks`."""
    classes = flows.classes
    default, prepaid, parts = found
    group = _Group(flows, curves)
    for s, ageing in enumerate(curves.ageing):
        rows = np.flatnonzero(classes.curve == s)
        if ageing is None or not rows.size:
            continue
        usual = classes.bucket[rows] != HAS_DEFAULTED
        for language in (ageing.default, ageing.prepay):
            _refuse_old(ageing, language, classes.shape[rows][usual], group.oldest[rows][usual])
        mine = np.flatnonzero(classes.curve[flows.bin_class] == s)
        hazard, speed, last = group.hazards(ageing, rows, mine, (default[rows], prepaid[rows]))
        if ageing.default:
            default[rows[usual]] = hazard[usual]
            whole = default[flows.bin_class[mine], flows.bin_period[mine]]
            right = (whole > 0.0) & usual[np.searchsorted(rows, flows.bin_class[mine])]
            parts[mine] = np.where(right, last / np.where(right, whole, 1.0), parts[mine])
        if ageing.prepay:
            prepaid[rows] = speed


class _Group:
    """Hazards by age of the classes of a curve."""

    def __init__(self, flows: ContractFlows, curves: CurveSet) -> None:
        self.flows, self.curves, self.grid = flows, curves, curves.grid
        classes = flows.classes
        self.part = _first_part(classes, self.grid)
        self.made = np.where(classes.start_day > 0, classes.start_day, classes.origin_day)
        self.ends = _bin_days(flows, self.grid)
        self.oldest = _standing_until(flows, self.grid, self.ends) - self.made

    def hazards(
        self,
        ageing: Ageing,
        rows: IntArray,
        mine: IntArray,
        known: tuple[FloatArray, FloatArray],
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Exposures of ``rows`` to default and prepayment [R, T], and those to default of the bins
        ``mine`` in their last period, for intensities of one where they go by age.

        ``known`` exposures [R, T] hold where they do not.
        """
        days, made = self.grid.days, self.made[rows]
        found = list(known)
        for n, language in enumerate((ageing.default, ageing.prepay)):
            if language in BY_MONTH:
                total = _by_months(ageing, language, self.grid, made[:, None], days[None, :])
                found[n] = np.diff(total, axis=1) / self.part[rows]
        owner = np.searchsorted(rows, self.flows.bin_class[mine])
        period, ends = self.flows.bin_period[mine], self.ends[mine]
        if {ageing.default, ageing.prepay} <= {"", *BY_MONTH}:
            since = np.maximum(days[period], made[owner])
            if not ageing.default:
                return found[0], found[1], np.zeros(len(mine))
            at = [
                _by_months(ageing, ageing.default, self.grid, made[owner], day)
                for day in (since, ends)
            ]
            return found[0], found[1], at[1] - at[0]
        return self._by_days(ageing, rows, (owner, period, ends), (found[0], found[1]))

    def _by_days(
        self,
        ageing: Ageing,
        rows: IntArray,
        bins: tuple[IntArray, IntArray, IntArray],
        known: tuple[FloatArray, FloatArray],
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """The same where shares of the amount lent are told by day: period by period, in the order
        ``survivors``, what goes is set against what stands. ``bins``: row, period and day of end.
        """
        owner, period, ends = bins
        made, part = self.made[rows], self.part[rows]
        age = np.maximum(self.grid.days[None, :] - made[:, None], 0)
        # Nothing happens to loans before they are made.
        base = [
            each[self.flows.classes.curve[rows]] * part * (age[:, 1:] > 0)
            for each in (self.curves.default_base, self.curves.prepay_base)
        ]
        shape = self.flows.classes.shape[rows]
        unit, after = _lives(ageing, shape, np.maximum(-made, 0))
        told = [
            _Told(ageing, name, shape, after[n], age) if name in BY_DAY else None
            for n, name in enumerate((ageing.default, ageing.prepay))
        ]
        owed, left = self._owed(rows, ageing.with_instalments(shape))
        default, prepay = (each.copy() for each in known)
        last, share = np.zeros(len(owner)), np.ones(len(rows))
        for p in range(len(self.grid)):
            if told[0] is not None:
                here = np.flatnonzero(period == p)
                row = owner[here]
                stands = unit[row] * share[row] * owed[row, p]
                last[here] = told[0].until(row, p, ends[here] - made[row], stands)
                gone = told[0].in_period(p, unit * share * owed[:, p])
                default[:, p] = gone / part[:, p]
            else:
                gone = known[0][:, p] * base[0][:, p]
            share = share * np.exp(-gone)
            if told[1] is not None:
                early = told[1].in_period(p, unit * share * left[:, p])
                prepay[:, p] = early / part[:, p]
            else:
                early = known[1][:, p] * base[1][:, p]
            share = share * np.exp(-early)
        return default, prepay, last

    def _owed(self, rows: IntArray, instalments: BoolArray) -> tuple[FloatArray, FloatArray]:
        """What contracts owe at the start of each period, and after its payment, of what they owe
        at the start of the first [R, T]; ones where there are no ``instalments`` (R,).
        """
        flows = self.flows
        total = flows.due[:, :, OWED].copy()
        np.add.at(total, (flows.bin_class, flows.bin_period), flows.last[:, LAST_OWED])
        total, paid = total[rows], flows.due[rows, :, PRINCIPAL]
        began = np.argmax(total > 0.0, axis=1)
        first = np.maximum(total[np.arange(len(rows)), began], _NONE)[:, None]
        owed, left = (np.maximum(each / first, _NONE) for each in (total, total - paid))
        owed[~instalments], left[~instalments] = 1.0, 1.0
        return owed, left


def _lives(
    ageing: Ageing, shape: IntArray, age: IntArray
) -> tuple[FloatArray, tuple[FloatArray, FloatArray]]:
    """What one unit lent still is at each ``age`` [days], and the log-hazards of default and of
    prepayment of a day after the stated curves end; all (R,).
    """
    unit, after = np.ones(len(shape)), (np.zeros(len(shape)), np.zeros(len(shape)))
    shapes, index = np.unique(shape, return_inverse=True)
    order = np.argsort(index, kind="stable")
    starts = np.searchsorted(index[order], np.arange(len(shapes) + 1))
    for begin in range(0, len(shapes), _SHAPES):
        some = shapes[begin : begin + _SHAPES]
        mine = order[starts[begin] : starts[begin + len(some)]]
        row, life = index[mine] - begin, ageing.by_day(some)
        unit[mine] = life.standing(row, age[mine])
        for n, language in enumerate((ageing.default, ageing.prepay)):
            if ageing.credit.run_on and language in ("default_by_age", "prepay_by_age"):
                end = ageing.last_ages(language, some)
                after[n][mine] = (life.default, life.prepay)[n][row, end[row] - 1]
    return unit, after


class _Told:
    """A cumulative share of the amount lent, at the ages of some classes."""

    def __init__(
        self, ageing: Ageing, language: str, shape: IntArray, after: FloatArray, age: IntArray
    ) -> None:
        """``age`` [R, T + 1] at the ends of periods [days]; ``after`` (R,): see _lives."""
        self._ageing, self._language, self._shape = ageing, language, shape
        self._after, self._age = after, age
        self._end = ageing.last_ages(language, shape)
        self._gone = ageing.cumulative(language, shape, age)

    def in_period(self, p: int, standing: FloatArray) -> FloatArray:
        """Log-hazard (R,) in period ``p`` of what is ``standing`` of one unit lent."""
        beyond = [np.maximum(self._age[:, n] - self._end, 0) for n in (p, p + 1)]
        gone = self._gone[:, p + 1] - self._gone[:, p]
        return np.asarray(_hazard(gone, standing) + self._after * (beyond[1] - beyond[0]))

    def until(self, row: IntArray, p: int, age: IntArray, standing: FloatArray) -> FloatArray:
        """The same of some rows from the start of period ``p`` to an ``age`` [days]."""
        end = self._end[row]
        gone = self._ageing.cumulative(self._language, self._shape[row], age)
        beyond = np.maximum(age - end, 0) - np.maximum(self._age[row, p] - end, 0)
        found = _hazard(gone - self._gone[row, p], standing)
        return np.asarray(found + self._after[row] * beyond)


def _hazard(gone: FloatArray, standing: FloatArray) -> FloatArray:
    share = np.clip(gone / np.maximum(standing, _NONE), 0.0, 1.0)
    return np.asarray(np.minimum(intensity(share), AT_ONCE))


def _by_months(
    ageing: Ageing, language: str, grid: PeriodGrid, made: IntArray, day: IntArray
) -> FloatArray:
    """Cumulative log-hazard at ``day`` of loans ``made`` on a day, by months since then."""
    age = months_between(grid.as_of, made, day)
    table = ageing.by_month(language, int(np.ceil(age.max(initial=0.0))) + 1)
    return np.asarray(np.interp(age, np.arange(float(len(table))), table))


def with_ages(
    loans: LoanArrays, origin_day: IntArray, term_days: IntArray, curves: CurveSet
) -> LoanArrays:
    """``loans`` with ``origin_day`` and ``shape`` where their curves go by age.

    ``origin_day`` is the day on which each was made, an offset from ``as_of``; ``term_days`` the
    original term. See :meth:`~scfcap.credit.ageing.Ageing.shapes`.

    Raises:
        InputError: a term is in none of the ranges of a segment's curves.
    """
    aged = [s for s, each in enumerate(curves.ageing) if each is not None]
    mine = np.isin(loans.curve, aged)
    if not mine.any():
        return loans
    shape = np.zeros(len(loans), dtype=np.int64)
    for s in aged:
        ageing, rows = curves.ageing[s], np.flatnonzero(loans.curve == s)
        assert ageing is not None
        shape[rows] = ageing.shapes(loans.loan_type[rows], loans.rate[rows], term_days[rows])
    return replace(loans, origin_day=np.where(mine, origin_day, 0), shape=shape)


def _first_part(classes: Classes, grid: PeriodGrid) -> FloatArray:
    """Share of each period that loans stand in which they start [C, T]; 1 in all others."""
    part = np.ones((len(classes), len(grid)))
    new = np.flatnonzero((classes.start_day > 0) & (classes.start_day <= grid.days[-1]))
    start = classes.start_day[new]
    period = np.searchsorted(grid.days, start, side="left") - 1
    begin, end = grid.days[period], grid.days[period + 1]
    # Where loans start on a period's last day they stand none of it.
    part[new, period] = np.where(end > start, (end - start) / (end - begin), 1.0)
    return part


def _bin_days(flows: ContractFlows, grid: PeriodGrid) -> IntArray:
    """Day on which the loans of each bin mature [B], an offset from ``as_of``."""
    begin, end = grid.days[flows.bin_period], grid.days[flows.bin_period + 1]
    since = np.maximum(flows.classes.start_day[flows.bin_class], begin)
    return np.asarray(np.rint(since + flows.bin_part * (end - begin)).astype(np.int64))


def _refuse_old(ageing: Ageing, language: str, shape: IntArray, oldest: IntArray) -> None:
    """Raise InputError where loans stand up to an age at which the stated curve has ended."""
    if not language or ageing.credit.run_on:
        return
    last = ageing.last_ages(language, shape)
    late = np.flatnonzero(oldest > last)
    if late.size:
        worst = late[np.argmax((oldest - last)[late])]
        key = f"credit.segments.{ageing.name}"
        raise InputError(
            Problem(
                f"model.toml: {key}.{language}",
                f"a curve that ends at an age of {last[worst]:,} days",
                f"one up to {oldest[worst]:,} days, to which loans of the segment stand, late ones "
                "too",
                f"Give more ages, or set {key}.run_on = true to go on as it ends.",
            )
        )


def _standing_until(flows: ContractFlows, grid: PeriodGrid, ends: IntArray) -> IntArray:
    """Last day inside the grid to which loans of each class stand [C], an offset from as_of."""
    periods = np.where(flows.due[:, :, OWED] > 0.0, np.arange(1, len(grid) + 1), 0).max(axis=1)
    until = grid.days[periods]
    np.maximum.at(until, flows.bin_class, ends)
    return np.asarray(until)
