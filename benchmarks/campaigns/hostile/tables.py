"""Readers of tables: tapes, histories, lists, answers, snapshots, in each kind of file."""

from __future__ import annotations

import io
from collections.abc import Callable
from contextlib import closing
from datetime import date
from pathlib import Path
from random import Random
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.campaigns.hostile import mutate, seeds
from benchmarks.campaigns.hostile.cases import Make, Reader
from benchmarks.campaigns.hostile.meter import Case
from scfcap.ledger.confirmations import confirm
from scfcap.pool.groups import read_memberships
from scfcap.schema.history import PerformanceSpec
from scfcap.schema.tape import TapeSpec
from scfcap.tape.map import propose
from scfcap.tape.partitions import data_set
from scfcap.tape.performance import read_performance
from scfcap.tape.read import read_tape

AS_OF = date(2020, 12, 31)
_ENCODINGS = ("utf-8", "utf-8-sig", "gb18030", "utf-16", "utf-16-le", "big5", "shift_jis", "cp1252")
_SIGNS = (",", ",", ",", ";", "\t", "|")

#: Spoils sound lines into the bytes of one kind of file.
Spoil = Callable[[Random], bytes]


def delimited(lines: list[list[Any]]) -> Spoil:
    """CSV: odd cells and rows, other signs and encodings, tokens, bytes."""

    def spoil(dice: Random) -> bytes:
        sign = dice.choice(_SIGNS)
        rows = [[str(cell) for cell in line] for line in lines]
        for _ in range(dice.choice((0, 1, 2, 5))):
            row = rows[0] if dice.random() < 0.2 else dice.choice(rows)
            kind = dice.randrange(6)
            at = dice.randrange(len(row)) if row else 0
            if kind < 3 and row:
                row[at] = dice.choice(mutate.ODD_TEXTS)
            elif kind == 3 and row:
                del row[at]
            elif kind == 4:
                rows.append(list(row))
            else:
                row.insert(at, f'"{dice.choice(mutate.ODD_TEXTS)}"')
        text = "".join(sign.join(row) + dice.choice(("\n", "\n", "\r\n", "\r")) for row in rows)
        if dice.random() < 0.3:
            text = mutate.tokens(dice, text)
        raw = text.encode(dice.choice(_ENCODINGS), errors="replace")
        return mutate.data(dice, raw) if dice.random() < 0.3 else raw

    return spoil


def as_parquet(lines: list[list[Any]]) -> Spoil:
    """Parquet: odd types and cells, odd metadata, bytes."""
    frame = pd.DataFrame(lines[1:], columns=lines[0])
    made = io.BytesIO()
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), made, row_group_size=16)
    return lambda dice: mutate.parquet(dice, made.getvalue())


def as_workbook(lines: list[list[Any]]) -> Spoil:
    """XLSX: parts of XML spoilt, left out, renamed; the archive's bytes."""
    import openpyxl

    book = openpyxl.Workbook()
    for line in lines:
        book.active.append(line)
    made = io.BytesIO()
    book.save(made)
    return lambda dice: mutate.archive(dice, made.getvalue(), mutate.markup)


WRITERS = ((".csv", delimited), (".parquet", as_parquet), (".xlsx", as_workbook))


def _tape(suffix: str, writes: Callable[[list[list[Any]]], Spoil]) -> Callable[[Path], Make]:
    """The small tape in one kind of file."""

    def start(folder: Path) -> Make:
        lines = seeds.rows()[:13]
        spoil = writes(lines)
        path = folder / f"odd{suffix}"
        spec = TapeSpec(source="file", path=path.name)

        def make(dice: Random) -> Case:
            path.write_bytes(spoil(dice))
            return Case(lambda: read_tape(spec, as_of=AS_OF, folder=folder), (path.name,))

        return make

    return start


def _partitioned(folder: Path) -> Make:
    spoil = as_parquet(seeds.rows()[:13])
    sound = io.BytesIO()
    frame = pd.DataFrame(seeds.rows()[1:13], columns=seeds.rows()[0])
    pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), sound)
    for part in ("a=1", "a=2"):
        (folder / part).mkdir()
        (folder / part / "sound.parquet").write_bytes(sound.getvalue())
    path = folder / "a=2" / "sound.parquet"

    def run() -> None:
        found = data_set(folder)
        assert found is not None
        found.read_all(found.names, ["segment"])

    def make(dice: Random) -> Case:
        path.write_bytes(spoil(dice))
        return Case(run, ("sound.parquet",))

    return make


def _mapping(folder: Path) -> Make:
    lines = seeds.rows()[:13]
    kinds = [(suffix, writes(lines)) for suffix, writes in WRITERS]

    def make(dice: Random) -> Case:
        suffix, spoil = dice.choice(kinds)
        path = folder / f"odd{suffix}"
        path.write_bytes(spoil(dice))

        def run() -> None:
            found = propose(path)
            found.to_toml()
            found.to_model("odd")

        return Case(run, (path.name,))

    return make


def histories() -> list[tuple[PerformanceSpec, list[list[Any]]]]:
    """A history of each form that ``[history]`` has, but for whole tapes, which are tapes."""
    months = [f"2020-{month:02}-28" for month in range(1, 7)]
    status: list[list[Any]] = [["loan", "day", "left", "late", "opened", "size", "kind"]]
    wide: list[list[Any]] = [["loan", "opened", "size", *(f"B{t}" for t in range(1, 7))]]
    payments: list[list[Any]] = [["loan", "when", "sum"]]
    for loan in range(4):
        about = ["2020-01-01", 700]
        for t, day in enumerate(months):
            status.append([f"L00{loan}", day, 600 - 100 * t, 0, *about, "a"])
            payments.append([f"L00{loan}", day, 100])
        wide.append([f"L00{loan}", *about, *(600 - 100 * t for t in range(6))])
    described = {"origination_date": "opened", "original_balance": "size"}
    forms: list[tuple[dict[str, Any], list[list[Any]]]] = [
        (
            {
                "kind": "status",
                "columns": {
                    "loan_id": "loan", "date": "day", "balance": "left", "days_past_due": "late",
                    "segment": "kind", **described,
                },
            },
            status,
        ),
        (
            {
                "kind": "wide", "first": date(2020, 1, 31), "count": 6,
                "columns": {"loan_id": "loan", "balance": "B{t}", **described},
            },
            wide,
        ),
        (
            {
                "kind": "payments",
                "columns": {"loan_id": "loan", "date": "when", "amount": "sum"},
            },
            payments,
        ),
    ]  # fmt: skip
    return [(PerformanceSpec.model_validate({"path": "h", **said}), rows) for said, rows in forms]


def _history(folder: Path) -> Make:
    found = histories()
    (folder / "tape.csv").write_text(seeds.csv_text(seeds.rows()), encoding="utf-8")
    spec = TapeSpec(source="file", path="tape.csv")
    tape = read_tape(spec, as_of=AS_OF, folder=folder)

    def make(dice: Random) -> Case:
        spec, lines = dice.choice(found)
        suffix, writes = dice.choice(WRITERS)
        path = folder / f"odd{suffix}"
        path.write_bytes(writes(lines)(dice))
        given = spec.model_copy(update={"path": path.name})
        return Case(lambda: read_performance(given, tape, folder=folder, as_of=AS_OF), (path.name,))

    return make


def _answers(folder: Path) -> Make:
    books = seeds.helper("ledger.books")
    day = books.DAY
    loans = {f"L{k}": {"balance": 10.0 + k} for k in range(6)}
    path = folder / "ledger.sqlite"
    with closing(books.opened(path, loans)) as ledger:
        from scfcap.ledger.deliveries import propose as proposed
        from scfcap.ledger.outbox import deliver
        from scfcap.report.files import csv_bytes

        asked = books.wanted(L0=books.BANK, L1=books.BANK, L2=books.SERIES)
        proposed(ledger, asked, day)
        deliver(ledger, day, csv_bytes)
    sound = path.read_bytes()
    lines = [["loan_id", "answer", "reason", "delivery"], ["L0", "accepted", "", 1],
             ["L1", "refused", "late", 1], ["L2", "accepted", "", 2]]  # fmt: skip
    kinds = [(suffix, writes(lines)) for suffix, writes in WRITERS]

    def make(dice: Random) -> Case:
        from scfcap.ledger.outbox import open_ledger

        suffix, spoil = dice.choice(kinds)
        said = folder / f"odd{suffix}"
        said.write_bytes(spoil(dice))
        path.write_bytes(sound)

        def run() -> None:
            with open_ledger(path) as ledger:
                confirm(ledger, said, day)

        return Case(run, (said.name,))

    return make


def _groups(folder: Path) -> Make:
    lines = [["member", "group"], ["B1", "g"], ["B2", "g"], ["B3", "h"]]
    kinds = [(suffix, writes(lines)) for suffix, writes in WRITERS]

    def make(dice: Random) -> Case:
        suffix, spoil = dice.choice(kinds)
        path = folder / f"odd{suffix}"
        path.write_bytes(spoil(dice))
        return Case(lambda: read_memberships(path), (path.name,))

    return make


READERS = (
    Reader("tapes in CSV", 1_500, _tape(".csv", delimited)),
    Reader("tapes in Parquet", 1_500, _tape(".parquet", as_parquet)),
    Reader("tapes in XLSX", 1_500, _tape(".xlsx", as_workbook)),
    Reader("partitioned tapes", 1_500, _partitioned),
    Reader("`map`", 1_000, _mapping),
    Reader("performance histories", 1_000, _history),
    Reader("groups of borrowers", 2_500, _groups),
    Reader("funders' answers", 1_000, _answers),
)
