"""The order of events ``bma``: the bond market's standard formulas.

Within a period new defaults are taken from the balance at the start; voluntary prepayment is the
opening balance as amortised times smm, new defaults not removed; interest and scheduled principal
come from what has not defaulted. A defaulted loan is liquidated ``recovery_lag`` periods later (or
in parts, by the recovery curve): loss and recovery stand there. The Bond Market Association,
Uniform Practices, ch. SF (1999), C.3 and Cash Flow A, pp. SF-23 to SF-30.

Where the servicer advances, defaulted loans amortise by contract until they are liquidated and he
pays that and their interest, that of the period of liquidation included; he is reimbursed in full
when they are liquidated. The loss is the severity times the balance at default, but no more than
the balance as amortised to the liquidation. No loan defaults so late that it would be liquidated
after its last payment; loans past due for the segment's default days at ``as_of`` have defaulted
already and are not advanced.
"""

from __future__ import annotations

import numpy as np

from scfcap.cashflow.contract_flows import (
    ACCRUED,
    FEES,
    INTEREST,
    LAST_FEES,
    LAST_INTEREST,
    LAST_OWED,
    OWED,
    PRINCIPAL,
)
from scfcap.cashflow.loans import HAS_DEFAULTED
from scfcap.cashflow.outcomes import (
    ADVANCED,
    CLOSING,
    DEFAULT,
    LOSS,
    PAID_FEES,
    PAID_INTEREST,
    PREPAID,
    RECOVERY,
    REIMBURSED,
    SCHEDULED,
    STRUCK,
    ClassTable,
    Rolls,
    Said,
    Workout,
)
from scfcap.compiled import compiled
from scfcap.credit.languages import AT_ONCE
from scfcap.quantities import FloatArray

#: What remains of shares that add up to one.
_NOTHING = 1e-12


@compiled
def bond_market(
    classes: ClassTable, said: Said, rolls: Rolls, workout: Workout, totals: FloatArray
) -> None:
    """Add each class in each scenario to ``totals`` [K, cells, T, outcomes], but rolled ones."""
    scenarios, _, periods = said.default.shape
    longest = workout.share.shape[1] - 1
    gone, share = np.zeros(periods), np.zeros(periods)
    for c in range(len(classes.curve)):
        s = classes.curve[c]
        if rolls.rolled[s]:
            continue
        wait = longest
        while wait > 0 and workout.share[s, wait] == 0.0:
            wait -= 1
        advanced = workout.advances and wait > 0 and classes.bucket[c] != HAS_DEFAULTED
        # Of loans advanced, none defaults from this period on.
        until = classes.runs_to[c] - wait if advanced else periods
        contract = _contract(classes, c, periods)
        for k in range(scenarios):
            row = totals[k, classes.cell[c]]
            gone[:] = 0.0
            share[:] = 0.0
            _perform(classes, said, (k, c, until), (gone, share), row)
            if not advanced:
                share[:] = 0.0
            severity = workout.severity[k, s]
            _liquidate((gone, share), contract, severity, workout.share[s], row)


@compiled
def _contract(classes: ClassTable, c: int, periods: int) -> FloatArray:
    """Of a class by period [T, 3]: owed at the start, principal due of what runs on, interest."""
    found = np.zeros((periods, 3))
    for p in range(periods):
        found[p, 0] = classes.due[c, p, OWED]
        found[p, 1] = classes.due[c, p, PRINCIPAL]
        found[p, 2] = classes.due[c, p, INTEREST]
    for b in range(classes.bins[c], classes.bins[c + 1]):
        found[classes.bin_period[b], 0] += classes.last[b, LAST_OWED]
        found[classes.bin_period[b], 2] += classes.last[b, LAST_INTEREST]
    return found


@compiled
def _perform(
    classes: ClassTable,
    said: Said,
    at: tuple[int, int, int],
    lost: tuple[FloatArray, FloatArray],
    row: FloatArray,
) -> None:
    """One class in one scenario until it ends, to ``row`` [T, outcomes].

    ``at``: scenario, class, period from which none defaults. ``lost`` [T] each takes what
    defaults in a period: the amount, and the share of the class.
    """
    k, c, until = at
    s, first, due = classes.curve[c], classes.first[c], classes.due[c]
    default, prepaid, struck = said.default[k, s], said.prepaid[k, s], said.struck[k, s]
    certain = AT_ONCE if classes.bucket[c] == HAS_DEFAULTED else 0.0
    share, b, last_bin = 1.0, classes.bins[c], classes.bins[c + 1]
    for p in range(max(first, 0), len(struck)):
        owed = due[p, OWED]
        ends = b
        standing = owed
        while ends < last_bin and classes.bin_period[ends] == p:
            standing += classes.last[ends, LAST_OWED]
            ends += 1
        part = classes.part[c] if p == first else 1.0
        if struck[p] > 0.0 and p != first:
            row[p, STRUCK] += share * struck[p] * standing
            share *= 1.0 - struck[p]
        hazard = default[p] * classes.default[c, p] + certain if p < until else 0.0
        for each in range(b, ends):
            defaulted = -np.expm1(-hazard * classes.bin_part[each])
            alive = share * (1.0 - defaulted)
            balance = classes.last[each, LAST_OWED]
            lost[0][p] += share * defaulted * balance
            row[p, PAID_INTEREST] += alive * classes.last[each, LAST_INTEREST]
            row[p, SCHEDULED] += alive * balance
            row[p, PAID_FEES] += alive * classes.last[each, LAST_FEES]
        b = ends
        if owed == 0.0 and b == last_bin:
            row[p, DEFAULT] += lost[0][p]
            break
        defaulted = -np.expm1(-hazard * part)
        early = -np.expm1(-prepaid[p] * classes.prepaid[c, p] * part)
        early = min(early, 1.0 - defaulted)
        alive, paid = share * (1.0 - defaulted), share * early
        left = owed - due[p, PRINCIPAL]
        lost[0][p] += share * defaulted * owed
        lost[1][p] = share * defaulted
        row[p, DEFAULT] += lost[0][p]
        row[p, PAID_INTEREST] += alive * due[p, INTEREST] + paid * due[p, ACCRUED]
        row[p, SCHEDULED] += alive * due[p, PRINCIPAL]
        row[p, PREPAID] += paid * left
        row[p, PAID_FEES] += alive * due[p, FEES]
        share *= 1.0 - defaulted - early
        row[p, CLOSING] += share * left


@compiled
def _liquidate(
    lost: tuple[FloatArray, FloatArray],
    contract: FloatArray,
    severity: FloatArray,
    weight: FloatArray,
    row: FloatArray,
) -> None:
    """Loss and recovery of what was ``lost``, and what the servicer advances until then.

    ``weight`` [L]: share that is liquidated 0, 1, ... periods after the default.
    """
    periods = len(severity)
    for p in range(periods):
        if lost[0][p] == 0.0:
            continue
        advanced, still = 0.0, 1.0
        for wait in range(min(len(weight), periods - p)):
            q, part = p + wait, weight[wait]
            gross = part * lost[0][p]
            # Of a loan that is advanced, what it owes as amortised.
            owed = part * lost[1][p] * contract[q, 0] if lost[1][p] > 0.0 else gross
            loss = min(severity[p] * gross, owed)
            row[q, LOSS] += loss
            row[q, RECOVERY] += gross - loss
            interest = lost[1][p] * still * contract[q, 2]
            advanced += interest
            remains = still - part if still - part > _NOTHING else 0.0
            back = advanced * (1.0 - remains / still) if still > 0.0 else 0.0
            principal = lost[1][p] * remains * contract[q, 1]
            row[q, ADVANCED] += interest + principal
            row[q, REIMBURSED] += back
            advanced += principal - back
            still = remains
