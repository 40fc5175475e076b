"""Decision variables of the program, and the book-keeping terms that constraints share.

Symbols as in the planning literature: ``O`` originations, ``OC`` those made with a partner, ``H``
holdings, ``Y`` transfers, ``M``
cash, ``K`` net capital, ``X`` draws, ``S`` series size, ``E`` contribution, ``Q`` deal cash, ``N``
notes, ``A`` note repayments, ``R`` residual, ``P`` P2P placements, ``u`` money
missing. A column exists only where it may be nonzero.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from scfcap.axes import OWN
from scfcap.funding.calendar_years import dividend_periods
from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs, LenderInputs
from scfcap.funding.loans import Loans
from scfcap.funding.past import hold
from scfcap.funding.program import Program, Terms

if TYPE_CHECKING:
    from scfcap.funding.booking import Entry


@dataclass
class Book(Loans):
    """Inputs and columns together: terms for balances and flows of every place."""

    entries: dict[int, list[Entry]] = field(default_factory=dict)
    """Flows by period once they are asked for; :func:`scfcap.funding.entries.entries`."""

    def debt(self, lender: str, t: int) -> Terms:
        """New draws outstanding at the close of ``t``."""
        terms = Terms()
        x = self._lender(lender)
        for tenor, _ in x.tenors:
            for since in x.maturity(tenor).standing(t):
                terms.add(self.program.find("X", (lender, tenor, since)))
        return terms

    def debt_repaid(self, lender: str, t: int) -> Terms:
        """Draws (older ones too) that fall due in ``t``; ``t`` may be one past the horizon."""
        x = self._lender(lender)
        terms = Terms().plus(float(x.open_repaid[t]))
        for tenor, _ in x.tenors:
            for since in x.maturity(tenor).falling(t):
                terms.add(self.program.find("X", (lender, tenor, since)))
        return terms

    def debt_interest(self, lender: str, t: int) -> Terms:
        """Interest and commitment fee paid to ``lender`` in ``t``."""
        x = self._lender(lender)
        year = float(self.inputs.year[t])
        terms = Terms().plus(float(x.open_interest[t]))
        for tenor, rate in x.tenors:
            maturity = x.maturity(tenor)
            for since in maturity.bearing(t):
                cost = x.cost(tenor, rate, since, t) * year * maturity.bears(since, t)
                terms.add(self.program.find("X", (lender, tenor, since)), cost)
        fee = x.fee(t) * year
        chosen = self.program.find("V", lender)
        if chosen is None:
            terms.plus(fee * (x.room(t - 1) - float(x.open_balance[t - 1])))
        else:
            terms.add(chosen, fee * x.line(t - 1))
        return terms.extend(self.debt(lender, t - 1), -fee)

    def _lender(self, name: str) -> LenderInputs:
        return next(x for x in self.inputs.lenders if x.name == name)

    def placed(self, t: int) -> Terms:
        """P2P notes placed in ``t``."""
        terms = Terms()
        if self.inputs.p2p is not None:
            for m in range(len(self.inputs.p2p.steps)):
                terms.add(self.program.find("P", (m, t)))
        return terms

    def p2p_stock(self, t: int) -> Terms:
        """P2P notes outstanding at the close of ``t``."""
        p2p = self.inputs.p2p
        terms = Terms()
        if p2p is not None:
            terms.plus(float(p2p.open_balance[t]))
            for since in p2p.maturity.standing(t):
                terms.extend(self.placed(since))
        return terms

    def p2p_repaid(self, t: int) -> Terms:
        """P2P notes that fall due in ``t``."""
        p2p = self.inputs.p2p
        terms = Terms()
        if p2p is not None:
            terms.plus(float(p2p.open_repaid[t]))
            for since in p2p.maturity.falling(t):
                terms.extend(self.placed(since))
        return terms

    def p2p_interest(self, t: int) -> Terms:
        """Interest and fees on P2P notes paid in ``t``."""
        p2p = self.inputs.p2p
        terms = Terms()
        if p2p is not None:
            terms.plus(float(p2p.open_interest[t]))
            year = float(self.inputs.year[t])
            for since in p2p.maturity.bearing(t):
                for m, step in enumerate(p2p.steps):
                    cost = p2p.rate(step.rate, since) * year * p2p.maturity.bears(since, t)
                    terms.add(self.program.find("P", (m, since)), cost)
        return terms

    def notes(self, d: DealInputs, i: int, t: int) -> Terms:
        """Sold tranche ``i`` outstanding at the close of ``t``."""
        vehicle = self.inputs.vehicle
        assert vehicle is not None
        if t < d.first or t >= d.repaid_by[i]:
            return Terms()
        if t > max(d.last_revolving, 0):
            return Terms().add(self.program.find("N", (d.name, i, t)))
        if d.state is not None:
            return Terms().plus(float(d.state.notes[i]))
        return Terms().add(self.program.find("S", d.name), vehicle.sold[i].share)

    def all_notes(self, d: DealInputs, t: int) -> Terms:
        """All sold tranches outstanding at the close of ``t``."""
        terms = Terms()
        for i in range(len(d.repaid_by)):
            terms.extend(self.notes(d, i, t))
        return terms

    def coupon(self, d: DealInputs, i: int, t: int) -> Terms:
        """Coupon of tranche ``i`` that accrues in period ``t``."""
        vehicle = self.inputs.vehicle
        assert vehicle is not None
        if t <= d.first:
            return Terms()
        rate = (vehicle.sold[i].coupon + d.dearer) * float(self.inputs.year[t])
        return Terms().extend(self.notes(d, i, t - 1), rate)

    def accrued(self, d: DealInputs, i: int, t: int) -> Terms:
        """Coupon accrued and unpaid at the close of ``t``."""
        vehicle = self.inputs.vehicle
        assert vehicle is not None
        terms = Terms()
        if t == 0 and d.state is not None:
            return terms.plus(float(d.state.accrued[i]))
        if vehicle.coupon_timing == "paid" or t > max(d.last_revolving, 0):
            return terms
        if d.state is not None:
            terms.plus(float(d.state.accrued[i]))
        for u in range(d.first + 1, t + 1):
            terms.extend(self.coupon(d, i, u))
        return terms

    def coupon_paid(self, d: DealInputs, i: int, t: int) -> Terms:
        """Coupon of tranche ``i`` paid in ``t``: accrued before and new."""
        vehicle = self.inputs.vehicle
        assert vehicle is not None
        accruing = vehicle.coupon_timing != "paid" and t <= d.last_revolving
        if t <= d.first or accruing:
            return Terms()
        return self.accrued(d, i, t - 1).extend(self.coupon(d, i, t))

    def reserve(self, d: DealInputs, t: int) -> Terms:
        """Reserve account at the close of ``t``: at its target while notes stand."""
        vehicle = self.inputs.vehicle
        assert vehicle is not None
        if t < d.first or t >= max(d.repaid_by):
            return Terms()
        if d.state is not None:
            return Terms().plus(float(d.state.reserve if t == 0 else d.state.reserve_target))
        share = vehicle.reserve_rate * sum(x.share for x in vehicle.sold)
        return Terms().add(self.program.find("S", d.name), share)

    def deal_cash(self, d: DealInputs, t: int) -> Terms:
        """Collections kept in the series at the close of ``t``, reserve apart."""
        if t == 0 and d.state is not None:
            return Terms().plus(float(d.state.cash))
        return Terms().add(self.program.find("Q", (d.name, t)))

    def deal_fees(self, d: DealInputs, t: int) -> tuple[Terms, Terms]:
        """Senior fee and servicing fee of period ``t``, on the pool at the close of t - 1."""
        vehicle = self.inputs.vehicle
        assert vehicle is not None
        year = float(self.inputs.year[t])
        before = self.total(d.place, t - 1)
        senior = Terms().extend(before, vehicle.senior_fee_rate * year)
        return senior, Terms().extend(before, vehicle.servicing_fee_rate * year)

    def issue_cost(self, d: DealInputs, t: int) -> Terms:
        """Cost of issue, paid by the series at its closing."""
        vehicle = self.inputs.vehicle
        assert vehicle is not None
        if d.state is not None or t != d.closing:
            return Terms()
        share = vehicle.issue_cost_rate * sum(x.share for x in vehicle.sold)
        return Terms().add(self.program.find("S", d.name), share)

    def deal_yield(self, d: DealInputs, t: int) -> Terms:
        """Interest on the series' cash and reserve in period ``t``."""
        vehicle = self.inputs.vehicle
        assert vehicle is not None
        rate = vehicle.cash_yield * float(self.inputs.year[t])
        terms = Terms().extend(self.deal_cash(d, t - 1), rate)
        return terms.extend(self.reserve(d, t - 1), rate)


def declare(inputs: Inputs, program: Program | None = None) -> Book:
    """Declare all columns, in ``program`` or a new one; later families add rows only."""
    alone = program is None
    program = Program("funding plan") if program is None else program
    book = Book(inputs, program)
    _lending(book)
    for d in inputs.deals:
        _series(book, d)
    _holdings(book)
    for t in inputs.periods:
        program.column("M", t)
        program.column("K", t, lower=-math.inf)
    for x in inputs.lenders:
        if x.limit > 0.0 and inputs.choice is not None and x.name in inputs.choice.names:
            program.binary("V", x.name)
        if x.limit > 0.0:
            for tenor, _ in x.tenors:
                for t in inputs.periods:
                    if t not in x.closed:
                        program.column("X", (x.name, tenor, t))
    _pledges(book)
    if inputs.p2p is not None and inputs.p2p.limit > 0.0:
        for m in range(len(inputs.p2p.steps)):
            for t in sorted(inputs.p2p.open_periods):
                program.column("P", (m, t))
    _profit(book)
    if inputs.may_lack:
        for t in inputs.periods:
            program.column("u", t)
    uncertainty = inputs.spec.plan.uncertainty
    if alone and uncertainty is not None and uncertainty.risk.counts:
        declare_tail(program, [inputs.spec.plan.scenario])
    if inputs.past is not None:
        hold(book, inputs.past)
    return book


def declare_tail(program: Program, scenarios: Iterable[str]) -> None:
    """``eta``, which is free, and ``z`` of each scenario: the tail of the shortfalls."""
    program.column("eta", "cvar", lower=-math.inf)
    for name in scenarios:
        program.column("z", name)


def _profit(book: Book) -> None:
    """Tax that accrues, and dividends, where the model has them."""
    inputs = book.inputs
    if inputs.spec.tax is not None and inputs.spec.tax.rate > 0.0:
        for t in inputs.periods:
            book.program.column("Tax", t)
    for t in dividend_periods(inputs):
        book.program.column("Div", t)


def _pledges(book: Book) -> None:
    """``G``: own loans pledged to a line that may be drawn, where its borrowing base is tested."""
    inputs, pledges = book.inputs, book.inputs.pledges
    for x in inputs.covenants:
        if pledges is None or x.kind != "borrowing_base":
            continue
        line = next(y for y in inputs.lenders if y.name == x.lender)
        for t in inputs.periods:
            drawn = line.open_balance[t] > 0.0 or book.debt(line.name, t).coefficients
            for c in pledges.cells(x.eligibility) if drawn and t in x.tests else ():
                book.program.column("G", (line.name, c, t))


def _lending(book: Book) -> None:
    for s in range(len(book.inputs.segments)):
        for t in book.inputs.periods:
            if book.inputs.demand[s, t] > 0.0:
                book.program.column("O", (s, t))
    for x in book.inputs.partners:
        for s in range(len(book.inputs.segments)):
            for t in book.inputs.periods:
                if book.inputs.demand[s, t] > 0.0 and x.lends(s, t):
                    book.program.column("OC", (s, x.place, t))


def _series(book: Book, d: DealInputs) -> None:
    inputs, program = book.inputs, book.program
    if d.state is None:
        if inputs.programme_limit <= 0.0:
            return
        program.column("S", d.name)
        program.column("E", d.name)
    for t in range(max(d.first, 1), inputs.horizon + 1):
        if t == d.closing:
            continue
        if t < max(d.repaid_by):
            swept = d.swept and t > max(d.last_revolving, 0)
            program.column("Q", (d.name, t), upper=0.0 if swept else math.inf)
        else:
            program.column("R", (d.name, t))
        if t > max(d.last_revolving, 0):
            for i, gone in enumerate(d.repaid_by):
                if t < gone:
                    program.column("N", (d.name, i, t))
                if (i == 0 or t >= d.repaid_by[i - 1]) and t <= gone:
                    program.column("A", (d.name, i, t))


def open_for_sale(inputs: Inputs, j: int, t: int, funder: BuyerInputs | DealInputs) -> bool:
    """Whether cohort ``j`` may move from own to ``funder`` at the close of ``t``."""
    cohorts = inputs.cohorts
    if cohorts.origin[j] != OWN or not cohorts.alive(j, t):
        return False
    if int(cohorts.segment[j]) not in funder.segments:
        return False
    if inputs.eligible[inputs.rule_set(funder)][j] <= 0.0:
        return False
    if isinstance(funder, BuyerInputs):
        old = t >= inputs.seasoned(j, funder.min_seasoning)
        return funder.limit > 0.0 and t not in funder.closed and old
    vehicle = inputs.vehicle
    assert vehicle is not None
    if funder.state is None and inputs.programme_limit <= 0.0:
        return False
    window = max(funder.first, 1) <= t <= funder.last_revolving or t == funder.closing
    return window and t >= inputs.seasoned(j, vehicle.min_seasoning)


def _holdings(book: Book) -> None:
    inputs, program = book.inputs, book.program
    cohorts = inputs.cohorts
    funders = inputs.funders
    for j in range(len(cohorts)):
        if cohorts.origin[j] != OWN:
            continue
        if (
            cohorts.vintage[j] >= 1
            and program.find("O", (int(cohorts.segment[j]), int(cohorts.vintage[j]))) is None
        ):
            continue
        lives = [t for t in inputs.periods if cohorts.alive(j, t)]
        for t in lives:
            program.column("H", (j, OWN, t))
            book.holdings.append((j, OWN, t))
        for funder in funders:
            sales = [t for t in lives if open_for_sale(inputs, j, t, funder)]
            for t in sales:
                program.column("Y", (j, funder.place, t))
                book.transfers.setdefault((funder.place, t), []).append(j)
            for t in lives:
                if sales and t >= sales[0]:
                    program.column("H", (j, funder.place, t))
                    book.holdings.append((j, funder.place, t))


def on_books(inputs: Inputs) -> list[str]:
    """Places on the company's consolidated balance sheet: own and the series."""
    return [OWN, *(d.place for d in inputs.deals)]


def all_places(inputs: Inputs) -> list[str]:
    """Every place where principal may sit."""
    return [
        *on_books(inputs),
        *(b.place for b in inputs.buyers),
        *(x.place for x in inputs.partners),
    ]
