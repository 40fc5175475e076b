"""Concentration limits: how much each name may keep, and what of each loan counts.

Limits are applied one after the other, each on what the ones before it left, so that no amount
is taken twice. A name's balance is cut down to a level L, the same for all names: the largest L
at which the ``top`` largest names together hold no more than the limit.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from scfcap.pool import loops
from scfcap.pool.columns import Columns, Values
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.pool import Concentration

#: Passes after which the search for what remains is ended.
MAX_PASSES = 500
#: Relative error of what remains.
EXACT = 1e-14
#: Room for the rounding of sums, relative to the balance summed.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class Step:
    """One limit as it was applied.

    ``held``: balance by value before it (last: rows without a value), ``excess``: what of it
    exceeds the limit, by value [currency]. ``base``: amount of which the limit is a share, and
    ``cap`` the limit [currency]. ``rows`` and ``taken``: loans of which something no longer
    counts freely, and how much [currency]; none where the limit only reports.
    """

    limit: Concentration
    names: Values
    held: FloatArray
    excess: FloatArray
    base: float
    cap: float
    rows: IntArray
    taken: FloatArray


@dataclass(frozen=True)
class Applied:
    """Limits applied to loans, shape (loans,) [currency].

    ``counted``: what counts of each loan; ``reserved``: the part of it for which a reserve is
    asked. ``total``: balance before any limit.
    """

    counted: FloatArray
    reserved: FloatArray
    total: float
    steps: tuple[Step, ...]


def apply_limits(columns: Columns, limits: Sequence[Concentration], start: FloatArray) -> Applied:
    """Apply ``limits`` in order to the balances ``start``, shape (loans,) [currency].

    Shares with ``base = "before"`` are of the sum of ``start``; those with ``base = "after"`` of
    what remains free once every limit has been applied: the largest total T that equals what
    remains where they are shares of T.
    """
    total = float(start.sum())
    after = _remaining(columns, limits, start, total)
    left, steps = _pass(columns, limits, start, total, after)
    reserved = np.zeros(len(start))
    for step in steps:
        if step.limit.treatment == "reserve":
            reserved[step.rows] += step.taken
    return Applied(left + reserved, reserved, total, steps)


def level(held: FloatArray, top: int, cap: float) -> float:
    """Largest L such that the ``top`` largest of min(held, L) sum to at most ``cap``.

    Infinite where ``held`` keeps the limit as it is, but for the rounding of its sums.
    """
    count = min(top, len(held))
    if not count:
        return np.inf
    largest = np.sort(-np.partition(-held, count - 1)[:count])[::-1]
    if float(largest.sum()) <= cap + _ROUNDING * float(held.sum()):
        return np.inf
    rest = np.append(np.cumsum(largest[:0:-1])[::-1], 0.0)
    found = (cap - rest) / np.arange(1, count + 1)
    return _first(found, found >= np.append(largest[1:], 0.0))


def level_after(held: FloatArray, rest: float, top: int, share: float) -> float:
    """Largest L such that the ``top`` largest of min(held, L) sum to at most ``share`` of
    (``rest`` + the sum of all min(held, L)); infinite where ``held`` keeps the limit as it is.

    With k of N names above L, n = top and P_k the sum of the k largest: for k >= n
    ``L = share (rest + P_N - P_k) / (n - share k)``, else
    ``L = (share (rest + P_N - P_k) - (P_n - P_k)) / (k (1 - share))``. What the top names hold
    less their share of all is convex, then rising in L and not above 0 at L = 0, so that it
    crosses 0 once: at the least k for which L is no less than the next name.
    """
    largest = np.sort(held)[::-1]
    count = min(top, len(held))
    sums = np.cumsum(largest)
    whole = rest + (float(sums[-1]) if count else 0.0)
    if not count or float(sums[count - 1]) <= share * whole * (1.0 + _ROUNDING):
        return np.inf
    above = np.arange(1, len(held) + 1)
    mine = share * np.maximum(whole - sums, 0.0)
    divisor = np.where(above >= count, count - share * above, above * (1.0 - share))
    excess = np.where(above >= count, 0.0, sums[count - 1] - sums)
    usable = divisor > 0.0
    found = np.where(usable, (mine - excess) / np.where(usable, divisor, 1.0), -1.0)
    below = np.append(largest[1:], 0.0)
    return _first(found, found >= below - _ROUNDING * whole)


def _first(found: FloatArray, fits: BoolArray) -> float:
    return float(found[int(np.argmax(fits))]) if bool(fits.any()) else 0.0


def _counts(limit: Concentration) -> bool:
    return limit.treatment != "report"


def _remaining(
    columns: Columns, limits: Sequence[Concentration], start: FloatArray, total: float
) -> float:
    """What remains free of ``total`` once all limits are applied, shares of it included.

    From above: each limit alone gives a bound by its closed form. What remains is a concave
    function of T where amounts are cut, so that chords through two totals too large never fall
    below the answer; whole loans make steps, on which T becomes what remains until it stays.
    """
    shared = [limit for limit in limits if _counts(limit) and limit.base == "after"]
    if not shared:
        return total
    highest = total
    for limit in shared:
        held = columns.values(limit.column).sums(start)
        most = level_after(held[:-1], float(held[-1]), limit.top, limit.share or 0.0)
        highest = min(highest, float(np.minimum(held[:-1], most).sum() + held[-1]))
    smooth = all(limit.treatment != "exclude" for limit in limits)
    older: tuple[float, float] | None = None
    now, chord = highest, False
    for _ in range(MAX_PASSES):
        left = _left(columns, limits, start, total, now)
        if chord and older is not None and left > now + _ROUNDING * total:  # not concave
            now, chord, smooth = older[1], False, False
            continue
        if left >= now - EXACT * total:
            break
        guess = _chord(older, (now, left)) if smooth else None
        older, chord = (now, left), guess is not None
        now = left if guess is None else guess
    return now


def _chord(older: tuple[float, float] | None, newer: tuple[float, float]) -> float | None:
    """Where the line through two points (T, what remains of it) meets what remains = T."""
    if older is None or older[0] == newer[0]:
        return None
    slope = (older[1] - newer[1]) / (older[0] - newer[0])
    if not 0.0 <= slope < 1.0:
        return None
    return float(np.clip((newer[1] - slope * newer[0]) / (1.0 - slope), 0.0, newer[1]))


def _pass(
    columns: Columns,
    limits: Sequence[Concentration],
    start: FloatArray,
    total: float,
    after: float,
) -> tuple[FloatArray, tuple[Step, ...]]:
    """Apply every limit once, with ``after`` as what remains; returns what is left free."""
    left = start.copy()
    steps = []
    for limit in limits:
        before = left.copy()
        base, cap, held, excess = _apply(columns, limit, left, total, after)
        gone = before - left
        rows = np.flatnonzero(gone)
        names = columns.values(limit.column)
        if limit.treatment == "exclude":
            excess = names.sums(gone)
        steps.append(Step(limit, names, held, excess, base, cap, rows, gone[rows]))
    return left, tuple(steps)


def _left(
    columns: Columns,
    limits: Sequence[Concentration],
    start: FloatArray,
    total: float,
    after: float,
) -> float:
    """What is left free with ``after`` as what remains [currency]."""
    left = start.copy()
    for limit in limits:
        if _counts(limit):
            _apply(columns, limit, left, total, after)
    return float(left.sum())


def _apply(
    columns: Columns, limit: Concentration, left: FloatArray, total: float, after: float
) -> tuple[float, float, FloatArray, FloatArray]:
    """Take the excess of one limit out of ``left`` itself, unless it only reports.

    Returns the base and the cap [currency], and balance and excess by value.
    """
    values = columns.values(limit.column)
    held = values.sums(left)
    names, rest = held[:-1], float(held[-1])
    if limit.base == "after" and not _counts(limit):
        most = level_after(names, rest, limit.top, limit.share or 0.0)
        base = rest + float(np.minimum(names, most).sum())
        cap = (limit.share or 0.0) * base
    else:
        base, cap = _cap(limit, total, after)
        most = level(names, limit.top, cap)
    excess = np.append(np.maximum(names - most, 0.0), 0.0)
    if _counts(limit) and np.isfinite(most):
        over = excess > 0.0
        if limit.treatment == "exclude":
            rows = np.flatnonzero(over[values.places] & (left > 0.0))
            left[_whole_loans(columns, limit, rows, left, held, most)] = 0.0
        else:
            loops.cut(values.places, left, np.where(over, most / np.where(over, held, 1.0), 1.0))
    return base, cap, held, excess


def _cap(limit: Concentration, total: float, after: float) -> tuple[float, float]:
    """The amount of which a limit is a share, and the limit [currency]."""
    if limit.amount is not None:
        return total, limit.amount
    share = limit.share or 0.0
    base = limit.of if limit.of is not None else after if limit.base == "after" else total
    return base, share * base


def _whole_loans(
    columns: Columns,
    limit: Concentration,
    rows: IntArray,
    left: FloatArray,
    held: FloatArray,
    most: float,
) -> IntArray:
    """Of ``rows``, the loans that go out, in the limit's order, until each name is at ``most``."""
    name = limit.order.removeprefix("-")
    if columns.kind(name) == "text":
        labels = columns.values(name)
        ranks = np.argsort(np.argsort(labels.labels.astype(str), kind="stable"), kind="stable")
        key = np.append(ranks, np.nan)[labels.places[rows]]
    else:
        key = columns.numbers(name)[rows]
    if limit.order.startswith("-"):
        key = -key
    place = columns.values(limit.column).places[rows]
    rows = rows[np.lexsort((key, place))]  # NaN sorts last
    place = columns.values(limit.column).places[rows]
    amount = left[rows]
    summed = np.cumsum(amount) - amount
    begin = np.flatnonzero(np.diff(place, prepend=-1))
    gone = summed - np.repeat(summed[begin], np.diff(begin, append=len(rows)))
    room = _ROUNDING * float(held.sum())
    return rows[held[place] - gone > most + room]
