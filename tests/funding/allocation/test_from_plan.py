"""Loans valued by the plan's prices: what the plan itself finds when one loan goes elsewhere.

The witness of a value is the plan solved again, by HiGHS, with the loan in another place; of values
by cohort, the reduced costs of the program's own columns.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace

import numpy as np
import pytest

from scfcap.errors import FaultError, InputError
from scfcap.funding.allocation import from_plan, plan_prices
from scfcap.funding.allocation.feedback import Fed, feed_back
from scfcap.funding.allocation.from_plan import PlanValues, cohort_of, values
from scfcap.funding.allocation.plan_amounts import all_channels, amounts, amounts_table, targets
from scfcap.funding.allocation.plan_cells import cells_as_cohorts, cells_of, parts_of
from scfcap.funding.plan import Plan, solve_plan
from scfcap.funding.weighed import WeighedPlan
from scfcap.pool.snapshot import Pool
from tests.funding.small_platform import LAW, MODEL, Platform, platform, small_pool

OWN, BANK, SERIES = "own_capital", "bank_transfer:city-bank", "securitization:series-1"
CHANNELS = (OWN, BANK, SERIES)


@dataclass(frozen=True)
class Case:
    """A solved platform with its values."""

    platform: Platform
    plan: Plan
    values: PlanValues

    @property
    def pool(self) -> Pool:
        return self.platform.engine.pool

    @property
    def places(self) -> np.ndarray:
        return np.array(self.pool.places, dtype=object)[self.pool.place]


def varied(loans: int = 400) -> Pool:
    """Loans of the small platform at rates of their own."""
    pool = small_pool(loans)
    random = np.random.default_rng(5)
    return replace(pool, rate=pool.rate + random.uniform(-0.05, 0.05, loans))


def solved(pool: Pool, changes: dict[str, object] | None = None) -> Case:
    found = platform(changes, regime=LAW, pool=pool)
    plan = solve_plan(found.inputs, found.engine, channels=False)
    return Case(found, plan, values(plan, pool, found.engine.curves, CHANNELS))


@pytest.fixture(scope="module")
def case() -> Case:
    return solved(varied())


@pytest.fixture(scope="module")
def lists(case: Case) -> np.ndarray:
    """The bank's list by the most gain per balance that stands, up to the plan's amount."""
    aim = targets(case.plan, case.pool, case.values, 0.005)[BANK]
    stands = case.values.standing * case.pool.balance
    gain = case.values.value[:, 1] - case.values.value[:, 0]
    able = case.values.may[:, 1] & (case.places == OWN) & (stands > 0.0)
    order = np.flatnonzero(able)[np.argsort(-(gain / np.maximum(stands, 1.0))[able])]
    goes = case.places.copy()
    goes[order[np.cumsum(stands[order]) <= aim.most]] = BANK
    assert (goes == BANK).sum() > 5
    return goes


def fed(case: Case, goes: np.ndarray, loan: int) -> Fed:
    curves = case.platform.engine.curves
    return feed_back(case.plan, case.pool, curves, list(goes), apart=[loan]).lists


def test_a_loan_is_worth_what_the_plan_finds_solved_again_with_it_elsewhere(
    case: Case, lists: np.ndarray
) -> None:
    """Small loans, so that the basis stays: the change is then the difference of the values."""
    able = (case.places == OWN) & case.values.may[:, 1] & case.values.may[:, 2]
    small = [int(i) for i in np.argsort(case.pool.balance) if able[i]]
    asked = small[:1] + [i for i in small if lists[i] == BANK][:1]
    for loan in asked:
        base = fed(case, lists, loan)
        assert base.solution is not None
        assert base.objective is not None
        by = (base.inputs, base.solution)
        worth = values(case.plan, case.pool, case.platform.engine.curves, CHANNELS, by=by).value
        was = CHANNELS.index(lists[loan])
        for c, key in enumerate(CHANNELS):
            if c == was:
                continue
            goes = lists.copy()
            goes[loan] = key
            again = fed(case, goes, loan).objective
            assert again is not None
            told = worth[loan, c] - worth[loan, was]
            assert again - base.objective == pytest.approx(told, abs=1e-3)
            assert abs(told) > 0.5


def test_loans_like_their_cohort_differ_by_the_reduced_cost_of_the_move() -> None:
    """Nothing where the plan moves a part; all loans are eligible, so that no share binds.

    Where the plan holds none of a cohort in a place its duals there are one choice of many: the
    value is then a bound of the reduced cost only.
    """
    pool = varied()
    good = {name: np.ones(len(pool), dtype=np.int8) for name in pool.eligibility}
    buyer = {**MODEL["buyers"][0], "per_period": 0.9e6}  # type: ignore[index]
    case = solved(replace(pool, eligibility=good), {"buyers": [buyer]})
    inputs, first = case.plan.optimum.inputs, case.plan.choice.first
    old = np.flatnonzero(inputs.cohorts.vintage <= 0)
    like = parts_of(inputs, old, inputs.cohorts.amount[old])
    prices = plan_prices.place_prices(inputs, first)
    worth, may = from_plan._by_channel(like, prices, CHANNELS, 1)
    program, zero, bounds = first.program, 0, 0
    for j in old:
        for c, key in enumerate(CHANNELS[1:], start=1):
            move = program.find("Y", (int(j), key, 1))
            assert may[j, c] == (move is not None or inputs.cohorts.origin[j] == key)
            if move is None:
                continue
            told = (worth[j, c] - worth[j, 0]) / inputs.cohorts.survive[j, 1]
            cost = float(first.reduced_cost[move])
            chain = [program.find("H", (int(j), key, t)) for t in inputs.periods]
            free = all(abs(first.reduced_cost[k]) < 1e-12 for k in chain if k is not None)
            if first.value("H", (int(j), OWN, 1)) <= 1e-6:
                assert first.x[move] <= 1e-6 or told >= -1e-9
            elif free:
                assert told == pytest.approx(cost, abs=1e-9)
                zero += first.x[move] > 1e-6
            else:
                assert told <= cost + 1e-9
                bounds += 1
    assert zero >= 1
    assert bounds >= 3


def test_a_factor_that_is_forgotten_is_found(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = plan_prices.factors_of
    monkeypatch.setattr(
        plan_prices, "factors_of", lambda x: {k: f * (k != "interest") for k, f in whole(x).items()}
    )
    with pytest.raises(FaultError, match="miss"):
        plan_prices.place_prices(case.plan.optimum.inputs, case.plan.choice.first)


def test_values_differ_by_rate_and_term(case: Case) -> None:
    """More interest is worth more, the more the longer a loan stands."""
    pool = case.pool
    own = (case.places == OWN) & (pool.segment == 0) & (pool.days_past_due == 0)
    at = int(np.flatnonzero(own & (pool.maturity_day > 90) & (pool.loan_type != 5))[0])
    twin = replace(pool, rate=np.where(np.arange(len(pool)) == at, pool.rate + 0.01, pool.rate))
    dearer = values(case.plan, twin, case.platform.engine.curves, CHANNELS)
    gain = dearer.value[at, 0] - case.values.value[at, 0]
    years = pool.maturity_day[at] / 365.0
    assert 0.2 * 0.01 * years < gain / pool.balance[at] < 1.5 * 0.01 * years
    others = np.arange(len(pool)) != at
    assert np.array_equal(dearer.value[others], case.values.value[others])
    ratio = case.values.value[own, 0] / pool.balance[own]
    stands = case.values.standing[own] > 0.0
    assert len(np.unique(np.round(ratio[stands], 9))) > 0.9 * stands.sum() > 50


def test_many_loans_are_valued_by_like_terms() -> None:
    """What stands in a series is worth the same in all; each loan nearly so."""
    case = solved(varied(1500))
    pool, curves = case.pool, case.platform.engine.curves
    cells = cells_of(case.plan.optimum.inputs, pool, 700)
    assert len(cells) <= 700
    assert not cells.alone
    again = values(case.plan, pool, curves, CHANNELS, most=700)
    there = case.places == SERIES
    exact, near = case.values.value[there, 2], again.value[there, 2]
    assert near.sum() == pytest.approx(exact.sum(), rel=2e-3)
    error = np.abs(near - exact) / np.abs(exact).mean()
    assert np.median(error) < 0.01
    assert np.array_equal(again.cohort, case.values.cohort)


def test_amounts_are_the_plan_s_and_add_up_to_the_loans(case: Case) -> None:
    plan, pool, found = case.plan, case.pool, case.values
    inputs = plan.optimum.inputs
    aim = targets(plan, pool, found, 0.005)
    whole = float((pool.balance * found.standing).sum())
    assert sum(x.wanted or 0.0 for x in aim.values()) == pytest.approx(whole, rel=1e-9)
    moved = inputs.unit * sum(
        amount
        for (j, where, t), amount in plan.optimum.decisions.transfers.items()
        if where == BANK and t == 1 and inputs.cohorts.vintage[j] <= 0
    )
    assert moved > 1e6
    assert aim[BANK].wanted == pytest.approx(moved, rel=1e-12)
    largest = float((pool.balance * found.standing)[found.may[:, 1]].max())
    assert aim[BANK].least == pytest.approx(moved - max(0.005 * moved, largest))
    assert aim[BANK].most > moved
    today = sum(x.today for x in amounts(plan))
    assert today == pytest.approx(pool.total, rel=1e-9)
    table = amounts_table(plan)
    assert table.loc[table["moves"], "standing"].sum() == pytest.approx(moved, rel=1e-12)
    by_cohort = np.bincount(cohort_of(plan, pool), pool.balance) / inputs.unit
    assert by_cohort == pytest.approx(inputs.cohorts.amount[: len(by_cohort)], rel=1e-12)


def test_a_channel_at_its_limit_takes_no_more() -> None:
    buyer = {**MODEL["buyers"][0], "per_period": 1.0e6}  # type: ignore[index]
    case = solved(varied(), {"buyers": [buyer]})
    aim = targets(case.plan, case.pool, case.values, 0.005)[BANK]
    assert aim.wanted == pytest.approx(1.0e6, rel=1e-6)
    assert aim.most == pytest.approx(1.0e6, rel=1e-6)
    assert aim.least < 1.0e6


def test_later_moves_only_add_to_what_a_channel_is_worth(case: Case) -> None:
    later = values(case.plan, case.pool, case.platform.engine.curves, CHANNELS, until=3)
    both = case.values.may[:, 1]
    assert (later.value[both, 1] >= case.values.value[both, 1] - 1e-9).all()
    assert later.may[:, 1].sum() >= both.sum()
    assert (later.value[:, 0] <= case.values.value[:, 0] + 1e-9).all()
    assert targets(case.plan, case.pool, later, 0.005, until=3)[BANK].wanted is not None


def test_a_plan_over_scenarios_is_refused_in_words(case: Case) -> None:
    given = {f.name: getattr(case.plan, f.name) for f in fields(Plan)}
    with pytest.raises(InputError, match="several scenarios"):
        values(WeighedPlan(**given), case.pool, case.platform.engine.curves, CHANNELS)


def test_every_place_of_the_plan_is_a_channel(case: Case) -> None:
    found = all_channels(case.plan.optimum.inputs, case.pool)
    assert found[0] == OWN
    assert {BANK, SERIES, "securitization:series-2"} <= set(found)
    assert len(set(found)) == len(found)


def test_cells_are_the_cohorts_they_are_part_of(case: Case) -> None:
    """Factors of single loans, weighed by balance, are those of their cohort (the kernel twice)."""
    inputs, pool = case.plan.optimum.inputs, case.pool
    cells = cells_of(inputs, pool)
    found = cells_as_cohorts(inputs, pool, case.platform.engine.curves, cells)
    for name in ("repaid", "default", "interest", "survive"):
        mine = getattr(found.cohorts, name)[:, 1]
        sums = np.bincount(cells.cohort, found.cohorts.amount * mine)
        whole = inputs.cohorts.amount[: len(sums)] * getattr(inputs.cohorts, name)[: len(sums), 1]
        assert sums == pytest.approx(whole, rel=1e-9, abs=1e-12)
