"""When loans are repaid, what borrowers may still draw, and which closes come before a notice."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta

import numpy as np

from scfcap.cashflow.cohorts import CohortFactors
from scfcap.errors import InputError, Problem
from scfcap.funding.cohort_inputs import Maturing
from scfcap.funding.maturities import repaid_later, repaid_within
from scfcap.periods import PeriodGrid
from scfcap.pool.snapshot import Pool
from scfcap.quantities import FloatArray
from scfcap.schema.model import Model


def maturing(spec: Model, factors: CohortFactors) -> dict[int, Maturing]:
    """When cohorts are repaid in the plan's scenario, by the days of the model's limits."""
    match = spec.plan.tenor_match
    wanted = {x.days for x in spec.plan.maturity_gaps} | ({match.days} if match else set())
    k = factors.scenarios.index(spec.plan.scenario)
    performing, repaid, days = factors.performing[k], factors.repaid[k], factors.grid.days
    closes = range(len(spec.plan.grid(spec.as_of)) + 1)
    return {
        d: Maturing(
            within=np.stack(
                [repaid_within(performing, repaid, days, t, [d])[:, 0] for t in closes], axis=1
            ),
            later=np.stack([repaid_later(performing, repaid, days, t, d) for t in closes], axis=1),
        )
        for d in sorted(wanted)
    }


def undrawn(spec: Model, pool: Pool) -> float:
    """What borrowers may still draw [currency]; zero where the plan holds nothing against it.

    Raises:
        InputError: a limit of a segment that the tape does not have, or a draw rate without any
            limit stated or on the tape.
    """
    plan = spec.plan
    if plan.undrawn_draw_rate <= 0.0:
        return 0.0
    _check_limits(spec, pool.segments)
    if plan.undrawn_limits:
        return float(sum(plan.undrawn_limits.values()))
    if pool.limit_ratio is None:
        raise InputError(
            Problem(
                "model.toml: plan.undrawn_draw_rate",
                f"{plan.undrawn_draw_rate:g}, without limits that may be drawn",
                "plan.undrawn_limits by segment, or a tape with credit_limit of revolving lines",
                "State the limits, or leave the rate out.",
            )
        )
    return float(_room(pool).sum())


def open_limits(spec: Model, pool: Pool, segments: Sequence[str]) -> FloatArray:
    """Borrowers' undrawn limits by segment [S, currency], which a scenario draws on.

    Raises:
        InputError: a limit of a segment that the tape does not have, or no limit at all.
    """
    stated = spec.plan.undrawn_limits
    _check_limits(spec, segments)
    found = np.array([stated.get(name, 0.0) for name in segments])
    if not stated and pool.limit_ratio is not None:
        place = np.array([segments.index(name) for name in pool.segments])
        found = np.bincount(place[pool.segment], _room(pool), minlength=len(segments))
    if not found.any():
        raise InputError(
            Problem(
                f"model.toml: scenarios.{spec.plan.scenario}.shocks",
                'a shock of kind "draw_surge", without limits that may be drawn',
                "plan.undrawn_limits by segment, or a tape with credit_limit of revolving lines",
                "State the limits, or take the shock out.",
            )
        )
    return found


def _room(pool: Pool) -> FloatArray:
    """What each loan's borrower may still draw on its line [currency]."""
    assert pool.limit_ratio is not None
    above = np.maximum(np.nan_to_num(pool.limit_ratio, nan=1.0) - 1.0, 0.0)
    return np.asarray(pool.balance * above)


def _check_limits(spec: Model, segments: Sequence[str]) -> None:
    unknown = sorted(set(spec.plan.undrawn_limits) - set(segments))
    if unknown:
        raise InputError(
            Problem(
                f"model.toml: plan.undrawn_limits.{unknown[0]}",
                f"segment {unknown[0]!r}",
                f"segments of the tape: {', '.join(segments)}",
                "Correct the name.",
            )
        )


def too_soon(grid: PeriodGrid, notice_days: int | None) -> frozenset[int]:
    """Periods that close before a notice given on ``as_of`` has run."""
    notice = timedelta(days=notice_days or 0)
    return frozenset(t for t, end in enumerate(grid.ends, start=1) if end < grid.as_of + notice)
