"""The tape, read again: the loans that are outstanding, in the order of the claim."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
from pydantic import ValidationError

from scfcap.errors import InputError, Problem
from scfcap.expressions import Cells, ExpressionError, Texts, parse
from scfcap.quantities import FloatArray
from scfcap.schema.tape import TapeSpec
from scfcap.tape.files import digest_of_file
from scfcap.tape.parquets import refuse_bombs
from scfcap.tape.read import read_tape
from scfcap.verify.layout import LIMITS, LimitsText, TapeText

#: Loans of these states owe nothing that could be placed.
GONE = ("repaid", "charged_off")
#: Columns that follow from others, by the dates that they are the days between.
SPANS = {
    "remaining_days": ("as_of", "maturity_date"),
    "age_days": ("origination_date", "as_of"),
    "term_days": ("origination_date", "maturity_date"),
}


@dataclass(frozen=True)
class Ground:
    """Loans of a tape that owe something. ``added``: texts in place of the tape's, or beside."""

    frame: pd.DataFrame
    as_of: date
    digest: str
    added: Mapping[str, Texts] = field(default_factory=dict)
    _cells: dict[str, Cells] = field(default_factory=dict)

    def __len__(self) -> int:
        return len(self.frame)

    def __contains__(self, name: str) -> bool:
        return name in self.frame or name in self.added or name in (*SPANS, "as_of")

    def cells(self, name: str) -> Cells:
        """A column as tests take it. Raises :class:`ExpressionError` where there is none."""
        if name not in self._cells:
            self._cells[name] = self._read(name)
        return self._cells[name]

    def _read(self, name: str) -> Cells:
        if name in self.added:
            return self.added[name]
        if name in SPANS:
            first, last = (self._day(each) for each in SPANS[name])
            span = last - first
            return np.where(np.isnat(span), np.nan, span.astype(np.int64).astype(np.float64))
        if name == "as_of":
            return self._day(name)
        if name not in self.frame:
            raise ExpressionError(found=f"column {name!r}", expected="a column of the tape")
        column = self.frame[name]
        if pd.api.types.is_bool_dtype(column):
            lost = column.isna().to_numpy()
            return np.where(lost, -1, column.fillna(value=False).astype(bool)).astype(np.int8)
        if pd.api.types.is_numeric_dtype(column):
            return column.to_numpy(dtype=np.float64, na_value=np.nan)
        if pd.api.types.is_datetime64_any_dtype(column):
            return column.to_numpy().astype("datetime64[D]")
        codes, labels = pd.factorize(column)
        return Texts(codes.astype(np.int32), tuple(map(str, labels)))

    def _day(self, name: str) -> npt.NDArray[np.datetime64]:
        if name == "as_of":
            return np.full(len(self), np.datetime64(self.as_of, "D"))
        found: npt.NDArray[np.datetime64] = self.frame[name].to_numpy().astype("datetime64[D]")
        return found

    def answers(self, test: str) -> npt.NDArray[np.int8]:
        """1 where a test holds, 0 where not, -1 where a value is missing."""
        return parse(test).answers(self.cells, len(self))

    def numbers(self, name: str) -> FloatArray:
        """A column of numbers, NaN where missing."""
        cells = self.cells(name)
        if not isinstance(cells, np.ndarray) or cells.dtype.kind != "f":
            raise ExpressionError(found=f"column {name!r}", expected="a column of numbers")
        return cells

    def texts(self, name: str) -> Texts:
        """A column of any kind as texts: numbers to 15 digits, days by their month."""
        cells = self.cells(name)
        if not isinstance(cells, np.ndarray):
            return Texts(cells.codes, cells.labels)
        if cells.dtype.kind == "M":
            cells = cells.astype("datetime64[M]")
        codes, labels = pd.factorize(cells)
        if cells.dtype == np.int8:
            words = {-1: "", 0: "False", 1: "True"}
            named = tuple(words[int(label)] for label in labels)
            return Texts(np.where(cells < 0, -1, codes).astype(np.int32), named)
        shown = tuple(f"{x:.15g}" if cells.dtype.kind == "f" else str(x) for x in labels)
        return Texts(codes.astype(np.int32), shown)


def ground(limits: LimitsText, folder: Path, path: Path | None) -> Ground:
    """Read the tape that the limits speak of; ``path``: where it is, if not there.

    Raises :class:`InputError` where it cannot be read.
    """
    stated = limits.tape
    assert stated is not None
    if stated.kept is not None and path is None:
        frame, digest = _kept(folder / Path(stated.kept).name)
    else:
        frame, digest = _mapped(stated, limits.as_of, path)
    owing = (frame["current_balance"] > 0.0).to_numpy()
    if "status" in frame:
        owing = owing & ~frame["status"].isin(GONE).to_numpy()
    return Ground(frame[owing].reset_index(drop=True), limits.as_of, digest)


def _mapped(stated: TapeText, as_of: date, path: Path | None) -> tuple[pd.DataFrame, str]:
    try:
        spec = TapeSpec.model_validate(stated.mapping)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{LIMITS}: tape.mapping.{'.'.join(map(str, first['loc']))}"
        raise InputError(Problem(where, str(first["input"])[:200], first["msg"].lower())) from None
    given = path or (None if stated.path is None else Path(stated.path))
    folder = Path(stated.folder)
    if given is None and not folder.is_dir():
        raise InputError(
            Problem(
                str(folder),
                "no such folder",
                f"the folder of the tape {stated.name}, as {LIMITS} names it",
                "Say where the tape is: --tape PATH.",
            )
        )
    try:
        tape = read_tape(spec, as_of=as_of, folder=folder, path=given)
    except InputError as error:
        if path is not None:
            raise
        raise InputError(
            replace(problem, where=f"{LIMITS}: tape: {problem.where}") for problem in error.problems
        ) from None
    return tape.frame, tape.digest


def _kept(path: Path) -> tuple[pd.DataFrame, str]:
    try:
        refuse_bombs(path)
        return pq.read_table(path).to_pandas(), digest_of_file(path)
    except (OSError, ValueError, LookupError, TypeError, pa.ArrowException) as error:
        raise InputError(
            Problem(str(path), f"not readable ({error})", f"the loans that {LIMITS} names",
                    "Write the folder again, or say where the tape is: --tape PATH.")
        ) from error  # fmt: skip


def in_order(found: Ground, loan_id: npt.NDArray[np.object_]) -> Ground | None:
    """The same in the order of ``loan_id``; None where the tape has not just these loans."""
    ids = pd.Index(found.frame["loan_id"].astype(str))
    if len(ids) != len(loan_id) or not ids.is_unique:
        return None
    at = ids.get_indexer(pd.Index(loan_id.astype(str)))
    if (at < 0).any() or len(np.unique(at)) < len(at):
        return None
    return Ground(found.frame.iloc[at].reset_index(drop=True), found.as_of, found.digest)


def today(found: Ground, keys: tuple[str, ...]) -> npt.NDArray[np.int64]:
    """Present channel of each loan by the tape, -1 where it has none, -2 where it is none of
    ``keys``.
    """
    if "channel" not in found.frame:
        return np.full(len(found), -1, dtype=np.int64)
    texts = found.texts("channel")
    place = {key: k for k, key in enumerate(keys)}
    codes = np.array([*(place.get(label, -2) for label in texts.labels), -1], dtype=np.int64)
    return codes[texts.codes]
