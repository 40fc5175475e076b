"""Lines on which borrowers draw: plain recursions, closed forms, what must always hold."""

from __future__ import annotations

import math
from dataclasses import fields, replace
from datetime import date

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import REVOLVING_LINE
from scfcap.cashflow.cohorts import cohort_factors
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.project import project
from scfcap.credit.curves import build_curves
from scfcap.daycount import ACT_365
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.pool.payment_days import ONCE
from scfcap.pool.terms import DatedTerms
from scfcap.schema.credit import CreditRule, SegmentCredit
from scfcap.schema.projection import ProjectionSpec
from scfcap.schema.scenario import BorrowerStress, CoreFailure, Outage, Scenario

LINES = {"loan_type": REVOLVING_LINE}
SPEEDS = {"cdr": 0.08, "cpr": 0.4, "severity": 0.5, "recovery_lag": 1}


def _plain(pool, credit, grid, *, held=None, draw_multiple=1.0, default_multiple=1.0):
    """Every line of ``pool`` period by period, in plain steps; nothing is paid late."""
    names = ("opening", "default", "interest", "scheduled", "prepaid", "drawn", "closing")
    found = {name: np.zeros(len(grid)) for name in names}
    for n in range(len(pool)):
        balance, due = float(pool.balance[n]), int(pool.maturity_day[n])
        ratio = 1.0 if pool.limit_ratio is None else float(pool.limit_ratio[n])
        limit = balance if math.isnan(ratio) else balance * ratio
        above = max(balance - limit, 0.0)  # this is never drawn again
        balance -= above
        for p in range(len(grid)):
            begin, end = (int(day) for day in grid.days[p : p + 2])
            last = due <= end
            part = (due - begin) / (end - begin) if last else 1.0
            years = float(grid.year_fractions[p])
            found["opening"][p] += balance + above
            alive = (1.0 - credit.cdr) ** (default_multiple * years * part)
            found["default"][p] += (1.0 - alive) * (balance + above)
            limit, balance, above = limit * alive, balance * alive, above * alive
            found["interest"][p] += (balance + above) * float(pool.rate[n]) * years * part
            if last:
                found["scheduled"][p] += balance + above
                break
            kept = (1.0 - credit.cpr) ** years
            found["prepaid"][p] += (balance + above) * (1.0 - kept)
            balance, above = balance * kept, above * kept
            wanted = draw_multiple * years * (1.0 - (0.0 if held is None else held[p]))
            drawn = (limit - balance) * (1.0 - (1.0 - credit.draw_rate) ** wanted)
            found["drawn"][p] += drawn
            balance += drawn
            found["closing"][p] += balance + above
    return found


def _agree(flows: Flows, found, k=0):
    for name, values in found.items():
        got = getattr(flows, name)[k].sum(axis=0)
        assert got == pytest.approx(values, rel=1e-11, abs=1e-8), name


@pytest.fixture
def pool(make_pool):
    made = make_pool(
        **LINES, balance=[1000.0, 500.0, 800.0, 50.0, 300.0], rate=[0.1, 0.2, 0.15, 0.12, 0.0],
        maturity_day=[400, 95, 31, 2000, 200],
    )  # fmt: skip
    return replace(made, limit_ratio=np.array([1.5, np.nan, 2.0, 40.0, 0.6]))


@pytest.mark.parametrize("frequency", ["month", "week", "day"])
def test_every_line_period_by_period(pool, make_curves, frequency):
    credit = SegmentCredit(**SPEEDS, draw_rate=0.6)
    curves = make_curves({"month": 18, "week": 60, "day": 420}[frequency], frequency, a=credit)
    flows = project(pool, curves).flows
    _agree(flows, _plain(pool, credit, curves.grid))
    assert flows.drawn.sum() > 1000.0


def test_a_line_that_only_draws_fills_up_by_the_rate(make_pool, make_curves):
    balance, limit, rate = 200.0, 1000.0, 0.35
    pool = make_pool(**LINES, balance=[balance], maturity_day=[4000])
    pool = replace(pool, limit_ratio=np.array([limit / balance]))
    curves = make_curves(36, a=SegmentCredit(cdr=0.0, severity=0.0, draw_rate=rate))
    flows = project(pool, curves).flows
    years = np.cumsum(curves.grid.year_fractions)
    expected = limit - (limit - balance) * (1.0 - rate) ** years
    assert flows.closing[0, 0] == pytest.approx(expected, rel=1e-12)
    assert flows.drawn[0, 0].sum() == pytest.approx(expected[-1] - balance, rel=1e-12)
    assert flows.collections[0, 0] == pytest.approx(
        flows.interest[0, 0] - flows.drawn[0, 0], rel=1e-12
    )


def test_what_is_repaid_early_is_drawn_again(make_pool, make_curves):
    """Without a limit on the tape the balance is the limit: it settles where draws and prepayment
    meet, x = d + (1 - d) (1 - s) x.
    """
    pool = make_pool(**LINES, balance=[100.0], maturity_day=[20_000])
    curves = make_curves(400, a=SegmentCredit(cdr=0.0, severity=0.0, cpr=0.5, draw_rate=0.5))
    flows = project(pool, curves).flows
    kept = 0.5 ** (1.0 / 12.0)
    draw = 1.0 - kept
    assert flows.closing[0, 0, -1] == pytest.approx(100.0 * draw / (1.0 - kept**2), rel=1e-9)


def test_only_lines_of_a_segment_that_draws_are_drawn(make_pool, make_curves):
    pool = make_pool(
        ("a", "b"), balance=[100.0] * 3, segment=[0, 1, 0],
        loan_type=[REVOLVING_LINE, REVOLVING_LINE, 0],
    )  # fmt: skip
    pool = replace(pool, limit_ratio=np.array([3.0, 3.0, np.nan]))
    drawing, plain = SegmentCredit(**SPEEDS, draw_rate=0.5), SegmentCredit(**SPEEDS)
    flows = project(pool, make_curves(14, a=drawing, b=plain)).flows
    none = project(pool, make_curves(14, a=plain, b=plain)).flows
    assert flows.drawn[0, 0].sum() > 0.0
    assert not flows.drawn[0, 1].any()
    assert np.array_equal(flows.closing[0, 1], none.closing[0, 1])
    assert flows.opening[0, :, 0].tolist() == [200.0, 100.0]
    alone = project(
        replace(pool, balance=np.array([100.0, 0.0, 0.0])), make_curves(14, a=drawing, b=plain)
    )
    assert alone.flows.drawn[0, 0] == pytest.approx(flows.drawn[0, 0], rel=1e-12)


def test_defaulted_and_overdue_lines_are_not_drawn(make_pool, make_curves):
    pool = make_pool(
        **LINES,
        balance=[100.0, 100.0],
        maturity_day=[900, -5],
        days_past_due=[120, 5],
        origination_day=-60,
    )
    pool = replace(pool, limit_ratio=np.array([3.0, 3.0]))
    flows = project(pool, make_curves(14, a=SegmentCredit(**SPEEDS, draw_rate=0.5))).flows
    assert flows.drawn.sum() == 0.0
    assert flows.default[0, 0, 0] > 100.0


def test_nothing_is_drawn_of_what_pays_late_after_its_maturity(make_pool, make_curves):
    pool = make_pool(**LINES, balance=[100.0], maturity_day=[100])
    pool = replace(pool, limit_ratio=np.array([2.0]))
    flat = {"cdr": 0.0, "severity": 0.0, "draw_rate": 0.5}
    late = SegmentCredit(**flat, late_share=0.25, late_days=60)
    flows = project(pool, make_curves(12, a=late)).flows
    usual = project(pool, make_curves(12, a=SegmentCredit(**flat))).flows
    assert flows.drawn == pytest.approx(usual.drawn, rel=1e-12)
    assert np.flatnonzero(flows.drawn[0, 0]).tolist() == [0, 1, 2]
    stands = usual.scheduled[0, 0, 3]
    assert flows.scheduled[0, 0, 3:6] == pytest.approx([0.75 * stands, 0.0, 0.25 * stands])


def test_a_scenario_multiplies_draws(pool, make_curves):
    credit = SegmentCredit(**SPEEDS, draw_rate=0.3)
    run = BorrowerStress(kind="borrower_stress", draw_multiple=2.0, segments=("a",))
    scenarios = {
        "base": Scenario(),
        "run": Scenario(draw_multiple=1.5, default_multiple=2.0, shocks=(run,)),
        "none": Scenario(draw_multiple=0.0),
    }
    curves = make_curves(14, scenarios=scenarios, a=credit)
    flows = project(pool, curves).flows
    _agree(flows, _plain(pool, credit, curves.grid), 0)
    stressed = _plain(pool, credit, curves.grid, draw_multiple=3.0, default_multiple=2.0)
    _agree(flows, stressed, 1)
    assert not flows.drawn[2].any()
    other = Scenario().and_also(scenarios["run"])
    assert [shock.draw_multiple for shock in other.shocks] == [1.5, 2.0]


def test_an_outage_holds_draws_back(pool, make_curves):
    credit = SegmentCredit(cdr=0.05, severity=0.5, draw_rate=0.6)
    out = Scenario(shocks=(Outage(kind="outage", days=45, from_period=2),))
    curves = make_curves(14, scenarios={"out": out}, a=credit)
    flows = project(pool, curves).flows
    flows.check()
    held = curves.stress.held[0]
    assert held[1] == 1.0
    found = _plain(pool, credit, curves.grid, held=held)
    assert flows.drawn[0, 0] == pytest.approx(found["drawn"], rel=1e-11)
    assert flows.drawn[0, 0, 1] == 0.0


def test_a_core_enterprise_takes_the_undrawn_limit_too(pool, make_curves):
    curves = make_curves(14, a=SegmentCredit(cdr=0.0, severity=1.0, draw_rate=0.6))
    struck = np.zeros_like(curves.struck)
    struck[0, 0, 3] = 0.5
    usual, hit = (project(pool, each).flows for each in (curves, replace(curves, struck=struck)))
    assert hit.drawn[0, 0, :3] == pytest.approx(usual.drawn[0, 0, :3])
    assert hit.drawn[0, 0, 3:] == pytest.approx(0.5 * usual.drawn[0, 0, 3:])
    assert hit.struck[0, 0, 3] == pytest.approx(0.5 * usual.opening[0, 0, 3])
    assert CoreFailure.model_fields["infection"].default == 0.0


def _dated(pool, **terms):
    columns = {name: np.broadcast_to(value, (len(pool),)).copy() for name, value in terms.items()}
    return replace(pool, terms=replace(DatedTerms.none(len(pool)), **columns))


def _paid_days(next_day, every_days, due):
    """Days on which interest is paid, the last one at maturity."""
    days = [next_day]
    while days[-1] < due:
        days.append(days[-1] + every_days)
    return [day for day in days if day < due] + [due]


@pytest.mark.parametrize("every", [7, 20, 90, 1000])
@pytest.mark.parametrize("frequency", ["month", "day"])
def test_interest_between_ends_of_periods_is_that_of_what_is_drawn_day_by_day(
    make_pool, make_curves, every, frequency
):
    """One line whose interest is paid every so many days, act/365, accrued day by day."""
    balance, limit, rate, due, begun, following = 400.0, 1000.0, 0.2, 300, -10, 17
    pool = make_pool(**LINES, balance=[balance], rate=[rate], maturity_day=[due])
    pool = replace(pool, limit_ratio=np.array([limit / balance]))
    pool = _dated(
        pool,
        every_days=every,
        next_day=min(following, due),
        from_day=begun,
        day_count=ACT_365,
        fee=3.0,
    )
    credit = SegmentCredit(cdr=0.1, cpr=0.3, severity=1.0, draw_rate=0.7)
    curves = make_curves(12 if frequency == "month" else 320, frequency, a=credit)
    grid = curves.grid
    flows = project(pool, curves).flows
    paid, fees = np.zeros(len(grid)), np.zeros(len(grid))
    pays, period = _paid_days(following, every, due), 0
    alive, drawn, accrued = 1.0, balance, balance * rate * -begun / 365.0
    pending = pending_fees = 0.0  # paid inside the period, by those who do not default in it
    for day in range(1, due + 1):
        accrued += drawn * rate / 365.0
        if day in pays:
            pending, pending_fees, accrued = pending + accrued, pending_fees + 3.0, 0.0
            fee_of = drawn / balance
            pending_fees = pending_fees - 3.0 + 3.0 * fee_of
        end = int(grid.days[period + 1])
        if day in (end, due):
            years = float(grid.year_fractions[period])
            part = (day - int(grid.days[period])) / (end - int(grid.days[period]))
            alive *= (1.0 - credit.cdr) ** (years * part)
            paid[period] += alive * pending
            fees[period] += alive * pending_fees
            if day < due:
                early = 1.0 - (1.0 - credit.cpr) ** years
                paid[period] += alive * early * accrued
                accrued, drawn = accrued * (1.0 - early), drawn * (1.0 - early)
                drawn += (limit - drawn) * (1.0 - (1.0 - credit.draw_rate) ** years)
            pending, pending_fees, period = 0.0, 0.0, period + 1
    assert flows.interest[0, 0] == pytest.approx(paid, rel=1e-10, abs=1e-10)
    assert flows.fees[0, 0] == pytest.approx(fees, rel=1e-10, abs=1e-10)


def test_lines_that_pay_on_other_days_keep_their_own_credit(make_pool, make_curves):
    """Lines paid in other periods are classes of their own: together they are what each is."""
    count = 4
    pool = make_pool(**LINES, balance=[100.0] * count, maturity_day=[700] * count)
    pool = replace(pool, limit_ratio=np.full(count, 5.0))
    pool = _dated(pool, every_months=3, next_day=[20, 50, 80, 60], anchor=[20, 19, 21, 1])
    curves = make_curves(26, a=SegmentCredit(**SPEEDS, draw_rate=0.7))
    whole = project(pool, curves).flows.interest[0, 0]
    alone = [project(_one(pool, n), curves).flows.interest[0, 0] for n in range(count)]
    assert whole == pytest.approx(sum(alone), rel=1e-12)
    assert (whole >= 0.0).all()


def _one(pool, n):
    from scfcap.cashflow.explain import single

    return single(pool, n)


loans = st.lists(
    st.tuples(
        st.floats(1.0, 1e6), st.one_of(st.just(math.nan), st.floats(0.0, 30.0)),
        st.integers(1, 500), st.floats(0.0, 0.3), st.booleans(),
    ),
    min_size=1, max_size=6,
)  # fmt: skip
behaviours = st.fixed_dictionaries(
    {
        "cdr": st.floats(0.0, 0.9), "cpr": st.floats(0.0, 1.0), "severity": st.floats(0.0, 1.0),
        "draw_rate": st.floats(0.0, 0.999), "late_share": st.floats(0.0, 1.0),
        "late_days": st.integers(0, 80),
    }
)  # fmt: skip


def _drawn_pool(make_pool, rows):
    balance, ratio, due, rate, dated = (list(column) for column in zip(*rows, strict=True))
    pool = make_pool(**LINES, balance=balance, maturity_day=due, rate=rate)
    pool = replace(pool, limit_ratio=np.array(ratio))
    paid = [45 if each else 0 for each in dated]
    return _dated(pool, every_days=paid, next_day=[min(10, day) for day in due], from_day=-5)


@settings(max_examples=60, deadline=None)
@given(rows=loans, told=behaviours)
def test_what_always_holds(make_pool, make_curves, rows, told):
    pool = _drawn_pool(make_pool, rows)
    flows = project(pool, make_curves(20, a=SegmentCredit(**told))).flows  # checked on the way
    for each in fields(Flows):
        values = getattr(flows, each.name)
        assert (values >= -1e-9 * (1.0 + values.max())).all(), each.name
    limit = np.where(np.isnan(pool.limit_ratio), 1.0, pool.limit_ratio) * pool.balance
    most = np.maximum(limit, pool.balance).sum()
    assert (flows.closing <= most * (1.0 + 1e-9)).all()
    gap = flows.opening + flows.drawn - flows.default - flows.scheduled - flows.prepaid
    assert gap == pytest.approx(flows.closing, abs=1e-9 * most)


@settings(max_examples=25, deadline=None)
@given(rows=loans, told=behaviours, factor=st.sampled_from([0.5, 4.0, 1024.0]))
def test_twice_the_lines_draw_twice_as_much(make_pool, make_curves, rows, told, factor):
    pool, curves = _drawn_pool(make_pool, rows), make_curves(20, a=SegmentCredit(**told))
    once = project(pool, curves).flows
    more = project(replace(pool, balance=pool.balance * factor), curves).flows
    for each in fields(Flows):
        expected = getattr(once, each.name) * factor
        assert getattr(more, each.name) == pytest.approx(expected, rel=1e-12, abs=1e-200), each.name


@settings(max_examples=25, deadline=None)
@given(rows=loans, told=behaviours)
def test_without_draws_limits_are_of_no_account(make_pool, make_curves, rows, told):
    pool = _drawn_pool(make_pool, rows)
    curves = make_curves(20, a=SegmentCredit(**{**told, "draw_rate": 0.0}))
    with_limits = project(pool, curves).flows
    without = project(replace(pool, limit_ratio=None), curves).flows
    for each in fields(Flows):
        assert np.array_equal(getattr(with_limits, each.name), getattr(without, each.name))
    assert not with_limits.drawn.any()


def test_draws_need_the_order_survivors(pool, make_curves):
    curves = replace(make_curves(14, a=SegmentCredit(**SPEEDS, draw_rate=0.6)), order="bma")
    with pytest.raises(InputError, match="survivors"):
        project(pool, curves)
    assert ProjectionSpec().order == "survivors"
    assert PeriodGrid.build(pool.as_of, 1).frequency == "month"
    assert ONCE > 0


def test_draws_beside_roll_rates_are_refused(pool, make_curves):
    """From Python too: each of the two kernels would take such a line, and count it twice."""
    curves = make_curves(14, a=SegmentCredit(**SPEEDS, draw_rate=0.6))
    with pytest.raises(InputError, match=r"segments\.a.*matrix knows no draws"):
        project(pool, replace(curves, has_roll_rates=np.array([True])))


def test_a_plan_does_not_fund_draws(make_curves):
    with pytest.raises(InputError, match=r"credit\.segments\.a\.draw_rate.*fund"):
        make_curves(14, a=SegmentCredit(**SPEEDS, draw_rate=(0.0, 0.1) * 7)).planned()
    make_curves(14, a=SegmentCredit(**SPEEDS, draw_rate=(0.0,) * 14)).planned()


def test_factors_of_cohorts_know_no_draws(pool, make_curves):
    """What a deal takes of the curves as they are is refused too, not silently left out."""
    with pytest.raises(InputError, match=r"credit\.segments\.a\.draw_rate.*fund"):
        cohort_factors(pool, make_curves(14, a=SegmentCredit(**SPEEDS, draw_rate=0.6)), {}, 12)


def test_a_rule_that_draws_is_named_once():
    """Segments that only take over the draws of another table are not named for them."""
    plain, drawing = SegmentCredit(**SPEEDS), SegmentCredit(**SPEEDS, draw_rate=0.5)
    rules = [
        CreditRule(name="weak", test="score < 500", draw_rate=0.8),
        CreditRule(name="south", test='region == "S"', severity=0.9),
    ]
    curves = build_curves(
        ("a", "b", "c"),
        {"a": plain, "b": plain, "c": drawing},
        {"base": Scenario()},
        PeriodGrid.build(date(2013, 12, 31), 6),
        rules=rules,
    )
    found = [problem.where for problem in curves.draws_to_fund("the plan does")]
    assert found == [
        f"model.toml: credit.{name}.draw_rate" for name in ("segments.c", "where.weak")
    ]
