"""Small tapes and ledgers to test with."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap.ledger.outbox import open_ledger
from scfcap.ledger.store import Ledger
from scfcap.ledger.tapes import open_with
from scfcap.tape.schema import Tape

DAY = date(2020, 1, 1)
OWN, BANK, SERIES, LINE = (
    "own_capital", "bank_transfer:bank-c", "securitization:s-1", "bank_debt:line-a",
)  # fmt: skip


def tape_of(on: date, loans: Mapping[str, Mapping[str, Any]]) -> Tape:
    """A tape of loans by id: balance [currency], and any further column of a tape."""
    rows = [
        {"loan_id": key, "current_balance": row["balance"], "status": "current", "channel": OWN}
        | {name: value for name, value in row.items() if name != "balance"}
        for key, row in loans.items()
    ]
    frame = pd.DataFrame(rows)
    none = pd.DataFrame()
    digest = f"{on} {frame.to_csv(index=False)}"
    return Tape(frame, none, none, none, on, f"tape-{on}.csv", digest)


def opened(path: Path, loans: Mapping[str, Mapping[str, Any]], on: date = DAY) -> Ledger:
    """A new ledger with these loans, open to be written to."""
    ledger = open_ledger(path, create=True)
    open_with(ledger, tape_of(on, loans))
    return ledger


def wanted(**places: str) -> pd.DataFrame:
    """Places of loans by id."""
    return pd.DataFrame({"loan_id": list(places), "channel": list(places.values())})


def answers(path: Path, **said: str) -> Path:
    """A file of answers by loan."""
    lines = [f"{loan},{answer}\n" for loan, answer in said.items()]
    path.write_text("loan_id,answer\n" + "".join(lines), encoding="utf-8")
    return path


def answers_to(path: Path, rows: Iterable[tuple[int, str, str]]) -> Path:
    """A file of answers that names the delivery of each: delivery, loan, answer."""
    lines = [f"{loan},{answer},{number}\n" for number, loan, answer in rows]
    path.write_text("loan_id,answer,delivery\n" + "".join(lines), encoding="utf-8")
    return path


def content(ledger: Ledger) -> list[str]:
    """Every row of every table, as statements."""
    return list(ledger.database.iterdump())
