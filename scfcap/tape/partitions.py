"""A tape as a partitioned Parquet data set: found, parted into chunks, and read chunk by chunk.

A data set is one Parquet file, or a folder of them at any depth; a folder named ``key=value`` adds
a column ``key`` that holds ``value`` in each row, as Spark, Dask and pandas write it. It lies in a
local folder or at an address that fsspec knows (``s3://bucket/tape``). A chunk is a run of row
groups, so the largest row group bounds what is held at a time.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final
from urllib.parse import unquote

import pyarrow as pa
import pyarrow.parquet

from scfcap.errors import InputError, Problem
from scfcap.tape import limits, parquets
from scfcap.tape.files import TABLE_SUFFIXES, one_below_the_other

#: Rows of a chunk where nothing is stated.
CHUNK_ROWS: Final = 250_000
#: Key columns of a partition without a value, as Hive writes it.
_NOTHING: Final = "__HIVE_DEFAULT_PARTITION__"
#: A path that was an address before it was made a path: one slash has gone.
_ADDRESS: Final = re.compile(r"(file):/{1,3}(?=[^/])|([A-Za-z][A-Za-z0-9+.-]+):/{1,2}(?=[^/])")


@dataclass(frozen=True)
class Piece:
    """Row groups of one file; ``first`` is the row of the file, from 0, with which they begin."""

    file: str
    first: int
    rows: int
    groups: tuple[int, ...]


@dataclass(frozen=True)
class Chunk:
    """Rows that are read together."""

    number: int
    pieces: tuple[Piece, ...]

    @property
    def rows(self) -> int:
        """Number of rows in the files."""
        return sum(piece.rows for piece in self.pieces)

    @property
    def parts(self) -> tuple[tuple[str, int], ...]:
        """File and number of rows of each piece."""
        return tuple((piece.file, piece.rows) for piece in self.pieces)

    @property
    def firsts(self) -> tuple[int, ...]:
        """Rows of its file that stand before each piece."""
        return tuple(piece.first for piece in self.pieces)


@dataclass(frozen=True)
class DataSet:
    """Parquet files with the same columns.

    ``root`` is the folder or address below which ``files`` lie (all of the name below it), and
    ``address`` says whether it is one for fsspec. ``names`` are the columns, those of the folders'
    keys last. ``groups`` holds the rows of each row group of each file. ``digest`` is the SHA-256
    of names, sizes and footers: of what the files say of themselves, so that it can be had without
    reading them.
    """

    root: str
    address: bool
    files: tuple[str, ...]
    names: tuple[str, ...]
    groups: tuple[tuple[int, ...], ...]
    digest: str

    @property
    def rows(self) -> int:
        """Number of rows in all files."""
        return sum(map(sum, self.groups))

    @property
    def nested(self) -> bool:
        """Whether files lie in folders of the data set, or behind an address."""
        return self.address or any("/" in file for file in self.files)

    @property
    def source(self) -> str:
        """The file, or the first and how many more there are."""
        more = len(self.files) - 1
        return f"{self.files[0]} and {more} more file{'s' if more > 1 else ''}" if more else (
            self.files[0]
        )  # fmt: skip

    def chunks(self, rows: int = CHUNK_ROWS) -> list[Chunk]:
        """Chunks of about ``rows`` rows, in order; of one row group at least."""
        chunks: list[Chunk] = []
        held: list[Piece] = []
        for piece in self._pieces(rows):
            if held and sum(p.rows for p in held) + piece.rows > rows:
                chunks.append(Chunk(len(chunks), tuple(held)))
                held = []
            held.append(piece)
        return [*chunks, Chunk(len(chunks), tuple(held))] if held else chunks

    def _pieces(self, most: int) -> Iterator[Piece]:
        """Runs of row groups of up to ``most`` rows, none of which spans two files."""
        for file, groups in zip(self.files, self.groups, strict=True):
            first, start, rows = 0, 0, 0
            for k, count in enumerate(groups):
                if rows and rows + count > most:
                    yield Piece(file, first, rows, tuple(range(start, k)))
                    first, start, rows = first + rows, k, 0
                rows += count
            if rows:
                yield Piece(file, first, rows, tuple(range(start, len(groups))))

    def read(self, chunk: Chunk, columns: Sequence[str], coded: Sequence[str] = ()) -> Any:
        """``columns`` of a chunk as an Arrow table; texts of ``coded`` ones dictionary encoded.

        Raises :class:`InputError` where a file is unreadable, or cannot be seen from here.
        """
        parts = [self._piece(piece, columns, coded) for piece in chunk.pieces]
        return one_below_the_other(parts, ".")

    def read_all(self, columns: Sequence[str], coded: Sequence[str] = ()) -> Any:
        """``columns`` of all rows. Raises as :meth:`read` does, and where there are too many."""
        limits.check(self.source, self.rows, 0)
        parts, held = [], 0
        for chunk in self.chunks():
            parts.append(self.read(chunk, columns, coded))
            held += parts[-1].nbytes
            limits.check(self.source, self.rows, held)
        empty = pa.table({name: pa.nulls(0) for name in columns})
        return one_below_the_other(parts, ".") if parts else empty

    def _piece(self, piece: Piece, columns: Sequence[str], coded: Sequence[str]) -> Any:
        keys = keys_of(piece.file)
        plain = [name for name in columns if name not in keys]
        batches: list[Any] = []
        held = 0
        texts = [name for name in coded if name in plain]
        rows = self._rows_at_once(piece, plain)
        with opened(self.root, piece.file, self.address, texts) as parquet:
            groups = list(piece.groups)
            # In batches, as a few bytes of a Parquet file can stand for very many.
            for batch in parquet.iter_batches(rows, row_groups=groups, columns=plain):
                batches.append(batch)
                held += batch.nbytes
                limits.check(piece.file, piece.rows, held)
            schema = batches[0].schema if batches else parquet.schema_arrow
        # What a writer says of pandas beside the schema is nobody's business here.
        table = pa.Table.from_batches(batches, schema=schema)
        if plain:  # Arrow forgets how many rows there are of no columns
            table = table.replace_schema_metadata(None)
        for name, value in keys.items():
            if name in columns:
                table = table.append_column(name, _same(value, piece.rows))
        return table.select(list(columns))

    def _rows_at_once(self, piece: Piece, columns: Sequence[str]) -> int:
        with opened(self.root, piece.file, self.address) as parquet:
            _refuse_nested(piece.file, parquet.schema_arrow, columns)
            texts = parquets.dictionaries(parquet, columns, piece.groups)
        with opened(self.root, piece.file, self.address, texts) as parquet:
            longest = parquets.longest_text(parquet, texts, piece.groups)
        return parquets.rows_at_once(longest, len(texts), piece.file)


def _same(value: str | None, rows: int) -> Any:
    """One text in each of ``rows`` rows."""
    if value is None:
        return pa.nulls(rows, pa.string())
    return pa.DictionaryArray.from_arrays(pa.repeat(0, rows).cast(pa.int32()), [value])


def data_set(place: str | Path | Sequence[Path]) -> DataSet | None:
    """The Parquet data set at ``place``, or None where something else is there.

    ``place``: a file, a folder, several files, or an address such as ``s3://bucket/tape``.
    Raises :class:`InputError` where there is nothing, a file is unreadable, or the columns of a
    file are not those of the first.
    """
    address = address_of(place)
    if address is not None:
        root, files = _listed(address)
        return _described(root, files, address=True)
    if isinstance(place, str | Path):
        root, files = _local(Path(place))
    else:
        parents = {path.parent for path in place}
        root = str(parents.pop()) if len(parents) == 1 else ""
        files = [path.name if root else str(path) for path in place]
    if not files or not all(name.lower().endswith(".parquet") for name in files):
        return None
    return _described(root, files, address=False)


def address_of(place: object) -> str | None:
    """``place`` as an address for fsspec, None where it is a path (or several).

    A :class:`~pathlib.Path` made of an address has lost one of its slashes, which comes back.
    """
    text = str(place) if isinstance(place, str | Path) else ""
    found = _ADDRESS.match(text)
    if found is None or Path(text).exists():
        return None
    if found[1]:
        return f"file:///{text[found.end() :]}"
    return f"{found[2]}://{text[found.end() :]}"


def keys_of(file: str) -> dict[str, str | None]:
    """Columns that the folders of a file stand for (``segment=shops/part-0.parquet``)."""
    keys: dict[str, str | None] = {}
    for folder in PurePosixPath(file).parts[:-1]:
        key, sign, value = folder.partition("=")
        if sign and key:
            keys[unquote(key)] = None if value == _NOTHING else unquote(value)
    return keys


@contextmanager
def opened(root: str, file: str, address: bool, coded: Sequence[str] = ()) -> Iterator[Any]:
    """A Parquet file of a data set. Raises :class:`InputError` for what is wrong with it."""
    where = f"{root.rstrip('/')}/{file}" if address else str(Path(root) / file)
    try:
        if not address:
            with pa.parquet.ParquetFile(where, read_dictionary=list(coded)) as parquet:
                yield parquet
            return
        system = file_system(where)
        with (
            system.open(where, "rb") as stream,
            pa.parquet.ParquetFile(stream, read_dictionary=list(coded)) as parquet,
        ):
            yield parquet
    except FileNotFoundError:
        raise InputError(
            Problem(
                where,
                "no such file, seen from where it is read",
                "a file that every worker sees under the same path",
                "Put the tape in a folder that all workers share, or give its address.",
            )
        ) from None
    except (pa.ArrowException, OSError, UnicodeDecodeError) as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(Problem(file, said, "a Parquet file", "Export the tape anew.")) from None


def file_system(address: str) -> Any:
    """What opens the files of ``address``. Raises :class:`InputError` where nothing does."""
    scheme = address.partition("://")[0]
    try:
        import fsspec  # type: ignore[import-untyped]
    except ImportError:
        raise InputError(
            Problem(
                address,
                "no package fsspec",
                "the optional packages for addresses and clusters",
                "Install them with: pip install 'scfcap[cluster]'",
            )
        ) from None
    try:
        return fsspec.core.url_to_fs(address)[0]
    except ImportError as error:
        said = str(error).splitlines()[0]
        action = f"Install the package of fsspec that reads {scheme}:// addresses."
        raise InputError(Problem(address, said, f"a reader of {scheme}://", action)) from None
    except ValueError as error:
        said = str(error).splitlines()[0]
        expected = "an address of a kind that fsspec knows, such as s3://bucket/tape"
        raise InputError(Problem(address, said, expected)) from None


def _listed(address: str) -> tuple[str, list[str]]:
    """Root and files of an address, by name."""
    system = file_system(address)
    try:
        paths = [address] if system.isfile(address) else system.find(address)
    except OSError as error:
        said = (str(error).splitlines() or [type(error).__name__])[0][:200]
        raise InputError(Problem(address, said, "an address that can be read")) from None
    if not system.isfile(address):
        base = str(system._strip_protocol(address)).rstrip("/")
        names = sorted(str(path).removeprefix(f"{base}/") for path in paths)
        names = [name for name in names if _is_table(name)]
        if names:
            return address.rstrip("/"), names
    elif address.lower().endswith(".parquet"):
        root, _, name = address.rpartition("/")
        return root, [name]
    raise InputError(
        Problem(
            address,
            "no Parquet file",
            "files that end in .parquet",
            "Correct the address; other kinds of files are read from a local folder.",
        )
    )


def _local(path: Path) -> tuple[str, list[str]]:
    """Root and files of a path: itself; the tables of a folder; if it has none, those below it."""
    if path.is_file():
        return str(path.parent), [path.name]
    if not path.is_dir():
        raise InputError(Problem(str(path), "no such file", "a tape", "Correct the path."))
    for pattern in ("*", "**/*"):
        files = (each for each in path.glob(pattern) if each.is_file())
        names = (each.relative_to(path).as_posix() for each in files)
        found = sorted(n for n in names if n.lower().endswith(TABLE_SUFFIXES) and not _is_hidden(n))
        if found:
            return str(path), found
    return str(path), []


def _is_hidden(name: str) -> bool:
    return any(part.startswith((".", "_", "~")) for part in PurePosixPath(name).parts)


def _is_table(name: str) -> bool:
    return name.lower().endswith(".parquet") and not _is_hidden(name)


def _described(root: str, files: Sequence[str], *, address: bool) -> DataSet:
    """Read every footer. Raises :class:`InputError` where columns differ."""
    problems: list[Problem] = []
    names: tuple[str, ...] = ()
    groups: list[tuple[int, ...]] = []
    digest = hashlib.sha256()
    for file in files:
        with opened(root, file, address) as parquet:
            meta, schema = parquet.metadata, parquet.schema_arrow
        theirs = (*schema.names, *(key for key in keys_of(file) if key not in schema.names))
        names = names or theirs
        problems += _differing(file, theirs, files[0], names)
        rows = tuple(meta.row_group(k).num_rows for k in range(meta.num_row_groups))
        size = [meta.row_group(k).total_byte_size for k in range(meta.num_row_groups)]
        groups.append(rows)
        digest.update(f"{file} {rows} {size} {schema.to_string()}\n".encode())
        digest.update(repr(meta.to_dict()["row_groups"]).encode())
    if problems:
        raise InputError(problems)
    return DataSet(root, address, tuple(files), names, tuple(groups), digest.hexdigest())


def _differing(
    file: str, names: Sequence[str], first: str, expected: Sequence[str]
) -> list[Problem]:
    lacking = [name for name in expected if name not in names]
    further = [name for name in names if name not in expected]
    twice = sorted({name for name in names if names.count(name) > 1})
    said = [f"no column {', '.join(lacking[:20])}"] if lacking else []
    said += [f"further columns {', '.join(further[:20])}"] if further else []
    said += [f"column {', '.join(twice)} more than once"] if twice else []
    if not said:
        return []
    action = "Write all partitions with the same columns, or give the folder of those that agree."
    return [Problem(file, " and ".join(said), f"the columns of {first}", action)]


def _refuse_nested(file: str, schema: Any, columns: Sequence[str]) -> None:
    problems = [
        Problem(
            f"{file}, column {name}", f"nested cells ({schema.field(name).type})", "plain cells"
        )
        for name in columns
        if pa.types.is_nested(schema.field(name).type)
    ]
    if problems:
        raise InputError(problems)
