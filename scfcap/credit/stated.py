"""What a model states by period, told on a grid of other periods than it is stated in.

A period of the grid takes the figure of the stated period in which it ends. Lags are converted by
the mean length of periods and rounded; on a grid whose periods differ by the days from their period
to the one in which they end. Periods of a projection's grid are not longer than those stated.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scfcap.credit.dated_shocks import by_period
from scfcap.errors import InputError, Problem
from scfcap.periods import PER_YEAR, Frequency, PeriodGrid
from scfcap.quantities import IntArray
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.factors import FactorSpec
from scfcap.schema.languages import DEFAULT_LANGUAGES, PREPAY_LANGUAGES
from scfcap.schema.scenario import CoreFailure, Scenario, Shock

#: Languages in which a list gives a rate by period.
LISTED = ("cdr", "mdr", "cpr", "smm", "draw_rate")


def lag_on(lag: int, stated: Frequency, on: Frequency) -> int:
    """``lag`` [``stated`` periods] in periods ``on``."""
    return round(lag * PER_YEAR[on] / PER_YEAR[stated])


def scenarios_lagged(
    scenarios: Mapping[str, Scenario], stated: Frequency, on: Frequency
) -> dict[str, Scenario]:
    """``scenarios`` with the lags of their shocks in periods ``on``; their periods as stated."""
    return {
        name: each.model_copy(
            update={"shocks": tuple(_lagged(shock, stated, on) for shock in each.shocks)}
        )
        for name, each in scenarios.items()
    }


def _lagged(shock: Shock, stated: Frequency, on: Frequency) -> Shock:
    lags = [name for name in ("recovery_lag", "after", "notice") if hasattr(shock, name)]
    return shock.model_copy(update={n: lag_on(getattr(shock, n), stated, on) for n in lags})


@dataclass(frozen=True)
class Stated:
    """Figures by period of ``frequency``, told over ``grid``; the same where both are alike."""

    frequency: Frequency
    grid: PeriodGrid

    @property
    def alike(self) -> bool:
        """Whether the grid has the periods in which figures are stated."""
        return self.grid.told_in(self.frequency)

    @cached_property
    def _days(self) -> IntArray:
        """Ends of the stated periods that cover the grid, as PeriodGrid.days."""
        last = int(self.grid.days[-1])
        periods = math.ceil(last * PER_YEAR[self.frequency] / 365.0) + 1
        days = PeriodGrid.build(self.grid.as_of, periods, self.frequency).days
        return days[: int(np.searchsorted(days, last, side="left")) + 1]

    @property
    def periods(self) -> int:
        """Stated periods that the grid reaches into."""
        return len(self._days) - 1

    @property
    def _row(self) -> IntArray:
        """Stated period (from 0) in which each period of the grid ends (T,)."""
        return np.asarray(np.searchsorted(self._days, self.grid.days[1:], side="left") - 1)

    def first(self, period: int) -> int:
        """First period of the grid that belongs to the stated ``period``, both from 1."""
        if period > self.periods:
            return len(self.grid) + 1
        return int(np.searchsorted(self.grid.days, self._days[period - 1], side="right"))

    def last(self, period: int) -> int:
        """The last one that does."""
        return self.first(period + 1) - 1

    def scenarios(self, scenarios: Mapping[str, Scenario]) -> Mapping[str, Scenario]:
        """``scenarios`` whose days, periods and lags are told in periods of the grid.

        Raises:
            InputError: a shock that ends on a day before it begins.
        """
        as_of = self.grid.as_of
        scenarios = {n: by_period(n, x, as_of, self.frequency) for n, x in scenarios.items()}
        if self.alike:
            return scenarios
        if self.grid.mixed:
            lagged = {name: self._lagged_by_days(each) for name, each in scenarios.items()}
        else:
            lagged = scenarios_lagged(scenarios, self.frequency, self.grid.frequency)
        return {name: self._scenario(each) for name, each in lagged.items()}

    def _lagged_by_days(self, scenario: Scenario) -> Scenario:
        """Lags of shocks in periods of the grid, from the period in which each begins.

        What one enterprise's failure does to others comes after the first that fails.
        """
        begun = [s.period for s in scenario.shocks if isinstance(s, CoreFailure)]

        def later(shock: Shock) -> Shock:
            own = next((getattr(shock, n) for n in _BEGIN if hasattr(shock, n)), None)
            begin = min(begun, default=1) if own is None else own
            first = self.first(begin)
            update = {
                name: self.first(begin + getattr(shock, name)) - first
                for name in ("after", "notice")
                if hasattr(shock, name)
            }
            if hasattr(shock, "recovery_lag") and first <= len(self.grid):
                late = self.grid.later(shock.recovery_lag, self.frequency)
                update["recovery_lag"] = int(late[first]) - first
            return shock.model_copy(update=update)

        return scenario.model_copy(update={"shocks": tuple(map(later, scenario.shocks))})

    def _scenario(self, scenario: Scenario) -> Scenario:
        shocks = tuple(self._shock(shock) for shock in scenario.shocks)
        first = self.first(scenario.from_period)
        return scenario.model_copy(update={"shocks": shocks, "from_period": first})

    def _shock(self, shock: Shock) -> Shock:
        update = {n: self.first(getattr(shock, n)) for n in _BEGIN if hasattr(shock, n)}
        if getattr(shock, "to_period", None) is not None:
            update["to_period"] = self.last(getattr(shock, "to_period"))  # noqa: B009
        return shock.model_copy(update=update)

    def behaviour(
        self, names: Sequence[str], behaviour: Sequence[SegmentCredit]
    ) -> list[SegmentCredit]:
        """``behaviour`` of the segments ``names`` with rates and lags by period of the grid.

        Raises:
            InputError: a list of rates ends before the grid does, without ``run_on``.
        """
        short = [
            problem
            for name, credit in zip(names, behaviour, strict=True)
            for problem in self._too_short(name, credit)
        ]
        if short:
            raise InputError(short)
        return list(behaviour) if self.alike else [self._credit(each) for each in behaviour]

    def _too_short(self, name: str, credit: SegmentCredit) -> list[Problem]:
        unit = f"{self.frequency}s"
        return [
            Problem(
                f"model.toml: credit.segments.{name}.{language}",
                f"{len(getattr(credit, language))} periods",
                f"one rate for each of {self.periods} periods ({unit}), to the end of the run-off",
                f"Give more, or set credit.segments.{name}.run_on = true to go on as it ends; "
                "projection.periods shortens what scfcap project shows.",
            )
            for language in _listed(credit)
            if len(getattr(credit, language)) < self.periods and not credit.run_on
        ]

    def _credit(self, credit: SegmentCredit) -> SegmentCredit:
        # On a grid whose periods differ lags stay as stated: see CurveSet.lag_unit.
        on = self.frequency if self.grid.mixed else self.grid.frequency
        update: dict[str, object] = {
            "recovery_lag": lag_on(credit.recovery_lag, self.frequency, on)
        }
        for language in _listed(credit):
            rates = getattr(credit, language)
            row = np.minimum(self._row, len(rates) - 1)
            update[language] = tuple(rates[r] for r in row)
        curve = credit.recovery_curve
        if curve is not None:
            places = [lag_on(lag, self.frequency, on) for lag in range(len(curve))]
            shares = np.bincount(places, curve)
            update["recovery_curve"] = tuple(shares.tolist())
        return credit.model_copy(update=update)

    def factors(self, spec: FactorSpec) -> FactorSpec:
        """``[factors]`` whose lags, and whose persistence, are those of the grid's periods."""
        if self.alike:
            return spec
        on, core, lines = self.grid.frequency, spec.core, spec.lines

        def lag(periods: int) -> int:
            return lag_on(periods, self.frequency, on)

        return spec.model_copy(
            update={
                "persistence": spec.persistence ** (PER_YEAR[self.frequency] / PER_YEAR[on]),
                "core": core.model_copy(
                    update={"recovery_lag": lag(core.recovery_lag), "after": lag(core.after)}
                ),
                "lines": lines.model_copy(update={"notice": lag(lines.notice)}),
            }
        )


#: Fields of shocks that name the period in which they begin.
_BEGIN = ("from_period", "period")


def _listed(credit: SegmentCredit) -> list[str]:
    """The fields in which a segment states a rate by period."""
    told = {credit.default_language, credit.prepay_language, "draw_rate"}
    return [
        name
        for name in (*DEFAULT_LANGUAGES, *PREPAY_LANGUAGES, "draw_rate")
        if name in told and name in LISTED and isinstance(getattr(credit, name), tuple)
    ]
