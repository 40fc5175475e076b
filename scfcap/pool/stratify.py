"""Stratifications: loans, balance and balance-weighted averages by a column."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd

from scfcap.pool import loops
from scfcap.pool.columns import Codes, Columns, Values
from scfcap.pool.concentration import LARGEST, MISSING
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.pool import Strata

#: Most rows of a stratification by texts; the smaller ones are shown together.
MAX_ROWS = 50
#: Classes into which a number column is cut, of about as many loans each.
CLASSES = 5
#: Cells of a table of strata by borrowers that is kept as a whole.
_DENSE = 20_000_000
#: Averages weighted by balance; a loan without the value does not weigh.
_WEIGHTED = ("rate", "remaining_days", "age_days", "score", "days_past_due")


@dataclass(frozen=True)
class Classes:
    """The stratum of each loan: ``codes`` into ``labels``, in the order in which they stand."""

    codes: Codes | IntArray
    labels: tuple[str, ...]


def stratify(columns: Columns, by: str | Strata) -> pd.DataFrame:
    """Rows by value of a column (number columns in classes), which add up to the pool.

    Columns: name (of the stratum), loans, borrowers, balance and average_balance [currency], share,
    rate [1/year], remaining_days, age_days, score and days_past_due (averages weighted by
    balance, over the loans that have the value), past_due_share, effective_borrowers.
    """
    return measures(columns, strata(columns, by))


def strata(columns: Columns, by: str | Strata) -> Classes:
    """The stratum of each loan."""
    if isinstance(by, Strata):
        return _cut(columns.numbers(by.column), np.asarray(by.edges, dtype=np.float64))
    if columns.kind(by) == "number":
        numbers = np.round(columns.numbers(by), 8)
        distinct = np.unique(numbers[~np.isnan(numbers)])
        if len(distinct) > 2 * CLASSES:
            return _quantiles(numbers)
        codes = np.where(np.isnan(numbers), len(distinct), np.searchsorted(distinct, numbers))
        return _closed(codes, [f"{value:.15g}" for value in distinct])
    return _by_text(columns.values(by), columns.balance)


def _by_text(values: Values, balance: FloatArray) -> Classes:
    """Values in order of their names; the smaller ones together where there are too many."""
    held, loans = values.sums(balance)[:-1], values.counts()[:-1]
    there = np.flatnonzero(loans)
    labels = np.array(values.texts(there), dtype=np.str_)
    if len(there) <= MAX_ROWS:
        order = np.argsort(labels, kind="stable")
        shown, names = there[order], labels[order].tolist()
    else:
        order = np.lexsort((labels, -held[there]))[:MAX_ROWS]
        shown = there[order]
        names = [*labels[order].tolist(), f"{len(there) - MAX_ROWS:,} others"]
    place = np.full(len(values) + 1, len(shown), dtype=np.int32)
    place[shown] = np.arange(len(shown))
    place[-1] = len(names)
    return _closed(place[values.places], names)


def _closed(codes: Codes | IntArray, names: list[str]) -> Classes:
    """Classes with one more for missing values, code ``len(names)``, where there are any."""
    lost = bool((codes == len(names)).any())
    return Classes(codes.astype(np.int32), (*names, MISSING) if lost else tuple(names))


def _quantiles(values: FloatArray) -> Classes:
    """Classes of about as many loans each."""
    edges = np.unique(np.nanquantile(values, np.linspace(0.0, 1.0, CLASSES + 1)))
    codes = np.searchsorted(edges, values, side="left") - 1
    codes = np.clip(codes, 0, max(len(edges) - 2, 0))
    shown = [f"{edge:.6g}" for edge in edges]
    if len(set(shown)) < len(shown):
        shown = [f"{edge:.15g}" for edge in edges]
    names = [
        f"{'above' if k else 'from'} {low} to {high}"
        for k, (low, high) in enumerate(pairwise(shown))
    ]
    return _closed(np.where(np.isnan(values), len(names), codes), names)


def _cut(values: FloatArray, edges: FloatArray) -> Classes:
    """Stated classes: up to the first edge, above it to the second, and so on."""
    shown = [f"{edge:.15g}" for edge in edges]
    between = [f"above {low} to {high}" for low, high in pairwise(shown)]
    names = [f"up to {shown[0]}", *between, f"above {shown[-1]}"]
    codes = np.searchsorted(edges, values, side="left")
    return _closed(np.where(np.isnan(values), len(names), codes), names)


def measures(columns: Columns, classes: Classes) -> pd.DataFrame:
    """Measures of each stratum by ``name``; empty strata are left out."""
    count, codes, balance = len(classes.labels), classes.codes, columns.balance
    loans = np.bincount(codes, minlength=count)
    held = loops.sums(codes, balance, count)
    borrowers, effective = _borrowers(columns, classes)
    table = pd.DataFrame(
        {
            "name": pd.Series(classes.labels, dtype="str"),
            "loans": loans.astype(np.int64),
            "borrowers": borrowers,
            "balance": held,
            "share": held / float(balance.sum()),
            "average_balance": held / np.maximum(loans, 1),
        }
    )
    for name in _WEIGHTED:
        if name in columns and columns.kind(name) == "number":
            amounts, weights = loops.weighted(codes, columns.numbers(name), balance, count)
            there = weights > 0.0
            table[name] = np.where(there, amounts / np.where(there, weights, 1.0), np.nan)
    late = loops.sums(codes, np.where(columns.numbers("days_past_due") > 0.0, balance, 0.0), count)
    table["past_due_share"] = late / np.where(held > 0.0, held, 1.0)
    table["effective_borrowers"] = effective
    return table[loans > 0].reset_index(drop=True)


def _borrowers(columns: Columns, classes: Classes) -> tuple[IntArray, FloatArray]:
    """Number of borrowers by stratum, and the effective number of equal ones."""
    values, count = columns.values("borrower_id"), len(classes.labels)
    width = len(values) + 1
    if count * width <= _DENSE:
        found = loops.spread(classes.codes, values.places, columns.balance, count, width)
        names, whole, squares = found
    else:
        pairs = classes.codes.astype(np.int64) * width + values.places
        pairs, inverse = np.unique(pairs, return_inverse=True)
        amounts = loops.sums(inverse, columns.balance, len(pairs))
        amounts[pairs % width == len(values)] = 0.0
        names = np.bincount(pairs // width, weights=amounts > 0.0, minlength=count).astype(np.int64)
        whole = loops.sums(pairs // width, amounts, count)
        squares = loops.sums(pairs // width, np.square(amounts), count)
    return names, np.square(whole) / np.where(squares > 0.0, squares, 1.0)


def summarise(
    columns: Columns, tape: pd.DataFrame, reasons: pd.Series[Any], held: Classes
) -> pd.DataFrame:
    """The pool, its places, and the loans of the tape that are left out, with their reason.

    ``part`` is "pool", "place" or "left out"; the pool and what is left out add up to the tape.
    ``effective_borrowers`` is the number of equal debtors of the same concentration,
    ``top_share`` what the largest ten hold together.
    """
    everything = Classes(np.zeros(len(columns), dtype=np.int32), ("all",))
    whole = measures(columns, everything).assign(part="pool")
    places = measures(columns, held).assign(part="place")
    original = columns.numbers("original_balance")
    whole["original_balance"] = float(original.sum())
    whole["top_share"] = _top_share(columns)
    by_place = np.bincount(held.codes, weights=original, minlength=len(held.labels))
    places["original_balance"] = by_place[np.unique(held.codes)]
    parts = [part for part in (whole, places, _left_out(tape, reasons)) if len(part)]
    table = pd.concat(parts, ignore_index=True)
    front = ["part", "name", "loans", "borrowers", "balance", "original_balance"]
    return table[[*front, *(name for name in table if name not in front)]]


def _top_share(columns: Columns) -> float:
    held = columns.values("borrower_id").sums(columns.balance)[:-1]
    top = np.partition(held, max(len(held) - LARGEST, 0))[-LARGEST:]
    return float(top.sum() / columns.balance.sum())


def _left_out(tape: pd.DataFrame, reasons: pd.Series[Any]) -> pd.DataFrame:
    out = (reasons != "").to_numpy()
    if not out.any():
        return pd.DataFrame()
    frame = tape[out]
    groups = frame.groupby(reasons[out].astype("str"), sort=True)
    left = pd.DataFrame(
        {
            "loans": groups.size().astype(np.int64),
            "borrowers": groups["borrower_id"].nunique(),
            "balance": groups["current_balance"].sum(),
            "original_balance": groups["original_balance"].sum(),
        }
    ).assign(part="left out")
    left["name"] = left.index
    return left
