"""What the plan decides: the only thing that goes from the program into the replay."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from scfcap.funding.program import Solution
from scfcap.funding.variables import Book
from scfcap.quantities import FloatArray


@dataclass(frozen=True)
class Decisions:
    """Amounts decided [money units]; index t from 0 (unused) to T.

    ``originated`` [S, T+1], by the company alone; ``transfers`` by (cohort, place, t); ``draws`` by
    (lender, tenor, t); ``placed`` [steps, T+1]; ``issued`` pool size at closing by series;
    ``booked`` loans made with a partner by (segment, place, t), the company's share included;
    ``pledged`` own loans by (lender, cell, t); ``dividends`` [T+1], None where there are none;
    ``left_out`` banks that could lend and are not chosen; ``shortfall`` [T+1], money missing
    at each close, which follows from what happens; None where the plan has no uncertainty.
    """

    originated: FloatArray
    transfers: Mapping[tuple[int, str, int], float]
    draws: Mapping[tuple[str, int, int], float]
    placed: FloatArray
    issued: Mapping[str, float]
    pledged: Mapping[tuple[str, int, int], float] = field(default_factory=dict)
    booked: Mapping[tuple[int, str, int], float] = field(default_factory=dict)
    dividends: FloatArray | None = None
    left_out: frozenset[str] = frozenset()
    shortfall: FloatArray | None = None


def decisions_of(book: Book, solution: Solution) -> Decisions:
    """Read the decisions off an optimum."""
    inputs = book.inputs
    originated = np.zeros((len(inputs.segments), inputs.horizon + 1))
    for s in range(len(inputs.segments)):
        for t in inputs.periods:
            originated[s, t] = solution.value("O", (s, t))
    steps = 0 if inputs.p2p is None else len(inputs.p2p.steps)
    placed = np.zeros((steps, inputs.horizon + 1))
    for m in range(steps):
        for t in inputs.periods:
            placed[m, t] = solution.value("P", (m, t))
    return Decisions(
        originated=originated,
        transfers={
            (j, where, t): amount
            for (where, t), cohorts in book.transfers.items()
            for j in cohorts
            if (amount := solution.value("Y", (j, where, t))) > 0.0
        },
        draws={
            (x.name, tenor, t): amount
            for x in inputs.lenders
            for tenor, _ in x.tenors
            for t in inputs.periods
            if (amount := solution.value("X", (x.name, tenor, t))) > 0.0
        },
        placed=placed,
        issued={d.name: solution.value("S", d.name) for d in inputs.deals if d.state is None},
        pledged={
            (x.name, c, t): solution.value("G", (x.name, c, t))
            for x in inputs.lenders
            for c in range(0 if inputs.pledges is None else len(inputs.pledges.takes))
            for t in inputs.periods
        },
        booked={
            (s, x.place, t): amount
            for x in inputs.partners
            for s in range(len(inputs.segments))
            for t in inputs.periods
            if (amount := solution.value("OC", (s, x.place, t))) > 0.0
        },
        dividends=_dividends(book, solution),
        left_out=left_out(book, solution),
        shortfall=_shortfall(book, solution),
    )


def left_out(book: Book, solution: Solution) -> frozenset[str]:
    """Banks that could lend and are not chosen."""
    return frozenset(
        x.name
        for x in book.inputs.lenders
        if (j := book.program.find("V", x.name)) is not None and solution.x[j] < 0.5
    )


def _dividends(book: Book, solution: Solution) -> FloatArray | None:
    if book.inputs.spec.dividends is None:
        return None
    paid = [solution.value("Div", t) for t in book.inputs.periods]
    return np.array([0.0, *paid])


def _shortfall(book: Book, solution: Solution) -> FloatArray | None:
    if not book.inputs.may_lack:
        return None
    return np.array([0.0, *(solution.value("u", t) for t in book.inputs.periods)])
