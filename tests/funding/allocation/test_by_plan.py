"""From a plan to whole loans and back: amounts by what stands, floors that give way, the loss."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import numpy as np
import pandas as pd
import pytest

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation.assembled import Target
from scfcap.funding.allocation.by_plan import DateByPlan, Table, place_by_plan
from scfcap.funding.allocation.feedback import Placed, feed_back
from scfcap.funding.allocation.from_plan import values
from scfcap.funding.allocation.funders import setting
from scfcap.funding.allocation.listed import Listed
from scfcap.funding.allocation.outright import relaxed
from scfcap.funding.allocation.plan_amounts import targets
from scfcap.funding.allocation.relaxed import without_single_limits
from scfcap.funding.allocation.stated import move_costs
from scfcap.funding.plan import Plan, solve_plan
from scfcap.pool.build import Around, build_pool, columns_of
from scfcap.tape.schema import Tape
from tests.funding.small_platform import AS_OF, LAW, Platform, platform

OWN, BANK, SERIES = "own_capital", "bank_transfer:city-bank", "securitization:series-1"
#: No borrower has more than this share of the bank's loans.
WIDE, NARROW = 0.2, 0.02


def tape(loans: int = 160, borrowers: int = 30) -> Tape:
    """Loans of 57 million on the own book and 21 million in series-1, at rates of their own."""
    random = np.random.default_rng(11)
    series = np.arange(loans) < loans // 5
    credit = series | (random.random(loans) < 0.7)
    term = np.where(credit, random.integers(60, 181, loans), random.integers(2, 31, loans))
    age = np.minimum((random.random(loans) * term).astype(int), term - 1)
    balance = random.lognormal(0.0, 0.5, loans)
    balance[series] *= 21.0e6 / balance[series].sum()
    balance[~series] *= 57.0e6 / balance[~series].sum()
    frame = pd.DataFrame(
        {
            "loan_id": [f"L{k:03d}" for k in range(loans)],
            "borrower_id": [f"B{k % borrowers:02d}" for k in range(loans)],
            "segment": pd.Categorical(np.where(credit, "credit", "order")),
            "loan_type": pd.Categorical(np.where(credit, "level_payment", "order")),
            "rate": np.where(credit, 0.21, 0.18) + random.uniform(-0.05, 0.05, loans),
            "days_past_due": np.where(random.random(loans) < 0.03, 20.0, 0.0),
            "status": pd.Categorical(["current"] * loans),
            "channel": pd.Categorical(np.where(series, SERIES, OWN)),
            "score": np.nan,
            "buyer_id": None,
            "current_balance": balance,
            "original_balance": balance,
            "origination_date": [AS_OF - timedelta(days=int(x)) for x in age],
            "maturity_date": [AS_OF + timedelta(days=int(x)) for x in term - age],
        }
    )
    for name in ("origination_date", "maturity_date"):
        frame[name] = pd.to_datetime(frame[name]).astype("datetime64[s]")
    empty = pd.DataFrame()
    return Tape(frame, empty, empty, empty, AS_OF, "tape", "test")


def date(share: float, stated: dict[str, Any] | None = None) -> tuple[Platform, Plan, DateByPlan]:
    """A funding date by the plan where no borrower has more than ``share`` of the bank's list."""
    loans = tape()
    limit = {"name": "one borrower", "column": "borrower_id", "share": share}
    bank = {"concentrations": [limit], **(stated or {})}
    rules = {"band": 0.01, "channels": {BANK: bank}}
    changes: dict[str, object] = {"allocation": rules}
    pool = build_pool(loans, platform(changes).spec.pool)
    found = platform(changes, regime=LAW, pool=pool)
    plan = solve_plan(found.inputs, found.engine, channels=False)
    named = {key: Target() for key in (OWN, BANK, SERIES)}
    given = setting(found.spec, pool, columns_of(loans, found.spec.pool, Around()), named)
    told = values(plan, pool, found.engine.curves, given.keys)
    return found, plan, DateByPlan(given, told, targets(plan, pool, told, 0.01))


@pytest.fixture(scope="module")
def wide() -> tuple[Platform, Plan, DateByPlan]:
    return date(WIDE)


def test_lists_hold_the_plan_s_amounts_by_what_stands_and_lose_little(
    wide: tuple[Platform, Plan, DateByPlan],
) -> None:
    found, plan, day = wide
    assembled, answer = place_by_plan(day)
    program, aim = assembled.program, day.aims[BANK]
    held = float(day.counts[answer.holds(BANK)].sum())
    assert aim.wanted is not None
    assert aim.wanted > 1.0e6
    assert aim.least - 1e-6 <= held <= aim.most + 1e-6
    assert not any("the most that whole loans" in said for said in assembled.cautions)
    names = day.given.columns.values("borrower_id").codes
    balance = np.where(answer.choice == day.given.keys.index(BANK), program.balance, 0.0)
    assert np.bincount(names, balance).max() <= WIDE * balance.sum() + 1e-6

    free = without_single_limits(program, answer)
    assert free is not None
    assert free >= answer.bound
    rows = tuple(row for row in program.rows if row.kind in ("least", "most"))
    alone = relaxed(replace(program, rows=rows))
    assert alone is not None
    assert free == pytest.approx(max(alone[0], answer.bound), rel=1e-7)

    pool = found.engine.pool
    goes = Listed.today(pool).moved(program.channels, answer.choice)
    placed = Placed(answer.value, answer.bound, free)
    split = feed_back(plan, pool, found.engine.curves, goes, day.found, placed)
    assert split.reached is not None
    assert split.most is not None
    assert split.reached <= split.most
    assert split.reached > 0.995 * split.most
    assert split.loss == pytest.approx(sum(split.parts().values()))
    assert split.parts()["limits of single loans"] == pytest.approx(free - answer.bound, abs=1e-6)
    assert split.unknown == 0.0


def test_a_floor_that_single_loans_cannot_fill_is_lowered_and_told() -> None:
    """Thirty borrowers of at most a fiftieth each: nothing can be there at all."""
    _, _, day = date(NARROW)
    assembled, answer = place_by_plan(day)
    assert day.aims[BANK].least > 0.0
    assert len(answer.holds(BANK)) == 0
    told = [said for said in assembled.cautions if said.startswith(BANK)]
    assert any("were found to fill" in said for said in told)
    assert f"{day.aims[BANK].wanted:,.0f}" in told[-1]
    assert assembled.funder(BANK).target.least == 0.0


def test_a_stated_floor_stays() -> None:
    _, _, day = date(NARROW, {"least": 1.0e6})
    with pytest.raises(InfeasibleError):
        place_by_plan(day)


def test_loans_of_a_series_stay_within_its_amount(wide: tuple[Platform, Plan, DateByPlan]) -> None:
    _, _, day = wide
    aim, here = day.aims[SERIES], day.given.today == day.given.keys.index(SERIES)
    kept = float(day.counts[here].sum())
    assert aim.least <= kept <= aim.most
    assert aim.wanted == pytest.approx(kept, rel=1e-9)


def test_values_that_are_worked_out_when_asked_for_are_those_held() -> None:
    date_ = date(WIDE, {"move_cost": 0.01})[2]
    given, counts, more = date_.given, date_.counts, np.array([0.0, 0.5, 0.0])
    held = date_.found.value - move_costs(given) + more * counts[:, None]
    assert move_costs(given).any()
    table = Table(date_, given, more)
    assert table.shape == held.shape
    some, channel = np.array([5, 3, 150]), np.array([1, 0, 2])
    for at in (slice(None), slice(10, 30), some):
        np.testing.assert_allclose(table[at], held[at], rtol=1e-15)
    np.testing.assert_allclose(table[some, channel], held[some, channel], rtol=1e-15)
    np.testing.assert_allclose(table[counts > 3e5, 1], held[counts > 3e5, 1], rtol=1e-15)
    np.testing.assert_allclose(np.asarray(table), held, rtol=1e-15)
