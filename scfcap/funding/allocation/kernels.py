"""Compiled loops over loans and channels: smoothed dual, its curvature, margins, exact terms.

Each works on the loans from ``low`` to ``high``; :mod:`scfcap.funding.allocation.evaluate` runs
blocks of them beside each other and adds their results in order. ``r`` is a loan's value per money
less its price, ``r_c = unit_c - sum over parts of table[line, c] * number``; staying unplaced is
worth 0 and open to every loan without ``must``.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from scfcap.compiled import compiled

#: Below exp(-LEAST) a channel's part is nothing in double precision.
LEAST = 37.0
#: A loan whose largest part leaves less than this to others has no curvature worth adding.
SURE = 1e-10


@compiled
def priced(i: int, s: Any, table: Any, line: Any, times: Any, r: Any) -> None:
    """Lines and numbers of loan ``i`` by part, and its ``r`` by channel."""
    unit, _, _, codes, numbers, attribute, number, start = s
    channels = unit.shape[1]
    for c in range(channels):
        r[c] = unit[i, c]
    for k in range(len(start)):
        at, by = attribute[k], number[k]
        row = start[k]
        if at >= 0:
            row += codes[i, at]
        line[k] = row
        if by >= 0:
            x = numbers[i, by]
            times[k] = x
            for c in range(channels):
                r[c] -= table[row, c] * x
        else:
            times[k] = 1.0
            for c in range(channels):
                r[c] -= table[row, c]


@compiled
def shares(r: Any, must: bool, mu: float, x: Any) -> tuple[float, float, float]:
    """Softmax parts ``x`` of the channels; the maximum, log of the sum, and what is left unplaced.

    The log is that of ``sum exp((r - maximum) / mu)``.
    """
    best = -np.inf if must else 0.0
    for c in range(len(r)):
        best = max(best, r[c])
    if best == -np.inf:
        x[:] = 0.0
        return best, 0.0, 0.0
    rest = 0.0
    if not must:
        d = -best / mu
        rest = np.exp(d) if d > -LEAST else 0.0
    z = rest
    for c in range(len(r)):
        d = (r[c] - best) / mu
        e = 0.0
        if d > -LEAST:
            e = 1.0 if d == 0.0 else np.exp(d)
        x[c] = e
        z += e
    for c in range(len(r)):
        x[c] /= z
    return best, np.log(z), rest / z


@compiled
def smooth(
    s: Any, table: Any, mu: float, low: int, high: int, sums: Any, near: Any
) -> tuple[float, float, float, int]:
    """The loans' part of the smoothed dual, and of the dual [currency].

    ``sums`` (lines, channels) takes the money placed by line and channel, times the part's number;
    ``near`` the loans that are not sure. Returns the smoothed terms, the terms at mu = 0, what the
    softmax placement is worth less than the best at these prices, and how many are near. What
    :func:`priced` and :func:`shares` do stands here once more, a third faster than if called.
    """
    unit, balance, must, codes, numbers, attribute, number, start = s
    channels, parts = unit.shape[1], len(start)
    line, times = np.empty(parts, np.int64), np.empty(parts)
    r, x = np.empty(channels), np.empty(channels)
    smoothed, sharp, lost, count = 0.0, 0.0, 0.0, 0
    for i in range(low, high):
        best = -np.inf if must[i] else 0.0
        for c in range(channels):
            r[c] = unit[i, c]
        for k in range(parts):
            row = start[k]
            if attribute[k] >= 0:
                row += codes[i, attribute[k]]
            t = numbers[i, number[k]] if number[k] >= 0 else 1.0
            line[k], times[k] = row, t
            for c in range(channels):
                r[c] -= table[row, c] * t
        for c in range(channels):
            best = max(best, r[c])
        if best == -np.inf:
            continue
        d = -best / mu
        rest = 0.0 if must[i] or d <= -LEAST else np.exp(d)
        z = rest
        for c in range(channels):
            d = (r[c] - best) / mu
            x[c] = 0.0 if d <= -LEAST else 1.0 if d == 0.0 else np.exp(d)
            z += x[c]
        b = balance[i]
        sharp += b * best
        if z == 1.0:
            smoothed += b * best
            for c in range(channels):
                if x[c] == 1.0:
                    for k in range(parts):
                        sums[line[k], c] += b * times[k]
            continue
        smoothed += b * (best + mu * np.log(z))
        most, below = rest / z, rest / z * best
        for c in range(channels):
            if x[c] > 0.0:
                part = x[c] / z
                most = max(most, part)
                below += part * (best - r[c])
                w = b * part
                for k in range(parts):
                    sums[line[k], c] += w * times[k]
        lost += b * below
        if most < 1.0 - SURE:
            near[count] = i
            count += 1
    return smoothed, sharp, lost, count


@compiled
def curve(s: Any, table: Any, mu: float, near: Any, hessian: Any) -> None:
    """Add the curvature of the ``near`` loans, over cells of the table, to ``hessian``.

    Cells are lines x channels; the upper half by line and channel pairs is filled twice, so that
    the result is symmetric.
    """
    unit, balance, must = s[0], s[1], s[2]
    channels, parts = unit.shape[1], len(s[7])
    line, times = np.empty(parts, np.int64), np.empty(parts)
    r, x = np.empty(channels), np.empty(channels)
    for at in range(len(near)):
        i = near[at]
        priced(i, s, table, line, times, r)
        shares(r, must[i], mu, x)
        scale = balance[i] / mu
        for c in range(channels):
            if x[c] <= 0.0:
                continue
            for d in range(channels):
                w = -x[c] * x[d]
                if c == d:
                    w += x[c]
                w *= scale
                if w == 0.0:
                    continue
                for k in range(parts):
                    row = line[k] * channels + c
                    v = w * times[k]
                    for j in range(parts):
                        hessian[row, line[j] * channels + d] += v * times[j]


@compiled
def choose(s: Any, table: Any, low: int, high: int, choice: Any, margin: Any, second: Any) -> None:
    """Best channel of each loan at the prices, -1 for none; by how much per money; the next best.

    The first of equals wins, staying unplaced last. ``second`` is -1 for unplaced, -2 where there
    is no other use; its margin is then infinite.
    """
    unit, must = s[0], s[2]
    channels, parts = unit.shape[1], len(s[7])
    line, times, r = np.empty(parts, np.int64), np.empty(parts), np.empty(channels)
    for i in range(low, high):
        priced(i, s, table, line, times, r)
        best, next_best = -np.inf, -np.inf
        first, then = -2, -2
        for c in range(channels):
            if r[c] > best:
                next_best, then = best, first
                best, first = r[c], c
            elif r[c] > next_best:
                next_best, then = r[c], c
        if not must[i]:
            if best < 0.0:
                next_best, then = best, first
                best, first = 0.0, -1
            elif next_best < 0.0:
                next_best, then = 0.0, -1
        choice[i] = first if first >= 0 else -1
        second[i] = then
        margin[i] = np.inf if then == -2 else best - next_best


@compiled
def terms(
    s: Any, value: Any, table: Any, gross: Any, low: int, high: int, found: Any, size: Any
) -> None:
    """``max(0, max_c value - balance * price)`` of each loan, and the size of what it came from.

    ``gross`` is the table of absolute prices; ``size`` bounds ``|value| + balance * sum of
    |price parts|``, so that the rounding error is that times a few units of rounding. -inf where a
    loan that must be placed has no channel.
    """
    unit, balance, must, codes, numbers, attribute, number, start = s
    channels, parts = unit.shape[1], len(start)
    price, large = np.empty(channels), np.empty(channels)
    for i in range(low, high):
        price[:] = 0.0
        large[:] = 0.0
        for k in range(parts):
            row = start[k]
            if attribute[k] >= 0:
                row += codes[i, attribute[k]]
            x = numbers[i, number[k]] if number[k] >= 0 else 1.0
            for c in range(channels):
                price[c] += table[row, c] * x
                large[c] += gross[row, c] * abs(x)
        best = -np.inf if must[i] else 0.0
        most = 0.0
        for c in range(channels):
            if unit[i, c] > -np.inf:
                best = max(best, value[i, c] - balance[i] * price[c])
                most = max(most, abs(value[i, c]) + balance[i] * large[c])
        found[i] = best
        size[i] = most
