"""The company's cash and capital."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.axes import OWN
from scfcap.funding.program import Key, Row, Terms
from scfcap.funding.variables import Book, all_places

Rows = Iterator[tuple[Key, Row]]


def originated(book: Book, t: int) -> Terms:
    """Principal paid out to borrowers in ``t``."""
    terms = Terms()
    for s in range(len(book.inputs.segments)):
        terms.add(book.program.find("O", (s, t)))
    return terms


def running_cost(book: Book, t: int) -> Terms:
    """Running cost of ``t``: fixed, and on all principal managed at the close of t - 1."""
    inputs = book.inputs
    year = float(inputs.year[t])
    terms = Terms().plus(inputs.opex_per_year * year)
    rate = inputs.spec.plan.opex_rate * year
    if rate > 0.0:
        for where in all_places(inputs):
            terms.extend(book.total(where, t - 1), rate)
    return terms


def servicing_income(book: Book, t: int) -> Terms:
    """Fees that buyers leave to the company in ``t``."""
    terms = Terms()
    for buyer in book.inputs.buyers:
        rate = buyer.servicing_fee * float(book.inputs.year[t])
        terms.extend(book.total(buyer.place, t - 1), rate)
    return terms


def cash(book: Book, t: int) -> Terms:
    """Free cash at the close of ``t``."""
    if t == 0:
        return Terms().plus(book.inputs.cash)
    return Terms().add(book.program.find("M", t))


def capital(book: Book, t: int) -> Terms:
    """Net capital at the close of ``t``."""
    if t == 0:
        return Terms().plus(book.inputs.net_capital)
    return Terms().add(book.program.find("K", t))


def cash_balance(book: Book) -> Rows:
    """``M[t] = (1+y) M[t-1] + collections + sales + residuals + fees + draws + placements
    - originations - contributions - repayments - interest - running cost``.

    Axes: period. An identity: every unit of cash that enters is paid to somebody.
    """
    inputs = book.inputs
    for t in inputs.periods:
        growth = 1.0 + inputs.spec.plan.cash_yield * float(inputs.year[t])
        terms = cash(book, t).extend(cash(book, t - 1), -growth)
        terms.extend(book.collections(OWN, t), -1.0)
        terms.extend(originated(book, t)).extend(running_cost(book, t))
        terms.extend(servicing_income(book, t), -1.0)
        for buyer in inputs.buyers:
            terms.extend(book.sold(buyer.place, t), -buyer.price)
        for d in inputs.deals:
            terms.extend(book.sold(d.place, t), -1.0)
            terms.extend(book.deal_fees(d, t)[1], -1.0)
            terms.add(book.program.find("R", (d.name, t)), -1.0)
            if t == d.closing:
                terms.add(book.program.find("E", d.name))
        for x in inputs.lenders:
            for tenor, _ in x.tenors:
                terms.add(book.program.find("X", (x.name, tenor, t)), -1.0)
            terms.extend(book.debt_repaid(x.name, t)).extend(book.debt_interest(x.name, t))
        terms.extend(book.placed(t), -1.0).extend(book.p2p_repaid(t))
        terms.extend(book.p2p_interest(t))
        yield t, Row(terms, "=")


def liquidity_floor(book: Book) -> Rows:
    """``M[t] >= floor + cover * (debt and P2P notes due in t+1)``. Axes: period.

    Where a period is not one unit of the model: due in the periods up to that which holds the day
    one unit later.
    """
    inputs = book.inputs
    cover = inputs.spec.plan.debt_cover
    for t in inputs.periods:
        terms = cash(book, t)
        for u in range(t + 1, int(inputs.covered_to[t]) + 1) if cover > 0.0 else ():
            for x in inputs.lenders:
                terms.extend(book.debt_repaid(x.name, u), -cover)
            terms.extend(book.p2p_repaid(u), -cover)
        yield t, Row(terms, ">=", inputs.liquidity_floor)


def net_capital(book: Book) -> Rows:
    """``K[t] = K[t-1] + NI[t]``: interest, fees and yields less funding, credit and running cost.

    Axes: period. The vehicle is consolidated: residuals, contributions and purchases at par are
    no income; coupons count as they accrue; credit cost is the default less the recovery
    expected on it.
    """
    inputs = book.inputs
    for t in inputs.periods:
        year = float(inputs.year[t])
        terms = capital(book, t).extend(capital(book, t - 1), -1.0)
        terms.extend(cash(book, t - 1), -inputs.spec.plan.cash_yield * year)
        terms.extend(running_cost(book, t)).extend(servicing_income(book, t), -1.0)
        for where in [OWN, *(d.place for d in inputs.deals)]:
            terms.extend(book.interest(where, t), -1.0)
            terms.extend(book.credit_cost(where, t))
        for buyer in inputs.buyers:
            terms.extend(book.sold(buyer.place, t), 1.0 - buyer.price)
        for d in inputs.deals:
            terms.extend(book.deal_fees(d, t)[0])
            terms.extend(book.deal_yield(d, t), -1.0)
            terms.extend(book.issue_cost(d, t))
            for i in range(len(d.repaid_by)):
                terms.extend(book.coupon(d, i, t))
        for x in inputs.lenders:
            terms.extend(book.debt_interest(x.name, t))
        terms.extend(book.p2p_interest(t))
        yield t, Row(terms, "=")
