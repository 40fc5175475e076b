"""Drivers: each change is its own driver's alone, and together they are the whole change."""

from __future__ import annotations

from dataclasses import fields, replace
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import LOAN_TYPES
from scfcap.cashflow.drivers import CURVE_FIELDS, DRIVERS, Side, alike, substitute
from scfcap.cashflow.project import project
from scfcap.credit.curves import CurveSet
from scfcap.errors import InputError
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import BorrowerStress, Scenario

#: Fields of a curve set that go with the timing, or say only what the others are of.
TIMING = {
    "scenarios", "segments", "grid", "stress", "late_share", "late_days", "ageing", "order",
    "servicer_advances", "late_fee", "indices", "parent",
}  # fmt: skip
CREDIT = SegmentCredit(cdr=0.1, cpr=0.3, severity=0.5, recovery_lag=1)
PLAIN: dict[str, Any] = {
    "balance": [1000.0, 400.0, 600.0],
    "segment": [0, 0, 1],
    "loan_type": [0, 3, 4],
    "rate": [0.1, 0.2, 0.3],
    "origination_day": [-30, -30, -30],
    "maturity_day": [300, 200, 250],
}


@pytest.fixture(scope="module")
def side(make_pool, make_curves):
    def make(
        credit: dict[str, SegmentCredit] | None = None,
        scenario: Scenario | None = None,
        segments: tuple[str, ...] = ("a", "b"),
        periods: int = 15,
        **columns: Any,
    ) -> Side:
        behaviour = dict.fromkeys(segments, CREDIT) | (credit or {})
        scenarios = {"base": scenario or Scenario()}
        pool = make_pool(segments, **{**PLAIN, **columns})
        return Side(pool, make_curves(periods, scenarios=scenarios, **behaviour), behaviour)

    return make


def _effects(a: Side, b: Side, drivers: tuple[str, ...] = DRIVERS) -> dict[str, np.ndarray]:
    """Effect of each driver on cash and loss by segment and period; checks both ends."""
    a, b = alike(a, b, [("base", "base")])
    steps = substitute(a, b, drivers)
    for end, one in ((steps[0], a), (steps[-1], b)):
        own = project(one.pool, one.curves)
        rows = [end.segments.index(name) for name in own.segments]
        for each in fields(own.flows):
            found = getattr(end.flows, each.name)
            expected = getattr(own.flows, each.name)
            if each.name != "originated":
                assert found[:, rows] == pytest.approx(expected, rel=1e-12, abs=1e-9), each.name
                assert found.sum() == pytest.approx(expected.sum())
    whole = [np.stack([_cash(s.flows), s.flows.loss[0]]) for s in steps]
    effects = {d: whole[n + 1] - whole[n] for n, d in enumerate(drivers)}
    assert sum(effects.values()) == pytest.approx(whole[-1] - whole[0], abs=1e-9)
    return effects


def _cash(flows: Any) -> np.ndarray:
    return np.asarray((flows.interest + flows.scheduled + flows.prepaid + flows.recovery)[0])


def _moved(effects: dict[str, np.ndarray]) -> set[str]:
    return {name for name, effect in effects.items() if np.abs(effect).max() > 1e-9}


def _with(**changed: Any) -> dict[str, SegmentCredit]:
    return {"a": SegmentCredit(**{**CREDIT.model_dump(), **changed})}


def _stress(**changed: Any) -> Scenario:
    return Scenario(shocks=(BorrowerStress(kind="borrower_stress", from_period=2, **changed),))


@pytest.mark.parametrize(
    ("driver", "changed"),
    [
        ("balance", {"balance": [2000.0, 800.0, 600.0]}),
        ("rate", {"rate": [0.12, 0.24, 0.3]}),
        ("default", {"credit": _with(cdr=0.2)}),
        ("default", {"credit": _with(cdr=None, lifetime_default=0.05)}),
        ("default", {"credit": _with(cdr=tuple(0.01 * n for n in range(1, 16)))}),
        ("default", {"credit": _with(cdr=None, sda=300.0)}),
        ("default", {"scenario": Scenario(default_multiple=3.0)}),
        ("recovery", {"credit": _with(severity=0.7)}),
        ("recovery", {"credit": _with(recovery_lag=0, recovery_curve=(0.2, 0.3, 0.5))}),
        ("recovery", {"scenario": _stress(severity_add=0.2)}),
        ("prepayment", {"credit": _with(cpr=0.1)}),
        ("prepayment", {"credit": _with(cpr=0.0, psa=500.0)}),
        ("prepayment", {"scenario": _stress(prepay_multiple=0.5)}),
        ("timing", {"maturity_day": [200, 200, 250]}),
        ("timing", {"loan_type": [1, 3, 4]}),
        ("timing", {"days_past_due": [0, 100, 0]}),
        ("timing", {"credit": _with(late_share=0.2, late_days=20)}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_one_change_moves_one_driver(side, driver, changed):
    for drivers in (DRIVERS, DRIVERS[::-1]):
        assert _moved(_effects(side(), side(**changed), drivers)) == {driver}
        assert _moved(_effects(side(**changed), side(), drivers)) == {driver}


def test_from_rates_to_a_matrix_in_another_order(side):
    """The matrix prepays too, so that what rates said of prepayment falls to its own driver."""
    rolls = np.diag([0.9, 0.5, 0.5, 0.5, 0.4, 1.0, 1.0])
    rolls[0, 1] = rolls[1, 2] = rolls[2, 3] = rolls[3, 4] = 0.1
    rolls[1:4, 0], rolls[4, 5] = 0.4, 0.6
    matrix = SegmentCredit(roll_rates=tuple(map(tuple, rolls.tolist())), severity=0.5)
    a, b = side(), side(credit={"a": matrix})
    bma = replace(b, curves=replace(b.curves, order="bma", servicer_advances=True))
    for drivers in (DRIVERS, DRIVERS[::-1]):
        assert _moved(_effects(a, b, drivers)) <= {"default", "recovery", "prepayment", "timing"}
        assert "default" in _moved(_effects(a, b, drivers))
        assert _moved(_effects(b, bma, drivers)) == {"timing"}


def test_nothing_changed_moves_nothing(side):
    assert _moved(_effects(side(), side())) == set()


def test_a_twofold_balance_is_twofold_cash(side):
    a, b = side(), side(balance=[2000.0, 800.0, 1200.0])
    effects = _effects(a, b)
    assert effects["balance"][0] == pytest.approx(_cash(project(a.pool, a.curves).flows))


def test_segments_that_come_and_go_are_balance(side, make_pool, make_curves):
    a = side()
    behaviour = {"a": CREDIT, "c": _with(cdr=0.4)["a"]}
    pool = make_pool(("a", "c"), **{**PLAIN, "rate": [0.1, 0.2, 0.5]})
    b = Side(pool, make_curves(15, **behaviour), behaviour)
    effects = _effects(a, b)
    assert _moved(effects) == {"balance"}
    # segments are a, b, c
    assert (effects["balance"][0, 0] == 0.0).all()
    assert effects["balance"][0, 1] == pytest.approx(-_cash(project(a.pool, a.curves).flows)[1])
    assert effects["balance"][0, 2] == pytest.approx(_cash(project(b.pool, b.curves).flows)[1])
    assert _moved(_effects(a, b, DRIVERS[::-1])) == {"balance"}


def test_two_changes_together_fall_to_the_later(side):
    a, b = side(), side(balance=[2000.0, 400.0, 600.0], credit=_with(cpr=0.1))
    forth, back = _effects(a, b), _effects(a, b, DRIVERS[::-1])
    # within a segment the mix of loans changes too, and with it the average rate
    assert _moved(forth) == _moved(back) == {"balance", "rate", "prepayment", "timing"}
    assert np.abs(forth["prepayment"]).sum() > np.abs(back["prepayment"]).sum()


@settings(max_examples=25)
@given(
    balance=st.lists(st.floats(1.0, 1e6), min_size=3, max_size=3),
    rate=st.lists(st.floats(0.0, 0.5), min_size=3, max_size=3),
    rates=st.tuples(st.floats(0.0, 0.9), st.floats(0.0, 0.9), st.floats(0.0, 1.0)),
    days=st.lists(st.integers(-20, 500), min_size=3, max_size=3),
    kinds=st.lists(st.integers(0, len(LOAN_TYPES) - 1), min_size=3, max_size=3),
    drivers=st.permutations(DRIVERS),
)
def test_whatever_changes_the_effects_add_up(side, balance, rate, rates, days, kinds, drivers):
    credit = _with(cdr=rates[0], cpr=rates[1], severity=rates[2])
    b = side(
        credit=credit, balance=balance, rate=rate, maturity_day=days, loan_type=kinds, periods=12
    )
    _effects(side(), b, tuple(drivers))


def test_periods_that_only_one_covers_are_left_out(side):
    a, b = alike(side(periods=9), side(periods=15), [("base", "base")])
    assert len(a.curves.grid) == len(b.curves.grid) == 9
    assert b.curves.default_intensity.shape[2] == 9


def test_what_cannot_be_compared_is_refused(side, make_curves):
    a = side()
    weekly = replace(a, curves=make_curves(15, "week", a=CREDIT, b=CREDIT))
    with pytest.raises(InputError, match="periods of a month and of a week"):
        alike(a, weekly, [("base", "base")])
    with pytest.raises(InputError, match="worst; expected one of base"):
        alike(a, a, [("base", "worst")])


def test_every_field_of_a_curve_set_has_its_driver():
    told = {name for names in CURVE_FIELDS.values() for name in names}
    assert not told & TIMING
    assert {field.name for field in fields(CurveSet)} == told | TIMING
