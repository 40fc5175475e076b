"""What holders of each class are paid from a settlement day on, and what has accrued to them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from functools import cached_property

import numpy as np

from scfcap.cashflow.yields import average_life
from scfcap.daycount import year_fraction
from scfcap.deal.outcome import DealRun
from scfcap.errors import InputError, Problem
from scfcap.expressions import Cells
from scfcap.quantities import HALF_CENT, BoolArray, FloatArray, IntArray


@dataclass(frozen=True)
class Holdings:
    """Classes bought on ``settlement``: K scenarios, J classes, T periods of the run.

    ``principal`` and ``other`` (interest and residuals) [K, J, T] are what is paid after it
    [currency], ``times`` [T] when, in years after it (0 for what is over). ``par`` [K, J] is what
    is outstanding then (of an interest-only class its notional, NaN where the notional is no
    formula of balances), ``accrued`` [K, J] the interest that has been earned and is not yet due.
    """

    run: DealRun
    settlement: date
    day_count: str
    times: FloatArray
    principal: FloatArray
    other: FloatArray
    par: FloatArray
    accrued: FloatArray

    @classmethod
    def of(
        cls, run: DealRun, settlement: date | None = None, day_count: str = "30/360"
    ) -> Holdings:
        """All classes of a run, bought on ``settlement`` (the first day of the run, if None).

        What is paid on the day itself is the seller's.

        Raises:
            InputError: the day is before the run, or nothing is paid after it.
        """
        calendar = run.deal.calendar
        day = settlement or calendar.start
        if not calendar.start <= day < calendar.dates[-1]:
            raise InputError(
                Problem(
                    f"deals/{run.deal.name}.toml: analytics.settlement",
                    str(day),
                    f"a day from {calendar.start} to before {calendar.dates[-1]}",
                )
            )
        after = np.array([each > day for each in calendar.dates])
        times = np.array(
            [
                year_fraction(day, each, day_count) if late else 0.0
                for each, late in zip(calendar.dates, after, strict=True)
            ]
        )
        other = run.of("interest_paid") + run.of("residual")
        begun = int((~after).sum())
        return cls(
            run=run,
            settlement=day,
            day_count=day_count,
            times=times,
            principal=np.where(after, run.of("principal"), 0.0),
            other=np.where(after, other, 0.0),
            par=outstanding(run)[:, :, begun],
            accrued=_accrued(run, day),
        )

    @cached_property
    def flows(self) -> FloatArray:
        """Everything that is paid [K, J, T; currency]."""
        return np.asarray(self.principal + self.other)

    @cached_property
    def average_life(self) -> FloatArray:
        """Mean time of principal [K, J; years]; NaN where none is paid."""
        return average_life(self.principal, self.times)

    @property
    def unpaid(self) -> FloatArray:
        """Share of what is outstanding that is not repaid by the end of the run [K, J]."""
        with np.errstate(divide="ignore", invalid="ignore"):
            paid = self.principal.sum(axis=2) - self.run.of("accreted")[:, :, self._late].sum(
                axis=2
            )
            left = np.where(self.bears_principal, 1.0 - paid / self.par, np.nan)
        return np.asarray(np.where(self.par > 0.0, np.maximum(left, 0.0), np.nan))

    @property
    def bears_principal(self) -> BoolArray:
        """Which classes are owed principal [J]."""
        kinds = [each.kind for each in self.run.deal.spec.tranches.values()]
        return np.array([kind not in ("interest_only", "equity") for kind in kinds])

    @property
    def _late(self) -> BoolArray:
        return np.array([day > self.settlement for day in self.run.deal.calendar.dates])

    @cached_property
    def window(self) -> tuple[IntArray, IntArray]:
        """First and last period (from 1) in which principal is paid [K, J]; 0 where none is."""
        return principal_windows(self.principal)


def principal_windows(principal: FloatArray) -> tuple[IntArray, IntArray]:
    """First and last period (from 1) with principal above half a cent; 0 where there is none.

    ``principal`` [..., T] in currency; both of the leading shape.
    """
    paid = np.asarray(principal) > HALF_CENT
    some = paid.any(axis=-1)
    first = np.argmax(paid, axis=-1) + 1
    last = paid.shape[-1] - np.argmax(paid[..., ::-1], axis=-1)
    return np.where(some, first, 0), np.where(some, last, 0)


def outstanding(run: DealRun) -> FloatArray:
    """Balance of each class at the start of the run and at each period's close [K, J, T + 1].

    Of interest-only classes the notional, where its formula speaks of balances, ``notes`` and
    ``pool`` alone; else NaN.
    """
    start = run.opening.T[:, :, None]
    found = np.concatenate([start, run.of("balance")], axis=2)
    for row, spec in enumerate(run.deal.spec.tranches.values()):
        if spec.notional is not None:
            found[:, row] = _notional(run, spec.notional, found)
    return found


def _notional(run: DealRun, formula: str, balances: FloatArray) -> FloatArray:
    shape = (balances.shape[0], balances.shape[2])
    debt = [each.kind != "equity" for each in run.deal.spec.tranches.values()]

    def word(name: str) -> Cells:
        family, _, key = name.partition(".")
        if family == "balance":
            found = balances[:, run.deal.tranches.index(key)]
        elif family == "original":
            found = run.original[run.deal.tranches.index(key)][:, None]
        elif name == "notes":
            found = balances[:, debt].sum(axis=1)
        elif name == "pool":
            found = np.concatenate([run.pool_start[:, None], run.of("pool")], axis=1)
        else:
            found = np.array(np.nan)
        return np.broadcast_to(found, shape).reshape(-1)

    value = run.deal.formulas[formula].evaluate(word, shape[0] * shape[1])
    return np.broadcast_to(np.asarray(value, dtype=np.float64), (shape[0] * shape[1],)).reshape(
        shape
    )


def fallen_due(run: DealRun) -> FloatArray:
    """Interest of each class that fell due in each period, what was added to it too [K, J, T].

    What had been due before and was not paid is not in it.
    """
    spec = run.deal.spec
    due = run.of("interest_due")
    before = np.zeros_like(due)
    before[:, :, 1:] = run.of("owed")[:, :, :-1]
    if spec.opening is not None:
        for row, name in enumerate(spec.tranches):
            before[:, row, 0] = spec.opening.owed.get(name, 0.0)
    return np.asarray(np.where(_falls(run), due - before, 0.0) + run.of("accreted"))


def earned(run: DealRun) -> FloatArray:
    """Interest of each class by the period in which it accrues [K, J, T].

    What falls due is spread over the periods since interest last fell due, by what was outstanding
    at their starts and by their length; what had accrued before the run's start is not in it.
    """
    due, standing = fallen_due(run), outstanding(run)[:, :, :-1]
    spec, falls = run.deal.spec, _falls(run)
    found = np.zeros_like(due)
    for row, (name, each) in enumerate(spec.tranches.items()):
        years = run.deal.calendar.years(each.day_count or spec.day_count)
        begin, held = 0, _accrued_before(run, name)
        for end in (np.flatnonzero(falls[row]) + 1).tolist():
            base = standing[:, row, begin:end] * years[begin:end]
            whole = base.sum(axis=1, keepdims=True)
            part = np.where(whole > 0.0, base / np.where(whole > 0.0, whole, 1.0), 0.0)
            part[:, -1] += 1.0 - part.sum(axis=1)
            found[:, row, begin:end] = part * (due[:, row, end - 1, None] - held)
            begin, held = end, 0.0
    return found


def _accrued_before(run: DealRun, name: str) -> float:
    """Interest of a class that had accrued, and was not due, when the run began [currency]."""
    opening = run.deal.spec.opening
    return 0.0 if opening is None else opening.accrued.get(name, 0.0)


def _falls(run: DealRun) -> BoolArray:
    """Periods at whose end interest of each class falls due [J, T]."""
    calendar = run.deal.calendar
    rows = []
    for each in run.deal.spec.tranches.values():
        first = each.first_interest
        late = [first is None or day >= first for day in calendar.dates]
        rows.append(calendar.pays & np.array(late))
    return np.array(rows)


def _accrued(run: DealRun, day: date) -> FloatArray:
    """Interest earned up to ``day`` that falls due later [K, J].

    That of the periods since interest last fell due, and of the period that ``day`` lies in the
    share of it that has passed, by the day count of the class.
    """
    spec, calendar = run.deal.spec, run.deal.calendar
    falls, interest = _falls(run), earned(run)
    over = sum(each <= day for each in calendar.dates)
    begin = calendar.dates[over - 1] if over else calendar.start
    found = np.zeros(interest.shape[:2])
    for row, (name, each) in enumerate(spec.tranches.items()):
        last = max((t + 1 for t in range(over) if falls[row, t]), default=0)
        if not falls[row, over:].any():
            continue
        share = _elapsed(begin, day, calendar.dates[over], each.day_count or spec.day_count)
        before = 0.0 if last else _accrued_before(run, name)
        found[:, row] = before + interest[:, row, last:over].sum(axis=1)
        found[:, row] += share * interest[:, row, over]
    return found


def _elapsed(begin: date, day: date, end: date, day_count: str) -> float:
    """Share of a period that has passed."""
    if day_count == "act/act-icma":
        return (day - begin).days / (end - begin).days
    whole = year_fraction(begin, end, day_count)
    return year_fraction(begin, day, day_count) / whole if whole else 0.0
