"""The keys of a family's rows: one for each lender, series, cap, ... and period of a plan."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from scfcap.funding.constraints import concentration
from scfcap.funding.constraints.partners import booked_sets
from scfcap.funding.program import Key
from scfcap.funding.variables import Book


def periods(book: Book) -> list[Key]:
    """Each period."""
    return list(book.inputs.periods)


def by_period(names: Callable[[Book], Iterable[Key]]) -> Callable[[Book], list[Key]]:
    """The keys ``names`` yields, each with every period."""

    def labels(book: Book) -> list[Key]:
        return [(name, t) for name in names(book) for t in book.inputs.periods]

    return labels


def segments(book: Book) -> list[Key]:
    """Each segment."""
    return list(book.inputs.segments)


def lenders(book: Book) -> list[Key]:
    """Each lender."""
    return [x.name for x in book.inputs.lenders]


def covenants(book: Book) -> list[Key]:
    """Each covenant of a lender, by period."""
    return [(x.lender, x.name, t) for x in book.inputs.covenants for t in book.inputs.periods]


def cells(book: Book) -> list[Key]:
    """Each cell of loans that may be pledged alike."""
    pledges = book.inputs.pledges
    return [] if pledges is None else [pledges.label(c) for c in range(len(pledges.takes))]


def buyers(book: Book) -> list[Key]:
    """Each buyer of loans."""
    return [x.name for x in book.inputs.buyers]


def series(book: Book) -> list[Key]:
    """Each series, outstanding or to be issued."""
    return [d.name for d in book.inputs.deals]


def issues(book: Book) -> list[Key]:
    """Each series that is to be issued."""
    return [d.name for d in book.inputs.deals if d.state is None]


def tranches(book: Book) -> list[Key]:
    """Each sold tranche of a series, by period."""
    return [
        (d.name, i, t)
        for d in book.inputs.deals
        for i in range(len(d.repaid_by))
        for t in book.inputs.periods
    ]


def steps(book: Book) -> list[Key]:
    """Each step of the supply of P2P funds, by number."""
    return [] if book.inputs.p2p is None else list(range(len(book.inputs.p2p.steps)))


def partners(book: Book) -> list[Key]:
    """Each place in which a partner lends."""
    return list(book.inputs.partner_places)


def booked(book: Book) -> list[Key]:
    """Each eligibility of a partner with each segment, by period."""
    return [
        (name, segment, t)
        for name in booked_sets(book)
        for segment in book.inputs.segments
        for t in book.inputs.periods
    ]


def caps(book: Book) -> list[Key]:
    """Each regulatory cap."""
    return list(book.inputs.cap_names())


def gaps(book: Book) -> list[Key]:
    """Each maturity gap, by its days."""
    return [x.days for x in book.inputs.spec.plan.maturity_gaps]


def matched(book: Book) -> list[Key]:
    """Each period, where tenors are to match."""
    return [] if book.inputs.spec.plan.tenor_match is None else periods(book)


def shares(book: Book) -> list[Key]:
    """Each limit of a segment's share of the book."""
    limits = book.inputs.spec.concentration
    return [limit.name for limit in limits if concentration.by_segment(limit)]


def cores(book: Book) -> list[Key]:
    """Each limit of what hangs on core enterprises."""
    limits = book.inputs.spec.concentration
    return [limit.name for limit in limits if not concentration.by_segment(limit)]
