"""What a model's plan is made of: new loans, series by themselves, exposures."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from scfcap.axes import SECURITIZATION, place

if TYPE_CHECKING:
    import pandas as pd

    from scfcap.api.model import Model
    from scfcap.cashflow.cohorts import CohortFactors, NewLoans
    from scfcap.credit.curves import CurveSet
    from scfcap.credit.exposure import Exposures
    from scfcap.deal.waterfall import DealResult
    from scfcap.funding.inputs import Inputs
    from scfcap.funding.plan import Optimum, Plan
    from scfcap.funding.replay import Replay
    from scfcap.report.plan import PlanReport


def plan(model: Model) -> Plan:
    """The funding plan: for its one scenario, or for all of ``[plan.uncertainty]`` at once."""
    from scfcap.api.variants import engine_of
    from scfcap.funding.plan import solve_plan
    from scfcap.funding.weighed import solve_weighed

    settings = model.spec.plan
    if settings.uncertainty is None:
        return solve_plan(model.inputs(), engine_of(model))
    w = model.worlds()
    return solve_weighed(w.inputs, w.weights, w.nodes, w.engine, settings.scenario)


def plan_tables(model: Model) -> dict[str, pd.DataFrame]:
    """The plan's tables, and what needs more than the plan: maturities, what borrowers pay."""
    from scfcap.funding.borrower import borrower_cost
    from scfcap.funding.covenants import covenants_table
    from scfcap.funding.ladder import maturity_gaps, maturity_ladder
    from scfcap.funding.term_parts import term_parts

    stated = model.borrower_costs()
    found = model.plan().optimum
    tables = dict(model.plan().tables())
    ladder = maturity_ladder(found.book, found.solution, model.factors())
    lent = tables["lending"].groupby("segment")["originated"].sum().to_dict()
    tables["covenants"] = covenants_table(
        found.book, found.solution, found.replay, _elsewhere(model, found)
    )
    for_book = model.loaded.spec.stated_for_book
    scaled = model.pool().total / for_book if for_book else 1.0
    tables["terms"] = term_parts(found.book, found.solution, scaled)
    tables["maturity_ladder"] = ladder
    tables["maturity_gaps"] = maturity_gaps(ladder)
    tables["borrower_cost"] = borrower_cost(
        stated, model.spec.currency, model.new_loans(), {str(k): float(v) for k, v in lent.items()}
    )
    return tables


def _elsewhere(model: Model, found: Optimum) -> dict[str, tuple[Inputs, Replay]]:
    """The plan's decisions carried out in each other scenario; without covenants in none."""
    from scfcap.api.variants import engine_of
    from scfcap.funding.replay import replay

    if not found.inputs.covenants:
        return {}
    engine = engine_of(model)
    others: dict[str, tuple[Inputs, Replay]] = {}
    for name in engine.curves.scenarios:
        if name != model.spec.plan.scenario:
            given = inputs(model, name)
            others[name] = (given, replay(given, found.decisions, engine))
    return others


def plan_report(model: Model) -> PlanReport:
    """The plan to show and to save; see :meth:`Model.plan_report`."""
    from scfcap.api.quoting import stored_prices
    from scfcap.api.stored import stored_inputs
    from scfcap.funding.holding import holding_cautions
    from scfcap.funding.weighed import risk_told
    from scfcap.report.files import manifest
    from scfcap.report.plan import PlanReport

    found, regime = model.plan(), model.loaded.regime
    return PlanReport(
        model=model.loaded,
        currency=model.spec.currency,
        regime=regime.title if regime is not None else "none",
        status=found.status,
        objective=found.objective,
        net_income=found.net_income,
        frames=model.plan_tables(),
        told=(*holding_cautions(found.optimum.inputs), *risk_told(found), *reduced_told(model)),
        origin=manifest(model.provenance(model.tape()), dict(found.seconds))
        | {"solved": solved(found)},
        chosen=solved(found),
        kept=lambda: stored_inputs(model, plan=True) | stored_prices(model),
    )


def reduced_told(model: Model) -> list[str]:
    """How far the paths of a plan under uncertainty are from those that were drawn."""
    stated = model.spec.plan.uncertainty
    drawn = stated is not None and stated.paths > 0
    return model.worlds().told(model.spec.currency) if drawn else []


def solved(found: Plan) -> dict[str, Any]:
    """How a plan was solved and chosen among equals, for manifests and documents."""
    choice, inputs = found.choice, found.optimum.inputs
    return {
        "solver": found.optimum.solution.solver,
        "unique": choice.how,
        "given_up": choice.given_up * inputs.unit,
        "says": choice.says(inputs.spec.currency, inputs.unit),
    }


def exposures(model: Model) -> Exposures:
    """What the outstanding loans owe to core enterprises, named or among the largest."""
    from scfcap.credit.exposure import ASKED, measure
    from scfcap.credit.stress import names_cores

    frame = model.tape().frame
    gone = frame["status"].isin(["repaid", "charged_off"]).to_numpy()
    frame = frame[[name for name in ASKED if name in frame]]
    limited = [x.core for x in model.spec.concentration if x.core is not None]
    named = [*names_cores(model.spec.scenarios), *limited]
    return measure(frame[~gone] if gone.any() else frame, model.pool().segments, named=named)


def inputs(
    model: Model,
    scenario: str | None = None,
    given: tuple[CohortFactors, CurveSet] | None = None,
) -> Inputs:
    """The funding program's inputs, of the plan's scenario or of another.

    ``given`` are cohort factors and the curves that they were made from, where the scenario is not
    one of the model's.
    """
    from scfcap.funding.gather import build_inputs

    spec = model.spec
    if scenario is not None:
        plan = spec.plan.model_copy(update={"scenario": scenario})
        spec = spec.model_copy(update={"plan": plan})
    cores = any(x.core is not None for x in spec.concentration)
    factors, curves = given or (model.factors(), model.curves().planned())
    return build_inputs(
        spec,
        model.loaded.law,
        model.pool(),
        factors,
        curves,
        model.exposures() if cores else None,
    )


def new_loans(model: Model) -> dict[str, NewLoans]:
    """What new loans look like, by segment; where buyers pay orders, new ones too."""
    from scfcap.cashflow.cohorts import new_loans
    from scfcap.cashflow.orders import new_orders, paid_by_any

    pool = model.pool()
    place = {name: k for k, name in enumerate(pool.segments)}
    made = {
        name: new_loans(
            demand.new_loans,
            pool,
            place.get(name, len(place)),
            contract=model.spec.contract.get(name),
        )
        for name, demand in model.spec.demand.items()
    }
    book, spec = model.orders(), model.loaded.spec.orders
    if book is None or spec is None:
        return made
    buyers = book.buyers
    return {
        name: paid_by_any(
            each,
            buyers,
            spec.parts,
            new_orders(pool, place.get(name, len(place)), spec, buyers),
        )
        for name, each in made.items()
    }


def deals(model: Model) -> dict[str, DealResult]:
    """Each outstanding series alone, all its cash reinvested, by name."""
    vehicle = model.spec.securitization
    if vehicle is None:
        return {}
    from scfcap.deal.accounts import opening_state
    from scfcap.deal.revolving import run_revolving

    factors = model.factors()
    return {
        series.name: run_revolving(
            vehicle,
            opening_state(
                *(vehicle, series, _held_by(model, series.name), factors.grid, model.spec.plan.unit)
            ),
            factors,
        )
        for series in vehicle.series
    }


def _held_by(model: Model, series: str) -> float:
    """Principal that the tape places in a series [currency]."""
    pool, key = model.pool(), place(SECURITIZATION, series)
    held = pool.place == pool.places.index(key) if key in pool.places else False
    return float(pool.balance.sum(where=held))
