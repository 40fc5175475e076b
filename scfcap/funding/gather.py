"""Fill the program's inputs from a model, its pool and the cohort factors."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scfcap.axes import (
    BANK_TRANSFER,
    OWN,
    SECURITIZATION,
    place,
)
from scfcap.cashflow.cohorts import CohortFactors
from scfcap.credit.curves import CurveSet
from scfcap.credit.exposure import Exposures
from scfcap.deal.accounts import SeriesState, closing_state, opening_state
from scfcap.deal.triggers import tripped
from scfcap.distinct import parted
from scfcap.errors import InputError, Problem
from scfcap.funding.breaches import under_covenants
from scfcap.funding.capital import paid_in
from scfcap.funding.cohort_inputs import ALIVE, CohortInputs
from scfcap.funding.cores import core_shares
from scfcap.funding.falling_due import maturing, open_limits, too_soon, undrawn
from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs, LenderInputs, Recourse
from scfcap.funding.line_cuts import recalled
from scfcap.funding.older_recoveries import older_recoveries
from scfcap.funding.opening import check_holders, opening_balance
from scfcap.funding.partner import (
    guarantor_of,
    partner_places,
    partners_of,
    stock_in,
)
from scfcap.funding.pledges import (
    covenants_of,
    cross_defaults_of,
    late_inputs,
    pledge_inputs,
)
from scfcap.funding.provisions import provision_inputs
from scfcap.funding.recoveries import check_recoveries, recovered_after
from scfcap.funding.regulation import in_scenario, rules_by_period, under_law
from scfcap.funding.shortfall import check_rate
from scfcap.funding.stressed import credit_path, per_unit, under
from scfcap.funding.told import demand_path, p2p_inputs, refuse_untold, tenors
from scfcap.periods import Frequency, PeriodGrid
from scfcap.pool.snapshot import ELIGIBLE, Pool
from scfcap.quantities import FloatArray
from scfcap.schema.law import Calendar
from scfcap.schema.model import Model
from scfcap.schema.plan import Buyer, Lender
from scfcap.schema.securitization import SecuritizationSpec


def build_inputs(
    spec: Model,
    law: Calendar | None,
    pool: Pool,
    factors: CohortFactors,
    curves: CurveSet,
    exposures: Exposures | None = None,
) -> Inputs:
    """Gather the program's inputs from the (scaled) model, the pool and the cohort factors.

    ``law`` says what is in force when; ``curves`` are those from which ``factors`` were made;
    ``exposures`` what hangs on core enterprises, where a limit speaks of them.

    Raises:
        InputError: a place or segment of the tape that the model does not know, an opening
            balance sheet that does not tie, a rule that the model cannot meet.
    """
    grid = spec.plan.grid(spec.as_of)
    told = spec.plan.unit
    refuse_untold(spec, grid)
    unit = spec.plan.money_unit
    _check_places(spec, pool)
    check_holders(spec, pool)
    check_recoveries(pool, curves)
    row = curves.scenarios.index(spec.plan.scenario)
    spec = recalled(spec, curves.stress, row, grid)
    whole = slice(len(curves.parents))
    severity = curves.severity[row, whole, 0]
    lag = np.asarray(curves.recovery_lag[whole], dtype=np.int64)
    cohorts = cohorts_of(spec, factors, curves, len(grid))
    deals = (
        () if spec.securitization is None else _deals(spec, pool, factors.segments, cohorts, grid)
    )
    lenders = tuple(_lender(x, grid, unit, told) for x in spec.lenders)
    demand, promised = _demand(spec, factors.segments, grid, unit)
    buyers = tuple(_buyer(b, factors.segments, cohorts, grid, unit) for b in spec.buyers)
    inputs = Inputs(
        spec=spec,
        regime=None,
        unit=unit,
        grid=grid,
        segments=factors.segments,
        severity=severity,
        recovery_lag=lag,
        cohorts=cohorts,
        new_cohort={
            (int(s), int(v)): j
            for j, (s, v) in enumerate(zip(cohorts.segment, cohorts.vintage, strict=True))
            if v >= 1
        },
        eligible=_eligible(spec, pool, cohorts, factors.segments, grid),
        demand=demand,
        promised=promised,
        lenders=lenders,
        buyers=buyers,
        vehicle=spec.securitization,
        programme_limit=0.0
        if spec.securitization is None
        else spec.securitization.programme_limit / unit,
        deals=deals,
        p2p=p2p_inputs(spec.p2p, grid, unit, told),
        caps=(),
        net_capital=0.0,
        deductions=spec.opening.deductions / unit,
        cash=0.0,
        opex_per_year=spec.plan.opex_per_year / unit,
        liquidity_floor=spec.plan.liquidity_floor / unit,
        largest_borrower=_largest(pool, "borrower_id", unit),
        largest_group=_largest(pool, "group", unit),
        year_end_net_assets=_scaled(spec.opening.net_assets_prior_year_end, unit),
        path=credit_path(factors, curves, row, len(grid)),
        provisions=provision_inputs(spec, factors, curves, row, grid),
        paid_in=paid_in(spec, grid),
        undrawn=undrawn(spec, pool) / unit,
        maturing=maturing(spec, factors),
        core_shares=core_shares(spec, factors.segments, exposures),
        covenants=covenants_of(spec, grid, unit),
        cross_defaults=cross_defaults_of(spec),
        pledges=pledge_inputs(spec, pool, cohorts, factors.segments, grid, _usable),
        late=late_inputs(spec, pool, factors, grid, unit),
        partners=partners_of(
            spec,
            grid,
            lambda names, key: _segments(names, factors.segments, key),
            lambda where: stock_in(cohorts.origin, cohorts.amount, cohorts.path, where),
        ),
        guarantor=guarantor_of(spec, unit),
        older_recoveries=older_recoveries(spec, grid),
    )
    limits = None
    if curves.stress.surge[row, :, : len(grid)].any():
        limits = open_limits(spec, pool, factors.segments) / unit
    inputs = under(inputs, curves.stress, row, limits)
    if law is not None:
        inputs = under_law(inputs, in_scenario(rules_by_period(law, grid), law, spec, grid))
    return under_covenants(opening_balance(check_rate(inputs)))


def _check_places(spec: Model, pool: Pool) -> None:
    known = {OWN, *(place(BANK_TRANSFER, b.name) for b in spec.buyers), *partner_places(spec)}
    if spec.securitization is not None:
        known |= {place(SECURITIZATION, s.name) for s in spec.securitization.series}
    used = {pool.places[int(p)] for p in np.unique(pool.place)}
    problems = [
        Problem(
            "tape, column channel",
            f"holder {name!r}",
            f"one of {', '.join(sorted(known))}",
            "Add the buyer, series or partner to model.toml, or correct the tape.",
        )
        for name in sorted(used - known)
    ]
    if problems:
        raise InputError(problems)


def cohorts_of(spec: Model, factors: CohortFactors, curves: CurveSet, horizon: int) -> CohortInputs:
    """The factors of the plan's scenario per unit held, and what stands at the end is worth."""
    k = factors.scenarios.index(spec.plan.scenario)
    path = factors.performing[k]

    def ratio(flow: FloatArray) -> FloatArray:
        return per_unit(flow, factors, k, horizon)

    survive = path[:, 1:]
    terminal, annuity, defaults, recoveries = _terminal(spec, factors, curves, horizon)
    amount = np.where(factors.vintage <= 0, factors.amount / spec.plan.money_unit, 1.0)
    return CohortInputs(
        segment=factors.segment,
        vintage=factors.vintage,
        origin=factors.origin,
        amount=amount,
        path=path[:, : horizon + 1],
        survive=ratio(survive),
        repaid=ratio(factors.repaid[k]),
        default=ratio(factors.default[k]),
        interest=ratio(factors.interest[k]),
        terminal=terminal,
        annuity=annuity,
        defaults_ahead=defaults,
        recoveries_ahead=recoveries,
    )


def _terminal(
    spec: Model, factors: CohortFactors, curves: CurveSet, horizon: int
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray]:
    """Discounted remaining cash, annuity of remaining balances, defaults and recoveries to come,
    per unit held at T.

    Recoveries of defaults after T are discounted from the period in which they arrive; balances
    beyond the end of the factors' grid are taken at par at that end.
    """
    k = factors.scenarios.index(spec.plan.scenario)
    year = factors.grid.year_fractions[horizon:]
    rate = spec.plan.terminal_rate
    discount = np.power(1.0 + rate, -np.cumsum(year))
    cash = (factors.repaid[k] + factors.interest[k])[:, horizon:] @ discount
    recovered = recovered_after(factors, curves, k, rate, discount)
    cash += recovered
    balances = factors.performing[k][:, horizon:]
    cash += balances[:, -1] * (discount[-1] if len(discount) else 1.0)
    annuity = balances[:, :-1] @ (discount * year)
    held = factors.performing[k][:, horizon]
    there = held > ALIVE
    safe = np.where(there, held, 1.0)
    running = spec.plan.opex_rate * annuity
    defaults = factors.default[k][:, horizon:] @ discount
    return (
        np.where(there, (cash - running) / safe, 0.0),
        np.where(there, annuity / safe, 0.0),
        np.where(there, defaults / safe, 0.0),
        np.where(there, recovered / safe, 0.0),
    )


def _segments(names: tuple[str, ...], segments: tuple[str, ...], where: str) -> frozenset[int]:
    unknown = sorted(set(names) - set(segments))
    if unknown:
        raise InputError(
            Problem(
                f"model.toml: {where}.segments",
                f"{', '.join(unknown)}",
                f"segments of the tape: {', '.join(segments)}",
                "Correct the name, or leave the list empty for all segments.",
            )
        )
    chosen = names or segments
    return frozenset(segments.index(name) for name in chosen)


def _eligible(
    spec: Model,
    pool: Pool,
    cohorts: CohortInputs,
    segments: tuple[str, ...],
    grid: PeriodGrid,
) -> dict[str, FloatArray]:
    """Share of each cohort that an eligibility set admits, by balance, shape (cohorts,).

    Opening cohorts by their own loans on the company's books; new ones as the segment's loans
    on the whole tape. An undetermined loan is not eligible, nor is what a concentration limit of
    the set excludes: that excess lowers every share alike.
    """
    own = np.flatnonzero(np.array([name == OWN for name in pool.places])[pool.place])
    vintage = -grid.ages(pool.origination_day)
    segment = np.array([segments.index(name) for name in pool.segments])[pool.segment]
    old, whole = parted((segment[own], vintage[own])), parted((segment,))
    alike = [
        (s, v) if v <= 0 else (s,)
        for s, v in zip(cohorts.segment.tolist(), cohorts.vintage.tolist(), strict=True)
    ]
    shares: dict[str, FloatArray] = {}
    for name in spec.pool.eligibility:
        good = pool.eligibility[name] == ELIGIBLE
        found: dict[tuple[int, ...], float] = {}
        for key in dict.fromkeys(alike):
            rows = own[old[key]] if key in old else whole.get(key, own[:0])
            balance = pool.balance[rows]
            total = balance.sum()
            found[key] = balance[good[rows]].sum() / total if total > 0.0 else 1.0
        share = np.array([found[key] for key in alike])
        shares[name] = np.minimum(share, 1.0) * _usable(pool, name)
    return shares


def _scaled(amount: float | None, unit: float) -> float | None:
    return None if amount is None else amount / unit


def _largest(pool: Pool, column: str, unit: float) -> float | None:
    """Balance of the largest borrower, or group of them; None where the tape does not tell them."""
    table = pool.tables.get(f"largest_{column}")
    if table is None:
        return None
    return float(table.loc[table["rank"] == 1, "balance"].sum()) / unit


def _usable(pool: Pool, name: str) -> float:
    """Share of a set's eligible balance that its concentration limits leave."""
    usable = pool.tables["usable"].set_index("set")
    eligible, left = (
        float(usable[column].to_dict()[name]) for column in ("eligible_balance", "usable_balance")
    )
    return left / eligible if eligible > 0.0 else 1.0


def _demand(
    spec: Model, segments: tuple[str, ...], grid: PeriodGrid, unit: float
) -> tuple[FloatArray, FloatArray]:
    unknown = sorted(set(spec.demand) - set(segments))
    if unknown:
        raise InputError(
            Problem(
                f"model.toml: demand.{unknown[0]}",
                f"segment {unknown[0]!r}",
                f"segments of the tape: {', '.join(segments)}",
                "Rename the table to a segment of the tape.",
            )
        )
    demand = np.zeros((len(segments), len(grid) + 1))
    promised = np.zeros_like(demand)
    for name, wish in spec.demand.items():
        s = segments.index(name)
        demand[s, 1:] = demand_path(wish, grid, spec.plan.unit) / unit
        promised[s] = wish.minimum * demand[s]
    if spec.plan.objective == "min_cost":
        demand *= spec.plan.lending_path
        promised = demand.copy()
    return demand, promised


def _lender(lender: Lender, grid: PeriodGrid, unit: float, told: Frequency) -> LenderInputs:
    horizon = len(grid)
    year = np.concatenate(([0.0], grid.year_fractions))
    balance = np.zeros(horizon + 2)
    reach = max(horizon + 1, int(grid.later(1, told)[-1]))
    repaid = np.zeros(reach + 1)
    interest, bearing = np.zeros(horizon + 2), np.zeros(horizon + 1)
    longer = grid.extended(reach)
    to = lender.available_to
    there = horizon if to is None else sum(end <= to for end in grid.ends)
    for draw in lender.draws:
        due = max(longer.index(draw.maturity), 1)
        balance[:due] += draw.amount / unit
        if due <= reach:
            repaid[due] += draw.amount / unit
        last = min(due, horizon)
        interest[1 : last + 1] += draw.amount / unit * draw.rate * year[1 : last + 1]
        bearing[1 : last + 1] += draw.amount / unit * lender.floats(draw)
    return LenderInputs(
        name=lender.name,
        kind=lender.kind,
        limit=lender.limit / unit,
        commitment_fee=lender.commitment_fee,
        tenors=tuple((tenor.periods, tenor.rate) for tenor in lender.tenors),
        open_balance=balance[: horizon + 1],
        open_repaid=repaid,
        open_interest=interest[: horizon + 1],
        dated=tenors(lender, grid, told),
        closed=frozenset({*too_soon(grid, lender.notice_days), *range(there + 1, horizon + 1)}),
        last=None if to is None else there,
        floating=frozenset(x.periods for x in lender.tenors if lender.floats(x)),
        open_floating=bearing if bearing.any() else None,
    )


def _buyer(
    buyer: Buyer, segments: tuple[str, ...], cohorts: CohortInputs, grid: PeriodGrid, unit: float
) -> BuyerInputs:
    where = place(BANK_TRANSFER, buyer.name)
    stock = stock_in(cohorts.origin, cohorts.amount, cohorts.path, where)
    return BuyerInputs(
        name=buyer.name,
        price=buyer.price,
        servicing_fee=buyer.servicing_fee,
        limit=buyer.limit / unit,
        per_period=None if buyer.per_period is None else buyer.per_period / unit,
        min_seasoning=buyer.min_seasoning,
        eligibility=buyer.eligibility,
        segments=_segments(buyer.segments, segments, f"buyers.{buyer.name}"),
        open_stock=stock,
        recourse=_recourse(buyer, float(stock[0]), unit),
        closed=too_soon(grid, buyer.notice_days),
    )


def _recourse(buyer: Buyer, stock: float, unit: float) -> Recourse | None:
    if not buyer.recourse or buyer.recourse_cap == 0.0:
        return None
    sold = stock if buyer.recourse_sold is None else buyer.recourse_sold / unit
    return Recourse(buyer.recourse_cap, sold, buyer.recourse_borne / unit)


def _deals(
    spec: Model, pool: Pool, names: tuple[str, ...], cohorts: CohortInputs, grid: PeriodGrid
) -> tuple[DealInputs, ...]:
    vehicle = spec.securitization
    assert vehicle is not None
    unit, told = spec.plan.money_unit, spec.plan.unit
    segments = _segments(vehicle.segments, names, "securitization")
    deals = []
    for series in vehicle.series:
        balance = _held(pool, place(SECURITIZATION, series.name))
        state = _in_units(opening_state(vehicle, series, balance, grid, told), unit)
        state = replace(state, last_revolving=_revolves_until(vehicle, state, cohorts, grid))
        deals.append(_deal(vehicle, state, segments, 0.0))
    for issue in vehicle.issues:
        state = closing_state(vehicle, issue, [0.0] * len(vehicle.sold), 0.0, grid, told)
        if 1 <= state.closing_period <= len(grid):
            deals.append(_deal(vehicle, state, segments, issue.max_pool / unit))
    return tuple(deals)


def _revolves_until(
    vehicle: SecuritizationSpec, state: SeriesState, cohorts: CohortInputs, grid: PeriodGrid
) -> int:
    """Last revolving period of an outstanding series: its own loans may trip the trigger.

    What no purchase can prevent is data: defaults of the loans held at ``as_of``, in period 1, or
    added up where the trigger adds them up.
    """
    where = place(SECURITIZATION, state.name)
    held = np.array([origin == where for origin in cohorts.origin])
    last = min(state.last_revolving, len(grid))
    if vehicle.trigger.measure == "default_rate":
        last = min(last, 1)
    cumulative = np.array(state.cumulative_default)
    for t in range(1, last + 1):
        before = cohorts.amount[held] * cohorts.path[held, t - 1]
        default = np.array((before * cohorts.default[held, t]).sum())
        cumulative = cumulative + default
        year = float(grid.year_fractions[t - 1])
        if tripped(
            vehicle.trigger,
            default,
            cumulative,
            np.array(before.sum()),
            state.pool_at_closing,
            year,
        ).any():
            return t
    return state.last_revolving


def _deal(
    vehicle: SecuritizationSpec, state: SeriesState, segments: frozenset[int], limit: float
) -> DealInputs:
    legal = max(state.ends(vehicle), 1)
    outstanding = state.closing_period <= 0
    return DealInputs(
        name=state.name,
        closing=0 if outstanding else state.closing_period,
        last_revolving=state.last_revolving,
        legal_end=legal,
        max_pool=limit,
        segments=segments,
        repaid_by=tuple(legal for _ in vehicle.sold),
        state=state if outstanding else None,
    )


def _held(pool: Pool, where: str) -> float:
    if where not in pool.places:
        return 0.0
    return float(pool.balance[pool.place == pool.places.index(where)].sum())


def _in_units(state: SeriesState, unit: float) -> SeriesState:
    return replace(
        state,
        notes=state.notes / unit,
        accrued=state.accrued / unit,
        cash=state.cash / unit,
        reserve=state.reserve / unit,
        pool=state.pool / unit,
        pool_at_closing=state.pool_at_closing / unit,
        cumulative_default=state.cumulative_default / unit,
        reserve_target=state.reserve_target / unit,
    )
