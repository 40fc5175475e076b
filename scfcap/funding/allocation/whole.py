"""From prices to whole loans: a vertex, the large loans first, then search among the near ties.

OPTIMISATION 3.3. The large loans that the vertex splits are placed first and the others priced
anew, since it takes many small loans to make up for a large one. The split loans that are left are
placed by falling size with the relaxation solved in between, and the local search goes on from
there. Each step is limited by counts, so that a program gives the same answer at any time.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, replace

import numpy as np

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation.core import Core
from scfcap.funding.allocation.dual import prices
from scfcap.funding.allocation.evaluate import Evaluator
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Choice
from scfcap.funding.allocation.relaxation import Relaxation, Vertex
from scfcap.funding.allocation.restricted import FREE, Opened, activity, around, opened
from scfcap.funding.allocation.result import Step
from scfcap.funding.allocation.search import exceeded_price, searched, settled
from scfcap.funding.allocation.ties import split_ties
from scfcap.quantities import FloatArray, IntArray

#: Free loans of the relaxation, and of the search.
LOANS, SEARCHED = 1_500, 6_000
#: A relaxation proves the prices where it is that close to their bound, as a part of it.
CLOSE = 1e-8
#: Times that prices are improved, and that large loans are placed.
ROUNDS, PLACED = 4, 1
#: A split loan is large above so many middling split balances.
LARGE = 8.0
#: A loan is split where its largest part is below this.
WHOLE = 1.0 - 1e-7
#: Price of an exceeded row over what it is compared by, while loans are placed by size.
EXCEEDED = 3.0
#: Split loans that are placed at once, as a part of them; and how often at most.
AT_ONCE, TIMES = 0.25, 14
#: Steps of the search at first: for each loan, at least, at most; and its turns.
STEPS, LEAST_STEPS, MOST_STEPS, TURNS = 6, 1_500_000, 6_000_000, 8
#: Priced rows are kept clear of their limits by such a part of a middling loan, those that a turn
#: leaves exceeded by so many times the excess in the next, the others by so much of what they were.
CLEAR, MORE, EASE, LEAST_TURNS = 0.01, 1.5, 0.7, 2


@dataclass(frozen=True)
class Whole:
    """A placement of whole loans that keeps all rows, and the prices of the last relaxation that
    had no loan placed: ``choice`` (loans,), ``y`` (rows,), the ``steps`` taken.
    """

    choice: Choice
    y: FloatArray
    steps: tuple[Step, ...]


@dataclass(frozen=True)
class Priced:
    """Free loans, their vertex, and prices ``y`` (rows,) with their bound [currency]."""

    near: Opened
    vertex: Vertex
    y: FloatArray
    bound: float


def whole(program: AllocationProgram, dual: Evaluator, y: FloatArray) -> Whole:
    """Place whole loans near the optimum that prices ``y`` (rows,) are of.

    Raises:
        InfeasibleError: no placement was found that keeps all rows; says which, and by how much.
    """
    begun, steps = time.perf_counter(), []
    held: Choice = np.full(len(program), FREE, dtype=np.int16)
    priced = better(program, dual, y, held)
    steps.append(Step("restricted relaxation", priced.bound, np.nan, time.perf_counter() - begun))
    proven = priced.y
    for _ in range(PLACED):
        if not _hold_large(program, priced, held):
            break
        priced = better(program, dual, _anew(program, dual, priced.y, held), held)
    start = split_ties(program, dual, priced.y, _by_size(program, priced))
    steps.append(Step("loans by size", np.nan, np.nan, time.perf_counter() - begun))
    choice = near_ties(program, dual, priced.y, start)
    steps.append(Step("local search", np.nan, program.worth(choice), time.perf_counter() - begun))
    return Whole(choice, proven, tuple(steps))


def better(program: AllocationProgram, dual: Evaluator, y: FloatArray, held: Choice) -> Priced:
    """Restricted relaxations, each at the prices of the one before, until one is proven by its own
    prices or none lowers the bound; the lowest bound's prices.
    """
    best, least = y, _bound(program, dual, y, held)
    at, now = y, least
    for _ in range(ROUNDS):
        near = opened(program, dual, best, LOANS, held)
        found = vertex_of(near, best)
        at, now = found.dual, _bound(program, dual, found.dual, held)
        fixed = near.choice.copy()
        fixed[near.loans] = UNPLACED
        gained = least - now
        if gained > 0.0:
            best, least = at, now
        close = CLOSE * abs(least)
        if least - found.value - program.worth(fixed) <= close or gained <= close:
            break
    return Priced(near, found, best, least)


def vertex_of(near: Opened, y: FloatArray) -> Vertex:
    """The relaxation's vertex, rows exceeded at a price where they cannot be kept."""
    relaxed = Relaxation(near.core)
    found = relaxed.solve()
    if found is None:
        relaxed.exceed(10.0 * exceeded_price(near.core, y))
        found = relaxed.solve()
        assert found is not None
    return found


def _bound(program: AllocationProgram, dual: Evaluator, y: FloatArray, held: Choice) -> float:
    """The dual at ``y`` [currency] where loans are held, a plain sum."""
    terms, _ = dual.terms(program.value, y)
    some = np.flatnonzero(held != FREE)
    fixed = np.where(held == FREE, UNPLACED, held).astype(np.int16)
    use, _ = activity(dual.structure, fixed)
    free = float(np.delete(terms, some).sum())
    return free + program.worth(fixed) + float((y * (program.right - use)).sum())


def _hold_large(program: AllocationProgram, priced: Priced, held: Choice) -> bool:
    """Hold the large loans that the vertex splits where their largest part is; whether any was."""
    near = priced.near
    at, most = priced.vertex.largest(near.core)
    split = np.flatnonzero(most < WHOLE)
    if not len(split):
        return False
    balance = program.balance[near.loans]
    large = split[balance[split] > LARGE * np.median(balance[split])]
    held[near.loans[large]] = near.core.channel[at[large]]
    return len(large) > 0


def _anew(program: AllocationProgram, dual: Evaluator, y: FloatArray, held: Choice) -> FloatArray:
    """Prices from ``y`` (rows,) where loans are held, by smoothing."""
    use, _ = activity(dual.structure, np.where(held == FREE, UNPLACED, held).astype(np.int16))
    free = dual.structure.some(np.flatnonzero(held == FREE))
    rest = dual.of(replace(free, right=program.right - use))
    names = [row.name for row in program.rows]
    return prices(program, rest, dict(zip(names, y.tolist(), strict=True))).y


def _by_size(program: AllocationProgram, priced: Priced) -> Choice:
    """A placement from the vertex: the largest loans whole first, the relaxation of the others
    solved anew in between. Of the placements that rounding gives on the way the one that loses
    least, exceeded rows at a price.
    """
    near, y = priced.near, priced.y
    core, balance = near.core, program.balance[near.loans]
    relaxed, price = Relaxation(core), EXCEEDED * exceeded_price(core, y)
    relaxed.exceed(price)
    done = np.zeros(len(core), dtype=np.bool_)
    best, least = np.zeros(0, dtype=np.int64), np.inf
    for _ in range(TIMES):
        found = relaxed.solve()
        assert found is not None
        at, most = found.largest(core)
        loss = _loss(core, at, y, price)
        if loss < least:
            best, least = at, loss
        split = np.flatnonzero(most < WHOLE)
        if not len(split):
            break
        above = np.sort(balance[split])[::-1][int(len(split) * AT_ONCE)]
        new = np.flatnonzero(~done & (balance >= above))
        relaxed.hold(new, at[new])
        done[new] = True
    return near.placed(best)


def _loss(core: Core, at: IntArray, y: FloatArray, price: FloatArray) -> float:
    """Reduced worth less priced room, turned: what a placement loses up to a constant."""
    free = core.right - core.use(at)
    return float(np.where(free < 0.0, -price * free, y * free).sum() - core.reduced(y)[at].sum())


def near_ties(
    program: AllocationProgram,
    dual: Evaluator,
    y: FloatArray,
    start: Choice,
    most_of: tuple[int, int] | None = None,
) -> Choice:
    """The search from ``start`` among the near ties, until all rows are kept.

    ``most_of``: free loans and steps at first; then twice and four times as many; last as many
    loans as at first. A row that stays exceeded is kept clear of its limit by that much when the
    search goes on.
    """
    usual = min(max(STEPS * len(program), LEAST_STEPS), MOST_STEPS)
    loans, first = most_of or (SEARCHED, usual)
    for count, steps in ((loans, first), (2 * loans, 4 * first), (loans, 4 * first)):
        near = around(program, dual, y, count, start)
        core, at = near.core, near.core.options(start[near.loans])
        middle = float(np.median(program.balance[near.loans]))
        unit = middle * core.sizes() / max(float(core.balance.max()), 1e-12)
        clear = np.where(y > 0.0, CLEAR * unit, 0.0)
        best, most = at, -np.inf
        for turn in range(TURNS):
            kept_clear = replace(core, right=core.right - clear)
            at = searched(kept_clear, at, y, steps if not turn else steps // 3, mend=turn > 0)
            room = core.right - core.use(at)
            worth = float(core.worth[at].sum())
            if (room >= 0.0).all() and worth > most:
                best, most = at, worth
            short = np.maximum(-room, 0.0)
            if most > -np.inf and turn >= LEAST_TURNS:
                break
            clear = np.where(short > 0.0, clear + MORE * short, clear)
            clear = EASE * clear if most > -np.inf else clear
        if most > -np.inf:
            today = core.options(program.today[near.loans])
            return near.placed(settled(core, best, today))
        start = near.placed(at)
    raise broken(program, dual, start)


def broken(program: AllocationProgram, dual: Evaluator, choice: Choice) -> InfeasibleError:
    """The rows that a placement exceeds, and by how much."""
    over = activity(dual.structure, choice)[0] - program.right
    worst = np.flatnonzero(over > 0.0)
    worst = worst[np.argsort(-over[worst], kind="stable")]
    names = [(program.rows[r].name, float(over[r])) for r in worst.tolist()]
    said = [f"{name} stays exceeded by {amount:,.2f}." for name, amount in names[:10]]
    return InfeasibleError(
        "no placement of whole loans was found that keeps all limits",
        said,
        [(name, name, amount) for name, amount in names],
    )
