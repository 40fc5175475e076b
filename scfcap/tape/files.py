"""From files to tables of cells: delimited text, Parquet and workbooks, one file or several.

The one place where tapes and histories are parsed, with :mod:`~scfcap.tape.delimited` for text and
:mod:`~scfcap.tape.sheets` for workbooks. Files are untrusted: they stay inside their folder, their
size is bounded, and nothing in them is executed.
"""

from __future__ import annotations

import glob
import hashlib
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Protocol, Self

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet

from scfcap.errors import InputError, Problem
from scfcap.schema.tape import FileOptions
from scfcap.tape import limits, parquets
from scfcap.tape.delimited import Delimited
from scfcap.tape.sheets import Sheet

_TEXT: Final = (".csv", ".tsv", ".psv", ".txt")
_BOOKS: Final = (".xlsx", ".xlsm")
#: Kinds of files that are read, by the end of their name.
TABLE_SUFFIXES: Final = (*_TEXT, *(f"{end}.gz" for end in _TEXT), ".parquet", *_BOOKS)


@dataclass(frozen=True)
class SourceFile:
    """One file as read: ``name``, number of ``rows``, SHA-256 of its bytes, and how it is
    written.
    """

    name: str
    rows: int
    digest: str
    encoding: str | None = None
    delimiter: str | None = None
    sheet: str | None = None


@dataclass(frozen=True)
class SourceInfo:
    """Where the rows of a table come from; ``percent``: columns that a workbook shows in percent,
    and whose cells are decimals therefore.
    """

    files: tuple[SourceFile, ...]
    header_row: int
    percent: tuple[str, ...] = ()

    @property
    def name(self) -> str:
        """The file, or the first and how many more there are."""
        more = len(self.files) - 1
        first = self.files[0].name
        return f"{first} and {more} more file{'s' if more > 1 else ''}" if more else first

    @property
    def digest(self) -> str:
        """SHA-256 of the file; of the names and digests of all where there are several."""
        if len(self.files) == 1:
            return self.files[0].digest
        lines = (f"{file.digest}  {file.name}\n" for file in self.files)
        return hashlib.sha256("".join(lines).encode()).hexdigest()

    @property
    def encoding(self) -> str | None:
        """Encoding of the first file, None where it is no text."""
        return self.files[0].encoding

    @property
    def delimiter(self) -> str | None:
        """Sign between the cells of the first file, None where it is no text."""
        return self.files[0].delimiter

    @property
    def sheet(self) -> str | None:
        """Sheet of the first file, None where it is no workbook."""
        return self.files[0].sheet

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """Name and number of rows of each file, in the order of the rows."""
        return tuple((file.name, file.rows) for file in self.files)


class _Table(Protocol):
    """A file whose names are known and whose cells can be asked for."""

    file: Path
    names: list[str]

    def read(self, columns: Sequence[str], coded: Sequence[str] = ()) -> pa.Table: ...


class Files:
    """Files that make one table: the same columns, in any order. A context manager.

    Raises :class:`InputError` where a file is unreadable, a name stands twice, or the columns
    of a file are not those of the first.
    """

    def __init__(self, paths: Sequence[Path], options: FileOptions) -> None:
        self._options = options
        self._tables: list[_Table] = []
        with ExitStack() as stack:
            for path in paths:
                self._tables.append(_opened(_known(path), options, stack))
            self.names = _names(self._tables)
            self._stack = stack.pop_all()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    @property
    def source(self) -> str:
        """The file's name; where there are several the first, and how many more."""
        files = tuple(SourceFile(table.file.name, 0, "") for table in self._tables)
        return SourceInfo(files, 1).name

    def read(self, columns: Sequence[str], coded: Sequence[str] = ()) -> tuple[Any, SourceInfo]:
        """``columns`` of all files, one below the other; texts of ``coded`` columns come
        dictionary encoded where the file allows it.
        """
        parts: list[Any] = []
        files: list[SourceFile] = []
        percent: set[str] = set()
        rows = size = 0
        for table in self._tables:
            part = table.read(columns, coded)
            rows, size = rows + part.num_rows, size + part.nbytes
            limits.check(table.file.name, rows, size)
            parts.append(part)
            percent |= set(getattr(table, "percent", ()))
            how = {key: getattr(table, key, None) for key in ("encoding", "delimiter", "sheet")}
            files.append(
                SourceFile(table.file.name, part.num_rows, digest_of_file(table.file), **how)
            )
        info = SourceInfo(tuple(files), self._options.header_row, tuple(sorted(percent)))
        return one_below_the_other(parts, getattr(self._options, "decimal", ".")), info


def read_any(
    path: Path | Sequence[Path], *, options: FileOptions | None = None
) -> tuple[Any, SourceInfo]:
    """All columns of a file, of the tables in a folder, or of several files, as one table.

    Cells of delimited text are texts, others have the types of their file. Raises
    :class:`InputError`.
    """
    with Files(located(path), options or FileOptions()) as files:
        return files.read(files.names)


def located(path: Path | Sequence[Path]) -> list[Path]:
    """The files of a path: itself, or the tables in it where it is a folder."""
    if not isinstance(path, Path):
        return list(path)
    if path.is_dir():
        return in_folder(path)
    if not path.is_file():
        raise InputError(Problem(str(path), "no such file", "a tape", "Correct the path."))
    return [path]


def in_folder(folder: Path) -> list[Path]:
    """All tables of a folder, by name."""
    found = sorted(
        path
        for path in folder.iterdir()
        if path.name.lower().endswith(TABLE_SUFFIXES)
        and not path.name.startswith((".", "~"))
        and path.is_file()
    )
    if not found:
        raise InputError(
            Problem(
                str(folder),
                "no tape",
                f"files that end in {', '.join(TABLE_SUFFIXES)}",
                "Give the file itself.",
            )
        )
    return found


def inside(folder: Path, name: str) -> list[Path]:
    """The files in ``folder`` that ``name`` stands for: a file, a folder, or a pattern with * or ?.

    Raises :class:`InputError` where there is none, or one lies outside of ``folder``.
    """
    target = folder / name
    if glob.has_magic(name) and not target.exists():
        if ".." in Path(name).parts or Path(name).is_absolute():
            raise _outside(name)
        found = sorted(path for path in folder.glob(name) if path.is_file())
    elif target.is_dir() and target.resolve().is_relative_to(folder.resolve()):
        found = in_folder(target)
    else:
        found = [target]
    held_inside(folder, found, name)
    if not found or not found[0].is_file():
        raise InputError(
            Problem(str(target), "no such file", "a tape", "Correct the name, or give --tape FILE.")
        )
    return found


def held_inside(folder: Path, files: Sequence[Path], name: str) -> None:
    """Raises :class:`InputError` where one of ``files``, links followed, lies elsewhere."""
    if not all(path.resolve().is_relative_to(folder.resolve()) for path in files):
        raise _outside(name)


def _outside(name: str) -> InputError:
    return InputError(
        Problem(
            name,
            "a path that leaves its folder",
            "a file inside it",
            "Move the file there, or give it on the command line with --tape.",
        )
    )


def digest_of_file(file: Path) -> str:
    """SHA-256 of a file's bytes."""
    with file.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _known(file: Path) -> Path:
    if not file.name.lower().endswith(TABLE_SUFFIXES):
        raise InputError(
            Problem(
                file.name,
                f"a file of kind {file.suffix or '(none)'}",
                "one of " + ", ".join(TABLE_SUFFIXES),
                "Export the tape as CSV, Parquet or XLSX.",
            )
        )
    return file


def _opened(file: Path, options: FileOptions, stack: ExitStack) -> _Table:
    name = file.name.lower()
    if name.endswith(".parquet"):
        return Parquet(file)
    if name.endswith(_BOOKS):
        sheet = Sheet(file, options)
        stack.callback(sheet.close)
        return sheet
    return Delimited(file, options)


def _names(tables: Sequence[_Table]) -> list[str]:
    """The column names of all, in the order of the first."""
    problems: list[Problem] = []
    first = tables[0]
    for table in tables:
        name, names = table.file.name, table.names
        twice = sorted({column for column in names if column and names.count(column) > 1})
        if twice:
            found = f"column {', '.join(twice)} more than once"
            problems.append(Problem(name, found, "distinct names"))
        lacking = [column for column in first.names if column not in names]
        further = [column for column in names if column not in first.names]
        if lacking or further:
            said = [f"no column {', '.join(lacking[:20])}"] if lacking else []
            said += [f"further columns {', '.join(further[:20])}"] if further else []
            action = (
                "Give the file that is the tape; files that make one tape together: a folder with"
                " nothing else, or in a model a pattern in tape.path."
            )
            expected = f"the columns of {first.file.name}"
            problems.append(Problem(name, " and ".join(said), expected, action))
    if problems:
        raise InputError(problems)
    return [name for name in first.names if name]


def one_below_the_other(parts: Sequence[Any], point: str) -> Any:
    """Tables of the same columns as one; cells whose types differ come as texts."""
    if len(parts) == 1:
        return parts[0]
    alike = list(parts)
    for name in parts[0].column_names:
        kinds = {str(part.schema.field(name).type) for part in parts} - {"null"}
        if len(kinds) > 1 and not kinds <= {"int64", "double"}:
            place = parts[0].column_names.index(name)
            for k, part in enumerate(alike):
                texts = _texts(part.column(name), point)
                alike[k] = part.set_column(place, name, texts)
    return pa.concat_tables(alike, promote_options="permissive")


def _texts(cells: Any, point: str) -> Any:
    kind = cells.type
    if pa.types.is_timestamp(kind) or pa.types.is_date(kind):
        return pc.strftime(cells.cast(pa.timestamp("s"), safe=False), format="%Y-%m-%d")
    texts = cells.cast(pa.string())
    if point != "." and (pa.types.is_floating(kind) or pa.types.is_decimal(kind)):
        return pc.replace_substring(texts, ".", point)
    return texts


class Parquet:
    """A Parquet file."""

    def __init__(self, file: Path) -> None:
        self.file = file
        with _arrow(file), pa.parquet.ParquetFile(file) as parquet:
            self._schema, self._meta = parquet.schema_arrow, parquet.metadata
            self.names: list[str] = list(self._schema.names)

    def read(self, columns: Sequence[str], coded: Sequence[str] = ()) -> pa.Table:
        """``columns`` in their types; those of ``coded`` dictionary encoded if they are texts."""
        meta = self._meta
        groups = range(meta.num_row_groups)
        size = sum(meta.row_group(k).total_byte_size for k in groups)
        limits.check(self.file.name, meta.num_rows, size)
        self._refuse_nested(columns)
        rows = self._rows_at_once(columns, groups)
        batches: list[Any] = []
        held = 0
        with (
            _arrow(self.file),
            pa.parquet.ParquetFile(self.file, read_dictionary=list(coded)) as parquet,
        ):
            # In batches, as a few bytes of a Parquet file can stand for very many.
            for batch in parquet.iter_batches(batch_size=rows, columns=list(columns)):
                batches.append(batch)
                held += batch.nbytes
                limits.check(self.file.name, meta.num_rows, held)
            schema = batches[0].schema if batches else parquet.schema_arrow
        # What a writer says of pandas beside the schema is nobody's business here.
        table = pa.Table.from_batches(batches, schema=schema).select(list(columns))
        return table.replace_schema_metadata(None) if columns else table

    def _rows_at_once(self, columns: Sequence[str], groups: Sequence[int]) -> int:
        with _arrow(self.file), pa.parquet.ParquetFile(self.file) as parquet:
            texts = parquets.dictionaries(parquet, columns, groups)
        with _arrow(self.file), pa.parquet.ParquetFile(self.file, read_dictionary=texts) as parquet:
            longest = parquets.longest_text(parquet, texts, groups)
        return parquets.rows_at_once(longest, len(texts), self.file.name)

    def _refuse_nested(self, columns: Sequence[str]) -> None:
        kinds = {name: self._schema.field(name).type for name in columns}
        nested = [
            Problem(f"{self.file.name}, column {name}", f"nested cells ({kind})", "plain cells")
            for name, kind in kinds.items()
            if pa.types.is_nested(kind)
        ]
        if nested:
            raise InputError(nested)


class _arrow:  # noqa: N801  (reads as a statement)
    """Turns what Arrow says of an unreadable file into an :class:`InputError`."""

    def __init__(self, file: Path) -> None:
        self.file = file

    def __enter__(self) -> None:
        pass

    def __exit__(self, _: object, error: BaseException | None, __: object) -> None:
        if isinstance(error, pa.ArrowException | OSError | UnicodeDecodeError):
            said = (str(error).splitlines() or [type(error).__name__])[0][:200]
            raise InputError(
                Problem(self.file.name, said, "a Parquet file", "Export the tape anew.")
            ) from None
