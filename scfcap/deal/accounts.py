"""What a series holds and owes when a run starts, and the loan flows that it is given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from scfcap.periods import Frequency, PeriodGrid, add_months
from scfcap.quantities import FloatArray
from scfcap.schema.securitization import Issue, SecuritizationSpec, Series


@dataclass(frozen=True)
class SeriesState:
    """A series at the start of a run; J sold tranches, senior first, amounts in currency.

    ``closing_period`` is the period of the grid in which the series closes; at most 0 for an
    outstanding one. ``last_revolving`` and ``legal_end`` are periods too and may lie before or
    after the grid. ``notes`` [J] are outstanding at ``as_of``, or issued at closing for a new
    series; ``accrued`` [J] is interest earned and not yet paid. ``pool`` is the outstanding
    series' loans at ``as_of`` (0 for a new one), ``pool_at_closing`` what it closes or closed
    with.
    """

    name: str
    closing_period: int
    last_revolving: int
    notes: FloatArray
    accrued: FloatArray
    cash: float
    reserve: float
    pool: float
    pool_at_closing: float
    cumulative_default: float
    reserve_target: float
    legal_end: int | None = None
    """None: ``last_revolving`` plus the amortising periods of the terms."""
    contribution: float | None = None
    """What the company pays in at closing, if more than is needed; None: what is needed."""

    def ends(self, spec: SecuritizationSpec) -> int:
        """Period of the legal end."""
        if self.legal_end is not None:
            return self.legal_end
        return self.last_revolving + spec.amortising_periods


@dataclass(frozen=True)
class SeriesFlows:
    """What a series' own loans do, given from outside [currency].

    ``interest``, ``principal`` (scheduled and prepaid), ``recovery``, ``default`` and
    ``purchases`` [K, T]; ``pool`` [K, T + 1], its index 0 at ``as_of``. A purchase is made at the
    close of its period, so that ``pool[t] = pool[t-1] - principal - default + purchases``.
    ``scenarios`` names the K scenarios; absent, they are numbered from 1.
    """

    interest: FloatArray
    principal: FloatArray
    recovery: FloatArray
    default: FloatArray
    purchases: FloatArray
    pool: FloatArray
    scenarios: tuple[str, ...] = ()

    def names(self) -> tuple[str, ...]:
        """Names of the scenarios, K of them."""
        count = len(self.pool)
        if not self.scenarios:
            return tuple(str(k + 1) for k in range(count))
        return self.scenarios

    def clipped(self) -> SeriesFlows:
        """The same with rounding below zero taken away."""
        return SeriesFlows(
            interest=np.maximum(self.interest, 0.0),
            principal=np.maximum(self.principal, 0.0),
            recovery=np.maximum(self.recovery, 0.0),
            default=np.maximum(self.default, 0.0),
            purchases=np.maximum(self.purchases, 0.0),
            pool=np.maximum(self.pool, 0.0),
            scenarios=self.scenarios,
        )


def period_of(grid: PeriodGrid, day: date) -> int:
    """Period to which ``day`` belongs, on the grid continued to both sides.

    0 is the period that ends at ``as_of``, -1 the one before it, and so on: by the month where
    periods differ.
    """
    if day > grid.as_of:
        return grid.reaching((day - grid.as_of).days).index(day)
    if grid.frequency != "month":
        return -((grid.as_of - day).days // (7 if grid.frequency == "week" else 1))
    back = (grid.as_of.year - day.year) * 12 + grid.as_of.month - day.month
    last = PeriodGrid.build(grid.as_of, 1).ends[0] == add_months(grid.as_of, 1, month_end=True)
    if day > add_months(grid.as_of, -back, month_end=last):
        back -= 1
    return -back


def _moved(day: date, periods: int, unit: Frequency) -> date:
    if unit == "month":
        return add_months(day, periods)
    return day + timedelta(days=(7 if unit == "week" else 1) * periods)


def _dates(
    spec: SecuritizationSpec, closing: date, grid: PeriodGrid, told: Frequency | None
) -> tuple[int, int, int]:
    """Periods of closing, last revolving period and legal end."""
    counts = (0, spec.revolving_periods, spec.revolving_periods + spec.amortising_periods)
    unit = told or grid.frequency
    first, second, third = (period_of(grid, _moved(closing, n, unit)) for n in counts)
    return first, second, third


def reserve_target(spec: SecuritizationSpec, notes_at_closing: float) -> float:
    """Reserve that a series keeps while notes are outstanding [currency]."""
    return spec.reserve_rate * notes_at_closing


def opening_state(
    spec: SecuritizationSpec,
    series: Series,
    pool_total: float,
    grid: PeriodGrid,
    told: Frequency | None = None,
) -> SeriesState:
    """State at ``as_of`` of an outstanding series.

    Revolving and amortising periods are counted in ``told``, absent: periods of the grid.
    ``pool_total`` is the balance [currency] of the loans that the tape places in it. Where the
    coupon accrues while the series revolves, what has accrued in the whole periods since closing
    is owed. The reserve target rests on the sold shares of the pool at closing. A series whose
    cumulative defaults are above the trigger at ``as_of`` does not revolve again.
    """
    closing, last_revolving, legal_end = _dates(spec, series.closing, grid, told)
    notes = np.array([series.notes[tranche.name] for tranche in spec.sold], dtype=np.float64)
    accrued = np.zeros(len(notes))
    if spec.coupon_timing == "accrued_while_revolving" and last_revolving >= 0 > closing:
        coupons = np.array([tranche.coupon for tranche in spec.sold])
        accrued = notes * coupons * (-closing / grid.per_year)
    if (
        spec.trigger.measure == "cumulative_default"
        and series.cumulative_default > spec.trigger.threshold * series.pool_at_closing
    ):
        last_revolving = min(last_revolving, 0)
    sold = sum(tranche.share for tranche in spec.sold) * series.pool_at_closing
    return SeriesState(
        name=series.name,
        closing_period=closing,
        last_revolving=last_revolving,
        notes=notes,
        accrued=accrued,
        cash=series.cash,
        reserve=series.reserve,
        pool=pool_total,
        pool_at_closing=series.pool_at_closing,
        cumulative_default=series.cumulative_default,
        reserve_target=reserve_target(spec, sold),
        legal_end=legal_end,
    )


def closing_state(
    spec: SecuritizationSpec,
    issue: Issue,
    notes: Sequence[float],
    pool: float,
    grid: PeriodGrid,
    told: Frequency | None = None,
) -> SeriesState:
    """State of a series that closes on ``issue.closing`` with ``notes`` [J] and ``pool``; ``told``
    as of :func:`opening_state`.
    """
    closing, last_revolving, legal_end = _dates(spec, issue.closing, grid, told)
    return SeriesState(
        name=issue.name,
        closing_period=closing,
        last_revolving=last_revolving,
        notes=np.array(notes, dtype=np.float64),
        accrued=np.zeros(len(notes)),
        cash=0.0,
        reserve=0.0,
        pool=0.0,
        pool_at_closing=pool,
        cumulative_default=0.0,
        reserve_target=reserve_target(spec, float(sum(notes))),
        legal_end=legal_end,
    )
