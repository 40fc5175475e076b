"""Credit curves of all segments in all scenarios, on the axes that the kernel reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from scfcap.errors import InputError, Problem
from scfcap.periods import PeriodGrid
from scfcap.quantities import BoolArray, FloatArray, IntArray
from scfcap.schema.credit import SegmentCredit
from scfcap.schema.scenario import Scenario

#: Intensity that stands for "all at once" (a rate of 1): exp(-it) is 0 even over a day.
AT_ONCE = 1e6


@dataclass(frozen=True)
class CurveSet:
    """Intensities by scenario K, segment S and period T.

    ``default_intensity`` [K, S, T]: where ``lifetime[S]``, the log-hazard over a loan's whole
    term, -ln(1 - lifetime_default); elsewhere a year's, -ln(1 - cdr) [1/year].
    ``prepay_intensity`` [K, S, T]: -ln(1 - cpr) [1/year]. ``stated_default`` and
    ``stated_prepay`` [S] are both without any scenario's multiple. ``severity`` [K, S]: share of a
    defaulted balance that is never recovered. ``recovery_lag`` [S]: periods from default to
    recovery. ``late_share`` [S] of the balances that are repaid at once pays ``late_days`` [S]
    after maturity. A loan ``default_days`` [S] past due has defaulted.
    """

    scenarios: tuple[str, ...]
    segments: tuple[str, ...]
    grid: PeriodGrid
    default_intensity: FloatArray
    prepay_intensity: FloatArray
    stated_default: FloatArray
    stated_prepay: FloatArray
    severity: FloatArray
    recovery_lag: IntArray
    lifetime: BoolArray
    late_share: FloatArray
    late_days: IntArray
    default_days: IntArray


def build_curves(
    segments: Sequence[str],
    credit: Mapping[str, SegmentCredit],
    scenarios: Mapping[str, Scenario],
    grid: PeriodGrid,
) -> CurveSet:
    """Curves of ``segments`` in every scenario over ``grid``.

    A scenario's multiples act on the intensities, so that a stressed rate stays below one, and
    from its ``from_period`` on; what it adds to the severity holds throughout, cut at one.

    Raises:
        InputError: a segment has no curve; names every such segment.
    """
    missing = [name for name in segments if name not in credit]
    if missing:
        raise InputError(
            Problem(
                where=f"model.toml: credit.segments.{name}",
                found=f"no curve for segment {name!r}",
                expected=f"one for each segment of the tape; there are {', '.join(sorted(credit))}",
                action=f"Add a table [credit.segments.{name}], or map the segment to another name "
                "in [tape.values.segment].",
            )
            for name in missing
        )
    behaviour = [credit[name] for name in segments]
    defaults = _intensity([c.cdr if c.cdr is not None else c.lifetime_default for c in behaviour])
    prepays = _intensity([c.cpr for c in behaviour])
    shocks = list(scenarios.values())
    starts = [s.from_period for s in shocks]
    default_multiple = _multiples([s.default_multiple for s in shocks], starts, len(grid))
    prepay_multiple = _multiples([s.prepay_multiple for s in shocks], starts, len(grid))
    severity = np.array([c.severity for c in behaviour], dtype=np.float64)
    added = np.array([s.severity_add for s in shocks], dtype=np.float64)
    return CurveSet(
        scenarios=tuple(scenarios),
        segments=tuple(segments),
        grid=grid,
        default_intensity=defaults[None, :, None] * default_multiple[:, None, :],
        prepay_intensity=prepays[None, :, None] * prepay_multiple[:, None, :],
        stated_default=defaults,
        stated_prepay=prepays,
        severity=np.minimum(severity[None, :] + added[:, None], 1.0),
        recovery_lag=np.array([c.recovery_lag for c in behaviour], dtype=np.int64),
        lifetime=np.array([c.cdr is None for c in behaviour], dtype=np.bool_),
        late_share=np.array([c.late_share for c in behaviour], dtype=np.float64),
        late_days=np.array([c.late_days for c in behaviour], dtype=np.int64),
        default_days=np.array([c.default_days for c in behaviour], dtype=np.int64),
    )


def _intensity(rates: Sequence[float | None]) -> FloatArray:
    """-ln(1 - rate), shape (S,); a rate of one means at once."""
    values = np.array(rates, dtype=np.float64)
    certain = values >= 1.0
    return np.where(certain, AT_ONCE, -np.log1p(-np.where(certain, 0.0, values)))


def _multiples(multiples: Sequence[float], starts: Sequence[int], periods: int) -> FloatArray:
    """Multiple of each scenario in each period [K, T]: 1 before its first period."""
    period = np.arange(1, periods + 1)
    active = period[None, :] >= np.array(starts, dtype=np.int64)[:, None]
    return np.where(active, np.array(multiples, dtype=np.float64)[:, None], 1.0)
