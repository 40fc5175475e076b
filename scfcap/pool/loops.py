"""Loops over loans, compiled: one pass where numpy would need many."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from scfcap.compiled import compiled
from scfcap.quantities import FloatArray, IntArray

Bytes = npt.NDArray[np.int8]
Shorts = npt.NDArray[np.int16]
#: Places of any width: of all that is held for each loan they are the most.
Places = npt.NDArray[np.int32] | npt.NDArray[np.int64]


@compiled
def sums(places: Places, amounts: FloatArray, count: int) -> FloatArray:
    """Sum of ``amounts`` by place, shape (count,)."""
    found = np.zeros(count)
    for i in range(len(places)):
        found[places[i]] += amounts[i]
    return found


@compiled
def weighted(
    places: Places, values: FloatArray, balance: FloatArray, count: int
) -> tuple[FloatArray, FloatArray]:
    """Sums by place of ``values`` times ``balance``, and of the balance where the value is known,
    each of shape (count,).
    """
    found, known = np.zeros(count), np.zeros(count)
    for i in range(len(places)):
        value = values[i]
        if not np.isnan(value):
            found[places[i]] += value * balance[i]
            known[places[i]] += balance[i]
    return found, known


@compiled
def cut(places: Places, amounts: FloatArray, kept: FloatArray) -> None:
    """Leave of each amount the share ``kept`` of its place, in ``amounts`` itself."""
    for i in range(len(places)):
        share = kept[places[i]]
        if share < 1.0:
            amounts[i] *= share


@compiled
def spread(
    codes: Places, places: Places, balance: FloatArray, strata: int, width: int
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Names by stratum, the sum of their balances and of the squares of them.

    The last of ``width`` places is that of loans without a name, which do not count.
    """
    table = np.zeros((strata, width))
    for i in range(len(codes)):
        table[codes[i], places[i]] += balance[i]
    names = np.zeros(strata, dtype=np.int64)
    whole, squares = np.zeros(strata), np.zeros(strata)
    for s in range(strata):
        for j in range(width - 1):
            held = table[s, j]
            if held > 0.0:
                names[s] += 1
                whole[s] += held
                squares[s] += held * held
    return names, whole, squares


@compiled
def answers(results: Bytes, balance: FloatArray) -> tuple[Bytes, Shorts, IntArray, FloatArray]:
    """Answers of a set from those of its rules, shape (rules, loans).

    Returns the answer and the position of the first rule that says no (-1: none) by loan, and
    loans and balances by rule, shape (rules, 4): that say no, that say no first, that do not
    know, that are the only ones not to say yes.
    """
    rules, loans = results.shape
    answer, first = np.empty(loans, dtype=np.int8), np.empty(loans, dtype=np.int16)
    counts, amounts = np.zeros((rules, 4), dtype=np.int64), np.zeros((rules, 4))
    for i in range(loans):
        refused, doubtful, doubts = -1, -1, 0
        for k in range(rules):
            result = results[k, i]
            if result == 1:
                continue
            doubts += 1
            doubtful = k
            kind = 0 if result == 0 else 2
            counts[k, kind] += 1
            amounts[k, kind] += balance[i]
            if kind == 0 and refused < 0:
                refused = k
                counts[k, 1] += 1
                amounts[k, 1] += balance[i]
        if doubts == 1:
            counts[doubtful, 3] += 1
            amounts[doubtful, 3] += balance[i]
        first[i] = refused
        answer[i] = 0 if refused >= 0 else (-1 if doubts > 0 else 1)
    return answer, first, counts, amounts


def table(results: list[Any], loans: int) -> Bytes:
    """Answers of rules as one array, shape (rules, loans)."""
    return np.array(results, dtype=np.int8).reshape(len(results), loans)
