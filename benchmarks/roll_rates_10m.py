"""Roll rates: SIZE rows of loan, month and state, counted and fitted by count and by amount.

Loans are seen for 20 months on average; one row in fifty is missing, which makes gaps. Ours also
sums balances, checks the order of the rows, and fits both matrices with their intervals.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from baselines.roll_rates_10m import count_with_pandas

from scfcap.credit.rollrates import RollRates, Transitions, count_transitions, roll_rates
from scfcap.tape.history import DEFAULT, STATES

NAME = "roll_rates_10m"
SIZE = 10_000_000
SMOKE = 20_000
BARS = {"seconds": 5.0}

MONTHS = 20


def build(size: int, folder: Path) -> pd.DataFrame:  # noqa: ARG001
    """A seeded panel, sorted by loan and month."""
    random = np.random.default_rng(20131231)
    whole = size + size // 40
    row = np.arange(whole)
    kept = np.sort(random.permutation(whole)[:size])
    loan, month = row[kept] // MONTHS, row[kept] % MONTHS
    state = np.minimum(random.geometric(0.55, size) - 1, len(STATES) - 1)
    return pd.DataFrame(
        {
            "loan": loan.astype(np.int32),
            "month": (500 + month + loan % 24).astype(np.int32),
            "state": state.astype(np.int8),
            "balance": np.round(random.lognormal(9.0, 1.0, size), 2),
        }
    )


def ours(inputs: pd.DataFrame) -> tuple[Transitions, RollRates, RollRates]:
    """Count, then the two matrices."""
    columns = (inputs[name].to_numpy() for name in ("loan", "month", "state"))
    found = count_transitions(*columns, STATES, inputs["balance"].to_numpy())
    by_count = roll_rates(found, default=DEFAULT)
    return found, by_count, roll_rates(found, default=DEFAULT, by_amount=True)


def baseline(inputs: pd.DataFrame) -> tuple[pd.DataFrame, int]:
    """pandas: groupby, shift, crosstab of the counts"""
    return count_with_pandas(inputs)


def check(a: tuple[Transitions, RollRates, RollRates], b: tuple[pd.DataFrame, int]) -> None:
    """Same transitions, same gaps."""
    counts, gaps = b
    np.testing.assert_array_equal(a[0].counts.sum(axis=0), counts.to_numpy())
    assert a[0].gaps == gaps
    assert gaps > 0
