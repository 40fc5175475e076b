"""Interest: day counts, odd first periods, delays, shortfalls, deferral."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import numpy_financial as npf
import pytest
import QuantLib as ql  # noqa: N813

from scfcap.deal.outcome import DealRun

from .dealing import pool_of, run, spec_of

MONTHS = {"day_count": "act/act-icma"}
INTEREST = {"pay": "interest", "to": "A"}
COUNTS = {
    "30/360": ql.Thirty360(ql.Thirty360.BondBasis),
    "30E/360": ql.Thirty360(ql.Thirty360.EurobondBasis),
    "act/360": ql.Actual360(),
    "act/365": ql.Actual365Fixed(),
    "act/act-isda": ql.ActualActual(ql.ActualActual.ISDA),
}


def quant(day: date) -> ql.Date:
    return ql.Date(day.day, day.month, day.year)


def bearing(
    tranche: dict[str, Any], interest: Any, periods: int, principal: float = 0.0, **more: Any
) -> DealRun:
    """A class of 1000 unless said, with so much interest and principal a month to pay it."""
    terms = {
        "collections": {"interest": "interest"},
        "accounts": {"interest": {}},
        "tranches": {"A": {"balance": 1000.0} | tranche},
        "waterfall": {
            "amortising": [INTEREST | {"from": "interest"}, {"pay": "principal", "to": "A"}]
        },
    } | more
    return run(terms, pool_of(5000.0, [principal] * periods, interest=interest), periods)


@pytest.mark.parametrize("day_count", COUNTS)
@pytest.mark.parametrize(
    "settlement",
    [
        {},
        {"delay_days": 15},
        {"payment_every": 3},
        {"payment_every": 2, "delay_days": 20},
        {"first_payment": date(2020, 5, 20), "payment_every": 6, "delay_days": 20},
    ],
)
def test_coupons_are_those_of_quantlib(day_count: str, settlement: dict[str, Any]) -> None:
    """From closing on 13 December 2019 to the first payment date, then from date to date."""
    spec = spec_of(
        {
            "closing": date(2019, 12, 13),
            "day_count": day_count,
            "settlement": settlement,
            "tranches": {"A": {"balance": 1e6, "coupon": 0.0475}},
            "waterfall": {"amortising": [INTEREST]},
        }
    )
    result = run(spec, pool_of(1e6, [0.0] * 24, interest=1e5), 24)
    calendar = result.deal.calendar
    paid = [day for day, pays in zip(calendar.dates, calendar.pays, strict=True) if pays]
    counts, since, expected = COUNTS[day_count], spec.closing, []
    for day in paid:
        expected.append(1e6 * 0.0475 * counts.yearFraction(quant(since), quant(day)))
        since = day
    got = result.of("interest_paid", "A")[0]
    np.testing.assert_allclose(got[calendar.pays], expected, rtol=1e-12)
    assert (got[~calendar.pays] == 0.0).all()
    assert len(paid) == {1: 24, 2: 12, 3: 8, 6: 4}[settlement.get("payment_every", 1)]


def test_a_class_may_count_days_in_its_own_way() -> None:
    """Closing to 29 February: 60 days over 360, and two months less a day at 30/360."""
    terms = {
        "settlement": {"payment_every": 2},
        "tranches": {
            "A": {"balance": 1000.0, "coupon": 0.06, "day_count": "act/360"},
            "B": {"balance": 1000.0, "coupon": 0.06},
        },
        "waterfall": {"amortising": [{"pay": "interest", "to": ["A", "B"]}]},
    }
    result = run(terms, pool_of(2000.0, [0.0] * 2, interest=50.0), 2)
    np.testing.assert_allclose(result.of("interest_paid")[0, :, 1], [10.0, 60.0 * 59 / 360])


def test_months_are_twelfths_by_icma() -> None:
    result = bearing({"coupon": 0.06}, 50.0, 12, **MONTHS)
    np.testing.assert_allclose(result.of("interest_paid", "A")[0], 5.0, rtol=1e-12)


def test_what_is_repaid_bears_interest_up_to_the_day_of_repayment() -> None:
    result = bearing({"coupon": 0.12}, 50.0, 4, principal=400.0, **MONTHS)
    assert result.of("balance", "A")[0].tolist() == [600.0, 200.0, 0.0, 0.0]
    np.testing.assert_allclose(result.of("interest_paid", "A")[0], [10.0, 6.0, 2.0, 0.0])


def test_a_loan_that_is_a_level_payment_loan_pays_as_one() -> None:
    """Interest first, the rest of each level payment as principal: numpy-financial's schedule."""
    level = float(-npf.pmt(0.08 / 12, 24, 1000.0))
    terms = MONTHS | {
        "tranches": {"A": {"balance": 1000.0, "coupon": 0.08}},
        "waterfall": {"amortising": [INTEREST, {"pay": "principal", "to": "A"}]},
    }
    result = run(terms, pool_of(24 * level, [level] * 24), 24)
    numbers = np.arange(1, 25)
    np.testing.assert_allclose(
        result.of("interest_paid", "A")[0], -npf.ipmt(0.08 / 12, numbers, 24, 1000.0), rtol=1e-9
    )
    np.testing.assert_allclose(
        result.of("principal", "A")[0], -npf.ppmt(0.08 / 12, numbers, 24, 1000.0), rtol=1e-9
    )


def test_a_shortfall_bears_the_coupon() -> None:
    """10 a month at 1% a month, of which nothing is paid for three months."""
    result = bearing({"coupon": 0.12}, [0.0, 0.0, 0.0, 100.0], 4, **MONTHS)
    owed = [float(npf.fv(0.01, n, -10.0, 0.0)) for n in range(1, 5)]
    np.testing.assert_allclose(result.of("interest_due", "A")[0], owed, rtol=1e-12)
    np.testing.assert_allclose(result.of("owed", "A")[0], [*owed[:3], 0.0], atol=1e-9)
    assert result.of("interest_paid", "A")[0, 3] == pytest.approx(owed[3])


def test_a_shortfall_without_interest_on_it_adds_up_simply() -> None:
    tranche = {"coupon": 0.12, "interest_on_shortfall": False}
    result = bearing(tranche, [4.0, 0.0, 0.0, 100.0], 4, **MONTHS)
    np.testing.assert_allclose(result.of("owed", "A")[0], [6.0, 16.0, 26.0, 0.0])
    assert result.of("interest_paid", "A")[0].tolist() == pytest.approx([4.0, 0.0, 0.0, 36.0])


def test_a_shortfall_is_timely_only_until_it_happens() -> None:
    late = bearing({"coupon": 0.12}, [10.0, 0.0, 100.0], 3, principal=500.0, **MONTHS)
    assert late.paid_in_full.all()
    assert not late.timely_interest.any()
    assert bearing({"coupon": 0.12}, 10.0, 3, principal=500.0, **MONTHS).timely_interest.all()


def test_before_the_first_interest_date_it_accrues_without_interest_on_it() -> None:
    """Three months of 10 fall due together on 31 March."""
    tranche = {"coupon": 0.12, "first_interest": date(2020, 3, 31)}
    result = bearing(tranche, 50.0, 5, **MONTHS)
    np.testing.assert_allclose(result.of("interest_paid", "A")[0], [0.0, 0.0, 30.0, 10.0, 10.0])
    np.testing.assert_allclose(result.of("interest_due", "A")[0], [0.0, 0.0, 30.0, 10.0, 10.0])


def test_interest_before_the_first_date_is_on_what_then_stood() -> None:
    tranche = {"coupon": 0.12, "first_interest": date(2020, 3, 1)}
    result = bearing(tranche, 50.0, 4, principal=500.0, **MONTHS)
    np.testing.assert_allclose(result.of("interest_paid", "A")[0], [0.0, 0.0, 15.0, 0.0])


def test_classes_share_interest_by_what_each_is_due() -> None:
    terms = MONTHS | {
        "tranches": {
            "A": {"balance": 1000.0, "coupon": 0.12},
            "B": {"balance": 500.0, "coupon": 0.12},
        },
        "waterfall": {"amortising": [{"pay": "interest", "to": ["A", "B"]}]},
    }
    result = run(terms, pool_of(100.0, [0.0], interest=6.0), 1)
    np.testing.assert_allclose(result.of("interest_paid")[0, :, 0], [4.0, 2.0])
    np.testing.assert_allclose(result.of("owed")[0, :, 0], [6.0, 3.0])


# --- floating -------------------------------------------------------------------------------


def test_a_floating_coupon_is_set_at_the_start_of_its_period() -> None:
    levels = [0.01, 0.02, 0.05, 0.09, 0.0]
    tranche = {"kind": "floating", "index": "i", "margin": 0.02, "floor": 0.035, "cap": 0.10}
    terms = MONTHS | {
        "tranches": {"A": {"balance": 1200.0} | tranche},
        "waterfall": {"amortising": [INTEREST]},
    }
    result = run(terms, pool_of(5000.0, [0.0] * 4, interest=50.0), 4, indices={"i": levels})
    np.testing.assert_allclose(result.of("interest_paid", "A")[0], [3.5, 4.0, 7.0, 10.0])


def test_a_floating_coupon_is_set_once_between_payment_dates() -> None:
    levels = [0.01, 0.5, 0.5, 0.03, 0.5, 0.5, 0.5]
    terms = MONTHS | {
        "settlement": {"payment_every": 3},
        "tranches": {"A": {"balance": 1200.0, "kind": "floating", "index": "i"}},
        "waterfall": {"amortising": [INTEREST]},
    }
    result = run(terms, pool_of(5000.0, [0.0] * 6, interest=50.0), 6, indices={"i": levels})
    np.testing.assert_allclose(result.of("interest_paid", "A")[0], [0, 0, 3.0, 0, 0, 9.0])


def test_a_negative_margin_and_index_are_floored() -> None:
    tranche = {"kind": "floating", "index": "i", "margin": -0.02}
    terms = MONTHS | {
        "tranches": {"A": {"balance": 1200.0} | tranche},
        "waterfall": {"amortising": [INTEREST]},
    }
    levels = {"i": [-0.01, 0.05, 0.0]}
    result = run(terms, pool_of(5000.0, [0.0] * 2, interest=50.0), 2, indices=levels)
    np.testing.assert_allclose(result.of("interest_paid", "A")[0], [0.0, 3.0])


@pytest.mark.parametrize("kind", ["fixed", "floating"])
def test_an_available_funds_cap_is_never_made_up(kind: str) -> None:
    """8% on 1200, capped at what was collected over the balance: 6, then 4; 8 fits on date 3."""
    tranche: dict[str, Any] = {"available_cap": "12 * collected_interest / balance.A"}
    tranche |= {"coupon": 0.08} if kind == "fixed" else {"kind": "floating", "index": "i"}
    terms = MONTHS | {
        "tranches": {"A": {"balance": 1200.0} | tranche},
        "measures": {"coupon": {"of": "coupon.A"}},
        "waterfall": {"amortising": [INTEREST]},
    }
    assets = pool_of(5000.0, [0.0] * 3, interest=[6.0, 4.0, 50.0])
    result = run(terms, assets, 3, indices={"i": [0.08] * 4})
    np.testing.assert_allclose(result.of("interest_paid", "A")[0], [6.0, 4.0, 8.0])
    np.testing.assert_allclose(result.measures[:, 0, 0], [0.06, 0.04, 0.08])
    assert (result.of("owed", "A") == 0.0).all()
