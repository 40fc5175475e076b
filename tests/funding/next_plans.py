"""A plan carried on: what it expects, what happened, and the next plan from there."""

from __future__ import annotations

from scfcap.cashflow.cohorts import cohort_factors, new_loans
from scfcap.credit.curves import build_curves
from scfcap.funding.gather import build_inputs
from scfcap.funding.outturn import planned
from scfcap.funding.plan import optimum
from scfcap.funding.reconcile import happened
from scfcap.funding.replan import next_model
from scfcap.funding.replay import Engine
from scfcap.funding.rolled import rolled_pool
from scfcap.schema.law import Calendar

from .small_platform import LAW

#: Periods that have passed, and the running cost of the small platform [1/year].
PERIODS, OPEX = 4, 0.01


def planned_of(case, periods=PERIODS):
    """The first periods of a plan."""
    made, found = case
    return planned(found.inputs, found.decisions, made.engine, found.replay, periods)


def read(told, case, expected):
    """What happened, and the plan beside it."""
    return happened(told, expected, case[1].inputs, "actuals.toml")


def next_plan(case, told, expected, length="end", pool=None):
    """The next model, its inputs and its plan, from the pool rolled forward."""
    made, found = case
    actual, _ = read(told, case, expected)
    following = next_model(found.inputs, found.decisions, told, actual, "actuals.toml", length)
    spec = following.spec
    if pool is None:
        pool = rolled_pool(found.inputs, found.decisions, made.engine, actual, "actuals.toml")
    horizon = spec.plan.grid(spec.as_of)
    curves = build_curves(
        pool.segments,
        spec.credit.segments,
        spec.scenarios,
        horizon.extended(len(horizon) + 12),
        lenders=tuple(x.name for x in spec.lenders),
        stated_in=spec.plan.unit,
    )
    new = {
        name: new_loans(wish.new_loans, pool, pool.segments.index(name))
        for name, wish in spec.demand.items()
    }
    factors = cohort_factors(pool, curves, new, len(horizon))
    inputs = build_inputs(spec, Calendar.of(LAW), pool, factors, curves)
    return following, optimum(inputs, Engine(pool, curves, new))
