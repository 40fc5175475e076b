"""The worst shortfalls of a plan over scenarios: CVaR as a term and as a limit."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from scipy.optimize import linprog

from scfcap.errors import InfeasibleError
from scfcap.funding.inputs import Inputs
from scfcap.funding.nodes import Nodes
from scfcap.funding.plan import optimum
from scfcap.funding.program import solve
from scfcap.funding.replay import Engine
from scfcap.funding.risk import Tail, level_for, risk_cautions, risk_sentences, risk_table
from scfcap.funding.risk import shortfalls_of as missed
from scfcap.funding.scenarios import ScenarioPlan, build_scenarios, solve_scenarios
from scfcap.schema.uncertainty import Risk
from tests.witnesses import programs
from tests.witnesses.book import golden, holds

from .small_platform import LAW, platform, small_pool
from .test_linprog import CHANGES, YEAR, ByHand, T, Vector
from .test_scenario_plans import decided_by
from .test_shortfall import WEIGHTS, amounts, pressed, shocked
from .variants import edited, own_pool

CASE = golden(programs.COMMITTED)


# The case solved by hand: a committed line against needs that are known later.


def test_a_line_against_the_mean_of_the_worst_and_a_limit_on_it():
    holds(programs.committed_line())
    program, _ = programs.committed(0.3)
    assert len([f for f in program.columns.family if f == "line"]) == 1


def test_the_tail_of_the_needs_by_its_definition():
    """Mean of the two largest of ten; half of 50 and 40 above 30: pro rata where it is cut."""
    needs = np.array(CASE["statement"]["need"], dtype=float)
    even = np.full(10, 0.1)
    tail = Tail(needs, even, 0.8)
    assert tail.mean == pytest.approx(95.0)
    assert tail.least == 90.0
    assert tail.count == pytest.approx(2.0)
    cut = Tail(needs, even, 0.75)
    assert cut.mean == pytest.approx((100.0 + 90.0 + 0.5 * 80.0) / 2.5)
    assert cut.count == pytest.approx(2.5**2 / 2.25)
    assert Tail(np.zeros(4), np.full(4, 0.25), 0.9).mean == 0.0


def test_cvar_is_the_least_over_eta():
    """Rockafellar and Uryasev's formula, by a fine grid of eta, on random weights."""
    random = np.random.default_rng(5)
    for level in (0.3, 0.8, 0.95):
        losses, weights = random.exponential(2.0, 30), random.dirichlet(np.ones(30))
        etas = np.append(np.linspace(0.0, 20.0, 4001), losses)
        above = np.maximum(losses[None, :] - etas[:, None], 0.0) @ weights
        least = float((etas + above / (1.0 - level)).min())
        assert Tail(losses, weights, level).mean == pytest.approx(least, rel=1e-12)


# The same plan by scipy: decisions alone as variables, with money missing and its tail.


class Missing(ByHand):
    """The plan by hand, with money missing at each close at 30% a year."""

    RATE = 0.3

    def _decisions(self) -> Any:
        yield from super()._decisions()
        for t in range(1, T + 1):
            yield "missing", t

    def accounts(self, opening_cash: float, opening_capital: float) -> tuple[list[Vector], ...]:
        cash, capital = super().accounts(opening_cash, opening_capital)
        gained, y = self.zero(), self.model.plan.cash_yield * YEAR
        earned = self.zero()
        for t in range(1, T + 1):
            before = self.one("missing", t - 1)
            earned = earned + y * gained - self.RATE * YEAR * before
            gained = (1.0 + y) * gained + self.one("missing", t)
            gained = gained - (1.0 + self.RATE * YEAR) * before
            cash[t], capital[t] = cash[t] + gained, capital[t] + earned
        return cash, capital

    def premium(self) -> Vector:
        at = 1.0 + self.model.plan.terminal_rate
        over = max((1.0 + self.RATE * YEAR) * at**-YEAR - 1.0, 0.0)
        return super().premium() - over * self.one("missing", T)

    def shortfall(self) -> Vector:
        at = 1.0 + self.model.plan.terminal_rate
        parts = [at ** (-t * YEAR) * self.one("missing", t) for t in range(1, T + 1)]
        return sum(parts, self.zero())


def by_hand(
    scenarios: Mapping[str, Missing], cash: float, capital: float, risk: Risk
) -> tuple[float, dict[str, float]]:
    """Optimum and shortfalls; the first period once, the others for each scenario."""
    index: dict[tuple[Any, ...], int] = {}
    parts = []
    for name, hand in scenarios.items():
        place = [
            index.setdefault(
                key if key[-1] == 1 and key[0] != "missing" else (name, *key), len(index)
            )
            for key in hand.columns
        ]
        money, worth = hand.accounts(cash, capital)
        gain = worth[-1] - hand.constant(capital) + hand.premium()
        limits = np.array(list(hand.limits(money, worth)))
        parts.append((name, place, gain, limits, hand.shortfall()))
    eta = len(index)
    width = eta + 1 + len(parts)
    objective, constant = np.zeros(width), 0.0
    rows: list[Vector] = []
    right: list[float] = []
    for k, (name, place, gain, limits, short) in enumerate(parts):
        objective[place] += WEIGHTS[name] * gain[:-1]
        constant += WEIGHTS[name] * gain[-1]
        wide = np.zeros((len(limits), width))
        wide[:, place] = limits[:, :-1]
        keep = np.abs(wide).any(axis=1)
        rows.extend(wide[keep])
        right.extend(-limits[keep, -1])
        above = np.zeros(width)
        above[place] = short[:-1]
        above[eta] = above[eta + 1 + k] = -1.0
        rows.append(above)
        right.append(0.0)
    tail = np.zeros(width)
    tail[eta] = 1.0
    for k, (name, *_) in enumerate(parts):
        tail[eta + 1 + k] = WEIGHTS[name] / (1.0 - risk.level)
    objective -= risk.weight * tail
    if risk.limit is not None:
        rows.append(tail)
        right.append(risk.limit / 1e6)
    bounds = [(0.0, None)] * width
    bounds[eta] = (None, None)
    tight = {"primal_feasibility_tolerance": 1e-10, "dual_feasibility_tolerance": 1e-10}
    answer = linprog(-objective, np.array(rows), right, bounds=bounds, options=tight)
    assert answer.status == 0, answer.message
    found = {name: float(short[:-1] @ answer.x[place]) for name, place, _, _, short in parts}
    return constant - float(answer.fun), found


@pytest.mark.parametrize(
    "risk",
    [
        {},
        {"weight": 0.003, "level": 0.4},
        {"weight": 5.0, "level": 0.9},
        {"limit": 30.0e6, "level": 0.9},
        {"limit": 20.0e6, "level": 0.5, "weight": 0.003},
    ],
    ids=str,
)
def test_a_plan_with_a_tail_by_scipy(risk):
    pool = own_pool(small_pool(120, 3))
    uncertain = {"weights": WEIGHTS, "shortfall": {"rate": Missing.RATE}, "risk": risk}
    hands, inputs = {}, {}
    for name, cdr, floor in (("base", 0.04, 8.0e6), ("stress", 0.4, 90.0e6)):
        changes = {
            **CHANGES,
            "credit.segments.credit.cdr": cdr,
            "plan.liquidity_floor": floor,
            "plan.uncertainty": uncertain,
        }
        p = platform(edited(changes), LAW, pool)
        hands[name], inputs[name] = Missing(p.spec, pool), p.inputs
    first = inputs["base"]
    inputs["stress"] = replace(inputs["stress"], cash=first.cash, net_capital=first.net_capital)
    program, _ = build_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 4, 1))
    solution = solve(program)
    expected, short = by_hand(hands, first.cash, first.net_capital, Risk(**risk))
    assert solution.objective == pytest.approx(expected, rel=1e-8)
    losses = np.array([short[name] for name in WEIGHTS])
    mine = Tail(losses, np.array(list(WEIGHTS.values())), Risk(**risk).level).mean
    assert mine > 10.0
    if "limit" in risk:
        assert mine == pytest.approx(risk["limit"] / 1e6, rel=1e-6)


# Plans of the small platform.

#: A limit on what is missing that binds, a weight besides; level and measure of the tail.
RISKS: tuple[dict[str, Any], ...] = (
    {"level": 0.8, "limit": 242.2e6, "weight": 0.001},
    {"level": 0.5, "limit": 31.1e6, "measure": "worst"},
)


@cache
def given(which: int, floor: float = 100.0) -> tuple[dict[str, Inputs], Engine]:
    """Inputs of base and of stress, which keeps more cash than it has."""
    base, stress = (shocked(name, risk=RISKS[which]) for name in ("base", "stress"))
    return {"base": base.inputs, "stress": pressed(stress.inputs, floor)}, base.engine


@cache
def planned(which: int, shared: int = 1) -> ScenarioPlan:
    inputs, engine = given(which)
    return solve_scenarios(inputs, WEIGHTS, Nodes.two_stage(2, 6, shared), engine)


def plan_of(names: Mapping[str, str], weights: Sequence[float], which: int) -> ScenarioPlan:
    """A plan over copies of base and stress, two stages."""
    inputs, engine = given(which)
    chosen = {name: inputs[of] for name, of in names.items()}
    nodes = Nodes.two_stage(len(names), 6, 1)
    return solve_scenarios(chosen, dict(zip(names, weights, strict=True)), nodes, engine)


def held(found: ScenarioPlan) -> tuple[float, float]:
    """CVaR of a plan and the limit on it."""
    tail = missed(found)
    assert tail is not None
    assert tail.limit is not None
    return tail.cvar, tail.limit


@pytest.mark.parametrize("which", range(len(RISKS)))
def test_the_limit_holds_and_binds(which):
    assert held(planned(which))[0] == pytest.approx(held(planned(which))[1], rel=1e-6)


@pytest.mark.parametrize("which", range(len(RISKS)))
def test_the_dual_of_the_limit_is_what_more_of_it_is_worth(which):
    plan, step = planned(which), 1e-3
    tail = missed(plan)
    assert tail is not None
    assert tail.dual is not None
    assert tail.dual > 1e-3
    row = plan.solution.program.rows_of("cvar")["cvar"]
    for way in (step, -step):
        moved = plan.solution.shifted({row: way})
        assert moved is not None
        assert (moved - plan.objective) / way == pytest.approx(tail.dual, rel=1e-4)


@pytest.mark.parametrize("which", range(len(RISKS)))
def test_scenarios_split_or_of_no_weight_change_nothing(which):
    names = {"base": "base", "one": "stress", "other": "stress", "never": "stress"}
    split = plan_of(names, (0.7, 0.1, 0.2, 0.0), which)
    assert split.objective == pytest.approx(planned(which).objective, rel=1e-8)
    assert list(split.optima) == ["base", "one", "other"]
    assert held(split)[0] == pytest.approx(held(planned(which))[0], rel=1e-6)


@pytest.mark.parametrize("which", range(len(RISKS)))
def test_identical_scenarios_are_one(which):
    """CVaR of one scenario is its shortfall; a limit that it keeps just so, a weight on it."""
    inputs, engine = given(which)
    plan = inputs["stress"].spec.plan
    risk = {**RISKS[which], "weight": 0.01, "limit": None}
    uncertain = plan.uncertainty.model_copy(update={"risk": Risk(**risk)})
    spec = inputs["stress"].spec.model_copy(
        update={"plan": plan.model_copy(update={"uncertainty": uncertain})}
    )
    x = replace(inputs["stress"], spec=spec)
    alone = optimum(x, engine)
    twice = solve_scenarios(
        {"one": x, "two": x}, {"one": 0.25, "two": 0.75}, Nodes.two_stage(2, 6, 2), engine
    )
    assert amounts(alone).max() > 10.0
    assert twice.objective == pytest.approx(alone.solution.objective, rel=1e-8)
    once = solve_scenarios({"one": x}, {"one": 1.0}, Nodes.two_stage(1, 6, 1), engine)
    assert once.objective == pytest.approx(alone.solution.objective, rel=1e-12)


@pytest.mark.parametrize("shared", [1, 3])
def test_nobody_decides_by_what_he_cannot_know(shared):
    plan = planned(1, shared)
    for t in range(1, shared + 1):
        assert decided_by(plan, "base", t) == decided_by(plan, "stress", t) != {}
    assert decided_by(plan, "base", 6) != decided_by(plan, "stress", 6)


def test_more_weight_on_a_shock_never_worsens_the_plan_in_it():
    inputs, engine = given(0)
    calm = {}
    for name, x in inputs.items():
        uncertain = x.spec.plan.uncertainty.model_copy(update={"risk": Risk()})
        plan = x.spec.plan.model_copy(update={"uncertainty": uncertain})
        calm[name] = replace(x, spec=x.spec.model_copy(update={"plan": plan}))
    found = []
    for share in (0.02, 0.3, 0.9):
        weights = {"base": 1.0 - share, "stress": share}
        plan = solve_scenarios(calm, weights, Nodes.two_stage(2, 6, 1), engine)
        found.append({name: x.solution.objective for name, x in plan.optima.items()})
    stress = [x["stress"] for x in found]
    base = [x["base"] for x in found]
    assert stress[0] < stress[-1] - 1e-3
    assert all(a <= b + 1e-8 for a, b in pairwise(stress))
    assert all(a >= b - 1e-8 for a, b in pairwise(base))


def test_the_engines_carry_out_a_plan_with_a_limit_on_risk():
    plan = planned(1)
    for found in plan.optima.values():
        for family, path in (("M", found.replay.cash), ("K", found.replay.net_capital)):
            planned_path = [found.solution.value(family, t) for t in found.inputs.periods]
            assert path[1:] == pytest.approx(planned_path, abs=1e-6)


# What is said of it.


def test_the_table_and_the_sentences_say_what_is_missing():
    plan = planned(1)
    table = risk_table(plan).set_index("scenario")
    got = amounts(plan.optima["stress"])
    assert table.loc["stress", "most_amount"] == pytest.approx(got.max() * 1e6)
    assert table.loc["stress", "missing_amount"] == pytest.approx(got.max() * 1e6)
    assert table.loc["base", "missing_amount"] == 0.0
    assert table["tail_share"].to_dict() == pytest.approx({"base": 0.4, "stress": 0.6})
    assert table.loc["stress", "when"] == plan.optima["stress"].inputs.grid.ends[got.argmax() - 1]
    told = " ".join(risk_sentences(plan))
    assert "worst 50% at a close, on average (CVaR): CNY 31,100,000" in told
    assert "Its limit is CNY 31,100,000" in told


def test_a_tail_of_few_scenarios_is_a_caution():
    (said,) = risk_cautions(planned(0))
    assert "The tail beyond 0.8 is one scenario: CVaR is what is missing there" in said
    assert "plan.uncertainty.paths = 50 or more" in said
    (said,) = risk_cautions(planned(1))
    assert "stands on 1.9 scenarios as likely, less than 10" in said


def test_the_highest_level_with_ten_in_its_tail():
    """Of 50 equal ones the worst ten are a fifth; of 9 there is none."""
    assert level_for(np.full(50, 0.02)) == pytest.approx(0.8)
    assert level_for(np.full(9, 1.0 / 9.0)) == 0.0
    assert level_for(np.array([0.6, *np.full(40, 0.01)])) == pytest.approx(0.9)


def test_money_that_is_missing_where_nothing_happens_is_a_caution():
    p = shocked("base")
    calm, engine = {"base": pressed(p.inputs, 100.0)}, p.engine
    said = risk_cautions(solve_scenarios(calm, {"base": 1.0}, Nodes.two_stage(1, 6, 1), engine))
    assert any("In base, where nothing happens, CNY" in x for x in said)
    assert any("Raise plan.uncertainty.shortfall.rate" in x for x in said)
    assert not any("where nothing happens" in x for x in risk_cautions(planned(1)))


def test_a_limit_that_no_plan_keeps_is_told_as_one_of_all_scenarios_together():
    inputs, engine = given(1)
    harder = {**inputs, "stress": pressed(inputs["stress"], 110.0)}
    with pytest.raises(InfeasibleError, match="Each scenario has a plan, but none") as told:
        solve_scenarios(harder, WEIGHTS, Nodes.two_stage(2, 6, 1), engine)
    assert ("cvar", "cvar") in [relaxed[:2] for relaxed in told.value.relaxations]
    assert "raise the limit of the worst shortfalls' mean by CNY" in str(told.value)
