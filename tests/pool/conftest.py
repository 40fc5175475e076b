"""A tape of six loans to five borrowers."""

from __future__ import annotations

from datetime import date

import pandas as pd
import pytest

from scfcap.tape.schema import Tape


def make_tape(**columns: list[object]) -> Tape:
    frame = pd.DataFrame(
        {
            "loan_id": list("abcdefg"),
            "borrower_id": ["p", "p", "q", "r", "s", "t", "u"],
            "segment": ["x", "y", "x", "y", "x", "z", "x"],
            "loan_type": ["bullet", "order", "level_payment", "order", "order", "bullet", "bullet"],
            "origination_date": ["2013-12-01"] * 4 + ["2013-10-02", "2013-12-31", "2013-12-01"],
            "maturity_date": ["2014-01-30"] * 4 + ["2013-12-01", "2014-12-31", "2014-01-01"],
            "original_balance": [100.0, 200.0, 300.0, 400.0, 500.0, 600.0, 700.0],
            "current_balance": [100.0, 200.0, 150.0, 250.0, 300.0, 0.0, 70.0],
            "rate": [0.1, 0.2, 0.1, 0.3, 0.0, 0.1, 0.1],
            "days_past_due": [0, 0, 5, 0, 30, 0, 0],
            "status": ["current", "current", "late", "current", "late", "repaid", "charged_off"],
            "channel": [
                *("own_capital", "securitization:s1", "own_capital", "own_capital"),
                *("bank_transfer:b", "own_capital", "own_capital"),
            ],
            "buyer_id": ["m", "n", None, "m", None, None, None],
            "score": [700.0, 650.0, None, 600.0, 550.0, 500.0, 400.0],
        }
        | columns
    )
    for name in ("segment", "loan_type", "status", "channel"):
        frame[name] = frame[name].astype("category")
    for name in ("origination_date", "maturity_date"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    empty = pd.DataFrame()
    return Tape(frame, empty, empty, empty, date(2013, 12, 31), "six.csv", "digest")


@pytest.fixture
def tape() -> Tape:
    return make_tape()
