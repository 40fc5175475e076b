"""A ledger is opened from a tape, and rolled from tape to tape: what came in, what was received.

The ledger knows who holds a loan, the tape what is owed on it. A loan's holder of the day of a tape
receives what the tape tells since the one before: principal, and, where the tape keeps them as
sums since origination, interest (``paid_interest``) and recoveries (``recovered``).
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.errors import InputError, Problem
from scfcap.ledger.amounts import cents, currency, known_channel, optional
from scfcap.ledger.store import Ledger
from scfcap.quantities import BoolArray, IntArray
from scfcap.tape.schema import Tape

#: Columns of a tape with sums since origination [currency], by our column.
STATED: Final = {"paid": "paid_principal", "interest": "paid_interest", "recovered": "recovered"}
#: Status of a loan that was on an earlier tape, with a balance, and is not on the last.
VANISHED: Final = "vanished"
_CHARGED: Final = "charged_off"
_FLOWS: Final = ("drawn", "principal", "loss", "unexplained", "interest", "recovered")


@dataclass(frozen=True)
class Taken:
    """What a tape brought: amounts [currency], numbers of loans.

    ``new`` loans and their balance; principal, interest (NaN where the tape does not tell),
    recoveries, losses, draws and what the tape does not explain. ``vanished``: ids that are no
    longer on the tape; nothing is taken as repaid. ``elsewhere``: loan_id, ledger, tape where the
    tape names another holder; the ledger's stands. ``repeated``: the same tape once more, which
    changes nothing. ``first``: the ledger was opened with it.
    """

    on: date
    loans: int
    balance: float
    new: int = 0
    new_balance: float = 0.0
    repaid: int = 0
    charged_off: int = 0
    drawn: float = 0.0
    principal: float = 0.0
    interest: float = float("nan")
    recovered: float = 0.0
    loss: float = 0.0
    unexplained: float = 0.0
    vanished: tuple[str, ...] = ()
    elsewhere: pd.DataFrame | None = None
    repeated: bool = False
    first: bool = False


@dataclass(frozen=True)
class _Rows:
    """The loans of a tape, amounts in cents; ``stated`` sums, and where they are there."""

    ids: pd.Index[Any]
    balance: IntArray
    status: pd.Series[Any]
    channel: pd.Series[Any]
    stated: dict[str, tuple[IntArray, BoolArray]]


@dataclass(frozen=True)
class _Known:
    """The loans of the ledger as they stand, in the order of their numbers."""

    number: IntArray
    ids: pd.Index[Any]
    balance: IntArray
    status: pd.Series[Any]
    stated: dict[str, tuple[IntArray, BoolArray]]
    holding: IntArray
    channel: pd.Series[Any]


def open_with(ledger: Ledger, tape: Tape) -> Taken:
    """Take up the loans of the first tape where they are: in its channels.

    The same tape once more changes nothing. Raises :class:`InputError` where the ledger is open.
    """
    repeated = _repeated(ledger, tape)
    if repeated is not None:
        return repeated
    if ledger.one("SELECT count(*) FROM tapes"):
        found = f"a ledger that is open, and has come to {ledger.last()}"
        raise InputError(
            Problem(ledger.path.name, found, "a new one", "Give a later tape with --roll.")
        )
    return _take(ledger, tape, "opened")


def roll(ledger: Ledger, tape: Tape) -> Taken:
    """Go on to a later tape: new loans, balances paid down, repaid, charged off.

    The same tape once more changes nothing. Raises :class:`InputError` where the tape is not later
    than what the ledger has come to, or the ledger was never opened.
    """
    repeated = _repeated(ledger, tape)
    if repeated is not None:
        return repeated
    last = ledger.one("SELECT max(date) FROM tapes")
    if last is None:
        raise InputError(
            Problem(ledger.path.name, "no tape yet", "an open ledger", "Open it with --open.")
        )
    if tape.as_of.isoformat() <= last:
        raise InputError(
            Problem(
                tape.source,
                f"a tape of {tape.as_of}, while that of {last} is in the ledger",
                f"a tape after {last}",
                "Roll tapes in the order of their days; a tape that was taken is never taken back.",
            )
        )
    return _take(ledger, tape, "rolled")


def _repeated(ledger: Ledger, tape: Tape) -> Taken | None:
    found = ledger.rows(
        "SELECT loans, balance FROM tapes WHERE date = ? AND digest = ?",
        (tape.as_of.isoformat(), tape.digest),
    )
    if not found:
        return None
    loans, balance = found[0]
    return Taken(tape.as_of, loans, balance / 100.0, repeated=True)


def _take(ledger: Ledger, tape: Tape, what: str) -> Taken:
    day = ledger.day(tape.as_of)
    rows = _rows(tape)
    _refuse_channels(tape, rows)
    known = _known(ledger)
    at = known.ids.get_indexer(rows.ids)
    fresh = np.flatnonzero((at < 0) & (rows.balance > 0))
    flows = _flows(known, rows, at)
    gone = ~np.isin(np.arange(len(known.ids)), at) & (known.balance > 0)
    told = "paid_interest" in tape.frame
    with ledger.transaction():
        _insert(ledger, rows, fresh, day)
        _update(ledger, known, rows, at, gone)
        _receive(ledger, known, flows, day)
        loans, owed = ledger.rows(
            "SELECT count(*), coalesce(sum(balance), 0) FROM loans WHERE balance > 0"
        )[0]
        ledger.do(
            "INSERT INTO tapes VALUES (?, ?, ?, ?, ?, ?)",
            (day, tape.digest, tape.source, loans, owed, int(told)),
        )
        ledger.note(day, what, loans, owed, f"tape {tape.source}")
    sums: dict[str, Any] = {name: float(currency(flows[name].sum())) for name in _FLOWS}
    if not told:
        sums["interest"] = float("nan")
    both = flows["at"]
    paid_out = (known.balance[both] > 0) & (flows["balance"] == 0)
    charged = (rows.status.to_numpy()[flows["row"]] == _CHARGED) & (
        known.status.to_numpy()[both] != _CHARGED
    )
    return Taken(
        on=tape.as_of,
        loans=loans,
        balance=owed / 100.0,
        new=len(fresh),
        new_balance=float(currency(rows.balance[fresh].sum())),
        repaid=int((paid_out & ~charged).sum()),
        charged_off=int(charged.sum()),
        vanished=tuple(known.ids[gone]),
        first=what == "opened",
        elsewhere=_elsewhere(known, rows, flows),
        **sums,
    )


def _rows(tape: Tape) -> _Rows:
    """What is on a tape: a loan that is charged off is owed nothing here."""
    frame = tape.frame
    status = _texts(frame, "status", "current")
    balance = np.where(status == _CHARGED, 0, cents(frame["current_balance"]))
    stated = {name: _stated(frame, column) for name, column in STATED.items()}
    ids = pd.Index(frame["loan_id"].astype(object))
    return _Rows(ids, balance, status, _texts(frame, "channel", axes.OWN), stated)


def _texts(frame: pd.DataFrame, name: str, absent: str) -> pd.Series[Any]:
    """A column of texts; ``absent`` where it, or its cell, is not there."""
    if name not in frame:
        return pd.Series([absent] * len(frame), dtype=object)
    cells = frame[name].astype(object).reset_index(drop=True)
    return cells.where(cells.notna(), absent)


def _stated(frame: pd.DataFrame, name: str) -> tuple[IntArray, BoolArray]:
    """A column of amounts in cents, and where it says one."""
    if name not in frame:
        return np.zeros(len(frame), dtype=np.int64), np.zeros(len(frame), dtype=np.bool_)
    numbers = pd.to_numeric(frame[name], errors="coerce").to_numpy(np.float64, na_value=np.nan)
    there = np.isfinite(numbers)
    return cents(np.where(there, numbers, 0.0)), there


def _refuse_channels(tape: Tape, rows: _Rows) -> None:
    wrong = [key for key in pd.unique(rows.channel) if not known_channel(key)]
    if wrong:
        raise InputError(
            Problem(
                f"{tape.source}, column channel",
                ", ".join(repr(key) for key in wrong[:5]),
                f"{axes.OWN}, or one of {', '.join(axes.OUTSIDE_CHANNELS)} with a name behind a "
                "colon, such as bank_transfer:bank-c",
                "Correct the column, or map its values in [tape.values.channel].",
            )
        )


def _known(ledger: Ledger) -> _Known:
    found = ledger.rows(
        "SELECT l.id, l.loan, l.balance, l.status, l.paid, l.interest, l.recovered, h.id, h.channel"
        " FROM loans l JOIN holdings h ON h.loan = l.id AND h.until IS NULL ORDER BY l.id"
    )
    table = pd.DataFrame(found, columns=list(range(9)), dtype=object)
    stated = {}
    for place, name in enumerate(STATED, start=4):
        there = table[place].notna().to_numpy()
        stated[name] = (table[place].where(there, 0).to_numpy(dtype=np.int64), there)
    whole = {k: table[k].to_numpy(dtype=np.int64) for k in (0, 2, 7)}
    return _Known(whole[0], pd.Index(table[1]), whole[2], table[3], stated, whole[7], table[8])


def _flows(known: _Known, rows: _Rows, at: IntArray) -> dict[str, IntArray]:
    """What moved the loans that are known, by :data:`_FLOWS` [cents]; ``at`` and ``row``: which."""
    row = np.flatnonzero(at >= 0)
    both = at[row]
    was, now = known.balance[both], rows.balance[row]
    fall = was - now
    change = {}
    for name in STATED:
        (before, had), (after, has) = known.stated[name], rows.stated[name]
        stands = had[both] & has[row]
        change[name] = np.where(stands, after[row] - before[both], 0), stands
    paid, tells = change["paid"]
    over = known.status.to_numpy()[both] == _CHARGED
    off = rows.status.to_numpy()[row] == _CHARGED
    drawn = np.where(~over & (fall < 0), -fall, 0)
    left = np.where(tells, np.clip(fall - paid, 0, None), fall)
    loss = np.where(over, fall, np.where(off, np.where(left > 0, left, fall), 0))
    principal = np.where(over | (fall < 0), 0, fall - loss)
    # A fall that the principal stated as repaid does not bear out is neither received nor lost.
    stated = ~over & ~off & tells & (fall >= 0)
    principal = np.where(stated, paid, principal)
    unexplained = np.where(stated, fall - paid, 0)
    recovered, says = change["recovered"]
    recovered = recovered + np.where(over & ~says, paid, 0)
    return {
        "at": both, "row": row, "before": was, "balance": now, "drawn": drawn,
        "principal": principal, "loss": loss, "unexplained": unexplained,
        "interest": change["interest"][0], "recovered": recovered,
    }  # fmt: skip


def _insert(ledger: Ledger, rows: _Rows, fresh: IntArray, day: str) -> None:
    """New loans, and who holds them; they were taken up at par."""
    first = int(ledger.one("SELECT coalesce(max(id), 0) FROM loans")) + 1
    number = range(first, first + len(fresh))
    balance = rows.balance[fresh].tolist()
    stated = [optional(rows.stated[name][0][fresh], rows.stated[name][1][fresh]) for name in STATED]
    days = [day] * len(fresh)
    ledger.many(
        "INSERT INTO loans (id, loan, opened, first, balance, status, paid, interest, recovered)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
        zip(
            number, rows.ids[fresh].tolist(), days, balance, balance,
            rows.status.iloc[fresh].tolist(), *stated, strict=True,
        ),
    )  # fmt: skip
    channel = rows.channel.iloc[fresh].tolist()
    pledged = rows.channel.iloc[fresh].map(axes.channel_of).to_numpy() == axes.BANK_DEBT
    price = optional(rows.balance[fresh], ~pledged)
    ledger.many(
        "INSERT INTO holdings (loan, channel, since, bought, price) VALUES (?, ?, ?, ?, ?)",
        zip(number, channel, days, balance, price, strict=True),
    )


def _update(ledger: Ledger, known: _Known, rows: _Rows, at: IntArray, gone: BoolArray) -> None:
    """Loans as the tape has them, where anything is otherwise."""
    row = np.flatnonzero(at >= 0)
    both = at[row]
    differs = known.balance[both] != rows.balance[row]
    differs |= known.status.to_numpy()[both] != rows.status.to_numpy()[row]
    for name in STATED:
        (before, had), (after, has) = known.stated[name], rows.stated[name]
        differs |= has[row] & (~had[both] | (before[both] != after[row]))
    row, both = row[differs], both[differs]
    stated = [optional(rows.stated[name][0][row], rows.stated[name][1][row]) for name in STATED]
    ledger.many(
        "UPDATE loans SET balance = ?, status = ?, paid = coalesce(?, paid),"
        " interest = coalesce(?, interest), recovered = coalesce(?, recovered) WHERE id = ?",
        zip(
            rows.balance[row].tolist(), rows.status.iloc[row].tolist(), *stated,
            known.number[both].tolist(), strict=True,
        ),
    )  # fmt: skip
    ledger.many(
        "UPDATE loans SET status = ? WHERE id = ?",
        ((VANISHED, number) for number in known.number[gone].tolist()),
    )


def _receive(ledger: Ledger, known: _Known, flows: dict[str, IntArray], day: str) -> None:
    """What moved each loan, to the account of its holder."""
    moved = np.zeros(len(flows["at"]), dtype=np.bool_)
    for name in _FLOWS:
        moved |= flows[name] != 0
    at = flows["at"][moved]
    names = ("before", "drawn", "principal", "loss", "unexplained", "balance", "interest")
    cells = [flows[name][moved].tolist() for name in (*names, "recovered")]
    ledger.many(
        "INSERT INTO receipts (loan, date, holding, before, drawn, principal, loss, unexplained,"
        " balance, interest, recovered) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        zip(
            known.number[at].tolist(), [day] * len(at), known.holding[at].tolist(), *cells,
            strict=True,
        ),
    )  # fmt: skip


def _elsewhere(known: _Known, rows: _Rows, flows: dict[str, IntArray]) -> pd.DataFrame:
    """Loans that the tape has in another channel than the ledger."""
    row, both = flows["row"], flows["at"]
    ours, theirs = known.channel.to_numpy()[both], rows.channel.to_numpy()[row]
    differs = (ours != theirs) & (rows.balance[row] > 0)
    return pd.DataFrame(
        {"loan_id": rows.ids[row[differs]], "ledger": ours[differs], "tape": theirs[differs]}
    )
