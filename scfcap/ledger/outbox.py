"""Sending a delivery: its list on disk and its state in the database, whatever happens between.

First the intent is recorded: which file, of which digest. Then the list is written aside, put on
disk, and renamed; then the delivery is sent. Whoever opens the ledger next finds the intent of a
process that died, and either completes it, where the list is there as it was to be, or takes it
back. Doing so twice changes nothing more.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Final

import pandas as pd

from scfcap.errors import InputError, Problem
from scfcap.ledger.amounts import frame
from scfcap.ledger.deliveries import status_of
from scfcap.ledger.store import PATIENCE, Ledger, sync_folder, write_to
from scfcap.tape.files import digest_of_file

#: Makes the bytes of a list from its rows; see :func:`list_of`.
Render = Callable[[pd.DataFrame], bytes]
#: Steps of sending, in order, as :func:`deliver` tells them when each is done.
STEPS: Final = ("intended", "written", "renamed", "sent")


@dataclass(frozen=True)
class Sent:
    """A delivery that was sent: its number and its list on disk."""

    delivery: int
    file: Path
    digest: str


def open_ledger(path: Path, *, create: bool = False, patience: float = PATIENCE) -> Ledger:
    """Open a ledger to write to it, and bring to an end what a process that died had begun.

    Raises :class:`InputError` as :func:`~scfcap.ledger.store.write_to` does.
    """
    ledger = write_to(path, create=create, patience=patience)
    try:
        recover(ledger)
    except BaseException:
        ledger.close()
        raise
    return ledger


def deliver(
    ledger: Ledger,
    on: date,
    render: Render,
    deliveries: Sequence[int] | None = None,
    trace: Callable[[str, int], None] | None = None,
) -> tuple[Sent, ...]:
    """Send proposed deliveries, one after the other: write each list, then call it sent.

    ``deliveries``: their numbers; None: all that are proposed. Those that are sent already stay as
    they are. ``render`` makes the same bytes of the same rows. ``trace`` is told each of
    :data:`STEPS` with the delivery when it is done. Raises :class:`InputError` where one is
    closed, or another file is in the way.
    """
    day = ledger.day(on)
    if deliveries is None:
        rows = ledger.rows("SELECT id FROM deliveries WHERE status = 'proposed' ORDER BY id")
        deliveries = [number for (number,) in rows]
    statuses = {int(number): status_of(ledger, number) for number in deliveries}
    cancelled = [number for number, status in statuses.items() if status == "cancelled"]
    if cancelled:
        found = f"delivery {cancelled[0]}, which is cancelled"
        action = "Propose its loans again, from an allocation."
        raise InputError(Problem(ledger.path.name, found, "a proposed one", action))
    tell = trace or (lambda _step, _number: None)
    return tuple(
        _send(ledger, number, day, render, tell)
        for number, status in statuses.items()
        if status == "proposed"
    )


def list_of(ledger: Ledger, delivery: int) -> pd.DataFrame:
    """The list of a delivery, by loan: delivery, date (of its proposal), loan_id, origin,
    destination, balance, price (NaN for a pledge) [currency], reason.
    """
    names = ["delivery", "date", "loan_id", "origin", "destination", "balance", "price", "reason"]
    rows = ledger.rows(
        "SELECT d.id, d.date, l.loan, d.origin, d.destination, n.balance, n.price, n.reason"
        " FROM lines n JOIN deliveries d ON d.id = n.delivery JOIN loans l ON l.id = n.loan"
        " WHERE d.id = ? ORDER BY l.loan",
        (int(delivery),),
    )
    cells = [list(column) for column in zip(*rows, strict=True)] or [[] for _ in names]
    return frame(dict(zip(names, cells, strict=True)), ("balance", "price"), ())


def recover(ledger: Ledger) -> tuple[Sent, ...]:
    """Bring to an end each sending that was begun; returns the deliveries that are sent by it."""
    begun = ledger.rows(
        "SELECT id, file, digest, intent FROM deliveries WHERE intent IS NOT NULL ORDER BY id"
    )
    done = []
    for number, name, digest, day in begun:
        file, aside = _places(ledger, name)
        if not _is(file, digest) and _is(aside, digest) and not file.exists():
            _put_in_place(aside, file)
        if _is(file, digest):
            sync_folder(file.parent)
            _mark_sent(ledger, number, day)
            done.append(Sent(number, file, digest))
        else:
            with ledger.transaction():
                _withdraw(ledger, number)
        aside.unlink(missing_ok=True)
    return tuple(done)


def _send(
    ledger: Ledger, number: int, day: str, render: Render, tell: Callable[[str, int], None]
) -> Sent:
    content = render(list_of(ledger, number))
    digest = hashlib.sha256(content).hexdigest()
    name = _file_name(ledger, number)
    file, aside = _places(ledger, name)
    if file.exists() and not _is(file, digest):
        raise InputError(
            Problem(
                str(file),
                "a file that is not this delivery's list",
                "a free place for it",
                "Move that file, and repeat the command: nothing was sent.",
            )
        )
    file.parent.mkdir(parents=True, exist_ok=True)
    sync_folder(ledger.path.parent)
    with ledger.transaction():
        ledger.do(
            "UPDATE deliveries SET file = ?, digest = ?, intent = ? WHERE id = ?",
            (name, digest, day, number),
        )
    try:
        tell("intended", number)
        aside.write_bytes(content)
        tell("written", number)
        _put_in_place(aside, file)
        tell("renamed", number)
        _mark_sent(ledger, number, day)
    except BaseException:
        recover(ledger)
        raise
    tell("sent", number)
    return Sent(number, file, digest)


def _file_name(ledger: Ledger, number: int) -> str:
    """Name of a delivery's list: its number, day and way, fit for a file on any system."""
    day, channel, direction = ledger.rows(
        "SELECT date, channel, direction FROM deliveries WHERE id = ?", (number,)
    )[0]
    safe = "".join(c if c.isascii() and (c.isalnum() or c in "-_.") else "-" for c in channel)
    return f"{number:06}_{day}_{safe[:80]}_{direction}.csv"


def _places(ledger: Ledger, name: str) -> tuple[Path, Path]:
    """Where a list is to stand, and where it is written first."""
    return ledger.lists / name, ledger.lists / f".{name}.new"


def _is(file: Path, digest: str) -> bool:
    return file.is_file() and digest_of_file(file) == digest


def _put_in_place(aside: Path, file: Path) -> None:
    """Rename a list that is whole, so that it is there whole or not at all."""
    with aside.open("rb+") as stream:
        os.fsync(stream.fileno())
    aside.replace(file)
    sync_folder(file.parent)


def _mark_sent(ledger: Ledger, number: int, day: str) -> None:
    loans, balance, name = ledger.rows(
        "SELECT loans, balance, file FROM deliveries WHERE id = ?", (number,)
    )[0]
    with ledger.transaction():
        ledger.do(
            "UPDATE deliveries SET status = 'sent', sent = ?, intent = NULL WHERE id = ?",
            (day, number),
        )
        ledger.note(day, "sent", loans, balance, name, number)


def _withdraw(ledger: Ledger, number: int) -> None:
    ledger.do(
        "UPDATE deliveries SET file = NULL, digest = NULL, intent = NULL WHERE id = ?", (number,)
    )
