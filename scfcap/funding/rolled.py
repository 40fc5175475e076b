"""Loans rolled forward without a tape: those of the old one as projected, and those lent since.

Each loan keeps its contract and its date; its balance is what the engines expect to be left of it.
Balances by segment and place are then scaled to those that really stand. It is a stand-in for a
tape, and says less than one: of no loan is it known whether it is behind, or has gone.
"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from datetime import date
from typing import Any

import numpy as np

from scfcap.cashflow.cohorts import project_made, project_opening
from scfcap.credit.curves import CurveSet
from scfcap.errors import InputError, Problem
from scfcap.funding.decisions import Decisions
from scfcap.funding.inputs import Inputs
from scfcap.funding.outturn import Outturn
from scfcap.funding.replay import Engine, opening_groups, parts
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray, IntArray

#: Loans that are projected at a time.
_BLOCK = 20_000
#: A balance below this share of all is left out.
_NOTHING = 1e-12
#: Tables of the pool that the plan reads.
_TABLES = ("usable", "largest_borrower_id", "largest_group")


@dataclass(frozen=True)
class _Rows:
    """Loans that stand, each in each place: columns alike (rows,)."""

    segment: IntArray
    place: IntArray
    balance: FloatArray
    loan_type: IntArray
    rate: FloatArray
    origination_day: IntArray
    maturity_day: IntArray
    eligibility: dict[str, np.ndarray]


def rolled_pool(
    inputs: Inputs, decisions: Decisions, engine: Engine, actual: Outturn, file: str
) -> Pool:
    """The pool at the end of ``actual``, without a tape of that day.

    ``decisions`` are the plan's: where loans lie among places is theirs, before balances are scaled
    to ``actual.closing``.

    Raises:
        InputError: loans that are told by more than their contract (dates of payment, orders that
            buyers pay, rules of behaviour), or a segment that stands and of which nothing is known.
    """
    _refuse_untold(engine, file)
    n = inputs.grid.ends.index(actual.ends[-1]) + 1
    row = engine.curves.scenarios.index(inputs.spec.plan.scenario)
    curves = engine.curves.under(engine.curves.stress.chosen([row]))
    whole = parts(inputs, decisions, engine)
    standing = whole.balance[:, :, n]
    total = standing.sum(axis=1, keepdims=True)
    share = np.where(total > 0.0, standing / np.where(total > 0.0, total, 1.0), 0.0)
    after = int(inputs.grid.days[n])
    rows = _joined(
        [
            _older(inputs, engine.pool, curves, share, n, after),
            *_younger(inputs, decisions, engine, curves, share, n, after),
        ]
    )
    balance, extra = _scaled(rows, actual, file)
    return _pool(engine.pool, rows, balance, extra, actual, inputs.grid.ends[n - 1])


def _refuse_untold(engine: Engine, file: str) -> None:
    pool, new = engine.pool, engine.new.values()
    told = {
        "dates of payment": pool.terms is not None or any(x.contract is not None for x in new),
        "orders that buyers pay": pool.payers is not None or any(x.orders is not None for x in new),
        "rules of behaviour": pool.rule is not None,
    }
    there = [name for name, found in told.items() if found]
    if there:
        raise InputError(
            Problem(
                f"{file}: tape",
                f"no tape, of loans with {' and '.join(there)}",
                "the loan tape of that day: such loans cannot be rolled forward without",
                "Name it: tape in the file, or --tape-b PATH; or --no-replan.",
            )
        )


def _older(
    inputs: Inputs, pool: Pool, curves: CurveSet, share: FloatArray, n: int, after: int
) -> _Rows:
    """Loans of the tape, with what is expected to be left of each."""
    left = np.zeros(len(pool))
    for first in range(0, len(pool), _BLOCK):
        block = np.arange(first, min(first + _BLOCK, len(pool)))
        flows = project_opening(_taken(pool, block), curves, np.arange(len(block)), len(block))
        left[block] = flows.closing[0, :, n - 1]
    cohort, _ = opening_groups(inputs, pool)
    segment = np.array([inputs.segments.index(name) for name in pool.segments])[pool.segment]
    loan, place = np.nonzero(left[:, None] * share[cohort])
    return _Rows(
        segment=segment[loan],
        place=place,
        balance=left[loan] * share[cohort[loan], place],
        loan_type=pool.loan_type[loan],
        rate=pool.rate[loan],
        origination_day=pool.origination_day[loan] - after,
        maturity_day=pool.maturity_day[loan] - after,
        eligibility={name: row[loan] for name, row in pool.eligibility.items()},
    )


def _younger(
    inputs: Inputs,
    decisions: Decisions,
    engine: Engine,
    curves: CurveSet,
    share: FloatArray,
    n: int,
    after: int,
) -> list[_Rows]:
    """Loans lent since, as the plan's new loans are; eligible as the tape's are by segment."""
    found = []
    booked = {(s, v) for s, _, v in decisions.booked}
    for group, ((s, v), j) in enumerate(inputs.new_cohort.items()):
        if v > n or (decisions.originated[s, v] <= 0.0 and (s, v) not in booked):
            continue
        lent = float(decisions.originated[s, v])
        lent += sum(a for (of, _, t), a in decisions.booked.items() if (of, t) == (s, v))
        loans, _ = engine.made(inputs.segments[s], s, v, group)
        apart = replace(loans, group=np.arange(len(loans)))
        flows = project_made([((apart, ()), lent * inputs.unit)], curves, len(loans))
        left = flows.closing[0, :, n - 1]
        patterns, weight = _eligible_like(engine.pool, inputs.segments[s])
        atom, place, pattern = np.nonzero(
            left[:, None, None] * share[j][None, :, None] * weight[None, None, :]
        )
        found.append(
            _Rows(
                segment=np.full(len(atom), s, dtype=np.int64),
                place=place,
                balance=left[atom] * share[j, place] * weight[pattern],
                loan_type=loans.loan_type[atom],
                rate=loans.rate[atom],
                origination_day=np.minimum(loans.start_day[atom] - after, 0),
                maturity_day=loans.maturity_day[atom] - after,
                eligibility={
                    name: patterns[pattern, k] for k, name in enumerate(engine.pool.eligibility)
                },
            )
        )
    return found


def _eligible_like(pool: Pool, segment: str) -> tuple[np.ndarray, FloatArray]:
    """Answers of all eligibility sets together on the tape's loans of a segment, by balance."""
    mine = np.array([name == segment for name in pool.segments])[pool.segment]
    count = len(pool.eligibility)
    if not mine.any() or count == 0:
        return np.ones((1, count), dtype=np.int8), np.ones(1)
    answers = np.stack([row[mine] for row in pool.eligibility.values()], axis=1)
    patterns, index = np.unique(answers, axis=0, return_inverse=True)
    weight = np.bincount(index.ravel(), pool.balance[mine], minlength=len(patterns))
    return patterns, weight / weight.sum()


def _joined(rows: list[_Rows]) -> _Rows:
    columns: dict[str, Any] = {
        each.name: np.concatenate([getattr(part, each.name) for part in rows])
        for each in fields(_Rows)
        if each.name != "eligibility"
    }
    columns["eligibility"] = {
        name: np.concatenate([part.eligibility[name] for part in rows])
        for name in rows[0].eligibility
    }
    return _Rows(**columns)


def _scaled(rows: _Rows, actual: Outturn, file: str) -> tuple[FloatArray, list[tuple[int, int]]]:
    """Balances by segment and place as they stand; and pairs of which the plan has no loan, which
    take the segment's loans of all places.
    """
    shape = actual.closing.shape
    cell = rows.segment * shape[1] + rows.place
    sums = np.bincount(cell, rows.balance, minlength=shape[0] * shape[1]).reshape(shape)
    factor = np.where(sums > 0.0, actual.closing / np.where(sums > 0.0, sums, 1.0), 0.0)
    extra = [(int(s), int(c)) for s, c in np.argwhere((sums <= 0.0) & (actual.closing > 0.0))]
    unknown = sorted({actual.segments[s] for s, _ in extra if sums[s].sum() <= 0.0})
    if unknown:
        raise InputError(
            Problem(
                f"{file}: tape",
                f"no tape, and loans of {', '.join(unknown)} of which the plan knows none",
                "the loan tape of that day",
                "Name it: tape in the file, or --tape-b PATH; or --no-replan.",
            )
        )
    return rows.balance * factor[rows.segment, rows.place], extra


def _pool(
    before: Pool,
    rows: _Rows,
    balance: FloatArray,
    extra: list[tuple[int, int]],
    actual: Outturn,
    as_of: date,
) -> Pool:
    index, place, amount = [np.arange(len(balance))], [rows.place], [balance]
    for s, c in extra:
        mine = np.flatnonzero(rows.segment == s)
        of = rows.balance[mine]
        index.append(mine)
        place.append(np.full(len(mine), c, dtype=np.int64))
        amount.append(of / of.sum() * actual.closing[s, c])
    take, where, left = np.concatenate(index), np.concatenate(place), np.concatenate(amount)
    kept = left > _NOTHING * max(float(left.sum()), 1.0)
    take, where, left = take[kept], where[kept], left[kept]
    count = len(left)
    return Pool(
        as_of=as_of,
        loan_id=np.array([f"rolled-{k}" for k in range(count)], dtype=object),
        segments=actual.segments,
        segment=rows.segment[take],
        places=actual.places,
        place=where,
        loan_type=rows.loan_type[take],
        balance=left,
        original_balance=left.copy(),
        rate=rows.rate[take],
        origination_day=rows.origination_day[take],
        maturity_day=rows.maturity_day[take],
        days_past_due=np.zeros(count, dtype=np.int64),
        eligibility={name: row[take] for name, row in rows.eligibility.items()},
        tables={name: before.tables[name] for name in _TABLES if name in before.tables},
        digest=f"{before.digest} rolled to {as_of}",
    )


def _taken(pool: Pool, rows: IntArray) -> Pool:
    """Some loans of a pool that is told by contracts alone."""
    arrays: dict[str, Any] = {
        each.name: value[rows]
        for each in fields(Pool)
        if isinstance(value := getattr(pool, each.name), np.ndarray)
    }
    of_sets: dict[str, Any] = {
        name: {key: row[rows] for key, row in getattr(pool, name).items()}
        for name in ("eligibility", "counted")
    }
    return replace(pool, **arrays, **of_sets)
