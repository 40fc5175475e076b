"""The periods of a model's plan and of its projection, and the curves over them."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import TermRange
from scfcap.schema.projection import MOST_PERIODS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from scfcap.api.model import Model
    from scfcap.credit.curves import CurveSet
    from scfcap.schema.factors import FactorSpec
    from scfcap.schema.scenario import Scenario

#: Periods after the plan's horizon for which its cash flows are computed at most.
LONGEST_TAIL: Final = 60


def plan_grid(model: Model) -> PeriodGrid:
    """Periods of the plan, and after them those in which the last loan is still running, new ones
    included; at most :data:`LONGEST_TAIL`.
    """
    horizon = model.plan_periods
    new = int(horizon.days[-1]) + _longest(model)
    days = _last_day(model, max(_last_maturity(model), new))
    least, most = len(horizon) + 1, len(horizon) + LONGEST_TAIL
    return horizon.extended(min(max(_periods(model, days, horizon), least), most))


def projection_grid(model: Model) -> PeriodGrid:
    """Periods of the projection: as ``[projection]`` states, else until the last loan is repaid
    and its recoveries are in; at most :data:`~scfcap.schema.projection.MOST_PERIODS`.
    """
    spec = model.spec
    frequency = spec.projection.frequency or spec.plan.projected
    one = PeriodGrid.build(spec.as_of, 1, frequency)
    if spec.projection.periods is not None:
        return one.extended(spec.projection.periods)
    needed = max(_periods(model, _last_day(model, _last_maturity(model)), one), 1)
    return one.extended(min(needed, MOST_PERIODS[frequency]))


def curves_over(
    model: Model, grid: PeriodGrid, scenarios: Mapping[str, Scenario] | None = None
) -> CurveSet:
    """Default, prepayment and loss by scenario, segment and period of ``grid``.

    ``scenarios`` by name; None: the model's.

    Raises:
        InputError: demand for loans of a segment that nothing is known of, and as
            :func:`~scfcap.credit.curves.build_curves`.
    """
    from scfcap.credit.curves import build_curves
    from scfcap.credit.stress import names_cores

    spec, credit, pool = model.spec, model.credit()[0], model.pool()
    chosen = spec.scenarios if scenarios is None else scenarios
    known = {*pool.segments, *credit}
    strange = [
        Problem(
            f"model.toml: demand.{name}",
            "a segment that is neither on the tape nor in [credit.segments]",
            f"one of {', '.join(sorted(known))}",
            f"Correct the name, or say in [credit.segments.{name}] how such loans behave.",
        )
        for name in spec.demand
        if name not in known
    ]
    if strange:
        raise InputError(strange)
    return build_curves(
        sorted({*pool.segments, *spec.demand}),
        credit,
        chosen,
        grid,
        lenders=tuple(lender.name for lender in spec.lenders),
        exposures=model.exposures() if names_cores(chosen) else None,
        rules=spec.credit.where,
        indices=spec.indices,
        rates=spec.curves,
        projection=spec.projection,
        stated_in=spec.plan.unit,
    )


def longer(curves: CurveSet, periods: int) -> CurveSet:
    """``curves`` over at least ``periods``: rates go on as they end, blows are not repeated."""
    if periods <= len(curves.grid):
        return curves
    wide = replace(curves, grid=curves.grid.extended(periods))
    return wide.under(curves.stress.over(periods))


def drawn_over(model: Model, curves: CurveSet) -> tuple[CurveSet, FactorSpec]:
    """What Monte Carlo paths of the projection are drawn with: ``[factors]`` in its periods, and
    ``curves`` with time for what comes back of core enterprises that fail late.
    """
    from scfcap.credit.stated import Stated

    spec = model.spec
    factors = Stated(spec.plan.unit, curves.grid).factors(spec.factors)
    fail = bool(model.exposures().cores) and factors.core.probability > 0.0
    if not fail or spec.projection.periods is not None:
        return curves, factors
    most = MOST_PERIODS[curves.grid.frequency]
    return longer(curves, min(len(curves.grid) + factors.core.recovery_lag, most)), factors


def _last_maturity(model: Model) -> int:
    """Last maturity of the outstanding loans [days from ``as_of``]."""
    return int(model.pool().maturity_day.max(initial=0))


def _last_day(model: Model, maturity: int) -> int:
    """Day on which the last loan may still pay, where the last contract ends on day ``maturity``
    [both days from ``as_of``].
    """
    behaviour = [*model.credit()[0].values(), *model.spec.credit.where]
    days = maturity + max((credit.late_days for credit in behaviour), default=0)
    pool = model.pool()
    if pool.payers is not None:
        book = model.orders()
        days += 0 if book is None else max(book.buyers.last, 0)
        days = max(days, pool.payers.last_day)
    return days


def _periods(model: Model, days: int, grid: PeriodGrid) -> int:
    """Periods in which ``days`` pass, recoveries come in, and delays of scenarios end."""
    from scfcap.credit.stated import lag_on, scenarios_lagged
    from scfcap.credit.stress import longest_delay

    spec, on = model.spec, grid.frequency
    behaviour = [*model.credit()[0].values(), *spec.credit.where]
    lag = max((credit.last_recovery for credit in behaviour), default=0)
    scenarios = scenarios_lagged(spec.scenarios, spec.plan.unit, on)
    periods = math.ceil(days * grid.per_year / 365.0) + 1 + (grid.weeks or 0)
    return periods + lag_on(lag, spec.plan.unit, on) + longest_delay(scenarios, grid)


def _longest(model: Model) -> int:
    """Longest contract term of new loans [days]."""
    pool = model.pool()
    stated = [demand.new_loans for demand in model.spec.demand.values()]
    terms = [new.longest for new in stated if isinstance(new, TermRange)]
    if len(terms) < len(stated):
        terms.append(int((pool.maturity_day - pool.origination_day).max(initial=1)))
    return max(terms, default=1)
