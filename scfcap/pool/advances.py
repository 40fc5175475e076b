"""What may be lent on orders: by the advance rate, the seller's limit and the buyer's, in turn."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.compiled import compiled
from scfcap.quantities import FloatArray, IntArray

#: Day of a payment that has not come.
NEVER = 10**9
#: What an advance is held down by, in the order of the codes in :attr:`Advances.binding`.
BINDING = ("advance rate", "seller limit", "buyer limit")


@dataclass(frozen=True)
class OrderDays:
    """Orders of all days; arrays have shape (orders,), days are offsets from ``as_of``.

    ``day`` of the order, ``paid_day`` on which its buyer paid, :data:`NEVER` where it has not.
    ``worth`` [currency]: what the advance rate allows. ``seller`` and ``buyer``: codes, -1 where
    not known, to which no limit applies.
    """

    day: IntArray
    paid_day: IntArray
    worth: FloatArray
    seller: IntArray
    buyer: IntArray


@dataclass(frozen=True)
class Advances:
    """What may be lent on each order, shape (orders,) [currency].

    ``amount`` = min(worth, ``seller_room``, ``buyer_room``), the last two being what was left of
    the limits on the order's day (infinite without a limit); ``binding``: a code of
    :data:`BINDING`, the first of those that are equal.
    """

    amount: FloatArray
    worth: FloatArray
    seller_room: FloatArray
    buyer_room: FloatArray
    binding: IntArray


def allocate(orders: OrderDays, seller_limit: FloatArray, buyer_limit: FloatArray) -> Advances:
    """Advances in the order of days, of one day in the order of the rows.

    ``seller_limit`` and ``buyer_limit`` by code [currency], infinite where there is none. A limit
    is on what is outstanding: a payment by the buyer makes room for the orders of its day, though
    never on the day of its own advance.
    """
    count = len(orders.day)
    freed = np.maximum(orders.paid_day, orders.day + 1)
    event_day = np.concatenate([freed, orders.day])
    is_advance = np.repeat([0, 1], count)
    index = np.tile(np.arange(count), 2)
    turn = np.lexsort((index, is_advance, event_day))
    parts = _allocate(
        index[turn], is_advance[turn], (orders.worth, orders.seller, orders.buyer),
        (_with_none(seller_limit), _with_none(buyer_limit)),
    )  # fmt: skip
    amount, seller_room, buyer_room = parts
    rooms = np.stack([orders.worth, seller_room, buyer_room])
    return Advances(amount, orders.worth, seller_room, buyer_room, np.argmin(rooms, axis=0))


def _with_none(limits: FloatArray) -> FloatArray:
    """``limits`` and, last, none for those who are not known."""
    return np.concatenate([np.asarray(limits, dtype=np.float64), [np.inf]])


@compiled
def _allocate(
    index: IntArray,
    is_advance: IntArray,
    orders: tuple[FloatArray, IntArray, IntArray],
    limits: tuple[FloatArray, FloatArray],
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Advances and the rooms they met; -1 as a code finds the limit at the end."""
    worth, seller, buyer = orders
    seller_limit, buyer_limit = limits
    seller_out, buyer_out = np.zeros(len(seller_limit)), np.zeros(len(buyer_limit))
    amount, seller_room, buyer_room = (
        np.zeros(len(worth)),
        np.zeros(len(worth)),
        np.zeros(len(worth)),
    )
    for n in range(len(index)):
        i = index[n]
        s, b = seller[i], buyer[i]
        if is_advance[n] == 1:
            seller_room[i] = max(seller_limit[s] - seller_out[s], 0.0)
            buyer_room[i] = max(buyer_limit[b] - buyer_out[b], 0.0)
            amount[i] = max(min(worth[i], seller_room[i], buyer_room[i]), 0.0)
            seller_out[s] += amount[i]
            buyer_out[b] += amount[i]
        else:
            seller_out[s] -= amount[i]
            buyer_out[b] -= amount[i]
    return amount, seller_room, buyer_room
