"""What of a history bears on the ends of loans: who was at risk when, and how each ended.

A loan is at risk in a month in which it opens with a balance, or in which it is made, up to its
default. One that is first seen in default was never at risk. Ages are months since the month in
which a loan was made.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Final

import numpy as np
import pandas as pd

from scfcap.credit.schedule import loan_types, scheduled_share
from scfcap.credit.survival import Lives
from scfcap.quantities import HALF_CENT, BoolArray, FloatArray, IntArray
from scfcap.tape.history import DEFAULT, History, month_end, month_of

#: Codes of an end; 0 is still running, or lost from sight.
DEFAULTED, PREPAID, REPAID = 1, 2, 3
CAUSES: Final = 3
_CODES: Final = {"default": DEFAULTED, "prepaid": PREPAID, "repaid": REPAID}


@dataclass(frozen=True)
class Loans:
    """Loans that were at risk in some month, every array of shape (loans,).

    ``row`` in the history, ``segment`` a code of its categories; ``made`` the month of
    origination, ``first`` and ``last`` the first and the last month at risk (months since
    1970-01); ``end`` a code, 0 without one. ``amount`` lent, ``defaulted`` balance at default and
    what of it was ``recovered`` [currency]. ``days`` under observation before maturity,
    ``term_days`` of the contract (nan if unknown), ``late_days`` repaid after maturity (negative
    before it), or so far where the loan is open still; nan unless maturity fell into a month before
    the last one.
    """

    row: IntArray
    segment: IntArray
    made: IntArray
    first: IntArray
    last: IntArray
    end: IntArray
    amount: FloatArray
    defaulted: FloatArray
    recovered: FloatArray
    days: FloatArray
    term_days: FloatArray
    late_days: FloatArray

    def __len__(self) -> int:
        return len(self.row)

    def where(self, chosen: BoolArray) -> Loans:
        """The loans picked by a mask."""
        return Loans(*(getattr(self, field.name)[chosen] for field in fields(self)))

    def lives(self, *, by_amount: bool = False) -> Lives:
        """Months on book at the end, and before the first at risk (-1: before the month made)."""
        return Lives(
            time=(self.last - self.made).astype(np.float64),
            event=self.end,
            entry=(self.first - self.made - 1).astype(np.float64),
            weight=self.amount if by_amount else None,
        )


@dataclass(frozen=True)
class Months:
    """Balances at risk by segment S and month M [currency], the first month is ``first``.

    ``balance`` [S, M] at the start, pro rata in the month of origination; of it ``defaulted``
    (the balance at default). ``prepaid`` is what was repaid above the schedule, less what was
    missed, out of ``left``, the balance after default and schedule; for loans of unknown type,
    rate or maturity only what was repaid in full before maturity, out of the balance.
    ``default_squares``, ``prepaid_squares``, ``balance_squares`` and ``left_squares`` [S] are sums
    of squares of these amounts over rows.
    """

    first: int
    balance: FloatArray
    defaulted: FloatArray
    prepaid: FloatArray
    left: FloatArray
    default_squares: FloatArray
    prepaid_squares: FloatArray
    balance_squares: FloatArray
    left_squares: FloatArray

    def pooled(self, members: BoolArray) -> Months:
        """The segments of ``members`` [S] taken as one."""
        sums = (
            getattr(self, field.name)[members].sum(axis=0, keepdims=True)
            for field in fields(self)
            if field.name != "first"
        )
        return Months(self.first, *sums)


def at_risk(history: History) -> BoolArray:
    """Rows of the panel in which a loan could end [rows]."""
    panel = history.panel
    loan, month = panel["loan"].to_numpy(), panel["month"].to_numpy()
    opened = panel["opening"].to_numpy() > HALF_CENT
    made = month_of(history.loans["origination_date"].to_numpy())[loan]
    fresh = ~opened & (panel["adjusted"].to_numpy() > HALF_CENT) & (month == made)
    rows = np.arange(len(panel))
    fallen = np.flatnonzero(panel["state"].to_numpy() == DEFAULT)[::-1]
    first_fallen = np.full(len(history.loans), len(panel), dtype=np.int64)
    first_fallen[loan[fallen]] = fallen  # rows descend: the first one stays
    return np.asarray((opened | fresh) & (rows <= first_fallen[loan]))


def observed_loans(history: History, rows: BoolArray) -> Loans:
    """One entry a loan that was at risk in some of ``rows`` (of :func:`at_risk`).

    A loan of unknown origination is taken as made in its first month at risk: its age is at least
    what it seems.
    """
    panel, loans = history.panel, history.loans
    used = np.flatnonzero(rows)
    loan = panel["loan"].to_numpy()[used]
    starts = np.flatnonzero(np.r_[True, loan[1:] != loan[:-1]][: len(loan)])
    stops = np.r_[starts[1:], len(loan)][: len(starts)] - 1
    row, month = loan[starts].astype(np.int64), panel["month"].to_numpy().astype(np.int64)
    first, last = month[used[starts]], month[used[stops]]
    final = used[stops]
    kept = loans.iloc[row]
    end = kept["end"].astype("str").map(_CODES).fillna(0).to_numpy().astype(np.int64)
    in_default = panel["state"].to_numpy()[final] == DEFAULT
    end = np.where((end == DEFAULTED) & ~in_default, 0, end)
    balance = panel["opening"].to_numpy()[used[starts]] + panel["adjusted"].to_numpy()[used[starts]]
    amount = kept["original_balance"].to_numpy(dtype=np.float64)
    made_day = kept["origination_date"].to_numpy()
    made = np.where(np.isnat(made_day), first, np.minimum(month_of(made_day), first))
    days, term, late = _days(kept, history)
    # Of what falls due in the last month only what is repaid at once would be seen.
    fell_due = month_of(kept["maturity_date"].to_numpy()) < month_of(np.datetime64(history.last))
    waiting = (kept["end"] == "open").to_numpy() & (late > 0)
    told = fell_due & ((end == PREPAID) | (end == REPAID) | waiting)
    return Loans(
        row=row,
        segment=kept["segment"].cat.codes.to_numpy().astype(np.int64),
        made=made,
        first=first,
        last=last,
        end=end,
        amount=np.where(amount > 0, amount, balance),
        defaulted=np.where(end == DEFAULTED, kept["defaulted_balance"].to_numpy(), 0.0),
        recovered=np.where(end == DEFAULTED, kept["recovered"].to_numpy(), 0.0),
        days=days,
        term_days=term,
        late_days=np.where(told, late, np.nan),
    )


def _days(kept: pd.DataFrame, history: History) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Days seen before maturity, contract days, days from maturity to the end.

    An end on the last day of the month of maturity may be known by its month only: not late.
    """
    start, due = kept["origination_date"], kept["maturity_date"]
    entry = kept["entry_date"].where(kept["entry_date"] > start, start).fillna(kept["entry_date"])
    stop = kept["end_date"].fillna(pd.Timestamp(history.last))
    before = stop.where(~(stop > due), due)
    seen, term, late = (_between(*pair) for pair in ((entry, before), (start, due), (due, stop)))
    day, month = stop.to_numpy(), month_of(stop.to_numpy())
    unsure = (day == month_end(month)) & (month == month_of(due.to_numpy())) & (late > 0)
    return np.maximum(np.nan_to_num(seen), 0.0), term, np.where(unsure, 0.0, late)


def _between(first: pd.Series, then: pd.Series) -> FloatArray:
    """Days from one date to another, nan where one is unknown."""
    return np.asarray((then - first).dt.total_seconds() / 86_400.0, dtype=np.float64)


def monthly(history: History, rows: BoolArray, loans: Loans) -> Months:
    """Balances at risk, defaulted and prepaid, by segment and calendar month."""
    panel = history.panel
    used = np.flatnonzero(rows)
    loan = panel["loan"].to_numpy()[used]
    month = panel["month"].to_numpy()[used].astype(np.int64)
    segments = len(history.loans["segment"].cat.categories)
    first = int(month.min()) if len(month) else 0
    length = int(month.max()) - first + 1 if len(month) else 1
    codes = history.loans["segment"].cat.codes.to_numpy().astype(np.int64)
    place = np.full(len(history.loans), -1, dtype=np.int64)
    place[loans.row] = np.arange(len(loans))
    opening = panel["opening"].to_numpy()[used]
    fresh = opening <= HALF_CENT
    share = _rest_of_month(history.loans["origination_date"].to_numpy()[loan[fresh]])
    balance = opening.copy()
    balance[fresh] = panel["adjusted"].to_numpy()[used][fresh] * share
    final = loans.last[place[loan]] == month
    end = np.where(final, loans.end[place[loan]], 0)
    lost = np.where(end == DEFAULTED, loans.defaulted[place[loan]], 0.0)
    early, left = _prepaid(history, used, balance, end)
    cell = codes[loan] * length + month - first

    def table(amount: FloatArray) -> FloatArray:
        found = np.bincount(cell, amount, minlength=segments * length).astype(np.float64)
        return found.reshape((segments, length))

    return Months(
        first=first,
        balance=table(balance),
        defaulted=table(lost),
        prepaid=table(early),
        left=table(left),
        default_squares=table(lost**2).sum(axis=1),
        prepaid_squares=table(early**2).sum(axis=1),
        balance_squares=table(balance**2).sum(axis=1),
        left_squares=table(left**2).sum(axis=1),
    )


def _prepaid(
    history: History, used: IntArray, balance: FloatArray, end: IntArray
) -> tuple[FloatArray, FloatArray]:
    """What was repaid early in each row at risk, and out of what balance [rows used]."""
    panel, loans = history.panel, history.loans
    loan, month = (panel[name].to_numpy()[used] for name in ("loan", "month"))
    principal, opening = (panel[name].to_numpy()[used] for name in ("principal", "opening"))
    due, rate = loans["maturity_date"].to_numpy(), loans["rate"].to_numpy(dtype=np.float64)
    known = ~np.isnat(due) & ~np.isnan(rate)
    known &= loans["loan_type"].notna().to_numpy() if "loan_type" in loans else False
    told = known[loan]
    last = np.where(np.isnat(due), 0, month_of(due))[loan]
    share = scheduled_share(loan_types(history)[loan], np.nan_to_num(rate)[loan], month, last)
    alive = np.where(end == DEFAULTED, 0.0, opening)
    before = (month < last) & (end != DEFAULTED)
    early = np.where(before & (opening > HALF_CENT), principal - alive * share, 0.0)
    whole = np.where(end == PREPAID, balance, 0.0)
    left = np.where(before, alive * (1.0 - share), 0.0)
    running = np.where(end == DEFAULTED, 0.0, balance)
    return np.where(told, early, whole), np.where(told, left, running)


def _rest_of_month(days: object) -> FloatArray:
    """Share of its month that is left after each date."""
    day = np.asarray(days).astype("datetime64[D]")
    month = day.astype("datetime64[M]")
    start, after = (
        month.astype("datetime64[D]"),
        (month + np.timedelta64(1, "M")).astype("datetime64[D]"),
    )
    whole = (after - start).astype(np.float64)
    return np.asarray((after - day).astype(np.float64) / whole)
