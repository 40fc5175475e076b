"""Covenants of lines, and the pledge of own loans behind them."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.axes import OWN
from scfcap.funding.company import capital
from scfcap.funding.covenant_inputs import CovenantInputs
from scfcap.funding.inputs import LenderInputs
from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book

Rows = Iterator[tuple[Key, Row | Absent]]


def drawn(book: Book, x: LenderInputs, t: int) -> Terms:
    """Balance of a line at the close of ``t``, older draws too."""
    return book.debt(x.name, t).plus(float(x.open_balance[t]))


def all_debt(book: Book, t: int) -> Terms:
    """Debt of every lender, notes sold and P2P notes at the close of ``t``."""
    terms = book.p2p_stock(t)
    for x in book.inputs.lenders:
        terms.extend(drawn(book, x, t))
    for d in book.inputs.deals:
        terms.extend(book.all_notes(d, t))
    return terms


def lately_defaulted(book: Book, t: int) -> Terms:
    """Own loans that defaulted in the days that count as past due, up to the close of ``t``."""
    terms = Terms()
    late = book.inputs.late
    if late is not None:
        for u in range(late.since[t], t + 1):
            terms.extend(book.defaults(OWN, u))
    return terms


def past_due(book: Book, t: int) -> Terms:
    """Own loans past due at the close of ``t``: behind by roll rates, and lately defaulted."""
    late = book.inputs.late
    terms = lately_defaulted(book, t)
    if late is not None and late.behind is not None:
        for j in book.standing(OWN, t):
            terms.extend(book.held(j, OWN, t), float(late.behind[j, t]))
    return terms


def pledged(book: Book, lender: str, t: int) -> Terms:
    """Own loans pledged to a lender at the close of ``t``."""
    terms = Terms()
    pledges = book.inputs.pledges
    if pledges is not None:
        for c in range(len(pledges.takes)):
            terms.add(book.program.find("G", (lender, c, t)))
    return terms


def all_pledged(book: Book, t: int) -> Terms:
    """Own loans pledged to anybody at the close of ``t``."""
    terms = Terms()
    for x in book.inputs.lenders:
        terms.extend(pledged(book, x.name, t))
    return terms


def sides(book: Book, covenant: CovenantInputs, t: int) -> tuple[Terms, Terms]:
    """What a covenant measures at the close of ``t``, and what its limit is a multiple of.

    Of least net assets the first is net assets and the second one.
    """
    inputs = book.inputs
    if covenant.kind == "leverage":
        return all_debt(book, t), capital(book, t)
    if covenant.kind == "past_due_share":
        own = book.total(OWN, t)
        return past_due(book, t), own.extend(lately_defaulted(book, t))
    if covenant.kind == "min_net_assets":
        return capital(book, t).plus(inputs.deductions), Terms().plus(1.0)
    line = next(x for x in inputs.lenders if x.name == covenant.lender)
    assert inputs.pledges is not None
    usable = inputs.pledges.usable[covenant.eligibility]
    return drawn(book, line, t), Terms().extend(pledged(book, line.name, t), usable)


def in_force(book: Book, covenant: CovenantInputs, t: int) -> bool:
    """Whether the line may have a balance at the close of ``t``, so that its covenants count."""
    line = next(x for x in book.inputs.lenders if x.name == covenant.lender)
    return bool(line.open_balance[t] > 0.0 or book.debt(line.name, t).coefficients)


def covenant(book: Book) -> Rows:
    """``measure[t] <= limit (1 - margin) base[t]``, for least net assets ``>=`` and ``1 + margin``.

    Axes: lender, covenant, period; in the periods in which it is tested and the line may be drawn.
    ``leverage``: debt, notes sold and P2P notes against ``K[t]``. ``past_due_share``: own loans
    behind, and those that defaulted in the last 90 days, against own loans and those defaults.
    ``min_net_assets``: ``K[t]`` and deductions. ``borrowing_base``: the line's balance against
    ``usable sum_c G[h,c,t]``. A breach that no decision can prevent is data and has no row.
    """
    inputs = book.inputs
    broken = {(x.of, x.covenant, x.t) for x in inputs.breaches}
    for x in inputs.covenants:
        for t in inputs.periods:
            key = (x.lender, x.name, t)
            if t not in x.tests:
                yield key, Absent("not tested")
                continue
            if not in_force(book, x, t):
                yield key, Absent("the line is not drawn")
                continue
            if key in broken:
                yield key, Absent("broken whatever is decided")
                continue
            measure, base = sides(book, x, t)
            if x.at_least:
                yield key, Row(measure, ">=", x.planned)
                continue
            terms = measure.extend(base, -x.planned)
            yield key, Row(terms, "<=") if terms.coefficients else Absent("data only")


def pledge(book: Book) -> Rows:
    """``sum_h G[h,c,t] <= sum_j share[c,j] H[j,own,t]``. Axes: cell of own loans, period.

    A cell is what the same eligibility sets admit. A loan is pledged to one lender at most;
    :func:`~scfcap.funding.constraints.p2p.p2p_backing` keeps P2P notes off pledged loans.
    """
    inputs = book.inputs
    pledges = inputs.pledges
    if pledges is None:
        return
    for c in range(len(pledges.takes)):
        for t in inputs.periods:
            terms = Terms()
            for x in inputs.lenders:
                terms.add(book.program.find("G", (x.name, c, t)))
            if not terms.coefficients:
                yield (pledges.label(c), t), Absent("nothing is pledged")
                continue
            for j in book.standing(OWN, t):
                terms.extend(book.held(j, OWN, t), -float(pledges.share[c, j]))
            yield (pledges.label(c), t), Row(terms, "<=")
