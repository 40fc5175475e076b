"""Local search over a core: shifts and exchanges at a falling temperature, from one seed.

A placement loses its ``regret`` (best less chosen reduced worth) and the price of what its rows
leave free; both are at least 0 and add up to its distance from the bound. The search takes that for
its energy, exceeded rows at a rising price, and keeps the best placement that keeps all rows.
Metropolis acceptance after S. Kirkpatrick, C. Gelatt, M. Vecchi, Science 220 (1983), 671-680; its
random numbers are its own, so that it repeats.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from scfcap.compiled import compiled
from scfcap.funding.allocation.core import Core
from scfcap.quantities import FloatArray, IntArray

#: Price of an exceeded row over its price, at the start and at the end.
EXCEEDED = (1.5, 40.0)
#: Temperature at the start and the end, over the price of a middling loan in a middling row.
HOT, COLD = 0.02, 0.001
#: As these, to mend a placement that exceeds few rows.
MENDED, WARM = (20.0, 200.0), 0.02
#: Options that are tried, the likeliest ones, for each loan; its best one is among them.
TRIED = 1.4
#: A row that has room for so many of its largest coefficient is left out.
ROOMY = 30.0
#: A placement that keeps all rows is taken where it loses at most so many times the last one.
CLOSE = 1.5
#: Loans that are asked in turn to change places with another.
_ASKED = 12


def searched(
    core: Core, at: IntArray, dual: FloatArray, steps: int, *, mend: bool = False
) -> IntArray:
    """Options near ``at`` (loans,) that lose less: the last ones, which may exceed rows by little,
    or the best that keep all if they lose about as little, with ``mend`` in any case.

    ``mend``: ``at`` loses little; the search is colder, and dearer where rows are exceeded.
    """
    if not len(core.loan) > len(core):
        return at
    reduced = core.reduced(dual)
    regret = np.maximum.reduceat(reduced, core.first[:-1])[core.loan] - reduced
    plain = np.vstack([core.plain, np.zeros(len(core.right))])
    channel = np.where(core.channel < 0, len(core.plain), core.channel).astype(np.int64)
    likely = np.argsort(regret, kind="stable")[: int(TRIED * len(core))]
    price = exceeded_price(core, dual)
    free = core.right - core.use(at)
    live = (dual > 0.0) | (free < ROOMY * core.sizes())
    unit = float(np.median(core.balance[core.balance > 0.0]) * np.median(price))
    now, best = at.copy(), at.copy()
    inside = live[core.row]
    start = np.concatenate([[0], np.cumsum(inside)])[core.start]
    row = (np.cumsum(live) - 1)[core.row[inside]]
    arrays = (
        core.first, core.loan, channel, regret, core.balance, start, row, core.amount[inside],
        np.ascontiguousarray(plain[:, live]),
    )  # fmt: skip
    hot, exceeded = (WARM, MENDED) if mend else (HOT, EXCEEDED)
    heats = np.array([hot * unit, COLD * unit, *exceeded])
    least = _anneal(arrays, likely, free[live], now, best, dual[live], price[live], heats, steps)
    left = core.right - core.use(now)
    last = float(regret[now].sum() + (dual * np.maximum(left, 0.0)).sum())
    return best if least <= CLOSE * last or (mend and math.isfinite(least)) else now


def exceeded_price(core: Core, dual: FloatArray) -> FloatArray:
    """Prices by which rows without a price may be compared with those that have one (rows,).

    At least a middling priced row's price of its largest coefficient.
    """
    size = core.sizes()
    priced = dual * size
    some = priced[priced > 0.0]
    middle = float(np.median(some)) if len(some) else float(np.abs(core.worth).max(initial=1.0))
    return np.maximum(dual, middle / size)


def settled(core: Core, at: IntArray, stays: IntArray) -> IntArray:
    """Options after shifts of one loan at a time that gain and keep all rows, until none is left.

    ``at`` has to keep them. ``stays`` (loans,): each loan's option of today, -1 without; a loan
    goes there also where that gains nothing.
    """
    now = at.copy()
    plain = np.vstack([core.plain, np.zeros(len(core.right))])
    channel = np.where(core.channel < 0, len(core.plain), core.channel).astype(np.int64)
    arrays = (
        core.first,
        channel,
        core.worth,
        core.balance,
        core.start,
        core.row,
        core.amount,
        plain,
    )
    _settle(arrays, core.right - core.use(at), now, stays)
    return now


@compiled
def _settle(arrays: Any, free: Any, now: Any, stays: Any) -> None:
    """One option after the other, until none gains; ``free`` is brought along."""
    first, channel, worth, balance, start, row, amount, plain = arrays
    rows, then = len(free), np.empty(len(free))
    moved = True
    while moved:
        moved = False
        for one in range(len(now)):
            for to in range(first[one], first[one + 1]):
                out = now[one]
                gain = worth[to] - worth[out]
                if to == out or not (gain > 0.0 or (gain == 0.0 and to == stays[one])):
                    continue
                a, b = channel[out], channel[to]
                for r in range(rows):
                    then[r] = free[r] + balance[out] * plain[a, r] - balance[to] * plain[b, r]
                for e in range(start[out], start[out + 1]):
                    then[row[e]] += amount[e]
                for e in range(start[to], start[to + 1]):
                    then[row[e]] -= amount[e]
                if rows == 0 or then.min() >= 0.0:
                    free[:] = then
                    now[one] = to
                    moved = True


@compiled
def _anneal(
    arrays: Any,
    likely: Any,
    free: Any,
    now: Any,
    best: Any,
    dual: Any,
    price: Any,
    heats: Any,
    steps: int,
) -> float:
    """Moves ``now``; ``best`` becomes the one that keeps the rows and loses least: its loss."""
    first, loan, channel, regret, balance, start, row, amount, plain = arrays
    rows, loans = len(free), len(now)
    then, high = np.empty(rows), heats[2] * price
    least, total = np.inf, 0.0
    for i in range(loans):
        total += regret[now[i]]
    if rows == 0 or free.min() >= 0.0:
        least = total + (dual * free).sum()
    heat, cooling = heats[0], (heats[1] / heats[0]) ** (1.0 / steps)
    rising = (heats[3] / heats[2]) ** (1000.0 / steps)
    random = np.uint64(88172645463325252)
    for step in range(steps):
        heat *= cooling
        if step % 1000 == 999:
            high *= rising
        random ^= random << np.uint64(13)
        random ^= random >> np.uint64(7)
        random ^= random << np.uint64(17)
        to = likely[np.int64((random >> np.uint64(11)) % np.uint64(len(likely)))]
        one = loan[to]
        out = now[one]
        if to == out:
            continue
        other, back, gone = np.int64(-1), np.int64(-1), np.int64(-1)
        if (random >> np.uint64(5)) & np.uint64(1):
            for _ in range(_ASKED):
                random ^= random << np.uint64(13)
                random ^= random >> np.uint64(7)
                random ^= random << np.uint64(17)
                asked = np.int64((random >> np.uint64(11)) % np.uint64(loans))
                if asked == one or channel[now[asked]] != channel[to]:
                    continue
                for o in range(first[asked], first[asked + 1]):
                    if channel[o] == channel[out]:
                        other, back, gone = asked, np.int64(o), now[asked]
                if other >= 0:
                    break
            if other < 0:
                continue
        change = regret[to] - regret[out]
        a, b = channel[out], channel[to]
        less, more = balance[out], balance[to]
        if other >= 0:
            change += regret[back] - regret[gone]
            less -= balance[back]
            more -= balance[gone]
        shift = change
        for r in range(rows):
            then[r] = free[r] + less * plain[a, r] - more * plain[b, r]
        for e in range(start[out], start[out + 1]):
            then[row[e]] += amount[e]
        for e in range(start[to], start[to + 1]):
            then[row[e]] -= amount[e]
        if other >= 0:
            for e in range(start[gone], start[gone + 1]):
                then[row[e]] += amount[e]
            for e in range(start[back], start[back + 1]):
                then[row[e]] -= amount[e]
        for r in range(rows):
            change += max(dual[r] * then[r], -high[r] * then[r])
            change -= max(dual[r] * free[r], -high[r] * free[r])
        if change > 0.0:
            if change > 12.0 * heat:
                continue
            random ^= random << np.uint64(13)
            random ^= random >> np.uint64(7)
            random ^= random << np.uint64(17)
            if (random >> np.uint64(11)) * 2.0**-53 >= math.exp(-change / heat):
                continue
        now[one] = to
        if other >= 0:
            now[other] = back
        total += shift
        loss, kept = total, True
        for r in range(rows):
            free[r] = then[r]
            loss += dual[r] * then[r]
            if then[r] < 0.0:
                kept = False
        if kept and loss < least:
            least = loss
            best[:] = now
    return least
