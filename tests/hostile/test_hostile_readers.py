"""Faults that spoilt files brought to light, each by the smallest file that shows it."""

from __future__ import annotations

import json
import sqlite3
import time
import zipfile
from contextlib import closing, suppress
from datetime import date
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from benchmarks.campaigns.hostile.tables import histories
from scfcap.errors import InputError
from scfcap.ledger.confirmations import confirm
from scfcap.ledger.deliveries import propose
from scfcap.ledger.outbox import deliver
from scfcap.ledger.store import read_from
from scfcap.pool.store import read_snapshot
from scfcap.report.edited import read_inputs
from scfcap.report.files import csv_bytes
from scfcap.report.store import read_run, save_run
from scfcap.report.tables import Table
from scfcap.schema.files import parse, with_actuals, with_matrices
from scfcap.schema.layers import parse_override
from scfcap.schema.privacy import read_key
from scfcap.schema.tape import TapeSpec
from scfcap.tape import parquets
from scfcap.tape.files import read_any
from scfcap.tape.partitions import data_set
from scfcap.tape.performance import read_performance
from scfcap.tape.read import read_tape
from tests.cli.conftest import COLUMNS, loans
from tests.ledger.books import BANK, DAY, opened, wanted

ROWS = 65_536


# --- TOML -----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a" + ".a" * 100_000 + " = 1", "a name of more than 32 parts"),
        ("[a" + ' . "a.b"' * 100_000 + "]", "a name of more than 32 parts"),
        ("a = 0x" + "f" * 5_000, "a whole number beyond 64 bits"),
        ("a = [" + "1, " * 99 + "9223372036854775808]", "a whole number beyond 64 bits"),
        ("a = " + "[" * 33 + "]" * 33, "tables nested deeper than 32"),
        ("a = " + "{a = " * 400 + "1" + "}" * 400, "tables nested deeper than 32"),
        ("a = " + "9" * 5_000, "valid TOML"),
    ],
    ids=["dotted key", "dotted table", "hexadecimal", "in a list", "lists", "tables", "digits"],
)
def test_toml_beyond_its_bounds(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "some.toml").write_text(text, encoding="utf-8")
    start = time.process_time()
    with pytest.raises(InputError, match=said):
        parse(tmp_path / "some.toml", "some.toml")
    assert time.process_time() - start < 1.0


def test_toml_within_its_bounds(tmp_path: Path) -> None:
    text = (
        "a = [" + "0.5, " * 9_000 + "1]\n"
        'b = "' + "a.b." * 500 + '"\n'
        "[" + ".".join("cdefghijklmnopqrstuvwxyz") + "]\nx = -9223372036854775808\n"
    )
    (tmp_path / "some.toml").write_text(text, encoding="utf-8")
    data = parse(tmp_path / "some.toml", "some.toml").data
    assert len(data["a"]) == 9_001
    assert len(data["b"]) == 2_000


def test_a_set_of_very_many_parts_and_a_number_of_very_many_digits() -> None:
    with pytest.raises(InputError, match="--set a"):
        parse_override("a" + ".a" * 5_000 + "=1")
    assert isinstance(parse_override("a=0x" + "f" * 5_000).value, str)


@pytest.mark.parametrize("cells", ["a\rb,1", "a" * 200_000])
def test_csv_beside_a_model_that_is_none(tmp_path: Path, cells: str) -> None:
    (tmp_path / "odd.csv").write_text(f"x,y\n{cells}\n", encoding="utf-8", newline="")
    for tree, read in (
        ({"credit": {"segments": {"a": {"roll_rates": "odd.csv"}}}}, with_matrices),
        ({"deals": {"d": {"actuals": "odd.csv"}}}, with_actuals),
    ):
        with pytest.raises(InputError, match=r"odd\.csv"):
            read(tree, [tmp_path], str)
    (tmp_path / "key.csv").write_text(f"kind,number,identity\n{cells},2\n", newline="")
    with pytest.raises(InputError, match=r"key\.csv"):
        read_key(tmp_path / "key.csv")


# --- tapes ----------------------------------------------------------------------------------


def _bomb(path: Path, megabytes: int) -> Path:
    """A Parquet file of a few hundred bytes whose one text stands in every row."""
    text = "x" * (megabytes * 2**20)
    cells = pa.DictionaryArray.from_arrays(pa.array([0] * ROWS, pa.int32()), [text])
    table = pa.table({"loan_id": cells, "rate": [0.1] * ROWS})
    pq.write_table(table, path, store_schema=False, compression="zstd")
    return path


@pytest.mark.parametrize(
    ("megabytes", "said"), [(1, r"Split the tape"), (5, r"a cell of 5,242,880 bytes")]
)
def test_a_text_of_megabytes_in_every_row(
    tmp_path: Path, megabytes: int, said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """64 GiB and more by a file of about a kilobyte."""
    monkeypatch.setattr("scfcap.tape.limits.MAX_BYTES", 2**28)
    path = _bomb(tmp_path / "tape.parquet", megabytes)
    assert path.stat().st_size < 4_096
    before = pa.total_allocated_bytes()
    pool = pa.default_memory_pool()
    with pytest.raises(InputError, match=said):
        read_any(path)
    found = data_set(path)
    assert found is not None
    with pytest.raises(InputError, match=said):
        found.read_all(["loan_id"])
    assert pa.total_allocated_bytes() - before < 2**20
    assert pool.max_memory() < 2**30


def test_rows_are_read_many_at_a_time_where_texts_are_short() -> None:
    assert parquets.rows_at_once(0, 0, "x") == parquets.rows_at_once(40, 9, "x") == parquets.BATCH
    assert parquets.rows_at_once(2**20, 1, "x") == 256


def test_stored_tables_that_stand_for_very_much(tmp_path: Path) -> None:
    path = _bomb(tmp_path / "pool.parquet", 1)
    with pytest.raises(InputError, match="Split the tape"):
        read_snapshot(path)


def _rows() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "loan_id": ["L1", "L2"], "segment": "a", "loan_type": "order",
            "origination_date": date(2013, 12, 1), "maturity_date": date(2014, 1, 1),
            "original_balance": 1.0, "current_balance": [1.0, -1.0], "rate": 0.1,
        }
    )  # fmt: skip


def test_what_a_file_says_of_pandas_is_not_read(tmp_path: Path) -> None:
    """Once a row was refused, its cells went to pandas with the file's own description."""
    table = pa.Table.from_pandas(_rows(), preserve_index=False)
    table = table.replace_schema_metadata({b"pandas": b'{"columns": ['})
    pq.write_table(table, tmp_path / "tape.parquet")
    spec = TapeSpec(source="file", path="tape.parquet")
    with pytest.raises(InputError, match=r"tape.parquet row 2, loan L2, current_balance"):
        read_tape(spec, as_of=date(2013, 12, 31), folder=tmp_path)


def test_a_column_of_another_type_is_that_of_a_file(tmp_path: Path) -> None:
    table = pa.Table.from_pandas(_rows(), preserve_index=False)
    at = table.column_names.index("rate")
    odd = pa.nulls(2, pa.duration("s")).fill_null(pa.scalar(1, pa.duration("s")))
    pq.write_table(table.set_column(at, "rate", odd), tmp_path / "tape.parquet")
    spec = TapeSpec(source="file", path="tape.parquet")
    with pytest.raises(InputError, match=r"tape\.parquet, column rate: found cells of type"):
        read_tape(spec, as_of=date(2013, 12, 31), folder=tmp_path)


@pytest.mark.parametrize(
    "line", [b"x" * 400_000, b"\xc3\xa9" * 200_000, b"\xe4\xb8\xad" * 130_000, b'","' * 100_000],
    ids=["ascii", "two bytes", "three bytes", "quotes"],
)  # fmt: skip
def test_a_long_line_in_a_file_that_is_no_utf8(tmp_path: Path, line: bytes) -> None:
    """Its encoding is told in a time that grows with its length, not with its square."""
    (tmp_path / "tape.csv").write_bytes(b"a\n\xff\n" + line + b"\n\xff\xfe\xff\n")
    start = time.process_time()
    with suppress(InputError):
        read_any(tmp_path / "tape.csv")
    assert time.process_time() - start < 3.0


# --- what the program has written -------------------------------------------------------------


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """A run folder of one table."""
    table = Table("t", "T", pd.DataFrame({"a": [1.0, 2.0]}), {"a": "CNY"}, "")
    save_run(tmp_path / "run", {"t": table}, {"overrides": []}, {"version": 1})
    return tmp_path / "run"


def _manifest(run: Path, **changes: object) -> None:
    path = run / "manifest.json"
    said = json.loads(path.read_text(encoding="utf-8"))
    path.write_text(json.dumps({**said, **changes}), encoding="utf-8")


@pytest.mark.parametrize("name", ["result.json", "tables/t.parquet"])
def test_a_result_that_was_changed_is_told(run: Path, name: str) -> None:
    assert read_run(run).tables["t"].frame["a"].tolist() == [1.0, 2.0]
    with (run / name).open("ab") as file:
        file.write(b" ")
    with pytest.raises(InputError, match=rf"{name}: found not readable \(changed since the run"):
        read_run(run)


def test_a_table_that_was_added_is_told(run: Path) -> None:
    (run / "tables" / "u.parquet").write_bytes((run / "tables" / "t.parquet").read_bytes())
    with pytest.raises(InputError, match=r"u.parquet: found not readable \(changed since the run"):
        read_run(run)


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"files": None}, "files is no dict"),
        ({"files": {"../../secret": {}}}, "which is elsewhere"),
        ({"files": {"/etc/passwd": {}}}, "which is elsewhere"),
        ({"overrides": "x"}, "overrides is no list"),
        ({"digests": []}, "digests is no dict"),
    ],
)
def test_a_manifest_of_other_kinds(run: Path, changes: dict[str, object], said: str) -> None:
    _manifest(run, **changes)
    with pytest.raises(InputError, match=said):
        read_run(run)


@pytest.mark.parametrize("name", ["manifest.json", "result.json"])
def test_json_nested_very_deeply(run: Path, name: str) -> None:
    (run / name).write_text('{"a":' + "[" * 100_000 + "]" * 100_000 + "}", encoding="utf-8")
    with pytest.raises(InputError, match=f"{name}: found not readable"):
        read_run(run)


def test_an_edited_workbook_of_broken_xml(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "edited.xlsx", "w") as archive:
        archive.writestr("xl/workbook.xml", "<a><b></a>")
    with pytest.raises(InputError, match=r"edited.xlsx: found not readable \(mismatched tag"):
        read_inputs(tmp_path / "edited.xlsx")


@pytest.fixture
def ledger(tmp_path: Path) -> Path:
    """A ledger with one delivery that was sent."""
    path = tmp_path / "ledger.sqlite"
    with closing(opened(path, {"A": {"balance": 10.0}, "B": {"balance": 20.0}})) as book:
        propose(book, wanted(A=BANK), DAY)
        deliver(book, DAY, csv_bytes)
    return path


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE holdings SET since = '1x'",
        "UPDATE deliveries SET sent = '2020-13-45'",
        "UPDATE loans SET loan = CAST(x'ff41' AS TEXT) WHERE loan = 'A'",
    ],
)
def test_cells_of_a_ledger_that_are_none(ledger: Path, statement: str) -> None:
    with closing(sqlite3.connect(ledger)) as database:
        database.execute("DROP TRIGGER IF EXISTS fixed_holdings")
        database.execute(statement)
        text = (
            "CREATE TRIGGER fixed_holdings\n"
            "BEFORE UPDATE OF loan, channel, since, bought, price, delivery ON holdings\n"
            "BEGIN SELECT RAISE(ABORT, 'a holding may end, and not change'); END"
        )
        database.execute(text)
        database.commit()
    from scfcap.report.ledger import standing

    with closing(read_from(ledger)) as book, pytest.raises(InputError, match="damaged"):
        standing(book, None)


def test_an_answer_to_half_a_delivery(ledger: Path, tmp_path: Path) -> None:
    from scfcap.ledger.outbox import open_ledger

    answer = tmp_path / "answer.csv"
    answer.write_text("loan_id,answer,delivery\nA,accepted,1.5\n", encoding="utf-8")
    with closing(open_ledger(ledger)) as book, pytest.raises(InputError, match="no number"):
        confirm(book, answer, DAY)


@pytest.mark.parametrize("kind", ["status", "wide", "payments"])
def test_a_history_of_a_head_alone(tmp_path: Path, kind: str) -> None:
    """What Parquet holds may have no row; of a status that was a fault of ours."""
    spec, lines = next(each for each in histories() if each[0].kind == kind)
    frame = pd.DataFrame(lines[1:], columns=lines[0]).head(0)
    frame.astype(str).to_parquet(tmp_path / "h.parquet", index=False)
    text = "".join(",".join(map(str, line)) + "\n" for line in [COLUMNS, *loans()])
    (tmp_path / "tape.csv").write_text(text, encoding="utf-8")
    day = date(2020, 12, 31)
    tape = read_tape(TapeSpec(source="file", path="tape.csv"), as_of=day, folder=tmp_path)
    given = spec.model_copy(update={"path": "h.parquet"})
    with pytest.raises(InputError, match=r"h\.parquet: found no rows"):
        read_performance(given, tape, folder=tmp_path, as_of=day)


@pytest.mark.parametrize("column", ["loan_id", "rate"])
def test_parquet_whose_column_does_not_fit_its_schema(tmp_path: Path, column: str) -> None:
    """Asked for the description of such a column, Arrow ended the process (SIGABRT)."""
    frame = pd.DataFrame(loans(), columns=list(COLUMNS))
    frame.to_parquet(tmp_path / "sound.parquet", index=False)
    sound = (tmp_path / "sound.parquet").read_bytes()
    # Thrift's compact protocol: field 3 of a schema's element, optional, then field 4, its name.
    optional = b"\x25\x02\x18" + bytes([len(column)]) + column.encode()
    assert sound.count(optional) == 1
    (tmp_path / "odd.parquet").write_bytes(
        sound.replace(optional, optional.replace(b"\x25\x02", b"\x25\x00"))
    )
    spec = TapeSpec(source="file", path="odd.parquet")
    with pytest.raises(InputError, match=r"odd\.parquet: found .*histogram"):
        read_tape(spec, as_of=date(2020, 12, 31), folder=tmp_path)
    with pytest.raises(InputError, match=r"odd\.parquet: found .*histogram"):
        read_snapshot(tmp_path / "odd.parquet")


def test_loans_twice_in_cells_of_16_bits(tmp_path: Path) -> None:
    frame = pd.DataFrame([*loans(), loans()[0]], columns=list(COLUMNS))
    table = pa.Table.from_pandas(frame, preserve_index=False)
    at = table.column_names.index("rate")
    table = table.set_column(at, "rate", table.column("rate").cast(pa.float16(), safe=False))
    pq.write_table(table, tmp_path / "half.parquet")
    spec = TapeSpec(source="file", path="half.parquet")
    with pytest.raises(
        InputError, match=r"half\.parquet row 41, loan_id: found .L000. \(equal row\)"
    ):
        read_tape(spec, as_of=date(2020, 12, 31), folder=tmp_path)


@pytest.mark.parametrize(
    ("at", "spoilt"),
    [(44, b"\x00\x00\x00\x09"), (b"CREATE TABLE ", b"CREATE TABLE \xff")],
    ids=["a format of later times", "a table's name that is no text"],
)
def test_a_ledger_that_sqlite_cannot_take(tmp_path: Path, at: int | bytes, spoilt: bytes) -> None:
    """Of these SQLite tells in other words, or in words that are none."""
    path = tmp_path / "ledger.sqlite"
    opened(path, {"L0": {"balance": 10.0}}).close()
    raw = bytearray(path.read_bytes())
    place = at if isinstance(at, int) else raw.index(at)
    raw[place : place + len(spoilt)] = spoilt
    path.write_bytes(raw)
    with pytest.raises(InputError, match=r"ledger\.sqlite"):
        read_from(path).close()
