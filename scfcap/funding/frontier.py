"""Income against lending against risk: plans of which none is better in all three.

The constraint method: most income with lending and headroom held at levels between what the plan
of most income has and the most there can be; each point has the prices of both floors, the slopes
of the frontier there. Source: V. Chankong, Y. Y. Haimes, Multiobjective Decision Making (1983).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.errors import InfeasibleError, InputError, Problem
from scfcap.funding.constraints.reserves import ready
from scfcap.funding.objective import weighted_lending
from scfcap.funding.program import Solution
from scfcap.funding.statements import frame_of
from scfcap.funding.tail import cvar_terms
from scfcap.funding.variables import Book
from scfcap.funding.warm import Point, Warm
from scfcap.quantities import FloatArray

#: Share by which a floor may be missed by rounding.
ROUNDING = 1e-9
#: Points along each side, if not said.
POINTS = 5
#: What corners are called, by what they have most of.
MOST_INCOME, MOST_LENDING, MOST_HEADROOM = "most income", "most lending", "most headroom"


@dataclass(frozen=True)
class Corner:
    """A plan at an end of the frontier, and the floors of ``[plan]`` that make it [money units]."""

    name: str
    lending_floor: float
    headroom: float


@dataclass(frozen=True)
class Frontier:
    """Points of the frontier, and its corners.

    ``table`` [currency]: ``lending_floor`` and ``headroom_floor`` as held, ``income_amount``,
    ``lending_amount``, ``headroom_amount`` (least at a close) and, of a plan under uncertainty with
    risk, ``cvar_amount``; ``income_per_lending`` and ``income_per_headroom``: what one more unit of
    the floor costs [1]; ``corner``.
    """

    table: pd.DataFrame
    corners: tuple[Corner, ...]


class _Trial:
    """The plan's program with floors on lending and headroom that may be moved."""

    def __init__(self, books: Mapping[str, Book], weights: Mapping[str, float], found: Solution):
        self.books, self.weights = books, weights
        self.program, self.first = found.program, found
        self.warm = Warm(self.program, found)
        self.costs = self.program.objective.coefficients
        self.constant = self.program.objective.constant
        self.lending: dict[int, float] = {}
        self.given = 0.0
        for name, book in books.items():
            terms = weighted_lending(book)
            self.given += weights[name] * terms.constant
            for j, c in terms.coefficients.items():
                self.lending[j] = self.lending.get(j, 0.0) + weights[name] * c
        self.least = self.warm.add_column({}, -np.inf, np.inf)
        self.ready = [ready(book, t) for book in books.values() for t in book.inputs.periods]
        self.held = [
            self.warm.add_row({**terms.coefficients, self.least: -1.0}, -terms.constant, np.inf)
            for terms in self.ready
        ]
        self.floor = self.warm.add_column({}, 0.0, np.inf)
        self.lent = self.warm.add_row({**self.lending, self.floor: -1.0}, -self.given, np.inf)

    def at(self, lending: float, headroom: float) -> Point | None:
        """Most income with these floors."""
        self.warm.bound(self.floor, lending, np.inf)
        self.warm.bound(self.least, headroom, np.inf)
        self.warm.set_costs(self.costs)
        return self.warm.solve()

    def most(self, costs: Mapping[int, float]) -> float:
        """Most of something else, all limits kept."""
        self.warm.bound(self.floor, 0.0, np.inf)
        self.warm.bound(self.least, -np.inf, np.inf)
        self.warm.set_costs(costs)
        point = self.warm.solve()
        if point is None:
            msg = "No plan keeps all limits."
            raise InfeasibleError(msg, [], [])
        return sum(c * float(point.x[j]) for j, c in costs.items())

    def slopes(self, point: Point) -> tuple[float, float]:
        """What one more unit of lending, and of headroom, takes off the income."""
        held = sum(float(point.dual[r]) for r in self.held)
        return max(0.0, -float(point.dual[self.lent])), max(0.0, -held)

    def figures(self, x: FloatArray) -> tuple[float, float, float, float]:
        """Income, lending, least headroom and CVaR of a point [money units]."""
        income = sum(c * float(x[j]) for j, c in self.costs.items()) + self.constant
        lent = sum(c * float(x[j]) for j, c in self.lending.items()) + self.given
        least = min(terms.value(x) for terms in self.ready)
        stated = next(iter(self.books.values())).inputs.spec.plan.uncertainty
        if stated is None or self.program.find("eta", "cvar") is None:
            return income, lent, least, np.nan
        tail = cvar_terms(self.program, self.weights, stated.risk.level)
        return income, lent, least, tail.value(x)


def frontier(
    books: Mapping[str, Book],
    weights: Mapping[str, float],
    found: Solution,
    points: int = POINTS,
    tell: Callable[[str], object] | None = None,
) -> Frontier:
    """Points of most income over a grid of lending and headroom, from the plan's own optimum.

    ``books`` and ``weights`` by scenario, one for a plan without uncertainty; ``found`` the first
    solve of their program, whose objective is income. Points that are beaten in all by another, or
    that no plan reaches, are left out.

    Raises:
        InputError: the plan is not after income, or fewer than two points.
    """
    inputs = next(iter(books.values())).inputs
    _refuse(inputs.spec.plan.objective, points)
    trial = _Trial(books, weights, found)
    _, lent, least, _ = trial.figures(np.append(found.x, np.zeros(2)))
    most_lent = trial.most(trial.lending) + trial.given
    most_ready = trial.most({trial.least: 1.0})
    rows: list[tuple[float, ...]] = []
    tried: list[tuple[float, float]] = []
    for lending in _levels(0.0, lent, most_lent, points):
        for headroom in _levels(min(least, 0.0), least, most_ready, points):
            if tell is not None:
                tell(f"point {len(tried) + 1} of {points * points}")
            tried.append((lending, headroom))
            point = trial.at(lending * (1.0 - ROUNDING), headroom - ROUNDING * abs(headroom))
            if point is None:
                continue
            rows.append((lending, headroom, *trial.figures(point.x), *trial.slopes(point)))
    kept = _undominated(rows)
    corners = (
        Corner(MOST_INCOME, 0.0, 0.0),
        Corner(MOST_LENDING, most_lent * (1.0 - 1e-6), 0.0),
        Corner(MOST_HEADROOM, 0.0, most_ready * (1.0 - 1e-6)),
    )
    return Frontier(_table(kept, inputs.unit), corners)


def _refuse(objective: str, points: int) -> None:
    problems = []
    if objective != "max_income":
        problems.append(
            Problem(
                "model.toml: plan.objective",
                f'"{objective}"',
                '"max_income": the frontier is of income against lending and headroom',
                "Leave it out, or --set plan.objective=max_income.",
            )
        )
    if points < 2:
        problems.append(
            Problem("frontier: points", f"{points}", "2 or more along each side", "Ask for more.")
        )
    if problems:
        raise InputError(problems)


def _levels(free: float, start: float, most: float, points: int) -> FloatArray:
    """No floor, then levels from what the plan has to a shade below the most that one can have."""
    top = max(most - 1e-6 * max(abs(most), 1.0), start)
    return np.concatenate([[free], np.linspace(start, top, points)[1:]])


def _undominated(rows: Sequence[tuple[float, ...]]) -> list[tuple[float, ...]]:
    """Rows that no other row beats in income, lending and headroom at once."""
    values = np.array([row[2:5] for row in rows]).reshape(-1, 3)
    slack = 1e-7 * np.maximum(np.abs(values).max(axis=0, initial=1.0), 1.0)
    kept = []
    for n, mine in enumerate(values):
        no_worse = (values >= mine - slack).all(axis=1)
        better = (values > mine + slack).any(axis=1)
        same_before = (np.abs(values[:n] - mine) <= slack).all(axis=1).any()
        if not (no_worse & better).any() and not same_before:
            kept.append(rows[n])
    return kept


def _table(rows: Sequence[tuple[float, ...]], unit: float) -> pd.DataFrame:
    names = [
        "lending_floor", "headroom_floor", "income_amount", "lending_amount", "headroom_amount",
        "cvar_amount", "income_per_lending", "income_per_headroom",
    ]  # fmt: skip
    frame = frame_of([tuple(row) for row in rows], names)
    for name in names[:6]:
        frame[name] = frame[name].astype(float) * unit
    frame["corner"] = ""
    if len(frame):
        for name, column in (
            (MOST_HEADROOM, "headroom_amount"),
            (MOST_LENDING, "lending_amount"),
            (MOST_INCOME, "income_amount"),
        ):
            top = frame[column] >= frame[column].max() - 1e-6 * frame[column].abs().max()
            best = frame[top]["income_amount"].idxmax()
            frame.loc[best, "corner"] = name
    return frame
