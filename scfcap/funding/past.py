"""What is decided already: a plan that goes on from a close within its grid.

The program still covers the whole grid, so that all that stands at the close (draws by maturity,
notes by series, loans by cohort and place) is where it was put. Decisions of the past are held,
what follows from them may be what it is, and limits of the past are no rows any more.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from scfcap.errors import FaultError
from scfcap.funding.rows import Absent, Key, Row
from scfcap.quantities import FloatArray

if TYPE_CHECKING:
    from scfcap.funding.decisions import Decisions
    from scfcap.funding.family import Family
    from scfcap.funding.inputs import Inputs, LenderInputs
    from scfcap.funding.replay import Replay
    from scfcap.funding.variables import Book

#: Amounts of the past below this may have no column [money units].
NOTHING = 1e-6
#: Columns that follow from decisions, and that rounding may take below zero in the past.
_LOOSE = frozenset({"H", "M", "Q"})
#: Columns of the past that rows of identities settle: what a series asks of the company, pledges.
_SETTLED = frozenset({"E", "G"})
#: Columns of which notice may be given in one period and which are done in a later one.
_NOTICED = frozenset({"X", "Y"})


@dataclass(frozen=True)
class Past:
    """Amounts of the columns decided up to the close of ``upto`` [money units], by label.

    A decision without an amount was not taken. Where notes ``N`` of a series have amounts, they
    were repaid so far. Draws and sales of which notice was given by then, and which are still to
    be made, have amounts too: they may be less, as a line may be cut, and not more.
    """

    upto: int
    amounts: Mapping[tuple[str, Key], float]


def past_of(decisions: Decisions, upto: int, result: Replay | None = None) -> Past:
    """The past that ``decisions`` made up to the close of ``upto``; ``result``, their replay, says
    what notes stood.
    """
    found: dict[tuple[str, Key], float] = {}

    def put(family: str, key: Key, t: int, amount: float) -> None:
        if t <= upto and amount != 0.0:
            found[family, key] = float(amount)

    for family, values in (("O", decisions.originated), ("P", decisions.placed)):
        for i, row in enumerate(values):
            for t in range(1, len(row)):
                put(family, (i, t), t, float(row[t]))
    for family, by_key in (
        ("Y", decisions.transfers),
        ("X", decisions.draws),
        ("OC", decisions.booked),
    ):
        for key, amount in by_key.items():
            put(family, key, 0 if family in _NOTICED else key[-1], amount)
    for name, size in decisions.issued.items():
        found["S", name] = float(size)
    for name in decisions.left_out:
        found["V", name] = 0.0
    if decisions.dividends is not None:
        for t in range(1, len(decisions.dividends)):
            put("Div", t, t, float(decisions.dividends[t]))
    if decisions.shortfall is not None:
        for t in range(1, len(decisions.shortfall)):
            put("u", t, t, float(decisions.shortfall[t]))
    for name, deal in {} if result is None else result.deals.items():
        for (i, t), amount in _cells(deal.balance[0]):
            if t <= upto:
                found["N", (name, i, t)] = amount
    return Past(upto, found)


def going_on(
    inputs: Inputs, decisions: Decisions, upto: int, result: Replay | None = None
) -> Inputs:
    """``inputs`` in which ``decisions`` up to the close of ``upto`` are taken; draws run to their
    end where a line is below them.
    """
    return replace(
        inputs,
        past=past_of(decisions, upto, result),
        lenders=tuple(_owing(x, decisions, upto, inputs.horizon) for x in inputs.lenders),
    )


def _owing(x: LenderInputs, decisions: Decisions, upto: int, horizon: int) -> LenderInputs:
    standing = np.zeros(horizon + 1)
    for (name, tenor, since), amount in decisions.draws.items():
        if name == x.name and since <= upto:
            for t in range(since, horizon + 1):
                if since in x.maturity(tenor).standing(t):
                    standing[t] += amount
    return replace(x, standing=standing)


def _cells(balance: FloatArray) -> Iterator[tuple[tuple[int, int], float]]:
    """Balances by tranche and period; the first column is period 1."""
    for (i, t), amount in np.ndenumerate(balance):
        yield (i, t + 1), float(amount)


def hold(book: Book, past: Past) -> None:
    """Hold what is decided up to ``past.upto``, and let what follows be below zero by rounding.

    Raises:
        FaultError: an amount of the past has no column.
    """
    from scfcap.funding.nodes import FOLLOWS, decided_in

    program, when = book.program, decided_in(book.inputs)
    lower, upper = program.columns.lower, program.columns.upper
    told = {family for family, _ in past.amounts}
    for j, family, key in program.labelled():
        if family in FOLLOWS:
            last = key[-1] if isinstance(key, tuple) else key
            if not isinstance(last, int) or last > past.upto:
                continue
            if family == "u":
                lower[j] = upper[j] = past.amounts.get((family, key), 0.0)
            if family in _LOOSE:
                lower[j] = -math.inf
            if family == "u" or (family, key) in past.amounts:
                lower[j] = upper[j] = past.amounts.get((family, key), 0.0)
            continue
        t = when(family, key) or 0
        if t > past.upto:
            continue
        if _done_in(family, key, t) > past.upto:
            upper[j] = min(upper[j], past.amounts.get((family, key), 0.0))
            continue
        if family in _SETTLED and family not in told:
            continue
        amount = past.amounts.get((family, key), 1.0 if family == "V" else 0.0)
        lower[j] = upper[j] = amount
    for (family, key), amount in past.amounts.items():
        gone = program.find(family, key) is None and family not in FOLLOWS
        t = 0 if family in FOLLOWS else when(family, key) or 0
        if gone and amount > NOTHING and _done_in(family, key, t) <= past.upto:
            msg = f"{amount:g} of {family}[{key}] was decided, and the program has no such column"
            raise FaultError(msg)


def _done_in(family: str, key: Key, decided: int) -> int:
    """The period in which what is decided in ``decided`` is done."""
    return int(key[-1]) if family in _NOTICED and isinstance(key, tuple) else decided


def still_to_come(
    family: Family, past: Past, rows: Iterator[tuple[Key, Row | Absent]]
) -> Iterator[tuple[Key, Row | Absent]]:
    """Rows of a family, without its limits of the past."""
    position = family.period_at
    for key, row in rows:
        if family.is_limit and position is not None:
            t = int(key[position] if isinstance(key, tuple) else key)
            if t <= past.upto:
                yield key, Absent("past")
                continue
        yield key, row
