"""What a source of funds that is not there yet is worth: at a price, at most, by its size.

With the source the plan's optimum is ``z(p)``, without it ``z0``; its worth ``W(p) = z(p) - z0``.
A plan that uses it at a price keeps all limits at a lower one and has cash over, so that ``W``
never rises with the price. The price at which it earns nothing more is found between one at which
the plan uses it and one at which it does not, each a plan solved anew from the last one's basis.
Prices stand in coefficients: ``W`` is not piecewise linear in them. In the size, which stands on
the right of rows alone, it is: concave, its slope the dual.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np

from scfcap.axes import BANK_TRANSFER, place
from scfcap.funding.catalogue import BY_NAME, build_program
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import day_of, limit_name
from scfcap.funding.program import NoOptimumError, Solution
from scfcap.funding.start import solve_from
from scfcap.funding.variables import Book, declare
from scfcap.funding.warm import Warm
from scfcap.quantities import FloatArray
from scfcap.schema.proposals import Proposal

#: A source of which less than this share of its amount is used is not used.
USED = 1e-6
#: Width within which the break-even price is found [the price's unit].
WIDTH = 1e-7
#: Duals below this press nothing.
NOTHING = 1e-9
#: Slope of the worth in the size below which more of it is worth nothing.
IDLE = 1e-7
#: Highest price that is tried.
MOST = {"line": 10.0, "p2p": 10.0, "buyer": 1.0 - 1e-6, "series": 10.0}


@dataclass(frozen=True)
class Use:
    """The plan with the source at one price.

    ``worth`` over the plan, ``average`` and ``most`` of what stands [money units]; ``first`` and
    ``last`` day on which it does; ``cost`` all-in [1/year of what stands], fees included, NaN where
    it is not used; ``binds`` the limits on its use, in words. ``price``, ``fee``: what was asked.
    """

    price: float
    fee: float
    worth: float
    average: float
    most: float
    first: date | None
    last: date | None
    cost: float
    binds: tuple[str, ...]

    @property
    def used(self) -> bool:
        """Whether the plan makes use of it."""
        return self.first is not None


@dataclass(frozen=True)
class Size:
    """Another size of the source [money units]: its worth, and what one more unit adds [1]."""

    amount: float
    worth: float
    more: float


class Offer:
    """A proposal in the program: ``inputs`` have it, ``without`` is the optimum that does not.

    Prices are solved from the basis of the solution before; series repay in the order that
    ``inputs`` hold.
    """

    def __init__(self, proposal: Proposal, inputs: Inputs, without: Solution) -> None:
        self.proposal, self.inputs, self.without = proposal, inputs, without
        self.last = without

    def at(self, price: float, fee: float | None = None) -> Use:
        """The plan at a price, and at another commitment fee than is stated."""
        fee = self.proposal.commitment_fee if fee is None else fee
        book = declare(priced(self.inputs, self.proposal, price, fee))
        self.last = solve_from(build_program(book), self.last, solver=book.inputs.spec.plan.solver)
        return self._use(book, self.last, price, fee)

    def _use(self, book: Book, found: Solution, price: float, fee: float) -> Use:
        inputs = book.inputs
        stands = standing(book, self.proposal, found)
        years = np.asarray(inputs.year[1:])
        over = float(stands[:-1] @ years)
        amount = self.proposal.amount / inputs.unit
        there = np.flatnonzero(stands > USED * amount)
        cost = float("nan")
        if len(there) and over > 0.0 and self.proposal.kind in ("line", "p2p"):
            undrawn = float((amount - stands[:-1]) @ years) if fee > 0.0 else 0.0
            cost = price + fee * undrawn / over
        days = [day_of(inputs, int(t)) for t in there]
        return Use(
            price,
            fee,
            self._over(found.objective),
            over / float(years.sum()),
            float(stands.max()),
            days[0] if days else None,
            days[-1] if days else None,
            cost,
            _pressing(book, self.proposal, found) if days else (),
        )

    def _over(self, objective: float) -> float:
        """What an objective is above that without the source [money units]; no rounding."""
        worth, size = objective - self.without.objective, max(1.0, abs(self.without.objective))
        return 0.0 if abs(worth) <= NOTHING * size else worth

    def break_even(self, low: float) -> float | None:
        """Highest price at which the plan uses it and loses nothing by it; None: not even ``low``.

        Infinite where the plan uses it at the highest price that is tried.
        """
        fee = self.proposal.commitment_fee
        return highest(lambda price: self._earns(price, fee), low, MOST[self.proposal.kind])

    def most_fee(self, price: float) -> float | None:
        """The same of the commitment fee of a line at a rate; None: not even without one."""
        return highest(lambda fee: self._earns(price, fee), 0.0, MOST["line"])

    def _earns(self, price: float, fee: float) -> float:
        """Worth of a source that is used [money units]; nothing where it is not, or where its fee
        leaves no plan.
        """
        try:
            use = self.at(price, fee)
        except NoOptimumError:
            return 0.0
        if not use.used:
            return 0.0
        return max(use.worth, 0.0 if fee > 0.0 else float(np.finfo(float).tiny))

    def sizes(self, price: float, amounts: list[float]) -> tuple[list[Size], float]:
        """Worth of other sizes at a price, and the size from which more adds nothing [money units].

        ``amounts`` in money units. Infinite where no size is too large; no sizes and NaN where the
        program decides in whole numbers.
        """
        fee, unit = self.proposal.commitment_fee, self.inputs.unit
        amount = self.proposal.amount / unit
        one, more = (
            build_program(declare(priced(sized(self.inputs, self.proposal, x), self.proposal, price,
                                         fee)))
            for x in (amount, amount + 1.0)
        )  # fmt: skip
        moved = np.asarray(more.rows.right) - np.asarray(one.rows.right)
        shifts = {int(r): float(moved[r]) for r in np.flatnonzero(moved)}
        if one.columns.integer:
            return [], float("nan")
        start = solve_from(one, self.last, solver=self.inputs.spec.plan.solver)
        warm = Warm(one, start)
        step = 1e-4 * amount
        found = []
        for x in amounts:
            here, beyond = (warm.at(shifts, x + d - amount) for d in (0.0, step))
            if here is None or beyond is None:
                continue
            found.append(
                Size(x, self._over(here.objective), (beyond.objective - here.objective) / step)
            )
        return found, self._enough(warm, shifts, amount)

    def _enough(self, warm: Warm, shifts: dict[int, float], amount: float) -> float:
        """Least size from which one more unit adds less than :data:`IDLE`."""
        most = 1e3 * max(amount, self.inputs.net_capital, float(self.inputs.demand.sum()))
        program = warm.program
        warm.restart()
        column = warm.add_column({r: -shift for r, shift in shifts.items()}, -amount, most)
        warm.set_costs({**program.objective.coefficients, column: -IDLE})
        point = warm.solve()
        if point is None:
            return float("nan")
        size = amount + float(point.x[column])
        return size if size < 0.999 * most else float("inf")


def highest(value: Callable[[float], float], low: float, most: float) -> float | None:
    """Highest argument at which ``value``, which never rises, is positive; within :data:`WIDTH`.

    None where it is none at ``low``; infinite where it is positive at ``most``. The secant through
    two values below the place finds it in few steps where ``value`` is convex; halving what is
    left bounds their number where it is not.
    """
    worth = value(low)
    if worth <= 0.0:
        return None
    before, step, high = (low, worth), 0.05, min(low + 0.05, most)
    while (at := value(high)) > 0.0:
        if high >= most:
            return float("inf")
        before, (low, worth) = (low, worth), (high, at)
        step *= 2.0
        high = min(high + step, most)
    while high - low > WIDTH:
        width, fall = high - low, before[1] - worth
        guess = low + worth * (low - before[0]) / fall if fall > 0.0 else 0.5 * (low + high)
        for probe in (guess - 0.4 * WIDTH, guess + 0.4 * WIDTH, None):
            if probe is None and high - low <= 0.5 * width:
                break
            trial = 0.5 * (low + high) if probe is None else probe
            if not low < trial < high:
                continue
            at = value(trial)
            if at > 0.0:
                before, (low, worth) = (low, worth), (trial, at)
            else:
                high = trial
    return low


def step_of(inputs: Inputs, proposal: Proposal) -> int:
    """Place of a proposal's step among those of the P2P supply: the last one."""
    assert inputs.p2p is not None
    return len(inputs.p2p.steps) - 1 if proposal.kind == "p2p" else -1


def priced(inputs: Inputs, proposal: Proposal, price: float, fee: float) -> Inputs:
    """``inputs``, which have the proposal, at another price and commitment fee."""
    name = proposal.name
    if proposal.kind == "line":
        lenders = tuple(
            replace(x, tenors=tuple((n, price) for n, _ in x.tenors), commitment_fee=fee)
            if x.name == name
            else x
            for x in inputs.lenders
        )
        return replace(inputs, lenders=lenders)
    if proposal.kind == "buyer":
        buyers = tuple(
            replace(x, price=1.0 - price) if x.name == name else x for x in inputs.buyers
        )
        return replace(inputs, buyers=buyers)
    if proposal.kind == "series":
        deals = tuple(replace(d, dearer=price) if d.name == name else d for d in inputs.deals)
        return replace(inputs, deals=deals)
    p2p = inputs.p2p
    assert p2p is not None
    last = p2p.steps[-1].model_copy(update={"rate": price})
    return replace(inputs, p2p=replace(p2p, steps=(*p2p.steps[:-1], last)))


def sized(inputs: Inputs, proposal: Proposal, amount: float) -> Inputs:
    """``inputs``, which have the proposal, with another size of it [money units]."""
    name = proposal.name
    share = amount * inputs.unit / proposal.amount
    if proposal.kind == "line":
        lenders = tuple(replace(x, limit=amount) if x.name == name else x for x in inputs.lenders)
        return replace(inputs, lenders=lenders)
    if proposal.kind == "buyer":
        buyers = tuple(replace(x, limit=amount) if x.name == name else x for x in inputs.buyers)
        return replace(inputs, buyers=buyers)
    if proposal.kind == "series":
        deals = tuple(
            replace(d, max_pool=d.max_pool * share) if d.name == name else d for d in inputs.deals
        )
        return replace(inputs, deals=deals)
    p2p = inputs.p2p
    assert p2p is not None
    last = p2p.steps[-1].model_copy(update={"per_period": amount})
    return replace(inputs, p2p=replace(p2p, steps=(*p2p.steps[:-1], last)))


def standing(book: Book, proposal: Proposal, found: Solution) -> FloatArray:
    """What stands of the source at each close [money units, (T + 1,)]: debt, loans sold, notes."""
    inputs, name, x = book.inputs, proposal.name, found.x
    stands = np.zeros(inputs.horizon + 1)
    if proposal.kind == "series":
        d = inputs.deal(name)
        for t in inputs.periods:
            stands[t] = book.all_notes(d, t).value(x)
        return stands
    if proposal.kind == "line":
        for t in inputs.periods:
            stands[t] = book.debt(name, t).value(x)
        return stands
    if proposal.kind == "buyer":
        where = place(BANK_TRANSFER, name)
        for j, at, t in book.holdings:
            if at == where:
                stands[t] += found.value("H", (j, at, t))
        return stands
    p2p, m = inputs.p2p, step_of(inputs, proposal)
    assert p2p is not None
    for t in inputs.periods:
        stands[t] = sum(found.value("P", (m, since)) for since in p2p.maturity.standing(t))
    return stands


def _decides(proposal: Proposal, inputs: Inputs, family: str, key: object) -> bool:
    """Whether a column is a decision to use the source."""
    if proposal.kind == "line":
        return family == "X" and isinstance(key, tuple) and key[0] == proposal.name
    if proposal.kind == "buyer":
        where = place(BANK_TRANSFER, proposal.name)
        return family in ("Y", "H") and isinstance(key, tuple) and key[1] == where
    if proposal.kind == "series":
        return family == "S" and key == proposal.name
    return family == "P" and isinstance(key, tuple) and key[0] == step_of(inputs, proposal)


def _pressing(book: Book, proposal: Proposal, found: Solution) -> tuple[str, ...]:
    """Limits with a price in whose rows the source's own decisions stand, by name."""
    program, inputs = book.program, book.inputs
    mine = {j for j, family, key in program.labelled() if _decides(proposal, inputs, family, key)}
    names = []
    for r in np.flatnonzero(np.abs(found.dual) > NOTHING).tolist():
        family = program.rows.family[r]
        if BY_NAME[family].is_limit and not mine.isdisjoint(program.rows.terms[r]):
            names.append(limit_name(inputs, family, program.rows.key[r]))
    return tuple(dict.fromkeys(names))
