"""A series that reinvests what it collects."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from scfcap.axes import BULLET, OWN
from scfcap.cashflow.cohorts import CohortFactors, NewLoans, cohort_factors, new_loans
from scfcap.credit.curves import build_curves
from scfcap.deal.accounts import SeriesState
from scfcap.deal.bought import CohortAssets, Lent, like_new
from scfcap.deal.result import DealResult
from scfcap.deal.revolving import purchase_mix, run_revolving
from scfcap.deal.waterfall import run_series
from scfcap.errors import InputError, InvariantError
from scfcap.periods import PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.schema.credit import SegmentCredit, TermRange
from scfcap.schema.scenario import Scenario
from scfcap.schema.securitization import SecuritizationSpec

Terms = Callable[..., SecuritizationSpec]
State = Callable[..., SeriesState]
Grid = Callable[[int], PeriodGrid]

AS_OF = date(2013, 12, 31)
SERIES = "securitization:series-1"
FREE = (
    {"name": "senior", "share": 0.75},
    {"name": "mezzanine", "share": 0.15},
    {"name": "junior", "share": 0.10, "retained": True},
)


def simple_factors(grid: PeriodGrid, made: int) -> CohortFactors:
    """One segment in one scenario; what a reader can carry in the head.

    The series holds 1000, of which 60% are repaid in period 1 and 40% in period 2, interest 2%
    and 0.8%. One unit of new loans: 6% repaid and 4% defaulted in its own period, then 40% and
    5%, then the last 45%; interest 1% of the opening balance. Half of a default comes back a
    period later.
    """
    periods = len(grid)
    shape = (1, 1 + made, periods)
    performing = np.zeros((1, 1 + made, periods + 1))
    repaid, default, interest, recovery = (np.zeros(shape) for _ in range(4))
    receivable = np.zeros_like(performing)
    performing[0, 0, :3] = 1.0, 0.4, 0.0
    repaid[0, 0, :2] = 0.6, 0.4
    interest[0, 0, :2] = 0.02, 0.008
    for v in range(1, made + 1):
        n = min(3, periods - v + 1)
        performing[0, v, v : v + n] = (0.9, 0.45, 0.0)[:n]
        repaid[0, v, v - 1 : v - 1 + n] = (0.06, 0.4, 0.45)[:n]
        default[0, v, v - 1 : v - 1 + n] = (0.04, 0.05, 0.0)[:n]
        interest[0, v, v - 1 : v - 1 + n] = (0.001, 0.009, 0.0045)[:n]
        recovery[0, v, v - 1 : v - 1 + n] = (0.0, 0.02, 0.025)[:n]
        receivable[0, v, v : v + n] = (0.02, 0.025, 0.0)[:n]
    return CohortFactors(
        scenarios=("base",),
        segments=("credit",),
        places=(OWN, SERIES),
        grid=grid,
        segment=np.zeros(1 + made, dtype=np.int64),
        vintage=np.array([-1, *range(1, made + 1)]),
        origin=(SERIES, *(OWN for _ in range(made))),
        amount=np.array([1000.0, *(1.0 for _ in range(made))]),
        performing=performing,
        repaid=repaid,
        default=default,
        interest=interest,
        recovery=recovery,
        receivable=receivable,
        expected_recovery_rate=np.full((1, 1), 0.5),
    )


def same(left: DealResult, right: DealResult) -> None:
    keys = (
        "interest_collected", "principal_collected", "recovered", "cash_interest", "defaults",
        "purchases", "issued", "contribution", "issue_cost", "senior_fee", "servicing_fee",
        "residual", "cash", "reserve", "pool", "interest_due", "interest_paid",
        "principal_paid", "balance", "accrued", "triggered", "phase",
    )  # fmt: skip
    for key in keys:
        np.testing.assert_allclose(
            getattr(left, key), getattr(right, key), rtol=1e-12, atol=1e-8, err_msg=key
        )


def test_what_is_past_due_of_loans_that_were_bought(grid: Grid) -> None:
    """Bullets bought at the closes of two months, current then, roll by powers of the matrix.

    A month later 10% are late; of those half stay late, 20% default, the rest pays up.
    """
    rolls = [[0.9, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0], [0.3, 0.5, 0.0, 0.0, 0.0, 0.2, 0.0]]
    rolls += np.eye(7)[2:5].tolist()
    credit = {"credit": SegmentCredit(roll_rates=rolls, severity=1.0)}
    curves = build_curves(("credit",), credit, {"base": Scenario()}, grid(6))
    new = NewLoans(
        weight=np.ones(1),
        rate=np.zeros(1),
        loan_type=np.array([BULLET]),
        term_days=np.array([2_000]),
    )
    zero, one = np.zeros(1, dtype=np.int64), np.ones(1)
    pool = Pool(
        as_of=AS_OF,
        loan_id=np.array(["1"], dtype=object),
        segments=("credit",),
        segment=zero,
        places=(OWN,),
        place=zero,
        loan_type=np.array([BULLET]),
        balance=one,
        original_balance=one,
        rate=np.zeros(1),
        origination_day=zero,
        maturity_day=zero + 2_000,
        days_past_due=zero,
        eligibility={},
        tables={},
        digest="",
    )
    bought = like_new(cohort_factors(pool, curves, {"credit": new}, 2), {"credit": 1.0})
    there = np.ones((1, 2), dtype=np.bool_)
    assets = CohortAssets(Lent(("base",), np.zeros(1), np.zeros((6, 6, 1)), bought, there))
    matrix, states = np.array([[0.9, 0.1], [0.3, 0.5]]), np.zeros(2)
    for period in range(1, 7):
        states = states @ matrix
        found = assets.collect(period)
        assert found.pool == pytest.approx(states.sum(), abs=1e-12)
        assert found.delinquent == pytest.approx(states[1], abs=1e-12)
        if period <= 2:
            assets.buy(period, np.array([100.0 * period]))
            states[0] += 100.0 * period
    assert states[1] > 1.0


def test_six_periods_by_hand(terms: Terms, state: State, grid: Grid) -> None:
    """Notes without coupon, no fees: cash is what the loans pay. Two periods revolve."""
    spec = terms(tranches=FREE, revolving_periods=2, amortising_periods=4)
    r = run_revolving(spec, state(last_revolving=2), simple_factors(grid(6), 4))

    # period 1: 600 + 20 buy 620 of loans, which is 620 / 0.9 = 688.8889 units of that month's
    units1 = 620.0 / 0.9
    assert r.purchases[0, 0] == pytest.approx(620.0)
    assert r.pool[0, 0] == pytest.approx(400.0 + 620.0)
    # period 2: 400 + 8 of the old; the new pay 40% and 0.9% of their units, 5% default. The 2%
    # that come back are on loans that defaulted before the purchase: not the series'
    cash2 = 408.0 + (0.40 + 0.009) * units1
    assert r.recovered[0, 1] == 0.0
    assert r.defaults[0, 1] == pytest.approx(0.05 * units1)
    assert r.purchases[0, 1] == pytest.approx(cash2)
    assert r.pool[0, 1] == pytest.approx(0.45 * units1 + cash2)
    # period 3: the first purchase ends (45%, 0.45% interest, 2.5% back), the second is halved
    units2 = cash2 / 0.9
    cash3 = (0.45 + 0.0045 + 0.025) * units1 + (0.40 + 0.009) * units2
    assert r.recovered[0, 2] == pytest.approx(0.025 * units1)
    assert r.purchases[0, 2] == 0.0
    assert r.principal_paid[0, 0, 2] == pytest.approx(cash3)
    # period 4: the second ends: 130.24 for the senior to reach zero, the rest for the mezzanine
    cash4 = (0.45 + 0.0045 + 0.025) * units2
    assert r.principal_paid[0, 0, 3] == pytest.approx(750.0 - cash3)
    assert r.principal_paid[0, 1, 3] == pytest.approx(150.0)
    assert r.residual[0, 3] == pytest.approx(cash3 + cash4 - 900.0)
    assert (r.pool[0, 3:] == 0.0).all()
    assert r.residual[0, 4:].tolist() == [0.0, 0.0]


def test_trigger_stops_reinvestment(terms: Terms, state: State, grid: Grid) -> None:
    # period 2 has 34.4 of defaults: 3.4% of the pool at closing
    spec = terms(tranches=FREE, trigger={"measure": "cumulative_default", "threshold": 0.03})
    r = run_revolving(spec, state(last_revolving=4), simple_factors(grid(6), 4))
    assert r.triggered.tolist() == [2]
    assert (r.purchases[0, :2] > 0.0).all()
    assert (r.purchases[0, 2:] == 0.0).all()
    assert r.principal_paid[0, 0, 2] > 0.0


def test_cash_waits_where_nothing_is_lent(terms: Terms, state: State, grid: Grid) -> None:
    spec = terms(tranches=FREE, revolving_periods=3)
    r = run_revolving(spec, state(last_revolving=3), simple_factors(grid(5), 1))
    assert r.purchases[0].tolist() == pytest.approx([620.0, 0.0, 0.0, 0.0, 0.0])
    assert r.cash[0, 1] == pytest.approx(408.0 + 0.409 * 620.0 / 0.9)
    assert r.principal_paid[0, 0, 3] == 750.0


def test_new_series_buys_its_first_pool(terms: Terms, state: State, grid: Grid) -> None:
    factors = simple_factors(grid(6), 5)
    start = replace(state(closing_period=2, last_revolving=3, pool=0.0), name="series-2")
    spec = terms(tranches=FREE, purchase_mix={"credit": 1.0})
    r = run_revolving(spec, start, factors)
    assert r.contribution[0].tolist() == [0.0, 100.0, 0.0, 0.0, 0.0, 0.0]
    assert r.pool[0, :2].tolist() == [0.0, pytest.approx(1000.0)]
    assert r.principal_collected[0, 2] == pytest.approx(0.40 * 1000.0 / 0.9)
    same(r, run_series(spec, start, factors.grid, r.flows()))


@pytest.fixture(scope="module")
def kernel_factors() -> CohortFactors:
    """Factors of the kernel itself: two segments, base and stress, a recovery lag of two."""
    random = np.random.default_rng(20131231)
    count = 40
    origination = -random.integers(0, 60, count)
    balance = random.uniform(100.0, 5000.0, count)
    balance *= 1e6 / balance.sum()
    months = PeriodGrid.build(AS_OF, 24)
    pool = Pool(
        as_of=AS_OF,
        loan_id=np.arange(count).astype(str).astype(object),
        segments=("credit", "order"),
        segment=random.integers(0, 2, count),
        places=(OWN, SERIES),
        place=np.ones(count, dtype=np.int64),
        loan_type=np.full(count, BULLET),
        balance=balance,
        original_balance=balance,
        rate=np.full(count, 0.18),
        origination_day=origination,
        maturity_day=origination + random.integers(61, 150, count),
        days_past_due=np.zeros(count, dtype=np.int64),
        eligibility={},
        tables={},
        digest="",
    )
    credit = {
        "credit": SegmentCredit(cdr=0.08, severity=0.6, cpr=0.2, recovery_lag=2),
        "order": SegmentCredit(lifetime_default=0.01, severity=0.6, recovery_lag=2),
    }
    scenarios = {
        "base": Scenario(),
        "stress": Scenario(default_multiple=4.0),
    }
    curves = build_curves(("credit", "order"), credit, scenarios, months)
    new = {
        "credit": new_loans(
            TermRange(loan_type="level_payment", rate=0.18, shortest=90, longest=180), pool, 0
        ),
        "order": new_loans(
            TermRange(loan_type="order", rate=0.12, shortest=10, longest=40), pool, 1
        ),
    }
    return cohort_factors(pool, curves, new, 12)


@pytest.fixture
def kernel_run(kernel_factors: CohortFactors, terms: Terms, state: State) -> DealResult:
    spec = kernel_terms(terms)
    return run_revolving(spec, kernel_state(state), kernel_factors)


def kernel_terms(terms: Terms) -> SecuritizationSpec:
    return terms(
        revolving_periods=8,
        amortising_periods=4,
        coupon_timing="accrued_while_revolving",
        senior_fee_rate=0.004,
        servicing_fee_rate=0.01,
        reserve_rate=0.01,
        cash_yield=0.01,
        trigger={"measure": "cumulative_default", "threshold": 0.10},
    )


def kernel_state(state: State) -> SeriesState:
    return state(
        last_revolving=8,
        notes=np.array([750e3, 150e3]),
        reserve=5e3,
        reserve_target=9e3,
        cash=2e4,
        pool=1e6,
        pool_at_closing=1e6,
    )


def test_replay_of_the_purchases_gives_the_same_run(
    kernel_run: DealResult, kernel_factors: CohortFactors, terms: Terms, state: State
) -> None:
    flows = kernel_run.flows()
    replayed = run_series(kernel_terms(terms), kernel_state(state), kernel_factors.grid, flows)
    same(kernel_run, replayed)
    assert (kernel_run.short("purchases") == 0.0).all()
    assert (kernel_run.cash[0, :8] == 0.0).all()


def test_stress_amortises_early(kernel_run: DealResult) -> None:
    base, stress = kernel_run.triggered
    assert base == 0
    assert 1 <= stress < 8
    assert (kernel_run.phase[1, :stress] == 1).all()
    assert kernel_run.phase[1, stress] == 2
    first = np.argmax(kernel_run.principal_paid[:, 0] > 0.0, axis=1) + 1
    assert first.tolist() == [9, stress + 1]


def test_series_recovers_only_its_own_defaults(kernel_run: DealResult) -> None:
    """Every segment loses 60% and recovers after two periods."""
    np.testing.assert_allclose(
        kernel_run.recovered[:, 2:], 0.4 * kernel_run.defaults[:, :-2], rtol=1e-9, atol=1e-6
    )
    assert (kernel_run.recovered[:, :2] == 0.0).all()


def test_purchases_follow_the_mix(
    kernel_factors: CohortFactors, terms: Terms, state: State
) -> None:
    own = np.flatnonzero(np.array([o == SERIES for o in kernel_factors.origin]))
    held = np.bincount(kernel_factors.segment[own], kernel_factors.amount[own])
    spec = terms()
    mix = purchase_mix(spec, "series-1", kernel_factors)
    assert mix == pytest.approx({"credit": held[0] / held.sum(), "order": held[1] / held.sum()})
    assert purchase_mix(terms(segments=["order"]), "series-1", kernel_factors) == {"order": 1.0}
    stated = terms(purchase_mix={"credit": 0.25, "order": 0.75})
    assert purchase_mix(stated, "series-1", kernel_factors) == {"credit": 0.25, "order": 0.75}
    assert purchase_mix(spec, "series-2", kernel_factors) == {}

    # all in one segment: that segment's own factor tells the pool a period later
    only = run_revolving(kernel_terms(terms), kernel_state(state), kernel_factors, {"order": 1.0})
    j = next(
        j
        for j, (s, v) in enumerate(zip(kernel_factors.segment, kernel_factors.vintage, strict=True))
        if (s, v) == (1, 1)
    )
    path = kernel_factors.performing[0, j]
    old = kernel_factors.performing[0, own, 2] @ kernel_factors.amount[own]
    expected = old + only.purchases[0, 0] * path[2] / path[1] + only.purchases[0, 1]
    assert only.pool[0, 1] == pytest.approx(expected)


def test_segment_with_nothing_left_leaves_its_share_to_the_others(
    kernel_factors: CohortFactors, terms: Terms, state: State
) -> None:
    gone = replace(kernel_factors, performing=kernel_factors.performing.copy())
    orders = (gone.segment == 1) & (gone.vintage >= 1)
    for factor in ("repaid", "default", "interest", "recovery"):
        changed = getattr(gone, factor).copy()
        changed[:, orders] = 0.0
        gone = replace(gone, **{factor: changed})
    gone.performing[:, orders] = 0.0
    mixed = run_revolving(
        kernel_terms(terms), kernel_state(state), gone, {"credit": 0.3, "order": 0.7}
    )
    only = run_revolving(kernel_terms(terms), kernel_state(state), gone, {"credit": 1.0})
    assert (mixed.purchases[:, 0] > 0.0).all()
    same(mixed, only)


def test_wrong_mix_is_refused(kernel_factors: CohortFactors, terms: Terms) -> None:
    with pytest.raises(InputError, match=r"purchase_mix\.pledge.*one of credit, order"):
        purchase_mix(terms(purchase_mix={"credit": 0.5, "pledge": 0.5}), "s", kernel_factors)
    with pytest.raises(InputError, match=r"add up to 0\.9"):
        purchase_mix(terms(purchase_mix={"credit": 0.5, "order": 0.4}), "s", kernel_factors)
    bought = terms(segments=["order"], purchase_mix={"credit": 1.0})
    with pytest.raises(InputError, match="one of order"):
        purchase_mix(bought, "s", kernel_factors)


def test_pool_must_tie_with_the_cohorts(
    kernel_factors: CohortFactors, terms: Terms, state: State
) -> None:
    with pytest.raises(InvariantError, match="series-1: its pool at as_of is 999999"):
        run_revolving(terms(), replace(kernel_state(state), pool=999_999.0), kernel_factors)
