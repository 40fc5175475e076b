"""What borrowers do of what contracts ask, scenario by scenario.

The order of events ``survivors``: within a period, defaults are taken from the performing balance
at the start (first what the failure of a core enterprise takes of the loans that stood before it),
interest accrues on the survivors, they pay scheduled principal, and prepayment is taken from what
then remains, with the interest put off on it.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scfcap.cashflow.clocks import clocks
from scfcap.cashflow.contract_flows import (
    ACCRUED,
    FEES,
    INTEREST,
    LAST_FEES,
    LAST_INTEREST,
    LAST_OWED,
    OWED,
    PRINCIPAL,
    Clock,
    ContractFlows,
)
from scfcap.compiled import compiled
from scfcap.credit.curves import CurveSet
from scfcap.quantities import FloatArray, IntArray

#: What the compiled loop adds up, in order.
OUTCOMES = ("default", "interest", "scheduled", "prepaid", "closing", "struck", "fees")
_DEFAULT, _INTEREST, _SCHEDULED, _PREPAID, _CLOSING, _STRUCK, _FEES = range(len(OUTCOMES))


class _Classes(NamedTuple):
    """Contract flows and clocks of the classes, for compiled code; see ContractFlows."""

    curve: IntArray  # [C]
    cell: IntArray  # [C] row of the result
    first: IntArray  # [C] period (from 0) in which the loans start; -1: they stand at as_of
    part: FloatArray  # [C] share of that period that they stand
    default: FloatArray  # [C, T] exposure to default
    prepaid: FloatArray  # [C, T] exposure to prepayment
    due: FloatArray  # [C, T, 5]
    bins: IntArray  # [C + 1] where the bins of each class begin
    bin_period: IntArray  # [B]
    bin_part: FloatArray  # [B]
    last: FloatArray  # [B, 3]


class _Intensities(NamedTuple):
    """What scenarios say, all [K, S, T]."""

    default: FloatArray
    prepaid: FloatArray
    struck: FloatArray


def behave(
    flows: ContractFlows,
    cell: IntArray,
    curves: CurveSet,
    time: Clock,
    scenarios: slice,
    totals: FloatArray,
) -> None:
    """Add what becomes of ``flows`` in some scenarios to ``totals`` [K, cells, T, outcomes].

    ``cell`` [C] is the row of each class; amounts in currency.
    """
    classes = flows.classes
    start = classes.start_day
    first = np.where(start > 0, time.period_of[start] - 1, -1)
    at = np.clip(first, 0, len(time.years) - 1)
    part = (time.day[at + 1] - start) / (time.day[at + 1] - time.day[at])
    default, prepaid, bin_part = clocks(flows, curves)
    table = _Classes(
        curve=np.array(classes.curve),
        cell=np.array(cell),
        first=first,
        part=np.where(first >= 0, part, 1.0),
        default=default,
        prepaid=prepaid,
        due=np.array(flows.due),
        bins=np.searchsorted(flows.bin_class, np.arange(len(classes) + 1)).astype(np.int64),
        bin_period=np.array(flows.bin_period),
        bin_part=np.array(bin_part),
        last=np.array(flows.last),
    )
    said = (curves.default_intensity, curves.prepay_intensity, curves.struck)
    _survivors(table, _Intensities(*(np.array(each[scenarios]) for each in said)), totals)


@compiled
def _survivors(classes: _Classes, said: _Intensities, totals: FloatArray) -> None:
    """Each class in each scenario, period by period; ``share`` of it still performs."""
    scenarios, _, periods = said.default.shape
    for c in range(len(classes.curve)):
        s, first, due = classes.curve[c], classes.first[c], classes.due[c]
        for k in range(scenarios):
            row = totals[k, classes.cell[c]]
            default, prepaid, struck = said.default[k, s], said.prepaid[k, s], said.struck[k, s]
            share, b, last_bin = 1.0, classes.bins[c], classes.bins[c + 1]
            for p in range(max(first, 0), periods):
                owed = due[p, OWED]
                ends = b
                while ends < last_bin and classes.bin_period[ends] == p:
                    ends += 1
                part = classes.part[c] if p == first else 1.0
                if struck[p] > 0.0 and p != first:
                    standing = owed
                    for each in range(b, ends):
                        standing += classes.last[each, LAST_OWED]
                    row[p, _STRUCK] += share * struck[p] * standing
                    share *= 1.0 - struck[p]
                hazard = default[p] * classes.default[c, p]
                for each in range(b, ends):
                    gone = -np.expm1(-hazard * classes.bin_part[each])
                    alive = share * (1.0 - gone)
                    balance = classes.last[each, LAST_OWED]
                    row[p, _DEFAULT] += share * gone * balance
                    row[p, _INTEREST] += alive * classes.last[each, LAST_INTEREST]
                    row[p, _SCHEDULED] += alive * balance
                    row[p, _FEES] += alive * classes.last[each, LAST_FEES]
                b = ends
                if owed == 0.0 and b == last_bin:
                    break
                gone = -np.expm1(-hazard * part)
                early = -np.expm1(-prepaid[p] * classes.prepaid[c, p] * part)
                alive = share * (1.0 - gone)
                left = owed - due[p, PRINCIPAL]
                paid = alive * early
                row[p, _DEFAULT] += share * gone * owed
                row[p, _INTEREST] += alive * due[p, INTEREST] + paid * due[p, ACCRUED]
                row[p, _SCHEDULED] += alive * due[p, PRINCIPAL]
                row[p, _PREPAID] += paid * left
                row[p, _FEES] += alive * due[p, FEES]
                share = alive * (1.0 - early)
                row[p, _CLOSING] += share * left
