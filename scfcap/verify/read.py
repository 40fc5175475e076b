"""The files of an allocation become a claim; nothing in them is believed yet."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
from pydantic import ValidationError

from scfcap.errors import InputError, Problem
from scfcap.quantities import FloatArray, IntArray
from scfcap.tape.parquets import refuse_bombs
from scfcap.verify.claim import UNKNOWN, Claim, Coded, Leaf, Limit, Lists, Part
from scfcap.verify.layout import (
    COLUMN,
    DUALS,
    ELIGIBLE,
    LIMITS,
    LISTS,
    NUMBER,
    VALUE,
    VALUES,
    LimitsText,
    LimitText,
)

#: Largest ``limits.json`` that is read [bytes].
_MAX_JSON = 256 * 2**20


@dataclass(frozen=True)
class Files:
    """The files of an allocation as read."""

    limits: LimitsText
    duals: pa.Table
    values: pa.Table
    lists: pa.Table
    source: str = ""


def read_files(folder: Path) -> Files:
    """Read the files of an allocation's folder.

    Raises :class:`InputError` where one is missing, cannot be read, or is not laid out as stated.
    """
    folder = Path(folder)
    lacking = [n for n in (LIMITS, DUALS, VALUES, LISTS) if not (folder / n).is_file()]
    if lacking:
        raise InputError(
            Problem(
                str(folder),
                f"no {', '.join(lacking)}",
                f"a folder with {LIMITS}, {DUALS}, {VALUES} and {LISTS}",
                "Give the folder that scfcap allocate wrote.",
            )
        )
    path = folder / LIMITS
    if path.stat().st_size > _MAX_JSON:
        raise _unusable(str(path), f"{path.stat().st_size:,} bytes")
    limits = limits_of(path.read_bytes(), str(path))
    duals, values, lists = (_table(folder / name) for name in (DUALS, VALUES, LISTS))
    return Files(limits, duals, values, lists, str(folder))


def limits_of(content: bytes, where: str = LIMITS) -> LimitsText:
    """What ``limits.json`` says. Raises :class:`InputError` where it is not laid out as stated."""
    try:
        return LimitsText.model_validate(json.loads(content))
    except ValidationError as error:
        problems = [
            Problem(
                f"{where}: {'.'.join(map(str, one['loc']))}",
                _short(one["input"]),
                one["msg"].lower(),
                "Write the folder again: scfcap allocate.",
            )
            for one in error.errors()[:20]
        ]
        raise InputError(problems) from None
    except (ValueError, RecursionError) as error:
        raise _unusable(where, str(error)) from None


def _table(path: Path) -> pa.Table:
    try:
        refuse_bombs(path)
        return pq.read_table(path)
    except (OSError, ValueError, pa.ArrowException) as error:
        raise _unusable(str(path), _short(error)) from error


def claim_of(files: Files) -> Claim:
    """The claim that files make. Raises :class:`InputError` where a column is missing or odd."""
    limits, values = files.limits, files.values
    source = f"{files.source}/{VALUES}" if files.source else VALUES
    keys = tuple(channel.key for channel in limits.channels)
    position = {key: k for k, key in enumerate(keys)}
    columns = {name: _coded(values, f"{COLUMN}:{name}", source) for name in _names(values, COLUMN)}
    places = {
        name: {label: k for k, label in enumerate(coded.labels)} for name, coded in columns.items()
    }
    stated = tuple(_limit(text, position, places) for text in limits.limits)
    leaves, left = _leaves(files, stated, position)
    claim = limits.claim
    return Claim(
        loan_id=_texts(values, "loan_id", source),
        balance=floats(values, "balance", source),
        channels=keys,
        value=np.stack([floats(values, f"{VALUE}:{key}", source) for key in keys], axis=1),
        eligible=np.stack([truths(values, f"{ELIGIBLE}:{key}", source) for key in keys], axis=1),
        must=truths(values, "must", source),
        today=_positions(values, "today", position, source, missing=-1),
        limits=stated,
        lists=_lists(files, position),
        leaves=leaves,
        bound=claim.bound,
        worth=claim.value,
        gap=np.nan if claim.gap is None else claim.gap,
        left=left,
        totals={
            _at(position, each.channel, "claim.lists"): (each.loans, each.balance)
            for each in claim.lists
        },
        moved=(claim.moved_loans, claim.moved_balance),
        columns=columns,
        numbers={
            name: floats(values, f"{NUMBER}:{name}", source) for name in _names(values, NUMBER)
        },
    )


def _limit(
    text: LimitText, position: Mapping[str, int], places: Mapping[str, Mapping[str, int]]
) -> Limit:
    where = f"limits.{text.name}"
    parts = []
    for part in text.parts:
        place = places.get(part.column or "", {})
        # A member that no loan has adds nothing.
        members = frozenset(place[member] for member in part.members if member in place)
        channel = _at(position, part.channel, where)
        parts.append(Part(channel, part.weight, part.column, members, part.number))
    return Limit(text.name, text.kind, text.right, tuple(parts), text.relief)


def _leaves(
    files: Files, limits: tuple[Limit, ...], position: Mapping[str, int]
) -> tuple[tuple[Leaf, ...], FloatArray]:
    """Prices by case, and the claimed left sides; each case names each limit once."""
    source = f"{files.source}/{DUALS}" if files.source else DUALS
    duals = files.duals
    case, price = _ints(duals, "case", source), floats(duals, "price", source)
    name, left = _texts(duals, "limit", source), floats(duals, "left", source)
    order = {limit.name: k for k, limit in enumerate(limits)}
    leaves = []
    lefts = np.full(len(limits), np.nan)
    for k, text in enumerate(files.limits.claim.cases):
        rows = np.flatnonzero(case == k)
        at = [order.get(each, -1) for each in name[rows].tolist()]
        if sorted(at) != list(range(len(limits))):
            raise _unusable(
                source, f"case {k} with prices of {len(rows):,} limits", f"each of {LIMITS} once"
            )
        prices = np.empty(len(limits))
        prices[at], lefts[at] = price[rows], left[rows]
        taken = {_at(position, key, "claim.cases"): way for key, way in text.taken.items()}
        leaves.append(Leaf(taken, prices))
    if len(case) != len(leaves) * len(limits):
        raise _unusable(
            source, f"{len(case):,} prices", f"those of {len(leaves)} cases of {LIMITS}"
        )
    return tuple(leaves), lefts


def _lists(files: Files, position: Mapping[str, int]) -> Lists:
    source = f"{files.source}/{LISTS}" if files.source else LISTS
    return Lists(
        loan_id=_texts(files.lists, "loan_id", source),
        channel=_positions(files.lists, "channel", position, source, missing=UNKNOWN),
        balance=floats(files.lists, "balance", source),
    )


def _names(table: pa.Table, kind: str) -> list[str]:
    start = f"{kind}:"
    return [name[len(start) :] for name in table.column_names if name.startswith(start)]


def _at(position: Mapping[str, int], key: str, where: str) -> int:
    if key not in position:
        expected = f"one of {', '.join(position)}"
        place = f"{LIMITS}: {where}"
        raise _unusable(place, f"channel {key}", expected)
    return position[key]


def _column(table: pa.Table, name: str, source: str) -> pa.ChunkedArray:
    if table.column_names.count(name) != 1:
        raise _unusable(source, f"no column {name}, or several", f"one, by {LIMITS}")
    return table.column(name)


def floats(table: pa.Table, name: str, source: str) -> FloatArray:
    """Numbers, NaN where missing."""
    column = _column(table, name, source)
    if not pa.types.is_float64(column.type):
        raise _unusable(source, f"{name} of type {column.type}", "double")
    found: FloatArray = column.to_numpy().astype(np.float64)
    return found


def _ints(table: pa.Table, name: str, source: str) -> IntArray:
    column = _column(table, name, source)
    if not pa.types.is_integer(column.type) or column.null_count:
        raise _unusable(source, f"{name} of type {column.type}, or missing", "whole numbers")
    found: IntArray = column.to_numpy().astype(np.int64)
    return found


def truths(table: pa.Table, name: str, source: str) -> npt.NDArray[np.bool_]:
    """A column of answers. Raises :class:`InputError` where it is none."""
    column = _column(table, name, source)
    if not pa.types.is_boolean(column.type) or column.null_count:
        raise _unusable(source, f"{name} of type {column.type}, or missing", "true or false")
    found: npt.NDArray[np.bool_] = column.to_numpy().astype(np.bool_)
    return found


def _texts(table: pa.Table, name: str, source: str) -> npt.NDArray[np.object_]:
    column = _column(table, name, source)
    kind = column.type.value_type if pa.types.is_dictionary(column.type) else column.type
    if not (pa.types.is_string(kind) or pa.types.is_large_string(kind)) or column.null_count:
        raise _unusable(source, f"{name} of type {column.type}, or missing", "texts")
    found: npt.NDArray[np.object_] = column.to_numpy().astype(object)
    return found


def _coded(table: pa.Table, name: str, source: str) -> Coded:
    """A text column by its distinct values."""
    column = _column(table, name, source)
    if not pa.types.is_dictionary(column.type):
        try:
            column = pc.dictionary_encode(column)
        except pa.ArrowNotImplementedError:
            raise _unusable(source, f"{name} of type {column.type}", "texts") from None
    whole = column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
    if isinstance(whole, pa.ChunkedArray):
        whole = whole.unify_dictionaries().combine_chunks()
    codes = pc.fill_null(whole.indices, -1).to_numpy(zero_copy_only=False).astype(np.int32)
    labels = tuple(map(str, whole.dictionary.to_pylist()))
    if len(set(labels)) < len(labels):
        raise _unusable(source, f"{name} with a value twice among its labels", "each once")
    return Coded(codes, labels)


def _positions(
    table: pa.Table, name: str, position: Mapping[str, int], source: str, missing: int
) -> IntArray:
    """Channels by position; ``missing`` where there is none, or none of the limits'."""
    coded = _coded(table, name, source)
    places = np.array([*(position.get(label, UNKNOWN) for label in coded.labels), missing])
    found: IntArray = places[coded.codes].astype(np.int64)
    return found


def _unusable(where: str, found: str, expected: str = "a file as it was written") -> InputError:
    action = "Write the folder again: scfcap allocate."
    return InputError(Problem(where, found, expected, action))


def _short(value: Any) -> str:
    text = str(value)
    return text if len(text) <= 200 else f"{text[:200]}..."
