"""Decision variables of the program, and the book-keeping terms that constraints share.

Symbols as in the planning literature: ``O`` originations, ``H`` holdings, ``Y`` transfers, ``M``
cash, ``K`` net capital, ``X`` draws, ``S`` series size, ``E`` contribution, ``Q`` deal cash, ``N``
notes, ``A`` note repayments, ``R`` residual, ``P`` P2P placements. A column exists only where
it may be nonzero.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import numpy as np

from scfcap.axes import OWN
from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs, LenderInputs
from scfcap.funding.program import Program, Terms
from scfcap.quantities import FloatArray

if TYPE_CHECKING:
    from scfcap.funding.entries import Entry


@dataclass
class Book:
    """Inputs and columns together: terms for balances and flows of every place."""

    inputs: Inputs
    program: Program
    holdings: list[tuple[int, str, int]] = field(default_factory=list)
    transfers: dict[tuple[str, int], list[int]] = field(default_factory=dict)
    entries: dict[int, list[Entry]] = field(default_factory=dict)
    """Flows by period once they are asked for; :func:`scfcap.funding.entries.entries`."""
    _standing: dict[tuple[str, int], list[int]] = field(default_factory=dict)

    def held(self, j: int, where: str, t: int) -> Terms:
        """Performing principal of cohort ``j`` in ``where`` at the close of ``t``."""
        cohorts = self.inputs.cohorts
        if cohorts.vintage[j] <= 0 and (t == 0 or cohorts.origin[j] != OWN):
            amount = cohorts.amount[j] * cohorts.path[j, t]
            return Terms().plus(float(amount) if cohorts.origin[j] == where else 0.0)
        return Terms().add(self.program.find("H", (j, where, t)))

    def flow(self, factor: FloatArray, j: int, where: str, t: int) -> Terms:
        """``factor[j, t]`` times what cohort ``j`` had in ``where``: held, or originated in t."""
        cohorts = self.inputs.cohorts
        v = int(cohorts.vintage[j])
        if t < v:
            return Terms()
        if t == v and v >= 1:
            if where != OWN:
                return Terms()
            column = self.program.find("O", (int(cohorts.segment[j]), t))
            return Terms().add(column, float(factor[j, t]))
        return Terms().extend(self.held(j, where, t - 1), float(factor[j, t]))

    def standing(self, where: str, t: int) -> list[int]:
        """Cohorts that may have principal in ``where`` at the close of ``t``."""
        if not self._standing:
            cohorts = self.inputs.cohorts
            for j in range(len(cohorts)):
                if cohorts.vintage[j] <= 0:
                    last = 0 if cohorts.origin[j] == OWN else self.inputs.horizon
                    for u in range(last + 1):
                        if cohorts.alive(j, u):
                            self._standing.setdefault((cohorts.origin[j], u), []).append(j)
            for j, place, u in self.holdings:
                self._standing.setdefault((place, u), []).append(j)
        return self._standing.get((where, t), [])

    def paying(self, where: str, t: int) -> list[int]:
        """Cohorts that pay in ``where`` in ``t``: held at the close before, or made in ``t``."""
        cohorts = self.standing(where, t - 1)
        if where != OWN:
            return cohorts
        new = self.inputs.new_cohort
        made = [new[s, t] for s in range(len(self.inputs.segments)) if (s, t) in new]
        return [*cohorts, *made]

    def total(self, where: str, t: int) -> Terms:
        """Performing principal in ``where`` at the close of ``t``."""
        terms = Terms()
        for j in self.standing(where, t):
            terms.extend(self.held(j, where, t))
        return terms

    def defaults(self, where: str, t: int) -> Terms:
        """Defaults in ``where`` in period ``t``."""
        return self._sum(self.inputs.cohorts.default, where, t)

    def interest(self, where: str, t: int) -> Terms:
        """Interest received in ``where`` in period ``t``."""
        return self._sum(self.inputs.cohorts.interest, where, t)

    def repaid(self, where: str, t: int) -> Terms:
        """Principal repaid in ``where`` in period ``t``, as scheduled or before."""
        return self._sum(self.inputs.cohorts.repaid, where, t)

    def collections(self, where: str, t: int) -> Terms:
        """Principal, interest and recoveries received in ``where`` in period ``t``."""
        terms = self.repaid(where, t).extend(self.interest(where, t))
        return terms.extend(self.recoveries(where, t))

    def recoveries(self, where: str, t: int) -> Terms:
        """Recoveries that arrive in ``t`` on earlier defaults in ``where``."""
        terms = Terms()
        path = self.inputs.path
        if path is not None:
            for due in np.flatnonzero(path.arrival[:, t]):
                terms.extend(self._due(where, int(due), t), float(path.arrival[due, t]))
            return terms
        for s, lag in enumerate(self.inputs.recovery_lag):
            self._recovered(terms, where, s, t - int(lag))
        return terms

    def credit_cost(self, where: str, t: int) -> Terms:
        """Defaults of period ``t`` in ``where`` less the recoveries expected on them."""
        inputs = self.inputs
        terms = Terms()
        if inputs.path is not None:
            return self._sum(inputs.path.loss, where, t)
        for j in self.paying(where, t):
            severity = float(inputs.severity[int(inputs.cohorts.segment[j])])
            terms.extend(self.flow(inputs.cohorts.default, j, where, t), severity)
        return terms

    def receivable(self, where: str, t: int) -> Terms:
        """Recoveries expected at the close of ``t`` on defaults so far in ``where``."""
        terms = Terms()
        path = self.inputs.path
        if path is not None:
            for due in np.flatnonzero(path.waiting[:, t]):
                terms.extend(self._due(where, int(due), t), float(path.waiting[due, t]))
            longest = max(int(self.inputs.recovery_lag.max()), int(path.struck_lag.max()))
            for later in range(t + 1, t + longest + 1):
                terms.extend(self._due(where, later, t))
            return terms
        for s, lag in enumerate(self.inputs.recovery_lag):
            for since in range(t - int(lag) + 1, t + 1):
                self._recovered(terms, where, s, since)
        return terms

    def _due(self, where: str, due: int, until: int) -> Terms:
        """Recoveries due in ``due`` on defaults in ``where`` up to ``until``."""
        inputs = self.inputs
        path = inputs.path
        assert path is not None
        terms = Terms()
        for since in range(1, until + 1):
            usual = since + inputs.recovery_lag == due
            blow = (since + path.struck_lag[:, since] == due) & path.struck[:, since].any()
            for j in self.paying(where, since) if (usual | blow).any() else ():
                if usual[inputs.cohorts.segment[j]]:
                    terms.extend(self.flow(path.recoverable, j, where, since))
                if blow[inputs.cohorts.segment[j]] and path.struck[j, since] > 0.0:
                    terms.extend(self.flow(path.struck, j, where, since))
        return terms

    def _recovered(self, terms: Terms, where: str, segment: int, since: int) -> None:
        """Add what will be recovered of the segment's defaults of period ``since``."""
        if since < 1:
            return
        inputs = self.inputs
        share = float(1.0 - inputs.severity[segment])
        for j in self.paying(where, since):
            if inputs.cohorts.segment[j] == segment:
                terms.extend(self.flow(inputs.cohorts.default, j, where, since), share)

    def _sum(self, factor: FloatArray, where: str, t: int) -> Terms:
        terms = Terms()
        for j in self.paying(where, t):
            terms.extend(self.flow(factor, j, where, t))
        return terms

    def sold(self, where: str, t: int) -> Terms:
        """Principal moved from own to ``where`` at the close of ``t``."""
        terms = Terms()
        for j in self.transfers.get((where, t), ()):
            terms.add(self.program.find("Y", (j, where, t)))
        return terms

    def debt(self, lender: str, t: int) -> Terms:
        """New draws outstanding at the close of ``t``."""
        terms = Terms()
        for tenors, _ in self._lender(lender).tenors:
            for since in range(max(1, t - tenors + 1), t + 1):
                terms.add(self.program.find("X", (lender, tenors, since)))
        return terms

    def debt_repaid(self, lender: str, t: int) -> Terms:
        """Draws (older ones too) that fall due in ``t``; ``t`` may be one past the horizon."""
        x = self._lender(lender)
        terms = Terms().plus(float(x.open_repaid[t]))
        for tenor, _ in x.tenors:
            terms.add(self.program.find("X", (lender, tenor, t - tenor)))
        return terms

    def debt_interest(self, lender: str, t: int) -> Terms:
        """Interest and commitment fee paid to ``lender`` in ``t``."""
        x = self._lender(lender)
        year = float(self.inputs.year[t])
        terms = Terms().plus(float(x.open_interest[t]))
        for tenor, rate in x.tenors:
            for since in range(max(1, t - tenor), t):
                cost = x.rate(rate, since) * year
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
            for since in range(max(1, t - p2p.tenor + 1), t + 1):
                terms.extend(self.placed(since))
        return terms

    def p2p_repaid(self, t: int) -> Terms:
        """P2P notes that fall due in ``t``."""
        p2p = self.inputs.p2p
        terms = Terms()
        if p2p is not None:
            terms.plus(float(p2p.open_repaid[t]))
            terms.extend(self.placed(t - p2p.tenor))
        return terms

    def p2p_interest(self, t: int) -> Terms:
        """Interest and fees on P2P notes paid in ``t``."""
        p2p = self.inputs.p2p
        terms = Terms()
        if p2p is not None:
            terms.plus(float(p2p.open_interest[t]))
            year = float(self.inputs.year[t])
            for since in range(max(1, t - p2p.tenor), t):
                for m, step in enumerate(p2p.steps):
                    cost = p2p.rate(step.rate, since) * year
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


def declare(inputs: Inputs) -> Book:
    """Declare all columns; later families add rows only."""
    program = Program("funding plan")
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
    return book


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
            program.column("Q", (d.name, t))
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
    age = t - int(cohorts.vintage[j])
    if isinstance(funder, BuyerInputs):
        return funder.limit > 0.0 and t not in funder.closed and age >= funder.min_seasoning
    vehicle = inputs.vehicle
    assert vehicle is not None
    if funder.state is None and inputs.programme_limit <= 0.0:
        return False
    window = max(funder.first, 1) <= t <= funder.last_revolving or t == funder.closing
    return window and age >= vehicle.min_seasoning


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
    return [*on_books(inputs), *(b.place for b in inputs.buyers)]
