"""The funding plan to show and to save: statements, limits, prices, forecast, actions, costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd

from scfcap.brief import Lines, money
from scfcap.funding.cash_flow import WEEKS
from scfcap.funding.objective import WORDS
from scfcap.funding.value import beyond_sentence
from scfcap.report.cautions import over_limits
from scfcap.report.files import RESULT_VERSION, csv_bytes, plain_rows
from scfcap.report.pictures.pictured import About, Pictured, Plots
from scfcap.report.pictures.plan import plan_drawings
from scfcap.report.store import SavedRun, save_run
from scfcap.report.tables import Table, named_table
from scfcap.report.tie import Tie
from scfcap.report.ties import ties
from scfcap.schema.load import LoadedModel

#: Tables that the document holds whole; the folder holds all, and these as CSV too.
TOLD = (
    "balance_sheet",
    "income",
    "cash_flow",
    "accounting",
    "prices",
    "term_prices",
    "channels",
    "unused",
    "long_demand",
    "next",
    "actions",
    "maturity_gaps",
    "cost_of_funds",
    "borrower_cost",
    "checks",
    "value",
    "covenants",
)


@dataclass(frozen=True, repr=False)
class PlanReport(Pictured):
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
    told: tuple[str, ...] = ()
    """Cautions of the plan itself."""
    chosen: Mapping[str, Any] = field(default_factory=dict)
    """How the plan was chosen among all that are as good."""
    kept: Callable[[], Mapping[str, bytes]] = dict
    """Further files of its folder by name, made when it is written."""

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
        spec = self.model.spec
        return forecast_says(spec.plan.frequency, len(spec.plan.grid(spec.as_of)))

    @property
    def length(self) -> str:
        """How long the plan is, and by which periods."""
        plan = self.model.spec.plan
        if plan.frequency == "weeks_then_months":
            return f"{plan.periods} months, the first 13 weeks by the week,"
        return f"{plan.periods} {plan.frequency}s"

    @property
    def objective_says(self) -> str:
        """What the plan seeks, and how much of it there is."""
        words = WORDS[self.model.spec.plan.objective]
        return f"The plan seeks the {words.aim}: {self.currency} {abs(self.objective):,.0f}."

    @property
    def beyond_says(self) -> str:
        """How much of the objective lies beyond the horizon, in words."""
        return beyond_sentence(self.frames["value"], self.currency)

    @cached_property
    def binding(self) -> pd.DataFrame:
        """Limits without headroom: a row for each limit and period."""
        limits = self.frames["limits"]
        return limits[limits["binding"].astype(bool)].reset_index(drop=True)

    @cached_property
    def cautions(self) -> list[str]:
        """What a reader must know before he uses the figures."""
        said = list(self.told)
        said += [
            f"Totals that must agree differ: {tie.name} ({tie.difference:,.2f})."
            for tie in self.ties
            if not tie.ok
        ]
        failed = self.frames["checks"]
        failed = failed[~failed["ok"].astype(bool)]
        said += [f"A check of the engine fails: {name}." for name in failed["check"]]
        said += broken_covenants(self.frames["covenants"])
        said += over_limits(self.model.spec)
        return said

    def document(self) -> dict[str, Any]:
        """The plan as plain values; the files hold what is by segment, limit and purse."""
        spec = self.model.spec
        tables = {name: plain_rows(self.tables[f"plan_{name}"].frame) for name in TOLD}
        return {
            "schema_version": RESULT_VERSION,
            "model": spec.name,
            "as_of": spec.as_of,
            "currency": self.currency,
            "regime": self.model.regime_name,
            "scenario": spec.plan.scenario,
            "frequency": spec.plan.frequency,
            "periods": len(spec.plan.grid(spec.as_of)),
            "status": self.status,
            "objective": self.objective,
            "net_income": self.net_income,
            "chosen": dict(self.chosen),
            "cash_forecast": {
                "periods": self.forecast_says,
                "rows": plain_rows(self.tables["plan_cash_forecast"].frame),
            },
            "sources_uses": plain_rows(by_channel(self.tables["plan_sources_uses"].frame)),
            "binding_limits": plain_rows(named_table("binding", self.binding, self.currency).frame),
            **tables,
            "ties": [
                {"tie": tie.name, "difference": tie.difference, "ok": tie.ok} for tie in self.ties
            ],
            "cautions": self.cautions,
            "tables": sorted(self.tables),
        }

    def _brief(self) -> tuple[str, Lines]:
        return f"Plan of {self.model.spec.name}, {self.length.rstrip(',')}", [
            ("regime", self.regime),
            ("status", self.status),
            ("objective", money(self.objective, self.currency)),
            ("net income", money(self.net_income, self.currency)),
        ]

    def _about(self) -> About:
        """What its pictures say of where they come from."""
        return About.of(self.model.spec, self.model.spec.plan.scenario)

    def plots(self) -> Plots:
        """Funding, sources and uses, limits, cash, lending, prices, cost of funds, gaps."""
        return plan_drawings(self.tables, self._about())

    def save(self, out: str | Path) -> SavedRun:
        """Write the run folder: every table, the short ones also as CSV, and what the plan was made
        from, for ``scfcap compare``.
        """
        extra = {
            f"plan_{name}.csv": csv_bytes(self.tables[f"plan_{name}"].frame)
            for name in (*TOLD, "cash_forecast", "maturity_ladder", "marginal_funding")
        }
        extra |= self.kept()
        return save_run(Path(out), self.tables, self.origin, self.document(), extra=extra)


def forecast_says(frequency: str, periods: int) -> str:
    """Over which periods the cash forecast of a plan goes, in words."""
    if frequency != "month":
        return f"{min(periods, WEEKS)} weeks"
    return (
        f"{periods} {frequency}s: the plan's periods are {frequency}s, a forecast by weeks needs "
        'plan.frequency = "weeks_then_months" or "week"'
    )


def broken_covenants(frame: pd.DataFrame) -> list[str]:
    """A sentence for each covenant that is broken, by the scenario and the first day."""
    broken = frame[frame["breached"].astype(bool)]
    said = []
    for (scenario, lender, name), part in broken.groupby(
        ["scenario", "lender", "covenant"], sort=False
    ):
        first = part.sort_values("period", kind="stable").iloc[0]
        effect = _EFFECTS[str(first["effect"])]
        others = f"; by cross default {first['cross_default']}" if first["cross_default"] else ""
        said.append(
            f"Under {scenario}, the covenant {name} of {lender} is broken at "
            f"{first['end']:%Y-%m-%d}: {first['replayed_ratio']:,.4g} against "
            f"{first['limit_ratio']:,.4g}. It {effect}{others}."
        )
    return said


_EFFECTS = {"draw_stop": "stops new draws", "acceleration": "makes what is drawn due at once"}


def by_channel(flows: pd.DataFrame) -> pd.DataFrame:
    """Sources and uses of cash summed by period, side and channel."""
    keys = ["period", "end", "side", "channel"]
    return flows.groupby(keys, sort=False)["amount"].sum().reset_index()
