"""From a program to whole loans with a proven gap.

Small programs are solved outright, and others of some thousand loans where whole loans are not
found from prices. For all others the rows are priced
(:mod:`scfcap.funding.allocation.dual`), whole loans are found from the prices
(:mod:`scfcap.funding.allocation.whole`), and both are proven on exact sums: the bound from the
prices, the value and every row of the placement.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from scfcap.errors import InfeasibleError, InvariantError, SolverError
from scfcap.funding.allocation import outright
from scfcap.funding.allocation.blocks import blocks
from scfcap.funding.allocation.bound import safe_bound, stored
from scfcap.funding.allocation.carried import NEAR, carried, carries
from scfcap.funding.allocation.conflict import explain_conflict, limits_conflict
from scfcap.funding.allocation.dual import prices
from scfcap.funding.allocation.evaluate import Evaluator, evaluator
from scfcap.funding.allocation.exact import exact_sums
from scfcap.funding.allocation.program import UNPLACED, AllocationProgram, Choice
from scfcap.funding.allocation.result import Allocation, Step
from scfcap.funding.allocation.structure import structure
from scfcap.funding.allocation.tickets import by_tickets, ticket_rows
from scfcap.funding.allocation.whole import whole
from scfcap.quantities import FloatArray

#: Loans, and their eligible pairs times rows, up to which branch and bound on all is tried first;
#: its nodes.
OUTRIGHT, ENTRIES, NODES = 500, 300_000, 2_000
#: Loans up to which it is tried where whole loans are not found from prices; its nodes.
AT_LAST, LAST_NODES = 20_000, 200


def allocate(program: AllocationProgram, start: Mapping[str, float] | None = None) -> Allocation:
    """Place the loans. ``start``: prices by row name to start from, such as yesterday's; with them
    a program most of whose loans lie somewhere goes the short way of a day after
    (:mod:`scfcap.funding.allocation.carried`) if that comes near enough to its bound.

    Raises:
        InfeasibleError: no placement keeps the rows; says which conflict and the least relaxation.
    """
    if ticket_rows(program):
        return by_tickets(program, start, _allocate)
    return _allocate(program, start)


def _allocate(program: AllocationProgram, start: Mapping[str, float] | None) -> Allocation:
    """The same of a program whose rows all hold."""
    if (program.must & ~program.eligible.any(axis=1)).any():
        raise explain_conflict(program)
    with evaluator(structure(program)) as dual:
        first, done, tried = None, False, False
        entries = int(program.eligible.sum()) * max(1, len(program.rows))
        if len(program) <= OUTRIGHT and entries <= ENTRIES:
            first, done = _outright(program, dual)
            tried = True
        if first is not None and done:
            return first
        try:
            second = _by_prices(program, dual, start)
        except (InfeasibleError, SolverError):
            if first is None and not tried and len(program) <= AT_LAST:
                first, _ = _outright(program, dual, LAST_NODES)
            if first is None:
                raise
            return first
        return second if first is None or second.value > first.value else first


def _outright(
    program: AllocationProgram, dual: Evaluator, nodes: int = NODES
) -> tuple[Allocation | None, bool]:
    """All loans by branch and bound: what it found in its nodes, and whether that is the best.

    Raises:
        InfeasibleError: no placement keeps the rows.
    """
    begun = time.perf_counter()
    if not program.eligible.any():
        choice: Choice | None = np.full(len(program), UNPLACED, dtype=np.int16)
        y, done = np.zeros(len(program.rows)), True
        if (program.right < 0.0).any():
            raise explain_conflict(program)
    else:
        linear = outright.relaxed(program)
        if linear is None:
            raise explain_conflict(program)
        y = linear[1]
        choice, done = outright.searched(program, nodes)
        if choice is None and done:
            raise explain_conflict(program)
    if choice is None or not exact_sums(program, dual.structure, choice).kept.all():
        return None, False
    bound = safe_bound(program, dual, stored(y))
    step = Step("outright", bound, program.worth(choice), time.perf_counter() - begun)
    return proven(program, dual, choice, [y], steps=(step,)), done


def _by_prices(
    program: AllocationProgram, dual: Evaluator, start: Mapping[str, float] | None
) -> Allocation:
    """Prices, whole loans from them, proof."""
    found = prices(program, dual, start)
    if found.impossible:
        raise explain_conflict(program)
    said = f"{found.evaluations} evaluations on all loans, {found.sampled} on a part"
    steps = [Step("prices", found.value, np.nan, found.seconds, said)]
    counts = {"evaluations": found.evaluations, "sampled": found.sampled}
    if carries(program, start):
        short = carried(program, dual, found.y)
        if short is not None:
            begun = time.perf_counter()
            steps += short.steps
            result = proven(
                program, dual, short.choice, [found.y], steps=tuple(steps), counts=counts
            )
            if result.gap <= NEAR:
                proof = Step("proof", result.bound, result.value, time.perf_counter() - begun)
                return replace(result, steps=(*result.steps, proof))
    try:
        placed = whole(program, dual, found.y)
    except InfeasibleError as broken:
        raise limits_conflict(program) or broken from broken
    steps += placed.steps
    begun = time.perf_counter()
    result = proven(
        program, dual, placed.choice, [found.y, placed.y], steps=tuple(steps), counts=counts
    )
    proof = Step("proof", result.bound, result.value, time.perf_counter() - begun)
    return replace(result, steps=(*result.steps, proof))


def proven(
    program: AllocationProgram,
    dual: Evaluator,
    choice: Choice,
    candidates: list[FloatArray],
    *,
    steps: tuple[Step, ...] = (),
    counts: Mapping[str, int] | None = None,
) -> Allocation:
    """A placement with its proof: the best bound of some prices, exact rows and value.

    Raises:
        InvariantError: the placement breaks a row, puts a loan where it may not go, or is worth
            more than the bound by more than :data:`scfcap.funding.allocation.exact.ALLOWANCE`
            explains.
    """
    placed = np.flatnonzero(choice != UNPLACED)
    if not program.eligible[placed, choice[placed]].all() or program.must[choice == UNPLACED].any():
        msg = "a loan is where it may not go, or nowhere although it must be placed"
        raise InvariantError(msg)
    sums = exact_sums(program, dual.structure, choice)
    if not sums.kept.all():
        worst = int(sums.excess.argmax())
        msg = f"the placement breaks {program.rows[worst].name} by {sums.excess[worst]:,.6f}"
        raise InvariantError(msg)
    bound, dual_prices = min(
        ((safe_bound(program, dual, y), at) for at, y in enumerate(map(stored, candidates))),
    )
    largest = max(
        (float(np.abs(program.value[some]).max(initial=0.0)) for some in blocks(len(program))),
        default=0.0,
    )
    room = 1e-9 * max(1.0, largest) * max(1, len(program))
    if sums.value > bound + room:
        msg = f"the placement is worth {sums.value}, above the bound {bound}"
        raise InvariantError(msg)
    return Allocation(
        program=program,
        choice=choice,
        dual=stored(candidates[dual_prices]),
        bound=max(bound, sums.value),
        value=sums.value,
        activity=sums.activity,
        steps=steps,
        counts=dict(counts or {}),
    )
