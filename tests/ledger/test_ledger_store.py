"""The file of a ledger: one writer, versions, and what is no ledger."""

from __future__ import annotations

import shutil
import sqlite3
import subprocess
import sys
from datetime import date
from pathlib import Path

import pytest

from scfcap.errors import InputError
from scfcap.ledger import frames, tables
from scfcap.ledger.deliveries import propose
from scfcap.ledger.frames import holders
from scfcap.ledger.outbox import open_ledger
from scfcap.ledger.store import read_from, write_to
from scfcap.ledger.tapes import roll

from .books import BANK, DAY, OWN, content, opened, tape_of, wanted

LOANS = {"A": {"balance": 10.0}, "B": {"balance": 20.0, "channel": BANK}}
ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path):
    opened(tmp_path / "ledger.sqlite", LOANS).close()
    return tmp_path / "ledger.sqlite"


def test_of_two_writers_one_wins_and_the_other_is_told(path):
    """Another process holds the file; when it is killed, nothing is left in the way."""
    code = (
        "import sys, time; from pathlib import Path; from scfcap.ledger.outbox import open_ledger\n"
        f"with open_ledger(Path({str(path)!r})): print('open', flush=True); time.sleep(60)"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, cwd=ROOT
    ) as other:
        assert other.stdout.readline() == "open\n"
        for way in (write_to, read_from):
            with pytest.raises(InputError, match="another process at work on it") as said:
                way(path, patience=0.05)
            assert "repeat this one: nothing was changed" in str(said.value)
        other.kill()
    with open_ledger(path, patience=0.05) as ledger:
        assert len(frames.holdings(ledger)) == 2


def test_readers_do_not_exclude_each_other_and_see_one_state(path):
    with read_from(path) as one, read_from(path) as two:
        assert content(one) == content(two)
        with pytest.raises(sqlite3.OperationalError, match="readonly"):
            one.do("DELETE FROM loans")


def test_holders_are_read_without_writing(path):
    before = path.read_bytes()
    found = holders(path)
    assert list(found[["loan_id", "channel"]].itertuples(index=False, name=None)) == [
        ("A", OWN), ("B", BANK),
    ]  # fmt: skip
    assert path.read_bytes() == before
    assert [each.name for each in path.parent.iterdir()] == ["ledger.sqlite"]
    assert len(holders(path, date(2019, 12, 31))) == 0


def test_without_a_ledger_the_way_to_one_is_said(tmp_path):
    for way in (read_from, open_ledger):
        with pytest.raises(InputError, match="Open it with --open"):
            way(tmp_path / "none.sqlite")
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("way", [read_from, open_ledger, lambda p: open_ledger(p, create=True)])
def test_files_that_are_no_ledger_are_refused_and_left_alone(tmp_path, way):
    text, other = tmp_path / "notes.txt", tmp_path / "other.sqlite"
    text.write_bytes(b"not a database, and long enough to look at" * 100)
    database = sqlite3.connect(other)
    database.execute("CREATE TABLE mine (a)")
    database.close()
    for file, said in ((text, "no database"), (other, "a database of another program")):
        before = file.read_bytes()
        with pytest.raises(InputError, match=said):
            way(file)
        assert file.read_bytes() == before


def test_a_damaged_ledger_is_refused(path):
    """A page in the midst of the file is overwritten, as a failing disk might."""
    raw = bytearray(path.read_bytes())
    for page in range(1, len(raw) // 4096):
        raw[page * 4096 : page * 4096 + 64] = b"\xff" * 64
    path.write_bytes(bytes(raw))
    with pytest.raises(InputError, match="damaged"):
        open_ledger(path)


def test_tables_that_somebody_has_changed_are_refused(path):
    database = sqlite3.connect(path)
    database.execute("DROP INDEX one_holder")
    database.close()
    for way in (read_from, open_ledger):
        with pytest.raises(InputError, match="tables that are not those of a ledger"):
            way(path)


def test_an_older_ledger_is_brought_up_and_a_newer_one_refused(path, monkeypatch):
    further = (
        *tables.STEPS,
        ("ALTER TABLE loans ADD COLUMN note TEXT", "CREATE INDEX n ON tapes (source)"),
    )
    with write_to(path) as ledger:
        loans = ledger.rows("SELECT * FROM loans")
    with monkeypatch.context() as later:
        later.setattr(tables, "STEPS", further)
        with pytest.raises(InputError, match=f"a ledger of version {len(tables.STEPS) - 1}"):
            read_from(path)
        with write_to(path, steps=further) as ledger:
            assert ledger.rows("SELECT * FROM loans") == [(*row, None) for row in loans]
            assert ledger.one("PRAGMA user_version") == len(further)
        with read_from(path) as ledger:
            assert len(frames.holdings(ledger)) == 2
    for way in (read_from, open_ledger):
        with pytest.raises(InputError, match=f"a ledger of version {len(further)}"):
            way(path)


def test_a_step_that_fails_changes_nothing(path, tmp_path):
    copy = shutil.copy(path, tmp_path / "copy.sqlite")
    broken = (*tables.STEPS, ("CREATE TABLE extra (a)", "CREATE TABLE loans (a)"))
    with pytest.raises(sqlite3.OperationalError):
        write_to(path, steps=broken)
    with write_to(path) as one, write_to(Path(copy)) as two:
        assert content(one) == content(two)


def test_what_a_transaction_had_begun_is_taken_back_by_whoever_only_reads(path):
    """A process dies in a transaction that has reached the file; the journal is left."""
    code = (
        "import os, signal, sys; from pathlib import Path\n"
        "from scfcap.ledger.store import write_to\n"
        f"ledger = write_to(Path({str(path)!r}))\n"
        "ledger.do('PRAGMA cache_size = 1'); ledger.do('BEGIN IMMEDIATE')\n"
        "ledger.many('INSERT INTO loans (loan, opened, first, balance, status) VALUES'\n"
        "    ' (?, ?, 1, 1, ?)', ((f'X{k}', '2020-01-01', 'y' * 500) for k in range(2000)))\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", code], cwd=ROOT, check=False)
    assert path.with_name("ledger.sqlite-journal").stat().st_size > 0
    assert path.stat().st_size > 500_000
    with read_from(path) as ledger:
        assert list(frames.holdings(ledger)["loan_id"]) == ["A", "B"]
        assert ledger.one("SELECT count(*) FROM loans") == 2


def test_nothing_can_be_asked_of_a_ledger_without_a_tape(tmp_path):
    open_ledger(tmp_path / "ledger.sqlite", create=True).close()
    with pytest.raises(InputError, match="nothing in it"):
        holders(tmp_path / "ledger.sqlite", None)
    with open_ledger(tmp_path / "ledger.sqlite") as ledger:
        with pytest.raises(InputError, match="Open it with --open"):
            roll(ledger, tape_of(DAY, LOANS))
        with pytest.raises(InputError, match="loan A: found not in the ledger"):
            propose(ledger, wanted(A=BANK), DAY)
