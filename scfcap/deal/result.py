"""What a series collected, paid and keeps, in every scenario."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.brief import Brief, Lines, listed
from scfcap.cashflow.yields import average_life, payment_times
from scfcap.deal.accounts import SeriesFlows, SeriesState
from scfcap.deal.analytics import principal_window
from scfcap.periods import PeriodGrid
from scfcap.quantities import ENGINE_TOLERANCE, BoolArray, FloatArray, IntArray

#: Phases of a series, by code.
PHASES = ("before closing", "revolving", "amortising", "repaid")
BEFORE, REVOLVING, AMORTISING, REPAID = range(4)


@dataclass(frozen=True)
class Payment:
    """What a step owed, could use and paid [K, T]; ``due - paid`` is short."""

    due: FloatArray
    available: FloatArray
    paid: FloatArray


@dataclass(frozen=True, repr=False)
class DealResult(Brief):
    """A run of one series: K scenarios, J sold tranches (senior first), T periods; in currency.

    [K, T]: flows of the period, and ``cash``, ``reserve``, ``pool`` at its close. [K, J, T]:
    interest due and paid, principal paid, and ``balance`` and ``accrued`` (interest earned, not
    paid) at the close. ``issued``, ``contribution`` (paid in by the company) and ``issue_cost``
    are at closing. ``cash_interest`` is the yield on idle cash. ``purchases`` are those paid.
    ``triggered`` [K] is the period whose data trip the trigger while the series revolves, 0 for
    never: it amortises from the next on. ``phase`` [K, T] codes :data:`PHASES`. ``trace`` holds
    due, available and paid [K, T] of each step in the order of payment.
    """

    name: str
    scenarios: tuple[str, ...]
    grid: PeriodGrid
    tranches: tuple[str, ...]
    interest_collected: FloatArray
    principal_collected: FloatArray
    recovered: FloatArray
    cash_interest: FloatArray
    defaults: FloatArray
    purchases: FloatArray
    issued: FloatArray
    contribution: FloatArray
    issue_cost: FloatArray
    senior_fee: FloatArray
    servicing_fee: FloatArray
    residual: FloatArray
    cash: FloatArray
    reserve: FloatArray
    pool: FloatArray
    interest_due: FloatArray
    interest_paid: FloatArray
    principal_paid: FloatArray
    balance: FloatArray
    accrued: FloatArray
    triggered: IntArray
    phase: IntArray
    trace: Mapping[str, Payment]
    state: SeriesState
    legal_end: int

    def _brief(self) -> tuple[str, Lines]:
        return f"Series {self.name}", [
            ("scenarios", listed(self.scenarios)),
            ("classes", listed(self.tranches)),
            ("periods", f"{len(self.grid)}, to {self.grid.ends[-1]}"),
        ]

    def short(self, step: str) -> FloatArray:
        """What ``step`` owed and did not pay [currency], shape (K, T)."""
        payment = self.trace[step]
        return payment.due - payment.paid

    @property
    def shortfall(self) -> FloatArray:
        """Notes and accrued interest unpaid at the legal end [currency], shape (K, J).

        NaN where the grid ends before the legal end with something outstanding.
        """
        last = min(max(self.legal_end, 1), len(self.grid)) - 1
        left = self.balance[:, :, last] + self.accrued[:, :, last]
        if self.legal_end > len(self.grid):
            return np.where(self.paid_in_full, 0.0, np.nan)
        return np.where(self.paid_in_full, 0.0, left)

    @property
    def paid_in_full(self) -> BoolArray:
        """Whether a tranche has its principal and interest by the legal end [K, J]."""
        last = min(max(self.legal_end, 1), len(self.grid)) - 1
        left = self.balance[:, :, last] + self.accrued[:, :, last]
        started = self.state.closing_period <= last + 1
        return np.asarray((left <= ENGINE_TOLERANCE * self.state.notes) & started)

    def flows(self) -> SeriesFlows:
        """What the loans did and what was bought, to run the series again on it."""
        opening = self.state.pool if self.state.closing_period <= 0 else 0.0
        start = np.full((len(self.scenarios), 1), opening)
        return SeriesFlows(
            interest=self.interest_collected,
            principal=self.principal_collected,
            recovery=self.recovered,
            default=self.defaults,
            purchases=self.purchases,
            pool=np.concatenate([start, self.pool], axis=1),
            scenarios=self.scenarios,
        )

    def to_frame(self, scenario: str | None = None) -> pd.DataFrame:
        """One row a period (and scenario, where none is given); amounts in currency.

        Sources (``opening cash``, ``opening reserve`` and those from ``notes issued`` to
        ``interest on cash``) less uses (``issue cost`` to ``residual``) are ``cash`` plus
        ``reserve``. ``pool`` and the columns "NAME notes", "NAME accrued" are closing balances.
        """
        return pd.concat([self._frame(k) for k in self._chosen(scenario)], ignore_index=True)

    def _frame(self, k: int) -> pd.DataFrame:
        opening = self.state if self.state.closing_period <= 0 else None
        columns: dict[str, object] = {
            **self._labels(k),
            "phase": [PHASES[code] for code in self.phase[k]],
            "opening cash": _before(self.cash[k], opening.cash if opening else 0.0),
            "opening reserve": _before(self.reserve[k], opening.reserve if opening else 0.0),
            "notes issued": self.issued[k],
            "contribution": self.contribution[k],
            "interest collected": self.interest_collected[k],
            "principal collected": self.principal_collected[k],
            "recoveries": self.recovered[k],
            "interest on cash": self.cash_interest[k],
            "issue cost": self.issue_cost[k],
            "senior fee": self.senior_fee[k],
            "servicing fee": self.servicing_fee[k],
        }
        for j, tranche in enumerate(self.tranches):
            columns[f"{tranche} interest"] = self.interest_paid[k, j]
        columns["purchases"] = self.purchases[k]
        for j, tranche in enumerate(self.tranches):
            columns[f"{tranche} principal"] = self.principal_paid[k, j]
        columns |= {
            "residual": self.residual[k],
            "cash": self.cash[k],
            "reserve": self.reserve[k],
            "defaults": self.defaults[k],
            "pool": self.pool[k],
        }
        for j, tranche in enumerate(self.tranches):
            columns[f"{tranche} notes"] = self.balance[k, j]
            columns[f"{tranche} accrued"] = self.accrued[k, j]
        return pd.DataFrame(columns)

    def steps_frame(self, scenario: str | None = None) -> pd.DataFrame:
        """One row a period and step of the waterfall: ``due``, ``available``, ``paid``, ``short``
        [currency]; periods from the one after closing.
        """
        parts = []
        for k in self._chosen(scenario):
            for order, (step, payment) in enumerate(self.trace.items(), start=1):
                part = pd.DataFrame(self._labels(k)).assign(
                    order=order,
                    step=step,
                    due=payment.due[k],
                    available=payment.available[k],
                    paid=payment.paid[k],
                    short=payment.due[k] - payment.paid[k],
                )
                parts.append(part[part["period"] > max(self.state.closing_period, 0)])
        frame = pd.concat(parts, ignore_index=True)
        return frame.sort_values(
            ["scenario", "period", "order"], key=self._scenario_order, ignore_index=True
        )

    def summary_frame(self) -> pd.DataFrame:
        """One row a scenario and tranche.

        ``notes`` at the start, interest and principal paid in the grid, ``outstanding`` and
        ``accrued`` at its end, ``shortfall`` at the legal end [currency]; ``average life``
        [years from as_of]; first and last period with principal, 0 for none; ``paid in full`` by
        the legal end; ``trigger period``, 0 for never.
        """
        shortfall, full = self.shortfall, self.paid_in_full
        life = average_life(self.principal_paid, payment_times(self.grid.year_fractions))
        rows = []
        for k, scenario in enumerate(self.scenarios):
            for j, tranche in enumerate(self.tranches):
                first, last = principal_window(self.principal_paid[k, j])
                rows.append(
                    {
                        "series": self.name,
                        "scenario": scenario,
                        "tranche": tranche,
                        "notes": self.state.notes[j],
                        "interest paid": self.interest_paid[k, j].sum(),
                        "principal paid": self.principal_paid[k, j].sum(),
                        "outstanding": self.balance[k, j, -1],
                        "accrued": self.accrued[k, j, -1],
                        "average life": life[k, j],
                        "first principal": first,
                        "last principal": last,
                        "shortfall": shortfall[k, j],
                        "paid in full": bool(full[k, j]),
                        "trigger period": int(self.triggered[k]),
                    }
                )
        return pd.DataFrame(rows)

    def _chosen(self, scenario: str | None) -> range:
        if scenario is None:
            return range(len(self.scenarios))
        k = self.scenarios.index(scenario)
        return range(k, k + 1)

    def _labels(self, k: int) -> dict[str, object]:
        return {
            "series": self.name,
            "scenario": self.scenarios[k],
            "period": np.arange(1, len(self.grid) + 1),
            "end": np.array(self.grid.ends, dtype="datetime64[s]"),
        }

    def _scenario_order(self, column: pd.Series) -> pd.Series:
        if column.name != "scenario":
            return column
        return column.map({name: k for k, name in enumerate(self.scenarios)})


def _before(closing: FloatArray, start: float) -> FloatArray:
    return np.concatenate([[start], closing[:-1]])
