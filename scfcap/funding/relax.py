"""The least relaxation that would mend a program, made unique.

Each limit gets a slack that costs ``weight of its kind / scale``: the company's own policy 1, a
contract 100, lending promised to borrowers 1,000; law and identities never give way. The scale is
the limit itself, or one unit of money if that is more. The least total has many solutions; with it
held, a second stage picks one: ``spread`` makes the largest single relaxation least, ``early`` puts
relaxations first in time. A last stage, of weights that grow with date and row, leaves no choice.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.naming import period_of
from scfcap.funding.program import NoOptimumError, Program, Solution, elastic, solve
from scfcap.funding.warm import Warm

#: Price of relaxation by kind of limit, per share of the limit.
WEIGHTS = {"policy": 1.0, "contract": 100.0, "promise": 1000.0}
#: Price of one unit of what never gives way, used only to name it where nothing else mends.
LAST_WEIGHT = 1e4
#: Relaxations below this count as none [money units].
NOTHING = 1e-7
#: Share by which the total may rise in the stages after the first.
HELD = 1e-9

Relax = Literal["spread", "early"]


@dataclass(frozen=True)
class Relaxation:
    """Amounts [money units] by row; ``unique`` unless as little would do in another way."""

    amounts: dict[int, float]
    unique: bool
    solution: Solution


def relaxable(program: Program) -> dict[int, float]:
    """What one unit of relaxation of each row costs."""
    return {
        r: WEIGHTS[BY_NAME[family].kind] / _scale(program, r)
        for r, family in enumerate(program.rows.family)
        if BY_NAME[family].kind in WEIGHTS
    }


def _scale(program: Program, r: int) -> float:
    return max(abs(program.rows.right[r] + program.rows.constant[r]), 1.0)


def least_relaxation(program: Program, relax: Relax = "spread") -> Relaxation | None:
    """The least relaxation of policies, contracts and promises; None where none mends it."""
    weights = relaxable(program)
    loose, slacks = elastic(program, weights)
    try:
        first = solve(loose, check=False)
    except NoOptimumError:
        return None
    total = sum(weights[r] * sum(float(first.x[j]) for j in slacks[r]) for r in slacks)
    columns = {j: r for r, both in slacks.items() for j in both}
    warm = Warm(loose, first)
    price = {j: weights[r] for j, r in columns.items()}
    warm.add_row(price, -float("inf"), total + HELD * max(1.0, total))
    if relax == "spread":
        largest = warm.add_column({}, 0.0, float("inf"))
        for j in columns:
            warm.add_row({j: 1.0, largest: -1.0}, -float("inf"), 0.0)
        warm.set_costs({largest: -1.0})
        point = warm.solve()
        if point is not None:
            most = float(point.x[largest])
            warm.bound(largest, 0.0, most * (1.0 + HELD) + HELD)
    late = _later(program, columns)
    warm.set_costs({j: -late[r] for j, r in columns.items()})
    chosen = warm.solve()
    x = first.x if chosen is None else chosen.x
    amounts = {r: sum(float(x[j]) for j in both) for r, both in slacks.items()}
    amounts = {r: amount for r, amount in amounts.items() if amount > NOTHING}
    return Relaxation(amounts, _unique(loose, first, columns, price, total, late, amounts), first)


def _later(program: Program, columns: dict[int, int]) -> dict[int, float]:
    """Weights that grow with the date, then with the row."""
    rows = program.rows
    last = max((period_of(rows.family[r], rows.key[r]) or 0 for r in columns.values()), default=1)
    count = len(rows.family)
    return {
        r: (1.0 + (period_of(rows.family[r], rows.key[r]) or 0) + r / count) / (2.0 + last)
        for r in columns.values()
    }


def _unique(
    loose: Program,
    first: Solution,
    columns: dict[int, int],
    price: dict[int, float],
    total: float,
    late: dict[int, float],
    amounts: dict[int, float],
) -> bool:
    """Whether no other relaxation costs as little: neither a later nor an earlier one."""
    warm = Warm(loose, first)
    warm.add_row(price, -float("inf"), total + HELD * max(1.0, total))
    told = sum(late[r] * amount for r, amount in amounts.items())
    for sign in (1.0, -1.0):
        warm.set_costs({j: sign * late[r] for j, r in columns.items()})
        point = warm.solve()
        if point is None:
            return False
        other = sum(late[r] * float(point.x[j]) for j, r in columns.items())
        if abs(other - told) > 1e-5 * max(1.0, told):
            return False
    return True
