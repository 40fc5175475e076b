"""What funders answer: files of accepted and refused loans, imported once however often given."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.ledger.amounts import MOST
from scfcap.ledger.store import Ledger
from scfcap.quantities import BoolArray
from scfcap.tape.files import SourceInfo, read_any

#: Columns that a file must have, and those that it may.
NEEDED: Final = ("loan_id", "answer")
OPTIONAL: Final = ("reason", "delivery")
ANSWERS: Final = ("accepted", "refused")
_LISTED: Final = 20


@dataclass(frozen=True)
class Confirmed:
    """What a file said: loans accepted and refused by it that were not answered before, and the
    status of each delivery that it answers. ``repeated``: nothing in it is new.
    """

    accepted: int
    refused: int
    deliveries: tuple[tuple[int, str], ...]
    repeated: bool = False


def confirm(ledger: Ledger, path: Path, on: date) -> Confirmed:
    """Import a file of answers: loan_id, answer (accepted or refused), and if it has them reason
    and delivery (its number).

    Loans that are refused stay where they are and are free; those accepted wait for the
    settlement. Loans that the file does not name remain unanswered. The same file once more, or
    the same answers, change nothing; where an equal file answers a later delivery of the same
    loans, it has to name that delivery. Raises :class:`InputError` with the rows that cannot be:
    unknown loans, loans in no delivery that was sent, other words, and answers that contradict
    an earlier one; then nothing is imported.
    """
    day = ledger.day(on)
    table, info = _read(Path(path))
    with ledger.transaction():
        before = ledger.one("SELECT id FROM confirmations WHERE digest = ?", (info.digest,))
        if before is not None:
            return Confirmed(0, 0, _answered_by(ledger, before), repeated=True)
        rows = _matched(ledger, table, info)
        fresh = rows[rows["known"] == ""]
        counts = fresh["answer"].value_counts()
        accepted, refused = (int(counts.get(word, 0)) for word in ANSWERS)
        deliveries = tuple(int(d) for d in sorted(rows["delivery"].unique()))
        if len(fresh):
            number = ledger.do(
                "INSERT INTO confirmations (digest, file, date, accepted, refused)"
                " VALUES (?, ?, ?, ?, ?)",
                (info.digest, info.name, day, accepted, refused),
            )
            _answer(ledger, fresh, number, day)
            for delivery in sorted(fresh["delivery"].unique()):
                _conclude(ledger, int(delivery), day, info.name, fresh)
        states = tuple((d, _status(ledger, d)) for d in deliveries)
    return Confirmed(accepted, refused, states, repeated=not len(fresh))


def _read(path: Path) -> tuple[pd.DataFrame, SourceInfo]:
    """The file's rows as texts: loan_id, answer, reason, delivery ("" where it has none)."""
    table, info = read_any(path)
    lacking = [name for name in NEEDED if name not in table.column_names]
    if lacking:
        found = f"no column {', '.join(lacking)} (there are: {', '.join(table.column_names)})"
        expected = f"columns {', '.join(NEEDED)}; if known also {', '.join(OPTIONAL)}"
        raise InputError(Problem(info.name, found, expected, "Name the columns so."))
    made = pd.DataFrame()
    for name in (*NEEDED, *OPTIONAL):
        if name in table.column_names:
            cells = table.column(name).to_pandas().astype(object)
            made[name] = cells.where(cells.notna(), "").astype(str).str.strip()
        else:
            made[name] = ""
    made["answer"] = made["answer"].str.lower()
    if not len(made):
        raise InputError(Problem(info.name, "no rows", "the answer to at least one loan"))
    return made, info


def _matched(ledger: Ledger, table: pd.DataFrame, info: SourceInfo) -> pd.DataFrame:
    """Each row with its line: the one that is live, or else the last that was sent.

    ``known``: the answer that the line has already.
    """
    lines = ledger.rows(
        "SELECT l.loan, n.delivery, d.status, coalesce(n.answer, ''), n.loan, n.closed IS NULL"
        " FROM lines n JOIN loans l ON l.id = n.loan JOIN deliveries d ON d.id = n.delivery"
        " WHERE d.status <> 'cancelled' ORDER BY n.closed IS NULL, n.delivery"
    )
    names = ["loan_id", "delivery", "status", "known", "number", "live"]
    have = pd.DataFrame(lines, columns=names)
    ids = _without_signs(table["loan_id"], have["loan_id"])
    asked = table.assign(loan_id=ids, row=np.arange(1, len(table) + 1))
    given = pd.to_numeric(asked["delivery"].where(asked["delivery"] != ""), errors="coerce")
    given = given.where((given % 1 == 0) & (given.abs() < MOST)).astype(np.float64)
    odd = (asked["delivery"] != "") & given.isna()
    last = have.drop_duplicates("loan_id", keep="last")
    named = asked.assign(delivery=given)
    by_number = named.merge(have, on=["loan_id", "delivery"], how="left")
    by_loan = named.drop(columns="delivery").merge(last, on="loan_id", how="left")
    rows = by_loan.where(given.isna(), by_number[by_loan.columns])
    _refuse(rows, info.name, odd.to_numpy())
    first = rows.drop_duplicates(["loan_id", "delivery"])
    return first.astype({"delivery": np.int64, "number": np.int64})


def _without_signs(ids: pd.Series[Any], known: pd.Series[Any]) -> pd.Series[Any]:
    """Ids without the apostrophe that a list puts before what a spreadsheet would work out."""
    bare = ids.str.removeprefix("'")
    return ids.where(ids.isin(known) | ~bare.isin(known), bare)


def _refuse(rows: pd.DataFrame, source: str, odd: BoolArray) -> None:
    """Raises InputError with every row that cannot be imported."""
    words = rows["answer"].isin(ANSWERS).to_numpy()
    lost = rows["status"].isna().to_numpy()
    known = rows["known"].fillna("")
    early = (rows["status"] == "proposed").to_numpy()
    contradicts = ((known != "") & (known != rows["answer"])).to_numpy()
    unanswered = (rows["status"].isin(["settled", "refused"]) & (known == "")).to_numpy()
    distinct = rows.drop_duplicates(["loan_id", "delivery", "answer"])
    both = distinct[distinct.duplicated(["loan_id", "delivery"])]
    twice = rows["loan_id"].isin(both["loan_id"]).to_numpy()
    number = rows["delivery"].fillna(0).astype(int).astype(str)
    said = rows["answer"]
    cases: list[tuple[Any, str, Any, str]] = [
        (odd, "delivery", "no number", "the number of a delivery, or an empty cell"),
        (~words, "answer", said.map(repr), "accepted or refused"),
        (lost & ~odd, "loan_id", "a loan in no delivery that was sent", "a loan of a sent list"),
        (early, "loan_id", "delivery " + number + ", which is not sent",
         "a loan of a sent list: send it first, with --deliver"),
        (words & contradicts, "answer", said + ", while " + known + " was imported before",
         "the answer as it was; a change of mind is a delivery of its own"),
        (words & ~contradicts & twice, "answer", said + ", and another answer in another row",
         "one answer a loan"),
        (words & unanswered, "answer", "an answer to delivery " + number + ", which is closed",
         "an answer to an open delivery"),
    ]  # fmt: skip
    problems = []
    for wrong, column, found, expected in cases:
        at = np.flatnonzero(wrong)
        for k in at[:_LISTED]:
            where = f"{source} row {rows['row'].iloc[k]}, {column} (loan {rows['loan_id'].iloc[k]})"
            text = found if isinstance(found, str) else str(found.iloc[k])
            problems.append(Problem(where, text, expected))
        if len(at) > _LISTED:
            problems.append(Problem(source, f"{len(at) - _LISTED} more such rows", expected))
    if problems:
        raise InputError(problems)


def _answer(ledger: Ledger, rows: pd.DataFrame, number: int, day: str) -> None:
    """Write the answers to their lines; what is refused is free."""
    cells = zip(
        rows["answer"].tolist(), rows["reason"].tolist(), [number] * len(rows),
        [day if word == "refused" else None for word in rows["answer"]],
        ["refused" if word == "refused" else None for word in rows["answer"]],
        rows["delivery"].tolist(), rows["number"].tolist(), strict=True,
    )  # fmt: skip
    ledger.many(
        "UPDATE lines SET answer = ?, answer_reason = ?, confirmation = ?, closed = ?, how = ?"
        " WHERE delivery = ? AND loan = ?",
        cells,
    )


def _conclude(ledger: Ledger, delivery: int, day: str, name: str, fresh: pd.DataFrame) -> None:
    """Note the answers to a delivery; once all are there, it is confirmed, refused or both."""
    total, answered, refused = ledger.rows(
        "SELECT count(*), count(answer), coalesce(sum(answer = 'refused'), 0) FROM lines"
        " WHERE delivery = ?",
        (delivery,),
    )[0]
    if answered == total:
        status = "confirmed" if not refused else "refused" if refused == total else "part-refused"
        closed = day if status == "refused" else None
        ledger.do(
            "UPDATE deliveries SET status = ?, answered = ?, closed = ? WHERE id = ?",
            (status, day, closed, delivery),
        )
    mine = fresh[fresh["delivery"] == delivery]
    amount = ledger.one(
        "SELECT coalesce(sum(balance), 0) FROM lines WHERE delivery = ? AND confirmation ="
        " (SELECT max(id) FROM confirmations)",
        (delivery,),
    )
    gone = int((mine["answer"] == "refused").sum())
    detail = f"{name}: {len(mine) - gone} accepted, {gone} refused, {total - answered} open"
    ledger.note(day, "answered", len(mine), amount, detail, delivery)


def _status(ledger: Ledger, delivery: int) -> str:
    return str(ledger.one("SELECT status FROM deliveries WHERE id = ?", (delivery,)))


def _answered_by(ledger: Ledger, number: int) -> tuple[tuple[int, str], ...]:
    found = ledger.rows(
        "SELECT DISTINCT d.id, d.status FROM lines n JOIN deliveries d ON d.id = n.delivery"
        " WHERE n.confirmation = ? ORDER BY d.id",
        (number,),
    )
    return tuple((int(d), str(status)) for d, status in found)
