"""The deals of a model, on its own loans."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid

if TYPE_CHECKING:
    from scfcap.api.model import Model
    from scfcap.credit.curves import CurveSet
    from scfcap.deal.assets import Assets
    from scfcap.deal.bought import Lent
    from scfcap.deal.engine import Surroundings
    from scfcap.deal.outcome import DealRun
    from scfcap.deal.sizing import Runner, Sizing
    from scfcap.deal.structure import Deal
    from scfcap.pool.snapshot import Pool
    from scfcap.quantities import FloatArray, IntArray
    from scfcap.schema.deal import DealSpec
    from scfcap.schema.scenario import Scenario

#: How far the pool of the actuals may be from the tape's, as a share of it.
POOL_TOLERANCE = 1e-6
#: Factors of new loans, cohorts times periods and scenarios, that are projected in one pass, which
#: bounds the memory: some 300 bytes each.
_FACTORS = 5_000_000
#: Most periods of a deal's run, by frequency.
MOST = {"month": 480, "week": 1000, "day": 1500}


@dataclass(frozen=True)
class Elsewhere:
    """What other deals of the model have.

    ``held`` [loans of the pool]: share of each loan of the tape. ``taken``: ids of whole loans on
    offer that they bought, by scenario; ``bought`` [T, K] what they bought by period [currency].
    """

    held: FloatArray
    taken: Mapping[str, frozenset[str]] = field(default_factory=dict)
    bought: FloatArray | None = None


@dataclass(frozen=True)
class DealCase:
    """A deal with what it runs on; see :func:`deal_case`.

    Sizes and grids are always run on cohorts (``lent``); ``whole_loans`` makes the assets of a
    deal that buys loans one by one.
    """

    deal: Deal
    lent: Lent
    around: Surroundings
    whole_loans: Callable[[Elsewhere | None], Assets] | None = None

    def assets(
        self,
        rows: IntArray | None = None,
        names: tuple[str, ...] | None = None,
        elsewhere: Elsewhere | None = None,
    ) -> Assets:
        """Its loans at their start, in the scenarios ``rows`` (all once, if None)."""
        from scfcap.deal.actuals import ActualAssets
        from scfcap.deal.bought import CohortAssets

        spec = self.deal.spec
        supply: FloatArray | float | None = spec.assets.supply
        if supply is not None and elsewhere is not None and elsewhere.bought is not None:
            bought = np.zeros((len(self.deal.years), elsewhere.bought.shape[1]))
            known = min(len(bought), len(elsewhere.bought))
            bought[:known] = elsewhere.bought[:known]
            supply = np.maximum(supply - bought, 0.0)
        loans = CohortAssets(self.lent, rows, names, spec.assets.price, supply)
        if not spec.actuals:
            return loans
        return ActualAssets(spec.actuals, start_of_actuals(spec), loans)

    def run(
        self,
        *,
        trace: bool = False,
        watch: Sequence[str] = (),
        elsewhere: Elsewhere | None = None,
    ) -> DealRun:
        """The deal in each of the model's scenarios, on whole loans where it buys such.

        ``elsewhere``: what deals that come before it have.
        """
        from scfcap.deal.engine import run_deal

        if self.whole_loans is None:
            assets = self.assets(elsewhere=elsewhere)
        else:
            assets = self.whole_loans(elsewhere)
        return run_deal(self.deal, assets, self.around, trace=trace, watch=watch)

    def runner(self, watch: Sequence[str] = ()) -> Runner:
        """Runs the deal in given scenarios with given original balances [J, K], or its own.

        The words ``watch`` are kept after each step.
        """
        from scfcap.deal.engine import run_deal

        def run(rows: IntArray, balances: FloatArray | None) -> DealRun:
            around = self.around.chosen(rows)
            return run_deal(self.deal, self.assets(rows), around, balances, watch=watch)

        return run

    def sized(self) -> Sizing:
        """The largest classes with a rating: see :func:`~scfcap.deal.sizing.size_classes`."""
        from scfcap.deal.sizing import size_classes

        lent = self.lent
        return size_classes(self.deal.spec, self.runner(), lent.scenarios, lent.start)


def named_deal(model: Model, name: str | None) -> str:
    """``name``, or that of the only deal. Raises InputError."""
    there = sorted(model.spec.deals)
    if name is None and len(there) == 1:
        return there[0]
    if name in model.spec.deals:
        return str(name)
    where = f"{model.name}: deals"
    if not there:
        raise InputError(
            Problem(
                where, "none", "a file deals/NAME.toml", "docs/deals.md shows how to write one."
            )
        )
    found = "several deals and no name" if name is None else f'"{name}"'
    raise InputError(
        Problem(where, found, f"one of {', '.join(there)}", "Choose one with --deal NAME.")
    )


def deal_run(
    model: Model,
    name: str | None,
    scenarios: Sequence[str] = (),
    *,
    trace: bool = False,
    watch: Sequence[str] = (),
) -> DealRun:
    """A deal in ``scenarios``, of the model or of its sizing; without any, all of the model.

    Raises:
        InputError: as :func:`asked_case`.
    """
    return asked_case(model, name, scenarios, watch).run(trace=trace, watch=watch)


def asked_case(
    model: Model, name: str | None, scenarios: Sequence[str] = (), watch: Sequence[str] = ()
) -> DealCase:
    """What :func:`deal_run` runs.

    Raises:
        InputError: as :func:`deal_case`; no such scenario; a watched word that is none.
    """
    from scfcap.deal.check_formulas import check_words

    name = named_deal(model, name)
    strange = check_words(model.spec.deals[name], watch, tuple(model.spec.indices))
    if strange:
        raise InputError(strange)
    return deal_case(model, name, named_scenarios(model, scenarios), watch)


def named_scenarios(model: Model, names: Sequence[str] = ()) -> dict[str, Scenario]:
    """Scenarios of the model or of its deals' sizing by name; without any, all of the model.

    Raises InputError.
    """
    there = {**model.spec.scenarios, **model.loaded.stresses}
    strange = [
        Problem("--scenario", f'"{each}"', f"one of {', '.join(there)}")
        for each in names
        if each not in there
    ]
    if strange:
        raise InputError(strange)
    return {each: there[each] for each in names or model.spec.scenarios}


def deal_case(
    model: Model,
    name: str | None = None,
    scenarios: Mapping[str, Scenario] | None = None,
    watch: Sequence[str] = (),
) -> DealCase:
    """A deal ready to run on the model's loans, from its opening, or from ``as_of``.

    ``scenarios`` by name; None: the model's, and the stresses that the deal's sizing names.
    ``watch``: words that are asked for beside those of the deal's formulas.

    Raises:
        InputError: no such deal; it has not closed by ``as_of``; its actuals do not lead there, or
            to another pool; it holds or buys no loans; or borrowers draw on lines, which no deal
            funds.
    """
    from scfcap.api.projecting import curves_over

    name = named_deal(model, name)
    spec = model.spec.deals[name]
    refuse_dates(model, name, spec)
    grid = deal_grid(model, spec)
    if scenarios is None:
        wanted = set(spec.sizing.scenarios)
        more = {k: v for k, v in model.loaded.stresses.items() if k in wanted}
        scenarios = {**model.spec.scenarios, **more}
    return case_under(model, name, curves_over(model, grid, scenarios), watch)


def case_under(model: Model, name: str, curves: CurveSet, watch: Sequence[str] = ()) -> DealCase:
    """A deal ready to run in the scenarios of ``curves``, which are over :func:`deal_grid`."""
    from scfcap.cashflow.project import project
    from scfcap.deal.bought import Lent
    from scfcap.deal.structure import Deal

    curves.refuse_draws("deals do")
    spec, grid = model.spec.deals[name], curves.grid
    pool = deal_pool(model, name, spec)
    _refuse_pool(name, spec, pool.total)
    flows = project(pool, curves).flows
    start = np.full(len(curves.scenarios), pool.total)
    lent = Lent.of(curves.scenarios, start, flows, _new(model, name, spec, pool, curves))
    ends = tuple(row.end for row in spec.actuals)
    whole = PeriodGrid(_start(spec, grid), (*ends, *grid.ends), grid.frequency)
    indices = {
        index: np.concatenate([np.repeat(each[:, :1], len(ends), axis=1), each], axis=1)
        for index, each in _indices(spec, curves, watch).items()
    }
    deal = Deal.of(name, spec, whole)
    one_by_one = None
    if spec.assets.purchases == "loans":
        one_by_one = _whole_loans(model, name, spec, curves)
    return DealCase(deal, lent, _around(model, spec, pool, curves, indices), one_by_one)


def _around(
    model: Model, spec: DealSpec, pool: Pool, curves: CurveSet, indices: dict[str, FloatArray]
) -> Surroundings:
    """Indices, what lines lend on, and what scenarios do to the originator."""
    from scfcap.api.bases import deal_bases
    from scfcap.deal.engine import Surroundings

    ends, stress = [row.end for row in spec.actuals], curves.stress
    fee = np.pad(stress.servicer_fee, ((0, 0), (len(ends), 0)), constant_values=1.0)
    return Surroundings(
        indices,
        _failures(spec.originator_fails, [*ends, *curves.grid.ends], stress.originator_default),
        fee if (fee != 1.0).any() else None,
        deal_bases(model, spec, pool, curves.grid),
    )


def _failures(stated: date | None, ends: Sequence[date], failed: FloatArray) -> IntArray | None:
    """Period (from 1) of the run in which the originator fails, by scenario, 0: never.

    ``stated``: the day on which it does in all; ``failed`` [K, T] in the last periods.
    """
    never = len(ends) + 1
    begun = len(ends) - failed.shape[1]
    found = np.where(failed.any(axis=1), (failed > 0.0).argmax(axis=1) + 1 + begun, never)
    if stated is not None:
        day = next((t for t, end in enumerate(ends, 1) if end >= stated), never)
        found = np.minimum(found, day)
    if (found == never).all():
        return None
    return np.where(found == never, 0, found).astype(np.int64)


def _whole_loans(
    model: Model, name: str, spec: DealSpec, curves: CurveSet
) -> Callable[[Elsewhere | None], Assets]:
    """Makes the assets of a run that buys whole loans: they change as it goes."""
    from scfcap.api.offers import loan_assets
    from scfcap.deal.actuals import ActualAssets

    unscaled = spec.model_copy(update={"assets": spec.assets.model_copy(update={"size": None})})
    held = deal_pool(model, name, unscaled).balance

    def made(elsewhere: Elsewhere | None = None) -> Assets:
        mine, taken = held, None
        if elsewhere is not None:
            taken = elsewhere.taken
            if spec.assets.size is not None:
                mine = np.where(elsewhere.held > 0.0, 0.0, held)
        loans = loan_assets(model, name, spec, mine, curves, taken)
        if not spec.actuals:
            return loans
        return ActualAssets(spec.actuals, start_of_actuals(spec), loans)

    return made


def _start(spec: DealSpec, grid: PeriodGrid) -> date:
    """First day of a deal's run."""
    if not spec.actuals:
        return grid.as_of
    return spec.closing if spec.opening is None else spec.opening.date


def start_of_actuals(spec: DealSpec) -> float:
    """Pool before the first row of the actuals [currency]."""
    row = spec.actuals[0]
    bought = row.purchases if row.bought is None else row.bought
    return row.pool - bought + row.principal + row.default


def _refuse_pool(name: str, spec: DealSpec, held: float) -> None:
    """The pool at the end of the actuals is the tape's."""
    if not spec.actuals:
        return
    last = spec.actuals[-1].pool
    if abs(last - held) > POOL_TOLERANCE * held:
        raise InputError(
            Problem(
                f"deals/{name}.toml: actuals, {spec.actuals[-1].end}: pool",
                f"{last:,.2f}",
                f"what the tape holds for the deal, {held:,.2f}",
                "Give assets.channel, or assets.size, so that the loans are the deal's.",
            )
        )


def deal_grid(model: Model, spec: DealSpec) -> PeriodGrid:
    """Periods of a deal's run: to its legal end, else until its last loans are repaid."""
    frequency = spec.settlement.frequency or model.projection_grid.frequency
    one = PeriodGrid.build(model.spec.as_of, 1, frequency)
    if spec.legal_end is not None:
        days = (spec.legal_end - model.spec.as_of).days
        shortest = {"month": 28, "week": 7, "day": 1}[frequency]
        return one.extended(
            min(one.extended(days // shortest + 1).index(spec.legal_end), MOST[frequency])
        )
    ends = [(phase.until - model.spec.as_of).days for phase in spec.phases if phase.until]
    days = max(ends, default=0) + int(model.projection_grid.days[-1])
    longest = {"month": 30.4, "week": 7, "day": 1}[frequency]
    return one.extended(int(min(days // longest + 1, MOST[frequency])))


def deal_pool(model: Model, name: str, spec: DealSpec) -> Pool:
    """The model's pool with the balances of the deal's loans alone, in its size."""
    pool, terms = model.pool(), spec.assets
    chosen = np.ones(len(pool), dtype=np.bool_)
    if terms.channel is not None:
        if terms.channel not in pool.places:
            raise InputError(
                Problem(
                    f"deals/{name}.toml: assets.channel",
                    f'"{terms.channel}"',
                    f"one of {', '.join(pool.places)}",
                )
            )
        chosen = pool.place == pool.places.index(terms.channel)
    if terms.eligibility is not None:
        if terms.eligibility not in pool.eligibility:
            raise InputError(
                Problem(
                    f"deals/{name}.toml: assets.eligibility",
                    f'"{terms.eligibility}"',
                    f"one of {', '.join(pool.eligibility) or 'no set at all'}",
                )
            )
        if not terms.takes_back_ineligible:
            chosen = chosen & (pool.eligibility[terms.eligibility] == 1)
    held = np.where(chosen, pool.balance, 0.0)
    total = float(held.sum())
    if total <= 0.0:
        raise InputError(
            Problem(
                f"deals/{name}.toml: assets",
                "no loan of the tape",
                "loans that the deal holds",
                "Change channel or eligibility.",
            )
        )
    if terms.size is not None:
        held = held * (terms.size / total)
    return replace(pool, balance=held)


def refuse_dates(model: Model, name: str, spec: DealSpec) -> None:
    """Raise InputError where a deal does not stand on the day of the tape."""
    as_of, where = model.spec.as_of, f"deals/{name}.toml"
    start, key = (
        (spec.closing, "closing") if spec.opening is None else (spec.opening.date, "opening.date")
    )
    if spec.actuals:
        ends = [start, *(row.end for row in spec.actuals)]
        if any(b <= a for a, b in pairwise(ends)) or ends[-1] != as_of:
            days = ", ".join(map(str, ends[1:][-3:]))
            raise InputError(
                Problem(
                    f"{where}: actuals",
                    f"period ends that are {days} at last",
                    f"days that rise from {key}, {start}, to as_of, {as_of}",
                )
            )
    elif start != as_of:
        raise InputError(
            Problem(
                f"{where}: {key}",
                str(start),
                f"as_of, {as_of}, the day of the tape",
                "Give [opening] as it stands on that day, or [[actuals]] from the one to the other."
                if start < as_of
                else f"Run it with --set as_of={start} and the tape of that day.",
            )
        )


def _new(model: Model, name: str, spec: DealSpec, pool: Pool, curves: CurveSet) -> FloatArray:
    """Flows of one unit of new loans [6, T, S, V]; V is 0 where the deal buys none."""
    from scfcap.cashflow.cohorts import cohort_factors
    from scfcap.deal.bought import like_new

    steps = [
        s
        for part in (spec.waterfall, spec.settlement.steps)
        for each in part.values()
        for s in each
    ]
    empty = np.zeros((6, len(curves.grid), len(curves.scenarios), 0))
    if not any(step.pay == "purchase" for step in steps):
        return empty
    made = model.new_loans()
    mix = dict(spec.assets.new_loans)
    if not mix:
        held = np.bincount(pool.segment, pool.balance, minlength=len(pool.segments))
        mix = {
            s: float(b) for s, b in zip(pool.segments, held, strict=True) if b > 0.0 and s in made
        }
    strange = sorted(set(mix) - set(made))
    if strange or not mix:
        raise InputError(
            Problem(
                f"deals/{name}.toml: assets.new_loans",
                ", ".join(strange) or "no segment with [demand]",
                f"segments of [demand]: {', '.join(sorted(made)) or 'none'}",
                "State what new loans are like in [demand.SEGMENT].new_loans.",
            )
        )
    total = sum(mix.values())
    last = _last_purchase(spec, curves.grid)
    shares, lent = {s: share / total for s, share in mix.items()}, {s: made[s] for s in mix}
    whole = len(curves.scenarios)
    some = max(1, _FACTORS // max(len(lent) * last * len(curves.grid), 1))
    parts = []
    for first in range(0, whole, some):
        rows = range(first, min(first + some, whole))
        under = curves if len(rows) == whole else curves.under(curves.stress.chosen(rows))
        parts.append(like_new(cohort_factors(model.pool(), under, lent, last), shares))
    return np.concatenate(parts, axis=2)


def _last_purchase(spec: DealSpec, grid: PeriodGrid) -> int:
    """Last period in which the deal may buy, by its phases that buy."""
    last = 0
    for phase in spec.phases:
        steps = (*spec.waterfall[phase.name], *spec.settlement.steps.get(phase.name, ()))
        if any(step.pay == "purchase" for step in steps):
            last = max(last, len(grid) if phase.until is None else grid.index(phase.until))
    return min(last, len(grid))


def _indices(spec: DealSpec, curves: CurveSet, watch: Sequence[str]) -> dict[str, FloatArray]:
    """Levels of the indices that the deal or ``watch`` names, at the start and on the days on which
    periods are paid, from which their interest runs.
    """
    from scfcap.deal.check_formulas import said_of
    from scfcap.deal.structure import paid_before

    names = {t.index for t in spec.tranches.values()} | {line.index for line in spec.lines.values()}
    for hedge in spec.hedges.values():
        names |= {hedge.pay_index, hedge.receive_index}
    said = {*said_of(spec), *watch}
    names |= {word.partition(".")[2] for word in said if word.startswith("index.")}
    wanted = sorted(name for name in names if name)
    if not wanted:
        return {}
    days = curves.grid.days + spec.settlement.delay_days
    if not paid_before(spec):
        days[0] = 0
    at = curves.indices.levels(wanted, curves.grid.as_of, int(days[-1]))[:, days]
    shift = np.concatenate([curves.stress.index_rate[:, :1], curves.stress.index_rate], axis=1)
    return {name: at[row] + shift for row, name in enumerate(wanted)}
