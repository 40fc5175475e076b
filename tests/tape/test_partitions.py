"""Parquet data sets: what is found where, how it is parted, and what is read of it."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.errors import InputError
from scfcap.tape import limits
from scfcap.tape.partitions import DataSet, address_of, data_set, keys_of

TABLE = pa.table({"id": [f"l{n}" for n in range(10)], "amount": np.arange(10.0)})


def write(file, table=TABLE, group=4):
    file.parent.mkdir(parents=True, exist_ok=True)
    pq.write_table(table, file, row_group_size=group)
    return file


@given(
    groups=st.lists(st.lists(st.integers(0, 50), max_size=6).map(tuple), min_size=1, max_size=5),
    rows=st.integers(1, 120),
)
def test_chunks_take_every_row_once_and_in_order(groups, rows):
    files = tuple(f"{k}.parquet" for k in range(len(groups)))
    data = DataSet("", False, files, ("id",), tuple(groups), "")
    chunks = data.chunks(rows)
    assert [chunk.number for chunk in chunks] == list(range(len(chunks)))
    taken = [piece for chunk in chunks for piece in chunk.pieces]
    for file, sizes in zip(files, groups, strict=True):
        mine = [piece for piece in taken if piece.file == file]
        held = [k for piece in mine for k in piece.groups if sizes[k]]
        assert held == [k for k, size in enumerate(sizes) if size]
        for piece in mine:
            assert piece.rows == sum(sizes[k] for k in piece.groups) > 0
            assert piece.first == sum(sizes[: piece.groups[0]])
    assert sum(chunk.rows for chunk in chunks) == data.rows
    largest = max((size for sizes in groups for size in sizes), default=0)
    assert all(chunk.rows <= max(rows, largest) for chunk in chunks)
    small = [a.rows + b.rows <= rows for a, b in pairwise(chunks)]
    assert not any(small), "two chunks could have been one"


def test_a_chunk_holds_the_rows_it_says(tmp_path):
    write(tmp_path / "b.parquet")
    write(tmp_path / "a.parquet", TABLE.slice(0, 3))
    data = data_set(tmp_path)
    assert data.files == ("a.parquet", "b.parquet")
    assert data.groups == ((3,), (4, 4, 2))
    first, second = data.chunks(7)
    assert first.parts == (("a.parquet", 3), ("b.parquet", 4))
    assert second.parts == (("b.parquet", 6),)
    assert second.firsts == (4,)
    assert data.read(first, ["amount"])["amount"].to_pylist() == [0, 1, 2, 0, 1, 2, 3]
    assert data.read(second, ["amount", "id"]).column_names == ["amount", "id"]
    assert data.read(second, ["amount"])["amount"].to_pylist() == [4, 5, 6, 7, 8, 9]
    assert data.read_all(["id"]).num_rows == 13


def test_columns_of_folders_stand_in_every_row(tmp_path):
    write(tmp_path / "segment=to%20shops" / "year=2013" / "x.parquet", TABLE.slice(0, 2))
    write(tmp_path / "segment=__HIVE_DEFAULT_PARTITION__" / "year=2014" / "x.parquet")
    write(tmp_path / "_metadata" / "x.parquet")
    write(tmp_path / ".hidden" / "x.parquet")
    data = data_set(tmp_path)
    assert data.nested
    assert data.names == ("id", "amount", "segment", "year")
    table = data.read_all(["segment", "year"], ["segment"])
    assert table["segment"].to_pylist() == [None] * 10 + ["to shops"] * 2
    assert table["year"].to_pylist() == ["2014"] * 10 + ["2013"] * 2


def test_other_tables_are_no_data_set(tmp_path):
    (tmp_path / "loans.csv").write_text("id\n1\n")
    assert data_set(tmp_path) is None
    assert data_set(tmp_path / "loans.csv") is None
    write(tmp_path / "more.parquet")
    assert data_set(tmp_path) is None
    (tmp_path / "notes.md").write_text("no table")
    (tmp_path / "loans.csv").unlink()
    assert data_set(tmp_path).files == ("more.parquet",)


@pytest.mark.parametrize(
    ("place", "expected"),
    [
        ("s3://bucket/tape", "s3://bucket/tape"),
        (Path("s3://bucket/tape"), "s3://bucket/tape"),
        (Path("file:///data/tape"), "file:///data/tape"),
        (Path("abfs://box@account/tape"), "abfs://box@account/tape"),
        ("tape.parquet", None),
        (Path("/data/tape"), None),
        ("C:/data/tape", None),
        ([Path("a.parquet")], None),
    ],
)
def test_addresses_are_told_from_paths(place, expected):
    assert address_of(place) == expected


def test_keys_are_folders_that_state_a_value():
    assert keys_of("a=1/plain/b=x=y/part-0.parquet") == {"a": "1", "b": "x=y"}
    assert keys_of("=1/c=3.parquet") == {}


def test_the_digest_tells_data_sets_apart(tmp_path):
    write(tmp_path / "a.parquet")
    one = data_set(tmp_path).digest
    assert data_set(tmp_path).digest == one
    write(tmp_path / "a.parquet", TABLE.set_column(1, "amount", pa.array(np.arange(1.0, 11.0))))
    assert data_set(tmp_path).digest != one


class TestFaults:
    def test_every_file_with_other_columns_is_named(self, tmp_path):
        write(tmp_path / "a.parquet")
        write(tmp_path / "b.parquet", TABLE.drop_columns("amount"))
        write(tmp_path / "c.parquet", TABLE.append_column("rate", pa.array([0.1] * 10)))
        with pytest.raises(InputError) as error:
            data_set(tmp_path)
        assert [(p.where, p.found) for p in error.value.problems] == [
            ("b.parquet", "no column amount"),
            ("c.parquet", "further columns rate"),
        ]

    def test_a_file_that_is_no_parquet_is_named(self, tmp_path):
        write(tmp_path / "a.parquet")
        (tmp_path / "b.parquet").write_bytes(b"PAR1 but no more")
        with pytest.raises(InputError, match=r"b\.parquet: found .*; expected a Parquet file"):
            data_set(tmp_path)

    def test_nested_cells_are_refused_where_they_are_read(self, tmp_path):
        lists = TABLE.append_column("tags", pa.array([["x"]] * 10))
        data = data_set(write(tmp_path / "a.parquet", lists))
        (chunk,) = data.chunks()
        assert data.read(chunk, ["id"]).num_rows == 10
        with pytest.raises(InputError, match=r"a\.parquet, column tags: found nested cells"):
            data.read(chunk, ["tags"])

    def test_a_chunk_has_a_bound(self, tmp_path, monkeypatch):
        data = data_set(write(tmp_path / "a.parquet"))
        monkeypatch.setattr(limits, "MAX_BYTES", 50)
        with pytest.raises(InputError, match="Split the tape"):
            data.read(data.chunks()[0], ["amount"])

    def test_nothing_there(self, tmp_path):
        with pytest.raises(InputError, match="no such file"):
            data_set(tmp_path / "none")
        with pytest.raises(InputError, match="no Parquet file"):
            data_set("memory://nothing-here")

    def test_an_address_of_no_known_kind(self):
        with pytest.raises(InputError, match="an address of a kind that fsspec knows"):
            data_set("carrier-pigeon://loft/tape")
