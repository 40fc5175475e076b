"""What stands at the end of the horizon, beyond its book value.

Loans are worth their remaining cash discounted at ``plan.terminal_rate``. Debt that outlives the
horizon is owed at par and, where it is dearer than that rate, at what its remaining payments
exceed par by: else money of any price could be raised at the last close, which bears no interest
inside. What is cheaper is no gain: the same line can be drawn after the horizon too, and counting
it would draw every cheap line at the last close, to its longest tenor.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from datetime import date

import numpy as np

from scfcap.axes import OWN
from scfcap.funding.inputs import DealInputs, Inputs
from scfcap.funding.partner import Supported
from scfcap.funding.program import Terms
from scfcap.funding.provisions import provisions
from scfcap.funding.shortfall import missing, shortfall_rate
from scfcap.funding.variables import Book
from scfcap.quantities import FloatArray


def value_beyond(book: Book) -> Mapping[str, Terms]:
    """``V_T - K[T]`` by kind [money units]: what stands at T is worth more, or less, than booked.

    Loans: ``sum_j (v[j] - 1) H[j, T]``, the vehicle's less its senior fee; loans sold: the
    servicing fee less running cost on what remains; issue costs: the part of a series' life that
    is to come; debt: ``- sum excess * principal`` by :func:`excess`.
    """
    worth = {name: kind(book) for name, kind in KINDS}
    return {name: x for name, x in worth.items() if x.coefficients or x.constant}


def excess(rate: float, outstanding: FloatArray, years: FloatArray, at: float) -> float:
    """What remaining payments exceed par by, per unit outstanding at T; never below zero [1].

    ``sum_u (rate y[u] B[u-1] + B[u-1] - B[u]) (1 + at)^-Y[u] - 1`` with ``B`` the balance per
    unit at T and at the close of each later period (the last one zero), ``y`` the later periods'
    year fractions and ``Y`` their sums. ``rate``, ``at`` [1/year].
    """
    before, after = outstanding[:-1], outstanding[1:]
    discount = np.power(1.0 + at, -np.cumsum(years))
    return max(float((rate * years * before + before - after) @ discount) - 1.0, 0.0)


def _own_loans(book: Book) -> Terms:
    terms, last = Terms(), book.inputs.horizon
    for j in book.standing(OWN, last):
        terms.extend(book.held(j, OWN, last), float(book.inputs.cohorts.terminal[j]) - 1.0)
    return terms


def _pool(book: Book) -> Terms:
    inputs, terms, last = book.inputs, Terms(), book.inputs.horizon
    cohorts, vehicle = inputs.cohorts, inputs.vehicle
    for d in inputs.deals:
        assert vehicle is not None
        for j in book.standing(d.place, last):
            senior = vehicle.senior_fee_rate * float(cohorts.annuity[j])
            terms.extend(book.held(j, d.place, last), float(cohorts.terminal[j]) - senior - 1.0)
    return terms


def _servicing(book: Book) -> Terms:
    return _fees(book, [(buyer, buyer.servicing_fee) for buyer in book.inputs.buyers])


def _partners(book: Book) -> Terms:
    return _fees(book, [(partner, partner.fee) for partner in book.inputs.partners])


def _fees(book: Book, holders: Iterable[tuple[Supported, float]]) -> Terms:
    """What others' loans bring after T: the fee on them, less running cost and losses borne."""
    inputs, terms, last = book.inputs, Terms(), book.inputs.horizon
    for x, fee in holders:
        net = fee - inputs.spec.plan.opex_rate
        for j in book.standing(x.place, last):
            worth = net * float(inputs.cohorts.annuity[j]) - losses_ahead(inputs, x, j)
            terms.extend(book.held(j, x.place, last), worth)
    return terms


def losses_ahead(inputs: Inputs, x: Supported, j: int) -> float:
    """What the company will pay after T on a unit of cohort ``j`` of another's, discounted.

    ``cover * (defaults / (1 + rate)^lag - recoveries)``.
    """
    cohorts = inputs.cohorts
    if x.cover == 0.0 or cohorts.defaults_ahead is None or cohorts.recoveries_ahead is None:
        return 0.0
    wait = x.payout_lag / inputs.grid.per_year
    later = float(cohorts.defaults_ahead[j] * np.power(1.0 + inputs.spec.plan.terminal_rate, -wait))
    return x.cover * (later - float(cohorts.recoveries_ahead[j]))


def _issue_costs(book: Book) -> Terms:
    inputs, terms, last = book.inputs, Terms(), book.inputs.horizon
    for d in inputs.deals:
        if d.state is None and d.closing <= last:
            terms.extend(book.issue_cost(d, d.closing), _unused(inputs, d))
    return terms


def _unused(inputs: Inputs, d: DealInputs) -> float:
    """Share of the life of a series, from closing to legal end, that is left at T."""
    closing, last, end = d.closing, inputs.horizon, d.legal_end
    if inputs.grid.mixed:
        days = inputs.grid.extended(max(end, last)).days
        closing, last, end = int(days[closing]), int(days[last]), int(days[end])
    return max(0.0, (end - last) / max(end - closing, 1))


def _waiting(book: Book) -> Terms:
    """Cost of cash that an amortising series keeps at T instead of repaying notes.

    It earns a period's yield and not the coupon. Without it the last period would be a tie,
    which the waterfall has not: it repays at once.
    """
    inputs, last = book.inputs, book.inputs.horizon
    terms = Terms()
    for d in inputs.deals:
        due = [i for i, gone in enumerate(d.repaid_by) if gone > last]
        if inputs.vehicle is None or not due or d.last_revolving >= last:
            continue
        spread = inputs.terms(d).sold[due[0]].coupon - inputs.vehicle.cash_yield
        terms.extend(book.deal_cash(d, last), -max(spread, 0.0) * float(inputs.year[last]))
    return terms


def _debt(book: Book) -> Terms:
    """Draws by their remaining interest; a commitment fee beyond T is nobody's."""
    inputs, terms = book.inputs, Terms()
    last, at = inputs.horizon, inputs.spec.plan.terminal_rate
    for x in inputs.lenders:
        for tenor, rate in x.tenors:
            maturity = x.maturity(tenor)
            for since in maturity.standing(last):
                due, part = maturity.falls_due(since), maturity.part_of(since)
                ahead = x.cost(tenor, rate, since, last)
                over = _bullet(inputs, ahead, due - last, at, part)
                terms.add(book.program.find("X", (x.name, tenor, since)), -over)
    dearer = {x.name: 0.0 if x.dearer is None else float(x.dearer[last]) for x in inputs.lenders}
    for lender in inputs.spec.lenders:
        for draw in lender.draws:
            rate = draw.rate + dearer[lender.name] * lender.floats(draw)
            over = _bullet(inputs, rate, _due(inputs, draw.maturity) - last, at)
            terms.plus(-over * draw.amount / inputs.unit)
    return terms


def _notes(book: Book) -> Terms:
    """Notes in full to the end of revolving, then straight down to the legal end."""
    inputs, terms = book.inputs, Terms()
    last, at = inputs.horizon, inputs.spec.plan.terminal_rate
    for d in inputs.deals:
        for i, tranche in enumerate(inputs.terms(d).sold):
            outstanding, years = _run_off(inputs, d)
            over = excess(tranche.coupon, outstanding, years, at)
            terms.extend(book.notes(d, i, last), -over)
    return terms


def _p2p(book: Book) -> Terms:
    inputs, terms = book.inputs, Terms()
    p2p = inputs.p2p
    if p2p is None:
        return terms
    last, at = inputs.horizon, inputs.spec.plan.terminal_rate
    for since in p2p.maturity.standing(last):
        due, part = p2p.maturity.falls_due(since), p2p.maturity.part_of(since)
        for m, step in enumerate(p2p.steps):
            over = _bullet(inputs, p2p.rate(step.rate, since), due - last, at, part)
            terms.add(book.program.find("P", (m, since)), -over)
    older = 0.0 if inputs.spec.p2p is None else inputs.spec.p2p.outstanding_rate
    for due in range(last + 1, len(p2p.open_repaid)):
        over = _bullet(inputs, older, due - last, at)
        terms.plus(-over * float(p2p.open_repaid[due]))
    return terms


def _provisions(book: Book) -> Terms:
    """Losses to come are in the value of the loans: they are not set aside for a second time."""
    return provisions(book, book.inputs.horizon)


def _missing(book: Book) -> Terms:
    inputs, last = book.inputs, book.inputs.horizon
    over = _bullet(inputs, shortfall_rate(inputs), 1, inputs.spec.plan.terminal_rate)
    return Terms().extend(missing(book, last), -over)


def _bullet(inputs: Inputs, rate: float, periods: int, at: float, part: float = 1.0) -> float:
    """:func:`excess` of principal that is due at once, ``periods`` after T; nothing if before.

    It bears interest for ``part`` of the last of them.
    """
    if periods < 1:
        return 0.0
    outstanding = np.ones(periods + 1)
    outstanding[-1] = 0.0
    years = _later(inputs, periods)
    if part != 1.0:
        years = np.append(years[:-1], years[-1] * part)
    return excess(rate, outstanding, years, at)


def _run_off(inputs: Inputs, d: DealInputs) -> tuple[FloatArray, FloatArray]:
    """Balance of a series' notes after T per unit at T, and the years of those periods."""
    full = max(d.last_revolving - inputs.horizon, 0)
    periods = max(d.legal_end - inputs.horizon, full + 1)
    outstanding = np.concatenate((np.ones(full), np.linspace(1.0, 0.0, periods - full + 1)))
    return outstanding, _later(inputs, periods)


def _later(inputs: Inputs, periods: int) -> FloatArray:
    """Year fractions of the first periods after T."""
    return inputs.grid.extended(inputs.horizon + periods).year_fractions[inputs.horizon :]


def _due(inputs: Inputs, day: date) -> int:
    """Period of a day, on this grid or beyond it."""
    grid = inputs.grid
    while grid.ends[-1] < day:
        grid = grid.extended(2 * len(grid))
    return grid.index(day)


#: Kinds of value beyond the horizon, in the order in which they are shown.
KINDS: tuple[tuple[str, Callable[[Book], Terms]], ...] = (
    ("loans on the own book", _own_loans),
    ("loans of the vehicle", _pool),
    ("servicing of loans sold", _servicing),
    ("fees and guarantees of loans made with partners", _partners),
    ("issue costs that later periods use", _issue_costs),
    ("cash that a series keeps", _waiting),
    ("bank and other debt", _debt),
    ("notes held by others", _notes),
    ("P2P notes", _p2p),
    ("provisions, as loans are worth less what they lose", _provisions),
    ("money missing", _missing),
)
