"""Loans as the projection reads them: arrays of one length."""

from __future__ import annotations

from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from scfcap.pool.terms import DatedTerms, together
from scfcap.quantities import FloatArray, IntArray

#: Maturities later than this are taken as this [days]: 9999-12-31 means no end.
LONGEST_DAY = 36_525
#: What a row is of a revolving line that is drawn further: what is drawn at ``as_of``, or what is
#: not; every other loan is neither.
NO_DRAWS, DRAWN_PART, UNDRAWN_PART = range(3)
#: Delinquency of a loan that has defaulted, and what is added to that of one past its maturity.
HAS_DEFAULTED, IN_ARREARS = 5, 10


def _no_floats() -> FloatArray:
    return np.zeros(0)


def _no_integers() -> IntArray:
    return np.zeros(0, dtype=np.int64)


@dataclass(frozen=True)
class LoanArrays:
    """Loans as the kernel reads them; every array has shape (loans,).

    ``group`` is the row of the result, ``curve`` the segment of the curve set, ``loan_type`` a
    code of :data:`~scfcap.axes.LOAN_TYPES`. ``balance`` and ``accrued`` (interest not yet paid)
    are in currency, ``rate`` is a year's. ``hazard_scale`` multiplies the default intensity: 1
    where it is a year's; 365 / term in days where it is a lifetime's, and more with prepayment
    (see :mod:`~scfcap.cashflow.lifetime`). ``start_day`` and ``maturity_day`` are offsets from
    ``as_of`` [days]; a loan with ``start_day`` <= 0 is outstanding at ``as_of``, and must mature
    after it. ``origin_day`` is the day on which the loan was made, where curves go by age;
    ``shape`` says by which curve of its segment's; ``bucket`` is its delinquency at ``as_of``:
    :data:`HAS_DEFAULTED`, whatever the curve, of a loan that defaults at once; else, where the
    curve has roll rates, 0 current, 1: 1-30 days, 2: 31-60, 3: 61-90, 4: more, plus
    :data:`IN_ARREARS` where all of the loan is past due. They are 0 where not given. Without
    ``terms`` all payments fall on the ends of the grid's periods.

    ``draws`` is :data:`DRAWN_PART` or :data:`UNDRAWN_PART` of a revolving line on which borrowers
    draw, at ends of periods up to ``draws_until`` [days]: two rows, alike but for their amounts,
    of which that of the second is what is not drawn at ``as_of`` and owed by nobody. ``alike`` is
    one number for such lines whose payments are in proportion, 0 where that does not matter.
    """

    group: IntArray
    curve: IntArray
    loan_type: IntArray
    balance: FloatArray
    rate: FloatArray
    accrued: FloatArray
    hazard_scale: FloatArray
    start_day: IntArray
    maturity_day: IntArray
    origin_day: IntArray = field(default_factory=_no_integers)
    shape: IntArray = field(default_factory=_no_integers)
    bucket: IntArray = field(default_factory=_no_integers)
    draws: IntArray = field(default_factory=_no_integers)
    draws_until: IntArray = field(default_factory=_no_integers)
    alike: IntArray = field(default_factory=_no_integers)
    terms: DatedTerms | None = None

    def __post_init__(self) -> None:
        for name in ("origin_day", "shape", "bucket", "draws", "draws_until", "alike"):
            if len(getattr(self, name)) != len(self):
                object.__setattr__(self, name, np.zeros(len(self), dtype=np.int64))

    def __len__(self) -> int:
        return len(self.balance)

    def where(self, chosen: Any) -> LoanArrays:
        """The loans picked by an index or a mask."""
        columns = {name: getattr(self, name)[chosen] for name in COLUMNS}
        return LoanArrays(**columns, terms=self.terms and self.terms.where(chosen))

    def scaled(self, factor: FloatArray) -> LoanArrays:
        """The same loans with ``factor`` (loans,) of their amounts."""
        return replace(
            self,
            balance=self.balance * factor,
            accrued=self.accrued * factor,
            terms=self.terms and self.terms.scaled(factor),
        )


#: The arrays of :class:`LoanArrays`.
COLUMNS = tuple(f.name for f in fields(LoanArrays) if f.name != "terms")


def concatenate(parts: list[LoanArrays]) -> LoanArrays:
    """Loans of all ``parts``, in order; those without terms pay by the grid's periods."""
    if len(parts) == 1:
        return parts[0]
    columns = {name: np.concatenate([getattr(p, name) for p in parts]) for name in COLUMNS}
    terms = None
    if any(p.terms is not None for p in parts):
        terms = together([p.terms or DatedTerms.none(len(p)) for p in parts])
    return LoanArrays(**columns, terms=terms)
