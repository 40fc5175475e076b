"""Deals in one scenario, run step by step for the sheets that show them live."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np

from scfcap.deal.accounts import SeriesState
from scfcap.deal.bought import FLOWS, CohortAssets, Lent
from scfcap.deal.engine import run_deal
from scfcap.deal.outcome import DealRun
from scfcap.deal.programme import class_name, programme_deal
from scfcap.deal.structure import Deal
from scfcap.deal.surroundings import Surroundings
from scfcap.periods import PeriodGrid
from scfcap.report.live.given import Given, Stated, figures_of
from scfcap.report.live.inputs import deal_inputs, series_inputs
from scfcap.schema.deal import DealSpec
from scfcap.schema.securitization import SecuritizationSpec


def series_terms(vehicle: SecuritizationSpec, state: SeriesState, grid: PeriodGrid) -> DealSpec:
    """An outstanding series as a deal that holds its cash and reserve at the start."""
    spec = programme_deal(vehicle, state, grid)
    assert spec.opening is not None
    held = {"collection": state.cash, "reserve": state.reserve}
    opening = spec.opening.model_copy(update={"accounts": held})
    return spec.model_copy(update={"opening": opening})


def series_shown(
    vehicle: SecuritizationSpec,
    state: SeriesState,
    grid: PeriodGrid,
    loans: tuple[Lent, int],
    currency: str,
) -> Given:
    """An outstanding series on ``loans``, in the scenario at the place that is given with them."""
    deal = Deal.of(state.name, series_terms(vehicle, state, grid), grid)
    names = {class_name(j): tranche.name for j, tranche in enumerate(vehicle.sold)}
    inputs = series_inputs(vehicle, state, currency)
    return _shown(("series", deal), loans, Surroundings(), inputs, names)


def deal_shown(deal: Deal, loans: tuple[Lent, int], around: Surroundings, currency: str) -> Given:
    """A deal on ``loans``, in the scenario at the place that is given with them."""
    inputs = deal_inputs(deal.name, deal.spec, currency)
    return _shown(("deal", deal), loans, around, inputs, {})


def _shown(
    what: tuple[Literal["series", "deal"], Deal],
    loans: tuple[Lent, int],
    around: Surroundings,
    inputs: tuple[Stated, ...],
    names: Mapping[str, str],
) -> Given:
    (kind, deal), (lent, k) = what, loans
    rows, terms = np.array([k]), deal.spec.assets
    alone = around.chosen(rows)
    assets = CohortAssets(lent, rows, None, terms.price, terms.supply)
    run = run_deal(deal, assets, alone, trace=True)
    fails, fee = alone.originator_fails, alone.servicer_fee
    return Given(
        kind=kind,
        scenario=lent.scenarios[k],
        deal=deal,
        start=float(lent.start[k]),
        held=lent.held[:, :, k],
        new=lent.new[:, :, k],
        levels={name: np.array(levels[0]) for name, levels in alone.indices.items()},
        fails=0 if fails is None else int(fails[0]),
        servicer=np.ones(len(deal.years)) if fee is None else np.array(fee[0]),
        inputs=inputs,
        figures=figures_of(run),
        shown=names,
    )


def engine_shown(run: DealRun) -> Given:
    """A traced run of one scenario whose loans are no shares of what is lent: nothing is live."""
    figures, deal = figures_of(run), run.deal
    names = {"principal": "principal_collected"}
    held = np.array([figures.by[names.get(flow, flow), ""] for flow in FLOWS])
    return Given(
        kind="deal",
        scenario=run.scenarios[0],
        deal=deal,
        start=float(run.pool_start[0]),
        held=held,
        new=np.zeros((*held.shape, 0)),
        levels={},
        fails=0,
        servicer=np.ones(held.shape[1]),
        inputs=(),
        figures=figures,
        reasons=("collections of the past",) if deal.spec.actuals else ("whole loans",),
    )
