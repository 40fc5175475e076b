"""Which of the loans on offer a vehicle may buy: one after the other, each with those before it."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from scfcap.axes import EQUAL_PRINCIPAL, FLAT_FEE, LEVEL_PAYMENT
from scfcap.compiled import compiled
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Days of a month in the contract balance of instalment loans.
_MONTH = 365.0 / 12.0


class Limits(NamedTuple):
    """Concentration limits M and covenants C of a pool.

    ``keys`` [M, N] code of each loan's value, -1 where it is missing; ``share`` [M] of the pool
    that a value may hold (infinite: none), ``amount`` [M] that it may hold [currency], ``top`` [M]
    how many values are taken together. ``values`` [C, N] of the covenants' columns (NaN missing),
    with their bounds ``least`` and ``most`` [C].
    """

    keys: IntArray
    share: FloatArray
    amount: FloatArray
    top: IntArray
    values: FloatArray
    least: FloatArray
    most: FloatArray


@compiled
def contract_balances(
    kind: IntArray,
    balance: FloatArray,
    rate: FloatArray,
    start: IntArray,
    maturity: IntArray,
    day: int,
) -> FloatArray:
    """What each contract owes on ``day`` if all goes well [N]; instalments are monthly."""
    owed = np.empty(len(balance))
    for n in range(len(balance)):
        if day >= maturity[n]:
            owed[n] = 0.0
        elif kind[n] in (LEVEL_PAYMENT, EQUAL_PRINCIPAL, FLAT_FEE):
            count = max(round((maturity[n] - start[n]) / _MONTH), 1)
            paid = min(int((day - start[n]) / _MONTH), count)
            growth = rate[n] / 12.0
            if kind[n] != LEVEL_PAYMENT or growth == 0.0:
                owed[n] = balance[n] * (count - paid) / count
            else:
                whole = 1.0 - (1.0 + growth) ** (-count)
                owed[n] = balance[n] * (1.0 - (1.0 + growth) ** (paid - count)) / whole
        else:
            owed[n] = balance[n]
    return owed


@compiled
def choose(
    offers: IntArray,
    balance: FloatArray,
    owed: FloatArray,
    limits: Limits,
    money: tuple[float, float, float],
) -> BoolArray:
    """Which of ``offers`` (rows, in the order in which they are taken) are bought.

    ``balance`` [N] of each loan, ``owed`` [N] what the pool holds of each now. ``money`` is the
    cash, the price as a share of the balance, and the least size of which shares are taken
    [currency]: a pool that is being filled is not yet concentrated. A loan is passed over where its
    price is more than the cash left, or where the pool with it would breach a limit or covenant,
    unless it brings the mean nearer to its bound.
    """
    cash, price, least_size = money
    bought = np.zeros(len(offers), dtype=np.bool_)
    total = owed.sum()
    held = _held(limits, owed)
    sums, weights = _means(limits, owed)
    for place in range(len(offers)):
        n = offers[place]
        amount = balance[n]
        if amount <= 0.0 or amount * price > cash:
            continue
        if not _within(limits, held, n, amount, max(total + amount, least_size)):
            continue
        if not _keeps(limits, sums, weights, n, amount):
            continue
        bought[place] = True
        cash -= amount * price
        total += amount
        for m in range(len(limits.share)):
            if limits.keys[m, n] >= 0:
                held[m, limits.keys[m, n]] += amount
        for c in range(len(limits.least)):
            if not np.isnan(limits.values[c, n]):
                sums[c] += amount * limits.values[c, n]
                weights[c] += amount
    return bought


@compiled
def _held(limits: Limits, owed: FloatArray) -> FloatArray:
    """Balance of each value of each limit."""
    most = 1
    for m in range(len(limits.share)):
        most = max(most, limits.keys[m].max() + 1)
    held = np.zeros((len(limits.share), most))
    for n in range(len(owed)):
        if owed[n] > 0.0:
            for m in range(len(limits.share)):
                if limits.keys[m, n] >= 0:
                    held[m, limits.keys[m, n]] += owed[n]
    return held


@compiled
def _means(limits: Limits, owed: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Weighted sums of the covenants' columns, and their weights [C]."""
    sums, weights = np.zeros(len(limits.least)), np.zeros(len(limits.least))
    for n in range(len(owed)):
        if owed[n] > 0.0:
            for c in range(len(limits.least)):
                if not np.isnan(limits.values[c, n]):
                    sums[c] += owed[n] * limits.values[c, n]
                    weights[c] += owed[n]
    return sums, weights


@compiled
def _within(limits: Limits, held: FloatArray, n: int, amount: float, size: float) -> bool:
    """Whether the pool with loan ``n`` keeps all limits that the loan bears on."""
    for m in range(len(limits.share)):
        code = limits.keys[m, n]
        if code < 0:
            continue
        most = min(limits.share[m] * size, limits.amount[m])
        if limits.top[m] == 1:
            after = held[m, code] + amount
        else:
            after = _largest(held[m], limits.top[m], code, amount)
            if after <= _largest(held[m], limits.top[m], code, 0.0):
                continue
        if after > most * (1.0 + 1e-12):
            return False
    return True


@compiled
def _largest(held: FloatArray, count: int, code: int, more: float) -> float:
    """Sum of the ``count`` largest values, with ``more`` in that of ``code``."""
    top = np.zeros(count)
    for k in range(len(held)):
        value = held[k] + (more if k == code else 0.0)
        if value > top[count - 1]:
            at = count - 1
            while at > 0 and top[at - 1] < value:
                top[at] = top[at - 1]
                at -= 1
            top[at] = value
    return top.sum()  # type: ignore[no-any-return]


@compiled
def _keeps(limits: Limits, sums: FloatArray, weights: FloatArray, n: int, amount: float) -> bool:
    """Whether the pool with loan ``n`` keeps all covenants, or comes nearer to them."""
    for c in range(len(limits.least)):
        value = limits.values[c, n]
        if np.isnan(value):
            return False
        mean = (sums[c] + amount * value) / (weights[c] + amount)
        before = sums[c] / weights[c] if weights[c] > 0.0 else value
        if mean < limits.least[c] and (mean < before or weights[c] == 0.0):
            return False
        if mean > limits.most[c] and (mean > before or weights[c] == 0.0):
            return False
    return True
