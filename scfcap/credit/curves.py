"""Credit curves of all segments in all scenarios, on the axes that the kernel reads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from scfcap.credit.exposure import Exposures
from scfcap.credit.stress import Stress, compile_scenarios
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
    ``stated_prepay`` [S] are both without any scenario's multiple. ``severity`` [K, S, T]: share of
    what defaults in a period that is never recovered. ``recovery_lag`` [S]: periods from default
    to recovery. ``late_share`` [S] of the balances that are repaid at once pays ``late_days`` [S]
    after maturity. A loan ``default_days`` [S] past due has defaulted.

    ``struck`` [K, S, T]: share of the loans standing at a period's start that the failure of core
    enterprises takes at once, before all other defaults; ``struck_recovery`` [K, S, T] of it comes
    back after ``struck_lag`` [K, S, T] periods. ``stress`` is what the scenarios were compiled to.
    """

    scenarios: tuple[str, ...]
    segments: tuple[str, ...]
    grid: PeriodGrid
    default_intensity: FloatArray
    prepay_intensity: FloatArray
    stated_default: FloatArray
    stated_prepay: FloatArray
    stated_severity: FloatArray
    severity: FloatArray
    recovery_lag: IntArray
    struck: FloatArray
    struck_recovery: FloatArray
    struck_lag: IntArray
    stress: Stress
    lifetime: BoolArray
    late_share: FloatArray
    late_days: IntArray
    default_days: IntArray

    def under(self, stress: Stress) -> CurveSet:
        """The same segments' stated behaviour in the scenarios of ``stress``.

        Multiples act on the intensities, so that a stressed rate stays below one; the severity
        and what is added to it are cut at one. ``stress`` has the segments and periods of this.
        """
        severity = np.minimum(self.stated_severity[None, :, None] + stress.severity_add, 1.0)
        hit = stress.infected + stress.unpaid
        recovered = stress.infected * (1.0 - severity) + stress.unpaid * stress.unpaid_recovery
        lag = np.where(stress.infected > 0.0, self.recovery_lag[None, :, None], 0)
        return replace(
            self,
            scenarios=stress.scenarios,
            default_intensity=self.stated_default[None, :, None] * stress.default_multiple,
            prepay_intensity=self.stated_prepay[None, :, None] * stress.prepay_multiple,
            severity=severity,
            struck=1.0 - (1.0 - stress.infected) * (1.0 - stress.unpaid),
            struck_recovery=recovered / np.where(hit > 0.0, hit, 1.0),
            struck_lag=np.maximum(lag, stress.unpaid_lag),
            stress=stress,
        )


def build_curves(
    segments: Sequence[str],
    credit: Mapping[str, SegmentCredit],
    scenarios: Mapping[str, Scenario],
    grid: PeriodGrid,
    *,
    lenders: Sequence[str] = (),
    exposures: Exposures | None = None,
) -> CurveSet:
    """Curves of ``segments`` in every scenario over ``grid``; see :meth:`CurveSet.under`.

    ``lenders`` and ``exposures`` to core enterprises are needed where a scenario names them.

    Raises:
        InputError: a segment has no curve (names every such segment), or a scenario names what
            is not there.
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
    stress = compile_scenarios(scenarios, segments, grid, lenders=lenders, exposures=exposures)
    behaviour = [credit[name] for name in segments]
    unset = np.zeros((0, len(segments), len(grid)))
    return CurveSet(
        scenarios=(),
        segments=tuple(segments),
        grid=grid,
        default_intensity=unset,
        prepay_intensity=unset,
        stated_default=_intensity(
            [c.cdr if c.cdr is not None else c.lifetime_default for c in behaviour]
        ),
        stated_prepay=_intensity([c.cpr for c in behaviour]),
        stated_severity=np.array([c.severity for c in behaviour], dtype=np.float64),
        severity=unset,
        recovery_lag=np.array([c.recovery_lag for c in behaviour], dtype=np.int64),
        struck=unset,
        struck_recovery=unset,
        struck_lag=unset.astype(np.int64),
        stress=stress,
        lifetime=np.array([c.cdr is None for c in behaviour], dtype=np.bool_),
        late_share=np.array([c.late_share for c in behaviour], dtype=np.float64),
        late_days=np.array([c.late_days for c in behaviour], dtype=np.int64),
        default_days=np.array([c.default_days for c in behaviour], dtype=np.int64),
    ).under(stress)


def _intensity(rates: Sequence[float | None]) -> FloatArray:
    """-ln(1 - rate), shape (S,); a rate of one means at once."""
    values = np.array(rates, dtype=np.float64)
    certain = values >= 1.0
    return np.where(certain, AT_ONCE, -np.log1p(-np.where(certain, 0.0, values)))
