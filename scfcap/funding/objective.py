"""What the plan is after."""

from __future__ import annotations

import numpy as np

from scfcap.axes import OWN
from scfcap.funding.company import capital
from scfcap.funding.inputs import DealInputs, Inputs
from scfcap.funding.partner import Supported
from scfcap.funding.program import Terms
from scfcap.funding.variables import Book


def max_income(book: Book) -> Terms:
    """Net income over the horizon and the value of what stands at its end above its book value.

    ``sum_t NI[t] + (V_T - K[T]) = V_T - K[0]`` with ``V_T`` cash, loans at their remaining cash
    discounted at ``terminal_rate``, servicing fees to come, the share of issue costs that later
    periods use, less debt, notes and accrued coupons at par. Holdings at par alone would stop
    lending near the end; all their interest undiscounted would over-lend.
    """
    return terminal_value(book).plus(-book.inputs.net_capital)


def terminal_value(book: Book) -> Terms:
    """``V_T`` [money units]: book value of net capital and the premium on what is held."""
    terms = Terms().extend(capital(book, book.inputs.horizon))
    return terms.extend(premium(book))


def premium(book: Book) -> Terms:
    """``V_T - K[T]``: what holdings at T are worth above par, and issue cost not yet used."""
    inputs = book.inputs
    cohorts = inputs.cohorts
    last = inputs.horizon
    vehicle = inputs.vehicle
    terms = Terms()
    for j in book.standing(OWN, last):
        terms.extend(book.held(j, OWN, last), float(cohorts.terminal[j]) - 1.0)
    for d in inputs.deals:
        assert vehicle is not None
        for j in book.standing(d.place, last):
            senior = vehicle.senior_fee_rate * float(cohorts.annuity[j])
            terms.extend(book.held(j, d.place, last), float(cohorts.terminal[j]) - senior - 1.0)
        terms.extend(book.deal_cash(d, last), -_waiting(book, d))
        if d.state is None and d.closing <= last:
            life = max(d.legal_end - d.closing, 1)
            unused = max(0.0, (d.legal_end - last) / life)
            terms.extend(book.issue_cost(d, d.closing), unused)
    for buyer in inputs.buyers:
        net = buyer.servicing_fee - inputs.spec.plan.opex_rate
        for j in book.standing(buyer.place, last):
            worth = net * float(cohorts.annuity[j]) - losses_ahead(inputs, buyer, j)
            terms.extend(book.held(j, buyer.place, last), worth)
    for x in inputs.partners:
        net = x.fee - inputs.spec.plan.opex_rate
        for j in book.standing(x.place, last):
            worth = net * float(cohorts.annuity[j]) - losses_ahead(inputs, x, j)
            terms.extend(book.held(j, x.place, last), worth)
    return terms


def losses_ahead(inputs: Inputs, x: Supported, j: int) -> float:
    """What the company will pay after T on a unit of cohort ``j`` of another's, discounted.

    ``cover * (defaults / (1 + rate)^lag - recoveries)``.
    """
    cohorts = inputs.cohorts
    if x.cover == 0.0 or cohorts.defaults_ahead is None or cohorts.recoveries_ahead is None:
        return 0.0
    wait = x.payout_lag / inputs.grid.per_year
    later = float(cohorts.defaults_ahead[j] * np.power(1.0 + inputs.spec.plan.terminal_rate, -wait))
    return x.cover * (later - float(cohorts.recoveries_ahead[j]))


def _waiting(book: Book, d: DealInputs) -> float:
    """Cost of a unit of cash that an amortising series keeps at T instead of repaying notes.

    It earns a period's yield and not the coupon. Without it the last period would be a tie,
    which the waterfall has not: it repays at once.
    """
    inputs, last = book.inputs, book.inputs.horizon
    due = [i for i, gone in enumerate(d.repaid_by) if gone > last]
    if inputs.vehicle is None or not due or d.last_revolving >= last:
        return 0.0
    spread = inputs.terms(d).sold[due[0]].coupon - inputs.vehicle.cash_yield
    return max(spread, 0.0) * float(inputs.year[last])
