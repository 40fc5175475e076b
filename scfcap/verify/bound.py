"""What no placement can exceed, from prices of the limits: weak duality, without rounding.

    g(y) = sum_r y_r right_r + sum_i max(0, max_c r_ic),    r_ic = v_ic - sum_r y_r a_r,ic

over the channels that a loan may go to, without the 0 for a loan that must be placed. For any
y >= 0 that is at least the value of every placement that keeps the limits (A. Geoffrion,
Lagrangean relaxation, Math. Prog. Study 2, 1974). Each loan's best channel is found in doubles with
a bound on their error (N. Higham, Accuracy and Stability of Numerical Algorithms, 2002, ch. 3);
loans for which that does not decide are worked out in fractions. With these channels, x, the bound
is exactly

    g(y) = sum_i v_i,x(i) + sum_r y_r (right_r - a_r(x))
"""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

import numpy as np

from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.verify.claim import NOWHERE, Claim, Leaf
from scfcap.verify.exact import total
from scfcap.verify.limits import Key, key, left_sides

#: Loans that are gone through at a time.
CHUNK = 2**17
_UNIT = 2.0**-52
_TINY = 2.0**-1000


@dataclass(frozen=True)
class Bound:
    """``amount`` [currency], None where no placement is left; ``ties``: loans for which doubles
    did not tell the best channel.
    """

    amount: Fraction | None
    ties: int


@dataclass(frozen=True)
class _Table:
    """Price of each value of a column [currency per currency]: exact, and as doubles (values + 1,),
    the last for loans of which the column says nothing that a limit names.
    """

    what: Key
    exact: dict[int, Fraction]
    near: FloatArray


def bound(claim: Claim, leaf: Leaf) -> Bound:
    """The bound by the prices of one case."""
    allowed = admitted(claim, leaf)
    if bool((claim.must & ~allowed.any(axis=1)).any()):
        return Bound(None, 0)
    tables = _tables(claim, leaf.price)
    best = np.full(len(claim), NOWHERE, dtype=np.int64)
    ties = 0
    for first in range(0, len(claim), CHUNK):
        loans = np.arange(first, min(first + CHUNK, len(claim)))
        best[loans], doubtful = _nearly(claim, allowed, tables, loans)
        for loan, among in zip(loans[doubtful[0]].tolist(), doubtful[1].tolist(), strict=True):
            best[loan] = _exactly(claim, tables, loan, among)
        ties += len(doubtful[1])
    placed = np.flatnonzero(best != NOWHERE)
    amount = total(claim.value[placed, best[placed]])
    priced = np.flatnonzero(leaf.price).tolist()
    lefts, _ = left_sides(claim, best, priced)
    for k, left in zip(priced, lefts, strict=True):
        amount += Fraction(float(leaf.price[k])) * (Fraction(claim.limits[k].right) - left)
    return Bound(amount, ties)


def admitted(claim: Claim, leaf: Leaf) -> BoolArray:
    """Where loans may go in a case, shape (loans, channels): into a channel that is taken as closed
    none that is not there.
    """
    closed = [channel for channel, is_open in leaf.taken.items() if not is_open]
    if not closed:
        return claim.eligible
    allowed = claim.eligible.copy()
    for channel in closed:
        allowed[:, channel] &= claim.today == channel
    return allowed


def _tables(claim: Claim, price: FloatArray) -> dict[int, list[_Table]]:
    """Prices by channel, as tables."""
    exact: dict[Key, dict[int, Fraction]] = {}
    for k in np.flatnonzero(price).tolist():
        for part in claim.limits[k].parts:
            table = exact.setdefault(key(part), {})
            more = Fraction(float(price[k])) * Fraction(part.weight)
            for value in [0] if part.column is None else part.members:
                table[value] = table.get(value, Fraction(0)) + more
    found: dict[int, list[_Table]] = {}
    for what, table in exact.items():
        channel, column, _ = what
        near = np.zeros(1 if column is None else len(claim.columns[column].labels) + 1)
        near[list(table)] = [float(amount) for amount in table.values()]
        found.setdefault(channel, []).append(_Table(what, table, near))
    return found


def _nearly(
    claim: Claim, allowed: BoolArray, tables: dict[int, list[_Table]], loans: IntArray
) -> tuple[IntArray, tuple[IntArray, BoolArray]]:
    """The best channel of each loan in doubles; positions of those that are not certain, with the
    channels that may be best (the last column: nowhere).
    """
    width = len(claim.channels)
    worth = np.full((len(loans), width + 1), -np.inf)
    error = np.zeros((len(loans), width + 1))
    worth[~claim.must[loans], width] = 0.0
    for channel in range(width):
        cost, size = np.zeros(len(loans)), np.zeros(len(loans))
        for table in tables.get(channel, ()):
            _, column, number = table.what
            part = (
                table.near[0] if column is None else table.near[claim.columns[column].codes[loans]]
            )
            if number is not None:
                part = part * claim.numbers[number][loans]
            cost, size = cost + part, size + np.abs(part)
        balance, value = claim.balance[loans], claim.value[loans, channel]
        steps = len(tables.get(channel, ())) + 6
        here = allowed[loans, channel]
        worth[here, channel] = (value - balance * cost)[here]
        wrong = steps * _UNIT * (np.abs(value) + balance * size) + _TINY
        error[here, channel] = np.where(size > 0.0, wrong, 0.0)[here]
    best = worth.argmax(axis=1)
    rows = np.arange(len(loans))
    surely = worth[rows, best] - error[rows, best]
    among = (worth + error >= surely[:, None]) & np.isfinite(worth)
    doubtful = np.flatnonzero((among.sum(axis=1) > 1) & (among & (error > 0.0)).any(axis=1))
    return np.where(best == width, NOWHERE, best), (doubtful, among[doubtful])


def _exactly(claim: Claim, tables: dict[int, list[_Table]], loan: int, among: list[bool]) -> int:
    """The best channel of one loan in fractions."""
    best, most = NOWHERE, Fraction(0) if among[-1] else None
    balance = Fraction(float(claim.balance[loan]))
    for channel in np.flatnonzero(among[:-1]).tolist():
        cost = Fraction(0)
        for table in tables.get(channel, ()):
            _, column, number = table.what
            code = 0 if column is None else int(claim.columns[column].codes[loan])
            amount = table.exact.get(code)
            if amount is not None and number is not None:
                amount *= Fraction(float(claim.numbers[number][loan]))
            cost += amount or 0
        worth = Fraction(float(claim.value[loan, channel])) - balance * cost
        if most is None or worth > most:
            best, most = channel, worth
    return best
