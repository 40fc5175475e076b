"""Who owes what through which buyer, chunk by chunk: as codes and hashes, not as texts.

A borrower is told from others by a hash of 64 bits of its id: among ten million borrowers two share
one with a chance of 3 in a million, and then count as one.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.axes import LOAN_TYPES, ORDER
from scfcap.credit.exposure import Exposures, Owing, coded, measured
from scfcap.distinct import distinct
from scfcap.quantities import BoolArray, FloatArray

Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True)
class Owed:
    """Balance by segment, kind of loan, buyer and borrower; arrays of shape (parts,).

    ``segment`` indexes ``segments`` and ``buyer`` ``buyers``, -1 without one; ``order``: loans on
    orders; ``borrower``: hash of the id, 0 without one; ``balance`` [currency].
    """

    segments: tuple[str, ...]
    buyers: tuple[str, ...]
    segment: npt.NDArray[np.int16]
    buyer: npt.NDArray[np.int32]
    order: BoolArray
    borrower: Hashes
    balance: FloatArray


def owed_in(frame: pd.DataFrame) -> Owed:
    """What the standing loans of a tape's rows owe."""
    segments, segment = coded(frame, "segment")
    buyers, buyer = coded(frame, "buyer_id")
    kinds, kind = coded(frame, "loan_type")
    order = np.array([*(name == LOAN_TYPES[ORDER] for name in kinds), False])[kind]
    borrower = _hashed(frame)
    codes, _ = pd.factorize(borrower)
    _, first, of = distinct((segment, order, buyer, codes))
    balance = frame["current_balance"].to_numpy(dtype=np.float64)
    return Owed(
        tuple(segments),
        tuple(buyers),
        segment[first].astype(np.int16),
        buyer[first].astype(np.int32),
        order[first],
        borrower[first],
        np.bincount(of, balance, minlength=len(first)).astype(np.float64),
    )


def _hashed(frame: pd.DataFrame) -> Hashes:
    """Hash of each borrower's id, above 0; 0 where it is not known."""
    if "borrower_id" not in frame:
        return np.zeros(len(frame), dtype=np.uint64)
    codes, ids = pd.factorize(frame["borrower_id"])
    found = hashes(np.asarray(ids, dtype=object))
    found[found == 0] = 1
    return np.asarray(np.append(found, np.uint64(0))[codes], dtype=np.uint64)


def hashes(ids: npt.NDArray[np.object_]) -> Hashes:
    """A hash of each text, the same in every process."""
    return np.asarray(pd.util.hash_array(ids, categorize=False), dtype=np.uint64)


def exposures(
    parts: Sequence[Owed], segments: Sequence[str], *, named: Sequence[str] = ()
) -> Exposures:
    """Exposures of the loans of all ``parts``: see :func:`~scfcap.credit.exposure.measure`."""
    buyers = sorted({name for part in parts for name in part.buyers})
    borrower = np.concatenate([part.borrower for part in parts])
    there = borrower != 0
    codes = np.full(len(borrower), -1, dtype=np.int32)
    codes[there] = pd.factorize(borrower[there])[0]
    owing = Owing(
        segment=_renamed([(part.segments, part.segment) for part in parts], segments),
        order=np.concatenate([part.order for part in parts]),
        buyers=buyers,
        buyer=_renamed([(part.buyers, part.buyer) for part in parts], buyers),
        borrower=codes,
        balance=np.concatenate([part.balance for part in parts]),
    )
    return measured(owing, segments, named=named)


def _renamed(parts: Sequence[tuple[Sequence[str], Any]], names: Sequence[str]) -> Any:
    """Codes of all parts as positions in ``names``, -1 without one."""
    place = {name: k for k, name in enumerate(names)}
    tables = [
        np.array([*map(place.__getitem__, labels), -1], dtype=np.int32) for labels, _ in parts
    ]
    return np.concatenate([table[at] for table, (_, at) in zip(tables, parts, strict=True)])
