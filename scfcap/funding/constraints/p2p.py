"""P2P notes as debt, backed by loans on the own book."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.axes import OWN
from scfcap.funding.constraints.covenants import all_pledged
from scfcap.funding.inputs import P2PInputs
from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book

Rows = Iterator[tuple[Key, Row | Absent]]


def p2p_supply(book: Book) -> Rows:
    """``P[m,t] <= width[m]``. Axes: supply step, period. What lenders place at a step's rate."""
    p2p = book.inputs.p2p
    if p2p is None:
        return
    for m, step in enumerate(p2p.steps):
        for t in book.inputs.periods:
            column = book.program.find("P", (m, t))
            if column is None:
                yield (m, t), Absent("the window is closed")
            else:
                yield (m, t), Row(Terms().add(column), "<=", step.per_period)


def p2p_renewal(book: Book) -> Rows:
    """``sum_m P[m,t] - renewed[t] (P[.,t-tenor] + older due) <= fresh[t] sum_m width[m]``.

    Axes: period. While lenders run off: a share of maturing notes is placed again, and new lenders
    bring a share of the supply.
    """
    p2p = book.inputs.p2p
    for t in book.inputs.periods:
        terms = book.placed(t)
        if p2p is None or p2p.renewed is None or p2p.fresh is None or not terms.coefficients:
            yield t, Absent("nobody runs off")
            continue
        again, new = float(p2p.renewed[t]), float(p2p.fresh[t])
        if again == 1.0 and new == 1.0:
            yield t, Absent("nobody runs off")
            continue
        terms.extend(book.p2p_repaid(t), -again)
        yield t, Row(terms, "<=", new * sum(step.per_period for step in p2p.steps))


def p2p_limit(book: Book) -> Rows:
    """``Z[t] <= limit``, ``Z[t] = sum_{t-tenor < u <= t} sum_m P[m,u]`` and older notes.

    Axes: period.
    """
    p2p = book.inputs.p2p
    for t in book.inputs.periods:
        terms = book.p2p_stock(t)
        if p2p is None or not terms.coefficients:
            yield t, Absent("no P2P notes")
        else:
            yield t, Row(terms, "<=", p2p.room(t))


def p2p_rolling(book: Book) -> Rows:
    """``sum_{t-n < u <= t} sum_m P[m,u] + older <= max(cap, older)``. Axes: period.

    n periods make twelve months; ``older`` was placed before ``as_of`` in the same window. Where it
    is above the cap, nothing is placed until it leaves the window.
    """
    p2p = book.inputs.p2p
    for t in book.inputs.periods:
        terms = Terms()
        if p2p is not None and p2p.rolling is not None:
            for u in range(max(1, t - p2p.rolling_periods + 1), t + 1):
                terms.extend(book.placed(u))
        if p2p is None or p2p.rolling is None or not terms.coefficients:
            yield t, Absent("no rolling cap")
        else:
            older = _placed_before(p2p, t)
            yield t, Row(terms.plus(older), "<=", max(p2p.rolling, older))


def _placed_before(p2p: P2PInputs, t: int) -> float:
    """Placed before ``as_of`` in the window that ends with ``t``; due one tenor later."""
    first = max(t - p2p.rolling_periods + 1 + p2p.tenor, 1)
    return float(p2p.open_repaid[first : p2p.tenor + 1].sum())


def p2p_backing(book: Book) -> Rows:
    """``Z[t] + sum_{h,c} G[h,c,t] <= sum_j H[j,own,t]``. Axes: period.

    Each note stands on a loan of the own book that is pledged to nobody else.
    """
    for t in book.inputs.periods:
        terms = book.p2p_stock(t)
        pledges = all_pledged(book, t) if terms.constant or terms.coefficients else Terms()
        terms.extend(pledges)
        if not terms.coefficients:
            yield t, Absent("no P2P notes")
        else:
            yield t, Row(terms.extend(book.total(OWN, t), -1.0), "<=")
