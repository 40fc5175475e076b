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
from scfcap.funding.shortfall import shortfall_rate
from scfcap.funding.tax_book import TaxBook
from scfcap.funding.tenor import Maturity
from scfcap.funding.variables import on_books
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
    provisions: FloatArray


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
    """What an instrument adds to free cash and net income [money units]; index t from 0 to T.

    ``owners``: what owners pay in less what they are paid, capital that is no income; in ``cash``
    too.
    """

    cash: FloatArray
    income: FloatArray
    owners: FloatArray | float = 0.0


@dataclass(frozen=True)
class Accounts:
    """Free cash, net capital, profit before tax and tax [money units]; index t from 0 to T."""

    cash: FloatArray
    capital: FloatArray
    profit: FloatArray
    tax: FloatArray


def accounts(carried: Carried) -> Accounts:
    """What is posted, interest on cash, and tax on what is earned."""
    inputs = carried.inputs
    posted = [instrument(carried) for instrument in POSTINGS]
    moved = np.sum([p.cash for p in posted], axis=0)
    earned = np.sum([p.income for p in posted], axis=0)
    given = np.sum([p.owners + carried.nothing for p in posted], axis=0)
    cash, capital = carried.nothing, carried.nothing
    profit, tax, book = carried.nothing, carried.nothing, TaxBook(inputs)
    ends = inputs.grid.extended(inputs.horizon + 1).ends
    cash[0], capital[0] = inputs.cash, inputs.net_capital
    for t in inputs.periods:
        interest = inputs.spec.plan.cash_yield * float(inputs.year[t]) * cash[t - 1]
        profit[t] = interest + earned[t]
        tax[t], paid = book.accrue(ends[t - 1], ends[t], float(profit[t]))
        cash[t] = cash[t - 1] + interest + moved[t] - paid
        capital[t] = capital[t - 1] + profit[t] - tax[t] + given[t]
    return Accounts(cash, capital, profit, tax)


def _before(stock: FloatArray) -> FloatArray:
    """Of a stock at each close, that of the close before."""
    return np.concatenate(([0.0], stock[:-1]))


def own_posting(carried: Carried) -> Posting:
    """Loans of the own book, and running cost."""
    inputs, own = carried.inputs, carried.places[OWN]
    managed = np.sum([p.balance for p in carried.places.values()], axis=0)
    running = (inputs.opex_per_year + inputs.spec.plan.opex_rate * _before(managed)) * inputs.year
    lent = carried.decisions.originated.sum(axis=0)
    shares = {x.place: x.own_share for x in inputs.partners}
    for (_, where, t), amount in carried.decisions.booked.items():
        lent[t] += shares[where] * amount
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


def support_posting(carried: Carried) -> Posting:
    """Defaults of others' loans that the company pays, recoveries on them, and their cost.

    Without the cap of a recourse: :func:`scfcap.funding.recourse.beyond_cap` has it.
    """
    cash, income = carried.nothing, carried.nothing
    for x in carried.inputs.supported:
        flow = carried.places[x.place]
        due = np.concatenate((np.zeros(x.payout_lag), flow.default))[: len(cash)]
        cash += x.cover * (flow.recovery - due)
        income -= x.cover * flow.credit_cost
    return Posting(cash, income)


def partner_posting(carried: Carried) -> Posting:
    """Fees on what partners hold."""
    fees = carried.nothing
    for x in carried.inputs.partners:
        fees += x.fee * carried.inputs.year * _before(carried.places[x.place].balance)
    return Posting(fees, fees)


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
                maturity = x.maturity(tenor)
                drawn[t : maturity.falls_due(t)] += amount
                owed = (raised, repaid, interest)
                rate: float | FloatArray = x.rate(rates[tenor], t)
                if tenor in x.floating and x.dearer is not None:
                    rate = rates[tenor] + x.dearer
                _borrow(inputs, owed, amount, rate, t, maturity)
        room = np.array([x.room(t) for t in range(inputs.horizon + 1)])
        if x.name in carried.decisions.left_out:
            room = np.array(x.open_balance)
        fee = np.array([x.fee(t) for t in range(inputs.horizon + 1)])
        interest += fee * inputs.year * _before(np.maximum(room - drawn, 0.0))
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
                _borrow(inputs, owed, amount, p2p.rate(step.rate, t), t, p2p.maturity)
    return Posting(raised - repaid - interest, -interest)


def provision_posting(carried: Carried) -> Posting:
    """The change of provisions on what stands on the group's balance sheet."""
    inputs = carried.inputs
    if inputs.provisions is None:
        return Posting(carried.nothing, carried.nothing)
    held = np.sum([carried.places[where].provisions for where in on_books(inputs)], axis=0)
    if inputs.provisions.opening is not None:
        held[0] = inputs.provisions.opening
    return Posting(carried.nothing, np.diff(held, prepend=held[0]) * -1.0)


def owner_posting(carried: Carried) -> Posting:
    """Capital paid in, less dividends."""
    paid = carried.nothing
    if carried.inputs.paid_in is not None:
        paid += carried.inputs.paid_in
    if carried.decisions.dividends is not None:
        paid -= carried.decisions.dividends
    return Posting(paid, carried.nothing, paid)


def shortfall_posting(carried: Carried) -> Posting:
    """Money missing at a close: got then, paid back at the next with what it costs."""
    got = carried.decisions.shortfall
    if got is None:
        return Posting(carried.nothing, carried.nothing)
    before = _before(got)
    cost = shortfall_rate(carried.inputs) * carried.inputs.year * before
    return Posting(got - before - cost, -cost)


def older_posting(carried: Carried) -> Posting:
    """Recoveries on defaults before the plan: cash that was earned then."""
    older = carried.inputs.older_recoveries
    return Posting(carried.nothing if older is None else older[:-1] + 0.0, carried.nothing)


def _borrow(
    inputs: Inputs,
    owed: tuple[FloatArray, FloatArray, FloatArray],
    amount: float,
    rate: float | FloatArray,
    t: int,
    maturity: Maturity,
) -> None:
    """Book money borrowed in ``t`` until its ``maturity``: raised, repaid, interest.

    ``rate`` [1/year], by period [T + 1] where it moves.
    """
    raised, repaid, interest = owed
    rates = np.broadcast_to(rate, repaid.shape)
    due = maturity.falls_due(t)
    raised[t] += amount
    if due < len(repaid):
        repaid[due] += amount
    last = min(due, inputs.horizon)
    interest[t + 1 : last + 1] += amount * rates[t + 1 : last + 1] * inputs.year[t + 1 : last + 1]
    if due == last:
        early = 1.0 - maturity.bears(t, due)
        interest[due] -= amount * float(rates[due]) * float(inputs.year[due]) * early


#: Every instrument's book-keeping.
POSTINGS: tuple[Callable[[Carried], Posting], ...] = (
    own_posting,
    lender_posting,
    buyer_posting,
    support_posting,
    partner_posting,
    series_posting,
    p2p_posting,
    provision_posting,
    owner_posting,
    shortfall_posting,
    older_posting,
)
