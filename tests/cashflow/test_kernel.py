from __future__ import annotations

from collections.abc import Callable
from dataclasses import fields, replace
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numba.core.caching import NullCache

from scfcap import compiled as machine_code
from scfcap.axes import BULLET, EQUAL_PRINCIPAL, LEVEL_PAYMENT, LOAN_TYPES, ORDER
from scfcap.cashflow import behaviour, contract_flows, kernel
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.loans import COLUMNS, LoanArrays, concatenate
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.errors import InvariantError
from scfcap.periods import PeriodGrid
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

Published = Callable[[str], dict[str, Any]]
MakeCurves = Callable[..., CurveSet]
AS_OF = date(2013, 12, 31)
SAFE = SegmentCredit(cdr=0.0, severity=0.0)
AMOUNTS = ("opening", "default", "interest", "scheduled", "prepaid", "recovery", "closing")


def loan(**stated: Any) -> LoanArrays:
    """One loan: 1,000 at 12% over twelve whole months from as_of, unless stated."""
    values: dict[str, Any] = {
        "group": 0,
        "curve": 0,
        "loan_type": LEVEL_PAYMENT,
        "balance": 1_000.0,
        "rate": 0.12,
        "accrued": 0.0,
        "hazard_scale": 1.0,
        "start_day": 0,
        "maturity_day": 365,
    } | stated
    return LoanArrays(**{name: np.array([value]) for name, value in values.items()})


def one_loan_reference(loans: LoanArrays, curves: CurveSet, k: int) -> dict[str, np.ndarray]:
    """The first loan, by the formulas of the contract read line by line, without recursion."""
    get = {name: getattr(loans, name)[0] for name in COLUMNS}
    s, kind, rate = get["curve"], get["loan_type"], get["rate"]
    grid, lifetime = curves.grid, curves.lifetime[s]
    ends = [int(d) for d in grid.extended(400 if grid.frequency == "month" else 3700).days]
    start, maturity = max(get["start_day"], 0), get["maturity_day"]
    flows = {n: np.zeros(len(grid)) for n in (*AMOUNTS, "loss")}
    performing = 0.0 if start > 0 else get["balance"]
    unpaid = get["accrued"] / get["balance"]
    for t in range(1, len(grid) + 1):
        low, high = ends[t - 1], ends[t]
        flows["opening"][t - 1] = performing
        if low < start <= high:
            performing = get["balance"]
        days = max(min(maturity, high) - max(start, low), 0)
        years = days / (high - low) * grid.year_fractions[t - 1]
        clock = days / 365 if lifetime else years
        hazard = curves.default_intensity[k, s, t - 1] * get["hazard_scale"] * clock
        default = performing * (1 - np.exp(-hazard))
        alive = performing - default
        matures = maturity <= high
        left = sum(1 for end in ends[t - 1 :] if end < maturity)
        if matures:
            scheduled = alive
        elif start > low or kind not in (LEVEL_PAYMENT, EQUAL_PRINCIPAL):
            scheduled = 0.0
        elif kind == EQUAL_PRINCIPAL or rate < 1e-12:
            scheduled = alive / left
        else:
            step = rate * grid.year_fractions[t - 1]
            scheduled = alive * step / np.expm1(left * np.log1p(step))
        prepaid = (alive - scheduled) * (1 - np.exp(-curves.prepay_intensity[k, s, t - 1] * years))
        unpaid += rate * years
        if kind in (BULLET, ORDER):
            interest = unpaid * (scheduled + prepaid)
        else:
            interest = alive * rate * years
        performing = alive - scheduled - prepaid
        recovered_in = t + curves.recovery_lag[s]
        if recovered_in <= len(grid):
            flows["recovery"][recovered_in - 1] += default * (1 - curves.severity[k, s, t - 1])
        flows["loss"][t - 1] = default * curves.severity[k, s, t - 1]
        for name, flow in (
            ("default", default),
            ("interest", interest),
            ("scheduled", scheduled),
            ("prepaid", prepaid),
            ("closing", performing),
        ):
            flows[name][t - 1] = flow
    return flows


behaviours = st.builds(
    lambda lifetime, default, cpr, severity, lag: SegmentCredit(
        **{"lifetime_default" if lifetime else "cdr": default},
        cpr=cpr,
        severity=severity,
        recovery_lag=lag,
    ),
    st.booleans(),
    st.floats(0.0, 0.9),
    st.floats(0.0, 0.9),
    st.floats(0.0, 1.0),
    st.integers(0, 8),
)
shocks = st.builds(
    Scenario,
    default_multiple=st.floats(0.0, 5.0),
    prepay_multiple=st.floats(0.0, 3.0),
    severity_add=st.floats(0.0, 0.5),
    from_period=st.integers(1, 10),
)


@st.composite
def books(draw: st.DrawFn) -> tuple[LoanArrays, CurveSet]:
    """A few loans of any type, outstanding or to come, three segments, two scenarios."""
    frequency = draw(st.sampled_from(["month", "week", "day"]))
    grid = PeriodGrid.build(AS_OF, draw(st.integers(1, 20)), frequency)
    credit = {name: draw(behaviours) for name in "abc"}
    curves = build_curves("abc", credit, {"base": Scenario(), "stress": draw(shocks)}, grid)
    rows = draw(
        st.lists(
            st.tuples(
                st.integers(0, 2),
                st.integers(0, 5),
                st.floats(1.0, 1e6),
                st.floats(0.0, 3.0),
                st.floats(0.0, 0.2),
                st.integers(0, 90).filter(lambda d: d % 3 == 0),
                st.integers(1, 800),
            ),
            min_size=1,
            max_size=8,
        )
    )
    curve, kind, balance, rate, accrued, start, term = (
        np.array(c) for c in zip(*rows, strict=True)
    )
    scale = np.where(curves.lifetime[curve], 365.0 / term, 1.0)
    loans = LoanArrays(
        group=curve,
        curve=curve,
        loan_type=kind,
        balance=balance,
        rate=rate,
        accrued=accrued * balance,
        hazard_scale=scale,
        start_day=start,
        maturity_day=start + term,
    )
    return loans, curves


def assert_same(a: Flows, b: Flows, scale: float) -> None:
    for field in fields(Flows):
        np.testing.assert_allclose(
            getattr(a, field.name),
            getattr(b, field.name),
            rtol=0,
            atol=1e-10 * scale,
            err_msg=field.name,
        )


@settings(max_examples=150, deadline=None)
@given(books())
def test_each_loan_follows_the_formulas(book: tuple[LoanArrays, CurveSet]) -> None:
    loans, curves = book
    one = loans.where(slice(0, 1))
    flows = run_kernel(replace(one, group=np.zeros(1, dtype=np.int64)), curves, 1)
    for k in range(2):
        expected = one_loan_reference(one, curves, k)
        for name, values in expected.items():
            got = getattr(flows, name)[k, 0]
            np.testing.assert_allclose(got, values, rtol=1e-9, atol=1e-10 * one.balance[0])


@settings(max_examples=150, deadline=None)
@given(books())
def test_money_is_conserved_in_every_period(book: tuple[LoanArrays, CurveSet]) -> None:
    loans, curves = book
    flows = run_kernel(loans, curves, 3)
    size = loans.balance.sum()
    opening = np.zeros_like(flows.closing)
    opening[:, :, 0] = [
        loans.balance[(loans.group == g) & (loans.start_day <= 0)].sum() for g in range(3)
    ]
    opening[:, :, 1:] = flows.closing[:, :, :-1]
    paid = flows.default + flows.scheduled + flows.prepaid
    np.testing.assert_allclose(
        opening + flows.originated - paid, flows.closing, rtol=0, atol=1e-9 * size
    )
    due = flows.default.cumsum(2) - flows.loss.cumsum(2) - flows.recovery.cumsum(2)
    np.testing.assert_allclose(due, flows.receivable, rtol=0, atol=1e-9 * size)
    for field in fields(Flows):
        assert getattr(flows, field.name).min() >= -1e-9 * size, field.name
    flows.check()


@settings(max_examples=60, deadline=None)
@given(books(), st.floats(1e-3, 1e6))
def test_flows_scale_with_the_amount(book: tuple[LoanArrays, CurveSet], factor: float) -> None:
    loans, curves = book
    larger = replace(loans, balance=loans.balance * factor, accrued=loans.accrued * factor)
    got, base = run_kernel(larger, curves, 3), run_kernel(loans, curves, 3)
    scaled = Flows(**{f.name: getattr(base, f.name) * factor for f in fields(Flows)})
    assert_same(got, scaled, float(larger.balance.sum()))


@settings(max_examples=60, deadline=None)
@given(books())
def test_two_halves_are_the_whole_in_any_order(book: tuple[LoanArrays, CurveSet]) -> None:
    loans, curves = book
    half = replace(loans, balance=loans.balance / 2, accrued=loans.accrued / 2)
    both = concatenate([half, half]).where(np.arange(2 * len(loans))[::-1])
    assert_same(
        run_kernel(both, curves, 3), run_kernel(loans, curves, 3), float(loans.balance.sum())
    )


def cash(flows: Flows) -> np.ndarray:
    """Undiscounted cash of a book that has run off, recoveries after the grid included."""
    paid = flows.interest + flows.scheduled + flows.prepaid + flows.recovery
    return np.asarray(paid.sum(axis=(1, 2)) + flows.receivable[:, :, -1].sum(axis=1))


@settings(max_examples=60, deadline=None)
@given(books(), st.floats(1.0, 20.0))
def test_more_default_is_never_more_cash(
    book: tuple[LoanArrays, CurveSet], multiple: float
) -> None:
    loans, curves = book
    last = int(loans.maturity_day.max())
    step = {"month": 28, "week": 7, "day": 1}[curves.grid.frequency]
    grid = curves.grid.extended(last // step + 1)
    longer = replace(curves, grid=grid).under(curves.stress.over(len(grid)))
    worse = replace(longer, default_intensity=longer.default_intensity * multiple)
    calm, stressed = run_kernel(loans, longer, 3), run_kernel(loans, worse, 3)
    assert np.abs(calm.closing[:, :, -1]).max() == 0.0
    assert (cash(stressed) <= cash(calm) * (1 + 1e-12)).all()
    assert (stressed.default.sum(2) >= calm.default.sum(2) * (1 - 1e-12)).all()


def test_a_level_payment_pays_the_annuity(make_curves: MakeCurves) -> None:
    # 1,000 at 12% over 12 months: payment P·i/(1-(1+i)^-12) = 88.848789 each month.
    flows = run_kernel(loan(), make_curves(a=SAFE), 1)
    payment = (flows.scheduled + flows.interest)[0, 0]
    np.testing.assert_allclose(payment[:12], 1_000 * 0.01 / (1 - 1.01**-12), rtol=1e-12)
    assert (payment[12:] == 0.0).all()
    t = np.arange(1, 13)
    left = 1_000 * (1.01**12 - 1.01**t) / (1.01**12 - 1)
    np.testing.assert_allclose(flows.closing[0, 0, :12], left, rtol=0, atol=1e-9)


@pytest.mark.parametrize("rate", [0.0, 1e-13, 1e-6, 36.0])
def test_a_level_payment_is_level_at_any_rate(make_curves: MakeCurves, rate: float) -> None:
    flows = run_kernel(loan(rate=rate), make_curves(a=SAFE), 1)
    payment = (flows.scheduled + flows.interest)[0, 0, :12]
    np.testing.assert_allclose(payment, payment[0], rtol=1e-12)
    assert flows.scheduled.sum() == pytest.approx(1_000, rel=1e-13)


def test_a_bullet_pays_all_at_maturity(make_curves: MakeCurves) -> None:
    # 90 days in at 12%: 1,000·0.12·90/365 accrued; due on 15 April: 3 months and 15/30 to run.
    flows = run_kernel(
        loan(loan_type=BULLET, accrued=1_000 * 0.12 * 90 / 365, maturity_day=105),
        make_curves(a=SAFE),
        1,
    )
    assert np.flatnonzero(flows.scheduled[0, 0]).tolist() == [3]
    assert flows.interest[0, 0, 3] == pytest.approx(1_000 * 0.12 * (90 / 365 + 3.5 / 12))
    assert flows.interest.sum() == flows.interest[0, 0, 3]


def test_a_bullet_that_defaults_loses_its_accrued_interest(make_curves: MakeCurves) -> None:
    # A year's default rate of 19% over a year: 810 survive and pay a year's interest.
    risky = SegmentCredit(cdr=0.19, severity=0.4, recovery_lag=2)
    flows = run_kernel(loan(loan_type=BULLET), make_curves(a=risky), 1)
    assert flows.default.sum() == pytest.approx(190.0)
    assert flows.scheduled.sum() == pytest.approx(810.0)
    assert flows.interest.sum() == pytest.approx(810.0 * 0.12)
    assert flows.loss.sum() == pytest.approx(76.0)
    assert flows.recovery.sum() == pytest.approx(114.0)
    np.testing.assert_allclose(flows.recovery[0, 0, 2:], 0.6 * flows.default[0, 0, :-2])


def test_prepayment_of_a_bullet_takes_its_interest_along(make_curves: MakeCurves) -> None:
    quick = SegmentCredit(cdr=0.0, cpr=0.36, severity=0.0)
    flows = run_kernel(loan(loan_type=BULLET), make_curves(a=quick), 1)
    smm = 1 - 0.64 ** (1 / 12)
    assert flows.prepaid[0, 0, 0] == pytest.approx(1_000 * smm)
    assert flows.interest[0, 0, 0] == pytest.approx(1_000 * smm * 0.01)
    assert flows.scheduled[0, 0, 11] == pytest.approx(1_000 * (1 - smm) ** 11)


def test_a_lifetime_default_rate_is_met_over_the_term(make_curves: MakeCurves) -> None:
    # 2% over a term of 45 days from the tenth, whatever the lengths of the months.
    short = SegmentCredit(lifetime_default=0.02, severity=1.0)
    one = loan(loan_type=ORDER, start_day=10, maturity_day=55, hazard_scale=365 / 45)
    flows = run_kernel(one, make_curves(a=short), 1)
    assert flows.default.sum() == pytest.approx(20.0, rel=1e-12)
    assert flows.originated.tolist() == [[1_000.0] + [0.0] * 23]
    assert flows.scheduled[0, 0, 1] == pytest.approx(980.0, rel=1e-12)


def test_a_loan_made_and_due_within_a_period_comes_and_goes(make_curves: MakeCurves) -> None:
    for kind in range(6):
        one = loan(loan_type=kind, start_day=5, maturity_day=20)
        flows = run_kernel(one, make_curves(a=SAFE), 1)
        assert flows.originated[0, 0] == 1_000.0
        assert flows.scheduled[0, 0, 0] == 1_000.0
        assert flows.interest[0, 0, 0] == pytest.approx(1_000 * 0.01 * 15 / 31)
        assert (flows.closing == 0.0).all()


def test_a_loan_made_inside_a_period_pays_its_first_instalment_in_the_next(
    make_curves: MakeCurves,
) -> None:
    one = loan(loan_type=EQUAL_PRINCIPAL, start_day=16, maturity_day=16 + 365)
    flows = run_kernel(one, make_curves(a=SAFE), 1)
    assert flows.scheduled[0, 0, 0] == 0.0
    np.testing.assert_allclose(flows.scheduled[0, 0, 1:13], 1_000 / 12)
    assert flows.interest[0, 0, 0] == pytest.approx(10 * 15 / 31)


def test_a_recovery_after_the_grid_is_still_expected(make_curves: MakeCurves) -> None:
    late = SegmentCredit(cdr=0.5, severity=0.25, recovery_lag=30)
    flows = run_kernel(loan(), make_curves(a=late), 1)
    assert flows.recovery.sum() == 0.0
    assert flows.receivable[0, 0, -1] == pytest.approx(0.75 * flows.default.sum())
    assert flows.default.sum() == pytest.approx(flows.loss.sum() + flows.receivable[0, 0, -1])


def test_what_runs_beyond_the_grid_stays_in_the_closing_balance(make_curves: MakeCurves) -> None:
    # A loan of 360 months on a grid of 24: 360 level payments, 24 of them made.
    flows = run_kernel(
        loan(maturity_day=int(PeriodGrid.build(AS_OF, 360).days[-1])), make_curves(a=SAFE), 1
    )
    left = 1_000 * (1.01**360 - 1.01**24) / (1.01**360 - 1)
    assert flows.closing[0, 0, -1] == pytest.approx(left, rel=1e-12)


def test_blocks_of_loans_change_no_byte_but_the_order_of_sums(
    make_curves: MakeCurves, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(1)
    count = 500
    many = concatenate([loan()]).where(np.zeros(count, dtype=np.int64))
    many = replace(
        many,
        balance=random.uniform(1, 1e5, count),
        loan_type=random.integers(0, 6, count),
        maturity_day=random.integers(1, 900, count),
    )
    curves = make_curves(a=SegmentCredit(cdr=0.1, cpr=0.2, severity=0.5))
    whole = run_kernel(many, curves, 1)
    monkeypatch.setattr(kernel, "_BLOCK", 64)
    first, second = run_kernel(many, curves, 1), run_kernel(many, curves, 1)
    assert_same(first, whole, float(many.balance.sum()))
    for field in fields(Flows):
        assert (getattr(first, field.name) == getattr(second, field.name)).all()


def test_other_layouts_of_the_arrays_are_not_compiled_for(make_curves: MakeCurves) -> None:
    # pandas hands out read-only arrays, a slice is strided, a small integer is 32 bits wide.
    curves = make_curves(a=SAFE)
    plain = run_kernel(concatenate([loan(), loan(rate=0.2)]), curves, 1)
    odd = concatenate([loan(), loan(rate=0.5), loan(rate=0.2)]).where(slice(None, None, 2))
    odd = replace(odd, loan_type=odd.loan_type.astype(np.int32))
    for name in COLUMNS:
        getattr(odd, name).setflags(write=False)
    assert_same(run_kernel(odd, curves, 1), plain, 2_000.0)
    assert len(contract_flows._by_period.signatures) == 1
    assert len(behaviour._survivors.signatures) == 1


def test_curves_in_another_layout_are_not_compiled_for(make_curves: MakeCurves) -> None:
    curves = make_curves(
        scenarios={"base": Scenario(), "stress": Scenario(default_multiple=3.0)}, a=SAFE, b=SAFE
    )
    loans = concatenate([loan(), loan(rate=0.2)])
    plain = run_kernel(loans, curves, 1)
    odd = replace(
        curves,
        default_intensity=np.asfortranarray(curves.default_intensity),
        prepay_intensity=np.asfortranarray(curves.prepay_intensity),
    )
    assert not odd.default_intensity.flags.c_contiguous
    assert_same(run_kernel(loans, odd, 1), plain, 2_000.0)
    assert len(behaviour._survivors.signatures) == 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"group": np.array([1])}, "group"),
        ({"curve": np.array([-1])}, "curve"),
        ({"loan_type": np.array([len(LOAN_TYPES)])}, "loan_type"),
        ({"maturity_day": np.array([0])}, "maturity_day"),
        ({"start_day": np.array([400])}, "maturity_day"),
    ],
)
def test_an_index_out_of_range_never_reaches_the_compiled_loop(
    make_curves: MakeCurves, change: dict[str, np.ndarray], words: str
) -> None:
    with pytest.raises(ValueError, match=words):
        run_kernel(replace(loan(), **change), make_curves(a=SAFE), 1)


def test_a_group_may_mix_curves(make_curves: MakeCurves) -> None:
    curves = make_curves(
        a=SegmentCredit(cdr=0.3, severity=0.2, recovery_lag=1),
        b=SegmentCredit(cdr=0.1, cpr=0.4, severity=0.7, recovery_lag=3),
    )
    mixed = run_kernel(concatenate([loan(), loan(curve=1)]), curves, 1)
    apart = run_kernel(concatenate([loan(), loan(curve=1, group=1)]), curves, 2)
    together = Flows(
        **{
            field.name: getattr(apart, field.name).sum(axis=-2, keepdims=True)
            for field in fields(Flows)
        }
    )
    assert_same(mixed, together, 2_000.0)


def test_the_check_finds_lost_money(make_curves: MakeCurves) -> None:
    flows = run_kernel(loan(), make_curves(a=SAFE), 1)
    short = flows.scheduled.copy()
    short[0, 0, 5] -= 1e-5
    with pytest.raises(InvariantError, match="created or lost"):
        replace(flows, scheduled=short).check()
    lost = flows.receivable + 1e-5
    with pytest.raises(InvariantError, match="created or lost"):
        replace(flows, receivable=lost).check()


def test_a_small_group_is_checked_by_its_own_size(make_curves: MakeCurves) -> None:
    both = concatenate([loan(balance=1e12), loan(group=1)])
    flows = run_kernel(both, make_curves(a=SAFE), 2)
    flows.check()
    short = flows.scheduled.copy()
    short[0, 1, 5] -= 1e-5
    with pytest.raises(InvariantError, match=r"group 1: .* of 1000"):
        replace(flows, scheduled=short).check()


def test_no_loans_no_flows(make_curves: MakeCurves) -> None:
    none = loan().where(slice(0, 0))
    flows = run_kernel(none, make_curves(a=SAFE), 2)
    assert flows.closing.shape == (1, 2, 24)
    assert flows.closing.sum() == 0.0
    flows.check()


def test_without_a_folder_for_machine_code_it_is_compiled_anew(monkeypatch):
    def nowhere(_):
        raise RuntimeError

    def double(x):
        return 2.0 * x

    monkeypatch.setattr(machine_code, "_Shared", nowhere)
    made = machine_code.compiled(double)
    assert isinstance(made._cache, NullCache)
    assert made(3.0) == 6.0
