"""A small run with every kind of table: two segments, two banks' worth of channels, 12 months.

The figures are made up, but they tie as a run's figures must: sources equal uses, cohorts roll
forward, the balance sheet balances.
"""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd
import pytest

from scfcap.periods import PeriodGrid
from scfcap.report.tables import Results, RunMeta, Table, run_tables
from scfcap.schema.report import Pack

AS_OF = date(2013, 12, 31)
PERIODS = 12
GRID = PeriodGrid.build(AS_OF, PERIODS)
ENDS = pd.to_datetime(pd.Series(GRID.ends)).astype("datetime64[s]")
SEGMENTS = ("order", "credit")
OPENING = {"order": 60_000_000.0, "credit": 40_000_000.0}


def _cashflow() -> pd.DataFrame:
    rows = []
    for scenario, multiple in (("base", 1.0), ("stress", 3.0)):
        for segment in SEGMENTS:
            balance, recovered = OPENING[segment], 0.0
            for period in range(1, PERIODS + 1):
                default = balance * 0.004 * multiple
                interest = (balance - default) * 0.015
                scheduled = (balance - default) * 0.3
                prepaid = (balance - default - scheduled) * 0.05
                closing = balance - default - scheduled - prepaid
                rows.append(
                    (scenario, segment, period, ENDS[period - 1], balance, default, interest,
                     scheduled, prepaid, recovered, default * 0.75, closing)
                )  # fmt: skip
                balance, recovered = closing, default * 0.25
    names = [
        "scenario", "segment", "period", "end", "opening", "default", "interest",
        "scheduled", "prepaid", "recovery", "loss", "closing",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def _plan() -> dict[str, pd.DataFrame]:
    flows, balances, lending, income, sheet = [], [], [], [], []
    cash, own, debt, notes, sold = 5e6, 80e6, 20e6, 15e6, 20e6
    capital = cash + own + 5e6 - debt

    def balance(period: int, end: object) -> None:
        for channel, item, amount in (
            ("own_capital", "cash", cash),
            ("own_capital", "loans", own),
            ("bank_debt:bank-a", "debt", debt),
            ("securitization:series-1", "loans", sold),
            ("securitization:series-1", "notes senior", notes),
            ("net_capital", "net capital", capital),
        ):
            balances.append((period, end, channel, item, amount))
        for side, item, amount in (
            ("asset", "cash", cash),
            ("asset", "own loans", own),
            ("asset", "junior notes", cash + own),
            ("liability", "bank debt", debt),
            ("capital", "net capital", 2 * cash + 2 * own - debt),
        ):
            sheet.append((period, item, side, amount))

    balance(0, pd.Timestamp(AS_OF))
    for period, end in enumerate(ENDS, start=1):
        season = 1.0 + 0.3 * np.sin(period)
        lent = {"order": 18e6 * season, "credit": 9e6 * season}
        collected = 0.33 * own
        drawn, repaid = (8e6 if period % 3 == 1 else 0.0), (7e6 if period % 3 == 0 else 0.0)
        earned, cost = 0.014 * own, 0.3e6
        placed = sum(lent.values()) + cost + repaid + 4e6 - collected - drawn - earned - cash
        for side, channel, item, amount in (
            ("source", "own_capital", "cash brought forward", cash),
            ("source", "own_capital", "principal collected", collected),
            ("source", "own_capital", "interest collected", earned),
            ("source", "bank_debt:bank-a", "drawn", drawn),
            ("source", "p2p", "placed", placed),
            ("use", "own_capital", "loans paid out", sum(lent.values())),
            ("use", "bank_debt:bank-a", "repaid", repaid),
            ("use", "own_capital", "running cost", cost),
            ("use", "own_capital", "cash carried forward", 4e6),
        ):
            flows.append((period, end, side, channel, item, amount))
        own, cash, debt = own + sum(lent.values()) - collected, 4e6, debt + drawn - repaid
        capital += earned - cost
        for segment in SEGMENTS:
            lending.append((period, end, segment, lent[segment] * 1.1, lent[segment]))
        income += [(period, end, "interest income", earned), (period, end, "running cost", -cost)]
        balance(period, end)
    return {
        "sources_uses": pd.DataFrame(
            flows, columns=["period", "end", "side", "channel", "item", "amount"]
        ),
        "balances": pd.DataFrame(
            balances, columns=["period", "end", "channel", "item", "amount"]
        ).astype({"end": "datetime64[s]"}),
        "lending": pd.DataFrame(
            lending, columns=["period", "end", "segment", "demand", "originated"]
        ),
        "limits": _limits(),
        "prices": pd.DataFrame(
            [
                (1, "net capital", 0.0412, "1 CNY", "One more CNY 1 m of net capital earns "
                 "CNY 41,200 over the horizon.", 0.0405, 0.0412),
                (2, "bank-a line", 0.02, "1 CNY", "One more CNY 1 m of bank-a's line earns "
                 "CNY 20,000 over the horizon.", 0.02, 0.02),
                (3, "demand of order", 0.01, "1 CNY", "One more CNY 1 m of demand for order loans "
                 "earns CNY 10,000.", 0.0, 0.01),
                (4, "liquidity floor", 0.001, "1 CNY", "A floor lower by CNY 1 m earns "
                 "CNY 1,000.", 0.001, 0.001),
            ],
            columns=["rank", "what", "value", "per", "sentence", "low", "high"],
        ),  # fmt: skip
        "channels": pd.DataFrame(
            [
                ("bank_debt:bank-a", 12e6, 10e6, 2e6, "Without bank-a the plan earns CNY 2.0 m "
                 "less."),
                ("p2p", 12e6, 11.5e6, 0.5e6, "Without P2P the plan earns CNY 0.5 m less."),
            ],
            columns=["channel", "income_with", "income_without", "worth", "sentence"],
        ),  # fmt: skip
        "balance_sheet": pd.DataFrame(sheet, columns=["period", "item", "side", "amount"]),
        "income": pd.DataFrame(income, columns=["period", "end", "item", "amount"]),
        "checks": pd.DataFrame(
            [
                ("replay: cash", 2.0e-4, 1.0, True, "plan against the kernel, largest difference"),
                ("strong duality", 1.0e-9, 1.0e-7, True, "objective less value of the limits"),
            ],
            columns=["check", "value", "tolerance", "ok", "note"],
        ),
    }


def _limits() -> pd.DataFrame:
    rows = []
    for family, key, limit, sense in (
        ("leverage", "chongqing-2012: debt to net capital", 30e6, "<="),
        ("bank_debt", "bank-a", 30e6, "<="),
        ("cash", "liquidity floor", 4e6, ">="),
    ):
        for period, end in enumerate(ENDS, start=1):
            use = 4e6 if sense == ">=" else min(limit, 18e6 + 1.5e6 * period)
            headroom = limit - use if sense == "<=" else use - limit
            rows.append(
                (family, key, period, end, sense, use, limit, headroom,
                 0.02 if headroom == 0.0 and family != "cash" else 0.0, headroom == 0.0, "currency")
            )  # fmt: skip
    names = [
        "family", "key", "period", "end", "sense", "use", "limit", "headroom",
        "dual", "binding", "unit",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


@pytest.fixture(scope="session")
def results() -> Results:
    return Results(
        tape={}, pool={}, credit=pd.DataFrame(), cashflow=_cashflow(), deals={}, plan=_plan()
    )


@pytest.fixture(scope="session")
def tables(results: Results) -> dict[str, Table]:
    return run_tables(results, "CNY")


@pytest.fixture(scope="session")
def meta() -> RunMeta:
    return RunMeta(
        model="example", title="An example platform", as_of=AS_OF,
        regime="Chongqing, rules of 2012", currency="CNY", money_unit=1e6, scenario="base",
        frequency="month", status="optimal", objective=12e6, net_income=12e6, version="0.1.0",
        digest="0123456789abcdef", overrides=("plan.periods=12",), command="scfcap run example",
    )  # fmt: skip


@pytest.fixture(scope="session")
def pack() -> Pack:
    return Pack(
        title="Treasury pack",
        sheets=("summary", "pool", "cash_flows", "deal", "plan", "limits", "checks"),
    )
