"""Limits and supports of the steps of a waterfall, each worked out by hand."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from scfcap.deal.outcome import DealRun

from .dealing import pool_of, run

FREE = {"coupon": 0.0}
THREE = {
    "A": {"balance": 60.0} | FREE,
    "B": {"balance": 30.0} | FREE,
    "C": {"balance": 10.0} | FREE,
}
REST = {"pay": "residual"}


def after(
    *steps: dict[str, Any],
    cash: float = 50.0,
    accounts: dict[str, Any] | None = None,
    **more: Any,
) -> DealRun:
    """One payment date with ``cash`` collected as principal of a pool of 100, and these steps."""
    terms: dict[str, Any] = {"tranches": THREE, "accounts": accounts or {}} | more
    terms["waterfall"] = {"amortising": list(steps)}
    return run(terms, pool_of(100.0, [cash]), 1, trace=True)


def principal(result: DealRun) -> list[float]:
    return result.of("principal")[0, :, 0].tolist()


def step(result: DealRun, row: int = 0) -> tuple[float, float, float]:
    """Due, available and paid of a step."""
    assert result.trace is not None
    due, available, paid = result.trace[:, row, 0, 0].tolist()
    return due, available, paid


@pytest.mark.parametrize(
    ("limit", "due", "paid"),
    [
        ({}, 60.0, 50.0),
        ({"share": 0.5}, 30.0, 30.0),
        ({"amount": 12.5}, 12.5, 12.5),
        ({"up_to": "0.2 * collected_principal"}, 10.0, 10.0),
        ({"up_to": "0 - 5"}, 0.0, 0.0),
        ({"up_to": "pool / (payment - 1)"}, 0.0, 0.0),
        ({"share": 0.5, "amount": 40.0, "up_to": "7 * payment"}, 7.0, 7.0),
        ({"keep": 20.0}, 60.0, 30.0),
        ({"keep": "0.9 * collected"}, 60.0, 5.0),
        ({"keep": 80.0}, 60.0, 0.0),
        ({"when": "pool < 50"}, 0.0, 0.0),
        ({"when": "pool <= 50"}, 60.0, 50.0),
        ({"when": "0 / 0 > 1 or pool / 0 > 1"}, 0.0, 0.0),
    ],
)
def test_a_limit_bounds_what_is_due_or_what_there_is(
    limit: dict[str, Any], due: float, paid: float
) -> None:
    result = after({"pay": "principal", "to": "A"} | limit)
    available = 50.0 - {20.0: 20.0, "0.9 * collected": 45.0, 80.0: 50.0}.get(
        limit.get("keep", 0.0), 0.0
    )
    assert step(result) == pytest.approx((due, available, paid))
    assert principal(result) == [paid, 0.0, 0.0]
    assert result.of("balance", "A")[0, 0] == 60.0 - paid
    assert result.cash[0, 0, 0] == 50.0 - paid


def test_the_least_of_several_sources_is_what_each_holds() -> None:
    """60 due: 50 from the collections, 6 of the reserve's 8 stay out of its reach at the end."""
    sources = {"reserve": {"initial": 8.0}, "spread": {"initial": 7.0}}
    result = after(
        {"pay": "principal", "to": "A", "from": ["collection", "reserve", "spread"]},
        accounts=sources,
    )
    assert step(result) == (60.0, 65.0, 60.0)
    assert result.cash[0, :, 0].tolist() == [0.0, 0.0, 5.0]


def test_keep_holds_back_from_the_first_source_only() -> None:
    result = after(
        {"pay": "principal", "to": "A", "from": ["reserve", "collection"], "keep": 5.0},
        accounts={"reserve": {"initial": 8.0}},
        cash=20.0,
    )
    assert step(result) == (60.0, 23.0, 23.0)
    assert result.cash[0, :, 0].tolist() == [0.0, 5.0]


def test_a_line_is_drawn_once_the_accounts_before_it_are_empty() -> None:
    lines = {"liquidity": {"commitment": 6.0}}
    ask = {"pay": "principal", "to": "A", "from": ["collection", "liquidity", "reserve"]}
    result = after(
        ask,
        {"pay": "line", "to": "liquidity"},
        accounts={"reserve": {"initial": 8.0}},
        lines=lines,
    )
    assert step(result) == (60.0, 64.0, 60.0)
    assert result.of("line_drawn")[0, 0] == 6.0
    assert result.drawn[0, 0, 0] == 6.0
    assert result.cash[0, :, 0].tolist() == [0.0, 4.0]


@pytest.mark.parametrize(
    ("split", "limit", "paid"),
    [
        ("pro rata", {}, [30.0, 15.0, 5.0]),
        ("in order", {}, [50.0, 0.0, 0.0]),
        ("pro rata", {"share": 0.1}, [6.0, 3.0, 1.0]),
        ("in order", {"share": 0.65, "keep": 0.0}, [50.0, 0.0, 0.0]),
        ("pro rata", {"amount": 20.0}, [12.0, 6.0, 2.0]),
        ("in order", {"amount": 20.0}, [20.0, 0.0, 0.0]),
    ],
)
def test_several_share_by_what_is_due_or_in_order(
    split: str, limit: dict[str, Any], paid: list[float]
) -> None:
    result = after({"pay": "principal", "to": ["A", "B", "C"], "split": split} | limit)
    assert principal(result) == pytest.approx(paid)


def test_in_order_goes_on_to_the_next_and_stops_at_the_last() -> None:
    result = after({"pay": "principal", "to": ["C", "B", "A"], "split": "in order"})
    assert principal(result) == [10.0, 30.0, 10.0]


def test_classes_paid_in_order_out_of_plenty_end_at_nothing() -> None:
    """A sum of balances less the last one is not the sum before it, in floats: no rest may stay."""
    random = np.random.default_rng(20200131)
    for _ in range(300):
        sizes = random.uniform(1e6, 1e9, 3)
        terms = {
            "tranches": {
                name: {"balance": float(size)} for name, size in zip("ABC", sizes, strict=True)
            },
            "waterfall": {
                "amortising": [
                    {"pay": "principal", "to": ["A", "B", "C"], "split": "in order"},
                    {"pay": "residual", "when": "notes <= 0"},
                ]
            },
        }
        result = run(terms, pool_of(4e9, [1e9, 3e9]), 2)
        assert (result.of("balance")[0, :, -1] == 0.0).all()
        assert result.cash[-1, 0, 0] == 0.0


def test_an_account_is_filled_to_its_target_and_no_further() -> None:
    fill = {"pay": "account", "to": "reserve"}
    accounts = {"reserve": {"initial": 3.0, "target": "0.1 * notes"}}
    result = after(fill, REST, accounts=accounts)
    assert step(result) == (7.0, 50.0, 7.0)
    assert result.cash[0, :, 0].tolist() == [0.0, 10.0]
    # a target below what the account holds asks for nothing, and takes nothing out
    result = after(fill, REST, accounts={"reserve": {"initial": 30.0, "target": "0.1 * notes"}})
    assert step(result) == (0.0, 50.0, 0.0)
    assert result.cash[0, :, 0].tolist() == [0.0, 30.0]


def test_an_account_without_a_target_takes_all() -> None:
    result = after({"pay": "account", "to": "spread"}, accounts={"spread": {}})
    assert step(result) == (50.0, 50.0, 50.0)
    assert result.cash[0, :, 0].tolist() == [0.0, 50.0]


def test_a_transfer_moves_all_but_what_is_kept() -> None:
    release = {"pay": "transfer", "to": "collection", "from": "reserve", "keep": "target.reserve"}
    accounts = {"reserve": {"initial": 30.0, "target": 12.0}}
    result = after(release, {"pay": "principal", "to": "A"}, accounts=accounts)
    assert step(result) == (18.0, 18.0, 18.0)
    assert principal(result) == [60.0, 0.0, 0.0]
    assert result.cash[0, :, 0].tolist() == [8.0, 12.0]


def test_a_residual_leaves_the_deal_with_or_without_a_class() -> None:
    equity = THREE | {"E": {"kind": "equity", "balance": 0.0}}
    result = after({"pay": "residual", "to": "E", "share": 0.4}, REST, tranches=equity)
    assert result.of("residual", "E")[0, 0] == 20.0
    assert step(result, 1) == (30.0, 30.0, 30.0)
    assert result.cash[0, 0, 0] == 0.0


def test_what_a_step_paid_and_left_short_is_known_to_those_after_it() -> None:
    result = after(
        {"pay": "principal", "to": "A", "name": "A's share", "amount": 20.0},
        {"pay": "principal", "to": "B", "up_to": "0.5 * paid.A_s_share"},
        {"pay": "principal", "to": "C", "from": "reserve"},
        {"pay": "residual", "up_to": "short.principal_C + 1"},
        accounts={"reserve": {"initial": 4.0}},
    )
    assert principal(result) == [20.0, 10.0, 4.0]
    assert step(result, 3) == (7.0, 20.0, 7.0)


def test_a_word_of_a_step_adds_up_over_steps_of_the_same_name() -> None:
    result = after(
        {"pay": "principal", "to": "A", "amount": 5.0},
        {"pay": "principal", "to": "A", "amount": 7.0},
        {"pay": "residual", "up_to": "paid.principal_A"},
    )
    assert step(result, 2) == (12.0, 38.0, 12.0)


def test_what_steps_paid_is_forgotten_on_the_next_date() -> None:
    terms = {
        "tranches": THREE,
        "waterfall": {
            "amortising": [
                {"pay": "residual", "up_to": "paid.principal_A"},
                {"pay": "principal", "to": "A"},
            ]
        },
    }
    result = run(terms, pool_of(100.0, [20.0, 30.0]), 2, trace=True)
    assert result.trace is not None
    assert result.trace[2, 0, :, 0].tolist() == [0.0, 0.0]
