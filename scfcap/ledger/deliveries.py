"""Deliveries: loans that are to change their holder, from the proposal to the settlement.

A delivery takes loans from one holder to another. Its loans are promised from its proposal until
they are settled, refused or cancelled, and a promised loan enters no other. The holder changes
when it is settled, on that day.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import date
from itertools import repeat
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.errors import InputError, InvariantError, Problem
from scfcap.ledger.amounts import cents, currency, in_proportion, known_channel, optional, priced
from scfcap.ledger.store import Ledger
from scfcap.ledger.tapes import VANISHED
from scfcap.quantities import BoolArray, IntArray

#: Statuses in which a delivery may be cancelled, and in which it may be settled.
OPEN: Final = ("proposed", "sent", "confirmed", "part-refused")
ANSWERED: Final = ("confirmed", "part-refused")
_LISTED: Final = 20
#: Most letters of an id or a channel that a message repeats.
_SAID: Final = 200


@dataclass(frozen=True)
class Settled:
    """What a settlement moved [currency]: loans that have a new holder, their balance and price;
    loans that were repaid or lost before, and stay where they are.
    """

    delivery: int
    loans: int
    balance: float
    price: float
    lapsed: int


@dataclass(frozen=True)
class _Moves:
    """Asked-for places of loans beside what the ledger has of them, by row of the request."""

    table: pd.DataFrame
    number: IntArray
    balance: IntArray
    status: pd.Series[Any]
    holder: pd.Series[Any]


def propose(
    ledger: Ledger, moves: pd.DataFrame, on: date, *, source: str | None = None
) -> tuple[int, ...]:
    """Propose the deliveries that bring loans where ``moves`` wants them; returns their numbers.

    ``moves``: loan_id, channel; with price [currency] (the balance where there is none), reason,
    today (the holder that it was made with), balance [currency] (what it was made with) where it
    has these. Loans that are there already, or under way there, stay so. One delivery a pair of
    holders. ``source`` names where the moves come from: those of a source are proposed once,
    however often they are given, unless cancelled; without it, the moves and the day are the
    source.

    Raises :class:`InputError` with every loan that cannot be proposed: unknown, promised
    elsewhere, repaid, no longer on the tape, held by another or of another balance than ``moves``
    was made with.
    """
    day = ledger.day(on)
    moves = moves.reset_index(drop=True)
    source = source or _source(moves, day)
    with ledger.transaction():
        done = ledger.rows(
            "SELECT l.loan FROM lines n JOIN loans l ON l.id = n.loan JOIN deliveries d"
            " ON d.id = n.delivery WHERE d.source = ? AND d.status <> 'cancelled'",
            (source,),
        )
        found = ledger.rows(
            "SELECT id FROM deliveries WHERE source = ? AND status <> 'cancelled'", (source,)
        )
        known = moves["loan_id"].isin([loan for (loan,) in done])
        asked = _found(ledger, moves[~known].reset_index(drop=True))
        moving = _checked(ledger, asked)
        made = _insert(ledger, asked, moving, day, source)
    return (*(number for (number,) in found), *made)


def cancel(ledger: Ledger, delivery: int, on: date, reason: str = "") -> None:
    """Take a delivery back: its loans stay where they are, and are free.

    Raises :class:`InputError` where there is none, or it is settled, refused or cancelled.
    """
    day, delivery = ledger.day(on), int(delivery)
    with ledger.transaction():
        status = status_of(ledger, delivery)
        if status not in OPEN:
            raise _unfit(ledger, delivery, status, "one that is not closed yet", "")
        loans, balance = ledger.rows(
            "SELECT count(*), coalesce(sum(balance), 0) FROM lines"
            " WHERE delivery = ? AND closed IS NULL",
            (delivery,),
        )[0]
        _close_lines(ledger, delivery, day, "cancelled")
        ledger.do(
            "UPDATE deliveries SET status = 'cancelled', closed = ? WHERE id = ?", (day, delivery)
        )
        ledger.note(day, "cancelled", loans, balance, reason, delivery)


def settle(ledger: Ledger, delivery: int, on: date) -> Settled:
    """The loans that were accepted change their holder, on this day.

    The price is for what is delivered: what a borrower has repaid since the proposal is not paid
    for (in proportion, to the cent), and a loan that is repaid or lost meanwhile stays where it
    is. Raises :class:`InputError` where the delivery is not answered.
    """
    day, delivery = ledger.day(on), int(delivery)
    with ledger.transaction():
        status = status_of(ledger, delivery)
        if status not in ANSWERED:
            action = {
                "proposed": "Send it first, with --deliver.",
                "sent": "Import what came back first, with --confirm FILE.",
            }.get(status, "")
            raise _unfit(ledger, delivery, status, "one that is confirmed or part-refused", action)
        done = _move(ledger, delivery, day)
        ledger.do(
            "UPDATE deliveries SET status = 'settled', closed = ? WHERE id = ?", (day, delivery)
        )
        detail = f"paid {done.price:.2f}" + (f", {done.lapsed} lapsed" if done.lapsed else "")
        ledger.note(day, "settled", done.loans, round(done.balance * 100.0), detail, delivery)
    return done


def status_of(ledger: Ledger, delivery: int) -> str:
    """Status of a delivery. Raises :class:`InputError` where there is none."""
    status = ledger.one("SELECT status FROM deliveries WHERE id = ?", (int(delivery),))
    if status is None:
        raise InputError(
            Problem(
                ledger.path.name,
                f"no delivery {delivery}",
                f"one of {ledger.one('SELECT count(*) FROM deliveries')}, by its number",
                "scfcap ledger MODEL lists them.",
            )
        )
    return str(status)


def _unfit(ledger: Ledger, delivery: int, status: str, expected: str, action: str) -> InputError:
    found = f"delivery {delivery}, which is {status}"
    return InputError(Problem(ledger.path.name, found, expected, action))


def _source(moves: pd.DataFrame, day: str) -> str:
    """A digest of what is asked for, and of the day."""
    columns = [name for name in ("loan_id", "channel", "price", "reason") if name in moves]
    text = moves[columns].to_csv(index=False, lineterminator="\n")
    return hashlib.sha256(f"{day}\n{text}".encode()).hexdigest()


def _found(ledger: Ledger, moves: pd.DataFrame) -> _Moves:
    """What the ledger has of the loans that are asked for; number 0 where it does not know one."""
    rows = ledger.rows(
        "SELECT l.loan, l.id, l.balance, l.status, h.channel FROM loans l"
        " JOIN holdings h ON h.loan = l.id AND h.until IS NULL"
    )
    have = pd.DataFrame(rows, columns=["loan", "id", "balance", "status", "channel"])
    at = pd.Index(have["loan"]).get_indexer(pd.Index(moves["loan_id"]))

    def taken(name: str, absent: object) -> pd.Series[Any]:
        if not len(have):
            return pd.Series([absent] * len(moves), dtype=object)
        cells = have[name].astype(object).take(np.maximum(at, 0)).reset_index(drop=True)
        return cells.where(at >= 0, absent)

    return _Moves(
        moves,
        taken("id", 0).to_numpy(dtype=np.int64),
        taken("balance", 0).to_numpy(dtype=np.int64),
        taken("status", ""),
        taken("channel", ""),
    )


def _checked(ledger: Ledger, asked: _Moves) -> BoolArray:
    """Which rows move a loan; raises InputError with every one that cannot be proposed."""
    table, problems = asked.table, []
    wanted = table["channel"].astype(object)
    strange = ~wanted.map(known_channel).to_numpy(dtype=np.bool_)
    known, numbers = asked.number > 0, pd.Series(asked.number)
    moving = np.asarray(wanted != asked.holder, dtype=np.bool_) & known & ~strange
    live = ledger.rows(
        "SELECT n.loan, n.delivery, d.destination FROM lines n JOIN deliveries d"
        " ON d.id = n.delivery WHERE n.closed IS NULL ORDER BY n.loan"
    )
    promised = {loan: number for loan, number, _ in live}
    goes = numbers.map({loan: destination for loan, _, destination in live})
    moving &= np.asarray(goes != wanted, dtype=np.bool_)  # what is under way there stays so
    held = moving & np.isin(asked.number, np.array(list(promised), dtype=np.int64))
    gone = np.asarray(asked.status == VANISHED, dtype=np.bool_)
    cases = [
        (table["loan_id"].duplicated().to_numpy(), "twice in the list", "each loan once"),
        (strange, "for " + wanted.astype(str), "the key of a channel"),
        (~known, "not in the ledger", "loans of the ledger: roll it to the tape with --roll"),
        (
            held,
            "promised in delivery " + numbers.map(promised).fillna(0).astype(int).astype(str),
            "a loan that is in no open delivery: settle or cancel that one first",
        ),
        (moving & gone, "no longer on the tape", "a loan of the last tape"),
        (moving & ~gone & (asked.balance == 0), "repaid or charged off", "a loan with a balance"),
    ]
    if "today" in table:
        placed = table["today"].notna() & (table["today"] != "")
        other = moving & np.asarray(placed & (table["today"] != asked.holder), dtype=np.bool_)
        said = "held by " + asked.holder.astype(str) + " and not " + table["today"].astype(str)
        cases.append((other, said, "an allocation made with the ledger's holders: make it anew"))
    if "balance" in table:
        other = moving & (np.abs(cents(table["balance"]) - asked.balance) > 1)
        said = "owed " + pd.Series(currency(asked.balance)).map("{:,.2f}".format).astype(str)
        cases.append((other, said, "the balance of the list: roll the ledger to the same tape"))
    for wrong, found, expected in cases:
        problems += _problems(ledger, table, wrong, found, expected)
    if problems:
        raise InputError(problems)
    return np.asarray(moving, dtype=np.bool_)


def _problems(
    ledger: Ledger, table: pd.DataFrame, wrong: BoolArray, found: Any, expected: str
) -> list[Problem]:
    """A problem for each of the first rows, and how many more there are."""
    rows = np.flatnonzero(wrong)
    told = [
        Problem(
            f"loan {_cut(table['loan_id'].iloc[row])}",
            found if isinstance(found, str) else _cut(found.iloc[row]),
            expected,
        )
        for row in rows[:_LISTED]
    ]
    if len(rows) > _LISTED:
        told.append(Problem(ledger.path.name, f"{len(rows) - _LISTED} more such loans", expected))
    return told


def _cut(cell: object) -> str:
    """A cell as a message repeats it."""
    text = str(cell)
    return text if len(text) <= _SAID else f"{text[:_SAID]}..."


def _insert(
    ledger: Ledger, asked: _Moves, moving: BoolArray, day: str, source: str
) -> tuple[int, ...]:
    """One delivery a pair of holders, with its lines by loan."""
    table = asked.table
    rows = np.flatnonzero(moving)
    pairs = pd.DataFrame(
        {"origin": asked.holder.iloc[rows], "destination": table["channel"].iloc[rows]}
    ).astype(object)
    given = pd.Series(currency(asked.balance))
    if "price" in table:
        given = table["price"].astype(np.float64).fillna(given)
    price = cents(given)
    if (price[rows] < 0).any():
        raise InputError(Problem("price", "a price below 0", "at least 0 [currency]"))
    reason = table["reason"].fillna("").astype(str) if "reason" in table else None
    made = []
    for (origin, destination), part in pairs.groupby(["origin", "destination"], sort=True):
        mine = part.index.to_numpy()
        mine = mine[np.argsort(asked.number[mine], kind="stable")]
        bought = np.full(len(mine), priced(str(origin), str(destination)))
        paid = int(price[mine][bought].sum())
        owed = int(asked.balance[mine].sum())
        number = ledger.do(
            "INSERT INTO deliveries"
            " (date, origin, destination, status, source, loans, balance, price)"
            " VALUES (?, ?, ?, 'proposed', ?, ?, ?, ?)",
            (day, origin, destination, source, len(mine), owed, paid),
        )
        said = repeat("", len(mine)) if reason is None else reason.iloc[mine].tolist()
        ledger.many(
            "INSERT INTO lines (delivery, loan, balance, price, reason) VALUES (?, ?, ?, ?, ?)",
            zip(
                repeat(number, len(mine)), asked.number[mine].tolist(),
                asked.balance[mine].tolist(), optional(price[mine], bought), said, strict=True,
            ),
        )  # fmt: skip
        ledger.note(day, "proposed", len(mine), owed, f"{origin} to {destination}", number)
        made.append(number)
    return tuple(made)


def _close_lines(ledger: Ledger, delivery: int, day: str, how: str) -> None:
    ledger.do(
        "UPDATE lines SET closed = ?, how = ? WHERE delivery = ? AND closed IS NULL",
        (day, how, delivery),
    )


def _move(ledger: Ledger, delivery: int, day: str) -> Settled:
    """End the holdings of what was accepted, and begin the new ones."""
    origin, destination = ledger.rows(
        "SELECT origin, destination FROM deliveries WHERE id = ?", (delivery,)
    )[0]
    rows = ledger.rows(
        "SELECT n.loan, n.balance, n.price, l.balance, h.id, h.channel FROM lines n"
        " JOIN loans l ON l.id = n.loan JOIN holdings h ON h.loan = n.loan AND h.until IS NULL"
        " WHERE n.delivery = ? AND n.closed IS NULL AND l.balance > 0 ORDER BY n.loan",
        (delivery,),
    )
    if any(holder != origin for *_, holder in rows):
        msg = f"delivery {delivery} takes loans from {origin} that it does not hold"
        raise InvariantError(msg)
    prices = [
        None if price is None else in_proportion(price, now, then)
        for _, then, price, now, *_ in rows
    ]
    pledge = axes.channel_of(destination) == axes.BANK_DEBT
    balances = [now for _, _, _, now, *_ in rows]
    ledger.many(
        "UPDATE holdings SET until = ?, left_by = ?, left_balance = ?, left_price = ? WHERE id = ?",
        (
            (day, delivery, now, p, row[4])
            for row, now, p in zip(rows, balances, prices, strict=True)
        ),
    )
    ledger.many(
        "INSERT INTO holdings (loan, channel, since, bought, price, delivery)"
        " VALUES (?, ?, ?, ?, ?, ?)",
        (
            (row[0], destination, day, now, None if pledge else p, delivery)
            for row, now, p in zip(rows, balances, prices, strict=True)
        ),
    )
    ledger.many(
        "UPDATE lines SET closed = ?, how = 'settled' WHERE delivery = ? AND loan = ?",
        ((day, delivery, row[0]) for row in rows),
    )
    lapsed = ledger.one(
        "SELECT count(*) FROM lines WHERE delivery = ? AND closed IS NULL", (delivery,)
    )
    _close_lines(ledger, delivery, day, "lapsed")
    paid = sum(p for p in prices if p is not None)
    return Settled(delivery, len(rows), sum(balances) / 100.0, paid / 100.0, lapsed)
