"""The revolving vehicle: one set of rows for each series."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.funding.inputs import DealInputs
from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book

Rows = Iterator[tuple[Key, Row | Absent]]


def _live(book: Book, d: DealInputs) -> bool:
    return d.state is not None or book.program.find("S", d.name) is not None


def _exists(book: Book, d: DealInputs, t: int) -> bool:
    return _live(book, d) and t >= max(d.first, 1)


def deal_cash(book: Book) -> Rows:
    """``Q[t] + reserve[t] = (1+y)(Q + reserve)[t-1] + collections + notes issued + E
    - purchases - coupons - fees - A - R``.

    Axes: series, period. At closing the notes and the contribution pay for the first pool, the
    reserve and the cost of issue. With ``Q >= 0`` purchases never exceed the cash at hand.
    """
    for d in book.inputs.deals:
        for t in book.inputs.periods:
            if not _exists(book, d, t):
                yield (d.name, t), Absent("the series does not exist")
                continue
            terms = book.deal_cash(d, t).extend(book.reserve(d, t))
            terms.extend(book.sold(d.place, t)).extend(book.issue_cost(d, t))
            terms.add(book.program.find("R", (d.name, t)))
            if t == d.closing:
                terms.extend(book.all_notes(d, t), -1.0)
                terms.add(book.program.find("E", d.name), -1.0)
            else:
                terms.extend(book.deal_cash(d, t - 1), -1.0)
                terms.extend(book.reserve(d, t - 1), -1.0)
                terms.extend(book.deal_yield(d, t), -1.0)
                terms.extend(book.collections(d.place, t), -1.0)
                for fee in book.deal_fees(d, t):
                    terms.extend(fee)
                for i in range(len(d.repaid_by)):
                    terms.extend(book.coupon_paid(d, i, t))
                    terms.add(book.program.find("A", (d.name, i, t)))
            if terms.coefficients:
                yield (d.name, t), Row(terms, "=")
            else:
                yield (d.name, t), Absent("nothing left")


def tranche_balance(book: Book) -> Rows:
    """``N[i,t] = N[i,t-1] - A[i,t]`` after the revolving period; before it N is constant.

    Axes: series, sold tranche, period.
    """
    for d in book.inputs.deals:
        for i, gone in enumerate(d.repaid_by):
            for t in book.inputs.periods:
                amortising = max(d.last_revolving, 0) < t <= gone
                if not (_exists(book, d, t) and amortising):
                    yield (d.name, i, t), Absent("not amortising")
                    continue
                terms = book.notes(d, i, t).extend(book.notes(d, i, t - 1), -1.0)
                terms.add(book.program.find("A", (d.name, i, t)))
                if terms.coefficients or terms.constant != 0.0:
                    yield (d.name, i, t), Row(terms, "=")
                else:
                    yield (d.name, i, t), Absent("nothing outstanding")


def overcollateralization(book: Book) -> Rows:
    """``sum_i (N + accrued)[i,t] <= (1 - retained) (pool + Q + reserve)[t]`` while revolving.

    Axes: series, period. On balances after the flows of the period.
    """
    vehicle = book.inputs.vehicle
    for d in book.inputs.deals:
        for t in book.inputs.periods:
            if vehicle is None or not _exists(book, d, t) or t > d.last_revolving:
                yield (d.name, t), Absent("not revolving")
                continue
            share = 1.0 - vehicle.retained_share
            terms = book.all_notes(d, t)
            for i in range(len(d.repaid_by)):
                terms.extend(book.accrued(d, i, t))
            terms.extend(book.total(d.place, t), -share)
            terms.extend(book.deal_cash(d, t), -share).extend(book.reserve(d, t), -share)
            yield (d.name, t), Row(terms, "<=")


def idle_cash(book: Book) -> Rows:
    """``Q[t] <= limit * sum_i N[i,t]`` while revolving. Axes: series, period."""
    vehicle = book.inputs.vehicle
    for d in book.inputs.deals:
        for t in book.inputs.periods:
            if vehicle is None or not _exists(book, d, t) or t > d.last_revolving:
                yield (d.name, t), Absent("not revolving")
                continue
            terms = book.deal_cash(d, t).extend(book.all_notes(d, t), -vehicle.idle_cash_limit)
            if terms.coefficients:
                yield (d.name, t), Row(terms, "<=")
            else:
                yield (d.name, t), Absent("no cash at closing")


def trigger_headroom(book: Book) -> Rows:
    """Stay clear of early amortisation by the margin, while revolving. Axes: series, period.

    Where the defaults of loans held at ``as_of`` eat the margin up, the threshold itself holds.

    ``cumulative_default``: ``defaults since closing <= (threshold - margin) * pool at closing``;
    ``default_rate``: ``defaults[t] <= (threshold - margin) * year fraction * pool[t-1]``.
    """
    vehicle = book.inputs.vehicle
    for d in book.inputs.deals:
        so_far = Terms()
        for t in book.inputs.periods:
            exists = _exists(book, d, t) and t > d.first
            if vehicle is None or not exists or t > d.last_revolving:
                yield (d.name, t), Absent("not revolving")
                continue
            trigger = vehicle.trigger
            level = trigger.threshold - trigger.margin
            right = 0.0
            new = book.defaults(d.place, t)
            if trigger.measure == "default_rate":
                year = float(book.inputs.year[t])
                terms = new.extend(book.total(d.place, t - 1), -level * year)
            else:
                so_far.extend(new)
                terms = Terms().extend(so_far)
                if d.state is None:
                    terms.add(book.program.find("S", d.name), -level)
                else:
                    terms.plus(d.state.cumulative_default)
                    right = level * d.state.pool_at_closing
                    if terms.constant > right:
                        right = trigger.threshold * d.state.pool_at_closing
            if terms.coefficients:
                yield (d.name, t), Row(terms, "<=", right)
            else:
                yield (d.name, t), Absent("data only")


def issue_size(book: Book) -> Rows:
    """``S[d] <= largest pool at closing``. Axes: series to be issued."""
    for d in book.inputs.deals:
        if d.state is not None:
            continue
        column = book.program.find("S", d.name)
        if column is None:
            yield d.name, Absent("the programme is closed")
        else:
            yield d.name, Row(Terms().add(column), "<=", d.max_pool)


def first_pool(book: Book) -> Rows:
    """``pool[closing] <= S``: the series buys no more at closing than it is sized for.

    Axes: series to be issued.
    """
    for d in book.inputs.deals:
        if d.state is not None:
            continue
        column = book.program.find("S", d.name)
        if column is None:
            yield d.name, Absent("the programme is closed")
        else:
            yield d.name, Row(book.total(d.place, d.closing).add(column, -1.0), "<=")


def programme(book: Book) -> Rows:
    """``sum_d S[d] <= programme limit``. One row."""
    terms = Terms()
    for d in book.inputs.deals:
        terms.add(book.program.find("S", d.name))
    if not terms.coefficients:
        yield "programme", Absent("no series to issue")
    else:
        yield "programme", Row(terms, "<=", book.inputs.programme_limit)
