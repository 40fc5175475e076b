"""Drivers: each change is its own driver's alone, and together they are the whole change."""

from __future__ import annotations

from dataclasses import fields, replace
from datetime import timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pydantic import BaseModel

from scfcap.axes import LOAN_TYPES
from scfcap.cashflow.driver_fields import DRIVERS, FIELDS, MEANING, NEUTRAL
from scfcap.cashflow.drivers import Side, _terms, alike, substitute
from scfcap.cashflow.loans import LoanArrays
from scfcap.cashflow.project import project
from scfcap.credit.curves import build_curves
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid
from scfcap.pool.payers import Payers
from scfcap.pool.snapshot import Pool
from scfcap.pool.terms import new_terms
from scfcap.schema.contract import ContractSpec, Fixing, IndexSpec
from scfcap.schema.credit import CreditRule, SegmentCredit
from scfcap.schema.languages import AgeCurve
from scfcap.schema.projection import ProjectionSpec
from scfcap.schema.scenario import BorrowerStress, Outage, RateShock, Scenario

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
    return np.asarray(flows.collections[0])


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


def _drawn(rate: float = 0.6) -> dict[str, SegmentCredit]:
    """The line of segment b is drawn on."""
    return {"b": SegmentCredit(**{**CREDIT.model_dump(), "draw_rate": rate})}


@pytest.mark.parametrize("drivers", [DRIVERS, DRIVERS[::-1]], ids=["forward", "reversed"])
def test_draws_belong_to_prepayment(side, drivers):
    drawn, faster = side(_drawn()), side(_drawn(0.9))
    for a, b in (
        (side(), drawn),
        (drawn, faster),
        (drawn, side(_drawn(), _stress(draw_multiple=3))),
    ):
        assert _moved(_effects(a, b, drivers)) == {"prepayment"}
        assert _moved(_effects(b, a, drivers)) == {"prepayment"}


@pytest.mark.parametrize("drivers", [DRIVERS, DRIVERS[::-1]], ids=["forward", "reversed"])
def test_from_draws_to_what_knows_none(side, drivers):
    """On the way to roll rates, or to another order of events, draws stop where they must."""
    drawn, matrix = side(_drawn()), side({"b": SegmentCredit(roll_rates=ROLLS, severity=0.5)})
    plain = side()
    market = replace(plain, curves=replace(plain.curves, order="bma"))
    for other in (matrix, market):
        for a, b in ((drawn, other), (other, drawn)):
            effects = _effects(a, b, drivers)
            assert "balance" not in _moved(effects)
            assert _moved(effects) & {"prepayment", "timing", "default"}


#: A model with everything in it: contracts that float, orders that buyers pay, a rule, a matrix.
ROLLS = (
    *((0.9, 0.05, 0.0, 0.0, 0.0, 0.0, 0.05), (0.4, 0.3, 0.3, 0.0, 0.0, 0.0, 0.0)),
    *((0.2, 0.1, 0.3, 0.4, 0.0, 0.0, 0.0), (0.1, 0.0, 0.1, 0.3, 0.5, 0.0, 0.0)),
    (0.0, 0.0, 0.0, 0.1, 0.3, 0.6, 0.0),
)
WHOLE: dict[str, SegmentCredit] = {
    "rolls": SegmentCredit(roll_rates=ROLLS, severity=0.5),
    "float": SegmentCredit(cdr=0.1, cpr=0.3, severity=0.5),
    "aged": SegmentCredit(
        default_by_age=(AgeCurve(ages=(100, 400), cumulative=(0.02, 0.1)),),
        psa=300.0,
        severity=0.5,
    ),
    "order": SegmentCredit(cdr=0.1, severity=0.5, recovery_lag=1),
}
RULE = CreditRule(name="small", test="current_balance < 1", sda=200.0)
CONTRACT = ContractSpec(
    rate_index="lpr", rate_margin=0.03, rate_cap=0.2, reset_months=2, payment_fee_share=0.001
)


@pytest.fixture(scope="module")
def whole(make_pool):
    """A model as above with what is ``changed``: credit by segment, and the names below."""

    def make(**changed: Any) -> Side:
        said = {name: changed.get(name) for name in ("contract", "payers", "projection", "rule")}
        scenario, level = changed.get("scenario"), changed.get("level", 0.04)
        credit = {**WHOLE, **{k: v for k, v in changed.items() if k in WHOLE}}
        columns: dict[str, Any] = {
            "balance": [100.0, 80.0, 60.0, 90.0, 70.0, 50.0],
            "segment": [0, 1, 1, 2, 2, 3],
            "loan_type": [0, 2, 0, 3, 3, 5],
            "rate": [0.1, 0.12, 0.08, 0.2, 0.15, 0.1],
            "origination_day": [-30, -40, -50, -60, -70, -20],
            "maturity_day": [300, 330, 400, 270, 250, 100],
            "days_past_due": [20, 0, 0, 0, 0, 0],
        }
        pool: Pool = make_pool(tuple(WHOLE), **columns)
        days = (np.zeros(6, dtype=np.int64), pool.maturity_day)
        floating = np.where(pool.segment == 1, pool.loan_type, -1)
        spec = said["contract"] or CONTRACT
        new = new_terms(spec, pool.as_of, floating, days=days, lent=pool.original_balance)
        assert new is not None
        plain = pool.segment != 1
        terms = replace(
            new,
            every_months=np.where(plain, 0, new.every_months),
            every_days=np.where(plain, 0, new.every_days),
            next_reset_day=np.full(6, 30 * spec.reset_months),
        )
        by_buyer = {"amount": [60.0], "dilution": [0.2], "pay_day": [[80, 120]]}
        by_buyer |= {"fee": 0.01, "recourse": 0.3, **(said["payers"] or {})}
        paid = [
            np.concatenate(
                [np.zeros((5, *np.shape(by_buyer[name])[1:]), dtype=kind), by_buyer[name]]
            )
            for name, kind in (("amount", float), ("dilution", float), ("pay_day", np.int64))
        ]
        pool = replace(
            pool,
            terms=terms,
            payers=Payers(*paid, by_buyer["fee"], by_buyer["recourse"]),
            rules=("small",),
            rule=np.array([-1, -1, -1, -1, 0, -1]),
        )
        rule = said["rule"] or RULE
        fixings = (Fixing(day=pool.as_of, rate=level),)
        curves = build_curves(
            tuple(WHOLE),
            credit,
            {"base": scenario or Scenario()},
            PeriodGrid.build(pool.as_of, 15),
            rules=(rule,),
            indices={"lpr": IndexSpec(fixings=fixings)},
            projection=said["projection"] or ProjectionSpec(late_fee=0.02),
        )
        aged = {"aged where small": rule.over(credit["aged"])}
        return Side(pool, curves, credit | aged)

    return make


@pytest.mark.parametrize("drivers", [DRIVERS, DRIVERS[::-1]], ids=["forward", "reversed"])
def test_from_orders_that_buyers_pay_to_loans_that_are_prepaid(whole, drivers):
    orders = whole()
    loans = whole(order=WHOLE["order"].model_copy(update={"cpr": 0.4}))
    loans = replace(loans, pool=replace(loans.pool, payers=None))
    for a, b in ((orders, loans), (loans, orders)):
        assert "timing" in _moved(_effects(a, b, drivers))


def _contract(**changed: Any) -> dict[str, ContractSpec]:
    return {"contract": ContractSpec(**{**CONTRACT.model_dump(), **changed})}


def _shock(*shocks: Any) -> dict[str, Scenario]:
    return {"scenario": Scenario(shocks=shocks)}


@pytest.mark.parametrize(
    ("driver", "changed"),
    [
        ("rate", {"level": 0.08}),
        ("rate", _shock(RateShock(kind="rate_shock", index=0.01))),
        ("rate", _contract(rate_margin=0.05)),
        ("rate", _contract(rate_floor=0.1)),
        ("rate", _contract(rate_cap=0.05)),
        ("rate", _contract(rate_index=None)),
        ("rate", _contract(reset_months=3)),
        ("rate", _contract(payment_fee_share=0.01)),
        ("rate", {"projection": ProjectionSpec(late_fee=0.1)}),
        ("rate", {"payers": {"fee": 0.05}}),
        ("default", {"payers": {"dilution": [0.4]}}),
        ("default", {"rule": CreditRule(name="small", test=RULE.test, sda=900.0)}),
        ("default", {"rule": CreditRule(name="small", test=RULE.test, cdr=0.2)}),
        ("default", {"scenario": Scenario(default_multiple=2.0)}),
        ("recovery", {"payers": {"recourse": 0.9}}),
        ("recovery", {"scenario": Scenario(severity_add=0.1)}),
        ("prepayment", {"scenario": Scenario(prepay_multiple=3.0)}),
        (
            "prepayment",
            _shock(
                BorrowerStress(kind="borrower_stress", prepay_multiple=3.0, segments=("rolls",))
            ),
        ),
        ("prepayment", {"aged": WHOLE["aged"].model_copy(update={"psa": 800.0})}),
        ("timing", {"payers": {"amount": [55.0]}}),
        ("timing", {"payers": {"pay_day": [[80, 200]]}}),
        ("timing", _contract(payment_every="quarter", reset_months=2)),
        ("timing", _shock(Outage(kind="outage", days=10, from_period=2))),
        ("timing", {"projection": ProjectionSpec(late_fee=0.02, order="bma")}),
    ],
    ids=lambda value: value if isinstance(value, str) else "-".join(value),
)
def test_one_change_of_a_whole_model_moves_one_driver(whole, driver, changed):
    a, b = whole(), whole(**changed)
    assert _moved(_effects(a, b)) == {driver}
    assert _moved(_effects(b, a, DRIVERS[::-1])) == {driver}


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


def _ruled(whole, rule: list[int] | None, *rules: CreditRule) -> Side:
    """The model with other rules, each of them said of the segment "aged"."""
    side = whole()
    curves = build_curves(
        tuple(WHOLE),
        WHOLE,
        {"base": Scenario()},
        side.curves.grid,
        rules=rules,
        indices=side.curves.indices.stated,
        projection=ProjectionSpec(late_fee=0.02),
    )
    numbers = None if rule is None else np.array(rule)
    pool = replace(side.pool, rules=tuple(each.name for each in rules), rule=numbers)
    return Side(
        pool, curves, WHOLE | {f"aged where {r.name}": r.over(WHOLE["aged"]) for r in rules}
    )


FIRST, SECOND = (
    CreditRule(name="first", test="rate > 0", cdr=0.3),
    CreditRule(name="second", test="rate > 0", severity=0.9),
)


@pytest.mark.parametrize("drivers", [DRIVERS, DRIVERS[::-1]])
def test_a_rule_of_one_side_alone_is_behaviour(whole, drivers):
    none = _ruled(whole, None)
    first = _ruled(whole, [-1, -1, -1, 0, -1, -1], FIRST)
    assert _moved(_effects(none, first, drivers)) == {"default"}
    assert _moved(_effects(first, none, drivers)) == {"default"}
    second = _ruled(whole, [-1, -1, -1, 0, 0, -1], SECOND)
    assert _moved(_effects(none, second, drivers)) == {"recovery"}
    assert _moved(_effects(first, second, drivers)) == {"default", "recovery"}


@pytest.mark.parametrize("drivers", [DRIVERS, DRIVERS[::-1]])
def test_a_loan_that_comes_to_a_rule_of_both_sides_is_timing(whole, drivers):
    one = _ruled(whole, [-1, -1, -1, 0, 1, -1], FIRST, SECOND)
    other = _ruled(whole, [-1, -1, -1, 1, 1, -1], FIRST, SECOND)
    assert _moved(_effects(one, other, drivers)) == {"timing"}
    more = _ruled(whole, [-1, -1, -1, 0, -1, -1], FIRST)
    both = _ruled(whole, [-1, -1, -1, 0, 1, -1], FIRST, SECOND)
    assert _moved(_effects(more, both, drivers)) == {"recovery"}


def test_days_of_resets_are_the_same_dates(whole):
    """A reset that is a month off at one date and none at the next moves no rate."""
    a = whole()
    assert a.pool.terms is not None
    later = replace(a.pool, as_of=a.pool.as_of + timedelta(days=31))
    nearer = replace(a.pool.terms, next_reset_day=a.pool.terms.next_reset_day - 31)
    taken = _terms(a.pool, replace(later, terms=nearer))
    assert taken is not None
    assert (taken.next_reset_day == a.pool.terms.next_reset_day).all()
    passed = _terms(later, replace(a.pool, terms=replace(nearer, next_reset_day=nearer.anchor * 0)))
    assert passed is not None
    assert (passed.next_reset_day == a.pool.terms.next_reset_day).all()


def test_a_loan_of_one_side_alone_keeps_its_contract(whole):
    a, b = whole(), whole(**_contract(rate_margin=0.05, rate_index="lpr"))
    names = b.pool.loan_id.copy()
    names[1] = "new"
    taken = _terms(a.pool, replace(b.pool, loan_id=names))
    assert taken is not None
    assert list(taken.margin[1:3]) == [0.03, 0.05]


@pytest.mark.parametrize("kind", list(FIELDS), ids=lambda kind: kind.__name__)
def test_every_field_has_its_driver(kind):
    """Say in driver_fields what a change of a new field is a change of."""
    stated = kind.model_fields if issubclass(kind, BaseModel) else [f.name for f in fields(kind)]
    told = [name for names in FIELDS[kind].values() for name in names]
    assert sorted(told) == sorted(stated)
    assert set(FIELDS[kind]) <= {*DRIVERS, NEUTRAL}


def test_loans_of_the_kernel_are_made_of_fields_with_drivers():
    """What the kernel reads of a loan is a column of the pool, or made of columns and curves."""
    columns = {field.name for field in fields(Pool)}
    made = {
        "group",
        "curve",
        "accrued",
        "hazard_scale",
        "start_day",
        "origin_day",
        "shape",
        "bucket",
        "draws",
        "draws_until",
        "alike",
    }
    assert {field.name for field in fields(LoanArrays)} == (columns & {*_LOAN}) | made
    assert set(MEANING) == set(DRIVERS)


_LOAN = ("loan_type", "balance", "rate", "maturity_day", "terms")
