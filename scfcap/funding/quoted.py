"""One more loan as columns of a plan's program: what it holds, where it may go, what it enters.

The loan is a cohort of its own, with factors of the projection kernel. Its columns are those that
the program declares for a cohort: made with own money or with a partner, held in each place, moved
to each funder. They are read off a program with this cohort alone, built by the same families, so
that the loan enters every row that any cohort does. Rows that a cohort has for itself stay with the
loan; the others are rows of the plan.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, fields, replace
from datetime import date

import numpy as np
from scipy import sparse

from scfcap.cashflow.cohorts import NewLoans, loan_factors
from scfcap.credit.curves import CurveSet
from scfcap.funding.catalogue import FAMILIES
from scfcap.funding.falling_due import maturing
from scfcap.funding.gather import cohorts_of
from scfcap.funding.inputs import Inputs
from scfcap.funding.objective import loan_worth
from scfcap.funding.pledges import behind_of
from scfcap.funding.program import Key, Program, Row, Sense
from scfcap.funding.provisions import provision_inputs
from scfcap.funding.stressed import credit_path
from scfcap.funding.variables import Book, declare, open_for_sale
from scfcap.quantities import FloatArray, IntArray

#: Columns of a loan: made alone, made with a partner, held, moved.
COLUMNS = ("O", "OC", "H", "Y")
#: Families whose rows each cohort, or each segment's lending of a period, has for itself.
OWN_ROWS = frozenset(
    {
        "cohort_balance",
        "transfer_eligibility",
        "demand",
        "promised_demand",
        "partner_eligibility",
    }
)

#: Covenants whose rows hold loans.
OF_LOANS = frozenset({"past_due_share", "borrowing_base"})


@dataclass(frozen=True)
class Asked:
    """A loan that is asked about.

    ``amount`` [currency], ``tenor`` [days], ``rate`` [1/year], made over ``period`` (from 1) as the
    plan's loans are.
    """

    segment: str
    amount: float
    tenor: int
    rate: float
    period: int


@dataclass(frozen=True)
class LoanRow:
    """A row of the loan alone: ``sum own x + sum shared x`` ``sense`` ``right``.

    ``own`` by column of the loan, ``shared`` by label of a column of the plan; ``right`` in money
    units. The first row of a loan says that it is made.
    """

    family: str
    key: Key
    own: Mapping[int, float]
    shared: Mapping[tuple[str, Key], float]
    sense: Sense
    right: float


@dataclass(frozen=True)
class Columns:
    """The loan in the plan's program. Axis Q: the loan's columns.

    ``labels`` [Q] are family and key, ``costs`` [Q] the objective per unit of each, ``matrix``
    [rows of the plan, Q] what a unit adds to a row. ``book`` is the program that they were read
    from, ``index`` [Q] their columns there.
    """

    labels: tuple[tuple[str, Key], ...]
    costs: FloatArray
    matrix: sparse.csc_array
    rows: tuple[LoanRow, ...]
    book: Book
    index: IntArray


def alike(new: NewLoans, tenor: int, rate: float) -> NewLoans:
    """Loans of the types of ``new``, all with one tenor [days] and one rate [1/year]."""
    kind, weight = new.loan_type, new.weight
    if new.orders is None:
        kind = np.unique(new.loan_type)
        weight = np.array([new.weight[new.loan_type == code].sum() for code in kind])
    return replace(
        new,
        weight=weight,
        loan_type=kind,
        rate=np.full(len(kind), rate),
        term_days=np.full(len(kind), tenor, dtype=np.int64),
    )


def loan_columns(
    inputs: Inputs,
    curves: CurveSet,
    new: NewLoans,
    asked: Asked,
    rows: Mapping[object, int],
    idle: Collection[str] = (),
) -> Columns:
    """The columns of a loan of amount ``asked`` in the program whose ``rows`` are known by label.

    ``curves`` are of the plan's scenario alone; ``new`` is what loans of the segment are; ``idle``
    are families whose rows hold no loans.
    """
    book = _alone(inputs, curves, new, asked)
    columns = book.program.columns
    chosen = [k for k, family in enumerate(columns.family) if family in COLUMNS]
    place = {k: q for q, k in enumerate(chosen)}
    made = {place[k]: 1.0 for k in chosen if columns.family[k] in ("O", "OC")}
    own = [LoanRow("made", asked.period, made, {}, "=", asked.amount / inputs.unit)]
    at: list[tuple[int, int, float]] = []
    for family, key, row in _rows(book, idle):
        mine = {place[k]: c for k, c in row.terms.coefficients.items() if k in place}
        if not mine or family == "demand":
            continue
        known = None if family in OWN_ROWS else rows.get((family, key))
        if known is not None:
            at += [(known, q, c) for q, c in mine.items()]
            continue
        theirs = {
            (columns.family[k], columns.key[k]): c
            for k, c in row.terms.coefficients.items()
            if k not in place
        }
        own.append(LoanRow(family, key, mine, theirs, row.sense, row.right - row.terms.constant))
    r, q, c = (np.array(part) for part in zip(*at, strict=True))
    worth = loan_worth(book).coefficients
    return Columns(
        labels=tuple((columns.family[k], columns.key[k]) for k in chosen),
        costs=np.array([worth.get(k, 0.0) for k in chosen]),
        matrix=sparse.csc_array((c, (r, q)), shape=(len(rows), len(chosen))),
        rows=tuple(own),
        book=book,
        index=np.array(chosen, dtype=np.int64),
    )


def without_loans(program: Program) -> frozenset[str]:
    """Families that have rows, and none that holds a loan."""
    loans = {j for j, family in enumerate(program.columns.family) if family in COLUMNS}
    rows = program.rows
    touched = {
        family
        for family, terms in zip(rows.family, rows.terms, strict=True)
        if not loans.isdisjoint(terms)
    }
    return frozenset(rows.family) - touched


def _rows(book: Book, idle: Collection[str]) -> Iterator[tuple[str, Key, Row]]:
    """Every row that holds anything, of every family but those that are idle."""
    for family in FAMILIES:
        if family.name in idle:
            continue
        for key, row in family.rows(book):
            if isinstance(row, Row) and row.terms.coefficients:
                yield family.name, key, row


def _alone(inputs: Inputs, curves: CurveSet, new: NewLoans, asked: Asked) -> Book:
    """The program of the plan with no cohort but the loan's."""
    s, t = inputs.segments.index(asked.segment), asked.period
    factors = loan_factors(alike(new, asked.tenor, asked.rate), s, t, curves)
    like = inputs.new_cohort[s, t]
    known = known_terms(new, asked.tenor)
    demand = np.zeros_like(inputs.demand)
    demand[s, t] = asked.amount / inputs.unit
    spec, horizon = inputs.spec, inputs.horizon
    pledges, late = inputs.pledges, inputs.late
    alone = replace(
        inputs,
        cohorts=cohorts_of(spec, factors, curves, horizon),
        new_cohort={(s, t): 0},
        eligible={name: x[[like]] * known for name, x in inputs.eligible.items()},
        demand=demand,
        promised=np.zeros_like(demand),
        path=credit_path(factors, curves, 0, horizon),
        provisions=provision_inputs(spec, factors, curves, 0, inputs.grid),
        maturing=maturing(spec, factors),
        pledges=None
        if pledges is None
        else replace(pledges, share=pledges.share[:, [like]] * known),
        late=None if late is None else replace(late, behind=behind_of(factors, 0, horizon)),
    )
    return _declared(alone, t)


def known_terms(new: NewLoans, tenor: int) -> bool:
    """Whether the segment has loans as short and as long: else nobody has said who takes them."""
    return int(new.term_days.min()) <= tenor <= int(new.term_days.max())


@dataclass(frozen=True)
class _Later(Inputs):
    """Inputs of a program that is told from one period on: before it the loan is not there."""

    first: int = 1

    @property
    def periods(self) -> range:
        """Periods ``first``..T."""
        return range(self.first, self.horizon + 1)


def _declared(inputs: Inputs, first: int) -> Book:
    """Columns from ``first`` on, and the earlier draws and notes on which it hangs whether a row
    is there at all.

    Left out are the series, and the lines, whose rows the loan cannot enter.
    """
    deals = tuple(
        d for d in inputs.deals if any(open_for_sale(inputs, 0, t, d) for t in inputs.periods)
    )
    covenants = tuple(x for x in inputs.covenants if x.kind in OF_LOANS)
    bound = {x.lender for x in covenants}
    lenders = tuple(x for x in inputs.lenders if x.name in bound)
    told = {f.name: getattr(inputs, f.name) for f in fields(Inputs)}
    told |= {"deals": deals, "lenders": lenders, "covenants": covenants, "choice": None}
    book = declare(_Later(**told, first=first))
    program = book.program
    for x in lenders:
        for tenor, _ in x.tenors if x.limit > 0.0 else ():
            for t in range(1, first):
                if t not in x.closed:
                    program.column("X", (x.name, tenor, t))
    p2p = inputs.p2p
    if p2p is not None and p2p.limit > 0.0:
        for m in range(len(p2p.steps)):
            for t in p2p.open_periods:
                if program.find("P", (m, t)) is None:
                    program.column("P", (m, t))
    return book


def longest_tenor(curves: CurveSet, period: int) -> int:
    """Days of the longest loan that ends within the curves, if it is made at the end of
    ``period``.
    """
    return int(curves.grid.days[-1] - curves.grid.days[period])


def period_holding(inputs: Inputs, day: date) -> int | None:
    """The period of the plan in which ``day`` lies; None where it lies in none."""
    if day <= inputs.grid.as_of or day > inputs.grid.ends[-1]:
        return None
    return 1 + sum(end < day for end in inputs.grid.ends)


def one_scenario(curves: CurveSet, name: str) -> CurveSet:
    """``curves`` of one scenario, planned recoveries included."""
    planned = curves.planned()
    return planned.under(planned.stress.chosen([planned.scenarios.index(name)]))


def usual_rate(new: NewLoans) -> float:
    """Rate of the segment's new loans, by amount [1/year]."""
    return float(new.weight @ new.rate / new.weight.sum())
