"""When and how each loan pays: from the columns of the tape, else from its segment's contract."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.axes import DAY_COUNTS, FLAT_FEE, LOAN_TYPES, PAYMENT_STEPS
from scfcap.pool.accruals import accruing, day_counts, refuse_caps_below
from scfcap.pool.payment_days import (
    ONCE,
    PaymentDays,
    PaymentSeries,
    anchor_of,
    day_steps,
    days_from,
    next_reset_days,
)
from scfcap.pool.stated_terms import NO_DAY, NO_SPEC, Stated, calendar_of
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.contract import ContractSpec


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
        return replace(self, **{name: getattr(self, name) * factor for name in SCALED})

    def or_else(self, other: DatedTerms, rows: BoolArray) -> DatedTerms:
        """The same, but ``rows`` (mask) as in ``other``, which has no calendars and indices."""
        mixed: dict[str, Any] = {
            name: np.where(rows, getattr(other, name), getattr(self, name)) for name in ARRAYS
        }
        return replace(self, **mixed)

    def at_maturity(self, rows: BoolArray) -> DatedTerms:
        """The same, but ``rows`` (mask) are paid once, at the maturity, on whatever day it is."""
        return replace(
            self,
            next_day=np.where(rows, 0, self.next_day),
            calendar=np.where(rows, -1, self.calendar),
        )


#: The arrays of :class:`DatedTerms`.
ARRAYS: Final = tuple(f.name for f in fields(DatedTerms) if f.name not in ("calendars", "indices"))
#: Those that go with the size of a loan.
SCALED: Final = ("original", "fee", "upfront")
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
    stated = Stated.of(frame, contracts)
    if not stated.dated.any():
        return None
    days = PaymentDays.of(stated, as_of)
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
    refuse_caps_below(stated, floor, cap, index >= 0)
    terms = DatedTerms(
        every_months=days.months,
        every_days=days.days,
        next_day=days.next_day,
        anchor=days.anchor,
        from_day=days.from_day,
        day_count=day_counts(stated, days),
        calendar=calendar,
        grace=grace.astype(np.int64),
        original=original,
        fee=fee,
        upfront=np.zeros(len(frame)),
        index=index,
        margin=stated.amounts("rate_margin", "rate_margin"),
        floor=floor,
        cap=cap,
        next_reset_day=next_reset_days(stated.dates("next_reset_date"), months, as_of),
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


def monthly_terms(
    terms: DatedTerms | None, rows: BoolArray, as_of: date, maturity_day: IntArray
) -> DatedTerms:
    """``terms`` of outstanding loans, of which ``rows`` (mask) that pay by the grid's periods pay
    by the month instead, as a plain :class:`ContractSpec` has it.

    Payments are counted back from the maturity (offsets ``maturity_day``); interest runs from
    ``as_of``, as it does where loans pay by periods.
    """
    old = DatedTerms.none(len(rows)) if terms is None else terms
    rows = rows & ~old.dated
    plain = new_terms(
        NO_SPEC,
        as_of,
        np.full(len(rows), LOAN_TYPES.index("level_payment"), dtype=np.int64),
        days=(np.zeros(len(rows), dtype=np.int64), np.maximum(maturity_day, 1)),
        lent=np.zeros(len(rows)),
        dated=rows,
    )
    return old if plain is None else old.or_else(plain, rows)


def new_terms(
    contract: ContractSpec | None,
    as_of: date,
    loan_type: IntArray,
    *,
    days: tuple[IntArray, IntArray],
    lent: FloatArray,
    dated: BoolArray | None = None,
) -> DatedTerms | None:
    """Terms of loans that are made after ``as_of``; None where all pay by the grid's periods.

    ``days``: offsets of start and maturity; ``lent`` [currency], of which fees are shares. Without
    a ``contract`` only flat fees, and loans ``dated`` (mask), pay by dates, as a plain
    :class:`ContractSpec` has it.
    """
    by_dates = (loan_type == FLAT_FEE) | (contract is not None)
    dated = by_dates if dated is None else by_dates | dated
    if not dated.any():
        return None
    spec, count = contract or NO_SPEC, len(lent)
    begin, end = (np.datetime64(as_of, "D") + day_steps(offset) for offset in days)
    months, by_days = PAYMENT_STEPS[spec.payment_every]
    once = months == by_days == 0
    anchor = anchor_of(np.full(count, NO_DAY), end, np.full(count, spec.payment_day or 0))
    series = PaymentSeries(end, np.full(count, months), np.full(count, by_days), anchor)
    first = end if once else np.minimum(series.day(series.after(begin)), end)
    calendar = calendar_of(spec)
    whole: dict[str, Any] = {
        "every_months": ONCE if once else months,
        "every_days": by_days,
        "next_day": days_from(first, np.datetime64(as_of, "D")),
        "anchor": anchor,
        "from_day": days[0],
        "day_count": accruing(
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
