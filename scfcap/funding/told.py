"""What a model states by its unit, told by the periods of the plan."""

from __future__ import annotations

from datetime import date

import numpy as np

from scfcap.errors import InputError, Problem
from scfcap.funding.inputs import P2PInputs
from scfcap.funding.partner import open_periods
from scfcap.funding.tenor import Maturity
from scfcap.periods import Frequency, PeriodGrid, moved
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.model import Model
from scfcap.schema.plan import P2P, Demand, Lender


def refuse_untold(spec: Model, grid: PeriodGrid) -> None:
    """Raise InputError for terms that are counted in periods of one length only."""
    unit, p2p = spec.plan.unit, spec.p2p
    lags = any(x.payout_lag > 0 for x in spec.guaranteed)
    window = p2p is not None and p2p.mode == "pass_through" and p2p.rolling_12_months is not None
    wrong = {
        "provisions": grid.mixed and spec.provisions is not None,
        "guaranteed.payout_lag": lags and not grid.told_in(unit),
        "p2p.rolling_12_months": grid.mixed and window,
    }
    problems = [
        Problem(
            f"model.toml: {key}",
            "terms that go by equal periods, on a grid of other ones",
            f"a plan by the {unit}",
            f'Set plan.frequency = "{unit}", or take the key out.',
        )
        for key, there in wrong.items()
        if there
    ]
    if problems:
        raise InputError(problems)


def demand_path(wish: Demand, grid: PeriodGrid, unit: Frequency) -> FloatArray:
    """Demand by period of ``grid`` [currency, (T,)].

    By unit it is the average times the season of its last day's month and the growth up to then;
    within a unit it is even over the days, so that what is asked for in a unit does not depend on
    the grid.
    """
    told = PeriodGrid.build(grid.as_of, 0, unit).reaching(int(grid.days[-1]))
    if grid.told_in(unit):
        told = grid
    years = np.cumsum(told.year_fractions)
    season = np.array([wish.seasonality.get(end.month, 1.0) for end in told.ends])
    path = np.asarray(wish.per_period * season * np.power(1.0 + wish.growth, years))
    if grid.told_in(unit):
        return path
    total = np.concatenate(([0.0], np.cumsum(path)))
    return np.diff(np.interp(grid.days, told.days, total))


def tenors(lender: Lender, grid: PeriodGrid, unit: Frequency) -> dict[int, Maturity] | None:
    """When draws fall due, by tenor; None where a period is one unit."""
    if grid.told_in(unit):
        return None
    return {x.periods: Maturity.on(grid, x.periods, unit) for x in lender.tenors}


def p2p_inputs(
    p2p: P2P | None, grid: PeriodGrid, money: float, unit: Frequency
) -> P2PInputs | None:
    """P2P notes with the older ones by the period in which they fall due; ``money`` is the
    program's unit [currency]. None where lenders hold no notes.
    """
    if p2p is None or p2p.tenor is None:
        return None
    horizon = len(grid)
    older = _Older(p2p, grid, money, unit)
    plain = grid.told_in(unit) and not p2p.notes
    return P2PInputs(
        limit=p2p.limit / money,
        rolling=None if p2p.rolling_12_months is None else p2p.rolling_12_months / money,
        rolling_periods=round(grid.per_year),
        tenor=p2p.tenor,
        steps=tuple(step.scaled(1.0 / money) for step in p2p.steps),
        open_periods=open_periods(p2p, grid),
        open_balance=older.balance(horizon),
        open_repaid=older.repaid,
        open_interest=older.interest(horizon),
        dated=None if grid.told_in(unit) else Maturity.on(grid, p2p.tenor, unit),
        placed_before=None if plain else older.placed_before(),
        window=None if grid.told_in(unit) else _windows(grid)[1],
    )


class _Older:
    """Notes that stand at ``as_of``: spread evenly over one tenor, and by their day."""

    def __init__(self, p2p: P2P, grid: PeriodGrid, money: float, unit: Frequency) -> None:
        assert p2p.tenor is not None
        self.p2p, self.grid, self.unit, self.tenor = p2p, grid, unit, p2p.tenor
        even = p2p.outstanding / money
        due = [self._even_due(k) for k in range(1, self.tenor + 1)]
        dated = [note.maturity for note in p2p.notes]
        far = max([grid.ends[-1], *dated])
        beyond = grid.reaching((far - grid.as_of).days)
        at = [max(beyond.index(day), 1) for day in dated]
        self.by_note = list(zip(at, (note.amount / money for note in p2p.notes), strict=True))
        reach = max(len(grid) + 1, int(grid.later(1, unit)[-1]))
        self.even_repaid = np.zeros(max([reach, *due, *at]) + 1)
        for t in due:
            self.even_repaid[t] += even / self.tenor
        self.repaid = self.even_repaid.copy()
        for t, amount in self.by_note:
            self.repaid[t] += amount

    def _even_due(self, k: int) -> int:
        return int(self.grid.later(k, self.unit)[0])

    def balance(self, horizon: int) -> FloatArray:
        """What stands at each close [money units, (T + 1,)]."""
        balance = self.repaid.sum() - np.cumsum(self.repaid)[: horizon + 1]
        return np.where(balance < 1e-12 * max(1.0, float(balance[0])), 0.0, balance)

    def interest(self, horizon: int) -> FloatArray:
        """Interest paid in each period [money units, (T + 1,)]."""
        year = np.concatenate(([0.0], self.grid.year_fractions))
        balance = self.even_repaid.sum() - np.cumsum(self.even_repaid)[: horizon + 1]
        balance = np.where(balance < 1e-12 * max(1.0, float(balance[0])), 0.0, balance)
        found = np.concatenate(([0.0], balance[:-1])) * self.p2p.outstanding_rate * year
        for note, (due, amount) in zip(self.p2p.notes, self.by_note, strict=True):
            last = min(due, horizon)
            found[1 : last + 1] += amount * note.rate * year[1 : last + 1]
        return found

    def placed_before(self) -> FloatArray:
        """What of the older notes was placed in the twelve months up to each close (T + 1,)."""
        starts, tenor = _windows(self.grid)[0], self.tenor
        money = np.array(
            [self.even_repaid.sum() / tenor] * tenor + [amount for _, amount in self.by_note]
        )
        placed = [moved(self.grid.as_of, k - tenor, self.unit) for k in range(1, tenor + 1)]
        placed += [moved(note.maturity, -tenor, self.unit) for note in self.p2p.notes]
        days = np.array([(min(day, self.grid.as_of) - self.grid.as_of).days for day in placed])
        return np.array([money[days > start].sum() for start in starts])


def _windows(grid: PeriodGrid) -> tuple[IntArray, IntArray]:
    """Twelve months up to each close: the day before them, as an offset from ``as_of``, and the
    first period (from 1) whose close lies in them; both (T + 1,).
    """
    closes: list[date] = [grid.as_of, *grid.ends]
    if grid.mixed:
        before = [moved(day, -12, "month") for day in closes]
        starts = np.array([(day - grid.as_of).days for day in before])
    else:
        count = round(grid.per_year)
        starts = np.array(
            [(moved(day, -count, grid.frequency) - grid.as_of).days for day in closes]
        )
    first = np.maximum(np.searchsorted(grid.days, starts, side="right"), 1)
    return starts, first.astype(np.int64)
