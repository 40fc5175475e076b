"""A ledger to save: who holds what, what is under way, the journal, as tables and as CSV."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, Final

import pandas as pd

from scfcap.ledger import frames
from scfcap.ledger.store import Ledger
from scfcap.report.files import RESULT_VERSION, csv_bytes, manifest, plain_rows
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table

_TITLES: Final = {
    "ledger_holders": "Who holds what",
    "ledger_holdings": "Who holds each loan since when",
    "ledger_deliveries": "Deliveries",
    "ledger_events": "Journal",
    "ledger_loan": "What became of a loan",
    "ledger_trace": "Purchases loan by loan",
    "ledger_moves": "Loans that changed their holder",
}
#: Columns in units of currency.
_MONEY: Final = (
    *("balance", "price", "amount", "leaving_balance", "coming_balance", "balance_bought"),
    *("income", "drawn", "interest", "principal", "recovery", "repurchased", "sold", "received"),
    *("loss", "unexplained"),
)
#: Tables that the document of ``--json`` has in full.
_SHORT: Final = ("ledger_holders", "ledger_deliveries", "ledger_loan", "ledger_moves")


def standing(ledger: Ledger, on: date | None = None) -> dict[str, pd.DataFrame]:
    """Who holds what at the close of a day (None: the last), deliveries, and the journal."""
    return {
        "ledger_holders": frames.summary(ledger, on),
        "ledger_holdings": frames.holdings(ledger, on),
        "ledger_deliveries": frames.deliveries(ledger),
        "ledger_events": frames.events(ledger),
    }


def document(model: str, ledger: Ledger, tables: Mapping[str, pd.DataFrame]) -> dict[str, Any]:
    """A ledger as plain values: the short tables; loan by loan it is in the run folder."""
    return {
        "schema_version": RESULT_VERSION,
        "model": model,
        "ledger": str(ledger.path),
        "day": ledger.last(),
        **{
            name.removeprefix("ledger_"): plain_rows(frame)
            for name, frame in tables.items()
            if name in _SHORT
        },
    }


def save_ledger(
    out: Path, told: Mapping[str, Any], tables: Mapping[str, pd.DataFrame], currency: str
) -> SavedRun:
    """Write the run folder with ``tables``, each also as CSV, and the document ``told``."""
    made = {
        name: Table(
            name, _TITLES[name], frame, {str(c): currency for c in frame if str(c) in _MONEY}
        )
        for name, frame in tables.items()
    }
    extra = {f"{name.removeprefix('ledger_')}.csv": csv_bytes(f) for name, f in tables.items()}
    origin = manifest({"model": told["model"], "ledger": told["ledger"]}, {})
    return save_run(out, made, origin, told, extra=extra)
