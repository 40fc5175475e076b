"""Published and enumerated programs, built with the labelled layer and solved through its door."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, ClassVar

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp

from scfcap.funding.allocation.program import matrix
from scfcap.funding.allocation.solve import allocate
from scfcap.funding.nodes import Decided, Nodes, close_nodes, views
from scfcap.funding.plan import optimum
from scfcap.funding.program import Absent, Program, Row, Sense, Solution, Terms, solve
from scfcap.funding.tail import cvar_terms, limit_rows, tail_rows
from scfcap.funding.variables import declare_tail

from .book import Figure, Witness, golden, near

FINANCING = "optimisation/short_term_financing"
MATCHING = "optimisation/cash_matching_luenberger"
DAKOTA = "optimisation/two_stage_dakota"
COMMITTED = "optimisation/cvar_committed_line"
FACILITY = "optimisation/facility_allocation_10"
DOOR = "funding.program.solve"


class Draft:
    """A program from rows of names: each row is a family of its own with one key."""

    def __init__(self, upper: Mapping[str, float]) -> None:
        self.program = Program("witness")
        for name, most in upper.items():
            self.program.column(name, 0, upper=most)

    def terms(self, coefficients: Mapping[str, float]) -> Terms:
        terms = Terms()
        for name, c in coefficients.items():
            terms.add(self.program.find(name, 0), c)
        return terms

    def row(self, name: str, left: Mapping[str, float], sense: Sense, right: float) -> None:
        self.program.add_family(name, [0], [(0, Row(self.terms(left), sense, right))])

    def solved(self, maximise: Mapping[str, float]) -> Solution:
        self.program.objective = self.terms(maximise)
        return solve(self.program)


# Short-term financing (Cornuejols, Pena, Tutuncu, ch. 3).


def financing(limit: float = 100.0, january: float = 150.0) -> Solution:
    """Most wealth in June by credit line, paper and what is left over; money [thousand]."""
    given = golden(FINANCING)["statement"]
    line, paper, excess = (
        1.0 + given["credit_rate_per_month"],
        1.0 + given["paper_rate_per_3_months"],
        1.0 + given["excess_rate_per_month"],
    )
    upper = {f"x{t}": limit for t in range(1, 6)}
    upper |= {f"y{t}": math.inf for t in range(1, 4)}
    upper |= {f"z{t}": math.inf for t in range(1, 6)} | {"v": math.inf}
    draft = Draft(upper)
    required = [january, *given["requirement_rhs"][1:]]
    for t, month in enumerate(given["months"], start=1):
        left = {f"x{t}": 1.0, f"x{t - 1}": -line, f"y{t}": 1.0, f"y{t - 3}": -paper}
        left |= {f"z{t}": -1.0, f"z{t - 1}": excess}
        left = {name: c for name, c in left.items() if name in upper}
        if t == 6:
            left["v"] = -1.0
        draft.row(month, left, "=", required[t - 1])
    return draft.solved({"v": 1.0})


def short_term_financing() -> Iterator[Witness]:
    """Wealth, prices of a month's need, reduced costs, and the slopes of a shifted row."""
    table, solution = golden(FINANCING), financing()
    expected = table["expected"]
    source = "Cornuejols, Pena, Tutuncu, Optimization Methods in Finance, ch. 3"
    wealth = (
        near("as printed", 92.497, solution.objective, 5e-4),
        near("to more digits", expected["objective"], solution.objective, 5e-7),
        near(
            "credit line of 200", expected["variant_credit_limit_200"],
            financing(limit=200.0).objective, 5e-7,
        ),
        near(
            "200 due in January", expected["variant_january_requirement_200"],
            financing(january=200.0).objective, 5e-7,
        ),
    )  # fmt: skip
    yield Witness("Short-term financing, wealth in June", DOOR, source, "cited", wealth, "thousand",
                  table=FINANCING)  # fmt: skip
    prices = tuple(
        near(month, dual, solution.duals(month)[0], 5e-7)
        for month, dual in expected["dual_d_objective_d_requirement"].items()
    )
    yield Witness("Prices of one more due in a month", DOOR, source, "cited", prices,
                  table=FINANCING)  # fmt: skip
    slopes: list[Figure] = []
    for month, (right, left) in expected["one_sided_finite_differences"].items():
        row = solution.program.rows_of(month)[0]
        up, down = solution.shifted({row: 1e-3}), solution.shifted({row: -1e-3})
        assert up is not None
        assert down is not None
        slopes.append(near(f"{month}, more", right, (up - solution.objective) / 1e-3, 1e-6))
        slopes.append(near(f"{month}, less", left, (solution.objective - down) / 1e-3, 1e-6))
    yield Witness("The same prices by solving again", "funding.program.Solution.shifted", source,
                  "cited", tuple(slopes), table=FINANCING)  # fmt: skip
    reduced = []
    for name, cost in expected["reduced_cost_d_objective_d_bound"].items():
        column = solution.program.find(name, 0)
        assert column is not None
        reduced.append(near(name, cost, solution.reduced_cost[column], 5e-7))
    yield Witness("Reduced costs of its decisions", DOOR, source, "cited", tuple(reduced),
                  table=FINANCING)  # fmt: skip


# Cash matching (Luenberger, example 4.12).


def matching(carry: float | None = None) -> Solution:
    """Least cost; ``carry``: rate at which a surplus is kept for the next year."""
    given = golden(MATCHING)["statement"]
    bonds = [f"bond{i}" for i in range(1, 11)]
    years = range(1, 7)
    draft = Draft(dict.fromkeys([*bonds, *(f"kept{y}" for y in years)], math.inf))
    for y in years:
        flows = given["cash_flow_by_bond_year1_to_6"]
        left = {bond: flows[i][y - 1] for i, bond in enumerate(bonds)}
        if carry is not None:
            left |= {f"kept{y}": -1.0}
            left |= {f"kept{y - 1}": 1.0 + carry} if y > 1 else {}
        draft.row(f"year{y}", left, ">=" if carry is None else "=", given["obligation"][y - 1])
    return draft.solved({bond: -given["price"][i] for i, bond in enumerate(bonds)})


def cash_matching() -> Iterator[Witness]:
    """Least cost of bonds that meet six years of payments, their numbers and prices."""
    table, solution = golden(MATCHING), matching()
    expected, source = table["expected"], "Luenberger, Investment Science, example 4.12"
    carried = expected["variant_carry_forward_objective_by_rate"].items()
    costs = (
        near("as printed", 2381.14, -solution.objective, 5e-3),
        near("to more digits", expected["objective"], -solution.objective, 1e-5),
        *(near(f"carried at {r}", c, -matching(float(r)).objective, 1e-5) for r, c in carried),
    )
    yield Witness("Cost of matching six years of payments", DOOR, source, "cited", costs,
                  "currency", table=MATCHING)  # fmt: skip
    bonds = tuple(
        near(bond, units, solution.value(bond, 0), 1e-6)
        for bond, units in expected["variables"].items()
    )
    yield Witness("Bonds bought", DOOR, source, "cited", bonds, "units", table=MATCHING)
    prices = tuple(
        near(year, price, -solution.duals(year)[0], 1e-6)
        for year, price in expected["dual_price_of_one_more_unit_due_in_year"].items()
    )
    yield Witness("Price of one more due in a year", DOOR, source, "cited", prices,
                  table=MATCHING)  # fmt: skip


# Dakota Furniture (Higle 2005).


class Dakota:
    """Dakota Furniture: resources are bought first, made into products when demand is seen."""

    PRODUCTS = ("desk", "table", "chair")
    USE: ClassVar = {
        "lumber": (8.0, 6.0, 1.0),
        "finishing": (4.0, 2.0, 1.5),
        "carpentry": (2.0, 1.5, 0.5),
    }
    COST: ClassVar = {"lumber": 2.0, "finishing": 4.0, "carpentry": 5.2}
    PRICE = (60.0, 40.0, 10.0)

    def __init__(self, demand: Mapping[str, Mapping[str, float]], odds: Mapping[str, float]):
        nodes = Nodes.two_stage(len(demand), 2, 1)
        self.program = Program("Dakota")

        def when(family: str, _: Any) -> int:
            return {"bought": 1, "made": 2}[family]

        decided: dict[str, Decided] = dict.fromkeys(demand, when)
        parts = views(self.program, decided, nodes)
        for part in parts:
            for resource in self.USE:
                part.column("bought", resource)
            for product in self.PRODUCTS:
                part.column("made", product)
        close_nodes(parts)
        for part, (name, wanted) in zip(parts, demand.items(), strict=True):
            part.add_family("resource", self.USE, ((r, self._resource(part, r)) for r in self.USE))
            part.add_family(
                "demand",
                self.PRODUCTS,
                (
                    (p, Row(Terms().add(part.find("made", p)), "<=", wanted[p]))
                    for p in self.PRODUCTS
                ),
            )
            for resource, cost in self.COST.items():
                part.objective.add(part.find("bought", resource), -cost)
            for product, price in zip(self.PRODUCTS, self.PRICE, strict=True):
                part.objective.add(part.find("made", product), price)
            self.program.objective.extend(part.objective, odds[name])
        self.parts = parts

    def _resource(self, part: Program, resource: str) -> Row | Absent:
        terms = Terms().add(part.find("bought", resource), -1.0)
        for product, use in zip(self.PRODUCTS, self.USE[resource], strict=True):
            terms.add(part.find("made", product), use)
        return Row(terms, "<=")

    def bought(self, solution: Solution) -> dict[str, float]:
        mine = replace(solution, program=self.parts[0])
        return {resource: mine.value("bought", resource) for resource in self.USE}


def dakota() -> Iterator[Witness]:
    """Higle 2005: recourse optimum 1,730, mean-value problem 4,165."""
    table = golden(DAKOTA)
    demand, odds = table["statement"]["demand"], table["statement"]["probability"]
    expected, source = table["expected"], "Higle (2005), Dakota Furniture"
    model = Dakota(demand, odds)
    solution = solve(model.program)
    mean = {p: sum(odds[k] * demand[k][p] for k in demand) for p in Dakota.PRODUCTS}
    certain = solve(Dakota({"mean": mean}, {"mean": 1.0}).program)
    waited = sum(
        odds[k] * solve(Dakota({k: demand[k]}, {k: 1.0}).program).objective for k in demand
    )
    values = (
        near("with recourse", expected["objective"], solution.objective, 1e-6),
        near("mean-value problem", expected["mean_value_problem"], certain.objective, 1e-6),
        near("wait and see", expected["wait_and_see"], waited, 1e-6),
        near("rows", 18, model.program.shape[0], 0.0),
        near("columns", 12, model.program.shape[1], 0.0),
    )
    yield Witness("A program in two stages, its values", "funding.nodes.Nodes.two_stage", source,
                  "cited", values, "currency", table=DAKOTA)  # fmt: skip
    bought = model.bought(solution)
    assert set(bought) == set(expected["first_stage"])
    first = tuple(near(r, x, bought[r], 1e-6) for r, x in expected["first_stage"].items())
    yield Witness("What it buys first", "funding.nodes.views", source, "cited", first, "units",
                  table=DAKOTA)  # fmt: skip


# A committed line against needs that are known later.


def committed(
    fee: float, weight: float = 1.0, limit: float | None = None
) -> tuple[Program, Solution]:
    """``max -fee L - weight CVaR`` over the needs, with ``L`` decided before they are known."""
    case = golden(COMMITTED)["statement"]
    needs, level = case["need"], case["alpha"]
    weights = {f"need {d}": 1.0 / len(needs) for d in needs}
    program = Program("line")

    def when(family: str, _: Any) -> int | None:
        return 1 if family == "line" else None

    parts = views(program, dict.fromkeys(weights, when), Nodes.two_stage(len(needs), 2, 1))
    for part in parts:
        part.column("line", 1)
        part.column("u", 2)
    close_nodes(parts)
    missing = {}
    for part, name, need in zip(parts, weights, needs, strict=True):
        terms = Terms().add(part.find("u", 2)).add(part.find("line", 1))
        part.add_family("need", [2], [(2, Row(terms, ">=", need))])
        missing[name] = [Terms().add(part.find("u", 2))]
    declare_tail(program, weights)
    for family, found in (
        ("tail", tail_rows(program, missing)),
        ("cvar", limit_rows(program, weights, level, limit)),
    ):
        rows = list(found)
        program.add_family(family, [key for key, _ in rows], rows)
    program.objective.add(program.find("line", (1, "node 0")), -fee)
    if weight > 0.0:
        program.objective.extend(cvar_terms(program, weights, level), -weight)
    return program, solve(program)


def committed_line() -> Iterator[Witness]:
    """The line and its cost by fee, and a limit on the mean of the worst with its dual."""
    expected, source = golden(COMMITTED)["expected"], "solved by hand"
    found: list[Figure] = []
    for fee, row in expected["by_fee"].items():
        _, solution = committed(float(fee))
        line = solution.value("line", (1, "node 0"))
        found.append(near(f"cost, fee {fee}", row["objective"], -solution.objective, 1e-9))
        found.append(near(f"line, fee {fee}", row["line"], line, 1e-9))
    yield Witness("A line against the mean of the worst", "funding.tail.cvar_terms", source,
                  "by hand", tuple(found), "currency", table=COMMITTED)  # fmt: skip
    limited: list[Figure] = []
    for limit in (5.0, 15.0):
        row = expected[f"variant_cap_{limit:g}_fee_0.6"]
        _, solution = committed(0.6, 0.0, limit)
        line, dual = solution.value("line", (1, "node 0")), -solution.duals("cvar")["cvar"]
        limited.append(near(f"cost, limit {limit:g}", row["objective"], -solution.objective, 1e-9))
        limited.append(near(f"line, limit {limit:g}", row["line"], line, 1e-9))
        if "dual_of_cap" in row:
            limited.append(near(f"dual, limit {limit:g}", row["dual_of_cap"], dual, 1e-9))
        else:  # a kink: anything from 0.6 to 1.2
            limited.append(Figure(f"dual, limit {limit:g}", -0.6, dual, 0.6 + 1e-9, 1e-9))
    yield Witness("A limit on the mean of the worst", "funding.tail.limit_rows", source, "by hand",
                  tuple(limited), "currency", table=COMMITTED)  # fmt: skip


# Whole loans.


def whole_loans() -> Iterator[Witness]:
    """Ten loans whose optimum is known by complete enumeration; the same by scipy."""
    from tests.funding.allocation.facility import facility

    program, expected = facility()
    found = allocate(program)
    names = [program.channels[c] if c >= 0 else "none" for c in found.choice]
    same = sum(a == b for a, b in zip(names, expected["assignment"], strict=True))
    by, source = "funding.allocation.solve.allocate", "complete enumeration of 73,728 placements"
    best = (
        near("value", expected["integer_objective"], found.value, 1e-6),
        near("loans placed the same", len(names), same, 0.0),
    )
    yield Witness("Ten whole loans, best placement", by, source, "closed form", best, "currency",
                  table=FACILITY)  # fmt: skip
    duals = zip(program.rows, found.dual, strict=True)
    bound = (
        near("bound", expected["lp_objective"], found.bound, 1e-6),
        *(near(row.name, expected["lp_row_duals"][row.name], price, 1e-6) for row, price in duals),
    )
    yield Witness("Their bound and its prices", by, "linear relaxation by HiGHS", "closed form",
                  bound, "currency", table=FACILITY)  # fmt: skip
    yield Witness("The same placement and bound", by, "scipy, milp", "peer",
                  (near("value", _by_scipy(program, whole=True), found.value, 1e-6),
                   near("bound", _by_scipy(program, whole=False), found.bound, 1e-6)),
                  "currency")  # fmt: skip


def _by_scipy(program: Any, *, whole: bool) -> float:
    """Best value of an allocation program, each loan placed once at most."""
    rows, pairs = matrix(program)
    loans, channels = program.value.shape
    once = np.zeros((loans, len(pairs)))
    once[np.asarray(pairs) // channels, np.arange(len(pairs))] = 1.0
    right = np.array([row.right for row in program.rows])
    answer = milp(
        -program.value.ravel()[pairs],
        constraints=[LinearConstraint(rows, ub=right), LinearConstraint(once, ub=1.0)],
        bounds=Bounds(0.0, 1.0),
        integrality=np.full(len(pairs), int(whole)),
    )
    assert answer.status == 0, answer.message
    return float(-answer.fun)


# A plan written a second time.


#: A small plan and three changes of it.
PLANS: dict[str, dict[str, Any]] = {
    "as it is": {},
    "more capital, debts covered": {
        "opening": {"net_capital": 90.0e6, "deductions": 1.5e6}, "plan.debt_cover": 1.0,
    },
    "recoveries at once": {
        "credit.segments.credit.recovery_lag": 0, "plan.terminal_rate": 0.2,
    },
    "dearer to run": {
        "plan.liquidity_floor": 8.0e6, "plan.opex_rate": 0.03, "plan.scenario": "base",
    },
}  # fmt: skip


def second_formulation(name: str) -> tuple[float, Any]:
    """Optimum of a plan by scipy, in another form, and the plan that we find."""
    from tests.funding.small_platform import LAW, platform, small_pool
    from tests.funding.test_linprog import CHANGES, ByHand
    from tests.funding.variants import edited, own_pool

    pool = own_pool(small_pool(120, 3))
    made = platform(edited({**CHANGES, **PLANS[name]}), LAW, pool)
    best = ByHand(made.spec, pool).optimum(made.inputs.cash, made.inputs.net_capital)
    return best, optimum(made.inputs, made.engine)


def plans() -> Witness:
    """Four plans whose balances are written as functions of decisions alone."""
    found = []
    for name in PLANS:
        theirs, ours = second_formulation(name)
        found.append(near(name, theirs, ours.solution.objective, 1e-8 * theirs))
    return Witness("Optimum of a plan of four months", "funding.plan.optimum",
                   "scipy, linprog, by another formulation", "peer", tuple(found), "million",
                   )  # fmt: skip


def witnesses() -> Iterator[Witness]:
    """All of this file."""
    yield from short_term_financing()
    yield from cash_matching()
    yield from dakota()
    yield from committed_line()
    yield from whole_loans()
    yield plans()
