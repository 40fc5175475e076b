"""The lock-box of orders: shared out order by order in plain words, and nothing created or lost."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from scfcap.axes import BULLET, ORDER
from scfcap.cashflow.cohorts import NewLoans, cohort_factors, project_cohort
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.orders import (
    LockBox,
    NewOrders,
    new_orders,
    on_the_day,
    paid_by_any,
    project_orders,
)
from scfcap.cashflow.project import opening_loans, project, without_orders
from scfcap.credit.buyers import Buyers, Settlements, estimate_buyers
from scfcap.credit.exposure import measure
from scfcap.credit.stress import compile_scenarios
from scfcap.errors import InputError, InvariantError
from scfcap.periods import PeriodGrid
from scfcap.pool.digests import combined
from scfcap.pool.payers import Payers
from scfcap.pool.snapshot import Pool
from scfcap.pool.store import read_snapshot, write_snapshot
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.orders import OrdersSpec
from scfcap.schema.scenario import CoreFailure, Scenario

SAFE = SegmentCredit(cdr=0.0, severity=0.5)


def paid_by(pool: Pool, pay_day: Any, **columns: Any) -> Pool:
    """The pool with its orders paid by buyers; what is not stated is plain."""
    row = np.flatnonzero(pool.loan_type == ORDER)
    days = np.asarray(pay_day, dtype=np.int64)

    def spread(values: Any) -> Any:
        whole = np.zeros(len(pool))
        whole[row] = values
        return whole

    on_days = np.zeros((len(pool), days.shape[1]), dtype=np.int64)
    on_days[row] = days
    return replace(
        pool,
        payers=Payers(
            amount=spread(columns.get("amount", pool.balance[row] / 0.8)),
            dilution=spread(columns.get("dilution", 0.0)),
            pay_day=on_days,
            fee=columns.get("fee", 0.0),
            recourse=columns.get("recourse", 0.0),
        ),
    )


def by_day(box: LockBox, name: str, scenario: int = 0, segment: int = 0) -> list[float]:
    return [float(x) for x in getattr(box, name)[scenario, segment]]


class TestOneOrder:
    """80 lent at 36.5% (0.08 a day) 20 days ago on an order over 100; fee 1."""

    @pytest.fixture
    def pool(self, make_pool: Callable[..., Pool]) -> Pool:
        return make_pool(
            balance=[80.0], loan_type=ORDER, rate=0.365, origination_day=-20, maturity_day=10
        )

    def run(self, pool: Pool, make_curves: Any, pay_day: Any, **columns: Any) -> LockBox:
        curves = make_curves(60, "day", a=columns.pop("credit", SAFE))
        return project_orders(paid_by(pool, pay_day, **columns), curves).lock_box

    def test_the_loan_comes_first_and_the_seller_gets_the_rest(self, pool, make_curves) -> None:
        box = self.run(pool, make_curves, [[15]], fee=0.01)
        day = 14
        assert by_day(box, "received")[day] == pytest.approx(100.0)
        assert by_day(box, "fees")[day] == pytest.approx(1.0)
        # 0.08 a day over the 35 days from the order to its payment.
        assert by_day(box, "interest")[day] == pytest.approx(80 * 0.365 * 35 / 365)
        assert by_day(box, "principal")[day] == pytest.approx(80.0)
        assert by_day(box, "surplus")[day] == pytest.approx(100 - 1 - 2.8 - 80)
        assert sum(by_day(box, "received")) == pytest.approx(100.0)
        assert by_day(box, "outstanding")[day - 1 : day + 1] == pytest.approx([100.0, 0.0])

    def test_parts_come_on_their_own_days(self, pool, make_curves) -> None:
        box = self.run(pool, make_curves, [[1, 15, 15, 40]])
        received = by_day(box, "received")
        assert (received[0], received[14], received[39]) == pytest.approx((25.0, 50.0, 25.0))
        assert by_day(box, "interest")[39] == pytest.approx(20 * 0.365 * 60 / 365)

    def test_dilution_eats_the_surplus_before_the_loan(self, pool, make_curves) -> None:
        box = self.run(pool, make_curves, [[15]], fee=0.01, dilution=0.15)
        assert by_day(box, "surplus")[14] == pytest.approx(85 - 1 - 2.8 - 80)
        assert box.lost.sum() == 0.0

    def test_without_recourse_a_shortfall_is_lost(self, pool, make_curves) -> None:
        box = self.run(pool, make_curves, [[15]], fee=0.01, dilution=0.30)
        assert by_day(box, "principal")[14] == pytest.approx(70 - 1 - 2.8)
        assert by_day(box, "lost")[14] == pytest.approx(80 - 66.2)
        assert by_day(box, "surplus")[14] == 0.0

    def test_a_seller_makes_good_its_share(self, pool, make_curves) -> None:
        box = self.run(pool, make_curves, [[15]], fee=0.01, dilution=0.30, recourse=0.75)
        assert by_day(box, "recourse")[14] == pytest.approx(0.75 * 13.8)
        assert by_day(box, "lost")[14] == pytest.approx(0.25 * 13.8)
        assert by_day(box, "principal")[14] == pytest.approx(80 - 0.25 * 13.8)

    def test_interest_and_fees_may_be_forgone_too(self, pool, make_curves) -> None:
        box = self.run(pool, make_curves, [[15]], fee=0.01, dilution=0.98)
        assert (by_day(box, "fees")[14], by_day(box, "interest")[14]) == pytest.approx((1.0, 1.0))
        assert by_day(box, "forgone")[14] == pytest.approx(1.8)
        assert by_day(box, "lost")[14] == pytest.approx(80.0)

    def test_a_buyer_that_fails_pays_nothing_and_the_loan_defaults(self, pool, make_curves) -> None:
        """At an even hazard over the 35 days that the order stands, 15 of them are still ahead."""
        credit = SegmentCredit(lifetime_default=0.1, severity=0.4, recovery_lag=3)
        box = self.run(pool, make_curves, [[15]], credit=credit)
        alive = 0.9 ** (15 / 35)
        assert by_day(box, "received")[14] == pytest.approx(100 * alive)
        assert box.unpaid.sum() == pytest.approx(100 * (1 - alive))
        assert box.recovered.sum() == pytest.approx(0.6 * 80 * (1 - alive))
        assert by_day(box, "recovered")[:3] == [0.0, 0.0, 0.0]


class TestPool:
    """Orders beside other loans, in several segments and scenarios."""

    @pytest.fixture
    def pool(self, make_pool: Callable[..., Pool]) -> Pool:
        rng = np.random.default_rng(8)
        count = 60
        made = -rng.integers(0, 60, count)
        pool = make_pool(
            segments=("a", "b"),
            segment=np.arange(count) % 2,
            balance=rng.uniform(10, 100, count),
            loan_type=np.where(np.arange(count) % 3 == 0, BULLET, ORDER),
            rate=0.2,
            origination_day=made,
            maturity_day=made + rng.integers(10, 90, count),
            days_past_due=np.where(np.arange(count) == 4, 100, 0),
        )
        orders = int((pool.loan_type == ORDER).sum())
        return paid_by(
            pool,
            rng.integers(1, 200, (orders, 4)),
            dilution=rng.choice([0.0, 0.05, 0.3, 1.0], orders),
            fee=0.01,
            recourse=0.4,
        )

    @pytest.fixture
    def curves(self, make_curves: Any) -> Any:
        scenarios = {"base": Scenario(), "worse": Scenario(default_multiple=4.0, severity_add=0.2)}
        return make_curves(
            12,
            scenarios=scenarios,
            a=SegmentCredit(lifetime_default=0.02, severity=0.5, recovery_lag=2),
            b=SegmentCredit(cdr=0.1, severity=0.7),
        )

    def test_the_whole_pool_is_there(self, pool, curves) -> None:
        flows = project_orders(pool, curves).cashflow.flows
        held = np.bincount(pool.segment, pool.balance)
        assert flows.opening[:, :, 0] == pytest.approx(np.tile(held, (2, 1)))
        assert np.abs(flows.gap()).max() < 1e-9 * pool.total

    def test_what_comes_in_goes_out(self, pool, curves) -> None:
        box = project_orders(pool, curves).lock_box
        into = box.received + box.recourse + box.recovered
        assert into == pytest.approx(box.to_loans + box.surplus, rel=1e-12, abs=1e-9)
        assert min(getattr(box, f.name).min() for f in fields(LockBox)) >= 0.0

    def test_the_order_is_paid_unpaid_or_still_to_come(self, pool, curves) -> None:
        box = project_orders(pool, curves).lock_box
        payers = pool.payers
        owed = np.bincount(pool.segment, payers.amount * (1 - payers.dilution), minlength=2)
        paid = (box.received + box.unpaid).cumsum(axis=2) + box.outstanding
        assert paid == pytest.approx(np.broadcast_to(owed[None, :, None], paid.shape))

    def test_loans_get_what_the_box_pays_them(self, pool, curves) -> None:
        whole = project_orders(pool, curves)
        others = project(without_orders(pool), curves).flows
        flows, box = whole.cashflow.flows, whole.lock_box
        assert flows.scheduled - others.scheduled == pytest.approx(box.principal, abs=1e-9)
        assert flows.interest - others.interest == pytest.approx(box.interest, abs=1e-9)
        assert flows.fees == pytest.approx(box.fees, abs=1e-9)
        assert flows.recovery - others.recovery == pytest.approx(box.recovered, abs=1e-9)
        assert (flows.default - others.default >= box.lost - 1e-9).all()

    def test_without_dilution_and_fees_other_stations_see_the_same(self, pool, curves) -> None:
        none = np.zeros(len(pool))
        plain = replace(pool, payers=replace(pool.payers, dilution=none, fee=0.0))
        loans = opening_loans(plain, curves, pool.segment)
        expected = run_kernel(loans, curves, 2)
        found = project(plain, curves).flows
        for f in fields(found):
            assert getattr(found, f.name) == pytest.approx(getattr(expected, f.name), abs=1e-9)

    def test_the_factors_of_a_plan_are_the_flows_of_the_lock_box(self, pool, curves) -> None:
        flows = project_orders(pool, curves).cashflow.flows
        factors = cohort_factors(pool, curves, {}, 3)
        by_name = {
            "interest": flows.interest + flows.fees,
            "repaid": flows.scheduled + flows.prepaid,
            **{name: getattr(flows, name) for name in ("default", "recovery", "loss")},
        }
        for name, expected in by_name.items():
            paid = getattr(factors, name) * factors.amount[None, :, None]
            for s in range(2):
                found = paid[:, factors.segment == s].sum(axis=1)
                assert found == pytest.approx(expected[:, s], abs=1e-9)

    def test_overdue_for_long_means_default_at_once(self, pool, curves) -> None:
        box = project_orders(pool, curves).lock_box
        owed = pool.payers.amount[4] * (1 - pool.payers.dilution[4])
        assert box.unpaid[0, 0, 0] >= owed * (1 - 1e-9)

    def test_more_default_never_brings_more_money(self, pool, curves) -> None:
        box = project_orders(pool, curves).lock_box
        total = (box.to_loans + box.surplus).sum(axis=(1, 2))
        assert total[1] < total[0]

    def test_blocks_change_nothing(self, pool, curves, monkeypatch) -> None:
        whole = project_orders(pool, curves)
        monkeypatch.setattr("scfcap.cashflow.orders._BLOCK", 7)
        parts = project_orders(pool, curves)
        for f in fields(LockBox):
            assert getattr(whole.lock_box, f.name) == pytest.approx(
                getattr(parts.lock_box, f.name), abs=1e-9
            )

    def test_the_table_has_a_row_a_period(self, pool, curves) -> None:
        frame = project_orders(pool, curves).to_frame()
        assert len(frame) == 2 * 2 * 12
        box = project_orders(pool, curves).to_frame(["worse"])
        assert box.to_dict("list") == frame[frame["scenario"] == "worse"].to_dict("list")
        into = box["received"] + box["recourse"] + box["recovered"]
        out = box[["fees", "interest", "principal", "recovered", "surplus"]].sum(axis=1)
        assert into.to_numpy() == pytest.approx(out.to_numpy())

    def test_a_box_that_does_not_tie_is_refused(self, pool, curves) -> None:
        box = project_orders(pool, curves).lock_box
        with pytest.raises(InvariantError, match="lock-box, segment 0"):
            replace(box, surplus=box.surplus + 0.01).check()

    @pytest.mark.parametrize(
        ("credit", "said"),
        [
            ({"cdr": 0.1, "cpr": 0.2}, "prepayment"),
            ({"cdr": 0.1, "late_share": 0.1, "late_days": 5}, "late_share"),
        ],
    )
    def test_a_segment_that_says_itself_when_orders_are_paid_is_refused(
        self, pool, make_curves, credit, said
    ) -> None:
        curves = make_curves(a=SegmentCredit(severity=0.5, **credit), b=SAFE)
        with pytest.raises(InputError, match=rf"credit.segments.a: found {said} beside \[orders\]"):
            project_orders(pool, curves)


class TestProperties:
    """Over random books of orders."""

    @staticmethod
    def book(make_pool: Any, seed: int) -> Pool:
        rng = np.random.default_rng(seed)
        count = int(rng.integers(1, 12))
        pool = make_pool(
            balance=rng.uniform(1, 100, count),
            loan_type=ORDER,
            rate=rng.uniform(0, 0.5, count),
            origination_day=-rng.integers(0, 50, count),
            maturity_day=60,
        )
        return paid_by(
            pool,
            rng.integers(1, 300, (count, 3)),
            amount=pool.balance * rng.uniform(0.9, 1.6, count),
            dilution=rng.uniform(0, 0.9, count),
            fee=float(rng.uniform(0, 0.05)),
            recourse=float(rng.uniform(0, 1)),
        )

    @staticmethod
    def box(pool: Pool, make_curves: Any, cdr: float = 0.2) -> LockBox:
        curves = make_curves(12, a=SegmentCredit(cdr=cdr, severity=0.4, recovery_lag=2))
        return project_orders(pool, curves).lock_box

    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 10**6), factor=st.floats(0.01, 1e6))
    def test_twice_the_orders_are_twice_the_money(self, make_pool, make_curves, seed, factor):
        pool = self.book(make_pool, seed)
        payers = replace(pool.payers, amount=pool.payers.amount * factor)
        larger = replace(pool, balance=pool.balance * factor, payers=payers)
        one, other = self.box(pool, make_curves), self.box(larger, make_curves)
        for f in fields(LockBox):
            scaled = getattr(one, f.name) * factor
            assert getattr(other, f.name) == pytest.approx(scaled, rel=1e-9, abs=1e-9 * factor)

    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 10**6), more=st.floats(0, 1))
    def test_more_dilution_is_borne_by_sellers_first(self, make_pool, make_curves, seed, more):
        pool = self.book(make_pool, seed)
        dilution = pool.payers.dilution + more * (1 - pool.payers.dilution)
        worse = replace(pool, payers=replace(pool.payers, dilution=dilution))
        one, other = self.box(pool, make_curves), self.box(worse, make_curves)
        for name, sign in (("received", -1), ("surplus", -1), ("lost", 1), ("recourse", 1)):
            change = sign * (getattr(other, name) - getattr(one, name))
            assert (change >= -1e-9 * pool.total).all(), name

    @settings(max_examples=20, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(seed=st.integers(0, 10**6), cdr=st.floats(0, 0.99))
    def test_more_default_brings_no_more_money(self, make_pool, make_curves, seed, cdr):
        pool = self.book(make_pool, seed)
        calm, worse = self.box(pool, make_curves, 0.0), self.box(pool, make_curves, cdr)
        assert worse.received.sum() <= calm.received.sum() * (1 + 1e-9)
        assert worse.to_loans.sum() <= calm.to_loans.sum() * (1 + 1e-9)


class TestOrderOfEvents:
    """The box ties whatever the order of events; a servicer has no place in it."""

    @pytest.fixture
    def pool(self, make_pool) -> Pool:
        pool = make_pool(
            balance=[80.0, 40.0], loan_type=ORDER, rate=0.1, origination_day=-10, maturity_day=50
        )
        return paid_by(pool, [[40, 70], [50, 90]], dilution=[0.0, 0.4], fee=0.01)

    def test_in_the_bond_market_s(self, pool, make_curves) -> None:
        credit = SegmentCredit(cdr=0.3, severity=0.5, recovery_lag=2)
        curves = replace(make_curves(12, a=credit), order="bma")
        found = project_orders(pool, curves)
        box, flows = found.lock_box, found.cashflow.flows
        owed = float((pool.payers.amount * (1 - pool.payers.dilution)).sum())
        assert box.received.sum() + box.unpaid.sum() == pytest.approx(owed)
        assert flows.loss.sum() + flows.recovery.sum() == pytest.approx(flows.default.sum())
        assert flows.default.sum() + flows.scheduled.sum() == pytest.approx(120.0)

    def test_a_servicer_does_not_pay_for_buyers(self, pool, make_curves) -> None:
        curves = replace(make_curves(12, a=SAFE), servicer_advances=True)
        with pytest.raises(InputError, match=r"projection\.servicer_advances: found true"):
            project_orders(pool, curves)


class TestCoreFailure:
    """A core enterprise fails: its orders stay unpaid, until some of the money comes back."""

    def test_its_orders_are_unpaid(self, make_pool, make_curves) -> None:
        pool = make_pool(
            balance=[80.0, 40.0], loan_type=ORDER, rate=0.0, origination_day=-10, maturity_day=50
        )
        failure = CoreFailure(
            kind="core_failure", core="big", period=2, recovery=0.25, recovery_lag=3
        )
        frame = pd.DataFrame(
            {
                "segment": ["a", "a"],
                "loan_type": ["order", "order"],
                "current_balance": [80.0, 40.0],
                "buyer_id": ["big", "small"],
                "borrower_id": ["x", "y"],
            }
        )
        plain = make_curves(12, a=SAFE)
        stress = compile_scenarios(
            {"fails": Scenario(shocks=(failure,))},
            ("a",),
            PeriodGrid.build(plain.grid.as_of, 12),
            exposures=measure(frame, ("a",)),
        )
        found = project_orders(paid_by(pool, [[50], [50]]), plain.under(stress))
        box, flows = found.lock_box, found.cashflow.flows
        assert by_day(box, "unpaid")[:3] == pytest.approx([0.0, 100.0, 0.0])
        assert by_day(box, "received")[1] == pytest.approx(50.0)
        assert by_day(box, "principal")[1] == pytest.approx(40.0)
        assert by_day(box, "recovered") == pytest.approx([0.0] * 4 + [20.0] + [0.0] * 7)
        assert flows.struck[0, 0, 1] == pytest.approx(80.0)
        assert flows.loss.sum() == pytest.approx(60.0)


class TestOnTheDay:
    @given(
        st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1)
    )
    def test_the_money_is_shared_out_in_full(self, paid, fees, interest, principal, share) -> None:
        claim = tuple(np.array([x]) for x in (fees, interest, principal))
        found = on_the_day(np.array([paid]), claim, share)[:, 0]
        received, to_principal, to_interest, to_fees, surplus, recourse, lost, forgone = found
        size = max(paid, fees + interest + principal, 1.0)
        assert received + recourse == pytest.approx(
            to_principal + to_interest + to_fees + surplus, abs=1e-9 * size
        )
        assert to_principal + lost == pytest.approx(principal, abs=1e-9 * size)
        assert to_interest + to_fees + forgone == pytest.approx(interest + fees, abs=1e-9 * size)
        assert surplus == 0.0 or lost + forgone + recourse <= 1e-9 * size
        assert (found >= -1e-9 * size).all()


def test_loans_of_buyers_stand_beside_the_others(make_pool, make_curves) -> None:
    pool = make_pool(balance=[10.0, 20.0, 30.0], loan_type=[ORDER, BULLET, ORDER], rate=0.1)
    by_buyers = paid_by(pool, [[5, 9], [7, 7]])
    loans = opening_loans(by_buyers, make_curves(a=SAFE), np.arange(3))
    assert loans.balance.tolist() == [20.0, 5.0, 5.0, 15.0, 15.0]
    assert loans.group.tolist() == [1, 0, 0, 2, 2]
    assert loans.maturity_day.tolist() == [365, 5, 9, 7, 7]
    assert loans.accrued[1:] == pytest.approx([0.5 * 5 / 365, 0.5 * 9 / 365, *[1.5 * 7 / 365] * 2])


class TestNewOrders:
    """New orders are paid as any buyer pays."""

    def buyers(self, delays: list[int]) -> Buyers:
        count = len(delays)
        return estimate_buyers(
            Settlements(
                buyer=np.zeros(count, dtype=np.int64),
                delay=np.array(delays),
                settled=np.ones(count, dtype=np.bool_),
                term=np.full(count, 30),
                amount=np.ones(count),
                diluted=np.full(count, np.nan),
            ),
            ("one",),
        )

    def test_each_term_is_that_of_the_buyer(self) -> None:
        new = NewLoans(
            weight=np.array([0.75, 0.25]),
            rate=np.array([0.1, 0.2]),
            loan_type=np.array([ORDER, BULLET]),
            term_days=np.array([20, 40]),
        )
        found = paid_by_any(new, self.buyers([-25, -10, 0, 4]), 3)
        # Of a term of 20 days nothing can be paid 25 days early: -10, 0 and 4 are left.
        assert found.term_days.tolist() == [10, 20, 24, 40, 40, 40]
        assert found.weight == pytest.approx([0.25] * 3 + [0.25 / 3] * 3)
        assert found.loan_type.tolist() == [ORDER] * 3 + [BULLET] * 3
        assert found.rate.tolist() == [0.1] * 3 + [0.2] * 3

    def test_loans_of_other_types_stay(self) -> None:
        ones = np.ones(1)
        new = NewLoans(ones, ones, np.array([BULLET]), np.array([9]))
        assert paid_by_any(new, self.buyers([5]), 4) is new

    def test_a_unit_of_new_orders_and_the_pool_of_them_agree(self, make_pool, make_curves) -> None:
        """The factors of the plan against orders made on the day of the tape, by days."""
        curves = make_curves(40, "day", a=SegmentCredit(lifetime_default=0.05, severity=0.5))
        buyers = self.buyers([-3, 0, 2, 9])
        new = paid_by_any(
            NewLoans(np.ones(1), np.array([0.1]), np.array([ORDER]), np.array([10])), buyers, 4
        )
        unit = project_cohort(new, 0, 1, 100.0, curves)
        pool = make_pool(balance=[100.0], loan_type=ORDER, rate=0.1, maturity_day=10)
        days = 10 + buyers.delays(np.array([-1]), np.array([-10]), 4)
        flows = project(paid_by(pool, days), curves).flows
        # Made at the end of day 1, so all comes a day later.
        for name in ("scheduled", "interest", "default"):
            later = getattr(flows, name)[0, 0, :-1]
            assert getattr(unit, name)[0, 0, 1:] == pytest.approx(later, abs=1e-9)

    @pytest.mark.parametrize("recourse", [0.0, 0.4])
    def test_they_pay_fees_and_lose_by_dilution_like_those_of_the_pool(
        self, make_pool, make_curves, recourse: float
    ) -> None:
        """The same with a fee, where one half of the orders is paid in part only."""
        credit = SegmentCredit(lifetime_default=0.05, severity=0.5, recovery_lag=2)
        curves = make_curves(40, "day", a=credit)
        buyers = self.buyers([-3, 0, 2, 9])
        pool = make_pool(balance=[50.0, 50.0], loan_type=ORDER, rate=0.1, maturity_day=10)
        days = 10 + buyers.delays(np.array([-1, -1]), np.array([-10, -10]), 4)
        pool = paid_by(pool, days, dilution=[0.0, 0.4], fee=0.01, recourse=recourse)
        spec = OrdersSpec(advance_rate=0.8, fee=0.01, recourse=recourse)
        one = NewLoans(np.ones(1), np.array([0.1]), np.array([ORDER]), np.array([10]))
        new = paid_by_any(one, buyers, 4, new_orders(pool, 0, spec, buyers))
        assert new.weight.sum() == pytest.approx(1.0)
        unit = project_cohort(new, 0, 1, 100.0, curves)
        flows = project(pool, curves).flows
        assert flows.fees.sum() > 1.0
        assert flows.loss.sum() > (1.0 - recourse) * 10.0
        for name in ("scheduled", "interest", "fees", "default", "loss", "recovery"):
            later = getattr(flows, name)[0, 0, :-1]
            assert getattr(unit, name)[0, 0, 1:] == pytest.approx(later, abs=1e-9)

    def test_kinds_are_those_of_the_open_orders(self, make_pool) -> None:
        buyers = self.buyers([0])
        pool = make_pool(
            segments=("a", "b"), segment=0, balance=np.full(30, 8.0), loan_type=ORDER, rate=0.1
        )
        dilution = np.linspace(0.0, 0.6, 30)
        pool = paid_by(pool, np.full((30, 1), 9), dilution=dilution)
        spec = OrdersSpec(advance_rate=0.8, fee=0.02, recourse=0.3)
        found = new_orders(pool, 0, spec, buyers)
        assert len(found.weight) == 8
        assert (found.weight * found.pays).sum() == pytest.approx((1.25 * (1 - dilution)).mean())
        assert found.fee == pytest.approx(np.full(8, 0.02 * 1.25))
        # Where none is open: an advance of 80% on what any buyer pays.
        diluted = OrdersSpec(advance_rate=0.8, dilution=0.5, fee=0.02, recourse=0.3)
        none = new_orders(pool, 1, diluted, buyers)
        assert none == NewOrders(np.ones(1), np.array([1.25]), np.array([0.05]), 0.3)


def test_a_pool_without_payers_is_refused(make_pool, make_curves) -> None:
    with pytest.raises(ValueError, match="payers: None"):
        project_orders(make_pool(balance=[1.0]), make_curves(a=SAFE))


def test_payers_are_kept_on_disk(make_pool, tmp_path) -> None:
    pool = make_pool(balance=[10.0, 20.0, 30.0], loan_type=[ORDER, BULLET, ORDER], rate=0.1)
    pool = paid_by(pool, [[5, 9], [7, 7]], dilution=[0.1, 0.2], fee=0.01, recourse=0.5)
    pool = replace(pool, digest=combined({}))
    found = read_snapshot(write_snapshot(pool, tmp_path / "pool.parquet")).payers
    for f in fields(Payers):
        assert np.array_equal(getattr(found, f.name), getattr(pool.payers, f.name))
    assert found.where([2]).pay_day.tolist() == [[7, 7]]
