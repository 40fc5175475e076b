"""Log-hazards of default and prepayment by a loan's age.

Standard curves go by months since origination; curves of cumulative shares, and a lifetime loss
with its timing, by days. A cumulative share is of the amount lent, so the hazard of a day is what
goes on it over what still stands: the share of loans not yet gone times what their contract still
owes. Default comes first on each day, prepayment is taken from what remains. This says what a loan
of an age has behind it; what is ahead, the projection finds by the periods of its grid
(:mod:`~scfcap.cashflow.clocks`), so that the stated shares are met on any grid.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.axes import EQUAL_PRINCIPAL, FLAT_FEE, LEVEL_PAYMENT
from scfcap.credit.languages import AT_ONCE, BY_AGE
from scfcap.credit.speeds import (
    abs_smm,
    intensity,
    loss_to_default,
    psa_cpr,
    sda_cdr,
    spread_evenly,
)
from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.languages import AgeCurve

#: Languages that go by months since origination, of the bond market's standard curves.
BY_MONTH = ("psa", "sda", "abs")
#: Languages that tell a cumulative share of the amount lent by days since origination.
BY_DAY = ("lifetime_loss", "default_by_age", "prepay_by_age")
#: Rates of loans with instalments are taken together in bins of this width [1/year]: they tell
#: how much of a loan is still owed at as_of, of which what has gone before is taken.
RATE_BIN = 0.05
#: Days in a month where a curve by months meets one by days.
_MONTH = 365.0 / 12.0
#: More than this share of what performs cannot go.
_ALL = 1.0 + 1e-9
#: Share of the loans that counts as none.
_NONE = 1e-12
_KINDS, _RATES = 4, 1 << 16


def goes_by_age(credit: SegmentCredit) -> bool:
    """Whether loans default or are prepaid by their age."""
    return bool({credit.default_language, credit.prepay_language} & set(BY_AGE))


@dataclass(frozen=True)
class Ageing:
    """A segment whose loans default or are prepaid by age.

    ``name`` of its curve, ``per_year`` periods of the grid a year, in which instalments are paid.
    """

    name: str
    credit: SegmentCredit
    per_year: float

    @property
    def default(self) -> str:
        """The language of default where it goes by age, else empty."""
        language = self.credit.default_language
        return language if language in BY_AGE else ""

    @property
    def prepay(self) -> str:
        """The language of prepayment where it goes by age, else empty."""
        language = self.credit.prepay_language
        return language if language in BY_AGE else ""

    def shapes(self, loan_type: IntArray, rate: FloatArray, term: IntArray) -> IntArray:
        """Code of what a loan's hazards depend on besides its age, shape as given.

        ``loan_type`` codes of :data:`~scfcap.axes.LOAN_TYPES`, ``rate`` [1/year], ``term`` the
        original one [days]. The code holds the term where it matters, or the first of the range of
        terms to which it belongs; for loans with instalments also their type and rate, in bins of
        :data:`RATE_BIN`. 0 where nothing but age matters.

        Raises:
            InputError: a term is in none of the ranges of a segment's curves.
        """
        code = np.zeros(len(term), dtype=np.int64)
        if not {self.default, self.prepay} & set(BY_DAY):
            return code
        term = np.clip(term, 1, 36_525)
        even = (loan_type == EQUAL_PRINCIPAL) | (loan_type == FLAT_FEE)
        kind = np.where(loan_type == LEVEL_PAYMENT, 1, np.where(even, 2, 0))
        binned = np.where(kind == 1, np.rint(rate / RATE_BIN), 0).astype(np.int64)
        first = np.zeros(len(term), dtype=np.int64)
        for language in sorted({self.default, self.prepay} & {"default_by_age", "prepay_by_age"}):
            first = np.maximum(first, self._first_of_range(language, term))
        exact = (kind > 0) | (self.default == "lifetime_loss")
        code = np.where(exact, term, first) * _KINDS + kind
        return np.asarray(code * _RATES + np.clip(binned, 0, _RATES - 1))

    def _first_of_range(self, language: str, term: IntArray) -> IntArray:
        """Shortest term of the range to which each term belongs."""
        first = np.full(len(term), -1, dtype=np.int64)
        for curve in self._curves(language):
            low, high = curve.terms or (0, 36_525)
            first[(term >= low) & (term <= high)] = low
        if (first < 0).any():
            outside = np.unique(term[first < 0])
            ranges = [f"{c.terms[0]} to {c.terms[1]}" for c in self._curves(language) if c.terms]
            raise InputError(
                Problem(
                    f"model.toml: credit.segments.{self.name}.{language}",
                    f"loans with an original term of {outside[0]} days"
                    + (f" to {outside[-1]} days" if len(outside) > 1 else ""),
                    f"terms in one of the ranges {', '.join(ranges)} days",
                    "Add a curve for these terms, or widen a range.",
                )
            )
        return first

    def _curves(self, language: str) -> tuple[AgeCurve, ...]:
        return getattr(self.credit, language) or ()

    def by_month(self, language: str, months: int) -> FloatArray:
        """Cumulative log-hazard after 0, 1, ... ``months`` months since origination."""
        credit, month = self.credit, np.arange(1, months + 1)
        if language == "psa":
            hazard = intensity(psa_cpr(credit.psa or 0.0, month)) / 12.0
        elif language == "sda":
            hazard = intensity(sda_cdr(credit.sda or 0.0, month)) / 12.0
        else:
            hazard = intensity(abs_smm(credit.abs or 0.0, month))
        return _cumulated(np.minimum(hazard, AT_ONCE))

    def cumulative(self, language: str, shape: IntArray, age: IntArray) -> FloatArray:
        """Cumulative share of the amount lent that has gone by an ``age`` [days], shape as given.

        ``shape`` (R,), ``age`` (R,) or [R, ...]. After the end of a curve it stays.
        """
        term = shape // _RATES // _KINDS
        if language == "lifetime_loss":
            share = loss_to_default(self.credit.lifetime_loss or 0.0, self.credit.severity)
            timing = self.credit.loss_timing or (1.0,)
            total = spread_evenly(timing, len(timing))
            life = np.maximum(term, 1).reshape(-1, *[1] * (age.ndim - 1))
            place = np.minimum(age / life, 1.0) * len(timing)
            return np.asarray(share * np.interp(place, np.arange(len(total)), total))
        found = np.zeros(age.shape)
        for curve in self._curves(language):
            low, high = curve.terms or (0, 36_525)
            mine = (term >= low) & (term <= high)
            found[mine] = np.interp(age[mine], [0.0, *curve.ages], [0.0, *curve.cumulative])
        return found

    def with_instalments(self, shape: IntArray) -> BoolArray:
        """Whether loans with these codes repay principal before they mature."""
        return np.asarray(shape // _RATES % _KINDS > 0)

    def by_day(self, shape: IntArray) -> Life:
        """Loans with the codes ``shape`` (R,) day by day, to where the longest stated curve ends.

        The shorter ones have nothing more after their end.

        Raises:
            InputError: more would default, or be prepaid, than still stands.
        """
        told = [name if name in BY_DAY else "" for name in (self.default, self.prepay)]
        term, kind = np.divmod(shape // _RATES, _KINDS)
        ends = [term if n == "lifetime_loss" else self.last_ages(n, shape) for n in told if n]
        days = max(int(each.max()) for each in ends)
        age = np.broadcast_to(np.arange(days + 1), (len(shape), days + 1))
        rate = np.asarray(shape % _RATES * RATE_BIN, dtype=np.float64)
        owed = self._owed(term, kind, rate, days)
        gone, early = (
            np.diff(self.cumulative(name, shape, age), axis=1) / owed if name else None
            for name in told
        )
        default, prepay = _competing(
            gone, early, (self._daily("default", days), self._daily("prepay", days))
        )
        inside = (np.arange(days) < term[:, None]) | (kind == 0)[:, None]
        for language, shares, cause in zip(told, (gone, early), (default, prepay), strict=True):
            if shares is not None:
                self._refuse(language, np.where(inside, shares, 0.0), cause.standing, owed)
        return Life(default.hazard, prepay.hazard, owed)

    def last_ages(self, language: str, shape: IntArray) -> IntArray:
        """Age at which the stated curve ends [days], shape as given; ``run_on`` says what then."""
        found = np.full(len(shape), 36_525, dtype=np.int64)
        if language not in ("default_by_age", "prepay_by_age"):
            return found
        term = shape // _RATES // _KINDS
        for curve in self._curves(language):
            low, high = curve.terms or (0, 36_525)
            found[(term >= low) & (term <= high)] = curve.ages[-1]
        return found

    def _daily(self, cause: str, days: int) -> FloatArray:
        """Log-hazard of each day of age where the cause is told as a speed (days,)."""
        credit = self.credit
        language = credit.default_language if cause == "default" else credit.prepay_language
        if language in BY_MONTH:
            month = np.arange(days) / _MONTH
            total = self.by_month(language, int(days / _MONTH) + 2)
            at = np.interp(np.append(month, days / _MONTH), np.arange(len(total)), total)
            return np.diff(at)
        if language in BY_DAY:
            return np.zeros(days)
        yearly = intensity(getattr(credit, language), 12.0 if language in ("mdr", "smm") else 1.0)
        return np.full(days, float(np.mean(np.minimum(yearly, AT_ONCE))) / 365.0)

    def _owed(self, term: IntArray, kind: IntArray, rate: FloatArray, days: int) -> FloatArray:
        """What contracts still owe of 1 lent, on each day of age [R, days]."""
        count = np.maximum(np.ceil(term * self.per_year / 365.0 - 1e-9), 1.0)[:, None]
        paid = np.arange(days) * count // np.maximum(term, 1)[:, None]
        paid = np.minimum(paid, count - 1.0)
        growth = np.log1p(np.maximum(rate, 1e-9) / self.per_year)[:, None]
        level = np.expm1((paid - count) * growth) / np.expm1(-count * growth)
        kinds = [(kind == 1)[:, None], (kind == 2)[:, None]]
        return np.asarray(np.select(kinds, [level, 1.0 - paid / count], 1.0))

    def _refuse(
        self, language: str, shares: FloatArray, standing: FloatArray, owed: FloatArray
    ) -> None:
        wrong = np.argwhere(shares > np.maximum(standing, 0.0) * _ALL + _NONE)
        if wrong.size:
            row, day = wrong[0]
            verb = "prepaid" if language == self.prepay else "in default"
            goes, left = shares[row, day], max(standing[row, day], 0.0)
            raise InputError(
                Problem(
                    f"model.toml: credit.segments.{self.name}.{language}",
                    f"{goes * owed[row, day]:.4%} of the amount lent to be {verb} at an age of "
                    f"{day + 1} days, where {left * owed[row, day]:.4%} still stands",
                    "a curve below what the contracts and the other cause leave",
                )
            )


@dataclass(frozen=True)
class Life:
    """Log-hazards of default and of prepayment on each day of age, and what a contract for 1 owes
    on it; all [R, days].
    """

    default: FloatArray
    prepay: FloatArray
    owed: FloatArray

    def standing(self, row: IntArray, age: IntArray) -> FloatArray:
        """Share of the amount lent that still stands of each ``row`` at its ``age`` [days]."""
        total = np.cumsum(self.default + self.prepay, axis=1)
        last = self.owed.shape[1] - 1
        gone = np.where(age > 0, total[row, np.clip(age - 1, 0, last)], 0.0)
        return np.maximum(np.exp(-gone) * self.owed[row, np.clip(age, 0, last)], _NONE)


@dataclass(frozen=True)
class _Cause:
    """Log-hazard of each day, and the share of the loans that stands before it; [R, days]."""

    hazard: FloatArray
    standing: FloatArray


def _competing(
    gone: FloatArray | None, early: FloatArray | None, given: tuple[FloatArray, FloatArray]
) -> tuple[_Cause, _Cause]:
    """Default and prepayment of loans of which ``gone`` and ``early`` are the shares that leave.

    ``gone`` and ``early`` [R, days], in loans; None where ``given`` (days,) has the log-hazard
    instead. With G what the given hazards leave, the loans standing are G times one less all that
    left over G.
    """
    first, second = given
    begin = np.maximum(np.exp(-_before(first + second)), _NONE)
    between = np.maximum(begin * np.exp(-first), _NONE)
    shape = next(each.shape for each in (gone, early) if each is not None)
    left = np.zeros(shape)
    if gone is not None:
        left += gone / begin
    if early is not None:
        left += early / between
    alive = 1.0 - _before(left)
    standing = begin * alive
    remaining = between * (alive if gone is None else alive - gone / begin)
    given_default, given_prepay = (np.broadcast_to(each, shape) for each in given)
    return (
        _Cause(given_default if gone is None else _log_hazard(gone, standing), standing),
        _Cause(given_prepay if early is None else _log_hazard(early, remaining), remaining),
    )


def _before(values: FloatArray) -> FloatArray:
    """Sum of all that comes before each, along the last axis."""
    total = np.cumsum(values, axis=-1)
    return np.concatenate([np.zeros((*values.shape[:-1], 1)), total[..., :-1]], axis=-1)


def _log_hazard(leaving: FloatArray, standing: FloatArray) -> FloatArray:
    """-ln(1 - leaving / standing); all of it means at once, and nothing stands after that."""
    some = standing > _NONE
    share = np.where(some, leaving / np.where(some, standing, 1.0), 0.0)
    return np.asarray(np.minimum(intensity(np.clip(share, 0.0, 1.0)), AT_ONCE))


def _cumulated(hazard: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(hazard)])
