"""A run in ten lines for the terminal, from the same tables as the workbook."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from scfcap.report.alike import as_first
from scfcap.report.book import Look
from scfcap.report.tables import RunMeta, Table
from scfcap.report.words import best_prices, decision

#: How many of the most valuable limits are named.
PRICES = 3


def ten_lines(tables: Mapping[str, Table], meta: RunMeta) -> list[str]:
    """What a treasurer wants to know first, in ten lines."""
    lending, mix, *_, binding = decision(tables, meta)
    prices = best_prices(tables, PRICES)
    if not prices:
        prices = ["Neither more money nor a wider limit would earn more."]
    return [
        f"{meta.title}, as of {meta.as_of}; regime: {meta.regime}",
        _book(tables, meta),
        _losses(tables, meta),
        f"{_planned(tables, meta)}: {lending[:1].lower()}{lending[1:]}",
        mix,
        binding,
        *(f"{rank}. {sentence}" for rank, sentence in enumerate(prices, start=1)),
        _checks(tables),
    ]


def five_lines(tables: Mapping[str, Table], meta: RunMeta) -> list[str]:
    """The same, shorter: book, plan, funding, and what is worth most."""
    lines = ten_lines(tables, meta)
    return [lines[0], lines[1], lines[3], lines[4], lines[6].removeprefix("1. ")]


def _planned(tables: Mapping[str, Table], meta: RunMeta) -> str:
    """``Plan``, with its scenario where that is not the first of the cash flows, the base."""
    first = str(_rows(tables, "cash_flows")["scenario"].iloc[0])
    return "Plan" if meta.scenario == first else f"Plan under {meta.scenario}"


def _rows(tables: Mapping[str, Table], name: str) -> pd.DataFrame:
    return tables[name].frame


def _book(tables: Mapping[str, Table], meta: RunMeta) -> str:
    summary = _rows(tables, "pool_summary")
    pool = summary[summary["part"] == "pool"].iloc[0]
    balance = Look(meta.currency, meta.money_unit).say(float(pool["balance"]))
    return (
        f"Book: {int(pool['loans']):,} loans of {int(pool['borrowers']):,} borrowers, "
        f"{balance} outstanding at {pool['rate']:.1%} a year, "
        f"{pool['remaining_days']:,.0f} days to run on average."
    )


def _losses(tables: Mapping[str, Table], meta: RunMeta) -> str:
    flows, look = _rows(tables, "cash_flows"), Look(meta.currency, meta.money_unit)
    first = flows[flows["scenario"] == flows["scenario"].iloc[0]]
    opening = float(first.loc[first["period"] == 1, "opening"].sum())
    same = [name for name in as_first(flows) if name != meta.scenario]
    lost = flows.groupby("scenario", sort=False)["loss"].sum().drop(same)
    parts = [
        f"{look.say(float(amount))} ({amount / opening:.2%}) in {scenario}"
        for scenario, amount in lost.items()
    ]
    alike = f"; as in {flows['scenario'].iloc[0]} in {', '.join(same)}" if same else ""
    return f"Lost on this book until it has run off: {', '.join(parts)}{alike}."


def remarks_said(reasons: pd.DataFrame) -> str:
    """The findings of a tape that reject nothing, in words."""
    count = int(reasons.loc[reasons["severity"] != "error", "rows"].sum())
    return f"{count:,} remark" if count == 1 else f"{count:,} remarks"


def _checks(tables: Mapping[str, Table]) -> str:
    checks, totals = _rows(tables, "plan_checks"), _rows(tables, "tape_totals")
    failed = [str(name) for name in checks.loc[~checks["ok"].astype(bool), "check"]]
    rejected = int(totals.loc[totals["item"] == "rejected", "rows"].sum())
    reasons = _rows(tables, "tape_reasons")
    verdict = f"FAILED: {', '.join(failed)}" if failed else f"all {len(checks)} hold"
    rows = f"{rejected:,} row" if rejected == 1 else f"{rejected:,} rows"
    return f"Checks: {verdict}; tape: {rows} rejected, {remarks_said(reasons)}."
