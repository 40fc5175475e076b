"""A model's ledger: where it stands, and what an allocation's run folder asks of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

import numpy as np
import pandas as pd
from pandas.api.types import infer_dtype, is_numeric_dtype

from scfcap.errors import InputError, Problem, of_file
from scfcap.ledger.amounts import cents
from scfcap.ledger.deliveries import propose
from scfcap.ledger.frames import holders
from scfcap.ledger.outbox import Sent, deliver
from scfcap.report.files import csv_bytes
from scfcap.report.store import TABLES, read_run
from scfcap.tape.files import digest_of_file

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.ledger.store import Ledger

#: Table of an allocation's run folder with each loan's channel, and its columns.
LISTS: Final = "allocation"
_COLUMNS: Final = {"loan_id": "loan_id", "channel": "channel", "before": "today",
                   "balance": "balance"}  # fmt: skip


def ledger_file(model: Model) -> Path:
    """Where a model's ledger is kept: ``ledger.sqlite`` beside its runs, from here."""
    from scfcap.api.quoting import RESULTS

    return RESULTS / model.loaded.folder.resolve().name / "ledger.sqlite"


def business_day(model: Model, ledger: Ledger, on: date | None) -> date:
    """``on``; without it the model's day, or that which the ledger has come to if it is later."""
    last = ledger.last()
    return on or max(model.spec.as_of, last or model.spec.as_of)


def held_and_promised(path: Path) -> dict[str, list[str]]:
    """``loan_id``, ``channel`` and what is ``promised`` ("" where nothing is) by a ledger, as an
    allocation begins with them. Raises :class:`InputError` where it is none.
    """
    frame = holders(path)
    return {name: frame[name].tolist() for name in ("loan_id", "channel", "promised")}


def moves_of(run: Path) -> tuple[pd.DataFrame, str]:
    """What an allocation's run folder asks of a ledger, and a name for where it comes from.

    loan_id, channel, today (the holder that it was made with), balance [currency] of the loans
    that it places. The name follows from the list alone: the same run, copied, has the same.
    Raises :class:`InputError` where the folder is none of an allocation.
    """
    saved = read_run(run)
    table = saved.tables.get(LISTS)
    if table is None or not set(_COLUMNS) <= set(table.frame):
        raise InputError(
            Problem(
                str(run),
                f"a run without a table {LISTS} of {', '.join(_COLUMNS)}",
                "the folder that scfcap allocate wrote",
                "Write one: scfcap allocate MODEL --out DIR.",
            )
        )
    frame = table.frame[list(_COLUMNS)].rename(columns=_COLUMNS)
    _check_cells(frame, str(run))
    frame = frame.astype({"channel": object, "today": object})
    digest = digest_of_file(Path(run) / TABLES / f"{LISTS}.parquet")
    placed = frame[frame["channel"].fillna("") != ""].reset_index(drop=True)
    return placed, f"{saved.result.get('as_of', '')} {digest}"


def _check_cells(frame: pd.DataFrame, run: str) -> None:
    """Raise :class:`InputError` where lists hold other cells than ids, channels and amounts."""
    asked = {"loan_id": "text", "channel": "text or nothing", "today": "text or nothing"}
    found = []
    for name, kind in asked.items():
        cells = frame[name].astype(object)
        if infer_dtype(cells, skipna=name != "loan_id") not in ("string", "empty"):
            found.append((name, "another kind of cell", kind))
    amounts = frame["balance"] if is_numeric_dtype(frame["balance"]) else np.array([np.nan])
    try:
        cents(amounts)
    except ValueError as error:
        found.append(("balance", str(error), "amounts to the cent"))
    if found:
        action = "Write the lists anew: scfcap allocate MODEL --out DIR."
        where = f"{_table_of(run)}, column"
        raise InputError([Problem(f"{where} {n}", said, kind, action) for n, said, kind in found])


def deliver_run(ledger: Ledger, run: Path, on: date) -> tuple[Sent, ...]:
    """Propose what an allocation asks for, and send each delivery's list.

    A run is delivered once: where this was interrupted, the same call goes on with what is not
    sent. Raises :class:`InputError` as :func:`moves_of`,
    :func:`~scfcap.ledger.deliveries.propose` and :func:`~scfcap.ledger.outbox.deliver` do.
    """
    moves, source = moves_of(run)
    with of_file(_table_of(str(run))):
        proposed = propose(ledger, moves, on, source=source)
    return deliver(ledger, on, csv_bytes, proposed)


def _table_of(run: str) -> str:
    """How messages call the lists of a run."""
    return f"{run}, table {LISTS}"
