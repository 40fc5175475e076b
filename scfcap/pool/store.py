"""A pool on disk: one Parquet file that carries the digests of its inputs and of itself."""

from __future__ import annotations

import base64
import hashlib
import io
import json
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from scfcap.errors import InputError, Problem
from scfcap.pool.borrowing_base import BorrowingBase
from scfcap.pool.digests import combined
from scfcap.pool.payers import Payers
from scfcap.pool.snapshot import Pool
from scfcap.pool.terms import ARRAYS, DatedTerms
from scfcap.schema.files import put_in_place
from scfcap.tape.parquets import refuse_bombs

#: Version of the layout.
VERSION = 1
_METADATA = b"scfcap_pool"
_ARRAYS = (
    "segment", "place", "loan_type", "balance", "original_balance", "rate", "origination_day",
    "maturity_day", "days_past_due",
)  # fmt: skip
_MAPS = ("eligibility", "counted")
_PAYERS = ("amount", "dilution")


def snapshot_bytes(pool: Pool) -> bytes:
    """``pool`` as a Parquet file; the same pool gives the same bytes."""
    columns: dict[str, Any] = {"loan_id": pa.array(pool.loan_id, pa.string())}
    columns |= {name: pa.array(getattr(pool, name)) for name in _ARRAYS}
    for kind in _MAPS:
        columns |= {f"{kind}:{k}": pa.array(v) for k, v in getattr(pool, kind).items()}
    for name, base in pool.borrowing_bases.items():
        trace = base.trace.drop(columns=["loan_id", "balance"])
        table = pa.Table.from_pandas(trace, preserve_index=False)
        columns |= {f"trace:{name}:{c}": table[c] for c in table.column_names}
    about: dict[str, Any] = {}
    if pool.terms is not None:
        terms = pool.terms
        columns |= {f"terms:{name}": pa.array(getattr(terms, name)) for name in ARRAYS}
        about["terms"] = {"calendars": terms.calendars, "indices": terms.indices}
    if pool.rule is not None:
        columns["rule"] = pa.array(pool.rule)
        about["rules"] = pool.rules
    if pool.limit_ratio is not None:
        columns["limit_ratio"] = pa.array(pool.limit_ratio)
    if pool.payers is not None:
        payers = pool.payers
        columns |= {f"payers:{name}": pa.array(getattr(payers, name)) for name in _PAYERS}
        days = payers.pay_day.T
        columns |= {f"payers:day:{n}": pa.array(part) for n, part in enumerate(days)}
        about["payers"] = {"parts": len(days), "fee": payers.fee, "recourse": payers.recourse}
    table = pa.table(columns)
    about |= {
        "version": VERSION,
        "as_of": pool.as_of.isoformat(),
        "segments": pool.segments,
        "places": pool.places,
        "digest": pool.digest,
        "inputs": dict(pool.inputs),
        "tables": {name: _packed(frame) for name, frame in pool.tables.items()},
    }
    about["content"] = _content(table, about)
    out = io.BytesIO()
    metadata = {_METADATA: json.dumps(about, sort_keys=True).encode()}
    pq.write_table(table.replace_schema_metadata(metadata), out, compression="zstd")
    return out.getvalue()


def write_snapshot(pool: Pool, path: str | Path) -> Path:
    """Write ``pool`` to ``path``: aside, then renamed.

    Raises :class:`InputError` where the place cannot be written.
    """
    return put_in_place(Path(path), snapshot_bytes(pool), "a folder that may be written")


def read_snapshot(path: str | Path, inputs: Mapping[str, str] | None = None) -> Pool:
    """Read a pool back.

    Raises :class:`InputError` where it is no snapshot, where its content is not what was
    written, or where one of ``inputs`` is not what it was made from.
    """
    path = Path(path)
    table, about = _parts(path)
    try:
        told = about["content"], about["digest"]
        if (_content(table, about), combined(about["inputs"])) != told:
            raise _refused(path, "loans or digests that were changed after it was written")
        pool = _pool(table, about)
    except (ArithmeticError, AttributeError, LookupError, OSError, TypeError, ValueError,
            pa.ArrowException) as error:  # fmt: skip
        first = (str(error).splitlines() or [""])[0][:200]
        raise _refused(path, f"not as it was written ({type(error).__name__} {first})") from error
    changed = [] if inputs is None else pool.changed(inputs)
    if changed:
        raise InputError(
            Problem(
                str(path),
                f"a pool made from other inputs: {', '.join(changed)}",
                "the inputs from which it was frozen",
                "Freeze the pool again: scfcap pool MODEL --out DIR.",
            )
        )
    return pool


def _parts(path: Path) -> tuple[pa.Table, dict[str, Any]]:
    try:
        refuse_bombs(path)
        table = pq.read_table(path, memory_map=False)
        about = json.loads((table.schema.metadata or {}).get(_METADATA, b"null"))
    except (OSError, ValueError, RecursionError, pa.ArrowException) as error:
        raise _refused(path, f"not readable ({error})") from error
    if not isinstance(about, dict) or about.get("version") != VERSION:
        raise _refused(path, "another kind of file")
    return table, about


def _pool(table: pa.Table, about: Mapping[str, Any]) -> Pool:
    def column(name: str) -> Any:
        return table[name].to_numpy(zero_copy_only=False)

    names = [str(name) for name in table.column_names]
    maps: dict[str, Any] = {
        kind: {
            name.partition(":")[2]: column(name) for name in names if name.startswith(f"{kind}:")
        }
        for kind in _MAPS
    }
    tables = {name: _unpacked(packed) for name, packed in about["tables"].items()}
    prefix = "borrowing_base_"
    bases = {
        name.removeprefix(prefix): BorrowingBase(frame, _trace(table, name.removeprefix(prefix)))
        for name, frame in tables.items()
        if name.startswith(prefix)
    }
    return Pool(
        as_of=date.fromisoformat(about["as_of"]),
        loan_id=column("loan_id").astype(object),
        segments=tuple(about["segments"]),
        places=tuple(about["places"]),
        tables=tables,
        digest=about["digest"],
        inputs=about["inputs"],
        borrowing_bases=bases,
        terms=_terms(table, about),
        payers=_payers(table, about),
        rules=tuple(about.get("rules", ())),
        rule=column("rule") if "rules" in about else None,
        limit_ratio=column("limit_ratio") if "limit_ratio" in names else None,
        **{name: column(name) for name in _ARRAYS},
        **maps,
    )


def _terms(table: pa.Table, about: Mapping[str, Any]) -> DatedTerms | None:
    if "terms" not in about:
        return None
    arrays: dict[str, Any] = {
        name: table[f"terms:{name}"].to_numpy(zero_copy_only=False) for name in ARRAYS
    }
    calendars = tuple((str(name), str(rule)) for name, rule in about["terms"]["calendars"])
    return DatedTerms(**arrays, calendars=calendars, indices=tuple(about["terms"]["indices"]))


def _payers(table: pa.Table, about: Mapping[str, Any]) -> Payers | None:
    if "payers" not in about:
        return None
    said = about["payers"]
    amount, dilution = (table[f"payers:{name}"].to_numpy(zero_copy_only=False) for name in _PAYERS)
    days = [table[f"payers:day:{n}"].to_numpy() for n in range(said["parts"])]
    return Payers(amount, dilution, np.stack(days, axis=1), said["fee"], said["recourse"])


def _trace(table: pa.Table, base: str) -> pd.DataFrame:
    prefix = f"trace:{base}:"
    chosen = [name for name in table.column_names if name.startswith(prefix)]
    part = table.select(["loan_id", "balance", *chosen])
    plain = part.rename_columns([name.removeprefix(prefix) for name in part.column_names])
    return cast("pd.DataFrame", plain.to_pandas())


def _packed(frame: pd.DataFrame) -> str:
    table = pa.Table.from_pandas(frame, preserve_index=False)
    out = io.BytesIO()
    with pa.ipc.new_stream(out, table.schema) as writer:
        writer.write_table(table)
    return base64.b64encode(out.getvalue()).decode()


def _unpacked(packed: str) -> pd.DataFrame:
    with pa.ipc.open_stream(base64.b64decode(packed)) as reader:
        return cast("pd.DataFrame", reader.read_pandas())


def _content(table: pa.Table, about: Mapping[str, Any]) -> str:
    """SHA-256 over what is said about a pool and the values of every column, however stored."""
    said = {name: value for name, value in about.items() if name != "content"}
    digest = hashlib.sha256(json.dumps(said, sort_keys=True).encode())
    for name in table.column_names:
        digest.update(str(name).encode())
        column = table[name]
        if pa.types.is_dictionary(column.type):
            column = column.cast(column.type.value_type)
        if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
            cells = column.cast(pa.string()).combine_chunks()
            digest.update(repr(cells.null_count).encode())
            lengths = pc.fill_null(pc.binary_length(cells), -1)
            digest.update(lengths.to_numpy(zero_copy_only=False).tobytes())
            digest.update("".join(text or "" for text in cells.to_pylist()).encode())
        else:
            values = np.ascontiguousarray(column.to_numpy())
            digest.update(f"{values.dtype}".encode())
            digest.update(values.tobytes())
    return digest.hexdigest()


def _refused(path: Path, found: str) -> InputError:
    return InputError(
        Problem(str(path), found, "a pool as scfcap wrote it", "Freeze the pool again.")
    )
