"""Thousands of scenarios in one pass are each the scenario alone, loan by loan."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from scfcap.cashflow import kernel
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.paths import collections
from scfcap.cashflow.project import opening_loans, project
from scfcap.credit.curves import CurveSet
from scfcap.pool.snapshot import Pool
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

MakeCurves = Callable[..., CurveSet]
BEHAVIOUR = {
    "a": SegmentCredit(cdr=0.08, cpr=0.3, severity=0.6, recovery_lag=2),
    "b": SegmentCredit(lifetime_default=0.03, cpr=0.1, severity=0.7, late_share=0.2, late_days=20),
}
PERIODS, PATHS = 14, 1_100


@pytest.fixture
def many(make_curves: MakeCurves) -> CurveSet:
    """Paths that differ by segment and period in default, prepayment, severity and blows."""
    random = np.random.default_rng(4)
    curves = make_curves(PERIODS, scenarios={"base": Scenario()}, **BEHAVIOUR)
    stress = curves.stress.chosen(np.zeros(PATHS, dtype=np.int64))
    shape = stress.default_multiple.shape
    blow = random.random(shape) < 0.02
    return curves.under(
        replace(
            stress,
            default_multiple=random.lognormal(0.0, 0.7, shape),
            prepay_multiple=random.lognormal(0.0, 0.3, shape),
            severity_add=random.uniform(0.0, 0.2, shape),
            infected=np.where(blow, 0.3, 0.0),
        )
    )


@pytest.fixture
def pool(make_pool: Callable[..., Pool]) -> Pool:
    random = np.random.default_rng(2)
    count = 3_000
    return make_pool(
        segments=("a", "b"),
        segment=random.integers(0, 2, count),
        balance=random.lognormal(8, 1, count),
        loan_type=random.integers(0, 6, count),
        origination_day=-random.integers(0, 60, count),
        maturity_day=random.integers(1, 360, count),
        rate=random.uniform(0.1, 0.2, count),
    )


def test_a_path_among_many_is_the_path_alone(pool: Pool, many: CurveSet) -> None:
    flows = project(pool, many).flows
    size = pool.total
    for k in (0, 1, 511, 512, PATHS - 1):
        alone = project(pool, many.under(many.stress.chosen([k]))).flows
        for field in fields(Flows):
            one, among = getattr(alone, field.name), getattr(flows, field.name)
            among = among if field.name == "originated" else among[k : k + 1]
            np.testing.assert_allclose(one, among, rtol=0, atol=1e-12 * size, err_msg=field.name)


def test_every_loan_is_in_every_path(pool: Pool, many: CurveSet) -> None:
    loans = opening_loans(pool, many, pool.segment)
    whole = run_kernel(loans, many, 2)
    random = np.random.default_rng(5)
    group = random.integers(0, 40, len(loans))
    parts = run_kernel(replace(loans, group=group), many, 40)
    for name in ("default", "interest", "scheduled", "prepaid", "recovery", "closing"):
        np.testing.assert_allclose(
            getattr(parts, name).sum(axis=1),
            getattr(whole, name).sum(axis=1),
            rtol=0,
            atol=1e-11 * pool.total,
        )
    cash = collections(pool, many, many.stress)
    paid = whole.interest + whole.scheduled + whole.prepaid + whole.recovery
    np.testing.assert_allclose(cash, paid, rtol=1e-12)


def test_memory_bounds_change_nothing_but_the_order_of_sums(
    pool: Pool, many: CurveSet, monkeypatch: pytest.MonkeyPatch
) -> None:
    curves = many.under(many.stress.chosen(range(30)))
    whole = project(pool, curves).flows
    for name, value in {"_CELLS": 2_000, "_SCENARIOS": 7, "_CLASSES": 5}.items():
        monkeypatch.setattr(kernel, name, value)
    first, second = project(pool, curves).flows, project(pool, curves).flows
    for field in fields(Flows):
        one, two = getattr(first, field.name), getattr(second, field.name)
        assert (one == two).all()
        np.testing.assert_allclose(one, getattr(whole, field.name), rtol=0, atol=1e-11 * pool.total)
