"""What the pieces of a pool are asked for, and how their answers meet: flows, paths, one loan."""

from __future__ import annotations

import math
from contextlib import closing
from typing import TYPE_CHECKING, Any, Final

from scfcap.api.chunked import Crew, Pieces, Progress, pool_of, told

if TYPE_CHECKING:
    from scfcap.cashflow.chunks import Recipe
    from scfcap.cashflow.distribution import Distribution, PathSums
    from scfcap.cashflow.explain import LoanExplanation
    from scfcap.cashflow.flows import Flows
    from scfcap.cashflow.loans import LoanArrays
    from scfcap.cashflow.paths import Draw
    from scfcap.cashflow.project import PoolCashflow
    from scfcap.credit.curves import CurveSet
    from scfcap.pool.snapshot import Pool

#: Figures that a piece of work on paths gives back at most: 32 MB.
_FIGURES: Final = 4_000_000
#: Pieces of work for each worker, so that none waits long for the last.
_EACH: Final = 2


def cash_flows(
    pieces: Pieces, hands: Crew, curves: CurveSet, progress: Progress | None
) -> PoolCashflow:
    """Flows of all pieces in the scenarios of ``curves``.

    Raises :class:`InputError` for the tape, and :class:`InvariantError` where money was created
    or lost.
    """
    from scfcap.cashflow.chunks import added
    from scfcap.cashflow.project import PoolCashflow

    found = hands.map(_flows, (pieces.source, curves), pieces.items())
    flows = added(told(found, "cash flows", pieces.count, progress), pieces.segments)
    pieces.refuse_change(float(flows.opening[0, :, 0].sum()))
    flows.check()
    return PoolCashflow(curves.scenarios, pieces.segments, curves.grid, flows)


def paths(
    pieces: Pieces,
    hands: Crew,
    drawn: tuple[CurveSet, Draw],
    count: int,
    progress: Progress | None,
) -> Distribution:
    """All pieces in ``count`` paths, as :func:`~scfcap.cashflow.distribution.distribution`.

    The work is parted by pieces and by paths; each piece of it draws its own. What comes back are
    sums over loans: here no more is held than the result, and some answers on their way.

    Raises as :func:`cash_flows`.
    """
    from scfcap.cashflow.distribution import PathSums

    curves, draw = drawn
    periods = len(curves.grid)
    sums = PathSums.nothing(count, pieces.segments, periods)
    size = _paths_at_once(pieces, hands, count, 7 * periods + 6 * len(pieces.segments))
    rows = [slice(first, min(first + size, count)) for first in range(0, count, size)]
    items = ((item, some) for item in pieces.items() for some in rows)
    wanted = (some for _ in range(pieces.count) for some in rows)
    found = hands.map(_path_sums, (pieces.source, curves, draw), items)
    owed = dict.fromkeys((some.start for some in rows), 0.0)
    work = pieces.count * len(rows)
    for part, some in zip(told(found, "paths", work, progress), wanted, strict=True):
        if part is not None:
            owed[some.start] += part[0]
            sums.add(some, part[1])
    for total in owed.values():
        pieces.refuse_change(total)
    return sums.distribution(draw, curves.grid)


def one_loan(
    pieces: Pieces,
    hands: Crew,
    loan_id: str,
    scenario: str,
    progress: Progress | None,
) -> LoanExplanation:
    """The loan ``loan_id``, wherever it stands: see :func:`~scfcap.cashflow.explain.explain`.

    Raises as that, and as :func:`cash_flows`.
    """
    from scfcap.cashflow.explain import explain
    from scfcap.cashflow.loan_terms import no_such_loan

    curves = pieces.model.projection_curves()
    pool: Pool | None = None
    near: list[str] = []
    items = ((item, number == 0) for number, item in enumerate(pieces.items()))
    with closing(hands.map(_sought, (pieces.source, loan_id), items)) as found:
        for pool, names in told(found, "loan", pieces.count, progress):
            near += names
            if pool is not None:
                break
    if pool is None:
        raise no_such_loan(loan_id, pieces.loans, near)

    def count(loans: LoanArrays) -> tuple[int, float]:
        parts = hands.map(_alike, (pieces.source, curves, loans), pieces.items())
        alike = list(told(parts, "loans alike", pieces.count, progress))
        return sum(number for number, _ in alike), math.fsum(owed for _, owed in alike)

    return explain(pool, curves, loan_id, scenario, count)


def _paths_at_once(pieces: Pieces, hands: Crew, count: int, figures: int) -> int:
    """Paths of one piece of work: what fits, and few enough that all hands have work."""
    workers = hands.count()
    parts = 1 if workers == 1 else -(-_EACH * workers // pieces.count)
    return max(1, min(_FIGURES // figures, -(-count // parts)))


def _flows(
    shared: tuple[Recipe | None, CurveSet], item: Any
) -> tuple[tuple[str, ...], Flows] | None:
    from scfcap.cashflow.project import project

    source, curves = shared
    pool = pool_of(source, item)
    if pool is None:
        return None
    found = project(pool, curves)
    return found.segments, found.flows


def _path_sums(
    shared: tuple[Recipe | None, CurveSet, Draw], item: tuple[Any, slice]
) -> tuple[float, PathSums] | None:
    import numpy as np

    from scfcap.cashflow.distribution import path_sums

    (source, curves, draw), (piece, rows) = shared, item
    pool = pool_of(source, piece)
    if pool is None:
        return None
    number = np.arange(rows.start, rows.stop)
    return pool.total, path_sums(pool, curves, draw, number)


def _sought(
    shared: tuple[Recipe | None, str], item: tuple[Any, bool]
) -> tuple[Pool | None, list[str]]:
    """The loan alone, if it is in this piece; else, if they are asked for, names like it."""
    from scfcap.cashflow.explain import single
    from scfcap.cashflow.loan_terms import names_near, row_of

    (source, loan_id), (piece, asked) = shared, item
    pool = pool_of(source, piece)
    if pool is None:
        return None, []
    row = row_of(pool, loan_id)
    if row is None:
        return None, names_near(pool, loan_id) if asked else []
    return single(pool, row), []


def _alike(shared: tuple[Recipe | None, CurveSet, LoanArrays], item: Any) -> tuple[int, float]:
    from scfcap.cashflow.loan_terms import count_alike

    source, curves, loans = shared
    pool = pool_of(source, item)
    return (0, 0.0) if pool is None else count_alike(pool, curves, loans)
