from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import BULLET, LEVEL_PAYMENT, LOAN_TYPES, ORDER, REVOLVING_LINE
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.project import opening_loans, project
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.errors import InputError
from scfcap.periods import Frequency, PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.projection import ProjectionSpec
from scfcap.schema.scenario import Scenario

MakePool = Callable[..., Pool]
MakeCurves = Callable[..., CurveSet]
SAFE = SegmentCredit(cdr=0.0, severity=0.0)
LATE = SegmentCredit(cdr=0.0, severity=0.0, late_share=0.25, late_days=40)
NONE = np.zeros(1, dtype=np.int64)


def test_segments_follow_the_pool_and_not_the_curves(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    pool = make_pool(("b", "a"), balance=[100.0, 300.0, 50.0], segment=[0, 1, 1])
    shocked = {"base": Scenario(), "stress": Scenario(default_multiple=2.0)}
    risky = SegmentCredit(cdr=0.2, severity=0.5, recovery_lag=2)
    cashflow = project(pool, make_curves(24, scenarios=shocked, a=SAFE, b=risky))
    assert cashflow.segments == ("b", "a")
    assert cashflow.flows.opening[:, :, 0].tolist() == [[100.0, 350.0]] * 2
    assert cashflow.flows.default[0, 0].sum() > 0.0
    assert cashflow.flows.default[:, 1].sum() == 0.0


def test_the_frame_ties_row_by_row_and_in_all(make_pool: MakePool, make_curves: MakeCurves) -> None:
    pool = make_pool(("b", "a"), balance=[100.0, 300.0, 50.0], segment=[0, 1, 1])
    risky = SegmentCredit(cdr=0.2, cpr=0.1, severity=0.5, recovery_lag=5)
    shocked = {"base": Scenario(), "stress": Scenario(default_multiple=2.0)}
    frame = project(pool, make_curves(6, scenarios=shocked, a=risky, b=risky)).to_frame()
    assert list(frame.columns) == [
        *("scenario", "segment", "period", "end", "opening", "default", "interest"),
        *("scheduled", "prepaid", "recovery", "loss", "receivable", "closing"),
    ]
    assert len(frame) == 2 * 2 * 6
    out = frame["default"] + frame["scheduled"] + frame["prepaid"]
    np.testing.assert_allclose(frame["opening"] - out, frame["closing"], atol=1e-9)
    stressed = frame[frame["scenario"] == "stress"]
    last = stressed[stressed["period"] == 6]
    assert str(last["end"].iloc[0].date()) == "2014-06-30"
    assert stressed["default"].sum() == pytest.approx(
        stressed["loss"].sum() + stressed["recovery"].sum() + last["receivable"].sum()
    )


def test_a_recovery_due_after_the_grid_is_reported_and_not_lost(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    slow = SegmentCredit(cdr=0.2, severity=0.5, recovery_lag=60)
    frame = project(make_pool(balance=[100.0]), make_curves(12, a=slow)).to_frame()
    assert frame["recovery"].sum() == 0.0
    assert frame["receivable"].iloc[-1] == pytest.approx(0.5 * frame["default"].sum())


@pytest.mark.parametrize("kind", range(len(LOAN_TYPES)))
@pytest.mark.parametrize("maturity", [0, -3, -400])
def test_overdue_loans_pay_at_the_end_of_the_first_period(
    make_pool: MakePool, make_curves: MakeCurves, kind: int, maturity: int
) -> None:
    pool = make_pool(balance=[100.0], loan_type=kind, maturity_day=maturity, origination_day=-500)
    flows = project(pool, make_curves(a=LATE)).flows
    assert flows.scheduled[0, 0, 0] == 100.0
    assert flows.closing[0, 0].tolist() == [0.0] * 24


def test_an_overdue_loan_has_its_whole_lifetime_default_ahead(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    pool = make_pool(balance=[100.0], maturity_day=-3, origination_day=-33)
    for frequency in ("month", "week", "day"):
        curves = make_curves(6, frequency, a=SegmentCredit(lifetime_default=0.04, severity=1.0))
        flows = project(pool, curves).flows
        assert flows.default[0, 0, 0] == pytest.approx(4.0, rel=1e-12)


def test_a_loan_past_due_for_the_default_days_brings_its_recovery_only(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    pool = make_pool(
        balance=[100.0, 100.0],
        loan_type=3,
        rate=0.2,
        maturity_day=[-120, 200],
        origination_day=-150,
        days_past_due=[120, 89],
    )
    credit = SegmentCredit(lifetime_default=0.001, severity=0.75, recovery_lag=2)
    flows = project(pool, make_curves(12, a=credit)).flows
    assert flows.default[0, 0, 0] == pytest.approx(100.0, abs=0.01)
    assert flows.recovery[0, 0, 2] == pytest.approx(25.0, abs=0.01)
    assert flows.scheduled[0, 0, 0] == pytest.approx(0.0, abs=1e-9)
    assert flows.scheduled[0, 0].sum() == pytest.approx(100.0, abs=0.2)


NEVER_DEFAULT = {
    "a rate of 0": SegmentCredit(cdr=0.0, severity=0.75, recovery_lag=1),
    "a rate": SegmentCredit(cdr=0.2, severity=0.75, recovery_lag=1),
    "a lifetime's rate of 0": SegmentCredit(lifetime_default=0.0, severity=0.75, recovery_lag=1),
    "a lifetime's rate": SegmentCredit(lifetime_default=0.1, severity=0.75, recovery_lag=1),
    "by months of age": SegmentCredit(sda=100.0, severity=0.75, recovery_lag=1),
    "by days of age": SegmentCredit(lifetime_loss=0.1, severity=0.75, recovery_lag=1),
    "states": SegmentCredit(
        roll_rates=np.eye(7).tolist(), severity=0.75, recovery_lag=1, default_days=91
    ),
}


@pytest.mark.parametrize("frequency", ["month", "week", "day"])
@pytest.mark.parametrize("order", ["survivors", "bma"])
@pytest.mark.parametrize("told", NEVER_DEFAULT)
def test_what_has_defaulted_pays_nothing_in_any_scenario(
    make_pool: MakePool, told: str, order: str, frequency: Frequency
) -> None:
    pool = make_pool(
        balance=[1000.0, 10.0, 10.0, 10.0],
        loan_type=[LEVEL_PAYMENT, BULLET, LEVEL_PAYMENT, BULLET],
        maturity_day=[200, 1, 300, -100],
        origination_day=-150,
        days_past_due=[0, 200, 91, 100],
    )
    scenarios = {"base": Scenario(), "none defaults": Scenario(default_multiple=0.0)}
    curves = build_curves(
        *(("a",), {"a": NEVER_DEFAULT[told]}, scenarios),
        PeriodGrid.build(pool.as_of, 300, frequency),
        projection=ProjectionSpec(order=order, servicer_advances=True),
    )
    flows = project(pool, curves).flows
    sound = project(replace(pool, balance=pool.balance * [1.0, 0.0, 0.0, 0.0]), curves).flows
    for name, at, amount in (("default", 0, 30.0), ("loss", 0, 22.5), ("recovery", 1, 7.5)):
        expected = getattr(sound, name).copy()
        later = 1 if name == "loss" and order == "bma" and told != "states" else 0
        expected[:, 0, at + later] += amount
        np.testing.assert_allclose(getattr(flows, name), expected, rtol=1e-9, atol=1e-9)
    for name in ("interest", "scheduled", "prepaid", "closing", "advanced"):
        expected = getattr(sound, name)
        np.testing.assert_allclose(getattr(flows, name), expected, rtol=1e-9, atol=1e-9)
    assert sound.default[1].sum() == pytest.approx(0.0, abs=1e-9)


def test_a_lifetime_default_is_shared_out_over_the_term(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    # 60 of 90 days to run: 1 - 0.91 ** (60 / 90) of what is left defaults.
    pool = make_pool(balance=[100.0], loan_type=BULLET, origination_day=-30, maturity_day=60)
    curves = make_curves(a=SegmentCredit(lifetime_default=0.09, severity=1.0))
    default = project(pool, curves).flows.default.sum()
    assert default == pytest.approx(100 * (1 - 0.91 ** (2 / 3)), rel=1e-12)


def test_interest_since_origination_is_due_with_a_bullet(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    # 100 at 12%: 73 days before as_of are 2.40, the month of January 1.00.
    for kind, expected in (
        (BULLET, 3.4),
        (ORDER, 3.4),
        (REVOLVING_LINE, 1.0),
        (LEVEL_PAYMENT, 1.0),
    ):
        pool = make_pool(balance=[100.0], loan_type=kind, origination_day=-73, maturity_day=31)
        flows = project(pool, make_curves(a=SAFE)).flows
        assert flows.interest[0, 0, 0] == pytest.approx(expected), LOAN_TYPES[kind]


def test_a_share_of_what_repays_at_once_pays_late(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    # Due on 20 January; a quarter pays 40 days later, on 1 March.
    for kind, late in (
        ("order", 25.0),
        ("bullet", 25.0),
        ("revolving_line", 25.0),
        ("interest_only_bullet", 25.0),
        ("level_payment", 0.0),
        ("equal_principal", 0.0),
    ):
        pool = make_pool(balance=[100.0], loan_type=LOAN_TYPES.index(kind), maturity_day=20)
        flows = project(pool, make_curves(4, a=LATE)).flows
        np.testing.assert_allclose(
            flows.scheduled[0, 0], [100.0 - late, 0.0, late, 0.0], err_msg=kind
        )


def test_late_money_earns_its_interest(make_pool: MakePool, make_curves: MakeCurves) -> None:
    # A bullet of 100 at 12%, a quarter of it 40 days late: to 20 January, and from 20 January to
    # 1 March (11 of 31 days, all of February, 1 of 31 days).
    pool = make_pool(balance=[100.0], loan_type=BULLET, maturity_day=20)
    flows = project(pool, make_curves(4, a=LATE)).flows
    on_time, extra = 100 * 0.01 * 20 / 31, 25 * 0.01 * (11 / 31 + 1 + 1 / 31)
    assert flows.interest.sum() == pytest.approx(on_time + extra)


def test_late_money_pays_its_accrued_interest_once(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    # 73 days before as_of at 12% on 100 are 2.40, whoever pays late.
    due = {"balance": [100.0], "loan_type": ORDER, "origination_day": -73, "maturity_day": 20}
    flows = project(make_pool(**due), make_curves(4, a=LATE)).flows
    on_time, extra = 100 * 0.01 * 20 / 31, 25 * 0.01 * (11 / 31 + 1 + 1 / 31)
    assert flows.interest.sum() == pytest.approx(2.4 + on_time + extra)


def test_lateness_keeps_a_lifetime_default_rate(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    behaviour = SegmentCredit(lifetime_default=0.05, severity=1.0, late_share=0.3, late_days=33)
    pool = make_pool(balance=[100.0], loan_type=ORDER, maturity_day=45)
    flows = project(pool, make_curves(a=behaviour)).flows
    assert flows.default.sum() == pytest.approx(5.0, rel=1e-12)


@pytest.mark.parametrize("frequency", ["month", "day"])
def test_a_line_without_an_end_stays_out(
    make_pool: MakePool, make_curves: MakeCurves, frequency: str
) -> None:
    # Maturity 9999-12-31, as tapes write it.
    pool = make_pool(balance=[100.0, 100.0], loan_type=[0, REVOLVING_LINE], maturity_day=2_917_000)
    flows = project(pool, make_curves(12, frequency, a=SAFE)).flows
    assert flows.closing[0, 0, -1] == pytest.approx(200.0, abs=0.01)


def test_groups_may_be_any_that_keep_to_one_curve(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    pool = make_pool(balance=[100.0, 200.0, 300.0], maturity_day=[100, 200, 300])
    curves = make_curves(a=SegmentCredit(cdr=0.1, severity=0.5))
    group = np.array([2, 0, 2])
    flows = run_kernel(opening_loans(pool, curves, group), curves, 3)
    assert flows.opening[0, :, 0].tolist() == [200.0, 0.0, 400.0]
    total = project(pool, curves).flows
    np.testing.assert_allclose(flows.closing.sum(axis=1), total.closing.sum(axis=1))


def test_a_segment_without_a_curve_is_named(make_pool: MakePool, make_curves: MakeCurves) -> None:
    pool = make_pool(("a", "nowhere"), balance=[1.0])
    with pytest.raises(InputError, match="nowhere"):
        project(pool, make_curves(a=SAFE))


@settings(max_examples=60, deadline=None)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 1),
            st.integers(0, 5),
            st.floats(0.01, 1e7),
            st.floats(0.0, 1.0),
            st.integers(-700, 0),
            st.integers(-100, 900),
        ),
        min_size=1,
        max_size=10,
    ),
    late=st.floats(0.0, 1.0),
    lag=st.integers(0, 40),
    multiple=st.floats(0.0, 10.0),
)
def test_any_pool_is_conserved_in_every_scenario(
    make_pool: MakePool,
    make_curves: MakeCurves,
    rows: list[tuple[float, ...]],
    late: float,
    lag: int,
    multiple: float,
) -> None:
    segment, kind, balance, rate, origination, remaining = zip(*rows, strict=True)
    pool = make_pool(
        ("a", "b"),
        segment=segment,
        loan_type=kind,
        balance=balance,
        rate=rate,
        origination_day=origination,
        maturity_day=[max(o + 1, r) for o, r in zip(origination, remaining, strict=True)],
    )
    curves = make_curves(
        12,
        scenarios={"base": Scenario(), "x": Scenario(default_multiple=multiple, severity_add=0.3)},
        a=SegmentCredit(
            cdr=0.3, cpr=0.2, severity=0.4, recovery_lag=lag, late_share=late, late_days=25
        ),
        b=SegmentCredit(lifetime_default=0.1, severity=0.9, late_share=late, late_days=70),
    )
    flows = project(pool, curves).flows
    for name in ("default", "scheduled", "prepaid", "interest", "recovery", "loss", "closing"):
        assert getattr(flows, name).min() >= -1e-9 * pool.total, name
    gone = (flows.default + flows.scheduled + flows.prepaid).sum(axis=(1, 2))
    np.testing.assert_allclose(gone + flows.closing[:, :, -1].sum(axis=1), pool.total, rtol=1e-9)
    settled = (flows.loss + flows.recovery).sum(axis=(1, 2)) + flows.receivable[:, :, -1].sum(1)
    np.testing.assert_allclose(flows.default.sum(axis=(1, 2)), settled, rtol=1e-9, atol=1e-9)
