"""Revolving lines on which borrowers draw, and draw again what they have repaid.

Of a line with limit L, balance B <= L and the rate of draws d in a period, drawn at its end of what
is then not drawn:

    B' = (B - prepaid) + d (L - (B - prepaid)) for lines that do not default.

This is linear in B and L - B, so that a line is two rows of loans, which start as wholly drawn and
as not drawn at all; with ``x`` the drawn share of a row, x' = d + (1 - d) (1 - prepaid share) x.
Draws end with the period in which a line matures, or defaults.

Interest of what is drawn is owed from the draw on. Where a contract pays its interest on days
between ends of periods, what had accrued by a draw is not owed on it: it is set against the
interest paid next. That is no sum over loans, so that dated lines are told apart by all that their
payments depend on.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scfcap.axes import REVOLVING_LINE
from scfcap.cashflow.classes import unique_rows
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
from scfcap.cashflow.loans import (
    DRAWN_PART,
    HAS_DEFAULTED,
    LONGEST_DAY,
    NO_DRAWS,
    UNDRAWN_PART,
    LoanArrays,
    concatenate,
)
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
    Said,
)
from scfcap.compiled import compiled
from scfcap.credit.curves import CurveSet
from scfcap.credit.languages import AT_ONCE
from scfcap.errors import InputError, Problem
from scfcap.pool.terms import ARRAYS, SCALED
from scfcap.quantities import BoolArray, FloatArray, IntArray


def with_lines(
    loans: LoanArrays, limit_ratio: FloatArray | None, curves: CurveSet
) -> tuple[LoanArrays, IntArray]:
    """``loans`` with lines parted into rows where their curves draw, and the loan of each row.

    ``limit_ratio`` (loans,) is the limit of each over its balance, NaN or None: the balance is the
    limit. What is owed above a limit is a row by itself, on which nothing is drawn. The first rows
    are those of all loans, in order.

    Raises:
        InputError: a line is drawn in another order of events than ``survivors``, or goes by roll
            rates.
    """
    same = np.arange(len(loans))
    if not curves.draw_base.any():
        return loans, same
    drawn = np.asarray(curves.draw_base.any(axis=1))
    draws = (loans.loan_type == REVOLVING_LINE) & drawn[loans.curve]
    if not draws.any():
        return loans, same
    if curves.order != "survivors":
        raise InputError(
            Problem(
                "model.toml: projection.order",
                f'"{curves.order}" beside draws on revolving lines',
                'the order "survivors", in which lines are drawn',
                "Take it, or set draw_rate = 0.",
            )
        )
    rolled = np.unique(loans.curve[draws & curves.has_roll_rates[loans.curve]])
    if len(rolled):
        raise InputError(
            Problem(
                f"credit.segments.{curves.segments[s]}",
                "draws on revolving lines that go by roll rates",
                "one of them: the matrix knows no draws",
                "Set draw_rate = 0, or tell default in another language.",
            )
            for s in rolled
        )
    ratio = np.ones(len(loans)) if limit_ratio is None else limit_ratio
    ratio = np.where(draws & ~np.isnan(ratio), ratio, 1.0)
    draws = draws & (ratio > 0.0)
    above, below = np.flatnonzero(draws & (ratio < 1.0)), np.flatnonzero(draws & (ratio > 1.0))
    whole = replace(
        loans,
        draws=np.where(draws, DRAWN_PART, NO_DRAWS),
        draws_until=np.where(draws, LONGEST_DAY, 0),
        alike=_alike(loans, draws),
    )
    if not len(above) and not len(below):
        return whole, same
    within = whole.scaled(np.where(draws, np.minimum(ratio, 1.0), 1.0))
    rest = whole.scaled(np.abs(ratio - 1.0))
    parts = [within, _as(rest.where(above), NO_DRAWS), _as(rest.where(below), UNDRAWN_PART)]
    return concatenate(parts), np.concatenate([same, above, below])


def _as(loans: LoanArrays, part: int) -> LoanArrays:
    if part == NO_DRAWS:
        none = np.zeros_like(loans.draws)
        return replace(loans, draws=none + NO_DRAWS, draws_until=none, alike=none)
    return replace(loans, draws=np.full(len(loans), part))


def _alike(loans: LoanArrays, draws: BoolArray) -> IntArray:
    """A number (from 1) of dated lines that differ in their amounts alone; 0: of other loans."""
    numbers, terms = np.zeros(len(loans), dtype=np.int64), loans.terms
    if terms is None:
        return numbers
    rows = np.flatnonzero(draws & terms.dated)
    names = [name for name in ARRAYS if name not in SCALED]
    columns = [loans.maturity_day, loans.rate, *(getattr(terms, name) for name in names)]
    told = np.stack([_integers(column[rows]) for column in columns], axis=1)
    numbers[rows] = unique_rows(told)[0] + 1
    return numbers


def _integers(values: np.ndarray) -> IntArray:
    """Integers that are the same where ``values`` are."""
    if values.dtype == np.float64:
        return np.asarray(np.ascontiguousarray(values).view(np.int64))
    return values.astype(np.int64)


def last_draws(maturity_day: IntArray, curves: CurveSet) -> IntArray:
    """End of the last period of the grid before that in which loans mature [days]."""
    days = curves.grid.days
    return np.asarray(days[np.searchsorted(days, maturity_day, side="left") - 1])


@compiled
def drawn_lines(classes: ClassTable, said: Said, lines: Lines, totals: FloatArray) -> None:
    """Each class of lines in each scenario, period by period, in the order ``survivors``.

    ``alive`` performs, of which the share ``x`` is drawn. ``credit`` [currency], of what performs,
    is interest accrued before draws, which is not owed on them. What is drawn is the last outcome.
    """
    scenarios, _, periods = said.default.shape
    drawn = totals.shape[3] - 1
    for c in range(len(classes.curve)):
        if classes.draws[c] == NO_DRAWS:
            continue
        s, first, due = classes.curve[c], classes.first[c], classes.due[c]
        certain = AT_ONCE if classes.bucket[c] == HAS_DEFAULTED else 0.0
        for k in range(scenarios):
            row = totals[k, classes.cell[c]]
            default, prepaid, struck = said.default[k, s], said.prepaid[k, s], said.struck[k, s]
            alive, credit, b, last_bin = 1.0, 0.0, classes.bins[c], classes.bins[c + 1]
            x = 1.0 if classes.draws[c] == DRAWN_PART else 0.0
            for p in range(max(first, 0), periods):
                owed = due[p, OWED]
                standing, ends = owed, b
                while ends < last_bin and classes.bin_period[ends] == p:
                    standing += classes.last[ends, LAST_OWED]
                    ends += 1
                part = classes.part[c] if p == first else 1.0
                if struck[p] > 0.0 and p != first:
                    row[p, STRUCK] += alive * struck[p] * x * standing
                    alive *= 1.0 - struck[p]
                hazard = default[p] * classes.default[c, p] + certain
                for each in range(b, ends):
                    gone = -np.expm1(-hazard * classes.bin_part[each])
                    stays, balance = alive * (1.0 - gone), x * classes.last[each, LAST_OWED]
                    interest = x * classes.last[each, LAST_INTEREST]
                    interest -= min(credit * classes.last[each, LAST_OWED] / standing, interest)
                    row[p, DEFAULT] += alive * gone * balance
                    row[p, PAID_INTEREST] += stays * interest
                    row[p, SCHEDULED] += stays * balance
                    row[p, PAID_FEES] += stays * x * classes.last[each, LAST_FEES]
                b = ends
                if owed == 0.0 and b == last_bin:
                    break
                if standing > 0.0:
                    credit *= owed / standing
                row[p, DEFAULT] += alive * -np.expm1(-hazard * part) * x * owed
                alive *= np.exp(-hazard * part)
                interest = x * due[p, INTEREST]
                used = min(credit, interest)
                credit -= used
                early = -np.expm1(-prepaid[p] * classes.prepaid[c, p] * part)
                left = owed - due[p, PRINCIPAL]
                accrued = early * max(x * due[p, ACCRUED] - credit, 0.0)
                row[p, PAID_INTEREST] += alive * (interest - used + accrued)
                row[p, PAID_FEES] += alive * x * due[p, FEES]
                row[p, SCHEDULED] += alive * x * due[p, PRINCIPAL]
                row[p, PREPAID] += alive * early * x * left
                x, credit = x * (1.0 - early), credit * (1.0 - early)
                if lines.day[p + 1] <= classes.draws_until[c]:
                    share = -np.expm1(-lines.intensity[k, s, p] * lines.years[p] * part)
                    more = share * (1.0 - x)
                    row[p, drawn] += alive * more * left
                    credit += more * due[p, ACCRUED]
                    x += more
                row[p, CLOSING] += alive * x * left
