"""A small run with every kind of table: two segments, two banks' worth of channels, 12 months.

The figures are made up, but they tie as a run's figures must: sources equal uses, cohorts roll
forward, the balance sheet balances.
"""

from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from scfcap.periods import PeriodGrid
from scfcap.pool.build import build_pool
from scfcap.report.tables import Results, RunMeta, Table, run_tables
from scfcap.schema.pool import (
    AdvanceRate,
    BorrowingBaseSpec,
    Concentration,
    EligibilitySet,
    PoolSpec,
    Reserve,
    Rule,
)
from scfcap.schema.report import Pack
from scfcap.schema.tape import PlatformSpec, TapeSpec
from scfcap.tape.read import read_tape

AS_OF = date(2013, 12, 31)
PERIODS = 12
GRID = PeriodGrid.build(AS_OF, PERIODS)
ENDS = pd.to_datetime(pd.Series(GRID.ends)).astype("datetime64[s]")
SEGMENTS = ("order", "credit")
OPENING = {"order": 60_000_000.0, "credit": 40_000_000.0}
OWN_LOANS, VEHICLE_LOANS = 80e6, 20e6


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
                     scheduled, prepaid, recovered, default * 0.75, default * 0.25, closing)
                )  # fmt: skip
                balance, recovered = closing, default * 0.25
    names = [
        "scenario", "segment", "period", "end", "opening", "default", "interest",
        "scheduled", "prepaid", "recovery", "loss", "receivable", "closing",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def _pool() -> tuple[dict[str, pd.DataFrame], dict[str, pd.DataFrame]]:
    """Tables of the tape and the pool: 200 loans, four fifths on the own book."""
    count = 200
    rng = np.random.default_rng(7)
    own = np.arange(count) < 160
    weight = rng.uniform(0.5, 1.5, count)
    size = np.where(own, OWN_LOANS, VEHICLE_LOANS)
    balance = size * weight / np.where(own, weight[own].sum(), weight[~own].sum())
    started = pd.Timestamp(AS_OF) - pd.to_timedelta(rng.integers(1, 60, count), unit="D")
    frame = pd.DataFrame(
        {
            "loan_id": [f"L{n:04d}" for n in range(count)],
            "borrower_id": [f"=shop {n % 90}" for n in range(count)],
            "segment": np.where(np.arange(count) % 5 < 3, "order", "credit"),
            "loan_type": "bullet",
            "origination_date": started,
            "maturity_date": started + pd.Timedelta(days=90),
            "original_balance": balance,
            "current_balance": balance,
            "rate": np.round(rng.uniform(0.15, 0.24, count), 4),
            "days_past_due": np.where(rng.random(count) < 0.05, 12, 0),
            "score": np.where(rng.random(count) < 0.1, np.nan, rng.integers(500, 800, count)),
            "channel": np.where(own, "own_capital", "securitization:series-1"),
        }
    )
    spec = TapeSpec(source="platform", platform=PlatformSpec(loans=count, seed=7))
    tape = read_tape(spec, as_of=AS_OF, folder=Path(), frame=frame)
    rules = (
        Rule(test="days_past_due <= 0"),
        Rule(name="score of 550 at least", test="score >= 550"),
    )
    limits = (Concentration(column="borrower_id", share=0.02),)
    sets = {"vehicle": EligibilitySet(rules=rules, concentrations=limits)}
    line = BorrowingBaseSpec(
        eligibility="vehicle",
        advance_rates=(
            AdvanceRate(name="good score", test="score >= 650", rate=0.8),
            AdvanceRate(name="fair score", test="score >= 550", rate=0.6),
        ),
        limit=9e6,
        drawn=8.5e6,
        reserves=(Reserve(name="servicing", share=0.01),),
        minimum=0.5e6,
    )
    spec = PoolSpec(
        eligibility=sets, borrowing_base={"bank-a": line}, stratify_by=("segment", "score")
    )
    pool = build_pool(tape, spec)
    found = {"totals": tape.totals, "reasons": tape.reasons, "findings": tape.findings}
    return found, dict(pool.tables)


def _deal() -> pd.DataFrame:
    """A series of 15 m notes on 20 m loans: it revolves to July, then pays in order."""
    parts = []
    for scenario, lost in (("base", 0.002), ("stress", 0.02)):
        cash, reserve, pool, notes = 0.0, 0.2e6, VEHICLE_LOANS, np.array([12e6, 3e6])
        rows = []
        for period in range(1, PERIODS + 1):
            done = notes.sum() <= 0.0
            interest, default = pool * 0.015, pool * lost
            principal = pool * 0.4 - default
            fees = min(pool * 0.001, cash + interest)
            coupons = notes * np.array([0.06, 0.1]) / 12
            left = cash + interest + principal - fees - coupons.sum()
            bought = min(principal, left) if period <= 7 else 0.0
            left -= bought
            paid = np.zeros(2) if period <= 7 else np.minimum(notes, [left, left])
            paid[1] = min(paid[1], left - paid[0])
            left -= paid.sum()
            freed = reserve if (notes - paid).sum() <= 0.0 else 0.0
            residual = left + freed if (notes - paid).sum() <= 0.0 else 0.0
            rows.append(
                {
                    "series": "series-1", "scenario": scenario, "period": period,
                    "end": ENDS[period - 1],
                    "phase": "repaid" if done else "revolving" if period <= 7 else "amortising",
                    "opening cash": cash, "opening reserve": reserve, "notes issued": 0.0,
                    "contribution": 0.0, "interest collected": interest,
                    "principal collected": principal, "recoveries": 0.0, "interest on cash": 0.0,
                    "issue cost": 0.0, "senior fee": fees, "servicing fee": 0.0,
                    "senior interest": coupons[0], "junior interest": coupons[1],
                    "purchases": bought, "senior principal": paid[0],
                    "junior principal": paid[1], "residual": residual,
                }
            )  # fmt: skip
            notes, reserve = notes - paid, reserve - freed
            cash = 0.0 if residual else left
            pool += bought - principal - default
            rows[-1] |= {
                "cash": cash, "reserve": reserve, "defaults": default, "pool": pool,
                "senior notes": notes[0], "senior accrued": 0.0,
                "junior notes": notes[1], "junior accrued": 0.0,
            }  # fmt: skip
        parts.append(pd.DataFrame(rows))
    return pd.concat(parts, ignore_index=True)


def _plan() -> dict[str, pd.DataFrame]:
    flows, balances, lending, income, sheet = [], [], [], [], []
    own, cash, debt, placed, notes = OWN_LOANS, 5e6, 20e6, 0.0, 15e6
    capital = own + cash + VEHICLE_LOANS - debt - placed - notes

    def balance(period: int, end: object) -> None:
        for channel, item, amount in (
            ("own_capital", "loans", own),
            ("own_capital", "cash", cash),
            ("own_capital", "net capital", capital),
            ("bank_debt", "bank-a: debt", debt),
            ("securitization", "series-1: loans", VEHICLE_LOANS),
            ("securitization", "series-1: senior notes", notes),
            ("p2p", "notes", placed),
        ):
            balances.append((period, end, channel, item, amount))
        for side, item, amount in (
            ("asset", "loans on the own book", own),
            ("asset", "loans of the vehicle", VEHICLE_LOANS),
            ("asset", "free cash", cash),
            ("liability", "bank and other debt", debt),
            ("liability", "notes held by others", notes),
            ("liability", "P2P notes", placed),
            ("capital", "net capital", capital),
        ):
            sheet.append((period, end, side, item, amount))

    balance(0, pd.Timestamp(AS_OF))
    for period, end in enumerate(ENDS, start=1):
        collected, earned, cost, new = 0.33 * own, 0.014 * own, 0.3e6, 1e6
        drawn, repaid = (8e6 if period % 3 == 1 else 0.0), (7e6 if period % 3 == 0 else 0.0)
        made = cash + collected + earned + drawn + new - repaid - cost - 4e6
        for side, channel, item, amount in (
            ("source", "own_capital", "cash brought forward", cash),
            ("source", "own_capital", "principal repaid", collected),
            ("source", "own_capital", "interest received", earned),
            ("source", "bank_debt", "bank-a: drawn", drawn),
            ("source", "bank_transfer", "bank-c: loans sold", 0.0),
            ("source", "p2p", "notes placed", new),
            ("use", "own_capital", "loans made", made),
            ("use", "own_capital", "running cost", cost),
            ("use", "bank_debt", "bank-a: repaid", repaid),
            ("use", "own_capital", "cash carried forward", 4e6),
        ):
            flows.append((period, end, side, channel, item, amount))
        own, cash, debt, placed = own + made - collected, 4e6, debt + drawn - repaid, placed + new
        capital += earned - cost
        for segment, share in (("order", 2 / 3), ("credit", 1 / 3)):
            lending.append((period, end, segment, made * share * 1.1, made * share))
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
        "terms": _terms(),
        "prices": pd.DataFrame(
            [
                (
                    1,
                    "net capital",
                    0.0412,
                    "1 CNY",
                    "CNY 1 million more of net capital at the start "
                    "earns CNY 41,200 over the 12 months.",
                    0.0405,
                    0.0412,
                ),
                (
                    2,
                    "bank-a line",
                    0.02,
                    "1 CNY",
                    "CNY 1 million more of the line of bank-a throughout "
                    "earns CNY 20,000 over the 12 months.",
                    0.02,
                    0.02,
                ),
                (
                    3,
                    "demand of order",
                    0.01,
                    "1 CNY",
                    "CNY 1 million more of loan demand in order each month "
                    "earns CNY 10,000 over the 12 months.",
                    0.0,
                    0.01,
                ),
                (
                    4,
                    "liquidity floor",
                    0.001,
                    "1 CNY",
                    "CNY 1 million more of the liquidity floor earns CNY 1,000 over the 12 months.",
                    0.001,
                    0.001,
                ),
            ],
            columns=["rank", "what", "value", "per", "sentence", "low", "high"],
        ),
        "channels": pd.DataFrame(
            [
                (
                    "bank_debt",
                    12e6,
                    10e6,
                    2e6,
                    "Without new bank draws the plan would earn CNY 2,000,000 less.",
                ),
                (
                    "p2p",
                    12e6,
                    11.5e6,
                    0.5e6,
                    "Without new P2P notes the plan would earn CNY 500,000 less.",
                ),
            ],
            columns=["channel", "income_with", "income_without", "worth", "sentence"],
        ),
        "balance_sheet": pd.DataFrame(sheet, columns=["period", "end", "side", "item", "amount"]),
        "income": pd.DataFrame(income, columns=["period", "end", "item", "amount"]),
        "checks": pd.DataFrame(
            [
                ("replay: free cash", 2.0e-4, 1.0, True, "decisions alone through the engines"),
                ("program: duality gap", 1.0e-9, 1.0e-7, True, "share of the objective"),
            ],
            columns=["check", "value", "tolerance", "ok", "note"],
        ),
    }


def _terms() -> pd.DataFrame:
    """Running cost of 0.3 m a month: 3.6 m a year; the model's file states a thousandth of it."""
    rows = [
        ("use", "own_capital", "running cost", "Running cost, fixed", "plan.opex_per_year",
         "amount", 3.6e6, 1e-3, period, end, 1 / 12, 1.0)
        for period, end in enumerate(ENDS, start=1)
    ]  # fmt: skip
    names = [
        "side", "channel", "item", "part", "key", "kind", "rate", "scale", "period", "end", "years",
        "base_amount",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def _limits() -> pd.DataFrame:
    rows = []
    for family, key, limit, sense in (
        ("leverage", "chongqing-2012", 30e6, "<="),
        ("bank_debt", "bank-a", 30e6, "<="),
        ("liquidity_floor", "liquidity_floor", 4e6, ">="),
    ):
        for period, end in enumerate(ENDS, start=1):
            use = 4e6 if sense == ">=" else min(limit, 18e6 + 1.5e6 * period)
            headroom = limit - use if sense == "<=" else use - limit
            rows.append(
                (family, key, period, end, sense, use, limit, headroom,
                 0.02 if headroom == 0.0 and sense == "<=" else 0.0, headroom == 0.0, "currency")
            )  # fmt: skip
    names = [
        "family", "key", "period", "end", "sense", "use", "limit", "headroom",
        "dual", "binding", "unit",
    ]  # fmt: skip
    return pd.DataFrame(rows, columns=names)


@pytest.fixture(scope="session")
def results() -> Results:
    tape, pool = _pool()
    return Results(
        tape=tape,
        pool=pool,
        credit=pd.DataFrame(),
        cashflow=_cashflow(),
        deals={"series-1": _deal()},
        plan=_plan(),
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
