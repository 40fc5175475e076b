"""A small plan written a second time, by hand, in another form and for another interface.

The program holds a column for every holding and balance, and an equation for each. Here only the
decisions are variables (loans made, loans sold, draws); every balance is an affine function of
them, from the cash flows per unit that the projection kernel gives.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray
from scipy.optimize import linprog

from scfcap.cashflow.cohorts import CohortFactors, cohort_factors, new_loans
from scfcap.credit.curves import build_curves
from scfcap.periods import PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.schema.model import Model
from tests.witnesses.programs import PLANS, second_formulation

from .variants import BARE, UNIT

T = 4
YEAR = 1.0 / 12.0
TAIL = 12
SEGMENTS = ("credit", "order")
Vector = NDArray[np.float64]

LINE = {
    "name": "bank-a",
    "limit": 15.0e6,
    "commitment_fee": 0.002,
    "tenors": [{"periods": 1, "rate": 0.08}, {"periods": 3, "rate": 0.07}],
    "draws": [{"amount": 5.0e6, "rate": 0.07, "maturity": "2014-03-31"}],
}
BUYER = {
    "name": "city-bank",
    "price": 0.995,
    "limit": 20.0e6,
    "per_period": 9.0e6,
    "servicing_fee": 0.09,
    "min_seasoning": 1,
    "eligibility": "bank",
}
CHANGES: dict[str, Any] = {
    **BARE,
    "plan.periods": T,
    "lenders": [LINE],
    "buyers": [BUYER],
    "demand.credit.growth": 0.5,
    "opening": {"net_capital": 82.0e6, "deductions": 1.5e6},
}


class ByHand:
    """Vectors of one coefficient a decision, and a constant last."""

    def __init__(self, model: Model, pool: Pool) -> None:
        grid = PeriodGrid.build(model.as_of, T + TAIL)
        curves = build_curves(SEGMENTS, model.credit.segments, model.scenarios, grid)
        new = {
            name: new_loans(model.demand[name].new_loans, pool, s)
            for s, name in enumerate(SEGMENTS)
        }
        self.model, self.pool, self.grid = model, pool, grid
        self.f: CohortFactors = cohort_factors(pool, curves, new, T)
        self.severity = [model.credit.segments[name].severity for name in SEGMENTS]
        self.lag = [model.credit.segments[name].recovery_lag for name in SEGMENTS]
        self.columns = list(self._decisions())
        self.index = {key: n for n, key in enumerate(self.columns)}
        self.own_default = [
            np.array([self.flow("default", j, t) for t in range(T + 1)]) for j in range(len(self.f))
        ]

    def _decisions(self) -> Iterator[tuple[Any, ...]]:
        for s in range(2):
            for t in range(1, T + 1):
                yield "made", s, t
        for j in range(len(self.f)):
            for t in range(1, T + 1):
                if self.alive(j, t) and t - self.f.vintage[j] >= BUYER["min_seasoning"]:
                    yield "sold", j, t
        for tenor in LINE["tenors"]:
            for t in range(1, T + 1):
                yield "drawn", tenor["periods"], t

    def alive(self, j: int, t: int) -> bool:
        return t >= max(self.f.vintage[j], 0) and self.f.performing[0, j, t] > 1e-12

    def zero(self) -> Vector:
        return np.zeros(len(self.columns) + 1)

    def constant(self, value: float) -> Vector:
        vector = self.zero()
        vector[-1] = value
        return vector

    def one(self, *key: Any) -> Vector:
        vector = self.zero()
        if key in self.index:
            vector[self.index[key]] = 1.0
        return vector

    def initial(self, j: int) -> Vector:
        """Amount of a cohort at its start."""
        v = int(self.f.vintage[j])
        if v >= 1:
            return self.one("made", int(self.f.segment[j]), v)
        return self.constant(float(self.f.amount[j]) / UNIT)

    def gone(self, j: int, t: int) -> Vector:
        """Sold up to the close of ``t``, in units of the cohort's start."""
        total = self.zero()
        for u in range(1, t + 1):
            if ("sold", j, u) in self.index:
                total += self.one("sold", j, u) / self.f.performing[0, j, u]
        return total

    def kept(self, j: int, t: int) -> Vector:
        return self.initial(j) - self.gone(j, t)

    def flow(self, name: str, j: int, t: int) -> Vector:
        """A flow of period ``t`` to the company: of what it kept at the close before."""
        if t == 0:
            return self.zero()
        per_unit = getattr(self.f, name)[0, j, t - 1]
        return self.kept(j, t - 1) * per_unit

    def own(self, t: int) -> Vector:
        return sum((self.kept(j, t) * self.f.performing[0, j, t] for j in self.all()), self.zero())

    def bought(self, t: int) -> Vector:
        return sum((self.gone(j, t) * self.f.performing[0, j, t] for j in self.all()), self.zero())

    def all(self) -> range:
        return range(len(self.f))

    def recovered(self, t: int) -> Vector:
        total = self.zero()
        for j in self.all():
            s = int(self.f.segment[j])
            if t - self.lag[s] >= 1:
                total += (1.0 - self.severity[s]) * self.own_default[j][t - self.lag[s]]
        return total

    def lost(self, t: int) -> Vector:
        return sum(
            (self.severity[int(self.f.segment[j])] * self.own_default[j][t] for j in self.all()),
            self.zero(),
        )

    def cash_in(self, t: int) -> Vector:
        flows = [self.flow(name, j, t) for name in ("interest", "repaid") for j in self.all()]
        return sum(flows, self.zero()) + self.recovered(t)

    # Debt.

    def debt(self, t: int) -> Vector:
        total = self.constant(5.0 if t < 3 else 0.0)
        for tenor in LINE["tenors"]:
            for u in range(max(1, t - tenor["periods"] + 1), t + 1):
                total += self.one("drawn", tenor["periods"], u)
        return total

    def due(self, t: int) -> Vector:
        total = self.constant(5.0 if t == 3 else 0.0)
        for tenor in LINE["tenors"]:
            total += self.one("drawn", tenor["periods"], t - tenor["periods"])
        return total

    def interest_paid(self, t: int) -> Vector:
        total = self.constant(5.0 * 0.07 * YEAR if t <= 3 else 0.0)
        for tenor in LINE["tenors"]:
            for u in range(max(1, t - tenor["periods"]), t):
                total += self.one("drawn", tenor["periods"], u) * tenor["rate"] * YEAR
        unused = self.constant(15.0) - self.debt(t - 1)
        return total + LINE["commitment_fee"] * YEAR * unused

    # Accounts.

    def accounts(self, opening_cash: float, opening_capital: float) -> tuple[list[Vector], ...]:
        plan = self.model.plan
        cash, capital = [self.constant(opening_cash)], [self.constant(opening_capital)]
        for t in range(1, T + 1):
            yields = cash[-1] * plan.cash_yield * YEAR
            managed = self.own(t - 1) + self.bought(t - 1)
            running = self.constant(plan.opex_per_year / UNIT * YEAR)
            running += plan.opex_rate * YEAR * managed
            fee = BUYER["servicing_fee"] * YEAR * self.bought(t - 1)
            sold = sum((self.one("sold", j, t) for j in self.all()), self.zero())
            drawn = sum((self.one("drawn", x["periods"], t) for x in LINE["tenors"]), self.zero())
            made = self.one("made", 0, t) + self.one("made", 1, t)
            paid = self.interest_paid(t)
            money = yields + self.cash_in(t) + fee + BUYER["price"] * sold + drawn
            cash.append(cash[-1] + money - self.due(t) - paid - made - running)
            interest = sum((self.flow("interest", j, t) for j in self.all()), self.zero())
            discount = (1.0 - BUYER["price"]) * sold
            earned = yields + interest - self.lost(t) + fee - discount - paid - running
            capital.append(capital[-1] + earned)
        return cash, capital

    def premium(self) -> Vector:
        """What stands at T is worth its remaining cash, discounted, less running cost to come."""
        plan = self.model.plan
        rate = 1.0 + plan.terminal_rate
        discount = rate ** -(YEAR * np.arange(1, TAIL + 1))
        f, total = self.f, self.zero()
        for j in self.all():
            held = f.performing[0, j, T]
            if held <= 1e-12:
                continue
            s = int(f.segment[j])
            inflow = f.repaid[0, j, T:] + f.interest[0, j, T:]
            inflow = (
                inflow
                + (1.0 - self.severity[s]) * rate ** (-self.lag[s] * YEAR) * f.default[0, j, T:]
            )
            balances = f.performing[0, j, T:-1] * YEAR
            annuity = balances @ discount / held
            worth = (inflow @ discount + f.performing[0, j, -1] * discount[-1]) / held
            fee = BUYER["servicing_fee"] - plan.opex_rate
            total += self.kept(j, T) * held * (worth - plan.opex_rate * annuity - 1.0)
            total += self.gone(j, T) * held * fee * annuity
        return total

    # Limits.

    def eligible(self, j: int) -> float:
        """Share of a cohort whose loans are not late, by balance."""
        mask = self.pool.segment == self.f.segment[j]
        if self.f.vintage[j] <= 0:
            mask = mask & (self.grid.ages(self.pool.origination_day) == -self.f.vintage[j])
        fine = mask & (self.pool.days_past_due == 0)
        return float(self.pool.balance[fine].sum() / self.pool.balance[mask].sum())

    def demand(self, s: int, t: int) -> float:
        month = self.grid.ends[t - 1].month
        if s == 0:
            return 40.0 * {2: 0.6, 11: 1.8}.get(month, 1.0) * 1.5 ** (t * YEAR)
        return 60.0

    def limits(self, cash: list[Vector], capital: list[Vector]) -> Iterator[Vector]:
        """Vectors that must not be above zero."""
        plan = self.model.plan
        for t in range(1, T + 1):
            for s in range(2):
                yield self.one("made", s, t) - self.constant(self.demand(s, t))
            yield self.constant(0.05 * self.demand(0, t)) - self.one("made", 0, t)
            floor = self.constant(plan.liquidity_floor / UNIT) + plan.debt_cover * self.due(t + 1)
            yield floor - cash[t]
            yield self.debt(t) - self.constant(15.0)
            yield self.debt(t) - 0.2 * capital[t]
            funds = self.debt(t) + self.bought(t)
            yield funds - 2.0 * (capital[t] + self.constant(1.5))
            yield self.bought(t) - self.constant(20.0)
            sold = sum((self.one("sold", j, t) for j in self.all()), self.zero())
            yield sold - self.constant(9.0)
            for j in self.all():
                yield self.gone(j, t) - min(self.eligible(j), 1.0) * self.initial(j)

    def optimum(self, opening_cash: float, opening_capital: float) -> float:
        cash, capital = self.accounts(opening_cash, opening_capital)
        worth = capital[T] - self.constant(opening_capital) + self.premium()
        rows = np.array(list(self.limits(cash, capital)))
        rows = rows[np.abs(rows[:, :-1]).any(axis=1)]
        answer = linprog(
            -worth[:-1],
            A_ub=rows[:, :-1],
            b_ub=-rows[:, -1],
            bounds=(0.0, None),
            method="highs",
            options={"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10},
        )
        assert answer.status == 0, answer.message
        return float(worth[-1] - answer.fun)


@pytest.mark.parametrize("name", PLANS)
def test_two_formulations_have_one_optimum(name):
    by_hand, found = second_formulation(name)
    assert by_hand == pytest.approx(found.solution.objective, rel=1e-8)
    assert sum(found.decisions.draws.values()) > 1.0
    assert sum(found.decisions.transfers.values()) > 1.0
