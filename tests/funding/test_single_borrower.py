"""A regime's limit on one borrower is shown, kept or not."""

from __future__ import annotations

from dataclasses import replace

import pandas as pd
import pytest

from scfcap.funding.plan import solve_plan

from .small_platform import platform, small_pool
from .variants import edited, law


@pytest.mark.parametrize(("balance", "binding"), [(3.0e6, False), (9.0e6, True)])
def test_the_largest_borrower_stands_among_the_limits(balance: float, binding: bool) -> None:
    pool = small_pool()
    largest = pd.DataFrame({"rank": [1, 2, 0], "balance": [balance, 1.0, 60.0e6]})
    pool = replace(pool, tables={**pool.tables, "largest_borrower_id": largest})
    p = platform(edited({"plan.periods": 2}), law(single_borrower=0.10), pool)
    tables = solve_plan(p.inputs, p.engine, channels=False).tables()
    row = tables["limits"].set_index("family").loc["single_borrower"]
    capital = p.inputs.net_capital * 1e6
    assert row["use"] == pytest.approx(balance)
    assert row["limit"] == pytest.approx(0.10 * capital)
    assert row["headroom"] == pytest.approx(0.10 * capital - balance)
    assert row["binding"] == binding
    assert tables["checks"]["ok"].all(), "what stands at the start is no fault of the plan"


def test_without_the_rule_or_the_borrowers_there_is_no_such_limit() -> None:
    p = platform(edited({"plan.periods": 2}), law(single_borrower=0.10))
    limits = solve_plan(p.inputs, p.engine, channels=False).tables()["limits"]
    assert "single_borrower" not in set(limits["family"])
