"""Loans that roll from one state of delinquency to another, by a matrix of probabilities.

In each period a loan in state i (0 current, 1 to 4 the deeper the later) moves to state j. If j is
no worse than i it pays what falls due in the period and (i - j) / i of its arrears, with the late
fee on these; if j is worse it pays nothing, and what was due is added to its arrears. A loan that
is prepaid pays everything; one that defaults pays nothing and is lost with its arrears, of which
the principal counts as default and the interest is forgone. Arrears bear no interest but the late
fee. A loan that misses its last payment stays, in arrears, until it pays, is prepaid or defaults.

States are read at the ends of periods, as roll rates are counted: a loan makes no move in the
period in which it is made, and a whole one in the period in which it matures. Loans late at
``as_of`` begin in their state without arrears, what they owe being taken as spread over the
payments to come; of those past their maturity all is in arrears. The matrix tells default and
prepayment at once, so that the order of events makes no difference; where nothing is ever late it
is the order ``survivors``.

Of a scenario, the multiple of default m turns the probability f of rolling forward (a worse state
or default) into 1 - (1 - f)^m, the multiple of prepayment that of being prepaid if not rolling
forward likewise; the other probabilities of a state keep their proportions.
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
from scfcap.cashflow.loans import HAS_DEFAULTED, IN_ARREARS
from scfcap.cashflow.outcomes import (
    ADVANCED,
    CLOSING,
    DEFAULT,
    DELINQUENT,
    OWING,
    PAID_FEES,
    PAID_INTEREST,
    PREPAID,
    REIMBURSED,
    SCHEDULED,
    STRUCK,
    ClassTable,
    Rolls,
    Said,
)
from scfcap.compiled import compiled
from scfcap.quantities import FloatArray

#: Columns of a matrix in which loans end; those before them are states of delinquency.
TO_DEFAULT, TO_PREPAID = 5, 6
#: Columns of what loans in a state hold: share of the class, then arrears [currency].
_SHARE, _LATE_PRINCIPAL, _LATE_INTEREST, _LATE_FEES = range(4)


@compiled
def stressed(matrix: FloatArray, default: float, prepaid: float) -> FloatArray:
    """``matrix`` [7, 7] with rolling forward and being prepaid multiplied: see the module."""
    found = matrix.copy()
    for i in range(TO_DEFAULT):
        back, forward = 0.0, 0.0
        for j in range(TO_DEFAULT + 1):
            if j <= i:
                back += matrix[i, j]
            else:
                forward += matrix[i, j]
        early, total = matrix[i, TO_PREPAID], back + forward + matrix[i, TO_PREPAID]
        stay = ((back + early) / total) ** default
        kept = stay * (back / (back + early)) ** prepaid if back + early > 0.0 else stay
        for j in range(TO_DEFAULT + 1):
            if j > i:
                found[i, j] *= (1.0 - stay) / forward if forward > 0.0 else 0.0
            else:
                found[i, j] *= kept / back if back > 0.0 else 0.0
        found[i, TO_PREPAID] = stay - kept
        if back == 0.0:  # nothing says where to
            found[i, i] = kept
    return found


@compiled
def rolling(classes: ClassTable, said: Said, rolls: Rolls, totals: FloatArray) -> None:
    """Add each class that rolls in each scenario to ``totals`` [K, cells, T, outcomes]."""
    scenarios, _, periods = said.default.shape
    for s in range(len(rolls.rolled)):
        if not rolls.rolled[s]:
            continue
        matrix = np.empty((periods, *rolls.matrix.shape[1:]))
        for k in range(scenarios):
            for p in range(periods):
                matrix[p] = stressed(
                    rolls.matrix[s], said.default[k, s, p], rolls.prepay_multiple[k, s, p]
                )
            for c in range(len(classes.curve)):
                if classes.curve[c] == s:
                    row = totals[k, classes.cell[c]]
                    _roll_class(classes, c, (matrix, said.struck[k, s]), rolls, row)


@compiled
def _roll_class(
    classes: ClassTable,
    c: int,
    said: tuple[FloatArray, FloatArray],
    rolls: Rolls,
    row: FloatArray,
) -> None:
    """One class in one scenario; ``said``: matrices [T, 7, 7], shares struck [T]."""
    first, b, last_bin = classes.first[c], classes.bins[c], classes.bins[c + 1]
    bucket = classes.bucket[c]
    held, falls, contract = np.zeros((TO_DEFAULT, 4)), np.zeros(3), classes.due[c]
    if bucket >= IN_ARREARS:
        contract = np.zeros(contract.shape)
        while b < last_bin:
            for m in range(3):
                held[bucket - IN_ARREARS, 1 + m] += classes.last[b, m]
            b += 1
    else:
        held[min(bucket, TO_DEFAULT - 1), _SHARE] = 1.0
    for p in range(max(first, 0), len(said[1])):
        due = contract[p]
        owed, left = due[OWED], due[OWED] - due[PRINCIPAL]
        falls[0], falls[1], falls[2] = due[PRINCIPAL], due[INTEREST], due[FEES]
        while b < last_bin and classes.bin_period[b] == p:
            owed += classes.last[b, LAST_OWED]
            falls[0] += classes.last[b, LAST_OWED]
            falls[1] += classes.last[b, LAST_INTEREST]
            falls[2] += classes.last[b, LAST_FEES]
            b += 1
        if said[1][p] > 0.0 and p != first:
            row[p, STRUCK] += said[1][p] * _standing(held, owed, 0)
            held *= 1.0 - said[1][p]
        if p == first:
            row[p, SCHEDULED] += falls[0]
            row[p, PAID_INTEREST] += falls[1]
            row[p, PAID_FEES] += falls[2]
        elif bucket == HAS_DEFAULTED:
            row[p, DEFAULT] += owed * held[-1, _SHARE]
            break
        else:
            held = _move(said[0][p], held, (owed, left, due[ACCRUED]), falls, rolls, row[p])
        row[p, CLOSING] += _standing(held, left, 0)
        row[p, DELINQUENT] += _standing(held, left, 1)
        if left <= 0.0 and b == last_bin and held[:, _LATE_PRINCIPAL:].sum() == 0.0:
            break


@compiled
def _standing(held: FloatArray, owed: float, least: int) -> float:
    """Principal of loans in state ``least`` or a worse one, arrears included."""
    total = 0.0
    for i in range(least, TO_DEFAULT):
        total += held[i, _SHARE] * owed + held[i, _LATE_PRINCIPAL]
    return total


@compiled
def _move(
    matrix: FloatArray,
    held: FloatArray,
    terms: tuple[float, float, float],
    due: FloatArray,
    rolls: Rolls,
    row: FloatArray,
) -> FloatArray:
    """What loans ``held`` [5, 4] by state pay in a period to ``row``; what they hold after.

    ``terms``: what contracts owe at the start, what runs on after the period, and the interest
    put off on it. ``due``: principal, interest, fees that fall due.
    """
    owed, left, put_off = terms
    after = np.zeros(held.shape)
    for i in range(TO_DEFAULT):
        share, principal, interest, fees = held[i, 0], held[i, 1], held[i, 2], held[i, 3]
        if share == 0.0 and principal + interest + fees == 0.0:
            continue
        for j in range(TO_PREPAID + 1):
            chance = matrix[i, j]
            if chance == 0.0:
                continue
            if j == TO_DEFAULT:
                row[DEFAULT] += chance * (share * owed + principal)
                row[OWING] += chance * (principal + interest) if rolls.advances else 0.0
                continue
            if i < j < TO_DEFAULT:
                after[j, _SHARE] += chance * share
                for m in range(3):
                    after[j, 1 + m] += chance * (held[i, 1 + m] + share * due[m])
                if rolls.advances:
                    row[ADVANCED] += chance * share * (due[0] + due[1])
                continue
            paid = 1.0
            if j < TO_DEFAULT:
                paid = (i - j) / i if i > 0 else 0.0
                after[j, _SHARE] += chance * share
                for m in range(3):
                    after[j, 1 + m] += chance * (1.0 - paid) * held[i, 1 + m]
            else:
                row[PREPAID] += chance * share * left
                row[PAID_INTEREST] += chance * share * put_off
            arrears = chance * paid * (principal + interest)
            row[SCHEDULED] += chance * (share * due[0] + paid * principal)
            row[PAID_INTEREST] += chance * (share * due[1] + paid * interest)
            row[PAID_FEES] += chance * (share * due[2] + paid * fees) + rolls.late_fee * arrears
            row[REIMBURSED] += arrears if rolls.advances else 0.0
    return after
