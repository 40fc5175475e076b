"""How classes run off, and what the pool earns above what the deal costs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Literal

import numpy as np
import pandas as pd

from scfcap.deal.book import share
from scfcap.deal.holders import Holdings, earned, outstanding
from scfcap.deal.outcome import DealRun
from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray, IntArray

#: Months of a run above which a decrement table has a row a year.
_SHORT = 36
#: Percent of a balance that is rounding.
_NOTHING = 1e-7


@dataclass(frozen=True)
class Decrement:
    """Percent of a class's original balance outstanding, as a prospectus prints it.

    ``percent`` [D, K] at the start of ``dates`` [D] and after the payments of the others, by
    ``speeds`` [K]; ``average_life`` [K] in years.
    """

    tranche: str
    speeds: tuple[str, ...]
    dates: tuple[date, ...]
    percent: FloatArray
    average_life: FloatArray

    def frame(self) -> pd.DataFrame:
        """A row a date, a column a speed, in percent; the last row, without a date, in years."""
        rows = np.vstack([self.percent, self.average_life])
        when = np.array([*self.dates, None], dtype="datetime64[s]")
        what = [*["percent"] * len(self.dates), "average_life"]
        columns = {name: rows[:, k] for k, name in enumerate(self.speeds)}
        return pd.DataFrame({"tranche": self.tranche, "date": when, "figure": what, **columns})

    def printed(self) -> pd.DataFrame:
        """The same as text: whole percents, ``*`` for more than none and less than half a percent,
        average lives to a decimal.
        """
        cells = [[in_percent(value) for value in row] for row in self.percent]
        cells.append([f"{life:.1f}" if np.isfinite(life) else "-" for life in self.average_life])
        heads = [f"{day:%B %Y}" if k else "Initial percent" for k, day in enumerate(self.dates)]
        frame = pd.DataFrame(cells, columns=list(self.speeds))
        frame.insert(0, "Date", [*heads, "Weighted average life (years)"])
        return frame


def in_percent(value: float) -> str:
    """A cell of a decrement table."""
    if not np.isfinite(value):
        return "-"
    if _NOTHING < value < 0.5:
        return "*"
    return str(int(np.floor(value + 0.5)))


def decrement(
    run: DealRun,
    tranche: str,
    *,
    speeds: Sequence[str] = (),
    settlement: date | None = None,
    rows: Literal["year", "payment"] | None = None,
    day_count: str = "30/360",
) -> Decrement:
    """The decrement table of a class: a column a scenario of ``run``, headed by ``speeds``, if any.

    Rows are payment dates: all of them, or those in the month of closing (None: the latter where
    the run is longer than three years), up to the one at which nothing is left. Lives are from
    ``settlement`` (None: the first day of the run) by ``day_count``, and count what is repaid.
    """
    calendar, row = run.deal.calendar, run.deal.tranches.index(tranche)
    kept = _rows(run, rows)
    left = outstanding(run)[:, row]
    original = run.original[row]
    base = np.where(original > 0.0, original, left[:, 0])[:, None]
    at = left[:, [0, *kept]]
    percent = 100.0 * share(at, np.broadcast_to(base, at.shape)).T
    standing = np.flatnonzero((percent > _NOTHING).any(axis=1))
    last = min(int(standing[-1]) + 2 if len(standing) else 1, len(percent))
    dates = (calendar.start, *(calendar.dates[t - 1] for t in kept))
    life = Holdings.of(run, settlement, day_count).average_life[:, row]
    return Decrement(tranche, tuple(speeds) or run.scenarios, dates[:last], percent[:last], life)


def _rows(run: DealRun, rows: Literal["year", "payment"] | None) -> IntArray:
    """Periods (from 1) whose close has a row."""
    calendar = run.deal.calendar
    paying = np.flatnonzero(calendar.pays) + 1
    span = (calendar.dates[-1] - calendar.start).days / 30.4
    if rows == "payment" or (rows is None and span <= _SHORT):
        return paying
    month = run.deal.spec.closing.month
    return np.array([t for t in paying if calendar.dates[t - 1].month == month], dtype=np.int64)


@dataclass(frozen=True)
class ExcessSpread:
    """What an interest period brings above what it costs; P payment dates, K scenarios.

    ``income`` (interest of the loans, yield of accounts, receipts of hedges), ``fees`` that fell
    due, ``interest`` that accrued to all classes (also where it is due later, or added to them),
    ``hedges`` paid, ``losses`` (defaults less recoveries) and the ``opening`` pool [P, K] in
    currency; ``years`` [P] of the period, ``standing`` [P, K] whether notes are outstanding at its
    start. What lines cost is not in it.
    """

    scenarios: tuple[str, ...]
    dates: tuple[date, ...]
    years: FloatArray
    opening: FloatArray
    income: FloatArray
    fees: FloatArray
    interest: FloatArray
    hedges: FloatArray
    losses: FloatArray
    standing: FloatArray

    @property
    def before_losses(self) -> FloatArray:
        """[P, K; 1/year] of the opening pool; 0 where the pool is repaid."""
        return self._a_year(self.income - self.fees - self.interest - self.hedges)

    @property
    def after_losses(self) -> FloatArray:
        """[P, K; 1/year] of the opening pool; 0 where the pool is repaid."""
        return self._a_year(self.income - self.fees - self.interest - self.hedges - self.losses)

    def _a_year(self, amount: FloatArray) -> FloatArray:
        return share(amount, np.where(self._some, self.opening * self.years[:, None], 0.0))

    @property
    def _some(self) -> BoolArray:
        """Where there is a pool [P, K]."""
        return np.asarray(self.opening > ENGINE_TOLERANCE * self.opening[:1])

    def mean(self, *, losses: bool = True) -> FloatArray:
        """Mean while notes stand [K; 1/year], weighted by pool and time; NaN where none does."""
        amount = self.income - self.fees - self.interest - self.hedges
        if losses:
            amount = amount - self.losses
        base = np.where(self._some, self.opening * self.years[:, None], 0.0)
        total = (amount * self.standing).sum(axis=0), (base * self.standing).sum(axis=0)
        return np.where(self.standing.any(axis=0), share(*total), np.nan)

    def frame(self) -> pd.DataFrame:
        """One row a scenario and payment date while there is a pool; currency, spreads a year."""
        k, p = (each.ravel() for each in np.indices((len(self.scenarios), len(self.dates))))
        dates = np.array(self.dates, dtype="datetime64[s]")
        names = ("income", "fees", "interest", "hedges", "losses", "opening")
        frame = pd.DataFrame(
            {
                "scenario": np.array(self.scenarios, dtype=object)[k],
                "date": dates[p],
                **{name: getattr(self, name).T.ravel() for name in names},
                "excess_before_losses": self.before_losses.T.ravel(),
                "excess_spread": self.after_losses.T.ravel(),
            }
        )
        return frame[self._some.T.ravel()].reset_index(drop=True)


def excess_spread(run: DealRun) -> ExcessSpread:
    """Excess spread of each interest period of a run; the last ends with the last payment date."""
    calendar = run.deal.calendar
    ends = np.flatnonzero(calendar.pays)

    def over(values: FloatArray) -> FloatArray:
        """Sums over interest periods of ``values`` [K, T]: [P, K]."""
        whole = np.concatenate([np.zeros((len(values), 1)), np.cumsum(values, axis=1)], axis=1)
        return np.diff(whole[:, [0, *(ends + 1)]], axis=1).T

    pool = np.concatenate([run.pool_start[:, None], run.of("pool")], axis=1)
    notes = outstanding(run)[:, _debt(run)].sum(axis=1)
    begins = [0, *(ends[:-1] + 1)]
    income = run.of("interest") + run.of("cash_yield") + run.of("hedge_received")
    return ExcessSpread(
        scenarios=run.scenarios,
        dates=tuple(calendar.dates[t] for t in ends),
        years=over(run.deal.years[None])[:, 0],
        opening=pool[:, begins].T,
        income=over(income),
        fees=over(_fees_due(run)),
        interest=over(earned(run).sum(axis=1)),
        hedges=over(run.of("hedge_paid")),
        losses=over(run.of("default") - run.of("recovery")),
        standing=(notes[:, begins].T > 0.0).astype(np.float64),
    )


def _debt(run: DealRun) -> Sequence[int]:
    """Rows of classes with a balance that is owed."""
    tranches = run.deal.spec.tranches.values()
    return [j for j, t in enumerate(tranches) if t.kind not in ("equity", "interest_only")]


def _fees_due(run: DealRun) -> FloatArray:
    """Fees that fell due in each period [K, T]."""
    opening = run.deal.spec.opening
    first = np.zeros(run.fee_owed.shape[1:])
    if opening is not None:
        for row, name in enumerate(run.deal.spec.fees):
            first[row] = opening.owed.get(name, 0.0)
    owed = np.concatenate([first[None], run.fee_owed])
    return np.asarray((run.fee_paid + np.diff(owed, axis=0)).sum(axis=1).T)
