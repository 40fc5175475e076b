"""Goal seek: the value of a field at which a figure of a deal has the value that is wanted.

The ends are tried, and points between them; where the difference changes its sign, the root is
found by Brent's method (scipy). Where it does not, no root is claimed; where the figure jumps over
the value, that is said.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from scfcap.quantities import FloatArray

#: Values tried at first, evenly from one end to the other.
POINTS = 9
#: The root is found to so much of the range.
_TOLERANCE = 1e-9
#: A root is one where the difference is at most so much of the largest that was seen.
_SMALL = 1e-6


@dataclass(frozen=True)
class Sought:
    """A goal that was sought between ``low`` and ``high``.

    ``root`` is None where there is none. ``tried`` [N] are the values of the field in rising order,
    ``figures`` [N] the figure at each, NaN where it has no value; ``target`` is what it should be
    at each [N]. ``roots`` counts changes of sign between the points first tried.
    """

    low: float
    high: float
    root: float | None
    jump: float | None
    roots: int
    tried: FloatArray
    figures: FloatArray
    target: FloatArray

    def words(self, field: str, figure: str) -> str:
        """What was found, in a sentence."""
        ends = (
            f"{figure} is {self.figures[0]:.6g} at {self.low:g} and "
            f"{self.figures[-1]:.6g} at {self.high:g}"
        )
        if self.root is not None:
            more = (
                f"; the difference changes its sign {self.roots} times there, this is the lowest"
                if self.roots > 1
                else ""
            )
            return f"{field} = {self.root:.8g}; {ends}{more}."
        if self.jump is not None:
            return (
                f"No root between {self.low:g} and {self.high:g}: {figure} jumps over the value at "
                f"{field} = {self.jump:.8g}; {ends}."
            )
        return f"No root between {self.low:g} and {self.high:g}: {ends}."

    def to_frame(self) -> pd.DataFrame:
        """One row a value tried: the field, the figure, what it should be."""
        return pd.DataFrame({"field": self.tried, "figure": self.figures, "target": self.target})


def seek(
    evaluate: Callable[[float], tuple[float, float]], low: float, high: float, points: int = POINTS
) -> Sought:
    """The least value between ``low`` and ``high`` at which a figure is what it should be.

    ``evaluate`` gives the figure and its target at a value; a figure that does not exist is NaN.
    """
    from scipy.optimize import brentq

    seen: dict[float, tuple[float, float]] = {}

    def gap(x: float) -> float:
        if x not in seen:
            seen[x] = evaluate(x)
        return seen[x][0] - seen[x][1]

    grid = np.linspace(low, high, points)
    gaps = np.array([gap(float(x)) for x in grid])
    there = np.flatnonzero(~np.isnan(gaps))
    signs = np.sign(gaps[there])
    root = jump = None
    changes = 0
    exact = there[signs == 0.0]
    crossing = np.flatnonzero(signs[:-1] * signs[1:] < 0.0)
    changes = len(crossing) + len(exact)
    scale = float(np.abs(gaps[there]).max(initial=0.0))
    first = None if not len(crossing) else int(crossing[0])
    if len(exact) and (first is None or exact[0] <= there[first]):
        root = float(grid[exact[0]])
    elif first is not None:
        a, b = (float(grid[there[n]]) for n in (first, first + 1))
        found = float(brentq(_there(gap), a, b, xtol=_TOLERANCE * max(high - low, 1e-300)))
        if abs(gap(found)) <= _SMALL * max(scale, 1e-300):
            root = found
        else:
            jump = found
    tried = np.array(sorted(seen))
    values = np.array([seen[float(x)] for x in tried])
    return Sought(low, high, root, jump, changes, tried, values[:, 0], values[:, 1])


def _there(gap: Callable[[float], float]) -> Callable[[float], float]:
    """``gap``, of which a value that does not exist counts as none: the search goes on beside."""

    def known(x: float) -> float:
        value = gap(x)
        return 0.0 if np.isnan(value) else value

    return known
