"""Covenants of lines: kept by the plan, recomputed by the engines, broken where no plan helps.

Witnesses: sums by hand over the small platform's opening book, a regulatory cap that says the same
as a leverage covenant, and SciPy's linear program for what can be pledged to whom.
"""

from __future__ import annotations

import copy
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import ValidationError
from scipy.optimize import linprog

from scfcap.axes import OWN
from scfcap.errors import InfeasibleError
from scfcap.funding.covenant_inputs import CovenantInputs, PledgeInputs
from scfcap.funding.covenants import covenants_table
from scfcap.funding.plan import Plan, optimum, solve_plan
from scfcap.funding.pledges import covenants_of
from scfcap.funding.replay import replay
from scfcap.funding.rooms import rooms
from scfcap.periods import PeriodGrid
from scfcap.schema.model import Model
from scfcap.schema.regime import Regime
from scfcap.testing.platform import edited

from .small_platform import AS_OF, LAW, MODEL, Platform, platform


def lines(*covenants: dict[str, object], more: tuple[dict[str, object], ...] = ()) -> list[object]:
    """The small platform's line with covenants, and more lines."""
    first = copy.deepcopy(MODEL["lenders"][0])
    first["covenants"] = list(covenants)
    return [first, *more]


def solved(*covenants: dict[str, object], more=(), **changes: object) -> tuple[Platform, Plan]:
    made = platform({"lenders": lines(*covenants, more=more), **changes})
    return made, solve_plan(made.inputs, made.engine, channels=False)


LEVERAGE = {"kind": "leverage", "multiple": 0.9, "margin": 0.05}
PAST_DUE = {"kind": "past_due_share", "share": 0.03, "tested": "quarter_end", "days": 15}
BASE = {"kind": "borrowing_base", "advance_rate": 0.2, "eligibility": "bank"}
ASSETS = {"kind": "min_net_assets", "amount": 50.0e6}
SECOND = {
    "name": "bank-b",
    "limit": 5.0e6,
    "tenors": [{"periods": 2, "rate": 0.06}],
    "covenants": [
        {"kind": "borrowing_base", "advance_rate": 0.5, "eligibility": "vehicle"},
        {"kind": "cross_default", "effect": "acceleration"},
    ],
}


@pytest.fixture(scope="module")
def kept() -> tuple[Platform, Plan]:
    return solved(LEVERAGE, PAST_DUE, BASE, ASSETS, more=(SECOND,))


def test_the_plan_keeps_every_covenant_with_its_margin(kept):
    frame = kept[1].tables()["covenants"]
    inside = frame[frame["period"] > 0]
    assert not frame["breached"].any()
    at_most = inside[inside["kind"] == "leverage"]
    assert at_most["ratio"].max() == pytest.approx(0.9 * 0.95, abs=1e-9)
    bases = inside[inside["kind"] == "borrowing_base"]
    assert (bases["ratio"] <= bases["limit_ratio"] + 1e-9).all()
    assert (bases["ratio"] >= bases["limit_ratio"] - 1e-9).any()
    assert set(inside[inside["kind"] == "past_due_share"]["period"]) == {3, 6, 9, 12}


def test_the_engines_find_every_ratio(kept):
    checks = kept[1].tables()["checks"]
    mine = checks[checks["check"].str.startswith("replay: covenant")]
    assert len(mine) == 5
    assert checks["ok"].all()
    frame = kept[1].tables()["covenants"]
    assert np.allclose(frame["ratio"], frame["replayed_ratio"], rtol=1e-6, atol=1e-9)


def test_ratios_are_those_of_the_statements(kept):
    plan = kept[1]
    frame, sheet = plan.tables()["covenants"], plan.tables()["balance_sheet"]
    owed = sheet[sheet["item"].isin(["bank and other debt", "notes held by others", "P2P notes"])]
    debt = owed.groupby("period")["amount"].sum()
    capital = sheet[sheet["side"] == "capital"].set_index("period")["amount"]
    leverage = frame[frame["kind"] == "leverage"].set_index("period")["ratio"]
    assert np.allclose(leverage, (debt / capital)[leverage.index], rtol=1e-9)
    assets = frame[frame["kind"] == "min_net_assets"].set_index("period")["measured"]
    assert np.allclose(assets, capital[assets.index], rtol=1e-9)


def test_past_due_is_what_defaulted_in_ninety_days_by_the_engines(kept):
    made, plan = kept
    own = plan.optimum.replay.places[OWN]
    frame = plan.tables()["covenants"]
    found = frame[frame["kind"] == "past_due_share"].set_index("period")["ratio"]
    # 90 days before 2014-03-31 is as_of: three months; before 06-30 is 04-01: three; before
    # 09-30 is 07-02: July, August, September; before 12-31 is 10-02: October on.
    for close, months in ((3, (1, 2, 3)), (6, (4, 5, 6)), (9, (7, 8, 9)), (12, (10, 11, 12))):
        lately = sum(own.default[t] for t in months)
        assert found[close] == pytest.approx(lately / (own.balance[close] + lately), rel=1e-9)
    pool = made.engine.pool
    mine = pool.place == 0
    late = pool.balance[mine & (pool.days_past_due >= 15)].sum() / pool.balance[mine].sum()
    assert found[0] == pytest.approx(late, rel=1e-12)
    assert late > 0.0


def test_what_trips_first_is_the_least_headroom_of_a_scenario(kept):
    frame = kept[1].tables()["covenants"]
    first = frame[frame["trips_first"].astype(bool)]
    assert len(first) == 1
    inside = frame[frame["period"] > 0]
    assert first["headroom_share"].iloc[0] == pytest.approx(inside["headroom_share"].min())
    same = inside[inside["headroom_share"] <= inside["headroom_share"].min() + 1e-9]
    assert first["period"].iloc[0] == same["period"].min()


def test_a_breach_tells_what_cross_default_makes_of_it(kept):
    frame = kept[1].tables()["covenants"]
    assert set(frame[frame["lender"] == "bank-a"]["cross_default"]) == {"bank-b: due at once"}
    assert set(frame[frame["lender"] == "bank-b"]["cross_default"]) == {""}


def test_no_loan_is_pledged_twice_or_behind_a_p2p_note(kept):
    made, plan = kept
    pledged = plan.optimum.decisions.pledged
    own, notes = plan.optimum.replay.own, plan.tables()["balances"]
    cells = made.inputs.pledges.share @ own
    stock = notes[notes["channel"] == "p2p"].groupby("period")["amount"].sum() / made.inputs.unit
    for t in made.inputs.periods:
        for c in range(len(cells)):
            mine = sum(amount for (_, cell, u), amount in pledged.items() if (cell, u) == (c, t))
            assert mine <= cells[c, t] + 1e-6
        in_all = sum(amount for (_, _, u), amount in pledged.items() if u == t)
        assert in_all + stock.get(t, 0.0) <= own[:, t].sum() + 1e-6
    for name, rate in (("bank-a", 0.2), ("bank-b", 0.5)):
        drawn = {t: sum(
            amount for (who, tenor, since), amount in plan.optimum.decisions.draws.items()
            if who == name and since <= t < since + tenor
        ) for t in made.inputs.periods}  # fmt: skip
        for t, balance in drawn.items():
            older = 5.0 if name == "bank-a" and t < 3 else 0.0
            behind = sum(a for (who, _, u), a in pledged.items() if (who, u) == (name, t))
            assert balance + older <= rate * behind + 1e-6


def test_a_leverage_covenant_is_a_cap_on_all_sources():
    weights = dict.fromkeys(["bank", "abs_third_party", "p2p"], 1.0)
    cap = {"name": "all", "base": "net_capital", "multiple": 0.8, "weights": weights}
    text = {**LAW.model_dump(), "caps": [{**cap, "source": "own"}]}
    by_law = optimum(platform({}, Regime.model_validate(text)).inputs, platform({}).engine)
    made = platform({"lenders": lines({"kind": "leverage", "multiple": 0.8})})
    kept = optimum(made.inputs, made.engine)
    assert kept.solution.objective == pytest.approx(by_law.solution.objective, rel=1e-9)


def test_a_covenant_at_a_quarters_end_leaves_the_months_between_free():
    worth = {}
    for tested in ("period", "quarter_end"):
        made = platform({"lenders": lines({"kind": "leverage", "multiple": 0.6, "tested": tested})})
        worth[tested] = optimum(made.inputs, made.engine).solution.objective
    assert worth["quarter_end"] > worth["period"] + 1e-3


@pytest.mark.parametrize(
    ("frequency", "as_of", "tests"),
    [
        ("month", date(2013, 12, 31), {0, 3, 6, 9, 12}),
        ("month", date(2014, 1, 15), {3, 6, 9, 12}),
        # 13 weeks after 2013-12-31 is 2014-04-01: the quarter ended in that week.
        ("week", date(2013, 12, 31), {0, 13}),
    ],
)
def test_a_quarter_is_tested_at_the_close_after_it(frequency, as_of, tests):
    spec = Model.model_validate({**MODEL, "lenders": lines(PAST_DUE)})
    grid = PeriodGrid.build(as_of, 14, frequency)
    assert covenants_of(spec, grid, 1.0)[0].tests == tests


def test_a_waiver_takes_the_tests_up_to_its_day():
    made = platform({"lenders": lines({**ASSETS, "waived_to": date(2014, 2, 28)})})
    assert made.inputs.covenants[0].tests == frozenset(range(3, 13))


def test_a_breach_at_the_start_stops_draws_until_the_next_test():
    # 5 of the line and 18 of notes against 60 of net capital: 0.38333.
    covenant = {"kind": "leverage", "multiple": 0.35, "tested": "quarter_end"}
    made = platform({"lenders": lines(covenant)})
    (breach,) = made.inputs.breaches
    assert (breach.t, breach.until, breach.effect) == (0, 3, "draw_stop")
    assert breach.ratio == pytest.approx(23.0 / 60.0)
    assert made.inputs.lenders[0].closed == {1, 2, 3}
    plan = solve_plan(made.inputs, made.engine, channels=False)
    assert min(t for _, _, t in plan.optimum.decisions.draws) > 3
    frame = plan.tables()["covenants"]
    assert list(frame[frame["breached"].astype(bool)]["period"]) == [0]
    assert frame[frame["trips_first"].astype(bool)]["period"].iloc[0] == 0
    assert plan.tables()["checks"]["ok"].all()


def test_what_is_called_is_due_at_the_next_close_and_cross_default_follows():
    covenant = {"kind": "leverage", "multiple": 0.35, "effect": "acceleration"}
    third = {
        "name": "bank-c",
        "limit": 4.0e6,
        "tenors": [{"periods": 2, "rate": 0.06}],
        "covenants": [{"kind": "cross_default", "lenders": ["bank-b"], "effect": "draw_stop"}],
    }
    called = {**SECOND, "covenants": [{"kind": "cross_default", "effect": "acceleration"}]}
    owed = [{"amount": 1.0e6, "rate": 0.06, "maturity": date(2014, 5, 31)}]
    second = {**called, "draws": owed}
    made, plan = solved(covenant, more=(second, third))
    hit = {x.lender: (x.effect, x.of, x.t) for x in made.inputs.breaches}
    assert hit == {
        "bank-a": ("acceleration", "bank-a", 0),
        "bank-b": ("acceleration", "bank-a", 0),
        "bank-c": ("draw_stop", "bank-a", 0),
    }
    a, b, c = made.inputs.lenders
    assert list(a.open_balance[:2]) == [5.0, 0.0]
    assert list(a.open_repaid[:4]) == [0.0, 5.0, 0.0, 0.0]
    # One month's interest of 7% on 5, then nothing is owed.
    assert list(a.open_interest[:3]) == pytest.approx([0.0, 5.0 * 0.07 / 12, 0.0])
    assert b.open_repaid[1] == 1.0
    assert c.closed >= {1}
    todo = plan.tables()["actions"]
    steps = plan.tables()["next"].set_index(["action", "item"])["why"]
    for lender in ("bank-a", "bank-b"):
        assert steps.loc["repay", lender] == "Called: the covenant leverage of bank-a is broken."
    unused = plan.tables()["unused"].set_index("item")["sentence"]
    assert unused["bank-a"] == "bank-a is not used: the covenant leverage of bank-a is broken."
    repaid = todo[(todo["action"] == "repay") & (todo["item"].isin(["bank-a", "bank-b"]))]
    assert set(repaid["date"].dt.date) == {date(2014, 1, 31)}
    assert repaid["amount"].sum() == pytest.approx(6.0e6)
    drawn = {name for name, _, _ in plan.optimum.decisions.draws}
    assert not drawn & {"bank-a", "bank-b"}
    assert plan.tables()["checks"]["ok"].all()


def test_old_loans_that_default_first_break_the_past_due_share_whatever_is_lent():
    covenant = {"kind": "past_due_share", "share": 0.0005, "waived_to": AS_OF}
    made = platform({"lenders": lines(covenant)})
    (breach,) = made.inputs.breaches
    assert (breach.t, breach.until) == (1, 2)
    assert made.inputs.lenders[0].closed == {2}
    # By hand: orders dilute (0.1% over their term), credit dilutes as far as it defaults less.
    cohorts, inputs = made.inputs.cohorts, made.inputs
    defaulted = standing = 0.0
    for j in range(len(cohorts)):
        if cohorts.vintage[j] <= 0 and cohorts.origin[j] == OWN:
            defaulted += cohorts.amount[j] * cohorts.default[j, 1]
            standing += cohorts.amount[j] * cohorts.survive[j, 1]
    best = np.inf
    for lent in ((0, 0), (0, 1), (1, 0), (1, 1)):
        bad, good = defaulted, standing
        for s, all_of_it in enumerate(lent):
            j = inputs.new_cohort[s, 1]
            amount = (inputs.demand if all_of_it else inputs.promised)[s, 1]
            bad += amount * cohorts.default[j, 1]
            good += amount * cohorts.survive[j, 1]
        best = min(best, bad - 0.0005 * (good + bad))
        if bad - 0.0005 * (good + bad) == best:
            ratio = bad / (good + bad)
    assert best > 0.0
    assert breach.ratio == pytest.approx(ratio, rel=1e-12)


def test_a_covenant_that_no_plan_keeps_is_named_with_its_amount():
    with pytest.raises(InfeasibleError) as caught:
        solved({"kind": "min_net_assets", "amount": 61.0e6, "waived_to": AS_OF})
    text = str(caught.value)
    assert "lower the covenant of bank-a min_net_assets by CNY" in text
    assert "at 2014-01-31" in text


def test_a_stress_is_told_by_the_engines_with_the_plans_decisions():
    made, plan = solved(PAST_DUE, LEVERAGE)
    stressed = platform(
        {"lenders": lines(PAST_DUE, LEVERAGE), "plan": {**MODEL["plan"], "scenario": "stress"}}
    )
    found = plan.optimum
    carried = replay(stressed.inputs, found.decisions, made.engine)
    frame = covenants_table(
        found.book, found.solution, found.replay, {"stress": (stressed.inputs, carried)}
    )
    by = frame.pivot(index=["covenant", "period"], columns="scenario", values="replayed_ratio")
    worse = by.loc["past_due_share"].drop(index=0)
    assert (worse["stress"] > 2.0 * worse["base"]).all()
    leverage = by.loc["leverage"].drop(index=0)
    assert (leverage["stress"] > leverage["base"]).all()
    firsts = frame[frame["trips_first"].astype(bool)].set_index("scenario")
    assert set(firsts.index) == {"base", "stress"}
    broken = frame[(frame["scenario"] == "stress") & frame["breached"].astype(bool)]
    assert len(broken)
    assert firsts.loc["stress", "period"] == broken["period"].min()


CELLS = (frozenset({"a"}), frozenset({"b"}), frozenset({"a", "b"}), frozenset({"a", "c"}))


@given(
    cells=st.lists(st.floats(0.0, 10.0), min_size=4, max_size=4),
    free=st.floats(0.0, 40.0),
    balances=st.lists(st.floats(0.0, 4.0), min_size=3, max_size=3),
)
@settings(max_examples=60, deadline=None)
def test_rooms_are_what_a_transport_program_finds(cells, free, balances):
    pledges = PledgeInputs(CELLS, np.zeros((4, 1)), {"a": 1.0, "b": 0.8, "c": 1.0})
    names = ("a", "b", "c")
    bases = [
        CovenantInputs(f"bank-{x}", "base", "borrowing_base", 0.5, 0.0, "draw_stop", frozenset(), x)
        for x in names
    ]
    balance = {f"bank-{x}": amount for x, amount in zip(names, balances, strict=True)}
    need = [b / (0.5 * pledges.usable[x]) for x, b in zip(names, balances, strict=True)]
    found = rooms(pledges, bases, np.array(cells), free, balance)
    for h, name in enumerate(names):
        pairs = [(i, c) for i, x in enumerate(names) for c in pledges.cells(x)]
        upper = [[float(c == k) for _, c in pairs] for k in range(4)] + [[1.0] * len(pairs)]
        upper += [[-float(i == k) for i, _ in pairs] for k in range(3) if k != h]
        limits = [*cells, free, *(-need[k] for k in range(3) if k != h)]
        most = linprog(
            [-float(i == h) for i, _ in pairs], A_ub=np.array(upper), b_ub=np.array(limits)
        )
        if most.status == 0:
            assert found[f"bank-{name}"] == pytest.approx(
                -most.fun * pledges.usable[name], abs=1e-7
            )
        else:
            assert most.status == 2  # the others want more than there is


@pytest.mark.parametrize(
    ("covenants", "says"),
    [
        ([LEVERAGE, LEVERAGE], "names that differ"),
        ([BASE, {**BASE, "name": "second"}], "one borrowing base a line"),
        ([{**BASE, "eligibility": "nobody"}], "a set of pool.eligibility"),
        ([{"kind": "cross_default"}], "no other lender"),
        ([{"kind": "leverage", "multiple": 0.0}], "greater than 0"),
        ([{"kind": "past_due_share", "share": 3.0}], "less than or equal to 1"),
        ([{"kind": "tangible_net_worth", "amount": 1.0}], "tangible_net_worth"),
    ],
)
def test_covenants_that_do_not_fit_are_refused(covenants, says):
    with pytest.raises(ValidationError, match=says):
        Model.model_validate({**MODEL, "lenders": lines(*covenants)})


def test_loans_passed_through_to_p2p_lenders_are_no_debt_that_own_loans_back():
    """They have left the book: what is pledged to a bank is not less for them, nor debt more."""
    through = {"limit": 60e6, "rolling_12_months": 60e6, "mode": "pass_through", "fee": 0.0}
    line = {"name": "bank-a", "limit": 20e6, "tenors": [{"periods": 3, "rate": 0.07}]}
    changes = {
        "lenders": [line | {"covenants": [BASE | {"eligibility": "vehicle"}, LEVERAGE]}],
        "p2p": through | {"per_period": 30e6, "eligibility": "vehicle"},
        "demand.credit.per_period": 40e6,
        "demand.credit.minimum": 1.0,
        "plan.periods": 4,
        "opening.net_capital": 66e6,
    }
    made = platform(edited(changes))
    plan = solve_plan(made.inputs, made.engine, channels=False)
    table = plan.tables()["covenants"]
    last = table[(table["period"] == 4) & (table["kind"] == "borrowing_base")].iloc[0]
    assert last["ratio"] > 0.0
    assert set(table["kind"]) == {"borrowing_base", "leverage"}
    assert (table["ratio"] - table["replayed_ratio"]).abs().max() < 1e-9
    passed = plan.optimum.replay.places["p2p"].balance[4]
    own = plan.optimum.replay.own[:, 4].sum()
    assert passed > own - last["base_amount"] / plan.optimum.inputs.unit


@pytest.mark.parametrize(
    "nothing",
    [BASE | {"advance_rate": 0.0}, PAST_DUE | {"share": 0.0, "tested": "period"}],
    ids=["borrowing base", "past due"],
)
def test_a_limit_of_nothing_is_compared_as_it_is(nothing):
    """A share of the limit would be 0 / 0, no number, and so a check that fails of a plan that
    holds: the line is not drawn.
    """
    safe = {"credit": {"segments": {x: {"cdr": 0.0, "severity": 0.0} for x in ("credit", "order")}}}
    lenders = lines(nothing)
    lenders[0]["draws"] = []
    opening = {**MODEL["opening"], "net_capital": 70e6}
    plan = {**MODEL["plan"], "periods": 2}
    made = platform({"lenders": lenders, **safe, "opening": opening, "plan": plan})
    plan = solve_plan(made.inputs, made.engine, channels=False)
    checks = plan.tables()["checks"]
    mine = checks[checks["check"].str.startswith("replay: covenant")]
    assert mine["value"].tolist() == [0.0]
    assert checks["ok"].all(), checks[~checks["ok"]].to_string()
