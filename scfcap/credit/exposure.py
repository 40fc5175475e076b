"""What a pool owes to core enterprises: through orders that they pay, and through suppliers."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.axes import LOAN_TYPES, ORDER
from scfcap.credit.contagion import Network
from scfcap.errors import InputError, Problem
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Columns of a tape that exposures are measured by.
ASKED = ("segment", "loan_type", "buyer_id", "borrower_id", "current_balance")
#: Codes of loans, of any width.
Codes = npt.NDArray[np.signedinteger[Any]]
_RANK = re.compile(r"#([1-9]\d*)")


@dataclass(frozen=True)
class Exposures:
    """Shares of the balance of each segment S that hang on each core enterprise C.

    ``cores`` by balance of the loans of which they are the buyer, largest first. ``orders``
    [S, C]: loans on orders that the core pays. ``suppliers`` [S, C]: all loans of borrowers who
    have a loan on an order of the core; a borrower may supply several.
    """

    segments: tuple[str, ...]
    cores: tuple[str, ...]
    orders: FloatArray
    suppliers: FloatArray
    network: Network

    def position(self, core: str) -> int | None:
        """Column of a core, by buyer id or by rank ("#1" is the largest); None if unknown."""
        rank = _RANK.fullmatch(core)
        if core in self.cores:
            return self.cores.index(core)
        if rank is not None and int(rank[1]) <= len(self.cores):
            return int(rank[1]) - 1
        return None


@dataclass(frozen=True)
class Owing:
    """What loans owe, and through whom; arrays of shape (loans,).

    ``segment``: a position; ``order``: a loan on an order;
    ``buyer`` indexes ``buyers``, which ascend, -1 without one; ``borrower``: a number for each, -1
    where it is not known; ``balance`` [currency].
    """

    segment: Codes
    order: BoolArray
    buyers: Sequence[str] | pd.Index
    buyer: Codes
    borrower: Codes
    balance: FloatArray


def measure(
    frame: pd.DataFrame,
    segments: Sequence[str],
    *,
    named: Sequence[str] = (),
    largest: int = 20,
) -> Exposures:
    """Exposures of outstanding loans to the ``largest`` buyers and to those ``named``.

    ``frame`` has the tape's columns segment, loan_type, current_balance [currency] and, where
    known, buyer_id and borrower_id; without borrowers, each loan on an order of a core is its
    supplier's. Balances of zero or less, and loans of other segments, count for nothing.
    """
    counts = frame["segment"].isin(list(segments)).to_numpy()
    if not counts.all():
        frame = frame[counts]
    buyers, buyer = coded(frame, "buyer_id")
    owing = Owing(
        segment=_codes(frame["segment"], segments),
        order=_codes(frame["loan_type"], LOAN_TYPES) == ORDER,
        buyers=buyers,
        buyer=buyer,
        borrower=_numbered(frame, "borrower_id"),
        balance=frame["current_balance"].to_numpy(dtype=np.float64),
    )
    return measured(owing, segments, named=named, largest=largest)


def measured(
    owing: Owing, segments: Sequence[str], *, named: Sequence[str] = (), largest: int = 20
) -> Exposures:
    """:func:`measure` of loans that are codes already."""
    balance = np.maximum(owing.balance, 0.0)
    segment, buyer, borrower = owing.segment, owing.buyer, owing.borrower
    total = np.bincount(segment, balance, minlength=len(segments))
    if not (borrower >= 0).any():
        borrower = np.arange(len(balance))
    chosen = _chosen(owing.buyers, buyer, balance, named, largest)
    column = np.full(len(owing.buyers) + 1, -1, dtype=np.int16)
    column[chosen] = np.arange(len(chosen))
    core = column[buyer]
    orders = np.zeros((len(segments), len(chosen)))
    order = (core >= 0) & owing.order
    np.add.at(orders, (segment[order], core[order]), balance[order])
    known = (borrower >= 0) & (core >= 0)
    supplies = np.zeros((int(borrower.max(initial=-1)) + 1, len(chosen)), dtype=np.bool_)
    supplies[borrower[known], core[known]] = True
    suppliers = np.zeros_like(orders)
    theirs = borrower >= 0
    for c in range(len(chosen)):
        mine = theirs & supplies[borrower, c]
        suppliers[:, c] = np.bincount(segment[mine], balance[mine], minlength=len(segments))
    whole = np.where(total > 0.0, total, 1.0)[:, None]
    names = tuple(str(owing.buyers[n]) for n in chosen)
    return Exposures(
        segments=tuple(segments),
        cores=names,
        orders=orders / whole,
        suppliers=suppliers / whole,
        network=Network.of(names, _suppliers_only(supplies)),
    )


def position_of(exposures: Exposures, core: str, where: str) -> int:
    """Column of ``core``. Raises :class:`InputError` naming ``where`` if the tape has no such."""
    found = exposures.position(core)
    if found is not None:
        return found
    known = ", ".join(exposures.cores[:5]) or "none: the tape has no buyer_id"
    raise InputError(
        Problem(
            where,
            f'"{core}"',
            f'a buyer_id of an outstanding loan, or a rank such as "#1" (largest: {known})',
            "Correct the name, or take the shock out.",
        )
    )


def _suppliers_only(supplies: BoolArray) -> BoolArray:
    return supplies[supplies.any(axis=1)] if len(supplies) else supplies


def _codes(cells: pd.Series, names: Sequence[str]) -> IntArray:
    """Position of each cell among ``names``, -1 where it is none of them."""
    if isinstance(cells.dtype, pd.CategoricalDtype):
        there = pd.Index(list(names), dtype=object).get_indexer(cells.cat.categories.astype(object))
        return np.append(there, -1).astype(np.int64)[cells.cat.codes.to_numpy()]
    codes = pd.Categorical(cells.astype(object), categories=list(names)).codes
    return np.asarray(codes, dtype=np.int64)


def _numbered(frame: pd.DataFrame, name: str) -> Codes:
    """A number for each distinct value of a column, -1 where missing."""
    if name not in frame:
        return np.full(len(frame), -1, dtype=np.int32)
    return np.asarray(pd.factorize(frame[name])[0], dtype=np.int32)


def coded(frame: pd.DataFrame, name: str) -> tuple[pd.Index, Codes]:
    """Distinct values of a column, ascending, and the code of each row, -1 where missing."""
    if name not in frame:
        return pd.Index([], dtype=object), np.full(len(frame), -1, dtype=np.int32)
    codes, found = pd.factorize(frame[name])
    values = pd.Index(found).astype(object)
    order = np.argsort(values.to_numpy(), kind="stable")
    place = np.empty(len(order) + 1, dtype=np.int32)
    place[order], place[-1] = np.arange(len(order)), -1
    return values[order], place[codes]


def _chosen(
    buyers: Sequence[str] | pd.Index,
    buyer: Codes,
    balance: FloatArray,
    named: Sequence[str],
    largest: int,
) -> IntArray:
    """Buyers that get a column: the largest by balance, then others that are named."""
    known = buyer >= 0
    held = np.bincount(buyer[known], balance[known], minlength=len(buyers))
    order = np.argsort(-held, kind="stable")
    first = order[held[order] > 0.0][:largest]
    others = [n for n, b in enumerate(buyers) if str(b) in set(named) and n not in set(first)]
    return np.array([*first, *others], dtype=np.int64)
