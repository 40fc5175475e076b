"""Roll rates of each segment from a history, as curves take them.

Shares of balances by the state they leave. A loan that is repaid when it matures, or after, has
paid what was due: that is no prepayment, and counts as a move to current. So does the repayment of
a loan whose maturity is not known. Each row of a segment's matrix is shrunk to the row of all
segments as one, by the credibility of its share that rolls forward, month by month (see
:mod:`~scfcap.credit.credibility`). Of a state that no loan was seen to leave in any segment, all is
taken to default.
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

    ``z`` [S, 5] is the weight of a segment's own row, ``count`` [S] the transitions seen; ``book``
    [7, 7] holds all segments as one.
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
    z = np.where(np.isnan(own[:, :DEFAULT]).any(axis=2), 0.0, z)
    found = np.tile(book, (segments, 1, 1))
    weight = z[:, :, None]
    found[:, :DEFAULT] = weight * np.nan_to_num(own[:, :DEFAULT]) + (1 - weight) * book[:DEFAULT]
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
    """Weight of each segment's own row of ``state`` [S], by its monthly shares rolling forward."""
    parts = [each.amounts[:, state] for each in moved]
    left = [part.sum(axis=1) for part in parts]
    forward = [part[:, state + 1 : DEFAULT + 1].sum(axis=1) for part in parts]
    group = np.repeat(np.arange(len(moved)), [len(part) for part in parts])
    weight = np.concatenate(left)
    value = np.concatenate(forward) / np.where(weight > 0, weight, 1.0)
    return buhlmann_straub(group, value, weight, len(moved)).z


def _cut(matrix: FloatArray) -> FloatArray:
    """Probabilities to :data:`_PLACES` places, the largest of a row taking the rest."""
    cut = np.round(matrix, _PLACES)
    largest = cut.argmax(axis=2)[:, :, None]
    rest = 1.0 - (cut.sum(axis=2, keepdims=True) - np.take_along_axis(cut, largest, axis=2))
    np.put_along_axis(cut, largest, rest, axis=2)
    return np.asarray(np.clip(cut, 0.0, 1.0))
