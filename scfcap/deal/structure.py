"""A deal made ready to run: names turned into rows, formulas parsed, dates into periods."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import date, timedelta
from functools import cached_property

import numpy as np

from scfcap.daycount import year_fraction
from scfcap.deal.words import step_word
from scfcap.expressions import Expression, parse
from scfcap.periods import PeriodGrid, add_months, is_month_end
from scfcap.quantities import BoolArray, FloatArray
from scfcap.schema.deal import DealSpec
from scfcap.schema.deal_parts import StepSpec

COLLECTION = "collection"
_MONTHS = {"month": 1, "quarter": 3}


@dataclass(frozen=True)
class Step:
    """A step with its formulas parsed; ``row`` is its place among all the deal's steps.

    ``phase`` is the row of its phase.
    """

    row: int
    phase: int
    spec: StepSpec
    label: str
    word: str
    up_to: Expression | None
    keep: Expression | float | None
    when: Expression | None


@dataclass(frozen=True)
class Calendar:
    """Periods of a run, and which of them end with a payment date; arrays over T periods.

    ``start`` is the first day that bears interest in the run: closing, or the payment date of the
    period that the opening ends.
    """

    grid: PeriodGrid
    pays: BoolArray
    dates: tuple[date, ...]
    start: date

    @classmethod
    def of(cls, spec: DealSpec, grid: PeriodGrid) -> Calendar:
        """The calendar of ``spec`` on ``grid``, which begins at its closing or opening."""
        terms, start = spec.settlement, grid.as_of
        begun = paid_before(spec)
        if begun:
            start = start + timedelta(days=terms.delay_days)
        dates = tuple(end + timedelta(days=terms.delay_days) for end in grid.ends)
        if isinstance(terms.payment_every, str):
            return cls(grid, _by_months(spec, grid, _MONTHS[terms.payment_every]), dates, start)
        count = np.arange(1, len(grid) + 1)
        pays = count % terms.payment_every == 0
        if terms.first_payment is not None and not begun:
            paid = np.array(dates, dtype="datetime64[D]")
            first = int(np.searchsorted(paid, np.datetime64(terms.first_payment, "D")))
            pays = (count - 1 >= first) & ((count - 1 - first) % terms.payment_every == 0)
        return cls(grid, pays, dates, start)

    def interest_period(self, period: int) -> slice:
        """Places of the periods since the payment date before, up to ``period`` (from 1)."""
        last = np.flatnonzero(self.pays[: period - 1])
        return slice(int(last[-1]) + 1 if len(last) else 0, period)

    def years(self, day_count: str) -> FloatArray:
        """Length of each period by ``day_count`` [T]; act/act-icma takes the grid's own."""
        if day_count == "act/act-icma":
            return self.grid.year_fractions
        years = np.empty(len(self.dates))
        since, before = self.start, 0.0
        for t, day in enumerate(self.dates):
            now = year_fraction(since, day, day_count)
            years[t], before = now - before, now
            if self.pays[t]:
                since, before = day, 0.0
        return years


def _by_months(spec: DealSpec, grid: PeriodGrid, months: int) -> BoolArray:
    """Periods of ``grid`` with a payment date every so many calendar months [T]."""
    terms, skipped = spec.settlement, 1
    anchor = spec.closing
    if terms.first_payment is not None:
        anchor, skipped = terms.first_payment - timedelta(days=terms.delay_days), 0
    pays = np.zeros(len(grid), dtype=np.bool_)
    ends = np.array(grid.ends, dtype="datetime64[D]")
    last, k = is_month_end(anchor), skipped
    while (due := add_months(anchor, k * months, month_end=last)) <= grid.ends[-1]:
        period = int(np.searchsorted(ends, np.datetime64(due, "D"), side="right")) - 1
        if period >= 0:
            pays[period] = True
        k += 1
    return pays


def paid_before(spec: DealSpec) -> bool:
    """Whether the deal's opening is a payment date, and not its closing."""
    stands, terms = spec.opening, spec.settlement
    if stands is None or stands.date <= spec.closing:
        return False
    paid = stands.date + timedelta(days=terms.delay_days)
    return terms.first_payment is None or paid >= terms.first_payment


@dataclass(frozen=True)
class Deal:
    """A deal ready to run on ``calendar``."""

    name: str
    spec: DealSpec
    calendar: Calendar
    accounts: tuple[str, ...]
    steps: tuple[Step, ...]
    waterfall: Mapping[str, tuple[Step, ...]]
    settlement: Mapping[str, tuple[Step, ...]]
    formulas: Mapping[str, Expression] = field(repr=False)

    @classmethod
    def of(cls, name: str, spec: DealSpec, grid: PeriodGrid) -> Deal:
        """``spec`` for a run over ``grid``, whose ``as_of`` is its closing or opening day."""
        steps: list[Step] = []

        def made(phases: Mapping[str, tuple[StepSpec, ...]]) -> dict[str, tuple[Step, ...]]:
            found = {}
            for place, phase in enumerate(spec.phases):
                begin = len(steps)
                for each in phases.get(phase.name, ()):
                    steps.append(_step(len(steps), place, each))
                found[phase.name] = tuple(steps[begin:])
            return found

        waterfall, settlement = made(spec.waterfall), made(spec.settlement.steps)
        names = tuple(dict.fromkeys([COLLECTION, *spec.accounts]))
        texts = {text for text in _formulas(spec) if isinstance(text, str)}
        return cls(
            name=name,
            spec=spec,
            calendar=Calendar.of(spec, grid),
            accounts=names,
            steps=tuple(steps),
            waterfall=waterfall,
            settlement=settlement,
            formulas={text: parse(text) for text in texts},
        )

    @property
    def tranches(self) -> tuple[str, ...]:
        """Names, senior first."""
        return tuple(self.spec.tranches)

    @cached_property
    def said(self) -> frozenset[str]:
        """Every word that some formula uses."""
        of_steps = (each for step in self.steps for each in (step.up_to, step.keep, step.when))
        parsed = (*self.formulas.values(), *(e for e in of_steps if isinstance(e, Expression)))
        return frozenset(word for each in parsed for word in each.columns)

    @cached_property
    def years(self) -> FloatArray:
        """Length of each period by the deal's day count [T]."""
        return self.calendar.years(self.spec.day_count)


def _step(row: int, phase: int, spec: StepSpec) -> Step:
    keep = parse(spec.keep) if isinstance(spec.keep, str) else spec.keep
    return Step(
        row=row,
        phase=phase,
        spec=spec,
        label=spec.label,
        word=step_word(spec.label),
        up_to=parse(spec.up_to) if spec.up_to is not None else None,
        keep=keep,
        when=parse(spec.when) if spec.when is not None else None,
    )


def _formulas(spec: DealSpec) -> list[object]:
    """Every formula outside the steps (and amounts that may be one)."""
    texts: list[object] = []
    for account in spec.accounts.values():
        texts += [account.target, account.initial]
    for fee in spec.fees.values():
        texts += [fee.of, fee.formula, fee.upfront]
    for tranche in spec.tranches.values():
        texts += [tranche.available_cap, tranche.notional, tranche.accretes_while]
    for line in spec.lines.values():
        texts += [line.commitment, line.initial, line.available_while]
    for hedge in spec.hedges.values():
        texts += [hedge.notional, hedge.premium]
    texts += [measure.of for measure in spec.measures.values()]
    for trigger in spec.triggers.values():
        texts += [trigger.test, trigger.cure]
    texts += [phase.when for phase in spec.phases]
    texts += [call.when for call in spec.calls.values()]
    return texts
