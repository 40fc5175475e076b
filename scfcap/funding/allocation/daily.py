"""Funding dates one after another: each day loans pay, new ones come, and all are placed anew.

The same loans go three ways beside each other: placed with a proven gap, by the greedy and by the
proportional rule. Each way begins a day where it left its loans the day before.

What a way earns is counted once. On each day a loan earns, where it lies, the part of its value
that falls on the days until the next date; a move costs once, on its day. What lies there at the
end is worth the rest of its value. So

    total = sum over days of (income - cost of moves) + worth of what is placed at the end
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Protocol

import numpy as np
import pandas as pd

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Choice
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.rules import Order, greedy, proportional
from scfcap.funding.allocation.running import desk, unit_of
from scfcap.funding.allocation.solve import allocate
from scfcap.quantities import HALF_CENT, FloatArray, IntArray

BEST, GREEDY, PROPORTIONAL = "allocate", "greedy", "proportional"
#: Columns of the frame by day.
BY_DAY = (
    "day", "date", "way", "loans", "balance", "placed", "income", "move_cost", "moved", "moves",
    "value", "bound", "gap", "broken", "broken_amount", "seconds",
)  # fmt: skip
#: Columns of the frame by way.
BY_WAY = (
    "way", "income", "move_cost", "left", "total", "moved", "moves", "broken_days", "broken",
    "broken_amount", "worst_gap", "mean_placed", "seconds",
)  # fmt: skip


#: Places the loans of a date; the second argument are the prices of the date before, by row name.
Way = Callable[[AllocationProgram, Mapping[str, float] | None], Allocation]


@dataclass(frozen=True)
class Morning:
    """A funding date as one way of placing finds it.

    ``loan`` (loans,): number of each loan of ``program`` through the run. ``income`` (loans,
    channels) [currency]: what it earns in a channel until the next date. ``moving`` (loans,
    channels) [currency]: what it costs to move it there today; 0 where it is, and for a loan that
    is nowhere.
    """

    program: AllocationProgram
    loan: IntArray
    income: FloatArray
    moving: FloatArray

    place: Callable[[Way, Mapping[str, float] | None], Allocation] | None = None
    """How a way is carried out where rows are added that it breaks; None: on ``program`` alone."""

    def placed(self, way: Way, start: Mapping[str, float] | None) -> Allocation:
        """The date as ``way`` answers it; ``start``: prices of the date before."""
        return way(self.program, start) if self.place is None else self.place(way, start)

    @property
    def worth(self) -> FloatArray:
        """Value without the cost of moving, (loans, channels) [currency]."""
        return self.program.value + self.moving


class Course(Protocol):
    """Loans over some dates, whose payments do not depend on where they lie."""

    @property
    def dates(self) -> Sequence[date]:
        """The funding dates, in order."""

    @property
    def held(self) -> Choice:
        """Channel of every loan of the run before the first date, -1: none, (all loans,)."""

    def morning(self, day: int, held: Choice) -> Morning:
        """The date number ``day`` with loans where ``held`` (all loans,) says."""


@dataclass(frozen=True)
class DailyRun:
    """``by_day`` (one row a date and way) and ``by_way``; columns ``BY_DAY`` and ``BY_WAY``.

    Amounts are in currency. ``placed``: balance that has a channel; ``moved``: balance that
    changed it; ``value`` and ``bound``: of the day's program, ``gap`` proven by it; ``broken``:
    limits that the placement breaks by more than half a cent, ``broken_amount`` by how much.
    ``left``: worth, over the rest of their lives, of the loans where they lie at the end.
    """

    by_day: pd.DataFrame
    by_way: pd.DataFrame
    held: Mapping[str, Choice]

    def sentences(self, currency: str = "") -> tuple[str, ...]:
        """What the run says, in words."""
        unit = f" {currency}" if currency else ""
        by = self.by_way.set_index("way")
        said = []
        if BEST in by.index:
            best = by.loc[BEST]
            days = len(self.by_day["day"].unique())
            said.append(
                f"Over {days} dates the allocation earns {best['total']:,.0f}{unit} and moves "
                f"{best['moved']:,.0f}{unit} in {best['moves']:,.0f} moves; no date is further "
                f"than {best['worst_gap']:.6%} from its best."
            )
            for way in by.index.drop(BEST):
                other = by.loc[way]
                ahead = float(best["total"] - other["total"])
                size = f"{abs(ahead):,.0f}{unit}"
                share = f" ({ahead / abs(other['total']):.2%})" if other["total"] else ""
                told = f"{size} {'less' if ahead >= 0.0 else 'more'}{share}"
                said.append(
                    f"The {way} way earns {told}, moves {other['moved']:,.0f}{unit} in "
                    f"{other['moves']:,.0f} moves and breaks limits on "
                    f"{other['broken_days']:.0f} of {days} dates."
                )
        return tuple(said)


def best_way(program: AllocationProgram, start: Mapping[str, float] | None) -> Allocation:
    """``allocate`` from the prices of the date before; by the greedy rule, and with nothing proven,
    where all limits cannot be kept.
    """
    try:
        return allocate(program, start=start)
    except InfeasibleError:
        return greedy_way(program, start)


def greedy_way(program: AllocationProgram, start: Mapping[str, float] | None) -> Allocation:
    """The better of the greedy rule's two orders: with fewer rows broken, then of more value."""
    del start
    tried = [_by_rule(program, greedy(program, by)) for by in _ORDERS]
    return min(tried, key=lambda found: (broken(program, found.activity)[0], -found.value))


def proportional_way(program: AllocationProgram, start: Mapping[str, float] | None) -> Allocation:
    """The proportional rule."""
    del start
    return _by_rule(program, proportional(program))


_ORDERS: tuple[Order, ...] = ("regret", "value")
WAYS: Mapping[str, Way] = {
    BEST: best_way, GREEDY: greedy_way, PROPORTIONAL: proportional_way,
}  # fmt: skip


def run_days(course: Course, ways: Mapping[str, Way] = WAYS) -> DailyRun:
    """Go through the dates, each way with its own placement, and from its last prices.

    Times are of the process [s].
    """
    held = {way: course.held.copy() for way in ways}
    prices: dict[str, Mapping[str, float] | None] = dict.fromkeys(ways)
    rows: list[tuple[object, ...]] = []
    left = dict.fromkeys(ways, 0.0)
    for day, on in enumerate(course.dates):
        for name, way in ways.items():
            morning = course.morning(day, held[name])
            begun = time.process_time()
            placed = morning.placed(way, prices[name])
            seconds = time.process_time() - begun
            named = zip(placed.program.rows, placed.dual.tolist(), strict=True)
            prices[name] = {row.name: price for row, price in named}
            rows.append((day, on, name, *_measured(morning, placed), seconds))
            held[name] = np.full_like(held[name], UNPLACED)
            held[name][morning.loan] = placed.choice
            left[name] = _sum_at(morning.worth - morning.income, placed.choice)
    by_day = pd.DataFrame(rows, columns=list(BY_DAY))
    return DailyRun(by_day, _by_way(by_day, left), held)


def _by_rule(program: AllocationProgram, choice: Choice) -> Allocation:
    """A rule's placement, of which nothing is proven."""
    return Allocation(
        program=program,
        choice=choice,
        dual=np.zeros(len(program.rows)),
        bound=float("nan"),
        value=program.worth(choice),
        activity=desk(program, choice).settle(),
    )


def _sum_at(values: FloatArray, choice: Choice) -> float:
    """Sum of ``values`` (loans, channels) where the loans are."""
    placed = np.flatnonzero(choice != UNPLACED)
    return float(values[placed, choice[placed]].sum())


def broken(program: AllocationProgram, activity: FloatArray) -> tuple[int, float]:
    """Limits broken by more than half a cent, and by how much together [currency].

    What a mean is off counts as the balance at the mean's limit that it comes to.
    """
    over = (activity - program.right) / np.array([unit_of(row) for row in program.rows])
    over = over[over > HALF_CENT]
    return len(over), float(over.sum())


def _measured(morning: Morning, placed: Allocation) -> tuple[object, ...]:
    """A row of ``BY_DAY``, from ``loans`` to ``feasible``."""
    program, choice = placed.program, placed.choice
    there = choice != UNPLACED
    moved = (program.today >= 0) & (choice != program.today)
    return (
        len(program),
        float(program.balance.sum()),
        float(program.balance[there].sum()),
        _sum_at(morning.income, choice),
        _sum_at(morning.moving, choice),
        float(program.balance[moved].sum()),
        int(moved.sum()),
        placed.value,
        placed.bound,
        placed.gap,
        *broken(program, placed.activity),
    )


def _by_way(by_day: pd.DataFrame, left: Mapping[str, float]) -> pd.DataFrame:
    rows = []
    for way, days in by_day.groupby("way", sort=False):
        income, cost = float(days["income"].sum()), float(days["move_cost"].sum())
        rest = left[str(way)]
        rows.append(
            (
                way,
                income,
                cost,
                rest,
                income - cost + rest,
                float(days["moved"].sum()),
                int(days["moves"].sum()),
                int((days["broken"] > 0).sum()),
                int(days["broken"].sum()),
                float(days["broken_amount"].sum()),
                float(days["gap"].max()),
                float((days["placed"] / days["balance"]).mean()),
                float(days["seconds"].sum()),
            )
        )
    return pd.DataFrame(rows, columns=list(BY_WAY))
