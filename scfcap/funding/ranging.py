"""How far a price holds: the range in which the marginal value of a datum stays within 1%.

The optimum ``z`` as a function of right-hand sides that move together is concave and piecewise
linear; a plan of real size turns at every few thousand of currency, by a hair. So the range ends
where one more unit first earns less than 99% of the price (on the way down: more than 101%). It is
one linear program, in which the shift ``s`` is a column that costs just that:

    max z(s) - 0.99 price s

whose solution is the point where the slope of ``z`` crosses that cost. No sensitivity analysis of
one basis enters, which a degenerate optimum makes void.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from math import inf

from scfcap.funding.catalogue import BY_NAME
from scfcap.funding.warm import Point, Warm

#: Share by which the marginal value may change within the range.
HOLDS = 0.01
#: Least change of a marginal value that ends a range [1].
LEAST = 1e-6
#: A datum that changes nothing at so many times its size is said to change nothing at all.
FAR = 1000.0
#: Duals below this count as none.
NOTHING = 1e-7
#: Step beyond the end of a range, share of the datum.
STEP = 1e-4


@dataclass(frozen=True)
class Side:
    """How far a price holds on one side of a datum.

    ``reach`` [money units] is infinite where nothing ends it. ``row`` is the limit that binds
    beyond and does not at the optimum; ``slope`` what one more unit earns (one less: costs)
    beyond. ``ends`` says that beyond it no plan keeps all limits.
    """

    reach: float
    row: int | None = None
    slope: float | None = None
    ends: bool = False


def reach(
    warm: Warm,
    shifts: Mapping[int, float],
    start: Point,
    slope: float,
    *,
    sign: float,
    size: float,
    least: float = 1.0,
) -> Side:
    """The largest shift by which the price ``slope`` of a datum of ``size`` holds.

    ``shifts`` move right-hand sides per unit; the datum falls by no more than its size.
    A datum smaller than ``least`` is moved as if it were so large.
    """
    most = FAR * max(size, least) if sign > 0.0 else size
    if most <= 0.0:
        return Side(0.0)
    margin = max(HOLDS * abs(slope), LEAST)
    cost = sign * slope - margin
    moved = {r: sign * shift for r, shift in shifts.items()}
    found = warm.best_shift(moved, cost, most, STEP * max(size, least))
    if found is None:
        return Side(0.0)
    at, after = found
    if at >= most * (1.0 - STEP):
        return Side(inf if sign > 0.0 else size)
    return _beyond(warm, moved, start, max(at, 0.0), after, sign)


def _beyond(
    warm: Warm,
    moved: Mapping[int, float],
    start: Point,
    at: float,
    after: Point | None,
    sign: float,
) -> Side:
    """What a little more than ``at`` meets: the limit that presses there and did not before."""
    if after is None:
        return Side(at, ends=True)
    slope = sign * sum(shift * float(after.dual[r]) for r, shift in moved.items())
    grown: dict[int, float] = {}
    for r, family in enumerate(warm.program.rows.family):
        found = BY_NAME[family]
        presses = abs(float(after.dual[r])) > NOTHING and abs(float(start.dual[r])) <= NOTHING
        if presses and found.is_limit and found.told and r not in moved:
            grown[r] = abs(float(after.dual[r]))
    row = max(grown, key=lambda r: (grown[r], -r), default=None)
    return Side(at, row, slope)
