"""Newton's method on the smoothed dual with prices at least 0.

Near the optimum few loans are undecided, so that second derivatives cost a part of an evaluation:
each step minimises the quadratic model over ``y >= 0`` by an active-set method (M. Hintermueller,
K. Ito, K. Kunisch, The primal-dual active set strategy as a semismooth Newton method, SIAM J.
Optim. 13, 2003), then searches along the step. Its small systems are solved by one thread, so that
bytes repeat and no thread waits for another.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from scfcap.compiled import compiled
from scfcap.funding.allocation.evaluate import Evaluator, Smoothed
from scfcap.quantities import FloatArray

#: Changes of the active set in one quadratic program before what there is is taken.
_CHANGES = 40
#: Part of the predicted gain that a step must bring, and shortenings of it.
_ENOUGH, _SHORTER = 1e-4, 12
#: Damping of the model: first, least, most.
_DAMPING = (1e-7, 1e-12, 1e4)


@dataclass
class Damping:
    """How much the model is damped; kept from step to step and stage to stage."""

    now: float = _DAMPING[0]

    def less(self) -> None:
        """After a full step."""
        self.now = max(_DAMPING[1], self.now / 8.0)

    def more(self) -> None:
        """After a step that had to be shortened."""
        self.now = min(_DAMPING[2], self.now * 8.0)


@compiled
def solved(matrix: Any, side: Any) -> bool:
    """Solve ``matrix x = side`` in place by Cholesky; False: not positive definite.

    ``matrix`` (m, m) symmetric, contiguous, is overwritten by its factor; ``side`` (m,) by x.
    """
    size = len(side)
    column = np.empty(size)
    for k in range(size):
        pivot = matrix[k, k]
        if not pivot > 0.0:
            return False
        root = np.sqrt(pivot)
        matrix[k, k] = root
        for i in range(k + 1, size):
            matrix[i, k] /= root
            column[i] = matrix[i, k]
        for i in range(k + 1, size):
            f = column[i]
            if f != 0.0:
                row = matrix[i]
                for j in range(k + 1, i + 1):
                    row[j] -= f * column[j]
    for i in range(size):
        total = side[i]
        for j in range(i):
            total -= matrix[i, j] * side[j]
        side[i] = total / matrix[i, i]
    for i in range(size - 1, -1, -1):
        side[i] /= matrix[i, i]
        for j in range(i):
            side[j] -= matrix[i, j] * side[i]
    return True


def least_step(hessian: FloatArray, gradient: FloatArray, y: FloatArray) -> FloatArray | None:
    """``d`` that minimises ``gradient d + d hessian d / 2`` with ``y + d >= 0``.

    None where ``hessian`` is not positive definite in floats. Where the active set goes round in
    circles the last point is taken, cut at 0.
    """
    linear = gradient - _times(hessian, y)
    free = (y > 0.0) | (gradient < 0.0)
    found = y
    for _ in range(_CHANGES):
        found = np.zeros_like(y)
        if free.any():
            part, side = np.ascontiguousarray(hessian[np.ix_(free, free)]), -linear[free]
            if not solved(part, side):
                return None
            found[free] = side
        now = np.where(free, found > 0.0, _times(hessian, found) + linear < 0.0)
        if (now == free).all():
            break
        free = now
    return np.asarray(np.maximum(found, 0.0) - y)


def _times(matrix: FloatArray, vector: FloatArray) -> FloatArray:
    """Their product, by one thread."""
    return np.asarray(np.einsum("ij,j->i", matrix, vector))


@dataclass(frozen=True)
class Descent:
    """Where Newton's method came to, and all points it went through.

    ``near``: the next step promises hardly anything, so that this is the least at its smoothing.
    """

    at: Smoothed
    seen: list[Smoothed]
    near: bool


def descend(
    dual: Evaluator,
    at: Smoothed,
    metric: FloatArray,
    damping: Damping,
    close: float,
    steps: int,
    short: int,
) -> Descent:
    """Lower the smoothed dual from ``at`` until a step promises less than ``close`` of its loss.

    ``metric`` (rows,) is the curvature that damping adds. At most ``steps`` steps, of which
    ``short`` need to be shortened.
    """
    seen = [at]
    diagonal = np.arange(len(at.y))
    for _ in range(steps):
        hessian = dual.hessian(at)
        hessian[diagonal, diagonal] += damping.now * metric
        step = least_step(hessian, at.gradient, at.y)
        slope = 0.0 if step is None else float((at.gradient * step).sum())
        if step is None or slope > 0.0:
            damping.more()
            continue
        if -slope <= close * at.lost:
            return Descent(at, seen, near=True)
        before = len(seen)
        at = _search(dual, at, step, slope, seen, damping)
        short -= len(seen) > before + 1
        if short < 0:
            break
    return Descent(at, seen, near=False)


def _search(
    dual: Evaluator,
    at: Smoothed,
    step: FloatArray,
    slope: float,
    seen: list[Smoothed],
    damping: Damping,
) -> Smoothed:
    """The first of shorter and shorter steps that brings enough; where none does, ``at``."""
    length = 1.0
    for shortened in range(_SHORTER):
        then = dual.smooth(np.maximum(at.y + length * step, 0.0), at.mu)
        seen.append(then)
        if at.value - then.value >= -_ENOUGH * length * slope:
            if shortened == 0:
                damping.less()
            else:
                damping.more()
            return then
        end = float((then.gradient * step).sum())
        length *= min(0.5, max(0.1, slope / (slope - end))) if end > 0.0 else 0.3
    damping.more()
    return at
