"""The files by which somebody who does not trust us can check an allocation.

``limits.json``, ``duals.parquet``, ``values.parquet`` and ``lists.parquet``, laid out as
:mod:`scfcap.verify.layout` says. Doubles are kept bit by bit: Parquet holds them as they are, and
JSON as the shortest text that reads back the same.
"""

from __future__ import annotations

import io
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Attribute, Row
from scfcap.funding.allocation.result import Allocation
from scfcap.quantities import BoolArray, FloatArray
from scfcap.verify.layout import (
    COLUMN,
    DUALS,
    ELIGIBLE,
    KEPT,
    LIMITS,
    LISTS,
    NUMBER,
    PRICE,
    VALUE,
    VALUES,
    VERSION,
)


@dataclass(frozen=True)
class Proof:
    """The files' contents: ``limits`` as plain values, the others as tables."""

    limits: Mapping[str, Any]
    duals: pa.Table
    values: pa.Table
    lists: pa.Table

    def limits_bytes(self) -> bytes:
        """``limits.json``. Raises ValueError where a figure is not finite."""
        text = json.dumps(self.limits, indent=1, ensure_ascii=False, allow_nan=False)
        return (text + "\n").encode()

    def files(self) -> dict[str, bytes]:
        """Contents by file name; the same proof gives the same bytes."""
        return {
            LIMITS: self.limits_bytes(),
            DUALS: _parquet(self.duals),
            VALUES: _parquet(self.values),
            LISTS: _parquet(self.lists),
        }


@dataclass(frozen=True)
class About:
    """What the limits' file says beside the limits: plain values, laid out as
    :class:`scfcap.verify.layout.LimitsText`. ``channels``: what each asks, by key. ``names``: the
    limit on names that a row is a part of, by row. ``prices`` (loans,): what stated values are
    worked out from, by name. ``kept`` (loans,) by channel: loans that the plan does not know there.
    ``relief``: what rows are given beyond
    what is stated, by row [currency]. ``whole``: texts that the tape does not have, of all loans,
    by name; ``counts``: such numbers.
    """

    as_of: str = "1970-01-01"
    currency: str = ""
    tape: Mapping[str, Any] | None = None
    channels: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    more: Mapping[str, Any] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    prices: Mapping[str, FloatArray] = field(default_factory=dict)
    kept: Mapping[str, BoolArray] = field(default_factory=dict)
    relief: Mapping[str, float] = field(default_factory=dict)
    whole: Mapping[str, Attribute] = field(default_factory=dict)
    counts: Mapping[str, FloatArray] = field(default_factory=dict)


@dataclass(frozen=True)
class Case:
    """A case of the bound: channels with a least ticket, by key, as open or as closed to loans; and
    the prices of the rows, shape (rows,).
    """

    taken: Mapping[str, bool]
    price: FloatArray


def proof_of(
    found: Allocation, about: About | None = None, cases: Sequence[Case] | None = None
) -> Proof:
    """All that makes an allocation checkable; of ``about`` what its model and tape say.

    ``cases``: those that prove the bound together, where channels have a least ticket; None: the
    allocation's own.
    """
    about = about or About()
    if cases is None:
        branches = found.branches or (({}, found.dual),)
        cases = [Case(taken, price) for taken, price in branches]
    program = found.program
    limits = {
        "schema_version": VERSION,
        "as_of": about.as_of,
        "currency": about.currency,
        "tape": about.tape,
        "channels": [{"key": key, **about.channels.get(key, {})} for key in program.channels],
        **about.more,
        "limits": [_limit(program, row, about) for row in program.rows],
        "claim": {**_claim(found), "cases": [{"taken": dict(case.taken)} for case in cases]},
    }
    return Proof(limits, _duals(found, cases), _values(program, about), _lists(found))


def _limit(program: AllocationProgram, row: Row, about: About) -> dict[str, Any]:
    parts = [
        {
            "channel": program.channels[term.channel],
            "weight": float(term.weight),
            "column": term.attribute,
            "members": []
            if term.attribute is None
            else [program.attributes[term.attribute].labels[m] for m in term.members],
            "number": term.number,
        }
        for term in row.terms
    ]
    return {
        "name": row.name,
        "kind": row.kind,
        "names": about.names.get(row.name),
        "relief": about.relief.get(row.name, 0.0),
        "right": float(row.right),
        "stated": None if row.stated is None else float(row.stated),
        "subject": row.subject,
        "parts": parts,
    }


def _claim(found: Allocation) -> dict[str, Any]:
    program, moved = found.program, found.moved
    held = [(key, found.holds(key)) for key in program.channels]
    return {
        "bound": float(found.bound),
        "value": float(found.value),
        "gap": float(found.gap) if found.bound or not found.value else None,
        "lists": [
            {"channel": key, "loans": len(loans), "balance": _sum(program, loans)}
            for key, loans in held
        ],
        "moved_loans": len(moved),
        "moved_balance": _sum(program, moved),
    }


def _sum(program: AllocationProgram, loans: npt.NDArray[np.int64]) -> float:
    """Balance of loans [currency], rounded once."""
    return math.fsum(program.balance[loans].tolist())


def _duals(found: Allocation, cases: Sequence[Case]) -> pa.Table:
    names = [row.name for row in found.program.rows]
    prices = np.concatenate([np.asarray(case.price, dtype=np.float64) for case in cases])
    return pa.table(
        {
            "case": pa.array(np.repeat(np.arange(len(cases), dtype=np.int32), len(names))),
            "limit": pa.array(names * len(cases), pa.string()),
            "price": pa.array(prices),
            "left": pa.array(np.tile(np.asarray(found.activity, dtype=np.float64), len(cases))),
        }
    )


def _values(program: AllocationProgram, about: About) -> pa.Table:
    columns: dict[str, Any] = {
        "loan_id": pa.array(program.loan_id, pa.string()),
        "balance": pa.array(program.balance),
        "must": pa.array(program.must),
        "today": _keys(program.today, program.channels),
    }
    for k, key in enumerate(program.channels):
        able = program.eligible[:, k]
        columns[f"{ELIGIBLE}:{key}"] = pa.array(able)
        columns[f"{VALUE}:{key}"] = pa.array(program.value[:, k], mask=~able)
    asked = [term for row in program.rows for term in row.terms]
    columns |= {f"{KEPT}:{key}": pa.array(loans) for key, loans in about.kept.items()}
    for name, whole in about.whole.items():
        columns[f"{COLUMN}:{name}"] = _keys(whole.codes, whole.labels)
    texts = {term.attribute for term in asked if term.attribute is not None}
    for name in sorted(texts - about.whole.keys()):
        named = sorted({m for term in asked if term.attribute == name for m in term.members})
        columns[f"{COLUMN}:{name}"] = _named(program.attributes[name], named)
    used = {term.number for term in asked if term.number is not None}
    numbers = {name: program.numbers[name] for name in sorted(used)} | dict(about.counts)
    for name, by_loan in numbers.items():
        columns[f"{NUMBER}:{name}"] = pa.array(np.asarray(by_loan, dtype=np.float64))
    columns |= {f"{PRICE}:{name}": pa.array(by_loan) for name, by_loan in about.prices.items()}
    return pa.table(columns)


def _named(attribute: Attribute, members: list[int]) -> pa.DictionaryArray:
    """The values of a column that a limit names; the others, which count nowhere, are missing."""
    rank = np.full(len(attribute.labels) + 1, -1, dtype=np.int32)
    rank[members] = np.arange(len(members), dtype=np.int32)
    labels = tuple(attribute.labels[m] for m in members)
    return _keys(rank[attribute.codes], labels)


def _keys(codes: npt.NDArray[Any], labels: tuple[str, ...]) -> pa.DictionaryArray:
    indices = pa.array(codes.astype(np.int32), mask=codes < 0)
    return pa.DictionaryArray.from_arrays(indices, pa.array(labels, pa.string()))


def _lists(found: Allocation) -> pa.Table:
    program = found.program
    placed = np.flatnonzero(found.choice != UNPLACED)
    return pa.table(
        {
            "loan_id": pa.array(program.loan_id[placed], pa.string()),
            "channel": _keys(found.choice[placed], program.channels),
            "balance": pa.array(program.balance[placed]),
        }
    )


def _parquet(table: pa.Table) -> bytes:
    numbers = [each.name for each in table.schema if pa.types.is_floating(each.type)]
    coded = [each.name for each in table.schema if pa.types.is_dictionary(each.type)]
    out = io.BytesIO()
    pq.write_table(
        table,
        out,
        compression="zstd",
        use_dictionary=coded,
        use_byte_stream_split=numbers,
    )
    return out.getvalue()
