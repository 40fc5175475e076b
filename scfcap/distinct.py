"""Loans that are alike: the distinct columns of a table of whole numbers, and who has which."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final, NamedTuple

import numpy as np
import numpy.typing as npt

from scfcap.quantities import IntArray

_Row = npt.NDArray[Any]

#: Most combinations that are counted without sorting, beyond four for each column.
_FEW: Final = 65_536
#: Groups that short whole numbers tell apart.
_SHORT: Final = 65_536
#: Combinations that a code can tell apart.
_MOST: Final = 2**62


class Distinct(NamedTuple):
    """``keys`` (rows, groups) in ascending order, the first row counting most; ``first`` (groups,):
    the first column of each; ``of`` (columns,): the group of each column.
    """

    keys: IntArray
    first: IntArray
    of: IntArray


def distinct(keys: Sequence[_Row] | npt.NDArray[Any]) -> Distinct:
    """The distinct columns of ``keys``, rows of whole numbers or truths of the same length, as
    :func:`numpy.unique` along axis 1 finds them.

    A column is packed into one number, and where these are few they are counted and not sorted: a
    million loans take a hundredth of the time.
    """
    count = len(keys[0])
    if not count:
        empty = np.zeros(0, dtype=np.int64)
        return Distinct(np.zeros((len(keys), 0), dtype=np.int64), empty, empty)
    low = [int(row.min()) for row in keys]
    width = [int(row.max()) - least + 1 for row, least in zip(keys, low, strict=True)]
    combinations = 1
    for each in width:
        combinations *= each
    if combinations > _MOST:
        whole = np.stack([np.asarray(row, dtype=np.int64) for row in keys])
        found, first, of = np.unique(whole, axis=1, return_index=True, return_inverse=True)
        return Distinct(found, first, of.ravel())
    code = np.zeros(count, dtype=np.int64)
    for row, least, each in zip(keys, low, width, strict=True):
        code *= each
        code += row
        code -= least
    if combinations <= 4 * count + _FEW:
        first, of = _counted(code, combinations)
    else:
        _, first, of = np.unique(code, return_index=True, return_inverse=True)
    found = np.stack([np.asarray(row[first], dtype=np.int64) for row in keys])
    return Distinct(found, first, of)


def parted(keys: Sequence[_Row]) -> dict[tuple[int, ...], IntArray]:
    """Places of the columns with each distinct key, in their order."""
    found, _, of = distinct(keys)
    groups = found.shape[1]
    # The sort of short numbers that keeps their order goes by digits.
    order = np.argsort(of.astype(np.uint16) if groups <= _SHORT else of, kind="stable")
    ends = np.cumsum(np.bincount(of, minlength=groups))[:-1]
    labels = map(tuple, found.T.tolist())
    return dict(zip(labels, np.split(order, ends), strict=True)) if groups else {}


def _counted(code: IntArray, combinations: int) -> tuple[IntArray, IntArray]:
    """First place of each code there is, ascending, and the number of each code among these."""
    there = np.bincount(code, minlength=combinations) > 0
    of = (np.cumsum(there) - 1)[code]
    first = np.zeros(int(there.sum()), dtype=np.int64)
    first[of[::-1]] = np.arange(len(code) - 1, -1, -1)  # the last one written stays
    return first, of
