"""Internal rates and present values beside a spreadsheet's examples and two other libraries."""

from __future__ import annotations

from datetime import date, timedelta

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from scfcap.cashflow.returns import irr, mirr, npv, xirr, xnpv
from scfcap.errors import InputError
from tests.witnesses import yields
from tests.witnesses.book import holds


def test_worked_examples_of_a_spreadsheet() -> None:
    holds(yields.spreadsheet())


def test_dated_example_of_a_spreadsheet() -> None:
    holds(yields.dated())


def test_days_in_another_order_are_worth_the_same() -> None:
    days, amounts = [date(2008, 1, 1), date(2008, 3, 1), date(2009, 2, 15)], [-100.0, 27.5, 90.0]
    late_first = xnpv(0.09, days[::-1], amounts[::-1])
    assert late_first == pytest.approx(xnpv(0.09, days, amounts), abs=1e-9)


def test_rates_equal_those_of_other_libraries() -> None:
    holds(yields.numpy_financial_rates())
    holds(yields.scipy_roots())


@given(
    st.lists(st.floats(0.5, 1_000), min_size=1, max_size=40),
    st.floats(-0.9, 20.0),
    st.integers(3, 400),
)
def test_a_rate_that_made_the_price_is_found_again(
    receipts: list[float], rate: float, step: int
) -> None:
    times = np.arange(1, len(receipts) + 1)
    price = float((np.array(receipts) * (1 + rate) ** -times.astype(np.float64)).sum())
    assert irr([-price, *receipts]) == pytest.approx(rate, rel=1e-6, abs=1e-8)
    # Nearer to -1 a yearly rate has too few digits left to make the price again.
    assume((1.0 + rate) ** (365.0 / step) > 1e-6)
    start = date(2013, 1, 1)
    days = [start, *(start + timedelta(days=int(n) * step) for n in times)]
    found = xirr(days, [-price, *receipts])
    worth = np.array([-price, *receipts]) @ (
        (1 + found) ** -(np.array([(day - start).days for day in days]) / 365.0)
    )
    assert worth == pytest.approx(0.0, abs=1e-6 * (price + sum(receipts)))


def test_leading_and_inner_zeros_change_nothing() -> None:
    plain = irr([-100, 60, 0, 60])
    assert irr([0, 0, -100, 60, 0, 60, 0]) == pytest.approx(plain, abs=1e-12)
    assert irr([*[0] * 2_000, -100, 60, 0, 60]) == pytest.approx(plain, abs=1e-12)


def test_several_changes_of_sign_with_one_rate() -> None:
    # A revolving line: drawn, repaid, drawn again.
    flows = [-100.0, 50.0, -20.0, 80.0, 10.0]
    assert npv(irr(flows), flows) == pytest.approx(0.0, abs=1e-9)


def test_two_rates_are_refused_and_both_are_named() -> None:
    # -1 + 2.3 v - 1.32 v^2 = 0 at v = 1/1.1 and 1/1.2.
    with pytest.raises(InputError, match=r"2 rates .* about 9\.8%, 20\.1%.*Use mirr"):
        irr([-100, 230, -132])


@pytest.mark.parametrize(
    ("flows", "words"),
    [
        ([100, 10], "flows that have one sign"),
        ([0, 0], "flows that are all zero"),
        ([-1, float("nan")], "nan at position 2"),
        ([-1, float("inf")], "inf at position 2"),
        ([], "amounts of shape"),
        ([-100, 150, -100], "no root between -0.9933 and 1.628e.05: .* below zero at both ends"),
        ([-100, 1e-300], "no root between -1 and 1.404e.217"),
    ],
)
def test_flows_without_a_rate_are_refused(flows: list[float], words: str) -> None:
    with pytest.raises(InputError, match=f"irr: found {words}"):
        irr(flows)


def test_bad_days_and_rates_are_refused() -> None:
    day = date(2013, 1, 1)
    with pytest.raises(InputError, match="1 days with 2 amounts"):
        xirr([day], [-1, 2])
    with pytest.raises(InputError, match="no day at position 2"):
        xnpv(0.1, np.array(["2013-01-01", "NaT"], dtype="datetime64[D]"), [-1, 2])
    with pytest.raises(InputError, match="have one sign"):
        xirr([day, day], [1, 2])
    with pytest.raises(InputError, match="no root between"):
        xirr([day, day], [-1, 2])
    with pytest.raises(InputError, match="a rate of -1"):
        npv(-1.0, [-1, 2])
    with pytest.raises(InputError, match="one sign"):
        mirr([1, 2], 0.1, 0.1)


@pytest.mark.parametrize("told", [None, -1.0, 0.2, 5.0])
def test_where_the_library_finds_no_rate_that_solves_bisection_does(
    told: float | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """100 that come back as 121 after two periods: (1 + r)^2 = 1.21."""
    monkeypatch.setattr("pyxirr.irr", lambda *_, **__: told)
    assert irr([-100.0, 0.0, 121.0]) == pytest.approx(0.1, abs=1e-12)
    assert irr([121.0, 0.0, -100.0]) == pytest.approx(10.0 / 11.0 - 1.0, abs=1e-12)
