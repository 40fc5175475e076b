"""Outages: late, nothing lost; and what a failed core enterprise takes at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.axes import BULLET, LEVEL_PAYMENT, ORDER
from scfcap.cashflow.cohorts import NewLoans, cohort_factors, project_cohort
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.outage import hold_back
from scfcap.cashflow.project import project
from scfcap.credit.curves import CurveSet
from scfcap.pool.snapshot import Pool
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

MakeCurves = Callable[..., CurveSet]
MakePool = Callable[..., Pool]
RISKY = SegmentCredit(cdr=0.2, cpr=0.3, severity=0.4, recovery_lag=2)
LATE = {"kind": "outage", "days": 10, "from_period": 2}


def scenarios(*shocks: dict[str, Any]) -> dict[str, Scenario]:
    return {"base": Scenario(), "late": Scenario.model_validate({"shocks": shocks})}


def pool_of(make_pool: MakePool) -> Pool:
    return make_pool(
        balance=[100.0, 250.0, 80.0],
        loan_type=[LEVEL_PAYMENT, BULLET, ORDER],
        maturity_day=[340, 50, 75],
        origination_day=[-20, -10, -5],
    )


def test_a_third_of_february_comes_in_march(make_pool: MakePool, make_curves: MakeCurves) -> None:
    flows = project(pool_of(make_pool), make_curves(24, scenarios=scenarios(LATE), a=RISKY)).flows
    moved = 10 / 28
    for name in ("scheduled", "prepaid", "interest", "recovery"):
        calm, late = getattr(flows, name)[:, 0]
        np.testing.assert_allclose(late[[0, 3, 4]], calm[[0, 3, 4]], err_msg=name)
        assert late[1] == pytest.approx((1 - moved) * calm[1])
        assert late[2] == pytest.approx(calm[2] + moved * calm[1])
        assert late.sum() == pytest.approx(calm.sum(), rel=1e-14)
    under_way = moved * (flows.scheduled + flows.prepaid)[0, 0, 1]
    assert (flows.closing[1] - flows.closing[0])[0, 1] == pytest.approx(under_way)
    assert (flows.default[0] == flows.default[1]).all()
    assert (flows.loss[0] == flows.loss[1]).all()


@given(
    days=st.lists(st.tuples(st.integers(1, 90), st.integers(1, 6)), max_size=4),
    lag=st.integers(0, 4),
)
def test_any_outages_lose_nothing(
    make_pool: MakePool, make_curves: MakeCurves, days: list[tuple[int, int]], lag: int
) -> None:
    shocks = [{"kind": "outage", "days": n, "from_period": t} for n, t in days]
    credit = RISKY.model_copy(update={"recovery_lag": lag})
    curves = make_curves(24, scenarios=scenarios(*shocks), a=credit)
    flows = project(pool_of(make_pool), curves).flows  # ties are checked there
    for name in ("scheduled", "prepaid", "interest", "recovery", "default", "loss"):
        calm, late = getattr(flows, name)[:, 0]
        assert late.sum() == pytest.approx(calm.sum(), rel=1e-12, abs=1e-12), name
        assert (np.cumsum(late) <= np.cumsum(calm) + 1e-9).all()
        assert (late >= 0.0).all()
    assert (flows.closing[1] >= flows.closing[0] - 1e-9).all()


def test_what_the_last_period_holds_back_stands_at_its_close(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    shock = {"kind": "outage", "days": 31, "from_period": 3}
    flows = project(pool_of(make_pool), make_curves(3, scenarios=scenarios(shock), a=RISKY)).flows
    assert (flows.scheduled + flows.prepaid)[1, 0, 2] == 0.0
    assert flows.recovery[1, 0, 2] == 0.0
    held = (flows.scheduled + flows.prepaid)[0, 0, 2]
    assert flows.closing[1, 0, 2] == pytest.approx(flows.closing[0, 0, 2] + held)
    late = flows.receivable[0, 0, 2] + flows.recovery[0, 0, 2]
    assert flows.receivable[1, 0, 2] == pytest.approx(late)


def test_a_period_held_back_whole_holds_what_came_before() -> None:
    due = np.array([10.0, 20.0, 30.0, 0.0])
    arrived, waiting = hold_back(due, np.array([0.5, 1.0, 0.1, 0.0]))
    assert arrived.tolist() == [5.0, 0.0, 27.0 + 25.0, 3.0]
    assert waiting.tolist() == [5.0, 25.0, 3.0, 0.0]


def test_nothing_held_back_changes_no_bit(make_pool: MakePool, make_curves: MakeCurves) -> None:
    plain = project(pool_of(make_pool), make_curves(12, a=RISKY)).flows
    both = project(pool_of(make_pool), make_curves(12, scenarios=scenarios(LATE), a=RISKY)).flows
    for field in fields(Flows):
        if field.name != "originated":
            one, other = getattr(plain, field.name)[0], getattr(both, field.name)[0]
            assert one.tobytes() == other.tobytes(), field.name


def test_cohorts_are_held_back_as_loans_are(make_pool: MakePool, make_curves: MakeCurves) -> None:
    curves = make_curves(24, scenarios=scenarios(LATE), a=RISKY)
    new = NewLoans(np.ones(1), np.full(1, 0.2), np.full(1, BULLET), np.full(1, 45))
    factors = cohort_factors(pool_of(make_pool), curves, {"a": new}, 4)
    alone = project_cohort(new, 0, 2, 1.0, curves)
    j = int(np.flatnonzero(factors.vintage == 2)[0])
    np.testing.assert_allclose(factors.repaid[:, j], (alone.scheduled + alone.prepaid)[:, 0])
    np.testing.assert_allclose(factors.performing[:, j, 1:], alone.closing[:, 0])


def struck_curves(make_curves: MakeCurves, **changes: float) -> CurveSet:
    """Curves whose second scenario loses a quarter of the loans in period 2."""
    curves = make_curves(24, scenarios=scenarios(), a=RISKY)
    stress = curves.stress
    stress.unpaid[1, 0, 1] = 0.25
    stress.unpaid_recovery[1, 0, 1] = changes.get("recovery", 0.6)
    stress.unpaid_lag[1, 0, 1] = int(changes.get("lag", 5))
    return curves.under(stress)


def test_a_blow_takes_its_share_before_all_else(
    make_pool: MakePool, make_curves: MakeCurves
) -> None:
    flows = project(pool_of(make_pool), struck_curves(make_curves)).flows
    calm, hit = flows.opening[:, 0, 1]
    assert calm == hit
    assert flows.struck[1, 0, 1] == pytest.approx(0.25 * hit)
    for name in ("scheduled", "prepaid", "interest", "closing"):
        np.testing.assert_allclose(
            getattr(flows, name)[1, 0, 1:], 0.75 * getattr(flows, name)[0, 0, 1:], err_msg=name
        )
    ordinary = flows.default[1, 0] - flows.struck[1, 0]
    np.testing.assert_allclose(ordinary[1:], 0.75 * flows.default[0, 0, 1:])
    # 60% of the blow comes back five periods later; the rest as the segment's.
    extra = flows.recovery[1, 0, 6] - 0.75 * flows.recovery[0, 0, 6]
    assert extra == pytest.approx(0.6 * 0.25 * hit)
    assert flows.loss[1, 0, 1] == pytest.approx(0.4 * ordinary[1] + 0.4 * 0.25 * hit)


def test_a_blow_spares_loans_made_in_its_period(make_curves: MakeCurves) -> None:
    curves = struck_curves(make_curves)
    new = NewLoans(np.ones(1), np.full(1, 0.2), np.full(1, BULLET), np.full(1, 120))
    after = project_cohort(new, 0, 2, 100.0, curves)
    assert after.struck[1].sum() == 0.0
    before = project_cohort(new, 0, 1, 100.0, curves)
    assert before.struck[1, 0, 1] == pytest.approx(0.25 * before.opening[1, 0, 1])


def test_a_blow_and_an_outage_tie_together(make_pool: MakePool, make_curves: MakeCurves) -> None:
    curves = struck_curves(make_curves)
    stress = replace(curves.stress, held=np.full((2, 24), 0.3))
    flows = project(pool_of(make_pool), curves.under(stress)).flows
    assert flows.gap().max() < 1e-10
