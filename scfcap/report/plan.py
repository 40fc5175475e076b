"""The funding plan to show and to save: statements, limits, prices, forecast, actions, costs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap.funding.cash_flow import WEEKS
from scfcap.report.files import RESULT_VERSION, csv_bytes, records
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table, named_table
from scfcap.report.ties import Tie, ties
from scfcap.schema.load import LoadedModel

#: Tables that the document holds whole; the folder holds all, and these as CSV too.
TOLD = (
    "balance_sheet", "income", "cash_flow", "accounting", "prices", "channels", "unused",
    "actions", "maturity_gaps", "cost_of_funds", "borrower_cost", "checks",
)  # fmt: skip


@dataclass(frozen=True)
class PlanReport:
    """A plan. ``frames`` are its tables, ``objective`` and ``net_income`` in ``currency``,
    ``origin`` what its manifest says of where figures come from.
    """

    model: LoadedModel
    currency: str
    regime: str
    status: str
    objective: float
    net_income: float
    frames: Mapping[str, pd.DataFrame]
    origin: Mapping[str, Any]
    chosen: Mapping[str, Any] = field(default_factory=dict)
    """How the plan was chosen among all that are as good."""

    @cached_property
    def tables(self) -> dict[str, Table]:
        """All tables with units, as ``plan_NAME``."""
        found = {}
        for name, frame in self.frames.items():
            table = named_table(f"plan_{name}", frame, self.currency)
            found[table.name] = table
        return found

    @cached_property
    def ties(self) -> list[Tie]:
        """Totals that must agree across the tables."""
        return ties(self.tables)

    @property
    def forecast_says(self) -> str:
        """Over which periods the cash forecast goes."""
        return forecast_says(self.model.spec.plan.frequency, self.model.spec.plan.periods)

    @cached_property
    def binding(self) -> pd.DataFrame:
        """Limits without headroom: a row for each limit and period."""
        limits = self.frames["limits"]
        return limits[limits["binding"].astype(bool)].reset_index(drop=True)

    @cached_property
    def cautions(self) -> list[str]:
        """What a reader must know before he uses the figures."""
        said = [
            f"Totals that must agree differ: {tie.name} ({tie.difference:,.2f})."
            for tie in self.ties
            if not tie.ok
        ]
        failed = self.frames["checks"]
        failed = failed[~failed["ok"].astype(bool)]
        said += [f"A check of the engine fails: {name}." for name in failed["check"]]
        actions = self.frames["actions"]
        late = int((actions["late"] & (actions["action"] != "notify")).sum())
        if late:
            said.append(
                f"{late} {'action needs' if late == 1 else 'actions need'} a notice whose last day "
                f"is before {self.model.spec.as_of}; "
                "the plan does not wait for notices."
            )
        return said

    def document(self) -> dict[str, Any]:
        """The plan as plain values; the files hold what is by segment, limit and purse."""
        spec = self.model.spec
        tables = {name: _rows(self.tables[f"plan_{name}"].frame) for name in TOLD}
        return {
            "schema_version": RESULT_VERSION,
            "model": spec.name,
            "as_of": spec.as_of,
            "currency": self.currency,
            "regime": self.model.regime_name,
            "scenario": spec.plan.scenario,
            "frequency": spec.plan.frequency,
            "periods": spec.plan.periods,
            "status": self.status,
            "objective": self.objective,
            "net_income": self.net_income,
            "chosen": dict(self.chosen),
            "cash_forecast": {
                "periods": self.forecast_says,
                "rows": _rows(self.tables["plan_cash_forecast"].frame),
            },
            "sources_uses": _rows(by_channel(self.tables["plan_sources_uses"].frame)),
            "binding_limits": _rows(named_table("binding", self.binding, self.currency).frame),
            **tables,
            "ties": [
                {"tie": tie.name, "difference": tie.difference, "ok": tie.ok} for tie in self.ties
            ],
            "cautions": self.cautions,
            "tables": sorted(self.tables),
        }

    def save(self, out: str | Path) -> SavedRun:
        """Write the run folder: every table, the short ones also as CSV."""
        extra = {
            f"plan_{name}.csv": csv_bytes(self.tables[f"plan_{name}"].frame)
            for name in (*TOLD, "cash_forecast", "maturity_ladder", "marginal_funding")
        }
        return save_run(Path(out), self.tables, self.origin, self.document(), extra=extra)


def forecast_says(frequency: str, periods: int) -> str:
    """Over which periods the cash forecast of a plan goes, in words."""
    if frequency == "week":
        return f"{min(periods, WEEKS)} weeks"
    return (
        f"{periods} {frequency}s: the plan's periods are {frequency}s, a forecast by weeks needs "
        'plan.frequency = "week"'
    )


def by_channel(flows: pd.DataFrame) -> pd.DataFrame:
    """Sources and uses of cash summed by period, side and channel."""
    keys = ["period", "end", "side", "channel"]
    return flows.groupby(keys, sort=False)["amount"].sum().reset_index()


def _rows(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """Rows as plain values; what is not there is null."""
    return [
        {key: None if pd.isna(value) else value for key, value in row.items()}
        for row in records(frame)
    ]
