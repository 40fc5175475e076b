"""What the plan is after."""

from __future__ import annotations

from scfcap.axes import OWN
from scfcap.funding.company import capital
from scfcap.funding.inputs import DealInputs, Inputs
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
            terms.extend(book.issue_cost(d, d.closing), _unused(inputs, d))
    for buyer in inputs.buyers:
        net = buyer.servicing_fee - inputs.spec.plan.opex_rate
        for j in book.standing(buyer.place, last):
            terms.extend(book.held(j, buyer.place, last), net * float(cohorts.annuity[j]))
    return terms


def _unused(inputs: Inputs, d: DealInputs) -> float:
    """Share of the life of a series, from closing to legal end, that is left at T."""
    closing, last, end = d.closing, inputs.horizon, d.legal_end
    if inputs.grid.mixed:
        days = inputs.grid.extended(max(end, last)).days
        closing, last, end = int(days[closing]), int(days[last]), int(days[end])
    return max(0.0, (end - last) / max(end - closing, 1))


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
