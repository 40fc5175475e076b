"""Monte Carlo paths of a pool's cash, and the few weighted scenarios that stand for them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import pandas as pd

from scfcap.cashflow.project import project
from scfcap.credit.curves import CurveSet
from scfcap.credit.exposure import Exposures
from scfcap.credit.factors import Paths, simulate
from scfcap.credit.reduce import Reduction, before_and_after, reduce_paths, with_named
from scfcap.credit.stress import Stress, together
from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray, IntArray
from scfcap.schema.factors import FactorSpec


@dataclass(frozen=True)
class ScenarioSet:
    """Weighted scenarios: named stresses first, then the paths kept.

    ``curves`` hold all of them over the whole grid, ``weight`` [K] adds up to one. ``paths`` are
    those kept, ``reduction`` says how far they are from all that were drawn; ``summary`` has mean,
    deviation and the mean of the worst twentieth of the pool's total collections [currency] before
    and after.
    """

    curves: CurveSet
    weight: FloatArray
    named: tuple[str, ...]
    paths: Paths
    reduction: Reduction
    summary: pd.DataFrame


@dataclass(frozen=True)
class Stakes:
    """Money of the funding set that a path puts at stake [currency].

    ``lines`` by lender; ``p2p`` the most outstanding; ``debt`` what may be borrowed in all, on
    which rates tell.
    """

    lines: Mapping[str, float]
    p2p: float
    debt: float


@dataclass(frozen=True)
class Draw:
    """What paths are drawn from and how: see :func:`~scfcap.credit.factors.simulate`."""

    spec: FactorSpec
    seed: int
    exposures: Exposures | None = None
    lenders: tuple[str, ...] = ()

    def paths(self, curves: CurveSet, grid: PeriodGrid, numbers: int | IntArray) -> Paths:
        """Paths for the segments of ``curves`` over ``grid``."""
        return simulate(
            self.spec,
            curves.parents,
            curves.stated_default[: len(curves.parents)],
            grid,
            seed=self.seed,
            paths=numbers,
            lenders=self.lenders,
            exposures=self.exposures,
        )


def scenario_set(
    pool: Pool,
    curves: CurveSet,
    draw: Draw,
    stakes: Stakes,
    *,
    keep: int,
    count: int,
    horizon: int,
    named: Mapping[str, float] | None = None,
) -> ScenarioSet:
    """Draw ``count`` paths and keep ``keep`` that stand for them over ``horizon`` periods.

    Paths are compared by what the plan feels (:func:`felt`), the worst tenth apart. ``named`` are
    scenarios of ``curves`` to be kept with the weights given.

    Raises:
        InputError: a named scenario that is not there.
        ValueError: as :func:`~scfcap.credit.reduce.reduce_paths`.
    """
    named = named or {}
    unknown = sorted(set(named) - set(curves.scenarios))
    if unknown:
        there = ", ".join(curves.scenarios)
        raise InputError(Problem("named", ", ".join(unknown), f"scenarios of the model: {there}"))
    grid = curves.grid.extended(horizon)
    drawn = draw.paths(curves, grid, count)
    cash = collections(pool, replace(curves, grid=grid), drawn.stress)
    points = felt(cash, drawn.stress, stakes, grid)
    total = cash.sum(axis=(1, 2))
    reduction = reduce_paths(points, drawn.weight, keep, shortfall=-points.sum(axis=1))
    kept = draw.paths(curves, curves.grid, drawn.number[reduction.kept])
    weight, names = with_named(reduction, named)
    stresses = curves.stress.chosen([curves.scenarios.index(name) for name in names])
    return ScenarioSet(
        curves=curves.under(together([stresses, kept.stress])),
        weight=weight,
        named=names,
        paths=replace(kept, weight=reduction.weight),
        reduction=reduction,
        summary=before_and_after(total, drawn.weight, reduction),
    )


def collections(pool: Pool, curves: CurveSet, stress: Stress) -> FloatArray:
    """What investors are paid of the pool [K, S, T], S its segments; in currency."""
    return project(pool, curves.under(stress)).flows.collections


def felt(cash: FloatArray, stress: Stress, stakes: Stakes, grid: PeriodGrid) -> FloatArray:
    """What the plan feels of each path [K, D], all in currency and high where it is good.

    Collections by segment and period; what is left of each line and of the P2P notes, each period
    by its part of the horizon; the dearer rates on all that may be borrowed.
    """
    part = grid.year_fractions / grid.year_fractions.sum()
    count = len(cash)
    lines = [
        stakes.lines.get(name, 0.0) * part * stress.line[:, h] * stress.line_running[:, h]
        for h, name in enumerate(stress.lenders)
    ]
    notes = stakes.p2p * part * stress.p2p_renewed
    dearer = -stakes.debt * grid.year_fractions * stress.bank_rate
    return np.concatenate([cash.reshape(count, -1), *lines, notes, dearer], axis=1)
