"""Deals that pay in whole cents: amounts half to even, and nothing over at the end."""

from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from .dealing import pool_of, run

CENT = Decimal("0.01")


def whole(values: Any) -> bool:
    """Whether amounts are whole cents, as close as floats can be."""
    cents = np.asarray(values) * 100.0
    return bool((np.abs(cents - np.round(cents)) < 1e-5).all())


def months(years: int, balance: float, coupon: float) -> Decimal:
    return (Decimal(str(balance)) * Decimal(str(coupon)) * years / 12).quantize(
        CENT, ROUND_HALF_EVEN
    )


@pytest.mark.parametrize(
    ("balance", "coupon"), [(1001.0, 0.06), (1003.0, 0.06), (123_456_789.01, 0.0377), (77.77, 0.05)]
)
def test_interest_falls_due_in_cents_half_to_even(balance: float, coupon: float) -> None:
    """1001 and 1003 at 6% are 5.005 and 5.015 a month: to 5.00 and 5.02."""
    terms = {
        "cents": True,
        "tranches": {"A": {"balance": balance, "coupon": coupon}},
        "waterfall": {"amortising": [{"pay": "interest", "to": "A"}]},
    }
    result = run(terms, pool_of(balance, [0.0], interest=balance), 1)
    assert result.of("interest_paid", "A")[0, 0] == float(months(1, balance, coupon))


def test_a_share_of_what_is_due_is_rounded_half_to_even() -> None:
    terms = {
        "cents": True,
        "tranches": {"A": {"balance": 100.25}, "B": {"balance": 100.75}},
        "waterfall": {
            "amortising": [
                {"pay": "principal", "to": "A", "share": 0.5},
                {"pay": "principal", "to": "B", "share": 0.5},
            ]
        },
    }
    result = run(terms, pool_of(300.0, [300.0]), 1)
    assert result.of("principal")[0, :, 0].tolist() == [50.12, 50.38]


def test_cash_of_a_fraction_of_a_cent_is_not_paid_out() -> None:
    terms = {
        "cents": True,
        "tranches": {"A": {"balance": 100.0}},
        "waterfall": {"amortising": [{"pay": "principal", "to": "A"}]},
    }
    result = run(terms, pool_of(100.0, [10.009, 10.009]), 2)
    np.testing.assert_allclose(result.of("principal", "A")[0], [10.0, 10.01], atol=1e-9)
    np.testing.assert_allclose(result.cash[:, 0, 0], [0.009, 0.008], atol=1e-9)


def test_shares_in_cents_add_up_to_what_is_paid() -> None:
    """100 over three equal classes: 33.33, to 66.67 33.34, to 100 33.33."""
    terms = {
        "cents": True,
        "tranches": {name: {"balance": 50.0} for name in "ABC"},
        "waterfall": {"amortising": [{"pay": "principal", "to": ["A", "B", "C"]}]},
    }
    result = run(terms, pool_of(150.0, [100.0, 50.0]), 2)
    np.testing.assert_allclose(result.of("principal")[0, :, 0], [33.33, 33.34, 33.33], atol=1e-9)
    np.testing.assert_allclose(result.of("principal")[0, :, 1], [16.67, 16.66, 16.67], atol=1e-9)


def test_shared_payments_are_those_of_exact_arithmetic() -> None:
    """Sums of shares to the nearest cent in fractions of integers, whose differences are paid."""
    random = np.random.default_rng(20200229)
    for _ in range(50):
        cents = [int(c) for c in random.integers(10_000, 10**9, 3)]
        total = sum(cents)
        paid = int(random.integers(1, total))
        until = [round(Fraction(paid * sum(cents[:j]), total)) for j in range(4)]
        terms = {
            "cents": True,
            "tranches": {n: {"balance": c / 100} for n, c in zip("ABC", cents, strict=True)},
            "waterfall": {"amortising": [{"pay": "principal", "to": ["A", "B", "C"]}]},
        }
        result = run(terms, pool_of(total / 100, [paid / 100]), 1)
        got = np.round(result.of("principal")[0, :, 0] * 100).astype(int)
        assert got.tolist() == np.diff(until).tolist()


def test_many_payments_in_cents_end_at_exactly_nothing() -> None:
    """Floats drift: what is left of a class after the last cent may not hold back the residual."""
    random = np.random.default_rng(20200331)
    for _ in range(100):
        sizes = np.round(random.uniform(1e6, 1e9, 2), 2)
        paid = np.round(random.uniform(0.05, 0.12, 12) * sizes.sum(), 2)
        paid[-1] = 3.0 * np.round(sizes.sum(), 2)
        terms = {
            "cents": True,
            "tranches": {
                name: {"balance": float(size)} for name, size in zip("AB", sizes, strict=True)
            },
            "waterfall": {
                "amortising": [
                    {"pay": "principal", "to": ["A", "B"]},
                    {"pay": "residual", "when": "notes <= 0"},
                ]
            },
        }
        result = run(terms, pool_of(paid.sum(), paid), 12)
        assert whole(result.of("principal"))
        assert (result.of("balance")[0, :, -1] == 0.0).all()
        assert result.cash[-1, 0, 0] < 0.01


@pytest.mark.parametrize("given", [False, True])
def test_classes_that_are_shares_of_the_pool_are_whole_cents(given: bool) -> None:
    terms = {
        "cents": True,
        "tranches": {"A": {"share": 1 / 3}, "B": {"share": 1 / 7}},
        "waterfall": {
            "amortising": [
                {"pay": "principal", "to": ["A", "B"]},
                {"pay": "residual", "when": "notes <= 0"},
            ]
        },
    }
    sizes = np.array([[1000 / 3], [1000 / 7]]) if given else None
    result = run(terms, pool_of(1000.0, [500.0, 500.0]), 2, balances=sizes)
    assert result.original[:, 0].tolist() == [333.33, 142.86]
    assert (result.of("balance")[0, :, -1] == 0.0).all()
    assert result.paid_in_full.all()


def test_what_lines_hedges_fees_and_accounts_pay_is_in_cents() -> None:
    terms = {
        "cents": True,
        "accounts": {"reserve": {"initial": 10.0, "target": "0.0333 * notes", "earns": 0.0123}},
        "fees": {"trustee": {"rate": 0.00987}},
        "lines": {"liquidity": {"commitment": 50.0, "rate": 0.0432, "fee_rate": 0.00321}},
        "hedges": {
            "swap": {"notional": "balance.A", "pay_rate": 0.0234, "receive_rate": 0.0123},
            "other": {"notional": "balance.A", "receive_rate": 0.0077, "pay_rate": 0.0011},
        },
        "tranches": {"A": {"balance": 777.77, "coupon": 0.0456}},
        "waterfall": {
            "amortising": [
                {"pay": "fee", "to": "trustee"},
                {"pay": "hedge", "to": ["swap", "other"]},
                {"pay": "interest", "to": "A", "from": ["collection", "liquidity"]},
                {"pay": "line", "to": "liquidity"},
                {"pay": "account", "to": "reserve"},
                {"pay": "principal", "to": "A"},
            ]
        },
    }
    pool = pool_of(1000.0, [0.0, 10.01, 20.02, 30.03], interest=[1.01, 2.02, 8.03, 9.04])
    result = run(terms, pool, 4, trace=True)
    assert result.trace is not None
    assert (result.trace[2, :, :, 0].max(axis=1) > 0.0).all()
    assert whole(result.trace[2])
    assert whole(result.cash)
    assert whole(result.drawn)
    assert whole(result.of("hedge_received"))
    assert whole(result.fee_owed)


def test_a_cent_that_is_not_there_whole_is_not_paid() -> None:
    """Of 0.6399999652 a class gets 0.63: the rest waits, and no money is made by rounding."""
    terms = {
        "cents": True,
        "tranches": {"A": {"balance": 100.0}},
        "waterfall": {"amortising": [{"pay": "principal", "to": ["A"]}]},
    }
    came = np.full(6, 0.6399999652)
    result = run(terms, pool_of(100.0, came), 6)
    until = [Fraction(str(0.6399999652)) * n // Fraction(1, 100) for n in range(1, 7)]
    paid = np.round(np.cumsum(result.of("principal")[0, 0]) * 100).astype(int)
    assert paid.tolist() == until
