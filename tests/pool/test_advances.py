"""Advances by limits in the order of days, against a plain reading of the rule."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from scfcap.pool.advances import BINDING, NEVER, OrderDays, allocate

INF = np.inf


def days(rows: list[tuple[int, int, float, int, int]]) -> OrderDays:
    """Orders from (day, paid day, worth, seller, buyer)."""
    day, paid, worth, seller, buyer = zip(*rows, strict=True)
    return OrderDays(
        np.array(day), np.array(paid), np.array(worth, dtype=np.float64),
        np.array(seller), np.array(buyer),
    )  # fmt: skip


def plainly(orders: OrderDays, sellers: np.ndarray, buyers: np.ndarray) -> list[float]:
    """Each order in its turn: what stands of those before it, and what is left of the limits."""
    lent = [0.0] * len(orders.day)
    turn = sorted(range(len(lent)), key=lambda i: (orders.day[i], i))
    for place, i in enumerate(turn):
        room = [orders.worth[i]]
        for codes, limits in ((orders.seller, sellers), (orders.buyer, buyers)):
            if codes[i] < 0:
                continue
            standing = sum(
                lent[j]
                for j in turn[:place]
                if codes[j] == codes[i]
                and max(orders.paid_day[j], orders.day[j] + 1) > orders.day[i]
            )
            room.append(limits[codes[i]] - standing)
        lent[i] = max(min(room), 0.0)
    return lent


def test_a_limit_is_used_up_in_the_order_of_days() -> None:
    orders = days([(-5, NEVER, 60.0, 0, 0), (-9, NEVER, 60.0, 0, 1), (-5, NEVER, 60.0, 0, 0)])
    found = allocate(orders, np.array([150.0]), np.array([INF, INF]))
    assert found.amount.tolist() == [60.0, 60.0, 30.0]
    assert [BINDING[code] for code in found.binding] == [
        "advance rate", "advance rate", "seller limit",
    ]  # fmt: skip
    assert found.seller_room.tolist() == [90.0, 150.0, 30.0]


def test_a_payment_makes_room_on_its_day() -> None:
    orders = days([(-30, -10, 80.0, 0, 0), (-11, NEVER, 80.0, 0, 0), (-10, NEVER, 80.0, 0, 0)])
    found = allocate(orders, np.array([INF]), np.array([100.0]))
    assert found.amount.tolist() == [80.0, 20.0, 80.0]
    assert BINDING[found.binding[1]] == "buyer limit"


def test_an_order_paid_on_its_own_day_takes_room_until_the_next() -> None:
    orders = days([(-3, -3, 70.0, 0, 0), (-3, NEVER, 70.0, 0, 0), (-2, NEVER, 70.0, 0, 0)])
    found = allocate(orders, np.array([100.0]), np.array([INF]))
    assert found.amount.tolist() == [70.0, 30.0, 70.0]


def test_who_is_not_known_has_no_limit() -> None:
    orders = days([(-2, NEVER, 70.0, -1, -1), (-1, NEVER, 70.0, -1, 0)])
    assert allocate(orders, np.array([1.0]), np.array([50.0])).amount.tolist() == [70.0, 50.0]


@st.composite
def ledgers(draw) -> tuple[OrderDays, np.ndarray, np.ndarray]:
    count = draw(st.integers(1, 25))
    rows = []
    for _ in range(count):
        day = draw(st.integers(-12, 0))
        paid = draw(st.one_of(st.just(NEVER), st.integers(day, 0)))
        worth = draw(st.integers(0, 100))
        rows.append((day, paid, worth, draw(st.integers(-1, 1)), draw(st.integers(-1, 2))))
    limits = st.one_of(st.just(INF), st.integers(0, 200))
    sellers = [draw(limits) for _ in range(2)]
    buyers = [draw(limits) for _ in range(3)]
    return days(rows), np.array(sellers, dtype=np.float64), np.array(buyers, dtype=np.float64)


@given(ledgers())
def test_as_the_rule_is_read_plainly(ledger) -> None:
    orders, sellers, buyers = ledger
    found = allocate(orders, sellers, buyers)
    assert found.amount == pytest.approx(plainly(orders, sellers, buyers))
    rooms = np.stack([found.worth, found.seller_room, found.buyer_room])
    assert (found.amount == rooms.min(axis=0)).all()
    assert (found.amount == rooms[found.binding, np.arange(len(found.amount))]).all()


@given(ledgers())
def test_no_limit_is_ever_passed(ledger) -> None:
    orders, sellers, buyers = ledger
    lent = allocate(orders, sellers, buyers).amount
    for today in range(-12, 1):
        stands = (orders.day <= today) & (np.maximum(orders.paid_day, orders.day + 1) > today)
        for codes, limits in ((orders.seller, sellers), (orders.buyer, buyers)):
            for code, limit in enumerate(limits):
                assert lent[stands & (codes == code)].sum() <= limit + 1e-9
