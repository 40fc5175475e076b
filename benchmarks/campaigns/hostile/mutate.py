"""Spoilt bytes, texts, values, workbooks, Parquet files and databases, all from one seed."""

from __future__ import annotations

import io
import json
import math
import re
import sqlite3
import zipfile
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from random import Random
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

#: Texts that somebody might write where a number, a name or a key is expected.
ODD_TEXTS = (
    "", " ", "0", "-0", "-1", "1e400", "-1e400", "1e308", "5e-324", "nan", "inf", "-inf", "NaN",
    "1_000", "0x1F", "1e", "٣", "１２", "9" * 30, "9" * 400, "9" * 5_000, "true", "null", "None",
    "2020-02-30", "0000-00-00", "9999-12-31", "1e3", "1,5", "12%", "=1+1", "@SUM(A1)", "-2+3",
    "'", '"', "\\", "/", "..", "../../etc/passwd", "/dev/zero", "/proc/self/mem", "C:\\x", "CON",
    "nul.csv", "a" * 300, "a" * 70_000, "\0", "a\0b", "\x1b[31m", "\x07", "[red]", "\u202eabc",
    "\u200b", "e\u0301", "é", "ﬁ", "ａ", "贷款", "😀", "\ufeff", "\ufffe", "\ud800", "\n", "\r",
    "\r\n", "\t", "{t}", "{0.__class__}", "%s%n", "${HOME}", "<script>", "]]>", "--", "#", "a.b",
    "a b", "`a`", "__class__", "if", "all", "total", "name", "base", "none", "00123",
)  # fmt: skip
ODD_NUMBERS = (
    0, -0.0, 1, -1, 2, 3, 0.1, 1e-9, 1e-320, 1e9, 1e18, 1e300, -1e300, math.inf, -math.inf,
    math.nan, 2**31, 2**53 + 1, 2**63 - 1, 2**63, -(2**63) - 1, 10**30, 10**400, 16**5_000,
)  # fmt: skip
_TOKEN = re.compile(r"\w+|\s+|[^\w\s]")
_SPECIAL = (
    b"\0", b"\xff", b"\xfe", b"\xef\xbb\xbf", b"\x80", b"\r", b"\n", b'"', b"'", b",", b";", b"[",
    b"{", b"<", b">", b"&", b"\x1b", b"\xed\xa0\x80", b"\xff\xff\xff\x7f", b"\xff" * 8,
)  # fmt: skip


def data(dice: Random, content: bytes) -> bytes:
    """Bytes with a few changed, taken out, doubled, or put in from elsewhere."""
    raw = bytearray(content)
    for _ in range(dice.choice((1, 1, 2, 4, 16))):
        at = dice.randrange(len(raw) + 1)
        size = min(dice.choice((1, 1, 2, 4, 8, 64, 1024)), len(raw) - at)
        kind = dice.randrange(7)
        if kind == 0 and at < len(raw):
            raw[at] ^= 1 << dice.randrange(8)
        elif kind == 1:
            raw[at : at + size] = dice.randbytes(size)
        elif kind == 2:
            del raw[at : at + size]
        elif kind == 3:
            raw[at:at] = raw[at : at + size] * dice.choice((1, 2, 100))
        elif kind == 4:
            raw[at:at] = dice.choice(_SPECIAL)
        elif kind == 5:
            del raw[at:]
        else:
            start = dice.randrange(len(raw) + 1)
            raw[at : at + size] = raw[start : start + size]
    return bytes(raw)


def tokens(dice: Random, text: str) -> str:
    """Text with a few of its words and signs replaced, taken out, doubled, moved."""
    parts = _TOKEN.findall(text)
    for _ in range(dice.choice((1, 1, 2, 3, 8))):
        at = dice.randrange(len(parts) + 1)
        other = dice.randrange(len(parts) + 1)
        kind = dice.randrange(6)
        if kind == 0 and at < len(parts):
            parts[at] = dice.choice(ODD_TEXTS)
        elif kind == 1:
            parts[at:at] = [dice.choice(ODD_TEXTS)]
        elif kind == 2:
            del parts[at : at + dice.choice((1, 1, 3, 20))]
        elif kind == 3:
            parts[at:at] = parts[at : at + 8] * dice.choice((1, 2, 50))
        elif kind == 4 and max(at, other) < len(parts):
            parts[at], parts[other] = parts[other], parts[at]
        else:
            parts[at:at] = parts[other : other + 8]
    return "".join(parts)


def odd_value(dice: Random) -> Any:
    """A value of any kind that a file of texts and numbers can hold."""
    kind = dice.randrange(8)
    if kind < 3:
        return dice.choice(ODD_TEXTS)
    if kind < 5:
        return dice.choice(ODD_NUMBERS)
    made: Any = dice.choice(
        (True, False, None, [], {}, [[]], {"a": 1}, [{}], ["a", 1], {"": {}}, {"name": 1}, [1, 2.5])
    )
    if kind == 7:
        for _ in range(dice.choice((1, 5, 40, 200))):
            made = dice.choice(([made], {"a": made}))
    return made


def values(dice: Random, tree: Any) -> Any:
    """A copy of nested tables and lists, in which a few places hold something else."""
    made = _copied(tree)
    for _ in range(dice.choice((1, 1, 2, 4))):
        place = _somewhere(dice, made)
        if place is None:
            continue
        held, key = place
        kind = dice.randrange(6)
        if kind < 3:
            held[key] = odd_value(dice)
        elif kind == 3:
            del held[key]
        elif kind == 4 and isinstance(held, dict):
            held[dice.choice(ODD_TEXTS)] = held.pop(key) if dice.random() < 0.5 else held[key]
        elif isinstance(held, list):
            held.extend(_copied(held[:1]) * dice.choice((1, 3, 300)))
        else:
            held[key] = _copied(held)
    return made


def figures(dice: Random, tree: Any) -> Any:
    """A copy of nested tables and lists, in which a few figures and days are others that may do."""
    made = _copied(tree)
    for _ in range(dice.choice((1, 1, 2, 4))):
        held, key = _somewhere(dice, made) or ({}, "")
        old = held.get(key) if isinstance(held, dict) else held[key]
        if isinstance(old, date):
            held[key] = old + timedelta(days=dice.choice((-400, -31, -1, 0, 1, 28, 400, 4_000)))
        elif isinstance(old, float):
            held[key] = dice.choice((0.0, 1e-9, 0.5, 1.0, old / 2.0, old * 2.0, old * 1e6, 1e15))
        elif isinstance(old, int) and not isinstance(old, bool):
            held[key] = dice.choice((0, 1, 2, 3, 12, 60, old + 1, old * 2))
    return made


def _copied(tree: Any) -> Any:
    if isinstance(tree, dict):
        return {key: _copied(value) for key, value in tree.items()}
    return [_copied(value) for value in tree] if isinstance(tree, list) else tree


def _somewhere(dice: Random, tree: Any) -> tuple[Any, Any] | None:
    """A table or list below ``tree`` and a key in it."""
    found: list[tuple[Any, Any]] = []
    open_ = [tree]
    while open_:
        held = open_.pop()
        if isinstance(held, dict | list):
            keys = list(held) if isinstance(held, dict) else range(len(held))
            found += [(held, key) for key in keys]
            open_ += [held[key] for key in keys]
    return dice.choice(found) if found else None


def as_json(dice: Random, content: bytes) -> bytes:
    """A JSON file, spoilt in one of the three ways."""
    kind = dice.random()
    if kind < 0.6:
        made = values(dice, json.loads(content))
        try:
            return json.dumps(made).encode()
        except ValueError:  # a number of more digits than Python writes out
            return data(dice, content)
    if kind < 0.8:
        return tokens(dice, content.decode()).encode(errors="surrogatepass")
    return data(dice, content)


def as_toml(dice: Random, text: str, tree: Any) -> bytes:
    """A TOML file, spoilt in one of the three ways; ``tree`` is what ``text`` says."""
    kind = dice.random()
    if kind < 0.6:
        return toml(values(dice, tree)).encode(errors="surrogatepass")
    if kind < 0.9:
        return tokens(dice, text).encode(errors="surrogatepass")
    return data(dice, text.encode())


def toml(tree: Any) -> str:
    """Tables and lists as TOML: a line for each key of the top, all else within the line."""
    if not isinstance(tree, dict):
        return f"value = {_said(tree)}\n"
    return "".join(f"{_quoted(key)} = {_said(value)}\n" for key, value in tree.items())


def _said(value: Any) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(k)} = {_said(v)}" for k, v in value.items()) + "}"
    if isinstance(value, list | tuple):
        return "[" + ", ".join(map(_said, value)) + "]"
    if isinstance(value, str) or value is None:
        return _quoted(value or "")
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int) and abs(value) > 10**300:
        return hex(abs(value))
    return repr(value) if isinstance(value, int | float) else str(value)


def _quoted(text: Any) -> str:
    return json.dumps(str(text), ensure_ascii=False)


def archive(dice: Random, content: bytes, spoil: Callable[[Random, bytes], bytes]) -> bytes:
    """A ZIP archive with one part spoilt, left out, doubled or renamed, or its bytes changed."""
    if dice.random() < 0.2:
        return data(dice, content)
    with zipfile.ZipFile(io.BytesIO(content)) as old:
        parts = [(name, old.read(name)) for name in old.namelist()]
    at = dice.randrange(len(parts))
    kind = dice.randrange(8)
    if kind == 0:
        del parts[at]
    elif kind == 1:
        parts[at] = (dice.choice(ODD_TEXTS[:60]) or "x", parts[at][1])
    elif kind == 2:
        parts[at] = (parts[at][0], parts[dice.randrange(len(parts))][1])
    else:
        parts[at] = (parts[at][0], spoil(dice, parts[at][1]))
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", dice.choice((0, 8))) as new:
        for name, held in dict(parts).items():
            new.writestr(zipfile.ZipInfo(_storable(name)), held)
    return made.getvalue()


def _storable(name: str) -> str:
    return name.encode(errors="replace").decode()[:200] or "x"


def markup(dice: Random, content: bytes) -> bytes:
    """XML, spoilt by tokens or by bytes."""
    if dice.random() < 0.7:
        return tokens(dice, content.decode(errors="replace")).encode(errors="replace")
    return data(dice, content)


_KINDS: tuple[Any, ...] = (
    pa.int8(), pa.int64(), pa.uint64(), pa.float32(), pa.float64(), pa.float16(), pa.string(),
    pa.large_string(), pa.binary(), pa.bool_(), pa.date32(), pa.date64(), pa.timestamp("ns"),
    pa.timestamp("s", tz="Asia/Shanghai"), pa.time64("us"), pa.duration("s"), pa.null(),
    pa.decimal128(38, 10), pa.list_(pa.int64()), pa.struct([("a", pa.int64())]),
    pa.dictionary(pa.int32(), pa.string()), pa.map_(pa.string(), pa.int64()),
)  # fmt: skip


def table(dice: Random, sound: pa.Table) -> pa.Table:
    """A table with columns of other types and cells, other names, fewer or more rows."""
    made = sound
    for _ in range(dice.choice((1, 1, 2, 3))):
        kind = dice.randrange(8)
        if not made.num_columns:
            break
        at = dice.randrange(made.num_columns)
        name = made.column_names[at]
        if kind == 0:
            made = made.remove_column(at)
        elif kind == 1:
            names = [*made.column_names]
            odd = dice.choice((*ODD_TEXTS, *made.column_names))
            names[at] = odd.encode(errors="replace").decode()
            made = made.rename_columns(names)
        elif kind == 2:
            made = made.slice(0, dice.choice((0, 1, made.num_rows // 2)))
        elif kind == 3:
            made = pa.concat_tables([made, made])
        elif kind == 4:
            about = {**(made.schema.metadata or {})}
            key = dice.choice((*about, b"pandas", b"ARROW:schema", b"scfcap"))
            about[key] = data(dice, about.get(key, b"{}") or b"{}")
            made = made.replace_schema_metadata(about)
        else:
            made = made.set_column(at, name, _cells(dice, made.column(at)))
    return made


def _cells(dice: Random, column: Any) -> Any:
    """A column of the same length: another type, or odd cells among its own."""
    rows = len(column)
    kind = dice.choice(_KINDS)
    try:
        if dice.random() < 0.4:
            return column.cast(kind, safe=False)
        cells = column.to_pylist()
        for _ in range(min(rows, dice.choice((1, 2, 5)))):
            cells[dice.randrange(rows)] = _odd_cell(dice, column.type)
        return pa.array(cells, column.type)
    except (pa.ArrowException, TypeError, ValueError, OverflowError, NotImplementedError):
        return pa.nulls(rows, kind)


def _odd_cell(dice: Random, kind: Any) -> Any:
    if dice.random() < 0.2:
        return None
    if pa.types.is_floating(kind) or pa.types.is_integer(kind):
        return dice.choice(ODD_NUMBERS)
    if pa.types.is_date(kind) or pa.types.is_timestamp(kind):
        return dice.choice((-(2**62), 2**62, 0, -1, 2**31))
    return dice.choice(ODD_TEXTS).encode(errors="replace").decode()


def parquet(dice: Random, content: bytes) -> bytes:
    """A Parquet file, its table or its bytes spoilt."""
    if dice.random() < 0.4:
        return data(dice, content)
    made = io.BytesIO()
    try:
        pq.write_table(table(dice, pq.read_table(io.BytesIO(content))), made)
    except (pa.ArrowException, ValueError, TypeError, OverflowError):
        return data(dice, content)  # what Parquet does not hold
    return made.getvalue()


def database(dice: Random, path: Path) -> None:
    """A SQLite file, spoilt in place: its bytes, or cells and rows of its tables."""
    if dice.random() < 0.5:
        path.write_bytes(data(dice, path.read_bytes()))
        return
    connection = sqlite3.connect(path, isolation_level=None)
    try:
        connection.execute("PRAGMA ignore_check_constraints = ON")
        names = [row[0] for row in connection.execute("SELECT name FROM sqlite_master")]
        for _ in range(dice.choice((1, 1, 2, 4))):
            try:
                _spoil_rows(dice, connection, dice.choice(names))
            except (sqlite3.Error, OverflowError, UnicodeError):
                continue
    finally:
        connection.close()


def _spoil_rows(dice: Random, connection: sqlite3.Connection, name: str) -> None:
    columns = [row[1] for row in connection.execute(f"PRAGMA table_info('{name}')")]
    if not columns:
        return
    value = dice.choice((*ODD_TEXTS, *ODD_NUMBERS, b"\xff\xfe", None))
    column, kind = dice.choice(columns), dice.randrange(5)
    one = f"rowid = (SELECT rowid FROM {name} ORDER BY random() LIMIT 1)"
    if kind == 0:
        connection.execute(f"DELETE FROM {name} WHERE {one}")
    elif kind == 1 and isinstance(value, bytes):
        cast = f"UPDATE {name} SET {column} = CAST(x'fffe41' AS TEXT) WHERE {one}"
        connection.execute(cast)
    elif kind == 2:
        connection.execute(f"PRAGMA user_version = {dice.choice((0, 1, 2, 99, -1))}")
    else:
        connection.execute(f"UPDATE {name} SET {column} = ? WHERE {one}", (value,))
