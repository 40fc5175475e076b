from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.axes import LOAN_TYPES
from scfcap.cashflow.amortise import level_payment, schedule

Published = Callable[[str], dict[str, Any]]


def test_level_payment_in_cents(published: Published) -> None:
    table = published("amortisation/level_payment_in_cents")
    for loan in table["inputs"]["loans"]:
        expected = table["expected"][loan["id"]]
        got = schedule(loan["type"], loan["principal"], loan["annual_rate"], loan["periods"])
        for name in ("interest", "principal", "balance"):
            np.testing.assert_allclose(
                getattr(got, name), expected[name], rtol=0, atol=table["tol"]["abs"]
            )
        assert got.interest.sum() == pytest.approx(expected["total_interest"], abs=1e-9)
        assert list(got.to_frame()["payment"]) == list(range(1, loan["periods"] + 1))


def test_excel_pmt(published: Published) -> None:
    # PMT(8%/12, 10, 10000), IPMT(10%/12, 1, 36, 8000), PPMT(10%/12, 1, 24, 2000) by Excel's help.
    table = published("amortisation/excel_time_value_shared")
    expected, tol = table["expected"], table["tol"]["abs"]
    assert level_payment(10_000, 0.08, 10) == pytest.approx(-expected["pmt_loan"], abs=tol)
    third = schedule("level_payment", 8_000, 0.10, 36)
    assert third.interest[0] == pytest.approx(-expected["ipmt_month_1"], abs=tol)
    second = schedule("level_payment", 2_000, 0.10, 24)
    assert second.principal[0] == pytest.approx(-expected["ppmt_month_1"], abs=tol)
    yearly = schedule("level_payment", 200_000, 0.08, 10, per_year=1)
    # The payment is rounded to the cent; the last takes ten half cents and their interest.
    assert yearly.principal[-1] == pytest.approx(-expected["ppmt_year_10"], abs=0.08)


def test_the_other_types_by_hand() -> None:
    # 1,000 at 18% over three months: 15 of interest a month on the whole.
    even = schedule("equal_principal", 1_000, 0.18, 3)
    assert even.principal.tolist() == [333.33, 333.33, 333.34]
    assert even.interest.tolist() == [15.0, 10.0, 5.0]
    open_ended = schedule("interest_only_bullet", 1_000, 0.18, 3)
    assert open_ended.interest.tolist() == [15.0, 15.0, 15.0]
    assert open_ended.principal.tolist() == [0.0, 0.0, 1_000.0]
    order = schedule("order", 1_000, 0.18, 3)
    assert order.interest.tolist() == [0.0, 0.0, 45.0]
    assert order.balance.tolist() == [1_000.0, 1_000.0, 0.0]


def test_half_a_cent_goes_to_even() -> None:
    # 12.50 at 12%: 0.125 of interest in the month, halfway between 0.12 and 0.13.
    assert schedule("order", 12.50, 0.12, 1).interest.tolist() == [0.12]
    assert schedule("order", 13.50, 0.12, 1).interest.tolist() == [0.14]


def test_without_interest_the_payment_is_the_share() -> None:
    assert level_payment(1_000, 0.0, 3) == 333.33
    assert schedule("level_payment", 1_000, 0.0, 3).principal.tolist() == [333.33, 333.33, 333.34]


@given(
    kind=st.sampled_from(LOAN_TYPES),
    cents=st.integers(1, 10_000_000),
    rate=st.floats(0.0, 5.0),
    instalments=st.integers(1, 60),
)
def test_a_schedule_repays_its_principal_in_whole_cents(
    kind: str, cents: int, rate: float, instalments: int
) -> None:
    got = schedule(kind, cents / 100, rate, instalments)
    assert round(100 * got.principal.sum()) == cents
    assert got.balance[-1] == 0.0
    assert (got.principal >= 0.0).all()
    assert (np.diff(got.balance) <= 0.0).all()
    for column in (got.principal, got.interest, got.balance):
        np.testing.assert_allclose(100 * column, np.rint(100 * column), rtol=0, atol=1e-5)


def test_unknown_type_and_no_instalment_are_refused() -> None:
    with pytest.raises(ValueError, match="balloon"):
        schedule("balloon", 1_000, 0.1, 3)
    with pytest.raises(ValueError, match="instalments: 0"):
        schedule("order", 1_000, 0.1, 0)
