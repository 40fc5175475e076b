"""Questions to a ledger, and their answers as tables; amounts [currency], days as datetime64[s]."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.ledger.amounts import frame
from scfcap.ledger.store import Ledger, read_from, stored

#: A loan's balance at the close of a day, by its last tape until then.
BALANCE: Final = (
    "coalesce((SELECT r.balance FROM receipts r WHERE r.loan = l.id AND r.date <= :on"
    " ORDER BY r.date DESC LIMIT 1), l.first)"
)
_HELD: Final = "h.since <= :on AND (h.until IS NULL OR h.until > :on)"


def holdings(ledger: Ledger, on: date | None = None) -> pd.DataFrame:
    """Who holds what at the close of a day (None: the last): loan_id, channel, since, balance,
    price (paid for it; NaN for a pledge), delivery (that brought it; NaN: with a tape), promised
    (the channel that it is to go to, or ""), under (number of that delivery), frozen (no longer on
    the last tape). Loans that are owed nothing are not listed.
    """
    names = (
        "loan_id", "channel", "since", "balance", "price", "delivery", "promised", "under", "frozen"
    )  # fmt: skip
    made = _asked(
        ledger,
        f"SELECT l.loan, h.channel, h.since, {BALANCE} AS owed, h.price, h.delivery,"
        " coalesce(d.destination, ''), d.id, l.status = 'vanished'"
        " FROM holdings h JOIN loans l ON l.id = h.loan"
        " LEFT JOIN lines n ON n.loan = l.id AND (n.closed IS NULL OR n.closed > :on)"
        " AND n.delivery IN (SELECT id FROM deliveries WHERE date <= :on)"
        " LEFT JOIN deliveries d ON d.id = n.delivery"
        f" WHERE {_HELD} AND owed > 0 ORDER BY l.loan",
        names,
        {"on": _on(ledger, on)},
    )
    return made.astype({"frozen": bool})


def holders(path: Path, on: date | None = None) -> pd.DataFrame:
    """:func:`holdings` of the ledger in a file, opened to read: what an allocation begins with.

    Raises :class:`~scfcap.errors.InputError` where there is none.
    """
    with read_from(path) as ledger:
        return holdings(ledger, on)


def summary(ledger: Ledger, on: date | None = None) -> pd.DataFrame:
    """By channel at the close of a day: loans, balance, since (the first of its loans), promised
    (loans that are to leave), coming (loans that are to come), and their balance.
    """
    held = holdings(ledger, on)
    leaving = held[held["promised"] != ""]
    coming = leaving.groupby("promised")["balance"]
    going = leaving.groupby("channel")["balance"]
    made = held.groupby("channel").agg(
        loans=("loan_id", "size"), balance=("balance", "sum"), since=("since", "min")
    )
    made = made.reindex(made.index.union(coming.sum().index, sort=True))
    made.index.name = "channel"
    for name, part in (("leaving", going), ("coming", coming)):
        made[name] = part.size().reindex(made.index).fillna(0).astype(int)
        made[f"{name}_balance"] = part.sum().reindex(made.index).fillna(0.0)
    made = made.fillna({"loans": 0, "balance": 0.0}).astype({"loans": int})
    return made.reset_index()


def moves(ledger: Ledger, first: date, last: date) -> pd.DataFrame:
    """Loans that got a holder after the close of ``first`` and until that of ``last``: date,
    loan_id, origin ("" where the loan is new), channel, balance, price, delivery.
    """
    names = ("date", "loan_id", "origin", "channel", "balance", "price", "delivery")
    return _asked(
        ledger,
        "SELECT h.since, l.loan, coalesce(d.origin, ''), h.channel, h.bought, o.left_price,"
        " h.delivery FROM holdings h JOIN loans l ON l.id = h.loan"
        " LEFT JOIN deliveries d ON d.id = h.delivery"
        " LEFT JOIN holdings o ON o.left_by = h.delivery AND o.loan = h.loan"
        " WHERE h.since > :first AND h.since <= :last ORDER BY h.since, h.id",
        names,
        {"first": first.isoformat(), "last": last.isoformat()},
    )


def history(ledger: Ledger, loan: str) -> pd.DataFrame:
    """What became of a loan, in order: date, what, channel (its holder, or where it is to go),
    balance, price, drawn, principal, interest, recovery, loss, unexplained (NaN where a row has
    none), delivery, note. Raises :class:`InputError` where the ledger does not know it.
    """
    if ledger.one("SELECT id FROM loans WHERE loan = ?", (loan,)) is None:
        found = f"no loan {loan!r}"
        action = "Write its loan_id as the tape has it."
        raise InputError(Problem(ledger.path.name, found, "a loan of the ledger", action))
    flows = ("drawn", "principal", "interest", "recovery", "loss", "unexplained")
    names = ("date", "rank", "what", "channel", "balance", "price", *flows, "delivery", "note")
    none = ", ".join(["NULL"] * len(flows))
    line = "FROM lines n JOIN deliveries d ON d.id = n.delivery JOIN it ON it.id = n.loan"
    made = _asked(
        ledger,
        "WITH it AS (SELECT * FROM loans WHERE loan = :loan)"
        " SELECT h.since, iif(h.delivery IS NULL, 0, 5),"
        " iif(h.delivery IS NULL, 'opened', 'came'), h.channel, h.bought,"
        f" h.price, {none}, h.delivery, '' FROM holdings h JOIN it ON it.id = h.loan"
        " UNION ALL SELECT r.date, -1, 'received', h.channel, r.balance, NULL, r.drawn,"
        " r.principal, r.interest, r.recovered, r.loss, r.unexplained, NULL, ''"
        " FROM receipts r JOIN it ON it.id = r.loan JOIN holdings h ON h.id = r.holding"
        f" UNION ALL SELECT d.date, 1, 'proposed', d.destination, n.balance, n.price, {none},"
        f" d.id, n.reason {line}"
        f" UNION ALL SELECT d.sent, 2, 'sent', d.destination, n.balance, n.price, {none}, d.id,"
        f" d.file {line} WHERE d.sent IS NOT NULL"
        f" UNION ALL SELECT c.date, 3, n.answer, d.channel, n.balance, n.price, {none}, d.id,"
        f" n.answer_reason {line} JOIN confirmations c ON c.id = n.confirmation"
        f" UNION ALL SELECT n.closed, 4, n.how, d.channel, n.balance, n.price, {none}, d.id, ''"
        f" {line} WHERE n.how IN ('cancelled', 'lapsed')"
        " ORDER BY 1, 13, 2",  # by day, delivery, and step of it
        names,
        {"loan": loan},
    )
    return made.drop(columns="rank")


def deliveries(ledger: Ledger, numbers: Sequence[int] | None = None) -> pd.DataFrame:
    """Deliveries by number (None: all): delivery, date, channel, direction, origin, destination,
    status, loans, balance, price, accepted, refused, sent, answered, closed, file, digest, begun
    (sending was begun and not ended).
    """
    names = (
        *("delivery", "date", "channel", "direction", "origin", "destination", "status", "loans"),
        *("balance", "price", "accepted", "refused", "sent", "answered", "closed", "file"),
        *("digest", "begun"),
    )
    made = _asked(
        ledger,
        "SELECT d.id, d.date, d.channel, d.direction, d.origin, d.destination, d.status, d.loans,"
        " d.balance, d.price, coalesce(sum(n.answer = 'accepted'), 0),"
        " coalesce(sum(n.answer = 'refused'), 0), d.sent, d.answered, d.closed,"
        " coalesce(d.file, ''), coalesce(d.digest, ''), d.intent IS NOT NULL"
        " FROM deliveries d JOIN lines n ON n.delivery = d.id GROUP BY d.id ORDER BY d.id",
        names,
        {},
    )
    made = made.astype({"begun": bool})
    return made if numbers is None else made[made["delivery"].isin(list(numbers))]


def events(ledger: Ledger) -> pd.DataFrame:
    """The journal, in order: seq, date, what, delivery, loans, amount, detail."""
    names = ("seq", "date", "what", "delivery", "loans", "amount", "detail")
    return _asked(ledger, f"SELECT {', '.join(names)} FROM events ORDER BY seq", names, {})


_MONEY: Final = (
    *("balance", "price", "amount", "drawn", "principal", "interest", "recovery", "loss"),
    "unexplained",
)
_DAYS: Final = ("date", "since", "sent", "answered", "closed")


def _asked(
    ledger: Ledger, query: str, names: tuple[str, ...], values: dict[str, Any]
) -> pd.DataFrame:
    rows = ledger.named(query, values)
    cells = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    money = tuple(name for name in _MONEY if name in names)
    days = tuple(name for name in _DAYS if name in names)
    with stored(ledger.path):
        made = frame(dict(zip(names, cells, strict=True)), money, days)
    if "delivery" in names:
        made["delivery"] = made["delivery"].astype("Int64")
    return made.astype({"under": "Int64"}) if "under" in names else made


def _on(ledger: Ledger, on: date | None) -> str:
    last = ledger.last()
    if last is None:
        raise InputError(
            Problem(ledger.path.name, "nothing in it", "an open ledger", "Open it with --open.")
        )
    return (on or last).isoformat()
