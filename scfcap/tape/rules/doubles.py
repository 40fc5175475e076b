"""Rules between rows: repeated loans, the same claim under two ids, and lists of known names."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from scfcap.quantities import BoolArray, IntArray
from scfcap.tape import convert
from scfcap.tape.convert import Codes
from scfcap.tape.derive import BY_NAME, Typed
from scfcap.tape.rules.base import Detail, Rule, Test

_KEYS = ("original_balance", "origination_date", "maturity_date")


def _repeats(tape: Typed) -> tuple[IntArray, IntArray]:
    """Rows whose loan id stands further up, and the first row of that id."""
    ids = tape.columns["loan_id"]
    none = np.empty(0, dtype=np.int64)
    if pc.all(pc.less(ids[:-1], ids[1:]), skip_nulls=False).as_py():
        return none, none
    if _surely_distinct(ids):
        return none, none
    coded = pc.dictionary_encode(ids)
    if len(coded.dictionary) == len(ids) - ids.null_count:
        return none, none
    codes = pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False)
    known = np.flatnonzero(codes >= 0)
    first = np.zeros(len(coded.dictionary), dtype=np.int64)
    first[codes[known][::-1]] = known[::-1]  # the last of equal places holds: the first row
    again = known[first[codes[known]] != known]
    return again, first[codes[again]]


def repeats(tape: Typed) -> tuple[IntArray, IntArray, BoolArray]:
    """Rows whose loan id stands further up, the first row of that id, and whether both are equal.

    Equal are the cells as read, all but the id's.
    """
    if "repeats" not in tape.found:
        again, first = _repeats(tape)
        same = np.ones(len(again), dtype=np.bool_)
        for source in tape.raw.columns if len(again) else ():
            if pa.types.is_null(source.type):
                continue
            cells = convert.plain(source)
            if pa.types.is_float16(cells.type):  # which Arrow does not compare
                cells = cells.cast(pa.float32())
            here, there = cells.take(pa.array(again)), cells.take(pa.array(first))
            both = pc.and_(pc.is_null(here), pc.is_null(there))
            equal = pc.or_(pc.fill_null(pc.equal(here, there), False), both)
            same &= _truth(equal)
        tape.found["repeats"] = again, first, same
    found: tuple[IntArray, IntArray, BoolArray] = tape.found["repeats"]
    return found


def repeated_id(tape: Typed) -> BoolArray:
    """Every occurrence of a loan id after the first, with other cells than the first."""
    again, _, same = repeats(tape)
    return _mask(tape, again[~same])


def equal_row(tape: Typed) -> BoolArray:
    """Every row that equals the first one of its loan in all cells as read."""
    again, _, same = repeats(tape)
    return _mask(tape, again[same])


def _first_said(tape: Typed, rows: IntArray) -> list[str]:
    again, first, _ = repeats(tape)
    places = first[np.searchsorted(again, rows)]
    numbers, files = tape.origin.numbers(places)
    names = [f"{file} " for file in files] or [""] * len(numbers)
    return [
        f"each loan once; {name}row {row} has it too"
        for name, row in zip(names, numbers, strict=True)
    ]


def _equal_said(tape: Typed, rows: IntArray) -> list[str]:
    return [f'{said}, all equal: duplicates = "drop_equal" drops such rows'
            for said in _first_said(tape, rows)]  # fmt: skip


def double_pledge(tape: Typed) -> BoolArray:
    """An open loan with borrower, amount and dates of another open loan further up."""
    return _mask(tape, _pledges(tape)[0])


def _pledges(tape: Typed) -> tuple[IntArray, IntArray]:
    """Rows of claims that stand further up under another id, and the rows where they do."""
    if "pledges" not in tape.found:
        tape.found["pledges"] = _find_pledges(tape)
    found: tuple[IntArray, IntArray] = tape.found["pledges"]
    return found


def _find_pledges(tape: Typed) -> tuple[IntArray, IntArray]:
    asked = tape.columns["current_balance"] > 0.0
    asked[repeats(tape)[0]] = False
    rows = _alike(tape)
    rows = rows[asked[rows]]
    if not len(rows):
        return rows, rows
    keys = {name: tape.columns[name][rows] for name in _KEYS}
    frame = pd.DataFrame(
        {name: v.astype(np.int64) if v.dtype.kind == "M" else v for name, v in keys.items()}
        | {"borrower": _codes(tape.columns["borrower_id"].take(pa.array(rows))), "row": rows}
    )
    frame = frame[frame["borrower"] >= 0]
    first = frame.groupby(["borrower", *_KEYS], sort=False)["row"].transform("first")
    later = (first != frame["row"]).to_numpy()
    return frame["row"].to_numpy()[later], first.to_numpy()[later]


def _surely_distinct(ids: Any) -> bool:
    """Whether texts of one length, none missing, are all different: their hashes are.

    A quick yes for the usual tape; "no" may also mean that one cannot tell so.
    """
    lengths = pc.min_max(pc.binary_length(ids)).as_py()
    size = lengths["max"] or 0
    if ids.null_count or not 0 < size <= 64 or lengths["min"] != size:
        return False
    start = ids.offset
    wide = np.int64 if pa.types.is_large_string(ids.type) else np.int32
    first = int(np.frombuffer(ids.buffers()[1], wide, 1, start * np.dtype(wide).itemsize)[0])
    letters = np.frombuffer(ids.buffers()[2], np.uint8, len(ids) * size, first)
    words = np.zeros((len(ids), -(-size // 8) * 8), dtype=np.uint8)
    words[:, :size] = letters.reshape(len(ids), size)
    ordered = np.sort(_mixed(words.view(np.uint64).T))
    return not bool((ordered[1:] == ordered[:-1]).any())


def _mixed(words: Iterable[npt.NDArray[np.uint64]]) -> npt.NDArray[np.uint64]:
    """A 64-bit hash of each row of ``words``, whose columns are given in turn."""
    hashed: npt.NDArray[np.uint64] | None = None
    for word in words:
        hashed = (word if hashed is None else word ^ hashed) * np.uint64(0x9E3779B97F4A7C15)
        hashed ^= hashed >> np.uint64(29)
    assert hashed is not None
    return hashed


def _alike(tape: Typed) -> IntArray:
    """Rows that may share amount and dates with another: equal by a 64-bit hash of the three."""
    mixed = _mixed(np.ascontiguousarray(tape.columns[name]).view(np.uint64) for name in _KEYS)
    ordered = np.sort(mixed)
    twice = np.unique(ordered[1:][ordered[1:] == ordered[:-1]])
    if not len(twice):
        return np.empty(0, dtype=np.int64)
    place = np.minimum(np.searchsorted(twice, mixed), len(twice) - 1)
    return np.flatnonzero(twice[place] == mixed)


def _pledge_said(tape: Typed, rows: IntArray) -> list[str]:
    found, first = _pledges(tape)
    places = first[np.searchsorted(found, rows)]
    ids = convert.as_read(tape.columns["loan_id"], places)
    numbers = tape.origin.numbers(places)[0]
    return [
        f"one loan of this borrower, amount and dates; loan {name} in row {row} has them too"
        for name, row in zip(ids, numbers, strict=True)
    ]


def not_on_list(column: str) -> Test:
    """Not among the values that the model's reference list holds."""

    def test(tape: Typed) -> BoolArray:
        if column not in tape.known:
            return np.zeros(tape.rows, dtype=np.bool_)
        cells, known = tape.columns[column], tape.known[column]
        if isinstance(cells, Codes):
            return (cells.codes >= 0) & ~cells.where(known)
        listed = pc.is_in(cells, value_set=pa.array(known, type=cells.type))
        return _truth(pc.and_(pc.is_valid(cells), pc.invert(listed)))

    return test


def _list_said(column: str) -> Detail:
    def said(tape: Typed, rows: IntArray) -> list[str]:
        text = f"a value of {tape.spec.reference[column].path} ([tape.reference.{column}])"
        return [text] * len(rows)

    return said


def no_buyer(tape: Typed) -> BoolArray:
    """An order loan without a buyer, on a tape that names buyers."""
    orders: BoolArray = tape.columns["loan_type"].where(("order",))
    return np.asarray(orders & _truth(pc.is_null(tape.columns["buyer_id"])))


def own_buyer(tape: Typed) -> BoolArray:
    """The borrower is the buyer who is to pay for the order."""
    same = pc.equal(tape.columns["borrower_id"], tape.columns["buyer_id"])
    return _truth(pc.fill_null(same, False))


def _truth(cells: Any) -> BoolArray:
    return np.asarray(cells.to_numpy(zero_copy_only=False), dtype=np.bool_)


def _codes(texts: Any) -> npt.NDArray[np.int32]:
    coded = pc.dictionary_encode(texts)
    return np.asarray(pc.fill_null(coded.indices, -1).to_numpy(zero_copy_only=False))


def _mask(tape: Typed, rows: IntArray) -> BoolArray:
    mask = np.zeros(tape.rows, dtype=np.bool_)
    mask[rows] = True
    return mask


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        *("loan_id", "repeated_id", "error", repeated_id, _first_said),
        *("a loan that stands further up, with other cells", (), True),
    ),
    Rule(
        *("loan_id", "equal_row", "error", equal_row, _equal_said),
        *("a row that equals one further up in all cells that are read", (), True),
    ),
    Rule(
        *("borrower_id", "double_pledge", "warning", double_pledge, _pledge_said),
        "borrower, amount and dates of another open loan: perhaps one claim pledged twice",
    ),
    *(
        Rule(
            *(column.name, "not_on_list", "error", not_on_list(column.name)),
            _list_said(column.name),
            "not on the reference list that the model names",
        )
        for column in BY_NAME.values()
        if column.kind in ("text", "category")
    ),
    Rule(
        *("buyer_id", "no_buyer", "warning", no_buyer, "the buyer of the order"),
        "an order loan without a buyer",
    ),
    Rule(
        *("buyer_id", "own_buyer", "warning", own_buyer, "a buyer other than the borrower"),
        *("a borrower who is the buyer", ("borrower_id",)),
    ),
)
