"""What each funder is handed at a funding date: its list of loans, and the report it expects.

A list holds what the funder needs and nothing of the company's own reckoning: no values, no
prices of limits, no other funder's name.
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from scfcap.axes import BANK_DEBT, OWN
from scfcap.errors import InputError, InvariantError, Problem
from scfcap.funding.allocation.assembled import Assembled
from scfcap.funding.allocation.composition import averages, concentrations, counted
from scfcap.funding.allocation.explain import coded
from scfcap.funding.allocation.program import UNPLACED
from scfcap.funding.allocation.purchase import (
    IN,
    MOVEMENTS,
    OUT,
    STAYS,
    PurchaseReport,
    answers_of,
    movements,
    purchase_prices,
    purchase_report,
)
from scfcap.funding.allocation.result import Allocation
from scfcap.pool.borrowing_base import BorrowingBase, borrowing_base
from scfcap.pool.snapshot import INELIGIBLE, UNDETERMINED
from scfcap.quantities import ENGINE_TOLERANCE, IntArray
from scfcap.report.files import csv_bytes
from scfcap.report.long_lists import MOST_ROWS
from scfcap.schema.model import Model

#: Order of a list: what comes in, what stays, what leaves.
_ORDER = (0, 2, 1)
#: Columns of the tape that a list has, where the tape has them.
LIST_FACTS = ("borrower_id", "rate", "maturity_date")
NEW, OWN_BOOK, OTHER = "new loan", "from the company's own book", "from another funder"
UNKNOWN = "a value is missing that its rules ask for"


@dataclass(frozen=True)
class Delivery:
    """A funder's list and report.

    ``loans``: loan_id, borrower_id, movement (in, stays, out), balance, ``amount`` (the funder's
    part) [currency], rate [1/year], maturity_date; ``price`` (share of par) and ``purchase_price``
    [currency] of what comes in, where the funder takes loans over; ``reason`` in words; for a
    pledge how the borrowing base counts each loan: ``status`` (empty: in full), excess and reserve
    by limit, counted, class, advance_rate, contribution. ``report``: the borrowing base with the
    pledged loans, or the purchase report; ``before``: of a line, with those pledged before the day,
    among which are those that leave and why. ``concentrations`` and ``averages`` before and after.
    """

    key: str
    loans: pd.DataFrame
    report: BorrowingBase | PurchaseReport
    concentrations: pd.DataFrame
    averages: pd.DataFrame
    before: BorrowingBase | None = None

    @property
    def pledge(self) -> bool:
        """Whether loans are pledged to a line, and not taken over."""
        return isinstance(self.report, BorrowingBase)

    @property
    def totals(self) -> pd.DataFrame:
        """Loans, balance and amount [currency] by movement, and before and after."""
        move = self.loans["movement"].astype(str)
        rows = []
        for name, parts in (
            ("before", (STAYS, OUT)), (IN, (IN,)), (OUT, (OUT,)), ("after", (IN, STAYS)),
        ):  # fmt: skip
            chosen = self.loans[move.isin(parts)]
            balance, amount = (float(chosen[c].sum()) for c in ("balance", "amount"))
            rows.append((name, len(chosen), balance, amount))
        return pd.DataFrame(rows, columns=["movement", "loans", "balance", "amount"])


def deliveries(assembled: Assembled, allocation: Allocation, spec: Model) -> tuple[Delivery, ...]:
    """Lists and reports of all funders that have loans before or after; ``spec`` is the model.

    Own capital is no funder. Raises :class:`InvariantError` where a list does not add up to what
    was placed.
    """
    touched = [
        c
        for c, key in enumerate(assembled.program.channels)
        if key != OWN and (movements(allocation, c) >= 0).any()
    ]
    return tuple(_delivery(assembled, allocation, spec, c) for c in touched)


def delivery_of(assembled: Assembled, allocation: Allocation, spec: Model, key: str) -> Delivery:
    """One funder's. Raises :class:`InputError` where ``key`` is no funder with loans."""
    funders = [k for k in assembled.program.channels if k != OWN]
    if key not in funders:
        raise InputError(
            Problem(f"--funder {key}", "no funder of this model", f"one of {', '.join(funders)}")
        )
    return _delivery(assembled, allocation, spec, assembled.program.channels.index(key))


def _delivery(assembled: Assembled, allocation: Allocation, spec: Model, c: int) -> Delivery:
    key, choice = assembled.program.channels[c], allocation.choice
    move = movements(allocation, c)
    rows = np.concatenate([np.flatnonzero(move == k) for k in _ORDER])
    loans = _listed(assembled, c, move, rows)
    report: BorrowingBase | PurchaseReport
    before = None
    if assembled.funders[c].kind == BANK_DEBT:
        report, before = _pledged(assembled, allocation, spec, c)
        trace = report.trace.iloc[rows].reset_index(drop=True)
        more = trace.drop(columns=["loan_id", "balance"]).rename(columns={"reason": "status"})
    else:
        report = purchase_report(assembled, allocation, key, purchase_prices(spec))
        more = report.trace[["price", "purchase_price"]].iloc[rows].reset_index(drop=True)
    loans["reason"] = _why(assembled, c, move, rows)
    loans = pd.concat([loans, more], axis=1)
    found = Delivery(
        key,
        loans,
        report,
        concentrations(assembled, c, choice),
        averages(assembled, c, choice),
        before,
    )
    _check(found, allocation, c)
    return found


def _pledged(
    assembled: Assembled, allocation: Allocation, spec: Model, c: int
) -> tuple[BorrowingBase, BorrowingBase]:
    """The line's borrowing base with the loans that are pledged after the day, and before."""
    funder = assembled.funders[c]
    base = spec.pool.borrowing_base[funder.base or funder.name]
    rules = spec.pool.eligibility[base.eligibility]
    lender = next((each for each in spec.lenders if each.name == base.lender), None)
    found = answers_of(assembled, rules)

    def made(pledged: npt.NDArray[np.bool_]) -> BorrowingBase:
        answers = pledged.astype(np.int8)
        return borrowing_base(assembled.columns, base, rules, found, lender, answers)

    return made(allocation.choice == c), made(assembled.program.today == c)


def _listed(assembled: Assembled, c: int, move: IntArray, rows: IntArray) -> pd.DataFrame:
    """The loans of a list with what the tape says of them."""
    program, frame = assembled.program, assembled.columns.frame
    facts = {
        name: frame[name].iloc[rows].reset_index(drop=True) for name in LIST_FACTS if name in frame
    }
    return pd.DataFrame(
        {
            "loan_id": program.loan_id[rows],
            **{name: facts[name] for name in ("borrower_id",) if name in facts},
            "movement": coded(move[rows], MOVEMENTS),
            "balance": program.balance[rows],
            "amount": counted(assembled, c)[rows],
            **{name: fact for name, fact in facts.items() if name != "borrower_id"},
        }
    )


def _why(assembled: Assembled, c: int, move: IntArray, rows: IntArray) -> Any:
    """Why each loan is on the list, as the funder may read it.

    A loan that stays, or leaves a pledge, says by which of the funder's rules it would not be taken
    today.
    """
    today, funder = assembled.program.today, assembled.funders[c]
    own = assembled.program.channels.index(OWN) if OWN in assembled.program.channels else UNPLACED
    came = np.where(today == UNPLACED, 1, np.where(today == own, 2, 3))
    pledge = funder.kind == BANK_DEBT
    names = ["", NEW, OWN_BOOK, OTHER, "released" if pledge else "leaves", UNKNOWN]
    codes = np.where(move == 0, came, np.where(move == 1, 4, 0))
    if funder.chosen is not None:
        found = answers_of(assembled, funder.chosen)
        tested = (move == 2) | ((move == 1) & pledge)
        no = tested & (found.answer == INELIGIBLE)
        codes = np.where(no, len(names) + found.first.astype(np.int64), codes)
        codes[tested & (found.answer == UNDETERMINED)] = 5
        names += [f"does not meet: {rule.label}" for rule in funder.chosen.rules]
    return coded(codes[rows], names)


def _check(found: Delivery, allocation: Allocation, c: int) -> None:
    """A list adds up to what is in the channel before and after, and so does its report."""
    program, totals = allocation.program, found.totals
    for name, where in (("before", program.today), ("after", allocation.choice)):
        loans, balance = int((where == c).sum()), float(program.balance[where == c].sum())
        told = totals[totals["movement"] == name]
        listed, summed = int(told["loans"].iloc[0]), float(told["balance"].iloc[0])
        if listed != loans or _differ(summed, balance):
            msg = f"list of {found.key}, {name}: {listed} loans, {summed}, not {loans}, {balance}"
            raise InvariantError(msg)
    if isinstance(found.report, PurchaseReport):
        table = found.report.table
        names = table["figure"].tolist()
        first, last = names.index("eligible"), names.index("placed")
        parts = float(table["amount"].iloc[first:last].sum())
        placed = found.report.amount("placed")
        if _differ(parts, placed) or _differ(placed, summed):
            msg = f"report of {found.key}: {placed} placed, {parts} by parts, {summed} listed"
            raise InvariantError(msg)


def _differ(one: float, other: float) -> bool:
    return abs(one - other) > ENGINE_TOLERANCE * max(1.0, abs(one), abs(other))


def parquet_bytes(frame: pd.DataFrame) -> bytes:
    """``frame`` as Parquet; the same frame gives the same bytes."""
    out = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), out, compression="zstd")
    return out.getvalue()


def delivery_files(
    found: Delivery, about: Mapping[str, str], most_rows: int = MOST_ROWS
) -> dict[str, bytes]:
    """A funder's files by name: the list as CSV and Parquet, its report's tables as CSV, and the
    workbook.

    ``about``: ``title``, ``model``, ``as_of`` (ISO) and ``currency`` of the model, ``version`` and
    ``digest`` for the footer. The same arguments give the same bytes.
    """
    from scfcap.report.excel import book_bytes
    from scfcap.report.sheets.delivery import delivery_book

    report = "borrowing_base" if found.pledge else "purchase_report"
    older = {}
    if found.before is not None:
        older[f"{report}_before.csv"] = csv_bytes(found.before.table)
    return {
        "loans.csv": csv_bytes(found.loans),
        "loans.parquet": parquet_bytes(found.loans),
        f"{report}.csv": csv_bytes(found.report.table),
        **older,
        "concentrations.csv": csv_bytes(found.concentrations),
        "averages.csv": csv_bytes(found.averages),
        f"{report}.xlsx": book_bytes(delivery_book(found, about, most_rows)),
    }


def folder_name(key: str) -> str:
    """A channel's folder: ``bank_debt:bank-a`` is ``bank_debt-bank-a``."""
    return "".join(c if c.isalnum() or c in "-_.()" else "-" for c in key).strip(" .")
