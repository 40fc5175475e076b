"""Which loans are made, and to whom: the shops' borrowing over the months."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np

from scfcap.compiled import compiled
from scfcap.quantities import FloatArray, IntArray
from scfcap.synthetic.calendar import Calendar, Days, months_later
from scfcap.synthetic.draws import normal, uniform
from scfcap.synthetic.network import Network
from scfcap.synthetic.platform import PRODUCTS
from scfcap.synthetic.population import LINKS, SIZE, Population
from scfcap.synthetic.shops import SHOP_LIMIT, core_shares

#: Codes of :data:`~scfcap.synthetic.platform.PRODUCTS`.
ORDER_CODE, CREDIT_CODE, B2B_CODE = 0, 1, 2
#: What a shop borrows at a time in its first days, of what it does later; growth [days].
START_SIZE, RIPENING = 0.5, 365.0
#: Least amount of a loan [currency].
SMALLEST = 100.0
#: Numbers of a stream that one loan may take.
STRIDE = 16


class Loans(NamedTuple):
    """Loans; all arrays have shape (loans,), days are those of the calendar.

    ``number``: the draw that made it, the index of its further draws. ``term``: days, or months
    of an instalment loan. ``due``: day of the last payment. ``amount``: whole currency. ``core``:
    core enterprise that pays the order, -1 if there is none.
    """

    number: IntArray
    shop: IntArray
    day: IntArray
    product: IntArray
    term: IntArray
    due: IntArray
    amount: FloatArray
    core: IntArray

    def where(self, chosen: Any) -> Loans:
        """The loans picked by an index or a mask."""
        return Loans(*(array[chosen] for array in self))


class _Book(NamedTuple):
    """Where loans may arise: by shop cumulative weight and span of the calendar's lending."""

    weight: FloatArray
    opened: FloatArray
    closed: FloatArray
    lending: FloatArray
    mix: FloatArray
    terms: IntArray


def draw_loans(
    count: int, calendar: Calendar, shops: Population, network: Network, key: Any
) -> Loans:
    """``count`` loans in order of their shops; ``key`` holds three streams."""
    counts = np.array([p.flow / p.size for p in PRODUCTS])
    book = _Book(
        np.cumsum(shops.weight), shops.opened, shops.closed, calendar.lending,
        np.cumsum(counts / counts.sum())[:-1],
        np.array([(p.shortest, p.longest) for p in PRODUCTS], dtype=np.int64),
    )  # fmt: skip
    shop, day, product, term, due = _made(count, key[0], book, calendar.table)
    size = shops.size[shop] * ripeness(day - shops.birth[shop])
    mean, sigma = np.array([(p.size, np.sqrt(p.sigma**2 - SIZE**2)) for p in PRODUCTS]).T
    noise = _noise(key[1], product, sigma)
    amount = np.clip(np.floor(mean[product] * noise * size / size.mean()), SMALLEST, SHOP_LIMIT)
    chances = np.cumsum(LINKS)[:-1], np.cumsum(core_shares())[:-1]
    core = _payers(key[2], (shop, day, product), shops.links, chances, network.failed)
    return Loans(np.arange(count), shop, day, product, term, due, amount, core)


def ripeness(age: FloatArray) -> FloatArray:
    """What a shop borrows at a time, of what it does when old; ``age`` in days."""
    left = np.exp(-np.maximum(age, 0.0) / RIPENING)
    return np.asarray(1.0 - (1.0 - START_SIZE) * left)


@compiled
def _made(count: int, key: np.uint64, book: _Book, days: Days) -> Any:
    """One loan for each of ``count`` even slices of the shops' cumulative weight."""
    shop = np.empty(count, np.int64)
    day = np.empty(count, np.int64)
    product = np.empty(count, np.int64)
    term = np.empty(count, np.int64)
    due = np.empty(count, np.int64)
    at, last = 0, len(book.weight) - 1
    for k in range(count):
        point = (k + uniform(key, k * STRIDE)) / count * book.weight[last]
        while at < last and book.weight[at] <= point:
            at += 1
        span = book.closed[at] - book.opened[at]
        lent = book.opened[at] + uniform(key, k * STRIDE + 1) * span
        made = max(1, min(np.searchsorted(book.lending, lent), len(book.lending) - 1))
        kind = np.searchsorted(book.mix, uniform(key, k * STRIDE + 2))
        low, high = book.terms[kind, 0], book.terms[kind, 1]
        length = low + int(uniform(key, k * STRIDE + 3) * (high - low + 1))
        shop[k], day[k], product[k], term[k] = at, made, kind, length
        due[k] = months_later(days, made, length) if kind == B2B_CODE else made + length
    return shop, day, product, term, due


@compiled
def _noise(key: np.uint64, product: IntArray, sigma: FloatArray) -> FloatArray:
    """Lognormal with mean 1 and the product's deviation."""
    out = np.empty(len(product))
    for k in range(len(product)):
        s = sigma[product[k]]
        out[k] = np.exp(s * normal(key, k * STRIDE) - 0.5 * s * s)
    return out


@compiled
def _payers(
    key: np.uint64, loans: Any, links: IntArray, chances: Any, failed: IntArray
) -> IntArray:
    """Who pays each order: one of the shop's own cores, any other where that has failed."""
    shop, day, product = loans
    dependence, shares = chances
    out = np.full(len(day), -1)
    for k in range(len(day)):
        if product[k] != ORDER_CODE:
            continue
        core = links[shop[k], np.searchsorted(dependence, uniform(key, k * STRIDE))]
        tries = 1
        while failed[core] <= day[k] and tries < STRIDE:
            core = np.searchsorted(shares, uniform(key, k * STRIDE + tries))
            tries += 1
        out[k] = core
    return out
