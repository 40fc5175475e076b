"""Rows as they stand while loans go from channel to channel, one after the other.

Terms are kept by channel and attribute, so that a loan touches only the rows that its codes name.
Terms on all of a channel's balance with a negative weight (what a share is taken of, a floor) are
not written row by row: they are ``light`` times the channel's total.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from scfcap.compiled import compiled
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Choice, Row
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Rows that a rule never breaks by choice.
CAPS = ("most", "cap", "churn")
#: Which moves are let through: see ``_move``.
STRICT, EASING, ANYHOW = 0, 1, 2
#: Least by which rows are to be broken less, share of the balance that moves.
_HELPS = 1e-9
_Bytes = npt.NDArray[np.uint8]


class Tables(NamedTuple):
    """A program's rows for compiled code.

    Families are terms of one channel, attribute and number: those of channel c are ``families[c]``
    to ``families[c + 1]``. Of family f and a loan's code k (-1 missing; always -1 without an
    attribute) the entries are ``pointer[first[f] + k + 1]`` up to the next. ``light`` (channels,
    rows). ``codes`` (loans, attributes), ``numbers`` (loans, numbers). By row: ``lasting``, a
    share; ``hard``, a cap; ``unit``, what its sums are of.
    """

    balance: FloatArray
    codes: npt.NDArray[np.int32]
    numbers: FloatArray
    families: IntArray
    attribute: IntArray
    number: IntArray
    first: IntArray
    pointer: IntArray
    entry_row: IntArray
    entry_weight: FloatArray
    light: FloatArray
    right: FloatArray
    lasting: _Bytes
    hard: _Bytes
    unit: FloatArray


class State(NamedTuple):
    """Sums of a placement: ``written`` (rows,) and ``total`` (channels,) [currency].

    ``base`` (channels,) [currency]: what shares are taken of where less than it is there, so that
    a channel can begin; ``change`` (rows,), ``touched`` (rows,) and ``seen`` (rows,) are for work.
    """

    written: FloatArray
    total: FloatArray
    base: FloatArray
    change: FloatArray
    touched: IntArray
    seen: _Bytes


@dataclass(frozen=True)
class Desk:
    """A program, its tables and a placement in the making: ``choice`` and the sums of it."""

    program: AllocationProgram
    tables: Tables
    state: State
    choice: Choice

    def settle(self) -> FloatArray:
        """Sum the placement anew with compensation; the rows' left sides, shape (rows,)."""
        return _settle(self.tables, self.state, self.choice)

    def improve(self, order: IntArray, value: FloatArray) -> int:
        """Give each loan, in ``order``, the best channel by ``value`` that breaks no row.

        A loan stays where nothing better keeps the rows. How many changed.
        """
        p = self.program
        return int(_improve(self.tables, self.state, self.choice, order, value, p.eligible, p.must))

    def fill(self, row: int, order: IntArray, channel: IntArray) -> int:
        """Place loans, in ``order``, into ``channel`` (loans,) until a row is kept."""
        open_to = self.program.eligible
        return int(_fill(self.tables, self.state, self.choice, row, order, channel, open_to))

    def relieve(self, row: int, order: IntArray, value: FloatArray) -> int:
        """Take loans, in ``order``, out of a row until it is kept.

        Each goes to the best channel by ``value`` that breaks no cap and lets rows be broken by
        less in all, else nowhere, which may break a floor or a share; one that must be placed and
        finds none stays.
        """
        p = self.program
        return int(
            _relieve(self.tables, self.state, self.choice, row, order, value, p.eligible, p.must)
        )


def desk(program: AllocationProgram, choice: Choice, base: FloatArray | None = None) -> Desk:
    """A placement to work on; ``choice`` is copied. ``base``: see ``State``."""
    rows, channels = len(program.rows), len(program.channels)
    state = State(
        np.zeros(rows),
        np.zeros(channels),
        np.zeros(channels) if base is None else base.copy(),
        np.zeros(rows),
        np.zeros(max(rows, 1), dtype=np.int64),
        np.zeros(rows, dtype=np.uint8),
    )
    made = Desk(program, tables(program), state, choice.copy())
    made.settle()
    return made


def tables(program: AllocationProgram) -> Tables:
    """Rows by channel, attribute and code."""
    attributes, numbers = list(program.attributes), list(program.numbers)
    families: dict[tuple[int, int, int], list[tuple[int, float, tuple[int, ...]]]] = {}
    light = np.zeros((len(program.channels), len(program.rows)))
    for r, row in enumerate(program.rows):
        for term in row.terms:
            if term.attribute is None and term.number is None and term.weight < 0.0:
                light[term.channel, r] += term.weight
                continue
            attribute = -1 if term.attribute is None else attributes.index(term.attribute)
            number = -1 if term.number is None else numbers.index(term.number)
            members = (-1,) if term.attribute is None else term.members
            key = (term.channel, attribute, number)
            families.setdefault(key, []).append((r, term.weight, members))
    keys = sorted(families)
    first, pointer, entry_row, entry_weight = [], [np.zeros(1, dtype=np.int64)], [], []
    cells = entries = 0
    for key in keys:
        labels = 0 if key[1] < 0 else len(program.attributes[attributes[key[1]]].labels)
        code = np.concatenate([np.array(m, dtype=np.int64) for _, _, m in families[key]])
        counts = [len(m) for _, _, m in families[key]]
        order = np.argsort(code, kind="stable")
        entry_row.append(np.repeat([r for r, _, _ in families[key]], counts)[order])
        entry_weight.append(np.repeat([w for _, w, _ in families[key]], counts)[order])
        first.append(cells)
        pointer.append(entries + np.cumsum(np.bincount(code + 1, minlength=labels + 1)))
        cells, entries = cells + labels + 1, entries + len(code)
    of = np.array([key[0] for key in keys], dtype=np.int64)
    return Tables(
        program.balance,
        _beside([program.attributes[a].codes for a in attributes], len(program), np.int32),
        _beside([program.numbers[n] for n in numbers], len(program), np.float64),
        np.searchsorted(of, np.arange(len(program.channels) + 1)).astype(np.int64),
        np.array([key[1] for key in keys], dtype=np.int64),
        np.array([key[2] for key in keys], dtype=np.int64),
        np.array(first, dtype=np.int64),
        np.concatenate(pointer).astype(np.int64),
        np.concatenate([np.zeros(0), *entry_row]).astype(np.int64),
        np.concatenate([np.zeros(0), *entry_weight]).astype(np.float64),
        light,
        program.right,
        np.array([row.kind == "share" for row in program.rows], dtype=np.uint8),
        np.array([row.kind in CAPS for row in program.rows], dtype=np.uint8),
        np.array([unit_of(row) for row in program.rows], dtype=np.float64),
    )


def unit_of(row: Row) -> float:
    """What a row's sums are of: 1 for balances, the limit for a mean."""
    if all(term.number is None for term in row.terms):
        return 1.0
    return max((abs(t.weight) for t in row.terms if t.number is None), default=1.0) or 1.0


def _beside(columns: list[npt.NDArray[Any]], loans: int, kind: type) -> npt.NDArray[Any]:
    made: npt.NDArray[Any] = np.zeros((loans, max(len(columns), 1)), dtype=kind)
    for k, column in enumerate(columns):
        made[:, k] = column
    return made


@compiled
def _settle(t: Tables, s: State, choice: Choice) -> FloatArray:
    """Neumaier's sums of the written terms and of the channels' totals."""
    channels, rows = s.total.size, s.written.size
    s.written[:] = 0.0
    s.total[:] = 0.0
    lost, lost_total = np.zeros(rows), np.zeros(channels)
    for i in range(choice.size):
        c = choice[i]
        if c < 0:
            continue
        _add(s.total, lost_total, c, t.balance[i])
        for f in range(t.families[c], t.families[c + 1]):
            a, n = t.attribute[f], t.number[f]
            at = t.first[f] + (t.codes[i, a] + 1 if a >= 0 else 0)
            amount = t.balance[i] * (t.numbers[i, n] if n >= 0 else 1.0)
            for e in range(t.pointer[at], t.pointer[at + 1]):
                _add(s.written, lost, t.entry_row[e], amount * t.entry_weight[e])
    s.written[:] += lost
    s.total[:] += lost_total
    activity = s.written.copy()
    for c in range(channels):
        activity += t.light[c] * s.total[c]
    return activity


@compiled
def _add(sums: FloatArray, lost: FloatArray, at: int, amount: float) -> None:
    new = sums[at] + amount
    if abs(sums[at]) >= abs(amount):
        lost[at] += (sums[at] - new) + amount
    else:
        lost[at] += (amount - new) + sums[at]
    sums[at] = new


@compiled
def _left(t: Tables, s: State, r: int) -> float:
    """Left side of a row now, shares taken of the base where less is there."""
    found = s.written[r]
    for c in range(s.total.size):
        if t.light[c, r] != 0.0:
            held = max(s.total[c], s.base[c]) if t.lasting[r] else s.total[c]
            found += t.light[c, r] * held
    return float(found)


@compiled
def _change(t: Tables, s: State, i: int, c: int, sign: float, count: int) -> int:
    """Add what loan i in channel c writes, with a sign; how many rows are touched by now."""
    for f in range(t.families[c], t.families[c + 1]):
        a, n = t.attribute[f], t.number[f]
        at = t.first[f] + (t.codes[i, a] + 1 if a >= 0 else 0)
        amount = sign * t.balance[i] * (t.numbers[i, n] if n >= 0 else 1.0)
        for e in range(t.pointer[at], t.pointer[at + 1]):
            r = t.entry_row[e]
            if not s.seen[r]:
                s.seen[r] = 1
                s.touched[count] = r
                s.change[r] = 0.0
                count += 1
            s.change[r] += amount * t.entry_weight[e]
    return count


@compiled
def _move(t: Tables, s: State, choice: Choice, i: int, to: int, mode: int) -> bool:
    """Move a loan if ``mode`` lets it: ``STRICT``, where that breaks no row and makes no broken one
    worse; ``EASING``, where it breaks no cap and rows are broken by less in all; ``ANYHOW``.
    """
    was, count, b = choice[i], 0, t.balance[i]
    if was >= 0:
        count = _change(t, s, i, was, -1.0, count)
    if to >= 0:
        count = _change(t, s, i, to, 1.0, count)
    allowed = True
    if mode == EASING:
        allowed = _eases(t, s, was, to, b)
    elif mode == STRICT:
        for k in range(count):
            r = s.touched[k]
            more = s.change[r]
            if to >= 0:
                more += t.light[to, r] * b
            if was >= 0:
                more -= t.light[was, r] * b
            if more > 0.0 and _left(t, s, r) + more > t.right[r]:
                allowed = False
                break
        if allowed and was >= 0:
            allowed = _leaves(t, s, was, to, b)
    for k in range(count):
        r = s.touched[k]
        s.seen[r] = 0
        if allowed:
            s.written[r] += s.change[r]
    if allowed:
        if was >= 0:
            s.total[was] -= b
        if to >= 0:
            s.total[to] += b
        choice[i] = to
    return allowed


@compiled
def _leaves(t: Tables, s: State, was: int, to: int, b: float) -> bool:
    """Whether the rows with a negative weight on all of ``was`` are kept without the loan."""
    for r in range(s.written.size):
        if t.light[was, r] != 0.0 and not s.seen[r]:
            more = -t.light[was, r] * b
            if to >= 0:
                more += t.light[to, r] * b
            if more > 0.0 and _left(t, s, r) + more > t.right[r]:
                return False
    return True


@compiled
def _eases(t: Tables, s: State, was: int, to: int, b: float) -> bool:
    """Whether a move whose written changes are known breaks no cap and helps in all."""
    worse = 0.0
    for r in range(s.written.size):
        more = s.change[r] if s.seen[r] else 0.0
        if to >= 0:
            more += t.light[to, r] * b
        if was >= 0:
            more -= t.light[was, r] * b
        if more == 0.0:
            continue
        over = _left(t, s, r) - t.right[r]
        if more > 0.0 and over + more > 0.0 and t.hard[r]:
            return False
        worse += (max(over + more, 0.0) - max(over, 0.0)) / t.unit[r]
    return worse < -_HELPS * b


@compiled
def _next(
    value: FloatArray, eligible: BoolArray, i: int, floor: float, below: float, last: int
) -> int:
    """The best eligible channel of a loan worth more than ``floor`` and after the last one tried;
    -1: none. Equal ones in the order of channels.
    """
    best, found = floor, -1
    for c in range(value.shape[1]):
        if not eligible[i, c]:
            continue
        v = value[i, c]
        if v > below or (v == below and c <= last):
            continue
        if v > best:
            best, found = v, c
    return found


@compiled
def _improve(
    t: Tables,
    s: State,
    choice: Choice,
    order: IntArray,
    value: FloatArray,
    eligible: BoolArray,
    must: BoolArray,
) -> int:
    changed = 0
    for k in range(order.size):
        i = order[k]
        was = choice[i]
        floor = value[i, was] if was >= 0 else (-np.inf if must[i] else 0.0)
        below, last, done = np.inf, -1, False
        while True:
            c = _next(value, eligible, i, floor, below, last)
            if c < 0:
                break
            below, last = value[i, c], c
            if floor < 0.0 and below < 0.0 and not must[i]:
                break
            if _move(t, s, choice, i, c, STRICT):
                done = True
                break
        if not done and was >= 0 and floor < 0.0 and not must[i]:
            done = _move(t, s, choice, i, UNPLACED, STRICT)
        changed += done
    return changed


@compiled
def _fill(
    t: Tables,
    s: State,
    choice: Choice,
    row: int,
    order: IntArray,
    channel: IntArray,
    eligible: BoolArray,
) -> int:
    changed = 0
    for k in range(order.size):
        if _left(t, s, row) <= t.right[row]:
            break
        i = order[k]
        c = channel[i]
        if c >= 0 and choice[i] != c and eligible[i, c] and _move(t, s, choice, i, c, STRICT):
            changed += 1
    return changed


@compiled
def _relieve(
    t: Tables,
    s: State,
    choice: Choice,
    row: int,
    order: IntArray,
    value: FloatArray,
    eligible: BoolArray,
    must: BoolArray,
) -> int:
    changed = 0
    for k in range(order.size):
        if _left(t, s, row) <= t.right[row]:
            break
        i = order[k]
        floor = -np.inf if must[i] else 0.0
        below, last, done = np.inf, -1, False
        while True:
            c = _next(value, eligible, i, floor, below, last)
            if c < 0:
                break
            below, last = value[i, c], c
            if c != choice[i] and _move(t, s, choice, i, c, EASING):
                done = True
                break
        if not done and not must[i]:
            done = _move(t, s, choice, i, UNPLACED, ANYHOW)
        changed += done
    return changed
