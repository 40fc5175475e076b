"""A few weighted scenarios in place of many paths: who is kept, with what weight, for how long."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest

from scfcap.axes import ORDER
from scfcap.cashflow.paths import Draw, ScenarioSet, Stakes, collections, felt, scenario_set
from scfcap.credit.contagion import Network
from scfcap.credit.curves import CurveSet
from scfcap.credit.exposure import Exposures
from scfcap.credit.stress import Stress, calm
from scfcap.errors import InputError
from scfcap.pool.payers import Payers
from scfcap.pool.snapshot import Pool
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.factors import FactorSpec
from scfcap.schema.scenario import Scenario

RISKY = SegmentCredit(cdr=0.1, cpr=0.2, severity=0.6, recovery_lag=2)
CORE = Exposures(
    ("a",), ("CE1",), np.array([[0.2]]), np.array([[0.3]]), Network(("CE1",), np.eye(1))
)
DRAW = Draw(FactorSpec(), seed=4, exposures=CORE, lenders=("bank",))
STAKES = Stakes({"bank": 50.0}, 20.0, 70.0)
HORIZON = 6


@pytest.fixture
def pool(make_pool: Callable[..., Pool]) -> Pool:
    return make_pool(balance=[100.0, 300.0], maturity_day=[200, 90], loan_type=[0, 3])


@pytest.fixture
def curves(make_curves: Callable[..., CurveSet]) -> CurveSet:
    scenarios = {"base": Scenario(), "crash": Scenario(default_multiple=20.0)}
    plain = make_curves(14, scenarios=scenarios, a=RISKY)
    lines = np.ones((2, 1, 14))
    kept = {f.name: getattr(plain.stress, f.name) for f in fields(Stress)}
    whole = dict.fromkeys(("line", "line_called", "line_running"), lines)
    return plain.under(Stress(**{**kept, "lenders": ("bank",), **whole}))


def few(pool: Pool, curves: CurveSet, **named: float) -> ScenarioSet:
    return scenario_set(pool, curves, DRAW, STAKES, keep=8, count=100, horizon=HORIZON, named=named)


def test_named_stresses_come_first_and_keep_their_weight(pool: Pool, curves: CurveSet) -> None:
    result = few(pool, curves, crash=0.1)
    assert result.named == ("crash",)
    assert len(result.curves.scenarios) == len(result.weight) == 9
    assert result.curves.scenarios[0] == "crash"
    assert result.weight[0] == 0.1
    assert result.weight.sum() == pytest.approx(1.0, rel=1e-12)
    crash = result.curves.default_intensity[0]
    assert (crash == curves.default_intensity[1]).all()


def test_kept_paths_are_those_drawn_over_the_whole_grid(pool: Pool, curves: CurveSet) -> None:
    result = few(pool, curves)
    assert result.curves.default_intensity.shape == (8, 1, 14)
    drawn = DRAW.paths(curves, curves.grid.extended(HORIZON), 100)
    rows = result.reduction.kept
    assert result.paths.number.tolist() == rows.tolist()
    np.testing.assert_array_equal(result.paths.factor[:, :HORIZON], drawn.factor[rows])
    early = result.curves.stress.default_multiple[:, :, :HORIZON]
    np.testing.assert_array_equal(early, drawn.stress.default_multiple[rows])


def test_the_summary_is_of_the_pools_collections(pool: Pool, curves: CurveSet) -> None:
    result = few(pool, curves)
    cash = collections(pool, curves, result.curves.stress.chosen(range(8)))
    total = cash[:, :, :HORIZON].sum(axis=(1, 2))
    kept = result.summary.set_index("set").loc["kept paths"]
    assert kept["mean"] == pytest.approx(float(result.weight @ total), rel=1e-9)
    assert 0.0 < result.reduction.relative < 1.0


def test_what_is_felt_is_money_and_high_where_it_is_good(curves: CurveSet) -> None:
    grid = curves.grid.extended(3)
    stress = calm(("x", "cut", "off", "dear"), 1, ("bank",), 3)
    stress.line[1, 0, 1:] = 0.5
    stress.p2p_renewed[2] = 0.25
    stress.bank_rate[3] = 0.12
    points = felt(np.full((4, 1, 3), 7.0), stress, STAKES, grid)
    lost = points.sum(axis=1)[0] - points.sum(axis=1)
    # Half of 50 for two of three months; three quarters of 20; 12% a year on 70 for three months.
    np.testing.assert_allclose(lost, [0.0, 50 / 3, 15.0, 2.1])


def test_a_stress_that_is_not_there(pool: Pool, curves: CurveSet) -> None:
    with pytest.raises(InputError, match="scenarios of the model: base, crash"):
        few(pool, curves, crsh=0.1)


def test_collections_of_orders_are_those_of_the_lock_box(
    make_pool: Callable[..., Pool], make_curves: Callable[..., CurveSet]
) -> None:
    """On 100 with 30 left unpaid, a fee of 2 comes first: 68 of 80 lent, without recourse."""
    order = make_pool(balance=[80.0], loan_type=ORDER, maturity_day=[40], rate=0.0)
    payers = Payers(np.array([100.0]), np.array([0.3]), np.array([[40]]), 0.02, 0.0)
    curves = make_curves(6, a=SegmentCredit(cdr=0.0, severity=0.5))
    cash = collections(replace(order, payers=payers), curves, curves.stress)
    assert cash.sum() == pytest.approx(2.0 + 68.0)
