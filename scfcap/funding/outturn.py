"""What a plan expects over its first periods, in the form in which what happened is told.

An :class:`Outturn` holds flows by period and balances at both ends, in currency: loans by segment
and place, money raised by source, and the company's own. One comes from the plan's decisions as the
engines carry them out, the other from what happened; :mod:`scfcap.funding.variance` compares them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date

import numpy as np

from scfcap.axes import OWN, SECURITIZATION, channel_of, place
from scfcap.deal.waterfall import DealResult
from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import DealInputs, Inputs
from scfcap.funding.postings import (
    Carried,
    Posting,
    lender_posting,
    older_posting,
    p2p_posting,
    provision_posting,
)
from scfcap.funding.replay import Engine, Parts, Replay, parts
from scfcap.funding.tax_book import TaxBook
from scfcap.quantities import FloatArray

#: Flows of loans by segment and place.
LOAN_FLOWS = ("lent", "bought", "repaid", "interest", "defaulted", "lost", "recovered")
#: Flows of the company.
COMPANY = (
    "cash_interest", "running_cost", "tax", "tax_paid", "provisions", "paid_in", "dividends",
    "older_recovered",
)  # fmt: skip


@dataclass(frozen=True)
class Debt:
    """A source that lends: balances [currency], flows (n,) of the periods.

    ``marginal`` (n,), of a plan alone: what one more unit that stands throughout a period costs
    in it [1].
    """

    opening: float
    drawn: FloatArray
    repaid: FloatArray
    cost: FloatArray
    closing: float
    marginal: FloatArray | None = None

    @property
    def before(self) -> FloatArray:
        """What stands at the close before each period (n,)."""
        moved = np.cumsum(self.drawn - self.repaid)
        return self.opening + np.concatenate(([0.0], moved[:-1]))


@dataclass(frozen=True)
class Holder:
    """Somebody else who holds loans of the company's borrowers; flows (n,) [currency]."""

    paid: FloatArray
    fees: FloatArray
    support: FloatArray
    support_cost: FloatArray


@dataclass(frozen=True)
class SeriesOutturn:
    """A series: notes by sold tranche (I,), their flows (I, n), other flows (n,) [currency].

    ``held`` is cash and reserve at both ends, ``accrued`` coupons that are owed.
    """

    notes: tuple[Debt, ...]
    coupons: FloatArray
    coupons_paid: FloatArray
    costs: FloatArray
    cash_interest: FloatArray
    to_company: FloatArray
    held: tuple[float, float]
    accrued: tuple[float, float]
    cash: float = 0.0
    """What of ``held`` at the end is cash, not reserve."""
    cumulative_default: float = 0.0
    """Defaults from its closing to the end."""
    pool_at_closing: float = 0.0


@dataclass(frozen=True)
class Outturn:
    """Flows of n periods and balances at both ends [currency].

    ``loans`` by name of :data:`LOAN_FLOWS` (segments, places, n), ``opening`` and ``closing``
    (segments, places). ``inside``, of a plan alone: the part of the flows that comes from loans
    lent in the same period; ``since``: from all loans lent since the start. ``company`` by name of
    :data:`COMPANY` (n,). ``year`` (n,): lengths of the periods. ``cash`` and ``capital`` at both
    ends; ``tax_payable`` and ``claims`` (defaults of others' loans still to be paid) at the end.
    """

    ends: tuple[date, ...]
    year: FloatArray
    segments: tuple[str, ...]
    places: tuple[str, ...]
    loans: Mapping[str, FloatArray]
    opening: FloatArray
    closing: FloatArray
    lenders: Mapping[str, Debt]
    holders: Mapping[str, Holder]
    series: Mapping[str, SeriesOutturn]
    p2p: Debt | None
    company: Mapping[str, FloatArray]
    cash: tuple[float, float]
    capital: tuple[float, float]
    inside: Mapping[str, FloatArray] = field(default_factory=dict)
    since: Mapping[str, FloatArray] = field(default_factory=dict)
    as_total: bool = False
    """Whether all periods are taken as one."""

    @property
    def periods(self) -> int:
        """How many periods are told apart."""
        return len(self.year)

    @property
    def on_books(self) -> tuple[int, ...]:
        """Positions of the places on the group's balance sheet: own, and series."""
        return tuple(c for c, p in enumerate(self.places) if channel_of(p) in (OWN, SECURITIZATION))

    @property
    def sold(self) -> FloatArray:
        """Principal that leaves the own book, by segment (segments, n)."""
        others = [c for c, where in enumerate(self.places) if where != OWN]
        return np.asarray(self.loans["bought"][:, others].sum(axis=1))

    def before(self) -> FloatArray:
        """Loans at the close before each period (segments, places, n)."""
        f = self.loans
        moved = f["lent"] + f["bought"] - f["repaid"] - f["defaulted"]
        first = self.opening[:, :, None]
        return np.concatenate((first, first + np.cumsum(moved, axis=2)), axis=2)[:, :, :-1]

    def net_income(self) -> FloatArray:
        """Net income of each period (n,)."""
        f, company, mine = self.loans, self.company, list(self.on_books)
        earned = (f["interest"] - f["lost"])[:, mine].sum(axis=(0, 1))
        for where, x in self.holders.items():
            given = self.loans["bought"][:, self.places.index(where)].sum(axis=0)
            earned = earned + x.paid - given + x.fees - x.support_cost
        for debt in self._debts():
            earned = earned - debt.cost
        for s in self.series.values():
            earned = earned + s.cash_interest - s.coupons - s.costs
        costs = company["running_cost"] + company["tax"] + company["provisions"]
        return np.asarray(earned + company["cash_interest"] - costs)

    def group_cash_flow(self) -> FloatArray:
        """What free cash and the cash of series change by in each period (n,)."""
        f, company, mine = self.loans, self.company, list(self.on_books)
        moved = (f["repaid"] + f["interest"] + f["recovered"] - f["lent"])[:, mine].sum(axis=(0, 1))
        for x in self.holders.values():
            moved = moved + x.paid + x.fees - x.support
        for debt in self._debts():
            moved = moved + debt.drawn - debt.repaid - debt.cost
        for s in self.series.values():
            moved = moved + s.cash_interest - s.coupons_paid - s.costs
            moved = moved + sum(d.drawn - d.repaid for d in s.notes)
        out = company["running_cost"] + company["tax_paid"] + company["dividends"]
        given = company["cash_interest"] + company["paid_in"] + company["older_recovered"]
        return np.asarray(moved + given - out)

    def series_cash_flow(self, name: str) -> FloatArray:
        """What cash and reserve of a series change by in each period (n,)."""
        s, f = self.series[name], self.loans
        c = self.places.index(place(SECURITIZATION, name))
        moved = (f["repaid"] + f["interest"] + f["recovered"] - f["bought"])[:, c].sum(axis=0)
        moved = moved + s.cash_interest - s.coupons_paid - s.costs - s.to_company
        return np.asarray(moved + sum(d.drawn - d.repaid for d in s.notes))

    def free_cash_flow(self) -> FloatArray:
        """What free cash changes by in each period (n,)."""
        series = sum((self.series_cash_flow(name) for name in self.series), np.zeros(self.periods))
        return self.group_cash_flow() - series

    @property
    def restricted(self) -> tuple[float, float]:
        """Cash and reserves of all series at both ends."""
        held = [s.held for s in self.series.values()]
        return sum(h[0] for h in held), sum(h[1] for h in held)

    def _debts(self) -> list[Debt]:
        return [*self.lenders.values(), *(() if self.p2p is None else (self.p2p,))]

    def as_one(self) -> Outturn:
        """The same with all periods taken as one: what totals alone can be compared with."""

        def total(x: FloatArray) -> FloatArray:
            return np.asarray(x.sum(axis=-1, keepdims=True))

        def debt(x: Debt) -> Debt:
            marginal = None if x.marginal is None else total(x.marginal)
            return Debt(
                x.opening, total(x.drawn), total(x.repaid), total(x.cost), x.closing, marginal
            )

        return replace(
            self,
            ends=self.ends[-1:],
            year=total(self.year),
            loans={name: total(x) for name, x in self.loans.items()},
            lenders={name: debt(x) for name, x in self.lenders.items()},
            holders={
                name: Holder(*(total(x) for x in (h.paid, h.fees, h.support, h.support_cost)))
                for name, h in self.holders.items()
            },
            series={
                name: replace(
                    s,
                    notes=tuple(debt(d) for d in s.notes),
                    coupons=total(s.coupons),
                    coupons_paid=total(s.coupons_paid),
                    costs=total(s.costs),
                    cash_interest=total(s.cash_interest),
                    to_company=total(s.to_company),
                )
                for name, s in self.series.items()
            },
            p2p=None if self.p2p is None else debt(self.p2p),
            company={name: total(x) for name, x in self.company.items()},
            inside={name: total(x) for name, x in self.since.items()},
            since={name: total(x) for name, x in self.since.items()},
            as_total=True,
        )


#: Flows of a series that are no notes.
SERIES_FLOWS = ("coupons", "coupons_paid", "costs", "cash_interest", "to_company")


def planned(
    inputs: Inputs, decisions: Decisions, engine: Engine, result: Replay, periods: int
) -> Outturn:
    """The first ``periods`` of a plan, as the engines carry its decisions out.

    ``inputs`` may be those of another scenario than the one for which the plan was made; ``result``
    is the replay of the decisions in them. What a series cannot pay of the loans that it is to buy
    it is advanced by the company: it lowers what the series pays, and free cash.
    """
    unit, n = inputs.unit, periods
    whole = parts(inputs, decisions, engine)
    carried = Carried(inputs, decisions, result.places, result.deals)
    by, inside, since = _by_segment(inputs, whole, n)
    stand = [unit * np.einsum("sj,jc->sc", _of(inputs), whole.balance[:, :, t]) for t in (0, n)]
    advanced = sum(float(x.short("purchases")[0][:n].sum()) for x in result.deals.values())
    return Outturn(
        ends=tuple(inputs.grid.ends[:n]),
        year=np.asarray(inputs.year[1 : n + 1]),
        segments=inputs.segments,
        places=whole.places,
        loans=by,
        opening=stand[0],
        closing=stand[1],
        lenders=_lenders(carried, n),
        holders=_holders(carried, n),
        series=_series(carried, n),
        p2p=_p2p(carried, n),
        company=_company(carried, result, n),
        cash=(unit * float(result.cash[0]), unit * (float(result.cash[n]) - advanced)),
        capital=(unit * float(result.net_capital[0]), unit * float(result.net_capital[n])),
        inside=inside,
        since=since,
    )


def _of(inputs: Inputs) -> FloatArray:
    """1 where a cohort is of a segment (segments, cohorts)."""
    segments = np.arange(len(inputs.segments))[:, None]
    return np.asarray(inputs.cohorts.segment[None, :] == segments, dtype=np.float64)


def _by_segment(
    inputs: Inputs, whole: Parts, n: int
) -> tuple[dict[str, FloatArray], dict[str, FloatArray], dict[str, FloatArray]]:
    """Flows by segment and place; what comes of loans lent in the period, and lent since."""
    vintage = inputs.cohorts.vintage
    young = (vintage[:, None] == np.arange(1, n + 1)[None, :])[:, None, :]
    new = (vintage >= 1)[:, None, None]
    flows = {name: inputs.unit * getattr(whole, name)[:, :, 1 : n + 1] for name in LOAN_FLOWS}

    def summed(flow: FloatArray) -> FloatArray:
        return np.asarray(np.einsum("sj,jct->sct", _of(inputs), flow))

    return (
        {name: summed(flow) for name, flow in flows.items()},
        {name: summed(flow * young) for name, flow in flows.items()},
        {name: summed(flow * new) for name, flow in flows.items()},
    )


def _debt(
    carried: Carried, posted: Posting, raised: FloatArray, opening: FloatArray, n: int
) -> Debt:
    """A source of debt from its posting: what is not raised and no cost is repaid."""
    unit = carried.inputs.unit
    repaid = raised - (posted.cash - posted.income)
    closing = float(opening[0]) + float((raised - repaid)[1 : n + 1].sum())
    drawn, back, cost = (unit * x[1 : n + 1] for x in (raised, repaid, -posted.income))
    return Debt(unit * float(opening[0]), drawn, back, cost, unit * closing)


def _lenders(carried: Carried, n: int) -> dict[str, Debt]:
    found, inputs = {}, carried.inputs
    for x in inputs.lenders:
        raised = carried.nothing
        for (name, _, t), amount in carried.decisions.draws.items():
            raised[t] += amount if name == x.name else 0.0
        alone = replace(carried, inputs=replace(inputs, lenders=(x,)))
        debt = _debt(alone, lender_posting(alone), raised, x.open_balance, n)
        times = range(1, n + 1)
        fee = np.array([x.fee(t) for t in times]) * inputs.year[1 : n + 1]
        room = inputs.unit * np.array([x.room(t - 1) for t in times])
        if x.name in carried.decisions.left_out:
            room = debt.before
        least = min(rate for _, rate in x.tenors) * inputs.year[1 : n + 1]
        interest = debt.cost - fee * (room - debt.before)
        found[x.name] = replace(debt, marginal=_mean_rate(interest, debt.before, least) - fee)
    return found


def _mean_rate(cost: FloatArray, before: FloatArray, otherwise: FloatArray) -> FloatArray:
    """What a unit that stands costs in a period; ``otherwise`` where none does."""
    there = before > 0.0
    return np.where(there, cost / np.where(there, before, 1.0), otherwise)


def _p2p(carried: Carried, n: int) -> Debt | None:
    p2p = carried.inputs.p2p
    if p2p is None:
        return None
    placed = carried.decisions.placed.sum(axis=0)
    debt = _debt(carried, p2p_posting(carried), placed, p2p.open_balance, n)
    least = p2p.steps[0].rate * carried.inputs.year[1 : n + 1]
    return replace(debt, marginal=_mean_rate(debt.cost, debt.before, least))


def _holders(carried: Carried, n: int) -> dict[str, Holder]:
    inputs, unit = carried.inputs, carried.inputs.unit
    prices = {x.place: x.price for x in inputs.buyers}
    fees = {x.place: x.servicing_fee for x in inputs.buyers}
    fees |= {x.place: x.fee for x in inputs.partners}
    covers = {x.place: x for x in inputs.supported}
    found = {}
    for where, fee in fees.items():
        flow, x = carried.places[where], covers.get(where)
        before = np.concatenate(([0.0], flow.balance[:-1]))
        support, cost = carried.nothing, carried.nothing
        if x is not None:
            due = np.concatenate((np.zeros(x.payout_lag), flow.default))[: len(support)]
            support, cost = x.cover * (due - flow.recovery), x.cover * flow.credit_cost
        rows = (prices.get(where, 0.0) * flow.received, fee * inputs.year * before, support, cost)
        found[where] = Holder(*(unit * row[1 : n + 1] for row in rows))
    return found


def _series(carried: Carried, n: int) -> dict[str, SeriesOutturn]:
    return {
        d.name: _one_series(carried.inputs, d, carried.deals[d.name], n)
        for d in carried.inputs.deals
        if d.name in carried.deals and d.first <= n
    }


def _one_series(inputs: Inputs, d: DealInputs, deal: DealResult, n: int) -> SeriesOutturn:
    unit, balance = inputs.unit, deal.balance[0][:, :n]
    first = np.zeros(len(balance)) if d.state is None else d.state.notes
    before = np.column_stack([first, balance[:, :-1]])
    coupons = np.array([tranche.coupon for tranche in inputs.terms(d).sold])
    issued = np.zeros_like(balance)
    if d.state is None:
        issued[:, d.closing - 1] = balance[:, d.closing - 1]
    held, accrued = (0.0, 0.0), 0.0
    if d.state is not None:
        held = (d.state.cash, d.state.reserve)
        accrued = float(d.state.accrued.sum())
    t = n - 1
    return SeriesOutturn(
        notes=tuple(
            Debt(
                unit * float(first[i]),
                unit * issued[i],
                unit * (before[i] + issued[i] - balance[i]),
                unit * coupons[i] * before[i] * inputs.year[1 : n + 1],
                unit * float(balance[i, -1]),
                coupons[i] * inputs.year[1 : n + 1],
            )
            for i in range(len(balance))
        ),
        coupons=unit * (coupons @ before) * inputs.year[1 : n + 1],
        coupons_paid=unit * deal.interest_paid[0][:, :n].sum(axis=0),
        costs=unit * (deal.senior_fee[0] + deal.issue_cost[0])[:n],
        cash_interest=unit * deal.cash_interest[0][:n],
        to_company=unit * _to_company(deal)[:n],
        held=(unit * sum(held), unit * float(deal.cash[0, t] + deal.reserve[0, t])),
        accrued=(unit * accrued, unit * float(deal.accrued[0, :, t].sum())),
        cash=unit * float(deal.cash[0, t]),
        cumulative_default=unit
        * (deal.state.cumulative_default + float(deal.defaults[0, :n].sum())),
        pool_at_closing=unit * deal.state.pool_at_closing,
    )


def _to_company(deal: DealResult) -> FloatArray:
    paid = deal.servicing_fee[0] + deal.residual[0] - deal.contribution[0]
    return np.asarray(paid - deal.short("purchases")[0])


def _company(carried: Carried, result: Replay, n: int) -> dict[str, FloatArray]:
    inputs, plan = carried.inputs, carried.inputs.spec.plan
    managed = np.sum([p.balance for p in carried.places.values()], axis=0)
    before = np.concatenate(([0.0], managed[:-1]))
    had = np.concatenate(([0.0], result.cash[:-1]))
    nothing = carried.nothing
    dividends = carried.decisions.dividends
    rows = {
        "cash_interest": plan.cash_yield * inputs.year * had,
        "running_cost": (inputs.opex_per_year + plan.opex_rate * before) * inputs.year,
        "tax": result.tax,
        "tax_paid": _tax_paid(inputs, result.profit),
        "provisions": -provision_posting(carried).income,
        "paid_in": nothing if inputs.paid_in is None else inputs.paid_in,
        "dividends": nothing if dividends is None else dividends,
        "older_recovered": older_posting(carried).cash,
    }
    return {name: inputs.unit * np.asarray(row[1 : n + 1]) for name, row in rows.items()}


def _tax_paid(inputs: Inputs, profit: FloatArray) -> FloatArray:
    """Tax that is paid in each period [money units, (T + 1,)]."""
    book, ends = TaxBook(inputs), inputs.grid.extended(inputs.horizon + 1).ends
    paid = [book.accrue(ends[t - 1], ends[t], float(profit[t]))[1] for t in inputs.periods]
    return np.array([0.0, *paid])
