"""Loans that others fund from the start: banks that the company guarantees, and joint lenders."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.axes import GUARANTEED_BANK
from scfcap.errors import InfeasibleError
from scfcap.funding.company import capital
from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book
from scfcap.quantities import ROW_TOLERANCE

Rows = Iterator[tuple[Key, Row | Absent]]


def partner_stock(book: Book) -> Rows:
    """``sum_j H[j,c,t] <= max(limit[c], older)``, ``H[j,c,t] = path[j,t] (1 - x[c]) OC[s,c,v]``.

    Axes: partner's place, period. What a bank that is guaranteed, or a joint lender, holds; x is
    the share of each loan that the company funds. Above the limit older loans run to their end.
    """
    for x in book.inputs.partners:
        for t in book.inputs.periods:
            terms = book.total(x.place, t)
            if not terms.coefficients:
                yield (x.place, t), Absent("nothing can be lent")
            else:
                yield (x.place, t), Row(terms, "<=", x.room(t))


def partner_flow(book: Book) -> Rows:
    """``(1 - x[c]) sum_s OC[s,c,t] <= cap[c]``. Axes: partner's place, period.

    What a partner lends in a period. Where P2P lenders run off:
    ``sum_s OC[s,c,t] - renewed[t] repaid[c,t] <= fresh[t] cap[c]``.
    """
    for x in book.inputs.partners:
        for t in book.inputs.periods:
            terms = Terms()
            for s in range(len(book.inputs.segments)):
                terms.extend(book.made(s, x.place, t))
            if x.per_period is None or not terms.coefficients:
                yield (x.place, t), Absent("no limit a period")
            else:
                again, new = x.supply(t)
                if (again, new) != (1.0, 1.0):
                    terms.extend(book.repaid(x.place, t), -again)
                yield (
                    (x.place, t),
                    Row(terms, "<=", new * x.per_period * float(book.inputs.units[t])),
                )


def booked_sets(book: Book) -> list[str]:
    """Eligibility sets of partners."""
    names = [x.eligibility for x in book.inputs.partners if x.eligibility is not None]
    return list(dict.fromkeys(names))


def partner_eligibility(book: Book) -> Rows:
    """``sum_c OC[s,c,t] <= e[s] (O[s,t] + sum_c OC[s,c,t])`` over partners c with one rule set.

    Axes: eligibility set, segment, period. ``e`` is the share of new loans that the set admits;
    on the right all lending of the segment.
    """
    inputs = book.inputs
    for name in booked_sets(book):
        theirs = [x.place for x in inputs.partners if x.eligibility == name]
        for s, segment in enumerate(inputs.segments):
            for t in inputs.periods:
                terms = Terms()
                for where in theirs:
                    terms.add(book.program.find("OC", (s, where, t)))
                share = _share(book, name, s, t)
                if not terms.coefficients or share >= 1.0:
                    yield (name, segment, t), Absent("all loans, or none with a partner")
                else:
                    terms.extend(book.lent(s, t), -share)
                    yield (name, segment, t), Row(terms, "<=")


def _share(book: Book, name: str, s: int, t: int) -> float:
    """Share of the segment's loans made in ``t`` that the set admits."""
    j = book.inputs.new_cohort.get((s, t))
    return 1.0 if j is None else float(book.inputs.eligible[name][j])


def liability(book: Book, t: int) -> Terms:
    """What the company guarantees at the close of ``t``: ``sum_c cover[c] sum_j H[j,c,t]``."""
    terms = Terms()
    for x in book.inputs.partners_in(GUARANTEED_BANK):
        terms.extend(book.total(x.place, t), x.cover)
    return terms


def guarantee_multiple(book: Book) -> Rows:
    """``sum_c cover[c] sum_j H[j,c,t] - m K[t] <= m deductions - elsewhere``.

    Axes: period. Guarantees are at most m times the guarantor's net assets: the company's own as
    they move, or those of a licensed company of the group, which stand on the right as ``m NA``.
    """
    guarantor = book.inputs.guarantor
    for t in book.inputs.periods:
        terms = liability(book, t)
        if guarantor is None or not (terms.coefficients or terms.constant):
            yield t, Absent("nothing is guaranteed")
            continue
        right = -guarantor.elsewhere
        if guarantor.net_assets is None:
            terms.extend(capital(book, t), -guarantor.multiple)
            right += guarantor.multiple * book.inputs.deductions
        else:
            right += guarantor.multiple * guarantor.net_assets
        if terms.coefficients:
            yield t, Row(terms, "<=", right)
        elif terms.constant <= right + ROW_TOLERANCE:
            yield t, Absent("opening balances only")
        else:
            raise _breach(book, t, terms.constant - right)


def _breach(book: Book, t: int, excess: float) -> InfeasibleError:
    inputs, guarantor = book.inputs, book.inputs.guarantor
    assert guarantor is not None
    amount = f"{inputs.spec.currency} {excess * inputs.unit:,.0f}"
    said = f" ({guarantor.source})" if guarantor.source else ""
    return InfeasibleError(
        f"Guarantees exceed {guarantor.multiple:g} times the guarantor's net assets{said} by "
        f"{amount} at {inputs.grid.ends[t - 1]:%Y-%m-%d}, by what stands at the start alone.",
        ["Correct the opening balances, guarantor.net_assets, or guarantor.multiple."],
    )
