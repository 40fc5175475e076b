"""The projection kernel: cash flows of many loans, summed by group, never loans x periods.

It works in two stages. What contracts ask is added up by class and period, once; a class is the
loans that survive alike. What becomes of it is found class by class in each scenario. So a
scenario costs as many steps as there are classes, and yet takes every loan at its own terms.
What an outage holds back arrives later and stands until then.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, fields
from typing import TypeVar

import numpy as np

from scfcap.axes import LOAN_TYPES
from scfcap.cashflow.behaviour import behave
from scfcap.cashflow.contract_flows import Clock, ContractFlows, clock, contract_flows, merged
from scfcap.cashflow.dated import (
    LONGEST_MOVE,
    DatedTables,
    dated_tables,
    scenarios_by_index,
    upfront_fees,
)
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.loans import UNDRAWN_PART, LoanArrays
from scfcap.cashflow.outage import hold_back
from scfcap.cashflow.outcomes import outcomes
from scfcap.credit.curves import CurveSet
from scfcap.quantities import FloatArray, IntArray

#: Loans in a block; blocks run beside each other.
_BLOCK = 125_000
#: Cells (class x period) that a block may need, and that wait to be gone through together.
_CELLS = 1_000_000
#: Scenarios, and classes, that are gone through at a time, beside others.
_SCENARIOS, _CLASSES = 512, 16_384
#: Parts that are worked on before they are asked for.
_AHEAD = 4

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")
_Times = tuple[Clock, DatedTables | None]


def run_kernel(loans: LoanArrays, curves: CurveSet, groups: int) -> Flows:
    """Project ``loans`` in every scenario of ``curves`` and sum by group.

    The grid's periods are taken as equally long for instalments: where they differ, loans that pay
    by instalments need dated terms. What runs beyond the grid is left in ``closing`` and
    ``receivable``.

    Raises:
        ValueError: an index is out of range, or a loan matures at or before as_of or its start.
    """
    alike = scenarios_by_index(loans, curves)
    if len(alike) > 1:
        return _by_index(loans, curves, groups, alike)
    segments, periods = len(curves.segments), len(curves.grid)
    for part in _blocks(loans, _BLOCK):
        _check(part, segments, groups)
    last_day = int(max(loans.maturity_day.max(initial=0), loans.start_day.max(initial=0)))
    time = clock(curves.grid, last_day + LONGEST_MOVE)
    tables = dated_tables(loans, curves)
    there = np.zeros(groups * segments, dtype=np.bool_)
    amount = np.zeros((groups, periods + 1))
    for part in _blocks(loans, _BLOCK):
        there[part.group * segments + part.curve] = True
        amount += _amounts(part, time, groups)
    cells = np.flatnonzero(there)
    totals = _totals(loans, curves, (time, tables), cells)
    group_of, curve_of = np.divmod(cells, segments)
    flows = dict(zip(outcomes(curves), np.moveaxis(totals, 3, 0), strict=True))
    _recover(flows, curves, curve_of)
    held = curves.stress.held[:, None, :]
    if held.any():
        flows["interest"], _ = hold_back(flows["interest"], held)
        flows["fees"], _ = hold_back(flows["fees"], held)
        flows["scheduled"], first_late = hold_back(flows["scheduled"], held)
        flows["prepaid"], then_late = hold_back(flows["prepaid"], held)
        flows["closing"] = flows["closing"] + first_late + then_late
    summed = {name: _by_group(each, group_of, groups) for name, each in flows.items()}
    summed["fees"] += upfront_fees(loans, time.period_of, (groups, periods))
    opening = np.empty_like(summed["closing"])
    opening[:, :, 0] = amount[:, 0]
    opening[:, :, 1:] = summed["closing"][:, :, :-1]
    return Flows(opening=opening, originated=amount[:, 1:], **summed)


def _recover(flows: dict[str, FloatArray], curves: CurveSet, curve_of: IntArray) -> None:
    """Put default, loss, recovery and receivable [K, cells, T] into ``flows``.

    ``curve_of`` [cells] is the segment of each.
    """
    gone, struck = flows["default"], flows["struck"]
    flows["default"] = gone + struck
    if "owing" not in flows:
        flows["loss"], flows["recovery"], flows["receivable"] = recoveries(
            gone, struck, curves, curve_of
        )
        return
    share = curves.recovery_share[curve_of]
    flows["reimbursed"] = flows["reimbursed"] + _spread(flows.pop("owing"), share)
    if curves.order == "survivors":
        flows["loss"], flows["recovery"], flows["receivable"] = recoveries(
            gone, struck, curves, curve_of
        )
        return
    liquidated = ~curves.has_roll_rates[curve_of][:, None]
    loss, recovery, _ = recoveries(np.where(liquidated, 0.0, gone), struck, curves, curve_of)
    held = curves.stress.held[:, None, :]
    late = hold_back(flows["recovery"], held)[0] if held.any() else flows["recovery"]
    flows["loss"], flows["recovery"] = loss + flows["loss"], recovery + late
    known = np.cumsum(flows["default"] - flows["loss"] - flows["recovery"], axis=2)
    flows["receivable"] = np.maximum(known, 0.0)


def recoveries(
    gone: FloatArray,
    struck: FloatArray,
    curves: CurveSet,
    curve_of_group: IntArray,
    lost: FloatArray | None = None,
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Loss, recovery when it arrives, and what is still to be recovered; all [K, G, T].

    ``gone`` [K, G, T] defaulted in the ordinary way, ``struck`` through core enterprises;
    ``curve_of_group`` [G] is each group's segment. ``lost`` of ``gone`` never comes back (None:
    the segment's severity).
    """
    severity = curves.severity[:, curve_of_group]
    recoverable = gone * (1.0 - severity) if lost is None else gone - lost
    if curves.grid.mixed:
        periods = gone.shape[2]
        lag = (curves.recovered_in[:, 1:] - np.arange(1, len(curves.grid) + 1))[curve_of_group]
        due = _arriving(recoverable, np.broadcast_to(lag[:, :periods], gone.shape))
    else:
        due = _spread(recoverable, curves.recovery_share[curve_of_group])
    loss = gone * severity if lost is None else lost
    if struck.any():
        share = curves.struck_recovery[:, curve_of_group]
        recoverable = recoverable + struck * share
        due = due + _arriving(struck * share, curves.struck_lag[:, curve_of_group])
        loss = loss + struck * (1.0 - share)
    to_come = np.maximum(np.cumsum(recoverable, axis=2) - np.cumsum(due, axis=2), 0.0)
    if not curves.stress.held.any():
        return loss, due, to_come
    recovery, waiting = hold_back(due, curves.stress.held[:, None, :])
    return loss, recovery, to_come + waiting


def _by_index(loans: LoanArrays, curves: CurveSet, groups: int, alike: Sequence[IntArray]) -> Flows:
    """The kernel where indices of rates differ: floating loans once for scenarios ``alike``."""
    assert loans.terms is not None
    floating = loans.terms.index >= 0
    whole = run_kernel(loans.where(~floating), curves, groups)
    part = loans.where(floating)
    summed = {f.name: getattr(whole, f.name).copy() for f in fields(Flows)}
    for number, rows in enumerate(alike):
        found = run_kernel(part, curves.under(curves.stress.chosen(rows)), groups)
        for name, total in summed.items():
            if name != "originated":
                total[rows] += getattr(found, name)
            elif number == 0:
                total += found.originated
    return Flows(**summed)


def _by_group(flow: FloatArray, group_of: IntArray, groups: int) -> FloatArray:
    """``flow`` [K, cells, T] summed to [K, groups, T]; ``group_of`` [cells] rises."""
    summed = np.zeros((flow.shape[0], groups, flow.shape[2]))
    if len(group_of):
        begin = np.flatnonzero(np.diff(group_of, prepend=-1))
        summed[:, group_of[begin]] = np.add.reduceat(flow, begin, axis=1)
    return summed


def _totals(loans: LoanArrays, curves: CurveSet, times: _Times, cells: IntArray) -> FloatArray:
    """Outcomes [K, cells, T, outcomes]; a cell is a group's loans of one curve.

    Blocks of loans, scenarios and classes run beside each other and are added in order, so that
    the result does not depend on the number of processors.
    """
    scenarios, segments, periods = curves.default_intensity.shape
    totals = np.zeros((scenarios, len(cells), periods, len(outcomes(curves))))
    with ThreadPoolExecutor() as threads:
        for flows in _contracts(loans, times, _apart(curves), threads):
            key = flows.classes.group * segments + flows.classes.curve
            work = _Work(flows, np.searchsorted(cells, key).astype(np.int64), curves, times[0])
            for part, found in _ahead(threads, work.run, work.parts(totals.shape)):
                totals[part[0]] += found
    return totals


@dataclass(frozen=True)
class _Work:
    """Behaviour of some classes, to be found part by part."""

    flows: ContractFlows
    cell: IntArray
    curves: CurveSet
    time: Clock

    def parts(self, shape: tuple[int, ...]) -> list[tuple[slice, slice, tuple[int, ...]]]:
        """Scenarios and classes of each part, and the shape of its outcomes."""
        return [
            (
                slice(k, k + _SCENARIOS),
                slice(c, c + _CLASSES),
                (min(_SCENARIOS, shape[0] - k), *shape[1:]),
            )
            for k in range(0, shape[0], _SCENARIOS)
            for c in range(0, len(self.cell), _CLASSES)
        ]

    def run(self, part: tuple[slice, slice, tuple[int, ...]]) -> FloatArray:
        """Outcomes of one part."""
        scenarios, classes, shape = part
        totals = np.zeros(shape)
        behave(
            self.flows.of(classes), self.cell[classes], self.curves, self.time, scenarios, totals
        )
        return totals


def _apart(curves: CurveSet) -> int:
    """Up to which period of maturity classes are told apart, 0: they are not."""
    if curves.order != "bma" or not curves.servicer_advances:
        return 0
    return len(curves.grid) + int(curves.recovery_share.shape[1])


def _contracts(
    loans: LoanArrays, times: _Times, apart: int, threads: ThreadPoolExecutor
) -> Iterator[ContractFlows]:
    """Contract flows of all loans, in as few parts as memory allows."""
    time, tables = times
    block = max(min(_BLOCK, _CELLS // len(time.years)), 1)
    waiting: list[ContractFlows] = []

    def one(part: LoanArrays) -> ContractFlows:
        return contract_flows(part, time, apart, tables)

    for _, flows in _ahead(threads, one, _blocks(loans, block)):
        waiting.append(flows)
        if sum(len(part.classes) for part in waiting) * len(time.years) > _CELLS:
            yield merged(waiting)
            waiting = []
    if waiting:
        yield merged(waiting)


def _ahead(
    threads: ThreadPoolExecutor, work: Callable[[_Item], _Result], items: Iterable[_Item]
) -> Iterator[tuple[_Item, _Result]]:
    """Each item with its result, in order; only a few are worked on before they are asked for."""
    running: deque[tuple[_Item, Future[_Result]]] = deque()
    for item in items:
        running.append((item, threads.submit(work, item)))
        if len(running) > _AHEAD:
            first, future = running.popleft()
            yield first, future.result()
    for first, future in running:
        yield first, future.result()


def _blocks(loans: LoanArrays, size: int) -> Iterator[LoanArrays]:
    """The loans in order, ``size`` at a time."""
    return (loans.where(slice(at, at + size)) for at in range(0, len(loans), size))


def _check(loans: LoanArrays, segments: int, groups: int) -> None:
    """The compiled loops do not check their indices."""
    for name, values, size in (
        ("group", loans.group, groups),
        ("curve", loans.curve, segments),
        ("loan_type", loans.loan_type, len(LOAN_TYPES)),
    ):
        if values.min() < 0 or values.max() >= size:
            msg = f"{name}: an index is outside 0..{size - 1}"
            raise ValueError(msg)
    if (loans.maturity_day <= np.maximum(loans.start_day, 0)).any():
        msg = "maturity_day: a loan matures at or before as_of or its start"
        raise ValueError(msg)


def _amounts(loans: LoanArrays, time: Clock, groups: int) -> FloatArray:
    """What stands at ``as_of``, and what starts in each period [G, T + 1]."""
    columns = len(time.years) + 1
    period = time.period_of[np.maximum(loans.start_day, 0)]
    inside = (period < columns) & (loans.draws != UNDRAWN_PART)
    cell = loans.group[inside] * columns + period[inside]
    amount = np.bincount(cell, loans.balance[inside], minlength=groups * columns)
    return np.asarray(amount.astype(np.float64).reshape((groups, columns)))


def _spread(amounts: FloatArray, share: FloatArray) -> FloatArray:
    """``amounts`` [K, G, T] as they arrive: ``share`` [G, L] of each 0, 1, ... periods later.

    What falls beyond the grid is cut.
    """
    arrived = np.zeros_like(amounts)
    periods = amounts.shape[2]
    for step in range(min(share.shape[1], periods)):
        rows = np.flatnonzero(share[:, step])
        moved = amounts[:, rows, : periods - step]
        arrived[:, rows, step:] += share[rows, step, None] * moved
    return arrived


def _arriving(amounts: FloatArray, lag: IntArray) -> FloatArray:
    """``amounts`` [K, G, T] moved ``lag`` [K, G, T] periods later, each by its own."""
    moved = np.zeros_like(amounts)
    k, g, t = np.nonzero(amounts)
    to = t + lag[k, g, t]
    inside = to < amounts.shape[2]
    k, g, t, to = k[inside], g[inside], t[inside], to[inside]
    np.add.at(moved, (k, g, to), amounts[k, g, t])
    return moved
