"""What profit leaves: tax on it, dividends of it."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.calendar_years import dividend_periods, year_so_far, years_of
from scfcap.funding.capital import TAX_COST, dividend, tax
from scfcap.funding.entries import entries, net_income
from scfcap.funding.objective import max_income
from scfcap.funding.program import Key, Row, Terms
from scfcap.funding.variables import Book

Rows = Iterator[tuple[Key, Row]]


def before_tax(book: Book, t: int) -> Terms:
    """The group's net income of ``t`` before tax."""
    terms = Terms()
    for entry in entries(book, t):
        if entry.earned is not None and entry.earned.item != TAX_COST:
            terms.extend(entry.terms, entry.earned.sign)
    return terms


def taxed_periods(book: Book) -> list[Key]:
    """Periods that have a row of tax."""
    return [t for t in book.inputs.periods if book.program.find("Tax", t) is not None]


def tax_on_profit(book: Book) -> Rows:
    """``sum Tax[u] >= rate (sum profit[u] - losses_forward)`` over the year so far, ``Tax >= 0``.

    Axes: period. ``losses_forward`` lowers the first year's profit alone; a loss of a year, and
    what of ``losses_forward`` its profit does not use, lower no later profit: the replay tells what
    that would save.
    """
    rule, inputs = book.inputs.spec.tax, book.inputs
    if rule is None:
        return
    first = inputs.grid.ends[0].year
    for t in taxed_periods(book):
        terms, relief = Terms(), rule.losses_forward / inputs.unit
        for u in year_so_far(inputs, t):
            terms.extend(tax(book, u)).extend(before_tax(book, u), -rule.rate)
        right = -rule.rate * relief if inputs.grid.ends[t - 1].year == first else 0.0
        yield t, Row(terms, ">=", right)


def income_floor(book: Book) -> Rows:
    """``sum NI[t] + V_T - K[T] >= income_floor``, where the plan is after lending. Axes: none."""
    settings = book.inputs.spec.plan
    if settings.objective == "max_lending":
        yield "plan", Row(max_income(book), ">=", settings.income_floor / book.inputs.unit)


def dividends_of_profit(book: Book) -> Rows:
    """``sum Div[u] <= payout NI`` of the calendar year before, over the year so far.

    Axes: period with dividends. ``NI`` of a year before the plan is ``income_prior_year``; of a
    year that the plan holds a part of, that part.
    """
    inputs, rule = book.inputs, book.inputs.spec.dividends
    if rule is None:
        return
    years = years_of(inputs)
    for t in dividend_periods(inputs):
        terms = Terms()
        for u in year_so_far(inputs, t):
            terms.extend(dividend(book, u))
        closed = years.get(inputs.grid.ends[t - 1].year - 1, [])
        for u in closed:
            terms.extend(net_income(book, u), -rule.payout)
        right = 0.0 if closed else rule.payout * rule.income_prior_year / inputs.unit
        yield t, Row(terms, "<=", right)
