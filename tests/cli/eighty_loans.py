"""A model folder of eighty loans with a buyer, a series, a pledge and limits that bind."""

from __future__ import annotations

import csv
from datetime import date, timedelta
from pathlib import Path

import numpy as np

AS_OF = date(2013, 12, 31)
MODEL = """
name = "eighty"
title = "Eighty loans"
currency = "CNY"
as_of = 2013-12-31
regime = "none"

[tape]
source = "file"
path = "tape.csv"
keep = ["score"]

[credit.segments.credit]
cdr = 0.04
cpr = 0.2
severity = 0.75
recovery_lag = 2

[scenarios.base]

[plan]
periods = 12
frequency = "month"
cash_yield = 0.0035
liquidity_floor = 0.0
opex_per_year = 0.0

[opening]
net_capital = 600_000.0

[demand.credit]
per_period = 100_000.0
new_loans = { loan_type = "bullet", rate = 0.21, shortest = 30, longest = 180 }

[pool.eligibility.bank]
rules = [{ name = "not late", test = "days_past_due <= 0" },
         { name = "score of 520", test = "score >= 520" }]
concentrations = [{ name = "one borrower", column = "borrower_id", share = 0.25 }]

[pool.eligibility.line]
rules = [{ name = "up to 30 days late", test = "days_past_due <= 30" }]

[[pool.eligibility.line.concentrations]]
name = "one borrower"
column = "borrower_id"
share = 0.4
treatment = "cut_back"

[pool.borrowing_base.bank-a]
eligibility = "line"
lender = "bank-a"
pledged = 'channel == "bank_debt:bank-a"'
otherwise = 0.7

[[lenders]]
name = "bank-a"
limit = 150_000.0
tenors = [{ periods = 3, rate = 0.07 }]
draws = [{ amount = 60_000.0, rate = 0.07, maturity = 2014-03-31 }]

[[buyers]]
name = "city-bank"
price = 0.99
limit = 150_000.0
eligibility = "bank"

[allocation]
values = "stated"
churn = 0.6

[allocation.channels.own_capital]
cost = 0.09

[allocation.channels."bank_transfer:city-bank"]
cost = 0.05
most = 120_000.0
averages = [{ column = "score", least = 560.0 }]

[allocation.channels."bank_debt:bank-a"]
cost = 0.07
most = 110_000.0
"""


def write_model(folder: Path) -> Path:
    """The folder; the same at any time."""
    folder.mkdir()
    (folder / "model.toml").write_text(MODEL, encoding="utf-8")
    random = np.random.default_rng(11)
    rows = []
    for k in range(80):
        start = AS_OF - timedelta(days=int(random.integers(40, 90)))
        end = AS_OF + timedelta(days=int(random.integers(30, 150)))
        balance = round(float(random.uniform(2_000.0, 9_000.0)), 2)
        rows.append(
            {
                "loan_id": f"L{k:02d}",
                "borrower_id": f"B{k % 23}",
                "segment": "credit",
                "loan_type": "bullet",
                "origination_date": start.isoformat(),
                "maturity_date": end.isoformat(),
                "original_balance": balance,
                "current_balance": balance,
                "rate": round(float(random.uniform(0.12, 0.24)), 4),
                "status": "late" if k % 9 == 4 else "current",
                "days_past_due": 12 if k % 9 == 4 else 0,
                "channel": "bank_debt:bank-a" if k % 8 == 1 else "own_capital",
                "score": "" if k % 7 == 3 else 450 + 3 * k,
            }
        )  # fmt: skip
    with (folder / "tape.csv").open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return folder
