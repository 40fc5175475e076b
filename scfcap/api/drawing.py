"""Monte Carlo paths of a model: drawn, projected, and the few that stand for all."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.cashflow.distribution import Distribution
    from scfcap.cashflow.paths import Draw, ScenarioSet
    from scfcap.credit.curves import CurveSet
    from scfcap.credit.factors import Paths


def draw(model: Model, seed: int) -> Draw:
    """What the plan's paths are drawn from."""
    from scfcap.cashflow.paths import Draw
    from scfcap.credit.stated import Stated

    lenders = tuple(lender.name for lender in model.spec.lenders)
    factors = Stated(model.spec.plan.unit, model.grid).factors(model.spec.factors)
    return Draw(factors, seed, model.exposures(), lenders)


def paths(model: Model, count: int, seed: int) -> Paths:
    """Paths over the plan's horizon."""
    horizon = model.plan_periods
    return draw(model, seed).paths(model.curves(), horizon, count)


def scenario_set(
    model: Model, keep: int, *, count: int, seed: int, named: Mapping[str, float] | None
) -> ScenarioSet:
    """``keep`` weighted paths that stand for ``count``, and scenarios ``named`` by weight."""
    from scfcap.cashflow.paths import Stakes, scenario_set

    spec = model.spec
    lines = {lender.name: lender.limit for lender in spec.lenders}
    notes = 0.0 if spec.p2p is None else spec.p2p.limit
    series = 0.0 if spec.securitization is None else spec.securitization.programme_limit
    stakes = Stakes(lines, notes, sum(lines.values()) + notes + series)
    return scenario_set(
        model.pool(),
        model.curves(),
        draw(model, seed),
        stakes,
        keep=keep,
        count=count,
        horizon=len(model.plan_periods),
        named=named,
    )


def projected_draw(model: Model, seed: int) -> tuple[CurveSet, Draw]:
    """What paths of the projection are drawn from: curves over their periods, and factors."""
    from scfcap.api.projecting import drawn_over

    curves, factors = drawn_over(model, model.projection_curves())
    return curves, replace(draw(model, seed), spec=factors)


def distribution(
    model: Model, count: int, seed: int, tell: Callable[[int], object] | None
) -> Distribution:
    """The pool's cash flows over ``count`` paths of the projection."""
    from scfcap.cashflow.distribution import distribution

    curves, drawn = projected_draw(model, seed)
    return distribution(model.pool(), curves, drawn, count, tell)
