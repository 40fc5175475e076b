"""Performance histories from files: status by day or month, wide tables, series of tapes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.errors import InputError, Problem, of_file
from scfcap.quantities import HALF_CENT, BoolArray, FloatArray, IntArray
from scfcap.schema.history import LOAN_COLUMNS, PerformanceSpec
from scfcap.schema.tape import TapeSpec
from scfcap.tape import convert
from scfcap.tape.checks import findings_of, first_problems
from scfcap.tape.convert import Issue
from scfcap.tape.files import Files, SourceInfo, inside
from scfcap.tape.history import History, history_from_panel, month_end, month_of
from scfcap.tape.monthly import Rows, complete, without_idle
from scfcap.tape.schema import Tape

_DATES: Final = ("date", "origination_date", "maturity_date")
_MONEY: Final = (
    *("balance", "principal", "paid", "charged_off", "recovered", "opening_balance"),
    *("amount", "original_balance", "instalment"),
)
#: Segment of loans that neither the file nor the tape puts in one.
NO_SEGMENT: Final = "all"


def read_performance(
    spec: PerformanceSpec,
    tape: Tape | None,
    *,
    folder: Path,
    as_of: date,
    path: Path | None = None,
    mapping: TapeSpec | None = None,
) -> History:
    """The history that ``spec`` describes; loans are described by its file or else by ``tape``.

    ``folder`` holds the files; ``path`` is the tape given in place of the model's own, or its
    folder, where each file is looked for first. ``mapping`` is the model's ``[tape]``, with which
    ``kind = "tapes"`` reads each file. ``as_of`` ends the observation of payments.

    Raises :class:`InputError` for missing files and columns, and where more than
    ``spec.reject_limit`` of the rows are faulty.
    """
    roots = [folder] if path is None else [path if path.is_dir() else path.parent, folder]
    if spec.kind == "tapes":
        from scfcap.tape.series import history_of, read_series

        return history_of(read_series(spec, mapping, roots), spec, as_of)
    table, info = _open(spec, roots)
    cells = Cells(spec, table, info.name, info.percent)
    with of_file(info.name):
        if spec.kind == "payments":
            from scfcap.tape.payments import from_payments

            return from_payments(cells, tape, as_of, info.digest)
        rows, ids = (_status if spec.kind == "status" else _wide)(cells)
        loans = describe(ids, cells, tape)
        return build(rows, loans, cells, as_of, info.digest)


def wanted_columns(spec: PerformanceSpec) -> list[str]:
    """Source columns that the mapping uses; those of months one by one."""
    months = range(1, (spec.count or 0) + 1)
    names: list[str] = []
    for ours in spec.columns:
        for source in spec.sources(ours):
            names += [source.format(t=t) for t in months] if "{t}" in source else [source]
    return list(dict.fromkeys(names))


def files_of(spec: PerformanceSpec, roots: Sequence[Path]) -> list[Path]:
    """The history's files, each name in the first of ``roots`` that has it.

    Raises :class:`InputError` where none has, naming them all.
    """
    names = [*spec.paths, *([spec.path] if spec.path else [])]
    return list(dict.fromkeys(file for name in names for file in _first(roots, name)))


def _first(roots: Sequence[Path], name: str) -> list[Path]:
    missing: list[Problem] = []
    for root in dict.fromkeys(roots):
        try:
            return inside(root, name)
        except InputError as error:
            missing += error.problems
    places = list(dict.fromkeys(problem.where for problem in missing))
    if len(places) == 1:
        raise InputError(missing[0])
    where = " and ".join(places)
    hint = "Put the files of [history] beside the tape or into the model's folder."
    raise InputError(Problem(where, missing[0].found, "a file of the history", hint))


def _open(spec: PerformanceSpec, roots: Sequence[Path]) -> tuple[Any, SourceInfo]:
    """The mapped columns of all files as one table, and where they come from."""
    wanted = wanted_columns(spec)
    with Files(files_of(spec, roots), spec) as files:
        missing = [name for name in wanted if name not in files.names]
        if missing:
            raise InputError(
                Problem(
                    files.source,
                    f"no column {', '.join(missing[:20])}",
                    "the columns that [history] names",
                    "Correct the names in [history.columns], or first and count.",
                )
            )
        kept = [name for name in spec.keep if name in files.names and name not in wanted]
        table, info = files.read([*wanted, *kept])
    if table.num_rows == 0:
        action = "Check that the export is complete."
        raise InputError(Problem(info.name, "no rows", "at least one month of a loan", action))
    return table, info


@dataclass
class Cells:
    """A history's table as read, its mapping, and what was found wrong with it so far.

    ``shown_in_percent``: columns of a workbook whose cells are decimals, whatever it shows.
    """

    spec: PerformanceSpec
    table: Any
    source: str
    shown_in_percent: tuple[str, ...] = ()
    issues: list[Issue] = field(default_factory=list)
    refused: BoolArray = field(init=False)

    def __post_init__(self) -> None:
        self.refused = np.zeros(self.table.num_rows, dtype=np.bool_)

    def note(self, issues: Sequence[Issue]) -> None:
        """Keep ``issues``; the rows of errors are refused."""
        self.issues += issues
        for issue in issues:
            if issue.severity == "error":
                self.refused[issue.rows] = True

    def texts(self, name: str) -> Any:
        """A text column of ours; a missing key is an error."""
        (source,) = self.spec.sources(name)
        found, issues = convert.texts(self.table.column(source), source)
        self.note(issues)
        if name == "loan_id":
            lost = np.asarray(pc.is_null(found).to_numpy(zero_copy_only=False), dtype=np.bool_)
            self.note(convert.flag(self.table.column(source), source, lost, "missing", "a loan"))
        return found

    def numbers(self, name: str, month: int | None = None) -> FloatArray:
        """An amount of ours, NaN where missing; several source columns are added up."""
        total = np.full(self.table.num_rows, np.nan)
        for pattern in self.spec.sources(name):
            source = pattern.format(t=month)
            percent = name in self.spec.percent and source not in self.shown_in_percent
            cells, issues = convert.numbers(self.table.column(source), source, percent=percent)
            self.note(issues)
            total = np.where(np.isnan(cells), total, np.nan_to_num(total) + cells)
        return total

    def dates(self, name: str) -> convert.DateArray:
        """A date column of ours."""
        (source,) = self.spec.sources(name)
        form = self.spec.date_formats.get(name)
        found, issues = convert.dates(self.table.column(source), source, form)
        self.note(issues)
        return found

    def words(self, name: str) -> convert.Codes:
        """A category column of ours, in our vocabulary."""
        (source,) = self.spec.sources(name)
        values = self.spec.values  # noqa: PD011  (a field of ours)
        found, issues = convert.categories(self.table.column(source), source, values.get(name))
        self.note(issues)
        return found

    def need(self, name: str, lost: BoolArray) -> None:
        """Refuse the rows in which a needed cell is empty and not yet refused."""
        source = self.spec.sources(name)[0]
        mask = lost & ~self.refused
        self.note(convert.flag(self.table.column(source), source, mask, "missing", "a value"))

    def check(self) -> None:
        """Raise :class:`InputError` where more rows are refused than may be."""
        count, rows = int(self.refused.sum()), len(self.refused)
        if count <= self.spec.reject_limit * rows and (count < rows or not rows):
            return
        said = f"{count:,} faulty row{'s' if count > 1 else ''}"
        allowed = f"at most {self.spec.reject_limit:.2%} of {rows:,} rows"
        hint = "Correct the rows, or raise history.reject_limit."
        shown = first_problems(self.issues, self.source)
        raise InputError([Problem(self.source, said, allowed, hint), *shown])


@dataclass(frozen=True)
class Found:
    """The loans that rows speak of: ``ids`` by loan, ``row`` of the source that describes each."""

    ids: Any
    row: IntArray


def _status(cells: Cells) -> tuple[Rows, Found]:
    """Rows by loan and month: flows of a month's rows added up, the rest from its last one."""
    spec = cells.spec
    ids, day = cells.texts("loan_id"), cells.dates("date")
    amount = {name: _optional(cells, name) for name in _MONEY[:5]}
    late = _optional(cells, "days_past_due")
    cells.need("date", np.isnat(day))
    cells.need("balance", np.isnan(amount["balance"]))
    status = cells.words("status") if spec.sources("status") else None
    coded = pc.dictionary_encode(ids)
    loan = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False).astype(np.int64)
    order = np.lexsort((day, loan))
    twice = np.zeros(len(loan), dtype=np.bool_)
    good = order[~cells.refused[order]]
    twice[good[1:]] = (loan[good][1:] == loan[good][:-1]) & (day[good][1:] == day[good][:-1])
    (key,) = spec.sources("loan_id")
    said = "one row a loan and day"
    cells.note(convert.flag(cells.table.column(key), key, twice, "repeated_row", said))
    cells.check()
    order = order[~cells.refused[order]]
    loan, month = loan[order], month_of(day[order])
    last = np.r_[(loan[1:] != loan[:-1]) | (month[1:] != month[:-1]), True][-len(loan) :]
    starts = np.r_[0, np.flatnonzero(last)[:-1] + 1] if len(loan) else np.zeros(0, dtype=np.int64)
    none = np.zeros(len(order), dtype=np.bool_)
    lost, failed = (none if status is None else status.where((word,))[order] for word in _STATUS)
    rows = Rows(
        loan=loan[last],
        month=month[last],
        balance=amount["balance"][order][last],
        days_past_due=late[order][last],
        lost=lost[last],
        failed=failed[last],
        row=order[last],
        **{name: _added(amount[name][order], starts) for name in _MONEY[1:5]},
    )
    described = np.zeros(len(coded.dictionary), dtype=np.int64)
    described[loan[::-1]] = order[::-1]
    return rows, Found(coded.dictionary, described)


_STATUS: Final = ("charged_off", "default")


def _optional(cells: Cells, name: str) -> FloatArray:
    if cells.spec.sources(name):
        return cells.numbers(name)
    return np.full(cells.table.num_rows, np.nan)


def _added(values: FloatArray, starts: IntArray) -> FloatArray:
    """Sums of the known values from each start to the next; NaN where none is known."""
    known = np.add.reduceat(~np.isnan(values), starts, dtype=np.int64) if len(starts) else starts
    total = np.add.reduceat(np.nan_to_num(values), starts) if len(starts) else np.zeros(0)
    return np.where(known > 0, total, np.nan)


def _wide(cells: Cells) -> tuple[Rows, Found]:
    """Rows from a table with a column for each month; an empty balance is no observation."""
    spec = cells.spec
    assert spec.first is not None
    assert spec.count is not None
    ids = cells.texts("loan_id")
    (key,) = spec.sources("loan_id")
    twice = ids.to_pandas().duplicated().to_numpy() & ~cells.refused
    cells.note(convert.flag(cells.table.column(key), key, twice, "repeated_id", "each loan once"))
    grid = {name: _months(cells, name) for name in (*_MONEY[:5], "days_past_due")}
    cells.check()
    keep = np.flatnonzero(~cells.refused)
    seen = ~np.isnan(grid["balance"])
    # What is recovered after a loan's end comes in months without a balance.
    recovered = np.nan_to_num(grid["recovered"]) != 0.0
    grid["balance"] = _carried(grid["balance"])
    owing = ~seen & (np.nan_to_num(grid["balance"]) > HALF_CENT)
    cells.note(_unseen(recovered & owing, grid["recovered"]))
    use = (seen | (recovered & ~owing)) & ~np.isnan(grid["balance"])
    use[~np.isin(np.arange(len(use)), keep)] = False
    if not spec.sources("opening_balance"):
        use[:, 0] = False
    place = np.cumsum(~cells.refused) - 1
    at, t = np.nonzero(use)
    none = np.zeros(len(at), dtype=np.bool_)
    start = month_of(np.datetime64(spec.first, "D"))
    rows = Rows(
        loan=place[at],
        month=t + start - 1,
        lost=none,
        failed=none,
        row=at,
        **{name: values[at, t] for name, values in grid.items()},
    )
    return rows, Found(ids.take(pa.array(keep)), keep)


def _unseen(mask: BoolArray, recovered: FloatArray) -> list[Issue]:
    """Recoveries on loans whose balance is no longer given: reported, and not booked."""
    at, t = np.nonzero(mask)
    if not len(at):
        return []
    said = [f"month {k}: a balance beside it; left out, as the loan is not observed" for k in t]
    shown = [f"{value:.2f}" for value in recovered[at, t]]
    return [Issue("recovered", "unobserved", "warning", said, at, shown)]


def _months(cells: Cells, name: str) -> FloatArray:
    """Cells [loans, 1 + months]; the first column stands for the day before the first month."""
    count = (cells.spec.count or 0) + 1
    out = np.full((cells.table.num_rows, count), np.nan)
    if cells.spec.sources(f"opening_{name}"):
        out[:, 0] = cells.numbers(f"opening_{name}")
    if cells.spec.sources(name):
        for t in range(1, count):
            out[:, t] = cells.numbers(name, t)
    return out


def _carried(grid: FloatArray) -> FloatArray:
    """Each row's last known value carried on."""
    known = np.where(np.isnan(grid), 0, np.arange(grid.shape[1]))
    return np.take_along_axis(grid, np.maximum.accumulate(known, axis=1), axis=1)


def describe(found: Found, cells: Cells, tape: Tape | None) -> pd.DataFrame:
    """One row a loan: what the file says of it, and for the rest the tape.

    A loan that is not on the tape gets a warning; without any segment it is in "all".
    """
    spec = cells.spec
    loans = pd.DataFrame({"loan_id": found.ids.to_pandas().astype("str")})
    for name in LOAN_COLUMNS:
        if spec.sources(name):
            loans[name] = _described(cells, name, found.row)
    if "term_days" in loans:
        days = loans.pop("term_days")
        if "origination_date" in loans and "maturity_date" not in loans:
            loans["maturity_date"] = loans["origination_date"] + pd.to_timedelta(days, unit="D")
    for name in spec.keep:
        if name in cells.table.column_names:
            loans[name] = cells.table.column(name).to_pandas().to_numpy()[found.row]
    if tape is not None:
        from_tape = [n for n in (*LOAN_COLUMNS, *spec.keep) if n in tape.frame and n not in loans]
        ids = pd.Index(tape.frame["loan_id"])
        at = ids.get_indexer(pd.Index(loans["loan_id"]))
        for name in from_tape:
            loans[name] = tape.frame[name].take(np.maximum(at, 0)).set_axis(loans.index)
            if (at < 0).any():
                loans[name] = loans[name].where(at >= 0)
        if (at < 0).any() and from_tape:
            said = f"a loan of {tape.source}: its {', '.join(from_tape)} are unknown"
            lost = np.flatnonzero(at < 0)
            shown = loans["loan_id"].iloc[lost].tolist()
            rows = found.row[lost]
            cells.note([Issue("loan_id", "unknown_loan", "warning", said, rows, shown)])
    if "maturity_date" not in loans:
        loans["maturity_date"] = np.full(len(loans), np.datetime64("NaT", "s"))
    if "segment" not in loans:
        loans["segment"] = NO_SEGMENT
    segment = loans["segment"].astype("str").where(loans["segment"].notna(), NO_SEGMENT)
    return loans.assign(segment=segment.astype("category"))


def _described(cells: Cells, name: str, rows: IntArray) -> Any:
    if name in _DATES:
        return cells.dates(name)[rows].astype("datetime64[s]")
    if name in ("original_balance", "rate", "instalment", "term_days"):
        return cells.numbers(name)[rows]
    if name in ("segment", "loan_type", "region"):
        words = cells.words(name)
        labels = pd.Index(list(words.labels), dtype="str")
        return pd.Categorical.from_codes(words.codes[rows], labels)
    return cells.texts(name).take(pa.array(rows)).to_pandas()


def build(rows: Rows, loans: pd.DataFrame, cells: Cells, as_of: date, digest: str) -> History:
    """The history of ``rows``, with everything said about them."""
    spec = cells.spec
    instalment = floats(loans, "instalment")
    maturity = loans["maturity_date"].to_numpy()
    panel, odd = complete(rows, instalment, maturity, spec)
    cells.note(odd)
    cells.note(ahead(panel, as_of))
    loans, panel = without_idle(loans, panel)
    failed = panel.pop("failed").to_numpy()
    return history_from_panel(
        loans,
        panel,
        source=cells.source,
        digest=digest,
        default_days=spec.default_days,
        defaulted=failed,
        findings=findings_of(cells.issues),
        totals=_totals(cells, rows),
    )


def floats(loans: pd.DataFrame, name: str) -> FloatArray:
    """A number column, NaN where it or a cell is missing."""
    if name not in loans:
        return np.full(len(loans), np.nan)
    return loans[name].to_numpy(dtype=np.float64, na_value=np.nan)


def ahead(panel: pd.DataFrame, as_of: date) -> list[Issue]:
    """A history that goes on after the tape's day knows its future."""
    month = int(panel["month"].max()) if len(panel) else 0
    if month <= month_of(np.datetime64(as_of, "D")):
        return []
    said = f"months up to as_of, {as_of}: what is fitted on all of it knows the tape's future"
    last = str(month_end(month).astype("datetime64[D]"))
    return [Issue("date", "after_as_of", "warning", said, np.array([-1]), [last])]


def _totals(cells: Cells, rows: Rows) -> pd.DataFrame:
    """Rows of the source, and the balances in the months that are kept [currency]."""
    read, refused = cells.table.num_rows, int(cells.refused.sum())
    balance = float(rows.balance.sum())
    return pd.DataFrame(
        {
            "item": ["read", "rejected", "kept", "months kept"],
            "rows": [read, refused, read - refused, len(rows.loan)],
            "balance": [np.nan, np.nan, np.nan, round(balance, 6)],
        }
    )
