"""Balances by month made into a panel whose rows tie: what moved them, and how late a loan is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.compiled import compiled
from scfcap.quantities import HALF_CENT, BoolArray, FloatArray, IntArray
from scfcap.schema.history import PerformanceSpec
from scfcap.tape.convert import Issue
from scfcap.tape.history import month_end

#: Days past due for each unpaid instalment.
DAYS_EACH: Final = 30
#: Share of an instalment that may stay unpaid, in all, before one counts as unpaid.
SLACK: Final = 0.1
#: A month that pays less than this share of an instalment pays nothing (rule "run").
MISSED: Final = 0.5
#: Days past due from which a loan that is not listed any more is never taken as repaid.
LATE: Final = 90


@dataclass(frozen=True)
class Rows:
    """Months of loans as read, sorted by ``loan`` and ``month``, none twice; all arrays (rows,).

    Amounts are in currency, NaN where not given: ``balance`` at the month's end (never NaN), what
    was ``paid`` in all, the ``principal`` in it, ``charged_off``, ``recovered``. ``lost`` marks
    rows whose status says charged off, ``failed`` those that say default. ``row`` counts the
    source's rows from 0.
    """

    loan: IntArray
    month: IntArray
    balance: FloatArray
    principal: FloatArray
    paid: FloatArray
    charged_off: FloatArray
    recovered: FloatArray
    days_past_due: FloatArray
    lost: BoolArray
    failed: BoolArray
    row: IntArray

    def where(self, chosen: Any) -> Rows:
        """The rows picked by an index or a mask."""
        return Rows(*(getattr(self, f.name)[chosen] for f in fields(self)))

    @property
    def begins(self) -> BoolArray:
        """Whether a row is its loan's first."""
        return np.asarray(np.r_[True, self.loan[1:] != self.loan[:-1]][: len(self.loan)])


def complete(
    rows: Rows, instalment: FloatArray, maturity: Any, spec: PerformanceSpec
) -> tuple[pd.DataFrame, list[Issue]]:
    """A panel with all flows and ``failed``, and what was odd about the rows.

    A loan's first row brings its balance in: nothing else is known of that month. Where principal
    is not given it is what the balance fell by, unless the status says charged off. A balance that
    falls to 0 without principal is charged off. What remains is ``adjusted``: corrections, further
    drawings. A balance below 0 is taken as repaid. Months without any balance are left out, but
    for what is paid or recovered in them. ``instalment`` [currency a month] and ``maturity``
    (datetime64) are by loan, NaN and NaT where unknown; ``spec`` says how days past due are
    counted (``past_due``), and what a loan is taken for that is not listed any more (``vanished``).
    """
    first = rows.begins
    closing = np.maximum(rows.balance, 0.0)
    opening = np.where(first, 0.0, np.r_[0.0, closing[:-1]][: len(closing)])
    principal, charged = _principal(rows, opening, closing, first)
    adjusted = closing - opening + principal + charged
    adjusted = np.where(np.abs(adjusted) <= HALF_CENT, 0.0, adjusted)
    panel = pd.DataFrame(
        {
            "loan": rows.loan,
            "month": rows.month,
            "opening": opening,
            "principal": principal,
            "charged_off": charged,
            "adjusted": adjusted,
            "closing": closing,
            "paid": rows.paid,
            "recovered": np.nan_to_num(rows.recovered),
            "failed": rows.failed,
        }
    )
    late = unpaid_days(panel, instalment, maturity, spec.past_due, rows.days_past_due)
    panel["days_past_due"] = late
    paid = np.where(np.isnan(rows.paid), principal, rows.paid)
    panel["paid"] = np.where(first, 0.0, paid)
    live = (opening > HALF_CENT) | (closing > HALF_CENT)
    for name in ("paid", "recovered"):
        live |= np.abs(panel[name].to_numpy()) > HALF_CENT
    idle = first & ~np.isin(rows.loan, rows.loan[live])
    gone = _gone(rows, closing)
    taken = gone & (spec.vanished == "repaid") & ~_bad(rows, panel, spec.default_days)
    issues = _odd(rows, panel, first, idle, {"vanished": gone & ~taken, "taken_as_repaid": taken})
    return _repaid_after(panel[live], panel[taken]), issues


def _gone(rows: Rows, closing: FloatArray) -> BoolArray:
    """Rows that are their loan's last, with a balance, before the last month of all."""
    final = np.r_[rows.loan[1:] != rows.loan[:-1], True][-len(rows.loan) :]
    return np.asarray(final & (closing > HALF_CENT) & (rows.month < rows.month.max(initial=0)))


def _bad(rows: Rows, panel: pd.DataFrame, default_days: int | None) -> BoolArray:
    """Rows of loans that have been in default, and rows :data:`LATE` days or more past due."""
    late = panel["days_past_due"].to_numpy()
    fell = rows.lost | rows.failed | (panel["charged_off"].to_numpy() > HALF_CENT)
    if default_days is not None:
        fell |= late >= default_days
    return np.asarray(np.isin(rows.loan, rows.loan[fell]) | (late >= LATE))


def _repaid_after(panel: pd.DataFrame, taken: pd.DataFrame) -> pd.DataFrame:
    """``panel`` with one row more for each of ``taken``: its balance repaid in the next month."""
    if not len(taken):
        return panel.reset_index(drop=True)
    owed = taken["closing"]
    none = dict.fromkeys(("charged_off", "adjusted", "closing", "recovered"), 0.0)
    after = taken.assign(
        month=taken["month"] + 1, opening=owed, principal=owed, paid=owed, **none, days_past_due=0
    )
    both = pd.concat([panel, after], ignore_index=True)
    order = np.lexsort((both["month"].to_numpy(), both["loan"].to_numpy()))
    return both.iloc[order].reset_index(drop=True)


def _principal(
    rows: Rows, opening: FloatArray, closing: FloatArray, first: BoolArray
) -> tuple[FloatArray, FloatArray]:
    """Principal repaid and charged off in each row [currency]."""
    given = ~np.isnan(rows.principal)
    fell = np.maximum(opening - closing, 0.0)
    principal = np.where(given, rows.principal, np.where(rows.lost, 0.0, fell))
    principal = np.where(rows.balance < 0.0, opening, principal)
    unpaid = (closing <= HALF_CENT) & (principal <= HALF_CENT) & (opening > HALF_CENT)
    charged = np.where(unpaid | rows.lost, np.maximum(opening - closing - principal, 0.0), 0.0)
    stated = ~np.isnan(rows.charged_off)
    charged = np.where(stated, rows.charged_off, charged)
    # Where only the charge-off is given, it is no principal.
    principal = np.where(stated & ~given, np.maximum(fell - charged, 0.0), principal)
    # A refund of what was overpaid is no principal: nothing was owed any more.
    idle = first | ((opening <= HALF_CENT) & (closing <= HALF_CENT))
    return np.where(idle, 0.0, principal), np.where(idle, 0.0, charged)


def without_idle(loans: pd.DataFrame, panel: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Only the loans that have a month in ``panel``, numbered anew."""
    used = np.unique(panel["loan"].to_numpy())
    if len(used) == len(loans):
        return loans, panel
    place = np.searchsorted(used, panel["loan"].to_numpy())
    return loans.iloc[used].reset_index(drop=True), panel.assign(loan=place)


def unpaid_days(
    panel: pd.DataFrame, instalment: FloatArray, maturity: Any, rule: str, given: Any = None
) -> IntArray:
    """Days past due at each month's end: as ``given`` (NaN: not), or by ``rule``.

    Loans with instalments: :data:`DAYS_EACH` for each unpaid one (``PerformanceSpec.past_due``);
    others, and rows without ``paid``: days from maturity to the month's end.
    """
    loan = panel["loan"].to_numpy()
    begins = np.r_[True, loan[1:] != loan[:-1]][: len(loan)]
    paid, due = panel["paid"].to_numpy(), instalment[loan]
    stated = np.full(len(loan), np.nan) if given is None else given
    opening = panel["opening"].to_numpy()
    counted = _unpaid(begins, np.nan_to_num(paid), due, opening, stated, rule == "run")
    days = DAYS_EACH * np.floor(counted + SLACK)
    ends = maturity[loan].astype("datetime64[D]")
    after = (month_end(panel["month"]).astype("datetime64[D]") - ends).astype(np.float64)
    after = np.where(np.isnat(ends), 0.0, np.maximum(after, 0.0))
    days = np.where(np.isnan(paid) | ~(due > 0.0), after, days)
    days = np.where(np.isnan(stated), days, stated)
    owing = panel["closing"].to_numpy() > HALF_CENT
    return np.where(owing, np.maximum(days, 0.0), 0.0).astype(np.int64)


@compiled
def _unpaid(
    begins: BoolArray,
    paid: FloatArray,
    due: FloatArray,
    opening: FloatArray,
    given: FloatArray,
    run: bool,
) -> FloatArray:
    """Unpaid instalments at each row's end; a given number of days past due is taken over."""
    out = np.zeros(len(paid))
    owed = 0.0
    for n in range(len(paid)):
        if begins[n]:
            owed = 0.0
        elif opening[n] > HALF_CENT and due[n] > 0.0:
            if not run:
                owed = max(0.0, owed + 1.0 - paid[n] / due[n])
            elif paid[n] < MISSED * due[n]:
                owed = np.floor(owed) + 1.0
            else:
                owed = 0.0
        if not np.isnan(given[n]):
            owed = given[n] / DAYS_EACH
        out[n] = owed
    return out


def _odd(
    rows: Rows,
    panel: pd.DataFrame,
    first: BoolArray,
    idle: BoolArray,
    gone: Mapping[str, BoolArray],
) -> list[Issue]:
    """Warnings: corrections, overpayments, loans that vanish or come back, months left out."""
    closing, opening = panel["closing"].to_numpy(), panel["opening"].to_numpy()
    adjusted = panel["adjusted"].to_numpy()
    skipped = ~first & (np.diff(rows.month, prepend=0) > 1) & (opening > HALF_CENT)
    back = ~first & (opening <= HALF_CENT) & (closing > HALF_CENT)
    cases: dict[str, tuple[BoolArray, FloatArray, str]] = {
        "negative_balance": (rows.balance < -HALF_CENT, rows.balance, "0 or more: taken as repaid"),
        "balance_moved": (
            ~first & ~back & (adjusted != 0.0),
            adjusted,
            "the balance before less principal: the rest is booked as adjusted",
        ),
        "reappeared": (back, closing, "no balance after the loan's end: booked as drawn"),
        "vanished": (
            gone["vanished"],
            closing,
            "a row for each month until the balance is 0: observed until here only",
        ),
        "taken_as_repaid": (
            gone["taken_as_repaid"],
            closing,
            "a row for each month until the balance is 0: taken as repaid in the month after",
        ),
        "never_owing": (idle, closing, "a balance in some month: left out"),
        "months_missing": (skipped, opening, "each month: the row holds what passed since"),
    }
    return [
        _issue(rows, reason, mask, values, said)
        for reason, (mask, values, said) in cases.items()
        if mask.any()
    ]


def _issue(rows: Rows, reason: str, mask: BoolArray, values: FloatArray, said: str) -> Issue:
    at = np.flatnonzero(mask)
    months = month_end(rows.month[at]).astype("datetime64[M]")
    detail = [f"{month}: {said}" for month in months]
    shown = [f"{value:.2f}" for value in values[at]]
    return Issue("balance", reason, "warning", detail, rows.row[at], shown)
