"""P2P notes as debt, backed by loans on the own book."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.axes import OWN, P2P
from scfcap.funding.constraints.covenants import all_pledged
from scfcap.funding.inputs import P2PInputs
from scfcap.funding.partner import PartnerInputs
from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book

Rows = Iterator[tuple[Key, Row | Absent]]


def p2p_supply(book: Book) -> Rows:
    """``P[m,t] <= width[m] units[t]``. Axes: supply step, period. What lenders place at a rate.

    Widths are those of a unit of the model, of which a period has ``units`` (1 where it is one).
    """
    p2p, units = book.inputs.p2p, book.inputs.units
    if p2p is None:
        return
    for m, step in enumerate(p2p.steps):
        for t in book.inputs.periods:
            column = book.program.find("P", (m, t))
            if column is None:
                yield (m, t), Absent("the window is closed")
            else:
                yield (m, t), Row(Terms().add(column), "<=", step.per_period * float(units[t]))


def p2p_renewal(book: Book) -> Rows:
    """``sum_m P[m,t] - renewed[t] (P[.,t-tenor] + older due) <= fresh[t] units[t] sum_m width[m]``.

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
        new *= float(book.inputs.units[t])
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

    n periods make twelve months, by days where periods differ; ``older`` was placed before
    ``as_of`` in the same window. Where it is above the cap, nothing is placed until it leaves the
    window. Loans passed through count as they are lent, ``sum_s OC[s,p2p,u]``, and of those of
    before what still stands.
    """
    p2p = book.inputs.p2p
    for x in book.inputs.partners_in(P2P):
        yield from ((t, _lent_rolling(book, x, t)) for t in book.inputs.periods)
        return
    for t in book.inputs.periods:
        terms = Terms()
        if p2p is not None and p2p.rolling is not None:
            for u in range(first_of_window(p2p, t), t + 1):
                terms.extend(book.placed(u))
        if p2p is None or p2p.rolling is None or not terms.coefficients:
            yield t, Absent("no rolling cap")
        else:
            older = placed_before_start(p2p, t)
            yield t, Row(terms.plus(older), "<=", max(p2p.rolling, older))


def _lent_rolling(book: Book, x: PartnerInputs, t: int) -> Row | Absent:
    terms, older = Terms(), 0.0
    first, cohorts = t - x.rolling_periods + 1, book.inputs.cohorts
    for u in range(max(1, first), t + 1):
        for s in range(len(book.inputs.segments)):
            terms.extend(book.made(s, x.place, u))
    if x.rolling is None or not terms.coefficients:
        return Absent("no rolling cap")
    for j in book.standing(x.place, 0):
        older += float(cohorts.amount[j]) if cohorts.vintage[j] >= first else 0.0
    return Row(terms.plus(older), "<=", max(x.rolling, older))


def first_of_window(p2p: P2PInputs, t: int) -> int:
    """First period of the window that ends with ``t``."""
    return max(1, t - p2p.rolling_periods + 1) if p2p.window is None else int(p2p.window[t])


def placed_before_start(p2p: P2PInputs, t: int) -> float:
    """Placed before ``as_of`` in the window that ends with ``t``; due one tenor later."""
    if p2p.placed_before is not None:
        return float(p2p.placed_before[t])
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
