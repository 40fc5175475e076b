"""A funding date within the funders' amounts alone: what limits of single loans cost."""

from __future__ import annotations

from dataclasses import replace

from scfcap.funding.allocation.bound import safe_bound, stored
from scfcap.funding.allocation.dual import prices
from scfcap.funding.allocation.evaluate import evaluator
from scfcap.funding.allocation.program import AllocationProgram, Row
from scfcap.funding.allocation.result import Allocation
from scfcap.funding.allocation.structure import structure


def without_single_limits(program: AllocationProgram, answer: Allocation) -> float | None:
    """A bound [currency] for placements that keep the amounts in the channels alone, ``least`` and
    ``most``; None where there are no other rows. At least the bound of ``answer``.
    """
    kept = tuple(row for row in program.rows if _is_amount(row))
    if len(kept) == len(program.rows):
        return None
    free = replace(program, rows=kept)
    start = {row.name: float(price) for row, price in zip(program.rows, answer.dual, strict=True)}
    with evaluator(structure(free)) as dual:
        y = stored(prices(free, dual, start).y)
        return max(safe_bound(free, dual, y), answer.bound)


def _is_amount(row: Row) -> bool:
    """Whether a row is the band of one channel."""
    whole = all(term.attribute is None for term in row.terms)
    return row.kind in ("least", "most") and whole and len({x.channel for x in row.terms}) == 1
