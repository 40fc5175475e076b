"""Worlds of a back-test: what happens, what of it can be known when, and who goes through it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scfcap.api.backtesting import PLANNED, TRUTH, Setting
from scfcap.cashflow.cohorts import NewLoans, cohort_factors
from scfcap.cashflow.paths import Draw
from scfcap.credit.curves import CurveSet
from scfcap.credit.exposure import Exposures
from scfcap.credit.foreseen import both, delayed, foreseen, joined, mean_of, named
from scfcap.credit.stress import Stress, calm, compile_scenarios
from scfcap.errors import FaultError
from scfcap.funding.carrying import Carrier
from scfcap.funding.gather import build_inputs
from scfcap.funding.inputs import Inputs
from scfcap.funding.provisions import opening_provisions
from scfcap.funding.replay import Engine
from scfcap.funding.rolling.measures import Outcome, outcome
from scfcap.funding.rolling.moving import on_grid
from scfcap.funding.rolling.policies import Sight, rivals
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray
from scfcap.schema.law import Calendar
from scfcap.schema.model import Model as ModelSpec
from scfcap.schema.scenario import Scenario

if TYPE_CHECKING:
    from scfcap.api.model import Model

#: Weight of the calm scenario and of each named stress in the planner's eyes, where the model
#: states none; paths drawn have the rest.
CALM, STRESSED = 0.2, 0.05
#: Least number of paths drawn beside them.
PATHS = 2
#: What happens in the family ``unforeseen``, at once: an outage of so many days, a market that
#: takes no new series for so many periods, buyers who stop for good, and a core enterprise's
#: failure; without core enterprises defaults multiply by so much instead.
OUTAGE_DAYS, SHUT_PERIODS, DEFAULTS = 15, 3, 6.0


@dataclass(frozen=True)
class Ground:
    """What all worlds of a back-test share.

    ``drawn`` are the planner's scenarios from a first period on, with ``weights``; ``expected``
    [S, T] loans that default by the stated curves; ``prior`` is the variance of the default
    multiple of one period among paths. ``start``: the inputs in which nothing happens.
    """

    spec: ModelSpec
    law: Calendar | None
    pool: Pool
    curves: CurveSet
    new: Mapping[str, NewLoans]
    draw: Draw
    exposures: Exposures | None
    drawn: Stress
    weights: FloatArray
    names: tuple[str, ...]
    start: Inputs
    expected: FloatArray
    prior: float


@dataclass(frozen=True)
class Truth:
    """What happens: a drawn background and a shock on it, one row each.

    ``no_buyers``: the period from which no buyer takes loans.
    """

    background: Stress
    shock: Stress
    no_buyers: int | None = None

    def closed(self, inputs: Inputs, since: int | None) -> Inputs:
        """``inputs`` in which buyers have stopped in ``since``."""
        if since is None:
            return inputs
        shut = frozenset(range(since, inputs.horizon + 1))
        return replace(
            inputs, buyers=tuple(replace(x, closed=x.closed | shut) for x in inputs.buyers)
        )


def ground_of(model: Model, setting: Setting) -> Ground:
    """What all worlds share; the planner's scenarios are drawn and reduced here, once.

    Raises:
        FaultError: the planner's seeds are those of what happens.
    """
    from scfcap.api.drawing import draw
    from scfcap.api.planning import exposures

    if TRUTH + setting.seed == PLANNED + setting.seed:
        msg = "the planner's scenarios are drawn with the seed of what happens"
        raise FaultError(msg)
    spec, curves = model.spec, model.curves()
    others = tuple(name for name in spec.scenarios if name != spec.plan.scenario)
    weights = _weights(spec, others, setting.scenarios)
    keep = setting.scenarios - len(weights)
    chosen = model.scenario_set(
        keep, count=setting.drawn, seed=PLANNED + setting.seed, named=weights
    )
    drawer = draw(model, TRUTH + setting.seed)
    stress = chosen.curves.stress
    empty = Ground(
        spec=spec,
        law=model.loaded.law,
        pool=model.pool(),
        curves=curves,
        new=model.new_loans(),
        draw=drawer,
        exposures=exposures(model),
        drawn=stress,
        weights=np.asarray(chosen.weight),
        names=others,
        start=model.inputs(),
        expected=np.zeros((0, 0)),
        prior=float(chosen.paths.stress.default_multiple[:, :, 0].var()),
    )
    return replace(empty, expected=_expected(empty))


def _weights(spec: ModelSpec, others: tuple[str, ...], scenarios: int) -> dict[str, float]:
    """Weights of the calm scenario and of named ones in the planner's eyes.

    As stated where paths have the rest and there is room for both; else :data:`CALM`, and
    :data:`STRESSED` for as many of the first named ones as leave room for two paths.
    """
    stated, calm_one = spec.plan.uncertainty, spec.plan.scenario
    if stated is not None and stated.paths and calm_one in stated.weights:
        named_ones = dict(stated.weights)
        if len(named_ones) + PATHS <= scenarios:
            return named_ones
    return {calm_one: CALM} | dict.fromkeys(others[: scenarios - PATHS - 1], STRESSED)


def _expected(ground: Ground) -> FloatArray:
    """Loans that default by the stated curves [S, T] where all that is asked for is lent."""
    start = ground.start
    cohorts = start.cohorts
    made = np.where(cohorts.vintage <= 0, cohorts.amount, 0.0)
    for (s, v), j in start.new_cohort.items():
        made[j] = start.demand[s, v]
    before = made[:, None] * np.pad(cohorts.path, ((0, 0), (1, 0)))[:, :-1]
    for (_, v), j in start.new_cohort.items():
        before[j, v] = made[j]
    money = np.zeros((len(start.segments), start.horizon + 1))
    np.add.at(money, cohorts.segment, before * cohorts.default)
    pool = ground.pool
    segment = np.array([start.segments.index(name) for name in pool.segments])[pool.segment]
    count = np.bincount(segment, minlength=len(money))
    size = np.bincount(segment, pool.balance, minlength=len(money)) / np.maximum(count, 1)
    mean = float(pool.balance.mean()) if len(pool) else 1.0
    size = np.where(count > 0, size, mean)
    return np.asarray(money * start.unit / size[:, None])


def truth_of(ground: Ground, setting: Setting, number: int, family: str) -> Truth:
    """What happens in a world: its path, and the shock of its family at a random date.

    Raises:
        FaultError: a shock that should be foreseen by none is in a scenario of the planner.
    """
    grid = ground.curves.grid
    path = ground.draw.paths(ground.curves, grid, np.array([number])).stress
    nothing = calm(path.scenarios, len(ground.curves.parents), path.lenders, len(grid))
    random = np.random.default_rng([TRUTH, setting.seed, number])
    when = int(random.integers(1, setting.periods + 1))
    if family == "named":
        name = ground.names[int(random.integers(len(ground.names)))]
        row = ground.curves.stress.chosen([ground.curves.scenarios.index(name)])
        return Truth(path, delayed(row, when - 1))
    if family == "unforeseen":
        shock = unforeseen(ground, when)
        _in_none(ground, shock)
        return Truth(path, shock, when)
    return Truth(path, nothing)


def unforeseen(ground: Ground, when: int) -> Stress:
    """A core enterprise fails, the platform stands still and the market shuts, all at once."""
    first: dict[str, object] = {
        "kind": "borrower_stress", "default_multiple": DEFAULTS, "from_period": when,
    }  # fmt: skip
    if ground.exposures is not None and ground.exposures.cores:
        first = {
            "kind": "core_failure", "core": "#1", "period": when, "recovery": 0.3,
            "recovery_lag": 12, "infection": 0.3, "supplier_default_multiple": 3.0,
            "orders_lost": 1.0,
        }  # fmt: skip
    shocks = [
        first,
        {"kind": "outage", "days": OUTAGE_DAYS, "from_period": when},
        {"kind": "market_shut", "from_period": when, "to_period": when + SHUT_PERIODS - 1},
    ]
    return compile_scenarios(
        {"unforeseen": Scenario.model_validate({"shocks": shocks})},
        ground.curves.parents,
        ground.curves.grid,
        lenders=tuple(x.name for x in ground.spec.lenders),
        exposures=ground.exposures,
    )


def _in_none(ground: Ground, shock: Stress) -> None:
    """No scenario of the planner shuts the market and stands still as long as the shock does.

    That buyers stop is in none either: scenarios do not speak of them.
    """
    long = ground.drawn.held.max(axis=1) >= shock.held.max()
    shut = ground.drawn.issue.min(axis=1) <= shock.issue.min()
    if (long & shut).any():
        msg = "the planner foresees what should be foreseen by none"
        raise FaultError(msg)


def estimate(ground: Ground, happened: Stress, period: int) -> tuple[FloatArray, FloatArray]:
    """Default and prepayment multiples [S] in the eyes of who decides for ``period``.

    Loans that defaulted before ``period`` against those expected by the stated curves, the later
    the more (persistence f, weights ``f**age``), shrunk to one as in a gamma-Poisson model with
    the variance of the multiple among paths: ``(1/v + actual) / (1/v + expected)``. The kernel
    lets exactly the expected number default, times the multiple: blows of core enterprises are
    known by name and not counted. Prepayment is seen without noise: its last multiple.
    """
    segments = ground.expected.shape[0]
    if period <= 1:
        return np.ones(segments), np.ones(segments)
    age = np.arange(period - 2, -1, -1.0)
    memory = ground.draw.spec.persistence**age
    expected = ground.expected[:, 1:period] * memory
    multiple = happened.default_multiple[0, :segments, : period - 1]
    trust = 1.0 / ground.prior if ground.prior > 0.0 else np.inf
    if not np.isfinite(trust):
        return np.ones(segments), happened.prepay_multiple[0, :segments, period - 2]
    default = (trust + (expected * multiple).sum(axis=1)) / (trust + expected.sum(axis=1))
    return default, happened.prepay_multiple[0, :segments, period - 2]


def inputs_for(ground: Ground, stress: Stress, periods: int) -> tuple[dict[str, Inputs], Engine]:
    """Inputs of each scenario of ``stress`` over so many periods, all from one balance sheet."""
    curves = ground.curves.under(stress).planned()
    factors = cohort_factors(ground.pool, curves, ground.new, periods)
    cores = any(x.core is not None for x in ground.spec.concentration)
    found, start = {}, ground.start
    for name in curves.scenarios:
        plan = ground.spec.plan.model_copy(update={"scenario": name, "periods": periods})
        spec = ground.spec.model_copy(update={"plan": plan})
        x = build_inputs(
            spec, ground.law, ground.pool, factors, curves, ground.exposures if cores else None
        )
        provisions = x.provisions
        if provisions is not None:
            provisions = replace(provisions, opening=opening_provisions(start))
        found[name] = replace(
            x, cash=start.cash, net_capital=start.net_capital, provisions=provisions
        )
    return found, Engine(ground.pool, curves, ground.new)


def sight_at(
    ground: Ground, truth: Truth, period: int, last: int, buyers: int | None = None
) -> Sight:
    """What can be expected at the decision for ``period``, over periods up to ``last``."""
    happened = both(truth.background, truth.shock)
    seen = foreseen(
        (truth.background, truth.shock),
        ground.drawn,
        period,
        estimate(ground, happened, period),
        ground.draw.spec.persistence,
        ground.draw.spec.lines.notice,
    )
    mean = mean_of(seen, ground.weights, "mean")
    names = [f"s{k}" for k in range(len(seen))]
    worlds, engine = inputs_for(ground, joined([mean, named(seen, names)]), last)
    worlds = {name: truth.closed(x, buyers) for name, x in worlds.items()}
    weights = dict(zip(names, map(float, ground.weights), strict=True))
    return Sight(period, worlds["mean"], {name: worlds[name] for name in names}, weights, engine)


def run_world(ground: Ground, setting: Setting, number: int, family: str) -> list[Outcome]:
    """All policies through one world."""
    truth = truth_of(ground, setting, number, family)
    stress = named(both(truth.background, truth.shock), ["truth"])
    worlds, engine = inputs_for(ground, stress, setting.periods)
    world = truth.closed(worlds["truth"], truth.no_buyers)
    periods = range(1, setting.periods + 1)
    whole = ground.spec.plan.periods

    def seen(t: int, last: int) -> Sight:
        stopped = truth.no_buyers
        known = stopped if stopped is not None and stopped <= t else None
        return sight_at(ground, truth, t, last, known)

    sights = {t: seen(t, min(t + setting.horizon - 1, whole)) for t in periods}
    opening = sights[1] if setting.horizon == setting.periods else seen(1, setting.periods)
    found = []
    for policy in rivals(opening, world):
        carrier, intents, fell_back = Carrier(world, engine), [], 0
        for t in periods:
            decided = policy.decide(sights[t], carrier)
            carrier.step(t, on_grid(decided.decisions, decided.inputs, carrier.inputs))
            intents.append(decided.intent)
            fell_back += decided.fell_back
        carried = carrier.result(setting.periods)
        found.append(outcome(number, family, policy.name, carried, intents, fell_back))
    return found
