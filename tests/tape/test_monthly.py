"""Days past due from what was paid, month by month, worked out by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from scfcap.tape.monthly import unpaid_days

NAT = np.datetime64("NaT", "D")


def late(paid: list[float], rule: str) -> list[int]:
    """Days past due of one loan of 1,000 with instalments of 100; its first row brings it in."""
    rows = len(paid)
    panel = pd.DataFrame(
        {
            "loan": np.zeros(rows, dtype=np.int64),
            "month": 600 + np.arange(rows),
            "opening": [0.0, *[1_000.0] * (rows - 1)],
            "closing": 1_000.0,
            "paid": paid,
        }
    )
    return unpaid_days(panel, np.array([100.0]), np.array([NAT]), rule).tolist()


def test_what_is_paid_ahead_does_not_count_for_months_to_come() -> None:
    """Three instalments at once leave none owed; the next two months without one are 30 and 60."""
    assert late([0.0, 300.0, 0.0, 0.0], "arrears") == [0, 0, 30, 60]


@pytest.mark.parametrize(
    ("rule", "days"),
    [
        # Two missed, then one and one and a half made good: the half ahead does not carry over.
        ("arrears", [0, 30, 60, 30, 0, 30]),
        # Any month that pays half an instalment ends the run.
        ("run", [0, 30, 60, 0, 0, 30]),
    ],
)
def test_arrears_are_made_good_and_runs_end(rule: str, days: list[int]) -> None:
    assert late([0.0, 0.0, 0.0, 200.0, 250.0, 0.0], rule) == days


def test_a_loan_owes_nothing_for_the_one_before_it() -> None:
    panel = pd.DataFrame(
        {
            "loan": [0, 0, 1, 1],
            "month": [600, 601, 600, 601],
            "opening": [0.0, 1_000.0, 0.0, 1_000.0],
            "closing": 1_000.0,
            "paid": [0.0, 0.0, 0.0, 100.0],
        }
    )
    days = unpaid_days(panel, np.full(2, 100.0), np.full(2, NAT), "arrears")
    assert days.tolist() == [0, 30, 0, 0]
