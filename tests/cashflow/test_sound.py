"""Loans and curves that no engine may reckon with are refused by name, also past tape and model."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from scfcap.cashflow.project import project
from scfcap.credit.curves import CurveSet
from scfcap.errors import InputError
from scfcap.pool.snapshot import Pool
from scfcap.schema.credit import SegmentCredit

MakePool = Callable[..., Pool]
MakeCurves = Callable[..., CurveSet]
PLAIN = SegmentCredit(cdr=0.04, cpr=0.1, severity=0.5)


@pytest.mark.parametrize(
    ("column", "value", "said"),
    [
        ("balance", np.nan, "nan; expected an amount of 0 or more"),
        ("balance", -1.0, "-1.0; expected an amount of 0 or more"),
        ("balance", np.inf, "inf; expected an amount of 0 or more"),
        ("original_balance", np.nan, "nan; expected an amount of 0 or more"),
        ("rate", np.nan, "nan; expected a finite rate"),
        ("rate", np.inf, "inf; expected a finite rate"),
        ("maturity_day", -40, "day -40, before the origination on day 0"),
    ],
)
def test_a_loan_is_named_with_its_column(
    make_pool: MakePool, make_curves: MakeCurves, column: str, value: float, said: str
) -> None:
    pool = make_pool(balance=[100.0, 200.0, 300.0])
    cells = getattr(pool, column).copy()
    cells[1] = value
    with pytest.raises(InputError) as error:
        project(replace(pool, **{column: cells}), make_curves(a=PLAIN))
    assert {p.where for p in error.value.problems} == {f"pool, loan 1, {column}"}
    assert f"pool, loan 1, {column}: found {said}" in str(error.value)


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("default_intensity", np.nan, "0 or more"),
        ("prepay_intensity", -0.1, "0 or more"),
        ("severity", np.nan, "a share from 0 to 1"),
        ("severity", 1.1, "a share from 0 to 1"),
        ("struck", np.nan, "a share from 0 to 1"),
    ],
)
def test_a_curve_is_named_with_scenario_and_period(
    make_pool: MakePool, make_curves: MakeCurves, name: str, value: float, expected: str
) -> None:
    curves = make_curves(b=PLAIN, a=PLAIN)
    cells = getattr(curves, name).copy()
    cells[0, 1, 2] = value
    with pytest.raises(InputError) as error:
        project(make_pool(balance=[100.0]), replace(curves, **{name: cells}))
    assert str(error.value) == (
        f"curves, segment a, {name}: found {value} in scenario base, period 3; expected {expected}."
    )


def test_a_share_by_segment(make_pool: MakePool, make_curves: MakeCurves) -> None:
    curves = make_curves(a=PLAIN)
    broken: dict[str, Any] = {"late_share": np.array([np.nan])}
    with pytest.raises(InputError, match="curves, segment a, late_share: found nan"):
        project(make_pool(balance=[100.0]), replace(curves, **broken))


def test_of_many_problems_the_first_are_named(make_pool: MakePool, make_curves: MakeCurves) -> None:
    pool = make_pool(balance=np.full(500, np.nan))
    with pytest.raises(InputError) as error:
        project(pool, make_curves(a=PLAIN))
    assert len(error.value.problems) == 20


def test_what_is_at_the_edge_passes(make_pool: MakePool, make_curves: MakeCurves) -> None:
    edge = SegmentCredit(cdr=1.0, severity=1.0)
    pool = make_pool(balance=[100.0, 50.0], rate=[-0.01, 0.0], maturity_day=[-5, 90])
    pool = replace(pool, origination_day=np.array([-5, -30]))
    flows = project(pool, make_curves(a=edge)).flows
    assert flows.default.sum() == pytest.approx(150.0)
    assert np.isfinite(flows.interest).all()
