"""Deals of a model in the scenario shown, with all that a live waterfall needs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.deal.result import DealResult
    from scfcap.report.deal import DealReport
    from scfcap.report.live.given import Given
    from scfcap.report.tables import Table
    from scfcap.schema.model import Model as ModelSpec


def waterfall_tables(model: Model) -> dict[str, Table]:
    """Tables of the waterfalls in the scenario shown; none where the model has no deal."""
    from scfcap.report.live.given import live_tables

    return live_tables(shown_deals(model), model.spec.currency)


def shown_deals(model: Model) -> list[Given]:
    """Each outstanding series, then each deal that runs on the model's tape."""
    found = [_series(model, name, result) for name, result in model.deals().items()]
    found += [_deal(model, report) for report in model.deal_reports()[0]]
    return [_as_stated(model, each) for each in found]


def _as_stated(model: Model, given: Given) -> Given:
    """Inputs with what the model states: it may be stated for another book than it runs on."""
    inputs = []
    for each in given.inputs:
        scale = 1.0
        if each.key and each.value:
            scale = _stated(model.loaded.spec, each.key) / each.value
        inputs.append(replace(each, scale=scale))
    return replace(given, inputs=tuple(inputs))


def _stated(spec: ModelSpec, key: str) -> float:
    """What the model states under ``key``, as ``--set`` finds it."""
    value: Any = spec
    for part in key.split("."):
        if isinstance(value, Mapping):
            value = value[part]
        elif isinstance(value, tuple):
            value = next(each for each in value if each.name == part)
        else:
            value = getattr(value, part)
    return float(value)


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
