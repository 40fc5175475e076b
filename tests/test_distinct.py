"""Loans that are alike, against numpy's own search along an axis and masks loan by loan."""

from __future__ import annotations

import numpy as np
import pytest

from scfcap.distinct import distinct, parted

#: Ranges of the rows: counted, sorted as one number, and too wide for one number.
RANGES = ((4, 9, 3), (10**6, 10**6, 50), (2**40, 2**40, 2**40))


def _keys(ranges: tuple[int, ...], count: int) -> np.ndarray:
    draw = np.random.default_rng(len(ranges) + count)
    few = [draw.integers(-(each // 2), each, 40) for each in ranges]
    return np.stack(few)[:, draw.integers(0, 40, count)]


@pytest.mark.parametrize("ranges", RANGES)
@pytest.mark.parametrize("count", [1, 500])
def test_groups_are_those_of_numpy(ranges, count):
    keys = _keys(ranges, count)
    found, first, of = np.unique(keys, axis=1, return_index=True, return_inverse=True)
    ours = distinct(keys)
    np.testing.assert_array_equal(ours.keys, found)
    np.testing.assert_array_equal(ours.first, first)
    np.testing.assert_array_equal(ours.of, of.ravel())


def test_rows_may_be_of_several_kinds():
    truth = np.array([True, False, True, True])
    short = np.array([2, -1, 2, 3], dtype=np.int8)
    found, first, of = distinct((truth, short))
    assert found.T.tolist() == [[0, -1], [1, 2], [1, 3]]
    assert first.tolist() == [1, 0, 3]
    assert of.tolist() == [1, 0, 1, 2]


def test_nothing_has_no_group():
    found, first, of = distinct(np.zeros((3, 0), dtype=np.int64))
    assert (found.shape, len(first), len(of)) == ((3, 0), 0, 0)
    assert parted(np.zeros((3, 0), dtype=np.int64)) == {}


@pytest.mark.parametrize("ranges", RANGES)
def test_places_of_a_group_are_in_order(ranges):
    keys = _keys(ranges, 300)
    places = parted(keys)
    assert sum(map(len, places.values())) == 300
    for label, rows in places.items():
        mask = (keys == np.array(label)[:, None]).all(axis=0)
        np.testing.assert_array_equal(rows, np.flatnonzero(mask))
