"""Orders of events, roll rates, advances and recovery curves in the engine."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from itertools import pairwise
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import BULLET, INTEREST_ONLY_BULLET, LEVEL_PAYMENT
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import LoanArrays, concatenate
from scfcap.cashflow.project import project
from scfcap.cashflow.rolling import stressed
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.credit.generators import generator, over_months
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.projection import ORDERS, ProjectionSpec
from scfcap.schema.scenario import Scenario
from tests.witnesses import securities
from tests.witnesses.book import holds
from tests.witnesses.securities import loan

from .behaviour_oracles import expected_months, level_factors

AS_OF = date(2013, 12, 31)
AMOUNTS = [f.name for f in fields(Flows)]
LEVELS = {"default_multiple": 2.0, "prepay_multiple": 1.5, "severity_add": 0.1}
ROLLS = (
    (0.88, 0.07, 0.0, 0.0, 0.0, 0.002, 0.048),
    (0.30, 0.35, 0.30, 0.0, 0.0, 0.01, 0.04),
    (0.04, 0.06, 0.25, 0.60, 0.0, 0.03, 0.02),
    (0.02, 0.01, 0.02, 0.36, 0.50, 0.08, 0.01),
    (0.05, 0.0, 0.01, 0.01, 0.33, 0.55, 0.05),
)


def curves_of(
    credit: dict[str, SegmentCredit],
    periods: int,
    frequency: Any = "month",
    **projection: Any,
) -> CurveSet:
    """Curves in a base and a stressed scenario."""
    grid = PeriodGrid.build(AS_OF, periods, frequency)
    scenarios = {"base": Scenario(), "stress": Scenario(**LEVELS)}
    return build_curves(
        tuple(credit), credit, scenarios, grid, projection=ProjectionSpec(**projection)
    )


@pytest.fixture(scope="module")
def cash_flow_a() -> tuple[dict[str, Any], Flows, LoanArrays]:
    return securities.cash_flow_a()


def test_cash_flow_a_in_the_order_bma(
    cash_flow_a: tuple[dict[str, Any], Flows, LoanArrays],
) -> None:
    holds(securities.cash_flow_a_columns())
    table, flows, loans = cash_flow_a
    flows.check()
    _, advanced = securities.foreclosure(table, flows, loans)
    assert flows.advanced[0, 0] == pytest.approx(advanced, rel=1e-9, abs=1e-6)


def test_what_is_advanced_comes_back_whole(
    cash_flow_a: tuple[dict[str, Any], Flows, LoanArrays],
) -> None:
    _, flows, _ = cash_flow_a
    outstanding = np.cumsum(flows.advanced - flows.reimbursed, axis=2)
    assert outstanding.min() > -1e-3
    assert outstanding[:, :, -1] == pytest.approx(0.0, abs=1e-3)
    assert flows.receivable[:, :, -1] == pytest.approx(0.0, abs=1e-3)


def test_matrix_of_cumulative_defaults_in_the_order_bma() -> None:
    holds(securities.matrix_of_defaults())


def rolling_credit(**stated: Any) -> SegmentCredit:
    return SegmentCredit(**{"roll_rates": ROLLS, "severity": 0.6} | stated)


def contract_of(balance: float, rate: float, months: int) -> list[tuple[float, float, float]]:
    """Owed, principal and interest due by month of a level-payment loan."""
    left = [balance * factor for factor in level_factors(rate, months)]
    return [(a, a - b, a * rate / 12) for a, b in pairwise(left)]


@pytest.mark.parametrize("start", [0, 1, 2, 3, 4])
@pytest.mark.parametrize("periods", [4, 6])
def test_a_rolling_loan_does_what_its_paths_add_up_to(start: int, periods: int) -> None:
    # Four instalments: on the longer grid, what is late outlives the contract.
    curves = curves_of({"a": rolling_credit()}, periods, servicer_advances=True, late_fee=0.05)
    four = loan(maturity_day=int(PeriodGrid.build(AS_OF, 4).days[-1]), bucket=start)
    flows = run_kernel(four, curves, 1)
    flows.check()
    matrix = [*(list(row) for row in ROLLS), *np.eye(7)[5:].tolist()]
    due = contract_of(1_000.0, 0.12, 4) + [(0.0, 0.0, 0.0)] * (periods - 4)
    expected = expected_months(matrix, start, due, late_fee=0.05)
    names = ("default", "interest", "scheduled", "prepaid", "fees", "closing", "delinquent")
    for name in (*names, "advanced"):
        got = getattr(flows, name)[0, 0]
        want = [getattr(month, name) for month in expected]
        np.testing.assert_allclose(got, want, rtol=1e-11, atol=1e-9, err_msg=name)
    # The servicer is paid back of arrears that are paid, and of recoveries of what defaults.
    back = [month.returned for month in expected]
    owing = np.cumsum(flows.advanced[0, 0] - back)
    assert (flows.reimbursed[0, 0] >= np.array(back) - 1e-9).all()
    assert flows.reimbursed[0, 0].sum() > sum(back)
    assert (owing >= np.cumsum(flows.reimbursed[0, 0] - back) - 1e-9).all()


def test_balances_by_powers_of_the_matrix() -> None:
    holds(securities.powers_of_the_matrix())


@pytest.mark.parametrize("kind", [LEVEL_PAYMENT, INTEREST_ONLY_BULLET, BULLET])
def test_rates_and_roll_rates_agree_where_nothing_is_late(kind: int) -> None:
    mdr, smm = 0.02, 0.03
    rows = [[(1 - mdr) * (1 - smm), 0, 0, 0, 0, mdr, (1 - mdr) * smm]]
    rows += [[float(j == i) for j in range(7)] for i in range(1, 5)]
    # In the last period rates prepay nothing: there is nothing left to prepay.
    told = {
        "rates": SegmentCredit(mdr=mdr, smm=smm, severity=0.4, recovery_lag=2),
        "states": rolling_credit(roll_rates=rows, severity=0.4, recovery_lag=2),
    }
    curves = curves_of(told, 15)
    each = [loan(group=n, curve=n, loan_type=kind) for n in (0, 1)]
    flows = run_kernel(concatenate(each), curves, 2)
    for name in AMOUNTS:
        got = getattr(flows, name)
        if name != "originated":
            np.testing.assert_allclose(got[:, 0], got[:, 1], rtol=1e-10, atol=1e-9, err_msg=name)


@st.composite
def matrices(draw: st.DrawFn) -> np.ndarray:
    """Roll rates, some of them zero; rows of default and prepaid stay."""
    weights = draw(
        st.lists(
            st.lists(st.sampled_from([0.0, 0.1, 1.0, 5.0]), min_size=7, max_size=7),
            min_size=5,
            max_size=5,
        )
    )
    found = np.eye(7)
    for i, row in enumerate(weights):
        if sum(row) > 0:
            found[i] = np.array(row) / sum(row)
    return found


@given(matrices(), st.floats(0.0, 20.0), st.floats(0.0, 5.0))
def test_a_stressed_matrix_rolls_forward_by_the_power(
    matrix: np.ndarray, default: float, prepaid: float
) -> None:
    got = stressed(matrix, default, prepaid)
    np.testing.assert_allclose(got.sum(axis=1), 1.0, atol=1e-12)
    assert got.min() >= 0.0
    for i in range(5):
        forward = matrix[i, i + 1 : 6].sum()
        wanted = 1 - max(1 - forward, 0.0) ** default if forward < 1 - 1e-12 else float(default > 0)
        assert got[i, i + 1 : 6].sum() == pytest.approx(wanted, abs=1e-9)
        rest = matrix[i, : i + 1].sum() + matrix[i, 6]
        early = matrix[i, 6] / rest if rest > 0 else 0.0
        stays = rest**default
        assert got[i, 6] == pytest.approx(stays * (1 - (1 - early) ** prepaid), abs=1e-9)
    np.testing.assert_allclose(stressed(matrix, 1.0, 1.0), matrix, atol=1e-12)


def test_roll_rates_on_a_grid_by_the_week_need_a_generator() -> None:
    with pytest.raises(InputError, match="roll_rates") as error:
        curves_of({"a": rolling_credit()}, 10, "week")
    assert "by the month" in str(error.value)
    rates = np.full((7, 7), 0.02)
    rates[5:] = 0.0
    rates -= np.diag(rates.sum(axis=1))
    from scipy.linalg import expm

    month = expm(rates)
    np.testing.assert_allclose(generator(month), rates, atol=1e-9)
    np.testing.assert_allclose(over_months(month, 0.25) @ over_months(month, 0.75), month)
    np.testing.assert_allclose(over_months(month, 2.0), month @ month)
    curves = curves_of({"a": rolling_credit(roll_rates=month[:5].tolist())}, 365, "day")
    flat = loan(loan_type=INTEREST_ONLY_BULLET, maturity_day=36_000)
    flows = run_kernel(flat, curves, 1)
    year = np.linalg.matrix_power(month, 12)
    assert flows.default[0, 0].sum() == pytest.approx(1_000 * year[0, 5], rel=1e-9)


def test_loans_late_at_as_of_begin_in_their_state(make_pool: Callable[..., Pool]) -> None:
    # One loan each: current, 31-60 days late, 120 days late, past its maturity.
    pool = make_pool(
        balance=[100.0] * 4,
        segment=[0, 1, 2, 3],
        segments=("a", "b", "c", "d"),
        days_past_due=[0, 45, 120, 20],
        maturity_day=[365, 365, 365, -20],
        origination_day=[-100] * 4,
        rate=0.0,
    )
    matrix = [*(list(row) for row in ROLLS), *np.eye(7)[5:].tolist()]
    credit = rolling_credit(default_days=91)
    curves = curves_of(dict.fromkeys("abcd", credit), 3)
    flows = project(pool, curves).flows
    assert flows.default[0, :, 0] == pytest.approx(
        [100 * matrix[0][5], 100 * matrix[2][5], 100.0, 100 * matrix[1][5]]
    )
    # Past its maturity a loan owes all at once: it pays by getting current or by being prepaid.
    paid = 100 * (matrix[1][0] + matrix[1][6])
    assert (flows.scheduled + flows.prepaid)[0, 3, 0] == pytest.approx(paid)
    assert flows.closing[0, 3, 0] == flows.delinquent[0, 3, 0]
    assert flows.delinquent[0, 0, 0] == pytest.approx(flows.closing[0, 0, 0] * 0.07 / 0.95, rel=0.1)


behaviours = st.builds(
    lambda told, cpr, severity, curve: SegmentCredit(
        **told, severity=severity, **({} if "roll_rates" in told else {"cpr": cpr}), **curve
    ),
    st.one_of(
        st.floats(0.0, 0.9).map(lambda cdr: {"cdr": cdr}),
        st.floats(0.0, 0.9).map(lambda share: {"lifetime_default": share}),
        matrices().map(lambda rolls: {"roll_rates": rolls[:5].tolist()}),
    ),
    st.floats(0.0, 0.9),
    st.floats(0.0, 1.0),
    st.one_of(
        st.integers(0, 8).map(lambda lag: {"recovery_lag": lag}),
        st.sampled_from([(0.5, 0.25, 0.25), (0.0, 0.0, 0.7, 0.1, 0.2), (1.0,)]).map(
            lambda shares: {"recovery_curve": shares}
        ),
    ),
)
projections = st.builds(
    dict, order=st.sampled_from(ORDERS), servicer_advances=st.booleans(), late_fee=st.floats(0, 0.2)
)


@st.composite
def books(draw: st.DrawFn) -> tuple[LoanArrays, CurveSet]:
    """A few loans of any type and state, outstanding or to come, in two segments."""
    credit = {name: draw(behaviours) for name in "ab"}
    curves = curves_of(credit, draw(st.integers(1, 20)), **draw(projections))
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 1),
                st.integers(0, 5),
                st.floats(1.0, 1e6),
                st.sampled_from([0.0, 0.05, 0.3, 2.0]),
                st.integers(0, 90).filter(lambda d: d % 3 == 0),
                st.integers(1, 800),
                st.integers(0, 4),
            ),
            min_size=1,
            max_size=8,
        )
    )
    curve, kind, balance, rate, start, term, bucket = (np.array(c) for c in zip(*rows, strict=True))
    scale = np.where(curves.lifetime[curve], 365.0 / term, 1.0)
    loans = LoanArrays(
        group=curve,
        curve=curve,
        loan_type=kind,
        balance=balance,
        rate=rate,
        accrued=np.zeros(len(rows)),
        hazard_scale=scale,
        start_day=start,
        maturity_day=start + term,
        bucket=np.where(curves.has_roll_rates[curve] & (start == 0), bucket, 0),
    )
    return loans, curves


@settings(max_examples=100)
@given(books())
def test_money_is_conserved_in_every_order(book: tuple[LoanArrays, CurveSet]) -> None:
    loans, curves = book
    flows = run_kernel(loans, curves, 2)
    flows.check()
    size = loans.balance.sum() * (1.0 + loans.rate.max() * 3)
    for name in AMOUNTS:
        assert getattr(flows, name).min() >= -1e-9 * size, name
    assert (flows.delinquent <= flows.closing + 1e-9 * size).all()
    outstanding = np.cumsum(flows.advanced - flows.reimbursed, axis=2)
    assert outstanding.min() >= -1e-9 * size
    if not curves.servicer_advances:
        assert flows.advanced.max() == flows.reimbursed.max() == 0.0


@settings(max_examples=50)
@given(books(), st.floats(1e-3, 1e6))
def test_flows_scale_and_add_up_over_loans(
    book: tuple[LoanArrays, CurveSet], factor: float
) -> None:
    # One loan at a time: what becomes of a loan depends on no other.
    loans, curves = book
    whole = run_kernel(loans, curves, 2)
    each = [
        run_kernel(replace(one, balance=one.balance * factor), curves, 2)
        for one in (loans.where(slice(n, n + 1)) for n in range(len(loans)))
    ]
    for name in AMOUNTS:
        total = sum(getattr(flows, name) for flows in each) / factor
        np.testing.assert_allclose(
            total, getattr(whole, name), rtol=1e-9, atol=1e-10 * loans.balance.sum(), err_msg=name
        )


def cash(flows: Flows) -> np.ndarray:
    """Undiscounted cash of a book that has run off, by scenario."""
    paid = flows.interest + flows.scheduled + flows.prepaid + flows.recovery
    return np.asarray(paid.sum(axis=(1, 2)) + flows.receivable[:, :, -1].sum(axis=1))


@settings(max_examples=50)
@given(books(), st.floats(1.0, 20.0), st.sampled_from(ORDERS))
def test_more_default_is_never_more_cash(
    book: tuple[LoanArrays, CurveSet], multiple: float, order: str
) -> None:
    # Where there are neither late fees nor advances, and rates tell default: in a matrix a worse
    # state need not be the likelier one to default.
    loans, curves = book
    loans = loans.where(~curves.has_roll_rates[loans.curve])
    if len(loans) == 0:
        return
    # All are liquidated within the grid: in the order bma the loss stands there.
    grid = curves.grid.extended(int(loans.maturity_day.max()) // 28 + 10)
    plain = replace(curves, grid=grid, order=order, servicer_advances=False)
    longer = plain.under(curves.stress.over(len(grid)))
    worse = replace(longer, default_intensity=longer.default_intensity * multiple)
    calm, stressed_ = run_kernel(loans, longer, 2), run_kernel(loans, worse, 2)
    assert (stressed_.default.sum(2) >= calm.default.sum(2) * (1 - 1e-12)).all()
    assert (cash(stressed_) <= cash(calm) * (1 + 1e-12)).all()


@settings(max_examples=40)
@given(books())
def test_orders_are_one_where_nothing_defaults(book: tuple[LoanArrays, CurveSet]) -> None:
    loans, curves = book
    safe = replace(curves, default_intensity=np.zeros_like(curves.default_intensity))
    loans = loans.where(~curves.has_roll_rates[loans.curve])
    a, b = (run_kernel(loans, replace(safe, order=order), 2) for order in ORDERS)
    for name in AMOUNTS:
        np.testing.assert_allclose(
            getattr(a, name), getattr(b, name), rtol=1e-9, atol=1e-9 * loans.balance.sum()
        )


def test_lateness_is_told_once() -> None:
    with pytest.raises(ValueError, match="the matrix says who is late"):
        rolling_credit(late_share=0.5)
