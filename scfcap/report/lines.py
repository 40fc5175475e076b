"""A run in ten lines for the terminal, from the same tables as the workbook."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from scfcap.report.sheets.common import CHANNEL_WORDS
from scfcap.report.tables import RunMeta, Table
from scfcap.report.ties import funding_stack

#: How many of the most valuable limits are named.
PRICES = 3
_UNITS = {1.0: "", 1e3: " thousand", 1e6: " million", 1e9: " billion"}


def ten_lines(tables: Mapping[str, Table], meta: RunMeta) -> list[str]:
    """What a treasurer wants to know first, in ten lines."""
    prices = _prices(tables)[:PRICES]
    prices += ["Nothing else binds."] * (PRICES - len(prices))
    return [
        f"{meta.title}, as of {meta.as_of}; regime: {meta.regime}",
        _book(tables, meta),
        _losses(tables, meta),
        _lending(tables, meta),
        _funding(tables),
        _income(tables, meta),
        *(f"{rank}. {sentence}" for rank, sentence in enumerate(prices, start=1)),
        _checks(tables),
    ]


def five_lines(tables: Mapping[str, Table], meta: RunMeta) -> list[str]:
    """The same, shorter: book, lending, funding, and what is worth most."""
    lines = ten_lines(tables, meta)
    return [lines[0], lines[1], lines[3], lines[4], lines[6].removeprefix("1. ")]


def _money(amount: float, meta: RunMeta) -> str:
    unit = meta.money_unit if meta.money_unit in _UNITS else 1.0
    return f"{meta.currency} {amount / unit:,.1f}{_UNITS[unit]}"


def _rows(tables: Mapping[str, Table], name: str) -> pd.DataFrame:
    return tables[name].frame


def _book(tables: Mapping[str, Table], meta: RunMeta) -> str:
    summary = _rows(tables, "pool_summary")
    pool = summary[summary["part"] == "pool"].iloc[0]
    return (
        f"Book: {int(pool['loans']):,} loans of {int(pool['borrowers']):,} borrowers, "
        f"{_money(pool['balance'], meta)} outstanding at {pool['rate']:.1%} a year, "
        f"{pool['remaining_days']:.0f} days to run on average."
    )


def _losses(tables: Mapping[str, Table], meta: RunMeta) -> str:
    flows = _rows(tables, "cash_flows")
    first = flows[flows["scenario"] == flows["scenario"].iloc[0]]
    opening = float(first.loc[first["period"] == 1, "opening"].sum())
    lost = flows.groupby("scenario", sort=False)["loss"].sum()
    parts = [
        f"{_money(amount, meta)} ({amount / opening:.2%}) in {k}" for k, amount in lost.items()
    ]
    return f"Lost on this book until it has run off: {', '.join(parts)}."


def _lending(tables: Mapping[str, Table], meta: RunMeta) -> str:
    lending = _rows(tables, "plan_lending")
    lent, asked = float(lending["originated"].sum()), float(lending["demand"].sum())
    count = int(lending["period"].max())
    share = f", {lent / asked:.0%} of what is asked for" if asked > 0 else ""
    return f"Plan: lend {_money(lent, meta)} over {count} {meta.frequency}s{share}."


def _funding(tables: Mapping[str, Table]) -> str:
    stack = funding_stack(_rows(tables, "plan_balances"))
    first, last = (stack[period] / stack[period].sum() for period in (min(stack), max(stack)))
    parts = [
        f"{CHANNEL_WORDS.get(channel, channel)} {last[channel]:.0%} (now {first[channel]:.0%})"
        for channel in stack.index
    ]
    return f"Funded at the end by: {', '.join(parts)}."


def _income(tables: Mapping[str, Table], meta: RunMeta) -> str:
    capital = _balance(tables, "net capital")
    moved = f"; net capital {_money(capital[0], meta)} to {_money(capital[1], meta)}"
    return f"Net income {_money(meta.net_income, meta)}{moved if any(capital) else ''}."


def _balance(tables: Mapping[str, Table], item: str) -> tuple[float, float]:
    """First and last balance of an item [currency]."""
    balances = _rows(tables, "plan_balances")
    sums = balances[balances["item"] == item].groupby("period")["amount"].sum()
    return (float(sums.iloc[0]), float(sums.iloc[-1])) if len(sums) else (0.0, 0.0)


def _prices(tables: Mapping[str, Table]) -> list[str]:
    prices = _rows(tables, "plan_prices")
    prices = prices[prices["rank"] > 0].sort_values("rank")
    return [str(sentence) for sentence in prices["sentence"]]


def _checks(tables: Mapping[str, Table]) -> str:
    checks, totals = _rows(tables, "plan_checks"), _rows(tables, "tape_totals")
    failed = [str(name) for name in checks.loc[~checks["ok"].astype(bool), "check"]]
    rejected = int(totals.loc[totals["item"] == "rejected", "rows"].sum())
    remarks = len(_rows(tables, "tape_findings"))
    verdict = f"FAILED: {', '.join(failed)}" if failed else f"all {len(checks)} hold"
    return f"Checks: {verdict}; tape: {rejected:,} rows rejected, {remarks:,} remarks."
