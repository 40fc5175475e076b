"""Least tickets: what moves into a channel on the day is nothing, or at least so much.

That is no row but two cases: open, where the row holds, and closed, where no loan may move in. Each
combination of cases is a program of its own; the bound is the largest of theirs, and the placement
the best one found among them.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace

import numpy as np

from scfcap.errors import FaultError, InfeasibleError
from scfcap.funding.allocation.bound import safe_bound, stored
from scfcap.funding.allocation.dual import prices
from scfcap.funding.allocation.evaluate import evaluator
from scfcap.funding.allocation.exact import exact_sums
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.structure import structure
from scfcap.quantities import FloatArray

#: Tickets of which all combinations are gone through.
COMBINED = 6
Place = Callable[[AllocationProgram, Mapping[str, float] | None], Allocation]


@dataclass(frozen=True)
class _Case:
    """A combination: its program, by ticket row whether it is open, a bound and its prices."""

    program: AllocationProgram
    opened: Mapping[int, bool]
    bound: float
    y: FloatArray


def ticket_rows(program: AllocationProgram) -> tuple[int, ...]:
    """Rows that are least tickets, by position."""
    return tuple(at for at, row in enumerate(program.rows) if row.kind == "ticket")


def by_tickets(
    program: AllocationProgram, start: Mapping[str, float] | None, place: Place
) -> Allocation:
    """Place the loans where some channels have a least ticket; ``place`` is for any one case.

    Raises:
        InfeasibleError: no case has a placement; what the case with the best bound says, or where
            none has one, the case with most channels closed that leaves each loan a place.
        FaultError: there are more than :data:`COMBINED` tickets.
    """
    if len(ticket_rows(program)) > COMBINED:
        msg = f"{len(ticket_rows(program))} least tickets; at most {COMBINED} are gone through"
        raise FaultError(msg)
    priced: list[_Case] = []
    empty: list[_Case] = []
    failed: InfeasibleError | None = None
    for opened in _combinations(ticket_rows(program)):
        case = _priced(program, opened, start)
        (priced if case.bound > -math.inf else empty).append(case)
    order = sorted(range(len(priced)), key=lambda k: (-priced[k].bound, k))
    best: Allocation | None = None
    for k in order:
        case = priced[k]
        if best is not None and best.value >= case.bound:
            break
        try:
            found = place(case.program, _named(program, case.y))
        except InfeasibleError as none:
            failed = failed or none
            continue
        priced[k] = replace(case, bound=found.bound, y=found.dual)
        if best is None or found.value > best.value:
            best = found
    if best is None:
        if failed is not None:
            raise failed
        return place(_told_of(program), start)
    told = _told(program, best, max(priced, key=lambda case: case.bound))
    return replace(told, branches=tuple(_branch(program, case) for case in (*priced, *empty)))


def _combinations(rows: tuple[int, ...]) -> Iterator[Mapping[int, bool]]:
    """Open and closed, all open first."""
    for opened in itertools.product((True, False), repeat=len(rows)):
        yield dict(zip(rows, opened, strict=True))


def _case(program: AllocationProgram, opened: Mapping[int, bool]) -> AllocationProgram:
    """The program of a combination: closed channels keep what they have, their rows ask nothing."""
    eligible, rows = program.eligible.copy(), list(program.rows)
    for at, is_open in opened.items():
        if not is_open:
            channel = rows[at].terms[0].channel
            eligible[:, channel] &= program.today == channel
            rows[at] = replace(rows[at], right=0.0)
    return replace(program, eligible=eligible, rows=tuple(rows))


def _told_of(program: AllocationProgram) -> AllocationProgram:
    """The case that is told of where none has a placement: a loan that has to be placed, such as
    one that is promised to a channel, is not said to have no place because its channel is closed.
    """
    cases = [_case(program, opened) for opened in _combinations(ticket_rows(program))][::-1]
    with_places = (case for case in cases if case.eligible[case.must].any(axis=1).all())
    return next(with_places, cases[0])


def _priced(
    program: AllocationProgram, opened: Mapping[int, bool], start: Mapping[str, float] | None
) -> _Case:
    """A combination with a bound; -inf, with prices that prove it, where it has no placement."""
    case = _case(program, opened)
    if (case.must & ~case.eligible.any(axis=1)).any():
        return _Case(case, opened, -math.inf, np.zeros(len(case.rows)))
    with evaluator(structure(case)) as dual:
        found = prices(case, dual, start)
        y = stored(found.y)
        if found.impossible:
            return _Case(case, opened, -math.inf, y)
        return _Case(case, opened, safe_bound(case, dual, y), y)


def _named(program: AllocationProgram, y: FloatArray) -> Mapping[str, float]:
    return {row.name: float(price) for row, price in zip(program.rows, y, strict=True)}


def _branch(program: AllocationProgram, case: _Case) -> tuple[Mapping[str, bool], FloatArray]:
    """Which channels a case has open, and its prices: none of tickets that it has closed."""
    y = case.y.copy()
    y[[at for at, is_open in case.opened.items() if not is_open]] = 0.0
    keys = {at: program.channels[program.rows[at].terms[0].channel] for at in case.opened}
    return {keys[at]: is_open for at, is_open in case.opened.items()}, y


def _told(program: AllocationProgram, best: Allocation, top: _Case) -> Allocation:
    """The answer of all cases: the best placement, the largest bound and its prices."""
    y = top.y.copy()
    y[[at for at, is_open in top.opened.items() if not is_open]] = 0.0
    sums = exact_sums(program, structure(program), best.choice)
    return replace(
        best,
        program=program,
        dual=y,
        bound=max(top.bound, best.value),
        activity=sums.activity,
        tickets={
            program.channels[program.rows[at].terms[0].channel]: is_open
            for at, is_open in top.opened.items()
        },
    )
