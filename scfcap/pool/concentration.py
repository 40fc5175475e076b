"""Concentration limits of the eligibility sets, and the largest names, as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from scfcap.pool.columns import Columns, Values
from scfcap.pool.limits import Applied, Step, apply_limits
from scfcap.pool.snapshot import ELIGIBLE
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.pool import PoolSpec

#: Names in the tables of the largest.
LARGEST = 10
#: Names that one limit shows at most, where more exceed it.
SHOWN = 1_000
#: Shown in place of a missing value, which no limit is tested on.
MISSING = "(missing)"
_LIMITS = [
    *("set", "limit", "value", "balance", "share", "limit_share", "excess", "treatment"),
    *("base", "base_amount", "limit_amount"),
]
_SETS = ["set", "eligible_balance", "excess", "usable_balance", "reserve"]


def concentration_tables(
    columns: Columns, spec: PoolSpec, answers: Mapping[str, npt.NDArray[np.int8]]
) -> tuple[dict[str, FloatArray], dict[str, pd.DataFrame]]:
    """What counts of each loan by set [currency], and the tables ``concentrations``, ``usable``
    and ``largest_<column>``.

    ``usable``: the eligible balance less the excess that is taken out; ``reserve`` is asked for
    besides.
    """
    rows: list[pd.DataFrame] = []
    usable: list[dict[str, object]] = []
    counted: dict[str, FloatArray] = {}
    for name, chosen in spec.eligibility.items():
        start = np.where(answers[name] == ELIGIBLE, columns.balance, 0.0)
        applied = apply_limits(columns, chosen.concentrations, start)
        counted[name] = applied.counted
        rows += limit_tables(name, applied)
        left = float(applied.counted.sum())
        usable.append(
            {
                "set": name,
                "eligible_balance": applied.total,
                "excess": applied.total - left,
                "usable_balance": left,
                "reserve": float(applied.reserved.sum()),
            }
        )
    tables = {
        "concentrations": _stacked(rows),
        "usable": pd.DataFrame(usable, columns=_SETS),
    }
    keys = [name for name in ("borrower_id", "group", "buyer_id") if name in columns]
    for key in keys:
        values = columns.values(key)
        if (values.codes >= 0).any():
            tables[f"largest_{key}"] = largest(values, columns.balance)
    return counted, tables


def limit_tables(name: str, applied: Applied) -> list[pd.DataFrame]:
    """One table a limit with the columns of ``concentrations``; none where nothing is eligible."""
    if applied.total <= 0.0:
        return []
    return [_against(step).assign(set=name)[_LIMITS] for step in applied.steps]


def _stacked(rows: list[pd.DataFrame]) -> pd.DataFrame:
    filled = [table for table in rows if len(table)]
    return pd.concat(filled, ignore_index=True) if filled else pd.DataFrame(columns=_LIMITS)


def _against(step: Step) -> pd.DataFrame:
    """The largest values and all that exceed the limit; their excess [currency].

    With ``top`` above 1 one row stands for the ``top`` largest together. Missing values get a
    row of their own without an excess: it is not known whose they are.
    """
    limit, labels, names = step.limit, step.names, step.held[:-1]
    over = int((step.excess[:-1] > 0.0).sum())
    if limit.top > 1:
        count = min(limit.top, int((names > 0.0).sum()))
        values = [f"{count} largest"]
        held = np.array([float(np.sort(names)[::-1][: limit.top].sum())])
        excess = np.array([float(step.excess.sum())])
    else:
        at = ranked(labels, names, min(max(LARGEST, over), SHOWN))
        values, held, excess = labels.texts(at), names[at], step.excess[at]
        if over > SHOWN:
            values = [*values, f"{over - SHOWN:,} others above it"]
            more = ranked(labels, names, over)[SHOWN:]
            held = np.append(held, names[more].sum())
            excess = np.append(excess, step.excess[more].sum())
    missing = float(step.held[-1])
    if missing > 0.0:
        values, held, excess = [*values, MISSING], np.append(held, missing), np.append(excess, 0.0)
    base = step.base
    return pd.DataFrame(
        {
            "limit": limit.label,
            "value": values,
            "balance": held,
            "share": held / base if base else 0.0,
            "limit_share": _share(step),
            "excess": excess,
            "treatment": limit.treatment,
            "base": "stated" if limit.of is not None else limit.base,
            "base_amount": base,
            "limit_amount": step.cap,
        }
    )


def _share(step: Step) -> float:
    if step.limit.share is not None:
        return step.limit.share
    return step.cap / step.base if step.base else 0.0


def ranked(values: Values, amounts: FloatArray, count: int) -> IntArray:
    """Positions of the ``count`` largest ``amounts`` above 0, equal ones by label."""
    kept = np.flatnonzero(amounts > 0.0)
    if len(kept) > count > 0:
        least = -np.partition(-amounts[kept], count - 1)[count - 1]
        kept = kept[amounts[kept] >= least]
    labels = np.array(values.texts(kept), dtype=np.str_)
    return kept[np.lexsort((labels, -amounts[kept]))][:count]


def largest(values: Values, balance: FloatArray, count: int = LARGEST) -> pd.DataFrame:
    """The ``count`` largest values of a column, the others, and those without a value.

    Columns: rank (0 for the two last), value, loans, balance [currency], share of the pool,
    cumulative share.
    """
    held, loans = values.sums(balance), values.counts()
    top = ranked(values, held[:-1], count)
    rows: list[dict[str, Any]] = [
        {"rank": rank, "value": label, "loans": int(loans[at]), "balance": float(held[at])}
        for rank, (label, at) in enumerate(zip(values.texts(top), top, strict=True), start=1)
    ]
    others = int((loans[:-1] > 0).sum()) - len(top)
    if others:
        rest = {
            "loans": int(loans[:-1].sum() - loans[top].sum()),
            "balance": float(held[:-1].sum() - held[top].sum()),
        }
        rows.append({"rank": 0, "value": f"{others:,} others", **rest})
    if loans[-1]:
        lost = {"loans": int(loans[-1]), "balance": float(held[-1])}
        rows.append({"rank": 0, "value": MISSING, **lost})
    table = pd.DataFrame(rows)
    table["share"] = table["balance"] / float(balance.sum())
    table["cumulative_share"] = table["share"].cumsum()
    return table


def effective_number(amounts: npt.NDArray[np.floating[Any]]) -> float:
    """Effective number of equal debtors: 1 / sum of squared shares (inverse Herfindahl index)."""
    parts = amounts / amounts.max()
    return float(parts.sum() ** 2 / np.square(parts).sum())
