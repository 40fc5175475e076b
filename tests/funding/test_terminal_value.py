"""What holdings at the last close are worth above par, coefficient by coefficient."""

from __future__ import annotations

import numpy as np
import pytest

from scfcap.axes import place
from scfcap.funding.objective import premium
from scfcap.funding.plan import solve_plan
from scfcap.funding.statements import all_statements, checks
from scfcap.funding.variables import declare

from .small_platform import platform
from .variants import edited


def test_a_series_loans_bear_its_senior_fee_and_own_loans_do_not() -> None:
    inputs = platform().inputs
    book = declare(inputs)
    worth = premium(book).coefficients
    last = inputs.horizon
    seen = 0
    for j, where, t in book.holdings:
        if t != last or where not in ("own_capital", place("securitization", "series-3")):
            continue
        terminal, annuity = float(inputs.cohorts.terminal[j]), float(inputs.cohorts.annuity[j])
        fee = 0.0 if where == "own_capital" else 0.004 * annuity
        column = book.program.find("H", (j, where, t))
        assert worth.get(column, 0.0) == pytest.approx(terminal - 1.0 - fee, rel=1e-12)
        seen += where != "own_capital" and annuity > 0.0
    assert seen > 0


def test_issue_cost_is_spread_over_the_life_of_a_series() -> None:
    """series-2 closes in period 2 and ends in 17; after period 6, 11 of its 15 are to come."""
    inputs = platform(edited({"plan.periods": 6})).inputs
    book = declare(inputs)
    column = book.program.find("S", "series-2")
    cost = 0.002 * 0.9
    shares = {"senior": (0.75, 0.062), "mezzanine": (0.15, 0.11)}
    years = np.arange(1, 12) / 12
    balance = np.array([1.0] * 8 + [2 / 3, 1 / 3, 0.0])  # revolves to 14, the legal end is 17
    before = np.concatenate(([1.0], balance[:-1]))
    dear = 0.0
    for share, coupon in shares.values():
        paid = before * coupon / 12 + before - balance
        dear += share * max(float((paid / 1.08**years).sum()) - 1.0, 0.0)
    assert premium(book).coefficients[column] == pytest.approx(cost * 11 / 15 - dear, rel=1e-12)


def test_an_exceeded_limit_fails_its_check() -> None:
    p = platform(edited({"plan.periods": 2}))
    found = solve_plan(p.inputs, p.engine, channels=False).optimum
    frames = all_statements(found.book, found.solution)
    limits = frames["limits"].copy()
    limits.loc[3, "headroom"] = -1e5
    told = checks(found.book, found.solution, found.replay, {**frames, "limits": limits})
    assert told.set_index("check")["ok"].to_dict()["no limit is exceeded"] is False
