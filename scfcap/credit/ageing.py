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

from scfcap.axes import EQUAL_PRINCIPAL, LEVEL_PAYMENT
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
        kind = np.where(loan_type == LEVEL_PAYMENT, 1, 0) + np.where(
            loan_type == EQUAL_PRINCIPAL, 2, 0
        )
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

    def by_day(self, shape: int) -> Life:
        """Loans with the code ``shape`` day by day, to where the longer of the stated curves ends.

        The shorter one has nothing more after its end.

        Raises:
            InputError: more would default, or be prepaid, than still stands.
        """
        code, binned = divmod(shape, _RATES)
        term, kind = divmod(code, _KINDS)
        gone = self._cumulative(self.default, term)
        early = self._cumulative(self.prepay, term)
        days = max(len(each) for each in (gone, early) if each is not None) - 1
        owed = self._owed(term, kind, binned * RATE_BIN, days)
        told = [None if e is None else np.diff(_longer(e, days)) / owed for e in (gone, early)]
        given = [self._daily(language, days) for language in ("default", "prepay")]
        default, prepay = _competing(told[0], told[1], given)
        inside = np.arange(days) < (term if kind else days)
        for language, shares, standing in (
            (self.default, told[0], default.standing),
            (self.prepay, told[1], prepay.standing),
        ):
            if shares is not None:
                self._refuse(language, shares, standing, inside, owed)
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

    def _curve(self, language: str, term: int) -> AgeCurve:
        curves = self._curves(language)
        return next(c for c in curves if c.terms is None or c.terms[0] <= term <= c.terms[1])

    def _cumulative(self, language: str, term: int) -> FloatArray | None:
        """Cumulative share of the amount lent by age in days; None where not told in such."""
        if language == "lifetime_loss":
            share = loss_to_default(self.credit.lifetime_loss or 0.0, self.credit.severity)
            return share * spread_evenly(self.credit.loss_timing or (1.0,), term)
        if language not in BY_DAY:
            return None
        curve = self._curve(language, term)
        days = np.arange(curve.ages[-1] + 1.0)
        return np.asarray(np.interp(days, [0.0, *curve.ages], [0.0, *curve.cumulative]))

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

    def _owed(self, term: int, kind: int, rate: float, days: int) -> FloatArray:
        """What the contract still owes of 1 lent, on each day of age (days,)."""
        if not kind:
            return np.ones(days)
        count = max(int(np.ceil(term * self.per_year / 365.0 - 1e-9)), 1)
        paid = np.minimum(np.arange(days) * count // max(term, 1), count - 1)
        if kind == 2 or rate == 0.0:
            return np.asarray(1.0 - paid / count)
        growth = np.log1p(rate / self.per_year)
        return np.asarray(np.expm1((paid - count) * growth) / np.expm1(-count * growth))

    def _refuse(
        self,
        language: str,
        shares: FloatArray,
        standing: FloatArray,
        inside: BoolArray,
        owed: FloatArray,
    ) -> None:
        wrong = np.flatnonzero(inside & (shares > standing * _ALL + _NONE))
        if wrong.size:
            day = int(wrong[0])
            verb = "prepaid" if language == self.prepay else "in default"
            raise InputError(
                Problem(
                    f"model.toml: credit.segments.{self.name}.{language}",
                    f"{shares[day] * owed[day]:.4%} of the amount lent to be {verb} at an age of "
                    f"{day + 1} days, where {max(standing[day], 0.0) * owed[day]:.4%} still stands",
                    "a curve below what the contracts and the other cause leave",
                )
            )


@dataclass(frozen=True)
class Life:
    """Log-hazards of default and of prepayment on each day of age, and what a contract for 1 owes
    on it; all (days,).
    """

    default: FloatArray
    prepay: FloatArray
    owed: FloatArray

    def standing(self, age: IntArray) -> FloatArray:
        """Share of the amount lent that still stands at each ``age`` [days]."""
        total = _cumulated(self.default + self.prepay)
        last = len(self.owed) - 1
        left = np.exp(-total[np.clip(age, 0, last + 1)]) * self.owed[np.clip(age, 0, last)]
        return np.asarray(np.maximum(left, _NONE))


@dataclass(frozen=True)
class _Cause:
    """Log-hazard of each day, and the share of the loans that stands before it; both (days,)."""

    hazard: FloatArray
    standing: FloatArray


def _competing(
    gone: FloatArray | None, early: FloatArray | None, given: list[FloatArray]
) -> tuple[_Cause, _Cause]:
    """Default and prepayment of loans of which ``gone`` and ``early`` are the shares that leave.

    ``gone`` and ``early`` [days], in loans; None where ``given`` has the log-hazard instead. With
    G what the given hazards leave, the loans standing are G times one less all that left over G.
    """
    first, second = given
    begin = np.exp(-np.concatenate([[0.0], np.cumsum(first + second)[:-1]]))
    begin = np.maximum(begin, _NONE)
    between = np.maximum(begin * np.exp(-first), _NONE)
    left = np.zeros(len(first))
    if gone is not None:
        left += gone / begin
    if early is not None:
        left += early / between
    alive = 1.0 - np.concatenate([[0.0], np.cumsum(left)[:-1]])
    standing = begin * alive
    remaining = between * (alive if gone is None else alive - gone / begin)
    return (
        _Cause(first if gone is None else _log_hazard(gone, standing), standing),
        _Cause(second if early is None else _log_hazard(early, remaining), remaining),
    )


def _log_hazard(leaving: FloatArray, standing: FloatArray) -> FloatArray:
    """-ln(1 - leaving / standing); all of it means at once, and nothing stands after that."""
    some = standing > _NONE
    share = np.where(some, leaving / np.where(some, standing, 1.0), 0.0)
    return np.asarray(np.minimum(intensity(np.clip(share, 0.0, 1.0)), AT_ONCE))


def _cumulated(hazard: FloatArray) -> FloatArray:
    return np.concatenate([[0.0], np.cumsum(hazard)])


def _longer(cumulative: FloatArray, days: int) -> FloatArray:
    """The cumulative shares by day up to ``days``, staying as they end."""
    return np.asarray(cumulative[np.minimum(np.arange(days + 1), len(cumulative) - 1)])
