"""When and how each loan pays: from the columns of the tape, else from its segment's contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.axes import DAY_COUNTS, FLAT_FEE, LOAN_TYPES, PAID_ONCE, PAYMENT_STEPS
from scfcap.daycount import ACT_365, ACT_ACT_ICMA, month_days
from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.contract import ContractSpec

#: Months between payments of a contract that is paid once, at maturity: longer than any.
ONCE: Final = 1200
#: Columns of which each makes a loan one that pays by dates.
TAPE_COLUMNS: Final = (
    *("payment_every", "next_payment_date", "day_count", "grace_payments", "payment_fee"),
    "rate_index",
)
#: Faulty loans that a refusal names.
_NAMED: Final = 20
_NO_SPEC: Final = ContractSpec()
_NO_DAY: Final = np.datetime64("NaT", "D")


@dataclass(frozen=True)
class DatedTerms:
    """Contracts that pay on days of their own; every array has shape (loans,).

    A payment falls due every ``every_months`` months on day ``anchor`` of the month, or every
    ``every_days`` days; where both are 0, at the ends of the grid's periods. The last one is at
    the maturity. Days are offsets from ``as_of`` and not yet moved to business days: ``next_day``
    of the next payment, ``from_day`` from which interest has accrued, ``next_reset_day`` of the
    next repricing, every ``reset_months`` months. ``day_count`` is a code of
    :data:`~scfcap.axes.DAY_COUNTS`, ``calendar`` a row of ``calendars`` (-1: every day is a
    business day). The next ``grace`` payments are of interest alone. ``original`` is the principal
    lent, on which flat fees are reckoned, ``fee`` what each payment costs besides, ``upfront``
    what the loan costs on the day it is made; all in currency. ``index`` is a row of ``indices``
    (-1: fixed); from the next reset on the rate is the index plus ``margin``, not below ``floor``
    nor above ``cap`` [1/year].

    ``calendars``: names of calendars and conventions; ``indices``: names of indices.
    """

    every_months: IntArray
    every_days: IntArray
    next_day: IntArray
    anchor: IntArray
    from_day: IntArray
    day_count: IntArray
    calendar: IntArray
    grace: IntArray
    original: FloatArray
    fee: FloatArray
    upfront: FloatArray
    index: IntArray
    margin: FloatArray
    floor: FloatArray
    cap: FloatArray
    next_reset_day: IntArray
    reset_months: IntArray
    calendars: tuple[tuple[str, str], ...] = ()
    indices: tuple[str, ...] = ()

    @classmethod
    def none(cls, count: int) -> DatedTerms:
        """Contracts that pay by the grid's periods."""
        values: dict[str, Any] = {
            name: np.zeros(count, dtype=np.float64 if name in _AMOUNTS else np.int64)
            for name in ARRAYS
        }
        values["calendar"] = values["index"] = np.full(count, -1, dtype=np.int64)
        return cls(**values)

    def __len__(self) -> int:
        return len(self.next_day)

    @property
    def dated(self) -> BoolArray:
        """Loans that pay on days of their own (loans,)."""
        return np.asarray((self.every_months > 0) | (self.every_days > 0))

    def where(self, chosen: Any) -> DatedTerms:
        """The contracts picked by an index or a mask."""
        picked: dict[str, Any] = {name: getattr(self, name)[chosen] for name in ARRAYS}
        return replace(self, **picked)

    def scaled(self, factor: FloatArray) -> DatedTerms:
        """The same contracts for ``factor`` (loans,) of the amounts."""
        return replace(
            self,
            original=self.original * factor,
            fee=self.fee * factor,
            upfront=self.upfront * factor,
        )

    def at_maturity(self, rows: BoolArray) -> DatedTerms:
        """The same, but ``rows`` (mask) are paid once, at the maturity, on whatever day it is."""
        return replace(
            self,
            next_day=np.where(rows, 0, self.next_day),
            calendar=np.where(rows, -1, self.calendar),
        )


#: The arrays of :class:`DatedTerms`.
ARRAYS: Final = tuple(f.name for f in fields(DatedTerms) if f.name not in ("calendars", "indices"))
_AMOUNTS: Final = ("original", "fee", "upfront", "margin", "floor", "cap")


def together(parts: Sequence[DatedTerms]) -> DatedTerms:
    """Contracts of all ``parts``, in order; names of calendars and indices each once."""
    calendars = tuple(dict.fromkeys(name for part in parts for name in part.calendars))
    indices = tuple(dict.fromkeys(name for part in parts for name in part.indices))
    columns: dict[str, Any] = {
        name: np.concatenate([getattr(part, name) for part in parts]) for name in ARRAYS
    }
    columns["calendar"] = np.concatenate(
        [_renumbered(p.calendar, p.calendars, calendars) for p in parts]
    )
    columns["index"] = np.concatenate([_renumbered(p.index, p.indices, indices) for p in parts])
    return DatedTerms(**columns, calendars=calendars, indices=indices)


def _renumbered(codes: IntArray, old: Sequence[object], new: Sequence[object]) -> IntArray:
    place = np.array([*(new.index(name) for name in old), -1], dtype=np.int64)
    return np.asarray(place[codes])


def terms_of(
    frame: pd.DataFrame, as_of: date, contracts: Mapping[str, ContractSpec]
) -> DatedTerms | None:
    """Terms of the loans in ``frame``; None where all pay by the grid's periods.

    A loan pays by dates if its segment has a contract, it is of the type ``flat_fee``, or the tape
    has a payment frequency, next payment, day count, grace, fee or index for it. What the tape
    does not say is the contract's, else that of a plain :class:`ContractSpec`.
    """
    stated = _Stated.of(frame, contracts)
    if not stated.dated.any():
        return None
    days = _PaymentDays.of(stated, as_of)
    original = frame["original_balance"].to_numpy(dtype=np.float64)
    fee = stated.amounts("payment_fee", "payment_fee")
    from_tape = stated.known("payment_fee")
    fee += np.where(from_tape, 0.0, original * stated.spec("payment_fee_share"))
    grace = np.where(
        stated.known("grace_payments"),
        stated.amounts("grace_payments", "grace_payments"),
        np.maximum(stated.spec("grace_payments") - days.made, 0.0),
    )
    calendars, calendar = stated.calendars()
    indices, index = stated.indices()
    months = stated.amounts("reset_months", "reset_months").astype(np.int64)
    floor, cap = (stated.amounts(name, name) for name in ("rate_floor", "rate_cap"))
    _refuse_caps_below(stated, floor, cap, index >= 0)
    terms = DatedTerms(
        every_months=days.months,
        every_days=days.days,
        next_day=days.next_day,
        anchor=days.anchor,
        from_day=days.from_day,
        day_count=_day_counts(stated, days),
        calendar=calendar,
        grace=grace.astype(np.int64),
        original=original,
        fee=fee,
        upfront=np.zeros(len(frame)),
        index=index,
        margin=stated.amounts("rate_margin", "rate_margin"),
        floor=floor,
        cap=cap,
        next_reset_day=_next_reset(stated.dates("next_reset_date"), months, as_of),
        reset_months=months,
        calendars=calendars,
        indices=indices,
    )
    if stated.dated.all():
        return terms
    none = DatedTerms.none(len(frame))
    mixed: dict[str, Any] = {
        name: np.where(stated.dated, getattr(terms, name), getattr(none, name)) for name in ARRAYS
    }
    return replace(terms, **mixed)


def new_terms(
    contract: ContractSpec | None,
    as_of: date,
    loan_type: IntArray,
    *,
    days: tuple[IntArray, IntArray],
    lent: FloatArray,
) -> DatedTerms | None:
    """Terms of loans that are made after ``as_of``; None where all pay by the grid's periods.

    ``days``: offsets of start and maturity; ``lent`` [currency], of which fees are shares. Without
    a ``contract`` only flat fees are dated, as a plain :class:`ContractSpec` has it.
    """
    dated = (loan_type == FLAT_FEE) | (contract is not None)
    if not dated.any():
        return None
    spec, count = contract or _NO_SPEC, len(lent)
    begin, end = (np.datetime64(as_of, "D") + _days(offset) for offset in days)
    months, by_days = PAYMENT_STEPS[spec.payment_every]
    once = months == by_days == 0
    anchor = _anchor(np.full(count, _NO_DAY), end, np.full(count, spec.payment_day or 0))
    series = _Series(end, np.full(count, months), np.full(count, by_days), anchor)
    first = end if once else np.minimum(series.day(series.after(begin)), end)
    calendar = _calendar_of(spec)
    whole: dict[str, Any] = {
        "every_months": ONCE if once else months,
        "every_days": by_days,
        "next_day": _offset(first, np.datetime64(as_of, "D")),
        "anchor": anchor,
        "from_day": days[0],
        "day_count": _accruing(
            np.full(count, -1 if spec.day_count is None else DAY_COUNTS.index(spec.day_count)),
            (np.full(count, months), np.full(count, by_days)),
            loan_type,
        ),
        "calendar": -1 if calendar is None else 0,
        "grace": spec.grace_payments,
        "original": lent,
        "fee": spec.payment_fee_share * lent,
        "upfront": spec.upfront_fee * lent,
        "index": -1 if spec.rate_index is None else 0,
        "margin": spec.rate_margin,
        "floor": spec.rate_floor,
        "cap": spec.rate_cap,
        "next_reset_day": days[0],  # the first rate is the index's of the start
        "reset_months": spec.reset_months,
    }
    none = DatedTerms.none(count)
    columns: dict[str, Any] = {
        name: np.where(dated, whole[name], getattr(none, name)) for name in ARRAYS
    }
    return DatedTerms(
        **columns,
        calendars=() if calendar is None else (calendar,),
        indices=() if spec.rate_index is None else (spec.rate_index,),
    )


def _day_counts(stated: _Stated, days: _PaymentDays) -> IntArray:
    """Day count by which each loan's interest runs: see :class:`ContractSpec`.

    Raises:
        InputError: act/act-icma of tape or contract, for a loan that is paid every so many days.
    """
    names, codes = stated.labels("day_count", [spec.day_count for spec in stated.specs])
    place = np.array([*(DAY_COUNTS.index(name) for name in names), -1], dtype=np.int64)
    known = place[codes]
    wrong = np.flatnonzero(stated.dated & (known == ACT_ACT_ICMA) & (days.days > 0))
    if len(wrong):
        raise InputError(_no_regular_months(stated, wrong, days.days))
    kinds = stated.frame["loan_type"]
    loan_type = np.array([*map(LOAN_TYPES.index, kinds.cat.categories), -1], dtype=np.int64)
    return _accruing(known, (days.months, days.days), loan_type[kinds.cat.codes.to_numpy()])


def _no_regular_months(stated: _Stated, rows: IntArray, days: IntArray) -> list[Problem]:
    """Loans of which act/act-icma knows no regular period."""
    from_tape = stated.known("day_count")
    return [
        Problem(
            stated.place(row, "day_count" if from_tape[row] else "payment_every"),
            f'"act/act-icma", with a payment every {int(days[row])} days' + _others(rows, row),
            "payments by months, of whose periods it takes shares",
            "State another day_count, such as act/365, for loans that are paid by days.",
        )
        for row in rows[:_NAMED]
    ]


def _refuse_caps_below(
    stated: _Stated, floor: FloatArray, cap: FloatArray, floating: BoolArray
) -> None:
    """Refuse floating rates that no rate fits between: one bound of the tape, one of the contract.

    Raises:
        InputError: the cap of a loan is below its floor.
    """
    rows = np.flatnonzero(stated.dated & floating & (floor > cap))
    if not len(rows):
        return
    from_tape = stated.known("rate_cap")
    problems = []
    for row in rows[:_NAMED]:
        own, other = ("rate_cap", "rate_floor") if from_tape[row] else ("rate_floor", "rate_cap")
        bounds = {"rate_cap": float(cap[row]), "rate_floor": float(floor[row])}
        problems.append(
            Problem(
                stated.place(row, own),
                f"{bounds[own]:.6g}, with {other} {bounds[other]:.6g}" + _others(rows, row),
                "a floor up to the cap",
                "Correct the tape, or the segment's contract.",
            )
        )
    raise InputError(problems)


def _others(rows: IntArray, row: int) -> str:
    """Said with the last loan that is named: how many more there are."""
    more = len(rows) - _NAMED
    return f" (and {more:,} more loans)" if more > 0 and row == rows[_NAMED - 1] else ""


def _accruing(known: IntArray, every: tuple[IntArray, IntArray], loan_type: IntArray) -> IntArray:
    """Codes of day counts; of those not ``known`` (-1) the one that goes with the payments.

    ``every``: months and days from one payment to the next. Months of a flat fee are twelfths.
    """
    months, days = every
    by_months = (months > 0) & (months != ONCE) & (days == 0)
    once = np.isin(loan_type, [LOAN_TYPES.index(name) for name in PAID_ONCE])
    default = np.where(by_months & ~once, ACT_ACT_ICMA, ACT_365)
    nominal = by_months & (loan_type == FLAT_FEE)
    return np.where(nominal, ACT_ACT_ICMA, np.where(known < 0, default, known))


def _calendar_of(spec: ContractSpec) -> tuple[str, str] | None:
    """Calendar and convention of a contract; None where no day is moved."""
    if spec.calendar == "every-day" or spec.convention == "unadjusted":
        return None
    return spec.calendar, spec.convention


@dataclass(frozen=True)
class _Stated:
    """What tape and contracts say of each loan; ``segment`` (loans,) picks one of ``specs``."""

    frame: pd.DataFrame
    specs: tuple[ContractSpec, ...]
    segment: IntArray
    dated: BoolArray

    @classmethod
    def of(cls, frame: pd.DataFrame, contracts: Mapping[str, ContractSpec]) -> _Stated:
        names = [str(name) for name in frame["segment"].cat.categories]
        segment = frame["segment"].cat.codes.to_numpy().astype(np.int64)
        by_contract = np.array([*(name in contracts for name in names), False])[segment]
        flat = (frame["loan_type"] == "flat_fee").to_numpy(dtype=np.bool_)
        specs = (*(contracts.get(name, _NO_SPEC) for name in names), _NO_SPEC)
        dated = by_contract | flat
        for name in TAPE_COLUMNS:
            if name in frame:
                dated |= frame[name].notna().to_numpy()
        return cls(frame, specs, segment, dated)

    def known(self, column: str) -> BoolArray:
        """Loans for which the tape has a value."""
        if column not in self.frame:
            return np.zeros(len(self.frame), dtype=np.bool_)
        return self.frame[column].notna().to_numpy(dtype=np.bool_)

    def place(self, row: int, column: str) -> str:
        """Where a fault is: loan and column."""
        name = self.frame["loan_id"].iloc[row] if "loan_id" in self.frame else row + 1
        return f"tape: loan {name}, column {column}"

    def spec(self, key: str) -> FloatArray:
        """A number of the contracts, by loan."""
        return np.array([getattr(s, key) or 0.0 for s in self.specs], dtype=np.float64)[
            self.segment
        ]

    def amounts(self, column: str, key: str) -> FloatArray:
        """Numbers of the tape, else of the contracts."""
        stated = self.spec(key)
        if column not in self.frame:
            return stated
        cells = self.frame[column].to_numpy(dtype=np.float64, na_value=np.nan)
        return np.where(np.isnan(cells), stated, cells)

    def labels(self, column: str, values: Sequence[str | None]) -> tuple[list[str], IntArray]:
        """Distinct words and each loan's, -1 for none: of the tape, else of ``values`` by spec."""
        known = list(dict.fromkeys(value for value in values if value is not None))
        cells = self.frame[column].astype("category") if column in self.frame else None
        theirs = [] if cells is None else [str(label) for label in cells.cat.categories]
        names = list(dict.fromkeys([*known, *theirs]))
        own = np.array([-1 if v is None else names.index(v) for v in values], dtype=np.int64)
        codes = own[self.segment]
        if cells is not None:
            place = np.array([*(names.index(label) for label in theirs), -1], dtype=np.int64)
            found = place[cells.cat.codes.to_numpy()]
            codes = np.where(found < 0, codes, found)
        return names, codes

    def codes(self, key: str, order: Sequence[str]) -> IntArray:
        """Places in ``order`` of a word of the tape, else of the contracts."""
        names, codes = self.labels(key, [getattr(spec, key) for spec in self.specs])
        return np.array([order.index(name) for name in names], dtype=np.int64)[codes]

    def indices(self) -> tuple[tuple[str, ...], IntArray]:
        """Names of the indices that rates follow, and each loan's (-1: fixed)."""
        names, codes = self.labels("rate_index", [spec.rate_index for spec in self.specs])
        used = sorted(set(codes[codes >= 0].tolist()), key=names.__getitem__)
        place = np.full(len(names) + 1, -1, dtype=np.int64)
        place[used] = np.arange(len(used))
        return tuple(names[k] for k in used), place[codes]

    def calendars(self) -> tuple[tuple[tuple[str, str], ...], IntArray]:
        """Calendars with their conventions, and each loan's (-1: every day is open)."""
        pairs = [_calendar_of(spec) for spec in self.specs]
        names = tuple(sorted({pair for pair in pairs if pair is not None}))
        codes = [-1 if pair is None else names.index(pair) for pair in pairs]
        return names, np.array(codes, dtype=np.int64)[self.segment]

    def dates(self, column: str) -> Any:
        """A date column by day, NaT where the tape has none."""
        if column not in self.frame:
            return np.full(len(self.frame), _NO_DAY)
        return self.frame[column].to_numpy().astype("datetime64[D]")


@dataclass(frozen=True)
class _PaymentDays:
    """Payments of each loan: see :class:`DatedTerms`; ``made``: how many fell due by ``as_of``."""

    months: IntArray
    days: IntArray
    anchor: IntArray
    next_day: IntArray
    from_day: IntArray
    made: IntArray

    @classmethod
    def of(cls, stated: _Stated, as_of: date) -> _PaymentDays:
        day = np.datetime64(as_of, "D")
        steps = np.array(list(PAYMENT_STEPS.values()), dtype=np.int64)
        step = steps[stated.codes("payment_every", list(PAYMENT_STEPS))]
        once = (step == 0).all(axis=1)
        months, days = np.where(once, ONCE, step[:, 0]), np.where(once, 0, step[:, 1])
        start, end = stated.dates("origination_date"), stated.dates("maturity_date")
        said = stated.dates("next_payment_date")
        said = np.where(once | (said > end), _NO_DAY, said)
        anchor = _anchor(said, end, stated.spec("payment_day").astype(np.int64))
        series = _Series(np.where(np.isnat(said), end, said), months, days, anchor)
        number = series.after(np.broadcast_to(day, start.shape))
        at = np.where(said > day, 0, number)
        following = np.where(said > day, said, series.day(number))
        whole = once | stated.frame["loan_type"].isin(PAID_ONCE).to_numpy()
        begun = np.where(whole, start, np.maximum(_begun(stated, series.day(at - 1), day), start))
        return cls(
            months=months,
            days=days,
            anchor=anchor,
            next_day=_offset(np.where(once, end, np.minimum(following, end)), day),
            from_day=_offset(np.where((end <= day) & ~whole, day, begun), day),
            made=np.maximum(at - series.after(start), 0),
        )


def _begun(stated: _Stated, before: Any, day: Any) -> Any:
    """Day from which interest has accrued: that of the payment before the next.

    Where that too lies ahead (a long first period, a holiday), the day on which the loan was made
    if nothing has been repaid of it, else as_of.
    """
    owed, lent = (
        stated.frame[name].to_numpy(dtype=np.float64)
        for name in ("current_balance", "original_balance")
    )
    early = np.where(owed >= lent, stated.dates("origination_date"), day)
    return np.where(before > day, early, before)


@dataclass(frozen=True)
class _Series:
    """Payment days one after the other; number 0 is in the month of ``reference``, or that day."""

    reference: Any
    months: IntArray
    days: IntArray
    anchor: IntArray

    def day(self, number: IntArray) -> Any:
        """The payment day of a number."""
        month = self.reference.astype("datetime64[M]") + _months(number * self.months)
        by_day = self.reference + _days(number * self.days)
        return np.where(self.days > 0, by_day, month_days(month, self.anchor))

    def after(self, day: Any) -> IntArray:
        """Number of the first payment after ``day``."""
        apart = (day - self.reference).astype(np.int64)
        by_day = apart // np.maximum(self.days, 1) + 1
        months = (day.astype("datetime64[M]") - self.reference.astype("datetime64[M]")).astype(
            np.int64
        ) // np.maximum(self.months, 1)
        months = months + (self.day(months) <= day)
        return np.asarray(np.where(self.days > 0, by_day, months))


def _anchor(said: Any, end: Any, stated: IntArray) -> IntArray:
    """Day of the month of payments: stated, else the next payment's, else the maturity's.

    A next payment on the last day of its month keeps to the maturity's day where that is later.
    """
    reference = np.where(np.isnat(said), end, said)
    own, last = _day_of_month(reference), _day_of_month(end)
    month_end = _day_of_month(reference + _days(np.array(1))) == 1
    return np.where(stated > 0, stated, np.where(month_end & (last > own), last, own))


def _next_reset(said: Any, months: IntArray, as_of: date) -> IntArray:
    """The first reset after ``as_of``: stated, or later by whole steps; else a step from as_of."""
    day = np.datetime64(as_of, "D")
    reference = np.where(np.isnat(said), day, said)
    steps = np.maximum(months, 1)
    series = _Series(reference, steps, np.zeros_like(steps), _day_of_month(reference))
    ahead = series.day(series.after(np.broadcast_to(day, reference.shape)))
    return _offset(np.where(said > day, said, ahead), day)


def _day_of_month(day: Any) -> IntArray:
    first = day.astype("datetime64[M]").astype("datetime64[D]")
    return np.asarray((day - first).astype(np.int64) + 1)


def _offset(day: Any, as_of: Any) -> IntArray:
    return np.asarray((day - as_of).astype(np.int64))


def _days(count: IntArray) -> Any:
    return np.asarray(count).astype("timedelta64[D]")


def _months(count: IntArray) -> Any:
    return np.asarray(count).astype("timedelta64[M]")
