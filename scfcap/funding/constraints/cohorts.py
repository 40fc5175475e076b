"""Cohorts of loans: what is held, what is wanted, what may be sold."""

from __future__ import annotations

from collections.abc import Iterator

from scfcap.axes import OWN
from scfcap.funding.program import Absent, Key, Row, Terms
from scfcap.funding.variables import Book

Rows = Iterator[tuple[Key, Row | Absent]]


def cohort_balance(book: Book) -> Rows:
    """``H[j,c,t] = phi[j,t] H[j,c,t-1] + sum Y[in] - sum Y[out]``; ``kappa0 O`` at age 0.

    Axes: holding (cohort, place, period). An identity: principal that survives stays where it
    is or moves; whole loans, performing only.
    """
    survive = book.inputs.cohorts.survive
    sales: dict[tuple[int, int], list[str]] = {}
    for (where, t), cohorts in book.transfers.items():
        for j in cohorts:
            sales.setdefault((j, t), []).append(where)
    for j, where, t in book.holdings:
        terms = book.held(j, where, t).extend(book.flow(survive, j, where, t), -1.0)
        if where == OWN:
            for funder in sales.get((j, t), ()):
                terms.add(book.program.find("Y", (j, funder, t)))
        else:
            terms.add(book.program.find("Y", (j, where, t)), -1.0)
        yield (j, where, t), Row(terms, "=")


def demand(book: Book) -> Rows:
    """``O[s,t] + sum_c OC[s,c,t] <= D[s,t]``. Axes: segment, period.

    Lending, by the company and with partners, is capped by what is asked for.
    """
    for s, name in enumerate(book.inputs.segments):
        for t in book.inputs.periods:
            terms = book.lent(s, t)
            if not terms.coefficients:
                yield (name, t), Absent("no demand")
            else:
                yield (name, t), Row(terms, "<=", float(book.inputs.demand[s, t]))


def promised_demand(book: Book) -> Rows:
    """``O[s,t] + sum_c OC[s,c,t] >= Dmin[s,t]``. Axes: segment, period.

    Lending promised to borrowers, by the company or with partners.
    """
    for s, name in enumerate(book.inputs.segments):
        for t in book.inputs.periods:
            least = float(book.inputs.promised[s, t])
            if least == 0.0:
                yield (name, t), Absent("nothing promised")
            else:
                yield (name, t), Row(book.lent(s, t), ">=", least)


def transferable(book: Book) -> list[Key]:
    """Labels of :func:`transfer_eligibility`: (eligibility set, cohort, period)."""
    inputs = book.inputs
    labels: dict[Key, None] = {}
    for funder in inputs.funders:
        name, where = inputs.rule_set(funder), funder.place
        part = (inputs.eligible[name] > 0.0) & (inputs.eligible[name] < 1.0)
        sales = [(j, t) for t in inputs.periods for j in book.transfers.get((where, t), ())]
        labels.update(((name, j, t), None) for j, t in sorted(sales) if part[j])
    return list(labels)


def transfer_eligibility(book: Book) -> Rows:
    """``sum_c H[j,c,t] <= e[j] (H[j,own,t] + sum_c H[j,c,t])`` over places c with one rule set.

    Axes: transferable (eligibility set, cohort, period). ``e`` is the share of the cohort that
    the set admits; the whole cohort at t is ``path[j,t]`` times its initial amount. What partners
    with the same set lend is in both.
    """
    inputs = book.inputs
    cohorts = inputs.cohorts
    places: dict[str, list[str]] = {}
    for funder in inputs.funders:
        places.setdefault(inputs.rule_set(funder), []).append(funder.place)
    for x in inputs.partners:
        if x.eligibility is not None:
            places.setdefault(x.eligibility, []).append(x.place)
    for name, j, t in transferable(book):
        terms = Terms()
        for where in places[name]:
            terms.extend(book.held(j, where, t))
        share = float(inputs.eligible[name][j] * cohorts.path[j, t])
        v = int(cohorts.vintage[j])
        if v >= 1:
            terms.extend(book.lent(int(cohorts.segment[j]), v), -share)
        else:
            terms.plus(-share * float(cohorts.amount[j]))
        yield (name, j, t), Row(terms, "<=")
