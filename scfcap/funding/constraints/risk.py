"""The worst shortfalls of a plan of one scenario, or of several together."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from scfcap.funding.program import Key, Program, Row
from scfcap.funding.tail import cvar_terms, limit_rows, risk_of, shortfalls, tail_rows
from scfcap.funding.variables import Book, declare_tail

Rows = Iterator[tuple[Key, Row]]


def tail(book: Book) -> Rows:
    """``z_k + eta >= S_k``, with ``S_k = sum_t disc[t] units[t] u[k,t]`` or each ``u[k,t]``.

    Axes: scenario, part: one of a total, a period of the worst. ``z_k`` is by how much the
    scenario's shortfall exceeds ``eta``. Several scenarios have these rows together.
    """
    risk = risk_of(book)
    if risk is not None:
        name = book.inputs.spec.plan.scenario
        yield from tail_rows(book.program, {name: shortfalls(book, risk.measure)})


def cvar(book: Book) -> Rows:
    """``eta + sum_k w_k z_k / (1 - level) <= limit``: the mean of the worst shortfalls.

    Axes: none. Several scenarios have this row together.
    """
    risk = risk_of(book)
    if risk is not None:
        limit = None if risk.limit is None else risk.limit / book.inputs.unit
        one = {book.inputs.spec.plan.scenario: 1.0}
        yield from limit_rows(book.program, one, risk.level, limit)


def together(shared: Program, books: Mapping[str, Book], weights: Mapping[str, float]) -> None:
    """The tail of several scenarios in the program that they share: columns, rows, objective.

    ``weights`` are probabilities. Nothing where the plan does not reckon with risk.
    """
    first = next(iter(books.values())).inputs
    stated = first.spec.plan.uncertainty
    if stated is None or not stated.risk.counts:
        return
    risk = stated.risk
    declare_tail(shared, books)
    missed = {name: shortfalls(book, risk.measure) for name, book in books.items()}
    limit = None if risk.limit is None else risk.limit / first.unit
    for family, found in (
        ("tail", tail_rows(shared, missed)),
        ("cvar", limit_rows(shared, weights, risk.level, limit)),
    ):
        rows = list(found)
        shared.add_family(family, [key for key, _ in rows], rows)
    if risk.weight > 0.0:
        shared.objective.extend(cvar_terms(shared, weights, risk.level), -risk.weight)
