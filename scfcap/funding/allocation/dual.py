"""Prices of the rows: the dual of an allocation's relaxation, by smoothing and continuation.

The dual is smoothed by entropy per unit of money and minimised for a falling ``mu`` by Newton's
method (:mod:`scfcap.funding.allocation.newton`), or by L-BFGS-B where there are very many rows
(R. Byrd, P. Lu, J. Nocedal, C. Zhu, A limited memory algorithm for bound constrained optimization,
SIAM J. Sci. Comput. 16, 1995); first on a part of the loans with their balances scaled up, then on
all. Whatever the prices, :func:`scfcap.funding.allocation.bound.safe_bound` proves a bound from
them.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from scipy import optimize

from scfcap.funding.allocation.blocks import blocks
from scfcap.funding.allocation.evaluate import Evaluator, Smoothed
from scfcap.funding.allocation.newton import Descent, Model, descend
from scfcap.funding.allocation.program import AllocationProgram
from scfcap.funding.allocation.structure import Structure
from scfcap.quantities import FloatArray

#: Smoothing as a part of the spread of values per money: at first; on all loans after a part of
#: them; from given prices; at last. Each is a quarter of the one before.
FIRST, THEN, GIVEN, LAST, FASTER = 0.3, 3e-3, 3e-4, 1e-8, 0.25
#: The part of the loans that is solved first: the share, at least so many; none for fewer loans.
SHARE, AT_LEAST, FROM = 0.05, 20_000, 60_000
#: Steps at one smoothing, and the part of the smoothing's loss that a step must promise.
STEPS, CLOSE = 12, 0.1
#: Where more steps than that have to be shortened, the start is too far from the least for its
#: smoothing, which is raised by two stages until one ends at its least.
SHORT = 2
#: What the softmax placement may lose at last, share of the dual; where hardly more loans are
#: undecided than rows have prices, smoothing tells no more and the second will do.
LOST, LOST_SPARSE, SPARSE = 1e-9, 2e-8, 16
#: Rows and table cells up to which second derivatives are used.
NEWTON_ROWS, NEWTON_CELLS = 1_500, 4_000
#: Evaluations of L-BFGS-B at one smoothing.
EVALUATIONS = 200


@dataclass(frozen=True)
class Prices:
    """Prices of the rows: ``y`` (rows,), at least 0 [currency per currency].

    ``value`` [currency] is the dual at ``y``, a plain sum; ``evaluations`` on all loans and
    ``sampled`` on a part; ``seconds``. ``impossible``: the dual fell below the worst placement's
    value, so that no placement, of parts of loans either, keeps the rows.
    """

    y: FloatArray
    value: float
    evaluations: int
    sampled: int
    seconds: float
    impossible: bool = False


@dataclass
class Run:
    """One structure's continuation: the point of the least dual, and the last one.

    ``floor`` [currency]: no placement is worth less. ``cost`` (rows,) [1]: what exceeding a row
    costs, and ``nearest`` the point whose softmax placement costs least by it.
    """

    floor: float
    cost: FloatArray
    best: Smoothed
    nearest: Smoothed
    at: Smoothed

    def note(self, seen: list[Smoothed]) -> None:
        """Keep the best of some points."""
        for point in seen:
            if point.sharp < self.best.sharp:
                self.best = point
            if self._exceeded(point) < self._exceeded(self.nearest):
                self.nearest = point

    def _exceeded(self, point: Smoothed) -> float:
        return float((self.cost * np.maximum(-point.gradient, 0.0)).sum())

    @property
    def impossible(self) -> bool:
        """The dual is below any placement's worth, so that there is none."""
        return self.best.sharp < self.floor


def prices(
    program: AllocationProgram, dual: Evaluator, start: Mapping[str, float] | None = None
) -> Prices:
    """Prices near the least dual, from nothing or from ``start`` by row name.

    Rows that ``start`` does not name begin at 0; negative or missing numbers too.
    """
    begun = time.perf_counter()
    y, first, sampled = _given(program, start), GIVEN, 0
    whole = dual.structure
    if not y.any():
        first = FIRST
        if len(whole) >= FROM:
            part = dual.of(_part(whole))
            run = minimise(part, y, FIRST, THEN)
            y, first, sampled = run.best.y, THEN, part.count
    run = minimise(dual, y, first, LAST)
    return Prices(
        y=run.best.y,
        value=run.best.sharp,
        evaluations=dual.count,
        sampled=sampled,
        seconds=time.perf_counter() - begun,
        impossible=run.impossible,
    )


def _given(program: AllocationProgram, start: Mapping[str, float] | None) -> FloatArray:
    found = np.array([(start or {}).get(row.name, 0.0) for row in program.rows], dtype=np.float64)
    return np.where(np.isfinite(found), np.maximum(found, 0.0), 0.0)


def _part(whole: Structure) -> Structure:
    """A seeded part of the loans, scaled to the whole's money."""
    size = max(AT_LEAST, int(SHARE * len(whole)))
    loans = np.random.default_rng(0).permutation(len(whole))[:size]
    loans.sort()
    return whole.some(loans, whole.total / float(whole.balance[loans].sum()))


def minimise(
    dual: Evaluator,
    y: FloatArray,
    first: float,
    last: float,
    *,
    upper: FloatArray | None = None,
    floor: float | None = None,
    close: float = CLOSE,
) -> Run:
    """Minimise the dual at falling smoothing, from ``first`` to ``last`` of the spread of values.

    ``upper`` (rows,): most that prices may be, by default without end. ``floor`` [currency]: below
    it there is no placement, by default below the worst one's worth. ``close``: part of the
    smoothing's loss that a step must promise.
    """
    whole = dual.structure
    scale, size = spread(whole), sizes(whole)
    most = np.full(len(y), np.inf) if upper is None else upper
    size = np.maximum(size, max(1e-9 * whole.total, 1e-300))
    metric = size**2 / (max(whole.total, 1.0) * scale)
    model = Model(metric, most)
    newton = len(y) <= NEWTON_ROWS and whole.lines * whole.channels <= NEWTON_CELLS
    mu, settled = first * scale, False
    at = dual.smooth(np.minimum(y, most), mu)
    cost = np.where(np.isfinite(most), most, 10.0 * whole.total / size)
    run = Run(least_worth(whole) if floor is None else floor, cost, at, at, at)
    while True:
        if newton:
            short = STEPS if settled or mu >= FIRST * scale else SHORT
            found = descend(dual, at, model, close, STEPS, short)
        else:
            found = _limited_memory(dual, at, model, scale)
        run.note(found.seen)
        run.at, settled = found.at, settled or found.near or mu >= FIRST * scale
        if run.impossible or (settled and (mu <= last * scale or _done(run.at))):
            return run
        mu = mu * FASTER if settled else min(FIRST * scale, mu / FASTER**2)
        at = dual.smooth(run.at.y, mu)


def _sparse(at: Smoothed) -> bool:
    """Hardly more loans are undecided than rows have prices."""
    return len(at.near) <= SPARSE * int((at.y > 0.0).sum())


def _done(at: Smoothed) -> bool:
    size = abs(at.sharp)
    return at.lost <= LOST * size or (_sparse(at) and at.lost <= LOST_SPARSE * size)


def _limited_memory(dual: Evaluator, at: Smoothed, model: Model, apart: float) -> Descent:
    """L-BFGS-B at one smoothing; prices, and the dual, in what values and rows come to."""
    unit = max(dual.structure.total, 1.0) * apart
    scale = np.sqrt(model.metric / unit)
    points = [at]

    def told(z: FloatArray) -> tuple[float, FloatArray]:
        point = dual.smooth(np.clip(z / scale, 0.0, model.upper), at.mu)
        if point.value < points[-1].value:
            points.append(point)
        return point.value / unit, point.gradient / scale / unit

    optimize.minimize(
        told,
        at.y * scale,
        jac=True,
        method="L-BFGS-B",
        bounds=optimize.Bounds(np.zeros(len(at.y)), model.upper * scale),
        options={
            "maxfun": EVALUATIONS,
            "maxiter": EVALUATIONS,
            "ftol": 1e-12,
            "gtol": 1e-9,
            "maxcor": 20,
        },
    )
    return Descent(points[-1], points, near=True)


def spread(whole: Structure) -> float:
    """How far uses of a loan lie apart in value per money, the median over loans; above 0."""
    if not len(whole):
        return 1.0
    least, most = _extremes(whole)
    somewhere = most > -np.inf
    free = ~whole.must
    least = np.where(free, np.minimum(least, 0.0), least)
    most = np.where(free, np.maximum(most, 0.0), most)
    apart = (most - least)[somewhere]
    for found in (np.median(apart), apart.mean()) if len(apart) else ():
        if found > 0.0:
            return float(found)
    return 1.0


def _extremes(whole: Structure) -> tuple[FloatArray, FloatArray]:
    """Least and most value per money of each loan (loans,); inf, -inf where it may go nowhere."""
    least, most = np.empty(len(whole)), np.empty(len(whole))
    for loans in blocks(len(whole)):
        unit = whole.unit[loans]
        most[loans] = unit.max(axis=1, initial=-np.inf)
        least[loans] = np.where(unit > -np.inf, unit, np.inf).min(axis=1, initial=np.inf)
    return least, most


def sizes(whole: Structure) -> FloatArray:
    """What a row's terms come to if all loans were wherever they may, signs aside [currency]."""
    sums = np.zeros((whole.lines, whole.channels))
    able = whole.able
    for part in range(len(whole.parts)):
        line, times = whole.line(part), whole.times(part)
        weight = whole.balance if times is None else whole.balance * np.abs(times)
        for channel in range(whole.channels):
            sums[:, channel] += np.bincount(line, weight * able[:, channel], whole.lines)
    return np.asarray(abs(whole.entries).T @ sums.ravel())


def least_worth(whole: Structure) -> float:
    """No placement is worth less [currency], with room for rounding."""
    least, most = _extremes(whole)
    least = np.where(whole.must & (most > -np.inf), least, np.minimum(least, 0.0))
    parts = whole.balance * least
    return float(parts.sum()) - 1e-6 * float(np.abs(parts).sum()) - 1e-6 * whole.total
