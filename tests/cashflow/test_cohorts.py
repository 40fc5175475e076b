from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import LEVEL_PAYMENT, ORDER
from scfcap.cashflow.cohorts import NewLoans, cohort_factors, new_loans, project_cohort
from scfcap.cashflow.project import project
from scfcap.credit.curves import CurveSet
from scfcap.errors import InputError
from scfcap.pool.snapshot import Pool
from scfcap.schema.credit import SegmentCredit, TermRange
from scfcap.schema.scenario import Scenario

MakePool = Callable[..., Pool]
MakeCurves = Callable[..., CurveSet]
SAFE = SegmentCredit(cdr=0.0, severity=0.0)
MICRO = SegmentCredit(cdr=0.1, cpr=0.3, severity=0.6, recovery_lag=4, late_share=0.2, late_days=20)
SHORT = SegmentCredit(
    lifetime_default=0.02, severity=0.5, recovery_lag=2, late_share=0.1, late_days=15
)
ORDERS = TermRange(loan_type="order", rate=0.15, shortest=1, longest=30)
LOANS = TermRange(loan_type="level_payment", rate=0.18, shortest=90, longest=360)
BOTH = {"base": Scenario(), "stress": Scenario(default_multiple=2.5, from_period=3)}


@pytest.fixture(scope="module")
def pool(make_pool: MakePool) -> Pool:
    """400 loans of all types and ages, in two segments and two places, some overdue."""
    random = np.random.default_rng(20131231)
    count = 400
    origination = -random.integers(0, 300, count)
    return make_pool(
        ("micro", "order"),
        balance=random.lognormal(9, 1, count),
        segment=random.integers(0, 2, count),
        place=random.integers(0, 2, count),
        loan_type=random.integers(0, 6, count),
        rate=random.uniform(0.0, 0.3, count),
        origination_day=origination,
        maturity_day=origination + random.integers(1, 600, count),
    )


@pytest.fixture(scope="module")
def curves(make_curves: MakeCurves) -> CurveSet:
    return make_curves(36, scenarios=BOTH, order=SHORT, micro=MICRO)


@pytest.fixture(scope="module")
def new(pool: Pool) -> dict[str, NewLoans]:
    return {"order": new_loans(ORDERS, pool, 1), "micro": new_loans("tape", pool, 0)}


def test_opening_cohorts_add_up_to_the_pool(
    pool: Pool, curves: CurveSet, new: dict[str, NewLoans]
) -> None:
    factors = cohort_factors(pool, curves, new, 12)
    opening = factors.vintage <= 0
    flows = project(pool, curves).flows
    whole = {
        "repaid": flows.scheduled + flows.prepaid,
        "default": flows.default,
        "interest": flows.interest,
        "recovery": flows.recovery,
        "performing": np.concatenate([flows.opening[:, :, :1], flows.closing], axis=2),
    }
    amount = factors.amount[opening][None, :, None]
    for name, expected in whole.items():
        got = (getattr(factors, name)[:, opening] * amount).sum(axis=1)
        np.testing.assert_allclose(
            got, expected.sum(axis=1), rtol=0, atol=1e-9 * pool.total, err_msg=name
        )
    for n, segment in enumerate(pool.segments):
        mine = opening & (factors.segment == factors.segments.index(segment))
        default = (factors.default[:, mine] * factors.amount[mine][None, :, None]).sum(axis=1)
        np.testing.assert_allclose(default, flows.default[:, n], rtol=0, atol=1e-9 * pool.total)


def test_what_a_servicer_advances_is_in_the_factors(pool: Pool, make_curves: MakeCurves) -> None:
    """A deal's purchases bring what its own loans do: advances, less what is taken back."""
    slow = SegmentCredit(cdr=0.3, severity=0.6, recovery_lag=3)
    curves = make_curves(36, order=slow, micro=slow)
    curves = replace(curves, order="bma", servicer_advances=True)
    flows, factors = project(pool, curves).flows, cohort_factors(pool, curves, {}, 12)
    assert flows.advanced.sum() > 0.0
    paid = flows.interest + flows.fees + flows.advanced - flows.reimbursed
    got = (factors.interest * factors.amount[None, :, None]).sum(axis=1)
    np.testing.assert_allclose(got, paid.sum(axis=1), rtol=0, atol=1e-9 * pool.total)


def test_an_opening_cohort_is_its_own_loans(
    pool: Pool, curves: CurveSet, new: dict[str, NewLoans]
) -> None:
    factors = cohort_factors(pool, curves, new, 2)
    age = curves.grid.ages(pool.origination_day)
    keys = set()
    for j in np.flatnonzero(factors.vintage <= 0):
        key = (factors.segments[factors.segment[j]], int(factors.vintage[j]), factors.origin[j])
        mine = (
            (pool.segment == pool.segments.index(key[0]))
            & (-age == key[1])
            & (pool.place == pool.places.index(key[2]))
        )
        assert factors.amount[j] == pytest.approx(pool.balance[mine].sum())
        keys.add(key)
    assert len(keys) == int((factors.vintage <= 0).sum())
    assert factors.amount[factors.vintage <= 0].sum() == pytest.approx(pool.total)
    assert set(factors.origin) == set(pool.places)


def test_new_cohorts_come_one_a_segment_and_period(
    pool: Pool, curves: CurveSet, new: dict[str, NewLoans]
) -> None:
    factors = cohort_factors(pool, curves, new, 12)
    born = factors.vintage >= 1
    keys = {
        (int(s), int(v)) for s, v in zip(factors.segment[born], factors.vintage[born], strict=True)
    }
    assert keys == {(s, v) for s in (0, 1) for v in range(1, 13)}
    assert int(born.sum()) == 24
    assert {factors.origin[j] for j in np.flatnonzero(born)} == {"own_capital"}
    assert (factors.amount[born] == 1.0).all()


def test_factors_of_a_unit_are_conserved(
    pool: Pool, curves: CurveSet, new: dict[str, NewLoans]
) -> None:
    factors = cohort_factors(pool, curves, new, 12)
    gone = factors.performing[:, :, :-1] - factors.repaid - factors.default
    made = factors.vintage[None, :, None] == np.arange(1, 37)[None, None, :]
    np.testing.assert_allclose(gone + made, factors.performing[:, :, 1:], rtol=0, atol=1e-12)
    assert (factors.performing[:, factors.vintage <= 0, 0] == 1.0).all()
    assert (factors.performing[:, factors.vintage >= 1, 0] == 0.0).all()
    recoverable = factors.default * factors.expected_recovery_rate[:, factors.segment]
    due = np.cumsum(recoverable - factors.recovery, axis=2)
    np.testing.assert_allclose(factors.receivable[:, :, 1:], due, rtol=0, atol=1e-12)
    assert (factors.receivable[:, :, 0] == 0.0).all()
    before = np.arange(37)[None, :] < factors.vintage[:, None]
    assert (factors.performing[:, before] == 0.0).all()
    assert factors.performing.min() >= 0.0


def test_what_the_tail_does_not_hold_is_told(make_pool: MakePool, make_curves: MakeCurves) -> None:
    pool = make_pool(balance=[1_000.0], maturity_day=[3_000], rate=0.0)
    factors = cohort_factors(pool, make_curves(72, a=SAFE), {}, 12)
    assert factors.beyond[0, 0] == pytest.approx(27 / 99)
    assert factors.performing[0, 0, -1] == factors.beyond[0, 0]


@settings(max_examples=40, deadline=None)
@given(period=st.integers(1, 12), amount=st.floats(1.0, 1e9), segment=st.integers(0, 1))
def test_a_unit_times_the_amount_is_the_cohort_projected(
    pool: Pool,
    curves: CurveSet,
    new: dict[str, NewLoans],
    period: int,
    amount: float,
    segment: int,
) -> None:
    factors = cohort_factors(pool, curves, new, 12)
    j = int(np.flatnonzero((factors.segment == segment) & (factors.vintage == period))[0])
    flows = project_cohort(new[curves.segments[segment]], segment, period, amount, curves)
    flows.check()
    for name, got in (
        ("repaid", flows.scheduled + flows.prepaid),
        ("default", flows.default),
        ("interest", flows.interest),
        ("recovery", flows.recovery),
    ):
        unit = getattr(factors, name)[:, j]
        np.testing.assert_allclose(got[:, 0], unit * amount, rtol=0, atol=1e-9 * amount)
    np.testing.assert_allclose(
        flows.closing[:, 0], factors.performing[:, j, 1:] * amount, rtol=0, atol=1e-9 * amount
    )
    np.testing.assert_allclose(
        flows.receivable[:, 0], factors.receivable[:, j, 1:] * amount, rtol=0, atol=1e-9 * amount
    )
    assert flows.originated.sum() == pytest.approx(amount)


def test_half_of_orders_of_a_month_are_out_at_its_end(pool: Pool, make_curves: MakeCurves) -> None:
    # Terms of 1..30 days, made evenly on 31 days: of term n, n / 31 is out at the month's end; the
    # mean of n is 15.5. Interest is that of 15.5 days at 15%.
    curves = make_curves(4, a=SAFE)
    flows = project_cohort(new_loans(ORDERS, pool, 0), 0, 1, 1.0, curves)
    assert flows.closing[0, 0, 0] == pytest.approx(0.5, abs=0.005)
    assert flows.closing[0, 0, 1] == 0.0
    assert flows.interest.sum() == pytest.approx(0.15 * 15.5 / 365, rel=0.03)


@pytest.mark.parametrize("frequency", ["month", "week", "day"])
def test_new_loans_start_inside_their_period(
    pool: Pool, make_curves: MakeCurves, frequency: str
) -> None:
    curves = make_curves(8, frequency, a=SAFE)
    long = TermRange(loan_type="bullet", rate=0.1, shortest=400, longest=400)
    for period in (1, 5, 8):
        flows = project_cohort(new_loans(long, pool, 0), 0, period, 1.0, curves)
        assert flows.originated[0].tolist() == [float(t == period) for t in range(1, 9)]
        assert flows.closing[0, 0].tolist() == [float(t >= period) for t in range(1, 9)]


def test_terms_spread_evenly_from_shortest_to_longest(pool: Pool) -> None:
    few = new_loans(TermRange(loan_type="order", rate=0.1, shortest=7, longest=9), pool, 0)
    assert few.term_days.tolist() == [7, 8, 9]
    assert few.loan_type.tolist() == [ORDER] * 3
    np.testing.assert_allclose(few.weight, 1 / 3)
    many = new_loans(LOANS, pool, 0)
    assert len(many.term_days) == 30
    assert (many.term_days[0], many.term_days[-1]) == (90, 360)
    assert many.weight.sum() == pytest.approx(1.0)
    one = new_loans(TermRange(loan_type="order", rate=0.1, shortest=30, longest=30), pool, 0)
    assert one.term_days.tolist() == [30]


def test_new_loans_like_the_tape_keep_its_means(make_pool: MakePool) -> None:
    random = np.random.default_rng(5)
    count = 3_000
    segment = random.integers(0, 2, count)
    term = random.choice([1_095, 1_096, 1_826, 1_827], count)
    origination = -random.integers(0, 90, count)
    pool = make_pool(
        ("a", "b"),
        balance=random.uniform(1, 100, count),
        original_balance=random.uniform(100, 40_000, count),
        segment=segment,
        rate=np.round(random.uniform(0.05, 0.31, count), 4),
        origination_day=origination,
        maturity_day=origination + term,
    )
    like = new_loans("tape", pool, 1)
    mine = segment == 1
    weight = pool.original_balance[mine] / pool.original_balance[mine].sum()
    assert 10 < len(like.weight) <= 60
    assert like.weight.sum() == pytest.approx(1.0)
    assert (like.loan_type == LEVEL_PAYMENT).all()
    assert like.weight @ like.rate == pytest.approx(weight @ pool.rate[mine])
    assert like.weight @ like.term_days == pytest.approx(weight @ term[mine], abs=0.5)


def test_alike_loans_of_the_tape_are_one_atom(make_pool: MakePool) -> None:
    pool = make_pool(
        balance=[1.0, 2.0, 3.0],
        rate=[0.12, 0.1204, 0.15],
        maturity_day=[30, 30, 30],
        loan_type=ORDER,
    )
    like = new_loans("tape", pool, 0)
    assert like.weight.tolist() == pytest.approx([0.5, 0.5])
    assert like.rate.tolist() == pytest.approx([(0.12 + 2 * 0.1204) / 3, 0.15])
    assert like.term_days.tolist() == [30, 30]


def test_no_loan_on_the_tape_to_look_like(make_pool: MakePool) -> None:
    pool = make_pool(("a", "b"), balance=[1.0])
    with pytest.raises(InputError, match=r"demand\.b\.new_loans"):
        new_loans("tape", pool, 1)
    with pytest.raises(InputError, match="demand"):
        new_loans("tape", pool, 2)


def test_the_same_inputs_give_the_same_bytes(
    pool: Pool, curves: CurveSet, new: dict[str, NewLoans]
) -> None:
    first, second = (cohort_factors(pool, curves, new, 12) for _ in range(2))
    for field in fields(first):
        value = getattr(first, field.name)
        if isinstance(value, np.ndarray):
            assert value.tobytes() == getattr(second, field.name).tobytes(), field.name
