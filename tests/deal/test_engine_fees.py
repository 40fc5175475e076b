"""Fees and accounts, worked out by hand; months are twelfths of a year."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy_financial as npf
import pytest

from scfcap.deal.assets import GivenAssets
from scfcap.deal.engine import run_deal
from scfcap.deal.outcome import DealRun
from scfcap.deal.structure import Deal
from scfcap.periods import PeriodGrid

from .dealing import CLOSING, pool_of, run, spec_of

MONTHS = {"day_count": "act/act-icma"}
#: What is left of a pool of 1200 that pays 100 a month, at the start of each month.
POOL = [1200.0, 1100.0, 1000.0, 900.0]


def charged(fee: dict[str, Any], *, interest: Any = 50.0, **more: Any) -> DealRun:
    """Four months of a deal that pays a fee and nothing else out of its interest."""
    terms: dict[str, Any] = {
        "collections": {"interest": "interest"},
        "accounts": {"interest": {}},
        "fees": {"f": fee},
        "tranches": {"A": {"balance": 1000.0}},
        "waterfall": {"amortising": [
            {"pay": "fee", "to": "f", "from": "interest"},
            {"pay": "principal", "to": "A"},
        ]},
    } | MONTHS | more  # fmt: skip
    return run(terms, pool_of(1200.0, [100.0] * 4, interest=interest), 4)


@pytest.mark.parametrize(
    ("fee", "due"),
    [
        ({"amount": 24.0}, [2.0] * 4),
        ({"rate": 0.12}, [p * 0.01 for p in POOL]),
        ({"rate": 0.12, "amount": 24.0}, [2.0 + p * 0.01 for p in POOL]),
        ({"rate": 0.12, "of": "notes"}, [10.0, 9.0, 8.0, 7.0]),
        ({"rate": 0.12, "of": "pool"}, [11.0, 10.0, 9.0, 8.0]),
        ({"rate": 0.12, "of": "pool_at_closing"}, [12.0] * 4),
        ({"rate": 0.12, "cap": 130.0}, [130.0 / 12, 130.0 / 12, 10.0, 9.0]),
        ({"rate": 0.12, "floor": 126.0}, [12.0, 11.0, 10.5, 10.5]),
        ({"floor": 126.0}, [10.5] * 4),
        ({"rate": 0.12, "floor": 126.0, "cap": 126.0}, [10.5] * 4),
        ({"formula": "0.1 * collected_interest"}, [20.0] * 4),
        ({"formula": "pool - 950"}, [150.0, 50.0, 0.0, 0.0]),
        ({"formula": "0.1 * collected_interest", "cap": 36.0}, [3.0] * 4),
        ({"formula": "0.01 * collected_interest", "floor": 84.0}, [7.0] * 4),
    ],
)
def test_what_a_fee_is_due(fee: dict[str, Any], due: list[float]) -> None:
    result = charged(fee, interest=200.0)
    np.testing.assert_allclose(result.fee_paid[:, 0, 0], due, rtol=1e-12)
    assert (result.fee_owed == 0.0).all()


def test_a_fee_between_payment_dates_adds_up_over_its_periods() -> None:
    """A quarter of the pool of three months ago, whose amount does not change in it."""
    result = charged({"rate": 0.12, "cap": 140.0}, settlement={"payment_every": 2})
    np.testing.assert_allclose(result.fee_paid[:, 0, 0], [0.0, 140.0 / 6, 0.0, 20.0])


def test_a_fee_that_is_not_paid_stays_owed_without_interest() -> None:
    result = charged({"amount": 120.0}, interest=[4.0, 4.0, 30.0, 50.0])
    assert result.fee_paid[:, 0, 0].tolist() == pytest.approx([4.0, 4.0, 22.0, 10.0])
    assert result.fee_owed[:, 0, 0].tolist() == pytest.approx([6.0, 12.0, 0.0, 0.0])


def test_what_is_above_the_cap_is_never_due() -> None:
    """The cap bears on what falls due, so arrears of earlier dates are paid beyond it."""
    result = charged({"amount": 240.0, "cap": 120.0}, interest=[4.0, 40.0, 40.0, 40.0])
    assert result.fee_paid[:, 0, 0].tolist() == pytest.approx([4.0, 16.0, 10.0, 10.0])


def test_arrears_of_a_fee_bear_interest_on_interest() -> None:
    """Nothing is paid: 10 a month at 1% a month is an annuity's future value (numpy-financial)."""
    result = charged({"amount": 120.0, "arrears_rate": 0.12}, interest=0.0)
    expected = [npf.fv(0.01, n, -10.0, 0.0) for n in range(1, 5)]
    np.testing.assert_allclose(result.fee_owed[:, 0, 0], expected, rtol=1e-12)


def test_arrears_of_a_fee_by_formula_bear_interest_too() -> None:
    result = charged({"formula": "10", "arrears_rate": 0.12}, interest=[0.0, 0.0, 100.0, 0.0])
    assert result.fee_owed[:2, 0, 0].tolist() == pytest.approx([10.0, 20.1])
    assert result.fee_paid[2, 0, 0] == pytest.approx(20.1 * 1.01 + 10.0)


def test_fees_are_paid_in_order_or_pro_rata() -> None:
    fees = {"a": {"amount": 120.0}, "b": {"amount": 60.0}, "c": {"amount": 60.0}}
    pay = {"pay": "fee", "to": ["a", "b", "c"]}
    base = MONTHS | {"fees": fees, "tranches": {"E": {"kind": "equity", "balance": 1.0}}}
    assets = pool_of(12.0, [12.0])
    shared = run(base | {"waterfall": {"amortising": [pay]}}, assets, 1)
    assert shared.fee_paid[0, :, 0].tolist() == pytest.approx([6.0, 3.0, 3.0])
    ordered = [pay | {"split": "in order", "to": ["c", "a", "b"]}]
    ranked = run(base | {"waterfall": {"amortising": ordered}}, assets, 1)
    assert ranked.fee_paid[0, :, 0].tolist() == pytest.approx([7.0, 0.0, 5.0])
    assert ranked.fee_owed[0, :, 0].tolist() == pytest.approx([3.0, 5.0, 0.0])


def test_a_deal_that_cannot_pay_its_fees_runs_and_says_so() -> None:
    result = charged({"amount": 1200.0}, interest=1.0)
    assert result.fee_owed[-1, 0, 0] == pytest.approx(400.0 - 4.0)
    assert result.of("principal", "A")[0].tolist() == [100.0] * 4


# --- closing --------------------------------------------------------------------------------


def test_proceeds_pay_for_the_pool_the_accounts_and_the_costs() -> None:
    """1000 at 99% and 100 at par; 1200 at 101%, 22 into a reserve, 11 and 5 of costs."""
    terms = {
        "assets": {"price": 1.01},
        "accounts": {"reserve": {"initial": "0.02 * notes"}},
        "fees": {"counsel": {"upfront": "0.01 * notes"}},
        "hedges": {"cap": {"kind": "cap", "notional": "1", "receive_index": "i", "premium": 5.0}},
        "tranches": {
            "A": {"balance": 1000.0, "issue_price": 0.99},
            "B": {"balance": 100.0},
            "E": {"kind": "equity", "balance": 77.0, "issue_price": 0.0},
        },
        "waterfall": {"amortising": [{"pay": "residual", "from": ["reserve", "collection"]}]},
    }
    result = run(terms, pool_of(1200.0, [100.0]), 1, indices={"i": [0.0, 0.0]})
    closing = result.closing
    assert closing.notes.tolist() == [1090.0]
    assert closing.pool.tolist() == [1212.0]
    assert closing.accounts.tolist() == [22.0]
    assert closing.costs.tolist() == [16.0]
    assert closing.contribution.tolist() == pytest.approx([1212.0 + 22.0 + 16.0 - 1090.0])
    assert result.trace is None
    assert result.cash.sum() == 0.0


def test_a_deal_that_stands_closes_nothing() -> None:
    terms = {
        "accounts": {"reserve": {"initial": 50.0}},
        "fees": {"counsel": {"upfront": 9.0}},
        "tranches": {"A": {"share": 0.5}},
        "opening": {
            "date": CLOSING,
            "balances": {"A": 70.0},
            "accounts": {"reserve": 12.0, "collection": 3.0},
            "pool_at_closing": 300.0,
        },
        "waterfall": {"amortising": [{"pay": "principal", "to": "A"}]},
    }
    result = run(terms, pool_of(100.0, [10.0]), 1)
    assert result.closing.costs.tolist() == [0.0]
    assert result.closing.notes.tolist() == [0.0]
    assert result.original[0].tolist() == [150.0]
    assert result.opening[0].tolist() == [70.0]
    assert result.of("principal", "A")[0].tolist() == [13.0]
    assert result.cash[0, :, 0].tolist() == [0.0, 12.0]


# --- accounts -------------------------------------------------------------------------------


@pytest.mark.parametrize(("to", "place"), [(None, 0), ("reserve", 1), ("income", 2)])
def test_idle_cash_earns_on_what_was_held_at_the_start(to: str | None, place: int) -> None:
    earning = {"initial": 100.0, "earns": 0.12} | ({"interest_to": to} if to else {})
    terms = MONTHS | {
        "accounts": {"reserve": earning, "income": {}},
        "tranches": {"A": {"balance": 1.0}},
        "waterfall": {"amortising": [{"pay": "account", "to": "income", "when": "false"}]},
    }
    result = run(terms, pool_of(50.0, [0.0] * 3), 3)
    grows = [1.0, 1.01, 1.0201] if to == "reserve" else [1.0] * 3
    np.testing.assert_allclose(result.of("cash_yield")[0], grows)
    held = np.array([0.0, 100.0, 0.0])
    held[place] += sum(grows)
    np.testing.assert_allclose(result.cash[-1, :, 0], held)


def test_yield_that_goes_to_another_account_bears_from_the_next_period_on() -> None:
    """1% a month on 100 goes to an account that earns 2% a month: 0, 0.02, then 2% of 2.02."""
    terms = MONTHS | {
        "accounts": {
            "first": {"initial": 100.0, "earns": 0.12, "interest_to": "second"},
            "second": {"earns": 0.24, "interest_to": "second"},
        },
        "tranches": {"A": {"balance": 1.0}},
        "waterfall": {"amortising": [{"pay": "principal", "to": "A"}]},
    }
    result = run(terms, pool_of(50.0, [0.0] * 3), 3)
    np.testing.assert_allclose(result.of("cash_yield")[0], [1.0, 1.02, 1.0404])
    np.testing.assert_allclose(result.cash[:, 2, 0], [1.0, 2.02, 3.0604])


def test_cash_that_comes_in_bears_nothing_until_the_next_period() -> None:
    terms = MONTHS | {
        "accounts": {"collection": {"earns": 0.12}},
        "tranches": {"A": {"balance": 1000.0}},
        "settlement": {"payment_every": 3},
        "waterfall": {"amortising": [{"pay": "principal", "to": "A"}]},
    }
    result = run(terms, pool_of(300.0, [100.0] * 3), 3)
    np.testing.assert_allclose(result.of("cash_yield")[0], [0.0, 1.0, 2.01])
    assert result.of("principal", "A")[0].tolist() == pytest.approx([0.0, 0.0, 303.01])


def test_days_and_weeks_earn_by_their_days() -> None:
    spec = spec_of(
        {
            "accounts": {"reserve": {"initial": 365.0, "earns": 0.1}},
            "tranches": {"A": {"balance": 1.0}},
            "waterfall": {"amortising": [{"pay": "principal", "to": "A"}]},
        }
    )
    none = np.zeros((1, 2))
    for frequency, days in (("day", 1), ("week", 7)):
        assets = GivenAssets(np.array([5.0]), none, none, none, none, none + 5.0)
        deal = Deal.of("test", spec, PeriodGrid.build(CLOSING, 2, frequency))
        earned = run_deal(deal, assets).of("cash_yield")[0]
        np.testing.assert_allclose(earned, [0.1 * days] * 2)


def test_collections_go_to_the_accounts_that_are_named() -> None:
    terms = {
        "collections": {"interest": "i", "principal": "p", "recovery": "r"},
        "accounts": {name: {} for name in "ipr"},
        "tranches": {"A": {"balance": 1.0}},
        "waterfall": {"amortising": [{"pay": "principal", "to": "A"}]},
    }
    assets = pool_of(100.0, [10.0], interest=3.0, default=5.0, recovery=2.0)
    result = run(terms, assets, 1)
    assert result.deal.accounts == ("collection", "i", "p", "r")
    assert result.cash[0, :, 0].tolist() == [0.0, 3.0, 10.0, 2.0]


def test_a_reserve_target_that_falls_is_released_and_one_that_rises_is_filled() -> None:
    terms = {
        "accounts": {
            "reserve": {"initial": 30.0, "target": "if(payment == 2, 50, 0.25 * balance.A)"}
        },
        "tranches": {"A": {"balance": 120.0}},
        "waterfall": {"amortising": [
            {"pay": "principal", "to": "A", "amount": 20.0},
            {"pay": "transfer", "to": "collection", "from": "reserve", "keep": "target.reserve"},
            {"pay": "account", "to": "reserve"},
            {"pay": "residual"},
        ]},
    }  # fmt: skip
    result = run(terms, pool_of(400.0, [50.0] * 3), 3, trace=True)
    assert result.cash[:, 1, 0].tolist() == [25.0, 50.0, 15.0]
    assert result.trace is not None
    assert result.trace[2, 3, :, 0].tolist() == [35.0, 5.0, 65.0]


def test_cash_may_be_given_instead_of_what_the_deal_says() -> None:
    terms = {
        "accounts": {"reserve": {"initial": 30.0}},
        "tranches": {"A": {"balance": 120.0}},
        "waterfall": {"amortising": [{"pay": "principal", "to": "A", "from": "reserve"}]},
    }
    assets = pool_of([400.0, 400.0], [[50.0], [50.0]])
    result = run(terms, assets, 1, cash=np.array([[1.0, 2.0], [7.0, 8.0]]))
    assert result.cash[0].tolist() == [[51.0, 52.0], [0.0, 0.0]]
    assert result.of("principal", "A").ravel().tolist() == [7.0, 8.0]
