"""Liquidity lines, hedges, losses written off and given back."""

from __future__ import annotations

from datetime import date
from typing import Any

import numpy as np
import pytest
import QuantLib as ql  # noqa: N813

from .dealing import pool_of, run, spec_of

MONTHS = {"day_count": "act/act-icma"}


def steps(*given: dict[str, Any]) -> dict[str, Any]:
    return {"waterfall": {"amortising": list(given)}}


LINE = {
    "tranches": {"A": {"balance": 1000.0, "coupon": 0.12}},
} | MONTHS | steps(
    {"pay": "line", "to": "l"},
    {"pay": "interest", "to": "A", "from": ["collection", "l"]},
)  # fmt: skip


def lined(line: dict[str, Any], interest: Any, **options: Any) -> Any:
    count = len(interest)
    terms = LINE | {"lines": {"l": line}}
    return run(terms, pool_of(5000.0, [0.0] * count, interest=interest), count, **options)


def test_a_line_is_drawn_for_what_lacks_and_repaid_with_interest() -> None:
    """10 a month is due. Date 1: 4 there, 6 drawn. Date 2: 2% a month on it, 0.12, and 6 repaid."""
    result = lined({"commitment": 20.0, "rate": 0.24}, [4.0, 30.0, 10.0], trace=True)
    assert result.of("interest_paid", "A")[0].tolist() == pytest.approx([10.0, 10.0, 10.0])
    assert result.of("line_drawn")[0].tolist() == pytest.approx([6.0, 0.0, 0.0])
    assert result.of("line_paid")[0].tolist() == pytest.approx([0.0, 6.12, 0.0])
    assert result.drawn[:, 0, 0].tolist() == pytest.approx([6.0, 0.0, 0.0])
    assert result.cash[1, 0, 0] == pytest.approx(30.0 - 16.12)
    assert result.trace is not None
    assert result.trace[1, 1, 0, 0] == 24.0


def test_a_line_is_drawn_up_to_its_commitment() -> None:
    result = lined({"commitment": 15.0}, [0.0, 0.0, 0.0])
    assert result.drawn[:, 0, 0].tolist() == pytest.approx([10.0, 15.0, 15.0])
    # 5 lack on date 2, and bear 1% up to date 3
    assert result.of("owed", "A")[0].tolist() == pytest.approx([0.0, 5.0, 15.05])


def test_interest_of_a_line_comes_before_what_was_drawn() -> None:
    """10 drawn at 2% a month. Date 2: 0.2 owed; 0.15 paid. Date 3: 0.25 owed, 1.25 paid."""
    line = {"commitment": 10.0, "rate": 0.24, "available_while": "payment < 2"}
    terms = LINE | {"lines": {"l": line}}
    assets = pool_of(5000.0, [0.0] * 3, interest=[0.0, 0.15, 1.25])
    result = run(terms, assets, 3)
    assert result.drawn[:, 0, 0].tolist() == pytest.approx([10.0, 10.0, 9.0])
    assert result.of("line_paid")[0].tolist() == pytest.approx([0.0, 0.15, 1.25])


def test_a_line_charges_for_what_is_not_drawn() -> None:
    """1% a month of 20, then of the 14 that 6 drawn leave, beside 2% a month of the 6."""
    line = {"commitment": 20.0, "rate": 0.24, "fee_rate": 0.12}
    result = lined(line, [4.2, 30.0])
    assert result.of("line_paid")[0].tolist() == pytest.approx([0.2, 6.0 + 0.12 + 0.14])


def test_a_line_over_an_index_takes_the_level_of_the_last_payment_date() -> None:
    """10 drawn for a month at 2% + 10%, 20 for a month at 2% + 22%, and all paid on date 3."""
    terms = LINE | {"lines": {"l": {"commitment": 20.0, "rate": 0.02, "index": "i"}}}
    terms |= steps(
        {"pay": "interest", "to": "A", "from": ["collection", "l"], "when": "payment < 3"},
        {"pay": "line", "to": "l", "when": "payment == 3"},
    )
    assets = pool_of(5000.0, [0.0] * 3, interest=[0.0, 0.0, 100.0])
    result = run(terms, assets, 3, indices={"i": [0.5, 0.10, 0.22, 0.9]})
    assert result.drawn[:, 0, 0].tolist() == pytest.approx([10.0, 20.0, 0.0])
    assert result.of("line_paid")[0, 2] == pytest.approx(20.0 + 0.1 + 0.4)


def test_an_index_below_zero_takes_nothing_off_what_is_drawn() -> None:
    """Drawn on dates 1 and 2. On date 3 only the first scenario repays; no lender pays interest."""
    terms = LINE | {"lines": {"l": {"commitment": 20.0, "rate": 0.02, "index": "i"}}}
    terms |= steps(
        {"pay": "interest", "to": "A", "from": ["collection", "l"], "when": "payment < 3"},
        {"pay": "line", "to": "l", "when": "collected_interest > 0"},
    )
    repays, does_not = [0.0, 0.0, 100.0], [0.0, 0.0, 0.0]
    assets = pool_of([5000.0, 5000.0], np.zeros((2, 3)), interest=[repays, does_not])
    result = run(terms, assets, 3, indices={"i": [-0.05] * 4})
    assert result.drawn[:, 0].T.tolist() == [[10.0, 20.0, 0.0], [10.0, 20.0, 20.0]]
    assert result.of("line_paid")[:, 2].tolist() == [20.0, 0.0]


def test_a_line_ends_with_its_test_but_is_still_repaid() -> None:
    line = {"commitment": 50.0, "available_while": "payment < 2"}
    result = lined(line, [0.0, 0.0, 40.0])
    assert result.drawn[:, 0, 0].tolist() == pytest.approx([10.0, 10.0, 0.0])
    assert result.of("owed", "A")[0].tolist() == pytest.approx([0.0, 10.0, 0.0])


# --- hedges ---------------------------------------------------------------------------------

LEVELS = [0.05, 0.01, 0.03, 0.08, 0.02]


def hedged(
    hedge: dict[str, Any], *, cash: float = 50.0, more: dict[str, Any] | None = None
) -> tuple[list[float], list[float]]:
    """What a hedge on 1200, less 300 a month, pays the deal and is paid on each of four dates."""
    terms: dict[str, Any] = MONTHS | {
        "accounts": {"swap": {}},
        "hedges": {"h": {"notional": "balance.A", "to": "swap"} | hedge},
        "tranches": {"A": {"balance": 1200.0}},
    } | steps(
        {"pay": "hedge", "to": "h", "from": ["collection"], "up_to": "collected_interest"},
        {"pay": "principal", "to": "A", "up_to": "collected_principal"},
    ) | (more or {})  # fmt: skip
    assets = pool_of(1200.0, [300.0] * 4, interest=cash)
    result = run(terms, assets, 4, indices={"i": LEVELS})
    received, paid = result.of("hedge_received")[0], result.of("hedge_paid")[0]
    np.testing.assert_allclose(result.cash[:, 1, 0], np.cumsum(received))
    return received.tolist(), paid.tolist()


NOTIONAL = [1200.0, 900.0, 600.0, 300.0]


def by_rates(rates: list[float]) -> tuple[list[float], list[float]]:
    """Both ways, where the deal is paid at ``rates`` a year on the notional."""
    net = [n * r / 12 for n, r in zip(NOTIONAL, rates, strict=True)]
    received, paid = [max(n, 0.0) for n in net], [max(-n, 0.0) for n in net]
    return pytest.approx(received), pytest.approx(paid)


@pytest.mark.parametrize(
    ("hedge", "rates"),
    [
        ({"pay_rate": 0.04, "receive_index": "i"}, [0.01, -0.03, -0.01, 0.04]),
        ({"pay_index": "i", "receive_rate": 0.04}, [-0.01, 0.03, 0.01, -0.04]),
        (
            {"pay_rate": 0.04, "receive_index": "i", "receive_margin": 0.005},
            [0.015, -0.025, -0.005, 0.045],
        ),
        (
            {"pay_index": "i", "pay_margin": 0.01, "receive_rate": 0.04},
            [-0.02, 0.02, 0.0, -0.05],
        ),
        (
            {"pay_index": "i", "receive_index": "i", "receive_margin": 0.002, "pay_margin": 0.001},
            [0.001] * 4,
        ),
        ({"kind": "cap", "receive_index": "i", "strike": 0.03}, [0.02, 0.0, 0.0, 0.05]),
        ({"kind": "floor", "receive_index": "i", "strike": 0.03}, [0.0, 0.02, 0.0, 0.0]),
        (
            {"kind": "cap", "receive_index": "i", "receive_margin": 0.01, "strike": 0.03},
            [0.03, 0.0, 0.01, 0.06],
        ),
        (
            {"pay_rate": 0.04, "receive_index": "i", "ends": date(2020, 2, 29)},
            [0.01, -0.03, 0.0, 0.0],
        ),
        (
            {"pay_rate": 0.04, "receive_index": "i", "ends": date(2020, 2, 28)},
            [0.01, 0.0, 0.0, 0.0],
        ),
    ],
)
def test_a_hedge_nets_its_legs(hedge: dict[str, Any], rates: list[float]) -> None:
    assert hedged(hedge) == by_rates(rates)


def test_what_a_hedge_is_not_paid_stays_owed() -> None:
    """2.25 and 0.5 are owed on dates 2 and 3; 1 a month is there."""
    _, paid = hedged({"pay_rate": 0.04, "receive_index": "i"}, cash=1.0)
    assert paid == pytest.approx([0.0, 1.0, 1.0, 0.75])


def test_a_hedge_counts_days_in_its_own_way() -> None:
    counts = ql.Actual360()
    days = [ql.Date(31, 12, 2019), ql.Date(31, 1, 2020), ql.Date(29, 2, 2020),
            ql.Date(31, 3, 2020), ql.Date(30, 4, 2020)]  # fmt: skip
    got, _ = hedged({"pay_rate": 0.0, "receive_rate": 0.06, "day_count": "act/360"})
    expected = [
        n * 0.06 * counts.yearFraction(a, b)
        for n, a, b in zip(NOTIONAL, days, days[1:], strict=False)
    ]
    assert got == pytest.approx(expected)


def test_a_swap_turns_a_floating_class_into_a_fixed_one() -> None:
    """On the same notional, dates and days the deal pays 4% and the margin, whatever the index."""
    random = np.random.default_rng(20200630)
    levels = random.uniform(0.0, 0.09, (6, 13))
    terms = {
        "day_count": "act/360",
        "tranches": {"A": {"balance": 900.0, "kind": "floating", "index": "i", "margin": 0.01}},
        "hedges": {"h": {"notional": "balance.A", "pay_rate": 0.04, "receive_index": "i"}},
    } | steps(
        {"pay": "hedge", "to": "h"},
        {"pay": "interest", "to": "A"},
        {"pay": "principal", "to": "A", "up_to": "collected_principal"},
    )  # fmt: skip
    assets = pool_of([900.0] * 6, np.tile(random.uniform(10.0, 90.0, 12), (6, 1)), interest=9.0)
    result = run(terms, assets, 12, indices={"i": levels})
    years = result.deal.calendar.years("act/360")
    before = np.concatenate([np.full((6, 1), 900.0), result.of("balance", "A")[:, :-1]], axis=1)
    cost = result.of("interest_paid", "A") + result.of("hedge_paid") - result.of("hedge_received")
    np.testing.assert_allclose(cost, before * 0.05 * years, rtol=1e-10)


# --- losses ---------------------------------------------------------------------------------

CLASSES = {"A": {"balance": 60.0}, "M": {"balance": 30.0}, "J": {"balance": 10.0}}
LOSS = {"pay": "write_off", "to": ["J", "M", "A"]}


def lossy(defaults: list[float], *more: dict[str, Any], **terms: Any) -> Any:
    """A pool of 100 under notes of 100, with 10 of principal a month to the senior class."""
    given = {"tranches": CLASSES} | terms
    given |= steps({"pay": "principal", "to": "A"}, *(more or (LOSS,)))
    count = len(defaults)
    return run(given, pool_of(100.0, [10.0] * count, default=defaults), count, trace=True)


def test_losses_are_written_off_from_the_first_named_up() -> None:
    result = lossy([4.0, 9.0, 5.0])
    assert result.of("written_off")[0].tolist() == [
        [0.0, 0.0, 0.0], [0.0, 3.0, 5.0], [4.0, 6.0, 0.0],
    ]  # fmt: skip
    assert result.of("balance")[0].tolist() == [
        [50.0, 40.0, 30.0], [30.0, 27.0, 22.0], [6.0, 0.0, 0.0],
    ]  # fmt: skip
    assert result.trace is not None
    assert result.trace[2, 1, :, 0].tolist() == [4.0, 9.0, 5.0]
    assert not result.paid_in_full[0, 1:].any()


def test_a_loss_that_the_pool_covers_is_not_written_off() -> None:
    """There are 3 more of loans than of notes, which bear the first 3."""
    given = {"tranches": CLASSES | {"M": {"balance": 27.0}}}
    assert lossy([2.0, 3.0], **given).of("written_off")[0, 2].tolist() == [0.0, 2.0]


def test_cash_of_principal_covers_notes_that_it_has_not_yet_paid() -> None:
    given = {"tranches": CLASSES} | steps(LOSS, {"pay": "principal", "to": "A"})
    result = run(given, pool_of(100.0, [10.0, 10.0], default=[0.0, 4.0]), 2)
    assert result.of("written_off")[0].sum(axis=0).tolist() == [0.0, 4.0]


def test_losses_shared_pro_rata_are_by_balance() -> None:
    result = lossy([5.0], LOSS | {"split": "pro rata"})
    np.testing.assert_allclose(
        result.of("written_off")[0, :, 0], [5.0 * 50 / 90, 5.0 * 30 / 90, 5.0 * 10 / 90]
    )
    total = lossy([90.0], LOSS | {"split": "pro rata"})
    assert total.of("balance")[0, :, 0].tolist() == [0.0, 0.0, 0.0]


def test_a_stated_loss_is_taken_as_stated() -> None:
    stated = {"pay": "write_off", "to": ["J", "M"], "up_to": "losses"}
    result = lossy([4.0, 9.0, 50.0], stated)
    assert result.of("written_off")[0].sum(axis=0).tolist() == [4.0, 9.0, 27.0]
    given = lossy([4.0, 9.0], stated | {"split": "pro rata"})
    np.testing.assert_allclose(given.of("written_off")[0, 1:, 0], [3.0, 1.0])


def test_what_is_written_off_bears_no_interest_and_comes_back_with_a_recovery() -> None:
    """20 of default, of which 15 come back a month later and are given to M first."""
    terms = MONTHS | {
        "collections": {"recovery": "recovered", "interest": "interest"},
        "accounts": {"recovered": {}, "interest": {}},
        "tranches": {"A": {"balance": 60.0}, "M": {"balance": 30.0, "coupon": 0.12},
                     "J": {"balance": 10.0}},
    } | steps(
        {"pay": "interest", "to": "M", "from": "interest"},
        {"pay": "write_up", "to": ["M", "J"], "up_to": "collected_recovery"},
        LOSS | {"when": "payment == 1"},
    )  # fmt: skip
    assets = pool_of(100.0, [0.0] * 3, interest=2.0, default=[20.0, 0.0, 0.0],
                     recovery=[0.0, 15.0, 0.0])  # fmt: skip
    result = run(terms, assets, 3)
    assert result.of("written_off")[0, :, 0].tolist() == [0.0, 10.0, 10.0]
    assert result.of("written_up")[0, :, 1].tolist() == [0.0, 10.0, 5.0]
    assert result.of("balance")[0, :, 1].tolist() == [60.0, 30.0, 5.0]
    np.testing.assert_allclose(result.of("interest_paid", "M")[0], [0.3, 0.2, 0.3])
    assert result.cash[-1, 0, 0] == 0.0


def test_no_more_is_given_back_than_was_written_off() -> None:
    back = {"pay": "write_up", "to": ["J", "M"], "up_to": "100", "when": "payment == 2"}
    result = lossy([14.0, 0.0], LOSS | {"when": "payment == 1"}, back)
    assert result.of("written_up")[0, :, 1].tolist() == [0.0, 4.0, 10.0]
    assert result.of("balance")[0, 1:, 1].tolist() == [30.0, 10.0]


def test_a_deal_that_is_written_out_and_read_again_shares_losses_alike() -> None:
    given = {"tranches": CLASSES} | steps(
        {"pay": "principal", "to": "A"}, LOSS, {"pay": "write_up", "to": ["A", "M"], "up_to": "1"}
    )
    spec = spec_of(given)
    again = spec_of(spec.model_dump(by_alias=True))
    assets = pool_of(100.0, [10.0, 10.0], default=[14.0, 9.0])
    first, second = run(spec, assets, 2), run(again, assets, 2)
    assert first.of("written_off")[0, :, 0].tolist() == [0.0, 4.0, 10.0]
    np.testing.assert_array_equal(first.tranche, second.tranche)
