"""Published and closed-form programs, built with the labelled layer: optimum, duals, signs.

The sources stand in ``tests/golden/tables/optimisation``.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from scfcap.funding.program import Program, Row, Sense, Solution, Terms, solve
from scfcap.schema.law import calendar_of
from scfcap.schema.load import read_regime
from scfcap.schema.regime import Regime

TABLES = Path(__file__).parents[1] / "golden" / "tables" / "optimisation"


def table(name: str) -> dict[str, Any]:
    return json.loads((TABLES / f"{name}.json").read_text(encoding="utf-8"))


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

FINANCING = table("short_term_financing")


def financing(limit: float = 100.0, january: float = 150.0) -> Solution:
    given = FINANCING["statement"]
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


def test_financing_has_the_published_wealth():
    expected = FINANCING["expected"]
    solution = financing()
    assert solution.objective == pytest.approx(expected["objective"], abs=5e-7)
    assert solution.objective == pytest.approx(92.497, abs=5e-4)  # as printed in the book
    assert solution.value("v", 0) == pytest.approx(solution.objective)
    assert financing(limit=200.0).objective == pytest.approx(
        expected["variant_credit_limit_200"], abs=5e-7
    )
    assert financing(january=200.0).objective == pytest.approx(
        expected["variant_january_requirement_200"], abs=5e-7
    )


def test_financing_duals_are_changes_of_the_objective():
    solution = financing()
    for month, dual in FINANCING["expected"]["dual_d_objective_d_requirement"].items():
        assert dual < 0.0
        assert solution.duals(month)[0] == pytest.approx(dual, abs=5e-7), month


def test_financing_duals_are_the_slopes_of_a_shifted_row():
    solution = financing()
    slopes = FINANCING["expected"]["one_sided_finite_differences"]
    for month, (right, left) in slopes.items():
        row = solution.program.rows_of(month)[0]
        up, down = solution.shifted({row: 1e-3}), solution.shifted({row: -1e-3})
        assert up is not None
        assert down is not None
        assert (up - solution.objective) / 1e-3 == pytest.approx(right, abs=1e-6), month
        assert (solution.objective - down) / 1e-3 == pytest.approx(left, abs=1e-6), month


def test_a_shift_leaves_the_program_as_it_was():
    solution = financing()
    january = solution.program.rows_of("Jan")[0]
    moved = solution.shifted({january: 50.0})
    assert moved == pytest.approx(
        FINANCING["expected"]["variant_january_requirement_200"], abs=5e-7
    )
    assert solution.shifted({january: 1e9}) is None
    assert solution.shifted({january: 0.0}) == pytest.approx(solution.objective, abs=1e-9)


def test_financing_reduced_costs_have_the_sign_of_the_objective():
    solution = financing()
    expected = FINANCING["expected"]["reduced_cost_d_objective_d_bound"]
    for name, reduced in expected.items():
        column = solution.program.find(name, 0)
        assert column is not None
        assert solution.reduced_cost[column] == pytest.approx(reduced, abs=5e-7), name


# Cash matching (Luenberger, example 4.12).

MATCHING = table("cash_matching_luenberger")


def matching(carry: float | None = None) -> Solution:
    """Least cost; ``carry``: rate at which a surplus is kept for the next year."""
    given = MATCHING["statement"]
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


def test_matching_has_the_published_cost_and_bonds():
    solution = matching()
    assert -solution.objective == pytest.approx(MATCHING["expected"]["objective"], abs=1e-5)
    assert -solution.objective == pytest.approx(2381.14, abs=5e-3)  # as printed
    for bond, units in MATCHING["expected"]["variables"].items():
        assert solution.value(bond, 0) == pytest.approx(units, abs=1e-6), bond


def test_what_is_due_costs_its_published_price():
    solution = matching()
    for year, price in MATCHING["expected"]["dual_price_of_one_more_unit_due_in_year"].items():
        assert -solution.duals(year)[0] == pytest.approx(price, abs=1e-6), year


@pytest.mark.parametrize(
    ("rate", "cost"), MATCHING["expected"]["variant_carry_forward_objective_by_rate"].items()
)
def test_matching_with_carry_forward(rate, cost):
    assert -matching(float(rate)).objective == pytest.approx(cost, abs=1e-5)


# Caps of the Chinese rules, in units of net capital.

CAPS = table("regulatory_caps")["expected"]
FUNDS = ("bank", "shareholder", "peer", "abs_third_party")
CASES: dict[str, dict[str, Any]] = {
    "cn_2008_without_abs": {"caps": {"bank": ({"bank"}, 0.5)}},
    "cn_2008_with_abs_retained_10pct": {"caps": {"bank": ({"bank"}, 0.5)}, "retained": 0.10},
    "cn_2008_with_abs_retained_5pct": {"caps": {"bank": ({"bank"}, 0.5)}, "retained": 0.05},
    "cq_2012_bank_and_repo_1.0_shareholder_1.0_peer_0.3_without_abs": {
        "caps": {
            "bank": ({"bank"}, 1.0),
            "shareholder": ({"shareholder"}, 1.0),
            "peer": ({"peer"}, 0.3),
        }
    },
    "cn_2017_m_0.5": {"caps": {"total": ({"bank", "abs_third_party"}, 0.5)}, "retained": 0.1},
    "cn_2017_chongqing_m_2.3": {
        "caps": {"total": ({"bank", "abs_third_party"}, 2.3)},
        "retained": 0.1,
    },
    "cn_2020_1_plus_4": {
        "caps": {"ns": ({"bank"}, 1.0), "std": ({"abs_third_party"}, 4.0)},
        "retained": 0.1,
    },
    "cn_2020_1_plus_4_joint_share_0.30": {
        "caps": {"ns": ({"bank"}, 1.0), "std": ({"abs_third_party"}, 4.0)},
        "retained": 0.1,
        "share": 0.3,
    },
}


def managed(
    caps: Mapping[str, tuple[set[str], float]],
    retained: float | None = None,
    share: float = 1.0,
) -> Solution:
    """Most managed loans; a fund that no cap names is closed, but for ABS where it is retained."""
    named = set().union(*(funds for funds, _ in caps.values()))
    upper = {"own_book": math.inf, "abs_pool": 0.0 if retained is None else math.inf}
    upper |= {fund: math.inf if fund in named else 0.0 for fund in FUNDS} | {"all": math.inf}
    if retained is not None:
        upper["abs_third_party"] = math.inf
    kept = 1.0 if retained is None else retained
    draft = Draft(upper)
    borrowed = dict.fromkeys(("bank", "shareholder", "peer"), -1.0)
    draft.row("funding", {"own_book": 1.0, "abs_pool": kept} | borrowed, "<=", 1.0)
    draft.row("sold", {"abs_third_party": 1.0, "abs_pool": kept - 1.0}, "=", 0.0)
    draft.row("managed", {"all": share, "own_book": -1.0, "abs_pool": -1.0}, "<=", 0.0)
    for name, (funds, multiple) in caps.items():
        draft.row(f"cap {name}", dict.fromkeys(sorted(funds), 1.0), "<=", multiple)
    return draft.solved({"all": 1.0})


#: Case of the table: the shipped regime, a place and day, retained share, own share of each loan.
SHIPPED: dict[str, tuple[str, date, float | None, bool]] = {
    "cn_2008_without_abs": ("cn", date(2013, 12, 31), None, False),
    "cn_2008_with_abs_retained_10pct": ("cn", date(2017, 11, 30), 0.10, False),
    "cn_2008_with_abs_retained_5pct": ("cn", date(2008, 5, 4), 0.05, False),
    "cq_2012_bank_and_repo_1.0_shareholder_1.0_peer_0.3_without_abs": (
        "cn-chongqing", date(2017, 11, 30), None, False,
    ),
    "cn_2017_m_0.5": ("cn", date(2017, 12, 1), 0.10, False),
    "cn_2017_chongqing_m_2.3": ("cn-chongqing", date(2017, 12, 1), 0.10, False),
    "cn_2020_1_plus_4": ("cn", date(2020, 9, 16), 0.10, False),
    "cn_2020_1_plus_4_joint_share_0.30": ("cn_2020_draft", date(2020, 11, 2), 0.10, True),
}  # fmt: skip
#: Caps of the regimes by the table's names.
ROWS = {"bank_repo": "bank", "non_standard": "ns", "standardised": "std"}


@pytest.fixture(scope="module")
def regimes() -> dict[str, Regime]:
    folder = Path(__file__).parents[2] / "models" / "regimes"
    return {path.stem: read_regime(path) for path in folder.glob("*.toml")}


def managed_by(law: Regime, retained: float | None, share: float = 1.0) -> Solution:
    """Most managed loans under the law; its weights are 0 or 1, and net capital is net assets."""
    caps = {}
    for cap in law.caps:
        assert set(cap.weights.values()) == {1.0}
        caps[ROWS.get(cap.name, cap.name)] = (set(cap.weights) & set(FUNDS), cap.multiple)
    assert not law.closed_channels & set().union(*(funds for funds, _ in caps.values()))
    return managed(caps, retained, share)


def test_every_case_of_the_table_is_solved_from_a_shipped_regime():
    assert set(SHIPPED) == set(CAPS) - {"formulas"}


@pytest.mark.parametrize("name", SHIPPED)
def test_managed_loans_under_a_shipped_regime(name, regimes):
    place, day, retained, joint = SHIPPED[name]
    law = calendar_of(place, regimes).holding(day)
    share = 1.0
    if joint:
        assert law.joint_share is not None
        share = law.joint_share.least
    solution = managed_by(law, retained, share)
    assert solution.objective == pytest.approx(CAPS[name]["managed"], abs=1e-9)
    for row, dual in CAPS[name]["duals"].items():
        family = row if row in ("funding", "managed") else f"cap {row}"
        assert solution.duals(family)[0] == pytest.approx(dual, abs=1e-6), row


@pytest.mark.parametrize(
    ("place", "day", "most"),
    [
        ("cn-shenzhen", date(2014, 2, 27), 1.5),
        ("cn-shenzhen", date(2014, 2, 28), 3.0),
        ("cn-shenzhen", date(2018, 1, 1), 3.0),
        ("cn-hainan", date(2018, 1, 1), 3.0),
        ("cn-sichuan", date(2013, 1, 1), 2.0),
        ("cn-liaoning", date(2020, 9, 15), 2.0),
        ("cn-guangdong", date(2020, 9, 16), 6.0),
        ("cn", date(2025, 1, 17), 6.0),
    ],
)
def test_managed_loans_in_a_place(place, day, most, regimes):
    """1 + m by the local multiple; 1 + 1 + 4 from 2020 on; with notes only where they count."""
    law = calendar_of(place, regimes).holding(day)
    counts = any("abs_third_party" in cap.weights for cap in law.caps)
    assert managed_by(law, 0.1 if counts else None).objective == pytest.approx(most, abs=1e-9)


def test_every_case_of_the_table_is_solved():
    assert set(CASES) == set(CAPS) - {"formulas"}


@pytest.mark.parametrize("name", CASES)
def test_managed_loans_under_a_regime(name):
    solution = managed(**CASES[name])
    expected = CAPS[name]
    assert solution.objective == pytest.approx(expected["managed"], abs=1e-9)
    for row, dual in expected["duals"].items():
        family = row if row in ("funding", "managed") else f"cap {row}"
        assert solution.duals(family)[0] == pytest.approx(dual, abs=1e-6), row
