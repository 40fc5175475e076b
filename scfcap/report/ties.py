"""Totals that must agree across tables: what the Checks sheet shows and the tests assert."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd

from scfcap import axes
from scfcap.quantities import ENGINE_TOLERANCE, HALF_CENT
from scfcap.report.tables import Table

How = Literal["sum", "absolute", "first", "last"]


@dataclass(frozen=True)
class Side:
    """One side of a tie: what it is, its value [currency], and where a workbook shows it.

    ``key`` names cells of the workbook (:attr:`scfcap.report.book.Book.places`), ``how`` says
    what of them: their sum, the sum of their absolute values, the first or the last cell.
    """

    label: str
    value: float
    key: str = ""
    how: How = "sum"


@dataclass(frozen=True)
class Tie:
    """Two totals that must agree within ``tolerance`` [currency]."""

    name: str
    left: Side
    right: Side
    tolerance: float

    @property
    def difference(self) -> float:
        """Left less right [currency]."""
        return self.left.value - self.right.value

    @property
    def ok(self) -> bool:
        """Whether they agree."""
        return bool(abs(self.difference) <= self.tolerance)


def ties(tables: Mapping[str, Table]) -> list[Tie]:
    """Every tie for which ``tables`` hold both sides, in the order of the stations."""
    found = [*_pool_ties(tables), *_cash_flow_ties(tables), *_plan_ties(tables)]
    return [tie for tie in found if tie is not None]


def funding_stack(balances: pd.DataFrame) -> pd.DataFrame:
    """Who funds the loans managed: a row by channel, a column by period [currency].

    Loans managed are the loans in every place. Bank debt and P2P notes count at their balance,
    a securitization at its notes sold, loans with a buyer in full; own capital is what they
    leave. Channels that are zero throughout are left out.
    """
    channel = balances["channel"].map(axes.channel_of)
    item = balances["item"]
    masks = {
        axes.BANK_DEBT: (channel == axes.BANK_DEBT) & (item == "debt"),
        axes.SECURITIZATION: (channel == axes.SECURITIZATION) & item.str.startswith("notes"),
        axes.BANK_TRANSFER: (channel == axes.BANK_TRANSFER) & (item == "loans"),
        axes.P2P: (channel == axes.P2P) & (item == "notes"),
    }
    periods = sorted(balances["period"].unique())

    def sums(mask: pd.Series) -> pd.Series:
        by_period = balances[mask].groupby("period")["amount"].sum()
        return by_period.reindex(periods, fill_value=0.0)

    outside = {name: sums(mask) for name, mask in masks.items()}
    managed = sums(item == "loans")
    own = managed - sum(outside.values())
    stack = pd.DataFrame({axes.OWN: own, **outside}).T
    return stack[np.abs(stack.to_numpy()).max(axis=1) > 0.0]


def _tolerance(size: float) -> float:
    """Half a cent, or the engines' relative error where the amounts are very large."""
    return max(HALF_CENT, ENGINE_TOLERANCE * abs(size))


def _frame(tables: Mapping[str, Table], name: str) -> pd.DataFrame | None:
    table = tables.get(name)
    return None if table is None or table.frame.empty else table.frame


def _pool_ties(tables: Mapping[str, Table]) -> Iterator[Tie]:
    yield from ()


def _cash_flow_ties(tables: Mapping[str, Table]) -> Iterator[Tie]:
    frame = _frame(tables, "cash_flows")
    if frame is None:
        return
    for scenario, flows in frame.groupby("scenario", sort=False):
        opening = flows[flows["period"] == 1]["opening"].sum()
        out = flows["default"] + flows["scheduled"] + flows["prepaid"]
        gap = (flows["opening"] - out - flows["closing"]).groupby(flows["period"]).sum()
        yield Tie(
            f"Cash flows, {scenario}: opening less defaults and principal is closing",
            Side("sum of the differences", float(gap.abs().sum()), f"cash.{scenario}.gap",
                 "absolute"),
            Side("nothing", 0.0),
            _tolerance(opening),
        )  # fmt: skip


def _plan_ties(tables: Mapping[str, Table]) -> Iterator[Tie]:
    flows, balances = _frame(tables, "plan_sources_uses"), _frame(tables, "plan_balances")
    lending, sheet = _frame(tables, "plan_lending"), _frame(tables, "plan_balance_sheet")
    if flows is None:
        return
    signed = flows["amount"].where(flows["side"] == "source", -flows["amount"])
    gap = signed.groupby(flows["period"]).sum()
    size = float(flows["amount"].abs().sum())
    yield Tie(
        "Plan: sources are uses in every period",
        Side("sum of the differences", float(gap.abs().sum()), "plan.sources_less_uses",
             "absolute"),
        Side("nothing", 0.0),
        _tolerance(size),
    )  # fmt: skip
    if sheet is not None:
        signed = sheet["amount"].where(sheet["side"] == "asset", -sheet["amount"])
        gap = signed.groupby(sheet["period"]).sum()
        yield Tie(
            "Plan: assets are liabilities and capital at every close",
            Side("sum of the differences", float(gap.abs().sum()), "plan.balance_sheet",
                 "absolute"),
            Side("nothing", 0.0),
            _tolerance(float(sheet["amount"].abs().sum())),
        )  # fmt: skip
