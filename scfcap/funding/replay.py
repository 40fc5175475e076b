"""Replay: the plan's decisions alone, pushed through the projection and deal engines.

Nothing of the program goes in but its decisions: opening loans are projected anew from the
pool, new cohorts by a run of the kernel on the amounts originated, the series by the
waterfall engine. Where the program is exact the two agree within ``REPLAY_TOLERANCE``; what
depends on the path (the order of repayment) is reported with its size.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

import numpy as np

from scfcap.axes import OWN
from scfcap.cashflow.cohorts import Made, NewLoans, made, project_made, project_opening
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import recoveries
from scfcap.credit.curves import CurveSet
from scfcap.deal.accounts import SeriesFlows, SeriesState, closing_state
from scfcap.deal.waterfall import DealResult, run_series
from scfcap.distinct import distinct
from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import DealInputs, Inputs
from scfcap.funding.postings import Carried, PlaceFlows, accounts
from scfcap.funding.provisions import ahead, periods_ahead, replayed
from scfcap.funding.variables import all_places
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray

#: Most runs of series that an engine keeps.
_MOST = 4096
#: A tranche below this share of its size counts as repaid.
REPAID = 1e-9


@dataclass(frozen=True)
class Engine:
    """What the simulation engines work on: loans, curves, and what new loans look like.

    What decisions do not move is kept from one replay to the next.
    """

    pool: Pool
    curves: CurveSet
    new: Mapping[str, NewLoans]
    _opened: dict[tuple[Any, ...], tuple[Flows, FloatArray]] = field(
        default_factory=dict, repr=False, compare=False
    )
    _made: dict[tuple[str, int, int, int], Made] = field(
        default_factory=dict, repr=False, compare=False
    )
    _last: dict[str, Any] = field(default_factory=dict, repr=False, compare=False)
    _series: dict[tuple[Any, ...], tuple[Any, DealResult]] = field(
        default_factory=dict, repr=False, compare=False
    )

    def opened(self, inputs: Inputs) -> tuple[Flows, FloatArray]:
        """Flows of the pool's loans by opening cohort, and what each begins with [currency]."""
        key = (*_opening_labels(inputs), inputs.segments, inputs.grid.per_year)
        if key not in self._opened:
            group, count = opening_groups(inputs, self.pool)
            opening = np.bincount(group, self.pool.balance, minlength=count).astype(np.float64)
            flows = project_opening(self.pool, self.curves, group, count)
            self._opened[key] = (flows, opening)
        return self._opened[key]

    def cohorts(self, inputs: Inputs, decisions: Decisions) -> Mapping[str, FloatArray]:
        """Flows of each whole cohort; those of the last loans made are kept, as a sale moves none.

        Not to be changed by who reads them.
        """
        made = (*sorted(decisions.booked.items()), decisions.originated.tobytes())
        key = (inputs.spec.plan.scenario, id(inputs.cohorts), inputs.horizon, made)
        if self._last.get("key") != key:
            flows = _cohort_flows(inputs, decisions, self)
            self._last.update(key=key, cohorts=inputs.cohorts, flows=flows)
        kept: Mapping[str, FloatArray] = self._last["flows"]
        return kept

    def series(
        self, inputs: Inputs, d: DealInputs, state: SeriesState, flows: PlaceFlows
    ) -> DealResult:
        """What a series pays of its loans' flows; kept, as most decisions move few series."""
        scenario = inputs.spec.plan.scenario
        given = (d.name, d.dearer, scenario, inputs.grid.ends, id(inputs.vehicle))
        key = (*given, *_bytes(state, flows))
        kept = self._series.get(key)
        if kept is None:
            if len(self._series) >= _MOST:
                self._series.clear()
            # The vehicle is kept, so that what is in the key stays its identity alone.
            kept = (inputs.vehicle, _run(inputs, d, state, flows))
            self._series[key] = kept
        return kept[1]

    def made(self, name: str, segment: int, period: int, group: int) -> Made:
        """One unit of new loans; see :func:`~scfcap.cashflow.cohorts.made`."""
        key = (name, segment, period, group)
        if key not in self._made:
            self._made[key] = made(self.new[name], segment, period, self.curves, group)
        return self._made[key]


@dataclass(frozen=True)
class Replay:
    """What the engines make of the decisions [money units]; index t from 0 to T.

    ``profit`` is that before tax, ``tax`` what accrues on it.
    ``oversold``: most that a transfer takes above what the cohort holds, zero for a plan that
    can be carried out. ``own`` [J, T + 1]: performing principal on the own book by cohort;
    ``behind``: what of it is behind by roll rates.
    """

    cash: FloatArray
    net_capital: FloatArray
    places: Mapping[str, PlaceFlows]
    deals: Mapping[str, DealResult]
    contributions: Mapping[str, float]
    oversold: float
    profit: FloatArray
    tax: FloatArray
    own: FloatArray
    behind: FloatArray

    def notes(self, name: str) -> FloatArray:
        """Balances of the sold tranches of a series, shape (tranches, T); column 0 is period 1."""
        return np.asarray(self.deals[name].balance[0])


def replay(inputs: Inputs, decisions: Decisions, engine: Engine) -> Replay:
    """Carry the decisions out, period by period, without the program and its factors."""
    flows = engine.cohorts(inputs, decisions)
    places, oversold, part = _carry(inputs, decisions, flows, _curves(inputs, engine))
    deals = {}
    for d in inputs.deals:
        state = _state(inputs, d, decisions)
        if state is not None:
            deals[d.name] = engine.series(inputs, d, state, places[d.place])
    contributions = {name: float(deal.contribution.sum()) for name, deal in deals.items()}
    found = accounts(Carried(inputs, decisions, places, deals))
    own, behind = flows["closing"] * part, (flows["delinquent"] * part).sum(axis=0)
    return Replay(
        found.cash,
        found.capital,
        places,
        deals,
        contributions,
        oversold,
        found.profit,
        found.tax,
        own,
        behind,
    )


def _cohort_flows(inputs: Inputs, decisions: Decisions, engine: Engine) -> dict[str, FloatArray]:
    """Flows of each whole cohort, wherever it sits; shape (cohorts, T + 1), index 0 as_of."""
    cohorts, horizon = inputs.cohorts, inputs.horizon
    k = engine.curves.scenarios.index(inputs.spec.plan.scenario)
    names = ("interest", "repaid", "default", "closing", "struck", "loss", "delinquent", "ahead")
    months = periods_ahead(inputs)
    out = {name: np.zeros((len(cohorts), horizon + 1)) for name in names}

    def put(rows: slice | int, flows: Flows, group: slice | int, factor: float) -> None:
        interest = flows.interest[k, group, :horizon] + flows.fees[k, group, :horizon]
        out["interest"][rows, 1:] = interest * factor
        repaid = flows.scheduled[k, group, :horizon] + flows.prepaid[k, group, :horizon]
        out["repaid"][rows, 1:] = repaid * factor
        out["default"][rows, 1:] = flows.default[k, group, :horizon] * factor
        out["struck"][rows, 1:] = flows.struck[k, group, :horizon] * factor
        out["loss"][rows, 1:] = flows.loss[k, group, :horizon] * factor
        out["delinquent"][rows, 1:] = flows.delinquent[k, group, :horizon] * factor
        out["closing"][rows, 1:] = flows.closing[k, group, :horizon] * factor
        if months:
            out["ahead"][rows] = ahead(flows.loss[k, group] * factor, months, horizon)

    opened, opening = engine.opened(inputs)
    put(slice(0, len(opening)), opened, slice(None), 1.0 / inputs.unit)
    out["closing"][: len(opening), 0] = opening / inputs.unit
    lent: dict[int, tuple[Made, float]] = {}
    for n, ((s, v), j) in enumerate(inputs.new_cohort.items()):
        amount = sum(_made(inputs, decisions, s, v).values())
        if amount > 0.0:
            lent[j] = (engine.made(inputs.segments[s], s, v, n), amount)
    if lent:
        flows = project_made(list(lent.values()), engine.curves, len(inputs.new_cohort))
        for n, j in enumerate(inputs.new_cohort.values()):
            if j in lent:
                put(j, flows, n, 1.0)
    return out


def opening_groups(inputs: Inputs, pool: Pool) -> tuple[np.ndarray, int]:
    """Cohort of each loan of the pool, and how many opening cohorts there are."""
    label = {each: j for j, each in enumerate(_opening_labels(inputs))}
    segment = np.array([inputs.segments.index(name) for name in pool.segments])[pool.segment]
    vintage = -inputs.grid.ages(pool.origination_day)
    keys, _, index = distinct((segment, vintage, pool.place))
    position = np.array(
        [label[int(s), int(v), pool.places[int(p)]] for s, v, p in keys.T], dtype=np.int64
    )
    return position[index], len(label)


def _opening_labels(inputs: Inputs) -> list[tuple[int, int, str]]:
    """Segment, vintage and place of each opening cohort; these stand before new ones."""
    cohorts = inputs.cohorts
    count = int((cohorts.vintage <= 0).sum())
    segment, vintage = cohorts.segment[:count].tolist(), cohorts.vintage[:count].tolist()
    return list(zip(segment, vintage, cohorts.origin[:count], strict=True))


def _made(inputs: Inputs, decisions: Decisions, s: int, v: int) -> dict[str, float]:
    """Loans of the segment made in ``v`` by the place where they sit from the start."""
    made = {OWN: float(decisions.originated[s, v])}
    for x in inputs.partners:
        amount = decisions.booked.get((s, x.place, v), 0.0)
        made[OWN] += x.own_share * amount
        made[x.place] = x.share * amount
    return made


def _carry(
    inputs: Inputs, decisions: Decisions, flows: Mapping[str, FloatArray], curves: CurveSet | None
) -> tuple[dict[str, PlaceFlows], float, FloatArray]:
    """Split cohort flows by place: a sale moves a share of the cohort with all its future.

    Also the most that is sold above what is held, and the share of each cohort that stays own.
    """
    places = all_places(inputs)
    share, oversold, by_period = _shares(inputs, decisions, flows)
    own = places.index(OWN)
    before = np.concatenate((share[:, :, :1], share[:, :, :-1]), axis=2)
    result = {}
    for c, where in enumerate(places):
        received = np.zeros(inputs.horizon + 1)
        for t, moves in by_period.items():
            received[t] += sum(amount for _, to, amount in moves if to == c)
        gone = {name: flows[name] * before[:, c] for name in ("default", "struck", "loss")}
        default = gone["default"]
        cost, recovery = _credit(inputs, gone, curves)
        result[where] = PlaceFlows(
            interest=(flows["interest"] * before[:, c]).sum(axis=0),
            principal=(flows["repaid"] * before[:, c]).sum(axis=0),
            recovery=recovery.sum(axis=0),
            default=default.sum(axis=0),
            credit_cost=cost.sum(axis=0),
            received=received,
            balance=(flows["closing"] * share[:, c]).sum(axis=0),
            provisions=replayed(inputs, flows, share[:, c], before[:, c]),
        )
    return result, oversold, share[:, own]


def _shares(
    inputs: Inputs, decisions: Decisions, flows: Mapping[str, FloatArray]
) -> tuple[FloatArray, float, dict[int, list[tuple[int, int, float]]]]:
    """Share of each cohort in each place at each close (cohorts, places, T + 1).

    Also the most that is sold above what is held, and by period what moves: cohort, place, amount.
    """
    cohorts, horizon = inputs.cohorts, inputs.horizon
    places = all_places(inputs)
    share = np.zeros((len(cohorts), len(places), horizon + 1))
    for j in range(len(cohorts)):
        if cohorts.origin[j] in places:
            share[j, places.index(cohorts.origin[j]), 0] = 1.0
    for (s, v), j in inputs.new_cohort.items() if decisions.booked else ():
        made = _made(inputs, decisions, s, v)
        for where, amount in made.items():
            share[j, places.index(where), 0] = amount / (sum(made.values()) or 1.0)
    by_period: dict[int, list[tuple[int, int, float]]] = {}
    for (j, where, t), amount in decisions.transfers.items():
        by_period.setdefault(t, []).append((j, places.index(where), amount))
    own, oversold = places.index(OWN), 0.0
    for t in range(1, horizon + 1):
        share[:, :, t] = share[:, :, t - 1]
        for j, c, amount in by_period.get(t, ()):
            whole = float(flows["closing"][j, t])
            if whole <= 0.0:
                oversold = max(oversold, amount)
                continue
            part = amount / whole
            share[j, own, t] -= part
            share[j, c, t] += part
            oversold = max(oversold, -share[j, own, t] * whole)
    return share, oversold, by_period


def _curves(inputs: Inputs, engine: Engine) -> CurveSet | None:
    """Curves of the plan's scenario up to the horizon; None where nothing changes over time."""
    if inputs.path is None:
        return None
    row = engine.curves.scenarios.index(inputs.spec.plan.scenario)
    return engine.curves.under(engine.curves.stress.chosen([row]).over(inputs.horizon))


def _credit(
    inputs: Inputs, flows: Mapping[str, FloatArray], curves: CurveSet | None
) -> tuple[FloatArray, FloatArray]:
    """Credit cost of the default, and its recoveries when they arrive; all (cohorts, T + 1)."""
    segment, default = inputs.cohorts.segment, flows["default"]
    if curves is not None:
        struck, loss = (flows[name][None, :, 1:] for name in ("struck", "loss"))
        lost = loss - struck * (1.0 - curves.struck_recovery[:, segment])
        gone = default[None, :, 1:] - struck
        loss, recovery, _ = recoveries(gone, struck, curves, segment, lost)
        return np.pad(loss[0], ((0, 0), (1, 0))), np.pad(recovery[0], ((0, 0), (1, 0)))
    recovered = (1.0 - inputs.severity)[segment][:, None] * default
    recovery = np.zeros_like(recovered)
    for s, due in enumerate(inputs.recovered_in):
        rows = segment == s
        for since in np.flatnonzero(due < recovered.shape[1]):
            recovery[rows, due[since]] += recovered[rows, since]
    return default - recovered, recovery


@dataclass(frozen=True)
class Parts:
    """What the engines make of the decisions, by cohort and place [money units].

    (cohorts, places, T + 1), index 0 ``as_of``; ``lost`` is the credit cost, ``bought`` what comes
    from the own book (which has it below zero), ``lent`` is made in the cohort's own period.
    """

    places: tuple[str, ...]
    lent: FloatArray
    bought: FloatArray
    repaid: FloatArray
    interest: FloatArray
    defaulted: FloatArray
    lost: FloatArray
    recovered: FloatArray
    balance: FloatArray


def parts(inputs: Inputs, decisions: Decisions, engine: Engine) -> Parts:
    """The decisions carried out on loans alone: what :func:`replay` sums, by cohort and place."""
    flows = engine.cohorts(inputs, decisions)
    places = all_places(inputs)
    share, _, _ = _shares(inputs, decisions, flows)
    before = np.concatenate((share[:, :, :1], share[:, :, :-1]), axis=2)
    lent = np.zeros_like(share)
    for (s, v), j in inputs.new_cohort.items():
        for where, amount in _made(inputs, decisions, s, v).items():
            lent[j, places.index(where), v] = amount
    lost, recovered = np.zeros_like(share), np.zeros_like(share)
    for c in range(len(places)):
        gone = {name: flows[name] * before[:, c] for name in ("default", "struck", "loss")}
        lost[:, c], recovered[:, c] = _credit(inputs, gone, _curves(inputs, engine))
    return Parts(
        places=tuple(places),
        lent=lent,
        bought=(share - before) * flows["closing"][:, None],
        repaid=flows["repaid"][:, None] * before,
        interest=flows["interest"][:, None] * before,
        defaulted=flows["default"][:, None] * before,
        lost=lost,
        recovered=recovered,
        balance=flows["closing"][:, None] * share,
    )


def _state(inputs: Inputs, d: DealInputs, decisions: Decisions) -> SeriesState | None:
    if d.state is not None:
        return d.state
    size = decisions.issued.get(d.name, 0.0)
    vehicle = inputs.vehicle
    assert vehicle is not None
    if size <= 0.0:
        return None
    issue = next(x for x in vehicle.issues if x.name == d.name)
    notes = [tranche.share * size for tranche in vehicle.sold]
    return closing_state(vehicle, issue, notes, size, inputs.grid, inputs.spec.plan.unit)


def _bytes(state: SeriesState, flows: PlaceFlows) -> Iterator[object]:
    """All that a series' state and flows hold, to be compared."""
    for each in (state, flows):
        for part in fields(each):
            value = getattr(each, part.name)
            yield value.tobytes() if isinstance(value, np.ndarray) else value


def _run(inputs: Inputs, d: DealInputs, state: SeriesState, flows: PlaceFlows) -> DealResult:
    def row(values: FloatArray) -> FloatArray:
        return values[None, 1:]

    given = SeriesFlows(
        interest=row(flows.interest),
        principal=row(flows.principal),
        recovery=row(flows.recovery),
        default=row(flows.default),
        purchases=row(flows.received),
        pool=flows.balance[None, :],
        scenarios=(inputs.spec.plan.scenario,),
    )
    return run_series(inputs.terms(d), state, inputs.grid, given)


def repaid_by(inputs: Inputs, result: Replay) -> tuple[DealInputs, ...]:
    """The series with the periods in which the waterfall really repays each sold tranche."""
    deals = []
    for d in inputs.deals:
        if d.name not in result.deals:
            deals.append(d)
            continue
        balance = result.notes(d.name)
        size = max(float(balance.max(initial=0.0)), 1e-12)
        periods = []
        for i in range(len(d.repaid_by)):
            alive = np.flatnonzero(balance[i] > REPAID * size)
            first = max(d.last_revolving, 0) + 1
            gone = max(int(alive[-1]) + 2, first) if len(alive) else first
            beyond = gone > inputs.horizon
            periods.append(max(d.legal_end, inputs.horizon + 1) if beyond else gone)
        deals.append(replace(d, repaid_by=tuple(periods)))
    return tuple(deals)
