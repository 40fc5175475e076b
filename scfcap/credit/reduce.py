"""From many paths to a few weighted ones, and how far the few are from the many.

Source: H. Heitsch, W. Roemisch, Scenario reduction algorithms in stochastic programming, Comput.
Optim. Appl. 24 (2003) 187-206: fast forward selection. Dropped paths give their weight to the
nearest kept one; the sum of their weights times the distances is then the Kantorovich distance of
the two sets, the least cost of moving the one's weight to the other.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.spatial.distance import cdist

from scfcap.compiled import compiled
from scfcap.quantities import BoolArray, FloatArray, IntArray

#: Share of the weight, by shortfall, that is reduced apart.
TAIL = 0.1
#: Most paths that are reduced at once.
MOST = 10_000
#: Share of the weight on which the tail's mean is told.
WORST = 0.05


@dataclass(frozen=True)
class Reduction:
    """Paths kept out of N, in order, with their weights.

    ``kept`` [K] and ``weight`` [K]; ``nearest`` [N] is the position in ``kept`` to which each path
    gave its weight. ``distance`` is that of the two sets, ``alone`` that of the best single path.
    """

    kept: IntArray
    weight: FloatArray
    nearest: IntArray
    distance: float
    alone: float

    @property
    def relative(self) -> float:
        """Distance as a share of what a single path leaves; 0 where that is nothing."""
        return self.distance / self.alone if self.alone > 0.0 else 0.0


def reduce_paths(
    points: FloatArray,
    weight: FloatArray,
    keep: int,
    *,
    shortfall: FloatArray | None = None,
    keep_tail: int | None = None,
    order: float = 1.0,
) -> Reduction:
    """Keep ``keep`` of the paths at ``points`` [N, D], each coordinate money at stake.

    The cost of moving weight is the sum of absolute differences, times
    ``max(1, |x|, |y|)^(order - 1)`` where ``order`` is above 1 (Fortet and Mourier; then the sum
    bounds that distance from above). With ``shortfall`` [N], the worst tenth of the weight is
    reduced apart into ``keep_tail`` paths (a fifth of ``keep`` if not said, at least one), because
    reduction thins tails.

    Raises:
        ValueError: more paths to keep than there are, or fewer than one for each part; or more
            than :data:`MOST` paths, whose distances take 800 MB.
    """
    points = np.ascontiguousarray(points, dtype=np.float64)
    weight = np.ascontiguousarray(weight, dtype=np.float64)
    count = len(points)
    groups = [(np.arange(count), keep)]
    if shortfall is not None:
        worst = worst_of(shortfall, weight, TAIL)
        most = int(worst.sum())
        tail = min(max(1, round(keep / 5)) if keep_tail is None else keep_tail, most)
        groups = [(np.flatnonzero(~worst), keep - tail), (np.flatnonzero(worst), tail)]
    if count > MOST:
        msg = f"{count} paths; at most {MOST} are reduced at once"
        raise ValueError(msg)
    if any(not 1 <= number <= len(rows) for rows, number in groups):
        msg = f"keep {keep} (tail {keep_tail}) of {count} paths: too few or too many"
        raise ValueError(msg)
    cost = costs(points, order)
    nearest, chosen = np.zeros(count, dtype=np.int64), []
    for rows, number in groups:
        picked = np.sort(_select(cost, weight, rows, number))
        nearest[rows] = picked[np.argmin(cost[np.ix_(rows, picked)], axis=1)]
        chosen.append(picked)
    kept = np.sort(np.concatenate(chosen))
    place = np.searchsorted(kept, nearest).astype(np.int64)
    share = np.zeros(len(kept))
    np.add.at(share, place, weight)
    alone = _select(cost, weight, np.arange(count), 1)
    return Reduction(
        kept=kept,
        weight=share,
        nearest=place,
        distance=float(weight @ cost[np.arange(count), nearest]),
        alone=float(weight @ cost[:, alone[0]]),
    )


def worst_of(shortfall: FloatArray, weight: FloatArray, share: float) -> BoolArray:
    """The paths [N] with the largest ``shortfall`` that make up ``share`` of the weight."""
    order = np.argsort(-shortfall, kind="stable")
    before = np.cumsum(weight[order]) - weight[order]
    worst = np.zeros(len(weight), dtype=np.bool_)
    worst[order[before < share * weight.sum() * (1.0 - 1e-12)]] = True
    return worst


def with_named(
    reduction: Reduction, named: Mapping[str, float]
) -> tuple[FloatArray, tuple[str, ...]]:
    """Weights of the named stresses, then of the kept paths; and the stresses' names, in order.

    Named stresses are kept with the weights given; what they leave is the paths'.

    Raises:
        ValueError: a weight below zero, or weights of more than one in all.
    """
    given = np.array(list(named.values()), dtype=np.float64)
    total = float(given.sum())
    if (given < 0.0).any() or total > 1.0:
        msg = f"weights of named stresses add up to {total:g}; at most 1, none below 0"
        raise ValueError(msg)
    return np.concatenate([given, (1.0 - total) * reduction.weight]), tuple(named)


def before_and_after(amount: FloatArray, weight: FloatArray, reduction: Reduction) -> pd.DataFrame:
    """Mean, standard deviation and mean of the worst twentieth of ``amount`` [N], both sets.

    ``amount`` is what a path brings, total collections say: low is bad.
    """
    sets = {
        "all paths": (amount, weight),
        "kept paths": (amount[reduction.kept], reduction.weight),
    }
    rows = [(name, len(x), *_moments(x, w)) for name, (x, w) in sets.items()]
    return pd.DataFrame(rows, columns=["set", "paths", "mean", "deviation", "worst"])


def _moments(amount: FloatArray, weight: FloatArray) -> tuple[float, float, float]:
    share = weight / weight.sum()
    mean = float(share @ amount)
    order = np.argsort(amount, kind="stable")
    upto = np.minimum(np.cumsum(share[order]), WORST)
    part = np.diff(upto, prepend=0.0)
    return mean, float(np.sqrt(share @ (amount - mean) ** 2)), float(part @ amount[order]) / WORST


def costs(points: FloatArray, order: float = 1.0) -> FloatArray:
    """Cost of moving weight between any two of ``points`` [N, D], shape (N, N)."""
    apart = cdist(points, points, "cityblock")
    if order > 1.0:
        size = np.maximum(np.abs(points).sum(axis=1), 1.0)
        apart *= np.maximum(size[:, None], size[None, :]) ** (order - 1.0)
    return np.asarray(apart)


@compiled
def _select(cost: FloatArray, weight: FloatArray, rows: IntArray, keep: int) -> IntArray:
    """The paths of ``rows`` that fast forward selection takes [keep], in the order of choice.

    Each round takes the path that lowers the cost of all the others most, the first of equals. As a
    path's gain never grows from round to round, only those whose last known gain is above the best
    found are worked out anew: the choice is that of the plain search over N^2 K.
    """
    count = len(rows)
    gain = np.full(count, np.inf)
    nearest = np.full(count, np.inf)
    chosen = np.zeros(keep, dtype=np.int64)
    taken = np.zeros(count, dtype=np.bool_)
    for k in range(keep):
        best, best_gain = -1, -np.inf
        for u in np.argsort(-gain, kind="mergesort"):
            if taken[u] or gain[u] < best_gain:
                continue
            total = 0.0
            for j in range(count):
                there = cost[rows[u], rows[j]]
                if k == 0:
                    total -= weight[rows[j]] * there
                elif there < nearest[j]:
                    total += weight[rows[j]] * (nearest[j] - there)
            # In the first round there is nothing to gain on: what it tells is no bound.
            if k > 0:
                gain[u] = total
            if total > best_gain or (total == best_gain and u < best):
                best, best_gain = u, total
        chosen[k] = rows[best]
        taken[best] = True
        for j in range(count):
            nearest[j] = min(nearest[j], cost[rows[best], rows[j]])
    return chosen
