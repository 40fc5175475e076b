"""Default and prepayment by age through the kernel: standard curves, cumulative curves, timing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from scfcap.axes import LOAN_TYPES
from scfcap.cashflow.cohorts import NewLoans, project_cohort
from scfcap.cashflow.flows import Flows
from scfcap.cashflow.kernel import run_kernel
from scfcap.cashflow.project import project
from scfcap.credit import speeds
from scfcap.credit.curves import CurveSet, build_curves
from scfcap.errors import InputError
from scfcap.periods import PeriodGrid, months_between
from scfcap.pool.snapshot import Pool
from scfcap.schema.contract import ContractSpec
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario
from tests.witnesses import securities
from tests.witnesses.book import golden, holds
from tests.witnesses.securities import aged_loan as loan

MakeCurves = Callable[..., CurveSet]
AS_OF = date(2013, 12, 31)


def flows_of(curves: CurveSet, kind: str, term: int, **options: Any) -> Flows:
    return run_kernel(loan(curves, kind, term, **options), curves, 1)


def test_a_passthrough_of_400_million_by_psa() -> None:
    """Fabozzi's exhibits with ``psa`` stated and loans that were made three months ago."""
    holds(securities.fabozzi_by_age())


def test_abs_prepays_the_same_share_of_the_original_loans(make_curves: MakeCurves) -> None:
    """1.5 ABS on loans that are five months old: (1 - 0.015 x 4) of them still stand."""
    curves = make_curves(24, a=SegmentCredit(cdr=0.0, abs=0.015, severity=0.0))
    age = (AS_OF - date(2013, 7, 31)).days
    prepaid = flows_of(curves, "interest_only_bullet", 3000, age=age).prepaid[0, 0]
    np.testing.assert_allclose(prepaid, 0.015 / (1 - 0.015 * 5), rtol=1e-12)


def by_age(rate: float, last: int, step: int = 1) -> dict[str, Any]:
    """A curve of 1 - exp(-rate t) by age in days."""
    ages = tuple(range(step, last + 1, step))
    return {"ages": ages, "cumulative": tuple(-np.expm1(-rate * np.array(ages)))}


@pytest.mark.parametrize("frequency", ["day", "week", "month"])
def test_an_even_hazard_by_age_is_the_closed_form_on_every_grid(
    make_curves: MakeCurves, frequency: str
) -> None:
    """Days, weeks and months agree with 1 - exp(-ht) at each of their ends, to the last digit."""
    hazard = 0.0008
    credit = SegmentCredit(default_by_age=[by_age(hazard, 400)], severity=0.0)
    periods = {"day": 150, "week": 21, "month": 5}[frequency]
    curves = make_curves(periods, frequency, a=credit)
    age = 37
    flows = flows_of(curves, "bullet", 160 + age, age=age)
    gone = np.cumsum(flows.default[0, 0])
    days = np.minimum(curves.grid.days[1:], 160)
    np.testing.assert_allclose(gone, -np.expm1(-hazard * days), rtol=1e-11)


@pytest.mark.parametrize("frequency", ["day", "month"])
@pytest.mark.parametrize("language", [{"cpr": 0.9}, {"smm": 0.2}, {"psa": 900}, {"abs": 0.05}])
def test_the_stated_share_defaults_whatever_is_prepaid(
    make_curves: MakeCurves, frequency: str, language: dict[str, Any]
) -> None:
    """On any grid: what goes is set against what stands in the kernel's own order of events."""
    curve = {"ages": (10, 45, 90), "cumulative": (0.0, 0.02, 0.05)}
    credit = SegmentCredit(default_by_age=[curve], severity=0.0, **language)
    curves = make_curves({"day": 90, "month": 4}[frequency], frequency, a=credit)
    gone = np.cumsum(flows_of(curves, "bullet", 90).default[0, 0])
    assert gone[-1] == pytest.approx(0.05, rel=1e-9)
    if frequency == "day":
        assert gone[44] == pytest.approx(0.02, rel=1e-9)
        assert gone[9] == 0.0


def test_both_shares_are_met_by_days(make_curves: MakeCurves) -> None:
    credit = SegmentCredit(
        default_by_age=[{"ages": (30, 60), "cumulative": (0.01, 0.04)}],
        prepay_by_age=[{"ages": (20, 59, 60), "cumulative": (0.5, 0.8, 0.8)}],
        severity=0.0,
    )
    curves = make_curves(60, "day", a=credit)
    flows = flows_of(curves, "bullet", 60)
    assert flows.default.sum() == pytest.approx(0.04, rel=1e-9)
    assert flows.prepaid.sum() == pytest.approx(0.8, rel=1e-9)
    assert flows.prepaid[0, 0, :20].sum() == pytest.approx(0.5, rel=1e-9)


@settings(max_examples=40)
@given(
    steps=st.lists(st.floats(0.0, 0.1), min_size=2, max_size=6),
    gap=st.integers(5, 25),
    age=st.integers(0, 20),
    multiple=st.floats(0.0, 4.0),
)
def test_survivors_follow_the_curve_from_any_age_under_any_stress(
    steps: list[float], gap: int, age: int, multiple: float
) -> None:
    """Of loans of an age, survival is that of the curve from there on, to the power of the stress:
    1 - D = ((1 - D(t)) / (1 - D(age)))^m, Kalbfleisch and Prentice's proportional hazards.
    """
    ages = tuple(gap * (n + 1) for n in range(len(steps)))
    cumulative = tuple(np.cumsum(steps))
    credit = SegmentCredit(default_by_age=[{"ages": ages, "cumulative": cumulative}], severity=0.0)
    grid = PeriodGrid.build(AS_OF, 160, "day")
    scenario = Scenario(default_multiple=multiple)
    curves = build_curves(("a",), {"a": credit}, {"base": scenario}, grid)
    age = min(age, ages[-1] - 1)
    gone = flows_of(curves, "bullet", ages[-1], age=age).default[0, 0].sum()
    start = float(np.interp(age, (0, *ages), (0.0, *cumulative)))
    expected = 1.0 - ((1.0 - cumulative[-1]) / (1.0 - start)) ** multiple
    assert gone == pytest.approx(expected, rel=1e-8, abs=1e-12)


@pytest.mark.parametrize("kind", ["bullet", "equal_principal", "level_payment"])
def test_a_lifetime_loss_is_lost_as_timed_whatever_the_contract(
    make_curves: MakeCurves, kind: str
) -> None:
    """Amounts, not loans: of instalment credit more loans must default for the same loss."""
    timing = (0.1, 0.4, 0.3, 0.2)
    credit = SegmentCredit(lifetime_loss=0.03, loss_timing=timing, severity=0.6)
    curves = make_curves(120, "day", a=credit)
    flows = flows_of(curves, kind, 120, rate=0.18)
    parts = flows.loss[0, 0].reshape(4, 30).sum(axis=1)
    np.testing.assert_allclose(parts, 0.03 * np.array(timing), rtol=2e-4)


def test_mdr_of_a_lifetime_loss_with_timing() -> None:
    """The table's losses and its rates while nothing is repaid: the first month's."""
    table = golden("credit/loss_timing_curve")
    given_, expected = table["inputs"], table["expected"]
    credit = SegmentCredit(
        lifetime_loss=given_["lifetime_loss"],
        severity=given_["loss_severity"],
        loss_timing=given_["timing"],
    )
    grid = PeriodGrid.build(AS_OF, 180, "day")
    curves = build_curves(("a",), {"a": credit}, {"base": Scenario()}, grid)
    flows = flows_of(curves, "bullet", 180)
    losses = flows.loss[0, 0].reshape(6, 30).sum(axis=1) * given_["original_balance"]
    np.testing.assert_allclose(losses, expected["losses"], rtol=1e-9)
    first = 1 - flows.closing[0, 0, 29]
    assert first == pytest.approx(expected["mdr"][0], rel=1e-9)


@pytest.mark.parametrize("kind", LOAN_TYPES)
@pytest.mark.parametrize("contract", [None, ContractSpec(), ContractSpec(grace_payments=6)])
def test_new_loans_of_every_type_meet_the_stated_share(
    make_curves: MakeCurves, kind: str, contract: ContractSpec | None
) -> None:
    by_age = [{"ages": (365,), "cumulative": (0.05,)}]
    one = NewLoans(
        *(np.ones(1), np.full(1, 0.12), np.array([LOAN_TYPES.index(kind)]), np.array([365])),
        contract=contract,
    )
    for credit in (
        SegmentCredit(default_by_age=by_age, run_on=True, severity=1.0),
        SegmentCredit(lifetime_loss=0.05, severity=1.0),
    ):
        flows = project_cohort(one, 0, 1, 1.0, make_curves(16, a=credit))
        assert flows.default.sum() == pytest.approx(0.05, rel=1e-9)


def test_new_loans_lose_what_is_stated_in_every_month(make_curves: MakeCurves) -> None:
    credit = SegmentCredit(lifetime_loss=0.02, loss_timing=(0.2, 0.8), severity=0.5, cpr=0.5)
    curves = make_curves(40, a=credit)
    for kind, near in (("bullet", 1e-9), ("level_payment", 1e-9)):
        one = NewLoans(
            np.ones(1), np.full(1, 0.12), np.array([LOAN_TYPES.index(kind)]), np.array([180])
        )
        for period in (1, 7, 13):
            loss = project_cohort(one, 0, period, 1.0, curves).loss.sum()
            assert loss == pytest.approx(0.02, rel=near), (kind, period)


def test_ranges_of_original_terms_have_their_own_curves(make_curves: MakeCurves) -> None:
    credit = SegmentCredit(
        default_by_age=[
            {"terms": (1, 45), "ages": (45,), "cumulative": (0.01,)},
            {"terms": (46, 90), "ages": (90,), "cumulative": (0.08,)},
        ],
        severity=0.0,
    )
    curves = make_curves(90, "day", a=credit)
    for term, share in ((30, 0.01 * 30 / 45), (45, 0.01), (46, 0.08 * 46 / 90), (90, 0.08)):
        assert flows_of(curves, "bullet", term).default.sum() == pytest.approx(share, rel=1e-9)
    with pytest.raises(InputError, match=r"credit.segments.a.default_by_age.*91 days"):
        flows_of(curves, "bullet", 91)


def test_a_curve_that_ends_too_soon_is_refused_unless_it_runs_on(
    make_curves: MakeCurves,
) -> None:
    curve = by_age(0.001, 60)
    short = make_curves(4, a=SegmentCredit(default_by_age=[curve], severity=0.0))
    with pytest.raises(InputError, match=r"ends at an age of 60 days.*up to 90 days.*run_on"):
        flows_of(short, "bullet", 90)
    on = make_curves(4, a=SegmentCredit(default_by_age=[curve], severity=0.0, run_on=True))
    gone = flows_of(on, "bullet", 90).default.sum()
    assert gone == pytest.approx(-np.expm1(-0.001 * 90), rel=1e-9)


def test_more_than_stands_cannot_default(make_curves: MakeCurves) -> None:
    credit = SegmentCredit(
        default_by_age=[{"ages": (60,), "cumulative": (0.7,)}],
        prepay_by_age=[{"ages": (60,), "cumulative": (0.6,)}],
        severity=0.0,
    )
    with pytest.raises(InputError, match=r"default_by_age.*of the amount lent to be in default"):
        flows_of(make_curves(60, "day", a=credit), "bullet", 60)


def test_defaulted_loans_default_at_once_at_any_age(
    make_curves: MakeCurves, make_pool: Callable[..., Pool]
) -> None:
    credit = SegmentCredit(
        default_by_age=[{"ages": (30, 400), "cumulative": (0.02, 0.02)}], severity=1.0
    )
    pool = make_pool(
        balance=[100.0, 100.0], origination_day=-60, maturity_day=90, days_past_due=[0, 91]
    )
    flows = project(pool, make_curves(6, a=credit)).flows
    assert flows.default[0, 0, 0] == pytest.approx(100.0)
    assert flows.default[0, 0, 1:].sum() == 0.0


def test_overdue_loans_have_the_whole_of_a_lifetime_loss_ahead(
    make_curves: MakeCurves, make_pool: Callable[..., Pool]
) -> None:
    pool = make_pool(balance=[100.0], origination_day=-90, maturity_day=-2, loan_type=3)
    credit = SegmentCredit(lifetime_loss=0.05, severity=0.5)
    flows = project(pool, make_curves(6, a=credit)).flows
    assert flows.default.sum() == pytest.approx(10.0)


def test_the_late_part_spreads_its_loss_over_the_longer_term(
    make_curves: MakeCurves, make_pool: Callable[..., Pool]
) -> None:
    pool = make_pool(balance=[100.0], origination_day=0, maturity_day=50, loan_type=3, rate=0.0)
    credit = SegmentCredit(lifetime_loss=0.1, severity=1.0, late_share=1.0, late_days=25)
    flows = project(pool, make_curves(100, "day", a=credit)).flows
    assert flows.default.sum() == pytest.approx(10.0)
    assert flows.default[0, 0, :50].sum() == pytest.approx(10.0 * 50 / 75)


def test_rates_by_month_and_by_period(make_curves: MakeCurves) -> None:
    curves = make_curves(
        3,
        a=SegmentCredit(mdr=(0.01, 0.02, 0.0), smm=(0.1, 0.0, 0.2), severity=0.0),
    )
    flows = flows_of(curves, "interest_only_bullet", 1000)
    np.testing.assert_allclose(flows.default[0, 0] / flows.opening[0, 0], [0.01, 0.02, 0.0])
    left = flows.opening[0, 0] - flows.default[0, 0]
    np.testing.assert_allclose(flows.prepaid[0, 0] / left, [0.1, 0.0, 0.2])


def test_a_monthly_rate_on_a_grid_by_days(make_curves: MakeCurves) -> None:
    """Twelve months of 365/12 days: a year leaves (1 - mdr)^12."""
    curves = make_curves(365, "day", a=SegmentCredit(mdr=0.02, severity=0.0))
    flows = flows_of(curves, "interest_only_bullet", 1000)
    assert flows.closing[0, 0, -1] == pytest.approx(0.98**12, rel=1e-12)


def test_lists_shorter_than_the_grid_are_refused_by_name(make_curves: MakeCurves) -> None:
    with pytest.raises(InputError) as caught:
        make_curves(
            6,
            a=SegmentCredit(cdr=(0.1, 0.2), severity=0.0),
            b=SegmentCredit(cdr=0.1, smm=(0.1,) * 5, severity=0.0),
        )
    told = str(caught.value)
    assert "credit.segments.a.cdr" in told
    assert "credit.segments.b.smm" in told
    assert "run_on" in told
    curves = make_curves(6, a=SegmentCredit(cdr=(0.1, 0.2), severity=0.0, run_on=True))
    rates = 1 - np.exp(-curves.default_intensity[0, 0])
    np.testing.assert_allclose(rates, [0.1, *[0.2] * 5])


@pytest.mark.parametrize(
    ("first", "last", "months"),
    [
        (date(2013, 9, 30), date(2013, 12, 31), 3.0),
        (date(2013, 10, 15), date(2013, 12, 31), 2 + 16 / 31),
        (date(2013, 11, 30), date(2014, 2, 28), 3.0),
        (date(2013, 1, 31), date(2013, 3, 1), 1 + 1 / 31),
        (date(2013, 12, 31), date(2013, 12, 31), 0.0),
        (date(2014, 3, 1), date(2013, 12, 31), 0.0),
    ],
)
def test_months_between_days(first: date, last: date, months: float) -> None:
    days = [np.array([(day - AS_OF).days]) for day in (first, last)]
    assert months_between(AS_OF, *days) == pytest.approx(months)


def test_speeds_and_curves_say_the_same_thing(make_curves: MakeCurves) -> None:
    """A yearly rate, a monthly rate and a curve by age of one behaviour: one cash flow."""
    cdr = 0.12
    hazard = float(speeds.intensity(cdr)) / 365.0
    told = [
        SegmentCredit(cdr=cdr, severity=0.4),
        SegmentCredit(mdr=float(speeds.per_period(cdr, 1 / 12)), severity=0.4),
        SegmentCredit(default_by_age=[by_age(hazard, 300)], severity=0.4),
    ]
    cash = [
        flows_of(make_curves(200, "day", a=each), "level_payment", 200, rate=0.2) for each in told
    ]
    for other in cash[1:2]:
        np.testing.assert_allclose(other.default, cash[0].default, rtol=1e-9, atol=1e-15)
