"""What the lists of loans reach is fed back into the plan, and what the split loses is told.

The plan decides amounts of cohorts as if a cohort could be divided at will; the lists hold whole
loans, within limits that the plan does not know. Each cohort is split into the parts that the lists
make of it, by the place where they go; at the first close each part goes there whole and nothing
else moves; and the plan is solved again. Twice: with parts that are like their whole cohort, which
tells what whole loans and limits of single loans cost, and with parts as their loans are, which
tells what it brings to choose among the loans of a cohort as well. The order in which notes are
repaid stays that of the plan, so that like is compared with like.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scfcap.axes import BANK_DEBT, OWN
from scfcap.credit.curves import CurveSet
from scfcap.errors import SolverError
from scfcap.funding.allocation.from_plan import refuse_untold
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
class Split:
    """What the plan reaches, and what it reaches with the lists of loans [currency].

    ``alike``: each loan like its cohort; ``lists``: loans as they are. ``gap``: what better lists
    within the same limits could bring at most, by the allocation's own bound. ``unknown``: balance
    of loans that lists move and the plan knows no such move of; they stay where they are in it.
    """

    words: str
    plan: float
    alike: Fed
    lists: Fed
    gap: float
    unknown: float = 0.0

    @property
    def loss(self) -> float | None:
        """What the plan says less what the lists reach [currency]; below 0: choosing among the
        loans of a cohort brings more than the split loses. None: no plan keeps all limits.
        """
        reached = self.lists.objective
        return None if reached is None else self.plan - reached

    @property
    def limits(self) -> float | None:
        """Loss with loans like their cohorts, beyond the gap: limits of single loans, other
        cohorts in the lists [currency].
        """
        alike = self.alike.objective
        return None if alike is None else max(self.plan - alike - self.gap, 0.0)

    def sentences(self) -> list[str]:
        """What the split loses, in words."""
        alike, reached, loss = self.alike.objective, self.lists.objective, self.loss
        if reached is None or loss is None:
            return [f"The lists cannot be carried out within the plan's limits: {self.lists.why}"]
        of = abs(self.plan) or 1.0
        told = [
            f"The plan says {self._money(self.plan)}, {self.words}; with the lists of loans it "
            f"reaches {self._money(reached)}: {reached / of * np.sign(self.plan or 1.0):.4%} of it."
        ]
        if alike is not None:
            told.append(
                f"Were each loan like its cohort, it would reach {self._money(alike)}: "
                f"{self._money(self.plan - alike)} less than the plan, of which at most "
                f"{self._money(self.gap)} for want of better lists of whole loans, the rest for "
                "limits of single loans and for lists of other cohorts than the plan's."
            )
            word = "more" if reached >= alike else "less"
            told.append(
                f"Choosing among the loans of a cohort brings "
                f"{self._money(abs(reached - alike))} {word}."
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
        """The same as rows: what, objective, and its distance from the plan's [currency]."""
        rows = [("the plan, by cohorts", self.plan)]
        rows.append(("the lists, loans like their cohorts", _number(self.alike.objective)))
        rows.append(("the lists, loans as they are", _number(self.lists.objective)))
        parts = [
            ("whole loans, at most", self.gap),
            ("limits of single loans and other cohorts", _number(self.limits)),
            ("loss of the split", _number(self.loss)),
        ]
        whole = [
            {"what": what, "objective": x, "less_than_plan": self.plan - x} for what, x in rows
        ]
        whole += [
            {"what": what, "objective": float("nan"), "less_than_plan": x} for what, x in parts
        ]
        found = pd.DataFrame(whole)
        found["share"] = found["less_than_plan"] / (abs(self.plan) or 1.0)
        return found


def _number(value: float | None) -> float:
    return float("nan") if value is None else value


def feed_back(
    plan: Plan,
    pool: Pool,
    curves: CurveSet,
    goes: Sequence[str],
    gap: float = 0.0,
    apart: Sequence[int] = (),
) -> Split:
    """Feed lists back: ``goes`` (loans,) is the key of the place where each loan of the pool is
    from the plan's first close on; where a loan is pledged to a line it is own capital.

    ``curves`` are those of the plan's engine; ``gap`` is the allocation's bound less its value
    [currency]; the loans ``apart`` (positions) are parts for themselves, for what is asked of them
    alone. Loans that leave a funder stay there in the plan: it knows no way back.

    Raises:
        InputError: the plan is over several scenarios.
    """
    refuse_untold(plan)
    inputs = plan.optimum.inputs
    cells, to = _parts(inputs, pool, goes, apart)
    loans = cells_as_cohorts(inputs, pool, curves, cells)
    loans = _admitted(loans, to, {x: _usable(pool, x) for x in inputs.eligible})
    standing = pool.balance * loans.cohorts.survive[cells.of, 1]
    alike = _like_cohorts(inputs, cells, to, pool.balance, standing)
    fed = [_fed(with_cells(inputs, x), to) for x in (alike, loans)]
    words = objective_words(inputs).title
    return Split(
        words=words,
        plan=plan.choice.first.objective * inputs.unit,
        alike=fed[0][0],
        lists=fed[1][0],
        gap=gap,
        unknown=fed[1][1],
    )


def _parts(
    inputs: Inputs, pool: Pool, goes: Sequence[str], apart: Sequence[int]
) -> tuple[Cells, tuple[str, ...]]:
    """The parts that lists make of cohorts, and where each goes."""
    cohort = opening_groups(inputs, pool)[0]
    keys, code = np.unique(np.asarray(goes, dtype=str), return_inverse=True)
    alone = np.full(len(pool), -1, dtype=np.int64)
    alone[list(apart)] = list(apart)
    found, first, of = np.unique(
        np.stack([cohort, code.ravel(), alone]), axis=1, return_index=True, return_inverse=True
    )
    to = []
    for j, k, _ in found.T.tolist():
        origin, key = inputs.cohorts.origin[j], str(keys[k])
        pledged = key.startswith(f"{BANK_DEBT}:")
        to.append(OWN if origin == OWN and pledged else key if origin == OWN else origin)
    return Cells(of.ravel().astype(np.int64), found[0], first.astype(np.int64), False), tuple(to)


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


def goes_to(
    places: Sequence[str], loans: IntArray, channels: Sequence[str], choice: IntArray
) -> list[str]:
    """Key of the place of each loan of a pool: ``channels[choice]`` for the allocated ``loans``
    (positions in the pool) that are placed, ``places``, where they are today, for all others.
    """
    found = np.array(places, dtype=object)
    placed = choice >= 0
    found[loans[placed]] = np.array(channels, dtype=object)[choice[placed]]
    return [str(x) for x in found]
