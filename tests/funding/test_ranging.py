"""How far prices hold, each against programs solved anew from nothing with the datum moved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from math import isfinite

import pytest

from scfcap.funding.catalogue import build_program
from scfcap.funding.plan import Plan, price_table, solve_plan
from scfcap.funding.prices import Price
from scfcap.funding.program import NoOptimumError, Program, Row, Solution, Terms, solve
from scfcap.funding.ranging import HOLDS, reach
from scfcap.funding.variables import declare
from scfcap.funding.warm import Point, Warm

from .small_platform import LAW, platform
from .variants import UNIT, edited

CHANGES = {"plan.periods": 6, "opening.net_capital": 58.0e6, "buyers.0.limit": 6.0e6}
INTAKE = "room under the buyer's intake a period city-bank"


@cache
def planned() -> Plan:
    p = platform(edited(CHANGES), LAW)
    return solve_plan(p.inputs, p.engine, channels=False)


def anew(shifts: Mapping[int, float]) -> Solution | None:
    """The program built and solved from nothing, right-hand sides moved."""
    program = build_program(declare(planned().optimum.inputs))
    for r, shift in shifts.items():
        program.rows.right[r] += shift
    try:
        return solve(program)
    except NoOptimumError:
        return None


def moved(price: Price, by: float) -> Solution | None:
    return anew({r: by * shift for r, shift in price.shifts.items()})


def pieces(price: Price, sign: float) -> tuple[float, float, Solution | None]:
    """Slopes just within and just beyond the end of a range [1], and the plan there."""
    side = price.up if sign > 0.0 else price.down
    step = 1e-3 * max(1.0, side.reach)
    inner, edge = moved(price, sign * (side.reach - step)), moved(price, sign * side.reach)
    past, further = (moved(price, sign * (side.reach + n * step)) for n in (0.5, 1.5))
    assert inner is not None
    assert edge is not None
    within = sign * (edge.objective - inner.objective) / step
    if past is None or further is None:
        return within, float("nan"), past
    return within, sign * (further.objective - past.objective) / step, past


@pytest.mark.parametrize(
    "what",
    ["net capital", "the line of bank-a", "the limit of city-bank", "the P2P limit",
     "loan demand in order"],
)  # fmt: skip
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_a_price_holds_to_the_end_of_its_range_and_not_beyond(what, sign):
    price = next(p for p in planned().prices if p.what == what)
    side = price.up if sign > 0.0 else price.down
    slope = price.value if sign > 0.0 else price.low + price.high - price.value
    slope += 1.0 if what == "net capital" else 0.0  # what a unit of it costs the objective
    if not isfinite(side.reach):
        assert sign > 0.0
        assert slope <= 1e-6, "what earns something ends: there is not enough to lend to"
        return
    if side.reach < 0.01:
        return
    within, beyond, there = pieces(price, sign)
    allowed = max(HOLDS * abs(slope), 1e-6)
    assert abs(within - slope) <= allowed * 1.001 + 1e-7
    if side.ends:
        assert there is None
    elif there is not None and beyond == beyond:
        assert abs(beyond - slope) >= allowed * 0.999 - 1e-7 or side.reach >= 0.999 * _size(what)
    if side.row is not None and there is not None:
        use, limit = there.program.sides(side.row, there.x)
        assert use == pytest.approx(limit, abs=2e-3 * max(1.0, abs(limit)))


def _size(what: str) -> float:
    inputs = planned().optimum.inputs
    sizes = {
        "net capital": inputs.net_capital,
        "the line of bank-a": inputs.lenders[0].limit,
        "the limit of city-bank": inputs.buyers[0].limit,
        "the P2P limit": 15.0,
        "loan demand in order": float(inputs.demand[1].mean()),
    }
    return sizes[what]


def test_a_limit_that_only_the_catalogue_names_has_its_price():
    p = platform(edited({**CHANGES, "buyers.0.limit": 30.0e6, "buyers.0.per_period": 1.0e6}))
    plan = solve_plan(p.inputs, p.engine, channels=False)
    price = next(x for x in plan.prices if x.what == INTAKE)
    assert price.value > 1e-4
    assert "each month" in price.sentence

    def value(per_period: float) -> float:
        q = platform(
            edited({**CHANGES, "buyers.0.limit": 30.0e6, "buyers.0.per_period": per_period})
        )
        inputs = replace(q.inputs, deals=plan.optimum.inputs.deals)
        return solve(build_program(declare(inputs))).objective

    slopes = [
        (value(1.0e6 + h * UNIT) - plan.optimum.solution.objective) / h for h in (1e-4, -1e-4)
    ]
    assert slopes == pytest.approx([price.value, price.low + price.high - price.value], rel=1e-5)


def test_ranges_are_told_in_words_and_in_the_table():
    plan = planned()
    table = price_table(plan.prices, plan.optimum.inputs).set_index("what")
    told = 0
    for price in plan.prices:
        row = table.loc[price.what]
        if isfinite(price.up.reach):
            assert row["range_up"] == pytest.approx(price.up.reach * UNIT)
        else:
            assert row["range_up"] != row["range_up"]
        if price.value > 0.0 and isfinite(price.up.reach) and price.up.reach > 1e-6:
            assert f"for up to CNY {price.up.reach * UNIT:,.0f}" in price.sentence
            told += bool(price.next_limit)
            if price.next_limit and not price.up.ends:
                assert f"then {price.next_limit} binds" in price.sentence
    assert told >= 3


def test_a_limit_that_does_not_bind_says_what_is_to_spare():
    # A line four times what the plan draws at most: nothing changes until the rest is gone.
    p = platform(edited({**CHANGES, "lenders.0.limit": 400.0e6, "lenders.0.commitment_fee": 0.0}))
    plan = solve_plan(p.inputs, p.engine, channels=False)
    price = next(x for x in plan.prices if x.what == "the line of bank-a")
    assert price.value == price.low == price.high == 0.0
    used = max(
        sum(c * plan.optimum.solution.x[j] for j, c in
            plan.optimum.solution.program.rows.terms[r].items())
        + plan.optimum.solution.program.rows.constant[r]
        for r in price.shifts
    )  # fmt: skip
    assert price.down.reach >= 400.0 - used - 1e-6
    assert f"CNY {price.down.reach * UNIT:,.0f} to spare" in price.sentence


def two_rows() -> Program:
    """``max 3 x + y``, ``x <= b``, ``x + y <= 10``, ``x <= 6``: slope 2 in b up to 6, then 0."""
    program = Program("by hand")
    x, y = program.column("x", 0), program.column("y", 0)
    rows = {
        ("bank_debt", ("a", 1)): Row(Terms().add(x), "<=", 4.0),
        ("leverage", ("cap", 1)): Row(Terms().add(x).add(y), "<=", 10.0),
        ("transfer_stock", ("b", 1)): Row(Terms().add(x), "<=", 6.0),
    }
    for (family, key), row in rows.items():
        program.add_family(family, [key], [(key, row)])
    program.objective.add(x, 3.0).add(y, 1.0)
    return program


def test_a_range_by_hand():
    program = two_rows()
    solution = solve(program)
    assert solution.objective == pytest.approx(18.0)
    warm = Warm(program, solution)
    start = Point(solution.objective, solution.x, solution.dual)
    up = reach(warm, {0: 1.0}, start, 2.0, sign=1.0, size=4.0)
    assert up.reach == pytest.approx(2.0)
    assert up.row == 2
    assert up.slope == pytest.approx(0.0, abs=1e-9)
    down = reach(warm, {0: 1.0}, start, 2.0, sign=-1.0, size=4.0)
    assert down.reach == 4.0
    # The cap: one more of it is y, without an end; one less too, until x fills it: at 4.
    assert reach(warm, {1: 1.0}, start, 1.0, sign=1.0, size=10.0).reach == float("inf")
    less = reach(warm, {1: 1.0}, start, 1.0, sign=-1.0, size=10.0)
    assert less.reach == pytest.approx(6.0)
    assert less.slope == pytest.approx(3.0)


def test_re_solves_leave_the_solution_alone():
    solution = planned().optimum.solution
    warm = Warm(solution.program, solution)
    before = warm.solve()
    assert before is not None
    assert before.objective == pytest.approx(solution.objective, rel=1e-12)
    row = next(iter(solution.program.rows_of("bank_debt").values()))
    with warm.moved({row: -1.0}, {row: {0: 0.1}}, {0: 0.1}, step=2.0):
        other = warm.solve()
    assert other is not None
    assert other.objective != pytest.approx(solution.objective, rel=1e-6)
    after = warm.solve()
    assert after is not None
    assert after.objective == pytest.approx(solution.objective, rel=1e-12)
    again = solve(replace(solution).program)
    assert again.objective == pytest.approx(solution.objective, rel=1e-12)
