"""Balances by month from single payments: what is owed on a loan that the tape describes."""

from __future__ import annotations

from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.compiled import compiled
from scfcap.errors import InputError, Problem
from scfcap.quantities import HALF_CENT, BoolArray, FloatArray, IntArray
from scfcap.tape import convert
from scfcap.tape.checks import findings_of
from scfcap.tape.convert import Issue
from scfcap.tape.history import History, history_from_panel, month_of
from scfcap.tape.monthly import unpaid_days, without_idle
from scfcap.tape.performance import Cells, Found, describe, floats
from scfcap.tape.schema import Tape

#: What a payment may be; ``charge_off`` writes down the balance, nothing is paid.
KINDS: Final = ("payment", "recovery", "charge_off")


def from_payments(cells: Cells, tape: Tape | None, as_of: date, digest: str) -> History:
    """A history from payments, from each loan's making to ``as_of``.

    Each payment pays interest accrued by days over 365 and then principal, or all principal
    (``spec.split``), unless it states its principal; what exceeds the balance is paid, but no
    principal. Loans without any payment count as well. Payments before the loan was made, or
    after ``as_of``, are left out with a warning; those of loans that nobody describes are errors.
    """
    loans, loan = _loans(cells, tape)
    day, amount = cells.dates("date"), cells.numbers("amount")
    cells.need("date", np.isnat(day))
    cells.need("amount", np.isnan(amount))
    kind = _kinds(cells)
    _stray(cells, loans, loan, day, as_of)
    cells.check()
    principal = np.full(len(day), np.nan)
    if cells.spec.sources("principal"):
        principal = cells.numbers("principal")
    order = np.lexsort((day, loan))
    order = order[~cells.refused[order]]
    made = loans["origination_date"].to_numpy().astype("datetime64[D]")
    inside = (day <= np.datetime64(as_of, "D")) & (day >= made[np.maximum(loan, 0)])
    order = order[inside[order]]
    days = day.astype(np.int64)
    start = np.where(np.isnat(made), 0, made.astype(np.int64))
    lent = floats(loans, "original_balance")
    split = _split(
        *(loan[order], days[order], amount[order], principal[order], kind[order]),
        *(lent, np.nan_to_num(floats(loans, "rate")), start),
        cells.spec.split == "interest_first",
    )
    closed = split[1]
    loans["closed_date"] = np.where(
        closed > 0, closed.astype("datetime64[D]"), np.datetime64("NaT", "D")
    ).astype("datetime64[s]")
    panel = _panel(
        cells, loans, (loan[order], day[order], amount[order], kind[order]), split, as_of
    )
    loans, panel = without_idle(loans, panel)
    totals = pd.DataFrame(
        {
            "item": ["read", "rejected", "left out", "kept"],
            "rows": [
                *(len(day), int(cells.refused.sum())),
                *(int((~cells.refused).sum()) - len(order), len(order)),
            ],
            "balance": [float(np.nansum(v)) for v in _amounts(amount, cells.refused, order)],
        }
    )
    return history_from_panel(
        loans,
        panel,
        source=cells.source,
        digest=digest,
        default_days=cells.spec.default_days,
        findings=findings_of(cells.issues),
        totals=totals,
    )


def _amounts(amount: FloatArray, refused: BoolArray, order: IntArray) -> list[Any]:
    kept = np.zeros(len(amount), dtype=np.bool_)
    kept[order] = True
    return [amount, amount[refused], amount[~refused & ~kept], amount[kept]]


def _loans(cells: Cells, tape: Tape | None) -> tuple[pd.DataFrame, IntArray]:
    """The loans, on the tape or described by the payments' own file, and the loan of each row."""
    ids = cells.texts("loan_id")
    if cells.spec.sources("original_balance"):
        coded = pc.dictionary_encode(ids)
        loan = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
        row = np.zeros(len(coded.dictionary), dtype=np.int64)
        known = np.flatnonzero(loan >= 0)[::-1]
        row[loan[known]] = known
        loans = describe(Found(coded.dictionary, row), cells, tape)
    elif tape is not None:
        own = pa.array(tape.frame["loan_id"])
        none = np.full(len(own), -1, dtype=np.int64)
        loan = pd.Index(tape.frame["loan_id"]).get_indexer(pd.Index(ids.to_pandas()))
        loan = loan.astype(np.int64)
        loans = describe(Found(own, none), cells, tape)
    else:
        where = "model.toml: history.columns"
        hint = "Map original_balance and origination_date, or give a tape that holds the loans."
        raise InputError(Problem(where, "no original_balance", "what was lent", hint))
    if "origination_date" not in loans:
        where = "model.toml: history.columns"
        raise InputError(Problem(where, "no origination_date", "the day each loan was made"))
    return loans, loan


def _kinds(cells: Cells) -> IntArray:
    """Code of :data:`KINDS` of each payment; an unknown word is an error."""
    if not cells.spec.sources("kind"):
        return np.zeros(cells.table.num_rows, dtype=np.int64)
    words = cells.words("kind")
    code = np.array([*(KINDS.index(w) if w in KINDS else -1 for w in words.labels), 0])
    kind = code[words.codes]
    (source,) = cells.spec.sources("kind")
    said = f"one of {', '.join(KINDS)}; map it in [history.values.kind]"
    cells.note(convert.flag(cells.table.column(source), source, kind < 0, "unknown_value", said))
    return np.asarray(kind, dtype=np.int64)


def _stray(
    cells: Cells, loans: pd.DataFrame, loan: IntArray, day: convert.DateArray, as_of: date
) -> None:
    """Note payments of unknown loans, before the loan's making, and after ``as_of``."""
    (key,), (when,) = cells.spec.sources("loan_id"), cells.spec.sources("date")
    made = loans["origination_date"].to_numpy().astype("datetime64[D]")
    incomplete = np.isnat(made) | ~(floats(loans, "original_balance") > 0.0)
    unknown = (loan < 0) | incomplete[np.maximum(loan, 0)]
    said = "a loan with an amount and a day of its making"
    unknown &= ~cells.refused
    cells.note(convert.flag(cells.table.column(key), key, unknown, "unknown_loan", said))
    for reason, mask, said in (
        ("before_origination", day < made[np.maximum(loan, 0)], "a day from the loan's making on"),
        ("after_as_of", day > np.datetime64(as_of, "D"), f"a day up to as_of, {as_of}"),
    ):
        rows = np.flatnonzero(mask & ~cells.refused)
        if len(rows):
            shown = convert.as_read(cells.table.column(when), rows)
            detail = f"{said}: left out"
            cells.note([Issue(when, reason, "warning", detail, rows, shown)])


@compiled
def _split(
    loan: IntArray,
    day: IntArray,
    amount: FloatArray,
    stated: FloatArray,
    kind: IntArray,
    lent: FloatArray,
    rate: FloatArray,
    start: IntArray,
    interest_first: bool,
) -> tuple[FloatArray, IntArray]:
    """Principal that each payment repays or writes off, and the day each loan was closed (0: not).

    Payments come sorted by loan and day.
    """
    principal = np.zeros(len(loan))
    closed = np.zeros(len(lent), dtype=np.int64)
    before, owed, accrued, last = -1, 0.0, 0.0, 0
    for n in range(len(loan)):
        k = loan[n]
        if k != before:
            before, owed, accrued, last = k, lent[k], 0.0, start[k]
        accrued += owed * rate[k] * (day[n] - last) / 365.0
        last = day[n]
        if kind[n] == 1 or owed <= 0.0:
            continue
        part = amount[n]
        if not np.isnan(stated[n]):
            part = stated[n]
        elif interest_first and kind[n] == 0:
            pays = min(accrued, max(part, 0.0))
            accrued -= pays
            part -= pays
        part = min(part, owed)
        if owed - part <= HALF_CENT:
            part, closed[k] = owed, day[n]
        principal[n] = part
        owed -= part
    return principal, closed


def _panel(
    cells: Cells,
    loans: pd.DataFrame,
    payments: tuple[IntArray, Any, FloatArray, IntArray],
    split: tuple[FloatArray, IntArray],
    as_of: date,
) -> pd.DataFrame:
    """One row a loan and month from its making to its end, or to ``as_of``; and recoveries."""
    loan, day, amount, kind = payments
    principal, closed = split
    made = loans["origination_date"].to_numpy()
    usable = ~np.isnat(made) & (floats(loans, "original_balance") > 0.0)
    end = int(month_of(np.datetime64(as_of, "D")))
    first = np.where(usable, month_of(made), end + 1)
    final = np.where(closed > 0, month_of(closed.astype("datetime64[D]")), end)
    month = month_of(day)
    np.maximum.at(final, loan, month)
    counts = np.maximum(final - first + 1, 0)
    offset = np.r_[0, np.cumsum(counts)]
    which = np.repeat(np.arange(len(loans)), counts)
    months = np.arange(offset[-1]) - offset[which] + first[which]
    cell = offset[loan] + month - first[loan]

    def added(values: FloatArray, mask: BoolArray) -> FloatArray:
        return np.bincount(cell[mask], values[mask], minlength=offset[-1]).astype(np.float64)

    lent = floats(loans, "original_balance")
    repaid, written = added(principal, kind == 0), added(principal, kind == 2)
    fresh = months == first[which]
    moved = np.cumsum(repaid + written)
    start = np.r_[0.0, moved][offset[which]]
    closing = lent[which] - (moved - start)
    closing = np.where(np.abs(closing) <= HALF_CENT, 0.0, closing)
    opening = np.where(fresh, 0.0, np.r_[0.0, closing[:-1]][: len(closing)])
    panel = pd.DataFrame(
        {
            "loan": which,
            "month": months,
            "opening": opening,
            "principal": repaid,
            "charged_off": written,
            "adjusted": np.where(fresh, lent[which], 0.0),
            "closing": closing,
            "paid": added(amount, kind == 0),
            "recovered": added(amount, kind == 1),
        }
    )
    panel["days_past_due"] = unpaid_days(
        panel, floats(loans, "instalment"), loans["maturity_date"].to_numpy(), cells.spec.past_due
    )
    later = (np.abs(panel["recovered"]) > HALF_CENT) | (np.abs(panel["paid"]) > HALF_CENT)
    live = fresh | (opening > HALF_CENT) | later
    kept: pd.DataFrame = panel[live].reset_index(drop=True)
    return kept
