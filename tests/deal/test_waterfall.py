"""A series worked by hand, and what each rule of the waterfall does alone."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from scfcap.deal import engine
from scfcap.deal.accounts import SeriesFlows, SeriesState
from scfcap.deal.assets import Assets
from scfcap.deal.book import Book
from scfcap.deal.payments import Paid, pay
from scfcap.deal.result import AMORTISING, BEFORE, REPAID, REVOLVING, DealResult
from scfcap.deal.structure import Step
from scfcap.deal.waterfall import run_series
from scfcap.errors import InvariantError
from scfcap.periods import PeriodGrid
from scfcap.quantities import BoolArray
from scfcap.schema.securitization import SecuritizationSpec

Terms = Callable[..., SecuritizationSpec]
State = Callable[..., SeriesState]
Flows = Callable[..., SeriesFlows]
Grid = Callable[[int], PeriodGrid]


@pytest.fixture
def worked(terms: Terms, state: State, flows: Flows, grid: Grid) -> DealResult:
    """Two revolving periods, then sequential; six periods with all figures worked by hand.

    A month: fees 0.1% and 0.2% of the opening pool, coupons 0.5% and 1% of the opening notes
    (3.75 and 1.50 at first). Reserve 9, at its target.
    """
    spec = terms(
        revolving_periods=2, amortising_periods=4, senior_fee_rate=0.012, servicing_fee_rate=0.024
    )
    start = state(last_revolving=2, reserve=9.0, reserve_target=9.0)
    # interest, principal, recovery, default, purchases
    loans = flows(
        1000.0,
        [
            # 15 + 400 - fees 1 + 2 - coupons 5.25 = 406.75; buys 400, keeps 6.75
            (15.00, 400.0, 0.0, 10.0, 400.00),
            # 6.75 + 414.85 - fees 2.97 (pool 990) - 5.25 = 413.38; buys all
            (14.85, 396.0, 4.0, 10.0, 413.38),
            # 618.96 - fees 2.99214 (pool 997.38) - 5.25 = 610.71786, all to the senior
            (14.96, 600.0, 4.0, 10.0, 0.0),
            # 139.81 - fees 1.16214 - 0.6964107 - 1.50 = 136.4514493 to the senior, 2.8306907 left
            (5.81, 130.0, 4.0, 5.0, 0.0),
            # 150.79 - fees 0.75714 - 0.0141534535 - 1.50 = 148.5187065465: senior 2.8306907,
            # mezzanine 145.6880158465; the reserve pays its last 4.3119841535 and is released
            (3.79, 145.0, 2.0, 2.0, 0.0),
            # repaid: 62.58 - fees 0.31614 (pool 105.38) to the company
            (1.58, 60.0, 1.0, 1.0, 0.0),
        ],
    )
    return run_series(spec, start, grid(6), loans)


def test_worked_by_hand(worked: DealResult) -> None:
    def is_close(got: np.ndarray, expected: list[float]) -> None:
        np.testing.assert_allclose(got, expected, rtol=0.0, atol=1e-9)

    is_close(worked.pool[0], [990.0, 997.38, 387.38, 252.38, 105.38, 44.38])
    is_close(worked.senior_fee[0], [1.0, 0.99, 0.99738, 0.38738, 0.25238, 0.10538])
    is_close(worked.servicing_fee[0], [2.0, 1.98, 1.99476, 0.77476, 0.50476, 0.21076])
    is_close(worked.interest_paid[0, 0], [3.75, 3.75, 3.75, 0.6964107, 0.0141534535, 0.0])
    is_close(worked.interest_paid[0, 1], [1.5, 1.5, 1.5, 1.5, 1.5, 0.0])
    is_close(worked.purchases[0], [400.0, 413.38, 0.0, 0.0, 0.0, 0.0])
    is_close(worked.principal_paid[0, 0], [0.0, 0.0, 610.71786, 136.4514493, 2.8306907, 0.0])
    is_close(worked.principal_paid[0, 1], [0.0, 0.0, 0.0, 0.0, 150.0, 0.0])
    is_close(worked.balance[0, 0], [750.0, 750.0, 139.28214, 2.8306907, 0.0, 0.0])
    is_close(worked.cash[0], [6.75, 0.0, 0.0, 0.0, 0.0, 0.0])
    is_close(worked.reserve[0], [9.0, 9.0, 9.0, 9.0, 0.0, 0.0])
    is_close(worked.residual[0], [0.0, 0.0, 0.0, 0.0, 9.0 - 4.3119841535, 62.26386])
    assert worked.phase[0].tolist() == [REVOLVING] * 2 + [AMORTISING] * 3 + [REPAID]
    assert worked.triggered.tolist() == [0]
    assert worked.paid_in_full.all()
    assert (worked.shortfall == 0.0).all()


def test_frame_ties_row_by_row(worked: DealResult) -> None:
    frame = worked.to_frame("base")
    sources = frame.loc[:, "opening cash":"interest on cash"].sum(axis=1)
    uses = frame.loc[:, "issue cost":"residual"].sum(axis=1)
    np.testing.assert_allclose(sources - uses, frame["cash"] + frame["reserve"], atol=1e-9)
    assert frame["opening cash"].tolist() == [0.0, *frame["cash"][:-1]]
    assert frame["phase"].tolist()[1:3] == ["revolving", "amortising"]
    assert str(frame["end"].dtype) == "datetime64[s]"
    assert len(worked.to_frame()) == 6


def test_steps_frame_shows_what_was_due_and_paid(worked: DealResult) -> None:
    steps = worked.steps_frame()
    third = steps[steps["period"] == 3].set_index("step")
    assert third.index.tolist() == [
        "reserve release",
        "senior fee",
        "servicing fee",
        "interest senior",
        "interest mezzanine",
        "reserve top-up",
        "purchases",
        "principal senior",
        "principal mezzanine",
        "residual",
    ]
    assert third.loc["principal senior", "due"] == 750.0
    assert third.loc["principal senior", "paid"] == pytest.approx(610.71786)
    assert third.loc["principal senior", "short"] == pytest.approx(139.28214)
    # it is not the mezzanine's turn
    assert third.loc["principal mezzanine", "due"] == 0.0
    summary = worked.summary_frame().set_index("tranche")
    assert summary.loc["mezzanine", ["first principal", "last principal"]].tolist() == [5, 5]
    assert summary.loc["mezzanine", "average life"] == pytest.approx(5 / 12)


def test_trigger_ends_the_revolving_period_from_the_next_on(
    terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    # 60 + 41 of defaults are 10.1% of the pool at closing, over 10%, at the end of period 2
    loans = flows(
        1000.0,
        [
            (20.0, 300.0, 0.0, 60.0, 300.0),
            (20.0, 300.0, 0.0, 41.0, 300.0),
            (20.0, 300.0, 0.0, 0.0, 300.0),
            (20.0, 300.0, 0.0, 0.0, 0.0),
        ],
    )
    result = run_series(terms(), state(), grid(4), loans)
    assert result.triggered.tolist() == [2]
    assert result.phase[0].tolist() == [REVOLVING, REVOLVING, AMORTISING, AMORTISING]
    assert result.purchases[0].tolist() == [300.0, 300.0, 0.0, 0.0]
    # the purchase that is given for period 3 cannot be: it is short, and its cash goes to notes
    assert result.short("purchases")[0].tolist() == [0.0, 0.0, 300.0, 0.0]
    first = 2 * (320.0 - 300.0 - 5.25) + 320.0 - 5.25
    assert result.principal_paid[0, 0, 2] == pytest.approx(first)


def test_default_rate_is_a_yearly_rate_on_the_opening_pool(
    terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    # a threshold of 24% a year is 2% a month of the opening pool
    spec = terms(trigger={"measure": "default_rate", "threshold": 0.24})
    rows = [(20.0, 0.0, 0.0, 20.0, 0.0), (20.0, 0.0, 0.0, 19.5, 0.0), (20.0, 0.0, 0.0, 19.5, 0.0)]
    result = run_series(spec, state(), grid(3), flows(1000.0, rows))
    # 20/1000 is 2%, not above it; 19.5/980 is below; 19.5/960.5 is above
    assert result.triggered.tolist() == [3]


def test_each_scenario_has_its_own_trigger(
    terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    base = flows(1000.0, [(20.0, 300.0, 0.0, 0.0, 300.0)] * 3)
    stress = flows(1000.0, [(20.0, 300.0, 0.0, 120.0, 300.0)] * 3)
    both = SeriesFlows(
        *(
            np.concatenate([getattr(base, key), getattr(stress, key)])
            for key in ("interest", "principal", "recovery", "default", "purchases", "pool")
        ),
        scenarios=("base", "stress"),
    )
    together = run_series(terms(), state(), grid(3), both)
    assert together.triggered.tolist() == [0, 1]
    for k, alone in enumerate((base, stress)):
        one = run_series(terms(), state(), grid(3), alone)
        np.testing.assert_array_equal(together.balance[k], one.balance[0])
        np.testing.assert_array_equal(together.cash[k], one.cash[0])


def test_reserve_is_drawn_refilled_and_released(
    terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    start = state(reserve=10.0, reserve_target=10.0, last_revolving=0)
    rows = [
        (2.0, 0.0, 0.0, 0.0, 0.0),  # coupons 5.25: 3.25 from the reserve
        (7.25, 0.0, 0.0, 0.0, 0.0),  # 2 left over refill it to 8.75
        (10.0, 600.0, 0.0, 0.0, 0.0),  # 1.25 refill it, 603.5 to the senior
        (5.0, 290.0, 0.0, 0.0, 0.0),  # 292.7675 after coupons of 0.7325 + 1.5; 296.5 are left
    ]
    result = run_series(terms(amortising_periods=4), start, grid(4), flows(1000.0, rows))
    np.testing.assert_allclose(result.reserve[0], [6.75, 8.75, 10.0, 0.0])
    np.testing.assert_allclose(result.interest_paid[0].sum(axis=0)[:3], 5.25)
    np.testing.assert_allclose(result.principal_paid[0, 0, 2:], [603.5, 146.5])
    # the reserve pays the last 3.7325 of the mezzanine; the other 6.2675 are the company's
    assert result.principal_paid[0, 1, 3] == pytest.approx(150.0)
    assert result.residual[0, 3] == pytest.approx(6.2675)


def test_reserve_above_its_target_is_released_to_cash(
    terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    start = state(reserve=30.0, reserve_target=10.0)
    result = run_series(terms(), start, grid(1), flows(1000.0, [(5.25, 0.0, 0.0, 0.0, 20.0)]))
    assert result.reserve[0, 0] == 10.0
    assert result.purchases[0, 0] == 20.0


def test_reserve_pays_notes_at_the_legal_end(
    terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    spec = terms(revolving_periods=0, amortising_periods=2)
    start = state(last_revolving=0, reserve=20.0, reserve_target=20.0)
    rows = [(5.25, 100.0, 0.0, 0.0, 0.0), (4.75, 100.0, 0.0, 0.0, 0.0)]
    result = run_series(spec, start, grid(2), flows(1000.0, rows))
    # 100 in period 1; 100 + 20 of the reserve in period 2, with nothing for the mezzanine
    np.testing.assert_allclose(result.principal_paid[0, 0], [100.0, 120.0])
    assert result.legal_end == 2
    np.testing.assert_allclose(result.shortfall[0], [530.0, 150.0])
    assert not result.paid_in_full.any()


def test_shortfall_is_unknown_while_the_legal_end_lies_beyond_the_grid(
    terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    result = run_series(terms(), state(), grid(1), flows(1000.0, [(20.0, 0.0, 0.0, 0.0, 0.0)]))
    assert np.isnan(result.shortfall).all()


def test_coupon_accrues_while_revolving_and_is_paid_at_first_amortisation(
    terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    """500m, 75/15/10, 6.2% and 11%: accrued for 12 months, paid with month 13's.

    Senior 375m x 6.2% x 13/12 = 25,187,500; mezzanine 75m x 11% x 13/12 = 8,937,500.
    """
    spec = terms(
        tranches=(
            {"name": "senior", "share": 0.75, "coupon": 0.062},
            {"name": "mezzanine", "share": 0.15, "coupon": 0.11},
            {"name": "junior", "share": 0.10, "retained": True},
        ),
        revolving_periods=12,
        coupon_timing="accrued_while_revolving",
    )
    start = state(
        last_revolving=12,
        notes=np.array([375e6, 75e6]),
        pool=500e6,
        pool_at_closing=500e6,
    )
    revolve = [(7.5e6, 340e6, 0.0, 0.0, 347.5e6)] * 12
    amortise = [(7.5e6, 340e6, 0.0, 0.0, 0.0), (3.75e6, 200e6, 0.0, 0.0, 0.0)]
    result = run_series(spec, start, grid(14), flows(500e6, [*revolve, *amortise]))
    assert (result.interest_paid[0, :, :12] == 0.0).all()
    assert (result.interest_due[0, :, :12] == 0.0).all()
    np.testing.assert_allclose(result.accrued[0, :, 11], [23_250_000.0, 8_250_000.0])
    np.testing.assert_allclose(result.interest_paid[0, :, 12], [25_187_500.0, 8_937_500.0])
    assert (result.accrued[0, :, 12] == 0.0).all()
    assert result.principal_paid[0, 0, 12] == pytest.approx(347.5e6 - 34_125_000.0)
    # month 14: a month's coupon on what is left of the senior
    left = 375e6 - 313_375_000.0
    assert result.interest_paid[0, 0, 13] == pytest.approx(left * 0.062 / 12)


def test_closing_is_paid_for_by_notes_and_the_company(
    terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    spec = terms(reserve_rate=0.02, issue_cost_rate=0.01)
    start = state(closing_period=2, last_revolving=5, reserve_target=18.0, pool=0.0)
    rows = [
        (0.0, 0.0, 0.0, 0.0, 0.0),
        (0.0, 0.0, 0.0, 0.0, 1000.0),
        (20.0, 300.0, 0.0, 0.0, 300.0),
    ]
    loans = flows(0.0, rows)
    result = run_series(spec, start, grid(3), loans)
    assert result.phase[0].tolist() == [BEFORE, REVOLVING, REVOLVING]
    assert result.issued[0].tolist() == [0.0, 900.0, 0.0]
    assert result.issue_cost[0].tolist() == [0.0, 9.0, 0.0]
    # 1000 of loans + 18 of reserve + 9 of cost, less 900 of notes
    np.testing.assert_allclose(result.contribution[0], [0.0, 127.0, 0.0])
    assert result.balance[0, :, 0].tolist() == [0.0, 0.0]
    assert result.balance[0, :, 1].tolist() == [750.0, 150.0]
    np.testing.assert_allclose(result.cash[0], [0.0, 0.0, 14.75])

    generous = run_series(spec, replace(start, contribution=130.0), grid(3), loans)
    np.testing.assert_allclose(generous.cash[0], [0.0, 3.0, 17.75])


def test_idle_cash_earns_its_yield(terms: Terms, state: State, flows: Flows, grid: Grid) -> None:
    start = state(cash=100.0, reserve=20.0, reserve_target=20.0)
    result = run_series(
        terms(cash_yield=0.03), start, grid(1), flows(1000.0, [(5.25, 0.0, 0.0, 0.0, 0.0)])
    )
    assert result.cash_interest[0, 0] == pytest.approx(120.0 * 0.03 / 12)
    assert result.cash[0, 0] == pytest.approx(100.3)


def test_deal_that_cannot_pay_its_fees_runs_and_shows_it(
    terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    spec = terms(senior_fee_rate=0.012, servicing_fee_rate=0.024, amortising_periods=1)
    rows = [(0.6, 0.0, 0.0, 0.0, 0.0)] * 4
    result = run_series(spec, state(), grid(4), flows(1000.0, rows))
    # a fee of 1 a month, of which 0.6 are paid: what is unpaid stays owed
    np.testing.assert_allclose(result.short("senior fee")[0], [0.4, 0.8, 1.2, 1.6])
    assert (result.servicing_fee == 0.0).all()
    np.testing.assert_allclose(result.short("interest senior")[0], [3.75, 7.5, 11.25, 15.0])
    np.testing.assert_allclose(result.shortfall[0], [765.0, 156.0])


def test_given_pool_must_roll_forward(terms: Terms, state: State, flows: Flows, grid: Grid) -> None:
    loans = flows(1000.0, [(5.0, 300.0, 0.0, 0.0, 0.0)] * 3)
    loans.pool[0, 2] += 0.01
    with pytest.raises(InvariantError, match=r"series-1, period 2, scenario base.*0\.01"):
        run_series(terms(), state(), grid(3), loans)
    with pytest.raises(InvariantError, match=r"period 0.*-10\.0"):
        run_series(terms(), state(pool=1010.0), grid(1), flows(1000.0, [(0.0,) * 5]))
    with pytest.raises(InvariantError, match="shape"):
        run_series(terms(), state(), grid(2), flows(1000.0, [(0.0,) * 5]))
    with pytest.raises(InvariantError, match="negative"):
        run_series(terms(), state(), grid(1), flows(1000.0, [(-1.0, 0.0, 0.0, 0.0, 0.0)]))


def test_a_cent_that_is_lost_is_caught(
    monkeypatch: pytest.MonkeyPatch, terms: Terms, state: State, flows: Flows, grid: Grid
) -> None:
    def leaks(book: Book, step: Step, assets: Assets, active: BoolArray) -> Paid:
        book.cash[0] -= 0.01
        return pay(book, step, assets, active)

    monkeypatch.setattr(engine, "pay", leaks)
    said = r"deal series-1, period 1, scenario base: cash unaccounted for: 0\.0\d"
    with pytest.raises(InvariantError, match=said):
        run_series(terms(), state(), grid(1), flows(1000.0, [(20.0, 300.0, 0.0, 0.0, 0.0)]))
