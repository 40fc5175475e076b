"""Lists that are fed back: what the plan reaches with them, and why it cannot."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from scfcap.funding.allocation.feedback import Placed, feed_back
from scfcap.funding.allocation.from_plan import values
from scfcap.funding.allocation.listed import Listed
from scfcap.funding.catalogue import build_program
from scfcap.funding.plan import Plan, solve_plan
from scfcap.funding.program import solve
from scfcap.funding.variables import declare
from tests.funding.small_platform import LAW, MODEL, Platform, platform, small_pool

OWN, BANK = "own_capital", "bank_transfer:city-bank"


@pytest.fixture(scope="module")
def given() -> tuple[Platform, Plan]:
    pool = small_pool()
    rate = pool.rate + np.random.default_rng(5).uniform(-0.05, 0.05, len(pool))
    found = platform(regime=LAW, pool=replace(pool, rate=rate))
    return found, solve_plan(found.inputs, found.engine, channels=False)


def places(found: Platform) -> np.ndarray:
    pool = found.engine.pool
    return np.array(pool.places, dtype=object)[pool.place]


def test_lists_without_a_move_reach_what_a_plan_without_moves_of_old_loans_does(
    given: tuple[Platform, Plan],
) -> None:
    """The witness is the plan's own program with these moves at nothing."""
    found, plan = given
    inputs = plan.optimum.inputs
    split = feed_back(plan, found.engine.pool, found.engine.curves, list(places(found)))
    book = declare(inputs)
    for j in np.flatnonzero(inputs.cohorts.vintage <= 0):
        for funder in inputs.funders:
            move = book.program.find("Y", (int(j), funder.place, 1))
            if move is not None:
                book.program.columns.upper[move] = 0.0
    expected = solve(build_program(book)).objective * inputs.unit
    assert split.alike.objective == pytest.approx(expected, rel=1e-9)
    assert split.lists.objective == pytest.approx(expected, rel=1e-9)
    assert split.plan == pytest.approx(plan.choice.first.objective * inputs.unit)
    assert split.plan > expected
    assert split.most is None
    assert split.unknown == 0.0
    table = split.table().set_index("what")["amount"]
    assert table["the lists"] == pytest.approx(expected)
    assert f"{expected:,.0f}" in split.sentences()[0]


def test_whole_loans_alike_never_reach_more_than_the_plan(given: tuple[Platform, Plan]) -> None:
    found, plan = given
    pool, random = found.engine.pool, np.random.default_rng(3)
    able = (places(found) == OWN) & (pool.segment == 0) & (pool.eligibility["bank"] == 1)
    for _ in range(2):
        goes = places(found)
        goes[np.flatnonzero(able)[random.random(int(able.sum())) < 0.05]] = BANK
        split = feed_back(plan, pool, found.engine.curves, list(goes))
        assert split.alike.objective is not None
        assert split.alike.objective <= split.plan * (1.0 + 1e-9)


def test_no_lists_reach_more_than_the_plan_s_prices_say(given: tuple[Platform, Plan]) -> None:
    """Every placement of two loans at the bank, fed back one by one, the two tracked apart."""
    found, plan = given
    pool, curves = found.engine.pool, found.engine.curves
    channels = (OWN, BANK)
    told = values(plan, pool, curves, (*channels, "securitization:series-1"))
    able = np.flatnonzero((places(found) == OWN) & told.may[:, 1] & (told.standing > 0.1))
    loans = able[np.argsort(-(told.value[:, 1] - told.value[:, 0])[able])][[0, -1]]
    rest = float(told.value[places(found) == OWN, 0].sum()) - float(told.value[loans, 0].sum())
    rest += float(told.value[places(found) != OWN, 2].sum())
    bound = rest + float(told.value[loans, :2].max(axis=1).sum())
    reached = {}
    for code in range(4):
        chosen = [(code >> k) & 1 for k in range(2)]
        goes = places(found)
        goes[loans] = np.array(channels, dtype=object)[chosen]
        value = rest + float(told.value[loans, chosen].sum())
        split = feed_back(
            plan, pool, curves, list(goes), told, Placed(value, bound), apart=list(loans)
        )
        assert split.reached is not None
        assert split.most is not None
        assert split.loss is not None
        assert split.reached <= split.most * (1.0 + 1e-9)
        assert sum(split.parts().values()) == pytest.approx(split.loss, abs=1e-6)
        assert split.parts()["whole loans"] == pytest.approx(bound - value, abs=1e-6)
        reached[code] = split.reached
    best = max(reached, key=lambda code: reached[code])
    assert [(best >> k) & 1 for k in range(2)] == list(told.value[loans, :2].argmax(axis=1))
    assert any("No lists" in said for said in split.sentences())


def test_limits_that_the_plan_does_not_know_are_told_apart(given: tuple[Platform, Plan]) -> None:
    found, plan = given
    pool, curves = found.engine.pool, found.engine.curves
    told = values(plan, pool, curves, (OWN, BANK, "securitization:series-1"))
    placed = Placed(value=100.0, bound=130.0, free=180.0, moving=5.0)
    split = feed_back(plan, pool, curves, list(places(found)), told, placed)
    assert split.lists.objective is not None
    assert split.reached == pytest.approx(split.lists.objective - 5.0)
    assert split.alike.objective is not None
    assert split.like_cohorts == pytest.approx(split.alike.objective - 5.0)
    assert split.parts()["limits of single loans"] == 50.0
    assert split.parts()["whole loans"] == 30.0
    assert split.most == pytest.approx(split.base + 180.0)


def test_lists_beyond_a_funder_s_limit_are_explained() -> None:
    buyer = {**MODEL["buyers"][0], "per_period": 0.5e6}  # type: ignore[index]
    found = platform({"buyers": [buyer]}, regime=LAW)
    plan = solve_plan(found.inputs, found.engine, channels=False)
    pool = found.engine.pool
    goes = places(found)
    goes[(goes == OWN) & (pool.segment == 0) & (pool.eligibility["bank"] == 1)] = BANK
    split = feed_back(plan, pool, found.engine.curves, list(goes))
    assert split.lists.objective is None
    assert split.loss is None
    assert split.parts() == {}
    assert "intake" in split.lists.why
    assert "city-bank" in split.lists.why
    assert split.sentences()[0].startswith("The lists cannot be carried out")
    assert split.table()["amount"].isna().sum() >= 2


def test_loans_that_the_plan_knows_no_move_of_stay_and_are_told() -> None:
    buyer = {**MODEL["buyers"][0], "min_seasoning": 4}  # type: ignore[index]
    found = platform({"buyers": [buyer]}, regime=LAW)
    plan = solve_plan(found.inputs, found.engine, channels=False)
    pool = found.engine.pool
    young = (places(found) == OWN) & (pool.origination_day > -30) & (pool.maturity_day > 60)
    goes = places(found)
    goes[young] = BANK
    split = feed_back(plan, pool, found.engine.curves, list(goes))
    stays = feed_back(plan, pool, found.engine.curves, list(places(found)))
    assert young.any()
    assert 0.0 < split.unknown <= pool.balance[young].sum()
    assert split.lists.objective is not None
    assert stays.lists.objective is not None
    # A cohort in two parts, both on the own book, may do what one can.
    assert split.lists.objective >= stays.lists.objective * (1.0 - 1e-12)
    assert split.lists.objective == pytest.approx(stays.lists.objective, rel=1e-5)
    assert any("knows no such move" in told for told in split.sentences())


def test_loans_that_are_not_allocated_stay_where_they_are() -> None:
    goes = Listed.of(["a", "b", "a", "c"]).moved(["x", "y"], np.array([1, -1, -1, 0]))
    assert [goes.names[at] for at in goes.at] == ["y", "b", "a", "x"]
    assert goes.among(["x", "a"]).tolist() == [-1, -1, 1, 0]
    assert goes.where("b").tolist() == [False, True, False, False]
    assert not goes.where("z").any()
