"""What the plan asks of the first lists of loans: how much goes where, and what a loan is worth.

The plan decides amounts of cohorts; the lists are of loans. A loan is a new column of the plan:
what it earns itself, less what the rows that it enters are worth by the plan's duals, in the place
where it is from the close of the lists on. On the own book it may still move later, at best:

    stay[t]  = h[own, t] + survive[t + 1] max(stay[t + 1], max_c go[c, t + 1])
    go[c, t] = y[c, t] + W[c, t],    W[c, t] = h[c, t] + survive[t + 1] W[c, t + 1]

``h`` and ``y`` are what the loan's columns ``H`` and ``Y`` earn less the duals of the rows that
loans share (:mod:`~scfcap.funding.allocation.plan_prices`), by the loan's own factors: survival,
repayment, default, interest of the projection kernel. Limits of funders are among those rows, so
that a list that takes more than the plan's amount of a scarce channel pays its price; amounts are
held by bands all the same, as duals hold near the plan only. For a loan like its cohort the
channels differ by the reduced cost of the plan's move: by nothing where the plan moves a part.

All of this is of first order: it holds for changes within which the plan's basis stays. What the
lists do to the plan as a whole is found by solving again:
:mod:`~scfcap.funding.allocation.feedback`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from scfcap.axes import BANK_DEBT, OWN, place
from scfcap.credit.curves import CurveSet
from scfcap.errors import InputError, Problem
from scfcap.funding.allocation.blocks import blocks
from scfcap.funding.allocation.plan_cells import MOST, Cells, cells_as_cohorts, cells_of
from scfcap.funding.allocation.plan_prices import (
    PlacePrices,
    factors_of,
    place_prices,
    standing_value,
)
from scfcap.funding.cohort_inputs import ALIVE
from scfcap.funding.inputs import BuyerInputs, DealInputs, Inputs
from scfcap.funding.plan import Plan
from scfcap.funding.replay import opening_groups
from scfcap.funding.solution import Solution
from scfcap.funding.weighed import WeighedPlan
from scfcap.pool.snapshot import Pool
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Amounts below this are none [money units].
NOTHING = 1e-9
#: Change of rates by which the worth of a rate is measured [share].
_STEP = 1e-3
#: A cell is one that a set admits where it admits more than this share: all of its loans are alike.
_MOST_OF = 0.5


@dataclass(frozen=True)
class Rates:
    """What loans' own rates are worth beside those of their cells: ``slope`` (cells, channels) per
    unit, of a rate as much higher again as it is; ``relative`` (cells,): one over a cell's rate, 0
    where that is 0; ``rate`` (loans,) [1/year].
    """

    slope: FloatArray
    relative: FloatArray
    rate: FloatArray


@dataclass(frozen=True)
class PlanValues:
    """What loans are worth to the plan from the close ``at`` on, by channel.

    Loans are held by ``cells``, whose ``worth`` (cells, channels) per unit of today's balance they
    share but for their own ``rates`` (None: a cell is a loan); ``opens`` (cells, channels): the
    plan knows such a loan there; ``stands`` (cells,): share that is expected to stand at the first
    close. ``balance`` (loans,) [currency].
    """

    channels: tuple[str, ...]
    cells: Cells
    worth: FloatArray
    opens: BoolArray
    stands: FloatArray
    rates: Rates | None
    balance: FloatArray

    def __len__(self) -> int:
        return len(self.balance)

    def of(self, loans: slice | IntArray) -> FloatArray:
        """Value of some loans, shape (some, channels) [currency of the objective]; flows up to the
        first close are left out, as they are the same wherever the loan goes.
        """
        cell = self.cells.of[loans]
        found = self.worth[cell]
        if self.rates is not None:
            own = self.rates.rate[loans] * self.rates.relative[cell] - 1.0
            found += own[:, None] * self.rates.slope[cell]
        found *= self.balance[loans, None]
        return found

    @property
    def value(self) -> FloatArray:
        """Value of all loans (loans, channels) [currency of the objective]: see :meth:`of`."""
        found = np.empty((len(self), len(self.channels)))
        for loans in blocks(len(self)):
            found[loans] = self.of(loans)
        return found

    @property
    def may(self) -> BoolArray:
        """Where the plan knows such a loan (loans, channels): the funder takes its segment and age,
        is open, and the loan is expected to stand; a loan may always stay where it is.
        """
        return np.asarray(self.opens[self.cells.of])

    @cached_property
    def standing(self) -> FloatArray:
        """Share of today's balance that is expected to stand at the first close (loans,)."""
        return np.asarray(self.stands[self.cells.of])

    @property
    def cohort(self) -> IntArray:
        """Position of each loan's cohort among the plan's (loans,)."""
        return np.asarray(self.cells.cohort[self.cells.of])


def cohort_of(plan: Plan, pool: Pool) -> IntArray:
    """The plan's cohort of each loan of the pool that the plan was made from, shape (loans,)."""
    return opening_groups(plan.optimum.inputs, pool)[0]


def refuse_untold(plan: Plan) -> None:
    """Raise InputError where the plan has not one price for each limit."""
    if isinstance(plan, WeighedPlan):
        raise InputError(untold())


def untold() -> Problem:
    """Why a plan over several scenarios values no loans."""
    return Problem(
        "model.toml: plan.uncertainty",
        "a plan over several scenarios",
        "a plan of one scenario: its prices are what loans are valued by",
        "Plan without [plan.uncertainty], with plan.scenario as the one expected; or state the "
        'channels\' costs and set allocation.values = "stated".',
    )


def values(
    plan: Plan,
    pool: Pool,
    curves: CurveSet,
    channels: Sequence[str],
    *,
    until: int = 1,
    most: int = MOST,
    by: tuple[Inputs, Solution] | None = None,
    cells: Cells | None = None,
) -> PlanValues:
    """Worth of each loan in each channel by the plan's prices.

    ``curves`` are those of the plan's engine, ``channels`` keys of places. ``until``: last close at
    which a loan of these lists may move; it does at the best of them. Loans are cells for
    themselves up to ``most`` of them; beyond, loans of like terms are valued together and their own
    rates by the worth of a rate there. ``by``: inputs and optimum of another program of the same
    plan, whose duals are the prices instead, such as that of lists that were fed back. ``cells``:
    those of the same plan and pool, where they were found already. In places where the plan moves
    no loans of the tape (of partners, lines) loans are worth what they are on the own book.

    Raises:
        InputError: the plan is over several scenarios.
    """
    refuse_untold(plan)
    inputs = plan.optimum.inputs
    prices = place_prices(*(by or (inputs, plan.choice.first)))
    cells = cells_of(inputs, pool, most) if cells is None else cells
    as_cohorts = cells_as_cohorts(inputs, pool, curves, cells)
    worth, may = _by_channel(as_cohorts, prices, channels, until)
    rates = None
    if not cells.alone:
        rates = _own_rates(inputs, pool, curves, cells, prices, channels, until, worth)
    return PlanValues(
        channels=tuple(channels),
        cells=cells,
        worth=worth,
        opens=may,
        stands=as_cohorts.cohorts.survive[:, 1],
        rates=rates,
        balance=pool.balance,
    )


def _own_rates(
    inputs: Inputs,
    pool: Pool,
    curves: CurveSet,
    cells: Cells,
    prices: PlacePrices,
    channels: Sequence[str],
    until: int,
    worth: FloatArray,
) -> Rates:
    """What loans' rates above those of their cells are worth: by the cells' flows once more at
    rates a little higher.
    """
    higher = pool.with_(rate=pool.rate * (1.0 + _STEP))
    again = cells_as_cohorts(inputs, higher, curves, cells)
    slope = (_by_channel(again, prices, channels, until)[0] - worth) / _STEP
    whole = np.bincount(cells.of, pool.balance, minlength=len(cells))
    rate = np.bincount(cells.of, pool.balance * pool.rate, minlength=len(cells)) / whole
    relative = np.where(rate > 0.0, 1.0 / np.where(rate > 0.0, rate, 1.0), 0.0)
    return Rates(slope, relative, pool.rate)


def _by_channel(
    cells: Inputs, prices: PlacePrices, channels: Sequence[str], until: int
) -> tuple[FloatArray, BoolArray]:
    """Worth per unit of today's balance, and where the plan knows such loans (cells, channels)."""
    cohorts = cells.cohorts
    standing = standing_value(prices, factors_of(cells), cohorts.segment)
    survive = cohorts.survive
    go, opens = _moves(cells, prices, standing)
    own = survive[:, 1] * _staying(standing[:, 0], go, opens, survive, until)[:, 1]
    home = np.array([origin == OWN for origin in cohorts.origin])
    pledge, takes = _pledges(cells, prices)
    worth = np.tile((own - pledge)[:, None], (1, len(channels)))
    may = np.zeros(worth.shape, dtype=np.bool_)
    for c, key in enumerate(channels):
        here = np.array([origin == key for origin in cohorts.origin])
        may[:, c] = here
        if key in takes:
            may[:, c] |= home & takes[key]
            worth[:, c] += np.where(takes[key], pledge, 0.0)
        if key == OWN or key not in prices.places:
            continue
        at = prices.places.index(key)
        late = _going(standing[:, 0], go[:, at], opens[:, at], survive, until)
        held = survive[:, 1] * _held(standing[:, at], survive)[:, 1]
        may[:, c] |= np.isfinite(late)
        worth[:, c] = np.where(here, held, np.where(np.isfinite(late), late, worth[:, c]))
    return worth, may


def _pledges(cells: Inputs, prices: PlacePrices) -> tuple[FloatArray, Mapping[str, BoolArray]]:
    """What being there to pledge at the first close is worth per unit of today's balance (cells,),
    and whom each cell may be pledged to, by key of the line.
    """
    cohorts, pledges = cells.cohorts, cells.pledges
    worth = np.zeros(len(cohorts))
    if pledges is None:
        return worth, {}
    for c, share in enumerate(pledges.share):
        price = prices.held[prices.factors.index(f"pledged {c}"), 0, cohorts.segment, 1]
        worth += cohorts.survive[:, 1] * price * share
    takes = {}
    for x in cells.covenants:
        if x.kind == "borrowing_base":
            share = pledges.share[pledges.cells(x.eligibility)].sum(axis=0)
            takes[place(BANK_DEBT, x.lender)] = (share > _MOST_OF) & _alive(cells)
    return worth, takes


def _alive(cells: Inputs) -> BoolArray:
    """Cells that are expected to stand at the first close."""
    return np.asarray(cells.cohorts.path[:, 1] > ALIVE)


def _held(standing: FloatArray, survive: FloatArray) -> FloatArray:
    """``W`` of a place [cells, T + 1]: a unit that stands there to the end."""
    found = standing.copy()
    for t in range(standing.shape[1] - 2, -1, -1):
        found[:, t] += survive[:, t + 1] * found[:, t + 1]
    return found


def _moves(
    cells: Inputs, prices: PlacePrices, standing: FloatArray
) -> tuple[FloatArray, BoolArray]:
    """``go`` [cells, C, T + 1], and where the cell may move so."""
    cohorts, opens = cells.cohorts, np.zeros(standing.shape, dtype=np.bool_)
    go = np.zeros(standing.shape)
    home = np.array([origin == OWN for origin in cohorts.origin])
    alive = (cohorts.path > ALIVE) & home[:, None]
    for at, funder in enumerate(cells.funders, start=1):
        go[:, at] = prices.moved[at][cohorts.segment] + _held(standing[:, at], cohorts.survive)
        admitted = cells.eligible[cells.rule_set(funder)] > _MOST_OF
        opens[:, at] = prices.opens[at][cohorts.segment] & alive & admitted[:, None]
        opens[:, at] &= _ripe(cells, _seasoning(cells, funder))
    return go, opens


def _seasoning(cells: Inputs, funder: BuyerInputs | DealInputs) -> int:
    """Age that loans must have, in units of the model."""
    if isinstance(funder, BuyerInputs):
        return funder.min_seasoning
    assert cells.vehicle is not None
    return cells.vehicle.min_seasoning


def _ripe(cells: Inputs, age: int) -> BoolArray:
    """Whether each cell is as old at each close [cells, T + 1]."""
    _, first, of = np.unique(cells.cohorts.vintage, return_index=True, return_inverse=True)
    ripe = np.array([cells.seasoned(int(j), age) for j in first])
    return np.asarray(np.arange(cells.horizon + 1)[None, :] >= ripe[of.ravel()][:, None])


def _staying(
    own: FloatArray, go: FloatArray, opens: BoolArray, survive: FloatArray, until: int
) -> FloatArray:
    """``stay`` [cells, T + 1]; up to ``until`` the loan does stay."""
    best = np.where(opens, go, -np.inf).max(axis=1)
    stay = own.copy()
    for t in range(own.shape[1] - 2, -1, -1):
        ahead = stay[:, t + 1]
        if t + 1 > until:
            ahead = np.maximum(ahead, best[:, t + 1])
        stay[:, t] += survive[:, t + 1] * ahead
    return stay


def _going(
    own: FloatArray, go: FloatArray, opens: BoolArray, survive: FloatArray, until: int
) -> FloatArray:
    """Worth today of moving to a place at the best close up to ``until``; -inf where at none."""
    found = np.full(len(own), -np.inf)
    for t in range(until, 0, -1):
        found = np.maximum(np.where(opens[:, t], go[:, t], -np.inf), own[:, t] + found)
        lives = np.isfinite(found)
        found[lives] *= survive[lives, t]
    return found
