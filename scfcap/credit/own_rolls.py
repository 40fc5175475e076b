"""Roll rates of each segment from a history, as curves take them.

Shares of balances by the state they leave. A loan that is repaid when it matures, or after, has
paid what was due: that is no prepayment, and counts as a move to current. So does the repayment of
a loan whose maturity is not known. In each row of a segment's matrix the share that rolls forward
is shrunk to that of all segments as one by its credibility, month by month (see
:mod:`~scfcap.credit.credibility`), and likewise, of the rest, the share that is prepaid. Of a state
that no loan was seen to leave in any segment, all is taken to default.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from scfcap.credit.credibility import buhlmann_straub
from scfcap.credit.rollrates import Transitions, count_transitions, roll_rates
from scfcap.quantities import BoolArray, FloatArray
from scfcap.tape.history import CURRENT, DEFAULT, REPAID, STATES, History

#: Decimal places of a probability.
_PLACES = 6


@dataclass(frozen=True)
class OwnRolls:
    """Monthly roll rates ``matrix`` [S, 7, 7] over the states of a history.

    ``z`` [S, 5, 2] is the weight of a segment's own share rolling forward, and of its own share
    prepaid; ``count`` [S] the transitions seen; ``book`` [7, 7] holds all segments as one.
    """

    matrix: FloatArray
    z: FloatArray
    count: FloatArray
    book: FloatArray


def own_rolls(history: History) -> OwnRolls:
    """Roll rates of every segment of ``history``."""
    segments = len(history.loans["segment"].cat.categories)
    codes = history.loans["segment"].cat.codes.to_numpy()
    moved = [_moves(history, codes == s) for s in range(segments)]
    book = _filled(_matrix(_moves(history, np.ones(len(codes), dtype=np.bool_))))
    own = np.stack([_matrix(each) for each in moved])
    z = np.stack([_credibility(moved, state) for state in range(DEFAULT)], axis=1)
    z = np.where(np.isnan(own[:, :DEFAULT]).any(axis=2, keepdims=True), 0.0, z)
    found = np.stack(
        [_shrunk(np.nan_to_num(row), book, weight) for row, weight in zip(own, z, strict=True)]
    )
    count = np.array([each.counts[:, :DEFAULT].sum() for each in moved], dtype=np.float64)
    return OwnRolls(_cut(found), z, count, _cut(book[None])[0])


def _moves(history: History, members: BoolArray) -> Transitions:
    """Transitions of loans in ``members``, those that paid to the end counted as current."""
    panel = history.panel
    state, of = panel["state"].to_numpy().copy(), panel["loan"].to_numpy()
    # After its end a loan has rows for recoveries only.
    after = (state[:-1] >= DEFAULT) & (of[1:] == of[:-1])
    kept = members[of] & ~np.r_[False, after][: len(of)]
    paid: BoolArray = history.loans["end"].eq("repaid").to_numpy(dtype=np.bool_)
    state[(state == REPAID) & paid[of]] = CURRENT
    loan, month, balance = (panel[name].to_numpy()[kept] for name in ("loan", "month", "closing"))
    return count_transitions(loan, month, state[kept], STATES, balance)


def _matrix(moved: Transitions) -> FloatArray:
    return roll_rates(moved, default=DEFAULT, by_amount=True).matrix


def _filled(matrix: FloatArray) -> FloatArray:
    """``matrix`` with all of an unseen state defaulting."""
    unseen = np.asarray(np.isnan(matrix).any(axis=1))
    return np.where(unseen[:, None], np.eye(len(matrix))[DEFAULT], matrix)


def _credibility(moved: list[Transitions], state: int) -> FloatArray:
    """Weights [S, 2] of the own shares that leave ``state``: forward, and prepaid of the rest."""
    parts = [each.amounts[:, state] for each in moved]
    group = np.repeat(np.arange(len(moved)), [len(part) for part in parts])
    amounts = np.concatenate(parts)
    whole, forward = amounts.sum(axis=1), amounts[:, state + 1 : DEFAULT + 1].sum(axis=1)
    found = []
    for part, of in ((forward, whole), (amounts[:, REPAID], whole - forward)):
        of = np.maximum(of, 0.0)
        value = part / np.where(of > 0, of, 1.0)
        found.append(buhlmann_straub(group, value, of, len(moved)).z)
    return np.stack(found, axis=1)


def _shrunk(own: FloatArray, book: FloatArray, z: FloatArray) -> FloatArray:
    """A segment's matrix [7, 7] shrunk to the book's by weights ``z`` [5, 2]."""
    found = book.copy()
    for state in range(DEFAULT):
        ahead, back = slice(state + 1, DEFAULT + 1), slice(0, state + 1)
        forward = z[state, 0] * own[state, ahead] + (1 - z[state, 0]) * book[state, ahead]
        stay = max(1.0 - forward.sum(), 0.0)
        shares = [_of_rest(row[state], state) for row in (own, book)]
        rest = z[state, 1] * shares[0] + (1 - z[state, 1]) * shares[1]
        # A segment of which nobody stayed, or a book, has no say in where the rest goes.
        rest = rest / rest.sum() if rest.sum() > 0 else np.eye(len(book))[state]
        found[state, ahead], found[state, back] = forward, stay * rest[back]
        found[state, REPAID] = stay * rest[REPAID]
    return found


def _of_rest(row: FloatArray, state: int) -> FloatArray:
    """``row`` [7] without what rolls forward from ``state``, as shares of what does not."""
    rest = row.copy()
    rest[state + 1 : DEFAULT + 1] = 0.0
    return np.asarray(rest / rest.sum()) if rest.sum() > 0 else rest


def _cut(matrix: FloatArray) -> FloatArray:
    """Probabilities to :data:`_PLACES` places, the largest of a row taking the rest."""
    cut = np.round(matrix, _PLACES)
    largest = cut.argmax(axis=2)[:, :, None]
    rest = 1.0 - (cut.sum(axis=2, keepdims=True) - np.take_along_axis(cut, largest, axis=2))
    np.put_along_axis(cut, largest, rest, axis=2)
    return np.asarray(np.clip(cut, 0.0, 1.0))
