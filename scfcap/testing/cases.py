"""A deal on its loans in its scenarios: what one trial of the deal engine is."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from scfcap.cashflow.cohorts import cohort_factors
from scfcap.cashflow.project import project
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.deal.assets import Assets, GivenAssets
from scfcap.deal.bought import CohortAssets, Lent, like_new
from scfcap.deal.choosing import Limits
from scfcap.deal.engine import Surroundings, run_deal
from scfcap.deal.loan_assets import LoanAssets
from scfcap.deal.loan_stock import LoanStock
from scfcap.deal.outcome import DealRun
from scfcap.deal.structure import Deal
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.deal import DealSpec
from scfcap.testing.deal_parts import INDEX, SIZE
from scfcap.testing.deals import any_deal
from scfcap.testing.dice import Dice
from scfcap.testing.pools import any_credit, any_exposures, any_new_loans, any_pool
from scfcap.testing.scenarios import any_rates, any_scenarios

#: Ways in which a case has its loans: flows as numbers, cohorts, whole loans.
KINDS = ("given", "cohorts", "loans")
#: Throws of loans after which a case gives up; the projection refuses a sixth of them.
_TRIES = 30


@dataclass(frozen=True)
class DealTrial:
    """A deal, its periods, its loans and its scenarios.

    ``assets`` makes the loans at their start, in the scenarios of the given rows (None: in all).
    ``kind`` is one of :data:`KINDS`, ``count`` the number of scenarios.
    """

    spec: DealSpec
    grid: PeriodGrid
    assets: Callable[[IntArray | None], Assets]
    around: Surroundings
    count: int
    kind: str = "given"

    @property
    def deal(self) -> Deal:
        """The deal made ready."""
        return Deal.of("random", self.spec, self.grid)

    def run(self, rows: IntArray | None = None, **options: Any) -> DealRun:
        """The deal's run, in the scenarios ``rows`` (all, if None); ``options`` of
        :func:`~scfcap.deal.engine.run_deal`.

        Raises:
            InvariantError: the engine found that money does not tie.
        """
        around = self.around if rows is None else self.around.chosen(rows)
        return run_deal(self.deal, self.assets(rows), around, **options)

    def only(self, rows: IntArray) -> DealTrial:
        """The same deal in the scenarios ``rows`` alone."""

        def chosen(more: IntArray | None) -> Assets:
            return self.assets(rows if more is None else rows[more])

        return replace(self, assets=chosen, around=self.around.chosen(rows), count=len(rows))

    def with_spec(self, spec: DealSpec) -> DealTrial:
        """Another deal on the same loans."""
        return replace(self, spec=spec)


def any_trial(
    dice: Dice,
    scenarios: int = 8,
    kind: str | None = None,
    deal: tuple[DealSpec, PeriodGrid] | None = None,
) -> DealTrial:
    """A random deal, or the one given, on random loans in ``scenarios`` scenarios, some extreme."""
    spec, grid = any_deal(dice) if deal is None else deal
    kind = dice.one_of(("given", "cohorts", "cohorts", "loans")) if kind is None else kind
    periods = len(grid)
    around = Surroundings({INDEX: any_rates(dice, scenarios, periods)})
    if kind == "given":
        flows = given_flows(dice, scenarios, periods)
        makes: Callable[[IntArray | None], Assets] = _Given(flows)
    else:
        curves, makes = _any_lent(dice, grid, scenarios, spec, kind)
        stress = curves.stress
        around = replace(around, servicer_fee=stress.servicer_fee,
                         originator_fails=_first(stress.originator_default))  # fmt: skip
    if kind == "given" and dice.chance(0.5):
        fails = dice.numbers().integers(0, periods + 1, scenarios)
        around = replace(around, originator_fails=fails.astype(np.int64))
    return DealTrial(spec, grid, makes, around, scenarios, kind)


def _first(failed: FloatArray) -> IntArray:
    """Period (from 1) in which a flag is first up [K], 0: never."""
    up = failed > 0.0
    return np.where(up.any(axis=1), up.argmax(axis=1) + 1, 0).astype(np.int64)


def given_flows(dice: Dice, scenarios: int, periods: int) -> Mapping[str, FloatArray]:
    """Flows of a pool of 1,000 in ``scenarios``, each [K, T] but ``start`` [K].

    The first is calm and the second bad; others are of no loans, repaid at once, lost at once, or
    without a flow for as long as the run goes on.
    """
    random = dice.numbers()
    start = np.full(scenarios, SIZE)
    pace = random.uniform(0.02, 0.25, scenarios)
    loss = random.choice([0.002, 0.12, 0.005, 0.03], scenarios)
    loss[: min(2, scenarios)] = [0.002, 0.12][:scenarios]
    what = random.integers(0, 12, scenarios)
    what[: min(2, scenarios)] = 11
    start[what == 0] = 0.0
    pace[what == 1], loss[what == 2] = 1.0, 1.0
    pace[what == 3], loss[what == 3] = 0.0, 0.0
    pay = np.where(what < 4, 0.0, random.uniform(0.0, 0.03, scenarios))
    held, rows = start, []
    for _ in range(periods):
        default = np.minimum(held * loss * _swing(random, what, scenarios), held)
        principal = np.minimum((held - default) * pace * _swing(random, what, scenarios),
                               held - default)  # fmt: skip
        recovery = default * random.uniform(0.0, 0.6, scenarios)
        interest = held * pay * random.uniform(0.0, 1.0, scenarios)
        held = held - default - principal
        late = held * random.uniform(0.0, 0.15, scenarios)
        rows.append((interest, principal, default, recovery, held, late))
    names = ("interest", "principal", "default", "recovery", "pool", "delinquent")
    found = np.array(rows).transpose(1, 2, 0)
    return {"start": start} | dict(zip(names, found, strict=True))


def _swing(random: np.random.Generator, what: IntArray, count: int) -> FloatArray:
    """A factor around one, at times 0; one exactly where all goes at once."""
    swing = random.uniform(0.0, 2.0, count) * (random.random(count) < 0.8)
    return np.where(what < 4, 1.0, swing)


@dataclass(frozen=True)
class _Given:
    """Makes assets of given flows."""

    flows: Mapping[str, FloatArray]

    def __call__(self, rows: IntArray | None) -> Assets:
        rest: dict[str, Any] = {
            name: each.copy() if rows is None else each[rows] for name, each in self.flows.items()
        }
        return GivenAssets(**rest)


def _any_lent(
    dice: Dice, grid: PeriodGrid, scenarios: int, spec: DealSpec, kind: str
) -> tuple[CurveSet, Callable[[IntArray | None], Assets]]:
    """Loans that the projection takes: it refuses some that are thrown, such as buyers' orders that
    borrowers prepay.
    """
    for _ in range(_TRIES):
        try:
            return _lent(dice, grid, scenarios, spec, kind)
        except InputError as error:
            refused = error
    raise refused


def _lent(
    dice: Dice, grid: PeriodGrid, scenarios: int, spec: DealSpec, kind: str
) -> tuple[CurveSet, Callable[[IntArray | None], Assets]]:
    """Curves of a random pool, and its loans: as cohorts, or one by one."""
    pool = any_pool(dice, grid.as_of, SIZE, max(int(grid.days[-1]), 30))
    exposures = any_exposures(dice, pool)
    worlds = any_scenarios(dice, scenarios, len(grid), cores=exposures.cores[:3],
                           segments=pool.segments)  # fmt: skip
    rolls, ages = grid.frequency == "month", kind != "loans"
    credit = {name: any_credit(dice, len(grid), rolls=rolls, ages=ages) for name in pool.segments}
    curves = build_curves(pool.segments, credit, worlds, grid, exposures=exposures)
    if kind == "loans":
        stock = _stock(dice, grid, len(pool.segments))
        price = spec.assets.price
        stays = dice.chance(0.5)
        return curves, lambda rows: LoanAssets(
            stock,
            curves if rows is None else curves.under(curves.stress.chosen(rows)),
            price,
            SIZE,
            {1: stock.held[:2]} if stays else None,
            substitutes=stays,
        )
    flows = project(pool, curves).flows
    new = {name: any_new_loans(dice) for name in pool.segments[: dice.whole(0, 2)]}
    factors = cohort_factors(pool, curves, new, len(grid)) if new and len(pool) else None
    mix = {name: 1.0 / len(new) for name in new}
    none = np.zeros((6, len(grid), scenarios, 0))
    units = none if factors is None else like_new(factors, mix)
    start = np.full(scenarios, pool.total)
    lent = Lent.of(curves.scenarios, start, flows, units)
    terms = spec.assets
    return curves, lambda rows: CohortAssets(lent, rows, None, terms.price, terms.supply)


def _stock(dice: Dice, grid: PeriodGrid, curves: int) -> LoanStock:
    """Some thirty loans, a third held at closing, the others on offer later."""
    random, count, days = dice.numbers(), dice.whole(3, 40), int(grid.days[-1])
    day = np.where(random.random(count) < 0.4, -1, random.integers(0, days + 1, count))
    day[0] = -1
    held = day < 0
    term = random.integers(1, 400, count)
    age = np.where(held, (random.random(count) * term).astype(np.int64), 0)
    balance = random.lognormal(0.0, 0.7, count)
    balance *= SIZE / balance[held].sum()
    start = np.where(held, -age, day)
    breach = np.where(random.random(count) < 0.1, random.integers(1, 90, count), -1)
    limits = Limits(
        keys=random.integers(-1, 5, (1, count)),
        share=np.array([dice.edge(0.1, 0.6, np.inf)]),
        amount=np.array([np.inf]),
        top=np.array([1], dtype=np.int64),
        values=random.uniform(0.0, 1.0, (1, count)),
        least=np.array([dice.edge(0.0, 0.6, -np.inf)]),
        most=np.array([np.inf]),
    )
    return LoanStock(
        loan_id=np.array([f"W{n}" for n in range(count)], dtype=object),
        curve=random.integers(0, curves, count),
        loan_type=random.integers(0, 6, count),
        balance=balance,
        rate=random.uniform(0.0, 0.3, count),
        day=day.astype(np.int64),
        origination_day=start.astype(np.int64),
        maturity_day=(start + term).astype(np.int64),
        days_past_due=np.where(held & (random.random(count) < 0.1), 40, 0),
        eligible=random.random(count) < 0.8,
        limits=limits,
        breach_after=breach.astype(np.int64) if dice.chance(0.4) else None,
    )
