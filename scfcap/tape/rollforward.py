"""What moved the balance from one tape to the next, loan by loan, tied to the cent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import Any, Final

import numpy as np
import pandas as pd

from scfcap.errors import InputError, InvariantError, Problem
from scfcap.quantities import HALF_CENT, BoolArray, FloatArray, IntArray
from scfcap.tape.schema import Tape

#: Items that move the balance; each loan and cent is in exactly one of them.
MOVEMENTS: Final = (
    *("new", "appeared", "reappeared", "drawn", "risen"),
    *("instalments", "closed", "charged off", "vanished", "unexplained"),
    *("defaulted", "cured"),
)
#: Items whose loans are listed, as nobody should meet them unawares.
EXCEPTIONS: Final = ("appeared", "reappeared", "risen", "vanished", "unexplained")
#: Terms that a contract fixes: a change is reported.
TERMS: Final = (
    *("borrower_id", "buyer_id", "segment", "loan_type", "origination_date", "maturity_date"),
    *("original_balance", "rate", "instalment"),
)
_LINE: Final = "revolving_line"
#: Items that take part of what a loan's balance fell by; the rest was repaid.
_PARTS: Final = ("charged off", "unexplained")


@dataclass(frozen=True)
class RollForward:
    """The way from one tape to the next.

    ``table``: item ("opening", the :data:`MOVEMENTS`, "closing", then memo items), loans, and the
    signed amounts ``performing``, ``defaulted`` and ``total`` [currency], each of which adds up
    from opening to closing. ``exceptions``: item, loan_id, before, after [currency] of the
    :data:`EXCEPTIONS`. ``changes``: loan_id, column, before, after (texts), balance after.
    """

    before: date
    after: date
    table: pd.DataFrame
    exceptions: pd.DataFrame
    changes: pd.DataFrame


def roll_forward(before: Tape, after: Tape, seen: Sequence[str] = ()) -> RollForward:
    """What became of the loans of ``before`` by the day of ``after``.

    "new": made after the earlier tape's day; "appeared": made before it, and yet not on it, unless
    among ``seen``, the ids of still earlier tapes, or closed before ("reappeared"). "drawn" is on
    revolving lines, "risen" on others. "vanished": with a balance before and not on the later
    tape, never taken as repaid. Where both tapes state ``paid_principal``, a fall that it does
    not bear out is "unexplained". A loan is defaulted where its status is "default".

    Raises :class:`InputError` where the tapes are not in order of days, :class:`InvariantError`
    where the items do not lead from one balance to the other.
    """
    if after.as_of <= before.as_of:
        where = f"{before.source}, {after.source}"
        raise InputError(
            Problem(where, f"tapes of {before.as_of} and {after.as_of}", "the earlier one first")
        )
    pair = _Pair(before.frame, after.frame)
    code, moved = _classified(pair, before.as_of, seen)
    table = _table(pair, code, moved)
    exceptional = np.flatnonzero(np.isin(code, [MOVEMENTS.index(item) for item in EXCEPTIONS]))
    exceptions = pd.DataFrame(
        {
            "item": np.array(MOVEMENTS, dtype=object)[code[exceptional]],
            "loan_id": pair.ids[exceptional],
            "before": pair.balance[0][exceptional],
            "after": pair.balance[1][exceptional],
        }
    )
    changes = _changes(pair)
    memo = pd.DataFrame(
        {
            "item": ["terms changed"],
            "loans": [changes["loan_id"].nunique()],
            "total": [float(changes.drop_duplicates("loan_id")["balance"].sum())],
        }
    )
    table = pd.concat([table, memo], ignore_index=True)
    return RollForward(before.as_of, after.as_of, table, exceptions, changes)


def roll_series(tapes: Sequence[Tape]) -> list[RollForward]:
    """The chain through a series of tapes, in order of days; each closes what the next opens."""
    chain: list[RollForward] = []
    seen: set[str] = set()
    for before, after in pairwise(tapes):
        chain.append(roll_forward(before, after, tuple(seen)))
        seen |= set(before.frame["loan_id"])
    for one, following in pairwise(chain):
        closing = one.table.set_index("item")["total"]["closing"]
        opening = following.table.set_index("item")["total"]["opening"]
        if abs(closing - opening) > HALF_CENT:
            msg = f"roll-forward: {one.after} closes with {closing}, and opens with {opening}"
            raise InvariantError(msg)
    return chain


class _Pair:
    """Two tapes side by side: all loans of both, and their rows in each (-1: not on it)."""

    def __init__(self, before: pd.DataFrame, after: pd.DataFrame) -> None:
        self.frames = (before, after)
        left, right = pd.Index(before["loan_id"]), pd.Index(after["loan_id"])
        index = left.append(right[~right.isin(left)])
        self.ids = index.to_numpy(dtype=object)
        self.row = (left.get_indexer(index), right.get_indexer(index))
        self.on = (self.row[0] >= 0, self.row[1] >= 0)
        self.balance = tuple(
            np.where(self.status(k, "charged_off"), 0.0, self.numbers("current_balance", k))
            for k in (0, 1)
        )
        self.defaulted = tuple(self.status(k, "default") for k in (0, 1))

    def cells(self, name: str, which: int) -> pd.Series[Any]:
        """A column of one of the tapes for all loans, missing where the loan is not on it."""
        column = self.frames[which][name]
        if not len(column):
            return pd.Series([None] * len(self.ids), dtype=object)
        taken = column.take(np.maximum(self.row[which], 0)).reset_index(drop=True)
        return taken.where(self.on[which])

    def numbers(self, name: str, which: int) -> FloatArray:
        """An amount of one of the tapes, 0 where missing."""
        cells = self.cells(name, which).to_numpy(dtype=np.float64, na_value=np.nan)
        return np.asarray(np.nan_to_num(cells))

    def status(self, which: int, word: str) -> BoolArray:
        """Whether a loan has this status on one of the tapes."""
        cells = self.cells("status", which)
        return np.asarray((cells == word).fillna(value=False), dtype=np.bool_)


def _classified(pair: _Pair, day: date, seen: Sequence[str]) -> tuple[IntArray, FloatArray]:
    """Item of each loan's movement, and what of it is charged off or unexplained [currency]."""
    (was, now), (here, there) = pair.balance, pair.on
    owed, owing = was > HALF_CENT, now > HALF_CENT
    made = pair.cells("origination_date", 1).to_numpy(dtype="datetime64[s]")
    fresh = made > np.datetime64(day, "s")
    known = pd.Index(pair.ids).isin(list(seen))
    gone = pair.status(1, "charged_off") & ~pair.status(0, "charged_off")
    line = np.asarray((pair.cells("loan_type", 1) == _LINE).fillna(value=False), dtype=np.bool_)
    gap = _unexplained(pair)
    cases = {
        "vanished": here & ~there & owed,
        "reappeared": owing & ((here & ~owed & ~line) | (~here & known)),
        "new": owing & ~here & fresh,
        "appeared": owing & ~here & ~fresh,
        "charged off": gone & owed,
        "drawn": line & (now > was + HALF_CENT),
        "risen": now > was + HALF_CENT,
        "unexplained": np.abs(gap) > HALF_CENT,
        "closed": owed & ~owing,
    }
    places = [MOVEMENTS.index(item) for item in cases]
    code = np.select(list(cases.values()), places, MOVEMENTS.index("instalments"))
    written = code == MOVEMENTS.index("charged off")
    lost = np.where(gap > HALF_CENT, np.minimum(gap, was - now), was - now)
    part = np.where(code == MOVEMENTS.index("unexplained"), gap, np.where(written, lost, 0.0))
    return code, part


def _unexplained(pair: _Pair) -> FloatArray:
    """Fall of the balance that the principal stated as repaid does not bear out [currency]."""
    both = pair.on[0] & pair.on[1]
    if not all("paid_principal" in frame for frame in pair.frames):
        return np.zeros(len(both))
    stated = [pair.cells("paid_principal", k).to_numpy(dtype=np.float64) for k in (0, 1)]
    gap = (pair.balance[0] - pair.balance[1]) - (stated[1] - stated[0])
    return np.where(both, np.nan_to_num(gap), 0.0)


def _table(pair: _Pair, code: IntArray, part: FloatArray) -> pd.DataFrame:
    """Items in loans and amounts; the change goes by the state before, then moves to the new."""
    (was, now), (bad, worse) = pair.balance, pair.defaulted
    change = now - was
    # What is new has no state before; it arrives in the one it has.
    state = np.where(pair.on[0] & (was > 0.0), bad, worse)
    rows = [_row("opening", was > HALF_CENT, was, bad)]
    moving = np.abs(change) > HALF_CENT
    for k, item in enumerate(MOVEMENTS[:-2]):
        mine = code == k
        if item in _PARTS:
            rows.append(_row(item, mine, np.where(mine, -part, 0.0), state))
        elif item == "instalments":
            others = np.isin(code, [MOVEMENTS.index(name) for name in _PARTS])
            rest = np.where(others, change + part, 0.0)
            amount = np.where(mine, change, 0.0) + rest
            rows.append(_row(item, (mine & moving) | (np.abs(rest) > HALF_CENT), amount, state))
        else:
            rows.append(_row(item, mine, np.where(mine, change, 0.0), state))
    for item, turned, sign in (
        ("defaulted", worse & ~state, 1.0),
        ("cured", state & ~worse & pair.on[1], -1.0),
    ):
        amount = np.where(turned, now, 0.0).sum()
        loans = int((turned & (now > HALF_CENT)).sum())
        rows.append((item, loans, -sign * amount, sign * amount, 0.0))
    rows.append(_row("closing", now > HALF_CENT, now, worse))
    table = pd.DataFrame(rows, columns=["item", "loans", "performing", "defaulted", "total"])
    _tie(table)
    return table


def _row(
    item: str, counted: BoolArray, amount: FloatArray, defaulted: BoolArray
) -> tuple[str, int, float, float, float]:
    bad, total = float(amount[defaulted].sum()), float(amount.sum())
    return item, int(counted.sum()), float(amount[~defaulted].sum()), bad, total


def _tie(table: pd.DataFrame) -> None:
    """Opening and all movements make the closing balance, in each column."""
    amounts = table[["performing", "defaulted", "total"]].to_numpy()
    gap = np.abs(amounts[:-1].sum(axis=0) - amounts[-1])
    size = max(1.0, float(np.abs(amounts).max()))
    if (gap > HALF_CENT + 1e-12 * size).any():
        msg = f"the roll-forward does not tie:\n{table}"
        raise InvariantError(msg)


def _changes(pair: _Pair) -> pd.DataFrame:
    """Terms that differ between the tapes, one row a loan and column."""
    both = pair.on[0] & pair.on[1]
    parts = []
    for name in TERMS:
        if not all(name in frame for frame in pair.frames):
            continue
        old, new = pair.cells(name, 0), pair.cells(name, 1)
        if old.dtype.kind == "f" or new.dtype.kind == "f":
            scale = HALF_CENT if name in ("original_balance", "instalment") else 1e-9
            differ = ((old - new).abs() > scale) | (old.isna() != new.isna())
        else:
            old, new = old.astype(object), new.astype(object)
            differ = (old != new) & ~(old.isna() & new.isna())
        rows = np.flatnonzero(both & differ.fillna(value=True).to_numpy(dtype=np.bool_))
        parts.append(
            pd.DataFrame(
                {
                    "loan_id": pair.ids[rows],
                    "column": name,
                    "before": [_said(v) for v in old.iloc[rows]],
                    "after": [_said(v) for v in new.iloc[rows]],
                    "balance": pair.balance[1][rows],
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def _said(value: Any) -> str:
    if pd.isna(value):
        return ""
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return f"{value:.10g}" if isinstance(value, float) else str(value)
