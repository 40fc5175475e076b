"""Local search over a core: shifts and exchanges at a falling temperature, from fixed seeds.

A placement loses its ``regret`` (best less chosen reduced worth) and the price of what its rows
leave free; both are at least 0 and add up to its distance from the bound. The search takes that for
its energy, exceeded rows at a rising price and a charge for each, and keeps the best placement that
keeps all rows. Metropolis acceptance after S. Kirkpatrick, C. Gelatt, M. Vecchi, Science 220
(1983), 671-680; its random numbers are its own, so that it repeats.
"""

from __future__ import annotations

import math
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np

from scfcap.compiled import compiled
from scfcap.funding.allocation.core import Core
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Price of an exceeded row over its price, at the start and at the end.
EXCEEDED = (1.5, 40.0)
#: Temperature at the start and the end, over the price of a middling loan in a middling row.
HOT, COLD = 0.04, 0.001
#: As these, to mend a placement that exceeds few rows.
MENDED, WARM = (20.0, 200.0), 0.02
#: What each exceeded row costs besides, over the price of a middling loan in a middling row.
BROKEN = (0.3, 3.0)
#: Searches that go on beside each other, each from its own random numbers.
SEEDS = (0, 1)
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
    likely = np.argsort(regret, kind="stable")[: int(TRIED * len(core))]
    price = exceeded_price(core, dual)
    free = core.right - core.use(at)
    live = (dual > 0.0) | (free < ROOMY * core.sizes())
    unit = float(np.median(core.balance[core.balance > 0.0]) * np.median(price))
    hot, exceeded = (WARM, MENDED) if mend else (HOT, EXCEEDED)
    heats = np.array([hot * unit, COLD * unit, *exceeded, BROKEN[0] * unit, BROKEN[1] * unit])
    arrays = (*_live(core, live), regret)

    def from_seed(seed: int) -> tuple[float, IntArray, IntArray]:
        now, best, room = at.copy(), at.copy(), free[live]
        least = _anneal(
            arrays, likely, room, now, best, dual[live], price[live], heats, steps, np.uint64(seed)
        )
        return least, best, now

    with ThreadPoolExecutor(len(SEEDS)) as threads:
        found = list(threads.map(from_seed, SEEDS))
    lost = [_lost(core, now, regret, dual, price) for _, _, now in found]
    least, best = min(((each[0], k) for k, each in enumerate(found)))
    last = min(range(len(found)), key=lost.__getitem__)
    if least <= CLOSE * lost[last] or (mend and math.isfinite(least)):
        return found[best][1]
    return found[last][2]


def _lost(
    core: Core, at: IntArray, regret: FloatArray, dual: FloatArray, price: FloatArray
) -> float:
    """What a placement loses, exceeded rows at their price [currency]."""
    left = core.right - core.use(at)
    return float(regret[at].sum() + np.where(left < 0.0, -price * left, dual * left).sum())


def _live(core: Core, live: BoolArray) -> tuple[Any, ...]:
    """Options as the search goes through them, rows that are not live left out; and for each pair
    of channels, of which none is the last, the rows that a change from one to the other touches.
    """
    channel, plain = _ends(core)
    plain = np.ascontiguousarray(plain[:, live])
    inside = live[core.row]
    start = np.concatenate([[0], np.cumsum(inside)])[core.start]
    row = (np.cumsum(live) - 1)[core.row[inside]]
    touched = plain != 0.0
    touched[np.repeat(channel, np.diff(start)), row] = True
    pairs = (touched[:, None, :] | touched[None, :, :]).reshape(-1, plain.shape[1])
    begin = np.concatenate([[0], np.cumsum(pairs.sum(axis=1))]).astype(np.int64)
    rows = np.nonzero(pairs)[1].astype(np.int64)
    return (
        core.first, core.loan, channel, core.balance, start, row, core.amount[inside], plain,
        begin, rows,
    )  # fmt: skip


def _ends(core: Core) -> tuple[IntArray, FloatArray]:
    """Each option's channel, and what a unit of balance there uses of the rows; none is the last
    channel, which uses nothing.
    """
    channel = np.where(core.channel < 0, len(core.plain), core.channel).astype(np.int64)
    return channel, np.vstack([core.plain, np.zeros(len(core.right))])


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
    channel, plain = _ends(core)
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
    seed: Any,
) -> float:
    """Moves ``now``; ``best`` becomes the one that keeps the rows and loses least: its loss.

    ``heats``: temperature, price of an exceeded row over its price, and what each exceeded row
    costs besides, each at the start and the end.
    """
    first, loan, channel, balance, start, row, amount, plain, begin, rows, regret = arrays
    loans, ends = len(now), plain.shape[0]
    then, high, fixed = np.empty(len(free)), heats[2] * price, heats[4]
    total, over = 0.0, 0
    for i in range(loans):
        total += regret[now[i]]
    for r in range(len(free)):
        total += dual[r] * free[r]
        over += free[r] < 0.0
    least = total if over == 0 else np.inf
    heat, cooling = heats[0], (heats[1] / heats[0]) ** (1.0 / steps)
    rising = (heats[3] / heats[2]) ** (1000.0 / steps)
    dearer = (heats[5] / heats[4]) ** (1000.0 / steps)
    random = np.uint64(88172645463325252) + seed * np.uint64(0x9E3779B97F4A7C15)
    for step in range(steps):
        heat *= cooling
        if step % 1000 == 999:
            high *= rising
            fixed *= dearer
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
        pair = a * ends + b
        for k in range(begin[pair], begin[pair + 1]):
            r = rows[k]
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
        shift, beyond = change, 0
        for k in range(begin[pair], begin[pair + 1]):
            r = rows[k]
            shift += dual[r] * (then[r] - free[r])
            if then[r] < 0.0:
                change += fixed - high[r] * then[r]
                beyond += 1
            else:
                change += dual[r] * then[r]
            if free[r] < 0.0:
                change -= fixed - high[r] * free[r]
                beyond -= 1
            else:
                change -= dual[r] * free[r]
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
        over += beyond
        for k in range(begin[pair], begin[pair + 1]):
            free[rows[k]] = then[rows[k]]
        if over == 0 and total < least:
            least = total
            best[:] = now
    return least
