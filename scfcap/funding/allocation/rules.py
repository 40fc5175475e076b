"""What a desk does without a solver: the greedy and the proportional way.

Both begin with what stands: a loan that may stay in its channel is there until it is moved. Both
keep caps as they go, take loans out of what is broken in the end, and leave floors, shares and
averages that they cannot keep as they are: ``AllocationProgram.activity`` tells. A loan that must
be placed and fits nowhere goes to its best channel all the same.
"""

from __future__ import annotations

from typing import Literal

import numpy as np

from scfcap.compiled import compiled
from scfcap.funding.allocation.program import (
    UNPLACED,
    AllocationProgram,
    Choice,
    Row,
)
from scfcap.funding.allocation.running import Desk, desk
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Passes over the loans: a row that has fallen may let in what was refused before.
PASSES = 4
#: Rounds of taking loans out of broken rows: each may break a share that was kept.
ROUNDS = 200
_FLOORS = ("least", "cover")
Order = Literal["value", "regret"]


def greedy(program: AllocationProgram, by: Order = "regret") -> Choice:
    """Each loan into the best channel that still keeps the rows, those with most at stake first.

    Loans go in the order of what they gain per unit of balance: by ``regret`` against their second
    best (nowhere: 0), by ``value`` against where they are. Floors are filled first, by the loans
    that lose least by it. The rule is deterministic: equal loans go in the order of the program.
    """
    value = program.value
    standing = _standing(program)
    order = _by_gain(program, standing, by)
    made = desk(program, standing, _expected(program))
    _bound(made)
    _floors(made, value)
    _passes(made, order, value)
    _finish(made, value)
    _passes(made, order, value)
    return made.choice


def _passes(made: Desk, order: IntArray, value: FloatArray) -> None:
    for _ in range(PASSES):
        if not made.improve(order, value):
            break


def proportional(program: AllocationProgram, segment: str | None = None) -> Choice:
    """Each channel takes the same share of every segment, whatever a loan is worth there.

    A channel that holds more than it wants gives off that share of its loans; those and the loans
    that stand nowhere go to the channels that hold less, pro rata to what they miss. What a channel
    wants is the middle of its band, its most where it has no least, and what remains where it has
    neither. Whole loans are picked systematically, in the order of the program: within a segment
    each goes where most is missing of what should have gone there by now. ``segment`` is an
    attribute of the program; None: ``segment`` where there is one, else all loans are one.
    """
    standing = _standing(program)
    wanted = _wanted(program)
    held = _held(program, standing)
    over = np.maximum(held - wanted, 0.0)
    gives = np.divide(over, held, out=np.zeros_like(over), where=held > 0.0)
    missing = np.maximum(wanted - held, 0.0)
    loose = float(program.balance[standing == UNPLACED].sum()) + float(over.sum())
    weight = np.append(missing, max(loose - float(missing.sum()), 0.0))
    named = segment if segment is not None else "segment"
    if segment is None and named not in program.attributes:
        codes = np.zeros(len(program), dtype=np.int64)
    else:
        codes = program.attributes[named].codes.astype(np.int64) + 1
    made = desk(program, standing)
    spread = _spread(
        program.balance, codes, program.eligible, program.must, standing, gives, weight
    )
    made.choice[:] = spread
    made.settle()
    _bound(made)
    level = _level(program)
    _floors(made, level)
    _finish(made, level)
    return made.choice


def _level(program: AllocationProgram) -> FloatArray:
    """Values of a desk that looks at none: where a loan stands is best, all else is alike."""
    level = np.zeros_like(program.value)
    stands = np.flatnonzero(program.today >= 0)
    level[stands, program.today[stands]] = 1.0
    return level


def _standing(program: AllocationProgram) -> Choice:
    """Each loan where it is today, if it may stay there."""
    today = program.today.astype(np.int16)
    stands = np.flatnonzero(today >= 0)
    kept = program.eligible[stands, today[stands]]
    standing: Choice = np.full(len(program), UNPLACED, dtype=np.int16)
    standing[stands[kept]] = today[stands[kept]]
    return standing


def _held(program: AllocationProgram, choice: Choice) -> FloatArray:
    """Balance by channel, shape (channels,) [currency]."""
    placed = choice >= 0
    at, balance = choice[placed], program.balance[placed]
    return np.bincount(at, balance, len(program.channels)).astype(np.float64)


def _by_gain(program: AllocationProgram, standing: Choice, by: Order) -> IntArray:
    """Loans in the order of what they gain per unit of balance, the most first."""
    value = np.where(program.eligible, program.value, -np.inf)
    nowhere = np.where(program.must, -np.inf, 0.0)[:, None]
    if by == "regret":
        ranked = np.sort(np.hstack((value, nowhere)), axis=1)
        gain = ranked[:, -1] - np.where(np.isfinite(ranked[:, -2]), ranked[:, -2], 0.0)
    else:
        placed = standing >= 0
        now = np.where(placed, program.value[np.arange(len(program)), standing], 0.0)
        gain = np.maximum(value.max(axis=1, initial=-np.inf), nowhere[:, 0]) - now
    return np.argsort(-gain / program.balance, kind="stable").astype(np.int64)


def _amounts(program: AllocationProgram) -> tuple[FloatArray, FloatArray]:
    """Least and most of each channel by the rows on all of its balance, (channels,) [currency]."""
    least, most = np.zeros(len(program.channels)), np.full(len(program.channels), np.inf)
    for row in program.rows:
        if len(row.terms) != 1 or row.kind not in ("least", "most", "cover"):
            continue
        term = row.terms[0]
        if term.attribute is not None or term.number is not None or term.weight == 0.0:
            continue
        at, amount = term.channel, row.right / term.weight
        if term.weight > 0.0:
            most[at] = min(most[at], max(amount, 0.0))
        else:
            least[at] = max(least[at], amount)
    return least, most


def _expected(program: AllocationProgram) -> FloatArray:
    """What a channel may come to, of which shares are taken while it begins [currency]."""
    most = _amounts(program)[1]
    open_to = (program.balance[:, None] * program.eligible).sum(axis=0)
    capped = np.minimum(most, open_to)
    rest = max(float(program.balance.sum()) - float(capped[np.isfinite(most)].sum()), 0.0)
    expected: FloatArray = np.where(np.isfinite(most), capped, np.minimum(open_to, rest))
    return expected


def _wanted(program: AllocationProgram) -> FloatArray:
    """What a channel wants [currency], see ``proportional``."""
    least, most = _amounts(program)
    open_to = (program.balance[:, None] * program.eligible).sum(axis=0)
    capped = np.where(least > 0.0, (least + np.minimum(most, open_to)) / 2.0, most)
    known = np.isfinite(capped) & np.isfinite(most)
    sure = np.where(known, np.minimum(capped, open_to), 0.0)
    rest = max(float(program.balance.sum()) - float(sure.sum()), 0.0)
    free = np.where(known, 0.0, open_to)
    share = free / free.sum() if free.sum() > 0.0 else free
    wanted: FloatArray = np.where(known, sure, np.maximum(rest * share, least))
    return wanted


def _bound(made: Desk) -> None:
    """Place the loans that must be placed and have one channel alone, whatever that breaks."""
    program = made.program
    alone = program.must & (program.eligible.sum(axis=1) == 1)
    loans = np.flatnonzero(alone)
    made.choice[loans] = program.eligible[loans].argmax(axis=1).astype(np.int16)
    made.settle()


def _floors(made: Desk, value: FloatArray) -> None:
    """Fill the rows that ask for a least, by the loans that lose least by it."""
    program, activity = made.program, made.settle()
    for r, row in enumerate(program.rows):
        if row.kind in _FLOORS and activity[r] > program.right[r]:
            order, channel = _towards(made, row, value)
            made.fill(r, order, channel)


def _towards(made: Desk, row: Row, value: FloatArray) -> tuple[IntArray, IntArray]:
    """Loans that would fill a row, and for each the channel where it does; cheapest first."""
    program = made.program
    into = sorted({term.channel for term in row.terms})
    amount = np.where(program.eligible, program.coefficients(row), 0.0)[:, into]
    worth = np.where(amount < 0.0, value[:, into], -np.inf)
    best = worth.argmax(axis=1)
    each = np.arange(len(program))
    channel = np.array(into, dtype=np.int64)[best]
    able = np.flatnonzero(np.isfinite(worth[each, best]))
    lost = _alternative(program, value, able, channel[able]) - worth[able, best[able]]
    order = able[np.argsort(-lost / amount[able, best[able]], kind="stable")]
    return order.astype(np.int64), channel


def _alternative(
    program: AllocationProgram, value: FloatArray, loans: IntArray, channel: IntArray
) -> FloatArray:
    """What loans are worth at best elsewhere than in ``channel``, 0 for nowhere, (loans,)."""
    other = np.where(program.eligible[loans], value[loans], -np.inf)
    other[np.arange(len(loans)), channel] = -np.inf
    best = other.max(axis=1, initial=-np.inf)
    best = np.where(program.must[loans], best, np.maximum(best, 0.0))
    other_best: FloatArray = np.where(np.isfinite(best), best, 0.0)
    return other_best


def _finish(made: Desk, value: FloatArray) -> None:
    """Take loans out of broken rows, fill the floors anew, and place what must be placed."""
    made.state.base[:] = 0.0
    for _ in range(ROUNDS):
        _place(made, value, strict=True)
        if not _relieve(made, value):
            break
        _floors(made, value)
    _place(made, value, strict=False)


def mend(made: Desk, value: FloatArray) -> None:
    """Fill floors and take loans out of the other broken rows, by those that lose least of
    ``value`` (loans, channels) [currency]; what no move mends stays broken.
    """
    for _ in range(ROUNDS):
        _floors(made, value)
        if not _relieve(made, value):
            break


def _relieve(made: Desk, value: FloatArray) -> int:
    """Take loans out of the rows that are broken, floors apart; how many changed."""
    program = made.program
    activity, changed = made.settle(), 0
    for r in np.flatnonzero(activity > program.right):
        row = program.rows[r]
        if row.kind in _FLOORS or row.kind == "ticket":
            continue
        inside, amount = _inside(program, row, made.choice)
        if not len(inside):
            continue
        at = made.choice[inside].astype(np.int64)
        lost = value[inside, at] - _alternative(program, value, inside, at)
        order = inside[np.argsort(lost / amount, kind="stable")]
        changed += made.relieve(int(r), order.astype(np.int64), value)
    return changed


def _inside(program: AllocationProgram, row: Row, choice: Choice) -> tuple[IntArray, FloatArray]:
    """Loans that raise a row where they are, and by how much [currency]."""
    amount = np.zeros(len(program))
    held = {c: np.flatnonzero(choice == c) for c in {term.channel for term in row.terms}}
    for term in row.terms:
        at = held[term.channel]
        part = term.weight * program.balance[at]
        if term.attribute is not None:
            attribute = program.attributes[term.attribute]
            member = np.zeros(len(attribute.labels) + 1)
            member[list(term.members)] = 1.0
            part = part * member[attribute.codes[at]]
        if term.number is not None:
            part = part * np.nan_to_num(program.numbers[term.number][at])
        amount[at] += part
    inside = np.flatnonzero(amount > 0.0)
    return inside.astype(np.int64), amount[inside]


def _place(made: Desk, value: FloatArray, *, strict: bool) -> None:
    """Place what must be placed and is not: within the rows or, not ``strict``, in spite of it."""
    program = made.program
    left = np.flatnonzero(program.must & (made.choice == UNPLACED) & program.eligible.any(axis=1))
    if strict:
        made.improve(left.astype(np.int64), value)
    else:
        best = np.where(program.eligible[left], value[left], -np.inf).argmax(axis=1)
        made.choice[left] = best.astype(np.int16)
        made.settle()


@compiled
def _spread(
    balance: FloatArray,
    codes: IntArray,
    eligible: BoolArray,
    must: BoolArray,
    standing: Choice,
    gives: FloatArray,
    weight: FloatArray,
) -> Choice:
    """Whole loans to channels by shares, within each segment and origin: see ``proportional``.

    ``gives`` (channels,): share that leaves; ``weight`` (channels + 1,): where to, the last being
    nowhere [currency].
    """
    channels = gives.size
    due = np.zeros((codes.max() + 1 if codes.size else 1, channels + 1, channels + 1))
    share = np.zeros(channels + 1)
    choice = standing.copy()
    for i in range(balance.size):
        origin = standing[i] if standing[i] >= 0 else channels
        total = 0.0
        for c in range(channels + 1):
            allowed = (not must[i]) if c == channels else eligible[i, c]
            share[c] = weight[c] if allowed and c != origin else 0.0
            if origin == channels and c == channels and allowed:
                share[c] = weight[c]
            total += share[c]
        leaves = 1.0 if origin == channels else gives[origin]
        if total <= 0.0:
            continue
        mine = due[codes[i], origin]
        for c in range(channels + 1):
            mine[c] += balance[i] * leaves * share[c] / total
        if origin < channels:
            mine[origin] += balance[i] * (1.0 - leaves)
        best = -1
        for c in range(channels + 1):
            inside = share[c] > 0.0 or (c == origin and c < channels)
            if inside and (best < 0 or mine[c] > mine[best]):
                best = c
        mine[best] -= balance[i]
        choice[i] = best if best < channels else UNPLACED
    return choice
