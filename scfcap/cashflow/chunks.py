"""A tape's chunks on their way to cash flows: checked one by one, with what the whole must know.

Every row is judged as in one pass over the whole tape: what rules between rows need of other
chunks (which loans stand there too) is found by hashes, and settled by the loans themselves.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.cashflow.flows import Flows
from scfcap.cashflow.owed import Hashes, Owed, hashes, owed_in
from scfcap.errors import of_file
from scfcap.pool.build import Around, loans_of
from scfcap.pool.snapshot import Pool
from scfcap.quantities import BoolArray
from scfcap.schema.tape import TapeSpec
from scfcap.tape.checks import RejectedRows, check, turned
from scfcap.tape.derive import Typed
from scfcap.tape.findings import LISTED, Origin
from scfcap.tape.partitions import Chunk, DataSet
from scfcap.tape.read import columns_of
from scfcap.tape.schema import Tape
from scfcap.tape.steps import take_in

#: Files that hashes are parted into, by their leading bits.
_BUCKETS: Final = 64
#: Statuses of loans that are no longer outstanding.
_GONE: Final = ("repaid", "charged_off")


@dataclass(frozen=True)
class Recipe:
    """What it takes to make loans of a chunk. ``owing``: also who owes what through which buyer."""

    data: DataSet
    spec: TapeSpec
    as_of: date
    known: Mapping[str, Sequence[str]]
    around: Around
    owing: bool = False

    @property
    def by_id(self) -> bool:
        """Whether a loan's id tells it from those of other chunks: numbers of rows do not."""
        how = self.spec.derive.get("loan_id")
        return how is None or how.how != "row_number"


@dataclass(frozen=True)
class Part:
    """What is kept of a chunk.

    ``rows`` were asked by the rules, ``refused`` of them are faulty, and ``faults`` are the first
    of these, as :class:`~scfcap.tape.schema.Tape` lists findings. ``ids``: hashes of the distinct
    loan ids. ``loans`` stand on the books with ``total`` [currency]. ``segments``: all there are.
    ``longest``: for each class of loans those that run longest and are longest in all, as tape
    rows. ``owed``: the balance by segment, loan type, buyer and borrower, where it was asked for.
    """

    rows: int
    refused: int
    faults: pd.DataFrame
    reasons: pd.DataFrame
    ids: Hashes
    loans: int
    total: float
    segments: tuple[str, ...]
    longest: pd.DataFrame
    owed: Owed | None


@dataclass(frozen=True)
class Claim:
    """A row whose loan stands in several chunks; ``cells``: all that was read of it."""

    loan_id: str
    file: str
    row: int
    refused: bool
    cells: str


def scan(recipe: Recipe, chunk: Chunk, dropped: Iterable[str] = ()) -> Part:
    """Read and check a chunk, without the loans ``dropped`` that stand in an earlier one."""
    tape, asked = _checked(recipe, chunk, dropped)
    ids = np.zeros(0, dtype=np.uint64)
    if asked is not None and recipe.by_id:
        ids = _hashes(_ids(asked))
    faults = tape.findings[tape.findings["severity"] == "error"].head(LISTED)
    frame = tape.frame
    segments: tuple[str, ...] = ()
    longest, owed, loans, total = frame.iloc[:0], None, 0, 0.0
    if len(frame):
        segments = tuple(str(name) for name in frame["segment"].cat.categories)
    standing = _standing(frame)
    if standing.any():
        pool = _pool(recipe, tape)
        loans, total = len(pool), pool.total
        longest = _longest(pool, frame[standing])
        owed = owed_in(frame[standing]) if recipe.owing else None
    return Part(
        rows=0 if asked is None else asked.rows,
        refused=len(tape.rejects),
        faults=faults,
        reasons=tape.reasons,
        ids=ids,
        loans=loans,
        total=total,
        segments=segments,
        longest=longest,
        owed=owed,
    )


def claims(recipe: Recipe, chunk: Chunk, repeated: Hashes) -> list[Claim]:
    """The rows of a chunk whose loan id has one of the hashes ``repeated``."""
    tape, asked = _checked(recipe, chunk)
    if asked is None:
        return []
    ids = _ids(asked)
    known = np.flatnonzero(~pd.isna(ids))
    rows = known[np.isin(hashes(ids[known]), repeated)]
    numbers, files = asked.origin.numbers(rows)
    front = ["file", "row"] if len(tape.rejects) else []
    refused = set(tape.rejects[front].itertuples(index=False, name=None))
    cells = asked.raw.take(rows).to_pylist()
    return [
        Claim(str(ids[at]), file, int(number), (file, number) in refused, repr(list(row.values())))
        for at, file, number, row in zip(rows, files, numbers, cells, strict=True)
    ]


def chunk_pool(recipe: Recipe, chunk: Chunk, dropped: Iterable[str]) -> Pool | None:
    """The outstanding loans of a chunk; None where there is none."""
    tape, _ = _checked(recipe, chunk, dropped)
    return _pool(recipe, tape) if _standing(tape.frame).any() else None


def added(parts: Iterable[tuple[tuple[str, ...], Flows] | None], segments: Sequence[str]) -> Flows:
    """Flows of all parts by ``segments``, added in the order in which they come."""
    place = {name: k for k, name in enumerate(segments)}
    sums: dict[str, Any] = {}
    for part in parts:
        if part is None:
            continue
        theirs, flows = part
        rows = np.array([place[name] for name in theirs], dtype=np.int64)
        for each in fields(Flows):
            values = getattr(flows, each.name)
            if each.name not in sums:
                shape = (*values.shape[:-2], len(segments), values.shape[-1])
                sums[each.name] = np.zeros(shape)
            sums[each.name][..., rows, :] += values
    return Flows(**sums)


class Repeats:
    """Finds hashes that come from more than one chunk: eight bytes a loan, in files of ``folder``.

    They are parted by their leading bits, so that a small part is in memory at a time.
    """

    def __init__(self, folder: Path) -> None:
        self._files = [folder / f"{k:02d}.hashes" for k in range(_BUCKETS)]
        step = np.uint64(2**64 // _BUCKETS)
        self._edges = np.arange(1, _BUCKETS, dtype=np.uint64) * step

    def add(self, hashes: Hashes) -> None:
        """Take in the distinct hashes of a chunk."""
        ordered = np.sort(hashes)
        for file, part in zip(
            self._files, np.split(ordered, np.searchsorted(ordered, self._edges)), strict=True
        ):
            if len(part):
                with file.open("ab") as stream:
                    part.tofile(stream)

    def found(self) -> Hashes:
        """Hashes that were taken in more than once."""
        twice = [np.zeros(0, dtype=np.uint64)]
        for file in self._files:
            if file.exists():
                ordered = np.sort(np.fromfile(file, dtype=np.uint64))
                twice.append(np.unique(ordered[1:][ordered[1:] == ordered[:-1]]))
        return np.concatenate(twice)


def _checked(
    recipe: Recipe, chunk: Chunk, dropped: Iterable[str] = ()
) -> tuple[Tape, Typed | None]:
    """A chunk's rows with all that is wrong, and as the rules saw them (None where none is left).

    No share of faulty rows is too large here: the whole tape is judged, not a chunk.
    """
    spec = recipe.spec.model_copy(update={"reject_limit": 1.0})
    names, coded = columns_of(spec, recipe.data.names, recipe.data.source)
    table = recipe.data.read(chunk, names, coded)
    source = recipe.data.source
    intake = take_in(table, spec, recipe.as_of)
    empty = pd.DataFrame()
    none = pd.DataFrame({"severity": pd.Series([], dtype="str")})
    if not intake.table.num_rows:
        return Tape(_no_rows(), none, empty, empty, recipe.as_of, source, ""), None
    origin = Origin(None, chunk.parts, chunk.firsts)
    with of_file(source):
        asked = turned(intake, spec, as_of=recipe.as_of, origin=origin)
    asked.known = recipe.known
    try:
        tape = check(asked, intake, table, source=source, digest="")
    except RejectedRows as error:  # not one row is left
        return (
            Tape(
                _no_rows(), error.findings, error.rejects, empty, recipe.as_of, source, "",
                error.reasons,
            ),
            asked,
        )  # fmt: skip
    gone = set(dropped)
    if gone:
        kept = tape.frame[~tape.frame["loan_id"].isin(gone)].reset_index(drop=True)
        for name in kept.columns:
            if isinstance(kept[name].dtype, pd.CategoricalDtype):
                kept[name] = kept[name].cat.remove_unused_categories()
        tape = replace(tape, frame=kept)
    return tape, asked


def _no_rows() -> pd.DataFrame:
    columns = {
        "loan_id": "str", "segment": "category", "current_balance": "float64", "status": "str",
    }  # fmt: skip
    return pd.DataFrame({name: pd.Series([], dtype=kind) for name, kind in columns.items()})


def _pool(recipe: Recipe, tape: Tape) -> Pool:
    return loans_of(tape, recipe.around)


def _standing(frame: pd.DataFrame) -> BoolArray:
    """Loans that a pool takes in."""
    open_ = (frame["current_balance"] > 0.0) & ~frame["status"].isin(_GONE)
    return open_.to_numpy(dtype=np.bool_)


def _longest(pool: Pool, frame: pd.DataFrame) -> pd.DataFrame:
    """Of each class of loans the rows that run longest, and those of the longest term."""
    term = pool.maturity_day - pool.origination_day
    chosen = set()
    for code in np.unique(pool.segment):
        rows = np.flatnonzero(pool.segment == code)
        chosen |= {int(rows[pool.maturity_day[rows].argmax()]), int(rows[term[rows].argmax()])}
    return frame[frame["loan_id"].isin(pool.loan_id[sorted(chosen)])].reset_index(drop=True)


def _ids(asked: Typed) -> npt.NDArray[np.object_]:
    return np.asarray(asked.columns["loan_id"].to_numpy(zero_copy_only=False), dtype=object)


def _hashes(ids: npt.NDArray[np.object_]) -> Hashes:
    """Distinct hashes of the ids that are known, ascending."""
    found = np.sort(hashes(ids[~pd.isna(ids)]))
    return found[np.append(True, found[1:] != found[:-1])] if len(found) else found


def joined(parts: Sequence[pd.DataFrame]) -> pd.DataFrame:
    """Tape rows of several chunks, with the categories of all."""
    filled = [part for part in parts if len(part)]
    if not filled:
        return _no_rows()
    classes = [name for name in filled[0] if isinstance(filled[0][name].dtype, pd.CategoricalDtype)]
    plain = [part.astype(dict.fromkeys(classes, "object")) for part in filled]
    return pd.concat(plain, ignore_index=True).astype(dict.fromkeys(classes, "category"))
