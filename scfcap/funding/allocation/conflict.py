"""Why no placement keeps all limits, in words: which conflict, and what would mend it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from scfcap.errors import InfeasibleError
from scfcap.funding.allocation.elastic import (
    ByPrices,
    ByProgram,
    Elastic,
    Relaxed,
    conflicting,
    elastic,
)
from scfcap.funding.allocation.evaluate import Evaluator, evaluator
from scfcap.funding.allocation.exact import exact_sums
from scfcap.funding.allocation.program import AllocationProgram, Choice
from scfcap.funding.allocation.row_words import CURRENCY, channel_words, figure_words, limit_of
from scfcap.funding.allocation.structure import structure
from scfcap.quantities import FloatArray, IntArray

#: Loans, and limits, that are named; of limits each is tried alone as a lever.
_NAMED, _LEVERS = 5, 8


def explain_conflict(
    program: AllocationProgram, nearest: Choice | None = None, currency: str = ""
) -> InfeasibleError:
    """The error that says which limits conflict, by how much each must give, and what would do.

    ``nearest``: the placement of whole loans that came nearest to keeping all limits; it is told
    what it breaks where parts of loans could keep them. ``currency`` is put before amounts.
    """
    stuck = np.flatnonzero(program.must & ~program.eligible.any(axis=1))
    if len(stuck):
        return _stuck(program, stuck, currency)
    with evaluator(structure(program)) as dual:
        rows = elastic(program, dual)
        return _conflict(program, rows, currency) or _whole(program, rows, dual, nearest, currency)


def limits_conflict(program: AllocationProgram, currency: str = "") -> InfeasibleError | None:
    """The error where parts of loans could not keep all limits either; None where they could."""
    with evaluator(structure(program)) as dual:
        return _conflict(program, elastic(program, dual), currency)


def _conflict(program: AllocationProgram, rows: Elastic, currency: str) -> InfeasibleError | None:
    every = np.ones(len(program.rows), dtype=np.bool_)
    found = rows.least(every, ~every)
    return None if found is None or not found.some else _limits(program, rows, found, currency)


def _stuck(program: AllocationProgram, loans: IntArray, currency: str) -> InfeasibleError:
    """Loans that have to be placed and may go nowhere."""
    names = ", ".join(str(name) for name in program.loan_id[loans[:_NAMED]])
    more = f" and {len(loans) - _NAMED:,} more" if len(loans) > _NAMED else ""
    amount = _amount(float(program.balance[loans].sum()), currency)
    return InfeasibleError(
        f"{_loans(len(loans))} of {amount} must be placed and no channel may have them:",
        [
            f"- {names}{more}.",
            "Let a channel have them, or let them be where they are.",
        ],
        conflict=[("must", str(name)) for name in program.loan_id[loans[:_NAMED]]],
    )


def _limits(
    program: AllocationProgram, rows: Elastic, found: Relaxed, currency: str
) -> InfeasibleError:
    """Limits that parts of loans cannot keep either."""
    given = np.flatnonzero(found.part > 0.0)
    together = "all of it together" if len(given) > 1 else "by itself"
    head = f"No placement keeps all limits. The least relaxation that would mend it, {together}:"
    sentences = [_relaxation(program, int(r), float(found.amount[r]), currency) for r in given]
    conflict = conflicting(rows, found)
    if len(conflict):
        needed = _must_matters(program, conflict)
        sentences.append(_conflict_words(program, conflict, currency, needed=needed))
    levers = _levers(program, rows, conflict, currency)
    told = [what for what, amount in levers if amount is not None]
    if told:
        sentences.append("Any one of these alone would mend it: " + "; ".join(told) + ".")
    return InfeasibleError(
        head,
        sentences,
        [(program.rows[r].kind, program.rows[r].name, float(found.amount[r])) for r in given],
        conflict=[(program.rows[r].kind, program.rows[r].name) for r in conflict],
        levers=levers,
    )


def _must_matters(program: AllocationProgram, rows: IntArray) -> bool:
    """Whether rows conflict only because some loans have to be placed."""
    if not program.must.any():
        return False
    free = replace(program, must=np.zeros(len(program), dtype=np.bool_))
    inside = np.zeros(len(program.rows), dtype=np.bool_)
    inside[rows] = True
    with evaluator(structure(free)) as dual:
        found = elastic(free, dual).least(inside, ~inside)
    return found is not None and not found.some


def _conflict_words(
    program: AllocationProgram, rows: IntArray, currency: str, *, needed: bool
) -> str:
    told = [_limit(program, int(r), currency) for r in rows[: 2 * _NAMED]]
    more = f"; and {len(rows) - len(told)} more" if len(rows) > len(told) else ""
    text = "Cannot be kept together: " + "; ".join(told) + more
    must = int(program.must.sum())
    if needed:
        placed = _amount(float(program.balance[program.must].sum()), currency)
        have = "has" if must == 1 else "have"
        text += f"; while {_loans(must)} of {placed} {have} to be placed"
    return text + "."


def _levers(
    program: AllocationProgram, rows: Elastic, conflict: IntArray, currency: str
) -> list[tuple[str, float | None]]:
    """What each of the first conflicting limits would have to give if it alone gave way.

    Of many loans on a part of them, so that amounts are near enough, not exact.
    """
    if isinstance(rows, ByPrices):
        rows = rows.part()
    levers: list[tuple[str, float | None]] = []
    every = np.ones(len(program.rows), dtype=np.bool_)
    for r in conflict[:_LEVERS].tolist():
        rigid = every.copy()
        rigid[r] = False
        alone = rows.least(every, rigid)
        amount = None if alone is None else float(alone.amount[r])
        if amount is None:
            levers.append((_limit(program, r, currency), None))
        else:
            told = _relaxation(program, r, amount, currency)
            levers.append((told.removeprefix("- "), amount))
    return levers


def _whole(
    program: AllocationProgram,
    rows: Elastic,
    dual: Evaluator,
    nearest: Choice | None,
    currency: str,
) -> InfeasibleError:
    """Limits that parts of loans would keep and whole ones do not."""
    proven = False
    if isinstance(rows, ByProgram):
        searched = rows.whole()
        if searched is not None:
            nearest, proven = searched
    if nearest is None:
        nearest = dual.choose(np.zeros(len(program.rows)))[0]
    excess = exact_sums(program, dual.structure, nearest).excess
    broken = np.flatnonzero(excess > 0.0)
    word = "can" if proven else "was found to"
    head = f"Parts of loans could keep all limits, but no placement of whole loans {word}."
    sentences = [_relaxation(program, int(r), float(excess[r]), currency) for r in broken]
    if len(broken):
        sentences.insert(0, "One that breaks them least:" if proven else "One that comes near:")
    sentences += _narrow(program, excess, currency)
    sentences.append("Widen these limits by the size of a loan, and run again.")
    return InfeasibleError(
        head,
        sentences,
        [(program.rows[r].kind, program.rows[r].name, float(excess[r])) for r in broken],
        conflict=[(program.rows[r].kind, program.rows[r].name) for r in broken],
    )


def _narrow(program: AllocationProgram, excess: FloatArray, currency: str) -> list[str]:
    """Bands of amounts beside the loans that may go there, where one of their ends is broken."""
    sentences = []
    for channel, key in enumerate(program.channels):
        ends = {
            row.kind: (abs(row.right), excess[r])
            for r, row in enumerate(program.rows)
            if row.kind in ("least", "most")
            and len(row.terms) == 1
            and row.terms[0].channel == channel
            and row.terms[0].attribute is None
            and row.terms[0].number is None
        }
        there = program.balance[program.eligible[:, channel]]
        if not any(over > 0.0 for _, over in ends.values()) or not len(there):
            continue
        least = ends.get("least", (0.0, 0.0))[0]
        most = ends.get("most", (float("inf"), 0.0))[0]
        band = f"from {_amount(least, currency)}"
        band += f" to {_amount(most, currency)}" if np.isfinite(most) else " on"
        sentences.append(
            f"{channel_words(key)} is to have {band}; the loans that may go there are of "
            f"{_amount(float(there.min()), currency)} to {_amount(float(there.max()), currency)}."
        )
    return sentences


def _relaxation(program: AllocationProgram, r: int, amount: float, currency: str) -> str:
    """One limit and by how much it gives way.

    Of an amount it is how far its figure moves; of a share or a mean how much of its balance would
    have to be elsewhere, times the column's unit for a mean.
    """
    limit = limit_of(program, program.rows[r])
    way = "raise" if limit.more else "lower"
    if limit.unit == CURRENCY:
        return f"- {way} {_limit(program, r, currency)} by {_amount(amount, currency)}"
    verb = "be exceeded" if limit.more else "be missed"
    unit = "" if program.rows[r].kind != "average" else f" times {limit.unit.replace('_', ' ')}"
    return f"- let {_limit(program, r, currency)} {verb} by {_amount(amount, currency)}{unit}"


def _limit(program: AllocationProgram, r: int, currency: str) -> str:
    limit = limit_of(program, program.rows[r])
    return f"{limit.what} ({limit.figure(currency).strip()})"


def _amount(amount: float, currency: str) -> str:
    return f"{currency} {figure_words(amount)}".strip()


def _loans(count: int) -> str:
    return "1 loan" if count == 1 else f"{count:,} loans"
