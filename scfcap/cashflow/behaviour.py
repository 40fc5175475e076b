"""What borrowers do of what contracts ask, scenario by scenario.

The order of events ``survivors``: within a period, defaults are taken from the performing balance
at the start (first what the failure of a core enterprise takes of the loans that stood before it;
all of the loans that have defaulted already, whatever the scenario),
interest accrues on the survivors, they pay scheduled principal, and prepayment is taken from what
then remains, with the interest put off on it. Borrowers draw on their lines at the end of a
period (:mod:`~scfcap.cashflow.lines`). The order ``bma`` is in
:mod:`~scfcap.cashflow.bond_market`, what goes by roll rates in :mod:`~scfcap.cashflow.rolling`.
"""

from __future__ import annotations

import numpy as np

from scfcap.cashflow.bond_market import bond_market
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
from scfcap.cashflow.lines import drawn_lines
from scfcap.cashflow.loans import HAS_DEFAULTED, NO_DRAWS
from scfcap.cashflow.outcomes import (
    CLOSING,
    DEFAULT,
    PAID_FEES,
    PAID_INTEREST,
    PREPAID,
    SCHEDULED,
    STRUCK,
    ClassTable,
    Lines,
    Rolls,
    Said,
    Workout,
)
from scfcap.cashflow.rolling import rolling
from scfcap.compiled import compiled
from scfcap.credit.curves import CurveSet
from scfcap.credit.languages import AT_ONCE
from scfcap.quantities import FloatArray, IntArray


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
    table = ClassTable(
        curve=np.array(classes.curve),
        cell=np.array(cell),
        first=first,
        part=np.where(first >= 0, part, 1.0),
        default=default,
        prepaid=prepaid,
        due=np.array(flows.due, order="C"),
        bins=np.searchsorted(flows.bin_class, np.arange(len(classes) + 1)).astype(np.int64),
        bin_period=np.array(flows.bin_period),
        bin_part=np.array(bin_part),
        last=np.array(flows.last),
        bucket=np.array(classes.bucket),
        runs_to=np.array(classes.runs_to),
        draws=np.array(classes.draws),
        draws_until=np.array(classes.draws_until),
    )
    named = (curves.default_intensity, curves.prepay_intensity, curves.struck)
    # Whatever their layout, curves are read row by row: another one would be compiled for anew.
    said = Said(*(np.array(each[scenarios], order="C") for each in named))
    rolls = Rolls(
        rolled=np.array(curves.has_roll_rates),
        matrix=np.array(curves.period_rolls, order="C"),
        prepay_multiple=np.array(
            curves.stress.prepay_multiple[scenarios][:, curves.parent], order="C"
        ),
        late_fee=float(curves.late_fee),
        advances=bool(curves.servicer_advances),
    )
    if curves.has_roll_rates.any():
        rolling(table, said, rolls, totals)
    if curves.order == "bma":
        severity = np.array(curves.severity[scenarios])
        workout = Workout(severity, np.array(curves.recovery_share), rolls.advances)
        bond_market(table, said, rolls, workout, totals)
    else:
        _survivors(table, said, rolls, totals)
        if classes.draws.any():
            lines = Lines(
                np.array(curves.draw_intensity[scenarios]), np.array(time.years), np.array(time.day)
            )
            drawn_lines(table, said, lines, totals)


@compiled
def _survivors(classes: ClassTable, said: Said, rolls: Rolls, totals: FloatArray) -> None:
    """Each class in each scenario, period by period; ``share`` of it still performs."""
    scenarios, _, periods = said.default.shape
    for c in range(len(classes.curve)):
        s, first, due = classes.curve[c], classes.first[c], classes.due[c]
        if rolls.rolled[s] or classes.draws[c] != NO_DRAWS:
            continue
        certain = AT_ONCE if classes.bucket[c] == HAS_DEFAULTED else 0.0
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
                    row[p, STRUCK] += share * struck[p] * standing
                    share *= 1.0 - struck[p]
                hazard = default[p] * classes.default[c, p] + certain
                for each in range(b, ends):
                    gone = -np.expm1(-hazard * classes.bin_part[each])
                    alive = share * (1.0 - gone)
                    balance = classes.last[each, LAST_OWED]
                    row[p, DEFAULT] += share * gone * balance
                    row[p, PAID_INTEREST] += alive * classes.last[each, LAST_INTEREST]
                    row[p, SCHEDULED] += alive * balance
                    row[p, PAID_FEES] += alive * classes.last[each, LAST_FEES]
                b = ends
                if owed == 0.0 and b == last_bin:
                    break
                gone = -np.expm1(-hazard * part)
                early = -np.expm1(-prepaid[p] * classes.prepaid[c, p] * part)
                alive = share * (1.0 - gone)
                left = owed - due[p, PRINCIPAL]
                paid = alive * early
                row[p, DEFAULT] += share * gone * owed
                row[p, PAID_INTEREST] += alive * due[p, INTEREST] + paid * due[p, ACCRUED]
                row[p, SCHEDULED] += alive * due[p, PRINCIPAL]
                row[p, PREPAID] += paid * left
                row[p, PAID_FEES] += alive * due[p, FEES]
                share = alive * (1.0 - early)
                row[p, CLOSING] += share * left
