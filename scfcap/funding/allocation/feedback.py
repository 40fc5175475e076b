"""What the lists of loans reach is fed back into the plan, and what the split loses is told.

The plan decides amounts of cohorts as if a cohort could be divided at will; the lists hold whole
loans, within limits that the plan does not know. Each cohort is split into the parts that the lists
make of it, by the place where they go (and, on the own book, by what tells loans apart in later
moves); at the first close each part goes there whole and nothing else moves; and the plan is solved
again. Twice: with parts as their loans are, which is what the lists reach, and with parts that are
like their whole cohort, which leaves out what it brings to choose among the loans of a cohort. The
order in which notes are repaid stays that of the plan, so that like is compared with like.

What any lists could reach is bounded by the plan's duals ``y``: with each loan a cohort for itself,
they and the loans' values ``v`` are a feasible point of the dual, so that by weak duality

    plan with lists x  <=  y b + sum_i v[i, x_i]  <=  y b + the allocation's bound,

``b`` the right sides of all rows but those of single cohorts. From this bound to what the lists
reach the loss has four parts: limits of single loans (the bound without them less the bound with
them); whole loans (the allocation's gap); choices of later lists, as parts are moved later as they
are and single loans would be chosen again (what loans are worth one by one less what the parts are,
both by the duals with the lists); and the rest, as prices move with the lists.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scfcap.axes import BANK_DEBT, OWN
from scfcap.credit.curves import CurveSet
from scfcap.distinct import distinct
from scfcap.errors import SolverError
from scfcap.funding.allocation.from_plan import PlanValues, refuse_untold, values
from scfcap.funding.allocation.listed import Keys, Listed, kinds_of, worth_at
from scfcap.funding.allocation.plan_cells import Cells, cells_as_cohorts, parts_of, with_cells
from scfcap.funding.catalogue import build_program
from scfcap.funding.diagnose import explain
from scfcap.funding.gather import _usable
from scfcap.funding.inputs import Inputs
from scfcap.funding.naming import money
from scfcap.funding.objective import objective_words
from scfcap.funding.plan import Plan
from scfcap.funding.program import NoOptimumError, Solution, solve
from scfcap.funding.replay import opening_groups
from scfcap.funding.variables import Book, declare
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray, IntArray


@dataclass(frozen=True)
class Fed:
    """The plan with lists fed back: its inputs, in which parts are cohorts, and its optimum; or
    why there is none.
    """

    inputs: Inputs
    solution: Solution | None
    why: str = ""

    @property
    def objective(self) -> float | None:
        """The plan's objective with the lists [currency]; None where no plan keeps all limits."""
        return None if self.solution is None else self.solution.objective * self.inputs.unit


@dataclass(frozen=True)
class Placed:
    """What the allocation says of its lists, by the plan's values [currency].

    ``value`` and ``bound`` as of an :class:`~scfcap.funding.allocation.result.Allocation`; ``free``
    is the bound where the funders' amounts are the only limits, None where it was not asked for.
    ``moving`` is what the moves cost that was taken off the values.
    """

    value: float
    bound: float
    free: float | None = None
    moving: float = 0.0


@dataclass(frozen=True)
class Split:
    """What the plan reaches, and what it reaches with the lists of loans [currency].

    ``lists``: with loans as they are; ``alike``: with each loan like its cohort. ``base`` is what
    the plan's objective is apart from the values of loans by its prices. ``unknown``: balance of
    loans that lists move and the plan knows no such move of; they stay where they are in it.
    """

    words: str
    plan: float
    alike: Fed
    lists: Fed
    base: float
    placed: Placed | None = None
    unknown: float = 0.0
    later: float = 0.0
    """What choosing single loans again at later closes is worth to the lists at most [currency]."""

    @property
    def reached(self) -> float | None:
        """What the plan reaches with the lists, less what their moves cost; None: no plan does."""
        return self._net(self.lists)

    @property
    def like_cohorts(self) -> float | None:
        """The same were each loan like its cohort; None: no plan does."""
        return self._net(self.alike)

    def _net(self, fed: Fed) -> float | None:
        moving = 0.0 if self.placed is None else self.placed.moving
        return None if fed.objective is None else fed.objective - moving

    @property
    def most(self) -> float | None:
        """What any lists within the funders' amounts reach at most; None where it is not known."""
        if self.placed is None:
            return None
        free = self.placed.free
        return self.base + (self.placed.bound if free is None else max(free, self.placed.bound))

    @property
    def loss(self) -> float | None:
        """Loss of the split: from what any lists reach at most to what these do [currency]."""
        if self.most is None or self.reached is None:
            return None
        return self.most - self.reached

    def parts(self) -> dict[str, float]:
        """The loss by what it is for [currency]; adds up to it. Empty where there is none."""
        loss, placed = self.loss, self.placed
        if loss is None or placed is None:
            return {}
        limits = 0.0 if placed.free is None else max(placed.free - placed.bound, 0.0)
        gap = placed.bound - placed.value
        return {
            "limits of single loans": limits,
            "whole loans": gap,
            "choices of later lists": self.later,
            "prices that move with the lists": loss - limits - gap - self.later,
        }

    def sentences(self) -> list[str]:
        """What the split loses, in words."""
        if self.lists.solution is None or self.reached is None:
            return [f"The lists cannot be carried out within the plan's limits: {self.lists.why}"]
        told = [
            f"The plan by cohorts says {self._money(self.plan)}, {self.words}; with the lists it "
            f"reaches {self._money(self.reached)}: {_share(self.reached, self.plan)} of it."
        ]
        if self.most is not None and self.loss is not None:
            for_what = ", ".join(f"{self._money(x)} for {what}" for what, x in self.parts().items())
            told.append(
                f"No lists within the funders' amounts reach more than {self._money(self.most)}; "
                f"these reach {_share(self.reached, self.most)} of that. The split loses at most "
                f"{self._money(self.loss)}: {for_what}."
            )
        if self.like_cohorts is not None:
            told.append(
                f"Were each loan like its cohort, the lists would reach "
                f"{self._money(self.like_cohorts)}."
            )
        if self.unknown > 0.0:
            told.append(
                f"Loans of {self._money(self.unknown)} in the lists move where the plan knows no "
                "such move: it keeps them where they are."
            )
        return told

    def _money(self, amount: float) -> str:
        return money(self.alike.inputs, amount)

    def table(self) -> pd.DataFrame:
        """The same as rows: what, ``amount`` [currency], and its share of what any lists reach at
        most, or of what the plan says where that is not known.
        """
        rows = [
            ("the plan, by cohorts", self.plan),
            ("any lists, at most", _number(self.most)),
            ("the lists", _number(self.reached)),
            ("the lists, were loans like their cohorts", _number(self.like_cohorts)),
            ("loss of the split", _number(self.loss)),
            *((f"loss for {what}", x) for what, x in self.parts().items()),
        ]
        whole = abs(self.plan if self.most is None else self.most) or 1.0
        return pd.DataFrame([{"what": what, "amount": x, "share": x / whole} for what, x in rows])


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def _share(part: float, whole: float) -> str:
    """``part`` of ``whole`` in percent, to a ten-thousandth of one; of a loss, a larger one."""
    return f"{1.0 + (part - whole) / (abs(whole) or 1.0):.4%}"


def feed_back(
    plan: Plan,
    pool: Pool,
    curves: CurveSet,
    goes: Keys | Listed,
    found: PlanValues | None = None,
    placed: Placed | None = None,
    apart: Sequence[int] = (),
) -> Split:
    """Feed lists back: ``goes`` (loans,) is the key of the place where each loan of the pool is
    from the plan's first close on; where a loan is pledged to a line it is own capital.

    ``curves`` are those of the plan's engine. With the values ``found`` by the plan's own prices,
    and what the allocation of all loans by them says, the loss is told. Loans ``apart``
    (positions) are parts for themselves. Loans that leave a funder stay there in the plan: it knows
    no way back.

    Raises:
        InputError: the plan is over several scenarios.
    """
    refuse_untold(plan)
    inputs, goes = plan.optimum.inputs, Listed.of(goes)
    kinds = np.zeros(len(pool), dtype=np.int64)
    if found is not None:
        kinds = kinds_of(pool, inputs, found, goes.where(OWN))
    kinds[list(apart)] = -1 - np.asarray(apart, dtype=np.int64)
    fine, to = _parts(inputs, pool, goes, kinds)
    loans = cells_as_cohorts(inputs, pool, curves, fine)
    loans = _admitted(loans, to, {x: _usable(pool, x) for x in inputs.eligible})
    lists, unknown = _fed(with_cells(inputs, loans), to)
    cells, goal = _parts(inputs, pool, goes, np.minimum(kinds, 0))
    standing = pool.balance * loans.cohorts.survive[fine.of, 1]
    like = _like_cohorts(inputs, cells, goal, pool.balance, standing)
    alike, _ = _fed(with_cells(inputs, like), goal)
    base = apart_from_loans(inputs, plan.choice.first)
    return Split(
        words=objective_words(inputs).title,
        plan=plan.choice.first.objective * inputs.unit,
        alike=alike,
        lists=lists,
        base=base - (0.0 if found is None else _elsewhere(pool, found)),
        placed=None if found is None else placed,
        unknown=unknown,
        later=0.0 if found is None else _later(plan, pool, curves, lists, goes, found),
    )


def _later(
    plan: Plan,
    pool: Pool,
    curves: CurveSet,
    lists: Fed,
    goes: Listed,
    found: PlanValues,
) -> float:
    """What loans are worth one by one beyond what the parts are that they are in [currency]."""
    if lists.solution is None:
        return 0.0
    channels, by = found.channels, (lists.inputs, lists.solution)
    again = values(plan, pool, curves, channels, by=by, cells=found.cells)
    own, to = Listed.today(pool).where(OWN), goes.among(channels)
    each = worth_at(again, to)
    worth = sum(float(each[own & (to == c)].sum()) for c in range(len(channels)))
    return max(worth - (lists.solution.objective * lists.inputs.unit
                        - apart_from_loans(lists.inputs, lists.solution)), 0.0)  # fmt: skip


def apart_from_loans(inputs: Inputs, solution: Solution) -> float:
    """``y b`` over all rows but those of single opening cohorts on the own book [currency]: with
    the values of loans from the first close on it bounds the objective.
    """
    cohorts, rows = inputs.cohorts, solution.program.rows
    at = {"cohort_balance": 0, "transfer_eligibility": 1}
    theirs = 0.0
    for r, (family, key) in enumerate(zip(rows.family, rows.key, strict=True)):
        if family in at and isinstance(key, tuple):
            j = int(key[at[family]])
            if cohorts.vintage[j] <= 0:
                theirs += float(solution.dual[r]) * rows.right[r]
    return (solution.objective - theirs) * inputs.unit


def _elsewhere(pool: Pool, found: PlanValues) -> float:
    """Worth of the loans that are with others: in the plan they are data."""
    places = Listed.today(pool).among(found.channels)
    worth = worth_at(found, places)
    there = ((c, key) for c, key in enumerate(found.channels) if key != OWN)
    return sum((float(worth[places == c].sum()) for c, _ in there), 0.0)


def _parts(
    inputs: Inputs, pool: Pool, goes: Listed, kinds: IntArray
) -> tuple[Cells, tuple[str, ...]]:
    """The parts that lists make of cohorts, those of one kind apart, and where each goes."""
    cohort = opening_groups(inputs, pool)[0]
    found, first, of = distinct((cohort, goes.at, kinds))
    to = []
    for j, k, _ in found.T.tolist():
        origin, key = inputs.cohorts.origin[j], goes.names[k]
        pledged = key.startswith(f"{BANK_DEBT}:")
        to.append(OWN if origin == OWN and pledged else key if origin == OWN else origin)
    return Cells(of, found[0], first, False), tuple(to)


def _admitted(parts: Inputs, to: tuple[str, ...], usable: dict[str, float]) -> Inputs:
    """``parts`` of which those that go to a funder are all admitted there: their loans were tested
    one by one.
    """
    eligible = {name: share * usable[name] for name, share in parts.eligible.items()}
    for funder in parts.funders:
        there = np.array([key == funder.place for key in to])
        eligible[parts.rule_set(funder)][there] = 1.0
    return replace(parts, eligible=eligible)


def _like_cohorts(
    inputs: Inputs, cells: Cells, to: tuple[str, ...], balance: FloatArray, standing: FloatArray
) -> Inputs:
    """The parts as shares of their cohorts, so that as much stands of them at the first close."""
    cohorts, of = inputs.cohorts, cells.cohort
    stands = np.bincount(cells.of, standing, minlength=len(cells)) / inputs.unit
    today = np.bincount(cells.of, balance, minlength=len(cells)) / inputs.unit
    left = cohorts.path[of, 1]
    # A cohort of which nothing stands has no moves either: its parts are what they are today.
    amount = np.where(left > 0.0, stands / np.where(left > 0.0, left, 1.0), today)
    whole = np.bincount(of, amount, minlength=len(cohorts))
    parts = parts_of(inputs, of, np.asarray(amount))
    eligible = {}
    moved = {x.place: x for x in inputs.funders}
    for name, share in parts.eligible.items():
        there = np.array(
            [key in moved and inputs.rule_set(moved[key]) == name for key in to], dtype=np.bool_
        )
        gone = np.bincount(of[there], amount[there], minlength=len(cohorts))
        admitted = inputs.eligible[name][of] * whole[of] - gone[of]
        rest = np.maximum(whole[of] - gone[of], 1e-12)
        eligible[name] = np.where(there, 1.0, np.clip(admitted / rest, 0.0, share))
    return replace(parts, eligible=eligible)


def _fed(inputs: Inputs, to: tuple[str, ...]) -> tuple[Fed, float]:
    """The optimum of ``inputs`` whose first cohorts are parts that go to ``to`` at the first close;
    and the balance of those that the plan knows no move for [currency].
    """
    book = declare(inputs)
    unknown = _hold(book, to) * inputs.unit
    program = build_program(book)
    try:
        solution = solve(program, solver=inputs.spec.plan.solver)
    except NoOptimumError as error:
        if "nbounded" in error.condition and "nfeasible" not in error.condition:
            raise
        return Fed(inputs, None, _why(book)), unknown
    return Fed(inputs, solution), unknown


def _why(book: Book) -> str:
    """Which limits conflict with the lists, and what would mend it."""
    try:
        return str(explain(book))
    except SolverError as error:
        return f"no plan keeps all limits with them ({error})"


def _hold(book: Book, to: tuple[str, ...]) -> float:
    """Let each part go where the lists have it at the first close; returns what cannot."""
    program, cohorts = book.program, book.inputs.cohorts
    upper, unknown = program.columns.upper, 0.0
    for j, key in enumerate(to):
        if cohorts.origin[j] != OWN:
            continue
        stays = program.find("H", (j, OWN, 1))
        goes = program.find("Y", (j, key, 1))
        if key != OWN and goes is None and stays is not None:
            unknown += float(cohorts.amount[j] * cohorts.path[j, 1])
        for funder in book.inputs.funders:
            move = program.find("Y", (j, funder.place, 1))
            if move is not None and funder.place != key:
                upper[move] = 0.0
        if goes is not None and stays is not None:
            upper[stays] = 0.0
    return unknown
