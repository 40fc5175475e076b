"""The frontier of a model's plan: income against lending against headroom."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.funding.frontier import Corner
    from scfcap.report.frontier import FrontierReport


def frontier(
    model: Model, points: int = 5, tell: Callable[[str], object] | None = None
) -> FrontierReport:
    """Plans of which none is beaten in income, lending and headroom, ``points`` a side.

    Raises:
        InputError: the plan is not after income, fewer than two points.
        InfeasibleError: no plan keeps all limits.
    """
    from scfcap.api.planning import solved
    from scfcap.funding.frontier import frontier as trade_off
    from scfcap.funding.weighed import WeighedPlan
    from scfcap.report.files import manifest
    from scfcap.report.frontier import FrontierReport, Opened

    plan = model.plan()
    if isinstance(plan, WeighedPlan):
        optima = plan.all_scenarios.optima
        books = {name: x.book for name, x in optima.items()}
        weights = dict(plan.all_scenarios.weights)
    else:
        books, weights = {model.spec.plan.scenario: plan.optimum.book}, {}
        weights = dict.fromkeys(books, 1.0)
    found = trade_off(books, weights, plan.choice.first, points, tell)
    scale = plan.optimum.inputs.unit / _scaled(model)

    def sets(corner: Corner) -> dict[str, float]:
        floors = {"plan.lending_floor": corner.lending_floor, "plan.headroom": corner.headroom}
        return {key: value * scale for key, value in floors.items() if value > 0.0}

    return FrontierReport(
        model=model.loaded,
        currency=model.spec.currency,
        frame=found.table,
        corners=tuple(Opened(c.name, sets(c)) for c in found.corners),
        origin=manifest(model.provenance(model.tape()), dict(plan.seconds))
        | {"solved": solved(plan)},
    )


def _scaled(model: Model) -> float:
    """By what amounts of the model file are multiplied for its book."""
    stated = model.loaded.spec.stated_for_book
    return model.pool().total / stated if stated else 1.0
