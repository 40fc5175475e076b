"""Loans that behave otherwise than their segment, by rules on the tape's columns."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from scfcap.cashflow.cohorts import cohort_factors
from scfcap.cashflow.explain import explain
from scfcap.cashflow.project import loan_curves, project
from scfcap.credit.curves import build_curves
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.pool.build import Around, build_pool, loans_of
from scfcap.pool.snapshot import Pool
from scfcap.pool.store import read_snapshot, write_snapshot
from scfcap.schema.credit import CreditRule, SegmentCredit
from scfcap.schema.pool import PoolSpec
from scfcap.schema.scenario import Scenario
from scfcap.tape.schema import Tape

CREDIT = {name: SegmentCredit(cdr=0.1, severity=0.5) for name in "xyz"}
RULES = (
    CreditRule(name="weak", test="score < 600", cdr=0.6),
    CreditRule(name="orders", test='loan_type == "order"', lifetime_default=0.0, severity=0.9),
)
GRID = PeriodGrid.build(date(2013, 12, 31), 15)


@pytest.fixture
def pool(tape: Tape) -> Pool:
    return loans_of(tape, Around(rules=RULES))


def curves_of(scenarios: dict[str, Scenario] | None = None, **options: Any) -> Any:
    return build_curves(
        tuple("xyz"), CREDIT, scenarios or {"base": Scenario()}, GRID, rules=RULES, **options
    )


def test_the_first_rule_that_holds_says_how_a_loan_behaves(pool: Pool) -> None:
    """A missing score is no low score."""
    assert pool.rules == ("weak", "orders")
    assert pool.loan_id.tolist() == list("abcde")
    assert pool.rule is not None
    assert pool.rule.tolist() == [-1, 1, -1, 1, 0]
    curves = curves_of()
    names = [curves.segments[c] for c in loan_curves(pool, curves)]
    assert names == ["x", "y where orders", "x", "y where orders", "x where weak"]


def test_each_loan_defaults_at_its_own_rate_and_sums_go_to_its_segment(pool: Pool) -> None:
    curves = curves_of()
    flows = project(pool, curves).flows
    assert flows.default.shape == (1, 3, 15)
    y = pool.segments.index("y")
    assert flows.default[0, y].sum() == 0.0
    alone = build_curves(
        ("x",), {"x": SegmentCredit(cdr=0.6, severity=0.5)}, {"base": Scenario()}, GRID
    )
    weak = curves.segments.index("x where weak")
    np.testing.assert_array_equal(curves.default_intensity[:, weak], alone.default_intensity[:, 0])
    assert curves.severity[0, :, 0].tolist() == [*[0.5] * 4, 0.9, 0.5, 0.9, 0.5, 0.9]


def test_scenarios_act_on_them_as_on_their_segment() -> None:
    stress = Scenario(
        shocks=({"kind": "borrower_stress", "segments": ("x",), "default_multiple": 3.0},)
    )
    curves = curves_of({"base": Scenario(), "x": stress})
    ratio = curves.default_intensity[1, :, 0] / np.maximum(curves.default_intensity[0, :, 0], 1e-9)
    assert dict(zip(curves.segments, np.round(ratio, 9).tolist(), strict=True)) == {
        "x": 3.0,
        "y": 1.0,
        "z": 1.0,
        "x where weak": 3.0,
        "x where orders": 0.0,
        "y where weak": 1.0,
        "y where orders": 0.0,
        "z where weak": 1.0,
        "z where orders": 0.0,
    }
    assert curves.parents == ("x", "y", "z")


def test_every_figure_of_a_loan_that_goes_by_a_rule_is_explained(pool: Pool) -> None:
    told = explain(pool, curves_of({"base": Scenario(default_multiple=2.0)}), "e", "base")
    assert "x where weak" in told.terms.to_string()


def test_cohorts_stay_those_of_the_segments(pool: Pool) -> None:
    factors = cohort_factors(pool, curves_of(), {}, 12)
    assert factors.segments == ("x", "y", "z")
    assert factors.expected_recovery_rate.shape == (1, 3, 15)
    whole = project(pool, curves_of()).flows.default.sum()
    assert (factors.default * factors.amount[:, None]).sum() == pytest.approx(whole)


def test_a_snapshot_keeps_the_rules(pool: Pool, tape: Tape, tmp_path: Path) -> None:
    found = build_pool(tape, PoolSpec(), Around(rules=RULES))
    back = read_snapshot(write_snapshot(found, tmp_path / "pool.parquet"))
    assert back.rules == found.rules
    assert np.array_equal(back.rule, pool.rule)


def test_a_rule_on_a_column_that_is_not_there(tape: Tape) -> None:
    rules = (CreditRule(name="old", test="agee > 3", cdr=0.1),)
    with pytest.raises(InputError, match=r"credit.where.old.test.*agee"):
        loans_of(tape, Around(rules=rules))


def test_figures_that_do_not_go_with_an_estimated_segment() -> None:
    rules = (CreditRule(name="old", test="score > 3", lifetime_loss=0.6),)
    with pytest.raises(InputError, match=r"credit.where.old: .*0.6 with a severity of 0.5"):
        build_curves(("x",), CREDIT, {"base": Scenario()}, GRID, rules=rules)
