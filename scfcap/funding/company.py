"""The company's own terms: its cash and capital, what it lends, what it costs to run."""

from __future__ import annotations

from scfcap.axes import OWN
from scfcap.funding.program import Terms
from scfcap.funding.variables import Book, all_places


def originated(book: Book, t: int) -> Terms:
    """Principal that the company pays out to borrowers in ``t``, its share of joint loans too."""
    terms = Terms()
    for s in range(len(book.inputs.segments)):
        terms.extend(book.made(s, OWN, t))
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
