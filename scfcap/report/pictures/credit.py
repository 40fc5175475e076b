"""Pictures of credit: figures by segment, survival, static pools, and the back-test."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial

import numpy as np
import pandas as pd

from scfcap.report.charts import Picture, Row, digits, lines, rows_of_bars
from scfcap.report.pictures.pictured import About, Plots
from scfcap.report.sheets.common import title_case
from scfcap.report.tables import Table
from scfcap.report.words import MEASURES

#: Measures that are shares or rates a year, in their order.
_SHARES = (
    "lifetime_default", "default_by_age", "cdr", "prepay_by_age", "cpr", "severity", "late_share",
)  # fmt: skip
_FORECASTS = {"predicted": "rates by age", "model": "segment curves", "naive": "rates held"}


def credit_drawings(tables: Mapping[str, Table], about: About) -> Plots:
    """Pictures of what is known about the credit, by name."""
    frames = {name: table.frame for name, table in tables.items() if len(table.frame)}
    made = {}
    if "credit" in frames:
        made["curves"] = partial(curves, frames["credit"], about)
    if "survival" in frames:
        made["survival"] = partial(survival, frames["survival"], about)
    if "static_pools" in frames:
        made["vintages"] = partial(vintages, frames["static_pools"], about)
    if "backtest_months" in frames:
        for measure in frames["backtest_months"]["measure"].unique():
            made[f"backtest_{measure}"] = partial(
                backtest, frames["backtest_months"], str(measure), about
            )
    return made


def curves(frame: pd.DataFrame, about: About) -> Picture:
    """Default, prepayment, loss given default and lateness by segment, with 95% intervals."""
    groups = {}
    for measure in _SHARES:
        mine = frame[(frame["measure"] == measure) & frame["estimate"].notna()]
        if not len(mine) or not mine["estimate"].any():
            continue
        groups[title_case(MEASURES.get(measure, measure))] = [
            Row(
                str(row["segment"]),
                float(row["estimate"]),
                f"{row['estimate']:.2%}",
                low=None if pd.isna(row["low"]) else float(row["low"]),
                high=None if pd.isna(row["high"]) else float(row["high"]),
            )
            for row in mine.to_dict("records")
        ]
    return rows_of_bars(
        "Credit behaviour by segment",
        groups,
        "share, or rate a year; lines are 95% intervals",
        percent=True,
        dots=True,
        columns=2 if len(groups) > 2 else 1,
        note=about.note(""),
        source=about.source,
    )


def survival(frame: pd.DataFrame, about: About) -> Picture:
    """Share of all loans that have defaulted, and that are prepaid, by months on book."""
    whole = frame[frame["segment"].astype(str) == "all"].sort_values("age")
    shares = {
        words: whole[column].to_numpy(dtype=np.float64)
        for column, words in (
            ("running", "running"), ("prepaid", "prepaid"), ("defaulted", "defaulted"),
        )
    }  # fmt: skip
    return lines(
        "Loans running, prepaid and defaulted by months on book",
        whole["age"].reset_index(drop=True),
        shares,
        "",
        percent=True,
        money=False,
        unit_says="share of the loans",
        across="months on book",
        note=about.note(""),
        source=about.source,
    )


def vintages(frame: pd.DataFrame, about: About) -> Picture:
    """Defaulted share of the loans of each year's vintages by months on book."""
    ages = [column for column in frame.columns if str(column).startswith("month ")]
    year = frame["vintage"].astype(str).str[:4]
    means = frame[ages].astype(np.float64).groupby(year).mean()
    return lines(
        "Defaulted share by year of origination",
        pd.Series([int(str(column).split()[1]) for column in ages]),
        {str(name): row for name, row in zip(means.index, means.to_numpy(), strict=True)},
        "",
        percent=True,
        money=False,
        unit_says="share of the loans, mean of vintages",
        across="months on book",
        note=about.note(""),
        source=about.source,
    )


def backtest(frame: pd.DataFrame, measure: str, about: About) -> Picture:
    """What came in each month against what had been forecast."""
    mine = frame[frame["measure"] == measure].sort_values("month_end")
    series = {"actual": mine["actual"].to_numpy(dtype=np.float64)}
    for column, words in _FORECASTS.items():
        if column in mine and mine[column].notna().any():
            series[words] = mine[column].to_numpy(dtype=np.float64)
    words = title_case(MEASURES.get(measure, measure))
    last = {name: digits(each[-1], 4) for name, each in series.items()}
    return lines(
        f"{words}: forecast and actual",
        pd.to_datetime(mine["month_end"]).reset_index(drop=True),
        series,
        about.currency,
        unit_says="by month",
        bottom=0.0 if last else None,
        note=about.note(""),
        source=about.source,
    )
