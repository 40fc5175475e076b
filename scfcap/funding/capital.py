"""Provisions, tax and the owners' money in the company's books."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date

import numpy as np

from scfcap.axes import OWN
from scfcap.funding.booking import Earned, Entry, Line, Moved, Purse, Section, Stock
from scfcap.funding.calendar_years import closes_year, year_so_far
from scfcap.funding.program import Terms
from scfcap.funding.provisions import provisions
from scfcap.funding.variables import Book
from scfcap.periods import PeriodGrid
from scfcap.quantities import FloatArray
from scfcap.schema.model import Model

PROVISIONS = Line("liability", "provisions for loan losses")
TAX = Line("liability", "tax payable")
TAX_COST = "tax on profit"
TAX_PAID: tuple[Section, str] = ("operating", "tax paid")
PAID_IN, DIVIDENDS = "capital paid in", "dividends paid"


def paid_in(spec: Model, grid: PeriodGrid) -> FloatArray | None:
    """Capital paid in by period [money units], shape (T + 1,); None where there is none."""
    if not spec.injections:
        return None
    found = np.zeros(len(grid) + 1)
    for injection in spec.injections:
        t = grid.index(injection.date)
        if 1 <= t <= len(grid):
            found[t] += injection.amount / spec.plan.money_unit
    return found


def provision_entries(book: Book, t: int) -> Iterator[Entry]:
    """The change of provisions: a cost that is not paid."""
    if book.inputs.provisions is not None:
        change = provisions(book, t).extend(provisions(book, t - 1), -1.0)
        yield Entry(change, earned=Earned(-1.0, "change of provisions"))


def provision_stocks(book: Book, t: int) -> Iterator[Stock]:
    """What is set aside."""
    if book.inputs.provisions is not None:
        yield Stock(provisions(book, t), PROVISIONS)


def tax(book: Book, t: int) -> Terms:
    """Tax on profit that accrues in ``t``."""
    return Terms().add(book.program.find("Tax", t))


def tax_paid(book: Book, t: int) -> Terms:
    """Tax paid in ``t``: as it accrues, or that of the year when it ends; first what is owed."""
    inputs, rule = book.inputs, book.inputs.spec.tax
    terms = Terms()
    if rule is None:
        return terms
    each = rule.paid == "each_period"
    if not each and not closes_year(inputs, t):
        return terms
    mine = [t] if each else year_so_far(inputs, t)
    for u in mine:
        terms.extend(tax(book, u))
    first = t == 1 if each else not any(closes_year(inputs, u) for u in range(1, t))
    return terms.plus(rule.payable / inputs.unit if first else 0.0)


def tax_payable(book: Book, t: int) -> Terms:
    """Tax that has accrued up to the close of ``t`` and is not paid."""
    rule = book.inputs.spec.tax
    terms = Terms()
    if rule is None:
        return terms
    terms.plus(rule.payable / book.inputs.unit)
    for u in range(1, t + 1):
        terms.extend(tax(book, u)).extend(tax_paid(book, u), -1.0)
    return terms


def tax_due(book: Book, grid: PeriodGrid, t: int) -> tuple[float, Terms]:
    """Days left, at the close of ``t``, to what is owed of tax: the next close, or the year's end.

    ``grid`` goes beyond ``t``.
    """
    rule = book.inputs.spec.tax
    day = grid.ends[t]
    if rule is not None and rule.paid == "year_end":
        day = max(date(day.year, 12, 31), day)
    return float((day - grid.as_of).days - grid.days[t]), tax_payable(book, t)


def tax_entries(book: Book, t: int) -> Iterator[Entry]:
    """Tax as it accrues, and as it is paid."""
    if book.inputs.spec.tax is not None:
        yield Entry(tax(book, t), earned=Earned(-1.0, TAX_COST))
        yield Entry(tax_paid(book, t), Purse(-1.0, OWN, "tax paid"), moved=Moved(-1.0, *TAX_PAID))


def tax_stocks(book: Book, t: int) -> Iterator[Stock]:
    """Tax that has accrued and is not paid."""
    if book.inputs.spec.tax is not None:
        yield Stock(tax_payable(book, t), TAX)


def dividend(book: Book, t: int) -> Terms:
    """Dividends paid in ``t``."""
    return Terms().add(book.program.find("Div", t))


def owner_entries(book: Book, t: int) -> Iterator[Entry]:
    """Capital paid in by the owners, and dividends."""
    paid = book.inputs.paid_in
    if paid is not None and paid.any():
        yield Entry(
            Terms().plus(float(paid[t])),
            Purse(1.0, OWN, PAID_IN),
            moved=Moved(1.0, "financing", PAID_IN),
            owners=1.0,
        )
    if book.inputs.spec.dividends is not None:
        yield Entry(
            dividend(book, t),
            Purse(-1.0, OWN, DIVIDENDS),
            moved=Moved(-1.0, "financing", DIVIDENDS),
            owners=-1.0,
        )
