"""The database of a ledger: opened by one writer at a time, read by any number.

Each operation is one transaction. A writer keeps the file to itself from opening to closing, so
that what one process has begun no other takes for what a crash left behind; the system lets go of
it when the process dies, whatever killed it.
"""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any, Final, Self

from scfcap.errors import InputError, InvariantError, Problem
from scfcap.ledger import tables

#: How long another process that writes is waited for [s].
PATIENCE: Final = 5.0
#: The oldest SQLite that knows strict tables.
_LEAST_SQLITE: Final = (3, 37, 0)
_MAGIC: Final = b"SQLite format 3\0"
_BUSY, _LOCKED, _READ_ONLY, _CANNOT_OPEN = 5, 6, 8, 14
_IO, _CORRUPT, _FULL, _NO_DATABASE = 10, 11, 13, 26
#: What SQLite says, or Python of it, of a spoilt file under codes that mean other things too.
_CORRUPT_SAID: Final = ("decode to UTF-8", "unsupported file format")


@dataclass(frozen=True)
class Ledger:
    """An open ledger; closed by :meth:`close`, or as a context manager."""

    path: Path
    database: sqlite3.Connection

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self.database.close()

    @property
    def lists(self) -> Path:
        """The folder with the lists of its deliveries, beside it."""
        return self.path.with_name(f"{self.path.stem}-deliveries")

    def rows(self, query: str, values: Sequence[Any] = ()) -> list[tuple[Any, ...]]:
        """All rows of a query."""
        with said(self.path):
            return self.database.execute(query, values).fetchall()

    def named(self, query: str, values: Mapping[str, Any]) -> list[tuple[Any, ...]]:
        """All rows of a query with named values."""
        with said(self.path):
            return self.database.execute(query, values).fetchall()

    def one(self, query: str, values: Sequence[Any] = ()) -> Any:
        """The first cell of a query's first row; None where there is no row."""
        found = self.rows(query, values)
        return found[0][0] if found else None

    def do(self, statement: str, values: Sequence[Any] = ()) -> int:
        """Run a statement; returns the id of the row that it inserts."""
        return self.database.execute(statement, values).lastrowid or 0

    def many(self, statement: str, rows: Iterable[Sequence[Any]]) -> None:
        """Run a statement for each row."""
        self.database.executemany(statement, rows)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All of what is done within, or nothing; on disk when it ends.

        Raises :class:`InvariantError` where it breaks what the tables forbid.
        """
        with said(self.path):
            self.database.execute("BEGIN IMMEDIATE")
            try:
                yield
                self.database.execute("COMMIT")
            except BaseException:
                if self.database.in_transaction:
                    self.database.execute("ROLLBACK")
                raise

    def last(self) -> date | None:
        """Business day of the last event; None where there is none."""
        found = self.one("SELECT max(date) FROM events")
        with stored(self.path):
            return None if found is None else date.fromisoformat(found)

    def day(self, on: date) -> str:
        """``on`` as it is stored. Raises :class:`InputError` where it is before the last event."""
        last = self.last()
        if last is not None and on < last:
            raise InputError(
                Problem(
                    self.path.name,
                    f"the day {on}, while the ledger has come to {last}",
                    f"{last} or a later day",
                    "Give the day of business with --on DATE.",
                )
            )
        return on.isoformat()

    def note(
        self, day: str, what: str, loans: int, amount: int, detail: str, delivery: int | None = None
    ) -> None:
        """Add an event to the journal, within a transaction; ``amount`` [cents]."""
        self.do(
            "INSERT INTO events (date, what, delivery, loans, amount, detail)"
            " VALUES (?, ?, ?, ?, ?, ?)",
            (day, what, delivery, loans, amount, detail),
        )


def write_to(
    path: Path,
    *,
    create: bool = False,
    patience: float = PATIENCE,
    steps: Sequence[Sequence[str]] = tables.STEPS,
) -> Ledger:
    """Open a ledger to write to it; ``create``: make it where there is none.

    An older version is brought up in one transaction. ``patience``: how long another writer is
    waited for [s]. Raises :class:`InputError` where there is no ledger, the file is another's or
    spoilt, or another process is writing.
    """
    path = Path(path)
    if not create and not path.is_file():
        raise _absent(path)
    if create:
        path.parent.mkdir(parents=True, exist_ok=True)
    with said(path):
        ledger = Ledger(path, _connected(path, "rwc" if create else "rw", patience))
        try:
            # Locked at once, and until it is closed.
            ledger.database.execute("PRAGMA locking_mode = EXCLUSIVE")
            ledger.database.execute("BEGIN EXCLUSIVE")
            ledger.database.execute("COMMIT")
            ledger.database.execute("PRAGMA journal_mode = DELETE")
            ledger.database.execute("PRAGMA synchronous = EXTRA")
            _bring_up(ledger, steps, create)
            _refuse_spoilt(ledger)
        except BaseException:
            ledger.close()
            raise
    return ledger


def read_from(path: Path, *, patience: float = PATIENCE) -> Ledger:
    """Open a ledger to read it: one state, as it is now. Raises :class:`InputError`."""
    path = Path(path)
    if not path.is_file():
        raise _absent(path)
    with said(path):
        try:
            return _reading(path, patience)
        except sqlite3.OperationalError as error:
            if _code(error) not in (_READ_ONLY, _CANNOT_OPEN) or not _journal(path).exists():
                raise
        # A process died in a transaction: what it had begun is taken back by a writer alone.
        write_to(path, patience=patience).close()
        return _reading(path, patience)


def is_ledger(path: Path) -> bool:
    """Whether a file is a database, by its first bytes."""
    if not path.is_file():
        return False
    with path.open("rb") as stream:
        return stream.read(len(_MAGIC)) == _MAGIC


def _reading(path: Path, patience: float) -> Ledger:
    ledger = Ledger(path, _connected(path, "ro", patience))
    try:
        ledger.database.execute("BEGIN")
        _refuse_older(ledger)
        _refuse_another(ledger, tables.STEPS)
    except BaseException:
        ledger.close()
        raise
    return ledger


def _connected(path: Path, mode: str, patience: float) -> sqlite3.Connection:
    if sqlite3.sqlite_version_info < _LEAST_SQLITE:  # pragma: no cover
        least = ".".join(map(str, _LEAST_SQLITE))
        found = f"SQLite {sqlite3.sqlite_version} in this Python"
        raise InputError(Problem("the ledger", found, f"{least} or newer", "Use a newer Python."))
    address = f"{path.absolute().as_uri()}?mode={mode}"
    database = sqlite3.connect(address, uri=True, timeout=patience, isolation_level=None)
    database.execute("PRAGMA foreign_keys = ON")
    database.execute("PRAGMA trusted_schema = OFF")
    return database


def _version(ledger: Ledger) -> int:
    """The version of a ledger; 0 of an empty file. Raises InputError where it is another's."""
    ask = ledger.database.execute
    application = ask("PRAGMA application_id").fetchone()[0]
    version = int(ask("PRAGMA user_version").fetchone()[0])
    empty = ask("SELECT count(*) FROM sqlite_master").fetchone()[0] == 0
    if application == tables.APPLICATION or (empty and not application and not version):
        return version
    raise _strange(ledger.path, "a database of another program", "Give another --file.")


def _bring_up(ledger: Ledger, steps: Sequence[Sequence[str]], create: bool) -> None:
    """Bring the file to the last of ``steps``, all of it or nothing."""
    version = _version(ledger)
    if version > len(steps):
        action = "Use the scfcap that wrote it, or a newer one."
        raise _strange(ledger.path, f"a ledger of version {version}", action)
    if version == 0 and not create:
        raise _strange(ledger.path, "an empty file", "Open the ledger with --open.")
    if version < len(steps):
        with ledger.transaction():
            for step in steps[version:]:
                for statement in step:
                    ledger.do(statement)
            ledger.do(f"PRAGMA application_id = {tables.APPLICATION}")
            ledger.do(f"PRAGMA user_version = {len(steps)}")
    _refuse_another(ledger, steps)


def _refuse_older(ledger: Ledger) -> None:
    version = _version(ledger)
    if version != len(tables.STEPS):
        action = "Roll the ledger, or settle a delivery: that brings an older file up."
        raise _strange(ledger.path, f"a ledger of version {version}", action)


def _refuse_another(ledger: Ledger, steps: Sequence[Sequence[str]]) -> None:
    """Raises InputError where the tables are not those of ``steps``."""
    ask = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY type, name"
    model = sqlite3.connect(":memory:", isolation_level=None)
    try:
        for step in steps:
            for statement in step:
                model.execute(statement)
        same = ledger.database.execute(ask).fetchall() == model.execute(ask).fetchall()
    finally:
        model.close()
    if not same:
        action = "Take the last copy of the file that nobody has changed."
        raise _strange(ledger.path, "tables that are not those of a ledger", action)


def _refuse_spoilt(ledger: Ledger) -> None:
    found = ledger.database.execute("PRAGMA quick_check(1)").fetchone()[0]
    if found != "ok":
        raise _spoilt(ledger.path, str(found))


@contextmanager
def said(path: Path) -> Iterator[None]:
    """Says in words what the database raises within.

    What the user can mend becomes an :class:`InputError`, a rule of the tables that is broken an
    :class:`InvariantError`.
    """
    try:
        yield
    except sqlite3.IntegrityError as error:
        msg = f"{path.name}: {error}"
        raise InvariantError(msg) from error
    except sqlite3.DatabaseError as error:
        problem = _explained(path, error)
        if problem is None:
            raise
        raise problem from error
    except UnicodeDecodeError as error:  # names of tables that SQLite's own message repeats
        raise _spoilt(path, str(error)) from error


@contextmanager
def stored(path: Path) -> Iterator[None]:
    """Says in words that cells within are not as a ledger stores them: a day that is none."""
    try:
        yield
    except (TypeError, ValueError, OverflowError) as error:
        raise _spoilt(path, str(error)) from error


def _code(error: sqlite3.Error) -> int:
    """The primary code of SQLite's error, 0 where it has none."""
    return int(getattr(error, "sqlite_errorcode", 0)) & 0xFF


def _explained(path: Path, error: sqlite3.DatabaseError) -> InputError | None:
    code = _code(error)
    if code in (_BUSY, _LOCKED):
        found = "another process at work on it"
        action = "Wait until the other command has ended, and repeat this one: nothing was changed."
        return InputError(Problem(str(path), found, "one writer at a time", action))
    if code == _NO_DATABASE:
        return _strange(path, "no database, or one that is encrypted", "Give another --file.")
    if code == _CORRUPT or any(words in str(error) for words in _CORRUPT_SAID):
        return _spoilt(path, "".join(c if c.isprintable() else " " for c in str(error)))
    if code in (_READ_ONLY, _CANNOT_OPEN, _IO, _FULL):
        action = "Free some space or change the permissions, and repeat: nothing was changed."
        return InputError(Problem(str(path), str(error), "a file that can be written", action))
    return None


def _absent(path: Path) -> InputError:
    action = "Open it with --open, from the tape of its first day, or give --file PATH."
    return InputError(Problem(str(path), "no ledger", "the file of one", action))


def _strange(path: Path, found: str, action: str) -> InputError:
    return InputError(Problem(str(path), found, f"a ledger of version {len(tables.STEPS)}", action))


def _spoilt(path: Path, said_of_it: str) -> InputError:
    return InputError(
        Problem(
            str(path),
            f"a file that is damaged ({said_of_it[:200]})",
            "a sound ledger",
            "Take the last good copy of it, and roll it forward with the tapes since.",
        )
    )


def _journal(path: Path) -> Path:
    return path.with_name(f"{path.name}-journal")


def sync_folder(folder: Path) -> None:
    """Put the names in a folder on disk, where the system can."""
    try:
        handle = os.open(folder, os.O_RDONLY)
    except OSError:  # pragma: no cover  (systems on which a folder cannot be opened)
        return
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
