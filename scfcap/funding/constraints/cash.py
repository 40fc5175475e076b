"""The company's cash and capital."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.company import capital, cash
from scfcap.funding.constraints.liquidity import cover
from scfcap.funding.entries import flow_of_cash, from_owners, net_income
from scfcap.funding.program import Key, Row
from scfcap.funding.variables import Book

Rows = Iterator[tuple[Key, Row]]


def cash_balance(book: Book) -> Rows:
    """``M[t] = (1+y) M[t-1] + collections + sales + residuals + fees + draws + placements
    - originations - contributions - repayments - interest - running cost``.

    Axes: period. An identity: every unit of cash that enters is paid to somebody. The flows are the
    entries with a purse.
    """
    for t in book.inputs.periods:
        terms = cash(book, t).extend(cash(book, t - 1), -1.0)
        yield t, Row(terms.extend(flow_of_cash(book, t), -1.0), "=")


def liquidity_floor(book: Book) -> Rows:
    """``M[t] >= floor + c1 due[t+1] + c2 interest[t+1] + c3 promised[t+1] + draws undrawn``.

    Axes: period. ``due`` are debt, P2P notes and claims under guarantees (a claim on a default of
    ``t+1`` itself is not known yet), ``interest`` what they cost with fees, and ``promised`` the
    lending promised; of borrowers' ``undrawn`` limits a share may be drawn.
    """
    inputs = book.inputs
    for t in inputs.periods:
        terms = cash(book, t).extend(cover(book, t), -1.0)
        yield t, Row(terms, ">=", inputs.liquidity_floor)


def net_capital(book: Book) -> Rows:
    """``K[t] = K[t-1] + NI[t] + paid in - Div[t]``: NI is interest, fees and yields less funding,
    credit and running cost, and tax.

    Axes: period. The flows are the entries that are earned. The vehicle is consolidated: residuals,
    contributions and purchases at par are no income; coupons count as they accrue; credit cost is
    the default less the recovery expected on it, and the change of provisions where they are kept.
    """
    for t in book.inputs.periods:
        terms = capital(book, t).extend(capital(book, t - 1), -1.0)
        terms.extend(from_owners(book, t), -1.0)
        yield t, Row(terms.extend(net_income(book, t), -1.0), "=")
