"""The replay's own book-keeping: cash and income of the decisions as the engines carried them out.

Nothing here comes from the program. Each instrument posts what it brings into the company's free
cash and what it adds to the group's income; an instrument is one function, listed in
:data:`POSTINGS`. What the program says of the same flows is :mod:`scfcap.funding.entries`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np

from scfcap.axes import OWN
from scfcap.deal.waterfall import DealResult
from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import DealInputs, Inputs
from scfcap.quantities import FloatArray


@dataclass(frozen=True)
class PlaceFlows:
    """Flows of the principal that sits in one place [money units]; index t from 0 to T."""

    interest: FloatArray
    principal: FloatArray
    recovery: FloatArray
    default: FloatArray
    credit_cost: FloatArray
    received: FloatArray
    balance: FloatArray


@dataclass(frozen=True)
class Carried:
    """Decisions, and what the engines made of them."""

    inputs: Inputs
    decisions: Decisions
    places: Mapping[str, PlaceFlows]
    deals: Mapping[str, DealResult]

    @property
    def nothing(self) -> FloatArray:
        """Zeros, index t from 0 to T."""
        return np.zeros(self.inputs.horizon + 1)


@dataclass(frozen=True)
class Posting:
    """What an instrument adds to free cash and net income [money units]; index t from 0 to T."""

    cash: FloatArray
    income: FloatArray


def accounts(carried: Carried) -> tuple[FloatArray, FloatArray]:
    """Free cash and net capital, index t from 0 to T: what is posted, and interest on cash."""
    inputs = carried.inputs
    posted = [instrument(carried) for instrument in POSTINGS]
    moved = np.sum([p.cash for p in posted], axis=0)
    earned = np.sum([p.income for p in posted], axis=0)
    cash, capital = carried.nothing, carried.nothing
    cash[0], capital[0] = inputs.cash, inputs.net_capital
    for t in inputs.periods:
        interest = inputs.spec.plan.cash_yield * float(inputs.year[t]) * cash[t - 1]
        cash[t] = cash[t - 1] + interest + moved[t]
        capital[t] = capital[t - 1] + interest + earned[t]
    return cash, capital


def _before(stock: FloatArray) -> FloatArray:
    """Of a stock at each close, that of the close before."""
    return np.concatenate(([0.0], stock[:-1]))


def own_posting(carried: Carried) -> Posting:
    """Loans of the own book, and running cost."""
    inputs, own = carried.inputs, carried.places[OWN]
    managed = np.sum([p.balance for p in carried.places.values()], axis=0)
    running = (inputs.opex_per_year + inputs.spec.plan.opex_rate * _before(managed)) * inputs.year
    lent = carried.decisions.originated.sum(axis=0)
    collected = own.interest + own.principal + own.recovery
    return Posting(collected - lent - running, own.interest - own.credit_cost - running)


def buyer_posting(carried: Carried) -> Posting:
    """Loans sold at their price, servicing fees on what buyers hold."""
    cash, income = carried.nothing, carried.nothing
    for buyer in carried.inputs.buyers:
        flow = carried.places[buyer.place]
        fees = buyer.servicing_fee * carried.inputs.year * _before(flow.balance)
        cash += buyer.price * flow.received + fees
        income += fees - (1.0 - buyer.price) * flow.received
    return Posting(cash, income)


def series_posting(carried: Carried) -> Posting:
    """What the series pay the company, and their own income before servicing, consolidated."""
    cash, income = carried.nothing, carried.nothing
    for d in carried.inputs.deals:
        if d.name in carried.deals:
            deal, flow = carried.deals[d.name], carried.places[d.place]
            cash += flow.received
            cash[1:] += deal.residual[0] + deal.servicing_fee[0] - deal.contribution[0]
            income[1:] += _series_income(carried.inputs, flow, deal, d)
    return Posting(cash, income)


def _series_income(inputs: Inputs, flow: PlaceFlows, deal: DealResult, d: DealInputs) -> FloatArray:
    """Interest and yield less coupons, senior fee, issue cost and losses, from period 1."""
    coupons = np.array([tranche.coupon for tranche in inputs.terms(d).sold])
    first = np.zeros(len(coupons)) if d.state is None else d.state.notes
    before = np.column_stack([first, deal.balance[0][:, :-1]])
    accrual = (coupons @ before) * inputs.year[1:]
    costs = deal.senior_fee[0] + deal.issue_cost[0]
    earned = flow.interest[1:] - flow.credit_cost[1:] + deal.cash_interest[0]
    return np.asarray(earned - costs - accrual)


def lender_posting(carried: Carried) -> Posting:
    """Draws, older ones too, with interest and commitment fees."""
    inputs = carried.inputs
    raised, repaid, interest = carried.nothing, carried.nothing, carried.nothing
    for x in inputs.lenders:
        drawn = np.array(x.open_balance)
        repaid += x.open_repaid[: inputs.horizon + 1]
        interest += x.open_interest
        rates = dict(x.tenors)
        for (name, tenor, t), amount in carried.decisions.draws.items():
            if name == x.name:
                drawn[t : t + tenor] += amount
                owed = (raised, repaid, interest)
                _borrow(inputs, owed, amount, x.rate(rates[tenor], t), t, tenor)
        room = np.array([x.room(t) for t in range(inputs.horizon + 1)])
        if x.name in carried.decisions.left_out:
            room = np.array(x.open_balance)
        fee = np.array([x.fee(t) for t in range(inputs.horizon + 1)])
        interest += fee * inputs.year * _before(room - drawn)
    return Posting(raised - repaid - interest, -interest)


def p2p_posting(carried: Carried) -> Posting:
    """P2P notes, older ones too, with interest and fees."""
    inputs, p2p = carried.inputs, carried.inputs.p2p
    raised, repaid, interest = carried.nothing, carried.nothing, carried.nothing
    if p2p is not None:
        repaid += p2p.open_repaid[: inputs.horizon + 1]
        interest += p2p.open_interest
        for m, step in enumerate(p2p.steps):
            for t in inputs.periods:
                amount = float(carried.decisions.placed[m, t])
                owed = (raised, repaid, interest)
                _borrow(inputs, owed, amount, p2p.rate(step.rate, t), t, p2p.tenor)
    return Posting(raised - repaid - interest, -interest)


def _borrow(
    inputs: Inputs,
    owed: tuple[FloatArray, FloatArray, FloatArray],
    amount: float,
    rate: float,
    t: int,
    tenor: int,
) -> None:
    """Book money borrowed in ``t`` for ``tenor`` periods: raised, repaid, interest."""
    raised, repaid, interest = owed
    raised[t] += amount
    if t + tenor < len(repaid):
        repaid[t + tenor] += amount
    last = min(t + tenor, inputs.horizon)
    interest[t + 1 : last + 1] += amount * rate * inputs.year[t + 1 : last + 1]


#: Every instrument's book-keeping.
POSTINGS: tuple[Callable[[Carried], Posting], ...] = (
    own_posting,
    lender_posting,
    buyer_posting,
    series_posting,
    p2p_posting,
)
