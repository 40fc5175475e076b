"""Deals of a model in the scenario shown, with all that a live waterfall needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.deal.result import DealResult
    from scfcap.report.deal import DealReport
    from scfcap.report.live.given import Given
    from scfcap.report.tables import Table


def waterfall_tables(model: Model) -> dict[str, Table]:
    """Tables of the waterfalls in the scenario shown; none where the model has no deal."""
    from scfcap.report.live.given import live_tables

    return live_tables(shown_deals(model), model.spec.currency)


def shown_deals(model: Model) -> list[Given]:
    """Each outstanding series, then each deal that runs on the model's tape."""
    found = [_series(model, name, result) for name, result in model.deals().items()]
    return found + [_deal(model, report) for report in model.deal_reports()[0]]


def _place(model: Model, scenarios: tuple[str, ...]) -> int:
    """Place of the scenario shown among those that a deal ran in."""
    wanted = model.spec.plan.scenario
    return scenarios.index(wanted) if wanted in scenarios else 0


def _series(model: Model, name: str, result: DealResult) -> Given:
    from scfcap.deal.revolving import RevolvingPool, purchase_mix
    from scfcap.report.live.shown import series_shown

    vehicle, factors = model.spec.securitization, model.factors()
    assert vehicle is not None
    pool = RevolvingPool(factors, name, purchase_mix(vehicle, name, factors))
    loans = pool.lent(len(factors.grid)), _place(model, result.scenarios)
    return series_shown(vehicle, result.state, factors.grid, loans, model.spec.currency)


def _deal(model: Model, report: DealReport) -> Given:
    from scfcap.deal.bought import CohortAssets
    from scfcap.deal.surroundings import Surroundings
    from scfcap.report.live.shown import deal_shown, engine_shown

    run = report.run
    k, around = _place(model, run.scenarios), report.around or Surroundings()
    if isinstance(run.assets, CohortAssets):
        return deal_shown(run.deal, (run.assets.lent, k), around, model.spec.currency)
    return engine_shown(model.deal(run.deal.name, [run.scenarios[k]], trace=True))
