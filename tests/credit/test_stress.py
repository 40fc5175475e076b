"""Shocks compiled into arrays: each by hand, and all of them in any order."""

from __future__ import annotations

import itertools
import math
from dataclasses import fields
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.credit.contagion import Network
from scfcap.credit.curves import build_curves
from scfcap.credit.exposure import Exposures, measure
from scfcap.credit.stress import Stress, compile_scenarios, held_back, longest_delay, together
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

GRID = PeriodGrid.build(date(2013, 12, 31), 8)
SEGMENTS = ("credit", "order")
LENDERS = ("bank-a", "bank-b")
LINKED = np.array([[0.0, 0.5, 0.0], [0.2, 0.0, 0.4], [0.0, 0.0, 0.0]])
EXPOSURES = Exposures(
    SEGMENTS,
    ("CE1", "CE2", "CE3"),
    np.array([[0.0, 0.0, 0.0], [0.4, 0.3, 0.1]]),
    np.array([[0.2, 0.1, 0.0], [0.5, 0.4, 0.2]]),
    Network(("CE1", "CE2", "CE3"), LINKED),
)


def scenario(*shocks: dict[str, Any], **own: Any) -> Scenario:
    return Scenario.model_validate({"shocks": shocks, **own})


def compiled(*shocks: dict[str, Any], **own: Any) -> Stress:
    return compile_scenarios(
        {"x": scenario(*shocks, **own)}, SEGMENTS, GRID, lenders=LENDERS, exposures=EXPOSURES
    )


def same(one: Stress, other: Stress) -> None:
    for field in fields(Stress):
        a, b = getattr(one, field.name), getattr(other, field.name)
        assert a == b if isinstance(a, tuple) else a.tobytes() == b.tobytes(), field.name


FAILURE = {
    "kind": "core_failure", "core": "CE1", "period": 3, "supplier_default_multiple": 5.0,
    "infection": 0.1, "unpaid": 0.8, "recovery": 0.25, "recovery_lag": 4, "orders_lost": 0.5,
}  # fmt: skip
ALL = [
    {"kind": "borrower_stress", "default_multiple": 1.7, "severity_add": 0.1, "from_period": 2},
    {"kind": "borrower_stress", "default_multiple": 1.3, "prepay_multiple": 0.7, "to_period": 5},
    FAILURE,
    {**FAILURE, "core": "CE2", "period": 4, "recovery": 0.6, "recovery_lag": 2},
    {"kind": "contagion", "probability": 0.3},
    {"kind": "bank_line_cut", "cut": 0.3},
    {"kind": "bank_line_cut", "lender": "bank-b", "cut": 0.1, "notice": 2},
    {"kind": "p2p_run_off", "share": 0.6, "cut": 0.9},
    {"kind": "p2p_run_off", "share": 0.3, "from_period": 5},
    {"kind": "outage", "days": 7, "from_period": 3},
    {"kind": "outage", "days": 30, "from_period": 3},
    {"kind": "rate_shock", "bank": 0.01, "coupon": 0.02},
    {"kind": "rate_shock", "bank": 0.003, "p2p": 0.1, "from_period": 4, "to_period": 6},
    {"kind": "market_shut", "cut": 0.879, "from_period": 2},
]


@given(st.permutations(ALL))
def test_shocks_compose_in_any_order(shocks: list[dict[str, Any]]) -> None:
    same(compiled(*shocks), compiled(*ALL))


def test_multiples_multiply_severities_add_and_lines_multiply() -> None:
    stress = compiled(*ALL[:2], *ALL[5:9])
    assert stress.default_multiple[0, 0].tolist() == pytest.approx([1.3] + [2.21] * 4 + [1.7] * 3)
    assert stress.prepay_multiple[0, 1].tolist() == pytest.approx([0.7] * 5 + [1.0] * 3)
    assert stress.severity_add[0, 0].tolist() == [0.0] + [0.1] * 7
    assert stress.line[0, 0].tolist() == pytest.approx([0.7] * 8)
    assert stress.line[0, 1].tolist() == pytest.approx([0.7] * 2 + [0.63] * 6)
    assert stress.p2p_renewed[0].tolist() == pytest.approx([0.4] * 4 + [0.28] * 4)
    assert stress.p2p_new[0].tolist() == pytest.approx([0.1] * 8)


def test_severity_is_cut_at_one_after_all_is_added() -> None:
    more = [{"kind": "borrower_stress", "severity_add": 0.4, "from_period": 4}] * 2
    curves = build_curves(
        ("a",), {"a": SegmentCredit(cdr=0.1, severity=0.5)}, {"x": scenario(*more)}, GRID
    )
    assert curves.severity[0, 0].tolist() == [0.5] * 3 + [1.0] * 5


def test_a_scenario_of_its_own_words_is_one_of_shocks() -> None:
    own = {"default_multiple": 3.0, "prepay_multiple": 0.7, "severity_add": 0.1, "from_period": 3}
    included = Scenario().and_also(Scenario(**own))
    same(
        compile_scenarios({"x": included}, SEGMENTS, GRID),
        compile_scenarios({"x": Scenario(**own)}, SEGMENTS, GRID),
    )


def test_segments_of_a_stress() -> None:
    stress = compiled({"kind": "borrower_stress", "default_multiple": 2.0, "segments": ["order"]})
    assert stress.default_multiple[0, :, 0].tolist() == [1.0, 2.0]


def test_a_failed_enterprise_is_felt_by_its_share() -> None:
    stress = compiled(FAILURE)
    assert stress.default_multiple[0, 0].tolist() == pytest.approx([1.0] * 2 + [1.8] * 6)
    assert stress.default_multiple[0, 1, 2] == pytest.approx(1 + 0.5 * 4)
    assert stress.infected[0, :, 2].tolist() == pytest.approx([0.02, 0.05])
    assert stress.unpaid[0, :, 2].tolist() == pytest.approx([0.0, 0.32])
    assert stress.unpaid[0].sum() == pytest.approx(0.32)
    assert (stress.unpaid_recovery[0, 1, 2], stress.unpaid_lag[0, 1, 2]) == (0.25, 4)
    assert stress.demand[0, 1].tolist() == pytest.approx([1.0] * 2 + [0.8] * 6)


def test_rank_names_the_largest() -> None:
    same(compiled({**FAILURE, "core": "#2"}), compiled({**FAILURE, "core": "CE2"}))


def test_contagion_fails_the_linked_by_their_chance() -> None:
    stress = compiled(FAILURE, {"kind": "contagion", "probability": 0.4, "after": 2})
    # CE2 shares half its suppliers with CE1: it fails in period 5 with probability 0.2.
    assert stress.infected[0, :, 4].tolist() == pytest.approx([0.2 * 0.1 * 0.1, 0.2 * 0.4 * 0.1])
    assert stress.unpaid[0, 1, 4] == pytest.approx(0.2 * 0.3 * 0.8)
    assert stress.default_multiple[0, 1, 4] == pytest.approx(3.0 * (1 + 0.2 * 0.4 * 4))
    assert stress.infected[0, :, [3, 5]].sum() == 0.0


def test_an_enterprise_reached_twice_fails_once() -> None:
    spread = {"kind": "contagion", "probability": 1.0, "after": 0}
    full = Network(EXPOSURES.cores, np.ones((3, 3)) - np.eye(3))
    exposures = Exposures(SEGMENTS, EXPOSURES.cores, *(2 * [np.eye(2, 3, k=1)]), full)
    both = [{**FAILURE, "core": c, "infection": 0.0, "unpaid": 1.0} for c in ("CE1", "CE3")]
    stress = compile_scenarios({"x": scenario(*both, spread)}, SEGMENTS, GRID, exposures=exposures)
    # CE2 is infected for certain, half of it from each: all the credit that hangs on it is struck
    # in two halves, 1 - (1 - 0.5)^2, and the multiple acts as 1 + 0.5 x 4, twice.
    assert stress.unpaid[0, 0, 2] == pytest.approx(0.75)
    assert stress.default_multiple[0, 0, 2] == pytest.approx(9.0)


@pytest.mark.parametrize(
    ("days", "share"),
    [
        ([10, 0, 0, 0], [10 / 31, 0, 0, 0]),
        ([31, 0, 0, 0], [1, 0, 0, 0]),
        ([40, 0, 0, 0], [1, 0, 0, 0]),  # ends within February: what is due there is late, not later
        ([60, 0, 0, 0], [1, 1, 0, 0]),
        ([40, 14, 0, 0], [1, 14 / 28, 0, 0]),
        ([40, 20, 0, 0], [1, 1, 0, 0]),
        ([0, 0, 0, 99], [0, 0, 0, 1]),
    ],
)
def test_days_of_outage_as_shares(days: list[float], share: list[float]) -> None:
    found = held_back(np.array(days, dtype=np.float64), GRID.extended(4))
    assert found.tolist() == pytest.approx(share)


def test_the_longest_delay_of_cash() -> None:
    scenarios = {"x": scenario(FAILURE), "y": scenario({"kind": "outage", "days": 29})}
    assert longest_delay(scenarios, GRID) == 4
    assert longest_delay({"base": Scenario()}, GRID) == 0


def test_longer_and_shorter_periods() -> None:
    stress = compiled(*ALL)
    assert stress.over(8).held.tobytes() == stress.held.tobytes()
    longer = stress.over(11)
    assert (longer.line[0, 0, 8:] == stress.line[0, 0, -1]).all()
    assert (longer.default_multiple[0, 0, 8:] == stress.default_multiple[0, 0, -1]).all()
    assert longer.over(8).unpaid.tobytes() == stress.unpaid.tobytes()
    assert together([stress, stress]).chosen([1]).scenarios == ("x",)


@pytest.mark.parametrize(
    ("shock", "words"),
    [
        ({"kind": "bank_line_cut", "cut": 0.1, "lender": "bank-z"}, "bank-a, bank-b"),
        ({"kind": "borrower_stress", "segments": ["b2b"]}, "credit, order"),
        ({**FAILURE, "core": "CE9"}, "largest: CE1, CE2, CE3"),
        ({**FAILURE, "core": "#9"}, '"#9"'),
        ({"kind": "contagion", "probability": 0.1}, "a failure from which it spreads"),
    ],
)
def test_what_is_not_there_is_named(shock: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=r"scenarios\.x\.shocks") as caught:
        compiled(shock)
    assert words in str(caught.value)


def test_a_failure_needs_exposures() -> None:
    with pytest.raises(InputError, match="buyer_id"):
        compile_scenarios({"x": scenario(FAILURE)}, SEGMENTS, GRID)


def test_all_faults_of_all_scenarios_come_at_once() -> None:
    bad = scenario({"kind": "bank_line_cut", "cut": 0.1, "lender": "z"})
    with pytest.raises(InputError) as caught:
        compile_scenarios({"x": bad, "y": bad}, SEGMENTS, GRID, lenders=LENDERS)
    assert len(caught.value.problems) == 2


def tape(**changes: list[Any]) -> pd.DataFrame:
    columns: dict[str, list[Any]] = {
        "segment": ["order", "order", "order", "credit", "credit"],
        "loan_type": ["order", "order", "order", "bullet", "bullet"],
        "buyer_id": ["A", "A", "B", None, None],
        "borrower_id": ["u", "v", "v", "v", "w"],
        "current_balance": [10.0, 30.0, 60.0, 25.0, 75.0],
    }
    return pd.DataFrame({**columns, **changes})


def test_exposures_by_hand() -> None:
    e = measure(tape(), SEGMENTS)
    assert e.cores == ("B", "A")  # 60 and 40
    np.testing.assert_allclose(e.orders, [[0, 0], [0.6, 0.4]])
    # Suppliers of B: v. Of A: u and v.
    np.testing.assert_allclose(e.suppliers, [[0.25, 0.25], [0.9, 1.0]])
    # v supplies both: all of B's suppliers, half of A's.
    np.testing.assert_allclose(e.network.linked, [[0.0, 0.5], [1.0, 0.0]])
    assert (e.position("#1"), e.position("A"), e.position("#3")) == (0, 1, None)


def test_exposures_to_the_largest_and_the_named() -> None:
    e = measure(tape(), SEGMENTS, largest=1)
    assert e.cores == ("B",)
    named = measure(tape(), SEGMENTS, largest=1, named=("A",))
    assert named.cores == ("B", "A")
    assert (named.orders[:, :1] == e.orders).all()


def test_exposures_without_borrowers_or_buyers() -> None:
    e = measure(tape().drop(columns="borrower_id"), SEGMENTS)
    np.testing.assert_allclose(e.suppliers, e.orders)
    assert measure(tape().drop(columns="buyer_id"), SEGMENTS).cores == ()
    np.testing.assert_allclose(measure(tape(current_balance=[0.0] * 5), SEGMENTS).orders.sum(), 0.0)


def test_the_star_is_met_by_the_blend() -> None:
    # Of a pool that is all suppliers of one core, 40% default with it besides 2% by themselves:
    # 1 - (1 - 0.02) (1 - 0.4); times the core's 3%, and 2% without it: 3.176%.
    own = -math.log1p(-0.02)
    struck = 1 - math.exp(-own) * (1 - 0.4)
    assert 0.03 * struck + 0.97 * 0.02 == pytest.approx(0.03176, abs=1e-12)


def test_pairs_of_shocks_are_those_of_one_file_each() -> None:
    for one, other in itertools.pairwise(ALL[:2] + ALL[5:]):
        both = Scenario().and_also(scenario(one)).and_also(scenario(other))
        same(
            compile_scenarios({"x": both}, SEGMENTS, GRID, lenders=LENDERS),
            compile_scenarios({"x": scenario(other, one)}, SEGMENTS, GRID, lenders=LENDERS),
        )


def test_timing_spreads_the_default_multiple_over_its_window():
    """By hand: a window of six periods from the second, twice the defaults, 2 : 1 : 0 by thirds."""
    found = compiled(
        {"kind": "borrower_stress", "default_multiple": 2.0, "timing": (2.0, 1.0, 0.0),
         "from_period": 2, "to_period": 7},
    )  # fmt: skip
    expected = [1.0, 4.0, 4.0, 2.0, 2.0, 0.0, 0.0, 1.0]
    assert found.default_multiple[0, 0].tolist() == pytest.approx(expected)


@given(
    st.lists(st.floats(0.1, 9.0), min_size=1, max_size=9),
    st.integers(1, 8),
    st.integers(0, 7),
)
def test_timing_moves_defaults_and_adds_none(parts, first, length):
    last = min(first + length, 8)
    shock = {"kind": "borrower_stress", "timing": tuple(parts)}
    found = compiled({**shock, "from_period": first, "to_period": last})
    window = found.default_multiple[0, 1, first - 1 : last]
    assert window.mean() == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("shock", "found"),
    [
        ({"timing": (1.0, 2.0)}, "timing without an end"),
        ({"timing": (0.0, 0.0), "to_period": 4}, "nothing but zeros"),
    ],
)
def test_timing_needs_an_end_and_a_part_above_zero(shock, found):
    with pytest.raises(ValueError, match=found):
        scenario({"kind": "borrower_stress", **shock})


def test_a_change_of_servicer_is_a_default_a_dearer_fee_and_an_outage():
    change = {"kind": "originator_failure", "period": 3, "days": 14, "fee_multiple": 2.5}
    found = compiled(change)
    assert found.originator_default[0].tolist() == [0.0, 0.0] + [1.0] * 6
    assert found.servicer_fee[0].tolist() == [1.0, 1.0] + [2.5] * 6
    late = compiled({"kind": "outage", "days": 14, "from_period": 3})
    assert found.held.tolist() == late.held.tolist()
    assert longest_delay({"x": scenario(change)}, GRID) == 1
